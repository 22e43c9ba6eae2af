/* Analysis templates that ask Prometheus become queries and limits. A condition on a ratio becomes a limit on the error rate, judged by counts; one on
 * histogram_quantile a limit on that latency. What is neither is named, and left out. */
#include "convert/argo.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "convert/promql.h"

typedef struct analysis {
    nip__argo *argo;
    nip__value *guard;
    const nip__value *args, *defaults; /* of the rollout, and of the template */
    const char *at;                    /* "AnalysisTemplate success-rate, metric success-rate" */
    bool versioned;                    /* an argument stood for the version */
} analysis;

static void dropped(analysis *a, const nip__value *where, const char *why)
{
    nip__argo_note(a->argo, NIP__ARGO_DROPPED, where, a->at, "%s", why);
}

/* ---- arguments ---- */

static const nip__value *named(const nip__value *list, const char *name, size_t length)
{
    for (NIP__EACH(item, list)) {
        const char *other = nip__get_text(item, "name");
        if (other != NULL && strlen(other) == length && strncmp(other, name, length) == 0)
            return item;
    }
    return NULL;
}

/* The text that an argument stands for. The hash of the new pods' template tells versions apart: {version} does here. NULL: not known. */
static const char *argument(analysis *a, const char *name, size_t length)
{
    const nip__value *given = named(a->args, name, length), *otherwise = named(a->defaults, name, length);
    if (nip__text_equal(nip__get_text(nip__get(given, "valueFrom"), "podTemplateHashValue"), "Latest")) {
        a->versioned = true;
        return "{version}";
    }
    const char *value = nip__get_text(given, "value");
    return value != NULL ? value : nip__get_text(otherwise, "value");
}

/* "{{args.NAME}}" filled in; NULL: an argument is not known. */
static const char *filled(analysis *a, const char *text)
{
    nip__arena *arena = a->argo->arena;
    const char *out = "";
    for (const char *mark; (mark = strstr(text, "{{")) != NULL;) {
        const char *name = mark + 2 + strspn(mark + 2, " "), *end = strstr(name, "}}");
        if (end == NULL || !nip__text_starts(name, "args."))
            return NULL;
        name += strlen("args.");
        size_t length = strcspn(name, " }");
        const char *value = argument(a, name, length);
        if (value == NULL)
            return NULL;
        out = nip__arena_printf(arena, "%s%.*s%s", out != NULL ? out : "", (int)(mark - text), text, value);
        text = end + 2;
    }
    return nip__arena_printf(arena, "%s%s", out != NULL ? out : "", text);
}

/* ---- the document's metrics ---- */

static nip__value *queries_of(analysis *a, const nip__value *prometheus)
{
    nip__arena *arena = a->argo->arena;
    nip__value *metrics = (nip__value *)(uintptr_t)nip__get(a->argo->out, "metrics"); /* the tree is ours */
    const char *address = nip__get_text(prometheus, "address"), *url = address != NULL ? filled(a, address) : NULL;
    if (url != NULL && !nip__text_starts(url, "http://") && !nip__text_starts(url, "https://"))
        url = NULL; /* a placeholder then, as where none is named */
    if (metrics == NULL) {
        metrics = nip__put(arena, a->argo->out, "metrics", nip__map(arena));
        nip__put_text(arena, metrics, "driver", "prometheus");
        nip__put(arena, metrics, "queries", nip__map(arena));
    }
    const char *known = nip__get_text(metrics, "url");
    if (known == NULL)
        nip__put_text(arena, metrics, "url", url);
    else if (url != NULL && !nip__text_equal(known, url))
        nip__argo_note(a->argo, NIP__ARGO_CHANGED, prometheus, a->at, "all queries go to one Prometheus, metrics.url");
    return (nip__value *)(uintptr_t)nip__get(metrics, "queries");
}

static void put_limit(analysis *a, const char *name, nip__value *max)
{
    nip__value *limit = nip__put(a->argo->arena, a->guard, name, nip__map(a->argo->arena));
    nip__put(a->argo->arena, limit, "max", max);
}

