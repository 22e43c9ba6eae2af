/* Which alerts would have fired, when, and with how much budget left. */
#include "agreement/simulate.h"

#include <math.h>
#include <string.h>

#include "agreement/measure.h"
#include "base/memory.h"
#include "doc/json.h"
#include "sla/certificate.h"
#include "sla/percent.h"
#include "sla/rules.h"

enum { DECIMALS = 4 };

/* One objective with its slices. */
typedef struct trial {
    const nip__report_question *question;
    const nip__indicator *indicator;
    nip__measured measured;
    nip__burn_history slices; /* of the period */
    nip__burn_history alerted; /* from the longest window before it on */
} trial;

/* ---- alerts ---- */

static void write_factor(nip__writer *writer, nip__ratio factor)
{
    nip__buffer text = NIP__BUFFER(100);
    nip__sla_rules_threshold(&text, factor, (nip__ratio){0, 1});
    nip__write_text(writer, "factor", nip__buffer_string(&text));
    writer->buffer->failed |= text.failed;
    nip__buffer_clear(&text);
}

static void write_pair(nip__writer *writer, const nip__burn_pair *pair)
{
    nip__write_text(writer, "severity", pair->severity);
    write_factor(writer, pair->factor);
    nip__write_duration(writer, "long", pair->long_ms * NIP_MILLISECOND);
    nip__write_duration(writer, "short", pair->short_ms * NIP_MILLISECOND);
}

/* Of the budget of all that is known in the period, what was left at an instant. */
static void write_left(nip__writer *writer, const trial *t, nip__ms at)
{
    const nip__burn_history *slices = &t->slices;
    nip__ratio target = t->measured.answer.terms.target;
    int64_t slice = (at - slices->begin) / slices->slice_ms;
    slice = slice < 0 ? 0 : slice > slices->count ? slices->count : slice;
    __int128 allowed = (__int128)slices->total[slices->count] * (target.den - target.num), bad = (__int128)slices->bad[slice] * target.den;
    nip__buffer text = NIP__BUFFER(100);
    nip__percent_write(&text, (nip__sla_share){allowed - bad, allowed}, DECIMALS, false);
    nip__write_text(writer, "budget_left", nip__buffer_string(&text));
    writer->buffer->failed |= text.failed;
    nip__buffer_clear(&text);
}

/* To a hundredth: the comparison itself was exact. */
static void write_rate(nip__writer *writer, const char *key, const trial *t, int64_t bad, int64_t total)
{
    double rate = nip__sla_share_real(nip__burn_rate(bad, total, t->measured.answer.terms.target));
    nip__write_real(writer, key, round(rate * 100) / 100);
}

static void write_alert(nip__writer *writer, const trial *t, const nip__burn_pair *pair, const nip__burn_alert *alert)
{
    bool over = alert->resolved != NIP__MS_MOST;
    nip__write_map(writer, NULL);
    write_pair(writer, pair);
    nip__write_time(writer, "pending", nip__ms_time(alert->pending));
    nip__write_time(writer, "fired", nip__ms_time(alert->fired));
    nip__write_time(writer, "resolved", over ? nip__ms_time(alert->resolved) : NIP_TIME_NONE);
    nip__write_int(writer, "bad", alert->windows.long_bad);
    nip__write_int(writer, "total", alert->windows.long_total);
    write_rate(writer, "burn_long", t, alert->windows.long_bad, alert->windows.long_total);
    write_rate(writer, "burn_short", t, alert->windows.short_bad, alert->windows.short_total);
    write_left(writer, t, alert->fired);
    nip__write_end_map(writer);
}

static int write_fired(nip__writer *writer, const trial *t, const nip__burn_pair *pair, nip_error **err)
{
    nip__burn_alerts alerts = {0};
    int rc = nip__burn_replay(&t->alerted, pair, 1, t->measured.answer.terms.target, &alerts, err);
    for (size_t i = 0; rc == 0 && i < alerts.count; i++) {
        if (alerts.items[i].resolved > t->question->period->begin.at) /* else it was over when the period began */
            write_alert(writer, t, pair, &alerts.items[i]);
    }
    nip__burn_alerts_clear(&alerts);
    return rc;
}

static bool can_fire(const trial *t, const nip__burn_pair *pair)
{
    return nip__burn_check(pair, t->measured.answer.terms.target, t->slices.slice_ms, NULL) == 0;
}

static int write_alerts(nip__writer *writer, const trial *t, nip_error **err)
{
    const nip__contract *contract = t->question->contract;
    int rc = 0;
    nip__write_list(writer, "alerts");
    for (size_t i = 0; i < contract->pair_count && rc == 0; i++) {
        if (can_fire(t, &contract->pairs[i]))
            rc = write_fired(writer, t, &contract->pairs[i], err);
    }
    nip__write_end_list(writer);
    nip__write_list(writer, "never");
    for (size_t i = 0; i < contract->pair_count; i++) {
        if (can_fire(t, &contract->pairs[i]))
            continue;
        nip__write_map(writer, NULL);
        write_pair(writer, &contract->pairs[i]);
        nip__write_end_map(writer);
    }
    nip__write_end_list(writer);
    return rc;
}

