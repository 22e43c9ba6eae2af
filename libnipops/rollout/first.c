/* The first release of an app: there is no traffic to move over step by step, so all strategies do the same. */
#include "rollout/plans.h"

#include "base/text.h"

nip__value *nip__add_full_route(nip__draft *draft, const char *id, const nip__value *fresh, const nip__value *drain)
{
    const nip__side *side = &draft->app->fresh;
    nip__traffic traffic = {
        .flows = {{side, 100, fresh, nip__capacity(100, side->replicas, side->replicas)}},
        .count = 1,
        .drain = drain,
        .rising = side->version,
    };
    nip__value *step = nip__add_route(
        draft, draft->steps, id, nip__arena_printf(draft->arena, "route all traffic to %s", side->version), &traffic);
    nip__put_bool(draft->arena, step, "fresh_window", true);
    return step;
}

void nip__draft_first(nip__draft *draft)
{
    nip__app *app = draft->app;
    draft->title = nip__arena_printf(draft->arena, "first release of %s: %s", app->name, app->fresh.version);
    nip__add_preflight(draft, nip__more_instances(draft));
    nip__add_gates(draft);
    nip__add_back(draft);
    nip__value *fresh = nip__add_grow(draft, "grow-new", &app->fresh, 0, app->fresh.replicas, NULL);
    if (nip__text_equal(nip__get_text(app->document, "strategy"), "blue_green"))
        nip__add_smoke(draft, fresh);
    nip__add_full_route(draft, "route-new", fresh, NULL);
    nip__add_barrier(draft);
    nip__set_release(draft, fresh, NULL);
}
