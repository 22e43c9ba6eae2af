/* The driver "prometheus" against canned replies: what counts, what is told as a problem, and what never becomes 0. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doc/json.h"
#include "driver/prometheus.h"
#include "errand.h"
#include "server.h"

/* ---- replies alone ---- */

#define VECTOR(series) "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[" series "]}}"
#define MATRIX(series) "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[" series "]}}"
#define ONE(value) VECTOR("{\"metric\":{},\"value\":[1700001800,\"" value "\"]}")

static void replies(void **state)
{
    (void)state;
    static const struct {
        const char *body, *problem; /* how it begins; NULL: good */
        size_t count;
        const char *key;
        double value;
        bool finite;
    } cases[] = {
        {ONE("0.03"), NULL, 1, "", 0.03, true},
        {ONE("1e-07"), NULL, 1, "", 1e-7, true},
        {ONE("NaN"), NULL, 1, "", 0, false},
        {ONE("+Inf"), NULL, 1, "", 0, false},
        {ONE("-Inf"), NULL, 1, "", 0, false},
        {ONE("many"), "a sample is not", 0, NULL, 0, false},
        {VECTOR(""), NULL, 0, NULL, 0, false},
        {VECTOR("{\"metric\":{\"b\":\"2\",\"__name__\":\"x\",\"a\":\"q\\\"\"},\"value\":[1.5,\"7\"]}"), NULL, 1, "a=\"q\\\"\",b=\"2\"", 7, true},
        {VECTOR("{\"metric\":{\"a=\\\"1\\\",b\":\"2\",\"c_3\":\"4\"},\"value\":[1.5,\"7\"]}"), NULL, 1, "\"a=\\\"1\\\",b\"=\"2\",c_3=\"4\"", 7, true},
        {VECTOR("{\"metric\":{\"\":\"2\"},\"value\":[1.5,\"7\"]}"), NULL, 1, "\"\"=\"2\"", 7, true},
        {VECTOR("{\"value\":[1.5,\"7\"]}"), "a series has no map \"metric\"", 0, NULL, 0, false},
        {VECTOR("{\"metric\":[],\"value\":[1.5,\"7\"]}"), "a series has no map \"metric\"", 0, NULL, 0, false},
        {VECTOR("{\"metric\":{},\"histogram\":[1.5,{}]}"), "the result is a histogram", 0, NULL, 0, false},
        {VECTOR("{\"metric\":{},\"value\":7}"), "a sample is not", 0, NULL, 0, false},
        {VECTOR("{\"metric\":{},\"value\":[1.5,7]}"), "a sample is not", 0, NULL, 0, false},
        {"{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[1.5,\"42\"]}}", NULL, 1, "", 42, true},
        {"{\"status\":\"success\",\"data\":{\"resultType\":\"string\",\"result\":[1.5,\"x\"]}}", "the result is a string", 0, NULL, 0, false},
        {"{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":{}}}", "the reply's result is not a list", 0, NULL, 0, false},
        {"{\"status\":\"success\"}", "the reply has no known resultType", 0, NULL, 0, false},
        {MATRIX("{\"metric\":{},\"values\":[[1,\"5\"],[2,\"6\"],[3,\"NaN\"]]}"), NULL, 1, "", 6, true},
        {MATRIX("{\"metric\":{},\"values\":[[1,\"NaN\"]]}"), NULL, 1, "", 0, false},
        {MATRIX("{\"metric\":{},\"values\":[]}"), "a sample is not", 0, NULL, 0, false},
        {"{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"1:7: parse error\\nhere\"}", "bad_data: 1:7: parse error here", 0, NULL, 0, false},
        {"{\"status\":\"success\",\"warnings\":[\"results truncated\"],\"data\":{\"resultType\":\"vector\",\"result\":[]}}",
         "warning: results truncated", 0, NULL, 0, false},
        {"{\"status\":\"success\",\"warnings\":[{\"of\":\"truncation\"}],\"data\":{\"resultType\":\"vector\",\"result\":[]}}",
         "warning: of another form than text", 0, NULL, 0, false},
        {"{}", "the reply is not one of Prometheus", 0, NULL, 0, false},
        {"[1]", "the reply is not one of Prometheus", 0, NULL, 0, false},
        {"{\"status\":\"succ", "the reply is not JSON", 0, NULL, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip__arena *arena = nip__arena_new();
        nip__prometheus_reply reply;
        assert_int_equal(nip__prometheus_read(arena, cases[i].body, strlen(cases[i].body), &reply), 0);
        if (cases[i].problem != NULL) {
            if (reply.problem == NULL || strncmp(reply.problem, cases[i].problem, strlen(cases[i].problem)) != 0)
                fail_msg("%s: %s", cases[i].body, reply.problem);
        } else {
            if (reply.problem != NULL)
                fail_msg("%s: %s", cases[i].body, reply.problem);
            assert_int_equal(reply.count, cases[i].count);
            if (cases[i].count > 0) {
                assert_string_equal(reply.series[0].key, cases[i].key);
                assert_int_equal(reply.series[0].finite, cases[i].finite);
                if (cases[i].finite)
                    assert_true(fabs(reply.series[0].value - cases[i].value) < 1e-12);
            }
        }
        nip__arena_free(arena);
    }
}

