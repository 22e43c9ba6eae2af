/* A report of an SLA as Markdown. */
#include "sla/report_text.h"

#include <string.h>

#include "base/text.h"
#include "base/time.h"

enum { DAY_MS = 86400000 };

/* What comes from documents and journals must neither end a cell, nor be markup, nor speak to a terminal. */
static void put_plain(nip__buffer *out, const char *text)
{
    size_t left = text == NULL ? 0 : strlen(text);
    for (const unsigned char *p = (const unsigned char *)text; left > 0;) {
        size_t length = nip__text_character(p, left);
        bool control = length <= 1 ? length == 0 || *p < ' ' || *p == 0x7f : length == 2 && *p == 0xc2 && p[1] < 0xa0;
        if (!control && strchr("\\|*_`<[&", *p) != NULL)
            nip__buffer_char(out, '\\');
        if (control)
            nip__buffer_char(out, '?');
        else
            nip__buffer_put(out, (const char *)p, length);
        length = length == 0 ? 1 : length;
        p += length;
        left -= length;
    }
}

static void put_or_dash(nip__buffer *out, const char *text)
{
    if (text != NULL)
        put_plain(out, text);
    else
        nip__buffer_char(out, '-');
}

void nip__sla_report_ms(nip__buffer *out, int64_t ms)
{
    int64_t length = ms == INT64_MIN ? INT64_MAX : ms < 0 ? -ms : ms;
    nip__buffer_text(out, ms < 0 ? "-" : "");
    if (length >= DAY_MS)
        nip__buffer_printf(out, "%lldd", (long long)(length / DAY_MS));
    if (length < DAY_MS || length % DAY_MS > 0)
        nip__duration_write(out, length % DAY_MS * NIP_MILLISECOND);
}

static void put_time(nip__buffer *out, const nip__value *certificate, const char *key)
{
    put_or_dash(out, nip__get_text(nip__get(certificate, key), "local"));
}

/* ---- the head ---- */

static void put_head(nip__buffer *out, const nip__value *report)
{
    const nip__value *period = nip__get(report, "period");
    nip__buffer_text(out, "# Service levels of ");
    put_or_dash(out, nip__get_text(report, "sla"));
    nip__buffer_text(out, ": ");
    put_or_dash(out, nip__get_text(period, "label"));
    nip__buffer_text(out, "\n\n- Period: ");
    put_time(out, period, "begin");
    nip__buffer_text(out, " to ");
    put_time(out, period, "end");
    nip__buffer_text(out, ", ");
    nip__sla_report_ms(out, nip__get_int(period, "length_ms", 0));
    nip__buffer_text(out, "; ");
    put_or_dash(out, nip__get_text(period, "zone"));
    nip__buffer_text(out, ", tzdata ");
    put_or_dash(out, nip__get_text(period, "tzdata"));
    nip__buffer_text(out, "\n- Judged: ");
    put_or_dash(out, nip__get_text(report, "now"));
    nip__buffer_printf(out, ", from records up to %lld\n", (long long)nip__get_int(report, "as_of", 0));
    if (nip__get_bool(period, "open", false))
        nip__buffer_text(out, "- The period is not over: verdicts may change\n");
}

/* ---- the table ---- */

static bool is_bad(const char *verdict)
{
    return nip__text_equal(verdict, "breached") || nip__text_equal(verdict, "at_risk");
}

static void put_verdict(nip__buffer *out, const char *verdict)
{
    const char *mark = is_bad(verdict) ? "**" : "";
    nip__buffer_text(out, mark);
    put_or_dash(out, verdict);
    nip__buffer_text(out, mark);
}

static void put_row(nip__buffer *out, const nip__value *answer)
{
    static const char *const before[] = {"objective", "target", "value"};
    const nip__value *budget = nip__get(answer, "budget");
    for (size_t i = 0; i < 3; i++) {
        nip__buffer_text(out, "| ");
        put_or_dash(out, nip__get_text(answer, before[i]));
        nip__buffer_char(out, ' ');
    }
    nip__buffer_text(out, "| ");
    put_verdict(out, nip__get_text(answer, "verdict"));
    nip__buffer_text(out, " | ");
    put_or_dash(out, nip__get_text(budget, "remaining"));
    nip__buffer_text(out, " |\n");
}

static void put_table(nip__buffer *out, const nip__value *report)
{
    nip__buffer_text(out, "\n| Objective | Target | Value | Verdict | Budget left |\n|---|---|---|---|---|\n");
    for (NIP__EACH(answer, nip__get(report, "objectives")))
        put_row(out, answer);
}

