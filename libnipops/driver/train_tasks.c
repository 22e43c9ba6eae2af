/* What the actions of a train wait for. Each is judged whenever an app's run has moved, and every 250 ms for what others drive. */
#include "driver/train.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "nipops/store.h"

#define LOOK_EVERY (250 * NIP_MILLISECOND)

void nip__train_write(nip__buffer *text, const nip__train *train)
{
    for (const nip__train_app *app = train->apps; app != NULL; app = app->next) {
        if (app != train->apps)
            nip__buffer_text(text, "; ");
        nip__train_app_write(text, app);
    }
}

/* ---- answers ---- */

static int fail_with(nip__train_task *task, const char *reason, int retryable, const char *what)
{
    nip__buffer all = NIP__BUFFER(65536);
    nip__train_write(&all, task->train);
    nip__action_failed(task->action, reason, retryable, NULL, "%.600s. %.1400s", what, nip__buffer_string(&all));
    nip__buffer_clear(&all);
    return 1;
}

static int fail(nip__train_task *task, int rc, const nip_error *error)
{
    const char *reason = rc == NIP_E_NOMEM ? "no_memory" : rc == NIP_E_CONFLICT || rc == NIP_E_HELD ? "foreign" : "internal";
    return fail_with(task, reason, nip_error_retryable(error), nip_error_message(error));
}

static void put_standing(nip__arena *arena, nip__value *result, const nip__train_app *app)
{
    nip__put_text(arena, result, "run", app->id);
    nip__put_text(arena, result, "version", nip__get_text(app->plan->release, "version"));
}

static int answer(nip__train_task *task, const char *settled, const char *message)
{
    nip__arena *arena = nip__arena_new();
    nip__value *result = nip__map(arena);
    if (result != NULL)
        put_standing(arena, result, task->app);
    if (arena == NULL || nip__arena_failed(arena))
        nip__action_failed(task->action, "no_memory", 1, NULL, "out of memory");
    else if (task->action->settles)
        nip__action_settled(task->action, settled, result, message);
    else
        nip__action_done(task->action, result);
    nip__arena_free(arena);
    return 1;
}

static int done(nip__train_task *task)
{
    return answer(task, "in_force", NULL);
}

/* The first app that is no longer on its way forward, or NULL. */
static const nip__train_app *gone_back(const nip__train *train)
{
    const nip__train_app *app = train->apps;
    while (app != NULL && app->stand < NIP__GOING_BACK && app->foreign == NULL && app->trouble == NULL)
        app = app->next;
    return app;
}

static int fail_for(nip__train_task *task, const nip__train_app *gone)
{
    nip__buffer what = NIP__BUFFER(4096);
    const char *reason = gone->foreign != NULL ? "foreign" : gone->trouble != NULL ? "internal" : "unhealthy";
    nip__train_app_write(&what, gone);
    int rc = task->action->settles ? answer(task, "foreign", nip__buffer_string(&what))
                                   : fail_with(task, reason, 0, nip__buffer_string(&what));
    nip__buffer_clear(&what);
    return rc;
}

/* ---- observe ---- */

static void note_problem(nip__arena *arena, nip__value *problems, const char *text)
{
    nip__push_text(arena, problems, text);
}

static int find_problem(nip__train_app *app, nip__arena *arena, nip__value *problems, nip_error **err)
{
    bool over = true, held = false;
    char *latest = NULL;
    const char *version = NULL, *before = nip__train_app_before(app);
    int rc = nip__run_latest(app->train->store, app->name, &over, &latest, err);
    if (rc == 0)
        rc = nip__lease_held(app->train->store, app->name, &held, err);
    if (rc == 0)
        rc = nip__train_app_version(app, arena, &version, err);
    if (rc == 0 && !over)
        note_problem(arena, problems, nip__arena_printf(arena, "run %s of %s is not over: resume it, or ask it to abort and resume it", latest, app->name));
    else if (rc == 0 && held)
        note_problem(arena, problems, nip__arena_printf(arena, "another process drives %s", app->name));
    else if (rc == 0 && (version == NULL) != (before == NULL))
        note_problem(arena, problems, nip__arena_printf(arena, "%s stands at %.200s, its plan was made for %.200s: plan again", app->name,
                                                        version != NULL ? version : "nothing", before != NULL ? before : "nothing"));
    else if (rc == 0 && version != NULL && !nip__text_equal(version, before))
        note_problem(arena, problems, nip__arena_printf(arena, "%s stands at %.200s, its plan was made for %.200s: plan again", app->name, version, before));
    nip__free(latest);
    return rc;
}

