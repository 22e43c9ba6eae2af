/* Alerts on burn rates: silent up to the very factor, on one bad request and on absent data; and against the definition, slice by slice. */
#include "unit.h"

#include "base/random.h"
#include "failing_malloc.h"
#include "sla/burn.h"

#define MINUTE 60000
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define NINES_3 ((nip__ratio){999, 1000})

enum { SLICES_MAX = 4000 };

/* Slices of a minute, as they are and cumulated. */
typedef struct scene {
    int64_t bad[SLICES_MAX], total[SLICES_MAX], bad_sum[SLICES_MAX + 1], total_sum[SLICES_MAX + 1];
    nip__burn_history history;
} scene;

static void cumulate(scene *s, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        s->bad_sum[i + 1] = s->bad_sum[i] + s->bad[i];
        s->total_sum[i + 1] = s->total_sum[i] + s->total[i];
    }
    s->history = (nip__burn_history){s->bad_sum, s->total_sum, count, MINUTE, INT64_C(1700000000000) / DAY * DAY};
}

/* When it fired and resolved, in slices from the begin: the end of slice 0 is 1. Not at all: 0. */
typedef struct times {
    int64_t fired, resolved;
} times;

static times first_alert(const scene *s, const nip__burn_pair *pair, nip__ratio target)
{
    nip__burn_alerts alerts = {0};
    assert_int_equal(nip__burn_replay(&s->history, pair, 1, target, &alerts, NULL), 0);
    times found = {0, 0};
    if (alerts.count > 0) {
        found.fired = (alerts.items[0].fired - s->history.begin) / MINUTE;
        found.resolved = alerts.items[0].resolved == NIP__MS_MOST ? 0 : (alerts.items[0].resolved - s->history.begin) / MINUTE;
    }
    nip__burn_alerts_clear(&alerts);
    return found;
}

/* Stretches of equal slices, one after the other. */
typedef struct stretch {
    int64_t slices, bad, total;
} stretch;

static void fill(scene *s, const stretch *stretches, size_t count)
{
    int64_t at = 0;
    for (size_t i = 0; i < count; i++) {
        for (int64_t k = 0; k < stretches[i].slices; k++, at++) {
            s->bad[at] = stretches[i].bad;
            s->total[at] = stretches[i].total;
        }
    }
    cumulate(s, at);
}

