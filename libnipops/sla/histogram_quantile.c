/* What a histogram says: quantiles with their intervals, and the sum, which is exact before it is rounded. */
#include "sla/histogram.h"

#include <math.h>

#include "base/error.h"

/* ---- the sum ---- */

enum { WORDS = 3, UNIT = NIP__HISTOGRAM_LOWEST - 52 }; /* whole numbers of 2^UNIT: 2^63 values below 2^34 need 179 bits */

/* Values of the octave in units of its own last bit: below 2^116. */
static unsigned __int128 octave_sum(const nip__octave *octave)
{
    unsigned __int128 sum = octave->rest;
    for (uint64_t i = 0; i < NIP__HISTOGRAM_BUCKETS; i++)
        sum += ((unsigned __int128)(NIP__HISTOGRAM_BUCKETS + i) << NIP__HISTOGRAM_REST_BITS) * (uint64_t)octave->counts[i];
    return sum;
}

static void add_shifted(uint64_t words[WORDS], unsigned __int128 number, size_t shift)
{
    unsigned __int128 low = (unsigned __int128)(uint64_t)number << shift, high = (number >> 64) << shift;
    unsigned __int128 sum = (unsigned __int128)words[0] + (uint64_t)low;
    words[0] = (uint64_t)sum;
    sum = (sum >> 64) + words[1] + (low >> 64) + (uint64_t)high;
    words[1] = (uint64_t)sum;
    words[2] += (uint64_t)(sum >> 64) + (uint64_t)(high >> 64);
}

/* To the nearest double: 64 leading bits, the last of which says whether anything follows, are enough for that. */
static double rounded(const uint64_t words[WORDS])
{
    int top = WORDS - 1;
    while (top > 0 && words[top] == 0)
        top--;
    if (words[top] == 0)
        return 0;
    int shift = __builtin_clzll(words[top]);
    uint64_t leading = words[top] << shift, next = top > 0 ? words[top - 1] : 0;
    if (shift > 0)
        leading |= next >> (64 - shift);
    if (next << shift != 0 || (top > 1 && words[top - 2] != 0))
        leading |= 1;
    return ldexp((double)leading, 64 * top - shift + UNIT);
}

int nip_histogram_summary(const nip_histogram *h, nip_summary *summary, nip_error **err)
{
    NIP_ARG(h != NULL && summary != NULL);
    uint64_t words[WORDS] = {0};
    for (size_t i = 0; i < NIP__HISTOGRAM_OCTAVES; i++) {
        if (h->octaves[i] != NULL)
            add_shifted(words, octave_sum(h->octaves[i]), i);
    }
    *summary = (nip_summary){.count = h->count,
                             .negatives = h->apart[NIP__NEGATIVE],
                             .zeros = h->apart[NIP__ZERO],
                             .below = h->apart[NIP__BELOW],
                             .above = h->apart[NIP__ABOVE],
                             .not_numbers = h->apart[NIP__NOT_A_NUMBER],
                             .least = h->least,
                             .greatest = h->greatest,
                             .sum = rounded(words)};
    return 0;
}

/* ---- quantiles ---- */

/* Whole numbers: 0.07 * 100 is 7.000000000000001 in doubles, and its rank would be 8. */
static int64_t rank_of(int64_t count, double quantile)
{
    enum { PARTS = 1000000000 };
    unsigned __int128 parts = (unsigned __int128)llround(quantile * PARTS);
    int64_t rank = (int64_t)((parts * (uint64_t)count + PARTS - 1) / PARTS);
    return rank < 1 ? 1 : rank;
}

/* The bucket of the value of that rank among those that have one; `rank` becomes what is left when there are fewer. */
static int64_t find_bucket(const nip_histogram *h, int64_t *rank)
{
    for (int64_t i = 0; i < NIP__HISTOGRAM_OCTAVES; i++) {
        int64_t held = nip__octave_count(h->octaves[i]);
        if (*rank > held) {
            *rank -= held;
            continue;
        }
        int64_t bucket = 0;
        for (; *rank > h->octaves[i]->counts[bucket]; bucket++)
            *rank -= h->octaves[i]->counts[bucket];
        return i * NIP__HISTOGRAM_BUCKETS + bucket;
    }
    return -1;
}

static void find(const nip_histogram *h, int64_t rank, double *lower, double *upper)
{
    const double begin = nip__histogram_bound(0), end = nip__histogram_bound(NIP__HISTOGRAM_OCTAVES * NIP__HISTOGRAM_BUCKETS);
    const double ends[][2] = {[NIP__NEGATIVE] = {-INFINITY, 0}, [NIP__ZERO] = {0, 0}, [NIP__BELOW] = {0, begin}};
    for (size_t i = NIP__NEGATIVE; i <= NIP__BELOW; i++) {
        if (rank <= h->apart[i]) {
            *lower = ends[i][0];
            *upper = ends[i][1];
            return;
        }
        rank -= h->apart[i];
    }
    int64_t bucket = find_bucket(h, &rank);
    *lower = bucket < 0 ? end : nip__histogram_bound(bucket);
    *upper = bucket < 0 ? INFINITY : nip__histogram_bound(bucket + 1);
}

/* Divided first: the product of two large ones would be infinite. */
static double between(double lower, double upper)
{
    if (lower >= upper || isinf(upper))
        return lower;
    return lower > 0 ? lower / (0.5 + 0.5 * (lower / upper)) : upper;
}

int nip_histogram_quantile(const nip_histogram *h, double quantile, nip_quantile *out, nip_error **err)
{
    NIP_ARG(h != NULL && out != NULL);
    NIP_ARG(quantile >= 0 && quantile <= 1);
    if (h->count == 0)
        return nip__fail(err, NIP_E_STATE, "a histogram without values has no quantiles: record some first");
    nip_quantile found = {.rank = rank_of(h->count, quantile)};
    find(h, found.rank, &found.lower, &found.upper);
    found.lower = found.rank == h->count ? h->greatest : fmax(found.lower, h->least);
    found.upper = found.rank == 1 ? h->least : fmin(found.upper, h->greatest);
    found.value = between(found.lower, found.upper);
    *out = found;
    return 0;
}
