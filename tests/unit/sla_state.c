/* States: merging in any order gives the same bytes, pages read back as what they say, and series add up as a slow model does. */
#include "unit.h"

#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "failing_malloc.h"
#include "sla/page.h"
#include "sla/series.h"

enum { RUNS = 200, LONG = 60, PARTS = 16, MINUTE = 60000 };

#define DEFINITION "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static nip__track_key key_of(const char *stream, nip__track_kind kind)
{
    nip__track_key key;
    assert_int_equal(nip__track_key_make(DEFINITION, stream, kind, MINUTE, &key, NULL), 0);
    return key;
}

static nip__state *new_state(void)
{
    nip__state *state = NULL;
    assert_int_equal(nip__state_new(&state, NULL), 0);
    return state;
}

static char *bytes_of(const nip__state *state)
{
    nip__buffer out = NIP__BUFFER(1 << 24);
    assert_int_equal(nip__state_write(state, &out, NULL), 0);
    return nip__buffer_take(&out);
}

/* ---- what is put in ---- */

static void put_events(nip__random *random, nip__state *state)
{
    nip__slice slices[LONG];
    size_t count = 0;
    int64_t revision = (int64_t)nip__random_below(random, 3);
    for (int64_t index = 0; index < LONG; index++) {
        if (nip__random_below(random, 3) == 0)
            continue;
        slices[count++] = (nip__slice){.index = index - LONG / 2, .revision = revision, .good = (int64_t)nip__random_below(random, 3),
                                       .bad = (int64_t)nip__random_below(random, 2)};
    }
    nip__track_key key = key_of(nip__random_below(random, 2) == 0 ? "a" : "b", NIP__TRACK_EVENTS);
    assert_int_equal(nip__state_put(state, &key, slices, count, NULL), 0);
}

static void put_time(nip__random *random, nip__state *state)
{
    nip__timeline timeline = {.begin = -LONG * MINUTE};
    while (nip__timeline_end(&timeline) < LONG * MINUTE)
        assert_int_equal(nip__timeline_append(&timeline, nip__timeline_end(&timeline) + 1 + (nip__ms)nip__random_below(random, 5 * MINUTE),
                                              (nip__standing)nip__random_below(random, 3)),
                         0);
    nip__track_key key = key_of("a", NIP__TRACK_TIME);
    int64_t first = (int64_t)nip__random_below(random, 20) - 10, revision = (int64_t)nip__random_below(random, 3);
    assert_int_equal(nip__state_put_timeline(state, &key, revision, &timeline, first, first + (int64_t)nip__random_below(random, 20), NULL), 0);
    nip__timeline_clear(&timeline);
}

static void put_latencies(nip__random *random, nip__state *state)
{
    struct {
        nip__slice_detail head;
        struct {
            double bound;
            int64_t value;
        } items[2];
    } detail = {{.count = 2}, {{nip__random_below(random, 2) == 0 ? 0.25 : 0.5, 2}, {1e300 * 1e300, 1}}};
    nip__slice slices[] = {{.index = (int64_t)nip__random_below(random, 3), .revision = (int64_t)nip__random_below(random, 2), .good = 2, .unsure = 1,
                            .detail = &detail.head},
                           {.index = 5, .revision = 0, .good = 1}};
    nip__track_key key = key_of("", NIP__TRACK_LATENCY);
    assert_int_equal(nip__state_put(state, &key, slices, 2, NULL), 0);
}

static nip__state *random_state(nip__random *random)
{
    static void (*const puts[])(nip__random *random, nip__state *state) = {put_events, put_time, put_latencies};
    nip__state *state = new_state();
    for (size_t i = nip__random_below(random, 4); i > 0; i--)
        puts[nip__random_below(random, 3)](random, state);
    return state;
}

/* ---- laws ---- */

static char *merged(nip__state *const *parts, const size_t *order, size_t count)
{
    nip__state *all = new_state();
    for (size_t i = 0; i < count; i++)
        assert_int_equal(nip__state_merge(all, parts[order[i]], NULL), 0);
    char *bytes = bytes_of(all);
    nip__state_free(all);
    return bytes;
}

static void test_any_order_gives_the_same_bytes(void **unused)
{
    (void)unused;
    nip__random random;
    nip__random_seed(&random, 7);
    for (int run = 0; run < RUNS; run++) {
        nip__state *parts[PARTS];
        size_t order[2 * PARTS], count = 1 + nip__random_below(&random, PARTS);
        for (size_t i = 0; i < count; i++) {
            parts[i] = random_state(&random);
            order[i] = i;
        }
        char *straight = merged(parts, order, count);
        for (size_t i = 0; i < count; i++) /* each twice, shuffled */
            order[count + i] = i;
        for (size_t i = 2 * count - 1; i > 0; i--) {
            size_t other = nip__random_below(&random, i + 1), kept = order[i];
            order[i] = order[other];
            order[other] = kept;
        }
        char *shuffled = merged(parts, order, 2 * count);
        assert_string_equal(straight, shuffled);
        nip__free(straight);
        nip__free(shuffled);
        for (size_t i = 0; i < count; i++)
            nip__state_free(parts[i]);
    }
}

