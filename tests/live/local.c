/* The local driver with real processes. */
#include "harness.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/file.h"
#include "driver/local.h"

enum { PORTS = 12, SPARE_MAX = 64 };

static live_world world;
static int first_port;
static pid_t bystander;

/* ---- what tests share ---- */

static void open_with(const char *more_words, const char *more_settings)
{
    char settings[2048];
    snprintf(settings, sizeof settings,
             "{\"driver\":\"local\",\"command\":[\"/usr/bin/"
             "python3\",\"%s\",\"--port\",\"{port}\",\"--version\",\"{version}\"%s],"
             "\"ports\":\"%d-%d\",\"start_timeout\":\"30s\"%s}",
             live_app, more_words, first_port, first_port + PORTS - 1, more_settings);
    live_open(&world, &nip__driver_local, settings);
}

static int set_up(void **state)
{
    (void)state;
    live_begin(&world);
    first_port = live_free_ports(PORTS);
    bystander = 0;
    return 0;
}

/* Whatever a failed test left: by token, in our own folder only. */
static int tear_down(void **state)
{
    (void)state;
    char folder[128], real[4096];
    nip__local_scan scan = {0};
    live_spare_descriptors(-1);
    snprintf(folder, sizeof folder, "%s/state", world.folder);
    if (realpath(folder, real) != NULL && nip__local_scan_all(world.arena, real, &scan, NULL) == 0)
        for (size_t i = 0; i < scan.count; i++)
            kill(scan.bearers[i].process.pid, SIGKILL);
    live_kill(bystander, SIGKILL);
    live_end(&world);
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    return 0;
}

static const nip__value *want(const char *id, const char *versions)
{
    char args[1024];
    snprintf(args, sizeof args, "{\"versions\":{%s}}", versions);
    return live_action(&world, id, "instances", args, NULL, 0);
}

static const nip__value *observe(void)
{
    const nip__value *outcome = live_action(&world, "shop-1.99", "observe", "{}", NULL, 0);
    live_expect(outcome, "done", NULL);
    return nip__get(outcome, "result");
}

static pid_t pid_of(const nip__value *observed, int index)
{
    char pointer[64];
    snprintf(pointer, sizeof pointer, "/instances/%d/pid", index);
    return (pid_t)live_int(observed, pointer);
}

static int port_at(const nip__value *value, const char *pointer)
{
    const char *colon = strrchr(live_text(value, pointer), ':');
    return colon == NULL ? -1 : (int)strtol(colon + 1, NULL, 10);
}

