package nipops

// Crossings for documents of other tools.

// #include "glue.h"
import "C"

import "encoding/json"

func cArgoConvert(manifest []byte, name string) (json.RawMessage, error) {
	var in arguments
	cName := in.optional(name)
	if in.err != nil {
		return nil, in.err
	}
	var text *C.char
	var err *C.nip_error
	C.nip_argo_convert(beginning(manifest), C.size_t(len(manifest)), cName, &text, &err)
	return takeJSON(text, err)
}

func cOpenSLOConvert(manifest []byte, name string) (json.RawMessage, error) {
	var in arguments
	cName := in.optional(name)
	if in.err != nil {
		return nil, in.err
	}
	var text *C.char
	var err *C.nip_error
	C.nip_openslo_convert(beginning(manifest), C.size_t(len(manifest)), cName, &text, &err)
	return takeJSON(text, err)
}
