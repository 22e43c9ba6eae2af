/* Leases: who drives a subject. Taking one raises its epoch, and an append under an older epoch fails. */
#include <sodium.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/time.h"
#include "store/abandoned.h"
#include "store/backend.h"

/* A holder that cannot be seen from here counts as gone when its lease was not renewed for this long. */
#define TIME_TO_LIVE (15 * NIP_SECOND)

/* A lease as this observer sees it. */
typedef struct standing {
    nip__lease_row row;
    nip__holder holder;
    bool known;        /* the holder could be read */
    nip__life life;    /* UNKNOWN: not renewed for less than the time to live */
    nip_duration wait; /* UNKNOWN: how long it takes until it counts as gone */
} standing;

/* ---- observing ---- */

static int find_sighting(nip_store *store, const char *subject, nip__sighting **found, nip_error **err)
{
    for (size_t i = 0; i < store->sighting_count; i++) {
        if (strcmp(store->sightings[i].subject, subject) == 0) {
            *found = &store->sightings[i];
            return 0;
        }
    }
    nip__sighting *grown = nip__grow(store->sightings, &store->sighting_capacity, store->sighting_count, sizeof *grown);
    if (grown == NULL)
        return nip__nomem(err);
    store->sightings = grown;
    char *copy = nip__strdup(subject);
    if (copy == NULL)
        return nip__nomem(err);
    grown[store->sighting_count] = (nip__sighting){.subject = copy, .renewed = -1};
    *found = &grown[store->sighting_count++];
    return 0;
}

/* Clocks of two machines cannot be compared, so what counts is how long the lease has looked the same from here. */
static int observe(nip_store *store, const char *subject, standing *now, nip_error **err)
{
    nip__sighting *seen = NULL;
    int rc = find_sighting(store, subject, &seen, err);
    if (rc < 0)
        return rc;
    nip_time present = nip__ctx_monotonic(store->ctx);
    bool same =
        seen->epoch == now->row.epoch && seen->renewed == now->row.renewed && strcmp(seen->token, now->row.token) == 0;
    if (!same) {
        seen->epoch = now->row.epoch;
        seen->renewed = now->row.renewed;
        seen->since = present;
        memcpy(seen->token, now->row.token, sizeof seen->token);
    }
    now->wait = nip__time_between(present, nip__time_add(seen->since, TIME_TO_LIVE));
    now->life = now->wait > 0 ? NIP__LIFE_UNKNOWN : NIP__LIFE_GONE;
    return 0;
}

static int read_holder(standing *now, nip_error **err)
{
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    nip__value *value = NULL;
    nip_error *unreadable = NULL;
    int rc = nip__json_read(arena, now->row.holder, strlen(now->row.holder), "holder", &nip__document_limits, &value,
                            &unreadable);
    now->known = rc == 0 && nip__holder_read(value, &now->holder);
    nip__arena_free(arena);
    nip_error_free(unreadable);
    return rc == NIP_E_NOMEM ? nip__nomem(err) : 0;
}

static int look(nip_store *store, const char *subject, standing *now, nip_error **err)
{
    *now = (standing){.life = NIP__LIFE_GONE};
    int rc = store->backend->lease_get(store, subject, &now->row, err);
    if (rc < 0 || now->row.holder[0] == '\0')
        return rc;
    rc = read_holder(now, err);
    if (rc < 0)
        return rc;
    now->life = now->known ? nip__holder_life(&now->holder) : NIP__LIFE_UNKNOWN;
    if (now->life == NIP__LIFE_SELF && nip__abandoned_is(store->url, subject, now->row.epoch, now->row.token))
        now->life = NIP__LIFE_GONE;
    return now->life == NIP__LIFE_UNKNOWN ? observe(store, subject, now, err) : 0;
}

/* ---- taking ---- */

