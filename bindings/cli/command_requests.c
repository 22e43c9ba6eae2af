/* approve, pause, promote, abort: requests to a run, from any process. They are records of the journal; whoever drives
 * the run acts on them. */
#include "cli.h"

#include <stdlib.h>

static void print_answer(const char *kind, const char *json)
{
    cJSON *answer = json_parse(json);
    const char *run = json_text(answer, "run", "?");
    char *line = format_text("%s: %s is recorded", run, kind);
    output_line(stdout, line, 0);
    free(line);
    if (cJSON_IsFalse(json_at(answer, "driven"))) {
        char *typed = hint("resume", run);
        complain("recorded, but nothing drives run %s: %s", run, typed);
        free(typed);
    }
    cJSON_Delete(answer);
}

static int request(const cli_options *given, const char *kind)
{
    cli_world world;
    char *json = NULL;
    nip_error *err = NULL;
    int status = world_open_existing(given, &world);
    if (status == 0) {
        nip_store_free(world.store);
        world.store = NULL;
        if (nip_store_open(world.ctx, world.store_url, &world.store, &err) < 0)
            status = fail(err);
    }
    if (status == 0 && nip_run_request(world.store, given->arguments[0], kind, paths_person(given), given->reason,
                                       nip_ctx_now(world.ctx), &json, &err) < 0)
        status = fail(err);
    if (status == 0 && given->json)
        print_json(json);
    else if (status == 0)
        print_answer(kind, json);
    nip_free(json);
    world_close(&world);
    return status;
}

int command_approve(const cli_options *given)
{
    return request(given, "approve");
}

int command_pause(const cli_options *given)
{
    return request(given, "pause");
}

int command_promote(const cli_options *given)
{
    return request(given, "promote");
}

int command_abort(const cli_options *given)
{
    return request(given, "abort");
}
