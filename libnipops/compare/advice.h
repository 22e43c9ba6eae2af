/* What to leave out of a comparison, so that what differs by itself hides no more. */
#ifndef NIP__COMPARE_ADVICE_H
#define NIP__COMPARE_ADVICE_H

#include "compare/fields.h"

/* A regular expression for the first piece of text in which two texts part, with what stands before it; NULL: nothing stands before it that
 * would find it again, or out of memory. In `arena`. */
const char *nip__advice_pattern(nip__arena *arena, const nip__difference *difference);

/* Rules as `ignore` takes them, for the fields that hide most, as a list in `arena`. */
nip__value *nip__advice_rules(nip__arena *arena, const nip__field_counts *counts);

#endif
