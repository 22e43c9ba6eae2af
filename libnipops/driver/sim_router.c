/* The simulated world as a router: the whole traffic is written slot by slot, in an order that keeps the canary's
 * share small. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "driver/sim_task.h"

/* The state that one endpoint is to have, and when its turn is. */
typedef struct target {
    int port;
    size_t version;
    double weight;
    nip__sim_slot_state state;
    int rank;
} target;

typedef struct route_work {
    target *writes;
    size_t count, done, chunk;
    int64_t restarts; /* of the router when the writes were planned */
} route_work;

typedef struct targets {
    target *list;
    size_t count;
} targets;

static target *find(const targets *all, int port)
{
    for (size_t i = 0; i < all->count; i++) {
        if (all->list[i].port == port)
            return &all->list[i];
    }
    return NULL;
}

static size_t count_endpoints(const nip__value *args)
{
    size_t count = nip__count(nip__get(args, "drain"));
    for (NIP__EACH(group, nip__get(args, "groups")))
        count += nip__count(nip__get(group, "endpoints"));
    return count;
}

static const char *add_endpoint(nip__sim *sim, targets *all, const nip__value *endpoint, target model)
{
    model.port = nip__is(endpoint, NIP__STRING) ? nip__sim_world_port(&sim->world, endpoint->as.string.text) : 0;
    if (model.port == 0)
        return "an endpoint is not one of this router's network";
    if (find(all, model.port) != NULL)
        return "an endpoint is named twice";
    all->list[all->count++] = model;
    return NULL;
}

static const char *add_group(nip__sim *sim, targets *all, const nip__value *group)
{
    const nip__value *endpoints = nip__get(group, "endpoints");
    double share = nip__get_number(group, "share", -1);
    int64_t version = nip__sim_world_version(&sim->world, group->key);
    if (version < 0)
        return "out of memory";
    if (share < 0 || share > 100)
        return "a share must be 0 to 100 percent";
    if (share > 0 && nip__count(endpoints) == 0)
        return "a group has a share and no endpoints";
    double weight = share / (double)(nip__count(endpoints) > 0 ? nip__count(endpoints) : 1);
    const char *problem = NULL;
    for (NIP__EACH(endpoint, endpoints)) {
        if (problem == NULL)
            problem = add_endpoint(sim, all, endpoint,
                                   (target){.version = (size_t)version, .weight = weight, .state = NIP__SIM_READY});
    }
    return problem;
}

/* What `args` (or `before`) want, endpoint by endpoint. NULL: fine; else what is wrong. */
static const char *read_targets(nip__sim *sim, nip__sim_task *task, const nip__value *args, targets *all)
{
    all->list = nip__arena_alloc(task->arena, (count_endpoints(args) + sim->world.slot_count + 1) * sizeof *all->list);
    if (all->list == NULL)
        return "out of memory";
    if (!nip__is(nip__get(args, "groups"), NIP__MAP))
        return "groups must be a map";
    for (NIP__EACH(group, nip__get(args, "groups"))) {
        const char *problem = add_group(sim, all, group);
        if (problem != NULL)
            return problem;
    }
    for (NIP__EACH(endpoint, nip__get(args, "drain"))) {
        const nip__sim_slot *slot =
            nip__is(endpoint, NIP__STRING)
                ? nip__sim_world_slot(&sim->world, nip__sim_world_port(&sim->world, endpoint->as.string.text))
                : NULL;
        if (slot == NULL || find(all, slot->port) != NULL)
            continue; /* what is not routed has nothing to drain */
        all->list[all->count++] = (target){.port = slot->port, .version = slot->version, .state = NIP__SIM_DRAIN};
    }
    return NULL;
}

/* ---- what is there ---- */

static bool stands(const nip__sim_slot *slot, const target *wanted)
{
    double weight = slot != NULL && slot->state == NIP__SIM_READY ? slot->weight : 0;
    double other = wanted != NULL && wanted->state == NIP__SIM_READY ? wanted->weight : 0;
    if (fabs(weight - other) > 1e-6)
        return false;
    if (weight > 0)
        return slot->version == wanted->version;
    bool drains = slot != NULL && slot->state == NIP__SIM_DRAIN;
    return drains == (wanted != NULL && wanted->state == NIP__SIM_DRAIN);
}

/* A drained or free slot serves nobody: for "is somebody else's hand in here?" both are the same. */
static bool serves_alike(const nip__sim_slot *slot, const target *wanted)
{
    double weight = slot != NULL && slot->state == NIP__SIM_READY ? slot->weight : 0;
    double other = wanted != NULL && wanted->state == NIP__SIM_READY ? wanted->weight : 0;
    return fabs(weight - other) <= 1e-6;
}

typedef bool comparison(const nip__sim_slot *slot, const target *wanted);

