/* The simulated world: instances and the passing of time. The router's part is in sim_slots.c, traffic in
 * sim_traffic.c. */
#include "driver/sim_world.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"

static size_t port_count(const nip__sim_world *world)
{
    return (size_t)(world->settings.last_port - world->settings.first_port + 1);
}

bool nip__sim_world_init(nip__sim_world *world, nip__sim_settings *settings)
{
    nip__sim_world made = {.settings = *settings, .start = NIP_TIME_NONE, .now = NIP_TIME_NONE, .next_number = 1};
    made.by_port = nip__calloc(port_count(&made), sizeof *made.by_port);
    made.slots = nip__calloc((size_t)settings->slots, sizeof *made.slots);
    if (made.by_port == NULL || made.slots == NULL) {
        nip__free(made.by_port);
        nip__free(made.slots);
        return false;
    }
    memset(made.by_port, 0xff, port_count(&made) * sizeof *made.by_port);
    nip__random_seed(&made.random, settings->seed);
    *settings = (nip__sim_settings){0};
    *world = made;
    return true;
}

void nip__sim_world_clear(nip__sim_world *world)
{
    for (size_t i = 0; i < world->version_count; i++)
        nip__free(world->versions[i].name);
    nip__free(world->versions);
    nip__free(world->instances);
    nip__free(world->by_port);
    nip__free(world->slots);
    nip__sim_settings_clear(&world->settings);
    *world = (nip__sim_world){0};
}

/* ---- names ---- */

void nip__sim_world_endpoint(const nip__sim_world *world, int port, char out[NIP__SIM_ENDPOINT_MAX])
{
    snprintf(out, NIP__SIM_ENDPOINT_MAX, "%s:%d", world->settings.host, port);
}

int nip__sim_world_port(const nip__sim_world *world, const char *endpoint)
{
    size_t host = strlen(world->settings.host);
    int64_t port = 0;
    if (endpoint == NULL || strncmp(endpoint, world->settings.host, host) != 0 || endpoint[host] != ':')
        return 0;
    if (!nip__text_int(endpoint + host + 1, &port) || port < world->settings.first_port ||
        port > world->settings.last_port)
        return 0;
    return (int)port;
}

void nip__sim_world_tell(nip__sim_world *world, nip__sim_change_kind kind, int64_t version, int port, const void *write)
{
    char endpoint[NIP__SIM_ENDPOINT_MAX];
    if (world->changed == NULL)
        return;
    if (port > 0)
        nip__sim_world_endpoint(world, port, endpoint);
    nip__sim_change change = {
        .kind = kind,
        .at = world->now,
        .version = version >= 0 ? world->versions[version].name : NULL,
        .endpoint = port > 0 ? endpoint : NULL,
        .write = write,
    };
    world->changed(world->changed_data, world, &change);
}

const nip__sim_version *nip__sim_world_find(const nip__sim_world *world, const char *version)
{
    for (size_t i = 0; i < world->version_count; i++) {
        if (nip__text_equal(world->versions[i].name, version))
            return &world->versions[i];
    }
    return NULL;
}

int64_t nip__sim_world_version(nip__sim_world *world, const char *name)
{
    const nip__sim_version *known = nip__sim_world_find(world, name);
    if (known != NULL)
        return known - world->versions;
    void *grown = nip__grow(world->versions, &world->version_capacity, world->version_count, sizeof *world->versions);
    if (grown == NULL)
        return -1;
    world->versions = grown;
    nip__sim_version made = {
        .name = nip__strdup(name),
        .behaviour = nip__sim_settings_behaviour(&world->settings, name),
        .helpless_since = NIP_TIME_NONE,
        .ill_since = world->now,
    };
    if (made.name == NULL)
        return -1;
    world->versions[world->version_count] = made;
    return (int64_t)world->version_count++;
}

/* ---- instances ---- */

const nip__sim_instance *nip__sim_world_instance(const nip__sim_world *world, int port)
{
    if (port < world->settings.first_port || port > world->settings.last_port)
        return NULL;
    int32_t index = world->by_port[port - world->settings.first_port];
    return index >= 0 ? &world->instances[index] : NULL;
}

int64_t nip__sim_world_ports_free(const nip__sim_world *world)
{
    return (int64_t)(port_count(world) - world->instance_count);
}

static int free_port(const nip__sim_world *world)
{
    for (size_t i = 0; i < port_count(world); i++) {
        if (world->by_port[i] < 0)
            return world->settings.first_port + (int)i;
    }
    return 0;
}

static nip__sim_behaviour *behaviour_of(const nip__sim_world *world, const nip__sim_instance *instance)
{
    return &world->versions[instance->version].behaviour;
}

