/* Making a connection to an SQLite file that is, or is to become, a store. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "base/error.h"
#include "store/place.h"
#include "store/sqlite.h"

#define APPLICATION_ID 1852403823 /* "nipo": file(1) and we know our own */
#define SCHEMA_VERSION 1

#define TEXT_OF(number)          TEXT_OF_EXPANDED(number)
#define TEXT_OF_EXPANDED(number) #number

/* The payload stands last: a head is read without walking through a large one. */
static const char schema[] =
    "CREATE TABLE record ("
    " subject TEXT NOT NULL, sequence INTEGER NOT NULL, epoch INTEGER NOT NULL, kind TEXT NOT NULL, at INTEGER NOT "
    "NULL,"
    " payload_hash BLOB NOT NULL, hash BLOB NOT NULL, salt BLOB, payload TEXT,"
    " PRIMARY KEY (subject, sequence)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE lease ("
    " subject TEXT NOT NULL PRIMARY KEY, epoch INTEGER NOT NULL, renewed INTEGER NOT NULL, token TEXT NOT NULL,"
    " holder TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "PRAGMA application_id = " TEXT_OF(APPLICATION_ID) ";"
                                                       "PRAGMA user_version = " TEXT_OF(SCHEMA_VERSION) ";";

/* Durable with every commit; what is purged is overwritten; a file from elsewhere gets no say in what is executed. */
static const char settings[] = "PRAGMA synchronous = FULL;"
                               "PRAGMA mmap_size = 0;"
                               "PRAGMA secure_delete = ON;"
                               "PRAGMA trusted_schema = OFF;"
                               "PRAGMA cell_size_check = ON;";

typedef struct identity {
    int application_id;
    int user_version;
    int tables;
} identity;

/* Short sleeps that grow: another process's transaction takes about as long as one flush of the disk. */
static int wait_for_lock(void *data, int attempt)
{
    nip__sqlite *sqlite = data;
    int pause_us = attempt < 10 ? 200 : 1000;
    if (sqlite->patience_us < pause_us)
        return 0;
    sqlite->patience_us -= pause_us;
    nanosleep(&(struct timespec){.tv_nsec = pause_us * 1000L}, NULL);
    return 1;
}

