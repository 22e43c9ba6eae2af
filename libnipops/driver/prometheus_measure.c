/* One measurement: all queries of all versions at once, then one result. A number that cannot be told is left out,
 * with the reason among the problems; nothing that is missing ever becomes 0, except errors beside a total that is
 * there. */
#include "driver/prometheus.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"
#include "doc/json.h"
#include "op/fill.h"
#include "op/query.h"

enum { VERSIONS_MAX = 64, PROBLEM_MAX = 1000, POINTS_MAX = 11000 };

#define WINDOW_UNKNOWN NIP_MINUTE /* {window} when nobody says since when */

typedef struct query {
    nip__prometheus_job *job;
    const nip__value *version; /* its entry in the arguments */
    const char *name;          /* "errors", "latency_p95" */
    const char *text;          /* PromQL, as the settings have it */
    nip__http *http;           /* NULL: ended */
    const char *lost;          /* reason why no reply of Prometheus came; static */
    bool retryable;
    nip__prometheus_reply reply; /* its problem also says what was lost */
} query;

struct nip__prometheus_job {
    nip__prometheus *prometheus;
    nip_action *action;
    nip__arena *arena;
    nip_time since, at;
    query *queries;
    size_t count, left;
    nip__prometheus_job *later;
};

/* ---- jobs ---- */

static void free_job(nip__prometheus_job *job)
{
    for (size_t i = 0; i < job->count; i++)
        nip__http_stop(job->queries[i].http);
    nip__arena_free(job->arena);
    nip__free(job);
}

static void unlink_job(nip__prometheus_job *job)
{
    nip__prometheus_job **at = &job->prometheus->jobs;
    while (*at != NULL && *at != job)
        at = &(*at)->later;
    if (*at != NULL)
        *at = job->later;
}

void nip__prometheus_cancel(nip__prometheus *prometheus, const nip_action *action)
{
    nip__prometheus_job *job = prometheus->jobs;
    while (job != NULL) {
        nip__prometheus_job *later = job->later;
        if (action == NULL || job->action == action) {
            unlink_job(job);
            free_job(job);
        }
        job = later;
    }
}

static const nip__value *queries_of(const nip__prometheus_job *job)
{
    return nip__get(job->prometheus->settings, "queries");
}

static const query *find_query(const nip__prometheus_job *job, const nip__value *version, const char *name)
{
    for (size_t i = 0; i < job->count; i++)
        if (job->queries[i].version == version && strcmp(job->queries[i].name, name) == 0)
            return &job->queries[i];
    return NULL;
}

/* ---- the result ---- */

static void add_problem(const nip__prometheus_job *job, nip__value *problems, const char *name, const char *what)
{
    nip__push(problems, nip__string(job->arena, nip__arena_printf(job->arena, "%s: %.*s", name, PROBLEM_MAX, what)));
}

/* Why the query gives no numbers; NULL: it does (perhaps none). */
static const char *trouble(const query *asked)
{
    if (asked->reply.problem != NULL)
        return asked->reply.problem;
    for (size_t i = 0; i < asked->reply.count; i++)
        if (!asked->reply.series[i].finite)
            return "the result is NaN or infinite";
    return NULL;
}

static const char *count_trouble(const query *asked)
{
    const char *known = trouble(asked);
    for (size_t i = 0; known == NULL && i < asked->reply.count; i++)
        if (asked->reply.series[i].value < 0 || asked->reply.series[i].value > 9e15)
            known = "the result is not a count of events";
    return known;
}

static double value_of(const query *asked, const char *key)
{
    for (size_t i = 0; i < asked->reply.count; i++)
        if (strcmp(asked->reply.series[i].key, key) == 0)
            return asked->reply.series[i].value;
    return 0;
}

static bool has_key(const query *asked, const char *key)
{
    for (size_t i = 0; i < asked->reply.count; i++)
        if (strcmp(asked->reply.series[i].key, key) == 0)
            return true;
    return false;
}

static void put_events(nip__arena *arena, nip__value *map, double errors, double total)
{
    /* increase() extrapolates: events come as fractions, and are counted as the nearest whole ones */
    nip__put_int(arena, map, "errors", (int64_t)llround(errors));
    nip__put_int(arena, map, "total", (int64_t)llround(total));
}

