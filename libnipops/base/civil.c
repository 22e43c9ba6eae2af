/* The calendar, and how its days and the times of a day are written. */
#include "base/civil.h"

#include <stddef.h>

int64_t nip__floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int64_t nip__civil_days(int64_t year, int month, int day)
{
    year -= month <= 2; /* years begin in March, so that the leap day is the last */
    int64_t era = nip__floor_divide(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

void nip__civil_date(int64_t days, int64_t *year, int *month, int *day)
{
    days += 719468;
    int64_t era = nip__floor_divide(days, 146097);
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int shifted = (int)((5 * day_of_year + 2) / 153);
    *day = (int)(day_of_year - (153 * shifted + 2) / 5) + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = year_of_era + era * 400 + (*month <= 2);
}

int nip__civil_month_length(int64_t year, int month)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return lengths[month - 1] + (month == 2 && leap);
}

int nip__civil_weekday(int64_t days)
{
    return (int)(days + 4 - nip__floor_divide(days + 4, 7) * 7); /* 1970-01-01 was a Thursday */
}

/* ---- texts ---- */

const char *const nip__weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

/* Exactly `count` digits. */
static bool take_digits(const char **text, int count, int *value)
{
    *value = 0;
    for (int i = 0; i < count; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        *value = *value * 10 + (**text - '0');
    }
    return true;
}

static bool take(const char **text, char wanted)
{
    if (**text != wanted)
        return false;
    (*text)++;
    return true;
}

bool nip__civil_take(const char **text, int64_t *days)
{
    int year, month, day;
    if (!take_digits(text, 4, &year) || !take(text, '-') || !take_digits(text, 2, &month) || !take(text, '-') || !take_digits(text, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > nip__civil_month_length(year, month))
        return false;
    *days = nip__civil_days(year, month, day);
    return true;
}

bool nip__civil_read(const char *text, int64_t *days)
{
    int64_t read;
    if (text == NULL || !nip__civil_take(&text, &read) || *text != '\0')
        return false;
    *days = read;
    return true;
}

bool nip__clock_read(const char *text, int *seconds)
{
    int hours, minutes;
    if (text == NULL || !take_digits(&text, 2, &hours) || !take(&text, ':') || !take_digits(&text, 2, &minutes) || *text != '\0')
        return false;
    int of_day = hours * 3600 + minutes * 60;
    if (minutes > 59 || of_day > 86400)
        return false;
    *seconds = of_day;
    return true;
}
