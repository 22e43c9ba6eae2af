/* Any body as a stream of series and samples, cut wherever the first byte says: the same events as of the whole, and what is taken is JSON. */
#include "fuzz.h"

#include <math.h>

#include "analysis/matrix.h"
#include "base/arena.h"

/* A running sum over what was handed out, so that two readings compare. */
typedef struct events {
    uint64_t sum, series, samples;
} events;

static void add(events *seen, const void *bytes, size_t length)
{
    for (const unsigned char *p = bytes, *end = p + length; p < end; p++)
        seen->sum = (seen->sum ^ *p) * UINT64_C(1099511628211);
}

static int on_series(void *data, const nip__matrix_series *series)
{
    events *seen = data;
    seen->series++;
    add(seen, series->key, strlen(series->key) + 1);
    must(series->count <= NIP__LABELS_MAX);
    for (size_t i = 0; i < series->count; i++) {
        must(i == 0 || strcmp(series->labels[i - 1].name, series->labels[i].name) < 0);
        must(strcmp(series->labels[i].name, "__name__") != 0);
        add(seen, series->labels[i].value, strlen(series->labels[i].value) + 1);
    }
    return 0;
}

static int on_sample(void *data, int64_t t_ms, double value)
{
    events *seen = data;
    must(seen->series > 0);
    seen->samples++;
    add(seen, &t_ms, sizeof t_ms);
    value = isnan(value) ? 0 : value;
    add(seen, &value, sizeof value);
    return 0;
}

static int on_text(void *data, int64_t t_ms, const char *text)
{
    add(data, &t_ms, sizeof t_ms);
    add(data, text, strlen(text));
    return 0;
}

static nip__matrix *read_all(const char *body, size_t length, size_t piece, events *seen, nip__matrix_end *end)
{
    static const nip__matrix_sink sink = {on_series, on_sample, on_text};
    nip__matrix *matrix = nip__matrix_new(&(nip__matrix_limits){.bytes = 1 << 20, .series = 100, .samples = 1000}, &sink, seen);
    must(matrix != NULL);
    int rc = 0;
    for (size_t at = 0; at < length && rc == 0; at += piece) {
        size_t left = length - at, taken = piece < left ? piece : left;
        char *exact = malloc(taken);
        must(exact != NULL);
        memcpy(exact, body + at, taken);
        rc = nip__matrix_feed(matrix, exact, taken);
        free(exact);
    }
    nip__matrix_finish(matrix, end);
    must(rc == 0 || rc == end->rc);
    return matrix;
}

static void check_end(const nip__matrix_end *end, const events *seen)
{
    must((end->fault == NIP__MATRIX_GOOD) == (end->problem == NULL));
    must(end->problem == NULL || (end->problem[0] != '\0' && strchr(end->problem, '\n') == NULL));
    must(end->fault != NIP__MATRIX_STOPPED && end->fault != NIP__MATRIX_NOMEM);
    must(end->fault != NIP__MATRIX_GOOD || (end->rc == 0 && end->series == seen->series && end->samples == seen->samples));
}

static void check_json(const char *body, size_t length)
{
    nip__value *value = NULL;
    nip__arena *arena = nip__arena_new();
    must(nip__json_read(arena, body, length, NULL, &nip__reply_limits, &value, NULL) == 0);
    nip__arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *body = (const char *)data + 1;
    events whole = {0}, cut = {0};
    nip__matrix_end end, end_cut;
    nip__matrix *one = read_all(body, size - 1, size, &whole, &end);
    nip__matrix *other = read_all(body, size - 1, 1 + data[0], &cut, &end_cut);
    check_end(&end, &whole);
    must(end.fault == end_cut.fault && end.rc == end_cut.rc);
    must((end.problem == NULL && end_cut.problem == NULL) || strcmp(end.problem, end_cut.problem) == 0);
    must(strcmp(end.error, end_cut.error) == 0 && strcmp(end.error_type, end_cut.error_type) == 0);
    must(memcmp(&whole, &cut, sizeof whole) == 0);
    if (end.rc == 0)
        check_json(body, size - 1);
    nip__matrix_free(one);
    nip__matrix_free(other);
    return 0;
}
