/* Counters that begin while nobody sees their target: new ones, whose first value was counted since, or old ones that were away for long, of whose
 * value nobody knows when it was counted. Whether they had been there before is to be found out before events and latencies are counted. */
#ifndef NIP__NEWCOMERS_H
#define NIP__NEWCOMERS_H

#include "sla/contract.h"
#include "sla/siblings.h"

typedef struct nip__newcomers {
    nip__sample_series **items; /* owned; the series are borrowed */
    size_t count;
} nip__newcomers;

/* Of the sets of an indicator (NULL: not asked), asked for slices from `first` on, after nip__sampled_look. Of histograms the infinite bucket stands for all. NIP_E_NOMEM. */
int nip__newcomers_find(const nip__indicator *indicator, nip__sample_set *const *sets, size_t count, int64_t first, nip__newcomers *newcomers);
void nip__newcomers_clear(nip__newcomers *newcomers);

#endif
