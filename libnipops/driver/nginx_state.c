/* What is routed and mirrored: read from arguments or from the file, compared, and told. */
#include <math.h>
#include <string.h>
#include "base/text.h"
#include "driver/nginx.h"

enum { WHOLE = 10000 }; /* hundredths of a percent: the finest that split_clients takes */

/* ---- shares ---- */

static bool served(const nip__want_group *group)
{
    return group->share > 0 && group->servers > 0;
}

static double round_share(double percent)
{
    return round(percent * 1e6) / 1e6;
}

static void share_by_weights(nip__nginx_state *state)
{
    const nip__wanted *wanted = &state->wanted;
    double total = 0;
    for (size_t i = 0; i < wanted->count; i++)
        total += wanted->wants[i].group < 0 ? 0 : wanted->wants[i].weight;
    for (size_t i = 0; i < wanted->count && total > 0; i++)
        if (wanted->wants[i].group >= 0)
            state->got[wanted->wants[i].group] += wanted->wants[i].weight / total * 100;
    state->resolution = wanted->resolution;
}

/* Rounding may leave too much or too little in all: the largest group gives or takes it. */
static void share_by_parts(nip__nginx_state *state)
{
    const nip__wanted *wanted = &state->wanted;
    double total = 0;
    int sum = 0;
    size_t largest = 0;
    for (size_t i = 0; i < wanted->group_count; i++)
        total += served(&wanted->groups[i]) ? wanted->groups[i].share : 0;
    for (size_t i = 0; i < wanted->group_count && total > 0; i++) {
        double part = served(&wanted->groups[i]) ? wanted->groups[i].share / total * WHOLE : 0;
        state->parts[i] = part > 0 && part < 1 ? 1 : (int)round(part);
        sum += state->parts[i];
        largest = state->parts[i] > state->parts[largest] ? i : largest;
    }
    if (total > 0)
        state->parts[largest] += WHOLE - sum;
    for (size_t i = 0; i < wanted->group_count && total > 0; i++) {
        double share = served(&wanted->groups[i]) ? wanted->groups[i].share / total * 100 : 0;
        state->got[i] = state->parts[i] / 100.0;
        state->resolution = fmax(state->resolution, round_share(fabs(state->got[i] - share)));
    }
}

/* ---- reading ---- */

static bool read_mirror(nip__arena *arena, const nip__value *given, nip__nginx_mirror *mirror, nip__trouble *trouble)
{
    const nip__value *endpoints = nip__get(given, "endpoints");
    double percent = nip__get_number(given, "percent", 100);
    if (!nip__is(endpoints, NIP__LIST) || nip__count(endpoints) > NIP__ROUTED_MAX)
        return nip__refuse(trouble, "bad_arguments", false,
                           "router/mirror needs `endpoints`, a list of at most %d; an empty one ends mirroring",
                           NIP__ROUTED_MAX);
    if (!(percent >= 0 && percent <= 100))
        return nip__refuse(trouble, "bad_arguments", false, "the percent of a mirror is not a number from 0 to 100");
    mirror->endpoints = nip__arena_alloc(arena, (nip__count(endpoints) + 1) * sizeof *mirror->endpoints);
    if (mirror->endpoints == NULL)
        return nip__refuse(trouble, "no_memory", true, "out of memory");
    size_t count = 0;
    for (NIP__EACH(endpoint, endpoints)) {
        const char *text = nip__is(endpoint, NIP__STRING) ? endpoint->as.string.text : NULL;
        if (!nip__endpoint_read(text, mirror->endpoints[count]))
            return nip__refuse(trouble, "bad_arguments", false,
                               "endpoint %.80s is not an IP address and a port, like 127.0.0.1:9100",
                               text == NULL ? "(not a text)" : text);
        count++;
    }
    mirror->count = percent > 0 ? count : 0;
    mirror->percent = (int)fmax(1, round(percent * 100));
    mirror->version = nip__get_text(given, "version");
    return true;
}

bool nip__nginx_state_read(nip__arena *arena, nip__nginx_by by, const nip__value *groups, const nip__value *drain,
                           const nip__value *mirror, nip__nginx_state *state, nip__trouble *trouble)
{
    nip__value *args = nip__map(arena);
    memset(state, 0, sizeof *state);
    state->groups = groups;
    state->drain = drain;
    state->mirror = mirror;
    nip__put(arena, args, "groups", groups == NULL ? nip__map(arena) : nip__copy(arena, groups));
    nip__put(arena, args, "drain", nip__copy(arena, drain));
    if (nip__arena_failed(arena))
        return nip__refuse(trouble, "no_memory", true, "out of memory");
    if (!nip__wanted_read(arena, args, NULL, &state->wanted, trouble))
        return false;
    if (by == NIP__NGINX_WEIGHTS)
        share_by_weights(state);
    else
        share_by_parts(state);
    return mirror == NULL || read_mirror(arena, mirror, &state->mirrored, trouble);
}

