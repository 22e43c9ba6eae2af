/* Other accepted forms of a rollout document, brought into the schema's form: a document without the `rollout:` key,
 * and the flat spellings (initial_canary_percentage, promotion_stages, thresholds, health_check_*). Units there are
 * percent, milliseconds, minutes and seconds. Positions stay those of the text, so that later messages point at what
 * the author wrote. */
#include "rollout/document.h"

#include <math.h>

#include "base/text.h"

typedef struct adapter {
    nip__arena *arena;
    const char *file;
    nip__problems *problems;
    const nip__value *source; /* the map with the rollout's keys */
    nip__value *out;
    nip__value *health, *canary, *blue_green, *metrics; /* copies in `out`; NULL: not there, or not a map */
} adapter;

static const char *const flat_keys[] = {
    "health_check_url",
    "health_check_interval",
    "health_check_timeout",
    "initial_canary_percentage",
    "promotion_stages",
    "thresholds",
    NULL,
};

static bool is_flat(const char *key)
{
    for (size_t i = 0; flat_keys[i] != NULL; i++) {
        if (nip__text_equal(flat_keys[i], key))
            return true;
    }
    return false;
}

static void problem(adapter *a, const nip__value *where, const char *key, const char *what)
{
    if (what == NULL) /* the arena is out of memory */
        a->problems->nomem = 1;
    else
        nip__problems_add(a->problems, a->file, (int)where->line, (int)where->column,
                          nip__arena_printf(a->arena, "/rollout/%s", key), "%s", what);
}

/* Gives a made value the place of what it was made from. */
static nip__value *placed(nip__value *value, const nip__value *origin)
{
    if (value != NULL && origin != NULL) {
        value->line = origin->line;
        value->column = origin->column;
    }
    return value;
}

static nip__value *duration(adapter *a, double seconds, const nip__value *origin)
{
    nip__value *holder = nip__map(a->arena);
    nip__put_duration(a->arena, holder, "d", (nip_duration)llround(seconds * (double)NIP_SECOND));
    nip__value *made = holder != NULL ? holder->as.items.first : NULL;
    return placed(made, origin);
}

/* The map under `key` of `parent`, made when it is missing. NULL when something else stands there: the schema will say
 * so. */
static nip__value *section(adapter *a, nip__value *parent, nip__value **known, const char *key,
                           const nip__value *origin)
{
    if (*known == NULL && parent != NULL && nip__get(parent, key) == NULL)
        *known = nip__put(a->arena, parent, key, placed(nip__map(a->arena), origin));
    return *known;
}

/* A number of some unit, 0 or more, below what fits a duration. False: a problem was added. */
static bool quantity(adapter *a, const nip__value *value, const char *key, const char *unit, double *number)
{
    if (nip__number(value, number) && *number >= 0 && *number <= 1e6)
        return true;
    problem(a, value, key, nip__arena_printf(a->arena, "must be a number of %s from 0 to 1000000", unit));
    return false;
}

/* ---- health_check_* ---- */

static void put_health(adapter *a, const nip__value *item, const char *key, nip__value *value)
{
    nip__value *health = section(a, a->out, &a->health, "health", item);
    if (health != NULL && nip__get(health, key) != NULL)
        problem(a, item, item->key, nip__arena_printf(a->arena, "is given twice: also as health.%s", key));
    else
        nip__put(a->arena, health, key, value);
}

static void put_health_seconds(adapter *a, const char *flat, const char *key)
{
    const nip__value *item = nip__get(a->source, flat);
    double seconds;
    if (item == NULL)
        return;
    if (nip__is(item, NIP__STRING))
        put_health(a, item, key, nip__copy(a->arena, item)); /* "10s" */
    else if (quantity(a, item, flat, "seconds", &seconds))
        put_health(a, item, key, duration(a, seconds, item));
}

static void adapt_health(adapter *a)
{
    const nip__value *url = nip__get(a->source, "health_check_url");
    if (url != NULL && nip__is(url, NIP__STRING) && url->as.string.text[0] == '/')
        put_health(
            a, url, "url",
            placed(nip__string(a->arena, nip__arena_printf(a->arena, "http://{endpoint}%s", url->as.string.text)),
                   url));
    else if (url != NULL)
        put_health(a, url, "url", nip__copy(a->arena, url));
    put_health_seconds(a, "health_check_interval", "interval");
    put_health_seconds(a, "health_check_timeout", "timeout");
}

/* ---- approvals ---- */

/* `approve` is a text, or a map, which is `approval` to the schema. */
static const char *approval_key(const nip__value *item)
{
    return nip__text_equal(item->key, "approve") && nip__is(item, NIP__MAP) ? "approval" : item->key;
}

static void adapt_approval(nip__value *map)
{
    if (map == NULL || nip__get(map, "approval") != NULL)
        return; /* both: the schema says that a text is wanted */
    for (nip__value *item = map->as.items.first; item != NULL; item = item->next)
        item->key = approval_key(item);
}

