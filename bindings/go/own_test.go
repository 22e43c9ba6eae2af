package nipops

// A plan of the host's own: a door, moved by a driver of the host or by the host itself.

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const doorPlan = `{"v":1,"kind":"plan","subject":"door","title":"open the door","steps":[
 {"id":"open","title":"open it","back":0,
  "actions":[{"role":"door","verb":"set","class":"declarative","args":{"position":"open"}}],
  "until":{"interval":"1s","observe":[{"role":"door","verb":"look","class":"read"}],
   "that":[{"at":"/position","op":"==","value":"open"}]}},
 {"id":"stay","title":"leave it open for a while","wait":"WAIT"}],
 "back":[{"id":"close","title":"close it",
  "actions":[{"role":"door","verb":"set","class":"declarative","args":{"position":"closed"}}]}]}`

func doorPlanThatWaits(wait string) []byte {
	return []byte(strings.Replace(doorPlan, "WAIT", wait, 1))
}

// door is a driver. set may be replaced by a test.
type door struct {
	mutex    sync.Mutex
	position string
	set      func(ctx context.Context, action *Action, wanted string) Outcome
}

func (d *door) Class(verb string) (VerbClass, error) {
	switch verb {
	case "set":
		return VerbDeclarative, nil
	case "look":
		return VerbRead, nil
	}
	return 0, ErrUnsupported
}

func (d *door) Do(ctx context.Context, action *Action) Outcome {
	var args struct{ Position string }
	if action.Verb == "look" {
		return Done(map[string]string{"position": d.now()})
	}
	if err := json.Unmarshal(action.Args, &args); err != nil {
		return Failed("bad_arguments", err.Error())
	}
	if action.Settles {
		if d.now() == args.Position {
			return Settled(InForce, nil)
		}
		return Settled(NotYet, nil)
	}
	if d.set != nil {
		return d.set(ctx, action, args.Position)
	}
	return d.move(args.Position)
}

func (d *door) move(position string) Outcome {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.position = position
	return Done(nil)
}

func (d *door) now() string {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.position
}

// startDoor begins the door's plan with the driver.
func startDoor(t testing.TB, d Driver, wait string, options ...Option) (*world, *Run) {
	t.Helper()
	w := newWorld(t, "memory:", simulated("unused", ""), options...)
	check(t, w.drivers.Bind("door", d))
	run := must(w.store.Start(newDoorPlan(t, wait), w.nip.Now()))(t)
	t.Cleanup(func() { run.Close() })
	return w, run
}

// newDoorPlan reads the door's plan.
func newDoorPlan(t testing.TB, wait string) *Plan {
	t.Helper()
	plan := must(ParsePlan(doorPlanThatWaits(wait)))(t)
	t.Cleanup(func() { plan.Close() })
	return plan
}

// JSON of the library carries no zero byte; what failed is told nevertheless.
func TestOwnDriverSaysWhyInAnyText(t *testing.T) {
	for _, set := range []func() Outcome{
		func() Outcome { return Failed("exited", "a\x00b") },
		func() Outcome { panic("a\x00b") },
	} {
		set := set
		d := &door{position: "closed"}
		d.set = func(_ context.Context, _ *Action, wanted string) Outcome {
			if wanted == "open" {
				return set()
			}
			return d.move(wanted)
		}
		w, run := startDoor(t, d, "1ms", WithVirtualClock(began))
		result := must(run.Wait(context.Background(), w.drivers))(t)
		if result.Outcome() != "returned" || !strings.Contains(result.Message, `a\x00b`) {
			t.Errorf("found %s: %s", result.Outcome(), result.Message)
		}
	}
}

func TestOwnDriver(t *testing.T) {
	waits := map[string]string{"real": "1ms", "virtual": "24h"}
	for name, options := range clocks {
		t.Run(name, func(t *testing.T) {
			d := &door{position: "closed"}
			w, run := startDoor(t, d, waits[name], options...)
			result := must(run.Wait(context.Background(), w.drivers))(t)
			equal(t, result.Outcome(), "succeeded")
			equal(t, d.now(), "open")
		})
	}
}

