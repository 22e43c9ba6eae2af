/* Replies of Prometheus as a stream: the same events wherever the reply is cut, one of many faults, limits, and no memory that grows. */
#include "unit.h"

#include <malloc.h>
#include <math.h>

#include "analysis/matrix.h"
#include "base/error.h"
#include "base/random.h"
#include "failing_malloc.h"

#define SUCCESS(data)        "{\"status\":\"success\",\"data\":" data "}"
#define MATRIX(series)       SUCCESS("{\"resultType\":\"matrix\",\"result\":[" series "]}")
#define VECTOR(series)       SUCCESS("{\"resultType\":\"vector\",\"result\":[" series "]}")
#define SERIES(labels, list) "{\"metric\":{" labels "},\"values\":[" list "]}"
#define ONE(list)            MATRIX(SERIES("", list))

/* ---- what was handed out, as text ---- */

typedef struct events {
    nip__buffer text;
    int stop_at; /* the sink ends the reading at this event, from 1; 0: never */
    int count;
    char end[1024];
    nip__matrix_fault fault;
} events;

static int event(events *seen)
{
    return ++seen->count == seen->stop_at ? NIP_E_USER : 0;
}

static int on_series(void *data, const nip__matrix_series *series)
{
    events *seen = data;
    nip__buffer_printf(&seen->text, "%s{%s}", series->name != NULL ? series->name : "", series->key);
    for (size_t i = 0; i < series->count; i++)
        nip__buffer_printf(&seen->text, " %s", series->labels[i].value);
    nip__buffer_char(&seen->text, '\n');
    return event(seen);
}

static int on_sample(void *data, int64_t t_ms, double value)
{
    events *seen = data;
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (isnan(value))
        nip__buffer_printf(&seen->text, "%lld nan\n", (long long)t_ms);
    else
        nip__buffer_printf(&seen->text, "%lld %.17g %llx\n", (long long)t_ms, value, (unsigned long long)bits);
    return event(seen);
}

static int on_text(void *data, int64_t t_ms, const char *text)
{
    events *seen = data;
    nip__buffer_printf(&seen->text, "%lld '%s'\n", (long long)t_ms, text);
    return event(seen);
}

static const nip__matrix_sink sink = {on_series, on_sample, on_text};

/* Each piece lies in memory of its own, as long as it is: reading too far shows under the sanitizer. */
static int feed_piece(nip__matrix *matrix, const char *bytes, size_t length)
{
    char *exact = malloc(length > 0 ? length : 1);
    memcpy(exact, bytes, length);
    int rc = nip__matrix_feed(matrix, exact, length);
    free(exact);
    return rc;
}

typedef size_t (*cutter)(void *data, size_t left); /* how long the next piece is */

static void read_pieces(const char *body, size_t length, const nip__matrix_limits *limits, cutter cut, void *data, events *seen)
{
    nip__matrix *matrix = nip__matrix_new(limits != NULL ? limits : &nip__matrix_limits_default, &sink, seen);
    assert_non_null(matrix);
    seen->text = NIP__BUFFER(1 << 24);
    for (size_t at = 0, piece; at < length; at += piece) {
        piece = cut(data, length - at);
        if (feed_piece(matrix, body + at, piece) < 0)
            break;
    }
    nip__matrix_end end;
    nip__matrix_finish(matrix, &end);
    seen->fault = end.fault;
    snprintf(seen->end, sizeof seen->end, "%d %d %s|%s|%s|%s|%llu %llu %llu", (int)end.fault, end.rc, end.problem != NULL ? end.problem : "good",
             end.error_type, end.error, end.info != NULL ? end.info : "", (unsigned long long)end.series, (unsigned long long)end.samples,
             (unsigned long long)(end.rc < 0 ? 0 : end.bytes)); /* what came behind a failure is not read */
    nip__matrix_free(matrix);
}

static size_t all(void *data, size_t left)
{
    (void)data;
    return left;
}

static size_t one(void *data, size_t left)
{
    (void)data, (void)left;
    return 1;
}

