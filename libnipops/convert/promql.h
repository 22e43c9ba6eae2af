/* As much of PromQL as tells a ratio from a quantile. Nothing is evaluated. */
#ifndef NIP__PROMQL_H
#define NIP__PROMQL_H

#include <stdbool.h>
#include "base/arena.h"

/* "a / b" at the outermost level, nothing else there. */
bool nip__promql_ratio(nip__arena *arena, const char *query, const char **numerator, const char **denominator);
/* histogram_quantile(Q, ...) as a whole: Q. */
bool nip__promql_quantile(const char *query, double *quantile);
/* The same query over counts: rate(x[5m]) becomes increase(x[{window}]). NULL: it has no rate, or its ranges differ. */
const char *nip__promql_counts(nip__arena *arena, const char *query);

typedef struct nip__promql_condition {
    bool below; /* the result is to be below the number, else above */
    double number;
} nip__promql_condition;

/* "result[0] >= 0.95", "result < 5": one comparison with a number. */
bool nip__promql_read_condition(const char *condition, nip__promql_condition *read);

#endif