// Work of real goroutines holds a virtual clock back: no deadline passes meanwhile.
func TestVirtualClockWaitsForDrivers(t *testing.T) {
	d := &door{position: "closed"}
	d.set = func(ctx context.Context, action *Action, wanted string) Outcome {
		time.Sleep(20 * time.Millisecond)
		if ctx.Err() != nil {
			return Failed("timeout", "the clock went on")
		}
		return d.move(wanted)
	}
	w, run := startDoor(t, d, "24h", WithVirtualClock(began))
	op := must(run.Drive(w.drivers))(t)
	defer op.Close()
	for op.Next(context.Background()) {
		if event := op.Event(); event.Kind == "step.acted" && !event.At.Equal(began) {
			t.Fatalf("the clock went on to %v", event.At)
		}
	}
	check(t, op.Err())
	result := must(op.RunResult())(t)
	equal(t, result.Outcome(), "succeeded")
	if took := result.Ended.Sub(result.Started); took < 24*time.Hour || took > 25*time.Hour {
		t.Fatalf("a day of waiting took %v of virtual time", took)
	}
}

// While drivers work in virtual time, nobody spins.
func TestVirtualClockWaitsAtRest(t *testing.T) {
	d, tried := stuckDoor()
	w, run := startDoor(t, d, "1h", WithVirtualClock(began))
	op := must(run.Drive(w.drivers))(t)
	ended := make(chan error)
	go func() { ended <- op.Wait(context.Background()) }()
	<-tried
	before := processorTime(t)
	time.Sleep(200 * time.Millisecond)
	used := processorTime(t) - before
	op.Close()
	<-ended
	if used > 120*time.Millisecond {
		t.Fatalf("200ms of waiting used %v of a processor", used)
	}
}

func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	check(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// With a real clock an outcome wakes the operation at once, not when it next looks for requests.
func TestOutcomesWakeTheOperation(t *testing.T) {
	const count = 100
	w := newWorld(t, "memory:", simulated("unused", ""))
	check(t, w.drivers.Bind("lamp", lampDriver{}))
	plan := must(ParsePlan(manyActions(count)))(t)
	defer plan.Close()
	run := must(w.store.Start(plan, w.nip.Now()))(t)
	defer run.Close()
	within(t, fmt.Sprint(count, " actions"), func() { must(run.Wait(context.Background(), w.drivers))(t) })
	equal(t, run.Outcome(), "succeeded")
}

// An outcome that comes after the library let go of its action belongs to nobody.
func TestOutcomeOfAForgottenAction(t *testing.T) {
	began, release, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
	d := &door{}
	d.set = func(ctx context.Context, action *Action, wanted string) Outcome {
		close(began)
		<-release
		if ctx.Err() == nil {
			t.Error("nobody told the goroutine")
		}
		return Done(nil)
	}
	host := must(newHostDriver(d))(t)
	defer host.destroy()
	c := pointer(new(int))
	host.start(c, &Action{Verb: "set", Args: []byte("{}")})
	work := host.pending[c]
	<-began
	host.forget(c)
	close(release)
	go func() {
		defer close(left)
		host.finish(work, []byte("{}")) // as the goroutine does, or did
	}()
	<-left
	equal(t, len(host.pending)+len(host.finished), 0)
	equal(t, cReadable(uintptr(host.descriptor())), false)
}

func TestPanicInDriverTurnsTheRunBack(t *testing.T) {
	d := &door{position: "closed"}
	d.set = func(ctx context.Context, action *Action, wanted string) Outcome {
		if wanted == "open" {
			panic("the hinge broke")
		}
		return d.move(wanted)
	}
	w, run := startDoor(t, d, "1ms")
	result := must(run.Wait(context.Background(), w.drivers))(t)
	equal(t, result.Outcome(), "returned")
	if !strings.Contains(result.Message, "panicked in door/set: the hinge broke") {
		t.Fatalf("message %q does not name the panic", result.Message)
	}
	equal(t, d.now(), "closed")
}

func TestRunDrivenByItsHost(t *testing.T) {
	w := newWorld(t, "memory:", simulated("unused", ""))
	now := began
	run := must(w.store.Start(newDoorPlan(t, "1h"), now))(t)
	defer run.Close()
	position := "closed"
	for steps := 0; run.Outcome() == ""; steps++ {
		if steps > 100 {
			t.Fatal("the run does not end")
		}
		step := must(run.Next(now))(t)
		switch {
		case step.Action != nil:
			if step.Action.Verb == "set" {
				position = "open"
			}
			check(t, run.Complete(now, step.Action.ID, Done(map[string]string{"position": position})))
		case !step.Done:
			now = step.Until
		}
	}
	equal(t, run.Outcome(), "succeeded")
	equal(t, position, "open")
	equal(t, now.Sub(began) >= time.Hour, true)
	step := must(run.Next(now))(t)
	equal(t, step, Step{Done: true})
	equal(t, fmt.Sprint(must(run.Poll())(t)), "false")
}
