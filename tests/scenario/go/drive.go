package main

// One run being driven: what the host answers, and what happens at stated moments.

import (
	"encoding/json"
	"os"
	"syscall"
	"time"

	nipops "github.com/libnipops/libnipops/bindings/go"
)

// drive is one run: what the scenario says about it, and what was seen of it so far.
type drive struct {
	runner   *runner
	said     said
	run      *nipops.Run
	intended map[string]payload // of action.intended, by action

	ruleCounts   map[int]int     // how often each rule of the answers fitted
	momentCounts map[*moment]int // how often each moment's record was seen
	requested    map[int]bool    // which of the requests were made
	crash        int             // index of the next one
	handed       int             // actions handed out so far
	seen         int64           // sequence of the last record seen
	leaves       bool            // the moment to leave the run as it is has come
}

func newDrive(r *runner, said said, run *nipops.Run, crash int) *drive {
	return &drive{runner: r, said: said, run: run, intended: map[string]payload{}, ruleCounts: map[int]int{},
		momentCounts: map[*moment]int{}, requested: map[int]bool{}, crash: crash, seen: run.Sequence()}
}

// ---- what the host answers ----

func same[T comparable](wanted, found *T) bool {
	return wanted == nil || (found != nil && *wanted == *found)
}

// fits: Step, For and Attempt are in the journal only; a host that is handed actions by an operation has not seen it
// yet.
func (d *drive) fits(r *rule, action *nipops.Action, intended payload) bool {
	return r.Action == action.Role+"/"+action.Verb && r.Settles == action.Settles && same(r.Step, intended.Step) &&
		same(r.For, intended.For) && same(r.Attempt, intended.Attempt)
}

// findRule: each rule counts the actions that fit it, whether or not an earlier rule answers them; Nth chooses one of
// them.
func (d *drive) findRule(action *nipops.Action, intended payload) *rule {
	var found *rule
	for i := range d.said.Answers {
		r := &d.said.Answers[i]
		if !d.fits(r, action, intended) {
			continue
		}
		d.ruleCounts[i]++
		if found == nil && (r.Nth == nil || *r.Nth == d.ruleCounts[i]) {
			found = r
		}
	}
	return found
}

// ---- moments ----

func (d *drive) isMoment(after *moment, record nipops.Record, seen payload) bool {
	if after == nil || after.Kind != record.Kind || !same(after.Step, seen.Step) {
		return false
	}
	d.momentCounts[after]++
	wanted := 1
	if after.Nth != nil {
		wanted = *after.Nth
	}
	return d.momentCounts[after] == wanted
}

// seeRecord: a record was written. Is it what somebody waited for?
func (d *drive) seeRecord(record nipops.Record, now time.Time) {
	printRecord("event", record)
	d.seen = record.Sequence
	var seen payload
	if err := json.Unmarshal(record.Payload, &seen); err != nil {
		seen = payload{}
	}
	if record.Kind == "action.intended" {
		d.intended[seen.Action] = seen
	}
	for i, request := range d.said.Requests {
		if !d.requested[i] && d.isMoment(request.After, record, seen) {
			d.makeRequest(i, now)
		}
	}
	if next := d.nextCrash(); next != nil && d.isMoment(next.After, record, seen) {
		dieSuddenly()
	}
	if d.isMoment(d.said.Leave, record, seen) {
		d.leaves = true
	}
}

func (d *drive) nextCrash() *crash {
	if d.crash < len(d.said.Crashes) {
		return &d.said.Crashes[d.crash]
	}
	return nil
}

func (d *drive) crashAfterAction() {
	d.handed++
	if next := d.nextCrash(); next != nil && next.AfterAction == d.handed {
		dieSuddenly()
	}
}

func dieSuddenly() {
	line("crash")
	output.Flush()
	must(0, syscall.Kill(os.Getpid(), syscall.SIGKILL))
	select {}
}

func (d *drive) makeRequest(index int, now time.Time) {
	asked := d.said.Requests[index]
	d.requested[index] = true
	if asked.Answer != "" {
		answered, err := d.runner.store.Answer(d.run.ID(), asked.Answer, asked.Who, asked.Why, now)
		if err != nil {
			printError(err)
			return
		}
		printAnswered(answered)
		return
	}
	receipt, err := d.runner.store.Request(d.run.ID(), asked.Request, asked.Who, asked.Why, now)
	if err != nil {
		printError(err)
		return
	}
	printRequested(receipt)
}

// nextTimedRequest is the earliest request that bears an instant and was not made yet; Never and -1 when there is none.
func (d *drive) nextTimedRequest() (at time.Time, index int) {
	at, index = nipops.Never, -1
	for i, request := range d.said.Requests {
		if request.At == nil || d.requested[i] {
			continue
		}
		if due := d.runner.start.Add(duration(*request.At)); due.Before(at) {
			at, index = due, i
		}
	}
	return at, index
}
