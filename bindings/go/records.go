package nipops

// Records: what a journal holds, and what operations tell as they go.

import (
	"encoding/json"
	"time"
)

// Record is one entry of a journal. docs/formats.md lists kinds and payloads.
type Record struct {
	Sequence int64           // from 1
	Kind     string          // "step.done"
	At       time.Time       // run time; of a request or note: its maker's clock
	Epoch    int64           // of the lease that wrote it; 0: a request or note
	Hash     string          // 64 hex digits
	Payload  json.RawMessage // null when it was purged, or when Problem is set
	Problem  string          // what is wrong with the stored bytes; "" when nothing
	Raw      json.RawMessage // the whole, keys included that this package does not know
}

// UnmarshalJSON reads a record as the library writes it.
func (r *Record) UnmarshalJSON(text []byte) error {
	var read struct {
		Sequence int64           `json:"sequence"`
		Kind     string          `json:"kind"`
		At       time.Time       `json:"at"`
		Epoch    int64           `json:"epoch"`
		Hash     string          `json:"hash"`
		Payload  json.RawMessage `json:"payload"`
		Problem  string          `json:"problem"`
	}
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	*r = Record{
		Sequence: read.Sequence,
		Kind:     read.Kind,
		At:       read.At,
		Epoch:    read.Epoch,
		Hash:     read.Hash,
		Payload:  read.Payload,
		Problem:  read.Problem,
		Raw:      append(json.RawMessage(nil), text...),
	}
	return nil
}

// Records walks a journal:
//
//	records := store.Records("shop", 0)
//	for records.Next() {
//		fmt.Println(records.Record().Kind)
//	}
//	err := records.Err()
//
// It is used by one goroutine.
type Records struct {
	store   *Store
	subject string
	after   int64
	page    []Record
	next    int
	err     error
}

// recordsPage is how many records are read at once.
const recordsPage = 1000

// Records are the subject's records after the sequence given; 0: all. Records that are appended meanwhile are found too.
func (s *Store) Records(subject string, after int64) *Records {
	return &Records{store: s, subject: subject, after: after}
}

// Next goes on to the next record. It returns false when there is none any more, or after a failure, which Err then tells.
func (r *Records) Next() bool {
	if r.err != nil {
		return false
	}
	if r.next == len(r.page) {
		r.page, r.next = nil, 0
		r.err = r.store.read(&r.page, func() (json.RawMessage, error) {
			return cJournalRead(r.store.c, r.subject, r.after, recordsPage)
		})
	}
	if r.err != nil || r.next == len(r.page) {
		return false
	}
	r.after = r.page[r.next].Sequence
	r.next++
	return true
}

// Record is the present one; the zero Record before the first Next.
func (r *Records) Record() Record {
	if r.next == 0 {
		return Record{}
	}
	return r.page[r.next-1]
}

// Err is why Next returned false; nil at the journal's end.
func (r *Records) Err() error {
	return r.err
}
