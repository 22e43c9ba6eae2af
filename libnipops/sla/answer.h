/* What one objective comes to in one period, as JSON: docs/formats.md, "Report of an SLA". */
#ifndef NIP__ANSWER_H
#define NIP__ANSWER_H

#include "doc/json.h"
#include "sla/credit.h"
#include "sla/judge.h"

/* A quantile of latencies, with the interval that certainly holds it, in seconds; `upper` may be infinite. */
typedef struct nip__sla_quantile {
    bool present;
    double quantile, lower, upper, limit;
} nip__sla_quantile;

typedef struct nip__sla_answer {
    const char *objective, *kind, *indicator;
    bool errors; /* shares are told as those of bad things: an error rate */
    nip__sla_terms terms;
    nip__sla_figures figures;
    const nip__credit_terms *credits; /* NULL: none are agreed */
    nip__sla_quantile quantile;
    const struct nip__sla_history *history; /* NULL: none is told */
    int64_t conflicts;                /* slices that are in conflict, and missing therefore */
} nip__sla_answer;

enum { NIP__ANSWER_DECIMALS = 4 };

void nip__sla_answer_write(nip__writer *writer, const char *key, const nip__sla_answer *answer);

#endif
