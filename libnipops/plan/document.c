/* A plan as a kind of document: checked by reading it. */
#include "doc/doc.h"
#include "plan/plan.h"

static void check(const nip__value *normalized, const nip__value *original, const char *file, nip__problems *problems)
{
    (void)normalized;
    nip__arena *arena = nip__arena_new();
    nip_plan *plan = NULL;
    nip_error *error = NULL;
    if (arena == NULL) {
        problems->nomem = 1;
        return;
    }
    if (nip__plan_from_value(arena, nip__copy(arena, original), file, &plan, &error) == 0) {
        nip_plan_free(plan);
        return;
    }
    for (int i = 0; i < nip_error_count(error); i++) {
        const nip_error *one = nip_error_at(error, i);
        if (nip_error_code(one) == NIP_E_NOMEM)
            problems->nomem = 1;
        else
            nip__problems_copy(problems, one);
    }
    nip_error_free(error);
    nip__arena_free(arena);
}

const nip__doc_kind nip__doc_plan = {.name = "plan", .fields = NULL, .check = check};
