/* The backend that lives in memory: for simulations, tests, and hosts that keep the truth elsewhere. */
#include <sodium.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/backend.h"

#define CHUNK_SIZE 262144 /* texts are cut from chunks of this size: no allocation a record */

typedef struct chunk {
    struct chunk *next;
    size_t used, size;
    char bytes[];
} chunk;

typedef struct entry {
    int64_t epoch;
    nip_time at;
    const char *kind;
    char *payload; /* NULL: purged */
    size_t kind_length, payload_length;
    unsigned char salt[NIP__SALT_SIZE];
    unsigned char payload_hash[NIP__HASH_SIZE];
    unsigned char hash[NIP__HASH_SIZE];
} entry;

typedef struct journal {
    char *subject;
    entry *entries; /* entries[i] has sequence i + 1 */
    size_t count, capacity;
    nip__lease_row *lease; /* NULL: never taken */
} journal;

typedef struct memory_store {
    nip_store base;
    chunk *chunks;
    journal **journals; /* by subject */
    size_t count, capacity;
    journal *inserted[2]; /* since begin; a transaction holds a record and at most one about it */
    size_t inserted_count;
} memory_store;

static void close_memory(nip_store *store)
{
    memory_store *memory = (memory_store *)store;
    for (size_t i = 0; i < memory->count; i++) {
        nip__free(memory->journals[i]->subject);
        nip__free(memory->journals[i]->entries);
        nip__free(memory->journals[i]->lease);
        nip__free(memory->journals[i]);
    }
    nip__free(memory->journals);
    while (memory->chunks != NULL) {
        chunk *next = memory->chunks->next;
        nip__free(memory->chunks);
        memory->chunks = next;
    }
}

/* ---- texts ---- */

static chunk *new_chunk(size_t size, chunk **place)
{
    chunk *made = nip__calloc(1, sizeof *made + size);
    if (made == NULL)
        return NULL;
    made->size = size;
    made->next = *place;
    *place = made;
    return made;
}

