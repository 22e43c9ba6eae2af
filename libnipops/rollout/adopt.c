/* An application that runs already and has no release record gets one. Nothing is started, stopped or routed: what runs is looked at, taken
 * into the target's care where the target does not know it yet, and written down. What is not plain is refused. */
#include "nipops/rollout.h"

#include <math.h>

#include "base/text.h"
#include "doc/doc.h"
#include "rollout/capabilities.h"
#include "rollout/names.h"
#include "rollout/plans.h"

enum { LOOK_MINUTES = 1 };

typedef struct adoption {
    nip__app *app;
    nip__value *serving;   /* endpoints that the router sends new sessions to */
    const char *unlisted;  /* the first of them that the target does not list; NULL: it lists all */
    double least, largest; /* shares of an instance, in percent */
} adoption;

static int64_t running_of(const nip__value *version)
{
    return nip__get_int(version, "running", (int64_t)nip__count(nip__get(version, "endpoints")));
}

/* ---- what is seen ---- */

static void look_at_traffic(adoption *a)
{
    nip__arena *arena = a->app->arena;
    nip__names listed = nip__names_of(arena, a->app->fresh.endpoints);
    a->serving = nip__list(arena);
    for (NIP__EACH(seen, nip__get(nip__get(a->app->observed, "router"), "endpoints"))) {
        double share = nip__get_number(seen, "share", 0);
        if (!nip__serves(seen))
            continue;
        a->least = a->least > 0 && a->least < share ? a->least : share;
        a->largest = a->largest > share ? a->largest : share;
        nip__push_text(arena, a->serving, seen->key);
        if (a->unlisted == NULL && !nip__names_have(&listed, seen->key))
            a->unlisted = seen->key;
    }
}

/* ---- what is refused ---- */

static int check_record(const adoption *a, nip_error **err)
{
    const nip__app *app = a->app;
    if (app->release == NULL)
        return 0;
    return nip__fail(err, NIP_E_STATE,
                     "%s has a release record already, of %s: there is nothing to adopt; \"nipops ensure %s\" makes it "
                     "true again, a rollout changes it",
                     app->name, nip__get_text(app->release, "version"), app->name);
}

static int check_other_versions(const adoption *a, nip_error **err)
{
    const nip__app *app = a->app;
    for (NIP__EACH(version, nip__observed_versions(app->observed))) {
        if (running_of(version) > 0 && !nip__text_equal(version->key, app->fresh.version))
            return nip__fail(err, NIP_E_STATE,
                             "%s of %s run%s, and the document says %s: one version only can be adopted; stop the other "
                             "one, or say in the document what runs",
                             nip__count_of(app->arena, running_of(version)), version->key,
                             running_of(version) == 1 ? "s" : "", app->fresh.version);
    }
    return 0;
}

/* Which of the instances that the target lists gets no traffic? NULL: none. */
static const char *idle_instance(const adoption *a)
{
    nip__names serving = nip__names_of(a->app->arena, a->serving);
    for (NIP__EACH(endpoint, a->app->fresh.endpoints)) {
        if (endpoint->kind == NIP__STRING && !nip__names_have(&serving, endpoint->as.string.text))
            return endpoint->as.string.text;
    }
    return NULL;
}

static int check_traffic(const adoption *a, nip_error **err)
{
    const nip__app *app = a->app;
    const char *driver = nip__get_text(nip__get(app->document, "target"), "driver"), *idle = idle_instance(a);
    int64_t count = (int64_t)nip__count(a->serving);
    if (count == 0)
        return nip__fail(err, NIP_E_STATE,
                         "the router sends no traffic to any instance of %s, so there is nothing to adopt: route "
                         "traffic to what runs first, or make a first release by \"nipops rollout\"",
                         app->name);
    if (idle != NULL)
        return nip__fail(err, NIP_E_STATE,
                         "%s of %s runs and gets no traffic: route traffic to it or stop it, then adopt again", idle,
                         app->fresh.version);
    if (a->unlisted != NULL && !nip__target_adopts(driver))
        return nip__fail(err, NIP_E_STATE,
                         "the router sends traffic to %s, which the target (driver %s) does not list as an instance of "
                         "%s: take it out of the router, or correct the document's target or router",
                         a->unlisted, driver != NULL ? driver : "none", app->fresh.version);
    if (count != app->fresh.replicas)
        return nip__fail(err, NIP_E_STATE,
                         "the router sends traffic to %s, and the document says replicas: %lld: say replicas: %lld to "
                         "adopt what runs (a rollout can change it later), or take out of the router what does not "
                         "belong to %s",
                         nip__count_of(app->arena, count), (long long)app->fresh.replicas, (long long)count, app->name);
    return 0;
}

static int check_health(const adoption *a, nip_error **err)
{
    const nip__side *fresh = &a->app->fresh;
    const nip__value *groups = nip__get(nip__get(a->app->observed, "health"), "groups");
    const nip__value *ill = nip__first(nip__get(nip__get(groups, fresh->version), "unhealthy_endpoints"));
    if (fresh->healthy < 0 || fresh->healthy >= fresh->running)
        return 0;
    return nip__fail(err, NIP_E_STATE,
                     "%lld of %s of %s are healthy%s%s: an application is adopted when all of it is; repair or replace "
                     "what is not, then adopt again",
                     (long long)fresh->healthy, nip__count_of(a->app->arena, fresh->running), fresh->version,
                     nip__is(ill, NIP__STRING) ? ", not " : "", nip__is(ill, NIP__STRING) ? ill->as.string.text : "");
}

