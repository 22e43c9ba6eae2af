/* Series of the same target: what one of them shows of its process holds for all.
 *
 * A counter of rare events is often not there before the first of them: after a restart it is silent for long, and then begins. That is no gap, since
 * all the while others of its target were seen, and one of them fell. */
#ifndef NIP__SIBLINGS_H
#define NIP__SIBLINGS_H

#include "sla/sample_set.h"

typedef struct nip__sibling {
    const char *instance, *job; /* job: NULL: it has none */
    const nip__sample_series *series;
} nip__sibling;

/* Zero-initialised: nobody has any. */
typedef struct nip__siblings {
    nip__sibling *items; /* by target */
    size_t count;
} nip__siblings;

/* Of all series of the sets (NULL: none) that have a label "instance". They are borrowed. NIP_E_NOMEM. */
int nip__siblings_find(nip__siblings *siblings, nip__sample_set *const *sets, size_t count);
void nip__siblings_clear(nip__siblings *siblings);

/* Were others of its target seen all through the max_gap before `at`? */
bool nip__siblings_seen(const nip__siblings *siblings, const nip__sample_series *series, nip__ms at, int64_t max_gap);
/* Has the series' process begun anew between two of its samples, while others of its target were seen all through the last max_gap of that time? */
bool nip__siblings_restarted(const nip__siblings *siblings, const nip__sample_series *series, const nip__count_sample *before,
                             const nip__count_sample *now, int64_t max_gap);

#endif