static void put_window(nip__arena *arena, nip__value *result, const query *errors, const query *total)
{
    double bad = 0, all = 0;
    for (size_t i = 0; i < errors->reply.count; i++)
        bad += errors->reply.series[i].value;
    for (size_t i = 0; i < total->reply.count; i++)
        all += total->reply.series[i].value;
    put_events(arena, nip__put(arena, result, "window", nip__map(arena)), bad, all);
}

static void put_counters(nip__arena *arena, nip__value *result, const query *errors, const query *total)
{
    nip__value *counters = nip__put(arena, result, "counters", nip__map(arena));
    for (size_t i = 0; i < total->reply.count; i++) {
        const nip__prometheus_series *series = &total->reply.series[i];
        nip__value *counter = nip__put(arena, counters, series->key, nip__map(arena));
        put_events(arena, counter, value_of(errors, series->key), series->value);
    }
}

/* An errors series that total lacks cannot be set beside anything. */
static const char *unpaired(const query *errors, const query *total)
{
    for (size_t i = 0; i < errors->reply.count; i++)
        if (!has_key(total, errors->reply.series[i].key))
            return errors->reply.series[i].key;
    return NULL;
}

static void put_counts(const nip__prometheus_job *job, nip__value *result, nip__value *problems,
                       const nip__value *version)
{
    const query *errors = find_query(job, version, "errors"), *total = find_query(job, version, "total");
    if (errors == NULL || total == NULL)
        return;
    const char *without_errors = count_trouble(errors), *without_total = count_trouble(total);
    bool window = nip__fill_has(total->text, "window");
    if (without_total == NULL && total->reply.count == 0)
        without_total = "no data: no series matches the query";
    if (without_errors != NULL)
        add_problem(job, problems, "errors", without_errors);
    if (without_total != NULL)
        add_problem(job, problems, "total", without_total);
    if (without_errors != NULL || without_total != NULL)
        return;
    const char *odd = unpaired(errors, total);
    if (window != nip__fill_has(errors->text, "window"))
        add_problem(job, problems, "errors", "the queries errors and total must both use {window}, or neither");
    else if (window)
        put_window(job->arena, result, errors, total);
    else if (odd != NULL)
        add_problem(job, problems, "errors",
                    nip__arena_printf(job->arena,
                                      "the series {%.200s} is not in total: aggregate both by the same labels", odd));
    else
        put_counters(job->arena, result, errors, total);
}

static void put_latency(const nip__prometheus_job *job, nip__value *values, nip__value *problems, const query *asked)
{
    const char *unit = nip__get_text(job->prometheus->settings, "latency_unit");
    const char *without = trouble(asked);
    if (without == NULL && asked->reply.count == 0)
        without = "no data: no series matches the query";
    if (without == NULL && asked->reply.count > 1)
        without = nip__arena_printf(job->arena, "%zu series where one number is wanted: aggregate the query",
                                    asked->reply.count);
    if (without == NULL && asked->reply.series[0].value < 0)
        without = "the result is negative";
    if (without != NULL)
        add_problem(job, problems, asked->name, without);
    else
        nip__put_real(job->arena, values, asked->name,
                      asked->reply.series[0].value / (nip__text_equal(unit, "ms") ? 1000.0 : 1.0));
}

static bool is_count(const char *name)
{
    return strcmp(name, "errors") == 0 || strcmp(name, "total") == 0;
}

/* Metrics that are asked for and that no query tells. */
static void add_unasked(const nip__prometheus_job *job, nip__value *problems)
{
    for (NIP__EACH(metric, nip__get(nip__action_args_value(job->action), "metrics"))) {
        const char *name = nip__is(metric, NIP__STRING) ? metric->as.string.text : "";
        if (strcmp(name, "error_rate") == 0) {
            if (nip__get(queries_of(job), "errors") == NULL || nip__get(queries_of(job), "total") == NULL)
                add_problem(job, problems, name,
                            "no queries for it: set metrics.queries.errors and metrics.queries.total");
        } else if (nip__get(queries_of(job), name) == NULL) {
            add_problem(job, problems, name, "no query for it: set metrics.queries to have one of that name");
        }
    }
}

