/* Driving runs: what rollout, resume, rollback, ensure and retire share once there is a plan. All runs go on one poll. */
#include "cli.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_MS = 200 }; /* the view's clock, and the longest wait for a signal that came at the wrong moment */

/* What is being driven, and how it is shown. */
typedef struct cli_stage {
    cli_world *world;
    cli_session *sessions;
    size_t count;
    FILE *out;
    bool live, quiet;
    cli_view view;
    int interrupts; /* answered so far */
    bool leaving;
} cli_stage;

int worse_status(int left, int right)
{
    static const int order[] = {EXIT_DONE,  EXIT_WAITING,   EXIT_REFUSED, EXIT_RETURNED,
                                EXIT_USAGE, EXIT_CANCELLED, EXIT_HELD,    EXIT_BROKEN};
    size_t ranks[2] = {0, 0};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (order[i] == left)
            ranks[0] = i;
        if (order[i] == right)
            ranks[1] = i;
    }
    return ranks[0] >= ranks[1] ? left : right;
}

/* ---- showing ---- */

static bool is_telling(const cJSON *record)
{
    return strncmp(json_text(record, "kind", ""), "notify.", 7) == 0;
}

static void show_event(cli_stage *stage, const cli_progress *progress, const cJSON *record)
{
    if (stage->quiet || (progress->over && !is_telling(record))) /* the outcome is printed at the very end */
        return;
    int least = stage->live ? LINES_IMPORTANT : LINES_NORMAL, matters;
    char *line = lines_format(record, progress, &matters);
    if (matters >= least) {
        view_clear(&stage->view);
        output_line(stage->out, line, 0);
        fflush(stage->out);
    }
    free(line);
}

static void show_view(cli_stage *stage)
{
    if (!stage->live || stage->sessions[0].progress.plan == NULL)
        return;
    cli_progress *progress = &stage->sessions[0].progress;
    nip_time now = nip_ctx_now(stage->world->ctx);
    if (now > progress->now)
        progress->now = now;
    view_draw(&stage->view, progress);
}

static void say(cli_stage *stage, const char *text)
{
    view_clear(&stage->view);
    fflush(stage->out);
    complain("%s", text);
}

static void announce(cli_stage *stage, const cli_session *session)
{
    if (stage->live || stage->quiet || session->progress.run[0] == '\0')
        return;
    int guards = cJSON_GetArraySize(json_at(session->progress.plan, "guards"));
    char *line = format_text("%s: %s (%zu steps, %d guard%s)", session->progress.run, session->progress.title,
                             session->progress.count[0], guards, guards == 1 ? "" : "s");
    output_line(stage->out, line, 0);
    fflush(stage->out);
    free(line);
}

/* ---- one run ---- */

/* From here on the session is about another run. */
static void turn_to(cli_session *session, const char *run)
{
    int64_t seen = session->progress.sequence;
    progress_end(&session->progress);
    progress_begin(&session->progress, run);
    session->progress.sequence = seen;
}

static void take_event(cli_stage *stage, cli_session *session, const cJSON *record)
{
    bool planned = strcmp(json_text(record, "kind", ""), "run.planned") == 0;
    const char *run = json_text(json_at(record, "payload"), "run", "");
    if (planned && session->own_run != NULL && strcmp(run, session->own_run) == 0)
        turn_to(session, run);
    bool seen = (int64_t)json_number(record, "sequence", 0) <= session->progress.sequence;
    if (!progress_feed(&session->progress, record)) {
        if (!seen && is_telling(record)) /* of the end of a run before this one */
            show_event(stage, &session->progress, record);
        return;
    }
    if (planned)
        announce(stage, session);
    else
        show_event(stage, &session->progress, record);
    train_feed(&session->train, record);
}

static void show_app_event(void *data, const cli_progress *progress, const cJSON *record)
{
    cli_stage *stage = data;
    if (stage->quiet)
        return;
    view_clear(&stage->view);
    lines_print(stage->out, record, progress, stage->live ? LINES_IMPORTANT : LINES_NORMAL);
    fflush(stage->out);
}

static void take_events(cli_stage *stage, cli_session *session)
{
    const char *json;
    while (nip_op_next_event(session->op, &json, NULL) == 1) {
        cJSON *record = json_parse(json);
        take_event(stage, session, record);
        cJSON_Delete(record);
    }
    train_show(&session->train, stage->world, show_app_event, stage);
}

/* A whole rollout drives one run after the other: one that it takes back, whose beginning is in the journal, then its own, of which every
 * record comes as an event. */
