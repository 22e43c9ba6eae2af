package nipops

// How runs stand, as the library tells it. Keys that this package does not know are in Raw.

import (
	"encoding/json"
	"time"
)

// Result is how a run stands; when it is over, what came out. A rollout that was taken back is a result, not an error.
type Result struct {
	Run         string            `json:"run"`     // "shop-1"
	Subject     string            `json:"subject"` // "shop"
	Title       string            `json:"title"`
	State       string            `json:"state"`   // as Run.State
	Reason      string            `json:"reason"`  // of a pause, a way back or an end; one word
	Message     string            `json:"message"` // the same for people
	Started     time.Time         `json:"started"`
	Ended       time.Time         `json:"ended"` // zero before the end
	Sequence    int64             `json:"sequence"`
	Step        *StepStatus       `json:"step"`    // nil when there is none
	Waiting     *Waiting          `json:"waiting"` // nil when it waits for nothing
	Guards      []GuardStatus     `json:"guards"`
	Out         []OutstandingTask `json:"out"`         // actions that were handed out and not answered
	Unjournaled int64             `json:"unjournaled"` // records that wait for the store
	Release     json.RawMessage   `json:"release"`     // release record that holds now; null: as before
	Raw         json.RawMessage   `json:"-"`           // the whole
}

// Outcome is how the run ended: "succeeded", "returned", "stopped" or "broken"; "" before the end.
func (r Result) Outcome() string {
	return outcomeOf(r.State)
}

// outcomeOf gives the states that are ends, and "" for the others.
func outcomeOf(state string) string {
	switch state {
	case "succeeded", "returned", "stopped", "broken":
		return state
	}
	return ""
}

// StepStatus is the step that a run is at.
type StepStatus struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	List    string `json:"list"`   // "forward" or "back"
	Number  int    `json:"number"` // from 1
	Of      int    `json:"of"`
	Attempt int    `json:"attempt"`
	Streak  int    `json:"streak"` // good observations in a row
}

// Waiting is what a run waits for.
type Waiting struct {
	For     string    `json:"for"`     // "time", "approval" or "data"
	Why     string    `json:"why"`     // of "data"
	Message string    `json:"message"` // of "approval": what is asked
	Until   time.Time `json:"until"`   // zero: no instant
}

// GuardStatus is what a guard saw last.
type GuardStatus struct {
	ID                      string         `json:"id"`
	Title                   string         `json:"title"`
	Watching                bool           `json:"watching"`
	Verdict                 string         `json:"verdict"` // as Verdict.String; "" before the first
	Since                   time.Time      `json:"since"`   // begin of its window
	Failures                int64          `json:"failures"`
	FailureLimit            int64          `json:"failure_limit"` // -1: off
	Consecutive             int64          `json:"consecutive"`
	ConsecutiveFailureLimit int64          `json:"consecutive_failure_limit"` // -1: off
	Metrics                 []MetricStatus `json:"metrics"`
}

// MetricStatus is the evidence of one verdict.
type MetricStatus struct {
	Name    string   `json:"name"`
	Verdict string   `json:"verdict"`
	Value   *float64 `json:"value"` // nil: nothing was measured
	Limit   *float64 `json:"limit"`
	Events  *int64   `json:"events"`
	Samples *int64   `json:"samples"`
	Reason  string   `json:"reason"`
	Message string   `json:"message"`
}

// OutstandingTask is an action that was handed out and not answered yet.
type OutstandingTask struct {
	Action   string    `json:"action"`
	For      string    `json:"for"` // "act", "require", "until", "guard" or "settle"
	Role     string    `json:"role"`
	Verb     string    `json:"verb"`
	Deadline time.Time `json:"deadline"`
}

func decodeResult(text json.RawMessage, err error) (Result, error) {
	var result Result
	if err == nil {
		err = decode(text, &result)
		result.Raw = text
	}
	return result, err
}

// HealthReport is what a health check found.
type HealthReport struct {
	Healthy   int             `json:"healthy"`
	Unhealthy int             `json:"unhealthy"`
	Unknown   int             `json:"unknown"` // could not be tried even once
	Targets   []TargetHealth  `json:"targets"`
	Raw       json.RawMessage `json:"-"` // the whole
}

// TargetHealth is one target of a health check.
type TargetHealth struct {
	Target       string         `json:"target"`
	Healthy      *bool          `json:"healthy"` // nil: unknown
	Tries        int64          `json:"tries"`
	Successes    int64          `json:"successes"` // in a row
	LatencyMS    *float64       `json:"latency_ms"`
	FirstFailure *HealthFailure `json:"first_failure"` // nil: none
	LastFailure  *HealthFailure `json:"last_failure"`  // nil unless it is another one
}

// HealthFailure is why a target was not healthy.
type HealthFailure struct {
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	At      time.Time `json:"at"`
}