/* ---- stages ---- */

/* {percentage, duration_minutes} and {share, duration} may be mixed; `percentage` is the schema's own second
 * spelling. */
static nip__value *adapt_stage(adapter *a, const nip__value *stage)
{
    if (!nip__is(stage, NIP__MAP))
        return nip__copy(a->arena, stage);
    nip__value *made = placed(nip__map(a->arena), stage);
    for (NIP__EACH(item, stage)) {
        double minutes;
        if (!nip__text_equal(item->key, "duration_minutes"))
            nip__put(a->arena, made, item->key, nip__copy(a->arena, item));
        else if (nip__get(stage, "duration") != NULL)
            problem(a, item, "canary/stages", "duration_minutes and duration say the same: give one");
        else if (quantity(a, item, "canary/stages", "minutes", &minutes))
            nip__put(a->arena, made, "duration", duration(a, minutes * 60, item));
    }
    adapt_approval(made);
    return made;
}

static const nip__value *share_of(const nip__value *stage)
{
    const nip__value *share = nip__get(stage, "share");
    return share != NULL ? share : nip__get(stage, "percentage");
}

static nip__value *new_stage(adapter *a, nip__value *share, nip__value *length, const nip__value *origin)
{
    nip__value *stage = placed(nip__map(a->arena), origin);
    nip__put(a->arena, stage, "share", share);
    nip__put(a->arena, stage, "duration", length);
    return stage;
}

/* Without any stages: those that people begin with, each a quarter of an hour, the first one half an hour. */
static nip__value *usual_stages(adapter *a, const nip__value *initial)
{
    static const int64_t shares[] = {25, 50, 75, 100};
    double first = 10;
    nip__number(initial, &first);
    nip__value *list = placed(nip__list(a->arena), initial);
    nip__push(list, new_stage(a, initial != NULL ? nip__copy(a->arena, initial) : nip__int(a->arena, 10),
                              duration(a, 1800, initial), initial));
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        if ((double)shares[i] > first)
            nip__push(list, new_stage(a, nip__int(a->arena, shares[i]), duration(a, 900, initial), initial));
    }
    return list;
}

/* The initial share is a stage of its own, as long as the one after it, unless the stages begin with it. */
static nip__value *given_stages(adapter *a, const nip__value *stages, const nip__value *initial)
{
    if (!nip__is(stages, NIP__LIST))
        return nip__copy(a->arena, stages);
    nip__value *list = placed(nip__list(a->arena), stages);
    const nip__value *first = nip__first(stages);
    if (initial != NULL && !nip__equal(share_of(first), initial)) {
        nip__value *like = adapt_stage(a, first);
        nip__push(list,
                  new_stage(a, nip__copy(a->arena, initial), nip__copy(a->arena, nip__get(like, "duration")), initial));
    }
    for (NIP__EACH(stage, stages))
        nip__push(list, adapt_stage(a, stage));
    return list;
}

static void adapt_stages(adapter *a)
{
    const nip__value *initial = nip__get(a->source, "initial_canary_percentage");
    const nip__value *flat = nip__get(a->source, "promotion_stages");
    const nip__value *own = nip__get(nip__get(a->source, "canary"), "stages");
    if (flat != NULL && own != NULL)
        problem(a, flat, "promotion_stages", "is given twice: also as canary.stages");
    const nip__value *stages = own != NULL ? own : flat;
    bool canary = nip__text_equal(nip__get_text(a->source, "strategy"), "canary");
    if (stages == NULL && initial == NULL && !canary)
        return;
    const nip__value *origin = stages != NULL ? stages : initial != NULL ? initial : nip__get(a->source, "strategy");
    nip__value *section_map = section(a, a->out, &a->canary, "canary", origin);
    nip__put(a->arena, section_map, "stages",
             stages != NULL ? given_stages(a, stages, initial) : usual_stages(a, initial));
}

/* ---- thresholds ---- */

static void tighten(adapter *a, nip__value *guard, const char *metric, nip__value *limit, bool stricter)
{
    if (nip__get(guard, metric) != NULL && !stricter)
        return;
    nip__value *map = placed(nip__map(a->arena), limit);
    nip__put(a->arena, map, "max", limit);
    nip__put(a->arena, guard, metric, map);
}

static void put_error_rate(adapter *a, nip__value *guard, const nip__value *origin, double percent)
{
    double given = nip__get_number(nip__get(guard, "error_rate"), "max", INFINITY);
    double rounded = round(percent * 1e9) / 1e9; /* 100 - 99.9 is 0.1 and not 0.09999999999999432 */
    tighten(a, guard, "error_rate", placed(nip__real(a->arena, rounded), origin), rounded < given);
}

static void put_latency(adapter *a, nip__value *guard, const nip__value *origin, double milliseconds)
{
    nip_duration given = nip__get_duration(nip__get(guard, "latency_p95"), "max", NIP_TIME_MAX);
    nip__value *limit = duration(a, milliseconds / 1000, origin);
    tighten(a, guard, "latency_p95", limit, (nip_duration)llround(milliseconds * 1e6) < given);
}

