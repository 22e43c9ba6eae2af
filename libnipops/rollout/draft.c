/* A plan under construction: its pieces. */
#include "rollout/steps.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/print.h"
#include "doc/json.h"
#include "gate/notice.h"
#include "plan/plan.h"

const nip__value *nip__all_to(nip__draft *draft, const nip__side *side)
{
    nip__value *groups = nip__map(draft->arena), *group = nip__map(draft->arena);
    nip__put_int(draft->arena, group, "share", 100);
    nip__put(draft->arena, group, "endpoints", nip__share(draft->arena, side->endpoints));
    nip__put(draft->arena, groups, side->version, group);
    return groups;
}

nip__draft nip__draft_begin(nip__app *app)
{
    nip__arena *arena = app->arena;
    app->document = nip__notices_for_plan(arena, app->document);
    nip__draft draft = {
        .arena = arena,
        .app = app,
        .steps = nip__list(arena),
        .back = nip__list(arena),
        .guards = nip__list(arena),
        .warnings = nip__list(arena),
    };
    if (app->old.version == NULL)
        draft.groups = nip__map(arena);
    else if (nip__has_traffic(app, &app->old))
        draft.groups = nip__all_to(&draft, &app->old);
    return draft;
}

void nip__draft_warn(nip__draft *draft, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    nip__vprint(text, sizeof text, format, arguments);
    va_end(arguments);
    nip__push_text(draft->arena, draft->warnings, text);
}

/* Equal documents give equal plans, so the seed of all jitter comes from the document (FNV-1a), within what JSON
 * numbers hold exactly. */
static int64_t seed_of(const nip__value *document)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    char *text = nip__json_text(document);
    for (const char *p = text; p != NULL && *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
    nip__free(text);
    return (int64_t)(hash >> 11);
}

static nip__value *drivers_of(const nip__draft *draft)
{
    static const char *const roles[] = {"target", "router", "metrics", NULL};
    nip__value *drivers = nip__map(draft->arena);
    for (size_t i = 0; roles[i] != NULL; i++)
        nip__put(draft->arena, drivers, roles[i], nip__share(draft->arena, nip__get(draft->app->document, roles[i])));
    const nip__value *on_end = nip__get(draft->app->document, "on_end");
    if (nip__count(on_end) > 0) {
        nip__value *notify = nip__put(draft->arena, drivers, "notify", nip__map(draft->arena));
        nip__put_text(draft->arena, notify, "driver", "notify");
        nip__put(draft->arena, notify, "to", nip__share(draft->arena, on_end));
    }
    return drivers;
}

static nip__value *root_of(const nip__draft *draft)
{
    nip__arena *arena = draft->arena;
    nip__value *root = nip__map(arena);
    nip__put_int(arena, root, "v", NIP_PLAN_FORMAT);
    nip__put_text(arena, root, "kind", "plan");
    nip__put_text(arena, root, "subject", draft->app->name);
    nip__put_text(arena, root, "title", draft->title);
    nip__put_int(arena, root, "seed", seed_of(draft->app->document));
    nip__put(arena, root, "drivers", drivers_of(draft));
    nip__put(arena, root, "observed", nip__share(arena, draft->app->observed));
    if (nip__count(draft->warnings) > 0)
        nip__put(arena, root, "warnings", draft->warnings);
    nip__put(arena, root, "steps", draft->steps);
    nip__put(arena, root, "back", draft->back);
    if (nip__count(draft->guards) > 0)
        nip__put(arena, root, "guards", draft->guards);
    nip__put(arena, root, "release", nip__share(arena, draft->release));
    nip__put(arena, root, "release_back", nip__share(arena, draft->release_back));
    return root;
}

int nip__draft_finish(nip__draft *draft, nip_plan **plan, nip_error **err)
{
    nip__value *root = root_of(draft);
    if (nip__arena_failed(draft->arena))
        return nip__nomem(err);
    return nip__plan_from_value(draft->arena, root, "plan", plan, err);
}

/* ---- values ---- */

nip__value *nip__from_part(nip__arena *arena, const char *step, const char *part, const char *at, nip__value *otherwise)
{
    nip__value *reference = nip__map(arena);
    nip__put_text(arena, reference, "from", step);
    nip__put_text(arena, reference, "of", part);
    nip__put_text(arena, reference, "at", at);
    nip__put(arena, reference, "else", otherwise);
    return reference;
}

nip__value *nip__from_else(nip__arena *arena, const char *step, const char *at, nip__value *otherwise)
{
    return nip__from_part(arena, step, NULL, at, otherwise);
}

nip__value *nip__from(nip__arena *arena, const char *step, const char *at)
{
    return nip__from_part(arena, step, NULL, at, NULL);
}

/* RFC 6901: ~ and / inside a key are written ~0 and ~1. */
const char *nip__place(nip__arena *arena, const char *before, const char *version, const char *after)
{
    nip__buffer place = NIP__BUFFER(4096);
    nip__buffer_text(&place, before);
    for (const char *p = version; *p != '\0'; p++) {
        if (*p == '~' || *p == '/')
            nip__buffer_text(&place, *p == '~' ? "~0" : "~1");
        else
            nip__buffer_char(&place, *p);
    }
    nip__buffer_text(&place, after);
    const char *text = place.failed ? nip__arena_copy(arena, NULL, 0)
                                    : nip__arena_copy(arena, nip__buffer_string(&place), place.length);
    nip__buffer_clear(&place);
    return text;
}

const char *nip__count_of(nip__arena *arena, int64_t count)
{
    return nip__arena_printf(arena, "%lld instance%s", (long long)count, count == 1 ? "" : "s");
}

/* ---- calls ---- */

