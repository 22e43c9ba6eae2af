/* Store: what a backend does, and what runs need beyond the public calls. */
#ifndef NIP__STORE_H
#define NIP__STORE_H

#include <stdbool.h>
#include "nipops/store.h"
#include "base/ctx.h"
#include "doc/value.h"

typedef struct nip__record {
    int64_t sequence;
    int64_t epoch; /* of the lease it was written under; 0: a request or note by anybody */
    const char *kind;
    nip_time at;
    const char *payload; /* JSON text; NULL: purged */
    size_t payload_length;
} nip__record;

/* Appends like nip_journal_append, under a lease: NIP_E_FENCED when `epoch` is not the subject's present epoch.
 * Epoch 0: no lease, for what anybody may say only ("request.made", "gate.answered", "queue.entered", "queue.left", "sla.page",
 * "sla.exclusion"); NIP_E_STATE for other kinds. */
int nip__store_append(nip_store *store, const char *subject, int64_t expected, int64_t epoch, const char *kind,
                      nip_time at, const char *payload, size_t length, int64_t *sequence, nip_error **err);

/* Calls `each` for every record after `after`, in order, until it returns non-zero (< 0: a code that is returned,
 * with *err set by it). The record is borrowed until `each` returns. */
typedef int nip__each_record(void *data, const nip__record *record, nip_error **err);
int nip__store_each(nip_store *store, const char *subject, int64_t after, nip__each_record *each, void *data,
                    nip_error **err);
/* The same backwards from the record before `before`, 0: from the newest; for "the last record of a kind". Forwards
 * the whole chain is checked, backwards only each payload: NIP_E_CORRUPT. Nothing may be written to the store inside
 * `each`; reading it is fine. */
int nip__store_each_back(nip_store *store, const char *subject, int64_t before, nip__each_record *each, void *data,
                         nip_error **err);

/* Sequence of the head; 0 when empty. Cheap: made to be asked every 250 ms. */
int nip__store_head(nip_store *store, const char *subject, int64_t *sequence, nip_error **err);
int nip__store_each_subject(nip_store *store, int (*each)(void *data, const char *subject, int64_t sequence),
                            void *data, nip_error **err);

/* Leases. Taking raises the epoch and fails with NIP_E_HELD (holder in the message) while another living holder has
 * it: same host, boot and pid namespace: alive means that very process (pid and start time) exists; otherwise:
 * renewed within the time to live as seen by the observer's own monotonic clock. A process that already holds it
 * takes it again (NIP_E_HELD too: one run a subject and process). */
typedef struct nip__lease {
    int64_t epoch;
    char token[40];
} nip__lease;

int nip__lease_take(nip_store *store, const char *subject, nip__lease *lease, nip_error **err);
int nip__lease_renew(nip_store *store, const char *subject, const nip__lease *lease,
                     nip_error **err); /* NIP_E_FENCED when lost */
/* The lease is given up also when it cannot be written: then this process alone knows, and may take it again. */
int nip__lease_release(nip_store *store, const char *subject, const nip__lease *lease, nip_error **err);
/* Does a living process hold it? Sets *held. */
int nip__lease_held(nip_store *store, const char *subject, bool *held, nip_error **err);

nip_ctx *nip__store_ctx(const nip_store *store);
const char *nip__store_url(const nip_store *store);

#endif
