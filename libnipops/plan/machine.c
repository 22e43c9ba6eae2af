/* The machine's memory: made, asked simple questions, freed. */
#include "plan/machine.h"

#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"

static const char *const phases[] = {"planned", "running", "waiting", "paused", "returning",
                                     "succeeded", "returned", "stopped", "broken"};
static const char *const purposes[] = {"act", "require", "until", "guard", "settle"};

const char *nip__phase_name(nip__phase phase)
{
    return phases[phase];
}

const char *nip__purpose_name(nip__purpose purpose)
{
    return purposes[purpose];
}

bool nip__machine_over(const nip__machine *machine)
{
    return machine->phase >= NIP__SUCCEEDED && !(machine->phase == NIP__BROKEN && machine->abort.set);
}

nip_time nip__machine_driven(const nip__machine *machine)
{
    return machine->now - machine->gap;
}

const nip__step *nip__machine_step(const nip__machine *machine)
{
    const nip__steps *steps = &machine->plan->steps[machine->cursor.list];
    return machine->cursor.index < steps->count ? &steps->list[machine->cursor.index] : NULL;
}

nip__step_state *nip__machine_step_state(const nip__machine *machine, const nip__step *step)
{
    return &machine->steps[step->list][step->index];
}

static const nip__value *find_result(const void *data, const char *id, nip__reference_of of, size_t action)
{
    const nip__machine *machine = data;
    const nip__step *step = nip__plan_find(machine->plan, id);
    if (step == NULL)
        return NULL;
    const nip__step_state *state = nip__machine_step_state(machine, step);
    const nip__call_states *calls = of == NIP__OF_ACT ? &state->act : of == NIP__OF_REQUIRE ? &state->require : &state->until;
    return action < calls->count ? calls->list[action].result : NULL;
}

nip__results nip__machine_results(const nip__machine *machine)
{
    return (nip__results){find_result, machine, machine->now};
}

nip__out *nip__machine_out(const nip__machine *machine, int64_t number)
{
    for (size_t i = 0; i < machine->out_count; i++) {
        if (machine->outs[i].number == number)
            return &machine->outs[i];
    }
    return NULL;
}

bool nip__out_writes(const nip__out *out)
{
    return out->purpose == NIP__FOR_SETTLE || (out->purpose == NIP__FOR_ACT && out->call->verb_class != NIP_VERB_READ);
}

bool nip__machine_writes_out(const nip__machine *machine)
{
    for (size_t i = 0; i < machine->out_count; i++) {
        if (nip__out_writes(&machine->outs[i]))
            return true;
    }
    return false;
}

void nip__machine_drop_out(nip__machine *machine, nip__out *out)
{
    *out = machine->outs[--machine->out_count];
}

void nip__call_state_clear(nip__call_state *call)
{
    nip__free(call->args);
    nip__free(call->before);
    nip__free(call->reason);
    nip__free(call->message);
    nip__arena_free(call->arena);
    *call = (nip__call_state){0};
}

int nip__set_text(char **text, const char *value, nip_error **err)
{
    char *copy = nip__strdup(value);
    if (value != NULL && copy == NULL)
        return nip__nomem(err);
    nip__free(*text);
    *text = copy;
    return 0;
}

bool nip__guard_watches(const nip__machine *machine, const nip__guard *guard)
{
    const nip__cursor *cursor = &machine->cursor;
    bool forward = machine->phase == NIP__RUNNING || machine->phase == NIP__WAITING || machine->phase == NIP__PAUSED;
    return forward && cursor->list == NIP__FORWARD && cursor->index >= guard->from && cursor->index <= guard->to;
}

void nip__write_action_id(nip__writer *writer, const nip__machine *machine, int64_t number)
{
    nip__buffer id = NIP__BUFFER(256);
    nip__buffer_text(&id, machine->run);
    nip__buffer_char(&id, '.');
    nip__buffer_int(&id, number);
    nip__write_text(writer, "action", nip__buffer_string(&id));
    if (id.failed)
        writer->buffer->failed = true;
    nip__buffer_clear(&id);
}

static void clear_calls(nip__call_states *calls)
{
    for (size_t i = 0; i < calls->count; i++)
        nip__call_state_clear(&calls->list[i]);
    nip__free(calls->list);
}

static void clear_steps(nip__machine *machine, int list)
{
    for (size_t i = 0; machine->steps[list] != NULL && i < machine->plan->steps[list].count; i++) {
        clear_calls(&machine->steps[list][i].act);
        clear_calls(&machine->steps[list][i].require);
        clear_calls(&machine->steps[list][i].until);
    }
    nip__free(machine->steps[list]);
}

static void clear_guards(nip__machine *machine)
{
    for (size_t i = 0; machine->guards != NULL && i < machine->plan->guard_count; i++) {
        nip__call_state_clear(&machine->guards[i].call);
        nip__window_clear(&machine->guards[i].window);
        nip__arena_free(machine->guards[i].evidence_arena);
    }
    nip__free(machine->guards);
}

static void clear_asked(nip__asked *asked)
{
    nip__free(asked->who);
    nip__free(asked->why);
}

void nip__machine_free(nip__machine *machine)
{
    if (machine == NULL)
        return;
    clear_steps(machine, NIP__FORWARD);
    clear_steps(machine, NIP__BACK);
    clear_guards(machine);
    clear_asked(&machine->abort);
    clear_asked(&machine->pause);
    clear_asked(&machine->promote);
    clear_asked(&machine->approve);
    nip__free(machine->cursor.reason);
    nip__free(machine->cursor.message);
    nip__free(machine->reason);
    nip__free(machine->message);
    nip__free(machine->outs);
    nip__free(machine->run);
    nip__arena_free(machine->release_arena);
    nip__free(machine);
}

int nip__machine_new(const nip_plan *plan, const char *run, nip__machine **machine, nip_error **err)
{
    nip__machine *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    made->plan = plan;
    made->run = nip__strdup(run);
    for (int list = NIP__FORWARD; list <= NIP__BACK; list++)
        made->steps[list] = nip__calloc(plan->steps[list].count + 1, sizeof **made->steps);
    made->guards = nip__calloc(plan->guard_count + 1, sizeof *made->guards);
    made->entry = -1;
    made->now = NIP_TIME_NONE;
    made->started_at = made->ended_at = NIP_TIME_NONE;
    if (made->run == NULL || made->steps[0] == NULL || made->steps[1] == NULL || made->guards == NULL) {
        nip__machine_free(made);
        return nip__nomem(err);
    }
    for (size_t i = 0; i < plan->guard_count; i++) {
        made->guards[i].since = NIP_TIME_NONE;
        made->guards[i].verdict = -1;
    }
    *machine = made;
    return 0;
}
