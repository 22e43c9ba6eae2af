package nipops

// Observing and checking in one call each.

import (
	"context"
	"encoding/json"
)

// Observe asks the drivers how things stand, as the rollout document says, and gives the observed state that planners
// take. When ctx ends first, the error is both ErrCancelled and ctx's own.
func (nip *Context) Observe(ctx context.Context, document *Document, drivers *Drivers) (json.RawMessage, error) {
	return finish(ctx)(nip.StartObserve(document, drivers))
}

// ObserveRelease is Observe for the app of a release record.
func (nip *Context) ObserveRelease(ctx context.Context, release json.RawMessage,
	drivers *Drivers) (json.RawMessage, error) {
	return finish(ctx)(nip.StartObserveRelease(release, drivers))
}

// Rollout does a whole rollout, as StartRollout says, and gives what came out of its run.
func (nip *Context) Rollout(ctx context.Context, document *Document, store *Store, drivers *Drivers,
	who string) (Result, error) {
	return decodeResult(finish(ctx)(nip.StartRollout(document, store, drivers, who)))
}

// HealthCheck waits until every target of a health document is healthy, or until the document's timeout. Unhealthy
// targets are an answer, not an error.
func (nip *Context) HealthCheck(ctx context.Context, document *Document) (HealthReport, error) {
	op, err := nip.StartHealthCheck(document)
	if err != nil {
		return HealthReport{}, err
	}
	defer op.Close()
	if err := op.Wait(ctx); err != nil {
		return HealthReport{}, err
	}
	return op.HealthResult()
}

// finish drives an operation to its end, takes its result and closes it.
func finish(ctx context.Context) func(op *Operation, err error) (json.RawMessage, error) {
	return func(op *Operation, err error) (json.RawMessage, error) {
		if err != nil {
			return nil, err
		}
		defer op.Close()
		if err := op.Wait(ctx); err != nil {
			return nil, err
		}
		return op.Result()
	}
}
