package nipops

// Crossings for plans and planners.

// #include "glue.h"
import "C"

import "encoding/json"

func cPlanParse(text []byte) (pointer, error) {
	var plan *C.nip_plan
	var err *C.nip_error
	C.nip_plan_from_json(beginning(text), C.size_t(len(text)), &plan, &err)
	return pointer(plan), takeError(err)
}

func cPlanFromDocument(doc pointer) (pointer, error) {
	var plan *C.nip_plan
	var err *C.nip_error
	C.nip_plan_from_doc((*C.nip_doc)(doc), &plan, &err)
	return pointer(plan), takeError(err)
}

func cPlanRollout(doc pointer, release, observed json.RawMessage) (pointer, error) {
	var in arguments
	cRelease, cObserved := in.text(orNull(release)), in.text(string(observed))
	if in.err != nil {
		return nil, in.err
	}
	var plan *C.nip_plan
	var err *C.nip_error
	C.nip_rollout_plan((*C.nip_doc)(doc), cRelease, cObserved, &plan, &err)
	return pointer(plan), takeError(err)
}

func cPlanAdopt(doc pointer, release, observed json.RawMessage) (pointer, error) {
	var in arguments
	cRelease, cObserved := in.text(orNull(release)), in.text(string(observed))
	if in.err != nil {
		return nil, in.err
	}
	var plan *C.nip_plan
	var err *C.nip_error
	C.nip_adopt_plan((*C.nip_doc)(doc), cRelease, cObserved, &plan, &err)
	return pointer(plan), takeError(err)
}

func cPlanRollback(release, observed json.RawMessage) (pointer, error) {
	var in arguments
	cRelease, cObserved := in.text(orNull(release)), in.text(string(observed))
	if in.err != nil {
		return nil, in.err
	}
	var plan *C.nip_plan
	var err *C.nip_error
	C.nip_rollback_plan(cRelease, cObserved, &plan, &err)
	return pointer(plan), takeError(err)
}

func cPlanEnsure(release, observed json.RawMessage) (pointer, error) {
	var in arguments
	cRelease, cObserved := in.text(orNull(release)), in.text(string(observed))
	if in.err != nil {
		return nil, in.err
	}
	var plan *C.nip_plan
	var err *C.nip_error
	C.nip_ensure_plan(cRelease, cObserved, &plan, &err)
	return pointer(plan), takeError(err)
}

func cPlanRetire(release, observed json.RawMessage, now int64, force bool) (pointer, error) {
	var in arguments
	cRelease, cObserved := in.text(orNull(release)), in.text(string(observed))
	if in.err != nil {
		return nil, in.err
	}
	var plan *C.nip_plan
	var err *C.nip_error
	C.nip_retire_plan(cRelease, cObserved, C.nip_time(now), truth(force), &plan, &err)
	return pointer(plan), takeError(err)
}

func cCompareObserved(planned, fresh json.RawMessage) error {
	var in arguments
	cPlanned, cFresh := in.text(string(planned)), in.text(string(fresh))
	if in.err != nil {
		return in.err
	}
	var err *C.nip_error
	C.nip_observed_compare(cPlanned, cFresh, &err)
	return takeError(err)
}

func cPlanSubject(plan pointer) string {
	return C.GoString(C.nip_plan_subject((*C.nip_plan)(plan)))
}

func cPlanDrivers(plan pointer) json.RawMessage {
	return copyBytes(C.nip_plan_drivers((*C.nip_plan)(plan)))
}

func cPlanSteps(plan pointer) int64 {
	return int64(C.nip_plan_steps((*C.nip_plan)(plan)))
}

func cPlanExplain(plan pointer) (string, error) {
	var text *C.char
	var err *C.nip_error
	C.nip_plan_explain((*C.nip_plan)(plan), &text, &err)
	taken, failure := takeJSON(text, err)
	return string(taken), failure
}

func cPlanJSON(plan pointer) (json.RawMessage, error) {
	var text *C.char
	var err *C.nip_error
	C.nip_plan_to_json((*C.nip_plan)(plan), &text, &err)
	return takeJSON(text, err)
}

func cPlanFree(plan pointer) {
	C.nip_plan_free((*C.nip_plan)(plan))
}
