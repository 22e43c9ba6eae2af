/* Replies of Prometheus' query API as a stream of series and samples: fed with the transfer's pieces, memory that does not grow with
 * the reply.
 *
 * Nothing that was handed out counts before nip__matrix_finish has said that the whole reply is good: warnings ("results truncated")
 * come behind the data. A series' labels must stand before its samples and the resultType before the result, as Prometheus, Mimir,
 * Thanos and VictoriaMetrics write them. Staleness markers never come through this API: what they end simply has no further sample. */
#ifndef NIP__MATRIX_H
#define NIP__MATRIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/labels.h"

typedef struct nip__matrix_limits {
    uint64_t bytes, series, samples;
} nip__matrix_limits;

extern const nip__matrix_limits nip__matrix_limits_default; /* 1 GiB, 100,000 series, 50,000,000 samples (the server's own default) */

typedef struct nip__matrix_series {
    const char *key;  /* of its labels without the metric's name (analysis/labels.h) */
    const char *name; /* the metric's; NULL: it has none */
    const nip__label *labels; /* sorted, without the metric's name */
    size_t count;
} nip__matrix_series;

/* Whatever is handed out lives until the call returns; < 0 ends the reading with that code. */
typedef struct nip__matrix_sink {
    int (*series)(void *data, const nip__matrix_series *series); /* the samples that follow are its; of a scalar it has no labels */
    int (*sample)(void *data, int64_t t_ms, double value);       /* NaN and infinities as the server gave them */
    int (*text)(void *data, int64_t t_ms, const char *text);     /* of a string; NULL: a string is a problem */
} nip__matrix_sink;

typedef enum nip__matrix_fault {
    NIP__MATRIX_GOOD,
    NIP__MATRIX_MALFORMED, /* not JSON, cut off, or not a reply of the query API */
    NIP__MATRIX_REFUSED,   /* the server says status "error" */
    NIP__MATRIX_PARTIAL,   /* a warning: data may be missing */
    NIP__MATRIX_LIMIT,     /* more than one of the limits, or than memory that is kept for a token */
    NIP__MATRIX_UNFIT,     /* a good reply that is not numbers: native histograms, a string, too many labels, fractions of milliseconds */
    NIP__MATRIX_STOPPED,   /* the sink ended it */
    NIP__MATRIX_NOMEM,
} nip__matrix_fault;

typedef struct nip__matrix_end {
    nip__matrix_fault fault;
    int rc;                 /* what nip__matrix_feed gives: < 0 with LIMIT, STOPPED, NOMEM and JSON that is none */
    const char *problem;    /* one line; NULL: good. All texts live as long as the reader */
    const char *error_type; /* of REFUSED: "bad_data", "execution", "timeout", ...; "" when there was none */
    const char *error;      /* what the server says with it; "" */
    const char *info;       /* what it remarked about a good reply; NULL: nothing */
    uint64_t series, samples, bytes;
} nip__matrix_end;

typedef struct nip__matrix nip__matrix;

nip__matrix *nip__matrix_new(const nip__matrix_limits *limits, const nip__matrix_sink *sink, void *data); /* NULL: out of memory */
void nip__matrix_free(nip__matrix *matrix);
/* 0, or < 0: reading on is of no use, as nothing good can come of it; always the same from then on. */
int nip__matrix_feed(nip__matrix *matrix, const char *bytes, size_t length);
/* Ends the reply. To be called once. */
void nip__matrix_finish(nip__matrix *matrix, nip__matrix_end *end);

#endif
