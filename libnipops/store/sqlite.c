/* The durable backend: one SQLite file in WAL mode, every commit flushed, one flush an append. */
#include "store/sqlite.h"

#include <string.h>
#include "base/error.h"
#include "store/place.h"

#define ROW "sequence, epoch, kind, at, payload_hash, hash, salt, payload"

static const char *const sql_text[NIP__SQL_COUNT] = {
    [NIP__SQL_BEGIN] = "BEGIN IMMEDIATE",
    [NIP__SQL_COMMIT] = "COMMIT",
    [NIP__SQL_ROLLBACK] = "ROLLBACK",
    [NIP__SQL_VIEW] = "BEGIN",
    [NIP__SQL_HEAD] = "SELECT sequence, at, hash FROM record WHERE subject = ?1 ORDER BY sequence DESC LIMIT 1",
    [NIP__SQL_INSERT] = "INSERT INTO record (subject, " ROW ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [NIP__SQL_UP] = "SELECT " ROW " FROM record WHERE subject = ?1 AND sequence > ?2 ORDER BY sequence",
    [NIP__SQL_DOWN] = "SELECT " ROW " FROM record WHERE subject = ?1 AND sequence < ?2 ORDER BY sequence DESC",
    [NIP__SQL_PURGE] =
        "UPDATE record SET payload = NULL, salt = NULL WHERE subject = ?1 AND sequence <= ?2 AND payload IS NOT NULL",
    [NIP__SQL_NEXT_SUBJECT] = "SELECT subject FROM record WHERE subject > ?1 ORDER BY subject LIMIT 1",
    [NIP__SQL_LEASE_GET] = "SELECT epoch, renewed, token, holder FROM lease WHERE subject = ?1",
    [NIP__SQL_LEASE_PUT] =
        "INSERT OR REPLACE INTO lease (subject, epoch, renewed, token, holder) VALUES (?1, ?2, ?3, ?4, ?5)",
};

/* ---- errors ---- */

static const struct {
    int result;
    int code;
} result_codes[] = {
    {SQLITE_BUSY, NIP_E_BUSY},         {SQLITE_LOCKED, NIP_E_BUSY},     {SQLITE_FULL, NIP_E_FULL},
    {SQLITE_READONLY, NIP_E_READONLY}, {SQLITE_CORRUPT, NIP_E_CORRUPT}, {SQLITE_NOTADB, NIP_E_CORRUPT},
    {SQLITE_NOMEM, NIP_E_NOMEM},       {SQLITE_TOOBIG, NIP_E_LIMIT},
};

static int code_of(int result, int os_errno)
{
    if (result == SQLITE_IOERR_NOMEM)
        return NIP_E_NOMEM;
    for (size_t i = 0; i < sizeof result_codes / sizeof result_codes[0]; i++) {
        if (result_codes[i].result == (result & 0xff))
            return result_codes[i].code;
    }
    return nip__place_code(os_errno);
}

int nip__sqlite_fail(nip__sqlite *sqlite, int result, const char *doing, nip_error **err)
{
    if (sqlite->db == NULL)
        return nip__nomem(err);
    const char *url = sqlite->base.url;
    int primary = result & 0xff;
    int os_errno = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN || primary == SQLITE_FULL
                       ? sqlite3_system_errno(sqlite->db)
                       : 0;
    int code = code_of(result, os_errno);
    if (code == NIP_E_NOMEM)
        return nip__nomem(err);
    if (code == NIP_E_BUSY) {
        nip__fail(err, code, "cannot %s %s: another process is writing to it; try again", doing, url);
        if (err != NULL)
            nip__error_set_retryable(*err);
        return code;
    }
    if (os_errno != 0)
        return nip__fail_errno(err, code, os_errno, "cannot %s %s: %s", doing, url, sqlite3_errstr(primary));
    return nip__fail(err, code, "cannot %s %s: %s", doing, url, sqlite3_errmsg(sqlite->db));
}

/* ---- statements ---- */

