/* Up, down or unknown over a stretch of time, in exact milliseconds; from samples, and several brought together.
 *
 * A sample says how things stand from its instant until the next sample, but for `max_gap` at most: what lies beyond is unknown, neither up nor
 * down. Instants beyond 9e15 ms (some 285,000 years) are refused, so that no sum of two of them overflows. */
#ifndef NIP__TIMELINE_H
#define NIP__TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "sla/span.h"

typedef enum nip__standing {
    NIP__UNKNOWN = 0,
    NIP__DOWN = 1,
    NIP__UP = 2,
} nip__standing;

#define NIP__MS_MAX INT64_C(9000000000000000)

typedef struct nip__stretch {
    nip__ms end; /* it begins where the one before ends, the first one at the timeline's `begin` */
    nip__standing standing;
} nip__stretch;

/* Covers [begin, end of the last stretch) without a hole; neighbours differ, none is empty. Zero-initialised: of no length, and nothing is
 * known anywhere. */
typedef struct nip__timeline {
    nip__ms begin;
    nip__stretch *items;
    size_t count, capacity;
} nip__timeline;

typedef struct nip__standing_sample {
    nip__ms at;
    nip__standing standing; /* NIP__UNKNOWN: somebody looked, and could not tell */
} nip__standing_sample;

/* ms by standing: totals.ms[NIP__UP]. */
typedef struct nip__standing_totals {
    int64_t ms[3];
} nip__standing_totals;

/* [begin, end) from samples in the order of their instants; of several at one instant the last one counts. Samples before `begin` count by the
 * same rule (the last of them may reach into the stretch), those from `end` on do not.
 * `out` is overwritten on success, and owned (nip__timeline_clear). 0, NIP_E_INVALID (order, instants, max_gap < 1), NIP_E_NOMEM. */
int nip__timeline_of_samples(const nip__standing_sample *samples, size_t count, nip__ms begin, nip__ms end, int64_t max_gap,
                             nip__timeline *out, nip_error **err);
/* Lengthens it to `end`; nothing where it reaches as far already. 0 or NIP_E_NOMEM, unchanged then. */
int nip__timeline_append(nip__timeline *timeline, nip__ms end, nip__standing standing);
nip__ms nip__timeline_end(const nip__timeline *timeline);
nip__standing nip__timeline_at(const nip__timeline *timeline, nip__ms at); /* outside of it: unknown */
/* How long it stood how within [begin, end), or within the set; the three add up to the length asked. A binary search, then a walk. */
nip__standing_totals nip__timeline_total(const nip__timeline *timeline, nip__ms begin, nip__ms end);
nip__standing_totals nip__timeline_within(const nip__timeline *timeline, const nip__spans *set);
void nip__timeline_clear(nip__timeline *timeline);

/* --- Several ---------------------------------------------------------------------------------------------------------------------- */

/* One of n: an instance, or an observer. It is declared within [from, until); outside of that it is not one of the n. */
typedef struct nip__member {
    const nip__timeline *timeline; /* NULL: declared, but never seen: unknown throughout */
    nip__ms from, until;           /* INT64_MIN, INT64_MAX: always */
} nip__member;

typedef enum nip__agreement {
    NIP__K_OF_N,   /* up: at least k are; down: more than n - k are, so that k cannot be reached whatever the unknown ones do */
    NIP__ANY,      /* 1 of n */
    NIP__ALL,      /* n of n */
    NIP__MAJORITY, /* n/2 + 1 of n (whole division): up when more than half are, down when half or more are not */
    NIP__PREFER,   /* as the first declared member that knows says */
} nip__agreement;

/* [begin, end) of all members together, in three-valued logic: what the unknown ones could change is unknown. Where no member is declared,
 * it is unknown; where fewer than k are, it is down. `k` counts for NIP__K_OF_N only (>= 1). `out` is overwritten on success, and owned.
 * 0, NIP_E_INVALID, NIP_E_NOMEM. O(E log E) for E stretches in all; NIP__PREFER O(E members). */
int nip__timeline_combine(const nip__member *members, size_t count, nip__agreement agreement, int64_t k, nip__ms begin, nip__ms end,
                          nip__timeline *out, nip_error **err);

#endif
