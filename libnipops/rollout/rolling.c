/* A rolling update: new instances in, old ones out, a few at a time, with Kubernetes' arithmetic. */
#include "rollout/plans.h"

#include "rollout/sequence.h"

typedef struct rolling {
    nip__draft *draft;
    nip_fenceposts posts;
    nip__batch now;                /* where the plan has come to */
    int64_t number;                /* of the batch */
    const nip__value *old, *fresh; /* endpoints: lists or references; fresh NULL: none yet */
    const nip__value *going;       /* selected ones that keep their sessions; NULL: none */
} rolling;

static const char *numbered(const rolling *r, const char *what)
{
    return nip__arena_printf(r->draft->arena, "%s-%lld", what, (long long)r->number);
}

/* A batch size is a surge with nothing unavailable; the default batch is a third. */
static nip_fenceposts posts_of(const nip__app *app)
{
    const nip__value *rolling_part = nip__get(app->document, "rolling");
    const char *surge = nip__get_text(rolling_part, "max_surge"),
               *unavailable = nip__get_text(rolling_part, "max_unavailable");
    int64_t replicas = app->fresh.replicas, third = replicas / 3 > 1 ? replicas / 3 : 1;
    nip_fenceposts posts = {nip__get_int(rolling_part, "batch_size", third), 0};
    if (surge != NULL || unavailable != NULL)
        nip_rolling_fenceposts(replicas, surge != NULL ? surge : "25%", unavailable != NULL ? unavailable : "25%",
                               &posts, NULL);
    return posts;
}

/* Both versions share the traffic as they share the instances. */
static void add_route(rolling *r, const char *id, const char *title, int64_t old_count, const nip__value *old)
{
    const nip__app *app = r->draft->app;
    int64_t all = old_count + r->now.fresh;
    double share = 100 * (double)r->now.fresh / (double)all;
    nip__traffic traffic = {.drain = r->going, .rising = app->fresh.version};
    if (old_count > 0) {
        int64_t need = nip__capacity(100 - share, app->fresh.replicas, old_count) - r->posts.unavailable;
        traffic.flows[traffic.count++] = (nip__flow){&app->old, 100 - share, old, need > 1 ? need : 1};
    }
    if (r->now.fresh > 0)
        traffic.flows[traffic.count++] =
            (nip__flow){&app->fresh, share, r->fresh, nip__capacity(share, app->fresh.replicas, r->now.fresh)};
    nip__add_route(r->draft, r->draft->steps, id, title, &traffic);
}

static void add_growth(rolling *r, int64_t old_before)
{
    nip__draft *draft = r->draft;
    const nip__side *side = &draft->app->fresh;
    r->fresh = nip__add_grow(draft, numbered(r, "grow"), side, r->now.fresh - r->now.added, r->now.fresh, r->fresh);
    add_route(r, numbered(r, "route"),
              nip__arena_printf(draft->arena, "route traffic to %s of %s too",
                                nip__count_of(draft->arena, r->now.fresh), side->version),
              old_before, r->old);
}

static nip__value *all_groups(const rolling *r, const nip__value *old)
{
    nip__value *groups = nip__draft_groups(r->draft, &r->draft->app->old, old);
    if (r->now.fresh > 0)
        nip__put(r->draft->arena, groups, r->draft->app->fresh.version, nip__share(r->draft->arena, r->fresh));
    return groups;
}

static void add_removal(rolling *r)
{
    nip__draft *draft = r->draft;
    const nip__side *side = &draft->app->old;
    const char *chosen = numbered(r, "select"), *count = nip__count_of(draft->arena, r->now.removed);
    const nip__value *before = r->old;
    int64_t least = draft->app->fresh.replicas - r->posts.unavailable;
    nip__add_select(draft, chosen, side, r->now.removed, before);
    r->going = nip__from(draft->arena, chosen, "/selected");
    r->old = nip__from(draft->arena, chosen, "/remaining");
    add_route(r, numbered(r, "drain"),
              nip__arena_printf(draft->arena, "take %s of %s out of traffic", count, side->version), r->now.old,
              r->old);
    nip__require_left(draft, draft->steps->as.items.last, all_groups(r, before), r->going, least);
    nip__add_sessions(draft, draft->steps, numbered(r, "sessions"), side->version, r->going);
    nip__value *stop = nip__add_stop(draft, draft->steps, numbered(r, "stop"), side, r->now.old + r->now.removed,
                                     r->now.old, before, r->going);
    nip__require_left(draft, stop, all_groups(r, before), r->going, least);
    r->going = NULL;
}

static void add_batches(rolling *r)
{
    const nip__app *app = r->draft->app;
    for (;;) {
        int64_t old_before = r->now.old;
        if (!nip__batch_next(app->fresh.replicas, r->posts, &r->now) || nip__arena_failed(r->draft->arena))
            return;
        r->number++;
        if (r->now.added > 0)
            add_growth(r, old_before);
        if (r->now.removed > 0)
            add_removal(r);
    }
}

void nip__draft_rolling(nip__draft *draft)
{
    nip__app *app = draft->app;
    draft->title = nip__arena_printf(draft->arena, "rolling update of %s: %s to %s", app->name, app->old.version,
                                     app->fresh.version);
    nip__add_preflight(draft, nip__more_instances(draft));
    nip__add_look_up(draft);
    nip__add_gates(draft);
    nip__add_clearing(draft);
    nip__add_back(draft);
    rolling r = {.draft = draft, .posts = posts_of(app), .now = {.old = app->old.running}, .old = app->old.endpoints};
    add_batches(&r);
    nip__add_barrier(draft);
    nip__set_release(draft, r.fresh, NULL);
}
