/* The keys of one map that is being read: tells at once whether a key was there before, however many there are and
 * however they were chosen. */
#ifndef NIP__KEYS_H
#define NIP__KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NIP__KEYS_FEW = 16 };

struct nip__key {
    uint64_t hash;
    const char *key; /* NULL: free */
};

typedef struct nip__keys {
    const char *few[NIP__KEYS_FEW]; /* the first ones, and below what tells most of them apart */
    uint64_t prints[NIP__KEYS_FEW];
    struct nip__key *table; /* all of them once they are more */
    size_t count, capacity;
} nip__keys;

/* An empty set needs only `table`, `count` and `capacity` to be zero. */
#define NIP__KEYS_INIT(keys) ((keys)->table = NULL, (keys)->count = 0, (keys)->capacity = 0)

/* Adds `key` (borrowed). 1: added, 0: it was there already, < 0: NIP_E_NOMEM. */
int nip__keys_add(nip__keys *keys, const char *key, size_t length);
void nip__keys_clear(nip__keys *keys);
/* A hash that outsiders cannot steer (SipHash with a key of this process). */
uint64_t nip__keys_hash(const char *key, size_t length);

#endif
