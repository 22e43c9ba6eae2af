/* The only place where the machine's state changes: one function a kind of record. */
#include "plan/apply.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"

int nip__corrupt(const nip__machine *machine, const char *what, nip_error **err)
{
    return nip__fail(err, NIP_E_CORRUPT, "the journal of run %s does not fit its plan: %s", machine->run, what);
}

const nip__step *nip__payload_step(const nip__machine *machine, const nip__value *payload)
{
    return nip__plan_find(machine->plan, nip__get_text(payload, "step"));
}

static int keep_reason(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    int rc = nip__set_text(&machine->reason, nip__get_text(payload, "reason"), err);
    return rc < 0 ? rc : nip__set_text(&machine->message, nip__get_text(payload, "message"), err);
}

static void forget(nip__asked *asked)
{
    nip__free(asked->who);
    nip__free(asked->why);
    *asked = (nip__asked){0};
}

/* ---- the run ---- */

static int run_started(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    (void)payload, (void)err;
    machine->phase = NIP__RUNNING;
    machine->started_at = machine->now;
    machine->drive = NULL;
    return 0;
}

static int run_resumed(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    (void)err;
    nip_duration gap = nip__get_duration(payload, "gap", 0);
    machine->gap = nip__time_add(machine->gap, gap);
    machine->drive = NULL;
    nip__apply_left_behind(machine);
    nip__apply_doubt_latest(machine);
    nip__apply_look_again(machine);
    return 0;
}

static int run_waiting(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    (void)payload, (void)err;
    if (machine->cursor.list == NIP__FORWARD)
        machine->phase = NIP__WAITING;
    machine->cursor.held_since = nip__machine_driven(machine);
    return 0;
}

static int run_paused(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    machine->before_pause = machine->phase;
    machine->phase = NIP__PAUSED;
    machine->paused_at = nip__machine_driven(machine);
    forget(&machine->pause);
    forget(&machine->promote); /* it was asked before there was anything to go on from */
    return keep_reason(machine, payload, err);
}

/* A person takes a write that must not be done twice for done. */
static void count_doubts_as_done(nip__machine *machine, const nip__step *step)
{
    nip__call_states *act = &nip__machine_step_state(machine, step)->act;
    for (size_t i = 0; i < act->count; i++) {
        if (act->list[i].stage == NIP__CALL_DOUBT && step->actions.list[i].verb_class == NIP_VERB_ONCE)
            act->list[i].stage = NIP__CALL_DONE;
    }
}

static void clear_failure(nip__cursor *cursor)
{
    nip__free(cursor->reason);
    nip__free(cursor->message);
    cursor->reason = cursor->message = NULL;
    cursor->failed = false;
}

/* Time spent paused does not count for the step's timers. */
static int run_continued(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    (void)payload, (void)err;
    nip__cursor *cursor = &machine->cursor;
    nip_duration pause = nip__machine_driven(machine) - machine->paused_at;
    cursor->started += pause;
    cursor->next += pause;
    cursor->anchor += pause;
    cursor->wait_until += pause;
    machine->phase = machine->before_pause;
    forget(&machine->promote);
    const nip__step *step = nip__machine_step(machine);
    if (cursor->failed) {
        clear_failure(cursor);
        cursor->stage = NIP__ENTER;
    } else if (step != NULL && cursor->stage == NIP__HOLDING) {
        cursor->promoted = cursor->holding && machine->paused_at >= cursor->wait_until - pause; /* a pause of the wait does not end it */
    } else if (step != NULL && cursor->stage == NIP__ACTING && nip__text_equal(machine->reason, "in_doubt")) {
        count_doubts_as_done(machine, step);
    }
    nip__apply_look_again(machine);
    return 0;
}

static void stand_at(nip__machine *machine, int list, size_t index)
{
    nip__cursor *cursor = &machine->cursor;
    clear_failure(cursor);
    *cursor = (nip__cursor){.list = list, .index = index, .held_since = NIP_TIME_NONE};
    forget(&machine->approve);
    forget(&machine->promote);
}

/* Reads that are out for what was abandoned are of no use any more: an answer that comes late must not be taken for that of the next. Writes
 * are waited for before another step begins. */
