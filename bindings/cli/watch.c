/* nipops health --watch: drives the watch, and shows it as a table on a terminal, else as one line a change. */
#include "cli.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    TICK_MS = 200,    /* the longest wait for a signal that came at the wrong moment */
    REDRAW_MS = 500,
    MOST_SHOWN = 1000 /* more lines than any window has */
};

typedef struct cli_watch {
    const cli_options *given;
    nip_op *op;
    bool live;
    bool behind;      /* there are changes that standard output has no room for yet */
    int64_t redraw;   /* when, in milliseconds of the monotonic clock */
} cli_watch;

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- lines ---- */

static const char *behind_scheme(const char *text)
{
    const char *scheme = strstr(text, "://");
    return scheme == NULL ? text : scheme + 3;
}

const char *message_beside(const char *message, const char *target)
{
    static const char *const verbs[] = {"GET ", "connect to ", ""};
    const char *address = behind_scheme(target);
    size_t length = strlen(address);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        size_t verb = strlen(verbs[i]);
        if (strncmp(message, verbs[i], verb) != 0)
            continue;
        const char *named = behind_scheme(message + verb);
        if (strncmp(named, address, length) == 0 && strncmp(named + length, ": ", 2) == 0)
            return named + length + 2;
    }
    return message;
}

static char *change_line(const cJSON *record)
{
    const cJSON *change = json_at(record, "payload"), *failure = json_at(change, "failure");
    const char *to = json_text(change, "to", "?"), *target = json_text(change, "target", "?");
    bool well = strcmp(to, "healthy") == 0;
    char *name = output_cell(target, 0);
    char *why = output_cell(message_beside(json_text(failure, "message", ""), target), 0);
    char *line = format_text("%.19sZ %s%-9s" PLAIN " %s  was %s", json_text(record, "at", "?"), well ? GREEN : RED, to, name,
                             json_text(change, "from", "?"));
    char *whole = well ? format_text("%s  " DIM "%.3g ms" PLAIN, line, json_number(change, "latency_ms", 0))
                       : format_text("%s  %s: %s", line, json_text(failure, "reason", "?"), why);
    free(name);
    free(why);
    free(line);
    return whole;
}

/* With --quiet that a target is well from the beginning is no news. */
static void print_change(const cli_watch *watch, const char *json)
{
    cJSON *record = json_parse(json);
    bool first = strcmp(json_text(json_at(record, "payload"), "from", ""), "unknown") == 0;
    bool well = strcmp(json_text(json_at(record, "payload"), "to", ""), "healthy") == 0;
    if (!(watch->given->quiet && first && well)) {
        if (watch->given->json) {
            print_json(json);
        } else {
            char *line = change_line(record);
            output_line(stdout, line, 0);
            free(line);
        }
        fflush(stdout);
    }
    cJSON_Delete(record);
}

/* Is there room for a line? So that a reader who does not keep up holds up nothing but its own lines. */
static bool has_room(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1;
}

static int print_changes(cli_watch *watch)
{
    const char *json;
    int rc = 1;
    nip_error *err = NULL;
    while ((watch->behind = !has_room()) == false && (rc = nip_op_next_event(watch->op, &json, &err)) == 1)
        print_change(watch, json);
    return rc < 0 ? fail(err) : 0;
}

/* ---- the table ---- */

static cJSON *status_of(const cli_watch *watch)
{
    char *json = NULL;
    nip_error *err = NULL;
    if (nip_op_status(watch->op, &json, &err) < 0) {
        table_close();
        fail(err);
        return NULL;
    }
    cJSON *status = json_parse(json);
    nip_free(json);
    return status;
}

/* Ctrl-Z: others get the terminal as it was. */
static void stop_here(cli_watch *watch)
{
    table_close();
    raise(SIGSTOP);
    table_open();
    watch->redraw = 0;
}

/* A terminal that takes nothing now (Ctrl-S) is left alone: the watch goes on. */
static int redraw(cli_watch *watch)
{
    int64_t now = monotonic_ms();
    if (signals_stopped())
        stop_here(watch);
    if ((!signals_resized() && now < watch->redraw) || !has_room())
        return 0;
    cJSON *status = status_of(watch);
    if (status == NULL)
        return EXIT_RETURNED;
    table_draw(status);
    watch->redraw = now + REDRAW_MS;
    cJSON_Delete(status);
    return 0;
}

/* ---- driving ---- */

/* 0, or an exit status: nobody reads any more. */
static int wait_for_something(const cli_watch *watch)
{
    struct pollfd polled[] = {{.fd = nip_op_fd(watch->op), .events = POLLIN},
                              {.fd = STDOUT_FILENO, .events = watch->behind ? POLLOUT : 0}};
    if (poll(polled, 2, TICK_MS) <= 0) /* EINTR: a signal, which is looked at next */
        return 0;
    bool gone = (polled[1].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0 || ferror(stdout);
    if (!gone)
        return 0;
    table_close();
    complain("standard output: nobody reads it any more");
    return EXIT_RETURNED;
}

static int drive(cli_watch *watch)
{
    nip_error *err = NULL;
    int status = 0;
    while (status == 0) {
        status = wait_for_something(watch);
        if (status == 0 && (signals_interrupts() > 0 || signals_terminated()))
            return EXIT_CANCELLED;
        if (status == 0 && nip_op_step(watch->op, &err) < 0) {
            table_close();
            return fail(err);
        }
        if (status == 0)
            status = watch->live ? redraw(watch) : print_changes(watch);
    }
    return status;
}

static int drive_live(cli_watch *watch)
{
    signals_take_screen();
    table_open();
    int status = drive(watch);
    table_close();
    cJSON *last = status == EXIT_CANCELLED ? status_of(watch) : NULL;
    if (last != NULL)
        table_print(last);
    cJSON_Delete(last);
    return status;
}

int watch_targets(cli_world *world, nip_doc *doc)
{
    const cli_options *given = world->given;
    nip_error *err = NULL;
    cli_watch watch = {.given = given, .live = !given->json && !given->quiet && output_is_terminal(stdout)};
    char *most = format_text("%d", MOST_SHOWN);
    int rc = watch.live ? nip_doc_set(doc, "/health/worst", most, &err) : 0;
    free(most);
    if (rc == 0)
        rc = nip_health_check(world->ctx, doc, &watch.op, &err);
    if (rc < 0)
        return fail(err);
    int status = watch.live ? drive_live(&watch) : drive(&watch);
    nip_op_free(watch.op);
    return status;
}
