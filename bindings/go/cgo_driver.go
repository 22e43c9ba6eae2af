package nipops

// Crossings for drivers, and the way from the library to a host's driver.

// #include "glue.h"
import "C"

import (
	"encoding/json"
	"runtime/cgo"
)

func cDriversNew() (pointer, error) {
	var drivers *C.nip_drivers
	var err *C.nip_error
	C.nip_drivers_new(&drivers, &err)
	return pointer(drivers), takeError(err)
}

func cDriversBind(drivers pointer, role string, driver pointer) error {
	var in arguments
	cRole := in.text(role)
	if in.err != nil {
		return in.err
	}
	var err *C.nip_error
	C.nip_drivers_bind((*C.nip_drivers)(drivers), cRole, (*C.nip_driver)(driver), &err)
	return takeError(err)
}

func cDriversOpen(drivers, ctx pointer, settings json.RawMessage) error {
	var in arguments
	cSettings := in.text(string(settings))
	if in.err != nil {
		return in.err
	}
	var err *C.nip_error
	C.nip_drivers_open((*C.nip_drivers)(drivers), (*C.nip_ctx)(ctx), cSettings, &err)
	return takeError(err)
}

func cDriversFree(drivers pointer) {
	C.nip_drivers_free((*C.nip_drivers)(drivers))
}

func cDriverOpen(ctx pointer, kind string, config json.RawMessage) (pointer, error) {
	var in arguments
	cKind, cConfig := in.text(kind), in.optional(string(config))
	if in.err != nil {
		return nil, in.err
	}
	var driver *C.nip_driver
	var err *C.nip_error
	C.nip_driver_open((*C.nip_ctx)(ctx), cKind, cConfig, &driver, &err)
	return pointer(driver), takeError(err)
}

// cDriverNew makes the library's side of a host's driver, which glue.c does by nip_driver_new. On failure the host's
// side is destroyed.
func cDriverNew(host *hostDriver) (pointer, error) {
	var driver *C.nip_driver
	var err *C.nip_error
	C.glue_driver_new(C.uintptr_t(host.handle), &driver, &err)
	return pointer(driver), takeError(err)
}

func cDriverFree(driver pointer) {
	C.nip_driver_free((*C.nip_driver)(driver))
}

func cActionComplete(action pointer, outcome []byte) {
	var in arguments
	C.nip_action_complete((*C.nip_action)(action), in.text(string(outcome)), nil)
}

func cWakeupOpen() (int, error) {
	descriptor, errno := C.glue_wakeup_open()
	if descriptor < 0 {
		failure := newError(ErrIO, "cannot open a descriptor for a driver: %v", errno)
		failure.cause = errno
		return -1, failure
	}
	return int(descriptor), nil
}

func hostOf(handle C.uintptr_t) *hostDriver {
	return cgo.Handle(handle).Value().(*hostDriver)
}

//export nipopsDriverClass
func nipopsDriverClass(handle C.uintptr_t, verb *C.char) C.int {
	class, ok := hostOf(handle).class(C.GoString(verb))
	if !ok {
		return C.NIP_E_UNSUPPORTED
	}
	return C.int(class)
}

//export nipopsDriverStart
func nipopsDriverStart(handle C.uintptr_t, action *C.nip_action, fields *C.glue_action) C.int {
	hostOf(handle).start(pointer(action), copyAction(fields))
	return 0
}

//export nipopsDriverCancel
func nipopsDriverCancel(handle C.uintptr_t, action *C.nip_action) {
	hostOf(handle).forget(pointer(action))
}

//export nipopsDriverWakeup
func nipopsDriverWakeup(handle C.uintptr_t) C.int {
	return C.int(hostOf(handle).descriptor())
}

//export nipopsDriverDispatch
func nipopsDriverDispatch(handle C.uintptr_t) {
	hostOf(handle).post()
}

//export nipopsDriverDestroy
func nipopsDriverDestroy(handle C.uintptr_t) {
	hostOf(handle).destroy()
}
