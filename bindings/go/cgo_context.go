package nipops

// Crossings for contexts.

// #include "glue.h"
import "C"

func cContextNew() (pointer, error) {
	var ctx *C.nip_ctx
	var err *C.nip_error
	C.nip_ctx_new(&ctx, &err)
	return pointer(ctx), takeError(err)
}

func cContextSet(ctx pointer, key, value string) error {
	var in arguments
	cKey, cValue := in.text(key), in.text(value)
	if in.err != nil {
		return in.err
	}
	var err *C.nip_error
	C.nip_ctx_set((*C.nip_ctx)(ctx), cKey, cValue, &err)
	return takeError(err)
}

func cContextNow(ctx pointer) int64 {
	return int64(C.nip_ctx_now((*C.nip_ctx)(ctx)))
}

func cContextFree(ctx pointer) {
	C.nip_ctx_free((*C.nip_ctx)(ctx))
}
