/* The operation that runs a plan: the run decides, drivers carry out, the loop waits. */
#include "op/carrier.h"
#include "op/operation.h"
#include "op/outbox.h"
#include "op/roles.h"
#include "plan/run.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/time.h"

#define POLL_EVERY (250 * NIP_MILLISECOND)   /* for requests of other processes */
#define RENEW_EVERY (5 * NIP_SECOND)         /* of the lease; others wait 15 s */
#define BUSY_PAUSE (20 * NIP_MILLISECOND)    /* the store is locked by somebody else for a moment */
#define CLOCK_STEP (1 * NIP_SECOND)          /* a jump of the real clock worth a record */

typedef struct run_op {
    nip_op op;
    nip_run *run; /* borrowed */
    bool drives;  /* the run is given to nobody else */
    nip_ctx *ctx;
    nip__carrier carrier;
    nip_action *unlent;        /* handed out by the run, and not carried yet for want of memory */
    nip__outbox *outbox;       /* after the end: who is to be told; NULL: nobody, or all were */
    bool told;                 /* ... of this end */
    bool again;                /* the run was over when it was taken up */
    nip__timer wake, poll;
    nip__timer held;           /* of real time, while a virtual clock stands still: requests and the lease do not wait for that */
    nip_time polled, renewed;
    nip_duration clock_offset; /* real less monotonic, as last seen */
    int64_t shown;             /* last record that nip_op_next_event gave */
    char *event;
} run_op;

static nip_duration clock_offset(const run_op *self)
{
    return nip__ctx_real(self->ctx) - nip__ctx_monotonic(self->ctx);
}

/* ---- once in a while ---- */

static int note_clock(run_op *self, nip_time now, nip_error **err)
{
    nip_duration offset = clock_offset(self), by = offset - self->clock_offset;
    if (by < CLOCK_STEP && by > -CLOCK_STEP)
        return 0;
    int rc = nip__run_clock_stepped(self->run, now, by, err);
    if (rc == 0)
        self->clock_offset = offset;
    return rc;
}

static int renew(run_op *self, nip_time now, nip_error **err)
{
    if (now < nip__time_add(self->renewed, RENEW_EVERY))
        return 0;
    int rc = nip__run_renew(self->run, err);
    if (rc == 0)
        self->renewed = now;
    return rc;
}

static int poll_requests(run_op *self, nip_time now, nip_error **err)
{
    if (now < nip__time_add(self->polled, POLL_EVERY))
        return 0;
    self->polled = now;
    int rc = nip_run_poll(self->run, err);
    if (rc >= 0)
        rc = note_clock(self, now, err);
    return rc < 0 ? rc : renew(self, now, err);
}

/* A store that cannot be read or renewed, or holds nonsense, must not stop the way back, nor a run that is about to turn back for it: the
 * next record decides. */
static int look_around(run_op *self, nip_time now, nip_error **err)
{
    nip_error *error = NULL;
    int rc = poll_requests(self, now, &error);
    bool fatal = rc == NIP_E_FENCED || rc == NIP_E_NOMEM;
    if (rc < 0 && fatal) {
        nip__pass(err, error);
        return rc;
    }
    nip_error_free(error);
    return 0;
}

/* ---- actions ---- */

/* An answer that is no outcome at all is the driver's failure, not the run's. */
static int report(run_op *self, nip_time now, nip__carried *carried, nip_error **err)
{
    nip_error *error = NULL;
    int rc = nip__run_complete(self->run, now, carried->action->id, nip__carried_outcome(carried), &error);
    if (rc == NIP_E_INVALID || rc == NIP_E_SYNTAX || rc == NIP_E_LIMIT) {
        nip_error_free(error);
        error = NULL;
        rc = nip__run_complete(self->run, now, carried->action->id,
                              "{\"outcome\":\"failed\",\"reason\":\"protocol\",\"message\":\"the driver's answer is not an outcome, or too large\"}",
                              &error);
    }
    nip__pass(err, error);
    return rc;
}

static int take_outcomes(run_op *self, nip_time now, nip_error **err)
{
    nip__carried *carried;
    while ((carried = nip__carrier_posted(&self->carrier)) != NULL) {
        int rc = report(self, now, carried, err);
        if (rc < 0)
            return rc;
        carried->action = NULL; /* the run has freed it */
        nip__carrier_drop(&self->carrier, carried);
    }
    return 0;
}

/* Actions that the run no longer waits for: their deadline passed, or the way back began. */
static void drop_abandoned(run_op *self)
{
    nip__carried *next;
    for (nip__carried *carried = self->carrier.carried; carried != NULL; carried = next) {
        next = carried->next;
        if ((!carried->posted || carried->silent) && !nip__run_waits_for(self->run, carried->action))
            nip__carrier_drop(&self->carrier, carried);
    }
}

