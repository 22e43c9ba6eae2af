/* A plan for people. */
#include "plan/plan.h"

#include "base/time.h"
#include "doc/json.h"
#include "doc/schema.h"
#include "plan/reference.h"

enum { ARGUMENTS_MAX = 160 }; /* longer arguments are cut: the JSON form has them whole */

/* Cut between characters, so that what is shown stays valid UTF-8. */
static void put_shortened(nip__buffer *out, const char *text, size_t length)
{
    if (length <= ARGUMENTS_MAX) {
        nip__buffer_put(out, text, length);
        return;
    }
    size_t cut = ARGUMENTS_MAX;
    while (cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80)
        cut--;
    nip__buffer_put(out, text, cut);
    nip__buffer_text(out, " ...");
}

static void put_value(nip__buffer *out, const nip__value *value)
{
    nip__arena *arena = nip__arena_new();
    nip__buffer text = NIP__BUFFER(nip__internal_limits.bytes);
    nip__json_write(&text, nip__schema_mask(arena, NULL, nip__fill_names(arena, value))); /* people copy what they read */
    put_shortened(out, nip__buffer_string(&text), text.length);
    out->failed |= nip__arena_failed(arena) || text.failed;
    nip__buffer_clear(&text);
    nip__arena_free(arena);
}

static void put_call(nip__buffer *out, const char *label, const nip__call *call)
{
    nip__buffer_printf(out, "      %-9s %s/%s ", label, call->role, call->verb);
    put_value(out, call->args);
    nip__buffer_char(out, '\n');
}

static void put_calls(nip__buffer *out, const char *label, const nip__calls *calls)
{
    for (size_t i = 0; i < calls->count; i++)
        put_call(out, i == 0 ? label : label[0] == ' ' ? "  and" : "and", &calls->list[i]);
}

static void put_predicates(nip__buffer *out, const char *label, const nip__predicates *predicates)
{
    for (size_t i = 0; i < predicates->count; i++) {
        const nip__predicate *p = &predicates->list[i];
        nip__buffer_printf(out, "      %-9s %s %s ", i == 0 ? label : "  and", p->at[0] == '/' ? p->at + 1 : p->at, nip__operator_names[p->op]);
        put_value(out, p->value);
        nip__buffer_char(out, '\n');
    }
}

static void put_duration(nip__buffer *out, const char *before, nip_duration duration, const char *after)
{
    nip__buffer_text(out, before);
    nip__duration_write_short(out, duration);
    nip__buffer_text(out, after);
}

static void put_condition(nip__buffer *out, const char *name, const nip__condition *condition)
{
    if (!condition->present)
        return;
    nip__buffer_printf(out, "      %s:", name);
    if (condition->observe.count > 0) {
        put_duration(out, " every ", condition->interval, "");
        if (condition->successes > 1)
            nip__buffer_printf(out, ", %lld times in a row", (long long)condition->successes);
    }
    nip__buffer_char(out, '\n');
    put_calls(out, "  observe", &condition->observe);
    put_predicates(out, "  must be", &condition->that);
    put_predicates(out, "  fails if", &condition->fails);
}

static void put_failure(nip__buffer *out, const nip_plan *plan, const nip__step *step)
{
    const nip__steps *back = &plan->steps[NIP__BACK];
    if (step->list == NIP__BACK && step->on_failure != NIP__CONTINUE) {
        nip__buffer_text(out, "      if it fails here: the run is broken; a person must look\n");
        return;
    }
    nip__buffer_text(out, "      if it fails here: ");
    if (step->on_failure == NIP__CONTINUE)
        nip__buffer_text(out, "go on");
    else if (step->on_failure == NIP__PAUSE)
        nip__buffer_text(out, "pause, a person decides");
    else if (step->on_failure == NIP__STOP || step->entry < 0)
        nip__buffer_text(out, "stop, nothing was changed");
    for (size_t i = (size_t)step->entry; step->on_failure == NIP__GO_BACK && step->entry >= 0 && i < back->count; i++)
        nip__buffer_printf(out, "%s%s", i > (size_t)step->entry ? "; then " : "", back->list[i].title);
    nip__buffer_char(out, '\n');
}

