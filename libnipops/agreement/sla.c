/* nipops/sla.h: what a document comes to, exclusions, reports. */
#include "nipops/sla.h"

#include <string.h>

#include "agreement/report.h"
#include "agreement/simulate.h"
#include "base/memory.h"
#include "base/text.h"
#include "doc/json.h"
#include "sla/page.h"
#include "sla/report_html.h"
#include "sla/report_text.h"
#include "sla/rules.h"

/* Owned text of a buffer. */
static int hand_out(nip__buffer *text, int rc, char **out, nip_error **err)
{
    char *taken = rc == 0 ? nip__buffer_take(text) : NULL;
    nip__buffer_clear(text);
    if (rc == 0 && taken == NULL)
        return nip__nomem(err);
    if (rc == 0)
        *out = taken;
    return rc;
}

/* ---- what a document comes to ---- */

static const char *const indicator_kinds[] = {
    [NIP__INDICATOR_TIME] = "time", [NIP__INDICATOR_EVENTS] = "events", [NIP__INDICATOR_LATENCY] = "latency"};

static void write_indicator(nip__writer *writer, const nip__indicator *indicator)
{
    bool asked = indicator->query != NULL || indicator->good != NULL || indicator->bad != NULL || indicator->histogram != NULL;
    nip__write_map(writer, NULL);
    nip__write_text(writer, "name", indicator->name);
    nip__write_text(writer, "kind", indicator_kinds[indicator->kind]);
    nip__write_text(writer, "definition", indicator->definition);
    nip__write_int(writer, "slice_ms", indicator->slice_ms);
    nip__write_int(writer, "max_gap_ms", indicator->max_gap_ms);
    nip__write_bool(writer, "asked", asked);
    nip__write_end_map(writer);
}

static void write_percentage(nip__writer *writer, const char *key, nip__ratio ratio)
{
    nip__buffer text = NIP__BUFFER(64);
    nip__ratio_write(&text, ratio);
    nip__write_text(writer, key, nip__buffer_string(&text));
    writer->buffer->failed |= text.failed;
    nip__buffer_clear(&text);
}

/* Of error rates the most that may be bad, as it was written. */
static void write_targets(nip__writer *writer, const nip__objective *objective)
{
    nip__write_map(writer, "targets");
    for (int kind = 0; kind < NIP__PERIOD_KINDS; kind++) {
        nip__ratio target = objective->targets[kind];
        if (objective->kind == NIP__OBJECTIVE_ERROR_RATE)
            target.num = target.den - target.num;
        if (target.den != 0)
            write_percentage(writer, nip__period_kind_name((nip__period_kind)kind), target);
    }
    nip__write_end_map(writer);
}

static void write_objective(nip__writer *writer, const nip__contract *contract, const nip__objective *objective)
{
    nip__write_map(writer, NULL);
    nip__write_text(writer, "name", objective->name);
    nip__write_text(writer, "kind", nip__objective_kind_name(objective->kind));
    nip__write_text(writer, "indicator", contract->indicators[objective->indicator].name);
    write_targets(writer, objective);
    nip__write_text(writer, "missing", nip__sla_missing_name(objective->missing));
    write_percentage(writer, "min_coverage", objective->min_coverage);
    nip__write_end_map(writer);
}

static void write_contract(nip__buffer *text, const nip__contract *contract)
{
    nip__writer writer = NIP__WRITER(text);
    char journal[NIP__BOOK_SUBJECT_SIZE];
    nip__write_map(&writer, NULL);
    nip__write_int(&writer, "v", 1);
    nip__write_text(&writer, "sla", contract->name);
    nip__write_text(&writer, "journal", nip__book_subject(contract->name, journal));
    nip__write_text(&writer, "zone", contract->zone_name);
    nip__write_text(&writer, "tzdata", contract->tzdata);
    nip__write_text(&writer, "period", nip__get_text(nip__get(contract->document, "sla"), "period"));
    nip__write_text(&writer, "definition", contract->definition);
    nip__write_list(&writer, "indicators");
    for (size_t i = 0; i < contract->indicator_count; i++)
        write_indicator(&writer, &contract->indicators[i]);
    nip__write_end_list(&writer);
    nip__write_list(&writer, "objectives");
    for (size_t i = 0; i < contract->objective_count; i++)
        write_objective(&writer, contract, &contract->objectives[i]);
    nip__write_end_list(&writer);
    nip__write_end_map(&writer);
}

