/* Asking what the app needs from elsewhere: dependencies.c asks all of an action at once, and each kind of dependency is one file.
 * An inquiry ends exactly once. What ends it may free it, so it is the last thing that is done. */
#ifndef NIP__DEPENDENCIES_H
#define NIP__DEPENDENCIES_H

#include "driver/check.h"
#include "health/dependency.h"

typedef struct nip__inquiry nip__inquiry;
struct nip__inquiry {
    nip__inquiries *job;
    nip__loop *loop;
    nip__arena *arena;           /* the job's */
    const nip__value *asked;     /* the document's keys */
    nip__address address;        /* with `user` and `password` of those keys */
    const char *name;            /* for messages: "orders (tcp://db:5432)" */
    const char *where;           /* where its secret stands; NULL: it has none */
    const char *secret;          /* the address itself, when it stands elsewhere; NULL: in the document */
    const char *url;             /* that libcurl is given */
    const char *const *headers;  /* "name: value", ends with NULL */
    nip_duration timeout;
    nip__timer begin, late;
    void *state;                 /* of its kind */
    void (*stop)(nip__inquiry *inquiry); /* ends what waits; NULL: nothing does */
    bool ended;
    const char *reason;          /* NULL: it can be used */
    const char *detail, *advice, *version;
};

void nip__inquiry_good(nip__inquiry *inquiry);
/* Its secrets are masked in the detail, whoever quotes them. */
void nip__inquiry_bad(nip__inquiry *inquiry, const char *reason, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* "no_memory" or "no_descriptors": this side lacked something, and nothing is known of the dependency. */
void nip__inquiry_short(nip__inquiry *inquiry, const char *reason);
/* It answers, and this is its schema's version. */
void nip__inquiry_version(nip__inquiry *inquiry, const char *text, size_t length);
#define NIP__VERSIONS "nipops_versions" /* SQLite's collation that sorts them */
/* SELECT for the greatest version of schema.table; NULL: no memory. */
const char *nip__inquiry_select(nip__inquiry *inquiry, const nip__value *schema);

/* libcurl's reason and what it says, as the inquiry's end. */
void nip__inquiry_failed(nip__inquiry *inquiry, const nip__http_reply *reply);
/* Connects and closes again. The transfer is the caller's to stop until `done`. */
void nip__inquiry_connect(nip__inquiry *inquiry, nip__http **http, void (*done)(void *data, const nip__http_reply *reply));
/* Sends `bytes` instead of a request, with TLS where the address wants it, and reports all that comes until the server closes. */
void nip__inquiry_exchange(nip__inquiry *inquiry, const char *bytes, size_t length, size_t reply_max,
                           void (*done)(void *data, const nip__http_reply *reply));

/* One for each kind, called from the loop. */
void nip__inquire_tcp(nip__inquiry *inquiry);
void nip__inquire_http(nip__inquiry *inquiry);
void nip__inquire_postgres(nip__inquiry *inquiry);
void nip__inquire_redis(nip__inquiry *inquiry);
void nip__inquire_sqlite(nip__inquiry *inquiry);

#endif
