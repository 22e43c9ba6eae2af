/* An indicator's samples asked of a stand-in for Prometheus: the same slices from servers of version 2 and 3, in whatever chunks; and nothing at all
 * when any part is missing. */
#include "unit.h"

#include "base/arena.h"
#include "doc/value.h"
#include "failing_malloc.h"
#include "op/samples.h"
#include "prometheus_stub.h"
#include "sla/page.h"

enum { MINUTE = 60000, HOUR = 60 * MINUTE, GAP = 2 * MINUTE };

#define DEFINITION "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const nip__indicator requests = {
    .name = "requests", .kind = NIP__INDICATOR_EVENTS, .definition = DEFINITION, .slice_ms = MINUTE, .max_gap_ms = GAP, .bad = "bad", .total = "total"};
static const nip__indicator probe = {.name = "probe", .kind = NIP__INDICATOR_TIME, .definition = DEFINITION, .slice_ms = MINUTE, .max_gap_ms = GAP,
                                     .query = "up", .up_when = NIP__AT_LEAST, .up_value = 1, .instance_label = "instance"};
static const nip__indicator checkout = {.name = "checkout", .kind = NIP__INDICATOR_LATENCY, .definition = DEFINITION, .slice_ms = MINUTE,
                                        .max_gap_ms = GAP, .histogram = "hist", .limit_seconds = 0.5, .buckets = true};

/* From 1970-01-03 on; two requests a scrape, one of ten is bad. */
static const int64_t first = 48 * 60, end = 51 * 60;

static prometheus_stub stub;

static void make_stub(void)
{
    static const stub_series all[] = {
        {"total", "{\"__name__\":\"r\",\"instance\":\"a\"}", 46 * HOUR, 60 * HOUR, 15000, 100, 2},
        {"total", "{\"__name__\":\"r\",\"instance\":\"b\"}", 46 * HOUR + 5000, 60 * HOUR, 15000, 100, 2},
        {"bad", "{\"__name__\":\"r\",\"code\":\"500\",\"instance\":\"a\"}", 46 * HOUR, 60 * HOUR, 150000 / 2, 10, 1},
        {"up", "{\"__name__\":\"up\",\"instance\":\"a\"}", 46 * HOUR, 60 * HOUR, 15000, 1, 0},
        {"up", "{\"__name__\":\"up\",\"instance\":\"b\"}", 49 * HOUR, 60 * HOUR, 15000, 1, 0},
        {"hist", "{\"__name__\":\"h\",\"le\":\"0.5\"}", 46 * HOUR, 60 * HOUR, 15000, 0, 1},
        {"hist", "{\"__name__\":\"h\",\"le\":\"+Inf\"}", 46 * HOUR, 60 * HOUR, 15000, 0, 2},
    };
    stub = (prometheus_stub){.count = COUNT(all)};
    memcpy(stub.series, all, sizeof all);
    stub_start(&stub);
}

/* ---- one collection ---- */

typedef struct outcome {
    nip__sampled out;
    nip__samples_end end;
    bool done;
    char *bytes;
} outcome;

static void on_done(void *data, const nip__samples_end *how)
{
    outcome *seen = data;
    assert_false(seen->done);
    seen->done = true;
    seen->end = *how;
}

static nip__loop *make_loop(void)
{
    nip_ctx *ctx = NULL;
    nip__loop *loop = NULL;
    assert_int_equal(nip_ctx_new(&ctx, NULL), 0);
    assert_int_equal(nip__loop_new(ctx, &loop, NULL), 0);
    nip_ctx_free(ctx);
    return loop;
}

static const nip__value *settings_of(nip__arena *arena, int port)
{
    nip__value *settings = nip__map(arena);
    nip__put_text(arena, settings, "url", nip__arena_printf(arena, "http://127.0.0.1:%d/", port));
    nip__put_text(arena, settings, "timeout", "20s");
    return settings;
}

