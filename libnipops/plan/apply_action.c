/* Records about actions and guards. */
#include "plan/apply.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"
#include "nipops/analysis.h"

static int64_t number_of(const nip__machine *machine, const nip__value *payload)
{
    const char *action = nip__get_text(payload, "action");
    size_t length = strlen(machine->run);
    int64_t number;
    bool mine = action != NULL && strncmp(action, machine->run, length) == 0 && action[length] == '.';
    return mine && nip__text_int(action + length + 1, &number) ? number : -1;
}

/* ---- action.intended ---- */

static bool purpose_of(const nip__value *payload, nip__purpose *purpose)
{
    const char *name = nip__get_text(payload, "for");
    for (int p = NIP__FOR_ACT; p <= NIP__FOR_SETTLE; p++) {
        if (nip__text_equal(name, nip__purpose_name((nip__purpose)p))) {
            *purpose = (nip__purpose)p;
            return true;
        }
    }
    return false;
}

static const nip__calls *calls_of(const nip__step *step, nip__purpose purpose)
{
    switch (purpose) {
    case NIP__FOR_REQUIRE:
        return &step->require.observe;
    case NIP__FOR_UNTIL:
        return &step->until.observe;
    default:
        return &step->actions;
    }
}

static nip__call_states *states_of(nip__step_state *state, nip__purpose purpose)
{
    switch (purpose) {
    case NIP__FOR_REQUIRE:
        return &state->require;
    case NIP__FOR_UNTIL:
        return &state->until;
    default:
        return &state->act;
    }
}

/* Which call the record is about. A journal that names none is not one of this plan. */
static bool find_call(nip__machine *machine, const nip__value *payload, nip__out *out)
{
    int64_t index = nip__get_int(payload, "index", -1);
    if (!purpose_of(payload, &out->purpose) || index < 0)
        return false;
    if (out->purpose == NIP__FOR_GUARD) {
        if ((size_t)index >= machine->plan->guard_count)
            return false;
        out->guard = (size_t)index;
        out->call = &machine->plan->guards[index].action;
        out->state = &machine->guards[index].call;
        return true;
    }
    const nip__step *step = nip__payload_step(machine, payload);
    if (step == NULL || (size_t)index >= calls_of(step, out->purpose)->count)
        return false;
    nip__call_states *states = states_of(nip__machine_step_state(machine, step), out->purpose);
    if ((size_t)index >= states->count)
        return false;
    out->call = &calls_of(step, out->purpose)->list[index];
    out->state = &states->list[index];
    return true;
}

static int set_json(char **text, const nip__value *value, nip_error **err)
{
    char *json = value != NULL ? nip__json_text(value) : NULL;
    if (value != NULL && json == NULL)
        return nip__nomem(err);
    nip__free(*text);
    *text = json;
    return 0;
}

static int begin_call(nip__machine *machine, nip__out *out, const nip__value *payload, nip_error **err)
{
    int rc = set_json(&out->state->args, nip__get(payload, "args"), err);
    if (rc == 0)
        rc = set_json(&out->state->before, nip__get(payload, "before"), err);
    if (rc < 0)
        return rc;
    if (out->purpose == NIP__FOR_SETTLE) {
        out->state->stage = NIP__CALL_SETTLING;
        out->state->settles++;
        return 0;
    }
    out->state->stage = NIP__CALL_OUT;
    out->state->number = out->number;
    out->state->attempt = nip__get_int(payload, "attempt", 1);
    out->state->intended = nip__machine_driven(machine);
    return 0;
}

int nip__apply_action_intended(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    nip__out out = {.number = number_of(machine, payload)};
    if (out.number < 1 || !find_call(machine, payload, &out))
        return nip__corrupt(machine, "action.intended names no action of its plan", err);
    nip__out *grown = nip__grow(machine->outs, &machine->out_capacity, machine->out_count, sizeof *grown);
    if (grown == NULL)
        return nip__nomem(err);
    machine->outs = grown;
    int rc = begin_call(machine, &out, payload, err);
    if (rc < 0)
        return rc;
    out.deadline = nip__get_time(payload, "deadline", machine->now) - machine->gap;
    out.repeated = nip__get_bool(payload, "repeated", false);
    machine->outs[machine->out_count++] = out;
    if (out.number > machine->numbers)
        machine->numbers = out.number;
    return 0;
}

/* ---- action.completed ---- */

