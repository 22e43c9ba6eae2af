/* The first steps of a plan: read-only checks, and clearing away what earlier rollouts left. */
#include "rollout/plans.h"

#include "base/text.h"
#include "rollout/names.h"

enum {
    CHECK_MINUTES = 1,
    LISTED_MAX = 100, /* endpoints that people still read in a plan */
};

/* One look that must hold before anything is changed. */
static nip__value *add_check(nip__draft *draft, const char *id, const char *title, nip__value *call)
{
    nip__value *step = nip__draft_step(draft, draft->steps, id, title);
    nip__draft_act(draft, step, call);
    nip__put_duration(draft->arena, step, "deadline", CHECK_MINUTES * NIP_MINUTE);
    nip__put_text(draft->arena, step, "on_failure", "stop");
    nip__draft_retry(draft, step);
    return step;
}

static void add_artifact(nip__draft *draft)
{
    nip__arena *arena = draft->arena;
    const nip__side *fresh = &draft->app->fresh;
    nip__value *args = nip__map(arena);
    nip__put_text(arena, args, "version", fresh->version);
    nip__put_text(arena, args, "artifact", fresh->artifact);
    nip__value *step = add_check(draft, "preflight-artifact", nip__arena_printf(arena, "check that %s exists", fresh->artifact),
                                 nip__draft_call(draft, "target", "artifact", args));
    nip__draft_expect(draft, step, "until", 0, "/exists", "==", nip__bool(arena, true));
}

static void add_settings(nip__draft *draft, const nip__value *preflight)
{
    nip__arena *arena = draft->arena;
    const nip__value *env = nip__get(preflight, "env");
    if (nip__count(env) == 0)
        return;
    nip__value *args = nip__map(arena);
    nip__put(arena, args, "env", nip__share(arena, env));
    nip__value *step = add_check(draft, "preflight-settings",
                                 nip__arena_printf(arena, "check that %zu required setting%s present", nip__count(env),
                                                   nip__count(env) == 1 ? " is" : "s are"),
                                 nip__draft_call(draft, "check", "settings", args));
    nip__draft_expect(draft, step, "until", 0, "/count", "==", nip__int(arena, 0));
}

static void add_reachable(nip__draft *draft, const nip__value *preflight)
{
    nip__arena *arena = draft->arena;
    const nip__value *urls = nip__get(preflight, "reachable");
    if (nip__count(urls) == 0)
        return;
    nip__value *args = nip__map(arena), *total = nip__map(arena);
    nip__put(arena, args, "urls", nip__share(arena, urls));
    nip__put_text(arena, total, "at", "/total");
    nip__value *step = add_check(draft, "preflight-reachable",
                                 nip__arena_printf(arena, "check that %zu dependenc%s", nip__count(urls),
                                                   nip__count(urls) == 1 ? "y answers" : "ies answer"),
                                 nip__draft_call(draft, "check", "reachable", args));
    nip__draft_expect(draft, step, "until", 0, "/reachable", "==", total);
}

static void add_resources(nip__draft *draft, const nip__value *preflight)
{
    static const char *const keys[] = {"path", "disk_free", "memory_free", NULL};
    nip__arena *arena = draft->arena;
    if (nip__get(preflight, "disk_free") == NULL && nip__get(preflight, "memory_free") == NULL)
        return;
    nip__value *args = nip__map(arena);
    for (size_t i = 0; keys[i] != NULL; i++)
        nip__put(arena, args, keys[i], nip__share(arena, nip__get(preflight, keys[i])));
    nip__value *step = add_check(draft, "preflight-resources", "check disk space and memory",
                                 nip__draft_call(draft, "check", "resources", args));
    nip__draft_expect(draft, step, "until", 0, "/ok", "==", nip__bool(arena, true));
}

/* Targets that do not deal in ports do not tell how many are free. */
static void add_ports(nip__draft *draft, int64_t more)
{
    nip__arena *arena = draft->arena;
    if (more == 0 || nip__get(nip__get(draft->app->observed, "target"), "ports_free") == NULL)
        return;
    nip__value *step = add_check(draft, "preflight-ports",
                                 nip__arena_printf(arena, "check for %lld free port%s, the way back included", (long long)more,
                                                   more == 1 ? "" : "s"),
                                 nip__draft_call(draft, "target", "observe", NULL));
    nip__draft_expect(draft, step, "until", 0, "/ports_free", ">=", nip__int(arena, more));
}

