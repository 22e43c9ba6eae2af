/* Drives a run in its world: hands actions over, lets time pass, answers; and crashes, asks, and turns the clock when
 * the case wants it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "driver/sim_task.h"
#include "laws.h"
#include "store/backend.h"

enum { TURNS_MAX = 60000 };

/* What an answer in the world is known by, whatever process asks for it. */
typedef struct blow {
    bool armed;  /* the action in question was handed out */
    bool struck; /* its fate has come true and was journaled */
    bool crashed;
    char action[128];
} blow;

typedef struct drive {
    law_world *world;
    const law_case *law;
    nip_run *run;
    char id[128];
    bool calm;
    blow blow;
    int turns;
    int patience, pauses;
    bool tried_again;
    int64_t fuse; /* records until the store refuses; -1: it does not */
    nip__backend backend;
    const nip__backend *genuine;
} drive;

static double unit(drive *d)
{
    return nip__random_unit(&d->world->random);
}

/* ---- a store that refuses after some records: a crash in the middle of deciding ---- */

static drive *fused; /* backends know no owner; one case runs at a time */

static int refuse_insert(nip_store *store, const nip__row *row, nip_error **err)
{
    if (row->epoch == 0) /* a person's request, from another process */
        return fused->genuine->insert(store, row, err);
    if (fused->fuse == 0)
        return nip__fail(err, NIP_E_INTERNAL, "killed here");
    if (fused->fuse > 0)
        fused->fuse--;
    return fused->genuine->insert(store, row, err);
}

static void fuse_store(drive *d)
{
    fused = d;
    d->genuine = d->world->store->backend;
    d->backend = *d->genuine;
    d->backend.insert = refuse_insert;
    d->world->store->backend = &d->backend;
}

static void unfuse_store(drive *d)
{
    d->world->store->backend = d->genuine;
}

/* ---- crashes ---- */

static bool resume(drive *d)
{
    nip_error *error = NULL;
    int rc = nip_run_resume(d->world->store, d->id, d->world->now, &d->run, &error);
    if (rc < 0)
        law_broken(d->world, 4, "run %s cannot be resumed: %s", d->id, nip_error_message(error));
    nip_error_free(error);
    return rc == 0;
}

/* A process that dies does not say goodbye: what it had under way stays undone where it was. */
static bool crash(drive *d, nip_duration gap)
{
    d->world->counts->crashes++;
    nip_run_free(d->run);
    d->run = NULL;
    d->blow.armed = false; /* the next process meets the same fate, unless the journal knows of it */
    nip__sim_drop(d->world->sim, d->world, NULL);
    law_world_pass(d->world, d->world->now + gap);
    return resume(d);
}

/* While nobody looked, somebody changed the router by hand: what settling must find to be foreign. */
static void interfere(drive *d)
{
    nip__sim_world *sim = nip__sim_world_of(d->world->sim);
    if (sim->slot_count == 0 || unit(d) >= 0.15)
        return;
    const nip__sim_slot *slot = &sim->slots[nip__random_below(&d->world->random, sim->slot_count)];
    if (slot->state == NIP__SIM_READY && slot->weight > 0)
        nip__sim_world_write(sim, slot->port, slot->version, slot->weight / 2, NIP__SIM_READY, NULL);
}

static bool planned_crash(drive *d, law_crash where)
{
    bool now = !d->calm && d->law->crash == where && !d->blow.crashed;
    d->blow.crashed |= now;
    return now;
}

/* ---- fates ---- */

static int64_t number_of(const drive *d, const char *action)
{
    return strtoll(action + strlen(d->id) + 1, NULL, 10);
}

