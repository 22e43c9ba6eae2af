/* Watching targets: when one changes its state, what is told of that, and which are the worst. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "nipops/health.h"
#include "doc/doc.h"
#include "doc/json.h"
#include "health/worst.h"
#include "server.h"

/* ---- when a target changes ---- */

static nip__sweep *make_watch(size_t targets, int64_t successes, int64_t failures)
{
    nip__sweep_rules rules = {
        .targets = targets, .interval = 10, .timeout = NIP_TIME_MAX, .successes = successes, .failures = failures, .in_flight = 1000, .at_first = 1000};
    nip__sweep *sweep = NULL;
    assert_int_equal(nip__sweep_new(&rules, 0, &sweep, NULL), 0);
    return sweep;
}

/* Tries every target and answers for `target` alone; the others stay out. */
static void answer_one(nip__sweep *sweep, nip_time now, size_t target, bool good)
{
    size_t tried;
    nip_time until;
    while (!nip__sweep_at(sweep, target)->trying)
        assert_int_equal(nip__sweep_next(sweep, now, &tried, &until), NIP__SWEEP_TRY);
    assert_int_equal(nip__sweep_report(sweep, now, target, good ? NULL : "unhealthy", good ? "" : "is ill", 7, NULL), 0);
}

/* The state after each answer: '+' is a good one, '-' a bad one; h, u, ? are the states. */
static void thresholds_count_answers_in_a_row(void **state)
{
    (void)state;
    static const struct {
        int successes, failures;
        const char *answers, *states;
    } cases[] = {
        {1, 3, "+", "h"},
        {1, 3, "---", "??u"},
        {1, 3, "--+--+---", "??hhhhhhu"},
        {1, 3, "---+--", "??uhhh"},
        {2, 1, "-+-++-", "uuuuhu"},
        {3, 2, "++-+++-+--", "?????hhhhu"},
        {1, 1, "+-+-", "huhu"},
        {2, 2, "+-+-+-", "??????"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip__sweep *sweep = make_watch(1, cases[i].successes, cases[i].failures);
        for (size_t at = 0; cases[i].answers[at] != '\0'; at++) {
            answer_one(sweep, (nip_time)at * 10, 0, cases[i].answers[at] == '+');
            char found = "?hu"[nip__sweep_at(sweep, 0)->state];
            if (found != cases[i].states[at])
                fail_msg("case %zu: %c after %.*s", i, found, (int)at + 1, cases[i].answers);
        }
        nip__sweep_free(sweep);
    }
}

/* It goes on when all are healthy, each target on the grid. */
static void a_watch_never_ends(void **state)
{
    (void)state;
    nip__sweep *sweep = make_watch(1, 1, 1);
    size_t target;
    nip_time until = 0;
    for (nip_time now = 0; now < 10000; now += 10) {
        answer_one(sweep, now, 0, true);
        assert_int_equal(nip__sweep_next(sweep, now, &target, &until), NIP__SWEEP_WAIT);
        assert_true(until == now + 10);
    }
    assert_int_equal(nip__sweep_next(sweep, NIP_TIME_MAX - 1, &target, &until), NIP__SWEEP_TRY);
    nip__sweep_free(sweep);
}

static void expect_change(nip__sweep *sweep, size_t wanted, nip__sweep_state from, nip__sweep_state to)
{
    size_t target = 999;
    assert_true(nip__sweep_changed(sweep, &target));
    assert_int_equal(target, wanted);
    assert_int_equal(nip__sweep_at(sweep, target)->told, from);
    assert_int_equal(nip__sweep_at(sweep, target)->state, to);
}

static void changes_come_once_and_in_order(void **state)
{
    (void)state;
    size_t target;
    nip__sweep *sweep = make_watch(3, 1, 1);
    assert_false(nip__sweep_changed(sweep, &target));
    answer_one(sweep, 0, 2, false);
    answer_one(sweep, 0, 0, true);
    answer_one(sweep, 10, 2, true); /* again, before anybody asked: one change */
    expect_change(sweep, 2, NIP__SWEEP_UNKNOWN, NIP__SWEEP_HEALTHY);
    nip__sweep_untold(sweep, 2); /* it could not be told: it comes again, and first */
    expect_change(sweep, 2, NIP__SWEEP_UNKNOWN, NIP__SWEEP_HEALTHY);
    nip__sweep_told(sweep, 2);
    expect_change(sweep, 0, NIP__SWEEP_UNKNOWN, NIP__SWEEP_HEALTHY);
    nip__sweep_told(sweep, 0);
    assert_false(nip__sweep_changed(sweep, &target));
    for (nip_time now = 20; now < 1000; now += 10) { /* around the ring of changes */
        bool good = now / 10 % 2 == 1;
        answer_one(sweep, now, 2, good);
        expect_change(sweep, 2, good ? NIP__SWEEP_UNHEALTHY : NIP__SWEEP_HEALTHY, good ? NIP__SWEEP_HEALTHY : NIP__SWEEP_UNHEALTHY);
        nip__sweep_told(sweep, 2);
    }
    assert_int_equal(nip__sweep_count(sweep, NIP__SWEEP_HEALTHY), 2);
    assert_int_equal(nip__sweep_count(sweep, NIP__SWEEP_UNKNOWN), 1);
    nip__sweep_free(sweep);
}

/* ---- which are the worst ---- */

static void the_worst_come_first(void **state)
{
    (void)state;
    enum { TARGETS = 7 };
    /* 0 and 3: healthy; 1: healthy, two bad answers; 2: unhealthy early; 4: unhealthy late; 5: one bad answer; 6: not tried */
    static const size_t wanted[TARGETS] = {4, 2, 5, 6, 1, 0, 3};
    nip__sweep *sweep = make_watch(TARGETS, 1, 3);
    for (nip_time now = 0; now < 60; now += 10) {
        answer_one(sweep, now, 0, true);
        answer_one(sweep, now, 1, now < 40);
        answer_one(sweep, now, 2, false);
        answer_one(sweep, now, 3, true);
        answer_one(sweep, now, 4, now < 30);
    }
    answer_one(sweep, 60, 5, false);
    for (size_t most = 0; most < TARGETS + 3; most++) {
        size_t found[TARGETS + 3];
        size_t count = nip__sweep_worst(sweep, TARGETS, found, most);
        assert_int_equal(count, most < TARGETS ? most : TARGETS);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(found[i], wanted[i]);
    }
    nip__sweep_free(sweep);
}

/* ---- the operation ---- */

static nip_doc *load(const char *text)
{
    nip_doc *doc = NULL;
    nip_error *err = NULL;
    if (nip_doc_load_text(text, strlen(text), "w.yaml", &doc, &err) != 0)
        fail_msg("%s", nip_error_message(err));
    return doc;
}

static nip_op *begin(const char *text)
{
    nip_ctx *ctx = NULL;
    nip_doc *doc = load(text);
    nip_op *op = NULL;
    nip_error *err = NULL;
    assert_int_equal(nip_ctx_new(&ctx, NULL), 0);
    if (nip_health_check(ctx, doc, &op, &err) != 0)
        fail_msg("%s", nip_error_message(err));
    nip_doc_free(doc);
    nip_ctx_free(ctx);
    return op;
}

static nip__value *parse(nip__arena *arena, const char *json)
{
    nip__value *value = NULL;
    assert_int_equal(nip__json_read(arena, json, strlen(json), NULL, &nip__reply_limits, &value, NULL), 0);
    return value;
}

static const nip__value *next_event(nip__arena *arena, nip_op *op)
{
    const char *json = NULL;
    int rc;
    while ((rc = nip_op_next_event(op, &json, NULL)) == 0)
        assert_int_equal(nip_op_wait(op, NIP_SECOND, NULL), NIP_OP_MORE);
    assert_int_equal(rc, 1);
    return parse(arena, json);
}

static void expect_event(nip_op *op, int sequence, const char *target, const char *from, const char *to)
{
    nip__arena *arena = nip__arena_new();
    const nip__value *event = next_event(arena, op), *payload = nip__get(event, "payload");
    assert_int_equal(nip__get_int(event, "sequence", -1), sequence);
    assert_string_equal(nip__get_text(event, "kind"), "target.changed");
    assert_string_equal(nip__get_text(payload, "target"), target);
    assert_string_equal(nip__get_text(payload, "from"), from);
    assert_string_equal(nip__get_text(payload, "to"), to);
    bool ill = strcmp(to, "unhealthy") == 0;
    assert_int_equal(nip__is(nip__get(payload, "failure"), NIP__MAP), ill);
    if (ill)
        assert_string_equal(nip__get_text(nip__get(payload, "failure"), "reason"), "unhealthy");
    nip__arena_free(arena);
}

static atomic_int ill;

static void answer_as_told(test_server *server, int fd, const char *request)
{
    (void)server;
    (void)request;
    server_reply(fd, atomic_load(&ill) ? 500 : 200, "", "");
}

static void a_target_falls_ill_and_recovers(void **state)
{
    (void)state;
    test_server server;
    char text[300];
    server_start(&server, answer_as_told, NULL);
    snprintf(text, sizeof text, "health: {watch: true, failures: 2, successes: 2, interval: 5ms, targets: [{name: web, url: 'http://127.0.0.1:%d/'}]}",
             server.port);
    nip_op *op = begin(text);
    expect_event(op, 1, "web", "unknown", "healthy");
    for (int sequence = 2; sequence < 8; sequence += 2) {
        atomic_store(&ill, 1);
        expect_event(op, sequence, "web", "healthy", "unhealthy");
        atomic_store(&ill, 0);
        expect_event(op, sequence + 1, "web", "unhealthy", "healthy");
    }
    char *json = NULL;
    assert_int_equal(nip_op_result(op, &json, NULL), NIP_E_STATE);
    nip_op_cancel(op);
    assert_int_equal(nip_op_run(op, NULL), NIP_E_CANCELLED);
    assert_int_equal(nip_op_status(op, &json, NULL), 0); /* as it stood */
    assert_non_null(strstr(json, "\"healthy\":1"));
    nip_free(json);
    nip_op_free(op);
    server_stop(&server);
}

/* A name without an upper limit of its own is told all the same. */
static void long_names(void **state)
{
    (void)state;
    enum { LENGTH = 65000 };
    nip__buffer text = NIP__BUFFER(SIZE_MAX / 2);
    nip__buffer_text(&text, "health: {watch: true, failures: 1, command: ['");
    for (int i = 0; i < LENGTH; i++)
        nip__buffer_char(&text, '"');
    nip__buffer_text(&text, "']}");
    nip_op *op = begin(nip__buffer_string(&text));
    nip__buffer_clear(&text);
    const char *json = NULL;
    while (nip_op_next_event(op, &json, NULL) == 0)
        assert_int_equal(nip_op_wait(op, NIP_SECOND, NULL), NIP_OP_MORE);
    assert_non_null(json);
    assert_true(strlen(json) > 2 * LENGTH);
    nip_op_free(op);
}

static void status_names_the_worst(void **state)
{
    (void)state;
    static const struct {
        const char *worst;
        size_t named;
    } cases[] = {{"", 3}, {"worst: 1,", 1}, {"worst: 100000,", 3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[400];
        nip__arena *arena = nip__arena_new();
        snprintf(text, sizeof text, "health: {watch: true, failures: 1, %s targets: [{name: a, command: ['true']}, {name: b, command: ['false']}, "
                 "{name: c, command: ['true']}]}", cases[i].worst);
        nip_op *op = begin(text);
        for (int changes = 0; changes < 3; changes++)
            next_event(arena, op);
        char *json = NULL;
        assert_int_equal(nip_op_status(op, &json, NULL), 0);
        const nip__value *status = parse(arena, json), *targets = nip__get(status, "targets"), *first = nip__at(targets, 0);
        assert_int_equal(nip__get_int(status, "healthy", -1), 2);
        assert_int_equal(nip__get_int(status, "unhealthy", -1), 1);
        assert_int_equal(nip__get_int(status, "unknown", -1), 0);
        assert_int_equal(nip__count(targets), cases[i].named);
        assert_string_equal(nip__get_text(first, "target"), "b");
        assert_int_equal(nip__get_int(first, "index", -1), 1);
        assert_string_equal(nip__get_text(nip__get(first, "failure"), "message"), "false: exit code 1, expected 0");
        nip_free(json);
        nip_op_free(op);
        nip__arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thresholds_count_answers_in_a_row),
        cmocka_unit_test(a_watch_never_ends),
        cmocka_unit_test(changes_come_once_and_in_order),
        cmocka_unit_test(the_worst_come_first),
        cmocka_unit_test(a_target_falls_ill_and_recovers),
        cmocka_unit_test(long_names),
        cmocka_unit_test(status_names_the_worst),
    };
    return cmocka_run_group_tests_name("health watch", tests, NULL, NULL);
}
