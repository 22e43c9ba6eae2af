/* Guards: what a document's limits become. Documents speak of percent and milliseconds, plans of ratios and seconds. */
#include "rollout/plans.h"

#include "base/text.h"

static const char *const metrics[] = {"error_rate", "latency_p50", "latency_p90", "latency_p95", "latency_p99", NULL};
static const char *const kept[] = {
    "interval",   "timeout",  "settle", "min_samples", "alpha", "failure_limit", "consecutive_failure_limit",
    "on_no_data", "max_hold", NULL,
};

static nip__value *limits_of(nip__draft *draft, const nip__value *settings)
{
    nip__value *limits = nip__map(draft->arena);
    for (size_t i = 0; metrics[i] != NULL; i++) {
        const nip__value *limit = nip__get(settings, metrics[i]);
        if (limit == NULL)
            continue;
        bool rate = nip__text_equal(metrics[i], "error_rate");
        double most = rate ? nip__get_number(limit, "max", 0) / 100
                           : (double)nip__get_duration(limit, "max", 0) / (double)NIP_SECOND;
        nip__put_real(draft->arena, limits, metrics[i], most);
    }
    return limits;
}

static void put_version(nip__draft *draft, nip__value *versions, const nip__side *side, const nip__value *endpoints)
{
    nip__value *one = nip__map(draft->arena);
    nip__put(draft->arena, one, "endpoints", nip__share(draft->arena, endpoints));
    nip__put(draft->arena, versions, side->version, one);
}

static nip__value *measure(nip__draft *draft, const nip__value *limits, const nip__value *fresh, const nip__value *old)
{
    nip__arena *arena = draft->arena;
    nip__value *versions = nip__map(arena), *names = nip__list(arena), *args = nip__map(arena);
    put_version(draft, versions, &draft->app->fresh, fresh);
    if (draft->app->old.version != NULL)
        put_version(draft, versions, &draft->app->old, old);
    for (NIP__EACH(limit, limits))
        nip__push_text(arena, names, limit->key);
    nip__put(arena, args, "versions", versions);
    nip__put(arena, args, "metrics", names);
    return nip__draft_call(draft, "metrics", "measure", args);
}

void nip__add_guard(nip__draft *draft, const nip__value *settings, const char *id, const char *from, const char *to,
                    const nip__value *fresh, const nip__value *old)
{
    nip__arena *arena = draft->arena;
    nip__value *limits = limits_of(draft, settings);
    if (nip__count(limits) == 0 || nip__get(draft->app->document, "metrics") == NULL)
        return;
    nip__value *guard = nip__map(arena);
    nip__put_text(arena, guard, "id", id);
    nip__put_text(arena, guard, "title", nip__arena_printf(arena, "%s keeps to its limits", draft->app->fresh.version));
    nip__put(arena, guard, "action", measure(draft, limits, fresh, old));
    nip__put_text(arena, guard, "from", from);
    nip__put_text(arena, guard, "to", to);
    nip__put_text(arena, guard, "version", draft->app->fresh.version);
    nip__put(arena, guard, "limits", limits);
    for (size_t i = 0; kept[i] != NULL; i++)
        nip__put(arena, guard, kept[i], nip__share(arena, nip__get(settings, kept[i])));
    nip__push(draft->guards, guard);
}
