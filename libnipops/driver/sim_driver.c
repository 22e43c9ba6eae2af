/* The driver "sim". Roles that name the same world within one context share it: the registry below is how they find
 * it. */
#include <pthread.h>

#include "base/ctx.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "driver/sim_task.h"

/* ---- named worlds ---- */

/* The one thing in here that outlives a driver: each role opens a driver of its own, and nothing else ties them
 * together. */
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static nip__sim *registry;

static nip__sim *find_world(const nip_ctx *ctx, const char *name)
{
    for (nip__sim *sim = registry; sim != NULL; sim = sim->registry_next) {
        if (sim->ctx == ctx && nip__text_equal(sim->name, name))
            return sim;
    }
    return NULL;
}

static int make_world(nip_ctx *ctx, const char *name, const nip__value *settings, nip__sim **sim, nip_error **err)
{
    nip__sim *made = NULL;
    int rc = nip__sim_new(settings, &made, err);
    if (rc < 0)
        return rc;
    made->name = nip__strdup(name);
    if (made->name == NULL) {
        nip__sim_free(made);
        return nip__nomem(err);
    }
    made->ctx = nip__ctx_hold(ctx);
    made->registry_next = registry;
    registry = made;
    *sim = made;
    return 0;
}

/* What each role says of the world holds for all, until the world has begun. */
static int merge_world(nip__sim *sim, const nip__value *settings, nip_error **err)
{
    nip__sim_settings merged;
    nip__sim_world made;
    int rc = nip__sim_settings_merge(sim->world.settings.tree, settings, &merged, err);
    if (rc < 0)
        return rc;
    bool same = nip__equal(merged.tree, sim->world.settings.tree);
    if (!same && sim->world.begun)
        rc = nip__fail(err, NIP_E_STATE, "driver sim: world %s has begun, its settings cannot change any more",
                       sim->name);
    else if (!same && !nip__sim_world_init(&made, &merged))
        rc = nip__nomem(err);
    else if (!same) {
        nip__random_seed(&sim->random, made.settings.seed ^ NIP__SIM_FAULT_SEED);
        nip__sim_world_clear(&sim->world);
        sim->world = made;
    }
    nip__sim_settings_clear(&merged);
    return rc;
}

static int join_world(nip__sim *sim, const nip__value *settings, nip_error **err)
{
    pthread_mutex_lock(&sim->lock);
    int rc = merge_world(sim, settings, err);
    pthread_mutex_unlock(&sim->lock);
    if (rc == 0)
        nip__sim_hold(sim);
    return rc;
}

static int enter_world(nip_ctx *ctx, const nip__value *settings, nip__sim **sim, nip_error **err)
{
    const char *name = nip__get_text(settings, "world");
    pthread_mutex_lock(&registry_lock);
    nip__sim *known = find_world(ctx, name != NULL ? name : "main");
    int rc = known != NULL ? join_world(known, settings, err)
                           : make_world(ctx, name != NULL ? name : "main", settings, &known, err);
    if (rc == 0)
        *sim = known;
    pthread_mutex_unlock(&registry_lock);
    return rc;
}

/* The last one to leave takes the world out of the registry. */
static void leave_world(nip__sim *sim)
{
    nip_ctx *ctx = NULL;
    pthread_mutex_lock(&registry_lock);
    if (sim->holds == 1) {
        nip__sim **link = &registry;
        while (*link != NULL && *link != sim)
            link = &(*link)->registry_next;
        if (*link != NULL)
            *link = sim->registry_next;
        ctx = sim->ctx;
    }
    nip__sim_free(sim);
    pthread_mutex_unlock(&registry_lock);
    nip_ctx_free(ctx);
}

/* ---- the vtable ---- */

typedef struct sim_driver {
    nip__sim *sim;
} sim_driver;

