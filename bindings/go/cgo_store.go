package nipops

// Crossings for stores, journals and leases.

// #include "glue.h"
import "C"

import "encoding/json"

func cStoreOpen(ctx pointer, url string) (pointer, error) {
	var in arguments
	cURL := in.text(url)
	if in.err != nil {
		return nil, in.err
	}
	var store *C.nip_store
	var err *C.nip_error
	C.nip_store_open((*C.nip_ctx)(ctx), cURL, &store, &err)
	return pointer(store), takeError(err)
}

func cStoreOpenReadOnly(ctx pointer, url string) (pointer, error) {
	var in arguments
	cURL := in.text(url)
	if in.err != nil {
		return nil, in.err
	}
	var store *C.nip_store
	var err *C.nip_error
	C.nip_store_open_readonly((*C.nip_ctx)(ctx), cURL, &store, &err)
	return pointer(store), takeError(err)
}

func cStoreFree(store pointer) {
	C.nip_store_free((*C.nip_store)(store))
}

func cJournalAppend(store pointer, subject string, expected int64, kind string, at int64,
	payload json.RawMessage) (int64, error) {
	var in arguments
	cSubject, cKind, cPayload := in.text(subject), in.text(kind), in.text(string(payload))
	if in.err != nil {
		return 0, in.err
	}
	var sequence C.int64_t
	var err *C.nip_error
	C.nip_journal_append((*C.nip_store)(store), cSubject, C.int64_t(expected), cKind, C.nip_time(at), cPayload,
		&sequence, &err)
	return int64(sequence), takeError(err)
}

func cJournalRead(store pointer, subject string, after, limit int64) (json.RawMessage, error) {
	var in arguments
	cSubject := in.text(subject)
	if in.err != nil {
		return nil, in.err
	}
	var text *C.char
	var err *C.nip_error
	C.nip_journal_read((*C.nip_store)(store), cSubject, C.int64_t(after), C.int64_t(limit), &text, &err)
	return takeJSON(text, err)
}

func cJournalHead(store pointer, subject string) (json.RawMessage, error) {
	var in arguments
	cSubject := in.text(subject)
	if in.err != nil {
		return nil, in.err
	}
	var text *C.char
	var err *C.nip_error
	C.nip_journal_head((*C.nip_store)(store), cSubject, &text, &err)
	return takeJSON(text, err)
}

func cJournalVerify(store pointer, subject string, head []byte) (json.RawMessage, error) {
	var in arguments
	cSubject, cHead := in.text(subject), in.optional(string(head))
	if in.err != nil {
		return nil, in.err
	}
	var text *C.char
	var err *C.nip_error
	C.nip_journal_verify((*C.nip_store)(store), cSubject, cHead, &text, &err)
	return takeJSON(text, err)
}

func cJournalPurge(store pointer, subject string, through int64) error {
	var in arguments
	cSubject := in.text(subject)
	if in.err != nil {
		return in.err
	}
	var err *C.nip_error
	C.nip_journal_purge((*C.nip_store)(store), cSubject, C.int64_t(through), &err)
	return takeError(err)
}

func cStoreSubjects(store pointer) (json.RawMessage, error) {
	var text *C.char
	var err *C.nip_error
	C.nip_store_subjects((*C.nip_store)(store), &text, &err)
	return takeJSON(text, err)
}

func cLeaseRead(store pointer, subject string) (json.RawMessage, error) {
	var in arguments
	cSubject := in.text(subject)
	if in.err != nil {
		return nil, in.err
	}
	var text *C.char
	var err *C.nip_error
	C.nip_lease_read((*C.nip_store)(store), cSubject, &text, &err)
	return takeJSON(text, err)
}

func cQueueRead(store pointer, subject string) (json.RawMessage, error) {
	var in arguments
	cSubject := in.text(subject)
	if in.err != nil {
		return nil, in.err
	}
	var text *C.char
	var err *C.nip_error
	C.nip_queue_read((*C.nip_store)(store), cSubject, &text, &err)
	return takeJSON(text, err)
}

func cRunRequest(store pointer, id, kind, who, why string, at int64) (json.RawMessage, error) {
	var in arguments
	cID, cKind, cWho, cWhy := in.text(id), in.text(kind), in.text(who), in.optional(why)
	if in.err != nil {
		return nil, in.err
	}
	var text *C.char
	var err *C.nip_error
	C.nip_run_request((*C.nip_store)(store), cID, cKind, cWho, cWhy, C.nip_time(at), &text, &err)
	return takeJSON(text, err)
}

func cGateAnswer(store pointer, id, decision, who, why string, at int64) (json.RawMessage, error) {
	var in arguments
	cID, cDecision, cWho, cWhy := in.text(id), in.text(decision), in.text(who), in.optional(why)
	if in.err != nil {
		return nil, in.err
	}
	var text *C.char
	var err *C.nip_error
	C.nip_gate_answer((*C.nip_store)(store), cID, cDecision, cWho, cWhy, C.nip_time(at), &text, &err)
	return takeJSON(text, err)
}

func cGateRead(store pointer, id string) (json.RawMessage, error) {
	var in arguments
	cID := in.text(id)
	if in.err != nil {
		return nil, in.err
	}
	var text *C.char
	var err *C.nip_error
	C.nip_gate_read((*C.nip_store)(store), cID, &text, &err)
	return takeJSON(text, err)
}

func cWindowJudge(rules string, at int64) (json.RawMessage, error) {
	var in arguments
	cRules := in.text(rules)
	if in.err != nil {
		return nil, in.err
	}
	var text *C.char
	var err *C.nip_error
	C.nip_window_judge(cRules, C.nip_time(at), &text, &err)
	return takeJSON(text, err)
}

func cOutboxRead(store pointer, subject string) (json.RawMessage, error) {
	var in arguments
	cSubject := in.optional(subject)
	if in.err != nil {
		return nil, in.err
	}
	var text *C.char
	var err *C.nip_error
	C.nip_outbox_read((*C.nip_store)(store), cSubject, &text, &err)
	return takeJSON(text, err)
}

func cRunList(store pointer, subject string) (json.RawMessage, error) {
	var in arguments
	cSubject := in.optional(subject)
	if in.err != nil {
		return nil, in.err
	}
	var text *C.char
	var err *C.nip_error
	C.nip_run_list((*C.nip_store)(store), cSubject, &text, &err)
	return takeJSON(text, err)
}

func cRunReport(store pointer, id, format string) ([]byte, error) {
	var in arguments
	cID, cFormat := in.text(id), in.text(format)
	if in.err != nil {
		return nil, in.err
	}
	var text *C.char
	var err *C.nip_error
	C.nip_run_report((*C.nip_store)(store), cID, cFormat, &text, &err)
	return takeJSON(text, err)
}

func cReleaseRead(store pointer, subject string) (json.RawMessage, error) {
	var in arguments
	cSubject := in.text(subject)
	if in.err != nil {
		return nil, in.err
	}
	var text *C.char
	var err *C.nip_error
	C.nip_release_read((*C.nip_store)(store), cSubject, &text, &err)
	return takeJSON(text, err)
}
