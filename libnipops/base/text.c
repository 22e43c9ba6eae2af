/* Questions about text that must not depend on the host's locale. */
#include "base/text.h"

#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/print.h"
#include "nipops/base.h"

bool nip__text_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool nip__text_starts(const char *text, const char *prefix)
{
    return text != NULL && prefix != NULL && strncmp(text, prefix, strlen(prefix)) == 0;
}

/* ---- letters ---- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool nip__text_starts_alike(const char *text, const char *prefix)
{
    while (*prefix != '\0' && lower(*text) == lower(*prefix)) {
        text++;
        prefix++;
    }
    return *prefix == '\0';
}

bool nip__text_alike(const char *a, const char *b)
{
    return strlen(a) == strlen(b) && nip__text_starts_alike(a, b);
}

bool nip__text_has_alike(const char *text, const char *part)
{
    while (*text != '\0' && !nip__text_starts_alike(text, part))
        text++;
    return nip__text_starts_alike(text, part);
}

bool nip__text_is_letter_or_digit(char c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');
}

bool nip__text_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* ---- numbers ---- */

bool nip__text_int(const char *text, int64_t *value)
{
    if (text == NULL)
        return false;
    bool negative = *text == '-';
    const char *p = text + negative;
    int64_t result = 0; /* counted downwards: INT64_MIN has no positive twin */
    if (*p == '\0')
        return false;
    for (; *p != '\0'; p++) {
        if (*p < '0' || *p > '9')
            return false;
        if (__builtin_mul_overflow(result, INT64_C(10), &result) ||
            __builtin_sub_overflow(result, (int64_t)(*p - '0'), &result))
            return false;
    }
    if (!negative && __builtin_sub_overflow(INT64_C(0), result, &result))
        return false;
    *value = result;
    return true;
}

/* Correctly rounded, for what the quick way cannot do. */
static bool slow_real(const char *text, size_t length, double *value)
{
    char copy[NIP__REAL_TEXT_MAX + 1];
    if (length > NIP__REAL_TEXT_MAX)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    locale_t plain = nip__c_locale();
    if (plain == (locale_t)0)
        return false;
    int saved = errno;
    char *end;
    double result = strtod_l(copy, &end, plain);
    errno = saved;
    if (*end != '\0' || !isfinite(result))
        return false;
    *value = result;
    return true;
}

/* What a decimal number's text says: sign, the digits as one integer, and the power of ten. */
typedef struct decimal {
    bool negative, exact; /* exact: all digits are in `digits` */
    uint64_t digits;
    int power;
} decimal;

static const char *take_digits(const char *p, const char *end, decimal *number, int power_each)
{
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        if (number->digits > (UINT64_MAX - 9) / 10) {
            number->exact = false;
            continue;
        }
        number->digits = number->digits * 10 + (uint64_t)(*p - '0');
        number->power += power_each;
    }
    return p;
}

static const char *take_exponent(const char *p, const char *end, decimal *number)
{
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    const char *start = p;
    int exponent = 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        if (exponent < 100000)
            exponent = exponent * 10 + (*p - '0');
    }
    number->power += negative ? -exponent : exponent;
    return p > start ? p : NULL;
}

/* -? digits [. digits] [e [+-] digits] */
static bool parse_decimal(const char *p, const char *end, decimal *number)
{
    *number = (decimal){.exact = true};
    number->negative = p < end && *p == '-';
    p += number->negative;
    const char *start = p;
    p = take_digits(p, end, number, 0);
    if (p == start)
        return false;
    if (p < end && *p == '.') {
        start = ++p;
        p = take_digits(p, end, number, -1);
        if (p == start)
            return false;
    }
    if (p < end && (*p == 'e' || *p == 'E'))
        p = take_exponent(p + 1, end, number);
    return p == end;
}

bool nip__text_real_of(const char *text, size_t length, double *value)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    decimal number;
    if (!parse_decimal(text, text + length, &number))
        return false;
    /* Both factors are exact doubles, so that one operation rounds correctly (Clinger 1990). */
    if (!number.exact || number.digits > (UINT64_C(1) << 53) || number.power < -22 || number.power > 22)
        return slow_real(text, length, value);
    double result = (double)number.digits;
    result = number.power < 0 ? result / tens[-number.power] : result * tens[number.power];
    *value = number.negative ? -result : result;
    return true;
}

bool nip__text_real(const char *text, double *value)
{
    return text != NULL && nip__text_real_of(text, strlen(text), value);
}

