/* From raw samples to slices: collected at once or in pieces, in any order, the same bytes; and what is told of samples that are odd. */
#include "unit.h"

#include <math.h>

#include "base/random.h"
#include "failing_malloc.h"
#include "sla/newcomers.h"
#include "sla/page.h"
#include "sla/parts.h"
#include "sla/sampled.h"

enum { MINUTE = 60000, GAP = 120000, SCRAPE = 15000, HOURS = 6, SLICES = HOURS * 60, SERIES = 12, SAMPLES = HOURS * 240 + 700, RUNS = 60, HOSTILE = 600 };

#define DEFINITION "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const nip__indicator requests = {
    .name = "requests", .kind = NIP__INDICATOR_EVENTS, .definition = DEFINITION, .slice_ms = MINUTE, .max_gap_ms = GAP, .bad = "bad", .total = "total"};
static const nip__indicator probe = {.name = "probe", .kind = NIP__INDICATOR_TIME, .definition = DEFINITION, .slice_ms = MINUTE, .max_gap_ms = GAP,
                                     .query = "up", .up_when = NIP__AT_LEAST, .up_value = 1, .instance_label = "instance"};
static const nip__indicator checkout = {.name = "checkout", .kind = NIP__INDICATOR_LATENCY, .definition = DEFINITION, .slice_ms = MINUTE,
                                        .max_gap_ms = GAP, .histogram = "hist", .limit_seconds = 0.5, .buckets = true};

/* ---- samples as replies bring them ---- */

typedef struct source {
    char key[64];
    nip__label labels[2];
    size_t label_count;
    nip__count_sample samples[SAMPLES];
    size_t count;
} source;

static void feed(nip__sample_set *set, const char *name, const source *from, nip__ms after, nip__ms upto)
{
    bool any = false;
    nip__matrix_series series = {.key = from->key, .name = name, .labels = from->labels, .count = from->label_count};
    for (size_t i = 0; i < from->count; i++) {
        if (from->samples[i].at < after || from->samples[i].at > upto) /* as a server before 3.0 does */
            continue;
        if (!any)
            assert_int_equal(nip__sample_set_sink.series(set, &series), 0);
        any = true;
        assert_int_equal(nip__sample_set_sink.sample(set, from->samples[i].at, from->samples[i].value), 0);
    }
}

static void fill(nip__sample_set *set, const nip__indicator *indicator, const char *name, const source *sources, size_t count, int64_t first, int64_t end)
{
    nip__ms after, upto;
    nip__sampled_window(indicator, first, end, &after, &upto);
    assert_int_equal(nip__sample_set_open(set, 1000000), 0);
    nip__ms middle = after + (upto - after) / 3; /* two replies */
    nip__sample_set_begin(set, after, middle);
    for (size_t i = 0; i < count; i++)
        feed(set, name, &sources[i], after, middle);
    nip__sample_set_keep(set);
    nip__sample_set_begin(set, middle, upto);
    for (size_t i = 0; i < count; i++)
        feed(set, name, &sources[i], middle, upto);
    nip__sample_set_keep(set);
}

static void open_sampled(nip__sampled *out)
{
    *out = (nip__sampled){.arena = nip__arena_new()};
    assert_int_equal(nip__state_new(&out->state, NULL), 0);
}

static void close_sampled(nip__sampled *out)
{
    nip__state_free(out->state);
    nip__arena_free(out->arena);
}

static char *bytes_of(const nip__state *state)
{
    nip__buffer out = NIP__BUFFER(1 << 24);
    assert_int_equal(nip__state_write(state, &out, NULL), 0);
    return nip__buffer_take(&out);
}

/* ---- worlds ---- */

static source world[3][SERIES]; /* total, bad, and what is up; of latency the first has buckets */

static void label(source *one, const char *name, const char *value, const char *second, const char *other)
{
    one->label_count = second != NULL ? 2 : 1;
    one->labels[0] = (nip__label){name, value};
    one->labels[1] = (nip__label){second, other};
    nip__buffer key = NIP__BUFFER(64);
    nip__labels_sort(one->labels, one->label_count);
    nip__labels_key(&key, one->labels, one->label_count);
    snprintf(one->key, sizeof one->key, "%s", nip__buffer_string(&key));
    nip__buffer_clear(&key);
}

