/* What a backend of the store does, and the store's inside. A backend keeps bytes; chain, leases and JSON are the
 * common code's. */
#ifndef NIP__BACKEND_H
#define NIP__BACKEND_H

#include <stdbool.h>
#include "store/host.h"
#include "store/record.h"
#include "store/store.h"

/* The store's own journal: which journals were opened and purged. No subject of a user can have this name. */
#define NIP__STORE_SUBJECT "@store"
/* Largest payload of the library's own records; nip_journal_append allows NIP_RECORD_MAX. */
#define NIP__PAYLOAD_MAX 268435456

/* How long a call may wait for another process's transaction. A call inside an operation's step must not block for
 * longer than a blink. */
#define NIP__PATIENCE_STEP_MS 50
#define NIP__PATIENCE_CALL_MS 2000

/* Newest record of a journal; sequence 0: none. */
typedef struct nip__head {
    int64_t sequence;
    nip_time at;
    unsigned char hash[NIP__HASH_SIZE];
} nip__head;

/* A lease as it is stored. The epoch outlives the holder. */
typedef struct nip__lease_row {
    int64_t epoch;     /* 0: never taken */
    int64_t renewed;   /* counts renewals: that it changes shows life to observers on other machines */
    char token[40];    /* "" when released */
    char holder[1024]; /* JSON (store/host.h); "" when released */
} nip__lease_row;

/* Non-zero ends the scan; < 0 is an error that the visitor has set. */
typedef int nip__visit(void *data, const nip__row *row, nip_error **err);

typedef struct nip__backend {
    void (*close)(nip_store *store);
    /* Takes the write lock: what is read from here to commit cannot change under us. NIP_E_BUSY after `patience_ms`. */
    int (*begin)(nip_store *store, int patience_ms, nip_error **err);
    int (*commit)(nip_store *store, nip_error **err);
    void (*rollback)(nip_store *store); /* also ends a view; fine when nothing was begun */
    /* Everything read until `rollback` is of one instant. Takes no write lock. */
    int (*view)(nip_store *store, nip_error **err);
    int (*head)(nip_store *store, const char *subject, nip__head *head, nip_error **err);
    int (*insert)(nip_store *store, const nip__row *row, nip_error **err);
    /* Rows after `from` upwards, or before `from` downwards. Rows are borrowed until the visitor returns. */
    int (*scan)(nip_store *store, const char *subject, int64_t from, bool backwards, nip__visit *visit, void *data,
                nip_error **err);
    int (*purge)(nip_store *store, const char *subject, int64_t through, nip_error **err);
    /* The name after `after` in byte order: 1 and `next`, or 0: there is none. */
    int (*next_subject)(nip_store *store, const char *after, char next[NIP_SUBJECT_MAX + 1], nip_error **err);
    int (*lease_get)(nip_store *store, const char *subject, nip__lease_row *lease, nip_error **err);
    int (*lease_put)(nip_store *store, const char *subject, const nip__lease_row *lease, nip_error **err);
} nip__backend;

/* When this observer first saw a lease as it stands. */
typedef struct nip__sighting {
    char *subject;
    char token[40];
    int64_t epoch, renewed;
    nip_time since; /* monotonic */
} nip__sighting;

struct nip_store {
    const nip__backend *backend;
    nip_ctx *ctx;
    char *url;
    bool readonly;
    int scans; /* under way: no transaction may begin inside a visitor */

    /* Drawn in batches: a system call a record would cost more than the record. */
    unsigned char salts[64 * NIP__SALT_SIZE];
    size_t salts_left;

    nip__sighting *sightings;
    size_t sighting_count, sighting_capacity;
};

/* Each makes a store of its kind; the URL is split already. On failure nothing is left behind. */
int nip__memory_open(nip_ctx *ctx, const char *url, nip_store **store, nip_error **err);
int nip__sqlite_open(nip_ctx *ctx, const char *url, const char *path, bool readonly, nip_store **store,
                     nip_error **err);

/* Allocates `size` bytes that begin with a nip_store. NULL: out of memory. */
nip_store *nip__store_alloc(size_t size, const nip__backend *backend, nip_ctx *ctx, const char *url, bool readonly);
/* Frees the common part and the store itself; called by nip_store_free after the backend's close. */
void nip__store_release(nip_store *store);

/* ---- shared by the files of the common code ---- */

int nip__store_begin(nip_store *store, int patience_ms, nip_error **err);
/* Commits when `rc` is 0, else rolls back and returns `rc`. `stands` tells after a failed commit whether `what` was
 * written; may be NULL. */
typedef bool nip__stands(nip_store *store, const void *what);
int nip__store_finish(nip_store *store, int rc, nip__stands *stands, const void *what, nip_error **err);
/* Hands a buffer's text out as a call's answer when `rc` is 0. Empties the buffer in any case. */
int nip__store_answer(int rc, nip__buffer *buffer, char **json, nip_error **err);
int nip__store_scan(nip_store *store, const char *subject, int64_t from, bool backwards, nip__visit *visit, void *data,
                    nip_error **err);
/* NIP_E_INVALID unless it names a journal that may be read: a subject, or the store's own. */
int nip__store_check_name(const char *subject, nip_error **err);
/* NIP_E_INVALID unless it is a subject. */
int nip__store_check_subject(const char *subject, nip_error **err);

/* One record to append; the fields as in nip__store_append. */
typedef struct nip__draft {
    const char *subject;
    int64_t expected;
    int64_t epoch;
    const char *kind;
    nip_time at;
    const char *payload;
    size_t length;
} nip__draft;

/* Seals and inserts inside a transaction. `sealed` is what was written. */
int nip__append_inside(nip_store *store, const nip__draft *draft, nip__sealed *sealed, nip_error **err);
/* NIP_E_FENCED unless `epoch` is the present one of a lease that is held; inside a transaction. */
int nip__lease_check(nip_store *store, const char *subject, int64_t epoch, nip_error **err);

#endif
