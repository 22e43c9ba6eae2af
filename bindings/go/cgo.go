package nipops

// What all files that cross into C share: text in, text out, errors out. The files named cgo_*.go are the only ones
// that import "C", and do nothing but cross.

// #include "glue.h"
import "C"

import (
	"encoding/json"
	"math"
	"strings"
	"syscall"
	"unsafe"
)

// pointer is a C object of the library; which kind is known where it is used.
type pointer = unsafe.Pointer

// arguments makes the C form of a call's strings. They are Go memory that C reads during the call and does not keep.
type arguments struct {
	err error
}

// text gives a string with the zero byte that ends it in C. A zero byte inside would cut it short there, so it is
// refused.
func (a *arguments) text(s string) *C.char {
	if strings.IndexByte(s, 0) >= 0 {
		a.err = newError(ErrInvalid, "text must not contain a zero byte, found one in "+quoted(s))
	}
	ended := make([]byte, len(s)+1)
	copy(ended, s)
	return (*C.char)(unsafe.Pointer(&ended[0]))
}

// optional is text, or NULL for the empty string.
func (a *arguments) optional(s string) *C.char {
	if s == "" {
		return nil
	}
	return a.text(s)
}

// orNull is a release record as text: nil, which stands for "nothing was released yet", is null.
func orNull(release json.RawMessage) string {
	if len(release) == 0 {
		return "null"
	}
	return string(release)
}

// beginning is the first byte of b, which C reads with a length, without copying it.
func beginning(b []byte) *C.char {
	if len(b) == 0 {
		b = []byte{0}
	}
	return (*C.char)(unsafe.Pointer(&b[0]))
}

// copyBytes copies text that the library lends.
func copyBytes(borrowed *C.char) []byte {
	if borrowed == nil {
		return nil
	}
	length := C.strlen(borrowed)
	return append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(borrowed)), int(length))...)
}

// takeBytes copies text that the library gave away, and frees it.
func takeBytes(owned *C.char) []byte {
	taken := copyBytes(owned)
	C.nip_free(unsafe.Pointer(owned))
	return taken
}

// takeError copies an error and frees it.
func takeError(owned *C.nip_error) error {
	if owned == nil {
		return nil
	}
	taken := copyError(owned)
	C.nip_error_free(owned)
	return taken
}

// takeJSON is what a call that gives JSON or an error comes to.
func takeJSON(owned *C.char, err *C.nip_error) (json.RawMessage, error) {
	if err != nil {
		return nil, takeError(err)
	}
	return takeBytes(owned), nil
}

func copyError(borrowed *C.nip_error) *Error {
	var read C.glue_error
	C.glue_error_read(borrowed, &read)
	copied := &Error{
		Code:       Code(read.code),
		Name:       C.GoString(read.name),
		Message:    C.GoString(read.message),
		Retryable:  read.retryable != 0,
		File:       C.GoString(read.file),
		Path:       C.GoString(read.path),
		Line:       int(read.line),
		Column:     int(read.column),
		HTTPStatus: int(read.http_status),
		Errno:      syscall.Errno(read.os_errno),
		json:       takeBytes(C.nip_error_to_json(borrowed)),
	}
	if read.cause != nil {
		copied.cause = copyError((*C.nip_error)(unsafe.Pointer(read.cause)))
	}
	for i := C.int(0); i < read.count; i++ {
		if problem := C.nip_error_at(borrowed, i); problem != borrowed {
			copied.Problems = append(copied.Problems, copyError(problem))
		}
	}
	return copied
}

func cCodeName(code Code) string {
	return C.GoString(C.nip_code_name(narrow(int64(code))))
}

// narrow is a number that a C int holds: one beyond that must not come back as another one's name.
func narrow(number int64) C.int {
	if number < math.MinInt32 || number > math.MaxInt32 {
		return math.MinInt32
	}
	return C.int(number)
}

func cVersion() string {
	return C.GoString(C.nip_version())
}

func cConstant(name string) (int64, error) {
	var in arguments
	cName := in.text(name)
	if in.err != nil {
		return 0, in.err
	}
	var value C.int64_t
	var err *C.nip_error
	C.nip_constant(cName, &value, &err)
	return int64(value), takeError(err)
}