static nip__value *version_result(const nip__prometheus_job *job, const nip__value *version)
{
    nip__value *result = nip__map(job->arena), *values = nip__map(job->arena), *problems = nip__list(job->arena);
    add_unasked(job, problems);
    put_counts(job, result, problems, version);
    for (size_t i = 0; i < job->count; i++) {
        const query *asked = &job->queries[i];
        if (asked->version == version && !is_count(asked->name))
            put_latency(job, values, problems, asked);
        if (asked->version == version && asked->reply.note != NULL)
            add_problem(job, problems, asked->name, asked->reply.note);
    }
    nip__put(job->arena, result, "values", values);
    nip__put(job->arena, result, "problems", problems);
    return result;
}

static const query *lost_whole(const nip__prometheus_job *job)
{
    for (size_t i = 0; i < job->count; i++)
        if (job->queries[i].lost == NULL)
            return NULL;
    return job->count > 0 ? &job->queries[0] : NULL;
}

static void complete(nip__prometheus_job *job)
{
    nip__value *result = nip__map(job->arena);
    nip__value *versions = nip__put(job->arena, result, "versions", nip__map(job->arena));
    for (NIP__EACH(version, nip__get(nip__action_args_value(job->action), "versions")))
        nip__put(job->arena, versions, version->key, version_result(job, version));
    const query *lost = lost_whole(job);
    unlink_job(job);
    if (nip__arena_failed(job->arena))
        nip__action_failed(job->action, "no_memory", 1, NULL, "out of memory");
    else if (lost != NULL) /* Prometheus itself was not reached: not one query says anything */
        nip__action_failed(job->action, lost->lost, lost->retryable, NULL, "%s", lost->reply.problem);
    else
        nip__action_done(job->action, result);
    free_job(job);
}

/* ---- replies ---- */

static void lose(query *asked, const char *reason, bool retryable, const char *problem)
{
    asked->lost = reason;
    asked->retryable = retryable;
    asked->reply = (nip__prometheus_reply){.problem = problem != NULL ? problem : "out of memory"};
}

static nip__query as_query(const query *asked);

static void take_foreign(query *asked, int status)
{
    nip__query sent = as_query(asked);
    const char *reason = NULL;
    bool retryable = false;
    const char *problem = nip__query_foreign(asked->job->arena, &sent, status, &reason, &retryable);
    lose(asked, reason, retryable, problem);
}

static void take_reply(query *asked, const nip__http_reply *reply)
{
    nip__arena *arena = asked->job->arena;
    if (reply->reason != NULL) {
        bool retryable = false;
        const char *reason = nip__query_lost(reply->reason, &retryable);
        lose(asked, reason, retryable, nip__arena_text(arena, reply->message));
        return;
    }
    bool ours = reply->status == 200 || reply->status == 400 || reply->status == 422 || reply->status == 503;
    bool json = reply->body_length > 0 && reply->body[0] == '{';
    if (!ours || !json)
        take_foreign(asked, reply->status);
    else if (nip__prometheus_read(arena, reply->body, reply->body_length, &asked->reply) == NIP_E_NOMEM)
        lose(asked, "no_memory", true, "out of memory");
    else if (reply->status != 200 && asked->reply.problem == NULL)
        take_foreign(asked, reply->status);
}

static void on_reply(void *data, const nip__http_reply *reply)
{
    query *asked = data;
    asked->http = NULL;
    take_reply(asked, reply);
    if (--asked->job->left == 0)
        complete(asked->job);
}

/* ---- requests ---- */

/* What stands inside a PromQL string must not end it. */
static char *escape(nip__arena *arena, const char *text)
{
    nip__buffer escaped = NIP__BUFFER(4096);
    for (; text != NULL && *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            nip__buffer_char(&escaped, '\\');
        nip__buffer_char(&escaped, (unsigned char)*text < ' ' ? ' ' : *text);
    }
    char *copy = escaped.failed ? NULL : nip__arena_text(arena, nip__buffer_string(&escaped));
    nip__buffer_clear(&escaped);
    return copy;
}

static bool is_range(const query *asked)
{
    return !is_count(asked->name) && nip__get(asked->job->prometheus->settings, "range_step") != NULL;
}

static void put_times(nip__buffer *body, const query *asked)
{
    const nip__prometheus_job *job = asked->job;
    nip_duration step = nip__get_duration(job->prometheus->settings, "range_step", NIP_MINUTE);
    if (!is_range(asked)) {
        nip__query_put_ms(body, "time", job->at / NIP_MILLISECOND);
        return;
    }
    /* the server refuses ranges of more than 11,000 points */
    nip_duration length = nip__time_between(job->since, job->at);
    nip_duration most = step * (POINTS_MAX - 1);
    nip__query_put_ms(body, "start", (length > most ? job->at - most : job->since) / NIP_MILLISECOND);
    nip__query_put_ms(body, "end", job->at / NIP_MILLISECOND);
    nip__query_put_ms(body, "step", step / NIP_MILLISECOND);
}

