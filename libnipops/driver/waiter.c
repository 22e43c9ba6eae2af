/* Actions that stay out until people or the clock let them end. */
#include "driver/waiter.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "gate/gate.h"

#define LOOK_EVERY (250 * NIP_MILLISECOND)

/* ---- the list ---- */

static void unlink_waiter(nip__waiter *waiter)
{
    nip__waits *waits = waiter->waits;
    nip__waiter **at = &waits->first;
    while (*at != waiter)
        at = &(*at)->next;
    *at = waiter->next;
    nip__timer_stop(&waiter->due);
    if (waits->kind->holds)
        nip__loop_let_go(waits->loop);
    if (waits->first == NULL)
        nip__timer_stop(&waits->look);
    nip__free(waiter);
}

void nip__waits_cancel(void *self, nip_action *action)
{
    nip__waits *waits = self;
    nip__waiter *next;
    for (nip__waiter *waiter = waits->first; waiter != NULL; waiter = next) {
        next = waiter->next;
        if (action == NULL || waiter->action == action)
            unlink_waiter(waiter);
    }
}

/* ---- looking ---- */

static int judge(nip__waiter *waiter, nip__arena *arena, bool *completed, nip_error **err)
{
    nip__waits *waits = waiter->waits;
    const nip_action *action = waiter->action;
    const char *step = nip__get_text(nip__action_args_value(action), "step");
    const nip__value *answers = NULL;
    nip_time again = NIP_TIME_MAX;
    int rc = nip__gate_answers(waits->store, action->subject, action->run, step, arena, &answers, err);
    if (rc < 0)
        return rc;
    *completed = waits->kind->judge(waiter, answers, arena, nip__loop_now(waits->loop), &again);
    if (*completed || again == NIP_TIME_MAX)
        return 0;
    return nip__timer_set(waits->loop, &waiter->due, again, waiter->due.fire, waiter, err);
}

/* A store that cannot be read now is read again at the next look; whoever drives the run sees to the rest. */
static void look_at(nip__waiter *waiter, bool anyhow)
{
    int64_t head = 0;
    bool completed = false;
    if (nip__store_head(waiter->waits->store, waiter->action->subject, &head, NULL) < 0 || (head == waiter->head && !anyhow))
        return;
    nip__arena *arena = nip__arena_new();
    if (arena != NULL && judge(waiter, arena, &completed, NULL) == 0)
        waiter->head = head;
    nip__arena_free(arena);
    if (completed)
        unlink_waiter(waiter);
}

static void on_due(void *data)
{
    look_at(data, true);
}

static void on_look(void *data)
{
    nip__waits *waits = data;
    nip__waiter *next;
    for (nip__waiter *waiter = waits->first; waiter != NULL; waiter = next) {
        next = waiter->next;
        look_at(waiter, false);
    }
    if (waits->first != NULL)
        nip__timer_set_real(waits->loop, &waits->look, LOOK_EVERY, on_look, waits, NULL); /* it fired just now: there is room for it */
}

/* ---- the driver ---- */

int nip__waits_verb_class(void *self, const char *verb)
{
    const nip__waits *waits = self;
    return nip__text_equal(verb, waits->kind->verb) ? NIP_VERB_READ : NIP_E_UNSUPPORTED;
}

static int check_args(const nip__waits *waits, const nip_action *action, nip_error **err)
{
    nip__problems problems = {0};
    nip__arena *arena = nip__arena_new();
    const nip__value *normalized =
        nip__schema_apply(arena, waits->kind->fields, nip__action_args_value(action), "args", "", &problems);
    int rc = nip__problems_finish(&problems, NIP_E_INVALID, err);
    if (rc == 0 && (normalized == NULL || nip__arena_failed(arena)))
        rc = nip__nomem(err);
    nip__arena_free(arena);
    return rc;
}

static int add(nip__waits *waits, nip_action *action, nip__waiter **added, nip_error **err)
{
    nip__waiter *waiter = nip__calloc(1, sizeof *waiter);
    if (waiter == NULL)
        return nip__nomem(err);
    *waiter = (nip__waiter){.waits = waits, .action = action, .head = -1, .due.fire = on_due, .next = waits->first};
    waits->first = waiter;
    if (waits->kind->holds)
        nip__loop_hold(waits->loop);
    *added = waiter;
    return 0;
}

int nip__waits_start(void *self, nip_action *action, nip_time now, nip_error **err)
{
    (void)now;
    nip__waits *waits = self;
    nip__waiter *waiter = NULL;
    if (waits->loop == NULL || waits->store == NULL)
        return nip__fail(err, NIP_E_STATE, "the driver \"%s\" works only inside an operation that runs a plan", waits->kind->driver);
    int rc = check_args(waits, action, err);
    if (rc == 0)
        rc = add(waits, action, &waiter, err);
    if (rc == 0 && waits->look.loop == NULL)
        rc = nip__timer_set_real(waits->loop, &waits->look, LOOK_EVERY, on_look, waits, err);
    if (rc == 0)
        look_at(waiter, true);
    else if (waiter != NULL)
        unlink_waiter(waiter);
    return rc;
}

void nip__waits_attach(void *self, struct nip__loop *loop)
{
    nip__waits *waits = self;
    if (loop == NULL)
        nip__waits_cancel(waits, NULL);
    waits->loop = loop;
}

void nip__waits_lend(void *self, nip_store *store)
{
    ((nip__waits *)self)->store = store;
}

void nip__waits_destroy(void *self)
{
    nip__waits_cancel(self, NULL);
    nip__free(self);
}

int nip__waits_open(const nip__waits_kind *kind, void **self, nip_error **err)
{
    nip__waits *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    made->kind = kind;
    *self = made;
    return 0;
}
