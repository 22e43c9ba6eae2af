/* What an app needs from elsewhere: databases, caches, services. Pure: how documents name a dependency, what its address says,
 * which version of its schema is wanted, and what would mend what is wrong with it. */
#ifndef NIP__DEPENDENCY_H
#define NIP__DEPENDENCY_H

#include "doc/schema.h"

typedef enum nip__dependency_kind {
    NIP__DEPENDS_TCP,
    NIP__DEPENDS_HTTP,
    NIP__DEPENDS_SQLITE,
    NIP__DEPENDS_REDIS,
    NIP__DEPENDS_POSTGRES,
} nip__dependency_kind;

enum { NIP__DEPENDENCIES_MAX = 100 };

/* The keys of one dependency in a document. */
extern const nip__field nip__dependency_fields[];
extern const nip__field nip__dependency_item;
/* What the schema cannot say of a list of them, which stands at `path`. */
void nip__dependencies_check(const nip__value *dependencies, const char *path, const char *file, nip__problems *problems);
/* The same for one whose address is known: what is wrong with it, or NULL. Never quotes the address. */
const char *nip__dependency_problem(const nip__value *dependency, nip__dependency_kind kind);

/* ---- dependency_address.c ---- */

/* What an address says; texts in the arena that it was read with, escapes resolved. */
typedef struct nip__address {
    nip__dependency_kind kind;
    bool tls;
    const char *user, *password; /* NULL: none */
    const char *host;            /* without brackets; NULL for a file */
    int port;
    const char *path;            /* a file; else what follows the port as it stands, "" for nothing */
    const char *database;        /* that the path names; NULL: none */
    const char *tls_mode;        /* of PostgreSQL: libpq's sslmode */
    const char *folder;          /* of PostgreSQL's unix socket, in place of a host; NULL: none */
    const char *label;           /* how to show it: no user, no password, nothing after a '?' */
} nip__address;

/* NULL when it is understood; else what would be right, static. Whether memory was out, the arena tells. */
const char *nip__address_read(nip__arena *arena, const char *text, nip__address *address);

/* ---- dependency_version.c ---- */

/* Is `found` the version that `schema` ({expect} or {at_least}) wants? NULL: yes. Else "schema_behind", "schema_ahead" or
 * "schema_differs", and the line for people on `why`. */
const char *nip__version_reason(const nip__value *schema, const char *found, nip__buffer *why);
/* How texts that are versions are sorted: numbers by what they say, before them what is no number. */
int nip__version_compare(const char *a, size_t a_length, const char *b, size_t b_length);
/* Digits in groups that dots part. */
bool nip__version_is_number(const char *text);

/* ---- dependency_advice.c ---- */

/* What would mend it; never NULL. `where` (may be NULL) names the place of a secret: "SHOP_DB", "the file /run/secrets/db". */
void nip__advice_write(nip__buffer *buffer, const char *reason, nip__dependency_kind kind, const char *where);
bool nip__advice_knows(const char *reason);

#endif
