package main

// The library's plain functions: numbers in, numbers out.

import (
	"encoding/json"
	"strconv"

	nipops "github.com/libnipops/libnipops/bindings/go"
)

var functions = map[string]func(arguments []json.RawMessage) error{
	"canary_split": canarySplit, "rolling_fenceposts": rollingFenceposts, "binomial_tail": binomialTail, "ratio_verdict": ratioVerdict,
	"time": parseTime, "duration": parseDuration, "histogram": histogram,
}

// call: [NAME, ARGUMENT, ...]
func call(_ *runner, said json.RawMessage) error {
	arguments := read[[]json.RawMessage](said)
	return functions[read[string](arguments[0])](arguments[1:])
}

func canarySplit(a []json.RawMessage) error {
	split, err := nipops.CanarySplit(read[int64](a[0]), read[int64](a[1]), read[int64](a[2]))
	if err == nil {
		line("canary %d stable %d", split.Canary, split.Stable)
	}
	return err
}

func rollingFenceposts(a []json.RawMessage) error {
	posts, err := nipops.RollingFenceposts(read[int64](a[0]), read[string](a[1]), read[string](a[2]))
	if err == nil {
		line("surge %d unavailable %d", posts.Surge, posts.Unavailable)
	}
	return err
}

func binomialTail(a []json.RawMessage) error {
	tail, err := nipops.BinomialTail(read[int64](a[0]), read[int64](a[1]), read[float64](a[2]))
	if err == nil {
		line("tail %s", strconv.FormatFloat(tail, 'g', 17, 64))
	}
	return err
}

func ratioVerdict(a []json.RawMessage) error {
	verdict, err := nipops.RatioVerdict(read[int64](a[0]), read[int64](a[1]), read[float64](a[2]), read[int64](a[3]), read[int64](a[4]),
		read[float64](a[5]))
	if err == nil {
		line("verdict %s", verdict)
	}
	return err
}

func parseTime(a []json.RawMessage) error {
	t, err := nipops.ParseTime(read[string](a[0]))
	if err == nil {
		line("time %d %s", t.UnixNano(), must(nipops.FormatTime(t)))
	}
	return err
}

func parseDuration(a []json.RawMessage) error {
	length, err := nipops.ParseDuration(read[string](a[0]))
	if err == nil {
		line("duration %d %s", int64(length), must(nipops.FormatDuration(length)))
	}
	return err
}