static const char *const instances[] = {"a", "b", "c"};

/* How long nobody sees it: mostly not at all; a scrape or two; a gap; longer than anybody remembers. */
static nip__ms silence(nip__random *random)
{
    static const nip__ms lengths[] = {GAP, 3 * GAP, 40 * MINUTE, 62 * MINUTE, 100 * MINUTE};
    return nip__random_below(random, 90) != 0 ? 0 : (nip__ms)nip__random_below(random, (uint64_t)lengths[nip__random_below(random, COUNT(lengths))]);
}

static void put(source *one, nip__ms at, double value)
{
    assert_true(one->count < SAMPLES);
    one->samples[one->count++] = (nip__count_sample){at, value};
}

/* One process after another under one name: requests, some bad from some time on, and the same as a histogram of three bounds. */
static void live(nip__random *random, size_t which)
{
    source *total = &world[0][which], *bad = &world[1][which], *up = &world[2][which], *buckets = &world[0][3 + 3 * which];
    double counts[3] = {0}, wrong = 0;
    nip__ms at = -2 * HOURS / 3 * 60 * MINUTE + (nip__ms)nip__random_below(random, SCRAPE) + (which == 2 ? 90 * MINUTE : 0);
    for (; at < (SLICES + 5) * MINUTE; at += SCRAPE + silence(random)) {
        if (nip__random_below(random, 200) == 0)
            counts[0] = counts[1] = counts[2] = wrong = 0;
        for (int b = 0; b < 3; b++)
            counts[b] += (double)nip__random_below(random, 5);
        wrong += nip__random_below(random, 20) == 0 ? 1 : 0;
        put(total, at, counts[0] + counts[1] + counts[2] + wrong);
        if (wrong > 0)
            put(bad, at, wrong);
        if (nip__random_below(random, 30) < (uint64_t)(at / MINUTE % 40 < 4 ? 15 : 0))
            put(&world[2][3 + which], at + (nip__ms)nip__random_below(random, 2) * 5000, 0);
        put(up, at, nip__random_below(random, 12) != 0);
        put(&buckets[0], at, counts[0]);
        if (wrong < 3)
            put(&buckets[1], at, counts[0] + counts[1]);
        put(&buckets[2], at, counts[0] + counts[1] + counts[2]);
    }
}

static void make_world(uint64_t seed)
{
    static const char *const bounds[] = {"0.5", "1", "+Inf"};
    nip__random random;
    nip__random_seed(&random, seed);
    for (int kind = 0; kind < 3; kind++)
        for (size_t i = 0; i < SERIES; i++)
            world[kind][i].count = 0;
    for (size_t i = 0; i < 3; i++) {
        for (int kind = 0; kind < 3; kind++)
            label(&world[kind][i], "instance", instances[i], NULL, NULL);
        label(&world[2][3 + i], "instance", instances[i], "job", "second");
        for (size_t b = 0; b < 3; b++)
            label(&world[0][3 + 3 * i + b], "instance", instances[i], "le", bounds[b]);
        live(&random, i);
    }
}

/* Had it been there before what was asked? */
static bool was_before(const nip__sample_series *series, const nip__indicator *indicator, int64_t first)
{
    nip__ms after, upto;
    nip__sampled_window(indicator, first, first + 1, &after, &upto);
    for (int kind = 0; kind < 2; kind++) {
        for (size_t i = 0; i < SERIES; i++) {
            const source *one = &world[kind][i];
            bool same = strstr(series->name, one->key) != NULL && (kind == 1) == (strncmp(series->name, "bad", 3) == 0);
            if (same && one->count > 0 && strlen(one->key) == strlen(strchr(series->name, '{')) - 2 && one->samples[0].at <= after)
                return true;
        }
    }
    return false;
}

