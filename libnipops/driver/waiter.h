/* Actions that stay out until people or the clock let them end: what the drivers "person" and "clock" share. The journal of the run is read
 * anew whenever it has grown, so nothing has to be remembered, and what was answered before a crash counts after it. */
#ifndef NIP__WAITER_H
#define NIP__WAITER_H

#include "driver/driver.h"
#include "op/loop.h"
#include "plan/action.h"

typedef struct nip__waits nip__waits;

/* One action that is out. */
typedef struct nip__waiter {
    nip__waits *waits;
    nip_action *action;
    int64_t head;   /* the journal's, when it was judged last; -1: not yet */
    nip__timer due; /* at which it is judged again whatever the journal says */
    struct nip__waiter *next;
} nip__waiter;

typedef struct nip__waits_kind {
    const char *driver, *verb;
    const nip__field *fields; /* of the verb's arguments */
    bool holds;               /* it waits for people: a virtual clock stands still meanwhile */
    /* Looks at the answers so far. True: the action was completed. Else *again is the instant at which to look again at the latest. */
    bool (*judge)(nip__waiter *waiter, const nip__value *answers, nip__arena *arena, nip_time now, nip_time *again);
} nip__waits_kind;

struct nip__waits {
    const nip__waits_kind *kind;
    nip__loop *loop;  /* NULL: no operation drives us */
    nip_store *store; /* NULL: ... or none that runs a plan */
    nip__waiter *first;
    nip__timer look;  /* of real time */
};

int nip__waits_open(const nip__waits_kind *kind, void **self, nip_error **err);

/* The parts of a driver's vtable and services; `self` is a nip__waits. */
int nip__waits_verb_class(void *self, const char *verb);
int nip__waits_start(void *self, nip_action *action, nip_time now, nip_error **err);
void nip__waits_cancel(void *self, nip_action *action);
void nip__waits_destroy(void *self);
void nip__waits_attach(void *self, struct nip__loop *loop);
void nip__waits_lend(void *self, nip_store *store);

#endif
