/* Release trains: their plan from the apps' documents, and what their apps do while a train is driven. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

bool train_is(const nip_doc *doc)
{
    return strcmp(nip_doc_kind(doc), "train") == 0;
}

/* ---- checking: all problems of all files ---- */

static int check_app(const nip_doc *doc, int64_t index, bool inside, const cli_options *given)
{
    nip_error *err = NULL;
    nip_doc *app = NULL;
    if (nip_train_app(doc, index, &app, &err) < 0)
        return fail_document(err);
    int status = inside ? 0 : plan_check_rollout(app);
    if (status == 0 && given != NULL)
        status = plan_check_drivers(given, app);
    nip_doc_free(app);
    return status;
}

/* What is written inside the train's own document was checked with it: where that is not valid, its drivers are not asked. */
int train_check(const nip_doc *doc, const cli_options *given)
{
    nip_error *err = NULL;
    char *json = NULL;
    int status = nip_doc_check(doc, &err) < 0 ? fail_document(err) : 0;
    if (nip_doc_to_json(doc, &json, &err) < 0)
        return fail(err);
    cJSON *root = json_parse(json);
    const cJSON *apps = json_at(root, "train/apps"), *app;
    int64_t index = 0;
    bool valid = status == 0;
    cJSON_ArrayForEach(app, apps)
    {
        bool inside = json_at(app, "document") == NULL;
        int problem = !inside || valid ? check_app(doc, index, inside, given) : 0;
        status = status != 0 ? status : problem;
        index++;
    }
    cJSON_Delete(root);
    nip_free(json);
    return status;
}

/* ---- planning ---- */

/* The worlds and processes that the drivers know outlast planning: they are let go of when the command ends. */
static int plan_app(cli_world *world, const nip_doc *train, int64_t index, nip_plan **plan)
{
    nip_error *err = NULL;
    nip_doc *doc = NULL;
    nip_drivers *drivers = NULL;
    if (nip_drivers_new(&drivers, &err) < 0)
        return fail(err);
    world->kept = need(realloc(world->kept, (world->kept_count + 1) * sizeof(nip_drivers *)));
    world->kept[world->kept_count++] = drivers;
    int status = nip_train_app(train, index, &doc, &err) < 0 ? fail_document(err) : 0;
    if (status == 0)
        status = plan_check_rollout(doc);
    if (status == 0)
        status = plan_from(world, doc, nip_rollout_plan, drivers, plan);
    nip_doc_free(doc);
    return status;
}

static int add_plan(char **list, const nip_plan *plan)
{
    char *json = NULL;
    nip_error *err = NULL;
    if (nip_plan_to_json(plan, &json, &err) < 0)
        return fail(err);
    char *longer = format_text("%s%s%s", *list, strcmp(*list, "[") == 0 ? "" : ",", json);
    free(*list);
    *list = longer;
    nip_free(json);
    return 0;
}

int train_plan(cli_world *world, const nip_doc *doc, nip_plan **plan)
{
    nip_error *err = NULL;
    if (world->given->observed != NULL)
        return bad_usage("--observed is the state of one app: plan the apps of a train one by one with it");
    int status = train_check(doc, NULL);
    char *list = copy_text("[");
    for (int64_t i = 0; status == 0 && i < nip_train_apps(doc); i++) {
        nip_plan *app = NULL;
        status = plan_app(world, doc, i, &app);
        if (status == 0)
            status = add_plan(&list, app);
        nip_plan_free(app);
    }
    char *whole = format_text("%s]", list);
    if (status == 0 && nip_train_plan(doc, whole, plan, &err) < 0)
        status = fail_document(err);
    free(whole);
    free(list);
    return status;
}

/* ---- the apps' plans inside a train's ---- */

const cJSON *train_plans(const cJSON *plan)
{
    const cJSON *settings = json_at(plan, "drivers/app");
    return strcmp(json_text(settings, "driver", ""), "train") == 0 ? json_at(settings, "apps") : NULL;
}

int train_each_plan(const nip_plan *plan, int (*each)(void *data, const nip_plan *app), void *data)
{
    char *json = NULL;
    nip_error *err = NULL;
    int status = 0;
    if (nip_plan_to_json(plan, &json, &err) < 0)
        return fail(err);
    cJSON *root = json_parse(json);
    const cJSON *inner;
    cJSON_ArrayForEach(inner, train_plans(root))
    {
        char *text = json_print(inner);
        nip_plan *app = NULL;
        if (status == 0 && nip_plan_from_json(text, strlen(text), &app, &err) < 0)
            status = fail(err);
        if (status == 0)
            status = each(data, app);
        nip_plan_free(app);
        free(text);
    }
    cJSON_Delete(root);
    nip_free(json);
    return status;
}

/* ---- what the apps do ---- */

static char *subject_of(const char *run)
{
    const char *dash = strrchr(run, '-');
    return dash == NULL ? copy_text(run) : format_text("%.*s", (int)(dash - run), run);
}

static cli_train_app *find(cli_train *train, const char *run)
{
    cli_train_app *app = train->apps;
    while (app != NULL && strcmp(app->progress.run, run) != 0)
        app = app->next;
    return app;
}

void train_feed(cli_train *train, const cJSON *record)
{
    const char *run = json_text(json_at(record, "payload/result"), "run", NULL);
    if (run == NULL || strcmp(json_text(record, "kind", ""), "action.completed") != 0 || find(train, run) != NULL)
        return;
    cli_train_app *app = need(calloc(1, sizeof *app));
    progress_begin(&app->progress, run);
    app->subject = subject_of(run);
    app->next = train->apps;
    train->apps = app;
}

static void feed_old(void *data, const cli_progress *progress, const cJSON *record)
{
    (void)progress;
    train_feed(data, record);
}

int train_catch_up(cli_train *train, cli_world *world, cli_progress *progress, const char *subject)
{
    int status = progress_read(progress, world->store, subject, feed_old, train);
    for (cli_train_app *app = train->apps; app != NULL && status == 0; app = app->next)
        status = progress_read(&app->progress, world->store, app->subject, NULL, NULL);
    return status;
}

void train_show(cli_train *train, cli_world *world, void (*each)(void *data, const cli_progress *progress, const cJSON *record), void *data)
{
    for (cli_train_app *app = train->apps; app != NULL; app = app->next)
        progress_read(&app->progress, world->store, app->subject, each, data);
}

void train_end(cli_train *train)
{
    while (train->apps != NULL) {
        cli_train_app *gone = train->apps;
        train->apps = gone->next;
        progress_end(&gone->progress);
        free(gone->subject);
        free(gone);
    }
}
