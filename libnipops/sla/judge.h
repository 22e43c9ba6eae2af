/* What the figures of one period say of an objective: its value, the bounds of it, the verdict, the budget. Whole numbers only: nothing that
 * is judged passes through floating point.
 *
 * Time is measured in ms of up and down. Events are counted, and what was missing is weighed by time: a minute of which nothing is known may have
 * had no event or a thousand, so it is taken to have had the traffic of the minutes that are known. With that the width between the bounds
 * is the share of time that is missing, for both. */
#ifndef NIP__JUDGE_H
#define NIP__JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "sla/decimal.h"

/* What becomes of missing time in the value; the bounds do not know it. */
typedef enum nip__sla_missing {
    NIP__SLA_IGNORE, /* it does not count */
    NIP__SLA_BAD,
    NIP__SLA_GOOD,
    NIP__SLA_HOLD,   /* as what was before it, for a while; beyond that it does not count */
} nip__sla_missing;

typedef struct nip__sla_figures {
    /* Of the period's time, ms: these four add up to its length. */
    int64_t excluded, covered, missing, ahead; /* ahead: it has not come yet */
    /* Of what is covered: ms up and down, or events. Unsure are events in the histogram's bucket that holds the limit. */
    int64_t good, bad, unsure;
    /* Of missing time, what NIP__SLA_HOLD takes for up and for down. */
    int64_t held_up, held_down;
} nip__sla_figures;

typedef struct nip__sla_terms {
    bool events;             /* good and bad are events, else ms */
    bool open;               /* the period is not over */
    nip__sla_missing missing;
    nip__ratio target;       /* least share of good; its den at most 10^9 */
    nip__ratio min_coverage; /* least share of what counts that must be known; num 0: none */
} nip__sla_terms;

/* part / whole; whole 0: there is nothing to take a share of. */
typedef struct nip__sla_share {
    __int128 part, whole;
} nip__sla_share;

typedef enum nip__sla_verdict {
    NIP__SLA_UNDETERMINED,
    NIP__SLA_MET,       /* of periods that are over */
    NIP__SLA_BREACHED,  /* ... or cannot be mended any more */
    NIP__SLA_ON_TRACK,  /* of those that are not: by what was so far */
    NIP__SLA_AT_RISK,
} nip__sla_verdict;

typedef struct nip__sla_judgement {
    nip__sla_verdict verdict;
    const char *reason;      /* static: why it is undetermined, or what else there is to know; NULL: nothing */
    nip__sla_verdict proven; /* met or breached when both bounds say so, whatever missing data were; else undetermined */
    nip__sla_share value;        /* by the policy, what is unsure taken for bad */
    nip__sla_share value_high;   /* ... and for good */
    nip__sla_share lower, upper; /* all that is missing or unsure bad, or good */
    nip__sla_share coverage;
} nip__sla_judgement;

void nip__sla_judge(const nip__sla_figures *figures, const nip__sla_terms *terms, nip__sla_judgement *judgement);
/* "met", "at_risk", ... Static. */
const char *nip__sla_verdict_name(nip__sla_verdict verdict);
const char *nip__sla_missing_name(nip__sla_missing missing);

/* The error budget: (1 - target) of what counts in the whole period, of which bad things spend. */
typedef struct nip__sla_budget {
    bool none;             /* a target of 100 %: there is no budget */
    nip__sla_share allowed;    /* ms, or events so far, as a fraction */
    nip__sla_share spent;      /* the same, by the policy, what is unsure taken for bad */
    nip__sla_share remaining;  /* 1 - spent / allowed: may be negative; whole 0: nothing was allowed */
    nip__sla_share burn;       /* (1 - value) / (1 - target) of what has come so far; 1: spent just when the period ends */
    int64_t left_ms;       /* of time: outage that is still allowed, rounded down, negative when overspent; of events 0 */
} nip__sla_budget;

void nip__sla_budget_of(const nip__sla_figures *figures, const nip__sla_terms *terms, nip__sla_budget *budget);

/* share >= ratio. False where there is nothing to take a share of. */
bool nip__sla_share_reaches(nip__sla_share share, nip__ratio ratio);
/* part / whole, for pictures; NaN where there is nothing. */
double nip__sla_share_real(nip__sla_share share);

#endif
