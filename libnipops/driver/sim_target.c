/* The simulated world as a target: instances are looked at, selected, started and stopped. */
#include <string.h>

#include "base/text.h"
#include "driver/ports.h"
#include "driver/sim_task.h"

static bool names(const nip__sim *sim, const nip__value *endpoints, int port)
{
    for (NIP__EACH(item, endpoints)) {
        if (nip__is(item, NIP__STRING) && nip__sim_world_port(&sim->world, item->as.string.text) == port)
            return true;
    }
    return false;
}

/* Strangers are nobody's: the target neither lists nor stops them. */
static bool is_of(const nip__sim *sim, const nip__sim_instance *instance, const char *version)
{
    return !instance->strange && nip__text_equal(sim->world.versions[instance->version].name, version);
}

static int64_t running_of(const nip__sim *sim, const char *version)
{
    const nip__sim_version *known = nip__sim_world_find(&sim->world, version);
    int64_t strange = 0;
    for (size_t i = 0; known != NULL && i < sim->world.instance_count; i++) {
        const nip__sim_instance *instance = &sim->world.instances[i];
        strange += instance->strange && instance->life == NIP__SIM_RUNNING &&
                   nip__text_equal(sim->world.versions[instance->version].name, version);
    }
    return known != NULL ? known->running - strange : 0;
}

static nip__value *endpoints_of(nip__sim *sim, nip__sim_task *task, const char *version)
{
    nip__value *list = nip__list(task->arena);
    for (size_t i = 0; i < sim->world.instance_count; i++) {
        const nip__sim_instance *instance = &sim->world.instances[i];
        if (instance->life == NIP__SIM_RUNNING && is_of(sim, instance, version))
            nip__sim_push_endpoint(sim, task, list, instance->port);
    }
    return list;
}

/* ---- artifact, observe, select ---- */

static nip_time artifact(nip__sim *sim, nip__sim_task *task)
{
    const char *version = nip__get_text(task->args, "version");
    const char *named = nip__get_text(task->args, "artifact");
    nip__value *result = nip__map(task->arena);
    bool missing = nip__sim_settings_behaviour(&sim->world.settings, version != NULL ? version : "").missing;
    nip__put_bool(task->arena, result, "exists", !missing);
    nip__put_text(task->arena, result, "detail", named != NULL ? named : version);
    return nip__sim_done(task, result);
}

static nip__value *instance_value(nip__sim *sim, nip__sim_task *task, const nip__sim_instance *instance)
{
    nip__arena *arena = task->arena;
    char endpoint[NIP__SIM_ENDPOINT_MAX];
    bool exited = instance->life == NIP__SIM_EXITED;
    nip__sim_world_endpoint(&sim->world, instance->port, endpoint);
    nip__value *map = nip__map(arena);
    nip__put_text(arena, map, "id", nip__arena_printf(arena, "sim-%lld", (long long)instance->number));
    nip__put_text(arena, map, "version", sim->world.versions[instance->version].name);
    nip__put_text(arena, map, "endpoint", endpoint);
    nip__put_text(arena, map, "state", exited ? "exited" : "running");
    nip__put(arena, map, "exit", exited ? nip__int(arena, instance->exit_code) : nip__null(arena));
    nip__put_text(arena, map, "log", exited ? "exited as it was told to" : "");
    return map;
}

static nip__value *version_value(nip__sim *sim, nip__sim_task *task, const nip__sim_version *version)
{
    nip__value *map = nip__map(task->arena);
    int64_t exited = 0;
    for (size_t i = 0; i < sim->world.instance_count; i++) {
        const nip__sim_instance *instance = &sim->world.instances[i];
        exited += instance->life == NIP__SIM_EXITED && is_of(sim, instance, version->name);
    }
    nip__put(task->arena, map, "endpoints", endpoints_of(sim, task, version->name));
    nip__put_int(task->arena, map, "running", running_of(sim, version->name));
    nip__put_int(task->arena, map, "exited", exited);
    return map;
}

static nip_time observe(nip__sim *sim, nip__sim_task *task)
{
    nip__arena *arena = task->arena;
    nip__value *result = nip__map(arena);
    nip__value *versions = nip__put(arena, result, "versions", nip__map(arena));
    nip__value *instances = nip__put(arena, result, "instances", nip__list(arena));
    for (size_t i = 0; i < sim->world.version_count; i++) {
        nip__value *value = version_value(sim, task, &sim->world.versions[i]);
        if (nip__get_int(value, "running", 0) + nip__get_int(value, "exited", 0) > 0)
            nip__put(arena, versions, sim->world.versions[i].name, value);
    }
    for (size_t i = 0; i < sim->world.instance_count; i++) {
        if (sim->world.instances[i].life != NIP__SIM_STOPPING && !sim->world.instances[i].strange)
            nip__push(instances, instance_value(sim, task, &sim->world.instances[i]));
    }
    nip__put_int(arena, result, "ports_free", nip__sim_world_ports_free(&sim->world));
    const nip__sim_settings *settings = &sim->world.settings;
    nip__ports_judge(arena, task->args, settings->host, settings->first_port, settings->last_port, result);
    return nip__sim_done(task, result);
}

