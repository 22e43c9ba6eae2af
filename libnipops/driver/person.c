/* The driver "person": an approval by people of a role stays out until enough of them have approved, and fails when one of them rejects. */
#include "driver/waiter.h"

#include "gate/gate.h"

static const nip__field member_item = {.type = NIP__T_TEXT, .min = 1, .max = 200};

static const nip__field approve_fields[] = {
    {.name = "step", .type = NIP__T_TEXT, .flags = NIP__F_REQUIRED, .min = 1, .max = 128, .help = "whose answers count"},
    {.name = "ask", .type = NIP__T_TEXT, .flags = NIP__F_REQUIRED, .min = 1, .max = 400, .help = "what is asked"},
    {.name = "role", .type = NIP__T_TEXT, .flags = NIP__F_REQUIRED, .min = 1, .max = 100, .help = "who is asked"},
    {.name = "members", .type = NIP__T_LIST, .flags = NIP__F_REQUIRED, .min = 1, .max = 1000, .item = &member_item, .help = "names in it"},
    {.name = "count", .type = NIP__T_INT, .min = 1, .max = 1000, .otherwise = "1", .help = "approvals by different persons"},
    {0},
};

static void reject(nip__waiter *waiter, const nip__value *rejection)
{
    const char *who = nip__get_text(rejection, "who"), *why = nip__get_text(rejection, "why");
    nip__action_failed(waiter->action, "rejected", 0, NULL, "rejected by %s%s%s", who != NULL ? who : "somebody", why != NULL ? ": " : "",
                       why != NULL ? why : "");
}

static void approve(nip__waiter *waiter, nip__arena *arena, const nip__value *args, const nip__value *approved)
{
    nip__value *result = nip__map(arena);
    nip__put_text(arena, result, "role", nip__get_text(args, "role"));
    nip__put(arena, result, "approved", nip__share(arena, approved));
    if (nip__arena_failed(arena))
        nip__action_failed(waiter->action, "no_memory", 1, NULL, "out of memory");
    else
        nip__action_done(waiter->action, result);
}

static bool judge(nip__waiter *waiter, const nip__value *answers, nip__arena *arena, nip_time now, nip_time *again)
{
    (void)now, (void)again;
    const nip__value *args = nip__action_args_value(waiter->action);
    nip__approval judged = nip__approval_judge(arena, args, answers);
    if (judged.rejection != NULL)
        reject(waiter, judged.rejection);
    else if (judged.missing == 0)
        approve(waiter, arena, args, judged.approved);
    return judged.rejection != NULL || judged.missing == 0;
}

static const nip__waits_kind kind = {.driver = "person", .verb = "approve", .fields = approve_fields, .holds = true, .judge = judge};

static int open_driver(nip_ctx *ctx, const nip__value *settings, void **self, nip_error **err)
{
    (void)ctx, (void)settings;
    return nip__waits_open(&kind, self, err);
}

static const nip__field fields[] = {
    {.name = "driver", .type = NIP__T_TEXT, .help = "person"},
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

const nip__driver_kind nip__driver_person = {
    .name = "person",
    .fields = fields,
    .vtable = &vtable,
    .services = &services,
    .open = open_driver,
};
