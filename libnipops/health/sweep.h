/* Many targets, one schedule: which target to try next, when to look again, when it is over. Pure: no I/O and no
 * clock.
 *
 *     while ((rc = nip__sweep_next(sweep, now, &target, &until)) == NIP__SWEEP_TRY)
 *         begin a try of `target`; when it ends: nip__sweep_report
 *     NIP__SWEEP_WAIT: ask again at `until`, or when a try has ended. NIP__SWEEP_DONE: the verdicts stand
 *
 * Every target is tried on a fixed grid of `interval` from the start; a slow try makes its missed instants merge
 * into one.
 *
 * A watch (`failures` > 0) never ends: targets are tried on and on. Nothing is known of a target until so many answers in
 * a row were good, or bad; then it keeps its state until as many in a row say the contrary. */
#ifndef NIP__SWEEP_H
#define NIP__SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "nipops/base.h"

enum { NIP__SWEEP_DONE = 0, NIP__SWEEP_TRY = 1, NIP__SWEEP_WAIT = 2 };

typedef struct nip__sweep_rules {
    size_t targets;
    nip_duration interval;  /* > 0 */
    nip_duration timeout;   /* of the whole */
    int64_t successes;      /* in a row, >= 1 */
    int64_t in_flight;      /* most tries at once, >= 1 */
    int64_t failures;       /* of a watch: bad answers in a row, >= 1; 0: over once all targets are healthy */
    int64_t at_first;       /* so many at once while targets answer quickly (health/window.h), >= 1 */
} nip__sweep_rules;

typedef struct nip__sweep_failure {
    const char *reason; /* static; NULL: there was none */
    char *message;
    nip_time at;
} nip__sweep_failure;

typedef enum nip__sweep_state { NIP__SWEEP_UNKNOWN, NIP__SWEEP_HEALTHY, NIP__SWEEP_UNHEALTHY } nip__sweep_state;

typedef struct nip__sweep_target {
    nip__sweep_state state;  /* healthy: enough successes in a row; without a watch it is not tried again */
    nip__sweep_state told;   /* the state that was told last: nip__sweep_told */
    nip_time since;          /* of the state; of NIP__SWEEP_UNKNOWN: the start */
    bool trying, changed;
    int64_t tries, failures;
    int64_t streak, bad;     /* good and bad answers in a row */
    nip_duration latency;    /* of the last good try; -1: none */
    nip__sweep_failure first, last;
} nip__sweep_target;

typedef struct nip__sweep nip__sweep;

int nip__sweep_new(const nip__sweep_rules *rules, nip_time now, nip__sweep **sweep, nip_error **err);
void nip__sweep_free(nip__sweep *sweep);
/* Something came from a target since the last nip__sweep_next, if no whole answer. */
void nip__sweep_stir(nip__sweep *sweep);
int nip__sweep_next(nip__sweep *sweep, nip_time now, size_t *target, nip_time *until);

/* Ends a try. `reason` is static text, NULL for a good answer; `message` is copied. NIP_E_NOMEM: the try still
 * counts, without message. */
int nip__sweep_report(nip__sweep *sweep, nip_time now, size_t target, const char *reason, const char *message,
                      nip_duration latency, nip_error **err);
/* The try could not be made for want of something on this side: it says nothing about the target, which is due
 * again once another try has ended (`again`: at the latest then). Fewer tries are made at once from now on. */
void nip__sweep_postpone(nip__sweep *sweep, size_t target, nip_time again);

/* Takes the target whose change was noted first; false: there is none. What changed twice meanwhile is one change from
 * `told` to `state`, which may be the same. */
bool nip__sweep_changed(nip__sweep *sweep, size_t *target);
/* Its change was told; or it could not be, and comes again first. */
void nip__sweep_told(nip__sweep *sweep, size_t target);
void nip__sweep_untold(nip__sweep *sweep, size_t target);
const nip__sweep_target *nip__sweep_at(const nip__sweep *sweep, size_t target);
size_t nip__sweep_count(const nip__sweep *sweep, nip__sweep_state state);
nip_time nip__sweep_deadline(const nip__sweep *sweep);

#endif
