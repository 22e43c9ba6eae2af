package nipops

import (
	"encoding/json"
	"errors"
	"math/rand"
	"strings"
	"testing"
	"time"
)

const slaDocument = `
sla:
  name: shop
  indicators: {requests: {events: {}}, probe: {time: {instances: [a]}, max_gap: 1m}}
  objectives: {errors: {error_rate: requests, target: 0.1}, uptime: {availability: probe, target: 99}}
`

var (
	marchFirst = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	aprilFirst = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
)

func newServiceLevels(t *testing.T) *ServiceLevels {
	w := newWorld(t, "memory:", simulated("unused", ""), WithVirtualClock(began))
	document := must(ParseDocument([]byte(slaDocument), "sla.yaml"))(t)
	t.Cleanup(func() { document.Close() })
	return NewServiceLevels(w.store, document)
}

// Parts in any order, overlapping, added twice, give the bytes of the whole.
func TestServiceLevelsAddUpInAnyOrder(t *testing.T) {
	const slices = 300
	random := rand.New(rand.NewSource(1))
	times, good, bad := make([]int64, slices), make([]int64, slices), make([]int64, slices)
	for i := range times {
		times[i] = marchFirst.UnixNano() + int64(i)*int64(time.Minute)
		good[i], bad[i] = random.Int63n(1000), random.Int63n(2)
	}
	whole, parts, copied := newServiceLevels(t), newServiceLevels(t), newServiceLevels(t)
	about := Measured{Indicator: "requests", Now: aprilFirst}
	equal(t, must(whole.AddEvents(about, times, good, bad))(t), Added{1, 1, slices, 0})
	for _, first := range random.Perm(slices) {
		end := first + 1 + random.Intn(20)
		if end > slices {
			end = slices
		}
		must(parts.AddEvents(about, times[first:end], good[first:end], bad[first:end]))(t)
	}
	wanted := string(must(whole.Pages(AllRecords))(t))
	equal(t, string(must(parts.Pages(AllRecords))(t)), wanted)
	must(copied.AddPages(json.RawMessage(wanted), aprilFirst))(t)
	equal(t, string(must(copied.Pages(AllRecords))(t)), wanted)
	equal(t, must(copied.AddPages(json.RawMessage(wanted), aprilFirst))(t).Slices, int64(0))
}

func TestServiceLevelsFromRowsToReport(t *testing.T) {
	levels := newServiceLevels(t)
	day := Measured{Indicator: "requests", Begin: marchFirst, End: marchFirst.AddDate(0, 0, 1), Now: aprilFirst}
	must(levels.AddRows(day, []byte("at,good,bad\n2026-03-01T00:00:10Z,999,1\n"), "rows.csv"))(t)
	equal(t, string(must(levels.Pages(AllRecords))(t)), string(must(levels.Pages(1))(t)))
	probe := Measured{Indicator: "probe", Stream: "a", Begin: marchFirst, End: marchFirst.Add(2 * time.Minute), Now: aprilFirst}
	must(levels.AddSamples(probe, []int64{marchFirst.UnixNano(), marchFirst.UnixNano() + 45e9}, []float64{1, 0}))(t)
	var report struct {
		Objectives []struct {
			Verdict string
			Figures struct{ Good, Bad int64 }
		}
	}
	first := must(levels.Report("2026-03-01", time.Time{}, 2))(t)
	if err := json.Unmarshal(first, &report); err != nil {
		t.Fatal(err)
	}
	equal(t, report.Objectives[0].Verdict, "met")
	equal(t, report.Objectives[1].Figures.Good, int64(45000))
	equal(t, report.Objectives[1].Figures.Bad, int64(60000))
	sequence := must(levels.Exclude(json.RawMessage(`{"v":1,"id":"x","class":"maintenance","begin":"2026-03-01T00:00:00Z","end":"2026-03-01T00:01:00Z","who":"ann","why":"disks"}`), aprilFirst))(t)
	equal(t, sequence, int64(3))
	equal(t, string(must(levels.Report("2026-03-01", time.Time{}, 2))(t)), string(first))
	if text := must(ServiceLevelReportText(first, "markdown"))(t); !strings.Contains(text, "| errors | 0.1 % | 0.1000 % | met |") {
		t.Error(text)
	}
	if page := must(ServiceLevelReportText(first, "html"))(t); !strings.HasPrefix(page, "<!DOCTYPE html>") {
		t.Error(page)
	}
	if certificates := string(must(levels.Certificates("2026-03-01", aprilFirst, AllRecords))(t)); !strings.Contains(certificates, `"excluded_ms":60000`) {
		t.Error(certificates)
	}
	if described := string(must(DescribeServiceLevels(levels.document))(t)); !strings.Contains(described, `"journal":"sla.shop"`) {
		t.Error(described)
	}
}

func TestServiceLevelsRefuse(t *testing.T) {
	levels := newServiceLevels(t)
	about := Measured{Indicator: "requests", Now: aprilFirst}
	times := []int64{marchFirst.UnixNano()}
	must(levels.AddEvents(about, times, []int64{1}, []int64{0}))(t)
	for _, c := range []struct {
		err    error
		wanted error
	}{
		{errorOf(levels.AddEvents(about, times, []int64{2}, []int64{0})), ErrState},
		{errorOf(levels.AddEvents(about, times, []int64{2}, nil)), ErrInvalid},
		{errorOf(levels.AddEvents(Measured{Indicator: "request", Now: aprilFirst}, times, []int64{2}, []int64{0})), ErrNotFound},
		{errorOf(levels.AddSamples(about, times, []float64{1})), ErrInvalid},
		{errorOf(levels.Report("2026-13", aprilFirst, AllRecords)), ErrInvalid},
		{errorOf(levels.Pages(99)), ErrNotFound},
		{errorOf(ServiceLevelReportText(json.RawMessage("{}"), "markdown")), ErrInvalid},
	} {
		if !errors.Is(c.err, c.wanted) {
			t.Errorf("found %v, wanted %v", c.err, c.wanted)
		}
	}
	about.Revision = 1
	must(levels.AddEvents(about, times, []int64{2}, []int64{0}))(t)
}
