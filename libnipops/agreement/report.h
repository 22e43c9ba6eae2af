/* The report of a service level for a period, as JSON: docs/formats.md, "Report of an SLA". */
#ifndef NIP__AGREEMENT_REPORT_H
#define NIP__AGREEMENT_REPORT_H

#include "agreement/book.h"
#include "base/buffer.h"
#include "sla/contract.h"

typedef struct nip__report_question {
    nip_store *store;
    const nip__book *book;
    const nip__contract *contract;
    const nip__period *period;
    nip__ms now;
    int64_t as_of;  /* that is told: of the last record */
    nip_time known; /* of other journals only what was recorded by then counts; NIP_TIME_MAX: all */
} nip__report_question;

/* Objectives of which nothing was promised for this kind of period are named, not judged. */
int nip__report_write(nip__buffer *out, const nip__report_question *question, nip_error **err);
/* Certificates of all objectives: a JSON list. */
int nip__report_certificates(nip__buffer *out, const nip__report_question *question, nip_error **err);

#endif
