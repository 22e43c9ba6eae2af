/* One indicator over a stretch of time, its streams brought together: what reports read.
 *
 * Events of several streams are parts of one sum: a slice is known when all streams know it that have reported before it and after it (before its first
 * slice a stream was not there yet, behind its last one it has retired); or, where observers are redundant, what the first stream says that
 * knows it. Time is that of the declared instances, k of n of them; where none are declared, of all that were ever seen.
 * What is in conflict is not known. */
#ifndef NIP__SERIES_H
#define NIP__SERIES_H

#include "sla/answer.h"
#include "sla/contract.h"

typedef struct nip__series nip__series;

/* [begin, end); what lies shortly before it is looked at where something is held on to (`hold_ms`; 0: nothing is). `state` and `indicator` are borrowed
 * until it is freed. NIP_E_LIMIT: more than NIP__COUNTS_SLICES_MAX slices; NIP_E_NOMEM. Owned. */
int nip__series_open(const nip__state *state, const nip__indicator *indicator, nip__ms begin, nip__ms end, int64_t hold_ms, nip__series **series,
                     nip_error **err);
void nip__series_free(nip__series *series); /* NULL is fine */

typedef struct nip__series_sum {
    int64_t good, bad, unsure; /* events, or ms */
    int64_t covered, missing;  /* ms; both add up to the set's length */
    int64_t held_up, held_down; /* of what is missing */
    int64_t conflicts;         /* slices, of all streams */
} nip__series_sum;

/* Of what lies in `counted`, which lies within [begin, end). Events are counted by whole slices: what of the set is less than one is missing. */
nip__series_sum nip__series_sum_of(const nip__series *series, const nip__spans *counted);

/* The quantile of latencies in `counted`; not present where there are none, or not all are kept by buckets. */
nip__sla_quantile nip__series_quantile(const nip__series *series, const nip__spans *counted, double quantile);

/* What was bad and what was known of `counted`, slice by slice, cumulated as nip__burn_history says; `end` or earlier. The arrays are owned. */
int nip__series_history(const nip__series *series, const nip__spans *counted, nip__ms end, nip__burn_history *history, nip_error **err);
void nip__burn_history_clear(nip__burn_history *history);

#endif
