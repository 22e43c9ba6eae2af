/* What planners know of drivers without reaching for them. */
#include "rollout/capabilities.h"

#include <stddef.h>

#include "base/text.h"

/* Metrics drivers whose source has averages at most: HAProxy's counters know errors and totals, no latency
 * distribution. */
static const char *const without_quantiles[] = {"haproxy", NULL};

/* Targets with the verb `adopt`. */
static const char *const adopting[] = {"local", "sim", NULL};

/* HAProxy sends copies only through an agent of its own protocol (SPOE), which somebody would have to run. */
static const char *const without_mirror[] = {"haproxy", NULL};

static bool lists(const char *const *names, const char *name)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        if (nip__text_equal(names[i], name))
            return true;
    }
    return false;
}

bool nip__metrics_have_quantiles(const char *driver)
{
    return !lists(without_quantiles, driver);
}

bool nip__target_adopts(const char *driver)
{
    return lists(adopting, driver);
}

bool nip__router_mirrors(const char *driver)
{
    return !lists(without_mirror, driver);
}
