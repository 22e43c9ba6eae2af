package nipops

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// shopNamed is a rollout of an app of that name in a world of its own.
func shopNamed(name string) []byte {
	text := string(simulated("go-many-"+name, ""))
	return []byte(strings.ReplaceAll(strings.ReplaceAll(text, "app: shop", "app: "+name), "200ms", "20ms"))
}

// rollOut rolls one app out, with drivers and a document of its own.
func rollOut(nip *Context, store *Store, app string) error {
	document, err := ParseDocument(shopNamed(app), app+".yaml")
	if err != nil {
		return err
	}
	defer document.Close()
	drivers, err := nip.NewDrivers()
	if err != nil {
		return err
	}
	defer drivers.Close()
	observed, err := nip.Observe(context.Background(), document, drivers)
	if err != nil {
		return err
	}
	plan, err := PlanRollout(document, nil, observed)
	if err != nil {
		return err
	}
	defer plan.Close()
	run, err := store.Start(plan, nip.Now())
	if err != nil {
		return err
	}
	defer run.Close()
	result, err := run.Wait(context.Background(), drivers)
	if err == nil && result.Outcome() != "succeeded" {
		err = fmt.Errorf("%s: %s, %s", app, result.Outcome(), result.Message)
	}
	return err
}

// together runs act in many goroutines.
func together(t *testing.T, count int, act func(number int) error) {
	t.Helper()
	failures := make(chan error, count)
	for i := 0; i < count; i++ {
		go func(number int) { failures <- act(number) }(i)
	}
	for i := 0; i < count; i++ {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
}

func TestManyRuns(t *testing.T) {
	nip := must(New())(t)
	defer nip.Close()
	folder := t.TempDir()
	shared := must(nip.OpenStore("sqlite:" + filepath.Join(folder, "shared.db")))(t)
	defer shared.Close()
	t.Run("one store", func(t *testing.T) {
		together(t, 8, func(number int) error { return rollOut(nip, shared, fmt.Sprintf("one-%d", number)) })
		equal(t, len(must(shared.Runs(""))(t)), 8)
	})
	t.Run("a store each, of one file", func(t *testing.T) {
		together(t, 4, func(number int) error {
			store, err := nip.OpenStore("sqlite:" + filepath.Join(folder, "shared.db"))
			if err != nil {
				return err
			}
			defer store.Close()
			return rollOut(nip, store, fmt.Sprintf("each-%d", number))
		})
	})
	t.Run("a context each", func(t *testing.T) {
		together(t, 4, func(number int) error {
			own, err := New(WithVirtualClock(began))
			if err != nil {
				return err
			}
			defer own.Close()
			store, err := own.OpenStore("memory:")
			if err != nil {
				return err
			}
			defer store.Close()
			return rollOut(own, store, fmt.Sprintf("own-%d", number))
		})
	})
}

func TestManyCallsOnOneObject(t *testing.T) {
	w, run := startDoor(t, &door{position: "closed"}, "1ms")
	op := must(run.Drive(w.drivers))(t)
	defer op.Close()
	var seen sync.Map
	together(t, 8, func(number int) error {
		for op.Next(context.Background()) {
			seen.Store(op.Event().Sequence, true)
		}
		for i := 0; i < 20; i++ {
			w.store.Append(fmt.Sprintf("notes-%d", number), AnySequence, "note.written", began, note(i))
			run.Status(w.nip.Now())
			run.State()
			op.Status()
			w.document.JSON()
			w.store.Subjects()
		}
		return op.Err()
	})
	equal(t, run.Outcome(), "succeeded")
}

// Everything is closed by one goroutine each while another one uses it.
func TestCloseInAnyOrderWhileInUse(t *testing.T) {
	for round := 0; round < 30; round++ {
		w, run := startDoor(t, &door{position: "closed"}, "1ms")
		op := must(run.Drive(w.drivers))(t)
		acts := []func() error{
			w.nip.Close, w.store.Close, run.Close, op.Close, w.drivers.Close, w.document.Close,
			func() error { return op.Wait(context.Background()) },
			func() error {
				for op.Next(context.Background()) {
					op.Event()
				}
				return op.Err()
			},
			func() error { return errorOf(run.Status(began)) },
			func() error { return errorOf(w.store.Append("notes", AnySequence, "note.written", began, note(1))) },
			func() error { return errorOf(w.document.JSON()) },
			func() error { op.Cancel(); return nil },
		}
		together(t, len(acts), func(number int) error {
			err := acts[(number+round)%len(acts)]()
			if err == nil || errors.Is(err, ErrClosed) || errors.Is(err, ErrCancelled) {
				return nil
			}
			return err
		})
	}
}
