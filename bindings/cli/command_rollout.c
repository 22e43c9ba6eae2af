/* rollout, adopt, rollback, ensure, retire, resume: each makes or finds a plan, and drives it. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* ---- what comes after a plan is there ---- */

/* Shows the plan, or drives it; frees both. */
static int carry_out(cli_world *world, nip_plan *plan, nip_drivers *drivers)
{
    int status;
    if (world->given->dry_run) {
        status = plan_show(world, plan);
        nip_drivers_free(drivers);
    } else {
        status = drive_plan(world, plan, drivers);
    }
    nip_plan_free(plan);
    return status;
}

static int begin(const cli_options *given, cli_world *world, nip_drivers **drivers)
{
    nip_error *err = NULL;
    *drivers = NULL;
    signals_take();
    int status = world_open(given, given->dry_run ? WORLD_READ : WORLD_WRITE, world);
    if (status == 0 && nip_drivers_new(drivers, &err) < 0)
        status = fail(err);
    return status;
}

/* ---- rollout ---- */

/* A rollout document for the drivers' settings of a plan whose app has no release yet. */
static int document_of_plan(const cJSON *root, nip_doc **doc)
{
    nip_error *err = NULL;
    const cJSON *rollout = json_at(root, "release/rollout");
    if (!cJSON_IsObject(rollout))
        return 0;
    cJSON *wrapped = need(cJSON_CreateObject());
    cJSON_AddItemToObject(wrapped, "rollout", need(cJSON_Duplicate(rollout, true)));
    char *json = json_print(wrapped);
    cJSON_Delete(wrapped);
    int rc = nip_doc_load_text(json, strlen(json), "the plan's rollout", doc, &err);
    free(json);
    return rc < 0 ? fail_document(err) : 0;
}

/* A plan that was written by hand may lack what a comparison needs: a state, and who tells how things stand now. */
static int check_comparable(const cli_world *world, const nip_plan *plan, const cJSON *observed, bool has_drivers)
{
    static const char way_out[] = "nipops plan FILE --out PLAN writes a plan that has it";
    const char *file = world->given->plan, *subject = nip_plan_subject(plan);
    int status = 0;
    if (!cJSON_IsObject(observed))
        status = bad_usage("%s: /observed: is missing in the plan of %s: the state that it was made from, which must still hold when it runs; %s",
                           file, subject, way_out);
    if (!has_drivers)
        status = bad_usage("%s: /release/rollout: is missing in the plan of %s, and %s has no release yet that would say it: the drivers "
                           "(target, router, metrics) that tell how things stand now; %s",
                           file, subject, subject, way_out);
    return status;
}

/* Things must stand as they did when the plan was made. */
static int compare(cli_world *world, const nip_plan *plan, nip_drivers *drivers)
{
    nip_error *err = NULL;
    nip_doc *doc = NULL;
    char *json = NULL, *release = NULL, *fresh = NULL;
    if (nip_plan_to_json(plan, &json, &err) < 0)
        return fail(err);
    cJSON *root = json_parse(json);
    int status = document_of_plan(root, &doc);
    if (status == 0)
        status = world_release(world, nip_plan_subject(plan), &release);
    if (status == 0)
        status = check_comparable(world, plan, json_at(root, "observed"), doc != NULL || release != NULL);
    if (status == 0)
        status = world_observe(world, doc, release, drivers, &fresh);
    if (status == 0) {
        char *planned = json_print(json_at(root, "observed"));
        if (nip_observed_compare(planned, fresh, &err) < 0)
            status = fail(err);
        free(planned);
    }
    nip_free(fresh);
    nip_free(release);
    nip_doc_free(doc);
    cJSON_Delete(root);
    nip_free(json);
    return status;
}

typedef struct comparison {
    cli_world *world;
    int apps;
} comparison;

static int compare_app(void *data, const nip_plan *plan)
{
    comparison *c = data;
    nip_error *err = NULL;
    nip_drivers *drivers = NULL;
    c->apps++;
    if (nip_drivers_new(&drivers, &err) < 0)
        return fail(err);
    int status = compare(c->world, plan, drivers);
    nip_drivers_free(drivers);
    return status;
}

/* A train's plan was made from what its apps' plans were made from. */
static int compare_all(cli_world *world, const nip_plan *plan, nip_drivers *drivers)
{
    comparison c = {.world = world};
    int status = train_each_plan(plan, compare_app, &c);
    return status != 0 || c.apps > 0 ? status : compare(world, plan, drivers);
}

static int read_plan(const char *file, nip_plan **plan)
{
    nip_error *err = NULL;
    nip_doc *doc = NULL;
    int rc = nip_doc_load_file(file, &doc, &err);
    if (rc == 0)
        rc = nip_plan_from_doc(doc, plan, &err);
    nip_doc_free(doc);
    return rc < 0 ? fail_document(err) : 0;
}

static int check_rollout_usage(const cli_options *given)
{
    if ((given->plan != NULL) == (given->count == 1))
        return bad_usage(
            "either a rollout document or --plan is wanted: nipops rollout FILE, or nipops rollout --plan FILE");
    if (given->plan != NULL && overrides_given(given))
        return bad_usage("--plan runs exactly that plan: give what overrides the document to nipops plan instead");
    return 0;
}

