/* Stretches that come again: every week on some days, every month on a day of it or on its n-th weekday. By the clocks of a zone, so that
 * "Sundays from 02:00 to 04:00" is that in summer and in winter. */
#ifndef NIP__RECURRENCE_H
#define NIP__RECURRENCE_H

#include "base/zones.h"
#include "doc/schema.h"
#include "sla/span.h"

typedef struct nip__recurrence {
    unsigned weekdays; /* bit n: on weekday n, 0 is Sunday; of a month: on any of them where it is 0 */
    bool monthly;
    int day;           /* of the month, 1..31, -1 the last; 0: by weekday. A month that has no such day has no occurrence */
    int nth;           /* that weekday of the month, 1..5, -1 the last; 0: by day */
    const nip__zone *zone;
    int from, to;      /* seconds of the day; not later: on the next day */
    int64_t first, until; /* first and last day on which it may begin, days since the epoch */
} nip__recurrence;

/* {every: week, days, from, to, zone, first, until} or {every: month, day | nth and weekday, ...} */
extern const nip__field nip__recurrence_fields[];
/* What the table cannot say of a normalized one; adds to `problems`. */
void nip__recurrence_check(const nip__value *value, const char *path, const char *file, nip__problems *problems);
/* From one that was checked. Fails as nip__zones_find does. */
int nip__recurrence_read(const nip__value *value, nip__zones *zones, nip__recurrence *rule, nip_error **err);

/* The union with what of it lies in [begin, end). 0 or NIP_E_NOMEM; then part of it may have been added. */
int nip__recurrence_add(const nip__recurrence *rule, nip__ms begin, nip__ms end, nip__spans *out);

#endif
