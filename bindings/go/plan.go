package nipops

// Plans: what is going to be done, as data.

import (
	"encoding/json"
	"time"
)

// Plan is steps forward, a way back, and guards. It never changes; any goroutine may call it. Runs keep what they need
// of it, so it may be closed as soon as a run was started.
type Plan struct {
	object
	c pointer
}

// ParsePlan reads a plan as JSON and proves it runnable. ErrSyntax, ErrDocument (all problems at once), ErrVersion.
func ParsePlan(text []byte) (*Plan, error) {
	return newPlan(cPlanParse(text))
}

// PlanFromDocument reads a plan from a document, with positions in messages. The document may be closed afterwards.
func PlanFromDocument(document *Document) (*Plan, error) {
	if err := document.begin(); err != nil {
		return nil, err
	}
	defer document.leave()
	return newPlan(cPlanFromDocument(document.c))
}

// PlanRollout plans a rollout from a rollout document, the release record (Store.Release; nil or null for an app's
// first release) and the observed state (Context.Observe). ErrDocument with all problems; ErrState when there is
// nothing to do or no plan may start from here.
func PlanRollout(document *Document, release, observed json.RawMessage) (*Plan, error) {
	if err := document.begin(); err != nil {
		return nil, err
	}
	defer document.leave()
	return newPlan(cPlanRollout(document.c, release, observed))
}

// PlanAdopt plans the release record of an app that runs already and that no rollout started: it checks, adopts and
// records; nothing is started, stopped or routed. ErrDocument; ErrState when there is a record, or when what runs is not
// plainly what the document says.
func PlanAdopt(document *Document, release, observed json.RawMessage) (*Plan, error) {
	if err := document.begin(); err != nil {
		return nil, err
	}
	defer document.leave()
	return newPlan(cPlanAdopt(document.c, release, observed))
}

// PlanRollback plans the way to the release before this one: at once where it is still held, else by a rolling update.
func PlanRollback(release, observed json.RawMessage) (*Plan, error) {
	return newPlan(cPlanRollback(release, observed))
}

// PlanEnsure plans what makes the release record true again, after a reboot, a router's reload, a crash. A plan without
// steps: it is true.
func PlanEnsure(release, observed json.RawMessage) (*Plan, error) {
	return newPlan(cPlanEnsure(release, observed))
}

// PlanRetire plans the end of held versions whose time is over by now; with force, of all held versions.
func PlanRetire(release, observed json.RawMessage, now time.Time, force bool) (*Plan, error) {
	at, err := fromTime(now)
	if err != nil {
		return nil, err
	}
	return newPlan(cPlanRetire(release, observed, at, force))
}

// CompareObserved compares two observed states by what a plan depends on: nil when they agree, else ErrDiffers with the
// differences.
func CompareObserved(planned, fresh json.RawMessage) error {
	return cCompareObserved(planned, fresh)
}

func newPlan(c pointer, err error) (*Plan, error) {
	if err != nil {
		return nil, err
	}
	plan := &Plan{c: c}
	plan.init("plan", func() { cPlanFree(c) })
	return plan, nil
}

func (p *Plan) begin() error {
	if p == nil || p.c == nil {
		return missingError("plan")
	}
	return p.enter()
}

// Subject is what the plan acts on, "shop"; "" once it is closed.
func (p *Plan) Subject() string {
	if p.begin() != nil {
		return ""
	}
	defer p.leave()
	return cPlanSubject(p.c)
}

// Drivers are the settings of each role's driver, for Drivers.Open; nil once it is closed.
func (p *Plan) Drivers() json.RawMessage {
	if p.begin() != nil {
		return nil
	}
	defer p.leave()
	return cPlanDrivers(p.c)
}

// Steps is the number of steps forward; 0 once it is closed.
func (p *Plan) Steps() int64 {
	if p.begin() != nil {
		return 0
	}
	defer p.leave()
	return cPlanSteps(p.c)
}

// Explain is the plan for people: every step with what it does, what it requires, how long it may take and what happens
// if it fails.
func (p *Plan) Explain() (string, error) {
	if err := p.begin(); err != nil {
		return "", err
	}
	defer p.leave()
	return cPlanExplain(p.c)
}

// JSON is the plan as ParsePlan reads it.
func (p *Plan) JSON() (json.RawMessage, error) {
	if err := p.begin(); err != nil {
		return nil, err
	}
	defer p.leave()
	return cPlanJSON(p.c)
}

// Close gives the plan up; runs keep what they need. Further calls do nothing.
func (p *Plan) Close() error {
	if p != nil && p.c != nil {
		p.close()
	}
	return nil
}
