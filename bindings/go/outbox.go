package nipops

// The outbox: who is told that runs have ended.

import (
	"encoding/json"
	"time"
)

// Delivery is somebody who is to be told that a run has ended (on_end).
type Delivery struct {
	Run      string    `json:"run"`
	Subject  string    `json:"subject"`
	End      int64     `json:"end"` // sequence of the run's run.ended
	State    string    `json:"state"`
	Number   int64     `json:"number"` // of the entry in on_end, from 1
	To       string    `json:"to"`
	Outcome  string    `json:"outcome"` // "pending", "done" or "failed"
	Attempts int64     `json:"attempts"`
	GivenUp  bool      `json:"given_up"` // tried again only when the latest run is resumed and nobody else is left
	Reason   string    `json:"reason"`
	Message  string    `json:"message"`
	At       time.Time `json:"at"` // of the outcome; zero: none yet
}

// Outbox says who was to be told, and whether they were: of a subject's ("": every subject's) latest run, and of those
// before it where some were left when it began.
func (s *Store) Outbox(subject string) ([]Delivery, error) {
	var deliveries []Delivery
	err := s.read(&deliveries, func() (json.RawMessage, error) { return cOutboxRead(s.c, subject) })
	return deliveries, err
}
