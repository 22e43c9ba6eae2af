package nipops

// Actions, and what came of them.

import (
	"encoding/json"
	"strings"
	"time"
)

// Action is something to carry out on an outside system. It is a copy: it stays valid for ever.
type Action struct {
	ID       string          // unique in its journal, "shop-1.12"; the same when it is handed out again after a crash
	Run      string          // "shop-1"
	Subject  string          // "shop"
	Role     string          // "target", "router", ...
	Verb     string          // "instances", "route", ...; docs/formats.md has all with their arguments
	Args     json.RawMessage // all references filled in
	Before   json.RawMessage // state that the plan expects before a declarative action; nil when none
	Settles  bool            // do nothing, only tell whether the action took effect: answer with Settled
	Repeated bool            // intended by an earlier process: it may have taken effect in part
	Deadline time.Time       // after it nobody waits for the answer; Never when there is none
}

// Settlement says whether an action took effect.
type Settlement string

// Answers to an action that settles.
const (
	InForce Settlement = "in_force" // yes, with the result that it would have given
	NotYet  Settlement = "not_yet"  // everything is as before or as wanted: it may be issued again
	Foreign Settlement = "foreign"  // something else is there: nothing is overwritten
)

// Outcome is what came of an action. Make one with Done, Failed or Settled.
type Outcome struct {
	outcome   string
	reason    string
	message   string
	retryable bool
	result    any
}

// Done is success. result becomes a JSON object: a struct, a map, a json.RawMessage, or nil.
func Done(result any) Outcome {
	return Outcome{outcome: "done", result: result}
}

// Failed is failure: reason is one word of docs/formats.md ("port_taken", "unreachable", ...) or the host's own,
// message one line for people.
func Failed(reason, message string) Outcome {
	return Outcome{outcome: "failed", reason: reason, message: message}
}

// Settled answers an action that settles.
func Settled(answer Settlement, result any) Outcome {
	return Outcome{outcome: string(answer), result: result}
}

// Retry says that the same action may succeed later: the plan's retries apply.
func (o Outcome) Retry() Outcome {
	o.retryable = true
	return o
}

// WithResult adds what a failed action found, as Done takes it.
func (o Outcome) WithResult(result any) Outcome {
	o.result = result
	return o
}

// WithMessage adds one line for people, for example to what is foreign.
func (o Outcome) WithMessage(message string) Outcome {
	o.message = message
	return o
}

// MarshalJSON writes the outcome as docs/formats.md has it; the library's JSON carries no zero byte, so the message
// shows one as \x00. It fails when the result cannot be JSON.
func (o Outcome) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Outcome   string `json:"outcome"`
		Reason    string `json:"reason,omitempty"`
		Message   string `json:"message,omitempty"`
		Retryable bool   `json:"retryable,omitempty"`
		Result    any    `json:"result,omitempty"`
	}{o.outcome, o.reason, strings.ReplaceAll(o.message, "\x00", `\x00`), o.retryable, o.result})
}