static void follow_run(cli_stage *stage, cli_session *session)
{
    char *json = NULL;
    if (session->own || nip_op_status(session->op, &json, NULL) < 0)
        return;
    cJSON *status = json_parse(json);
    const char *run = json_text(json_at(status, "run"), "run", "");
    bool returning = strcmp(json_text(status, "phase", ""), "returning") == 0;
    if (run[0] != '\0' && !returning) {
        session->own = true;
        session->own_run = copy_text(run);
    } else if (run[0] != '\0' && strcmp(run, session->progress.run) != 0) {
        take_events(stage, session); /* what came before */
        turn_to(session, run);
        session->progress.sequence = 0;
        progress_read(&session->progress, stage->world->store, json_text(status, "app", ""), NULL, NULL);
    }
    cJSON_Delete(status);
    nip_free(json);
}

/* The run is not over, and this process stops driving it. */
static void leave(cli_stage *stage, cli_session *session, int status, const char *why)
{
    char *typed = hint("resume", session->progress.run);
    char *text = format_text("%s: %s: it stays as it is; to go on: %s", session->progress.run, why, typed);
    say(stage, text);
    free(text);
    free(typed);
    session->over = true;
    session->status = status;
}

/* It ended before a run of its own began. */
static void turned_off(cli_stage *stage, cli_session *session, int rc, nip_error *err)
{
    view_clear(&stage->view);
    session->over = session->failed = true;
    session->status = rc == NIP_E_CANCELLED ? EXIT_CANCELLED : EXIT_DONE;
    if (rc != NIP_E_CANCELLED) {
        session->status = fail(err);
        return;
    }
    nip_error_free(err);
    if (session->progress.run[0] != '\0')
        leave(stage, session, EXIT_CANCELLED, "no longer waited for nor driven back");
    else
        say(stage, "it waits no longer; nothing was begun");
}

/* How the run of an operation stands that was cancelled after it was over. */
static int outcome_of_left(cli_session *session, nip_error **err)
{
    char *json = NULL;
    int rc = nip_op_status(session->op, &json, err);
    if (rc < 0 || session->run != NULL) {
        session->result = json;
        return rc;
    }
    cJSON *status = json_parse(json);
    char *run = json_print(json_at(status, "run"));
    nip_free(json);
    session->result = run;
    session->own_result = true;
    cJSON_Delete(status);
    return 0;
}

static void finish(cli_stage *stage, cli_session *session, int rc, nip_error *err)
{
    take_events(stage, session);
    if (rc == NIP_E_CANCELLED && session->own && session->progress.over) { /* only somebody was still to be told: the outcome stands */
        nip_error_free(err);
        err = NULL;
        rc = outcome_of_left(session, &err);
    } else if (rc == NIP_OP_DONE) {
        rc = nip_op_result(session->op, &session->result, &err);
    }
    if (rc < 0 && !session->own) {
        turned_off(stage, session, rc, err);
        return;
    }
    if (rc == NIP_E_CANCELLED) {
        nip_error_free(err);
        leave(stage, session, EXIT_CANCELLED, "left");
        return;
    }
    if (rc < 0) {
        view_clear(&stage->view);
        int status = fail(err);
        leave(stage, session, status == EXIT_HELD ? EXIT_HELD : EXIT_BROKEN, "it could not be driven on");
        return;
    }
    cJSON *result = json_parse(session->result);
    session->over = true;
    session->status = progress_exit_status(json_text(result, "state", ""));
    if (stage->interrupts > 0 && (session->status == EXIT_RETURNED || session->status == EXIT_REFUSED))
        session->status = EXIT_CANCELLED;
    cJSON_Delete(result);
}

static void step(cli_stage *stage, cli_session *session)
{
    nip_error *err = NULL;
    int rc = nip_op_step(session->op, &err);
    follow_run(stage, session);
    if (rc == NIP_OP_MORE)
        take_events(stage, session);
    else
        finish(stage, session, rc, err);
}

static bool waits_for_person(const cli_progress *progress)
{
    return progress->asks != NULL || strcmp(progress->state, "paused") == 0;
}

/* At a gate people may have answered meanwhile, or before this process took the run up. */
static bool still_waits(cli_stage *stage, const cli_progress *progress)
{
    char *json = NULL;
    if (progress->gate == NULL || nip_gate_read(stage->world->store, progress->run, &json, NULL) < 0)
        return waits_for_person(progress);
    cJSON *gate = json_parse(json);
    bool waits = json_number(gate, "missing", 0) > 0 && !cJSON_IsTrue(json_at(gate, "rejected"));
    cJSON_Delete(gate);
    nip_free(json);
    return waits;
}

