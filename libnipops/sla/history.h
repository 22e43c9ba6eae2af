/* How an error budget was spent over a period, for pictures: a few hundred points, however many slices there are. */
#ifndef NIP__SLA_HISTORY_H
#define NIP__SLA_HISTORY_H

#include "doc/json.h"
#include "sla/series.h"

enum { NIP__HISTORY_POINTS = 500 };

typedef struct nip__sla_history {
    nip__ms begin;
    int64_t step_ms;  /* point i is of the instant begin + (i + 1) * step_ms, the last one of `until` at the latest */
    nip__ms until;
    size_t count;
    double *spent;    /* of the budget of all that is known, 1: all of it; NaN: there is none */
    double *burn;     /* highest burn rate of an hour that ended within the step; NaN: nothing is known of any of these hours */
} nip__sla_history;

/* `target` is below 100 %, or nothing is made. 0, NIP_E_LIMIT, NIP_E_NOMEM. Owned (nip__sla_history_clear). */
int nip__sla_history_make(const nip__series *series, const nip__spans *counted, nip__ms until, nip__ratio target, nip__sla_history *history, nip_error **err);
void nip__sla_history_clear(nip__sla_history *history);
/* The member "history" of an answer: {begin, step_ms, until, spent: [...], burn: [...]}; null where there are no points. */
void nip__sla_history_write(nip__writer *writer, const nip__sla_history *history);

#endif
