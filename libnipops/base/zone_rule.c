/* The POSIX TZ text at the end of a TZif file: what holds after its last change. Hours of a change may lie from -167 to 167. */
#include "base/zone.h"

#include <string.h>

#include "base/civil.h"

#define DAY 86400

/* ---- reading ---- */

typedef struct scanner {
    const char *at, *end;
} scanner;

static bool take(scanner *s, char wanted)
{
    if (s->at == s->end || *s->at != wanted)
        return false;
    s->at++;
    return true;
}

static bool is_digit(const scanner *s)
{
    return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

static bool read_number(scanner *s, int least, int most, int *number)
{
    int digits = 0;
    *number = 0;
    for (; is_digit(s) && digits < 4; digits++)
        *number = *number * 10 + (*s->at++ - '0');
    return digits > 0 && !is_digit(s) && *number >= least && *number <= most;
}

static bool is_name(char c, bool quoted)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-'));
}

/* "CET" or "<+0330>": three characters or more. */
static bool read_name(scanner *s, char name[16])
{
    bool quoted = take(s, '<');
    size_t length = 0;
    while (s->at < s->end && is_name(*s->at, quoted) && length < 15)
        name[length++] = *s->at++;
    name[length] = '\0';
    return length >= 3 && (!quoted || take(s, '>'));
}

/* [+-]h[h[h]][:mm[:ss]] */
static bool read_time(scanner *s, int most_hours, int32_t *seconds)
{
    int sign = take(s, '-') ? -1 : 1, hours = 0, minutes = 0, rest = 0;
    if (sign > 0)
        take(s, '+');
    if (!read_number(s, 0, most_hours, &hours))
        return false;
    if (take(s, ':') && (!read_number(s, 0, 59, &minutes) || (take(s, ':') && !read_number(s, 0, 59, &rest))))
        return false;
    *seconds = sign * (hours * 3600 + minutes * 60 + rest);
    return true;
}

static bool read_date(scanner *s, nip__zone_date *date)
{
    bool fine;
    *date = (nip__zone_date){.form = 'N', .time = 2 * 3600};
    if (take(s, 'J')) {
        date->form = 'J';
        fine = read_number(s, 1, 365, &date->day);
    } else if (take(s, 'M')) {
        date->form = 'M';
        fine = read_number(s, 1, 12, &date->month) && take(s, '.') && read_number(s, 1, 5, &date->week) && take(s, '.') &&
               read_number(s, 0, 6, &date->day);
    } else {
        fine = read_number(s, 0, 365, &date->day);
    }
    return fine && (!take(s, '/') || read_time(s, 167, &date->time));
}

/* Offsets count westwards in POSIX. */
static bool read_offset(scanner *s, int32_t *offset)
{
    if (!read_time(s, 24, offset))
        return false;
    *offset = -*offset;
    return true;
}

static bool read_summer(scanner *s, nip__zone_rule *rule)
{
    rule->has_dst = true;
    rule->summer.dst = true;
    rule->summer.offset = rule->standard.offset + 3600;
    if (!read_name(s, rule->summer.name))
        return false;
    bool stated = s->at < s->end && *s->at != ',';
    if (stated && !read_offset(s, &rule->summer.offset))
        return false;
    return take(s, ',') && read_date(s, &rule->begin) && take(s, ',') && read_date(s, &rule->end);
}

bool nip__zone_rule_read(const char *text, size_t length, nip__zone_rule *rule)
{
    scanner s = {text, text + length};
    *rule = (nip__zone_rule){.present = length > 0};
    if (length == 0)
        return true;
    if (!read_name(&s, rule->standard.name) || !read_offset(&s, &rule->standard.offset))
        return false;
    if (s.at < s.end && !read_summer(&s, rule))
        return false;
    return s.at == s.end;
}

/* ---- asking ---- */

static int64_t day_of(const nip__zone_date *date, int64_t year)
{
    int64_t january = nip__civil_days(year, 1, 1);
    if (date->form == 'N')
        return january + date->day;
    if (date->form == 'J') /* March 1 is day 60 of every year */
        return january + date->day - 1 + (date->day >= 60 && nip__civil_month_length(year, 2) == 29);
    int64_t first = nip__civil_days(year, date->month, 1);
    int to_weekday = (date->day - nip__civil_weekday(first) + 7) % 7;
    int64_t day = first + to_weekday + (int64_t)(date->week - 1) * 7;
    return day >= first + nip__civil_month_length(year, date->month) ? day - 7 : day; /* week 5 is the last one */
}

/* Each change is stated in the time that holds before it. */
static int64_t begin_of(const nip__zone_rule *rule, int64_t year)
{
    return day_of(&rule->begin, year) * DAY + rule->begin.time - rule->standard.offset;
}

static int64_t end_of(const nip__zone_rule *rule, int64_t year)
{
    return day_of(&rule->end, year) * DAY + rule->end.time - rule->summer.offset;
}

static int64_t year_of(const nip__zone_rule *rule, int64_t instant)
{
    int64_t year;
    int month, day;
    nip__civil_date(nip__floor_divide(instant + rule->standard.offset, DAY), &year, &month, &day);
    return year;
}

/* The latest change decides. Where an end and the next begin fall on one instant it is summer all year. */
nip__zone_type nip__zone_rule_at(const nip__zone_rule *rule, int64_t instant)
{
    if (!rule->has_dst)
        return rule->standard;
    int64_t year = year_of(rule, instant), latest = INT64_MIN;
    bool summer = false;
    for (int64_t y = year - 1; y <= year + 1; y++) {
        const struct {
            int64_t at;
            bool summer;
        } changes[] = {{begin_of(rule, y), true}, {end_of(rule, y), false}};
        for (int i = 0; i < 2; i++) {
            bool later = changes[i].at > latest || (changes[i].at == latest && changes[i].summer);
            if (changes[i].at > instant || !later)
                continue;
            latest = changes[i].at;
            summer = changes[i].summer;
        }
    }
    return summer ? rule->summer : rule->standard;
}

int64_t nip__zone_rule_next(const nip__zone_rule *rule, int64_t instant)
{
    if (!rule->has_dst)
        return INT64_MAX;
    int64_t year = year_of(rule, instant), next = INT64_MAX;
    for (int64_t y = year - 1; y <= year + 2; y++) {
        const int64_t changes[] = {begin_of(rule, y), end_of(rule, y)};
        for (int i = 0; i < 2; i++) {
            if (changes[i] > instant && changes[i] < next)
                next = changes[i];
        }
    }
    return next;
}