static char *keep_text(memory_store *memory, const char *text, size_t length)
{
    chunk *to = memory->chunks;
    if (length >= CHUNK_SIZE / 4) /* has a chunk of its own, behind the one that is being filled */
        to = new_chunk(length + 1, to == NULL ? &memory->chunks : &to->next);
    else if (to == NULL || to->size - to->used < length + 1)
        to = new_chunk(CHUNK_SIZE, &memory->chunks);
    if (to == NULL)
        return NULL;
    char *copy = to->bytes + to->used;
    to->used += length + 1;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

/* ---- journals ---- */

/* Index of the first journal whose subject is not below `subject`. */
static size_t lower_bound(const memory_store *memory, const char *subject)
{
    size_t low = 0, high = memory->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(memory->journals[middle]->subject, subject) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static journal *find_journal(const memory_store *memory, const char *subject)
{
    size_t index = lower_bound(memory, subject);
    if (index < memory->count && strcmp(memory->journals[index]->subject, subject) == 0)
        return memory->journals[index];
    return NULL;
}

static journal *add_journal(memory_store *memory, const char *subject)
{
    journal **grown = nip__grow(memory->journals, &memory->capacity, memory->count, sizeof *memory->journals);
    if (grown == NULL)
        return NULL;
    memory->journals = grown;
    journal *made = nip__calloc(1, sizeof *made);
    char *copy = nip__strdup(subject);
    if (made == NULL || copy == NULL) {
        nip__free(made);
        nip__free(copy);
        return NULL;
    }
    made->subject = copy;
    size_t index = lower_bound(memory, subject);
    memmove(memory->journals + index + 1, memory->journals + index, (memory->count - index) * sizeof *memory->journals);
    memory->journals[index] = made;
    memory->count++;
    return made;
}

static journal *find_or_add_journal(memory_store *memory, const char *subject)
{
    journal *found = find_journal(memory, subject);
    return found != NULL ? found : add_journal(memory, subject);
}

/* ---- transactions ---- */

static int begin(nip_store *store, int patience_ms, nip_error **err)
{
    (void)patience_ms;
    (void)err;
    ((memory_store *)store)->inserted_count = 0;
    return 0;
}

static int commit(nip_store *store, nip_error **err)
{
    (void)err;
    ((memory_store *)store)->inserted_count = 0;
    return 0;
}

/* Only insertions can be followed by a failure; purges and leases are the last thing in their transactions. */
static void rollback(nip_store *store)
{
    memory_store *memory = (memory_store *)store;
    while (memory->inserted_count > 0)
        memory->inserted[--memory->inserted_count]->count--;
}

static int view(nip_store *store, nip_error **err)
{
    return begin(store, 0, err);
}

/* ---- records ---- */

static int head(nip_store *store, const char *subject, nip__head *out, nip_error **err)
{
    (void)err;
    const journal *found = find_journal((memory_store *)store, subject);
    *out = (nip__head){0};
    if (found == NULL || found->count == 0)
        return 0;
    const entry *last = &found->entries[found->count - 1];
    out->sequence = (int64_t)found->count;
    out->at = last->at;
    memcpy(out->hash, last->hash, NIP__HASH_SIZE);
    return 0;
}

static int insert(nip_store *store, const nip__row *row, nip_error **err)
{
    memory_store *memory = (memory_store *)store;
    if (memory->inserted_count == sizeof memory->inserted / sizeof memory->inserted[0])
        return nip__fail(err, NIP_E_INTERNAL, "a transaction of the memory store holds two records at most");
    journal *to = find_or_add_journal(memory, row->subject);
    entry *grown = to == NULL ? NULL : nip__grow(to->entries, &to->capacity, to->count, sizeof *to->entries);
    if (grown == NULL)
        return nip__nomem(err);
    to->entries = grown;
    entry *made = &grown[to->count];
    made->kind = keep_text(memory, row->kind, row->kind_length);
    made->payload = keep_text(memory, row->payload, row->payload_length);
    if (made->kind == NULL || made->payload == NULL)
        return nip__nomem(err);
    made->kind_length = row->kind_length;
    made->payload_length = row->payload_length;
    made->epoch = row->epoch;
    made->at = row->at;
    memcpy(made->salt, row->salt, NIP__SALT_SIZE);
    memcpy(made->payload_hash, row->payload_hash, NIP__HASH_SIZE);
    memcpy(made->hash, row->hash, NIP__HASH_SIZE);
    to->count++;
    memory->inserted[memory->inserted_count++] = to;
    return 0;
}

static nip__row row_of(const journal *from, size_t index)
{
    const entry *found = &from->entries[index];
    bool purged = found->payload == NULL;
    return (nip__row){
        .subject = from->subject,
        .sequence = (int64_t)index + 1,
        .epoch = found->epoch,
        .kind = found->kind,
        .kind_length = found->kind_length,
        .at = found->at,
        .payload = found->payload,
        .payload_length = found->payload_length,
        .salt = purged ? NULL : found->salt,
        .salt_length = purged ? 0 : NIP__SALT_SIZE,
        .payload_hash = found->payload_hash,
        .payload_hash_length = NIP__HASH_SIZE,
        .hash = found->hash,
        .hash_length = NIP__HASH_SIZE,
    };
}

static int scan(nip_store *store, const char *subject, int64_t from, bool backwards, nip__visit *visit, void *data,
                nip_error **err)
{
    const journal *found = find_journal((memory_store *)store, subject);
    int64_t count = found == NULL ? 0 : (int64_t)found->count;
    int64_t start = from < 0 ? 0 : from > count + 1 ? count + 1 : from;
    int64_t index = backwards ? start - 2 : start;
    int rc = 0;
    while (rc == 0 && index >= 0 && index < count) {
        nip__row row = row_of(found, (size_t)index);
        rc = visit(data, &row, err);
        index += backwards ? -1 : 1;
    }
    return rc < 0 ? rc : 0;
}

/* Wiped, not only forgotten: chunks are not freed before the store is. */
static int purge(nip_store *store, const char *subject, int64_t through, nip_error **err)
{
    (void)err;
    journal *found = find_journal((memory_store *)store, subject);
    for (size_t i = 0; found != NULL && i < found->count && (int64_t)i < through; i++) {
        entry *gone = &found->entries[i];
        if (gone->payload == NULL)
            continue;
        sodium_memzero(gone->payload, gone->payload_length);
        sodium_memzero(gone->salt, sizeof gone->salt);
        gone->payload = NULL;
        gone->payload_length = 0;
    }
    return 0;
}

static int next_subject(nip_store *store, const char *after, char next[NIP_SUBJECT_MAX + 1], nip_error **err)
{
    (void)err;
    const memory_store *memory = (const memory_store *)store;
    for (size_t i = lower_bound(memory, after); i < memory->count; i++) {
        const journal *candidate = memory->journals[i];
        if (candidate->count == 0 || strcmp(candidate->subject, after) == 0)
            continue;
        memcpy(next, candidate->subject, strlen(candidate->subject) + 1);
        return 1;
    }
    return 0;
}

/* ---- leases ---- */

static int lease_get(nip_store *store, const char *subject, nip__lease_row *lease, nip_error **err)
{
    (void)err;
    const journal *found = find_journal((memory_store *)store, subject);
    *lease = found == NULL || found->lease == NULL ? (nip__lease_row){0} : *found->lease;
    return 0;
}

static int lease_put(nip_store *store, const char *subject, const nip__lease_row *lease, nip_error **err)
{
    journal *to = find_or_add_journal((memory_store *)store, subject);
    if (to != NULL && to->lease == NULL)
        to->lease = nip__calloc(1, sizeof *to->lease);
    if (to == NULL || to->lease == NULL)
        return nip__nomem(err);
    *to->lease = *lease;
    return 0;
}

static const nip__backend memory_backend = {
    .close = close_memory,
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

int nip__memory_open(nip_ctx *ctx, const char *url, nip_store **store, nip_error **err)
{
    nip_store *made = nip__store_alloc(sizeof(memory_store), &memory_backend, ctx, url, false);
    if (made == NULL)
        return nip__nomem(err);
    *store = made;
    return 0;
}
