/* The arithmetic of a rolling update. */
#ifndef NIP__SEQUENCE_H
#define NIP__SEQUENCE_H

#include <stdbool.h>
#include "nipops/rollout.h"

/* "25%" or "3": an amount of instances. Percentages are whole numbers. */
typedef struct nip__amount {
    int64_t number;
    bool percent;
} nip__amount;

bool nip__amount_read(const char *text, nip__amount *amount);
int64_t nip__amount_up(nip__amount amount, int64_t replicas);   /* rounded up */
int64_t nip__amount_down(nip__amount amount, int64_t replicas); /* rounded down */

/* One batch of a rolling update: instances of the old and of the new version after it, and what it added and
 * removed. */
typedef struct nip__batch {
    int64_t old, fresh;
    int64_t added, removed;
} nip__batch;

/* Makes the next batch from `batch`: first new ones as far as the surge allows, then old ones as far as availability
 * allows. The counts are those that a Kubernetes Deployment goes through. False: the update is complete. */
bool nip__batch_next(int64_t replicas, nip_fenceposts fenceposts, nip__batch *batch);

#endif
