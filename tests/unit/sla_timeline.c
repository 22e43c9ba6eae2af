/* Timelines against a model that knows every single millisecond. */
#include "unit.h"

#include "base/random.h"
#include "failing_malloc.h"
#include "sla/timeline.h"

enum { LONG = 160, SAMPLES = 14, MEMBERS = 5, RUNS = 3000 };

/* The rule as it is written, for one instant: the last sample at or before it, if that is younger than max_gap. */
static nip__standing modelled(const nip__standing_sample *samples, size_t count, int64_t max_gap, nip__ms at)
{
    nip__standing standing = NIP__UNKNOWN;
    for (size_t i = 0; i < count && samples[i].at <= at; i++)
        standing = at < samples[i].at + max_gap ? samples[i].standing : NIP__UNKNOWN;
    return standing;
}

static size_t random_samples(nip__random *random, nip__standing_sample *samples)
{
    size_t count = nip__random_below(random, SAMPLES + 1);
    nip__ms at = (nip__ms)nip__random_below(random, 60) - 40;
    for (size_t i = 0; i < count; i++) {
        samples[i] = (nip__standing_sample){at, (nip__standing)nip__random_below(random, 3)};
        at += (nip__ms)nip__random_below(random, 30);
    }
    return count;
}

static void assert_whole(const nip__timeline *timeline, nip__ms begin, nip__ms end)
{
    assert_int_equal(timeline->begin, begin);
    assert_int_equal(nip__timeline_end(timeline), end);
    nip__ms before = begin;
    for (size_t i = 0; i < timeline->count; i++) {
        assert_true(timeline->items[i].end > before);
        assert_true(i == 0 || timeline->items[i].standing != timeline->items[i - 1].standing);
        before = timeline->items[i].end;
    }
}

static nip__timeline made(const nip__standing_sample *samples, size_t count, int64_t max_gap, nip__ms begin, nip__ms end)
{
    nip__timeline timeline = {0};
    assert_int_equal(nip__timeline_of_samples(samples, count, begin, end, max_gap, &timeline, NULL), 0);
    assert_whole(&timeline, begin, end);
    return timeline;
}

static void test_samples_against_the_model(void **state)
{
    (void)state;
    nip__random random;
    nip__random_seed(&random, 5);
    for (int run = 0; run < RUNS; run++) {
        nip__standing_sample samples[SAMPLES];
        size_t count = random_samples(&random, samples);
        int64_t max_gap = 1 + (int64_t)nip__random_below(&random, 40);
        nip__ms begin = (nip__ms)nip__random_below(&random, 40) - 20, end = begin + (nip__ms)nip__random_below(&random, LONG);
        nip__timeline timeline = made(samples, count, max_gap, begin, end);
        nip__standing_totals wanted = {{0}};
        for (nip__ms at = begin; at < end; at++) {
            nip__standing standing = modelled(samples, count, max_gap, at);
            if (nip__timeline_at(&timeline, at) != standing)
                fail_msg("run %d: at %lld: %d, wanted %d", run, (long long)at, (int)nip__timeline_at(&timeline, at), (int)standing);
            wanted.ms[standing]++;
        }
        assert_int_equal(nip__timeline_at(&timeline, begin - 1), NIP__UNKNOWN);
        assert_int_equal(nip__timeline_at(&timeline, end), NIP__UNKNOWN);
        nip__standing_totals got = nip__timeline_total(&timeline, begin, end);
        assert_memory_equal(&got, &wanted, sizeof got);
        nip__timeline_clear(&timeline);
    }
}

static void test_totals_within_sets(void **state)
{
    (void)state;
    nip__random random;
    nip__random_seed(&random, 6);
    for (int run = 0; run < RUNS; run++) {
        nip__standing_sample samples[SAMPLES];
        size_t count = random_samples(&random, samples);
        nip__timeline timeline = made(samples, count, 25, 0, LONG);
        nip__span spans[6];
        nip__spans set = {spans, 0, 6};
        nip__standing_totals wanted = {{0}};
        nip__ms at = (nip__ms)nip__random_below(&random, 60) - 30;
        for (; set.count < 6 && at < LONG + 30; set.count++) {
            nip__ms end = at + 1 + (nip__ms)nip__random_below(&random, 50);
            spans[set.count] = (nip__span){at, end};
            for (; at < end; at++)
                wanted.ms[at >= 0 && at < LONG ? modelled(samples, count, 25, at) : NIP__UNKNOWN]++;
            at += 1 + (nip__ms)nip__random_below(&random, 30);
        }
        nip__standing_totals got = nip__timeline_within(&timeline, &set);
        assert_memory_equal(&got, &wanted, sizeof got);
        nip__timeline_clear(&timeline);
    }
}

