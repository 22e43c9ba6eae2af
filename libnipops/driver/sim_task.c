/* How an action ends in the simulated world. */
#include "driver/sim_task.h"

#include "doc/json.h"

static nip_time finish(nip__sim_task *task, const nip__value *outcome)
{
    task->outcome = nip__arena_failed(task->arena) ? NULL : nip__json_text(outcome);
    return NIP_TIME_NONE;
}

static nip__value *outcome_of(nip__sim_task *task, const char *word, nip__value *result)
{
    nip__value *map = nip__map(task->arena);
    nip__put_text(task->arena, map, "outcome", word);
    nip__put(task->arena, map, "result", result != NULL ? result : nip__map(task->arena));
    return map;
}

nip_time nip__sim_done(nip__sim_task *task, nip__value *result)
{
    return finish(task, outcome_of(task, "done", result));
}

nip_time nip__sim_failed(nip__sim_task *task, const char *reason, bool retryable, nip__value *result,
                         const char *message)
{
    nip__value *map = outcome_of(task, "failed", result);
    nip__put_text(task->arena, map, "reason", reason);
    nip__put_text(task->arena, map, "message", message);
    nip__put_bool(task->arena, map, "retryable", retryable);
    return finish(task, map);
}

nip_time nip__sim_settled(nip__sim_task *task, const char *outcome, const char *reason, nip__value *result,
                          const char *message)
{
    nip__value *map = outcome_of(task, outcome, result);
    nip__put_text(task->arena, map, "reason", reason);
    nip__put_text(task->arena, map, "message", message);
    return finish(task, map);
}

nip_time nip__sim_no_memory(nip__sim_task *task)
{
    task->outcome = NULL;
    return NIP_TIME_NONE;
}

void nip__sim_push_endpoint(nip__sim *sim, nip__sim_task *task, nip__value *list, int port)
{
    char endpoint[NIP__SIM_ENDPOINT_MAX];
    nip__sim_world_endpoint(&sim->world, port, endpoint);
    nip__push_text(task->arena, list, endpoint);
}
