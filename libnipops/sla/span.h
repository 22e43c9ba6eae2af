/* Sets of stretches of time. */
#ifndef NIP__SPAN_H
#define NIP__SPAN_H

#include <stddef.h>
#include <stdint.h>

typedef int64_t nip__ms; /* an instant: milliseconds since the epoch, UTC */

typedef struct nip__span {
    nip__ms begin, end; /* half-open */
} nip__span;

/* Sorted, disjoint, never touching, none empty. Zero-initialised: the empty set. */
typedef struct nip__spans {
    nip__span *items;
    size_t count, capacity;
} nip__spans;

#endif
