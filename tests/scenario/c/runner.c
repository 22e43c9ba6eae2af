/* Runs one scenario: runner SCENARIO STATE-FOLDER [--resume]..., one --resume for each process that died before. tests/scenario/README.md describes the form. */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cJSON *read_scenario(const char *path)
{
    nip_doc *doc = NULL;
    nip_error *err = NULL;
    char *json = NULL;
    if (nip_doc_load_file(path, &doc, &err) < 0 || nip_doc_to_json(doc, &json, &err) < 0)
        die("cannot read the scenario", nip_error_message(err));
    cJSON *tree = cJSON_Parse(json);
    nip_free(json);
    nip_doc_free(doc);
    return tree;
}

static const cJSON *run_with_crashes(const cJSON *scenario)
{
    const cJSON *command;
    cJSON_ArrayForEach(command, cJSON_GetObjectItemCaseSensitive(scenario, "do"))
    {
        const cJSON *said = cJSON_GetObjectItemCaseSensitive(command, "run");
        if (has_crashes(said))
            return said;
    }
    die("nothing in this scenario crashes", NULL);
    return NULL;
}

/* Where the clock stands when this process begins: a process that takes up what another one left does so at a stated instant. */
static nip_time first_instant(runner *r)
{
    if (nip_time_parse(text_of(r->scenario, "clock"), &r->start, NULL) < 0)
        die("clock must be an instant", NULL);
    if (r->crashes == 0)
        return r->start;
    const cJSON *crashes = cJSON_GetObjectItemCaseSensitive(run_with_crashes(r->scenario), "crashes");
    return r->start + duration_of(cJSON_GetArrayItem(crashes, r->crashes - 1), "resume");
}

static int open_context(runner *r, nip_error **err)
{
    char value[128];
    char *clock = nip_time_format(first_instant(r));
    const cJSON *seed = cJSON_GetObjectItemCaseSensitive(r->scenario, "seed");
    int rc = nip_ctx_new(&r->ctx, err);
    snprintf(value, sizeof value, "virtual:%s", clock);
    nip_free(clock);
    if (rc == 0)
        rc = nip_ctx_set(r->ctx, "clock", value, err);
    snprintf(value, sizeof value, "%d", seed != NULL ? seed->valueint : 1);
    if (rc == 0)
        rc = nip_ctx_set(r->ctx, "seed", value, err);
    return rc;
}

static int open_all(runner *r, const char *folder, nip_error **err)
{
    char url[4096];
    const char *store = text_of(r->scenario, "store");
    bool on_disk = store != NULL && strcmp(store, "sqlite") == 0;
    snprintf(url, sizeof url, on_disk ? "sqlite:%s/store.db" : "memory:", folder);
    int rc = open_context(r, err);
    if (rc == 0)
        rc = nip_store_open(r->ctx, url, &r->store, err);
    if (rc == 0)
        rc = nip_drivers_new(&r->drivers, err);
    if (rc == 0)
        print_instant("clock", nip_ctx_now(r->ctx));
    return rc;
}

static void close_all(runner *r)
{
    nip_plan_free(r->plan);
    nip_drivers_free(r->drivers);
    nip_store_free(r->store);
    nip_ctx_free(r->ctx);
    free(r->release);
    free(r->observed);
}

/* A process that takes up what another one left begins where that one died. */
static void run_scenario(runner *r)
{
    const cJSON *command;
    bool passed = false;
    cJSON_ArrayForEach(command, cJSON_GetObjectItemCaseSensitive(r->scenario, "do"))
    {
        passed = passed || r->crashes == 0 || has_crashes(cJSON_GetObjectItemCaseSensitive(command, "run"));
        if (passed)
            run_command(r, command);
    }
    if (text_of(r->scenario, "subject") != NULL) {
        puts("== end");
        report_subject(r, text_of(r->scenario, "subject"));
    }
}

int main(int argc, char **argv)
{
    nip_error *err = NULL;
    print_to(stdout);
    if (argc < 3)
        die("usage: runner SCENARIO STATE-FOLDER [--resume]...", NULL);
    cJSON *scenario = read_scenario(argv[1]);
    runner r = {.scenario = scenario, .crashes = argc - 3};
    if (open_all(&r, argv[2], &err) < 0)
        die("cannot begin", nip_error_message(err));
    run_scenario(&r);
    close_all(&r);
    cJSON_Delete(scenario);
    return 0;
}
