/* What waits, with the k-th allocation failing, once, or that one and all later ones: health checks and the drivers check and prometheus,
 * over HTTP, connections and commands. Afterwards memory is there again, and the same operation or driver must do its work. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "nipops/health.h"
#include "errand.h"
#include "failing_malloc.h"
#include "server.h"

static void answer(test_server *server, int fd, const char *request)
{
    (void)server;
    (void)request;
    server_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 103\r\n\r\n"
                    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":{\"a\":\"b\"},\"value\":[1,\"2\"]}]}}\n  \n");
}

/* ---- health checks ---- */

static nip_doc *load(const char *text)
{
    nip_doc *doc = NULL;
    assert_int_equal(nip_doc_load_text(text, strlen(text), NULL, &doc, NULL), 0);
    return doc;
}

/* Returns whether allocation `k` was reached. */
static bool one_check(nip_ctx *ctx, const nip_doc *doc, long k, int all_later)
{
    nip_op *op = NULL;
    nip_error *err = NULL;
    fail_allocation(k, all_later);
    int rc = nip_health_check(ctx, doc, &op, &err);
    if (rc == 0)
        rc = nip_op_run(op, &err);
    long seen = allocations_seen();
    fail_allocation(0, 0);
    if (rc < 0) {
        if (rc != NIP_E_NOMEM)
            fail_msg("allocation %ld: %s", k, nip_error_message(err));
        nip_error_free(err);
    }
    if (op == NULL)
        assert_int_equal(nip_health_check(ctx, doc, &op, NULL), 0);
    if (rc < 0)
        assert_int_equal(nip_op_run(op, NULL), NIP_OP_DONE); /* driven on where it was */
    char *json = NULL;
    assert_int_equal(nip_op_result(op, &json, NULL), 0);
    if (strstr(json, "\"healthy\":3,\"unhealthy\":0,\"unknown\":0") == NULL)
        fail_msg("allocation %ld: %s", k, json);
    nip_free(json);
    nip_op_free(op);
    return seen >= k;
}

static void health(void **state)
{
    (void)state;
    test_server server;
    server_start(&server, answer, NULL);
    char text[1000];
    snprintf(text, sizeof text,
             "health:\n  interval: 5ms\n  timeout: 60s\n  expect: {json: {/status: success}}\n  headers: {x: y}\n  targets:\n"
             "  - http://127.0.0.1:%d/\n  - {tcp: '127.0.0.1:%d'}\n  - {command: [echo, '{\"status\":\"success\"}'], env: {A: b}}\n",
             server.port, server.port);
    nip_doc *doc = load(text);
    nip_ctx *ctx = NULL;
    assert_int_equal(nip_ctx_new(&ctx, NULL), 0);
    one_check(ctx, doc, 1000000, 0); /* libraries that allocate once have done so */
    for (int all_later = 0; all_later <= 1; all_later++) {
        long k = 1;
        while (one_check(ctx, doc, k, all_later))
            k++;
        print_message("health: %ld allocations\n", k - 1);
    }
    nip_doc_free(doc);
    nip_ctx_free(ctx);
    server_stop(&server);
}

/* ---- a watch ---- */

static void take_events(nip_op *op, int *told, nip_error **err)
{
    const char *json;
    while (nip_op_next_event(op, &json, err) == 1) {
        if (strstr(json, "\"from\":\"unknown\",\"to\":\"healthy\"") == NULL)
            fail_msg("%s", json); /* one try that curl lost for want of memory makes nobody ill */
        ++*told;
    }
}

/* Three targets become healthy, each is told once, and the status counts them. Returns whether allocation `k` was reached. */
static bool one_watch(nip_ctx *ctx, const nip_doc *doc, long k, int all_later)
{
    nip_op *op = NULL;
    char *json = NULL;
    int told = 0, rc;
    fail_allocation(k, all_later);
    rc = nip_health_check(ctx, doc, &op, NULL);
    while (rc >= 0 && told < 3) {
        nip_error *err = NULL;
        rc = nip_op_wait(op, NIP_SECOND, NULL);
        take_events(op, &told, &err);
        rc = err != NULL ? nip_error_code(err) : rc;
        nip_error_free(err);
    }
    if (rc >= 0)
        rc = nip_op_status(op, &json, NULL);
    long seen = allocations_seen();
    fail_allocation(0, 0);
    if (rc < 0 && rc != NIP_E_NOMEM)
        fail_msg("allocation %ld: %s", k, nip_code_name(rc));
    if (op == NULL)
        assert_int_equal(nip_health_check(ctx, doc, &op, NULL), 0);
    for (; told < 3; take_events(op, &told, NULL))
        assert_int_equal(nip_op_wait(op, NIP_SECOND, NULL), NIP_OP_MORE);
    assert_int_equal(told, 3);
    nip_free(json);
    assert_int_equal(nip_op_status(op, &json, NULL), 0);
    assert_non_null(strstr(json, "\"unknown\":0,\"healthy\":3,\"unhealthy\":0"));
    nip_free(json);
    nip_op_free(op);
    return seen >= k;
}

