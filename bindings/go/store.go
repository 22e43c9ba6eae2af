package nipops

// Stores: journals of what happened, and who drives what.

import (
	"encoding/json"
	"time"
)

// Store holds one journal a subject. Any goroutine may use it, several at once; calls take turns. Other processes may
// use the same file.
//
// After Close its methods answer ErrClosed; runs that are open keep the file open until they are closed.
type Store struct {
	object
	c       pointer
	context *Context
}

// AnySequence as the expected sequence of Append: whatever the journal's head is.
const AnySequence int64 = -1

// RequestKind is what people ask of a run.
type RequestKind string

// What may be asked of a run.
const (
	RequestApprove RequestKind = "approve" // a waiting approval by anybody; see Answer for those by people of a role
	RequestPause   RequestKind = "pause"
	RequestPromote RequestKind = "promote" // ends the present wait or pause
	RequestAbort   RequestKind = "abort"   // takes the change back; on a broken run: tries the failed step back again
)

// OpenStore opens "sqlite:PATH" (created with mode 0600) or "memory:". ErrInvalid, ErrStore, ErrReadOnly, ErrFull,
// ErrCorrupt, ErrVersion.
func (nip *Context) OpenStore(url string) (*Store, error) {
	return nip.openStore(url, cStoreOpen)
}

// OpenStoreReadOnly is OpenStore, but changes no record and keeps no writer out. ErrNotFound when there is no store.
func (nip *Context) OpenStoreReadOnly(url string) (*Store, error) {
	return nip.openStore(url, cStoreOpenReadOnly)
}

func (nip *Context) openStore(url string, open func(ctx pointer, url string) (pointer, error)) (*Store, error) {
	if err := nip.begin(); err != nil {
		return nil, err
	}
	defer nip.drop()
	c, err := open(nip.c, url)
	if err != nil {
		return nil, err
	}
	store := &Store{c: c, context: nip}
	store.init("store", func() { cStoreFree(c) })
	store.keep(&nip.object)
	return store, nil
}

func (s *Store) begin() error {
	if s == nil || s.c == nil {
		return missingError("store")
	}
	return s.enter()
}

// Append writes a note if nobody wrote in between: expected is the sequence that the journal's head must have, 0 for an
// empty journal, AnySequence for any. kind is a dotted lower-case name, "note.written"; payload a JSON object of at
// most RecordMax bytes. It returns the record's own sequence, and is durable then. ErrConflict, ErrInvalid, ErrSyntax,
// ErrLimit, ErrBusy (retryable), ErrStore, ErrFull, ErrReadOnly.
func (s *Store) Append(subject string, expected int64, kind string, at time.Time,
	payload json.RawMessage) (int64, error) {
	instant, err := fromTime(at)
	if err != nil {
		return 0, err
	}
	if err := s.begin(); err != nil {
		return 0, err
	}
	defer s.leave()
	return cJournalAppend(s.c, subject, expected, kind, instant, payload)
}

// Head is how far a journal has come. Keep it elsewhere and give it to Verify later.
type Head struct {
	Subject  string `json:"subject"`
	Sequence int64  `json:"sequence"` // 0 for an empty journal
	Hash     string `json:"hash"`     // 64 hex digits
}

// Head reads a journal's head.
func (s *Store) Head(subject string) (Head, error) {
	var head Head
	err := s.read(&head, func() (json.RawMessage, error) { return cJournalHead(s.c, subject) })
	return head, err
}

// Verification is what Verify found.
type Verification struct {
	Subject  string `json:"subject"`
	Verdict  string `json:"verdict"` // "intact" or "broken"
	Records  int64  `json:"records"`
	Purged   int64  `json:"purged"`
	BrokenAt int64  `json:"broken_at"` // sequence; 0 when intact
	Reason   string `json:"reason"`    // "" when intact
	Head     string `json:"head"`      // "matches", "not_given", "missing" or "differs"
}

// Verify checks a journal's chain over exactly the stored bytes. With a head kept elsewhere (or nil) a cut tail or a
// rewritten journal shows. A broken journal is an answer, not an error.
func (s *Store) Verify(subject string, head *Head) (Verification, error) {
	var found Verification
	kept, err := json.Marshal(head)
	if err != nil {
		return found, err
	}
	if head == nil {
		kept = nil
	}
	err = s.read(&found, func() (json.RawMessage, error) { return cJournalVerify(s.c, subject, kept) })
	return found, err
}

