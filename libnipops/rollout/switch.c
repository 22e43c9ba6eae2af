/* The wanted version still runs, held by an earlier rollout: traffic goes there in one step, and the present version is
 * held instead. */
#include "rollout/plans.h"

static void add_back(nip__draft *draft)
{
    nip__arena *arena = draft->arena;
    const nip__side *old = &draft->app->old;
    nip__traffic traffic = {
        .flows = {{old, 100, old->endpoints, nip__capacity(100, nip__back_need(old), old->running)}},
        .count = 1,
        .drain = draft->app->fresh.endpoints,
        .rising = draft->app->fresh.version,
    };
    nip__add_route(draft, draft->back, "back-route-old",
                   nip__arena_printf(arena, "route all traffic to %s", old->version), &traffic);
    draft->changes = true;
}

/* What else is held stays so; the version that comes back is held no longer. */
static nip__value *held_after(nip__draft *draft)
{
    nip__app *app = draft->app;
    nip_duration hold = nip__hold_of(nip__get(app->release, "rollout"));
    nip__value *list = app->old.running > 0 ? nip__held_old(draft, hold > 0 ? hold : 24 * NIP_HOUR, app->old.endpoints)
                                            : nip__list(draft->arena); /* nothing of it is left to hold */
    const nip__value *back_in = nip__held_find(app->release, app->fresh.version);
    for (NIP__EACH(held, nip__get(app->release, "held"))) {
        if (held != back_in)
            nip__push(list, nip__share(draft->arena, held));
    }
    return list;
}

void nip__draft_switch(nip__draft *draft)
{
    nip__app *app = draft->app;
    const nip__value *endpoints = app->fresh.endpoints;
    draft->title =
        nip__arena_printf(draft->arena, "return %s at once: %s to %s", app->name, app->old.version, app->fresh.version);
    if (app->fresh.running > app->fresh.replicas)
        nip__draft_warn(draft, "%lld instances of %s run, %lld are wanted: roll it out once more to scale it", (long long)app->fresh.running,
                        app->fresh.version, (long long)app->fresh.replicas);
    nip__add_router_check(draft, app->fresh.running < app->fresh.replicas ? app->fresh.replicas - app->fresh.running : 0);
    nip__add_gates(draft);
    add_back(draft);
    if (app->fresh.running < app->fresh.replicas)
        endpoints = nip__add_grow(draft, "grow-held", &app->fresh, app->fresh.running, app->fresh.replicas, endpoints);
    nip__add_full_route(draft, "switch", endpoints, app->old.endpoints);
    nip__add_barrier(draft);
    nip__set_release(draft, endpoints, held_after(draft));
}
