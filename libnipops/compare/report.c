/* Reports: what a run's comparison found. */
#include "compare/report.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"
#include "doc/json.h"
#include "nipops/rollout.h"
#include "plan/run.h"

/* ---- the fold ---- */

typedef struct fold {
    nip__arena *arena;
    nip__value *report;
    const char *run;
    char *action; /* the latest comparison's */
    bool compares, over;
} fold;

static bool is_call(const nip__value *call)
{
    return nip__text_equal(nip__get_text(call, "role"), "check") &&
           nip__text_equal(nip__get_text(call, "verb"), "compare");
}

static void see_plan(fold *f, const nip__record *record, const nip__value *payload)
{
    const nip__value *plan = nip__get(payload, "plan");
    f->run = nip__arena_text(f->arena, nip__get_text(payload, "run"));
    nip__put_text(f->arena, f->report, "run", f->run);
    nip__put_text(f->arena, f->report, "subject", nip__get_text(plan, "subject"));
    nip__put_text(f->arena, f->report, "title", nip__get_text(plan, "title"));
    nip__put_text(f->arena, f->report, "state", "planned");
    nip__put_time(f->arena, f->report, "planned", record->at);
    for (NIP__EACH(step, nip__get(plan, "steps"))) {
        for (NIP__EACH(call, nip__get(step, "actions")))
            f->compares |= is_call(call);
    }
}

static void see_intent(fold *f, const nip__value *payload)
{
    if (!is_call(payload) || !nip__text_equal(nip__get_text(payload, "for"), "act"))
        return;
    const nip__value *args = nip__get(payload, "args");
    nip__free(f->action);
    f->action = nip__strdup(nip__get_text(payload, "action"));
    if (f->action == NULL)
        nip__arena_fail(f->arena);
    nip__put_text(f->arena, f->report, "old", nip__get_text(args, "old_version"));
    nip__put_text(f->arena, f->report, "new", nip__get_text(args, "new_version"));
}

static void see_outcome(fold *f, const nip__record *record, const nip__value *payload)
{
    if (f->action == NULL || !nip__text_equal(f->action, nip__get_text(payload, "action")))
        return;
    const nip__value *result = nip__get(payload, "result");
    bool done = nip__text_equal(nip__get_text(payload, "outcome"), "done");
    nip__put(f->arena, f->report, "comparison", done ? nip__copy(f->arena, result) : nip__null(f->arena));
    nip__put_time(f->arena, f->report, "compared_at", record->at);
}

static void see_end(fold *f, const nip__record *record, const nip__value *payload)
{
    bool end = strcmp(record->kind, "run.ended") == 0;
    nip__put_text(f->arena, f->report, "state", end ? nip__get_text(payload, "state") : "returning");
    nip__put(f->arena, f->report, "reason", nip__string(f->arena, nip__get_text(payload, "reason")));
    nip__put(f->arena, f->report, "message", nip__string(f->arena, nip__get_text(payload, "message")));
    if (end)
        nip__put_time(f->arena, f->report, "ended", record->at);
}

static void see_guard(fold *f, const nip__value *payload)
{
    nip__value *guards = nip__put(f->arena, f->report, "guards", nip__map(f->arena)), *one = nip__map(f->arena);
    const char *id = nip__get_text(payload, "guard");
    if (id == NULL)
        return;
    nip__put(f->arena, one, "verdict", nip__copy(f->arena, nip__get(payload, "verdict")));
    nip__put(f->arena, one, "metrics", nip__copy(f->arena, nip__get(payload, "metrics")));
    nip__put(f->arena, guards, id, one);
}

static void see(fold *f, const nip__record *record, const nip__value *payload)
{
    if (strcmp(record->kind, "run.planned") == 0)
        see_plan(f, record, payload);
    else if (strcmp(record->kind, "run.started") == 0 || strcmp(record->kind, "run.resumed") == 0)
        nip__put_text(f->arena, f->report, "state", "running");
    else if (strcmp(record->kind, "action.intended") == 0)
        see_intent(f, payload);
    else if (strcmp(record->kind, "action.completed") == 0)
        see_outcome(f, record, payload);
    else if (strcmp(record->kind, "guard.judged") == 0)
        see_guard(f, payload);
    else if (strcmp(record->kind, "run.ended") == 0 || strcmp(record->kind, "run.returning") == 0)
        see_end(f, record, payload);
}

