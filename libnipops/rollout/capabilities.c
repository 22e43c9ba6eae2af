/* What planners know of drivers without reaching for them. */
#include "rollout/capabilities.h"

#include <stddef.h>

#include "base/text.h"

/* Metrics drivers whose source has averages at most: HAProxy's counters know errors and totals, no latency
 * distribution. */
static const char *const without_quantiles[] = {"haproxy", NULL};

bool nip__metrics_have_quantiles(const char *driver)
{
    for (size_t i = 0; without_quantiles[i] != NULL; i++) {
        if (nip__text_equal(without_quantiles[i], driver))
            return false;
    }
    return true;
}
