/* What the figures of one period say of an objective. The rules: SRE workbook chapter 5 for budget and burn rate; verdicts and bounds are ours and
 * written down in docs/sla.md. */
#include "sla/judge.h"

#include <math.h>
#include <stddef.h>

bool nip__sla_share_reaches(nip__sla_share share, nip__ratio ratio)
{
    return share.whole > 0 && share.part * ratio.den >= share.whole * ratio.num;
}

double nip__sla_share_real(nip__sla_share share)
{
    return share.whole == 0 ? NAN : (double)share.part / (double)share.whole;
}

const char *nip__sla_verdict_name(nip__sla_verdict verdict)
{
    static const char *const names[] = {"undetermined", "met", "breached", "on_track", "at_risk"};
    return names[verdict];
}

const char *nip__sla_missing_name(nip__sla_missing missing)
{
    static const char *const names[] = {"ignore", "bad", "good", "hold"};
    return names[missing];
}

/* ---- shares ---- */

static int64_t elapsed_of(const nip__sla_figures *f)
{
    return f->covered + f->missing;
}

static nip__sla_share time_share(const nip__sla_figures *f, nip__sla_missing missing)
{
    __int128 known = (__int128)f->good + f->bad;
    switch (missing) {
    case NIP__SLA_BAD:
        return (nip__sla_share){f->good, known + f->missing};
    case NIP__SLA_GOOD:
        return (nip__sla_share){(__int128)f->good + f->missing, known + f->missing};
    case NIP__SLA_HOLD:
        return (nip__sla_share){(__int128)f->good + f->held_up, known + f->held_up + f->held_down};
    case NIP__SLA_IGNORE:
        break;
    }
    return (nip__sla_share){f->good, known};
}

static __int128 events_of(const nip__sla_figures *f)
{
    return (__int128)f->good + f->bad + f->unsure;
}

/* Does missing time count as events? */
static bool is_weighed(const nip__sla_figures *f, nip__sla_missing missing)
{
    return f->missing > 0 && (missing == NIP__SLA_BAD || missing == NIP__SLA_GOOD);
}

/* Missing time has the traffic of the time that is known. Where that had none, there is no telling what missing time had. */
static nip__sla_share event_share(const nip__sla_figures *f, nip__sla_missing missing, int64_t good)
{
    __int128 total = events_of(f);
    if (!is_weighed(f, missing))
        return (nip__sla_share){good, total};
    if (total == 0)
        return (nip__sla_share){missing == NIP__SLA_GOOD, 1};
    __int128 of_missing = missing == NIP__SLA_GOOD ? total * f->missing : 0;
    return (nip__sla_share){(__int128)good * f->covered + of_missing, total * elapsed_of(f)};
}

static nip__sla_share share_of(const nip__sla_figures *f, const nip__sla_terms *terms, nip__sla_missing missing, bool unsure_is_good)
{
    if (!terms->events)
        return time_share(f, missing);
    return event_share(f, missing, f->good + (unsure_is_good ? f->unsure : 0));
}

/* ---- verdicts ---- */

/* Could it still be reached if all that is ahead were good? Of events nobody knows how many are ahead, so that only a target of 100 % is lost
 * for good by a bad one. */
static bool is_lost(const nip__sla_figures *f, const nip__sla_terms *terms, nip__sla_share best)
{
    if (terms->events)
        return terms->target.num == terms->target.den && best.whole > 0 && !nip__sla_share_reaches(best, terms->target);
    nip__sla_share end = {best.part + f->ahead, best.whole + f->ahead};
    return end.whole > 0 && !nip__sla_share_reaches(end, terms->target);
}

static nip__sla_verdict prove(const nip__sla_figures *f, const nip__sla_terms *terms, const nip__sla_judgement *j)
{
    bool nothing = elapsed_of(f) + f->ahead == 0;
    if (terms->open)
        return is_lost(f, terms, j->upper) ? NIP__SLA_BREACHED : NIP__SLA_UNDETERMINED;
    if (nothing)
        return NIP__SLA_UNDETERMINED;
    if (j->lower.whole == 0 || nip__sla_share_reaches(j->lower, terms->target)) /* 0: no event, and nothing missing */
        return NIP__SLA_MET;
    return nip__sla_share_reaches(j->upper, terms->target) ? NIP__SLA_UNDETERMINED : NIP__SLA_BREACHED;
}

static nip__sla_verdict say(nip__sla_judgement *j, nip__sla_verdict verdict, const char *reason)
{
    j->reason = reason;
    return verdict;
}

static nip__sla_verdict decide(const nip__sla_figures *f, const nip__sla_terms *terms, nip__sla_judgement *j)
{
    nip__sla_verdict well = terms->open ? NIP__SLA_ON_TRACK : NIP__SLA_MET, ill = terms->open ? NIP__SLA_AT_RISK : NIP__SLA_BREACHED;
    if (elapsed_of(f) == 0)
        return say(j, NIP__SLA_UNDETERMINED, f->ahead > 0 ? "nothing_yet" : "nothing_counts");
    if (!nip__sla_share_reaches(j->coverage, terms->min_coverage))
        return say(j, NIP__SLA_UNDETERMINED, "low_coverage");
    if (j->value.whole == 0) /* time always has something, unless all of it is missing and does not count */
        return terms->events ? say(j, well, "no_events") : say(j, NIP__SLA_UNDETERMINED, "no_data");
    if (terms->open && is_lost(f, terms, j->value_high))
        return NIP__SLA_BREACHED;
    if (nip__sla_share_reaches(j->value, terms->target))
        return well;
    if (nip__sla_share_reaches(j->value_high, terms->target))
        return say(j, NIP__SLA_UNDETERMINED, "limit_inside_bucket");
    return ill;
}

void nip__sla_judge(const nip__sla_figures *f, const nip__sla_terms *terms, nip__sla_judgement *judgement)
{
    nip__sla_judgement j = {
        .value = share_of(f, terms, terms->missing, false),
        .value_high = share_of(f, terms, terms->missing, true),
        .lower = share_of(f, terms, NIP__SLA_BAD, false),
        .upper = share_of(f, terms, NIP__SLA_GOOD, true),
        .coverage = {f->covered, elapsed_of(f)},
    };
    j.verdict = decide(f, terms, &j);
    j.proven = prove(f, terms, &j);
    *judgement = j;
}

/* ---- the budget ---- */

static int64_t floor_share(nip__sla_share share)
{
    __int128 whole = share.part / share.whole;
    return (int64_t)(whole - (share.part % share.whole < 0));
}

void nip__sla_budget_of(const nip__sla_figures *f, const nip__sla_terms *terms, nip__sla_budget *budget)
{
    nip__sla_share value = share_of(f, terms, terms->missing, false);
    __int128 den = terms->target.den, spare = terms->target.den - terms->target.num, bad = value.whole - value.part;
    __int128 ahead = terms->events ? 0 : f->ahead;
    bool weighed = terms->events && is_weighed(f, terms->missing) && f->covered > 0 && events_of(f) > 0;
    __int128 scale = weighed ? f->covered : 1; /* back to events */
    nip__sla_budget b = {.none = spare == 0};
    b.allowed = (nip__sla_share){(value.whole + ahead) * spare, den * scale};
    b.spent = (nip__sla_share){bad, scale};
    b.remaining = (nip__sla_share){(value.whole + ahead) * spare - bad * den, (value.whole + ahead) * spare};
    b.burn = (nip__sla_share){bad * den, value.whole * spare};
    if (!terms->events)
        b.left_ms = floor_share((nip__sla_share){(value.whole + ahead) * spare - bad * den, den});
    *budget = b;
}
