package nipops

// The way from the library to a host's clock.

// #include "glue.h"
import "C"

import "runtime/cgo"

func cContextSetClock(ctx pointer, handle cgo.Handle, isVirtual bool) error {
	var err *C.nip_error
	C.glue_clock_set((*C.nip_ctx)(ctx), C.uintptr_t(handle), truth(isVirtual), &err)
	return takeError(err)
}

func truth(value bool) C.int {
	if value {
		return 1
	}
	return 0
}

func clockOf(handle C.uintptr_t) *hostClock {
	return cgo.Handle(handle).Value().(*hostClock)
}

//export nipopsClockReal
func nipopsClockReal(handle C.uintptr_t) C.nip_time {
	return C.nip_time(clockOf(handle).readReal())
}

//export nipopsClockMonotonic
func nipopsClockMonotonic(handle C.uintptr_t) C.nip_time {
	return C.nip_time(clockOf(handle).readMonotonic())
}

//export nipopsClockAdvance
func nipopsClockAdvance(handle C.uintptr_t, to C.nip_time) C.int {
	if clockOf(handle).advance(int64(to)) {
		return 0
	}
	return C.NIP_E_USER
}

//export nipopsClockDestroy
func nipopsClockDestroy(handle C.uintptr_t) {
	cgo.Handle(handle).Delete()
}
