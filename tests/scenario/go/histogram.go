package main

// call: [histogram, [VALUES, ...], [QUANTILE, ...]]: a histogram of each text of values, merged into one; what it says,
// and its bytes.

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	nipops "github.com/libnipops/libnipops/bindings/go"
)

func histogram(a []json.RawMessage) error {
	whole, err := nipops.NewHistogram()
	if err != nil {
		return err
	}
	defer whole.Close()
	for _, text := range read[[]string](a[0]) {
		if err := recordText(whole, text); err != nil {
			return err
		}
	}
	if err := printWhole(whole); err != nil {
		return err
	}
	for _, quantile := range read[[]float64](a[1]) {
		q, err := whole.Quantile(quantile)
		if err != nil {
			return err
		}
		line("rank %d value %s lower %s upper %s", q.Rank, real(q.Value), real(q.Lower), real(q.Upper))
	}
	return nil
}

func recordText(whole *nipops.Histogram, text string) error {
	var values []float64
	for _, word := range strings.Fields(text) {
		value, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return err
		}
		values = append(values, value)
	}
	one, err := nipops.NewHistogram()
	if err != nil {
		return err
	}
	defer one.Close()
	if err := one.RecordN(values); err != nil {
		return err
	}
	return whole.Merge(one)
}

func printWhole(whole *nipops.Histogram) error {
	s, err := whole.Summary()
	if err != nil {
		return err
	}
	line("count %d negatives %d zeros %d below %d above %d not_numbers %d least %s greatest %s sum %s", s.Count, s.Negatives, s.Zeros,
		s.Below, s.Above, s.NotNumbers, real(s.Least), real(s.Greatest), real(s.Sum))
	bytes, err := whole.Bytes()
	if err != nil {
		return err
	}
	again, err := nipops.ReadHistogram(bytes)
	if err != nil {
		return err
	}
	line("bytes %s", hex.EncodeToString(bytes))
	return again.Close()
}

// real is a number as C prints it.
func real(value float64) string {
	switch {
	case math.IsNaN(value):
		return "none"
	case math.IsInf(value, 1):
		return "inf"
	case math.IsInf(value, -1):
		return "-inf"
	}
	return strconv.FormatFloat(value, 'g', 17, 64)
}
