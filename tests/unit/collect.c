/* Collecting all indicators of a contract from a stand-in for Prometheus: what is known, what waits, what is missing and why. */
#include "unit.h"

#include "base/clock.h"
#include "doc/json.h"
#include "failing_malloc.h"
#include "op/collect.h"
#include "op/retention.h"
#include "prometheus_stub.h"
#include "sla/page.h"

enum { MINUTE = 60000, HOUR = 60 * MINUTE, DAY = 24 * HOUR, GAP = 2 * MINUTE };

#define HEX(digit) digit digit digit digit digit digit digit digit
#define DEFINITION(digit) HEX(digit) HEX(digit) HEX(digit) HEX(digit) HEX(digit) HEX(digit) HEX(digit) HEX(digit)

static nip__indicator indicators[] = {
    {.name = "requests", .kind = NIP__INDICATOR_EVENTS, .definition = DEFINITION("a"), .slice_ms = MINUTE, .max_gap_ms = GAP, .bad = "bad",
     .total = "total"},
    {.name = "pushed", .kind = NIP__INDICATOR_EVENTS, .definition = DEFINITION("b"), .slice_ms = MINUTE, .max_gap_ms = GAP},
    {.name = "probe", .kind = NIP__INDICATOR_TIME, .definition = DEFINITION("c"), .slice_ms = MINUTE, .max_gap_ms = GAP, .query = "up",
     .up_when = NIP__AT_LEAST, .up_value = 1, .instance_label = "instance"},
    {.name = "checkout", .kind = NIP__INDICATOR_LATENCY, .definition = DEFINITION("d"), .slice_ms = 5 * MINUTE, .max_gap_ms = GAP,
     .histogram = "hist", .limit_seconds = 0.5, .buckets = true},
};

static prometheus_stub stub;
static nip__ms hour; /* the last whole one */

static void make_stub(int64_t length)
{
    const stub_series all[] = {
        {"total", "{\"__name__\":\"r\",\"instance\":\"a\"}", 0, 0, 15000, 100, 2},
        {"bad", "{\"__name__\":\"r\",\"code\":\"500\"}", 0, 0, 15000, 10, 1},
        {"up", "{\"__name__\":\"up\",\"instance\":\"a\"}", 0, 0, 15000, 1, 0},
        {"up", "{\"__name__\":\"up\",\"instance\":\"b\"}", 0, 0, 15000, 0, 0},
        {"hist", "{\"__name__\":\"h\",\"le\":\"0.5\"}", 0, 0, 15000, 0, 1},
        {"hist", "{\"__name__\":\"h\",\"le\":\"+Inf\"}", 0, 0, 15000, 0, 2},
    };
    hour = nip__ms_of(nip__system_real()) / HOUR * HOUR;
    stub = (prometheus_stub){.count = COUNT(all), .open = true};
    memcpy(stub.series, all, sizeof all);
    for (int i = 0; i < stub.count; i++) {
        stub.series[i].begin = hour - length;
        stub.series[i].end = hour + HOUR;
    }
    stub_start(&stub);
}

typedef struct collected {
    nip__arena *arena;
    nip_ctx *ctx;
    nip__contract contract;
    nip_op *op;
    const nip__value *result;
} collected;

static void begin_at(int port, nip__ms begin, nip__ms end, collected *c)
{
    *c = (collected){.arena = nip__arena_new()};
    nip__value *metrics = nip__map(c->arena);
    nip__put_text(c->arena, metrics, "url", nip__arena_printf(c->arena, "http://127.0.0.1:%d", port));
    c->contract = (nip__contract){.name = "shop", .indicators = indicators, .indicator_count = COUNT(indicators), .metrics = metrics};
    assert_int_equal(nip_ctx_new(&c->ctx, NULL), 0);
    assert_int_equal(nip__collect_new(c->ctx, NULL, &c->contract, begin, end, NULL, &c->op, NULL), 0);
}

