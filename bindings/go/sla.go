package nipops

// Service levels: what was promised of a service, what was measured, and what became of it.

import (
	"context"
	"encoding/json"
	"math"
	"time"
)

// AllRecords is an asOf for all that a journal has.
const AllRecords int64 = math.MaxInt64

// ServiceLevels is a document of service levels, and the store that their journal is in. Adding the same twice adds
// nothing, in whatever order it comes; what contradicts is refused with ErrState, unless it has a higher revision and so
// corrects.
type ServiceLevels struct {
	store    *Store
	document *Document
}

// NewServiceLevels ties a document of kind "sla" to the store of its journal. Both stay the caller's to close.
func NewServiceLevels(store *Store, document *Document) *ServiceLevels {
	return &ServiceLevels{store, document}
}

// Measured is what is said of all that is added.
type Measured struct {
	Indicator  string    // its name in the document
	Stream     string    // the instance or observer it is of
	Begin, End time.Time // what it is about, whole slices; both zero: only slices that have events, and of time those between the first sample and the last
	Revision   int64     // a higher one corrects
	Now        time.Time // instant of the records
}

// Added is what adding came to.
type Added struct {
	Sequence int64 `json:"sequence"` // of the journal's last record
	Records  int64 `json:"records"`  // appended
	Slices   int64 `json:"slices"`   // that said something new
	Known    int64 `json:"known"`    // that were there already
}

// DescribeServiceLevels is what a document comes to: its indicators with the hashes of their definitions, its objectives.
func DescribeServiceLevels(document *Document) (json.RawMessage, error) {
	if err := document.begin(); err != nil {
		return nil, err
	}
	defer document.leave()
	return cSLADescribe(document.c)
}

// ServiceLevelRules is YAML for Prometheus' rule_files: recording rules, and alerts on burn rates. ErrInvalid.
func ServiceLevelRules(document *Document) ([]byte, error) {
	if err := document.begin(); err != nil {
		return nil, err
	}
	defer document.leave()
	return cSLARules(document.c)
}

// AddRows adds what a file has: comma-separated values with a first line of names, or a JSON object a line. name is the
// file's, for messages.
func (l *ServiceLevels) AddRows(about Measured, text []byte, name string) (Added, error) {
	return l.add(about, func(place slaPlace, stretch slaStretch) (json.RawMessage, error) {
		return cSLAImport(place, stretch, text, name)
	})
}

// AddEvents adds events: good[i] and bad[i] happened at times[i] (nanoseconds since the epoch), or in the slice that
// begins there. The slices are read, not kept.
func (l *ServiceLevels) AddEvents(about Measured, times, good, bad []int64) (Added, error) {
	if len(good) != len(times) || len(bad) != len(times) {
		return Added{}, newError(ErrInvalid, "there are %d times, %d good and %d bad", len(times), len(good), len(bad))
	}
	return l.add(about, func(place slaPlace, stretch slaStretch) (json.RawMessage, error) {
		return cSLAAddEvents(place, stretch, times, good, bad)
	})
}

// AddSamples adds samples to an indicator of time: from times[i] (nanoseconds since the epoch) on values[i] was seen;
// NaN: somebody looked, and could not tell. The slices are read, not kept.
func (l *ServiceLevels) AddSamples(about Measured, times []int64, values []float64) (Added, error) {
	if len(values) != len(times) {
		return Added{}, newError(ErrInvalid, "there are %d times, but %d values", len(times), len(values))
	}
	return l.add(about, func(place slaPlace, stretch slaStretch) (json.RawMessage, error) {
		return cSLAAddSamples(place, stretch, times, values)
	})
}

// AddPages adds the pages of another journal: how shards, regions and hosts add up.
func (l *ServiceLevels) AddPages(pages json.RawMessage, now time.Time) (Added, error) {
	return l.add(Measured{Now: now}, func(place slaPlace, stretch slaStretch) (json.RawMessage, error) {
		return cSLAAddPages(place, pages, stretch.now)
	})
}

// Pages is all that was measured by the record asOf (AllRecords: by now): canonical, so that two journals that know the
// same give the same bytes. ErrNotFound.
func (l *ServiceLevels) Pages(asOf int64) (json.RawMessage, error) {
	return l.ask(func(place slaPlace) (json.RawMessage, error) { return cSLAPages(place, asOf) })
}

// Exclude records that some time does not count, or does after all, as docs/formats.md has it ("Exclusion"); it gives the
// record's sequence. Exclusions are only ever added.
func (l *ServiceLevels) Exclude(exclusion json.RawMessage, now time.Time) (int64, error) {
	instant, err := fromTime(now)
	if err != nil {
		return 0, err
	}
	var sequence int64
	_, err = l.ask(func(place slaPlace) (json.RawMessage, error) {
		sequence, err = cSLAExclude(place, string(exclusion), instant)
		return nil, err
	})
	return sequence, err
}

