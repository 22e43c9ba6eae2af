/* The outbox as a fold: backwards from the newest record, run by run, until a mark says that everything before it is settled. Nothing else
 * ends it: that everybody was told of one run says nothing about the runs before. */
#include "gate/outbox.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "gate/notice.h"

typedef struct folding {
    nip__arena *arena;
    const char *subject;
    nip__outbox_look *look;
    nip__value *ends; /* of the run whose records are being read: payloads with "at" and "sequence", newest first */
    nip__value *told; /* the same of attempts, of all runs: a later run's operation tells of earlier runs, too */
    int64_t stop;            /* through of the newest mark that is older than the latest run; 0: none was met yet */
} folding;

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

bool nip__outbox_is_left(const nip__value *delivery)
{
    return !nip__text_equal(nip__get_text(delivery, "outcome"), "done") && !nip__get_bool(delivery, "given_up", false);
}

/* Is it left? */
static bool add_delivery(folding *f, const nip__value *plan, const nip__value *end, const nip__value *notice, int64_t number)
{
    nip__arena *arena = f->arena;
    const char *run = nip__get_text(end, "run");
    int64_t sequence = nip__get_int(end, "sequence", 0);
    const char *key = nip__arena_printf(arena, "%s/%lld/%lld", run, (long long)sequence, (long long)number);
    nip__value *delivery = nip__push(f->look->deliveries, nip__map(arena));
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
    return nip__outbox_is_left(delivery);
}

/* Ends come newest first: the newest that is settled counts only while none before it is left. */
static void note_end(nip__outbox_look *look, const nip__value *end, bool left)
{
    if (left)
        look->settled = 0;
    else if (look->settled == 0)
        look->settled = nip__get_int(end, "sequence", 0);
}

static void add_deliveries(folding *f, const nip__value *plan)
{
    const nip__value *notices = nip__get(nip__get(nip__get(plan, "drivers"), "notify"), "to");
    for (NIP__EACH(end, f->ends)) {
        int64_t number = 0;
        bool left = false;
        for (NIP__EACH(notice, notices)) {
            number++;
            if (nip__notice_wants(notice, nip__get_text(end, "state")))
                left |= add_delivery(f, plan, end, notice, number);
        }
        note_end(f->look, end, left);
    }
}

/* ---- reading ---- */

static void take_end(folding *f, const nip__record *record, nip__value *payload);
static void take_told(folding *f, const nip__record *record, nip__value *payload);
static void take_plan(folding *f, const nip__record *record, nip__value *payload);
static void take_mark(folding *f, const nip__record *record, nip__value *payload);

static const struct {
    const char *kind;
    void (*take)(folding *f, const nip__record *record, nip__value *payload); /* NULL as payload: it was purged, or is of no use */
} kinds[] = {{"run.ended", take_end},
             {"run.planned", take_plan},
             {NIP__NOTIFY_INTENDED, take_told},
             {NIP__NOTIFY_COMPLETED, take_told},
             {NIP__NOTIFY_SETTLED, take_mark}};

static void push_record(folding *f, nip__value *list, const nip__record *record, nip__value *payload)
{
    if (payload == NULL)
        return;
    nip__put_time(f->arena, payload, "at", record->at);
    nip__put_int(f->arena, payload, "sequence", record->sequence);
    nip__push(list, payload);
}

static void take_end(folding *f, const nip__record *record, nip__value *payload)
{
    push_record(f, f->ends, record, payload);
}

static void take_told(folding *f, const nip__record *record, nip__value *payload)
{
    push_record(f, f->told, record, payload);
}

static void take_plan(folding *f, const nip__record *record, nip__value *payload)
{
    (void)record;
    add_deliveries(f, nip__get(payload, "plan"));
    f->ends = nip__list(f->arena);
    f->look->runs++;
}

/* Marks only ever grow: the newest says the most. */
static void take_mark(folding *f, const nip__record *record, nip__value *payload)
{
    (void)record;
    int64_t through = nip__get_int(payload, "through", 0);
    if (f->look->marked == 0)
        f->look->marked = through;
    if (f->look->runs > 0 && f->stop == 0)
        f->stop = through;
}

/* Most plans tell nobody, and are large: they are not parsed to find that out. */
static bool is_of_use(const nip__record *record)
{
    static const char role[] = "\"notify\"";
    return strcmp(record->kind, "run.planned") != 0 || memmem(record->payload, record->payload_length, role, sizeof role - 1) != NULL;
}

static int read_record(void *data, const nip__record *record, nip_error **err)
{
    folding *f = data;
    nip__value *payload = NULL;
    if (record->sequence <= f->stop && nip__count(f->ends) == 0)
        return 1;
    for (size_t i = 0; record->epoch != 0 && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(record->kind, kinds[i].kind) != 0)
            continue;
        int rc = record->payload == NULL || !is_of_use(record)
                     ? 0
                     : nip__json_read(f->arena, record->payload, record->payload_length, "journal", &nip__record_limits, &payload, err);
        if (rc < 0)
            return rc;
        kinds[i].take(f, record, payload);
    }
    return 0;
}

int nip__outbox_fold(nip_store *store, const char *subject, nip__arena *arena, nip__outbox_look *look, nip_error **err)
{
    nip__outbox_look made = {.deliveries = look->deliveries != NULL ? look->deliveries : nip__list(arena)};
    folding f = {arena, subject, &made, nip__list(arena), nip__list(arena), 0};
    int rc = nip__store_each_back(store, subject, 0, read_record, &f, err);
    if (rc < 0)
        return rc;
    if (nip__arena_failed(arena))
        return nip__nomem(err);
    *look = made;
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

static int fold_all(nip_store *store, const char *subject, nip__arena *arena, nip__outbox_look *look, nip_error **err)
{
    reading r = {store, arena, nip__list(arena)};
    int rc = 0;
    if (subject != NULL)
        nip__push_text(arena, r.subjects, subject);
    else
        rc = nip__store_each_subject(store, add_subject, &r, err);
    for (NIP__EACH(name, rc >= 0 ? r.subjects : NULL)) {
        rc = nip__outbox_fold(store, name->as.string.text, arena, look, err);
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
    nip__outbox_look look = {0};
    nip__buffer text = NIP__BUFFER(nip__internal_limits.bytes);
    int rc = arena == NULL ? nip__nomem(err) : fold_all(store, subject, arena, &look, err);
    if (rc == 0)
        write_deliveries(&text, look.deliveries);
    char *taken = rc == 0 ? nip__buffer_take(&text) : NULL;
    nip__buffer_clear(&text);
    nip__arena_free(arena);
    if (rc == 0 && taken == NULL)
        return nip__nomem(err);
    if (rc == 0)
        *json = taken;
    return rc;
}
