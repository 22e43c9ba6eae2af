/* Other accepted forms of an sla document, brought into the schema's form: short forms, and a document of the keys service_level_agreements,
 * compliance and monitoring. Units there are percent and milliseconds. Each promise is measured by the indicator of its own name: uptime,
 * performance, error_rate, and for availability GROUP_NAME, as in api_endpoints_critical. Positions stay those of the text. */
#include <string.h>

#include "base/text.h"
#include "sla/document.h"

typedef struct adapter {
    nip__arena *arena;
    const char *file;
    nip__problems *problems;
    const nip__value *indicators; /* of the text */
    nip__value *out;              /* the inner map */
    nip__value *measured, *promised; /* its indicators and objectives */
    nip__value *wanting;          /* by name: indicators that are not there, each told once */
} adapter;

static void problem(adapter *a, const nip__value *where, const char *path, const char *what)
{
    if (what == NULL) /* the arena is out of memory */
        a->problems->nomem = 1;
    else
        nip__problems_add(a->problems, a->file, (int)where->line, (int)where->column, path, "%s", what);
}

static nip__value *placed(nip__value *value, const nip__value *origin)
{
    if (value != NULL && origin != NULL) {
        value->line = origin->line;
        value->column = origin->column;
    }
    return value;
}

static nip__value *new_map(adapter *a, const nip__value *origin)
{
    return placed(nip__map(a->arena), origin);
}

/* ---- promises ---- */

/* What an indicator looks like that is missing. */
static const struct {
    const char *kind, *example;
} examples[] = {
    {"availability", "{time: {query: \"up{job=\\\"shop\\\"}\"}}"},
    {"latency", "{latency: {histogram: \"http_request_duration_seconds_bucket{job=\\\"shop\\\"}\"}}"},
    {"error_rate", "{events: {bad: \"http_requests_total{code=~\\\"5..\\\"}\", total: \"http_requests_total\"}}"},
};

static const char *example_of(const char *kind)
{
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        if (nip__text_equal(examples[i].kind, kind))
            return examples[i].example;
    }
    return "";
}

static const nip__value *indicator_for(adapter *a, const nip__value *promise, const char *kind, const char *name)
{
    const nip__value *indicator = nip__get(a->indicators, name);
    if (indicator == NULL && nip__get(a->wanting, name) == NULL)
        problem(a, promise, "/indicators",
                nip__arena_printf(a->arena, "says nothing of how it is measured: add under indicators %.128s: %s", name, example_of(kind)));
    if (indicator == NULL)
        nip__put_bool(a->arena, a->wanting, name, true);
    return indicator;
}

static nip__value *objective(adapter *a, const nip__value *promise, const char *name, const char *kind, const char *indicator)
{
    nip__value *map = new_map(a, promise);
    nip__put(a->arena, map, kind, placed(nip__string(a->arena, indicator), promise));
    return nip__put(a->arena, a->promised, name, map);
}

static void measure(adapter *a, const nip__value *indicator, const char *name)
{
    if (nip__get(a->measured, name) == NULL)
        nip__put(a->arena, a->measured, name, nip__copy(a->arena, indicator));
}

static void promise(adapter *a, const nip__value *target, const char *name, const char *kind, const char *by)
{
    const nip__value *indicator = indicator_for(a, target, kind, by);
    if (indicator == NULL)
        return;
    measure(a, indicator, by);
    nip__put(a->arena, objective(a, target, name, kind, by), "target", nip__copy(a->arena, target));
}

/* ---- uptime ---- */

static const struct {
    const char *key, *period;
} targets[] = {{"daily_target", "day"}, {"weekly_target", "week"}, {"monthly_target", "month"}, {"quarterly_target", "quarter"}, {"annual_target", "year"}};
enum { TARGET_COUNT = sizeof targets / sizeof targets[0] };

static void adapt_window(adapter *a, const nip__value *window)
{
    static const char *const windows[][2] = {{"calendar_day", "day"}, {"calendar_week", "week"}, {"calendar_month", "month"}, {"calendar_quarter", "quarter"}, {"calendar_year", "year"}};
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        if (nip__is(window, NIP__STRING) && nip__text_equal(window->as.string.text, windows[i][0])) {
            nip__put(a->arena, a->out, "period", placed(nip__string(a->arena, windows[i][1]), window));
            return;
        }
    }
    problem(a, window, "/service_level_agreements/uptime/calculation_window", "must be calendar_day, calendar_week, calendar_month, calendar_quarter or calendar_year");
}

