/* The order of writes. HAProxy changes one server at a time, so that a new distribution of traffic is reached
 * through a row of others. The order here keeps three promises at every one of them:
 *   - the canary's share is never above the larger of its shares before and after;
 *   - as long as some server took requests before and is to take some after, one takes requests;
 *   - a server takes no request before its address was read back.
 *
 * Why it holds: until the end of SHRINK the others only gain weight and then the canary only loses some, so its
 * share falls; it is then at most what is wanted, since the others have at least, and the canary at most, the weight
 * they will have. In GROW the canary only gains and then the others only lose, so its share rises to what is wanted.
 * Without `before` it is unknown whose endpoints leave; the promise about the canary then holds when they are all of
 * one side. */
#include <string.h>
#include "driver/haproxy.h"

/* ---- from state to wanted ---- */

enum side { CANARY, OTHERS, UNKNOWN };

/* What is planned for one slot. */
struct plan {
    const nip__want *want; /* NULL: out of service */
    bool moves;            /* it gets another address */
    enum side side;
    int from, to; /* weight that counts, before and after */
};

struct planner {
    nip__arena *arena;
    const nip__haproxy_state *state;
    const nip__wanted *wanted, *before;
    struct plan *plans; /* by slot */
    nip__haproxy_writes *writes;
    nip__trouble *trouble;
};

static bool in_canary(const nip__wanted *wanted, const char *endpoint, bool *known)
{
    const nip__want *want = nip__wanted_find(wanted, endpoint);
    *known = want != NULL && want->group >= 0;
    return *known && wanted->groups[want->group].canary;
}

/* An endpoint that leaves belongs to whom it belonged before. */
static enum side side_of(const struct planner *planner, const char *endpoint)
{
    bool known;
    bool canary = in_canary(planner->wanted, endpoint, &known);
    if (!known)
        canary = in_canary(planner->before, endpoint, &known);
    if (known)
        return canary ? CANARY : OTHERS;
    return planner->before == NULL ? UNKNOWN : OTHERS;
}

static size_t free_slot(const struct planner *planner)
{
    size_t blank = planner->state->count;
    for (size_t i = 0; i < planner->state->count; i++) {
        const nip__haproxy_slot *slot = &planner->state->slots[i];
        if (planner->plans[i].want != NULL || !nip__haproxy_free(planner->state, slot))
            continue;
        if (slot->maint)
            return i;
        if (blank == planner->state->count)
            blank = i; /* the template lacks "disabled": such a slot is taken last */
    }
    return blank;
}

static bool place_new(struct planner *planner)
{
    for (size_t i = 0; i < planner->wanted->count; i++) {
        const nip__want *want = &planner->wanted->wants[i];
        if (want->group < 0 || nip__haproxy_find(planner->state, want->endpoint) != NULL)
            continue;
        size_t slot = free_slot(planner);
        if (slot == planner->state->count)
            return nip__refuse(
                planner->trouble, "no_slots", false,
                "no free server for %s: all %zu are in use; raise the number on the `server-template` line",
                want->endpoint, planner->state->count);
        planner->plans[slot].want = want;
        planner->plans[slot].moves = true;
    }
    return true;
}

static bool place(struct planner *planner)
{
    const nip__haproxy_state *state = planner->state;
    for (size_t i = 0; i < state->count; i++) {
        const nip__haproxy_slot *slot = &state->slots[i];
        if (slot->endpoint[0] != '\0' && nip__haproxy_find(state, slot->endpoint) == slot)
            planner->plans[i].want = nip__wanted_find(planner->wanted, slot->endpoint);
    }
    if (!place_new(planner))
        return false;
    for (size_t i = 0; i < state->count; i++) {
        struct plan *plan = &planner->plans[i];
        plan->from = plan->moves ? 0 : nip__haproxy_effective(&state->slots[i]);
        plan->to = plan->want != NULL && plan->want->group >= 0 ? plan->want->weight : 0;
        plan->side = side_of(planner, plan->moves ? plan->want->endpoint : state->slots[i].endpoint);
    }
    return true;
}

/* ---- the writes ---- */

static void put(struct planner *planner, nip__haproxy_write write)
{
    nip__haproxy_writes *writes = planner->writes;
    if (writes->count < writes->capacity)
        writes->list[writes->count++] = write;
}

/* Addresses, and servers that were out of service: ready with weight 0. */
static void prepare(struct planner *planner)
{
    for (size_t i = 0; i < planner->state->count; i++) {
        const struct plan *plan = &planner->plans[i];
        const nip__haproxy_slot *slot = &planner->state->slots[i];
        bool rests = slot->maint || slot->drain;
        if (plan->want == NULL || plan->want->group < 0 || (!plan->moves && !rests))
            continue;
        if (plan->moves && !slot->maint)
            put(planner, (nip__haproxy_write){NIP__HAPROXY_PREPARE, i, NIP__HAPROXY_MAINT, 0, NULL});
        if (plan->moves)
            put(planner, (nip__haproxy_write){NIP__HAPROXY_PREPARE, i, NIP__HAPROXY_ADDRESS, 0, plan->want->endpoint});
        put(planner, (nip__haproxy_write){NIP__HAPROXY_PREPARE, i, NIP__HAPROXY_WEIGHT, 0, NULL});
        put(planner, (nip__haproxy_write){NIP__HAPROXY_PREPARE, i, NIP__HAPROXY_READY, 0, NULL});
    }
}

