/* Blue and green: the new version stands at full size beside the old one, is checked, and gets all traffic in one
 * route. */
#include "rollout/plans.h"

#include <string.h>

#include "base/time.h"

enum { SMOKE_MARGIN_SECONDS = 30 }; /* for a smoke check's own end after its timeout */

static bool is_for_each(const nip__value *smoke)
{
    static const char *const marks[] = {"{endpoint}", "{port}", NULL};
    for (size_t i = 0; marks[i] != NULL; i++) {
        const char *url = nip__get_text(smoke, "url");
        if (url != NULL && strstr(url, marks[i]) != NULL)
            return true;
        for (NIP__EACH(word, nip__get(smoke, "command"))) {
            if (word->kind == NIP__STRING && strstr(word->as.string.text, marks[i]) != NULL)
                return true;
        }
    }
    return false;
}

/* Run once, and once is enough to fail: a smoke check that needs luck is no check. */
static void add_smoke(nip__draft *draft, const nip__value *smoke, int64_t number, const nip__value *fresh)
{
    static const char *const kept[] = {"command", "url", "expect", "timeout", NULL};
    nip__arena *arena = draft->arena;
    bool url = nip__get(smoke, "url") != NULL;
    const char *first = nip__get_text(smoke, "url");
    const nip__value *word = nip__first(nip__get(smoke, "command"));
    if (!url && word != NULL && word->kind == NIP__STRING)
        first = word->as.string.text;
    nip__value *step = nip__draft_step(draft, draft->steps, nip__arena_printf(arena, "smoke-%lld", (long long)number),
                                       nip__arena_printf(arena, "smoke check: %.300s", first));
    nip__value *args = nip__map(arena), *total = nip__map(arena);
    if (url || is_for_each(smoke))
        nip__put(arena, args, "groups", nip__draft_groups(draft, &draft->app->fresh, fresh));
    for (size_t i = 0; kept[i] != NULL; i++)
        nip__put(arena, args, kept[i], nip__share(arena, nip__get(smoke, kept[i])));
    nip__draft_act(draft, step, nip__draft_call(draft, "check", url ? "http" : "command", args));
    nip__put_text(arena, total, "at", "/total");
    nip__draft_expect(draft, step, "until", 0, "/healthy", ">=", total);
    nip__put_duration(arena, step, "deadline",
                      nip__get_duration(smoke, "timeout", NIP_MINUTE) + SMOKE_MARGIN_SECONDS * NIP_SECOND);
}

void nip__add_smoke(nip__draft *draft, const nip__value *fresh)
{
    int64_t number = 0;
    for (NIP__EACH(smoke, nip__get(nip__get(draft->app->document, "blue_green"), "smoke")))
        add_smoke(draft, smoke, ++number, fresh);
}

/* What the new version answers once it carries the traffic is what counts. */
static void add_verify(nip__draft *draft, const nip__value *fresh)
{
    nip__arena *arena = draft->arena;
    const nip__side *side = &draft->app->fresh;
    const nip__value *health = nip__get(draft->app->document, "health");
    nip__value *step = nip__draft_step(draft, draft->steps, "verify",
                                       nip__arena_printf(arena, "verify %s under traffic", side->version));
    nip__draft_observe(draft, step, "until", nip__draft_health(draft, nip__draft_groups(draft, side, fresh), NULL));
    nip__draft_observe(draft, step, "until", nip__draft_call(draft, "router", "observe", NULL));
    nip__draft_expect(draft, step, "until", 0, "/healthy", ">=", nip__int(arena, side->replicas));
    nip__draft_expect(draft, step, "until", 1, "/usable", "==", nip__bool(arena, true));
    nip__draft_repeat(draft, step, "until", nip__health_interval(draft), nip__get_int(health, "successes", 1));
}

static void add_watch(nip__draft *draft, const nip__value *fresh, const nip__value *old)
{
    const nip__value *settings = nip__get(draft->app->document, "blue_green");
    nip_duration watch = nip__get_duration(settings, "watch", 0);
    if (watch > 0) {
        nip__buffer length = NIP__BUFFER(64);
        nip__duration_write_short(&length, watch);
        nip__value *step = nip__draft_step(
            draft, draft->steps, "watch",
            nip__arena_printf(draft->arena, "watch %s for %s", draft->app->fresh.version, nip__buffer_string(&length)));
        nip__buffer_clear(&length);
        nip__put_duration(draft->arena, step, "wait", watch);
    }
    nip__add_barrier(draft); /* watched too */
    const char *last = nip__get_text(draft->steps != NULL ? draft->steps->as.items.last : NULL, "id");
    nip__add_guard(draft, nip__get(settings, "guard"), "guard", "switch", last, fresh, old);
}

void nip__draft_blue_green(nip__draft *draft)
{
    nip__app *app = draft->app;
    draft->title = nip__arena_printf(draft->arena, "blue-green switch of %s: %s to %s", app->name, app->old.version,
                                     app->fresh.version);
    nip__add_preflight(draft, nip__more_instances(draft));
    nip__add_look_up(draft);
    nip__add_gates(draft);
    nip__add_clearing(draft);
    nip__add_back(draft);
    nip__value *fresh = nip__add_grow(draft, "grow-new", &app->fresh, 0, app->fresh.replicas, NULL);
    nip__add_smoke(draft, fresh);
    nip__add_approval(draft, nip__get(app->document, "blue_green"), "approve-switch",
                      nip__arena_printf(draft->arena, "the switch to %s", app->fresh.version));
    nip__add_full_route(draft, "switch", fresh, app->old.endpoints);
    add_verify(draft, fresh);
    add_watch(draft, fresh, app->old.endpoints);
    nip__add_farewell(draft, app->old.endpoints, app->old.running, fresh);
}