static int count(const nip__indicator *indicator, nip__sample_set *first_set, nip__sample_set *second, int64_t first, int64_t end, nip__sampled *out,
                 nip_error **err)
{
    nip__newcomers newcomers = {0};
    nip__sample_set *const sets[] = {first_set, second};
    nip__sampled_look(indicator, sets, 2, first, end, out);
    if (indicator->kind == NIP__INDICATOR_TIME)
        return nip__sampled_time(indicator, first_set, first, end, out, err);
    if (nip__newcomers_find(indicator, sets, 2, first, &newcomers) < 0)
        return NIP_E_NOMEM;
    for (size_t i = 0; i < newcomers.count; i++)
        newcomers.items[i]->before = was_before(newcomers.items[i], indicator, first);
    nip__newcomers_clear(&newcomers);
    if (indicator->kind == NIP__INDICATOR_LATENCY)
        return nip__sampled_latency(indicator, first_set, first, end, out, err);
    return nip__sampled_events(indicator, NULL, second, first_set, first, end, out, err);
}

static void fill_both(const nip__indicator *indicator, int64_t first, int64_t end, nip__sample_set *first_set, nip__sample_set *second)
{
    bool latency = indicator->kind == NIP__INDICATOR_LATENCY;
    fill(first_set, indicator, "metric", indicator->kind == NIP__INDICATOR_TIME ? world[2] : latency ? &world[0][3] : world[0], latency ? 9 : indicator->kind == NIP__INDICATOR_TIME ? 6 : 3,
         first, end);
    fill(second, indicator, "bad", world[1], indicator->kind == NIP__INDICATOR_EVENTS ? 3 : 0, first, end);
}

static void collect(const nip__indicator *indicator, int64_t first, int64_t end, nip__sampled *out)
{
    nip__sample_set sets[2];
    nip_error *err = NULL;
    fill_both(indicator, first, end, &sets[0], &sets[1]);
    if (count(indicator, &sets[0], &sets[1], first, end, out, &err) != 0)
        fail_msg("%s", nip_error_message(err));
    nip__sample_set_clear(&sets[0]);
    nip__sample_set_clear(&sets[1]);
}

/* ---- the same at once and in pieces ---- */

static void add_told(nip__sampled *sum, const nip__sampled *one)
{
    sum->known += one->known;
    sum->missing += one->missing;
    sum->resets += one->resets;
    sum->births += one->births;
    sum->gaps += one->gaps;
    sum->unplaced += one->unplaced;
    sum->hidden += one->hidden;
    sum->inconsistent += one->inconsistent;
}

static void assert_told(const nip__sampled *a, const nip__sampled *b)
{
    assert_int_equal(a->known, b->known);
    assert_int_equal(a->missing, b->missing);
    assert_int_equal(a->resets, b->resets);
    assert_int_equal(a->births, b->births);
    assert_int_equal(a->gaps, b->gaps);
    assert_int_equal(a->unplaced, b->unplaced);
    assert_int_equal(a->hidden, b->hidden);
    assert_int_equal(a->inconsistent, b->inconsistent);
}

/* Pieces of random lengths, collected from the last one to the first. */
static void collect_pieces(nip__random *random, const nip__indicator *indicator, nip__sampled *sum)
{
    for (int64_t end = SLICES; end > 0;) {
        int64_t first = end - 1 - (int64_t)nip__random_below(random, 70);
        nip__sampled piece;
        open_sampled(&piece);
        collect(indicator, first > 0 ? first : 0, end, &piece);
        for (size_t i = 0; i < piece.problems.count; i++)
            if (strstr(piece.problems.texts[i], "has samples there") == NULL && strstr(piece.problems.texts[i], "several series") == NULL) /* a short piece in which nobody is seen; else a restart that no counter shows */
                assert_contains(piece.problems.texts[i], "more of a part than of the whole");
        assert_int_equal(nip__state_merge(sum->state, piece.state, NULL), 0);
        add_told(sum, &piece);
        close_sampled(&piece);
        end = first;
    }
}