static int ask_int(nip__sqlite *sqlite, const char *sql, int *value)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(sqlite->db, sql, -1, &statement, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    if (result == SQLITE_ROW) {
        *value = sqlite3_column_int(statement, 0);
        result = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    return result;
}

/* One moment of the file: another process may be making the store between two questions. */
static int read_identity(nip__sqlite *sqlite, identity *found, nip_error **err)
{
    int result = sqlite3_exec(sqlite->db, "SAVEPOINT identity", NULL, NULL, NULL);
    if (result == SQLITE_OK)
        result = ask_int(sqlite, "PRAGMA application_id", &found->application_id);
    if (result == SQLITE_OK)
        result = ask_int(sqlite, "PRAGMA user_version", &found->user_version);
    if (result == SQLITE_OK)
        result = ask_int(sqlite, "SELECT count(*) FROM sqlite_schema", &found->tables);
    int rc = result == SQLITE_OK ? 0 : nip__sqlite_fail(sqlite, result, "open", err);
    sqlite3_exec(sqlite->db, "RELEASE identity", NULL, NULL, NULL);
    return rc;
}

static bool is_empty(const identity *found)
{
    return found->application_id == 0 && found->user_version == 0 && found->tables == 0;
}

static int check_identity(const nip__sqlite *sqlite, const identity *found, nip_error **err)
{
    const char *url = sqlite->base.url;
    if (found->application_id != APPLICATION_ID)
        return nip__fail(err, NIP_E_STORE, "%s is a database of another program: give the store a file of its own",
                         url);
    if (found->user_version > SCHEMA_VERSION)
        return nip__fail(
            err, NIP_E_VERSION,
            "%s was written by a newer library (format %d, this library knows %d): use that or a later one", url,
            found->user_version, SCHEMA_VERSION);
    if (found->user_version < SCHEMA_VERSION)
        return nip__fail(err, NIP_E_CORRUPT, "%s has the impossible format %d", url, found->user_version);
    return 0;
}

/* SQLite does not call the busy handler while it changes the mode, which needs the file for itself for a moment. */
static int use_wal(nip__sqlite *sqlite, nip_error **err)
{
    int result, attempt = 0;
    do
        result = sqlite3_exec(sqlite->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
    while ((result & 0xff) == SQLITE_BUSY && wait_for_lock(sqlite, attempt++));
    return result == SQLITE_OK ? 0 : nip__sqlite_fail(sqlite, result, "open", err);
}

/* Another process may be making the same store at this moment: who gets the lock second finds it made. */
static int make_schema(nip__sqlite *sqlite, nip_error **err)
{
    int result = sqlite3_exec(sqlite->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (result != SQLITE_OK)
        return nip__sqlite_fail(sqlite, result, "create", err);
    identity found;
    int rc = read_identity(sqlite, &found, err);
    if (rc == 0 && is_empty(&found))
        result = sqlite3_exec(sqlite->db, schema, NULL, NULL, NULL);
    else if (rc == 0)
        rc = check_identity(sqlite, &found, err);
    if (rc == 0 && result == SQLITE_OK)
        result = sqlite3_exec(sqlite->db, "COMMIT", NULL, NULL, NULL);
    if (rc == 0 && result != SQLITE_OK)
        rc = nip__sqlite_fail(sqlite, result, "create", err);
    if (!sqlite3_get_autocommit(sqlite->db))
        sqlite3_exec(sqlite->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

static int connect(nip__sqlite *sqlite, const char *name, int flags, nip_error **err)
{
    int result = sqlite3_open_v2(name, &sqlite->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (result != SQLITE_OK)
        return nip__sqlite_fail(sqlite, result, "open", err);
    sqlite3_extended_result_codes(sqlite->db, 1);
    sqlite3_busy_handler(sqlite->db, wait_for_lock, sqlite);
    sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite->patience_us = NIP__PATIENCE_CALL_MS * 1000;
    result = sqlite3_exec(sqlite->db, settings, NULL, NULL, NULL);
    return result == SQLITE_OK ? 0 : nip__sqlite_fail(sqlite, result, "open", err);
}

static int open_for_writing(nip__sqlite *sqlite, const char *path, nip_error **err)
{
    nip__place place;
    int rc = nip__place_prepare(path, &place, err);
    if (rc == 0)
        rc = connect(sqlite, place.path, SQLITE_OPEN_READWRITE, err);
    if (rc == 0 && sqlite3_db_readonly(sqlite->db, "main") == 1)
        rc = nip__fail(err, NIP_E_READONLY, "%s may only be read", sqlite->base.url);
    identity found;
    if (rc == 0)
        rc = read_identity(sqlite, &found, err);
    if (rc == 0 && !is_empty(&found))
        rc = check_identity(sqlite, &found, err);
    if (rc == 0)
        rc = use_wal(sqlite, err);
    if (rc == 0 && is_empty(&found))
        rc = make_schema(sqlite, err);
    return rc;
}

/* "file:" and the path with everything escaped that means something in a URI. */
static void write_uri(nip__buffer *uri, const char *path)
{
    nip__buffer_text(uri, "file:");
    for (const char *p = path; *p != '\0'; p++) {
        if (*p == '%' || *p == '?' || *p == '#')
            nip__buffer_printf(uri, "%%%02x", (unsigned char)*p);
        else
            nip__buffer_char(uri, *p);
    }
    nip__buffer_text(uri, "?immutable=1");
}

/* Records that were written but not yet folded into the main file. */
static bool has_log(const nip__place *place)
{
    char log[PATH_MAX + 8];
    struct stat status;
    snprintf(log, sizeof log, "%s-wal", place->path);
    return stat(log, &status) == 0 && status.st_size > 0;
}

/* A reader of a WAL file needs a file of shared memory beside it. Where none can be made and no log waits to be folded
 * in, the main file is all there is and nobody is writing it: then it is read as one that does not change. */
static int open_for_reading(nip__sqlite *sqlite, const char *path, nip_error **err)
{
    nip__place place;
    int rc = nip__place_find(path, &place, err);
    if (rc < 0)
        return rc;
    nip__buffer name = NIP__BUFFER(4 * PATH_MAX);
    bool immutable = !place.writable && !has_log(&place);
    if (immutable)
        write_uri(&name, place.path);
    else
        nip__buffer_text(&name, place.path);
    rc = name.failed ? nip__nomem(err)
                     : connect(sqlite, name.data, SQLITE_OPEN_READONLY | (immutable ? SQLITE_OPEN_URI : 0), err);
    nip__buffer_clear(&name);
    identity found;
    if (rc == 0)
        rc = read_identity(sqlite, &found, err);
    if (rc == 0 && is_empty(&found))
        return nip__fail(err, NIP_E_NOTFOUND, "%s is empty: no store was made there yet", sqlite->base.url);
    return rc == 0 ? check_identity(sqlite, &found, err) : rc;
}

int nip__sqlite_connect(nip__sqlite *sqlite, const char *path, nip_error **err)
{
    return sqlite->base.readonly ? open_for_reading(sqlite, path, err) : open_for_writing(sqlite, path, err);
}
