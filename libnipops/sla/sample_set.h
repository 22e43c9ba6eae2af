/* Raw samples by series, as replies bring them, one reply after another: later ones go on where earlier ones ended.
 *
 * What a reply brings counts once the whole of it was found good: until then it can be dropped again. */
#ifndef NIP__SAMPLE_SET_H
#define NIP__SAMPLE_SET_H

#include <stdbool.h>

#include "analysis/matrix.h"
#include "base/arena.h"
#include "sla/counts.h"

enum { NIP__SAMPLE_SERIES_MAX = 100000 };

typedef struct nip__sample_series {
    const char *name; /* `requests_total{code="500"}`: tells series apart, and is for messages */
    const nip__label *labels; /* sorted, without the metric's name */
    size_t label_count;
    const char *metric; /* NULL: it has no name */
    nip__count_sample *samples; /* their instants rise */
    size_t count, capacity;
    size_t kept; /* of replies found good */
    bool before; /* it was found to have had samples before those that were asked */
} nip__sample_series;

typedef struct nip__sample_set {
    nip__arena *arena; /* of names and labels */
    nip__sample_series *items; /* in the order they were met */
    size_t count, capacity;
    size_t *slots; /* by hash of the name: 1 + place; 0: free */
    size_t slot_count;
    size_t at; /* the series whose samples come */
    nip__buffer name;
    nip__ms after, upto; /* samples outside of (after, upto] are passed over */
    uint64_t samples, kept_samples, most;
    char problem[256]; /* why a reply was refused; "": it was not */
} nip__sample_set;

/* `most` samples in all. NIP_E_NOMEM. To be cleared whatever comes of it. */
int nip__sample_set_open(nip__sample_set *set, uint64_t most);
void nip__sample_set_clear(nip__sample_set *set);

/* A reply begins. It may bring more than was asked, such as what an earlier one has brought: only (after, upto] is taken. */
void nip__sample_set_begin(nip__sample_set *set, nip__ms after, nip__ms upto);
/* Takes a reply in: nip__matrix_new(&limits, &nip__sample_set_sink, set). NIP_E_LIMIT: too many in all; NIP_E_INVALID: `problem` says why. */
extern const nip__matrix_sink nip__sample_set_sink;
void nip__sample_set_keep(nip__sample_set *set); /* it was good */
void nip__sample_set_drop(nip__sample_set *set); /* it was not */

/* By its name; NULL: there is none. */
nip__sample_series *nip__sample_set_find(const nip__sample_set *set, const char *name);
/* A selector that finds the series, and perhaps others that have labels besides. "" when there is no saying: it has neither name nor labels. */
void nip__sample_selector(nip__buffer *out, const nip__sample_series *series);
/* NULL: the series lacks the label. */
const char *nip__sample_label(const nip__sample_series *series, const char *name);

#endif