static void pieces_give_the_same(void **state)
{
    (void)state;
    static const nip__indicator *const kinds[] = {&requests, &probe, &checkout};
    int64_t births = 0, gaps = 0, resets = 0, missing = 0, known = 0;
    for (uint64_t run = 0; run < RUNS; run++) {
        nip__random random;
        nip__random_seed(&random, 1000 + run);
        make_world(run);
        const nip__indicator *indicator = kinds[run % COUNT(kinds)];
        nip__sampled whole, pieces;
        open_sampled(&whole);
        open_sampled(&pieces);
        collect(indicator, 0, SLICES, &whole);
        collect_pieces(&random, indicator, &pieces);
        char *a = bytes_of(whole.state), *b = bytes_of(pieces.state);
        if (strcmp(a, b) != 0)
            fail_msg("run %d:\n%s\n%s", (int)run, a, b);
        assert_told(&whole, &pieces);
        assert_int_equal(whole.known + whole.missing, SLICES);
        births += whole.births;
        gaps += whole.gaps;
        resets += whole.resets;
        missing += whole.missing;
        known += whole.known;
        nip_free(a);
        nip_free(b);
        close_sampled(&whole);
        close_sampled(&pieces);
    }
    assert_true(births > 20 && gaps > 20 && resets > 20 && missing > 20 && known > RUNS * SLICES / 2); /* the worlds have it all */
}

/* ---- by hand ---- */

static const nip__slice *slice_of(const nip__state *state, size_t track, int64_t index)
{
    assert_true(track < state->count);
    size_t at = nip__track_past(&state->tracks[track], index);
    return at < state->tracks[track].count && state->tracks[track].items[at].index == index ? &state->tracks[track].items[at] : NULL;
}

static void empty_world(void)
{
    for (int kind = 0; kind < 3; kind++)
        for (size_t i = 0; i < SERIES; i++) {
            world[kind][i].count = 0;
            label(&world[kind][i], "instance", instances[i % 3], NULL, NULL);
        }
}

/* Samples every 15 s, one event each, but for (from, to). */
static void steady(source *one, nip__ms from, nip__ms to)
{
    double value = 100;
    for (nip__ms at = -120 * MINUTE; at <= 70 * MINUTE; at += SCRAPE, value++)
        if (at <= from || at >= to)
            put(one, at, value);
}

static void a_gap_is_known_when_it_ends(void **state)
{
    (void)state;
    nip__sampled out;
    empty_world();
    steady(&world[0][0], 0, 0);
    steady(&world[0][1], 10 * MINUTE, 30 * MINUTE);
    open_sampled(&out);
    collect(&requests, 0, 60, &out);
    assert_int_equal(slice_of(out.state, 0, 5)->good, 8);
    assert_int_equal(slice_of(out.state, 0, 20)->good, 4); /* it might have retired */
    assert_non_null(slice_of(out.state, 0, 26));
    assert_null(slice_of(out.state, 0, 27)); /* ends 2 min before the gap does */
    assert_null(slice_of(out.state, 0, 29));
    assert_int_equal(slice_of(out.state, 0, 30)->good, 8);
    assert_int_equal(out.gaps, 1);
    assert_int_equal(out.unplaced, 80);
    assert_int_equal(out.births, 0);
    assert_int_equal(out.missing, 3);
    assert_int_equal(out.hidden, 12);
    close_sampled(&out);
}

static void what_is_forgotten_begins_anew(void **state)
{
    (void)state;
    nip__sampled out;
    empty_world();
    steady(&world[0][0], 0, 0);
    put(&world[1][0], -100 * MINUTE, 7);
    put(&world[1][0], 30 * MINUTE, 2);
    open_sampled(&out);
    collect(&requests, 0, 60, &out);
    assert_int_equal(out.births, 1);
    assert_int_equal(slice_of(out.state, 0, 29)->bad, 2);
    assert_int_equal(out.missing, 0);
    close_sampled(&out);
    open_sampled(&out);
    collect(&requests, 0, 30, &out);
    collect(&requests, 30, 60, &out);
    assert_int_equal(out.births, 1); /* it lies on the border of both, and is told once */
    close_sampled(&out);
}