/* digits / 10^decimals as "12.034". */
static void write_decimal(bool negative, uint64_t digits, int decimals, char *out)
{
    char backwards[24];
    int length = 0;
    do {
        if (decimals > 0 && length == decimals)
            backwards[length++] = '.';
        backwards[length++] = (char)('0' + digits % 10);
        digits /= 10;
    } while (digits > 0 || length <= decimals);
    if (negative)
        *out++ = '-';
    while (length > 0)
        *out++ = backwards[--length];
    *out = '\0';
}

/* Most figures of operations are whole or have few decimals: n / 10^k is rounded as its decimal text would be. */
static bool write_few_decimals(double value, char *out)
{
    double scale = 1;
    for (int decimals = 0; decimals <= 6; decimals++, scale *= 10) {
        double digits = rint(fabs(value) * scale);
        if (!(digits < 0x1p53))
            return false;
        if (digits / scale == fabs(value)) {
            write_decimal(value < 0, (uint64_t)digits, decimals, out);
            return true;
        }
    }
    return false;
}

void nip__text_from_real(double value, char *out)
{
    if (!isfinite(value)) {
        memcpy(out, "null", 5);
        return;
    }
    if (value == 0) {
        memcpy(out, signbit(value) ? "-0.0" : "0", signbit(value) ? 5 : 2);
        return;
    }
    if (write_few_decimals(value, out))
        return;
    for (int precision = fabs(value) < DBL_MIN ? 1 : 15; precision <= 17; precision++) {
        char *end = out + snprintf(out, 32, "%.*g", precision, value);
        char *point = out; /* the host's locale may have put a comma (or more) here */
        while (point < end && ((*point >= '0' && *point <= '9') || *point == '-' || *point == 'e'))
            point++;
        if (point < end && *point != '+') {
            char *rest = point + 1;
            while (rest < end && (*rest < '0' || *rest > '9'))
                rest++;
            *point = '.';
            memmove(point + 1, rest, (size_t)(end - rest) + 1);
        }
        double back;
        if (nip__text_real(out, &back) && back == value)
            return;
    }
}

/* ---- characters and names ---- */

/* Length of the valid UTF-8 sequence at p, 1..4, or 0. */
size_t nip__text_character(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || left < length)
        return 0;
    /* The second byte rules out overlong forms, surrogates and what lies beyond U+10FFFF. */
    unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return length;
}

size_t nip__text_utf8_prefix(const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t i = 0;
    while (i < length) {
        uint64_t eight;
        if (length - i >= sizeof eight) {
            memcpy(&eight, bytes + i, sizeof eight);
            /* eight ASCII bytes, none of them 0 */
            if (((eight | (eight - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080)) == 0) {
                i += sizeof eight;
                continue;
            }
        }
        size_t character = bytes[i] == 0 ? 0 : nip__text_character(bytes + i, length - i);
        if (character == 0)
            return i;
        i += character;
    }
    return length;
}

bool nip__text_utf8(const char *text, size_t length)
{
    return nip__text_utf8_prefix(text, length) == length;
}

static bool letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool nip__text_subject(const char *text)
{
    if (text == NULL || !letter_or_digit(text[0]))
        return false;
    size_t length = 1;
    for (; text[length] != '\0'; length++) {
        if (length >= NIP_SUBJECT_MAX || (!letter_or_digit(text[length]) && strchr("._-", text[length]) == NULL))
            return false;
    }
    return true;
}

/* ---- the nearest name ---- */

enum { NEAREST_MAX = 64 }; /* longer texts are not compared */

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Insertions, deletions, changes and swaps of neighbours that make one text the other (optimal string alignment). */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][NEAREST_MAX + 1];
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            bool same = lower(a[i - 1]) == lower(b[j - 1]);
            row[j] = smallest(above[j] + 1, row[j - 1] + 1, above[j - 1] + !same);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
                row[j] = smallest(row[j], two_above[j - 2] + 1, row[j]);
        }
    }
    return rows[a_length % 3][b_length];
}

const char *nip__text_nearest(const char *text, const char *const *candidates)
{
    size_t length = text == NULL ? 0 : strlen(text);
    if (length == 0 || length > NEAREST_MAX)
        return NULL;
    const char *nearest = NULL;
    size_t best = length / 3 + 2; /* one slip, and one more for each three letters */
    for (; *candidates != NULL; candidates++) {
        size_t other = strlen(*candidates);
        if (other > NEAREST_MAX || (other > length ? other - length : length - other) >= best)
            continue;
        size_t steps = distance(text, length, *candidates, other);
        if (steps < best && steps < other) { /* as many steps as letters: nothing in common */
            best = steps;
            nearest = *candidates;
        }
    }
    return nearest;
}
