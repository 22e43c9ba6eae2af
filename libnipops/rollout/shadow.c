/* A shadow: the new version runs beside the old one without any traffic, recorded requests are sent to both, and what comes back is
 * compared. The verdict is all that is left of it: no step routes anything to the new version, nothing that is released changes, and its
 * instances are stopped whatever comes out. Where the router can, it also gets copies of users' requests, whose answers nobody sees. */
#include "rollout/plans.h"

#include "base/text.h"
#include "base/time.h"
#include "compare/document.h"

#define DRIVER_GRACE NIP_MINUTE /* what the driver's own limit of time leaves to the step */

typedef struct shadow {
    nip__draft *draft;
    const nip__value *settings; /* the document's shadow part */
    const nip__value *mirror;   /* ... and its mirror; NULL: none */
    nip__side side;             /* the new version as it runs here */
    const nip__value *fresh;    /* its endpoints, a reference */
} shadow;

static void put_keys(shadow *s, nip__value *args, const char *const *keys)
{
    for (size_t i = 0; keys[i] != NULL; i++)
        nip__put(s->draft->arena, args, keys[i], nip__share(s->draft->arena, nip__get(s->settings, keys[i])));
}

/* ---- before ---- */

static void add_requests(shadow *s)
{
    nip__arena *arena = s->draft->arena;
    const char *file = nip__get_text(s->settings, "requests");
    nip__value *args = nip__map(arena);
    nip__put_text(arena, args, "requests", file);
    put_keys(s, args, nip__recording_keys);
    nip__value *step = nip__add_check(s->draft, "preflight-requests",
                                      nip__arena_printf(arena, "read the recorded requests of %s", file),
                                      nip__draft_read(s->draft, "check", "requests", args));
    nip__draft_expect(s->draft, step, "until", 0, "/requests", ">", nip__int(arena, 0));
}

static void add_mirror_check(shadow *s)
{
    nip__value *step = nip__add_check(s->draft, "preflight-router", "check that the router can mirror requests",
                                      nip__draft_call(s->draft, "router", "observe", NULL));
    nip__draft_expect(s->draft, step, "until", 0, "/usable", "==", nip__bool(s->draft->arena, true));
    nip__draft_expect(s->draft, step, "until", 0, "/mirrors", "==", nip__bool(s->draft->arena, true));
}

/* ---- mirroring ---- */

/* {version, endpoints, percent}: no endpoints is off. */
static nip__value *mirror_args(shadow *s, const nip__value *endpoints)
{
    nip__arena *arena = s->draft->arena;
    nip__value *args = nip__map(arena);
    nip__put_text(arena, args, "version", s->side.version);
    nip__put(arena, args, "endpoints", endpoints != NULL ? nip__share(arena, endpoints) : nip__list(arena));
    nip__put_int(arena, args, "percent", endpoints != NULL ? nip__get_int(s->mirror, "percent", 0) : 0);
    return args;
}

/* `before` NULL: not known. */
static nip__value *add_mirror(shadow *s, nip__value *list, const char *id, const char *title,
                              const nip__value *endpoints, nip__value *before)
{
    nip__draft *draft = s->draft;
    nip__value *step = nip__draft_step(draft, list, id, title);
    nip__value *made = nip__draft_call(draft, "router", "mirror", mirror_args(s, endpoints));
    nip__put_text(draft->arena, made, "class", "declarative");
    nip__put(draft->arena, made, "before", before);
    nip__draft_act(draft, step, made);
    nip__draft_retry(draft, step);
    return step;
}

static void add_mirroring(shadow *s)
{
    nip__draft *draft = s->draft;
    nip__arena *arena = draft->arena;
    nip_duration length = nip__get_duration(s->mirror, "duration", 0);
    nip__buffer text = NIP__BUFFER(64);
    nip__duration_write_short(&text, length);
    nip__value *on =
        add_mirror(s, draft->steps, "mirror-on",
                   nip__arena_printf(arena, "send copies of %lld %% of the requests to %s, answers thrown away",
                                     (long long)nip__get_int(s->mirror, "percent", 0), s->side.version),
                   s->fresh, mirror_args(s, NULL));
    nip__put_bool(arena, on, "fresh_window", true);
    nip__value *watch = nip__draft_step(
        draft, draft->steps, "watch-mirror",
        nip__arena_printf(arena, "watch %s under copied requests for %s", s->side.version, nip__buffer_string(&text)));
    nip__put_duration(arena, watch, "wait", length);
    nip__buffer_clear(&text);
    nip__add_guard(draft, nip__get(s->mirror, "guard"), "guard-mirror", "mirror-on", "watch-mirror", s->fresh,
                   draft->app->old.endpoints);
    add_mirror(s, draft->steps, "mirror-off", "send no more copies", NULL, mirror_args(s, s->fresh));
}

/* ---- comparing ---- */

