package main

// Service levels: what was measured, in parts; their pages; what became of a period.

import (
	"encoding/json"
	"math"
	"strings"
	"time"

	nipops "github.com/libnipops/libnipops/bindings/go"
)

// measured is {document, indicator, stream?, parts: [...]}.
type measured struct {
	Document  string         `json:"document"`
	Indicator string         `json:"indicator"`
	Stream    string         `json:"stream"`
	Parts     []measuredPart `json:"parts"`
}

// measuredPart has rows, or times in seconds since At with values or with good and bad.
type measuredPart struct {
	Rows     *string    `json:"rows"`
	At       string     `json:"at"`
	Times    []int64    `json:"times"`
	Values   []*float64 `json:"values"` // null: NaN
	Good     []int64    `json:"good"`
	Bad      []int64    `json:"bad"`
	Begin    string     `json:"begin"`
	End      string     `json:"end"`
	Revision int64      `json:"revision"`
}

// judged is {document, period, as_of?, to?, exclusions?}.
type judged struct {
	Document   string          `json:"document"`
	Period     string          `json:"period"`
	AsOf       *int64          `json:"as_of"`
	To         string          `json:"to"`
	Exclusions json.RawMessage `json:"exclusions"`
}

func (j judged) asOf() int64 {
	if j.AsOf == nil {
		return nipops.AllRecords
	}
	return *j.AsOf
}

// now is the zero time where the record's instant counts.
func (j judged) now(r *runner) time.Time {
	if j.AsOf != nil {
		return time.Time{}
	}
	return r.nip.Now()
}

func (r *runner) withLevels(name string, do func(levels *nipops.ServiceLevels) error) error {
	document, err := r.load(name)
	if err != nil {
		return err
	}
	defer document.Close()
	return do(nipops.NewServiceLevels(r.store, document))
}

// promises: NAME: what a document comes to, and rules that watch over it.
func promises(r *runner, said json.RawMessage) error {
	document, err := r.load(read[string](said))
	if err != nil {
		return err
	}
	defer document.Close()
	described, err := nipops.DescribeServiceLevels(document)
	if err != nil {
		return err
	}
	line("described %s", canonical(described, ""))
	rules, err := nipops.ServiceLevelRules(document)
	if err == nil {
		block(string(rules))
	}
	return err
}

func timeOrZero(text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	return must(nipops.ParseTime(text))
}

func printAdded(slices, known int64) {
	line("added slices %d known %d", slices, known)
}

func (p measuredPart) numbers() []float64 {
	numbers := make([]float64, len(p.Values))
	for i, value := range p.Values {
		numbers[i] = math.NaN()
		if value != nil {
			numbers[i] = *value
		}
	}
	return numbers
}

func (p measuredPart) add(levels *nipops.ServiceLevels, about nipops.Measured) (nipops.Added, error) {
	about.Begin, about.End, about.Revision = timeOrZero(p.Begin), timeOrZero(p.End), p.Revision
	if p.Rows != nil {
		return levels.AddRows(about, []byte(*p.Rows), "rows")
	}
	times := make([]int64, len(p.Times))
	for i, second := range p.Times {
		times[i] = timeOrZero(p.At).UnixNano() + second*int64(time.Second)
	}
	if p.Values != nil {
		return levels.AddSamples(about, times, p.numbers())
	}
	return levels.AddEvents(about, times, p.Good, p.Bad)
}

// measure: here first those at odd places, then the others; each language has another order.
func measure(r *runner, said json.RawMessage) error {
	wanted := read[measured](said)
	var slices, known int64
	err := r.withLevels(wanted.Document, func(levels *nipops.ServiceLevels) error {
		about := nipops.Measured{Indicator: wanted.Indicator, Stream: wanted.Stream, Now: r.nip.Now()}
		for _, begin := range []int{1, 0} {
			for i := begin; i < len(wanted.Parts); i += 2 {
				added, err := wanted.Parts[i].add(levels, about)
				if err != nil {
					return err
				}
				slices, known = slices+added.Slices, known+added.Known
			}
		}
		return nil
	})
	if err == nil {
		printAdded(slices, known)
	}
	return err
}

// exclude: {document, exclusion}
func exclude(r *runner, said json.RawMessage) error {
	wanted := read[struct {
		Document  string          `json:"document"`
		Exclusion json.RawMessage `json:"exclusion"`
	}](said)
	return r.withLevels(wanted.Document, func(levels *nipops.ServiceLevels) error {
		sequence, err := levels.Exclude(wanted.Exclusion, r.nip.Now())
		if err == nil {
			line("excluded %d", sequence)
		}
		return err
	})
}

// pages shows the text itself, to the byte; to: a document whose journal they are added to.
func pages(r *runner, said json.RawMessage) error {
	wanted := read[judged](said)
	var text json.RawMessage
	err := r.withLevels(wanted.Document, func(levels *nipops.ServiceLevels) (err error) {
		text, err = levels.Pages(wanted.asOf())
		return err
	})
	if err != nil {
		return err
	}
	for _, each := range strings.Split(string(text), "\n") {
		line("pages %s", each)
	}
	if wanted.To == "" {
		return nil
	}
	return r.withLevels(wanted.To, func(levels *nipops.ServiceLevels) error {
		added, err := levels.AddPages(text, r.nip.Now())
		if err == nil {
			printAdded(added.Slices, added.Known)
		}
		return err
	})
}

// judge: at the instant of the record as_of if there is one, else now.
func judge(r *runner, said json.RawMessage) error {
	wanted := read[judged](said)
	now := wanted.now(r)
	return r.withLevels(wanted.Document, func(levels *nipops.ServiceLevels) error {
		report, err := levels.Report(wanted.Period, now, wanted.asOf())
		if err != nil {
			return err
		}
		certificates, err := levels.Certificates(wanted.Period, now, wanted.asOf())
		if err != nil {
			return err
		}
		printJudged("report", report)
		line("certificates %s", canonical(certificates, ""))
		for _, form := range []string{"markdown", "html"} {
			text, err := nipops.ServiceLevelReportText(report, form)
			if err != nil {
				return err
			}
			block(text)
		}
		return nil
	})
}

func printJudged(label string, report json.RawMessage) {
	type answer struct{ Objective, Value, Verdict, Proven json.RawMessage }
	told := read[struct {
		Objectives []struct {
			answer
			Answer *answer // of a simulation
		}
	}](report)
	for _, each := range told.Objectives {
		o := each.answer
		if each.Answer != nil {
			o = *each.Answer
		}
		line("judged objective=%s value=%s verdict=%s proven=%s", canonical(o.Objective, ""), canonical(o.Value, ""), canonical(o.Verdict, ""),
			canonical(o.Proven, ""))
	}
	line("%s %s", label, canonical(report, ""))
}

// simulate: what would have been; the instant as for judge.
func simulate(r *runner, said json.RawMessage) error {
	wanted := read[judged](said)
	return r.withLevels(wanted.Document, func(levels *nipops.ServiceLevels) error {
		told, err := levels.Simulate(wanted.Period, wanted.now(r), wanted.asOf(), wanted.Exclusions)
		if err == nil {
			printJudged("simulated", told)
		}
		return err
	})
}