static void tell_versions(analysis *a, const nip__value *metric, const char *query)
{
    if (a->versioned)
        nip__argo_note(a->argo, NIP__ARGO_CHANGED, metric, a->at, "{version} stands where the hash of the pods' template stood: the label must hold the version's name");
    else if (strstr(query, "{version}") == NULL)
        nip__argo_note(a->argo, NIP__ARGO_GUESSED, metric, a->at, "the query does not tell versions apart: add a label matcher with {version}");
}

/* ---- one metric ---- */

/* The ratio is that of what is good when it must be high, that of what is bad when it must be low. */
static void take_ratio(analysis *a, const nip__value *metric, const char *numerator, const char *denominator, const nip__promql_condition *good)
{
    nip__arena *arena = a->argo->arena;
    const char *part = nip__promql_counts(arena, numerator), *all = nip__promql_counts(arena, denominator);
    if (part == NULL || all == NULL || good->number < 0 || good->number > 1) {
        dropped(a, metric, part == NULL || all == NULL ? "its ratio is not one of rates over one range each, so it cannot be told as counts"
                                                       : "a limit on a ratio lies between 0 and 1");
        return;
    }
    if (nip__get(a->guard, "error_rate") != NULL) {
        dropped(a, metric, "there is a limit on the error rate already: one query of errors and one of all requests are judged");
        return;
    }
    nip__value *queries = queries_of(a, nip__pointer(metric, "/provider/prometheus"));
    nip__put_text(arena, queries, "errors", good->below ? part : nip__arena_printf(arena, "(%s) - (%s)", all, part));
    nip__put_text(arena, queries, "total", all);
    double percent = round((good->below ? good->number : 1 - good->number) * 1e11) / 1e9;
    char limit[40];
    nip__text_from_real(percent, limit);
    put_limit(a, "error_rate", nip__real(arena, percent));
    tell_versions(a, metric, part);
    nip__argo_note(a->argo, NIP__ARGO_CHANGED, metric, a->at,
                   "a condition on a ratio became a limit of %s %% on the error rate, judged by exact counts since the last change of traffic", limit);
}