static void add_comparison(shadow *s)
{
    nip__draft *draft = s->draft;
    nip__arena *arena = draft->arena;
    const nip__side *old = &draft->app->old;
    nip__value *args = nip__map(arena);
    put_keys(s, args, nip__recording_keys);
    put_keys(s, args, nip__replay_keys);
    nip__put(arena, args, "requests", nip__from(arena, "preflight-requests", "/path"));
    nip__put(arena, args, "sha256", nip__from(arena, "preflight-requests", "/sha256"));
    nip__put_text(arena, args, "old_version", old->version);
    nip__put_text(arena, args, "new_version", s->side.version);
    nip__put(arena, args, "old", nip__share(arena, old->endpoints));
    nip__put(arena, args, "new", nip__share(arena, s->fresh));
    nip__value *step =
        nip__draft_step(draft, draft->steps, "compare",
                        nip__arena_printf(arena, "send the recorded requests to %s and %s and compare the answers",
                                          old->version, s->side.version));
    nip__draft_act(draft, step, nip__draft_read(draft, "check", "compare", args));
    nip__draft_expect(draft, step, "until", 0, "/verdict", "==", nip__string(arena, "pass"));
    nip__draft_retry(draft, step);
    nip_duration most = nip__get_duration(s->settings, "within", NIP_MINUTE);
    nip_duration last = nip__get_duration(s->settings, "timeout", NIP_SECOND);
    nip__put_duration(arena, step, "deadline", nip__time_add(nip__time_add(most, last), DRIVER_GRACE));
}

/* ---- clearing up ---- */

/* Of the new version nothing may be left, whether its instances were started, half started, or not. */
static void add_way_back(shadow *s)
{
    nip__draft *draft = s->draft;
    if (s->mirror != NULL)
        add_mirror(s, draft->back, "back-mirror-off", "send no more copies", NULL, NULL);
    nip__add_stop(draft, draft->back, "back-stop-shadow", &s->side, -1, 0, NULL, NULL);
    draft->changes = true;
}

static void add_left_over(shadow *s)
{
    nip__draft *draft = s->draft;
    const nip__side *left = &draft->app->fresh;
    if (left->running == 0)
        return;
    nip__draft_warn(draft, "%s of %s already run%s without being released; they are stopped first",
                    nip__count_of(draft->arena, left->running), left->version, left->running == 1 ? "s" : "");
    nip__add_stop(draft, draft->steps, "stop-left", left, left->running, 0, left->endpoints, NULL);
}

/* ---- the whole ---- */

static int check_state(const nip__draft *draft, nip_error **err)
{
    const nip__app *app = draft->app;
    const char *version = app->fresh.version;
    if (app->release == NULL)
        return nip__fail(
            err, NIP_E_STATE,
            "nothing of %s is released yet, so there is nothing to compare %s with: release a version first", app->name,
            version);
    if (nip__text_equal(version, app->old.version))
        return nip__fail(err, NIP_E_STATE, "%s of %s is what is released: a shadow compares another version with it",
                         version, app->name);
    if (app->old.running == 0)
        return nip__fail(err, NIP_E_STATE,
                         "no instance of %s runs, so there is nothing to compare %s with: \"nipops ensure %s\" first",
                         app->old.version, version, app->name);
    if (nip__has_traffic(app, &app->fresh))
        return nip__fail(err, NIP_E_STATE,
                         "users reach %s of %s already: \"nipops ensure %s\" first, a shadow must have no traffic",
                         version, app->name, app->name);
    if (app->fresh.running > 0 && nip__held_find(app->release, version) != NULL)
        return nip__fail(err, NIP_E_STATE,
                         "%s of %s is still held for a return at once, and a shadow would stop it: \"nipops retire "
                         "--force %s\" first",
                         version, app->name, app->name);
    return 0;
}

int nip__draft_shadow(nip__draft *draft, nip_error **err)
{
    nip__app *app = draft->app;
    nip__arena *arena = draft->arena;
    shadow s = {.draft = draft, .settings = nip__get(app->document, "shadow"), .side = app->fresh};
    int rc = check_state(draft, err);
    if (rc < 0)
        return rc;
    int64_t replicas = nip__get_int(s.settings, "replicas", 1);
    s.mirror = nip__get(s.settings, "mirror");
    s.side.settings = nip__get(s.settings, "settings") != NULL ? nip__get(s.settings, "settings") : app->fresh.settings;
    draft->title = nip__arena_printf(arena, "shadow of %s: %s beside %s, without traffic", app->name,
                                     app->fresh.version, app->old.version);
    nip__add_target_preflight(draft, replicas);
    if (s.mirror != NULL)
        add_mirror_check(&s);
    add_requests(&s);
    nip__add_look_up(draft);
    if (draft->gated)
        nip__add_approval(draft, app->document, "approve",
                          nip__arena_printf(arena, "a shadow of %s", app->fresh.version));
    add_way_back(&s);
    add_left_over(&s);
    s.fresh = nip__add_grow(draft, "start-shadow", &s.side, 0, replicas, NULL);
    add_comparison(&s);
    if (s.mirror != NULL)
        add_mirroring(&s);
    nip__add_stop(draft, draft->steps, "stop-shadow", &s.side, replicas, 0, s.fresh, NULL);
    return 0;
}
