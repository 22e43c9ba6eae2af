/* Rules of an sla document that its table cannot say. */
#include <stdarg.h>
#include <stdio.h>

#include "base/print.h"
#include "base/text.h"
#include "base/time.h"
#include "nipops/store.h"
#include "sla/contract.h"
#include "sla/document.h"

enum { HOUR_MS = 3600000 };

typedef struct checker {
    const nip__value *sla; /* the inner map */
    const char *file;
    nip__problems *problems;
} checker;

static void problem(const checker *c, const nip__value *where, const char *path, const char *format, ...) NIP__PRINTF(4, 5);

/* A value that was not written (a default) has the place of the whole. */
static void problem(const checker *c, const nip__value *where, const char *path, const char *format, ...)
{
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    nip__vprint(what, sizeof what, format, arguments);
    va_end(arguments);
    if (where == NULL || where->line == 0)
        where = c->sla;
    nip__problems_add(c->problems, c->file, (int)where->line, (int)where->column, path, "%s", what);
}

static const char *path_of(char path[512], const char *list, const char *name, const char *key)
{
    snprintf(path, 512, "/sla/%s/%.128s%s%s", list, name, key[0] == '\0' ? "" : "/", key);
    return path;
}

/* Which of `keys` a map has; `count` how many of them. NULL: none. */
static const char *only_of(const nip__value *map, const char *const *keys, size_t *count)
{
    const char *found = NULL;
    *count = 0;
    for (; *keys != NULL; keys++) {
        if (nip__get(map, *keys) != NULL) {
            found = *keys;
            (*count)++;
        }
    }
    return found;
}

static void check_whole_ms(const checker *c, const nip__value *map, const char *key, const char *path)
{
    if (nip__get_duration(map, key, 0) % NIP_MILLISECOND != 0)
        problem(c, nip__get(map, key), path, "must be whole milliseconds");
}

/* ---- indicators ---- */

static void check_instance(const checker *c, const nip__value *instance, const char *path)
{
    static const char *const keys[] = {"from", "until"};
    nip_time at[2] = {INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < 2; i++) {
        const nip__value *value = nip__get(instance, keys[i]);
        if (value == NULL)
            continue;
        at[i] = nip__get_time(instance, keys[i], NIP_TIME_NONE);
        if (at[i] == NIP_TIME_NONE || at[i] % NIP_MILLISECOND != 0)
            problem(c, value, path, "%s must be an instant in whole milliseconds, such as 2026-03-01T00:00:00Z", keys[i]);
    }
    if (at[0] >= at[1])
        problem(c, instance, path, "from must be before until");
}

static void check_instances(const checker *c, const nip__value *instances, const char *path)
{
    for (NIP__EACH(instance, instances)) {
        check_instance(c, instance, path);
        for (const nip__value *other = instance->next; other != NULL; other = other->next) {
            if (nip__text_equal(nip__get_text(instance, "name"), nip__get_text(other, "name")))
                problem(c, other, path, "the instance \"%.64s\" stands there twice", nip__get_text(other, "name"));
        }
    }
}

static void check_time(const checker *c, const nip__value *time, const char *name)
{
    char path[512];
    int comparison;
    double number;
    const nip__value *k = nip__get(time, "k"), *instances = nip__get(time, "instances");
    const char *up_when = nip__get_text(time, "up_when");
    if (up_when != NULL && !nip__sla_comparison(up_when, &comparison, &number))
        problem(c, nip__get(time, "up_when"), path_of(path, "indicators", name, "time/up_when"), "must be >=, >, <=, <, == or != and a number, as in \">= 1\"");
    if (k != NULL && nip__get(time, "agree") != NULL)
        problem(c, k, path_of(path, "indicators", name, "time/k"), "must not stand beside agree");
    if (k != NULL && instances != NULL && nip__is(k, NIP__INT) && (size_t)k->as.integer > nip__count(instances))
        problem(c, k, path_of(path, "indicators", name, "time/k"), "is more than there are instances: it could never be up");
    check_instances(c, instances, path_of(path, "indicators", name, "time/instances"));
}