nip__value *nip__draft_call(nip__draft *draft, const char *role, const char *verb, nip__value *args)
{
    nip__value *call = nip__map(draft->arena);
    nip__put_text(draft->arena, call, "role", role);
    nip__put_text(draft->arena, call, "verb", verb);
    nip__put(draft->arena, call, "args", args != NULL ? args : nip__map(draft->arena));
    return call;
}

nip__value *nip__draft_read(nip__draft *draft, const char *role, const char *verb, nip__value *args)
{
    nip__value *call = nip__draft_call(draft, role, verb, args);
    nip__put_text(draft->arena, call, "class", "read");
    return call;
}

nip__value *nip__draft_groups(nip__draft *draft, const nip__side *side, const nip__value *endpoints)
{
    nip__value *groups = nip__map(draft->arena);
    nip__put(draft->arena, groups, side->version, nip__share(draft->arena, endpoints));
    return groups;
}

static const struct {
    const char *way; /* key of the health part that chooses the check */
    const char *verb;
} checks[] = {{"url", "http"}, {"command", "command"}, {"tcp", "tcp"}};

/* The document's own keys, under the names that check verbs have for them. */
static void put_check(nip__draft *draft, nip__value *args, const nip__value *health)
{
    static const char *const kept[] = {"url", "command", "env", "expect", "headers", "tls", NULL};
    for (size_t i = 0; kept[i] != NULL; i++)
        nip__put(draft->arena, args, kept[i], nip__share(draft->arena, nip__get(health, kept[i])));
    nip__put(draft->arena, args, "timeout", nip__share(draft->arena, nip__get(health, "try_timeout")));
}

nip__value *nip__draft_health(nip__draft *draft, nip__value *groups, const nip__value *except)
{
    const nip__value *health = nip__get(draft->app->document, "health");
    const char *verb = "tcp";
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        if (nip__get(health, checks[i].way) != NULL) {
            verb = checks[i].verb;
            break;
        }
    }
    nip__value *args = nip__map(draft->arena);
    nip__put(draft->arena, args, "groups", groups);
    nip__put(draft->arena, args, "except", nip__share(draft->arena, except));
    put_check(draft, args, health);
    return nip__draft_call(draft, "check", verb, args);
}

nip_duration nip__health_interval(const nip__draft *draft)
{
    return nip__get_duration(nip__get(draft->app->document, "health"), "interval", 10 * NIP_SECOND);
}

nip_duration nip__health_timeout(const nip__draft *draft)
{
    return nip__get_duration(nip__get(draft->app->document, "health"), "timeout", 300 * NIP_SECOND);
}

nip_duration nip__drain_timeout(const nip__draft *draft)
{
    return nip__get_duration(draft->app->document, "drain_timeout", 30 * NIP_SECOND);
}

/* ---- steps ---- */

nip__value *nip__draft_step(nip__draft *draft, nip__value *list, const char *id, const char *title)
{
    nip__value *step = nip__map(draft->arena);
    nip__put_text(draft->arena, step, "id", id);
    nip__put_text(draft->arena, step, "title", title);
    nip__put_duration(draft->arena, step, "deadline", nip__health_timeout(draft));
    if (list == draft->steps && draft->changes)
        nip__put_int(draft->arena, step, "back", 0);
    return nip__push(list, step);
}

/* The value under `key`, made by `make` when it is not there yet. */
static nip__value *part(nip__draft *draft, nip__value *map, const char *key, nip__value *(*make)(nip__arena *))
{
    for (nip__value *item = map != NULL ? map->as.items.first : NULL; item != NULL; item = item->next) {
        if (strcmp(item->key, key) == 0)
            return item;
    }
    return nip__put(draft->arena, map, key, make(draft->arena));
}

void nip__draft_act(nip__draft *draft, nip__value *step, nip__value *call)
{
    nip__push(part(draft, step, "actions", nip__list), call);
}

void nip__draft_observe(nip__draft *draft, nip__value *step, const char *when, nip__value *call)
{
    nip__push(part(draft, part(draft, step, when, nip__map), "observe", nip__list), call);
}

static void predicate(nip__draft *draft, nip__value *list, int64_t of, const char *at, const char *op,
                      nip__value *value)
{
    nip__value *test = nip__map(draft->arena);
    if (of != 0)
        nip__put_int(draft->arena, test, "of", of);
    nip__put_text(draft->arena, test, "at", at);
    nip__put_text(draft->arena, test, "op", op);
    nip__put(draft->arena, test, "value", value);
    nip__push(list, test);
}

void nip__draft_expect(nip__draft *draft, nip__value *step, const char *when, int64_t of, const char *at,
                       const char *op, nip__value *value)
{
    predicate(draft, part(draft, part(draft, step, when, nip__map), "that", nip__list), of, at, op, value);
}

void nip__draft_fails(nip__draft *draft, nip__value *step, int64_t of, const char *at, const char *op,
                      nip__value *value)
{
    predicate(draft, part(draft, part(draft, step, "until", nip__map), "fails", nip__list), of, at, op, value);
}

void nip__draft_repeat(nip__draft *draft, nip__value *step, const char *when, nip_duration interval, int64_t successes)
{
    nip__value *condition = part(draft, step, when, nip__map);
    nip__put_duration(draft->arena, condition, "interval", interval);
    if (successes > 1)
        nip__put_int(draft->arena, condition, "successes", successes);
}

void nip__draft_retry(nip__draft *draft, nip__value *step)
{
    nip__value *retry = part(draft, step, "retry", nip__map);
    nip__put_int(draft->arena, retry, "attempts", 3);
    nip__put_duration(draft->arena, retry, "base", NIP_SECOND);
    nip__put_duration(draft->arena, retry, "max", 10 * NIP_SECOND);
}