static bool is_running(const nip__sim *sim, int port)
{
    const nip__sim_instance *instance = nip__sim_world_instance(&sim->world, port);
    return instance != NULL && instance->life == NIP__SIM_RUNNING;
}

/* Rank by which instances go first: those that serve nobody, then the oldest. */
static int rank_of(const nip__sim *sim, const nip__value *unhealthy, int port)
{
    if (!is_running(sim, port))
        return 0;
    return names(sim, unhealthy, port) ? 1 : 2;
}

static int64_t age_of(const nip__sim *sim, int port)
{
    const nip__sim_instance *instance = nip__sim_world_instance(&sim->world, port);
    return instance != NULL ? instance->number : 0;
}

static bool goes_before(const nip__sim *sim, const nip__value *unhealthy, int a, int b)
{
    int rank_a = rank_of(sim, unhealthy, a), rank_b = rank_of(sim, unhealthy, b);
    return rank_a != rank_b ? rank_a < rank_b : age_of(sim, a) < age_of(sim, b);
}

/* Candidates: what the caller names, or all that run. Sorted, those who go first in front. */
static int *candidates(nip__sim *sim, nip__sim_task *task, const nip__value *endpoints, size_t *count)
{
    const nip__value *unhealthy = nip__get(task->args, "unhealthy");
    int *ports = nip__arena_alloc(task->arena, (nip__count(endpoints) + 1) * sizeof *ports);
    if (ports == NULL)
        return NULL;
    *count = 0;
    for (NIP__EACH(item, endpoints)) {
        int port = nip__is(item, NIP__STRING) ? nip__sim_world_port(&sim->world, item->as.string.text) : 0;
        size_t place = *count;
        if (port == 0)
            continue;
        for (; place > 0 && goes_before(sim, unhealthy, port, ports[place - 1]); place--)
            ports[place] = ports[place - 1];
        ports[place] = port;
        ++*count;
    }
    return ports;
}

static nip_time select_instances(nip__sim *sim, nip__sim_task *task)
{
    const nip__value *endpoints = nip__get(task->args, "endpoints");
    int64_t wanted = nip__get_int(task->args, "count", 0);
    nip__value *result = nip__map(task->arena);
    nip__value *selected = nip__put(task->arena, result, "selected", nip__list(task->arena));
    nip__value *remaining = nip__put(task->arena, result, "remaining", nip__list(task->arena));
    if (endpoints == NULL)
        endpoints = endpoints_of(sim, task, nip__get_text(task->args, "version"));
    size_t count = 0;
    int *ports = candidates(sim, task, endpoints, &count);
    if (ports == NULL)
        return nip__sim_no_memory(task);
    for (size_t i = 0; i < count; i++)
        nip__sim_push_endpoint(sim, task, (int64_t)i < wanted ? selected : remaining, ports[i]);
    return nip__sim_done(task, result);
}

/* ---- instances ---- */

/* What one `instances` action still has to do. */
typedef struct instances_work {
    size_t *starts; /* a version's index for each instance to start */
    size_t start_count, started;
    int *stops;
    size_t stop_count, stopped;
    size_t chunk;
    nip__value *started_list, *stopped_list;
} instances_work;

static size_t index_of(const nip__sim *sim, int port)
{
    return (size_t)(nip__sim_world_instance(&sim->world, port) - sim->world.instances);
}

static void forget_exited(nip__sim *sim, const char *version)
{
    for (size_t i = sim->world.instance_count; i-- > 0;) {
        const nip__sim_instance *instance = &sim->world.instances[i];
        if (instance->life == NIP__SIM_EXITED && is_of(sim, instance, version))
            nip__sim_world_forget(&sim->world, i);
    }
}

