/* The haproxy driver with the real HAProxy and real requests; and with other programs at its socket. */
#include "harness.h"
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/file.h"
#include "driver/haproxy.h"

enum { APPS = 4, ARGS = 4096 };

static live_world world;
static const char *haproxy_program;
static pid_t proxy, apps[APPS];
static int front, ports[APPS]; /* apps 0 to 2 are 1.3, app 3 is 1.4 */

/* ---- what tests share ---- */

static int set_up(void **state)
{
    (void)state;
    live_begin(&world);
    proxy = 0;
    memset(apps, 0, sizeof apps);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    live_kill(proxy, SIGTERM); /* the master ends its workers */
    for (int i = 0; i < APPS; i++)
        live_kill(apps[i], SIGKILL);
    live_end(&world);
    return 0;
}

static void start_apps(void)
{
    for (int i = 0; i < APPS; i++) {
        ports[i] = live_free_port();
        apps[i] = live_app_start(&world, ports[i], i < 3 ? "1.3" : "1.4");
    }
}

static int said(const char *words)
{
    char path[160];
    int times = 0;
    nip__buffer log = NIP__BUFFER(1024 * 1024);
    snprintf(path, sizeof path, "%s/haproxy.log", world.folder);
    assert_int_equal(nip__file_read(path, 1024 * 1024, &log, NULL), 0);
    for (const char *at = nip__buffer_string(&log); (at = strstr(at, words)) != NULL; at++)
        times++;
    nip__buffer_clear(&log);
    return times;
}

/* HAProxy listens before its sockets have their names, and before its master knows its signals. */
static bool is_ready(void *unused)
{
    (void)unused;
    return said("Loading success") > 0;
}

/* The master may lose a signal that comes just after its start: now and then once more. */
static bool is_reloaded(void *looks)
{
    int *look = looks;
    if ((*look)++ % 100 == 0)
        kill(proxy, SIGUSR2);
    return said("Former worker") > 0;
}

static void reload(void)
{
    int looks = 0;
    assert_true(live_until(is_reloaded, &looks));
}

/* `server` is the rest of the server-template line. */
static void start_proxy(int slots, const char *global, const char *backend, const char *server)
{
    char path[128], text[2048];
    front = live_free_port();
    snprintf(path, sizeof path, "%s/haproxy.cfg", world.folder);
    int length = snprintf(text, sizeof text,
                          "global\n  stats socket %s/admin.sock mode 600 level admin\n  stats socket %s/user.sock mode "
                          "600 level user\n%s\n"
                          "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
                          "frontend front\n  bind 127.0.0.1:%d\n  default_backend app\n"
                          "backend app\n  balance roundrobin\n%s\n  server-template s 1-%d 127.0.0.1:1 %s\n",
                          world.folder, world.folder, global, front, backend, slots, server);
    assert_int_equal(nip__file_write(path, text, (size_t)length, NULL), 0);
    const char *argv[] = {haproxy_program, "-W", "-db", "-f", path, NULL};
    proxy = live_spawn(&world, argv, "haproxy.log");
    assert_true(live_until(is_ready, NULL));
}

static void open_at(const char *socket, const char *more)
{
    char settings[1024];
    live_close(&world);
    snprintf(settings, sizeof settings, "{\"driver\":\"haproxy\",\"socket\":\"%s/%s\",\"backend\":\"app\"%s}",
             world.folder, socket, more);
    live_open(&world, &nip__driver_haproxy, settings);
}

/* {"groups":{"1.3":{share, the first `old` apps},"1.4":{share, the last app}},"canary":"1.4"} */
static const char *shares(int old, int share)
{
    nip__buffer text = NIP__BUFFER(ARGS);
    nip__buffer_printf(&text, "{\"groups\":{\"1.3\":{\"share\":%d,\"endpoints\":[", 100 - share);
    for (int i = 0; i < old; i++)
        nip__buffer_printf(&text, "%s\"127.0.0.1:%d\"", i == 0 ? "" : ",", ports[i]);
    nip__buffer_printf(&text, "]},\"1.4\":{\"share\":%d,\"endpoints\":[\"127.0.0.1:%d\"]}},\"drain\":[", share,
                       ports[3]);
    for (int i = old; i < 3; i++)
        nip__buffer_printf(&text, "%s\"127.0.0.1:%d\"", i == old ? "" : ",", ports[i]);
    nip__buffer_text(&text, "],\"canary\":\"1.4\"}");
    const char *copy = nip__arena_text(world.arena, nip__buffer_string(&text));
    nip__buffer_clear(&text);
    return copy;
}

