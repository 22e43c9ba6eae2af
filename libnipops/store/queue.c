/* Queues: who waits for a subject's turn, as records of its journal. */
#include "store/queue.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/time.h"
#include "store/backend.h"

/* ---- the fold ---- */

static const char *text_of(nip__arena *arena, const nip__value *payload, const char *key)
{
    const char *text = nip__get_text(payload, key);
    return nip__arena_text(arena, text != NULL ? text : "");
}

static int add_entry(nip__queue *queue, const nip__record *record, const nip__value *payload, nip_error **err)
{
    nip__queue_entry *grown = nip__grow(queue->entries, &queue->capacity, queue->count, sizeof *grown);
    if (grown == NULL)
        return nip__nomem(err);
    queue->entries = grown;
    nip__queue_entry *entry = &grown[queue->count];
    *entry = (nip__queue_entry){
        .sequence = record->sequence,
        .at = record->at,
        .version = text_of(queue->arena, payload, "version"),
        .policy = text_of(queue->arena, payload, "policy"),
        .who = text_of(queue->arena, payload, "who"),
    };
    entry->known = nip__holder_read(nip__get(payload, "holder"), &entry->holder);
    if (nip__arena_failed(queue->arena))
        return nip__nomem(err);
    queue->count++;
    return 0;
}

static int end_entry(nip__queue *queue, const nip__value *payload, nip_error **err)
{
    int64_t sequence = nip__get_int(payload, "entry", 0);
    const char *why = text_of(queue->arena, payload, "why");
    if (why == NULL)
        return nip__nomem(err);
    for (size_t i = 0; i < queue->count; i++) {
        if (queue->entries[i].sequence == sequence && queue->entries[i].left == NULL)
            queue->entries[i].left = why;
    }
    return 0;
}

int nip__queue_apply(nip__queue *queue, const nip__record *record, nip_error **err)
{
    bool enters = strcmp(record->kind, "queue.entered") == 0, leaves = strcmp(record->kind, "queue.left") == 0;
    if (record->payload == NULL || (!enters && !leaves))
        return 0;
    nip__value *payload = NULL;
    int rc = nip__json_read(queue->arena, record->payload, record->payload_length, "journal", &nip__record_limits,
                            &payload, err);
    if (rc == 0)
        rc = enters ? add_entry(queue, record, payload, err) : end_entry(queue, payload, err);
    return rc;
}

void nip__queue_clear(nip__queue *queue)
{
    nip__free(queue->entries);
    *queue = (nip__queue){.arena = queue->arena};
}

static int follow(void *data, const nip__record *record, nip_error **err)
{
    nip__queue *queue = data;
    int rc = nip__queue_apply(queue, record, err);
    if (rc == 0)
        queue->seen = record->sequence;
    return rc;
}

int nip__queue_follow(nip__queue *queue, nip_store *store, const char *subject, nip_error **err)
{
    int rc = nip__store_each(store, subject, queue->seen, follow, queue, err);
    return rc < 0 ? rc : 0;
}

nip__life nip__queue_life(const nip__queue_entry *entry, nip_time now)
{
    if (nip__time_between(entry->at, now) > NIP__QUEUE_AGE_MAX)
        return NIP__LIFE_GONE;
    return entry->known ? nip__holder_life(&entry->holder) : NIP__LIFE_UNKNOWN;
}

/* ---- writing ---- */

static int append(nip_store *store, const char *subject, const char *kind, nip_time now, const nip__buffer *text,
                  int64_t *sequence, nip_error **err)
{
    if (text->failed)
        return text->full ? nip__fail(err, NIP_E_LIMIT, "who waits may have at most %d bytes", NIP_RECORD_MAX)
                          : nip__nomem(err);
    return nip__store_append(store, subject, -1, 0, kind, now, text->data, text->length, sequence, err);
}