static void drop_reads(nip__machine *machine, bool of_guards)
{
    for (size_t i = machine->out_count; i > 0; i--) {
        nip__out *out = &machine->outs[i - 1];
        if (nip__out_writes(out) || (out->purpose == NIP__FOR_GUARD && !of_guards))
            continue;
        out->state->stage = NIP__CALL_NEW;
        nip__machine_drop_out(machine, out);
    }
}

static int run_returning(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    int64_t entry = nip__get_int(payload, "entry", 0);
    if (entry < 0 || (size_t)entry > machine->plan->steps[NIP__BACK].count)
        return nip__corrupt(machine, "run.returning has an entry that does not exist", err);
    drop_reads(machine, true);
    machine->phase = NIP__RETURNING;
    machine->doubted = NULL;
    forget(&machine->abort);
    stand_at(machine, NIP__BACK, (size_t)entry);
    return keep_reason(machine, payload, err);
}

static int keep_release(nip__machine *machine, const nip__value *release, nip_error **err)
{
    if (release == NULL || nip__is(release, NIP__NULL))
        return 0;
    nip__arena *arena = nip__arena_new();
    const nip__value *copy = nip__copy(arena, release);
    if (nip__arena_failed(arena)) {
        nip__arena_free(arena);
        return nip__nomem(err);
    }
    nip__arena_free(machine->release_arena);
    machine->release_arena = arena;
    machine->release = copy;
    return 0;
}

static int run_ended(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    const char *state = nip__get_text(payload, "state");
    nip__phase phase = NIP__SUCCEEDED;
    while (phase < NIP__BROKEN && !nip__text_equal(state, nip__phase_name(phase)))
        phase++;
    machine->phase = phase;
    machine->ended_at = machine->now;
    machine->out_count = 0;
    forget(&machine->abort); /* one that came too late must not wake a broken run by itself */
    int rc = keep_reason(machine, payload, err);
    return rc < 0 ? rc : keep_release(machine, nip__get(payload, "release"), err);
}

/* An answer to a question that is not asked any more is not an answer to the next one. */
static bool answers_another_step(const nip__machine *machine, const nip__value *payload)
{
    const char *asked = nip__get_text(payload, "step");
    const nip__step *step = nip__machine_step(machine);
    return asked != NULL && (step == NULL || !nip__text_equal(asked, step->id));
}

/* Whoever asks for a pause once more wants no second one after the first has been ended. */
static bool pauses_already(const nip__machine *machine)
{
    return machine->phase == NIP__PAUSED && !machine->promote.set;
}

static int request_made(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    const struct {
        const char *name;
        nip__asked *asked;
    } requests[] = {{"abort", &machine->abort}, {"pause", &machine->pause}, {"promote", &machine->promote}, {"approve", &machine->approve}};
    const char *name = nip__get_text(payload, "request");
    if (!nip__text_equal(nip__get_text(payload, "run"), machine->run))
        return 0;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        if (!nip__text_equal(name, requests[i].name))
            continue;
        if (answers_another_step(machine, payload) || (requests[i].asked == &machine->pause && pauses_already(machine)))
            return 0;
        requests[i].asked->set = true;
        int rc = nip__set_text(&requests[i].asked->who, nip__get_text(payload, "who"), err);
        return rc < 0 ? rc : nip__set_text(&requests[i].asked->why, nip__get_text(payload, "why"), err);
    }
    return 0;
}

/* ---- steps ---- */

static int reset_calls(nip__call_states *states, size_t count, nip_error **err)
{
    if (states->list == NULL) {
        states->list = nip__calloc(count + 1, sizeof *states->list);
        if (states->list == NULL)
            return nip__nomem(err);
        states->count = count;
    }
    for (size_t i = 0; i < count; i++)
        nip__call_state_clear(&states->list[i]);
    return 0;
}

static int reset_step(nip__machine *machine, const nip__step *step, nip_error **err)
{
    nip__step_state *state = nip__machine_step_state(machine, step);
    int rc = reset_calls(&state->act, step->actions.count, err);
    if (rc == 0)
        rc = reset_calls(&state->require, step->require.observe.count, err);
    return rc < 0 ? rc : reset_calls(&state->until, step->until.observe.count, err);
}