/* Errors are counted from the first one on: after a restart nothing is there for long. Others of its target fell meanwhile, so it is no gap. */
static void a_rare_counter_after_a_restart(void **state)
{
    (void)state;
    for (int run = 0; run < 4; run++) {
        nip__sampled out;
        double value = 100;
        empty_world();
        for (nip__ms at = -120 * MINUTE; at <= 70 * MINUTE; at += SCRAPE, value++) {
            if (run != 1 && at == 20 * MINUTE)
                value = 0;
            if (run != 2 || at < 31 * MINUTE || at > 39 * MINUTE)
                put(&world[0][run == 3], at, value);
            if (at <= 10 * MINUTE || at >= 40 * MINUTE)
                put(&world[1][0], at, 1);
        }
        open_sampled(&out);
        collect(&requests, 0, 60, &out);
        assert_int_equal(out.births, run == 0); /* 1: nobody fell; 2: the target was not seen; 3: it is another one */
        assert_int_equal(out.missing, run == 0 ? 0 : run == 2 ? 10 : 3);
        if (run == 0)
            assert_int_equal(slice_of(out.state, 0, 39)->bad, 1);
        close_sampled(&out);
    }
}

/* While others are seen, one comes: a new one has counted its events since; one that was away for hours, whenever. */
static void newcomers(void **state)
{
    (void)state;
    for (int old = 0; old < 3; old++) {
        nip__sampled out;
        empty_world();
        steady(&world[0][0], 0, 0);
        if (old > 0)
            put(&world[0][1], (old == 1 ? -170 : -50) * MINUTE, 999000);
        for (nip__ms at = 20 * MINUTE + 7; at <= 70 * MINUTE; at += SCRAPE)
            put(&world[0][1], at, 1000000);
        open_sampled(&out);
        collect(&requests, 0, 60, &out);
        assert_int_equal(out.births, old == 0);
        assert_int_equal(out.gaps, old > 0);
        assert_int_equal(out.unplaced, 0);
        assert_int_equal(out.missing, old > 0 ? 3 : 0); /* 18 to 20 */
        assert_true((slice_of(out.state, 0, 20) != NULL) == (old == 0));
        if (old == 0)
            assert_int_equal(slice_of(out.state, 0, 20)->good, 1000000 + 4);
        close_sampled(&out);
    }
}

/* Where all begin at about the same time, it is the looking that began: none of what they had counted is of this time. */
static void a_server_that_begins_to_look_sees_no_births(void **state)
{
    (void)state;
    nip__sampled out;
    empty_world();
    for (nip__ms at = 10 * MINUTE; at <= 70 * MINUTE; at += SCRAPE) {
        put(&world[0][0], at, 1000000 + (double)at);
        put(&world[0][1], at + 7000, 2000000 + (double)at);
    }
    open_sampled(&out);
    collect(&requests, 0, 60, &out);
    assert_int_equal(out.births, 0);
    assert_int_equal(slice_of(out.state, 0, 10)->good, 4 * 15000 + 3 * 15000);
    assert_int_equal(slice_of(out.state, 0, 11)->good, 8 * 15000);
    close_sampled(&out);
}

static void odd_samples(void **state)
{
    (void)state;
    nip__sampled out;
    empty_world();
    steady(&world[0][0], 0, 0);
    world[0][0].samples[500].value = NAN;
    open_sampled(&out);
    collect(&requests, 0, 60, &out);
    assert_int_equal(out.absent, 1);
    assert_int_equal(out.missing, 0);
    world[0][0].samples[500].value = 0.5;
    collect(&requests, 0, 60, &out);
    assert_int_equal(out.missing, 60);
    assert_contains(out.problems.texts[0], "counts no events");
    close_sampled(&out);
    open_sampled(&out);
    empty_world();
    steady(&world[1][0], 0, 0);
    collect(&requests, 0, 60, &out);
    assert_int_equal(out.missing, 60);
    assert_contains(out.problems.texts[0], "total: no series has samples there");
    close_sampled(&out);
}

