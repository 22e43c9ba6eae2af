/* Standings from samples, and how long each lasted. */
#include "sla/timeline.h"

#include "base/memory.h"

static bool is_instant(nip__ms at)
{
    return at >= -NIP__MS_MAX && at <= NIP__MS_MAX;
}

void nip__timeline_clear(nip__timeline *timeline)
{
    nip__free(timeline->items);
    *timeline = (nip__timeline){0};
}

nip__ms nip__timeline_end(const nip__timeline *timeline)
{
    return timeline->count == 0 ? timeline->begin : timeline->items[timeline->count - 1].end;
}

int nip__timeline_append(nip__timeline *timeline, nip__ms end, nip__standing standing)
{
    if (end <= nip__timeline_end(timeline))
        return 0;
    if (timeline->count > 0 && timeline->items[timeline->count - 1].standing == standing) {
        timeline->items[timeline->count - 1].end = end;
        return 0;
    }
    nip__stretch *grown = nip__grow(timeline->items, &timeline->capacity, timeline->count, sizeof *grown);
    if (grown == NULL)
        return NIP_E_NOMEM;
    timeline->items = grown;
    timeline->items[timeline->count++] = (nip__stretch){end, standing};
    return 0;
}

static int check_samples(const nip__standing_sample *samples, size_t count, nip_error **err)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_instant(samples[i].at))
            return nip__fail(err, NIP_E_INVALID, "sample %zu: its instant is out of range", i);
        if (i > 0 && samples[i].at < samples[i - 1].at)
            return nip__fail(err, NIP_E_INVALID, "sample %zu is older than the one before it: samples must come in the order of their instants", i);
        if (samples[i].standing > NIP__UP)
            return nip__fail(err, NIP_E_INVALID, "sample %zu: its standing is none of unknown, down and up", i);
    }
    return 0;
}

/* Where the sample's word ends. */
static nip__ms held_until(const nip__standing_sample *samples, size_t count, size_t i, int64_t max_gap, nip__ms end)
{
    nip__ms until = max_gap > end - samples[i].at ? end : samples[i].at + max_gap;
    if (i + 1 < count && samples[i + 1].at < until)
        until = samples[i + 1].at;
    return until < end ? until : end;
}

int nip__timeline_of_samples(const nip__standing_sample *samples, size_t count, nip__ms begin, nip__ms end, int64_t max_gap,
                             nip__timeline *out, nip_error **err)
{
    NIP_ARG(count == 0 || samples != NULL);
    NIP_ARG(is_instant(begin) && is_instant(end) && begin <= end);
    NIP_ARG(max_gap >= 1);
    nip__timeline made = {.begin = begin};
    int rc = check_samples(samples, count, err);
    bool appended = true;
    for (size_t i = 0; rc == 0 && appended && i < count && samples[i].at < end; i++) {
        /* Whatever lies before the sample and was not held is unknown; before `begin`, appending does nothing. */
        nip__ms until = held_until(samples, count, i, max_gap, end);
        appended = nip__timeline_append(&made, samples[i].at, NIP__UNKNOWN) == 0 && nip__timeline_append(&made, until, samples[i].standing) == 0;
    }
    if (rc == 0 && (!appended || nip__timeline_append(&made, end, NIP__UNKNOWN) != 0))
        rc = nip__nomem(err);
    if (rc == 0)
        *out = made;
    else
        nip__timeline_clear(&made);
    return rc;
}

/* The first stretch that ends after `at`; count: none. */
static size_t stretch_holding(const nip__timeline *timeline, nip__ms at)
{
    size_t low = 0, high = timeline->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (timeline->items[middle].end > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

nip__standing nip__timeline_at(const nip__timeline *timeline, nip__ms at)
{
    size_t i = stretch_holding(timeline, at);
    return at >= timeline->begin && i < timeline->count ? timeline->items[i].standing : NIP__UNKNOWN;
}

nip__standing_totals nip__timeline_total(const nip__timeline *timeline, nip__ms begin, nip__ms end)
{
    nip__standing_totals totals = {{0}};
    if (begin >= end)
        return totals;
    nip__ms at = begin > timeline->begin ? begin : timeline->begin;
    for (size_t i = stretch_holding(timeline, at); i < timeline->count && at < end; i++) {
        nip__ms until = timeline->items[i].end < end ? timeline->items[i].end : end;
        totals.ms[timeline->items[i].standing] += until - at;
        at = until;
    }
    totals.ms[NIP__UNKNOWN] = end - begin - totals.ms[NIP__DOWN] - totals.ms[NIP__UP];
    return totals;
}

nip__standing_totals nip__timeline_within(const nip__timeline *timeline, const nip__spans *set)
{
    nip__standing_totals sum = {{0}};
    for (size_t i = 0; i < set->count; i++) {
        nip__standing_totals totals = nip__timeline_total(timeline, set->items[i].begin, set->items[i].end);
        for (int standing = NIP__UNKNOWN; standing <= NIP__UP; standing++)
            sum.ms[standing] += totals.ms[standing];
    }
    return sum;
}
