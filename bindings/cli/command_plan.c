/* plan and check: reading only. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* ---- plan ---- */

/* An observed state from a file: itself, or the "observed" of a plan. */
static int read_observed(const char *file, char **observed)
{
    nip_error *err = NULL;
    nip_doc *doc = NULL;
    char *json = NULL;
    int rc = nip_doc_load_file(file, &doc, &err);
    if (rc == 0)
        rc = nip_doc_to_json(doc, &json, &err);
    nip_doc_free(doc);
    if (rc < 0)
        return fail_document(err);
    cJSON *root = json_parse(json);
    const cJSON *inner = json_at(root, "observed"), *state = cJSON_IsObject(inner) ? inner : root;
    int status = 0;
    if (cJSON_IsObject(json_at(state, "target/versions")))
        *observed = json_print(state);
    else
        status = bad_usage("%s: no observed state is in it: a plan that nipops plan FILE --out PLAN wrote has one", file);
    cJSON_Delete(root);
    nip_free(json);
    return status;
}

/* The app that a rollout document is about; owned: free. NULL when it names none: the planner says so. */
static char *app_of(const nip_doc *doc)
{
    char *json = NULL;
    if (nip_doc_to_json(doc, &json, NULL) < 0)
        return NULL;
    cJSON *root = json_parse(json);
    const char *app = cJSON_GetStringValue(json_at(rollout_of(root), "app"));
    char *copy = app == NULL ? NULL : copy_text(app);
    cJSON_Delete(root);
    nip_free(json);
    return copy;
}

static int check_kind(const nip_doc *doc, const char *file)
{
    if (strcmp(nip_doc_kind(doc), "rollout") != 0)
        return bad_usage("%s: this is a %s document; a rollout document (key \"rollout\") is wanted", file,
                         nip_doc_kind(doc));
    return 0;
}

int plan_check_rollout(const nip_doc *doc)
{
    nip_error *err = NULL;
    int status = check_kind(doc, "app of a train");
    return status == 0 && nip_doc_check(doc, &err) < 0 ? fail_document(err) : status;
}

int rollout_check(const nip_doc *doc, const char *file)
{
    int status = check_kind(doc, file);
    return status != 0 ? status : plan_check_rollout(doc);
}

int plan_from(cli_world *world, const nip_doc *doc, cli_planner *make, nip_drivers *drivers, nip_plan **plan)
{
    nip_error *err = NULL;
    char *app = app_of(doc), *release = NULL, *observed = NULL;
    bool from_file = world->given->observed != NULL;
    int status = app == NULL ? 0 : world_release(world, app, &release);
    if (status == 0 && from_file)
        status = read_observed(world->given->observed, &observed);
    else if (status == 0)
        status = world_observe(world, doc, release, drivers, &observed);
    if (status == 0 && make(doc, release, observed, plan, &err) < 0)
        status = fail(err);
    if (from_file)
        free(observed);
    else
        nip_free(observed);
    nip_free(release);
    free(app);
    return status;
}

/* Options that stand in place of what a document says are about one app. */
int plan_document(const cli_options *given, const char *file, nip_doc **doc)
{
    nip_error *err = NULL;
    if (!overrides_given(given))
        return nip_doc_load_file(file, doc, &err) < 0 ? fail_document(err) : 0;
    int status = world_document(given, file, doc);
    return status == 0 && train_is(*doc) ? bad_usage("%s: a train has several apps: change their documents instead of giving options", file) : status;
}

int plan_of_document(cli_world *world, const char *file, cli_planner *make, nip_drivers *drivers, nip_plan **plan)
{
    nip_doc *doc = NULL;
    int status = plan_document(world->given, file, &doc);
    bool train = status == 0 && make == nip_rollout_plan && train_is(doc);
    if (train)
        status = train_plan(world, doc, plan);
    else if (status == 0)
        status = rollout_check(doc, file);
    if (status == 0 && !train)
        status = plan_from(world, doc, make, drivers, plan);
    nip_doc_free(doc);
    return status;
}

static void print_text(const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        char *line = format_text("%.*s", (int)length, text);
        output_line(stdout, line, 0);
        free(line);
        text += length + (text[length] == '\n');
    }
}

static int explain(void *data, const nip_plan *plan)
{
    nip_error *err = NULL;
    char *text = NULL;
    (void)data;
    if (nip_plan_explain(plan, &text, &err) < 0)
        return fail(err);
    output_line(stdout, "", 0);
    print_text(text);
    nip_free(text);
    return 0;
}