/* The run's own action, lent to its driver. What cannot be lent now is lent first in the next step: the run will not hand it out again. */
static int lend(run_op *self, nip_action *action, nip_error **err)
{
    int rc = nip__carrier_start(&self->carrier, action, err);
    self->unlent = rc < 0 ? action : NULL;
    return rc;
}

static int lend_unlent(run_op *self, nip_error **err)
{
    bool wanted = self->unlent != NULL && nip__run_waits_for(self->run, self->unlent);
    return wanted ? lend(self, self->unlent, err) : 0;
}

/* Hands out what is due. NIP_RUN_WAIT or NIP_RUN_DONE when there is nothing more. */
static int hand_out(run_op *self, nip_time now, nip_time *until, nip_error **err)
{
    int rc = lend_unlent(self, err);
    while (rc >= 0) {
        const nip_action *action = NULL;
        rc = nip__run_next(self->run, now, &action, until, err);
        drop_abandoned(self);
        if (rc != NIP_RUN_ACTION)
            break;
        rc = lend(self, (nip_action *)(uintptr_t)action, err);
    }
    return rc;
}

/* ---- the operation ---- */

static void poll_soon(void *data)
{
    run_op *self = data;
    self->polled = self->renewed = NIP_TIME_NONE;
}

static int poll_while_held(run_op *self, nip_error **err)
{
    if (self->held.loop != NULL || !nip__loop_is_held(self->op.loop))
        return 0;
    return nip__timer_set_real(self->op.loop, &self->held, POLL_EVERY, poll_soon, self, err);
}

static int wait_for(run_op *self, nip_time now, nip_time until, nip_error **err)
{
    nip_time poll = nip__time_add(self->polled, POLL_EVERY);
    int rc = nip__timer_set(self->op.loop, &self->poll, poll > now ? poll : now, NULL, NULL, err);
    if (rc == 0)
        rc = poll_while_held(self, err);
    if (rc < 0)
        return rc;
    if (until == NIP_TIME_MAX) {
        nip__timer_stop(&self->wake);
        return NIP_OP_MORE;
    }
    rc = nip__timer_set(self->op.loop, &self->wake, until, NULL, NULL, err);
    return rc < 0 ? rc : NIP_OP_MORE;
}

/* ---- after the end ---- */

/* What is not journaled yet is not told; whoever takes the run up again does both. What cannot be read is no failure of the run. */
static int open_outbox(run_op *self, nip_error **err)
{
    nip_error *error = NULL;
    drop_abandoned(self);
    int rc = self->run->unwritten != NULL ? 0 : nip__outbox_open(self->run, &self->carrier, self->again, &self->outbox, &error);
    self->told = rc == 0 || !(rc == NIP_E_NOMEM || (rc == NIP_E_BUSY && nip_error_retryable(error)));
    if (self->told) {
        nip_error_free(error);
        return 0;
    }
    nip__pass(err, error);
    return rc;
}

static int tell(run_op *self, nip_time now, nip_error **err)
{
    int rc = self->told ? 0 : open_outbox(self, err);
    if (rc == 0 && self->outbox != NULL)
        rc = nip__outbox_step(self->outbox, err);
    if (rc == NIP_OP_MORE)
        return wait_for(self, now, NIP_TIME_MAX, err);
    if (rc < 0)
        return rc;
    nip__outbox_free(self->outbox);
    self->outbox = NULL;
    if (nip__machine_over(self->run->machine))
        return NIP_OP_DONE;
    self->told = false; /* broken, and asked meanwhile to try the way back again */
    return wait_for(self, now, now, err);
}

static int advance(run_op *self, nip_time now, nip_error **err)
{
    nip_time until = NIP_TIME_MAX;
    int rc = look_around(self, now, err);
    if (rc == 0)
        rc = nip__carrier_dispatch(&self->carrier, err);
    if (rc == 0 && self->outbox != NULL)
        return tell(self, now, err);
    if (rc == 0)
        rc = take_outcomes(self, now, err);
    if (rc == 0)
        rc = hand_out(self, now, &until, err);
    if (rc == NIP_RUN_DONE)
        return tell(self, now, err);
    if (rc < 0)
        return rc;
    rc = nip__carrier_dispatch(&self->carrier, err); /* a driver may have work at once */
    return rc < 0 ? rc : wait_for(self, now, until, err);
}

