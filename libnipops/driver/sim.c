/* The simulated world's actions under way: each travels there, works, travels back; or what its fate says. */
#include "driver/sim.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"
#include "driver/sim_task.h"
#include "plan/action.h"

static const char no_memory[] =
    "{\"outcome\":\"failed\",\"reason\":\"no_memory\",\"message\":\"out of memory\",\"retryable\":true}";

int nip__sim_new(const nip__value *settings, nip__sim **sim, nip_error **err)
{
    nip__sim_settings read;
    int rc = nip__sim_settings_read(settings, &read, err);
    if (rc < 0)
        return rc;
    nip__sim *made = nip__calloc(1, sizeof *made);
    uint64_t seed = read.seed;
    if (made == NULL || !nip__sim_world_init(&made->world, &read)) {
        nip__free(made);
        nip__sim_settings_clear(&read);
        return nip__nomem(err);
    }
    pthread_mutex_init(&made->lock, NULL); /* a plain mutex: cannot fail */
    made->holds = 1;
    nip__random_seed(&made->random, seed ^ NIP__SIM_FAULT_SEED);
    *sim = made;
    return 0;
}

static void free_task(nip__sim_task *task)
{
    if (task == NULL)
        return;
    nip__free(task->outcome);
    nip__arena_free(task->arena);
    nip__free(task);
}

static void unlink_task(nip__sim *sim, nip__sim_task *task)
{
    *(task->previous != NULL ? &task->previous->next : &sim->first) = task->next;
    *(task->next != NULL ? &task->next->previous : &sim->last) = task->previous;
}

static void append_task(nip__sim *sim, nip__sim_task *task)
{
    task->previous = sim->last;
    *(sim->last != NULL ? &sim->last->next : &sim->first) = task;
    sim->last = task;
}

nip__sim *nip__sim_hold(nip__sim *sim)
{
    sim->holds++;
    return sim;
}

void nip__sim_free(nip__sim *sim)
{
    if (sim == NULL || --sim->holds > 0)
        return;
    while (sim->first != NULL) {
        nip__sim_task *task = sim->first;
        unlink_task(sim, task);
        free_task(task);
    }
    free_task(sim->answered);
    nip__sim_world_clear(&sim->world);
    pthread_mutex_destroy(&sim->lock);
    nip__free(sim->name);
    nip__free(sim);
}

nip__sim_world *nip__sim_world_of(nip__sim *sim)
{
    return &sim->world;
}

int64_t nip__sim_counted(const nip__sim *sim)
{
    return sim->counted;
}

/* ---- beginning ---- */

const nip__sim_verb *nip__sim_verb_find(const char *role, const char *verb)
{
    static const nip__sim_verb *const tables[] = {nip__sim_target_verbs, nip__sim_router_verbs, nip__sim_read_verbs,
                                                 nip__sim_shadow_verbs, nip__sim_mirror_verbs};
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        for (const nip__sim_verb *v = tables[t]; v->verb != NULL; v++) {
            if (nip__text_equal(v->verb, verb) && (role == NULL || nip__text_equal(v->role, role)))
                return v;
        }
    }
    return NULL;
}

static bool chance(nip__sim *sim, double probability)
{
    return probability > 0 && nip__random_unit(&sim->random) < probability;
}

static nip__sim_fate draw_fate(nip__sim *sim, const nip__sim_verb *verb)
{
    const nip__sim_faults *faults = &sim->world.settings.faults;
    if (chance(sim, nip__sim_settings_fail(&sim->world.settings, verb->verb)))
        return (nip__sim_fate){.kind = faults->fail_for_good ? NIP__SIM_FAILS_FOR_GOOD
                                       : chance(sim, 0.5)    ? NIP__SIM_FAILS
                                                             : NIP__SIM_FAILS_MIDWAY};
    if (chance(sim, faults->lose))
        return (nip__sim_fate){.kind = chance(sim, 0.5) ? NIP__SIM_LOST_BEFORE : NIP__SIM_LOST_AFTER};
    if (chance(sim, faults->late))
        return (nip__sim_fate){NIP__SIM_LATE, faults->late_delay};
    if (chance(sim, faults->repeat))
        return (nip__sim_fate){.kind = NIP__SIM_REPEATED};
    if (nip__text_equal(verb->verb, "measure") && chance(sim, faults->no_data))
        return (nip__sim_fate){.kind = NIP__SIM_NO_DATA};
    return (nip__sim_fate){.kind = NIP__SIM_FINE};
}

static nip__sim_task *make_task(const nip_action *action, const nip__sim_verb *verb, const void *owner)
{
    nip__sim_task *task = nip__calloc(1, sizeof *task);
    nip__arena *arena = nip__arena_new();
    if (task == NULL || arena == NULL) {
        nip__free(task);
        nip__arena_free(arena);
        return NULL;
    }
    *task = (nip__sim_task){
        .owner = owner,
        .arena = arena,
        .id = nip__arena_text(arena, nip_action_id(action)),
        .verb = verb,
        .args = nip__copy(arena, action->args_value),
        .before = nip__copy(arena, action->before_value),
        .settles = nip_action_settles(action) != 0,
        .answers = 1,
    };
    if (!nip__arena_failed(arena))
        return task;
    free_task(task);
    return NULL;
}

