/* How many descriptors are left, so that a sweep stays below the limit instead of taking targets for dead. */
#ifndef NIP__DESCRIPTORS_H
#define NIP__DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/ctx.h"

/* What RLIMIT_NOFILE leaves beside the descriptors in use and a reserve for the host; at least 0. */
int64_t nip__descriptors_free(void);
/* False when no descriptor can be opened at this moment. */
bool nip__descriptors_left(void);
/* Most probes at once: the smallest of `wanted` (0: no wish), the context's limit and what the descriptors allow;
 * at least 1. `commands`: some of them are processes. */
int64_t nip__in_flight_cap(const nip_ctx *ctx, int64_t wanted, bool commands);

#endif