static void too_many_series_are_refused(void **state)
{
    (void)state;
    nip__buffer body = NIP__BUFFER(1 << 20);
    nip__buffer_text(&body, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[");
    for (int i = 0; i < 1001; i++)
        nip__buffer_printf(&body, "%s{\"metric\":{\"i\":\"%d\"},\"value\":[1,\"1\"]}", i == 0 ? "" : ",", i);
    nip__buffer_text(&body, "]}}");
    nip__arena *arena = nip__arena_new();
    nip__prometheus_reply reply;
    assert_int_equal(nip__prometheus_read(arena, body.data, body.length, &reply), 0);
    assert_non_null(strstr(reply.problem, "aggregate"));
    nip__arena_free(arena);
    nip__buffer_clear(&body);
}

/* ---- measurements ---- */

/* The stand-in answers by the query's text: "errors" and so on are the queries. */
typedef struct canned {
    const char *errors, *total, *latency;
    int status; /* 0: 200 */
    const char *raw;
} canned;

static void answer(test_server *server, int fd, const char *request)
{
    const canned *replies = server->data;
    if (replies->raw != NULL) {
        server_text(fd, replies->raw);
        return;
    }
    const char *body = strstr(request, "query=errors") != NULL ? replies->errors
                       : strstr(request, "query=total") != NULL ? replies->total
                                                                 : replies->latency;
    server_reply(fd, replies->status == 0 ? 200 : replies->status, "Content-Type: application/json\r\n", body != NULL ? body : VECTOR(""));
}

static void open_prometheus(test_errand *errand, const test_server *server, const char *queries, const char *more)
{
    char settings[2000];
    snprintf(settings, sizeof settings, "{\"driver\":\"prometheus\",\"url\":\"http://127.0.0.1:%d/\",\"queries\":{%s},\"timeout\":\"5s\"%s}",
             server->port, queries, more);
    errand_open(errand, "prometheus", settings);
}

#define ARGS                                                                                                                     \
    "{versions: {\"1.4\": {endpoints: ['127.0.0.1:1']}}, metrics: [error_rate, latency_p95], since: '2026-01-01T00:00:00Z', "    \
    "at: '2026-01-01T00:01:30.250Z'}"
#define QUERIES "\"errors\":\"errors\",\"total\":\"total\",\"latency_p95\":\"latency\""
#define WINDOWED "\"errors\":\"errors[{window}]\",\"total\":\"total[{window}]\",\"latency_p95\":\"latency\""

static const nip__value *measured(const nip__value *outcome)
{
    if (strcmp(nip__get_text(outcome, "outcome"), "done") != 0)
        fail_msg("%s: %s", nip__get_text(outcome, "reason"), nip__get_text(outcome, "message"));
    return nip__pointer(outcome, "/result/versions/1.4");
}

static void measurements(void **state)
{
    (void)state;
    static const struct {
        const char *queries, *more;
        canned replies;
        const char *expected;
    } cases[] = {
        {QUERIES, "", {ONE("3"), ONE("100"), ONE("0.25"), 0, NULL},
         "{\"counters\":{\"\":{\"errors\":3,\"total\":100}},\"values\":{\"latency_p95\":0.25},\"problems\":[]}"},
        {QUERIES, ",\"latency_unit\":\"ms\"", {ONE("3"), ONE("100"), ONE("250"), 0, NULL},
         "{\"counters\":{\"\":{\"errors\":3,\"total\":100}},\"values\":{\"latency_p95\":0.25},\"problems\":[]}"},
        /* no 5xx series at all is 0 errors, as there is a total */
        {QUERIES, "", {VECTOR(""), ONE("100"), ONE("0.25"), 0, NULL},
         "{\"counters\":{\"\":{\"errors\":0,\"total\":100}},\"values\":{\"latency_p95\":0.25},\"problems\":[]}"},
        /* no total: nothing is known, whatever errors says */
        {QUERIES, "", {VECTOR(""), VECTOR(""), ONE("0.25"), 0, NULL},
         "{\"values\":{\"latency_p95\":0.25},\"problems\":[\"total: no data: no series matches the query\"]}"},
        {QUERIES, "", {ONE("3"), ONE("100"), ONE("NaN"), 0, NULL},
         "{\"counters\":{\"\":{\"errors\":3,\"total\":100}},\"values\":{},\"problems\":[\"latency_p95: the result is NaN or infinite\"]}"},
        {QUERIES, "", {ONE("NaN"), ONE("100"), ONE("1"), 0, NULL},
         "{\"values\":{\"latency_p95\":1},\"problems\":[\"errors: the result is NaN or infinite\"]}"},
        {QUERIES, "", {ONE("-1"), ONE("100"), ONE("1"), 0, NULL},
         "{\"values\":{\"latency_p95\":1},\"problems\":[\"errors: the result is not a count of events\"]}"},
        {QUERIES, "", {VECTOR("{\"metric\":{\"i\":\"b\"},\"value\":[1,\"2\"]}"),
                       VECTOR("{\"metric\":{\"i\":\"a\"},\"value\":[1,\"10\"]},{\"metric\":{\"i\":\"b\"},\"value\":[1,\"20\"]}"), ONE("1"), 0, NULL},
         "{\"counters\":{\"i=\\\"a\\\"\":{\"errors\":0,\"total\":10},\"i=\\\"b\\\"\":{\"errors\":2,\"total\":20}},\"values\":{\"latency_p95\":1},"
         "\"problems\":[]}"},
        {QUERIES, "", {VECTOR("{\"metric\":{\"i\":\"c\"},\"value\":[1,\"2\"]}"), ONE("10"), ONE("1"), 0, NULL},
         "{\"values\":{\"latency_p95\":1},\"problems\":[\"errors: the series {i=\\\"c\\\"} is not in total: aggregate both by the same labels\"]}"},
        {WINDOWED, "", {ONE("3.02"), ONE("99.7"), VECTOR(""), 0, NULL},
         "{\"window\":{\"errors\":3,\"total\":100},\"values\":{},\"problems\":[\"latency_p95: no data: no series matches the query\"]}"},
        {WINDOWED, "", {VECTOR("{\"metric\":{\"s\":\"500\"},\"value\":[1,\"1\"]},{\"metric\":{\"s\":\"502\"},\"value\":[1,\"2\"]}"), ONE("50"), ONE("1"), 0, NULL},
         "{\"window\":{\"errors\":3,\"total\":50},\"values\":{\"latency_p95\":1},\"problems\":[]}"},
        {"\"errors\":\"errors[{window}]\",\"total\":\"total\"", "", {ONE("1"), ONE("2"), NULL, 0, NULL},
         "{\"values\":{},\"problems\":[\"latency_p95: no query for it: set metrics.queries to have one of that name\","
         "\"errors: the queries errors and total must both use {window}, or neither\"]}"},
        {"\"total\":\"total\",\"latency_p95\":\"latency\"", "", {NULL, ONE("2"), ONE("1"), 0, NULL},
         "{\"values\":{\"latency_p95\":1},\"problems\":[\"error_rate: no queries for it: set metrics.queries.errors and metrics.queries.total\"]}"},
        {QUERIES, "", {ONE("3"), ONE("100"), VECTOR("{\"metric\":{\"a\":\"1\"},\"value\":[1,\"1\"]},{\"metric\":{\"a\":\"2\"},\"value\":[1,\"1\"]}"), 0, NULL},
         "{\"counters\":{\"\":{\"errors\":3,\"total\":100}},\"values\":{},\"problems\":[\"latency_p95: 2 series where one number is wanted: "
         "aggregate the query\"]}"},
        {QUERIES, ",\"range_step\":\"15s\"", {ONE("3"), ONE("100"), MATRIX("{\"metric\":{},\"values\":[[1,\"0.5\"],[2,\"NaN\"]]}"), 0, NULL},
         "{\"counters\":{\"\":{\"errors\":3,\"total\":100}},\"values\":{\"latency_p95\":0.5},\"problems\":[]}"},
        {QUERIES, "", {"{\"status\":\"success\",\"infos\":[\"not a counter\"],\"data\":{\"resultType\":\"scalar\",\"result\":[1,\"3\"]}}", ONE("100"), ONE("1"), 0, NULL},
         "{\"counters\":{\"\":{\"errors\":3,\"total\":100}},\"values\":{\"latency_p95\":1},\"problems\":[\"errors: info: not a counter\"]}"},
        {QUERIES, "", {"{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"parse error\"}",
                       "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"parse error\"}",
                       "{\"status\":\"error\",\"errorType\":\"timeout\",\"error\":\"too slow\"}", 400, NULL},
         "{\"values\":{},\"problems\":[\"errors: bad_data: parse error\",\"total: bad_data: parse error\",\"latency_p95: timeout: too slow\"]}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        canned replies = cases[i].replies;
        test_server server;
        server_start(&server, answer, &replies);
        test_errand errand;
        open_prometheus(&errand, &server, cases[i].queries, cases[i].more);
        char *json = nip__json_text(measured(errand_run(&errand, "metrics", "measure", ARGS)));
        assert_string_equal(json, cases[i].expected);
        nip_free(json);
        errand_close(&errand);
        server_stop(&server);
    }
}

static void queries_are_filled_in(void **state)
{
    (void)state;
    canned replies = {.latency = ONE("1")};
    test_server server;
    server_start(&server, answer, &replies);
    test_errand errand;
    open_prometheus(&errand, &server, "\"latency_p95\":\"q{v=\\\"{version}\\\",a=\\\"{app}\\\"}[{window}] {other}\"", "");
    errand_run(&errand, "metrics", "measure",
               "{versions: {'1\"4': {}}, metrics: [latency_p95], since: '2026-01-01T00:00:00Z', at: '2026-01-01T00:01:30.250Z'}");
    assert_int_equal(strncmp(server.last_request, "POST /api/v1/query HTTP/1.1\r\n", 29), 0);
    const char *body = strstr(server.last_request, "\r\n\r\n") + 4;
    assert_string_equal(body, "query=q%7Bv%3D%221%5C%224%22%2Ca%3D%22shop%22%7D%5B90s%5D%20%7Bother%7D&time=1767225690.250");
    errand_close(&errand);
    open_prometheus(&errand, &server, "\"latency_p95\":\"q\"", ",\"range_step\":\"15s\"");
    errand_run(&errand, "metrics", "measure", ARGS);
    assert_non_null(strstr(server.last_request, "POST /api/v1/query_range HTTP/1.1\r\n"));
    assert_non_null(strstr(server.last_request, "query=q&start=1767225600.000&end=1767225690.250&step=15.000"));
    errand_close(&errand);
    server_stop(&server);
}

static void what_is_lost_says_so(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *more, *reason, *message;
        bool retryable;
    } cases[] = {
        {"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "", "permission", "set metrics.bearer or metrics.basic", false},
        {"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", ",\"bearer\":{\"env\":\"NIPOPS_TEST_TOKEN\"}", "permission", "check metrics.bearer", false},
        {"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", ",\"basic\":{\"user\":\"u\",\"password\":{\"env\":\"NIPOPS_TEST_TOKEN\"}}", "permission",
         "check metrics.basic", false},
        {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "", "protocol", "check metrics.url", false},
        {"HTTP/1.1 502 Bad\r\nContent-Length: 4\r\n\r\noops", "", "protocol", "HTTP 502", true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", "", "protocol", "not a reply of Prometheus", false},
        {"", "", "unreachable", "closed", true},
    };
    setenv("NIPOPS_TEST_TOKEN", "s3cret", 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        canned replies = {.raw = cases[i].raw};
        test_server server;
        server_start(&server, answer, &replies);
        test_errand errand;
        open_prometheus(&errand, &server, QUERIES, cases[i].more);
        const nip__value *outcome = errand_run(&errand, "metrics", "measure", ARGS);
        assert_string_equal(nip__get_text(outcome, "outcome"), "failed");
        assert_string_equal(nip__get_text(outcome, "reason"), cases[i].reason);
        assert_int_equal(nip__get_bool(outcome, "retryable", !cases[i].retryable), cases[i].retryable);
        assert_non_null(strstr(nip__get_text(outcome, "message"), cases[i].message));
        assert_null(strstr(nip__get_text(outcome, "message"), "s3cret"));
        if (strstr(cases[i].more, "bearer") != NULL)
            assert_non_null(strstr(server.last_request, "Authorization: Bearer s3cret\r\n"));
        if (strstr(cases[i].more, "basic") != NULL)
            assert_non_null(strstr(server.last_request, "Authorization: Basic dTpzM2NyZXQ=\r\n"));
        errand_close(&errand);
        server_stop(&server);
    }
    test_server gone = {.port = server_unused_port()};
    test_errand errand;
    open_prometheus(&errand, &gone, QUERIES, "");
    const nip__value *outcome = errand_run(&errand, "metrics", "measure", ARGS);
    assert_string_equal(nip__get_text(outcome, "reason"), "unreachable");
    assert_true(nip__get_bool(outcome, "retryable", false));
    errand_close(&errand);
}

static void settings_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{}",
        "{\"url\":\"http://127.0.0.1\"}",
        "{\"url\":\"ftp://127.0.0.1\",\"queries\":{\"total\":\"x\"}}",
        "{\"url\":\"http://127.0.0.1\",\"queries\":{\"total\":\"x\"},\"bearer\":\"the token itself\"}",
        "{\"url\":\"http://127.0.0.1\",\"queries\":{\"total\":\"x\"},\"bearer\":{\"env\":\"A\"},\"basic\":{\"user\":\"u\",\"password\":{\"env\":\"B\"}}}",
        "{\"url\":\"http://127.0.0.1\",\"queries\":{\"total\":\"x\"},\"latency_unit\":\"h\"}",
        "{\"driver\":\"haproxy\",\"url\":\"http://127.0.0.1\",\"queries\":{\"total\":\"x\"}}",
    };
    nip_ctx *ctx = NULL;
    assert_int_equal(nip_ctx_new(&ctx, NULL), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        nip_driver *driver = NULL;
        nip_error *err = NULL;
        if (nip_driver_open(ctx, "prometheus", bad[i], &driver, &err) != NIP_E_DOCUMENT)
            fail_msg("%s", bad[i]);
        assert_null(strstr(nip_error_message(err), "the token itself"));
        nip_error_free(err);
    }
    nip_ctx_free(ctx);
}

static void missing_secrets_and_bad_arguments(void **state)
{
    (void)state;
    unsetenv("NIPOPS_TEST_UNSET");
    test_server gone = {.port = server_unused_port()};
    test_errand errand;
    nip_error *err = NULL;
    open_prometheus(&errand, &gone, QUERIES, ",\"bearer\":{\"env\":\"NIPOPS_TEST_UNSET\"}");
    assert_int_equal(errand_begin(&errand, "metrics", "measure", ARGS, &err), NIP_E_INVALID);
    assert_non_null(strstr(nip_error_message(err), "metrics.bearer: the environment variable NIPOPS_TEST_UNSET is not set"));
    nip_error_free(err);
    err = NULL;
    assert_int_equal(errand_begin(&errand, "metrics", "measure", "{metrics: [error_rate]}", &err), NIP_E_INVALID);
    nip_error_free(err);
    err = NULL;
    assert_int_equal(errand_begin(&errand, "metrics", "route", "{}", &err), NIP_E_UNSUPPORTED);
    nip_error_free(err);
    errand_close(&errand);
    open_prometheus(&errand, &gone, QUERIES, "");
    assert_int_equal(errand_begin(&errand, "metrics", "measure", ARGS, NULL), 0);
    errand.driver->vtable.cancel(errand.driver->self, &errand.action);
    nip__loop_wait(errand.loop, NIP_TIME_NONE, NULL);
    assert_null(errand.outcome);
    errand_close(&errand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies),
        cmocka_unit_test(too_many_series_are_refused),
        cmocka_unit_test(measurements),
        cmocka_unit_test(queries_are_filled_in),
        cmocka_unit_test(what_is_lost_says_so),
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(missing_secrets_and_bad_arguments),
    };
    return cmocka_run_group_tests_name("prometheus", tests, NULL, NULL);
}