static void test_when_it_fires(void **state)
{
    (void)state;
    static scene s;
    static const struct {
        const char *what;
        stretch stretches[4];
        nip__burn_pair pair;
        times wanted;
    } cases[] = {
        /* 14.4 * 0.1 % of 10,000 a minute is 144 */
        {"just at its factor, for ever", {{600, 144, 10000}}, {"page", {144, 10}, HOUR, 5 * MINUTE, 0, 0}, {0, 0}},
        {"one more bad one a minute", {{600, 145, 10000}}, {"page", {144, 10}, HOUR, 5 * MINUTE, 0, 0}, {1, 0}},
        {"the same after a good hour", {{60, 0, 10000}, {600, 145, 10000}}, {"page", {144, 10}, HOUR, 5 * MINUTE, 0, 0}, {120, 0}},
        {"one bad one more in all the hour", {{60, 0, 10000}, {60, 144, 10000}, {1, 145, 10000}, {60, 0, 10000}},
         {"page", {144, 10}, HOUR, 5 * MINUTE, 0, 0}, {121, 122}},
        {"a full outage: 51.84 s of it are enough", {{60, 0, 10000}, {30, 10000, 10000}, {60, 0, 10000}},
         {"page", {144, 10}, HOUR, 5 * MINUTE, 0, 0}, {61, 95}}, /* resolved once the short window is good */
        {"the long window alone", {{60, 0, 10000}, {10, 10000, 10000}, {60, 0, 10000}, {1, 100, 10000}},
         {"page", {144, 10}, HOUR, 5 * MINUTE, 0, 0}, {61, 75}},
        {"the short window alone", {{60, 0, 10000}, {1, 700, 10000}, {60, 0, 10000}}, {"page", {144, 10}, HOUR, 5 * MINUTE, 0, 0}, {0, 0}},
        {"the workbook's second pair, at its factor", {{720, 60, 10000}}, {"page", {6, 1}, 6 * HOUR, 30 * MINUTE, 0, 0}, {0, 0}},
        {"... and above", {{360, 0, 10000}, {400, 61, 10000}}, {"page", {6, 1}, 6 * HOUR, 30 * MINUTE, 0, 0}, {715, 0}},
        {"its third", {{1440, 0, 10000}, {1440, 31, 10000}}, {"ticket", {3, 1}, DAY, 2 * HOUR, 0, 0}, {2834, 0}},
        {"its fourth, at its factor", {{3999, 10, 10000}}, {"ticket", {1, 1}, 3 * DAY, 6 * HOUR, 0, 0}, {0, 0}},
        {"one bad request of ten an hour", {{60, 0, 0}, {1, 1, 10}, {60, 0, 0}}, {"page", {144, 10}, HOUR, 5 * MINUTE, 2, 0}, {0, 0}},
        {"... where one is enough", {{60, 0, 0}, {1, 1, 10}, {60, 0, 0}}, {"page", {144, 10}, HOUR, 5 * MINUTE, 1, 0}, {61, 66}},
        {"two of them", {{60, 0, 0}, {2, 1, 10}, {60, 0, 0}}, {"page", {144, 10}, HOUR, 5 * MINUTE, 2, 0}, {62, 67}},
        {"no data at all", {{600, 0, 0}}, {"page", {144, 10}, HOUR, 5 * MINUTE, 0, 0}, {0, 0}},
        {"data that end while it fires", {{60, 500, 10000}, {60, 0, 0}}, {"page", {144, 10}, HOUR, 5 * MINUTE, 0, 0}, {1, 65}},
        {"no traffic before the outage", {{60, 0, 0}, {10, 100, 100}}, {"page", {144, 10}, HOUR, 5 * MINUTE, 0, 0}, {61, 0}},
        {"for 2 minutes", {{60, 0, 10000}, {30, 10000, 10000}, {60, 0, 10000}}, {"page", {144, 10}, HOUR, 5 * MINUTE, 0, 2 * MINUTE}, {63, 95}},
        {"not for long enough", {{60, 0, 10000}, {1, 10000, 10000}, {60, 0, 10000}}, {"page", {144, 10}, HOUR, 5 * MINUTE, 0, 5 * MINUTE}, {0, 0}},
        {"just long enough", {{60, 0, 10000}, {1, 10000, 10000}, {60, 0, 10000}}, {"page", {144, 10}, HOUR, 5 * MINUTE, 0, 4 * MINUTE}, {65, 66}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fill(&s, cases[i].stretches, 4);
        times found = first_alert(&s, &cases[i].pair, NINES_3);
        if (found.fired != cases[i].wanted.fired || found.resolved != cases[i].wanted.resolved)
            fail_msg("%s: fired %lld, resolved %lld; wanted %lld, %lld", cases[i].what, (long long)found.fired, (long long)found.resolved,
                     (long long)cases[i].wanted.fired, (long long)cases[i].wanted.resolved);
    }
}

/* Doubles would err here: 0.0144 / 0.001 is 14.399999999999999 or 14.4, as it falls out. */
static void test_exactly_at_the_factor(void **state)
{
    (void)state;
    const nip__burn_pair pair = {"page", {144, 10}, HOUR, 5 * MINUTE, 0, 0};
    const nip__ratio targets[] = {{999, 1000}, {9995, 10000}, {9999, 10000}, {99, 100}, {95, 100}};
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        int64_t allowed = targets[t].den - targets[t].num;
        for (int64_t n = 1; n <= 2000; n++) { /* bad / total = 14.4 * (1 - target) */
            nip__burn_windows w = {144 * allowed * n, 10 * targets[t].den * n, 144 * allowed * n, 10 * targets[t].den * n};
            assert_false(nip__burn_over(&pair, targets[t], &w));
            w.short_bad++;
            assert_false(nip__burn_over(&pair, targets[t], &w));
            w.long_bad++;
            assert_true(nip__burn_over(&pair, targets[t], &w));
            w.short_bad--;
            assert_false(nip__burn_over(&pair, targets[t], &w));
        }
    }
    const int64_t most = INT64_MAX / 10000; /* nothing overflows, and nothing is rounded */
    nip__burn_windows w = {most * 144, most * 10000, most * 144, most * 10000};
    assert_false(nip__burn_over(&pair, NINES_3, &w));
    w.long_bad++;
    w.short_bad++;
    assert_true(nip__burn_over(&pair, NINES_3, &w));
}

