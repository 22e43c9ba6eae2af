/* The calendar: the proleptic Gregorian one, computed on whole days (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
#ifndef NIP__CIVIL_H
#define NIP__CIVIL_H

#include <stdbool.h>
#include <stdint.h>

/* Days since 1970-01-01 of a civil date. */
int64_t nip__civil_days(int64_t year, int month, int day);
void nip__civil_date(int64_t days, int64_t *year, int *month, int *day);
int nip__civil_month_length(int64_t year, int month);
int nip__civil_weekday(int64_t days); /* 0: Sunday */
/* "sun" to "sat", then NULL. */
extern const char *const nip__weekday_names[];
/* "2026-03-29", to days since 1970-01-01. */
bool nip__civil_read(const char *text, int64_t *days);
/* The same at the beginning of a text, which is moved behind it. */
bool nip__civil_take(const char **text, int64_t *days);
/* "09:30", to seconds of the day; "24:00" is its end. */
bool nip__clock_read(const char *text, int *seconds);
/* a / b, rounded down; b > 0. */
int64_t nip__floor_divide(int64_t a, int64_t b);

#endif
