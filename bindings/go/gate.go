package nipops

// Gates: where a run waits for people of a role, or for a time window.

import (
	"encoding/json"
	"time"
)

// Decision is what a person says at a gate.
type Decision string

// What may be said. The first rejection fails the gate's step.
const (
	DecideApprove  Decision = "approve"
	DecideReject   Decision = "reject"
	DecideOverride Decision = "override" // of a time window: go on although it is closed; needs a reason
)

// Gate is where a run waits.
type Gate struct {
	Run     string   `json:"run"`
	Kind    string   `json:"gate"` // "approval", "window", or "": the run waits at none
	Step    string   `json:"step"`
	Ask     string   `json:"ask"`
	Role    string   `json:"role"` // who may answer; "" for a window that nobody may override
	Members []string `json:"members"`
	Count   int64    `json:"count"`   // approvals wanted in all
	Missing int64    `json:"missing"` // and still
	Answers []Answer `json:"answers"`
}

// Answer is what somebody said.
type Answer struct {
	Decision Decision  `json:"decision"`
	Who      string    `json:"who"`
	Why      string    `json:"why"`
	At       time.Time `json:"at"`
	Sequence int64     `json:"sequence"`
}

// Answered says what an answer was appended to.
type Answered struct {
	Run      string `json:"run"`
	Step     string `json:"step"`
	Sequence int64  `json:"sequence"`
	Driven   bool   `json:"driven"`  // false: nothing happens until somebody resumes the run
	Missing  int64  `json:"missing"` // approvals by others that are still wanted
}

// Gate is the gate that a run ("shop-1", or a subject: its latest run) waits at. ErrNotFound.
func (s *Store) Gate(id string) (Gate, error) {
	var read struct {
		Gate
		Override struct {
			Role    string   `json:"role"`
			Members []string `json:"members"`
		} `json:"override"`
	}
	err := s.read(&read, func() (json.RawMessage, error) { return cGateRead(s.c, id) })
	if read.Gate.Kind == "window" {
		read.Gate.Role, read.Gate.Members = read.Override.Role, read.Override.Members
	}
	return read.Gate, err
}

// Answer answers the gate that a run waits at, from any process. who is one of those whom the gate asks; names are
// claimed, not proven. why may be empty, but not for DecideOverride. ErrNotFound; ErrState when the run does not wait
// at such a gate, or who has answered it already; ErrInvalid when the gate does not ask who.
func (s *Store) Answer(id string, decision Decision, who, why string, at time.Time) (Answered, error) {
	var answered Answered
	instant, err := fromTime(at)
	if err != nil {
		return answered, err
	}
	err = s.read(&answered, func() (json.RawMessage, error) {
		return cGateAnswer(s.c, id, string(decision), who, why, instant)
	})
	return answered, err
}

// Opening says when a time window is open.
type Opening struct {
	Open       bool      `json:"open"`
	Opens      time.Time `json:"opens"`       // zero: never
	OpensCivil string    `json:"opens_civil"` // "2026-11-30T09:00+01:00"
	Zone       string    `json:"zone"`
	Why        string    `json:"why"` // of the freeze in force
}

// JudgeWindow tells whether a time window is open at an instant, and when it opens. rules is JSON: {"windows": [{"days",
// "from", "to", "zone"}], "freeze": [{"from", "to", "why"}]}, as a rollout document has them. ErrInvalid.
func JudgeWindow(rules json.RawMessage, at time.Time) (Opening, error) {
	var opening Opening
	instant, err := fromTime(at)
	if err != nil {
		return opening, err
	}
	text, err := cWindowJudge(string(rules), instant)
	if err != nil {
		return opening, err
	}
	return opening, json.Unmarshal(text, &opening)
}
