/* The context: what a host gives once, shared by everything that is made with it. */
#include "base/ctx.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"

enum { IN_FLIGHT_DEFAULT = 1024, IN_FLIGHT_MAX = 100000 };

struct nip_ctx {
    atomic_int holders;
    atomic_bool used; /* something was made with it: no more changes */
    nip_clock clock;
    _Atomic int64_t virtual_monotonic; /* of the own virtual clock */
    nip_time virtual_start;
    char *state_dir;
    int64_t in_flight_max;
    bool seeded;
    pthread_mutex_t lock; /* guards `random`: contexts are shared by threads */
    nip__random random;
};

/* ---- clocks ---- */

static nip_time system_real(void *self)
{
    (void)self;
    return nip__system_real();
}

static nip_time system_monotonic(void *self)
{
    (void)self;
    return nip__system_monotonic();
}

static const nip_clock system_clock = {.size = sizeof(nip_clock), .real = system_real, .monotonic = system_monotonic};

/* The own virtual clock: both times advance together, only when told to. */
static nip_time virtual_monotonic(void *self)
{
    nip_ctx *ctx = self;
    return atomic_load(&ctx->virtual_monotonic);
}

static nip_time virtual_real(void *self)
{
    nip_ctx *ctx = self;
    return nip__time_add(ctx->virtual_start, atomic_load(&ctx->virtual_monotonic));
}

static int virtual_advance(void *self, nip_time monotonic)
{
    nip_ctx *ctx = self;
    int64_t now = atomic_load(&ctx->virtual_monotonic);
    while (now < monotonic && !atomic_compare_exchange_weak(&ctx->virtual_monotonic, &now, monotonic)) {
        /* another thread moved it: it only ever goes forward */
    }
    return 0;
}

static void replace_clock(nip_ctx *ctx, const nip_clock *clock)
{
    if (ctx->clock.destroy != NULL)
        ctx->clock.destroy(ctx->clock.self);
    ctx->clock = *clock;
}

/* ---- life ---- */

static pthread_once_t sodium_once = PTHREAD_ONCE_INIT;
static int sodium_state;

static void start_sodium(void)
{
    sodium_state = sodium_init();
}

int nip_ctx_new(nip_ctx **ctx, nip_error **err)
{
    NIP_ARG(ctx != NULL);
    pthread_once(&sodium_once, start_sodium);
    if (sodium_state < 0)
        return nip__fail(err, NIP_E_UNSUPPORTED,
                         "libsodium cannot be initialised: the system has no source of randomness");
    nip_ctx *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    if (pthread_mutex_init(&made->lock, NULL) != 0) {
        nip__free(made);
        return nip__nomem(err);
    }
    atomic_init(&made->holders, 1);
    made->clock = system_clock;
    made->in_flight_max = IN_FLIGHT_DEFAULT;
    *ctx = made;
    return 0;
}

nip_ctx *nip__ctx_hold(nip_ctx *ctx)
{
    atomic_store(&ctx->used, true);
    atomic_fetch_add(&ctx->holders, 1);
    return ctx;
}

void nip_ctx_free(nip_ctx *ctx)
{
    if (ctx == NULL || atomic_fetch_sub(&ctx->holders, 1) > 1)
        return;
    if (ctx->clock.destroy != NULL)
        ctx->clock.destroy(ctx->clock.self);
    pthread_mutex_destroy(&ctx->lock);
    sodium_memzero(&ctx->random, sizeof ctx->random);
    nip__free(ctx->state_dir);
    nip__free(ctx);
}

/* ---- settings ---- */

static int set_seed(nip_ctx *ctx, const char *value, nip_error **err)
{
    int64_t seed;
    if (!nip__text_int(value, &seed) || seed < 0)
        return nip__fail(err, NIP_E_INVALID, "seed: must be a decimal integer of 0 or more, found \"%.64s\"", value);
    nip__random_seed(&ctx->random, (uint64_t)seed);
    ctx->seeded = true;
    return 0;
}

static int set_clock(nip_ctx *ctx, const char *value, nip_error **err)
{
    static const char prefix[] = "virtual:";
    if (strcmp(value, "real") == 0) {
        replace_clock(ctx, &system_clock);
        return 0;
    }
    nip_time start;
    if (!nip__text_starts(value, prefix) || !nip__time_read(value + sizeof prefix - 1, &start))
        return nip__fail(
            err, NIP_E_INVALID,
            "clock: must be \"real\" or \"virtual:\" and an instant such as 2026-11-23T05:49:30Z, found \"%.64s\"",
            value);
    ctx->virtual_start = start;
    atomic_store(&ctx->virtual_monotonic, 0);
    replace_clock(ctx, &(nip_clock){.size = sizeof(nip_clock),
                                    .self = ctx,
                                    .real = virtual_real,
                                    .monotonic = virtual_monotonic,
                                    .advance = virtual_advance});
    return 0;
}