/* First what `data` says, then the rest. */
static size_t in_two(void *data, size_t left)
{
    size_t *first = data, piece = *first > 0 && *first < left ? *first : left;
    *first = 0;
    return piece;
}

static size_t at_random(void *data, size_t left)
{
    size_t piece = (size_t)nip__random_below(data, 400);
    return piece < left ? piece : left;
}

static void read_whole(const char *body, events *seen)
{
    *seen = (events){0};
    read_pieces(body, strlen(body), NULL, all, NULL, seen);
}

/* ---- what replies say ---- */

static const struct row {
    const char *body;
    nip__matrix_fault fault;
    const char *says;   /* of the end: problem|error type|error|info */
    const char *events; /* NULL: of no interest */
} rows[] = {
    {ONE("[1700000000,\"5\"],[1700000000.25,\"6\"]"), NIP__MATRIX_GOOD, "good|||",
     "{}\n1700000000000 5 4014000000000000\n1700000000250 6 4018000000000000\n"},
    {ONE("[1700000000,\"5\"],[1700000000.250,\"6.5\"],[1.001,\"1e-07\"]"), NIP__MATRIX_GOOD, "good|||",
     "{}\n1700000000000 5 4014000000000000\n1700000000250 6.5 401a000000000000\n1001 9.9999999999999995e-08 3e7ad7f29abcaf48\n"},
    {ONE("[-1.500,\"-0\"],[0,\"NaN\"],[1,\"+Inf\"],[2,\"-Inf\"]"), NIP__MATRIX_GOOD, "good|||",
     "{}\n-1500 -0 8000000000000000\n0 nan\n1000 inf 7ff0000000000000\n2000 -inf fff0000000000000\n"},
    {ONE("[9223372036854775.807,\"9007199254740993\"]"), NIP__MATRIX_GOOD, "good|||", "{}\n9223372036854775807 9007199254740992 4340000000000000\n"},
    {ONE("[1792758812.345,\"9007199254740991\"],[1792758812.346,\"123456789012345678901234567890\"]"), NIP__MATRIX_GOOD, "good|||",
     "{}\n1792758812345 9007199254740991 433fffffffffffff\n1792758812346 1.2345678901234568e+29 45f8ee90ff6c373e\n"},
    {ONE("[9223372036854775.808,\"1\"]"), NIP__MATRIX_UNFIT, "a sample's time is not whole milliseconds|||", NULL},
    {ONE("[1.0005,\"1\"]"), NIP__MATRIX_UNFIT, "a sample's time is not whole milliseconds|||", "{}\n"},
    {ONE("[1e9,\"1\"]"), NIP__MATRIX_UNFIT, "a sample's time is not whole milliseconds|||", NULL},
    {ONE("[1.25000,\"1\"]"), NIP__MATRIX_GOOD, "good|||", "{}\n1250 1 3ff0000000000000\n"},
    {MATRIX(SERIES("\"__name__\":\"up\",\"b\":\"2\",\"a\":\"q\\\"\\u00e9\"", "[1,\"1\"]") "," SERIES("\"b\":\"3\"", "[1,\"0\"]")),
     NIP__MATRIX_GOOD, "good|||",
     "up{a=\"q\\\"\xc3\xa9\",b=\"2\"} q\"\xc3\xa9 2\n1000 1 3ff0000000000000\n{b=\"3\"} 3\n1000 0 0\n"},
    {MATRIX(""), NIP__MATRIX_GOOD, "good|||", ""},
    {VECTOR("{\"metric\":{},\"value\":[1.5,\"7\"]}"), NIP__MATRIX_GOOD, "good|||", "{}\n1500 7 401c000000000000\n"},
    {SUCCESS("{\"resultType\":\"scalar\",\"result\":[1.5,\"42\"]}"), NIP__MATRIX_GOOD, "good|||", "{}\n1500 42 4045000000000000\n"},
    {SUCCESS("{\"resultType\":\"string\",\"result\":[1.5,\"42 \\\"\"]}"), NIP__MATRIX_GOOD, "good|||", "1500 '42 \"'\n"},
    {" {\n\t\"status\" : \"success\" , \"data\" : { \"resultType\" : \"matrix\" , \"result\" : [ { \"metric\" : { } , \"values\" : [ [ 1 , \"1\" ] ,\r\n"
     "[ 2 , \"\\u0032\" ] ] } ] } }\n ",
     NIP__MATRIX_GOOD, "good|||", "{}\n1000 1 3ff0000000000000\n2000 2 4000000000000000\n"},
    /* more than is needed, now and later */
    {"{\"status\":\"success\",\"isPartial\":false,\"data\":{\"resultType\":\"matrix\",\"stats\":{\"timings\":[1,{\"a\":[null]}]},\"result\":"
     "[{\"metric\":{},\"group\":[1],\"values\":[[1,\"1\"]],\"later\":{\"values\":[[2,\"2\"]]}}],\"analysis\":{\"result\":[7]}},\"trace\":null}",
     NIP__MATRIX_GOOD, "good|||", "{}\n1000 1 3ff0000000000000\n"},
    /* what the server says */
    {"{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"1:7: parse error\\nhere\"}", NIP__MATRIX_REFUSED,
     "bad_data: 1:7: parse error here|bad_data|1:7: parse error here|", ""},
    {"{\"error\":\"x\",\"status\":\"error\",\"data\":{\"resultType\":\"matrix\",\"result\":[7]}}", NIP__MATRIX_REFUSED, "error: x||x|", NULL},
    {"{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[" SERIES("", "[1,\"1\"]") "]},\"warnings\":[\"results truncated due to "
     "limit\",\"another\"]}",
     NIP__MATRIX_PARTIAL, "warning: results truncated due to limit|||", "{}\n1000 1 3ff0000000000000\n"},
    {"{\"status\":\"success\",\"warnings\":[7],\"data\":{\"resultType\":\"matrix\",\"result\":[]}}", NIP__MATRIX_PARTIAL, "warning: 7|||", NULL},
    {"{\"status\":\"success\",\"warnings\":[[\"x\"]],\"data\":{\"resultType\":\"matrix\",\"result\":[]}}", NIP__MATRIX_PARTIAL,
     "warning: of another form than text|||", NULL},
    {"{\"status\":\"success\",\"warnings\":[],\"infos\":[\"PromQL info: metric might not be a counter\",\"b\"],\"data\":{\"resultType\":\"matrix\",\"result\":[]}}",
     NIP__MATRIX_GOOD, "good|||PromQL info: metric might not be a counter", ""},
    /* native histograms, by name */
    {MATRIX(SERIES("\"__name__\":\"up\"", "[1,\"1\"]") ",{\"metric\":{\"__name__\":\"rpc_\\nseconds\",\"a\":\"1\"},\"histograms\":[[1,{\"count\":\"3\"}]]}"),
     NIP__MATRIX_UNFIT, "the series \"rpc_ seconds\" is a native histogram", "up{}\n1000 1 3ff0000000000000\nrpc_\nseconds{a=\"1\"} 1\n"},
    {MATRIX("{\"metric\":{\"__name__\":\"mixed\"},\"values\":[[1,\"1\"]],\"histograms\":[[2,{}]]}"), NIP__MATRIX_UNFIT, "the series \"mixed\" is a native histogram", NULL},
    {VECTOR("{\"metric\":{},\"histogram\":[1.5,{}]}"), NIP__MATRIX_UNFIT, "the series is a native histogram", "{}\n"},
    /* shapes that are not the query API's */
    {"", NIP__MATRIX_MALFORMED, "the reply is not JSON: byte 1: the text ends before it is complete", ""},
    {"<html>", NIP__MATRIX_MALFORMED, "the reply is not JSON: byte 1: expected a value, found <", ""},
    {"{}", NIP__MATRIX_MALFORMED, "the reply is not one of Prometheus' query API", ""},
    {"[1]", NIP__MATRIX_MALFORMED, "the reply is not one of Prometheus' query API", ""},
    {"{\"status\":\"success\"}", NIP__MATRIX_MALFORMED, "the reply has no known resultType", ""},
    {"{\"status\":\"success\",\"data\":[]}", NIP__MATRIX_MALFORMED, "the reply has no known resultType", ""},
    {SUCCESS("{\"resultType\":\"matrix\"}"), NIP__MATRIX_MALFORMED, "the reply's result is not a list", ""},
    {SUCCESS("{\"resultType\":\"matrix\",\"result\":{}}"), NIP__MATRIX_MALFORMED, "the reply's result is not a list", ""},
    {SUCCESS("{\"resultType\":\"matrix\",\"result\":7}"), NIP__MATRIX_MALFORMED, "the reply's result is not a list", ""},
    {SUCCESS("{\"resultType\":\"tensor\",\"result\":[]}"), NIP__MATRIX_MALFORMED, "the reply has no known resultType", ""},
    {SUCCESS("{\"resultType\":[],\"result\":[]}"), NIP__MATRIX_MALFORMED, "the reply has no known resultType", ""},
    {SUCCESS("{\"result\":[],\"resultType\":\"matrix\"}"), NIP__MATRIX_MALFORMED, "the reply's result comes before its resultType", ""},
    {MATRIX("7"), NIP__MATRIX_MALFORMED, "a series is not a map", ""},
    {MATRIX("[]"), NIP__MATRIX_MALFORMED, "a series is not a map", ""},
    {MATRIX("{\"values\":[[1,\"1\"]],\"metric\":{}}"), NIP__MATRIX_MALFORMED, "a series' samples come before its labels", ""},
    {MATRIX("{\"metric\":[],\"values\":[[1,\"1\"]]}"), NIP__MATRIX_MALFORMED, "a series has no map \"metric\"", ""},
    {MATRIX("{\"metric\":{\"a\":1},\"values\":[[1,\"1\"]]}"), NIP__MATRIX_MALFORMED, "a label is no text", ""},
    {MATRIX("{\"metric\":{\"a\":{}},\"values\":[[1,\"1\"]]}"), NIP__MATRIX_MALFORMED, "a label is no text", ""},
    {MATRIX("{\"metric\":{}}"), NIP__MATRIX_MALFORMED, "a sample is not [time, \"value\"]", "{}\n"},
    {MATRIX("{\"metric\":{},\"value\":[1,\"1\"]}"), NIP__MATRIX_MALFORMED, "a sample is not", "{}\n"},
    {VECTOR("{\"metric\":{},\"values\":[[1,\"1\"]]}"), NIP__MATRIX_MALFORMED, "a sample is not", "{}\n"},
    {ONE(""), NIP__MATRIX_MALFORMED, "a sample is not", "{}\n"},
    {ONE("7"), NIP__MATRIX_MALFORMED, "a sample is not", "{}\n"},
    {ONE("{}"), NIP__MATRIX_MALFORMED, "a sample is not", "{}\n"},
    {ONE("[]"), NIP__MATRIX_MALFORMED, "a sample is not", "{}\n"},
    {ONE("[1]"), NIP__MATRIX_MALFORMED, "a sample is not", "{}\n"},
    {ONE("[1,1]"), NIP__MATRIX_MALFORMED, "a sample is not", "{}\n"},
    {ONE("[1,\"1\",1]"), NIP__MATRIX_MALFORMED, "a sample is not", NULL},
    {ONE("[1,[\"1\"]]"), NIP__MATRIX_MALFORMED, "a sample is not", "{}\n"},
    {ONE("[\"1\",\"1\"]"), NIP__MATRIX_MALFORMED, "a sample is not", "{}\n"},
    {ONE("[1,\"\"]"), NIP__MATRIX_MALFORMED, "a sample is not", "{}\n"},
    {ONE("[1,\"many\"]"), NIP__MATRIX_MALFORMED, "a sample is not", "{}\n"},
    {ONE("[1,\"0x10\"]"), NIP__MATRIX_MALFORMED, "a sample is not", "{}\n"},
    {ONE("[1,\"1 \"]"), NIP__MATRIX_MALFORMED, "a sample is not", "{}\n"},
    {ONE("[1,\"1,5\"]"), NIP__MATRIX_MALFORMED, "a sample is not", "{}\n"},
    {ONE("[1,\"-\"]"), NIP__MATRIX_MALFORMED, "a sample is not", "{}\n"},
    {ONE("[1,\"1.\"]"), NIP__MATRIX_MALFORMED, "a sample is not", "{}\n"},
    {ONE("[1,\"nan\"]"), NIP__MATRIX_MALFORMED, "a sample is not", "{}\n"},
    {SUCCESS("{\"resultType\":\"scalar\",\"result\":[1.5]}"), NIP__MATRIX_MALFORMED, "the scalar or string is not", ""},
    {SUCCESS("{\"resultType\":\"scalar\",\"result\":[]}"), NIP__MATRIX_MALFORMED, "the scalar or string is not", ""},
    /* no JSON, also where nobody looks */
    {ONE("[1,\"1\"],"), NIP__MATRIX_MALFORMED, "the reply is not JSON: byte 92: expected a value, found ]", NULL},
    {ONE("[1,\"1\"]][2,\"2\"]"), NIP__MATRIX_MALFORMED, "the reply is not JSON", NULL},
    {ONE("[01,\"1\"]"), NIP__MATRIX_MALFORMED, "the reply is not JSON", "{}\n"},
    {ONE("[1.,\"1\"]"), NIP__MATRIX_MALFORMED, "the reply is not JSON", "{}\n"},
    {ONE("[.5,\"1\"]"), NIP__MATRIX_MALFORMED, "the reply is not JSON", "{}\n"},
    {ONE("[1,\"1\x01\"]"), NIP__MATRIX_MALFORMED, "the reply is not JSON", "{}\n"},
    {ONE("[1,\"1\xff\"]"), NIP__MATRIX_MALFORMED, "the reply is not JSON", "{}\n"},
    {"{\"status\":\"success\",\"status\":\"error\"}", NIP__MATRIX_MALFORMED, "the reply is not JSON", ""},
    {"{\"x\":\"\\ud800\",\"status\":\"success\"}", NIP__MATRIX_MALFORMED, "the reply is not JSON", ""},
    {MATRIX("") "{", NIP__MATRIX_MALFORMED, "the reply is not JSON", ""},
};

