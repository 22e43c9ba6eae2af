/* The same version, more or fewer instances of it. */
#include "rollout/plans.h"

static const char *endpoints_at(nip__draft *draft)
{
    return nip__place(draft->arena, "/versions/", draft->app->old.version, "/endpoints");
}

static void add_route(nip__draft *draft, nip__value *list, const char *id, const char *title,
                      const nip__value *endpoints, int64_t need, const nip__value *drain)
{
    nip__traffic traffic = {.flows = {{&draft->app->old, 100, endpoints, need}}, .count = 1, .drain = drain};
    nip__add_route(draft, list, id, title, &traffic);
}

/* As many as before, all of them in traffic. `surplus`: what was started, taken out of traffic before it is stopped;
 * NULL: none. */
static void add_back(nip__draft *draft, const nip__value *surplus)
{
    nip__arena *arena = draft->arena;
    const nip__side *old = &draft->app->old;
    int64_t need = nip__back_need(old);
    const char *title =
        nip__arena_printf(arena, "route all traffic to the %s of before", nip__count_of(arena, old->replicas));
    if (surplus != NULL)
        add_route(draft, draft->back, "back-route-old", title, old->endpoints, nip__capacity(100, need, old->running),
                  surplus);
    const char *id = "back-resize";
    nip__value *step = nip__add_stop(draft, draft->back, id, old, -1, old->replicas, old->endpoints, surplus);
    nip__put_text(
        arena, step, "title",
        nip__arena_printf(arena, "bring %s back to %s, healthy", old->version, nip__count_of(arena, old->replicas)));
    nip__value *endpoints = nip__from(arena, id, endpoints_at(draft));
    nip__draft_observe(draft, step, "until", nip__draft_health(draft, nip__draft_groups(draft, old, endpoints), NULL));
    nip__draft_expect(draft, step, "until", 0, "/healthy", ">=", nip__int(arena, need));
    add_route(draft, draft->back, "back-route", title, endpoints, need, NULL);
    draft->release_back =
        nip__record_with(arena, draft->app->release, "endpoints",
                         nip__from_else(arena, id, endpoints_at(draft), nip__share(arena, old->endpoints)));
    draft->changes = true;
}

static void add_growth(nip__draft *draft)
{
    nip__arena *arena = draft->arena;
    const nip__side *old = &draft->app->old, *fresh = &draft->app->fresh;
    add_back(draft, nip__from_else(arena, "grow", "/started", nip__list(arena)));
    nip__value *endpoints = nip__add_grow(draft, "grow", fresh, old->running, fresh->replicas, old->endpoints);
    add_route(draft, draft->steps, "route",
              nip__arena_printf(arena, "route traffic to all %s", nip__count_of(arena, fresh->replicas)), endpoints,
              fresh->replicas, NULL);
    nip__set_release(draft, endpoints, NULL);
}

static void add_shrinkage(nip__draft *draft)
{
    nip__arena *arena = draft->arena;
    const nip__side *old = &draft->app->old, *fresh = &draft->app->fresh;
    int64_t gone = old->running - fresh->replicas;
    add_back(draft, NULL);
    nip__add_select(draft, "select", old, gone, old->endpoints);
    nip__value *going = nip__from(arena, "select", "/selected"), *staying = nip__from(arena, "select", "/remaining");
    add_route(draft, draft->steps, "drain",
              nip__arena_printf(arena, "take %s out of traffic", nip__count_of(arena, gone)), staying, fresh->replicas,
              going);
    nip__add_sessions(draft, draft->steps, "sessions", old->version, going);
    nip__value *stop =
        nip__add_stop(draft, draft->steps, "stop", old, old->running, fresh->replicas, old->endpoints, going);
    nip__require_left(draft, stop, nip__draft_groups(draft, old, old->endpoints), going, fresh->replicas);
    nip__set_release(draft, staying, NULL);
}

/* Held versions stay held: nothing about them changes. */
static void keep_history(nip__draft *draft)
{
    static const char *const kept[] = {"held", "previous", NULL};
    for (size_t i = 0; kept[i] != NULL; i++) {
        const nip__value *value = nip__get(draft->app->release, kept[i]);
        if (value != NULL)
            draft->release = nip__record_with(draft->arena, draft->release, kept[i], nip__share(draft->arena, value));
    }
}

void nip__draft_scale(nip__draft *draft)
{
    nip__app *app = draft->app;
    int64_t more = app->fresh.replicas - app->old.running;
    draft->title = nip__arena_printf(draft->arena, "scale %s %s: %lld to %s", app->name, app->old.version,
                                     (long long)app->old.replicas, nip__count_of(draft->arena, app->fresh.replicas));
    nip__add_preflight(draft, more > 0 ? more : 0);
    nip__add_gates(draft);
    if (app->old.running > app->fresh.replicas)
        add_shrinkage(draft);
    else
        add_growth(draft);
    keep_history(draft);
}