/* Those named in `remove` go; of the others those beyond `replicas`, the unhealthy and then the oldest first. */
static int64_t plan_stops(nip__sim *sim, instances_work *work, const nip__value *wanted)
{
    const nip__value *removed = nip__get(wanted, "remove");
    int64_t replicas = nip__get_int(wanted, "replicas", 0);
    int64_t kept = 0;
    for (size_t i = 0; i < sim->world.instance_count; i++) {
        const nip__sim_instance *instance = &sim->world.instances[i];
        if (instance->life != NIP__SIM_RUNNING || !is_of(sim, instance, wanted->key))
            continue;
        if (names(sim, removed, instance->port))
            work->stops[work->stop_count++] = instance->port;
        else
            kept++;
    }
    for (int healthy = 0; healthy <= 1; healthy++) {
        for (size_t i = 0; i < sim->world.instance_count && kept > replicas; i++) {
            const nip__sim_instance *instance = &sim->world.instances[i];
            bool fits =
                instance->life == NIP__SIM_RUNNING && instance->healthy == healthy && is_of(sim, instance, wanted->key);
            if (!fits || names(sim, removed, instance->port))
                continue;
            work->stops[work->stop_count++] = instance->port;
            kept--;
        }
    }
    return kept;
}

static int64_t replicas_wanted(const nip__value *versions)
{
    int64_t all = 0;
    for (NIP__EACH(item, versions)) {
        int64_t replicas = nip__get_int(item, "replicas", -1);
        if (replicas < 0 || replicas > 100000)
            return -1;
        all += replicas;
    }
    return all;
}

static instances_work *plan_instances(nip__sim *sim, nip__sim_task *task, const nip__value *versions, int64_t most)
{
    instances_work *work = nip__arena_alloc(task->arena, sizeof *work);
    if (work == NULL)
        return NULL;
    work->starts = nip__arena_alloc(task->arena, ((size_t)most + 1) * sizeof *work->starts);
    work->stops = nip__arena_alloc(task->arena, (sim->world.instance_count + 1) * sizeof *work->stops);
    work->started_list = nip__list(task->arena);
    work->stopped_list = nip__list(task->arena);
    if (nip__arena_failed(task->arena))
        return NULL;
    for (NIP__EACH(item, versions)) {
        int64_t version = nip__sim_world_version(&sim->world, item->key);
        if (version < 0)
            return NULL;
        forget_exited(sim, item->key);
        int64_t kept = plan_stops(sim, work, item);
        for (; kept < nip__get_int(item, "replicas", 0); kept++)
            work->starts[work->start_count++] = (size_t)version;
    }
    work->chunk = (work->start_count > work->stop_count ? work->start_count : work->stop_count) / 16 + 1;
    return work;
}

static nip__value *instances_result(nip__sim *sim, nip__sim_task *task, nip__value *started, nip__value *stopped)
{
    nip__value *result = nip__map(task->arena);
    nip__value *versions = nip__put(task->arena, result, "versions", nip__map(task->arena));
    for (NIP__EACH(item, nip__get(task->args, "versions"))) {
        nip__value *version = nip__put(task->arena, versions, item->key, nip__map(task->arena));
        nip__put(task->arena, version, "endpoints", endpoints_of(sim, task, item->key));
    }
    nip__put(task->arena, result, "started", started);
    nip__put(task->arena, result, "stopped", stopped);
    return result;
}

static const struct {
    const char *reason, *message;
} start_failures[] = {
    [NIP__SIM_START_FAILED] = {"start_failed", "an instance did not start"},
    [NIP__SIM_START_NO_PORTS] = {"no_ports", "all ports of the range are in use"},
    [NIP__SIM_START_NO_MEMORY] = {"no_memory", "out of memory"},
};

static nip__sim_start start_some(nip__sim *sim, nip__sim_task *task, instances_work *work)
{
    nip__sim_start how = NIP__SIM_START_OK;
    for (size_t i = 0; i < work->chunk && work->started < work->start_count && how == NIP__SIM_START_OK; i++) {
        int port = 0;
        how = nip__sim_world_start(&sim->world, work->starts[work->started], &port);
        if (how == NIP__SIM_START_OK) {
            work->started++;
            nip__sim_push_endpoint(sim, task, work->started_list, port);
        }
    }
    return how;
}

static void stop_some(nip__sim *sim, nip__sim_task *task, instances_work *work)
{
    for (size_t i = 0; i < work->chunk && work->stopped < work->stop_count; i++) {
        int port = work->stops[work->stopped++];
        if (is_running(sim, port)) {
            nip__sim_world_terminate(&sim->world, index_of(sim, port));
            nip__sim_push_endpoint(sim, task, work->stopped_list, port);
        }
    }
}

