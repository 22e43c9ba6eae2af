/* Every constant of the public headers by name, for languages that cannot read macros and enums. */
#include <string.h>

#include "nipops.h"

#include "base/error.h"

static const struct {
    const char *name;
    int64_t value;
} constants[] = {
    /* nipops/base.h */
    {"NIP_VERSION_MAJOR", NIP_VERSION_MAJOR},
    {"NIP_VERSION_MINOR", NIP_VERSION_MINOR},
    {"NIP_VERSION_PATCH", NIP_VERSION_PATCH},
    {"NIP_TIME_NONE", NIP_TIME_NONE},
    {"NIP_TIME_MAX", NIP_TIME_MAX},
    {"NIP_MICROSECOND", NIP_MICROSECOND},
    {"NIP_MILLISECOND", NIP_MILLISECOND},
    {"NIP_SECOND", NIP_SECOND},
    {"NIP_MINUTE", NIP_MINUTE},
    {"NIP_HOUR", NIP_HOUR},
    {"NIP_OK", NIP_OK},
    {"NIP_E_INVALID", NIP_E_INVALID},
    {"NIP_E_NOMEM", NIP_E_NOMEM},
    {"NIP_E_NOTFOUND", NIP_E_NOTFOUND},
    {"NIP_E_CONFLICT", NIP_E_CONFLICT},
    {"NIP_E_BUSY", NIP_E_BUSY},
    {"NIP_E_CANCELLED", NIP_E_CANCELLED},
    {"NIP_E_TIMEOUT", NIP_E_TIMEOUT},
    {"NIP_E_IO", NIP_E_IO},
    {"NIP_E_LIMIT", NIP_E_LIMIT},
    {"NIP_E_UNSUPPORTED", NIP_E_UNSUPPORTED},
    {"NIP_E_STATE", NIP_E_STATE},
    {"NIP_E_USER", NIP_E_USER},
    {"NIP_E_INTERNAL", NIP_E_INTERNAL},
    {"NIP_E_SYNTAX", NIP_E_SYNTAX},
    {"NIP_E_DOCUMENT", NIP_E_DOCUMENT},
    {"NIP_E_VERSION", NIP_E_VERSION},
    {"NIP_E_STORE", NIP_E_STORE},
    {"NIP_E_CORRUPT", NIP_E_CORRUPT},
    {"NIP_E_HELD", NIP_E_HELD},
    {"NIP_E_FENCED", NIP_E_FENCED},
    {"NIP_E_READONLY", NIP_E_READONLY},
    {"NIP_E_FULL", NIP_E_FULL},
    {"NIP_E_DRIVER", NIP_E_DRIVER},
    {"NIP_E_DIFFERS", NIP_E_DIFFERS},
    /* nipops/store.h */
    {"NIP_RECORD_MAX", NIP_RECORD_MAX},
    {"NIP_SUBJECT_MAX", NIP_SUBJECT_MAX},
    /* nipops/analysis.h */
    {"NIP_VERDICT_PASS", NIP_VERDICT_PASS},
    {"NIP_VERDICT_NO_DATA", NIP_VERDICT_NO_DATA},
    {"NIP_VERDICT_INCONCLUSIVE", NIP_VERDICT_INCONCLUSIVE},
    {"NIP_VERDICT_FAIL", NIP_VERDICT_FAIL},
    /* nipops/plan.h */
    {"NIP_PLAN_FORMAT", NIP_PLAN_FORMAT},
    {"NIP_STEPS_MAX", NIP_STEPS_MAX},
    /* nipops/driver.h */
    {"NIP_VERB_READ", NIP_VERB_READ},
    {"NIP_VERB_DECLARATIVE", NIP_VERB_DECLARATIVE},
    {"NIP_VERB_ONCE", NIP_VERB_ONCE},
    /* nipops/run.h */
    {"NIP_RUN_ACTION", NIP_RUN_ACTION},
    {"NIP_RUN_WAIT", NIP_RUN_WAIT},
    {"NIP_RUN_DONE", NIP_RUN_DONE},
    /* nipops/op.h */
    {"NIP_OP_DONE", NIP_OP_DONE},
    {"NIP_OP_MORE", NIP_OP_MORE},
};

int nip_constant(const char *name, int64_t *value, nip_error **err)
{
    NIP_ARG(name != NULL && value != NULL);
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        if (strcmp(constants[i].name, name) == 0) {
            *value = constants[i].value;
            return 0;
        }
    }
    return nip__fail(err, NIP_E_NOTFOUND, "no constant is named \"%.64s\"", name);
}

#define TEXT_OF(x)                        #x
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *nip_version(void)
{
    return VERSION_TEXT(NIP_VERSION_MAJOR, NIP_VERSION_MINOR, NIP_VERSION_PATCH);
}
