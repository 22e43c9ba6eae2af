/* Histograms: what is exact is exact, every quantile lies in the interval that is promised, and many that are merged are one, to the byte. */
#include "unit.h"

#include <math.h>

#include "base/random.h"
#include "failing_malloc.h"
#include "nipops/histogram.h"

#define FIRST 0x1p-30 /* the range: [FIRST, END) */
#define END   0x1p34

static nip_histogram *made(void)
{
    nip_histogram *h = NULL;
    assert_int_equal(nip_histogram_new(&h, NULL), 0);
    return h;
}

static nip_histogram *of(const double *values, size_t count)
{
    nip_histogram *h = made();
    assert_int_equal(nip_histogram_record_n(h, values, count, NULL), 0);
    return h;
}

static nip_summary summary_of(const nip_histogram *h)
{
    nip_summary summary;
    assert_int_equal(nip_histogram_summary(h, &summary, NULL), 0);
    return summary;
}

static nip_quantile quantile_of(const nip_histogram *h, double quantile)
{
    nip_quantile found;
    assert_int_equal(nip_histogram_quantile(h, quantile, &found, NULL), 0);
    return found;
}

typedef struct text {
    char *bytes;
    size_t length;
} text;

static text written(const nip_histogram *h)
{
    text t = {NULL, 0};
    assert_int_equal(nip_histogram_write(h, &t.bytes, &t.length, NULL), 0);
    return t;
}

static void assert_same(const nip_histogram *a, const nip_histogram *b)
{
    text one = written(a), other = written(b);
    assert_int_equal(one.length, other.length);
    assert_memory_equal(one.bytes, other.bytes, one.length);
    nip_free(one.bytes);
    nip_free(other.bytes);
}

/* ---- tables ---- */

enum { BUCKET, NEGATIVE, ZERO, BELOW, ABOVE, NOT_A_NUMBER };

