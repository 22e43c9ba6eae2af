/* What the verbs answer, made from a state that was read. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "driver/haproxy.h"

/* ---- did an earlier route take effect? ---- */

static bool in_force(const nip__haproxy_state *state, const nip__wanted *wanted)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (wanted->wants[i].group >= 0 && nip__haproxy_find(state, wanted->wants[i].endpoint) == NULL)
            return false;
    for (size_t i = 0; i < state->count; i++) {
        const nip__haproxy_slot *slot = &state->slots[i];
        bool first = slot->endpoint[0] != '\0' && nip__haproxy_find(state, slot->endpoint) == slot;
        if (!nip__haproxy_stands(slot, first ? nip__wanted_find(wanted, slot->endpoint) : NULL))
            return false;
    }
    return true;
}

static int wanted_weight(const nip__wanted *wanted, const char *endpoint)
{
    const nip__want *want = nip__wanted_find(wanted, endpoint);
    return want == NULL || want->group < 0 ? 0 : want->weight;
}

static bool at_either(const nip__haproxy_state *state, const char *endpoint, const nip__wanted *wanted,
                      const nip__wanted *before, nip__trouble *trouble)
{
    const nip__haproxy_slot *slot = nip__haproxy_find(state, endpoint);
    int weight = slot == NULL ? 0 : nip__haproxy_effective(slot);
    int earlier = wanted_weight(before, endpoint), later = wanted_weight(wanted, endpoint);
    if (weight == earlier || weight == later)
        return true;
    return nip__refuse(trouble, "foreign", false,
                       "%s has weight %d, which is neither what it was (%d) nor what it was to be (%d)", endpoint,
                       weight, earlier, later);
}

static bool all_at_either(const nip__haproxy_state *state, const nip__wanted *wanted, const nip__wanted *before,
                          nip__trouble *trouble)
{
    for (size_t i = 0; i < state->count; i++)
        if (state->slots[i].endpoint[0] != '\0' && !at_either(state, state->slots[i].endpoint, wanted, before, trouble))
            return false;
    for (size_t i = 0; i < before->count; i++)
        if (!at_either(state, before->wants[i].endpoint, wanted, before, trouble))
            return false;
    return true;
}

static double group_share(const nip__haproxy_state *state, const nip__wanted *wanted, int group)
{
    int64_t total = nip__haproxy_total(state), sum = 0;
    for (size_t i = 0; i < wanted->count; i++) {
        const nip__haproxy_slot *slot = nip__haproxy_find(state, wanted->wants[i].endpoint);
        if (wanted->wants[i].group == group && slot != NULL)
            sum += nip__haproxy_effective(slot);
    }
    return total == 0 ? 0 : round((double)sum / (double)total * 1e8) / 1e6;
}

/* The weights may have been set by other hands than ours and still give every endpoint the share it was to have. */
static bool has_shares(const nip__haproxy_state *state, const nip__wanted *wanted)
{
    double total = (double)nip__haproxy_total(state), parts = 0;
    for (size_t i = 0; i < wanted->group_count; i++)
        parts += wanted->groups[i].servers > 0 ? wanted->groups[i].share : 0;
    for (size_t i = 0; i < wanted->count; i++) {
        const nip__want *want = &wanted->wants[i];
        const nip__haproxy_slot *slot = nip__haproxy_find(state, want->endpoint);
        const nip__want_group *group = want->group < 0 ? NULL : &wanted->groups[want->group];
        double share = group == NULL || parts <= 0 ? 0 : group->share / parts / (double)group->servers;
        double found = slot == NULL || total <= 0 ? 0 : nip__haproxy_effective(slot) / total;
        if (fabs(found - share) * 100 > wanted->resolution + 1e-6)
            return false;
    }
    return true;
}

static bool serves(const nip__wanted *wanted)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (wanted->wants[i].weight > 0)
            return true;
    return false;
}

