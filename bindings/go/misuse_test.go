package nipops

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestUseAfterClose(t *testing.T) {
	w, run := startDoor(t, &door{}, "1h")
	plan := newDoorPlan(t, "1h")
	op := must(run.Drive(w.drivers))(t)
	for i := 0; i < 2; i++ { // closing twice is fine, in any order
		check(t, w.nip.Close())
		check(t, w.store.Close())
		check(t, run.Close())
		check(t, op.Close())
		check(t, plan.Close())
		check(t, w.document.Close())
		check(t, w.drivers.Close())
	}
	ctx := context.Background()
	calls := map[string]error{
		"Context.OpenStore":      errorOf(w.nip.OpenStore("memory:")),
		"Context.NewDrivers":     errorOf(w.nip.NewDrivers()),
		"Context.HealthCheck":    errorOf(w.nip.HealthCheck(ctx, w.document)),
		"Store.Append":           errorOf(w.store.Append("shop", 0, "note.written", began, note(1))),
		"Store.Head":             errorOf(w.store.Head("shop")),
		"Store.Start":            errorOf(w.store.Start(plan, began)),
		"Store.Resume":           errorOf(w.store.Resume("shop", began)),
		"Store.Purge":            w.store.Purge("shop", 1),
		"Store.PlanOf":           errorOf(w.store.PlanOf("shop")),
		"Run.Next":               errorOf(run.Next(began)),
		"Run.Status":             errorOf(run.Status(began)),
		"Run.Poll":               errorOf(run.Poll()),
		"Run.Complete":           run.Complete(began, "x", Done(nil)),
		"Run.Drive":              errorOf(run.Drive(w.drivers)),
		"Operation.Wait":         op.Wait(ctx),
		"Operation.Result":       errorOf(op.Result()),
		"Operation.Status":       errorOf(op.Status()),
		"Operation.Step":         errorOf(op.Step()),
		"Operation.RunInside":    op.RunInside(),
		"Plan.JSON":              errorOf(plan.JSON()),
		"Plan.Explain":           errorOf(plan.Explain()),
		"Document.JSON":          errorOf(w.document.JSON()),
		"Document.Check":         w.document.Check(),
		"Document.Set":           w.document.Set("/rollout/replicas", "3"),
		"PlanFromDocument":       errorOf(PlanFromDocument(w.document)),
		"PlanRollout":            errorOf(PlanRollout(w.document, nil, nil)),
		"Drivers.Bind":           w.drivers.Bind("door", &door{}),
		"Drivers.Open":           w.drivers.Open([]byte("{}")),
		"Drivers.BindBuiltIn":    w.drivers.BindBuiltIn("sim", nil, "target"),
		"Context.Observe":        errorOf(w.nip.Observe(ctx, w.document, w.drivers)),
		"Context.ObserveRelease": errorOf(w.nip.ObserveRelease(ctx, nil, w.drivers)),
	}
	for name, err := range calls {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: found %v", name, err)
		}
	}
	equal(t, op.Next(ctx), false)
	op.Cancel()
	equal(t, op.FD(), -1)
	equal(t, fmt.Sprint(run.State(), run.Sequence(), run.Outcome(), plan.Steps(), plan.Subject()), "00")
	equal(t, w.document.Kind()+w.document.Subject(), "")
	equal(t, run.ID(), "door-1")
	equal(t, w.nip.Now().IsZero(), true)
	records := w.store.Records("shop", 0)
	equal(t, records.Next(), false)
	if !errors.Is(records.Err(), ErrClosed) {
		t.Errorf("found %v", records.Err())
	}
}

// Children keep what they borrow: the run goes on to its end although everything else was closed.
func TestCloseParentsFirst(t *testing.T) {
	d := &door{position: "closed"}
	w, run := startDoor(t, d, "1ms")
	op := must(run.Drive(w.drivers))(t)
	w.close()
	check(t, run.Close())
	check(t, op.Wait(context.Background()))
	equal(t, must(op.RunResult())(t).Outcome(), "succeeded")
	check(t, op.Close())
	equal(t, d.now(), "open")
}

