package nipops

// Sets of drivers: which driver carries out the actions of which role.

import "encoding/json"

// Drivers binds drivers to roles ("target", "router", "metrics", "check", ...). A set serves one operation at a time;
// while one is under way no binding can be changed (ErrBusy). Any goroutine may call it.
type Drivers struct {
	object
	c       pointer
	context *Context
	user    *Operation // under way with this set. Guarded by the object's lock
}

// NewDrivers makes an empty set. That is enough wherever built-in drivers do: Observe and Drive open what the document,
// release record or plan at hand names for roles that are not bound, and add it to the set.
func (nip *Context) NewDrivers() (*Drivers, error) {
	if err := nip.begin(); err != nil {
		return nil, err
	}
	defer nip.drop()
	c, err := cDriversNew()
	if err != nil {
		return nil, err
	}
	drivers := &Drivers{c: c, context: nip}
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

// Bind lets driver carry out the actions of role, replacing an earlier binding. A driver may be bound to several roles
// and in several sets; it is then called by all of them at once.
func (d *Drivers) Bind(role string, driver Driver) error {
	if driver == nil {
		return missingError("driver")
	}
	if err := d.begin(); err != nil {
		return err
	}
	defer d.leave()
	host, err := newHostDriver(driver)
	if err != nil {
		return err
	}
	c, err := cDriverNew(host)
	if err != nil {
		return err
	}
	defer cDriverFree(c)
	return cDriversBind(d.c, role, c)
}

// BindBuiltIn opens a built-in driver ("local", "command", "haproxy", "nginx", "prometheus", "check", "person", "sim") and binds it to the roles.
// config is its settings as JSON, what a document says under target:, router:, metrics:; nil gives the defaults.
// ErrNotFound (no such driver), ErrDocument (settings).
func (d *Drivers) BindBuiltIn(kind string, config json.RawMessage, roles ...string) error {
	if err := d.begin(); err != nil {
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
	}
	return nil
}

// Open opens and binds what the "drivers" part of a plan, release record or document names,
// {"target":{"driver":"local",...},...}, except for roles that are bound already.
func (d *Drivers) Open(settings json.RawMessage) error {
	if err := d.begin(); err != nil {
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
