/* Files of manifests of other tools: YAML documents between lines of ---, an account of what became of their parts, and the result of a conversion. */
#ifndef NIP__MANIFESTS_H
#define NIP__MANIFESTS_H

#include "doc/value.h"

enum { NIP__MANIFESTS_MAX = 100, NIP__MANIFESTS_RESULT_MAX = 4 * 1024 * 1024 };

/* What became of a part of a manifest. */
typedef enum nip__argo_fate {
    NIP__ARGO_CHANGED, /* carried over, but means something a little different here */
    NIP__ARGO_DROPPED, /* cannot be carried over */
    NIP__ARGO_GUESSED, /* the manifest does not say it; somebody must look */
} nip__argo_fate;

/* Calls `each` for every map among the documents, whose lines are those of the whole text. NIP_E_SYNTAX, NIP_E_LIMIT, NIP_E_NOMEM. */
int nip__manifests_read(nip__arena *arena, const char *text, size_t length, const char *name, void (*each)(void *data, const nip__value *manifest), void *data,
                        nip_error **err);
/* Adds to `notes` what became of `at` ("spec.objectives[2]"), whose place is that of `where` (may be NULL); what was said before is said once. */
void nip__manifests_note(nip__arena *arena, nip__value *notes, nip__argo_fate fate, const nip__value *where, const char *at, const char *message);
/* {v, document, notes} as owned text. `yaml` is freed; NULL: out of memory. */
int nip__manifests_result(nip__arena *arena, char *yaml, const nip__value *notes, char **json, nip_error **err);

#endif