const char *nip__haproxy_settle(const nip__haproxy_state *state, const nip__wanted *wanted, const nip__wanted *before,
                                nip__trouble *trouble)
{
    if (in_force(state, wanted))
        return "in_force";
    if (before == NULL)
        return "not_yet"; /* nothing is known that could have been overwritten */
    if (nip__haproxy_wiped(state) && serves(before)) {
        nip__refuse(trouble, "router_restarted", true, "%s", NIP__HAPROXY_FORGOT);
        return "foreign";
    }
    return has_shares(state, before) || all_at_either(state, wanted, before, trouble) ? "not_yet" : "foreign";
}

nip__value *nip__haproxy_route_result(nip__arena *arena, const nip__haproxy_state *state, const nip__wanted *wanted)
{
    nip__value *result = nip__map(arena), *groups = nip__put(arena, result, "groups", nip__map(arena));
    nip__value *down = nip__list(arena);
    for (size_t i = 0; i < wanted->group_count; i++) {
        nip__value *group = nip__put(arena, groups, wanted->groups[i].name, nip__map(arena));
        nip__put_real(arena, group, "share", group_share(state, wanted, (int)i));
        nip__put(arena, group, "endpoints", nip__list(arena));
    }
    for (size_t i = 0; i < wanted->count; i++) {
        const nip__want *want = &wanted->wants[i];
        const nip__haproxy_slot *slot = nip__haproxy_find(state, want->endpoint);
        if (want->group < 0 || slot == NULL)
            continue;
        const nip__value *group = nip__get(groups, wanted->groups[want->group].name);
        for (nip__value *item = group == NULL ? NULL : group->as.items.first; item != NULL; item = item->next)
            if (nip__text_equal(item->key, "endpoints"))
                nip__push_text(arena, item, want->given);
        if (slot->down)
            nip__push_text(arena, down, want->given);
    }
    nip__put_real(arena, result, "resolution", wanted->resolution);
    if (nip__count(down) > 0)
        nip__put(arena, result, "down", down);
    return result;
}

/* ---- sessions ---- */

static int64_t sessions_at(const nip__haproxy_state *state, const char *endpoint)
{
    int64_t sessions = 0;
    for (size_t i = 0; i < state->count; i++)
        if (strcmp(state->slots[i].endpoint, endpoint) == 0)
            sessions += state->slots[i].sessions;
    return sessions;
}

nip__value *nip__haproxy_sessions_result(nip__arena *arena, const nip__haproxy_state *state, const nip__value *args)
{
    nip__value *result = nip__map(arena), *endpoints = nip__map(arena);
    int64_t total = 0;
    for (NIP__EACH(item, nip__get(args, "endpoints"))) {
        char endpoint[NIP__ENDPOINT_MAX];
        if (!nip__is(item, NIP__STRING) || nip__get(endpoints, item->as.string.text) != NULL)
            continue;
        int64_t sessions = nip__endpoint_read(item->as.string.text, endpoint) ? sessions_at(state, endpoint) : 0;
        nip__put_int(arena, endpoints, item->as.string.text, sessions);
        total += sessions;
    }
    nip__put_int(arena, result, "sessions", total);
    nip__put(arena, result, "endpoints", endpoints);
    return result;
}

/* ---- measure ---- */

/* errors = 5xx replies of the server + requests that got no connection + replies that broke; total = replies +
 * requests without one.
 *
 * Measured with HAProxy 2.6: hrsp_5xx and req_tot of a server count what it replied itself. The 502, 503 and 504
 * that HAProxy makes in its place count at the backend and frontend only, so econ and eresp are not in hrsp_5xx and
 * adding them counts nothing twice. econ counts a request once, when its last retry failed. A reply that breaks
 * inside its body counts as a reply and in eresp: two events, one error. stot is no measure of requests: it also
 * counts each retry. */
static void put_counters(nip__arena *arena, const nip__haproxy_slot *slot, nip__value *counters)
{
    const nip__haproxy_counters *read = &slot->counters;
    nip__value *pair = nip__map(arena);
    nip__put_int(arena, pair, "errors", read->replies_5xx + read->connections + read->responses);
    nip__put_int(arena, pair, "total", read->replies + read->connections + read->responses);
    const char *key = nip__arena_printf(arena, "%s@%s", slot->name, slot->endpoint);
    if (key != NULL)
        nip__put(arena, counters, key, pair);
}

