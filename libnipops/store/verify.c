/* Checking a chain: record by record, against what the store's own journal says of it, and against a head that was kept
 * elsewhere. */
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "doc/json.h"
#include "store/backend.h"

typedef struct check {
    int64_t records, purged;
    int64_t last, last_purged; /* sequences */
    int64_t broken_at;         /* 0: intact so far */
    const char *reason;
    unsigned char previous[NIP__HASH_SIZE];
    unsigned char first[NIP__HASH_SIZE];

    /* What the store's own journal says. */
    const char *subject;
    bool opened;
    char opened_hash[NIP__HASH_TEXT];
    int64_t purged_through;

    /* The head kept elsewhere; sequence -1: not given. */
    int64_t head_sequence;
    char head_hash[NIP__HASH_TEXT];
    const char *head;
} check;

static void broken(check *found, int64_t sequence, const char *reason)
{
    if (found->reason != NULL)
        return; /* the first break says where to look; what follows from it does not */
    found->broken_at = sequence;
    found->reason = reason;
}

/* ---- the chain ---- */

static void compare_head(check *found, const nip__row *row)
{
    char hash[NIP__HASH_TEXT] = "";
    if (row->sequence != found->head_sequence)
        return;
    if (row->hash_length == NIP__HASH_SIZE)
        nip__record_hash_text(row->hash, hash);
    found->head = strcmp(hash, found->head_hash) == 0 ? "matches" : "differs";
}

static int check_row(void *data, const nip__row *row, nip_error **err)
{
    (void)err;
    check *found = data;
    found->records++;
    compare_head(found, row);
    if (row->payload == NULL && row->salt == NULL) {
        found->purged++;
        found->last_purged = row->sequence;
    }
    if (row->sequence != found->last + 1)
        broken(found, found->last + 1, "records are missing here");
    if (found->reason == NULL) {
        const char *problem = nip__record_check(row, found->previous);
        if (problem != NULL)
            broken(found, row->sequence, problem);
    }
    found->last = row->sequence;
    memset(found->previous, 0, NIP__HASH_SIZE);
    if (row->hash_length == NIP__HASH_SIZE)
        memcpy(found->previous, row->hash, NIP__HASH_SIZE);
    if (row->sequence == 1)
        memcpy(found->first, found->previous, NIP__HASH_SIZE);
    return 0;
}

/* ---- the store's own journal ---- */

static void take_fact(check *found, const char *kind, const nip__value *payload)
{
    const char *hash = nip__get_text(payload, "hash");
    if (!nip__text_equal(nip__get_text(payload, "subject"), found->subject))
        return;
    if (strcmp(kind, "subject.opened") == 0 && hash != NULL && strlen(hash) < NIP__HASH_TEXT) {
        found->opened = true;
        memcpy(found->opened_hash, hash, strlen(hash) + 1);
    }
    int64_t through = nip__get_int(payload, "through", 0);
    if (strcmp(kind, "journal.purged") == 0 && through > found->purged_through)
        found->purged_through = through;
}

/* Damage of the store's own journal is reported when that is verified, so records that cannot be read just say nothing
 * here. */
static int read_fact(void *data, const nip__row *row, nip_error **err)
{
    if (row->payload == NULL || nip__record_check_payload(row) != NULL)
        return 0;
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    nip__value *payload = NULL;
    nip_error *unreadable = NULL;
    int rc =
        nip__json_read(arena, row->payload, row->payload_length, NULL, &nip__document_limits, &payload, &unreadable);
    if (rc == 0)
        take_fact(data, row->kind, payload);
    nip__arena_free(arena);
    nip_error_free(unreadable);
    return rc == NIP_E_NOMEM ? nip__nomem(err) : 0;
}

