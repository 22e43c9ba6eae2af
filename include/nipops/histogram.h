/**
 * nipops/histogram.h: many measurements (latencies, sizes, rates) in little memory, with quantiles that say how exact they are.
 *
 *     nip_histogram *latencies;
 *     nip_quantile p95;
 *     nip_histogram_new(&latencies, &err);
 *     nip_histogram_record_n(latencies, seconds, count, &err);
 *     nip_histogram_quantile(latencies, 0.95, &p95, &err);      p95.lower <= the true one <= p95.upper
 *
 * Buckets. Every octave [2^e, 2^(e+1)), e from -30 to 33, has 128 buckets of equal width: values from about 0.93e-9 to 17e9, of whatever
 * unit (as seconds: from a nanosecond to five centuries). An octave takes memory (1 KiB) once a value falls into it. A bucket is never
 * wider than 1/128 of its lower bound, so a quantile within the range is off by 1/257 = 0.39 % at most.
 *
 * Nothing is lost. Zeros, negative values and values below or above the range are counted apart and keep their places in the order, so
 * they have their part in quantiles; what is not a number (NaN) has no place in an order and is counted by itself. Count, least and
 * greatest value are exact, and so is the sum of the values within the range.
 *
 * Merging is exact: a histogram holds the same, to the byte, whether values were recorded in one, or in many that were merged in any order.
 * So shards, hosts and hours add up; merging takes below a microsecond where values span a few octaves.
 */
#ifndef NIPOPS_HISTOGRAM_H
#define NIPOPS_HISTOGRAM_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nip_histogram nip_histogram;

/** What is known exactly. */
typedef struct nip_summary {
    int64_t count;       /* values recorded; `not_numbers` are not among them */
    int64_t negatives;   /* of these: below zero, minus infinity included */
    int64_t zeros;       /* 0 and -0 */
    int64_t below;       /* above zero and below 2^-30 */
    int64_t above;       /* 2^34 or more, infinity included */
    int64_t not_numbers; /* NaN */
    double least;        /* NaN when count is 0 */
    double greatest;     /* NaN when count is 0 */
    double sum;          /* of the values within the range, rounded once; of all where negatives, below and above are 0 */
} nip_summary;

/** A quantile and what is guaranteed of it: the true one, of the values as they were recorded, lies in [lower, upper]. */
typedef struct nip_quantile {
    double value; /* 2 * lower * upper / (lower + upper), which is off by (upper - lower) / (upper + lower) at most */
    double lower;
    double upper;
    int64_t rank; /* which of the sorted values it is, from 1 */
} nip_quantile;

/** An empty one. Owned: nip_histogram_free. */
NIP_API int nip_histogram_new(nip_histogram **histogram, nip_error **err);

/**
 * Records one value `times` times.
 *
 * @param value  any double
 * @param times  0 or more
 * @return 0; NIP_E_INVALID; NIP_E_LIMIT when there would be more than 2^63 - 1 values; NIP_E_NOMEM: nothing was recorded
 */
NIP_API int nip_histogram_record(nip_histogram *histogram, double value, int64_t times, nip_error **err);

/**
 * Records an array of values.
 *
 * @param values  read during the call only; may be NULL when `count` is 0
 * @return 0; NIP_E_LIMIT; NIP_E_NOMEM: none of them was recorded
 */
NIP_API int nip_histogram_record_n(nip_histogram *histogram, const double *values, size_t count, nip_error **err);

/**
 * Adds all that `other` holds to `histogram`; `other` stays as it is. Both may be the same: it then holds everything twice.
 *
 * @return 0; NIP_E_LIMIT; NIP_E_NOMEM: nothing was added
 */
NIP_API int nip_histogram_merge(nip_histogram *histogram, const nip_histogram *other, nip_error **err);

/** Count, least, greatest and sum, and what was counted apart. @return 0 */
NIP_API int nip_histogram_summary(const nip_histogram *histogram, nip_summary *summary, nip_error **err);

/**
 * A quantile by the nearest rank: the smallest recorded value that at least the part `quantile` of all values is not above. Its rank is
 * quantile * count rounded up (1 at least), with `quantile` taken to nine digits after the point, so that 0.07 of 100 values is the 7th.
 *
 * @param quantile  0 (the least) to 1 (the greatest); 0.95 is p95
 * @param out       out: a plain value. Where the interval reaches out of the range on one side (lower <= 0, upper infinite), `value` is
 *                  its other end
 * @return 0; NIP_E_INVALID; NIP_E_STATE when there are no values: nothing has no quantile
 */
NIP_API int nip_histogram_quantile(const nip_histogram *histogram, double quantile, nip_quantile *out, nip_error **err);

/**
 * Writes it as bytes, the same ones for the same values on every machine, however they were recorded and merged.
 *
 * @param bytes   out, owned: nip_free
 * @param length  out: how many; some 2 bytes for each bucket in use
 * @return 0, or NIP_E_NOMEM
 */
NIP_API int nip_histogram_write(const nip_histogram *histogram, char **bytes, size_t *length, nip_error **err);

/**
 * Reads what nip_histogram_write wrote. Bytes that it cannot have written are refused, whatever they are.
 *
 * @param histogram  out, owned: nip_histogram_free
 * @return 0; NIP_E_CORRUPT with the place of what is wrong; NIP_E_VERSION for a format of a newer library; NIP_E_NOMEM
 */
NIP_API int nip_histogram_read(const char *bytes, size_t length, nip_histogram **histogram, nip_error **err);

/** Gives it up. NULL is fine. */
NIP_API void nip_histogram_free(nip_histogram *histogram);

#ifdef __cplusplus
}
#endif

#endif
