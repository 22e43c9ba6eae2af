/* Sets of keys: a short array while there are few, then a hash table with open addressing. */
#include "doc/keys.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "nipops/base.h"
#include "base/memory.h"

static unsigned char hash_key[crypto_shorthash_KEYBYTES];
static pthread_once_t hash_key_once = PTHREAD_ONCE_INIT;

static void make_hash_key(void)
{
    if (sodium_init() >= 0)
        crypto_shorthash_keygen(hash_key);
}

uint64_t nip__keys_hash(const char *key, size_t length)
{
    uint64_t hash;
    pthread_once(&hash_key_once, make_hash_key);
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)key, length, hash_key);
    return hash;
}

/* Length and first bytes: different for nearly all keys that differ. */
static uint64_t print_of(const char *key, size_t length)
{
    uint64_t print = 0;
    if (length >= sizeof print)
        memcpy(&print, key, sizeof print);
    else
        memcpy(&print, key, length);
    return print ^ (uint64_t)length << 56;
}

/* The key's own place in the table, or the free one where it belongs. */
static struct nip__key *place_of(struct nip__key *table, size_t capacity, uint64_t hash, const char *key)
{
    size_t i = hash & (capacity - 1);
    while (table[i].key != NULL && (table[i].hash != hash || strcmp(table[i].key, key) != 0))
        i = (i + 1) & (capacity - 1);
    return &table[i];
}

static void move(struct nip__key *table, size_t capacity, struct nip__key key)
{
    size_t i = key.hash & (capacity - 1);
    while (table[i].key != NULL)
        i = (i + 1) & (capacity - 1);
    table[i] = key;
}

static bool enlarge(nip__keys *keys)
{
    size_t capacity = keys->capacity == 0 ? 4 * NIP__KEYS_FEW : 4 * keys->capacity;
    struct nip__key *table = nip__calloc(capacity, sizeof *table);
    if (table == NULL)
        return false;
    for (size_t i = 0; i < keys->capacity; i++) {
        if (keys->table[i].key != NULL)
            move(table, capacity, keys->table[i]);
    }
    for (size_t i = 0; keys->table == NULL && i < keys->count; i++)
        move(table, capacity, (struct nip__key){nip__keys_hash(keys->few[i], strlen(keys->few[i])), keys->few[i]});
    nip__free(keys->table);
    keys->table = table;
    keys->capacity = capacity;
    return true;
}

static int add_to_few(nip__keys *keys, const char *key, size_t length)
{
    uint64_t print = print_of(key, length);
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->prints[i] == print && strcmp(keys->few[i], key) == 0)
            return 0;
    }
    keys->prints[keys->count] = print;
    keys->few[keys->count++] = key;
    return 1;
}

int nip__keys_add(nip__keys *keys, const char *key, size_t length)
{
    if (keys->table == NULL && keys->count < NIP__KEYS_FEW)
        return add_to_few(keys, key, length);
    if ((keys->table == NULL || keys->count * 2 >= keys->capacity) && !enlarge(keys))
        return NIP_E_NOMEM;
    uint64_t hash = nip__keys_hash(key, length);
    struct nip__key *place = place_of(keys->table, keys->capacity, hash, key);
    if (place->key != NULL)
        return 0;
    *place = (struct nip__key){hash, key};
    keys->count++;
    return 1;
}

void nip__keys_clear(nip__keys *keys)
{
    nip__free(keys->table);
    NIP__KEYS_INIT(keys);
}
