package nipops

// Operations: whatever waits.

import (
	"context"
	"encoding/json"
	"sync"
	"time"
)

// Operation is something under way: a run that is driven, an observation, a health check. Wait drives it to its end; or, to see its events:
//
//	for op.Next(ctx) {
//		event := op.Event()
//	}
//	err := op.Err()
//
// While it waits it holds neither an OS thread nor a lock. When ctx ends, the operation is cancelled and over: a run is left as it is,
// resumable, before the call returns, and the error is both ErrCancelled and ctx's own. Any goroutine may call it; Next and Wait take turns.
type Operation struct {
	object
	c       pointer
	context *Context
	drivers *Drivers // nil for a health check
	waiter  *waiter
	turn    chan struct{} // holds one token: who takes it drives

	cancelling sync.Mutex
	cancelled  chan struct{} // closed by Cancel
	freed      bool          // guarded by cancelling

	fields  sync.Mutex // guards the rest
	event   Record
	failure error
	over    bool
}

// Drive begins to carry out the run with the drivers: hands out its actions, waits, reports outcomes, polls for requests, renews the lease.
// ErrBusy (the drivers are in use by another operation), ErrState (actions of this run are out: close it and resume it), ErrClosed.
func (r *Run) Drive(drivers *Drivers) (*Operation, error) {
	if r == nil || r.c == nil {
		return nil, missingError("run")
	}
	return r.store.context.operate(drivers, &r.object, func(ctx pointer) (pointer, error) {
		return cOpRunPlan(ctx, r.c, drivers.c)
	})
}

// StartObserve begins to ask the drivers how things stand, as the rollout document says. The result is the observed state that planners take.
// ErrBusy, ErrDocument.
func (nip *Context) StartObserve(document *Document, drivers *Drivers) (*Operation, error) {
	if err := document.begin(); err != nil {
		return nil, err
	}
	defer document.leave()
	return nip.operate(drivers, nil, func(ctx pointer) (pointer, error) {
		return cOpObserve(ctx, document.c, nil, drivers.c)
	})
}

// StartObserveRelease is StartObserve for the app of a release record, whose own document says what to ask. ErrState when release is null.
func (nip *Context) StartObserveRelease(release json.RawMessage, drivers *Drivers) (*Operation, error) {
	return nip.operate(drivers, nil, func(ctx pointer) (pointer, error) {
		return cOpObserve(ctx, nil, release, drivers.c)
	})
}

// StartHealthCheck begins to wait until every target of a health document is healthy, or until the document's timeout.
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

// operate makes an operation that uses drivers, and borrows the run when there is one.
func (nip *Context) operate(drivers *Drivers, run *object, begin func(ctx pointer) (pointer, error)) (*Operation, error) {
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
	used := []*object{&drivers.object}
	if run != nil {
		used = append(used, run)
	}
	leave, err := enterAll(used...)
	if err != nil {
		return nil, err
	}
	defer leave()
	if drivers.user != nil {
		return nil, newError(ErrBusy, "another operation is under way with this set of drivers: wait until it is over, or make a set for each")
	}
	c, err := begin(nip.c)
	if err != nil {
		return nil, err
	}
	return nip.newOperation(c, drivers, used)
}

