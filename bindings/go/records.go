package nipops

// Records: what a journal holds, and what operations tell as they go.

import (
	"bytes"
	"encoding/json"
	"time"
)

// Record is one entry of a journal. docs/formats.md lists kinds and payloads.
type Record struct {
	Sequence int64           `json:"sequence"` // from 1
	Kind     string          `json:"kind"`     // "step.done"
	At       time.Time       `json:"at"`       // run time; of a request or note: its maker's clock
	Epoch    int64           `json:"epoch"`    // of the lease that wrote it; 0: a request or note
	Hash     string          `json:"hash"`     // 64 hex digits
	Payload  json.RawMessage `json:"payload"`  // null when it was purged, or when Problem is set
	Problem  string          `json:"problem"`  // what is wrong with the stored bytes; "" when nothing
	Raw      json.RawMessage `json:"-"`        // the whole, keys included that this package does not know
}

// Run is the run that the record belongs to, "shop-1", as its payload says; "" for notes that name none, and for
// payloads that are gone. A subject's journal holds the records of all its runs.
func (r Record) Run() string {
	var payload struct {
		Run string `json:"run"`
	}
	if json.Unmarshal(r.Payload, &payload) != nil {
		return ""
	}
	return payload.Run
}

// decodeRecord reads one record. It keeps text.
func decodeRecord(text []byte) (Record, error) {
	record := Record{Raw: text}
	return record, decode(text, &record)
}

// decodeRecords reads a list of records. A decoder that goes through the list reads each record once, and knows where
// in the text it stands.
func decodeRecords(text []byte) ([]Record, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if _, err := decoder.Token(); err != nil { // the list's bracket
		return nil, unreadable(err)
	}
	var records []Record
	for decoder.More() {
		var record Record
		begin := decoder.InputOffset()
		if err := decoder.Decode(&record); err != nil {
			return nil, unreadable(err)
		}
		whole := bytes.TrimLeft(text[begin:decoder.InputOffset()], ", \t\r\n")
		record.Raw = append(json.RawMessage(nil), whole...)
		records = append(records, record)
	}
	if _, err := decoder.Token(); err != nil { // the other bracket
		return nil, unreadable(err)
	}
	return records, nil
}

// Records walks a journal:
//
//	records := store.Records("shop", 0)
//	for records.Next() {
//		fmt.Println(records.Record().Kind)
//	}
//	err := records.Err()
//
// It is used by one goroutine. At the journal's end it may be asked again, later: Next then finds what was appended.
type Records struct {
	store   *Store
	subject string
	after   int64
	page    []Record
	next    int
	err     error
}

// recordsAtOnce is how many records are read at once.
const recordsAtOnce = 1000

// Records are the subject's records after the sequence given; 0: all. Records that are appended meanwhile are found
// too.
func (s *Store) Records(subject string, after int64) *Records {
	return &Records{store: s, subject: subject, after: after}
}

// Next goes on to the next record. It returns false when there is none now, or after a failure, which Err then tells
// and which stays.
func (r *Records) Next() bool {
	if r.err != nil {
		return false
	}
	if r.next == len(r.page) {
		r.next = 0
		r.page, r.err = r.store.recordsPage(r.subject, r.after)
	}
	if r.err != nil || r.next == len(r.page) {
		return false
	}
	r.after = r.page[r.next].Sequence
	r.next++
	return true
}

// Record is the one that Next found; the zero Record before the first Next, and after Next returned false.
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
