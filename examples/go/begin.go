package main

// How a rollout begins: a document is checked, the world looked at, a plan made, and a run of it started.

import (
	"context"
	"errors"
	"fmt"
	"time"

	nipops "github.com/libnipops/libnipops/bindings/go"
)

// observeTime is how long a look at the world may take before a rollout is planned.
const observeTime = 30 * time.Second

// conflict is why a rollout cannot begin: another one of the same app is not over.
type conflict struct {
	run string
}

func (c conflict) Error() string {
	return fmt.Sprintf("run %s is under way: wait for its end, or abort it", c.run)
}

// notPlannable is why a good document gives no plan: there is nothing to do, or the app stands so that no plan may
// start from there.
type notPlannable struct {
	error
}

// badRequest is what is wrong with a request, beside what the library finds.
type badRequest string

func (b badRequest) Error() string {
	return string(b)
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
	if kind := document.Kind(); kind != "rollout" {
		return nil, badRequest(fmt.Sprintf("a rollout document is needed, found a document of the kind %q", kind))
	}
	app := document.Subject()
	if err := r.refuseSecond(app); err != nil {
		return nil, err
	}
	plan, err := r.plan(ctx, app, document, drivers)
	if err != nil {
		return nil, err
	}
	defer plan.Close()
	if err := drivers.Open(plan.Drivers()); err != nil { // what cannot be opened is told before the run begins
		return nil, err
	}
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

func (r *rollouts) plan(ctx context.Context, app string, document *nipops.Document,
	drivers *nipops.Drivers) (*nipops.Plan, error) {
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