// Purge removes the payloads of all records up to and including through, for good. ErrState when a run that is not over
// needs one of them.
func (s *Store) Purge(subject string, through int64) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.leave()
	return cJournalPurge(s.c, subject, through)
}

// SubjectInfo is one subject of a store.
type SubjectInfo struct {
	Subject  string    `json:"subject"`
	Sequence int64     `json:"sequence"` // of its newest record
	Updated  time.Time `json:"updated"`
}

// Subjects are all subjects of the store, by name.
func (s *Store) Subjects() ([]SubjectInfo, error) {
	var subjects []SubjectInfo
	err := s.read(&subjects, func() (json.RawMessage, error) { return cStoreSubjects(s.c) })
	return subjects, err
}

// Lease is who drives a subject.
type Lease struct {
	Holder json.RawMessage `json:"holder"`
	Epoch  int64           `json:"epoch"`
	Alive  *bool           `json:"alive"` // nil when it cannot be known from here (other host)
}

// Lease tells who drives the subject now; nil when nobody ever did.
func (s *Store) Lease(subject string) (*Lease, error) {
	var lease *Lease
	err := s.read(&lease, func() (json.RawMessage, error) { return cLeaseRead(s.c, subject) })
	return lease, err
}

// Queued is a rollout that waits for its turn.
type Queued struct {
	Sequence int64           `json:"sequence"`
	At       time.Time       `json:"at"`
	Version  string          `json:"version"`
	Policy   string          `json:"policy"` // "queue", "supersede" or "restart"
	Who      string          `json:"who"`
	Holder   json.RawMessage `json:"holder"`
	Alive    *bool           `json:"alive"` // nil when it cannot be known from here (other host)
}

// Queue tells who waits for the subject's turn (Context.StartRollout with when_busy), oldest first. Those whose process
// was killed are left out.
func (s *Store) Queue(subject string) ([]Queued, error) {
	var queue []Queued
	err := s.read(&queue, func() (json.RawMessage, error) { return cQueueRead(s.c, subject) })
	return queue, err
}

// Receipt says what a request was appended to.
type Receipt struct {
	Run      string `json:"run"`
	Sequence int64  `json:"sequence"`
	Driven   bool   `json:"driven"` // false: nothing happens until somebody resumes the run
}

// Request asks something of a run, from any process. id is a run, "shop-1", or a subject: its latest run. who must not
// be empty; why may be. ErrNotFound, ErrState when the run is over or asks nothing, ErrInvalid.
func (s *Store) Request(id string, kind RequestKind, who, why string, at time.Time) (Receipt, error) {
	var receipt Receipt
	instant, err := fromTime(at)
	if err != nil {
		return receipt, err
	}
	err = s.read(&receipt, func() (json.RawMessage, error) {
		return cRunRequest(s.c, id, string(kind), who, why, instant)
	})
	return receipt, err
}

// RunSummary is one run of a store.
type RunSummary struct {
	Run     string    `json:"run"`
	Subject string    `json:"subject"`
	State   string    `json:"state"`
	Title   string    `json:"title"`
	Started time.Time `json:"started"` // zero: not yet
	Ended   time.Time `json:"ended"`   // zero: not yet
}

// Outcome is how the run ended: "succeeded", "returned", "stopped" or "broken"; "" before the end.
func (r RunSummary) Outcome() string {
	return outcomeOf(r.State)
}

// Runs are the runs of a subject ("": of all), newest first.
func (s *Store) Runs(subject string) ([]RunSummary, error) {
	var runs []RunSummary
	err := s.read(&runs, func() (json.RawMessage, error) { return cRunList(s.c, subject) })
	return runs, err
}

// ReportFormat is a form that reports are written in.
type ReportFormat string

// The forms of reports: plain text, JSON, or one page of HTML that needs nothing from elsewhere.
const (
	ReportText ReportFormat = "text"
	ReportJSON ReportFormat = "json"
	ReportHTML ReportFormat = "html"
)