/* From the document to the end of its run. */
static int roll_out(cli_world *world, nip_drivers *drivers)
{
    nip_doc *doc = NULL;
    nip_plan *plan = NULL;
    const char *file = world->given->arguments[0];
    int status = plan_document(world->given, file, &doc);
    bool train = status == 0 && train_is(doc);
    if (train)
        status = train_plan(world, doc, &plan);
    else if (status == 0)
        status = rollout_check(doc, file);
    if (status == 0 && train)
        status = carry_out(world, plan, drivers);
    else if (status == 0)
        status = drive_rollout(world, doc, drivers);
    else
        nip_drivers_free(drivers);
    nip_doc_free(doc);
    return status;
}

int command_rollout(const cli_options *given)
{
    cli_world world;
    nip_drivers *drivers;
    nip_plan *plan = NULL;
    int status = check_rollout_usage(given);
    if (status != 0)
        return status;
    status = begin(given, &world, &drivers);
    if (status == 0 && given->plan == NULL && !given->dry_run && given->observed == NULL) {
        status = roll_out(&world, drivers);
        world_close(&world);
        return status;
    }
    if (status == 0 && given->plan != NULL) {
        status = read_plan(given->plan, &plan);
        if (status == 0 && !given->dry_run)
            status = compare_all(&world, plan, drivers);
    } else if (status == 0) {
        status = plan_of_document(&world, given->arguments[0], nip_rollout_plan, drivers, &plan);
    }
    if (status == 0) {
        status = carry_out(&world, plan, drivers);
    } else {
        nip_plan_free(plan);
        nip_drivers_free(drivers);
    }
    world_close(&world);
    return status;
}

/* ---- adopt ---- */

int command_adopt(const cli_options *given)
{
    cli_world world;
    nip_drivers *drivers;
    nip_plan *plan = NULL;
    int status = begin(given, &world, &drivers);
    if (status == 0)
        status = plan_of_document(&world, given->arguments[0], nip_adopt_plan, drivers, &plan);
    if (status == 0)
        status = carry_out(&world, plan, drivers);
    else
        nip_drivers_free(drivers);
    world_close(&world);
    return status;
}

/* ---- rollback, ensure, retire: from the release record ---- */

typedef int planner(const cli_world *world, const char *release, const char *observed, nip_plan **plan,
                    nip_error **err);

static int plan_rollback(const cli_world *world, const char *release, const char *observed, nip_plan **plan,
                         nip_error **err)
{
    (void)world;
    return nip_rollback_plan(release, observed, plan, err);
}

static int plan_ensure(const cli_world *world, const char *release, const char *observed, nip_plan **plan,
                       nip_error **err)
{
    (void)world;
    return nip_ensure_plan(release, observed, plan, err);
}

static int plan_retire(const cli_world *world, const char *release, const char *observed, nip_plan **plan,
                       nip_error **err)
{
    return nip_retire_plan(release, observed, nip_ctx_now(world->ctx), world->given->force, plan, err);
}

static int plan_from_release(cli_world *world, planner *make, nip_drivers *drivers, nip_plan **plan)
{
    const char *app = world->given->arguments[0];
    char *release = NULL, *observed = NULL;
    nip_error *err = NULL;
    int status = world_release(world, app, &release);
    if (status == 0 && release == NULL)
        status = bad_usage("%s: nothing was released under this name in %s; see: nipops list", app, world->store_url);
    if (status == 0)
        status = world_observe(world, NULL, release, drivers, &observed);
    if (status == 0 && make(world, release, observed, plan, &err) < 0)
        status = fail(err);
    nip_free(observed);
    nip_free(release);
    return status;
}

/* A plan without steps: everything is as it should be. */
static int print_nothing_to_do(const cli_options *given, const nip_plan *plan, const char *what)
{
    if (given->json) {
        cJSON *result = need(cJSON_CreateObject());
        need(cJSON_AddNumberToObject(result, "v", 1));
        need(cJSON_AddStringToObject(result, "subject", nip_plan_subject(plan)));
        need(cJSON_AddStringToObject(result, "state", "succeeded"));
        need(cJSON_AddStringToObject(result, "reason", "nothing_to_do"));
        print_json_value(result);
    } else {
        char *line = format_text("%s: %s", nip_plan_subject(plan), what);
        output_line(stdout, line, 0);
        free(line);
    }
    return EXIT_DONE;
}

static int run_release(const cli_options *given, planner *make, const char *nothing_to_do)
{
    cli_world world;
    nip_drivers *drivers;
    nip_plan *plan = NULL;
    int status = begin(given, &world, &drivers);
    if (status == 0)
        status = plan_from_release(&world, make, drivers, &plan);
    if (status == 0 && nip_plan_steps(plan) == 0)
        status = print_nothing_to_do(given, plan, nothing_to_do);
    else if (status == 0) {
        status = carry_out(&world, plan, drivers);
        plan = NULL;
        drivers = NULL;
    }
    nip_plan_free(plan);
    nip_drivers_free(drivers);
    world_close(&world);
    return status;
}

