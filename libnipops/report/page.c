/* A run as one page: how it ended, pictures of its course, its decisions with their evidence. Made from its records alone. */
#include "nipops/report.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "doc/html.h"
#include "report/course.h"

enum { PAGE_MAX = 64 * 1024 * 1024, ROWS_MAX = 5000 };

/* ---- how it stands ---- */

/* Records that change what state a run is in, and the state; NULL: the record says it itself. */
static const struct {
    const char *kind, *state;
} states[] = {{"run.planned", "planned"},   {"run.started", "running"},     {"run.waiting", "waiting"}, {"run.paused", "paused"},
              {"run.continued", "running"}, {"run.returning", "returning"}, {"run.ended", NULL}};

static const char *state_of(const nip__history *history, const nip__event **why)
{
    const char *state = "planned";
    for (NIP__EACH_EVENT(event, history)) {
        for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
            if (strcmp(event->kind, states[i].kind) != 0)
                continue;
            state = states[i].state != NULL ? states[i].state : nip__get_text(event->payload, "state");
            *why = event;
        }
    }
    return state;
}

static void put_pair(nip__buffer *out, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    nip__html_element(out, "dt", NULL, name);
    nip__html_element(out, "dd", NULL, text);
    nip__buffer_char(out, '\n');
}

static void put_instant(nip__buffer *out, const char *name, nip_time at)
{
    nip__buffer text = NIP__BUFFER(64);
    nip__time_write(&text, at);
    put_pair(out, name, nip__buffer_string(&text));
    out->failed |= text.failed;
    nip__buffer_clear(&text);
}

static void put_state(nip__buffer *out, const nip__history *history)
{
    const nip__event *why = history->first;
    const char *state = state_of(history, &why), *message = nip__get_text(why->payload, "message");
    bool good = nip__text_equal(state, "succeeded"), over = strcmp(why->kind, "run.ended") == 0;
    nip__buffer_printf(out, "<p class=\"verdict %s\"><b>", good ? "pass" : over ? "fail" : "");
    nip__html_text(out, state);
    nip__buffer_text(out, "</b>");
    if (message != NULL)
        nip__buffer_text(out, ": ");
    nip__html_text(out, message);
    nip__buffer_text(out, "</p>\n<dl>\n");
    put_pair(out, "run", history->run);
    put_pair(out, "app", history->subject);
    put_instant(out, "planned", history->first->at);
    put_instant(out, over ? "ended" : "last record", history->last->at);
    put_pair(out, "reason", nip__get_text(why->payload, "reason"));
    nip__buffer_text(out, "</dl>\n");
}

/* ---- pictures ---- */

typedef struct picture {
    const char *heading, *unit;
    double scale; /* from what is measured to the unit */
    bool steps, holds;
} picture;

static picture picture_of(const char *metric)
{
    if (metric == NULL)
        return (picture){"", "", 1, true, false};
    if (nip__text_starts(metric, "latency_"))
        return (picture){metric, "ms", 1000, false, false};
    return (picture){"error rate", "%", 100, false, false};
}

static void scale(nip__track *track, double by)
{
    track->limit *= by;
    for (int row = 0; row < NIP__COURSE_VERSIONS; row++) {
        for (size_t i = 0; i < track->counts[row]; i++)
            track->points[row][i].value *= by;
    }
}

static void put_picture(nip__buffer *out, const nip__course *course, const nip__history *history, nip__track *track, const picture *p)
{
    if (track->counts[0] + track->counts[1] == 0)
        return;
    nip__chart chart = {.title = p->heading, .unit = p->unit, .steps = p->steps, .holds = p->holds, .limited = track->limited, .from = history->first->at, .to = history->last->at};
    scale(track, p->scale);
    chart.limit = track->limit;
    for (int row = 0; row < NIP__COURSE_VERSIONS; row++) {
        chart.names[row] = track->counts[row] > 0 ? course->versions[row] : NULL;
        chart.points[row] = track->points[row];
        chart.counts[row] = track->counts[row];
    }
    nip__html_element(out, "h2", NULL, p->heading);
    nip__html_chart(out, &chart);
}

static void put_pictures(nip__buffer *out, nip__arena *arena, const nip__history *history)
{
    nip__course course;
    nip__course_read(&course, arena, history);
    put_picture(out, &course, history, &course.shares, &(picture){"traffic", "%", 1, true, true});
    for (size_t i = 0; i < course.metric_count; i++) {
        picture p = picture_of(course.metrics[i].metric);
        put_picture(out, &course, history, &course.metrics[i], &p);
    }
    put_picture(out, &course, history, &course.health, &(picture){"healthy instances", "", 1, true, false});
}

/* ---- decisions ---- */

