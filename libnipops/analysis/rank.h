/* Two samples compared by ranks: what holds whatever the samples' distribution. */
#ifndef NIP__RANK_H
#define NIP__RANK_H

#include <stddef.h>
#include <stdint.h>

/* The precedence test. Of two samples drawn from one distribution, the first of `first` values, the second of `second`:
 * the probability that `above` or more of the second are larger than the first's value of rank `rank` (1: the
 * smallest). Exact; 1 <= rank <= first, 0 <= above <= second. */
double nip__precedence_tail(int64_t first, int64_t second, int64_t rank, int64_t above);

/* Rank of a quantile (0 < quantile <= 1) among `count` sorted values: the smallest that at least this part of them is
 * not above. 0 when there are none. */
int64_t nip__quantile_rank(int64_t count, double quantile);

/* Ascending. */
void nip__sort_numbers(double *numbers, size_t count);

#endif
