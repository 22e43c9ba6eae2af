package nipops

// Waiting for an operation's descriptor in Go's own poller, which costs no OS thread.

import (
	"context"
	"os"
	"syscall"
)

// waiter is a duplicate of the descriptor, known to Go's poller.
type waiter struct {
	file    *os.File
	raw     syscall.RawConn
	failure error // used by the goroutine that drives only
}

func newWaiter(descriptor int) (*waiter, error) {
	duplicate, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(descriptor), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return nil, waiterError(errno)
	}
	// os.NewFile gives only descriptors that do not block to the poller. An epoll descriptor is never read: the flag
	// changes nothing else.
	if err := syscall.SetNonblock(int(duplicate), true); err != nil {
		syscall.Close(int(duplicate))
		return nil, waiterError(err)
	}
	file := os.NewFile(duplicate, "nipops operation")
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, waiterError(err)
	}
	return &waiter{file: file, raw: raw}, nil
}

func waiterError(cause error) error {
	failure := newError(ErrIO, "cannot wait for an operation: %v", cause)
	failure.cause = cause
	return failure
}

// wait returns when the descriptor is readable. The poller tells of changes only, so what is readable already is asked
// for first: between that question and the wait a change cannot be lost, since the poller was made ready before.
func (w *waiter) wait() {
	if err := w.raw.Read(cReadable); err != nil {
		w.failure = waiterError(err)
	}
}

// failed is why wait could not wait.
func (w *waiter) failed() error {
	return w.failure
}

func (w *waiter) close() {
	w.file.Close()
}

// watch is a goroutine that acts when a context ends.
type watch struct {
	quit  chan struct{}
	ended chan struct{}
}

func watchContext(ctx context.Context, act func()) *watch {
	w := &watch{quit: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		select {
		case <-ctx.Done():
			act()
		case <-w.quit:
		}
	}()
	return w
}

// stop ends the goroutine and waits for it. A nil watch is fine.
func (w *watch) stop() {
	if w != nil {
		close(w.quit)
		<-w.ended
	}
}
