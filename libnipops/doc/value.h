/* The document tree: what YAML and JSON become, and what plans, actions, results and records are built from.
 *
 * Values live in an arena and are never freed one by one. Building never fails visibly: when the arena is out of memory the builders
 * return NULL and accept NULL, and the one who builds asks nip__arena_failed() at the end. */
#ifndef NIP__VALUE_H
#define NIP__VALUE_H

#include <stdbool.h>
#include <stdint.h>
#include "nipops/base.h"
#include "base/arena.h"
#include "base/buffer.h"

typedef enum nip__kind { NIP__NULL, NIP__BOOL, NIP__INT, NIP__REAL, NIP__STRING, NIP__LIST, NIP__MAP } nip__kind;

typedef struct nip__value nip__value;
struct nip__value {
    nip__kind kind;
    uint32_t line, column; /* from 1; 0: not from a text */
    uint16_t key_above, key_column; /* where its key stands: lines above the value, and column; column 0: not known */
    const char *key;       /* name inside its map; NULL inside a list and for the root */
    nip__value *next;      /* next in its list or map */
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct {
            const char *text; /* NUL-terminated */
            size_t length;
        } string;
        struct {
            nip__value *first, *last;
            size_t count;
        } items;
    } as;
};

/* Largest integer that every reader of JSON takes exactly: 2^53-1. */
#define NIP__EXACT_MAX INT64_C(9007199254740991)

/* ---- reading. Every function takes NULL and wrong kinds, and then says "nothing". ---- */

const char *nip__kind_name(nip__kind kind); /* "a string", "a list", ... for messages */
bool nip__is(const nip__value *value, nip__kind kind);
const nip__value *nip__get(const nip__value *map, const char *key);           /* NULL: none */
const char *nip__get_text(const nip__value *map, const char *key);            /* NULL unless a string */
int64_t nip__get_int(const nip__value *map, const char *key, int64_t otherwise);
/* JSON has integers beyond 2^53-1 as text: such a text as an integer; any other value: `otherwise`. */
int64_t nip__large_int(const nip__value *value, int64_t otherwise);
double nip__get_number(const nip__value *map, const char *key, double otherwise); /* integer or real */
bool nip__get_bool(const nip__value *map, const char *key, bool otherwise);
nip_duration nip__get_duration(const nip__value *map, const char *key, nip_duration otherwise); /* "90s" text */
nip_time nip__get_time(const nip__value *map, const char *key, nip_time otherwise);             /* RFC 3339 text */
const nip__value *nip__first(const nip__value *list_or_map);
size_t nip__count(const nip__value *list_or_map);                             /* items of a list or map, else 0 */
const nip__value *nip__at(const nip__value *list, size_t index);
const nip__value *nip__pointer(const nip__value *value, const char *pointer); /* JSON pointer (RFC 6901); "" is the value itself */
bool nip__number(const nip__value *value, double *number);                    /* integer or real */
bool nip__equal(const nip__value *a, const nip__value *b);                    /* maps compare whatever their order; 1 equals 1.0 */

/* for (NIP__EACH(item, list)) ... */
#define NIP__EACH(item, container) const nip__value *item = nip__first(container); item != NULL; item = item->next

/* ---- building ---- */

nip__value *nip__map(nip__arena *arena);
nip__value *nip__list(nip__arena *arena);
nip__value *nip__string(nip__arena *arena, const char *text);                 /* copied; NULL gives null */
nip__value *nip__string_of(nip__arena *arena, const char *text, size_t length);
nip__value *nip__int(nip__arena *arena, int64_t integer);
nip__value *nip__real(nip__arena *arena, double real);
nip__value *nip__bool(nip__arena *arena, bool boolean);
nip__value *nip__null(nip__arena *arena);
nip__value *nip__copy(nip__arena *arena, const nip__value *value);            /* deep; NULL gives NULL */
nip__value *nip__share(nip__arena *arena, const nip__value *value);           /* a second place for a value that no one will change */

/* Remembers and tells where a value's key stands; where it is not known, the value's own place. */
void nip__set_key_place(nip__value *value, uint32_t line, uint32_t column);
uint32_t nip__key_line(const nip__value *value);
uint32_t nip__key_column(const nip__value *value);

/* Makes `item` the last one of a list or map; in a map its key is set already. For readers, who made both. */
static inline void nip__link(nip__value *container, nip__value *item)
{
    item->next = NULL;
    if (container->as.items.last == NULL)
        container->as.items.first = item;
    else
        container->as.items.last->next = item;
    container->as.items.last = item;
    container->as.items.count++;
}

/* Adds `value` to `map` under `key` (copied), replacing an older one. A value belongs to one container only: copy it for a second.
 * Returns value. NULL map or value: does nothing. */
nip__value *nip__put(nip__arena *arena, nip__value *map, const char *key, nip__value *value);
/* The same for a key that `map` surely lacks, without looking for it: what reads or copies large maps must not be quadratic. */
nip__value *nip__append(nip__arena *arena, nip__value *map, const char *key, nip__value *value);
void nip__put_text(nip__arena *arena, nip__value *map, const char *key, const char *text); /* NULL text: nothing is put */
void nip__put_int(nip__arena *arena, nip__value *map, const char *key, int64_t integer);
void nip__put_real(nip__arena *arena, nip__value *map, const char *key, double real);
void nip__put_bool(nip__arena *arena, nip__value *map, const char *key, bool boolean);
void nip__put_duration(nip__arena *arena, nip__value *map, const char *key, nip_duration duration);
void nip__put_time(nip__arena *arena, nip__value *map, const char *key, nip_time time); /* NIP_TIME_NONE, NIP_TIME_MAX: null */
void nip__remove(nip__value *map, const char *key);
nip__value *nip__push(nip__value *list, nip__value *value);                   /* returns value */
void nip__push_text(nip__arena *arena, nip__value *list, const char *text);

#endif
