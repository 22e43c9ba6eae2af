package nipops

// Rollouts in processes of their own: ended by a signal, killed, taken up again.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// runErrand is what the other process does: it drives the rollout of a store's app, and says what happens, one line
// each.
func runErrand(store string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := rollOutOn(ctx, store); err != nil {
		fmt.Println("error", errors.Is(err, context.Canceled), err)
		return 1
	}
	return 0
}

func rollOutOn(ctx context.Context, url string) error {
	nip, err := New()
	if err != nil {
		return err
	}
	defer nip.Close()
	store, err := nip.OpenStore(url)
	if err != nil {
		return err
	}
	defer store.Close()
	drivers, err := nip.NewDrivers()
	if err != nil {
		return err
	}
	defer drivers.Close()
	if err := drivers.Bind("door", &door{position: "closed"}); err != nil {
		return err
	}
	plan, err := ParsePlan(doorPlanThatWaits("1h"))
	if err != nil {
		return err
	}
	defer plan.Close()
	run, err := store.Start(plan, nip.Now())
	if err != nil {
		return err
	}
	defer run.Close()
	op, err := run.Drive(drivers)
	if err != nil {
		return err
	}
	defer op.Close()
	for op.Next(ctx) {
		fmt.Println(op.Event().Kind)
	}
	return op.Err()
}

// errand is the other process.
type errand struct {
	command *exec.Cmd
	lines   *bufio.Scanner
	url     string
}

// startErrand starts it and waits until its run waits.
func startErrand(t *testing.T) *errand {
	t.Helper()
	e := &errand{url: "sqlite:" + filepath.Join(t.TempDir(), "state.db")}
	e.command = exec.Command(must(os.Executable())(t))
	e.command.Env = append(os.Environ(), "NIPOPS_TEST_ERRAND="+e.url)
	e.command.Stderr = os.Stderr
	e.lines = bufio.NewScanner(must(e.command.StdoutPipe())(t))
	check(t, e.command.Start())
	t.Cleanup(func() {
		e.command.Process.Kill()
		e.command.Wait()
	})
	for e.lines.Scan() {
		if e.lines.Text() == "step.waiting" {
			return e
		}
	}
	t.Fatal("the other process ended before its run waited")
	return nil
}

// takeUp resumes its run in this process and ends it.
func (e *errand) takeUp(t *testing.T) {
	t.Helper()
	w := newWorld(t, e.url, simulated("unused", ""))
	check(t, w.drivers.Bind("door", &door{position: "open"}))
	run := must(w.store.Resume("door", w.nip.Now()))(t)
	defer run.Close()
	must(w.store.Request("door", RequestPromote, "test", "", w.nip.Now()))(t)
	result := must(run.Wait(context.Background(), w.drivers))(t)
	equal(t, result.Outcome(), "succeeded")
	equal(t, must(w.store.Verify("door", nil))(t).Verdict, "intact")
}

func TestSignalLeavesTheRun(t *testing.T) {
	e := startErrand(t)
	within(t, "the end after SIGTERM", func() {
		check(t, e.command.Process.Signal(syscall.SIGTERM))
		var last string
		for e.lines.Scan() {
			last = e.lines.Text()
		}
		if !strings.HasPrefix(last, "error true") {
			t.Fatalf("the other process said %q", last)
		}
	})
	e.takeUp(t)
}

func TestKilledProcess(t *testing.T) {
	e := startErrand(t)
	other := newWorld(t, e.url, simulated("unused", ""))
	if _, err := other.store.Resume("door", other.nip.Now()); !errors.Is(err, ErrHeld) {
		t.Fatalf("found %v", err)
	}
	check(t, e.command.Process.Kill())
	e.command.Wait()
	e.takeUp(t)
}
