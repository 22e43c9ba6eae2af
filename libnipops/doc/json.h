/* JSON in and out. In: our own scanner, since cJSON keeps no positions and makes 64-bit integers doubles. */
#ifndef NIP__JSON_H
#define NIP__JSON_H

#include "doc/value.h"

/* What hostile text may at most be. */
typedef struct nip__limits {
    size_t bytes;
    int depth;
    size_t values;
} nip__limits;

extern const nip__limits nip__document_limits; /* 8 MiB, 64 levels, 100,000 values */
extern const nip__limits nip__reply_limits;    /* 50 MiB, 64 levels, 5,000,000 values: replies of servers */
extern const nip__limits nip__internal_limits; /* plans and outcomes: 256 MiB, 64 levels, 10,000,000 values */
extern const nip__limits nip__record_limits;   /* what is made of them: 256 levels, so that whatever was let in can be read back */

/* Reads one JSON text into `arena`. Duplicate keys, trailing text, invalid UTF-8, lone surrogates and NUL are errors, each with
 * name:line:column. Integers beyond int64 become reals. `name` may be NULL. */
int nip__json_read(nip__arena *arena, const char *text, size_t length, const char *name, const nip__limits *limits,
                   nip__value **value, nip_error **err);

/* Writes compact JSON. Integers beyond 2^53-1 as decimal strings; a NULL value as null. */
void nip__json_write(nip__buffer *buffer, const nip__value *value);
/* The same as owned text; NULL: out of memory. */
char *nip__json_text(const nip__value *value);
/* A JSON string with quotes; NULL gives null. Invalid UTF-8 is replaced by U+FFFD. */
void nip__json_write_string(nip__buffer *buffer, const char *text);

/* Single numbers by the same rules. */
void nip__json_write_int(nip__buffer *buffer, int64_t integer);
void nip__json_write_real(nip__buffer *buffer, double real);

/* A writer without a tree, for what is written often. Commas come by themselves. Inside a map `key` is given, inside a list NULL. */
typedef struct nip__writer {
    nip__buffer *buffer;
    uint64_t started; /* one bit a level: something was written there */
    int depth;
} nip__writer;

#define NIP__WRITER(out) ((nip__writer){.buffer = (out)})

void nip__write_map(nip__writer *writer, const char *key);
void nip__write_list(nip__writer *writer, const char *key);
void nip__write_end_map(nip__writer *writer);
void nip__write_end_list(nip__writer *writer);
void nip__write_text(nip__writer *writer, const char *key, const char *text); /* NULL: null */
void nip__write_int(nip__writer *writer, const char *key, int64_t integer);
void nip__write_real(nip__writer *writer, const char *key, double real);
void nip__write_bool(nip__writer *writer, const char *key, bool boolean);
void nip__write_null(nip__writer *writer, const char *key);
void nip__write_time(nip__writer *writer, const char *key, nip_time time);             /* NIP_TIME_NONE, NIP_TIME_MAX: null */
void nip__write_duration(nip__writer *writer, const char *key, nip_duration duration);
void nip__write_value(nip__writer *writer, const char *key, const nip__value *value);  /* NULL: null */
void nip__write_raw(nip__writer *writer, const char *key, const char *json);           /* JSON text as it is; NULL: null */

#endif
