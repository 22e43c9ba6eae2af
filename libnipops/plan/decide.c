/* What is due for the run as a whole: who drives it, requests, answers that never came, the end. Steps and guards have files of their own. */
#include "plan/machine.h"

#include <string.h>

#include "base/text.h"
#include "base/time.h"

/* Fields that hold a text come last in a payload, so that the short ones can be read at a glance. */
void nip__draft_open(nip__machine *machine, nip__writer *writer, nip__buffer *payload, const nip__step *step)
{
    *writer = NIP__WRITER(payload);
    nip__write_map(writer, NULL);
    nip__write_text(writer, "run", machine->run);
    if (step == NULL)
        return;
    nip__write_text(writer, "step", step->id);
    nip__write_text(writer, "list", step->list == NIP__FORWARD ? "forward" : "back");
}

static const char *draft_reason(nip__machine *machine, const char *kind, const char *reason, const char *message, nip__buffer *payload)
{
    nip__writer w;
    nip__draft_open(machine, &w, payload, NULL);
    nip__write_text(&w, "reason", reason);
    nip__write_text(&w, "message", message);
    nip__write_end_map(&w);
    return kind;
}

const char *nip__draft_paused(nip__machine *machine, const char *reason, const char *message, nip__buffer *payload)
{
    return draft_reason(machine, "run.paused", reason, message, payload);
}

const char *nip__draft_returning(nip__machine *machine, const char *reason, const char *message, nip__buffer *payload)
{
    nip__writer w;
    nip__draft_open(machine, &w, payload, NULL);
    nip__write_text(&w, "reason", reason);
    nip__write_int(&w, "entry", machine->cursor.list == NIP__BACK ? (int64_t)machine->cursor.index : machine->entry);
    nip__write_text(&w, "message", message);
    nip__write_end_map(&w);
    return "run.returning";
}

static const nip__value *release_template(const nip__machine *machine, nip__phase phase)
{
    switch (phase) {
    case NIP__SUCCEEDED:
        return machine->plan->release;
    case NIP__RETURNED:
        return machine->plan->release_back;
    case NIP__STOPPED:
        return machine->plan->release_stopped;
    default:
        return NULL;
    }
}

static void write_release(nip__machine *machine, nip__writer *w, nip__phase phase)
{
    const nip__value *release = release_template(machine, phase);
    nip__arena *arena = release != NULL ? nip__arena_new() : NULL;
    const nip__results results = nip__machine_results(machine);
    const char *missing = NULL;
    nip__write_value(w, "release", arena != NULL ? nip__fill(arena, release, &results, &missing) : NULL);
    if (release != NULL && nip__arena_failed(arena))
        w->buffer->failed = true;
    nip__arena_free(arena);
}

/* What is known of a broken run: which actions took effect last, per role. A person starts from here. */
void nip__write_stands(nip__writer *w, const nip__machine *machine)
{
    nip__write_map(w, "stands");
    for (int list = NIP__FORWARD; list <= NIP__BACK; list++) {
        for (size_t i = 0; i < machine->plan->steps[list].count; i++) {
            const nip__step *step = &machine->plan->steps[list].list[i];
            const nip__call_states *act = &machine->steps[list][i].act;
            for (size_t k = 0; k < act->count; k++) {
                if (step->actions.list[k].verb_class == NIP_VERB_READ || act->list[k].number == 0)
                    continue;
                nip__write_map(w, step->id);
                nip__write_text(w, "verb", step->actions.list[k].verb);
                nip__write_text(w, "outcome", act->list[k].stage == NIP__CALL_DONE ? "done"
                                            : act->list[k].stage == NIP__CALL_FAILED ? "failed" : "unknown");
                nip__write_value(w, "result", act->list[k].result);
                nip__write_end_map(w);
                break; /* one entry a step */
            }
        }
    }
    nip__write_end_map(w);
}

