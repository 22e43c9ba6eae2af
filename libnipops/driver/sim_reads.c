/* The simulated world looked at from outside: health, measurements, and the one verb that may not be repeated. */
#include "base/text.h"
#include "driver/sim_task.h"

/* ---- check ---- */

typedef struct health {
    int64_t healthy, total;
    nip__value *first_failure;
} health;

static bool is_excepted(const nip__value *except, const nip__value *endpoint)
{
    for (NIP__EACH(item, except)) {
        if (nip__equal(item, endpoint))
            return true;
    }
    return false;
}

static nip__value *failure(nip__sim_task *task, const char *endpoint, const nip__sim_instance *instance)
{
    bool listens = instance != NULL && instance->life == NIP__SIM_RUNNING;
    return nip__string(task->arena,
                       nip__arena_printf(task->arena, "%s: %s", endpoint,
                                         listens ? "answers that it is not healthy" : "nobody listens there"));
}

static nip__value *check_group(nip__sim *sim, nip__sim_task *task, const nip__value *endpoints, health *sum)
{
    nip__arena *arena = task->arena;
    nip__value *group = nip__map(arena);
    nip__value *well = nip__list(arena), *ill = nip__list(arena);
    for (NIP__EACH(item, endpoints)) {
        const char *text = nip__is(item, NIP__STRING) ? item->as.string.text : "";
        const nip__sim_instance *instance =
            nip__sim_world_instance(&sim->world, nip__sim_world_port(&sim->world, text));
        bool healthy = instance != NULL && instance->healthy;
        if (is_excepted(nip__get(task->args, "except"), item))
            continue;
        nip__push_text(arena, healthy ? well : ill, text);
        if (!healthy && sum->first_failure == NULL)
            sum->first_failure = failure(task, text, instance);
    }
    nip__put_int(arena, group, "healthy", (int64_t)nip__count(well));
    nip__put_int(arena, group, "total", (int64_t)(nip__count(well) + nip__count(ill)));
    sum->healthy += (int64_t)nip__count(well);
    sum->total += (int64_t)(nip__count(well) + nip__count(ill));
    nip__put(arena, group, "healthy_endpoints", well);
    nip__put(arena, group, "unhealthy_endpoints", ill);
    return group;
}

static nip_time check(nip__sim *sim, nip__sim_task *task)
{
    nip__arena *arena = task->arena;
    nip__value *result = nip__map(arena);
    nip__value *groups = nip__map(arena);
    health sum = {0};
    for (NIP__EACH(group, nip__get(task->args, "groups")))
        nip__put(arena, groups, group->key, check_group(sim, task, group, &sum));
    nip__put_int(arena, result, "healthy", sum.healthy);
    nip__put_int(arena, result, "total", sum.total);
    nip__put(arena, result, "groups", groups);
    nip__put(arena, result, "first_failure", sum.first_failure != NULL ? sum.first_failure : nip__null(arena));
    return nip__sim_done(task, result);
}

/* A command without groups looks at no instance: here it succeeds. */
static nip_time check_command(nip__sim *sim, nip__sim_task *task)
{
    if (nip__get(task->args, "groups") != NULL)
        return check(sim, task);
    nip__value *result = nip__map(task->arena);
    nip__put_int(task->arena, result, "healthy", 1);
    nip__put_int(task->arena, result, "total", 1);
    nip__put_text(task->arena, result, "output", "");
    return nip__sim_done(task, result);
}

static nip_time check_reachable(nip__sim *sim, nip__sim_task *task)
{
    (void)sim;
    int64_t count = (int64_t)nip__count(nip__get(task->args, "urls"));
    nip__value *result = nip__map(task->arena);
    nip__put_int(task->arena, result, "reachable", count);
    nip__put_int(task->arena, result, "total", count);
    nip__put(task->arena, result, "unreachable", nip__list(task->arena));
    return nip__sim_done(task, result);
}

static nip_time check_dependencies(nip__sim *sim, nip__sim_task *task)
{
    (void)sim;
    nip__value *result = nip__map(task->arena);
    nip__put_bool(task->arena, result, "ok", true);
    nip__put_int(task->arena, result, "total", (int64_t)nip__count(nip__get(task->args, "dependencies")));
    nip__put(task->arena, result, "dependencies", nip__list(task->arena));
    nip__put(task->arena, result, "problems", nip__list(task->arena));
    return nip__sim_done(task, result);
}