static void start_grid(nip__machine *machine)
{
    machine->cursor.anchor = machine->cursor.next = nip__machine_driven(machine);
    machine->cursor.streak = 0;
}

static int step_started(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    const nip__step *step = nip__payload_step(machine, payload);
    if (step == NULL || step != nip__machine_step(machine))
        return nip__corrupt(machine, "step.started is not about the step that is next", err);
    if (nip__machine_writes_out(machine))
        return nip__corrupt(machine, "step.started while a write is under way", err);
    drop_reads(machine, false);
    int rc = reset_step(machine, step, err);
    if (rc < 0)
        return rc;
    nip__cursor *cursor = &machine->cursor;
    cursor->started = nip__machine_driven(machine);
    cursor->attempt = nip__get_int(payload, "attempt", 1);
    cursor->stage = step->require.present ? NIP__REQUIRING : NIP__ACTING;
    start_grid(machine);
    if (step->list == NIP__BACK)
        return 0;
    machine->phase = NIP__RUNNING;
    machine->entry = step->entry;
    if (!step->fresh_window)
        nip__begin_windows(machine, true);
    return 0;
}

/* Will this call be handed out without anybody asking whether it took effect? */
static bool is_to_act(const nip__call_state *call)
{
    return call->stage == NIP__CALL_NEW || call->stage == NIP__CALL_AGAIN || call->stage == NIP__CALL_RETRYING ||
           (call->stage == NIP__CALL_FAILED && call->retryable);
}

static void observe_anew(nip__machine *machine, nip__call_states *observations)
{
    for (size_t i = 0; i < observations->count; i++) {
        if (observations->list[i].stage != NIP__CALL_OUT)
            observations->list[i].stage = NIP__CALL_NEW;
    }
    start_grid(machine);
}

void nip__apply_look_again(nip__machine *machine)
{
    const nip__step *step = nip__machine_step(machine);
    nip__stage stage = machine->cursor.stage;
    if (step == NULL || stage < NIP__REQUIRING || stage > NIP__CHECKING)
        return;
    nip__step_state *state = nip__machine_step_state(machine, step);
    bool to_act = false;
    for (size_t i = 0; i < state->act.count; i++)
        to_act |= is_to_act(&state->act.list[i]);
    if (step->require.present && stage <= NIP__ACTING && to_act) {
        machine->cursor.stage = NIP__REQUIRING;
        observe_anew(machine, &state->require);
    } else if (stage == NIP__CHECKING && step->until.observe.count > 0) {
        observe_anew(machine, &state->until);
    }
}

/* What comes after `stage` in this step. */
static nip__stage stage_after(const nip__step *step, nip__stage stage)
{
    if (stage < NIP__ACTING)
        return NIP__ACTING;
    if (stage < NIP__CHECKING && step->until.present)
        return NIP__CHECKING;
    if (stage < NIP__HOLDING && step->wait > 0)
        return NIP__HOLDING;
    if (stage < NIP__ASKING && step->approve != NULL)
        return NIP__ASKING;
    return NIP__LEAVING;
}

static void move_on(nip__machine *machine, const nip__step *step)
{
    machine->cursor.stage = stage_after(step, machine->cursor.stage);
    start_grid(machine);
}

static int step_acted(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    (void)payload;
    const nip__step *step = nip__machine_step(machine);
    if (step == NULL || machine->cursor.stage != NIP__ACTING)
        return nip__corrupt(machine, "step.acted stands where no step acts", err);
    if (step->fresh_window)
        nip__begin_windows(machine, false);
    move_on(machine, step);
    return 0;
}

/* The texts of step.checked's "failed" as one message. */
static int keep_check_failure(nip__machine *machine, const nip__step *step, const nip__condition *condition, bool fatal,
                              const nip__value *failed, nip_error **err)
{
    nip__buffer message = NIP__BUFFER(65536);
    bool repeated = condition->observe.count > 0; /* else the actions' own results were looked at, once */
    if (!fatal && repeated) {
        nip__buffer_text(&message, "not so within ");
        nip__duration_write_short(&message, step->deadline);
        nip__buffer_text(&message, ": ");
    }
    size_t start = message.length;
    for (NIP__EACH(text, failed)) {
        if (message.length > start)
            nip__buffer_text(&message, "; ");
        if (nip__is(text, NIP__STRING))
            nip__buffer_text(&message, text->as.string.text);
    }
    int rc = message.failed && !message.full ? nip__nomem(err) : nip__set_text(&machine->cursor.message, nip__buffer_string(&message), err);
    nip__buffer_clear(&message);
    return rc < 0 ? rc : nip__set_text(&machine->cursor.reason, fatal ? "check_failed" : repeated ? "deadline" : "not_met", err);
}

