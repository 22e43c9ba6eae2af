/* From raw samples to slices of a state: what each indicator measured, so that any stretch collected at once or in pieces gives the same slices.
 *
 * Only what is final is to be asked for: a slice is once max_gap has passed since its end. */
#ifndef NIP__SAMPLED_H
#define NIP__SAMPLED_H

#include "sla/contract.h"
#include "sla/sample_set.h"

enum { NIP__TOLD_MAX = 10 };

/* What is told to people: each text once, one line. */
typedef struct nip__told {
    const char *texts[NIP__TOLD_MAX]; /* the first ones */
    size_t count;                     /* of all */
} nip__told;

/* What came of slices [first, end). Each event, reset, birth and gap is told once, in whatever pieces time is collected. */
typedef struct nip__sampled {
    nip__state *state;        /* slices are put here */
    int64_t known, missing;   /* slices; of time, known is what one stream knows something of */
    int64_t samples, series;  /* that were looked at, those around the slices too */
    int64_t resets, births, gaps;
    int64_t unplaced, hidden; /* events in gaps, and in slices that are not known */
    int64_t absent;           /* samples that are NaN */
    int64_t inconsistent;     /* slices with more of the part than of the total */
    nip__arena *arena;        /* of texts */
    nip__told problems;       /* why slices are missing */
    nip__told remarks;
} nip__sampled;

void nip__told_add(nip__told *told, nip__arena *arena, const char *text);
void nip__sampled_tell(nip__sampled *out, const char *format, ...) NIP__PRINTF(2, 3); /* a problem */
void nip__sampled_remark(nip__sampled *out, const char *format, ...) NIP__PRINTF(2, 3);
/* Adds what came of more slices of the same indicator, whose texts go with it: of series the most there were at once. */
void nip__sampled_add(nip__sampled *sum, const nip__sampled *more);

/* The samples that these slices depend on: (after, upto]. */
void nip__sampled_window(const nip__indicator *indicator, int64_t first, int64_t end, nip__ms *after, nip__ms *upto);
/* How many slices from `first` on are final at `now`, as their end. */
int64_t nip__sampled_final(const nip__indicator *indicator, int64_t first, int64_t end, nip__ms now);

/* First of all, whatever there is in the sets: what is told of it; of counters, samples that are NaN leave them. Sets that were not asked are NULL. */
void nip__sampled_look(const nip__indicator *indicator, nip__sample_set *const *sets, size_t count, int64_t first, int64_t end, nip__sampled *out);

/* Then, newcomers known (sla/newcomers.h): 0, NIP_E_NOMEM, NIP_E_LIMIT (of a state). What is wrong with the samples is told, and slices stay missing. */
int nip__sampled_time(const nip__indicator *indicator, const nip__sample_set *set, int64_t first, int64_t end, nip__sampled *out, nip_error **err);
int nip__sampled_events(const nip__indicator *indicator, nip__sample_set *good, nip__sample_set *bad, nip__sample_set *total, int64_t first,
                        int64_t end, nip__sampled *out, nip_error **err);
int nip__sampled_latency(const nip__indicator *indicator, nip__sample_set *set, int64_t first, int64_t end, nip__sampled *out, nip_error **err);

#endif