static void check_events(const checker *c, const nip__value *events, const char *name)
{
    static const char *const sides[] = {"good", "bad", "total", NULL};
    char path[512];
    size_t count;
    only_of(events, sides, &count);
    if (count != 0 && count != 2)
        problem(c, events, path_of(path, "indicators", name, "events"), "needs two of good, bad and total, found %zu of them (or none, where events are imported)", count);
}

static const char *query_of(const nip__value *indicator)
{
    static const char *const places[] = {"/time/query", "/events/good", "/events/bad", "/latency/histogram"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (nip__pointer(indicator, places[i]) != NULL)
            return places[i] + 1;
    }
    return NULL;
}

static void check_indicator(const checker *c, const nip__value *indicator)
{
    static const char *const kinds[] = {"time", "events", "latency", NULL};
    char path[512];
    const char *name = indicator->key;
    size_t count;
    const char *kind = only_of(indicator, kinds, &count);
    nip_duration slice = nip__get_duration(indicator, "slice", 60 * NIP_SECOND);
    if (count != 1)
        problem(c, indicator, path_of(path, "indicators", name, ""), "must have exactly one of time, events and latency, found %zu of them", count);
    if (slice % NIP_MILLISECOND != 0 || slice <= 0 || HOUR_MS % (slice / NIP_MILLISECOND) != 0)
        problem(c, nip__get(indicator, "slice"), path_of(path, "indicators", name, "slice"), "must divide an hour, as 10s, 60s and 5m do");
    check_whole_ms(c, indicator, "max_gap", path_of(path, "indicators", name, "max_gap"));
    if (nip__text_equal(kind, "time"))
        check_time(c, nip__get(indicator, "time"), name);
    if (nip__text_equal(kind, "events"))
        check_events(c, nip__get(indicator, "events"), name);
    const char *query = query_of(indicator);
    if (query != NULL && nip__get(c->sla, "metrics") == NULL)
        problem(c, indicator, path_of(path, "indicators", name, query), "nobody can be asked: add metrics, as in {driver: prometheus, url: \"http://127.0.0.1:9090\"}");
}

/* ---- objectives ---- */

static const char *const objective_kinds[] = {"availability", "error_rate", "latency", "freshness", NULL};

/* Percentages that a map may have; `least` and `most` are of the share. */
static void check_percentage(const checker *c, const nip__value *map, const char *key, const char *path)
{
    nip__ratio ratio;
    const nip__value *value = nip__get(map, key);
    if (value != NULL && !nip__sla_percentage(value, &ratio))
        problem(c, value, path, "must be a percentage from 0 to 100 with at most 7 places, as 99.95 is");
}

static void check_target(const checker *c, const nip__value *value, const char *kind, const char *path)
{
    nip__ratio ratio;
    bool errors = nip__text_equal(kind, "error_rate");
    if (!nip__sla_percentage(value, &ratio))
        problem(c, value, path, "must be a percentage from 0 to 100 with at most 7 places, as 99.95 is");
    else if (errors ? ratio.num == ratio.den : ratio.num == 0)
        problem(c, value, path, "promises nothing: %s", errors ? "it is the most that may be bad, and must be below 100" : "it must be above 0");
}

static void check_targets(const checker *c, const nip__value *objective, const char *kind)
{
    char path[512];
    const nip__value *target = nip__get(objective, "target"), *targets = nip__get(objective, "targets");
    if (target == NULL && nip__count(targets) == 0)
        problem(c, objective, path_of(path, "objectives", objective->key, ""), "must have a target, as in target: 99.95");
    if (target != NULL)
        check_target(c, target, kind, path_of(path, "objectives", objective->key, "target"));
    for (NIP__EACH(one, targets))
        check_target(c, one, kind, path_of(path, "objectives", objective->key, "targets"));
}

static void check_credits(const checker *c, const nip__value *objective)
{
    char path[512];
    const nip__value *credits = nip__get(objective, "credits");
    nip__ratio before = {2, 1}, ratio;
    path_of(path, "objectives", objective->key, "credits");
    check_percentage(c, credits, "cap", path);
    for (NIP__EACH(tier, nip__get(credits, "tiers"))) {
        check_percentage(c, tier, "credit", path);
        if (!nip__sla_percentage(nip__get(tier, "below"), &ratio))
            problem(c, tier, path, "below must be a percentage");
        else if ((__int128)ratio.num * before.den >= (__int128)before.num * ratio.den)
            problem(c, tier, path, "tiers must be in falling order of below");
        else
            before = ratio;
    }
}

