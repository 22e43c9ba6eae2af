/* Instances of the simulated world that its target did not start: strangers, until it is told to adopt them. */
#include "base/text.h"
#include "driver/sim_task.h"

typedef enum standing { ADOPTED, STRANGE, OTHER } standing;

/* How the instance at an endpoint stands to the version in question. */
static standing stands(const nip__sim *sim, const nip__value *endpoint, const char *version)
{
    int port = nip__is(endpoint, NIP__STRING) ? nip__sim_world_port(&sim->world, endpoint->as.string.text) : 0;
    const nip__sim_instance *instance = nip__sim_world_instance(&sim->world, port);
    if (instance == NULL || instance->life != NIP__SIM_RUNNING ||
        !nip__text_equal(sim->world.versions[instance->version].name, version))
        return OTHER;
    return instance->strange ? STRANGE : ADOPTED;
}

static nip__value *result_of(nip__sim_task *task)
{
    nip__value *result = nip__map(task->arena);
    nip__put(task->arena, result, "endpoints", nip__share(task->arena, nip__get(task->args, "endpoints")));
    return result;
}

static const char *message_of(nip__sim_task *task, const nip__value *endpoint, const char *version)
{
    return nip__arena_printf(task->arena, "%s is no running instance of %s",
                             nip__is(endpoint, NIP__STRING) ? endpoint->as.string.text : "something", version);
}

nip_time nip__sim_adopt(nip__sim *sim, nip__sim_task *task)
{
    const char *version = nip__get_text(task->args, "version");
    const nip__value *endpoints = nip__get(task->args, "endpoints");
    bool all_adopted = true;
    if (version == NULL || nip__count(endpoints) == 0)
        return nip__sim_failed(task, "bad_arguments", false, NULL, "a version and endpoints are needed");
    for (NIP__EACH(endpoint, endpoints)) {
        standing how = stands(sim, endpoint, version);
        const char *message = how == OTHER ? message_of(task, endpoint, version) : NULL;
        if (how == OTHER && task->settles)
            return nip__sim_settled(task, "foreign", "foreign", nip__map(task->arena), message);
        if (how == OTHER)
            return nip__sim_failed(task, "foreign", false, NULL, message);
        all_adopted = all_adopted && how == ADOPTED;
    }
    if (task->settles)
        return nip__sim_settled(task, all_adopted ? "in_force" : "not_yet", NULL,
                                all_adopted ? result_of(task) : nip__map(task->arena), NULL);
    for (NIP__EACH(endpoint, endpoints))
        nip__sim_world_adopt(&sim->world, nip__sim_world_port(&sim->world, endpoint->as.string.text));
    return nip__sim_done(task, result_of(task));
}
