/* The world of a case, watched at every change: laws 1 and 3 as users see them. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "driver/sim_task.h"
#include "laws.h"
#include "plan/action.h"

#define START INT64_C(1700000000000000000)
#define GRACE (10 * NIP_SECOND) /* an instance that has just fallen ill by itself may still be written to */

void law_broken(law_world *world, int law, const char *format, ...)
{
    char text[LAW_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (world->broken)
        return;
    world->broken = true;
    world->counts->broken++;
    printf("LAW %d BROKEN: %s\n", law, text);
    law_print_case(world->law);
    if (world->counts->hasty)
        exit(1);
}

/* ---- the ear ---- */

static void read_wanted(law_world *world, const nip__sim_world *sim, const nip__sim_task *task)
{
    const nip__value *groups = nip__get(task->args, "groups");
    double all = 0;
    for (NIP__EACH(group, groups))
        all += nip__get_number(group, "share", 0);
    for (size_t i = 0; i < sim->version_count && i < LAW_VERSIONS; i++) {
        double share = nip__get_number(nip__get(groups, sim->versions[i].name), "share", 0);
        world->after[i] = all > 0 ? 100 * share / all : 0;
    }
}

/* What fell ill by itself a moment ago cannot be known yet, nor what fell ill while the process slept. */
static bool is_forgiven(const law_world *world, const nip__sim_world *sim, const nip__sim_version *version)
{
    bool just_now = version->ill_since != NIP_TIME_NONE && sim->now - version->ill_since <= GRACE;
    bool just_woken = world->woken != NIP_TIME_NONE && sim->now - world->woken <= GRACE;
    return world->law->mood->ill && version->ill_since != NIP_TIME_NONE && (just_now || just_woken);
}

/* Law 1 at one moment of a write. */
static void check_write(law_world *world, const nip__sim_world *sim, const nip__sim_change *change)
{
    const nip__sim_task *task = change->write;
    if (strcmp(world->write, task->id) != 0) {
        snprintf(world->write, sizeof world->write, "%s", task->id);
        memcpy(world->before, world->last, sizeof world->before);
        read_wanted(world, sim, task);
        world->counts->writes++;
    }
    for (size_t i = 0; i < sim->version_count && i < LAW_VERSIONS; i++) {
        const nip__sim_version *version = &sim->versions[i];
        double most = fmax(world->before[i], world->after[i]);
        if (strcmp(version->name, world->fresh) == 0 && version->share > most + 1e-6)
            law_broken(world, 1, "write %s raises %s to %.2f %%, before %.2f %%, after %.2f %%", task->id,
                       version->name, version->share, world->before[i], world->after[i]);
        bool rises = version->share > world->last[i] + 1e-6 && world->after[i] > world->before[i] + 1e-6;
        if (rises && version->healthy == 0 && !is_forgiven(world, sim, version))
            law_broken(world, 1, "write %s sends traffic to %s, which has no healthy instance", task->id,
                       version->name);
    }
}

/* Law 6: whatever happens to a shadow, no user's request reaches the new version. */
static void check_shadow(law_world *world, const nip__sim_version *version)
{
    bool shadow = world->law->strategy->goal == LAW_SHADOW && strcmp(version->name, NEW) == 0;
    if (shadow && (version->share > 0 || version->requests > 0))
        law_broken(world, 6, "users reach the shadow: %.2f %% of the traffic, %lld requests", version->share,
                   (long long)version->requests);
}

static void changed(void *data, const nip__sim_world *sim, const nip__sim_change *change)
{
    law_world *world = data;
    if (change->kind == NIP__SIM_ROUTED && change->write != NULL)
        check_write(world, sim, change);
    else if (change->kind == NIP__SIM_ROUTER_RESTARTED || change->kind == NIP__SIM_ROUTED)
        world->write[0] = '\0'; /* somebody else's hand: a write that is repeated now begins from there */
    for (size_t i = 0; i < sim->version_count && i < LAW_VERSIONS; i++) {
        world->last[i] = sim->versions[i].share;
        check_shadow(world, &sim->versions[i]);
    }
}

/* ---- making ---- */

static void write_settings(law_world *world, char *text, size_t size)
{
    const law_case *c = world->law;
    const char *watched = c->strategy->twice ? NEXT : NEW;
    char restarts[64] = "";
    if (c->restarts)
        snprintf(restarts, sizeof restarts, ", \"router_restart\": [\"%ds\"]", 40 + (int)(c->seed % 60));
    snprintf(text, size,
             "{\"seed\": %llu, \"requests_per_second\": 200, \"ports\": \"9100-9163\", \"versions\": {\"%s\": {%s}}%s}",
             (unsigned long long)(c->seed & 0xffffffff), watched, c->mood->behaviour, restarts);
}

bool law_world_open(law_world *world, const law_case *law, law_counts *counts)
{
    char settings[LAW_TEXT];
    nip__value *tree = NULL;
    *world = (law_world){.law = law, .counts = counts, .now = START, .woken = NIP_TIME_NONE, .fresh = ""};
    world->arena = nip__arena_new();
    nip__random_seed(&world->random, law->seed);
    write_settings(world, settings, sizeof settings);
    if (nip__json_read(world->arena, settings, strlen(settings), "settings", &nip__document_limits, &tree, NULL) < 0)
        return false;
    if (nip__sim_new(tree, &world->sim, NULL) < 0 || nip_ctx_new(&world->ctx, NULL) < 0)
        return false;
    if (nip_ctx_set(world->ctx, "seed", "1", NULL) < 0 ||
        nip_store_open(world->ctx, "memory:", &world->store, NULL) < 0)
        return false;
    nip__sim_world *sim = nip__sim_world_of(world->sim);
    sim->changed = changed;
    sim->changed_data = world;
    return nip__sim_advance(world->sim, world->now);
}

void law_world_close(law_world *world)
{
    nip__sim_free(world->sim);
    nip_store_free(world->store);
    nip_ctx_free(world->ctx);
    nip__arena_free(world->arena);
}

bool law_world_pass(law_world *world, nip_time now)
{
    if (now > world->now)
        world->now = now;
    return nip__sim_advance(world->sim, world->now);
}

/* ---- looking ---- */

static const nip__value *ask(law_world *world, nip__arena *arena, const char *role, const char *verb,
                             const nip__value *args)
{
    static const nip__sim_fate fine = {.kind = NIP__SIM_FINE};
    nip_action action = {.id = "look", .role = role, .verb = verb, .args_value = args};
    const char *id, *outcome;
    nip__value *value = NULL;
    if (nip__sim_begin(world->sim, &action, ask, &fine, world->now, NULL) < 0)
        return NULL;
    while (!nip__sim_answer(world->sim, ask, &id, &outcome))
        law_world_pass(world, nip__sim_next(world->sim, ask));
    nip__json_read(arena, outcome, strlen(outcome), "outcome", &nip__internal_limits, &value, NULL);
    return nip__get(value, "result");
}

char *law_world_observe(law_world *world)
{
    nip__arena *arena = nip__arena_new();
    nip__value *state = nip__map(arena), *groups = nip__map(arena), *args = nip__map(arena);
    const nip__value *target = ask(world, arena, "target", "observe", NULL);
    nip__put_int(arena, state, "v", 1);
    nip__put_time(arena, state, "at", world->now);
    nip__put(arena, state, "target", nip__copy(arena, target));
    nip__put(arena, state, "router", nip__copy(arena, ask(world, arena, "router", "observe", NULL)));
    for (NIP__EACH(version, nip__get(target, "versions"))) {
        if (nip__count(nip__get(version, "endpoints")) > 0)
            nip__put(arena, groups, version->key, nip__copy(arena, nip__get(version, "endpoints")));
    }
    nip__put(arena, args, "groups", groups);
    nip__put(arena, state, "health", nip__copy(arena, ask(world, arena, "check", "http", args)));
    char *json = nip__json_text(state);
    nip__arena_free(arena);
    return json;
}

void law_world_describe(law_world *world, char *text, size_t size)
{
    const nip__sim_world *sim = nip__sim_world_of(world->sim);
    static const char *const names[] = {OLD, NEW, NEXT};
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const nip__sim_version *version = nip__sim_world_find(sim, names[i]);
        if (version == NULL || (version->running == 0 && version->share <= 0))
            continue;
        int written = snprintf(text + length, size - length, "%s: %lld running, %lld healthy, %.2f %%; ", version->name,
                               (long long)version->running, (long long)version->healthy, version->share);
        length += (size_t)written < size - length ? (size_t)written : 0;
    }
}