// Report is what a run, "shop-4", or a subject's latest run found out about two versions: the verdict of a shadow, with
// all that it rests on. ErrNotFound: no such run, or it compares nothing.
func (s *Store) Report(id string, format ReportFormat) ([]byte, error) {
	return s.ask(func() (json.RawMessage, error) { return cRunReport(s.c, id, string(format)) })
}

// PlanOf is the plan of a run, "shop-1", or of a subject's latest run, from its journal: to explain what a run is
// about. To go on with the run it is not needed. ErrNotFound when there is no such run, or when its plan was purged.
func (s *Store) PlanOf(id string) (*Plan, error) {
	run, err := s.OpenRun(id)
	if err != nil {
		return nil, err
	}
	defer run.Close()
	for records := s.Records(run.Subject(), 0); records.Next() || records.Err() != nil; {
		if err := records.Err(); err != nil {
			return nil, err
		}
		record := records.Record()
		if record.Kind != "run.planned" || record.Run() != run.ID() {
			continue
		}
		var planned struct {
			Plan json.RawMessage `json:"plan"`
		}
		if err := decode(record.Payload, &planned); err != nil {
			return nil, err
		}
		return ParsePlan(planned.Plan)
	}
	return nil, newError(ErrNotFound, "the plan of run %s is not in the journal any more: it was purged", run.ID())
}

// MetricsText is runs, verdicts and releases in Prometheus' text format (version 0.0.4), for a handler of /metrics.
func (s *Store) MetricsText(now time.Time) (string, error) {
	at, err := fromTime(now)
	if err != nil {
		return "", err
	}
	text, err := s.ask(func() (json.RawMessage, error) { return cMetricsText(s.c, at) })
	return string(text), err
}

// Spans is a run ("shop-1", or a subject's latest) as OpenTelemetry spans, in the JSON that collectors take at
// /v1/traces. ErrNotFound.
func (s *Store) Spans(run string) (json.RawMessage, error) {
	var spans json.RawMessage
	err := s.read(&spans, func() (json.RawMessage, error) { return cRunSpans(s.c, run) })
	return spans, err
}

// Page is a run ("shop-1", or a subject's latest) as one self-contained page of HTML, with pictures of its course.
// ErrNotFound.
func (s *Store) Page(run string) (string, error) {
	page, err := s.ask(func() (json.RawMessage, error) { return cRunPage(s.c, run) })
	return string(page), err
}

// Release is the release record that the subject stands at, for planners; nil when nothing was released yet.
func (s *Store) Release(subject string) (json.RawMessage, error) {
	var release json.RawMessage
	err := s.read(&release, func() (json.RawMessage, error) { return cReleaseRead(s.c, subject) })
	if string(release) == "null" {
		release = nil
	}
	return release, err
}

// Close closes the store. Runs that are open keep the file open until they are closed. Further calls do nothing.
func (s *Store) Close() error {
	if s != nil && s.c != nil {
		s.close()
	}
	return nil
}

// read asks for JSON and decodes it.
func (s *Store) read(into any, ask func() (json.RawMessage, error)) error {
	text, err := s.ask(ask)
	if err != nil {
		return err
	}
	return decode(text, into)
}

// ask asks for JSON; the store is free again when that is decoded.
func (s *Store) ask(crossing func() (json.RawMessage, error)) (json.RawMessage, error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.leave()
	return crossing()
}

// recordsPage is the next records after a sequence, not more than recordsAtOnce; none at the journal's end.
func (s *Store) recordsPage(subject string, after int64) ([]Record, error) {
	text, err := s.ask(func() (json.RawMessage, error) { return cJournalRead(s.c, subject, after, recordsAtOnce) })
	if err != nil {
		return nil, err
	}
	return decodeRecords(text)
}

// decode reads what the library wrote. Keys that this package does not know are ignored.
func decode(text json.RawMessage, into any) error {
	if err := json.Unmarshal(text, into); err != nil {
		return unreadable(err)
	}
	return nil
}

func unreadable(cause error) error {
	failure := newError(ErrInternal, "the library's answer cannot be read: %v", cause)
	failure.cause = cause
	return failure
}
