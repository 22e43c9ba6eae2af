/* As much of PromQL as tells a ratio from a quantile. Nothing is evaluated. */
#ifndef NIP__PROMQL_H
#define NIP__PROMQL_H

#include <stdbool.h>
#include "base/arena.h"
#include "base/buffer.h"

/* "a / b" at the outermost level, nothing else there. */
bool nip__promql_ratio(nip__arena *arena, const char *query, const char **numerator, const char **denominator);
/* histogram_quantile(Q, ...) as a whole: Q. */
bool nip__promql_quantile(const char *query, double *quantile);
/* The same query over counts: rate(x[5m]) becomes increase(x[{window}]). NULL: it has no rate, or its ranges differ. */
const char *nip__promql_counts(nip__arena *arena, const char *query);

/* A query without its comments and without spaces around it, so that more can be written behind it. */
void nip__promql_bare(nip__buffer *out, const char *query);
/* Is a bare query a name, labels in braces, or both, and nothing behind them, such as an offset? */
bool nip__promql_selects(const char *bare);
/* Such a selector with one more matcher: x{a="b",} becomes x{a="b",MATCHER}. */
void nip__promql_narrow(nip__buffer *out, const char *bare, const char *matcher);

typedef struct nip__promql_condition {
    bool below; /* the result is to be below the number, else above */
    double number;
} nip__promql_condition;

/* "result[0] >= 0.95", "result < 5": one comparison with a number. */
bool nip__promql_read_condition(const char *condition, nip__promql_condition *read);

#endif
