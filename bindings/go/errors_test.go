package nipops

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestErrorsKnowTheirCodes(t *testing.T) {
	nip := must(New())(t)
	defer nip.Close()
	folder := t.TempDir()
	_, invalid := nip.OpenStore("nonsense")
	_, missingFile := LoadDocument(filepath.Join(folder, "missing.yaml"))
	_, missingStore := nip.OpenStoreReadOnly("sqlite:" + filepath.Join(folder, "missing.db"))
	_, syntax := ParseDocument([]byte("a: [1"), "broken.yaml")
	_, option := New(WithInFlightMax(0))
	ended, end := context.WithCancel(context.Background())
	end()
	cases := []struct {
		name   string
		err    error
		wanted []error
		never  []error
	}{
		{"invalid", invalid, []error{ErrInvalid}, []error{ErrNotFound, fs.ErrNotExist, ErrClosed}},
		{"missing file", missingFile, []error{ErrIO, syscall.ENOENT, fs.ErrNotExist}, []error{ErrStore}},
		{"missing store", missingStore, []error{ErrNotFound, fs.ErrNotExist}, []error{fs.ErrPermission}},
		{"syntax", syntax, []error{ErrSyntax}, []error{ErrDocument}},
		{"option", option, []error{ErrInvalid}, nil},
		{"read-only", &Error{Code: ErrReadOnly}, []error{fs.ErrPermission}, []error{fs.ErrNotExist}},
		{"timeout", &Error{Code: ErrTimeout}, []error{os.ErrDeadlineExceeded}, []error{context.DeadlineExceeded}},
		{"closed", closedError("store"), []error{os.ErrClosed, ErrClosed, ErrState}, []error{fs.ErrNotExist}},
		{"interrupted", interruptedBy(ended, &Error{Code: ErrCancelled}), []error{context.Canceled, ErrCancelled},
			[]error{context.DeadlineExceeded}},
		{"not interrupted", interruptedBy(ended, &Error{Code: ErrStore}), []error{ErrStore}, []error{context.Canceled}},
	}
	for _, c := range cases {
		for _, wanted := range c.wanted {
			if !errors.Is(c.err, wanted) {
				t.Errorf("%s: %v is not %v", c.name, c.err, wanted)
			}
		}
		for _, never := range c.never {
			if errors.Is(c.err, never) {
				t.Errorf("%s: %v is %v", c.name, c.err, never)
			}
		}
	}
}

func TestErrorsOfDocumentsTellAllProblems(t *testing.T) {
	text := "rollout:\n  app: shop\n  replica: 3\n  strategy: sideways\n"
	document := must(ParseDocument([]byte(text), "shop.yaml"))(t)
	defer document.Close()
	var failure *Error
	if err := document.Check(); !errors.As(err, &failure) || !errors.Is(err, ErrDocument) {
		t.Fatalf("found %v", err)
	}
	if len(failure.Problems) < 2 {
		t.Fatalf("found %d problems: %v", len(failure.Problems), failure)
	}
	var lines []int
	for _, problem := range failure.Problems {
		equal(t, problem.File, "shop.yaml")
		lines = append(lines, problem.Line)
		if problem.Message == "" || strings.Contains(problem.Message, "\n") {
			t.Errorf("message %q is not one line", problem.Message)
		}
	}
	if lines[0] == 0 || failure.Problems[0].Column == 0 || failure.Problems[0].Path == "" {
		t.Errorf("no position: %+v", failure.Problems[0])
	}
}

func TestProblemsAsJSON(t *testing.T) {
	document := must(ParseDocument([]byte("rollout:\n  app: shop\n  replica: 3\n"), "shop.yaml"))(t)
	defer document.Close()
	var failure *Error
	if !errors.As(document.Check(), &failure) || len(failure.Problems) == 0 {
		t.Fatalf("found %v", failure)
	}
	for _, problem := range failure.Problems {
		var read struct {
			File, Path, Message string
			Line, Column        int
		}
		check(t, json.Unmarshal(problem.JSON(), &read))
		if read.File != "shop.yaml" || read.Path != problem.Path || read.Line != problem.Line || read.Column != problem.Column ||
			read.Message != problem.Message {
			t.Errorf("%s is not %+v", problem.JSON(), problem)
		}
	}
}

func TestErrorsAsJSON(t *testing.T) {
	_, fromLibrary := LoadDocument("/missing/rollout.yaml")
	for _, err := range []error{fromLibrary, closedError("store")} {
		var failure *Error
		if !errors.As(err, &failure) {
			t.Fatalf("found %T", err)
		}
		var read struct {
			V       int
			Code    Code
			Name    string
			Message string
		}
		check(t, json.Unmarshal(failure.JSON(), &read))
		if read.V != 1 || read.Code != failure.Code || read.Name != failure.Name || read.Message != err.Error() {
			t.Errorf("%s is not %+v", failure.JSON(), failure)
		}
	}
}

func TestCodes(t *testing.T) {
	for _, text := range codeTexts {
		equal(t, text.code.Name(), text.name)
		equal(t, text.code.Error(), text.description)
		equal(t, must(Constant(text.name))(t), int64(text.code))
	}
	equal(t, Code(-9999).Name(), "NIP_E_UNKNOWN")
	equal(t, Code(-9999).Error(), "unknown error code -9999")
	equal(t, Code(1<<32-4).Name(), "NIP_E_UNKNOWN") // not that of -4
	equal(t, (&Error{Code: -9999}).Error(), "unknown error code -9999")
	if _, err := Constant("NIP_NONSENSE"); !errors.Is(err, ErrNotFound) {
		t.Errorf("found %v", err)
	}
}

func TestZeroBytesInTextAreRefused(t *testing.T) {
	w := newWorld(t, "memory:", simulated("zero-bytes", ""))
	_, store := w.nip.OpenStore("memory:\x00")
	_, head := w.store.Head("sh\x00op")
	_, parsed := ParseTime("2026-01-01T00:00:00Z\x00")
	for _, err := range []error{store, head, parsed, w.document.Set("/rollout/app", "a\x00b")} {
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "zero byte") {
			t.Errorf("found %v", err)
		}
	}
}