static const char *latency_name(double quantile)
{
    static const struct {
        double quantile;
        const char *name;
    } names[] = {{0.5, "latency_p50"}, {0.9, "latency_p90"}, {0.95, "latency_p95"}, {0.99, "latency_p99"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (fabs(names[i].quantile - quantile) < 1e-9)
            return names[i].name;
    }
    return NULL;
}

static void take_quantile(analysis *a, const nip__value *metric, const char *query, double quantile, const nip__promql_condition *good)
{
    nip__arena *arena = a->argo->arena;
    const char *name = latency_name(quantile);
    if (name == NULL || !good->below || good->number <= 0 || good->number > 3600) {
        dropped(a, metric, name == NULL ? "quantiles are 0.5, 0.9, 0.95 and 0.99" : "a latency has an upper limit between 0 and an hour, in seconds");
        return;
    }
    nip__put_text(arena, queries_of(a, nip__pointer(metric, "/provider/prometheus")), name, query);
    nip__value *holder = nip__map(arena);
    nip__put_duration(arena, holder, "max", (nip_duration)llround(good->number * (double)NIP_SECOND));
    put_limit(a, name, nip__copy(arena, nip__get(holder, "max")));
    tell_versions(a, metric, query);
}

/* What must hold for the metric to be good, from either of its two conditions. */
static bool condition_of(const nip__value *metric, nip__promql_condition *good)
{
    const char *success = nip__get_text(metric, "successCondition"), *failure = nip__get_text(metric, "failureCondition");
    if (success != NULL)
        return nip__promql_read_condition(success, good);
    if (failure == NULL || !nip__promql_read_condition(failure, good))
        return false;
    good->below = !good->below;
    return true;
}

/* A guard has one limit for all of its metrics; -1 is none. */
static bool is_stricter(int64_t limit, int64_t than)
{
    return than < 0 ? limit >= 0 : limit >= 0 && limit < than;
}

static void put_failure_limit(analysis *a, const nip__value *metric)
{
    int64_t limit = nip__get_int(metric, "failureLimit", 0), other = nip__get_int(a->guard, "failure_limit", -2);
    if (other != -2 && limit != other)
        nip__argo_note(a->argo, NIP__ARGO_CHANGED, metric, a->at, "failureLimit: a guard has one for all of its metrics, the strictest");
    if (limit >= -1 && (other == -2 || is_stricter(limit, other)))
        nip__put_int(a->argo->arena, a->guard, "failure_limit", limit);
}

static void put_pace(analysis *a, const nip__value *metric)
{
    nip_duration interval = nip__argo_duration(nip__get(metric, "interval"), -1), other = nip__get_duration(a->guard, "interval", NIP_HOUR * 24);
    if (interval > 0 && interval < other)
        nip__put_duration(a->argo->arena, a->guard, "interval", interval);
    put_failure_limit(a, metric);
    if (nip__get(metric, "count") != NULL)
        nip__argo_note(a->argo, NIP__ARGO_CHANGED, nip__get(metric, "count"), a->at, "count: a guard looks as long as its stage lasts");
    if (nip__get(metric, "consecutiveErrorLimit") != NULL)
        nip__argo_note(a->argo, NIP__ARGO_CHANGED, nip__get(metric, "consecutiveErrorLimit"), a->at,
                       "consecutiveErrorLimit: a measurement that fails is no data, and on_no_data says what that means");
}

static void take_metric(analysis *a, const nip__value *metric)
{
    const nip__value *prometheus = nip__pointer(metric, "/provider/prometheus");
    const char *text = nip__get_text(prometheus, "query"), *query = text != NULL ? filled(a, text) : NULL, *numerator, *denominator;
    nip__promql_condition good;
    double quantile;
    if (prometheus == NULL)
        dropped(a, metric, "its provider is not Prometheus");
    else if (query == NULL)
        dropped(a, metric, text == NULL ? "it has no query" : "an argument of its query has no value that is known here");
    else if (!condition_of(metric, &good))
        dropped(a, metric, "its condition is not one comparison of result[0] with a number");
    else if (nip__promql_quantile(query, &quantile))
        take_quantile(a, metric, query, quantile, &good);
    else if (nip__promql_ratio(a->argo->arena, query, &numerator, &denominator))
        take_ratio(a, metric, numerator, denominator, &good);
    else
        dropped(a, metric, "its query is neither a ratio of two rates nor a histogram_quantile");
    if (nip__count(a->guard) > 0)
        put_pace(a, metric);
}

static const nip__value *find_template(const nip__argo *argo, const char *name)
{
    for (size_t i = 0; i < argo->template_count; i++) {
        if (name != NULL && nip__text_equal(nip__get_text(nip__get(argo->templates[i], "metadata"), "name"), name))
            return argo->templates[i];
    }
    return NULL;
}

void nip__argo_analysis(nip__argo *argo, const nip__value *given, const char *at, nip__value *guard)
{
    for (NIP__EACH(reference, nip__get(given, "templates"))) {
        const char *name = nip__get_text(reference, "templateName");
        const nip__value *found = find_template(argo, name);
        analysis a = {.argo = argo, .guard = guard, .args = nip__get(given, "args"), .defaults = nip__pointer(found, "/spec/args")};
        if (found == NULL)
            nip__argo_note(argo, NIP__ARGO_DROPPED, reference, at, "its template \"%s\" is not among the documents: append it, after a line ---",
                           name != NULL ? name : "");
        for (NIP__EACH(metric, nip__pointer(found, "/spec/metrics"))) {
            const char *metric_name = nip__get_text(metric, "name");
            a.at = nip__arena_printf(argo->arena, "AnalysisTemplate %s, metric %s", name, metric_name != NULL ? metric_name : "without name");
            a.versioned = false;
            take_metric(&a, metric);
        }
    }
}