static void describe(nip__buffer *text, const char *subject, const standing *now)
{
    const nip__holder *holder = &now->holder;
    nip__buffer_text(text, subject);
    if (now->life == NIP__LIFE_SELF) {
        nip__buffer_text(text, " is driven by this process already: end or free that run first");
        return;
    }
    if (now->known) {
        nip__buffer_printf(text, " is driven by process %lld on host %s since ", (long long)holder->pid, holder->name);
        nip__time_write(text, holder->since);
    } else {
        nip__buffer_text(text, " is driven by a process that this library cannot make out");
    }
    if (now->life == NIP__LIFE_ALIVE) {
        nip__buffer_text(text, "; it is alive: wait for it, ask it to pause or abort, or end it");
        return;
    }
    nip__buffer_text(
        text, "; whether it is alive cannot be seen from here: it counts as gone when it stays silent, try again in ");
    nip__duration_write_short(text, now->wait);
}

static int held(const char *subject, const standing *now, nip_error **err)
{
    nip__buffer text = NIP__BUFFER(1024);
    describe(&text, subject, now);
    int rc = nip__fail(err, NIP_E_HELD, "%s", nip__buffer_string(&text));
    nip__buffer_clear(&text);
    if (now->life == NIP__LIFE_UNKNOWN && err != NULL)
        nip__error_set_retryable(*err);
    return rc;
}

static int write_holder(nip__lease_row *row, nip_time since, nip_error **err)
{
    nip__holder self;
    nip__holder_self(&self, since);
    nip__buffer buffer = NIP__BUFFER(sizeof row->holder - 1);
    nip__writer writer = NIP__WRITER(&buffer);
    nip__holder_write(&writer, NULL, &self);
    bool failed = buffer.failed;
    if (!failed)
        memcpy(row->holder, buffer.data, buffer.length + 1);
    nip__buffer_clear(&buffer);
    return failed ? nip__nomem(err) : 0;
}

static int take_inside(nip_store *store, const char *subject, nip__lease_row *row, nip_error **err)
{
    standing now;
    int rc = look(store, subject, &now, err);
    if (rc < 0)
        return rc;
    if (now.life != NIP__LIFE_GONE)
        return held(subject, &now, err);
    if (now.row.epoch < 0 || now.row.epoch == INT64_MAX)
        return nip__fail(err, NIP_E_CORRUPT, "the lease of %s has the impossible epoch %lld", subject,
                         (long long)now.row.epoch);
    *row = (nip__lease_row){.epoch = now.row.epoch + 1};
    unsigned char token[16];
    nip__ctx_random(store->ctx, token, sizeof token);
    sodium_bin2hex(row->token, sizeof row->token, token, sizeof token);
    rc = write_holder(row, nip__ctx_real(store->ctx), err);
    return rc < 0 ? rc : store->backend->lease_put(store, subject, row, err);
}

/* What a failed commit was to write, and whether it did. */
typedef struct wanted {
    const char *subject;
    const nip__lease_row *row;
} wanted;

static bool stands_so(nip_store *store, const void *what)
{
    const wanted *lease = what;
    nip__lease_row row;
    return store->backend->lease_get(store, lease->subject, &row, NULL) == 0 && row.epoch == lease->row->epoch &&
           row.renewed == lease->row->renewed && strcmp(row.token, lease->row->token) == 0;
}

int nip__lease_take(nip_store *store, const char *subject, nip__lease *lease, nip_error **err)
{
    NIP_ARG(store != NULL && subject != NULL && lease != NULL);
    int rc = nip__store_check_subject(subject, err);
    if (rc == 0)
        rc = nip__store_begin(store, NIP__PATIENCE_CALL_MS, err);
    if (rc < 0)
        return rc;
    nip__lease_row row = {0};
    rc = take_inside(store, subject, &row, err);
    rc = nip__store_finish(store, rc, stands_so, &(wanted){subject, &row}, err);
    if (rc < 0 && row.epoch > 0) /* it may stand there all the same, and nobody has it */
        nip__abandoned_note(store->url, subject, row.epoch, row.token);
    if (rc < 0)
        return rc;
    lease->epoch = row.epoch;
    memcpy(lease->token, row.token, sizeof lease->token);
    return 0;
}

/* ---- holding ---- */