static bool is_spot(const drive *d, const nip_action *action)
{
    const nip__out *out = nip__machine_out(d->run->machine, number_of(d, action->id));
    const law_spot *spot = &d->law->spot;
    const nip__step *step = nip__machine_step(d->run->machine);
    if (!d->law->aimed || out == NULL || out->purpose != spot->purpose)
        return false;
    if (spot->purpose == NIP__FOR_GUARD)
        return (int64_t)out->guard == spot->index;
    const nip__step_state *state = step != NULL ? nip__machine_step_state(d->run->machine, step) : NULL;
    const nip__call_states *calls = spot->purpose == NIP__FOR_REQUIRE ? &state->require
                                    : spot->purpose == NIP__FOR_UNTIL ? &state->until
                                                                      : &state->act;
    return state != NULL && strcmp(step->id, spot->step) == 0 && out->state == &calls->list[spot->index];
}

static nip__sim_fate wild_fate(drive *d)
{
    static const nip__sim_fate fates[] = {
        {.kind = NIP__SIM_FAILS},
        {.kind = NIP__SIM_FAILS},
        {.kind = NIP__SIM_FAILS_MIDWAY},
        {.kind = NIP__SIM_FAILS_FOR_GOOD},
        {.kind = NIP__SIM_LOST_BEFORE},
        {.kind = NIP__SIM_LOST_AFTER},
        {.kind = NIP__SIM_LATE, .delay = 100 * NIP_SECOND},
        {.kind = NIP__SIM_REPEATED},
        {.kind = NIP__SIM_NO_DATA},
    };
    if (!d->law->wild || d->calm || unit(d) >= d->law->faults)
        return (nip__sim_fate){.kind = NIP__SIM_FINE};
    return fates[nip__random_below(&d->world->random, sizeof fates / sizeof fates[0])];
}

static nip__sim_fate fate_of(drive *d, const nip_action *action)
{
    if (d->calm || d->blow.struck || !is_spot(d, action))
        return wild_fate(d);
    d->blow.armed = true;
    snprintf(d->blow.action, sizeof d->blow.action, "%s", action->id);
    return d->law->fate;
}

/* Its fate has come true once the journal knows: answered, or given up. Until then every new process meets the same
 * fate. */
static void note_struck(drive *d)
{
    if (d->blow.armed && !d->blow.struck && nip__machine_out(d->run->machine, number_of(d, d->blow.action)) == NULL)
        d->blow.struck = true;
}

/* ---- actions ---- */

typedef struct found {
    char quoted[160];
    int back;
    bool there;
} found;

static int look_for_intent(void *data, const nip__record *record, nip_error **err)
{
    (void)err;
    found *f = data;
    f->there = strcmp(record->kind, "action.intended") == 0 && strstr(record->payload, f->quoted) != NULL;
    return f->there || ++f->back > 40;
}

/* Nothing is handed out that the journal does not know. */
static void check_intended(drive *d, const nip_action *action)
{
    found f = {.back = 0};
    snprintf(f.quoted, sizeof f.quoted, "\"%s\"", action->id);
    nip__store_each_back(d->world->store, SUBJECT, INT64_MAX, look_for_intent, &f, NULL);
    if (!f.there)
        law_broken(d->world, 4, "action %s (%s/%s) is handed out before its intent is journaled", action->id,
                   action->role, action->verb);
}

/* false: the drive cannot go on. */
static bool hand_over(drive *d, const nip_action *action)
{
    check_intended(d, action);
    bool spot = !d->calm && !d->blow.struck && is_spot(d, action);
    nip__sim_fate fate = fate_of(d, action);
    if (spot && planned_crash(d, LAW_BEFORE_START))
        return crash(d, d->law->gap);
    nip_error *error = NULL;
    if (nip__sim_begin(d->world->sim, action, d->world, &fate, d->world->now, &error) < 0)
        law_broken(d->world, 4, "the world refuses %s/%s: %s", action->role, action->verb, nip_error_message(error));
    nip_error_free(error);
    return !d->world->broken;
}

