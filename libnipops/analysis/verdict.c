/* Verdicts on ratios of events. */
#include "nipops/analysis.h"

#include "base/error.h"

static const char *const names[] = {"pass", "no_data", "inconclusive", "fail"};

const char *nip_verdict_name(int verdict)
{
    return verdict >= NIP_VERDICT_PASS && verdict <= NIP_VERDICT_FAIL ? names[verdict] : "unknown";
}

/* The squares' reciprocals sum to pi^2 / 6, so that all looks together spend alpha. */
static double share_of_alpha(double alpha, int64_t look)
{
    const double pi = 3.14159265358979323846;
    return alpha * 6.0 / (pi * pi * (double)look * (double)look);
}

int nip_ratio_verdict(int64_t events, int64_t total, double limit, int64_t min_samples, int64_t look, double alpha, nip_error **err)
{
    NIP_ARG(total >= 0 && events >= 0 && events <= total);
    NIP_ARG(limit >= 0.0 && limit <= 1.0);
    NIP_ARG(min_samples >= 0 && look >= 1);
    NIP_ARG(alpha > 0.0 && alpha < 1.0);
    if (total == 0)
        return NIP_VERDICT_NO_DATA;
    if (total < min_samples)
        return NIP_VERDICT_INCONCLUSIVE;
    if ((double)events <= limit * (double)total)
        return NIP_VERDICT_PASS;
    double tail;
    int rc = nip_binomial_tail(events, total, limit, &tail, err);
    if (rc < 0)
        return rc;
    return tail <= share_of_alpha(alpha, look) ? NIP_VERDICT_FAIL : NIP_VERDICT_INCONCLUSIVE;
}