/* Is every endpoint at its value in `one`, or in `two` when that is given? */
static bool all_at(nip__sim *sim, const targets *one, const targets *two, comparison *same)
{
    nip__sim_world *world = &sim->world;
    for (size_t i = 0; i < world->slot_count; i++) {
        const nip__sim_slot *slot = &world->slots[i];
        if (!same(slot, find(one, slot->port)) && (two == NULL || !same(slot, find(two, slot->port))))
            return false;
    }
    for (size_t k = 0; k < 2; k++) {
        const targets *list = k == 0 ? one : two;
        for (size_t i = 0; list != NULL && i < list->count; i++) {
            int port = list->list[i].port;
            if (nip__sim_world_slot(world, port) == NULL && !same(NULL, find(one, port)) &&
                (two == NULL || !same(NULL, find(two, port))))
                return false;
        }
    }
    return true;
}

/* ---- writing ---- */

/* First what lowers the canary's share, then what raises it; and what adds capacity before what takes it. */
static int rank_of(bool canary, bool up)
{
    if (canary)
        return up ? 2 : 1;
    return up ? 0 : 3;
}

static int by_rank(const void *a, const void *b)
{
    const target *x = a, *y = b;
    return x->rank != y->rank ? (x->rank > y->rank) - (x->rank < y->rank) : (x->port > y->port) - (x->port < y->port);
}

static void add_write(nip__sim *sim, nip__sim_task *task, route_work *work, const nip__sim_slot *slot, target wanted)
{
    const char *canary = nip__get_text(task->args, "canary");
    double weight = slot != NULL && slot->state == NIP__SIM_READY ? slot->weight : 0;
    size_t version = slot != NULL && wanted.weight <= 0 ? slot->version : wanted.version;
    wanted.rank = rank_of(nip__text_equal(sim->world.versions[version].name, canary), wanted.weight > weight);
    work->writes[work->count++] = wanted;
}

static route_work *plan_route(nip__sim *sim, nip__sim_task *task, const targets *wanted)
{
    nip__sim_world *world = &sim->world;
    route_work *work = nip__arena_alloc(task->arena, sizeof *work);
    target *writes = nip__arena_alloc(task->arena, (wanted->count + world->slot_count + 1) * sizeof *writes);
    if (work == NULL || writes == NULL)
        return NULL;
    work->writes = writes;
    for (size_t i = 0; i < wanted->count; i++) {
        const nip__sim_slot *slot = nip__sim_world_slot(world, wanted->list[i].port);
        if (slot == NULL || !stands(slot, &wanted->list[i]))
            add_write(sim, task, work, slot, wanted->list[i]);
    }
    for (size_t i = 0; i < world->slot_count; i++) {
        const nip__sim_slot *slot = &world->slots[i];
        if (find(wanted, slot->port) == NULL)
            add_write(sim, task, work, slot,
                      (target){.port = slot->port, .version = slot->version, .state = NIP__SIM_MAINT});
    }
    qsort(writes, work->count, sizeof *writes, by_rank);
    work->chunk = work->count / 16 + 1;
    work->restarts = world->restarts;
    return work;
}

static size_t slots_needed(nip__sim *sim, const targets *wanted)
{
    size_t needed = sim->world.slot_count;
    for (size_t i = 0; i < wanted->count; i++)
        needed += nip__sim_world_slot(&sim->world, wanted->list[i].port) == NULL;
    return needed;
}

static nip__value *read_back(nip__sim *sim, nip__sim_task *task)
{
    nip__arena *arena = task->arena;
    nip__value *result = nip__map(arena);
    nip__value *groups = nip__put(arena, result, "groups", nip__map(arena));
    for (NIP__EACH(group, nip__get(task->args, "groups"))) {
        nip__value *read = nip__put(arena, groups, group->key, nip__map(arena));
        nip__value *endpoints = nip__list(arena);
        double share = 0;
        for (NIP__EACH(endpoint, nip__get(group, "endpoints"))) {
            int port = nip__is(endpoint, NIP__STRING) ? nip__sim_world_port(&sim->world, endpoint->as.string.text) : 0;
            const nip__sim_slot *slot = nip__sim_world_slot(&sim->world, port);
            if (slot == NULL)
                continue;
            share += nip__sim_world_share(&sim->world, slot);
            nip__sim_push_endpoint(sim, task, endpoints, port);
        }
        nip__put_real(arena, read, "share", round(share * 1e6) / 1e6);
        nip__put(arena, read, "endpoints", endpoints);
    }
    nip__put_real(arena, result, "resolution", 0);
    return result;
}

static nip_time write_some(nip__sim *sim, nip__sim_task *task, route_work *work)
{
    if (sim->world.restarts !=
        work->restarts) /* the rest of the writes alone would send all traffic to whom they name */
        return nip__sim_failed(task, "router_restarted", true, NULL, "the router restarted in the middle of the write");
    for (size_t i = 0; i < work->chunk && work->done < work->count; i++) {
        const target *write = &work->writes[work->done++];
        if (!nip__sim_world_write(&sim->world, write->port, write->version, write->weight, write->state, task))
            return nip__sim_failed(task, "no_slots", false, NULL, "the router has no free slot");
    }
    if (work->done < work->count)
        return sim->world.now + sim->world.settings.step_delay;
    sim->world.wiped = false;
    return nip__sim_done(task, read_back(sim, task));
}

