/* What a schema cannot say of a plan: unique names, references that point to earlier steps, entries and ranges that exist. */
#include "plan/plan.h"

#include "base/text.h"
#include "nipops/store.h"
#include "plan/reference.h"

typedef struct checker {
    const nip_plan *plan;
    const char *name;
    nip__problems *problems;
    const nip__step *step; /* whose values are looked at; NULL: a release record */
    bool after_success, after_return; /* which release record it is */
    bool may_be_late;      /* references to the step's own require and act results are fine */
} checker;

static void problem(checker *c, const nip__value *where, const char *step, const char *what, const char *detail)
{
    nip__problems_add(c->problems, c->name, where != NULL ? (int)where->line : 0, where != NULL ? (int)where->column : 0, NULL,
                      "step %s: %s%s%s", step, what, detail != NULL ? " " : "", detail != NULL ? detail : "");
}

static const char *step_name(const checker *c)
{
    return c->step != NULL ? c->step->id : "(release record)";
}

static size_t results_of(const nip__step *step, nip__reference_of of)
{
    switch (of) {
    case NIP__OF_REQUIRE:
        return step->require.observe.count;
    case NIP__OF_UNTIL:
        return step->until.observe.count;
    default:
        return step->actions.count;
    }
}

/* A step may look at itself where the part it looks at is over: its require before it acts, its actions in `until`. */
static bool is_earlier(const checker *c, const nip__step *named, nip__reference_of of)
{
    if (c->step == NULL)
        return true;
    if (c->step->list != named->list)
        return c->step->list == NIP__BACK;
    if (named->index == c->step->index)
        return of == NIP__OF_REQUIRE || (of == NIP__OF_ACT && c->may_be_late);
    return named->index < c->step->index;
}

/* The way back may start before any step ran; a record is written whatever ran. Only what was certainly done needs no "else". */
static bool may_not_have_run(const checker *c, const nip__step *named)
{
    if (c->step != NULL)
        return c->step->list == NIP__BACK && named->list == NIP__FORWARD;
    bool certain = c->after_success || (c->after_return && named->entry < 0); /* the way back begins after all steps without an entry */
    return !certain || named->list == NIP__BACK || named->on_failure == NIP__CONTINUE;
}

static void check_reference(checker *c, const nip__value *reference)
{
    const char *from = nip__get_text(reference, "from");
    const nip__step *named = nip__plan_find(c->plan, from);
    nip__reference_of of = nip__reference_part(reference);
    if (named == NULL)
        problem(c, reference, step_name(c), "refers to a step that does not exist:", from);
    else if (!is_earlier(c, named, of))
        problem(c, reference, step_name(c), "refers to a step that has not run by then:", from);
    else if (nip__get_int(reference, "action", 0) < 0 || (size_t)nip__get_int(reference, "action", 0) >= results_of(named, of))
        problem(c, reference, step_name(c), "refers to an action that this step does not have:", from);
    else if (nip__get(reference, "else") == NULL && may_not_have_run(c, named))
        problem(c, reference, step_name(c), "needs an \"else\", since this step may not have run, or not to its end:", from);
}

static void check_value(checker *c, const nip__value *value)
{
    if (nip__is_reference(value))
        check_reference(c, value);
    if (!nip__is(value, NIP__MAP) && !nip__is(value, NIP__LIST))
        return;
    for (NIP__EACH(item, value))
        check_value(c, item);
}

static void check_calls(checker *c, const nip__calls *calls)
{
    for (size_t i = 0; i < calls->count; i++) {
        check_value(c, calls->list[i].args);
        check_value(c, calls->list[i].before);
    }
}

static void check_predicates(checker *c, const nip__predicates *predicates, size_t results)
{
    for (size_t i = 0; i < predicates->count; i++) {
        const nip__predicate *p = &predicates->list[i];
        if (p->of >= results)
            problem(c, p->value, step_name(c), "a predicate's \"of\" is beyond its observations", NULL);
        if (p->at[0] != '\0' && p->at[0] != '/')
            problem(c, p->value, step_name(c), "\"at\" must be a JSON pointer such as \"/healthy\", found", p->at);
        if (!nip__predicate_is_place(p->value))
            check_value(c, p->value);
    }
}