/* The kept statement, or one of its own when that is in use further up: a visitor may read the store too. */
static int take(nip__sqlite *sqlite, nip__sql which, sqlite3_stmt **statement)
{
    sqlite3_stmt *kept = sqlite->statements[which];
    if (kept != NULL && !sqlite3_stmt_busy(kept)) {
        *statement = kept;
        return SQLITE_OK;
    }
    int result = sqlite3_prepare_v3(sqlite->db, sql_text[which], -1, kept == NULL ? SQLITE_PREPARE_PERSISTENT : 0,
                                    statement, NULL);
    if (result == SQLITE_OK && kept == NULL)
        sqlite->statements[which] = *statement;
    return result;
}

static void give_back(nip__sqlite *sqlite, nip__sql which, sqlite3_stmt *statement)
{
    if (statement == NULL)
        return;
    if (statement == sqlite->statements[which]) {
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
    } else {
        sqlite3_finalize(statement);
    }
}

static int bind_text(sqlite3_stmt *statement, int index, const char *text, size_t length)
{
    return sqlite3_bind_text64(statement, index, text, length, SQLITE_STATIC, SQLITE_UTF8);
}

/* Takes a statement about one subject. On failure nothing is taken. */
static int take_for(nip__sqlite *sqlite, nip__sql which, const char *subject, sqlite3_stmt **statement)
{
    sqlite3_stmt *taken = NULL;
    int result = take(sqlite, which, &taken);
    if (result == SQLITE_OK)
        result = bind_text(taken, 1, subject, strlen(subject));
    if (result == SQLITE_OK)
        *statement = taken;
    else
        give_back(sqlite, which, taken);
    return result;
}

/* Runs a statement without parameters and results. */
static int run(nip__sqlite *sqlite, nip__sql which, const char *doing, nip_error **err)
{
    sqlite3_stmt *statement = NULL;
    int result = take(sqlite, which, &statement);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    int rc = result == SQLITE_DONE ? 0 : nip__sqlite_fail(sqlite, result, doing, err);
    give_back(sqlite, which, statement);
    return rc;
}

/* ---- transactions ---- */

static void be_patient(nip__sqlite *sqlite, int patience_ms)
{
    sqlite->patience_us = patience_ms * 1000;
}

/* SQLite rolls back by itself after some errors. */
static void rollback(nip_store *store)
{
    nip__sqlite *sqlite = (nip__sqlite *)store;
    if (!sqlite3_get_autocommit(sqlite->db))
        run(sqlite, NIP__SQL_ROLLBACK, "roll back", NULL);
}

/* A transaction is begun only when the statements that end it are at hand: preparing them later could fail for want of
 * memory and leave it open. */
static int begin_by(nip__sqlite *sqlite, nip__sql which, int patience_ms, const char *doing, nip_error **err)
{
    static const nip__sql ends[] = {NIP__SQL_COMMIT, NIP__SQL_ROLLBACK};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        sqlite3_stmt *statement = NULL;
        int result = take(sqlite, ends[i], &statement);
        if (result != SQLITE_OK)
            return nip__sqlite_fail(sqlite, result, doing, err);
        give_back(sqlite, ends[i], statement);
    }
    rollback(&sqlite->base); /* should one have been left open all the same */
    sqlite->purged = false;
    be_patient(sqlite, patience_ms);
    return run(sqlite, which, doing, err);
}

static int begin(nip_store *store, int patience_ms, nip_error **err)
{
    return begin_by((nip__sqlite *)store, NIP__SQL_BEGIN, patience_ms, "write to", err);
}

static int view(nip_store *store, nip_error **err)
{
    return begin_by((nip__sqlite *)store, NIP__SQL_VIEW, NIP__PATIENCE_STEP_MS, "read", err);
}

/* A purge is over when the log that still has the payloads is gone too. A reader may hold it for now: then the next
 * purge or the last one to close the store removes it. */
