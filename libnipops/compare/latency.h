/* Latencies of the old and the new version, told and judged. */
#ifndef NIP__COMPARE_LATENCY_H
#define NIP__COMPARE_LATENCY_H

#include "doc/value.h"

typedef struct nip__latencies {
    double *old, *fresh; /* seconds; get sorted */
    int64_t count;       /* of each */
    const nip__value
        *limits;  /* {"p50": percent, ...}: how much above the old version's the new one's may be; may be NULL */
    double floor; /* seconds beyond that which are nothing in any case */
    int64_t min_samples;
    double alpha;
} nip__latencies;

/* {bounds: [...], old: {count, p50, p90, p95, p99, max, buckets: [...]}, new: {...}, limits: [{quantile, verdict, ...}]}. */
nip__value *nip__latencies_result(nip__latencies *latencies, nip__arena *arena);
/* The worst verdict of a result's limits; pass when there are none. *why: one line, NULL when it passes. */
int nip__latencies_verdict(const nip__value *result, const char **why);

#endif