int command_rollback(const cli_options *given)
{
    return run_release(given, plan_rollback, "nothing to take back");
}

int command_ensure(const cli_options *given)
{
    return run_release(given, plan_ensure, "stands as it was released; nothing to do");
}

int command_retire(const cli_options *given)
{
    return run_release(given, plan_retire, "nothing is held beyond its time; --force retires what is still held");
}

/* ---- resume ---- */

static bool is_over(const char *state)
{
    return progress_exit_status(state) != EXIT_WAITING;
}

static bool is_listed(const cJSON *ids, const char *id)
{
    const cJSON *listed;
    cJSON_ArrayForEach(listed, ids)
    {
        if (strcmp(cJSON_GetStringValue(listed), id) == 0)
            return true;
    }
    return false;
}

/* Runs are listed newest first. */
static const char *latest_of(const cJSON *runs, const char *subject)
{
    const cJSON *run;
    cJSON_ArrayForEach(run, runs)
    {
        if (strcmp(json_text(run, "subject", ""), subject) == 0)
            return json_text(run, "run", "");
    }
    return "";
}

/* Runs that are over, but somebody is still to be told: the subject's latest run sees to it. */
static int add_untold(cli_world *world, const cJSON *runs, cJSON *ids)
{
    char *json = NULL;
    nip_error *err = NULL;
    if (nip_outbox_read(world->store, NULL, &json, &err) < 0)
        return fail(err);
    cJSON *deliveries = json_parse(json), *delivery;
    cJSON_ArrayForEach(delivery, deliveries)
    {
        const char *latest = latest_of(runs, json_text(delivery, "subject", ""));
        bool told = strcmp(json_text(delivery, "outcome", ""), "done") == 0 || cJSON_IsTrue(json_at(delivery, "given_up"));
        if (!told && !is_listed(ids, latest))
            cJSON_AddItemToArray(ids, need(cJSON_CreateString(latest)));
    }
    cJSON_Delete(deliveries);
    nip_free(json);
    return 0;
}

/* Ids of the runs to take up: the one named, or all that are not over. Owned list of strings. */
static int runs_to_resume(cli_world *world, cJSON **ids)
{
    const cli_options *given = world->given;
    *ids = need(cJSON_CreateArray());
    if (given->count == 1) {
        cJSON_AddItemToArray(*ids, need(cJSON_CreateString(given->arguments[0])));
        return 0;
    }
    char *json = NULL;
    nip_error *err = NULL;
    if (nip_run_list(world->store, NULL, &json, &err) < 0)
        return fail(err);
    cJSON *runs = json_parse(json), *run;
    cJSON_ArrayForEach(run, runs)
    {
        if (!is_over(json_text(run, "state", "")))
            cJSON_AddItemToArray(*ids, need(cJSON_CreateString(json_text(run, "run", ""))));
    }
    int status = given->all ? add_untold(world, runs, *ids) : 0;
    cJSON_Delete(runs);
    nip_free(json);
    if (status != 0)
        return status;
    if (cJSON_GetArraySize(*ids) > 1 && !given->all)
        return bad_usage("several runs are not over: name one (nipops list), or say --all");
    return 0;
}

static int resume_one(cli_world *world, const char *id, cli_session *session)
{
    nip_error *err = NULL;
    int rc = nip_drivers_new(&session->drivers, &err);
    if (rc == 0) /* the operation opens what the plan names, from the very text of the journal */
        rc = nip_run_resume(world->store, id, nip_ctx_now(world->ctx), &session->run, &err);
    return rc < 0 ? fail(err) : 0;
}

static int resume_all(cli_world *world, const cJSON *ids)
{
    size_t count = 0;
    int status = 0;
    const cJSON *id;
    cli_session *sessions = need(calloc((size_t)cJSON_GetArraySize(ids) + 1, sizeof *sessions));
    cJSON_ArrayForEach(id, ids)
    {
        cli_session *session = &sessions[count];
        int problem = resume_one(world, cJSON_GetStringValue(id), session);
        if (problem == 0) {
            count++;
            continue;
        }
        status = worse_status(status, problem);
        nip_run_free(session->run);
        nip_drivers_free(session->drivers);
        *session = (cli_session){0};
    }
    if (count > 0)
        status = worse_status(status, drive_all(world, sessions, count));
    free(sessions);
    return status;
}

int command_resume(const cli_options *given)
{
    cli_world world;
    cJSON *ids = NULL;
    if (given->count == 1 && given->all)
        return bad_usage("either a run or --all, not both");
    signals_take();
    int status = world_open(given, WORLD_WRITE, &world);
    if (status == 0)
        status = runs_to_resume(&world, &ids);
    if (status == 0 && cJSON_GetArraySize(ids) == 0) {
        if (given->json)
            print_json("[]");
        else if (!given->quiet || !given->all) /* a timer asks every minute */
            puts("every run is over; nothing to resume");
    } else if (status == 0) {
        status = resume_all(&world, ids);
    }
    cJSON_Delete(ids);
    world_close(&world);
    return status;
}