enum { MINUTE = 60000, MARCH_MINUTES = 743 * 60 };
static const nip__ms march = INT64_C(1772319600000); /* March 2026 in Berlin: 743 hours */

/* Up every minute of March, but for [down, up). */
static size_t march_samples(nip__ms down, nip__ms up, nip__standing_sample *samples)
{
    size_t count = 0;
    for (nip__ms at = march; at < march + (nip__ms)MARCH_MINUTES * MINUTE; at += MINUTE) {
        if (at <= down || at >= up)
            samples[count++] = (nip__standing_sample){at, NIP__UP};
        if (at <= down && down < at + MINUTE) {
            samples[count++] = (nip__standing_sample){down, NIP__DOWN};
            samples[count++] = (nip__standing_sample){up, NIP__UP};
        }
    }
    return count;
}

/* Whichever edge of an outage moves by one millisecond, the month's figure moves by exactly that. */
static void test_an_edge_moves_the_figure_by_just_that(void **state)
{
    (void)state;
    const nip__ms end = march + (nip__ms)MARCH_MINUTES * MINUTE;
    nip__standing_sample *samples = calloc(MARCH_MINUTES + 2, sizeof *samples);
    assert_non_null(samples);
    for (int moved = 0; moved < 9; moved++) {
        int first = moved / 3 - 1, last = moved % 3 - 1;
        nip__ms down = march + INT64_C(100) * MINUTE + 17 + first, up = march + INT64_C(190) * MINUTE + 23 + last;
        size_t count = march_samples(down, up, samples);
        nip__timeline timeline = made(samples, count, INT64_C(120) * MINUTE, march, end);
        nip__standing_totals totals = nip__timeline_total(&timeline, march, end);
        assert_int_equal(totals.ms[NIP__DOWN], INT64_C(90) * MINUTE + 6 + last - first);
        assert_int_equal(totals.ms[NIP__UNKNOWN], 0);
        assert_int_equal(totals.ms[NIP__UP], end - march - totals.ms[NIP__DOWN]);
        assert_int_equal(nip__timeline_total(&timeline, down, up).ms[NIP__DOWN], up - down);
        assert_int_equal(nip__timeline_total(&timeline, down + 1, up).ms[NIP__DOWN], up - down - 1);
        assert_int_equal(nip__timeline_total(&timeline, down - 1, up + 1).ms[NIP__UP], 2);
        nip__timeline_clear(&timeline);
    }
    free(samples);
}

static void test_carry_in_and_gaps(void **state)
{
    (void)state;
    const nip__standing_sample carried = {-50, NIP__DOWN};
    nip__timeline timeline = made(&carried, 1, 60, 0, 100);
    nip__standing_totals totals = nip__timeline_total(&timeline, 0, 100);
    assert_int_equal(totals.ms[NIP__DOWN], 10);
    assert_int_equal(totals.ms[NIP__UNKNOWN], 90);
    nip__timeline_clear(&timeline);
    timeline = made(&carried, 1, 50, 0, 100); /* it ends just where the stretch begins */
    assert_int_equal(nip__timeline_total(&timeline, 0, 100).ms[NIP__UNKNOWN], 100);
    nip__timeline_clear(&timeline);
    timeline = made(NULL, 0, 50, 0, 100);
    assert_int_equal(nip__timeline_total(&timeline, 0, 100).ms[NIP__UNKNOWN], 100);
    nip__timeline_clear(&timeline);
    const nip__standing_sample late = {100, NIP__DOWN}, twice[] = {{10, NIP__DOWN}, {10, NIP__UP}};
    timeline = made(&late, 1, 50, 0, 100); /* at the end: not within */
    assert_int_equal(nip__timeline_total(&timeline, 0, 100).ms[NIP__UNKNOWN], 100);
    nip__timeline_clear(&timeline);
    timeline = made(twice, 2, INT64_MAX, 0, 100); /* of two at one instant, the last */
    assert_int_equal(nip__timeline_total(&timeline, 0, 100).ms[NIP__UP], 90);
    assert_int_equal(nip__timeline_total(&timeline, 0, 100).ms[NIP__DOWN], 0);
    nip__timeline_clear(&timeline);
}