static void collect_most(const nip__indicator *indicator, int port, uint64_t most, outcome *seen)
{
    nip__arena *arena = nip__arena_new();
    nip__loop *loop = make_loop();
    nip__samples samples = {.count = 0};
    *seen = (outcome){.out.arena = nip__arena_new()};
    assert_int_equal(nip__state_new(&seen->out.state, NULL), 0);
    nip__samples_request request = {
        .indicator = indicator, .settings = settings_of(arena, port), .place = "metrics", .first = first, .end = end, .most = most, .out = &seen->out};
    assert_int_equal(nip__samples_start(&samples, loop, &request, on_done, seen, NULL), 0);
    while (!seen->done)
        assert_true(nip__loop_wait(loop, NIP_TIME_MAX, NULL) >= 0);
    nip__buffer text = NIP__BUFFER(1 << 24);
    assert_int_equal(nip__state_write(seen->out.state, &text, NULL), 0);
    seen->bytes = nip__buffer_take(&text);
    assert_int_equal(samples.count, 0); /* nothing is held any more */
    nip__loop_free(loop);
    nip__arena_free(arena);
}

static void collect(const nip__indicator *indicator, outcome *seen)
{
    collect_most(indicator, stub.server.port, NIP__SAMPLES_MOST, seen);
    assert_int_equal(seen->end.rc, 0);
}

static void forget(outcome *seen)
{
    nip_error_free(seen->end.err);
    nip__state_free(seen->out.state);
    nip__arena_free(seen->out.arena);
    nip_free(seen->bytes);
}

/* ---- good replies ---- */

static void counters(void **state)
{
    (void)state;
    outcome seen;
    make_stub();
    collect(&requests, &seen);
    assert_int_equal(seen.out.known, end - first);
    assert_int_equal(seen.out.problems.count, 0);
    assert_int_equal(seen.out.births + seen.out.gaps + seen.out.resets, 0);
    int64_t good = 0, bad = 0;
    for (size_t i = 0; i < seen.out.state->tracks[0].count; i++) {
        good += seen.out.state->tracks[0].items[i].good;
        bad += seen.out.state->tracks[0].items[i].bad;
    }
    assert_int_equal(good + bad, 3 * HOUR / 15000 * 2 * 2);
    assert_int_equal(bad, 3 * HOUR / 75000);
    assert_int_equal(stub.asked_first, 48 * HOUR - GAP - HOUR - 1);
    assert_int_equal(stub.asked_last, 51 * HOUR + GAP);
    forget(&seen);
    stub_stop(&stub);
}

static void both_versions_and_any_chunks(void **state)
{
    (void)state;
    static const nip__indicator *const kinds[] = {&requests, &probe, &checkout};
    for (size_t i = 0; i < COUNT(kinds); i++) {
        char *bytes = NULL;
        for (int run = 0; run < 4; run++) {
            outcome seen;
            make_stub();
            stub.open = run % 2 == 1;
            stub.longest = run < 2 ? 0 : 12 * MINUTE;
            collect(kinds[i], &seen);
            assert_int_equal(seen.out.problems.count, 0);
            assert_int_equal(seen.out.known, end - first);
            assert_true(run < 2 ? stub.queries < 7 : stub.queries > 12);
            if (bytes == NULL)
                bytes = seen.bytes, seen.bytes = NULL;
            else
                assert_string_equal(seen.bytes, bytes);
            forget(&seen);
            stub_stop(&stub);
        }
        nip_free(bytes);
    }
}

/* A connection that was kept may be closed by the other side just when it is used again. */
static void a_connection_that_was_closed_is_tried_again(void **state)
{
    (void)state;
    outcome seen;
    for (int dropped = 1; dropped < 3; dropped++) {
        make_stub();
        stub.dropped = dropped;
        collect(&probe, &seen);
        assert_int_equal(seen.out.known, dropped == 1 ? end - first : 0);
        forget(&seen);
        stub_stop(&stub);
    }
}

