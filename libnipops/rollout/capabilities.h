/* What planners know of drivers without reaching for them: drivers stand above planners. */
#ifndef NIP__CAPABILITIES_H
#define NIP__CAPABILITIES_H

#include <stdbool.h>

/* Can this kind of metrics driver tell a latency quantile? Kinds that are not known may. */
bool nip__metrics_have_quantiles(const char *driver);
/* Does this kind of target know only what it started, until it is told to adopt what others did? Other kinds list all there is. */
bool nip__target_adopts(const char *driver);

/* Can this kind of router send copies of requests to instances that get no traffic (router/mirror)? Kinds that are not known may; a plan
 * asks the router itself before anything is changed. */
bool nip__router_mirrors(const char *driver);

#endif