/* Records that a person wants to see, and which of their texts say what happened. */
static const struct {
    const char *kind, *keys[4];
} decisions[] = {
    {"run.started", {NULL}},
    {"run.resumed", {"gap", NULL}},
    {"run.waiting", {"for", NULL}},
    {"run.paused", {"reason", "message", NULL}},
    {"run.continued", {"why", NULL}},
    {"run.returning", {"reason", "message", NULL}},
    {"run.ended", {"state", "reason", "message", NULL}},
    {"step.done", {"step", "why", NULL}},
    {"step.failed", {"step", "reason", "message", NULL}},
    {"step.retrying", {"step", "until", NULL}},
    {"guard.judged", {"guard", "verdict", NULL}},
    {"request.made", {"request", "who", "why", NULL}},
    {"gate.answered", {"decision", "who", "why", NULL}},
    {"clock.stepped", {"by", NULL}},
};

/* "error_rate 0.4 of at most 0.01, 1200 requests: fail" */
static void put_evidence(nip__buffer *out, const nip__value *metrics)
{
    for (NIP__EACH(metric, metrics)) {
        char value[40], limit[40];
        double number;
        nip__buffer_text(out, "; ");
        nip__html_text(out, nip__get_text(metric, "name"));
        nip__text_from_real(nip__get_number(metric, "limit", 0), limit);
        if (nip__number(nip__get(metric, "value"), &number)) {
            nip__text_from_real(round(number * 1e6) / 1e6, value);
            nip__buffer_printf(out, " %s of at most %s", value, limit);
        } else {
            nip__buffer_printf(out, " not known, limit %s", limit);
        }
        if (nip__is(nip__get(metric, "samples"), NIP__INT))
            nip__buffer_printf(out, ", %lld samples", (long long)nip__get_int(metric, "samples", 0));
        nip__buffer_text(out, ": ");
        nip__html_text(out, nip__get_text(metric, "verdict"));
    }
}

static bool put_decision(nip__buffer *out, const nip__event *event)
{
    size_t i = 0, count = sizeof decisions / sizeof decisions[0];
    const char *between = "";
    while (i < count && strcmp(event->kind, decisions[i].kind) != 0)
        i++;
    if (i == count)
        return false;
    nip__buffer_text(out, "<tr><td class=\"soft\">");
    nip__time_write(out, event->at);
    nip__buffer_text(out, "</td>");
    nip__html_element(out, "td", NULL, event->kind);
    nip__buffer_text(out, "<td>");
    for (size_t k = 0; decisions[i].keys[k] != NULL; k++) {
        const char *text = nip__get_text(event->payload, decisions[i].keys[k]);
        if (text == NULL)
            continue;
        nip__buffer_text(out, between);
        nip__html_text(out, text);
        between = ": ";
    }
    put_evidence(out, nip__get(event->payload, "metrics"));
    nip__buffer_text(out, "</td></tr>\n");
    return true;
}

static void put_decisions(nip__buffer *out, const nip__history *history)
{
    size_t rows = 0;
    nip__buffer_text(out, "<h2>Decisions</h2>\n<table><thead><tr><th>when</th><th>what</th><th>why</th></tr></thead><tbody>\n");
    for (NIP__EACH_EVENT(event, history)) {
        if (rows == ROWS_MAX)
            break;
        rows += put_decision(out, event);
    }
    nip__buffer_text(out, "</tbody></table>\n");
    if (rows == ROWS_MAX)
        nip__html_element(out, "p", "soft", "There is more: nipops journal has all of it.");
}

static void put_steps(nip__buffer *out, const nip__history *history)
{
    const nip__value *plan = nip__get(history->first->payload, "plan");
    nip__buffer_text(out, "<h2>Plan</h2>\n<ol>\n");
    for (NIP__EACH(step, nip__get(plan, "steps"))) {
        nip__html_element(out, "li", NULL, nip__get_text(step, "title"));
        nip__buffer_char(out, '\n');
    }
    nip__buffer_text(out, "</ol>\n");
}

static void write_page(nip__buffer *out, nip__arena *arena, const nip__history *history)
{
    const char *title = nip__get_text(nip__get(history->first->payload, "plan"), "title");
    nip__html_begin(out, title != NULL ? title : history->run);
    put_state(out, history);
    put_pictures(out, arena, history);
    put_decisions(out, history);
    put_steps(out, history);
    nip__html_end(out);
}

int nip_run_page(nip_store *store, const char *id, char **html, nip_error **err)
{
    NIP_ARG(store != NULL && id != NULL && html != NULL);
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    nip__history history;
    nip__buffer buffer = NIP__BUFFER(PAGE_MAX);
    int rc = nip__history_read(arena, store, id, &history, err);
    if (rc == 0)
        write_page(&buffer, arena, &history);
    if (rc == 0 && buffer.full)
        rc = nip__fail(err, NIP_E_LIMIT, "the page of run %s would be larger than %d bytes", history.run, PAGE_MAX);
    buffer.failed |= nip__arena_failed(arena);
    char *written = rc < 0 ? NULL : nip__buffer_take(&buffer);
    nip__buffer_clear(&buffer);
    nip__arena_free(arena);
    if (rc == 0 && written == NULL)
        rc = nip__nomem(err);
    if (rc == 0)
        *html = written;
    return rc;
}
