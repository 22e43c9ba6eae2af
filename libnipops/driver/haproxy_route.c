/* router/route: read, plan, write phase by phase, read back after each batch. What HAProxy says to a write is not
 * believed: it answers nothing to most of them. */
#include <string.h>
#include "base/buffer.h"
#include "driver/haproxy_work.h"

static void write_next(nip__haproxy_work *work);

/* ---- commands ---- */

static void put_command(nip__buffer *line, const char *backend, const nip__haproxy_slot *slot,
                        const nip__haproxy_write *write)
{
    static const char *const states[] = {
        [NIP__HAPROXY_READY] = "ready", [NIP__HAPROXY_DRAIN] = "drain", [NIP__HAPROXY_MAINT] = "maint"};
    nip__buffer_printf(line, "set server %s/%s ", backend, slot->name);
    if (write->change == NIP__HAPROXY_WEIGHT) {
        nip__buffer_printf(line, "weight %d;", write->weight);
    } else if (write->change == NIP__HAPROXY_ADDRESS) {
        const char *endpoint = write->endpoint, *colon = strrchr(endpoint, ':');
        bool bracketed = endpoint[0] == '[';
        nip__buffer_printf(line, "addr %.*s port %s;", (int)(colon - endpoint) - 2 * bracketed, endpoint + bracketed,
                           colon + 1);
    } else {
        nip__buffer_printf(line, "state %s;", states[write->change]);
    }
}

/* The next batch: writes of one phase that fit into a line, and the question how things stand then. NULL: no memory. */
static const char *next_batch(nip__haproxy_work *work)
{
    const nip__haproxy_writes *writes = &work->writes;
    const char *backend = work->driver->backend;
    nip__buffer line = NIP__BUFFER(2 * NIP__HAPROXY_LINE_MAX);
    size_t next = work->written;
    work->expected = nip__haproxy_copy(work->arena, &work->state);
    if (work->expected.slots == NULL)
        return NULL;
    do {
        put_command(&line, backend, &work->state.slots[writes->list[next].slot], &writes->list[next]);
        nip__haproxy_apply(&work->expected, &writes->list[next]);
        next++;
    } while (next < writes->count && writes->list[next].phase == writes->list[next - 1].phase &&
             line.length < NIP__HAPROXY_LINE_MAX);
    work->batch_end = next;
    const char *read = nip__haproxy_read_command(work->arena, backend);
    const char *batch =
        line.failed || read == NULL ? NULL : nip__arena_printf(work->arena, "%s%s", nip__buffer_string(&line), read);
    nip__buffer_clear(&line);
    return batch;
}

/* ---- checks ---- */

static const char *state_name(const nip__haproxy_slot *slot)
{
    return slot->maint ? "maint" : slot->drain ? "drain" : "ready";
}

static void fail_unread(nip__haproxy_work *work, const nip__haproxy_slot *slot, const nip__haproxy_slot *expected)
{
    nip__trouble trouble;
    const char *refusal = work->state.refusal;
    nip__refuse(&trouble, "not_read_back", true,
                "server %s of backend %s was to be %s %s weight %d, but is %s %s weight %d%s%.100s", expected->name,
                work->driver->backend, expected->endpoint, state_name(expected), expected->weight, slot->endpoint,
                state_name(slot), slot->weight,
                refusal == NULL ? "" : "; HAProxy answered: ", refusal == NULL ? "" : refusal);
    nip__haproxy_fail(work, &trouble, nip__haproxy_route_result(work->arena, &work->state, &work->wanted));
}

static bool same_servers(const nip__haproxy_state *a, const nip__haproxy_state *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = strcmp(a->slots[i].name, b->slots[i].name) == 0;
    return same;
}

