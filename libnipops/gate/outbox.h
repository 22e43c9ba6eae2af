/* The outbox: what is to be told of runs that have ended, and what came of it, folded from a subject's journal. */
#ifndef NIP__OUTBOX_FOLD_H
#define NIP__OUTBOX_FOLD_H

#include "doc/json.h"
#include "nipops/outbox.h"
#include "store/store.h"

#define NIP__NOTIFY_INTENDED "notify.intended"
#define NIP__NOTIFY_COMPLETED "notify.completed"

enum { NIP__ATTEMPTS_MAX = 6 }; /* at one delivery, over all processes; then it is given up */

/* Deliveries as a list of maps, newest run first: what nip_outbox_read gives, and "notice" (the entry of on_end), "event" (what is
 * told) and "key" (the same for every attempt). */
int nip__outbox_fold(nip_store *store, const char *subject, nip__arena *arena, nip__value **deliveries, nip_error **err);

#endif
