/* The outbox as a fold: backwards from the newest record, run by run, until one is met of which everybody was told. */
#include "gate/outbox.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "gate/notice.h"

typedef struct folding {
    nip__arena *arena;
    const char *subject;
    nip__value *deliveries;
    nip__value *ends, *told; /* of the run whose records are being read: payloads with "at" and "sequence", newest first */
    int silent;              /* runs that told nobody, in a row */
} folding;

enum { SILENT_MAX = 20 }; /* behind so many of them nothing is looked for: most journals never tell anybody */

/* ---- one delivery ---- */

static void put_event(folding *f, nip__value *delivery, const nip__value *plan, const nip__value *end, const char *key)
{
    static const char *const copied[] = {"state", "reason", "message", "run", NULL};
    nip__arena *arena = f->arena;
    nip__value *event = nip__put(arena, delivery, "event", nip__map(arena));
    nip__put_int(arena, event, "v", 1);
    nip__put_text(arena, event, "event", "run.ended");
    nip__put_text(arena, event, "key", key);
    nip__put_text(arena, event, "app", f->subject);
    nip__put_text(arena, event, "title", nip__get_text(plan, "title"));
    for (size_t i = 0; copied[i] != NULL; i++)
        nip__put(arena, event, copied[i], nip__share(arena, nip__get(end, copied[i])));
    nip__put(arena, event, "at", nip__share(arena, nip__get(end, "at")));
    const char *version = nip__get_text(nip__get(end, "release"), "version");
    nip__put(arena, event, "version", version != NULL ? nip__string(arena, version) : nip__null(arena));
}

/* What the journal says of the attempts so far. Records are newest first: the first answer is the last word. */
static void put_outcome(folding *f, nip__value *delivery, int64_t end, int64_t number)
{
    static const char *const copied[] = {"reason", "message", "at", NULL};
    nip__arena *arena = f->arena;
    int64_t attempts = 0;
    const nip__value *last = NULL;
    for (NIP__EACH(record, f->told)) {
        if (nip__get_int(record, "end", 0) != end || nip__get_int(record, "number", 0) != number)
            continue;
        int64_t attempt = nip__get_int(record, "attempt", 0);
        attempts = attempt > attempts ? attempt : attempts;
        if (last == NULL && nip__get(record, "outcome") != NULL)
            last = record;
    }
    const char *outcome = nip__get_text(last, "outcome");
    bool given_up = nip__get_bool(last, "given_up", false) && !nip__text_equal(outcome, "done");
    nip__put_text(arena, delivery, "outcome", outcome != NULL ? outcome : "pending");
    nip__put_int(arena, delivery, "attempts", attempts);
    nip__put_bool(arena, delivery, "given_up", given_up);
    for (size_t i = 0; copied[i] != NULL; i++) {
        const nip__value *value = nip__get(last, copied[i]);
        nip__put(arena, delivery, copied[i], value != NULL ? nip__share(arena, value) : nip__null(arena));
    }
}

static bool add_delivery(folding *f, const nip__value *plan, const nip__value *end, const nip__value *notice, int64_t number)
{
    nip__arena *arena = f->arena;
    const char *run = nip__get_text(end, "run");
    int64_t sequence = nip__get_int(end, "sequence", 0);
    const char *key = nip__arena_printf(arena, "%s/%lld/%lld", run, (long long)sequence, (long long)number);
    nip__value *delivery = nip__push(f->deliveries, nip__map(arena));
    nip__put_text(arena, delivery, "run", run);
    nip__put_text(arena, delivery, "subject", f->subject);
    nip__put_int(arena, delivery, "end", sequence);
    nip__put_text(arena, delivery, "state", nip__get_text(end, "state"));
    nip__put_int(arena, delivery, "number", number);
    nip__put_text(arena, delivery, "to", nip__notice_label(arena, notice));
    put_outcome(f, delivery, sequence, number);
    nip__put(arena, delivery, "notice", nip__share(arena, notice));
    nip__put_text(arena, delivery, "key", key);
    put_event(f, delivery, plan, end, key);
    return !nip__text_equal(nip__get_text(delivery, "outcome"), "done") && !nip__get_bool(delivery, "given_up", false);
}

/* All of a run. Is one left that is still to be made? */
static bool add_deliveries(folding *f, const nip__value *plan)
{
    const nip__value *notices = nip__get(nip__get(nip__get(plan, "drivers"), "notify"), "to");
    bool left = false;
    for (NIP__EACH(end, f->ends)) {
        int64_t number = 0;
        for (NIP__EACH(notice, notices)) {
            number++;
            if (nip__notice_wants(notice, nip__get_text(end, "state")))
                left |= add_delivery(f, plan, end, notice, number);
        }
    }
    return left;
}

/* ---- reading ---- */