/* Without a total the whole is what was good and what was bad. */
static void good_and_bad(void **state)
{
    (void)state;
    for (int run = 0; run < 2; run++) {
        nip__sample_set sets[2];
        nip__sampled out;
        empty_world();
        if (run == 0)
            steady(&world[0][0], 0, 0);
        steady(&world[1][0], -120 * MINUTE, 20 * MINUTE);
        open_sampled(&out);
        fill_both(&requests, 0, 60, &sets[0], &sets[1]);
        assert_int_equal(nip__sampled_events(&requests, &sets[0], &sets[1], NULL, 0, 60, &out, NULL), 0);
        assert_int_equal(out.missing, run == 0 ? 0 : 60);
        assert_int_equal(out.births, run == 0);
        if (run == 0) {
            assert_int_equal(slice_of(out.state, 0, 30)->good, 4);
            assert_int_equal(slice_of(out.state, 0, 30)->bad, 4);
            assert_int_equal(slice_of(out.state, 0, 10)->bad, 0);
        } else {
            assert_contains(out.problems.texts[0], "good: no series has samples there");
        }
        nip__sample_set_clear(&sets[0]);
        nip__sample_set_clear(&sets[1]);
        close_sampled(&out);
    }
}

static void streams_of_time(void **state)
{
    (void)state;
    nip__sampled out;
    empty_world();
    steady(&world[2][0], 20 * MINUTE, 30 * MINUTE);
    steady(&world[2][1], 0, 0);
    world[2][1].samples[480 + 40].value = NAN; /* at 10 min */
    world[2][1].samples[480 + 41].value = 0;
    open_sampled(&out);
    collect(&probe, 0, 60, &out);
    assert_int_equal(out.state->count, 2);
    assert_int_equal(slice_of(out.state, 0, 21)->good, 60000);
    assert_null(slice_of(out.state, 0, 25));
    assert_int_equal(slice_of(out.state, 1, 10)->unsure, 15000);
    assert_int_equal(slice_of(out.state, 1, 10)->bad, 15000);
    assert_int_equal(out.known, 60);
    close_sampled(&out);
    /* the same name twice: after each other it is one stream, at once it is none */
    for (int twice = 0; twice < 2; twice++) {
        empty_world();
        label(&world[2][1], "instance", "a", "job", "new");
        for (nip__ms at = -10 * MINUTE; at < 70 * MINUTE; at += SCRAPE)
            put(&world[2][at > 30 * MINUTE], at, 1);
        if (twice)
            put(&world[2][0], 31 * MINUTE + 1, 0);
        open_sampled(&out);
        collect(&probe, 0, 60, &out);
        assert_int_equal(out.problems.count, twice);
        assert_int_equal(out.missing, 0);
        assert_int_equal(slice_of(out.state, 0, 30)->unsure, twice ? 45000 : 0); /* from the new one's first word to the old one's last */
        assert_int_equal(slice_of(out.state, 0, 31)->unsure, twice ? 15000 : 0);
        if (twice)
            assert_contains(out.problems.texts[0], "several series at once");
        close_sampled(&out);
    }
}

static void bounds(void **state)
{
    (void)state;
    nip__sampled out;
    empty_world();
    label(&world[0][3], "le", "0.5", NULL, NULL);
    label(&world[0][4], "le", "many", NULL, NULL);
    label(&world[0][5], "le", "1", NULL, NULL);
    steady(&world[0][3], 0, 0);
    steady(&world[0][4], 0, 0);
    open_sampled(&out);
    collect(&checkout, 0, 60, &out);
    assert_int_equal(out.missing, 60);
    assert_int_equal(out.problems.count, 1);
    assert_contains(out.remarks.texts[0], "its label le is no number");
    assert_contains(out.problems.texts[0], "infinite bucket");
    label(&world[0][4], "le", "+Inf", NULL, NULL);
    collect(&checkout, 0, 60, &out);
    assert_int_equal(slice_of(out.state, 0, 5)->good, 4);
    close_sampled(&out);
}

