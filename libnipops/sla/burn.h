/* Burn rates: how many times as fast as it may an error budget is spent. 1 spends just all of it in the period.
 *
 * Alerts go by pairs of windows, as the SRE workbook has them (chapter 5): one fires while the burn rate is above a factor in a long window, so
 * that it matters, and in a short one too, so that it ends soon after the trouble has. Comparisons are exact: at the factor itself all is silent. */
#ifndef NIP__BURN_H
#define NIP__BURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "sla/judge.h"
#include "sla/span.h"

typedef struct nip__burn_pair {
    const char *severity;      /* "page", "ticket" */
    nip__ratio factor;         /* fires above this burn rate ... */
    int64_t long_ms, short_ms; /* ... of both windows, */
    int64_t min_bad;           /* with at least so many bad things in the long one: a single request is no trend; 0: one is enough */
    int64_t for_ms;            /* at every evaluation of so long; 0: at the first one */
} nip__burn_pair;

/* Of a period of 30 days: 14.4 in 1h and 5m (2 % of the budget), 6 in 6h and 30m (5 %), 3 in 1d and 2h, 1 in 3d and 6h (10 % each). */
enum { NIP__BURN_DEFAULTS = 4 };
extern const nip__burn_pair nip__burn_defaults[NIP__BURN_DEFAULTS];

/* The factor that spends `part` of a period's budget within the long window: part * period / long. Of 2 % in an hour it is 14.4 where the period
 * has 30 days, 14.88 where it has 31. */
nip__ratio nip__burn_factor(nip__ratio part, int64_t period_ms, int64_t long_ms);

/* Can this pair ever fire, and be evaluated by such slices? 0, or NIP_E_INVALID: windows that are no multiples of a slice, a target of 100 %,
 * which has no budget, or a factor that is not reached even when all is bad. */
int nip__burn_check(const nip__burn_pair *pair, nip__ratio target, int64_t slice_ms, nip_error **err);

/* The burn rate of a window. whole 0: there were no events, or there is no budget. */
nip__sla_share nip__burn_rate(int64_t bad, int64_t total, nip__ratio target);

/* What was bad (events, or ms) and all that was known, slice by slice, cumulated: bad[i] is of all slices before slice i, so that each array has
 * count + 1 of them and none falls. What is not known adds to neither, so a window of which nothing is known has no burn rate: it fires nothing. */
typedef struct nip__burn_history {
    const int64_t *bad, *total;
    int64_t count;    /* slices */
    int64_t slice_ms;
    nip__ms begin;    /* of slice 0; before it there was nothing */
} nip__burn_history;

/* What was in a pair's windows. */
typedef struct nip__burn_windows {
    int64_t long_bad, long_total;
    int64_t short_bad, short_total;
} nip__burn_windows;

/* At the end of slice `slice`, 0 <= slice < count. */
nip__burn_windows nip__burn_windows_at(const nip__burn_history *history, const nip__burn_pair *pair, int64_t slice);
/* Is it over the factor in both, with enough that is bad? The pair has passed nip__burn_check. */
bool nip__burn_over(const nip__burn_pair *pair, nip__ratio target, const nip__burn_windows *windows);

/* One time that a pair fired. */
typedef struct nip__burn_alert {
    size_t pair;
    nip__ms pending;  /* since then it was over */
    nip__ms fired;
    nip__ms resolved; /* NIP__MS_MOST: not before the history ends */
    nip__burn_windows windows; /* when it fired */
} nip__burn_alert;

/* Zero-initialised: none. */
typedef struct nip__burn_alerts {
    nip__burn_alert *items;
    size_t count, capacity;
} nip__burn_alerts;

/* Which alerts would have fired, and when, had the pairs been evaluated at the end of every slice: by pair, then by time. Replaces `alerts`.
 * 0; NIP_E_INVALID as nip__burn_check; NIP_E_NOMEM. `alerts` is unchanged then. */
int nip__burn_replay(const nip__burn_history *history, const nip__burn_pair *pairs, size_t count, nip__ratio target, nip__burn_alerts *alerts,
                     nip_error **err);
void nip__burn_alerts_clear(nip__burn_alerts *alerts);

#endif
