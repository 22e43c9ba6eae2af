/* The stream of a matrix against cJSON: random replies, in whatever form a server may write them, cut anywhere, give the same series with the
 * same labels, times and values. */
#include "unit.h"

#include <cjson/cJSON.h>
#include <math.h>

#include "analysis/matrix.h"
#include "base/random.h"

static nip__random random_;

static uint64_t below(uint64_t bound)
{
    return nip__random_below(&random_, bound);
}

/* ---- random replies ---- */

static void put_space(nip__buffer *body, uint64_t spaced)
{
    static const char *const spaces[] = {" ", "\n", "\t ", "\r\n"};
    if (spaced && below(4) == 0)
        nip__buffer_text(body, spaces[below(COUNT(spaces))]);
}

static void put_time(nip__buffer *body)
{
    nip__buffer_text(body, below(20) == 0 ? "-" : "");
    nip__buffer_int(body, below(30) == 0 ? (int64_t)below(10) : 1600000000 + (int64_t)below(200000000));
    if (below(2) == 0)
        nip__buffer_printf(body, ".%03d", (int)below(1000));
}

static void put_number(nip__buffer *body)
{
    static const char *const odd[] = {"NaN", "+Inf", "-Inf", "1e-07", "1.5e+21", "-0", "0.1", "123456789012345678", "4.9e-324", "1.7976931348623157e+308"};
    double real = (nip__random_unit(&random_) - 0.5) * pow(10, (double)below(20));
    switch (below(5)) {
    case 0:
        nip__buffer_text(body, odd[below(COUNT(odd))]);
        break;
    case 1:
        nip__buffer_int(body, (int64_t)below(UINT64_C(1) << 53));
        break;
    case 2:
        nip__buffer_printf(body, "%.17g", real);
        break;
    default:
        nip__buffer_printf(body, "%.*f", (int)below(12), real);
    }
}

static void put_label(nip__buffer *body, uint64_t number)
{
    static const char *const values[] = {"", "a", "127.0.0.1:9090", "q\\\"\\\\", "\\u00e9\xc3\xa9", "line\\nline", "\\ud83d\\ude00", "a,b=\\\"c\\\""};
    nip__buffer_printf(body, "\"%s%d\":\"%s\"", below(8) == 0 ? "odd.name " : "label_", (int)number, values[below(COUNT(values))]);
}

static void put_series(nip__buffer *body, uint64_t spaced)
{
    uint64_t labels = below(6), first = below(100), samples = 1 + below(60);
    nip__buffer_text(body, "{\"metric\":{");
    if (below(2) == 0)
        nip__buffer_printf(body, "\"__name__\":\"up\"%s", labels > 0 ? "," : "");
    for (uint64_t i = 0; i < labels; i++) {
        nip__buffer_text(body, i > 0 ? "," : "");
        put_label(body, (first + i * 7) % 100);
        put_space(body, spaced);
    }
    nip__buffer_text(body, "},\"values\":[");
    for (uint64_t i = 0; i < samples; i++) {
        nip__buffer_text(body, i > 0 ? "," : "");
        put_space(body, spaced);
        nip__buffer_char(body, '[');
        put_time(body);
        put_space(body, spaced);
        nip__buffer_text(body, ",\"");
        put_number(body);
        nip__buffer_text(body, "\"]");
    }
    nip__buffer_text(body, "]}");
}

static void make_reply(nip__buffer *body)
{
    uint64_t series = below(8), spaced = below(2);
    nip__buffer_text(body, "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[");
    for (uint64_t i = 0; i < series; i++) {
        nip__buffer_text(body, i > 0 ? "," : "");
        put_series(body, spaced);
    }
    nip__buffer_text(body, "]}}");
    assert_false(body->failed);
}

/* ---- both readers ---- */

/* The C library writes "nan" with its sign, which says nothing. */
static void put_sample(nip__buffer *out, int64_t t_ms, double value)
{
    nip__buffer_printf(out, isnan(value) ? "%lld nan\n" : "%lld %a\n", (long long)t_ms, value);
}

static int on_series(void *data, const nip__matrix_series *series)
{
    nip__buffer_printf(data, "name %s\n", series->name != NULL ? series->name : "");
    for (size_t i = 0; i < series->count; i++)
        nip__buffer_printf(data, "%s -> %s\n", series->labels[i].name, series->labels[i].value);
    return 0;
}

static int on_sample(void *data, int64_t t_ms, double value)
{
    put_sample(data, t_ms, value);
    return 0;
}

static void read_stream(const char *body, size_t length, nip__buffer *out)
{
    nip__matrix *matrix = nip__matrix_new(&nip__matrix_limits_default, &(nip__matrix_sink){on_series, on_sample, NULL}, out);
    for (size_t at = 0, piece; at < length; at += piece) {
        piece = 1 + below(below(2) == 0 ? 40 : 4000);
        piece = piece < length - at ? piece : length - at;
        assert_int_equal(nip__matrix_feed(matrix, body + at, piece), 0);
    }
    nip__matrix_end end;
    nip__matrix_finish(matrix, &end);
    if (end.fault != NIP__MATRIX_GOOD)
        fail_msg("%s\n%s", body, end.problem);
    nip__matrix_free(matrix);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(cJSON *const *)a)->string, (*(cJSON *const *)b)->string);
}

static void peer_labels(const cJSON *metric, nip__buffer *out)
{
    const cJSON *labels[64], *label, *name = cJSON_GetObjectItemCaseSensitive(metric, "__name__");
    size_t count = 0;
    nip__buffer_printf(out, "name %s\n", name != NULL ? name->valuestring : "");
    cJSON_ArrayForEach(label, metric)
        if (label != name)
            labels[count++] = label;
    qsort(labels, count, sizeof labels[0], by_name);
    for (size_t i = 0; i < count; i++)
        nip__buffer_printf(out, "%s -> %s\n", labels[i]->string, labels[i]->valuestring);
}

static void read_peer(const char *body, nip__buffer *out)
{
    cJSON *root = cJSON_Parse(body);
    assert_non_null(root);
    const cJSON *series, *sample, *result = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(root, "data"), "result");
    cJSON_ArrayForEach(series, result) {
        peer_labels(cJSON_GetObjectItemCaseSensitive(series, "metric"), out);
        cJSON_ArrayForEach(sample, cJSON_GetObjectItemCaseSensitive(series, "values"))
            put_sample(out, llround(sample->child->valuedouble * 1000), strtod(sample->child->next->valuestring, NULL));
    }
    cJSON_Delete(root);
}

static void test_random_replies(void **state)
{
    (void)state;
    setlocale(LC_ALL, "C"); /* cJSON and strtod read numbers by it */
    nip__random_seed(&random_, 17);
    for (int i = 0; i < 3000; i++) {
        nip__buffer body = NIP__BUFFER(1 << 20), ours = NIP__BUFFER(1 << 20), theirs = NIP__BUFFER(1 << 20);
        make_reply(&body);
        read_stream(body.data, body.length, &ours);
        read_peer(body.data, &theirs);
        if (strcmp(nip__buffer_string(&ours), nip__buffer_string(&theirs)) != 0)
            fail_msg("%s\n%s\n%s", body.data, ours.data, theirs.data);
        nip__buffer_clear(&body);
        nip__buffer_clear(&ours);
        nip__buffer_clear(&theirs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_replies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
