/* A dependency that is an SQLite file: opened to read, never made, and asked for no longer than a moment, since that is done on the
 * thread of the loop. A file from elsewhere gets no say in what is executed. */
#include "driver/dependencies.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/text.h"

#define LONGEST NIP_SECOND

enum { URI_MAX = 16 * 1024, LENGTH_MAX = 1 << 20, STEPS_BETWEEN_LOOKS = 1000 };

/* ---- opening ---- */

/* Opening a pipe would wait for a writer. */
static bool is_file(nip__inquiry *inquiry)
{
    struct stat found;
    const char *path = inquiry->address.path;
    if (stat(path, &found) == 0 && S_ISREG(found.st_mode))
        return true;
    if (errno == EACCES || errno == EPERM)
        nip__inquiry_bad(inquiry, "permission", "%s", strerrordesc_np(errno));
    else if (stat(path, &found) == 0)
        nip__inquiry_bad(inquiry, "not_a_database", "it is not a file");
    else
        nip__inquiry_bad(inquiry, "no_file", "%s", strerrordesc_np(errno));
    return false;
}

/* Whoever reads a database in WAL mode makes the two files beside it if they are not there, and they would be ours: the app could
 * write no more. When there is no log, all is in the file, which is read as it is; else only what is there is used. */
static const char *choose_manner(const char *path, const char *log)
{
    char header[20] = {0};
    FILE *file = fopen(path, "rbe");
    bool whole = file != NULL && fread(header, sizeof header, 1, file) == 1;
    if (file != NULL)
        fclose(file);
    if (!whole || header[18] != 2)
        return "";
    return access(log, F_OK) == 0 ? "?readonly_shm=1" : "?immutable=1";
}

/* NULL: no memory. */
static const char *make_uri(nip__inquiry *inquiry)
{
    const char *path = inquiry->address.path, *log = nip__arena_printf(inquiry->arena, "%s-wal", path);
    nip__buffer uri = NIP__BUFFER(URI_MAX);
    nip__buffer_text(&uri, "file:");
    for (const char *c = path; *c != '\0'; c++) {
        if (strchr("%?#", *c) != NULL)
            nip__buffer_printf(&uri, "%%%02X", (unsigned)(unsigned char)*c);
        else
            nip__buffer_char(&uri, *c);
    }
    nip__buffer_text(&uri, log != NULL ? choose_manner(path, log) : "");
    const char *made = log == NULL || uri.failed ? NULL : nip__arena_text(inquiry->arena, nip__buffer_string(&uri));
    nip__buffer_clear(&uri);
    return made;
}

static int authorize(void *unused, int what, const char *first, const char *second, const char *database, const char *trigger)
{
    static const char *const readable[] = {"user_version", "application_id", "schema_version"};
    (void)unused;
    (void)database;
    (void)trigger;
    if (what == SQLITE_SELECT || what == SQLITE_READ || what == SQLITE_FUNCTION || what == SQLITE_RECURSIVE)
        return SQLITE_OK;
    for (size_t i = 0; what == SQLITE_PRAGMA && second == NULL && i < sizeof readable / sizeof readable[0]; i++)
        if (sqlite3_stricmp(first, readable[i]) == 0)
            return SQLITE_OK;
    return SQLITE_DENY;
}

static int look_at_clock(void *until)
{
    return nip__system_monotonic() >= *(const nip_time *)until;
}

static int sort_versions(void *unused, int a_length, const void *a, int b_length, const void *b)
{
    (void)unused;
    return nip__version_compare(a, (size_t)a_length, b, (size_t)b_length);
}

/* A name in quotes that no column has must be an error and not a text. */
static void bridle(sqlite3 *db, nip_time *until)
{
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
    sqlite3_create_collation(db, NIP__VERSIONS, SQLITE_UTF8, NULL, sort_versions); /* without memory, the query fails */
    sqlite3_set_authorizer(db, authorize, NULL);
    sqlite3_progress_handler(db, STEPS_BETWEEN_LOOKS, look_at_clock, until);
}

/* ---- asking ---- */

static const char interrupted[] = "a write was interrupted, and the file cannot be read until that is finished or taken back";

