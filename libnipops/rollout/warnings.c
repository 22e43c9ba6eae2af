/* What a person should know of the observed state before a plan runs. */
#include "rollout/plans.h"

#include "base/text.h"
#include "rollout/names.h"

/* Endpoints of the record that are not there any more. */
static int64_t gone_since(const nip__draft *draft)
{
    const nip__value *recorded = nip__get(draft->app->release, "endpoints"), *found = draft->app->old.endpoints;
    int64_t gone = 0;
    if (nip__equal(recorded, found))
        return 0;
    nip__names there = nip__names_of(draft->arena, found);
    for (NIP__EACH(endpoint, recorded))
        gone += endpoint->kind == NIP__STRING && !nip__names_have(&there, endpoint->as.string.text);
    return gone;
}

static void warn_record(nip__draft *draft)
{
    const nip__side *old = &draft->app->old;
    int64_t gone = gone_since(draft);
    if (gone > 0)
        nip__draft_warn(draft, "%s of %s that the release record names %s not running any more",
                        nip__count_of(draft->arena, gone), old->version, gone == 1 ? "is" : "are");
    if (old->running < old->replicas)
        nip__draft_warn(draft, "%s runs %lld of %s", old->version, (long long)old->running,
                        nip__count_of(draft->arena, old->replicas));
    if (old->healthy >= 0 && old->healthy < old->running)
        nip__draft_warn(draft, "only %lld of %lld running instances of %s are healthy", (long long)old->healthy,
                        (long long)old->running, old->version);
}

static void warn_strangers(nip__draft *draft)
{
    const nip__app *app = draft->app;
    for (NIP__EACH(version, nip__observed_versions(app->observed))) {
        bool known = nip__text_equal(version->key, app->fresh.version) ||
                     nip__text_equal(version->key, app->old.version) ||
                     nip__held_find(app->release, version->key) != NULL;
        int64_t running = nip__get_int(version, "running", (int64_t)nip__count(nip__get(version, "endpoints")));
        if (!known && running > 0)
            nip__draft_warn(draft,
                            "%s of %s run%s that no release record knows; they are left alone and get no traffic",
                            nip__count_of(draft->arena, running), version->key, running == 1 ? "s" : "");
    }
}

static void warn_router(nip__draft *draft)
{
    for (NIP__EACH(warning, nip__get(nip__get(draft->app->observed, "router"), "warnings"))) {
        if (warning->kind == NIP__STRING)
            nip__draft_warn(draft, "router: %s", warning->as.string.text);
    }
}

void nip__warn_observed(nip__draft *draft)
{
    if (draft->app->old.version != NULL)
        warn_record(draft);
    warn_strangers(draft);
    warn_router(draft);
}