static int check(const adoption *a, nip_error **err)
{
    static int (*const checks[])(const adoption *, nip_error **) = {check_record, check_other_versions, check_traffic,
                                                                    check_health};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof checks / sizeof checks[0]; i++)
        rc = checks[i](a, err);
    return rc;
}

/* ---- the steps ---- */

/* Shares add up to 100, so when each of ours still has its own, nobody else has any. What is asked is a thousandth of a percent
 * less: numbers with a fraction are not compared for equality. */
static void expect_traffic(nip__draft *draft, nip__value *step, const adoption *a)
{
    nip__arena *arena = draft->arena;
    const nip__value *seen = nip__get(nip__get(a->app->observed, "router"), "endpoints");
    for (NIP__EACH(endpoint, a->serving)) {
        const char *name = endpoint->as.string.text;
        double share = nip__get_number(nip__get(seen, name), "share", 0);
        nip__draft_expect(draft, step, "until", 1, nip__place(arena, "/endpoints/", name, "/state"),
                          "==", nip__string(arena, "ready"));
        nip__draft_expect(draft, step, "until", 1, nip__place(arena, "/endpoints/", name, "/share"),
                          ">=", nip__real(arena, floor(share * 1e3) / 1e3));
    }
}

static void add_verify(nip__draft *draft, const adoption *a)
{
    nip__arena *arena = draft->arena;
    const nip__side *fresh = &draft->app->fresh;
    int64_t successes = nip__get_int(nip__get(draft->app->document, "health"), "successes", 1);
    nip_duration interval = nip__health_interval(draft);
    const char *title = nip__arena_printf(arena, "check that the router serves exactly these %s of %s, all healthy",
                                          nip__count_of(arena, fresh->replicas), fresh->version);
    nip__value *step = nip__draft_step(draft, draft->steps, "verify", title);
    nip__draft_observe(draft, step, "until",
                       nip__draft_health(draft, nip__draft_groups(draft, fresh, a->serving), NULL));
    nip__draft_observe(draft, step, "until", nip__draft_call(draft, "router", "observe", NULL));
    nip__draft_expect(draft, step, "until", 0, nip__place(arena, "/groups/", fresh->version, "/healthy"),
                      "==", nip__int(arena, fresh->replicas));
    expect_traffic(draft, step, a);
    nip__draft_repeat(draft, step, "until", interval, successes);
    nip__put_duration(arena, step, "deadline", LOOK_MINUTES * NIP_MINUTE + successes * interval);
    nip__put_text(arena, step, "on_failure", "stop");
}

/* Processes that the target did not start: from here on it knows them as its own. */
static void add_adopt(nip__draft *draft, const adoption *a)
{
    nip__arena *arena = draft->arena;
    const nip__side *fresh = &draft->app->fresh;
    nip__value *step = nip__draft_step(draft, draft->steps, "adopt",
                                       nip__arena_printf(arena, "take %s of %s into the target's care",
                                                         nip__count_of(arena, fresh->replicas), fresh->version));
    nip__value *args = nip__map(arena);
    nip__put_text(arena, args, "version", fresh->version);
    nip__put_text(arena, args, "artifact", fresh->artifact);
    nip__put(arena, args, "settings", nip__share(arena, fresh->settings));
    nip__put(arena, args, "endpoints", nip__share(arena, a->serving));
    nip__value *call = nip__draft_call(draft, "target", "adopt", args);
    nip__put_text(arena, call, "class", "declarative");
    nip__draft_act(draft, step, call);
    nip__draft_observe(draft, step, "until", nip__draft_call(draft, "target", "observe", NULL));
    for (NIP__EACH(endpoint, a->serving))
        nip__draft_expect(draft, step, "until", 0, nip__place(arena, "/versions/", fresh->version, "/endpoints"),
                          "contains", nip__share(arena, endpoint));
    nip__put_text(arena, step, "on_failure", "stop");
    nip__draft_retry(draft, step);
}

static void fill(nip__draft *draft, const adoption *a)
{
    nip__app *app = draft->app;
    draft->title = nip__arena_printf(draft->arena, "adopt %s: %s of %s that already run%s", app->name,
                                     nip__count_of(draft->arena, app->fresh.replicas), app->fresh.version,
                                     app->fresh.replicas == 1 ? "s" : "");
    nip__warn_observed(draft);
    if (a->largest - a->least > 1)
        nip__draft_warn(draft,
                        "the router's shares differ (%.1f to %.1f %% an instance): they stay so now, and the next "
                        "rollout evens them out",
                        a->least, a->largest);
    nip__add_preflight(draft, 0);
    add_verify(draft, a);
    if (a->unlisted != NULL)
        add_adopt(draft, a);
    nip__set_release(draft, a->serving, NULL);
}

static int plan_adopt(nip__arena *arena, const nip_doc *doc, const char *release, const char *observed, nip_plan **plan,
                      nip_error **err)
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
    app.name = nip__get_text(app.document, "app");
    app.fresh = nip__side_of_document(&app);
    adoption a = {.app = &app};
    look_at_traffic(&a);
    rc = nip__arena_failed(arena) ? nip__nomem(err) : check(&a, err);
    if (rc < 0)
        return rc;
    nip__draft draft = nip__draft_begin(&app);
    fill(&draft, &a);
    return nip__draft_finish(&draft, plan, err);
}

int nip_adopt_plan(const nip_doc *doc, const char *release, const char *observed, nip_plan **plan, nip_error **err)
{
    NIP_ARG(doc != NULL && observed != NULL && plan != NULL);
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    int rc = plan_adopt(arena, doc, release, observed, plan, err);
    if (rc < 0)
        nip__arena_free(arena);
    return rc;
}
