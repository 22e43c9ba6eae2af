//go:build go1.20

package nipops

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestErrorTellsWhyTheContextEnded(t *testing.T) {
	d, tried := stuckDoor()
	w, run := startDoor(t, d, "1h")
	closed := errors.New("the window for changes closed")
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() { <-tried; cancel(closed) }()
	op := must(run.Drive(w.drivers))(t)
	defer op.Close()
	for op.Next(ctx) {
		if kind := op.Event().Kind; kind == "run.ended" {
			t.Fatal("it ended")
		}
	}
	err := op.Err()
	for _, wanted := range []error{ErrCancelled, context.Canceled, closed} {
		if !errors.Is(err, wanted) {
			t.Errorf("%v is not %v", err, wanted)
		}
	}
	if !strings.HasSuffix(err.Error(), ": "+closed.Error()) {
		t.Errorf("found %v", err)
	}
}
