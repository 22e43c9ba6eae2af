package main

// A scenario's form, as tests/scenario/README.md has it.

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	nipops "github.com/libnipops/libnipops/bindings/go"
)

type scenario struct {
	Clock     string                       `json:"clock"`
	Seed      *int64                       `json:"seed"`
	Drive     string                       `json:"drive"`
	Store     string                       `json:"store"`
	Subject   string                       `json:"subject"`
	Documents map[string]string            `json:"documents"`
	Do        []map[string]json.RawMessage `json:"do"` // each with one key: the command's name
}

// said is what a scenario says about one run.
type said struct {
	Resume   json.RawMessage   `json:"resume"` // true, or a length of time from the scenario's clock
	Roles    []string          `json:"roles"`
	Classes  map[string]string `json:"classes"`
	Answers  []rule            `json:"answers"`
	Requests []request         `json:"requests"`
	Crashes  []crash           `json:"crashes"`
	Leave    *moment           `json:"leave"`
}

// rule is a line of the host's table: which actions it answers, with what, and when. Without Answer it never does.
type rule struct {
	Action  string  `json:"action"` // "role/verb"
	Settles bool    `json:"settles"`
	Step    *string `json:"step"`
	For     *string `json:"for"`
	Attempt *int    `json:"attempt"`
	Nth     *int    `json:"nth"`
	Takes   string  `json:"takes"`
	Answer  *answer `json:"answer"`
}

type answer struct {
	Outcome   string          `json:"outcome"`
	Reason    string          `json:"reason"`
	Message   string          `json:"message"`
	Retryable bool            `json:"retryable"`
	Result    json.RawMessage `json:"result"`
}

// moment is the writing of a record.
type moment struct {
	Kind string  `json:"kind"`
	Step *string `json:"step"`
	Nth  *int    `json:"nth"`
}

type request struct {
	Request nipops.RequestKind `json:"request"`
	Answer  nipops.Decision    `json:"answer"` // of a gate, in place of a request
	Who     string             `json:"who"`
	Why     string             `json:"why"`
	After   *moment            `json:"after"`
	At      *string            `json:"at"` // from the scenario's clock
}

type crash struct {
	After       *moment `json:"after"`
	AfterAction int     `json:"after_action"`
	Resume      string  `json:"resume"` // from the scenario's clock
}

// payload is what moments and rules look at in a record.
type payload struct {
	Action  string  `json:"action"`
	Step    *string `json:"step"`
	For     *string `json:"for"`
	Attempt *int    `json:"attempt"`
}

// die is for a scenario that makes no sense: nothing is compared.
func die(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "runner: "+format+"\n", values...)
	os.Exit(2)
}

// must dies of what cannot go wrong in a scenario that makes sense.
func must[T any](value T, err error) T {
	if err != nil {
		die("%v", err)
	}
	return value
}

// read decodes a part of the scenario.
func read[T any](text json.RawMessage) T {
	var value T
	if err := json.Unmarshal(text, &value); err != nil {
		die("%v in %s", err, text)
	}
	return value
}

func duration(text string) time.Duration {
	if text == "" {
		return 0
	}
	return must(nipops.ParseDuration(text))
}

// outcome is the binding's own for what the scenario says.
func (a *answer) outcome() nipops.Outcome {
	var result any
	if a.Result != nil {
		result = a.Result
	}
	switch a.Outcome {
	case "done":
		return nipops.Done(result)
	case "failed":
		failed := nipops.Failed(a.Reason, a.Message).WithResult(result)
		if a.Retryable {
			failed = failed.Retry()
		}
		return failed
	}
	return nipops.Settled(nipops.Settlement(a.Outcome), result).WithMessage(a.Message)
}
