/* Counts by bucket and slice, where histograms of different bounds come together. */
#ifndef NIP__CELLS_H
#define NIP__CELLS_H

#include "sla/counts.h"

typedef struct nip__cells {
    double *bounds; /* of all histograms, rising */
    size_t bound_count;
    int64_t first;  /* index of the first slice */
    int64_t *upto;  /* [slice][bound]: events up to the bound; -1: one of the histograms that counted there does not have it. NULL: not kept */
} nip__cells;

/* From bounds in rising order, with or without repetitions. `keep`: counts are wanted. Sets `bound_count` in any case. 0, NIP_E_LIMIT, NIP_E_NOMEM. */
int nip__cells_open(nip__cells *cells, const nip__bucket_series *const *series, size_t count, const nip__counts_range *range, bool keep,
                    nip_error **err);
size_t nip__cells_bound(const nip__cells *cells, double bound); /* its place among all */
/* Gives the slices their layouts and counts. 0, NIP_E_LIMIT, NIP_E_NOMEM. */
int nip__cells_close(const nip__cells *cells, nip__count_slices *out, nip_error **err);
void nip__cells_clear(nip__cells *cells);

#endif
