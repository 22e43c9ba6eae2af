/* What a token means depends on the place it stands at: a table of places says which key or item leads where. A part of the
 * reply that is of no use is a place of its own, under which nothing means anything; it is still read strictly. */
#include "analysis/matrix.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/print.h"
#include "base/text.h"
#include "doc/json_stream.h"

const nip__matrix_limits nip__matrix_limits_default = {.bytes = UINT64_C(1) << 30, .series = 100000, .samples = 50000000};

enum {
    LABEL_BYTES_MAX = 65536, /* names and values of one series */
    QUOTED_MAX = 300,        /* of what a server says */
    SAMPLE_TEXT_MAX = 128,   /* no sample of a server is longer: those that are go the slow way */
};

typedef enum place {
    IGNORED,
    ROOT,
    STATUS,
    ERROR_TYPE,
    ERROR_TEXT,
    WARNINGS,
    WARNING,
    INFOS,
    INFO,
    DATA,
    RESULT_TYPE,
    RESULT,
    SERIES,
    METRIC,
    LABEL,
    HISTOGRAM,
    SAMPLES,
    SAMPLE,
    PLACES,
} place;

typedef enum result_type { UNKNOWN, VECTOR, MATRIX, SCALAR, STRING } result_type;

struct nip__matrix {
    nip__json_stream *stream;
    nip__matrix_limits limits;
    nip__matrix_sink sink;
    void *data;

    place places[NIP__STREAM_LEVELS + 1]; /* of each open map and list; [0] is around the root */
    int depth;
    place next; /* where the value behind a key stands */

    /* the reply */
    bool success, refused, warned, has_result;
    result_type type;
    char error_type[64], error[QUOTED_MAX + 1], warning[QUOTED_MAX + 1], info[QUOTED_MAX + 1];
    uint64_t series, samples, bytes;

    /* the series at hand */
    bool has_metric, has_sample;
    nip__buffer label_bytes; /* name NUL value NUL ... */
    size_t label_count;
    nip__buffer key;

    /* the sample at hand */
    int part; /* how many of [time, "value"] were there */
    int64_t t_ms;

    int rc;          /* the sink's, or a limit's */
    bool stopped;    /* rc is the sink's */
    bool foreign;    /* `problem` is about the shape: not a reply of the query API */
    char problem[256];
    char summary[QUOTED_MAX + 128];
};

/* ---- problems ---- */

static void note(nip__matrix *m, bool foreign, const char *format, va_list arguments)
{
    if (m->problem[0] != '\0')
        return;
    nip__vprint(m->problem, sizeof m->problem, format, arguments);
    m->foreign = foreign;
}

static int malformed(nip__matrix *m, const char *format, ...) NIP__PRINTF(2, 3);
static int unfit(nip__matrix *m, const char *format, ...) NIP__PRINTF(2, 3);
static int beyond(nip__matrix *m, const char *format, ...) NIP__PRINTF(2, 3);

/* The rest is still read: it may say that the query failed, or be no JSON. */
static int malformed(nip__matrix *m, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    note(m, true, format, arguments);
    va_end(arguments);
    return 0;
}

static int unfit(nip__matrix *m, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    note(m, false, format, arguments);
    va_end(arguments);
    return 0;
}

static int beyond(nip__matrix *m, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    m->problem[0] = '\0';
    note(m, false, format, arguments);
    va_end(arguments);
    return m->rc = NIP_E_LIMIT;
}

static int stop(nip__matrix *m, int rc)
{
    if (rc >= 0)
        return 0;
    m->stopped = true;
    return m->rc = rc;
}

/* What a server says, as one line of bounded length. */
static void quote(char *out, size_t size, const char *text, size_t length)
{
    size_t kept = length < size - 1 ? length : size - 1;
    for (size_t i = 0; i < kept; i++)
        out[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i];
    out[nip__text_utf8_prefix(out, kept)] = '\0';
}

