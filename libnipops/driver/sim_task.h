/* An action under way in the simulated world, and the verbs that carry it on. */
#ifndef NIP__SIM_TASK_H
#define NIP__SIM_TASK_H

#include <pthread.h>

#include "driver/sim.h"

typedef struct nip__sim_task nip__sim_task;

/* A verb is carried on until it says NIP_TIME_NONE: then its outcome is in the task. Otherwise it says when it wants
 * to go on. */
typedef struct nip__sim_verb {
    const char *role, *verb; /* verb NULL ends a table */
    int verb_class;
    nip_time (*go_on)(nip__sim *sim, nip__sim_task *task);
} nip__sim_verb;

typedef enum nip__sim_phase {
    NIP__SIM_TRAVELS,
    NIP__SIM_WORKS,
    NIP__SIM_RETURNS,
    NIP__SIM_DUE,
    NIP__SIM_LOST
} nip__sim_phase;

struct nip__sim_task {
    nip__sim_task *next;
    nip__sim_task *previous;
    const void *owner;
    nip_action *action; /* of the vtable driver; NULL: the owner asks for answers by id */
    nip__arena *arena;
    const char *id;
    const nip__sim_verb *verb;
    const nip__value *args, *before;
    bool settles;
    nip__sim_fate fate;
    nip__sim_phase phase;
    nip_time at;   /* of the next thing that happens to it */
    char *outcome; /* NULL although the verb is done: memory was out */
    int answers;   /* how often it will be answered */
    void *work;    /* the verb's own, in the arena */
};

#define NIP__SIM_FAULT_SEED UINT64_C(0x66617465) /* faults draw from another stream than the world */

struct nip__sim {
    pthread_mutex_t lock; /* of the drivers of one world, which may belong to operations of different threads */
    int holds;
    nip__sim_world world;
    nip__random random; /* of faults only: the world's fate does not depend on them */
    nip__sim_task *first, *last;
    nip__sim_task *answered; /* the last one that was given out */
    int64_t counted;
    nip_ctx *ctx; /* whose named world this is; NULL: nobody's */
    char *name;
    nip__sim *registry_next;
};

extern const nip__sim_verb nip__sim_target_verbs[];
extern const nip__sim_verb nip__sim_router_verbs[];
extern const nip__sim_verb nip__sim_read_verbs[];
extern const nip__sim_verb nip__sim_shadow_verbs[];
extern const nip__sim_verb nip__sim_mirror_verbs[];

const nip__sim_verb *nip__sim_verb_find(const char *role, const char *verb); /* role NULL: any. NULL: none */
int nip__sim_begin_task(nip__sim *sim, const nip_action *action, const void *owner, const nip__sim_fate *fate,
                        nip_time now, nip__sim_task **begun, nip_error **err);
nip__sim_task *nip__sim_due_task(const nip__sim *sim,
                                 const void *owner); /* the next that is to be answered; NULL: none */
void nip__sim_drop_action(nip__sim *sim, const nip_action *action);

/* The ways to end. All return NIP_TIME_NONE, so that a verb can say `return nip__sim_done(...)`. */
nip_time nip__sim_done(nip__sim_task *task, nip__value *result);
nip_time nip__sim_failed(nip__sim_task *task, const char *reason, bool retryable, nip__value *result,
                         const char *message);
nip_time nip__sim_settled(nip__sim_task *task, const char *outcome, const char *reason, nip__value *result,
                          const char *message);
nip_time nip__sim_no_memory(nip__sim_task *task);

nip_time nip__sim_adopt(nip__sim *sim, nip__sim_task *task); /* sim_adopt.c */

/* Puts an endpoint's text into a list. */
void nip__sim_push_endpoint(nip__sim *sim, nip__sim_task *task, nip__value *list, int port);

#endif
