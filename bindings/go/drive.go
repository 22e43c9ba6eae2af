package nipops

// Driving operations: steps and waiting in turn, contexts that end.

import "context"

// crossing goes into the library to drive: a step, or more.
type crossing func(op pointer) (what int, event []byte, err error)

// Next goes on to the next event. It returns false at the end, after a failure, or when ctx ended; Err tells which. Events that came before a
// failure are given first.
func (op *Operation) Next(ctx context.Context) bool {
	found := false
	err := op.driving(ctx, func() error {
		event, err := op.nextEvent(ctx)
		found = event != nil
		if !found {
			return err
		}
		return op.keepEvent(event)
	})
	if err != nil {
		op.fail(err)
	}
	return found && err == nil
}

// Wait drives the operation to its end. Its events can be read by Next afterwards.
func (op *Operation) Wait(ctx context.Context) error {
	err := op.driving(ctx, func() error {
		_, err := op.drive(ctx, cOpStep)
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

// nextEvent is the next event's text; nil at the end.
func (op *Operation) nextEvent(ctx context.Context) ([]byte, error) {
	if event := op.readyEvent(); event != nil {
		return event, nil
	}
	return op.drive(ctx, cOpAdvance)
}

// readyEvent is an event that is there already, or nil.
func (op *Operation) readyEvent() []byte {
	op.lock()
	defer op.unlock()
	event, _ := cOpReadyEvent(op.c)
	return event
}

// drive steps and waits in turn until there is an event, the end, or a failure. The goroutine that watches ctx has ended before it returns.
func (op *Operation) drive(ctx context.Context, cross crossing) (event []byte, err error) {
	if failure := op.failed(); failure != nil {
		return nil, failure
	}
	var watch *watch
	defer func() { watch.stop() }()
	for {
		if ctx.Err() != nil {
			op.Cancel()
		}
		what, event, err := op.step(cross)
		if err != nil || what != opMore {
			return event, interruptedBy(ctx, err)
		}
		if watch == nil {
			watch = watchContext(ctx, op.Cancel)
		}
		op.wait()
	}
}

// step goes into the library once, unless a virtual clock must stand still.
func (op *Operation) step(cross crossing) (what int, event []byte, err error) {
	op.lock()
	defer op.unlock()
	if op.heldByHosts() {
		return opMore, nil, nil
	}
	if op.drivers != nil {
		op.drivers.postOutcomes()
	}
	what, event, err = cross(op.c)
	if what != opEvent && what != opDone {
		if failure := op.hostFailure(); failure != nil {
			op.letGo()
			err = failure
		}
	}
	if err != nil || what == opDone {
		op.release()
	}
	return what, event, err
}

// heldByHosts is true while drivers of the host work and a virtual clock must stand still for them: a step would move it.
func (op *Operation) heldByHosts() bool {
	select {
	case <-op.cancelled:
		return false
	default:
		return op.context.isVirtual && op.drivers != nil && op.drivers.hostsWork()
	}
}

// hostFailure is why the operation cannot go on although the library could: the host's clock failed, or Go's poller.
func (op *Operation) hostFailure() error {
	if failure := op.waiter.failed(); failure != nil {
		return failure
	}
	return op.context.takeClockFailure()
}

// letGo cancels what the library still does for the operation. The caller has the lock.
func (op *Operation) letGo() {
	cOpCancel(op.c)
	_, _, _ = cOpStep(op.c) // takes the cancellation in; that is its only answer
}

// wait waits until a step has something to do, or until Cancel. With a virtual clock that is at once, unless drivers of the host work.
func (op *Operation) wait() {
	if op.context.isVirtual && op.drivers != nil {
		op.drivers.awaitHosts(op.cancelled)
	}
	op.waiter.wait()
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
