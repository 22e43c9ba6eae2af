/* A plan under construction, and the steps that all strategies are made of. Builders never fail visibly: the arena
 * is asked at the end. What several steps say (a list of endpoints, a reference) is shared between them instead of
 * copied. */
#ifndef NIP__STEPS_H
#define NIP__STEPS_H

#include "nipops/plan.h"
#include "rollout/app.h"

typedef struct nip__draft {
    nip__arena *arena;
    nip__app *app;
    const char *title;
    nip__value *steps, *back, *guards, *warnings; /* lists */
    const nip__value *release, *release_back;     /* NULL: none */
    const nip__value *groups; /* traffic as it stands at this point of the plan, for `before`; NULL: not known */
    bool gated;               /* a rollout: it waits for people where the document says so */
    bool repairs;             /* what other hands did to the router's own files is put right, and stops nothing */
    bool changes;             /* steps from here on have something to take back: their `back` is entry 0 */
} nip__draft;

nip__draft nip__draft_begin(nip__app *app);
/* Groups that give all traffic to one version. */
const nip__value *nip__all_to(nip__draft *draft, const nip__side *side);
/* Makes the plan. Takes the arena over on success. */
int nip__draft_finish(nip__draft *draft, nip_plan **plan, nip_error **err);
void nip__draft_warn(nip__draft *draft, const char *format, ...) NIP__PRINTF(2, 3);

/* ---- pieces ---- */

nip__value *nip__from(nip__arena *arena, const char *step, const char *at); /* a reference */
nip__value *nip__from_else(nip__arena *arena, const char *step, const char *at, nip__value *otherwise);
nip__value *nip__from_part(nip__arena *arena, const char *step, const char *part, const char *at,
                           nip__value *otherwise);
/* "/versions/1.4.0/endpoints", escaped. */
const char *nip__place(nip__arena *arena, const char *before, const char *version, const char *after);

nip__value *nip__draft_call(nip__draft *draft, const char *role, const char *verb,
                            nip__value *args); /* args NULL: {} */
/* A call of a verb that only reads, and says so itself. */
nip__value *nip__draft_read(nip__draft *draft, const char *role, const char *verb, nip__value *args);
nip__value *nip__draft_groups(nip__draft *draft, const nip__side *side,
                              const nip__value *endpoints); /* {version: endpoints} */
nip__value *nip__draft_health(nip__draft *draft, nip__value *groups,
                              const nip__value *except); /* a call; except NULL: none */

/* {replicas, artifact, settings, endpoints, remove}: one version in the arguments of target/instances. NULL endpoints,
 * gone: left out. */
nip__value *nip__draft_version(nip__draft *draft, const nip__side *side, int64_t replicas, const nip__value *endpoints,
                               const nip__value *gone);
/* A call that brings one version from `have` instances (-1: it is not known) to `want`. */
nip__value *nip__draft_instances(nip__draft *draft, const nip__side *side, int64_t have, int64_t want,
                                 const nip__value *endpoints, const nip__value *gone);

/* A new step at the end of draft->steps or draft->back. */
nip__value *nip__draft_step(nip__draft *draft, nip__value *list, const char *id, const char *title);
void nip__draft_act(nip__draft *draft, nip__value *step, nip__value *call);
void nip__draft_observe(nip__draft *draft, nip__value *step, const char *when,
                        nip__value *call); /* when: "require" or "until" */
void nip__draft_expect(nip__draft *draft, nip__value *step, const char *when, int64_t of, const char *at,
                       const char *op, nip__value *value);
void nip__draft_fails(nip__draft *draft, nip__value *step, int64_t of, const char *at, const char *op,
                      nip__value *value);
void nip__draft_repeat(nip__draft *draft, nip__value *step, const char *when, nip_duration interval, int64_t successes);
void nip__draft_retry(nip__draft *draft, nip__value *step);

nip_duration nip__health_interval(const nip__draft *draft);
nip_duration nip__health_timeout(const nip__draft *draft);
nip_duration nip__drain_timeout(const nip__draft *draft);
const char *nip__count_of(nip__arena *arena, int64_t count); /* "1 instance", "2 instances" */

/* ---- whole steps ---- */

/* Instances of one version: `want` of them, healthy. `have`: there are so many before. `known`: their endpoints, or a
 * reference; NULL: none. Returns a reference to all endpoints after it. */
nip__value *nip__add_grow(nip__draft *draft, const char *id, const nip__side *side, int64_t have, int64_t want,
                          const nip__value *known);

/* One version's part of the traffic. `need`: healthy instances below which it must not get it. */
typedef struct nip__flow {
    const nip__side *side;
    double share;
    const nip__value *endpoints;
    int64_t need;
} nip__flow;

typedef struct nip__traffic {
    nip__flow flows[2];
    size_t count;
    const nip__value *drain; /* list or reference; NULL: none */
    const char *rising;      /* version whose share must not exceed the larger of before and after */
} nip__traffic;

/* All traffic as stated. Returns the step, for what else it needs. */
nip__value *nip__add_route(nip__draft *draft, nip__value *list, const char *id, const char *title,
                           const nip__traffic *traffic);
/* Healthy instances that `share` percent of the traffic of `replicas` needs, never more than there are. */
int64_t nip__capacity(double share, int64_t replicas, int64_t there);

/* Nothing is taken out of service unless a fresh look at `groups` without `except` finds `least` healthy. */
void nip__require_left(nip__draft *draft, nip__value *step, nip__value *groups, const nip__value *except,
                       int64_t least);

/* Chooses `count` instances of `side` among `endpoints`, unhealthy ones first. */
void nip__add_select(nip__draft *draft, const char *id, const nip__side *side, int64_t count,
                     const nip__value *endpoints);
/* Waits for open sessions of `endpoints` to end, but not for ever: what is left is cut by the stop. */
nip__value *nip__add_sessions(nip__draft *draft, nip__value *list, const char *id, const char *version,
                              const nip__value *endpoints);
/* Some instances of a version, `have` of them before, `left` after. `gone` NULL: all of it. */
nip__value *nip__add_stop(nip__draft *draft, nip__value *list, const char *id, const nip__side *side, int64_t have,
                          int64_t left, const nip__value *endpoints, const nip__value *gone);

#endif