static int make_body(const query *asked, nip__buffer *body, nip_error **err)
{
    const nip__prometheus_job *job = asked->job;
    nip_duration window = nip__time_between(job->since, job->at) / NIP_SECOND;
    const nip__fill fills[] = {
        {.name = "version", .value = escape(job->arena, asked->version->key)},
        {.name = "app", .value = escape(job->arena, nip_action_subject(job->action))},
        {.name = "window", .value = nip__arena_printf(job->arena, "%llds", (long long)(window < 1 ? 1 : window))},
        {0},
    };
    nip__buffer text = NIP__BUFFER(1 << 20);
    nip__fill_in(&text, asked->text, fills);
    nip__query_put(body, "query", nip__buffer_string(&text));
    put_times(body, asked);
    bool failed = text.failed || body->failed || nip__arena_failed(job->arena);
    nip__buffer_clear(&text);
    return failed ? nip__nomem(err) : 0;
}

static nip__query as_query(const query *asked)
{
    return (nip__query){
        .settings = asked->job->prometheus->settings,
        .place = "metrics",
        .path = is_range(asked) ? "query_range" : "query",
        .reply_max = nip__reply_limits.bytes,
    };
}

static int ask(query *asked, nip_error **err)
{
    nip__buffer form = NIP__BUFFER(4 << 20);
    nip__query sent = as_query(asked);
    sent.form = &form;
    int rc = make_body(asked, &form, err);
    if (rc == 0)
        rc = nip__query_start(asked->job->prometheus->loop, &sent, on_reply, asked, &asked->http, err);
    nip__buffer_clear(&form);
    return rc;
}

static int ask_all(nip__prometheus_job *job, nip_error **err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < job->count; i++)
        rc = ask(&job->queries[i], err);
    job->left = job->count;
    return rc;
}

/* ---- beginning ---- */

static bool is_wanted(const nip__value *metrics, const char *name)
{
    if (is_count(name)) /* also without error_rate: how many events there were tells what a latency is worth */
        return true;
    for (NIP__EACH(metric, metrics))
        if (nip__is(metric, NIP__STRING) && strcmp(metric->as.string.text, name) == 0)
            return true;
    return false;
}

static int add_queries(nip__prometheus_job *job, const nip__value *args, nip_error **err)
{
    const nip__value *versions = nip__get(args, "versions");
    if (!nip__is(versions, NIP__MAP) || nip__count(versions) == 0 || nip__count(versions) > VERSIONS_MAX)
        return nip__fail(err, NIP_E_INVALID, "versions: must be a map of 1 to %d versions", VERSIONS_MAX);
    job->queries =
        nip__arena_alloc(job->arena, nip__count(versions) * nip__count(queries_of(job)) * sizeof *job->queries);
    if (job->queries == NULL)
        return nip__nomem(err);
    for (NIP__EACH(version, versions))
        for (NIP__EACH(text, queries_of(job)))
            if (is_wanted(nip__get(args, "metrics"), text->key))
                job->queries[job->count++] =
                    (query){.job = job, .version = version, .name = text->key, .text = text->as.string.text};
    return 0;
}

int nip__prometheus_measure(nip__prometheus *prometheus, nip_action *action, nip_error **err)
{
    const nip__value *args = nip__action_args_value(action);
    nip__prometheus_job *job = nip__calloc(1, sizeof *job);
    if (job == NULL)
        return nip__nomem(err);
    *job = (nip__prometheus_job){.prometheus = prometheus, .action = action, .arena = nip__arena_new()};
    job->at = nip__get_time(args, "at", nip__loop_now(prometheus->loop));
    job->since = nip__get_time(args, "since", nip__time_add(job->at, -WINDOW_UNKNOWN));
    int rc = job->arena == NULL ? nip__nomem(err) : add_queries(job, args, err);
    if (rc == 0)
        rc = ask_all(job, err);
    if (rc < 0) {
        free_job(job);
        return rc;
    }
    job->later = prometheus->jobs;
    prometheus->jobs = job;
    if (job->count == 0)
        complete(job);
    return 0;
}