/* "Scheduled maintenance windows" -> scheduled_maintenance_windows */
static const char *class_name(adapter *a, const char *text)
{
    char *name = nip__arena_text(a->arena, text);
    for (char *p = name; p != NULL && *p != '\0'; p++) {
        if (!nip__text_is_letter_or_digit(*p) && strchr("._-", *p) == NULL)
            *p = '_';
        else if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    }
    return name;
}

static void adapt_excluded(adapter *a, const nip__value *excluded)
{
    nip__value *classes = nip__put(a->arena, a->out, "classes", new_map(a, excluded));
    for (NIP__EACH(text, excluded)) {
        if (nip__is(text, NIP__STRING))
            nip__put(a->arena, classes, class_name(a, text->as.string.text), new_map(a, text));
        else
            problem(a, text, "/service_level_agreements/uptime/excluded_maintenance", "must be a list of names of what is excluded");
    }
}

static void adapt_uptime(adapter *a, const nip__value *uptime)
{
    const nip__value *indicator = indicator_for(a, uptime, "availability", "uptime");
    nip__value *made = indicator == NULL ? NULL : objective(a, uptime, "uptime", "availability", "uptime");
    nip__value *by_period = made == NULL ? NULL : nip__put(a->arena, made, "targets", new_map(a, uptime));
    if (indicator != NULL)
        measure(a, indicator, "uptime");
    for (NIP__EACH(item, uptime)) {
        size_t at = 0;
        while (at < TARGET_COUNT && !nip__text_equal(targets[at].key, item->key))
            at++;
        if (at < TARGET_COUNT)
            nip__put(a->arena, by_period, targets[at].period, nip__copy(a->arena, item));
        else if (nip__text_equal(item->key, "calculation_window"))
            adapt_window(a, item);
        else if (nip__text_equal(item->key, "excluded_maintenance"))
            adapt_excluded(a, item);
        else
            problem(a, item, "/service_level_agreements/uptime", nip__arena_printf(a->arena, "unknown key \"%.64s\"", item->key));
    }
}

/* ---- performance ---- */

/* response_time_p95, response_time_p999: 0.95, 0.999. */
static bool read_quantile(const char *key, char digits[8])
{
    static const char prefix[] = "response_time_p";
    const char *p = key + sizeof prefix - 1;
    size_t length = nip__text_starts(key, prefix) ? strspn(p, "0123456789") : 0;
    if (length < 2 || length > 6 || p[length] != '\0')
        return false;
    memcpy(digits, p, length + 1);
    return true;
}

static nip__value *limited(adapter *a, const nip__value *indicator, const nip__value *limit)
{
    nip__value *copy = nip__copy(a->arena, indicator);
    nip__value *latency = NULL;
    for (nip__value *item = nip__is(copy, NIP__MAP) ? copy->as.items.first : NULL; item != NULL; item = item->next)
        latency = nip__text_equal(item->key, "latency") ? item : latency;
    double ms = 0;
    nip__number(limit, &ms);
    if (nip__is(latency, NIP__MAP)) {
        nip__value *holder = nip__map(a->arena);
        nip__put_duration(a->arena, holder, "limit", (nip_duration)(ms * (double)NIP_MILLISECOND + 0.5));
        nip__put(a->arena, latency, "limit", placed(nip__copy(a->arena, nip__get(holder, "limit")), limit));
    }
    return copy;
}

static void adapt_response_time(adapter *a, const nip__value *limit)
{
    char digits[8];
    double ms;
    if (!read_quantile(limit->key, digits) || !nip__number(limit, &ms) || !(ms > 0 && ms <= 86400000)) {
        problem(a, limit, "/service_level_agreements/performance", "must be response_time_p50, _p95, _p99 and so on, with a limit in milliseconds");
        return;
    }
    const nip__value *indicator = indicator_for(a, limit, "latency", "performance");
    if (indicator == NULL)
        return;
    nip__put(a->arena, a->measured, limit->key, limited(a, indicator, limit));
    nip__value *made = objective(a, limit, limit->key, "latency", limit->key);
    const char *percent = nip__arena_printf(a->arena, digits[2] == '\0' ? "%.2s" : "%.2s.%s", digits, digits + 2);
    double quantile = 0;
    nip__text_real(nip__arena_printf(a->arena, "0.%s", digits), &quantile);
    nip__put(a->arena, made, "target", placed(nip__string(a->arena, percent), limit));
    nip__put(a->arena, made, "quantile", placed(nip__real(a->arena, quantile), limit));
}

/* ---- error rate, availability ---- */

