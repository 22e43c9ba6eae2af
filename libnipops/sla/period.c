/* Periods and their boundaries. The periods of each kind are counted, so that the one before is the ordinal before; which day is the first
 * of an ordinal is the calendar's matter, and which instant is that day's midnight the zone's. */
#include "sla/period.h"

#include <string.h>

#include "base/civil.h"
#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "sla/period_label.h"

#define DAY INT64_C(86400)
#define DAY_MS INT64_C(86400000)

enum { YEAR_LEAST = 1678, YEAR_MOST = 2261, ROLLING_DAYS_MAX = 3660 };

static const char *const kind_names[] = {"day", "week", "month", "quarter", "year", "rolling"};

const char *nip__period_kind_name(nip__period_kind kind)
{
    return kind_names[kind];
}

bool nip__period_kind_read(const char *text, nip__period_kind *kind)
{
    for (int i = 0; i <= NIP__PERIOD_ROLLING; i++) {
        if (nip__text_equal(text, kind_names[i])) {
            *kind = (nip__period_kind)i;
            return true;
        }
    }
    return false;
}

/* ---- the calendar ---- */

/* Day 0 was a Thursday, and the week that holds it is week 0. */
static int64_t ordinal_of(nip__period_kind kind, int64_t days)
{
    int64_t year;
    int month, day;
    nip__civil_date(days, &year, &month, &day);
    switch (kind) {
    case NIP__PERIOD_DAY:
        return days;
    case NIP__PERIOD_WEEK:
        return nip__floor_divide(days + 3, 7);
    case NIP__PERIOD_MONTH:
        return year * 12 + month - 1;
    case NIP__PERIOD_QUARTER:
        return year * 4 + (month - 1) / 3;
    default:
        return year;
    }
}

static int64_t first_day(nip__period_kind kind, int64_t ordinal)
{
    int64_t year = kind == NIP__PERIOD_YEAR ? ordinal : nip__floor_divide(ordinal, kind == NIP__PERIOD_MONTH ? 12 : 4);
    switch (kind) {
    case NIP__PERIOD_DAY:
        return ordinal;
    case NIP__PERIOD_WEEK:
        return ordinal * 7 - 3;
    case NIP__PERIOD_MONTH:
        return nip__civil_days(year, (int)(ordinal - year * 12) + 1, 1);
    case NIP__PERIOD_QUARTER:
        return nip__civil_days(year, (int)(ordinal - year * 4) * 3 + 1, 1);
    default:
        return nip__civil_days(year, 1, 1);
    }
}

static bool is_in_range(nip__period_kind kind, int64_t ordinal)
{
    return first_day(kind, ordinal) >= nip__civil_days(YEAR_LEAST, 1, 1) && first_day(kind, ordinal + 1) <= nip__civil_days(YEAR_MOST + 1, 1, 1);
}

static int out_of_range(nip_error **err)
{
    return nip__fail(err, NIP_E_INVALID, "a period must lie within the years %d to %d", YEAR_LEAST, YEAR_MOST);
}

/* ---- boundaries ---- */

static nip__boundary midnight_of(const nip__zone *zone, int64_t days)
{
    int64_t local = days * DAY, first, last;
    nip__zone_instants(zone, local, &first, &last);
    int32_t offset = nip__zone_at(zone, first).offset;
    bool shown = first + offset == local;
    return (nip__boundary){first * 1000, offset, !shown ? NIP__BOUNDARY_IN_GAP : first < last ? NIP__BOUNDARY_IN_FOLD : NIP__BOUNDARY_PLAIN};
}

static nip__boundary instant_of(const nip__zone *zone, nip__ms at)
{
    return (nip__boundary){at, nip__zone_at(zone, nip__floor_divide(at, 1000)).offset, NIP__BOUNDARY_PLAIN};
}

static void build(const nip__zone *zone, nip__period_kind kind, int64_t ordinal, nip__period *period)
{
    *period = (nip__period){
        .kind = kind,
        .ordinal = ordinal,
        .begin = midnight_of(zone, first_day(kind, ordinal)),
        .end = midnight_of(zone, first_day(kind, ordinal + 1)),
    };
    nip__period_label_write(kind, ordinal, first_day(kind, ordinal), period->label);
}

/* ---- periods ---- */

/* Begins with the local date. That may be a period off: clocks that are set back from 00:01 to 23:01 show a date whose period is over. */
int nip__period_holding(const nip__zone *zone, nip__period_kind kind, nip__ms at, nip__period *period, nip_error **err)
{
    if (kind == NIP__PERIOD_ROLLING)
        return nip__fail(err, NIP_E_INVALID, "a rolling period is told by its length and its end, not by an instant that it holds");
    if (at < NIP__MS_LEAST || at > NIP__MS_MOST)
        return out_of_range(err);
    int64_t seconds = nip__floor_divide(at, 1000);
    int64_t ordinal = ordinal_of(kind, nip__floor_divide(seconds + nip__zone_at(zone, seconds).offset, DAY));
    nip__period found;
    build(zone, kind, ordinal, &found);
    while (at >= found.end.at)
        build(zone, kind, ++ordinal, &found);
    while (at < found.begin.at)
        build(zone, kind, --ordinal, &found);
    if (!is_in_range(kind, ordinal))
        return out_of_range(err);
    *period = found;
    return 0;
}

