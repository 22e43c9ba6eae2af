/* Instances over time, brought together. */
#include "base/memory.h"
#include "base/text.h"
#include "sla/series_inside.h"

static int append_slice(nip__timeline *timeline, const nip__slice *slice, nip__ms begin, nip__ms end)
{
    nip__ms at = begin;
    nip__standing only = slice->good > 0 ? NIP__UP : slice->bad > 0 ? NIP__DOWN : NIP__UNKNOWN;
    if (slice->conflict || slice->detail == NULL)
        return nip__timeline_append(timeline, end, slice->conflict ? NIP__UNKNOWN : only);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < slice->detail->count; i++) {
        at += slice->detail->items[i].value;
        rc = nip__timeline_append(timeline, at < end ? at : end, (nip__standing)slice->detail->items[i].bound);
    }
    return rc;
}

/* Slices that are not there are unknown. */
static int timeline_of(nip__series *series, const nip__track *track, nip__ms begin, nip__timeline *timeline)
{
    int64_t slice = track->key.slice_ms;
    int rc = 0;
    timeline->begin = begin;
    for (size_t i = nip__track_past(track, begin / slice - 1); rc == 0 && i < track->count; i++) {
        nip__ms from = track->items[i].index * slice, to = from + slice;
        if (from >= series->end)
            break;
        series->conflicts += track->items[i].conflict && to > series->begin;
        rc = nip__timeline_append(timeline, from, NIP__UNKNOWN);
        if (rc == 0)
            rc = append_slice(timeline, &track->items[i], from, to < series->end ? to : series->end);
    }
    return rc < 0 ? rc : nip__timeline_append(timeline, series->end, NIP__UNKNOWN);
}

typedef struct members {
    nip__member *items;
    nip__timeline *timelines;
    size_t count;
} members;

static int allocate(members *all, size_t count)
{
    all->items = nip__calloc(count + 1, sizeof *all->items);
    all->timelines = nip__calloc(count + 1, sizeof *all->timelines);
    all->count = count;
    return all->items == NULL || all->timelines == NULL ? NIP_E_NOMEM : 0;
}

static void clear(members *all)
{
    for (size_t i = 0; all->timelines != NULL && i < all->count; i++)
        nip__timeline_clear(&all->timelines[i]);
    nip__free(all->timelines);
    nip__free(all->items);
}

static int set_timeline(nip__series *series, members *all, size_t at, const nip__track *track, nip__ms begin)
{
    all->items[at].timeline = &all->timelines[at];
    return timeline_of(series, track, begin, &all->timelines[at]);
}

static int collect_declared(nip__series *series, members *all, nip__ms begin)
{
    const nip__indicator *indicator = series->indicator;
    int rc = allocate(all, indicator->instance_count);
    for (size_t i = 0; rc == 0 && i < indicator->instance_count; i++) {
        const nip__instance *instance = &indicator->instances[i];
        all->items[i] = (nip__member){.from = instance->from, .until = instance->until};
        for (size_t k = 0; rc == 0 && k < series->track_count; k++) {
            const nip__track *track = &series->state->tracks[series->first_track + k];
            if (nip__series_has(series, track) && nip__text_equal(track->key.stream, instance->name))
                rc = set_timeline(series, all, i, track, begin);
        }
    }
    return rc;
}

static int collect_seen(nip__series *series, members *all, nip__ms begin)
{
    int rc = allocate(all, series->track_count);
    all->count = 0;
    for (size_t k = 0; rc == 0 && k < series->track_count; k++) {
        const nip__track *track = &series->state->tracks[series->first_track + k];
        if (!nip__series_has(series, track))
            continue;
        size_t at = all->count++;
        all->items[at] = (nip__member){.from = INT64_MIN, .until = INT64_MAX};
        rc = set_timeline(series, all, at, track, begin);
    }
    return rc;
}

int nip__series_open_time(nip__series *series, nip_error **err)
{
    const nip__indicator *indicator = series->indicator;
    members all = {0};
    nip__ms begin = series->begin - series->hold_ms;
    int rc = indicator->instance_count > 0 ? collect_declared(series, &all, begin) : collect_seen(series, &all, begin);
    if (rc < 0)
        nip__nomem(err);
    else
        rc = nip__timeline_combine(all.items, all.count, indicator->agreement, indicator->k, begin, series->end, &series->timeline, err);
    clear(&all);
    return rc;
}
