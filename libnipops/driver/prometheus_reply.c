/* Reading replies of the query API. Vectors, scalars and matrices become series with one number each; everything
 * that is not a number stays told apart from zero. */
#include "driver/prometheus.h"

#include <string.h>

#include "analysis/labels.h"
#include "base/error.h"
#include "base/text.h"
#include "doc/json.h"

enum { SERIES_MAX = 1000, QUOTED_MAX = 300 };

typedef struct reader {
    nip__arena *arena;
    nip__prometheus_reply reply;
} reader;

static bool refuse(reader *r, const char *problem)
{
    r->reply.problem = problem != NULL ? problem : "out of memory";
    return false;
}

/* What a server says, as one line of bounded length. */
static const char *quote(nip__arena *arena, const char *text)
{
    char *copy = nip__arena_copy(arena, text, strnlen(text, QUOTED_MAX));
    for (char *c = copy; c != NULL && *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    return copy;
}

/* ---- numbers ---- */

/* "0.03", "1e-07", "NaN", "+Inf", "-Inf": the API gives numbers as text. */
static bool read_number(const nip__value *text, double *value, bool *finite)
{
    static const char *const others[] = {"NaN", "+Inf", "-Inf", "Inf", NULL};
    if (!nip__is(text, NIP__STRING))
        return false;
    *finite = nip__text_real(text->as.string.text, value);
    for (size_t i = 0; !*finite && others[i] != NULL; i++)
        if (strcmp(text->as.string.text, others[i]) == 0)
            return true;
    return *finite;
}

/* [timestamp, "value"] */
static bool read_sample(const nip__value *sample, nip__prometheus_series *series)
{
    double timestamp;
    return nip__is(sample, NIP__LIST) && nip__count(sample) == 2 && nip__number(nip__at(sample, 0), &timestamp) &&
           read_number(nip__at(sample, 1), &series->value, &series->finite);
}

/* The last finite sample of a matrix's series. */
static bool read_samples(const nip__value *samples, nip__prometheus_series *series)
{
    nip__prometheus_series one = *series;
    for (NIP__EACH(sample, samples)) {
        if (!read_sample(sample, &one))
            return false;
        if (one.finite || !series->finite)
            *series = one;
    }
    return nip__is(samples, NIP__LIST) && nip__count(samples) > 0;
}

/* ---- labels ---- */

/* Equal labels give equal keys, in whatever order they come. The metric's name is left out: two sides of a ratio
 * differ in it. */
static const char *make_key(nip__arena *arena, const nip__value *metric)
{
    nip__label labels[NIP__LABELS_MAX];
    size_t count = 0;
    for (NIP__EACH(label, metric)) {
        if (strcmp(label->key, "__name__") == 0)
            continue;
        if (count == NIP__LABELS_MAX || !nip__is(label, NIP__STRING))
            return NULL;
        labels[count++] = (nip__label){.name = label->key, .value = label->as.string.text};
    }
    nip__labels_sort(labels, count);
    nip__buffer key = NIP__BUFFER(NIP__LABELS_KEY_MAX);
    nip__labels_key(&key, labels, count);
    const char *made = key.failed ? NULL : nip__arena_text(arena, nip__buffer_string(&key));
    nip__buffer_clear(&key);
    return made;
}

/* ---- results ---- */

static bool read_series(reader *r, const nip__value *result, const char *samples,
                        bool (*read)(const nip__value *, nip__prometheus_series *))
{
    if (!nip__is(result, NIP__LIST))
        return refuse(r, "the reply's result is not a list");
    if (nip__count(result) > SERIES_MAX)
        return refuse(r, nip__arena_printf(r->arena, "%zu series, more than %d: aggregate the query",
                                           nip__count(result), SERIES_MAX));
    r->reply.series = nip__arena_alloc(r->arena, (nip__count(result) + 1) * sizeof *r->reply.series);
    if (r->reply.series == NULL)
        return false;
    for (NIP__EACH(item, result)) {
        nip__prometheus_series *series = &r->reply.series[r->reply.count++];
        if (!nip__is(nip__get(item, "metric"), NIP__MAP))
            return refuse(r, "a series has no map \"metric\"");
        series->key = make_key(r->arena, nip__get(item, "metric"));
        if (nip__get(item, "histogram") != NULL || nip__get(item, "histograms") != NULL)
            return refuse(r,
                          "the result is a histogram: the query must give numbers, for example by histogram_quantile");
        if (series->key == NULL)
            return refuse(r, "a series has too many or too long labels");
        if (!read(nip__get(item, samples), series))
            return refuse(r, "a sample is not [time, \"value\"]");
    }
    return true;
}

static bool read_scalar(reader *r, const nip__value *result)
{
    r->reply.series = nip__arena_alloc(r->arena, sizeof *r->reply.series);
    if (r->reply.series == NULL)
        return false;
    r->reply.count = 1;
    r->reply.series->key = "";
    return read_sample(result, r->reply.series) || refuse(r, "the scalar is not [time, \"value\"]");
}

static bool read_data(reader *r, const nip__value *data)
{
    const char *type = nip__get_text(data, "resultType");
    const nip__value *result = nip__get(data, "result");
    if (nip__text_equal(type, "vector"))
        return read_series(r, result, "value", read_sample);
    if (nip__text_equal(type, "matrix"))
        return read_series(r, result, "values", read_samples);
    if (nip__text_equal(type, "scalar"))
        return read_scalar(r, result);
    return refuse(r, nip__text_equal(type, "string") ? "the result is a string, not a number"
                                                     : "the reply has no known resultType");
}

static const char *first_text(const nip__value *list)
{
    const nip__value *first = nip__first(list);
    return first == NULL ? NULL : nip__is(first, NIP__STRING) ? first->as.string.text : "of another form than text";
}

static bool read_reply(reader *r, const nip__value *root)
{
    const char *status = nip__get_text(root, "status");
    if (nip__text_equal(status, "error")) {
        const char *type = nip__get_text(root, "errorType"), *error = nip__get_text(root, "error");
        return refuse(r, quote(r->arena, nip__arena_printf(r->arena, "%s: %s", type != NULL ? type : "error",
                                                           error != NULL ? error : "")));
    }
    if (!nip__text_equal(status, "success"))
        return refuse(r, "the reply is not one of Prometheus' query API");
    const char *warning = first_text(nip__get(root, "warnings")), *info = first_text(nip__get(root, "infos"));
    if (warning != NULL) /* data may be missing: a part of a result must not pass for the whole */
        return refuse(r, nip__arena_printf(r->arena, "warning: %s", quote(r->arena, warning)));
    if (info != NULL)
        r->reply.note = nip__arena_printf(r->arena, "info: %s", quote(r->arena, info));
    return read_data(r, nip__get(root, "data"));
}

int nip__prometheus_read(nip__arena *arena, const char *body, size_t length, nip__prometheus_reply *reply)
{
    reader r = {.arena = arena};
    nip__value *root = NULL;
    nip_error *err = NULL;
    int rc = nip__json_read(arena, body, length, "reply", &nip__reply_limits, &root, &err);
    if (rc == 0)
        read_reply(&r, root);
    else if (rc != NIP_E_NOMEM)
        refuse(&r, nip__arena_printf(arena, "the reply is not JSON: %s", quote(arena, nip_error_message(err))));
    nip_error_free(err);
    if (rc == NIP_E_NOMEM || nip__arena_failed(arena))
        return NIP_E_NOMEM;
    *reply = r.reply;
    return 0;
}
