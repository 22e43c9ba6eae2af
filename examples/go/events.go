package main

// Event streams: a run's records as server-sent events, from the journal, so that it does not matter who drives the
// run, or when.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	nipops "github.com/libnipops/libnipops/bindings/go"
)

const (
	aliveTime = 5 * time.Second  // between signs of life; what another process writes is seen then at the latest
	writeTime = 10 * time.Second // for a client to take what is written
)

// events streams a run's events until its end. Each bears its sequence as id; a client that comes back with
// Last-Event-ID gets what came after.
func (a *api) events(w http.ResponseWriter, r *http.Request, id string) error {
	from, err := a.follow(id, r.Header.Get("Last-Event-ID"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	alive := time.NewTicker(aliveTime)
	defer alive.Stop()
	for first := true; ; first = false {
		rung := a.rollouts.bell.next()
		sent := sendAll(w, r, from)
		if err := from.records.Err(); err != nil {
			a.rollouts.log.Printf("events of %s: %v", from.run, err)
			return nil // the client comes back
		}
		if first && sent == 0 && from.over {
			w.WriteHeader(http.StatusNoContent) // an EventSource does not come back then
		}
		if from.over {
			return nil
		}
		if sent == 0 {
			send(w, r, ": alive\n\n")
		}
		select {
		case <-rung:
		case <-alive.C:
		case <-r.Context().Done(): // the client has gone, or takes nothing, or the service ends
			return nil
		}
	}
}

// follower reads one run's records in order, each once.
type follower struct {
	records *nipops.Records
	run     string
	over    bool // what was read so far ends with the run's end
}

// follow begins after the record that a client saw last; "" begins at the run's begin.
func (a *api) follow(id, last string) (*follower, error) {
	run, err := a.rollouts.store.OpenRun(id)
	if err != nil {
		return nil, err
	}
	defer run.Close()
	after := int64(0)
	if last != "" {
		after, err = strconv.ParseInt(last, 10, 64)
		if err != nil || after < 0 {
			return nil, badRequest("Last-Event-ID must be the id of an event, a number")
		}
	}
	records := a.rollouts.store.Records(run.Subject(), after)
	return &follower{records: records, run: run.ID(), over: run.Outcome() != ""}, nil
}

// next goes on to the run's next record. The journal is its subject's, and has records of other runs too.
func (f *follower) next() bool {
	for f.records.Next() {
		record := f.records.Record()
		if record.Run() != f.run {
			continue
		}
		switch record.Kind {
		case "run.ended":
			f.over = true
		case "run.resumed", "run.returning": // a broken run that was asked to try again
			f.over = false
		}
		return true
	}
	return false
}

// sendAll sends what there is now, and tells how many events that were.
func sendAll(w http.ResponseWriter, r *http.Request, from *follower) int {
	sent := 0
	for r.Context().Err() == nil && from.next() {
		record := from.records.Record()
		var line bytes.Buffer
		if json.Compact(&line, record.Raw) == nil {
			send(w, r, fmt.Sprintf("id: %d\ndata: %s\n\n", record.Sequence, line.Bytes()))
			sent++
		}
	}
	return sent
}

// send writes at once. A client that does not take it in time has its request's context cancelled by the server.
func send(w http.ResponseWriter, r *http.Request, text string) {
	setDeadlines(r, time.Time{}, time.Now().Add(writeTime))
	fmt.Fprint(w, text)
	if flusher, ok := w.(http.Flusher); ok {
		flusher.Flush()
	}
}
