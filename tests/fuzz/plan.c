/* Any text as a plan: refused with reasons, or the same plan again from its own JSON, explainable, with a status. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nip_plan *plan = NULL;
    nip_error *err = NULL;
    int rc = nip_plan_from_json((const char *)data, size, &plan, &err);
    if (rc < 0) {
        fuzz_refused(rc, err);
        return 0;
    }
    fuzz_plan(plan);
    nip_plan_free(plan);
    return 0;
}