static nip_time settle(nip__sim *sim, nip__sim_task *task, const targets *wanted, const targets *before)
{
    if (all_at(sim, wanted, NULL, stands))
        return nip__sim_settled(task, "in_force", NULL, read_back(sim, task), NULL);
    if (sim->world.wiped)
        return nip__sim_settled(task, "foreign", "router_restarted", nip__map(task->arena),
                                "the router was restarted: its slots are empty");
    if (before == NULL || all_at(sim, wanted, before, serves_alike))
        return nip__sim_settled(task, "not_yet", NULL, nip__map(task->arena), NULL);
    return nip__sim_settled(task, "foreign", "foreign", nip__map(task->arena), "somebody else changed the router");
}

static nip_time bad(nip__sim_task *task, const char *problem)
{
    return nip__arena_failed(task->arena) ? nip__sim_no_memory(task)
                                          : nip__sim_failed(task, "bad_arguments", false, NULL, problem);
}

static nip_time begin_route(nip__sim *sim, nip__sim_task *task)
{
    targets wanted = {0}, before = {0};
    const char *problem = read_targets(sim, task, task->args, &wanted);
    if (problem == NULL && task->before != NULL)
        problem = read_targets(sim, task, task->before, &before);
    if (problem != NULL)
        return bad(task, problem);
    const targets *given = task->before != NULL ? &before : NULL;
    if (task->settles)
        return settle(sim, task, &wanted, given);
    if (slots_needed(sim, &wanted) > (size_t)sim->world.settings.slots)
        return nip__sim_failed(task, "no_slots", false, NULL, "the router has too few slots");
    task->work = plan_route(sim, task, &wanted);
    return task->work != NULL ? write_some(sim, task, task->work) : nip__sim_no_memory(task);
}

static nip_time route(nip__sim *sim, nip__sim_task *task)
{
    return task->work == NULL ? begin_route(sim, task) : write_some(sim, task, task->work);
}

/* ---- reading ---- */

static nip_time sessions(nip__sim *sim, nip__sim_task *task)
{
    nip__value *result = nip__map(task->arena);
    nip__value *each = nip__map(task->arena);
    int64_t all = 0;
    for (NIP__EACH(endpoint, nip__get(task->args, "endpoints"))) {
        const char *text = nip__is(endpoint, NIP__STRING) ? endpoint->as.string.text : "";
        const nip__sim_slot *slot = nip__sim_world_slot(&sim->world, nip__sim_world_port(&sim->world, text));
        int64_t open = slot != NULL ? nip__sim_world_sessions(&sim->world, slot) : 0;
        nip__put_int(task->arena, each, text, open);
        all += open;
    }
    nip__put_int(task->arena, result, "sessions", all);
    nip__put(task->arena, result, "endpoints", each);
    return nip__sim_done(task, result);
}

static nip__value *slot_value(nip__sim *sim, nip__sim_task *task, const nip__sim_slot *slot)
{
    static const char *const states[] = {
        [NIP__SIM_READY] = "ready", [NIP__SIM_DRAIN] = "drain", [NIP__SIM_MAINT] = "maint"};
    nip__value *map = nip__map(task->arena);
    nip__put_real(task->arena, map, "weight", slot->state == NIP__SIM_READY ? slot->weight : 0);
    nip__put_real(task->arena, map, "share", round(nip__sim_world_share(&sim->world, slot) * 1e6) / 1e6);
    nip__put_text(task->arena, map, "state", states[slot->state]);
    nip__put_int(task->arena, map, "sessions", nip__sim_world_sessions(&sim->world, slot));
    return map;
}

static nip_time observe(nip__sim *sim, nip__sim_task *task)
{
    nip__arena *arena = task->arena;
    nip__sim_world *world = &sim->world;
    nip__value *result = nip__map(arena);
    int64_t needed = nip__get_int(task->args, "slots_needed", 0);
    nip__value *problems = nip__list(arena);
    if (needed > world->settings.slots)
        nip__push_text(arena, problems, "the router has too few slots");
    nip__put_bool(arena, result, "usable", nip__count(problems) == 0);
    nip__put(arena, result, "problems", problems);
    nip__put(arena, result, "warnings", nip__list(arena));
    nip__put_int(arena, result, "slots", world->settings.slots);
    nip__put_int(arena, result, "slots_free", world->settings.slots - (int64_t)world->slot_count);
    nip__put_bool(arena, result, "groups_known", true);
    nip__put_bool(arena, result, "restarted", world->wiped);
    nip__put_bool(arena, result, "mirrors", true);
    nip__value *endpoints = nip__put(arena, result, "endpoints", nip__map(arena));
    for (size_t i = 0; i < world->slot_count; i++) {
        char endpoint[NIP__SIM_ENDPOINT_MAX];
        nip__sim_world_endpoint(world, world->slots[i].port, endpoint);
        nip__put(arena, endpoints, endpoint, slot_value(sim, task, &world->slots[i]));
    }
    return nip__sim_done(task, result);
}

const nip__sim_verb nip__sim_router_verbs[] = {
    {"router", "route", NIP_VERB_DECLARATIVE, route},
    {"router", "sessions", NIP_VERB_READ, sessions},
    {"router", "observe", NIP_VERB_READ, observe},
    {0},
};
