package nipops

// Crossings that need no object: time as text, rollout arithmetic, verdicts.

// #include "glue.h"
import "C"

func cTimeParse(text string) (int64, error) {
	var in arguments
	cText := in.text(text)
	if in.err != nil {
		return 0, in.err
	}
	var at C.nip_time
	var err *C.nip_error
	C.nip_time_parse(cText, &at, &err)
	return int64(at), takeError(err)
}

func cTimeFormat(at int64) (string, error) {
	return takeFormatted(C.nip_time_format(C.nip_time(at)))
}

func cDurationParse(text string) (int64, error) {
	var in arguments
	cText := in.text(text)
	if in.err != nil {
		return 0, in.err
	}
	var duration C.nip_duration
	var err *C.nip_error
	C.nip_duration_parse(cText, &duration, &err)
	return int64(duration), takeError(err)
}

func cDurationFormat(duration int64) (string, error) {
	return takeFormatted(C.nip_duration_format(C.nip_duration(duration)))
}

func takeFormatted(owned *C.char) (string, error) {
	if owned == nil {
		return "", newError(ErrOutOfMemory, "out of memory")
	}
	return string(takeBytes(owned)), nil
}

func cCanarySplit(replicas, weight, surge int64) (Split, error) {
	var split C.nip_split
	var err *C.nip_error
	C.nip_canary_split(C.int64_t(replicas), C.int64_t(weight), C.int64_t(surge), &split, &err)
	return Split{Canary: int64(split.canary), Stable: int64(split.stable)}, takeError(err)
}

func cRollingFenceposts(replicas int64, surge, unavailable string) (Fenceposts, error) {
	var in arguments
	cSurge, cUnavailable := in.text(surge), in.text(unavailable)
	if in.err != nil {
		return Fenceposts{}, in.err
	}
	var posts C.nip_fenceposts
	var err *C.nip_error
	C.nip_rolling_fenceposts(C.int64_t(replicas), cSurge, cUnavailable, &posts, &err)
	return Fenceposts{Surge: int64(posts.surge), Unavailable: int64(posts.unavailable)}, takeError(err)
}

func cBinomialTail(events, total int64, rate float64) (float64, error) {
	var tail C.double
	var err *C.nip_error
	C.nip_binomial_tail(C.int64_t(events), C.int64_t(total), C.double(rate), &tail, &err)
	return float64(tail), takeError(err)
}

func cRatioVerdict(events, total int64, limit float64, minSamples, look int64, alpha float64) (Verdict, error) {
	var err *C.nip_error
	verdict := C.nip_ratio_verdict(C.int64_t(events), C.int64_t(total), C.double(limit), C.int64_t(minSamples),
		C.int64_t(look), C.double(alpha), &err)
	if err != nil {
		return VerdictNoData, takeError(err)
	}
	return Verdict(verdict), nil
}

func cVerdictName(verdict Verdict) string {
	return C.GoString(C.nip_verdict_name(narrow(int64(verdict))))
}
