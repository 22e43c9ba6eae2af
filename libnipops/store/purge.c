/* Removing payloads: retention and privacy, without breaking the chain and without taking from a run what it needs. */
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "doc/json.h"
#include "store/backend.h"

/* Runs that are known to be over, and the latest one that is not. */
typedef struct runs {
    nip__arena *arena;
    nip__value *ended; /* list of ids */
    int64_t open;      /* sequence of the plan of a run that is not over; 0: none */
    const char *id;    /* its id, in the arena */
} runs;

static bool has_ended(const runs *found, const char *id)
{
    for (NIP__EACH(ended, found->ended)) {
        if (strcmp(ended->as.string.text, id) == 0)
            return true;
    }
    return false;
}

/* The id is copied out, so that only one payload at a time is held as a tree. */
static int read_run(nip__arena *keep, const nip__row *row, const char **id, nip_error **err)
{
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    nip__value *payload = NULL;
    int rc = nip__json_read(arena, row->payload, row->payload_length, "payload", &nip__internal_limits, &payload, err);
    *id = rc == 0 ? nip__arena_text(keep, nip__get_text(payload, "run")) : NULL;
    nip__arena_free(arena);
    return rc == 0 && nip__arena_failed(keep) ? nip__nomem(err) : rc;
}

/* Backwards: the end of a run is met before its plan. */
static int find_open_run(void *data, const nip__row *row, nip_error **err)
{
    runs *found = data;
    bool ended = strcmp(row->kind, "run.ended") == 0;
    bool planned = strcmp(row->kind, "run.planned") == 0;
    if (row->payload == NULL || (!ended && !planned))
        return 0;
    const char *id = NULL;
    int rc = read_run(found->arena, row, &id, err);
    if (rc < 0 || id == NULL)
        return rc;
    if (ended) {
        nip__push_text(found->arena, found->ended, id);
        return nip__arena_failed(found->arena) ? nip__nomem(err) : 0;
    }
    if (has_ended(found, id))
        return 0;
    found->open = row->sequence;
    found->id = id;
    return 1;
}

static int check_not_needed(nip_store *store, const char *subject, int64_t through, nip_error **err)
{
    runs found = {.arena = nip__arena_new()};
    found.ended = nip__list(found.arena);
    int rc = found.ended == NULL ? nip__nomem(err)
                                 : nip__store_scan(store, subject, INT64_MAX, true, find_open_run, &found, err);
    if (rc == 0 && found.open > 0 && through >= found.open)
        rc = nip__fail(
            err, NIP_E_STATE,
            "run %s of %s is not over and needs its records from %lld on: end it first, or purge through %lld at most",
            found.id, subject, (long long)found.open, (long long)found.open - 1);
    nip__arena_free(found.arena);
    return rc;
}

/* Payloads that vanish without this record show as broken in nip_journal_verify. */
static int record_purge(nip_store *store, const char *subject, int64_t through, nip_error **err)
{
    nip__buffer payload = NIP__BUFFER(1024);
    nip__writer writer = NIP__WRITER(&payload);
    nip__write_map(&writer, NULL);
    nip__write_text(&writer, "subject", subject);
    nip__write_int(&writer, "through", through);
    nip__write_end_map(&writer);
    nip__draft draft = {
        NIP__STORE_SUBJECT, -1, 0, "journal.purged", nip__ctx_real(store->ctx), nip__buffer_string(&payload),
        payload.length};
    nip__sealed sealed;
    int rc = payload.failed ? nip__nomem(err) : nip__append_inside(store, &draft, &sealed, err);
    nip__buffer_clear(&payload);
    return rc;
}

static int purge_inside(nip_store *store, const char *subject, int64_t through, nip_error **err)
{
    nip__head head;
    int rc = store->backend->head(store, subject, &head, err);
    if (rc == 0 && through > head.sequence)
        through = head.sequence; /* what is appended later was not meant */
    if (rc < 0 || through == 0)
        return rc;
    rc = check_not_needed(store, subject, through, err);
    if (rc == 0)
        rc = record_purge(store, subject, through, err);
    if (rc == 0)
        rc = store->backend->purge(store, subject, through, err);
    return rc;
}

int nip_journal_purge(nip_store *store, const char *subject, int64_t through, nip_error **err)
{
    NIP_ARG(store != NULL && subject != NULL && through >= 0);
    int rc = nip__store_check_subject(subject, err);
    if (rc == 0)
        rc = nip__store_begin(store, NIP__PATIENCE_CALL_MS, err);
    if (rc < 0)
        return rc;
    rc = purge_inside(store, subject, through, err);
    return nip__store_finish(store, rc, NULL, NULL, err);
}
