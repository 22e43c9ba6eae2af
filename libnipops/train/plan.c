/* Planning a train: the apps' plans and their order in, one plan out. */
#include "nipops/train.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "doc/json.h"
#include "plan/plan.h"
#include "train/document.h"

#define PATIENCE (8760 * NIP_HOUR) /* a year, the longest deadline of a step: an app's own plan says when it is too late */

typedef struct member {
    const nip__value *written; /* its place in the document */
    const nip__value *plan;
    const char *name;
    int64_t wave; /* those of one wave go at the same time; -1: not placed yet */
} member;

typedef struct planning {
    nip__arena *arena;
    const nip__value *train;
    const char *file, *name;
    member *members;
    size_t count;
    int64_t waves;
    bool barrier;
    nip__value *steps, *back, *warnings;
} planning;

/* ---- who comes when ---- */

static member *find(const planning *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++) {
        if (nip__text_equal(p->members[i].name, name))
            return &p->members[i];
    }
    return NULL;
}

static void problem(const planning *p, nip__problems *problems, const nip__value *where, const char *before, const char *name,
                    const char *after)
{
    nip__problems_add(problems, p->file, (int)where->line, (int)where->column, "/train/apps", "%s \"%.128s\"%s", before, name, after);
}

static void check_names(const planning *p, nip__problems *problems)
{
    for (size_t i = 0; i < p->count; i++) {
        const member *m = &p->members[i];
        if (find(p, m->name) != m)
            problem(p, problems, m->written, "the app", m->name, " is in the train twice");
        if (nip__text_equal(m->name, p->name))
            problem(p, problems, m->written, "the app", m->name, " has the name of the train: each needs a journal of its own");
        for (NIP__EACH(before, nip__get(m->written, "after"))) {
            if (find(p, before->as.string.text) == NULL)
                problem(p, problems, before, "after: no app of the train is called", before->as.string.text, "");
        }
    }
}

static bool is_ready(const planning *p, const member *m)
{
    for (NIP__EACH(before, nip__get(m->written, "after"))) {
        const member *other = find(p, before->as.string.text);
        if (other == NULL || other->wave < 0 || other->wave == p->waves)
            return false;
    }
    return m->wave < 0;
}

/* Those that may go next: all of them, or the first. Returns how many. */
static size_t place_wave(planning *p, bool parallel)
{
    size_t placed = 0;
    for (size_t i = 0; i < p->count && (parallel || placed == 0); i++) {
        if (is_ready(p, &p->members[i])) {
            p->members[i].wave = p->waves;
            placed++;
        }
    }
    p->waves += placed > 0;
    return placed;
}

static void place_all(planning *p, nip__problems *problems)
{
    size_t left = p->count, placed;
    while ((placed = place_wave(p, nip__get_bool(p->train, "parallel", false))) > 0)
        left -= placed;
    for (size_t i = 0; i < p->count && left > 0; i++) {
        if (p->members[i].wave < 0) {
            problem(p, problems, p->members[i].written, "the app", p->members[i].name, " comes after itself: its `after` goes in a circle");
            break;
        }
    }
}

/* ---- steps ---- */

static nip__value *step(const planning *p, nip__value *list, const char *id, const char *title)
{
    nip__value *made = nip__map(p->arena);
    nip__put_text(p->arena, made, "id", id);
    nip__put_text(p->arena, made, "title", title);
    nip__put(p->arena, made, "actions", nip__list(p->arena));
    nip__put_duration(p->arena, made, "deadline", PATIENCE);
    return nip__push(list, made);
}

/* What `look` found tells, after a crash too, which of an app's runs is the train's own: the first one after it. */
static void act(const planning *p, nip__value *to, const member *m, const char *verb, const char *verb_class, const char *until)
{
    nip__arena *arena = p->arena;
    nip__value *call = nip__map(arena), *args = nip__map(arena), *looked = nip__map(arena);
    nip__put_text(arena, looked, "from", "look");
    nip__put_text(arena, looked, "at", "/apps");
    if (nip__get(to, "back") == NULL) /* a step of the way back must have something in its place */
        nip__put(arena, looked, "else", nip__map(arena));
    nip__put_text(arena, args, "app", m->name);
    nip__put_text(arena, args, "until", until);
    nip__put(arena, args, "looked", looked);
    nip__put_text(arena, call, "role", "app");
    nip__put_text(arena, call, "verb", verb);
    nip__put(arena, call, "args", args);
    nip__put_text(arena, call, "class", verb_class);
    nip__push((nip__value *)(uintptr_t)nip__get(to, "actions"), call);
}