static int keep_result(nip__call_state *call, const nip__value *result, nip_error **err)
{
    nip__arena *arena = nip__arena_new();
    const nip__value *copy = result != NULL ? nip__copy(arena, result) : nip__map(arena);
    if (nip__arena_failed(arena)) {
        nip__arena_free(arena);
        return nip__nomem(err);
    }
    nip__arena_free(call->arena);
    call->arena = arena;
    call->result = copy;
    return 0;
}

static int keep_failure(nip__call_state *call, const char *reason, const char *message, bool retryable, nip_error **err)
{
    int rc = nip__set_text(&call->reason, reason != NULL ? reason : "internal", err);
    if (rc == 0)
        rc = nip__set_text(&call->message, message != NULL ? message : "no message", err);
    call->retryable = retryable;
    call->stage = NIP__CALL_FAILED;
    return rc;
}

/* Shared by every purpose but settling: done with a result, or failed with a reason. */
static int finish_call(nip__call_state *call, const nip__value *payload, nip_error **err)
{
    if (!nip__text_equal(nip__get_text(payload, "outcome"), "done"))
        return keep_failure(call, nip__get_text(payload, "reason"), nip__get_text(payload, "message"),
                            nip__get_bool(payload, "retryable", false), err);
    int rc = keep_result(call, nip__get(payload, "result"), err);
    if (rc == 0)
        call->stage = NIP__CALL_DONE;
    return rc;
}

static bool step_is_late(const nip__machine *machine)
{
    const nip__step *step = nip__machine_step(machine);
    return step != NULL && nip__machine_driven(machine) >= nip__time_add(machine->cursor.started, step->deadline);
}

/* The question could not be answered: ask again after a pause, as often as the step may retry; then it has failed. */
static int settle_failed(nip__machine *machine, nip__call_state *call, const nip__value *payload, nip_error **err)
{
    const nip__step *step = nip__machine_step(machine);
    bool again = nip__get_bool(payload, "retryable", false) && step != NULL && call->settles < step->retry_attempts;
    if (!again)
        return keep_failure(call, nip__get_text(payload, "reason"), nip__get_text(payload, "message"), false, err);
    call->stage = NIP__CALL_DOUBT;
    call->again_at = nip__time_add(nip__machine_driven(machine), step->retry_base);
    return 0;
}

/* A write that did not take effect may be handed out again; so may one whose traces a restart of the router wiped out. */
static int settle_again(nip__machine *machine, nip__call_state *call, nip_error **err)
{
    if (step_is_late(machine))
        return keep_failure(call, "timeout", "it had not taken effect by its deadline", false, err);
    call->stage = NIP__CALL_AGAIN;
    nip__apply_look_again(machine);
    return 0;
}

static int finish_settling(nip__machine *machine, nip__call_state *call, const nip__value *payload, nip_error **err)
{
    const char *outcome = nip__get_text(payload, "outcome");
    bool restarted = nip__text_equal(nip__get_text(payload, "reason"), "router_restarted");
    if (nip__text_equal(outcome, "in_force")) {
        int rc = keep_result(call, nip__get(payload, "result"), err);
        if (rc == 0)
            call->stage = NIP__CALL_DONE;
        return rc;
    }
    if (nip__text_equal(outcome, "not_yet") || (nip__text_equal(outcome, "foreign") && restarted))
        return settle_again(machine, call, err);
    if (nip__text_equal(outcome, "foreign"))
        return keep_failure(call, "foreign", nip__get_text(payload, "message"), false, err);
    return settle_failed(machine, call, payload, err);
}

/* The next tick lies on the grid that began with the window; missed ticks merge into one. */
static void next_tick(nip__machine *machine, size_t index)
{
    const nip__guard *guard = &machine->plan->guards[index];
    nip__guard_state *state = &machine->guards[index];
    nip_time driven = nip__machine_driven(machine);
    if (driven < state->next)
        return;
    state->next += ((driven - state->next) / guard->interval + 1) * guard->interval;
}

static int finish_tick(nip__machine *machine, size_t index, nip_error **err)
{
    nip__guard_state *state = &machine->guards[index];
    state->sample = (nip__sample){0};
    state->to_judge = true;
    next_tick(machine, index);
    if (state->call.stage != NIP__CALL_DONE)
        return 0;
    return nip__window_take(&state->window, state->call.result, machine->plan->guards[index].version, &state->sample, err);
}