func TestNothingGiven(t *testing.T) {
	w, run := startDoor(t, &door{}, "1h")
	var (
		nip      *Context
		store    *Store
		noRun    *Run
		op       *Operation
		plan     *Plan
		document *Document
		drivers  *Drivers
	)
	ctx := context.Background()
	_, free := startDoor(t, &door{}, "1h")
	idle := must(run.Drive(w.drivers))(t)
	defer idle.Close()
	empty := must(w.nip.NewDrivers())(t)
	defer empty.Close()
	var noContext context.Context
	calls := map[string]error{
		"New":                 errorOf(New(nil)),
		"WithClock":           errorOf(New(WithClock(nil))),
		"Context":             errorOf(nip.OpenStore("memory:")),
		"Context zero":        errorOf((&Context{}).OpenStore("memory:")),
		"NewDrivers":          errorOf(nip.NewDrivers()),
		"Store":               errorOf(store.Head("shop")),
		"Store zero":          errorOf((&Store{}).Head("shop")),
		"Store.Start":         errorOf(store.Start(plan, began)),
		"Start plan":          errorOf(w.store.Start(plan, began)),
		"Run":                 errorOf(noRun.Next(began)),
		"Run.Drive":           errorOf(noRun.Drive(w.drivers)),
		"Run.Wait":            errorOf(noRun.Wait(ctx, w.drivers)),
		"Drive drivers":       errorOf(run.Drive(drivers)),
		"Operation":           op.Wait(ctx),
		"Operation.Err":       op.Err(),
		"Operation.Result":    errorOf(op.Result()),
		"Wait context":        idle.Wait(noContext),
		"Plan":                errorOf(plan.JSON()),
		"PlanFromDocument":    errorOf(PlanFromDocument(document)),
		"PlanRollout":         errorOf(PlanRollout(document, nil, nil)),
		"Document":            document.Check(),
		"Observe document":    errorOf(w.nip.Observe(ctx, document, w.drivers)),
		"Observe drivers":     errorOf(w.nip.Observe(ctx, w.document, drivers)),
		"HealthCheck":         errorOf(w.nip.HealthCheck(ctx, document)),
		"Drivers":             drivers.Open([]byte("{}")),
		"Bind driver":         w.drivers.Bind("door", nil),
		"Bind role":           empty.Bind("", &door{}),
		"BindBuiltIn":         drivers.BindBuiltIn("sim", nil, "target"),
		"Complete no outcome": free.Complete(began, "door-1.1", Outcome{}),
		"Complete no JSON":    free.Complete(began, "door-1.1", Done(math.NaN())),
	}
	for name, err := range calls {
		if !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: found %v", name, err)
		}
	}
	equal(t, op.Next(ctx), false)
	op.Cancel()
	nothing := []interface{ Close() error }{nip, store, noRun, op, plan, document, drivers, &Store{}, &Operation{}}
	for _, closer := range nothing {
		check(t, closer.Close())
	}
	equal(t, noRun.State()+noRun.ID()+noRun.Subject()+plan.Subject()+document.Kind(), "")
	if records := store.Records("shop", 0); records.Next() || records.Err() == nil {
		t.Error("records of no store")
	}
}

func TestDriversOfAnotherContext(t *testing.T) {
	_, run := startDoor(t, &door{}, "1h")
	other, _ := startDoor(t, &door{}, "1h")
	if _, err := run.Drive(other.drivers); !errors.Is(err, ErrInvalid) {
		t.Fatalf("found %v", err)
	}
}

func TestRunThatIsDriven(t *testing.T) {
	w, run := startDoor(t, &door{}, "1h")
	op := must(run.Drive(w.drivers))(t)
	other := must(w.nip.NewDrivers())(t)
	defer other.Close()
	check(t, other.Bind("door", &door{}))
	calls := map[string]error{
		"Next":     errorOf(run.Next(began)),
		"Complete": run.Complete(began, "door-1.1", Done(nil)),
		"Drive":    errorOf(run.Drive(other)),
	}
	for name, err := range calls {
		if !errors.Is(err, ErrBusy) {
			t.Errorf("%s: found %v", name, err)
		}
	}
	check(t, op.Close())
	must(run.Next(began))(t)
}

