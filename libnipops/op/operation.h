/* The base of every operation (nipops/op.h): who drives it, how it waits, how it ends. A kind of operation supplies
 * a few functions and embeds a nip_op as the FIRST member of its own struct, allocated by nip__calloc:
 *
 *     typedef struct sweep_op { nip_op op; ... } sweep_op;
 *     sweep_op *self = nip__calloc(1, sizeof *self);
 *     rc = nip__op_init(&self->op, &sweep_kind, ctx, err);
 *     ...
 *     *op = &self->op;                    or, on failure, nip_op_free(&self->op)
 */
#ifndef NIP__OPERATION_H
#define NIP__OPERATION_H

#include <stdatomic.h>
#include <stdbool.h>
#include "nipops/op.h"
#include "op/loop.h"

typedef struct nip__op_kind {
    const char *name; /* "run", "observe", "health": for messages */
    /* Does what is due without waiting and without nip__loop_wait; sets timers and watches on op->loop for what
     * comes later. Called at the first drive and after every turn of the loop. Returns NIP_OP_MORE, NIP_OP_DONE or
     * an error. May set op->event. Errors end the operation for good, NIP_E_NOMEM and NIP_E_BUSY apart: after those
     * it may be driven again. */
    int (*step)(nip_op *op, nip_error **err);
    /* Lets go of what is under way, since nobody will drive it again: called once when the operation is over, has
     * failed for good or was cancelled. Status and result may be asked afterwards. May be NULL. */
    void (*let_go)(nip_op *op);
    int (*next_event)(nip_op *op, const char **json, nip_error **err); /* may be NULL: there are none */
    int (*status)(nip_op *op, char **json, nip_error **err);
    int (*result)(nip_op *op, char **json, nip_error **err); /* asked only when it is done */
    /* Stops everything on the loop and releases the members, of a half-built operation too. The base frees loop and
     * memory afterwards. */
    void (*destroy)(nip_op *op);
} nip__op_kind;

struct nip_op {
    const nip__op_kind *kind;
    nip__loop *loop;       /* owned, unless it is the outer operation's */
    bool inner;            /* on the loop of an outer operation, which steps it */
    atomic_int driven;     /* 1 while a call is in it */
    atomic_int cancelled;  /* 1 once nip_op_cancel was called */
    bool done;
    int failed;            /* the error code it ended with, or 0 */
    bool event;            /* set by step: something for nip_op_next_event arrived; makes nip_op_wait return early */
};

/* ---- operations inside another one: on its loop, stepped by its step, ended when it is freed ---- */

/* As nip_op_observe and nip_op_run_plan; `loop` NULL: one of its own. */
int nip__op_observe(nip_ctx *ctx, nip__loop *loop, const nip_doc *doc, const char *release, nip_drivers *drivers, nip_op **op,
                    nip_error **err);
int nip__op_run_plan(nip_ctx *ctx, nip__loop *loop, nip_run *run, nip_drivers *drivers, nip_op **op, nip_error **err);
/* One step, without any waiting. */
int nip__op_step(nip_op *op, nip_error **err);

/* Gives the operation its loop: `loop`, or when that is NULL one of its own. On failure `op` may be given to nip_op_free all the same. */
int nip__op_init(nip_op *op, const nip__op_kind *kind, nip_ctx *ctx, nip__loop *loop, nip_error **err);

/* nip_op_step for an operation that runs inside another one, whose loop watches its descriptor: a virtual clock is left where it is, since
 * it is the outer loop's to move. *after is the length of time after which to step again, also when no descriptor becomes readable;
 * NIP_TIME_MAX: only then. NIP_E_NOMEM and NIP_E_BUSY do not end it. */
int nip__op_step_inside(nip_op *op, nip_duration *after, nip_error **err);

#endif
