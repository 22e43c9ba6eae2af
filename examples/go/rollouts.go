package main

// Rollouts under way: driven by a goroutine each, and left when the service ends.

import (
	"context"
	"log"
	"sync"

	nipops "github.com/libnipops/libnipops/bindings/go"
)

// rollouts are all runs of one store. Any goroutine may use it.
type rollouts struct {
	life  context.Context // a run ends with it, not with the request that began the run
	leave context.CancelFunc
	nip   *nipops.Context
	store *nipops.Store
	log   *log.Logger
	bell  bell // rung at every event

	driving sync.WaitGroup
	mutex   sync.Mutex                 // guards the rest
	drivers map[string]*nipops.Drivers // by app, those of its latest run; a simulated world lives as long as they do
	closed  bool
}

// openRollouts opens the journals in a file, which is made when it is missing. When life ends, all runs are left.
func openRollouts(life context.Context, journal string, log *log.Logger) (*rollouts, error) {
	nip, err := nipops.New(nipops.WithStateDir(journal + ".d"))
	if err != nil {
		return nil, err
	}
	store, err := nip.OpenStore("sqlite:" + journal)
	if err != nil {
		nip.Close()
		return nil, err
	}
	life, leave := context.WithCancel(life)
	drivers := map[string]*nipops.Drivers{}
	return &rollouts{life: life, leave: leave, nip: nip, store: store, log: log, drivers: drivers}, nil
}

// close leaves all runs, resumable, and closes the journals. It takes moments.
func (r *rollouts) close() {
	r.mutex.Lock()
	r.closed = true
	r.mutex.Unlock()
	r.leave()
	r.driving.Wait()
	for _, drivers := range r.drivers {
		drivers.Close()
	}
	r.store.Close()
	r.nip.Close()
}

// drive carries out a run in a goroutine of its own. It takes over the run and its drivers.
func (r *rollouts) drive(run *nipops.Run, drivers *nipops.Drivers) {
	if !r.admit(run.Subject(), drivers) {
		run.Close()
		drivers.Close()
		return
	}
	go func() {
		defer r.driving.Done()
		defer run.Close()
		if err := r.follow(run, drivers); err != nil {
			r.log.Printf("%s is left: %v", run.ID(), err)
			return
		}
		r.log.Printf("%s is over: %s", run.ID(), run.Outcome())
	}()
}

// admit counts one more run, unless the service is about to end, and keeps its drivers until the app's next run.
func (r *rollouts) admit(app string, drivers *nipops.Drivers) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.closed {
		return false
	}
	r.driving.Add(1)
	if before := r.drivers[app]; before != nil {
		before.Close()
	}
	r.drivers[app] = drivers
	return true
}

// follow drives the run to its end, or until the service ends. A run that was taken back is no error.
func (r *rollouts) follow(run *nipops.Run, drivers *nipops.Drivers) error {
	operation, err := run.Drive(drivers)
	if err != nil {
		return err
	}
	defer operation.Close()
	for operation.Next(r.life) {
		r.bell.ring()
	}
	return operation.Err()
}
