/* Histograms: values go into buckets by the bits of their double, which are in the order of the values where these are positive. */
#include "sla/histogram.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum {
    ALL_BUCKETS = NIP__HISTOGRAM_OCTAVES * NIP__HISTOGRAM_BUCKETS,
    FIRST_BUCKET = (1023 + NIP__HISTOGRAM_LOWEST) * NIP__HISTOGRAM_BUCKETS, /* exponent and leading bits of 2^lowest, as a double has them */
    BLOCK = 1 << (64 - NIP__HISTOGRAM_REST_BITS - 1), /* values whose rests add up within 64 bits */
};

#define unlikely(condition) __builtin_expect(!!(condition), 0)

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Beyond all buckets for whatever has none: the sign is the highest bit, and zero is below the first. */
static uint64_t bucket_of(uint64_t bits)
{
    return (bits >> NIP__HISTOGRAM_REST_BITS) - FIRST_BUCKET;
}

double nip__histogram_bound(int64_t index)
{
    return of_bits((uint64_t)(index + FIRST_BUCKET) << NIP__HISTOGRAM_REST_BITS);
}

int64_t nip__histogram_index(double value)
{
    return (int64_t)bucket_of(bits_of(value));
}

uint64_t nip__histogram_rest(double value)
{
    return bits_of(value) & NIP__HISTOGRAM_REST_MAX;
}

/* Of a value that has no bucket. */
static int apart_of(double value)
{
    if (isnan(value))
        return NIP__NOT_A_NUMBER;
    return value < 0 ? NIP__NEGATIVE : value == 0 ? NIP__ZERO : value < 1 ? NIP__BELOW : NIP__ABOVE;
}

int nip__histogram_apart(double value)
{
    return bucket_of(bits_of(value)) < ALL_BUCKETS ? -1 : apart_of(value);
}

int64_t nip__octave_count(const nip__octave *octave)
{
    int64_t count = 0;
    for (size_t i = 0; octave != NULL && i < NIP__HISTOGRAM_BUCKETS; i++)
        count += octave->counts[i];
    return count;
}

/* ---- recording ---- */

static bool has_room(const nip_histogram *h, uint64_t more)
{
    return more <= (uint64_t)(INT64_MAX - h->count - h->apart[NIP__NOT_A_NUMBER]);
}

static int too_many(nip_error **err)
{
    return nip__fail(err, NIP_E_LIMIT, "a histogram counts up to 2^63 - 1 values; these would be more");
}

static void widen(nip_histogram *h, double least, double greatest)
{
    if (!(h->least <= least)) /* also when it is NaN: there was none */
        h->least = least;
    if (!(h->greatest >= greatest))
        h->greatest = greatest;
}

static void record_apart(nip_histogram *h, double value, int64_t times)
{
    int which = apart_of(value);
    h->apart[which] += times;
    if (which == NIP__NOT_A_NUMBER)
        return;
    h->count += times;
    value = which == NIP__ZERO ? 0.0 : value; /* without a sign: bytes are those of the values */
    widen(h, value, value);
}

nip__octave *nip__histogram_octave(nip_histogram *h, uint64_t octave)
{
    if (h->octaves[octave] == NULL)
        h->octaves[octave] = nip__calloc(1, sizeof(nip__octave));
    return h->octaves[octave];
}

/* From the least to the greatest of values that have buckets, by their bits; least 0: there were none. One comparison sees whether another
 * is beyond either of them. */
typedef struct extent {
    uint64_t least, length;
} extent;

static inline void extend(extent *e, uint64_t bits)
{
    if (!unlikely(bits - e->least > e->length))
        return;
    uint64_t greatest = e->least == 0 || bits > e->least + e->length ? bits : e->least + e->length;
    e->least = e->least == 0 || bits < e->least ? bits : e->least;
    e->length = greatest - e->least;
}

/* Records up to `count` values, BLOCK at most, and returns how many: fewer when memory is out. */
static size_t record_block(nip_histogram *h, const double *values, size_t count)
{
    uint64_t rests[NIP__HISTOGRAM_OCTAVES] = {0};
    extent e = {0, 0};
    size_t done = 0, apart = 0;
    for (; done < count; done++) {
        uint64_t bits;
        memcpy(&bits, &values[done], sizeof bits);
        uint64_t bucket = bucket_of(bits);
        if (unlikely(bucket >= ALL_BUCKETS)) {
            record_apart(h, values[done], 1);
            apart++;
            continue;
        }
        nip__octave *octave = h->octaves[bucket / NIP__HISTOGRAM_BUCKETS];
        if (unlikely(octave == NULL)) {
            octave = nip__histogram_octave(h, bucket / NIP__HISTOGRAM_BUCKETS);
            if (octave == NULL)
                break;
        }
        octave->counts[bucket % NIP__HISTOGRAM_BUCKETS]++;
        rests[bucket / NIP__HISTOGRAM_BUCKETS] += bits & NIP__HISTOGRAM_REST_MAX;
        extend(&e, bits);
    }
    for (size_t i = 0; i < NIP__HISTOGRAM_OCTAVES; i++) {
        if (rests[i] > 0)
            h->octaves[i]->rest += rests[i];
    }
    if (e.least > 0)
        widen(h, of_bits(e.least), of_bits(e.least + e.length));
    h->count += (int64_t)(done - apart);
    return done;
}

