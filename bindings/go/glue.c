/* The vtables that the library calls, and the way from there to Go. A cgo.Handle stands for the Go value, so C never
 * keeps a pointer to it. */
#include "glue.h"

#include "_cgo_export.h"

/* ---- drivers ---- */

static int verb_class(void *self, const char *verb)
{
    return nipopsDriverClass((uintptr_t)self, (char *)(uintptr_t)verb);
}

static int start(void *self, nip_action *action, nip_time now, nip_error **err)
{
    (void)now;
    (void)err;
    glue_action fields;
    glue_action_read(action, &fields);
    return nipopsDriverStart((uintptr_t)self, action, &fields);
}

static void cancel(void *self, nip_action *action)
{
    nipopsDriverCancel((uintptr_t)self, action);
}

static int wakeup(void *self)
{
    return nipopsDriverWakeup((uintptr_t)self);
}

static int dispatch(void *self, nip_time now, nip_error **err)
{
    (void)now;
    (void)err;
    nipopsDriverDispatch((uintptr_t)self);
    return 0;
}

static void destroy_driver(void *self)
{
    nipopsDriverDestroy((uintptr_t)self);
}

int glue_driver_new(uintptr_t handle, nip_driver **driver, nip_error **err)
{
    static const nip_driver_vtable vtable = {
        .size = sizeof vtable,
        .verb_class = verb_class,
        .start = start,
        .cancel = cancel,
        .fd = wakeup,
        .dispatch = dispatch,
        .destroy = destroy_driver,
    };
    return nip_driver_new(&vtable, (void *)handle, driver, err);
}

/* ---- clocks ---- */

static nip_time real(void *self)
{
    return nipopsClockReal((uintptr_t)self);
}

static nip_time monotonic(void *self)
{
    return nipopsClockMonotonic((uintptr_t)self);
}

static int advance(void *self, nip_time to)
{
    return nipopsClockAdvance((uintptr_t)self, to);
}

static void destroy_clock(void *self)
{
    nipopsClockDestroy((uintptr_t)self);
}

int glue_clock_set(nip_ctx *ctx, uintptr_t handle, int is_virtual, nip_error **err)
{
    const nip_clock clock = {
        .size = sizeof clock,
        .self = (void *)handle,
        .real = real,
        .monotonic = monotonic,
        .advance = is_virtual ? advance : NULL,
        .destroy = destroy_clock,
    };
    return nip_ctx_set_clock(ctx, &clock, err);
}