int nip__sim_begin_task(nip__sim *sim, const nip_action *action, const void *owner, const nip__sim_fate *fate,
                        nip_time now, nip__sim_task **begun, nip_error **err)
{
    const nip__sim_verb *verb = nip__sim_verb_find(nip_action_role(action), nip_action_verb(action));
    if (verb == NULL)
        return nip__fail(err, NIP_E_UNSUPPORTED, "driver sim: cannot do %s/%s", nip_action_role(action),
                         nip_action_verb(action));
    if (!nip__sim_advance(sim, now))
        return nip__nomem(err);
    nip__sim_task *task = make_task(action, verb, owner);
    if (task == NULL)
        return nip__nomem(err);
    task->fate = fate != NULL ? *fate : draw_fate(sim, verb);
    bool lost = task->fate.kind == NIP__SIM_LOST_BEFORE;
    task->phase = lost ? NIP__SIM_LOST : NIP__SIM_TRAVELS;
    task->at = lost ? NIP_TIME_MAX : nip__time_add(sim->world.now, sim->world.settings.answer_delay / 2);
    task->answers = task->fate.kind == NIP__SIM_REPEATED ? 2 : 1;
    append_task(sim, task);
    *begun = task;
    return 0;
}

int nip__sim_begin(nip__sim *sim, const nip_action *action, const void *owner, const nip__sim_fate *fate, nip_time now,
                   nip_error **err)
{
    nip__sim_task *task = NULL;
    return nip__sim_begin_task(sim, action, owner, fate, now, &task, err);
}

/* ---- going on ---- */

static void spoil(nip__sim_task *task, bool for_good)
{
    nip__free(task->outcome);
    task->outcome = NULL;
    nip__sim_failed(task, "unreachable", !for_good, NULL, "the connection broke");
}

/* Returns true when the verb is done with. */
static bool work(nip__sim *sim, nip__sim_task *task)
{
    nip__sim_fate_kind fate = task->fate.kind;
    if (fate == NIP__SIM_FAILS || fate == NIP__SIM_FAILS_FOR_GOOD) {
        spoil(task, fate == NIP__SIM_FAILS_FOR_GOOD);
        return true;
    }
    nip_time again = task->verb->go_on(sim, task);
    if (fate == NIP__SIM_FAILS_MIDWAY) {
        spoil(task, false);
        return true;
    }
    task->at = again;
    return again == NIP_TIME_NONE;
}

static void go_on(nip__sim *sim, nip__sim_task *task)
{
    nip_duration back = sim->world.settings.answer_delay - sim->world.settings.answer_delay / 2;
    if (task->phase == NIP__SIM_RETURNS) {
        task->phase = NIP__SIM_DUE;
        return;
    }
    task->phase = NIP__SIM_WORKS;
    if (!work(sim, task))
        return;
    bool lost = task->fate.kind == NIP__SIM_LOST_AFTER;
    task->phase = lost ? NIP__SIM_LOST : NIP__SIM_RETURNS;
    task->at = lost ? NIP_TIME_MAX : nip__time_add(nip__time_add(sim->world.now, back), task->fate.delay);
}

static bool moves(const nip__sim_task *task)
{
    return task->phase != NIP__SIM_DUE && task->phase != NIP__SIM_LOST;
}

/* The first that goes on, in order of time and then of beginning. */
static nip__sim_task *next_task(const nip__sim *sim)
{
    nip__sim_task *next = NULL;
    for (nip__sim_task *task = sim->first; task != NULL; task = task->next) {
        if (moves(task) && (next == NULL || task->at < next->at))
            next = task;
    }
    return next;
}

bool nip__sim_advance(nip__sim *sim, nip_time now)
{
    nip__sim_world *world = &sim->world;
    if (!world->begun && !nip__sim_world_advance(world, now))
        return false;
    for (;;) {
        nip__sim_task *task = next_task(sim);
        bool due = task != NULL && task->at <= now;
        nip_time until = due ? task->at : now;
        if (until > world->now || !due)
            nip__sim_world_advance(world, until);
        if (!due)
            return true;
        go_on(sim, task);
    }
}

nip_time nip__sim_next(const nip__sim *sim, const void *owner)
{
    nip_time next = owner == NULL ? nip__sim_world_next(&sim->world) : NIP_TIME_MAX;
    for (const nip__sim_task *task = sim->first; task != NULL; task = task->next) {
        if (owner != NULL && task->owner != owner)
            continue;
        nip_time at = task->phase == NIP__SIM_DUE    ? sim->world.now
                      : task->phase == NIP__SIM_LOST ? NIP_TIME_MAX
                                                     : task->at;
        next = at < next ? at : next;
    }
    return next;
}

/* ---- answering ---- */

nip__sim_task *nip__sim_due_task(const nip__sim *sim, const void *owner)
{
    for (nip__sim_task *task = sim->first; task != NULL; task = task->next) {
        if (task->owner == owner && task->phase == NIP__SIM_DUE)
            return task;
    }
    return NULL;
}

bool nip__sim_answer(nip__sim *sim, const void *owner, const char **id, const char **outcome)
{
    free_task(sim->answered);
    sim->answered = NULL;
    nip__sim_task *task = nip__sim_due_task(sim, owner);
    if (task == NULL)
        return false;
    if (--task->answers == 0) {
        unlink_task(sim, task);
        sim->answered = task;
    }
    *id = task->id;
    *outcome = task->outcome != NULL ? task->outcome : no_memory;
    return true;
}

void nip__sim_drop(nip__sim *sim, const void *owner, const char *id)
{
    nip__sim_task *next;
    for (nip__sim_task *task = sim->first; task != NULL; task = next) {
        next = task->next;
        if (task->owner != owner || (id != NULL && !nip__text_equal(task->id, id)))
            continue;
        unlink_task(sim, task);
        free_task(task);
    }
}

void nip__sim_drop_action(nip__sim *sim, const nip_action *action)
{
    for (nip__sim_task *task = sim->first; task != NULL; task = task->next) {
        if (task->action == action) {
            unlink_task(sim, task);
            free_task(task);
            return;
        }
    }
}