int nip_sla_describe(const nip_doc *doc, char **json, nip_error **err)
{
    NIP_ARG(doc != NULL && json != NULL);
    nip__contract *contract = NULL;
    nip__buffer text = NIP__BUFFER(nip__internal_limits.bytes);
    int rc = nip__contract_load(doc, &contract, err);
    if (rc == 0)
        write_contract(&text, contract);
    nip__contract_free(contract);
    return hand_out(&text, rc, json, err);
}

int nip_sla_rules(const nip_doc *doc, char **yaml, nip_error **err)
{
    NIP_ARG(doc != NULL && yaml != NULL);
    nip__contract *contract = NULL;
    nip__buffer text = NIP__BUFFER(nip__internal_limits.bytes);
    int rc = nip__contract_load(doc, &contract, err);
    if (rc == 0)
        rc = nip__sla_rules_write(&text, contract, err);
    nip__contract_free(contract);
    return hand_out(&text, rc, yaml, err);
}

int nip_sla_pages(nip_store *store, const nip_doc *doc, int64_t as_of, char **json, nip_error **err)
{
    NIP_ARG(store != NULL && doc != NULL && json != NULL && as_of >= 0);
    nip__contract *contract = NULL;
    nip__book *book = NULL;
    nip__buffer text = NIP__BUFFER(nip__internal_limits.bytes);
    int rc = nip__contract_load(doc, &contract, err);
    if (rc == 0)
        rc = nip__book_open(store, contract->name, as_of, &book, err);
    if (rc == 0)
        rc = nip__state_write(book->state, &text, err);
    nip__book_free(book);
    nip__contract_free(contract);
    return hand_out(&text, rc, json, err);
}

/* ---- exclusions ---- */

int nip_sla_exclude(nip_store *store, const nip_doc *doc, const char *exclusion, nip_time at, int64_t *sequence, nip_error **err)
{
    NIP_ARG(store != NULL && doc != NULL && exclusion != NULL && at != NIP_TIME_NONE && at != NIP_TIME_MAX);
    nip__contract *contract = NULL;
    nip__arena *arena = nip__arena_new();
    nip__value *value = NULL, *normalized = NULL;
    int64_t recorded = 0;
    int rc = arena == NULL ? nip__nomem(err) : nip__contract_load(doc, &contract, err);
    if (rc == 0)
        rc = nip__json_read(arena, exclusion, strlen(exclusion), "exclusion", &nip__document_limits, &value, err);
    if (rc == 0)
        rc = nip__exclusion_check(arena, value, "exclusion", &normalized, err);
    if (rc == 0)
        rc = nip__contract_check_exclusion(contract, normalized, err);
    if (rc == 0)
        rc = nip__book_exclude(store, contract->name, normalized, at, &recorded, err);
    if (rc == 0 && sequence != NULL)
        *sequence = recorded;
    nip__arena_free(arena);
    nip__contract_free(contract);
    return rc;
}

/* ---- reports ---- */

static int find_period(const nip__contract *contract, const char *text, nip__ms now, nip__period *period, nip_error **err)
{
    nip__period_kind kind = NIP__PERIOD_MONTH;
    if (text != NULL)
        return nip__period_asked(contract->zone, text, now, period, err);
    nip__period_kind_read(nip__get_text(nip__get(contract->document, "sla"), "period"), &kind);
    return nip__period_holding(contract->zone, kind, now, period, err);
}

typedef int write_report(nip__buffer *out, const nip__report_question *question, nip_error **err);

typedef struct asked {
    const char *period;
    nip_time now;
    int64_t as_of;
    const char *exclusions; /* to try; NULL: none */
} asked;

