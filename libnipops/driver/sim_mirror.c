/* Copies of users' requests in the simulated world: instances that get them answer nobody. */
#include <math.h>

#include "base/text.h"
#include "driver/sim_task.h"

typedef struct mirror {
    nip__sim_slot slots[NIP__SIM_MIRRORED_MAX];
    size_t count;
    double percent;
} mirror;

/* NULL: fine; else what is wrong. */
static const char *read_mirror(nip__sim *sim, const nip__value *args, mirror *wanted)
{
    const nip__value *endpoints = nip__get(args, "endpoints");
    const char *name = nip__get_text(args, "version");
    int64_t version = nip__sim_world_version(&sim->world, name != NULL ? name : "");
    *wanted = (mirror){.percent = nip__get_number(args, "percent", 0)};
    if (!nip__is(endpoints, NIP__LIST) || nip__count(endpoints) > NIP__SIM_MIRRORED_MAX)
        return "endpoints must be a list of at most 64";
    if (wanted->percent < 0 || wanted->percent > 100 || version < 0)
        return version < 0 ? "out of memory" : "percent must be 0 to 100";
    for (NIP__EACH(endpoint, endpoints)) {
        int port = nip__is(endpoint, NIP__STRING) ? nip__sim_world_port(&sim->world, endpoint->as.string.text) : 0;
        if (port == 0)
            return "an endpoint is not one of this router's network";
        wanted->slots[wanted->count++] = (nip__sim_slot){.port = port, .version = (size_t)version};
    }
    return NULL;
}

static bool stands(const nip__sim_world *world, const mirror *wanted)
{
    bool same = world->mirrored_count == wanted->count &&
                (wanted->count == 0 || fabs(world->mirror_percent - wanted->percent) < 1e-6);
    for (size_t i = 0; i < wanted->count && same; i++)
        same = world->mirrored[i].port == wanted->slots[i].port;
    return same;
}

static nip__value *read_back(nip__sim *sim, nip__sim_task *task)
{
    nip__arena *arena = task->arena;
    const nip__sim_world *world = &sim->world;
    nip__value *result = nip__map(arena), *found = nip__put(arena, result, "mirror", nip__map(arena));
    nip__value *endpoints = nip__put(arena, found, "endpoints", nip__list(arena));
    for (size_t i = 0; i < world->mirrored_count; i++)
        nip__sim_push_endpoint(sim, task, endpoints, world->mirrored[i].port);
    nip__put_real(arena, found, "percent", world->mirrored_count > 0 ? world->mirror_percent : 0);
    nip__put_text(arena, found, "version", world->mirrored_count > 0 ? nip__get_text(task->args, "version") : NULL);
    return result;
}

static nip_time settle(nip__sim *sim, nip__sim_task *task, const mirror *wanted, const mirror *before)
{
    if (stands(&sim->world, wanted))
        return nip__sim_settled(task, "in_force", NULL, read_back(sim, task), NULL);
    if (sim->world.wiped)
        return nip__sim_settled(task, "foreign", "router_restarted", nip__map(task->arena),
                                "the router was restarted: it sends no copies");
    if (before == NULL || stands(&sim->world, before))
        return nip__sim_settled(task, "not_yet", NULL, nip__map(task->arena), NULL);
    return nip__sim_settled(task, "foreign", "foreign", nip__map(task->arena), "somebody else changed the router");
}

static nip_time set_mirror(nip__sim *sim, nip__sim_task *task)
{
    mirror wanted, before;
    const char *problem = read_mirror(sim, task->args, &wanted);
    if (problem == NULL && task->before != NULL)
        problem = read_mirror(sim, task->before, &before);
    if (problem != NULL)
        return nip__sim_failed(task, "bad_arguments", false, NULL, problem);
    if (task->settles)
        return settle(sim, task, &wanted, task->before != NULL ? &before : NULL);
    if (!stands(&sim->world, &wanted)) { /* who is asked again goes on counting */
        for (size_t i = 0; i < wanted.count; i++)
            sim->world.mirrored[i] = wanted.slots[i];
        sim->world.mirrored_count = wanted.count;
        sim->world.mirror_percent = wanted.percent;
    }
    return nip__sim_done(task, read_back(sim, task));
}

const nip__sim_verb nip__sim_mirror_verbs[] = {
    {"router", "mirror", NIP_VERB_DECLARATIVE, set_mirror},
    {0},
};