static void watch(void **state)
{
    (void)state;
    test_server server;
    server_start(&server, answer, NULL);
    char text[1000];
    snprintf(text, sizeof text,
             "health:\n  watch: true\n  failures: 3\n  worst: 2\n  interval: 5ms\n  try_timeout: 60s\n  targets:\n"
             "  - http://127.0.0.1:%d/\n  - {tcp: '127.0.0.1:%d'}\n  - {command: [echo, hello]}\n", server.port, server.port);
    nip_doc *doc = load(text);
    nip_ctx *ctx = NULL;
    assert_int_equal(nip_ctx_new(&ctx, NULL), 0);
    one_watch(ctx, doc, 1000000, 0);
    for (int all_later = 0; all_later <= 1; all_later++) {
        long k = 1;
        while (one_watch(ctx, doc, k, all_later))
            k++;
        print_message("watch: %ld allocations\n", k - 1);
    }
    nip_doc_free(doc);
    nip_ctx_free(ctx);
    server_stop(&server);
}

/* ---- drivers ---- */

typedef struct job {
    const char *kind, *role, *verb, *settings, *args;
} job;

static bool one_errand(const job *asked, long k, int all_later)
{
    test_errand errand;
    errand_open(&errand, asked->kind, asked->settings);
    nip_error *err = NULL;
    errand_prepare(&errand, asked->role, asked->verb, asked->args);
    fail_allocation(k, all_later);
    int rc = errand_start(&errand, &err);
    while (rc == 0 && errand.posted == 0 && nip__loop_wait(errand.loop, NIP_TIME_MAX, NULL) >= 0)
        continue;
    long seen = allocations_seen();
    fail_allocation(0, 0);
    if (rc < 0 && rc != NIP_E_NOMEM)
        fail_msg("%s/%s, allocation %ld: %s", asked->role, asked->verb, k, nip_error_message(err));
    nip_error_free(err);
    assert_true(rc < 0 || errand.posted == 1); /* exactly once */
    const nip__value *outcome = errand_run(&errand, asked->role, asked->verb, asked->args);
    if (strcmp(nip__get_text(outcome, "outcome"), "done") != 0)
        fail_msg("%s/%s, after allocation %ld failed: %s", asked->role, asked->verb, k, errand.outcome_text);
    errand_close(&errand);
    return seen >= k;
}

static void drivers(void **state)
{
    (void)state;
    test_server server;
    server_start(&server, answer, NULL);
    char settings[500], groups[500];
    snprintf(settings, sizeof settings, "{\"url\":\"http://127.0.0.1:%d\",\"queries\":{\"errors\":\"e\",\"total\":\"t\",\"latency_p95\":\"l\"},\"timeout\":\"200ms\"}",
             server.port); /* a connection that curl gave up and keeps open holds the one-by-one server until then */
    snprintf(groups, sizeof groups, "{groups: {a: ['127.0.0.1:%d']}, url: 'http://{endpoint}/', expect: {json: {/status: success}}}", server.port);
    const job jobs[] = {
        {"prometheus", "metrics", "measure", settings, "{versions: {a: {}}, metrics: [error_rate, latency_p95]}"},
        {"check", "check", "http", NULL, groups},
        {"check", "check", "command", NULL, "{command: [echo, hello]}"},
        {"check", "check", "settings", NULL, "{env: [NIPOPS_TEST_UNSET]}"},
        {"check", "check", "resources", NULL, "{path: /tmp}"},
    };
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        for (int all_later = 0; all_later <= 1; all_later++) {
            long k = 1;
            while (one_errand(&jobs[i], k, all_later))
                k++;
            print_message("%s/%s: %ld allocations\n", jobs[i].role, jobs[i].verb, k - 1);
        }
    }
    server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health),
        cmocka_unit_test(watch),
        cmocka_unit_test(drivers),
    };
    return cmocka_run_group_tests_name("memory_waits", tests, NULL, NULL);
}