/* An answer about what was written before the gap. Only "it is no longer so" matters: with any other the run goes on as it would have. */
static int finish_doubt(nip__machine *machine, nip__call_state *call, const nip__value *payload, nip_error **err)
{
    const char *outcome = nip__get_text(payload, "outcome");
    bool restarted = nip__text_equal(nip__get_text(payload, "reason"), "router_restarted");
    bool undone = nip__text_equal(outcome, "not_yet") || (nip__text_equal(outcome, "foreign") && !restarted);
    if (undone)
        return keep_failure(call, "undone", nip__get_text(payload, "message"), false, err);
    call->stage = NIP__CALL_DONE;
    machine->doubted = NULL;
    return 0;
}

int nip__apply_action_completed(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    nip__out *found = nip__machine_out(machine, number_of(machine, payload));
    if (found == NULL)
        return nip__corrupt(machine, "action.completed answers an action that is not out", err);
    nip__out out = *found;
    nip__machine_drop_out(machine, found);
    if (out.purpose == NIP__FOR_SETTLE && machine->doubted != NULL && out.state == machine->doubt)
        return finish_doubt(machine, out.state, payload, err);
    if (out.purpose == NIP__FOR_SETTLE)
        return finish_settling(machine, out.state, payload, err);
    int rc = finish_call(out.state, payload, err);
    if (rc == 0 && out.purpose == NIP__FOR_GUARD)
        rc = finish_tick(machine, out.guard, err);
    return rc;
}

int nip__apply_action_unanswered(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    nip__out *found = nip__machine_out(machine, number_of(machine, payload));
    if (found == NULL)
        return nip__corrupt(machine, "action.unanswered names an action that is not out", err);
    nip__out out = *found;
    nip__machine_drop_out(machine, found);
    if (out.purpose == NIP__FOR_SETTLE && machine->doubted != NULL && out.state == machine->doubt) {
        out.state->stage = NIP__CALL_DONE; /* nobody could tell: as if it had not been asked */
        machine->doubted = NULL;
        return 0;
    }
    if (out.purpose == NIP__FOR_ACT && out.call->verb_class != NIP_VERB_READ) {
        out.state->stage = NIP__CALL_DOUBT;
        out.state->again_at = nip__machine_driven(machine);
        return 0;
    }
    int rc = keep_failure(out.state, "timeout", "no answer before the deadline", out.purpose == NIP__FOR_ACT, err);
    if (rc == 0 && out.purpose == NIP__FOR_GUARD)
        rc = finish_tick(machine, out.guard, err);
    return rc;
}

int nip__apply_step_retrying(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    const nip__step *step = nip__payload_step(machine, payload);
    int64_t number = number_of(machine, payload);
    nip__call_states *act = step != NULL ? &nip__machine_step_state(machine, step)->act : NULL;
    for (size_t i = 0; act != NULL && i < act->count; i++) {
        if (act->list[i].number != number)
            continue;
        act->list[i].stage = NIP__CALL_RETRYING;
        act->list[i].again_at = nip__get_time(payload, "until", machine->now) - machine->gap;
        nip__apply_look_again(machine);
        if (machine->cursor.stage == NIP__REQUIRING)
            machine->cursor.next = machine->cursor.anchor = act->list[i].again_at; /* a look that is fresh when it is tried again */
        return 0;
    }
    return nip__corrupt(machine, "step.retrying names no action of its step", err);
}

/* ---- guards ---- */

static nip__guard_state *guard_of(nip__machine *machine, const nip__value *payload, const nip__guard **guard)
{
    const char *id = nip__get_text(payload, "guard");
    for (size_t i = 0; i < machine->plan->guard_count; i++) {
        *guard = &machine->plan->guards[i];
        if (nip__text_equal((*guard)->id, id))
            return &machine->guards[i];
    }
    return NULL;
}

static int keep_evidence(nip__guard_state *state, const nip__value *payload, nip_error **err)
{
    nip__arena *arena = nip__arena_new();
    const nip__value *copy = nip__copy(arena, payload);
    if (nip__arena_failed(arena)) {
        nip__arena_free(arena);
        return nip__nomem(err);
    }
    nip__arena_free(state->evidence_arena);
    state->evidence_arena = arena;
    state->evidence = copy;
    return 0;
}

static int verdict_named(const char *name)
{
    for (int verdict = NIP_VERDICT_PASS; verdict <= NIP_VERDICT_FAIL; verdict++) {
        if (nip__text_equal(name, nip_verdict_name(verdict)))
            return verdict;
    }
    return NIP_VERDICT_NO_DATA;
}