static void test_what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    const nip__standing_sample back[] = {{10, NIP__UP}, {9, NIP__UP}}, far[] = {{NIP__MS_MAX + 1, NIP__UP}}, odd[] = {{1, (nip__standing)3}};
    const nip__member member = {NULL, INT64_MIN, INT64_MAX};
    nip__timeline out = {.begin = 77};
    nip_error *err = NULL;
    assert_int_equal(nip__timeline_of_samples(back, 2, 0, 9, 5, &out, &err), NIP_E_INVALID);
    assert_contains(nip_error_message(err), "sample 1 is older than the one before it");
    nip_error_free(err);
    assert_int_equal(nip__timeline_of_samples(far, 1, 0, 9, 5, &out, NULL), NIP_E_INVALID);
    assert_int_equal(nip__timeline_of_samples(odd, 1, 0, 9, 5, &out, NULL), NIP_E_INVALID);
    assert_int_equal(nip__timeline_of_samples(NULL, 0, 0, 9, 0, &out, NULL), NIP_E_INVALID);
    assert_int_equal(nip__timeline_of_samples(NULL, 0, 9, 0, 5, &out, NULL), NIP_E_INVALID);
    assert_int_equal(nip__timeline_of_samples(NULL, 0, INT64_MIN, 0, 5, &out, NULL), NIP_E_INVALID);
    assert_int_equal(nip__timeline_combine(&member, 1, NIP__K_OF_N, 0, 0, 9, &out, NULL), NIP_E_INVALID);
    assert_int_equal(nip__timeline_combine(&member, 1, NIP__ANY, 0, 9, 0, &out, NULL), NIP_E_INVALID);
    assert_int_equal(out.begin, 77); /* untouched */
}

/* --- Several ---------------------------------------------------------------------------------------------------------------------- */

/* By all fillings of what is unknown: up (down) when it is in each of them. */
static nip__standing filled(const nip__standing *each, size_t n, int64_t k)
{
    bool can_be_up = false, can_be_down = false;
    for (unsigned filling = 0; filling < 1U << n; filling++) {
        int64_t ups = 0;
        for (size_t i = 0; i < n; i++)
            ups += each[i] == NIP__UP || (each[i] == NIP__UNKNOWN && (filling >> i & 1U));
        can_be_up = can_be_up || ups >= k;
        can_be_down = can_be_down || ups < k;
    }
    return can_be_up && can_be_down ? NIP__UNKNOWN : can_be_up ? NIP__UP : NIP__DOWN;
}

static nip__standing combined(const nip__member *members, size_t count, nip__agreement agreement, int64_t k, nip__ms at)
{
    nip__standing each[MEMBERS];
    size_t n = 0;
    for (size_t m = 0; m < count; m++) {
        if (at >= members[m].from && at < members[m].until)
            each[n++] = members[m].timeline == NULL ? NIP__UNKNOWN : nip__timeline_at(members[m].timeline, at);
    }
    if (n == 0)
        return NIP__UNKNOWN;
    if (agreement == NIP__PREFER) {
        for (size_t i = 0; i < n; i++) {
            if (each[i] != NIP__UNKNOWN)
                return each[i];
        }
        return NIP__UNKNOWN;
    }
    int64_t needs = agreement == NIP__ANY ? 1 : agreement == NIP__ALL ? (int64_t)n : agreement == NIP__MAJORITY ? (int64_t)n / 2 + 1 : k;
    return filled(each, n, needs);
}