int nip__period_rolling(const nip__zone *zone, int64_t length_ms, nip__ms end, nip__period *period, nip_error **err)
{
    if (length_ms < 1 || length_ms > ROLLING_DAYS_MAX * DAY_MS)
        return nip__fail(err, NIP_E_INVALID, "a rolling period must be 1ms to %dd long", ROLLING_DAYS_MAX);
    if (end < NIP__MS_LEAST + length_ms || end > NIP__MS_MOST)
        return out_of_range(err);
    nip__period made = {
        .kind = NIP__PERIOD_ROLLING,
        .begin = instant_of(zone, end - length_ms),
        .end = instant_of(zone, end),
    };
    if (nip__period_label_write_rolling(length_ms, end, made.label) < 0)
        return nip__nomem(err);
    *period = made;
    return 0;
}

int nip__period_named(const nip__zone *zone, const char *label, nip__period *period, nip_error **err)
{
    nip__period_name name;
    if (!nip__period_label_read(label, &name))
        return nip__fail(err, NIP_E_INVALID, "\"%.40s\" is no period; they look like 2026-03-29, 2026-W13, 2026-03, 2026-Q1, 2026 or 30d/2026-03-31T22:00:00Z",
                         label != NULL ? label : "");
    if (name.kind == NIP__PERIOD_ROLLING)
        return nip__period_rolling(zone, name.length_ms, name.end, period, err);
    int64_t ordinal = ordinal_of(name.kind, name.day);
    if (!is_in_range(name.kind, ordinal))
        return out_of_range(err);
    nip__period found;
    build(zone, name.kind, ordinal, &found);
    if (found.begin.at >= found.end.at)
        return nip__fail(err, NIP_E_INVALID, "there was no %s in this zone: its clocks were set forward over it", label);
    *period = found;
    return 0;
}

/* Days that a zone left out are passed over. */
static int step(const nip__zone *zone, const nip__period *period, int by, nip__period *other, nip_error **err)
{
    int64_t length = period->end.at - period->begin.at, ordinal = period->ordinal;
    if (period->kind == NIP__PERIOD_ROLLING)
        return nip__period_rolling(zone, length, by < 0 ? period->begin.at : period->end.at + length, other, err);
    nip__period found;
    do {
        ordinal += by;
        if (!is_in_range(period->kind, ordinal))
            return out_of_range(err);
        build(zone, period->kind, ordinal, &found);
    } while (found.begin.at >= found.end.at);
    *other = found;
    return 0;
}

int nip__period_before(const nip__zone *zone, const nip__period *period, nip__period *other, nip_error **err)
{
    return step(zone, period, -1, other, err);
}

int nip__period_after(const nip__zone *zone, const nip__period *period, nip__period *other, nip_error **err)
{
    return step(zone, period, 1, other, err);
}

int nip__period_asked(const nip__zone *zone, const char *text, nip__ms now, nip__period *period, nip_error **err)
{
    nip__period_kind kind;
    nip_duration length;
    bool last = text != NULL && nip__text_starts(text, "last-"), this = text != NULL && nip__text_starts(text, "this-");
    if (text != NULL && nip__duration_read(text, &length) && length % NIP_MILLISECOND == 0)
        return nip__period_rolling(zone, length / NIP_MILLISECOND, now, period, err);
    if ((!last && !this) || !nip__period_kind_read(text + strlen("last-"), &kind) || kind == NIP__PERIOD_ROLLING)
        return nip__period_named(zone, text, period, err);
    nip__period found;
    int rc = nip__period_holding(zone, kind, now, &found, err);
    if (rc == 0 && last)
        rc = nip__period_before(zone, &found, &found, err);
    if (rc == 0)
        *period = found;
    return rc;
}

/* ---- changes of the offset ---- */

bool nip__period_change(const nip__zone *zone, const nip__period *period, nip__ms after, nip__offset_change *change)
{
    int64_t from = nip__floor_divide(after > period->begin.at ? after : period->begin.at, 1000);
    for (;;) {
        int64_t at = nip__zone_next(zone, from);
        if (at >= nip__floor_divide(period->end.at + 999, 1000))
            return false;
        int32_t earlier = nip__zone_at(zone, at - 1).offset, later = nip__zone_at(zone, at).offset;
        if (earlier != later) { /* else only its name changed */
            *change = (nip__offset_change){at * 1000, earlier, later};
            return true;
        }
        from = at;
    }
}
