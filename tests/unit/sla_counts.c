/* Counters to events by slices, against models that look at every single millisecond. */
#include "unit.h"

#include <math.h>

#include "base/random.h"
#include "failing_malloc.h"
#include "sla/counts.h"

enum { SLICE = 10, SLICES = 12, SERIES = 4, SAMPLES = 24, RUNS = 4000 };

static const nip__counts_range twelve = {.first = 0, .end = SLICES, .slice_ms = SLICE, .max_gap = 15, .data_begin = -15, .born = true};

static nip__count_slices events(const nip__counts_range *range, const nip__counter_series *total, size_t totals, const nip__counter_series *part,
                                size_t parts, nip__counted counted)
{
    nip__count_slices out = {0};
    nip_error *err = NULL;
    if (nip__counts_events(range, total, totals, part, parts, counted, &out, &err) != 0)
        fail_msg("%s", nip_error_message(err));
    return out;
}

static const nip__count_slice *slice_of(const nip__count_slices *slices, int64_t index)
{
    for (size_t i = 0; i < slices->count; i++) {
        if (slices->items[i].index == index)
            return &slices->items[i];
    }
    return NULL;
}

static void assert_slice(const nip__count_slices *slices, int64_t index, int64_t good, int64_t bad)
{
    const nip__count_slice *slice = slice_of(slices, index);
    if (slice == NULL)
        fail_msg("slice %lld should be known", (long long)index);
    assert_int_equal(slice->good, good);
    assert_int_equal(slice->bad, bad);
    assert_int_equal(slice->unsure, 0);
}

/* --- Against a model -------------------------------------------------------------------------------------------------------------- */

typedef struct random_series {
    nip__count_sample samples[SAMPLES];
    nip__counter_series series;
} random_series;

static void randomize(nip__random *random, random_series *made, uint64_t most)
{
    size_t count = nip__random_below(random, SAMPLES + 1);
    nip__ms at = (nip__ms)nip__random_below(random, 120) - 60;
    int64_t value = (int64_t)nip__random_below(random, 20);
    for (size_t i = 0; i < count; i++) {
        made->samples[i] = (nip__count_sample){at, (double)value};
        at += 1 + (nip__ms)nip__random_below(random, nip__random_below(random, 12) == 0 ? 50 : 15);
        value = nip__random_below(random, 8) == 0 ? (int64_t)nip__random_below(random, 3) : value + (int64_t)nip__random_below(random, most);
    }
    made->series = (nip__counter_series){"requests", made->samples, count};
}

typedef struct model {
    const nip__counts_range *range;
    int64_t placed[2][SLICES];
    bool covered[SLICES * SLICE + 1], broken[SLICES * SLICE + 1]; /* by instant: (at - 1, at] */
    nip__counts_side sides[2];
    int64_t births, baselines, resets;
} model;

static bool somebody_looks(const random_series *all, size_t count, nip__ms instant, int64_t max_gap)
{
    for (size_t s = 0; s < count; s++) {
        for (size_t i = 0; i < all[s].series.count; i++) {
            if (all[s].samples[i].at <= instant && all[s].samples[i].at > instant - max_gap)
                return true;
        }
    }
    return false;
}

static bool somebody_looked(const random_series *all, size_t count, nip__ms first, int64_t max_gap)
{
    for (nip__ms instant = first - max_gap; instant < first; instant++) {
        if (!somebody_looks(all, count, instant, max_gap))
            return false;
    }
    return true;
}

static void model_interval(model *known, bool total, nip__ms before, nip__ms at, int64_t increment)
{
    nip__counts_side *side = &known->sides[!total];
    bool gap = at - before > known->range->max_gap, touched = false;
    for (nip__ms instant = before + 1; instant <= at; instant++) {
        if (instant < 1 || instant > SLICES * SLICE)
            continue;
        touched = true;
        known->broken[instant] |= gap;
        known->covered[instant] |= !gap && total;
    }
    side->events += increment;
    if (gap)
        *(touched ? &side->unplaced : &side->outside) += increment;
    else if (at < 1 || at > SLICES * SLICE)
        side->outside += increment;
    else
        known->placed[!total][(at - 1) / SLICE] += increment;
}

