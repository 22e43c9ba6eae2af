package nipops

// Errors: what the library says, and how it fits Go's own errors.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
)

// Error is a failure as the library reports it. It is a copy: it stays valid for ever and may be read by any goroutine.
//
// errors.Is compares codes, errors.Is(err, nipops.ErrHeld), and knows the standard library's names for some:
// fs.ErrNotExist, fs.ErrPermission (a read-only store), os.ErrDeadlineExceeded, os.ErrClosed, and the context's own
// error when a context ended the call.
type Error struct {
	Code       Code          // what kind of error
	Name       string        // the code's name in C, "NIP_E_HELD"
	Message    string        // one line: what was wrong, where, what would be right
	Retryable  bool          // the same call may succeed later without any change
	File       string        // document it is about; "" when none
	Path       string        // place inside the document, "/rollout/replicas"; "" when none
	Line       int           // from 1; 0 when none
	Column     int           // in characters, from 1; 0 when none
	HTTPStatus int           // of the reply that failed; 0 when none
	Errno      syscall.Errno // of the system call that failed; 0 when none
	Problems   []*Error      // all problems of a document at once; empty for a plain error

	cause       error
	interrupted error // the context's error, when a context ended the call; cause then says why
	closed      bool  // the object was closed before
	json        []byte
}

// ErrClosed is what calls on a closed object come to: errors.Is(err, nipops.ErrClosed). It is os.ErrClosed.
var ErrClosed = os.ErrClosed

// standardErrors are codes that the standard library has a name for.
var standardErrors = []struct {
	code     Code
	standard error
}{
	{ErrNotFound, fs.ErrNotExist},
	{ErrReadOnly, fs.ErrPermission},
	{ErrTimeout, os.ErrDeadlineExceeded},
}

// Error is the code's description; it makes codes usable with errors.Is.
func (c Code) Error() string {
	for _, text := range codeTexts {
		if text.code == c {
			return text.description
		}
	}
	return "unknown error code " + strconv.Itoa(int(c))
}

// Name is the code's name in C, "NIP_E_HELD"; "NIP_E_UNKNOWN" for codes that this library does not know.
func (c Code) Name() string {
	return cCodeName(c)
}

// Error is the message, one line, and why the context ended when that is what ended the call.
func (e *Error) Error() string {
	text := e.Message
	if text == "" {
		text = e.Code.Error()
	}
	if e.interrupted != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Is tells whether target is this error's code, or the standard library's name for what happened.
func (e *Error) Is(target error) bool {
	if code, isCode := target.(Code); isCode {
		return e.Code == code
	}
	if target == os.ErrClosed {
		return e.closed
	}
	for _, known := range standardErrors {
		if target == known.standard && e.Code == known.code {
			return true
		}
	}
	return e.interrupted != nil && errors.Is(e.interrupted, target)
}

// Unwrap gives what led to this error, else the error number of the system call that failed, else nil.
func (e *Error) Unwrap() error {
	if e.cause != nil {
		return e.cause
	}
	if e.Errno != 0 {
		return e.Errno
	}
	return nil
}

// JSON is the whole error as JSON, causes included.
func (e *Error) JSON() json.RawMessage {
	if e.json != nil {
		return append(json.RawMessage(nil), e.json...)
	}
	text, err := json.Marshal(map[string]any{
		"v": 1, "code": int(e.Code), "name": e.Name, "message": e.Message, "retryable": e.Retryable, "causes": []any{},
	})
	if err != nil {
		return nil // cannot be: numbers, texts and a truth value
	}
	return text
}

func newError(code Code, format string, values ...any) *Error {
	message := format
	if len(values) > 0 {
		message = fmt.Sprintf(format, values...)
	}
	return &Error{Code: code, Name: cCodeName(code), Message: message}
}

func closedError(what string) *Error {
	err := newError(ErrState, "the %s was closed", what)
	err.closed = true
	return err
}

func missingError(what string) *Error {
	return newError(ErrInvalid, "a %s is needed, found nil or one that this package did not make", what)
}

// interruptedBy adds the context's own error to that of a call which it ended. The error given stays as it is, since
// other goroutines, with other contexts, may have been told it too.
func interruptedBy(ctx context.Context, err error) error {
	var failure *Error
	if !errors.As(err, &failure) || failure.Code != ErrCancelled || failure.interrupted != nil || ctx.Err() == nil {
		return err
	}
	interrupted := *failure
	interrupted.interrupted = ctx.Err()
	interrupted.cause = causeOf(ctx)
	return &interrupted
}

// quoted is text for a message: short, and on one line.
func quoted(s string) string {
	const longest = 64
	if len(s) > longest {
		s = s[:longest]
	}
	return strconv.Quote(s)
}