static const char *state_file(int port)
{
    return nip__arena_printf(world.arena, "%s/state/local/shop/%d.json", world.folder, port);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static bool is_gone(void *pid)
{
    return !live_alive(*(pid_t *)pid);
}

/* ---- start and stop ---- */

static void starts_and_stops(void **state)
{
    (void)state;
    open_with("", "");
    const nip__value *outcome = want("shop-1.3", "\"1.3\":{\"replicas\":2,\"artifact\":\"1.3\"}");
    live_expect(outcome, "done", NULL);
    assert_int_equal(nip__count(nip__pointer(outcome, "/result/versions/1.3/endpoints")), 2);
    assert_int_equal(nip__count(nip__pointer(outcome, "/result/started")), 2);
    char body[256];
    int port = port_at(outcome, "/result/started/0");
    assert_int_equal(live_http(port, "GET", "/health", body, sizeof body), 200);
    assert_non_null(strstr(body, "\"version\": \"1.3\""));
    const nip__value *observed = observe();
    assert_int_equal(live_int(observed, "/versions/1.3/running"), 2);
    assert_int_equal(live_int(observed, "/versions/1.3/exited"), 0);
    assert_int_equal(live_int(observed, "/ports_free"), PORTS - 2);
    assert_string_equal(live_text(observed, "/instances/0/id"), "shop/1.3/shop-1.3/1");
    struct stat file;
    assert_int_equal(stat(state_file(port), &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    assert_int_equal(stat(live_text(observed, "/instances/0/log_file"), &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    pid_t pid = pid_of(observed, 0);
    outcome = want("shop-1.4", "\"1.3\":{\"replicas\":0}");
    live_expect(outcome, "done", NULL);
    assert_int_equal(nip__count(nip__pointer(outcome, "/result/stopped")), 2);
    assert_false(live_alive(pid));
    assert_false(live_listens(port));
    assert_false(exists(state_file(port)));
    assert_int_equal(nip__count(nip__get(observe(), "instances")), 0);
}

static void repeats_without_starting_more(void **state)
{
    (void)state;
    open_with("", "");
    live_expect(want("shop-1.3", "\"1.3\":{\"replicas\":2}"), "done", NULL);
    pid_t pid = pid_of(observe(), 1);
    live_close(&world); /* instances survive us */
    open_with("", "");
    const nip__value *outcome =
        live_action(&world, "shop-1.3", "instances", "{\"versions\":{\"1.3\":{\"replicas\":2,\"endpoints\":[]}}}", NULL,
                    LIVE_REPEATED);
    live_expect(outcome, "done", NULL);
    assert_int_equal(nip__count(nip__pointer(outcome, "/result/started")),
                     2); /* what the action started, in both attempts */
    const nip__value *observed = observe();
    assert_int_equal(live_int(observed, "/versions/1.3/running"), 2);
    assert_int_equal(pid_of(observed, 1), pid);
}

static void finds_an_instance_without_its_file(void **state)
{
    (void)state;
    open_with("", "");
    const nip__value *outcome = want("shop-1.3", "\"1.3\":{\"replicas\":1}");
    int port = port_at(outcome, "/result/started/0");
    pid_t pid = pid_of(observe(), 0);
    assert_int_equal(unlink(state_file(port)), 0);
    outcome =
        live_action(&world, "shop-1.3", "instances", "{\"versions\":{\"1.3\":{\"replicas\":1}}}", NULL, LIVE_REPEATED);
    live_expect(outcome, "done", NULL);
    const nip__value *observed = observe();
    assert_int_equal(live_int(observed, "/versions/1.3/running"), 1);
    assert_int_equal(pid_of(observed, 0), pid);
    assert_string_equal(live_text(observed, "/instances/0/id"), "shop/1.3/shop-1.3/1");
    assert_true(exists(state_file(port)));
    FILE *file = fopen(state_file(port), "we"); /* a damaged file is as good as none */
    fputs("{\"id\":", file);
    fclose(file);
    observed = observe();
    assert_int_equal(pid_of(observed, 0), pid);
    live_expect(want("shop-1.5", "\"1.3\":{\"replicas\":0}"), "done", NULL);
    assert_false(live_alive(pid));
}

static void stops_what_does_not_listen_to_sigterm(void **state)
{
    (void)state;
    open_with(",\"--ignore-term\"", ",\"stop_grace\":\"200ms\"");
    live_expect(want("shop-1.3", "\"1.3\":{\"replicas\":1}"), "done", NULL);
    pid_t pid = pid_of(observe(), 0);
    live_expect(want("shop-1.4", "\"1.3\":{\"replicas\":0}"), "done", NULL);
    assert_false(live_alive(pid));
}

static void stops_the_whole_family(void **state)
{
    (void)state;
    open_with(",\"--child\"", ",\"stop_grace\":\"300ms\"");
    live_expect(want("shop-1.3", "\"1.3\":{\"replicas\":1}"), "done", NULL);
    const nip__value *observed = observe();
    nip__buffer log = NIP__BUFFER(4096);
    assert_int_equal(nip__file_read(live_text(observed, "/instances/0/log_file"), 4096, &log, NULL), 0);
    int child = -1;
    assert_int_equal(sscanf(log.data, "child %d", &child), 1);
    nip__buffer_clear(&log);
    assert_true(live_alive(child));
    live_expect(want("shop-1.4", "\"1.3\":{\"replicas\":0}"), "done", NULL);
    assert_false(live_alive(child));
}

/* Its leader dies, a child of it lives on: it has ended, and the child goes when it is replaced. */
static void clears_up_after_a_dead_leader(void **state)
{
    (void)state;
    open_with(",\"--child\"", "");
    live_expect(want("shop-1.3", "\"1.3\":{\"replicas\":1}"), "done", NULL);
    const nip__value *observed = observe();
    nip__buffer log = NIP__BUFFER(4096);
    assert_int_equal(nip__file_read(live_text(observed, "/instances/0/log_file"), 4096, &log, NULL), 0);
    pid_t child = -1;
    assert_int_equal(sscanf(log.data, "child %d", &child), 1);
    nip__buffer_clear(&log);
    pid_t pid = pid_of(observed, 0);
    kill(pid, SIGKILL);
    assert_true(live_until(is_gone, &pid));
    assert_int_equal(live_int(observe(), "/versions/1.3/exited"), 1);
    assert_true(live_alive(child));
    live_expect(want("shop-1.4", "\"1.3\":{\"replicas\":0}"), "done", NULL);
    assert_true(live_until(is_gone, &child));
    assert_int_equal(nip__count(nip__get(observe(), "instances")), 0);
}

/* ---- numbers ---- */

static void starts_before_it_stops(void **state)
{
    (void)state;
    open_with("", "");
    const nip__value *outcome = want("shop-1.3", "\"1.3\":{\"replicas\":3}");
    live_expect(outcome, "done", NULL);
    const char *going = live_text(outcome, "/result/started/1");
    char versions[256];
    snprintf(versions, sizeof versions, "\"1.3\":{\"replicas\":3,\"remove\":[\"%s\"]},\"1.4\":{\"replicas\":1}", going);
    outcome = want("shop-1.4", versions);
    live_expect(outcome, "done", NULL);
    assert_int_equal(nip__count(nip__pointer(outcome, "/result/versions/1.3/endpoints")), 3);
    assert_int_equal(nip__count(nip__pointer(outcome, "/result/versions/1.4/endpoints")), 1);
    assert_string_equal(live_text(outcome, "/result/stopped/0"), going);
    assert_false(live_lists(outcome, "/result/versions/1.3/endpoints", going));
    outcome = want("shop-1.5", "\"1.3\":{\"replicas\":1}");
    live_expect(outcome, "done", NULL);
    assert_int_equal(nip__count(nip__pointer(outcome, "/result/stopped")), 2);
    assert_int_equal(live_int(observe(), "/versions/1.4/running"), 1); /* what is not named is left alone */
}

static void selects_the_unhealthy_and_the_oldest(void **state)
{
    (void)state;
    open_with("", "");
    const nip__value *started[3];
    for (int i = 0; i < 3; i++) { /* one after the other, so that ages differ */
        char versions[64], id[32];
        snprintf(versions, sizeof versions, "\"1.3\":{\"replicas\":%d}", i + 1);
        snprintf(id, sizeof id, "shop-1.%d", i);
        started[i] = want(id, versions);
        live_expect(started[i], "done", NULL);
    }
    const nip__value *observed = observe();
    const char *oldest = live_text(observed, "/instances/0/endpoint"),
               *middle = live_text(observed, "/instances/1/endpoint");
    const char *youngest = live_text(observed, "/instances/2/endpoint");
    char args[512];
    snprintf(args, sizeof args,
             "{\"version\":\"1.3\",\"count\":2,\"endpoints\":[\"%s\",\"%s\",\"%s\"],\"unhealthy\":[\"%s\"]}", middle,
             youngest, oldest, youngest);
    const nip__value *outcome = live_action(&world, "shop-1.9", "select", args, NULL, 0);
    live_expect(outcome, "done", NULL);
    assert_string_equal(live_text(outcome, "/result/selected/0"), youngest);
    assert_string_equal(live_text(outcome, "/result/selected/1"), oldest);
    assert_string_equal(live_text(outcome, "/result/remaining/0"), middle);
    outcome = live_action(&world, "shop-1.9", "select", "{\"version\":\"1.3\",\"count\":1}", NULL, 0);
    assert_string_equal(live_text(outcome, "/result/selected/0"), oldest);
    assert_int_equal(nip__count(nip__pointer(outcome, "/result/remaining")), 2);
}

static void settles(void **state)
{
    (void)state;
    static const struct {
        const char *args, *before, *outcome;
    } cases[] = {
        {"{\"versions\":{\"1.3\":{\"replicas\":2}}}", "{\"versions\":{\"1.3\":{\"replicas\":0}}}", "in_force"},
        {"{\"versions\":{\"1.3\":{\"replicas\":3}}}", "{\"versions\":{\"1.3\":{\"replicas\":0}}}", "not_yet"},
        {"{\"versions\":{\"1.3\":{\"replicas\":0}}}", "{\"versions\":{\"1.3\":{\"replicas\":2}}}", "not_yet"},
        {"{\"versions\":{\"1.3\":{\"replicas\":1}}}", "{\"versions\":{\"1.3\":{\"replicas\":0}}}", "foreign"},
        {"{\"versions\":{\"1.3\":{\"replicas\":1}}}", NULL, "not_yet"},
        {"{\"versions\":{\"1.4\":{\"replicas\":1}}}", "{\"versions\":{\"1.4\":{\"replicas\":0}}}", "not_yet"},
    };
    open_with("", "");
    live_expect(want("shop-1.3", "\"1.3\":{\"replicas\":2}"), "done", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        live_expect(
            live_action(&world, "shop-1.3", "instances", cases[i].args, cases[i].before, LIVE_SETTLES | LIVE_REPEATED),
            cases[i].outcome, NULL);
    assert_int_equal(live_int(observe(), "/versions/1.3/running"), 2); /* settling changes nothing */
}

/* ---- what others started ---- */

static const nip__value *adopt(const char *version, int port, int flags)
{
    char args[256];
    snprintf(args, sizeof args, "{\"version\":\"%s\",\"endpoints\":[\"127.0.0.1:%d\"]}", version, port);
    return live_action(&world, "shop-1.4", "adopt", args, NULL, flags);
}

static void adopts_and_settles(void **state)
{
    (void)state;
    open_with("", "");
    bystander = live_app_start(&world, first_port, "1.3");
    live_expect(adopt("1.3", first_port, LIVE_SETTLES), "not_yet", NULL);
    live_expect(adopt("1.4", first_port, LIVE_SETTLES), "foreign", NULL); /* that is not its command */
    live_expect(adopt("1.4", first_port, 0), "failed", "foreign");
    live_expect(adopt("1.3", first_port + 1, LIVE_SETTLES), "foreign", NULL); /* nobody is there */
    assert_int_equal(nip__count(nip__get(observe(), "instances")), 0);
    live_expect(adopt("1.3", first_port, 0), "done", NULL);
    live_expect(adopt("1.3", first_port, LIVE_SETTLES | LIVE_REPEATED), "in_force", NULL);
    live_expect(adopt("1.3", first_port, 0), "done", NULL); /* again: nothing changes */
    live_expect(adopt("1.4", first_port, LIVE_SETTLES), "foreign", NULL); /* it is another version's */
    const nip__value *observed = observe();
    assert_int_equal(pid_of(observed, 0), bystander);
    assert_int_equal(live_int(observed, "/versions/1.3/running"), 1);
    assert_int_equal(live_int(observed, "/ports_free"), PORTS - 1);
    live_expect(want("shop-1.5", "\"1.3\":{\"replicas\":0}"), "done", NULL);
    assert_false(live_alive(bystander));
    assert_false(exists(state_file(first_port)));
}

static void refuses_to_adopt_by_halves(void **state)
{
    (void)state;
    static const char *const cases[] = {"{}", "{\"version\":\"1.3\"}", "{\"version\":\"1.3\",\"endpoints\":[1]}",
                                        "{\"version\":\"1.3\",\"endpoints\":[\"localhost:80\"]}",
                                        "{\"version\":\"1.3\",\"endpoints\":[\"127.0.0.1:80\",\"127.0.0.2:80\"]}"};
    char args[256];
    open_with("", "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        live_expect(live_action(&world, "shop-1.4", "adopt", cases[i], NULL, 0), "failed", "bad_arguments");
    bystander = live_app_start(&world, first_port, "1.3");
    snprintf(args, sizeof args, "{\"version\":\"1.3\",\"endpoints\":[\"127.0.0.1:%d\",\"127.0.0.1:%d\"]}", first_port,
             first_port + 1);
    live_expect(live_action(&world, "shop-1.4", "adopt", args, NULL, 0), "failed", "foreign");
    assert_int_equal(nip__count(nip__get(observe(), "instances")), 0); /* none of the two */
}

static bool listens(void *port)
{
    return live_listens(*(int *)port);
}

static void does_not_call_stopped_what_is_restarted(void **state)
{
    (void)state;
    char loop[1024];
    open_with("", ",\"stop_grace\":\"1s\"");
    snprintf(loop, sizeof loop, "while :; do /usr/bin/python3 %s --port %d --version 1.3; done", live_app, first_port);
    const char *argv[] = {"/bin/sh", "-c", loop, NULL};
    bystander = live_spawn(&world, argv, "loop.log");
    assert_true(live_until(listens, &first_port));
    live_expect(adopt("1.3", first_port, 0), "done", NULL);
    const nip__value *outcome = want("shop-1.5", "\"1.3\":{\"replicas\":0}");
    live_expect(outcome, "failed", "stop_failed");
    assert_non_null(strstr(live_text(outcome, "/message"), "end what restarts it"));
    live_kill(bystander, SIGKILL); /* the last one that it started is ours to end */
    bystander = 0;
    live_expect(adopt("1.3", first_port, 0), "done", NULL);
    live_expect(want("shop-1.6", "\"1.3\":{\"replicas\":0}"), "done", NULL);
    assert_false(live_listens(first_port));
}

/* ---- what goes wrong ---- */

static void tells_of_an_instance_that_ends_at_once(void **state)
{
    (void)state;
    open_with(",\"--exit-with\",\"3\"", "");
    const nip__value *outcome = want("shop-1.3", "\"1.3\":{\"replicas\":1}");
    live_expect(outcome, "failed", "exited");
    assert_non_null(strstr(live_text(outcome, "/message"), "code 3"));
    assert_non_null(strstr(live_text(outcome, "/message"), "told to exit"));
    const nip__value *observed = observe();
    assert_int_equal(live_int(observed, "/versions/1.3/exited"), 1);
    assert_int_equal(live_int(observed, "/instances/0/exit"), 3);
    assert_string_equal(live_text(observed, "/instances/0/state"), "exited");
    assert_non_null(strstr(live_text(observed, "/instances/0/log"), "told to exit"));
    live_expect(want("shop-1.4", "\"1.3\":{\"replicas\":0}"), "done", NULL);
    assert_int_equal(nip__count(nip__get(observe(), "instances")), 0);
}

static void tells_of_a_missing_program(void **state)
{
    (void)state;
    char settings[256];
    snprintf(settings, sizeof settings,
             "{\"driver\":\"local\",\"command\":[\"%s/no-such-program\"],\"ports\":\"%d-%d\"}", world.folder,
             first_port, first_port + 1);
    live_open(&world, &nip__driver_local, settings);
    const nip__value *outcome = want("shop-1.3", "\"1.3\":{\"replicas\":1}");
    live_expect(outcome, "failed", "no_such_program");
    assert_int_equal(live_int(outcome, "/retryable"), 0);
    assert_non_null(strstr(live_text(outcome, "/message"), "no-such-program"));
    outcome = live_action(&world, "shop-1.4", "artifact", "{\"version\":\"1.3\",\"artifact\":\"1.3\"}", NULL, 0);
    assert_int_equal(live_int(outcome, "/result/exists"), 0);
}

/* Somebody listens at another address of the same port: that shows only when the instance wants to listen at all of
 * them. */
static void tells_of_a_taken_port(void **state)
{
    (void)state;
    char settings[512];
    int listener = live_listen("127.0.0.2", first_port);
    snprintf(settings, sizeof settings,
             "{\"driver\":\"local\",\"command\":[\"/usr/bin/"
             "python3\",\"%s\",\"--host\",\"0.0.0.0\",\"--port\",\"{port}\"],\"ports\":\"%d\"}",
             live_app, first_port);
    live_open(&world, &nip__driver_local, settings);
    const nip__value *outcome = want("shop-1.3", "\"1.3\":{\"replicas\":1}");
    close(listener);
    live_expect(outcome, "failed", "port_taken");
    assert_int_equal(live_int(outcome, "/retryable"), 1);
}

static void avoids_ports_of_others(void **state)
{
    (void)state;
    int listeners[PORTS];
    for (int i = 0; i < PORTS; i++)
        listeners[i] = live_listen("127.0.0.1", first_port + i);
    open_with("", "");
    live_expect(want("shop-1.3", "\"1.3\":{\"replicas\":1}"), "failed", "no_ports");
    close(listeners[5]);
    const nip__value *outcome = want("shop-1.4", "\"1.3\":{\"replicas\":1}");
    live_expect(outcome, "done", NULL);
    assert_int_equal(port_at(outcome, "/result/started/0"), first_port + 5);
    live_expect(want("shop-1.5", "\"1.3\":{\"replicas\":2}"), "failed", "no_ports");
    outcome = live_action(&world, "observe-1", "observe", "{\"ports_needed\":2}", NULL, 0);
    live_expect(outcome, "done", NULL);
    char says[128];
    snprintf(says, sizeof says, "2 free ports are needed, 0 of the target's `ports` %d-%d at 127.0.0.1 are free: widen them by 2", first_port,
             first_port + PORTS - 1);
    assert_non_null(strstr(live_text(outcome, "/result/problems/0"), says));
    outcome = live_action(&world, "observe-2", "observe", "{\"ports_needed\":0}", NULL, 0);
    assert_null(nip__pointer(outcome, "/result/problems"));
    for (int i = 0; i < PORTS; i++)
        if (i != 5)
            close(listeners[i]);
}

static void replaces_a_killed_instance(void **state)
{
    (void)state;
    open_with("", "");
    live_expect(want("shop-1.3", "\"1.3\":{\"replicas\":2}"), "done", NULL);
    const nip__value *observed = observe();
    pid_t pid = pid_of(observed, 0);
    int port = port_at(observed, "/instances/0/endpoint");
    kill(pid, SIGKILL);
    assert_true(live_until(is_gone, &pid)); /* a zombie now: it is our child */
    observed = observe();
    assert_int_equal(live_int(observed, "/versions/1.3/running"), 1);
    assert_int_equal(live_int(observed, "/versions/1.3/exited"), 1);
    assert_int_equal(live_int(observed, "/instances/0/signal"), SIGKILL);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), -1); /* and was reaped by the driver */
    assert_true(exists(state_file(port)));
    const nip__value *outcome = want("shop-1.4", "\"1.3\":{\"replicas\":2}");
    live_expect(outcome, "done", NULL);
    observed = observe();
    assert_int_equal(live_int(observed, "/versions/1.3/running"), 2);
    assert_int_equal(live_int(observed, "/versions/1.3/exited"), 0);
}

static void rewrite(const char *path, const char *key, const char *value)
{
    nip__buffer text = NIP__BUFFER(8192), changed = NIP__BUFFER(8192);
    assert_int_equal(nip__file_read(path, 8192, &text, NULL), 0);
    char *place = strstr(text.data, key);
    assert_non_null(place);
    place += strlen(key);
    nip__buffer_put(&changed, text.data, (size_t)(place - text.data));
    nip__buffer_text(&changed, value);
    nip__buffer_text(&changed, place + strcspn(place, ",}"));
    assert_int_equal(nip__file_write(path, changed.data, changed.length, NULL), 0);
    nip__buffer_clear(&text);
    nip__buffer_clear(&changed);
}

/* A pid that belongs to somebody else by now is never signalled, whatever the file says. */
static void never_touches_a_reused_pid(void **state)
{
    (void)state;
    static const char *const sleeper[] = {"/bin/sleep", "1000", NULL};
    nip__local_process process;
    char number[32];
    open_with("", "");
    const nip__value *outcome = want("shop-1.3", "\"1.3\":{\"replicas\":1}");
    const char *path = state_file(port_at(outcome, "/result/started/0"));
    pid_t pid = pid_of(observe(), 0);
    kill(pid, SIGKILL);
    assert_true(live_until(is_gone, &pid));
    observe();
    bystander = live_spawn(&world, sleeper, "sleep.log");
    snprintf(number, sizeof number, "%d", (int)bystander);
    rewrite(path, "\"pid\":", number); /* same pid, another start */
    assert_int_equal(live_int(observe(), "/versions/1.3/running"), 0);
    assert_true(nip__local_process_read(bystander, &process));
    assert_int_equal(nip__local_process_open(bystander, process.start + 1), -1);
    snprintf(number, sizeof number, "%llu", (unsigned long long)process.start);
    rewrite(path, "\"start\":", number);
    assert_int_equal(live_int(observe(), "/versions/1.3/running"), 1);      /* the same process in every respect, but */
    rewrite(path, "\"boot\":", "\"00000000-0000-0000-0000-000000000000\""); /* of another boot */
    assert_int_equal(live_int(observe(), "/versions/1.3/running"), 0);
    rewrite(path, "\"start\":", "1");
    live_expect(want("shop-1.4", "\"1.3\":{\"replicas\":0}"), "done", NULL);
    assert_true(live_alive(bystander));
    assert_false(exists(path));
}

/* ---- without descriptors ---- */

static bool is_done(const nip__value *outcome)
{
    if (strcmp(live_text(outcome, "/outcome"), "done") == 0)
        return true;
    live_expect(outcome, "failed", "no_descriptors");
    assert_int_equal(live_int(outcome, "/retryable"), 1);
    assert_non_null(strstr(live_text(outcome, "/message"), "RLIMIT_NOFILE"));
    return false;
}

/* What cannot be looked at is neither gone nor stopped, however many descriptors are missing. */
static void takes_nothing_for_gone_without_descriptors(void **state)
{
    (void)state;
    static const struct {
        const char *verb, *args;
        int left;
    } cases[] = {
        {"observe", "{}", 2},
        {"select", "{\"version\":\"1.3\",\"count\":1}", 2},
        {"instances", "{\"versions\":{\"1.3\":{\"replicas\":2}}}", 2},
        {"instances", "{\"versions\":{\"1.3\":{\"replicas\":0}}}", 0},
    };
    open_with("", "");
    live_expect(want("shop-1.3", "\"1.3\":{\"replicas\":2}"), "done", NULL);
    pid_t pids[] = {pid_of(observe(), 0), pid_of(observe(), 1)};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int spare = 0;
        for (bool done = false; !done; spare++) {
            assert_true(spare < SPARE_MAX);
            live_spare_descriptors(spare);
            done = is_done(live_action(&world, "shop-1.4", cases[i].verb, cases[i].args, NULL, 0));
            live_spare_descriptors(-1);
        }
        assert_true(spare > 1); /* with none at all it was not done */
        assert_int_equal(live_alive(pids[0]) + live_alive(pids[1]), cases[i].left);
        assert_int_equal(nip__count(nip__get(observe(), "instances")), cases[i].left);
    }
}

/* ---- start-up ---- */

static void leaves_slow_ones_to_the_health_check(void **state)
{
    (void)state;
    char settings[1024];
    snprintf(settings, sizeof settings,
             "{\"driver\":\"local\",\"command\":[\"/usr/bin/"
             "python3\",\"%s\",\"--port\",\"{port}\",\"--slow-start\",\"1000\"],"
             "\"ports\":\"%d-%d\",\"start_timeout\":\"100ms\"}",
             live_app, first_port, first_port + PORTS - 1);
    live_open(&world, &nip__driver_local, settings);
    live_expect(want("shop-1.3", "\"1.3\":{\"replicas\":1}"), "done", NULL);
    assert_int_equal(live_int(observe(), "/versions/1.3/running"), 1);
    live_expect(want("shop-1.4", "\"1.3\":{\"replicas\":2}"), "done",
                NULL); /* the port of the first is not given away */
    assert_int_equal(live_int(observe(), "/versions/1.3/running"), 2);
}

static void leaves_processes_when_cancelled(void **state)
{
    (void)state;
    open_with(",\"--slow-start\",\"1000\"", "");
    live_cancelled(&world, "shop-1.3", "instances", "{\"versions\":{\"1.3\":{\"replicas\":2}}}", 100 * NIP_MILLISECOND);
    const nip__value *observed = observe();
    assert_int_equal(live_int(observed, "/versions/1.3/running"), 2);
    live_expect(want("shop-1.4", "\"1.3\":{\"replicas\":0}"), "done", NULL);
}

static bool has_variable(pid_t pid, const char *wanted)
{
    char path[64];
    nip__buffer text = NIP__BUFFER(1024 * 1024);
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    assert_int_equal(nip__file_read(path, 1024 * 1024, &text, NULL), 0);
    bool found = memmem(text.data, text.length, wanted, strlen(wanted) + 1) != NULL;
    nip__buffer_clear(&text);
    return found;
}

static void hands_over_the_environment(void **state)
{
    (void)state;
    char secret[128], settings[512];
    snprintf(secret, sizeof secret, "%s/secret", world.folder);
    assert_int_equal(nip__file_write(secret, "s3cret\n", 7, NULL), 0);
    snprintf(settings, sizeof settings,
             ",\"env\":{\"APP\":\"{app} "
             "{version}\",\"KEY\":{\"file\":\"%s\"},\"HOME_IS\":{\"env\":\"PATH\"},\"LEVEL\":\"1\"}",
             secret);
    open_with("", settings);
    live_expect(want("shop-1.3", "\"1.3\":{\"replicas\":1,\"settings\":{\"LEVEL\":2,\"FLAG\":true}}"), "done", NULL);
    pid_t pid = pid_of(observe(), 0);
    static const char *const wanted[] = {"APP=shop 1.3", "KEY=s3cret",         "LEVEL=2",
                                         "FLAG=true",    "NIPOPS_VERSION=1.3", "NIPOPS_INSTANCE=shop/1.3/shop-1.3/1"};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (!has_variable(pid, wanted[i]))
            fail_msg("%s is missing", wanted[i]);
    live_expect(want("shop-1.4", "\"1.4\":{\"replicas\":1,\"settings\":{\"X\":{\"env\":\"NIPOPS_TEST_UNSET\"}}}"),
                "failed", "start_failed");
    live_expect(want("shop-1.5", "\"1.4\":{\"replicas\":1,\"settings\":{\"NIPOPS_PORT\":\"1\"}}"), "failed",
                "start_failed");
    live_expect(want("shop-1.6", "\"1.4\":{\"replicas\":-1}"), "failed", "bad_arguments");
    live_expect(want("shop-1.7", "\"1.4\":{}"), "failed", "bad_arguments");
}

static void looks_for_artifacts(void **state)
{
    (void)state;
    char settings[256];
    snprintf(settings, sizeof settings, ",\"artifact_path\":\"%s/releases/{artifact}\"", world.folder);
    open_with("", settings);
    const nip__value *outcome =
        live_action(&world, "shop-1.2", "artifact", "{\"version\":\"1.3\",\"artifact\":\"a-1\"}", NULL, 0);
    live_expect(outcome, "done", NULL);
    assert_int_equal(live_int(outcome, "/result/exists"), 0);
    assert_int_equal(nip__file_make_folder(nip__arena_printf(world.arena, "%s/releases/a-1", world.folder), NULL), 0);
    outcome = live_action(&world, "shop-1.2", "artifact", "{\"version\":\"1.3\",\"artifact\":\"a-1\"}", NULL, 0);
    assert_int_equal(live_int(outcome, "/result/exists"), 1);
    assert_non_null(strstr(live_text(outcome, "/result/detail"), "releases/a-1"));
    live_close(&world);
    open_with("", "");
    outcome = live_action(&world, "shop-1.2", "artifact", "{\"version\":\"1.3\"}", NULL, 0);
    assert_int_equal(live_int(outcome, "/result/exists"), 1);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(starts_and_stops),
        TEST(repeats_without_starting_more),
        TEST(finds_an_instance_without_its_file),
        TEST(stops_what_does_not_listen_to_sigterm),
        TEST(stops_the_whole_family),
        TEST(clears_up_after_a_dead_leader),
        TEST(starts_before_it_stops),
        TEST(selects_the_unhealthy_and_the_oldest),
        TEST(settles),
        TEST(adopts_and_settles),
        TEST(refuses_to_adopt_by_halves),
        TEST(does_not_call_stopped_what_is_restarted),
        TEST(tells_of_an_instance_that_ends_at_once),
        TEST(tells_of_a_missing_program),
        TEST(tells_of_a_taken_port),
        TEST(avoids_ports_of_others),
        TEST(replaces_a_killed_instance),
        TEST(never_touches_a_reused_pid),
        TEST(takes_nothing_for_gone_without_descriptors),
        TEST(leaves_slow_ones_to_the_health_check),
        TEST(leaves_processes_when_cancelled),
        TEST(hands_over_the_environment),
        TEST(looks_for_artifacts),
    };
    live_app = argc > 1 ? argv[1] : "tests/support/app.py";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
