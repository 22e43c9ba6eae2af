/* What is due for the guards: a tick, a judgement of what it brought, the end of a run that broke a limit. */
#include "plan/machine.h"

#include "base/text.h"
#include "base/time.h"
#include "nipops/analysis.h"

/* ---- judging ---- */

typedef struct metric {
    const char *name;
    int verdict;
    double value, limit;
    bool has_value, has_counts;
    const char *reason;
} metric;

static int worse(int a, int b)
{
    return a > b ? a : b;
}

static void judge_ratio(const nip__guard *guard, const nip__guard_state *state, metric *m)
{
    const nip__sample *sample = &state->sample;
    if (!sample->counted) {
        m->verdict = NIP_VERDICT_NO_DATA;
        m->reason = "no_data";
        return;
    }
    m->has_counts = true;
    m->has_value = sample->total > 0;
    m->value = m->has_value ? (double)sample->errors / (double)sample->total : 0.0;
    m->verdict = nip_ratio_verdict(sample->errors, sample->total, m->limit, guard->min_samples, state->window.looks + 1, guard->alpha, NULL);
    if (m->verdict < 0)
        m->verdict = NIP_VERDICT_NO_DATA;
    m->reason = m->verdict == NIP_VERDICT_NO_DATA                                                      ? "no_requests"
                : m->verdict == NIP_VERDICT_INCONCLUSIVE && sample->total < guard->min_samples         ? "too_few_samples"
                : m->verdict == NIP_VERDICT_INCONCLUSIVE                                               ? "not_proven"
                : m->verdict == NIP_VERDICT_FAIL                                                       ? "above_limit"
                                                                                                       : "within_limit";
}

static void judge_value(const nip__guard *guard, const nip__guard_state *state, metric *m)
{
    const nip__sample *sample = &state->sample;
    const nip__value *value = nip__get(sample->values, m->name);
    m->has_value = nip__number(value, &m->value);
    m->has_counts = sample->counted;
    if (!m->has_value) {
        m->verdict = NIP_VERDICT_NO_DATA;
        m->reason = "no_data";
    } else if (sample->counted && sample->total < guard->min_samples) {
        m->verdict = NIP_VERDICT_INCONCLUSIVE;
        m->reason = "too_few_samples";
    } else {
        m->verdict = m->value <= m->limit ? NIP_VERDICT_PASS : NIP_VERDICT_FAIL;
        m->reason = m->verdict == NIP_VERDICT_PASS ? "within_limit" : "above_limit";
    }
}

static void write_metric(nip__writer *w, const nip__guard_state *state, const metric *m)
{
    nip__write_map(w, NULL);
    nip__write_text(w, "name", m->name);
    nip__write_text(w, "verdict", nip_verdict_name(m->verdict));
    if (m->has_value)
        nip__write_real(w, "value", m->value);
    else
        nip__write_null(w, "value");
    nip__write_real(w, "limit", m->limit);
    if (m->has_counts) {
        nip__write_int(w, "events", state->sample.errors);
        nip__write_int(w, "samples", state->sample.total);
    }
    nip__write_text(w, "reason", m->reason);
    nip__write_end_map(w);
}

/* Every metric with its evidence; the guard's verdict is the worst of them. */
static int write_metrics(nip__writer *w, const nip__guard *guard, const nip__guard_state *state)
{
    int verdict = NIP_VERDICT_PASS;
    nip__write_list(w, "metrics");
    for (NIP__EACH(limit, guard->limits)) {
        metric m = {.name = limit->key};
        nip__number(limit, &m.limit);
        if (nip__text_equal(limit->key, "error_rate"))
            judge_ratio(guard, state, &m);
        else
            judge_value(guard, state, &m);
        write_metric(w, state, &m);
        verdict = worse(verdict, m.verdict);
    }
    nip__write_end_list(w);
    return verdict;
}

static void write_problems(nip__writer *w, const nip__guard_state *state)
{
    if (nip__count(state->sample.problems) > 0)
        nip__write_value(w, "problems", state->sample.problems);
    if (state->call.stage == NIP__CALL_FAILED) {
        nip__write_text(w, "reason", state->call.reason);
        nip__write_text(w, "message", state->call.message);
    }
}

/* The first measurement of a window is what later ones are counted from; it is not judged. */
static const char *draft_window(nip__machine *machine, const nip__guard *guard, const nip__guard_state *state, nip__buffer *payload)
{
    nip__writer w;
    nip__draft_open(machine, &w, payload, nip__machine_step(machine));
    nip__write_text(&w, "guard", guard->id);
    nip__write_time(&w, "since", state->since);
    nip__write_bool(&w, "restarted", state->sample.restarted);
    nip__write_end_map(&w);
    return "guard.window";
}

static const char *draft_judged(nip__machine *machine, const nip__guard *guard, const nip__guard_state *state, nip__buffer *payload)
{
    nip__writer w;
    nip__draft_open(machine, &w, payload, nip__machine_step(machine));
    nip__write_text(&w, "guard", guard->id);
    nip__write_action_id(&w, machine, state->call.number);
    nip__write_text(&w, "version", guard->version);
    nip__write_int(&w, "look", state->window.looks + 1);
    nip__write_time(&w, "since", state->since);
    int verdict = write_metrics(&w, guard, state);
    nip__write_text(&w, "verdict", nip_verdict_name(verdict));
    write_problems(&w, state);
    nip__write_end_map(&w);
    return "guard.judged";
}

static const char *decide_judgement(nip__machine *machine, const nip__guard *guard, const nip__guard_state *state, nip__buffer *payload)
{
    bool first = state->ticks == 0 && state->call.stage == NIP__CALL_DONE;
    return first || state->sample.restarted ? draft_window(machine, guard, state, payload) : draft_judged(machine, guard, state, payload);
}

