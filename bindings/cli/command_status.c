/* status and list: what runs there are, and how they stand. */
#include "cli.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_SHOWN = 20, LOOK_MS = 500 };

/* ---- status ---- */

/* Deliveries without those that were made. */
static cJSON *untold_of(const char *outbox)
{
    cJSON *deliveries = json_parse(outbox);
    for (int i = cJSON_GetArraySize(deliveries); i-- > 0;) {
        if (strcmp(json_text(cJSON_GetArrayItem(deliveries, i), "outcome", ""), "done") == 0)
            cJSON_DeleteItemFromArray(deliveries, i);
    }
    return deliveries;
}

/* Its status, who waits behind it, and who was not told of the app's ends. */
static int print_status_json(cli_world *world, const nip_run *run, cJSON *list)
{
    char *json = NULL, *queue = NULL, *outbox = NULL;
    nip_error *err = NULL;
    int rc = nip_run_status(run, nip_ctx_now(world->ctx), &json, &err);
    if (rc == 0)
        rc = nip_queue_read(world->store, nip_run_subject(run), &queue, &err);
    if (rc == 0)
        rc = nip_outbox_read(world->store, nip_run_subject(run), &outbox, &err);
    if (rc < 0) {
        nip_free(json);
        nip_free(queue);
        return fail(err);
    }
    cJSON *status = json_parse(json);
    cJSON_AddItemToObject(status, "queue", json_parse(queue));
    cJSON_AddItemToObject(status, "untold", untold_of(outbox));
    nip_free(outbox);
    if (list != NULL)
        cJSON_AddItemToArray(list, status);
    else
        print_json_value(status);
    nip_free(json);
    nip_free(queue);
    return 0;
}

/* Who drives it, or how to go on. */
static void print_holder(cli_world *world, const cli_progress *progress, const char *subject)
{
    char *json = NULL;
    if (progress->over || nip_lease_read(world->store, subject, &json, NULL) < 0)
        return;
    cJSON *lease = json_parse(json);
    const cJSON *alive = json_at(lease, "alive"), *holder = json_at(lease, "holder");
    char *typed = hint("resume", progress->run);
    char *line;
    if (cJSON_IsTrue(alive))
        line = format_text("  driven   by process %.0f of this machine", json_number(holder, "pid", 0));
    else if (cJSON_IsObject(holder) && cJSON_IsNull(alive))
        line = format_text("  driven   perhaps, on another machine; if not: %s", typed);
    else
        line = format_text("  driven   " YELLOW "by nobody" PLAIN ": %s", typed);
    output_line(stdout, line, 0);
    free(line);
    free(typed);
    cJSON_Delete(lease);
    nip_free(json);
}

static void print_answers(const cJSON *gate)
{
    const cJSON *answer;
    cJSON_ArrayForEach(answer, json_at(gate, "answers"))
    {
        const char *why = json_text(answer, "why", "");
        char *line = format_text("  answer   %s: %s%s%s  " DIM "%.19sZ" PLAIN, json_text(answer, "who", "?"), json_text(answer, "decision", "?"),
                                 why[0] == '\0' ? "" : ": ", why, json_text(answer, "at", "?"));
        output_line(stdout, line, 0);
        free(line);
    }
    double missing = json_number(gate, "missing", 0);
    if (missing > 0) {
        char *line = format_text("  missing  " YELLOW "%.0f approval%s" PLAIN " by %s", missing, missing == 1 ? "" : "s", json_text(gate, "role", "?"));
        output_line(stdout, line, 0);
        free(line);
    }
}

/* What people of a role have said so far. */
static void print_gate(cli_world *world, const cli_progress *progress)
{
    char *json = NULL;
    if (progress->gate == NULL || nip_gate_read(world->store, progress->run, &json, NULL) < 0)
        return;
    cJSON *gate = json_parse(json);
    print_answers(gate);
    cJSON_Delete(gate);
    nip_free(json);
}

/* Who waits for the app's turn. */
static void print_queue(cli_world *world, const char *subject)
{
    char *json = NULL;
    if (nip_queue_read(world->store, subject, &json, NULL) < 0)
        return;
    cJSON *queue = json_parse(json), *entry;
    cJSON_ArrayForEach(entry, queue)
    {
        char *line = format_text("  queued   %s by %s (%s)  " DIM "%.19sZ" PLAIN "%s", json_text(entry, "version", "?"),
                                 json_text(entry, "who", "?"), json_text(entry, "policy", "?"), json_text(entry, "at", "?"),
                                 cJSON_IsTrue(json_at(entry, "alive")) ? "" : "; whether it still waits cannot be seen from here");
        output_line(stdout, line, 0);
        free(line);
    }
    cJSON_Delete(queue);
    nip_free(json);
}

static int print_status(cli_world *world, const nip_run *run)
{
    cli_progress progress;
    progress_begin(&progress, nip_run_id(run));
    int status = progress_read(&progress, world->store, nip_run_subject(run), NULL, NULL);
    if (!progress.over)
        progress.now = nip_ctx_now(world->ctx);
    if (status == 0) {
        view_print(stdout, &progress, STEPS_SHOWN);
        view_print_stands(stdout, &progress);
        print_gate(world, &progress);
        view_print_untold(stdout, world->store, nip_run_subject(run), progress.run);
        print_holder(world, &progress, nip_run_subject(run));
        print_queue(world, nip_run_subject(run));
    }
    progress_end(&progress);
    return status;
}

static int status_of(cli_world *world, const char *id, cJSON *list)
{
    nip_run *run = NULL;
    nip_error *err = NULL;
    if (nip_run_open(world->store, id, &run, &err) < 0)
        return fail(err);
    int status = world->given->json ? print_status_json(world, run, list) : print_status(world, run);
    nip_run_free(run);
    return status;
}

