package main

// Rollouts: begun, taken up again, driven by a goroutine each, and left when the service ends.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

	nipops "github.com/libnipops/libnipops/bindings/go"
)

// observeTime is how long a look at the world may take before a rollout is planned.
const observeTime = 30 * time.Second

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

// conflict is why a rollout cannot begin: another one of the same app is not over.
type conflict struct {
	run string
}

func (c conflict) Error() string {
	return fmt.Sprintf("run %s is under way: wait for its end, or abort it", c.run)
}

// notPlannable is why a good document gives no plan: there is nothing to do, or the app stands so that no plan may start from there.
type notPlannable struct {
	error
}

// badRequest is what is wrong with a request, beside what the library finds.
type badRequest string

func (b badRequest) Error() string {
	return string(b)
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
	return &rollouts{life: life, leave: leave, nip: nip, store: store, log: log, drivers: map[string]*nipops.Drivers{}}, nil
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

// start plans the rollout of a document and begins it. It returns the run's id.
func (r *rollouts) start(ctx context.Context, text []byte) (id string, err error) {
	document, err := nipops.ParseDocument(text, "rollout")
	if err != nil {
		return "", err
	}
	defer document.Close()
	if err := document.Check(); err != nil {
		return "", err
	}
	drivers, err := r.nip.NewDrivers()
	if err != nil {
		return "", err
	}
	run, err := r.begin(ctx, document, drivers)
	if err != nil {
		drivers.Close()
		return "", err
	}
	r.drive(run, drivers)
	return run.ID(), nil
}

func (r *rollouts) begin(ctx context.Context, document *nipops.Document, drivers *nipops.Drivers) (*nipops.Run, error) {
	app, err := appOf(document)
	if err != nil {
		return nil, err
	}
	if err := r.refuseSecond(app); err != nil {
		return nil, err
	}
	plan, err := r.plan(ctx, app, document, drivers)
	if err != nil {
		return nil, err
	}
	defer plan.Close()
	run, err := r.store.Start(plan, r.nip.Now())
	if errors.Is(err, nipops.ErrState) || errors.Is(err, nipops.ErrHeld) { // somebody was faster
		if second := r.refuseSecond(app); second != nil {
			err = second
		}
	}
	return run, err
}

// refuseSecond is a conflict when the app's latest run is not over.
func (r *rollouts) refuseSecond(app string) error {
	latest, err := r.store.OpenRun(app)
	if errors.Is(err, nipops.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer latest.Close()
	if latest.Outcome() == "" {
		return conflict{run: latest.ID()}
	}
	return nil
}

func (r *rollouts) plan(ctx context.Context, app string, document *nipops.Document, drivers *nipops.Drivers) (*nipops.Plan, error) {
	ctx, cancel := context.WithTimeout(ctx, observeTime)
	defer cancel()
	observed, err := r.nip.Observe(ctx, document, drivers)
	if err != nil {
		return nil, err
	}
	release, err := r.store.Release(app)
	if err != nil {
		return nil, err
	}
	plan, err := nipops.PlanRollout(document, release, observed)
	if errors.Is(err, nipops.ErrState) {
		return nil, notPlannable{err}
	}
	return plan, err
}

// appOf is the app that a rollout document names.
func appOf(document *nipops.Document) (string, error) {
	if kind := document.Kind(); kind != "rollout" {
		return "", badRequest(fmt.Sprintf("a rollout document is needed, found a document of the kind %q", kind))
	}
	text, err := document.JSON()
	if err != nil {
		return "", err
	}
	var read struct{ Rollout struct{ App string } }
	err = json.Unmarshal(text, &read)
	return read.Rollout.App, err
}

// takeUpAll goes on with all runs that are not over: after a SIGTERM, a kill -9, a reboot.
func (r *rollouts) takeUpAll() error {
	runs, err := r.store.Runs("")
	if err != nil {
		return err
	}
	for _, run := range runs {
		if run.Ended.IsZero() {
			r.takeUp(run.Run)
		}
	}
	return nil
}

// takeUp goes on with one run, unless somebody else drives it.
func (r *rollouts) takeUp(id string) {
	run, err := r.store.Resume(id, r.nip.Now())
	if err != nil {
		r.log.Printf("%s is not taken up: %v", id, err)
		return
	}
	drivers, err := r.nip.NewDrivers()
	if err != nil {
		run.Close()
		r.log.Printf("%s is not taken up: %v", id, err)
		return
	}
	r.drive(run, drivers)
}

// request passes on what a person asks of a run, and takes the run up when nobody drives it.
func (r *rollouts) request(id string, kind nipops.RequestKind, who, why string) (nipops.Receipt, error) {
	receipt, err := r.store.Request(id, kind, who, why, r.nip.Now())
	if err != nil {
		return receipt, err
	}
	if !receipt.Driven {
		r.takeUp(receipt.Run)
	}
	r.bell.ring()
	return receipt, nil
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
