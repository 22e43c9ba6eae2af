/* The way back. Its steps name absolute states and look the world over themselves, so that one list serves every step
 * of every strategy, finished or not: the old version at full size and healthy, all traffic to it, the new version
 * drained and gone. */
#include "rollout/plans.h"

enum { REGROW_SECONDS = 2 }; /* between two looks while users wait for the old version */

static const char *endpoints_at(nip__draft *draft, const nip__side *side)
{
    return nip__place(draft->arena, "/versions/", side->version, "/endpoints");
}

int64_t nip__back_need(const nip__side *side)
{
    int64_t need = side->healthy >= 0 && side->healthy < side->replicas ? side->healthy : side->replicas;
    return need > 0 ? need : 1;
}

static void add_regrow(nip__draft *draft)
{
    nip__arena *arena = draft->arena;
    const nip__side *old = &draft->app->old;
    const char *id = "back-regrow-old";
    nip__value *step = nip__draft_step(
        draft, draft->back, id,
        nip__arena_printf(arena, "bring %s to %s, healthy", old->version, nip__count_of(arena, old->replicas)));
    nip__draft_act(draft, step, nip__draft_instances(draft, old, -1, old->replicas, NULL, NULL));
    nip__value *groups = nip__draft_groups(draft, old, nip__from(arena, id, endpoints_at(draft, old)));
    nip__draft_observe(draft, step, "until", nip__draft_health(draft, groups, NULL));
    nip__draft_expect(draft, step, "until", 0, "/healthy", ">=", nip__int(arena, nip__back_need(old)));
    nip__draft_repeat(draft, step, "until", REGROW_SECONDS * NIP_SECOND, 1);
    nip__draft_retry(draft, step);
}

/* Whatever runs of the new version, also when the step that started it has not ended. Not to know it stops nothing: the
 * route takes out of traffic what it does not name, and the stop is of the whole version. */
static nip__value *add_look(nip__draft *draft)
{
    const nip__side *fresh = &draft->app->fresh;
    nip__value *step = nip__draft_step(draft, draft->back, "back-look",
                                       nip__arena_printf(draft->arena, "see what runs of %s", fresh->version));
    nip__draft_act(draft, step, nip__draft_call(draft, "target", "observe", NULL));
    nip__draft_retry(draft, step);
    nip__put_text(draft->arena, step, "on_failure", "continue");
    return nip__from_else(draft->arena, "back-look", endpoints_at(draft, fresh), nip__list(draft->arena));
}

static void add_drain_and_stop(nip__draft *draft, const nip__value *fresh)
{
    nip__add_sessions(draft, draft->back, "back-drain-new", draft->app->fresh.version, fresh);
    nip__add_stop(draft, draft->back, "back-stop-new", &draft->app->fresh, -1, 0, NULL, NULL);
}

static void add_back_to_old(nip__draft *draft)
{
    nip__arena *arena = draft->arena;
    const nip__side *old = &draft->app->old;
    add_regrow(draft);
    nip__value *fresh = add_look(draft);
    nip__value *endpoints = nip__from(arena, "back-regrow-old", endpoints_at(draft, old));
    nip__traffic traffic = {.flows = {{old, 100, endpoints, nip__back_need(old)}},
                            .count = 1,
                            .drain = fresh,
                            .rising = draft->app->fresh.version};
    nip__add_route(draft, draft->back, "back-route-old",
                   nip__arena_printf(arena, "route all traffic to %s", old->version), &traffic);
    add_drain_and_stop(draft, fresh);
    nip__value *known =
        nip__from_else(arena, "back-regrow-old", endpoints_at(draft, old), nip__share(arena, old->endpoints));
    nip__value *record = nip__record_with(arena, draft->app->release, "endpoints", known);
    draft->release_back = nip__record_with(arena, record, "held", nip__list(arena));
}

/* Before the first release there was nothing, so nothing is where the way back leads. */
static void add_back_to_nothing(nip__draft *draft)
{
    const char *version = draft->app->fresh.version;
    nip__value *fresh = add_look(draft);
    nip__traffic none = {.drain = fresh};
    nip__add_route(draft, draft->back, "back-route-none",
                   nip__arena_printf(draft->arena, "take %s out of traffic", version), &none);
    add_drain_and_stop(draft, fresh);
}

void nip__add_back(nip__draft *draft)
{
    if (draft->app->old.version != NULL)
        add_back_to_old(draft);
    else
        add_back_to_nothing(draft);
    draft->changes = true;
}