static bool does_something(const nip__step *step)
{
    return step->actions.count > 0 || step->require.present || step->until.present;
}

static void put_times(nip__buffer *out, const nip__step *step)
{
    if (does_something(step)) {
        put_duration(out, "      at most ", step->deadline, "");
        if (step->retry_attempts > 1)
            nip__buffer_printf(out, ", %lld attempts at a failed action", (long long)step->retry_attempts);
        nip__buffer_char(out, '\n');
    }
    if (step->wait > 0)
        put_duration(out, "      stay for ", step->wait, "\n");
    if (step->approve != NULL)
        nip__buffer_printf(out, "      wait for a person: %s\n", step->approve);
}

static void put_step(nip__buffer *out, const nip_plan *plan, const nip__step *step)
{
    nip__buffer_printf(out, "%4zu. %s [%s]\n", step->index + 1, step->title, step->id);
    put_condition(out, "first", &step->require);
    put_calls(out, "do", &step->actions);
    put_condition(out, "until", &step->until);
    put_times(out, step);
    put_failure(out, plan, step);
}

static void put_guard(nip__buffer *out, const nip_plan *plan, const nip__guard *guard)
{
    const nip__step *steps = plan->steps[NIP__FORWARD].list;
    nip__buffer_printf(out, "  %s [%s]\n", guard->title, guard->id);
    nip__buffer_printf(out, "      steps %zu to %zu (%s to %s)", guard->from + 1, guard->to + 1, steps[guard->from].id, steps[guard->to].id);
    put_duration(out, ", every ", guard->interval, "");
    nip__buffer_printf(out, ", version %s, at least %lld samples\n", guard->version, (long long)guard->min_samples);
    nip__buffer_text(out, "      limits ");
    put_value(out, guard->limits);
    nip__buffer_printf(out, "; goes back after more than %lld failing verdicts", (long long)guard->failure_limit);
    if (guard->consecutive_failure_limit >= 0)
        nip__buffer_printf(out, " or more than %lld in a row", (long long)guard->consecutive_failure_limit);
    nip__buffer_text(out, "\n      without data: ");
    static const char *const policies[] = {"hold", "count as failing", "go on"};
    nip__buffer_text(out, policies[guard->on_no_data]);
    if (guard->on_no_data == NIP__ND_HOLD)
        put_duration(out, ", after ", guard->max_hold, " a person decides");
    nip__buffer_char(out, '\n');
}

static void put_warnings(nip__buffer *out, const nip_plan *plan)
{
    for (NIP__EACH(warning, nip__get(plan->root, "warnings"))) {
        if (nip__is(warning, NIP__STRING))
            nip__buffer_printf(out, "warning: %s\n", warning->as.string.text);
    }
}

int nip_plan_explain(const nip_plan *plan, char **text, nip_error **err)
{
    NIP_ARG(plan != NULL && text != NULL);
    nip__buffer out = NIP__BUFFER(nip__internal_limits.bytes);
    nip__buffer_printf(&out, "%s\n", plan->title);
    put_warnings(&out, plan);
    nip__buffer_text(&out, plan->steps[NIP__FORWARD].count > 0 ? "\nSteps\n" : "\nNothing to do.\n");
    for (size_t i = 0; i < plan->steps[NIP__FORWARD].count; i++)
        put_step(&out, plan, &plan->steps[NIP__FORWARD].list[i]);
    if (plan->guard_count > 0)
        nip__buffer_text(&out, "\nGuards\n");
    for (size_t i = 0; i < plan->guard_count; i++)
        put_guard(&out, plan, &plan->guards[i]);
    if (plan->steps[NIP__BACK].count > 0)
        nip__buffer_text(&out, "\nThe way back\n");
    for (size_t i = 0; i < plan->steps[NIP__BACK].count; i++)
        put_step(&out, plan, &plan->steps[NIP__BACK].list[i]);
    char *taken = nip__buffer_take(&out);
    nip__buffer_clear(&out);
    if (taken == NULL)
        return nip__nomem(err);
    *text = taken;
    return 0;
}
