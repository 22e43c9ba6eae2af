/* A simulated world: instances that start, fall ill and exit, a router with slots, and traffic between them.
 *
 * Pure: time comes as `now` and never falls; all randomness comes from the world's seed. Nothing in here knows actions:
 * driver/sim.c carries those out. */
#ifndef NIP__SIM_WORLD_H
#define NIP__SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include "nipops/base.h"
#include "base/random.h"
#include "driver/sim_settings.h"

enum { NIP__SIM_ENDPOINT_MAX = 80, NIP__SIM_MIRRORED_MAX = 64 };

typedef enum nip__sim_life { NIP__SIM_RUNNING, NIP__SIM_STOPPING, NIP__SIM_EXITED } nip__sim_life;

/* A version and what became of it. */
typedef struct nip__sim_version {
    char *name;
    nip__sim_behaviour behaviour;
    int64_t started;         /* instances ever started */
    double share;            /* of the traffic now, percent */
    double share_max;        /* highest since the last mark */
    int64_t healthy;         /* running and healthy instances now */
    int64_t running;         /* running instances now */
    int64_t serving;         /* healthy ones that traffic may reach */
    nip_time helpless_since; /* since when it has traffic and nobody healthy to serve it; NIP_TIME_NONE: it has */
    nip_time ill_since;      /* since when it has no healthy instance; NIP_TIME_NONE: it has one */
    nip_duration helpless;   /* time in all in which traffic went to it with nobody healthy there */
    int64_t requests, errors;
} nip__sim_version;

typedef struct nip__sim_instance {
    int64_t number; /* from 1, in order of starting */
    size_t version;
    int port;
    nip__sim_life life;
    bool healthy;
    bool strange; /* nobody told the target of it yet */
    int exit_code;
    nip_time started, healthy_from, exits_at; /* exits_at: NIP_TIME_MAX when it does not by itself */
} nip__sim_instance;

typedef enum nip__sim_slot_state { NIP__SIM_READY, NIP__SIM_DRAIN, NIP__SIM_MAINT } nip__sim_slot_state;

/* One server of the router. Slots in use come first; a slot in maintenance is free. */
typedef struct nip__sim_slot {
    int port;
    size_t version; /* the group it was routed for */
    double weight;
    nip__sim_slot_state state;
    double busy;   /* sessions when it left "ready" */
    nip_time left; /* when it left it */
    double carry;  /* part of a request that is not whole yet */
    int64_t requests, errors;
} nip__sim_slot;

typedef enum nip__sim_change_kind {
    NIP__SIM_STARTED,
    NIP__SIM_HEALTHY,
    NIP__SIM_UNHEALTHY,
    NIP__SIM_CRASHED,    /* exited by itself */
    NIP__SIM_TERMINATED, /* told to stop */
    NIP__SIM_STOPPED,
    NIP__SIM_ROUTED, /* one slot was written */
    NIP__SIM_ROUTER_RESTARTED,
} nip__sim_change_kind;

typedef struct nip__sim_change {
    nip__sim_change_kind kind;
    nip_time at;
    const char *version;  /* NULL: none */
    const char *endpoint; /* NULL: none */
    const void *write;    /* of ROUTED: which write this belongs to; NULL: somebody else's */
} nip__sim_change;

