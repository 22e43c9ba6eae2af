package nipops

// Driving operations: steps and waiting in turn, contexts that end.

import "context"

// crossing goes into the library to drive: a step, or more.
type crossing func(op pointer) (what int, event []byte, err error)

// Next goes on to the next event. It returns false at the end, after a failure, or when ctx ended; Err tells which.
// Events that came before a failure are given first.
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
		op.fail(interruptedBy(ctx, err))
	}
	return found && err == nil
}

// Wait drives the operation to its end. Its events can be read by Next afterwards.
func (op *Operation) Wait(ctx context.Context) error {
	err := op.driving(ctx, func() error {
		_, err := op.drive(ctx, cOpStep)
		return err
	})
	if err == nil {
		return nil
	}
	err = interruptedBy(ctx, err)
	op.fail(err)
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

// drive steps and waits in turn until there is an event, the end, or a failure. The goroutine that watches ctx has
// ended before it returns.
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
			return event, err
		}
		if watch == nil {
			watch = watchContext(ctx, op.Cancel)
		}
		op.waiter.wait()
	}
}

// step goes into the library once. After a failure the operation is over, for the library too.
func (op *Operation) step(cross crossing) (what int, event []byte, err error) {
	op.lock()
	defer op.unlock()
	before := op.context.clock.failureCount()
	what, event, err = cross(op.c)
	if failure := op.context.clock.failureSince(before); failure != nil {
		op.clockFailure = failure
	}
	if what != opEvent && what != opDone {
		err = op.hostFailure(err)
	}
	if err != nil {
		op.letGo()
	}
	if err != nil || what == opDone {
		op.release()
	}
	return what, event, err
}

// hostFailure is why the operation cannot go on although the library could: Go's poller or the host's clock failed. It
// says more than the library's own error.
func (op *Operation) hostFailure(err error) error {
	if failure := op.waiter.failed(); failure != nil {
		return failure
	}
	if op.clockFailure != nil {
		return op.clockFailure
	}
	return err
}

// letGo cancels what the library still does for the operation. The caller has the lock.
func (op *Operation) letGo() {
	cOpCancel(op.c)
	_, _, _ = cOpStep(op.c) // takes the cancellation in; that is its only answer
}

func (op *Operation) keepEvent(text []byte) error {
	event, err := decodeRecord(text)
	if err != nil {
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
