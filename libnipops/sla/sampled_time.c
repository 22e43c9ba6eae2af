/* Up and down: samples of each stream as its timeline. */
#include "sla/sampled_inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- what a sample says ---- */

static bool at_least(double value, double limit) { return value >= limit; }
static bool above(double value, double limit) { return value > limit; }
static bool at_most(double value, double limit) { return value <= limit; }
static bool below(double value, double limit) { return value < limit; }
static bool equal(double value, double limit) { return value == limit; }
static bool unequal(double value, double limit) { return value != limit; }

static bool (*const comparisons[])(double, double) = {
    [NIP__AT_LEAST] = at_least, [NIP__ABOVE] = above, [NIP__AT_MOST] = at_most,
    [NIP__BELOW] = below,       [NIP__EQUAL] = equal, [NIP__UNEQUAL] = unequal,
};

static nip__standing standing_of(const nip__indicator *indicator, double value)
{
    if (isnan(value))
        return NIP__UNKNOWN;
    return comparisons[indicator->up_when](value, indicator->up_value) ? NIP__UP : NIP__DOWN;
}

/* ---- one stream ---- */

typedef struct member {
    const char *stream;
    const nip__sample_series *series;
    size_t last; /* 1 + the place of its moment before the one at hand; 0: there was none */
} member;

typedef struct moment {
    nip__ms at;
    double value;
    member *of;
} moment;

typedef struct walk {
    const nip__indicator *indicator;
    int64_t first, end;
    nip__sampled *out;
    member *members; /* by stream */
    size_t count;
    bool *known; /* by slice */
} walk;

static int by_instant(const void *a, const void *b)
{
    const moment *x = a, *y = b;
    int order = (x->at > y->at) - (x->at < y->at);
    return order != 0 ? order : strcmp(x->of->series->name, y->of->series->name);
}

/* All samples of a stream, whichever of its series they are of. */
static moment *gather(member *members, size_t count, size_t *total)
{
    *total = 0;
    for (size_t i = 0; i < count; i++)
        *total += members[i].series->count;
    moment *all = nip__calloc(*total + 1, sizeof *all);
    moment *next = all;
    for (size_t i = 0; all != NULL && i < count; i++) {
        for (size_t s = 0; s < members[i].series->count; s++)
            *next++ = (moment){members[i].series->samples[s].at, members[i].series->samples[s].value, &members[i]};
    }
    if (all != NULL && count > 1)
        qsort(all, *total, sizeof *all, by_instant);
    return all;
}

/* What others say while a series speaks, or several at one instant, nobody knows: that becomes NaN. A series that follows on another is none of that.
 * The first such moment; NULL: there is none. NIP_E_NOMEM. */
static int find_contested(moment *all, size_t count, int64_t max_gap, const moment **first)
{
    int32_t *marks = nip__calloc(count + 1, sizeof *marks), contested = 0; /* how many stretches begin at a moment, less those that have ended */
    if (marks == NULL)
        return NIP_E_NOMEM;
    for (size_t i = 0; i < count; i++) {
        member *of = all[i].of;
        bool other = i > 0 && all[i - 1].of != of, speaks = of->last > 0 && all[i].at - all[of->last - 1].at <= max_gap;
        size_t begin = other && speaks ? of->last : i, end = i;
        if (other && all[i - 1].at == all[i].at) {
            begin = begin < i - 1 ? begin : i - 1;
            end = i + 1;
        }
        marks[begin] += begin < end;
        marks[end] -= begin < end;
        of->last = i + 1;
    }
    *first = NULL;
    for (size_t i = 0; i < count; i++) {
        contested += marks[i];
        if (contested == 0)
            continue;
        *first = *first != NULL ? *first : &all[i];
        all[i].value = NAN;
    }
    nip__free(marks);
    return 0;
}

static int make_timeline(const walk *all, const moment *moments, size_t count, nip__timeline *timeline, nip_error **err)
{
    nip__standing_sample *samples = nip__calloc(count + 1, sizeof *samples);
    if (samples == NULL)
        return nip__nomem(err);
    for (size_t i = 0; i < count; i++)
        samples[i] = (nip__standing_sample){moments[i].at, standing_of(all->indicator, moments[i].value)};
    int64_t slice = all->indicator->slice_ms;
    int rc = nip__timeline_of_samples(samples, count, all->first * slice, all->end * slice, all->indicator->max_gap_ms, timeline, err);
    nip__free(samples);
    return rc;
}

