/* A million latencies into a histogram, against what it costs to count them in buckets and keep nothing else; two histograms merged; a
 * quantile. */
#include <math.h>
#include <string.h>

#include "bench.h"

enum { VALUES = 1000000, TURNS = 5, MERGES = 20000, QUANTILES = 20000, BUCKETS = 64 * 128 };

/* Lognormal, median 50 ms, in whole microseconds, as services have them: between some 0.4 ms and 6 s. */
static double latency(void)
{
    double unit = (double)(random() + 1) / ((double)RAND_MAX + 2), angle = 6.283185307179586 * (double)random() / (double)RAND_MAX;
    return round(0.05e6 * exp(sqrt(-2 * log(unit)) * cos(angle))) / 1e6;
}

/* The same buckets, for values within the range, and nothing beside them: the lower bound. */
static __attribute__((noinline)) void count_plainly(uint64_t *counts, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        counts[(bits >> 45) - (1023 - 30) * 128]++;
    }
}

static double plain_ns(const double *values)
{
    static uint64_t counts[BUCKETS];
    double start = cpu_ns();
    for (int i = 0; i < TURNS; i++)
        count_plainly(counts, values, VALUES);
    double took = cpu_ns() - start;
    uint64_t all = 0;
    for (size_t i = 0; i < BUCKETS; i++)
        all += counts[i];
    if (all != (uint64_t)VALUES * TURNS)
        exit(1);
    return took / TURNS / VALUES;
}

static double record_ns(nip_histogram *h, const double *values)
{
    double start = cpu_ns();
    for (int i = 0; i < TURNS; i++)
        CHECK(nip_histogram_record_n(h, values, VALUES, &err));
    return (cpu_ns() - start) / TURNS / VALUES;
}

static double single_ns(nip_histogram *h, const double *values)
{
    double start = cpu_ns();
    for (size_t i = 0; i < VALUES; i++)
        CHECK(nip_histogram_record(h, values[i], 1, &err));
    return (cpu_ns() - start) / VALUES;
}

static double merge_us(const nip_histogram *h)
{
    nip_histogram *sum = NULL;
    CHECK(nip_histogram_new(&sum, &err));
    CHECK(nip_histogram_merge(sum, h, &err));
    double start = cpu_ns();
    for (int i = 0; i < MERGES; i++)
        CHECK(nip_histogram_merge(sum, h, &err));
    double took = cpu_ns() - start;
    nip_histogram_free(sum);
    return took / MERGES / 1e3;
}

static double quantile_us(const nip_histogram *h)
{
    nip_quantile q;
    double start = cpu_ns();
    for (int i = 0; i < QUANTILES; i++)
        CHECK(nip_histogram_quantile(h, 0.95, &q, &err));
    return (cpu_ns() - start) / QUANTILES / 1e3;
}

int main(void)
{
    double *values = must(malloc(VALUES * sizeof *values));
    srandom(20261126);
    for (size_t i = 0; i < VALUES; i++)
        values[i] = latency();
    nip_histogram *h = NULL, *narrow = NULL;
    CHECK(nip_histogram_new(&h, &err));
    CHECK(nip_histogram_new(&narrow, &err));
    for (int i = 0; i < 1000; i++)
        CHECK(nip_histogram_record(narrow, 0.05 * exp2(5.0 * i / 1000), 1, &err));
    record_ns(h, values); /* warm */
    report("record_n_ns", record_ns(h, values));
    report("record_plain_ns", plain_ns(values));
    report("record_ns", single_ns(h, values));
    report("merge_us", merge_us(narrow));
    report("merge_wide_us", merge_us(h));
    report("quantile_us", quantile_us(h));
    char *bytes = NULL;
    size_t length = 0;
    CHECK(nip_histogram_write(h, &bytes, &length, &err));
    report("histogram_bytes", (double)length);
    nip_free(bytes);
    nip_histogram_free(narrow);
    nip_histogram_free(h);
    free(values);
    return 0;
}
