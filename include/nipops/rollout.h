/**
 * nipops/rollout.h: planners for one app's release. Pure: a document, the record of what is released now, and the observed
 * state (nip_op_observe) go in, a plan comes out.
 */
#ifndef NIPOPS_ROLLOUT_H
#define NIPOPS_ROLLOUT_H

#include "base.h"
#include "doc.h"
#include "plan.h"
#include "store.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Instances of the new and of the old version during a canary. */
typedef struct nip_split {
    int64_t canary;
    int64_t stable;
} nip_split;

/** How many more and how many fewer instances than wanted a rolling update may have. */
typedef struct nip_fenceposts {
    int64_t surge;
    int64_t unavailable;
} nip_fenceposts;

/**
 * Splits `replicas` between canary and stable so that the canary's share is nearest to `weight`.
 *
 * @param replicas  instances wanted in all, 0..1000000
 * @param weight    canary's share in percent, 0..100
 * @param surge     instances allowed beyond `replicas`, 0..1000000
 * @param split     out: a plain value
 * @return 0, or NIP_E_INVALID when an argument is out of range
 *
 * 0 < weight < 100 and replicas >= 2 leave at least one instance on each side (Argo Rollouts' canary.go can leave none), and the
 * canary never shrinks as weight grows. Otherwise the candidates and their order are those of Argo Rollouts.
 */
NIP_API int nip_canary_split(int64_t replicas, int64_t weight, int64_t surge, nip_split *split, nip_error **err);

/**
 * Resolves max_surge and max_unavailable as a Kubernetes Deployment does (ResolveFenceposts): a percentage of surge is rounded up,
 * one of unavailable down; if both come out 0, one may be unavailable; unavailable is never more than `replicas`.
 *
 * @param surge        "25%" or "3"
 * @param unavailable  "25%" or "0"
 * @return 0, or NIP_E_INVALID
 */
NIP_API int nip_rolling_fenceposts(int64_t replicas, const char *surge, const char *unavailable, nip_fenceposts *fenceposts,
                                   nip_error **err);

/**
 * Plans a rollout.
 *
 * @param doc       a rollout document
 * @param release   release record as JSON (nip_release_read), or NULL or "null" for the first release of the app
 * @param observed  observed state as JSON (the result of nip_op_observe)
 * @param plan      out, owned: nip_plan_free
 * @return 0, NIP_E_DOCUMENT (all problems at once), NIP_E_STATE (nothing to do, or the app is in a state that no plan may start from;
 *         the message says what would help)
 */
NIP_API int nip_rollout_plan(const nip_doc *doc, const char *release, const char *observed, nip_plan **plan, nip_error **err);

/**
 * Plans the release record of an application that runs already and that no rollout started. The plan starts, stops and routes nothing: it
 * checks that the router serves exactly the instances found, that all of them are healthy and as many as the document says, gives
 * those that the target does not know yet into its care (target/adopt), and records the release. What is not plain (other endpoints in
 * traffic, two versions, an unhealthy instance) is refused.
 *
 * @param doc       a rollout document that says what runs: version, artifact, replicas, command
 * @param release   release record as JSON, or NULL or "null"; an app that has one is refused
 * @param observed  observed state as JSON
 * @param plan      out, owned: nip_plan_free
 * @return 0, NIP_E_DOCUMENT, NIP_E_STATE (the message says what would help)
 */
NIP_API int nip_adopt_plan(const nip_doc *doc, const char *release, const char *observed, nip_plan **plan, nip_error **err);

/** Plans the way to the release before this one; at once where it is still held, else by a rolling update. */
NIP_API int nip_rollback_plan(const char *release, const char *observed, nip_plan **plan, nip_error **err);

/** Plans what makes the release record true again: after a reboot, a router's reload, a crash. A plan without steps: it is true. */
NIP_API int nip_ensure_plan(const char *release, const char *observed, nip_plan **plan, nip_error **err);

/**
 * Plans the end of versions that are held: stops them.
 *
 * @param now    held versions whose time is over by then are retired
 * @param force  1: all held versions, over or not
 */
NIP_API int nip_retire_plan(const char *release, const char *observed, nip_time now, int force, nip_plan **plan, nip_error **err);

/** Compares two observed states by what a plan depends on. 0 when they agree, NIP_E_DIFFERS with the differences in the message. */
NIP_API int nip_observed_compare(const char *planned, const char *fresh, nip_error **err);

/**
 * What a run found out about two versions: the verdict of a shadow, with all that it rests on. Made from the journal, so it is there as
 * long as the run's records are, whoever drove it; while the run is under way it says what is known so far.
 *
 * @param id      "shop-4", or a subject: its latest run
 * @param format  "text", "json" (docs/formats.md, "Report") or "html" (one page that needs nothing from elsewhere)
 * @param out     out, owned: nip_free
 * @return 0, NIP_E_NOTFOUND (no such run, or it compares nothing), NIP_E_INVALID (an unknown format), or what the store says
 */
NIP_API int nip_run_report(nip_store *store, const char *id, const char *format, char **out, nip_error **err);

#ifdef __cplusplus
}
#endif

#endif