static void test_replies(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        events seen;
        read_whole(rows[i].body, &seen);
        if (seen.fault != rows[i].fault || strstr(seen.end, rows[i].says) == NULL)
            fail_msg("%s\n%s: %s", rows[i].body, rows[i].says, seen.end);
        if (rows[i].events != NULL && strcmp(nip__buffer_string(&seen.text), rows[i].events) != 0)
            fail_msg("%s\n%s", rows[i].body, nip__buffer_string(&seen.text));
        nip__buffer_clear(&seen.text);
    }
}

/* ---- pieces ---- */

static void must_be_same(const char *body, const events *whole, events *pieces)
{
    if (strcmp(pieces->end, whole->end) != 0 || strcmp(nip__buffer_string(&pieces->text), nip__buffer_string(&whole->text)) != 0)
        fail_msg("%s\nwhole: %s\n%s\npieces: %s\n%s", body, whole->end, nip__buffer_string(&whole->text), pieces->end,
                 nip__buffer_string(&pieces->text));
    nip__buffer_clear(&pieces->text);
}

static void try_all_cuts(const char *body, size_t length)
{
    events whole = {0}, pieces;
    read_pieces(body, length, NULL, all, NULL, &whole);
    for (size_t cut = 1; cut < length; cut++) {
        size_t first = cut;
        pieces = (events){0};
        read_pieces(body, length, NULL, in_two, &first, &pieces);
        must_be_same(body, &whole, &pieces);
    }
    pieces = (events){0};
    read_pieces(body, length, NULL, one, NULL, &pieces);
    must_be_same(body, &whole, &pieces);
    nip__buffer_clear(&whole.text);
}

