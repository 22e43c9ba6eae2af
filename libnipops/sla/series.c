/* What a series comes to in a set of stretches of time. */
#include "sla/series.h"

#include "base/memory.h"
#include "sla/series_inside.h"

static nip__track_kind kind_of(const nip__indicator *indicator)
{
    static const nip__track_kind kinds[] = {
        [NIP__INDICATOR_TIME] = NIP__TRACK_TIME,
        [NIP__INDICATOR_EVENTS] = NIP__TRACK_EVENTS,
        [NIP__INDICATOR_LATENCY] = NIP__TRACK_LATENCY,
    };
    return kinds[indicator->kind];
}

bool nip__series_has(const nip__series *series, const nip__track *track)
{
    return track->key.kind == kind_of(series->indicator) && track->key.slice_ms == series->indicator->slice_ms;
}

int nip__series_open(const nip__state *state, const nip__indicator *indicator, nip__ms begin, nip__ms end, int64_t hold_ms, nip__series **series,
                     nip_error **err)
{
    nip__series *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    *made = (nip__series){.state = state, .indicator = indicator, .begin = begin, .end = end, .hold_ms = hold_ms};
    made->track_count = nip__state_tracks(state, indicator->definition, &made->first_track);
    int rc = indicator->kind == NIP__INDICATOR_TIME ? nip__series_open_time(made, err) : nip__series_open_events(made, err);
    if (rc < 0)
        nip__series_free(made);
    else
        *series = made;
    return rc;
}

void nip__series_free(nip__series *series)
{
    if (series == NULL)
        return;
    int64_t *const arrays[] = {series->good, series->bad, series->unsure, series->known, series->conflict};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        nip__free(arrays[i]);
    nip__timeline_clear(&series->timeline);
    nip__free(series);
}

/* ---- events ---- */

static int64_t ceiling(int64_t at, int64_t step)
{
    return at / step + (at % step > 0);
}

static int64_t floored(int64_t at, int64_t step)
{
    return at / step - (at % step < 0);
}

size_t nip__series_places(const nip__series *series, nip__span span, size_t *first)
{
    int64_t slice = series->indicator->slice_ms, last = series->first + (int64_t)series->count;
    int64_t begin = ceiling(span.begin, slice), end = floored(span.end, slice);
    begin = begin < series->first ? series->first : begin;
    end = end > last ? last : end;
    *first = begin < end ? (size_t)(begin - series->first) : 0;
    return begin < end ? (size_t)(end - begin) : 0;
}

bool nip__series_knows(const nip__series *series, size_t place)
{
    return series->known[place + 1] > series->known[place];
}

static void sum_events(const nip__series *series, const nip__spans *counted, nip__series_sum *sum)
{
    for (size_t i = 0; i < counted->count; i++) {
        size_t first, count = nip__series_places(series, counted->items[i], &first), end = first + count;
        if (count == 0)
            continue;
        sum->good += series->good[end] - series->good[first];
        sum->bad += series->bad[end] - series->bad[first];
        sum->unsure += series->unsure[end] - series->unsure[first];
        sum->covered += (series->known[end] - series->known[first]) * series->indicator->slice_ms;
        sum->conflicts += series->conflict[end] - series->conflict[first];
    }
    sum->missing = nip__spans_length(counted) - sum->covered;
}

/* ---- time ---- */

/* Of what is in both. */
static int64_t shared_length(const nip__spans *set, nip__ms begin, nip__ms end)
{
    int64_t length = 0;
    for (size_t i = nip__spans_past(set, begin); i < set->count && set->items[i].begin < end; i++) {
        nip__ms from = set->items[i].begin > begin ? set->items[i].begin : begin, to = set->items[i].end < end ? set->items[i].end : end;
        length += to - from;
    }
    return length;
}

/* What is unknown counts as what was before it, for so long. */
static void hold_on(const nip__series *series, const nip__spans *counted, nip__series_sum *sum)
{
    const nip__timeline *timeline = &series->timeline;
    for (size_t i = 1; i < timeline->count; i++) {
        nip__ms begin = timeline->items[i - 1].end, end = timeline->items[i].end;
        if (timeline->items[i].standing != NIP__UNKNOWN)
            continue;
        int64_t held = shared_length(counted, begin, end - begin > series->hold_ms ? begin + series->hold_ms : end);
        *(timeline->items[i - 1].standing == NIP__UP ? &sum->held_up : &sum->held_down) += held;
    }
}

static void sum_time(const nip__series *series, const nip__spans *counted, nip__series_sum *sum)
{
    nip__standing_totals totals = nip__timeline_within(&series->timeline, counted);
    sum->good = totals.ms[NIP__UP];
    sum->bad = totals.ms[NIP__DOWN];
    sum->covered = sum->good + sum->bad;
    sum->missing = totals.ms[NIP__UNKNOWN];
    sum->conflicts = series->conflicts;
    if (series->hold_ms > 0)
        hold_on(series, counted, sum);
}

nip__series_sum nip__series_sum_of(const nip__series *series, const nip__spans *counted)
{
    nip__series_sum sum = {0};
    if (series->indicator->kind == NIP__INDICATOR_TIME)
        sum_time(series, counted, &sum);
    else
        sum_events(series, counted, &sum);
    return sum;
}
