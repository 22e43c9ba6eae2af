/* A report of an SLA as a page. */
#include "sla/report_html.h"

#include <string.h>

#include "base/text.h"
#include "doc/html.h"
#include "sla/report_text.h"

static const char *or_dash(const char *text)
{
    return text != NULL ? text : "-";
}

static void put_pair(nip__buffer *out, const char *name, const char *text)
{
    nip__html_element(out, "dt", NULL, name);
    nip__html_element(out, "dd", NULL, or_dash(text));
    nip__buffer_char(out, '\n');
}

static void put_cell(nip__buffer *out, const char *class_name, const char *text)
{
    nip__html_element(out, "td", class_name, or_dash(text));
}

/* ---- the head ---- */

static void put_period(nip__buffer *out, const nip__value *report)
{
    const nip__value *period = nip__get(report, "period");
    nip__buffer length = NIP__BUFFER(100);
    nip__sla_report_ms(&length, nip__get_int(period, "length_ms", 0));
    nip__buffer_text(out, "<dl>\n");
    put_pair(out, "period", nip__get_text(period, "label"));
    put_pair(out, "from", nip__get_text(nip__get(period, "begin"), "local"));
    put_pair(out, "until", nip__get_text(nip__get(period, "end"), "local"));
    put_pair(out, "length", nip__buffer_string(&length));
    put_pair(out, "zone", nip__get_text(period, "zone"));
    put_pair(out, "tzdata", nip__get_text(period, "tzdata"));
    put_pair(out, "judged", nip__get_text(report, "now"));
    nip__buffer_printf(out, "<dt>records</dt><dd>up to %lld</dd>\n</dl>\n", (long long)nip__get_int(report, "as_of", 0));
    if (nip__get_bool(period, "open", false))
        nip__buffer_text(out, "<p class=\"verdict\">The period is not over: verdicts may change.</p>\n");
    nip__buffer_clear(&length);
}

/* Good, bad or neither, as the page's colours have it. */
static const char *class_of(const char *verdict)
{
    static const char *const classes[][2] = {{"met", "pass"}, {"on_track", "pass"}, {"breached", "fail"}, {"at_risk", "fail"}};
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (nip__text_equal(verdict, classes[i][0]))
            return classes[i][1];
    }
    return NULL;
}

static void put_row(nip__buffer *out, const nip__value *answer)
{
    static const char *const shares[] = {"target", "value", "lower", "upper", "coverage"};
    const char *verdict = nip__get_text(answer, "verdict");
    nip__buffer_text(out, "<tr>");
    put_cell(out, NULL, nip__get_text(answer, "objective"));
    nip__buffer_text(out, "<td>");
    nip__html_element(out, "b", class_of(verdict), or_dash(verdict));
    nip__buffer_text(out, "</td>");
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++)
        put_cell(out, "number", nip__get_text(answer, shares[i]));
    put_cell(out, "number", nip__get_text(nip__get(answer, "budget"), "remaining"));
    nip__buffer_text(out, "</tr>\n");
}

static void put_table(nip__buffer *out, const nip__value *report)
{
    nip__buffer_text(out, "<table>\n<tr><th>objective</th><th>verdict</th><th class=\"number\">target</th><th class=\"number\">value</th>"
                          "<th class=\"number\">at least</th><th class=\"number\">at most</th><th class=\"number\">coverage</th>"
                          "<th class=\"number\">budget left</th></tr>\n");
    for (NIP__EACH(answer, nip__get(report, "objectives")))
        put_row(out, answer);
    nip__buffer_text(out, "</table>\n");
    if (nip__count(nip__get(report, "objectives")) == 0)
        nip__buffer_text(out, "<p>Nothing was promised for this kind of period.</p>\n");
}

/* ---- an objective ---- */

/* A figure's ms as people say them, or a number of events. */
static void put_amount(nip__buffer *out, const nip__value *answer, const char *name, const nip__value *of, const char *key)
{
    nip__buffer text = NIP__BUFFER(100);
    const nip__value *amount = nip__get(of, key);
    bool time = nip__text_equal(nip__get_text(nip__get(answer, "figures"), "of"), "ms");
    size_t length = strlen(key);
    bool ms = length > 3 && nip__text_equal(key + length - 3, "_ms");
    if (nip__is(amount, NIP__INT) && (time || ms))
        nip__sla_report_ms(&text, amount->as.integer);
    else if (nip__is(amount, NIP__INT))
        nip__buffer_int(&text, amount->as.integer);
    put_pair(out, name, text.length > 0 ? nip__buffer_string(&text) : NULL);
    nip__buffer_clear(&text);
}

