/* From a normalized value to the structs that the machine walks. Shape was checked by the schema; sense is checked by plan_check.c. */
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "doc/json.h"
#include "plan/fields.h"

static int choice(const char *text, const char *const *names)
{
    for (int i = 0; names[i] != NULL; i++) {
        if (nip__text_equal(text, names[i]))
            return i;
    }
    return 0;
}

static void *array(nip_plan *plan, const nip__value *list, size_t element_size, size_t *count)
{
    *count = nip__count(list);
    void *items = nip__arena_alloc(plan->arena, *count * element_size + 1);
    if (items == NULL)
        *count = 0;
    return items;
}

static void read_call(nip__call *call, const nip__value *value)
{
    static const char *const classes[] = {"read", "declarative", "once", NULL};
    const char *verb_class = nip__get_text(value, "class");
    call->role = nip__get_text(value, "role");
    call->verb = nip__get_text(value, "verb");
    call->verb_class = verb_class != NULL ? choice(verb_class, classes) : nip__verb_class(call->role, call->verb);
    call->args = nip__get(value, "args");
    call->before = nip__get(value, "before");
}

static void read_calls(nip_plan *plan, nip__calls *calls, const nip__value *list)
{
    calls->list = array(plan, list, sizeof *calls->list, &calls->count);
    size_t i = 0;
    for (NIP__EACH(item, list)) {
        if (i < calls->count)
            read_call(&calls->list[i++], item);
    }
}

static void read_predicates(nip_plan *plan, nip__predicates *predicates, const nip__value *list)
{
    predicates->list = array(plan, list, sizeof *predicates->list, &predicates->count);
    size_t i = 0;
    for (NIP__EACH(item, list)) {
        if (i >= predicates->count)
            break;
        predicates->list[i++] = (nip__predicate){
            .of = (size_t)nip__get_int(item, "of", 0),
            .at = nip__get_text(item, "at"),
            .op = (nip__operator)choice(nip__get_text(item, "op"), nip__operator_names),
            .value = nip__get(item, "value"),
        };
    }
}

static void read_condition(nip_plan *plan, nip__condition *condition, const nip__value *value)
{
    condition->present = value != NULL;
    if (value == NULL)
        return;
    read_calls(plan, &condition->observe, nip__get(value, "observe"));
    read_predicates(plan, &condition->that, nip__get(value, "that"));
    read_predicates(plan, &condition->fails, nip__get(value, "fails"));
    condition->interval = nip__get_duration(value, "interval", 5 * NIP_SECOND);
    condition->successes = nip__get_int(value, "successes", 1);
}

/* What is neither null nor an index becomes an index that does not exist; plan_check.c reports it. */
static int64_t read_entry(const nip__value *back)
{
    if (back == NULL || back->kind == NIP__NULL)
        return -1;
    return nip__is(back, NIP__INT) && back->as.integer >= 0 ? back->as.integer : INT64_MAX;
}

static void read_step(nip_plan *plan, nip__step *step, const nip__value *value)
{
    static const char *const failures[] = {"back", "stop", "pause", "continue", NULL};
    const nip__value *retry = nip__get(value, "retry");
    step->id = nip__get_text(value, "id");
    step->title = nip__get_text(value, "title");
    read_calls(plan, &step->actions, nip__get(value, "actions"));
    read_condition(plan, &step->require, nip__get(value, "require"));
    read_condition(plan, &step->until, nip__get(value, "until"));
    step->wait = nip__get_duration(value, "wait", 0);
    step->approve = nip__get_text(value, "approve");
    step->deadline = nip__get_duration(value, "deadline", 10 * NIP_MINUTE);
    step->retry_attempts = retry != NULL ? nip__get_int(retry, "attempts", 3) : 1;
    step->retry_base = nip__get_duration(retry, "base", NIP_SECOND);
    step->retry_max = nip__get_duration(retry, "max", 30 * NIP_SECOND);
    step->on_failure = (nip__on_failure)choice(nip__get_text(value, "on_failure"), failures);
    step->entry = read_entry(nip__get(value, "back"));
    step->fresh_window = nip__get_bool(value, "fresh_window", false);
}

/* A step that names no entry has that of the step before it: what was begun there still has to be taken back. */
static void read_steps(nip_plan *plan, int which, const nip__value *list)
{
    nip__steps *steps = &plan->steps[which];
    steps->list = array(plan, list, sizeof *steps->list, &steps->count);
    size_t i = 0;
    int64_t entry = -1;
    for (NIP__EACH(item, list)) {
        if (i >= steps->count)
            break;
        nip__step *step = &steps->list[i];
        step->list = which;
        step->index = i++;
        read_step(plan, step, item);
        if (step->entry < 0)
            step->entry = entry;
        entry = step->entry;
    }
}

static int by_id(const void *a, const void *b)
{
    const nip__step *const *x = a, *const *y = b;
    return strcmp((*x)->id, (*y)->id);
}

