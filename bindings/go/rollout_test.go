package nipops

// Whole rollouts.

import (
	"context"
	"testing"
)

func TestRolloutInVirtualTime(t *testing.T) {
	w := newWorld(t, "memory:", simulated("go-virtual", ""), WithVirtualClock(began))
	run := w.start(t)
	result := must(run.Wait(context.Background(), w.drivers))(t)
	equal(t, result.Outcome(), "succeeded")
	equal(t, run.Outcome(), "succeeded")
	equal(t, result.Run, run.ID())
	if len(must(w.store.Release("shop"))(t)) == 0 {
		t.Fatal("nothing was released")
	}
}

func TestRolloutInRealTimeTellsEvents(t *testing.T) {
	w := newWorld(t, "sqlite:"+t.TempDir()+"/state.db", simulated("go-real", ""))
	run := w.start(t)
	op := must(run.Drive(w.drivers))(t)
	defer op.Close()
	var last Record
	for op.Next(context.Background()) {
		event := op.Event()
		if event.Sequence != last.Sequence+1 || event.Kind == "" || len(event.Payload) == 0 || event.At.IsZero() {
			t.Fatalf("after %+v came %+v", last, event)
		}
		last = event
	}
	check(t, op.Err())
	equal(t, last.Kind, "run.ended")
	equal(t, must(op.RunResult())(t).Outcome(), "succeeded")
	equal(t, last.Sequence, run.Sequence())
}