/* With space behind it, samples lie whole before the reader and go the quick way, which must find the same. */
static void test_every_cut_gives_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char padded[1200];
        int length = snprintf(padded, sizeof padded, "%s%300s", rows[i].body, "");
        assert_true(length < (int)sizeof padded);
        try_all_cuts(rows[i].body, strlen(rows[i].body));
        try_all_cuts(padded, (size_t)length);
        events plain, quick;
        read_whole(rows[i].body, &plain);
        read_whole(padded, &quick);
        assert_int_equal(plain.fault, quick.fault);
        assert_string_equal(nip__buffer_string(&plain.text), nip__buffer_string(&quick.text));
        nip__buffer_clear(&plain.text);
        nip__buffer_clear(&quick.text);
    }
}

/* A reply that was cut off is never taken for a whole one. */
static void test_beginnings_are_no_replies(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t length = rows[i].fault == NIP__MATRIX_MALFORMED ? 0 : strlen(rows[i].body);
        while (length > 0 && strchr(" \n", rows[i].body[length - 1]) != NULL)
            length--;
        for (size_t kept = 0; kept < length; kept++) {
            events seen = {0};
            read_pieces(rows[i].body, kept, NULL, all, NULL, &seen);
            assert_int_equal(seen.fault, NIP__MATRIX_MALFORMED);
            nip__buffer_clear(&seen.text);
        }
    }
}