/* --detach: nobody is needed while a person is waited for, unless a guard watches. */
static void detach_when_waiting(cli_stage *stage, cli_session *session)
{
    const cli_progress *progress = &session->progress;
    if (!stage->world->given->detach || session->over || !session->own || !waits_for_person(progress) || !still_waits(stage, progress))
        return;
    const char *guard = progress_guarded(progress);
    if (guard == NULL) {
        leave(stage, session, EXIT_WAITING, progress->asks != NULL ? progress->asks : "paused");
    } else if (!session->detach_refused) {
        char *text = format_text("%s: --detach is refused while a guard watches (%s): going on", progress->run, guard);
        say(stage, text);
        free(text);
        session->detach_refused = true;
    }
}

/* ---- signals ---- */

static void ask_to_return(cli_stage *stage, cli_session *session)
{
    char *answer = NULL;
    nip_error *err = NULL;
    int rc = nip_run_request(stage->world->store, session->progress.run, "abort", paths_person(stage->world->given),
                             "Ctrl-C", nip_ctx_now(stage->world->ctx), &answer, &err);
    char *text =
        rc < 0 ? format_text("%s: it could not be asked to go back: %s", session->progress.run, nip_error_message(err))
               : format_text("%s: asked to go back; once more Ctrl-C leaves it as it is, to be resumed",
                             session->progress.run);
    say(stage, text);
    free(text);
    nip_error_free(err);
    nip_free(answer);
}

static void answer_signals(cli_stage *stage)
{
    bool ask = signals_interrupts() > stage->interrupts && stage->interrupts == 0;
    bool go = (signals_interrupts() >= 2 || signals_terminated()) && !stage->leaving;
    for (size_t i = 0; i < stage->count; i++) {
        cli_session *session = &stage->sessions[i];
        if (session->over)
            continue;
        if (go || (ask && !session->own))
            nip_op_cancel(session->op);
        else if (ask)
            ask_to_return(stage, session);
    }
    stage->interrupts = signals_interrupts();
    stage->leaving = stage->leaving || go;
}

/* ---- all of them ---- */

static size_t wait_for_something(cli_stage *stage, struct pollfd *polled)
{
    size_t open = 0;
    bool idle = stage->world->given->clock == NULL; /* a clock of our own moves by being asked to step */
    for (size_t i = 0; i < stage->count; i++) {
        cli_session *session = &stage->sessions[i];
        if (session->over)
            continue;
        polled[open++] = (struct pollfd){.fd = nip_op_fd(session->op), .events = POLLIN};
        idle = idle || waits_for_person(&session->progress);
    }
    if (open > 0 && idle)
        poll(polled, open, TICK_MS); /* EINTR: a signal, which is looked at next */
    return open;
}

static void drive(cli_stage *stage)
{
    struct pollfd *polled = need(calloc(stage->count, sizeof *polled));
    while (wait_for_something(stage, polled) > 0) {
        answer_signals(stage);
        for (size_t i = 0; i < stage->count; i++) {
            if (!stage->sessions[i].over) {
                step(stage, &stage->sessions[i]);
                detach_when_waiting(stage, &stage->sessions[i]);
            }
        }
        show_view(stage);
    }
    free(polled);
}

/* ---- outcomes ---- */

static void print_release(const cJSON *release)
{
    if (!cJSON_IsObject(release))
        return;
    char *line = format_text("  release  %s %s, %.0f instances", json_text(release, "app", ""),
                             json_text(release, "version", "?"), json_number(release, "replicas", 0));
    output_line(stdout, line, 0);
    free(line);
}

static void print_outcome(const cli_stage *stage, const cli_session *session)
{
    cJSON *result = json_parse(session->result);
    const char *state = json_text(result, "state", "?"), *reason = json_text(result, "reason", "");
    const char *message = json_text(result, "message", "");
    char *line = format_text(BOLD "%s %s%s" PLAIN ": %s", session->progress.run, session->status == 0 ? GREEN : RED,
                             state, json_text(result, "title", session->progress.title));
    output_line(stdout, line, 0);
    free(line);
    if (reason[0] != '\0' || message[0] != '\0') {
        line = format_text("  why      %s%s%s", reason, reason[0] != '\0' && message[0] != '\0' ? ": " : "", message);
        output_line(stdout, line, 0);
        free(line);
    }
    if (json_number(result, "unjournaled", 0) > 0) {
        line = format_text(RED "  journal  %.0f records of the way back could not be written" PLAIN,
                           json_number(result, "unjournaled", 0));
        output_line(stdout, line, 0);
        free(line);
    }
    view_print_stands(stdout, &session->progress);
    print_release(json_at(result, "release"));
    view_print_untold(stdout, stage->world->store, json_text(result, "subject", ""), session->progress.run);
    cJSON_Delete(result);
}