static void adapt_threshold(adapter *a, nip__value *guard, const nip__value *item)
{
    static const char *const known[] = {"max_error_rate", "max_latency_p95", "min_success_rate", NULL};
    double number;
    bool latency = nip__text_equal(item->key, known[1]);
    if (!latency && !nip__text_equal(item->key, known[0]) && !nip__text_equal(item->key, known[2])) {
        const char *near = nip__text_nearest(item->key, known);
        problem(a, item, "thresholds",
                nip__arena_printf(a->arena, "unknown key \"%s\"; %s%s", item->key,
                                  near != NULL ? "did you mean "
                                               : "known are max_error_rate, max_latency_p95, min_success_rate",
                                  near != NULL ? near : ""));
    } else if (latency && quantity(a, item, "thresholds/max_latency_p95", "milliseconds", &number)) {
        put_latency(a, guard, item, number);
    } else if (!latency && (!nip__number(item, &number) || number < 0 || number > 100)) {
        problem(a, item, "thresholds",
                nip__arena_printf(a->arena, "%s must be a number of percent from 0 to 100", item->key));
    } else if (!latency) {
        put_error_rate(a, guard, item, nip__text_equal(item->key, known[0]) ? number : 100 - number);
    }
}

static void adapt_thresholds(adapter *a)
{
    const nip__value *thresholds = nip__get(a->source, "thresholds");
    if (thresholds == NULL)
        return;
    if (!nip__is(thresholds, NIP__MAP)) {
        problem(a, thresholds, "thresholds", "must be a map of max_error_rate, max_latency_p95 and min_success_rate");
        return;
    }
    bool blue_green = nip__text_equal(nip__get_text(a->source, "strategy"), "blue_green");
    nip__value **known = blue_green ? &a->blue_green : &a->canary;
    const char *key = blue_green ? "blue_green" : "canary";
    nip__value *parent = section(a, a->out, known, key, thresholds);
    nip__value *guard = nip__copy(a->arena, nip__get(parent, "guard"));
    if (guard == NULL)
        guard = placed(nip__map(a->arena), thresholds);
    for (NIP__EACH(item, thresholds))
        adapt_threshold(a, guard, item);
    nip__put(a->arena, parent, "guard", guard);
}

/* ---- the whole ---- */

/* Metrics of the same HAProxy need not repeat where it is. */
static void inherit_from_router(adapter *a)
{
    static const char *const inherited[] = {"socket", "backend", NULL};
    const nip__value *router = nip__get(a->source, "router");
    if (a->metrics == NULL || !nip__text_equal(nip__get_text(router, "driver"), "haproxy") ||
        !nip__text_equal(nip__get_text(a->metrics, "driver"), "haproxy"))
        return;
    for (size_t i = 0; inherited[i] != NULL; i++) {
        if (nip__get(a->metrics, inherited[i]) == NULL)
            nip__put(a->arena, a->metrics, inherited[i], nip__copy(a->arena, nip__get(router, inherited[i])));
    }
}

static void remember(nip__value **where, nip__value *copy, const char *key)
{
    if (nip__text_equal(copy->key, key) && nip__is(copy, NIP__MAP))
        *where = copy;
}

static void copy_known(adapter *a)
{
    for (NIP__EACH(item, a->source)) {
        if (is_flat(item->key))
            continue;
        nip__value *copy = nip__put(a->arena, a->out, item->key, nip__copy(a->arena, item));
        if (copy == NULL || copy->key == NULL)
            return;
        remember(&a->health, copy, "health");
        remember(&a->canary, copy, "canary");
        remember(&a->blue_green, copy, "blue_green");
        remember(&a->metrics, copy, "metrics");
    }
}

nip__value *nip__rollout_adapt(nip__arena *arena, const nip__value *root, const char *file, nip__problems *problems)
{
    const nip__value *inner = nip__get(root, "rollout");
    if (!nip__is(root, NIP__MAP) || (inner != NULL && !nip__is(inner, NIP__MAP)))
        return nip__copy(arena, root);
    adapter a = {.arena = arena, .file = file, .problems = problems, .source = inner != NULL ? inner : root};
    a.out = placed(nip__map(arena), a.source);
    copy_known(&a);
    adapt_approval(a.out);
    adapt_approval(a.blue_green);
    adapt_health(&a);
    adapt_stages(&a);
    adapt_thresholds(&a);
    inherit_from_router(&a);
    nip__value *whole = placed(nip__map(arena), root);
    nip__put(arena, whole, "rollout", a.out);
    for (NIP__EACH(item, inner != NULL ? root : NULL)) {
        if (item != inner) /* unknown neighbours: the schema names them */
            nip__put(arena, whole, item->key, nip__copy(arena, item));
    }
    return whole;
}
