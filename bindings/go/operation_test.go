package nipops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is far beyond what anything here takes; what was taken is logged.
const patience = 5 * time.Second

var clocks = map[string][]Option{"real": nil, "virtual": {WithVirtualClock(began)}}

// stuckDoor is a door that never opens, and tells when somebody tries.
func stuckDoor() (d *door, tried chan struct{}) {
	tried = make(chan struct{}, 100)
	d = &door{position: "closed"}
	d.set = func(ctx context.Context, action *Action, wanted string) Outcome {
		tried <- struct{}{}
		<-ctx.Done()
		return Failed("timeout", "nobody waits any more")
	}
	return d, tried
}

// within fails the test when act takes longer than patience, and logs what it took.
func within(t testing.TB, what string, act func()) {
	t.Helper()
	started := time.Now()
	act()
	took := time.Since(started)
	t.Logf("%s took %v", what, took)
	if took > patience {
		t.Fatalf("%s took %v", what, took)
	}
}

func TestContextEndsAnOperation(t *testing.T) {
	ends := map[string]struct {
		begin  func() (context.Context, context.CancelFunc)
		wanted error
	}{
		"cancelled": {func() (context.Context, context.CancelFunc) {
			return context.WithCancel(context.Background())
		}, context.Canceled},
		"deadline": {func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), 50*time.Millisecond)
		}, context.DeadlineExceeded},
	}
	for name, end := range ends {
		for clock, options := range clocks {
			t.Run(name+" "+clock, func(t *testing.T) {
				d, tried := stuckDoor()
				w, run := startDoor(t, d, "1h", options...)
				ctx, cancel := end.begin()
				defer cancel()
				if end.wanted == context.Canceled {
					go func() { <-tried; cancel() }()
				}
				var err error
				within(t, "the end", func() { _, err = run.Wait(ctx, w.drivers) })
				if !errors.Is(err, end.wanted) || !errors.Is(err, ErrCancelled) ||
					!strings.HasSuffix(err.Error(), ": "+end.wanted.Error()) {
					t.Fatalf("found %v", err)
				}
				equal(t, run.Outcome(), "")
			})
		}
	}
}

func TestContextThatEndedBefore(t *testing.T) {
	w, run := startDoor(t, &door{}, "1h")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	op := must(run.Drive(w.drivers))(t)
	defer op.Close()
	for op.Next(ctx) {
		equal(t, op.Event().Kind, "run.planned") // is there already; nothing is begun
	}
	if !errors.Is(op.Err(), context.Canceled) {
		t.Fatalf("found %v", op.Err())
	}
	equal(t, op.Next(context.Background()), false)
}

// What was left is taken up again, the action in doubt included.
func TestLeaveAndResume(t *testing.T) {
	stuck, tried := stuckDoor()
	w, run := startDoor(t, stuck, "1ms")
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-tried; cancel() }()
	if _, err := run.Wait(ctx, w.drivers); !errors.Is(err, context.Canceled) {
		t.Fatalf("found %v", err)
	}
	if _, err := w.store.Resume("door", w.nip.Now()); !errors.Is(err, ErrHeld) {
		t.Fatalf("the run was driven twice: %v", err)
	}
	check(t, run.Close())
	working := &door{position: "closed"}
	check(t, w.drivers.Bind("door", working))
	resumed := must(w.store.Resume("door", w.nip.Now()))(t)
	defer resumed.Close()
	equal(t, resumed.ID(), run.ID())
	result := must(resumed.Wait(context.Background(), w.drivers))(t)
	equal(t, result.Outcome(), "succeeded")
	equal(t, working.now(), "open")
}

func TestCancelFromAnotherGoroutine(t *testing.T) {
	d, tried := stuckDoor()
	w, run := startDoor(t, d, "1h")
	op := must(run.Drive(w.drivers))(t)
	defer op.Close()
	go func() { <-tried; op.Cancel(); op.Cancel() }()
	err := op.Wait(context.Background())
	if !errors.Is(err, ErrCancelled) || errors.Is(err, context.Canceled) {
		t.Fatalf("found %v", err)
	}
	kinds := []string{}
	for op.Next(context.Background()) { // what happened before is still told
		kinds = append(kinds, op.Event().Kind)
	}
	if len(kinds) == 0 || kinds[0] != "run.planned" || !errors.Is(op.Err(), ErrCancelled) {
		t.Fatalf("found %v, %v", kinds, op.Err())
	}
}