/* Of an earlier record everything is as it was known then. */
static int answer(nip_store *store, const nip__contract *contract, const asked *a, write_report *write, nip__buffer *out, nip_error **err)
{
    nip__book *book = NULL;
    nip__period period;
    int rc = nip__book_open(store, contract->name, a->as_of, &book, err);
    nip_time now = rc == 0 && a->now == NIP_TIME_NONE ? book->recorded : a->now;
    if (rc == 0 && now == NIP_TIME_NONE)
        rc = nip__fail(err, NIP_E_NOTFOUND, "the journal %s is empty: there is no record to judge it by", book->subject);
    if (rc == 0)
        rc = find_period(contract, a->period, nip__ms_of(now), &period, err);
    int64_t as_of = rc == 0 ? book->as_of : 0;
    if (rc == 0 && a->exclusions != NULL)
        rc = nip__simulation_exclude(book, contract, a->exclusions, err);
    if (rc == 0) {
        nip_time known = a->as_of == INT64_MAX ? NIP_TIME_MAX : book->recorded;
        rc = write(out, &(nip__report_question){store, book, contract, &period, nip__ms_of(now), as_of, known}, err);
    }
    nip__book_free(book);
    return rc;
}

static int report(nip_store *store, const nip_doc *doc, const asked *a, write_report *write, char **json, nip_error **err)
{
    nip__contract *contract = NULL;
    nip__buffer text = NIP__BUFFER(nip__internal_limits.bytes);
    int rc = nip__contract_load(doc, &contract, err);
    if (rc == 0)
        rc = answer(store, contract, a, write, &text, err);
    nip__contract_free(contract);
    return hand_out(&text, rc, json, err);
}

int nip_sla_report(nip_store *store, const nip_doc *doc, const char *period, nip_time now, int64_t as_of, char **json, nip_error **err)
{
    NIP_ARG(store != NULL && doc != NULL && json != NULL && as_of >= 0 && now != NIP_TIME_MAX);
    return report(store, doc, &(asked){period, now, as_of, NULL}, nip__report_write, json, err);
}

int nip_sla_certificates(nip_store *store, const nip_doc *doc, const char *period, nip_time now, int64_t as_of, char **json, nip_error **err)
{
    NIP_ARG(store != NULL && doc != NULL && json != NULL && as_of >= 0 && now != NIP_TIME_MAX);
    return report(store, doc, &(asked){period, now, as_of, NULL}, nip__report_certificates, json, err);
}

int nip_sla_simulate(nip_store *store, const nip_doc *doc, const char *period, nip_time now, int64_t as_of, const char *exclusions, char **json, nip_error **err)
{
    NIP_ARG(store != NULL && doc != NULL && json != NULL && as_of >= 0 && now != NIP_TIME_MAX);
    return report(store, doc, &(asked){period, now, as_of, exclusions}, nip__simulation_write, json, err);
}

/* ---- for people ---- */

static const struct {
    const char *name;
    void (*write)(nip__buffer *out, const nip__value *report);
} formats[] = {{"markdown", nip__sla_report_markdown}, {"html", nip__sla_report_html}};
enum { FORMAT_COUNT = sizeof formats / sizeof formats[0] };

int nip_sla_report_text(const char *report, const char *format, char **text, nip_error **err)
{
    NIP_ARG(report != NULL && format != NULL && text != NULL);
    int at = 0;
    while (at < FORMAT_COUNT && !nip__text_equal(formats[at].name, format))
        at++;
    if (at == FORMAT_COUNT)
        return nip__fail(err, NIP_E_INVALID, "a report is told as markdown or html, not as \"%.64s\"", format);
    nip__arena *arena = nip__arena_new();
    nip__value *value = NULL;
    nip__buffer out = NIP__BUFFER(nip__internal_limits.bytes);
    int rc = arena == NULL ? nip__nomem(err) : nip__json_read(arena, report, strlen(report), "report", &nip__internal_limits, &value, err);
    if (rc == 0 && !nip__is(nip__get(value, "objectives"), NIP__LIST))
        rc = nip__fail(err, NIP_E_INVALID, "this is no report of nip_sla_report: it has no list of objectives");
    if (rc == 0)
        formats[at].write(&out, value);
    nip__arena_free(arena);
    return hand_out(&out, rc, text, err);
}