typedef struct nip__sim_world nip__sim_world;
struct nip__sim_world {
    nip__sim_settings settings;
    bool begun;
    nip_time start, now;
    nip__random random;
    nip__sim_version *versions;
    size_t version_count, version_capacity;
    nip__sim_instance *instances; /* oldest first */
    size_t instance_count, instance_capacity;
    int64_t next_number;
    int32_t *by_port; /* index of the instance at first_port + i, or -1 */
    nip__sim_slot *slots;
    size_t slot_count; /* in use; settings.slots there are */
    bool routed_ever;
    nip__sim_slot mirrored[NIP__SIM_MIRRORED_MAX]; /* who gets copies of requests; their counters */
    size_t mirrored_count;
    double mirror_percent; /* of all requests that are routed */
    bool wiped;          /* the router restarted, and no whole write was done since; cleared by the writer */
    size_t next_restart; /* of settings.restarts */
    int64_t restarts;    /* of the router, so far */
    double unrouted_carry;
    int64_t requests, user_errors; /* errors of the world's making: nobody there, not healthy, cut off */
    int64_t unrouted;              /* ... of these: the router knew nobody */
    int64_t sessions_cut;          /* sessions that an instance was stopped under */
    void (*changed)(void *data, const nip__sim_world *world, const nip__sim_change *change); /* may be NULL */
    void *changed_data;
};

/* The world takes the settings over. false: out of memory. */
bool nip__sim_world_init(nip__sim_world *world, nip__sim_settings *settings);
void nip__sim_world_clear(nip__sim_world *world);
/* The first call begins the world at `now` with what settings.initial says. Later ones let time pass, change by
 * change. */
bool nip__sim_world_advance(nip__sim_world *world, nip_time now);
/* Instant of the next change that comes by itself; NIP_TIME_MAX: none. */
nip_time nip__sim_world_next(const nip__sim_world *world);

/* ---- what can be done to it, all at world->now ---- */

/* Index of a version, made when it is new. -1: out of memory. */
int64_t nip__sim_world_version(nip__sim_world *world, const char *name);
typedef enum nip__sim_start {
    NIP__SIM_START_OK,
    NIP__SIM_START_FAILED,
    NIP__SIM_START_NO_PORTS,
    NIP__SIM_START_NO_MEMORY
} nip__sim_start;
nip__sim_start nip__sim_world_start(nip__sim_world *world, size_t version, int *port);
void nip__sim_world_terminate(nip__sim_world *world, size_t instance); /* SIGTERM: it is gone `stop_delay` later */
void nip__sim_world_forget(nip__sim_world *world, size_t instance);    /* removes one that exited */
void nip__sim_world_adopt(nip__sim_world *world, int port); /* the instance there is a stranger no more */
/* Writes one slot. Weight 0 with NIP__SIM_MAINT frees it. false: no slot is free. */
bool nip__sim_world_write(nip__sim_world *world, int port, size_t version, double weight, nip__sim_slot_state state,
                          const void *write);
void nip__sim_world_restart_router(nip__sim_world *world);

/* ---- what can be asked ---- */

const nip__sim_instance *nip__sim_world_instance(const nip__sim_world *world, int port); /* NULL: nobody there */
nip__sim_slot *nip__sim_world_slot(nip__sim_world *world, int port);                     /* NULL: not routed */
nip__sim_slot *nip__sim_world_mirrored(nip__sim_world *world, int port);                 /* NULL: gets no copies */
double nip__sim_world_share(const nip__sim_world *world, const nip__sim_slot *slot);     /* percent */
int64_t nip__sim_world_sessions(const nip__sim_world *world, const nip__sim_slot *slot);
int64_t nip__sim_world_ports_free(const nip__sim_world *world);
const nip__sim_version *nip__sim_world_find(const nip__sim_world *world,
                                            const char *version); /* NULL: never heard of */
/* "127.0.0.1:9100" of a port, and back; 0: not an endpoint of this world. */
void nip__sim_world_endpoint(const nip__sim_world *world, int port, char out[NIP__SIM_ENDPOINT_MAX]);
int nip__sim_world_port(const nip__sim_world *world, const char *endpoint);

/* ---- between the world's files ---- */

void nip__sim_world_count(nip__sim_world *world);                 /* shares and healthy counts anew */
void nip__sim_world_serve(nip__sim_world *world, nip_time until); /* traffic from world->now to `until` */
void nip__sim_world_tell(nip__sim_world *world, nip__sim_change_kind kind, int64_t version, int port,
                         const void *write);

#endif
