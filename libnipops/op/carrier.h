/* Carries actions to drivers and their outcomes back. Shared by the operations that run plans and that observe.
 *
 * A driver may complete an action inside `start`, inside `dispatch`, or from the loop; outcomes are queued here and taken by the operation's
 * next step, so that nothing is decided while a driver is in the middle of something. */
#ifndef NIP__CARRIER_H
#define NIP__CARRIER_H

#include "driver/driver.h"
#include "op/loop.h"
#include "plan/action.h"

typedef struct nip__carried {
    struct nip__carrier *carrier;
    nip_action *action;
    nip_driver *driver;
    char *outcome; /* owned; NULL with `posted`: memory was out when the driver posted it */
    bool posted;
    /* Posted, but the answer of what must not be done twice was lost for want of memory: its deadline decides. */
    bool silent;
    struct nip__carried *next;
} nip__carried;

typedef struct nip__driver_watch {
    nip__watch watch;
    nip_driver *driver;
    struct nip__carrier *carrier;
    struct nip__driver_watch *next;
} nip__driver_watch;

typedef struct nip__carrier {
    nip__loop *loop;
    nip_store *store;      /* borrowed; NULL: no run */
    nip_drivers *drivers;  /* held */
    nip__carried *carried; /* oldest first */
    nip__driver_watch *watches;
    nip__timer posted, due;
    bool nomem;
    int failed; /* what `dispatch` of a driver with a readable descriptor returned: the operation's next step returns it */
    nip_error *failure; /* belongs to it; owned */
} nip__carrier;

/* Lends the loop, and the store of the run if there is one (else NULL), to the drivers; opens the drivers of the roles that are bound by themselves. The carrier must not move afterwards.
 * NIP_E_BUSY when a driver has the loop of another operation; on failure no driver keeps this one. */
int nip__carrier_begin(nip__carrier *carrier, nip__loop *loop, nip_store *store, nip_drivers *drivers, nip_error **err);
/* Opens the built-in driver of that name for a role that nobody serves yet, while the operation is under way. NIP_E_BUSY when others use the
 * drivers, too. */
int nip__carrier_open_own(nip__carrier *carrier, const char *role, nip_error **err);
/* The same of a driver that is open. On failure it is not bound, and may be added again. */
int nip__carrier_add(nip__carrier *carrier, const char *role, nip_driver *driver, nip_error **err);
/* Hands an action to the driver of its role. What the driver refuses becomes a failed outcome; only NIP_E_NOMEM is
 * returned. */
int nip__carrier_start(nip__carrier *carrier, nip_action *action, nip_error **err);
/* The oldest action with an outcome, or NULL. It stays carried until nip__carrier_drop. */
nip__carried *nip__carrier_posted(nip__carrier *carrier);
const char *nip__carried_outcome(const nip__carried *carried);
/* Takes it out of the list; one that has no outcome is cancelled first. */
void nip__carrier_drop(nip__carrier *carrier, nip__carried *carried);
/* Lets drivers do what is due, and sets a timer for what comes next. */
int nip__carrier_dispatch(nip__carrier *carrier, nip_error **err);
/* Cancels what is under way and takes the loop back. */
void nip__carrier_end(nip__carrier *carrier);

#endif