static void check_latency(const checker *c, const nip__value *objective, const nip__value *indicator)
{
    char path[512];
    const nip__value *quantile = nip__get(objective, "quantile");
    if (quantile != NULL && nip__get(objective, "latency") == NULL)
        problem(c, quantile, path_of(path, "objectives", objective->key, "quantile"), "is of latencies only");
    else if (quantile != NULL && !nip__get_bool(nip__get(indicator, "latency"), "buckets", true))
        problem(c, quantile, path_of(path, "objectives", objective->key, "quantile"), "needs the indicator's buckets: true");
}

static void check_fit(const checker *c, const nip__value *objective, const char *kind, const nip__value *indicator)
{
    static const struct {
        const char *kind, *first, *second, *text;
    } fits[] = {
        {"availability", "time", "events", "an indicator of time or of events"},
        {"error_rate", "events", "events", "an indicator of events"},
        {"latency", "latency", "latency", "an indicator of latency"},
        {"freshness", "time", "time", "an indicator of time"},
    };
    char path[512];
    for (size_t i = 0; i < sizeof fits / sizeof fits[0]; i++) {
        if (nip__text_equal(fits[i].kind, kind) && nip__get(indicator, fits[i].first) == NULL && nip__get(indicator, fits[i].second) == NULL)
            problem(c, objective, path_of(path, "objectives", objective->key, kind), "%s needs %s, and \"%.64s\" is none", kind, fits[i].text, indicator->key);
    }
    if (nip__text_equal(nip__get_text(objective, "missing"), "hold") && nip__get(indicator, "time") == NULL)
        problem(c, nip__get(objective, "missing"), path_of(path, "objectives", objective->key, "missing"),
                "hold is for indicators of time: how many events there would have been nobody knows; say bad, ignore or good");
}

static const char *nearest(const nip__value *map, const char *name)
{
    const char *names[64] = {NULL};
    size_t count = 0;
    for (NIP__EACH(item, map)) {
        if (count + 1 < sizeof names / sizeof names[0])
            names[count++] = item->key;
    }
    return nip__text_nearest(name, names);
}

static void check_indicator_of(const checker *c, const nip__value *objective, const char *kind)
{
    char path[512];
    const nip__value *indicators = nip__get(c->sla, "indicators"), *named = nip__get(objective, kind);
    const char *name = nip__get_text(objective, kind);
    const nip__value *indicator = nip__get(indicators, name == NULL ? "" : name);
    if (name == NULL) /* the schema has said so */
        return;
    if (indicator != NULL) {
        check_fit(c, objective, kind, indicator);
        check_latency(c, objective, indicator);
        return;
    }
    const char *near = nearest(indicators, name);
    problem(c, named, path_of(path, "objectives", objective->key, kind), "there is no indicator \"%.64s\"%s%.64s%s", name, near != NULL ? "; did you mean \"" : ": add it under indicators",
            near != NULL ? near : "", near != NULL ? "\"?" : "");
}

static void check_objective(const checker *c, const nip__value *objective)
{
    char path[512];
    size_t count;
    const char *kind = only_of(objective, objective_kinds, &count);
    if (count != 1) {
        problem(c, objective, path_of(path, "objectives", objective->key, ""), "must have exactly one of availability, error_rate, latency and freshness, found %zu of them", count);
        return;
    }
    check_indicator_of(c, objective, kind);
    check_targets(c, objective, kind);
    check_percentage(c, objective, "min_coverage", path_of(path, "objectives", objective->key, "min_coverage"));
    check_whole_ms(c, objective, "hold", path_of(path, "objectives", objective->key, "hold"));
    check_credits(c, objective);
}

/* ---- the rest ---- */

static void check_names(const checker *c, const nip__value *dict, const char *list)
{
    char path[512];
    for (NIP__EACH(item, dict)) {
        if (!nip__text_subject(item->key))
            problem(c, item, path_of(path, list, item->key, ""), "names are 1 to %d of A-Z a-z 0-9 . _ - and begin with a letter or digit", NIP_SUBJECT_MAX);
    }
}

