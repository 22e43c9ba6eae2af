/* A series as a history of burning: what was bad and what was known, slice by slice. */
#include "base/memory.h"
#include "sla/series_inside.h"

typedef struct sums {
    int64_t *bad, *total;
} sums;

static void add_time(const nip__series *series, nip__ms begin, nip__ms end, int64_t *bad, int64_t *total)
{
    nip__standing_totals totals = nip__timeline_total(&series->timeline, begin, end);
    *bad += totals.ms[NIP__DOWN];
    *total += totals.ms[NIP__UP] + totals.ms[NIP__DOWN];
}

/* A slice's part of a stretch; of events only a whole one has any. */
static void add_slice(const nip__series *series, nip__span span, int64_t index, int64_t *bad, int64_t *total)
{
    int64_t slice = series->indicator->slice_ms;
    nip__ms begin = index * slice, end = begin + slice;
    if (series->indicator->kind == NIP__INDICATOR_TIME) {
        add_time(series, begin > span.begin ? begin : span.begin, end < span.end ? end : span.end, bad, total);
        return;
    }
    size_t first, count = nip__series_places(series, (nip__span){begin, end}, &first);
    if (count == 0 || begin < span.begin || end > span.end)
        return;
    *bad += series->bad[first + 1] - series->bad[first] + series->unsure[first + 1] - series->unsure[first];
    *total += series->good[first + 1] - series->good[first] + series->bad[first + 1] - series->bad[first] + series->unsure[first + 1] -
              series->unsure[first];
}

static void add_span(const nip__series *series, nip__span span, int64_t first, int64_t count, sums *into)
{
    int64_t slice = series->indicator->slice_ms;
    int64_t from = span.begin / slice - (span.begin % slice < 0), to = span.end / slice + (span.end % slice > 0);
    from = from < first ? first : from;
    to = to > first + count ? first + count : to;
    for (int64_t index = from; index < to; index++)
        add_slice(series, span, index, &into->bad[index - first + 1], &into->total[index - first + 1]);
}

int nip__series_history(const nip__series *series, const nip__spans *counted, nip__ms end, nip__burn_history *out, nip_error **err)
{
    int64_t slice = series->indicator->slice_ms;
    int64_t first = series->begin / slice - (series->begin % slice < 0), last = end / slice - (end % slice < 0);
    int64_t count = last > first ? last - first : 0;
    if (count > NIP__COUNTS_SLICES_MAX)
        return nip__fail(err, NIP_E_LIMIT, "%lld slices at once: at most %d are judged", (long long)count, NIP__COUNTS_SLICES_MAX);
    sums all = {nip__calloc((size_t)count + 1, sizeof(int64_t)), nip__calloc((size_t)count + 1, sizeof(int64_t))};
    *out = (nip__burn_history){all.bad, all.total, count, slice, first * slice};
    if (all.bad == NULL || all.total == NULL) {
        nip__burn_history_clear(out);
        return nip__nomem(err);
    }
    for (size_t i = 0; i < counted->count; i++)
        add_span(series, counted->items[i], first, count, &all);
    for (int64_t i = 0; i < count; i++) {
        all.bad[i + 1] += all.bad[i];
        all.total[i + 1] += all.total[i];
    }
    return 0;
}

void nip__burn_history_clear(nip__burn_history *history)
{
    nip__free((void *)(uintptr_t)history->bad);
    nip__free((void *)(uintptr_t)history->total);
    *history = (nip__burn_history){0};
}