static void finality(void **state)
{
    (void)state;
    assert_int_equal(nip__sampled_final(&requests, 0, 60, 10 * MINUTE + GAP), 9);
    assert_int_equal(nip__sampled_final(&requests, 0, 60, 10 * MINUTE + GAP + 1), 10);
    assert_int_equal(nip__sampled_final(&requests, 0, 5, 10 * MINUTE + GAP + 1), 5);
    assert_int_equal(nip__sampled_final(&requests, 20, 60, 10 * MINUTE), 20);
    assert_int_equal(nip__sampled_final(&requests, -9, 60, 0), -3);
}

static void a_series_twice_in_a_reply_is_refused(void **state)
{
    (void)state;
    nip__sample_set set;
    nip__matrix_series series = {.key = "a=\"1\"", .name = "up"};
    assert_int_equal(nip__sample_set_open(&set, 3), 0);
    nip__sample_set_begin(&set, 0, 100);
    assert_int_equal(nip__sample_set_sink.series(&set, &series), 0);
    assert_int_equal(nip__sample_set_sink.sample(&set, 10, 1), 0);
    assert_int_equal(nip__sample_set_sink.sample(&set, 0, 1), 0);
    assert_int_equal(nip__sample_set_sink.series(&set, &series), 0);
    assert_int_equal(nip__sample_set_sink.sample(&set, 10, 1), NIP_E_INVALID);
    assert_contains(set.problem, "up{a=\"1\"}: its samples do not come in the order");
    nip__sample_set_drop(&set);
    assert_int_equal(set.samples, 0);
    for (int at = 11; at < 14; at++)
        assert_int_equal(nip__sample_set_sink.sample(&set, at, 1), 0);
    assert_int_equal(nip__sample_set_sink.sample(&set, 14, 1), NIP_E_LIMIT);
    nip__sample_set_clear(&set);
}

/* Whatever a server says: slices are known or missing, and nothing else happens. */
static void feed_hostile(nip__random *random, nip__sample_set *set, nip__ms after, nip__ms upto)
{
    static const char *const names[] = {"le", "instance", "job", "", "x"};
    static const char *const texts[] = {"+Inf", "1", "0.5", "-1", "NaN", "a", "", "\xff\"", "Inf", "1e999"};
    static const double values[] = {0, 1, 2, 3, 9007199254740992.0, 1e300, -1, 0.5, INFINITY, -INFINITY, NAN};
    assert_int_equal(nip__sample_set_open(set, 400), 0);
    nip__sample_set_begin(set, after, upto);
    for (uint64_t i = nip__random_below(random, 9); i > 0; i--) {
        nip__label labels[2] = {{names[nip__random_below(random, 5)], texts[nip__random_below(random, 10)]},
                                {names[nip__random_below(random, 5)], texts[nip__random_below(random, 10)]}};
        char key[64];
        snprintf(key, sizeof key, "%s=%s,%s=%s", labels[0].name, labels[0].value, labels[1].name, labels[1].value);
        nip__matrix_series series = {.key = key, .name = nip__random_below(random, 4) == 0 ? NULL : "m", .labels = labels,
                                     .count = nip__random_below(random, 3)};
        bool plain = nip__random_below(random, 3) > 0;
        nip__sample_set_sink.series(set, &series);
        for (nip__ms at = after + (nip__ms)nip__random_below(random, (uint64_t)(upto - after)); at <= upto + GAP;
             at += (nip__ms)nip__random_below(random, nip__random_below(random, 5) == 0 ? 5000000 : 100000))
            nip__sample_set_sink.sample(set, at, values[nip__random_below(random, plain ? 5 : COUNT(values))]);
    }
    if (nip__random_below(random, 10) > 0)
        nip__sample_set_keep(set);
    else
        nip__sample_set_drop(set);
}

