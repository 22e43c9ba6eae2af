/* What a health check and a watch have in common: targets, their schedule, and how it is carried out. */
#ifndef NIP__HEALTH_INSIDE_H
#define NIP__HEALTH_INSIDE_H

#include "doc/json.h"
#include "health/sweep.h"
#include "op/operation.h"
#include "op/probe.h"

typedef struct nip__health nip__health;

typedef struct nip__health_target {
    nip__health *owner;
    const char *name;
    nip__probe_spec spec;
    nip__probe *probe; /* NULL: not being tried */
} nip__health_target;

struct nip__health {
    nip_op op;
    nip__arena *arena;
    nip__health_target *targets;
    size_t count;
    bool has_commands;
    nip__probe_spec common;
    nip_duration interval;
    nip__sweep *sweep;
    nip__timer timer;
    uint64_t dispatched; /* by the loop, when it was last looked at */
    bool no_memory;      /* a verdict lost its message for want of memory */
    size_t worst;        /* of a watch: so many targets its status names at most */
    int64_t events;      /* ... told so far */
    nip__buffer event;   /* ... the latest */
};

/* The functions of nip__op_kind that are the same for both. */
int nip__health_step(nip_op *op, nip_error **err);
void nip__health_let_go(nip_op *op);
void nip__health_destroy(nip_op *op);

int64_t nip__health_tries(const nip__health *self);
/* {reason, message, at}, or null. */
void nip__health_write_failure(nip__writer *writer, const char *key, const nip__sweep_failure *failure);
void nip__health_write_latency(nip__writer *writer, const nip__sweep_target *state);
int nip__health_finish_json(nip__buffer *buffer, char **json, nip_error **err);

extern const nip__op_kind nip__health_watch_kind;

#endif