static void add_look(const planning *p)
{
    nip__arena *arena = p->arena;
    nip__value *made = step(p, p->steps, "look", "check that every app stands as it was planned from, and that nobody else changes it");
    nip__value *call = nip__map(arena), *until = nip__map(arena), *that = nip__list(arena), *ready = nip__map(arena);
    nip__put_text(arena, call, "role", "app");
    nip__put_text(arena, call, "verb", "observe");
    nip__put(arena, call, "args", nip__map(arena));
    nip__put_text(arena, call, "class", "read");
    nip__push((nip__value *)(uintptr_t)nip__get(made, "actions"), call);
    nip__put_text(arena, ready, "at", "/ready");
    nip__put_text(arena, ready, "op", "==");
    nip__put(arena, ready, "value", nip__bool(arena, true));
    nip__push(that, ready);
    nip__put(arena, until, "that", that);
    nip__put(arena, made, "until", until);
    nip__put_text(arena, made, "on_failure", "stop");
}

static const char *title_of(const member *m)
{
    const char *title = nip__get_text(m->plan, "title");
    return title != NULL ? title : m->name;
}

static const char *wave_title(const planning *p, int64_t wave)
{
    nip__buffer text = NIP__BUFFER(8192);
    for (size_t i = 0; i < p->count; i++) {
        if (p->members[i].wave == wave)
            nip__buffer_printf(&text, "%s%s", text.length > 0 ? "; " : "", title_of(&p->members[i]));
    }
    const char *title = nip__arena_printf(p->arena, "%.4000s%s", nip__buffer_string(&text), p->barrier ? ": up to the barrier" : "");
    nip__buffer_clear(&text);
    return title;
}

static const char *wave_id(const planning *p, const char *verb, int64_t wave)
{
    const member *only = NULL;
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (p->members[i].wave != wave)
            continue;
        only = &p->members[i];
        count++;
    }
    return count == 1 ? nip__arena_printf(p->arena, "%s-%s", verb, only->name)
                      : nip__arena_printf(p->arena, "%s-wave.%lld", verb, (long long)wave + 1);
}

static void add_retry(const planning *p, nip__value *made)
{
    nip__value *retry = nip__map(p->arena);
    nip__put_int(p->arena, retry, "attempts", 3);
    nip__put_duration(p->arena, retry, "base", NIP_SECOND);
    nip__put_duration(p->arena, retry, "max", 10 * NIP_SECOND);
    nip__put(p->arena, made, "retry", retry);
}

static void add_wave(const planning *p, int64_t wave)
{
    nip__value *made = step(p, p->steps, wave_id(p, p->barrier ? "reach" : "release", wave), wave_title(p, wave));
    nip__put_int(p->arena, made, "back", 0);
    add_retry(p, made);
    for (size_t i = 0; i < p->count; i++) {
        if (p->members[i].wave != wave)
            continue;
        act(p, made, &p->members[i], "start", "declarative", NULL);
        act(p, made, &p->members[i], "await", "read", p->barrier ? "proven" : "succeeded");
    }
}

static void add_finish(const planning *p, const member *m)
{
    nip__value *made = step(p, p->steps, nip__arena_printf(p->arena, "finish-%s", m->name),
                            nip__arena_printf(p->arena, "let %s go on to its end", m->name));
    nip__put_int(p->arena, made, "back", 0);
    add_retry(p, made);
    act(p, made, m, "finish", "declarative", NULL);
    act(p, made, m, "await", "read", "succeeded");
}

