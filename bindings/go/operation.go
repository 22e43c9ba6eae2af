package nipops

// Operations: whatever waits.

import (
	"encoding/json"
	"sync"
)

// Operation is something under way: a run that is driven, an observation, a health check. Wait drives it to its end;
// or, to see its events:
//
//	for op.Next(ctx) {
//		event := op.Event()
//	}
//	err := op.Err()
//
// While it waits it holds neither an OS thread nor a lock. When ctx ends, the operation is cancelled and over: a run is
// left as it is, resumable, before the call returns, and the error is both ErrCancelled and ctx's own. Any goroutine
// may call it; Next and Wait take turns.
type Operation struct {
	object
	c       pointer
	context *Context
	drivers *Drivers // nil for a health check
	waiter  *waiter
	turn    chan struct{} // holds one token: who takes it drives

	clockFailure error // of the host's clock during a step. Guarded by the object's lock

	cancelling sync.Mutex
	freed      bool // guarded by cancelling

	fields  sync.Mutex // guards the rest
	event   Record
	failure error
}

// Drive begins to carry out the run: hands out its actions, waits, reports outcomes, polls for requests, renews the
// lease. What the plan's drivers name and the set lacks is opened and added, so that a new set is enough; what that can
// say, this says. ErrBusy (the run or the drivers are in use by another operation), ErrState (a role of the plan is
// bound to no driver; or actions of this run are out: close it and resume it), ErrClosed.
func (r *Run) Drive(drivers *Drivers) (*Operation, error) {
	if r == nil || r.c == nil {
		return nil, missingError("run")
	}
	return r.store.context.operate(drivers, present(&r.object), nil, func(ctx pointer) (pointer, error) {
		return cOpRunPlan(ctx, r.c, drivers.c)
	})
}

// StartRollout begins a whole rollout: observe, plan, run the plan. The result is that of the run that it made
// (RunResult). What it does while another run of the app is not over says the document's when_busy:
//
//	refuse     (default) ErrHeld while somebody drives that run, ErrState while nobody does
//	queue      waits until that run is over; of several that wait the newest comes next, the others give way: ErrState
//	supersede  asks that run to abort, waits until it is back (drives it back itself while nobody does), then goes on
//	restart    the same, for a run of the very same version
//
// A run that is broken is no turn for those that wait: ErrState. ErrTimeout after a week. who is the person or program
// that waits, and that asks the other run to abort. Events are the app's journal from here on, records of a run that is
// waited for included.
func (nip *Context) StartRollout(document *Document, store *Store, drivers *Drivers, who string) (*Operation, error) {
	if document == nil || document.c == nil {
		return nil, missingError("document")
	}
	if store == nil || store.c == nil {
		return nil, missingError("store")
	}
	if store.context != nip {
		return nil, newError(ErrInvalid, "store and operation must belong to the same context")
	}
	return nip.operate(drivers, present(&document.object, &store.object), nil, func(ctx pointer) (pointer, error) {
		return cOpRollout(ctx, document.c, store.c, drivers.c, who)
	})
}

// StartObserve begins to ask the drivers how things stand, as the rollout document says. The result is the observed
// state that planners take. ErrBusy, ErrDocument.
func (nip *Context) StartObserve(document *Document, drivers *Drivers) (*Operation, error) {
	if document == nil || document.c == nil {
		return nil, missingError("document")
	}
	return nip.operate(drivers, nil, &document.object, func(ctx pointer) (pointer, error) {
		return cOpObserve(ctx, document.c, nil, drivers.c)
	})
}

// StartObserveRelease is StartObserve for the app of a release record, whose own document says what to ask. ErrState
// when release is null.
func (nip *Context) StartObserveRelease(release json.RawMessage, drivers *Drivers) (*Operation, error) {
	return nip.operate(drivers, nil, nil, func(ctx pointer) (pointer, error) {
		return cOpObserve(ctx, nil, release, drivers.c)
	})
}

// StartHealthCheck begins to wait until every target of a health document is healthy, or until the document's timeout.
//
// With "watch: true" it goes on until it is cancelled: each change of a target is an event, whose payload says target,
// from, to and failure, and Status is a picture of all, the worst first. There is no result.
func (nip *Context) StartHealthCheck(document *Document) (*Operation, error) {
	if err := nip.begin(); err != nil {
		return nil, err
	}
	defer nip.drop()
	if err := document.begin(); err != nil {
		return nil, err
	}
	defer document.leave()
	c, err := cHealthCheck(nip.c, document.c)
	if err != nil {
		return nil, err
	}
	return nip.newOperation(c, nil, nil)
}