static void test_factors(void **state)
{
    (void)state;
    static const struct {
        nip__ratio part;
        int64_t days;
        int64_t long_ms;
        nip__ratio factor;
    } cases[] = {
        {{2, 100}, 30, HOUR, {72, 5}},        {{5, 100}, 30, 6 * HOUR, {6, 1}},   {{10, 100}, 30, DAY, {3, 1}},
        {{10, 100}, 30, 3 * DAY, {1, 1}},     {{2, 100}, 31, HOUR, {372, 25}},    {{2, 100}, 28, HOUR, {336, 25}},
        {{10, 100}, 28, 3 * DAY, {14, 15}},   {{2, 100}, 7, HOUR, {84, 25}},      {{1, 1}, 365, DAY, {365, 1}},
        {{123456789, 1000000000}, 366, 7 * MINUTE, {0, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip__ratio factor = nip__burn_factor(cases[i].part, cases[i].days * DAY, cases[i].long_ms);
        assert_true((__int128)factor.num * cases[i].part.den * cases[i].long_ms ==
                    (__int128)factor.den * cases[i].part.num * cases[i].days * DAY);
        assert_true(cases[i].factor.den == 0 || (factor.num == cases[i].factor.num && factor.den == cases[i].factor.den));
    }
    for (size_t i = 0; i < NIP__BURN_DEFAULTS; i++) {
        assert_int_equal(nip__burn_check(&nip__burn_defaults[i], NINES_3, MINUTE, NULL), 0);
        assert_int_equal(nip__burn_defaults[i].long_ms, 12 * nip__burn_defaults[i].short_ms);
    }
}

static void test_burn_rate(void **state)
{
    (void)state;
    nip__sla_share rate = nip__burn_rate(144, 10000, NINES_3);
    assert_true(rate.part * 10 == rate.whole * 144);
    assert_true(nip__burn_rate(0, 0, NINES_3).whole == 0);
    assert_true(nip__burn_rate(5, 10, (nip__ratio){1, 1}).whole == 0);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        nip__burn_pair pair;
        nip__ratio target;
        int64_t slice_ms;
        const char *message; /* a part of it; NULL: fine */
    } cases[] = {
        {{"page", {144, 10}, HOUR, 5 * MINUTE, 0, 0}, {999, 1000}, MINUTE, NULL},
        {{"page", {144, 10}, HOUR, 5 * MINUTE, 0, 0}, {93056, 100000}, MINUTE, NULL},
        {{"page", {144, 10}, HOUR, 5 * MINUTE, 0, 0}, {93055, 100000}, MINUTE, "never comes"}, /* 14.4 * 6.945 % is above all */
        {{"page", {10, 1}, HOUR, 5 * MINUTE, 0, 0}, {9, 10}, MINUTE, "never comes"},           /* above 10, where 10 is all */
        {{"page", {144, 10}, HOUR, 5 * MINUTE, 0, 0}, {1, 1}, MINUTE, "100 %"},
        {{"page", {0, 10}, HOUR, 5 * MINUTE, 0, 0}, {999, 1000}, MINUTE, "above 0"},
        {{"page", {1, 0}, HOUR, 5 * MINUTE, 0, 0}, {999, 1000}, MINUTE, "above 0"},
        {{"page", {INT64_MAX / 2, INT64_MAX}, HOUR, 5 * MINUTE, 0, 0}, {999, 1000}, MINUTE, "digits"},
        {{"page", {144, 10}, HOUR, HOUR, 0, 0}, {999, 1000}, MINUTE, "a longer one"},
        {{"page", {144, 10}, HOUR, 0, 0, 0}, {999, 1000}, MINUTE, "a longer one"},
        {{"page", {144, 10}, INT64_C(367) * DAY, HOUR, 0, 0}, {999, 1000}, MINUTE, "366 days"},
        {{"page", {144, 10}, HOUR, 5 * MINUTE, 0, 0}, {999, 1000}, 2 * MINUTE, "multiples of the slices"},
        {{"page", {144, 10}, HOUR, 5 * MINUTE, -1, 0}, {999, 1000}, MINUTE, "min_bad"},
        {{"page", {144, 10}, HOUR, 5 * MINUTE, 0, -1}, {999, 1000}, MINUTE, "for"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip_error *err = NULL;
        int rc = nip__burn_check(&cases[i].pair, cases[i].target, cases[i].slice_ms, &err);
        if (cases[i].message == NULL ? rc != 0 : rc != NIP_E_INVALID || strstr(nip_error_message(err), cases[i].message) == NULL)
            fail_msg("row %zu: %d %s", i, rc, nip_error_message(err));
        nip_error_free(err);
    }
}

/* ---- the law ---- */

static int64_t summed(const int64_t *slices, int64_t from, int64_t to)
{
    int64_t sum = 0;
    for (int64_t i = from < 0 ? 0 : from; i < to; i++)
        sum += slices[i];
    return sum;
}

/* The definition, with the part of the budget instead of the factor: bad * 100 * long * den > percent * period * (den - num) * total. */
static bool burns(const scene *s, int64_t slice, int64_t window_ms, int64_t long_ms, int percent, int64_t period_ms, nip__ratio target)
{
    int64_t slices = window_ms / MINUTE, bad = summed(s->bad, slice + 1 - slices, slice + 1), total = summed(s->total, slice + 1 - slices, slice + 1);
    return (__int128)bad * 100 * long_ms * target.den > (__int128)percent * period_ms * (target.den - target.num) * total;
}

/* Every evaluation by itself, then runs of those that are over. */
static size_t naive(const scene *s, const nip__burn_pair *p, int percent, int64_t period_ms, nip__ratio target, nip__burn_alert *alerts)
{
    static bool over[SLICES_MAX + 1];
    size_t count = 0;
    for (int64_t i = 0; i < s->history.count; i++)
        over[i] = burns(s, i, p->long_ms, p->long_ms, percent, period_ms, target) && burns(s, i, p->short_ms, p->long_ms, percent, period_ms, target) &&
                  summed(s->bad, i + 1 - p->long_ms / MINUTE, i + 1) >= p->min_bad;
    for (int64_t begin = 0, end; begin < s->history.count; begin = end + 1) {
        for (end = begin; end < s->history.count && over[end]; end++)
            ;
        int64_t wait = (p->for_ms + MINUTE - 1) / MINUTE;
        if (end - begin > wait)
            alerts[count++] = (nip__burn_alert){.pending = s->history.begin + (begin + 1) * MINUTE,
                                                .fired = s->history.begin + (begin + wait + 1) * MINUTE,
                                                .resolved = end == s->history.count ? NIP__MS_MOST : s->history.begin + (end + 1) * MINUTE};
    }
    return count;
}

/* Quiet stretches, bursts near the limit, holes. */
static void draw(scene *s, nip__random *random, int64_t count, nip__ratio target)
{
    int64_t left = 0, traffic = 0, share = 0;
    for (int64_t i = 0; i < count; i++, left--) {
        if (left <= 0) {
            left = 1 + (int64_t)nip__random_below(random, 90);
            traffic = (const int64_t[]){0, 1, 20, 1000, 100000}[nip__random_below(random, 5)];
            share = (const int64_t[]){0, 0, 1, 10, 20, 100, 1000}[nip__random_below(random, 7)];
        }
        s->total[i] = traffic == 0 ? 0 : (int64_t)nip__random_below(random, (uint64_t)traffic) + 1;
        int64_t about = s->total[i] * (target.den - target.num) * share / target.den;
        s->bad[i] = (int64_t)nip__random_below(random, (uint64_t)(2 * about + 1));
        s->bad[i] = s->bad[i] > s->total[i] ? s->total[i] : s->bad[i];
    }
    cumulate(s, count);
}

static void test_as_defined(void **state)
{
    (void)state;
    static scene s;
    static nip__burn_alert wanted[SLICES_MAX];
    nip__random random;
    nip__random_seed(&random, 20261126);
    size_t fired = 0;
    for (int round = 0; round < 60; round++) {
        nip__ratio target = (const nip__ratio[]){{999, 1000}, {9995, 10000}, {99, 100}}[round % 3];
        int64_t shorter = 1 + (int64_t)nip__random_below(&random, 20), longer = shorter + 1 + (int64_t)nip__random_below(&random, 200);
        int percent = 1 + (int)nip__random_below(&random, 5);
        int64_t period_ms = DAY * (7 + (int64_t)nip__random_below(&random, 25));
        nip__burn_pair pair = {"page", nip__burn_factor((nip__ratio){percent, 100}, period_ms, longer * MINUTE), longer * MINUTE, shorter * MINUTE,
                               (int64_t)nip__random_below(&random, 4), (int64_t)nip__random_below(&random, 10) * MINUTE / 2};
        if (nip__burn_check(&pair, target, MINUTE, NULL) < 0)
            continue;
        draw(&s, &random, 1 + (int64_t)nip__random_below(&random, 2000), target);
        nip__burn_alerts found = {0};
        assert_int_equal(nip__burn_replay(&s.history, &pair, 1, target, &found, NULL), 0);
        size_t count = naive(&s, &pair, percent, period_ms, target, wanted);
        assert_int_equal(found.count, count);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(found.items[i].pending, wanted[i].pending);
            assert_int_equal(found.items[i].fired, wanted[i].fired);
            assert_int_equal(found.items[i].resolved, wanted[i].resolved);
            int64_t slice = (found.items[i].fired - s.history.begin) / MINUTE - 1;
            nip__burn_windows w = nip__burn_windows_at(&s.history, &pair, slice);
            assert_memory_equal(&w, &found.items[i].windows, sizeof w);
            assert_int_equal(w.long_bad, summed(s.bad, slice + 1 - longer, slice + 1));
            assert_true(nip__burn_over(&pair, target, &w));
        }
        fired += count;
        nip__burn_alerts_clear(&found);
    }
    assert_true(fired > 100);
}

static void test_no_memory(void **state)
{
    (void)state;
    static scene s;
    for (int64_t i = 0; i < 2000; i++) { /* an alert every 20 minutes, more than are made room for at once */
        s.total[i] = 100;
        s.bad[i] = i % 20 == 0 ? 100 : 0;
    }
    cumulate(&s, 2000);
    const nip__burn_pair pair = {"page", {144, 10}, 10 * MINUTE, 5 * MINUTE, 0, 0};
    nip__burn_alerts alerts = {0};
    for (long k = 1;; k++) {
        nip_error *err = NULL;
        nip__burn_alerts before = alerts;
        long alive = allocations_alive();
        fail_allocation(k, 0);
        int rc = nip__burn_replay(&s.history, &pair, 1, NINES_3, &alerts, &err);
        long seen = allocations_seen();
        fail_allocation(0, 0);
        if (seen < k) {
            assert_int_equal(rc, 0);
            assert_int_equal(alerts.count, 100);
            assert_true(k > 3);
            break;
        }
        assert_int_equal(rc, NIP_E_NOMEM);
        assert_int_equal(nip_error_code(err), NIP_E_NOMEM);
        assert_memory_equal(&before, &alerts, sizeof alerts);
        assert_int_equal(allocations_alive(), alive);
    }
    const nip__burn_pair wrong = {"page", {144, 10}, HOUR, 5 * MINUTE + 1, 0, 0};
    assert_int_equal(nip__burn_replay(&s.history, &wrong, 1, NINES_3, &alerts, NULL), NIP_E_INVALID);
    assert_int_equal(alerts.count, 100);
    nip__burn_alerts_clear(&alerts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_when_it_fires),
        cmocka_unit_test(test_exactly_at_the_factor),
        cmocka_unit_test(test_factors),
        cmocka_unit_test(test_burn_rate),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_as_defined),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
