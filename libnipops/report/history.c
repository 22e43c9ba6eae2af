/* Reading one run out of its subject's journal. */
#include "report/history.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "doc/json.h"
#include "plan/run.h"

enum { EVENTS_MAX = 1000000 };

/* An action that is out. */
typedef struct out {
    nip__event *intended;
    struct out *next;
} out;

typedef struct reader {
    nip__history *history;
    out *outs;
    bool over; /* the next run of the subject has begun */
} reader;

static int add(nip__history *history, const nip__record *record, const nip__value *payload, nip_error **err)
{
    nip__event *event = nip__arena_alloc(history->arena, sizeof *event);
    const char *kind = nip__arena_printf(history->arena, "%s", record->kind);
    if (event == NULL || kind == NULL)
        return nip__nomem(err);
    if (history->count == EVENTS_MAX)
        return nip__fail(err, NIP_E_LIMIT, "run %s has more than %d records: they are not told all at once", history->run, EVENTS_MAX);
    *event = (nip__event){.sequence = record->sequence, .kind = kind, .at = record->at, .payload = payload};
    if (history->last == NULL)
        history->first = event;
    else
        history->last->next = event;
    history->last = event;
    history->count++;
    return 0;
}

static bool is_answer(const char *kind)
{
    return strcmp(kind, "action.completed") == 0 || strcmp(kind, "action.unanswered") == 0;
}

/* Few actions are out at once. */
static void answer(reader *r, nip__event *event)
{
    const char *action = nip__get_text(event->payload, "action");
    for (out **at = &r->outs; *at != NULL; at = &(*at)->next) {
        if (!nip__text_equal(nip__get_text((*at)->intended->payload, "action"), action))
            continue;
        event->intent = (*at)->intended;
        (*at)->intended->answer = event;
        *at = (*at)->next;
        return;
    }
}

/* Ties questions and answers together. */
static int tie(reader *r, nip_error **err)
{
    nip__event *event = r->history->last;
    if (is_answer(event->kind))
        answer(r, event);
    if (strcmp(event->kind, "action.intended") != 0)
        return 0;
    out *one = nip__arena_alloc(r->history->arena, sizeof *one);
    if (one == NULL)
        return nip__nomem(err);
    *one = (out){event, r->outs};
    r->outs = one;
    return 0;
}

/* The first record names the run; what names another one is not of it. Notes name none. */
static bool is_ours(const nip__history *history, const nip__value *payload)
{
    const char *run = nip__get_text(payload, "run");
    return run == NULL || nip__text_equal(run, history->run);
}

static int take(void *data, const nip__record *record, nip_error **err)
{
    reader *r = data;
    nip__history *history = r->history;
    nip__value *payload = NULL;
    int rc = 0;
    if (record->payload != NULL)
        rc = nip__json_read(history->arena, record->payload, record->payload_length, "journal", &nip__record_limits, &payload, err);
    if (rc < 0)
        return rc;
    if (history->run == NULL)
        history->run = nip__get_text(payload, "run");
    if (!is_ours(history, payload)) {
        r->over = strcmp(record->kind, "run.planned") == 0;
        return r->over ? 1 : 0;
    }
    rc = add(history, record, payload, err);
    return rc < 0 ? rc : tie(r, err);
}

int nip__history_read(nip__arena *arena, nip_store *store, const char *id, nip__history *history, nip_error **err)
{
    char *subject = NULL;
    int64_t planned = 0;
    int rc = nip__run_locate(store, id, &subject, &planned, err);
    if (rc < 0)
        return rc;
    *history = (nip__history){.arena = arena, .subject = nip__arena_printf(arena, "%s", subject)};
    reader r = {.history = history};
    rc = nip__store_each(store, subject, planned - 1, take, &r, err);
    nip__free(subject);
    if (rc >= 0 && nip__arena_failed(arena))
        return nip__nomem(err);
    return rc < 0 ? rc : 0;
}
