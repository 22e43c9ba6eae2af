/* Verdicts on counts: the exact tail against sums made term by term, and the false alarms of many looks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/window.h"
#include "base/random.h"
#include "doc/json.h"
#include "nipops/analysis.h"

/* The definition, term by term, for small totals. */
static double summed(int64_t events, int64_t total, double rate)
{
    double sum = 0.0;
    for (int64_t k = events; k <= total; k++)
        sum += exp(lgamma((double)total + 1) - lgamma((double)k + 1) - lgamma((double)(total - k) + 1) + (double)k * log(rate) +
                   (double)(total - k) * log1p(-rate));
    return sum;
}

static void test_tail(void **state)
{
    (void)state;
    const int64_t totals[] = {1, 2, 10, 50, 333, 2000};
    const double rates[] = {0.0001, 0.01, 0.05, 0.5, 0.9};
    for (size_t t = 0; t < sizeof totals / sizeof totals[0]; t++) {
        for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
            for (int64_t events = 1; events <= totals[t]; events += 1 + totals[t] / 17) {
                double tail = -1, wanted = summed(events, totals[t], rates[r]);
                assert_int_equal(nip_binomial_tail(events, totals[t], rates[r], &tail, NULL), 0);
                if (fabs(tail - wanted) > 1e-9 * wanted + 1e-14)
                    fail_msg("P(X >= %lld of %lld at %g): %.17g, wanted %.17g", (long long)events, (long long)totals[t], rates[r], tail, wanted);
            }
        }
    }
}

static void test_tail_edges(void **state)
{
    (void)state;
    double tail = -1;
    assert_int_equal(nip_binomial_tail(0, 0, 0.5, &tail, NULL), 0);
    assert_true(tail == 1.0);
    assert_int_equal(nip_binomial_tail(1, 10, 0.0, &tail, NULL), 0);
    assert_true(tail == 0.0);
    assert_int_equal(nip_binomial_tail(10, 10, 1.0, &tail, NULL), 0);
    assert_true(tail == 1.0);
    assert_int_equal(nip_binomial_tail(10000, 1000000000000, 1e-8, &tail, NULL), 0); /* mean 10,000: about one half */
    assert_true(tail > 0.49 && tail < 0.51);
    assert_int_equal(nip_binomial_tail(2, 1, 0.5, &tail, NULL), NIP_E_INVALID);
    assert_int_equal(nip_binomial_tail(1, 2, NAN, &tail, NULL), NIP_E_INVALID);
}

static void test_ratio(void **state)
{
    (void)state;
    const struct {
        int64_t events, total, min_samples, look;
        double limit;
        int verdict;
    } rows[] = {
        {0, 0, 50, 1, 0.01, NIP_VERDICT_NO_DATA},
        {0, 0, 0, 1, 0.01, NIP_VERDICT_NO_DATA},
        {5, 49, 50, 1, 0.01, NIP_VERDICT_INCONCLUSIVE},
        {0, 50, 50, 1, 0.01, NIP_VERDICT_PASS},
        {1, 100, 50, 1, 0.01, NIP_VERDICT_PASS},          /* exactly at the limit */
        {2, 100, 50, 1, 0.01, NIP_VERDICT_INCONCLUSIVE},  /* above, but not proven */
        {5, 100, 50, 1, 0.01, NIP_VERDICT_FAIL},
        {5, 100, 50, 100, 0.01, NIP_VERDICT_INCONCLUSIVE}, /* the hundredth look has less alpha to spend */
        {30, 100, 50, 100, 0.01, NIP_VERDICT_FAIL},
        {1, 1000, 50, 1, 0.0, NIP_VERDICT_FAIL},          /* not one is allowed */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int verdict = nip_ratio_verdict(rows[i].events, rows[i].total, rows[i].limit, rows[i].min_samples, rows[i].look, 0.01, NULL);
        if (verdict != rows[i].verdict)
            fail_msg("row %zu: %s", i, nip_verdict_name(verdict));
    }
}

/* 2,000 windows of 60 looks each at exactly the limit: at most alpha of them may ever fail (here 5 %, with four sigmas of allowance). */
static void test_false_alarms_of_many_looks(void **state)
{
    (void)state;
    enum { WINDOWS = 2000, LOOKS = 60, EACH = 50 };
    const double alpha = 0.05, limit = 0.02;
    nip__random random;
    nip__random_seed(&random, 20261123);
    int alarms = 0;
    for (int w = 0; w < WINDOWS; w++) {
        int64_t events = 0;
        bool failed = false;
        for (int look = 1; look <= LOOKS && !failed; look++) {
            for (int i = 0; i < EACH; i++)
                events += nip__random_unit(&random) < limit;
            failed = nip_ratio_verdict(events, (int64_t)look * EACH, limit, 0, look, alpha, NULL) == NIP_VERDICT_FAIL;
        }
        alarms += failed;
    }
    assert_true(alarms <= WINDOWS * alpha + 4 * sqrt(WINDOWS * alpha * (1 - alpha)));
}

static void test_window(void **state)
{
    (void)state;
    const struct {
        const char *counters;
        bool counted, baseline, restarted;
        int64_t errors, total;
    } rows[] = {
        {"{\"a\":{\"errors\":5,\"total\":100}}", false, true, false, 0, 0},
        {"{\"a\":{\"errors\":6,\"total\":150}}", true, false, false, 1, 50},
        {"{\"a\":{\"errors\":6,\"total\":160},\"b\":{\"errors\":90,\"total\":90}}", true, false, false, 1, 60}, /* b counts from here */
        {"{\"b\":{\"errors\":91,\"total\":100}}", true, false, false, 2, 70},                                  /* a is gone, not forgotten */
        {"{\"a\":{\"errors\":0,\"total\":3}}", false, true, true, 0, 0},                                       /* a fell: anew */
        {"{\"a\":{\"errors\":1,\"total\":5}}", true, false, false, 1, 2},
        {"{\"a\":{\"errors\":9,\"total\":6}}", true, false, false, 3, 3},   /* more errors than events: never above all of them */
        {"{}", false, false, false, 0, 0},
        {"{\"a\":{\"errors\":-1,\"total\":6}}", true, false, false, 3, 3},  /* nonsense is no measurement */
    };
    nip__window window = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        nip__arena *arena = nip__arena_new();
        nip__value *result = NULL;
        snprintf(text, sizeof text, "{\"versions\":{\"2\":{\"counters\":%s}}}", rows[i].counters);
        assert_int_equal(nip__json_read(arena, text, strlen(text), "t", &nip__reply_limits, &result, NULL), 0);
        nip__sample sample;
        assert_int_equal(nip__window_take(&window, result, "2", &sample, NULL), 0);
        if (sample.counted != rows[i].counted || sample.baseline != rows[i].baseline || sample.restarted != rows[i].restarted ||
            sample.errors != rows[i].errors || sample.total != rows[i].total)
            fail_msg("row %zu: counted %d baseline %d restarted %d, %lld of %lld", i, sample.counted, sample.baseline, sample.restarted,
                     (long long)sample.errors, (long long)sample.total);
        nip__arena_free(arena);
    }
    nip__window_clear(&window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tail),
        cmocka_unit_test(test_tail_edges),
        cmocka_unit_test(test_ratio),
        cmocka_unit_test(test_false_alarms_of_many_looks),
        cmocka_unit_test(test_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