static int verb_class(void *self, const char *verb)
{
    (void)self;
    const nip__sim_verb *found = nip__sim_verb_find(NULL, verb);
    return found != NULL ? found->verb_class : NIP_E_UNSUPPORTED;
}

static int start(void *self, nip_action *action, nip_time now, nip_error **err)
{
    nip__sim *sim = ((sim_driver *)self)->sim;
    nip__sim_task *task = NULL;
    pthread_mutex_lock(&sim->lock);
    int rc = nip__sim_begin_task(sim, action, self, NULL, now, &task, err);
    if (rc == 0) {
        task->action = action;
        task->answers = 1; /* an action is completed once; a second answer would have nobody to go to */
    }
    pthread_mutex_unlock(&sim->lock);
    return rc;
}

static void cancel(void *self, nip_action *action)
{
    nip__sim *sim = ((sim_driver *)self)->sim;
    pthread_mutex_lock(&sim->lock);
    nip__sim_drop_action(sim, action);
    pthread_mutex_unlock(&sim->lock);
}

static nip_time wake(void *self)
{
    nip__sim *sim = ((sim_driver *)self)->sim;
    pthread_mutex_lock(&sim->lock);
    nip_time at = nip__sim_next(sim, self);
    pthread_mutex_unlock(&sim->lock);
    return at;
}

static int answer_due(nip__sim *sim, const sim_driver *driver, nip_error **err)
{
    int rc = 0;
    for (nip__sim_task *task; rc == 0 && (task = nip__sim_due_task(sim, driver)) != NULL;) {
        nip_action *action = task->action;
        const char *id, *outcome;
        nip__sim_answer(sim, driver, &id, &outcome);
        rc = nip_action_complete(action, outcome, err);
    }
    return rc;
}

static int dispatch(void *self, nip_time now, nip_error **err)
{
    nip__sim *sim = ((sim_driver *)self)->sim;
    pthread_mutex_lock(&sim->lock);
    int rc = nip__sim_advance(sim, now) ? answer_due(sim, self, err) : nip__nomem(err);
    pthread_mutex_unlock(&sim->lock);
    return rc;
}

static void destroy(void *self)
{
    sim_driver *driver = self;
    pthread_mutex_lock(&driver->sim->lock);
    nip__sim_drop(driver->sim, driver, NULL);
    pthread_mutex_unlock(&driver->sim->lock);
    leave_world(driver->sim);
    nip__free(driver);
}

static const nip_driver_vtable sim_vtable = {
    .size = sizeof sim_vtable,
    .verb_class = verb_class,
    .start = start,
    .cancel = cancel,
    .wake = wake,
    .dispatch = dispatch,
    .destroy = destroy,
};

/* Takes the caller's hold over on success. */
static int make_driver(nip__sim *sim, void **self, nip_error **err)
{
    sim_driver *driver = nip__calloc(1, sizeof *driver);
    if (driver == NULL)
        return nip__nomem(err);
    driver->sim = sim;
    *self = driver;
    return 0;
}

int nip__sim_driver(nip__sim *sim, nip_driver **driver, nip_error **err)
{
    void *self = NULL;
    int rc = make_driver(sim, &self, err);
    if (rc < 0)
        return rc;
    nip__sim_hold(sim);
    return nip_driver_new(&sim_vtable, self, driver, err);
}

static int open_driver(nip_ctx *ctx, const nip__value *settings, void **self, nip_error **err)
{
    nip__sim *sim = NULL;
    int rc = enter_world(ctx, settings, &sim, err);
    if (rc < 0)
        return rc;
    rc = make_driver(sim, self, err);
    if (rc < 0)
        leave_world(sim);
    return rc;
}

static const char *const capabilities[] = {"metrics.counters", "metrics.quantiles", NULL};

const nip__driver_kind nip__driver_sim = {
    .name = "sim",
    .fields = nip__sim_fields,
    .vtable = &sim_vtable,
    .open = open_driver,
    .capabilities = capabilities,
};
