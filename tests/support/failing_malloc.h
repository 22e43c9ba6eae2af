/* Makes allocations of the calling thread fail, to prove that running out of memory harms nothing.
 *
 *     for (long k = 1;; k++) {
 *         fail_allocation(k, 0);
 *         int rc = what_is_tested(...);
 *         long seen = allocations_seen();
 *         fail_allocation(0, 0);
 *         if (seen < k)
 *             break;            ... every allocation of it has failed once
 *     }
 */
#ifndef NIP_TEST_FAILING_MALLOC_H
#define NIP_TEST_FAILING_MALLOC_H

/* The k-th allocation of this thread from now (k from 1) fails, and all later ones too when `all_later` is 1; 0: none does. */
void fail_allocation(long k, int all_later);
/* Allocations of this thread since its last call of fail_allocation. */
long allocations_seen(void);
/* Allocations that were not freed yet. What the C library aligns by itself is not counted when it is made: compare
 * before and after. */
long allocations_alive(void);

#endif