static void run(collected *c)
{
    char *json = NULL;
    nip__value *value = NULL;
    assert_int_equal(nip_op_run(c->op, NULL), 0);
    assert_int_equal(nip_op_result(c->op, &json, NULL), 0);
    assert_int_equal(nip__json_read(c->arena, json, strlen(json), NULL, &nip__internal_limits, &value, NULL), 0);
    nip_free(json);
    c->result = value;
}

static void forget(collected *c)
{
    nip_op_free(c->op);
    nip_ctx_free(c->ctx);
    nip__arena_free(c->arena);
}

static const nip__value *item_of(const collected *c, const char *name)
{
    for (NIP__EACH(item, nip__get(c->result, "indicators")))
        if (strcmp(nip__get_text(item, "name"), name) == 0)
            return item;
    return NULL;
}

static int64_t number_of(const collected *c, const char *name, const char *key)
{
    return nip__get_int(item_of(c, name), key, -1);
}

static const char *problem_of(const collected *c, const char *name)
{
    const nip__value *first = nip__first(nip__get(item_of(c, name), "problems"));
    return first == NULL ? NULL : first->as.string.text;
}

static void all_indicators(void **state)
{
    (void)state;
    collected c;
    make_stub(2 * DAY);
    begin_at(stub.server.port, hour - 30 * (nip__ms)HOUR - 1, hour, &c);
    run(&c);
    assert_string_equal(nip__get_text(c.result, "sla"), "shop");
    assert_null(item_of(&c, "pushed"));
    assert_int_equal(number_of(&c, "requests", "known"), 30 * 60 + 1); /* the slice that the ms before lies in */
    assert_int_equal(number_of(&c, "requests", "series"), 2);
    assert_int_equal(number_of(&c, "probe", "known"), 30 * 60 + 1);
    assert_int_equal(number_of(&c, "checkout", "known"), 30 * 12 + 1);
    for (NIP__EACH(item, nip__get(c.result, "indicators"))) {
        assert_int_equal(nip__get_int(item, "missing", -1), 0);
        assert_int_equal(nip__count(nip__get(item, "problems")), 0);
        assert_int_equal(nip__get_int(item, "births", -1) + nip__get_int(item, "gaps", -1), 0);
    }
    const nip__state *measured = nip__collect_state(c.op);
    assert_int_equal(measured->count, 4);
    assert_int_equal(measured->tracks[0].items[7].good, 4);
    assert_int_equal(measured->tracks[0].items[7].bad, 4);
    assert_true(nip__get(nip__get(c.result, "server"), "retention")->kind == NIP__NULL);
    forget(&c);
    stub_stop(&stub);
}

static void what_is_not_final_waits(void **state)
{
    (void)state;
    collected c;
    make_stub(DAY);
    begin_at(stub.server.port, hour - HOUR, hour + 2 * HOUR, &c);
    run(&c);
    int64_t waiting = number_of(&c, "requests", "waiting");
    assert_true(waiting >= 60 && waiting <= 123);
    assert_int_equal(number_of(&c, "requests", "known") + waiting, 180);
    forget(&c);
    begin_at(stub.server.port, hour + 2 * HOUR, hour + 3 * HOUR, &c);
    run(&c);
    assert_int_equal(nip__get_int(c.result, "known", -1), 0);
    assert_int_equal(nip__get_int(c.result, "missing", -1), 0);
    assert_int_equal(nip__get_int(c.result, "waiting", -1), 60 + 60 + 12);
    forget(&c);
    stub_stop(&stub);
}