void nip__add_router_check(nip__draft *draft, int64_t more)
{
    nip__arena *arena = draft->arena;
    const char *title = "check that the router can be used";
    nip__value *args = nip__map(arena);
    if (more > 0) {
        title = nip__arena_printf(arena, "check that the router can be used and has room for %s more", nip__count_of(arena, more));
        nip__put_int(arena, args, "slots_needed", more);
    }
    nip__value *step = add_check(draft, "preflight-router", title, nip__draft_call(draft, "router", "observe", args));
    nip__draft_expect(draft, step, "until", 0, "/usable", "==", nip__bool(arena, true));
}

void nip__add_preflight(nip__draft *draft, int64_t more)
{
    const nip__value *preflight = nip__get(draft->app->document, "preflight");
    add_artifact(draft);
    add_settings(draft, preflight);
    add_reachable(draft, preflight);
    add_resources(draft, preflight);
    add_ports(draft, more);
    nip__add_router_check(draft, more);
}

/* A plan is one record of a journal: thousands of endpoints in each of its steps would make it huge. */
void nip__add_look_up(nip__draft *draft)
{
    nip__arena *arena = draft->arena;
    nip__side *old = &draft->app->old;
    if (nip__count(old->endpoints) <= LISTED_MAX)
        return;
    const char *id = "preflight-instances";
    nip__value *step = add_check(draft, id, nip__arena_printf(arena, "look up the instances of %s", old->version),
                                 nip__draft_call(draft, "target", "observe", NULL));
    const char *running = nip__place(arena, "/versions/", old->version, "/running");
    nip__draft_expect(draft, step, "until", 0, running, ">=", nip__int(arena, old->running));
    old->endpoints = nip__from(arena, id, nip__place(arena, "/versions/", old->version, "/endpoints"));
    if (draft->groups != NULL)
        draft->groups = nip__all_to(draft, old);
}

/* Instances that are stopped before the first new one is started. */
static int64_t cleared(const nip__app *app)
{
    int64_t running = app->fresh.running;
    for (NIP__EACH(held, nip__get(app->release, "held"))) {
        nip__side side = nip__side_of_record(app, held);
        if (side.version != NULL && !nip__text_equal(side.version, app->fresh.version))
            running += side.running;
    }
    return running;
}

/* At worst all new instances run when the way back brings the old version to its full size. */
int64_t nip__more_instances(const nip__draft *draft)
{
    const nip__app *app = draft->app;
    int64_t missing = app->old.version != NULL && app->old.replicas > app->old.running ? app->old.replicas - app->old.running : 0;
    int64_t more = app->fresh.replicas + missing - cleared(app);
    return more > 0 ? more : 0;
}

/* ---- clearing ---- */

/* All traffic where it belongs before anything is stopped. */
static void add_route_old(nip__draft *draft, const nip__value *drain)
{
    const nip__side *old = &draft->app->old;
    nip__traffic traffic = {
        .flows = {{old, 100, old->endpoints, nip__capacity(100, old->replicas, old->running)}},
        .count = 1,
        .drain = drain,
        .rising = draft->app->fresh.version,
    };
    nip__add_route(draft, draft->steps, "route-old", nip__arena_printf(draft->arena, "route all traffic to %s", old->version), &traffic);
}

static void stop_whole(nip__draft *draft, nip__value *versions, const nip__side *side)
{
    nip__value *one = nip__map(draft->arena);
    nip__put_int(draft->arena, one, "replicas", 0);
    nip__put_text(draft->arena, one, "artifact", side->artifact);
    nip__put(draft->arena, one, "settings", nip__share(draft->arena, side->settings));
    nip__put(draft->arena, one, "endpoints", nip__share(draft->arena, side->endpoints));
    nip__put(draft->arena, versions, side->version, one);
}

static bool is_left_over(const nip__app *app)
{
    return app->fresh.running > 0 && !nip__text_equal(app->fresh.version, app->old.version);
}

