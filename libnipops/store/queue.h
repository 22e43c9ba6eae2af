/* Who waits for a subject's turn: entries in its journal. An entry is announced when its process begins to wait and ended when it does not wait
 * any more; one whose process was killed is told by the holder that it names. */
#ifndef NIP__QUEUE_H
#define NIP__QUEUE_H

#include "store/host.h"
#include "store/store.h"

#define NIP__QUEUE_AGE_MAX (7 * 24 * NIP_HOUR) /* nobody waits longer */

typedef struct nip__queue_entry {
    int64_t sequence; /* of its record: the order in the queue */
    nip_time at;
    const char *version, *policy, *who; /* never NULL */
    nip__holder holder;
    bool known;       /* the holder could be read */
    const char *left; /* why it does not wait any more: "began", "gave_way", "refused", "left"; NULL: it waits */
} nip__queue_entry;

typedef struct nip__queue {
    nip__arena *arena; /* of the texts */
    nip__queue_entry *entries;
    size_t count, capacity; /* the list is the heap's: nip__queue_clear */
    int64_t seen;           /* records up to here were taken in */
} nip__queue;

/* Pure: takes in one record; others than those of queues change nothing. */
int nip__queue_apply(nip__queue *queue, const nip__record *record, nip_error **err);
/* Takes in what was appended after queue->seen. */
int nip__queue_follow(nip__queue *queue, nip_store *store, const char *subject, nip_error **err);
void nip__queue_clear(nip__queue *queue);
/* GONE: its process ended, or it is older than anybody waits. UNKNOWN: that cannot be seen from here. */
nip__life nip__queue_life(const nip__queue_entry *entry, nip_time now);

int nip__queue_enter(nip_store *store, const char *subject, nip_time now, const char *version, const char *policy,
                     const char *who, int64_t *sequence, nip_error **err);
int nip__queue_leave(nip_store *store, const char *subject, nip_time now, int64_t entry, const char *why,
                     nip_error **err);

#endif