static void test_where_values_go(void **state)
{
    (void)state;
    const struct {
        double value;
        int where;
        double lower, upper, answer; /* of its quantile between minus infinity and infinity */
    } rows[] = {
        {0.0, ZERO, 0, 0, 0},
        {-0.0, ZERO, 0, 0, 0},
        {-1.5, NEGATIVE, -INFINITY, 0, 0},
        {-INFINITY, NEGATIVE, -INFINITY, 0, 0},
        {5e-324, BELOW, 0, FIRST, FIRST},
        {nextafter(FIRST, 0), BELOW, 0, FIRST, FIRST},
        {FIRST, BUCKET, FIRST, FIRST * 129 / 128, FIRST * 258 / 257},
        {1.0, BUCKET, 1, 129 / 128.0, 258 / 257.0},
        {nextafter(129 / 128.0, 0), BUCKET, 1, 129 / 128.0, 258 / 257.0},
        {129 / 128.0, BUCKET, 129 / 128.0, 130 / 128.0, 2 * 129 * 130 / 128.0 / 259.0},
        {nextafter(2, 0), BUCKET, 255 / 128.0, 2, 2 * 255 * 256 / 128.0 / 511.0},
        {0.25, BUCKET, 0.25, 0.25 * 129 / 128, 0.25 * 258 / 257},
        {nextafter(END, 0), BUCKET, END / 256 * 255, END, END * 510 / 511},
        {END, ABOVE, END, INFINITY, END},
        {1e300, ABOVE, END, INFINITY, END},
        {INFINITY, ABOVE, END, INFINITY, END},
        {NAN, NOT_A_NUMBER, 0, 0, 0},
        {-NAN, NOT_A_NUMBER, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        nip_histogram *h = of((double[]){INFINITY, rows[i].value, -INFINITY}, 3);
        nip_summary s = summary_of(h);
        const int64_t apart[] = {[NEGATIVE] = s.negatives - 1, [ZERO] = s.zeros, [BELOW] = s.below, [ABOVE] = s.above - 1,
                                 [NOT_A_NUMBER] = s.not_numbers};
        for (int k = NEGATIVE; k <= NOT_A_NUMBER; k++) {
            if (apart[k] != (k == rows[i].where))
                fail_msg("%g: %lld at %d", rows[i].value, (long long)apart[k], k);
        }
        assert_int_equal(s.count, rows[i].where == NOT_A_NUMBER ? 2 : 3);
        assert_true(s.least == -INFINITY && s.greatest == INFINITY);
        assert_true(s.sum == (rows[i].where == BUCKET ? rows[i].value : 0));
        if (rows[i].where != NOT_A_NUMBER) {
            nip_quantile q = quantile_of(h, 0.5);
            assert_int_equal(q.rank, 2);
            if (q.lower != rows[i].lower || q.upper != rows[i].upper || fabs(q.value - rows[i].answer) > 1e-15 * rows[i].answer)
                fail_msg("%g: %.17g in [%.17g, %.17g]", rows[i].value, q.value, q.lower, q.upper);
        }
        nip_histogram_free(h);
    }
}

/* Two zeros are one value: bytes do not say which of them was recorded first. */
static void test_zeros_are_one(void **state)
{
    (void)state;
    nip_histogram *plain = of((double[]){0.0}, 1), *negative = of((double[]){-0.0}, 1), *singly = made();
    assert_int_equal(nip_histogram_record(singly, -0.0, 1, NULL), 0);
    assert_same(plain, negative);
    assert_same(plain, singly);
    assert_false(signbit(summary_of(negative).least));
    nip_histogram_free(plain);
    nip_histogram_free(negative);
    nip_histogram_free(singly);
}

/* Ranks are whole numbers: 0.07 * 100 and 0.29 * 100 are not, in doubles. */
static void test_ranks(void **state)
{
    (void)state;
    const struct {
        int64_t count;
        double quantile;
        int64_t rank;
    } rows[] = {
        {1, 0, 1},      {1, 0.5, 1},        {1, 1, 1},        {2, 0.5, 1},         {2, 0.500000001, 2},
        {100, 0.07, 7}, {100, 0.29, 29},    {100, 0.95, 95},  {100, 0.951, 96},    {1000, 0.999, 999},
        {20, 0.95, 19}, {21, 0.95, 20},     {3, 1 / 3.0, 1},  {1000000, 0.99, 990000},
        {INT64_MAX, 1, INT64_MAX},          {INT64_MAX, 0, 1}, {INT64_MAX, 0.5, INT64_MAX / 2 + 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        nip_histogram *h = made();
        assert_int_equal(nip_histogram_record(h, 3, rows[i].count, NULL), 0);
        int64_t rank = quantile_of(h, rows[i].quantile).rank;
        if (rank != rows[i].rank)
            fail_msg("%.17g of %lld: rank %lld", rows[i].quantile, (long long)rows[i].count, (long long)rank);
        nip_histogram_free(h);
    }
}

/* The least and the greatest narrow the interval: where they are all there is, nothing is left to guess. */
static void test_known_ends(void **state)
{
    (void)state;
    nip_histogram *h = of((double[]){0.1003, 0.1001, 0.1002}, 3);
    nip_quantile first = quantile_of(h, 0), middle = quantile_of(h, 0.5), last = quantile_of(h, 1);
    assert_true(first.lower == 0.1001 && first.upper == 0.1001 && first.value == 0.1001);
    assert_true(middle.lower == 0.1001 && middle.upper == 0.1003);
    assert_true(last.lower == 0.1003 && last.upper == 0.1003 && last.value == 0.1003);
    nip_histogram_free(h);
    h = of((double[]){-3, -2, 1e18}, 3);
    middle = quantile_of(h, 0.5);
    assert_true(middle.lower == -3 && middle.upper == 0);
    nip_histogram_free(h);
}

static void test_refused(void **state)
{
    (void)state;
    nip_histogram *h = made();
    nip_quantile q = {.rank = 42};
    nip_summary s = summary_of(h);
    assert_int_equal(nip_histogram_quantile(h, 0.5, &q, NULL), NIP_E_STATE);
    assert_true(s.count == 0 && isnan(s.least) && isnan(s.greatest) && s.sum == 0);
    assert_int_equal(nip_histogram_record(h, NAN, 5, NULL), 0);
    assert_int_equal(nip_histogram_quantile(h, 0.5, &q, NULL), NIP_E_STATE); /* what is not a number is no value */
    assert_int_equal(nip_histogram_record(h, 1, 1, NULL), 0);
    const double wrong[] = {-0.1, 1.1, NAN, INFINITY};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(nip_histogram_quantile(h, wrong[i], &q, NULL), NIP_E_INVALID);
    assert_int_equal(q.rank, 42);
    assert_int_equal(nip_histogram_record(h, 1, -1, NULL), NIP_E_INVALID);
    assert_int_equal(nip_histogram_record_n(h, NULL, 1, NULL), NIP_E_INVALID);
    assert_int_equal(nip_histogram_record_n(h, NULL, 0, NULL), 0);
    assert_int_equal(nip_histogram_merge(h, NULL, NULL), NIP_E_INVALID);
    nip_histogram_free(h);
    nip_histogram_free(NULL);
}

/* No count ever overflows: what would is refused, and changes nothing. */
static void test_most(void **state)
{
    (void)state;
    nip_histogram *full = made(), *other = of((double[]){2}, 1), *nothing = of((double[]){NAN}, 1);
    assert_int_equal(nip_histogram_record(full, 1.5, INT64_MAX - 1, NULL), 0);
    assert_int_equal(nip_histogram_record(full, NAN, 2, NULL), NIP_E_LIMIT);
    assert_int_equal(nip_histogram_record(full, NAN, 1, NULL), 0);
    text before = written(full);
    assert_int_equal(nip_histogram_record(full, 1.5, 1, NULL), NIP_E_LIMIT);
    assert_int_equal(nip_histogram_record(full, 1.5, 0, NULL), 0);
    assert_int_equal(nip_histogram_record_n(full, (double[]){0}, 1, NULL), NIP_E_LIMIT);
    assert_int_equal(nip_histogram_merge(full, other, NULL), NIP_E_LIMIT);
    assert_int_equal(nip_histogram_merge(full, nothing, NULL), NIP_E_LIMIT);
    assert_int_equal(nip_histogram_merge(full, full, NULL), NIP_E_LIMIT);
    text after = written(full);
    assert_int_equal(before.length, after.length);
    assert_memory_equal(before.bytes, after.bytes, before.length);
    assert_true(summary_of(full).sum == ldexp(1.5, 63)); /* 1.5 * (2^63 - 2), rounded once */
    nip_free(before.bytes);
    nip_free(after.bytes);
    nip_histogram_free(full);
    nip_histogram_free(other);
    nip_histogram_free(nothing);
}

/* Sums are exact before they are rounded: small ones do not vanish beside large ones, in whatever order. */
static void test_sums(void **state)
{
    (void)state;
    const struct {
        double values[4];
        double sum;
    } rows[] = {
        {{1, 2, 3, 4}, 10},
        {{0.7, 0.1, 0.2, 0}, 1}, /* one after the other: 0.9999999999999999 */
        {{0x1p33, FIRST, 0x1p33, FIRST}, 0x1p34 + 2 * FIRST},
        {{0x1p33, 0x1p-20 - FIRST, FIRST, 0}, 0x1p33},                               /* half of its last digit: to the even one */
        {{0x1p33, 0x1p-20 - FIRST, FIRST + 0x1p-82, 0}, 0x1p33 + 0x1p-19},           /* 2^-82 more than that half: up */
        {{0x1p33 + 0x1p-19, 0x1p-21, 0x1p-21, 0}, 0x1p33 + 0x1p-18},
        {{1.7179869183e10, 1.7179869183e10, 1.7179869183e10, 1.7179869183e10}, 4 * 1.7179869183e10},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        nip_histogram *h = of(rows[i].values, 4);
        if (summary_of(h).sum != rows[i].sum)
            fail_msg("row %zu: %.17g, wanted %.17g", i, summary_of(h).sum, rows[i].sum);
        nip_histogram_free(h);
    }
}

/* ---- laws, over values drawn at random ---- */

enum { ROUNDS = 300, MOST = 3000, PARTS = 16 };

/* A few kinds of samples that are hard in their own ways. */
static double drawn(nip__random *random, int kind)
{
    double unit = nip__random_unit(random);
    switch (kind) {
    case 0: /* latencies */
        return 0.05 * exp(2 * unit + nip__random_unit(random) - nip__random_unit(random));
    case 1: /* all octaves, and a little beyond both ends */
        return exp2(68 * unit - 32);
    case 2: /* a few points, on bounds of buckets and beside them */
        return nextafter(1 + (double)nip__random_below(random, 4) / 128, (double)nip__random_below(random, 3));
    case 3: /* everything that has no bucket, too */
        return (const double[]){0, -0.0, -1, -1e300, NAN, INFINITY, -INFINITY, 1e-12, 1e12, 0.5, 0.75, 3}[nip__random_below(random, 12)];
    default: /* one value alone */
        return 0.123;
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static size_t sorted_numbers(const double *values, size_t count, double *sorted)
{
    size_t numbers = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isnan(values[i]))
            sorted[numbers++] = values[i];
    }
    qsort(sorted, numbers, sizeof *sorted, by_size);
    return numbers;
}

static void check_quantile(const nip_histogram *h, const double *sorted, double quantile)
{
    nip_quantile q = quantile_of(h, quantile);
    double truth = sorted[q.rank - 1];
    if (!(q.lower <= truth && truth <= q.upper && q.lower <= q.value && q.value <= q.upper))
        fail_msg("%g: %.17g is not in [%.17g, %.17g], or %.17g is not", quantile, truth, q.lower, q.upper, q.value);
    if (truth >= FIRST && truth < END && fabs(q.value - truth) > truth / 257 * (1 + 1e-12))
        fail_msg("%g: %.17g is too far from %.17g", quantile, q.value, truth);
}

static void test_quantiles_hold_the_truth(void **state)
{
    (void)state;
    static double values[MOST], sorted[MOST];
    nip__random random;
    nip__random_seed(&random, 20261126);
    for (int round = 0; round < ROUNDS; round++) {
        size_t count = 1 + nip__random_below(&random, MOST);
        for (size_t i = 0; i < count; i++)
            values[i] = drawn(&random, round % 5);
        nip_histogram *h = of(values, count);
        size_t numbers = sorted_numbers(values, count, sorted);
        nip_summary s = summary_of(h);
        assert_int_equal(s.count, numbers);
        assert_int_equal(s.not_numbers, count - numbers);
        assert_true(numbers == 0 || (s.least == sorted[0] && s.greatest == sorted[numbers - 1]));
        const double plain[] = {0, 0.5, 0.9, 0.95, 0.99, 0.999, 1};
        for (size_t i = 0; i < sizeof plain / sizeof plain[0] && numbers > 0; i++)
            check_quantile(h, sorted, plain[i]);
        for (int i = 0; i < 20 && numbers > 0; i++)
            check_quantile(h, sorted, nip__random_unit(&random));
        nip_histogram_free(h);
    }
}

/* One by one, some of them several times at once, in another order: what the whole array gives. */
static void record_singly(nip_histogram *h, const double *values, size_t count, nip__random *random)
{
    for (size_t i = 0; i < count;) {
        size_t same = 1;
        while (i + same < count && memcmp(&values[i], &values[i + same], sizeof *values) == 0 && nip__random_below(random, 4) > 0)
            same++;
        assert_int_equal(nip_histogram_record(h, values[i], (int64_t)same, NULL), 0);
        i += same;
    }
}

static void test_partitions_are_the_whole(void **state)
{
    (void)state;
    static double values[MOST], part[MOST];
    nip__random random;
    nip__random_seed(&random, 4711);
    for (int round = 0; round < ROUNDS; round++) {
        size_t count = nip__random_below(&random, MOST), parts = 1 + nip__random_below(&random, PARTS);
        for (size_t i = 0; i < count; i++)
            values[i] = drawn(&random, round % 5);
        nip_histogram *whole = of(values, count), *merged = made();
        for (size_t p = 0; p < parts; p++) { /* value i is in part i % parts, taken from the end */
            size_t taken = 0;
            for (size_t i = count; i-- > 0;) {
                if (i % parts == p)
                    part[taken++] = values[i];
            }
            nip_histogram *one = made();
            record_singly(one, part, taken, &random);
            if (nip__random_below(&random, 2) == 0) { /* either into the other */
                nip_histogram *swapped = merged;
                merged = one;
                one = swapped;
            }
            assert_int_equal(nip_histogram_merge(merged, one, NULL), 0);
            nip_histogram_free(one);
        }
        assert_same(whole, merged);
        nip_histogram_free(whole);
        nip_histogram_free(merged);
    }
}

/* Longer than what is recorded in one go, of values whose parts below the bucket are as large as can be. */
static void test_long_arrays(void **state)
{
    (void)state;
    enum { LONG = 600000 };
    double *values = malloc(LONG * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < LONG; i++)
        values[i] = nextafter(2, 0);
    nip_histogram *whole = of(values, LONG), *once = made(), *twice = made();
    assert_int_equal(nip_histogram_record(once, nextafter(2, 0), LONG, NULL), 0);
    assert_same(whole, once);
    assert_true(summary_of(whole).sum == LONG * nextafter(2, 0));
    assert_int_equal(nip_histogram_merge(whole, whole, NULL), 0);
    assert_int_equal(nip_histogram_record(twice, nextafter(2, 0), 2 * LONG, NULL), 0);
    assert_same(whole, twice);
    nip_histogram_free(whole);
    nip_histogram_free(once);
    nip_histogram_free(twice);
    free(values);
}

/* ---- bytes ---- */

static int read_back(const char *bytes, size_t length)
{
    nip_histogram *h = NULL;
    nip_error *err = NULL;
    int rc = nip_histogram_read(bytes, length, &h, &err);
    if (rc == 0) {
        text again = written(h);
        assert_int_equal(again.length, length);
        assert_memory_equal(again.bytes, bytes, length);
        nip_free(again.bytes);
        nip_histogram_free(h);
    } else {
        assert_null(h);
        assert_int_equal(nip_error_code(err), rc);
        nip_error_free(err);
    }
    return rc;
}

/* The format does not change by accident: others' bytes would become unreadable. */
static void test_bytes(void **state)
{
    (void)state;
    static const char nothing[] = "NIPH\x01\0\0\0\0\0\0";
    static const char some[] = "NIPH\x01"
                               "\x01\x02\x00\x01\x03" /* a negative value, two zeros, one above, three that are no numbers */
                               "\x02"                 /* two octaves */
                               "\x1e\x05\x02"         /* thirty before 1..2; rests of 5; two buckets */
                               "\x00\x02\x7e\x01"     /* the first has two values, the last one */
                               "\x00\x00\x01\x40\x01" /* 2..4; no rests; one bucket, the 65th, one value */
                               "\0\0\0\0\0\0\xf0\xbf" /* -1 */
                               "\0\0\0\0\0\0\xf0\x7f"; /* infinity */
    const double values[] = {0, 1, 1 + 5 * 0x1p-52, -1, NAN, INFINITY, 2 - 1.0 / 128, 3, NAN, NAN, -0.0};
    nip_histogram *h = made();
    text empty = written(h);
    assert_int_equal(empty.length, sizeof nothing - 1);
    assert_memory_equal(empty.bytes, nothing, empty.length);
    assert_int_equal(nip_histogram_record_n(h, values, sizeof values / sizeof values[0], NULL), 0);
    text full = written(h);
    assert_int_equal(full.length, sizeof some - 1);
    assert_memory_equal(full.bytes, some, full.length);
    assert_int_equal(read_back(empty.bytes, empty.length), 0);
    assert_int_equal(read_back(full.bytes, full.length), 0);
    nip_free(empty.bytes);
    nip_free(full.bytes);
    nip_histogram_free(h);
}

#define ONE  "\0\0\0\0\0\0\xf0\x3f" /* 1 */
#define TWO  "\0\0\0\0\0\0\0\x40"
#define INF  "\0\0\0\0\0\0\xf0\x7f"
#define MOST_COUNT "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
#define ROW(bytes) bytes, sizeof(bytes) - 1

static void test_hostile_bytes(void **state)
{
    (void)state;
    const struct {
        const char *bytes;
        size_t length;
        int rc;
    } rows[] = {
        {ROW(""), NIP_E_CORRUPT},
        {ROW("NIP"), NIP_E_CORRUPT},
        {ROW("nipH\x01\0\0\0\0\0\0"), NIP_E_CORRUPT},
        {ROW("NIPH\0\0\0\0\0\0\0"), NIP_E_CORRUPT},
        {ROW("NIPH\x02\0\0\0\0\0\0"), NIP_E_VERSION},
        {ROW("NIPH\x81\x00\0\0\0\0\0\0"), NIP_E_CORRUPT},                     /* a number longer than it must be */
        {ROW("NIPH\x01\0\0\0\0\0\0\0"), NIP_E_CORRUPT},                       /* more than the end */
        {ROW("NIPH\x01\0" MOST_COUNT "\0\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0"), 0},
        {ROW("NIPH\x01\x01" MOST_COUNT "\0\0\0\0" "\0\0\0\0\0\0\xf0\xbf" "\0\0\0\0\0\0\0\0"), NIP_E_CORRUPT}, /* 2^63 values */
        {ROW("NIPH\x01\0\0\0\0\x01\x01\x1e\0\x01\0" MOST_COUNT ONE ONE), NIP_E_CORRUPT},                      /* ... with one that is no number */
        {ROW("NIPH\x01\0\0\0\0\0\x01\x1e\0\x01\0\x01" ONE ONE), 0},
        {ROW("NIPH\x01\0\0\0\0\0\x01\x1e\0\x01\0\x01" ONE TWO), NIP_E_CORRUPT},  /* one value cannot be two */
        {ROW("NIPH\x01\0\0\0\0\0\x01\x1e\0\x01\0\x02" TWO ONE), NIP_E_CORRUPT},
        {ROW("NIPH\x01\0\0\0\0\0\x01\x1e\0\x01\0\x01" "\0\0\0\0\0\0\xf8\x7f" ONE), NIP_E_CORRUPT},
        {ROW("NIPH\x01\0\x01\0\0\0\0" "\0\0\0\0\0\0\0\x80" "\0\0\0\0\0\0\0\0"), NIP_E_CORRUPT}, /* -0 */
        {ROW("NIPH\x01\0\0\0\x01\0\0" INF INF), 0},
        {ROW("NIPH\x01\0\0\0\x02\0\0" TWO INF), NIP_E_CORRUPT},                  /* 2 is not above the range */
        {ROW("NIPH\x01\0\0\0\0\0\x01\x1e\x01\x01\0\x01" ONE ONE), NIP_E_CORRUPT}, /* a rest that 1 does not have */
        {ROW("NIPH\x01\0\0\0\0\0\x01\x1e\x01\x01\0\x01" "\x01\0\0\0\0\0\xf0\x3f" "\x01\0\0\0\0\0\xf0\x3f"), 0},
        {ROW("NIPH\x01\0\0\0\0\0\x01\x1e\x01\x01\0\x02" ONE "\x02\0\0\0\0\0\xf0\x3f"), NIP_E_CORRUPT}, /* 0 and 2 make 2 */
        {ROW("NIPH\x01\0\0\0\0\0\x01\x1e\x02\x01\0\x02" ONE "\x02\0\0\0\0\0\xf0\x3f"), 0},
        {ROW("NIPH\x01\0\0\0\0\0\x01\x1e\x03\x01\0\x03" ONE "\x02\0\0\0\0\0\xf0\x3f"), 0},             /* 0, 1, 2 */
        {ROW("NIPH\x01\0\0\0\0\0\x01\x1e\x05\x01\0\x03" ONE "\x02\0\0\0\0\0\xf0\x3f"), NIP_E_CORRUPT},
        {ROW("NIPH\x01\0\0\0\0\0\x01\x1e\0\x01\0\0" ONE ONE), NIP_E_CORRUPT},    /* a bucket without a value */
        {ROW("NIPH\x01\0\0\0\0\0\x01\x1e\0\0" ONE ONE), NIP_E_CORRUPT},          /* an octave without a bucket */
        {ROW("NIPH\x01\0\0\0\0\0\x01\x40\0\x01\0\x01" ONE ONE), NIP_E_CORRUPT},  /* the 65th octave */
        {ROW("NIPH\x01\0\0\0\0\0\x41"), NIP_E_CORRUPT},                          /* 65 octaves */
        {ROW("NIPH\x01\0\0\0\0\0\x02\x3f\0\x01\0\x01\0\0\x01\0\x01" ONE ONE), NIP_E_CORRUPT}, /* the last, and one more */
        {ROW("NIPH\x01\0\0\0\0\0\x01\x1e\0\x01\x80\x01\x01" ONE ONE), NIP_E_CORRUPT},         /* the 129th bucket */
        {ROW("NIPH\x01\0\0\0\0\0\x01\x1e\0\x02\x7f\x01\0\x01" ONE ONE), NIP_E_CORRUPT},
        {ROW("NIPH\x01\0\0\0\0\0\x01\x1e\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01\0\x01" ONE ONE), NIP_E_CORRUPT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int rc = read_back(rows[i].bytes, rows[i].length);
        if (rc != rows[i].rc)
            fail_msg("row %zu: %d, wanted %d", i, rc, rows[i].rc);
    }
}

/* Every cut is refused; every other byte is refused, or is another histogram that is written as it was read. */
static void test_damaged_bytes(void **state)
{
    (void)state;
    double values[200];
    nip__random random;
    nip__random_seed(&random, 99);
    for (size_t i = 0; i < 200; i++)
        values[i] = drawn(&random, (int)(i % 5));
    nip_histogram *h = of(values, 200);
    text t = written(h);
    for (size_t i = 0; i < t.length; i++) {
        char *cut = malloc(i > 0 ? i : 1);
        assert_non_null(cut);
        memcpy(cut, t.bytes, i);
        assert_int_equal(read_back(cut, i), NIP_E_CORRUPT);
        free(cut);
        for (int bit = 0; bit < 8; bit++) {
            t.bytes[i] = (char)(t.bytes[i] ^ 1 << bit);
            read_back(t.bytes, t.length);
            t.bytes[i] = (char)(t.bytes[i] ^ 1 << bit);
        }
    }
    assert_int_equal(read_back(t.bytes, t.length), 0);
    nip_free(t.bytes);
    nip_histogram_free(h);
}

/* ---- when memory is out ---- */

typedef struct memory_case {
    nip_histogram *h, *wide;
    text t;
    double values[64];
} memory_case;

static int call_record(memory_case *m, nip_error **err)
{
    return nip_histogram_record(m->h, 1e6, 1, err);
}

static int call_record_n(memory_case *m, nip_error **err)
{
    return nip_histogram_record_n(m->h, m->values, 64, err);
}

static int call_merge(memory_case *m, nip_error **err)
{
    return nip_histogram_merge(m->h, m->wide, err);
}

static int call_write(memory_case *m, nip_error **err)
{
    text out = {NULL, 7};
    int rc = nip_histogram_write(m->wide, &out.bytes, &out.length, err);
    assert_true(rc == 0 || (out.bytes == NULL && out.length == 7));
    nip_free(out.bytes);
    return rc;
}

static int call_read(memory_case *m, nip_error **err)
{
    nip_histogram *read = NULL;
    int rc = nip_histogram_read(m->t.bytes, m->t.length, &read, err);
    assert_true(rc == 0 || read == NULL);
    nip_histogram_free(read);
    return rc;
}

static int call_new(memory_case *m, nip_error **err)
{
    nip_histogram *fresh = NULL;
    (void)m;
    int rc = nip_histogram_new(&fresh, err);
    assert_true(rc == 0 || fresh == NULL);
    nip_histogram_free(fresh);
    return rc;
}

/* Whichever allocation fails: the call says so, and the histogram holds what it held. */
static void test_no_memory(void **state)
{
    (void)state;
    const struct {
        int (*call)(memory_case *m, nip_error **err);
        long allocations; /* at least */
    } calls[] = {{call_record, 1}, {call_record_n, 32}, {call_merge, 32}, {call_write, 1}, {call_read, 33}, {call_new, 1}};
    memory_case m = {.wide = made()};
    for (int i = 0; i < 64; i++)
        m.values[i] = i % 9 == 0 ? (i % 2 == 0 ? -1.0 : NAN) : i % 7 == 0 ? 0 : exp2(i - 30) * 1.0123456789;
    assert_int_equal(nip_histogram_record_n(m.wide, m.values, 64, NULL), 0);
    m.t = written(m.wide);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        for (long k = 1;; k++) {
            nip_histogram *untouched = of((double[]){1.25, -2, 0.3, NAN}, 4);
            nip_error *err = NULL;
            m.h = of((double[]){1.25, -2, 0.3, NAN}, 4);
            long alive = allocations_alive();
            fail_allocation(k, k % 2 == 0);
            int rc = calls[i].call(&m, &err);
            long seen = allocations_seen();
            fail_allocation(0, 0);
            if (seen < k) {
                assert_int_equal(rc, 0);
                assert_true(k > calls[i].allocations);
                nip_histogram_free(m.h);
                nip_histogram_free(untouched);
                break;
            }
            assert_int_equal(rc, NIP_E_NOMEM);
            assert_int_equal(nip_error_code(err), NIP_E_NOMEM);
            assert_same(m.h, untouched);
            assert_true(calls[i].call == call_record_n || calls[i].call == call_merge || allocations_alive() == alive);
            assert_int_equal(calls[i].call(&m, NULL), 0); /* and works when there is memory again */
            nip_histogram_free(m.h);
            nip_histogram_free(untouched);
        }
    }
    nip_free(m.t.bytes);
    nip_histogram_free(m.wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_values_go),
        cmocka_unit_test(test_zeros_are_one),
        cmocka_unit_test(test_ranks),
        cmocka_unit_test(test_known_ends),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_most),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_quantiles_hold_the_truth),
        cmocka_unit_test(test_partitions_are_the_whole),
        cmocka_unit_test(test_long_arrays),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_damaged_bytes),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