void nip__add_clearing(nip__draft *draft)
{
    nip__app *app = draft->app;
    nip__value *versions = nip__map(draft->arena), *drain = nip__list(draft->arena);
    bool traffic = false;
    for (NIP__EACH(held, nip__get(app->release, "held"))) {
        nip__side side = nip__side_of_record(app, held);
        if (side.version == NULL || side.running == 0 || nip__text_equal(side.version, app->fresh.version))
            continue;
        stop_whole(draft, versions, &side);
        traffic |= nip__has_traffic(app, &side);
        for (NIP__EACH(endpoint, side.endpoints))
            nip__push(drain, nip__share(draft->arena, endpoint));
    }
    if (is_left_over(app)) {
        stop_whole(draft, versions, &app->fresh);
        traffic |= nip__has_traffic(app, &app->fresh);
        for (NIP__EACH(endpoint, app->fresh.endpoints))
            nip__push(drain, nip__share(draft->arena, endpoint));
        nip__draft_warn(draft, "%s of %s already run%s without being released; they are stopped first",
                        nip__count_of(draft->arena, app->fresh.running), app->fresh.version, app->fresh.running == 1 ? "s" : "");
        app->fresh.endpoints = nip__list(draft->arena);
        app->fresh.running = 0;
    }
    if (nip__count(versions) == 0)
        return;
    if (traffic && app->old.running > 0)
        add_route_old(draft, drain);
    nip__value *args = nip__map(draft->arena);
    nip__put(draft->arena, args, "versions", versions);
    nip__value *step = nip__draft_step(draft, draft->steps, "stop-left", "stop what earlier rollouts left running");
    nip__draft_act(draft, step, nip__draft_call(draft, "target", "instances", args));
    nip__draft_retry(draft, step);
}

/* ---- warnings ---- */

/* Endpoints of the record that are not there any more. */
static int64_t gone_since(const nip__draft *draft)
{
    const nip__value *recorded = nip__get(draft->app->release, "endpoints"), *found = draft->app->old.endpoints;
    int64_t gone = 0;
    if (nip__equal(recorded, found))
        return 0;
    nip__names there = nip__names_of(draft->arena, found);
    for (NIP__EACH(endpoint, recorded))
        gone += endpoint->kind == NIP__STRING && !nip__names_have(&there, endpoint->as.string.text);
    return gone;
}

static void warn_record(nip__draft *draft)
{
    const nip__side *old = &draft->app->old;
    int64_t gone = gone_since(draft);
    if (gone > 0)
        nip__draft_warn(draft, "%s of %s that the release record names %s not running any more", nip__count_of(draft->arena, gone),
                        old->version, gone == 1 ? "is" : "are");
    if (old->running < old->replicas)
        nip__draft_warn(draft, "%s runs %lld of %s", old->version, (long long)old->running, nip__count_of(draft->arena, old->replicas));
    if (old->healthy >= 0 && old->healthy < old->running)
        nip__draft_warn(draft, "only %lld of %lld running instances of %s are healthy", (long long)old->healthy, (long long)old->running,
                        old->version);
}

static void warn_strangers(nip__draft *draft)
{
    const nip__app *app = draft->app;
    for (NIP__EACH(version, nip__observed_versions(app->observed))) {
        bool known = nip__text_equal(version->key, app->fresh.version) || nip__text_equal(version->key, app->old.version) ||
                     nip__held_find(app->release, version->key) != NULL;
        int64_t running = nip__get_int(version, "running", (int64_t)nip__count(nip__get(version, "endpoints")));
        if (!known && running > 0)
            nip__draft_warn(draft, "%s of %s run%s that no release record knows; they are left alone and get no traffic",
                            nip__count_of(draft->arena, running), version->key, running == 1 ? "s" : "");
    }
}

static void warn_router(nip__draft *draft)
{
    for (NIP__EACH(warning, nip__get(nip__get(draft->app->observed, "router"), "warnings"))) {
        if (warning->kind == NIP__STRING)
            nip__draft_warn(draft, "router: %s", warning->as.string.text);
    }
}

void nip__warn_observed(nip__draft *draft)
{
    if (draft->app->old.version != NULL)
        warn_record(draft);
    warn_strangers(draft);
    warn_router(draft);
}
