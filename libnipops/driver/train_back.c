/* The way back of an app whose run has succeeded: a rollback of its own, at once while the old version is held. */
#include "driver/train.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "doc/json.h"
#include "nipops/op.h"
#include "nipops/rollout.h"

const char *nip__train_app_before(const nip__train_app *app)
{
    return nip__get_text(nip__get(app->plan->release, "previous"), "version");
}

int nip__train_app_version(nip__train_app *app, nip__arena *arena, const char **version, nip_error **err)
{
    char *record = NULL;
    nip__value *release = NULL;
    int rc = nip_release_read(app->train->store, app->name, &record, err);
    if (rc == 0)
        rc = nip__json_read(arena, record, strlen(record), "release record", &nip__record_limits, &release, err);
    nip_free(record);
    if (rc == 0)
        *version = nip__get_text(release, "version");
    return rc;
}

static int observe(nip__train_app *app, nip_error **err)
{
    char *record = NULL;
    nip__train_app_let_go(app);
    int rc = nip_release_read(app->train->store, app->name, &record, err);
    if (rc == 0)
        rc = nip_drivers_new(&app->drivers, err);
    if (rc == 0)
        rc = nip_op_observe(app->train->ctx, NULL, record, app->drivers, &app->op, err);
    app->observing = rc == 0;
    if (rc == 0)
        rc = nip__train_app_watch(app, err);
    nip_free(record);
    if (rc < 0)
        nip__train_app_let_go(app);
    return rc;
}

static int begin(nip__train_app *app, nip_error **err)
{
    char *record = NULL;
    nip_plan *plan = NULL;
    nip_run *run = NULL;
    int rc = nip_release_read(app->train->store, app->name, &record, err);
    if (rc == 0)
        rc = nip_rollback_plan(record, app->observed, &plan, err);
    if (rc == 0)
        rc = nip_run_new(plan, app->train->store, nip__loop_now(app->train->loop), &run, err);
    nip_free(app->observed);
    app->observed = NULL;
    nip_plan_free(plan);
    nip_free(record);
    return rc < 0 ? rc : nip__train_app_drive(app, run, err);
}

/* A run after the app's own: a rollback that this train began, or that somebody else did. */
static int take_up(nip__train_app *app, const char *id, nip_error **err)
{
    nip_run *run = NULL;
    nip_error *refused = NULL;
    int rc = nip_run_resume(app->train->store, id, nip__loop_now(app->train->loop), &run, &refused);
    if (rc == NIP_E_HELD) {
        nip_error_free(refused);
        return 0;
    }
    nip__pass(err, refused);
    return rc < 0 ? rc : nip__train_app_drive(app, run, err);
}

static int plan_once(nip__train_task *task, const char *latest, nip_error **err)
{
    nip__train_app *app = task->app;
    if (app->observed != NULL)
        return begin(app, err);
    if (task->back_planned)
        return nip__fail(err, NIP_E_STATE, "%s still stands at its new version: %s did not take it back", app->name, latest);
    task->back_planned = true;
    return observe(app, err);
}

static int go_on(nip__train_task *task, const char *latest, bool over, nip_error **err)
{
    nip__train_app *app = task->app;
    const char *version = NULL;
    if (!over)
        return take_up(app, latest, err);
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    int rc = nip__train_app_version(app, arena, &version, err);
    if (rc == 0 && nip__text_equal(version, nip__train_app_before(app)) && version != NULL)
        rc = 1;
    else if (rc == 0 && nip__text_equal(version, nip__get_text(app->plan->release, "version")))
        rc = plan_once(task, latest, err);
    else if (rc == 0)
        rc = nip__fail(err, NIP_E_CONFLICT, "%s came after it, and stands at %.200s", latest, version != NULL ? version : "nothing");
    nip__arena_free(arena);
    return rc;
}

int nip__train_app_roll_back(nip__train_task *task, nip_error **err)
{
    nip__train_app *app = task->app;
    bool over = true;
    char *latest = NULL;
    if (app->op != NULL)
        return 0;
    if (app->trouble != NULL)
        return nip__fail(err, NIP_E_STATE, "%s cannot be taken back: %s", app->name, app->trouble);
    int rc = nip__run_latest(app->train->store, app->name, &over, &latest, err);
    if (rc == 0)
        rc = go_on(task, latest != NULL ? latest : app->id, over, err);
    nip__free(latest);
    return rc;
}