static void compare_facts(check *found)
{
    char first[NIP__HASH_TEXT];
    nip__record_hash_text(found->first, first);
    if (found->opened && found->records == 0)
        broken(found, 1, "the store's own journal knows of records, but there are none");
    if (!found->opened && found->records > 0)
        broken(found, 1, "the store's own journal does not know of this one");
    if (found->opened && strcmp(first, found->opened_hash) != 0)
        broken(found, 1, "this is not the first record that the store's own journal knows: the journal was replaced");
    if (found->last_purged > found->purged_through)
        broken(found, found->last_purged, "the payload was removed, but not by a purge");
}

/* ---- a head kept elsewhere ---- */

static int read_head(check *found, const char *head, nip_error **err)
{
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    nip__value *value = NULL;
    int rc = nip__json_read(arena, head, strlen(head), "head", &nip__document_limits, &value, err);
    const char *subject = nip__get_text(value, "subject");
    const char *hash = nip__get_text(value, "hash");
    int64_t sequence = nip__get_int(value, "sequence", -1);
    bool well = sequence == 0 || (sequence > 0 && hash != NULL && strlen(hash) == NIP__HASH_TEXT - 1);
    if (rc == 0 && (subject == NULL || !well))
        rc = nip__fail(err, NIP_E_INVALID,
                       "the head is not one of a journal (nip_journal_head): subject, sequence and hash are needed");
    if (rc == 0 && strcmp(subject, found->subject) != 0)
        rc = nip__fail(err, NIP_E_INVALID, "the head is of another journal than %s", found->subject);
    if (rc == 0) {
        found->head_sequence = sequence;
        found->head = sequence == 0 ? "matches" : "missing";
        if (sequence > 0)
            memcpy(found->head_hash, hash, NIP__HASH_TEXT);
    }
    nip__arena_free(arena);
    return rc;
}

static void judge_head(check *found)
{
    if (strcmp(found->head, "missing") == 0)
        broken(found, found->last + 1, "the journal ends before the head that was kept: its tail was cut");
    if (strcmp(found->head, "differs") == 0)
        broken(found, found->head_sequence, "this is not the record whose head was kept: the journal was rewritten");
}

/* ---- the whole ---- */

/* All of one instant: records that others append meanwhile must not look like a difference between the two journals. */
static int walk(nip_store *store, check *found, nip_error **err)
{
    bool own = strcmp(found->subject, NIP__STORE_SUBJECT) == 0;
    int rc = store->backend->view(store, err);
    if (rc < 0)
        return rc;
    rc = nip__store_scan(store, found->subject, INT64_MIN, false, check_row, found, err);
    if (rc == 0 && !own)
        rc = nip__store_scan(store, NIP__STORE_SUBJECT, 0, false, read_fact, found, err);
    store->backend->rollback(store);
    if (rc == 0 && !own)
        compare_facts(found);
    if (rc == 0)
        judge_head(found);
    return rc;
}

static void write_verdict(nip__buffer *buffer, const check *found)
{
    nip__writer writer = NIP__WRITER(buffer);
    nip__write_map(&writer, NULL);
    nip__write_text(&writer, "subject", found->subject);
    nip__write_text(&writer, "verdict", found->reason == NULL ? "intact" : "broken");
    nip__write_int(&writer, "records", found->records);
    nip__write_int(&writer, "purged", found->purged);
    if (found->reason == NULL)
        nip__write_null(&writer, "broken_at");
    else
        nip__write_int(&writer, "broken_at", found->broken_at);
    nip__write_text(&writer, "reason", found->reason);
    nip__write_text(&writer, "head", found->head);
    nip__write_end_map(&writer);
}

int nip_journal_verify(nip_store *store, const char *subject, const char *head, char **json, nip_error **err)
{
    NIP_ARG(store != NULL && subject != NULL && json != NULL);
    check found = {.subject = subject, .head_sequence = -1, .head = "not_given"};
    int rc = nip__store_check_name(subject, err);
    if (rc == 0 && head != NULL)
        rc = read_head(&found, head, err);
    if (rc == 0)
        rc = walk(store, &found, err);
    if (rc < 0)
        return rc;
    nip__buffer buffer = NIP__BUFFER(4096);
    write_verdict(&buffer, &found);
    return nip__store_answer(0, &buffer, json, err);
}