static int put_slices(walk *all, const nip__track_key *key, const nip__timeline *timeline, int64_t from, int64_t to, nip_error **err)
{
    if (from < to)
        memset(&all->known[from - all->first], true, (size_t)(to - from));
    return nip__state_put_timeline(all->out->state, key, 0, timeline, from, to, err);
}

/* Slices of which something is known. One that nobody saw is not in the state: it was not found unknown, it was not found. */
static int put_known(walk *all, const nip__track_key *key, const nip__timeline *timeline, nip_error **err)
{
    int64_t slice = all->indicator->slice_ms, from = all->first, to = all->first;
    nip__ms begin = timeline->begin;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < timeline->count; begin = timeline->items[i++].end) {
        if (timeline->items[i].standing == NIP__UNKNOWN)
            continue;
        int64_t first = all->first + (begin - timeline->begin) / slice;
        if (first > to) {
            rc = put_slices(all, key, timeline, from, to, err);
            from = first;
        }
        to = all->first + (timeline->items[i].end - timeline->begin + slice - 1) / slice;
    }
    return rc < 0 ? rc : put_slices(all, key, timeline, from, to, err);
}

static int put_stream(walk *all, const char *stream, const moment *moments, size_t count, nip_error **err)
{
    nip__track_key key;
    nip__timeline timeline = {0};
    nip_error *found = NULL;
    int rc = nip__track_key_make(all->indicator->definition, stream, NIP__TRACK_TIME, all->indicator->slice_ms, &key, &found);
    if (rc == 0)
        rc = make_timeline(all, moments, count, &timeline, &found);
    if (rc < 0)
        return nip__sampled_failed(all->out, rc, found, err);
    rc = put_known(all, &key, &timeline, err);
    nip__timeline_clear(&timeline);
    return rc;
}

static int take_stream(walk *all, member *members, size_t count, nip_error **err)
{
    size_t total = 0;
    moment *moments = gather(members, count, &total);
    if (moments == NULL)
        return nip__nomem(err);
    const moment *twice = NULL;
    int rc = count > 1 && find_contested(moments, total, all->indicator->max_gap_ms, &twice) < 0 ? nip__nomem(err) : 0;
    if (twice != NULL)
        nip__sampled_tell(all->out, "the stream \"%.128s\" has several series at once, %.150s is one of them; nobody knows which is right: let the query "
                          "find one for each %s", members->stream, twice->of->series->name,
                          all->indicator->instance_label != NULL ? all->indicator->instance_label : "instant, or set instance_label");
    if (rc == 0)
        rc = put_stream(all, members->stream, moments, total, err);
    nip__free(moments);
    return rc;
}

/* ---- all of them ---- */

static int by_stream(const void *a, const void *b)
{
    return strcmp(((const member *)a)->stream, ((const member *)b)->stream);
}

static int list_members(walk *all, const nip__sample_set *set)
{
    all->members = nip__calloc(set->count + 1, sizeof *all->members);
    all->known = nip__calloc((size_t)(all->end - all->first) + 1, sizeof *all->known);
    if (all->members == NULL || all->known == NULL)
        return NIP_E_NOMEM;
    for (size_t i = 0; i < set->count; i++) {
        const char *label = all->indicator->instance_label;
        const char *value = label != NULL ? nip__sample_label(&set->items[i], label) : NULL;
        if (set->items[i].count > 0)
            all->members[all->count++] = (member){.stream = value != NULL ? value : "", .series = &set->items[i]};
    }
    qsort(all->members, all->count, sizeof *all->members, by_stream);
    return 0;
}

static int take_streams(walk *all, nip_error **err)
{
    int rc = 0;
    for (size_t from = 0, to; rc == 0 && from < all->count; from = to) {
        for (to = from + 1; to < all->count && by_stream(&all->members[from], &all->members[to]) == 0;)
            to++;
        rc = take_stream(all, &all->members[from], to - from, err);
    }
    return rc;
}

int nip__sampled_time(const nip__indicator *indicator, const nip__sample_set *set, int64_t first, int64_t end, nip__sampled *out, nip_error **err)
{
    walk all = {.indicator = indicator, .first = first, .end = end, .out = out};
    int64_t known = 0;
    int rc = list_members(&all, set) < 0 ? nip__nomem(err) : take_streams(&all, err);
    for (int64_t i = 0; all.known != NULL && i < end - first; i++)
        known += all.known[i];
    if (rc == 0 && all.count == 0)
        nip__sampled_tell(out, "query: no series has samples there");
    out->known += known;
    out->missing += end - first - known;
    nip__free(all.members);
    nip__free(all.known);
    return rc;
}
