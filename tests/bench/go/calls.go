package main

// What the package adds to bare cgo calls: the same work by both in turn.

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	nipops "github.com/libnipops/libnipops/bindings/go"
)

const (
	steps = 1000
	notes = 1000
	mib   = 1 << 20
	now   = 1_700_000_000_000_000_000

	note    = `{"text": "the queue is long again, the queue is long again, the queue is long again, the queue is long again, "}`
	wrong   = "90" // a length of time needs a unit
	result  = `{"versions":{"1.4.0":{"endpoints":["127.0.0.1:9100","127.0.0.1:9101"]}},"started":["127.0.0.1:9101"],"stopped":[]}`
	outcome = `{"outcome":"done","result":` + result + `}`
	step    = `{"id":"step-%d","title":"start an instance of 1.4.0","actions":[{"role":"target","verb":"instances","args":` +
		`{"versions":{"1.4.0":{"replicas":2,"artifact":"shop:1.4.0","settings":{}}}}}],` +
		`"until":{"that":[{"at":"/versions/1.4.0/endpoints/0","op":"!=","value":""}]}}`
)

var (
	text    = strings.Repeat("0", 1022) + "1s" // a length of time in 1 KiB, and the cheapest call that takes as much
	instant = time.Unix(0, now).UTC()
	kept    any // what the calls gave, so that nothing is left out as unused
)

func keepFailure(code int, message string) {
	kept = code + len(message)
}

// own is what the package works with.
type own struct {
	context  *nipops.Context
	plan     *nipops.Plan
	journal  *nipops.Store
	document *nipops.Document
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func newOwn(planText []byte) *own {
	o := &own{context: must(nipops.New()), plan: must(nipops.ParsePlan(planText))}
	o.document = must(nipops.ParseDocument([]byte("note: x"), ""))
	o.journal = must(o.context.OpenStore("memory:"))
	for i := 0; i < notes; i++ {
		o.appendTo(o.journal)
	}
	return o
}

func (o *own) duration() {
	kept = must(nipops.ParseDuration(text))
}

func (o *own) set() {
	check(o.document.Set("/note", text))
}

func (o *own) failure() {
	_, err := nipops.ParseDuration(wrong)
	var failure *nipops.Error
	if !errors.As(err, &failure) {
		log.Fatal("a length of time without unit was taken")
	}
	keepFailure(int(failure.Code), failure.Message)
}

func (o *own) appendTo(store *nipops.Store) {
	must(store.Append("shop", nipops.AnySequence, "note.written", instant, json.RawMessage(note)))
}

func (o *own) notes() {
	store := must(o.context.OpenStore("memory:"))
	for i := 0; i < notes; i++ {
		o.appendTo(store)
	}
	store.Close()
}

func (o *own) records() {
	var all []nipops.Record
	records := o.journal.Records("shop", 0)
	for records.Next() {
		all = append(all, records.Record())
	}
	check(records.Err())
	kept = all
}

func (o *own) run() {
	store := must(o.context.OpenStore("memory:"))
	run := must(store.Start(o.plan, instant))
	for {
		step := must(run.Next(instant))
		if step.Action == nil {
			break
		}
		check(run.Complete(instant, step.Action.ID, nipops.Done(json.RawMessage(result))))
	}
	run.Close()
	store.Close()
}

func (o *own) documents(text []byte) {
	document := must(nipops.ParseDocument(text, ""))
	kept = must(document.JSON())
	document.Close()
}

func makePlan() []byte {
	list := make([]string, steps)
	for i := range list {
		list[i] = fmt.Sprintf(step, i)
	}
	return []byte(`{"v":1,"kind":"plan","subject":"shop","title":"bench","seed":7,"steps":[` + strings.Join(list, ",") + `],"back":[]}`)
}

// largeDocument is 1 MiB of JSON in 40,000 values.
func largeDocument() []byte {
	const entry = `{"name": "service-%05d", "url": "https://service-%05d.example.com:8443/api", "retry": true}, `
	var entries strings.Builder
	for i := 0; entries.Len() < mib-2*len(entry); i++ {
		fmt.Fprintf(&entries, entry, i, i)
	}
	filler := strings.Repeat("x", mib-entries.Len()-len(`{"note": [""]}`))
	return []byte(`{"note": [` + entries.String() + `"` + filler + `"]}`)
}

func measureCalls() {
	planText := makePlan()
	own, bare, large := newOwn(planText), newBareContext(planText), largeDocument()
	decode := func() {
		var records []struct {
			Sequence, Epoch  int64
			Kind, Hash       string
			At               time.Time
			Payload, Problem json.RawMessage
		}
		check(json.Unmarshal(bare.records(), &records))
		kept = records
	}
	compare("text", "us", 20000, way{"own", repeat(20000, own.duration)}, way{"bare", repeat(20000, bare.duration)})
	compare("method", "us", 10000, way{"own", repeat(10000, own.set)}, way{"bare", repeat(10000, bare.set)})
	compare("error", "us", 5000, way{"own", repeat(5000, own.failure)}, way{"bare", repeat(5000, bare.failure)})
	compare("action", "us", steps, way{"own", own.run}, way{"bare", bare.run})
	compare("records", "ms", 1, way{"own", own.records}, way{"bare", func() { kept = bare.records() }}, way{"loads", decode})
	compare("notes", "us", notes, way{"own", own.notes}, way{"bare", bare.notes})
	compare("document", "ms", 1, way{"own", func() { own.documents(large) }}, way{"bare", func() { kept = bare.document(large) }})
}
