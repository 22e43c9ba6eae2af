package nipops

// Sets of drivers: which driver carries out the actions of which role.

import (
	"encoding/json"
	"sync"
)

// Drivers binds drivers to roles ("target", "router", "metrics", "check", ...). A set serves one operation at a time; while one is under way
// no binding can be changed (ErrBusy). Any goroutine may call it.
type Drivers struct {
	object
	c       pointer
	context *Context
	user    *Operation // under way with this set. Guarded by the object's lock

	mutex   sync.Mutex             // guards the rest
	hosts   map[string]*hostDriver // by role
	changed chan struct{}          // closed and replaced when a host's driver has an outcome
}

// NewDrivers makes an empty set. Roles that a document, plan or release record names and that are not bound are opened from there.
func (nip *Context) NewDrivers() (*Drivers, error) {
	if err := nip.begin(); err != nil {
		return nil, err
	}
	defer nip.drop()
	c, err := cDriversNew()
	if err != nil {
		return nil, err
	}
	drivers := &Drivers{c: c, context: nip, hosts: map[string]*hostDriver{}, changed: make(chan struct{})}
	drivers.init("set of drivers", func() { cDriversFree(c) })
	drivers.keep(&nip.object)
	return drivers, nil
}

func (d *Drivers) begin() error {
	if d == nil || d.c == nil {
		return missingError("set of drivers")
	}
	return d.enter()
}

// beginChange is begin for calls that change bindings.
func (d *Drivers) beginChange() error {
	if err := d.begin(); err != nil {
		return err
	}
	if d.user != nil {
		d.leave()
		return newError(ErrBusy, "an operation is under way with this set of drivers: bind before it begins, or after it is over")
	}
	return nil
}

// Bind lets driver carry out the actions of role, replacing an earlier binding. A driver may be bound to several roles and in several sets; it
// is then called by all of them at once.
func (d *Drivers) Bind(role string, driver Driver) error {
	if driver == nil {
		return missingError("driver")
	}
	if err := d.beginChange(); err != nil {
		return err
	}
	defer d.leave()
	host, err := newHostDriver(driver, d.context.isVirtual, d.signal)
	if err != nil {
		return err
	}
	c, err := cDriverNew(host)
	if err != nil {
		return err
	}
	defer cDriverFree(c)
	if err := cDriversBind(d.c, role, c); err != nil {
		return err
	}
	d.setHost(role, host)
	return nil
}

// BindBuiltIn opens a built-in driver ("local", "haproxy", "prometheus", "check", "sim") and binds it to the roles. config is its settings as
// JSON, what a document says under target:, router:, metrics:; nil gives the defaults. ErrNotFound (no such driver), ErrDocument (settings).
func (d *Drivers) BindBuiltIn(kind string, config json.RawMessage, roles ...string) error {
	if err := d.beginChange(); err != nil {
		return err
	}
	defer d.leave()
	c, err := cDriverOpen(d.context.c, kind, config)
	if err != nil {
		return err
	}
	defer cDriverFree(c)
	for _, role := range roles {
		if err := cDriversBind(d.c, role, c); err != nil {
			return err
		}
		d.setHost(role, nil)
	}
	return nil
}

// Open opens and binds what the "drivers" part of a plan, release record or document names, {"target":{"driver":"local",...},...}, except for
// roles that are bound already.
func (d *Drivers) Open(settings json.RawMessage) error {
	if err := d.beginChange(); err != nil {
		return err
	}
	defer d.leave()
	return cDriversOpen(d.c, d.context.c, settings)
}

// Close gives the set up; an operation under way keeps it. Further calls do nothing.
func (d *Drivers) Close() error {
	if d != nil && d.c != nil {
		d.close()
	}
	return nil
}

// setHost notes who is bound to a role; nil: a built-in driver.
func (d *Drivers) setHost(role string, host *hostDriver) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	delete(d.hosts, role)
	if host != nil {
		d.hosts[role] = host
	}
}

func (d *Drivers) allHosts() []*hostDriver {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	hosts := make([]*hostDriver, 0, len(d.hosts))
	for _, host := range d.hosts {
		hosts = append(hosts, host)
	}
	return hosts
}

// signal tells those who wait in awaitHosts.
func (d *Drivers) signal() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *Drivers) nextChange() <-chan struct{} {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.changed
}

// hostsWork is true while drivers of the host are at work and none has an outcome. A virtual clock stands still meanwhile.
func (d *Drivers) hostsWork() bool {
	working := false
	for _, host := range d.allHosts() {
		pending, finished := host.counts()
		if finished > 0 {
			return false
		}
		working = working || pending > 0
	}
	return working
}

// awaitHosts waits until a driver of the host has an outcome, or until stop is closed.
func (d *Drivers) awaitHosts(stop <-chan struct{}) {
	for {
		changed := d.nextChange()
		if !d.hostsWork() {
			return
		}
		select {
		case <-changed:
		case <-stop:
			return
		}
	}
}

// postOutcomes hands finished outcomes to the library. The caller has the set's lock.
func (d *Drivers) postOutcomes() {
	for _, host := range d.allHosts() {
		host.post()
	}
}