static const nip__value *route(const char *args, const char *before)
{
    return live_action(&world, "shop-1.1", "route", args, before, 0);
}

static const nip__value *observe(const char *args)
{
    const nip__value *outcome = live_action(&world, "shop-1.2", "observe", args, NULL, 0);
    live_expect(outcome, "done", NULL);
    return nip__get(outcome, "result");
}

/* How many of `count` requests the new version answers; all must be answered well. */
static int answered_by_new(int count)
{
    int found = 0;
    for (int i = 0; i < count; i++) {
        char body[64];
        assert_int_equal(live_http(front, "GET", "/", body, sizeof body), 200);
        found += strncmp(body, "1.4", 3) == 0;
    }
    return found;
}

static const char *endpoint(const char *format, int app)
{
    char name[64];
    snprintf(name, sizeof name, "127.0.0.1:%d", ports[app]);
    nip__buffer text = NIP__BUFFER(256);
    const char *place = strchr(format, '@');
    nip__buffer_put(&text, format, (size_t)(place - format));
    nip__buffer_text(&text, name);
    nip__buffer_text(&text, place + 1);
    const char *copy = nip__arena_text(world.arena, nip__buffer_string(&text));
    nip__buffer_clear(&text);
    return copy;
}

/* ---- traffic ---- */

static void gives_the_shares_that_were_asked_for(void **state)
{
    (void)state;
    static const struct {
        int old, share, of, expected;
    } cases[] = {{3, 0, 60, 0},     {3, 25, 200, 50}, {3, 10, 300, 30}, {1, 50, 100, 50},
                 {3, 75, 200, 150}, {0, 100, 50, 50}, {3, 0, 60, 0}};
    start_apps();
    start_proxy(8, "", "", "disabled");
    open_at("admin.sock", "");
    const char *before = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *args =
            cases[i].old > 0
                ? shares(cases[i].old, cases[i].share)
                : endpoint("{\"groups\":{\"1.4\":{\"share\":100,\"endpoints\":[\"@\"]}},\"canary\":\"1.4\"}", 3);
        const nip__value *outcome = route(args, before);
        live_expect(outcome, "done", NULL);
        assert_true(live_real(outcome, "/result/resolution") < 0.2);
        double share = live_real(outcome, "/result/groups/1.4/share");
        assert_true(share > cases[i].share - 0.2 && share < cases[i].share + 0.2);
        int found = answered_by_new(cases[i].of);
        if (found < cases[i].expected - 1 ||
            found > cases[i].expected + 1) /* where in its round HAProxy was is not known */
            fail_msg("%d %%: %d of %d requests, not %d", cases[i].share, found, cases[i].of, cases[i].expected);
        live_expect(live_action(&world, "shop-1.1", "route", args, before, LIVE_SETTLES), "in_force", NULL);
        before = args;
    }
}

struct visitor {
    atomic_bool stop;
    atomic_int answered, failed;
};

static void *visit(void *data)
{
    struct visitor *visitor = data;
    while (!atomic_load(&visitor->stop)) {
        if (live_http(front, "GET", "/", NULL, 0) == 200)
            atomic_fetch_add(&visitor->answered, 1);
        else
            atomic_fetch_add(&visitor->failed, 1);
    }
    return NULL;
}

static bool visited(void *data)
{
    return atomic_load(&((struct visitor *)data)->answered) > 20;
}

static void loses_no_request_while_traffic_moves(void **state)
{
    (void)state;
    struct visitor visitor = {0};
    pthread_t thread;
    const char *before = NULL;
    start_apps();
    start_proxy(6, "", "", "disabled");
    open_at("admin.sock", "");
    live_expect(route(shares(3, 0), NULL), "done", NULL);
    assert_int_equal(pthread_create(&thread, NULL, visit, &visitor), 0);
    for (int turn = 0; turn < 3; turn++) {
        static const int steps[][2] = {{3, 10}, {2, 60}, {0, 100}, {3, 0}};
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            const char *args =
                steps[i][0] > 0
                    ? shares(steps[i][0], steps[i][1])
                    : endpoint("{\"groups\":{\"1.4\":{\"share\":100,\"endpoints\":[\"@\"]}},\"canary\":\"1.4\"}", 3);
            live_expect(route(args, before), "done", NULL);
            before = args;
            atomic_store(&visitor.answered, 0);
            assert_true(live_until(visited, &visitor));
        }
    }
    atomic_store(&visitor.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&visitor.failed), 0);
}

