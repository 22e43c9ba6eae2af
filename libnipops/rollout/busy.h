/* What a rollout does whose app is busy with another run: a decision on facts. Pure. */
#ifndef NIP__BUSY_H
#define NIP__BUSY_H

#include <stdbool.h>
#include <stdint.h>
#include "nipops/base.h"

/* What the document's when_busy says, in the order of nip__busy_policies. */
typedef enum nip__busy_policy {
    NIP__BUSY_REFUSE,    /* a run that is not over: the rollout is refused */
    NIP__BUSY_QUEUE,     /* it waits until the run is over, however it ends */
    NIP__BUSY_SUPERSEDE, /* the run is taken back first */
    NIP__BUSY_RESTART,   /* the same, for a run of the same version, which begins again */
} nip__busy_policy;

extern const char *const nip__busy_policies[]; /* ends with NULL */
nip__busy_policy nip__busy_policy_of(const char *name); /* NULL or unknown: REFUSE */

typedef struct nip__busy {
    nip__busy_policy policy;
    const char *app, *version, *who; /* of the rollout that asks */
    int64_t entry;                   /* its own entry in the queue; 0: not yet */
    /* The app's latest run. */
    const char *run, *state, *title; /* NULL: it never had one */
    const char *run_version;         /* that it releases; NULL: not known */
    int64_t planned;                 /* sequence of its first record */
    bool driven;                     /* by a living process */
    bool asked;                      /* to abort, by this rollout */
    /* The newest entry after its own whose process lives, or has begun its run. */
    const char *rival, *rival_who; /* its version; NULL: none */
} nip__busy;

typedef enum nip__busy_move {
    NIP__BUSY_GO,       /* nothing is in the way: observe, plan, run */
    NIP__BUSY_TURN_OFF, /* no: nip__busy_explain says why */
    NIP__BUSY_ENTER,    /* announce it in the queue */
    NIP__BUSY_ASK,      /* ask the run to abort */
    NIP__BUSY_TAKE,     /* nobody drives the run: drive it back */
    NIP__BUSY_WAIT,
} nip__busy_move;

nip__busy_move nip__busy_decide(const nip__busy *busy);
/* Why it is turned off, as an error: NIP_E_HELD when somebody drives the run that is in the way of a rollout that does not wait, else
 * NIP_E_STATE. */
int nip__busy_explain(const nip__busy *busy, nip_error **err);

#endif
