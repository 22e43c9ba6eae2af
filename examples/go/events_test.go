package main

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

var eventID = regexp.MustCompile(`(?m)^id: (\d+)$`)

// eventsAfter streams a run's events until the stream ends, and gives their ids.
func (s *service) eventsAfter(t *testing.T, run, after string) (status int, ids []string) {
	t.Helper()
	status, text := s.ask(t, "GET", "/rollouts/"+run+"/events", "", "Last-Event-ID: "+after)
	for _, found := range eventID.FindAllStringSubmatch(text, -1) {
		ids = append(ids, found[1])
	}
	return status, ids
}

func TestStreamFollowsAndContinues(t *testing.T) {
	s := open(t)
	s.released(t)
	run := s.begin(t, document("1.1", quick))
	_, whole := s.eventsAfter(t, run, "") // while it goes on
	if len(whole) < 20 || whole[0] == "1" {
		t.Fatalf("events of %s: %v", run, whole)
	}
	middle := len(whole) / 2
	_, rest := s.eventsAfter(t, run, whole[middle])
	if strings.Join(rest, " ") != strings.Join(whole[middle+1:], " ") {
		t.Fatalf("after %s came %v, wanted %v", whole[middle], rest, whole[middle+1:])
	}
	if status, more := s.eventsAfter(t, run, whole[len(whole)-1]); status != http.StatusNoContent || len(more) != 0 {
		t.Fatalf("after the end: status %d, %v", status, more)
	}
}

func TestStreamEndsWithTheService(t *testing.T) {
	s := open(t)
	s.released(t)
	run := s.begin(t, document("1.1", approved))
	s.await(t, run, `"for":"approval"`)
	response, err := http.Get(s.url + "/rollouts/" + run + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	s.end()
	if _, err := io.ReadAll(response.Body); err != nil {
		t.Fatalf("the stream was cut off: %v", err)
	}
}

func TestBell(t *testing.T) {
	var b bell
	b.ring() // nobody listens
	first, second := b.next(), b.next()
	select {
	case <-first:
		t.Fatal("rung before")
	default:
	}
	b.ring()
	<-first
	<-second
	if b.next() == first {
		t.Fatal("a bell that was rung is rung for ever")
	}
}
