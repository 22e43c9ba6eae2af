/* xoshiro256** (Blackman, Vigna 2018), its state filled by splitmix64. */
#include "base/random.h"

static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

void nip__random_seed(nip__random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        random->state[i] = splitmix(&seed);
}

uint64_t nip__random_next(nip__random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t nip__random_below(nip__random *random, uint64_t bound)
{
    /* The lowest 2^64 mod bound values are thrown away, so that every remainder is equally likely. */
    uint64_t threshold = (0 - bound) % bound;
    uint64_t value;
    do {
        value = nip__random_next(random);
    } while (value < threshold);
    return value % bound;
}

double nip__random_unit(nip__random *random)
{
    return (double)(nip__random_next(random) >> 11) * 0x1.0p-53;
}
