/* References: values that are known only once earlier steps have run. */
#ifndef NIP__REFERENCE_H
#define NIP__REFERENCE_H

#include <stdbool.h>
#include "doc/value.h"

typedef enum nip__reference_of { NIP__OF_ACT, NIP__OF_REQUIRE, NIP__OF_UNTIL } nip__reference_of;

/* Where references look results up. `find` returns NULL when there is no such result. */
typedef struct nip__results {
    const nip__value *(*find)(const void *data, const char *step, nip__reference_of of, size_t action);
    const void *data;
    nip_time now; /* for {"after": "24h"} */
} nip__results;

bool nip__is_reference(const nip__value *value); /* {"from": ...} */
bool nip__is_after(const nip__value *value);     /* {"after": "24h"} */
nip__reference_of nip__reference_part(const nip__value *reference);

/* A copy with all references filled in, lists spliced. NULL when one has no result and no `else`; then *missing (borrowed from
 * the template) is the step it names. NULL with *missing NULL: out of memory. */
nip__value *nip__fill(nip__arena *arena, const nip__value *template, const nip__results *results, const char **missing);
/* The template for people: references as "<endpoints of start-1>". */
nip__value *nip__fill_names(nip__arena *arena, const nip__value *template);

#endif