static void what_the_server_dropped_is_told(void **state)
{
    (void)state;
    collected c;
    make_stub(DAY + HOUR);
    stub.retention = "1d or 10GiB";
    begin_at(stub.server.port, hour - 3 * (nip__ms)DAY, hour, &c);
    run(&c);
    assert_string_equal(nip__get_text(nip__get(c.result, "server"), "retention"), "1d");
    assert_int_equal(number_of(&c, "requests", "missing"), 47 * 60);
    const nip__value *problems = nip__get(item_of(&c, "requests"), "problems");
    const char *last = nip__at(problems, nip__count(problems) - 1)->as.string.text;
    assert_contains(last, "the server keeps 1d: ");
    assert_contains(last, ":00:00Z to ");
    assert_contains(last, ":00:00Z is missing");
    forget(&c);
    stub_stop(&stub);
}

static void one_bad_day_leaves_the_others(void **state)
{
    (void)state;
    collected c;
    make_stub(4 * (int64_t)DAY);
    stub.instead = "HTTP/1.1 422 X\r\nConnection: close\r\n\r\n{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"expanding series: corrupt\"}";
    stub.instead_from = hour - DAY + 3 * HOUR;
    begin_at(stub.server.port, hour - 3 * (nip__ms)DAY, hour, &c);
    run(&c);
    assert_int_equal(number_of(&c, "requests", "known"), 2 * 24 * 60);
    assert_int_equal(number_of(&c, "requests", "missing"), 24 * 60);
    assert_contains(problem_of(&c, "requests"), "execution: expanding series: corrupt");
    assert_int_equal(number_of(&c, "probe", "missing"), 24 * 60);
    forget(&c);
    stub_stop(&stub);
}

/* Later days wait until the server is less busy, so that whoever goes on where this ended leaves no hole. */
static void a_busy_server_is_asked_no_more(void **state)
{
    (void)state;
    collected c;
    make_stub(4 * (int64_t)DAY);
    stub.instead = "HTTP/1.1 503 X\r\nConnection: close\r\n\r\n{\"status\":\"error\",\"errorType\":\"timeout\",\"error\":\"query timed out\"}";
    stub.instead_from = hour - 2 * (int64_t)DAY + 3 * HOUR;
    begin_at(stub.server.port, hour - 3 * (nip__ms)DAY, hour, &c);
    run(&c);
    assert_int_equal(number_of(&c, "probe", "known"), 24 * 60);
    assert_int_equal(number_of(&c, "probe", "missing"), 2 * 24 * 60);
    assert_contains(problem_of(&c, "probe"), "timeout: query timed out");
    assert_true(stub.asked_last < hour - DAY + HOUR); /* nothing of the third day */
    assert_int_equal(number_of(&c, "checkout", "known"), 24 * 12);
    forget(&c);
    stub_stop(&stub);
}

static void nobody_there(void **state)
{
    (void)state;
    collected c;
    nip__ms now = nip__ms_of(nip__system_real()) / HOUR * HOUR;
    begin_at(server_unused_port(), now - 10 * (nip__ms)DAY, now - DAY, &c);
    run(&c);
    assert_int_equal(number_of(&c, "requests", "missing"), 9 * 24 * 60);
    assert_int_equal(number_of(&c, "checkout", "missing"), 9 * 24 * 12);
    assert_contains(problem_of(&c, "checkout"), "connection refused");
    forget(&c);
}

static void ended_before_it_is_over(void **state)
{
    (void)state;
    collected c;
    char *json = NULL;
    make_stub(2 * DAY);
    begin_at(stub.server.port, hour - DAY, hour, &c);
    assert_int_equal(nip_op_status(c.op, &json, NULL), 0);
    assert_contains(json, "\"left\":1440");
    nip_free(json);
    assert_int_equal(nip_op_wait(c.op, NIP_MILLISECOND, NULL), NIP_OP_MORE);
    nip_op_cancel(c.op);
    assert_int_equal(nip_op_run(c.op, NULL), NIP_E_CANCELLED);
    forget(&c);
    begin_at(stub.server.port, hour - DAY, hour, &c);
    assert_true(nip_op_step(c.op, NULL) >= 0);
    forget(&c);
    stub_stop(&stub);
}

