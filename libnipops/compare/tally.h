/* What comparing found, request by request, and the verdict on it. */
#ifndef NIP__COMPARE_TALLY_H
#define NIP__COMPARE_TALLY_H

#include "compare/differ.h"

typedef struct nip__tally nip__tally;

/* How it is judged, and how much of it is kept. */
typedef struct nip__tally_limits {
    double mismatches;         /* highest part of requests that may be answered otherwise, 0..1 */
    const nip__value *latency; /* {p50: percent, ...} beyond the old version's; may be NULL */
    double latency_floor;      /* seconds that are nothing in any case */
    int64_t min_samples;
    double alpha;     /* most probable false alarm of mismatches, and of all latencies together */
    bool baseline;    /* the old version is asked twice */
    int64_t examples; /* kept of each field */
} nip__tally_limits;

/* From the arguments of check/compare; what it points to lies in `arena`. */
void nip__tally_limits_read(nip__arena *arena, const nip__value *args, nip__tally_limits *limits);

/* The three answers to one request. */
typedef struct nip__answers {
    const char *method, *target;
    const nip__answer *old, *again, *fresh; /* again NULL: not asked */
} nip__answers;

/* `most` requests will be added at most. What `differ` and `limits` point to is borrowed until nip__tally_free. NULL: out of memory. */
nip__tally *nip__tally_new(const nip__differ *differ, const nip__tally_limits *limits, size_t most);
void nip__tally_free(nip__tally *tally);

int nip__tally_add(nip__tally *tally, const nip__answers *answers, nip_error **err);
/* This side lacked what a request needs: it says nothing of anybody. */
void nip__tally_lost(nip__tally *tally, const char *reason);

/* Everything that is known, as a map of docs/formats.md ("Comparison"), in `arena`, with its verdict. */
nip__value *nip__tally_result(nip__tally *tally, nip__arena *arena);

#endif
