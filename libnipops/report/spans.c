/* A run as OpenTelemetry spans, in OTLP's JSON form: one for the run, one a step, one an action. Ids come from the run itself, so that
 * telling it twice tells the same trace.
 * https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding */
#include "nipops/report.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "doc/json.h"
#include "report/history.h"

enum { SPANS_MAX = 256 * 1024 * 1024, INTERNAL = 1, OK = 1, FAILED = 2, TRACE_BYTES = 16, SPAN_BYTES = 8, TEXT_BYTES = 2 * TRACE_BYTES + 1 };

typedef struct teller {
    nip__arena *arena;
    nip__writer w;
    const nip__history *history;
    char trace[TEXT_BYTES], root[TEXT_BYTES];
    const nip__event *step; /* step.started of the step under way; NULL: none */
    const char *step_span;
    nip_time end; /* of the last record */
} teller;

/* Hexadecimal digits of a hash over the run and what inside it is meant. */
static void make_id(const teller *t, const char *what, int64_t number, size_t bytes, char text[TEXT_BYTES])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char number_text[32];
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    snprintf(number_text, sizeof number_text, "%lld %lld", (long long)t->history->first->at, (long long)number);
    const char *const parts[] = {"nipops", t->history->run, what, number_text};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        crypto_hash_sha256_update(&state, (const unsigned char *)parts[i], strlen(parts[i]) + 1);
    crypto_hash_sha256_final(&state, hash);
    sodium_bin2hex(text, TEXT_BYTES, hash, bytes);
}

static const char *span_of(teller *t, const nip__event *event)
{
    char text[TEXT_BYTES];
    make_id(t, event->kind, event->sequence, SPAN_BYTES, text);
    return nip__arena_printf(t->arena, "%s", text);
}

/* ---- pieces ---- */

static void write_nanoseconds(nip__writer *w, const char *key, nip_time at)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)at);
    nip__write_text(w, key, text);
}

static void write_attribute(nip__writer *w, const char *key, const char *value)
{
    if (value == NULL)
        return;
    nip__write_map(w, NULL);
    nip__write_text(w, "key", key);
    nip__write_map(w, "value");
    nip__write_text(w, "stringValue", value);
    nip__write_end_map(w);
    nip__write_end_map(w);
}

/* Texts of a record's payload under names of ours. */
static void write_attributes_of(nip__writer *w, const nip__event *event, const char *const *keys)
{
    for (size_t i = 0; keys[i] != NULL; i++) {
        char name[64];
        snprintf(name, sizeof name, "nipops.%s", keys[i]);
        write_attribute(w, name, nip__get_text(event->payload, keys[i]));
    }
}

static void begin_span(teller *t, const char *id, const char *parent, const char *name, nip_time from, nip_time to)
{
    nip__write_map(&t->w, NULL);
    nip__write_text(&t->w, "traceId", t->trace);
    nip__write_text(&t->w, "spanId", id);
    if (parent != NULL)
        nip__write_text(&t->w, "parentSpanId", parent);
    nip__write_text(&t->w, "name", name != NULL ? name : "");
    nip__write_int(&t->w, "kind", INTERNAL);
    write_nanoseconds(&t->w, "startTimeUnixNano", from);
    write_nanoseconds(&t->w, "endTimeUnixNano", to > from ? to : from);
}

/* Code 0: nothing is said, as of what is not over. */
static void end_span(teller *t, int code, const char *message)
{
    if (code != 0) {
        nip__write_map(&t->w, "status");
        nip__write_int(&t->w, "code", code);
        if (message != NULL)
            nip__write_text(&t->w, "message", message);
        nip__write_end_map(&t->w);
    }
    nip__write_end_map(&t->w);
}

/* ---- actions ---- */

static void write_action(teller *t, const nip__event *intended)
{
    static const char *const asked[] = {"action", "for", "role", "verb", NULL}, *const answered[] = {"outcome", "reason", "why", NULL};
    const nip__event *answer = intended->answer;
    const char *outcome = answer != NULL ? nip__get_text(answer->payload, "outcome") : NULL;
    const char *name = nip__arena_printf(t->arena, "%s/%s", nip__get_text(intended->payload, "role"), nip__get_text(intended->payload, "verb"));
    bool failed = answer != NULL && (outcome == NULL || strcmp(outcome, "failed") == 0);
    begin_span(t, span_of(t, intended), t->step_span != NULL ? t->step_span : t->root, name, intended->at, answer != NULL ? answer->at : t->end);
    nip__write_list(&t->w, "attributes");
    write_attributes_of(&t->w, intended, asked);
    if (answer != NULL)
        write_attributes_of(&t->w, answer, answered);
    nip__write_end_list(&t->w);
    end_span(t, answer == NULL ? 0 : failed ? FAILED : OK, answer != NULL ? nip__get_text(answer->payload, "message") : NULL);
}

/* ---- steps ---- */

/* `over`: step.done or step.failed; NULL: something else began meanwhile, or nothing has ended it yet. */
static void close_step(teller *t, const nip__event *over, nip_time at)
{
    static const char *const keys[] = {"step", "list", NULL}, *const ends[] = {"why", "reason", NULL};
    if (t->step == NULL)
        return;
    bool failed = over != NULL && strcmp(over->kind, "step.failed") == 0;
    begin_span(t, t->step_span, t->root, nip__get_text(t->step->payload, "step"), t->step->at, at);
    nip__write_list(&t->w, "attributes");
    write_attributes_of(&t->w, t->step, keys);
    if (over != NULL)
        write_attributes_of(&t->w, over, ends);
    nip__write_end_list(&t->w);
    end_span(t, over == NULL ? 0 : failed ? FAILED : OK, failed ? nip__get_text(over->payload, "message") : NULL);
    t->step = NULL;
    t->step_span = NULL;
}