const char *nip__draft_ended(nip__machine *machine, nip__phase phase, const char *reason, const char *message, nip__buffer *payload)
{
    nip__writer w;
    nip__draft_open(machine, &w, payload, NULL);
    nip__write_text(&w, "state", nip__phase_name(phase));
    nip__write_text(&w, "reason", reason);
    nip__write_text(&w, "message", message);
    write_release(machine, &w, phase);
    if (phase == NIP__BROKEN)
        nip__write_stands(&w, machine);
    nip__write_end_map(&w);
    return "run.ended";
}

const char *nip__draft_take_back(nip__machine *machine, const char *reason, const char *message, nip__buffer *payload)
{
    if (machine->entry >= 0)
        return nip__draft_returning(machine, reason, message, payload);
    return nip__draft_ended(machine, NIP__STOPPED, reason, message, payload);
}

static const char *draft_drive(nip__machine *machine, nip__buffer *payload)
{
    bool first = machine->phase == NIP__PLANNED;
    nip__writer w;
    nip__draft_open(machine, &w, payload, NULL);
    nip__write_raw(&w, "holder", machine->drive);
    if (!first)
        nip__write_duration(&w, "gap", machine->drive_gap);
    nip__write_end_map(&w);
    return first ? "run.started" : "run.resumed";
}

static const char *draft_asked(nip__machine *machine, const nip__asked *asked, const char *what,
                               const char *(*draft)(nip__machine *, const char *, const char *, nip__buffer *), nip__buffer *payload)
{
    nip__buffer message = NIP__BUFFER(4096);
    nip__buffer_printf(&message, "%s by %s", what, asked->who != NULL ? asked->who : "somebody");
    if (asked->why != NULL && asked->why[0] != '\0')
        nip__buffer_printf(&message, ": %s", asked->why);
    const char *kind = draft(machine, what, nip__buffer_string(&message), payload);
    payload->failed |= message.failed && !message.full;
    nip__buffer_clear(&message);
    return kind;
}

static const char *draft_continued(nip__machine *machine, const char *reason, const char *message, nip__buffer *payload)
{
    nip__writer w;
    nip__draft_open(machine, &w, payload, NULL);
    nip__write_text(&w, "why", reason);
    nip__write_text(&w, "message", message);
    nip__write_end_map(&w);
    return "run.continued";
}

static const char *decide_requests(nip__machine *machine, nip__buffer *payload)
{
    bool forward = machine->phase == NIP__RUNNING || machine->phase == NIP__WAITING || machine->phase == NIP__PAUSED;
    bool stuck_back = machine->cursor.list == NIP__BACK && machine->phase != NIP__RETURNING;
    if (machine->abort.set && stuck_back)
        return draft_asked(machine, &machine->abort, "aborted", nip__draft_returning, payload);
    if (machine->abort.set && forward)
        return draft_asked(machine, &machine->abort, "aborted", nip__draft_take_back, payload);
    if (machine->pause.set && forward && machine->phase != NIP__PAUSED)
        return draft_asked(machine, &machine->pause, "paused", nip__draft_paused, payload);
    if (machine->promote.set && machine->phase == NIP__PAUSED)
        return draft_asked(machine, &machine->promote, "promoted", draft_continued, payload);
    return NULL;
}

static const char *decide_unanswered(nip__machine *machine, nip__buffer *payload)
{
    nip_time driven = nip__machine_driven(machine);
    for (size_t i = 0; i < machine->out_count; i++) {
        if (driven < machine->outs[i].deadline)
            continue;
        nip__writer w;
        nip__draft_open(machine, &w, payload, NULL);
        nip__write_action_id(&w, machine, machine->outs[i].number);
        nip__write_text(&w, "why", "no answer before its deadline");
        nip__write_end_map(&w);
        return "action.unanswered";
    }
    return NULL;
}

const char *nip__machine_decide(nip__machine *machine, nip_time now, nip__buffer *payload)
{
    nip__buffer_reset(payload);
    if (now > machine->now)
        machine->now = now;
    if (machine->drive != NULL)
        return draft_drive(machine, payload);
    if (nip__machine_over(machine) || machine->phase == NIP__PLANNED)
        return NULL;
    const char *kind = decide_requests(machine, payload);
    if (kind == NULL)
        kind = decide_unanswered(machine, payload);
    if (kind == NULL)
        kind = nip__decide_guards(machine, payload);
    if (kind == NULL && machine->phase != NIP__PAUSED)
        kind = nip__decide_step(machine, payload);
    return kind;
}

