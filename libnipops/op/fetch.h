/* The raw samples of one selector, asked of Prometheus in chunks of time, one after another.
 *
 * A chunk is an instant query on a range selector, SELECTOR[86400000ms] at its end: that gives samples as they were scraped, at their own instants,
 * neither interpolated nor rounded. Of each chunk what lies in (begin, end] is taken, so that it does not matter whether the server's ranges hold their
 * beginning (before Prometheus 3.0) or not (from there on): what lies there was had with the chunk before, or was not asked for.
 *
 * Chunks are of the length that should bring some 500,000 samples, by what the one before brought. One that the server finds too large is asked in
 * halves. One whose connection was closed before a reply came is asked once again, since connections are kept and the other side may just have had
 * enough of one; nothing else is. A fetch that fails has brought nothing that counts: a part must not pass for the whole. */
#ifndef NIP__FETCH_H
#define NIP__FETCH_H

#include "op/query.h"
#include "sla/sample_set.h"

typedef struct nip__fetch_request {
    const nip__value *settings; /* of the driver prometheus */
    const char *place;          /* where they stand, for messages */
    const char *selector;
    bool instant;               /* it is a whole query instead, which is asked once: what it gives at `upto` */
    nip__ms after, upto;        /* samples of (after, upto] */
    nip__sample_set *into;      /* opened */
} nip__fetch_request;

typedef struct nip__fetch_end {
    int rc;              /* 0; NIP_E_NOMEM; NIP_E_LIMIT: there are more samples than `into` may hold, so a shorter stretch may do; else NIP_E_DRIVER */
    const char *problem; /* one line; NULL: all is there. Lives until the call returns, as `note` does */
    const char *note;    /* what the server remarked about good replies; NULL: nothing */
    bool too_many;       /* the server would have to load too many samples, even for the shortest chunk */
    bool passing;        /* it may pass by itself: the server was too busy, or only a part of it answered */
    bool lost;           /* no answer of Prometheus came at all: asking for more is of no use now */
} nip__fetch_end;

/* Embedded in its owner; zeroed before its first use. */
typedef struct nip__fetch {
    nip__loop *loop;
    nip__fetch_request request; /* borrowed until it is over */
    nip__http *http;            /* NULL: nothing is under way */
    nip__matrix *matrix;
    nip__ms end;                /* of the chunk that is asked; its beginning is request.after */
    int64_t length, longest;    /* ms: of a chunk, and what none may be longer than */
    size_t requests;            /* asked so far */
    bool again;                 /* the chunk is asked for the second time */
    char note[300];
    void (*done)(void *data, const nip__fetch_end *end);
    void *data;
} nip__fetch;

/* NIP_E_NOMEM; NIP_E_INVALID: as it is in the settings. `done` is never called from here; once it was, the fetch may start again. */
int nip__fetch_start(nip__fetch *fetch, nip__loop *loop, const nip__fetch_request *request, void (*done)(void *data, const nip__fetch_end *end),
                     void *data, nip_error **err);
void nip__fetch_stop(nip__fetch *fetch); /* `done` is not called. One that is not under way is fine */

#endif
