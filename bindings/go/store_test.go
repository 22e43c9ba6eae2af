package nipops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func note(number int) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"number":%d}`, number))
}

// fill appends notes to the subject, from sequence 1.
func fill(t testing.TB, store *Store, subject string, count int) {
	t.Helper()
	for i := 1; i <= count; i++ {
		equal(t, must(store.Append(subject, int64(i-1), "note.written", began, note(i)))(t), int64(i))
	}
}

func TestRecordsWalkAllPages(t *testing.T) {
	w := newWorld(t, "memory:", simulated("pages", ""))
	const count = 2*recordsAtOnce + 7
	fill(t, w.store, "shop", count)
	seen := 0
	records := w.store.Records("shop", 5)
	equal(t, records.Record().Sequence, int64(0))
	for records.Next() {
		record := records.Record()
		equal(t, record.Sequence, int64(seen+6))
		equal(t, string(record.Payload), string(note(seen+6)))
		equal(t, record.At, began)
		seen++
	}
	check(t, records.Err())
	equal(t, seen, count-5)
}

func TestRecordsGoOnAfterTheEnd(t *testing.T) {
	w := newWorld(t, "memory:", simulated("more-records", ""))
	records := w.store.Records("shop", 0)
	for i := int64(1); i <= 3; i++ {
		equal(t, records.Next(), false)
		equal(t, records.Record().Sequence, int64(0))
		check(t, records.Err())
		must(w.store.Append("shop", i-1, "note.written", began, note(1)))(t)
		equal(t, records.Next(), true)
		equal(t, records.Record().Sequence, i)
	}
}

func TestRecordKeepsWhatItDoesNotKnow(t *testing.T) {
	text := `{"sequence":7,"kind":"step.done","at":"2026-01-01T00:00:00Z","epoch":2,"hash":"ab",` +
		`"payload":null,"problem":"edited","new":1}`
	other := `{"payload":{"run":"shop-1"}}`
	single := must(decodeRecord([]byte(text)))(t)
	for _, list := range []string{"[" + text + "," + other + "]", "[ " + text + " ,\n\t" + other + "\n]\n"} {
		records := must(decodeRecords([]byte(list)))(t)
		equal(t, len(records), 2)
		for _, record := range []Record{single, records[0]} {
			equal(t, string(record.Raw), text)
			equal(t, string(record.Payload), "null")
			equal(t, record.Problem, "edited")
			equal(t, record.Epoch, int64(2))
			equal(t, record.Run(), "")
		}
		equal(t, string(records[1].Raw), other)
		equal(t, records[1].Run(), "shop-1")
	}
}

func TestAnswersThatCannotBeRead(t *testing.T) {
	for _, text := range []string{"", "[", "[{]", `[{"sequence":"x"}]`, `[{"sequence":1}`} {
		if _, err := decodeRecords([]byte(text)); !errors.Is(err, ErrInternal) {
			t.Errorf("%q: found %v", text, err)
		}
	}
}

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	w := newWorld(t, "sqlite:"+path, simulated("journal", ""))
	fill(t, w.store, "shop", 4)
	if _, err := w.store.Append("shop", 2, "note.written", began, note(9)); !errors.Is(err, ErrConflict) {
		t.Errorf("found %v", err)
	}
	if _, err := w.store.Append("shop", 4, "run.ended", began, note(9)); !errors.Is(err, ErrInvalid) {
		t.Errorf("a note bore the name of a run's record: %v", err)
	}
	head := must(w.store.Head("shop"))(t)
	equal(t, head.Sequence, int64(4))
	equal(t, len(head.Hash), 64)
	verification := must(w.store.Verify("shop", &head))(t)
	equal(t, verification, Verification{Subject: "shop", Verdict: "intact", Records: 4, Head: "matches"})
	head.Hash = head.Hash[1:] + "0"
	equal(t, must(w.store.Verify("shop", &head))(t).Head, "differs")
	check(t, w.store.Purge("shop", 2))
	equal(t, must(w.store.Verify("shop", nil))(t).Purged, int64(2))
	records := w.store.Records("shop", 0)
	equal(t, records.Next(), true)
	equal(t, string(records.Record().Payload), "null")
	subjects := must(w.store.Subjects())(t)
	equal(t, subjects[len(subjects)-1].Subject, "shop")
	equal(t, subjects[len(subjects)-1].Sequence, int64(4))
	if lease := must(w.store.Lease("shop"))(t); lease != nil {
		t.Errorf("found %+v", lease)
	}
	mode := must(os.Stat(path))(t).Mode().Perm()
	equal(t, mode, os.FileMode(0o600))
}

func TestReadOnlyStore(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "state.db")
	w := newWorld(t, url, simulated("read-only", ""))
	fill(t, w.store, "shop", 1)
	reader := must(w.nip.OpenStoreReadOnly(url))(t)
	defer reader.Close()
	equal(t, must(reader.Head("shop"))(t).Sequence, int64(1))
	_, err := reader.Append("shop", 1, "note.written", began, note(2))
	if !errors.Is(err, ErrReadOnly) || !errors.Is(err, os.ErrPermission) {
		t.Errorf("found %v", err)
	}
}

func TestRunsAndRequests(t *testing.T) {
	w := newWorld(t, "memory:", simulated("unused", ""), WithVirtualClock(began))
	if _, err := w.store.Request("door", RequestPause, "me", "", began); !errors.Is(err, ErrNotFound) {
		t.Errorf("found %v", err)
	}
	run := must(w.store.Start(newDoorPlan(t, "1h"), began))(t)
	defer run.Close()
	receipt := must(w.store.Request("door", RequestPause, "me", "lunch", began))(t)
	equal(t, receipt, Receipt{Run: run.ID(), Sequence: receipt.Sequence, Driven: true})
	equal(t, must(run.Poll())(t), true)
	must(run.Next(began))(t)
	must(run.Next(began))(t)
	if _, err := w.store.Request("door", "dance", "me", "", began); !errors.Is(err, ErrInvalid) {
		t.Errorf("found %v", err)
	}
	runs := must(w.store.Runs(""))(t)
	equal(t, len(runs), 1)
	equal(t, runs[0].Run, run.ID())
	equal(t, runs[0].Ended.IsZero(), true)
	equal(t, runs[0].Outcome(), "")
	lease := must(w.store.Lease("door"))(t)
	equal(t, *lease.Alive, true)
	watched := must(w.store.OpenRun("door"))(t)
	defer watched.Close()
	status := must(watched.Status(began))(t)
	equal(t, status.Run, run.ID())
	equal(t, status.Outcome(), "")
	if _, err := watched.Next(began); !errors.Is(err, ErrState) {
		t.Errorf("a run that is only looked at went on: %v", err)
	}
	equal(t, len(must(w.store.Release("door"))(t)), 0)
}

func TestPlanOfARun(t *testing.T) {
	w := newWorld(t, "memory:", simulated("unused", ""), WithVirtualClock(began))
	check(t, w.drivers.Bind("door", &door{}))
	check(t, w.drivers.Bind("lamp", lampDriver{}))
	for _, wait := range []string{"1m", "2m"} { // one journal, two runs
		run := must(w.store.Start(newDoorPlan(t, wait), began))(t)
		must(run.Wait(context.Background(), w.drivers))(t)
		check(t, run.Close())
	}
	equal(t, must(w.store.Runs("door"))(t)[0].Outcome(), "succeeded")
	for id, wanted := range map[string]string{"door": "2m", "door-1": "1m"} {
		if id == "door-1" {
			id = must(w.store.Runs("door"))(t)[1].Run
		}
		plan := must(w.store.PlanOf(id))(t)
		defer plan.Close()
		if text := must(plan.JSON())(t); !strings.Contains(string(text), `"`+wanted+`"`) {
			t.Errorf("%s: found %s", id, text)
		}
	}
	if _, err := w.store.PlanOf("lamp"); !errors.Is(err, ErrNotFound) {
		t.Errorf("found %v", err)
	}
	check(t, w.store.Purge("door", must(w.store.Head("door"))(t).Sequence))
	if _, err := w.store.PlanOf("door"); !errors.Is(err, ErrNotFound) {
		t.Errorf("found %v", err)
	}
}
