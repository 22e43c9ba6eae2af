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
static const char **place_of(const char **table, size_t capacity, const char *key, size_t length)
{
    size_t i = nip__keys_hash(key, length) & (capacity - 1);
    while (table[i] != NULL && strcmp(table[i], key) != 0)
        i = (i + 1) & (capacity - 1);
    return &table[i];
}

static bool enlarge(nip__keys *keys)
{
    size_t capacity = keys->capacity == 0 ? 4 * NIP__KEYS_FEW : 4 * keys->capacity;
    const char **table = nip__calloc(capacity, sizeof *table);
    if (table == NULL)
        return false;
    size_t old_count = keys->table == NULL ? NIP__KEYS_FEW : keys->capacity;
    const char *const *old = keys->table == NULL ? keys->few : (const char *const *)keys->table;
    for (size_t i = 0; i < old_count; i++) {
        if (old[i] != NULL)
            *place_of(table, capacity, old[i], strlen(old[i])) = old[i];
    }
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
    const char **place = place_of(keys->table, keys->capacity, key, length);
    if (*place != NULL)
        return 0;
    *place = key;
    keys->count++;
    return 1;
}

void nip__keys_clear(nip__keys *keys)
{
    nip__free(keys->table);
    NIP__KEYS_INIT(keys);
}