static int take_page(void *data, const char *text, size_t length, nip_error **err)
{
    return nip__state_take(data, text, length, err);
}

static void test_pages_read_back(void **unused)
{
    (void)unused;
    nip__random random;
    nip__random_seed(&random, 8);
    for (int run = 0; run < RUNS; run++) {
        nip__state *state = random_state(&random), *again = new_state(), *news = new_state();
        nip__state_conflicts conflicts;
        assert_int_equal(nip__state_pages(state, take_page, again, NULL), 0);
        char *said = bytes_of(state), *read = bytes_of(again);
        assert_string_equal(said, read);
        assert_int_equal(nip__state_compare(again, state, news, &conflicts, NULL), 0);
        assert_int_equal(news->slices, 0);
        assert_int_equal(conflicts.count, 0);
        nip__free(said);
        nip__free(read);
        nip__state_free(state);
        nip__state_free(again);
        nip__state_free(news);
    }
}

static void test_conflicts(void **unused)
{
    (void)unused;
    nip__track_key key = key_of("a", NIP__TRACK_EVENTS);
    nip__state *state = new_state(), *other = new_state(), *news = new_state();
    nip__state_conflicts conflicts;
    nip__slice one = {.index = 3, .revision = 1, .good = 5}, two = {.index = 3, .revision = 1, .good = 6}, mend = {.index = 3, .revision = 2, .good = 7};
    assert_int_equal(nip__state_put(state, &key, &one, 1, NULL), 0);
    assert_int_equal(nip__state_put(other, &key, &two, 1, NULL), 0);
    assert_int_equal(nip__state_compare(state, other, news, &conflicts, NULL), 0);
    assert_int_equal(conflicts.count, 1);
    assert_int_equal(conflicts.first, 3);
    assert_int_equal(nip__state_merge(state, other, NULL), 0);
    assert_true(nip__state_track(state, &key)->items[0].conflict);
    assert_int_equal(nip__state_put(state, &key, &one, 1, NULL), 0); /* what is said again settles nothing */
    assert_true(nip__state_track(state, &key)->items[0].conflict);
    assert_int_equal(nip__state_put(state, &key, &mend, 1, NULL), 0);
    assert_int_equal(nip__state_track(state, &key)->items[0].good, 7);
    nip__state_free(state);
    nip__state_free(other);
    nip__state_free(news);
}

/* ---- pages of others ---- */

#define PAGE(kind, slices) "{\"v\":1,\"indicator\":\"" DEFINITION "\",\"stream\":\"\",\"kind\":\"" kind "\",\"slice_ms\":60000,\"revision\":0,\"first\":0," slices "}"

static void test_pages_that_are_none(void **unused)
{
    (void)unused;
    static const char *const wrong[] = {
        "", "[]", "{}",
        PAGE("events", "\"slices\":\"1:2:3\""), PAGE("events", "\"slices\":\"01\""), PAGE("events", "\"slices\":\"1 \""),
        PAGE("events", "\"slices\":\"1x1\""), PAGE("events", "\"slices\":\"1x65537\""), PAGE("events", "\"slices\":\"-x65536 1\""),
        PAGE("events", "\"slices\":\"1099511627776\""), PAGE("events", "\"slices\":\"1\",\"buckets\":\"-\""), PAGE("none", "\"slices\":\"1\""),
        PAGE("time", "\"slices\":\"u59999\""), PAGE("time", "\"slices\":\"u0\""), PAGE("time", "\"slices\":\"u30000 !30000\""),
        PAGE("time", "\"slices\":\"x60000\""), PAGE("latency", "\"slices\":\"3\",\"buckets\":\"/3\""),
        PAGE("latency", "\"slices\":\"3\",\"buckets\":\"0.1,+Inf/1,1\""), PAGE("latency", "\"slices\":\"3\",\"buckets\":\"+Inf,0.1/1,2\""),
        PAGE("latency", "\"slices\":\"3\",\"buckets\":\"\""), PAGE("latency", "\"slices\":\"3 2\",\"buckets\":\"+Inf/3x2\""),
    };
    nip__state *state = new_state();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_true(nip__state_take(state, wrong[i], strlen(wrong[i]), NULL) < 0);
        assert_int_equal(state->slices, 0);
    }
    const char *right = PAGE("latency", "\"slices\":\"3x2 - 2:1:1\",\"buckets\":\"0.1,+Inf/1,2x2 /4,0\"");
    assert_int_equal(nip__state_take(state, right, strlen(right), NULL), 0);
    assert_int_equal(state->slices, 3);
    nip__state_free(state);
}

