/* The calendar. */
#include "base/civil.h"

#include <stdbool.h>

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
