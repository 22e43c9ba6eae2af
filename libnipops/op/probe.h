/* Asking one target once: an HTTP request, a TCP connection or a command, and what its answer is worth. */
#ifndef NIP__PROBE_H
#define NIP__PROBE_H

#include "doc/value.h"
#include "op/fill.h"
#include "op/loop.h"

/* Everything is borrowed until the probe has ended. Exactly one of url and argv. */
typedef struct nip__probe_spec {
    const char *url;                 /* http://, https:// or tcp://HOST:PORT */
    const char *connect_url;         /* of a tcp:// URL: what is connected to, as http://. Else NULL */
    nip__http_profile *http, *connect; /* nip__probe_prepare */
    const char *const *argv;         /* a command; ends with NULL */
    const char *const *env;          /* "NAME=value", ends with NULL; may be NULL */
    const char *folder;              /* working folder of the command; NULL: the host's */
    const char *const *headers;      /* "name: value", ends with NULL; may be NULL */
    const nip__value *expect;        /* nip__expect_fields; NULL: any 2xx, or exit code 0 */
    const nip__value *tls;           /* nip__tls_fields; NULL: the system's authorities */
    nip_duration timeout;
    bool any_reply;                  /* an HTTP reply is good whatever it says */
    bool keepalive;
} nip__probe_spec;

typedef struct nip__probe_result {
    /* NULL: good; else static: a reason of op/loop.h or docs/formats.md, "unhealthy" for an answer that is not good */
    const char *reason;
    const char *message;   /* one line naming the target, secrets masked; "" when good */
    bool ours;             /* the reason lies on this side (descriptors, memory): nothing is known of the target */
    nip_duration latency;
    const char *output;    /* of a command; else "" */
    size_t output_length;
} nip__probe_result;

typedef struct nip__probe nip__probe;

/* What many specs have in common is prepared once: fills in `http` and `connect` from headers, tls, timeout and
 * keepalive. They are copied with the spec, and released once, when no probe of theirs is left. NIP_E_NOMEM;
 * NIP_E_INVALID when a header cannot be sent. */
int nip__probe_prepare(nip__loop *loop, nip__probe_spec *common, nip_error **err);
void nip__probe_release(nip__probe_spec *common);

/* Begins it. `done` is called once, never before this returns; the probe is gone afterwards. What cannot be begun
 * (no such program, a bad URL) is reported through `done` too; only NIP_E_NOMEM is returned. */
int nip__probe_start(nip__loop *loop, const nip__probe_spec *spec,
                     void (*done)(void *data, const nip__probe_result *result), void *data, nip__probe **probe,
                     nip_error **err);
void nip__probe_stop(nip__probe *probe); /* `done` is not called. NULL is fine */

/* What a document's map with url, tcp, command, env, expect says, placeholders filled in; in `arena`. `tcp: true`
 * stands for {endpoint}. False when out of memory. Headers, tls and timeout are the caller's. */
bool nip__probe_describe(nip__arena *arena, const nip__value *target, const nip__fill *fills, nip__probe_spec *spec);
/* How to call the target in results: its masked URL, or its program. NULL: no memory. */
char *nip__probe_label(nip__arena *arena, const nip__probe_spec *spec);

#endif