static bool is(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

/* ---- numbers ---- */

/* A time in seconds as whole milliseconds, exactly. */
static bool read_time(const char *text, size_t length, int64_t *t_ms)
{
    const char *p = text, *end = text + length;
    bool negative = *p == '-', point = false;
    int64_t ms = 0;
    int decimals = 0;
    for (p += negative; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            point = true;
        } else if (decimals == 3) {
            if (*p != '0')
                return false;
        } else {
            decimals += point;
            if (__builtin_mul_overflow(ms, INT64_C(10), &ms) || __builtin_add_overflow(ms, (int64_t)(*p - '0'), &ms))
                return false;
        }
    }
    for (; decimals < 3; decimals++)
        if (__builtin_mul_overflow(ms, INT64_C(10), &ms))
            return false;
    *t_ms = negative ? -ms : ms;
    return p == end; /* no server writes times with an exponent */
}

static bool read_value(const char *text, size_t length, double *value)
{
    static const struct {
        const char *word;
        double value;
    } words[] = {{"NaN", NAN}, {"+Inf", INFINITY}, {"-Inf", -INFINITY}, {"Inf", INFINITY}};
    if (nip__text_real_of(text, length, value))
        return true;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (is(text, length, words[i].word)) {
            *value = words[i].value;
            return true;
        }
    }
    return false;
}

/* ---- samples ---- */

static int count_sample(nip__matrix *m)
{
    m->has_sample = true;
    if (++m->samples > m->limits.samples)
        return beyond(m, "more than %llu samples", (unsigned long long)m->limits.samples);
    return 0;
}

static int no_sample(nip__matrix *m)
{
    return malformed(m, m->type == SCALAR || m->type == STRING ? "the scalar or string is not [time, \"value\"]"
                                                               : "a sample is not [time, \"value\"]");
}

static int take_text_result(nip__matrix *m, const char *text, size_t length)
{
    if (m->sink.text == NULL)
        return unfit(m, "the result is a string, not a number");
    nip__buffer copy = NIP__BUFFER(NIP__STREAM_TOKEN_MAX);
    nip__buffer_put(&copy, text, length);
    int rc = copy.failed ? (m->rc = NIP_E_NOMEM) : stop(m, m->sink.text(m->data, m->t_ms, nip__buffer_string(&copy)));
    nip__buffer_clear(&copy);
    return rc;
}

static int take_value(nip__matrix *m, const char *text, size_t length)
{
    double value;
    if (m->type == STRING)
        return take_text_result(m, text, length);
    if (!read_value(text, length, &value))
        return no_sample(m);
    if (m->type == SCALAR) {
        static const nip__matrix_series nameless = {.key = ""};
        m->series++;
        if (stop(m, m->sink.series(m->data, &nameless)) < 0)
            return m->rc;
    }
    return count_sample(m) < 0 ? m->rc : stop(m, m->sink.sample(m->data, m->t_ms, value));
}

static int take_sample_part(nip__matrix *m, nip__token_kind kind, const char *text, size_t length)
{
    int part = m->part++;
    if (part == 0 && kind == NIP__TOKEN_NUMBER)
        return read_time(text, length, &m->t_ms) ? 0 : unfit(m, "a sample's time is not whole milliseconds");
    if (part == 1 && kind == NIP__TOKEN_TEXT)
        return take_value(m, text, length);
    return no_sample(m);
}

/* ---- samples that lie whole before us ---- */

static const double tens[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

/* The digits from p on; at most `most` of them. */
static const char *take_digits(const char *p, uint64_t *digits, int most)
{
    for (const char *end = p + most; p < end && *p >= '0' && *p <= '9'; p++)
        *digits = *digits * 10 + (uint64_t)(*p - '0');
    return p;
}

/* `1700000000.123,` or `1700000000,`: what Prometheus writes. NULL: something else. */
static const char *take_time(const char *p, int64_t *t_ms)
{
    uint64_t ms = 0;
    const char *start = p;
    p = take_digits(p, &ms, 12);
    if (p == start || (*start == '0' && p > start + 1))
        return NULL;
    if (*p == '.') {
        start = ++p;
        p = take_digits(p, &ms, 3);
        if (p != start + 3)
            return NULL;
    } else {
        ms *= 1000;
    }
    *t_ms = (int64_t)ms;
    return *p == ',' ? p + 1 : NULL;
}

/* `"12.5"`. Fewer than 16 digits over a power of ten are two exact doubles, so that one division rounds correctly. NULL: something
 * else than a number. */
static const char *take_number(const char *p, const char *end, double *value)
{
    if (*p++ != '"')
        return NULL;
    const char *text = p;
    bool negative = *p == '-';
    uint64_t digits = 0;
    p += negative;
    const char *start = p;
    p = take_digits(p, &digits, 15);
    int whole = (int)(p - start), decimals = 0;
    if (whole > 0 && *p == '.') {
        start = ++p;
        p = take_digits(p, &digits, 15 - whole);
        decimals = (int)(p - start);
        whole = decimals > 0 ? whole : 0;
    }
    if (whole > 0 && *p == '"') {
        *value = (double)digits / tens[decimals];
        *value = negative ? -*value : *value;
        return p + 1;
    }
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= ' ' && (unsigned char)*p < 0x7f)
        p++;
    return p < end && *p == '"' && read_value(text, (size_t)(p - text), value) ? p + 1 : NULL;
}

