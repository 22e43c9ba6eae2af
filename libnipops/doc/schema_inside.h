/* What the files of the schema share. */
#ifndef NIP__SCHEMA_INSIDE_H
#define NIP__SCHEMA_INSIDE_H

#include "doc/schema.h"

/* A place in the document, as a chain outwards: its text is only made when there is a problem to report. */
typedef struct nip__place {
    const struct nip__place *outer;
    const char *key; /* NULL: item `index` of a list */
    size_t index;
} nip__place;

typedef struct nip__check {
    nip__arena *arena;
    const char *file, *path; /* path: pointer of the outermost map */
    nip__problems *problems;
    bool adopts; /* may share the value's parts */
} nip__check;

/* Adds a problem about `value` at `place`. */
void nip__check_problem(const nip__check *check, const nip__place *place, const nip__value *value, const char *format,
                        ...) NIP__PRINTF(4, 5);
/* "must be an integer from 1 to 100, found \"six\"", and a hint where one is known. */
void nip__check_mismatch(const nip__check *check, const nip__place *place, const nip__field *field,
                         const nip__value *value);

/* "an integer from 1 to 100": what a field accepts. */
void nip__field_describe(nip__buffer *buffer, const nip__field *field);
/* Does `number` lie in the field's range? */
bool nip__field_in_range(const nip__field *field, double number);

/* The canonical form of a scalar (anything but a map, list or dict). NULL: a problem was added, or memory is out. */
nip__value *nip__scalar_apply(const nip__check *check, const nip__field *field, const nip__value *value,
                              const nip__place *place);

#endif