static bool check_batch(nip__haproxy_work *work)
{
    if (!same_servers(&work->state, &work->expected)) {
        nip__trouble trouble;
        nip__refuse(&trouble, "not_read_back", true, "the servers of backend %s changed while they were written",
                    work->driver->backend);
        nip__haproxy_fail(work, &trouble, NULL);
        return false;
    }
    for (size_t i = work->written; i < work->batch_end; i++) {
        size_t slot = work->writes.list[i].slot;
        if (!nip__haproxy_same(&work->state.slots[slot], &work->expected.slots[slot])) {
            fail_unread(work, &work->state.slots[slot], &work->expected.slots[slot]);
            return false;
        }
    }
    return true;
}

/* Would taking servers out leave only ones that HAProxy's own checks see down, while others are up? */
static bool would_go_dark(const nip__haproxy_work *work)
{
    bool up = false, stays_up = false, wanted = false;
    for (size_t i = 0; i < work->state.count; i++) {
        const nip__haproxy_slot *slot = &work->state.slots[i];
        const nip__want *want = nip__wanted_find(&work->wanted, slot->endpoint);
        up = up || (!slot->down && nip__haproxy_effective(slot) > 0);
        wanted = wanted || (want != NULL && want->weight > 0);
        stays_up = stays_up || (want != NULL && want->weight > 0 && !slot->down && !slot->maint && !slot->drain);
    }
    return wanted && up && !stays_up;
}

/* ---- the way ---- */

static void batch_answered(nip__haproxy_work *work, const char *text, size_t length)
{
    if (!nip__haproxy_take(work, text, length) || !check_batch(work))
        return;
    work->written = work->batch_end;
    write_next(work);
}

static void finish(nip__haproxy_work *work)
{
    nip__trouble trouble;
    const nip__value *result = nip__haproxy_route_result(work->arena, &work->state, &work->wanted);
    if (strcmp(nip__haproxy_settle(&work->state, &work->wanted, NULL, &trouble), "in_force") == 0) {
        nip__haproxy_done(work, result);
        return;
    }
    nip__refuse(&trouble, "not_read_back", true, "somebody else changed backend %s at the same time",
                work->driver->backend);
    nip__haproxy_fail(work, &trouble, result);
}

static void write_next(nip__haproxy_work *work)
{
    nip__trouble trouble;
    if (work->written == work->writes.count) {
        finish(work);
        return;
    }
    if (work->writes.list[work->written].phase != NIP__HAPROXY_PREPARE && would_go_dark(work)) {
        nip__refuse(&trouble, "unhealthy", true, "HAProxy's own checks see every server down that is to take requests");
        nip__haproxy_fail(work, &trouble, nip__haproxy_route_result(work->arena, &work->state, &work->wanted));
        return;
    }
    nip__haproxy_ask(work, next_batch(work), batch_answered);
}

static void state_answered(nip__haproxy_work *work, const char *text, size_t length)
{
    nip__trouble trouble = {0};
    const nip__wanted *before = work->has_before ? &work->before : NULL;
    if (!nip__haproxy_take(work, text, length))
        return;
    if (nip_action_settles(work->action)) {
        const char *outcome = nip__haproxy_settle(&work->state, &work->wanted, before, &trouble);
        nip__haproxy_settled(work, outcome, nip__haproxy_route_result(work->arena, &work->state, &work->wanted),
                             &trouble);
        return;
    }
    if (nip__haproxy_plan(work->arena, &work->state, &work->wanted, before, &work->writes, &trouble))
        write_next(work);
    else
        nip__haproxy_fail(work, &trouble, NULL);
}

void nip__haproxy_route(nip__haproxy_work *work)
{
    nip__trouble trouble = {0}, ignored = {0};
    const nip__value *args = nip__action_args_value(work->action), *before = nip__action_before_value(work->action);
    const char *canary = nip__get_text(args, "canary");
    if (!nip__wanted_read(work->arena, args, canary, &work->wanted, &trouble)) {
        nip__haproxy_fail(work, &trouble, NULL);
        return;
    }
    work->has_before = before != NULL && nip__wanted_read(work->arena, before, canary, &work->before, &ignored);
    nip__haproxy_ask(work, nip__haproxy_read_command(work->arena, work->driver->backend), state_answered);
}