/* ---- random bytes in good replies ---- */

static void test_spoilt_replies(void **state)
{
    (void)state;
    static const char alphabet[] = "{}[]\",:0123456789.-+eE\\ untrfls\n\xc3\xa9\xff";
    nip__random random;
    nip__random_seed(&random, 11);
    for (int i = 0; i < 20000; i++) {
        const char *body = rows[nip__random_below(&random, COUNT(rows))].body;
        char spoilt[1200];
        int length = snprintf(spoilt, sizeof spoilt, "%s%*s", body, nip__random_below(&random, 2) == 0 ? 0 : 200, "");
        for (uint64_t n = 1 + nip__random_below(&random, 3); n > 0 && body[0] != '\0'; n--)
            spoilt[nip__random_below(&random, strlen(body))] = alphabet[nip__random_below(&random, sizeof alphabet - 1)];
        events whole = {0}, pieces = {0}, single = {0};
        read_pieces(spoilt, (size_t)length, NULL, all, NULL, &whole);
        read_pieces(spoilt, (size_t)length, NULL, at_random, &random, &pieces);
        read_pieces(spoilt, (size_t)length, NULL, one, NULL, &single);
        must_be_same(spoilt, &whole, &pieces);
        must_be_same(spoilt, &whole, &single);
        nip__buffer_clear(&whole.text);
    }
}

