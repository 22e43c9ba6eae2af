package nipops

// Crossings for operations.

// #include "glue.h"
import "C"

import (
	"encoding/json"
	"time"
)

// opEvent stands beside opMore and opDone: an event was found.
const opEvent = C.GLUE_EVENT

func cOpRunPlan(ctx, run, drivers pointer) (pointer, error) {
	var op *C.nip_op
	var err *C.nip_error
	C.nip_op_run_plan((*C.nip_ctx)(ctx), (*C.nip_run)(run), (*C.nip_drivers)(drivers), &op, &err)
	return pointer(op), takeError(err)
}

func cOpRollout(ctx, doc, store, drivers pointer, who string) (pointer, error) {
	var in arguments
	cWho := in.text(who)
	if in.err != nil {
		return nil, in.err
	}
	var op *C.nip_op
	var err *C.nip_error
	C.nip_op_rollout((*C.nip_ctx)(ctx), (*C.nip_doc)(doc), (*C.nip_store)(store), (*C.nip_drivers)(drivers), cWho, &op,
		&err)
	return pointer(op), takeError(err)
}

func cOpObserve(ctx, doc pointer, release json.RawMessage, drivers pointer) (pointer, error) {
	var in arguments
	cRelease := in.text(orNull(release))
	if in.err != nil {
		return nil, in.err
	}
	if doc != nil {
		cRelease = nil
	}
	var op *C.nip_op
	var err *C.nip_error
	C.nip_op_observe((*C.nip_ctx)(ctx), (*C.nip_doc)(doc), cRelease, (*C.nip_drivers)(drivers), &op, &err)
	return pointer(op), takeError(err)
}

func cHealthCheck(ctx, doc pointer) (pointer, error) {
	var op *C.nip_op
	var err *C.nip_error
	C.nip_health_check((*C.nip_ctx)(ctx), (*C.nip_doc)(doc), &op, &err)
	return pointer(op), takeError(err)
}

// cOpAdvance is a crossing: one step, and the event that it brought.
func cOpAdvance(op pointer) (int, []byte, error) {
	var event *C.char
	var err *C.nip_error
	what := C.glue_op_advance((*C.nip_op)(op), &event, &err)
	return int(what), copyBytes(event), takeError(err)
}

// cOpStep is a crossing: one step.
func cOpStep(op pointer) (int, []byte, error) {
	var err *C.nip_error
	what := C.nip_op_step((*C.nip_op)(op), &err)
	return int(what), nil, takeError(err)
}

// cOpReadyEvent is an event that is there already.
func cOpReadyEvent(op pointer) (event []byte, found bool) {
	var text *C.char
	if C.nip_op_next_event((*C.nip_op)(op), &text, nil) != 1 {
		return nil, false
	}
	return copyBytes(text), true
}

// cOpRun is a crossing: all steps and all waiting.
func cOpRun(op pointer) (int, []byte, error) {
	var err *C.nip_error
	what := C.nip_op_run((*C.nip_op)(op), &err)
	return int(what), nil, takeError(err)
}

func cOpWait(op pointer, timeout time.Duration) (int, []byte, error) {
	var err *C.nip_error
	what := C.nip_op_wait((*C.nip_op)(op), C.nip_duration(timeout), &err)
	return int(what), nil, takeError(err)
}

func cOpFD(op pointer) int {
	return int(C.nip_op_fd((*C.nip_op)(op)))
}

func cOpCancel(op pointer) {
	C.nip_op_cancel((*C.nip_op)(op))
}

func cOpStatus(op pointer) (json.RawMessage, error) {
	var text *C.char
	var err *C.nip_error
	C.nip_op_status((*C.nip_op)(op), &text, &err)
	return takeJSON(text, err)
}

func cOpResult(op pointer) (json.RawMessage, error) {
	var text *C.char
	var err *C.nip_error
	C.nip_op_result((*C.nip_op)(op), &text, &err)
	return takeJSON(text, err)
}

func cOpFree(op pointer) {
	C.nip_op_free((*C.nip_op)(op))
}

func cReadable(descriptor uintptr) bool {
	return C.glue_readable(C.int(descriptor)) != 0
}
