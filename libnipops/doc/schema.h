/* One table a kind of document drives what is accepted, defaults, the reference page, and what is secret. */
#ifndef NIP__SCHEMA_H
#define NIP__SCHEMA_H

#include "base/error.h"
#include "doc/json.h"
#include "doc/value.h"

typedef enum nip__type {
    NIP__T_TEXT,     /* a string; a number is accepted where a string is wanted only with NIP__F_NUMBER_TEXT */
    NIP__T_INT,
    NIP__T_NUMBER,   /* integer or real */
    NIP__T_BOOL,
    NIP__T_DURATION, /* "90s"; becomes its canonical text */
    NIP__T_BYTES,    /* "1GiB", "500MB", or a number of bytes; becomes an integer */
    NIP__T_ENUM,     /* one of `choices` */
    NIP__T_MAP,      /* a map with the keys of `fields` */
    NIP__T_DICT,     /* a map with free keys; each value as `item` */
    NIP__T_LIST,     /* a list; each item as `item` */
    NIP__T_ANY,      /* whatever it is */
    NIP__T_SECRET,   /* {env: NAME} or {file: PATH}: never the secret itself */
    NIP__T_RANGE,    /* "9100-9199" or a single integer; stays text */
} nip__type;

enum {
    NIP__F_REQUIRED = 1,
    NIP__F_NUMBER_TEXT = 2, /* an integer is accepted and becomes text */
    NIP__F_SECRET = 4,      /* masked wherever it is shown */
    NIP__F_ONE_OR_LIST = 8, /* for lists: a single item stands for a list of one */
    NIP__F_SHORT_FORM = 16, /* the kind's `adapt` also takes a text for it */
    NIP__F_MAP_FORM = 128,  /* for texts: the kind's `adapt` also takes a map of `fields` for it */
    NIP__F_DRIVER = 32,     /* for NIP__T_ANY: a driver's settings, {driver: NAME, ...} */
    NIP__F_SAME_DRIVER = 64, /* ... or {driver: NAME} alone: the one that another role has */
};

enum { NIP__FIELDS_MAX = 64 }; /* most fields of one table */

typedef struct nip__field nip__field;
struct nip__field {
    const char *name;            /* NULL ends a table; ignored in `item` */
    nip__type type;
    unsigned flags;
    double min, max;             /* range of numbers, lengths of lists and texts, seconds of durations; both 0: none;
                                    max below min: no upper end */
    const char *otherwise;       /* default as YAML text, or NULL: none */
    const nip__field *fields;    /* of a map */
    const nip__field *item;      /* of a list or dict */
    const char *const *choices;  /* of an enum, ends with NULL */
    const char *also;            /* another accepted spelling, or NULL */
    const char *help;            /* one line for the reference */
};

/* Checks `value` against the fields of a map and returns a normalized copy in `arena`: defaults filled in, other spellings renamed,
 * scalars in canonical form. Problems are added with file:line:column and path; go on after each. `path` is the map's own pointer.
 * Returns NULL only when out of memory or when `value` is not a map. */
nip__value *nip__schema_apply(nip__arena *arena, const nip__field *fields, const nip__value *value, const char *file,
                              const char *path, nip__problems *problems);
/* The same for a `value` that lives in `arena` and that nobody changes any more: whatever is taken as it is (NIP__T_ANY) is shared
 * with it instead of copied, which for a plan of thousands of instances is nearly all of it. */
nip__value *nip__schema_adopt(nip__arena *arena, const nip__field *fields, const nip__value *value, const char *file,
                              const char *path, nip__problems *problems);
/* The table as a Markdown reference (one row a key, nested keys dotted). */
void nip__schema_write_reference(nip__buffer *buffer, const nip__field *fields, const char *prefix);
/* The same as paragraphs of a manual page. */
void nip__schema_write_man(nip__buffer *buffer, const nip__field *fields, const char *prefix);
/* The members of a JSON Schema for the map, into a map that the writer has begun. Fields with NIP__F_DRIVER refer to
 * "#/$defs/driver", with NIP__F_SAME_DRIVER to "#/$defs/same-driver". `arena` holds what is needed meanwhile. */
void nip__schema_write_json(nip__writer *writer, nip__arena *arena, const nip__field *fields);
/* Copy of `value` where every secret is "***"; where no field says what is secret (or `fields` is NULL), names such as "password"
 * and passwords inside URLs do. */
nip__value *nip__schema_mask(nip__arena *arena, const nip__field *fields, const nip__value *value);
/* Does a value under this name look like a secret ("db_password", "X-Auth-Token")? NULL: no. */
bool nip__sounds_secret(const char *key);

#endif