static nip_time check_settings(nip__sim *sim, nip__sim_task *task)
{
    (void)sim;
    nip__value *result = nip__map(task->arena);
    nip__put(task->arena, result, "missing", nip__list(task->arena));
    nip__put_int(task->arena, result, "count", 0);
    return nip__sim_done(task, result);
}

static nip_time check_resources(nip__sim *sim, nip__sim_task *task)
{
    (void)sim;
    nip__value *result = nip__map(task->arena);
    nip__put_bool(task->arena, result, "ok", true);
    nip__put_int(task->arena, result, "disk_free", INT64_C(1) << 40);
    nip__put_int(task->arena, result, "memory_free", INT64_C(1) << 36);
    nip__put(task->arena, result, "problems", nip__list(task->arena));
    return nip__sim_done(task, result);
}

/* ---- metrics ---- */

static nip__value *counter(nip__sim_task *task, const nip__sim_slot *slot)
{
    nip__value *map = nip__map(task->arena);
    nip__put_int(task->arena, map, "errors", slot->errors);
    nip__put_int(task->arena, map, "total", slot->requests);
    return map;
}

static void put_latency(nip__sim_task *task, nip__value *measured, const nip__sim_version *version, bool copied)
{
    nip__value *values = nip__put(task->arena, measured, "values", nip__map(task->arena));
    if (version != NULL && (copied || (version->share > 0 && version->serving > 0)))
        nip__put_real(task->arena, values, "latency_p95", version->behaviour.latency_p95);
}

static nip__value *measure_version(nip__sim *sim, nip__sim_task *task, const nip__value *asked)
{
    nip__arena *arena = task->arena;
    nip__value *measured = nip__map(arena);
    nip__value *problems = nip__list(arena);
    if (task->fate.kind == NIP__SIM_NO_DATA) {
        nip__push_text(arena, problems, "the query found nothing");
    } else {
        nip__value *counters = nip__put(arena, measured, "counters", nip__map(arena));
        bool copied = false;
        for (NIP__EACH(item, nip__get(asked, "endpoints"))) {
            const char *text = nip__is(item, NIP__STRING) ? item->as.string.text : "";
            int port = nip__sim_world_port(&sim->world, text);
            const nip__sim_slot *slot = nip__sim_world_slot(&sim->world, port);
            const nip__sim_slot *mirrored = slot == NULL ? nip__sim_world_mirrored(&sim->world, port) : NULL;
            copied |= mirrored != NULL;
            slot = slot != NULL ? slot : mirrored;
            if (slot != NULL)
                nip__put(arena, counters, text, counter(task, slot));
        }
        put_latency(task, measured, nip__sim_world_find(&sim->world, asked->key), copied);
    }
    nip__put(arena, measured, "problems", problems);
    return measured;
}

static nip_time measure(nip__sim *sim, nip__sim_task *task)
{
    nip__value *result = nip__map(task->arena);
    nip__value *versions = nip__put(task->arena, result, "versions", nip__map(task->arena));
    for (NIP__EACH(asked, nip__get(task->args, "versions")))
        nip__put(task->arena, versions, asked->key, measure_version(sim, task, asked));
    return nip__sim_done(task, result);
}

/* ---- once ---- */

static nip_time count(nip__sim *sim, nip__sim_task *task)
{
    if (task->settles)
        return nip__sim_failed(task, "unsupported", false, NULL, "nobody can tell whether it was counted");
    nip__value *result = nip__map(task->arena);
    nip__put_int(task->arena, result, "count", ++sim->counted);
    return nip__sim_done(task, result);
}

const nip__sim_verb nip__sim_read_verbs[] = {
    {"check", "http", NIP_VERB_READ, check},
    {"check", "tcp", NIP_VERB_READ, check},
    {"check", "command", NIP_VERB_READ, check_command},
    {"check", "reachable", NIP_VERB_READ, check_reachable},
    {"check", "dependencies", NIP_VERB_READ, check_dependencies},
    {"check", "settings", NIP_VERB_READ, check_settings},
    {"check", "resources", NIP_VERB_READ, check_resources},
    {"metrics", "measure", NIP_VERB_READ, measure},
    {"sim", "count", NIP_VERB_ONCE, count},
    {0},
};