static int count_hostile(nip__random *random, const nip__indicator *indicator, nip__sample_set *sets, nip__sampled *out)
{
    nip__newcomers newcomers = {0};
    nip__sampled_look(indicator, (nip__sample_set *[]){&sets[0], &sets[1]}, 2, 0, 60, out);
    assert_int_equal(nip__newcomers_find(indicator, (nip__sample_set *[]){&sets[0], &sets[1]}, 2, 0, &newcomers), 0);
    for (size_t i = 0; i < newcomers.count; i++)
        newcomers.items[i]->before = nip__random_below(random, 2) == 0;
    nip__newcomers_clear(&newcomers);
    if (indicator->kind == NIP__INDICATOR_TIME)
        return nip__sampled_time(indicator, &sets[0], 0, 60, out, NULL);
    if (indicator->kind == NIP__INDICATOR_LATENCY)
        return nip__sampled_latency(indicator, &sets[0], 0, 60, out, NULL);
    int which = (int)nip__random_below(random, 3);
    return nip__sampled_events(indicator, which == 0 ? NULL : &sets[0], which == 1 ? NULL : &sets[1], which == 2 ? NULL : &sets[which == 0 ? 0 : 1], 0, 60,
                               out, NULL);
}

static void hostile_samples(void **state)
{
    (void)state;
    static const nip__indicator *const kinds[] = {&requests, &probe, &checkout};
    nip__random random;
    nip__random_seed(&random, 99);
    int64_t known = 0;
    for (int run = 0; run < HOSTILE; run++) {
        nip__sample_set sets[2];
        nip__sampled out;
        nip__ms after, upto;
        const nip__indicator *indicator = kinds[run % 3];
        nip__sampled_window(indicator, 0, 60, &after, &upto);
        open_sampled(&out);
        for (int i = 0; i < 2; i++)
            feed_hostile(&random, &sets[i], after, upto);
        assert_int_equal(count_hostile(&random, indicator, sets, &out), 0);
        assert_int_equal(out.known + out.missing, 60);
        assert_true(out.missing == 0 || out.problems.count > 0 || out.known > 0 || out.samples > 0);
        known += out.known;
        nip_free(bytes_of(out.state));
        for (int i = 0; i < 2; i++)
            nip__sample_set_clear(&sets[i]);
        close_sampled(&out);
    }
    assert_true(known > HOSTILE);
}

static void out_of_memory(void **state)
{
    (void)state;
    static const nip__indicator *const kinds[] = {&requests, &probe, &checkout};
    make_world(3);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        nip__sampled out;
        open_sampled(&out);
        collect(kinds[i], 0, SLICES, &out);
        char *expected = bytes_of(out.state);
        close_sampled(&out);
        for (long k = 1;; k++) {
            nip__sample_set sets[2];
            fill_both(kinds[i], 0, SLICES, &sets[0], &sets[1]);
            open_sampled(&out);
            fail_allocation(k, 0);
            int rc = count(kinds[i], &sets[0], &sets[1], 0, SLICES, &out, NULL);
            long seen = allocations_seen();
            fail_allocation(0, 0);
            char *bytes = bytes_of(out.state);
            if (rc != NIP_E_NOMEM)
                assert_string_equal(bytes, expected); /* sorting gets on with less */
            nip_free(bytes);
            close_sampled(&out);
            nip__sample_set_clear(&sets[0]);
            nip__sample_set_clear(&sets[1]);
            assert_true(rc == NIP_E_NOMEM || rc == 0);
            if (seen < k)
                break;
        }
        nip_free(expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_give_the_same),
        cmocka_unit_test(a_gap_is_known_when_it_ends),
        cmocka_unit_test(what_is_forgotten_begins_anew),
        cmocka_unit_test(a_rare_counter_after_a_restart),
        cmocka_unit_test(newcomers),
        cmocka_unit_test(a_server_that_begins_to_look_sees_no_births),
        cmocka_unit_test(odd_samples),
        cmocka_unit_test(good_and_bad),
        cmocka_unit_test(streams_of_time),
        cmocka_unit_test(bounds),
        cmocka_unit_test(finality),
        cmocka_unit_test(a_series_twice_in_a_reply_is_refused),
        cmocka_unit_test(hostile_samples),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
