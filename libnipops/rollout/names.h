/* Sets of endpoints, for questions that would be quadratic when asked of lists. */
#ifndef NIP__NAMES_H
#define NIP__NAMES_H

#include <stdbool.h>
#include "doc/value.h"

typedef struct nip__names {
    const char **list; /* sorted */
    size_t count;
} nip__names;

/* The texts of a list, or the keys of a map; other items are left out. Borrowed from `value`; empty when the arena is
 * out of memory. */
nip__names nip__names_of(nip__arena *arena, const nip__value *value);
bool nip__names_have(const nip__names *names, const char *name);
bool nip__names_equal(const nip__names *a, const nip__names *b);

#endif