static void model_series(model *known, const random_series *one, bool total, bool looked)
{
    const nip__count_sample *samples = one->samples;
    if (one->series.count == 0)
        return;
    bool born = looked && samples[0].at - known->range->max_gap >= known->range->data_begin;
    known->births += born;
    known->baselines += !born;
    if (born)
        model_interval(known, total, samples[0].at, samples[0].at, (int64_t)samples[0].value);
    for (size_t i = 1; i < one->series.count; i++) {
        bool fell = samples[i].value < samples[i - 1].value;
        known->resets += fell;
        model_interval(known, total, samples[i - 1].at, samples[i].at, (int64_t)(samples[i].value - (fell ? 0 : samples[i - 1].value)));
    }
}

static bool model_knows(const model *known, int64_t slice)
{
    for (nip__ms instant = slice * SLICE + 1; instant <= (slice + 1) * SLICE; instant++) {
        if (!known->covered[instant] || known->broken[instant])
            return false;
    }
    return known->placed[0][slice] >= known->placed[1][slice];
}

static void assert_side(const nip__counts_side *got, const nip__counts_side *wanted, int64_t known)
{
    assert_memory_equal(got, wanted, sizeof *got);
    assert_int_equal(known + got->hidden + got->unplaced + got->outside, got->events);
}

static void run_against_the_model(nip__random *random)
{
    random_series all[2 * SERIES];
    nip__counter_series series[2 * SERIES];
    size_t totals = 1 + nip__random_below(random, SERIES), parts = 1 + nip__random_below(random, SERIES);
    nip__counts_range range = twelve;
    range.max_gap = 8 + (int64_t)nip__random_below(random, 20);
    range.data_begin = (nip__ms)nip__random_below(random, 60) - 60;
    range.born = nip__random_below(random, 5) > 0;
    nip__counted counted = nip__random_below(random, 2) == 0 ? NIP__COUNTED_GOOD : NIP__COUNTED_BAD;
    for (size_t s = 0; s < totals + parts; s++) {
        randomize(random, &all[s], s < totals ? 30 : 6);
        series[s] = all[s].series;
    }
    model known = {.range = &range};
    for (size_t s = 0; s < totals + parts; s++)
        model_series(&known, &all[s], s < totals,
                     range.born && all[s].series.count > 0 && somebody_looked(all, totals + parts, all[s].samples[0].at, range.max_gap));
    nip__count_slices slices = events(&range, series, totals, series + totals, parts, counted);
    int64_t sums[2] = {0};
    size_t next = 0;
    for (int64_t slice = 0; slice < SLICES; slice++) {
        bool wanted = model_knows(&known, slice);
        if (!wanted) {
            known.sides[0].hidden += known.placed[0][slice];
            known.sides[1].hidden += known.placed[1][slice];
            assert_null(slice_of(&slices, slice));
            continue;
        }
        int64_t part = known.placed[1][slice], rest = known.placed[0][slice] - part;
        assert_slice(&slices, slice, counted == NIP__COUNTED_GOOD ? part : rest, counted == NIP__COUNTED_GOOD ? rest : part);
        assert_int_equal(slices.items[next++].index, slice);
        sums[0] += part + rest;
        sums[1] += part;
    }
    assert_int_equal(slices.count, next);
    assert_side(&slices.told.total, &known.sides[0], sums[0]);
    assert_side(&slices.told.part, &known.sides[1], sums[1]);
    assert_int_equal(slices.told.births, known.births);
    assert_int_equal(slices.told.baselines, known.baselines);
    assert_int_equal(slices.told.resets, known.resets);
    nip__count_slices_clear(&slices);
}

static void test_events_against_the_model(void **state)
{
    (void)state;
    nip__random random;
    nip__random_seed(&random, 11);
    for (int run = 0; run < RUNS; run++)
        run_against_the_model(&random);
}

/* --- One by one ------------------------------------------------------------------------------------------------------------------- */

