/* What else happened in a period: rollouts and incidents, as the journals have them that a document names. */
#ifndef NIP__HAPPENINGS_H
#define NIP__HAPPENINGS_H

#include "doc/json.h"
#include "nipops/store.h"
#include "sla/span.h"

typedef struct nip__happenings_question {
    nip_store *store;
    const nip__value *journals; /* list of subjects; NULL: none */
    nip__ms begin, end;         /* the period */
    nip_time known;             /* what was recorded later does not count; NIP_TIME_MAX: all does */
} nip__happenings_question;

/* The members "incidents" and "rollouts" of a report: docs/formats.md, "Report of an SLA". Those that touch the period, in the order of their records.
 * Fails as reading a journal does. */
int nip__happenings_write(nip__writer *writer, const nip__happenings_question *question, nip_error **err);

#endif
