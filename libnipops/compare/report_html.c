/* A report as one page. */
#include "compare/report.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "doc/html.h"

static void put_pair(nip__buffer *out, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    nip__html_element(out, "dt", NULL, name);
    nip__html_element(out, "dd", NULL, text);
    nip__buffer_text(out, "\n");
}

static void put_counts(nip__buffer *out, const char *name, const nip__value *counts)
{
    nip__buffer text = NIP__BUFFER(10000);
    nip__report_counts(&text, counts);
    put_pair(out, name, nip__buffer_string(&text));
    nip__buffer_clear(&text);
}

static void put_number(nip__buffer *out, const char *name, int64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)number);
    put_pair(out, name, text);
}

/* ---- verdict ---- */

static void put_verdict(nip__buffer *out, const nip__value *report, const nip__value *c)
{
    const char *verdict = nip__get_text(c, "verdict"), *why = nip__get_text(c, "first_failure");
    bool known = nip__text_equal(verdict, "pass") || nip__text_equal(verdict, "fail");
    nip__buffer_printf(out, "<p class=\"verdict %s\"><b>", known ? verdict : "");
    nip__html_text(out, verdict != NULL ? verdict : "no verdict: nothing was compared");
    nip__buffer_text(out, "</b>");
    if (why != NULL)
        nip__buffer_text(out, ": ");
    nip__html_text(out, why);
    nip__buffer_text(out, "</p>\n<dl>\n");
    put_pair(out, "run", nip__get_text(report, "run"));
    put_pair(out, "state", nip__get_text(report, "state"));
    put_pair(out, "because", nip__get_text(report, "message"));
    put_pair(out, "old version", nip__get_text(report, "old"));
    put_pair(out, "new version", nip__get_text(report, "new"));
    put_pair(out, "compared at", nip__get_text(report, "compared_at"));
    for (NIP__EACH(guard, nip__get(report, "guards")))
        put_pair(out, guard->key, nip__get_text(guard, "verdict"));
    nip__buffer_text(out, "</dl>\n");
}

static void put_requests(nip__buffer *out, const nip__value *c)
{
    nip__buffer text = NIP__BUFFER(1000);
    nip__report_mismatches(&text, c);
    nip__buffer_text(out, "<h2>Requests</h2>\n<dl>\n");
    put_pair(out, "answered otherwise", nip__buffer_string(&text));
    put_number(out, "compared", nip__get_int(c, "compared", 0));
    put_number(out, "not compared", nip__get_int(c, "not_compared", 0));
    put_counts(out, "because", nip__get(c, "not_compared_why"));
    put_counts(out, "not comparable, because", nip__get(c, "not_comparable_why"));
    put_number(out, "not sent in time", nip__get_int(c, "not_sent", 0));
    put_pair(out, "file", nip__get_text(c, "path"));
    put_pair(out, "SHA-256", nip__get_text(c, "sha256"));
    put_number(out, "recorded there", nip__get_int(c, "found", 0));
    put_counts(out, "left out", nip__get(c, "skipped"));
    nip__buffer_text(out, "</dl>\n");
    nip__buffer_clear(&text);
}

/* ---- fields ---- */

static void put_example(nip__buffer *out, const nip__value *example)
{
    const char *old = nip__get_text(example, "old"), *fresh = nip__get_text(example, "new");
    nip__buffer_text(out, "<tr><td></td><td></td><td><code>");
    nip__html_text(out, nip__get_text(example, "request"));
    nip__buffer_text(out, "</code><br><span class=\"soft\">old</span> <code>");
    nip__html_text(out, old != NULL ? old : "(nothing there)");
    nip__buffer_text(out, "</code><br><span class=\"soft\">new</span> <code>");
    nip__html_text(out, fresh != NULL ? fresh : "(nothing there)");
    nip__buffer_text(out, "</code></td></tr>\n");
}

static void put_field(nip__buffer *out, const nip__value *field)
{
    bool counts = nip__get_bool(field, "counts", false);
    nip__buffer kinds = NIP__BUFFER(500);
    nip__report_counts(&kinds, nip__get(field, "kinds"));
    nip__buffer_printf(out, "<tr><td class=\"number\">%lld</td><td class=\"number\">%lld</td><td><code>",
                       (long long)nip__get_int(field, "differs", 0),
                       (long long)nip__get_int(field, "baseline_differs", 0));
    nip__html_text(out, nip__get_text(field, "field"));
    nip__buffer_text(out, "</code> <span class=\"soft\">");
    nip__html_text(out, nip__buffer_string(&kinds));
    nip__buffer_printf(out, "</span> %s</td></tr>\n",
                       counts ? "" : "<span class=\"soft\">(noise: does not count)</span>");
    for (NIP__EACH(example, nip__get(field, "examples")))
        put_example(out, example);
    nip__buffer_clear(&kinds);
}

static void put_fields(nip__buffer *out, const nip__value *c)
{
    const nip__value *fields = nip__get(c, "fields");
    nip__buffer_text(out, "<h2>Where answers differ</h2>\n");
    if (nip__count(fields) == 0) {
        nip__buffer_text(out, "<p>No answer differs.</p>\n");
        return;
    }
    nip__buffer_text(
        out, "<table>\n<tr><th class=\"number\">new differs</th><th class=\"number\">old differs from itself</th>"
             "<th>place, and examples</th></tr>\n");
    for (NIP__EACH(field, fields))
        put_field(out, field);
    nip__buffer_text(out, "</table>\n");
    if (nip__get_int(c, "fields_left_out", 0) > 0)
        nip__buffer_printf(out, "<p>And %lld more places.</p>\n", (long long)nip__get_int(c, "fields_left_out", 0));
}

