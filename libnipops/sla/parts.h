/* Series of samples cut where they were silent, so that what a slice comes to depends only on what lies near it, however much was asked around it.
 *
 * Two samples further apart than max_gap are a silence. What comes behind it either begins, or it resumes:
 *
 * - it begins when others of its target were seen, so that its process did not have it: after a silence of up to the horizon when it or one of them
 *   fell meanwhile, after a longer one in any case (sla/siblings.h);
 * - else it resumes: its target was not seen, so nobody knows what it has counted since, or since when.
 *
 * The same holds for what begins where samples were asked from: it resumes when it was found to have been there before (sla/newcomers.h).
 *
 * Of a gap nobody can know before it has lasted for max_gap: until then slices are final without it, as they are when a series has retired. So it
 * makes unknown only those slices that end at most max_gap before it does. What was counted in it has no place. */
#ifndef NIP__PARTS_H
#define NIP__PARTS_H

#include "sla/siblings.h"

typedef struct nip__parts_rule {
    int64_t max_gap, horizon;
    nip__ms begin, end; /* told is what lies in (begin, end] */
    const nip__siblings *siblings;
} nip__parts_rule;

typedef struct nip__part {
    nip__counter_series series;
    size_t source; /* its place in the set */
} nip__part;

typedef struct nip__parts_told {
    int64_t resets, gaps;
    int64_t unplaced; /* events in gaps of up to the horizon */
} nip__parts_told;

/* Zero-initialised: none. */
typedef struct nip__parts {
    nip__part *items;
    size_t count, capacity;
    nip__arena *arena; /* of samples that stand for others */
    nip__parts_told told;
} nip__parts;

/* Samples that are NaN leave the set, before its siblings are found: nobody knows what was there. How many are to be told of. */
int64_t nip__parts_drop_absent(nip__sample_set *set, const nip__parts_rule *rule);
/* Adds the parts of one counter of a set, or of all in its order. Borrows the set's samples. NIP_E_NOMEM. */
int nip__parts_add_one(nip__parts *parts, nip__sample_set *set, size_t place, const nip__parts_rule *rule);
int nip__parts_add(nip__parts *parts, nip__sample_set *set, const nip__parts_rule *rule);
void nip__parts_clear(nip__parts *parts);

#endif
