/* Service hours. */
#include "sla/hours.h"

#include "base/civil.h"
#include "base/text.h"
#include "gate/window.h"
#include "sla/daily.h"

enum { DAY = 86400, EVERY_DAY = 0x7f, WINDOWS_MAX = 100, HOLIDAYS_MAX = 10000 };

/* ---- the table ---- */

static const nip__field day_item = {.type = NIP__T_ENUM, .choices = nip__weekday_names};
static const nip__field window_fields[] = {
    {.name = "days",
     .type = NIP__T_LIST,
     .flags = NIP__F_ONE_OR_LIST,
     .min = 1,
     .max = 7,
     .item = &day_item,
     .help = "mon, tue, ...: on which it begins (default: every day)"},
    {.name = "begins", .also = "from", .type = NIP__T_TEXT, .otherwise = "\"00:00\"", .help = "\"08:00\", on the clocks of its zone"},
    {.name = "ends", .also = "to", .type = NIP__T_TEXT, .otherwise = "\"24:00\"", .help = "\"20:00\"; not after from: on the next day"},
    {.name = "zone", .type = NIP__T_TEXT, .max = 100, .help = "IANA time zone (default: the agreement's)"},
    {0},
};
static const nip__field window_item = {.type = NIP__T_MAP, .fields = window_fields};
static const nip__field holiday_item = {.type = NIP__T_TEXT, .max = 10};
const nip__field nip__hours_fields[] = {
    {.name = "windows",
     .type = NIP__T_LIST,
     .flags = NIP__F_REQUIRED | NIP__F_ONE_OR_LIST,
     .min = 1,
     .max = WINDOWS_MAX,
     .item = &window_item,
     .help = "when the service level holds"},
    {.name = "holidays", .type = NIP__T_LIST, .max = HOLIDAYS_MAX, .item = &holiday_item, .help = "2026-12-25: days on which no window begins"},
    {0},
};

/* ---- reading ---- */

void nip__hours_check(const nip__value *hours, const char *path, const char *file, nip__problems *problems)
{
    int64_t day;
    for (NIP__EACH(window, nip__get(hours, "windows")))
        nip__window_check(window, path, file, problems);
    for (NIP__EACH(holiday, nip__get(hours, "holidays"))) {
        const char *text = nip__is(holiday, NIP__STRING) ? holiday->as.string.text : "";
        if (!nip__civil_read(text, &day))
            nip__problems_add(problems, file, (int)holiday->line, (int)holiday->column, path, "\"%.20s\" is no day; they look like 2026-12-25", text);
    }
}

static unsigned days_of(const nip__value *days)
{
    unsigned bits = 0;
    for (NIP__EACH(day, days)) {
        for (int i = 0; nip__weekday_names[i] != NULL; i++)
            bits |= nip__is(day, NIP__STRING) && nip__text_equal(day->as.string.text, nip__weekday_names[i]) ? 1u << i : 0;
    }
    return days == NULL ? EVERY_DAY : bits;
}

static int read_windows(const nip__value *windows, const char *zone, nip__hours *hours, nip_error **err)
{
    for (NIP__EACH(window, windows)) {
        nip__hours_window *read = &hours->windows[hours->window_count];
        const char *name = nip__get_text(window, "zone");
        *read = (nip__hours_window){.days = days_of(nip__get(window, "days")), .from = 0, .to = DAY};
        nip__clock_read(nip__get_text(window, "begins"), &read->from);
        nip__clock_read(nip__get_text(window, "ends"), &read->to);
        int rc = nip__zones_find(&hours->zones, name != NULL ? name : zone, &read->zone, err);
        if (rc < 0)
            return rc;
        hours->window_count++;
    }
    return 0;
}

int nip__hours_read(nip__arena *arena, const nip__value *value, const char *zone, nip__hours *hours, nip_error **err)
{
    const nip__value *windows = nip__get(value, "windows"), *holidays = nip__get(value, "holidays");
    nip__hours read = {
        .windows = nip__arena_alloc(arena, (nip__count(windows) + 1) * sizeof *read.windows),
        .holidays = nip__arena_alloc(arena, (nip__count(holidays) + 1) * sizeof *read.holidays),
    };
    if (read.windows == NULL || read.holidays == NULL)
        return nip__nomem(err);
    int rc = read_windows(windows, zone, &read, err);
    if (rc < 0) {
        nip__hours_clear(&read);
        return rc;
    }
    for (NIP__EACH(holiday, holidays))
        read.holiday_count += nip__is(holiday, NIP__STRING) && nip__civil_read(holiday->as.string.text, &read.holidays[read.holiday_count]);
    *hours = read;
    return 0;
}

void nip__hours_clear(nip__hours *hours)
{
    nip__zones_clear(&hours->zones);
    *hours = (nip__hours){0};
}

/* ---- stretches ---- */

typedef struct hours_days {
    const nip__hours *hours;
    unsigned days;
} hours_days;

static bool begins_on(const void *rule, int64_t day)
{
    const hours_days *of = rule;
    bool holiday = false;
    for (size_t i = 0; i < of->hours->holiday_count && !holiday; i++)
        holiday = of->hours->holidays[i] == day;
    return (of->days >> nip__civil_weekday(day) & 1) && !holiday;
}

static int add_window(const nip__hours *hours, const nip__hours_window *window, nip__ms begin, nip__ms end, nip__spans *made)
{
    hours_days of = {hours, window->days};
    nip__daily daily = {.zone = window->zone, .from = window->from, .to = window->to, .begins_on = begins_on, .rule = &of};
    return nip__daily_add(&daily, begin, end, made);
}

int nip__hours_within(const nip__hours *hours, nip__ms begin, nip__ms end, nip__spans *out)
{
    nip__spans made = {0};
    int rc = hours->window_count == 0 ? nip__spans_add(&made, begin, end) : 0;
    for (size_t i = 0; i < hours->window_count && rc == 0; i++)
        rc = add_window(hours, &hours->windows[i], begin, end, &made);
    if (rc < 0) {
        nip__spans_clear(&made);
        return rc;
    }
    nip__spans_clear(out);
    *out = made;
    return 0;
}