static void raise_weights(struct planner *planner, nip__haproxy_phase phase, enum side side)
{
    for (size_t i = 0; i < planner->state->count; i++) {
        const struct plan *plan = &planner->plans[i];
        if (plan->side == side && plan->to > plan->from)
            put(planner, (nip__haproxy_write){phase, i, NIP__HAPROXY_WEIGHT, plan->to, NULL});
    }
}

static void lower_weights(struct planner *planner, nip__haproxy_phase phase, enum side side)
{
    for (size_t i = 0; i < planner->state->count; i++) {
        const struct plan *plan = &planner->plans[i];
        const nip__haproxy_slot *slot = &planner->state->slots[i];
        bool serves = plan->want != NULL && plan->want->group >= 0;
        if (plan->side != side || plan->moves)
            continue;
        if (serves && plan->to < plan->from)
            put(planner, (nip__haproxy_write){phase, i, NIP__HAPROXY_WEIGHT, plan->to, NULL});
        else if (!serves && plan->want != NULL && !slot->maint && !slot->drain)
            put(planner, (nip__haproxy_write){phase, i, NIP__HAPROXY_DRAIN, 0, NULL});
        else if (!serves && plan->want == NULL && !slot->maint)
            put(planner, (nip__haproxy_write){phase, i, NIP__HAPROXY_MAINT, 0, NULL});
    }
}

/* Is there somebody who takes requests while the canary is at its lowest and the others at their highest? */
static bool serves_at_lowest(const struct planner *planner)
{
    for (size_t i = 0; i < planner->state->count; i++) {
        const struct plan *plan = &planner->plans[i];
        int lowest = plan->from < plan->to ? plan->from : plan->to;
        int highest = plan->from < plan->to ? plan->to : plan->from;
        if (plan->side != UNKNOWN && (plan->side == CANARY ? lowest : highest) > 0)
            return true;
    }
    return false;
}

/* Servers of unknown side leave when the canary is at its lowest, which is right for both sides. When nobody would
 * serve then, the others neither have nor get anything: the canary is to have everything, so that its share is bound
 * by nothing, and all who leave leave last. */
static void order(struct planner *planner)
{
    nip__haproxy_phase leave = serves_at_lowest(planner) ? NIP__HAPROXY_SHRINK : NIP__HAPROXY_GROW;
    prepare(planner);
    raise_weights(planner, NIP__HAPROXY_SHRINK, OTHERS);
    if (leave == NIP__HAPROXY_SHRINK) {
        lower_weights(planner, leave, CANARY);
        lower_weights(planner, leave, UNKNOWN);
    }
    raise_weights(planner, NIP__HAPROXY_GROW, CANARY);
    if (leave == NIP__HAPROXY_GROW) {
        lower_weights(planner, leave, CANARY);
        lower_weights(planner, leave, UNKNOWN);
    }
    lower_weights(planner, NIP__HAPROXY_GROW, OTHERS);
}

bool nip__haproxy_plan(nip__arena *arena, const nip__haproxy_state *state, const nip__wanted *wanted,
                       const nip__wanted *before, nip__haproxy_writes *writes, nip__trouble *trouble)
{
    nip__haproxy_writes planned = {.capacity = state->count * 5 + 1}; /* maint, address, weight, ready, weight */
    struct planner planner = {arena, state, wanted, before, NULL, &planned, trouble};
    planner.plans = nip__arena_alloc(arena, (state->count + 1) * sizeof *planner.plans);
    planned.list = nip__arena_alloc(arena, planned.capacity * sizeof *planned.list);
    if (planner.plans == NULL || planned.list == NULL)
        return nip__refuse(trouble, "no_memory", true, "out of memory");
    if (!place(&planner))
        return false;
    order(&planner);
    *writes = planned;
    return true;
}

void nip__haproxy_apply(nip__haproxy_state *state, const nip__haproxy_write *write)
{
    nip__haproxy_slot *slot = &state->slots[write->slot];
    switch (write->change) {
    case NIP__HAPROXY_ADDRESS:
        memcpy(slot->endpoint, write->endpoint, strlen(write->endpoint) + 1);
        break;
    case NIP__HAPROXY_WEIGHT:
        slot->weight = write->weight;
        break;
    case NIP__HAPROXY_READY:
        slot->maint = slot->drain = false;
        break;
    case NIP__HAPROXY_DRAIN:
        slot->drain = true;
        break;
    case NIP__HAPROXY_MAINT:
        slot->maint = true;
        slot->drain = false;
        break;
    }
}

nip__haproxy_state nip__haproxy_copy(nip__arena *arena, const nip__haproxy_state *state)
{
    nip__haproxy_state copy = *state;
    copy.slots = nip__arena_alloc(arena, (state->count + 1) * sizeof *copy.slots);
    if (copy.slots != NULL && state->count > 0)
        memcpy(copy.slots, state->slots, state->count * sizeof *copy.slots);
    return copy;
}

bool nip__haproxy_same(const nip__haproxy_slot *slot, const nip__haproxy_slot *expected)
{
    return strcmp(slot->endpoint, expected->endpoint) == 0 && slot->maint == expected->maint &&
           slot->drain == expected->drain && (slot->maint || slot->drain || slot->weight == expected->weight);
}

bool nip__haproxy_stands(const nip__haproxy_slot *slot, const nip__want *want)
{
    if (want == NULL)
        return slot->maint;
    if (want->group < 0)
        return slot->maint || slot->drain;
    return !slot->maint && !slot->drain && slot->weight == want->weight;
}