/* Takes values out of their buckets again. */
static void take_out(nip_histogram *h, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = bits_of(values[i]), bucket = bucket_of(bits);
        if (bucket >= ALL_BUCKETS)
            continue;
        nip__octave *octave = h->octaves[bucket / NIP__HISTOGRAM_BUCKETS];
        octave->counts[bucket % NIP__HISTOGRAM_BUCKETS]--;
        octave->rest -= bits & NIP__HISTOGRAM_REST_MAX;
    }
}

static void restore(nip_histogram *h, const nip_histogram *before)
{
    memcpy(h->apart, before->apart, sizeof h->apart);
    h->count = before->count;
    h->least = before->least;
    h->greatest = before->greatest;
}

int nip_histogram_record_n(nip_histogram *h, const double *values, size_t count, nip_error **err)
{
    NIP_ARG(h != NULL && (values != NULL || count == 0));
    if (!has_room(h, count))
        return too_many(err);
    const nip_histogram before = *h;
    for (size_t done = 0; done < count;) {
        size_t block = count - done < BLOCK ? count - done : BLOCK, recorded = record_block(h, values + done, block);
        done += recorded;
        if (recorded < block) {
            take_out(h, values, done);
            restore(h, &before);
            return nip__nomem(err);
        }
    }
    return 0;
}

int nip_histogram_record(nip_histogram *h, double value, int64_t times, nip_error **err)
{
    NIP_ARG(h != NULL && times >= 0);
    if (!has_room(h, (uint64_t)times))
        return too_many(err);
    if (times == 0)
        return 0;
    uint64_t bits = bits_of(value), bucket = bucket_of(bits);
    if (bucket >= ALL_BUCKETS) {
        record_apart(h, value, times);
        return 0;
    }
    nip__octave *octave = nip__histogram_octave(h, bucket / NIP__HISTOGRAM_BUCKETS);
    if (octave == NULL)
        return nip__nomem(err);
    octave->counts[bucket % NIP__HISTOGRAM_BUCKETS] += times;
    octave->rest += (unsigned __int128)(bits & NIP__HISTOGRAM_REST_MAX) * (uint64_t)times;
    h->count += times;
    widen(h, value, value);
    return 0;
}

/* ---- merging ---- */

static void add_octave(nip__octave *to, const nip__octave *from)
{
    for (size_t i = 0; i < NIP__HISTOGRAM_BUCKETS; i++)
        to->counts[i] += from->counts[i];
    to->rest += from->rest;
}

int nip_histogram_merge(nip_histogram *h, const nip_histogram *other, nip_error **err)
{
    NIP_ARG(h != NULL && other != NULL);
    if (!has_room(h, (uint64_t)(other->count + other->apart[NIP__NOT_A_NUMBER])))
        return too_many(err);
    for (size_t i = 0; i < NIP__HISTOGRAM_OCTAVES; i++) {
        if (other->octaves[i] != NULL && nip__histogram_octave(h, i) == NULL)
            return nip__nomem(err);
    }
    for (size_t i = 0; i < NIP__HISTOGRAM_OCTAVES; i++) {
        if (other->octaves[i] != NULL)
            add_octave(h->octaves[i], other->octaves[i]);
    }
    for (size_t i = 0; i < NIP__APART; i++)
        h->apart[i] += other->apart[i];
    if (other->count > 0)
        widen(h, other->least, other->greatest);
    h->count += other->count;
    return 0;
}

/* ---- life ---- */

int nip_histogram_new(nip_histogram **histogram, nip_error **err)
{
    NIP_ARG(histogram != NULL);
    nip_histogram *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    made->least = made->greatest = NAN;
    *histogram = made;
    return 0;
}

void nip_histogram_free(nip_histogram *h)
{
    for (size_t i = 0; h != NULL && i < NIP__HISTOGRAM_OCTAVES; i++)
        nip__free(h->octaves[i]);
    nip__free(h);
}
