package main

// What may be asked over HTTP.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	nipops "github.com/libnipops/libnipops/bindings/go"
)

const (
	documentBytes = 1 << 20
	requestBytes  = 4 << 10
)

// api answers requests about rollouts.
type api struct {
	rollouts *rollouts
}

// aboutRun is what may be asked of one run, under /rollouts/{id}/.
var aboutRun = map[string]struct {
	method string
	answer func(a *api, w http.ResponseWriter, r *http.Request, id string) error
}{
	"":        {http.MethodGet, (*api).status},
	"events":  {http.MethodGet, (*api).events},
	"approve": {http.MethodPost, asking(nipops.RequestApprove)},
	"pause":   {http.MethodPost, asking(nipops.RequestPause)},
	"promote": {http.MethodPost, asking(nipops.RequestPromote)},
	"abort":   {http.MethodPost, asking(nipops.RequestAbort)},
}

func newAPI(rollouts *rollouts) http.Handler {
	a := &api{rollouts}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", only(http.MethodGet, a.healthz))
	mux.HandleFunc("/rollouts", only(http.MethodPost, a.start))
	mux.HandleFunc("/rollouts/", a.run)
	return refuseBrowsers(mux)
}

// refuseBrowsers keeps pages that a browser of this machine shows from starting anything: browsers name the page's
// origin, other clients do not.
func refuseBrowsers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.Header.Get("Origin") != "" {
			answer(w, http.StatusForbidden, problem{Error: "requests of web pages are not taken"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// only passes on requests of one method, and answers with the error when there is one.
func only(method string, next func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method {
			w.Header().Set("Allow", method)
			answer(w, http.StatusMethodNotAllowed, problem{Error: fmt.Sprintf("%s takes %s", r.URL.Path, method)})
			return
		}
		if err := next(w, r); err != nil {
			answerError(w, err)
		}
	}
}

// run answers what is asked about one run.
func (a *api) run(w http.ResponseWriter, r *http.Request) {
	id, what, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/rollouts/"), "/")
	resource, known := aboutRun[what]
	if !known {
		answer(w, http.StatusNotFound, problem{Error: fmt.Sprintf("a run has no %q", what)})
		return
	}
	only(resource.method, func(w http.ResponseWriter, r *http.Request) error {
		return resource.answer(a, w, r, id)
	})(w, r)
}

// healthz says whether the journals can be read.
func (a *api) healthz(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.rollouts.store.Head("@store"); err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]string{"status": "healthy"})
	return nil
}

// start takes a rollout document, plans it, and begins the run.
func (a *api) start(w http.ResponseWriter, r *http.Request) error {
	text, err := readBody(w, r, documentBytes)
	if err != nil {
		return err
	}
	id, err := a.rollouts.start(r.Context(), text)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/rollouts/"+id)
	answer(w, http.StatusCreated, map[string]string{"run": id})
	return nil
}

// status tells how a run stands.
func (a *api) status(w http.ResponseWriter, r *http.Request, id string) error {
	run, err := a.rollouts.store.OpenRun(id)
	if err != nil {
		return err
	}
	defer run.Close()
	status, err := run.Status(a.rollouts.nip.Now())
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, status.Raw)
	return nil
}

// asking passes on one kind of request: {"who": "...", "why": "..."}.
func asking(kind nipops.RequestKind) func(a *api, w http.ResponseWriter, r *http.Request, id string) error {
	return func(a *api, w http.ResponseWriter, r *http.Request, id string) error {
		var asked struct{ Who, Why string }
		text, err := readBody(w, r, requestBytes)
		if err != nil {
			return err
		}
		body := json.NewDecoder(bytes.NewReader(text))
		body.DisallowUnknownFields()
		if err := body.Decode(&asked); err != nil {
			return badRequest(`a body {"who": "...", "why": "..."} is needed: ` + err.Error())
		}
		if asked.Who == "" {
			return badRequest(`"who" is needed: the person or program that asks`)
		}
		receipt, err := a.rollouts.request(id, kind, asked.Who, asked.Why)
		if err != nil {
			return err
		}
		answer(w, http.StatusAccepted, receipt)
		return nil
	}
}

// readBody reads a body that has at most so many bytes.
func readBody(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		return nil, badRequest("the body did not come whole")
	}
	return text, err
}
