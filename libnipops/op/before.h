/* Which newcomers had been there before (sla/newcomers.h): asked of Prometheus, some forty at a time, by last_over_time of each. For one that was
 * not, a server has nothing to load: where it would have to load too many samples even for a single one, that one was there. */
#ifndef NIP__BEFORE_H
#define NIP__BEFORE_H

#include "op/fetch.h"
#include "sla/newcomers.h"

/* Embedded in its owner; zeroed before its first use. */
typedef struct nip__before {
    nip__loop *loop;
    nip__fetch_request request;
    nip__newcomers newcomers;
    size_t from, to; /* those that are asked about */
    size_t most;     /* at once */
    nip__buffer query;
    nip__sample_set seen;
    nip__fetch fetch;
    void (*done)(void *data, const nip__fetch_end *end);
    void *data;
} nip__before;

/* Marks those that had samples at or before `at`; takes the list, whatever comes of it, which is not empty. 0, NIP_E_NOMEM, NIP_E_INVALID: as it is
 * in the settings. `done` is never called from here. */
int nip__before_start(nip__before *before, nip__loop *loop, const nip__value *settings, const char *place, nip__ms at, nip__newcomers *newcomers,
                      void (*done)(void *data, const nip__fetch_end *end), void *data, nip_error **err);
void nip__before_stop(nip__before *before); /* `done` is not called */

#endif
