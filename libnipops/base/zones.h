/* Zones by name, each loaded once. One thread at a time. */
#ifndef NIP__ZONES_H
#define NIP__ZONES_H

#include "base/zone.h"

enum { NIP__ZONES_MAX = 1000 }; /* more than there are */

typedef struct nip__named_zone {
    char *name;
    nip__zone *zone;
} nip__named_zone;

/* Zero-initialised: none yet. */
typedef struct nip__zones {
    nip__named_zone *items;
    size_t count, capacity;
} nip__zones;

/* Borrowed until nip__zones_clear. Fails as nip__zone_load does. */
int nip__zones_find(nip__zones *zones, const char *name, const nip__zone **zone, nip_error **err);
void nip__zones_clear(nip__zones *zones);

#endif
