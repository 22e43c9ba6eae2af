/* The driver "clock": a time window stays out until it is open, or until somebody who may overrides it. */
#include "driver/waiter.h"

#include "base/error.h"
#include "base/time.h"
#include "gate/gate.h"
#include "gate/window.h"

static void done(nip__waiter *waiter, nip__arena *arena, nip__value *result)
{
    if (nip__arena_failed(arena))
        nip__action_failed(waiter->action, "no_memory", 1, NULL, "out of memory");
    else
        nip__action_done(waiter->action, result);
}

static void overridden(nip__waiter *waiter, nip__arena *arena, const nip__value *answer, nip_time now)
{
    nip__value *result = nip__map(arena);
    nip__put_bool(arena, result, "open", false);
    nip__put_time(arena, result, "at", now);
    nip__put(arena, result, "override", nip__share(arena, answer));
    done(waiter, arena, result);
}

static void open_now(nip__waiter *waiter, nip__arena *arena, const nip__opening *opening, nip_time now)
{
    nip__value *result = nip__map(arena);
    nip__put_bool(arena, result, "open", true);
    nip__put_time(arena, result, "at", now);
    nip__put_text(arena, result, "civil", nip__opening_civil(arena, opening));
    nip__put_text(arena, result, "zone", opening->zone);
    done(waiter, arena, result);
}

static bool judge(nip__waiter *waiter, const nip__value *answers, nip__arena *arena, nip_time now, nip_time *again)
{
    nip__problems problems = {0};
    const nip__value *args = nip__schema_apply(arena, nip__window_fields, nip__action_args_value(waiter->action), "args", "", &problems);
    nip__windows_check(nip__get(args, "windows"), nip__get(args, "freeze"), "args", &problems);
    nip_error *why = NULL;
    int rc = nip__problems_finish(&problems, NIP_E_INVALID, &why);
    const nip__value *override = nip__override_find(args, answers);
    nip__opening opening;
    if (override != NULL) {
        nip_error_free(why);
        overridden(waiter, arena, override, now);
        return true;
    }
    if (rc == 0)
        rc = nip__window_judge(nip__get(args, "windows"), nip__get(args, "freeze"), now, &opening, &why);
    if (args == NULL || rc == NIP_E_NOMEM || nip_error_retryable(why)) { /* without memory, or descriptors, it waits on */
        nip_error_free(why);
        *again = nip__time_add(now, NIP_SECOND);
        return false;
    }
    bool never = rc == 0 && opening.opens == NIP_TIME_MAX;
    if (rc < 0)
        nip__action_failed(waiter->action, "bad_arguments", 0, NULL, "%s", nip_error_message(why));
    else if (never)
        nip__action_failed(waiter->action, "never_open", 0, NULL, "the window does not open any more");
    else if (opening.open)
        open_now(waiter, arena, &opening, now);
    nip_error_free(why);
    if (rc < 0 || never || opening.open)
        return true;
    *again = opening.opens;
    return false;
}

static const nip__waits_kind kind = {.driver = "clock", .verb = "window", .fields = nip__window_fields, .judge = judge};

static int open_driver(nip_ctx *ctx, const nip__value *settings, void **self, nip_error **err)
{
    (void)ctx, (void)settings;
    return nip__waits_open(&kind, self, err);
}

static const nip__field fields[] = {
    {.name = "driver", .type = NIP__T_TEXT, .help = "clock"},
    {0},
};

static const nip_driver_vtable vtable = {
    .size = sizeof(nip_driver_vtable),
    .verb_class = nip__waits_verb_class,
    .start = nip__waits_start,
    .cancel = nip__waits_cancel,
    .destroy = nip__waits_destroy,
};
static const nip__driver_services services = {.attach = nip__waits_attach, .lend = nip__waits_lend};

const nip__driver_kind nip__driver_clock = {
    .name = "clock",
    .fields = fields,
    .vtable = &vtable,
    .services = &services,
    .open = open_driver,
};