func TestCloseWhileAnotherGoroutineWaits(t *testing.T) {
	d, tried := stuckDoor()
	w, run := startDoor(t, d, "1h")
	op := must(run.Drive(w.drivers))(t)
	ended := make(chan error)
	go func() { ended <- op.Wait(context.Background()) }()
	<-tried
	within(t, "Close", func() { check(t, op.Close()) })
	if err := <-ended; !errors.Is(err, ErrCancelled) {
		t.Fatalf("found %v", err)
	}
}

func TestOneOperationAtATimeUsesASetOfDrivers(t *testing.T) {
	d, tried := stuckDoor()
	w, run := startDoor(t, d, "1h")
	op := must(run.Drive(w.drivers))(t)
	ended := make(chan error)
	go func() { ended <- op.Wait(context.Background()) }()
	<-tried
	_, second := run.Drive(w.drivers)
	_, observed := w.nip.Observe(context.Background(), w.document, w.drivers)
	for i, err := range []error{
		second, observed, w.drivers.Bind("door", d), w.drivers.BindBuiltIn("check", nil, "check"),
		w.drivers.Open([]byte(`{"lamp":{"driver":"sim"}}`)),
	} {
		if !errors.Is(err, ErrBusy) {
			t.Errorf("call %d: found %v", i, err)
		}
	}
	op.Cancel()
	<-ended
	check(t, w.drivers.Bind("door", d)) // it is over, though not closed
	op.Close()
}

// The library lends drivers of the host to several operations, which would take each other's outcomes.
func TestOneOperationAtATimeUsesOwnDrivers(t *testing.T) {
	w, run := startDoor(t, &door{}, "1h")
	check(t, w.drivers.Bind("check", &door{}))
	other := must(w.nip.OpenStore("memory:"))(t)
	defer other.Close()
	second := must(other.Start(newDoorPlan(t, "1h"), w.nip.Now()))(t)
	defer second.Close()
	op := must(run.Drive(w.drivers))(t)
	if _, err := second.Drive(w.drivers); !errors.Is(err, ErrBusy) {
		t.Fatalf("found %v", err)
	}
	check(t, op.Close())
	check(t, must(second.Drive(w.drivers))(t).Close())
}

func TestOperationThatIsClosedBeforeItBegan(t *testing.T) {
	w, run := startDoor(t, &door{position: "closed"}, "1ms")
	check(t, must(run.Drive(w.drivers))(t).Close())
	must(run.Wait(context.Background(), w.drivers))(t)
	equal(t, run.Outcome(), "succeeded")
}

// The context of whoever waits for a turn ends the operation too.
func TestContextOfASecondGoroutine(t *testing.T) {
	d, tried := stuckDoor()
	w, run := startDoor(t, d, "1h")
	op := must(run.Drive(w.drivers))(t)
	defer op.Close()
	ended := make(chan error)
	go func() { ended <- op.Wait(context.Background()) }()
	<-tried
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	within(t, "the end", func() {
		if err := op.Wait(ctx); !errors.Is(err, ErrCancelled) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("found %v", err)
		}
		if err := <-ended; !errors.Is(err, ErrCancelled) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("found %v", err)
		}
	})
}

// Close gives everything back at once, without the garbage collector; and nobody watches a context after the call that
// it was given to.
func TestNothingIsLeftOfAnOperation(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	w, run := startDoor(t, &door{position: "closed"}, "1ms")
	goroutines, descriptors := runtime.NumGoroutine(), countEntries(t, "/proc/self/fd")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	op := must(run.Drive(w.drivers))(t)
	check(t, op.Wait(ctx))
	check(t, op.Close())
	equal(t, countEntries(t, "/proc/self/fd"), descriptors)
	eventually(t, func() error {
		if now := runtime.NumGoroutine(); now > goroutines {
			return fmt.Errorf("%d goroutines before, %d after", goroutines, now)
		}
		return nil
	})
}

func TestOwnLoop(t *testing.T) {
	for name, options := range clocks {
		t.Run(name, func(t *testing.T) {
			w, run := startDoor(t, &door{position: "closed"}, "10ms", options...)
			op := must(run.Drive(w.drivers))(t)
			defer op.Close()
			over := false
			for turns := 0; !over; turns++ {
				if turns > 10000 {
					t.Fatal("the operation does not end")
				}
				over = must(op.Step())(t)
				for !over && !cReadable(uintptr(op.FD())) {
					runtime.Gosched()
				}
			}
			equal(t, run.Outcome(), "succeeded")
			equal(t, must(op.RunResult())(t).Outcome(), "succeeded")
			over = must(op.Step())(t)
			equal(t, over, true)
		})
	}
}

