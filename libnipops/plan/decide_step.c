/* What is due at the step where the run stands: require, act, check, hold, ask, leave. One function a stage. */
#include "plan/machine.h"

#include <string.h>

#include "nipops/store.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"

enum { TEXT_MAX = 1024, TEXTS_MAX = 50, PROBLEMS_MAX = 3 }; /* of what one check failed on */
enum { MESSAGE_MAX = 64 * 1024 };                           /* of what a failed step says to people */
enum { ANSWER_SECONDS = 60 }; /* an observation or a settling action without answer after this has failed */

static nip_time deadline_of(const nip__machine *machine, const nip__step *step)
{
    return nip__time_add(machine->cursor.started, step->deadline);
}

static const char *draft_failed(nip__machine *machine, const nip__step *step, const char *reason, const char *message, nip__buffer *payload)
{
    nip__writer w;
    nip__draft_open(machine, &w, payload, step);
    nip__write_text(&w, "reason", reason);
    nip__write_text(&w, "message", message);
    nip__write_end_map(&w);
    return "step.failed";
}

static const char *draft_done(nip__machine *machine, const nip__step *step, const char *why, nip__buffer *payload)
{
    nip__writer w;
    nip__draft_open(machine, &w, payload, step);
    nip__write_text(&w, "why", why);
    nip__write_end_map(&w);
    return "step.done";
}

static const char *draft_missing(nip__machine *machine, const nip__step *step, const char *missing, nip__buffer *payload)
{
    nip__buffer message = NIP__BUFFER(512);
    nip__buffer_printf(&message, "it needs a result of step %s, which gave none", missing != NULL ? missing : "?");
    const char *kind = draft_failed(machine, step, "missing_result", nip__buffer_string(&message), payload);
    payload->failed |= message.failed && !message.full;
    nip__buffer_clear(&message);
    return kind;
}

/* References filled in: what the record and the driver see. A first intent gets a new number, a repeated one keeps its own. */
const char *nip__draft_intent(nip__machine *machine, nip__purpose purpose, const nip__step *step, size_t index, const nip__call *call,
                              const nip__call_state *state, nip_time deadline, nip__buffer *payload, const char **missing)
{
    nip__arena *arena = nip__arena_new();
    const nip__results results = nip__machine_results(machine);
    const char *no_before = NULL;
    const nip__value *args = nip__fill(arena, call->args, &results, missing);
    const nip__value *before = call->before != NULL ? nip__fill(arena, call->before, &results, &no_before) : NULL;
    const char *kind = NULL;
    if (nip__arena_failed(arena)) {
        payload->failed = true;
        kind = "action.intended";
    } else if (args != NULL) {
        bool again = state->stage == NIP__CALL_AGAIN;
        nip__writer w;
        nip__draft_open(machine, &w, payload, step);
        nip__write_action_id(&w, machine, again ? state->number : machine->numbers + 1);
        nip__write_text(&w, "for", nip__purpose_name(purpose));
        nip__write_int(&w, "index", (int64_t)index);
        nip__write_int(&w, "attempt", again ? state->attempt : state->attempt + 1);
        if (again)
            nip__write_bool(&w, "repeated", true);
        nip__write_text(&w, "role", call->role);
        nip__write_text(&w, "verb", call->verb);
        nip__write_value(&w, "args", args);
        if (before != NULL)
            nip__write_value(&w, "before", before);
        nip__write_time(&w, "deadline", nip__time_add(deadline, machine->gap));
        nip__write_end_map(&w);
        kind = "action.intended";
    }
    nip__arena_free(arena);
    return kind;
}

static const char *intend(nip__machine *machine, nip__purpose purpose, const nip__step *step, size_t index, const nip__call *call,
                          const nip__call_state *state, nip_time deadline, nip__buffer *payload)
{
    const char *missing = NULL;
    const char *kind = nip__draft_intent(machine, purpose, step, index, call, state, deadline, payload, &missing);
    return kind != NULL ? kind : draft_missing(machine, step, missing, payload);
}

/* ---- conditions: require and until ---- */

typedef struct judgement {
    bool met, fatal;
    int texts;
    nip__buffer failed; /* JSON list of texts */
} judgement;

