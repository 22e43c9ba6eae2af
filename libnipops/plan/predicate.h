/* Predicates on results: the only conditions a plan knows. */
#ifndef NIP__PREDICATE_H
#define NIP__PREDICATE_H

#include <stdbool.h>
#include "base/error.h"
#include "doc/value.h"

typedef enum nip__operator { NIP__EQ, NIP__NE, NIP__LT, NIP__LE, NIP__GT, NIP__GE, NIP__CONTAINS, NIP__LACKS } nip__operator;

typedef struct nip__predicate {
    size_t of;
    const char *at;
    nip__operator op;
    const nip__value *value; /* scalar, reference, or {"at": ..., "of": ...} */
} nip__predicate;

typedef struct nip__predicates {
    nip__predicate *list;
    size_t count;
} nip__predicates;

extern const char *const nip__operator_names[]; /* "==", ...; ends with NULL; index is nip__operator */

/* results[of] may be NULL (that observation failed): then only "!=" and "lacks" hold. `value` has its references filled in. */
bool nip__predicate_holds(const nip__predicate *predicate, const nip__value *value, const nip__value *const *results, size_t count);
/* "/healthy is 3, must be >= 5": for people and for records. */
void nip__predicate_write(nip__buffer *buffer, const nip__predicate *predicate, const nip__value *value,
                          const nip__value *const *results, size_t count);
/* Does the value stand for another place in the results? */
bool nip__predicate_is_place(const nip__value *value);

#endif
