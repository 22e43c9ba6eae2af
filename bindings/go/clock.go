package nipops

// A host's own clock.

import (
	"fmt"
	"runtime/cgo"
	"sync"
	"time"
)

// Clock is a host's clock. Its methods are called by any goroutine, also while the library is inside a call: they answer at once and call
// nothing of this package. A panic in one does not reach the library: the last answer stands, and the operation under way ends with ErrUser.
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

// hostClock stands between the library and a Clock: it remembers the last good answers and the first failure.
type hostClock struct {
	clock  Clock
	handle cgo.Handle

	mutex     sync.Mutex
	real      int64
	monotonic int64
	failure   error
}

func (nip *Context) setClock(clock Clock) error {
	if clock == nil {
		return missingError("clock")
	}
	_, isVirtual := clock.(VirtualClock)
	host := &hostClock{clock: clock}
	host.handle = cgo.NewHandle(host)
	if err := cContextSetClock(nip.c, host.handle, isVirtual); err != nil {
		host.handle.Delete()
		return err
	}
	nip.clock = host
	nip.isVirtual = isVirtual
	return nil
}

// takeClockFailure is how the host's clock failed since it was asked last, if it did.
func (nip *Context) takeClockFailure() error {
	if nip.clock == nil {
		return nil
	}
	nip.clock.mutex.Lock()
	defer nip.clock.mutex.Unlock()
	failure := nip.clock.failure
	nip.clock.failure = nil
	return failure
}

// fail keeps the first failure.
func (h *hostClock) fail(err error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.failure == nil {
		failure := newError(ErrUser, "the host's clock failed: %v", err)
		failure.cause = err
		h.failure = failure
	}
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