func TestActionsThatAreOut(t *testing.T) {
	w, run := startDoor(t, &door{position: "closed"}, "1ms")
	if step := must(run.Next(w.nip.Now()))(t); step.Action == nil {
		t.Fatalf("found %+v", step)
	}
	if _, err := run.Drive(w.drivers); !errors.Is(err, ErrState) {
		t.Fatalf("found %v", err)
	}
	if err := run.Complete(w.nip.Now(), "door-1.99", Done(nil)); !errors.Is(err, ErrNotFound) {
		t.Fatalf("found %v", err)
	}
	_, err := w.store.Start(newDoorPlan(t, "1h"), w.nip.Now())
	if !errors.Is(err, ErrHeld) && !errors.Is(err, ErrState) {
		t.Fatalf("found %v", err)
	}
}

// ---- drivers that misbehave ----

type badDriver struct{ door }

func (d *badDriver) Class(verb string) (VerbClass, error) {
	if verb == "look" {
		panic("no table")
	}
	return d.door.Class(verb)
}

func TestDriversThatMisbehave(t *testing.T) {
	outcomes := map[string]struct {
		set    func(ctx context.Context, action *Action, wanted string) Outcome
		wanted string
	}{
		"goexit":    {func(context.Context, *Action, string) Outcome { runtime.Goexit(); return Done(nil) }, "ended without an outcome"},
		"nothing":   {func(context.Context, *Action, string) Outcome { return Outcome{} }, "not an outcome"},
		"not JSON":  {func(context.Context, *Action, string) Outcome { return Done(func() {}) }, "cannot be JSON"},
		"bad JSON":  {func(context.Context, *Action, string) Outcome { return Done(explosive{}) }, "cannot be JSON: boom"},
		"not a map": {func(context.Context, *Action, string) Outcome { return Done(7) }, "not an outcome"},
		"failed":    {func(context.Context, *Action, string) Outcome { return Failed("stuck", "it is stuck") }, "it is stuck"},
		"foreign":   {func(context.Context, *Action, string) Outcome { return Settled(Foreign, nil).WithMessage("a wall") }, ""},
		"nil panic": {func(context.Context, *Action, string) Outcome { panic(fmt.Sprint(nil)) }, "panicked"},
		"with extra": {func(context.Context, *Action, string) Outcome {
			return Failed("stuck", "m").Retry().WithResult(note(1))
		}, "m"},
	}
	for name, c := range outcomes {
		t.Run(name, func(t *testing.T) {
			d := &door{position: "closed"}
			d.set = func(ctx context.Context, action *Action, wanted string) Outcome {
				if wanted == "closed" {
					return d.move(wanted)
				}
				return c.set(ctx, action, wanted)
			}
			w, run := startDoor(t, d, "1ms")
			result := must(run.Wait(context.Background(), w.drivers))(t)
			if result.Outcome() != "returned" || !strings.Contains(result.Message, c.wanted) {
				t.Fatalf("found %q, %q", result.Outcome(), result.Message)
			}
		})
	}
}

func TestVerbThatADriverDoesNotKnow(t *testing.T) {
	w, run := startDoor(t, &badDriver{door{position: "closed"}}, "1ms")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	op := must(run.Drive(w.drivers))(t)
	defer op.Close()
	for op.Next(ctx) {
		event := op.Event()
		if event.Kind == "action.completed" && strings.Contains(string(event.Payload), `no verb \"look\"`) {
			return
		}
	}
	t.Fatalf("nobody said that there is no such verb: %v", op.Err())
}

// An outcome that comes after the run no longer wants it changes nothing, also when the set is gone by then.
func TestLateOutcome(t *testing.T) {
	release, left := make(chan struct{}), make(chan struct{})
	entered := make(chan struct{}, 1)
	d := &door{position: "closed"}
	d.set = func(ctx context.Context, action *Action, wanted string) Outcome {
		entered <- struct{}{}
		<-release
		defer close(left)
		return Done(nil)
	}
	w, run := startDoor(t, d, "1h")
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-entered; cancel() }()
	if _, err := run.Wait(ctx, w.drivers); !errors.Is(err, context.Canceled) {
		t.Fatalf("found %v", err)
	}
	run.Close()
	w.close()
	close(release)
	<-left
	runtime.Gosched()
}

// ---- clocks ----

type testClock struct {
	mutex     sync.Mutex
	monotonic time.Duration
	fail      func(call string) error
}

func (c *testClock) ask(call string) error {
	if c.fail == nil {
		return nil
	}
	return c.fail(call)
}

