package nipops

// Objects: who may use a C object at a moment, and when it is freed.
//
// The library wants each object to be used by one thread at a time, and some objects borrow others: a run its store, an
// operation its run. So a call locks every object that it touches, in the order in which they were made, and an object
// is freed only when it was closed, no call is inside it, and nothing borrows it any more.

import (
	"sort"
	"sync"
	"sync/atomic"
)

type object struct {
	name    string     // for messages: "store"
	rank    uint64     // order of creation: locks are taken in it
	mutex   sync.Mutex // held while C uses the object, never while waiting
	uses    []*object  // what a call on it touches, itself included, by rank
	parents []*object  // kept alive as long as this
	destroy func()     // frees the C object

	holds  int  // its owner's, one for each call inside and for each child. Guarded by lifetimes
	closed bool // guarded by lifetimes
}

var (
	lifetimes sync.Mutex // guards holds and closed of all objects; held for moments only
	lastRank  atomic.Uint64
)

// init makes the object ready for use. What it borrows is kept alive, and locked with it.
func (o *object) init(name string, destroy func(), borrowed ...*object) {
	o.name = name
	o.rank = lastRank.Add(1)
	o.destroy = destroy
	o.holds = 1
	o.uses = union(append([]*object{o}, borrowed...))
	for _, parent := range borrowed {
		o.keep(parent)
	}
}

// String names the object for logs, and tells no more.
func (o *object) String() string {
	lifetimes.Lock()
	defer lifetimes.Unlock()
	if o.closed {
		return "nipops " + o.name + " (closed)"
	}
	return "nipops " + o.name
}

// keep keeps the parent alive as long as the object. The caller holds the parent.
func (o *object) keep(parent *object) {
	o.parents = append(o.parents, parent)
	lifetimes.Lock()
	parent.holds++
	lifetimes.Unlock()
}

// union is all that the objects touch, each once, by rank.
func union(objects []*object) []*object {
	seen := map[*object]bool{}
	var all []*object
	add := func(o *object) {
		if !seen[o] {
			seen[o] = true
			all = append(all, o)
		}
	}
	for _, o := range objects {
		for _, used := range o.uses {
			add(used)
		}
		add(o)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].rank < all[j].rank })
	return all
}

// hold keeps the object from being freed. It fails when it was closed.
func (o *object) hold() error {
	lifetimes.Lock()
	defer lifetimes.Unlock()
	if o.closed {
		return closedError(o.name)
	}
	o.holds++
	return nil
}

// drop gives a hold up; the last one frees.
func (o *object) drop() {
	lifetimes.Lock()
	o.holds--
	last := o.holds == 0
	lifetimes.Unlock()
	if !last {
		return
	}
	o.lock()
	o.destroy()
	o.unlock()
	for _, parent := range o.parents {
		parent.drop()
	}
}

func (o *object) lock() {
	for _, used := range o.uses {
		used.mutex.Lock()
	}
}

func (o *object) unlock() {
	for i := len(o.uses) - 1; i >= 0; i-- {
		o.uses[i].mutex.Unlock()
	}
}

// enter begins a call on the object; leave ends it.
func (o *object) enter() error {
	if err := o.hold(); err != nil {
		return err
	}
	o.lock()
	return nil
}

func (o *object) leave() {
	o.unlock()
	o.drop()
}

// close gives the owner's hold up. Only the first call does anything; it returns true.
func (o *object) close() bool {
	lifetimes.Lock()
	first := !o.closed
	o.closed = true
	lifetimes.Unlock()
	if first {
		o.drop()
	}
	return first
}

// enterAll begins a call that touches several objects. The function it returns ends the call.
func enterAll(objects ...*object) (leave func(), err error) {
	for i, o := range objects {
		if err := o.hold(); err != nil {
			for _, held := range objects[:i] {
				held.drop()
			}
			return nil, err
		}
	}
	together := &object{uses: union(objects)}
	together.lock()
	return func() {
		together.unlock()
		for _, o := range objects {
			o.drop()
		}
	}, nil
}