/* ---- an objective ---- */

static const struct {
    const char *reason, *text;
} reasons[] = {
    {"low_coverage", "too little of the period is known for a verdict"},
    {"no_events", "there was no event: nothing went wrong"},
    {"no_data", "nothing is known of the period"},
    {"nothing_yet", "nothing of the period that counts has come yet"},
    {"nothing_counts", "all of the period is excluded"},
    {"limit_inside_bucket", "the limit lies inside of a bucket of the histogram, and the verdict hangs on what is in it"},
};

static void put_reason(nip__buffer *out, const nip__value *answer)
{
    const char *reason = nip__get_text(answer, "reason");
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (nip__text_equal(reason, reasons[i].reason))
            nip__buffer_printf(out, ": %s", reasons[i].text);
    }
}

static void put_amount(nip__buffer *out, const nip__value *figures, int64_t amount)
{
    if (nip__text_equal(nip__get_text(figures, "of"), "ms"))
        nip__sla_report_ms(out, amount);
    else
        nip__buffer_int(out, amount);
}

static void put_counts(nip__buffer *out, const nip__value *figures)
{
    static const struct {
        const char *key, *time, *events;
    } kinds[] = {{"good", "up", "good"}, {"bad", "down", "bad"}, {"unsure", "", "in the bucket that holds the limit"}};
    bool time = nip__text_equal(nip__get_text(figures, "of"), "ms");
    nip__buffer_text(out, "- Of what is known: ");
    for (size_t i = 0; i < 3; i++) {
        int64_t amount = nip__get_int(figures, kinds[i].key, 0);
        if (i == 2 && amount == 0)
            continue;
        nip__buffer_text(out, i == 0 ? "" : ", ");
        put_amount(out, figures, amount);
        nip__buffer_printf(out, " %s", time ? kinds[i].time : kinds[i].events);
    }
    nip__buffer_char(out, '\n');
}

static void put_period(nip__buffer *out, const nip__value *answer)
{
    static const struct {
        const char *key, *name;
    } parts[] = {{"covered_ms", "known"}, {"missing_ms", "missing"}, {"excluded_ms", "excluded"}, {"ahead_ms", "still to come"}};
    const nip__value *figures = nip__get(answer, "figures");
    nip__buffer_text(out, "- Of the period: ");
    for (size_t i = 0; i < 4; i++) {
        int64_t ms = nip__get_int(figures, parts[i].key, 0);
        if (ms == 0 && i > 0)
            continue;
        nip__buffer_text(out, i > 0 ? ", " : "");
        nip__sla_report_ms(out, ms);
        nip__buffer_printf(out, " %s", parts[i].name);
    }
    nip__buffer_text(out, "; coverage ");
    put_or_dash(out, nip__get_text(answer, "coverage"));
    if (nip__get_int(figures, "conflicts", 0) > 0)
        nip__buffer_printf(out, "; %lld slices are in conflict, and missing therefore", (long long)nip__get_int(figures, "conflicts", 0));
    nip__buffer_char(out, '\n');
}

static void put_value(nip__buffer *out, const nip__value *answer)
{
    nip__buffer_printf(out, "- Value ");
    put_or_dash(out, nip__get_text(answer, "value"));
    nip__buffer_text(out, ", with missing data as \"");
    put_or_dash(out, nip__get_text(answer, "missing"));
    nip__buffer_text(out, "\"; whatever they were, it is between ");
    put_or_dash(out, nip__get_text(answer, "lower"));
    nip__buffer_text(out, " and ");
    put_or_dash(out, nip__get_text(answer, "upper"));
    nip__buffer_text(out, "; proven: ");
    put_or_dash(out, nip__get_text(answer, "proven"));
    nip__buffer_char(out, '\n');
}

static void put_budget(nip__buffer *out, const nip__value *answer)
{
    const nip__value *budget = nip__get(answer, "budget"), *figures = nip__get(answer, "figures");
    if (nip__get_bool(budget, "none", false)) {
        nip__buffer_text(out, "- Error budget: none, the target allows nothing bad\n");
        return;
    }
    nip__buffer_text(out, "- Error budget: ");
    put_amount(out, figures, nip__get_int(budget, "allowed", 0));
    nip__buffer_text(out, " allowed, ");
    put_amount(out, figures, nip__get_int(budget, "spent", 0));
    nip__buffer_text(out, " spent, ");
    put_or_dash(out, nip__get_text(budget, "remaining"));
    nip__buffer_text(out, " left");
    if (nip__get(budget, "left_ms") != NULL && !nip__is(nip__get(budget, "left_ms"), NIP__NULL)) {
        nip__buffer_text(out, " (");
        nip__sla_report_ms(out, nip__get_int(budget, "left_ms", 0));
        nip__buffer_char(out, ')');
    }
    double burn = nip__get_number(budget, "burn_rate", -1);
    if (burn >= 0)
        nip__buffer_printf(out, "; burn rate %.2f", burn);
    nip__buffer_char(out, '\n');
}

