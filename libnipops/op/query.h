/* Requests to Prometheus' HTTP API, by settings as documents have them: url, timeout, bearer, basic, tls. */
#ifndef NIP__QUERY_H
#define NIP__QUERY_H

#include "doc/value.h"
#include "op/loop.h"

/* ---- forms: "query=up&time=1700000000.000" ---- */

void nip__query_put(nip__buffer *form, const char *name, const char *value);
void nip__query_put_ms(nip__buffer *form, const char *name, int64_t ms); /* as seconds: an instant, or how long */

/* ---- requests ---- */

typedef struct nip__query {
    const nip__value *settings;
    const char *place;       /* where they stand, for messages: "metrics" */
    const char *path;        /* behind /api/v1/: "query" */
    const nip__buffer *form; /* posted; NULL: it is a GET */
    size_t reply_max;
    int (*take)(void *data, const char *bytes, size_t length); /* NULL: the reply has the body (op/loop.h) */
} nip__query;

/* Secrets are read anew. NIP_E_NOMEM; NIP_E_INVALID, as it is in the settings, whatever it is. */
int nip__query_start(nip__loop *loop, const nip__query *query, void (*done)(void *data, const nip__http_reply *reply), void *data,
                     nip__http **http, nip_error **err);

/* ---- what came instead of a reply ---- */

/* A transfer's reason as that of an action; its retry is of use or not. */
const char *nip__query_lost(const char *reason, bool *retryable);
/* A status that Prometheus' own API would not give without a JSON error: a proxy, or not Prometheus at all. The message; NULL: no memory. */
const char *nip__query_foreign(nip__arena *arena, const nip__query *query, int status, const char **reason, bool *retryable);

#endif