/* When the windows open that the plan waits for, as of now. */
static void print_windows(const cli_world *world, const char *json)
{
    cJSON *plan = json_parse(json), *step, *action;
    cJSON_ArrayForEach(step, json_at(plan, "steps"))
    {
        cJSON_ArrayForEach(action, json_at(step, "actions"))
        {
            if (strcmp(json_text(action, "role", ""), "clock") != 0)
                continue;
            char *rules = json_print(json_at(action, "args")), *opens = window_text(rules, nip_ctx_now(world->ctx));
            char *line = format_text("Step %s waits for the window: " YELLOW "%s" PLAIN, json_text(step, "id", "?"), opens);
            output_line(stdout, line, 0);
            free(rules);
            free(opens);
            free(line);
        }
    }
    cJSON_Delete(plan);
}

int plan_show(const cli_world *world, const nip_plan *plan)
{
    const cli_options *given = world->given;
    nip_error *err = NULL;
    char *json = NULL, *text = NULL;
    int status = 0;
    int rc = nip_plan_to_json(plan, &json, &err);
    if (rc == 0 && given->out != NULL)
        status = output_write_file(given->out, json, "the plan", 0600);
    if (rc == 0 && given->json)
        print_json(json);
    else if (rc == 0 && (rc = nip_plan_explain(plan, &text, &err)) == 0)
        print_text(text);
    if (rc == 0 && status == 0 && !given->json)
        status = train_each_plan(plan, explain, NULL);
    if (text != NULL)
        print_windows(world, json);
    nip_free(json);
    nip_free(text);
    return rc < 0 ? fail(err) : status;
}

int command_plan(const cli_options *given)
{
    cli_world world;
    nip_error *err = NULL;
    nip_drivers *drivers = NULL;
    nip_plan *plan = NULL;
    signals_take();
    int status = world_open(given, WORLD_READ, &world);
    if (status == 0 && nip_drivers_new(&drivers, &err) < 0)
        status = fail(err);
    if (status == 0)
        status = plan_of_document(&world, given->arguments[0], nip_rollout_plan, drivers, &plan);
    if (status == 0)
        status = plan_show(&world, plan);
    nip_plan_free(plan);
    nip_drivers_free(drivers);
    world_close(&world);
    return status;
}

/* ---- check ---- */

static int warn_of_driver(nip_error *err)
{
    complain("%s: valid only for a program that brings this driver", nip_error_message(err));
    nip_error_free(err);
    return 0;
}

/* Settings are the drivers' to judge: they are opened as for an observation that is never begun, so nothing is asked. The
 * document of a program that brings a driver of its own is valid; it is that program's alone. */
int plan_check_drivers(const cli_options *given, const nip_doc *doc)
{
    cli_world world;
    nip_drivers *drivers = NULL;
    nip_op *op = NULL;
    nip_error *err = NULL;
    int status = world_open(given, WORLD_BARE, &world);
    if (status == 0 && (nip_drivers_new(&drivers, &err) < 0 || nip_op_observe(world.ctx, doc, NULL, drivers, &op, &err) < 0))
        status = nip_error_code(err) == NIP_E_NOTFOUND ? warn_of_driver(err) : fail_document(err);
    nip_op_free(op);
    nip_drivers_free(drivers);
    world_close(&world);
    return status;
}

static int check(const cli_options *given, const nip_doc *doc)
{
    nip_error *err = NULL;
    nip_plan *plan = NULL;
    int rc = strcmp(nip_doc_kind(doc), "plan") == 0 ? nip_plan_from_doc(doc, &plan, &err) : nip_doc_check(doc, &err);
    nip_plan_free(plan);
    if (rc < 0)
        return fail_document(err);
    return strcmp(nip_doc_kind(doc), "rollout") == 0 ? plan_check_drivers(given, doc) : 0;
}

int command_check(const cli_options *given)
{
    nip_doc *doc = NULL;
    int status = world_document(given, given->arguments[0], &doc);
    if (status == 0)
        status = train_is(doc) ? train_check(doc, given) : check(given, doc);
    if (status == 0 && given->json) {
        cJSON *result = need(cJSON_CreateObject());
        need(cJSON_AddNumberToObject(result, "v", 1));
        need(cJSON_AddStringToObject(result, "file", given->arguments[0]));
        need(cJSON_AddStringToObject(result, "kind", nip_doc_kind(doc)));
        need(cJSON_AddBoolToObject(result, "valid", true));
        print_json_value(result);
    } else if (status == 0) {
        char *line = format_text("%s: a valid %s document", given->arguments[0], nip_doc_kind(doc));
        output_line(stdout, line, 0);
        free(line);
    }
    nip_doc_free(doc);
    return status;
}
