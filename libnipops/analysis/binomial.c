/* Exact tail of the binomial distribution through the regularised incomplete beta function. */
#include "nipops/analysis.h"

#include <math.h>

#include "base/error.h"

enum { ITERATIONS_MAX = 100000 };

/* Continued fraction of the incomplete beta function by the modified Lentz method (Abramowitz & Stegun 26.5.8). It converges in
 * O(sqrt(max(a, b))) steps for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1.0, d = 1.0 - (a + b) * x / (a + 1.0);
    d = 1.0 / (fabs(d) < tiny ? tiny : d);
    double fraction = d;
    for (int m = 1; m <= ITERATIONS_MAX; m++) {
        double even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 + even * d;
        c = 1.0 + even / c;
        d = 1.0 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        fraction *= d * c;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 + odd * d;
        c = 1.0 + odd / c;
        d = 1.0 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        double step = d * c;
        fraction *= step;
        if (fabs(step - 1.0) < 1e-15)
            break;
    }
    return fraction;
}

/* lgamma() writes the global signgam; lgamma_r() does not. */
static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* I_x(a, b), 0 < x < 1. */
static double beta_regularised(double a, double b, double x)
{
    double front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1.0) / (a + b + 2.0))
        return front * beta_fraction(a, b, x) / a;
    return 1.0 - front * beta_fraction(b, a, 1.0 - x) / b;
}

static double tail_of(int64_t events, int64_t total, double rate)
{
    if (events == 0 || rate >= 1.0)
        return 1.0;
    if (rate <= 0.0)
        return 0.0;
    double tail = beta_regularised((double)events, (double)(total - events) + 1.0, rate);
    return tail < 0.0 ? 0.0 : tail > 1.0 ? 1.0 : tail;
}

int nip_binomial_tail(int64_t events, int64_t total, double rate, double *tail, nip_error **err)
{
    NIP_ARG(total >= 0 && total <= INT64_C(1000000000000000));
    NIP_ARG(events >= 0 && events <= total);
    NIP_ARG(rate >= 0.0 && rate <= 1.0);
    NIP_ARG(tail != NULL);
    *tail = tail_of(events, total, rate);
    return 0;
}
