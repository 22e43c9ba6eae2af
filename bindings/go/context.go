package nipops

// The context: clock, randomness and limits, given once.

import (
	"strconv"
	"time"
)

// Context is what a host gives the library once. It may be shared by goroutines.
//
// It is not a context.Context: calls that wait take one of those beside it. Close it when nothing new is made with it;
// what was made with it keeps it alive.
type Context struct {
	object
	c     pointer
	clock *hostClock // nil for the library's own
}

// Option is one setting of New.
type Option func(*Context) error

// WithSeed draws all randomness from this seed (0 or more): for tests and simulations.
func WithSeed(seed int64) Option {
	return setting("seed", strconv.FormatInt(seed, 10))
}

// WithVirtualClock uses a clock of the library's own that begins at start and stands still until waited on: a day of
// waiting takes moments.
func WithVirtualClock(start time.Time) Option {
	return func(nip *Context) error {
		text, err := FormatTime(start)
		if err != nil {
			return err
		}
		nip.clock = nil
		return cContextSet(nip.c, "clock", "virtual:"+text)
	}
}

// WithClock uses the host's clock. With one that is a VirtualClock, operations wait by moving it.
func WithClock(clock Clock) Option {
	return func(nip *Context) error {
		return nip.setClock(clock)
	}
}

// WithStateDir names the folder for what built-in drivers must remember. The local driver needs one.
func WithStateDir(path string) Option {
	return setting("state.dir", path)
}

// WithInFlightMax bounds network transfers and children at once, 1..100000 (1024 otherwise).
func WithInFlightMax(most int) Option {
	return setting("in_flight_max", strconv.Itoa(most))
}

func setting(key, value string) Option {
	return func(nip *Context) error {
		return cContextSet(nip.c, key, value)
	}
}

// New makes a context: real clock, the system's randomness, unless an option says otherwise. ErrInvalid for an option
// that cannot be.
func New(options ...Option) (*Context, error) {
	c, err := cContextNew()
	if err != nil {
		return nil, err
	}
	nip := &Context{c: c}
	nip.init("context", func() { cContextFree(c) })
	for _, option := range options {
		if option == nil {
			err = missingError("option")
		} else {
			err = option(nip)
		}
		if err != nil {
			nip.Close()
			return nil, err
		}
	}
	return nip, nil
}

// Now is the instant now by the context's clock; the zero time once the context is closed. Any goroutine.
func (nip *Context) Now() time.Time {
	if nip == nil || nip.hold() != nil {
		return time.Time{}
	}
	defer nip.drop()
	return toTime(cContextNow(nip.c))
}

// Close gives the context up. What was made with it goes on working. Further calls do nothing.
func (nip *Context) Close() error {
	if nip != nil {
		nip.close()
	}
	return nil
}

// begin holds the context for a call that makes something with it.
func (nip *Context) begin() error {
	if nip == nil || nip.c == nil {
		return missingError("context")
	}
	return nip.hold()
}
