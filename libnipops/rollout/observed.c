/* Two observed states, compared by what a plan depends on: which instances of which versions there are, and what
 * traffic they get. Instants, sessions, free ports and latencies change all the time and change no plan. */
#include "nipops/rollout.h"

#include <math.h>

#include "base/text.h"
#include "rollout/app.h"
#include "rollout/names.h"

#define RESOLUTION 1.0 /* percent of the traffic; a router's weights are no finer */
enum { TOLD_MAX = 10 };

typedef struct comparison {
    nip__arena *arena;
    const nip__value *planned, *fresh;
    nip__buffer differences;
    int count;
} comparison;

static void differs(comparison *c, const char *what, const char *name, int64_t planned, int64_t fresh)
{
    if (c->count++ >= TOLD_MAX)
        return;
    nip__buffer_text(&c->differences, c->count > 1 ? "; " : "");
    nip__buffer_printf(&c->differences, "%.100s %s (%lld, now %lld)", name, what, (long long)planned, (long long)fresh);
}

static void compare_version(comparison *c, const char *version)
{
    const nip__value *before = nip__get(nip__get(nip__observed_versions(c->planned), version), "endpoints");
    const nip__value *now = nip__get(nip__get(nip__observed_versions(c->fresh), version), "endpoints");
    nip__names a = nip__names_of(c->arena, before), b = nip__names_of(c->arena, now);
    if (!nip__names_equal(&a, &b))
        differs(c, a.count == b.count ? "has other instances" : "has another number of instances", version,
                (int64_t)a.count, (int64_t)b.count);
}

/* A version without instances is as good as one that is not there. */
static void compare_versions(comparison *c)
{
    nip__names before = nip__names_of(c->arena, nip__observed_versions(c->planned));
    for (NIP__EACH(version, nip__observed_versions(c->planned)))
        compare_version(c, version->key);
    for (NIP__EACH(version, nip__observed_versions(c->fresh))) {
        if (!nip__names_have(&before, version->key))
            compare_version(c, version->key);
    }
}

static const nip__value *router_endpoints(const nip__value *observed)
{
    return nip__get(nip__get(observed, "router"), "endpoints");
}

/* An instance that is not ready gets nothing new, whatever its weight. */
static double share_of(const nip__value *endpoint)
{
    return nip__text_equal(nip__get_text(endpoint, "state"), "ready") ? nip__get_number(endpoint, "share", 0) : 0;
}

static double share_of_version(comparison *c, const nip__value *observed, const char *version)
{
    const nip__value *endpoints = nip__get(nip__get(nip__observed_versions(observed), version), "endpoints");
    nip__names own = nip__names_of(c->arena, endpoints);
    double share = 0;
    for (NIP__EACH(endpoint, router_endpoints(observed)))
        share += nip__names_have(&own, endpoint->key) ? share_of(endpoint) : 0;
    return share;
}

static nip__names serving(comparison *c, const nip__value *observed)
{
    nip__value *names = nip__list(c->arena);
    for (NIP__EACH(endpoint, router_endpoints(observed))) {
        if (share_of(endpoint) > 0)
            nip__push_text(c->arena, names, endpoint->key);
    }
    return nip__names_of(c->arena, names);
}

static void compare_traffic(comparison *c)
{
    nip__names before = serving(c, c->planned), now = serving(c, c->fresh);
    if (!nip__names_equal(&before, &now))
        differs(c, "routes traffic to other instances", "the router", (int64_t)before.count, (int64_t)now.count);
    for (NIP__EACH(version, nip__observed_versions(c->planned))) {
        double planned = share_of_version(c, c->planned, version->key),
               fresh = share_of_version(c, c->fresh, version->key);
        if (fabs(planned - fresh) > RESOLUTION)
            differs(c, "has another share of the traffic in percent", version->key, llround(planned), llround(fresh));
    }
}

static int compare(comparison *c, const char *planned, const char *fresh, nip_error **err)
{
    int rc = nip__observed_parse(c->arena, planned, "planned state", &c->planned, err);
    if (rc == 0)
        rc = nip__observed_parse(c->arena, fresh, "fresh state", &c->fresh, err);
    if (rc < 0)
        return rc;
    compare_versions(c);
    compare_traffic(c);
    if (nip__arena_failed(c->arena) || (c->differences.failed && !c->differences.full))
        return nip__nomem(err);
    if (c->count == 0)
        return 0;
    return nip__fail(err, NIP_E_DIFFERS, "things have changed since the plan was made: %s%s; plan again",
                     nip__buffer_string(&c->differences), c->count > TOLD_MAX ? "; and more" : "");
}

int nip_observed_compare(const char *planned, const char *fresh, nip_error **err)
{
    NIP_ARG(planned != NULL && fresh != NULL);
    comparison c = {.arena = nip__arena_new(), .differences = NIP__BUFFER(4096)};
    int rc = c.arena == NULL ? nip__nomem(err) : compare(&c, planned, fresh, err);
    nip__buffer_clear(&c.differences);
    nip__arena_free(c.arena);
    return rc;
}