static const nip__sim_task *task_of(const drive *d, const char *action)
{
    for (const nip__sim_task *task = d->world->sim->first; task != NULL; task = task->next) {
        if (task->owner == d->world && strcmp(task->id, action) == 0)
            return task;
    }
    return NULL;
}

static bool crash_on_the_way(drive *d)
{
    const nip__sim_task *task = d->blow.armed && !d->blow.struck ? task_of(d, d->blow.action) : NULL;
    if (task == NULL || d->calm)
        return true;
    bool midway = task->phase == NIP__SIM_WORKS;
    bool over = task->phase == NIP__SIM_RETURNS || task->phase == NIP__SIM_DUE || task->phase == NIP__SIM_LOST;
    if ((midway && planned_crash(d, LAW_MIDWAY)) || (over && planned_crash(d, LAW_BEFORE_ANSWER)))
        return crash(d, d->law->gap);
    return true;
}

static bool report(drive *d, const char *id, const char *outcome)
{
    nip_error *error = NULL;
    int rc = nip_run_complete(d->run, d->world->now, id, outcome, &error);
    if (rc == NIP_E_INTERNAL && d->fuse == 0) {
        nip_error_free(error);
        unfuse_store(d);
        d->fuse = -1;
        d->blow.crashed = true;
        return crash(d, d->law->gap);
    }
    if (rc < 0)
        law_broken(d->world, 4, "the answer to %s is refused: %s", id, nip_error_message(error));
    nip_error_free(error);
    note_struck(d);
    if (d->blow.armed && strcmp(id, d->blow.action) == 0 && planned_crash(d, LAW_AFTER_ANSWER))
        return crash(d, d->law->gap);
    return rc == 0;
}

static bool answer_all(drive *d)
{
    const char *id, *outcome;
    while (nip__sim_answer(d->world->sim, d->world, &id, &outcome)) {
        char name[128];
        snprintf(name, sizeof name, "%s", id);
        char *text = nip__strdup(outcome);
        bool fine = text != NULL && report(d, name, text);
        nip__free(text);
        if (!fine)
            return false;
    }
    return true;
}

/* ---- people and clocks ---- */

static void ask(drive *d, const char *kind)
{
    d->world->counts->requests++;
    nip_run_request(d->world->store, d->id, kind, "law", "because", d->world->now, NULL, NULL);
}

static bool meddle(drive *d)
{
    if (d->calm || !d->law->wild)
        return true;
    if (unit(d) < d->law->requests)
        ask(d, (const char *[]){"pause", "promote", "abort", "approve"}[nip__random_below(&d->world->random, 4)]);
    if (unit(d) < d->law->jumps) {
        nip_duration slept = (nip_duration)nip__random_below(&d->world->random, 300) * NIP_SECOND;
        law_world_pass(d->world, d->world->now + slept);
        d->world->woken = d->world->now;
    }
    if (unit(d) >= d->law->crashes)
        return true;
    interfere(d);
    return crash(d, (nip_duration)nip__random_below(&d->world->random, 120) * NIP_SECOND);
}

/* Nothing will happen by itself: a person has to say something. */
static bool persuade(drive *d)
{
    nip__machine *machine = d->run->machine;
    if (machine->phase == NIP__PAUSED) {
        ask(d, !d->calm && d->law->wild && unit(d) < 0.5 && d->pauses++ < 3 ? "promote" : "abort");
        return true;
    }
    if (machine->cursor.stage == NIP__ASKING) {
        ask(d, !d->calm && d->law->wild && unit(d) < 0.3 ? "abort" : "approve");
        return true;
    }
    law_broken(d->world, 4, "run %s hangs in state %s", d->id, nip_run_state(d->run));
    return false;
}

/* ---- the loop ---- */

