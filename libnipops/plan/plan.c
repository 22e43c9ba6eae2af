/* Plans: made from text or a document, shared, printed. */
#include "plan/plan.h"

#include "base/memory.h"
#include "doc/doc.h"
#include "doc/json.h"

nip_plan *nip__plan_hold(const nip_plan *plan)
{
    nip_plan *held = (nip_plan *)(uintptr_t)plan; /* a hold is not a change that anyone can see */
    atomic_fetch_add(&held->holds, 1);
    return held;
}

void nip_plan_free(nip_plan *plan)
{
    if (plan == NULL || atomic_fetch_sub(&plan->holds, 1) != 1)
        return;
    nip__free(plan->drivers);
    nip__arena_free(plan->arena);
    nip__free(plan);
}

int nip__plan_from_value(nip__arena *arena, nip__value *root, const char *name, nip_plan **plan, nip_error **err)
{
    nip_plan *made = nip__calloc(1, sizeof *made);
    if (made == NULL || nip__arena_failed(arena)) {
        nip__free(made);
        return nip__nomem(err);
    }
    atomic_init(&made->holds, 1);
    made->arena = arena;
    int rc = nip__plan_read(made, root, name, err);
    if (rc < 0) {
        made->arena = NULL; /* stays the caller's */
        nip_plan_free(made);
        return rc;
    }
    *plan = made;
    return 0;
}

int nip_plan_from_json(const char *json, size_t length, nip_plan **plan, nip_error **err)
{
    NIP_ARG(json != NULL && plan != NULL);
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    nip__value *root = NULL;
    int rc = nip__json_read(arena, json, length, "plan", &nip__internal_limits, &root, err);
    if (rc == 0)
        rc = nip__plan_from_value(arena, root, "plan", plan, err);
    if (rc < 0)
        nip__arena_free(arena);
    return rc;
}

int nip_plan_from_doc(const nip_doc *doc, nip_plan **plan, nip_error **err)
{
    NIP_ARG(doc != NULL && plan != NULL);
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    int rc = nip__plan_from_value(arena, nip__copy(arena, nip__doc_root(doc)), nip__doc_file(doc), plan, err);
    if (rc < 0)
        nip__arena_free(arena);
    return rc;
}

int nip_plan_to_json(const nip_plan *plan, char **json, nip_error **err)
{
    NIP_ARG(plan != NULL && json != NULL);
    char *text = nip__json_text(plan->root);
    if (text == NULL)
        return nip__nomem(err);
    *json = text;
    return 0;
}

const char *nip_plan_subject(const nip_plan *plan)
{
    return plan != NULL ? plan->subject : "";
}

const char *nip_plan_drivers(const nip_plan *plan)
{
    return plan != NULL ? plan->drivers : "{}";
}

int64_t nip_plan_steps(const nip_plan *plan)
{
    return plan != NULL ? (int64_t)plan->steps[NIP__FORWARD].count : 0;
}