/* "shop-1.12" of this run, or -1. */
static int64_t action_number(const nip__machine *machine, const char *action)
{
    size_t length = strlen(machine->run);
    int64_t number;
    if (strncmp(action, machine->run, length) != 0 || action[length] != '.' || !nip__text_int(action + length + 1, &number))
        return -1;
    return number;
}

static void write_outcome(nip__writer *w, const nip__value *outcome)
{
    static const char *const fields[] = {"outcome", "reason", "retryable", "message", "result", NULL};
    for (int i = 0; fields[i] != NULL; i++) {
        const nip__value *value = nip__get(outcome, fields[i]);
        if (value != NULL)
            nip__write_value(w, fields[i], value);
    }
}

const char *nip__machine_answer(nip__machine *machine, nip_time now, const char *action, const nip__value *outcome, nip__buffer *payload)
{
    nip__buffer_reset(payload);
    if (now > machine->now)
        machine->now = now;
    const nip__out *out = nip__machine_out(machine, action_number(machine, action));
    nip__writer w;
    nip__draft_open(machine, &w, payload, NULL);
    nip__write_text(&w, "action", action);
    if (out != NULL)
        write_outcome(&w, outcome);
    else
        nip__write_text(&w, "outcome", nip__get_text(outcome, "outcome"));
    nip__write_end_map(&w);
    return out != NULL ? "action.completed" : "action.ignored";
}

static nip_time earlier(nip_time a, nip_time b)
{
    return a < b ? a : b;
}

static nip_time wake_of_call(const nip__call_state *call)
{
    bool waits = call->stage == NIP__CALL_RETRYING || call->stage == NIP__CALL_DOUBT;
    return waits ? call->again_at : NIP_TIME_MAX;
}

/* An observation that is out: its answer, or its deadline, is what comes next. */
static bool observation_is_out(const nip__machine *machine)
{
    for (size_t i = 0; i < machine->out_count; i++) {
        if (machine->outs[i].purpose == NIP__FOR_REQUIRE || machine->outs[i].purpose == NIP__FOR_UNTIL)
            return true;
    }
    return false;
}

static nip_time wake_of_step(const nip__machine *machine)
{
    const nip__step *step = nip__machine_step(machine);
    const nip__cursor *cursor = &machine->cursor;
    nip_time wake = NIP_TIME_MAX;
    nip_duration max_hold = 0;
    if (step == NULL || machine->phase == NIP__PAUSED || machine->doubted != NULL)
        return wake;
    switch (cursor->stage) {
    case NIP__REQUIRING:
    case NIP__CHECKING:
        if (observation_is_out(machine))
            return wake;
        return cursor->streak > 0 ? cursor->next : earlier(cursor->next, nip__time_add(cursor->started, step->deadline));
    case NIP__ACTING:
        for (size_t i = 0; i < step->actions.count; i++)
            wake = earlier(wake, wake_of_call(&nip__machine_step_state(machine, step)->act.list[i]));
        return wake;
    case NIP__HOLDING:
        if (nip__machine_driven(machine) < cursor->wait_until)
            return cursor->wait_until;
        return nip__guards_hold(machine, NULL, &max_hold) ? nip__time_add(cursor->wait_until, max_hold) : cursor->wait_until;
    default:
        return wake;
    }
}

nip_time nip__machine_wake(const nip__machine *machine)
{
    nip_time wake = wake_of_step(machine);
    for (size_t i = 0; i < machine->out_count; i++)
        wake = earlier(wake, machine->outs[i].deadline);
    for (size_t i = 0; i < machine->plan->guard_count; i++) {
        const nip__guard_state *guard = &machine->guards[i];
        if (guard->since != NIP_TIME_NONE && guard->call.stage != NIP__CALL_OUT && nip__guard_watches(machine, &machine->plan->guards[i]))
            wake = earlier(wake, guard->next);
    }
    return nip__time_add(wake, machine->gap);
}
