/**
 * nipops/ctx.h: what a host gives the library once: clock, randomness, log, limits.
 *
 * A context is set up, then used; once something was made with it, it no longer changes (nip_ctx_set: NIP_E_STATE).
 * It may be shared by threads from then on.
 */
#ifndef NIPOPS_CTX_H
#define NIPOPS_CTX_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nip_ctx nip_ctx;

/**
 * A host's clock. `size` is sizeof(nip_clock); fields are only ever appended.
 *
 * real       instant now; may step
 * monotonic  nanoseconds from an arbitrary start; never falls
 * advance    NULL for a clock that runs by itself. A virtual clock moves both times on to `monotonic` and returns 0;
 *            operations then wait by moving the clock instead of sleeping
 * destroy    called once with `self` when the context is gone; may be NULL
 */
typedef struct nip_clock {
    uint32_t size;
    void *self;
    nip_time (*real)(void *self);
    nip_time (*monotonic)(void *self);
    int (*advance)(void *self, nip_time monotonic);
    void (*destroy)(void *self);
} nip_clock;

/** A new context: real clock, the system's randomness, no log. Owned: nip_ctx_free. */
NIP_API int nip_ctx_new(nip_ctx **ctx, nip_error **err);

/**
 * Sets one value.
 *
 * keys: "seed"             decimal: all randomness from this seed, for tests and simulations
 *       "clock"            "real" | "virtual:RFC3339": a clock of the library's own that stands still until waited on
 *       "state.dir"        folder for what built-in drivers must remember (default: none; the local driver needs one)
 *       "in_flight_max"    most network transfers and children at once, 1..100000 (default 1024)
 * @return 0, NIP_E_NOTFOUND for an unknown key (the nearest is named), NIP_E_INVALID, NIP_E_STATE
 */
NIP_API int nip_ctx_set(nip_ctx *ctx, const char *key, const char *value, nip_error **err);

/** Replaces the clock; the struct is copied. NIP_E_STATE once the context is in use. */
NIP_API int nip_ctx_set_clock(nip_ctx *ctx, const nip_clock *clock, nip_error **err);

/** The instant now by the context's clock. */
NIP_API nip_time nip_ctx_now(const nip_ctx *ctx);

/** Gives up the caller's hold; whatever still needs the context keeps it alive. NULL is fine. */
NIP_API void nip_ctx_free(nip_ctx *ctx);

#ifdef __cplusplus
}
#endif

#endif