static const char *take_sample(nip__matrix *m, const char *p, const char *end)
{
    double value;
    if (*p != '[' || end - p < SAMPLE_TEXT_MAX)
        return NULL;
    const char *limit = p + SAMPLE_TEXT_MAX;
    p = take_time(p + 1, &m->t_ms);
    p = p != NULL ? take_number(p, limit, &value) : NULL;
    if (p == NULL || p >= limit || *p != ']')
        return NULL;
    if (count_sample(m) == 0)
        stop(m, m->sink.sample(m->data, m->t_ms, value));
    return p + 1;
}

/* The quick way for what a large reply consists of. Whatever looks otherwise is left to the scanner. */
static const char *take_samples(void *data, const char *p, const char *end, int *rc)
{
    nip__matrix *m = data;
    if (m->places[m->depth] != SAMPLES || m->problem[0] != '\0')
        return p;
    for (const char *next = p;;) {
        const char *behind = take_sample(m, next, end);
        if (behind == NULL)
            return p;
        p = behind;
        if (m->rc < 0) {
            *rc = m->rc;
            return p;
        }
        if (*p != ',') /* there is a next byte, or the sample had not been taken this way */
            return p;
        next = p + 1;
    }
}

/* ---- labels ---- */

static int too_many_labels(nip__matrix *m)
{
    return m->label_bytes.failed && !m->label_bytes.full ? (m->rc = NIP_E_NOMEM)
                                                         : unfit(m, "a series has too many or too long labels");
}

static int put_label(nip__matrix *m, const char *text, size_t length)
{
    nip__buffer_put(&m->label_bytes, text, length);
    nip__buffer_char(&m->label_bytes, '\0');
    return m->label_bytes.failed ? too_many_labels(m) : 0;
}

/* The metric's name is left out of the key: two sides of a ratio differ in it. */
static size_t list_labels(const nip__matrix *m, nip__label *labels, const char **name)
{
    size_t count = 0;
    const char *at = nip__buffer_string(&m->label_bytes);
    for (size_t i = 0; i < m->label_count; i++) {
        nip__label label = {.name = at, .value = at + strlen(at) + 1};
        at = label.value + strlen(label.value) + 1;
        if (strcmp(label.name, "__name__") == 0)
            *name = label.value;
        else if (count < NIP__LABELS_MAX)
            labels[count++] = label;
        else
            return SIZE_MAX;
    }
    nip__labels_sort(labels, count);
    return count;
}

static int end_metric(nip__matrix *m)
{
    nip__label labels[NIP__LABELS_MAX];
    nip__matrix_series series = {.labels = labels};
    if (m->problem[0] != '\0')
        return 0;
    m->has_metric = true;
    series.count = list_labels(m, labels, &series.name);
    if (series.count == SIZE_MAX)
        return too_many_labels(m);
    nip__buffer_reset(&m->key);
    nip__labels_key(&m->key, labels, series.count);
    if (m->key.failed)
        return m->key.full ? too_many_labels(m) : (m->rc = NIP_E_NOMEM);
    series.key = nip__buffer_string(&m->key);
    return stop(m, m->sink.series(m->data, &series));
}

static int take_label(nip__matrix *m, nip__token_kind kind, const char *text, size_t length)
{
    if (kind != NIP__TOKEN_TEXT)
        return malformed(m, "a label is no text");
    m->label_count++;
    return put_label(m, text, length);
}

/* ---- series ---- */

