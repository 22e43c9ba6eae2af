package main

// A bell: tells everybody who waits that something new may be in the journals.

import "sync"

// bell is rung by those who write, and heard by all who wait. Any goroutine may use it.
type bell struct {
	mutex sync.Mutex
	rung  chan struct{} // closed by the next ring; nil while nobody listens
}

// next is a channel that the next ring closes. Take it, then look, then wait: so nothing is missed.
func (b *bell) next() <-chan struct{} {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung
}

// ring wakes all who wait.
func (b *bell) ring() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}
