/* The places in which answers differed, over all requests: how often, how, with examples. */
#ifndef NIP__COMPARE_FIELDS_H
#define NIP__COMPARE_FIELDS_H

#include "compare/differ.h"

enum {
    NIP__FIELDS_KEPT = 1000, /* more distinct ones count as one, "other places" */
    NIP__FIELDS_A_PAIR = 64, /* the same in one pair of answers */
    NIP__EXAMPLES_MAX = 20,
};

typedef struct nip__example {
    const char *request, *old, *fresh; /* texts for people, masked; old or fresh NULL: there is nothing */
    struct nip__example *next;
} nip__example;

enum { NIP__CHANGED, NIP__MISSING, NIP__ADDED, NIP__TYPE, NIP__DIFFERENCE_KINDS };
extern const char *const nip__difference_kinds[NIP__DIFFERENCE_KINDS + 1];

/* Counts are of requests. */
typedef struct nip__field_count {
    const char *name;
    int64_t differs, baseline; /* new against old; old against old */
    int64_t only_differs, only_baseline;
    int64_t kinds[NIP__DIFFERENCE_KINDS];
    nip__example *examples, **end;
    int64_t example_count;
    const char *pattern; /* a regular expression for what differs by itself in a text; NULL: none */
    int64_t hides;       /* requests in which it hides too much for the rest to say anything */
    bool counts; /* decided at the end: it is more than the old version's own noise */
} nip__field_count;

/* The fields of one pair of answers. */
typedef struct nip__field_set {
    uint16_t list[NIP__FIELDS_A_PAIR];
    uint8_t kinds[NIP__FIELDS_A_PAIR];
    int64_t values[NIP__FIELDS_A_PAIR]; /* of the body that lie there */
    size_t count;
} nip__field_set;

typedef struct nip__field_counts {
    nip__arena *arena;
    nip__field_count list[NIP__FIELDS_KEPT + 1]; /* the last one: other places */
    size_t count;
    uint16_t slots[4096]; /* by hash of the name: index + 1 */
} nip__field_counts;

/* Index of a field, made when it is new. */
size_t nip__fields_find(nip__field_counts *counts, const char *name);
/* Adds a difference in this field to a set; false: the field is there already. */
bool nip__field_set_add(nip__field_set *set, size_t field, const nip__difference *difference);
bool nip__field_set_has(const nip__field_set *set, size_t field);
void nip__fields_add_example(nip__field_counts *counts, size_t field, const char *method, const char *target,
                             const nip__difference *difference);

#endif