static void judge_list(nip__machine *machine, const nip__predicates *predicates, const nip__value *const *observed, size_t count,
                       bool wanted, judgement *judged, nip__writer *w)
{
    const nip__results results = nip__machine_results(machine);
    for (size_t i = 0; i < predicates->count; i++) {
        const nip__predicate *predicate = &predicates->list[i];
        nip__arena *arena = nip__arena_new();
        const char *missing = NULL;
        const nip__value *value = nip__predicate_is_place(predicate->value) ? predicate->value
                                                                            : nip__fill(arena, predicate->value, &results, &missing);
        bool holds = value != NULL && nip__predicate_holds(predicate, value, observed, count);
        judged->failed.failed |= nip__arena_failed(arena);
        if (holds != wanted && judged->texts++ < TEXTS_MAX) {
            nip__buffer text = NIP__BUFFER(1024);
            nip__predicate_write(&text, predicate, value, observed, count);
            nip__write_text(w, NULL, nip__buffer_string(&text));
            judged->failed.failed |= text.failed && !text.full;
            nip__buffer_clear(&text);
        }
        judged->met &= holds == wanted;
        judged->fatal |= holds != wanted && !wanted;
        nip__arena_free(arena);
    }
}

/* What drivers say may be of any length; a decision needs its beginning. */
static void write_cut(nip__writer *w, const char *text)
{
    nip__buffer cut = NIP__BUFFER(TEXT_MAX + 1);
    nip__buffer_put(&cut, text, nip__text_utf8_prefix(text, strnlen(text, TEXT_MAX)));
    nip__write_text(w, NULL, nip__buffer_string(&cut));
    w->buffer->failed |= cut.failed && !cut.full;
    nip__buffer_clear(&cut);
}

/* Drivers that look at how something stands say in `problems` or `detail` what is wrong with it. */
static void write_problems(nip__writer *w, const nip__value *result)
{
    int told = 0;
    for (NIP__EACH(problem, nip__get(result, "problems"))) {
        if (nip__is(problem, NIP__STRING) && told++ < PROBLEMS_MAX)
            write_cut(w, problem->as.string.text);
    }
    const char *detail = nip__get_text(result, "detail");
    if (detail != NULL)
        write_cut(w, detail);
}

/* What a driver says of the first thing that went wrong helps more than the predicate that it broke. */
static void add_reasons(const nip__value *const *observed, const nip__call_states *calls, size_t count, nip__writer *w)
{
    for (size_t i = 0; i < count && i < TEXTS_MAX; i++) {
        const char *first = nip__get_text(observed[i], "first_failure");
        if (first != NULL)
            write_cut(w, first);
        write_problems(w, observed[i]);
        if (calls->list[i].stage == NIP__CALL_FAILED && calls->list[i].message != NULL)
            write_cut(w, calls->list[i].message);
    }
}