/* One that begins has counted its events since; one that had been there before, whenever. */
static void what_begins_is_asked_about(void **state)
{
    (void)state;
    static const char *const labels[] = {"{\"__name__\":\"r\",\"instance\":\"b\"}", "{\"__name__\":\"r\",\"instance\":\"c\"}"};
    outcome seen;
    for (int run = 0; run < 4; run++) {
        int old = run % 2;
        make_stub();
        stub.heavy = run > 1;
        for (int i = 0; i < 2; i++)
            stub.series[1 + 6 * i] = (stub_series){"total", labels[i], 49 * HOUR + 5000, 60 * HOUR, 15000, 1000000, 2};
        stub.series[8] = (stub_series){"total", labels[0], 2 * HOUR, old ? 3 * HOUR : 0, 15000, 900000, 1};
        stub.count = old ? 9 : 8;
        collect(&requests, &seen);
        assert_int_equal(seen.out.problems.count, 0);
        assert_int_equal(stub.asked_before, run == 3 ? 3 : 1); /* both, then each */
        assert_int_equal(seen.out.births, 2 - old);
        assert_int_equal(seen.out.gaps, old);
        assert_int_equal(seen.out.missing, old ? 3 : 0);
        forget(&seen);
        stub_stop(&stub);
    }
}

static void remarks_are_told(void **state)
{
    (void)state;
    outcome seen;
    make_stub();
    stub.info = "metric might not be a counter";
    collect(&requests, &seen);
    assert_int_equal(seen.out.known, end - first);
    assert_contains(seen.out.remarks.texts[0], "info: metric might not be a counter");
    forget(&seen);
    stub_stop(&stub);
}

/* ---- replies of which nothing counts ---- */

typedef struct fault {
    const char *instead, *warning;
    bool truncate, lost;
    const char *problem;
} fault;

#define RAW(status, text) "HTTP/1.1 " status " X\r\nConnection: close\r\n\r\n" text

static const fault faults[] = {
    {.warning = "results truncated due to limit", .problem = "warning: results truncated due to limit"},
    {.truncate = true, .lost = true, .problem = "the reply ended before it was complete"},
    {.instead = RAW("503", "no healthy upstream"), .lost = true, .problem = "HTTP 503, not a reply of Prometheus; check metrics.url"},
    {.instead = RAW("503", "{\"status\":\"error\",\"errorType\":\"unavailable\",\"error\":\"starting\"}"), .problem = "unavailable: starting"},
    {.instead = RAW("401", "who?"), .lost = true, .problem = "set metrics.bearer or metrics.basic"},
    {.instead = RAW("404", "404 page not found"), .lost = true, .problem = "no query API there"},
    {.instead = RAW("400", "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"1:4: parse error\"}"), .problem = "bad_data: 1:4: parse error"},
    {.instead = RAW("200", "{\"status\":\"success\"}"), .problem = "the reply has no known resultType"},
    {.instead = RAW("200", "<html>"), .problem = "the reply is not JSON"},
    {.instead = RAW("200", "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":{},\"values\":[[172800,\"1\"]]},"
                           "{\"metric\":{},\"values\":[[172800,\"1\"]]}]}}"), .problem = "or it comes twice"},
    {.instead = "", .lost = true, .problem = "the connection was closed before a reply came"},
    {.instead = RAW("422", "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"query processing would load too many samples into memory\"}"),
     .problem = "too many samples"},
};

static void faults_leave_all_missing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(faults); i++) {
        outcome seen;
        make_stub();
        stub.warning = faults[i].warning;
        stub.truncate = faults[i].truncate;
        stub.instead = faults[i].instead;
        stub.instead_from = 49 * HOUR; /* what came before was good */
        collect(&requests, &seen);
        assert_int_equal(seen.out.known, 0);
        assert_int_equal(seen.out.missing, end - first);
        assert_int_equal(seen.out.state->count, 0);
        assert_int_equal(seen.out.problems.count, 1);
        assert_contains(seen.out.problems.texts[0], faults[i].problem);
        assert_int_equal(seen.end.lost, faults[i].lost);
        forget(&seen);
        stub_stop(&stub);
    }
}