static int take(void *data, const nip__record *record, nip_error **err)
{
    fold *f = data;
    bool planned = strcmp(record->kind, "run.planned") == 0;
    if (planned && f->run != NULL)
        return 1; /* the next run's */
    if (record->payload == NULL) {
        if (planned)
            return nip__fail(err, NIP_E_NOTFOUND, "what this run found was purged");
        return 0;
    }
    nip__arena *arena = nip__arena_new();
    nip__value *payload = NULL;
    int rc = arena == NULL ? nip__nomem(err)
                           : nip__json_read(arena, record->payload, record->payload_length, "journal",
                                            &nip__record_limits, &payload, err);
    if (rc == 0)
        see(f, record, payload);
    nip__arena_free(arena);
    return rc < 0 ? rc : nip__arena_failed(f->arena) ? nip__nomem(err) : 0;
}

int nip__report_fold(nip_store *store, const char *id, nip__arena *arena, nip__value **report, nip_error **err)
{
    fold f = {.arena = arena, .report = nip__map(arena)};
    char *subject = NULL;
    int64_t planned = 0;
    nip__put_int(arena, f.report, "v", 1);
    nip__put_text(arena, f.report, "kind", "report");
    int rc = nip__run_locate(store, id, &subject, &planned, err);
    if (rc == 0)
        rc = nip__store_each(store, subject, planned - 1, take, &f, err);
    if (rc >= 0 && !f.compares)
        rc = nip__fail(err, NIP_E_NOTFOUND, "run %s compares nothing: only a rollout with strategy shadow does",
                       f.run != NULL ? f.run : id);
    if (rc >= 0 && nip__get(f.report, "comparison") == NULL)
        nip__put(arena, f.report, "comparison", nip__null(arena));
    if (rc >= 0 && nip__arena_failed(arena))
        rc = nip__nomem(err);
    nip__free(f.action);
    nip__free(subject);
    if (rc < 0)
        return rc;
    *report = f.report;
    return 0;
}

/* ---- pieces that all forms share ---- */

void nip__report_seconds(nip__buffer *out, double seconds)
{
    if (seconds < 0.001)
        nip__buffer_printf(out, "%.0f us", seconds * 1e6);
    else if (seconds < 1)
        nip__buffer_printf(out, "%.3g ms", seconds * 1e3);
    else
        nip__buffer_printf(out, "%.3g s", seconds);
}

void nip__report_mismatches(nip__buffer *out, const nip__value *comparison)
{
    const nip__value *found = nip__get(comparison, "mismatches");
    int64_t events = nip__get_int(found, "events", 0), total = nip__get_int(found, "total", 0);
    nip__buffer_printf(out, "%lld of %lld requests", (long long)events, (long long)total);
    if (total > 0)
        nip__buffer_printf(out, " (%.3g %%)", 100 * (double)events / (double)total);
    nip__buffer_printf(out, ", at most %.4g %%", 100 * nip__get_number(found, "limit", 0));
}

void nip__report_rule(nip__buffer *out, const nip__value *rule)
{
    nip__json_write(out, rule);
}

void nip__report_counts(nip__buffer *out, const nip__value *counts)
{
    for (NIP__EACH(item, counts)) {
        double number = 0;
        nip__number(item, &number);
        nip__buffer_printf(out, "%s%s: %.0f", item == nip__first(counts) ? "" : ", ", item->key, number);
    }
}

/* ---- the public call ---- */

static void write_json(nip__buffer *out, const nip__value *report)
{
    nip__json_write(out, report);
}

static const struct {
    const char *name;
    void (*write)(nip__buffer *out, const nip__value *report);
} formats[] = {{"text", nip__report_write_text}, {"json", write_json}, {"html", nip__report_write_html}};

int nip_run_report(nip_store *store, const char *id, const char *format, char **out, nip_error **err)
{
    NIP_ARG(store != NULL && id != NULL && format != NULL && out != NULL);
    void (*write)(nip__buffer *, const nip__value *) = NULL;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        write = nip__text_equal(formats[i].name, format) ? formats[i].write : write;
    if (write == NULL)
        return nip__fail(err, NIP_E_INVALID, "a report's format is \"text\", \"json\" or \"html\", found \"%.40s\"",
                         format);
    nip__arena *arena = nip__arena_new();
    nip__value *report = NULL;
    nip__buffer text = NIP__BUFFER(nip__internal_limits.bytes);
    int rc = arena == NULL ? nip__nomem(err) : nip__report_fold(store, id, arena, &report, err);
    if (rc == 0)
        write(&text, report);
    char *taken = rc == 0 ? nip__buffer_take(&text) : NULL;
    if (rc == 0 && taken == NULL)
        rc = nip__nomem(err);
    nip__buffer_clear(&text);
    nip__arena_free(arena);
    if (rc == 0)
        *out = taken;
    return rc;
}
