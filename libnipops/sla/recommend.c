/* Recommendations: a table of what to look for and what to say of it. */
#include "sla/recommend.h"

#include "sla/percent.h"
#include "sla/report_text.h"

enum { QUARTER = 4, TWENTIETH = 20 };

/* What all rules look at. */
typedef struct scene {
    const nip__sla_answer *answer;
    nip__sla_judgement judgement;
    nip__sla_budget budget;
} scene;

static void put_share(nip__buffer *out, nip__sla_share share, bool up)
{
    nip__percent_write(out, share, 2, up);
}

/* Of time as people say it; of events a number. */
static void put_amount(nip__buffer *out, const scene *s, int64_t amount)
{
    if (s->answer->terms.events)
        nip__buffer_printf(out, "%lld events", (long long)amount);
    else
        nip__sla_report_ms(out, amount);
}

static int64_t whole(nip__sla_share share)
{
    return share.whole == 0 ? 0 : (int64_t)(share.part / share.whole);
}

/* spent / allowed as a share of its own. */
static nip__sla_share spent_of_budget(const scene *s)
{
    return nip__sla_share_rest(s->budget.remaining);
}

/* ---- rules ---- */

static bool budget_spent(const scene *s, nip__buffer *text)
{
    if (s->budget.none || s->budget.remaining.whole == 0 || s->budget.remaining.part >= 0)
        return false;
    put_share(text, spent_of_budget(s), true);
    nip__buffer_text(text, " of the error budget is spent: put what makes the service more reliable before new features, and roll out nothing risky until the next period begins");
    return true;
}

static bool at_risk(const scene *s, nip__buffer *text)
{
    if (s->judgement.verdict != NIP__SLA_AT_RISK)
        return false;
    nip__buffer_text(text, "so far the target is missed, and the rest of the period can still mend that");
    if (!s->answer->terms.events) {
        nip__buffer_text(text, ": outage that is still allowed: ");
        put_amount(text, s, s->budget.left_ms);
    }
    return true;
}

static bool budget_low(const scene *s, nip__buffer *text)
{
    nip__sla_share left = s->budget.remaining;
    if (s->budget.none || left.whole == 0 || left.part < 0 || left.part * QUARTER >= left.whole)
        return false;
    nip__buffer_text(text, "of the error budget ");
    put_share(text, left, false);
    nip__buffer_text(text, " is left (");
    put_amount(text, s, s->answer->terms.events ? whole(s->budget.allowed) - whole(s->budget.spent) : s->budget.left_ms);
    nip__buffer_text(text, s->answer->terms.open ? "): the next outage may spend it" : "): the period was met narrowly");
    return true;
}

static bool not_proven(const scene *s, nip__buffer *text)
{
    bool judged = s->judgement.verdict == NIP__SLA_MET || s->judgement.verdict == NIP__SLA_BREACHED;
    if (!judged || s->judgement.proven != NIP__SLA_UNDETERMINED)
        return false;
    nip__buffer_text(text, "whether it was met hangs on what is missing (");
    nip__sla_report_ms(text, s->answer->figures.missing);
    nip__buffer_text(text, "): collect it while its source still has it, or find out what happened then");
    return true;
}

static bool missing_data(const scene *s, nip__buffer *text)
{
    nip__sla_share missing = nip__sla_share_rest(s->judgement.coverage);
    if (missing.whole == 0 || missing.part * TWENTIETH < missing.whole)
        return false;
    put_share(text, missing, true);
    nip__buffer_text(text, " of what counts is not known: collect more often than the source forgets, and watch what watches");
    return true;
}

static bool conflicts(const scene *s, nip__buffer *text)
{
    if (s->answer->conflicts == 0)
        return false;
    nip__buffer_printf(text, "of %lld slice%s two different things are recorded, so neither is believed: record what is right with a higher revision",
                       (long long)s->answer->conflicts, s->answer->conflicts == 1 ? "" : "s");
    return true;
}

static bool limit_in_bucket(const scene *s, nip__buffer *text)
{
    if (s->answer->figures.unsure == 0)
        return false;
    nip__buffer_printf(text, "%lld requests are in the bucket that holds the limit, and taken for too slow: give the histogram a bucket that ends at the limit",
                       (long long)s->answer->figures.unsure);
    return true;
}

static bool no_budget(const scene *s, nip__buffer *text)
{
    if (!s->budget.none)
        return false;
    nip__buffer_text(text, "a target of 100 % leaves no error budget: the first bad thing breaches it, and no alert on burn rates can warn");
    return true;
}

static bool credit_due(const scene *s, nip__buffer *text)
{
    const nip__sla_answer *answer = s->answer;
    if (answer->credits == NULL || answer->terms.open || s->judgement.verdict != NIP__SLA_BREACHED)
        return false;
    nip__credit credit = nip__credit_of(answer->credits, s->judgement.value);
    if (credit.share.num == 0)
        return false;
    nip__buffer_text(text, "a service credit of ");
    nip__ratio_write(text, credit.share);
    nip__buffer_text(text, " of the fee is due");
    if (credit.amount > 0)
        nip__buffer_printf(text, " (%lld of the currency's smallest unit)", (long long)credit.amount);
    return true;
}

static const struct {
    const char *code;
    bool (*rule)(const scene *s, nip__buffer *text); /* false: nothing to say */
} rules[] = {
    {"budget_spent", budget_spent}, {"at_risk", at_risk},     {"budget_low", budget_low},           {"not_proven", not_proven}, {"missing_data", missing_data},
    {"conflicts", conflicts},       {"limit_in_bucket", limit_in_bucket}, {"no_budget", no_budget}, {"credit_due", credit_due},
};

void nip__recommend(nip__writer *writer, const nip__sla_answer *answer)
{
    scene s = {.answer = answer};
    nip__sla_judge(&answer->figures, &answer->terms, &s.judgement);
    nip__sla_budget_of(&answer->figures, &answer->terms, &s.budget);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        nip__buffer text = NIP__BUFFER(1000);
        if (rules[i].rule(&s, &text)) {
            nip__write_map(writer, NULL);
            nip__write_text(writer, "code", rules[i].code);
            nip__write_text(writer, "objective", answer->objective);
            nip__write_text(writer, "text", nip__buffer_string(&text));
            nip__write_end_map(writer);
        }
        writer->buffer->failed |= text.failed;
        nip__buffer_clear(&text);
    }
}