int nip__apply_guard_judged(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    const nip__guard *guard = NULL;
    nip__guard_state *state = guard_of(machine, payload, &guard);
    if (state == NULL)
        return nip__corrupt(machine, "guard.judged names no guard of its plan", err);
    state->verdict = verdict_named(nip__get_text(payload, "verdict"));
    state->to_judge = false;
    state->ticks++;
    state->window.looks++;
    bool missing = state->verdict == NIP_VERDICT_NO_DATA || state->verdict == NIP_VERDICT_INCONCLUSIVE;
    bool failing = state->verdict == NIP_VERDICT_FAIL || (missing && guard->on_no_data == NIP__ND_FAIL);
    if (failing)
        state->failures++;
    if (failing || state->verdict == NIP_VERDICT_PASS)
        state->consecutive = failing ? state->consecutive + 1 : 0;
    return keep_evidence(state, payload, err);
}

int nip__apply_guard_window(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    const nip__guard *guard = NULL;
    nip__guard_state *state = guard_of(machine, payload, &guard);
    if (state == NULL)
        return nip__corrupt(machine, "guard.window names no guard of its plan", err);
    state->to_judge = false;
    state->ticks++;
    return 0;
}

/* A measurement that was asked for before the window began says nothing about it. */
static void drop_tick(nip__machine *machine, size_t guard)
{
    nip__guard_state *state = &machine->guards[guard];
    nip__out *out = state->call.stage == NIP__CALL_OUT ? nip__machine_out(machine, state->call.number) : NULL;
    if (out != NULL && out->purpose == NIP__FOR_GUARD)
        nip__machine_drop_out(machine, out);
    if (state->call.stage == NIP__CALL_OUT)
        state->call.stage = NIP__CALL_NEW;
}

void nip__begin_window(nip__machine *machine, size_t guard)
{
    nip__guard_state *state = &machine->guards[guard];
    drop_tick(machine, guard);
    nip__window_clear(&state->window);
    state->since = machine->now;
    state->next = nip__time_add(nip__machine_driven(machine), machine->plan->guards[guard].settle);
    state->verdict = -1;
    state->to_judge = false;
    state->ticks = 0;
}

void nip__begin_windows(nip__machine *machine, bool only_new)
{
    for (size_t i = 0; i < machine->plan->guard_count; i++) {
        bool old = only_new && machine->guards[i].since != NIP_TIME_NONE;
        if (!old && nip__guard_watches(machine, &machine->plan->guards[i]))
            nip__begin_window(machine, i);
    }
}

/* ---- a gap ---- */

/* Reads are asked again; a write may have taken effect. */
static void leave_behind(nip__machine *machine, const nip__out *out)
{
    out->state->stage = nip__out_writes(out) ? NIP__CALL_DOUBT : NIP__CALL_NEW;
    out->state->again_at = nip__machine_driven(machine);
}

static nip__call_state *latest_write(nip__machine *machine, const nip__step *step)
{
    nip__call_states *act = &nip__machine_step_state(machine, step)->act;
    for (size_t i = act->count; i > 0; i--) {
        if (step->actions.list[i - 1].verb_class == NIP_VERB_DECLARATIVE && act->list[i - 1].stage != NIP__CALL_NEW)
            return &act->list[i - 1];
    }
    return NULL;
}

/* A write of the present step that is in doubt already is asked about anyway. */
void nip__apply_doubt_latest(nip__machine *machine)
{
    bool forward = machine->phase == NIP__RUNNING || machine->phase == NIP__WAITING || machine->phase == NIP__PAUSED;
    const nip__steps *steps = &machine->plan->steps[NIP__FORWARD];
    nip__call_state *latest = machine->doubted != NULL ? machine->doubt : NULL;
    if (!forward || machine->entry < 0 || latest != NULL)
        return;
    size_t index = machine->cursor.index < steps->count ? machine->cursor.index + 1 : steps->count;
    for (; index > 0 && latest == NULL; index--) {
        machine->doubted = &steps->list[index - 1];
        latest = latest_write(machine, machine->doubted);
    }
    if (latest == NULL || latest->stage != NIP__CALL_DONE) {
        machine->doubted = NULL;
        return;
    }
    machine->doubt = latest;
    latest->stage = NIP__CALL_DOUBT;
    latest->again_at = nip__machine_driven(machine);
}

/* Nobody measured during the gap, so windows begin anew. */
void nip__apply_left_behind(nip__machine *machine)
{
    for (size_t i = 0; i < machine->out_count; i++)
        leave_behind(machine, &machine->outs[i]);
    machine->out_count = 0;
    for (size_t i = 0; i < machine->plan->guard_count; i++) {
        if (machine->guards[i].since != NIP_TIME_NONE && nip__guard_watches(machine, &machine->plan->guards[i]))
            nip__begin_window(machine, i);
    }
}
