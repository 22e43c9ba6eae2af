/* Which targets of a watch somebody should look at first. Pure. */
#ifndef NIP__WORST_H
#define NIP__WORST_H

#include "health/sweep.h"

/* Fills `worst` with the indices of the `most` worst targets (all, when there are fewer), the worst first, and returns how many.
 * Unhealthy ones come first, those that became so last before others; then unknown ones; then healthy ones. Of the latter two,
 * those with more bad answers in a row come first. Where all that is equal: the document's order. */
size_t nip__sweep_worst(const nip__sweep *sweep, size_t targets, size_t *worst, size_t most);

#endif