static void check_pair(const checker *c, const nip__value *pair)
{
    nip__decimal factor;
    const nip__value *stated = nip__get(pair, "factor");
    if ((stated == NULL) == (nip__get(pair, "budget") == NULL))
        problem(c, pair, "/sla/alerts/pairs", "must have exactly one of factor and budget");
    else if (stated != NULL && (!nip__sla_decimal(stated, &factor) || factor.scale > NIP__RATIO_SCALE_MAX || factor.digits == 0))
        problem(c, stated, "/sla/alerts/pairs", "factor must be a decimal number above 0, such as 14.4");
    check_percentage(c, pair, "budget", "/sla/alerts/pairs");
    if (nip__get_duration(pair, "short", 0) > nip__get_duration(pair, "long", 0))
        problem(c, pair, "/sla/alerts/pairs", "short must not be longer than long");
}

/* What somebody else found wrong, said of this place. */
static void pass_on(const checker *c, const nip__value *where, const char *path, int rc, nip_error *error)
{
    if (rc == NIP_E_NOMEM)
        c->problems->nomem = 1;
    else if (rc < 0)
        problem(c, where, path, "%s", nip_error_message(error));
    nip_error_free(error);
}

static void check_zone(const checker *c)
{
    nip__zones zones = {0};
    const nip__zone *zone;
    nip_error *error = NULL;
    const char *name = nip__get_text(c->sla, "zone");
    int rc = name == NULL ? 0 : nip__zones_find(&zones, name, &zone, &error);
    pass_on(c, nip__get(c->sla, "zone"), "/sla/zone", rc, error);
    nip__zones_clear(&zones);
}

static void check_metrics(const checker *c)
{
    const nip__value *metrics = nip__get(c->sla, "metrics");
    if (metrics != NULL && !nip__text_equal(nip__get_text(metrics, "driver"), "prometheus"))
        problem(c, metrics, "/sla/metrics", "must be a map of the driver prometheus, as in {driver: prometheus, url: \"http://127.0.0.1:9090\"}");
    else if (metrics != NULL && nip__get_text(metrics, "url") == NULL)
        problem(c, metrics, "/sla/metrics/url", "is needed, as in \"http://127.0.0.1:9090\"");
}

/* What only shows when it is put together: zones of hours, alerts that can never fire. */
static void check_contract(const checker *c, const nip__value *normalized)
{
    nip__contract *contract;
    nip_error *error = NULL;
    int rc = nip__contract_of(normalized, &contract, &error);
    if (rc == 0) {
        rc = nip__contract_check_pairs(contract, &error);
        nip__contract_free(contract);
    }
    pass_on(c, nip__get(c->sla, "alerts"), "/sla", rc, error);
}

void nip__sla_check(const nip__value *normalized, const nip__value *original, const char *file, nip__problems *problems)
{
    (void)original;
    checker c = {nip__get(normalized, "sla"), file, problems};
    const char *name = nip__get_text(c.sla, "name");
    if (!nip__is(c.sla, NIP__MAP)) /* the schema has said so */
        return;
    if (name != NULL && !nip__text_subject(name))
        problem(&c, nip__get(c.sla, "name"), "/sla/name", "must be 1 to %d of A-Z a-z 0-9 . _ - and begin with a letter or digit", NIP__SLA_NAME_MAX);
    check_zone(&c);
    check_metrics(&c);
    check_names(&c, nip__get(c.sla, "indicators"), "indicators");
    check_names(&c, nip__get(c.sla, "objectives"), "objectives");
    check_names(&c, nip__get(c.sla, "classes"), "classes");
    if (nip__get(c.sla, "service_hours") != NULL)
        nip__hours_check(nip__get(c.sla, "service_hours"), "/sla/service_hours", file, problems);
    for (NIP__EACH(indicator, nip__get(c.sla, "indicators")))
        check_indicator(&c, indicator);
    for (NIP__EACH(objective, nip__get(c.sla, "objectives")))
        check_objective(&c, objective);
    for (NIP__EACH(pair, nip__pointer(c.sla, "/alerts/pairs")))
        check_pair(&c, pair);
    if (problems->count == 0)
        check_contract(&c, normalized);
}