static bool chance(nip__random *random, double probability)
{
    return probability > 0 && nip__random_unit(random) < probability;
}

/* Each instance draws its illnesses from a generator of its own, so that one more instance does not change the fate of
 * the others. */
static bool is_ill(const nip__sim_world *world, const nip__sim_instance *instance)
{
    const nip__sim_behaviour *behaviour = behaviour_of(world, instance);
    if (behaviour->flap_interval <= 0)
        return false;
    uint64_t interval = (uint64_t)((world->now - instance->started) / behaviour->flap_interval);
    nip__random random;
    nip__random_seed(&random, world->settings.seed ^ ((uint64_t)instance->number << 32) ^ interval);
    return chance(&random, behaviour->flap_probability);
}

static bool is_well(const nip__sim_world *world, const nip__sim_instance *instance)
{
    return instance->life == NIP__SIM_RUNNING && !behaviour_of(world, instance)->never_healthy &&
           world->now >= instance->healthy_from && !is_ill(world, instance);
}

static nip__sim_instance *add_instance(nip__sim_world *world, size_t version, int port)
{
    void *grown =
        nip__grow(world->instances, &world->instance_capacity, world->instance_count, sizeof *world->instances);
    if (grown == NULL)
        return NULL;
    world->instances = grown;
    const nip__sim_behaviour *behaviour = &world->versions[version].behaviour;
    nip__sim_instance *instance = &world->instances[world->instance_count];
    *instance = (nip__sim_instance){
        .number = world->next_number++,
        .version = version,
        .port = port,
        .started = world->now,
        .healthy_from = nip__time_add(world->now, behaviour->start_delay),
        .exits_at = behaviour->exit_after > 0 ? nip__time_add(world->now, behaviour->exit_after) : NIP_TIME_MAX,
    };
    world->by_port[port - world->settings.first_port] = (int32_t)world->instance_count++;
    world->versions[version].started++;
    return instance;
}

nip__sim_start nip__sim_world_start(nip__sim_world *world, size_t version, int *port)
{
    int found = free_port(world);
    if (found == 0)
        return NIP__SIM_START_NO_PORTS;
    if (chance(&world->random, world->versions[version].behaviour.fail_start))
        return NIP__SIM_START_FAILED;
    nip__sim_instance *instance = add_instance(world, version, found);
    if (instance == NULL)
        return NIP__SIM_START_NO_MEMORY;
    instance->healthy = is_well(world, instance);
    *port = found;
    nip__sim_world_count(world);
    nip__sim_world_tell(world, NIP__SIM_STARTED, (int64_t)version, found, NULL);
    return NIP__SIM_START_OK;
}

void nip__sim_world_forget(nip__sim_world *world, size_t index)
{
    int first = world->settings.first_port;
    world->by_port[world->instances[index].port - first] = -1;
    world->instance_count--;
    memmove(&world->instances[index], &world->instances[index + 1],
            (world->instance_count - index) * sizeof *world->instances);
    for (size_t i = index; i < world->instance_count; i++)
        world->by_port[world->instances[i].port - first] = (int32_t)i;
    nip__sim_world_count(world);
}

void nip__sim_world_adopt(nip__sim_world *world, int port)
{
    int32_t index = world->by_port[port - world->settings.first_port];
    world->instances[index].strange = false;
}

/* Sessions that are still open on it will be cut. */
void nip__sim_world_terminate(nip__sim_world *world, size_t index)
{
    nip__sim_instance *instance = &world->instances[index];
    size_t version = instance->version;
    int port = instance->port;
    if (instance->life != NIP__SIM_RUNNING)
        return;
    nip__sim_slot *slot = nip__sim_world_slot(world, port);
    int64_t open = slot != NULL ? nip__sim_world_sessions(world, slot) : 0;
    world->sessions_cut += open;
    world->user_errors += open;
    instance->life = NIP__SIM_STOPPING;
    instance->healthy = false;
    instance->exits_at = nip__time_add(world->now, behaviour_of(world, instance)->stop_delay);
    nip__sim_world_count(world);
    nip__sim_world_tell(world, NIP__SIM_TERMINATED, (int64_t)version, port, NULL);
}

/* ---- time ---- */

static nip_time next_flap(const nip__sim_world *world, const nip__sim_instance *instance)
{
    nip_duration interval = behaviour_of(world, instance)->flap_interval;
    if (interval <= 0)
        return NIP_TIME_MAX;
    return nip__time_add(instance->started, ((world->now - instance->started) / interval + 1) * interval);
}

static nip_time earlier(nip_time a, nip_time b)
{
    return a < b ? a : b;
}