static int begin_series(nip__matrix *m)
{
    m->has_metric = m->has_sample = false;
    m->label_count = 0;
    nip__buffer_reset(&m->label_bytes);
    if (++m->series > m->limits.series)
        return beyond(m, "more than %llu series: aggregate the query", (unsigned long long)m->limits.series);
    return 0;
}

static int end_series(nip__matrix *m)
{
    if (!m->has_metric)
        return malformed(m, "a series has no map \"metric\"");
    return m->has_sample ? 0 : no_sample(m);
}

/* ---- places ---- */

/* Where a key leads. NULL: any key. */
static const struct {
    place from;
    const char *key;
    place to;
} ways[] = {
    {ROOT, "status", STATUS},     {ROOT, "errorType", ERROR_TYPE},     {ROOT, "error", ERROR_TEXT},
    {ROOT, "warnings", WARNINGS}, {ROOT, "infos", INFOS},              {ROOT, "data", DATA},
    {DATA, "result", RESULT},     {DATA, "resultType", RESULT_TYPE},   {SERIES, "metric", METRIC},
    {SERIES, "value", SAMPLE},    {SERIES, "values", SAMPLES},         {SERIES, "histogram", HISTOGRAM},
    {METRIC, NULL, LABEL},        {SERIES, "histograms", HISTOGRAM},   {WARNINGS, NULL, WARNING},
    {INFOS, NULL, INFO},
};

static place find_way(place from, const char *key, size_t length)
{
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (ways[i].from == from && (ways[i].key == NULL || is(key, length, ways[i].key)))
            return ways[i].to;
    return IGNORED;
}

/* Of a large answer, which series it was: a query may bring native histograms beside numbers. */
static int refuse_histogram(nip__matrix *m)
{
    nip__label labels[NIP__LABELS_MAX];
    const char *name = NULL;
    char quoted[100];
    if (m->has_metric && list_labels(m, labels, &name) != SIZE_MAX && name != NULL)
        quote(quoted, sizeof quoted, name, strlen(name));
    return unfit(m, "the series%s%s%s is a native histogram: ask for numbers, for example by histogram_count or histogram_quantile",
                 name != NULL ? " \"" : "", name != NULL ? quoted : "", name != NULL ? "\"" : "");
}

static int take_key(nip__matrix *m, const char *key, size_t length)
{
    place from = m->places[m->depth], to = find_way(from, key, length);
    m->next = to;
    if (m->problem[0] != '\0' && to != STATUS && to != ERROR_TYPE && to != ERROR_TEXT && to != WARNINGS && to != INFOS)
        m->next = IGNORED;
    else if (to == LABEL)
        return put_label(m, key, length);
    else if (to == HISTOGRAM)
        return refuse_histogram(m);
    else if ((to == SAMPLE && m->type != VECTOR) || (to == SAMPLES && m->type != MATRIX))
        m->next = IGNORED;
    else if ((to == SAMPLE || to == SAMPLES) && !m->has_metric)
        return malformed(m, "a series' samples come before its labels");
    return 0;
}

/* Where the value that begins now stands. */
static place arrive(const nip__matrix *m)
{
    switch (m->places[m->depth]) {
    case IGNORED:
        return m->depth == 0 ? ROOT : IGNORED;
    case WARNINGS:
        return WARNING;
    case INFOS:
        return INFO;
    case RESULT:
        return m->problem[0] != '\0' ? IGNORED : SERIES;
    case SAMPLES:
        return m->problem[0] != '\0' ? IGNORED : SAMPLE;
    default:
        return m->next;
    }
}