static void put_quantile(nip__buffer *out, const nip__value *quantile)
{
    if (!nip__is(quantile, NIP__MAP))
        return;
    nip__buffer_printf(out, "- p%g: at least %g s", nip__get_number(quantile, "quantile", 0) * 100, nip__get_number(quantile, "at_least_seconds", 0));
    if (nip__get_number(quantile, "at_most_seconds", -1) >= 0)
        nip__buffer_printf(out, ", at most %g s", nip__get_number(quantile, "at_most_seconds", 0));
    else
        nip__buffer_text(out, ", and beyond the last bucket");
    nip__buffer_printf(out, "; limit %g s\n", nip__get_number(quantile, "limit_seconds", 0));
}

static void put_credit(nip__buffer *out, const nip__value *credit)
{
    if (!nip__is(credit, NIP__MAP))
        return;
    nip__buffer_text(out, "- Service credit: ");
    put_or_dash(out, nip__get_text(credit, "share"));
    if (nip__get_int(credit, "amount", 0) > 0)
        nip__buffer_printf(out, " of the fee, %lld in its smallest unit", (long long)nip__get_int(credit, "amount", 0));
    nip__buffer_char(out, '\n');
}

static void put_answer(nip__buffer *out, const nip__value *answer)
{
    nip__buffer_text(out, "\n## ");
    put_or_dash(out, nip__get_text(answer, "objective"));
    nip__buffer_text(out, "\n\n- Verdict: ");
    put_verdict(out, nip__get_text(answer, "verdict"));
    put_reason(out, answer);
    nip__buffer_char(out, '\n');
    put_value(out, answer);
    put_counts(out, nip__get(answer, "figures"));
    put_period(out, answer);
    put_budget(out, answer);
    put_quantile(out, nip__get(answer, "quantile"));
    put_credit(out, nip__get(answer, "credit"));
}

/* ---- what else belongs to it ---- */

static void put_list(nip__buffer *out, const nip__value *list, const char *title, const char *const *columns)
{
    if (nip__count(list) == 0)
        return;
    nip__buffer_printf(out, "\n## %s\n\n", title);
    for (const char *const *column = columns; *column != NULL; column++)
        nip__buffer_printf(out, "| %s ", *column);
    nip__buffer_text(out, "|\n");
    for (const char *const *column = columns; *column != NULL; column++)
        nip__buffer_text(out, "|---");
    nip__buffer_text(out, "|\n");
    for (NIP__EACH(item, list)) {
        for (const char *const *column = columns; *column != NULL; column++) {
            nip__buffer_text(out, "| ");
            put_or_dash(out, nip__get_text(item, *column));
            nip__buffer_char(out, ' ');
        }
        nip__buffer_text(out, "|\n");
    }
}

void nip__sla_report_markdown(nip__buffer *out, const nip__value *report)
{
    static const char *const exclusions[] = {"begin", "end", "class", "who", "why", NULL};
    static const char *const rollouts[] = {"begin", "end", "run", "version", "state", NULL};
    static const char *const incidents[] = {"begin", "end", "id", "title", NULL};
    put_head(out, report);
    put_table(out, report);
    for (NIP__EACH(answer, nip__get(report, "objectives")))
        put_answer(out, answer);
    put_list(out, nip__get(report, "exclusions"), "Excluded", exclusions);
    put_list(out, nip__get(report, "incidents"), "Incidents", incidents);
    put_list(out, nip__get(report, "rollouts"), "Rollouts", rollouts);
    if (nip__count(nip__get(report, "recommendations")) > 0)
        nip__buffer_text(out, "\n## Recommendations\n\n");
    for (NIP__EACH(advice, nip__get(report, "recommendations"))) {
        nip__buffer_text(out, "- ");
        put_plain(out, nip__get_text(advice, "objective"));
        nip__buffer_text(out, nip__get_text(advice, "objective") != NULL ? ": " : "");
        put_or_dash(out, nip__is(advice, NIP__STRING) ? advice->as.string.text : nip__get_text(advice, "text"));
        nip__buffer_char(out, '\n');
    }
}