static nip_time next_of_instance(const nip__sim_world *world, const nip__sim_instance *instance)
{
    if (instance->life == NIP__SIM_EXITED)
        return NIP_TIME_MAX;
    nip_time next = instance->exits_at;
    if (instance->life == NIP__SIM_STOPPING)
        return next;
    if (instance->healthy_from > world->now)
        next = earlier(next, instance->healthy_from);
    return earlier(next, next_flap(world, instance));
}

static nip_time next_restart(const nip__sim_world *world)
{
    if (world->next_restart >= world->settings.restart_count)
        return NIP_TIME_MAX;
    return nip__time_add(world->start, world->settings.restarts[world->next_restart]);
}

nip_time nip__sim_world_next(const nip__sim_world *world)
{
    if (!world->begun)
        return NIP_TIME_MAX;
    nip_time next = next_restart(world);
    for (size_t i = 0; i < world->instance_count; i++)
        next = earlier(next, next_of_instance(world, &world->instances[i]));
    return next;
}

/* One that was told to stop is gone; one that crashed stays as a record until somebody replaces it. */
static bool end_instance(nip__sim_world *world, size_t index)
{
    nip__sim_instance *instance = &world->instances[index];
    int64_t version = (int64_t)instance->version;
    int port = instance->port;
    if (instance->life == NIP__SIM_STOPPING) {
        nip__sim_world_forget(world, index);
        nip__sim_world_tell(world, NIP__SIM_STOPPED, version, port, NULL);
        return true;
    }
    instance->life = NIP__SIM_EXITED;
    instance->exit_code = 1;
    instance->healthy = false;
    nip__sim_world_count(world);
    nip__sim_world_tell(world, NIP__SIM_CRASHED, version, port, NULL);
    return false;
}

static void check_health(nip__sim_world *world, nip__sim_instance *instance)
{
    bool well = is_well(world, instance);
    if (well == instance->healthy)
        return;
    instance->healthy = well;
    nip__sim_world_count(world);
    nip__sim_world_tell(world, well ? NIP__SIM_HEALTHY : NIP__SIM_UNHEALTHY, (int64_t)instance->version, instance->port,
                        NULL);
}

static void change_instances(nip__sim_world *world)
{
    for (size_t i = 0; i < world->instance_count;) {
        nip__sim_instance *instance = &world->instances[i];
        bool gone = false;
        if (instance->life != NIP__SIM_EXITED && instance->exits_at <= world->now)
            gone = end_instance(world, i);
        else if (instance->life == NIP__SIM_RUNNING)
            check_health(world, instance);
        if (!gone)
            i++;
    }
}

/* ---- the beginning ---- */

/* They are not newborn: an instance of the initial world is healthy, and its own illnesses are still to come. */
static bool begin_version(nip__sim_world *world, const nip__value *item, int64_t all)
{
    const nip__value *shares = nip__get(world->settings.tree, "initial_shares");
    double count = 0;
    if (!nip__number(item, &count) || count < 1)
        return true;
    double share = shares != NULL ? nip__get_number(shares, item->key, 0) : 100 * count / (double)all;
    int64_t version = nip__sim_world_version(world, item->key);
    if (version < 0)
        return false;
    for (int64_t i = 0; i < (int64_t)count; i++) {
        int port = free_port(world);
        nip__sim_instance *instance = port > 0 ? add_instance(world, (size_t)version, port) : NULL;
        if (instance == NULL)
            return port == 0;
        instance->healthy_from = world->now;
        instance->strange = nip__get_bool(world->settings.tree, "strangers", false);
        instance->healthy = is_well(world, instance);
        if (share > 0)
            nip__sim_world_write(world, port, (size_t)version, share / count, NIP__SIM_READY, NULL);
    }
    return true;
}

static bool begin(nip__sim_world *world, nip_time now)
{
    const nip__value *initial = nip__get(world->settings.tree, "initial");
    int64_t all = 0;
    world->start = world->now = now;
    world->begun = true;
    for (NIP__EACH(item, initial))
        all += nip__get_int(initial, item->key, 0);
    for (NIP__EACH(item, initial)) {
        if (!begin_version(world, item, all))
            return false;
    }
    nip__sim_world_count(world);
    return true;
}

bool nip__sim_world_advance(nip__sim_world *world, nip_time now)
{
    if (!world->begun)
        return begin(world, now);
    for (nip_time next; (next = nip__sim_world_next(world)) <= now;) {
        nip__sim_world_serve(world, next > world->now ? next : world->now);
        change_instances(world);
        if (next_restart(world) <= world->now) {
            world->next_restart++;
            nip__sim_world_restart_router(world);
        }
    }
    nip__sim_world_serve(world, now);
    return true;
}