func TestRunInside(t *testing.T) {
	w := newWorld(t, "memory:", simulated("go-inside", ""), WithVirtualClock(began))
	run := w.start(t)
	op := must(run.Drive(w.drivers))(t)
	defer op.Close()
	if over := must(op.WaitInside(time.Millisecond))(t); over {
		t.Fatal("over at once")
	}
	if over := must(op.WaitInside(-time.Second))(t); over { // what is left until an instant that is past
		t.Fatal("over in no time")
	}
	check(t, op.RunInside())
	equal(t, run.Outcome(), "succeeded")
}

func TestRunInsideWithAnOwnDriver(t *testing.T) {
	for name, options := range clocks {
		t.Run(name, func(t *testing.T) {
			d := &door{position: "closed"}
			w, run := startDoor(t, d, "10ms", options...)
			op := must(run.Drive(w.drivers))(t)
			defer op.Close()
			check(t, op.RunInside())
			equal(t, run.Outcome(), "succeeded")
			equal(t, d.now(), "open")
		})
	}
}

func TestCancelReachesRunInside(t *testing.T) {
	for name, options := range clocks {
		t.Run(name, func(t *testing.T) {
			d, tried := stuckDoor()
			w, run := startDoor(t, d, "1h", options...)
			op := must(run.Drive(w.drivers))(t)
			defer op.Close()
			go func() { <-tried; op.Cancel() }()
			within(t, "the end", func() {
				if err := op.RunInside(); !errors.Is(err, ErrCancelled) {
					t.Errorf("found %v", err)
				}
			})
		})
	}
}

func TestResultBeforeTheEnd(t *testing.T) {
	w, run := startDoor(t, &door{}, "1h")
	op := must(run.Drive(w.drivers))(t)
	defer op.Close()
	if _, err := op.RunResult(); !errors.Is(err, ErrState) {
		t.Fatalf("found %v", err)
	}
	if status := must(op.Status())(t); !strings.Contains(string(status), `"door"`) {
		t.Fatalf("found %s", status)
	}
}

func TestPauseAndPromoteWhileItIsDriven(t *testing.T) {
	w, run := startDoor(t, &door{position: "closed"}, "1h")
	op := must(run.Drive(w.drivers))(t)
	defer op.Close()
	for op.Next(context.Background()) {
		if op.Event().Kind == "step.waiting" { // an hour, unless somebody ends it; the store is free while Next waits
			go w.store.Request(run.ID(), RequestPromote, "test", "no time", w.nip.Now())
		}
	}
	check(t, op.Err())
	equal(t, run.Outcome(), "succeeded")
}