static void judge(nip__machine *machine, const nip__condition *condition, const nip__call_states *calls, judgement *judged)
{
    size_t count = calls->count;
    const nip__value **observed = nip__calloc(count + 1, sizeof *observed);
    nip__writer w = NIP__WRITER(&judged->failed);
    judged->met = true;
    nip__write_list(&w, NULL);
    if (observed == NULL) {
        judged->failed.failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        observed[i] = calls->list[i].stage == NIP__CALL_DONE ? calls->list[i].result : NULL;
    judge_list(machine, &condition->that, observed, count, true, judged, &w);
    judge_list(machine, &condition->fails, observed, count, false, judged, &w);
    if (!judged->met)
        add_reasons(observed, calls, count, &w);
    nip__write_end_list(&w);
    nip__free(observed);
}

static bool observed_late(const nip__machine *machine, const nip__step *step, const nip__call_states *calls)
{
    for (size_t i = 0; i < calls->count; i++) {
        if (calls->list[i].intended < deadline_of(machine, step))
            return false;
    }
    return true;
}

static const char *draft_checked(nip__machine *machine, const nip__step *step, nip__purpose purpose, const nip__condition *condition,
                                 const nip__call_states *calls, nip__buffer *payload)
{
    judgement judged = {.failed = NIP__BUFFER(NIP_RECORD_MAX / 2)};
    judge(machine, condition, calls, &judged);
    bool last = condition->observe.count == 0 || observed_late(machine, step, calls);
    nip__writer w;
    nip__draft_open(machine, &w, payload, step);
    nip__write_text(&w, "of", nip__purpose_name(purpose));
    nip__write_bool(&w, "met", judged.met);
    nip__write_int(&w, "streak", judged.met ? machine->cursor.streak + 1 : 0);
    nip__write_bool(&w, "last", last);
    nip__write_bool(&w, "fatal", judged.fatal);
    nip__write_raw(&w, "failed", nip__buffer_string(&judged.failed));
    nip__write_end_map(&w);
    payload->failed |= judged.failed.failed;
    nip__buffer_clear(&judged.failed);
    return "step.checked";
}

/* One observation after the other on the grid; one more once the deadline has passed, since nothing fails on an old look. */
static const char *observe(nip__machine *machine, const nip__step *step, nip__purpose purpose, const nip__condition *condition,
                           const nip__call_states *calls, nip__buffer *payload)
{
    nip_time driven = nip__machine_driven(machine);
    bool late = driven >= deadline_of(machine, step) && machine->cursor.streak == 0; /* a streak is counted on the grid only */
    bool due = driven >= machine->cursor.next || late;
    bool waiting = false;
    for (size_t i = 0; i < condition->observe.count; i++) {
        if (calls->list[i].stage == NIP__CALL_NEW)
            return due ? intend(machine, purpose, step, i, &condition->observe.list[i], &calls->list[i],
                                nip__time_add(driven, ANSWER_SECONDS * NIP_SECOND), payload)
                       : NULL;
        waiting |= calls->list[i].stage == NIP__CALL_OUT;
    }
    return waiting ? NULL : draft_checked(machine, step, purpose, condition, calls, payload);
}

/* ---- stages ---- */

static const char *enter(nip__machine *machine, const nip__step *step, nip__buffer *payload)
{
    if (nip__machine_writes_out(machine))
        return NULL; /* those of an abandoned step: two hands on one lever; they have deadlines, so this ends */
    nip__writer w;
    nip__draft_open(machine, &w, payload, step);
    nip__write_int(&w, "attempt", machine->cursor.attempt + 1);
    nip__write_text(&w, "title", step->title);
    nip__write_end_map(&w);
    return "step.started";
}

static const char *requiring(nip__machine *machine, const nip__step *step, nip__buffer *payload)
{
    return observe(machine, step, NIP__FOR_REQUIRE, &step->require, &nip__machine_step_state(machine, step)->require, payload);
}

static const char *retry_or_fail(nip__machine *machine, const nip__step *step, const nip__call_state *call, nip__buffer *payload)
{
    nip_time driven = nip__machine_driven(machine);
    if (!call->retryable || call->attempt >= step->retry_attempts || driven >= deadline_of(machine, step))
        return draft_failed(machine, step, call->reason, call->message, payload);
    nip__random random;
    nip__random_seed(&random, machine->plan->seed ^ ((uint64_t)call->number * UINT64_C(0x9e3779b97f4a7c15)));
    int64_t doublings = call->attempt - 1 < 30 ? call->attempt - 1 : 30;
    nip_duration most = step->retry_base > (step->retry_max >> doublings) ? step->retry_max : step->retry_base << doublings;
    nip_duration pause = (nip_duration)(nip__random_unit(&random) * (double)most);
    if (pause >= deadline_of(machine, step) - driven)
        return draft_failed(machine, step, call->reason, call->message, payload); /* the next attempt would come too late */
    nip__writer w;
    nip__draft_open(machine, &w, payload, step);
    nip__write_action_id(&w, machine, call->number);
    nip__write_int(&w, "attempt", call->attempt + 1);
    nip__write_time(&w, "until", nip__time_add(machine->now, pause));
    nip__write_end_map(&w);
    return "step.retrying";
}

static const char *settle(nip__machine *machine, const nip__step *step, size_t index, const nip__call_state *call, nip__buffer *payload)
{
    if (step->actions.list[index].verb_class == NIP_VERB_ONCE)
        return nip__draft_paused(machine, "in_doubt",
                                 "it is not known whether an action took effect that must not be done twice: look, then \"promote\" to "
                                 "count it as done, or \"abort\" to take the change back",
                                 payload);
    nip_time driven = nip__machine_driven(machine);
    nip__writer w;
    nip__draft_open(machine, &w, payload, step);
    nip__write_action_id(&w, machine, machine->numbers + 1);
    nip__write_text(&w, "for", "settle");
    nip__write_int(&w, "index", (int64_t)index);
    nip__write_int(&w, "attempt", call->settles + 1);
    nip__write_text(&w, "role", step->actions.list[index].role);
    nip__write_text(&w, "verb", step->actions.list[index].verb);
    nip__write_raw(&w, "args", call->args);
    if (call->before != NULL)
        nip__write_raw(&w, "before", call->before);
    nip__write_time(&w, "deadline", nip__time_add(driven + ANSWER_SECONDS * NIP_SECOND, machine->gap));
    nip__write_end_map(&w);
    return "action.intended";
}

/* The step's deadline; what was begun just before it, or after a last look that was met, still gets the time of an answer. */
static nip_time answer_by(const nip__machine *machine, const nip__step *step)
{
    nip_time least = nip__time_add(nip__machine_driven(machine), ANSWER_SECONDS * NIP_SECOND);
    nip_time deadline = deadline_of(machine, step);
    return deadline > least ? deadline : least;
}

/* The next draft for one action of the step; NULL: nothing is due for it. */
static const char *act_on(nip__machine *machine, const nip__step *step, size_t index, const nip__call_state *call, nip__buffer *payload)
{
    nip_time driven = nip__machine_driven(machine);
    switch (call->stage) {
    case NIP__CALL_NEW:
    case NIP__CALL_AGAIN:
        return intend(machine, NIP__FOR_ACT, step, index, &step->actions.list[index], call, answer_by(machine, step), payload);
    case NIP__CALL_RETRYING:
        return driven < call->again_at ? NULL
                                       : intend(machine, NIP__FOR_ACT, step, index, &step->actions.list[index], call,
                                                answer_by(machine, step), payload);
    case NIP__CALL_DOUBT:
        return driven < call->again_at ? NULL : settle(machine, step, index, call, payload);
    case NIP__CALL_FAILED:
        return retry_or_fail(machine, step, call, payload);
    default:
        return NULL;
    }
}

static const char *acting(nip__machine *machine, const nip__step *step, nip__buffer *payload)
{
    const nip__call_states *calls = &nip__machine_step_state(machine, step)->act;
    bool done = true;
    for (size_t i = 0; i < calls->count; i++) {
        const char *kind = act_on(machine, step, i, &calls->list[i], payload);
        if (kind != NULL)
            return kind;
        done &= calls->list[i].stage == NIP__CALL_DONE;
    }
    if (!done)
        return NULL;
    nip__writer w;
    nip__draft_open(machine, &w, payload, step);
    nip__write_end_map(&w);
    return "step.acted";
}

static const char *checking(nip__machine *machine, const nip__step *step, nip__buffer *payload)
{
    const nip__step_state *state = nip__machine_step_state(machine, step);
    const nip__call_states *calls = step->until.observe.count > 0 ? &state->until : &state->act;
    return observe(machine, step, NIP__FOR_UNTIL, &step->until, calls, payload);
}

static const char *draft_held(nip__machine *machine, const char *why, nip__buffer *payload)
{
    nip__writer w;
    nip__draft_open(machine, &w, payload, NULL);
    nip__write_text(&w, "for", "data");
    nip__write_text(&w, "why", why);
    nip__write_end_map(&w);
    return "run.waiting";
}

static const char *holding(nip__machine *machine, const nip__step *step, nip__buffer *payload)
{
    const nip__cursor *cursor = &machine->cursor;
    nip_time driven = nip__machine_driven(machine);
    if (!cursor->holding) {
        nip__writer w;
        nip__draft_open(machine, &w, payload, step);
        nip__write_time(&w, "until", nip__time_add(machine->now, step->wait));
        nip__write_end_map(&w);
        return "step.waiting";
    }
    if (machine->promote.set || cursor->promoted)
        return draft_done(machine, step, "promoted", payload);
    if (driven < cursor->wait_until)
        return NULL;
    const char *why = NULL;
    nip_duration max_hold = 0;
    if (!nip__guards_hold(machine, &why, &max_hold))
        return draft_done(machine, step, "waited", payload);
    if (driven >= nip__time_add(cursor->wait_until, max_hold))
        return nip__draft_paused(machine, why, "the metrics do not allow to go on: \"promote\" to go on anyway, \"abort\" to take the change back",
                                 payload);
    return cursor->held_since == NIP_TIME_NONE ? draft_held(machine, why, payload) : NULL;
}

static const char *asking(nip__machine *machine, const nip__step *step, nip__buffer *payload)
{
    if (machine->approve.set || machine->cursor.approved)
        return draft_done(machine, step, "approved", payload);
    if (machine->cursor.held_since != NIP_TIME_NONE)
        return NULL;
    nip__writer w;
    nip__draft_open(machine, &w, payload, step);
    nip__write_text(&w, "for", "approval");
    nip__write_text(&w, "message", step->approve);
    nip__write_end_map(&w);
    return "run.waiting";
}

static const char *leaving(nip__machine *machine, const nip__step *step, nip__buffer *payload)
{
    return draft_done(machine, step, "met", payload);
}

/* A step has failed: what that leads to. */
static const char *decide_failed(nip__machine *machine, const nip__step *step, nip__buffer *payload)
{
    const char *reason = machine->cursor.reason, *why = machine->cursor.message != NULL ? machine->cursor.message : reason;
    nip__buffer message = NIP__BUFFER(MESSAGE_MAX + 1024);
    nip__buffer_printf(&message, "step %s failed: ", step->id);
    nip__buffer_put(&message, why, nip__text_utf8_prefix(why, strnlen(why, MESSAGE_MAX))); /* step.failed has all of it */
    const char *kind;
    if (step->list == NIP__BACK && step->on_failure != NIP__CONTINUE)
        kind = nip__draft_ended(machine, NIP__BROKEN, reason, nip__buffer_string(&message), payload);
    else if (step->on_failure == NIP__STOP)
        kind = nip__draft_ended(machine, NIP__STOPPED, reason, nip__buffer_string(&message), payload);
    else if (step->on_failure == NIP__PAUSE)
        kind = nip__draft_paused(machine, reason, nip__buffer_string(&message), payload);
    else if (step->on_failure == NIP__CONTINUE)
        kind = draft_done(machine, step, "continued", payload);
    else
        kind = nip__draft_take_back(machine, reason, nip__buffer_string(&message), payload);
    payload->failed |= message.failed && !message.full;
    nip__buffer_clear(&message);
    return kind;
}

/* The end of a list. The way back ends well only if all of it could be journaled. */
static const char *decide_end(nip__machine *machine, nip__buffer *payload)
{
    if (machine->cursor.list == NIP__FORWARD)
        return nip__draft_ended(machine, NIP__SUCCEEDED, NULL, NULL, payload);
    if (machine->unjournaled > 0)
        return nip__draft_ended(machine, NIP__BROKEN, "unjournaled",
                                "the way back was walked while the journal could not be written: check how things stand, then \"ensure\"",
                                payload);
    return nip__draft_ended(machine, NIP__RETURNED, machine->reason, machine->message, payload);
}

/* Before anything else a resumed run asks whether what it wrote last still stands. Where the journal was out, a process may have walked
 * the way back without being able to say so: going on from there would send traffic to what is gone. */
static const char *decide_doubted(nip__machine *machine, nip__buffer *payload)
{
    const nip__step *step = machine->doubted;
    const nip__call_state *call = machine->doubt;
    size_t index = (size_t)(call - nip__machine_step_state(machine, step)->act.list);
    if (call->stage == NIP__CALL_DOUBT)
        return settle(machine, step, index, call, payload);
    if (call->stage != NIP__CALL_FAILED)
        return NULL;
    nip__buffer message = NIP__BUFFER(4096);
    nip__buffer_printf(&message, "what step %s did is no longer so: %s", step->id, call->message);
    const char *kind = nip__draft_take_back(machine, "undone", nip__buffer_string(&message), payload);
    payload->failed |= message.failed && !message.full;
    nip__buffer_clear(&message);
    return kind;
}

const char *nip__decide_step(nip__machine *machine, nip__buffer *payload)
{
    if (machine->doubted != NULL)
        return decide_doubted(machine, payload);
    static const char *(*const stages[])(nip__machine *, const nip__step *, nip__buffer *) = {
        [NIP__ENTER] = enter,     [NIP__REQUIRING] = requiring, [NIP__ACTING] = acting,   [NIP__CHECKING] = checking,
        [NIP__HOLDING] = holding, [NIP__ASKING] = asking,       [NIP__LEAVING] = leaving,
    };
    const nip__step *step = nip__machine_step(machine);
    if (step == NULL)
        return decide_end(machine, payload);
    if (machine->cursor.failed)
        return decide_failed(machine, step, payload);
    if (machine->cursor.reason != NULL) /* its last check went wrong */
        return draft_failed(machine, step, machine->cursor.reason, machine->cursor.message, payload);
    return stages[machine->cursor.stage](machine, step, payload);
}