static int commit(nip_store *store, nip_error **err)
{
    nip__sqlite *sqlite = (nip__sqlite *)store;
    int rc = run(sqlite, NIP__SQL_COMMIT, "write to", err);
    if (rc == 0 && sqlite->purged)
        sqlite3_wal_checkpoint_v2(sqlite->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite->purged = false;
    return rc;
}

/* Reads outside a transaction wait for a blink at most; inside one they never wait. */
static void prepare_to_read(nip__sqlite *sqlite)
{
    if (sqlite3_get_autocommit(sqlite->db))
        be_patient(sqlite, NIP__PATIENCE_STEP_MS);
}

/* ---- records ---- */

static int read_head(sqlite3_stmt *statement, const char *subject, nip__head *head, nip_error **err)
{
    const void *hash = sqlite3_column_blob(statement, 2);
    if (hash == NULL || sqlite3_column_bytes(statement, 2) != NIP__HASH_SIZE)
        return nip__fail(err, NIP_E_CORRUPT, "the newest record of %s has a damaged hash", subject);
    head->sequence = sqlite3_column_int64(statement, 0);
    head->at = sqlite3_column_int64(statement, 1);
    memcpy(head->hash, hash, NIP__HASH_SIZE);
    return 0;
}

static int head(nip_store *store, const char *subject, nip__head *out, nip_error **err)
{
    nip__sqlite *sqlite = (nip__sqlite *)store;
    nip__head found = {0};
    sqlite3_stmt *statement = NULL;
    prepare_to_read(sqlite);
    int result = take_for(sqlite, NIP__SQL_HEAD, subject, &statement);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    int rc = 0;
    if (result == SQLITE_ROW)
        rc = read_head(statement, subject, &found, err);
    else if (result != SQLITE_DONE)
        rc = nip__sqlite_fail(sqlite, result, "read", err);
    give_back(sqlite, NIP__SQL_HEAD, statement);
    if (rc == 0)
        *out = found;
    return rc;
}

static int bind_row(sqlite3_stmt *statement, const nip__row *row)
{
    int result = sqlite3_bind_int64(statement, 2, row->sequence);
    if (result == SQLITE_OK)
        result = sqlite3_bind_int64(statement, 3, row->epoch);
    if (result == SQLITE_OK)
        result = bind_text(statement, 4, row->kind, row->kind_length);
    if (result == SQLITE_OK)
        result = sqlite3_bind_int64(statement, 5, row->at);
    if (result == SQLITE_OK)
        result = sqlite3_bind_blob64(statement, 6, row->payload_hash, row->payload_hash_length, SQLITE_STATIC);
    if (result == SQLITE_OK)
        result = sqlite3_bind_blob64(statement, 7, row->hash, row->hash_length, SQLITE_STATIC);
    if (result == SQLITE_OK)
        result = sqlite3_bind_blob64(statement, 8, row->salt, row->salt_length, SQLITE_STATIC);
    if (result == SQLITE_OK)
        result = bind_text(statement, 9, row->payload, row->payload_length);
    return result;
}

/* Ends a statement that writes and gives no rows. */
static int finish_write(nip__sqlite *sqlite, nip__sql which, sqlite3_stmt *statement, int result, nip_error **err)
{
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    int rc = result == SQLITE_DONE ? 0 : nip__sqlite_fail(sqlite, result, "write to", err);
    give_back(sqlite, which, statement);
    return rc;
}

static int insert(nip_store *store, const nip__row *row, nip_error **err)
{
    nip__sqlite *sqlite = (nip__sqlite *)store;
    sqlite3_stmt *statement = NULL;
    int result = take_for(sqlite, NIP__SQL_INSERT, row->subject, &statement);
    if (result == SQLITE_OK)
        result = bind_row(statement, row);
    return finish_write(sqlite, NIP__SQL_INSERT, statement, result, err);
}

static size_t column_length(sqlite3_stmt *statement, int column)
{
    return (size_t)sqlite3_column_bytes(statement, column);
}

/* An empty blob and NULL both give no pointer: the type tells a purged salt from a damaged one. */
static const unsigned char *column_bytes(sqlite3_stmt *statement, int column)
{
    const unsigned char *bytes = sqlite3_column_blob(statement, column);
    if (bytes == NULL && sqlite3_column_type(statement, column) != SQLITE_NULL)
        return (const unsigned char *)"";
    return bytes;
}

/* False: no memory for a text. */
static bool read_row(sqlite3_stmt *statement, const char *subject, nip__row *row)
{
    enum { SEQUENCE, EPOCH, KIND, AT, PAYLOAD_HASH, HASH, SALT, PAYLOAD };
    bool purged = sqlite3_column_type(statement, PAYLOAD) == SQLITE_NULL;
    *row = (nip__row){
        .subject = subject,
        .sequence = sqlite3_column_int64(statement, SEQUENCE),
        .epoch = sqlite3_column_int64(statement, EPOCH),
        .kind = (const char *)sqlite3_column_text(statement, KIND),
        .kind_length = column_length(statement, KIND),
        .at = sqlite3_column_int64(statement, AT),
        .payload_hash = column_bytes(statement, PAYLOAD_HASH),
        .payload_hash_length = column_length(statement, PAYLOAD_HASH),
        .hash = column_bytes(statement, HASH),
        .hash_length = column_length(statement, HASH),
        .salt = column_bytes(statement, SALT),
        .salt_length = column_length(statement, SALT),
        .payload = purged ? NULL : (const char *)sqlite3_column_text(statement, PAYLOAD),
        .payload_length = purged ? 0 : column_length(statement, PAYLOAD),
    };
    return row->kind != NULL && (purged || row->payload != NULL);
}

static int visit_rows(nip__sqlite *sqlite, sqlite3_stmt *statement, const char *subject, nip__visit *visit, void *data,
                      nip_error **err)
{
    int result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        nip__row row;
        if (!read_row(statement, subject, &row))
            return nip__nomem(err);
        int rc = visit(data, &row, err);
        if (rc != 0)
            return rc < 0 ? rc : 0;
    }
    return result == SQLITE_DONE ? 0 : nip__sqlite_fail(sqlite, result, "read", err);
}

