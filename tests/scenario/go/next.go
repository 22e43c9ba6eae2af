package main

// A run driven by the host alone: next, complete, and a clock that jumps to whatever comes next.

import (
	"sort"
	"time"

	nipops "github.com/libnipops/libnipops/bindings/go"
)

// pending is an answer on its way.
type pending struct {
	due     time.Time
	action  string
	outcome nipops.Outcome
}

type nextHost struct {
	drive   *drive
	now     time.Time
	pending []pending // in the order of their instants
}

func driveByNext(d *drive, now time.Time) {
	host := &nextHost{drive: d, now: now}
	for more := true; more; {
		var err error
		if more, err = host.step(); err != nil {
			printError(err)
		}
	}
	for len(host.pending) > 0 { // late ones are recorded, and otherwise ignored
		host.answer()
	}
	host.showRecords()
	status := must(d.run.Status(host.now))
	printStatus(status)
	line("  whole %s", canonical(status.Raw, ""))
}

// step returns false when there is nothing more to do.
func (h *nextHost) step() (bool, error) {
	step, err := h.drive.run.Next(h.now)
	h.showRecords()
	if err != nil || step.Done || h.drive.leaves {
		return false, err
	}
	if step.Action != nil {
		h.take(step.Action)
		return true, nil
	}
	line("wait %s", instant(step.Until))
	status, err := h.drive.run.Status(h.now)
	if err != nil {
		return false, err
	}
	printStatus(status)
	if !h.moveOn(step.Until) {
		line("nothing left to wait for")
		return false, nil
	}
	return true, nil
}

func (h *nextHost) showRecords() {
	records := h.drive.runner.store.Records(h.drive.run.Subject(), h.drive.seen)
	found := []nipops.Record{}
	for records.Next() {
		found = append(found, records.Record())
	}
	must(0, records.Err())
	for _, record := range found {
		h.drive.seeRecord(record, h.now)
	}
}

func (h *nextHost) take(action *nipops.Action) {
	printAction(action)
	h.drive.crashAfterAction()
	rule := h.drive.findRule(action, h.drive.intended[action.ID])
	if rule == nil {
		line("no answer")
		return
	}
	if rule.Answer == nil {
		return
	}
	h.pending = append(h.pending, pending{h.now.Add(duration(rule.Takes)), action.ID, rule.Answer.outcome()})
	sort.SliceStable(h.pending, func(i, j int) bool { return h.pending[i].due.Before(h.pending[j].due) })
}

func (h *nextHost) answer() {
	due := h.pending[0]
	h.pending = h.pending[1:]
	if err := h.drive.run.Complete(h.now, due.action, due.outcome); err != nil {
		printError(err)
	}
}

// moveOn moves on to the first of: an answer, a request, what the run waits for. False: nothing will ever happen.
func (h *nextHost) moveOn(until time.Time) bool {
	asked, request := h.drive.nextTimedRequest()
	next := until
	if len(h.pending) > 0 && h.pending[0].due.Before(next) {
		next = h.pending[0].due
	}
	if asked.Before(next) {
		next = asked
	}
	if next.Equal(nipops.Never) {
		return false
	}
	if next.After(h.now) {
		h.now = next
	}
	for len(h.pending) > 0 && !h.pending[0].due.After(h.now) {
		h.answer()
	}
	if !asked.After(h.now) {
		h.drive.makeRequest(request, h.now)
	}
	arrived, err := h.drive.run.Poll()
	if err != nil {
		printError(err)
	} else {
		line("poll %d", digit(arrived))
	}
	return true
}
