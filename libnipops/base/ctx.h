/* The context's inside. */
#ifndef NIP__CTX_H
#define NIP__CTX_H

#include "nipops/ctx.h"
#include "base/random.h"

nip_ctx *nip__ctx_hold(nip_ctx *ctx);        /* one more holder; marks it used. Any thread */
nip_time nip__ctx_real(const nip_ctx *ctx);
nip_time nip__ctx_monotonic(const nip_ctx *ctx);
/* Moves a virtual clock on; returns 0 when the clock runs by itself and the caller has to sleep, 1 when it was moved, < 0: the clock's code. */
int nip__ctx_advance(nip_ctx *ctx, nip_time monotonic);
int nip__ctx_is_virtual(const nip_ctx *ctx);
/* Random bytes: the system's, or the seeded generator's when "seed" is set. */
void nip__ctx_random(nip_ctx *ctx, void *bytes, size_t length);
const char *nip__ctx_state_dir(const nip_ctx *ctx); /* NULL: none */
int64_t nip__ctx_in_flight_max(const nip_ctx *ctx);

#endif
