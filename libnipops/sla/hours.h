/* Service hours: when a service level holds at all. Outside of them time does not count.
 *
 * A window is about the days of its zone on which it begins, goes over midnight where it does not end after it begins, and treats clocks that are
 * set as the windows of rollouts do (base/zone.h, nip__zone_stretch). On a holiday no window begins. */
#ifndef NIP__HOURS_H
#define NIP__HOURS_H

#include "base/zones.h"
#include "doc/schema.h"
#include "sla/span.h"

typedef struct nip__hours_window {
    const nip__zone *zone;
    unsigned days; /* bit n: on weekday n, 0 is Sunday */
    int from, to;  /* seconds of the day */
} nip__hours_window;

/* Zero-initialised: no windows, which is always. */
typedef struct nip__hours {
    nip__zones zones;
    nip__hours_window *windows; /* in the arena, as are the holidays */
    size_t window_count;
    int64_t *holidays;          /* days since the epoch, in whatever order */
    size_t holiday_count;
} nip__hours;

/* {windows: [{days, from, to, zone}], holidays: [2026-12-25]}: a document's key service_hours. */
extern const nip__field nip__hours_fields[];
/* What the table cannot say of a normalized one. */
void nip__hours_check(const nip__value *hours, const char *path, const char *file, nip__problems *problems);

/* From a normalized one that was checked; NULL: always. Windows that name no zone are in `zone`. NIP_E_NOTFOUND: no such zone. */
int nip__hours_read(nip__arena *arena, const nip__value *value, const char *zone, nip__hours *hours, nip_error **err);
void nip__hours_clear(nip__hours *hours);

/* Replaces `out` by what of [begin, end) lies within the hours. 0 or NIP_E_NOMEM; `out` is unchanged then. */
int nip__hours_within(const nip__hours *hours, nip__ms begin, nip__ms end, nip__spans *out);

#endif
