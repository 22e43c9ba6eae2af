package nipops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
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
	equal(t, judgedAt(t, first), "2026-04-01T00:00:00Z") // the instant of the record, whatever the clock says
	equal(t, judgedAt(t, must(levels.Report("2026-03-01", began.AddDate(1, 0, 0), AllRecords))(t)), "2027-01-01T00:00:00Z")
	if told := string(must(levels.Simulate("2026-03-01", aprilFirst, AllRecords, nil))(t)); !strings.Contains(told, `"excluded_ms":60000`) {
		t.Error(told)
	}
	tried := json.RawMessage(`[{"v":1,"id":"y","revokes":"x","who":"ann","why":"what if"}]`)
	if told := string(must(levels.Simulate("2026-03-01", aprilFirst, AllRecords, tried))(t)); strings.Contains(told, `"excluded_ms":60000`) {
		t.Error(told)
	}
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

func judgedAt(t *testing.T, report json.RawMessage) string {
	var told struct{ Now string }
	check(t, json.Unmarshal(report, &told))
	return told.Now
}

// scrapes answers like a Prometheus that has seen a service be up every 15 s for hours, all but the last one of them.
func scrapes(now int64) http.HandlerFunc {
	return func(answer http.ResponseWriter, request *http.Request) {
		form := regexp.MustCompile(`^up\n\[(\d+)ms\]$`).FindStringSubmatch(request.FormValue("query"))
		if request.URL.Path != "/api/v1/query" || form == nil {
			http.NotFound(answer, request)
			return
		}
		length, _ := strconv.ParseInt(form[1], 10, 64)
		to, _ := strconv.ParseFloat(request.FormValue("time"), 64)
		samples := [][2]any{}
		for at := (int64(to) - length/1000) / 15 * 15; float64(at) <= to && at <= now-3600; at += 15 {
			samples = append(samples, [2]any{at, "1"})
		}
		result := []any{}
		if len(samples) > 0 {
			result = append(result, map[string]any{"metric": map[string]string{"instance": "a"}, "values": samples})
		}
		text, _ := json.Marshal(result)
		fmt.Fprintf(answer, `{"status":"success","data":{"resultType":"matrix","result":%s}}`, text)
	}
}

func TestServiceLevelsAreCollected(t *testing.T) {
	now := time.Now().Truncate(time.Hour)
	server := httptest.NewServer(scrapes(now.Unix()))
	defer server.Close()
	nip := must(New())(t)
	defer nip.Close()
	store := must(nip.OpenStore("memory:"))(t)
	defer store.Close()
	text := strings.Replace(slaDocument, "time: {", "time: {query: up, up_when: \">= 1\", ", 1) + fmt.Sprintf("  metrics: {driver: prometheus, url: %q}\n", server.URL)
	document := must(ParseDocument([]byte(text), "sla.yaml"))(t)
	levels := NewServiceLevels(store, document)
	begin, end := now.Add(-3*time.Hour), now.Add(-2*time.Hour)
	op := must(levels.StartCollect(nip, begin, end, 0))(t)
	check(t, document.Close()) // not needed any more
	check(t, store.Close())    // kept by the operation
	check(t, op.Wait(context.Background()))
	equal(t, collected(t, must(op.Result())(t)), [3]int64{60, 0, 60})
	check(t, op.Close())

	levels = newServiceLevels(t)
	if _, err := levels.Collect(context.Background(), nip, begin, end, 0); !errors.Is(err, ErrInvalid) { // without a query
		t.Errorf("found %v", err)
	}
	document = must(ParseDocument([]byte(text), "sla.yaml"))(t)
	defer document.Close()
	store = must(nip.OpenStore("memory:"))(t)
	defer store.Close()
	levels = NewServiceLevels(store, document)
	equal(t, collected(t, must(levels.Collect(context.Background(), nip, begin, end, 0))(t)), [3]int64{60, 0, 60})
	equal(t, collected(t, must(levels.Collect(context.Background(), nip, begin, end, 0))(t)), [3]int64{60, 0, 0})
	server.Close()
	equal(t, collected(t, must(levels.Collect(context.Background(), nip, begin, end, 0))(t)), [3]int64{0, 60, 0})
}

// collected is known, missing, and what was new.
func collected(t *testing.T, result json.RawMessage) [3]int64 {
	var told struct {
		Known, Missing int64
		Added          Added
	}
	check(t, json.Unmarshal(result, &told))
	return [3]int64{told.Known, told.Missing, told.Added.Slices}
}

func TestServiceLevelRules(t *testing.T) {
	asked := strings.NewReplacer("events: {}", "events: {bad: errors, total: requests}", "{time: {", "{time: {query: up, up_when: \">= 1\", ").Replace(slaDocument)
	document := must(ParseDocument([]byte(asked+"  metrics: {driver: prometheus, url: \"http://127.0.0.1:9090\"}\n"), "sla.yaml"))(t)
	defer document.Close()
	if rules := string(must(ServiceLevelRules(document))(t)); !strings.Contains(rules, "SLABudgetBurn") {
		t.Error(rules)
	}
	if _, err := ServiceLevelRules(newServiceLevels(t).document); !errors.Is(err, ErrInvalid) { // nothing is asked of anybody
		t.Errorf("found %v", err)
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