/* ---- limits ---- */

static void must_end(const char *body, size_t length, const nip__matrix_limits *limits, nip__matrix_fault fault, const char *says)
{
    events seen = {0}, single = {0};
    read_pieces(body, length, limits, all, NULL, &seen);
    if (seen.fault != fault || strstr(seen.end, says) == NULL)
        fail_msg("%d %s: %s", (int)fault, says, seen.end);
    read_pieces(body, length, limits, one, NULL, &single);
    must_be_same("", &seen, &single);
    nip__buffer_clear(&seen.text);
}

static void test_limits(void **state)
{
    (void)state;
    static const char body[] = MATRIX(SERIES("\"a\":\"1\"", "[1,\"1\"],[2,\"1\"]") "," SERIES("\"a\":\"2\"", "[1,\"1\"],[2,\"1\"]"));
    size_t length = sizeof body - 1;
    must_end(body, length, &(nip__matrix_limits){length, 2, 4}, NIP__MATRIX_GOOD, "good");
    must_end(body, length, &(nip__matrix_limits){length - 1, 2, 4}, NIP__MATRIX_LIMIT, "the reply has more than");
    must_end(body, length, &(nip__matrix_limits){length, 1, 4}, NIP__MATRIX_LIMIT, "more than 1 series: aggregate the query");
    must_end(body, length, &(nip__matrix_limits){length, 2, 3}, NIP__MATRIX_LIMIT, "more than 3 samples");
}

