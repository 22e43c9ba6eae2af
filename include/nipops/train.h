/**
 * nipops/train.h: release trains, several apps that are released together, in an order, all or none of them.
 *
 * A train is a document (key "train") that names the apps' rollout documents. Its plan has two kinds of steps: each app is brought
 * as far as its barrier (the new version has all traffic and is proven, the old one is still there), and only when all of them
 * stand there each is let go on to its end. When one fails, all go back. Each app keeps its own journal, run, lease and release record;
 * the train has those of its own, and its run is driven like any other (nip_op_run_plan), which drives the apps' runs inside it.
 *
 *     for (i = 0; i < nip_train_apps(train); i++) {
 *         nip_train_app(train, i, &doc, &err);                       a rollout document
 *         ... nip_release_read, nip_op_observe, nip_rollout_plan     its plan, as for a rollout of its own
 *     }
 *     nip_train_plan(train, "[PLAN, PLAN, ...]", &plan, &err);
 */
#ifndef NIPOPS_TRAIN_H
#define NIPOPS_TRAIN_H

#include "base.h"
#include "doc.h"
#include "plan.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Number of apps that a train document lists, 0 when it lists none. The document need not be valid. */
NIP_API int64_t nip_train_apps(const nip_doc *doc);

/**
 * The rollout document of one app of a train: read from its file, whose path is seen from the train's own file, or taken out of the
 * train's document. Where the train has a barrier, the document's `barrier` is set; nothing else is changed, and nothing is checked
 * (nip_doc_check).
 *
 * @param doc    a train document
 * @param index  0 .. nip_train_apps - 1, in the document's order
 * @param app    out, owned: nip_doc_free
 * @return 0, NIP_E_NOTFOUND (no such index), NIP_E_IO, NIP_E_SYNTAX, NIP_E_LIMIT, NIP_E_DOCUMENT
 */
NIP_API int nip_train_app(const nip_doc *doc, int64_t index, nip_doc **app, nip_error **err);

/**
 * Plans a train. Pure.
 *
 * @param doc    a train document
 * @param plans  JSON list of the apps' plans (nip_plan_to_json of nip_rollout_plan), one for each app in the document's order, made from
 *               the documents that nip_train_app gives
 * @param plan   out, owned: nip_plan_free. It holds the apps' plans: whoever takes its run up needs nothing but the store
 * @return 0, NIP_E_DOCUMENT (all problems at once: an `after` that names no app or goes in a circle, two apps of one name),
 *         NIP_E_STATE (a plan without barrier), NIP_E_SYNTAX, NIP_E_INVALID (not as many plans as apps)
 */
NIP_API int nip_train_plan(const nip_doc *doc, const char *plans, nip_plan **plan, nip_error **err);

#ifdef __cplusplus
}
#endif

#endif