func TestHealthCheck(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		if request.URL.Path == "/ill" {
			answer.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	nip := must(New())(t)
	defer nip.Close()
	text := fmt.Sprintf("health: {targets: [\"%s/well\", \"%[1]s/ill\"], interval: 20ms, timeout: 300ms}\n", server.URL)
	document := must(ParseDocument([]byte(text), "health.yaml"))(t)
	defer document.Close()
	report := must(nip.HealthCheck(context.Background(), document))(t)
	equal(t, report.Healthy, 1)
	equal(t, report.Unhealthy, 1)
	equal(t, *report.Targets[0].Healthy, true)
	equal(t, *report.Targets[1].Healthy, false)
	if report.Targets[1].FirstFailure == nil || report.Targets[1].FirstFailure.Message == "" {
		t.Fatalf("found %s", report.Raw)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if _, err := nip.HealthCheck(ctx, document); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("found %v", err)
	}
}

func TestWatch(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		if request.URL.Path == "/ill" {
			answer.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	nip := must(New())(t)
	defer nip.Close()
	text := fmt.Sprintf("health: {targets: [\"%s/well\", \"%[1]s/ill\"], watch: true, failures: 2, interval: 10ms}\n", server.URL)
	document := must(ParseDocument([]byte(text), "health.yaml"))(t)
	defer document.Close()
	op := must(nip.StartHealthCheck(document))(t)
	defer op.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	changes := map[string]string{}
	for len(changes) < 2 && op.Next(ctx) {
		var change struct{ Target, From, To string }
		check(t, json.Unmarshal(op.Event().Payload, &change))
		changes[change.Target] = change.From + " " + change.To
	}
	check(t, op.Err())
	equal(t, changes[server.URL+"/well"], "unknown healthy")
	equal(t, changes[server.URL+"/ill"], "unknown unhealthy")
	var status struct {
		Healthy, Unhealthy, Unknown int
		Targets                     []struct{ Index int }
	}
	check(t, json.Unmarshal(must(op.Status())(t), &status))
	equal(t, status.Healthy, 1)
	equal(t, status.Unhealthy, 1)
	equal(t, status.Unknown, 0)
	equal(t, status.Targets[0].Index, 1)
	cancel()
	if err := op.Wait(ctx); !errors.Is(err, ErrCancelled) {
		t.Fatalf("found %v", err)
	}
}

func TestObserveRelease(t *testing.T) {
	w := newWorld(t, "memory:", simulated("go-observe-release", ""), WithVirtualClock(began))
	if _, err := w.nip.ObserveRelease(context.Background(), nil, w.drivers); !errors.Is(err, ErrState) {
		t.Fatalf("nothing was released, and yet: %v", err)
	}
	must(w.start(t).Wait(context.Background(), w.drivers))(t)
	release := must(w.store.Release("shop"))(t)
	observed := must(w.nip.ObserveRelease(context.Background(), release, w.drivers))(t)
	check(t, CompareObserved(observed, observed))
	if _, err := PlanEnsure(nil, observed); !errors.Is(err, ErrState) {
		t.Fatalf("nothing was released, and yet: %v", err)
	}
	ensure := must(PlanEnsure(release, observed))(t)
	defer ensure.Close()
	equal(t, ensure.Steps(), int64(0))
	if _, err := PlanRollback(release, observed); !errors.Is(err, ErrState) {
		t.Errorf("found %v", err)
	}
	retire := must(PlanRetire(release, observed, w.nip.Now(), true))(t)
	defer retire.Close()
	equal(t, retire.Subject(), "shop")
	changed := strings.Replace(string(observed), "9100", "9101", 1)
	if err := CompareObserved(observed, []byte(changed)); !errors.Is(err, ErrDiffers) {
		t.Errorf("found %v", err)
	}
}

// Many waiting operations hold no thread each, and leave no goroutine and no descriptor behind.
func TestWaitingIsCheap(t *testing.T) {
	const count = 60
	goroutines, descriptors := runtime.NumGoroutine(), countEntries(t, "/proc/self/fd")
	ctx, cancel := context.WithCancel(context.Background())
	var waiting sync.WaitGroup
	for i := 0; i < count; i++ {
		d, tried := stuckDoor()
		w, run := startDoor(t, d, "1h")
		waiting.Add(1)
		go func() {
			defer waiting.Done()
			run.Wait(ctx, w.drivers)
			run.Close()
			w.close()
		}()
		<-tried
	}
	threads := countEntries(t, "/proc/self/task")
	t.Logf("%d waiting operations, %d threads", count, threads)
	if threads >= count {
		t.Errorf("%d waiting operations keep %d threads", count, threads)
	}
	within(t, "cancelling all", func() { cancel(); waiting.Wait() })
	eventually(t, func() error {
		if now := runtime.NumGoroutine(); now > goroutines {
			return fmt.Errorf("%d goroutines before, %d after", goroutines, now)
		}
		if now := countEntries(t, "/proc/self/fd"); now > descriptors {
			return fmt.Errorf("%d descriptors before, %d after", descriptors, now)
		}
		return nil
	})
}

func countEntries(t testing.TB, folder string) int {
	t.Helper()
	return len(must(os.ReadDir(folder))(t))
}

// eventually asks until there is no complaint any more.
func eventually(t testing.TB, complaint func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for complaint() != nil {
		if time.Now().After(deadline) {
			t.Fatal(complaint())
		}
		time.Sleep(time.Millisecond)
	}
}

func TestNoDescriptorsLeft(t *testing.T) {
	w, run := startDoor(t, &door{}, "1h")
	var limit syscall.Rlimit
	check(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	low := limit
	low.Cur = 3
	check(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low))
	_, err := run.Drive(w.drivers)
	check(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	if err == nil {
		t.Fatal("an operation without descriptors")
	}
	op := must(run.Drive(w.drivers))(t)
	check(t, op.Close())
}
