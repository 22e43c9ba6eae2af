package nipops

// A host's own driver: between the library, which starts, cancels and dispatches, and goroutines that do the work.

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/cgo"
	"sync"
	"syscall"
)

// Driver carries out actions on one outside system. docs/formats.md has the table of roles, verbs, arguments and
// results.
type Driver interface {
	// Class says how verb behaves when it is unknown whether it took effect; ErrUnsupported (or any error) when there
	// is no such verb. It answers at once, from a table, calls nothing of this package, and does not end its goroutine.
	Class(verb string) (VerbClass, error)

	// Do carries out one action and says what came of it. It runs in a goroutine of its own with no lock held, may wait
	// as long as it likes, and may use this package. ctx ends when the outcome is no longer wanted: the deadline
	// passed, the way back began, or the operation is over; then nobody waits for Do, and its outcome is thrown away.
	// Do never retries: the machine does. Several actions may be under way at once. A panic fails the action.
	Do(ctx context.Context, action *Action) Outcome
}

// hostDriver is one binding of a Driver.
type hostDriver struct {
	driver Driver
	handle cgo.Handle

	mutex    sync.Mutex
	wakeup   int                     // eventfd that the operation's loop watches; -1 when destroyed
	pending  map[pointer]*assignment // by the library's action
	finished []*assignment
}

// assignment is an action in the hands of a goroutine.
type assignment struct {
	c       pointer // the library's action; not ours any more once it was cancelled or completed
	cancel  context.CancelFunc
	outcome []byte
}

// newHostDriver makes a binding. Because it has a descriptor and names no instant, a virtual clock stands still while
// an action is with a goroutine.
func newHostDriver(driver Driver) (*hostDriver, error) {
	wakeup, err := cWakeupOpen()
	if err != nil {
		return nil, err
	}
	host := &hostDriver{driver: driver, wakeup: wakeup, pending: map[pointer]*assignment{}}
	host.handle = cgo.NewHandle(host)
	return host, nil
}

// class asks the driver; a panic counts as "no such verb".
func (h *hostDriver) class(verb string) (class VerbClass, ok bool) {
	defer func() {
		if recover() != nil {
			class, ok = VerbOnce, false
		}
	}()
	class, err := h.driver.Class(verb)
	return class, err == nil && class >= VerbRead && class <= VerbOnce
}

// start gives the action to a goroutine.
func (h *hostDriver) start(c pointer, action *Action) {
	ctx, cancel := context.WithCancel(context.Background())
	work := &assignment{c: c, cancel: cancel}
	h.mutex.Lock()
	h.pending[c] = work
	h.mutex.Unlock()
	go h.carryOut(ctx, work, action)
}

// carryOut runs in the goroutine. Whatever way Do ends, there is an outcome.
func (h *hostDriver) carryOut(ctx context.Context, work *assignment, action *Action) {
	defer work.cancel()
	what := action.Role + "/" + action.Verb
	outcome := Failed("internal", fmt.Sprintf("the driver's goroutine for %s ended without an outcome", what))
	defer func() {
		if panicked := recover(); panicked != nil {
			outcome = Failed("internal", fmt.Sprintf("the driver panicked in %s: %v", what, panicked))
		}
		h.finish(work, encodeOutcome(outcome))
	}()
	outcome = h.driver.Do(ctx, action)
}

// encodeOutcome is the outcome's JSON; a result that cannot be JSON is a failure of the driver's.
func encodeOutcome(outcome Outcome) (text []byte) {
	defer func() {
		if panicked := recover(); panicked != nil { // the result's own MarshalJSON
			text = notJSON(panicked)
		}
	}()
	text, err := json.Marshal(outcome)
	if err != nil {
		return notJSON(err)
	}
	return text
}

func notJSON(why any) []byte {
	text, err := json.Marshal(Failed("protocol", fmt.Sprintf("the driver's result cannot be JSON: %v", why)))
	if err != nil {
		return []byte(`{"outcome":"failed","reason":"protocol"}`)
	}
	return text
}

// finish queues the outcome and wakes the operation's loop, unless the outcome is no longer wanted.
func (h *hostDriver) finish(work *assignment, outcome []byte) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.pending[work.c] != work {
		return
	}
	delete(h.pending, work.c)
	work.outcome = outcome
	h.finished = append(h.finished, work)
	h.wake()
}

// wake makes the descriptor readable. The caller has the mutex, so that the descriptor is not closed meanwhile.
func (h *hostDriver) wake() {
	one := [8]byte{1}
	for {
		if _, err := syscall.Write(h.wakeup, one[:]); err != syscall.EINTR {
			return // EAGAIN: it is readable already
		}
	}
}

func (h *hostDriver) descriptor() int {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.wakeup
}

// take gives what is finished, and makes the descriptor unreadable.
func (h *hostDriver) take() []*assignment {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	var count [8]byte
	for {
		if _, err := syscall.Read(h.wakeup, count[:]); err != syscall.EINTR {
			break // EAGAIN: it was unreadable already
		}
	}
	finished := h.finished
	h.finished = nil
	return finished
}

// post hands finished outcomes to the library. The caller has the lock of the driver's set.
func (h *hostDriver) post() {
	for _, work := range h.take() {
		cActionComplete(work.c, work.outcome)
	}
}

// forget drops an action whose outcome is no longer wanted, and tells its goroutine.
func (h *hostDriver) forget(c pointer) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if work := h.pending[c]; work != nil {
		delete(h.pending, c)
		work.cancel()
	}
	for i, work := range h.finished {
		if work.c == c {
			h.finished = append(h.finished[:i], h.finished[i+1:]...)
			break
		}
	}
}

// destroy ends the binding: goroutines that still work are told, and find nothing of the library any more.
func (h *hostDriver) destroy() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for c, work := range h.pending {
		delete(h.pending, c)
		work.cancel()
	}
	h.finished = nil
	syscall.Close(h.wakeup)
	h.wakeup = -1
	h.handle.Delete()
}
