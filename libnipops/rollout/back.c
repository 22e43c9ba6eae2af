/* The way back. Its steps name absolute states and look the world over themselves, so that one list serves every step of every strategy,
 * finished or not: the old version at full size and healthy, all traffic to it, the new version drained and gone. */
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
    nip__value *one = nip__map(arena), *versions = nip__map(arena), *args = nip__map(arena);
    nip__put_int(arena, one, "replicas", old->replicas);
    nip__put_text(arena, one, "artifact", old->artifact);
    nip__put(arena, one, "settings", nip__share(arena, old->settings));
    nip__put(arena, versions, old->version, one);
    nip__put(arena, args, "versions", versions);
    nip__value *step = nip__draft_step(draft, draft->back, id,
                                       nip__arena_printf(arena, "bring %s to %s, healthy", old->version,
                                                         nip__count_of(arena, old->replicas)));
    nip__draft_act(draft, step, nip__draft_call(draft, "target", "instances", args));
    nip__draft_act(draft, step, nip__draft_call(draft, "target", "observe", NULL));
    nip__value *groups = nip__draft_groups(draft, old, nip__from(arena, id, endpoints_at(draft, old)));
    nip__draft_observe(draft, step, "until", nip__draft_health(draft, groups, NULL));
    nip__draft_expect(draft, step, "until", 0, "/healthy", ">=", nip__int(arena, nip__back_need(old)));
    nip__draft_repeat(draft, step, "until", REGROW_SECONDS * NIP_SECOND, 1);
    nip__draft_retry(draft, step);
}

/* Whatever runs of the new version, also when the step that started it has not ended. */
static nip__value *new_endpoints(nip__draft *draft, const char *looked)
{
    nip__value *reference = nip__from_else(draft->arena, looked, endpoints_at(draft, &draft->app->fresh), nip__list(draft->arena));
    if (draft->app->old.version != NULL)
        nip__put_int(draft->arena, reference, "action", 1);
    return reference;
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
    nip__value *fresh = new_endpoints(draft, "back-regrow-old");
    nip__value *endpoints = nip__from(arena, "back-regrow-old", endpoints_at(draft, old));
    nip__traffic traffic = {
        .flows = {{old, 100, endpoints, nip__back_need(old)}}, .count = 1, .drain = fresh, .rising = draft->app->fresh.version};
    nip__add_route(draft, draft->back, "back-route-old", nip__arena_printf(arena, "route all traffic to %s", old->version), &traffic);
    add_drain_and_stop(draft, fresh);
    nip__value *known = nip__from_else(arena, "back-regrow-old", endpoints_at(draft, old), nip__share(arena, old->endpoints));
    nip__value *record = nip__record_with(arena, draft->app->release, "endpoints", known);
    draft->release_back = nip__record_with(arena, record, "held", nip__list(arena));
}

/* Before the first release there was nothing, so nothing is where the way back leads. */
static void add_back_to_nothing(nip__draft *draft)
{
    const char *version = draft->app->fresh.version;
    nip__value *look = nip__draft_step(draft, draft->back, "back-look", nip__arena_printf(draft->arena, "see what runs of %s", version));
    nip__draft_act(draft, look, nip__draft_call(draft, "target", "observe", NULL));
    nip__draft_retry(draft, look);
    nip__value *fresh = new_endpoints(draft, "back-look");
    nip__traffic none = {.drain = fresh};
    nip__add_route(draft, draft->back, "back-route-none", nip__arena_printf(draft->arena, "take %s out of traffic", version), &none);
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