static void next_observation(nip__machine *machine, const nip__condition *condition, nip__call_states *calls)
{
    nip__cursor *cursor = &machine->cursor;
    nip_time driven = nip__machine_driven(machine);
    cursor->next = cursor->anchor + ((driven - cursor->anchor) / condition->interval + 1) * condition->interval;
    for (size_t i = 0; i < calls->count; i++)
        calls->list[i].stage = NIP__CALL_NEW;
}

static int step_checked(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    const nip__step *step = nip__machine_step(machine);
    bool require = nip__text_equal(nip__get_text(payload, "of"), "require");
    if (step == NULL || machine->cursor.stage != (require ? NIP__REQUIRING : NIP__CHECKING))
        return nip__corrupt(machine, "step.checked stands where nothing is checked", err);
    const nip__condition *condition = require ? &step->require : &step->until;
    nip__step_state *state = nip__machine_step_state(machine, step);
    machine->cursor.streak = nip__get_int(payload, "streak", 0);
    bool fatal = nip__get_bool(payload, "fatal", false);
    bool met = nip__get_bool(payload, "met", false);
    if (met && machine->cursor.streak >= condition->successes) {
        move_on(machine, step);
        return 0;
    }
    if (fatal || (!met && nip__get_bool(payload, "last", false)))
        return keep_check_failure(machine, step, condition, fatal, nip__get(payload, "failed"), err);
    next_observation(machine, condition, require ? &state->require : &state->until);
    return 0;
}

static int step_waiting(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    (void)err;
    if (machine->cursor.list == NIP__FORWARD)
        machine->phase = NIP__WAITING;
    machine->cursor.holding = true;
    machine->cursor.wait_until = nip__get_time(payload, "until", machine->now) - machine->gap;
    return 0;
}

static int step_done(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    (void)payload, (void)err;
    if (machine->phase == NIP__WAITING)
        machine->phase = NIP__RUNNING;
    stand_at(machine, machine->cursor.list, machine->cursor.index + 1);
    return 0;
}

static int step_failed(nip__machine *machine, const nip__value *payload, nip_error **err)
{
    machine->cursor.failed = true;
    int rc = nip__set_text(&machine->cursor.reason, nip__get_text(payload, "reason"), err);
    return rc < 0 ? rc : nip__set_text(&machine->cursor.message, nip__get_text(payload, "message"), err);
}

static const struct {
    const char *kind;
    nip__apply *apply;
} kinds[] = {
    {"action.completed", nip__apply_action_completed},
    {"action.intended", nip__apply_action_intended},
    {"action.unanswered", nip__apply_action_unanswered},
    {"guard.judged", nip__apply_guard_judged},
    {"guard.window", nip__apply_guard_window},
    {"request.made", request_made},
    {"run.continued", run_continued},
    {"run.ended", run_ended},
    {"run.paused", run_paused},
    {"run.resumed", run_resumed},
    {"run.returning", run_returning},
    {"run.started", run_started},
    {"run.waiting", run_waiting},
    {"step.acted", step_acted},
    {"step.checked", step_checked},
    {"step.done", step_done},
    {"step.failed", step_failed},
    {"step.retrying", nip__apply_step_retrying},
    {"step.started", step_started},
    {"step.waiting", step_waiting},
};

int nip__machine_apply(nip__machine *machine, const char *kind, nip_time at, const nip__value *payload, nip_error **err)
{
    if (at > machine->now) /* NIP_TIME_NONE: somebody else's clock, which moves nothing */
        machine->now = at;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kind, kinds[i].kind) == 0)
            return kinds[i].apply(machine, payload, err);
    }
    return 0;
}
