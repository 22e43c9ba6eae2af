package nipops

// Crossings for schemas.

// #include "glue.h"
import "C"

import "encoding/json"

func cSchemaWrite(name, format string) (string, error) {
	var in arguments
	cName, cFormat := in.text(name), in.text(format)
	if in.err != nil {
		return "", in.err
	}
	var text *C.char
	var err *C.nip_error
	C.nip_schema_write(cName, cFormat, &text, &err)
	written, failure := takeJSON(text, err)
	return string(written), failure
}

func cSchemaList() (json.RawMessage, error) {
	var text *C.char
	var err *C.nip_error
	C.nip_schema_list(&text, &err)
	return takeJSON(text, err)
}
