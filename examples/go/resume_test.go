package main

import (
	"context"
	"sync"
	"testing"

	nipops "github.com/libnipops/libnipops/bindings/go"
)

// leave begins a run that nobody drives. Its simulated world lives until the test is over.
func (s *service) leave(t *testing.T, text string) (run string) {
	t.Helper()
	document, err := nipops.ParseDocument([]byte(text), "rollout")
	if err != nil {
		t.Fatal(err)
	}
	defer document.Close()
	drivers, err := s.nip.NewDrivers()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { drivers.Close() })
	begun, err := s.rollouts.begin(context.Background(), document, drivers)
	if err != nil {
		t.Fatal(err)
	}
	defer begun.Close()
	return begun.ID()
}

func TestTakeUpAll(t *testing.T) {
	s := open(t)
	run := s.leave(t, document("1.0", quick))
	if err := s.takeUpAll(); err != nil {
		t.Fatal(err)
	}
	s.await(t, run, `"state":"succeeded"`)
}

// Of many that ask at once something of a run that nobody drives, one takes it up.
func TestRequestsTakeUpWhatNobodyDrives(t *testing.T) {
	s := open(t)
	s.released(t)
	run := s.leave(t, document("1.1", approved))
	var asking sync.WaitGroup
	for i := 0; i < 8; i++ {
		asking.Add(1)
		go func() {
			defer asking.Done()
			s.request(t, run, "pause")
		}()
	}
	asking.Wait()
	s.await(t, run, `"state":"paused"`)
	s.request(t, run, "abort")
	s.await(t, run, `"reason":"aborted"`)
}
