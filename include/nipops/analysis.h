/**
 * nipops/analysis.h: verdicts from samples. A verdict is never a number that stands for "missing".
 */
#ifndef NIPOPS_ANALYSIS_H
#define NIPOPS_ANALYSIS_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    NIP_VERDICT_PASS = 0,
    NIP_VERDICT_NO_DATA = 1,      /* nothing came back, NaN, or the source failed */
    NIP_VERDICT_INCONCLUSIVE = 2, /* data, but too little to tell */
    NIP_VERDICT_FAIL = 3,
};

/** "pass", "no_data", "inconclusive", "fail". Static. */
NIP_API const char *nip_verdict_name(int verdict);

/**
 * Exact upper tail of the binomial distribution: the probability of `events` or more among `total` when each has probability `rate`.
 *
 * @param events  0..total
 * @param total   0..10^15
 * @param rate    0..1
 * @param tail    out: 0..1
 *
 * P(X >= k) = I_rate(k, n - k + 1), the regularised incomplete beta function (Abramowitz & Stegun 26.5.24).
 */
NIP_API int nip_binomial_tail(int64_t events, int64_t total, double rate, double *tail, nip_error **err);

/**
 * Is a ratio of events above its limit? May be asked again and again as data come in: look number `look` spends
 * alpha * 6 / (pi^2 * look^2), so that all looks together raise a false alarm with probability `alpha` at most (union bound).
 *
 * @param events       bad events so far
 * @param total        events so far
 * @param limit        highest ratio that is fine, 0..1
 * @param min_samples  fewer than these: inconclusive
 * @param look         1 for the first look at these data, then 2, 3, ...
 * @param alpha        0 < alpha < 1
 * @return NIP_VERDICT_PASS when events/total <= limit; NIP_VERDICT_FAIL when the excess is proven at this look's share of alpha;
 *         NIP_VERDICT_INCONCLUSIVE when there are too few samples or the excess is not proven; NIP_VERDICT_NO_DATA when total is 0;
 *         or NIP_E_INVALID
 */
NIP_API int nip_ratio_verdict(int64_t events, int64_t total, double limit, int64_t min_samples, int64_t look, double alpha,
                              nip_error **err);

#ifdef __cplusplus
}
#endif

#endif
