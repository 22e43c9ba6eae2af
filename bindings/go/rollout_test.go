package nipops

// Whole rollouts.

import (
	"context"
	"errors"
	"strings"
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

// A new set is enough to go on with a run: the plan names its drivers.
func TestPlanNamesItsDrivers(t *testing.T) {
	w := newWorld(t, "memory:", simulated("go-named", ""), WithVirtualClock(began))
	check(t, w.start(t).Close())
	run := must(w.store.Resume("shop", w.nip.Now()))(t)
	defer run.Close()
	drivers := must(w.nip.NewDrivers())(t)
	defer drivers.Close()
	result := must(run.Wait(context.Background(), drivers))(t)
	equal(t, result.Outcome(), "succeeded")
}

func TestRoleThatNobodyServes(t *testing.T) {
	w := newWorld(t, "memory:", simulated("unused", ""), WithVirtualClock(began))
	run := must(w.store.Start(newDoorPlan(t, "1h"), began))(t)
	defer run.Close()
	if _, err := run.Drive(w.drivers); !errors.Is(err, ErrState) || !strings.Contains(err.Error(), `"door"`) {
		t.Fatalf("found %v", err)
	}
	check(t, w.drivers.Bind("door", &door{position: "closed"}))
	must(run.Wait(context.Background(), w.drivers))(t)
	equal(t, run.Outcome(), "succeeded")
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

func TestSubjectOfADocument(t *testing.T) {
	documents := map[string]string{
		string(simulated("unused", "")): "shop",
		"app: shop\nreplicas: 3\n":      "shop",
		"rollout: {App: shop}":          "",
		"rollout: {app: [shop]}":        "",
		"rollout: shop":                 "",
		"health: {targets: []}":         "",
		"[app, shop]":                   "",
	}
	for text, wanted := range documents {
		document := must(ParseDocument([]byte(text), ""))(t)
		if found := document.Subject(); found != wanted {
			t.Errorf("%s: found %q", text, found)
		}
		document.Close()
	}
}
