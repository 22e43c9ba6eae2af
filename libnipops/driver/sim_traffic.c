/* Traffic of the simulated world: requests by share, errors by dice, counters that only grow. */
#include <math.h>

#include "base/time.h"
#include "driver/sim_world.h"

enum { DICE_MAX = 64 }; /* more expected errors than this come from a normal distribution */

static double normal(nip__random *random)
{
    double u = 1 - nip__random_unit(random);
    double v = nip__random_unit(random);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

/* How many of `count` requests fail when each does with probability `rate`: binomial, by the gaps between failures
 * when they are few. */
static int64_t draw_errors(nip__random *random, int64_t count, double rate)
{
    if (rate <= 0 || count <= 0)
        return 0;
    if (rate >= 1)
        return count;
    double expected = (double)count * rate;
    if (expected > DICE_MAX) {
        double drawn = floor(expected + normal(random) * sqrt(expected * (1 - rate)) + 0.5);
        return drawn < 0 ? 0 : drawn > (double)count ? count : (int64_t)drawn;
    }
    double scale = log1p(-rate);
    double place = 0;
    int64_t errors = -1;
    do {
        errors++;
        place += floor(log(1 - nip__random_unit(random)) / scale) + 1;
    } while (place <= (double)count);
    return errors;
}

static bool serves(const nip__sim_slot *slot)
{
    return slot->state == NIP__SIM_READY && slot->weight > 0;
}

static bool is_healthy(const nip__sim_world *world, const nip__sim_slot *slot)
{
    const nip__sim_instance *instance = nip__sim_world_instance(world, slot->port);
    return instance != NULL && instance->healthy;
}

static void count_instances(nip__sim_world *world)
{
    for (size_t i = 0; i < world->instance_count; i++) {
        nip__sim_version *version = &world->versions[world->instances[i].version];
        version->running += world->instances[i].life == NIP__SIM_RUNNING;
        version->healthy += world->instances[i].healthy;
    }
}

static void count_slots(nip__sim_world *world)
{
    double all = 0;
    for (size_t i = 0; i < world->slot_count; i++)
        all += serves(&world->slots[i]) ? world->slots[i].weight : 0;
    for (size_t i = 0; i < world->slot_count; i++) {
        nip__sim_version *version = &world->versions[world->slots[i].version];
        if (!serves(&world->slots[i]))
            continue;
        version->share += 100 * world->slots[i].weight / all;
        version->serving += is_healthy(world, &world->slots[i]);
    }
}

static void note(nip_time *since, bool now_so, nip_time now)
{
    if (!now_so)
        *since = NIP_TIME_NONE;
    else if (*since == NIP_TIME_NONE)
        *since = now;
}

void nip__sim_world_count(nip__sim_world *world)
{
    for (size_t i = 0; i < world->version_count; i++) {
        nip__sim_version *version = &world->versions[i];
        version->share = 0;
        version->healthy = version->running = version->serving = 0;
    }
    count_instances(world);
    count_slots(world);
    for (size_t i = 0; i < world->version_count; i++) {
        nip__sim_version *version = &world->versions[i];
        version->share_max = fmax(version->share_max, version->share);
        note(&version->ill_since, version->healthy == 0, world->now);
        note(&version->helpless_since, version->share > 0 && version->serving == 0, world->now);
    }
}

static void serve_slot(nip__sim_world *world, nip__sim_slot *slot, double requests)
{
    slot->carry += requests;
    double whole = floor(slot->carry);
    slot->carry -= whole;
    int64_t count = (int64_t)whole;
    nip__sim_version *version = &world->versions[slot->version];
    bool healthy = is_healthy(world, slot);
    int64_t errors = healthy ? draw_errors(&world->random, count, version->behaviour.error_rate) : count;
    slot->requests += count;
    slot->errors += errors;
    version->requests += count;
    version->errors += errors;
    world->requests += count;
    world->user_errors += healthy ? 0 : count;
}

static void serve_nobody(nip__sim_world *world, double requests)
{
    world->unrouted_carry += requests;
    double whole = floor(world->unrouted_carry);
    world->unrouted_carry -= whole;
    world->requests += (int64_t)whole;
    world->unrouted += (int64_t)whole;
    world->user_errors += (int64_t)whole;
}

/* Copies change nothing for users, whatever becomes of them. */
static void copy_requests(nip__sim_world *world, double requests)
{
    for (size_t i = 0; i < world->mirrored_count; i++) {
        nip__sim_slot *slot = &world->mirrored[i];
        slot->carry += requests * world->mirror_percent / 100 / (double)world->mirrored_count;
        int64_t count = (int64_t)floor(slot->carry);
        slot->carry -= (double)count;
        double rate = is_healthy(world, slot) ? world->versions[slot->version].behaviour.error_rate : 1;
        slot->requests += count;
        slot->errors += draw_errors(&world->random, count, rate);
    }
}

nip__sim_slot *nip__sim_world_mirrored(nip__sim_world *world, int port)
{
    for (size_t i = 0; i < world->mirrored_count; i++) {
        if (world->mirrored[i].port == port)
            return &world->mirrored[i];
    }
    return NULL;
}

void nip__sim_world_serve(nip__sim_world *world, nip_time until)
{
    nip_duration passed = nip__time_between(world->now, until);
    if (passed <= 0)
        return;
    double requests = world->settings.requests_per_second * ((double)passed / (double)NIP_SECOND);
    double all = 0;
    for (size_t i = 0; i < world->slot_count; i++)
        all += serves(&world->slots[i]) ? world->slots[i].weight : 0;
    for (size_t i = 0; i < world->slot_count; i++) {
        if (serves(&world->slots[i]))
            serve_slot(world, &world->slots[i], requests * world->slots[i].weight / all);
    }
    copy_requests(world, all > 0 ? requests : 0);
    if (all <= 0 && world->routed_ever)
        serve_nobody(world, requests);
    for (size_t i = 0; i < world->version_count; i++) {
        if (world->versions[i].helpless_since != NIP_TIME_NONE)
            world->versions[i].helpless += passed;
    }
    world->now = until;
}