static int scan(nip_store *store, const char *subject, int64_t from, bool backwards, nip__visit *visit, void *data,
                nip_error **err)
{
    nip__sqlite *sqlite = (nip__sqlite *)store;
    nip__sql which = backwards ? NIP__SQL_DOWN : NIP__SQL_UP;
    sqlite3_stmt *statement = NULL;
    prepare_to_read(sqlite);
    int result = take_for(sqlite, which, subject, &statement);
    if (result == SQLITE_OK)
        result = sqlite3_bind_int64(statement, 2, from);
    int rc = result == SQLITE_OK ? visit_rows(sqlite, statement, subject, visit, data, err)
                                 : nip__sqlite_fail(sqlite, result, "read", err);
    give_back(sqlite, which, statement);
    return rc;
}

static int purge(nip_store *store, const char *subject, int64_t through, nip_error **err)
{
    nip__sqlite *sqlite = (nip__sqlite *)store;
    sqlite3_stmt *statement = NULL;
    int result = take_for(sqlite, NIP__SQL_PURGE, subject, &statement);
    if (result == SQLITE_OK)
        result = sqlite3_bind_int64(statement, 2, through);
    sqlite->purged = true;
    return finish_write(sqlite, NIP__SQL_PURGE, statement, result, err);
}

static int next_subject(nip_store *store, const char *after, char next[NIP_SUBJECT_MAX + 1], nip_error **err)
{
    nip__sqlite *sqlite = (nip__sqlite *)store;
    sqlite3_stmt *statement = NULL;
    prepare_to_read(sqlite);
    int result = take_for(sqlite, NIP__SQL_NEXT_SUBJECT, after, &statement);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    int rc = 0;
    if (result == SQLITE_ROW) {
        const unsigned char *name = sqlite3_column_text(statement, 0);
        size_t length = column_length(statement, 0);
        rc = 1;
        if (name == NULL)
            rc = nip__nomem(err);
        else if (length > NIP_SUBJECT_MAX || strlen((const char *)name) != length)
            rc = nip__fail(err, NIP_E_CORRUPT, "%s holds a record whose subject is no name", store->url);
        else
            memcpy(next, name, length + 1);
    } else if (result != SQLITE_DONE) {
        rc = nip__sqlite_fail(sqlite, result, "read", err);
    }
    give_back(sqlite, NIP__SQL_NEXT_SUBJECT, statement);
    return rc;
}

