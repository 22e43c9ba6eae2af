/* The driver "train": settings, actions in, nothing left behind at the end. */
#include "driver/train.h"

#include "base/ctx.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"

static const nip__field plan_item = {.type = NIP__T_ANY};
static const nip__field fields[] = {
    {.name = "driver", .type = NIP__T_TEXT, .help = "train"},
    {.name = "apps",
     .type = NIP__T_DICT,
     .flags = NIP__F_REQUIRED,
     .max = 100,
     .item = &plan_item,
     .help = "app: its plan. Written by whoever plans a train, not by hand"},
    {0},
};

/* ---- making ---- */

static void destroy(void *self)
{
    nip__train *train = self;
    for (nip__train_app *app = train->apps; app != NULL; app = app->next) {
        nip__train_app_let_go(app);
        nip_plan_free(app->plan);
        nip__free(app->id);
        nip__free(app->why);
        nip__free(app->foreign);
        nip__free(app->trouble);
    }
    nip_ctx_free(train->ctx);
    nip__arena_free(train->arena);
    nip__free(train);
}

static int read_plan(const nip__value *written, nip_plan **plan, nip_error **err)
{
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    int rc = nip__plan_from_value(arena, nip__copy(arena, written), "the plan of an app", plan, err);
    if (rc < 0)
        nip__arena_free(arena);
    return rc;
}

static int add_app(nip__train *train, nip__train_app ***end, const nip__value *written, nip_error **err)
{
    nip__train_app *app = nip__arena_alloc(train->arena, sizeof *app);
    if (app == NULL)
        return nip__nomem(err);
    *app = (nip__train_app){.train = train, .after = -1, .seen = -1};
    int rc = read_plan(written, &app->plan, err);
    if (rc < 0)
        return rc;
    app->name = app->plan->subject;
    **end = app;
    *end = &app->next;
    if (nip__text_equal(app->name, written->key))
        return 0;
    return nip__fail(err, NIP_E_DOCUMENT, "the plan of \"%.128s\" is one of \"%.128s\"", written->key, app->name);
}

static int open_driver(nip_ctx *ctx, const nip__value *settings, void **self, nip_error **err)
{
    nip__train *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    made->ctx = nip__ctx_hold(ctx);
    made->arena = nip__arena_new();
    int rc = made->arena == NULL ? nip__nomem(err) : 0;
    nip__train_app **end = &made->apps;
    for (NIP__EACH(app, nip__get(settings, "apps"))) {
        if (rc == 0)
            rc = add_app(made, &end, app, err);
    }
    if (rc < 0) {
        destroy(made);
        return rc;
    }
    *self = made;
    return 0;
}

/* ---- actions ---- */

static const struct nip__train_verb *find_verb(const char *name)
{
    for (size_t i = 0; i < nip__train_verbs_count; i++) {
        if (nip__text_equal(nip__train_verbs[i].name, name))
            return &nip__train_verbs[i];
    }
    return NULL;
}

static int verb_class(void *self, const char *name)
{
    (void)self;
    const struct nip__train_verb *verb = find_verb(name);
    return verb != NULL ? verb->verb_class : NIP_E_UNSUPPORTED;
}

static nip__train_app *find_app(const nip__train *train, const char *name)
{
    nip__train_app *app = train->apps;
    while (app != NULL && !nip__text_equal(app->name, name))
        app = app->next;
    return app;
}

/* Every action says what the first one looked at, so that whoever takes the train up knows which runs are its own. */
static void learn(const nip__train *train, const nip__value *args)
{
    const nip__value *looked = nip__get(args, "looked");
    for (nip__train_app *app = train->apps; app != NULL; app = app->next) {
        if (app->after >= 0)
            continue;
        app->after = nip__get_int(nip__get(looked, app->name), "sequence", -1);
        app->marked = nip__get_text(nip__get(looked, app->name), "by") != NULL;
    }
}

static int learn_run(nip__train *train, const nip_action *action, nip_error **err)
{
    if (train->run == NULL)
        train->run = nip__arena_text(train->arena, action->run);
    return train->run == NULL ? nip__nomem(err) : 0;
}

/* The way back is tried whatever went wrong before. */
static void forget_trouble(nip__train_app *app)
{
    nip__free(app->trouble);
    app->trouble = NULL;
}

static int start(void *self, nip_action *action, nip_time now, nip_error **err)
{
    (void)now;
    nip__train *train = self;
    const struct nip__train_verb *verb = find_verb(action->verb);
    const nip__value *args = nip__action_args_value(action);
    const char *name = nip__get_text(args, "app");
    if (train->loop == NULL || train->store == NULL)
        return nip__fail(err, NIP_E_STATE, "the driver \"train\" works only inside an operation that runs a plan");
    if (verb == NULL)
        return nip__fail(err, NIP_E_UNSUPPORTED, "the driver \"train\" has no verb \"%.64s\"", action->verb);
    nip__train_app *app = find_app(train, name);
    if (app == NULL && !nip__text_equal(verb->name, "observe"))
        return nip__fail(err, NIP_E_INVALID, "the train has no app \"%.128s\"", name != NULL ? name : "");
    int rc = learn_run(train, action, err);
    if (rc < 0)
        return rc;
    nip__train_task *task = nip__calloc(1, sizeof *task);
    if (task == NULL)
        return nip__nomem(err);
    rc = nip__train_work_soon(train, err);
    if (rc < 0) {
        nip__free(task);
        return rc;
    }
    learn(train, args);
    if (app != NULL && nip__text_equal(verb->name, "return"))
        forget_trouble(app);
    *task = (nip__train_task){.train = train, .action = action, .app = app, .judge = verb->judge};
    nip__train_task **end = &train->tasks;
    while (*end != NULL)
        end = &(*end)->next;
    *end = task;
    return 0;
}

static void cancel(void *self, nip_action *action)
{
    nip__train *train = self;
    for (nip__train_task **at = &train->tasks; *at != NULL; at = &(*at)->next) {
        nip__train_task *task = *at;
        if (task->action != action)
            continue;
        *at = task->next;
        nip__free(task);
        return;
    }
}

/* ---- the operation that drives us ---- */

static void let_go(nip__train *train)
{
    while (train->tasks != NULL)
        cancel(train, train->tasks->action);
    for (nip__train_app *app = train->apps; app != NULL; app = app->next)
        nip__train_app_let_go(app);
    nip__timer_stop(&train->work);
    nip__timer_stop(&train->look);
    if (train->holds)
        nip__loop_let_go(train->loop);
    train->holds = false;
}

static void attach(void *self, struct nip__loop *loop)
{
    nip__train *train = self;
    if (loop == NULL && train->loop != NULL)
        let_go(train);
    train->loop = loop;
}

/* The store goes before the loop does, and the apps' runs are in it. */
static void lend(void *self, nip_store *store)
{
    nip__train *train = self;
    if (store == NULL && train->loop != NULL)
        let_go(train);
    train->store = store;
}

static const nip_driver_vtable vtable = {
    .size = sizeof(nip_driver_vtable),
    .verb_class = verb_class,
    .start = start,
    .cancel = cancel,
    .destroy = destroy,
};
static const nip__driver_services services = {.attach = attach, .lend = lend};

const nip__driver_kind nip__driver_train = {
    .name = "train",
    .fields = fields,
    .vtable = &vtable,
    .services = &services,
    .open = open_driver,
};
