/* What all operations have in common. The kind's step never waits; this file does the waiting, between steps, on
 * the loop. */
#include "op/operation.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/time.h"

int nip__op_init(nip_op *op, const nip__op_kind *kind, nip_ctx *ctx, nip__loop *loop, nip_error **err)
{
    op->kind = kind;
    op->inner = loop != NULL;
    op->loop = loop;
    if (op->inner)
        return 0;
    int rc = nip__loop_new(ctx, &op->loop, err);
    if (rc == 0)
        nip__loop_wake(op->loop); /* a host that polls before its first step must be told to step */
    return rc;
}

/* One driver at a time: a second thread, or a callback that calls back into its own operation, is turned away. */
static int enter(nip_op *op, nip_error **err)
{
    if (atomic_exchange(&op->driven, 1) != 0)
        return nip__fail(err, NIP_E_BUSY,
                         "this operation is in use by another call; only nip_op_cancel may be called meanwhile");
    return 0;
}

static int leave(nip_op *op, int rc)
{
    atomic_store(&op->driven, 0);
    return rc;
}

static int refuse_ended(const nip_op *op, nip_error **err)
{
    if (op->failed == NIP_E_CANCELLED)
        return nip__fail(err, NIP_E_CANCELLED, "the %s operation was cancelled", op->kind->name);
    return nip__fail(err, NIP_E_STATE, "the %s operation ended with %s before", op->kind->name,
                     nip_code_name(op->failed));
}

/* Nobody drives it again: what is under way must not go on until the operation is freed. */
static void end(nip_op *op, int rc)
{
    op->done = rc == NIP_OP_DONE;
    op->failed = rc < 0 ? rc : 0;
    if (op->kind->let_go != NULL)
        op->kind->let_go(op);
}

int nip__op_step(nip_op *op, nip_error **err)
{
    if (op->done)
        return NIP_OP_DONE;
    if (op->failed != 0)
        return refuse_ended(op, err);
    if (atomic_load(&op->cancelled) != 0) {
        end(op, NIP_E_CANCELLED);
        return refuse_ended(op, err);
    }
    int rc = op->kind->step(op, err);
    bool again = rc == NIP_OP_MORE || rc == NIP_E_NOMEM || rc == NIP_E_BUSY;
    if (!again)
        end(op, rc);
    return rc;
}

/* Steps and waits in turn until the operation is over, `until` has come, or, when asked to, an event arrived. */
static int drive(nip_op *op, nip_time until, bool stop_at_event, nip_error **err)
{
    int rc = nip__op_step(op, err);
    while (rc == NIP_OP_MORE && !(stop_at_event && op->event)) {
        int waited = nip__loop_wait(op->loop, until, err);
        if (waited < 0)
            return waited;
        rc = nip__op_step(op, err);
        if (waited == 0 && until != NIP_TIME_MAX)
            break;
    }
    return rc;
}

int nip_op_run(nip_op *op, nip_error **err)
{
    NIP_ARG(op != NULL);
    int rc = enter(op, err);
    if (rc < 0)
        return rc;
    rc = drive(op, NIP_TIME_MAX, false, err);
    return leave(op, rc);
}

int nip_op_wait(nip_op *op, nip_duration timeout, nip_error **err)
{
    NIP_ARG(op != NULL && timeout >= 0);
    int rc = enter(op, err);
    if (rc < 0)
        return rc;
    nip__loop_update(op->loop);
    rc = drive(op, nip__time_add(nip__loop_now(op->loop), timeout), true, err);
    op->event = false;
    return leave(op, rc);
}

int nip_op_fd(const nip_op *op)
{
    return op == NULL ? NIP_E_INVALID : nip__loop_fd(op->loop);
}

/* One step of an operation that somebody else waits for. `jump`: a virtual clock with nothing in flight moves on instead of waiting, so that
 * this does not block either. Nothing moves it once all is over. */
static int step_for_host(nip_op *op, bool jump, nip_error **err)
{
    bool over = op->done || op->failed != 0;
    int rc = over ? 0 : nip__loop_wait(op->loop, jump && nip__loop_can_jump(op->loop) ? NIP_TIME_MAX : NIP_TIME_NONE, err);
    if (rc >= 0)
        rc = nip__op_step(op, err);
    op->event = false;
    return rc;
}

int nip_op_step(nip_op *op, nip_error **err)
{
    NIP_ARG(op != NULL);
    int rc = enter(op, err);
    if (rc < 0)
        return rc;
    rc = step_for_host(op, true, err);
    if (rc == NIP_E_NOMEM || rc == NIP_E_BUSY)
        nip__loop_wake(op->loop); /* it is not over: a host that polls must be told to step again */
    int armed = rc == NIP_OP_MORE ? nip__loop_arm(op->loop, err) : 0;
    return leave(op, armed < 0 ? armed : rc);
}

int nip__op_step_inside(nip_op *op, nip_duration *after, nip_error **err)
{
    int rc = enter(op, err);
    if (rc < 0)
        return rc;
    rc = step_for_host(op, false, err);
    bool again = rc == NIP_E_NOMEM || rc == NIP_E_BUSY;
    *after = again ? 0 : NIP_TIME_MAX;
    if (rc == NIP_OP_MORE && nip__loop_can_jump(op->loop))
        *after = nip__loop_next_after(op->loop);
    else if (rc == NIP_OP_MORE)
        rc = nip__loop_arm(op->loop, err) < 0 ? NIP_E_IO : rc;
    return leave(op, rc);
}

void nip_op_cancel(nip_op *op)
{
    if (op == NULL)
        return;
    atomic_store(&op->cancelled, 1);
    nip__loop_wake(op->loop);
}

int nip_op_next_event(nip_op *op, const char **json, nip_error **err)
{
    NIP_ARG(op != NULL && json != NULL);
    if (op->kind->next_event == NULL)
        return 0;
    int rc = enter(op, err);
    return rc < 0 ? rc : leave(op, op->kind->next_event(op, json, err));
}

int nip_op_status(nip_op *op, char **json, nip_error **err)
{
    NIP_ARG(op != NULL && json != NULL);
    int rc = enter(op, err);
    return rc < 0 ? rc : leave(op, op->kind->status(op, json, err));
}

int nip_op_result(nip_op *op, char **json, nip_error **err)
{
    NIP_ARG(op != NULL && json != NULL);
    int rc = enter(op, err);
    if (rc < 0)
        return rc;
    if (op->done)
        rc = op->kind->result(op, json, err);
    else if (op->failed != 0)
        rc = refuse_ended(op, err);
    else
        rc = nip__fail(err, NIP_E_STATE, "the %s operation is not over yet; drive it until it returns NIP_OP_DONE",
                       op->kind->name);
    return leave(op, rc);
}

void nip_op_free(nip_op *op)
{
    if (op == NULL)
        return;
    if (op->kind != NULL)
        op->kind->destroy(op);
    if (!op->inner)
        nip__loop_free(op->loop);
    nip__free(op);
}