/* ---- leases ---- */

/* Text that is too long was not written by this library: cut, it will not be taken for a holder's. */
static void copy_column(sqlite3_stmt *statement, int column, char *out, size_t size)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    size_t length = text == NULL ? 0 : strnlen((const char *)text, size - 1);
    if (length > 0)
        memcpy(out, text, length);
    out[length] = '\0';
}

static int lease_get(nip_store *store, const char *subject, nip__lease_row *lease, nip_error **err)
{
    nip__sqlite *sqlite = (nip__sqlite *)store;
    sqlite3_stmt *statement = NULL;
    prepare_to_read(sqlite);
    int result = take_for(sqlite, NIP__SQL_LEASE_GET, subject, &statement);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    int rc = 0;
    if (result == SQLITE_ROW || result == SQLITE_DONE)
        *lease = (nip__lease_row){0};
    else
        rc = nip__sqlite_fail(sqlite, result, "read", err);
    if (result == SQLITE_ROW) {
        lease->epoch = sqlite3_column_int64(statement, 0);
        lease->renewed = sqlite3_column_int64(statement, 1);
        copy_column(statement, 2, lease->token, sizeof lease->token);
        copy_column(statement, 3, lease->holder, sizeof lease->holder);
    }
    give_back(sqlite, NIP__SQL_LEASE_GET, statement);
    return rc;
}

static int lease_put(nip_store *store, const char *subject, const nip__lease_row *lease, nip_error **err)
{
    nip__sqlite *sqlite = (nip__sqlite *)store;
    sqlite3_stmt *statement = NULL;
    int result = take_for(sqlite, NIP__SQL_LEASE_PUT, subject, &statement);
    if (result == SQLITE_OK)
        result = sqlite3_bind_int64(statement, 2, lease->epoch);
    if (result == SQLITE_OK)
        result = sqlite3_bind_int64(statement, 3, lease->renewed);
    if (result == SQLITE_OK)
        result = bind_text(statement, 4, lease->token, strlen(lease->token));
    if (result == SQLITE_OK)
        result = bind_text(statement, 5, lease->holder, strlen(lease->holder));
    return finish_write(sqlite, NIP__SQL_LEASE_PUT, statement, result, err);
}

/* ---- life ---- */

static void close_sqlite(nip_store *store)
{
    nip__sqlite *sqlite = (nip__sqlite *)store;
    for (int i = 0; i < NIP__SQL_COUNT; i++)
        sqlite3_finalize(sqlite->statements[i]);
    sqlite3_close(sqlite->db);
}

const nip__backend nip__sqlite_backend = {
    .close = close_sqlite,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .view = view,
    .head = head,
    .insert = insert,
    .scan = scan,
    .purge = purge,
    .next_subject = next_subject,
    .lease_get = lease_get,
    .lease_put = lease_put,
};

int nip__sqlite_open(nip_ctx *ctx, const char *url, const char *path, bool readonly, nip_store **store, nip_error **err)
{
    nip_store *made = nip__store_alloc(sizeof(nip__sqlite), &nip__sqlite_backend, ctx, url, readonly);
    if (made == NULL)
        return nip__nomem(err);
    int rc = nip__sqlite_connect((nip__sqlite *)made, path, err);
    if (rc < 0)
        nip_store_free(made);
    else
        *store = made;
    return rc;
}