/* Without a name: every run that is not over, else the newest. */
static int status_of_open(cli_world *world)
{
    char *json = NULL;
    nip_error *err = NULL;
    if (nip_run_list(world->store, NULL, &json, &err) < 0)
        return fail(err);
    cJSON *runs = json_parse(json), *list = need(cJSON_CreateArray());
    const cJSON *run, *newest = cJSON_GetArrayItem(runs, 0);
    int status = 0, shown = 0;
    cJSON_ArrayForEach(run, runs)
    {
        if (status == 0 && progress_exit_status(json_text(run, "state", "")) == EXIT_WAITING && ++shown > 0)
            status = status_of(world, json_text(run, "run", ""), list);
    }
    if (status == 0 && shown == 0 && newest != NULL)
        status = status_of(world, json_text(newest, "run", ""), list);
    if (newest == NULL && !world->given->json)
        puts("no runs yet");
    if (status == 0 && world->given->json)
        print_json_value(list);
    else
        cJSON_Delete(list);
    cJSON_Delete(runs);
    nip_free(json);
    return status;
}

/* ---- status --follow ---- */

typedef struct follower {
    const cli_world *world;
    cli_view view;
    bool live;
} follower;

static void show(void *data, const cli_progress *progress, const cJSON *record)
{
    follower *to = data;
    if (to->world->given->json) {
        char *line = json_print(record);
        print_json(line);
        free(line);
        fflush(stdout);
        return;
    }
    if (to->live)
        view_clear(&to->view);
    lines_print(stdout, record, progress, to->live ? LINES_IMPORTANT : LINES_NORMAL);
}

static int follow_run(cli_world *world, const nip_run *run)
{
    follower to = {.world = world, .view = {.out = stdout}};
    to.live = !world->given->json && output_is_terminal(stdout);
    cli_progress progress;
    progress_begin(&progress, nip_run_id(run));
    int status = progress_read(&progress, world->store, nip_run_subject(run), to.live ? NULL : show, &to);
    while (status == 0 && !progress.over && signals_interrupts() == 0 && !signals_terminated()) {
        progress.now = nip_ctx_now(world->ctx);
        if (to.live)
            view_draw(&to.view, &progress);
        poll(NULL, 0, LOOK_MS);
        status = progress_read(&progress, world->store, nip_run_subject(run), show, &to);
    }
    view_clear(&to.view);
    if (status == 0 && to.live)
        view_print(stdout, &progress, STEPS_SHOWN);
    if (status == 0)
        status = progress.over ? progress_exit_status(progress.state) : EXIT_CANCELLED;
    progress_end(&progress);
    return status;
}

static int follow(cli_world *world, const char *id)
{
    nip_run *run = NULL;
    nip_error *err = NULL;
    signals_take();
    if (nip_run_open(world->store, id, &run, &err) < 0)
        return fail(err);
    int status = follow_run(world, run);
    nip_run_free(run);
    return status;
}

static int write_page(cli_world *world, const char *id)
{
    char *page = NULL;
    nip_error *err = NULL;
    if (nip_run_page(world->store, id, &page, &err) < 0)
        return fail(err);
    int status = output_write_file(world->given->html, page, "the page", 0600);
    nip_free(page);
    return status;
}

int command_status(const cli_options *given)
{
    cli_world world;
    if (given->html != NULL && (given->count == 0 || given->follow || given->json))
        return bad_usage("--html is a page of one run, without --follow and --json: nipops status RUN --html FILE");
    if (given->follow && given->count == 0)
        return bad_usage("--follow needs to know what: nipops status RUN --follow");
    int status = world_open_existing(given, &world);
    if (status == 0 && given->follow)
        status = follow(&world, given->arguments[0]);
    else if (status == 0 && given->html != NULL)
        status = write_page(&world, given->arguments[0]);
    else if (status == 0 && given->count == 1)
        status = status_of(&world, given->arguments[0], NULL);
    else if (status == 0)
        status = status_of_open(&world);
    world_close(&world);
    return status;
}

/* ---- list ---- */

static void print_runs(const char *json)
{
    cJSON *runs = json_parse(json), *run;
    cJSON_ArrayForEach(run, runs)
    {
        const char *state = json_text(run, "state", "?"), *colour = YELLOW;
        if (strcmp(state, "succeeded") == 0)
            colour = GREEN;
        else if (progress_exit_status(state) != EXIT_WAITING)
            colour = RED;
        char *line = format_text("%-16s %s%-10s" PLAIN " %.19sZ  %s", json_text(run, "run", "?"), colour, state,
                                 json_text(run, "started", "-"), json_text(run, "title", ""));
        output_line(stdout, line, 0);
        free(line);
    }
    cJSON_Delete(runs);
}

/* Names the store: it may be the wrong one. */
static void print_none(const char *subject, const char *store_url)
{
    char *line = format_text("no runs%s%s yet in %s", subject == NULL ? "" : " of ", subject == NULL ? "" : subject, store_url);
    output_line(stdout, line, 0);
    free(line);
}

int command_list(const cli_options *given)
{
    cli_world world;
    char *json = NULL;
    nip_error *err = NULL;
    const char *subject = given->count == 1 ? given->arguments[0] : NULL;
    int status = world_open(given, WORLD_READ, &world);
    if (status == 0 && world.store != NULL && nip_run_list(world.store, subject, &json, &err) < 0)
        status = fail(err);
    bool none = json == NULL || strcmp(json, "[]") == 0;
    if (status == 0 && given->json)
        print_json(none ? "[]" : json);
    else if (status == 0 && none)
        print_none(subject, world.store_url);
    else if (status == 0)
        print_runs(json);
    nip_free(json);
    world_close(&world);
    return status;
}