static void test_combination_against_the_model(void **state)
{
    (void)state;
    nip__random random;
    nip__random_seed(&random, 7);
    for (int run = 0; run < RUNS; run++) {
        nip__timeline timelines[MEMBERS];
        nip__member members[MEMBERS];
        size_t count = nip__random_below(&random, MEMBERS + 1);
        for (size_t m = 0; m < count; m++) {
            nip__standing_sample samples[SAMPLES];
            size_t sampled = random_samples(&random, samples);
            nip__ms begin = (nip__ms)nip__random_below(&random, 40) - 20;
            timelines[m] = made(samples, sampled, 20, begin, begin + (nip__ms)nip__random_below(&random, LONG));
            members[m] = (nip__member){nip__random_below(&random, 6) == 0 ? NULL : &timelines[m], INT64_MIN, INT64_MAX};
            if (nip__random_below(&random, 3) == 0)
                members[m].from = (nip__ms)nip__random_below(&random, LONG) - 10;
            if (nip__random_below(&random, 3) == 0)
                members[m].until = (nip__ms)nip__random_below(&random, LONG);
        }
        nip__ms begin = (nip__ms)nip__random_below(&random, 30) - 15, end = begin + (nip__ms)nip__random_below(&random, LONG);
        for (nip__agreement agreement = NIP__K_OF_N; agreement <= NIP__PREFER; agreement++) {
            int64_t k = 1 + (int64_t)nip__random_below(&random, MEMBERS);
            nip__timeline out = {0};
            assert_int_equal(nip__timeline_combine(members, count, agreement, k, begin, end, &out, NULL), 0);
            assert_whole(&out, begin, end);
            for (nip__ms at = begin; at < end; at++) {
                nip__standing wanted = combined(members, count, agreement, k, at);
                if (nip__timeline_at(&out, at) != wanted)
                    fail_msg("run %d, agreement %d, k %d: at %lld: %d, wanted %d", run, (int)agreement, (int)k, (long long)at,
                             (int)nip__timeline_at(&out, at), (int)wanted);
            }
            nip__timeline_clear(&out);
        }
        for (size_t m = 0; m < count; m++)
            nip__timeline_clear(&timelines[m]);
    }
}

static int attempt(int what, const nip__member *members, nip__timeline *out, nip_error **err)
{
    nip__standing_sample samples[40];
    for (int i = 0; i < 40; i++)
        samples[i] = (nip__standing_sample){i * 10, i % 2 == 0 ? NIP__UP : NIP__DOWN};
    return what == 0 ? nip__timeline_of_samples(samples, 40, 0, 400, 10, out, err)
                     : nip__timeline_combine(members, 3, NIP__ANY, 0, 0, 400, out, err);
}

static void test_want_of_memory(void **state)
{
    (void)state;
    nip__timeline whole = {0};
    assert_int_equal(attempt(0, NULL, &whole, NULL), 0);
    const nip__member members[] = {{&whole, INT64_MIN, INT64_MAX}, {&whole, 30, 200}, {NULL, 5, INT64_MAX}};
    long before = allocations_alive(), seen = 0;
    for (int what = 0; what < 2; what++) {
        long k = 1, refused = 0;
        do {
            nip__timeline out = {.begin = 77};
            nip_error *err = NULL;
            fail_allocation(k, 0);
            int rc = attempt(what, members, &out, &err);
            seen = allocations_seen();
            fail_allocation(0, 0);
            if (rc == 0) { /* qsort goes on without what it was refused */
                assert_whole(&out, 0, 400);
                assert_int_equal(nip__timeline_total(&out, 0, 400).ms[NIP__UP], 200);
                nip__timeline_clear(&out);
            } else {
                assert_int_equal(nip_error_code(err), NIP_E_NOMEM);
                assert_int_equal(out.begin, 77);
                refused++;
            }
        } while (seen >= k++);
        assert_true(refused >= 3);
    }
    assert_int_equal(allocations_alive(), before);
    nip__timeline_clear(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples_against_the_model),
        cmocka_unit_test(test_totals_within_sets),
        cmocka_unit_test(test_an_edge_moves_the_figure_by_just_that),
        cmocka_unit_test(test_carry_in_and_gaps),
        cmocka_unit_test(test_what_makes_no_sense_is_refused),
        cmocka_unit_test(test_combination_against_the_model),
        cmocka_unit_test(test_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