/* `before`, then `each` so many times with its number for every %d, then `behind`. */
static nip__buffer repeat(const char *before, const char *each, int times, const char *behind)
{
    nip__buffer made = NIP__BUFFER(1 << 24);
    nip__buffer_text(&made, before);
    for (int i = 0; i < times; i++)
        for (const char *c = each; *c != '\0'; c++)
            if (*c == '#')
                nip__buffer_int(&made, i);
            else
                nip__buffer_char(&made, *c);
    nip__buffer_text(&made, behind);
    return made;
}

static void test_hostile_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *before, *each;
        int times;
        const char *behind;
        nip__matrix_fault fault;
        const char *says;
    } sizes[] = {
        {"", "[", 64, "", NIP__MATRIX_MALFORMED, "the text ends"},
        {"", "[", 65, "", NIP__MATRIX_LIMIT, "more than 64 levels"},
        {"{\"a\":\"", "x", 65534, "\"", NIP__MATRIX_MALFORMED, "the text ends"},
        {"{\"a\":\"", "x", 65535, "\"", NIP__MATRIX_LIMIT, "a text or number of more than 65536 bytes"},
        {"{\"a\":", "1", 2000, "", NIP__MATRIX_LIMIT, "a number of more than"},
        {"{\"status\":\"success\"", ",\"#\":1", 255, "}", NIP__MATRIX_MALFORMED, "the reply has no known resultType"},
        {"{\"status\":\"success\"", ",\"#\":1", 256, "}", NIP__MATRIX_LIMIT, "a map of more than 256 keys"},
        {"{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"__name__\":\"x\"", ",\"a#\":\"1\"", 64,
         "},\"values\":[[1,\"1\"]]}]}}", NIP__MATRIX_GOOD, "good"},
        {"{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"__name__\":\"x\"", ",\"a#\":\"1\"", 65,
         "},\"values\":[[1,\"1\"]]}]}}", NIP__MATRIX_UNFIT, "too many or too long labels"},
        {"{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"a\":\"", "x", 5000,
         "\"},\"values\":[[1,\"1\"]]}]}}", NIP__MATRIX_UNFIT, "too many or too long labels"},
        {"{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"", "\xc3\xa9", 5000, "\"}", NIP__MATRIX_REFUSED, "bad_data: \xc3\xa9\xc3\xa9"},
        {"{\"status\":\"success\",\"warnings\":[7", ",\"w#\"", 10000, "]}", NIP__MATRIX_PARTIAL, "warning: 7"},
    };
    for (size_t i = 0; i < COUNT(sizes); i++) {
        nip__buffer body = repeat(sizes[i].before, sizes[i].each, sizes[i].times, sizes[i].behind);
        assert_false(body.failed);
        must_end(body.data, body.length, &nip__matrix_limits_default, sizes[i].fault, sizes[i].says);
        nip__buffer_clear(&body);
    }
}

/* ---- who takes it ends it ---- */

static void test_the_sink_ends_it(void **state)
{
    (void)state;
    static const char body[] = MATRIX(SERIES("", "[1,\"1\"],[2,\"1\"],[3,\"2\"]")) "                                                                "
                               "                                                                                                       ";
    for (int at = 1; at <= 4; at++) {
        events seen = {.stop_at = at}, single = {.stop_at = at};
        read_pieces(body, sizeof body - 1, NULL, all, NULL, &seen);
        read_pieces(body, sizeof body - 1, NULL, one, NULL, &single);
        assert_int_equal(seen.fault, NIP__MATRIX_STOPPED);
        assert_int_equal(seen.count, at);
        assert_int_equal(single.count, at);
        assert_string_equal(nip__buffer_string(&seen.text), nip__buffer_string(&single.text));
        nip__buffer_clear(&seen.text);
        nip__buffer_clear(&single.text);
    }
}

