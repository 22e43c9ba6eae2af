package main

// Answers: values and errors as JSON, with the status of HTTP that fits.

import (
	"encoding/json"
	"errors"
	"net/http"

	nipops "github.com/libnipops/libnipops/bindings/go"
)

// problem is the body of every answer that is no success.
type problem struct {
	Error    string  `json:"error"`
	Run      string  `json:"run,omitempty"`      // that stands in the way
	Problems []place `json:"problems,omitempty"` // of a document, all at once
}

// place is one problem of a document.
type place struct {
	Message string `json:"message"`
	Path    string `json:"path,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
}

// statuses are the library's codes in terms of HTTP; the first that fits counts, and any other error is the service's
// own.
var statuses = []struct {
	err    error
	status int
}{
	{nipops.ErrSyntax, http.StatusBadRequest},
	{nipops.ErrDocument, http.StatusBadRequest},
	{nipops.ErrInvalid, http.StatusBadRequest},
	{nipops.ErrVersion, http.StatusBadRequest},
	{nipops.ErrLimit, http.StatusRequestEntityTooLarge},
	{nipops.ErrNotFound, http.StatusNotFound},
	{nipops.ErrState, http.StatusConflict},
	{nipops.ErrHeld, http.StatusConflict},
	{nipops.ErrDriver, http.StatusBadGateway},
	{nipops.ErrCancelled, http.StatusServiceUnavailable},
	{nipops.ErrBusy, http.StatusServiceUnavailable},
	{nipops.ErrFull, http.StatusInsufficientStorage},
}

// statusOf is the status of HTTP that tells an error best.
func statusOf(err error) int {
	var (
		bad      badRequest
		second   conflict
		nothing  notPlannable
		tooLarge *http.MaxBytesError
	)
	switch {
	case errors.As(err, &bad):
		return http.StatusBadRequest
	case errors.As(err, &second):
		return http.StatusConflict
	case errors.As(err, &nothing):
		return http.StatusUnprocessableEntity
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	}
	for _, known := range statuses {
		if errors.Is(err, known.err) {
			return known.status
		}
	}
	return http.StatusInternalServerError
}

func answerError(w http.ResponseWriter, err error) {
	body := problem{Error: err.Error()}
	var second conflict
	if errors.As(err, &second) {
		body.Run = second.run
	}
	var failure *nipops.Error
	if errors.As(err, &failure) {
		body.Problems = places(failure)
	}
	answer(w, statusOf(err), body)
}

// places are the problems of a document, none for other errors.
func places(failure *nipops.Error) []place {
	found := failure.Problems
	if len(found) == 0 && failure.Line > 0 { // not well-formed: there is no more than one
		found = []*nipops.Error{failure}
	}
	var all []place
	for _, one := range found {
		all = append(all, place{one.Message, one.Path, one.Line, one.Column})
	}
	return all
}

// answer writes a value as JSON.
func answer(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(append(text, '\n'))
}
