/* A canary: the new version's share rises stage by stage, each only when healthy instances for it are there, and each
 * watched. */
#include "rollout/plans.h"

#include "base/text.h"
#include "base/time.h"
#include "rollout/sequence.h"

typedef struct canary {
    nip__draft *draft;
    const nip__value *settings; /* the document's canary part */
    bool dynamic;               /* the old version shrinks as the new one grows */
    int64_t surge;
    int64_t fresh_count, old_count;
    const nip__value *fresh, *old;                 /* endpoints: lists or references; fresh NULL: none yet */
    const char *guarded;                           /* route step whose stage is not guarded yet; NULL: none */
    int64_t share;                                 /* of that stage, */
    const nip__value *guarded_fresh, *guarded_old; /* and what it measures */
} canary;

typedef struct stage {
    int64_t share;
    nip_duration length;
    const nip__value *settings; /* of the document; NULL: none */
    const char *route; /* id of its route step; NULL: "route-<share>" */
} stage;

static const char *numbered(const canary *c, const char *what, int64_t share)
{
    return nip__arena_printf(c->draft->arena, "%s-%lld", what, (long long)share);
}

/* Instances of both sides at a share. Without dynamic_stable_scale the old version keeps its full size, so that the way
 * back is short. */
static nip_split counts_at(const canary *c, int64_t share)
{
    int64_t replicas = c->draft->app->fresh.replicas;
    nip_split split = {(replicas * share + 99) / 100, c->old_count};
    if (c->dynamic)
        nip_canary_split(replicas, share, c->surge, &split, NULL);
    if (split.canary < 1)
        split.canary = 1; /* one instance cannot be shared out; the traffic can */
    return split;
}

/* Each stage has a guard of its own, from its route to the step before the next route: so it measures the instances of
 * that stage. */
static void close_guard(canary *c)
{
    nip__draft *draft = c->draft;
    const char *last = draft->steps != NULL ? nip__get_text(draft->steps->as.items.last, "id") : NULL;
    if (c->guarded != NULL && !nip__text_equal(c->guarded, last)) /* a route alone leaves no time to measure anything */
        nip__add_guard(draft, nip__get(c->settings, "guard"), numbered(c, "guard", c->share), c->guarded, last,
                       c->guarded_fresh, c->guarded_old);
    c->guarded = NULL;
}

static void add_route(canary *c, const stage *s)
{
    nip__draft *draft = c->draft;
    const nip__app *app = draft->app;
    const char *id = s->route != NULL ? s->route : numbered(c, "route", s->share);
    if (s->share == 100) {
        nip__add_full_route(draft, id, c->fresh, c->old);
    } else {
        nip__traffic traffic = {
            .flows = {{&app->old, (double)(100 - s->share), c->old,
                       nip__capacity((double)(100 - s->share), app->old.replicas, c->old_count)},
                      {&app->fresh, (double)s->share, c->fresh,
                       nip__capacity((double)s->share, app->fresh.replicas, c->fresh_count)}},
            .count = 2,
            .rising = app->fresh.version,
        };
        const char *title = nip__arena_printf(draft->arena, "route %lld %% to %s, %lld %% to %s", (long long)s->share,
                                              app->fresh.version, (long long)(100 - s->share), app->old.version);
        nip__value *step = nip__add_route(draft, draft->steps, id, title, &traffic);
        nip__put_bool(draft->arena, step, "fresh_window", true);
    }
    c->guarded = id;
    c->share = s->share;
    c->guarded_fresh = c->fresh;
    c->guarded_old = c->old;
}

