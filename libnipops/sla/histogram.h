/* Inside of a histogram. See nipops/histogram.h for what it is. */
#ifndef NIP__HISTOGRAM_H
#define NIP__HISTOGRAM_H

#include "nipops/histogram.h"

enum {
    NIP__HISTOGRAM_LOWEST = -30, /* exponents of the first octave, and of the end of the last */
    NIP__HISTOGRAM_HIGHEST = 34,
    NIP__HISTOGRAM_OCTAVES = NIP__HISTOGRAM_HIGHEST - NIP__HISTOGRAM_LOWEST,
    NIP__HISTOGRAM_BUCKET_BITS = 7, /* of a double's 52 bits after the point: they choose the bucket */
    NIP__HISTOGRAM_BUCKETS = 1 << NIP__HISTOGRAM_BUCKET_BITS,
    NIP__HISTOGRAM_REST_BITS = 52 - NIP__HISTOGRAM_BUCKET_BITS, /* the others: how far above the bucket's lower bound */
};

#define NIP__HISTOGRAM_REST_MAX ((UINT64_C(1) << NIP__HISTOGRAM_REST_BITS) - 1)

typedef struct nip__octave {
    int64_t counts[NIP__HISTOGRAM_BUCKETS];
    unsigned __int128 rest; /* sum of the rests of all values in it, in units of 2^(exponent - 52): with the counts, the exact sum */
} nip__octave;

/* What has no bucket. The first four are in the order of their values; buckets stand between the last two of these. */
enum { NIP__NEGATIVE, NIP__ZERO, NIP__BELOW, NIP__ABOVE, NIP__NOT_A_NUMBER, NIP__APART };

struct nip_histogram {
    nip__octave *octaves[NIP__HISTOGRAM_OCTAVES]; /* NULL: nothing fell into it. One without counts says the same */
    int64_t apart[NIP__APART];
    int64_t count; /* of all but those that are not numbers */
    double least, greatest; /* NaN while count is 0; zero is never -0 */
};

/* How many values are in an octave; NULL: none. */
int64_t nip__octave_count(const nip__octave *octave);
/* The octave, made when there is none; NULL: no memory. */
nip__octave *nip__histogram_octave(nip_histogram *histogram, uint64_t octave);

/* Which of the values apart it is; -1: none, it has a bucket. */
int nip__histogram_apart(double value);
/* Of a value that has a bucket: its index among those of all octaves, and its rest. */
int64_t nip__histogram_index(double value);
uint64_t nip__histogram_rest(double value);
/* Lower bound of a bucket; of the index behind the last one: the end of the range. */
double nip__histogram_bound(int64_t index);

#endif
