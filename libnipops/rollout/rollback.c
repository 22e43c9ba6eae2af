/* The way to the release before this one: at once where its version is still held, else by a rolling update. */
#include "nipops/rollout.h"

#include "rollout/plans.h"

static int read_sides(nip__app *app, nip_error **err)
{
    const nip__value *previous = nip__get(app->release, "previous");
    if (app->release == NULL)
        return nip__fail(err, NIP_E_STATE, "nothing was released yet, so there is nothing to go back to");
    if (nip__get_text(previous, "version") == NULL || nip__get_int(previous, "replicas", 0) < 1)
        return nip__fail(err, NIP_E_STATE,
                         "there is no release before %s to go back to: roll out the version that is wanted",
                         nip__get_text(app->release, "version"));
    nip_error *ignored = NULL;
    if (nip__document_of(previous, &app->document, &ignored) <
        0) { /* its own way of running is not known: the present one's is */
        nip_error_free(ignored);
        int rc = nip__document_of(app->release, &app->document, err);
        if (rc < 0)
            return rc;
    }
    app->name = nip__get_text(app->document, "app");
    app->fresh = nip__side_of_record(app, previous);
    app->old = nip__side_of_record(app, app->release);
    return 0;
}

static int plan_rollback(nip__arena *arena, const char *release, const char *observed, nip_plan **plan, nip_error **err)
{
    nip__app app = {.arena = arena};
    int rc = nip__release_parse(arena, release, &app.release, err);
    if (rc == 0)
        rc = nip__observed_parse(arena, observed, "observed state", &app.observed, err);
    if (rc == 0)
        rc = read_sides(&app, err);
    if (rc < 0)
        return rc;
    nip__draft draft = nip__draft_begin(&app);
    nip__warn_observed(&draft);
    bool held = nip__held_find(app.release, app.fresh.version) != NULL;
    if (held && app.fresh.running > 0 && app.fresh.healthy != 0)
        nip__draft_switch(&draft);
    else
        nip__draft_rolling(&draft);
    return nip__draft_finish(&draft, plan, err);
}

int nip_rollback_plan(const char *release, const char *observed, nip_plan **plan, nip_error **err)
{
    NIP_ARG(observed != NULL && plan != NULL);
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    int rc = plan_rollback(arena, release, observed, plan, err);
    if (rc < 0)
        nip__arena_free(arena);
    return rc;
}
