package main

// What the tests share.

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// service is the whole of it, in this process.
type service struct {
	*rollouts
	url string
	end context.CancelFunc
}

// open starts a service with journals of its own, and ends it with the test.
func open(t *testing.T) *service {
	t.Helper()
	life, end := context.WithCancel(context.Background())
	rollouts, err := openRollouts(life, filepath.Join(t.TempDir(), "state.db"), log.New(io.Discard, "", 0))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve(life, listener, newAPI(rollouts)) }()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		rollouts.close()
	})
	return &service{rollouts, "http://" + listener.Addr().String(), end}
}

// ask sends a request. Headers are given as "Name: value".
func (s *service) ask(t *testing.T, method, path, body string, headers ...string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range headers {
		if name, value, found := strings.Cut(header, ": "); found {
			request.Header.Set(name, value)
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// begin starts a rollout and gives its run.
func (s *service) begin(t *testing.T, document string) string {
	t.Helper()
	status, answer := s.ask(t, "POST", "/rollouts", document)
	// The run before has ended in its journal a moment before the service is through with it.
	for end := time.Now().Add(20 * time.Second); strings.Contains(answer, "driven by this process already") && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
		status, answer = s.ask(t, "POST", "/rollouts", document)
	}
	var begun struct{ Run string }
	if err := json.Unmarshal([]byte(answer), &begun); err != nil || status != http.StatusCreated {
		t.Fatalf("status %d, %s", status, answer)
	}
	return begun.Run
}

// request asks something of a run.
func (s *service) request(t *testing.T, run, kind string) {
	t.Helper()
	status, answer := s.ask(t, "POST", "/rollouts/"+run+"/"+kind, `{"who": "me"}`)
	if status != http.StatusAccepted || !strings.Contains(answer, `"driven"`) {
		t.Errorf("%s %s: status %d, %s", kind, run, status, answer)
	}
}

// await waits until a run's status has the text given.
func (s *service) await(t *testing.T, run, text string) {
	t.Helper()
	answer := ""
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, answer = s.ask(t, "GET", "/rollouts/"+run, ""); strings.Contains(answer, text) {
			return
		}
	}
	t.Fatalf("%s: no %s within 20 s; %s", run, text, answer)
}

// released begins version 1.0 in a simulated world and waits for its end.
func (s *service) released(t *testing.T) (run string) {
	t.Helper()
	run = s.begin(t, document("1.0", quick))
	s.await(t, run, `"state":"succeeded"`)
	return run
}

// What makes a document wait for nobody, and for a person.
const (
	quick    = `  canary: {stages: [{share: 50, duration: 1ms}, {share: 100, duration: 1ms}]}`
	approved = `  canary: {stages: [{share: 50, duration: 1ms, approve: "half of the users?"}, {share: 100, duration: 1ms}]}`
)

// document is a canary in a simulated world, with these stages.
func document(version, stages string) string {
	const delays = `start_delay: 10ms, stop_delay: 10ms, answer_delay: 1ms, step_delay: 1ms, sessions_drain: 1ms`
	return `
rollout:
  app: shop
  artifact: "` + version + `"
  replicas: 2
  strategy: canary
  target: {driver: sim, world: main, ` + delays + `}
  router: {driver: sim, world: main, ` + delays + `}
  health: {url: "http://{endpoint}/health", interval: 100ms, timeout: 30s}
` + stages
}
