/* Stretches that come again by days. */
#include "sla/daily.h"

#include "base/civil.h"

/* A stretch may have begun on the day before, and clocks may have been set by a day. */
enum { DAY = 86400, DAYS_BACK = 3, DAYS_ON = 2 };

static int64_t date_at(const nip__zone *zone, nip__ms at)
{
    int64_t seconds = nip__floor_divide(at, 1000);
    return nip__floor_divide(seconds + nip__zone_at(zone, seconds).offset, DAY);
}

static int add_day(const nip__daily *daily, int64_t day, nip__ms begin, nip__ms end, nip__spans *out)
{
    int64_t first, last;
    nip__zone_stretch(daily->zone, day, daily->from, daily->to, &first, &last);
    return nip__spans_add(out, first * 1000 > begin ? first * 1000 : begin, last * 1000 < end ? last * 1000 : end);
}

int nip__daily_add(const nip__daily *daily, nip__ms begin, nip__ms end, nip__spans *out)
{
    int64_t last = date_at(daily->zone, end) + DAYS_ON;
    int rc = 0;
    for (int64_t day = date_at(daily->zone, begin) - DAYS_BACK; day <= last && rc == 0; day++)
        rc = daily->begins_on(daily->rule, day) ? add_day(daily, day, begin, end, out) : 0;
    return rc;
}
