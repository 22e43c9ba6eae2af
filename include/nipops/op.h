/**
 * nipops/op.h: operations. Whatever waits is a nip_op. It is driven in one of three ways:
 *
 *     nip_op_run(op, &err)                                        blocks until it is over: scripts, commands
 *     while ((rc = nip_op_wait(op, 200 * NIP_MILLISECOND, &err)) == NIP_OP_MORE) ...      slices: Python, Go
 *     poll nip_op_fd(op) for reading, then nip_op_step(op, &err)  inside a host's own loop; a step never blocks
 *
 * With a virtual clock, waiting moves the clock instead. Only nip_op_cancel may be called from another thread or from a signal handler.
 */
#ifndef NIPOPS_OP_H
#define NIPOPS_OP_H

#include "base.h"
#include "ctx.h"
#include "driver.h"
#include "run.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nip_op nip_op;

enum {
    NIP_OP_DONE = 0, /* over: nip_op_result has what came out */
    NIP_OP_MORE = 1, /* not over yet */
};

/**
 * Runs a plan: hands the run's actions to drivers, waits, reports outcomes, polls for requests (every 250 ms), renews the lease.
 * A rollout that was taken back is an outcome, not an error.
 *
 * @param run      borrowed until the operation is freed
 * @param drivers  kept alive; what the plan's "drivers" name and the set lacks is opened and added, so that a new set is enough.
 *                 Built-in drivers that wait serve one operation at a time, until it is over or freed
 * @return 0, NIP_E_BUSY (the run, or one of the drivers, is in use by another operation), NIP_E_STATE (a role of the plan is bound to no driver; or an
 *         earlier operation, or the host itself, has handed out actions of this run: free it and take it up again by nip_run_resume),
 *         or what opening a driver says
 */
NIP_API int nip_op_run_plan(nip_ctx *ctx, nip_run *run, nip_drivers *drivers, nip_op **op, nip_error **err);

/**
 * Asks the drivers how things stand.
 *
 * @param doc      a rollout document; NULL when `release` is given
 * @param release  a release record (JSON) whose own document says what to ask; may be NULL when `doc` is given
 * @param drivers  kept alive. Built-in drivers that wait serve one operation at a time, until it is over or freed: NIP_E_BUSY
 *
 * nip_op_result gives the observed state that planners take.
 */
NIP_API int nip_op_observe(nip_ctx *ctx, const nip_doc *doc, const char *release, nip_drivers *drivers, nip_op **op,
                           nip_error **err);

/**
 * Does a whole rollout: observes, plans, runs the plan. What it does while another run of the app is not over says the document's when_busy
 * (overridden by nip_doc_set(doc, "/rollout/when_busy", ...)):
 *
 *     refuse     (default) NIP_E_HELD while somebody drives that run, NIP_E_STATE while nobody does
 *     queue      waits until the run is over, however it ends; then observes and plans. Of several that wait the newest comes next, the others
 *                give way: NIP_E_STATE
 *     supersede  asks the run to abort, waits until it is back (drives it back itself while nobody else does), then observes and plans
 *     restart    the same, for a run of the very same version only
 *
 * A run that ends broken, or is broken, is no turn for those that wait: NIP_E_STATE. Nobody waits longer than a week: NIP_E_TIMEOUT.
 *
 * @param doc      a rollout document; borrowed until the operation is freed
 * @param store    borrowed until the operation is freed
 * @param drivers  kept alive; what the document names and the set lacks is opened and added. A run that is taken back has its own drivers, and
 *                 of these only what was bound before this call
 * @param who      person or program, not empty; copied: who waits, and who asks the other run to abort
 * @return 0, NIP_E_DOCUMENT, or what the store says
 *
 * Events are the app's journal from here on, records of a run that is waited for included. nip_op_result gives the status of the run that it made.
 * Cancelled while it waits, it leaves the queue, and nothing was begun; what it asked of another run stays asked.
 */
NIP_API int nip_op_rollout(nip_ctx *ctx, const nip_doc *doc, nip_store *store, nip_drivers *drivers, const char *who, nip_op **op,
                           nip_error **err);

/**
 * Collects what the indicators of an sla document measured from its Prometheus (`metrics`), and adds it to the journal of its service level: raw
 * samples, exactly; what of a reply is partial or came with a warning does not count. Whoever collects the same again, or other stretches in whatever
 * order, gets the same slices, and only what is new is added. What the server does not keep any more stays missing, and the result says so.
 *
 * @param doc    a document of kind "sla"; not needed any more when this returns
 * @param store  borrowed until the operation is freed
 * @param begin  NIP_TIME_NONE: each indicator from where the journal ends for it; where it has nothing, from the beginning of the present period of the
 *               document's kind
 * @param end    NIP_TIME_NONE: now. Slices are final once their indicator's max_gap has passed since their end; later ones wait for the next time
 * @param revision  0; a higher one corrects slices that were recorded otherwise, such as those for which late samples came since
 * @return 0, NIP_E_DOCUMENT, NIP_E_INVALID (begin is not before end, nobody is named that could be asked), or what the store says
 *
 * nip_op_result gives {"v":1, "sla":.., "at":.., "begin":.., "end":.., "known": slices, "missing": slices, "waiting": slices, "server":{"retention":"15d"},
 * "indicators":[{"name", "kind", "begin", "end", "known", "missing", "waiting", "samples", "series", "resets", "births", "gaps", "unplaced", "hidden", "absent",
 * "problems":[..], "warnings":[..]}], "added":{"sequence", "records", "slices", "known", "contradicted": slices that are recorded otherwise, and were left as they are}}; nip_op_status the same while it goes on, without "added". It is added
 * when all was asked: one that was cancelled or has failed has added nothing.
 */
NIP_API int nip_op_sla_collect(nip_ctx *ctx, nip_store *store, const nip_doc *doc, nip_time begin, nip_time end, int64_t revision, nip_op **op,
                               nip_error **err);

/** Drives the operation to its end. 0, or why it could not be carried on (NIP_E_CANCELLED after nip_op_cancel). */
NIP_API int nip_op_run(nip_op *op, nip_error **err);
/** Drives for at most `timeout`; returns NIP_OP_MORE, NIP_OP_DONE or an error. Returns early when an event arrived. */
NIP_API int nip_op_wait(nip_op *op, nip_duration timeout, nip_error **err);
/** One pollable descriptor that becomes readable when nip_op_step has something to do. Owned by the operation. */
NIP_API int nip_op_fd(const nip_op *op);
/** Does what is due without waiting; returns like nip_op_wait. */
NIP_API int nip_op_step(nip_op *op, nip_error **err);
/** Asks the operation to stop soon; a run stays resumable. Any thread, and signal handlers. */
NIP_API void nip_op_cancel(nip_op *op);

/**
 * Next event as JSON, a record as nip_journal_read gives it. Returns 1 with an event, 0 when there is none now.
 *
 * @param json  out: borrowed until the next call on this operation
 */
NIP_API int nip_op_next_event(nip_op *op, const char **json, nip_error **err);
/** Progress that is not in the journal, as JSON. Owned: nip_free. */
NIP_API int nip_op_status(nip_op *op, char **json, nip_error **err);
/** What came out, as JSON. NIP_E_STATE before the end. Owned: nip_free. */
NIP_API int nip_op_result(nip_op *op, char **json, nip_error **err);
/** Ends it; a run under way stays resumable. NULL is fine. */
NIP_API void nip_op_free(nip_op *op);

#ifdef __cplusplus
}
#endif

#endif