static void nobody_there(void **state)
{
    (void)state;
    outcome seen;
    collect_most(&probe, server_unused_port(), 100, &seen);
    assert_contains(seen.out.problems.texts[0], "query: POST http://127.0.0.1");
    assert_contains(seen.out.problems.texts[0], "connection refused");
    assert_true(seen.end.lost);
    forget(&seen);
}

static void more_than_is_held(void **state)
{
    (void)state;
    outcome seen;
    make_stub();
    collect_most(&probe, stub.server.port, 700, &seen);
    assert_true(seen.end.too_many);
    assert_int_equal(seen.end.rc, 0);
    assert_int_equal(seen.out.problems.count + (size_t)seen.out.missing, 0); /* fewer slices may do */
    forget(&seen);
    stub_stop(&stub);
}

/* ---- odd samples ---- */

static void samples_that_are_no_number(void **state)
{
    (void)state;
    outcome seen;
    make_stub();
    stub.series[0].odd = "NaN";
    stub.series[0].odd_at = 49 * HOUR;
    stub.series[3].odd = "NaN";
    stub.series[3].odd_at = 49 * HOUR;
    collect(&requests, &seen);
    assert_int_equal(seen.out.known, end - first);
    assert_int_equal(seen.out.absent, 1);
    forget(&seen);
    collect(&probe, &seen);
    assert_int_equal(seen.out.known, end - first);
    const nip__track *a = &seen.out.state->tracks[0];
    assert_int_equal(a->items[60].unsure, 15000);
    forget(&seen);
    stub.series[0].odd = "-1";
    collect(&requests, &seen);
    assert_int_equal(seen.out.missing, end - first);
    assert_contains(seen.out.problems.texts[0], "r{instance=\"a\"}: sample");
    forget(&seen);
    stub_stop(&stub);
}

static void two_series_of_one_instance(void **state)
{
    (void)state;
    outcome seen;
    make_stub();
    stub.series[4].labels = "{\"__name__\":\"up\",\"instance\":\"a\",\"job\":\"other\"}";
    collect(&probe, &seen);
    assert_int_equal(seen.out.known, 60); /* until the second one came */
    assert_contains(seen.out.problems.texts[0], "the stream \"a\" has several series at once, up{instance=\"a\"");
    forget(&seen);
    stub_stop(&stub);
}

static void stopped_in_the_middle(void **state)
{
    (void)state;
    make_stub();
    nip__arena *arena = nip__arena_new();
    nip__loop *loop = make_loop();
    nip__samples samples = {.count = 0};
    nip__samples_stop(&samples);
    outcome seen = {.out.arena = NULL};
    nip__samples_request request = {.indicator = &requests, .settings = settings_of(arena, stub.server.port), .place = "metrics", .first = first,
                                    .end = end, .most = 1000000, .out = &seen.out};
    assert_int_equal(nip__samples_start(&samples, loop, &request, on_done, &seen, NULL), 0);
    assert_true(nip__loop_wait(loop, NIP_TIME_MAX, NULL) >= 0);
    nip__samples_stop(&samples);
    assert_false(seen.done);
    nip__loop_free(loop);
    nip__arena_free(arena);
    stub_stop(&stub);
}

static void what_is_asked(void **state)
{
    (void)state;
    nip__indicator one = requests;
    assert_true(nip__samples_asks(&one));
    one.total = NULL;
    assert_false(nip__samples_asks(&one));
    one.good = "good";
    assert_true(nip__samples_asks(&one));
    one = probe;
    one.query = NULL;
    assert_false(nip__samples_asks(&one));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters),
        cmocka_unit_test(both_versions_and_any_chunks),
        cmocka_unit_test(a_connection_that_was_closed_is_tried_again),
        cmocka_unit_test(what_begins_is_asked_about),
        cmocka_unit_test(remarks_are_told),
        cmocka_unit_test(faults_leave_all_missing),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(more_than_is_held),
        cmocka_unit_test(samples_that_are_no_number),
        cmocka_unit_test(two_series_of_one_instance),
        cmocka_unit_test(stopped_in_the_middle),
        cmocka_unit_test(what_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