static int look_at(nip__train_app *app, nip__arena *arena, nip__value *apps, nip__value *problems, nip_error **err)
{
    int64_t head = 0;
    nip__value *seen = nip__map(arena);
    int rc = nip__store_head(app->train->store, app->name, &head, err);
    nip__put_int(arena, seen, "sequence", head);
    nip__put_text(arena, seen, "by", app->train->run);
    nip__put(arena, apps, app->name, seen);
    return rc < 0 ? rc : find_problem(app, arena, problems, err);
}

static int judge_observe(nip__train_task *task, nip_error **err)
{
    nip__train *train = task->train;
    nip__arena *arena = nip__arena_new();
    nip__value *result = nip__map(arena), *apps = nip__map(arena), *problems = nip__list(arena);
    int rc = arena == NULL ? nip__nomem(err) : 0;
    for (nip__train_app *app = train->apps; app != NULL && rc == 0; app = app->next)
        rc = look_at(app, arena, apps, problems, err);
    nip__put_bool(arena, result, "ready", nip__count(problems) == 0);
    nip__put(arena, result, "apps", apps);
    nip__put(arena, result, "problems", problems);
    if (rc == 0 && nip__arena_failed(arena))
        rc = nip__nomem(err);
    if (rc == 0)
        nip__action_done(task->action, result);
    nip__arena_free(arena);
    return rc < 0 ? rc : 1;
}

/* ---- start, await, finish ---- */

static int begin(nip__train_task *task, nip_error **err)
{
    nip__arena *arena = nip__arena_new();
    nip__value *problems = nip__list(arena);
    int rc = problems == NULL ? nip__nomem(err) : find_problem(task->app, arena, problems, err);
    if (rc == 0 && nip__count(problems) > 0)
        rc = nip__fail(err, NIP_E_CONFLICT, "%s", nip__first(problems)->as.string.text);
    nip__arena_free(arena);
    if (rc == 0)
        rc = nip__train_app_begin(task->app, err);
    return rc < 0 ? rc : done(task);
}

/* 1: it is asked. 0: it stands otherwise meanwhile, so there is nothing to ask: the next look tells. */
static int ask(nip__train_task *task, const char *kind, const char *why, nip_error **err)
{
    nip_error *refused = NULL;
    int rc = nip__train_app_ask(task->app, kind, task->action, why, &refused);
    if (rc == NIP_E_STATE) {
        nip_error_free(refused);
        return 0;
    }
    nip__pass(err, refused);
    return rc < 0 ? rc : 1;
}

static int judge_start(nip__train_task *task, nip_error **err)
{
    const nip__train_app *app = task->app;
    if (app->foreign != NULL)
        return fail_for(task, app);
    if (app->id != NULL)
        return done(task);
    return task->action->settles ? answer(task, "not_yet", NULL) : begin(task, err);
}

static int judge_await(nip__train_task *task, nip_error **err)
{
    (void)err;
    const nip__train_app *app = task->app, *gone = gone_back(app->train);
    const char *until = nip__get_text(nip__action_args_value(task->action), "until");
    bool proven = nip__text_equal(until, "proven");
    if (gone != NULL)
        return fail_for(task, gone);
    if (app->stand == NIP__DONE || (proven && (app->stand == NIP__PROVEN || app->stand == NIP__FINISHING)))
        return done(task);
    return 0;
}

static bool one_is_held(const nip__train *train)
{
    const nip__train_app *app = train->apps;
    while (app != NULL && app->stand != NIP__HELD)
        app = app->next;
    return app != NULL;
}

/* While somebody holds an app none gives its old version up. */
static int judge_finish(nip__train_task *task, nip_error **err)
{
    nip__train_app *app = task->app;
    const nip__train_app *gone = gone_back(app->train);
    if (gone != NULL)
        return fail_for(task, gone);
    if (app->stand == NIP__FINISHING || app->stand == NIP__DONE)
        return done(task);
    if (task->action->settles)
        return answer(task, "not_yet", NULL);
    if (one_is_held(app->train))
        return 0;
    if (app->stand != NIP__PROVEN)
        return fail_with(task, "internal", 0, "it is not proven");
    int rc = ask(task, "approve", "all apps of the train are proven", err);
    return rc == 1 ? done(task) : rc;
}

/* ---- return ---- */

static int turn_back(nip__train_task *task, nip_error **err)
{
    nip__train_app *app = task->app;
    int rc = ask(task, "abort", "the train goes back", err);
    if (rc == 1)
        app->stand = NIP__GOING_BACK;
    return rc < 0 ? rc : 0;
}

/* A journal that cannot be read tells nothing. */
static bool is_back(const nip__train_app *app)
{
    return (app->stand == NIP__NOT_BEGUN && app->trouble == NULL) || app->stand == NIP__BACK_AGAIN;
}

