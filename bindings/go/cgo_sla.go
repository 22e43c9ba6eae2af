package nipops

// Crossings for service levels.

// #include "glue.h"
import "C"

import (
	"encoding/json"
	"unsafe"
)

// slaPlace is a store and a document of service levels.
type slaPlace struct {
	store, document pointer
}

func (p slaPlace) c() (*C.nip_store, *C.nip_doc) {
	return (*C.nip_store)(p.store), (*C.nip_doc)(p.document)
}

// slaStretch is what is said of all that is added.
type slaStretch struct {
	indicator, stream         string
	begin, end, revision, now int64
}

func cSLADescribe(document pointer) (json.RawMessage, error) {
	var text *C.char
	var err *C.nip_error
	C.nip_sla_describe((*C.nip_doc)(document), &text, &err)
	return takeJSON(text, err)
}

func cSLAImport(place slaPlace, about slaStretch, text []byte, name string) (json.RawMessage, error) {
	var in arguments
	cIndicator, cStream, cName := in.text(about.indicator), in.text(about.stream), in.optional(name)
	if in.err != nil {
		return nil, in.err
	}
	store, document := place.c()
	var told *C.char
	var err *C.nip_error
	C.nip_sla_import(store, document, cIndicator, cStream, beginning(text), C.int64_t(len(text)), cName, C.nip_time(about.begin),
		C.nip_time(about.end), C.int64_t(about.revision), C.nip_time(about.now), &told, &err)
	return takeJSON(told, err)
}

// firstNumber is where C reads an array, which it does not keep.
func firstNumber(numbers []int64) *C.int64_t {
	if len(numbers) == 0 {
		numbers = []int64{0}
	}
	return (*C.int64_t)(unsafe.Pointer(&numbers[0]))
}

func firstValue(values []float64) *C.double {
	if len(values) == 0 {
		values = []float64{0}
	}
	return (*C.double)(unsafe.Pointer(&values[0]))
}

func cSLAAddEvents(place slaPlace, about slaStretch, times, good, bad []int64) (json.RawMessage, error) {
	var in arguments
	cIndicator, cStream := in.text(about.indicator), in.text(about.stream)
	if in.err != nil {
		return nil, in.err
	}
	store, document := place.c()
	var told *C.char
	var err *C.nip_error
	C.nip_sla_add_events(store, document, cIndicator, cStream, (*C.nip_time)(firstNumber(times)), firstNumber(good), firstNumber(bad),
		C.int64_t(len(times)), C.nip_time(about.begin), C.nip_time(about.end), C.int64_t(about.revision), C.nip_time(about.now), &told, &err)
	return takeJSON(told, err)
}

func cSLAAddSamples(place slaPlace, about slaStretch, times []int64, values []float64) (json.RawMessage, error) {
	var in arguments
	cIndicator, cStream := in.text(about.indicator), in.text(about.stream)
	if in.err != nil {
		return nil, in.err
	}
	store, document := place.c()
	var told *C.char
	var err *C.nip_error
	C.nip_sla_add_samples(store, document, cIndicator, cStream, (*C.nip_time)(firstNumber(times)), firstValue(values),
		C.int64_t(len(times)), C.nip_time(about.begin), C.nip_time(about.end), C.int64_t(about.revision), C.nip_time(about.now), &told, &err)
	return takeJSON(told, err)
}

func cSLAPages(place slaPlace, asOf int64) (json.RawMessage, error) {
	store, document := place.c()
	var text *C.char
	var err *C.nip_error
	C.nip_sla_pages(store, document, C.int64_t(asOf), &text, &err)
	return takeJSON(text, err)
}

func cSLAAddPages(place slaPlace, pages []byte, now int64) (json.RawMessage, error) {
	store, document := place.c()
	var told *C.char
	var err *C.nip_error
	C.nip_sla_add_pages(store, document, beginning(pages), C.int64_t(len(pages)), C.nip_time(now), &told, &err)
	return takeJSON(told, err)
}

func cSLAExclude(place slaPlace, exclusion string, now int64) (int64, error) {
	var in arguments
	cExclusion := in.text(exclusion)
	if in.err != nil {
		return 0, in.err
	}
	store, document := place.c()
	var sequence C.int64_t
	var err *C.nip_error
	C.nip_sla_exclude(store, document, cExclusion, C.nip_time(now), &sequence, &err)
	return int64(sequence), takeError(err)
}

func cSLAReport(place slaPlace, period string, now, asOf int64) (json.RawMessage, error) {
	var in arguments
	cPeriod := in.optional(period)
	if in.err != nil {
		return nil, in.err
	}
	store, document := place.c()
	var text *C.char
	var err *C.nip_error
	C.nip_sla_report(store, document, cPeriod, C.nip_time(now), C.int64_t(asOf), &text, &err)
	return takeJSON(text, err)
}

func cSLACertificates(place slaPlace, period string, now, asOf int64) (json.RawMessage, error) {
	var in arguments
	cPeriod := in.optional(period)
	if in.err != nil {
		return nil, in.err
	}
	store, document := place.c()
	var text *C.char
	var err *C.nip_error
	C.nip_sla_certificates(store, document, cPeriod, C.nip_time(now), C.int64_t(asOf), &text, &err)
	return takeJSON(text, err)
}

func cSLAReportText(report, format string) (string, error) {
	var in arguments
	cReport, cFormat := in.text(report), in.text(format)
	if in.err != nil {
		return "", in.err
	}
	var text *C.char
	var err *C.nip_error
	C.nip_sla_report_text(cReport, cFormat, &text, &err)
	told, failure := takeJSON(text, err)
	return string(told), failure
}

func cOpSLACollect(ctx pointer, place slaPlace, begin, end, revision int64) (pointer, error) {
	store, document := place.c()
	var op *C.nip_op
	var err *C.nip_error
	C.nip_op_sla_collect((*C.nip_ctx)(ctx), store, document, C.nip_time(begin), C.nip_time(end), C.int64_t(revision), &op, &err)
	return pointer(op), takeError(err)
}

func cSLARules(document pointer) (json.RawMessage, error) {
	var text *C.char
	var err *C.nip_error
	C.nip_sla_rules((*C.nip_doc)(document), &text, &err)
	return takeJSON(text, err)
}

func cSLASimulate(place slaPlace, period string, now, asOf int64, exclusions string) (json.RawMessage, error) {
	var in arguments
	cPeriod, cExclusions := in.optional(period), in.optional(exclusions)
	if in.err != nil {
		return nil, in.err
	}
	store, document := place.c()
	var text *C.char
	var err *C.nip_error
	C.nip_sla_simulate(store, document, cPeriod, C.nip_time(now), C.int64_t(asOf), cExclusions, &text, &err)
	return takeJSON(text, err)
}