static int step(nip_op *op, nip_error **err)
{
    run_op *self = (run_op *)op;
    nip_time now = nip__loop_now(op->loop);
    int64_t before = nip_run_sequence(self->run);
    nip_error *error = NULL;
    int rc = advance(self, now, &error);
    op->event |= nip_run_sequence(self->run) != before;
    if (rc == NIP_E_BUSY && nip_error_retryable(error)) {
        nip_error_free(error);
        return wait_for(self, now, nip__time_add(now, BUSY_PAUSE), err);
    }
    nip__pass(err, error);
    return rc;
}

static void let_go(nip_op *op)
{
    run_op *self = (run_op *)op;
    nip__outbox_free(self->outbox);
    self->outbox = NULL;
    nip__carrier_end(&self->carrier);
    if (self->drives)
        self->run->driven = self->drives = false;
}

/* One record of the journal's list, without the list's brackets. */
static int next_event(nip_op *op, const char **json, nip_error **err)
{
    run_op *self = (run_op *)op;
    if (nip_run_sequence(self->run) <= self->shown)
        return 0;
    char *list = NULL;
    int rc = nip_journal_read(self->run->store, self->run->subject, self->shown, 1, &list, err);
    if (rc < 0)
        return rc;
    size_t length = strlen(list);
    if (length <= 2) {
        nip_free(list);
        return 0;
    }
    list[length - 1] = '\0';
    nip_free(self->event);
    self->event = list;
    self->shown++;
    *json = list + 1;
    return 1;
}

static int status(nip_op *op, char **json, nip_error **err)
{
    return nip_run_status(((run_op *)op)->run, nip__loop_now(op->loop), json, err);
}

static void destroy(nip_op *op)
{
    run_op *self = (run_op *)op;
    let_go(op);
    nip__timer_stop(&self->wake);
    nip__timer_stop(&self->poll);
    nip__timer_stop(&self->held);
    nip_free(self->event);
    nip_ctx_free(self->ctx);
}

static const nip__op_kind run_kind = {
    .name = "run",
    .step = step,
    .let_go = let_go,
    .next_event = next_event,
    .status = status,
    .result = status,
    .destroy = destroy,
};

/* Events begin with what this process does: the plan's own record for a new run, the resume for an old one. */
static int64_t first_shown(const nip_run *run)
{
    return run->machine->phase == NIP__PLANNED ? run->planned - 1 : run->head;
}

/* The run will not hand them out again, and their answers would not come here: it would wait until their deadlines. */
static int check_none_out(const nip_run *run, nip_error **err)
{
    if (run->driven)
        return nip__fail(err, NIP_E_BUSY, "another operation drives run %s: free that first", run->id);
    for (const nip__handed *handed = run->handed; handed != NULL; handed = handed->next) {
        if (nip__run_waits_for(run, &handed->action))
            return nip__fail(err, NIP_E_STATE, "actions of run %s are out: free it and take it up again by nip_run_resume", run->id);
    }
    return 0;
}

/* What is over, or aborted before it began, asks nothing of anybody. */
static bool needs_drivers(const nip__machine *machine)
{
    return !nip__machine_over(machine) && !(machine->abort.set && machine->entry < 0 && machine->phase == NIP__PLANNED);
}

int nip__op_run_plan(nip_ctx *ctx, nip__loop *loop, nip_run *run, nip_drivers *drivers, nip_op **op, nip_error **err)
{
    int rc = check_none_out(run, err);
    if (rc == 0 && needs_drivers(run->machine))
        rc = nip__roles_bind(run->plan, ctx, drivers, err);
    if (rc < 0)
        return rc;
    run_op *self = nip__calloc(1, sizeof *self);
    if (self == NULL)
        return nip__nomem(err);
    self->run = run;
    self->ctx = nip__ctx_hold(ctx);
    self->again = nip__machine_over(run->machine);
    self->polled = self->renewed = NIP_TIME_NONE;
    self->clock_offset = clock_offset(self);
    self->shown = first_shown(run);
    rc = nip__op_init(&self->op, &run_kind, ctx, loop, err);
    if (rc == 0) /* a clock that was set back since the last record must not stop the run's time until it has caught up */
        nip__loop_not_before(self->op.loop, run->machine->now);
    if (rc == 0)
        rc = nip__carrier_begin(&self->carrier, self->op.loop, run->store, drivers, err);
    if (rc < 0) {
        nip_op_free(&self->op);
        return rc;
    }
    self->polled = self->renewed = nip__loop_now(self->op.loop);
    run->driven = self->drives = true;
    *op = &self->op;
    return 0;
}

int nip_op_run_plan(nip_ctx *ctx, nip_run *run, nip_drivers *drivers, nip_op **op, nip_error **err)
{
    NIP_ARG(ctx != NULL && run != NULL && drivers != NULL && op != NULL);
    return nip__op_run_plan(ctx, NULL, run, drivers, op, err);
}