/* The last one first: nothing loses what it was released on top of. */
static void add_return(const planning *p, const member *m)
{
    nip__value *made = step(p, p->back, nip__arena_printf(p->arena, "return-%s", m->name),
                            nip__arena_printf(p->arena, "take %s back, as far as it has come", m->name));
    add_retry(p, made);
    act(p, made, m, "return", "declarative", NULL);
}

static void add_steps(const planning *p)
{
    add_look(p);
    for (int64_t wave = 0; wave < p->waves; wave++)
        add_wave(p, wave);
    for (int64_t wave = 0; wave < p->waves; wave++) {
        for (size_t i = 0; i < p->count; i++) {
            if (p->barrier && p->members[i].wave == wave)
                add_finish(p, &p->members[i]);
        }
    }
    for (int64_t wave = p->waves; wave-- > 0;) {
        for (size_t i = p->count; i-- > 0;) {
            if (p->members[i].wave == wave)
                add_return(p, &p->members[i]);
        }
    }
}

/* ---- what a person should know ---- */

static bool has_step(const nip__value *plan, const char *id)
{
    for (NIP__EACH(item, nip__get(plan, "steps"))) {
        if (nip__text_equal(nip__get_text(item, "id"), id))
            return nip__get_text(item, "approve") != NULL;
    }
    return false;
}

static void warn(const planning *p, const member *m, const char *text)
{
    nip__push_text(p->arena, p->warnings, nip__arena_printf(p->arena, "%s: %s", m->name, text));
}

static void add_warnings(const planning *p, const member *m)
{
    const nip__value *release = nip__get(m->plan, "release"), *rollout = nip__get(release, "rollout");
    for (NIP__EACH(text, nip__get(m->plan, "warnings"))) {
        if (nip__is(text, NIP__STRING))
            warn(p, m, text->as.string.text);
    }
    bool first = nip__get(nip__get(release, "previous"), "version") == NULL;
    if (first)
        warn(p, m, "its first release: once it has ended there is nothing to take it back to");
    else if (nip__text_equal(nip__get_text(rollout, "strategy"), "rolling"))
        warn(p, m, "a rolling update stops old instances before the barrier: taking it back starts them anew");
}

/* ---- the whole ---- */

static int64_t seed_of(const planning *p)
{
    uint64_t seed = 0;
    for (size_t i = 0; i < p->count; i++)
        seed = (seed << 7 | seed >> 57) ^ (uint64_t)nip__get_int(p->members[i].plan, "seed", 0);
    return (int64_t)(seed >> 11);
}

static nip__value *drivers_of(const planning *p)
{
    nip__value *drivers = nip__map(p->arena), *settings = nip__map(p->arena), *apps = nip__map(p->arena);
    for (size_t i = 0; i < p->count; i++)
        nip__put(p->arena, apps, p->members[i].name, nip__share(p->arena, p->members[i].plan));
    nip__put_text(p->arena, settings, "driver", "train");
    nip__put(p->arena, settings, "apps", apps);
    nip__put(p->arena, drivers, "app", settings);
    return drivers;
}

static const char *train_title(const planning *p)
{
    nip__buffer text = NIP__BUFFER(8192);
    for (size_t i = 0; i < p->count; i++)
        nip__buffer_printf(&text, "%s%s %s", i > 0 ? ", " : "", p->members[i].name,
                           nip__get_text(nip__get(p->members[i].plan, "release"), "version"));
    const char *title = nip__arena_printf(p->arena, "release train %s: %.2000s", p->name, nip__buffer_string(&text));
    nip__buffer_clear(&text);
    return title;
}

static nip__value *root_of(const planning *p)
{
    nip__arena *arena = p->arena;
    nip__value *root = nip__map(arena);
    nip__put_int(arena, root, "v", NIP_PLAN_FORMAT);
    nip__put_text(arena, root, "kind", "plan");
    nip__put_text(arena, root, "subject", p->name);
    nip__put_text(arena, root, "title", train_title(p));
    nip__put_int(arena, root, "seed", seed_of(p));
    nip__put(arena, root, "drivers", drivers_of(p));
    if (nip__count(p->warnings) > 0)
        nip__put(arena, root, "warnings", p->warnings);
    nip__put(arena, root, "steps", p->steps);
    nip__put(arena, root, "back", p->back);
    return root;
}

