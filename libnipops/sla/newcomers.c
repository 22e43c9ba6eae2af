/* See newcomers.h. */
#include "sla/newcomers.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "sla/sampled_inside.h"

void nip__newcomers_clear(nip__newcomers *newcomers)
{
    nip__free(newcomers->items);
    *newcomers = (nip__newcomers){0};
}

static bool matters(const nip__indicator *indicator, const nip__sample_series *series)
{
    double bound;
    return indicator->kind == NIP__INDICATOR_EVENTS || (nip__sampled_bound(series, &bound) && bound == INFINITY);
}

static bool is_newcomer(const nip__indicator *indicator, const nip__siblings *siblings, const nip__sample_series *series, nip__ms begin)
{
    return series->count > 0 && series->samples[0].at > begin && matters(indicator, series) &&
           !nip__siblings_seen(siblings, series, series->samples[0].at, indicator->max_gap_ms);
}

static size_t count_series(nip__sample_set *const *sets, size_t count)
{
    size_t all = 0;
    for (size_t i = 0; i < count; i++)
        all += sets[i] != NULL ? sets[i]->count : 0;
    return all;
}

int nip__newcomers_find(const nip__indicator *indicator, nip__sample_set *const *sets, size_t count, int64_t first, nip__newcomers *newcomers)
{
    nip__siblings siblings = {0};
    nip__newcomers made = {.items = nip__calloc(count_series(sets, count) + 1, sizeof *made.items)};
    int rc = made.items == NULL ? NIP_E_NOMEM : nip__siblings_find(&siblings, sets, count);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        for (size_t s = 0; sets[i] != NULL && s < sets[i]->count; s++) {
            if (is_newcomer(indicator, &siblings, &sets[i]->items[s], first * indicator->slice_ms))
                made.items[made.count++] = &sets[i]->items[s];
        }
    }
    nip__siblings_clear(&siblings);
    if (rc < 0)
        nip__newcomers_clear(&made);
    else
        *newcomers = made;
    return rc;
}
