/* Tells those whom documents name that a run has ended, after its end was journaled: intents and outcomes are records, so that nobody is
 * forgotten when the process dies in between, and the run's own outcome never changes. It takes a bounded time. */
#ifndef NIP__OUTBOX_H
#define NIP__OUTBOX_H

#include "op/carrier.h"
#include "plan/run.h"

typedef struct nip__outbox nip__outbox;

/* What is to be told of the run that has just ended, or ended before and was taken up again (`again`), and of runs before it of which
 * somebody was not told. *outbox becomes NULL when there is nothing. The run is leased; carrier and run are borrowed until nip__outbox_free. */
int nip__outbox_open(nip_run *run, nip__carrier *carrier, bool again, nip__outbox **outbox, nip_error **err);
/* Does what is due. NIP_OP_MORE, NIP_OP_DONE, NIP_E_NOMEM or NIP_E_BUSY: drive on; never another error, since nothing of this may fail the
 * run. */
int nip__outbox_step(nip__outbox *outbox, nip_error **err);
void nip__outbox_free(nip__outbox *outbox); /* NULL is fine */

#endif
