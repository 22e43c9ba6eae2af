/* Decimals and percentages. */
#include "sla/decimal.h"

#include <string.h>

enum { DIGITS_MAX = 18, TEXT_MAX = 32 };

static int64_t power_of_ten(int exponent)
{
    int64_t power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

/* ---- decimals ---- */

/* Digits from *text on, which moves behind them; how many there were. */
static int read_digits(const char **text, const char *end, int64_t *digits)
{
    int count = 0;
    for (; *text < end && **text >= '0' && **text <= '9' && count <= DIGITS_MAX; (*text)++, count++)
        *digits = count < DIGITS_MAX ? *digits * 10 + (**text - '0') : *digits;
    return count;
}

static nip__decimal shortest(nip__decimal decimal)
{
    while (decimal.scale > 0 && decimal.digits % 10 == 0) {
        decimal.digits /= 10;
        decimal.scale--;
    }
    return decimal;
}

static bool read_decimal(const char *text, const char *end, nip__decimal *decimal)
{
    int64_t whole = 0, part = 0;
    int places = 0;
    bool zero_first = text < end && *text == '0';
    int before = read_digits(&text, end, &whole);
    if (before == 0 || (zero_first && before > 1))
        return false;
    if (text < end && *text == '.') {
        text++;
        places = read_digits(&text, end, &part);
        if (places == 0)
            return false;
    }
    if (text != end || places > NIP__DECIMAL_SCALE_MAX || before + places > DIGITS_MAX)
        return false;
    *decimal = shortest((nip__decimal){whole * power_of_ten(places) + part, places});
    return true;
}

bool nip__decimal_read(const char *text, nip__decimal *decimal)
{
    return text != NULL && read_decimal(text, text + strnlen(text, TEXT_MAX), decimal);
}

void nip__decimal_write(nip__buffer *out, nip__decimal decimal)
{
    decimal = shortest(decimal);
    int64_t scale = power_of_ten(decimal.scale);
    nip__buffer_int(out, decimal.digits / scale);
    if (decimal.scale > 0)
        nip__buffer_printf(out, ".%0*lld", decimal.scale, (long long)(decimal.digits % scale));
}

/* ---- percentages ---- */

bool nip__ratio_read(const char *text, nip__ratio *ratio)
{
    nip__decimal percent;
    const char *end = text != NULL ? text + strnlen(text, TEXT_MAX) : NULL;
    if (end == text)
        return false;
    if (end[-1] == '%')
        end -= end - text > 1 && end[-2] == ' ' ? 2 : 1;
    if (!read_decimal(text, end, &percent) || percent.scale + 2 > NIP__RATIO_SCALE_MAX)
        return false;
    nip__ratio read = {percent.digits, power_of_ten(percent.scale + 2)};
    if (read.num > read.den)
        return false;
    *ratio = read;
    return true;
}

void nip__ratio_write(nip__buffer *out, nip__ratio ratio)
{
    int scale = 0;
    while (power_of_ten(scale) < ratio.den)
        scale++;
    nip__decimal percent = scale >= 2 ? (nip__decimal){ratio.num, scale - 2} : (nip__decimal){ratio.num * power_of_ten(2 - scale), 0};
    nip__decimal_write(out, percent);
    nip__buffer_text(out, " %");
}

bool nip__ratio_reached(int64_t good, int64_t total, nip__ratio target)
{
    return total > 0 && (__int128)good * target.den >= (__int128)total * target.num;
}