/* A log that may be read, without the file that tells where in it what is: SQLite would have to make that one. */
static bool has_lonely_log(nip__inquiry *inquiry)
{
    const char *path = inquiry->address.path, *log = nip__arena_printf(inquiry->arena, "%s-wal", path), *index = nip__arena_printf(inquiry->arena, "%s-shm", path);
    return log != NULL && index != NULL && access(path, R_OK) == 0 && access(log, R_OK) == 0 && access(index, F_OK) != 0;
}

static void fail(nip__inquiry *inquiry, sqlite3 *db, int result)
{
    static const struct {
        int result;
        const char *reason, *detail; /* detail NULL: SQLite's own */
    } reasons[] = {
        {SQLITE_NOTADB, "not_a_database", "the file is not an SQLite database"},
        {SQLITE_CORRUPT, "not_a_database", "the file is damaged"},
        {SQLITE_BUSY, "busy", "it is locked"},
        {SQLITE_LOCKED, "busy", "it is locked"},
        {SQLITE_PERM, "permission", "the file cannot be read"},
        {SQLITE_CANTOPEN, "permission", "the file cannot be opened"},
        {SQLITE_READONLY, "interrupted", interrupted},
        {SQLITE_INTERRUPT, "timeout", "the query takes too long"},
        {SQLITE_AUTH, "query_failed", "the query may only read"},
    };
    if ((result & 0xff) == SQLITE_CANTOPEN && has_lonely_log(inquiry))
        result = SQLITE_READONLY;
    if (nip__arena_failed(inquiry->arena))
        result = SQLITE_NOMEM;
    if (result == SQLITE_NOMEM) {
        nip__inquiry_short(inquiry, "no_memory");
        return;
    }
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].result == (result & 0xff)) {
            nip__inquiry_bad(inquiry, reasons[i].reason, "%s", reasons[i].detail);
            return;
        }
    }
    nip__inquiry_bad(inquiry, "query_failed", "%s", sqlite3_errmsg(db));
}

static void judge_row(nip__inquiry *inquiry, sqlite3 *db, sqlite3_stmt *statement)
{
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    if (sqlite3_column_type(statement, 0) == SQLITE_NULL)
        nip__inquiry_bad(inquiry, "no_version", "its schema has no version yet");
    else if (text == NULL)
        fail(inquiry, db, sqlite3_errcode(db));
    else if (nip__get(inquiry->asked, "schema") == NULL)
        nip__inquiry_good(inquiry);
    else
        nip__inquiry_version(inquiry, text, (size_t)sqlite3_column_bytes(statement, 0));
}

static void ask(nip__inquiry *inquiry, sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    const char *rest = "";
    int result = sqlite3_prepare_v2(db, sql, -1, &statement, &rest);
    if (result == SQLITE_OK && (statement == NULL || rest[strspn(rest, " \t\r\n;")] != '\0')) {
        nip__inquiry_bad(inquiry, "query_failed", "the query must be one statement");
    } else if (result != SQLITE_OK) {
        fail(inquiry, db, result);
    } else {
        result = sqlite3_step(statement);
        if (result == SQLITE_ROW)
            judge_row(inquiry, db, statement);
        else if (result == SQLITE_DONE)
            nip__inquiry_bad(inquiry, "no_version", "the query gives no row");
        else
            fail(inquiry, db, result);
    }
    sqlite3_finalize(statement);
}

static const char *choose_query(nip__inquiry *inquiry)
{
    const nip__value *schema = nip__get(inquiry->asked, "schema");
    if (nip__get(schema, "query") != NULL)
        return nip__get_text(schema, "query");
    return nip__get(schema, "table") != NULL ? nip__inquiry_select(inquiry, schema) : "PRAGMA user_version";
}

void nip__inquire_sqlite(nip__inquiry *inquiry)
{
    sqlite3 *db = NULL;
    nip_time until = nip__system_monotonic() + (inquiry->timeout < LONGEST ? inquiry->timeout : LONGEST);
    if (!is_file(inquiry))
        return;
    const char *sql = choose_query(inquiry), *uri = make_uri(inquiry);
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    int result = uri == NULL ? SQLITE_NOMEM : sqlite3_open_v2(uri, &db, flags, NULL);
    if (sql == NULL || db == NULL)
        nip__inquiry_short(inquiry, "no_memory");
    else if (result != SQLITE_OK)
        fail(inquiry, db, result);
    else {
        bridle(db, &until);
        ask(inquiry, db, sql);
    }
    sqlite3_close(db);
}
