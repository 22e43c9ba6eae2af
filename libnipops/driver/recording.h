/* A file of recorded requests, read and pinned. */
#ifndef NIP__RECORDING_H
#define NIP__RECORDING_H

#include "base/error.h"
#include "nipops/driver.h"
#include "compare/requests.h"

enum { NIP__SHA256_TEXT = 65 };

typedef struct nip__recording_file {
    nip__recording recording;
    const char *path; /* absolute */
    int64_t bytes;
    char sha256[NIP__SHA256_TEXT];
} nip__recording_file;

/* Reads the file that `args` (nip__recording_fields) name, into `arena`. NIP_E_DIFFERS when it is not the one whose SHA-256 they name,
 * NIP_E_IO, NIP_E_LIMIT, NIP_E_DOCUMENT, NIP_E_SYNTAX. */
int nip__recording_load(nip__arena *arena, const nip__value *args, nip__recording_file *file, nip_error **err);
/* Completes the action with why that failed. */
void nip__recording_refuse(nip_action *action, const nip_error *why);
/* What results say of it. */
void nip__recording_put(nip__arena *arena, nip__value *result, const nip__recording_file *file);

#endif
