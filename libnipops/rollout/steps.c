/* The steps that all strategies are made of. */
#include "rollout/steps.h"

#include <math.h>

#include "base/time.h"

enum {
    LOOK_SECONDS = 2,  /* between two looks at health before traffic moves */
    DRAIN_SECONDS = 1, /* between two looks at open sessions */
};

nip__value *nip__draft_version(nip__draft *draft, const nip__side *side, int64_t replicas, const nip__value *endpoints,
                               const nip__value *gone)
{
    nip__arena *arena = draft->arena;
    nip__value *one = nip__map(arena);
    nip__put_int(arena, one, "replicas", replicas);
    nip__put_text(arena, one, "artifact", side->artifact);
    nip__put(arena, one, "settings", nip__share(arena, side->settings));
    nip__put(arena, one, "endpoints", nip__share(arena, endpoints));
    nip__put(arena, one, "remove", nip__share(arena, gone));
    return one;
}

static nip__value *versions(nip__draft *draft, const nip__side *side, int64_t replicas, const nip__value *endpoints,
                            const nip__value *gone)
{
    nip__value *all = nip__map(draft->arena), *args = nip__map(draft->arena);
    nip__put(draft->arena, all, side->version, nip__draft_version(draft, side, replicas, endpoints, gone));
    nip__put(draft->arena, args, "versions", all);
    return args;
}

nip__value *nip__draft_instances(nip__draft *draft, const nip__side *side, int64_t have, int64_t want,
                                 const nip__value *endpoints, const nip__value *gone)
{
    nip__value *call = nip__draft_call(draft, "target", "instances", versions(draft, side, want, endpoints, gone));
    if (have >= 0)
        nip__put(draft->arena, call, "before", versions(draft, side, have, endpoints, NULL));
    return call;
}

static const char *healthy_of(nip__draft *draft, const nip__side *side)
{
    return nip__place(draft->arena, "/groups/", side->version, "/healthy");
}

/* ---- growing ---- */

static const char *grow_title(nip__draft *draft, const nip__side *side, int64_t have, int64_t want)
{
    if (have == 0)
        return nip__arena_printf(draft->arena, "start %s of %s", nip__count_of(draft->arena, want), side->version);
    return nip__arena_printf(draft->arena, "start %s of %s (%lld in all)", nip__count_of(draft->arena, want - have),
                             side->version, (long long)want);
}

nip__value *nip__add_grow(nip__draft *draft, const char *id, const nip__side *side, int64_t have, int64_t want,
                          const nip__value *known)
{
    nip__arena *arena = draft->arena;
    const nip__value *health = nip__get(draft->app->document, "health");
    nip__value *step = nip__draft_step(draft, draft->steps, id, grow_title(draft, side, have, want));
    nip__value *endpoints = nip__from(arena, id, nip__place(arena, "/versions/", side->version, "/endpoints"));
    nip__draft_act(draft, step, nip__draft_instances(draft, side, have, want, known, NULL));
    nip__draft_observe(draft, step, "until", nip__draft_health(draft, nip__draft_groups(draft, side, endpoints), NULL));
    nip__draft_observe(draft, step, "until", nip__draft_call(draft, "target", "observe", NULL));
    nip__draft_expect(draft, step, "until", 0, healthy_of(draft, side), ">=", nip__int(arena, want));
    nip__draft_fails(draft, step, 1, nip__place(arena, "/versions/", side->version, "/exited"), ">",
                     nip__int(arena, 0));
    nip__draft_repeat(draft, step, "until", nip__health_interval(draft), nip__get_int(health, "successes", 1));
    nip__draft_retry(draft, step);
    return endpoints;
}

/* ---- traffic ---- */

int64_t nip__capacity(double share, int64_t replicas, int64_t there)
{
    int64_t need = (int64_t)ceil(share * (double)replicas / 100 - 1e-9);
    if (need > there)
        need = there;
    return need < 1 ? 1 : need;
}

/* Whole percents stay whole; six digits are finer than any router. */
static nip__value *percent(nip__arena *arena, double share)
{
    double rounded = round(share * 1e6) / 1e6;
    return rounded == floor(rounded) ? nip__int(arena, (int64_t)rounded) : nip__real(arena, rounded);
}

static nip__value *shares(nip__draft *draft, const nip__traffic *traffic)
{
    nip__value *groups = nip__map(draft->arena);
    for (size_t i = 0; i < traffic->count; i++) {
        nip__value *group = nip__map(draft->arena);
        nip__put(draft->arena, group, "share", percent(draft->arena, traffic->flows[i].share));
        nip__put(draft->arena, group, "endpoints", nip__share(draft->arena, traffic->flows[i].endpoints));
        nip__put(draft->arena, groups, traffic->flows[i].side->version, group);
    }
    return groups;
}

/* Traffic goes only where a look just before found enough healthy instances. */
static void require_capacity(nip__draft *draft, nip__value *step, const nip__traffic *traffic)
{
    nip__value *groups = nip__map(draft->arena);
    for (size_t i = 0; i < traffic->count; i++)
        nip__put(draft->arena, groups, traffic->flows[i].side->version,
                 nip__share(draft->arena, traffic->flows[i].endpoints));
    nip__draft_observe(draft, step, "require", nip__draft_health(draft, groups, NULL));
    for (size_t i = 0; i < traffic->count; i++) {
        const nip__flow *flow = &traffic->flows[i];
        nip__draft_expect(draft, step, "require", 0, healthy_of(draft, flow->side),
                          ">=", nip__int(draft->arena, flow->need));
    }
    nip__draft_repeat(draft, step, "require", LOOK_SECONDS * NIP_SECOND, 1);
}

