/* The end of versions that are held: they are stopped, and cannot be returned to at once any more. */
#include "nipops/rollout.h"

#include "rollout/plans.h"

static bool is_due(const nip__value *held, nip_time now, int force)
{
    return force || nip__get_time(held, "until", NIP_TIME_MAX) <= now;
}

static int add_stops(nip__draft *draft, nip_time now, int force, nip__value *kept, nip_error **err)
{
    int64_t number = 0;
    for (NIP__EACH(held, nip__get(draft->app->release, "held"))) {
        nip__side *side = nip__arena_alloc(draft->arena, sizeof *side);
        if (side == NULL)
            return nip__nomem(err);
        *side = nip__side_of_record(draft->app, held);
        if (side->version == NULL || !is_due(held, now, force)) {
            nip__push(kept, nip__share(draft->arena, held));
            continue;
        }
        if (nip__has_traffic(draft->app, side))
            return nip__fail(err, NIP_E_STATE,
                             "%s is held, but the router still sends it traffic: \"nipops ensure %s\" first",
                             side->version, draft->app->name);
        if (side->running > 0)
            nip__add_stop(draft, draft->steps, nip__arena_printf(draft->arena, "stop-held-%lld", (long long)++number),
                          side, side->running, 0, side->endpoints, NULL);
    }
    return 0;
}

static int plan_retire(nip__arena *arena, const char *release, const char *observed, nip_time now, int force,
                       nip_plan **plan, nip_error **err)
{
    nip__app app = {.arena = arena};
    int rc = nip__release_parse(arena, release, &app.release, err);
    if (rc == 0)
        rc = nip__observed_parse(arena, observed, "observed state", &app.observed, err);
    if (rc == 0 && app.release == NULL)
        rc = nip__fail(err, NIP_E_STATE, "nothing was released yet, so nothing is held");
    if (rc == 0)
        rc = nip__document_of(app.release, &app.document, err);
    if (rc < 0)
        return rc;
    app.name = nip__get_text(app.document, "app");
    app.old = app.fresh = nip__side_of_record(&app, app.release);
    nip__draft draft = nip__draft_begin(&app);
    nip__value *kept = nip__list(arena);
    draft.title = nip__arena_printf(arena, "retire held versions of %s", app.name);
    rc = add_stops(&draft, now, force, kept, err);
    if (rc < 0)
        return rc;
    draft.release = nip__record_with(arena, app.release, "held", kept);
    return nip__draft_finish(&draft, plan, err);
}

int nip_retire_plan(const char *release, const char *observed, nip_time now, int force, nip_plan **plan,
                    nip_error **err)
{
    NIP_ARG(observed != NULL && plan != NULL);
    NIP_ARG(force == 0 || force == 1);
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    int rc = plan_retire(arena, release, observed, now, force, plan, err);
    if (rc < 0)
        nip__arena_free(arena);
    return rc;
}