/* ---- limits ---- */

static bool beyond(int64_t count, int64_t limit)
{
    return limit >= 0 && count > limit;
}

static void write_number(nip__buffer *text, const char *name, double value)
{
    if (nip__text_equal(name, "error_rate"))
        nip__buffer_printf(text, "%.2f %%", value * 100.0);
    else
        nip__buffer_printf(text, "%.0f ms", value * 1000.0);
}

/* "error_rate 31.20 % is above 1.00 % (156 of 500 requests)": the sentence that a person reads first. */
static void describe_failure(const nip__guard *guard, const nip__guard_state *state, nip__buffer *text)
{
    nip__buffer_printf(text, "guard %s: ", guard->id);
    size_t start = text->length;
    for (NIP__EACH(m, nip__get(state->evidence, "metrics"))) {
        double value, limit;
        if (nip__text_equal(nip__get_text(m, "verdict"), "pass"))
            continue;
        const char *name = nip__get_text(m, "name");
        if (text->length > start)
            nip__buffer_text(text, "; ");
        nip__buffer_printf(text, "%s ", name);
        if (nip__number(nip__get(m, "value"), &value) && nip__number(nip__get(m, "limit"), &limit)) {
            write_number(text, name, value);
            nip__buffer_text(text, value > limit ? " is above " : " is within ");
            write_number(text, name, limit);
        } else {
            nip__buffer_text(text, "has no data");
        }
        if (nip__get(m, "samples") != NULL)
            nip__buffer_printf(text, " (%lld of %lld requests)", (long long)nip__get_int(m, "events", 0),
                               (long long)nip__get_int(m, "samples", 0));
    }
}

static const char *decide_limits(nip__machine *machine, const nip__guard *guard, const nip__guard_state *state, nip__buffer *payload)
{
    if (!beyond(state->failures, guard->failure_limit) && !beyond(state->consecutive, guard->consecutive_failure_limit))
        return NULL;
    nip__buffer message = NIP__BUFFER(8192);
    describe_failure(guard, state, &message);
    const char *kind = nip__draft_take_back(machine, "guard_failed", nip__buffer_string(&message), payload);
    payload->failed |= message.failed && !message.full;
    nip__buffer_clear(&message);
    return kind;
}

/* No verdict is needed when the source says that nobody is served at all: the way back routes anew. */
static const char *decide_restart(nip__machine *machine, const nip__guard_state *state, nip__buffer *payload)
{
    bool restarted = state->to_judge && state->call.stage == NIP__CALL_FAILED && nip__text_equal(state->call.reason, "router_restarted");
    return restarted ? nip__draft_take_back(machine, state->call.reason, state->call.message, payload) : NULL;
}

/* ---- ticks ---- */

static const char *decide_tick(nip__machine *machine, size_t index, nip__buffer *payload)
{
    const nip__guard *guard = &machine->plan->guards[index];
    nip__guard_state *state = &machine->guards[index];
    nip_time driven = nip__machine_driven(machine);
    if (state->since == NIP_TIME_NONE || state->call.stage == NIP__CALL_OUT || driven < state->next)
        return NULL;
    nip__arena *arena = nip__arena_new();
    nip__value *args = guard->action.args != NULL ? nip__copy(arena, guard->action.args) : nip__map(arena);
    nip__put_time(arena, args, "since", state->since);
    nip__put_time(arena, args, "at", machine->now);
    nip__call call = guard->action;
    call.args = args;
    const char *missing = NULL;
    const char *kind = nip__draft_intent(machine, NIP__FOR_GUARD, nip__machine_step(machine), index, &call, &state->call,
                                         nip__time_add(driven, guard->timeout), payload, &missing);
    if (kind == NULL)
        kind = nip__draft_take_back(machine, "missing_result", "a guard needs a result of a step that gave none", payload);
    payload->failed |= nip__arena_failed(arena);
    nip__arena_free(arena);
    return kind;
}

const char *nip__decide_guards(nip__machine *machine, nip__buffer *payload)
{
    for (size_t i = 0; i < machine->plan->guard_count; i++) {
        const nip__guard *guard = &machine->plan->guards[i];
        const nip__guard_state *state = &machine->guards[i];
        if (!nip__guard_watches(machine, guard))
            continue;
        const char *kind = decide_limits(machine, guard, state, payload);
        if (kind == NULL)
            kind = decide_restart(machine, state, payload);
        if (kind == NULL && state->to_judge)
            kind = decide_judgement(machine, guard, state, payload);
        if (kind == NULL)
            kind = decide_tick(machine, i, payload);
        if (kind != NULL)
            return kind;
    }
    return NULL;
}

bool nip__guards_hold(const nip__machine *machine, const char **why, nip_duration *max_hold)
{
    bool hold = false;
    for (size_t i = 0; i < machine->plan->guard_count; i++) {
        const nip__guard *guard = &machine->plan->guards[i];
        const nip__guard_state *state = &machine->guards[i];
        if (!nip__guard_watches(machine, guard))
            continue;
        const char *objection = NULL;
        if (state->verdict == NIP_VERDICT_FAIL)
            objection = "failing";
        else if (state->verdict > NIP_VERDICT_PASS && guard->on_no_data != NIP__ND_PASS)
            objection = nip_verdict_name(state->verdict);
        else if (state->verdict < 0 || state->to_judge || state->call.stage == NIP__CALL_OUT)
            objection = "measuring";
        if (objection == NULL)
            continue;
        if (why != NULL)
            *why = objection;
        if (!hold || guard->max_hold < *max_hold)
            *max_hold = guard->max_hold;
        hold = true;
    }
    return hold;
}
