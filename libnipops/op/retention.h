/* How long a server of Prometheus keeps samples, as it says itself (/api/v1/status/runtimeinfo). Others that speak its query API say nothing. */
#ifndef NIP__RETENTION_H
#define NIP__RETENTION_H

#include "op/query.h"

/* Embedded in its owner; zeroed before its first use. */
typedef struct nip__retention {
    nip__http *http;  /* NULL: nothing is under way */
    int64_t kept_ms;  /* 0: not known, or not by time */
    char text[64];    /* as the server has it: "15d" */
    void (*done)(void *data);
    void *data;
} nip__retention;

/* "15d", "1y2w", "15d or 10GiB": a length of time, and its text. False: it says none. */
bool nip__retention_read(const char *text, nip__retention *retention);

/* 0, NIP_E_NOMEM, NIP_E_INVALID: as it is in the settings. Whatever comes of it is no failure: then it is not known. */
int nip__retention_start(nip__retention *retention, nip__loop *loop, const nip__value *settings, const char *place, void (*done)(void *data),
                         void *data, nip_error **err);
void nip__retention_stop(nip__retention *retention); /* `done` is not called */

#endif
