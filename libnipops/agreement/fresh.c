/* Rows to slices. */
#include "agreement/fresh.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"

/* ---- values ---- */

nip__standing nip__indicator_standing(const nip__indicator *indicator, double value)
{
    double limit = indicator->up_value;
    const bool up[] = {
        [NIP__AT_LEAST] = value >= limit, [NIP__ABOVE] = value > limit,  [NIP__AT_MOST] = value <= limit,
        [NIP__BELOW] = value < limit,     [NIP__EQUAL] = value == limit, [NIP__UNEQUAL] = value != limit,
    };
    return isnan(value) ? NIP__UNKNOWN : up[indicator->up_when] ? NIP__UP : NIP__DOWN;
}

/* ---- one stream ---- */

typedef struct stream {
    const nip__fresh *fresh;
    nip__state *state;
    nip__track_key key;
    const nip__sla_row *rows; /* by instant */
    size_t count;
} stream;

static int64_t floored(int64_t at, int64_t step)
{
    return at / step - (at % step < 0);
}

static bool is_told(const nip__fresh *fresh)
{
    return fresh->begin < fresh->end;
}

static int outside(const stream *s, const nip__sla_row *row, nip_error **err)
{
    nip__buffer at = NIP__BUFFER(64);
    nip__time_write(&at, nip__ms_time(row->at));
    int rc = nip__fail(err, NIP_E_INVALID, "%s: a row at %s lies outside of the stretch that it is said to be about", s->fresh->name, nip__buffer_string(&at));
    nip__buffer_clear(&at);
    return rc;
}

/* Slices of [first, end) that have no row had no events, where it is told that all are there. */
static int fill(const stream *s, nip__slice *slices, int64_t first, int64_t end, nip_error **err)
{
    for (int64_t i = first; i < end; i++)
        slices[i - first] = (nip__slice){.index = i, .revision = s->fresh->revision};
    for (size_t i = 0; i < s->count; i++) {
        nip__slice *slice = &slices[floored(s->rows[i].at, s->key.slice_ms) - first];
        if (s->rows[i].good > NIP__COUNTS_MAX - slice->good || s->rows[i].bad > NIP__COUNTS_MAX - slice->bad - slice->good - s->rows[i].good)
            return nip__fail(err, NIP_E_LIMIT, "%s: a slice has more than %lld events", s->fresh->name, (long long)NIP__COUNTS_MAX);
        slice->good += s->rows[i].good;
        slice->bad += s->rows[i].bad;
    }
    return 0;
}

/* Leaves those out of which nothing is known. */
static size_t only_with_rows(const stream *s, nip__slice *slices, int64_t first)
{
    size_t count = 0;
    int64_t last = -1;
    for (size_t i = 0; i < s->count; i++) {
        int64_t place = floored(s->rows[i].at, s->key.slice_ms) - first;
        if (place != last)
            slices[count++] = slices[place];
        last = place;
    }
    return count;
}

static int take_events(const stream *s, nip_error **err)
{
    const nip__fresh *fresh = s->fresh;
    int64_t slice = s->key.slice_ms;
    bool told = is_told(fresh);
    if (told && (s->rows[0].at < fresh->begin || s->rows[s->count - 1].at >= fresh->end))
        return outside(s, s->rows[0].at < fresh->begin ? &s->rows[0] : &s->rows[s->count - 1], err);
    int64_t first = told ? fresh->begin / slice : floored(s->rows[0].at, slice);
    int64_t end = told ? fresh->end / slice : floored(s->rows[s->count - 1].at, slice) + 1;
    if (end - first > NIP__COUNTS_SLICES_MAX)
        return nip__fail(err, NIP_E_LIMIT, "%s: it spans %lld slices, and %d are the most at once", fresh->name, (long long)(end - first), NIP__COUNTS_SLICES_MAX);
    nip__slice *slices = nip__calloc((size_t)(end - first), sizeof *slices);
    if (slices == NULL)
        return nip__nomem(err);
    int rc = fill(s, slices, first, end, err);
    if (rc == 0)
        rc = nip__state_put(s->state, &s->key, slices, told ? (size_t)(end - first) : only_with_rows(s, slices, first), err);
    nip__free(slices);
    return rc;
}

