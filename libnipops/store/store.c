/* Opening and closing, and what the store's own files share. */
#include "nipops/store.h"

#include <string.h>
#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "store/backend.h"

static const char memory_url[] = "memory:";
static const char sqlite_prefix[] = "sqlite:";

nip_store *nip__store_alloc(size_t size, const nip__backend *backend, nip_ctx *ctx, const char *url, bool readonly)
{
    nip_store *store = nip__calloc(1, size);
    char *copy = nip__strdup(url);
    if (store == NULL || copy == NULL) {
        nip__free(store);
        nip__free(copy);
        return NULL;
    }
    store->backend = backend;
    store->ctx = nip__ctx_hold(ctx);
    store->url = copy;
    store->readonly = readonly;
    return store;
}

void nip__store_release(nip_store *store)
{
    for (size_t i = 0; i < store->sighting_count; i++)
        nip__free(store->sightings[i].subject);
    nip__free(store->sightings);
    nip__free(store->url);
    nip_ctx_free(store->ctx);
    nip__free(store);
}

static int open_sqlite(nip_ctx *ctx, const char *url, bool readonly, nip_store **store, nip_error **err)
{
    const char *path = url + sizeof sqlite_prefix - 1;
    if (path[0] == '\0')
        return nip__fail(err, NIP_E_INVALID, "the store's URL names no file: write sqlite:PATH");
    return nip__sqlite_open(ctx, url, path, readonly, store, err);
}

static int unknown_url(const char *url, nip_error **err)
{
    return nip__fail(err, NIP_E_INVALID, "a store's URL is \"memory:\" or \"sqlite:PATH\", found \"%.200s\"", url);
}

int nip_store_open(nip_ctx *ctx, const char *url, nip_store **store, nip_error **err)
{
    NIP_ARG(ctx != NULL && url != NULL && store != NULL);
    if (strcmp(url, memory_url) == 0)
        return nip__memory_open(ctx, url, store, err);
    if (nip__text_starts(url, sqlite_prefix))
        return open_sqlite(ctx, url, false, store, err);
    return unknown_url(url, err);
}

int nip_store_open_readonly(nip_ctx *ctx, const char *url, nip_store **store, nip_error **err)
{
    NIP_ARG(ctx != NULL && url != NULL && store != NULL);
    if (strcmp(url, memory_url) == 0)
        return nip__fail(err, NIP_E_INVALID,
                         "a memory store begins empty, so there is nothing to read: open it with nip_store_open");
    if (nip__text_starts(url, sqlite_prefix))
        return open_sqlite(ctx, url, true, store, err);
    return unknown_url(url, err);
}

void nip_store_free(nip_store *store)
{
    if (store == NULL)
        return;
    store->backend->close(store);
    nip__store_release(store);
}

nip_ctx *nip__store_ctx(const nip_store *store)
{
    return store->ctx;
}

const char *nip__store_url(const nip_store *store)
{
    return store->url;
}

int nip__store_check_subject(const char *subject, nip_error **err)
{
    if (nip__text_subject(subject))
        return 0;
    return nip__fail(err, NIP_E_INVALID,
                     "a subject is 1 to %d characters of A-Z a-z 0-9 . _ - and begins with a letter or digit",
                     NIP_SUBJECT_MAX);
}

int nip__store_check_name(const char *subject, nip_error **err)
{
    return strcmp(subject, NIP__STORE_SUBJECT) == 0 ? 0 : nip__store_check_subject(subject, err);
}

int nip__store_begin(nip_store *store, int patience_ms, nip_error **err)
{
    if (store->readonly)
        return nip__fail(err, NIP_E_READONLY, "%s was opened for reading only", store->url);
    if (store->scans > 0)
        return nip__fail(err, NIP_E_STATE, "%s is being read: write to it after the last record, not in between",
                         store->url);
    return store->backend->begin(store, patience_ms, err);
}

int nip__store_scan(nip_store *store, const char *subject, int64_t from, bool backwards, nip__visit *visit, void *data,
                    nip_error **err)
{
    store->scans++;
    int rc = store->backend->scan(store, subject, from, backwards, visit, data, err);
    store->scans--;
    return rc;
}

/* A commit that failed may have reached the disk all the same, so what stands there is asked before it is called a
 * failure. */
int nip__store_finish(nip_store *store, int rc, nip__stands *stands, const void *what, nip_error **err)
{
    nip_error *failure = NULL;
    if (rc == 0)
        rc = store->backend->commit(store, &failure);
    else
        stands = NULL;
    if (rc == 0)
        return 0;
    store->backend->rollback(store);
    if (stands != NULL && stands(store, what)) {
        nip_error_free(failure);
        return 0;
    }
    if (failure != NULL && err != NULL)
        *err = failure;
    else
        nip_error_free(failure);
    return rc;
}

int nip__store_answer(int rc, nip__buffer *buffer, char **json, nip_error **err)
{
    char *text = rc == 0 ? nip__buffer_take(buffer) : NULL;
    nip__buffer_clear(buffer);
    if (rc == 0 && text == NULL)
        return nip__nomem(err);
    if (rc == 0)
        *json = text;
    return rc;
}