/* ---- sessions ---- */

static int open_request(void)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)front), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    return fd;
}

static int64_t sessions_of(int app)
{
    const nip__value *outcome =
        live_action(&world, "shop-1.3", "sessions", endpoint("{\"endpoints\":[\"@\",\"127.0.0.9:9\"]}", app), NULL, 0);
    live_expect(outcome, "done", NULL);
    return live_int(outcome, "/result/sessions");
}

static bool has_a_session(void *data)
{
    return sessions_of(*(int *)data) == 1;
}

static void drains_and_takes_back(void **state)
{
    (void)state;
    int app = 3;
    char reply[512];
    start_apps();
    start_proxy(6, "", "", "disabled");
    open_at("admin.sock", "");
    const char *only_new = endpoint("{\"groups\":{\"1.4\":{\"share\":100,\"endpoints\":[\"@\"]}}}", 3);
    live_expect(route(only_new, NULL), "done", NULL);
    assert_int_equal(live_http(ports[3], "POST", "/delay?seconds=2", NULL, 0), 200);
    int fd = open_request();
    assert_true(live_until(has_a_session, &app));
    const char *drained = nip__arena_printf(
        world.arena,
        "{\"groups\":{\"1.3\":{\"share\":100,\"endpoints\":[\"127.0.0.1:%d\"]}},\"drain\":[\"127.0.0.1:%d\"]}",
        ports[0], ports[3]);
    live_expect(route(drained, only_new), "done", NULL);
    const nip__value *observed = observe("{}");
    assert_string_equal(live_text(observed, endpoint("/endpoints/@/state", 3)), "drain");
    assert_int_equal(live_int(observed, endpoint("/endpoints/@/sessions", 3)), 1); /* it keeps the one it has */
    assert_int_equal(answered_by_new(20), 0);                                      /* and gets no other */
    ssize_t got = recv(fd, reply, sizeof reply - 1, 0);
    assert_true(got > 0);
    assert_int_equal(strncmp(reply, "HTTP/1.1 200", 12), 0);
    close(fd);
    assert_int_equal(sessions_of(3), 0);
    assert_int_equal(live_http(ports[3], "POST", "/delay?seconds=0", NULL, 0), 200);
    live_expect(route(only_new, drained), "done", NULL); /* ready again */
    assert_int_equal(answered_by_new(20), 20);
}

/* ---- a router that forgets ---- */

static void notices_a_reload(void **state)
{
    (void)state;
    start_apps();
    start_proxy(6, "", "", "disabled");
    open_at("admin.sock", "");
    const char *first = shares(3, 0), *second = shares(3, 25);
    assert_int_equal(live_int(observe("{}"), "/restarted"), 1); /* nothing was ever put there */
    live_expect(route(first, NULL), "done", NULL);
    live_expect(route(second, first), "done", NULL);
    assert_int_equal(live_int(observe("{}"), "/restarted"), 0);
    reload();
    assert_int_equal(live_int(observe("{}"), "/restarted"), 1);
    const nip__value *outcome = live_action(&world, "shop-1.1", "route", second, first, LIVE_SETTLES);
    live_expect(outcome, "foreign", "router_restarted");
    live_expect(route(second, first), "done", NULL);
    assert_in_range(answered_by_new(40), 9, 11);
}

/* What the warnings advise: with a state file a reload changes nothing. */
static void survives_a_reload_with_a_state_file(void **state)
{
    (void)state;
    char global[256], command[512];
    start_apps();
    snprintf(global, sizeof global, "  server-state-file %s/server-state", world.folder);
    start_proxy(6, global, "  load-server-state-from-file global\n  option redispatch", "disabled");
    open_at("admin.sock", nip__arena_printf(world.arena, ",\"config\":\"%s/haproxy.cfg\"", world.folder));
    assert_int_equal(nip__count(nip__get(observe("{}"), "warnings")), 0);
    const char *first = shares(3, 0), *second = shares(3, 25);
    live_expect(route(second, first), "done", NULL);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/admin.sock", world.folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_true(send(fd, "show servers state\n", 19, MSG_NOSIGNAL) == 19);
    nip__buffer saved = NIP__BUFFER(65536);
    char bytes[4096];
    ssize_t got;
    while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0)
        nip__buffer_put(&saved, bytes, (size_t)got);
    close(fd);
    snprintf(command, sizeof command, "%s/server-state", world.folder);
    assert_int_equal(nip__file_write(command, saved.data, saved.length, NULL), 0);
    nip__buffer_clear(&saved);
    reload();
    live_expect(live_action(&world, "shop-1.1", "route", second, first, LIVE_SETTLES), "in_force", NULL);
    assert_in_range(answered_by_new(40), 9, 11);
}