func (c *testClock) Real() time.Time {
	if c.ask("real") != nil {
		return time.Time{}
	}
	return began.Add(c.Monotonic())
}

func (c *testClock) Monotonic() time.Duration {
	if err := c.ask("monotonic"); err != nil {
		panic(err)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.monotonic
}

func (c *testClock) Advance(to time.Duration) error {
	if err := c.ask("advance"); err != nil {
		return err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if to > c.monotonic {
		c.monotonic = to
	}
	return nil
}

func TestOwnClock(t *testing.T) {
	clock := &testClock{}
	w := newWorld(t, "memory:", simulated("go-clock", ""), WithClock(clock))
	equal(t, w.nip.Now(), began)
	result := must(w.start(t).Wait(context.Background(), w.drivers))(t)
	equal(t, result.Outcome(), "succeeded")
	if clock.Monotonic() == 0 {
		t.Fatal("the clock was not moved")
	}
}

// An operation that ends because of its clock lets its drivers go at once, not when it is closed.
func TestClockThatFailsWhileADriverWorks(t *testing.T) {
	clock := &testClock{}
	tried, left := make(chan struct{}, 1), make(chan struct{})
	d := &door{position: "closed"}
	d.set = func(ctx context.Context, action *Action, wanted string) Outcome {
		defer close(left)
		tried <- struct{}{}
		<-ctx.Done()
		return Done(nil)
	}
	w, run := startDoor(t, d, "1h", WithClock(clock))
	op := must(run.Drive(w.drivers))(t)
	defer op.Close()
	for len(tried) == 0 {
		must(op.Step())(t)
	}
	clock.fail = func(call string) error { return map[string]error{"monotonic": errors.New("it slipped")}[call] }
	if _, err := op.Step(); !errors.Is(err, ErrUser) {
		t.Fatalf("found %v", err)
	}
	<-left
}

// A clock that fails somebody else, between two steps, ends no operation.
func TestClockThatFailsBetweenSteps(t *testing.T) {
	clock := &testClock{}
	d := &door{position: "closed"}
	w, run := startDoor(t, d, "1h", WithClock(clock))
	op := must(run.Drive(w.drivers))(t)
	defer op.Close()
	clock.fail = func(call string) error { return map[string]error{"real": errors.New("it slipped")}[call] }
	equal(t, w.nip.Now(), began) // the last good answer
	clock.fail = nil
	check(t, op.Wait(context.Background()))
	equal(t, run.Outcome(), "succeeded")
}

func TestClockThatFailsAtOnce(t *testing.T) {
	clock := &testClock{fail: func(string) error { return errors.New("no spring") }}
	if _, err := New(WithClock(clock)); !errors.Is(err, ErrUser) {
		t.Fatalf("found %v", err)
	}
}

func TestClocksThatFail(t *testing.T) {
	broken := errors.New("the spring broke")
	failures := map[string]func(call string) error{
		"advance fails": func(call string) error { return map[string]error{"advance": broken}[call] },
		"advance panics": func(call string) error {
			if call == "advance" {
				panic(broken)
			}
			return nil
		},
		"no instant": func(call string) error { return map[string]error{"real": broken}[call] },
	}
	for name, fail := range failures {
		t.Run(name, func(t *testing.T) {
			clock := &testClock{}
			w := newWorld(t, "memory:", simulated("go-clock-"+strings.ReplaceAll(name, " ", "-"), ""), WithClock(clock))
			run := w.start(t)
			clock.fail = fail
			_, err := run.Wait(context.Background(), w.drivers)
			if !errors.Is(err, ErrUser) {
				t.Fatalf("found %v", err)
			}
			if name == "advance fails" && !errors.Is(err, broken) {
				t.Fatalf("%v does not say why", err)
			}
		})
	}
}

// explosive is a result that panics when it is written as JSON.
type explosive struct{}

func (explosive) MarshalJSON() ([]byte, error) { panic("boom") }

func TestHandlesTellTheirNamesOnly(t *testing.T) {
	nip := must(New())(t)
	defer nip.Close()
	store := must(nip.OpenStore("memory:"))(t)
	equal(t, fmt.Sprint(store), "nipops store")
	check(t, store.Close())
	equal(t, fmt.Sprintf("%v", store), "nipops store (closed)")
}
