/* Seeded generator (xoshiro256** seeded by splitmix64): equal seeds give equal runs on every machine. Not for secrets. */
#ifndef NIP__RANDOM_H
#define NIP__RANDOM_H

#include <stdint.h>

typedef struct nip__random {
    uint64_t state[4];
} nip__random;

void nip__random_seed(nip__random *random, uint64_t seed);
uint64_t nip__random_next(nip__random *random);
uint64_t nip__random_below(nip__random *random, uint64_t bound); /* uniform in 0..bound-1, bound > 0 */
double nip__random_unit(nip__random *random);                    /* uniform in [0, 1) */

#endif