static bool wait(drive *d, nip_time until)
{
    nip_time next = nip__sim_next(d->world->sim, d->world);
    bool machine_waits = until == NIP_TIME_MAX && next == NIP_TIME_MAX;
    if (machine_waits)
        return persuade(d);
    bool waits_for_person = d->run->machine->phase == NIP__PAUSED || d->run->machine->cursor.stage == NIP__ASKING;
    d->patience = waits_for_person ? d->patience + 1 : 0;
    if (d->patience > 12) { /* guards tick for ever */
        d->patience = 0;
        return persuade(d);
    }
    next = next < until ? next : until;
    law_world_pass(d->world, next);
    return crash_on_the_way(d) && answer_all(d) && meddle(d);
}

static bool go_on(drive *d, bool *over)
{
    const nip_action *action = NULL;
    nip_time until = NIP_TIME_MAX;
    nip_error *error = NULL;
    if (d->calm || !d->law->wild || unit(d) < 0.5) /* else the next record meets what others wrote */
        nip_run_poll(d->run, NULL);
    nip_time now = d->world->now;
    if (!d->calm && d->law->wild && unit(d) < d->law->jumps)
        now -= 1000 * NIP_SECOND; /* a clock that was set back */
    int rc = nip_run_next(d->run, now, &action, &until, &error);
    if (rc == NIP_E_INTERNAL && d->fuse == 0) {
        nip_error_free(error);
        unfuse_store(d);
        d->fuse = -1;
        d->blow.crashed = true;
        return crash(d, d->law->gap);
    }
    if (rc < 0)
        law_broken(d->world, 4, "run %s cannot go on: %s", d->id, nip_error_message(error));
    nip_error_free(error);
    if (rc < 0)
        return false;
    note_struck(d);
    *over = rc == NIP_RUN_DONE;
    return rc == NIP_RUN_ACTION ? hand_over(d, action) : rc == NIP_RUN_DONE || wait(d, until);
}

/* Law 5: two hands at one subject. */
static void check_second_holder(drive *d)
{
    nip_run *second = NULL;
    int rc = nip_run_resume(d->world->store, d->id, d->world->now, &second, NULL);
    if (rc != NIP_E_HELD)
        law_broken(d->world, 5, "a second holder may drive run %s (%d)", d->id, rc);
    nip_run_free(second);
}

/* A person tries the rest of a broken way back again, once. */
static bool try_again(drive *d)
{
    bool broken = d->run->machine->phase == NIP__BROKEN;
    if (!broken || d->calm || !d->law->wild || d->tried_again || unit(d) < 0.5)
        return false;
    d->tried_again = true;
    ask(d, "abort");
    return nip_run_poll(d->run, NULL) == 1;
}

static void drive_to_end(drive *d)
{
    bool over = false, fine = true;
    while (fine && !over && !d->world->broken) {
        fine = go_on(d, &over);
        over = over && !try_again(d);
        if (++d->turns == 20)
            check_second_holder(d);
        if (d->turns > TURNS_MAX) {
            law_broken(d->world, 4, "run %s does not end", d->id);
            return;
        }
    }
}

nip_run *law_drive(law_world *world, const nip_plan *plan, bool calm, bool *hit)
{
    drive d = {.world = world, .law = world->law, .calm = calm, .fuse = -1};
    nip_error *error = NULL;
    if (nip_run_new(plan, world->store, world->now, &d.run, &error) < 0) {
        law_broken(world, 4, "no run of %s: %s", nip_plan_subject(plan), nip_error_message(error));
        nip_error_free(error);
        return NULL;
    }
    snprintf(d.id, sizeof d.id, "%s", nip_run_id(d.run));
    if (!calm && world->law->crash == LAW_AFTER_RECORD) {
        d.fuse = world->law->record;
        fuse_store(&d);
    }
    drive_to_end(&d);
    if (d.fuse >= 0)
        unfuse_store(&d);
    nip__sim_drop(world->sim, world, NULL);
    if (hit != NULL)
        *hit = world->law->crash == LAW_NO_CRASH ? !world->law->aimed || d.blow.struck : d.blow.crashed;
    return d.run;
}
