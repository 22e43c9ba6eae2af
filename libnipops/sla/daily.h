/* Stretches of a wall clock that come again by days: service hours, maintenance of every Sunday. */
#ifndef NIP__DAILY_H
#define NIP__DAILY_H

#include "base/zone.h"
#include "sla/span.h"

typedef struct nip__daily {
    const nip__zone *zone;
    int from, to; /* seconds of the day; not later: on the next day (base/zone.h, nip__zone_stretch) */
    bool (*begins_on)(const void *rule, int64_t day); /* days since the epoch */
    const void *rule;
} nip__daily;

/* The union with what of it lies in [begin, end). 0 or NIP_E_NOMEM; then part of it may have been added. */
int nip__daily_add(const nip__daily *daily, nip__ms begin, nip__ms end, nip__spans *out);

#endif
