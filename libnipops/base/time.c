/* Instants and lengths of time as text. */
#include "base/time.h"

#include <string.h>

#include "base/civil.h"
#include "base/error.h"

static const struct {
    const char *name;
    nip_duration size;
} units[] = {
    /* largest first: the order in which a length of time is written */
    {"w", 7 * 24 * NIP_HOUR}, {"d", 24 * NIP_HOUR},    {"h", NIP_HOUR},         {"m", NIP_MINUTE},
    {"s", NIP_SECOND},        {"ms", NIP_MILLISECOND}, {"us", NIP_MICROSECOND}, {"ns", 1},
};
enum { UNIT_COUNT = sizeof units / sizeof units[0], HOURS = 2, MINUTES = 3, SECONDS = 4, MILLISECONDS = 5 };

/* ---- arithmetic ---- */

nip_time nip__time_add(nip_time time, nip_duration duration)
{
    if (time == NIP_TIME_NONE || time == NIP_TIME_MAX)
        return time;
    nip_time sum;
    if (__builtin_add_overflow(time, duration, &sum))
        return duration > 0 ? NIP_TIME_MAX : NIP_TIME_NONE + 1;
    return sum == NIP_TIME_NONE ? NIP_TIME_NONE + 1 : sum;
}

nip_duration nip__time_between(nip_time from, nip_time to)
{
    nip_duration difference;
    if (__builtin_sub_overflow(to, from, &difference))
        return to > from ? INT64_MAX : INT64_MIN;
    return difference;
}

/* ---- instants ---- */

/* What a clock shows that is `offset` seconds east of UTC. */
static void write_clock(nip__buffer *buffer, nip_time time, int32_t offset)
{
    int64_t seconds = nip__floor_divide(time, NIP_SECOND) + offset;
    int64_t days = nip__floor_divide(seconds, 86400);
    int of_day = (int)(seconds - days * 86400);
    int fraction = (int)(time % NIP_SECOND);
    if (fraction < 0)
        fraction += (int)NIP_SECOND;
    int64_t year;
    int month, day;
    nip__civil_date(days, &year, &month, &day);
    nip__buffer_printf(buffer, "%04d-%02d-%02dT%02d:%02d:%02d", (int)year, month, day, of_day / 3600, of_day / 60 % 60,
                       of_day % 60);
    if (fraction % 1000000 == 0 && fraction != 0)
        nip__buffer_printf(buffer, ".%03d", fraction / 1000000);
    else if (fraction % 1000 == 0 && fraction != 0)
        nip__buffer_printf(buffer, ".%06d", fraction / 1000);
    else if (fraction != 0)
        nip__buffer_printf(buffer, ".%09d", fraction);
}

static bool write_nameless(nip__buffer *buffer, nip_time time)
{
    if (time != NIP_TIME_NONE && time != NIP_TIME_MAX)
        return false;
    nip__buffer_text(buffer, time == NIP_TIME_NONE ? "none" : "never");
    return true;
}

void nip__time_write(nip__buffer *buffer, nip_time time)
{
    if (write_nameless(buffer, time))
        return;
    write_clock(buffer, time, 0);
    nip__buffer_char(buffer, 'Z');
}

void nip__time_write_local(nip__buffer *buffer, nip_time time, int32_t offset)
{
    int size = offset < 0 ? -offset : offset;
    if (write_nameless(buffer, time))
        return;
    write_clock(buffer, time, offset);
    nip__buffer_printf(buffer, "%c%02d:%02d", offset < 0 ? '-' : '+', size / 3600, size / 60 % 60);
    if (size % 60 != 0)
        nip__buffer_printf(buffer, ":%02d", size % 60);
}

/* Exactly `count` digits. */
static bool digits(const char **text, int count, int *value)
{
    *value = 0;
    for (int i = 0; i < count; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        *value = *value * 10 + (**text - '0');
    }
    return true;
}

static bool literal(const char **text, char wanted)
{
    if (**text != wanted)
        return false;
    (*text)++;
    return true;
}

