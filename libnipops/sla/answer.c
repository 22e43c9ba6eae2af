/* One objective as JSON. Shares are texts, rounded towards the breach: what is printed never looks better than what was judged. */
#include "sla/answer.h"

#include <math.h>

#include "sla/history.h"
#include "sla/percent.h"

/* A share of good things; of an error rate what remains is told, which rounds the other way. */
static void write_share(nip__writer *writer, const char *key, nip__sla_share share, bool rest)
{
    nip__buffer text = NIP__BUFFER(64);
    if (share.whole == 0) {
        nip__write_null(writer, key);
        return;
    }
    nip__percent_write(&text, rest ? nip__sla_share_rest(share) : share, NIP__ANSWER_DECIMALS, rest);
    if (text.failed)
        writer->buffer->failed = true;
    nip__write_text(writer, key, nip__buffer_string(&text));
    nip__buffer_clear(&text);
}

static void write_ratio(nip__writer *writer, const char *key, nip__ratio ratio, bool rest)
{
    nip__buffer text = NIP__BUFFER(64);
    if (ratio.num == 0 && !rest) {
        nip__write_null(writer, key);
        return;
    }
    nip__ratio told = {rest ? ratio.den - ratio.num : ratio.num, ratio.den};
    nip__ratio_write(&text, told);
    if (text.failed)
        writer->buffer->failed = true;
    nip__write_text(writer, key, nip__buffer_string(&text));
    nip__buffer_clear(&text);
}

/* Whole ms or events. */
static void write_whole(nip__writer *writer, const char *key, nip__sla_share share, bool up)
{
    if (share.whole == 0) {
        nip__write_null(writer, key);
        return;
    }
    __int128 whole = share.part / share.whole, over = share.part % share.whole;
    nip__write_int(writer, key, (int64_t)(up ? whole + (over > 0) : whole - (over < 0)));
}

static void write_figures(nip__writer *writer, const nip__sla_answer *answer)
{
    const nip__sla_figures *f = &answer->figures;
    nip__write_map(writer, "figures");
    nip__write_text(writer, "of", answer->terms.events ? "events" : "ms");
    nip__write_int(writer, "good", f->good);
    nip__write_int(writer, "bad", f->bad);
    nip__write_int(writer, "unsure", f->unsure);
    nip__write_int(writer, "excluded_ms", f->excluded);
    nip__write_int(writer, "covered_ms", f->covered);
    nip__write_int(writer, "missing_ms", f->missing);
    nip__write_int(writer, "ahead_ms", f->ahead);
    nip__write_int(writer, "conflicts", answer->conflicts);
    nip__write_end_map(writer);
}

static void write_budget(nip__writer *writer, const nip__sla_answer *answer)
{
    nip__sla_budget budget;
    nip__sla_budget_of(&answer->figures, &answer->terms, &budget);
    nip__write_map(writer, "budget");
    nip__write_bool(writer, "none", budget.none);
    write_whole(writer, "allowed", budget.allowed, false);
    write_whole(writer, "spent", budget.spent, true);
    write_share(writer, "remaining", budget.remaining, false);
    if (budget.burn.whole > 0)
        nip__write_real(writer, "burn_rate", nip__sla_share_real(budget.burn));
    else
        nip__write_null(writer, "burn_rate");
    if (answer->terms.events)
        nip__write_null(writer, "left_ms");
    else
        nip__write_int(writer, "left_ms", budget.left_ms);
    nip__write_end_map(writer);
}

static void write_seconds(nip__writer *writer, const char *key, double seconds)
{
    if (isfinite(seconds))
        nip__write_real(writer, key, seconds);
    else
        nip__write_null(writer, key);
}

static void write_quantile(nip__writer *writer, const nip__sla_quantile *quantile)
{
    if (!quantile->present) {
        nip__write_null(writer, "quantile");
        return;
    }
    nip__write_map(writer, "quantile");
    nip__write_real(writer, "quantile", quantile->quantile);
    write_seconds(writer, "at_least_seconds", quantile->lower);
    write_seconds(writer, "at_most_seconds", quantile->upper);
    nip__write_real(writer, "limit_seconds", quantile->limit);
    nip__write_end_map(writer);
}

static void write_credit(nip__writer *writer, const nip__sla_answer *answer, const nip__sla_judgement *judgement)
{
    if (answer->credits == NULL || answer->terms.open || judgement->verdict != NIP__SLA_BREACHED) {
        nip__write_null(writer, "credit");
        return;
    }
    nip__credit credit = nip__credit_of(answer->credits, judgement->value);
    nip__write_map(writer, "credit");
    write_ratio(writer, "share", credit.share, false);
    nip__write_int(writer, "amount", credit.amount);
    nip__write_end_map(writer);
}

void nip__sla_answer_write(nip__writer *writer, const char *key, const nip__sla_answer *answer)
{
    nip__sla_judgement judgement;
    nip__sla_judge(&answer->figures, &answer->terms, &judgement);
    bool rest = answer->errors;
    nip__write_map(writer, key);
    nip__write_text(writer, "objective", answer->objective);
    nip__write_text(writer, "kind", answer->kind);
    nip__write_text(writer, "indicator", answer->indicator);
    write_ratio(writer, "target", answer->terms.target, rest);
    nip__write_text(writer, "verdict", nip__sla_verdict_name(judgement.verdict));
    nip__write_text(writer, "reason", judgement.reason);
    nip__write_text(writer, "proven", nip__sla_verdict_name(judgement.proven));
    write_share(writer, "value", judgement.value, rest);
    write_share(writer, "lower", rest ? judgement.upper : judgement.lower, rest);
    write_share(writer, "upper", rest ? judgement.lower : judgement.upper, rest);
    write_share(writer, "coverage", judgement.coverage, false);
    nip__write_text(writer, "missing", nip__sla_missing_name(answer->terms.missing));
    write_ratio(writer, "min_coverage", answer->terms.min_coverage, false);
    write_figures(writer, answer);
    write_budget(writer, answer);
    write_quantile(writer, &answer->quantile);
    write_credit(writer, answer, &judgement);
    nip__sla_history_write(writer, answer->history);
    nip__write_end_map(writer);
}
