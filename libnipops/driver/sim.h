/* The simulated world's driver: actions that arrive, take effect change by change, and are answered, unless something
 * goes wrong on the way. For the vtable driver, and for tests that drive runs themselves and want to see and to spoil
 * everything. */
#ifndef NIP__SIM_H
#define NIP__SIM_H

#include "driver/driver.h"
#include "driver/sim_world.h"

/* What happens to one action. */
typedef enum nip__sim_fate_kind {
    NIP__SIM_FINE,
    NIP__SIM_FAILS,          /* fails on arrival, retryable */
    NIP__SIM_FAILS_FOR_GOOD, /* ... not retryable */
    NIP__SIM_FAILS_MIDWAY,   /* after its first single change, retryable */
    NIP__SIM_LOST_BEFORE,    /* never arrives, never answered */
    NIP__SIM_LOST_AFTER,     /* takes effect, never answered */
    NIP__SIM_LATE,           /* answered `delay` later than it should */
    NIP__SIM_REPEATED,       /* answered twice */
    NIP__SIM_NO_DATA,        /* a measurement that finds nothing */
} nip__sim_fate_kind;

typedef struct nip__sim_fate {
    nip__sim_fate_kind kind;
    nip_duration delay;
} nip__sim_fate;

typedef struct nip__sim nip__sim;

/* `settings` are normalized ones, or simply a map: what is missing has its default. */
int nip__sim_new(const nip__value *settings, nip__sim **sim, nip_error **err);
nip__sim *nip__sim_hold(nip__sim *sim);
void nip__sim_free(nip__sim *sim);
nip__sim_world *nip__sim_world_of(nip__sim *sim);
/* A driver on this world. It holds the world. */
int nip__sim_driver(nip__sim *sim, nip_driver **driver, nip_error **err);

/* Hands an action over; everything needed is copied. `owner` tells whose it is. fate NULL: drawn by the settings'
 * faults. */
int nip__sim_begin(nip__sim *sim, const nip_action *action, const void *owner, const nip__sim_fate *fate, nip_time now,
                   nip_error **err);
/* Lets time pass: actions go on and the world changes, each at its instant. false: out of memory. */
bool nip__sim_advance(nip__sim *sim, nip_time now);
/* Instant at which an action of `owner` goes on or is answered (NULL: anything at all changes); NIP_TIME_MAX: never. */
nip_time nip__sim_next(const nip__sim *sim, const void *owner);
/* An answer to `owner` that is due. `outcome` and `id` are borrowed until the next call on this world. false: none. */
bool nip__sim_answer(nip__sim *sim, const void *owner, const char **id, const char **outcome);
/* The owner is gone, or wants nothing more of this action: changes not made yet will not be made. NULL id: all of its
 * actions. */
void nip__sim_drop(nip__sim *sim, const void *owner, const char *id);
/* Executions of the `once` verb sim/count so far. */
int64_t nip__sim_counted(const nip__sim *sim);

#endif