static void measure_endpoint(nip__arena *arena, const nip__haproxy_state *state, const nip__value *given,
                             nip__value *counters, nip__value *problems)
{
    const char *text = nip__is(given, NIP__STRING) ? given->as.string.text : "";
    char endpoint[NIP__ENDPOINT_MAX];
    bool found = false;
    if (nip__endpoint_read(text, endpoint)) {
        for (size_t i = 0; i < state->count; i++) {
            const nip__haproxy_slot *slot = &state->slots[i];
            if (strcmp(slot->endpoint, endpoint) != 0 || !slot->has_counters)
                continue;
            put_counters(arena, slot, counters);
            found = true;
        }
    }
    if (!found && strcmp(state->mode, "tcp") != 0)
        nip__push_text(arena, problems, nip__arena_printf(arena, "%.80s has no server in the backend", text));
}

static nip__value *measure_version(nip__arena *arena, const nip__haproxy_state *state, const nip__value *version,
                                   const nip__value *metrics)
{
    nip__value *measured = nip__map(arena), *counters = nip__map(arena), *problems = nip__list(arena);
    for (NIP__EACH(endpoint, nip__get(version, "endpoints")))
        measure_endpoint(arena, state, endpoint, counters, problems);
    if (strcmp(state->mode, "tcp") == 0)
        nip__push_text(arena, problems, "the backend is in TCP mode: HAProxy counts no replies");
    for (NIP__EACH(metric, metrics))
        if (nip__is(metric, NIP__STRING) && strcmp(metric->as.string.text, "error_rate") != 0)
            nip__push_text(arena, problems,
                           nip__arena_printf(arena, "HAProxy cannot measure %.60s", metric->as.string.text));
    if (nip__count(counters) > 0)
        nip__put(arena, measured, "counters", counters);
    nip__put(arena, measured, "problems", problems);
    return measured;
}

nip__value *nip__haproxy_measure_result(nip__arena *arena, const nip__haproxy_state *state, const nip__value *args)
{
    nip__value *result = nip__map(arena), *versions = nip__put(arena, result, "versions", nip__map(arena));
    for (NIP__EACH(version, nip__get(args, "versions")))
        nip__put(arena, versions, version->key, measure_version(arena, state, version, nip__get(args, "metrics")));
    return result;
}

/* ---- observe ---- */

static nip__value *describe_slot(nip__arena *arena, const nip__haproxy_slot *slot, bool blank, int64_t total)
{
    nip__value *found = nip__map(arena);
    double share = total == 0 ? 0 : (double)nip__haproxy_effective(slot) / (double)total;
    nip__put_int(arena, found, "weight", slot->weight);
    nip__put_real(arena, found, "share", round(share * 1e8) / 1e6);
    nip__put_text(arena, found, "state", slot->maint ? "maint" : slot->drain ? "drain" : "ready");
    nip__put_int(arena, found, "sessions", slot->sessions);
    if (slot->down)
        nip__put_bool(arena, found, "down", true);
    if (blank)
        nip__put_bool(arena, found, "blank", true);
    return found;
}

void nip__haproxy_describe(nip__arena *arena, const nip__haproxy_state *state, nip__value *result)
{
    nip__value *endpoints = nip__map(arena);
    int64_t total = nip__haproxy_total(state), unused = 0;
    for (size_t i = 0; i < state->count; i++) {
        const nip__haproxy_slot *slot = &state->slots[i];
        unused += nip__haproxy_free(state, slot);
        bool blank = nip__haproxy_blank(state, slot);
        if (!blank || nip__haproxy_effective(slot) > 0)
            nip__put(arena, endpoints, slot->endpoint, describe_slot(arena, slot, blank, total));
    }
    nip__put_int(arena, result, "slots", (int64_t)state->count);
    nip__put_int(arena, result, "slots_free", unused);
    nip__put_bool(arena, result, "groups_known", false); /* HAProxy knows addresses, not versions */
    nip__put(arena, result, "endpoints", endpoints);
    nip__put_bool(arena, result, "restarted", nip__haproxy_wiped(state));
}