static void put_figures(nip__buffer *out, const nip__value *answer)
{
    static const char *const names[][2] = {{"good", "good"},         {"bad", "bad"},           {"unsure", "unsure"},       {"known", "covered_ms"},
                                           {"missing", "missing_ms"}, {"excluded", "excluded_ms"}, {"still to come", "ahead_ms"}};
    static const char *const budgets[][2] = {{"budget", "allowed"}, {"budget spent", "spent"}, {"outage still allowed", "left_ms"}};
    nip__buffer_text(out, "<dl>\n");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        put_amount(out, answer, names[i][0], nip__get(answer, "figures"), names[i][1]);
    put_pair(out, "missing data are", nip__get_text(answer, "missing"));
    put_pair(out, "proven", nip__get_text(answer, "proven"));
    for (size_t i = 0; i < sizeof budgets / sizeof budgets[0]; i++)
        put_amount(out, answer, budgets[i][0], nip__get(answer, "budget"), budgets[i][1]);
    const nip__value *credit = nip__get(answer, "credit");
    if (nip__is(credit, NIP__MAP))
        put_pair(out, "service credit", nip__get_text(credit, "share"));
    nip__buffer_text(out, "</dl>\n");
}

static void put_answer(nip__buffer *out, const nip__value *report, const nip__value *answer)
{
    const char *verdict = nip__get_text(answer, "verdict"), *class_name = class_of(verdict), *reason = nip__get_text(answer, "reason");
    nip__html_element(out, "h2", NULL, or_dash(nip__get_text(answer, "objective")));
    nip__buffer_printf(out, "\n<p class=\"verdict %s\"><b>", class_name != NULL ? class_name : "");
    nip__html_text(out, or_dash(verdict));
    nip__buffer_text(out, "</b>: ");
    nip__html_text(out, or_dash(nip__get_text(answer, "value")));
    nip__buffer_text(out, ", target ");
    nip__html_text(out, or_dash(nip__get_text(answer, "target")));
    if (reason != NULL) {
        nip__buffer_text(out, " (");
        nip__html_text(out, reason);
        nip__buffer_text(out, ")");
    }
    nip__buffer_text(out, "</p>\n");
    nip__sla_picture_bounds(out, answer);
    nip__sla_picture_quantile(out, nip__get(answer, "quantile"));
    nip__sla_picture_history(out, report, answer);
    put_figures(out, answer);
}

/* ---- what else there is ---- */

static void put_list(nip__buffer *out, const nip__value *list, const char *title, const char *const *columns)
{
    if (nip__count(list) == 0)
        return;
    nip__html_element(out, "h2", NULL, title);
    nip__buffer_text(out, "\n<table>\n<tr>");
    for (const char *const *column = columns; *column != NULL; column++)
        nip__html_element(out, "th", NULL, *column);
    nip__buffer_text(out, "</tr>\n");
    for (NIP__EACH(item, list)) {
        nip__buffer_text(out, "<tr>");
        for (const char *const *column = columns; *column != NULL; column++)
            put_cell(out, NULL, nip__get_text(item, *column));
        nip__buffer_text(out, "</tr>\n");
    }
    nip__buffer_text(out, "</table>\n");
}

static void put_recommendations(nip__buffer *out, const nip__value *list)
{
    if (nip__count(list) == 0)
        return;
    nip__buffer_text(out, "<h2>Recommendations</h2>\n<ul>\n");
    for (NIP__EACH(advice, list)) {
        nip__buffer_text(out, "<li><b>");
        nip__html_text(out, or_dash(nip__get_text(advice, "objective")));
        nip__buffer_text(out, "</b>: ");
        nip__html_text(out, or_dash(nip__get_text(advice, "text")));
        nip__buffer_text(out, "</li>\n");
    }
    nip__buffer_text(out, "\n</ul>\n");
}

void nip__sla_report_html(nip__buffer *out, const nip__value *report)
{
    static const char *const exclusions[] = {"begin", "end", "class", "who", "why", NULL};
    static const char *const incidents[] = {"begin", "end", "id", "title", "severity", NULL};
    static const char *const rollouts[] = {"begin", "end", "run", "version", "state", NULL};
    nip__buffer title = NIP__BUFFER(1000);
    nip__buffer_printf(&title, "Service levels of %.128s: %.64s", or_dash(nip__get_text(report, "sla")), or_dash(nip__get_text(nip__get(report, "period"), "label")));
    nip__html_begin(out, nip__buffer_string(&title));
    put_period(out, report);
    put_table(out, report);
    put_recommendations(out, nip__get(report, "recommendations"));
    for (NIP__EACH(answer, nip__get(report, "objectives")))
        put_answer(out, report, answer);
    put_list(out, nip__get(report, "incidents"), "Incidents", incidents);
    put_list(out, nip__get(report, "rollouts"), "Rollouts", rollouts);
    put_list(out, nip__get(report, "exclusions"), "Excluded", exclusions);
    nip__html_end(out);
    nip__buffer_clear(&title);
}
