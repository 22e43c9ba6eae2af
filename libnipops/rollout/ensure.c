/* What makes the release record true again: missing instances are started, and traffic is put where the record says. */
#include "nipops/rollout.h"

#include "base/text.h"
#include "rollout/names.h"
#include "rollout/plans.h"

/* Do exactly the instances of the record get new sessions? A restarted router has forgotten everything, whatever it
 * shows. */
static bool traffic_is_right(const nip__app *app)
{
    const nip__value *router = nip__get(app->observed, "router");
    nip__names wanted = nip__names_of(app->arena, app->old.endpoints);
    size_t serving = 0;
    if (nip__get(router, "endpoints") == NULL || nip__get_bool(router, "restarted", false))
        return false;
    for (NIP__EACH(seen, nip__get(router, "endpoints"))) {
        if (!nip__serves(seen))
            continue;
        if (!nip__names_have(&wanted, seen->key))
            return false;
        serving++;
    }
    return serving == wanted.count;
}

/* Held versions that still run, and their endpoints for the router's drain list. */
static nip__value *living_held(nip__draft *draft, nip__value *drain)
{
    nip__arena *arena = draft->arena;
    nip__value *living = nip__list(arena);
    for (NIP__EACH(held, nip__get(draft->app->release, "held"))) {
        nip__side side = nip__side_of_record(draft->app, held);
        if (side.version == NULL)
            continue;
        if (side.running == 0) {
            nip__draft_warn(draft, "%s was held, but does not run any more: it cannot be returned to at once",
                            side.version);
            continue;
        }
        nip__push(living, nip__record_with(arena, held, "endpoints", nip__share(arena, side.endpoints)));
        for (NIP__EACH(endpoint, side.endpoints))
            nip__push(drain, nip__share(arena, endpoint));
    }
    return living;
}

static void add_steps(nip__draft *draft, const nip__value *drain, const nip__value **endpoints)
{
    nip__app *app = draft->app;
    const nip__side *side = &app->old;
    bool missing = side->running < side->replicas;
    if (!missing && traffic_is_right(app))
        return;
    draft->repairs = true;
    nip__add_router_check(draft, 0);
    int64_t need = nip__back_need(side);
    if (missing) {
        *endpoints = nip__add_grow(draft, "grow", side, side->running, side->replicas, side->endpoints);
        need = side->replicas;
    }
    nip__traffic traffic = {.flows = {{side, 100, *endpoints, need}}, .count = 1, .drain = drain};
    draft->groups = NULL; /* whatever the router has is overwritten */
    nip__add_route(draft, draft->steps, "route",
                   nip__arena_printf(draft->arena, "route all traffic to %s", side->version), &traffic);
}

static int plan_ensure(nip__arena *arena, const char *release, const char *observed, nip_plan **plan, nip_error **err)
{
    nip__app app = {.arena = arena};
    int rc = nip__release_parse(arena, release, &app.release, err);
    if (rc == 0)
        rc = nip__observed_parse(arena, observed, "observed state", &app.observed, err);
    if (rc == 0 && app.release == NULL)
        rc = nip__fail(err, NIP_E_STATE, "nothing was released yet, so there is nothing to ensure: roll out a version");
    if (rc == 0)
        rc = nip__document_of(app.release, &app.document, err);
    if (rc < 0)
        return rc;
    app.name = nip__get_text(app.document, "app");
    app.old = app.fresh = nip__side_of_record(&app, app.release);
    nip__draft draft = nip__draft_begin(&app);
    draft.title = nip__arena_printf(arena, "ensure %s: %s of %s", app.name, nip__count_of(arena, app.old.replicas),
                                    app.old.version);
    nip__warn_observed(&draft);
    if (app.old.running > app.old.replicas)
        nip__draft_warn(&draft, "%s runs %lld instances instead of %lld; none is stopped", app.old.version,
                        (long long)app.old.running, (long long)app.old.replicas);
    const nip__value *endpoints = app.old.endpoints;
    nip__value *drain = nip__list(arena);
    nip__value *held = living_held(&draft, drain);
    add_steps(&draft, drain, &endpoints);
    nip__value *record = nip__record_with(arena, app.release, "endpoints", nip__share(arena, endpoints));
    draft.release = nip__record_with(arena, record, "held", held);
    return nip__draft_finish(&draft, plan, err);
}

int nip_ensure_plan(const char *release, const char *observed, nip_plan **plan, nip_error **err)
{
    NIP_ARG(observed != NULL && plan != NULL);
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    int rc = plan_ensure(arena, release, observed, plan, err);
    if (rc < 0)
        nip__arena_free(arena);
    return rc;
}
