/* What events and latencies from samples have in common. */
#ifndef NIP__SAMPLED_INSIDE_H
#define NIP__SAMPLED_INSIDE_H

#include "sla/parts.h"
#include "sla/sampled.h"

int64_t nip__sampled_horizon(const nip__indicator *indicator);
nip__parts_rule nip__sampled_rule(const nip__indicator *indicator, int64_t first, int64_t end, const nip__siblings *siblings);
nip__counts_range nip__sampled_range(const nip__indicator *indicator, int64_t first, int64_t end);

/* The bound of a histogram's bucket, by its label; false: it has none. */
bool nip__sampled_bound(const nip__sample_series *series, double *bound);
void nip__sampled_parts(nip__sampled *out, const nip__parts_told *told);
/* Slices of counters into the state, and what is told of them. */
int nip__sampled_put(const nip__indicator *indicator, nip__track_kind kind, const nip__count_slices *slices, nip__sampled *out, nip_error **err);
/* What counting said: of samples it is told, and 0; else it is handed on. Takes `found`. */
int nip__sampled_failed(nip__sampled *out, int rc, nip_error *found, nip_error **err);

#endif