#define SERIES_OF(name, ...)                                                                                                                         \
    static const nip__count_sample name##_samples[] = __VA_ARGS__;                                                                                   \
    const nip__counter_series name = {#name, name##_samples, COUNT(name##_samples)}

static void test_slices_are_open_on_the_left(void **state)
{
    (void)state;
    SERIES_OF(total, {{0, 100}, {10, 107}, {20, 110}, {21, 111}, {30, 115}});
    SERIES_OF(bad, {{0, 3}, {10, 4}, {20, 4}, {21, 5}, {30, 5}});
    nip__count_slices slices = events(&twelve, &total, 1, &bad, 1, NIP__COUNTED_BAD);
    assert_int_equal(slices.count, 3);
    assert_slice(&slices, 0, 6, 1); /* what was seen at 10 happened before */
    assert_slice(&slices, 1, 3, 0);
    assert_slice(&slices, 2, 4, 1);
    assert_int_equal(slices.told.total.events, 15);
    nip__count_slices_clear(&slices);
    assert_int_equal(nip__counts_index(0, 10), -1);
    assert_int_equal(nip__counts_index(1, 10), 0);
    assert_int_equal(nip__counts_index(10, 10), 0);
    assert_int_equal(nip__counts_index(11, 10), 1);
    assert_int_equal(nip__counts_index(-9, 10), -1);
    assert_int_equal(nip__counts_index(-10, 10), -2);
}

static void test_a_reset_at_an_edge_loses_nothing(void **state)
{
    (void)state;
    SERIES_OF(total, {{0, 100}, {10, 104}, {20, 3}, {30, 3}, {40, 2}});
    nip__count_slices slices = events(&twelve, &total, 1, NULL, 0, NIP__COUNTED_BAD);
    assert_slice(&slices, 0, 4, 0);
    assert_slice(&slices, 1, 3, 0);
    assert_slice(&slices, 2, 0, 0);
    assert_slice(&slices, 3, 2, 0);
    assert_int_equal(slices.told.resets, 2);
    assert_true(slices.told.part_absent);
    nip__count_slices_clear(&slices);
}

static void test_a_gap_hides_what_it_touches(void **state)
{
    (void)state;
    SERIES_OF(total, {{0, 0}, {10, 1}, {20, 2}, {34, 9}, {50, 19}, {60, 20}});
    nip__counts_range range = twelve;
    range.max_gap = 14;
    nip__count_slices slices = events(&range, &total, 1, NULL, 0, NIP__COUNTED_BAD);
    /* From 20 to 34 is no gap; from 34 to 50 is one. */
    assert_int_equal(slices.count, 4);
    assert_slice(&slices, 2, 0, 0);
    assert_slice(&slices, 5, 1, 0);
    assert_int_equal(slices.told.gaps, 1);
    assert_int_equal(slices.told.total.unplaced, 10);
    assert_int_equal(slices.told.total.hidden, 7);
    nip__count_slices_clear(&slices);
    range.max_gap = 13; /* now it is */
    slices = events(&range, &total, 1, NULL, 0, NIP__COUNTED_BAD);
    assert_int_equal(slices.count, 3);
    assert_null(slice_of(&slices, 2));
    assert_int_equal(slices.told.gaps, 2);
    assert_int_equal(slices.told.total.unplaced, 17);
    nip__count_slices_clear(&slices);
}

static void test_births(void **state)
{
    (void)state;
    SERIES_OF(old, {{-20, 5}, {-10, 5}, {0, 5}, {10, 6}, {20, 7}, {30, 8}});
    SERIES_OF(fresh, {{12, 3}, {20, 4}, {30, 4}});
    const nip__counter_series both[] = {old, fresh};
    nip__counts_range range = twelve;
    nip__count_slices slices = events(&range, both, 2, &fresh, 1, NIP__COUNTED_BAD);
    assert_slice(&slices, 0, 1, 0);
    assert_slice(&slices, 1, 1, 4); /* its first errors are not lost */
    assert_slice(&slices, 2, 1, 0);
    assert_int_equal(slices.told.births, 2);
    assert_int_equal(slices.told.baselines, 1);
    nip__count_slices_clear(&slices);
    range.born = false;
    slices = events(&range, both, 2, &fresh, 1, NIP__COUNTED_BAD);
    assert_slice(&slices, 1, 1, 1);
    assert_int_equal(slices.told.births, 0);
    nip__count_slices_clear(&slices);
    range.born = true;
    range.data_begin = -2; /* 15 before 12 nobody asked: it may be old */
    slices = events(&range, both, 2, &fresh, 1, NIP__COUNTED_BAD);
    assert_slice(&slices, 1, 1, 1);
    nip__count_slices_clear(&slices);
    slices = events(&twelve, &fresh, 1, &fresh, 1, NIP__COUNTED_BAD); /* nobody else looked before: it was asked for late, for all we know */
    assert_int_equal(slices.told.births, 0);
    nip__count_slices_clear(&slices);
}

static void test_sides_that_are_absent_or_odd(void **state)
{
    (void)state;
    SERIES_OF(total, {{0, 0}, {10, 1}, {20, 5}, {30, 9}});
    SERIES_OF(part, {{0, 0}, {10, 1}, {20, 6}, {30, 7}});
    nip__count_slices slices = events(&twelve, &total, 1, NULL, 0, NIP__COUNTED_GOOD);
    assert_int_equal(slices.count, 0); /* not "all was bad" */
    assert_int_equal(slices.told.total.hidden, 9);
    nip__count_slices_clear(&slices);
    slices = events(&twelve, NULL, 0, &part, 1, NIP__COUNTED_BAD);
    assert_int_equal(slices.count, 0);
    assert_int_equal(slices.told.part.hidden, 7);
    nip__count_slices_clear(&slices);
    slices = events(&twelve, &total, 1, &part, 1, NIP__COUNTED_GOOD);
    assert_int_equal(slices.count, 2);
    assert_null(slice_of(&slices, 1));
    assert_int_equal(slices.told.inconsistent, 1);
    assert_int_equal(slices.told.inconsistent_first, 1);
    nip__count_slices_clear(&slices);
}

static void assert_refused(const nip__counts_range *range, nip__count_sample a, nip__count_sample b, int code, const char *why)
{
    const nip__count_sample samples[] = {a, b};
    const nip__counter_series series = {"http_requests_total{job=\"shop\"}", samples, 2};
    nip__count_slices out = {.count = 77};
    nip_error *err = NULL;
    assert_int_equal(nip__counts_events(range, &series, 1, NULL, 0, NIP__COUNTED_BAD, &out, &err), code);
    assert_contains(nip_error_message(err), why);
    assert_int_equal(out.count, 77);
    nip_error_free(err);
}

static void test_what_counts_nothing_is_refused(void **state)
{
    (void)state;
    const nip__count_sample fine = {5, 1};
    assert_refused(&twelve, fine, (nip__count_sample){6, 1.5}, NIP_E_INVALID, "{job=\"shop\"}: sample 1 is not a whole number");
    assert_refused(&twelve, fine, (nip__count_sample){6, -1}, NIP_E_INVALID, "whole number");
    assert_refused(&twelve, fine, (nip__count_sample){6, 9007199254740994.0}, NIP_E_INVALID, "2^53");
    assert_refused(&twelve, fine, (nip__count_sample){6, (double)NAN}, NIP_E_INVALID, "whole number");
    assert_refused(&twelve, fine, (nip__count_sample){6, (double)INFINITY}, NIP_E_INVALID, "whole number");
    assert_refused(&twelve, fine, (nip__count_sample){5, 1}, NIP_E_INVALID, "sample 1 is not later");
    assert_refused(&twelve, fine, (nip__count_sample){INT64_MAX, 1}, NIP_E_INVALID, "out of range");
    assert_refused(&twelve, fine, (nip__count_sample){6, 2e12}, NIP_E_LIMIT, "events in one slice");
    nip__counts_range range = twelve;
    range.end = range.first + NIP__COUNTS_SLICES_MAX + 1;
    assert_refused(&range, fine, (nip__count_sample){6, 1}, NIP_E_LIMIT, "4194305 slices");
    range.end = INT64_MAX;
    assert_refused(&range, fine, (nip__count_sample){6, 1}, NIP_E_INVALID, "must hold");
    range = twelve;
    range.slice_ms = 0;
    assert_refused(&range, fine, (nip__count_sample){6, 1}, NIP_E_INVALID, "must hold");
    range.slice_ms = 10, range.max_gap = 0;
    assert_refused(&range, fine, (nip__count_sample){6, 1}, NIP_E_INVALID, "must hold");
}

/* --- Latency ---------------------------------------------------------------------------------------------------------------------- */

/* A process that serves requests and is scraped at the ends of slices; it may begin anew, with other bounds. */
enum { PROCESSES = 3, BOUNDS = 5, LIVES = 2, REQUESTS = 12 };

typedef struct served {
    nip__ms at;
    double took;
    double bounds[BOUNDS]; /* of the process that served it then, the last INFINITY */
} served;

typedef struct world {
    served requests[PROCESSES * SLICES * REQUESTS];
    size_t count;
    nip__count_sample samples[PROCESSES * LIVES * BOUNDS][SLICES + 1];
    nip__bucket_series series[PROCESSES * LIVES * BOUNDS];
    size_t series_count;
} world;

static void random_bounds(nip__random *random, double *bounds)
{
    static const double pool[] = {0.1, 0.2, 0.25, 0.5, 1, 2};
    size_t kept = 0;
    for (size_t i = 0; i < COUNT(pool) && kept < BOUNDS - 1; i++) {
        if (COUNT(pool) - i == BOUNDS - 1 - kept || nip__random_below(random, 3) > 0)
            bounds[kept++] = pool[i];
    }
    bounds[kept] = INFINITY;
}

static nip__bucket_series *bucket_of(world *all, size_t histogram, double bound)
{
    for (size_t s = 0; s < all->series_count; s++) {
        if (all->series[s].histogram == histogram && all->series[s].bound == bound)
            return &all->series[s];
    }
    nip__bucket_series *made = &all->series[all->series_count];
    *made = (nip__bucket_series){histogram, bound, {"bucket", all->samples[all->series_count++], 0}};
    return made;
}

static void scrape(world *all, size_t process, nip__ms since, nip__ms at, const double *bounds, size_t first_request)
{
    for (size_t b = 0; b < BOUNDS; b++) {
        nip__bucket_series *bucket = bucket_of(all, process, bounds[b]);
        int64_t count = 0;
        for (size_t r = first_request; r < all->count; r++)
            count += all->requests[r].at > since && all->requests[r].took <= bounds[b];
        all->samples[bucket - all->series][bucket->counter.count++] = (nip__count_sample){at, (double)count};
    }
}

static void live(nip__random *random, world *all, size_t process)
{
    double bounds[BOUNDS];
    nip__ms since = 0;
    size_t first_request = all->count;
    random_bounds(random, bounds);
    scrape(all, process, 0, 0, bounds, first_request);
    for (int slice = 0; slice < SLICES; slice++) {
        if (slice == 6) { /* it begins anew, and at least as busy as not to look as if it went on */
            since = slice * SLICE;
            random_bounds(random, bounds);
        }
        size_t requests = slice < 6 ? 4 + nip__random_below(random, REQUESTS - 4) : nip__random_below(random, 3);
        for (size_t r = 0; r < requests; r++) {
            served one = {slice * SLICE + 1 + (nip__ms)nip__random_below(random, SLICE), 0.05 * (double)nip__random_below(random, 60), {0}};
            memcpy(one.bounds, bounds, sizeof bounds);
            all->requests[all->count++] = one;
        }
        scrape(all, process, since, (slice + 1) * SLICE, bounds, first_request);
    }
}

static bool has_bound(const double *bounds, double bound)
{
    for (size_t b = 0; b < BOUNDS; b++) {
        if (bounds[b] == bound)
            return true;
    }
    return false;
}

/* The bounds that all who served in the slice have, in order. */
static size_t common_bounds(const world *all, int64_t slice, double *common)
{
    static const double pool[] = {0.1, 0.2, 0.25, 0.5, 1, 2, INFINITY};
    size_t count = 0;
    for (size_t i = 0; i < COUNT(pool); i++) {
        bool held = true, any = false;
        for (size_t r = 0; r < all->count; r++) {
            if ((all->requests[r].at - 1) / SLICE != slice)
                continue;
            any = true;
            held = held && has_bound(all->requests[r].bounds, pool[i]);
        }
        if (any && held)
            common[count++] = pool[i];
    }
    return count;
}

static void assert_buckets(const world *all, const nip__count_slices *slices, const nip__count_slice *slice)
{
    double common[BOUNDS];
    size_t wanted = common_bounds(all, slice->index, common);
    if (wanted == 0) {
        assert_int_equal(slice->layout, 0);
        return;
    }
    const nip__count_layout *layout = &slices->layouts[slice->layout - 1];
    assert_int_equal(layout->count, wanted);
    for (size_t b = 0; b < wanted; b++) {
        int64_t count = 0;
        assert_true(layout->bounds[b] == common[b]);
        for (size_t r = 0; r < all->count; r++) {
            const served *one = &all->requests[r];
            count += (one->at - 1) / SLICE == slice->index && one->took <= common[b] && (b == 0 || one->took > common[b - 1]);
        }
        assert_int_equal(slices->counts[slice->counts + b], count);
    }
}

static void assert_latency(const world *all, const nip__count_slice *slice, double limit)
{
    int64_t good = 0, bad = 0, unsure = 0;
    for (size_t r = 0; r < all->count; r++) {
        const served *one = &all->requests[r];
        if ((one->at - 1) / SLICE != slice->index)
            continue;
        double below = -1, above = INFINITY; /* the bucket it is in */
        for (size_t b = BOUNDS; b-- > 0;)
            above = one->took <= one->bounds[b] ? one->bounds[b] : above;
        for (size_t b = 0; b < BOUNDS; b++)
            below = one->took > one->bounds[b] ? one->bounds[b] : below;
        *(above <= limit ? &good : below >= limit ? &bad : &unsure) += 1;
    }
    assert_int_equal(slice->good, good);
    assert_int_equal(slice->bad, bad);
    assert_int_equal(slice->unsure, unsure);
}

static void test_latency_against_every_request(void **state)
{
    (void)state;
    nip__random random;
    nip__random_seed(&random, 12);
    world *all = calloc(1, sizeof *all);
    assert_non_null(all);
    for (int run = 0; run < 400; run++) {
        memset(all, 0, sizeof *all);
        for (size_t process = 0; process < PROCESSES; process++)
            live(&random, all, process);
        for (size_t s = all->series_count; s > 1; s--) { /* in any order */
            size_t other = nip__random_below(&random, s);
            nip__bucket_series swapped = all->series[s - 1];
            all->series[s - 1] = all->series[other];
            all->series[other] = swapped;
        }
        static const double limits[] = {0.25, 0.3, 0.05, 5, 0.5};
        double limit = limits[run % COUNT(limits)];
        nip__count_slices slices = {0};
        nip_error *err = NULL;
        if (nip__counts_latency(&twelve, all->series, all->series_count, limit, run % 4 > 0, &slices, &err) != 0)
            fail_msg("%s", nip_error_message(err));
        int64_t known = 0;
        for (size_t i = 0; i < slices.count; i++) {
            assert_latency(all, &slices.items[i], limit);
            if (run % 4 > 0)
                assert_buckets(all, &slices, &slices.items[i]);
            else
                assert_int_equal(slices.items[i].layout, 0);
            known += slices.items[i].good + slices.items[i].bad + slices.items[i].unsure;
        }
        assert_int_equal(slices.count, SLICES);
        assert_int_equal(known, (int64_t)all->count);
        assert_int_equal(slices.told.total.events, known);
        nip__count_slices_clear(&slices);
    }
    free(all);
}

static nip__bucket_series bucket(size_t histogram, double bound, const nip__count_sample *samples, size_t count)
{
    return (nip__bucket_series){histogram, bound, {"took_bucket", samples, count}};
}

static void test_a_bound_that_is_written_otherwise_goes_on(void **state)
{
    (void)state;
    static const nip__count_sample before[] = {{0, 5}, {10, 6}}, after[] = {{20, 8}, {30, 9}}, all[] = {{0, 5}, {10, 6}, {20, 8}, {30, 10}};
    const nip__bucket_series series[] = {bucket(0, 1, before, 2), bucket(0, 1, after, 2), bucket(0, INFINITY, all, 4)};
    nip__count_slices slices = {0};
    assert_int_equal(nip__counts_latency(&twelve, series, 3, 1, false, &slices, NULL), 0);
    assert_slice(&slices, 0, 1, 0);
    assert_slice(&slices, 1, 2, 0);
    assert_slice(&slices, 2, 1, 1);
    nip__count_slices_clear(&slices);
}

static void test_buckets_that_fall_and_histograms_with_holes(void **state)
{
    (void)state;
    static const nip__count_sample low[] = {{0, 0}, {10, 3}, {20, 9}, {30, 9}}, high[] = {{0, 0}, {10, 3}, {20, 8}, {30, 9}, {60, 9}};
    static const nip__count_sample late[] = {{0, 0}, {20, 5}, {30, 6}}, all[] = {{0, 0}, {10, 4}, {20, 9}, {30, 11}, {60, 20}};
    const nip__bucket_series series[] = {bucket(3, 1, low, 4), bucket(3, 2, high, 5), bucket(3, INFINITY, all, 5)};
    nip__count_slices slices = {0};
    assert_int_equal(nip__counts_latency(&twelve, series, 3, 1, true, &slices, NULL), 0);
    assert_int_equal(slices.count, 2);
    assert_slice(&slices, 0, 3, 1);
    assert_null(slice_of(&slices, 1)); /* 6 up to 1, but 5 up to 2 */
    assert_int_equal(slices.told.inconsistent, 1);
    assert_int_equal(slices.told.total.hidden, 5);
    assert_int_equal(slices.told.total.unplaced, 9);
    assert_int_equal(slices.told.gaps, 1);
    const nip__count_slice *last = slice_of(&slices, 2);
    assert_int_equal(last->good, 0);
    assert_int_equal(last->bad, 2);
    nip__count_slices_clear(&slices);
    /* A bound that was not there at 10 counts from 30 on. */
    static const nip__count_sample same[] = {{0, 0}, {10, 3}, {20, 8}, {30, 9}};
    const nip__bucket_series fixed[] = {bucket(3, 1, same, 4), bucket(3, 2, high, 5), bucket(3, 0.5, late, 3), bucket(3, INFINITY, all, 5)};
    assert_int_equal(nip__counts_latency(&twelve, fixed, 4, 0.7, true, &slices, NULL), 0);
    last = slice_of(&slices, 2);
    assert_int_equal(last->good, 1);
    assert_int_equal(last->bad, 1);
    assert_int_equal(slices.layouts[last->layout - 1].count, 4);
    const nip__count_slice *middle = slice_of(&slices, 1);
    assert_int_equal(middle->good, 0);
    assert_int_equal(middle->bad, 0);
    assert_int_equal(middle->unsure, 5);
    assert_int_equal(slices.layouts[middle->layout - 1].count, 3);
    nip__count_slices_clear(&slices);
}

static void assert_latency_refused(const nip__bucket_series *series, size_t count, double limit, int code, const char *why)
{
    nip__count_slices out = {.count = 77};
    nip_error *err = NULL;
    assert_int_equal(nip__counts_latency(&twelve, series, count, limit, true, &out, &err), code);
    assert_contains(nip_error_message(err), why);
    assert_int_equal(out.count, 77);
    nip_error_free(err);
}

static void test_histograms_that_are_none_are_refused(void **state)
{
    (void)state;
    static const nip__count_sample samples[] = {{0, 0}, {10, 3}};
    const nip__bucket_series finite[] = {bucket(0, 1, samples, 2), bucket(1, INFINITY, samples, 2)};
    const nip__bucket_series twice[] = {bucket(0, INFINITY, samples, 2), bucket(0, INFINITY, samples, 2)};
    const nip__bucket_series same[] = {bucket(0, 1, samples, 2), bucket(0, 1, samples, 2), bucket(0, INFINITY, samples, 2)};
    const nip__bucket_series odd[] = {bucket(0, (double)NAN, samples, 2), bucket(0, INFINITY, samples, 2)};
    assert_latency_refused(finite, 2, 1, NIP_E_INVALID, "took_bucket: its histogram has no infinite bucket");
    assert_latency_refused(twice, 2, 1, NIP_E_INVALID, "more than one infinite bucket");
    assert_latency_refused(same, 3, 1, NIP_E_INVALID, "the same histogram and bound");
    assert_latency_refused(odd, 2, 1, NIP_E_INVALID, "its bound is no number");
    assert_latency_refused(finite, 2, (double)NAN, NIP_E_INVALID, "must hold");
    nip__bucket_series *many = calloc(NIP__COUNTS_BUCKETS_MAX + 1, sizeof *many);
    for (size_t i = 0; i <= NIP__COUNTS_BUCKETS_MAX; i++)
        many[i] = bucket(0, i == 0 ? INFINITY : (double)i, samples, 2);
    assert_latency_refused(many, NIP__COUNTS_BUCKETS_MAX + 1, 1, NIP_E_LIMIT, "more than 512 different bounds");
    nip__count_slices out = {0};
    assert_int_equal(nip__counts_latency(&twelve, many, NIP__COUNTS_BUCKETS_MAX, 1, true, &out, NULL), 0);
    nip__count_slices_clear(&out);
    nip__counts_range range = twelve;
    range.end = 40000;
    assert_int_equal(nip__counts_latency(&range, many, NIP__COUNTS_BUCKETS_MAX, 1, true, &out, NULL), NIP_E_LIMIT);
    assert_int_equal(nip__counts_latency(&range, many, NIP__COUNTS_BUCKETS_MAX, 1, false, &out, NULL), 0);
    nip__count_slices_clear(&out);
    free(many);
    assert_int_equal(nip__counts_latency(&twelve, NULL, 0, 1, true, &out, NULL), 0);
    assert_int_equal(out.count, 0);
}

/* --- Want of memory --------------------------------------------------------------------------------------------------------------- */

static int attempt(int what, nip__count_slices *out, nip_error **err)
{
    static nip__count_sample samples[SLICES + 1];
    for (int i = 0; i <= SLICES; i++)
        samples[i] = (nip__count_sample){i * SLICE, i * 3.0};
    const nip__counter_series series = {"a", samples, SLICES + 1}, early = {"b", samples, 4}, late = {"c", samples + 6, 4};
    const nip__counter_series total[] = {series, early, late};
    const nip__bucket_series buckets[] = {{0, 1, early}, {0, 2, late}, {0, INFINITY, series}, {1, INFINITY, series}};
    return what == 0 ? nip__counts_events(&twelve, total, 3, &early, 1, NIP__COUNTED_GOOD, out, err)
                     : nip__counts_latency(&twelve, buckets, 4, 1, true, out, err);
}

static void test_want_of_memory(void **state)
{
    (void)state;
    long before = allocations_alive();
    for (int what = 0; what < 2; what++) {
        long k = 1, seen, refused = 0;
        do {
            nip__count_slices out = {.count = 77};
            nip_error *err = NULL;
            fail_allocation(k, 0);
            int rc = attempt(what, &out, &err);
            seen = allocations_seen();
            fail_allocation(0, 0);
            if (rc == 0) { /* qsort goes on without what it was refused */
                assert_int_equal(out.count, SLICES);
                nip__count_slices_clear(&out);
            } else {
                assert_int_equal(nip_error_code(err), NIP_E_NOMEM);
                assert_int_equal(out.count, 77);
                refused++;
            }
        } while (seen >= k++);
        assert_true(refused >= 6);
    }
    assert_int_equal(allocations_alive(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_against_the_model),
        cmocka_unit_test(test_slices_are_open_on_the_left),
        cmocka_unit_test(test_a_reset_at_an_edge_loses_nothing),
        cmocka_unit_test(test_a_gap_hides_what_it_touches),
        cmocka_unit_test(test_births),
        cmocka_unit_test(test_sides_that_are_absent_or_odd),
        cmocka_unit_test(test_what_counts_nothing_is_refused),
        cmocka_unit_test(test_latency_against_every_request),
        cmocka_unit_test(test_a_bound_that_is_written_otherwise_goes_on),
        cmocka_unit_test(test_buckets_that_fall_and_histograms_with_holes),
        cmocka_unit_test(test_histograms_that_are_none_are_refused),
        cmocka_unit_test(test_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
