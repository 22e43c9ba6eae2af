package main

import (
	"net/http"
	"strings"
	"testing"
)

func TestRefusals(t *testing.T) {
	s := open(t)
	s.released(t)
	cases := []struct {
		method, path, body, header string
		status                     int
		has                        string
	}{
		{"GET", "/", "", "", 404, ""},
		{"GET", "/rollouts", "", "", 405, "takes POST"},
		{"POST", "/rollouts/shop-1", "", "", 405, "takes GET"},
		{"GET", "/rollouts/shop-1/abort", "", "", 405, "takes POST"},
		{"GET", "/rollouts/shop-1/logs", "", "", 404, "a run has no"},
		{"GET", "/rollouts/shop-9", "", "", 404, "there is no run"},
		{"GET", "/rollouts/", "", "", 404, "there is no run"},
		{"GET", "/rollouts/shop%00", "", "", 400, "zero byte"},
		{"GET", "/rollouts/shop-9/events", "", "", 404, "there is no run"},
		{"GET", "/rollouts/shop-1/events", "", "Last-Event-ID: -1", 400, "Last-Event-ID"},
		{"POST", "/rollouts", "", "", 400, `"error"`},
		{"POST", "/rollouts", "rollout: {app: [", "", 400, `"line":1`},
		{"POST", "/rollouts", "rollout: {app: shop, replicas: 0}", "", 400, `"path":"/rollout/replicas"`},
		{"POST", "/rollouts", `health: {targets: ["tcp://127.0.0.1:1"], tcp: true}`, "", 400, `"error"`},
		{"POST", "/rollouts", strings.Repeat("#", documentBytes+1), "", 413, "too large"},
		{"POST", "/rollouts", document("1.0", quick), "Origin: http://page.example", 403, "web pages"},
		{"POST", "/rollouts", document("1.0", quick), "", 422, "nothing to do"},
		{"POST", "/rollouts/shop-1/abort", "", "", 400, "who"},
		{"POST", "/rollouts/shop-1/abort", `{"who": "", "why": "x"}`, "", 400, "who"},
		{"POST", "/rollouts/shop-1/abort", `{"who": "me", "force": true}`, "", 400, "force"},
		{"POST", "/rollouts/shop-1/abort", `{"who": "` + strings.Repeat("m", requestBytes) + `"}`, "", 413, "too large"},
		{"POST", "/rollouts/shop-1/abort", `{"who": "me"}`, "", 409, "is over"},
		{"POST", "/rollouts/shop-9/abort", `{"who": "me"}`, "", 404, "there is no run"},
	}
	for _, c := range cases {
		status, answer := s.ask(t, c.method, c.path, c.body, c.header)
		if status != c.status || !strings.Contains(answer, c.has) {
			t.Errorf("%s %s %.40q: status %d, wanted %d with %q; %s", c.method, c.path, c.body, status, c.status, c.has, answer)
		}
	}
}

func TestConflictAndApproval(t *testing.T) {
	s := open(t)
	s.released(t)
	run := s.begin(t, document("1.1", approved))
	s.await(t, run, `"for":"approval"`)
	status, answer := s.ask(t, "POST", "/rollouts", document("1.2", approved))
	if status != http.StatusConflict || !strings.Contains(answer, `"run":"`+run+`"`) {
		t.Fatalf("status %d, %s", status, answer)
	}
	s.request(t, run, "approve")
	s.await(t, run, `"state":"succeeded"`)
}