/* When the last instance that is stopping, on this or an earlier order, has exited; NIP_TIME_NONE: all have. */
static nip_time all_stopped(const nip__sim *sim, const nip__value *versions)
{
    nip_time last = NIP_TIME_NONE;
    for (size_t i = 0; i < sim->world.instance_count; i++) {
        const nip__sim_instance *instance = &sim->world.instances[i];
        bool ours = nip__get(versions, sim->world.versions[instance->version].name) != NULL;
        if (ours && instance->life == NIP__SIM_STOPPING && instance->exits_at > last)
            last = instance->exits_at;
    }
    return last;
}

static nip_time go_on_instances(nip__sim *sim, nip__sim_task *task, instances_work *work)
{
    const nip__value *versions = nip__get(task->args, "versions");
    nip_time soon = sim->world.now + sim->world.settings.step_delay;
    if (work->started < work->start_count) {
        nip__sim_start how = start_some(sim, task, work);
        if (how == NIP__SIM_START_OK)
            return soon;
        return nip__sim_failed(task, start_failures[how].reason, how != NIP__SIM_START_NO_PORTS,
                               instances_result(sim, task, work->started_list, work->stopped_list),
                               start_failures[how].message);
    }
    if (work->stopped < work->stop_count) {
        stop_some(sim, task, work);
        return soon;
    }
    nip_time stopped = all_stopped(sim, versions);
    if (stopped != NIP_TIME_NONE)
        return stopped > sim->world.now ? stopped : soon;
    return nip__sim_done(task, instances_result(sim, task, work->started_list, work->stopped_list));
}

static bool has_removed(const nip__sim *sim, const nip__value *removed)
{
    for (NIP__EACH(item, removed)) {
        if (nip__is(item, NIP__STRING) && is_running(sim, nip__sim_world_port(&sim->world, item->as.string.text)))
            return true;
    }
    return false;
}

/* Instances that were not known before count as started by the action in question. */
static nip__value *started_of(nip__sim *sim, nip__sim_task *task, const nip__value *versions)
{
    nip__value *list = nip__list(task->arena);
    for (size_t i = 0; i < sim->world.instance_count; i++) {
        const nip__sim_instance *instance = &sim->world.instances[i];
        const nip__value *wanted = nip__get(versions, sim->world.versions[instance->version].name);
        if (wanted != NULL && instance->life == NIP__SIM_RUNNING &&
            !names(sim, nip__get(wanted, "endpoints"), instance->port))
            nip__sim_push_endpoint(sim, task, list, instance->port);
    }
    return list;
}

static nip_time settle_instances(nip__sim *sim, nip__sim_task *task, const nip__value *versions)
{
    bool in_force = all_stopped(sim, versions) == NIP_TIME_NONE;
    for (NIP__EACH(item, versions)) {
        const nip__value *before = nip__get(nip__get(task->before, "versions"), item->key);
        int64_t wanted = nip__get_int(item, "replicas", 0);
        int64_t running = running_of(sim, item->key);
        in_force = in_force && running == wanted && !has_removed(sim, nip__get(item, "remove"));
        /* On its way from one to the other a version has at most both: new ones start before old ones stop. */
        int64_t most = before != NULL ? nip__get_int(before, "replicas", 0) + wanted : INT64_MAX;
        if (running > most)
            return nip__sim_settled(task, "foreign", "foreign", nip__map(task->arena),
                                    "more instances run than were asked for");
    }
    if (!in_force)
        return nip__sim_settled(task, "not_yet", NULL, nip__map(task->arena), NULL);
    return nip__sim_settled(task, "in_force", NULL,
                            instances_result(sim, task, started_of(sim, task, versions), nip__list(task->arena)), NULL);
}

static nip_time instances(nip__sim *sim, nip__sim_task *task)
{
    const nip__value *versions = nip__get(task->args, "versions");
    if (task->work == NULL) {
        int64_t most = replicas_wanted(versions);
        if (!nip__is(versions, NIP__MAP) || most < 0)
            return nip__sim_failed(task, "bad_arguments", false, NULL, "versions must name replicas for each version");
        if (task->settles)
            return settle_instances(sim, task, versions);
        task->work = plan_instances(sim, task, versions, most);
        if (task->work == NULL)
            return nip__sim_no_memory(task);
    }
    return go_on_instances(sim, task, task->work);
}

const nip__sim_verb nip__sim_target_verbs[] = {
    {"target", "artifact", NIP_VERB_READ, artifact},
    {"target", "observe", NIP_VERB_READ, observe},
    {"target", "select", NIP_VERB_READ, select_instances},
    {"target", "instances", NIP_VERB_DECLARATIVE, instances},
    {"target", "adopt", NIP_VERB_DECLARATIVE, nip__sim_adopt},
    {0},
};