static void check_condition(checker *c, const nip__condition *condition, size_t act_results)
{
    size_t results = condition->observe.count > 0 ? condition->observe.count : act_results;
    check_calls(c, &condition->observe);
    check_predicates(c, &condition->that, results);
    check_predicates(c, &condition->fails, results);
}

static void check_observe(checker *c, const nip__condition *condition)
{
    for (size_t i = 0; i < condition->observe.count; i++) {
        if (condition->observe.list[i].verb_class != NIP_VERB_READ)
            problem(c, condition->observe.list[i].args, step_name(c), "may observe with read verbs only, found",
                    condition->observe.list[i].verb);
    }
}

static bool plain_id(const char *id)
{
    for (const char *p = id; *p != '\0'; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
        if (!letter && *p != '-' && *p != '_' && *p != '.')
            return false;
    }
    return id[0] != '\0';
}

static void check_step(checker *c, const nip__step *step)
{
    c->step = step;
    if (!plain_id(step->id))
        problem(c, NULL, step->id, "an id has letters, digits, '-', '_' and '.' only", NULL);
    c->may_be_late = false;
    check_condition(c, &step->require, 0);
    check_observe(c, &step->require);
    if (step->require.present && step->require.observe.count == 0)
        problem(c, NULL, step->id, "require needs something to observe", NULL);
    check_calls(c, &step->actions);
    c->may_be_late = true;
    check_condition(c, &step->until, step->actions.count);
    check_observe(c, &step->until);
    if (step->wait > 0 && step->approve != NULL)
        problem(c, NULL, step->id, "waits and asks at once: make two steps of it", NULL);
    if (step->list == NIP__FORWARD && step->entry >= (int64_t)c->plan->steps[NIP__BACK].count)
        problem(c, NULL, step->id, "\"back\" names an entry that does not exist", NULL);
}

static void check_unique(checker *c)
{
    for (size_t i = 1; i < c->plan->step_count; i++) {
        if (nip__text_equal(c->plan->by_id[i - 1]->id, c->plan->by_id[i]->id))
            problem(c, NULL, c->plan->by_id[i]->id, "this id is used twice", NULL);
    }
}

static void check_limits(checker *c, const nip__guard *guard)
{
    double rate = nip__get_number(guard->limits, "error_rate", 0);
    if (nip__count(guard->limits) == 0)
        problem(c, guard->limits, guard->id, "a guard needs at least one limit", NULL);
    if (rate < 0 || rate > 1)
        problem(c, guard->limits, guard->id, "the limit of error_rate is a ratio from 0 to 1", NULL);
}

static void check_guard(checker *c, const nip__guard *guard)
{
    if (guard->from > guard->to || guard->to >= c->plan->steps[NIP__FORWARD].count)
        problem(c, guard->limits, guard->id, "a guard's \"from\" and \"to\" must name forward steps in their order", NULL);
    else
        c->step = &c->plan->steps[NIP__FORWARD].list[guard->from];
    if (guard->action.verb_class != NIP_VERB_READ)
        problem(c, guard->limits, guard->id, "a guard's action must be a read verb", NULL);
    c->may_be_late = false;
    check_value(c, guard->action.args);
    check_limits(c, guard);
    for (const nip__guard *other = c->plan->guards; other < guard; other++) {
        if (nip__text_equal(other->id, guard->id))
            problem(c, guard->limits, guard->id, "two guards have this id", NULL);
    }
}

void nip__plan_check(const nip_plan *plan, const char *name, nip__problems *problems)
{
    checker c = {.plan = plan, .name = name, .problems = problems};
    if (!nip__text_subject(plan->subject))
        nip__problems_add(problems, name, 0, 0, "/subject",
                          "must be 1 to %d of A-Z a-z 0-9 . _ - and begin with a letter or digit, found \"%s\"", NIP_SUBJECT_MAX,
                          plan->subject);
    check_unique(&c);
    for (int list = NIP__FORWARD; list <= NIP__BACK; list++) {
        for (size_t i = 0; i < plan->steps[list].count; i++)
            check_step(&c, &plan->steps[list].list[i]);
    }
    for (size_t i = 0; i < plan->guard_count; i++)
        check_guard(&c, &plan->guards[i]);
    c.step = NULL;
    c.after_success = true;
    check_value(&c, plan->release);
    c.after_success = false;
    c.after_return = true;
    check_value(&c, plan->release_back);
    c.after_return = false;
    check_value(&c, plan->release_stopped);
}