nip__value *nip__add_route(nip__draft *draft, nip__value *list, const char *id, const char *title,
                           const nip__traffic *traffic)
{
    nip__arena *arena = draft->arena;
    nip__value *step = nip__draft_step(draft, list, id, title);
    if (traffic->count > 0)
        require_capacity(draft, step, traffic);
    nip__value *groups = shares(draft, traffic);
    nip__value *args = nip__map(arena);
    nip__put(arena, args, "groups", groups);
    nip__put(arena, args, "drain", nip__share(arena, traffic->drain));
    nip__put_text(arena, args, "canary", traffic->rising);
    if (draft->repairs)
        nip__put_bool(arena, args, "repairs", true);
    nip__value *call = nip__draft_call(draft, "router", "route", args);
    if (list == draft->steps) { /* the way back starts anywhere: it knows no before */
        if (draft->groups != NULL) {
            nip__value *before = nip__map(arena);
            nip__put(arena, before, "groups", nip__share(arena, draft->groups));
            nip__put(arena, call, "before", before);
        }
        draft->groups = groups;
    }
    nip__draft_act(draft, step, call);
    nip__draft_retry(draft, step);
    return step;
}

/* ---- taking out ---- */

void nip__require_left(nip__draft *draft, nip__value *step, nip__value *groups, const nip__value *except, int64_t least)
{
    int64_t index =
        (int64_t)nip__count(nip__get(nip__get(step, "require"), "observe")); /* a route has looked already */
    nip__draft_observe(draft, step, "require", nip__draft_health(draft, groups, except));
    nip__draft_expect(draft, step, "require", index, "/healthy", ">=", nip__int(draft->arena, least));
    nip__draft_repeat(draft, step, "require", LOOK_SECONDS * NIP_SECOND, 1);
}

void nip__add_select(nip__draft *draft, const char *id, const nip__side *side, int64_t count,
                     const nip__value *endpoints)
{
    nip__arena *arena = draft->arena;
    const char *title = nip__arena_printf(arena, "choose %s of %s to stop, unhealthy ones first",
                                          nip__count_of(arena, count), side->version);
    nip__value *step = nip__draft_step(draft, draft->steps, id, title);
    nip__draft_observe(draft, step, "require",
                       nip__draft_health(draft, nip__draft_groups(draft, side, endpoints), NULL));
    nip__value *args = nip__map(arena);
    nip__put_text(arena, args, "version", side->version);
    nip__put_int(arena, args, "count", count);
    nip__put(arena, args, "endpoints", nip__share(arena, endpoints));
    const char *unhealthy = nip__place(arena, "/groups/", side->version, "/unhealthy_endpoints");
    nip__put(arena, args, "unhealthy", nip__from_part(arena, id, "require", unhealthy, nip__list(arena)));
    nip__draft_act(draft, step, nip__draft_call(draft, "target", "select", args));
    nip__draft_retry(draft, step);
}

nip__value *nip__add_sessions(nip__draft *draft, nip__value *list, const char *id, const char *version,
                              const nip__value *endpoints)
{
    nip__arena *arena = draft->arena;
    nip__buffer limit = NIP__BUFFER(64);
    nip__duration_write_short(&limit, nip__drain_timeout(draft));
    const char *title =
        nip__arena_printf(arena, "let open sessions of %s end (those still open after %s are cut by the stop)", version,
                          nip__buffer_string(&limit));
    nip__buffer_clear(&limit);
    nip__value *step = nip__draft_step(draft, list, id, title);
    nip__value *args = nip__map(arena);
    nip__put(arena, args, "endpoints", nip__share(arena, endpoints));
    nip__draft_observe(draft, step, "until", nip__draft_call(draft, "router", "sessions", args));
    nip__draft_expect(draft, step, "until", 0, "/sessions", "==", nip__int(arena, 0));
    nip__draft_repeat(draft, step, "until", DRAIN_SECONDS * NIP_SECOND, 1);
    nip__put_duration(arena, step, "deadline", nip__drain_timeout(draft));
    nip__put_text(arena, step, "on_failure", "continue");
    return step;
}

nip__value *nip__add_stop(nip__draft *draft, nip__value *list, const char *id, const nip__side *side, int64_t have,
                          int64_t left, const nip__value *endpoints, const nip__value *gone)
{
    nip__arena *arena = draft->arena;
    const char *title = have < 0 || left == 0
                            ? nip__arena_printf(arena, "stop %s", side->version)
                            : nip__arena_printf(arena, "stop %s of %s (%lld remain)", nip__count_of(arena, have - left),
                                                side->version, (long long)left);
    nip__value *step = nip__draft_step(draft, list, id, title);
    nip__draft_act(draft, step, nip__draft_instances(draft, side, have, left, endpoints, left > 0 ? gone : NULL));
    nip__draft_retry(draft, step);
    return step;
}
