/* Quantiles of latencies that were counted by bucket. The true one certainly lies in the bucket that holds its rank (nearest rank: the least value
 * that at least so great a share is not above). */
#include <math.h>

#include "base/memory.h"
#include "sla/series_inside.h"

/* Bounds that all slices have, and how many events are up to each of them. */
typedef struct shared {
    double bounds[NIP__COUNTS_BUCKETS_MAX];
    int64_t upto[NIP__COUNTS_BUCKETS_MAX];
    size_t count;
    bool begun;
    int64_t events; /* -1: some are not kept by bucket */
} shared;

typedef void visit(shared *all, const nip__slice *slice);

/* Known slices of all streams that count. */
static void visit_span(const nip__series *series, nip__span span, visit *each, shared *all)
{
    size_t first, count = nip__series_places(series, span, &first);
    int64_t begin = series->first + (int64_t)first, end = begin + (int64_t)count;
    for (size_t k = 0; k < series->track_count; k++) {
        const nip__track *track = &series->state->tracks[series->first_track + k];
        if (!nip__series_has(series, track))
            continue;
        for (size_t i = nip__track_past(track, begin); i < track->count && track->items[i].index < end; i++) {
            if (!track->items[i].conflict && nip__series_knows(series, (size_t)(track->items[i].index - series->first)))
                each(all, &track->items[i]);
        }
    }
}

static int64_t events_of(const nip__slice *slice)
{
    return slice->good + slice->bad + slice->unsure;
}

static bool has_bound(const nip__slice_detail *detail, double bound)
{
    for (size_t i = 0; i < detail->count; i++) {
        if (detail->items[i].bound == bound)
            return true;
    }
    return false;
}

static void share_bounds(shared *all, const nip__slice *slice)
{
    const nip__slice_detail *detail = slice->detail;
    size_t kept = 0;
    if (detail == NULL || detail->count > NIP__COUNTS_BUCKETS_MAX) {
        if (events_of(slice) > 0)
            all->events = -1;
        return;
    }
    if (!all->begun) {
        for (size_t i = 0; i < detail->count; i++)
            all->bounds[i] = detail->items[i].bound;
        kept = detail->count;
    }
    for (size_t i = 0; all->begun && i < all->count; i++) {
        if (has_bound(detail, all->bounds[i]))
            all->bounds[kept++] = all->bounds[i];
    }
    all->begun = true;
    all->count = kept;
}

static void add_counts(shared *all, const nip__slice *slice)
{
    const nip__slice_detail *detail = slice->detail;
    int64_t upto = 0;
    size_t at = 0;
    for (size_t i = 0; detail != NULL && i < detail->count; i++) {
        upto += detail->items[i].value;
        if (at < all->count && all->bounds[at] == detail->items[i].bound)
            all->upto[at++] += upto;
    }
    all->events += events_of(slice);
}

/* ceil(quantile * events), from 1; doubles hold both exactly enough, since a rank that is off by one is a neighbour in the same order. */
static int64_t rank_of(double quantile, int64_t events)
{
    int64_t rank = (int64_t)ceil(quantile * (double)events - 1e-9 * (double)events);
    return rank < 1 ? 1 : rank > events ? events : rank;
}

static nip__sla_quantile interval(const shared *all, double quantile, double limit)
{
    int64_t rank = rank_of(quantile, all->events);
    size_t at = 0;
    while (at + 1 < all->count && all->upto[at] < rank)
        at++;
    return (nip__sla_quantile){.present = true, .quantile = quantile, .lower = at > 0 ? all->bounds[at - 1] : 0, .upper = all->bounds[at], .limit = limit};
}

nip__sla_quantile nip__series_quantile(const nip__series *series, const nip__spans *counted, double quantile)
{
    shared all = {0};
    nip__sla_quantile none = {0};
    if (series->indicator->kind != NIP__INDICATOR_LATENCY || series->indicator->events_prefer)
        return none;
    for (size_t i = 0; i < counted->count; i++)
        visit_span(series, counted->items[i], share_bounds, &all);
    if (all.events < 0 || all.count == 0)
        return none;
    for (size_t i = 0; i < counted->count; i++)
        visit_span(series, counted->items[i], add_counts, &all);
    return all.events > 0 ? interval(&all, quantile, series->indicator->limit_seconds) : none;
}