static void settles_what_others_changed(void **state)
{
    (void)state;
    start_apps();
    start_proxy(6, "", "", "disabled");
    open_at("admin.sock", "");
    const char *first = shares(3, 0), *second = shares(3, 25), *third = shares(3, 50);
    live_expect(route(first, NULL), "done", NULL);
    live_expect(live_action(&world, "shop-1.1", "route", second, first, LIVE_SETTLES), "not_yet", NULL);
    live_expect(route(second, first), "done", NULL);
    live_expect(live_action(&world, "shop-1.1", "route", second, first, LIVE_SETTLES | LIVE_REPEATED), "in_force",
                NULL);
    live_expect(route(third, second), "done", NULL); /* somebody else, as far as the next question goes */
    live_expect(live_action(&world, "shop-1.1", "route", second, first, LIVE_SETTLES), "foreign", NULL);
}

/* ---- measuring ---- */

static void counts_errors(void **state)
{
    (void)state;
    start_apps();
    start_proxy(6, "", "  retries 0", "disabled");
    open_at("admin.sock", "");
    const char *only_new = endpoint("{\"groups\":{\"1.4\":{\"share\":100,\"endpoints\":[\"@\"]}}}", 3);
    const char *measure = endpoint("{\"versions\":{\"1.4\":{\"endpoints\":[\"@\"]}},\"metrics\":[\"error_rate\"]}", 3);
    const char *errors =
        nip__arena_printf(world.arena, "/result/versions/1.4/counters/s1@127.0.0.1:%d/errors", ports[3]);
    const char *total = nip__arena_printf(world.arena, "/result/versions/1.4/counters/s1@127.0.0.1:%d/total", ports[3]);
    live_expect(route(only_new, NULL), "done", NULL);
    answered_by_new(10);
    const nip__value *outcome = live_action(&world, "shop-1.4", "measure", measure, NULL, 0);
    live_expect(outcome, "done", NULL);
    assert_int_equal(live_int(outcome, errors), 0);
    assert_int_equal(live_int(outcome, total), 10);
    assert_int_equal(nip__count(nip__pointer(outcome, "/result/versions/1.4/problems")), 0);
    assert_int_equal(live_http(ports[3], "POST", "/fault?rate=0.5", NULL, 0), 200);
    for (int i = 0; i < 20; i++)
        live_http(front, "GET", "/", NULL, 0);
    outcome = live_action(&world, "shop-1.4", "measure", measure, NULL, 0);
    assert_int_equal(live_int(outcome, errors), 10);
    assert_int_equal(live_int(outcome, total), 30);
    live_kill(apps[3], SIGKILL); /* refused connections count, each once */
    apps[3] = 0;
    for (int i = 0; i < 4; i++)
        assert_int_equal(live_http(front, "GET", "/", NULL, 0), 503);
    outcome = live_action(&world, "shop-1.4", "measure", measure, NULL, 0);
    assert_int_equal(live_int(outcome, errors), 14);
    assert_int_equal(live_int(outcome, total), 34);
    outcome = live_action(
        &world, "shop-1.4", "measure",
        "{\"versions\":{\"1.4\":{\"endpoints\":[\"127.0.0.9:9\"]}},\"metrics\":[\"error_rate\",\"latency_p95\"]}", NULL,
        0);
    assert_true(live_lists(outcome, "/result/versions/1.4/problems", "127.0.0.9:9"));
    assert_true(live_lists(outcome, "/result/versions/1.4/problems", "latency_p95"));
    assert_null(nip__pointer(outcome, "/result/versions/1.4/counters"));
}

/* ---- what goes wrong ---- */