static void index_steps(nip_plan *plan)
{
    plan->step_count = plan->steps[NIP__FORWARD].count + plan->steps[NIP__BACK].count;
    plan->by_id = nip__arena_alloc(plan->arena, plan->step_count * sizeof *plan->by_id + 1);
    if (plan->by_id == NULL)
        return;
    size_t n = 0;
    for (int list = NIP__FORWARD; list <= NIP__BACK; list++) {
        for (size_t i = 0; i < plan->steps[list].count; i++)
            plan->by_id[n++] = &plan->steps[list].list[i];
    }
    qsort(plan->by_id, n, sizeof *plan->by_id, by_id);
}

const nip__step *nip__plan_find(const nip_plan *plan, const char *id)
{
    nip__step wanted = {.id = id};
    const nip__step *key = &wanted;
    const nip__step *const *found = id == NULL ? NULL
        : bsearch(&key, plan->by_id, plan->step_count, sizeof *plan->by_id, by_id);
    return found != NULL ? *found : NULL;
}

/* A name that does not exist is left as an index that does not either; plan_check.c reports it. */
static size_t forward_index(const nip_plan *plan, const char *id)
{
    const nip__step *step = nip__plan_find(plan, id);
    return step != NULL && step->list == NIP__FORWARD ? step->index : SIZE_MAX;
}

static void read_guard(nip_plan *plan, nip__guard *guard, const nip__value *value)
{
    static const char *const no_data[] = {"hold", "fail", "pass", NULL};
    guard->id = nip__get_text(value, "id");
    guard->title = nip__get_text(value, "title");
    guard->version = nip__get_text(value, "version");
    read_call(&guard->action, nip__get(value, "action"));
    guard->from = forward_index(plan, nip__get_text(value, "from"));
    guard->to = forward_index(plan, nip__get_text(value, "to"));
    guard->interval = nip__get_duration(value, "interval", 30 * NIP_SECOND);
    guard->timeout = nip__get_duration(value, "timeout", 30 * NIP_SECOND);
    guard->settle = nip__get_duration(value, "settle", 0);
    guard->max_hold = nip__get_duration(value, "max_hold", 10 * NIP_MINUTE);
    guard->limits = nip__get(value, "limits");
    guard->min_samples = nip__get_int(value, "min_samples", 50);
    guard->alpha = nip__get_number(value, "alpha", 0.01);
    guard->failure_limit = nip__get_int(value, "failure_limit", 0);
    guard->consecutive_failure_limit = nip__get_int(value, "consecutive_failure_limit", -1);
    guard->on_no_data = choice(nip__get_text(value, "on_no_data"), no_data);
}

static void read_guards(nip_plan *plan, const nip__value *list)
{
    plan->guards = array(plan, list, sizeof *plan->guards, &plan->guard_count);
    size_t i = 0;
    for (NIP__EACH(item, list)) {
        if (i < plan->guard_count)
            read_guard(plan, &plan->guards[i++], item);
    }
}

static const nip__value *template_of(const nip__value *root, const char *key)
{
    const nip__value *value = nip__get(root, key);
    return nip__is(value, NIP__NULL) ? NULL : value;
}

static int check_version(const nip__value *root, const char *name, nip_error **err)
{
    if (nip__get_number(root, "v", 1) <= NIP_PLAN_FORMAT) /* other programs write whole numbers as 2.0, too */
        return 0;
    return nip__fail_at(err, NIP_E_VERSION, name, 0, 0, "/v",
                        "the plan's format is newer than %d, the newest that this library runs: use a newer libnipops", NIP_PLAN_FORMAT);
}

static int finish(nip_plan *plan, const char *name, nip__problems *problems, nip_error **err)
{
    if (problems->count == 0 && !nip__arena_failed(plan->arena))
        nip__plan_check(plan, name, problems);
    return nip__problems_finish(problems, NIP_E_DOCUMENT, err);
}

int nip__plan_read(nip_plan *plan, const nip__value *root, const char *name, nip_error **err)
{
    int rc = check_version(root, name, err);
    if (rc < 0)
        return rc;
    nip__problems problems = {0};
    const nip__value *normalized = nip__schema_adopt(plan->arena, nip__plan_fields, root, name, "", &problems);
    if (normalized == NULL || problems.count > 0) {
        rc = nip__problems_finish(&problems, NIP_E_DOCUMENT, err);
        return rc < 0 ? rc : nip__nomem(err);
    }
    plan->root = normalized;
    plan->subject = nip__get_text(normalized, "subject");
    plan->title = nip__get_text(normalized, "title");
    plan->seed = (uint64_t)nip__get_int(normalized, "seed", 0);
    plan->release = template_of(normalized, "release");
    plan->release_back = template_of(normalized, "release_back");
    plan->release_stopped = template_of(normalized, "release_stopped");
    read_steps(plan, NIP__FORWARD, nip__get(normalized, "steps"));
    read_steps(plan, NIP__BACK, nip__get(normalized, "back"));
    index_steps(plan);
    if (nip__arena_failed(plan->arena))
        return nip__nomem(err);
    read_guards(plan, nip__get(normalized, "guards"));
    const nip__value *drivers = nip__get(normalized, "drivers"); /* a plan for a host's own drivers names none */
    plan->drivers = nip__json_text(drivers != NULL ? drivers : nip__map(plan->arena));
    if (plan->drivers == NULL || nip__arena_failed(plan->arena))
        return nip__nomem(err);
    return finish(plan, name, &problems, err);
}
