package main

// The commands of a scenario, in the order of its list `do`.

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	nipops "github.com/libnipops/libnipops/bindings/go"
)

var commands = map[string]func(r *runner, said json.RawMessage) error{
	"roll_out": rollOut, "show": show, "check": check, "released": released, "observed": observed, "observe": observe, "compare": compare, "plan": plan,
	"explain": explain, "plan_json": planJSON, "run": run, "request": requestRun, "gate": gate, "answer": answerGate, "append": appendNote, "purge": purge,
	"report": reportSubject, "findings": findings, "call": call, "promises": promises, "measure": measure, "exclude": exclude, "pages": pages, "judge": judge, "simulate": simulate,
}

// command carries out one; what it fails with is shown like everything else.
func (r *runner) command(said map[string]json.RawMessage) {
	for name, value := range said {
		line("== %s", name)
		carryOut, known := commands[name]
		if !known {
			die("no such command: %s", name)
		}
		if err := carryOut(r, value); err != nil {
			printError(err)
		}
	}
}

func (r *runner) load(name string) (*nipops.Document, error) {
	text, known := r.scenario.Documents[name]
	if !known {
		die("no such document: %s", name)
	}
	return nipops.ParseDocument([]byte(text), name)
}

// ---- documents ----

func show(r *runner, said json.RawMessage) error {
	document, err := r.load(read[string](said))
	if err != nil {
		return err
	}
	defer document.Close()
	line("kind %s", quote(document.Kind()))
	text, err := document.JSON()
	if err == nil {
		line("document %s", canonical(text, ""))
	}
	return err
}

// check: NAME, or {document: NAME, set: {POINTER: TEXT}}
func check(r *runner, said json.RawMessage) error {
	var wanted struct {
		Document string            `json:"document"`
		Set      map[string]string `json:"set"`
	}
	if said[0] == '"' {
		wanted.Document = read[string](said)
	} else if err := json.Unmarshal(said, &wanted); err != nil {
		die("%v", err)
	}
	document, err := r.load(wanted.Document)
	if err != nil {
		return err
	}
	defer document.Close()
	for pointer, value := range wanted.Set {
		if err := document.Set(pointer, value); err != nil {
			return err
		}
	}
	if err := document.Check(); err != nil {
		return err
	}
	line("fine")
	return nil
}

// ---- states that plans are made from ----

func released(r *runner, said json.RawMessage) error {
	r.release = said
	return nil
}

func observed(r *runner, said json.RawMessage) error {
	r.observed = said
	return nil
}

func observe(r *runner, said json.RawMessage) error {
	document, err := r.load(read[string](said))
	if err != nil {
		return err
	}
	defer document.Close()
	found, err := r.nip.Observe(context.Background(), document, r.drivers)
	if err != nil {
		return err
	}
	r.observed = found
	line("observed %s", canonical(found, ""))
	return nil
}

func compare(r *runner, said json.RawMessage) error {
	if err := nipops.CompareObserved(r.observed, said); err != nil {
		return err
	}
	line("same")
	return nil
}

// rollOut is {document, who, set?: {POINTER: TEXT}}
func rollOut(r *runner, said json.RawMessage) error {
	wanted := read[struct {
		Document string            `json:"document"`
		Who      string            `json:"who"`
		Set      map[string]string `json:"set"`
	}](said)
	document, err := r.load(wanted.Document)
	if err != nil {
		return err
	}
	defer document.Close()
	for pointer, value := range wanted.Set {
		if err = document.Set(pointer, value); err != nil {
			break
		}
	}
	var result nipops.Result
	if err == nil {
		result, err = r.nip.Rollout(context.Background(), document, r.store, r.drivers, wanted.Who)
	}
	if err != nil {
		printError(err)
	} else {
		printStatus(result)
	}
	queue := must(r.store.Queue(r.scenario.Subject))
	line("queue %s", canonical(must(json.Marshal(queue)), ""))
	return nil
}

// ---- plans ----

// wantedPlan is {rollout: NAME} | {adopt: NAME} | {document: NAME} | {rollback: true} | {ensure: true} | {retire: true|false}
type wantedPlan struct {
	Rollout  string `json:"rollout"`
	Adopt    string `json:"adopt"`
	Document string `json:"document"`
	Rollback bool   `json:"rollback"`
	Ensure   bool   `json:"ensure"`
	Retire   bool   `json:"retire"`
}

func (r *runner) makePlan(wanted wantedPlan) (*nipops.Plan, error) {
	release := r.release
	if release == nil && r.scenario.Subject != "" {
		release = must(r.store.Release(r.scenario.Subject))
	}
	switch {
	case wanted.Document != "":
		return r.planFromDocument(wanted.Document)
	case wanted.Rollout != "":
		document, err := r.load(wanted.Rollout)
		if err != nil {
			return nil, err
		}
		defer document.Close()
		return nipops.PlanRollout(document, release, r.observed)
	case wanted.Adopt != "":
		document, err := r.load(wanted.Adopt)
		if err != nil {
			return nil, err
		}
		defer document.Close()
		return nipops.PlanAdopt(document, release, r.observed)
	case wanted.Rollback:
		return nipops.PlanRollback(release, r.observed)
	case wanted.Ensure:
		return nipops.PlanEnsure(release, r.observed)
	}
	return nipops.PlanRetire(release, r.observed, r.nip.Now(), wanted.Retire)
}

func (r *runner) planFromDocument(name string) (*nipops.Plan, error) {
	document, err := r.load(name)
	if err != nil {
		return nil, err
	}
	defer document.Close()
	return nipops.PlanFromDocument(document)
}

