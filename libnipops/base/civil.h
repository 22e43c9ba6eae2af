/* The calendar: the proleptic Gregorian one, computed on whole days (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
#ifndef NIP__CIVIL_H
#define NIP__CIVIL_H

#include <stdint.h>

/* Days since 1970-01-01 of a civil date. */
int64_t nip__civil_days(int64_t year, int month, int day);
void nip__civil_date(int64_t days, int64_t *year, int *month, int *day);
int nip__civil_month_length(int64_t year, int month);
int nip__civil_weekday(int64_t days); /* 0: Sunday */
/* a / b, rounded down; b > 0. */
int64_t nip__floor_divide(int64_t a, int64_t b);

#endif
