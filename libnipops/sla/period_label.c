/* Labels of periods. */
#include "sla/period_label.h"

#include <stdio.h>
#include <string.h>

#include "base/civil.h"
#include "base/time.h"

enum { DAY_MS = 86400000, NS_OF_MS = 1000000 };

/* ---- writing ---- */

/* A week belongs to the year that its Thursday lies in; `first` is its Monday. */
static void week_of(int64_t first, int64_t *year, int *week)
{
    int month, day;
    int64_t thursday = first + 3;
    nip__civil_date(thursday, year, &month, &day);
    *week = (int)(thursday - nip__civil_days(*year, 1, 1)) / 7 + 1;
}

void nip__period_label_write(nip__period_kind kind, int64_t ordinal, int64_t first, char label[NIP__PERIOD_LABEL_SIZE])
{
    int64_t year;
    int month, day, week;
    nip__civil_date(first, &year, &month, &day);
    switch (kind) {
    case NIP__PERIOD_DAY:
        snprintf(label, NIP__PERIOD_LABEL_SIZE, "%04d-%02d-%02d", (int)year, month, day);
        break;
    case NIP__PERIOD_WEEK:
        week_of(first, &year, &week);
        snprintf(label, NIP__PERIOD_LABEL_SIZE, "%04d-W%02d", (int)year, week);
        break;
    case NIP__PERIOD_MONTH:
        snprintf(label, NIP__PERIOD_LABEL_SIZE, "%04d-%02d", (int)year, month);
        break;
    case NIP__PERIOD_QUARTER:
        snprintf(label, NIP__PERIOD_LABEL_SIZE, "%04d-Q%d", (int)year, (month + 2) / 3);
        break;
    default:
        snprintf(label, NIP__PERIOD_LABEL_SIZE, "%04d", (int)ordinal);
    }
}

/* Whole days are written as days: here each has 86400 s, whatever clocks do. */
int nip__period_label_write_rolling(int64_t length_ms, nip__ms end, char label[NIP__PERIOD_LABEL_SIZE])
{
    nip__buffer text = NIP__BUFFER(NIP__PERIOD_LABEL_SIZE - 1);
    if (length_ms % DAY_MS == 0)
        nip__buffer_printf(&text, "%dd", (int)(length_ms / DAY_MS));
    else
        nip__duration_write(&text, length_ms * NS_OF_MS);
    nip__buffer_char(&text, '/');
    nip__time_write(&text, nip__ms_time(end));
    bool failed = text.failed;
    if (!failed)
        memcpy(label, text.data, text.length + 1);
    nip__buffer_clear(&text);
    return failed ? NIP_E_NOMEM : 0;
}

/* ---- reading ---- */

static bool take(const char **text, char wanted)
{
    if (**text != wanted)
        return false;
    (*text)++;
    return true;
}

/* Exactly `digits` of them. */
static bool take_number(const char **text, int digits, int least, int most, int *number)
{
    *number = 0;
    for (int i = 0; i < digits; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        *number = *number * 10 + (**text - '0');
    }
    return *number >= least && *number <= most;
}

static bool read_quarter(const char *text, int year, nip__period_name *name)
{
    int quarter;
    if (!take_number(&text, 1, 1, 4, &quarter) || *text != '\0')
        return false;
    *name = (nip__period_name){.kind = NIP__PERIOD_QUARTER, .day = nip__civil_days(year, quarter * 3 - 2, 1)};
    return true;
}

/* The first week of a year is the one that holds its 4th of January. Not every year has a 53rd one. */
static bool read_week(const char *text, int year, nip__period_name *name)
{
    int week, found;
    int64_t january_4 = nip__civil_days(year, 1, 4), of_year;
    if (!take_number(&text, 2, 1, 53, &week) || *text != '\0')
        return false;
    int64_t monday = january_4 - (nip__civil_weekday(january_4) + 6) % 7 + (week - 1) * 7;
    week_of(monday, &of_year, &found);
    *name = (nip__period_name){.kind = NIP__PERIOD_WEEK, .day = monday};
    return of_year == year && found == week;
}

static bool read_month_or_day(const char *text, int year, nip__period_name *name)
{
    int month, day = 1;
    if (!take_number(&text, 2, 1, 12, &month))
        return false;
    bool of_month = *text == '\0';
    if (!of_month && (!take(&text, '-') || !take_number(&text, 2, 1, nip__civil_month_length(year, month), &day) || *text != '\0'))
        return false;
    *name = (nip__period_name){.kind = of_month ? NIP__PERIOD_MONTH : NIP__PERIOD_DAY, .day = nip__civil_days(year, month, day)};
    return true;
}

/* "30d/2026-03-31T22:00:00Z" */
static bool read_rolling(const char *text, const char *slash, nip__period_name *name)
{
    char length[NIP__PERIOD_LABEL_SIZE];
    nip_duration duration;
    nip_time end;
    size_t size = (size_t)(slash - text);
    if (size >= sizeof length)
        return false;
    memcpy(length, text, size);
    length[size] = '\0';
    if (!nip__duration_read(length, &duration) || !nip__time_read(slash + 1, &end) || duration % NS_OF_MS != 0 || end % NS_OF_MS != 0)
        return false;
    *name = (nip__period_name){.kind = NIP__PERIOD_ROLLING, .length_ms = duration / NS_OF_MS, .end = nip__ms_of(end)};
    return true;
}

bool nip__period_label_read(const char *text, nip__period_name *name)
{
    int year;
    const char *slash = text != NULL ? strchr(text, '/') : NULL;
    if (slash != NULL)
        return read_rolling(text, slash, name);
    if (text == NULL || !take_number(&text, 4, 0, 9999, &year))
        return false;
    if (*text == '\0') {
        *name = (nip__period_name){.kind = NIP__PERIOD_YEAR, .day = nip__civil_days(year, 1, 1)};
        return true;
    }
    if (!take(&text, '-'))
        return false;
    return take(&text, 'Q') ? read_quarter(text, year, name) : take(&text, 'W') ? read_week(text, year, name) : read_month_or_day(text, year, name);
}