const nip__value *nip__nginx_ordered(nip__arena *arena, const nip__value *groups, const nip__value *earlier)
{
    nip__value *ordered = nip__map(arena);
    for (NIP__EACH(known, earlier)) {
        const nip__value *group = nip__get(groups, known->key);
        if (group != NULL)
            nip__put(arena, ordered, known->key, nip__copy(arena, group));
    }
    for (NIP__EACH(group, groups))
        if (nip__get(earlier, group->key) == NULL)
            nip__put(arena, ordered, group->key, nip__copy(arena, group));
    return ordered;
}

/* ---- comparing ---- */

static double share_of(const nip__nginx_state *state, const nip__want *want)
{
    if (want == NULL || want->group < 0)
        return 0;
    return state->got[want->group] / (double)state->wanted.groups[want->group].servers;
}

static bool covers(const nip__nginx_state *one, const nip__nginx_state *other)
{
    double most = one->resolution + other->resolution + 1e-6;
    for (size_t i = 0; i < one->wanted.count; i++) {
        const nip__want *want = &one->wanted.wants[i];
        double there = share_of(other, nip__wanted_find(&other->wanted, want->endpoint));
        double here = share_of(one, want);
        if (fabs(here - there) > most || (here > 0) != (there > 0))
            return false;
    }
    return true;
}

bool nip__nginx_same_traffic(const nip__nginx_state *one, const nip__nginx_state *other)
{
    return covers(one, other) && covers(other, one);
}

bool nip__nginx_same_mirror(const nip__nginx_state *one, const nip__nginx_state *other)
{
    const nip__nginx_mirror *a = &one->mirrored, *b = &other->mirrored;
    if (a->count != b->count || (a->count > 0 && a->percent != b->percent))
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->endpoints[i], b->endpoints[i]) != 0)
            return false;
    return true;
}

/* ---- results ---- */

nip__value *nip__nginx_route_result(nip__arena *arena, const nip__nginx_state *state)
{
    nip__value *result = nip__map(arena), *groups = nip__put(arena, result, "groups", nip__map(arena));
    for (size_t i = 0; i < state->wanted.group_count; i++) {
        nip__value *group = nip__put(arena, groups, state->wanted.groups[i].name, nip__map(arena));
        nip__put_real(arena, group, "share", round_share(state->got[i]));
        nip__value *endpoints = nip__put(arena, group, "endpoints", nip__list(arena));
        for (size_t k = 0; k < state->wanted.count; k++)
            if (state->wanted.wants[k].group == (int)i)
                nip__push_text(arena, endpoints, state->wanted.wants[k].given);
    }
    nip__put_real(arena, result, "resolution", state->resolution);
    return result;
}

nip__value *nip__nginx_mirror_result(nip__arena *arena, const nip__nginx_state *state)
{
    nip__value *result = nip__map(arena), *mirror = nip__put(arena, result, "mirror", nip__map(arena));
    nip__value *endpoints = nip__put(arena, mirror, "endpoints", nip__list(arena));
    for (size_t i = 0; i < state->mirrored.count; i++)
        nip__push_text(arena, endpoints, state->mirrored.endpoints[i]);
    nip__put_real(arena, mirror, "percent", state->mirrored.count > 0 ? state->mirrored.percent / 100.0 : 0);
    nip__put_text(arena, mirror, "version", state->mirrored.count > 0 ? state->mirrored.version : NULL);
    return result;
}

nip__value *nip__nginx_endpoints(nip__arena *arena, const nip__nginx_state *state, int64_t old_workers)
{
    nip__value *endpoints = nip__map(arena);
    for (size_t i = 0; i < state->wanted.count; i++) {
        const nip__want *want = &state->wanted.wants[i];
        nip__value *found = nip__map(arena);
        bool drains = want->group < 0;
        nip__put_int(arena, found, "weight", drains ? 0 : want->weight);
        nip__put_real(arena, found, "share", round_share(share_of(state, want)));
        nip__put_text(arena, found, "state", drains ? "drain" : "ready");
        if (drains && old_workers >= 0)
            nip__put_int(arena, found, "sessions", old_workers);
        nip__put(arena, endpoints, want->endpoint, found);
    }
    return endpoints;
}
