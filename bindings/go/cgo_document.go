package nipops

// Crossings for documents.

// #include "glue.h"
import "C"

import "encoding/json"

func cDocumentLoad(path string) (pointer, error) {
	var in arguments
	cPath := in.text(path)
	if in.err != nil {
		return nil, in.err
	}
	var doc *C.nip_doc
	var err *C.nip_error
	C.nip_doc_load_file(cPath, &doc, &err)
	return pointer(doc), takeError(err)
}

func cDocumentParse(text []byte, name string) (pointer, error) {
	var in arguments
	cName := in.optional(name)
	if in.err != nil {
		return nil, in.err
	}
	var doc *C.nip_doc
	var err *C.nip_error
	C.nip_doc_load_text(beginning(text), C.size_t(len(text)), cName, &doc, &err)
	return pointer(doc), takeError(err)
}

func cDocumentKind(doc pointer) string {
	return C.GoString(C.nip_doc_kind((*C.nip_doc)(doc)))
}

func cDocumentCheck(doc pointer) error {
	var err *C.nip_error
	C.nip_doc_check((*C.nip_doc)(doc), &err)
	return takeError(err)
}

func cDocumentSet(doc pointer, path, value string) error {
	var in arguments
	cPath, cValue := in.text(path), in.text(value)
	if in.err != nil {
		return in.err
	}
	var err *C.nip_error
	C.nip_doc_set((*C.nip_doc)(doc), cPath, cValue, &err)
	return takeError(err)
}

func cDocumentJSON(doc pointer) (json.RawMessage, error) {
	var text *C.char
	var err *C.nip_error
	C.nip_doc_to_json((*C.nip_doc)(doc), &text, &err)
	return takeJSON(text, err)
}

func cDocumentFree(doc pointer) {
	C.nip_doc_free((*C.nip_doc)(doc))
}