/* ---- latency ---- */

static void put_seconds(nip__buffer *out, double seconds)
{
    nip__buffer_text(out, "<td class=\"number\">");
    nip__report_seconds(out, seconds);
    nip__buffer_text(out, "</td>");
}

static void put_advice(nip__buffer *out, const nip__value *c)
{
    const nip__value *rules = nip__get(c, "advice");
    if (nip__count(rules) == 0)
        return;
    nip__buffer_text(out, "<p>To compare more, add to <code>shadow.compare.ignore</code> what differs by itself:</p>\n"
                          "<ul>\n");
    for (NIP__EACH(rule, rules)) {
        nip__buffer text = NIP__BUFFER(4000);
        nip__report_rule(&text, rule);
        nip__buffer_text(out, "<li>");
        nip__html_element(out, "code", NULL, nip__buffer_string(&text));
        nip__buffer_text(out, "</li>\n");
        nip__buffer_clear(&text);
    }
    nip__buffer_text(out, "</ul>\n");
}

static void put_side(nip__buffer *out, const char *version, const nip__value *side)
{
    static const char *const quantiles[] = {"p50", "p90", "p95", "p99", "max"};
    nip__buffer_text(out, "<tr>");
    nip__html_element(out, "td", NULL, version);
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++)
        put_seconds(out, nip__get_number(side, quantiles[i], 0));
    nip__buffer_text(out, "</tr>\n");
}

static void put_limits(nip__buffer *out, const nip__value *limits)
{
    if (nip__count(limits) == 0)
        return;
    nip__buffer_text(out, "<table>\n<tr><th>limit</th><th class=\"number\">old</th><th class=\"number\">new</th>"
                          "<th class=\"number\">at most</th><th>verdict</th></tr>\n");
    for (NIP__EACH(limit, limits)) {
        nip__buffer_text(out, "<tr>");
        nip__html_element(out, "td", NULL, nip__get_text(limit, "quantile"));
        put_seconds(out, nip__get_number(limit, "old", 0));
        put_seconds(out, nip__get_number(limit, "new", 0));
        put_seconds(out, nip__get_number(limit, "limit", 0));
        nip__html_element(out, "td", NULL, nip__get_text(limit, "verdict"));
        nip__buffer_text(out, "</tr>\n");
    }
    nip__buffer_text(out, "</table>\n");
}

enum { BUCKETS_MAX = 64, LABEL_MAX = 32 };

static size_t read_buckets(const nip__value *side, int64_t counts[BUCKETS_MAX])
{
    size_t count = 0;
    for (NIP__EACH(bucket, nip__get(side, "buckets"))) {
        if (count < BUCKETS_MAX)
            counts[count++] = nip__is(bucket, NIP__INT) ? bucket->as.integer : 0;
    }
    return count;
}

static void put_picture(nip__buffer *out, const nip__value *report, const nip__value *latency)
{
    int64_t old[BUCKETS_MAX] = {0}, fresh[BUCKETS_MAX] = {0};
    char texts[BUCKETS_MAX][LABEL_MAX];
    const char *labels[BUCKETS_MAX];
    size_t buckets = read_buckets(nip__get(latency, "old"), old),
           others = read_buckets(nip__get(latency, "new"), fresh), at = 0;
    const nip__value *bound = nip__first(nip__get(latency, "bounds"));
    for (; at < buckets; at++, bound = bound != NULL ? bound->next : NULL) {
        double seconds = 0;
        nip__buffer text = NIP__BUFFER(LABEL_MAX);
        if (nip__number(bound, &seconds))
            nip__report_seconds(&text, seconds);
        else
            nip__buffer_text(&text, "more");
        snprintf(texts[at], LABEL_MAX, "%s", nip__buffer_string(&text));
        labels[at] = texts[at];
        nip__buffer_clear(&text);
    }
    const char *names[] = {nip__get_text(report, "old"), nip__get_text(report, "new")};
    nip__bars bars = {.title = "How many answers took up to how long",
                      .names = {names[0] != NULL ? names[0] : "old", names[1] != NULL ? names[1] : "new"},
                      .labels = labels,
                      .counts = {old, fresh},
                      .buckets = buckets < others ? buckets : others};
    nip__html_bars(out, &bars);
}

static void put_latency(nip__buffer *out, const nip__value *report, const nip__value *c)
{
    const nip__value *latency = nip__get(c, "latency");
    if (nip__get_int(nip__get(latency, "old"), "count", 0) == 0)
        return;
    nip__buffer_text(out, "<h2>Latency</h2>\n");
    put_picture(out, report, latency);
    nip__buffer_text(out,
                     "<table>\n<tr><th>version</th><th class=\"number\">p50</th><th class=\"number\">p90</th>"
                     "<th class=\"number\">p95</th><th class=\"number\">p99</th><th class=\"number\">max</th></tr>\n");
    put_side(out, nip__get_text(report, "old"), nip__get(latency, "old"));
    put_side(out, nip__get_text(report, "new"), nip__get(latency, "new"));
    nip__buffer_text(out, "</table>\n");
    put_limits(out, nip__get(latency, "limits"));
}

void nip__report_write_html(nip__buffer *out, const nip__value *report)
{
    const nip__value *c = nip__get(report, "comparison");
    nip__html_begin(out, nip__get_text(report, "title"));
    put_verdict(out, report, c);
    if (nip__is(c, NIP__MAP)) {
        put_requests(out, c);
        put_fields(out, c);
        put_advice(out, c);
        put_latency(out, report, c);
    }
    nip__html_end(out);
}