/* The old version gives up what its smaller share does not need. Its traffic goes on with the rest. */
static void add_shrink(canary *c, const stage *s, int64_t stable)
{
    nip__draft *draft = c->draft;
    nip__app *app = draft->app;
    const char *chosen = numbered(c, "select-old", s->share);
    const nip__value *before = c->old;
    nip__add_select(draft, chosen, &app->old, c->old_count - stable, before);
    nip__value *going = nip__from(draft->arena, chosen, "/selected");
    c->old = nip__from(draft->arena, chosen, "/remaining");
    nip__value *groups = nip__draft_groups(draft, &app->old, before);
    nip__put(draft->arena, groups, app->fresh.version, nip__share(draft->arena, c->fresh));
    nip__traffic traffic = {
        .flows = {{&app->old, (double)(100 - s->share), c->old,
                   nip__capacity((double)(100 - s->share), app->fresh.replicas, stable)},
                  {&app->fresh, (double)s->share, c->fresh,
                   nip__capacity((double)s->share, app->fresh.replicas, c->fresh_count)}},
        .count = 2,
        .drain = going,
        .rising = app->fresh.version,
    };
    const char *count = nip__count_of(draft->arena, c->old_count - stable);
    nip__value *drain = nip__add_route(
        draft, draft->steps, numbered(c, "drain-old", s->share),
        nip__arena_printf(draft->arena, "take %s of %s out of traffic", count, app->old.version), &traffic);
    nip__require_left(draft, drain, groups, going, app->fresh.replicas);
    nip__add_sessions(draft, draft->steps, numbered(c, "sessions-old", s->share), app->old.version, going);
    nip__value *stop = nip__add_stop(draft, draft->steps, numbered(c, "shrink-old", s->share), &app->old, c->old_count,
                                     stable, before, going);
    nip__require_left(draft, stop, nip__share(draft->arena, groups), going, app->fresh.replicas);
    c->old_count = stable;
}

static void add_watch(canary *c, const stage *s)
{
    nip__draft *draft = c->draft;
    if (s->length == 0)
        return;
    nip__buffer length = NIP__BUFFER(64);
    nip__duration_write_short(&length, s->length);
    const char *title = nip__arena_printf(draft->arena, "watch %s at %lld %% for %s", draft->app->fresh.version,
                                          (long long)s->share, nip__buffer_string(&length));
    nip__buffer_clear(&length);
    nip__value *step = nip__draft_step(draft, draft->steps, numbered(c, "watch", s->share), title);
    nip__put_duration(draft->arena, step, "wait", s->length);
}

/* Nothing is changed before the first stage's approval. */
static void begin_changes(canary *c)
{
    if (c->draft->changes)
        return;
    nip__add_clearing(c->draft);
    nip__add_back(c->draft);
}

static void add_stage(canary *c, const stage *s)
{
    nip__draft *draft = c->draft;
    nip_split counts = counts_at(c, s->share);
    const char *what = nip__arena_printf(draft->arena, "%lld %% for %s", (long long)s->share, draft->app->fresh.version);
    nip__add_approval(draft, s->settings, numbered(c, "approve", s->share), what);
    if (nip__get_bool(s->settings, "window", false))
        nip__add_window(draft, numbered(c, "window", s->share), what);
    begin_changes(c);
    if (counts.canary > c->fresh_count) {
        c->fresh = nip__add_grow(draft, numbered(c, "grow", s->share), &draft->app->fresh, c->fresh_count,
                                 counts.canary, c->fresh);
        c->fresh_count = counts.canary;
    }
    close_guard(c);
    add_route(c, s);
    if (c->dynamic && s->share < 100 && counts.stable < c->old_count)
        add_shrink(c, s, counts.stable);
    add_watch(c, s);
}

static void add_stages(canary *c)
{
    int64_t last = 0;
    for (NIP__EACH(item, nip__get(c->settings, "stages"))) {
        stage s = {
            .share = nip__get_int(item, "share", 100),
            .length = nip__get_duration(item, "duration", 0),
            .settings = item,
        };
        add_stage(c, &s);
        last = s.share;
    }
    if (last < 100)
        add_stage(c, &(stage){.share = 100, .route = "promote"});
    nip__add_barrier(c->draft); /* the last stage's guard watches there too */
    close_guard(c);
}

void nip__draft_canary(nip__draft *draft)
{
    nip__app *app = draft->app;
    const nip__value *settings = nip__get(app->document, "canary");
    nip__amount surge = {1, false};
    nip__amount_read(nip__get_text(settings, "max_surge"), &surge);
    draft->title =
        nip__arena_printf(draft->arena, "canary of %s: %s to %s", app->name, app->old.version, app->fresh.version);
    nip__add_preflight(draft, nip__more_instances(draft));
    nip__add_look_up(draft);
    nip__add_gates(draft);
    canary c = {
        .draft = draft,
        .settings = settings,
        .dynamic = nip__get_bool(settings, "dynamic_stable_scale", false),
        .surge = nip__amount_up(surge, app->fresh.replicas),
        .old_count = app->old.running,
        .old = app->old.endpoints,
    };
    add_stages(&c);
    nip__add_farewell(draft, c.old, c.old_count, c.fresh);
}