static void is_told_that_it_may_not_write(void **state)
{
    (void)state;
    start_apps();
    start_proxy(6, "", "", "disabled");
    open_at("user.sock", "");
    const nip__value *observed = observe("{\"slots_needed\":7}");
    assert_int_equal(live_int(observed, "/usable"), 0);
    assert_true(live_lists(observed, "/problems", "level admin"));
    assert_true(live_lists(observed, "/problems", "7 free servers are needed, 6 of 6 are free"));
    const nip__value *outcome = route(shares(3, 0), NULL);
    live_expect(outcome, "failed", "not_read_back");
    assert_non_null(strstr(live_text(outcome, "/message"), "Permission denied"));
    open_at("admin.sock", "");
    observed = observe("{\"slots_needed\":6}");
    assert_int_equal(live_int(observed, "/usable"), 1);
    assert_int_equal(live_int(observed, "/slots_free"), 6);
    assert_true(live_lists(observed, "/warnings", "`config`"));
    open_at("admin.sock", nip__arena_printf(world.arena, ",\"config\":\"%s/haproxy.cfg\"", world.folder));
    observed = observe("{}");
    assert_true(live_lists(observed, "/warnings", "option redispatch"));
    assert_true(live_lists(observed, "/warnings", "load-server-state-from-file global"));
}

static void is_told_what_is_missing(void **state)
{
    (void)state;
    char settings[256];
    start_proxy(2, "", "", "disabled");
    open_at("nothing.sock", "");
    const nip__value *observed = observe("{}");
    assert_int_equal(live_int(observed, "/usable"), 0);
    assert_true(live_lists(observed, "/problems", "nothing.sock"));
    live_expect(live_action(&world, "shop-1.3", "sessions", "{\"endpoints\":[]}", NULL, 0), "failed", "unreachable");
    live_close(&world);
    snprintf(settings, sizeof settings, "{\"driver\":\"haproxy\",\"socket\":\"%s/admin.sock\",\"backend\":\"nope\"}",
             world.folder);
    live_open(&world, &nip__driver_haproxy, settings);
    assert_true(live_lists(observe("{}"), "/problems", "nope"));
    live_expect(route("{\"groups\":{}}", NULL), "failed", "no_such_backend");
    open_at("admin.sock", "");
    live_expect(route("{\"groups\":{\"1\":{\"share\":100,\"endpoints\":[\"127.0.0.1:1001\",\"127.0.0.1:1002\",\"127.0."
                      "0.1:1003\"]}}}",
                      NULL),
                "failed", "no_slots");
    live_expect(route("{\"groups\":{\"1\":{\"share\":100,\"endpoints\":[\"nowhere\"]}}}", NULL), "failed",
                "bad_arguments");
}

static bool is_down(void *data)
{
    return live_int(observe("{}"), endpoint("/endpoints/@/down", *(int *)data)) == 1;
}

/* HAProxy's own checks: a server that is down is told, and never the reason why nobody serves. */
static void keeps_serving_when_the_new_ones_are_down(void **state)
{
    (void)state;
    int app = 3;
    start_apps();
    start_proxy(6, "", "", "disabled check inter 50ms fall 1 rise 1");
    open_at("admin.sock", "");
    const char *first = shares(3, 0), *second = shares(3, 25);
    live_expect(route(first, NULL), "done", NULL);
    live_kill(apps[3], SIGKILL);
    apps[3] = 0;
    assert_true(live_until(is_down, &app));
    const nip__value *outcome = route(second, first);
    live_expect(outcome, "done", NULL);
    assert_true(live_lists(outcome, "/result/down", endpoint("@", 3)));
    outcome =
        route(endpoint("{\"groups\":{\"1.4\":{\"share\":100,\"endpoints\":[\"@\"]}},\"canary\":\"1.4\"}", 3), second);
    live_expect(outcome, "failed", "unhealthy");
    assert_int_equal(answered_by_new(20), 0);
}

static void uses_only_its_own_servers(void **state)
{
    (void)state;
    start_apps();
    char server[64];
    snprintf(server, sizeof server, "  server fixed 127.0.0.1:%d weight 1", ports[3]);
    start_proxy(4, "", server, "disabled");
    open_at("admin.sock", ",\"slot_prefix\":\"s\"");
    const char *args = endpoint("{\"groups\":{\"1.3\":{\"share\":100,\"endpoints\":[\"@\"]}}}", 0);
    live_expect(route(args, NULL), "done", NULL);
    assert_int_equal(live_int(observe("{}"), "/slots"), 4);
    assert_int_equal(answered_by_new(20), 10); /* the server that is not ours went on */
}

