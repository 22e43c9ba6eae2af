package nipops

// Operations in a loop of the host's own, and in one call of the library.

import (
	"context"
	"time"
)

// FD is a descriptor that becomes readable when Step has something to do; -1 once the operation is closed. It belongs
// to the operation.
func (op *Operation) FD() int {
	if op == nil || op.c == nil || op.enter() != nil {
		return -1
	}
	defer op.leave()
	return cOpFD(op.c)
}

// Step does what is due without waiting, and tells whether the operation is over. Its events can be read by Next
// afterwards.
func (op *Operation) Step() (over bool, err error) {
	return op.inside(cOpStep)
}

// RunInside drives the operation to its end in one call of the library: the cheapest way, but it keeps an OS thread,
// and the locks of all that it uses, until it is over; only Cancel reaches it. For simulations. A Driver of the host
// works, as long as its Do keeps away from the operation's run, store and drivers: it would wait for their locks until
// its action's deadline.
func (op *Operation) RunInside() error {
	_, err := op.inside(cOpRun)
	return err
}

// WaitInside is RunInside for at most timeout, and returns early when an event arrived. It tells whether the operation
// is over. With a timeout of 0 or less it only does what is due.
func (op *Operation) WaitInside(timeout time.Duration) (over bool, err error) {
	if timeout < 0 {
		timeout = 0
	}
	return op.inside(func(op pointer) (int, []byte, error) { return cOpWait(op, timeout) })
}

// inside crosses once.
func (op *Operation) inside(cross crossing) (over bool, err error) {
	err = op.driving(context.Background(), func() error {
		if failure := op.failed(); failure != nil {
			return failure
		}
		what, _, err := op.step(cross)
		over = what == opDone
		return err
	})
	if err != nil {
		op.fail(err)
	}
	return over, err
}
