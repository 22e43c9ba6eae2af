/* From what was measured to alerts and figures, exclusions taken out: as a slow model says that goes through the slices one by one. */
#include "unit.h"

#include "base/random.h"
#include "sla/series.h"

#define DEFINITION "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

enum { MINUTE = 60000, SLICES_MAX = 1500, ROUNDS = 60 };

#define FIRST   INT64_C(29000000) /* index of slice 0 */
#define BEGIN   (FIRST * MINUTE)

/* ---- what was measured ---- */

typedef struct scene {
    nip__indicator indicator;
    int64_t count, bad[SLICES_MAX], total[SLICES_MAX]; /* of events, or ms of time */
    bool known[SLICES_MAX], excluded[SLICES_MAX];
    nip__spans exclusions;
    nip__state *state;
    nip__series *series;
} scene;

static void set_indicator(scene *s, bool events)
{
    s->indicator = (nip__indicator){.name = "requests", .kind = events ? NIP__INDICATOR_EVENTS : NIP__INDICATOR_TIME, .definition = DEFINITION,
                                    .slice_ms = MINUTE, .max_gap_ms = 2 * MINUTE, .agreement = NIP__ANY};
}

/* Good stretches, bursts, holes. */
static void draw(scene *s, nip__random *random)
{
    int64_t left = 0, traffic = 0, share = 0;
    bool known = true, events = s->indicator.kind == NIP__INDICATOR_EVENTS;
    for (int64_t i = 0; i < s->count; i++, left--) {
        if (left <= 0) {
            left = 1 + (int64_t)nip__random_below(random, 60);
            traffic = (const int64_t[]){0, 1, 30, 5000}[nip__random_below(random, 4)];
            share = (const int64_t[]){0, 0, 0, 1, 30, 1000}[nip__random_below(random, 6)];
            known = nip__random_below(random, 8) > 0;
        }
        s->known[i] = known;
        s->total[i] = !known ? 0 : !events ? MINUTE : traffic == 0 ? 0 : 1 + (int64_t)nip__random_below(random, (uint64_t)traffic);
        s->bad[i] = s->total[i] * (int64_t)nip__random_below(random, (uint64_t)share + 1) / 1000;
    }
}

/* To the ms, so that some of them end within a slice: of events only whole slices are left out. */
static void draw_exclusions(scene *s, nip__random *random)
{
    memset(s->excluded, 0, sizeof s->excluded);
    for (int64_t at = BEGIN;;) {
        nip__ms begin = at + 1 + (nip__ms)nip__random_below(random, 300 * MINUTE), end = begin + 1 + (nip__ms)nip__random_below(random, 20 * MINUTE);
        if (s->indicator.kind == NIP__INDICATOR_TIME) {
            begin -= begin % MINUTE;
            end += MINUTE - end % MINUTE;
        }
        if (end >= BEGIN + s->count * MINUTE)
            return;
        assert_int_equal(nip__spans_add(&s->exclusions, begin, end), 0);
        for (int64_t i = 0; i < s->count; i++)
            s->excluded[i] = s->excluded[i] || (BEGIN + i * MINUTE >= begin && BEGIN + (i + 1) * MINUTE <= end);
        at = end;
    }
}

static void put_events(scene *s, const nip__track_key *key)
{
    for (int64_t i = 0; i < s->count; i++) {
        const nip__slice slice = {.index = FIRST + i, .revision = 1, .good = s->total[i] - s->bad[i], .bad = s->bad[i]};
        if (s->known[i])
            assert_int_equal(nip__state_put(s->state, key, &slice, 1, NULL), 0);
    }
}

static void put_time(scene *s, const nip__track_key *key)
{
    nip__timeline timeline = {.begin = BEGIN};
    for (int64_t i = 0; i < s->count; i++) {
        nip__ms begin = BEGIN + i * MINUTE, end = begin + MINUTE;
        if (s->known[i] && s->bad[i] > 0)
            assert_int_equal(nip__timeline_append(&timeline, begin + s->bad[i], NIP__DOWN), 0);
        if (!s->known[i] || s->bad[i] < MINUTE)
            assert_int_equal(nip__timeline_append(&timeline, end, s->known[i] ? NIP__UP : NIP__UNKNOWN), 0);
    }
    assert_int_equal(nip__state_put_timeline(s->state, key, 1, &timeline, FIRST, FIRST + s->count, NULL), 0);
    nip__timeline_clear(&timeline);
}

static void measure(scene *s)
{
    bool events = s->indicator.kind == NIP__INDICATOR_EVENTS;
    nip__track_key key;
    assert_int_equal(nip__track_key_make(DEFINITION, "", events ? NIP__TRACK_EVENTS : NIP__TRACK_TIME, MINUTE, &key, NULL), 0);
    assert_int_equal(nip__state_new(&s->state, NULL), 0);
    if (events)
        put_events(s, &key);
    else
        put_time(s, &key);
    assert_int_equal(nip__series_open(s->state, &s->indicator, BEGIN, BEGIN + s->count * MINUTE, 0, &s->series, NULL), 0);
}

static void clear(scene *s)
{
    nip__series_free(s->series);
    nip__state_free(s->state);
    nip__spans_clear(&s->exclusions);
}

/* Events are excluded by whole slices. */
static void find_counted(const scene *s, nip__spans *counted)
{
    nip__spans excluded = {0};
    nip__ms end = BEGIN + s->count * MINUTE;
    assert_int_equal(nip__spans_clip(&s->exclusions, BEGIN, end, &excluded), 0);
    assert_int_equal(nip__spans_snap_inward(&excluded, MINUTE, &excluded), 0);
    assert_int_equal(nip__spans_add(counted, BEGIN, end), 0);
    assert_int_equal(nip__spans_subtract(counted, &excluded, counted), 0);
    nip__spans_clear(&excluded);
}

