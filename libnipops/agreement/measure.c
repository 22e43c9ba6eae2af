/* One objective, measured. */
#include "agreement/measure.h"

#include <string.h>

#include "base/memory.h"

/* ---- what counts ---- */

static int copy_classes(const nip__contract *contract, nip__measured *m, nip_error **err)
{
    m->class_count = contract->class_count;
    m->classes = nip__calloc(contract->class_count + 1, sizeof *m->classes);
    if (m->classes == NULL)
        return nip__nomem(err);
    memcpy(m->classes, contract->classes, contract->class_count * sizeof *m->classes);
    return 0;
}

/* Of the period, what lies outside of service hours. */
static int find_outside(const nip__measure_question *q, const nip__spans *period, nip__spans *outside)
{
    nip__spans within = {0};
    int rc = nip__hours_within(&q->contract->hours, q->period->begin.at, q->period->end.at, &within);
    if (rc == 0)
        rc = nip__spans_subtract(period, &within, outside);
    nip__spans_clear(&within);
    return rc;
}

static int find_excluded(const nip__measure_question *q, nip__measured *m, const nip__spans *outside, nip__spans *excluded)
{
    nip__exclusion_question question = {
        .objective = q->objective->name,
        .as_of = q->book->as_of,
        .begin = q->period->begin.at,
        .end = q->period->end.at,
        .classes = m->classes,
        .class_count = m->class_count,
    };
    int rc = nip__exclusions_apply(q->book->exclusions, &question, excluded);
    if (rc == 0)
        rc = nip__spans_union(excluded, outside, excluded);
    const nip__indicator *indicator = &q->contract->indicators[q->objective->indicator];
    if (rc == 0 && indicator->kind != NIP__INDICATOR_TIME)
        rc = nip__spans_snap_inward(excluded, indicator->slice_ms, excluded);
    return rc;
}

/* Up to where it is judged: what a source has not told yet is still to come, unless it is late. */
static nip__ms judged_until(const nip__measure_question *q)
{
    const nip__indicator *indicator = &q->contract->indicators[q->objective->indicator];
    nip__ms begin = q->period->begin.at, end = q->period->end.at;
    if (q->now >= end)
        return end;
    nip__ms known = nip__book_horizon(q->book, indicator), late = q->now - NIP__MEASURE_LATE_MS - indicator->slice_ms - indicator->max_gap_ms;
    nip__ms until = known > late ? known : late;
    until = until < q->now ? until : q->now;
    if (indicator->kind != NIP__INDICATOR_TIME)
        until -= until % indicator->slice_ms + (until % indicator->slice_ms < 0 ? indicator->slice_ms : 0);
    return until < begin ? begin : until;
}

static int find_counted(const nip__measure_question *q, nip__measured *m, nip_error **err)
{
    nip__spans period = {0}, outside = {0}, excluded = {0};
    int rc = nip__spans_add(&period, q->period->begin.at, q->period->end.at);
    if (rc == 0)
        rc = find_outside(q, &period, &outside);
    if (rc == 0)
        rc = find_excluded(q, m, &outside, &excluded);
    if (rc == 0)
        rc = nip__spans_clip(&excluded, q->period->begin.at, q->period->end.at, &excluded);
    if (rc == 0)
        rc = nip__spans_subtract(&period, &excluded, &m->counted);
    if (rc == 0) /* of events, whole slices only */
        rc = nip__spans_intersect(&outside, &excluded, &outside);
    m->outside_hours_ms = nip__spans_length(&outside);
    m->answer.figures.excluded = nip__spans_length(&excluded);
    m->until = judged_until(q);
    int64_t all = nip__spans_length(&m->counted);
    if (rc == 0)
        rc = nip__spans_clip(&m->counted, q->period->begin.at, m->until, &m->counted);
    m->answer.figures.ahead = all - nip__spans_length(&m->counted);
    nip__spans *const sets[] = {&period, &outside, &excluded};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        nip__spans_clear(sets[i]);
    return rc < 0 ? nip__nomem(err) : 0;
}

/* ---- figures ---- */

static void set_terms(const nip__measure_question *q, nip__sla_answer *answer)
{
    const nip__objective *objective = q->objective;
    const nip__indicator *indicator = &q->contract->indicators[objective->indicator];
    answer->objective = objective->name;
    answer->kind = nip__objective_kind_name(objective->kind);
    answer->indicator = indicator->name;
    answer->errors = objective->kind == NIP__OBJECTIVE_ERROR_RATE;
    answer->credits = objective->credits;
    answer->terms = (nip__sla_terms){
        .events = indicator->kind != NIP__INDICATOR_TIME,
        .open = q->now < q->period->end.at,
        .missing = objective->missing,
        .target = objective->targets[q->period->kind],
        .min_coverage = objective->min_coverage,
    };
}

static void set_figures(const nip__measure_question *q, nip__measured *m)
{
    nip__sla_answer *answer = &m->answer;
    const nip__indicator *indicator = &q->contract->indicators[q->objective->indicator];
    nip__series_sum sum = nip__series_sum_of(m->series, &m->counted);
    answer->figures.good = sum.good;
    answer->figures.bad = sum.bad;
    answer->figures.unsure = sum.unsure;
    answer->figures.covered = sum.covered;
    answer->figures.missing = sum.missing;
    answer->figures.held_up = sum.held_up;
    answer->figures.held_down = sum.held_down;
    answer->conflicts = sum.conflicts;
    if (q->objective->quantile > 0) {
        answer->quantile = nip__series_quantile(m->series, &m->counted, q->objective->quantile);
        answer->quantile.limit = indicator->limit_seconds;
    }
}

int nip__measure(const nip__measure_question *q, nip__measured *measured, nip_error **err)
{
    nip__measured m = {0};
    const nip__indicator *indicator = &q->contract->indicators[q->objective->indicator];
    if (q->objective->targets[q->period->kind].den == 0)
        return nip__fail(err, NIP_E_INVALID, "nothing was promised of %s for a %s: add it to the objective's targets", q->objective->name,
                         nip__period_kind_name(q->period->kind));
    set_terms(q, &m.answer);
    int rc = copy_classes(q->contract, &m, err);
    if (rc == 0)
        rc = find_counted(q, &m, err);
    if (rc == 0)
        rc = nip__series_open(q->book->state, indicator, q->period->begin.at, q->period->end.at, q->objective->hold_ms, &m.series, err);
    if (rc == 0)
        rc = nip__sla_history_make(m.series, &m.counted, m.until, m.answer.terms.target, &m.history, err);
    if (rc < 0) {
        nip__measured_clear(&m);
        return rc;
    }
    set_figures(q, &m);
    *measured = m;
    measured->answer.history = &measured->history;
    return 0;
}

void nip__measured_clear(nip__measured *measured)
{
    nip__sla_history_clear(&measured->history);
    nip__series_free(measured->series);
    nip__spans_clear(&measured->counted);
    nip__free(measured->classes);
    *measured = (nip__measured){0};
}
