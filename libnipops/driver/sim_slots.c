/* The simulated world's router: slots with weights, which a restart wipes. */
#include <math.h>

#include "base/time.h"
#include "driver/sim_world.h"

nip__sim_slot *nip__sim_world_slot(nip__sim_world *world, int port)
{
    for (size_t i = 0; i < world->slot_count; i++) {
        if (world->slots[i].port == port)
            return &world->slots[i];
    }
    return NULL;
}

static double weight_of(const nip__sim_slot *slot)
{
    return slot->state == NIP__SIM_READY ? slot->weight : 0;
}

double nip__sim_world_share(const nip__sim_world *world, const nip__sim_slot *slot)
{
    double all = 0;
    for (size_t i = 0; i < world->slot_count; i++)
        all += weight_of(&world->slots[i]);
    return all > 0 ? 100 * weight_of(slot) / all : 0;
}

/* As many as arrive during half of the time that the longest one takes; when no new ones come they end evenly. A dead
 * instance has none. */
int64_t nip__sim_world_sessions(const nip__sim_world *world, const nip__sim_slot *slot)
{
    const nip__sim_instance *instance = nip__sim_world_instance(world, slot->port);
    if (instance == NULL || instance->life != NIP__SIM_RUNNING)
        return 0;
    double drain = (double)world->settings.drain / (double)NIP_SECOND;
    if (weight_of(slot) > 0)
        return (int64_t)ceil(world->settings.requests_per_second * nip__sim_world_share(world, slot) / 100 * drain / 2);
    nip_duration gone = nip__time_between(slot->left, world->now);
    if (slot->busy <= 0 || gone >= world->settings.drain)
        return 0;
    return (int64_t)ceil(slot->busy * (1 - (double)gone / (double)world->settings.drain));
}

static nip__sim_slot *take_slot(nip__sim_world *world, int port)
{
    nip__sim_slot *slot = nip__sim_world_slot(world, port);
    if (slot != NULL)
        return slot;
    if (world->slot_count >= (size_t)world->settings.slots)
        return NULL;
    slot = &world->slots[world->slot_count++];
    *slot = (nip__sim_slot){.port = port, .state = NIP__SIM_MAINT, .left = world->now};
    return slot;
}

/* Taking a server out at once cuts what was open on it, as a router does that is told to. */
static void free_slot(nip__sim_world *world, nip__sim_slot *slot)
{
    int64_t open = nip__sim_world_sessions(world, slot);
    world->sessions_cut += open;
    world->user_errors += open;
    *slot = world->slots[--world->slot_count];
}

bool nip__sim_world_write(nip__sim_world *world, int port, size_t version, double weight, nip__sim_slot_state state,
                          const void *write)
{
    bool frees = state == NIP__SIM_MAINT;
    nip__sim_slot *slot = frees ? nip__sim_world_slot(world, port) : take_slot(world, port);
    if (slot == NULL)
        return frees;
    if (frees) {
        free_slot(world, slot);
    } else {
        bool serves = state == NIP__SIM_READY && weight > 0;
        if (weight_of(slot) > 0 && !serves) {
            slot->busy = (double)nip__sim_world_sessions(world, slot);
            slot->left = world->now;
        }
        slot->version = version;
        slot->weight = weight;
        slot->state = state;
        world->routed_ever = world->routed_ever || serves;
    }
    nip__sim_world_count(world);
    nip__sim_world_tell(world, NIP__SIM_ROUTED, (int64_t)version, port, write);
    return true;
}

void nip__sim_world_restart_router(nip__sim_world *world)
{
    world->slot_count = 0;
    world->mirrored_count = 0;
    world->wiped = true;
    world->restarts++;
    nip__sim_world_count(world);
    nip__sim_world_tell(world, NIP__SIM_ROUTER_RESTARTED, -1, 0, NULL);
}
