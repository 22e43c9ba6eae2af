/* The SQLite backend's inside, shared by its two files: sqlite_open.c makes the connection, sqlite.c works on it. */
#ifndef NIP__SQLITE_H
#define NIP__SQLITE_H

#include <sqlite3.h>
#include "store/backend.h"

typedef enum nip__sql {
    NIP__SQL_BEGIN,
    NIP__SQL_COMMIT,
    NIP__SQL_ROLLBACK,
    NIP__SQL_VIEW,
    NIP__SQL_HEAD,
    NIP__SQL_INSERT,
    NIP__SQL_UP,
    NIP__SQL_DOWN,
    NIP__SQL_PURGE,
    NIP__SQL_NEXT_SUBJECT,
    NIP__SQL_LEASE_GET,
    NIP__SQL_LEASE_PUT,
    NIP__SQL_COUNT,
} nip__sql;

typedef struct nip__sqlite {
    nip_store base;
    sqlite3 *db;
    sqlite3_stmt *statements[NIP__SQL_COUNT]; /* prepared on first use, kept */
    int patience_us;                          /* left for waiting in the present call */
    bool purged;                              /* the transaction under way removes payloads */
} nip__sqlite;

extern const nip__backend nip__sqlite_backend;

/* Opens the file, checks whose it is, makes the tables where there are none. What was opened is closed by the backend's
 * close. */
int nip__sqlite_connect(nip__sqlite *sqlite, const char *path, nip_error **err);
/* An SQLite result as an error: "cannot append to sqlite:PATH: database or disk is full". */
int nip__sqlite_fail(nip__sqlite *sqlite, int result, const char *doing, nip_error **err);

#endif
