/**
 * nipops/run.h: runs. A run is a plan under way: the pure machine tied to a journal. It appends first and hands out nothing when
 * appending fails. It does no I/O but its store's, has no thread and asks no clock: `now` is given to every call. It is an instant at which
 * something can happen: NIP_TIME_MAX is none (NIP_E_INVALID).
 *
 * A host may drive a run itself, without drivers and callbacks:
 *
 *     while ((rc = nip_run_next(run, now, &action, &until, &err)) != NIP_RUN_DONE) {
 *         if (rc == NIP_RUN_ACTION) ... carry it out, then nip_run_complete(run, now, id, outcome, &err)
 *         if (rc == NIP_RUN_WAIT)   ... wait until `until` or until an outcome or a request arrives
 *     }
 *
 * States: planned, running, waiting, paused, returning, then succeeded, returned, stopped, or broken.
 */
#ifndef NIPOPS_RUN_H
#define NIPOPS_RUN_H

#include "base.h"
#include "driver.h"
#include "plan.h"
#include "store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nip_run nip_run;

enum {
    NIP_RUN_ACTION = 1, /* an action to carry out */
    NIP_RUN_WAIT = 2,   /* nothing to do before `until` or before an outcome or request arrives */
    NIP_RUN_DONE = 3,   /* the run is over */
};

/**
 * Begins a run: takes the subject's lease and journals the plan.
 *
 * @param plan   kept alive
 * @param store  borrowed until the run is freed
 * @param now    the present instant
 * @param run    out, owned: nip_run_free
 * @return 0, NIP_E_HELD (another process drives this subject), NIP_E_STATE (an earlier run of it is not over: resume or abort it),
 *         or what the store says
 */
NIP_API int nip_run_new(const nip_plan *plan, nip_store *store, nip_time now, nip_run **run, nip_error **err);

/**
 * Takes up a run that was left, by replaying its journal.
 *
 * @param id  "shop-1", or a subject: its latest run
 * @return 0, NIP_E_NOTFOUND, NIP_E_HELD, NIP_E_VERSION, NIP_E_CORRUPT
 */
NIP_API int nip_run_resume(nip_store *store, const char *id, nip_time now, nip_run **run, nip_error **err);

/** Looks at a run without taking its lease: for nip_run_status only. NIP_E_NOTFOUND when there is none. */
NIP_API int nip_run_open(nip_store *store, const char *id, nip_run **run, nip_error **err);

/**
 * What to do next. Call until it says NIP_RUN_WAIT or NIP_RUN_DONE; several actions may be out at once.
 *
 * @param now     the present instant; a value below an earlier one counts as that one
 * @param action  out on NIP_RUN_ACTION: borrowed until it is completed or the run is freed
 * @param until   out on NIP_RUN_WAIT: call again at this instant at the latest; NIP_TIME_MAX: only an outcome or a request helps
 * @return NIP_RUN_*, or an error: NIP_E_BUSY (an operation drives the run), NIP_E_FENCED (the lease was lost: stop), NIP_E_STORE, NIP_E_FULL, ...
 */
NIP_API int nip_run_next(nip_run *run, nip_time now, const nip_action **action, nip_time *until, nip_error **err);

/**
 * Reports an action's outcome (its form: nip_action_complete). A late or repeated report is recorded and otherwise ignored.
 *
 * @return 0, NIP_E_NOTFOUND (no such action), NIP_E_INVALID (not an outcome), NIP_E_BUSY (an operation drives the run), or what the store says
 */
NIP_API int nip_run_complete(nip_run *run, nip_time now, const char *action_id, const char *outcome, nip_error **err);

/** Reads requests that other processes appended meanwhile. Returns 1 when there were any, 0 when not. */
NIP_API int nip_run_poll(nip_run *run, nip_error **err);

/**
 * Appends a request for a run, from any process.
 *
 * @param id    "shop-1", or a subject: its latest run
 * @param kind  "approve" (a waiting approval), "pause", "promote" (ends the present wait or pause), "abort" (takes the change back;
 *              on a broken run: tries the failed step back again)
 * @param who   person or program, not empty; copied
 * @param why   reason; may be NULL
 * @param json  out, owned, may be NULL: {"run":"shop-1","sequence":17,"driven":true|false}: not driven means that nothing will
 *              happen until somebody resumes the run
 * @return 0, NIP_E_NOTFOUND, NIP_E_STATE when the run is over, NIP_E_INVALID for an unknown kind
 */
NIP_API int nip_run_request(nip_store *store, const char *id, const char *kind, const char *who, const char *why, nip_time at,
                            char **json, nip_error **err);

/** The run's id, "shop-1". Borrowed until nip_run_free. */
NIP_API const char *nip_run_id(const nip_run *run);
NIP_API const char *nip_run_subject(const nip_run *run);
/** Its state as in the header's list. Static. */
NIP_API const char *nip_run_state(const nip_run *run);
/** Sequence of the last record that the run has seen. */
NIP_API int64_t nip_run_sequence(const nip_run *run);

/**
 * The whole as JSON: state, step, attempt, what it waits for and until when, guards with their last values and limits, reason of
 * an end, what stands how when broken, release record. Owned: nip_free.
 */
NIP_API int nip_run_status(const nip_run *run, nip_time now, char **json, nip_error **err);

/** Leaves the run as it is, resumable, and gives the lease back. NULL is fine. */
NIP_API void nip_run_free(nip_run *run);

/** Runs of a store, newest first: [{"run","subject","state","title","started","ended"}]. `subject` may be NULL. Owned. */
NIP_API int nip_run_list(nip_store *store, const char *subject, char **json, nip_error **err);

/** The release record that `subject` stands at, as JSON, or "null" when nothing was released yet. Owned: nip_free. */
NIP_API int nip_release_read(nip_store *store, const char *subject, char **json, nip_error **err);

#ifdef __cplusplus
}
#endif

#endif
