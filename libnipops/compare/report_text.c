/* A report as plain text. */
#include "compare/report.h"

#include <string.h>

#include "base/text.h"

/* What comes from outside must not speak to a terminal. */
static void put_plain(nip__buffer *out, const char *text)
{
    for (const char *p = text; p != NULL && *p != '\0'; p++)
        nip__buffer_char(out, (unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p);
}

static void put_line(nip__buffer *out, const char *name, const char *text)
{
    nip__buffer_printf(out, "%-13s", name);
    put_plain(out, text);
    nip__buffer_char(out, '\n');
}

static void put_counts(nip__buffer *out, const char *name, const nip__value *counts)
{
    nip__buffer text = NIP__BUFFER(10000);
    nip__report_counts(&text, counts);
    if (text.length > 0)
        put_line(out, name, nip__buffer_string(&text));
    nip__buffer_clear(&text);
}

static void put_requests(nip__buffer *out, const nip__value *c)
{
    nip__buffer text = NIP__BUFFER(10000);
    nip__buffer_printf(&text, "%lld of %lld recorded in %s", (long long)nip__get_int(c, "requests", 0),
                       (long long)nip__get_int(c, "found", 0), nip__get_text(c, "path"));
    put_line(out, "requests", nip__buffer_string(&text));
    put_line(out, "  sha256", nip__get_text(c, "sha256"));
    put_counts(out, "  left out", nip__get(c, "skipped"));
    nip__buffer_reset(&text);
    nip__buffer_printf(&text, "%lld; not compared: %lld, not sent in time: %lld",
                       (long long)nip__get_int(c, "compared", 0), (long long)nip__get_int(c, "not_compared", 0),
                       (long long)nip__get_int(c, "not_sent", 0));
    put_line(out, "compared", nip__buffer_string(&text));
    put_counts(out, "  because", nip__get(c, "not_compared_why"));
    nip__buffer_reset(&text);
    nip__report_mismatches(&text, c);
    put_line(out, "mismatches", nip__buffer_string(&text));
    put_counts(out, "not comparable, because", nip__get(c, "not_comparable_why"));
    nip__buffer_clear(&text);
}

static void put_example(nip__buffer *out, const nip__value *example)
{
    static const char *const sides[] = {"old", "new"};
    nip__buffer_text(out, "           ");
    put_plain(out, nip__get_text(example, "request"));
    nip__buffer_char(out, '\n');
    for (size_t i = 0; i < 2; i++) {
        const char *text = nip__get_text(example, sides[i]);
        nip__buffer_printf(out, "             %s  ", sides[i]);
        put_plain(out, text != NULL ? text : "(nothing there)");
        nip__buffer_char(out, '\n');
    }
}

static void put_fields(nip__buffer *out, const nip__value *c)
{
    const nip__value *fields = nip__get(c, "fields");
    if (nip__count(fields) == 0) {
        nip__buffer_text(out, "\nno answer differs\n");
        return;
    }
    nip__buffer_text(out, "\nwhere answers differ (requests in which the new version differs; in which the old one "
                          "differs from itself)\n");
    for (NIP__EACH(field, fields)) {
        nip__buffer_printf(out, "%6lld %6lld  ", (long long)nip__get_int(field, "differs", 0),
                           (long long)nip__get_int(field, "baseline_differs", 0));
        put_plain(out, nip__get_text(field, "field"));
        nip__buffer_text(out, nip__get_bool(field, "counts", false) ? "\n" : "   (noise: does not count)\n");
        for (NIP__EACH(example, nip__get_bool(field, "counts", false) ? nip__get(field, "examples") : NULL))
            put_example(out, example);
    }
    if (nip__get_int(c, "fields_left_out", 0) > 0)
        nip__buffer_printf(out, "              and %lld more places\n",
                           (long long)nip__get_int(c, "fields_left_out", 0));
}

static void put_advice(nip__buffer *out, const nip__value *c)
{
    const nip__value *rules = nip__get(c, "advice");
    if (nip__count(rules) > 0)
        nip__buffer_text(out, "\nto compare more, add to shadow.compare.ignore what differs by itself\n");
    for (NIP__EACH(rule, rules)) {
        nip__buffer text = NIP__BUFFER(4000);
        nip__report_rule(&text, rule);
        nip__buffer_text(out, "  - ");
        put_plain(out, nip__buffer_string(&text));
        nip__buffer_char(out, '\n');
        nip__buffer_clear(&text);
    }
}

static void put_side(nip__buffer *out, const char *name, const char *version, const nip__value *side)
{
    static const char *const quantiles[] = {"p50", "p90", "p95", "p99", "max"};
    nip__buffer_printf(out, "  %s ", name);
    nip__buffer label = NIP__BUFFER(1000);
    put_plain(&label, version);
    nip__buffer_printf(out, "%-14.14s", nip__buffer_string(&label));
    nip__buffer_clear(&label);
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        nip__buffer cell = NIP__BUFFER(40);
        nip__report_seconds(&cell, nip__get_number(side, quantiles[i], 0));
        nip__buffer_printf(out, " %9s", nip__buffer_string(&cell));
        nip__buffer_clear(&cell);
    }
    nip__buffer_char(out, '\n');
}

static void put_limit(nip__buffer *out, const nip__value *limit)
{
    nip__buffer_printf(out, "  limit %s: ", nip__get_text(limit, "quantile"));
    nip__report_seconds(out, nip__get_number(limit, "new", 0));
    nip__buffer_text(out, ", at most ");
    nip__report_seconds(out, nip__get_number(limit, "limit", 0));
    nip__buffer_printf(out, ": %s\n", nip__get_text(limit, "verdict"));
}

static void put_latency(nip__buffer *out, const nip__value *report, const nip__value *c)
{
    const nip__value *latency = nip__get(c, "latency");
    if (nip__get_int(nip__get(latency, "old"), "count", 0) == 0)
        return;
    nip__buffer_printf(out, "\n%-20s %9s %9s %9s %9s %9s\n", "latency", "p50", "p90", "p95", "p99", "max");
    put_side(out, "old", nip__get_text(report, "old"), nip__get(latency, "old"));
    put_side(out, "new", nip__get_text(report, "new"), nip__get(latency, "new"));
    for (NIP__EACH(limit, nip__get(latency, "limits")))
        put_limit(out, limit);
}

void nip__report_write_text(nip__buffer *out, const nip__value *report)
{
    const nip__value *c = nip__get(report, "comparison");
    const char *why = nip__get_text(c, "first_failure"), *verdict = nip__get_text(c, "verdict");
    put_plain(out, nip__get_text(report, "run"));
    nip__buffer_text(out, ": ");
    put_plain(out, nip__get_text(report, "title"));
    nip__buffer_char(out, '\n');
    put_line(out, "verdict", verdict != NULL ? verdict : "none: nothing was compared");
    if (why != NULL)
        put_line(out, "  because", why);
    put_line(out, "run", nip__get_text(report, "state"));
    if (nip__get_text(report, "message") != NULL)
        put_line(out, "  because", nip__get_text(report, "message"));
    for (NIP__EACH(guard, nip__get(report, "guards")))
        put_line(out, guard->key, nip__get_text(guard, "verdict"));
    if (!nip__is(c, NIP__MAP))
        return;
    nip__buffer_char(out, '\n');
    put_requests(out, c);
    put_fields(out, c);
    put_advice(out, c);
    put_latency(out, report, c);
}
