/* The report of a period. */
#include "agreement/report.h"

#include "agreement/happenings.h"
#include "agreement/measure.h"
#include "base/text.h"
#include "doc/json.h"
#include "sla/certificate.h"
#include "sla/recommend.h"

static nip__certified_period place_of(const nip__report_question *q)
{
    return (nip__certified_period){q->period, q->contract->zone, q->contract->zone_name, q->contract->tzdata, q->now};
}

static bool is_promised(const nip__report_question *q, const nip__objective *objective)
{
    return objective->targets[q->period->kind].den != 0;
}

/* Where an objective is written, and what follows from it. */
typedef struct outlet {
    nip__writer *writer, *advice;
} outlet;

typedef int write_measured(const outlet *to, const nip__report_question *q, const nip__measured *measured, nip_error **err);

/* Calls `write` for each objective that was promised. */
static int each_objective(const outlet *to, const nip__report_question *q, write_measured *write, nip_error **err)
{
    int rc = 0;
    for (size_t i = 0; i < q->contract->objective_count && rc == 0; i++) {
        const nip__objective *objective = &q->contract->objectives[i];
        nip__measured measured = {0};
        if (!is_promised(q, objective))
            continue;
        rc = nip__measure(&(nip__measure_question){q->book, q->contract, objective, q->period, q->now}, &measured, err);
        if (rc == 0)
            rc = write(to, q, &measured, err);
        nip__measured_clear(&measured);
    }
    return rc;
}

static int write_answer(const outlet *to, const nip__report_question *q, const nip__measured *measured, nip_error **err)
{
    (void)q;
    (void)err;
    nip__sla_answer_write(to->writer, NULL, &measured->answer);
    nip__recommend(to->advice, &measured->answer);
    return 0;
}

/* The lists "objectives" and "recommendations". */
static int write_objectives(nip__writer *writer, const nip__report_question *q, nip_error **err)
{
    nip__buffer text = NIP__BUFFER(nip__internal_limits.bytes);
    nip__writer advice = NIP__WRITER(&text);
    nip__write_list(&advice, NULL);
    nip__write_list(writer, "objectives");
    int rc = each_objective(&(outlet){writer, &advice}, q, write_answer, err);
    nip__write_end_list(writer);
    nip__write_end_list(&advice);
    nip__write_raw(writer, "recommendations", nip__buffer_string(&text));
    writer->buffer->failed |= text.failed;
    nip__buffer_clear(&text);
    return rc;
}

/* ---- what is not judged ---- */

static void write_others(nip__writer *writer, const nip__report_question *q)
{
    nip__write_list(writer, "not_promised");
    for (size_t i = 0; i < q->contract->objective_count; i++) {
        if (!is_promised(q, &q->contract->objectives[i]))
            nip__write_text(writer, NULL, q->contract->objectives[i].name);
    }
    nip__write_end_list(writer);
}

/* ---- exclusions ---- */

static bool counts_for_any(const nip__report_question *q, const nip__exclusion *one)
{
    bool counts = false;
    for (size_t i = 0; i < q->contract->objective_count && !counts; i++)
        counts = nip__exclusion_counts(one, q->contract->objectives[i].name, q->book->as_of);
    return counts;
}

static void write_exclusion(nip__writer *writer, const nip__exclusion *one, nip__span span)
{
    nip__write_map(writer, NULL);
    nip__write_text(writer, "id", one->id);
    nip__write_text(writer, "class", one->class_name);
    nip__write_time(writer, "begin", nip__ms_time(span.begin));
    nip__write_time(writer, "end", nip__ms_time(span.end));
    nip__write_text(writer, "who", one->who);
    nip__write_text(writer, "why", one->why);
    nip__write_value(writer, "objectives", one->objectives);
    nip__write_end_map(writer);
}

static int write_exclusions(nip__writer *writer, const nip__report_question *q, nip_error **err)
{
    int rc = 0;
    nip__write_list(writer, "exclusions");
    for (size_t i = 0; i < q->book->exclusions->count && rc == 0; i++) {
        const nip__exclusion *one = &q->book->exclusions->items[i];
        nip__spans spans = {0};
        if (counts_for_any(q, one))
            rc = nip__exclusion_add_spans(one, q->period->begin.at, q->period->end.at, &spans);
        if (rc == 0)
            rc = nip__spans_clip(&spans, q->period->begin.at, q->period->end.at, &spans);
        for (size_t k = 0; rc == 0 && k < spans.count; k++)
            write_exclusion(writer, one, spans.items[k]);
        nip__spans_clear(&spans);
    }
    nip__write_end_list(writer);
    return rc < 0 ? nip__nomem(err) : 0;
}

/* ---- the whole ---- */

static int write_happenings(nip__writer *writer, const nip__report_question *q, nip_error **err)
{
    const nip__happenings_question question = {
        .store = q->store,
        .journals = nip__pointer(q->contract->document, "/sla/journals"),
        .begin = q->period->begin.at,
        .end = q->period->end.at,
        .known = q->known,
    };
    return nip__happenings_write(writer, &question, err);
}

static int finish(nip__buffer *out, int rc, nip_error **err)
{
    if (rc == 0 && out->full)
        return nip__fail(err, NIP_E_LIMIT, "the report would be larger than %zu bytes", out->max);
    return rc == 0 && out->failed ? nip__nomem(err) : rc;
}

int nip__report_write(nip__buffer *out, const nip__report_question *q, nip_error **err)
{
    nip__writer writer = NIP__WRITER(out);
    nip__certified_period place = place_of(q);
    nip__write_map(&writer, NULL);
    nip__write_int(&writer, "v", 1);
    nip__write_text(&writer, "sla", q->contract->name);
    nip__write_time(&writer, "now", nip__ms_time(q->now));
    nip__write_int(&writer, "as_of", q->as_of);
    nip__write_text(&writer, "definition", q->contract->definition);
    nip__write_int(&writer, "purged", q->book->purged);
    nip__certificate_write_period(&writer, "period", &place);
    int rc = write_objectives(&writer, q, err);
    write_others(&writer, q);
    if (rc == 0)
        rc = write_exclusions(&writer, q, err);
    if (rc == 0)
        rc = write_happenings(&writer, q, err);
    nip__write_end_map(&writer);
    return finish(out, rc, err);
}

/* ---- certificates ---- */

static int write_certificate(const outlet *to, const nip__report_question *q, const nip__measured *measured, nip_error **err)
{
    const nip__certificate certificate = {
        .where = place_of(q),
        .objective = measured->answer.objective,
        .definition = q->contract->definition,
        .as_of = q->as_of,
        .figures = &measured->answer.figures,
        .outside_hours_ms = measured->outside_hours_ms,
        .classes = measured->classes,
        .class_count = measured->class_count,
    };
    return nip__certificate_write(to->writer, NULL, &certificate, err);
}

int nip__report_certificates(nip__buffer *out, const nip__report_question *q, nip_error **err)
{
    nip__writer writer = NIP__WRITER(out);
    nip__write_list(&writer, NULL);
    int rc = each_objective(&(outlet){&writer, NULL}, q, write_certificate, err);
    nip__write_end_list(&writer);
    return finish(out, rc, err);
}