static void adapt_error_rate(adapter *a, const nip__value *rate)
{
    for (NIP__EACH(item, rate)) {
        if (nip__text_equal(item->key, "target"))
            promise(a, item, "error_rate", "error_rate", "error_rate");
        else if (nip__text_equal(item->key, "threshold"))
            promise(a, item, "error_rate_threshold", "error_rate", "error_rate");
        else
            problem(a, item, "/service_level_agreements/error_rate", nip__arena_printf(a->arena, "unknown key \"%.64s\": it has target and threshold", item->key));
    }
}

static void adapt_availability(adapter *a, const nip__value *availability)
{
    for (NIP__EACH(group, availability)) {
        for (NIP__EACH(target, group)) {
            const char *name = nip__arena_printf(a->arena, "%.60s_%.60s", group->key, target->key);
            if (name != NULL)
                promise(a, target, name, "availability", name);
        }
    }
}

/* ---- the whole ---- */

static void adapt_agreements(adapter *a, const nip__value *agreements)
{
    static const struct {
        const char *key;
        void (*adapt)(adapter *a, const nip__value *part);
    } parts[] = {{"uptime", adapt_uptime}, {"error_rate", adapt_error_rate}, {"availability", adapt_availability}};
    for (NIP__EACH(part, agreements)) {
        size_t at = 0;
        while (at < sizeof parts / sizeof parts[0] && !nip__text_equal(parts[at].key, part->key))
            at++;
        if (at < sizeof parts / sizeof parts[0])
            parts[at].adapt(a, part);
        else if (!nip__text_equal(part->key, "performance"))
            problem(a, part, "/service_level_agreements", nip__arena_printf(a->arena, "unknown key \"%.64s\": it has uptime, performance, error_rate and availability", part->key));
        for (NIP__EACH(limit, nip__text_equal(part->key, "performance") ? part : NULL))
            adapt_response_time(a, limit);
    }
}

static nip__value *adapt_root(adapter *a, const nip__value *root)
{
    nip__value *made = new_map(a, root);
    a->out = nip__put(a->arena, made, "sla", new_map(a, root));
    for (NIP__EACH(item, root)) {
        if (!nip__text_equal(item->key, "service_level_agreements") && !nip__text_equal(item->key, "indicators") && !nip__text_equal(item->key, "kind"))
            nip__put(a->arena, a->out, item->key, nip__copy(a->arena, item));
    }
    a->indicators = nip__get(root, "indicators");
    a->wanting = nip__map(a->arena);
    a->measured = nip__put(a->arena, a->out, "indicators", new_map(a, a->indicators != NULL ? a->indicators : root));
    a->promised = nip__put(a->arena, a->out, "objectives", new_map(a, root));
    adapt_agreements(a, nip__get(root, "service_level_agreements"));
    return nip__count(a->promised) == 0 && nip__count(a->wanting) > 0 ? NULL : made; /* what is wanting has been said */
}

/* "a" stands for {name: "a"}. */
static void lengthen_instances(nip__arena *arena, nip__value *time)
{
    const nip__value *instances = nip__get(time, "instances");
    nip__value *list = placed(nip__list(arena), instances);
    if (instances == NULL)
        return;
    for (const nip__value *one = nip__is(instances, NIP__LIST) ? nip__first(instances) : instances; one != NULL; one = nip__is(instances, NIP__LIST) ? one->next : NULL) {
        nip__value *copy = nip__copy(arena, one), *map = copy;
        if (!nip__is(one, NIP__MAP)) {
            map = placed(nip__map(arena), one);
            nip__put(arena, map, "name", copy);
        }
        nip__push(list, map);
    }
    nip__put(arena, time, "instances", list);
}

static nip__value *member(nip__value *map, const char *key)
{
    nip__value *item = nip__is(map, NIP__MAP) ? map->as.items.first : NULL;
    while (item != NULL && !nip__text_equal(item->key, key))
        item = item->next;
    return item;
}

nip__value *nip__sla_adapt(nip__arena *arena, const nip__value *root, const char *file, nip__problems *problems)
{
    adapter a = {.arena = arena, .file = file, .problems = problems};
    nip__value *made = nip__get(root, "service_level_agreements") != NULL && nip__get(root, "sla") == NULL ? adapt_root(&a, root) : nip__copy(arena, root);
    nip__value *indicators = member(member(made, "sla"), "indicators");
    for (nip__value *one = nip__is(indicators, NIP__MAP) ? indicators->as.items.first : NULL; one != NULL; one = one->next) {
        nip__value *time = member(one, "time");
        if (time != NULL)
            lengthen_instances(arena, time);
    }
    return made;
}