/* ---- the slow model ---- */

typedef struct counts {
    int64_t bad, total;
} counts;

static counts sum(const scene *s, int64_t from, int64_t to)
{
    counts sum = {0, 0};
    for (int64_t i = from < 0 ? 0 : from; i < to; i++) {
        sum.bad += s->excluded[i] ? 0 : s->bad[i];
        sum.total += s->excluded[i] ? 0 : s->total[i];
    }
    return sum;
}

static bool burns(counts c, nip__ratio factor, nip__ratio target)
{
    return (__int128)c.bad * factor.den * target.den > (__int128)c.total * factor.num * (target.den - target.num);
}

static bool is_over(const scene *s, const nip__burn_pair *p, nip__ratio target, int64_t end)
{
    counts longer = sum(s, end - p->long_ms / MINUTE, end), shorter = sum(s, end - p->short_ms / MINUTE, end);
    return longer.bad >= p->min_bad && burns(longer, p->factor, target) && burns(shorter, p->factor, target);
}

static void assert_alert(const scene *s, const nip__burn_pair *p, const nip__burn_alert *alert, int64_t pending, int64_t fired, int64_t end)
{
    counts longer = sum(s, fired - p->long_ms / MINUTE, fired), shorter = sum(s, fired - p->short_ms / MINUTE, fired);
    assert_int_equal(alert->pending, BEGIN + pending * MINUTE);
    assert_int_equal(alert->fired, BEGIN + fired * MINUTE);
    assert_int_equal(alert->resolved, end > s->count ? NIP__MS_MOST : BEGIN + end * MINUTE);
    assert_int_equal(alert->windows.long_bad, longer.bad);
    assert_int_equal(alert->windows.long_total, longer.total);
    assert_int_equal(alert->windows.short_bad, shorter.bad);
    assert_int_equal(alert->windows.short_total, shorter.total);
}

/* One pair's alerts, from place `at` on. Gives the place of the next pair's. */
static size_t assert_pair(const scene *s, size_t index, const nip__burn_pair *p, nip__ratio target, const nip__burn_alerts *alerts, size_t at)
{
    int64_t wait = (p->for_ms + MINUTE - 1) / MINUTE;
    for (int64_t begin = 1, end; begin <= s->count; begin = end + 1) {
        for (end = begin; end <= s->count && is_over(s, p, target, end); end++)
            ;
        if (end - begin <= wait)
            continue;
        assert_true(at < alerts->count);
        assert_int_equal(alerts->items[at].pair, index);
        assert_alert(s, p, &alerts->items[at++], begin, begin + wait, end);
    }
    return at;
}

static void assert_sums(const scene *s, const nip__spans *counted)
{
    nip__series_sum found = nip__series_sum_of(s->series, counted);
    counts all = sum(s, 0, s->count);
    int64_t covered = 0, missing = 0;
    for (int64_t i = 0; i < s->count; i++) {
        covered += !s->excluded[i] && s->known[i] ? MINUTE : 0;
        missing += !s->excluded[i] && !s->known[i] ? MINUTE : 0;
    }
    assert_int_equal(found.bad, all.bad);
    assert_int_equal(found.good, all.total - all.bad);
    assert_int_equal(found.covered, covered);
    assert_int_equal(found.missing, missing);
}

static size_t assert_alerts(const scene *s, nip__ratio target, const nip__burn_pair *pairs, size_t count)
{
    nip__spans counted = {0};
    nip__burn_history history = {0};
    nip__burn_alerts alerts = {0};
    find_counted(s, &counted);
    assert_sums(s, &counted);
    assert_int_equal(nip__series_history(s->series, &counted, BEGIN + s->count * MINUTE, &history, NULL), 0);
    assert_int_equal(nip__burn_replay(&history, pairs, count, target, &alerts, NULL), 0);
    size_t at = 0, all = alerts.count;
    for (size_t i = 0; i < count; i++)
        at = assert_pair(s, i, &pairs[i], target, &alerts, at);
    assert_int_equal(at, all);
    nip__burn_alerts_clear(&alerts);
    nip__burn_history_clear(&history);
    nip__spans_clear(&counted);
    return all;
}

static void test_as_a_slow_model_says(void **state)
{
    (void)state;
    static scene s;
    nip__random random;
    nip__random_seed(&random, 20261127);
    size_t fired = 0;
    for (int round = 0; round < ROUNDS; round++) {
        nip__ratio target = (const nip__ratio[]){{999, 1000}, {9995, 10000}, {99, 100}}[round % 3];
        int64_t shorter = 1 + (int64_t)nip__random_below(&random, 10), longer = shorter + 1 + (int64_t)nip__random_below(&random, 60);
        const nip__burn_pair pairs[] = {
            {"page", {144, 10}, longer * MINUTE, shorter * MINUTE, (int64_t)nip__random_below(&random, 20), 0},
            {"ticket", {1, 1}, 3 * longer * MINUTE, 2 * shorter * MINUTE, 0, (int64_t)nip__random_below(&random, 10) * MINUTE / 2},
        };
        set_indicator(&s, round % 2 == 0);
        s.count = 1 + (int64_t)nip__random_below(&random, SLICES_MAX);
        draw(&s, &random);
        draw_exclusions(&s, &random);
        measure(&s);
        fired += assert_alerts(&s, target, pairs, COUNT(pairs));
        clear(&s);
    }
    assert_true(fired > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_a_slow_model_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
