package main

// The same work by bare cgo calls, as a careful hand would write them without a package: no locks, no objects, no
// copies that nobody asked for.

// #cgo pkg-config: nipops
// #include <nipops.h>
// #include <string.h>
import "C"

import (
	"log"
	"unsafe"
)

// bareContext is what the bare calls work with.
type bareContext struct {
	ctx     *C.nip_ctx
	plan    *C.nip_plan
	journal *C.nip_store
	doc     *C.nip_doc
}

// ended gives text the zero byte that ends it in C; the bare calls have theirs ready.
func ended(text string) []byte {
	return append([]byte(text), 0)
}

func c(text []byte) *C.char {
	return (*C.char)(unsafe.Pointer(&text[0]))
}

func checked(code C.int, err *C.nip_error) C.int {
	if code < 0 {
		log.Fatal(C.GoString(C.nip_error_message(err)))
	}
	return code
}

func takeBytes(text *C.char) []byte {
	taken := C.GoBytes(unsafe.Pointer(text), C.int(C.strlen(text)))
	C.nip_free(unsafe.Pointer(text))
	return taken
}

var (
	bareSubject = ended("shop")
	bareKind    = ended("note.written")
	bareURL     = ended("memory:")
	bareNote    = ended(note)
	bareText    = ended(text)
	barePointer = ended("/note")
	bareWrong   = ended(wrong)
	bareOutcome = ended(outcome)
)

func newBareContext(planText []byte) *bareContext {
	b := &bareContext{}
	var err *C.nip_error
	checked(C.nip_ctx_new(&b.ctx, &err), err)
	checked(C.nip_plan_from_json(c(planText), C.size_t(len(planText)), &b.plan, &err), err)
	document := ended("note: x")
	checked(C.nip_doc_load_text(c(document), C.size_t(len(document)-1), nil, &b.doc, &err), err)
	b.journal = b.newStore()
	for i := 0; i < notes; i++ {
		b.appendTo(b.journal)
	}
	return b
}

func (b *bareContext) newStore() *C.nip_store {
	var store *C.nip_store
	var err *C.nip_error
	checked(C.nip_store_open(b.ctx, c(bareURL), &store, &err), err)
	return store
}

func (b *bareContext) duration() {
	var out C.nip_duration
	var err *C.nip_error
	checked(C.nip_duration_parse(c(bareText), &out, &err), err)
}

func (b *bareContext) set() {
	var err *C.nip_error
	checked(C.nip_doc_set(b.doc, c(barePointer), c(bareText), &err), err)
}

func (b *bareContext) failure() {
	var out C.nip_duration
	var err *C.nip_error
	if C.nip_duration_parse(c(bareWrong), &out, &err) >= 0 {
		log.Fatal("a length of time without unit was taken")
	}
	keepFailure(int(C.nip_error_code(err)), C.GoString(C.nip_error_message(err)))
	C.nip_error_free(err)
}

func (b *bareContext) appendTo(store *C.nip_store) {
	var sequence C.int64_t
	var err *C.nip_error
	checked(C.nip_journal_append(store, c(bareSubject), -1, c(bareKind), now, c(bareNote), &sequence, &err), err)
}

func (b *bareContext) notes() {
	store := b.newStore()
	for i := 0; i < notes; i++ {
		b.appendTo(store)
	}
	C.nip_store_free(store)
}

func (b *bareContext) records() []byte {
	var text *C.char
	var err *C.nip_error
	checked(C.nip_journal_read(b.journal, c(bareSubject), 0, notes, &text, &err), err)
	return takeBytes(text)
}

func (b *bareContext) run() {
	store := b.newStore()
	var run *C.nip_run
	var err *C.nip_error
	checked(C.nip_run_new(b.plan, store, now, &run, &err), err)
	for {
		var action *C.nip_action
		var until C.nip_time
		if checked(C.nip_run_next(run, now, &action, &until, &err), err) != C.NIP_RUN_ACTION {
			break
		}
		checked(C.nip_run_complete(run, now, C.nip_action_id(action), c(bareOutcome), &err), err)
	}
	C.nip_run_free(run)
	C.nip_store_free(store)
}

func (b *bareContext) document(text []byte) []byte {
	var doc *C.nip_doc
	var json *C.char
	var err *C.nip_error
	checked(C.nip_doc_load_text(c(text), C.size_t(len(text)), nil, &doc, &err), err)
	checked(C.nip_doc_to_json(doc, &json, &err), err)
	defer C.nip_doc_free(doc)
	return takeBytes(json)
}
