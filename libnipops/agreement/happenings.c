/* Rollouts and incidents of a period. */
#include "agreement/happenings.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "store/store.h"

enum { HAPPENINGS_MAX = 10000 };

/* Where a kind of record gets its place: it begins something, changes it, or ends it. */
typedef struct folding {
    const nip__happenings_question *question;
    nip__arena *arena;
    const char *subject;
    nip__value *incidents, *rollouts; /* lists of {id, begin, end, ...} */
} folding;

static nip__value *find(nip__value *list, const char *key, const char *id)
{
    nip__value *item = list == NULL ? NULL : list->as.items.first;
    while (item != NULL && !nip__text_equal(nip__get_text(item, key), id))
        item = item->next;
    return item;
}

static void copy_text(nip__arena *arena, nip__value *to, const char *key, const nip__value *from, const char *path)
{
    const nip__value *value = nip__pointer(from, path);
    if (nip__is(value, NIP__STRING))
        nip__put_text(arena, to, key, value->as.string.text);
}

/* ---- rollouts ---- */

static void begin_rollout(folding *f, const nip__record *record, const nip__value *payload)
{
    if (nip__count(f->rollouts) >= HAPPENINGS_MAX)
        return;
    nip__value *made = nip__push(f->rollouts, nip__map(f->arena));
    nip__put_text(f->arena, made, "run", nip__arena_printf(f->arena, "%s-%lld", f->subject, (long long)record->sequence));
    nip__put_text(f->arena, made, "app", f->subject);
    copy_text(f->arena, made, "title", payload, "/plan/title");
    copy_text(f->arena, made, "version", payload, "/plan/release/version");
    nip__put_time(f->arena, made, "begin", record->at);
}

static void end_rollout(folding *f, const nip__record *record, const nip__value *payload)
{
    nip__value *made = find(f->rollouts, "run", nip__get_text(payload, "run"));
    copy_text(f->arena, made, "state", payload, "/state");
    copy_text(f->arena, made, "version", payload, "/release/version");
    if (made != NULL)
        nip__put_time(f->arena, made, "end", record->at);
}

/* ---- incidents ---- */

/* What people say of when it was counts more than when they said so. */
static nip_time instant(const nip__value *payload, const char *key, const nip__record *record)
{
    nip_time said = nip__get_time(payload, key, NIP_TIME_NONE);
    return said == NIP_TIME_NONE ? record->at : said;
}

static nip__value *incident_of(folding *f, const nip__record *record, const nip__value *payload)
{
    const char *id = nip__get_text(payload, "incident");
    nip__value *made = find(f->incidents, "id", id != NULL ? id : f->subject);
    if (made != NULL || nip__count(f->incidents) >= HAPPENINGS_MAX)
        return made;
    made = nip__push(f->incidents, nip__map(f->arena));
    nip__put_text(f->arena, made, "id", id != NULL ? id : f->subject);
    nip__put_time(f->arena, made, "begin", instant(payload, "began", record));
    return made;
}

static void change_incident(folding *f, const nip__record *record, const nip__value *payload)
{
    nip__value *made = incident_of(f, record, payload);
    copy_text(f->arena, made, "title", payload, "/title");
    copy_text(f->arena, made, "severity", payload, "/severity");
}

static void end_incident(folding *f, const nip__record *record, const nip__value *payload)
{
    nip__value *made = incident_of(f, record, payload);
    change_incident(f, record, payload);
    if (made != NULL)
        nip__put_time(f->arena, made, "end", instant(payload, "ended", record));
}

/* ---- reading ---- */

static const struct {
    const char *kind; /* ends with a dot: a family */
    void (*take)(folding *f, const nip__record *record, const nip__value *payload);
} kinds[] = {
    {"run.planned", begin_rollout}, {"run.ended", end_rollout}, {"incident.resolved", end_incident}, {"incident.closed", change_incident}, {"incident.", change_incident},
};

static bool is_kind(const char *kind, const char *wanted)
{
    size_t length = strlen(wanted);
    return wanted[length - 1] == '.' ? nip__text_starts(kind, wanted) : nip__text_equal(kind, wanted);
}

static int take(void *data, const nip__record *record, nip_error **err)
{
    folding *f = data;
    size_t at = 0;
    while (at < sizeof kinds / sizeof kinds[0] && !is_kind(record->kind, kinds[at].kind))
        at++;
    if (at == sizeof kinds / sizeof kinds[0] || record->payload == NULL || record->at > f->question->known)
        return 0;
    nip__value *payload = NULL;
    int rc = nip__json_read(f->arena, record->payload, record->payload_length, record->kind, &nip__record_limits, &payload, err);
    if (rc == 0)
        kinds[at].take(f, record, payload);
    return rc;
}

/* What has no end goes on. */
static bool touches(const nip__happenings_question *q, const nip__value *happening)
{
    nip_time begin = nip__get_time(happening, "begin", NIP_TIME_MAX), end = nip__get_time(happening, "end", NIP_TIME_MAX);
    return begin < nip__ms_time(q->end) && end >= nip__ms_time(q->begin);
}

static void write_list(nip__writer *writer, const char *key, const nip__happenings_question *q, const nip__value *list)
{
    nip__write_list(writer, key);
    for (NIP__EACH(item, list)) {
        if (touches(q, item))
            nip__write_value(writer, NULL, item);
    }
    nip__write_end_list(writer);
}

int nip__happenings_write(nip__writer *writer, const nip__happenings_question *question, nip_error **err)
{
    nip__arena *arena = nip__arena_new();
    folding f = {.question = question, .arena = arena, .incidents = nip__list(arena), .rollouts = nip__list(arena)};
    int rc = 0;
    for (const nip__value *journal = nip__first(question->journals); journal != NULL && rc >= 0; journal = journal->next) {
        f.subject = nip__is(journal, NIP__STRING) ? journal->as.string.text : "";
        rc = nip__store_each(question->store, f.subject, 0, take, &f, err);
    }
    if (rc >= 0 && nip__arena_failed(arena))
        rc = nip__nomem(err);
    if (rc >= 0) {
        write_list(writer, "incidents", question, f.incidents);
        write_list(writer, "rollouts", question, f.rollouts);
    }
    nip__arena_free(arena);
    return rc < 0 ? rc : 0;
}
