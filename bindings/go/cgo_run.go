package nipops

// Crossings for runs and actions.

// #include "glue.h"
import "C"

import "encoding/json"

func cRunNew(plan, store pointer, now int64) (pointer, error) {
	var run *C.nip_run
	var err *C.nip_error
	C.nip_run_new((*C.nip_plan)(plan), (*C.nip_store)(store), C.nip_time(now), &run, &err)
	return pointer(run), takeError(err)
}

func cRunResume(store pointer, id string, now int64) (pointer, error) {
	var in arguments
	cID := in.text(id)
	if in.err != nil {
		return nil, in.err
	}
	var run *C.nip_run
	var err *C.nip_error
	C.nip_run_resume((*C.nip_store)(store), cID, C.nip_time(now), &run, &err)
	return pointer(run), takeError(err)
}

func cRunOpen(store pointer, id string) (pointer, error) {
	var in arguments
	cID := in.text(id)
	if in.err != nil {
		return nil, in.err
	}
	var run *C.nip_run
	var err *C.nip_error
	C.nip_run_open((*C.nip_store)(store), cID, &run, &err)
	return pointer(run), takeError(err)
}

func cRunFree(run pointer) {
	C.nip_run_free((*C.nip_run)(run))
}

func cRunID(run pointer) string {
	return C.GoString(C.nip_run_id((*C.nip_run)(run)))
}

func cRunSubject(run pointer) string {
	return C.GoString(C.nip_run_subject((*C.nip_run)(run)))
}

func cRunState(run pointer) string {
	return C.GoString(C.nip_run_state((*C.nip_run)(run)))
}

func cRunSequence(run pointer) int64 {
	return int64(C.nip_run_sequence((*C.nip_run)(run)))
}

func cRunStatus(run pointer, now int64) (json.RawMessage, error) {
	var text *C.char
	var err *C.nip_error
	C.nip_run_status((*C.nip_run)(run), C.nip_time(now), &text, &err)
	return takeJSON(text, err)
}

func cRunNext(run pointer, now int64) (Step, error) {
	var action C.glue_action
	var until C.nip_time
	var err *C.nip_error
	switch C.glue_run_next((*C.nip_run)(run), C.nip_time(now), &action, &until, &err) {
	case runAction:
		return Step{Action: copyAction(&action)}, nil
	case runWait:
		return Step{Until: toTime(int64(until))}, nil
	case runDone:
		return Step{Done: true}, nil
	}
	return Step{}, takeError(err)
}

func cRunComplete(run pointer, now int64, action string, outcome []byte) error {
	var in arguments
	cAction, cOutcome := in.text(action), in.text(string(outcome))
	if in.err != nil {
		return in.err
	}
	var err *C.nip_error
	C.nip_run_complete((*C.nip_run)(run), C.nip_time(now), cAction, cOutcome, &err)
	return takeError(err)
}

func cRunPoll(run pointer) (bool, error) {
	var err *C.nip_error
	found := C.nip_run_poll((*C.nip_run)(run), &err)
	return found == 1, takeError(err)
}

func copyAction(borrowed *C.glue_action) *Action {
	return &Action{
		ID:       C.GoString(borrowed.id),
		Run:      C.GoString(borrowed.run),
		Subject:  C.GoString(borrowed.subject),
		Role:     C.GoString(borrowed.role),
		Verb:     C.GoString(borrowed.verb),
		Args:     copyBytes(borrowed.args),
		Before:   copyBytes(borrowed.before),
		Settles:  borrowed.settles != 0,
		Repeated: borrowed.repeated != 0,
		Deadline: toTime(int64(borrowed.deadline)),
	}
}
