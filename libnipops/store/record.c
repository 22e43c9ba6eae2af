/* The canonical bytes of a record and their hashes. */
#include "store/record.h"

#include <sodium.h>
#include <string.h>

#define FORMAT_VERSION 1

static void add_int(crypto_hash_sha256_state *state, int64_t value)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)value >> (56 - 8 * i));
    crypto_hash_sha256_update(state, bytes, sizeof bytes);
}

static void add_text(crypto_hash_sha256_state *state, const char *text, size_t length)
{
    add_int(state, (int64_t)length);
    crypto_hash_sha256_update(state, (const unsigned char *)text, length);
}

static void hash_payload(const nip__row *row, unsigned char out[NIP__HASH_SIZE])
{
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, row->salt, row->salt_length);
    crypto_hash_sha256_update(&state, (const unsigned char *)row->payload, row->payload_length);
    crypto_hash_sha256_final(&state, out);
}

static void hash_record(const nip__row *row, const unsigned char previous[NIP__HASH_SIZE],
                        unsigned char out[NIP__HASH_SIZE])
{
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    add_int(&state, FORMAT_VERSION);
    add_text(&state, row->subject, strlen(row->subject));
    add_int(&state, row->sequence);
    add_int(&state, row->epoch);
    add_text(&state, row->kind, row->kind_length);
    add_int(&state, row->at);
    crypto_hash_sha256_update(&state, row->payload_hash, NIP__HASH_SIZE);
    crypto_hash_sha256_update(&state, previous, NIP__HASH_SIZE);
    crypto_hash_sha256_final(&state, out);
}

void nip__record_seal(nip__sealed *sealed, const unsigned char previous[NIP__HASH_SIZE])
{
    nip__row *row = &sealed->row;
    row->salt = sealed->salt;
    row->salt_length = NIP__SALT_SIZE;
    row->payload_hash = sealed->payload_hash;
    row->payload_hash_length = NIP__HASH_SIZE;
    row->hash = sealed->hash;
    row->hash_length = NIP__HASH_SIZE;
    hash_payload(row, sealed->payload_hash);
    hash_record(row, previous, sealed->hash);
}

const char *nip__record_check_payload(const nip__row *row)
{
    if (row->payload_hash_length != NIP__HASH_SIZE)
        return "the hash of the payload is damaged";
    if (row->payload == NULL && row->salt == NULL)
        return NULL;
    if (row->payload == NULL || row->salt_length != NIP__SALT_SIZE)
        return "payload or salt is missing or damaged";
    unsigned char actual[NIP__HASH_SIZE];
    hash_payload(row, actual);
    return memcmp(actual, row->payload_hash, NIP__HASH_SIZE) == 0 ? NULL : "the payload does not match its hash";
}

const char *nip__record_check(const nip__row *row, const unsigned char previous[NIP__HASH_SIZE])
{
    const char *problem = nip__record_check_payload(row);
    if (problem != NULL)
        return problem;
    if (row->hash_length != NIP__HASH_SIZE)
        return "the hash of the record is damaged";
    unsigned char actual[NIP__HASH_SIZE];
    hash_record(row, previous, actual);
    return memcmp(actual, row->hash, NIP__HASH_SIZE) == 0 ? NULL
                                                          : "the record does not match its hash: its place, kind, "
                                                            "instant or epoch, or the record before it, was changed";
}

void nip__record_hash_text(const unsigned char hash[NIP__HASH_SIZE], char text[NIP__HASH_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < NIP__HASH_SIZE; i++) {
        text[2 * i] = digits[hash[i] >> 4];
        text[2 * i + 1] = digits[hash[i] & 15];
    }
    text[2 * NIP__HASH_SIZE] = '\0';
}
