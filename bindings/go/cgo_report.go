package nipops

// Crossings for what journals tell other systems.

// #include "glue.h"
import "C"

import "encoding/json"

func cMetricsText(store pointer, now int64) (json.RawMessage, error) {
	var text *C.char
	var err *C.nip_error
	C.nip_metrics_text((*C.nip_store)(store), C.nip_time(now), &text, &err)
	return takeJSON(text, err)
}

func cRunSpans(store pointer, run string) (json.RawMessage, error) {
	var in arguments
	cRun := in.text(run)
	if in.err != nil {
		return nil, in.err
	}
	var text *C.char
	var err *C.nip_error
	C.nip_run_spans((*C.nip_store)(store), cRun, &text, &err)
	return takeJSON(text, err)
}

func cRunPage(store pointer, run string) (json.RawMessage, error) {
	var in arguments
	cRun := in.text(run)
	if in.err != nil {
		return nil, in.err
	}
	var text *C.char
	var err *C.nip_error
	C.nip_run_page((*C.nip_store)(store), cRun, &text, &err)
	return takeJSON(text, err)
}
