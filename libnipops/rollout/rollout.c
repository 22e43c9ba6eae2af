/* Planning a rollout: which way there is from what runs to what is wanted. */
#include "rollout/plans.h"

#include "nipops/rollout.h"
#include "base/text.h"
#include "doc/doc.h"

static bool runs_anything(const nip__app *app)
{
    for (NIP__EACH(version, nip__observed_versions(app->observed))) {
        if (nip__get_int(version, "running", (int64_t)nip__count(nip__get(version, "endpoints"))) > 0)
            return true;
    }
    return false;
}

/* An endpoint that the router sends traffic to, although nothing was released. Slots that hold no address of their own are none. */
static const char *routed_to(const nip__app *app)
{
    for (NIP__EACH(seen, nip__get(nip__get(app->observed, "router"), "endpoints"))) {
        if (nip__serves(seen) && !nip__get_bool(seen, "blank", false))
            return seen->key;
    }
    return NULL;
}

/* A limit that no step looks at should not let anybody sleep well. */
static void warn_unmeasured(nip__draft *draft)
{
    const nip__value *document = draft->app->document;
    const char *strategy = nip__get_text(document, "strategy");
    bool rolling = nip__text_equal(strategy, "rolling");
    bool limits = nip__get(nip__get(document, "canary"), "guard") != NULL ||
                  nip__get(nip__get(document, "blue_green"), "guard") != NULL;
    if (rolling && limits)
        nip__draft_warn(draft, "a rolling update watches health only: the limits of the document are not looked at");
    else if (!rolling && nip__get(document, "metrics") == NULL)
        nip__draft_warn(
            draft, "nothing is measured: the document names no metrics, so only health checks can stop the rollout");
}

/* Is the record true: all instances there, and traffic on them? */
static bool in_force(const nip__app *app)
{
    return app->old.running >= app->old.replicas && nip__has_traffic(app, &app->old);
}

static int same_version(nip__draft *draft, nip_error **err)
{
    const nip__app *app = draft->app;
    const char *version = app->old.version;
    if (!nip__text_equal(app->fresh.artifact, app->old.artifact) || !nip__equal(app->fresh.settings, app->old.settings))
        return nip__fail(
            err, NIP_E_STATE,
            "%s is released already with another %s: give the changed one a name of its own (version: ...), "
            "else the two cannot be told apart",
            version, nip__text_equal(app->fresh.artifact, app->old.artifact) ? "settings" : "artifact");
    if (app->fresh.replicas != app->old.replicas || app->old.running > app->fresh.replicas) {
        nip__draft_scale(draft);
        return 0;
    }
    if (in_force(app))
        return nip__fail(
            err, NIP_E_STATE,
            "nothing to do: %s of %s is released and in force; \"nipops ensure %s\" repairs it should that change",
            version, app->name, app->name);
    return nip__fail(err, NIP_E_STATE,
                     "%s of %s is released already, but is not in force: \"nipops ensure %s\" puts that right", version,
                     app->name, app->name);
}

static int first(nip__draft *draft, nip_error **err)
{
    const nip__app *app = draft->app;
    if (runs_anything(app))
        return nip__fail(
            err, NIP_E_STATE,
            "%s has no release record, but instances of it run that no rollout started: \"nipops adopt FILE\" records "
            "them as they are; or stop them, or give the right store (--store)",
            app->name);
    const char *routed = routed_to(app);
    if (routed != NULL)
        return nip__fail(err, NIP_E_STATE,
                         "%s has no release record, but the router sends traffic to %s: \"nipops adopt FILE\" records "
                         "what runs there; or take it out of the router, or give the right store (--store)",
                         app->name, routed);
    nip__draft_first(draft);
    return 0;
}

/* Was the held version started from the same artifact, with the same settings? Else its name is all that it shares with the wanted one. */
static bool is_same(const nip__app *app, const nip__value *held)
{
    const nip__value *settings = nip__get(held, "settings");
    bool equal = settings != NULL ? nip__equal(settings, app->fresh.settings) : nip__count(app->fresh.settings) == 0;
    return equal && nip__text_equal(nip__get_text(held, "artifact"), app->fresh.artifact);
}

static int change(nip__draft *draft, nip_error **err)
{
    nip__app *app = draft->app;
    const char *strategy = nip__get_text(app->document, "strategy");
    const nip__value *held = nip__held_find(app->release, app->fresh.version);
    bool ready = held != NULL && app->fresh.running > 0 && is_same(app, held);
    if (ready && app->fresh.healthy != 0) {
        nip__draft_switch(draft);
    } else if (nip__text_equal(strategy, "blue_green")) {
        nip__draft_blue_green(draft);
    } else if (!nip__text_equal(strategy, "canary")) {
        nip__draft_rolling(draft);
    } else if (app->old.running > 0) {
        nip__draft_canary(draft);
    } else {
        return nip__fail(err, NIP_E_STATE,
                         "no instance of %s runs, so there is nothing to compare a canary with: \"nipops ensure %s\" "
                         "first, or roll out "
                         "with strategy blue_green",
                         app->old.version, app->name);
    }
    return 0;
}

static int draft_rollout(nip__draft *draft, nip_error **err)
{
    const nip__app *app = draft->app;
    const char *released = nip__get_text(app->release, "app");
    if (released != NULL && !nip__text_equal(released, app->name))
        return nip__fail(err, NIP_E_STATE, "the release record is that of %s, the document that of %s", released,
                         app->name);
    if (nip__text_equal(nip__get_text(app->document, "strategy"), "shadow")) {
        nip__warn_observed(draft);
        return nip__draft_shadow(draft, err);
    }
    warn_unmeasured(draft);
    nip__warn_observed(draft);
    if (app->release == NULL)
        return first(draft, err);
    if (nip__text_equal(app->fresh.version, app->old.version))
        return same_version(draft, err);
    return change(draft, err);
}

static int plan_rollout(nip__arena *arena, const nip_doc *doc, const char *release, const char *observed,
                        nip_plan **plan, nip_error **err)
{
    nip__app app = {.arena = arena};
    nip__value *normalized = NULL;
    int rc = nip__doc_normalize(arena, doc, &nip__doc_rollout, &normalized, err);
    if (rc == 0)
        rc = nip__release_parse(arena, release, &app.release, err);
    if (rc == 0)
        rc = nip__observed_parse(arena, observed, "observed state", &app.observed, err);
    if (rc < 0)
        return rc;
    app.document = nip__get(normalized, "rollout");
    nip__app_look(&app);
    nip__draft draft = nip__draft_begin(&app);
    draft.gated = true;
    rc = draft_rollout(&draft, err);
    return rc < 0 ? rc : nip__draft_finish(&draft, plan, err);
}

int nip_rollout_plan(const nip_doc *doc, const char *release, const char *observed, nip_plan **plan, nip_error **err)
{
    NIP_ARG(doc != NULL && observed != NULL && plan != NULL);
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    int rc = plan_rollout(arena, doc, release, observed, plan, err);
    if (rc < 0)
        nip__arena_free(arena);
    return rc;
}