static int take_type(nip__matrix *m, const char *text, size_t length)
{
    static const struct {
        const char *word;
        result_type type;
    } types[] = {{"vector", VECTOR}, {"matrix", MATRIX}, {"scalar", SCALAR}, {"string", STRING}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (is(text, length, types[i].word))
            m->type = types[i].type;
    return m->type != UNKNOWN ? 0 : malformed(m, "the reply has no known resultType");
}

static void take_status(nip__matrix *m, const char *text, size_t length)
{
    m->success = is(text, length, "success");
    m->refused = is(text, length, "error");
}

static void take_warning(nip__matrix *m, const char *text, size_t length)
{
    if (!m->warned)
        quote(m->warning, sizeof m->warning, text, length);
    m->warned = true;
}

/* What is neither a map nor a list. */
static int take_scalar(nip__matrix *m, nip__token_kind kind, const char *text, size_t length)
{
    place here = arrive(m);
    bool is_text = kind == NIP__TOKEN_TEXT;
    if (m->places[m->depth] == SAMPLE)
        return m->problem[0] != '\0' ? 0 : take_sample_part(m, kind, text, length);
    switch (here) {
    case STATUS:
        if (is_text)
            take_status(m, text, length);
        return 0;
    case ERROR_TYPE:
        if (is_text)
            quote(m->error_type, sizeof m->error_type, text, length);
        return 0;
    case ERROR_TEXT:
        if (is_text)
            quote(m->error, sizeof m->error, text, length);
        return 0;
    case WARNING:
        take_warning(m, text, length);
        return 0;
    case INFO:
        if (m->info[0] == '\0')
            quote(m->info, sizeof m->info, text, length);
        return 0;
    case RESULT_TYPE:
        return is_text ? take_type(m, text, length) : malformed(m, "the reply has no known resultType");
    case LABEL:
        return take_label(m, kind, text, length);
    case SAMPLE:
    case SAMPLES:
        return no_sample(m);
    case SERIES:
    case METRIC:
        return malformed(m, "a series is not a map with a map \"metric\"");
    case RESULT:
        return malformed(m, "the reply's result is not a list");
    default:
        return 0; /* no data, as it shows at the end */
    }
}

/* ---- maps and lists ---- */

static int begin_result(nip__matrix *m, bool map)
{
    if (m->type == UNKNOWN)
        return malformed(m, "the reply's result comes before its resultType");
    m->has_result = true;
    if (map)
        return malformed(m, "the reply's result is not a list");
    return 0;
}

/* What begins at a place; returns the place its items stand in. */
static place enter(nip__matrix *m, place here, bool map)
{
    switch (here) {
    case ROOT:
    case DATA:
        return map ? here : IGNORED;
    case WARNINGS:
    case INFOS:
        return here;
    case WARNING:
        take_warning(m, "of another form than text", strlen("of another form than text"));
        return IGNORED;
    case RESULT:
        begin_result(m, map);
        m->part = 0;
        return m->type == SCALAR || m->type == STRING ? SAMPLE : RESULT;
    case SERIES:
        if (!map)
            malformed(m, "a series is not a map");
        else
            begin_series(m);
        return SERIES;
    case METRIC:
        if (!map)
            malformed(m, "a series has no map \"metric\"");
        return METRIC;
    case LABEL:
        malformed(m, "a label is no text");
        return IGNORED;
    case SAMPLES:
        if (map)
            no_sample(m);
        return SAMPLES;
    case SAMPLE:
        m->part = 0;
        if (map)
            no_sample(m);
        return SAMPLE;
    case RESULT_TYPE:
        malformed(m, "the reply has no known resultType");
        return IGNORED;
    default:
        return IGNORED;
    }
}

static int open_level(nip__matrix *m, bool map)
{
    place here = arrive(m);
    if (m->places[m->depth] == SAMPLE) { /* inside [time, "value"] */
        no_sample(m);
        here = IGNORED;
    }
    place inside = enter(m, here, map);
    bool spoilt = m->problem[0] != '\0' && inside != ROOT && inside != WARNINGS && inside != INFOS;
    m->places[++m->depth] = spoilt ? IGNORED : inside;
    return m->rc;
}

static int close_level(nip__matrix *m)
{
    place left = m->places[m->depth--];
    if (m->problem[0] != '\0')
        return 0;
    if (left == METRIC)
        return end_metric(m);
    if (left == SERIES)
        return end_series(m);
    if (left == SAMPLE && m->part < 2)
        return no_sample(m);
    return 0;
}

static int take_token(void *data, nip__token_kind kind, const char *text, size_t length)
{
    nip__matrix *m = data;
    switch (kind) {
    case NIP__TOKEN_MAP:
    case NIP__TOKEN_LIST:
        return open_level(m, kind == NIP__TOKEN_MAP);
    case NIP__TOKEN_MAP_END:
    case NIP__TOKEN_LIST_END:
        return close_level(m);
    case NIP__TOKEN_KEY:
        return take_key(m, text, length);
    default:
        return take_scalar(m, kind, text, length);
    }
}

/* ---- the reader ---- */

nip__matrix *nip__matrix_new(const nip__matrix_limits *limits, const nip__matrix_sink *sink, void *data)
{
    nip__matrix *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    made->limits = *limits;
    made->sink = *sink;
    made->data = data;
    made->label_bytes = NIP__BUFFER(LABEL_BYTES_MAX);
    made->key = NIP__BUFFER(NIP__LABELS_KEY_MAX);
    made->stream = nip__json_stream_new(&(nip__json_sink){.token = take_token, .items = take_samples, .data = made});
    if (made->stream == NULL) {
        nip__free(made);
        return NULL;
    }
    return made;
}

void nip__matrix_free(nip__matrix *matrix)
{
    if (matrix == NULL)
        return;
    nip__json_stream_free(matrix->stream);
    nip__buffer_clear(&matrix->label_bytes);
    nip__buffer_clear(&matrix->key);
    nip__free(matrix);
}

int nip__matrix_feed(nip__matrix *m, const char *bytes, size_t length)
{
    if (m->rc < 0)
        return m->rc;
    uint64_t left = m->limits.bytes - m->bytes;
    bool beyond_bytes = length > left;
    size_t taken = beyond_bytes ? (size_t)left : length;
    m->bytes += taken;
    int rc = nip__json_stream_feed(m->stream, bytes, taken);
    if (rc == 0 && beyond_bytes)
        rc = beyond(m, "the reply has more than %llu bytes", (unsigned long long)m->limits.bytes);
    return m->rc = rc;
}

static nip__matrix_fault fault_of_code(const nip__matrix *m)
{
    if (m->stopped)
        return NIP__MATRIX_STOPPED;
    return m->rc == NIP_E_NOMEM   ? NIP__MATRIX_NOMEM
           : m->rc == NIP_E_LIMIT ? NIP__MATRIX_LIMIT
                                  : NIP__MATRIX_MALFORMED;
}

static const char *problem_of_code(nip__matrix *m)
{
    const char *json = nip__json_stream_problem(m->stream);
    if (m->stopped || m->rc == NIP_E_NOMEM)
        return m->stopped ? "the reading was stopped" : "out of memory";
    if (json[0] == '\0')
        return m->problem;
    snprintf(m->summary, sizeof m->summary, m->rc == NIP_E_LIMIT ? "the reply is beyond a limit: %s" : "the reply is not JSON: %s", json);
    return m->summary;
}

/* What a whole reply says, the weightiest first. */
static void judge(nip__matrix *m, nip__matrix_end *end)
{
    if (m->refused) {
        end->fault = NIP__MATRIX_REFUSED;
        snprintf(m->summary, sizeof m->summary, "%s: %s", m->error_type[0] != '\0' ? m->error_type : "error", m->error);
    } else if (!m->success) {
        end->fault = NIP__MATRIX_MALFORMED;
        snprintf(m->summary, sizeof m->summary, "the reply is not one of Prometheus' query API");
    } else if (m->warned) {
        end->fault = NIP__MATRIX_PARTIAL;
        snprintf(m->summary, sizeof m->summary, "warning: %s", m->warning);
    } else if (m->problem[0] != '\0') {
        end->fault = m->foreign ? NIP__MATRIX_MALFORMED : NIP__MATRIX_UNFIT;
        snprintf(m->summary, sizeof m->summary, "%s", m->problem);
    } else if (!m->has_result) {
        end->fault = NIP__MATRIX_MALFORMED;
        snprintf(m->summary, sizeof m->summary, m->type == UNKNOWN ? "the reply has no known resultType" : "the reply's result is not a list");
    }
    end->problem = end->fault == NIP__MATRIX_GOOD ? NULL : m->summary;
}

void nip__matrix_finish(nip__matrix *m, nip__matrix_end *end)
{
    if (m->rc == 0)
        m->rc = nip__json_stream_finish(m->stream);
    *end = (nip__matrix_end){
        .rc = m->rc,
        .error_type = m->error_type,
        .error = m->error,
        .series = m->series,
        .samples = m->samples,
        .bytes = m->bytes,
    };
    if (m->rc < 0) {
        end->fault = fault_of_code(m);
        end->problem = problem_of_code(m);
    } else {
        judge(m, end);
    }
    if (end->fault == NIP__MATRIX_GOOD && m->info[0] != '\0')
        end->info = m->info;
}
