/* From wanted numbers and what runs to what is started and stopped. Pure. */
#include <string.h>
#include "base/text.h"
#include "driver/local.h"

enum { REPLICAS_MAX = 10000, VERSION_TEXT_MAX = 200 };

static bool lists(const nip__value *list, const char *text)
{
    for (NIP__EACH(item, list))
        if (nip__is(item, NIP__STRING) && strcmp(item->as.string.text, text) == 0)
            return true;
    return false;
}

static bool is_of(const nip__local_instance *instance, const char *version)
{
    return strcmp(instance->version, version) == 0;
}

/* A version ends up in environments and tokens. */
static const char *check_version(nip__arena *arena, const nip__value *version)
{
    int64_t replicas = nip__get_int(version, "replicas", -1);
    if (version->key[0] == '\0' || strlen(version->key) > VERSION_TEXT_MAX)
        return "a version has 1 to 200 bytes";
    for (const char *c = version->key; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            return "a version may not hold control characters";
    if (replicas < 0 || replicas > REPLICAS_MAX)
        return nip__arena_printf(arena, "version %.60s needs `replicas`, 0 to %d", version->key, REPLICAS_MAX);
    return NULL;
}

/* Those in `remove` go first, then those the plan did not know of, then the youngest. Instances come oldest first. */
static void choose_stops(const nip__value *wanted, const nip__local_instances *instances, int64_t surplus,
                         nip__local_plan *plan)
{
    const nip__value *remove = nip__get(wanted, "remove"), *known = nip__get(wanted, "endpoints");
    for (int pass = 0; pass < 3; pass++) {
        for (size_t i = instances->count; i-- > 0;) {
            const nip__local_instance *instance = &instances->list[i];
            if (!instance->running || !is_of(instance, wanted->key))
                continue;
            bool removed = lists(remove, instance->endpoint);
            bool unknown = known != NULL && !lists(known, instance->endpoint);
            bool chosen = pass == 0 ? removed : !removed && surplus > 0 && (pass == 1) == unknown;
            if (!chosen)
                continue;
            surplus -= pass > 0;
            plan->stop[plan->stop_count++] = instance;
        }
    }
}

static void plan_version(const nip__value *wanted, const nip__local_instances *instances, nip__local_plan *plan)
{
    int64_t replicas = nip__get_int(wanted, "replicas", 0), kept = 0;
    const nip__value *remove = nip__get(wanted, "remove");
    for (size_t i = 0; i < instances->count; i++) {
        const nip__local_instance *instance = &instances->list[i];
        if (!is_of(instance, wanted->key))
            continue;
        if (!instance->running)
            plan->forget[plan->forget_count++] = instance;
        else
            kept += !lists(remove, instance->endpoint);
    }
    const char *artifact = nip__get_text(wanted, "artifact");
    plan->versions[plan->version_count++] = (nip__local_version){
        .name = wanted->key,
        .artifact = artifact != NULL ? artifact : wanted->key,
        .settings = nip__get(wanted, "settings"),
        .replicas = replicas,
        .missing = kept < replicas ? replicas - kept : 0,
    };
    choose_stops(wanted, instances, kept - replicas, plan);
}

bool nip__local_plan_make(nip__arena *arena, const nip__value *args, const nip__local_instances *instances,
                          nip__local_plan *plan, const char **wrong)
{
    const nip__value *versions = nip__get(args, "versions");
    nip__local_plan made = {0};
    *wrong = nip__is(versions, NIP__MAP) ? NULL : "target/instances needs `versions`, a map from version to replicas";
    for (NIP__EACH(version, versions))
        if (*wrong == NULL)
            *wrong = check_version(arena, version);
    if (*wrong != NULL)
        return false;
    made.versions = nip__arena_alloc(arena, (nip__count(versions) + 1) * sizeof *made.versions);
    made.stop = nip__arena_alloc(arena, (instances->count + 1) * sizeof *made.stop);
    made.forget = nip__arena_alloc(arena, (instances->count + 1) * sizeof *made.forget);
    if (nip__arena_failed(arena))
        return false;
    for (NIP__EACH(version, versions))
        plan_version(version, instances, &made);
    *plan = made;
    return true;
}

/* ---- settling ---- */

static int64_t running_of(const nip__local_instances *instances, const char *version)
{
    int64_t count = 0;
    for (size_t i = 0; i < instances->count; i++)
        count += instances->list[i].running && is_of(&instances->list[i], version);
    return count;
}

static bool as_wanted(const nip__value *wanted, const nip__local_instances *instances)
{
    if (running_of(instances, wanted->key) != nip__get_int(wanted, "replicas", 0))
        return false;
    for (size_t i = 0; i < instances->count; i++)
        if (instances->list[i].running && is_of(&instances->list[i], wanted->key) &&
            lists(nip__get(wanted, "remove"), instances->list[i].endpoint))
            return false;
    return true;
}

/* While one instance takes the place of another, both are there. */
static int64_t most_of(const nip__value *after, const nip__value *before)
{
    int64_t later = nip__get_int(after, "replicas", 0), earlier = nip__get_int(before, "replicas", 0);
    int64_t leaving = (int64_t)nip__count(nip__get(after, "remove"));
    return (later > earlier ? later : earlier) + leaving;
}

const char *nip__local_settle(nip__arena *arena, const nip__value *args, const nip__value *before,
                              const nip__local_instances *instances, const char **message)
{
    const nip__value *wanted = nip__get(args, "versions"), *earlier = nip__get(before, "versions");
    bool in_force = true;
    for (NIP__EACH(version, wanted))
        in_force = in_force && as_wanted(version, instances);
    if (in_force)
        return "in_force";
    for (size_t i = 0; before != NULL && i < instances->count; i++) {
        const char *name = instances->list[i].version;
        const nip__value *after = nip__get(wanted, name);
        int64_t running = running_of(instances, name);
        if (after == NULL || running <= most_of(after, nip__get(earlier, name)))
            continue; /* a version that is not named is left alone */
        *message = nip__arena_printf(arena, "%lld instances of %.60s run, more than there were or were to be",
                                     (long long)running, name);
        return "foreign";
    }
    return "not_yet";
}

/* ---- select ---- */

static const nip__local_instance *at_endpoint(const nip__local_instances *instances, const char *endpoint)
{
    const nip__local_instance *found = NULL;
    for (size_t i = 0; i < instances->count; i++)
        if (strcmp(instances->list[i].endpoint, endpoint) == 0 && (found == NULL || instances->list[i].running))
            found = &instances->list[i];
    return found;
}

/* Unhealthy ones first, and what does not run is the least healthy; then the oldest. */
static int rank(const nip__value *unhealthy, const nip__local_instances *instances, const char *endpoint)
{
    const nip__local_instance *instance = at_endpoint(instances, endpoint);
    if (instance == NULL || !instance->running)
        return 0;
    return lists(unhealthy, endpoint) ? 1 : 2;
}

static bool comes_before(const nip__value *unhealthy, const nip__local_instances *instances, const char *a,
                         const char *b)
{
    int left = rank(unhealthy, instances, a), right = rank(unhealthy, instances, b);
    if (left != right)
        return left < right;
    return at_endpoint(instances, a) < at_endpoint(instances, b); /* the list is in order of age */
}

static size_t insert(const char **order, size_t count, const char *endpoint, const nip__value *unhealthy,
                     const nip__local_instances *instances)
{
    size_t place = count;
    for (; place > 0 && comes_before(unhealthy, instances, endpoint, order[place - 1]); place--)
        order[place] = order[place - 1];
    order[place] = endpoint;
    return count + 1;
}

/* The endpoints to choose among, in the order of the choice. Without a list: all running ones of the version. */
static size_t candidates(const nip__value *args, const nip__local_instances *instances, const char **order)
{
    const nip__value *given = nip__get(args, "endpoints"), *unhealthy = nip__get(args, "unhealthy");
    const char *version = nip__get_text(args, "version");
    size_t count = 0;
    for (size_t i = 0; given == NULL && version != NULL && i < instances->count; i++)
        if (instances->list[i].running && is_of(&instances->list[i], version))
            count = insert(order, count, instances->list[i].endpoint, unhealthy, instances);
    for (NIP__EACH(item, given))
        if (nip__is(item, NIP__STRING))
            count = insert(order, count, item->as.string.text, unhealthy, instances);
    return count;
}

nip__value *nip__local_select(nip__arena *arena, const nip__value *args, const nip__local_instances *instances)
{
    int64_t wanted = nip__get_int(args, "count", 0);
    nip__value *result = nip__map(arena), *selected = nip__put(arena, result, "selected", nip__list(arena));
    nip__value *remaining = nip__put(arena, result, "remaining", nip__list(arena));
    const char **order =
        nip__arena_alloc(arena, (nip__count(nip__get(args, "endpoints")) + instances->count + 1) * sizeof *order);
    size_t count = order == NULL ? 0 : candidates(args, instances, order);
    for (size_t i = 0; i < count; i++)
        nip__push_text(arena, (int64_t)i < wanted ? selected : remaining, order[i]);
    return result;
}

/* ---- results ---- */

static nip__value *endpoints_of(nip__arena *arena, const nip__local_instances *instances, const char *version)
{
    nip__value *endpoints = nip__list(arena);
    for (size_t i = 0; i < instances->count; i++)
        if (instances->list[i].running && is_of(&instances->list[i], version))
            nip__push_text(arena, endpoints, instances->list[i].endpoint);
    return endpoints;
}

/* Those that were not known before: also what an earlier attempt of this action started. */
static void put_started(nip__arena *arena, const nip__local_instances *instances, const nip__value *wanted,
                        nip__value *started)
{
    const nip__value *known = nip__get(wanted, "endpoints");
    for (size_t i = 0; i < instances->count; i++) {
        const nip__local_instance *instance = &instances->list[i];
        if (instance->running && is_of(instance, wanted->key) && !lists(known, instance->endpoint))
            nip__push_text(arena, started, instance->endpoint);
    }
}

nip__value *nip__local_result(nip__arena *arena, const nip__value *args, const nip__local_instances *instances)
{
    nip__value *result = nip__map(arena), *versions = nip__put(arena, result, "versions", nip__map(arena));
    nip__value *started = nip__put(arena, result, "started", nip__list(arena));
    for (NIP__EACH(version, nip__get(args, "versions"))) {
        nip__value *one = nip__put(arena, versions, version->key, nip__map(arena));
        nip__put(arena, one, "endpoints", endpoints_of(arena, instances, version->key));
        put_started(arena, instances, version, started);
    }
    return result;
}
