/* A record's bytes and hashes: docs of the chain in one place.
 *
 *     payload_hash = SHA-256(salt || payload)
 *     hash         = SHA-256(version || subject || sequence || epoch || kind || at || payload_hash || hash before)
 *
 * Integers are 8 bytes, big-endian; texts are preceded by their length as such an integer, so that no two records have
 * the same bytes. The record before the first has a hash of zeros. The salt keeps a purged payload from being guessed
 * from its hash. */
#ifndef NIP__RECORD_H
#define NIP__RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "nipops/base.h"

#define NIP__HASH_SIZE 32
#define NIP__SALT_SIZE 16
#define NIP__HASH_TEXT 65 /* hexadecimal digits and a NUL */

/* A record as it is stored. Lengths are those of the stored bytes, since whoever edits a store may leave anything
 * behind. */
typedef struct nip__row {
    const char *subject;
    int64_t sequence;
    int64_t epoch;
    const char *kind;
    size_t kind_length;
    nip_time at;
    const char *payload; /* NULL: purged; NUL-terminated otherwise */
    size_t payload_length;
    const unsigned char *salt; /* NULL: purged */
    size_t salt_length;
    const unsigned char *payload_hash;
    size_t payload_hash_length;
    const unsigned char *hash;
    size_t hash_length;
} nip__row;

/* A row with the bytes that sealing made. */
typedef struct nip__sealed {
    nip__row row;
    unsigned char salt[NIP__SALT_SIZE];
    unsigned char payload_hash[NIP__HASH_SIZE];
    unsigned char hash[NIP__HASH_SIZE];
} nip__sealed;

/* Computes the hashes of `sealed->row` (all but salt and hashes set; sealed->salt drawn) and points the row at them. */
void nip__record_seal(nip__sealed *sealed, const unsigned char previous[NIP__HASH_SIZE]);

/* NULL when payload and payload_hash agree (or both payload and salt were purged), else what is wrong. Static text. */
const char *nip__record_check_payload(const nip__row *row);
/* The same for the whole record, given the hash of the one before. */
const char *nip__record_check(const nip__row *row, const unsigned char previous[NIP__HASH_SIZE]);

void nip__record_hash_text(const unsigned char hash[NIP__HASH_SIZE], char text[NIP__HASH_TEXT]);

#endif