// newOperation takes c over. The caller is inside what it borrows.
func (nip *Context) newOperation(c pointer, drivers *Drivers, borrowed []*object) (*Operation, error) {
	waiter, err := newWaiter(cOpFD(c))
	if err != nil {
		cOpFree(c)
		return nil, err
	}
	op := &Operation{c: c, context: nip, drivers: drivers, waiter: waiter, turn: make(chan struct{}, 1), cancelled: make(chan struct{})}
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

// release lets another operation have the drivers. The caller has the lock.
func (op *Operation) release() {
	if op.drivers != nil && op.drivers.user == op {
		op.drivers.user = nil
	}
}

// ---- driving ----

// Next goes on to the next event. It returns false at the end, after a failure, or when ctx ended; Err tells which. Events that came before a
// failure are given first.
func (op *Operation) Next(ctx context.Context) bool {
	found := false
	err := op.driving(ctx, func() error {
		what, event, err := op.drive(ctx, cOpAdvance)
		if what != opEvent || err != nil {
			return err
		}
		found = true
		return op.keepEvent(event)
	})
	if err != nil {
		op.fail(err)
		return false
	}
	return found
}

// Wait drives the operation to its end. Its events can be read by Next afterwards.
func (op *Operation) Wait(ctx context.Context) error {
	err := op.driving(ctx, func() error {
		_, _, err := op.drive(ctx, cOpStep)
		return err
	})
	if err != nil {
		op.fail(err)
	}
	return err
}

// driving runs body while no other goroutine drives.
func (op *Operation) driving(ctx context.Context, body func() error) error {
	if op == nil || op.c == nil {
		return missingError("operation")
	}
	if ctx == nil {
		return missingError("context.Context")
	}
	if err := op.hold(); err != nil {
		return err
	}
	defer op.drop()
	select {
	case <-op.turn:
	case <-ctx.Done(): // cancels the operation, whoever drives it now
		op.Cancel()
		<-op.turn
	}
	defer func() { op.turn <- struct{}{} }()
	return body()
}

// crossing is one of cOpAdvance and cOpStep.
type crossing func(op pointer) (what int, event []byte, err error)

// drive steps and waits in turn until there is an event, the end, or a failure. The goroutine that watches ctx has ended before it returns.
func (op *Operation) drive(ctx context.Context, cross crossing) (what int, event []byte, err error) {
	var watch *watch
	defer func() { watch.stop() }()
	for {
		if ctx.Err() != nil {
			op.Cancel()
		}
		now := cross
		if op.heldByHosts() {
			now = cOpReadyEvent
		}
		what, event, err = op.step(now)
		if err != nil || what != opMore {
			return what, event, interruptedBy(ctx, err)
		}
		if watch == nil {
			watch = watchContext(ctx, op.Cancel)
		}
		if err := op.wait(); err != nil {
			return what, nil, err
		}
	}
}

// step goes into the library once. After a failure only events that were left are given.
func (op *Operation) step(cross crossing) (what int, event []byte, err error) {
	if failure := op.failed(); failure != nil {
		cross = cOpLeftEvent
		defer func() {
			if what != opEvent {
				err = failure
			}
		}()
	}
	op.lock()
	defer op.unlock()
	if op.drivers != nil {
		op.drivers.postOutcomes()
	}
	what, event, err = cross(op.c)
	if clock := op.context.clockFailure(); clock != nil && what != opEvent && what != opDone {
		op.letGo()
		err = clock
	}
	if err != nil || what == opDone {
		op.end()
	}
	return what, event, err
}

// letGo cancels what the library still does for the operation. The caller has the lock.
func (op *Operation) letGo() {
	cOpCancel(op.c)
	_, _, _ = cOpStep(op.c) // takes the cancellation in; that is its only answer
}

// end notes that the operation is over. The caller has the lock.
func (op *Operation) end() {
	op.release()
	op.fields.Lock()
	op.over = true
	op.fields.Unlock()
}

// wait waits until a step has something to do, or until Cancel. With a virtual clock that is at once, unless drivers of the host work.
func (op *Operation) wait() error {
	if op.context.isVirtual && op.drivers != nil {
		op.drivers.awaitHosts(op.cancelled)
	}
	return op.waiter.wait()
}

func (op *Operation) keepEvent(text []byte) error {
	var event Record
	if err := decode(text, &event); err != nil {
		return err
	}
	op.fields.Lock()
	defer op.fields.Unlock()
	op.event = event
	return nil
}

func (op *Operation) failed() error {
	op.fields.Lock()
	defer op.fields.Unlock()
	return op.failure
}

// fail keeps the first failure.
func (op *Operation) fail(err error) {
	if op == nil {
		return
	}
	op.fields.Lock()
	defer op.fields.Unlock()
	if op.failure == nil {
		op.failure = err
	}
}

// ---- what it says ----

// Event is the event that Next found: a record of the run's journal.
func (op *Operation) Event() Record {
	if op == nil {
		return Record{}
	}
	op.fields.Lock()
	defer op.fields.Unlock()
	return op.event
}

// Err is why Next returned false; nil at the end. A rollout that was taken back is no error.
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

// ---- ending ----

// Cancel asks the operation to stop soon; a run stays resumable. Any goroutine, at any time.
func (op *Operation) Cancel() {
	if op == nil || op.c == nil {
		return
	}
	op.cancelling.Lock()
	defer op.cancelling.Unlock()
	if op.freed {
		return
	}
	select {
	case <-op.cancelled:
	default:
		close(op.cancelled)
	}
	cOpCancel(op.c)
}

// Close ends the operation; a run under way stays resumable. A goroutine inside Next or Wait is cancelled and waited for. Further calls do
// nothing.
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

// ---- in a loop of the host's own, and in one call ----

// FD is a descriptor that becomes readable when Step has something to do; -1 once the operation is closed. It belongs to the operation.
func (op *Operation) FD() int {
	if op == nil || op.c == nil || op.enter() != nil {
		return -1
	}
	defer op.leave()
	return cOpFD(op.c)
}

// Step does what is due without waiting, and tells whether the operation is over. Its events can be read by Next afterwards.
func (op *Operation) Step() (over bool, err error) {
	err = op.driving(context.Background(), func() error {
		if op.heldByHosts() {
			return nil
		}
		what, _, err := op.step(cOpStep)
		over = what == opDone
		return err
	})
	if err != nil {
		op.fail(err)
	}
	return over, err
}

// heldByHosts is true while a virtual clock must stand still.
func (op *Operation) heldByHosts() bool {
	select {
	case <-op.cancelled:
		return false
	default:
		return op.context.isVirtual && op.drivers != nil && op.drivers.hostsWork()
	}
}

// RunInside drives the operation to its end in one call of the library: the cheapest way, but it keeps an OS thread, and the locks of all
// that it uses, until it is over; only Cancel reaches it. For simulations with built-in drivers; ErrUnsupported with drivers of the host.
func (op *Operation) RunInside() error {
	_, err := op.inside(cOpRun)
	return err
}

// WaitInside is RunInside for at most timeout, and returns early when an event arrived. It tells whether the operation is over.
func (op *Operation) WaitInside(timeout time.Duration) (over bool, err error) {
	return op.inside(func(op pointer) (int, []byte, error) { return cOpWait(op, timeout) })
}

func (op *Operation) inside(cross crossing) (over bool, err error) {
	err = op.driving(context.Background(), func() error {
		if op.drivers != nil && len(op.drivers.allHosts()) > 0 {
			return newError(ErrUnsupported, "drivers of the host cannot work while the library keeps the operation: use Wait or Next")
		}
		what, _, err := op.step(cross)
		over = what == opDone
		return err
	})
	return over, err
}
