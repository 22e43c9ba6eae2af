package nipops

// A host's own clock.

import (
	"fmt"
	"runtime/cgo"
	"sync"
	"time"
)

// Clock is a host's clock. Its methods are called by any goroutine, also while the library is inside a call: they
// answer at once, call nothing of this package, and do not end their goroutine (runtime.Goexit, testing.T.FailNow). A
// panic in one does not reach the library: the last answer stands, and an operation that is inside a step then ends
// with ErrUser.
type Clock interface {
	// Real is the instant now; it may step.
	Real() time.Time
	// Monotonic is the length of time since an arbitrary start; it never falls.
	Monotonic() time.Duration
}

// VirtualClock is a clock that stands still until it is moved: operations wait by moving it instead of sleeping.
type VirtualClock interface {
	Clock
	// Advance moves both times on until Monotonic gives to. It never moves them back.
	Advance(to time.Duration) error
}

// hostClock stands between the library and a Clock: it remembers the last good answers and how it failed.
type hostClock struct {
	clock  Clock
	handle cgo.Handle

	mutex     sync.Mutex
	real      int64
	monotonic int64
	failures  int   // how often it failed
	failure   error // the newest
}

func (nip *Context) setClock(clock Clock) error {
	if clock == nil {
		return missingError("clock")
	}
	_, isVirtual := clock.(VirtualClock)
	host := &hostClock{clock: clock}
	host.readReal()
	host.readMonotonic()
	if err := host.failureSince(0); err != nil {
		return err
	}
	host.handle = cgo.NewHandle(host)
	if err := cContextSetClock(nip.c, host.handle, isVirtual); err != nil {
		host.handle.Delete()
		return err
	}
	nip.clock = host
	return nil
}

// failureCount is how often the clock failed so far. The library's own clock, nil, never fails.
func (h *hostClock) failureCount() int {
	if h == nil {
		return 0
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.failures
}

// failureSince is how the clock failed since failureCount gave count; nil when it did not.
func (h *hostClock) failureSince(count int) error {
	if h.failureCount() == count {
		return nil
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.failure
}

func (h *hostClock) fail(err error) {
	failure := newError(ErrUser, "the host's clock failed: %v", err)
	failure.cause = err
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.failures++
	h.failure = failure
}

// guard runs ask; a panic in it becomes a failure.
func (h *hostClock) guard(ask func() error) (ok bool) {
	defer func() {
		if panicked := recover(); panicked != nil {
			h.fail(fmt.Errorf("it panicked: %v", panicked))
			ok = false
		}
	}()
	if err := ask(); err != nil {
		h.fail(err)
		return false
	}
	return true
}

func (h *hostClock) readReal() int64 {
	var now int64
	ok := h.guard(func() (err error) {
		at := h.clock.Real()
		if at.IsZero() {
			return newError(ErrInvalid, "it gave the zero time")
		}
		now, err = fromTime(at)
		return err
	})
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if ok {
		h.real = now
	}
	return h.real
}

func (h *hostClock) readMonotonic() int64 {
	var now int64
	ok := h.guard(func() error {
		now = int64(h.clock.Monotonic())
		return nil
	})
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if ok && now > h.monotonic {
		h.monotonic = now
	}
	return h.monotonic
}

func (h *hostClock) advance(to int64) bool {
	return h.guard(func() error {
		return h.clock.(VirtualClock).Advance(time.Duration(to))
	})
}