/* Whatever allocation fails, once driven again it gets everything, or says what it did not get. */
static void out_of_memory(void **state)
{
    (void)state;
    make_stub(DAY);
    stub.series[stub.count++] = (stub_series){"total", "{\"__name__\":\"r\",\"instance\":\"new\"}", hour - HOUR / 2, hour + HOUR, 15000, 100, 2};
    for (long k = 1;; k += 1 + k / 16) {
        collected c;
        begin_at(stub.server.port, hour - HOUR, hour, &c);
        fail_allocation(k, 0);
        int rc = nip_op_run(c.op, NULL);
        long seen = allocations_seen();
        fail_allocation(0, 0);
        assert_true(rc == 0 || rc == NIP_E_NOMEM);
        run(&c);
        for (NIP__EACH(item, nip__get(c.result, "indicators"))) {
            assert_int_equal(nip__get_int(item, "known", 0) + nip__get_int(item, "missing", 0), item == item_of(&c, "checkout") ? 12 : 60);
            assert_true(nip__get_int(item, "missing", 0) == 0 || nip__count(nip__get(item, "problems")) > 0);
        }
        forget(&c);
        if (seen < k)
            break;
    }
    assert_true(stub.asked_before > 10);
    stub_stop(&stub);
}

static void wrong_use(void **state)
{
    (void)state;
    collected c;
    nip_op *op = NULL;
    nip_error *err = NULL;
    begin_at(1, 0, HOUR, &c);
    assert_int_equal(nip__collect_new(c.ctx, NULL, &c.contract, HOUR, HOUR, NULL, &op, NULL), NIP_E_INVALID);
    assert_int_equal(nip__collect_new(c.ctx, NULL, &c.contract, -1, HOUR, NULL, &op, NULL), NIP_E_INVALID);
    assert_int_equal(nip__collect_new(c.ctx, NULL, &c.contract, 0, INT64_MAX, NULL, &op, NULL), NIP_E_INVALID);
    c.contract.metrics = NULL;
    assert_int_equal(nip__collect_new(c.ctx, NULL, &c.contract, 0, HOUR, NULL, &op, &err), NIP_E_INVALID);
    assert_string_equal(nip_error_message(err), "shop: nobody can be asked: its metrics have no url");
    nip_error_free(err);
    forget(&c);
}

static void retentions(void **state)
{
    (void)state;
    static const struct {
        const char *text, *length;
        int64_t ms;
    } cases[] = {
        {"15d", "15d", 15 * (int64_t)DAY}, {"1y2w3d", "1y2w3d", (365 + 14 + 3) * (int64_t)DAY}, {"15d or 10GiB", "15d", 15 * (int64_t)DAY},
        {"100y", "100y", 36500 * (int64_t)DAY}, {"1h30m", "1h30m", 90 * MINUTE}, {"500ms", "500ms", 500},
        {"", NULL, 0}, {"10GiB", NULL, 0}, {"0s", NULL, 0}, {"d", NULL, 0}, {"15", NULL, 0}, {"15days", NULL, 0}, {"-1d", NULL, 0},
        {"9999999999d", NULL, 0}, {"999999999y999999999y", NULL, 0},
        {"1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s1s", NULL, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__retention read = {.kept_ms = 0};
        assert_int_equal(nip__retention_read(cases[i].text, &read), cases[i].ms > 0);
        assert_int_equal(read.kept_ms, cases[i].ms);
        if (cases[i].ms > 0)
            assert_string_equal(read.text, cases[i].length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_indicators),
        cmocka_unit_test(what_is_not_final_waits),
        cmocka_unit_test(what_the_server_dropped_is_told),
        cmocka_unit_test(one_bad_day_leaves_the_others),
        cmocka_unit_test(a_busy_server_is_asked_no_more),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(ended_before_it_is_over),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(wrong_use),
        cmocka_unit_test(retentions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