static int settle_return(nip__train_task *task, nip_error **err)
{
    nip__train_app *app = task->app;
    if (app->stand != NIP__DONE)
        return is_back(app) ? done(task) : answer(task, "not_yet", NULL);
    nip__arena *arena = nip__arena_new();
    const char *version = NULL;
    int rc = arena == NULL ? nip__nomem(err) : nip__train_app_version(app, arena, &version, err);
    if (rc == 0 && version != NULL && nip__text_equal(version, nip__train_app_before(app)))
        rc = done(task);
    else if (rc == 0 && version != NULL && !nip__text_equal(version, nip__get_text(app->plan->release, "version")))
        rc = answer(task, "foreign", "a later run released something else");
    else if (rc == 0)
        rc = answer(task, "not_yet", NULL);
    nip__arena_free(arena);
    return rc;
}

static int fail_stuck(nip__train_task *task)
{
    const nip__train_app *app = task->app;
    nip__buffer what = NIP__BUFFER(4096);
    nip__buffer_printf(&what, "%s is broken: put it right (abort %s tries its way back again), then abort %s", app->id, app->id, task->action->run);
    int rc = fail_with(task, "unhealthy", 0, nip__buffer_string(&what));
    nip__buffer_clear(&what);
    return rc;
}

static int judge_return(nip__train_task *task, nip_error **err)
{
    nip__train_app *app = task->app;
    if (task->action->settles)
        return settle_return(task, err);
    if (is_back(app))
        return done(task);
    if (app->stand == NIP__STUCK)
        return fail_stuck(task);
    if (app->trouble != NULL)
        return fail_with(task, "internal", 0, "it cannot be taken back from here");
    if (app->stand == NIP__GOING_BACK)
        return 0;
    if (app->stand != NIP__DONE)
        return turn_back(task, err);
    int rc = nip__train_app_roll_back(task, err);
    return rc == 1 ? done(task) : rc;
}

const struct nip__train_verb nip__train_verbs[] = {
    {"observe", NIP_VERB_READ, judge_observe},        {"start", NIP_VERB_DECLARATIVE, judge_start},
    {"await", NIP_VERB_READ, judge_await},            {"finish", NIP_VERB_DECLARATIVE, judge_finish},
    {"return", NIP_VERB_DECLARATIVE, judge_return},
};
const size_t nip__train_verbs_count = sizeof nip__train_verbs / sizeof nip__train_verbs[0];

/* ---- all of them ---- */

/* A store that cannot be read now is read again at the next look. */
static void look_at_all(nip__train *train)
{
    for (nip__train_app *app = train->apps; app != NULL; app = app->next) {
        nip_error *error = NULL;
        if (nip__train_app_look(app, &error) < 0 && nip_error_code(error) == NIP_E_CORRUPT)
            nip__set_text(&app->trouble, nip_error_message(error), NULL);
        nip_error_free(error);
    }
}

/* Does anything go on in this process that ends the waiting? */
static bool goes_on(const nip__train *train)
{
    for (const nip__train_app *app = train->apps; app != NULL; app = app->next) {
        if (nip__train_app_is_driven(app))
            return true;
    }
    return false;
}

static void wait_for_more(nip__train *train)
{
    bool waits = train->tasks != NULL && !goes_on(train);
    if (waits != train->holds)
        waits ? nip__loop_hold(train->loop) : nip__loop_let_go(train->loop);
    train->holds = waits;
    if (train->tasks != NULL && train->look.loop == NULL)
        nip__timer_set_real(train->loop, &train->look, LOOK_EVERY, nip__train_work, train, NULL);
}

/* "Not begun" and "not gone back" are conclusions too: the way to them leads through every app's journal. */
static bool can_be_judged(const nip__train_task *task)
{
    if (task->app == NULL)
        return true;
    const nip__train_app *app = task->train->apps;
    while (app != NULL && (app->looked || app->trouble != NULL))
        app = app->next;
    return app == NULL;
}

static bool judge(nip__train_task *task)
{
    if (!can_be_judged(task))
        return false;
    nip_error *error = NULL;
    int rc = task->judge(task, &error);
    if (rc < 0)
        rc = fail(task, rc, error);
    nip_error_free(error);
    return rc == 1;
}

void nip__train_work(void *data)
{
    nip__train *train = data;
    look_at_all(train);
    for (nip__train_task **at = &train->tasks; *at != NULL;) {
        nip__train_task *task = *at;
        if (!judge(task)) {
            at = &task->next;
            continue;
        }
        *at = task->next;
        nip__free(task);
    }
    wait_for_more(train);
}

int nip__train_work_soon(nip__train *train, nip_error **err)
{
    bool set = train->work.loop != NULL;
    return set ? 0 : nip__timer_set(train->loop, &train->work, nip__loop_now(train->loop), nip__train_work, train, err);
}
