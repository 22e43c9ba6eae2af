/* What earlier rollouts left running is stopped before the first new instance is started. */
#include "rollout/plans.h"

#include "base/text.h"

static bool is_held_beside(const nip__app *app, const nip__side *side)
{
    return side->version != NULL && !nip__text_equal(side->version, app->fresh.version);
}

/* Instances that are gone by the time the first new one starts. */
static int64_t cleared(const nip__app *app)
{
    int64_t running = app->fresh.running;
    for (NIP__EACH(held, nip__get(app->release, "held"))) {
        nip__side side = nip__side_of_record(app, held);
        if (is_held_beside(app, &side))
            running += side.running;
    }
    return running;
}

/* At worst all new instances run when the way back brings the old version to its full size. */
int64_t nip__more_instances(const nip__draft *draft)
{
    const nip__app *app = draft->app;
    int64_t missing =
        app->old.version != NULL && app->old.replicas > app->old.running ? app->old.replicas - app->old.running : 0;
    int64_t more = app->fresh.replicas + missing - cleared(app);
    return more > 0 ? more : 0;
}

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
    nip__add_route(draft, draft->steps, "route-old",
                   nip__arena_printf(draft->arena, "route all traffic to %s", old->version), &traffic);
}

typedef struct clearing {
    nip__draft *draft;
    nip__value *versions; /* to be stopped whole */
    nip__value *drain;    /* their endpoints */
    bool traffic;         /* the router sends some of them requests */
} clearing;

static void clear(clearing *c, const nip__side *side)
{
    nip__arena *arena = c->draft->arena;
    if (side->running == 0)
        return;
    nip__put(arena, c->versions, side->version, nip__draft_version(c->draft, side, 0, side->endpoints, NULL));
    for (NIP__EACH(endpoint, side->endpoints))
        nip__push(c->drain, nip__share(arena, endpoint));
    c->traffic |= nip__has_traffic(c->draft->app, side);
}

/* Instances of the new version that no release counts on: of a run that broke, or started by hand. */
static void clear_left_over(clearing *c)
{
    nip__side *fresh = &c->draft->app->fresh;
    if (fresh->running == 0 || nip__text_equal(fresh->version, c->draft->app->old.version))
        return;
    clear(c, fresh);
    nip__draft_warn(c->draft, "%s of %s already run%s without being released; they are stopped first",
                    nip__count_of(c->draft->arena, fresh->running), fresh->version, fresh->running == 1 ? "s" : "");
    fresh->endpoints = nip__list(c->draft->arena);
    fresh->running = 0;
}

void nip__add_clearing(nip__draft *draft)
{
    nip__arena *arena = draft->arena;
    clearing c = {.draft = draft, .versions = nip__map(arena), .drain = nip__list(arena)};
    for (NIP__EACH(held, nip__get(draft->app->release, "held"))) {
        nip__side side = nip__side_of_record(draft->app, held);
        if (is_held_beside(draft->app, &side))
            clear(&c, &side);
    }
    clear_left_over(&c);
    if (nip__count(c.versions) == 0)
        return;
    if (c.traffic && draft->app->old.running > 0)
        add_route_old(draft, c.drain);
    nip__value *args = nip__map(arena);
    nip__put(arena, args, "versions", c.versions);
    nip__value *step = nip__draft_step(draft, draft->steps, "stop-left", "stop what earlier rollouts left running");
    nip__draft_act(draft, step, nip__draft_call(draft, "target", "instances", args));
    nip__draft_retry(draft, step);
}
