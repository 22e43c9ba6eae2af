/* Sets of stretches of time. Instants lie in nip_time's range, so that no length and no sum of lengths overflows. */
#ifndef NIP__SPAN_H
#define NIP__SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nipops/base.h"

typedef int64_t nip__ms; /* an instant: milliseconds since the epoch, UTC */

#define NIP__MS_LEAST (INT64_MIN / 1000000 + 1)
#define NIP__MS_MOST (INT64_MAX / 1000000 - 1)

typedef struct nip__span {
    nip__ms begin, end; /* half-open */
} nip__span;

/* Sorted, disjoint, never touching, none empty. Zero-initialised: the empty set. */
typedef struct nip__spans {
    nip__span *items;
    size_t count, capacity;
} nip__spans;

/* The ms that holds an instant. NIP_TIME_NONE and NIP_TIME_MAX become the least and the most. */
nip__ms nip__ms_of(nip_time time);
nip_time nip__ms_time(nip__ms at);

/* The union with one stretch; an empty one, or one that ends before it begins, adds nothing. 0 or NIP_E_NOMEM; the set is unchanged then. */
int nip__spans_add(nip__spans *set, nip__ms begin, nip__ms end);
/* Each replaces `out`, which may be one of the others. 0 or NIP_E_NOMEM; `out` is unchanged then. */
int nip__spans_union(const nip__spans *a, const nip__spans *b, nip__spans *out);
int nip__spans_intersect(const nip__spans *a, const nip__spans *b, nip__spans *out);
int nip__spans_subtract(const nip__spans *a, const nip__spans *b, nip__spans *out); /* of a, what b does not hold */
/* What lies in [begin, end). */
int nip__spans_clip(const nip__spans *set, nip__ms begin, nip__ms end, nip__spans *out);
/* Begins later and ends earlier, at multiples of `grid_ms` (> 0) since the epoch: whole slices only. What holds none is gone. */
int nip__spans_snap_inward(const nip__spans *set, int64_t grid_ms, nip__spans *out);

int64_t nip__spans_length(const nip__spans *set); /* ms in all */
bool nip__spans_hold(const nip__spans *set, nip__ms at);
/* How many stretches end at or before `at`: the index of the first one that matters from there on. */
size_t nip__spans_past(const nip__spans *set, nip__ms at);
void nip__spans_clear(nip__spans *set); /* frees; the empty set again */

#endif
