/* Expressions of PromQL for indicators. */
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "convert/promql.h"
#include "sla/document.h"
#include "sla/rules.h"

enum { PLACES = 12 };

/* ---- numbers ---- */

static bool divides_power_of_ten(__int128 den)
{
    while (den % 2 == 0)
        den /= 2;
    while (den % 5 == 0)
        den /= 5;
    return den == 1;
}

static __int128 common_divisor(__int128 a, __int128 b)
{
    while (b != 0) {
        __int128 rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static void put_decimal(nip__buffer *out, __int128 num, __int128 den)
{
    char digits[PLACES + 1];
    __int128 whole = num / den, rest = num % den;
    size_t length = 0;
    for (; rest > 0 && length < PLACES; length++) {
        rest *= 10;
        digits[length] = (char)('0' + (int)(rest / den));
        rest %= den;
    }
    nip__buffer_int(out, (int64_t)whole);
    while (length > 0 && digits[length - 1] == '0')
        length--;
    if (length > 0) {
        nip__buffer_char(out, '.');
        nip__buffer_put(out, digits, length);
    }
}

void nip__sla_rules_threshold(nip__buffer *out, nip__ratio factor, nip__ratio target)
{
    __int128 num = (__int128)factor.num * (target.den - target.num), den = (__int128)factor.den * target.den;
    __int128 divisor = common_divisor(num, den), scale = 1;
    num /= divisor;
    den /= divisor;
    for (int i = 0; i < PLACES; i++)
        scale *= 10;
    if (!divides_power_of_ten(den)) { /* to the nearest place */
        num = (num * scale * 2 + den) / (den * 2);
        den = scale;
    }
    put_decimal(out, num, den);
}

/* ---- selectors ---- */

static void put_window(nip__buffer *out, int64_t ms)
{
    if (ms % 1000 == 0)
        nip__buffer_printf(out, "[%llds]", (long long)(ms / 1000));
    else
        nip__buffer_printf(out, "[%lldms]", (long long)ms);
}

/* sum(rate(SELECTOR[300s])), or 0 where there are no such series. */
static void put_sum(nip__buffer *out, const char *function, const char *selector, int64_t window_ms)
{
    nip__buffer_printf(out, "(sum(%s(%s", function, selector);
    put_window(out, window_ms);
    nip__buffer_text(out, ")) or vector(0))");
}

static void put_narrowed(nip__buffer *out, const char *selector, const char *matcher)
{
    nip__buffer bare = NIP__BUFFER(20000);
    nip__promql_bare(&bare, selector);
    nip__promql_narrow(out, nip__buffer_string(&bare), matcher);
    out->failed |= bare.failed;
    nip__buffer_clear(&bare);
}

/* A limit's bucket, however its label is written: "0.5", "0.50", "1", "1.0". Dots are no wildcards. */
static void put_bucket(nip__buffer *out, const char *selector, nip__decimal limit)
{
    nip__buffer text = NIP__BUFFER(64), matcher = NIP__BUFFER(300);
    nip__decimal_write(&text, limit);
    nip__buffer_text(&matcher, "le=~\"");
    for (const char *p = nip__buffer_string(&text); *p != '\0'; p++)
        nip__buffer_text(&matcher, *p == '.' ? "\\\\." : (char[]){*p, '\0'});
    nip__buffer_text(&matcher, limit.scale == 0 ? "(\\\\.0+)?\"" : "0*\"");
    put_narrowed(out, selector, nip__buffer_string(&matcher));
    out->failed |= text.failed || matcher.failed;
    nip__buffer_clear(&matcher);
    nip__buffer_clear(&text);
}

/* ---- what is bad, and of what ---- */

/* Of events, the selectors of one side less those of another. */
typedef struct sides {
    nip__buffer less, more; /* more may be nothing: less alone */
    bool difference;        /* bad = less - more */
    nip__buffer total, also; /* all = total + also */
} sides;

static sides sides_of(const nip__indicator *indicator)
{
    sides s = {NIP__BUFFER(20000), NIP__BUFFER(20000), false, NIP__BUFFER(20000), NIP__BUFFER(20000)};
    if (indicator->kind == NIP__INDICATOR_LATENCY) {
        put_narrowed(&s.total, indicator->histogram, "le=\"+Inf\"");
        put_narrowed(&s.less, indicator->histogram, "le=\"+Inf\"");
        put_bucket(&s.more, indicator->histogram, indicator->limit);
        s.difference = true;
    } else if (indicator->bad != NULL && indicator->total != NULL) {
        nip__promql_bare(&s.less, indicator->bad);
        nip__promql_bare(&s.total, indicator->total);
    } else if (indicator->bad != NULL) {
        nip__promql_bare(&s.less, indicator->bad);
        nip__promql_bare(&s.total, indicator->good);
        nip__promql_bare(&s.also, indicator->bad);
    } else {
        nip__promql_bare(&s.less, indicator->total);
        nip__promql_bare(&s.more, indicator->good);
        nip__promql_bare(&s.total, indicator->total);
        s.difference = true;
    }
    return s;
}

static bool clear_sides(sides *s)
{
    bool failed = s->less.failed || s->more.failed || s->total.failed || s->also.failed;
    nip__buffer *const all[] = {&s->less, &s->more, &s->total, &s->also};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        nip__buffer_clear(all[i]);
    return failed;
}

static void put_bad_events(nip__buffer *out, const sides *s, const char *function, int64_t window_ms)
{
    nip__buffer_text(out, s->difference ? "(" : "");
    put_sum(out, function, nip__buffer_string(&s->less), window_ms);
    if (s->difference) {
        nip__buffer_text(out, " - ");
        put_sum(out, function, nip__buffer_string(&s->more), window_ms);
        nip__buffer_text(out, ")");
    }
}

/* Where nothing happened there is no share: the comparison leaves nothing. */
static void put_events_ratio(nip__buffer *out, const nip__indicator *indicator, int64_t window_ms)
{
    sides s = sides_of(indicator);
    put_bad_events(out, &s, "rate", window_ms);
    nip__buffer_text(out, " / ((");
    put_sum(out, "rate", nip__buffer_string(&s.total), window_ms);
    if (s.also.length > 0) {
        nip__buffer_text(out, " + ");
        put_sum(out, "rate", nip__buffer_string(&s.also), window_ms);
    }
    nip__buffer_text(out, ") > 0)");
    out->failed |= clear_sides(&s);
}

/* 1 while it is up, 0 while it is not, and nothing where there are no samples. */
static int put_up(nip__buffer *out, const nip__indicator *indicator, nip_error **err)
{
    char value[40];
    int64_t k = indicator->k;
    if (indicator->agreement == NIP__MAJORITY && indicator->instance_count > 0)
        k = (int64_t)indicator->instance_count / 2 + 1;
    else if (indicator->agreement == NIP__MAJORITY || indicator->agreement == NIP__PREFER)
        return nip__fail(err, NIP_E_INVALID, "the instances of %s agree by \"%s\"%s, which Prometheus has no expression for", indicator->name,
                         indicator->agreement == NIP__PREFER ? "prefer" : "majority", indicator->agreement == NIP__PREFER ? "" : " of instances that are not declared");
    nip__text_from_real(indicator->up_value, value);
    bool counts = indicator->agreement == NIP__K_OF_N || indicator->agreement == NIP__MAJORITY;
    nip__buffer_printf(out, "%s(", counts ? "sum" : indicator->agreement == NIP__ANY ? "max" : "min");
    nip__promql_bare(out, indicator->query);
    nip__buffer_printf(out, " %s bool %s)", nip__sla_comparisons[indicator->up_when], value);
    if (counts)
        nip__buffer_printf(out, " >= bool %lld", (long long)k);
    return 0;
}

static int put_time_ratio(nip__buffer *out, const nip__indicator *indicator, int64_t window_ms, nip_error **err)
{
    nip__buffer_text(out, "1 - avg_over_time((");
    int rc = put_up(out, indicator, err);
    nip__buffer_printf(out, ")[%llds:%llds])", (long long)(window_ms / 1000), (long long)((indicator->slice_ms + 999) / 1000));
    return rc;
}

int nip__sla_rules_ratio(nip__buffer *out, const nip__indicator *indicator, int64_t window_ms, nip_error **err)
{
    if (indicator->kind == NIP__INDICATOR_TIME)
        return put_time_ratio(out, indicator, window_ms, err);
    put_events_ratio(out, indicator, window_ms);
    return 0;
}

int nip__sla_rules_bad(nip__buffer *out, const nip__indicator *indicator, int64_t window_ms, nip_error **err)
{
    if (indicator->kind == NIP__INDICATOR_TIME) {
        nip__buffer_text(out, "(");
        int rc = put_time_ratio(out, indicator, window_ms, err);
        nip__buffer_printf(out, ") * %lld", (long long)(window_ms / 1000));
        return rc;
    }
    sides s = sides_of(indicator);
    put_bad_events(out, &s, "increase", window_ms);
    out->failed |= clear_sides(&s);
    return 0;
}

const char *nip__sla_rules_watched(const nip__indicator *indicator)
{
    const char *const selectors[] = {indicator->query, indicator->histogram, indicator->total, indicator->good};
    for (size_t i = 0; i < sizeof selectors / sizeof selectors[0]; i++) {
        if (selectors[i] != NULL)
            return selectors[i];
    }
    return NULL;
}

static bool selects(const char *selector)
{
    nip__buffer bare = NIP__BUFFER(20000);
    nip__promql_bare(&bare, selector);
    bool does = bare.failed || nip__promql_selects(nip__buffer_string(&bare)); /* out of memory: whoever writes it says so */
    nip__buffer_clear(&bare);
    return does;
}

const char *nip__sla_rules_odd(const nip__indicator *indicator)
{
    const char *const selectors[] = {indicator->query, indicator->histogram, indicator->total, indicator->good, indicator->bad};
    for (size_t i = 0; i < sizeof selectors / sizeof selectors[0]; i++) {
        if (selectors[i] != NULL && !selects(selectors[i]))
            return selectors[i];
    }
    return NULL;
}
