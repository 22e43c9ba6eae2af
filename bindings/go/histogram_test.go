package nipops

import (
	"bytes"
	"errors"
	"math"
	"testing"
)

func histogramOf(t testing.TB, values ...float64) *Histogram {
	t.Helper()
	histogram := must(NewHistogram())(t)
	check(t, histogram.RecordN(values))
	t.Cleanup(func() { histogram.Close() })
	return histogram
}

func TestHistogram(t *testing.T) {
	histogram := histogramOf(t, math.NaN(), -1, 0, math.Copysign(0, -1), 1e-12, 0.7, 0.1, 0.2, 1e12, math.Inf(1))
	equal(t, must(histogram.Summary())(t), Summary{Count: 9, Negatives: 1, Zeros: 2, Below: 1, Above: 2, NotNumbers: 1, Least: -1,
		Greatest: math.Inf(1), Sum: 1})
	quantile := must(histogram.Quantile(0.5))(t)
	equal(t, quantile.Rank, 5)
	if !(quantile.Lower <= 0.1 && 0.1 <= quantile.Upper && math.Abs(quantile.Value-0.1) <= 0.1*0.0039) {
		t.Errorf("found %v", quantile)
	}
	equal(t, must(histogram.Quantile(0))(t), Quantile{Value: -1, Lower: -1, Upper: -1, Rank: 1})
}

func TestHistogramsMerged(t *testing.T) {
	var values []float64
	parts := []*Histogram{histogramOf(t), histogramOf(t), histogramOf(t)}
	for i := 0; i < 3000; i++ {
		values = append(values, 0.001*float64(i))
		check(t, parts[i%3].Record(0.001*float64(i), 1))
	}
	check(t, parts[0].Merge(parts[1]))
	check(t, parts[2].Merge(parts[0]))
	written := must(parts[2].Bytes())(t)
	if !bytes.Equal(written, must(histogramOf(t, values...).Bytes())(t)) {
		t.Error("the parts are not the whole")
	}
	check(t, parts[2].Merge(parts[2]))
	equal(t, must(parts[2].Summary())(t).Count, 6000)
	read := must(ReadHistogram(written))(t)
	defer read.Close()
	if !bytes.Equal(must(read.Bytes())(t), written) {
		t.Error("what was read is written otherwise")
	}
}

func TestHistogramRefuses(t *testing.T) {
	empty, full := histogramOf(t), histogramOf(t)
	check(t, full.Record(2, math.MaxInt64))
	check(t, full.RecordN(nil))
	_, none := empty.Quantile(0.5)
	_, beyond := full.Quantile(1.5)
	_, cut := ReadHistogram(must(full.Bytes())(t)[:12])
	_, nothing := ReadHistogram(nil)
	_, newer := ReadHistogram([]byte("NIPH\x02"))
	closed := must(NewHistogram())(t)
	check(t, closed.Close())
	check(t, closed.Close())
	for i, c := range []struct {
		err    error
		wanted error
	}{
		{none, ErrState},
		{beyond, ErrInvalid},
		{cut, ErrCorrupt},
		{nothing, ErrCorrupt},
		{newer, ErrVersion},
		{full.RecordN([]float64{1}), ErrLimit},
		{full.Merge(full), ErrLimit},
		{full.Record(1, -1), ErrInvalid},
		{closed.Record(1, 1), ErrClosed},
		{full.Merge(closed), ErrClosed},
		{full.Merge(nil), ErrInvalid},
		{(*Histogram)(nil).Record(1, 1), ErrInvalid},
	} {
		if !errors.Is(c.err, c.wanted) {
			t.Errorf("%d: found %v", i, c.err)
		}
	}
}

func TestHistogramDoesNotCopy(t *testing.T) {
	histogram, values := histogramOf(t, 1), make([]float64, 1000000)
	allocations := testing.AllocsPerRun(10, func() { check(t, histogram.RecordN(values)) })
	if allocations > 2 {
		t.Errorf("%v allocations", allocations)
	}
	equal(t, must(histogram.Summary())(t).Zeros, 11000000)
}
