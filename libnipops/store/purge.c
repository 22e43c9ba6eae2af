/* Removing payloads: retention and privacy, without breaking the chain and without taking from a run what it needs. */
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "doc/json.h"
#include "store/backend.h"

/* The run that did something last. Runs of a subject follow one another, so no other can be under way. */
typedef struct latest {
    nip__arena *arena;
    const char *id;  /* in the arena; NULL: it is over, or there was none */
    int64_t planned; /* sequence of its plan, the first record it needs */
} latest;

/* "shop-12" began with record 12. */
static int read_run(latest *found, const nip__row *row, nip_error **err)
{
    nip__value *payload = NULL;
    int rc = nip__json_read(found->arena, row->payload, row->payload_length, "payload", &nip__internal_limits, &payload,
                            err);
    if (rc < 0)
        return rc;
    const char *id = nip__get_text(payload, "run");
    const char *dash = id != NULL ? strrchr(id, '-') : NULL;
    if (dash == NULL || !nip__text_int(dash + 1, &found->planned) || found->planned < 1 ||
        found->planned > row->sequence)
        return nip__fail(err, NIP_E_CORRUPT, "record %lld of %s names no run that it could belong to",
                         (long long)row->sequence, row->subject);
    found->id = id;
    return 1;
}

/* Backwards. A run whose end is not the last thing it did is under way, one that was broken and taken up again too. */
static int find_open_run(void *data, const nip__row *row, nip_error **err)
{
    bool of_run = strncmp(row->kind, "run.", 4) == 0 || strncmp(row->kind, "step.", 5) == 0;
    if (!of_run)
        return 0;
    bool over = strcmp(row->kind, "run.ended") == 0 || row->payload == NULL;
    return over ? 1 : read_run(data, row, err);
}

static int check_not_needed(nip_store *store, const char *subject, int64_t through, nip_error **err)
{
    latest found = {.arena = nip__arena_new()};
    if (found.arena == NULL)
        return nip__nomem(err);
    int rc = nip__store_scan(store, subject, INT64_MAX, true, find_open_run, &found, err);
    if (rc == 0 && found.id != NULL && through >= found.planned)
        rc = nip__fail(
            err, NIP_E_STATE,
            "run %s of %s is not over and needs its records from %lld on: end it first, or purge through %lld at most",
            found.id, subject, (long long)found.planned, (long long)found.planned - 1);
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
