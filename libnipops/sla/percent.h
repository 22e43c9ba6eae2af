/* Shares as people read them: percentages, rounded towards the breach, so that what is printed never looks better than what was judged. */
#ifndef NIP__PERCENT_H
#define NIP__PERCENT_H

#include "base/buffer.h"
#include "sla/judge.h"

enum { NIP__PERCENT_DECIMALS_MAX = 6 };

/* "99.9499 %" of 99.949996 % with four decimals: rounded down, `up` rounds up (for what should be small). Where there is nothing to take a share of: "-".
 * Zeros at the end are kept: two figures of a column have the same form. */
void nip__percent_write(nip__buffer *out, nip__sla_share share, int decimals, bool up);
/* The same without the sign and its space. */
void nip__percent_write_number(nip__buffer *out, nip__sla_share share, int decimals, bool up);
/* 1 - share, for error rates. */
nip__sla_share nip__sla_share_rest(nip__sla_share share);

#endif