static int set_state_dir(nip_ctx *ctx, const char *value, nip_error **err)
{
    if (value[0] == '\0')
        return nip__fail(err, NIP_E_INVALID, "state.dir: must be the path of a folder, found \"\"");
    char *copy = nip__strdup(value);
    if (copy == NULL)
        return nip__nomem(err);
    nip__free(ctx->state_dir);
    ctx->state_dir = copy;
    return 0;
}

static int set_in_flight_max(nip_ctx *ctx, const char *value, nip_error **err)
{
    int64_t most;
    if (!nip__text_int(value, &most) || most < 1 || most > IN_FLIGHT_MAX)
        return nip__fail(err, NIP_E_INVALID, "in_flight_max: must be an integer from 1 to %d, found \"%.64s\"",
                         IN_FLIGHT_MAX, value);
    ctx->in_flight_max = most;
    return 0;
}

static const struct {
    const char *key;
    int (*set)(nip_ctx *ctx, const char *value, nip_error **err);
} settings[] = {
    {"seed", set_seed},
    {"clock", set_clock},
    {"state.dir", set_state_dir},
    {"in_flight_max", set_in_flight_max},
};
enum { SETTING_COUNT = sizeof settings / sizeof settings[0] };

static int unknown_setting(const char *key, nip_error **err)
{
    const char *known[SETTING_COUNT + 1] = {NULL};
    for (int i = 0; i < SETTING_COUNT; i++)
        known[i] = settings[i].key;
    const char *nearest = nip__text_nearest(key, known);
    if (nearest != NULL)
        return nip__fail(err, NIP_E_NOTFOUND, "unknown setting \"%.64s\"; did you mean \"%s\"?", key, nearest);
    return nip__fail(err, NIP_E_NOTFOUND,
                     "unknown setting \"%.64s\"; there are seed, clock, state.dir and in_flight_max", key);
}

static int check_unused(const nip_ctx *ctx, nip_error **err)
{
    if (!atomic_load(&ctx->used))
        return 0;
    return nip__fail(err, NIP_E_STATE,
                     "the context is in use and can no longer be changed: set it up before anything is made with it");
}

int nip_ctx_set(nip_ctx *ctx, const char *key, const char *value, nip_error **err)
{
    NIP_ARG(ctx != NULL && key != NULL && value != NULL);
    int rc = check_unused(ctx, err);
    if (rc < 0)
        return rc;
    for (int i = 0; i < SETTING_COUNT; i++) {
        if (strcmp(settings[i].key, key) == 0)
            return settings[i].set(ctx, value, err);
    }
    return unknown_setting(key, err);
}

int nip_ctx_set_clock(nip_ctx *ctx, const nip_clock *clock, nip_error **err)
{
    NIP_ARG(ctx != NULL && clock != NULL);
    NIP_ARG(clock->size >= offsetof(nip_clock, destroy) + sizeof clock->destroy);
    NIP_ARG(clock->real != NULL && clock->monotonic != NULL);
    int rc = check_unused(ctx, err);
    if (rc == 0)
        replace_clock(ctx, clock);
    return rc;
}

/* ---- use ---- */

nip_time nip__ctx_real(const nip_ctx *ctx)
{
    return ctx->clock.real(ctx->clock.self);
}

nip_time nip__ctx_monotonic(const nip_ctx *ctx)
{
    return ctx->clock.monotonic(ctx->clock.self);
}

nip_time nip_ctx_now(const nip_ctx *ctx)
{
    return ctx == NULL ? NIP_TIME_NONE : nip__ctx_real(ctx);
}

int nip__ctx_is_virtual(const nip_ctx *ctx)
{
    return ctx->clock.advance != NULL;
}

int nip__ctx_advance(nip_ctx *ctx, nip_time monotonic)
{
    if (ctx->clock.advance == NULL)
        return 0;
    int rc = ctx->clock.advance(ctx->clock.self, monotonic);
    return rc < 0 ? rc : 1;
}

void nip__ctx_random(nip_ctx *ctx, void *bytes, size_t length)
{
    if (!ctx->seeded) {
        randombytes_buf(bytes, length);
        return;
    }
    unsigned char *out = bytes;
    pthread_mutex_lock(&ctx->lock);
    while (length > 0) {
        uint64_t word = nip__random_next(&ctx->random);
        for (int i = 0; i < 8 && length > 0; i++, length--, word >>= 8) /* byte order must not matter */
            *out++ = (unsigned char)(word & 0xff);
    }
    pthread_mutex_unlock(&ctx->lock);
}

const char *nip__ctx_state_dir(const nip_ctx *ctx)
{
    return ctx->state_dir;
}

int64_t nip__ctx_in_flight_max(const nip_ctx *ctx)
{
    return ctx->in_flight_max;
}
