/* Health: what makes an answer good, the sweep's schedule, the document, and the operation against real servers and commands. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "nipops/health.h"
#include "doc/doc.h"
#include "doc/json.h"
#include "doc/yaml.h"
#include "health/expect.h"
#include "health/sweep.h"
#include "health/window.h"
#include "server.h"

/* ---- expectations ---- */

typedef int (*judgement)(const nip__value *expect, const nip__answer *answer, nip__buffer *why);

static const char headers[] = "HTTP/1.1 200 OK\r\nX-Ready:  yes \r\nx-ready-not: no\r\n\r\n";

static void expectations(void **state)
{
    (void)state;
    static const struct {
        const char *expect;
        int status, exit_code;
        const char *body, *why; /* why NULL: good */
    } cases[] = {
        {"{}", 200, 0, "", NULL},
        {"{}", 204, 0, "", NULL},
        {"{}", 302, 0, "", "status 302, expected 200 to 299"},
        {"{status: [200]}", 204, 0, "", "status 204, expected 200"},
        {"{status: [302, 404]}", 404, 0, "", NULL},
        {"{status: [302, 404]}", 200, 0, "", "status 200, expected 302 or 404"},
        {"{json: {/status: healthy}}", 200, 0, "{\"status\":\"healthy\",\"more\":1}", NULL},
        {"{json: {/status: healthy}}", 200, 0, "{\"status\":\"starting\"}", "/status is \"starting\", expected \"healthy\""},
        {"{json: {/status: healthy}}", 200, 0, "{}", "/status is missing, expected \"healthy\""},
        {"{json: {/a/0/b: 2}}", 200, 0, "{\"a\":[{\"b\":2.0}]}", NULL},
        {"{json: {/a: 2}}", 200, 0, "{\"a\":\"2\"}", "/a is \"2\", expected 2"},
        {"{json: {/a: null}}", 200, 0, "{\"a\":null}", NULL},
        {"{json: {/a: null}}", 200, 0, "{}", "/a is missing, expected null"},
        {"{json: {/a: true}}", 200, 0, "{\"a\":{}}", "/a is a map, expected true"},
        {"{json: {/status: healthy}}", 200, 0, "healthy", "the body is not JSON as expected: "},
        {"{json: {/status: healthy}}", 200, 0, "", "the body is not JSON as expected: "},
        {"{body_contains: [ok, fine]}", 200, 0, "all ok and fine", NULL},
        {"{body_contains: [ok, fine]}", 200, 0, "all ok", "the body does not contain \"fine\""},
        {"{headers: {X-READY: \"yes\"}}", 200, 0, "", NULL},
        {"{headers: {x-ready: \"no\"}}", 200, 0, "", "no header \"x-ready: no\""},
        {"{headers: {x-read: \"yes\"}}", 200, 0, "", "no header \"x-read: yes\""},
        {"{max_latency: 2s}", 200, 0, "", NULL},
        {"{max_latency: 1s}", 200, 0, "", "took 1.5s, expected at most 1s"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip__arena *arena = nip__arena_new();
        nip__value *expect = NULL;
        assert_int_equal(nip__yaml_read(arena, cases[i].expect, strlen(cases[i].expect), NULL, &nip__document_limits, &expect, NULL), 0);
        nip__answer answer = {.status = cases[i].status, .headers = headers, .body = cases[i].body, .body_length = strlen(cases[i].body),
                              .latency = 1500 * NIP_MILLISECOND, .exit_code = cases[i].exit_code};
        nip__buffer why = NIP__BUFFER(1000);
        assert_int_equal(nip__expect_http(expect, &answer, &why), cases[i].why == NULL);
        if (cases[i].why != NULL)
            assert_int_equal(strncmp(nip__buffer_string(&why), cases[i].why, strlen(cases[i].why)), 0);
        nip__buffer_clear(&why);
        nip__arena_free(arena);
    }
    nip__answer killed = {.exit_code = 3, .headers = "", .body = ""};
    nip__buffer why = NIP__BUFFER(1000);
    assert_int_equal(nip__expect_command(NULL, &killed, &why), 0);
    assert_string_equal(nip__buffer_string(&why), "exit code 3, expected 0");
    assert_int_equal(nip__expect_connection(NULL, &killed, &why), 1);
    nip__buffer_clear(&why);
}

/* ---- the schedule ---- */

enum { S = 1000 }; /* the tests' unit of time: nip_time in any unit will do */

static nip__sweep *make_sweep(size_t targets, nip_duration interval, nip_duration timeout, int64_t successes, int64_t in_flight)
{
    nip__sweep_rules rules = {targets, interval, timeout, successes, in_flight, 0, in_flight};
    nip__sweep *sweep = NULL;
    assert_int_equal(nip__sweep_new(&rules, 0, &sweep, NULL), 0);
    return sweep;
}

static void expect_try(nip__sweep *sweep, nip_time now, size_t wanted)
{
    size_t target = 999;
    nip_time until;
    assert_int_equal(nip__sweep_next(sweep, now, &target, &until), NIP__SWEEP_TRY);
    assert_int_equal(target, wanted);
}

static void expect_wait(nip__sweep *sweep, nip_time now, nip_time wanted)
{
    size_t target;
    nip_time until = -1;
    assert_int_equal(nip__sweep_next(sweep, now, &target, &until), NIP__SWEEP_WAIT);
    assert_true(until == wanted);
}

static void expect_done(nip__sweep *sweep, nip_time now)
{
    size_t target;
    nip_time until;
    assert_int_equal(nip__sweep_next(sweep, now, &target, &until), NIP__SWEEP_DONE);
}

static void good(nip__sweep *sweep, nip_time now, size_t target)
{
    assert_int_equal(nip__sweep_report(sweep, now, target, NULL, "", 5, NULL), 0);
}

static void bad(nip__sweep *sweep, nip_time now, size_t target, const char *message)
{
    assert_int_equal(nip__sweep_report(sweep, now, target, "unhealthy", message, 5, NULL), 0);
}

static void tries_keep_to_the_grid(void **state)
{
    (void)state;
    nip__sweep *sweep = make_sweep(1, 10 * S, 300 * S, 1, 4);
    expect_try(sweep, 0, 0);
    expect_wait(sweep, 0, 300 * S);
    bad(sweep, 2 * S, 0, "first");
    expect_wait(sweep, 2 * S, 10 * S);
    expect_try(sweep, 11 * S, 0); /* late: the grid stays where it was */
    bad(sweep, 35 * S, 0, "slow");
    expect_wait(sweep, 35 * S, 40 * S); /* 20 and 30 are merged into 40 */
    expect_try(sweep, 40 * S, 0);
    bad(sweep, 50 * S, 0, "last"); /* ends on a point of the grid: that one is over */
    expect_wait(sweep, 50 * S, 60 * S);
    expect_try(sweep, 60 * S, 0);
    good(sweep, 61 * S, 0);
    expect_done(sweep, 61 * S);
    const nip__sweep_target *target = nip__sweep_at(sweep, 0);
    assert_true(target->state == NIP__SWEEP_HEALTHY);
    assert_int_equal(target->tries, 4);
    assert_string_equal(target->first.message, "first");
    assert_string_equal(target->last.message, "last");
    assert_true(target->first.at == 2 * S);
    nip__sweep_free(sweep);
}

static void successes_count_in_a_row(void **state)
{
    (void)state;
    nip__sweep *sweep = make_sweep(1, 10, 1000, 3, 1);
    const bool results[] = {true, true, false, true, true, true};
    for (size_t i = 0; i < 6; i++) {
        nip_time now = (nip_time)i * 10;
        expect_try(sweep, now, 0);
        assert_false(nip__sweep_at(sweep, 0)->state == NIP__SWEEP_HEALTHY);
        if (results[i])
            good(sweep, now + 1, 0);
        else
            bad(sweep, now + 1, 0, "x");
    }
    expect_done(sweep, 51);
    assert_int_equal(nip__sweep_count(sweep, NIP__SWEEP_HEALTHY), 1);
    nip__sweep_free(sweep);
}

static void the_cap_holds(void **state)
{
    (void)state;
    nip__sweep *sweep = make_sweep(5, 10 * S, 100 * S, 1, 2);
    expect_try(sweep, 0, 0);
    expect_try(sweep, 0, 1);
    expect_wait(sweep, 0, 100 * S); /* no room: only an end or the deadline helps */
    good(sweep, 1, 1);
    expect_try(sweep, 1, 2);
    expect_wait(sweep, 1, 100 * S);
    good(sweep, 2, 0);
    good(sweep, 2, 2);
    expect_try(sweep, 2, 3);
    expect_try(sweep, 2, 4);
    bad(sweep, 3, 3, "x");
    expect_wait(sweep, 3, 10 * S);
    good(sweep, 4, 4);
    expect_done(sweep, 100 * S);
    assert_int_equal(nip__sweep_count(sweep, NIP__SWEEP_HEALTHY), 4);
    nip__sweep_free(sweep);
}

static void the_window_widens_when_nobody_answers(void **state)
{
    (void)state;
    const nip_time patience = NIP__WINDOW_PATIENCE;
    nip_time until = -1;
    nip__window window = nip__window_new(2, 7);
    assert_true(nip__window_has_room(&window, 1, 100, &until));
    nip__window_begun(&window);
    assert_false(nip__window_has_room(&window, 2, 100, &until));
    assert_true(until == 100 + patience);
    assert_false(nip__window_has_room(&window, 2, 100 + patience - 1, &until));
    assert_true(nip__window_has_room(&window, 2, 100 + patience, &until)); /* 4 now */
    assert_true(nip__window_has_room(&window, 3, 100 + patience, &until));
    assert_false(nip__window_has_room(&window, 4, 100 + patience, &until));
    nip__window_answered(&window, 0); /* still 4; whoever answers makes it patient from the next look on */
    assert_false(nip__window_has_room(&window, 4, 1000 + 9 * patience, &until));
    assert_true(until == 1000 + 10 * patience);
    for (int i = 1; i < NIP__WINDOW_SHRINKS; i++)
        assert_int_equal((nip__window_answered(&window, 0), window.size), i == NIP__WINDOW_SHRINKS - 1 ? 3 : 4);
    for (int i = 0; i < 9 * NIP__WINDOW_SHRINKS; i++)
        nip__window_answered(&window, 0);
    assert_int_equal(window.size, 2);
    nip_time now = 1000 + 9 * patience;
    for (int64_t running = 2; running < 7; running++) {
        nip__window_has_room(&window, running, now, &until);
        now += patience;
        assert_true(nip__window_has_room(&window, running, now, &until));
        window.stirred = false;
    }
    assert_false(nip__window_has_room(&window, 7, now + 100 * patience, &until)); /* the cap holds */
    assert_true(until == NIP_TIME_MAX);
    nip__window_limit(&window, 1);
    assert_false(nip__window_has_room(&window, 1, now, &until));
    assert_true(nip__window_has_room(&window, 0, now, &until));
    for (int i = 0; i < 6 * NIP__WINDOW_RECOVERY + 100; i++) /* what this side could not do for a while it may try again, up to the cap */
        nip__window_answered(&window, 0);
    assert_int_equal(window.most, 7);
}

/* Somebody is heard, but gives no whole answer yet, as while a connection is being secured: nobody else is asked for that. */
static void the_window_waits_for_whom_it_hears(void **state)
{
    (void)state;
    nip_time until = -1, now = 100;
    nip__window window = nip__window_new(2, 7);
    nip__window_begun(&window);
    for (int i = 0; i < 20; i++) {
        assert_false(nip__window_has_room(&window, 2, now, &until));
        now += NIP__WINDOW_PATIENCE;
        nip__window_stir(&window);
    }
    assert_int_equal(window.size, 2);
    nip__window_has_room(&window, 2, now, &until);
    assert_true(nip__window_has_room(&window, 2, now + NIP__WINDOW_PATIENCE, &until));
}

/* How long a full window that nobody answers waits until it doubles. */
static nip_duration patience_after(nip_duration latency, int answers)
{
    nip_time until = -1, unused = -1;
    nip__window window = nip__window_new(2, 7);
    for (int i = 0; i < answers; i++)
        nip__window_answered(&window, latency);
    assert_false(nip__window_has_room(&window, 2, 1000, &until));
    assert_true(nip__window_has_room(&window, 2, until, &unused));
    assert_int_equal(window.size, 4);
    return until - 1000;
}

/* A busy machine pauses now and then: that must not open hundreds of connections to targets that are fast. */
static void the_window_gives_fast_targets_time(void **state)
{
    (void)state;
    static const struct {
        nip_duration latency;
        int answers;
        nip_duration patience;
    } rows[] = {
        {0, 0, NIP__WINDOW_PATIENCE}, /* nobody is known yet */
        {0, 5, NIP__WINDOW_PATIENCE}, /* failures teach nothing */
        {1, 1, NIP__WINDOW_FAST_PATIENCE},
        {50 * NIP_MICROSECOND, 1, NIP__WINDOW_FAST_PATIENCE},
        {9 * NIP_MILLISECOND, 100, NIP__WINDOW_FAST_PATIENCE},
        {10 * NIP_MILLISECOND, 1, NIP__WINDOW_PATIENCE},
        {20 * NIP_MILLISECOND, 100, NIP__WINDOW_PATIENCE},
        {NIP_TIME_MAX, 100, NIP__WINDOW_PATIENCE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(patience_after(rows[i].latency, rows[i].answers), rows[i].patience);
}

/* What the window takes for usual follows the answers, and one that took very long is forgiven. */
static void the_window_learns_from_many(void **state)
{
    (void)state;
    nip__window window = nip__window_new(2, 7);
    for (int i = 0; i < 100; i++)
        nip__window_answered(&window, NIP_MILLISECOND);
    nip__window_answered(&window, NIP_HOUR);
    assert_true(window.latency < NIP__WINDOW_FAST);
    for (int i = 0; i < 100; i++)
        nip__window_answered(&window, NIP_HOUR);
    assert_true(window.latency > NIP__WINDOW_FAST);
    for (int i = 0; i < 100; i++)
        nip__window_answered(&window, NIP_MILLISECOND);
    assert_true(window.latency < NIP__WINDOW_FAST);
}

/* A full window is asked again when it may widen, not before: a sweep does not spin. */
static void a_sweep_widens_its_window(void **state)
{
    (void)state;
    nip__sweep_rules rules = {4, 10 * S, NIP_SECOND, 1, 3, 0, 1};
    nip__sweep *sweep = NULL;
    assert_int_equal(nip__sweep_new(&rules, 0, &sweep, NULL), 0);
    expect_try(sweep, 0, 0);
    expect_wait(sweep, 0, NIP__WINDOW_PATIENCE);
    expect_try(sweep, NIP__WINDOW_PATIENCE, 1);
    expect_wait(sweep, NIP__WINDOW_PATIENCE, 2 * NIP__WINDOW_PATIENCE);
    expect_try(sweep, 2 * NIP__WINDOW_PATIENCE, 2);
    expect_wait(sweep, 5 * NIP__WINDOW_PATIENCE, NIP_SECOND); /* three are the most */
    nip__sweep_free(sweep);
}

static void postponed_tries_count_for_nothing(void **state)
{
    (void)state;
    nip__sweep *sweep = make_sweep(3, 10 * S, 100 * S, 1, 3);
    expect_try(sweep, 0, 0);
    expect_try(sweep, 0, 1);
    expect_try(sweep, 0, 2);
    nip__sweep_postpone(sweep, 1, 5);
    expect_wait(sweep, 1, 100 * S); /* two under way are now the most */
    assert_int_equal(nip__sweep_at(sweep, 1)->tries, 0);
    good(sweep, 2, 0);
    expect_try(sweep, 2, 1);
    nip__sweep_postpone(sweep, 1, 5);
    good(sweep, 3, 2);
    expect_try(sweep, 3, 1);
    nip__sweep_postpone(sweep, 1, 50); /* nothing else is under way: only time helps */
    expect_wait(sweep, 4, 50);
    expect_try(sweep, 50, 1);
    good(sweep, 51, 1);
    expect_done(sweep, 51);
    nip__sweep_free(sweep);
}

/* ---- the document ---- */

static nip_doc *load(const char *text)
{
    nip_doc *doc = NULL;
    nip_error *err = NULL;
    if (nip_doc_load_text(text, strlen(text), "h.yaml", &doc, &err) != 0)
        fail_msg("%s", nip_error_message(err));
    return doc;
}

static void documents(void **state)
{
    (void)state;
    static const struct {
        const char *text, *problem; /* NULL: good */
    } cases[] = {
        {"health: {url: 'http://127.0.0.1/'}", NULL},
        {"health: {targets: 'http://127.0.0.1/'}", NULL},
        {"health: {targets: ['http://a/', {command: [./x, '{target}'], name: q}, {tcp: 'a:1'}], expect: {status: 200}}", NULL},
        {"health: {targets: ['http://a/'], headers: {authorization: {env: T}, x: y}, tls: {ca_file: c}}", NULL},
        {"health: 5", "must be a map"},
        {"health: [{url: a}]", "must be a map"},
        {"health: {}", "exactly one of url, tcp and command"},
        {"health: {url: a, tcp: b}", "exactly one of url, tcp and command"},
        {"health: {targets: [{name: x}]}", "/health/targets/0"},
        {"health: {targets: ['http://a/'], url: 'http://b/'}", "stand in place of targets"},
        {"health: {url: 'http://a', expect: {json: {status: x}}}", "JSON pointer"},
        {"health: {url: 'http://a', expect: {json: {/status: [x]}}}", "scalar"},
        {"health: {url: 'http://a', headers: {x: {vault: y}}}", "{env: NAME}"},
        {"health: {url: 'http://a', interval: 10}", "/health/interval"},
        {"health: {url: 'http://a', intervall: 10s}", "interval"},
        {"health: {tcp: true}", "HOST:PORT"},
        {"health: {url: 'ftp://a/'}", "/health/url: must begin with http://, https:// or tcp://"},
        {"health: {url: 'http://'}", "/health/url: must begin with http://, https:// or tcp://"},
        {"health: {url: 'tcp://a'}", "/health/url: must be tcp://HOST:PORT"},
        {"health: {url: 'tcp://a:0'}", "/health/url: must be tcp://HOST:PORT"},
        {"health: {url: 'tcp://a:1x'}", "/health/url: must be tcp://HOST:PORT"},
        {"health: {url: 'tcp://[::1]'}", "/health/url: must be tcp://HOST:PORT"},
        {"health: {url: 'tcp://[::1]:5432'}", NULL},
        {"health: {targets: ['HTTPS://a', a:1]}", "/health/targets/1/url: must begin with http://, https:// or tcp://"},
        {"health: {targets: [{tcp: a}]}", "/health/targets/0/tcp: must be HOST:PORT"},
        {"health: {targets: [{tcp: 'a:65536'}]}", "/health/targets/0/tcp: must be HOST:PORT"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip_doc *doc = load(cases[i].text);
        nip_error *err = NULL;
        int rc = nip_doc_check(doc, &err);
        if (cases[i].problem == NULL) {
            if (rc != 0)
                fail_msg("%s: %s", cases[i].text, nip_error_message(err));
        } else {
            assert_int_equal(rc, NIP_E_DOCUMENT);
            const char *path = nip_error_path(err);
            bool named = strstr(nip_error_message(err), cases[i].problem) != NULL || (path != NULL && strstr(path, cases[i].problem) != NULL);
            if (!named)
                fail_msg("%s: %s (%s)", cases[i].text, nip_error_message(err), path);
        }
        nip_error_free(err);
        nip_doc_free(doc);
    }
}

/* ---- the operation ---- */

static nip_ctx *make_ctx(void)
{
    nip_ctx *ctx = NULL;
    assert_int_equal(nip_ctx_new(&ctx, NULL), 0);
    return ctx;
}

static nip_op *begin(const char *text)
{
    nip_ctx *ctx = make_ctx();
    nip_doc *doc = load(text);
    nip_op *op = NULL;
    nip_error *err = NULL;
    if (nip_health_check(ctx, doc, &op, &err) != 0)
        fail_msg("%s", nip_error_message(err));
    nip_doc_free(doc);
    nip_ctx_free(ctx);
    return op;
}

static nip__arena *arena;

static const nip__value *result_of(nip_op *op)
{
    char *json = NULL;
    nip__value *value = NULL;
    assert_int_equal(nip_op_result(op, &json, NULL), 0);
    nip__arena_free(arena);
    arena = nip__arena_new();
    assert_int_equal(nip__json_read(arena, json, strlen(json), NULL, &nip__reply_limits, &value, NULL), 0);
    nip_free(json);
    return value;
}

static const nip__value *run(const char *text)
{
    nip_op *op = begin(text);
    assert_int_equal(nip_op_run(op, NULL), NIP_OP_DONE);
    const nip__value *result = result_of(op);
    nip_op_free(op);
    return result;
}

/* Healthy from the third request on. */
static void answer_third(test_server *server, int fd, const char *request)
{
    (void)request;
    server_reply(fd, server->requests < 3 ? 503 : 200, "", "{\"status\":\"healthy\"}");
}

static void targets_of_all_kinds(void **state)
{
    (void)state;
    test_server server;
    server_start(&server, answer_third, NULL);
    char text[2048];
    snprintf(text, sizeof text,
             "health:\n  interval: 10ms\n  timeout: 2s\n  try_timeout: 1s\n  targets:\n"
             "  - http://me:secret@127.0.0.1:%d/health\n"
             "  - {tcp: '127.0.0.1:%d', name: dead}\n"
             "  - {command: [sh, -c, 'test \"$0\" = queue', '{target}'], name: queue}\n"
             "  - {command: [no-such-program-here]}\n"
             "  - {command: [sh, -c, 'sleep 1000'], name: slow}\n",
             server.port, server_unused_port());
    const nip__value *result = run(text);
    assert_int_equal(nip__get_int(result, "healthy", -1), 2);
    assert_int_equal(nip__get_int(result, "unhealthy", -1), 3);
    assert_int_equal(nip__get_int(result, "unknown", -1), 0);
    const nip__value *targets = nip__get(result, "targets");
    const nip__value *first = nip__at(targets, 0);
    char shown[64];
    snprintf(shown, sizeof shown, "http://***@127.0.0.1:%d/health", server.port);
    assert_string_equal(nip__get_text(first, "target"), shown);
    assert_true(nip__get_bool(first, "healthy", false));
    assert_int_equal(nip__get_int(first, "tries", -1), 3);
    assert_string_equal(nip__get_text(nip__get(first, "first_failure"), "reason"), "unhealthy");
    assert_non_null(nip__get_text(nip__get(first, "last_failure"), "at"));
    assert_string_equal(nip__get_text(nip__get(nip__at(targets, 1), "first_failure"), "reason"), "connection_refused");
    assert_true(nip__get_bool(nip__at(targets, 2), "healthy", false));
    assert_true(nip__is(nip__get(nip__at(targets, 2), "first_failure"), NIP__NULL));
    assert_string_equal(nip__get_text(nip__get(nip__at(targets, 3), "first_failure"), "reason"), "no_such_program");
    assert_string_equal(nip__get_text(nip__get(nip__at(targets, 4), "first_failure"), "reason"), "timeout");
    server_stop(&server);
}

static void answer_header(test_server *server, int fd, const char *request)
{
    (void)server;
    server_reply(fd, strstr(request, "\r\nauthorization: Bearer from-file\r\n") != NULL ? 200 : 401, "", "");
}

static void headers_come_from_files(void **state)
{
    (void)state;
    char path[] = "/tmp/nipops-health-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "Bearer from-file\n", 17), 17);
    close(fd);
    test_server server;
    server_start(&server, answer_header, NULL);
    char text[1024];
    snprintf(text, sizeof text, "health: {url: 'http://127.0.0.1:%d/', timeout: 10s, headers: {authorization: {file: %s}}}", server.port, path);
    assert_int_equal(nip__get_int(run(text), "healthy", -1), 1);
    server_stop(&server);
    unlink(path);

    nip_ctx *ctx = make_ctx();
    nip_doc *doc = load("health: {url: 'http://127.0.0.1/', headers: {x: {env: NIPOPS_TEST_NOT_SET}}}");
    nip_op *op = NULL;
    nip_error *err = NULL;
    assert_int_equal(nip_health_check(ctx, doc, &op, &err), NIP_E_NOTFOUND);
    assert_non_null(strstr(nip_error_message(err), "NIPOPS_TEST_NOT_SET"));
    assert_null(op);
    nip_error_free(err);
    nip_doc_free(doc);
    nip_ctx_free(ctx);
}

/* With hardly a descriptor left every target is still tried, and none is taken for dead. */
static void few_descriptors(void **state)
{
    (void)state;
    int port, listener = server_listener(&port);
    nip__buffer text = NIP__BUFFER(100000);
    nip__buffer_text(&text, "health:\n  timeout: 60s\n  interval: 50ms\n  targets:\n");
    for (int i = 0; i < 100; i++)
        nip__buffer_printf(&text, "  - {tcp: '127.0.0.1:%d', name: %d}\n", port, i);
    nip_op *op = begin(nip__buffer_string(&text)); /* the cap is found now; descriptors go away later */
    nip__buffer_clear(&text);
    struct rlimit before, now;
    getrlimit(RLIMIT_NOFILE, &before);
    int top = open("/dev/null", O_RDONLY);
    close(top);
    now = before;
    now.rlim_cur = (rlim_t)top + 12;
    setrlimit(RLIMIT_NOFILE, &now);
    int rc = nip_op_run(op, NULL);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(rc, NIP_OP_DONE);
    const nip__value *result = result_of(op);
    assert_int_equal(nip__get_int(result, "healthy", -1), 100);
    for (size_t i = 0; i < 100; i++)
        assert_true(nip__is(nip__get(nip__at(nip__get(result, "targets"), i), "first_failure"), NIP__NULL));
    nip_op_free(op);
    close(listener);
}

/* ---- three ways to drive ---- */

static void slow_document(char *text, size_t size)
{
    snprintf(text, size, "health: {tcp: '127.0.0.1:%d', interval: 20ms, timeout: 1h}", server_unused_port());
}

static void *cancel_it(void *data)
{
    nip_op_cancel(data);
    return NULL;
}

static void cancelling(void **state)
{
    (void)state;
    char text[200];
    slow_document(text, sizeof text);
    nip_op *op = begin(text);
    char *json = NULL;
    nip_error *err = NULL;
    assert_int_equal(nip_op_wait(op, 0, NULL), NIP_OP_MORE);
    assert_int_equal(nip_op_result(op, &json, &err), NIP_E_STATE);
    nip_error_free(err);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, cancel_it, op), 0);
    assert_int_equal(nip_op_run(op, NULL), NIP_E_CANCELLED);
    pthread_join(thread, NULL);
    assert_int_equal(nip_op_run(op, NULL), NIP_E_CANCELLED);
    assert_int_equal(nip_op_result(op, &json, NULL), NIP_E_CANCELLED);
    nip_op_free(op);
}

static void waiting_in_slices(void **state)
{
    (void)state;
    char text[200];
    slow_document(text, sizeof text);
    nip_op *op = begin(text);
    for (int i = 0; i < 3; i++)
        assert_int_equal(nip_op_wait(op, NIP_MILLISECOND, NULL), NIP_OP_MORE);
    char *json = NULL;
    assert_int_equal(nip_op_status(op, &json, NULL), 0);
    assert_non_null(strstr(json, "\"targets\":1"));
    nip_free(json);
    nip_op_free(op); /* in the middle */
}

static void stepping_in_a_foreign_loop(void **state)
{
    (void)state;
    test_server server;
    server_start(&server, answer_third, NULL);
    char text[200];
    snprintf(text, sizeof text, "health: {url: 'http://127.0.0.1:%d/', interval: 5ms, timeout: 60s}", server.port);
    nip_op *op = begin(text);
    struct pollfd wait = {.fd = nip_op_fd(op), .events = POLLIN};
    int rc = NIP_OP_MORE;
    while (rc == NIP_OP_MORE) {
        assert_int_equal(poll(&wait, 1, 30000), 1); /* the first step included: nobody needs to begin */
        rc = nip_op_step(op, NULL);
    }
    assert_int_equal(rc, NIP_OP_DONE);
    assert_int_equal(nip__get_int(result_of(op), "healthy", -1), 1);
    nip_op_free(op);
    server_stop(&server);
}

static int release_arena(void **state)
{
    (void)state;
    nip__arena_free(arena);
    arena = NULL;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expectations),
        cmocka_unit_test(tries_keep_to_the_grid),
        cmocka_unit_test(successes_count_in_a_row),
        cmocka_unit_test(the_cap_holds),
        cmocka_unit_test(the_window_widens_when_nobody_answers),
        cmocka_unit_test(the_window_waits_for_whom_it_hears),
        cmocka_unit_test(the_window_gives_fast_targets_time),
        cmocka_unit_test(the_window_learns_from_many),
        cmocka_unit_test(a_sweep_widens_its_window),
        cmocka_unit_test(postponed_tries_count_for_nothing),
        cmocka_unit_test(documents),
        cmocka_unit_test_teardown(targets_of_all_kinds, release_arena),
        cmocka_unit_test_teardown(headers_come_from_files, release_arena),
        cmocka_unit_test_teardown(few_descriptors, release_arena),
        cmocka_unit_test(cancelling),
        cmocka_unit_test(waiting_in_slices),
        cmocka_unit_test_teardown(stepping_in_a_foreign_loop, release_arena),
    };
    return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