static void test_want_of_memory(void **unused)
{
    (void)unused;
    const char *text = PAGE("latency", "\"slices\":\"3x2 - 2:1:1\",\"buckets\":\"0.1,+Inf/1,2x2 /4,0\"");
    for (long k = 1;; k++) {
        nip__state *state = NULL;
        fail_allocation(k, 0);
        int rc = nip__state_new(&state, NULL);
        if (rc == 0)
            rc = nip__state_take(state, text, strlen(text), NULL);
        long seen = allocations_seen();
        fail_allocation(0, 0);
        nip__state_free(state);
        if (seen < k)
            break;
        assert_int_equal(rc, NIP_E_NOMEM);
    }
}

/* ---- series ---- */

static void assert_sum(const nip__indicator *indicator, const nip__state *state, nip__ms begin, nip__ms end, nip__series_sum wanted)
{
    nip__series *series = NULL;
    nip__spans counted = {0};
    assert_int_equal(nip__spans_add(&counted, begin, end), 0);
    assert_int_equal(nip__series_open(state, indicator, begin, end, 0, &series, NULL), 0);
    nip__series_sum sum = nip__series_sum_of(series, &counted);
    assert_memory_equal(&sum, &wanted, sizeof sum);
    nip__series_free(series);
    nip__spans_clear(&counted);
}

static void test_shards_are_one_sum(void **unused)
{
    (void)unused;
    nip__indicator indicator = {.name = "requests", .kind = NIP__INDICATOR_EVENTS, .definition = DEFINITION, .slice_ms = MINUTE};
    nip__state *state = new_state();
    nip__track_key a = key_of("a", NIP__TRACK_EVENTS), b = key_of("b", NIP__TRACK_EVENTS);
    nip__slice of_a[] = {{.index = 0, .good = 10}, {.index = 1, .good = 10, .bad = 1}, {.index = 2, .good = 10}, {.index = 3, .good = 10}};
    nip__slice of_b[] = {{.index = 1, .good = 5}, {.index = 3, .good = 5}}; /* came at 1, lacks 2 */
    assert_int_equal(nip__state_put(state, &a, of_a, 4, NULL), 0);
    assert_int_equal(nip__state_put(state, &b, of_b, 2, NULL), 0);
    assert_sum(&indicator, state, 0, 5 * MINUTE, (nip__series_sum){.good = 40, .bad = 1, .covered = 3 * MINUTE, .missing = 2 * MINUTE});
    assert_sum(&indicator, state, 30000, 4 * MINUTE, (nip__series_sum){.good = 30, .bad = 1, .covered = 2 * MINUTE, .missing = MINUTE + 30000});
    indicator.events_prefer = true;
    assert_sum(&indicator, state, 0, 4 * MINUTE, (nip__series_sum){.good = 40, .bad = 1, .covered = 4 * MINUTE});
    nip__state_free(state);
}

static void test_instances_of_time(void **unused)
{
    (void)unused;
    nip__indicator indicator = {.name = "up", .kind = NIP__INDICATOR_TIME, .definition = DEFINITION, .slice_ms = MINUTE, .agreement = NIP__ANY, .k = 1};
    nip__state *state = new_state();
    const char *a = "\"slices\":\"u90000 d30000\"", *b = "\"slices\":\"d90000 ?30000\"";
    char text[512];
    const char *const streams[] = {"a", "b"}, *const slices[] = {a, b};
    for (int i = 0; i < 2; i++) {
        snprintf(text, sizeof text, "{\"v\":1,\"indicator\":\"%s\",\"stream\":\"%s\",\"kind\":\"time\",\"slice_ms\":60000,\"revision\":0,\"first\":0,%s}",
                 DEFINITION, streams[i], slices[i]);
        assert_int_equal(nip__state_take(state, text, strlen(text), NULL), 0);
    }
    assert_sum(&indicator, state, 0, 3 * MINUTE, (nip__series_sum){.good = 90000, .covered = 90000, .missing = 90000});
    indicator.agreement = NIP__ALL;
    assert_sum(&indicator, state, 0, 3 * MINUTE, (nip__series_sum){.bad = 120000, .covered = 120000, .missing = 60000});
    nip__state_free(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order_gives_the_same_bytes), cmocka_unit_test(test_pages_read_back), cmocka_unit_test(test_conflicts),
        cmocka_unit_test(test_pages_that_are_none), cmocka_unit_test(test_want_of_memory), cmocka_unit_test(test_shards_are_one_sum),
        cmocka_unit_test(test_instances_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
