/* The first steps of a plan: read-only checks. */
#include "rollout/plans.h"

enum {
    CHECK_MINUTES = 1,
    LISTED_MAX = 100, /* endpoints that people still read in a plan */
};

nip__value *nip__add_check(nip__draft *draft, const char *id, const char *title, nip__value *call)
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
    nip__value *step =
        nip__add_check(draft, "preflight-artifact", nip__arena_printf(arena, "check that %s exists", fresh->artifact),
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
    nip__value *step = nip__add_check(draft, "preflight-settings",
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
    nip__value *step = nip__add_check(draft, "preflight-reachable",
                                 nip__arena_printf(arena, "check that %zu dependenc%s", nip__count(urls),
                                                   nip__count(urls) == 1 ? "y answers" : "ies answer"),
                                 nip__draft_call(draft, "check", "reachable", args));
    nip__draft_expect(draft, step, "until", 0, "/reachable", "==", total);
}

static void add_dependencies(nip__draft *draft, const nip__value *preflight)
{
    nip__arena *arena = draft->arena;
    const nip__value *dependencies = nip__get(preflight, "dependencies");
    if (nip__count(dependencies) == 0)
        return;
    nip__value *args = nip__map(arena);
    nip__put(arena, args, "dependencies", nip__share(arena, dependencies));
    nip__value *step = nip__add_check(draft, "preflight-dependencies",
                                 nip__arena_printf(arena, "check that %zu dependenc%s can be used", nip__count(dependencies),
                                                   nip__count(dependencies) == 1 ? "y" : "ies"),
                                 nip__draft_read(draft, "check", "dependencies", args));
    nip__draft_expect(draft, step, "until", 0, "/ok", "==", nip__bool(arena, true));
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
    nip__value *step = nip__add_check(draft, "preflight-resources", "check disk space and memory",
                                 nip__draft_call(draft, "check", "resources", args));
    nip__draft_expect(draft, step, "until", 0, "/ok", "==", nip__bool(arena, true));
}

/* Targets that do not deal in ports do not tell how many are free. */
static void add_ports(nip__draft *draft, int64_t more)
{
    nip__arena *arena = draft->arena;
    if (more == 0 || nip__get(nip__get(draft->app->observed, "target"), "ports_free") == NULL)
        return;
    nip__value *args = nip__map(arena);
    nip__put_int(arena, args, "ports_needed", more);
    nip__value *step = nip__add_check(draft, "preflight-ports",
                                 nip__arena_printf(arena, "check for %lld free port%s, the way back included",
                                                   (long long)more, more == 1 ? "" : "s"),
                                 nip__draft_call(draft, "target", "observe", args));
    nip__draft_expect(draft, step, "until", 0, "/ports_free", ">=", nip__int(arena, more));
}

void nip__add_router_check(nip__draft *draft, int64_t more)
{
    nip__arena *arena = draft->arena;
    const char *title = "check that the router can be used";
    nip__value *args = nip__map(arena);
    if (more > 0) {
        title = nip__arena_printf(arena, "check that the router can be used and has room for %s more",
                                  nip__count_of(arena, more));
        nip__put_int(arena, args, "slots_needed", more);
    }
    if (draft->repairs)
        nip__put_bool(arena, args, "repairs", true);
    nip__value *step = nip__add_check(draft, "preflight-router", title, nip__draft_call(draft, "router", "observe", args));
    nip__draft_expect(draft, step, "until", 0, "/usable", "==", nip__bool(arena, true));
}

void nip__add_target_preflight(nip__draft *draft, int64_t more)
{
    const nip__value *preflight = nip__get(draft->app->document, "preflight");
    add_artifact(draft);
    add_settings(draft, preflight);
    add_reachable(draft, preflight);
    add_dependencies(draft, preflight);
    add_resources(draft, preflight);
    add_ports(draft, more);
}

void nip__add_preflight(nip__draft *draft, int64_t more)
{
    nip__add_target_preflight(draft, more);
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
    nip__value *step = nip__add_check(draft, id, nip__arena_printf(arena, "look up the instances of %s", old->version),
                                 nip__draft_call(draft, "target", "observe", NULL));
    const char *running = nip__place(arena, "/versions/", old->version, "/running");
    nip__draft_expect(draft, step, "until", 0, running, ">=", nip__int(arena, old->running));
    old->endpoints = nip__from(arena, id, nip__place(arena, "/versions/", old->version, "/endpoints"));
    if (draft->groups != NULL)
        draft->groups = nip__all_to(draft, old);
}
