/* Two samples compared by ranks. */
#include "analysis/rank.h"

#include <math.h>
#include <stdlib.h>

static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign); /* lgamma() writes the global signgam */
}

static double log_choose(int64_t n, int64_t k)
{
    return log_gamma((double)n + 1) - log_gamma((double)k + 1) - log_gamma((double)(n - k) + 1);
}

/* All interleavings of the two samples are equally likely. In those with exactly `above` of the second above that value,
 * they mix with the first's that are above it, and the rest with those that are below (the negative hypergeometric
 * distribution). Terms fall from one to the next once they are past the mean, so the sum ends early. */
double nip__precedence_tail(int64_t first, int64_t second, int64_t rank, int64_t above)
{
    if (above <= 0)
        return 1;
    double all = log_choose(first + second, second), sum = 0;
    for (int64_t k = above; k <= second; k++) {
        double term = exp(log_choose(first - rank + k, k) + log_choose(rank - 1 + second - k, second - k) - all);
        sum += term;
        if (term < sum * 1e-17 && k > above)
            break;
    }
    return sum > 1 ? 1 : sum;
}

int64_t nip__quantile_rank(int64_t count, double quantile)
{
    int64_t rank = (int64_t)ceil(quantile * (double)count - 1e-9);
    return rank < 1 ? (count > 0) : rank > count ? count : rank;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void nip__sort_numbers(double *numbers, size_t count)
{
    if (count > 1)
        qsort(numbers, count, sizeof *numbers, by_size);
}