static void writes_in_batches(void **state)
{
    (void)state;
    nip__buffer args = NIP__BUFFER(65536);
    start_proxy(400, "", "", "disabled");
    open_at("admin.sock", "");
    nip__buffer_text(&args, "{\"groups\":{\"1\":{\"share\":100,\"endpoints\":[");
    for (int i = 0; i < 400; i++)
        nip__buffer_printf(&args, "%s\"127.0.0.%d:%d\"", i == 0 ? "" : ",", 1 + i % 3, 2000 + i);
    nip__buffer_text(&args, "]}}}");
    const nip__value *outcome = route(args.data, NULL);
    live_expect(outcome, "done", NULL);
    assert_int_equal(nip__count(nip__pointer(outcome, "/result/groups/1/endpoints")), 400);
    live_expect(route("{\"groups\":{}}", args.data), "done", NULL);
    assert_int_equal(live_int(observe("{}"), "/slots_free"), 400);
    nip__buffer_clear(&args);
}

/* ---- other programs at the socket ---- */

struct impostor {
    int listener, stop[2];
    const char *reply; /* NULL: never answers; "": closes at once */
    bool endless;
};

static void *pretend(void *data)
{
    struct impostor *impostor = data;
    char bytes[65536];
    for (;;) {
        struct pollfd waiting[2] = {{.fd = impostor->listener, .events = POLLIN},
                                    {.fd = impostor->stop[0], .events = POLLIN}};
        if (poll(waiting, 2, -1) < 0 || waiting[1].revents != 0)
            return NULL;
        int fd = accept(impostor->listener, NULL, NULL);
        if (impostor->reply == NULL) {
            poll(&waiting[1], 1, -1); /* until the test is over */
            close(fd);
            return NULL;
        }
        if (recv(fd, bytes, sizeof bytes, 0) > 0)
            send(fd, impostor->reply, strlen(impostor->reply), MSG_NOSIGNAL);
        memset(bytes, 'x', sizeof bytes);
        while (impostor->endless && send(fd, bytes, sizeof bytes, MSG_NOSIGNAL) > 0) {
        }
        close(fd);
    }
}

static void distrusts_other_programs(void **state)
{
    (void)state;
    static const struct {
        const char *what, *reply;
        bool endless;
        const char *reason;
    } cases[] = {
        {"never answers", NULL, false, "timeout"},
        {"closes at once", "", false, "protocol"},
        {"answers nonsense", "+OK\r\n\r\n", false, "protocol"},
        {"stops in the middle", "1\n# be_id be_name srv_id srv_name srv_addr\n3 app 1 s1 127.", false, "protocol"},
        {"never stops", "1\n", true, "protocol"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct impostor impostor = {.reply = cases[i].reply, .endless = cases[i].endless};
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        pthread_t thread;
        snprintf(address.sun_path, sizeof address.sun_path, "%s/%zu.sock", world.folder, i);
        impostor.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(impostor.listener, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(listen(impostor.listener, 8), 0);
        assert_int_equal(pipe(impostor.stop), 0);
        assert_int_equal(pthread_create(&thread, NULL, pretend, &impostor), 0);
        char name[16];
        snprintf(name, sizeof name, "%zu.sock", i);
        open_at(name, cases[i].reply == NULL ? ",\"timeout\":\"200ms\"" : ",\"timeout\":\"60s\"");
        const nip__value *outcome = route("{\"groups\":{}}", NULL);
        assert_true(write(impostor.stop[1], "x", 1) == 1);
        pthread_join(thread, NULL);
        close(impostor.listener);
        close(impostor.stop[0]);
        close(impostor.stop[1]);
        if (strcmp(live_text(outcome, "/reason"), cases[i].reason) != 0)
            fail_msg("%s: %s", cases[i].what, live_text(outcome, "/message"));
        live_close(&world);
    }
}

static void can_be_cancelled(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/mute.sock", world.folder);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 8), 0);
    open_at("mute.sock", ",\"timeout\":\"60s\"");
    live_cancelled(&world, "shop-1.1", "route", "{\"groups\":{}}", 20 * NIP_MILLISECOND);
    close(listener);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(gives_the_shares_that_were_asked_for),
        TEST(loses_no_request_while_traffic_moves),
        TEST(drains_and_takes_back),
        TEST(notices_a_reload),
        TEST(survives_a_reload_with_a_state_file),
        TEST(settles_what_others_changed),
        TEST(counts_errors),
        TEST(is_told_that_it_may_not_write),
        TEST(is_told_what_is_missing),
        TEST(keeps_serving_when_the_new_ones_are_down),
        TEST(uses_only_its_own_servers),
        TEST(writes_in_batches),
        TEST(distrusts_other_programs),
        TEST(can_be_cancelled),
    };
    live_app = argc > 1 ? argv[1] : "tests/support/app.py";
    haproxy_program = argc > 2 ? argv[2] : "/usr/sbin/haproxy";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
