/* What the tests of the store share: a folder of their own, a store of either kind in it, and answers as trees. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <ftw.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "doc/json.h"
#include "store/backend.h"

#define START "2026-11-23T05:00:00Z"
#define AT    INT64_C(1795410000000000000) /* the same instant */

typedef struct fixture {
    char folder[64];
    char path[PATH_MAX];
    char url[PATH_MAX + 8];
    nip_ctx *ctx;
    nip_store *store;
    nip__arena *arena; /* of answers */
} fixture;

static inline nip_ctx *virtual_ctx(void)
{
    nip_ctx *ctx = NULL;
    assert_int_equal(nip_ctx_new(&ctx, NULL), 0);
    assert_int_equal(nip_ctx_set(ctx, "clock", "virtual:" START, NULL), 0);
    return ctx;
}

static inline nip_store *open_store(fixture *f)
{
    nip_store *store = NULL;
    nip_error *err = NULL;
    int rc = nip_store_open(f->ctx, f->url, &store, &err);
    if (rc < 0)
        fail_msg("cannot open %s: %s", f->url, nip_error_message(err));
    return store;
}

/* A folder and a context; no store yet. */
static inline fixture *make_fixture(void)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    /* In memory where that can be: thousands of flushes of a disk that others use prove nothing more. */
    snprintf(f->folder, sizeof f->folder, "%s/nipops-store-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/store.db", f->folder);
    snprintf(f->url, sizeof f->url, "sqlite:%s", f->path);
    f->ctx = virtual_ctx();
    f->arena = nip__arena_new();
    return f;
}

static inline int setup_folder(void **state)
{
    *state = make_fixture();
    return 0;
}

static inline int setup_sqlite(void **state)
{
    fixture *f = make_fixture();
    f->store = open_store(f);
    *state = f;
    return 0;
}

static inline int setup_memory(void **state)
{
    fixture *f = make_fixture();
    snprintf(f->url, sizeof f->url, "memory:");
    f->store = open_store(f);
    *state = f;
    return 0;
}

static inline int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static inline int teardown(void **state)
{
    fixture *f = *state;
    nip_store_free(f->store);
    nip_ctx_free(f->ctx);
    nip__arena_free(f->arena);
    int rc = nftw(f->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return rc;
}

#define ON_FOLDER(test)                                                                                                \
    {                                                                                                                  \
#test, test, setup_folder, teardown, NULL                                                                      \
    }
#define ON_SQLITE(test)                                                                                                \
    {                                                                                                                  \
#test " (sqlite)", test, setup_sqlite, teardown, NULL                                                          \
    }
#define ON_BOTH(test)                                                                                                  \
    ON_SQLITE(test),                                                                                                   \
    {                                                                                                                  \
#test " (memory)", test, setup_memory, teardown, NULL                                                          \
    }

/* The call failed as it should, and its message is one line that holds `text`. */
static inline void assert_failure(int rc, nip_error *err, int code, const char *text)
{
    if (rc != code || nip_error_code(err) != code || strstr(nip_error_message(err), text) == NULL ||
        strchr(nip_error_message(err), '\n') != NULL)
        fail_msg("wanted %s with \"%s\", got %d: %s %s", nip_code_name(code), text, rc, nip_error_name(err),
                 nip_error_message(err));
    nip_error_free(err);
}

/* The same for a call that is given `&err`. */
#define assert_fails(call, code, text)                                                                                 \
    do {                                                                                                               \
        nip_error *err = NULL;                                                                                         \
        int rc = (call);                                                                                               \
        assert_failure(rc, err, code, text);                                                                           \
    } while (0)

static inline const nip__value *tree(fixture *f, char *json)
{
    nip__value *value = NULL;
    assert_non_null(json);
    char *copy = nip__arena_text(f->arena, json);
    nip_free(json);
    assert_int_equal(nip__json_read(f->arena, copy, strlen(copy), NULL, &nip__reply_limits, &value, NULL), 0);
    return value;
}

static inline int64_t append(nip_store *store, const char *subject, const char *payload)
{
    int64_t sequence = -1;
    nip_error *err = NULL;
    int rc;
    do {
        nip_error_free(err);
        err = NULL;
        rc = nip_journal_append(store, subject, -1, "note.written", AT, payload, &sequence, &err);
    } while (rc == NIP_E_BUSY);
    if (rc != 0)
        fail_msg("append: %s", nip_error_message(err));
    return sequence;
}

static inline const nip__value *read_all(fixture *f, const char *subject, int64_t after, int64_t limit)
{
    char *json = NULL;
    assert_int_equal(nip_journal_read(f->store, subject, after, limit, &json, NULL), 0);
    return tree(f, json);
}

/* Notes the sequences it is shown. */
typedef struct visit {
    fixture *f;
    int64_t seen[8];
    size_t count, stop_after;
    int answer;
} visit;

static inline int note(void *data, const nip__record *record, nip_error **err)
{
    (void)err;
    visit *v = data;
    v->seen[v->count++] = record->sequence;
    return v->count == v->stop_after ? v->answer : 0;
}

static inline const nip__value *verify(fixture *f, const char *subject, const char *head)
{
    char *json = NULL;
    assert_int_equal(nip_journal_verify(f->store, subject, head, &json, NULL), 0);
    return tree(f, json);
}

static inline void assert_text(const nip__value *map, const char *key, const char *wanted)
{
    const char *text = nip__get_text(map, key);
    if (text == NULL || strcmp(text, wanted) != 0)
        fail_msg("%s is %s, not %s, in %s", key, text == NULL ? "missing" : text, wanted, nip__json_text(map));
}

/* Edits the file behind the store's back. */
static inline void edit(fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
}

#endif
