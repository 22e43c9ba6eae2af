package nipops

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"
)

func TestTime(t *testing.T) {
	at := must(ParseTime("2026-11-23T06:49:30.5+01:00"))(t)
	equal(t, at, time.Date(2026, 11, 23, 5, 49, 30, 500_000_000, time.UTC))
	elsewhere := time.FixedZone("elsewhere", -9*3600)
	equal(t, must(FormatTime(at.In(elsewhere)))(t), "2026-11-23T05:49:30.500Z")
	refused := []time.Time{{}, time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2400, 1, 1, 0, 0, 0, 0, time.UTC)}
	for _, instant := range refused {
		if text, err := FormatTime(instant); !errors.Is(err, ErrInvalid) {
			t.Errorf("%v was taken for %q, %v", instant, text, err)
		}
	}
	if _, err := ParseTime("yesterday"); !errors.Is(err, ErrInvalid) {
		t.Errorf("found %v", err)
	}
}

func TestInstantsAtTheEdges(t *testing.T) {
	equal(t, must(fromTime(time.Time{}))(t), int64(timeNone))
	equal(t, must(fromTime(Never))(t), int64(timeMax))
	equal(t, toTime(timeNone).IsZero(), true)
	equal(t, toTime(timeMax), Never)
	equal(t, must(fromTime(toTime(math.MinInt64+1)))(t), int64(math.MinInt64+1))
	for _, beyond := range []time.Time{Never.Add(1), earliest.Add(-1)} {
		if _, err := fromTime(beyond); !errors.Is(err, ErrInvalid) {
			t.Errorf("%v: found %v", beyond, err)
		}
	}
}

func TestInstantsOutsideAreRefusedEverywhere(t *testing.T) {
	w := newWorld(t, "memory:", simulated("outside", ""), WithVirtualClock(began))
	plan := w.plan(t)
	run := must(w.store.Start(plan, began))(t)
	defer run.Close()
	far := time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)
	_, started := w.store.Start(plan, far)
	_, resumed := w.store.Resume("shop", far)
	_, status := run.Status(far)
	_, next := run.Next(far)
	_, appended := w.store.Append("shop", 0, "note.written", far, []byte("{}"))
	_, requested := w.store.Request("shop", RequestPause, "me", "", far)
	_, retired := PlanRetire(nil, nil, far, false)
	_, made := New(WithVirtualClock(far))
	completed := run.Complete(far, "shop-1.1", Done(nil))
	for i, err := range []error{started, resumed, status, next, appended, requested, retired, made, completed} {
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("call %d: found %v", i, err)
		}
	}
	if _, err := w.store.Start(plan, time.Time{}); !errors.Is(err, ErrInvalid) {
		t.Errorf("the zero time began a run: %v", err)
	}
}

func TestDuration(t *testing.T) {
	equal(t, must(ParseDuration("1h30m"))(t), 90*time.Minute)
	equal(t, must(FormatDuration(1500*time.Millisecond))(t), "1s500ms")
	if _, err := ParseDuration("90"); !errors.Is(err, ErrInvalid) {
		t.Errorf("found %v", err)
	}
}

func TestRolloutArithmetic(t *testing.T) {
	equal(t, must(CanarySplit(10, 25, 0))(t), Split{Canary: 3, Stable: 7})
	equal(t, must(RollingFenceposts(10, "25%", "25%"))(t), Fenceposts{Surge: 3, Unavailable: 2})
	for _, err := range []error{
		errorOf(CanarySplit(-1, 0, 0)),
		errorOf(RollingFenceposts(10, "many", "0")),
		errorOf(BinomialTail(2, 1, 0.5)),
		errorOf(RatioVerdict(1, 2, 3, 0, 1, 0.01)),
	} {
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("found %v", err)
		}
	}
}

func errorOf[T any](_ T, err error) error {
	return err
}

func TestVerdicts(t *testing.T) {
	if tail := must(BinomialTail(1, 2, 0.5))(t); math.Abs(tail-0.75) > 1e-12 {
		t.Errorf("found %v", tail)
	}
	cases := []struct {
		events, total int64
		wanted        Verdict
		name          string
	}{
		{0, 100, VerdictPass, "pass"},
		{0, 0, VerdictNoData, "no_data"},
		{1, 10, VerdictInconclusive, "inconclusive"},
		{90, 100, VerdictFail, "fail"},
	}
	for _, c := range cases {
		verdict := must(RatioVerdict(c.events, c.total, 0.01, 50, 1, 0.01))(t)
		equal(t, verdict, c.wanted)
		equal(t, verdict.String(), c.name)
	}
	if text := fmt.Sprint(Verdict(99)); text == "" {
		t.Error("an unknown verdict has no text")
	}
	equal(t, Verdict(1<<32).String(), Verdict(99).String()) // not that of 0
}

func TestVersion(t *testing.T) {
	equal(t, Version(), fmt.Sprintf("%d.%d.%d", VersionMajor, VersionMinor, VersionPatch))
}
