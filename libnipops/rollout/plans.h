/* What the strategies share beyond single steps, and the strategies themselves. */
#ifndef NIP__PLANS_H
#define NIP__PLANS_H

#include "rollout/steps.h"

/* ---- before: preflight.c ---- */

/* Read-only first steps: nothing is changed unless all of them hold. `more`: instances that will run beside those that
 * run now. */
void nip__add_preflight(nip__draft *draft, int64_t more);
void nip__add_target_preflight(nip__draft *draft, int64_t more); /* the same without the router */
/* One look that must hold before anything is changed. */
nip__value *nip__add_check(nip__draft *draft, const char *id, const char *title, nip__value *call);
void nip__add_router_check(nip__draft *draft, int64_t more);
/* Where the old version's endpoints are many, has a step look them up instead of writing them into every step from here
 * on. */
void nip__add_look_up(nip__draft *draft);

/* ---- clearing.c ---- */

/* Instances that may run at once beyond those that run now, the way back included. */
int64_t nip__more_instances(const nip__draft *draft);
/* Stops what an earlier rollout left: held versions, and instances of the new version that nobody counts on. */
void nip__add_clearing(nip__draft *draft);

/* ---- warnings.c ---- */

/* Tells of everything observed that a person should know. */
void nip__warn_observed(nip__draft *draft);

/* ---- what people say: gates.c ---- */

/* The approval that `settings` (a part of the document) asks for before `what` is done; none: no step. */
void nip__add_approval(nip__draft *draft, const nip__value *settings, const char *id, const char *what);
/* The last question before the old version is given up; until it is answered the way back is short. */
void nip__add_barrier(nip__draft *draft);
/* The document's time window; none: no step. */
void nip__add_window(nip__draft *draft, const char *id, const char *what);
/* What a rollout waits for before it changes anything. Ways back and repairs wait for nobody. */
void nip__add_gates(nip__draft *draft);

/* ---- beside: guard.c ---- */

/* A guard over the steps `from` to `to`, when `settings` (a document's guard part) has limits and there are metrics. */
void nip__add_guard(nip__draft *draft, const nip__value *settings, const char *id, const char *from, const char *to,
                    const nip__value *fresh, const nip__value *old);

/* ---- back: back.c ---- */

/* The way back to the old version, one for all steps and strategies; without an old version: to nothing. Begins
 * draft->changes. */
void nip__add_back(nip__draft *draft);

/* ---- after: record.c ---- */

/* The old version's traffic has ended: it is stopped, or held. `endpoints`: what is left of it, `count` instances. */
void nip__add_farewell(nip__draft *draft, const nip__value *endpoints, int64_t count, const nip__value *fresh);
/* The record of draft->app->fresh. `held`: a list, or NULL. */
void nip__set_release(nip__draft *draft, const nip__value *endpoints, nip__value *held);
/* A `held` list with the old version, until `hold` from the end of the run. */
nip__value *nip__held_old(nip__draft *draft, nip_duration hold, const nip__value *endpoints);
/* A record with another value under a key. */
nip__value *nip__record_with(nip__arena *arena, const nip__value *record, const char *key, nip__value *value);

/* Healthy instances that the way back asks of a version: all of them, but no more than were healthy when the plan was
 * made, since with less the new version would keep its traffic for no reason. */
int64_t nip__back_need(const nip__side *side);

/* ---- strategies: each fills the draft ---- */

void nip__draft_first(nip__draft *draft);      /* first.c: nothing runs yet */
void nip__draft_rolling(nip__draft *draft);    /* rolling.c */
void nip__draft_blue_green(nip__draft *draft); /* blue_green.c */
void nip__draft_canary(nip__draft *draft);     /* canary.c */
int nip__draft_shadow(nip__draft *draft, nip_error **err); /* shadow.c: NIP_E_STATE when there is nothing to compare with */
void nip__draft_scale(nip__draft *draft);      /* scale.c: the same version, more or fewer of it */
void nip__draft_switch(nip__draft *draft);     /* switch.c: the wanted version is still running */

void nip__add_smoke(nip__draft *draft, const nip__value *fresh); /* blue_green.c */
/* All traffic to the new version, `drain` (may be NULL) to end. */
nip__value *nip__add_full_route(nip__draft *draft, const char *id, const nip__value *fresh, const nip__value *drain);

#endif