static bool is_ours(const nip__record *record)
{
    static const char *const kinds[] = {"run.planned", "run.ended", NIP__NOTIFY_INTENDED, NIP__NOTIFY_COMPLETED};
    for (size_t i = 0; record->payload != NULL && record->epoch != 0 && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(record->kind, kinds[i]) == 0)
            return true;
    }
    return false;
}

/* A run's own end sees to the runs before it. So the search is over at the first of which everybody was told. */
static bool finish_run(folding *f, const nip__value *plan)
{
    size_t before = nip__count(f->deliveries);
    bool left = add_deliveries(f, plan), told = nip__count(f->deliveries) > before;
    f->ends = nip__list(f->arena);
    f->told = nip__list(f->arena);
    f->silent = told ? 0 : f->silent + 1;
    return (told && !left) || f->silent >= SILENT_MAX;
}

static int take_record(folding *f, const nip__record *record, nip__value *payload)
{
    if (strcmp(record->kind, "run.planned") == 0)
        return finish_run(f, nip__get(payload, "plan"));
    nip__put_time(f->arena, payload, "at", record->at);
    nip__put_int(f->arena, payload, "sequence", record->sequence);
    nip__push(strcmp(record->kind, "run.ended") == 0 ? f->ends : f->told, payload);
    return 0;
}

static int read_record(void *data, const nip__record *record, nip_error **err)
{
    folding *f = data;
    nip__value *payload = NULL;
    if (!is_ours(record))
        return 0;
    int rc = nip__json_read(f->arena, record->payload, record->payload_length, "journal", &nip__record_limits, &payload, err);
    return rc < 0 ? rc : take_record(f, record, payload);
}

int nip__outbox_fold(nip_store *store, const char *subject, nip__arena *arena, nip__value **deliveries, nip_error **err)
{
    folding f = {arena, subject, *deliveries != NULL ? *deliveries : nip__list(arena), nip__list(arena), nip__list(arena), 0};
    int rc = nip__store_each_back(store, subject, 0, read_record, &f, err);
    if (rc < 0)
        return rc;
    if (nip__arena_failed(arena))
        return nip__nomem(err);
    *deliveries = f.deliveries;
    return 0;
}

/* ---- for people ---- */

typedef struct reading {
    nip_store *store;
    nip__arena *arena;
    nip__value *subjects;
} reading;

static int add_subject(void *data, const char *subject, int64_t sequence)
{
    (void)sequence;
    reading *r = data;
    nip__push_text(r->arena, r->subjects, subject);
    return 0;
}

static int fold_all(nip_store *store, const char *subject, nip__arena *arena, nip__value **deliveries, nip_error **err)
{
    reading r = {store, arena, nip__list(arena)};
    int rc = 0;
    if (subject != NULL)
        nip__push_text(arena, r.subjects, subject);
    else
        rc = nip__store_each_subject(store, add_subject, &r, err);
    for (NIP__EACH(name, rc >= 0 ? r.subjects : NULL)) {
        rc = nip__outbox_fold(store, name->as.string.text, arena, deliveries, err);
        if (rc < 0)
            break;
    }
    return rc < 0 ? rc : 0;
}

static void write_deliveries(nip__buffer *text, const nip__value *deliveries)
{
    static const char *const shown[] = {"run", "subject", "end", "state", "number", "to", "outcome", "attempts", "given_up", "reason", "message", "at", NULL};
    nip__writer w = NIP__WRITER(text);
    nip__write_list(&w, NULL);
    for (NIP__EACH(delivery, deliveries)) {
        nip__write_map(&w, NULL);
        for (size_t i = 0; shown[i] != NULL; i++)
            nip__write_value(&w, shown[i], nip__get(delivery, shown[i]));
        nip__write_end_map(&w);
    }
    nip__write_end_list(&w);
}

int nip_outbox_read(nip_store *store, const char *subject, char **json, nip_error **err)
{
    NIP_ARG(store != NULL && json != NULL);
    if (subject != NULL && !nip__text_subject(subject))
        return nip__fail(err, NIP_E_INVALID, "\"%.200s\" is no subject", subject);
    nip__arena *arena = nip__arena_new();
    nip__value *deliveries = NULL;
    nip__buffer text = NIP__BUFFER(nip__internal_limits.bytes);
    int rc = arena == NULL ? nip__nomem(err) : fold_all(store, subject, arena, &deliveries, err);
    if (rc == 0)
        write_deliveries(&text, deliveries);
    char *taken = rc == 0 ? nip__buffer_take(&text) : NULL;
    nip__buffer_clear(&text);
    nip__arena_free(arena);
    if (rc == 0 && taken == NULL)
        return nip__nomem(err);
    if (rc == 0)
        *json = taken;
    return rc;
}
