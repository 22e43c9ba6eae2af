/* A guard's window: raw measurements in, counts of events since the window began out. Pure.
 *
 * Counters only grow while their key lives. Each key counts from its first value in the window; a fall means that the source began anew,
 * and with it a new window. */
#ifndef NIP__WINDOW_H
#define NIP__WINDOW_H

#include <stdbool.h>
#include "doc/value.h"

typedef struct nip__counter {
    char *key;
    int64_t first_errors, first_total;
    int64_t errors, total;
} nip__counter;

typedef struct nip__window {
    nip__counter *counters;
    size_t count, capacity;
    int64_t looks; /* judgements made on this window */
} nip__window;

/* What one measurement says of one version, given the window so far. */
typedef struct nip__sample {
    bool counted;          /* events and total are known */
    bool baseline;         /* the first measurement of the window: nothing to judge yet */
    bool restarted;        /* a counter fell: the window was begun anew with this measurement */
    int64_t errors, total;
    const nip__value *values;   /* gauges; NULL: none */
    const nip__value *problems; /* texts; NULL: none */
} nip__sample;

/* Takes in the result of metrics/measure. Returns 0, or NIP_E_NOMEM with the window as it was. */
int nip__window_take(nip__window *window, const nip__value *result, const char *version, nip__sample *sample, nip_error **err);
void nip__window_clear(nip__window *window); /* empty again; also frees */

#endif