/* Whole slices between the first sample and the last: how it was before and after them nobody told. */
static int take_samples(const stream *s, nip_error **err)
{
    int64_t slice = s->key.slice_ms;
    int64_t first = is_told(s->fresh) ? s->fresh->begin / slice : -floored(-s->rows[0].at, slice);
    int64_t end = is_told(s->fresh) ? s->fresh->end / slice : floored(s->rows[s->count - 1].at, slice);
    if (first >= end)
        return nip__fail(err, NIP_E_INVALID, "%s: the samples of stream \"%s\" span no whole slice: say from when to when they are", s->fresh->name, s->key.stream);
    nip__timeline timeline = {0};
    nip__standing_sample *samples = nip__calloc(s->count, sizeof *samples);
    if (samples == NULL)
        return nip__nomem(err);
    for (size_t i = 0; i < s->count; i++)
        samples[i] = (nip__standing_sample){s->rows[i].at, s->rows[i].standing};
    int rc = nip__timeline_of_samples(samples, s->count, first * slice, end * slice, s->fresh->indicator->max_gap_ms, &timeline, err);
    if (rc == 0)
        rc = nip__state_put_timeline(s->state, &s->key, s->fresh->revision, &timeline, first, end, err);
    nip__timeline_clear(&timeline);
    nip__free(samples);
    return rc;
}

/* ---- all of them ---- */

static nip__track_kind track_kind(const nip__indicator *indicator)
{
    static const nip__track_kind kinds[] = {
        [NIP__INDICATOR_TIME] = NIP__TRACK_TIME, [NIP__INDICATOR_EVENTS] = NIP__TRACK_EVENTS, [NIP__INDICATOR_LATENCY] = NIP__TRACK_LATENCY};
    return kinds[indicator->kind];
}

/* What is of no declared instance would never be looked at. */
static int check_stream(const nip__fresh *fresh, const char *name, nip_error **err)
{
    const nip__indicator *indicator = fresh->indicator;
    for (size_t i = 0; i < indicator->instance_count; i++) {
        if (nip__text_equal(indicator->instances[i].name, name))
            return 0;
    }
    if (indicator->instance_count == 0)
        return 0;
    return nip__fail(err, NIP_E_INVALID, "%s: stream \"%.64s\" is no instance of %s; its first one is \"%.64s\"", fresh->name, name, indicator->name,
                     indicator->instances[0].name);
}

static int take_stream(nip__state *state, const nip__fresh *fresh, const nip__sla_row *rows, size_t count, nip_error **err)
{
    stream s = {.fresh = fresh, .state = state, .rows = rows, .count = count};
    int rc = check_stream(fresh, rows[0].stream, err);
    if (rc < 0)
        return rc;
    rc = nip__track_key_make(fresh->indicator->definition, rows[0].stream, track_kind(fresh->indicator), fresh->indicator->slice_ms, &s.key, err);
    if (rc < 0)
        return rc;
    return fresh->indicator->kind == NIP__INDICATOR_TIME ? take_samples(&s, err) : take_events(&s, err);
}

/* Of several samples of one stream at one instant the last one counts: the worst, whatever order they came in. */
static int badness(nip__standing standing)
{
    static const int order[] = {[NIP__UP] = 0, [NIP__UNKNOWN] = 1, [NIP__DOWN] = 2};
    return order[standing];
}

static int by_stream_and_instant(const void *a, const void *b)
{
    const nip__sla_row *one = a, *other = b;
    int order = strcmp(one->stream, other->stream);
    if (order == 0)
        order = (one->at > other->at) - (one->at < other->at);
    return order != 0 ? order : badness(one->standing) - badness(other->standing);
}

/* Rows mostly come sorted. */
static bool is_sorted(const nip__sla_rows *rows)
{
    for (size_t i = 1; i < rows->count; i++) {
        if (by_stream_and_instant(&rows->items[i - 1], &rows->items[i]) > 0)
            return false;
    }
    return true;
}

static int check(const nip__fresh *fresh, const nip__sla_rows *rows, nip_error **err)
{
    bool events = fresh->indicator->kind != NIP__INDICATOR_TIME;
    int64_t slice = fresh->indicator->slice_ms;
    if (rows->count == 0)
        return nip__fail(err, NIP_E_INVALID, "%s: there is no row in it", fresh->name);
    if (rows->events != events)
        return nip__fail(err, NIP_E_INVALID, "%s: %s is an indicator of %s, whose rows have %s", fresh->name, fresh->indicator->name, events ? "events" : "time",
                         events ? "two of good, bad and total" : "at and up");
    if (is_told(fresh) && (fresh->begin % slice != 0 || fresh->end % slice != 0))
        return nip__fail(err, NIP_E_INVALID, "begin and end must be multiples of the slices of %s, which are %lld ms long", fresh->indicator->name, (long long)slice);
    return 0;
}

int nip__fresh_take(nip__state *state, const nip__fresh *fresh, nip__sla_rows *rows, nip_error **err)
{
    int rc = check(fresh, rows, err);
    if (rc == 0 && !is_sorted(rows))
        qsort(rows->items, rows->count, sizeof *rows->items, by_stream_and_instant);
    for (size_t first = 0, end; rc == 0 && first < rows->count; first = end) {
        for (end = first + 1; end < rows->count && nip__text_equal(rows->items[end].stream, rows->items[first].stream);)
            end++;
        rc = take_stream(state, fresh, &rows->items[first], end - first, err);
    }
    return rc;
}
