/* Hostile release records and observed states: every planner refuses or gives a plan that is one.
 *
 * Input: a rollout document, a release record and an observed state, between them a line "%%". */
#include "fuzz.h"

static void check_made(int rc, nip_plan *plan, nip_error *err)
{
    must(rc != NIP_E_INTERNAL && rc != NIP_E_NOMEM);
    if (rc < 0) {
        must(plan == NULL);
        fuzz_refused(rc, err);
        return;
    }
    fuzz_plan(plan);
    nip_plan_free(plan);
}

static void check_document(const char *text, const char *release, const char *observed)
{
    nip_doc *doc = NULL;
    if (nip_doc_load_text(text, strlen(text), "input", &doc, NULL) < 0)
        return;
    nip_plan *plan = NULL;
    nip_error *err = NULL;
    int rc = nip_rollout_plan(doc, release, observed, &plan, &err);
    check_made(rc, plan, err);
    nip_doc_free(doc);
}

static void check_records(const char *release, const char *observed)
{
    nip_plan *plan = NULL;
    nip_error *err = NULL;
    int rc = nip_rollback_plan(release, observed, &plan, &err);
    check_made(rc, plan, err);
    plan = NULL, err = NULL;
    rc = nip_ensure_plan(release, observed, &plan, &err);
    check_made(rc, plan, err);
    for (int force = 0; force <= 1; force++) {
        plan = NULL, err = NULL;
        rc = nip_retire_plan(release, observed, INT64_C(1700000000) * NIP_SECOND, force, &plan, &err);
        check_made(rc, plan, err);
    }
    err = NULL;
    rc = nip_observed_compare(observed, observed, &err);
    must(rc != NIP_E_DIFFERS);
    if (rc < 0)
        fuzz_refused(rc, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *rest = text;
    const char *document = fuzz_part(&rest, "%%"), *release = fuzz_part(&rest, "%%"),
               *observed = fuzz_part(&rest, "%%");
    if (observed != NULL) {
        check_document(document, release, observed);
        check_records(release, observed);
    }
    free(text);
    return 0;
}