func plan(r *runner, said json.RawMessage) error {
	r.plan.Close()
	r.plan = nil
	made, err := r.makePlan(read[wantedPlan](said))
	if err != nil {
		return err
	}
	r.plan = made
	line("subject %s", quote(made.Subject()))
	line("steps %d", made.Steps())
	line("drivers %s", canonical(made.Drivers(), ""))
	return nil
}

func explain(r *runner, _ json.RawMessage) error {
	text, err := r.plan.Explain()
	if err == nil {
		block(text)
	}
	return err
}

// planJSON: written, read back, and written again.
func planJSON(r *runner, _ json.RawMessage) error {
	text, err := r.plan.JSON()
	if err != nil {
		return err
	}
	again, err := nipops.ParsePlan(text)
	if err != nil {
		return err
	}
	defer again.Close()
	if text, err = again.JSON(); err == nil {
		line("plan %s", canonical(text, ""))
	}
	return err
}

// ---- runs ----

// enter: under the virtual clock the present is where that stands; a host that asks "next" by itself may say when it
// comes back.
func (r *runner) enter(wanted said) (*nipops.Run, time.Time, error) {
	now := r.nip.Now()
	again := r.crashes > 0 && wanted.Crashes != nil
	if !again && wanted.Resume == nil {
		run, err := r.store.Start(r.plan, now)
		return run, now, err
	}
	if !again && wanted.Resume[0] == '"' {
		now = r.start.Add(duration(read[string](wanted.Resume)))
	}
	run, err := r.store.Resume(r.scenario.Subject, now)
	return run, now, err
}

func run(r *runner, text json.RawMessage) error {
	wanted := read[said](text)
	if r.plan == nil && wanted.Resume == nil && r.crashes == 0 {
		line("no plan")
		return nil
	}
	run, now, err := r.enter(wanted)
	if err != nil {
		return err
	}
	defer run.Close()
	line("run %s", quote(run.ID()))
	line("subject %s", quote(run.Subject()))
	line("state %s", quote(run.State()))
	crash := 0
	if wanted.Crashes != nil {
		crash = r.crashes
	}
	r.drive(newDrive(r, wanted, run, crash), now)
	line("state %s", quote(run.State()))
	line("sequence %d", run.Sequence())
	return nil
}

func (r *runner) drive(d *drive, now time.Time) {
	var err error
	switch r.scenario.Drive {
	case "next":
		driveByNext(d, now)
	case "vtable":
		err = driveWithHost(d)
	default:
		err = driveWithWorld(d)
	}
	if err != nil {
		printError(err)
	}
}

// ---- journals ----

// requestRun: {run: ID, request: KIND, who, why?}
func requestRun(r *runner, said json.RawMessage) error {
	wanted := read[struct {
		Run     string             `json:"run"`
		Request nipops.RequestKind `json:"request"`
		Who     string             `json:"who"`
		Why     string             `json:"why"`
	}](said)
	receipt, err := r.store.Request(wanted.Run, wanted.Request, wanted.Who, wanted.Why, r.nip.Now())
	if err == nil {
		printRequested(receipt)
	}
	return err
}

func gate(r *runner, said json.RawMessage) error {
	found, err := r.store.Gate(read[string](said))
	if err == nil {
		printGate(found)
	}
	return err
}

// answerGate: {run: ID, answer: DECISION, who, why?}
func answerGate(r *runner, said json.RawMessage) error {
	wanted := read[struct {
		Run    string          `json:"run"`
		Answer nipops.Decision `json:"answer"`
		Who    string          `json:"who"`
		Why    string          `json:"why"`
	}](said)
	answered, err := r.store.Answer(wanted.Run, wanted.Answer, wanted.Who, wanted.Why, r.nip.Now())
	if err == nil {
		printAnswered(answered)
	}
	return err
}

// appendNote: {subject, kind, payload, expected?}; a payload that is text is JSON text, as it is
func appendNote(r *runner, said json.RawMessage) error {
	wanted := read[struct {
		Subject  string          `json:"subject"`
		Kind     string          `json:"kind"`
		Payload  json.RawMessage `json:"payload"`
		Expected *int64          `json:"expected"`
	}](said)
	expected := nipops.AnySequence
	if wanted.Expected != nil {
		expected = *wanted.Expected
	}
	if wanted.Payload[0] == '"' {
		wanted.Payload = json.RawMessage(read[string](wanted.Payload))
	}
	sequence, err := r.store.Append(wanted.Subject, expected, wanted.Kind, r.nip.Now(), wanted.Payload)
	if err == nil {
		line("appended %d", sequence)
	}
	return err
}

// purge: {subject, through}
func purge(r *runner, said json.RawMessage) error {
	wanted := read[struct {
		Subject string `json:"subject"`
		Through int64  `json:"through"`
	}](said)
	err := r.store.Purge(wanted.Subject, wanted.Through)
	if err == nil {
		line("purged")
	}
	return err
}

// findings is what a run found out, in all its forms: the page by its length, since its looks may change.
func findings(r *runner, said json.RawMessage) error {
	run := read[string](said)
	text, err := r.store.Report(run, nipops.ReportText)
	if err != nil {
		return err
	}
	page, err := r.store.Report(run, nipops.ReportHTML)
	if err != nil {
		return err
	}
	whole, err := r.store.Report(run, nipops.ReportJSON)
	if err != nil {
		return err
	}
	var report struct{ Comparison struct{ Verdict string } }
	if err := json.Unmarshal(whole, &report); err != nil {
		return err
	}
	block(string(text))
	block(fmt.Sprintf("page of %d bytes, verdict %s", len(page), report.Comparison.Verdict))
	return nil
}

func reportSubject(r *runner, said json.RawMessage) error {
	report(r.store, read[string](said))
	return nil
}
