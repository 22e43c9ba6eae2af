/* The outbox: what is to be told of runs that have ended, and what came of it, folded from a subject's journal. */
#ifndef NIP__OUTBOX_FOLD_H
#define NIP__OUTBOX_FOLD_H

#include "doc/json.h"
#include "nipops/outbox.h"
#include "store/store.h"

#define NIP__NOTIFY_INTENDED "notify.intended"
#define NIP__NOTIFY_COMPLETED "notify.completed"

#define NIP__NOTIFY_SETTLED "notify.settled"

enum { NIP__ATTEMPTS_MAX = 6 }; /* at one delivery, over all processes; then it is given up */

/* What a subject's journal says. An end is settled when everybody who is to be told of it was told or given up. */
typedef struct nip__outbox_look {
    nip__value *deliveries; /* maps, newest run first: what nip_outbox_read gives, and "notice" (the entry of on_end), "event" (what is
                             * told) and "key" (the same for every attempt) */
    int64_t marked;         /* what the newest mark says: every end up to this sequence is settled; 0: there is no mark */
    int64_t settled;        /* every end up to this one is; 0: that is not known */
    int runs;               /* that were read */
} nip__outbox_look;

/* Reads back to the mark that was the newest when the latest run began, so that whoever was left then is seen now, too. `look` is filled
 * in; its list may exist already. */
int nip__outbox_fold(nip_store *store, const char *subject, nip__arena *arena, nip__outbox_look *look, nip_error **err);
/* Is it neither told nor given up? */
bool nip__outbox_is_left(const nip__value *delivery);

#endif
