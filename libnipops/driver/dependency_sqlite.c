/* A dependency that is an SQLite file: opened to read, never made, and asked for no longer than a moment, since that is done on the
 * thread of the loop. A file from elsewhere gets no say in what is executed. */
#include "driver/dependencies.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/text.h"

#define LONGEST NIP_SECOND

enum { LENGTH_MAX = 1 << 20, STEPS_BETWEEN_LOOKS = 1000 };

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

/* A name in quotes that no column has must be an error and not a text. */
static void bridle(sqlite3 *db, nip_time *until)
{
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
    sqlite3_set_authorizer(db, authorize, NULL);
    sqlite3_progress_handler(db, STEPS_BETWEEN_LOOKS, look_at_clock, until);
}

/* ---- asking ---- */

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
        {SQLITE_READONLY, "permission", "what was left of an interrupted write cannot be read without writing"},
        {SQLITE_INTERRUPT, "timeout", "the query takes too long"},
        {SQLITE_AUTH, "query_failed", "the query may only read"},
    };
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
    const char *sql = choose_query(inquiry);
    int result = sqlite3_open_v2(inquiry->address.path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
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