// operate makes an operation that uses drivers. It keeps what it borrows, and reads the document when there is one.
func (nip *Context) operate(drivers *Drivers, kept []*object, document *object,
	begin func(ctx pointer) (pointer, error)) (*Operation, error) {
	if err := nip.begin(); err != nil {
		return nil, err
	}
	defer nip.drop()
	if drivers == nil || drivers.c == nil {
		return nil, missingError("set of drivers")
	}
	if drivers.context != nip {
		return nil, newError(ErrInvalid, "drivers and operation must belong to the same context")
	}
	borrowed := append(present(&drivers.object), kept...)
	leave, err := enterAll(append(borrowed, present(document)...)...)
	if err != nil {
		return nil, err
	}
	defer leave()
	if drivers.user != nil {
		return nil, newError(ErrBusy,
			"another operation is under way with this set of drivers: wait until it is over, or make a set for each")
	}
	c, err := begin(nip.c)
	if err != nil {
		return nil, err
	}
	return nip.newOperation(c, drivers, borrowed)
}

// present leaves out what is nil.
func present(objects ...*object) []*object {
	var found []*object
	for _, o := range objects {
		if o != nil {
			found = append(found, o)
		}
	}
	return found
}

// newOperation takes c over. The caller is inside what it borrows.
func (nip *Context) newOperation(c pointer, drivers *Drivers, borrowed []*object) (*Operation, error) {
	waiter, err := newWaiter(cOpFD(c))
	if err != nil {
		cOpFree(c)
		return nil, err
	}
	op := &Operation{c: c, context: nip, drivers: drivers, waiter: waiter, turn: make(chan struct{}, 1)}
	op.turn <- struct{}{}
	op.init("operation", op.free, borrowed...)
	op.keep(&nip.object)
	if drivers != nil {
		drivers.user = op
	}
	return op, nil
}

// free ends the operation in the library. Nobody is inside, and all that it borrows is locked.
func (op *Operation) free() {
	op.cancelling.Lock()
	op.freed = true
	op.cancelling.Unlock()
	op.release()
	cOpFree(op.c)
	op.waiter.close()
}

// release lets another operation have the drivers, since this one is over. The caller has the lock.
func (op *Operation) release() {
	if op.drivers != nil && op.drivers.user == op {
		op.drivers.user = nil
	}
}

// Event is the event that Next found: a record of the run's journal; of a watch, a change.
func (op *Operation) Event() Record {
	if op == nil {
		return Record{}
	}
	op.fields.Lock()
	defer op.fields.Unlock()
	return op.event
}

// Err is why Next returned false; nil at the end. A rollout that was taken back is no error. When a context ended the
// operation, its text says why, as context.Cause does (Go 1.20 or newer; before, as the context's own error).
func (op *Operation) Err() error {
	if op == nil {
		return missingError("operation")
	}
	return op.failed()
}

// Status is progress that is in no journal, as JSON; of a run, what Run.Status tells.
func (op *Operation) Status() (json.RawMessage, error) {
	return op.ask(cOpStatus)
}

// Result is what came out, as JSON: of an observation the observed state. ErrState before the end.
func (op *Operation) Result() (json.RawMessage, error) {
	return op.ask(cOpResult)
}

// RunResult is what came out of a run. ErrState before the end.
func (op *Operation) RunResult() (Result, error) {
	return decodeResult(op.Result())
}

// HealthResult is what came out of a health check. ErrState before the end.
func (op *Operation) HealthResult() (HealthReport, error) {
	var report HealthReport
	text, err := op.Result()
	if err == nil {
		err = decode(text, &report)
		report.Raw = text
	}
	return report, err
}

func (op *Operation) ask(crossing func(op pointer) (json.RawMessage, error)) (json.RawMessage, error) {
	if op == nil || op.c == nil {
		return nil, missingError("operation")
	}
	if err := op.enter(); err != nil {
		return nil, err
	}
	defer op.leave()
	return crossing(op.c)
}

// Cancel asks the operation to stop soon; a run stays resumable. Any goroutine, at any time.
func (op *Operation) Cancel() {
	if op == nil || op.c == nil {
		return
	}
	op.cancelling.Lock()
	defer op.cancelling.Unlock()
	if !op.freed {
		cOpCancel(op.c)
	}
}

// Close ends the operation; a run under way stays resumable. A goroutine inside Next or Wait is cancelled and waited
// for. Further calls do nothing.
func (op *Operation) Close() error {
	if op == nil || op.c == nil || op.hold() != nil {
		return nil
	}
	op.Cancel()
	<-op.turn
	op.turn <- struct{}{}
	op.close()
	op.drop()
	return nil
}