int nip__queue_enter(nip_store *store, const char *subject, nip_time now, const char *version, const char *policy,
                     const char *who, int64_t *sequence, nip_error **err)
{
    nip__holder self;
    nip__buffer text = NIP__BUFFER(NIP_RECORD_MAX);
    nip__writer writer = NIP__WRITER(&text);
    nip__holder_self(&self, now);
    nip__write_map(&writer, NULL);
    nip__write_text(&writer, "version", version);
    nip__write_text(&writer, "policy", policy);
    nip__write_text(&writer, "who", who);
    nip__holder_write(&writer, "holder", &self);
    nip__write_end_map(&writer);
    int rc = append(store, subject, "queue.entered", now, &text, sequence, err);
    nip__buffer_clear(&text);
    return rc;
}

int nip__queue_leave(nip_store *store, const char *subject, nip_time now, int64_t entry, const char *why,
                     nip_error **err)
{
    nip__buffer text = NIP__BUFFER(4096);
    nip__writer writer = NIP__WRITER(&text);
    nip__write_map(&writer, NULL);
    nip__write_int(&writer, "entry", entry);
    nip__write_text(&writer, "why", why);
    nip__write_end_map(&writer);
    int rc = append(store, subject, "queue.left", now, &text, NULL, err);
    nip__buffer_clear(&text);
    return rc;
}

/* ---- asking ---- */

typedef struct horizon {
    nip_time oldest; /* nobody waits since before then */
    int64_t after;   /* out: records up to here are older */
} horizon;

static int find_horizon(void *data, const nip__record *record, nip_error **err)
{
    (void)err;
    horizon *h = data;
    if (record->at >= h->oldest)
        return 0;
    h->after = record->sequence;
    return 1;
}

static void write_entry(nip__writer *writer, const nip__queue_entry *entry, nip__life life)
{
    nip__write_map(writer, NULL);
    nip__write_int(writer, "sequence", entry->sequence);
    nip__write_time(writer, "at", entry->at);
    nip__write_text(writer, "version", entry->version);
    nip__write_text(writer, "policy", entry->policy);
    nip__write_text(writer, "who", entry->who);
    if (entry->known)
        nip__holder_write(writer, "holder", &entry->holder);
    else
        nip__write_null(writer, "holder");
    if (life == NIP__LIFE_UNKNOWN)
        nip__write_null(writer, "alive");
    else
        nip__write_bool(writer, "alive", true);
    nip__write_end_map(writer);
}

static void write_queue(nip__buffer *text, const nip__queue *queue, nip_time now)
{
    nip__writer writer = NIP__WRITER(text);
    nip__write_list(&writer, NULL);
    for (size_t i = 0; i < queue->count; i++) {
        nip__life life = nip__queue_life(&queue->entries[i], now);
        if (queue->entries[i].left == NULL && life != NIP__LIFE_GONE)
            write_entry(&writer, &queue->entries[i], life);
    }
    nip__write_end_list(&writer);
}

int nip_queue_read(nip_store *store, const char *subject, char **json, nip_error **err)
{
    NIP_ARG(store != NULL && subject != NULL && json != NULL);
    nip_time now = nip__ctx_real(store->ctx);
    horizon h = {.oldest = now - NIP__QUEUE_AGE_MAX};
    nip__queue queue = {.arena = nip__arena_new()};
    nip__buffer text = NIP__BUFFER(NIP__PAYLOAD_MAX);
    int rc = queue.arena == NULL ? nip__nomem(err) : nip__store_check_subject(subject, err);
    if (rc == 0)
        rc = nip__store_each_back(store, subject, INT64_MAX, find_horizon, &h, err);
    queue.seen = h.after;
    if (rc >= 0)
        rc = nip__queue_follow(&queue, store, subject, err);
    if (rc == 0)
        write_queue(&text, &queue, now);
    nip__queue_clear(&queue);
    nip__arena_free(queue.arena);
    return nip__store_answer(rc, &text, json, err);
}
