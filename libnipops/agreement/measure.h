/* What an objective comes to in a period: its book, read by its contract. */
#ifndef NIP__MEASURE_H
#define NIP__MEASURE_H

#include "agreement/book.h"
#include "sla/answer.h"
#include "sla/contract.h"
#include "sla/history.h"
#include "sla/series.h"

/* What of a period that is not over was not recorded yet is still to come, for so long; then it is missing. */
#define NIP__MEASURE_LATE_MS INT64_C(3600000)

typedef struct nip__measured {
    nip__sla_answer answer;
    nip__spans counted;         /* of the period what counts, up to where it is judged */
    nip__series *series;        /* over the whole period */
    nip__sla_history history;
    nip__exclusion_class *classes; /* as the exclusions were applied */
    size_t class_count;
    int64_t outside_hours_ms;
    nip__ms until;              /* it is judged by what was so far */
} nip__measured;

typedef struct nip__measure_question {
    const nip__book *book;
    const nip__contract *contract;
    const nip__objective *objective;
    const nip__period *period;
    nip__ms now;
} nip__measure_question;

/* `book` and `contract` are borrowed until it is cleared. NIP_E_INVALID: nothing was promised for this kind of period; NIP_E_LIMIT, NIP_E_NOMEM. */
int nip__measure(const nip__measure_question *question, nip__measured *measured, nip_error **err);
void nip__measured_clear(nip__measured *measured);

#endif
