/* What would have been: a document's promises and alerts over what was recorded, with exclusions that nobody recorded. */
#ifndef NIP__SIMULATE_H
#define NIP__SIMULATE_H

#include "agreement/report.h"

/* Exclusions, a JSON list, as if they were the journal's next records. NIP_E_SYNTAX, NIP_E_INVALID, NIP_E_LIMIT. */
int nip__simulation_exclude(nip__book *book, const nip__contract *contract, const char *exclusions, nip_error **err);

/* docs/formats.md, "Simulation of an SLA". The book may have exclusions that are in no journal. */
int nip__simulation_write(nip__buffer *out, const nip__report_question *question, nip_error **err);

#endif
