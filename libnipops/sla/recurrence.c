/* Stretches that come again. */
#include "sla/recurrence.h"

#include "base/civil.h"
#include "base/text.h"
#include "gate/window.h"
#include "sla/daily.h"

enum { LAST = -1 };

/* ---- the table ---- */

static const char *const cycles[] = {"week", "month", NULL};
static const nip__field day_item = {.type = NIP__T_ENUM, .choices = nip__weekday_names};
const nip__field nip__recurrence_fields[] = {
    {.name = "every", .type = NIP__T_ENUM, .flags = NIP__F_REQUIRED, .choices = cycles, .help = "week or month"},
    {.name = "days",
     .type = NIP__T_LIST,
     .flags = NIP__F_ONE_OR_LIST,
     .min = 1,
     .max = 7,
     .item = &day_item,
     .help = "of a week: mon, tue, ... on which it begins"},
    {.name = "day", .type = NIP__T_INT, .min = LAST, .max = 31, .help = "of a month: 1 to 31, -1 the last; a month without it is left out"},
    {.name = "nth", .type = NIP__T_INT, .min = LAST, .max = 5, .help = "of a month: which of the weekdays, 1 to 5, -1 the last"},
    {.name = "weekday", .type = NIP__T_ENUM, .choices = nip__weekday_names, .help = "with nth"},
    {.name = "begins", .also = "from", .type = NIP__T_TEXT, .flags = NIP__F_REQUIRED, .help = "\"02:00\", on the clocks of its zone"},
    {.name = "ends", .also = "to", .type = NIP__T_TEXT, .flags = NIP__F_REQUIRED, .help = "\"04:00\"; not after from: on the next day"},
    {.name = "zone", .type = NIP__T_TEXT, .flags = NIP__F_REQUIRED, .max = 100, .help = "IANA time zone, Europe/Berlin"},
    {.name = "first", .type = NIP__T_TEXT, .flags = NIP__F_REQUIRED, .max = 10, .help = "2026-01-01: the first day on which it may begin"},
    {.name = "until", .type = NIP__T_TEXT, .max = 10, .help = "the last one (default: no end)"},
    {0},
};

/* ---- reading ---- */

static void problem(const nip__value *value, const char *path, const char *file, nip__problems *problems, const char *what)
{
    nip__problems_add(problems, file, (int)value->line, (int)value->column, path, "%s", what);
}

static void check_days(const nip__value *value, const char *path, const char *file, nip__problems *problems)
{
    bool monthly = nip__text_equal(nip__get_text(value, "every"), "month");
    bool by_day = nip__get(value, "day") != NULL, by_nth = nip__get(value, "nth") != NULL, by_weekday = nip__get(value, "weekday") != NULL;
    if (!monthly && (nip__get(value, "days") == NULL || by_day || by_nth || by_weekday))
        problem(value, path, file, problems, "every week: needs days, and nothing of a month's (day, nth, weekday)");
    else if (monthly && (by_nth != by_weekday || by_day == by_nth || nip__get(value, "days") != NULL))
        problem(value, path, file, problems, "every month: needs either day, or nth and weekday");
    else if (monthly && (nip__get_int(value, "day", 1) == 0 || nip__get_int(value, "nth", 1) == 0))
        problem(value, path, file, problems, "days and weekdays of a month are counted from 1; -1 is the last");
}

void nip__recurrence_check(const nip__value *value, const char *path, const char *file, nip__problems *problems)
{
    int64_t first = 0, until = INT64_MAX;
    const char *last = nip__get_text(value, "until");
    check_days(value, path, file, problems);
    nip__window_check(value, path, file, problems);
    if (!nip__civil_read(nip__get_text(value, "first"), &first) || (last != NULL && !nip__civil_read(last, &until)))
        problem(value, path, file, problems, "first and until must be days such as 2026-01-01");
    else if (until < first)
        problem(value, path, file, problems, "until must not be before first");
}

static unsigned bit_of(const nip__value *weekday)
{
    unsigned bit = 0;
    for (int i = 0; nip__weekday_names[i] != NULL; i++)
        bit |= nip__is(weekday, NIP__STRING) && nip__text_equal(weekday->as.string.text, nip__weekday_names[i]) ? 1u << i : 0;
    return bit;
}

int nip__recurrence_read(const nip__value *value, nip__zones *zones, nip__recurrence *rule, nip_error **err)
{
    nip__recurrence read = {
        .monthly = nip__text_equal(nip__get_text(value, "every"), "month"),
        .day = (int)nip__get_int(value, "day", 0),
        .nth = (int)nip__get_int(value, "nth", 0),
        .weekdays = bit_of(nip__get(value, "weekday")),
        .until = INT64_MAX,
    };
    for (NIP__EACH(day, nip__get(value, "days")))
        read.weekdays |= bit_of(day);
    nip__clock_read(nip__get_text(value, "begins"), &read.from);
    nip__clock_read(nip__get_text(value, "ends"), &read.to);
    nip__civil_read(nip__get_text(value, "first"), &read.first);
    nip__civil_read(nip__get_text(value, "until"), &read.until);
    int rc = nip__zones_find(zones, nip__get_text(value, "zone"), &read.zone, err);
    if (rc == 0)
        *rule = read;
    return rc;
}

/* ---- occurrences ---- */

static bool is_of_month(const nip__recurrence *rule, int64_t days)
{
    int64_t year;
    int month, day;
    nip__civil_date(days, &year, &month, &day);
    int length = nip__civil_month_length(year, month);
    if (rule->day != 0)
        return rule->day == LAST ? day == length : day == rule->day;
    bool is_nth = rule->nth == LAST ? day + 7 > length : (day - 1) / 7 + 1 == rule->nth;
    return is_nth && (rule->weekdays >> nip__civil_weekday(days) & 1);
}

static bool begins_on(const void *recurrence, int64_t day)
{
    const nip__recurrence *rule = recurrence;
    if (day < rule->first || day > rule->until)
        return false;
    return rule->monthly ? is_of_month(rule, day) : (rule->weekdays >> nip__civil_weekday(day) & 1);
}

int nip__recurrence_add(const nip__recurrence *rule, nip__ms begin, nip__ms end, nip__spans *out)
{
    nip__daily daily = {.zone = rule->zone, .from = rule->from, .to = rule->to, .begins_on = begins_on, .rule = rule};
    return nip__daily_add(&daily, begin, end, out);
}
