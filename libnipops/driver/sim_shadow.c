/* Recorded requests in the simulated world: there is no file, and what each version answers follows from how it behaves. */
#include "base/error.h"
#include "base/text.h"
#include "compare/tally.h"
#include "driver/sim_task.h"

enum { REQUESTS = 100 };

static const char sha256[] = "00000000000000000000000000000000000000000000000000000000000051f0";

static nip_time requests(nip__sim *sim, nip__sim_task *task)
{
    (void)sim;
    nip__value *result = nip__map(task->arena);
    nip__put_text(task->arena, result, "path", nip__get_text(task->args, "requests"));
    nip__put_text(task->arena, result, "sha256", sha256);
    nip__put_int(task->arena, result, "found", REQUESTS);
    nip__put_int(task->arena, result, "requests", REQUESTS);
    nip__put(task->arena, result, "skipped", nip__map(task->arena));
    return nip__sim_done(task, result);
}

/* ---- comparing ---- */

static const nip__sim_instance *asked(nip__sim *sim, const nip__sim_task *task, const char *side, int64_t turn)
{
    const nip__value *list = nip__get(task->args, side);
    const nip__value *endpoint = nip__count(list) > 0 ? nip__at(list, (size_t)turn % nip__count(list)) : NULL;
    const char *text = nip__is(endpoint, NIP__STRING) ? endpoint->as.string.text : "";
    return nip__sim_world_instance(&sim->world, nip__sim_world_port(&sim->world, text));
}

/* The first requests are those that a version with errors answers with one; latencies spread evenly around its own. */
static nip__answer answer(const nip__sim *sim, const nip__sim_instance *instance, int64_t turn)
{
    nip__answer made = {
        .message = "", .headers = "Content-Type: text/plain\r\n", .status = 200, .body = "as ever", .body_length = 7};
    if (instance == NULL || !instance->healthy) {
        made.reason = "connection_refused";
        return made;
    }
    const nip__sim_behaviour *behaviour = &sim->world.versions[instance->version].behaviour;
    if ((double)turn < behaviour->error_rate * REQUESTS) {
        made.status = 500;
        made.body = "sorry";
        made.body_length = 5;
    }
    double seconds = behaviour->latency_p95 * (0.5 + (double)(turn % REQUESTS) / (2.0 * REQUESTS));
    made.duration = (nip_duration)(seconds * (double)NIP_SECOND);
    return made;
}

static nip_time judge(nip__sim *sim, nip__sim_task *task)
{
    nip__differ differ = {0};
    nip__tally_limits limits;
    nip__differ_read(task->args, &differ);
    nip__tally_limits_read(task->arena, task->args, &limits);
    nip__tally *tally = nip__tally_new(&differ, &limits, REQUESTS);
    int rc = tally != NULL ? 0 : NIP_E_NOMEM;
    for (int64_t i = 0; i < REQUESTS && rc == 0; i++) {
        nip__answer old = answer(sim, asked(sim, task, "old", i), i),
                    again = answer(sim, asked(sim, task, "old", i + 1), i);
        nip__answer fresh = answer(sim, asked(sim, task, "new", i), i);
        nip__answers answers = {.method = "GET",
                                .target = nip__arena_printf(task->arena, "/items/%lld", (long long)i),
                                .old = &old,
                                .again = limits.baseline ? &again : NULL,
                                .fresh = &fresh};
        rc = answers.target != NULL ? nip__tally_add(tally, &answers, NULL) : NIP_E_NOMEM;
    }
    nip__value *result = rc == 0 ? nip__tally_result(tally, task->arena) : NULL;
    nip__put_text(task->arena, result, "path", nip__get_text(task->args, "requests"));
    nip__put_text(task->arena, result, "sha256", nip__get_text(task->args, "sha256"));
    nip__put_int(task->arena, result, "requests", REQUESTS);
    nip__put_int(task->arena, result, "not_sent", 0);
    nip__tally_free(tally);
    return rc == 0 ? nip__sim_done(task, result) : nip__sim_no_memory(task);
}

/* Sending takes its time: versions may fall ill meanwhile. */
static nip_time compare(nip__sim *sim, nip__sim_task *task)
{
    double rate = nip__get_number(task->args, "rate", 20);
    if (task->work != NULL)
        return judge(sim, task);
    task->work = task;
    return sim->world.now + (nip_duration)(REQUESTS / (rate > 0 ? rate : 1) * (double)NIP_SECOND);
}

const nip__sim_verb nip__sim_shadow_verbs[] = {
    {"check", "requests", NIP_VERB_READ, requests},
    {"check", "compare", NIP_VERB_READ, compare},
    {0},
};