/* How a run stands that this process stops driving. */
static cJSON *left(const cli_session *session)
{
    cJSON *left = need(cJSON_CreateObject());
    need(cJSON_AddNumberToObject(left, "v", 1));
    need(cJSON_AddStringToObject(left, "run", session->progress.run));
    need(cJSON_AddStringToObject(left, "state", session->progress.state));
    need(cJSON_AddBoolToObject(left, "left", true));
    return left;
}

static void print_results(const cli_stage *stage)
{
    cJSON *list = need(cJSON_CreateArray());
    for (size_t i = 0; i < stage->count; i++) {
        const cli_session *session = &stage->sessions[i];
        cJSON_AddItemToArray(list, session->result == NULL ? left(session) : json_parse(session->result));
    }
    if (stage->count == 1 && !stage->world->given->all) {
        print_json_value(cJSON_DetachItemFromArray(list, 0));
        cJSON_Delete(list);
    } else {
        print_json_value(list);
    }
}

static int report(cli_stage *stage)
{
    int status = EXIT_DONE;
    view_clear(&stage->view);
    if (stage->live && stage->sessions[0].result != NULL)
        view_print(stdout, &stage->sessions[0].progress, 12);
    if (stage->world->given->json && !stage->sessions[0].failed)
        print_results(stage);
    for (size_t i = 0; i < stage->count; i++) {
        if (!stage->world->given->json && stage->sessions[i].result != NULL)
            print_outcome(stage, &stage->sessions[i]);
        status = worse_status(status, stage->sessions[i].status);
    }
    return status;
}

/* ---- from beginning to end ---- */

static int open_session(cli_stage *stage, cli_session *session)
{
    nip_error *err = NULL;
    session->own = session->run != NULL;
    progress_begin(&session->progress, session->own ? nip_run_id(session->run) : "");
    if (!session->own)
        return 0;
    int rc = nip_op_run_plan(stage->world->ctx, session->run, session->drivers, &session->op, &err);
    if (rc < 0) {
        session->over = true;
        session->status = fail(err);
        return session->status;
    }
    return train_catch_up(&session->train, stage->world, &session->progress, nip_run_subject(session->run));
}

static void close_session(cli_session *session)
{
    nip_op_free(session->op);
    nip_run_free(session->run);
    nip_drivers_free(session->drivers);
    free(session->own_run);
    if (session->own_result)
        free(session->result);
    else
        nip_free(session->result);
    train_end(&session->train);
    progress_end(&session->progress);
}

int drive_all(cli_world *world, cli_session *sessions, size_t count)
{
    const cli_options *given = world->given;
    cli_stage stage = {.world = world, .sessions = sessions, .count = count, .out = given->json ? stderr : stdout};
    stage.quiet = given->quiet;
    stage.live = !given->json && !given->quiet && count == 1 && output_is_terminal(stdout);
    stage.view.out = stage.out;
    int status = 0;
    for (size_t i = 0; i < count; i++) {
        status = worse_status(status, open_session(&stage, &sessions[i]));
        announce(&stage, &sessions[i]);
    }
    drive(&stage);
    status = worse_status(status, report(&stage));
    for (size_t i = 0; i < count; i++)
        close_session(&sessions[i]);
    return status;
}

int drive_plan(cli_world *world, const nip_plan *plan, nip_drivers *drivers)
{
    nip_error *err = NULL;
    cli_session session = {.drivers = drivers};
    int rc = nip_drivers_open(drivers, world->ctx, nip_plan_drivers(plan), &err);
    if (rc == 0)
        rc = nip_run_new(plan, world->store, nip_ctx_now(world->ctx), &session.run, &err);
    if (rc < 0) {
        nip_drivers_free(drivers);
        return fail(err);
    }
    return drive_all(world, &session, 1);
}

int drive_rollout(cli_world *world, const nip_doc *doc, nip_drivers *drivers)
{
    nip_error *err = NULL;
    cli_session session = {.drivers = drivers};
    if (nip_op_rollout(world->ctx, doc, world->store, drivers, paths_person(world->given), &session.op, &err) < 0) {
        nip_drivers_free(drivers);
        return fail(err);
    }
    return drive_all(world, &session, 1);
}