// Report is the report of a period: docs/formats.md, "Report of an SLA". period is "2026-03", "2026-Q1", "last-week", "30d" and so on;
// "" is the one that holds now. The zero time judges at the instant of the record asOf.
func (l *ServiceLevels) Report(period string, now time.Time, asOf int64) (json.RawMessage, error) {
	instant, err := fromTime(now)
	if err != nil {
		return nil, err
	}
	return l.ask(func(place slaPlace) (json.RawMessage, error) { return cSLAReport(place, period, instant, asOf) })
}

// Certificates says what became of each millisecond of a period, for each objective. Parameters as for Report.
func (l *ServiceLevels) Certificates(period string, now time.Time, asOf int64) (json.RawMessage, error) {
	instant, err := fromTime(now)
	if err != nil {
		return nil, err
	}
	return l.ask(func(place slaPlace) (json.RawMessage, error) { return cSLACertificates(place, period, instant, asOf) })
}

// Simulate says what would have been on what was recorded: which alerts would have fired, and what becomes of figures when
// exclusions (a JSON list; nil: none) count that nobody recorded. Other targets and alerts are another document. Nothing is
// recorded. The other parameters are as for Report.
func (l *ServiceLevels) Simulate(period string, now time.Time, asOf int64, exclusions json.RawMessage) (json.RawMessage, error) {
	instant, err := fromTime(now)
	if err != nil {
		return nil, err
	}
	return l.ask(func(place slaPlace) (json.RawMessage, error) {
		return cSLASimulate(place, period, instant, asOf, string(exclusions))
	})
}

// ServiceLevelReportText is a report for people, as "markdown", or as "html": one page with pictures. ErrInvalid.
func ServiceLevelReportText(report json.RawMessage, format string) (string, error) {
	return cSLAReportText(string(report), format)
}

// Collect collects what the indicators measured from the document's Prometheus: StartCollect, driven to its end.
func (l *ServiceLevels) Collect(ctx context.Context, nip *Context, begin, end time.Time, revision int64) (json.RawMessage, error) {
	return finish(ctx)(l.StartCollect(nip, begin, end, revision))
}

// StartCollect begins to collect what the indicators measured from the document's Prometheus, and adds it to the journal
// when all was asked. The zero time for begin is where the journal ends, for end it is now. A revision above 0 corrects
// slices that were recorded otherwise. The result says what is known, missing and why.
func (l *ServiceLevels) StartCollect(nip *Context, begin, end time.Time, revision int64) (*Operation, error) {
	first, err := fromTime(begin)
	if err != nil {
		return nil, err
	}
	last, err := fromTime(end)
	if err != nil {
		return nil, err
	}
	if err := nip.begin(); err != nil {
		return nil, err
	}
	defer nip.drop()
	if err := l.check(); err != nil {
		return nil, err
	}
	leave, err := enterAll(&l.store.object, &l.document.object)
	if err != nil {
		return nil, err
	}
	defer leave()
	c, err := cOpSLACollect(nip.c, slaPlace{l.store.c, l.document.c}, first, last, revision)
	if err != nil {
		return nil, err
	}
	return nip.newOperation(c, nil, []*object{&l.store.object})
}

func (l *ServiceLevels) check() error {
	if l == nil || l.store == nil || l.store.c == nil {
		return missingError("store")
	}
	if l.document == nil || l.document.c == nil {
		return missingError("document")
	}
	return nil
}

// ask crosses with both objects locked.
func (l *ServiceLevels) ask(crossing func(place slaPlace) (json.RawMessage, error)) (json.RawMessage, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	leave, err := enterAll(&l.store.object, &l.document.object)
	if err != nil {
		return nil, err
	}
	defer leave()
	return crossing(slaPlace{l.store.c, l.document.c})
}

func (l *ServiceLevels) add(about Measured, crossing func(place slaPlace, stretch slaStretch) (json.RawMessage, error)) (Added, error) {
	var added Added
	stretch := slaStretch{indicator: about.Indicator, stream: about.Stream, revision: about.Revision}
	for _, instant := range []struct {
		from time.Time
		to   *int64
	}{{about.Begin, &stretch.begin}, {about.End, &stretch.end}, {about.Now, &stretch.now}} {
		var err error
		if *instant.to, err = fromTime(instant.from); err != nil {
			return added, err
		}
	}
	told, err := l.ask(func(place slaPlace) (json.RawMessage, error) { return crossing(place, stretch) })
	if err == nil {
		err = decode(told, &added)
	}
	return added, err
}