/* ---- exclusions that nobody recorded ---- */

int nip__simulation_exclude(nip__book *book, const nip__contract *contract, const char *exclusions, nip_error **err)
{
    nip__arena *arena = nip__arena_new();
    nip__value *list = NULL;
    int rc = arena == NULL ? nip__nomem(err) : nip__json_read(arena, exclusions, strlen(exclusions), "exclusions", &nip__document_limits, &list, err);
    if (rc == 0 && !nip__is(list, NIP__LIST))
        rc = nip__fail(err, NIP_E_INVALID, "exclusions to try are a list, found %s", nip__kind_name(list->kind));
    for (const nip__value *one = nip__first(list); one != NULL && rc == 0; one = one->next) {
        nip__value *normalized = NULL;
        rc = nip__exclusion_check(arena, one, "exclusions", &normalized, err);
        if (rc == 0)
            rc = nip__contract_check_exclusion(contract, normalized, err);
        if (rc == 0)
            rc = nip__exclusions_add_value(book->exclusions, ++book->as_of, book->recorded, normalized, err);
    }
    nip__arena_free(arena);
    return rc;
}

/* ---- objectives ---- */

static int write_trial(nip__writer *writer, const trial *t, nip_error **err)
{
    nip__write_map(writer, NULL);
    nip__write_text(writer, "objective", t->measured.answer.objective);
    nip__sla_answer_write(writer, "answer", &t->measured.answer);
    int rc = write_alerts(writer, t, err);
    nip__write_end_map(writer);
    return rc;
}

static int64_t longest_window(const nip__contract *contract)
{
    int64_t longest = 0;
    for (size_t i = 0; i < contract->pair_count; i++)
        longest = contract->pairs[i].long_ms > longest ? contract->pairs[i].long_ms : longest;
    return longest;
}

/* What alerts look at when the period begins lies before it. Of classes of exclusions with a limit, the limit is that of the longer stretch here. */
static int look_back(trial *t, const nip__objective *objective, nip_error **err)
{
    const nip__report_question *q = t->question;
    nip__period longer = *q->period;
    nip__measured measured = {0};
    longer.begin.at -= longest_window(q->contract);
    int rc = nip__measure(&(nip__measure_question){q->book, q->contract, objective, &longer, q->now}, &measured, err);
    if (rc == 0)
        rc = nip__series_history(measured.series, &measured.counted, t->measured.until, &t->alerted, err);
    nip__measured_clear(&measured);
    return rc;
}

static int try_objective(nip__writer *writer, const nip__report_question *q, const nip__objective *objective, nip_error **err)
{
    trial t = {.question = q, .indicator = &q->contract->indicators[objective->indicator]};
    if (objective->targets[q->period->kind].den == 0)
        return 0;
    int rc = nip__measure(&(nip__measure_question){q->book, q->contract, objective, q->period, q->now}, &t.measured, err);
    if (rc < 0)
        return rc;
    rc = nip__series_history(t.measured.series, &t.measured.counted, t.measured.until, &t.slices, err);
    if (rc == 0)
        rc = look_back(&t, objective, err);
    if (rc == 0)
        rc = write_trial(writer, &t, err);
    nip__burn_history_clear(&t.alerted);
    nip__burn_history_clear(&t.slices);
    nip__measured_clear(&t.measured);
    return rc;
}

int nip__simulation_write(nip__buffer *out, const nip__report_question *q, nip_error **err)
{
    nip__writer writer = NIP__WRITER(out);
    const nip__certified_period place = {q->period, q->contract->zone, q->contract->zone_name, q->contract->tzdata, q->now};
    int rc = 0;
    nip__write_map(&writer, NULL);
    nip__write_int(&writer, "v", 1);
    nip__write_text(&writer, "sla", q->contract->name);
    nip__write_time(&writer, "now", nip__ms_time(q->now));
    nip__write_int(&writer, "as_of", q->as_of);
    nip__certificate_write_period(&writer, "period", &place);
    nip__write_list(&writer, "objectives");
    for (size_t i = 0; i < q->contract->objective_count && rc == 0; i++)
        rc = try_objective(&writer, q, &q->contract->objectives[i], err);
    nip__write_end_list(&writer);
    nip__write_end_map(&writer);
    return rc == 0 && out->failed ? (out->full ? nip__fail(err, NIP_E_LIMIT, "the simulation would be larger than %zu bytes", out->max) : nip__nomem(err)) : rc;
}