static int fenced(const char *subject, int64_t epoch, int64_t present, nip_error **err)
{
    if (present == epoch)
        return nip__fail(err, NIP_E_FENCED, "the lease of %s with epoch %lld was given back: it can no longer be used",
                         subject, (long long)epoch);
    return nip__fail(err, NIP_E_FENCED,
                     "the lease of %s was taken over: its epoch is %lld, this holder's %lld; stop driving it", subject,
                     (long long)present, (long long)epoch);
}

int nip__lease_check(nip_store *store, const char *subject, int64_t epoch, nip_error **err)
{
    nip__lease_row row;
    int rc = store->backend->lease_get(store, subject, &row, err);
    if (rc == 0 && (row.epoch != epoch || row.holder[0] == '\0'))
        rc = fenced(subject, epoch, row.epoch, err);
    return rc;
}

static void renew(nip__lease_row *row)
{
    row->renewed = row->renewed < INT64_MAX ? row->renewed + 1 : 0;
}

static void release(nip__lease_row *row)
{
    row->token[0] = '\0';
    row->holder[0] = '\0';
}

/* Changes a lease that `lease` still holds. */
static int change(nip_store *store, const char *subject, const nip__lease *lease, void (*make)(nip__lease_row *row),
                  int patience_ms, nip_error **err)
{
    int rc = nip__store_begin(store, patience_ms, err);
    if (rc < 0)
        return rc;
    nip__lease_row row = {0};
    rc = store->backend->lease_get(store, subject, &row, err);
    if (rc == 0 && (row.epoch != lease->epoch || strcmp(row.token, lease->token) != 0))
        rc = fenced(subject, lease->epoch, row.epoch, err);
    if (rc == 0) {
        make(&row);
        rc = store->backend->lease_put(store, subject, &row, err);
    }
    return nip__store_finish(store, rc, stands_so, &(wanted){subject, &row}, err);
}

int nip__lease_renew(nip_store *store, const char *subject, const nip__lease *lease, nip_error **err)
{
    NIP_ARG(store != NULL && subject != NULL && lease != NULL);
    return change(store, subject, lease, renew, NIP__PATIENCE_STEP_MS, err);
}

int nip__lease_release(nip_store *store, const char *subject, const nip__lease *lease, nip_error **err)
{
    NIP_ARG(store != NULL && subject != NULL && lease != NULL);
    int rc = change(store, subject, lease, release, NIP__PATIENCE_CALL_MS, err);
    if (rc < 0 && rc != NIP_E_FENCED)
        nip__abandoned_note(store->url, subject, lease->epoch, lease->token);
    return rc;
}

/* ---- asking ---- */

/* A holder of which nothing is known yet counts as living: saying that nobody drives would invite a second driver. */
int nip__lease_held(nip_store *store, const char *subject, bool *held_now, nip_error **err)
{
    NIP_ARG(store != NULL && subject != NULL && held_now != NULL);
    standing now;
    int rc = look(store, subject, &now, err);
    if (rc == 0)
        *held_now = now.life != NIP__LIFE_GONE;
    return rc;
}

static void write_standing(nip__buffer *buffer, const standing *now)
{
    nip__writer writer = NIP__WRITER(buffer);
    nip__write_map(&writer, NULL);
    if (now->known)
        nip__holder_write(&writer, "holder", &now->holder);
    else
        nip__write_null(&writer, "holder");
    nip__write_int(&writer, "epoch", now->row.epoch);
    if (now->life == NIP__LIFE_UNKNOWN)
        nip__write_null(&writer, "alive");
    else
        nip__write_bool(&writer, "alive", now->life != NIP__LIFE_GONE);
    nip__write_end_map(&writer);
}

int nip_lease_read(nip_store *store, const char *subject, char **json, nip_error **err)
{
    NIP_ARG(store != NULL && subject != NULL && json != NULL);
    standing now;
    int rc = nip__store_check_subject(subject, err);
    if (rc == 0)
        rc = look(store, subject, &now, err);
    if (rc < 0)
        return rc;
    nip__buffer buffer = NIP__BUFFER(4096);
    if (now.row.epoch == 0)
        nip__buffer_text(&buffer, "null");
    else
        write_standing(&buffer, &now);
    return nip__store_answer(0, &buffer, json, err);
}
