/* Zones by name. */
#include "base/zones.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static int load(nip__zones *zones, const char *name, nip_error **err)
{
    nip__named_zone *grown = nip__grow(zones->items, &zones->capacity, zones->count, sizeof *zones->items), made = {0};
    if (grown == NULL)
        return nip__nomem(err);
    zones->items = grown;
    int rc = nip__zone_load(name, &made.zone, err);
    if (rc < 0)
        return rc;
    made.name = nip__strdup(name);
    if (made.name == NULL) {
        nip__zone_free(made.zone);
        return nip__nomem(err);
    }
    zones->items[zones->count++] = made;
    return 0;
}

int nip__zones_find(nip__zones *zones, const char *name, const nip__zone **zone, nip_error **err)
{
    for (size_t i = 0; i < zones->count; i++) {
        if (strcmp(zones->items[i].name, name) == 0) {
            *zone = zones->items[i].zone;
            return 0;
        }
    }
    if (zones->count >= NIP__ZONES_MAX)
        return nip__fail(err, NIP_E_LIMIT, "more than %d time zones are named", NIP__ZONES_MAX);
    int rc = load(zones, name, err);
    if (rc == 0)
        *zone = zones->items[zones->count - 1].zone;
    return rc;
}

void nip__zones_clear(nip__zones *zones)
{
    for (size_t i = 0; i < zones->count; i++) {
        nip__free(zones->items[i].name);
        nip__zone_free(zones->items[i].zone);
    }
    nip__free(zones->items);
    *zones = (nip__zones){0};
}