/* A plan that cannot be run is refused now, not when its turn comes. */
static int check_plan(const planning *p, const nip__value *plan, nip_error **err)
{
    nip__arena *arena = nip__arena_new();
    nip_plan *checked = NULL;
    if (arena == NULL)
        return nip__nomem(err);
    int rc = nip__plan_from_value(arena, nip__copy(arena, plan), "plans", &checked, err);
    if (rc < 0)
        nip__arena_free(arena);
    nip_plan_free(checked);
    if (rc == 0 && (nip__get_text(nip__get(plan, "release"), "version") == NULL))
        rc = nip__fail(err, NIP_E_STATE, "the plan of %s is no rollout: it releases nothing", nip__get_text(plan, "subject"));
    if (rc == 0 && p->barrier && !has_step(plan, NIP__TRAIN_BARRIER))
        rc = nip__fail(err, NIP_E_STATE, "the plan of %s does not wait at the barrier: make it from the document that nip_train_app gives "
                       "(a change of replicas alone has no barrier: scale the app by itself)",
                       nip__get_text(plan, "subject"));
    return rc;
}

static int take_plans(planning *p, const nip__value *plans, nip_error **err)
{
    const nip__value *apps = nip__get(p->train, "apps"), *app = nip__first(apps);
    p->count = nip__count(apps);
    if (!nip__is(plans, NIP__LIST) || nip__count(plans) != p->count)
        return nip__fail(err, NIP_E_INVALID, "a list of %zu plans is wanted, one for each app of the train, found %zu", p->count,
                         nip__is(plans, NIP__LIST) ? nip__count(plans) : 0);
    p->members = nip__arena_alloc(p->arena, p->count * sizeof *p->members);
    if (p->members == NULL)
        return nip__nomem(err);
    size_t i = 0;
    for (NIP__EACH(plan, plans)) {
        int rc = check_plan(p, plan, err);
        if (rc < 0)
            return rc;
        p->members[i++] = (member){.written = app, .plan = plan, .name = nip__get_text(plan, "subject"), .wave = -1};
        app = app->next;
    }
    return 0;
}

static int order(planning *p, nip_error **err)
{
    nip__problems problems = {0};
    check_names(p, &problems);
    if (problems.count == 0)
        place_all(p, &problems);
    return nip__problems_finish(&problems, NIP_E_DOCUMENT, err);
}

static int plan_train(nip__arena *arena, const nip_doc *doc, const char *text, nip_plan **plan, nip_error **err)
{
    planning p = {.arena = arena, .file = nip__doc_file(doc), .steps = nip__list(arena), .back = nip__list(arena),
                  .warnings = nip__list(arena)};
    nip__value *normalized = NULL, *plans = NULL;
    int rc = nip__doc_normalize(arena, doc, &nip__doc_train, &normalized, err);
    if (rc == 0)
        rc = nip__json_read(arena, text, strlen(text), "plans", &nip__document_limits, &plans, err);
    if (rc < 0)
        return rc;
    p.train = nip__get(normalized, "train");
    p.name = nip__get_text(p.train, "name");
    p.barrier = nip__get_bool(p.train, "barrier", true);
    rc = take_plans(&p, plans, err);
    if (rc == 0)
        rc = order(&p, err);
    if (rc < 0)
        return rc;
    add_steps(&p);
    for (size_t i = 0; i < p.count; i++)
        add_warnings(&p, &p.members[i]);
    nip__value *root = root_of(&p);
    return nip__arena_failed(arena) ? nip__nomem(err) : nip__plan_from_value(arena, root, "plan", plan, err);
}

int nip_train_plan(const nip_doc *doc, const char *plans, nip_plan **plan, nip_error **err)
{
    NIP_ARG(doc != NULL && plans != NULL && plan != NULL);
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    int rc = plan_train(arena, doc, plans, plan, err);
    if (rc < 0)
        nip__arena_free(arena);
    return rc;
}