/* One to nine digits behind the point, as nanoseconds. */
static bool read_fraction(const char **text, int64_t *nanoseconds)
{
    *nanoseconds = 0;
    if (!literal(text, '.'))
        return true;
    int64_t scale = NIP_SECOND;
    while (**text >= '0' && **text <= '9') {
        scale /= 10;
        if (scale == 0)
            return false;
        *nanoseconds += (*(*text)++ - '0') * scale;
    }
    return scale < NIP_SECOND;
}

static bool read_clock(const char **text, int64_t *seconds, int64_t *nanoseconds)
{
    int hour, minute, second;
    if (!digits(text, 2, &hour) || !literal(text, ':') || !digits(text, 2, &minute) || !literal(text, ':') ||
        !digits(text, 2, &second) || !read_fraction(text, nanoseconds))
        return false;
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    if (second == 60) { /* a leap second: our time has none, its instants are those just before the next minute */
        second = 59;
        *nanoseconds = NIP_SECOND - 1;
    }
    *seconds = hour * 3600 + minute * 60 + second;
    return true;
}

static bool read_offset(const char **text, int64_t *seconds)
{
    *seconds = 0;
    if (literal(text, 'Z') || literal(text, 'z'))
        return true;
    int sign = **text == '-' ? -1 : 1;
    int hours, minutes;
    if ((!literal(text, '+') && !literal(text, '-')) || !digits(text, 2, &hours) || !literal(text, ':') ||
        !digits(text, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool nip__time_read(const char *text, nip_time *time)
{
    int64_t days, of_day, nanoseconds, offset;
    if (text == NULL || !nip__civil_take(&text, &days))
        return false;
    if (!literal(&text, 'T') && !literal(&text, 't'))
        return false;
    if (!read_clock(&text, &of_day, &nanoseconds) || !read_offset(&text, &offset) || *text != '\0')
        return false;
    __int128 result = (__int128)(days * 86400 + of_day - offset) * NIP_SECOND + nanoseconds;
    if (result <= NIP_TIME_NONE || result >= NIP_TIME_MAX)
        return false;
    *time = (nip_time)result;
    return true;
}

/* ---- lengths of time ---- */

void nip__duration_write(nip__buffer *buffer, nip_duration duration)
{
    if (duration == 0) {
        nip__buffer_text(buffer, "0s");
        return;
    }
    uint64_t rest = duration < 0 ? 0 - (uint64_t)duration : (uint64_t)duration;
    if (duration < 0)
        nip__buffer_char(buffer, '-');
    for (int i = HOURS; i < UNIT_COUNT; i++) { /* days are written as hours: a civil day may have 23 or 25 */
        uint64_t count = rest / (uint64_t)units[i].size;
        rest %= (uint64_t)units[i].size;
        if (count > 0) {
            nip__buffer_int(buffer, (int64_t)count);
            nip__buffer_text(buffer, units[i].name);
        }
    }
}

/* Two neighbouring units of `d h m s`. */
static void write_pair(nip__buffer *buffer, uint64_t rest, int unit)
{
    uint64_t large = rest / (uint64_t)units[unit].size;
    uint64_t small = rest % (uint64_t)units[unit].size / (uint64_t)units[unit + 1].size;
    nip__buffer_int(buffer, (int64_t)large);
    nip__buffer_text(buffer, units[unit].name);
    if (small > 0) {
        nip__buffer_char(buffer, ' ');
        nip__buffer_int(buffer, (int64_t)small);
        nip__buffer_text(buffer, units[unit + 1].name);
    }
}

void nip__duration_write_short(nip__buffer *buffer, nip_duration duration)
{
    if (duration == NIP_TIME_MAX) {
        nip__buffer_text(buffer, "for ever");
        return;
    }
    uint64_t rest = duration < 0 ? 0 - (uint64_t)duration : (uint64_t)duration;
    if (duration < 0)
        nip__buffer_char(buffer, '-');
    int unit = 1;
    while (unit < UNIT_COUNT - 1 && rest < (uint64_t)units[unit].size)
        unit++;
    if (rest == 0) {
        nip__buffer_text(buffer, "0s");
    } else if (unit < SECONDS) {
        write_pair(buffer, rest, unit);
    } else {
        uint64_t tenths = rest / ((uint64_t)units[unit].size / (unit == UNIT_COUNT - 1 ? 1 : 10));
        uint64_t whole = unit == UNIT_COUNT - 1 ? tenths : tenths / 10;
        nip__buffer_int(buffer, (int64_t)whole);
        if (unit == SECONDS && whole < 10 && tenths % 10 != 0)
            nip__buffer_printf(buffer, ".%d", (int)(tenths % 10));
        nip__buffer_text(buffer, units[unit].name);
    }
}

/* "1" or "1.5"; as a whole number of units and a decimal fraction of one. */
static bool read_count(const char **text, uint64_t *whole, uint64_t *fraction, uint64_t *scale)
{
    const char *start = *text;
    *whole = *fraction = 0;
    *scale = 1;
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        if (__builtin_mul_overflow(*whole, UINT64_C(10), whole) ||
            __builtin_add_overflow(*whole, (uint64_t)(**text - '0'), whole))
            return false;
    }
    if (*text == start)
        return false;
    if (!literal(text, '.'))
        return true;
    start = *text;
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        if (*scale > UINT64_C(1000000000000))
            return false;
        *scale *= 10;
        *fraction = *fraction * 10 + (uint64_t)(**text - '0');
    }
    return *text > start;
}

static int read_unit(const char **text)
{
    size_t length = 0;
    while ((*text)[length] >= 'a' && (*text)[length] <= 'z')
        length++;
    for (int i = 0; i < UNIT_COUNT; i++) {
        if (strlen(units[i].name) == length && memcmp(units[i].name, *text, length) == 0) {
            *text += length;
            return i;
        }
    }
    return -1;
}

/* Adds number+unit to *total; the result must be whole nanoseconds. */
static bool read_part(const char **text, int *last_unit, uint64_t *total)
{
    uint64_t whole, fraction, scale, product;
    if (!read_count(text, &whole, &fraction, &scale))
        return false;
    int unit = read_unit(text);
    if (unit <= *last_unit)
        return false;
    *last_unit = unit;
    uint64_t size = (uint64_t)units[unit].size;
    if (__builtin_mul_overflow(whole, size, &product) || __builtin_add_overflow(*total, product, total))
        return false;
    unsigned __int128 part = (unsigned __int128)fraction * size;
    if (part % scale != 0)
        return false;
    return !__builtin_add_overflow(*total, (uint64_t)(part / scale), total);
}

bool nip__duration_read(const char *text, nip_duration *duration)
{
    if (text == NULL)
        return false;
    bool negative = literal(&text, '-');
    uint64_t total = 0;
    int last_unit = -1;
    if (strcmp(text, "0") != 0) {
        do {
            if (!read_part(&text, &last_unit, &total))
                return false;
        } while (*text != '\0');
    }
    if (total > INT64_MAX)
        return false;
    *duration = negative ? -(int64_t)total : (int64_t)total;
    return true;
}

/* ---- public ---- */

int nip_time_parse(const char *text, nip_time *time, nip_error **err)
{
    NIP_ARG(text != NULL && time != NULL);
    if (nip__time_read(text, time))
        return 0;
    return nip__fail(err, NIP_E_INVALID,
                     "\"%.64s\" is not an instant between the years 1677 and 2262 such as "
                     "\"2026-11-23T05:49:30Z\" (RFC 3339)",
                     text);
}

char *nip_time_format(nip_time time)
{
    nip__buffer buffer = NIP__BUFFER(64);
    nip__time_write(&buffer, time);
    return nip__buffer_take(&buffer);
}

int nip_duration_parse(const char *text, nip_duration *duration, nip_error **err)
{
    NIP_ARG(text != NULL && duration != NULL);
    if (nip__duration_read(text, duration))
        return 0;
    return nip__fail(err, NIP_E_INVALID,
                     "\"%.64s\" is not a length of time such as \"90s\" or \"1h30m\" "
                     "(units w d h m s ms us ns, largest first)",
                     text);
}

char *nip_duration_format(nip_duration duration)
{
    nip__buffer buffer = NIP__BUFFER(64);
    nip__duration_write(&buffer, duration);
    return nip__buffer_take(&buffer);
}
