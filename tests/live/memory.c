/* The local and the haproxy driver when memory runs out: at every allocation of every verb. Each action is completed
 * or refused, nothing leaks, and afterwards the drivers work as if nothing had been. */
#include "harness.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include "base/file.h"
#include "driver/haproxy.h"
#include "driver/local.h"
#include "failing_malloc.h"

enum { ALLOCATIONS_MAX = 5000 };

static live_world world;
static const char *haproxy_program;
static pid_t proxy;
static long failing;
static bool failed;

static void window(bool open)
{
    if (!open)
        failed = allocations_seen() >= failing;
    fail_allocation(open ? failing : 0, 0);
}

/* `verb` with allocation 1, 2, 3, ... failing, until it needs no more. */
static void try_all(const char *verb, const char *args, const char *before, int flags)
{
    live_window = window;
    failed = true;
    for (failing = 1; failed && failing < ALLOCATIONS_MAX; failing++) {
        const nip__value *outcome = live_action(&world, "shop-1.7", verb, args, before, flags);
        if (outcome != NULL && strcmp(live_text(outcome, "/outcome"), "failed") == 0 &&
            strcmp(live_text(outcome, "/reason"), "no_memory") != 0 &&
            strcmp(live_text(outcome, "/reason"), "start_failed") != 0)
            fail_msg("%s, allocation %ld: %s: %s", verb, failing, live_text(outcome, "/reason"),
                     live_text(outcome, "/message"));
    }
    live_window = NULL;
    assert_in_range(failing, 3, ALLOCATIONS_MAX - 1);
}

static int set_up(void **state)
{
    (void)state;
    live_begin(&world);
    proxy = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char folder[128], real[4096];
    nip__local_scan scan = {0};
    live_window = NULL;
    fail_allocation(0, 0);
    snprintf(folder, sizeof folder, "%s/state", world.folder);
    if (realpath(folder, real) != NULL && nip__local_scan_all(world.arena, real, &scan, NULL) == 0)
        for (size_t i = 0; i < scan.count; i++)
            kill(scan.bearers[i].process.pid, SIGKILL);
    live_kill(proxy, SIGTERM);
    live_end(&world);
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    return 0;
}

static void runs_out_at_the_local_driver(void **state)
{
    (void)state;
    char settings[1024];
    int port = live_free_ports(8);
    snprintf(settings, sizeof settings,
             "{\"driver\":\"local\",\"command\":[\"/usr/bin/"
             "python3\",\"%s\",\"--port\",\"{port}\"],\"ports\":\"%d-%d\",\"env\":{\"A\":\"{app}\"},"
             "\"start_timeout\":\"30s\",\"stop_grace\":\"30s\"}",
             live_app, port, port + 7);
    live_open(&world, &nip__driver_local, settings);
    const char *up = "{\"versions\":{\"1.3\":{\"replicas\":2,\"settings\":{\"B\":1}}}}",
               *down = "{\"versions\":{\"1.3\":{\"replicas\":0}}}";
    try_all("instances", up, NULL, 0);
    live_expect(live_action(&world, "shop-1.8", "instances", up, NULL, 0), "done", NULL);
    try_all("observe", "{}", NULL, 0);
    try_all("select", "{\"version\":\"1.3\",\"count\":1}", NULL, 0);
    try_all("artifact", "{\"version\":\"1.3\"}", NULL, 0);
    try_all("instances", up, down, LIVE_SETTLES);
    const nip__value *outcome = live_action(&world, "shop-1.9", "observe", "{}", NULL, 0);
    assert_int_equal(live_int(outcome, "/result/versions/1.3/running"), 2); /* never more than were asked for */
    try_all("instances", down, NULL, 0);
    live_expect(live_action(&world, "shop-1.8", "instances", down, NULL, 0), "done", NULL);
    outcome = live_action(&world, "shop-1.9", "observe", "{}", NULL, 0);
    assert_int_equal(nip__count(nip__pointer(outcome, "/result/instances")), 0);
}

static bool is_ready(void *port)
{
    return live_listens(*(int *)port);
}

static void runs_out_at_the_haproxy_driver(void **state)
{
    (void)state;
    char path[128], text[1024], settings[512];
    int port = live_free_port();
    snprintf(path, sizeof path, "%s/haproxy.cfg", world.folder);
    int length = snprintf(
        text, sizeof text,
        "global\n  stats socket %s/admin.sock mode 600 level admin\ndefaults\n  mode http\n  timeout connect 5s\n"
        "  timeout client 60s\n  timeout server 60s\nfrontend front\n  bind 127.0.0.1:%d\n  default_backend app\n"
        "backend app\n  server-template s 1-4 127.0.0.1:1 disabled\n",
        world.folder, port);
    assert_int_equal(nip__file_write(path, text, (size_t)length, NULL), 0);
    const char *argv[] = {haproxy_program, "-db", "-f", path, NULL};
    proxy = live_spawn(&world, argv, "haproxy.log");
    assert_true(live_until(is_ready, &port));
    snprintf(settings, sizeof settings,
             "{\"driver\":\"haproxy\",\"socket\":\"%s/admin.sock\",\"backend\":\"app\",\"config\":\"%s\"}",
             world.folder, path);
    live_open(&world, &nip__driver_haproxy, settings);
    const char *first = "{\"groups\":{\"1\":{\"share\":100,\"endpoints\":[\"127.0.0.1:1001\"]}},\"canary\":\"2\"}";
    const char *second = "{\"groups\":{\"1\":{\"share\":60,\"endpoints\":[\"127.0.0.1:1001\"]},\"2\":{\"share\":40,"
                         "\"endpoints\":[\"127.0.0.1:1002\"]}},"
                         "\"drain\":[\"127.0.0.1:1003\"],\"canary\":\"2\"}";
    try_all("route", first, NULL, 0);
    live_expect(live_action(&world, "shop-1.8", "route", first, NULL, 0), "done", NULL);
    try_all("route", second, first, 0);
    live_expect(live_action(&world, "shop-1.8", "route", second, first, 0), "done", NULL);
    try_all("route", second, first, LIVE_SETTLES);
    try_all("observe", "{\"slots_needed\":9}", NULL, 0);
    try_all("sessions", "{\"endpoints\":[\"127.0.0.1:1001\"]}", NULL, 0);
    try_all("measure", "{\"versions\":{\"1\":{\"endpoints\":[\"127.0.0.1:1001\"]}},\"metrics\":[\"error_rate\",\"x\"]}",
            NULL, 0);
    live_expect(live_action(&world, "shop-1.8", "route", second, first, LIVE_SETTLES), "in_force", NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(runs_out_at_the_local_driver, set_up, tear_down),
        cmocka_unit_test_setup_teardown(runs_out_at_the_haproxy_driver, set_up, tear_down),
    };
    live_app = argc > 1 ? argv[1] : "tests/support/app.py";
    haproxy_program = argc > 2 ? argv[2] : "/usr/sbin/haproxy";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
