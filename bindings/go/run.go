package nipops

// Runs: plans under way.

import (
	"context"
	"encoding/json"
	"time"
)

// Run is a plan under way, tied to a journal. Drive it with drivers (Wait, or Drive for its events), or carry out its
// actions yourself:
//
//	for {
//		step, err := run.Next(time.Now())
//		if step.Action != nil { ... carry it out, then run.Complete(time.Now(), step.Action.ID, nipops.Done(result)) }
//		if step.Done { break }
//		... else wait until step.Until, or until an outcome or a request arrives
//	}
//
// Any goroutine may call it; calls take turns. Close leaves the run as it is, resumable, and gives its lease back.
type Run struct {
	object
	c       pointer
	store   *Store
	id      string
	subject string
}

// Step is what a run wants next: exactly one of its three.
type Step struct {
	Action *Action   // to carry out; call Next again at once, several may be out at a time
	Until  time.Time // nothing to do before it, or before an outcome or request arrives; Never: only one of those helps
	Done   bool      // the run is over
}

// Start begins a run: takes the subject's lease and journals the plan. ErrHeld (another process drives this subject),
// ErrState (an earlier run of it is not over: resume or abort it), or what the store says.
func (s *Store) Start(plan *Plan, now time.Time) (*Run, error) {
	at, err := fromTime(now)
	if err != nil {
		return nil, err
	}
	if plan == nil || plan.c == nil {
		return nil, missingError("plan")
	}
	if err := plan.hold(); err != nil {
		return nil, err
	}
	defer plan.drop()
	return s.newRun(func() (pointer, error) { return cRunNew(plan.c, s.c, at) })
}

// Resume takes up a run that was left, by replaying its journal. id is "shop-1", or a subject: its latest run. A new
// set of drivers is enough to go on with it, unless the host's own are among them. ErrNotFound, ErrHeld, ErrVersion,
// ErrCorrupt.
func (s *Store) Resume(id string, now time.Time) (*Run, error) {
	at, err := fromTime(now)
	if err != nil {
		return nil, err
	}
	return s.newRun(func() (pointer, error) { return cRunResume(s.c, id, at) })
}

// OpenRun looks at a run without taking its lease: for Status only. ErrNotFound.
func (s *Store) OpenRun(id string) (*Run, error) {
	return s.newRun(func() (pointer, error) { return cRunOpen(s.c, id) })
}

func (s *Store) newRun(make func() (pointer, error)) (*Run, error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.leave()
	c, err := make()
	if err != nil {
		return nil, err
	}
	run := &Run{c: c, store: s, id: cRunID(c), subject: cRunSubject(c)}
	run.init("run", func() { cRunFree(c) }, &s.object)
	return run, nil
}

func (r *Run) begin() error {
	if r == nil || r.c == nil {
		return missingError("run")
	}
	return r.enter()
}

// ID is the run's id, "shop-1". Also after Close.
func (r *Run) ID() string {
	if r == nil {
		return ""
	}
	return r.id
}

// Subject is what the run acts on, "shop". Also after Close.
func (r *Run) Subject() string {
	if r == nil {
		return ""
	}
	return r.subject
}

// State is planned, running, waiting, paused, returning, then succeeded, returned, stopped or broken; "" once the run
// is closed.
func (r *Run) State() string {
	if r.begin() != nil {
		return ""
	}
	defer r.leave()
	return cRunState(r.c)
}

// Outcome is how the run ended: "succeeded", "returned", "stopped" or "broken"; "" before the end and once the run is
// closed.
func (r *Run) Outcome() string {
	return outcomeOf(r.State())
}

// Sequence is that of the last record that the run has seen; 0 once the run is closed.
func (r *Run) Sequence() int64 {
	if r.begin() != nil {
		return 0
	}
	defer r.leave()
	return cRunSequence(r.c)
}

// Status is how the run stands.
func (r *Run) Status(now time.Time) (Result, error) {
	at, err := fromTime(now)
	if err != nil {
		return Result{}, err
	}
	if err := r.begin(); err != nil {
		return Result{}, err
	}
	text, err := cRunStatus(r.c, at)
	r.leave()
	return decodeResult(text, err)
}

// Next says what to do. Call it until the step is no action. An instant below an earlier one counts as that one.
// ErrFenced (the lease was lost: stop), ErrStore, ErrFull, ...
func (r *Run) Next(now time.Time) (Step, error) {
	at, err := fromTime(now)
	if err != nil {
		return Step{}, err
	}
	if err := r.begin(); err != nil {
		return Step{}, err
	}
	defer r.leave()
	return cRunNext(r.c, at)
}

// Complete reports what came of an action that Next gave. A late or repeated report is recorded and otherwise ignored.
// ErrNotFound (no such action), ErrInvalid (not an outcome), or what the store says.
func (r *Run) Complete(now time.Time, action string, outcome Outcome) error {
	at, err := fromTime(now)
	if err != nil {
		return err
	}
	text, err := json.Marshal(outcome)
	if err != nil {
		return newError(ErrInvalid, "the result of action %s cannot be JSON: %v", action, err)
	}
	if err := r.begin(); err != nil {
		return err
	}
	defer r.leave()
	return cRunComplete(r.c, at, action, text)
}

// Poll reads requests that other processes appended meanwhile, and tells whether there were any. Operations do it by
// themselves.
func (r *Run) Poll() (bool, error) {
	if err := r.begin(); err != nil {
		return false, err
	}
	defer r.leave()
	return cRunPoll(r.c)
}

// Wait drives the run to its end and says what came out. When ctx ends first, the run is left resumable and the error
// is both ErrCancelled and ctx's own.
func (r *Run) Wait(ctx context.Context, drivers *Drivers) (Result, error) {
	op, err := r.Drive(drivers)
	if err != nil {
		return Result{}, err
	}
	defer op.Close()
	if err := op.Wait(ctx); err != nil {
		return Result{}, err
	}
	return op.RunResult()
}

// Close leaves the run as it is, resumable, and gives its lease back; while an operation drives it, that happens when
// the operation is closed. Further calls do nothing.
func (r *Run) Close() error {
	if r != nil && r.c != nil {
		r.close()
	}
	return nil
}
