package nipops

// What the tests share.

import (
	"context"
	"testing"
	"time"
)

// simulated is a rollout document of a simulated world; each world has a name of its own, since worlds live as long as
// somebody holds them.
func simulated(world, extra string) []byte {
	return []byte(`
rollout:
  app: shop
  artifact: "1.0.0"
  replicas: 3
  strategy: rolling
  target: {driver: sim, world: ` + world + `, start_delay: 200ms` + extra + `}
  router: {driver: sim, world: ` + world + `, start_delay: 200ms` + extra + `}
  health: {url: "http://{endpoint}/health", interval: 100ms, timeout: 30s, successes: 2}
`)
}

var began = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// world is all that a rollout needs.
type world struct {
	nip      *Context
	store    *Store
	drivers  *Drivers
	document *Document
}

// newWorld opens a world that is closed when the test is over.
func newWorld(t testing.TB, url string, text []byte, options ...Option) *world {
	t.Helper()
	w := &world{}
	w.nip = must(New(options...))(t)
	w.store = must(w.nip.OpenStore(url))(t)
	w.drivers = must(w.nip.NewDrivers())(t)
	w.document = must(ParseDocument(text, "rollout.yaml"))(t)
	t.Cleanup(w.close)
	return w
}

func (w *world) close() {
	w.document.Close()
	w.drivers.Close()
	w.store.Close()
	w.nip.Close()
}

// plan plans the document's rollout.
func (w *world) plan(t testing.TB) *Plan {
	t.Helper()
	observed := must(w.nip.Observe(context.Background(), w.document, w.drivers))(t)
	release := must(w.store.Release("shop"))(t)
	plan := must(PlanRollout(w.document, release, observed))(t)
	t.Cleanup(func() { plan.Close() })
	return plan
}

// start begins the document's rollout.
func (w *world) start(t testing.TB) *Run {
	t.Helper()
	run := must(w.store.Start(w.plan(t), w.nip.Now()))(t)
	t.Cleanup(func() { run.Close() })
	return run
}

// must gives the value, or ends the test: must(call())(t).
func must[T any](value T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t testing.TB, found, wanted T) {
	t.Helper()
	if found != wanted {
		t.Fatalf("found %v, wanted %v", found, wanted)
	}
}
