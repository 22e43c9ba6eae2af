/* Errors: made where they happen, immutable afterwards. See nipops/base.h for what each field means. */
#ifndef NIP__ERROR_H
#define NIP__ERROR_H

#include "nipops/base.h"

#define NIP__PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))

/* Sets *err (when err is not NULL) to a new error and returns `code`, so that `return nip__fail(err, NIP_E_..., "...")` reads well.
 * When memory is out, *err becomes the static out-of-memory error and NIP_E_NOMEM is returned. */
int nip__fail(nip_error **err, int code, const char *format, ...) NIP__PRINTF(3, 4);
/* The same with an errno, whose text is appended to the message: "...: No space left on device". */
int nip__fail_errno(nip_error **err, int code, int os_errno, const char *format, ...) NIP__PRINTF(4, 5);
/* The same with a place in a document. file and path may be NULL (copied), line and column 0. The message that nip_error_message
 * gives begins with "file:line:column: ". */
int nip__fail_at(nip_error **err, int code, const char *file, int line, int column, const char *path, const char *format, ...)
    NIP__PRINTF(7, 8);
/* NIP_E_NOMEM with the static error. */
int nip__nomem(nip_error **err);
/* Wraps *err: the new error's cause is the old one. Its code is kept. */
int nip__wrap(nip_error **err, const char *format, ...) NIP__PRINTF(2, 3);
/* Hands an error on: *err becomes `error`, or `error` is freed when nobody wants it. NULL is fine. */
void nip__pass(nip_error **err, nip_error *error);
/* Marks the error as one that the same call may overcome later. No-op on NULL and on the static error. */
void nip__error_set_retryable(nip_error *err);
void nip__error_set_http_status(nip_error *err, int status);

/* Problems collected one by one, reported as one error: "rollout.yaml:3:5: ... (and 2 more problems)", in the
 * order of their places. At most 100 are kept. */
typedef struct nip__problems {
    nip_error **list;
    int count;
    int dropped;
    int nomem;
} nip__problems;

void nip__problems_add(nip__problems *problems, const char *file, int line, int column, const char *path, const char *format, ...)
    NIP__PRINTF(6, 7);
/* One that was found elsewhere: its message names its place already. */
void nip__problems_copy(nip__problems *problems, const nip_error *found);
/* One that was found in a part of the file, without it: its message begins with this place. */
void nip__problems_place(nip__problems *problems, const nip_error *found, const char *file, int line, int column);
/* 1 when no more are kept: what costs to find out need not be found out. */
int nip__problems_full(const nip__problems *problems);
/* 0 when there are none; else an error with `code` (a single problem keeps its own form) that owns them. Empties the collection. */
int nip__problems_finish(nip__problems *problems, int code, nip_error **err);

/* Argument check of public functions: a broken rule is the caller's defect, named in the message. */
#define NIP_ARG(condition)                                                                                                       \
    do {                                                                                                                         \
        if (!(condition))                                                                                                        \
            return nip__fail(err, NIP_E_INVALID, "%s: this must hold for its arguments: %s", __func__, #condition);              \
    } while (0)

#endif
