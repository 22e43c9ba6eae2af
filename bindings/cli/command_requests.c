/* approve, reject, pause, promote, abort: what people say to a run, from any process. All are records of the journal; whoever drives the
 * run acts on them. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* What recording gave. `missing`: approvals of others that are still wanted. */
static void print_answer(const char *kind, const char *json)
{
    cJSON *answer = json_parse(json);
    const char *run = json_text(answer, "run", "?");
    double missing = json_number(answer, "missing", 0);
    char *more = missing > 0 ? format_text("; %.0f more wanted", missing) : copy_text("");
    char *line = format_text("%s: %s is recorded%s", run, kind, more);
    output_line(stdout, line, 0);
    free(line);
    free(more);
    if (cJSON_IsFalse(json_at(answer, "driven"))) {
        char *typed = hint("resume", run);
        complain("recorded, but nothing drives run %s: %s", run, typed);
        free(typed);
    }
    cJSON_Delete(answer);
}

/* Opens the store to write to it; it must be there. */
static int open_to_write(const cli_options *given, cli_world *world)
{
    nip_error *err = NULL;
    int status = world_open_existing(given, world);
    if (status != 0)
        return status;
    nip_store_free(world->store);
    world->store = NULL;
    return nip_store_open(world->ctx, world->store_url, &world->store, &err) < 0 ? fail(err) : 0;
}

typedef int ask_run(cli_world *world, const char *kind, char **json, nip_error **err);

static int request_run(cli_world *world, const char *kind, char **json, nip_error **err)
{
    const cli_options *given = world->given;
    return nip_run_request(world->store, given->arguments[0], kind, paths_person(given), given->reason, nip_ctx_now(world->ctx), json, err);
}

static int answer_gate(cli_world *world, const char *decision, char **json, nip_error **err)
{
    const cli_options *given = world->given;
    return nip_gate_answer(world->store, given->arguments[0], decision, paths_person(given), given->reason, nip_ctx_now(world->ctx), json, err);
}

/* A run asks anybody, by a question of its own, or people of a role, at a gate. */
static int approve_run(cli_world *world, const char *kind, char **json, nip_error **err)
{
    char *gate = NULL;
    int rc = nip_gate_read(world->store, world->given->arguments[0], &gate, err);
    if (rc < 0)
        return rc;
    cJSON *read = json_parse(gate);
    bool by_role = strcmp(json_text(read, "gate", ""), "approval") == 0;
    cJSON_Delete(read);
    nip_free(gate);
    return by_role ? answer_gate(world, kind, json, err) : request_run(world, kind, json, err);
}

static int say(const cli_options *given, const char *kind, ask_run *ask)
{
    cli_world world;
    char *json = NULL;
    nip_error *err = NULL;
    int status = open_to_write(given, &world);
    if (status == 0 && ask(&world, kind, &json, &err) < 0)
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
    return say(given, "approve", approve_run);
}

int command_reject(const cli_options *given)
{
    return say(given, "reject", answer_gate);
}

int command_override(const cli_options *given)
{
    if (given->reason == NULL)
        return bad_usage("an override is kept in the journal with its reason: --reason TEXT");
    return say(given, "override", answer_gate);
}

int command_pause(const cli_options *given)
{
    return say(given, "pause", request_run);
}

int command_promote(const cli_options *given)
{
    return say(given, "promote", request_run);
}

int command_abort(const cli_options *given)
{
    return say(given, "abort", request_run);
}