static void begin_step(teller *t, const nip__event *event)
{
    close_step(t, NULL, event->at);
    t->step = event;
    t->step_span = span_of(t, event);
}

static void end_step(teller *t, const nip__event *event)
{
    close_step(t, event, event->at);
}

static void end_all(teller *t, const nip__event *event)
{
    close_step(t, NULL, event->at);
}

static const struct {
    const char *kind;
    void (*tell)(teller *t, const nip__event *event);
} tellings[] = {
    {"step.started", begin_step},      {"step.done", end_step},         {"step.failed", end_step},
    {"action.intended", write_action},
    {"run.ended", end_all},
};

static void tell_event(teller *t, const nip__event *event)
{
    for (size_t i = 0; i < sizeof tellings / sizeof tellings[0]; i++) {
        if (strcmp(event->kind, tellings[i].kind) == 0)
            tellings[i].tell(t, event);
    }
}

/* ---- the run ---- */

/* What happened to the run as a whole becomes events of its span. */
static bool is_worth_an_event(const char *kind)
{
    static const char *const kinds[] = {"run.started", "run.resumed",   "run.waiting",  "run.paused", "run.continued",
                                        "run.returning", "request.made", "guard.judged", "clock.stepped", NULL};
    for (size_t i = 0; kinds[i] != NULL; i++) {
        if (strcmp(kind, kinds[i]) == 0)
            return true;
    }
    return strncmp(kind, "gate.", 5) == 0;
}

static void write_events(teller *t)
{
    static const char *const keys[] = {"reason", "message", "for", "why", "request", "who", "step", "guard", "verdict", NULL};
    nip__write_list(&t->w, "events");
    for (NIP__EACH_EVENT(event, t->history)) {
        if (!is_worth_an_event(event->kind))
            continue;
        nip__write_map(&t->w, NULL);
        write_nanoseconds(&t->w, "timeUnixNano", event->at);
        nip__write_text(&t->w, "name", event->kind);
        nip__write_list(&t->w, "attributes");
        write_attributes_of(&t->w, event, keys);
        nip__write_end_list(&t->w);
        nip__write_end_map(&t->w);
    }
    nip__write_end_list(&t->w);
}

static const nip__event *ending(const nip__history *history)
{
    const nip__event *found = NULL;
    for (NIP__EACH_EVENT(event, history)) {
        if (strcmp(event->kind, "run.ended") == 0)
            found = event;
        else if (strncmp(event->kind, "step.", 5) == 0)
            found = NULL; /* a broken run that was taken up again */
    }
    return found;
}

static void write_run(teller *t)
{
    const nip__history *history = t->history;
    const nip__event *ended = ending(history);
    const nip__value *plan = nip__get(history->first->payload, "plan");
    const char *state = ended != NULL ? nip__get_text(ended->payload, "state") : NULL;
    begin_span(t, t->root, NULL, nip__get_text(plan, "title"), history->first->at, ended != NULL ? ended->at : t->end);
    nip__write_list(&t->w, "attributes");
    write_attribute(&t->w, "deployment.id", history->run);
    write_attribute(&t->w, "deployment.name", nip__get_text(plan, "title"));
    write_attribute(&t->w, "nipops.app", history->subject);
    write_attribute(&t->w, "nipops.state", state);
    if (ended != NULL)
        write_attribute(&t->w, "nipops.reason", nip__get_text(ended->payload, "reason"));
    nip__write_end_list(&t->w);
    write_events(t);
    bool good = nip__text_equal(state, "succeeded");
    end_span(t, state == NULL ? 0 : good ? OK : FAILED, good || ended == NULL ? NULL : nip__get_text(ended->payload, "message"));
}

static void write_spans(teller *t)
{
    make_id(t, "trace", 0, TRACE_BYTES, t->trace);
    make_id(t, "run", 0, SPAN_BYTES, t->root);
    t->end = t->history->last->at;
    write_run(t);
    for (NIP__EACH_EVENT(event, t->history))
        tell_event(t, event);
    close_step(t, NULL, t->end);
}

static void write_trace(teller *t)
{
    nip__writer *w = &t->w;
    nip__write_map(w, NULL);
    nip__write_list(w, "resourceSpans");
    nip__write_map(w, NULL);
    nip__write_map(w, "resource");
    nip__write_list(w, "attributes");
    write_attribute(w, "service.name", "nipops");
    nip__write_end_list(w);
    nip__write_end_map(w);
    nip__write_list(w, "scopeSpans");
    nip__write_map(w, NULL);
    nip__write_map(w, "scope");
    nip__write_text(w, "name", "nipops");
    nip__write_text(w, "version", nip_version());
    nip__write_end_map(w);
    nip__write_list(w, "spans");
    write_spans(t);
    nip__write_end_list(w);
    nip__write_end_map(w);
    nip__write_end_list(w);
    nip__write_end_map(w);
    nip__write_end_list(w);
    nip__write_end_map(w);
}

int nip_run_spans(nip_store *store, const char *id, char **json, nip_error **err)
{
    NIP_ARG(store != NULL && id != NULL && json != NULL);
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    nip__history history;
    nip__buffer buffer = NIP__BUFFER(SPANS_MAX);
    teller t = {.arena = arena, .w = NIP__WRITER(&buffer), .history = &history};
    int rc = nip__history_read(arena, store, id, &history, err);
    if (rc == 0)
        write_trace(&t);
    buffer.failed |= nip__arena_failed(arena);
    char *written = rc < 0 ? NULL : nip__buffer_take(&buffer);
    nip__buffer_clear(&buffer);
    nip__arena_free(arena);
    if (rc < 0)
        return rc;
    if (written == NULL)
        return nip__nomem(err);
    *json = written;
    return 0;
}