static void test_no_sink_for_texts(void **state)
{
    (void)state;
    static const char body[] = SUCCESS("{\"resultType\":\"string\",\"result\":[1.5,\"x\"]}");
    events seen = {0};
    nip__matrix *matrix = nip__matrix_new(&nip__matrix_limits_default, &(nip__matrix_sink){on_series, on_sample, NULL}, &seen);
    nip__matrix_end end;
    assert_int_equal(nip__matrix_feed(matrix, body, sizeof body - 1), 0);
    nip__matrix_finish(matrix, &end);
    assert_int_equal(end.fault, NIP__MATRIX_UNFIT);
    assert_string_equal(end.problem, "the result is a string, not a number");
    nip__matrix_free(matrix);
}

/* ---- memory ---- */

static int ignore_series(void *data, const nip__matrix_series *series)
{
    (void)data, (void)series;
    return 0;
}

static int ignore_sample(void *data, int64_t t_ms, double value)
{
    (void)data, (void)t_ms, (void)value;
    return 0;
}

static const nip__matrix_sink ignore = {ignore_series, ignore_sample, NULL};

/* How many bytes the reader has taken once it has read so many series of so many samples, in pieces of 16 KiB. */
static size_t memory_after(int series, int samples)
{
    size_t before = mallinfo2().uordblks;
    nip__matrix *matrix = nip__matrix_new(&nip__matrix_limits_default, &ignore, NULL);
    char piece[16384 + 100];
    int used = snprintf(piece, sizeof piece, "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[");
    for (int i = 0; i < series; i++) {
        used += snprintf(piece + used, sizeof piece - (size_t)used, "%s{\"metric\":{\"instance\":\"%06d\"},\"values\":[", i > 0 ? "," : "", i);
        for (int j = 0; j < samples; j++) {
            used += snprintf(piece + used, sizeof piece - (size_t)used, "%s[%d.%03d,\"%d\"]", j > 0 ? "," : "", 1700000000 + j, j % 1000, j);
            if (used > 16384) {
                assert_int_equal(nip__matrix_feed(matrix, piece, (size_t)used), 0);
                used = 0;
            }
        }
        used += snprintf(piece + used, sizeof piece - (size_t)used, "]}");
    }
    assert_int_equal(nip__matrix_feed(matrix, piece, (size_t)used), 0);
    size_t taken = mallinfo2().uordblks - before;
    nip__matrix_free(matrix);
    return taken;
}

static void test_constant_memory(void **state)
{
    (void)state;
    memory_after(1, 1); /* what the C library keeps for itself is there then */
    size_t little = memory_after(3, 1000), much = memory_after(300, 10000);
    if (much > little + 256)
        fail_msg("%zu bytes, then %zu", little, much);
}

static int read_without_memory(void)
{
    static const char body[] = MATRIX(SERIES("\"__name__\":\"up\",\"a\":\"\\u00e9\"", "[1,\"1\"],[2,\"1\"]"));
    nip__matrix *matrix = nip__matrix_new(&nip__matrix_limits_default, &ignore, NULL);
    if (matrix == NULL)
        return NIP_E_NOMEM;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof body - 1; i++)
        rc = nip__matrix_feed(matrix, body + i, 1);
    nip__matrix_end end;
    nip__matrix_finish(matrix, &end);
    assert_int_equal(end.fault, rc < 0 ? NIP__MATRIX_NOMEM : NIP__MATRIX_GOOD);
    assert_int_equal(end.rc, rc);
    if (rc < 0)
        assert_string_equal(end.problem, "out of memory");
    nip__matrix_free(matrix);
    return rc;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    for (long k = 1;; k++) {
        long alive = allocations_alive();
        fail_allocation(k, 0);
        int rc = read_without_memory();
        long seen = allocations_seen();
        fail_allocation(0, 0);
        assert_int_equal(allocations_alive(), alive);
        assert_int_equal(rc, seen < k ? 0 : NIP_E_NOMEM);
        if (seen < k)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies),           cmocka_unit_test(test_every_cut_gives_the_same),
        cmocka_unit_test(test_beginnings_are_no_replies), cmocka_unit_test(test_spoilt_replies),
        cmocka_unit_test(test_limits),            cmocka_unit_test(test_hostile_sizes),
        cmocka_unit_test(test_the_sink_ends_it),  cmocka_unit_test(test_no_sink_for_texts),
        cmocka_unit_test(test_constant_memory),   cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
