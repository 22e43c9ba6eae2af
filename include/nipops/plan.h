/**
 * nipops/plan.h: plans. A plan is data: steps forward, a list of steps back, guards. It can be printed, explained, stored
 * and run later; docs/formats.md describes its JSON.
 */
#ifndef NIPOPS_PLAN_H
#define NIPOPS_PLAN_H

#include "base.h"
#include "doc.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nip_plan nip_plan;

#define NIP_PLAN_FORMAT 1    /* newest plan format that this library writes and runs */
#define NIP_STEPS_MAX 100000 /* most steps of a plan, forward and back together */

/**
 * Reads a plan and proves it runnable: ids are unique, references point to earlier steps, `back` entries and guard ranges exist.
 *
 * @param plan  out, owned: nip_plan_free
 * @return 0, NIP_E_SYNTAX, NIP_E_DOCUMENT (all problems at once), NIP_E_VERSION for a format newer than NIP_PLAN_FORMAT
 */
NIP_API int nip_plan_from_json(const char *json, size_t length, nip_plan **plan, nip_error **err);
/** The same for a document that was loaded already (positions in messages). The document may be freed afterwards. */
NIP_API int nip_plan_from_doc(const nip_doc *doc, nip_plan **plan, nip_error **err);
/** The plan as JSON; reading it back gives an equal plan. Owned: nip_free. */
NIP_API int nip_plan_to_json(const nip_plan *plan, char **json, nip_error **err);
/**
 * The plan for people: every step with what it does, what it requires, when it is done, how long it may take, "if it fails here"
 * and the guards. Plain text without colours. Owned: nip_free.
 */
NIP_API int nip_plan_explain(const nip_plan *plan, char **text, nip_error **err);
/** What the plan acts on. Borrowed until nip_plan_free. */
NIP_API const char *nip_plan_subject(const nip_plan *plan);
/** The "drivers" part as JSON, for nip_drivers_open. Borrowed until nip_plan_free. */
NIP_API const char *nip_plan_drivers(const nip_plan *plan);
/** Number of steps forward. */
NIP_API int64_t nip_plan_steps(const nip_plan *plan);
/** Gives up the caller's hold; runs keep it alive. NULL is fine. */
NIP_API void nip_plan_free(nip_plan *plan);

#ifdef __cplusplus
}
#endif

#endif
