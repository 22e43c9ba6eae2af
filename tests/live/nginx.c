/* The nginx driver with the real nginx and real requests. */
#include "harness.h"
#include <glob.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/file.h"
#include "driver/nginx_work.h"

enum { APPS = 4, TEXT = 8192 };

static live_world world;
static const char *nginx_program, *test_program; /* the driver's setting `nginx` */
static pid_t server, apps[APPS];
static int front, status, ports[APPS]; /* apps 0 to 2 are 1.3, app 3 is 1.4 */
static const char *own_file, *included; /* as the document names it; as nginx.conf includes it */
static const char by_weights[] = "", by_user[] = ",\"share_by\":\"key\",\"key\":\"$arg_user\"";

/* ---- what tests share ---- */

static int set_up(void **state)
{
    (void)state;
    live_begin(&world);
    server = 0;
    own_file = included = "shop.conf";
    test_program = nginx_program;
    memset(apps, 0, sizeof apps);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    live_kill(server, SIGTERM); /* the master ends its workers */
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

static const char *in_folder(const char *name)
{
    return nip__arena_printf(world.arena, "%s/%s", world.folder, name);
}

static void write_text(const char *name, const char *text)
{
    assert_int_equal(nip__file_write(in_folder(name), text, strlen(text), NULL), 0);
}

static const char *text_of(const char *path)
{
    nip__buffer text = NIP__BUFFER(1024 * 1024);
    nip__file_tail(path, 1024 * 1024 - 1, &text);
    const char *copy = nip__arena_text(world.arena, nip__buffer_string(&text));
    nip__buffer_clear(&text);
    return copy;
}

static const char *read_text(const char *name)
{
    return text_of(in_folder(name));
}

static bool is_up(void *unused)
{
    (void)unused;
    return live_listens(front) && read_text("nginx.pid")[0] != '\0';
}

/* What nginx needs to run in a folder of its own, and `include` of our file. */
static const char *general(void)
{
    const char *folder = world.folder;
    return nip__arena_printf(
        world.arena,
        "daemon off; pid %s/nginx.pid; error_log %s/error.log notice; worker_processes 2;\nevents {}\nhttp {\n"
        "access_log off; client_body_temp_path %s/t1; proxy_temp_path %s/t2; fastcgi_temp_path %s/t3;\n"
        "uwsgi_temp_path %s/t4; scgi_temp_path %s/t5;\ninclude %s/%s;\n",
        folder, folder, folder, folder, folder, folder, folder, folder, included);
}

static void write_config(const char *pass, const char *location, const char *more)
{
    write_text(
        "nginx.conf",
        nip__arena_printf(
            world.arena,
            "%s%s\nserver { listen 127.0.0.1:%d; location / { %s proxy_pass http://%s; }\n"
            "location = /nipops_mirror { internal; if ($shop_mirror = \"\") { return 204; }\n"
            "proxy_pass http://$shop_mirror$request_uri; proxy_connect_timeout 1s; proxy_read_timeout 1s; } } }\n",
            general(), more, front, location, pass));
}

static void start_server(void)
{
    const char *argv[] = {nginx_program, "-c", in_folder("nginx.conf"), NULL};
    server = live_spawn(&world, argv, "nginx.log");
    assert_true(live_until(is_up, NULL));
}

static const char first_text[] = "# nipops shop\nupstream shop { server 127.0.0.1:1 down; }\n"
                                 "map \"\" $shop { default shop; }\nmap \"\" $shop_mirror { default \"\"; }\n";

static void begin_as_it_stands(const char *pass, const char *location)
{
    start_apps();
    front = live_free_port();
    status = live_free_port();
    write_config(pass, location, "");
    start_server();
}

static void begin(const char *pass, const char *location)
{
    write_text("shop.conf", first_text);
    begin_as_it_stands(pass, location);
}

/* nginx includes whatever is in a folder. */
static void begin_with_folder(void)
{
    assert_int_equal(mkdir(in_folder("conf.d"), 0755), 0);
    own_file = "conf.d/shop.conf";
    included = "conf.d/*";
    write_text(own_file, first_text);
    begin_as_it_stands("shop", "");
}

/* As Debian has it: that folder holds links to another one. */
static void begin_with_links(void)
{
    assert_int_equal(mkdir(in_folder("enabled"), 0755), 0);
    assert_int_equal(mkdir(in_folder("available"), 0755), 0);
    assert_int_equal(symlink("../available/shop", in_folder("enabled/shop.conf")), 0);
    own_file = "enabled/shop.conf";
    included = "enabled/*";
    write_text("available/shop", first_text);
    begin_as_it_stands("shop", "");
}

static void open_driver(const char *more)
{
    live_close(&world);
    live_open(
        &world, &nip__driver_nginx,
        nip__arena_printf(world.arena,
                          "{\"driver\":\"nginx\",\"file\":\"%s/%s\",\"upstream\":\"shop\",\"status\":"
                          "\"127.0.0.1:%d\",\"nginx\":[\"%s\"],\"conf\":\"%s/nginx.conf\",\"pid\":\"%s/nginx.pid\"%s}",
                          world.folder, own_file, status, test_program, world.folder, world.folder, more));
}

static void open_driver_without_state(void)
{
    nip_ctx *usual = world.ctx;
    assert_int_equal(nip_ctx_new(&world.ctx, NULL), 0);
    open_driver(by_weights);
    nip_ctx_free(world.ctx);
    world.ctx = usual;
}

/* {"groups":{"1.3":{share, the first `old` apps},"1.4":{share, the last app}},"canary":"1.4"} */
static const char *shares(int old, int share)
{
    nip__buffer text = NIP__BUFFER(TEXT);
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

static const nip__value *settle(const char *args, const char *before)
{
    return live_action(&world, "shop-1.1", "route", args, before, LIVE_SETTLES | LIVE_REPEATED);
}

static const nip__value *observe_with(const char *args)
{
    const nip__value *outcome = live_action(&world, "shop-1.2", "observe", args, NULL, 0);
    live_expect(outcome, "done", NULL);
    return nip__get(outcome, "result");
}

static const nip__value *observe(void)
{
    return observe_with("{}");
}

/* How many of `count` requests the new version answers; all must be answered well. */
static int answered_by_new(int count)
{
    int found = 0;
    for (int i = 0; i < count; i++) {
        char body[64], path[32];
        snprintf(path, sizeof path, "/?user=%d", i);
        assert_int_equal(live_http(front, "GET", path, body, sizeof body), 200);
        found += strncmp(body, "1.4", 3) == 0;
    }
    return found;
}

/* ---- traffic ---- */

static void gives_the_shares_that_were_asked_for(void **state)
{
    (void)state;
    static const struct {
        int old, share, of, expected;
    } cases[] = {{3, 0, 60, 0}, {3, 25, 200, 50}, {3, 10, 300, 30}, {1, 50, 100, 50}, {3, 75, 200, 150}, {3, 0, 60, 0}};
    begin("shop", "");
    open_driver(by_weights);
    const char *before = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *args = shares(cases[i].old, cases[i].share);
        const nip__value *outcome = route(args, before);
        live_expect(outcome, "done", NULL);
        assert_true(live_real(outcome, "/result/resolution") < 0.2);
        double share = live_real(outcome, "/result/groups/1.4/share");
        assert_true(share > cases[i].share - 0.2 && share < cases[i].share + 0.2);
        int found = answered_by_new(cases[i].of);
        if (found < cases[i].expected - 1 || found > cases[i].expected + 1)
            fail_msg("%d %%: %d of %d requests, not %d", cases[i].share, found, cases[i].of, cases[i].expected);
        live_expect(settle(args, before), "in_force", NULL);
        before = args;
    }
    const nip__value *observed = observe();
    assert_int_equal(live_int(observed, "/usable"), 1);
    assert_int_equal(live_int(observed, "/restarted"), 0);
    assert_string_equal(live_text(observed, nip__arena_printf(world.arena, "/endpoints/127.0.0.1:%d/state", ports[0])),
                        "ready");
    assert_int_equal(live_int(route(before, NULL), "/result/resolution"), 0); /* as it is: nothing is written */
    assert_non_null(strstr(read_text("shop.conf"), "generation 6 "));
}

static void splits_by_a_key_that_sticks(void **state)
{
    (void)state;
    bool had[200] = {0};
    int counts[3] = {0};
    static const int steps[] = {10, 40, 100};
    begin("$shop", "");
    open_driver(by_user);
    const char *before = NULL;
    for (size_t step = 0; step < 3; step++) {
        const char *args = shares(2, steps[step]);
        live_expect(route(args, before), "done", NULL);
        for (int user = 0; user < 200; user++) {
            char body[64], path[32];
            snprintf(path, sizeof path, "/?user=u%d", user);
            assert_int_equal(live_http(front, "GET", path, body, sizeof body), 200);
            bool has = strncmp(body, "1.4", 3) == 0;
            assert_true(has || !had[user]); /* who had the new version keeps it */
            had[user] = has;
            counts[step] += has;
        }
        live_expect(settle(args, before), "in_force", NULL);
        before = args;
    }
    /* the keys are always the same, so these numbers are too; of 200 draws at 10 % and 40 % they are nothing unusual */
    assert_in_range(counts[0], 8, 36);
    assert_in_range(counts[1], 55, 105);
    assert_int_equal(counts[2], 200);
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

static void loses_no_request_while_traffic_moves(void **state)
{
    (void)state;
    static const int steps[][2] = {{3, 10}, {2, 60}, {1, 90}, {3, 0}};
    struct visitor visitor = {0};
    pthread_t thread;
    const char *before = NULL;
    begin("shop", "");
    open_driver(by_weights);
    live_expect(route(shares(3, 0), NULL), "done", NULL);
    assert_int_equal(pthread_create(&thread, NULL, visit, &visitor), 0);
    for (int i = 0; i < 12; i++) {
        const char *args = shares(steps[i % 4][0], steps[i % 4][1]);
        live_expect(route(args, before), "done", NULL);
        before = args;
    }
    atomic_store(&visitor.stop, true);
    pthread_join(thread, NULL);
    assert_true(atomic_load(&visitor.answered) > 20);
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
        live_action(&world, "shop-1.3", "sessions",
                    nip__arena_printf(world.arena, "{\"endpoints\":[\"127.0.0.1:%d\"]}", ports[app]), NULL, 0);
    live_expect(outcome, "done", NULL);
    return live_int(outcome, "/result/sessions");
}

static bool is_idle(void *unused)
{
    (void)unused;
    return sessions_of(3) == 0;
}

static bool is_busy(void *unused)
{
    struct pollfd quiet = {.fd = *(int *)unused, .events = POLLIN};
    return poll(&quiet, 1, 50) == 0; /* the answer is still being waited for */
}

static void drains_with_the_workers_from_before(void **state)
{
    (void)state;
    char reply[512];
    begin("shop", "");
    open_driver(by_weights);
    const char *only_new = nip__arena_printf(
        world.arena, "{\"groups\":{\"1.4\":{\"share\":100,\"endpoints\":[\"127.0.0.1:%d\"]}}}", ports[3]);
    const char *drained = nip__arena_printf(
        world.arena,
        "{\"groups\":{\"1.3\":{\"share\":100,\"endpoints\":[\"127.0.0.1:%d\"]}},\"drain\":[\"127.0.0.1:%d\"]}",
        ports[0], ports[3]);
    live_expect(route(only_new, NULL), "done", NULL);
    assert_true(live_until(is_idle, NULL));
    assert_int_equal(live_http(ports[3], "POST", "/delay?seconds=2", NULL, 0), 200);
    int fd = open_request();
    assert_true(is_busy(&fd));
    live_expect(route(drained, only_new), "done", NULL);
    assert_int_equal(sessions_of(3), 1);
    assert_string_equal(live_text(observe(), nip__arena_printf(world.arena, "/endpoints/127.0.0.1:%d/state", ports[3])),
                        "drain");
    assert_int_equal(answered_by_new(10), 0);
    ssize_t got = recv(fd, reply, sizeof reply - 1, 0);
    assert_true(got > 0);
    assert_int_equal(strncmp(reply, "HTTP/1.1 200", 12), 0);
    close(fd);
    assert_true(live_until(is_idle, NULL));
}

/* ---- mirroring ---- */

static const nip__value *mirror(const char *args, const char *before, int flags)
{
    return live_action(&world, "shop-1.4", "mirror", args, before, flags);
}

static int count_of(int app)
{
    char body[64];
    assert_int_equal(live_http(ports[app], "GET", "/count", body, sizeof body), 200);
    return atoi(body);
}

static bool has_settled(void *count)
{
    int now = count_of(3);
    bool same = now == *(int *)count;
    *(int *)count = now;
    return same;
}

/* Users of all requests are answered by the old version; how many did the new one see as well? */
static int mirrored(int requests)
{
    int before = count_of(3), after = -1;
    assert_int_equal(answered_by_new(requests), 0);
    assert_true(live_until(has_settled, &after));
    return after - before;
}

static void mirrors_what_users_ask(void **state)
{
    (void)state;
    static const char off[] = "{\"endpoints\":[]}";
    begin("shop", "mirror /nipops_mirror;");
    open_driver(by_weights);
    assert_int_equal(live_int(observe(), "/mirrors"), 1);
    const char *args = nip__arena_printf(
        world.arena, "{\"endpoints\":[\"127.0.0.1:%d\"],\"percent\":100,\"version\":\"1.4\"}", ports[3]);
    const char *some = nip__arena_printf(
        world.arena, "{\"endpoints\":[\"127.0.0.1:%d\"],\"percent\":20,\"version\":\"1.4\"}", ports[3]);
    const char *old = nip__arena_printf(
        world.arena, "{\"groups\":{\"1.3\":{\"share\":100,\"endpoints\":[\"127.0.0.1:%d\"]}}}", ports[0]);
    live_expect(route(old, NULL), "done", NULL);
    assert_int_equal(mirrored(20), 0);
    live_expect(mirror(args, off, LIVE_SETTLES), "not_yet", NULL);
    const nip__value *outcome = mirror(args, off, 0);
    live_expect(outcome, "done", NULL);
    assert_int_equal((int)live_real(outcome, "/result/mirror/percent"), 100);
    assert_true(live_lists(outcome, "/result/mirror/endpoints", "127.0.0.1:"));
    live_expect(mirror(args, off, LIVE_SETTLES), "in_force", NULL);
    live_expect(settle(old, NULL), "in_force", NULL); /* what users get is as it was */
    assert_int_equal(mirrored(30), 30);
    assert_int_equal(live_http(ports[3], "POST", "/fault?rate=1", NULL, 0), 200);
    assert_int_equal(mirrored(30), 30); /* users do not notice */
    live_expect(mirror(some, args, 0), "done", NULL);
    assert_in_range(mirrored(300), 25, 100); /* drawn for each request: 60 on average, 7 is one standard deviation */
    live_expect(mirror(args, off, LIVE_SETTLES), "foreign", NULL);
    live_expect(route(shares(2, 0), old), "done", NULL);
    assert_int_equal((int)live_real(observe(), "/mirror/percent"), 20); /* a route leaves it */
    live_expect(mirror(off, some, 0), "done", NULL);
    assert_int_equal(mirrored(20), 0);
    live_expect(mirror("{\"endpoints\":[\"127.0.0.1:9 ; }\"]}", NULL, 0), "failed", "bad_arguments");
    live_expect(mirror("{}", NULL, 0), "failed", "bad_arguments");
}

/* A location for copies without any `mirror`, and one that was commented out: nothing is sent there. */
static void believes_no_comment_about_mirroring(void **state)
{
    (void)state;
    begin("shop", "# mirror /nipops_mirror;\n");
    open_driver(by_weights);
    assert_int_equal(live_int(observe(), "/mirrors"), 0);
    live_expect(mirror("{\"endpoints\":[\"127.0.0.1:9\"]}", NULL, 0), "failed", "unsupported");
    write_config("shop", "mirror /nipops_mirror;", "");
    assert_int_equal(live_int(observe(), "/mirrors"), 1);
}

static void mirrors_nothing_without_being_asked_to(void **state)
{
    (void)state;
    begin("shop", "");
    write_text("nginx.conf", nip__arena_printf(world.arena, "%sserver { listen 127.0.0.1:%d; } }", general(), front));
    open_driver(by_weights);
    assert_int_equal(live_int(observe(), "/mirrors"), 0);
    const nip__value *outcome = mirror("{\"endpoints\":[\"127.0.0.1:9\"]}", NULL, 0);
    live_expect(outcome, "failed", "unsupported");
    assert_non_null(strstr(live_text(outcome, "/message"), "$shop_mirror"));
    assert_null(strstr(read_text("shop.conf"), "127.0.0.1:9;"));
}

/* ---- what goes wrong ---- */

static void keeps_the_file_when_nginx_refuses_it(void **state)
{
    (void)state;
    begin("shop", "");
    open_driver(by_weights);
    const char *first = shares(3, 0), *second = shares(3, 25);
    live_expect(route(first, NULL), "done", NULL);
    const char *before = read_text("shop.conf");
    write_config("shop", "", "upstream shop { server 127.0.0.1:1; }"); /* the name is taken */
    const nip__value *outcome = route(second, first);
    live_expect(outcome, "failed", "config_refused");
    assert_non_null(strstr(live_text(outcome, "/message"), "duplicate upstream"));
    assert_string_equal(read_text("shop.conf"), before);
    assert_int_equal(live_int(observe(), "/usable"), 0);
    live_expect(settle(second, first), "not_yet", NULL);
    write_config("shop", "", "");
    write_text("shop.conf.other", before);
    live_expect(route(second, first), "done", NULL);
}

/* nginx -T finds no fault with an address that is in use by another program: only the reload does. */
static void keeps_the_file_when_the_reload_fails(void **state)
{
    (void)state;
    begin("shop", "");
    open_driver(",\"timeout\":\"700ms\"");
    const char *first = shares(3, 0), *second = shares(3, 25);
    live_expect(route(first, NULL), "done", NULL);
    const char *before = read_text("shop.conf");
    int taken = live_free_port(), fd = live_listen("127.0.0.1", taken);
    write_config("shop", "", nip__arena_printf(world.arena, "server { listen 127.0.0.1:%d; }", taken));
    const nip__value *outcome = route(second, first);
    live_expect(outcome, "failed", "not_read_back");
    assert_non_null(strstr(live_text(outcome, "/message"), "still works by generation 1"));
    assert_string_equal(read_text("shop.conf"), before);
    assert_int_equal(answered_by_new(20), 0);
    close(fd);
    live_expect(route(second, first), "done", NULL);
    open_driver(",\"reload\":[\"/bin/false\"]");
    outcome = route(first, second);
    live_expect(outcome, "failed", "reload_failed");
    live_expect(settle(second, first), "in_force", NULL);
    assert_int_equal(live_http(front, "GET", "/", NULL, 0), 200);
}

static void says_that_nginx_does_not_run(void **state)
{
    (void)state;
    begin("shop", "");
    open_driver(by_weights);
    live_expect(route(shares(3, 0), NULL), "done", NULL);
    nip__nginx_workers workers;
    assert_true(nip__nginx_workers_read(world.arena, server, &workers));
    assert_int_equal(workers.count, 2);
    live_kill(server, SIGKILL); /* leaves its pid file, and its workers */
    server = 0;
    for (size_t i = 0; i < workers.count; i++)
        kill(workers.serving[i].pid, SIGKILL);
    const nip__value *outcome = route(shares(3, 50), NULL);
    live_expect(outcome, "failed", "reload_failed");
    assert_non_null(strstr(live_text(outcome, "/message"), "nginx does not run"));
    assert_int_equal(live_int(observe(), "/usable"), 0);
}

static void says_that_its_file_is_not_included(void **state)
{
    (void)state;
    begin("shop", "");
    write_text("nginx.conf", nip__arena_printf(world.arena, "pid %s/nginx.pid; error_log %s/error.log; events {}",
                                               world.folder, world.folder));
    open_driver(by_weights);
    assert_true(live_lists(observe(), "/problems", "does not include"));
    const nip__value *outcome = route(shares(3, 0), NULL);
    live_expect(outcome, "failed", "config_refused");
    assert_non_null(strstr(live_text(outcome, "/message"), "does not include"));
}

/* ---- files ---- */

static bool is_link(const char *name)
{
    struct stat found;
    return lstat(in_folder(name), &found) == 0 && S_ISLNK(found.st_mode);
}

/* A copy beside the file would be included as well: the upstream would be there twice. */
static void keeps_an_edit_where_nginx_does_not_read_it(void **state)
{
    (void)state;
    begin_with_folder();
    open_driver(by_weights);
    live_expect(route(shares(3, 0), NULL), "done", NULL);
    for (int share = 25; share < 100; share += 25) {
        const char *edited = nip__arena_printf(world.arena, "%s# a note, %d\n", read_text(own_file), share);
        write_text(own_file, edited);
        const nip__value *outcome = route(shares(3, share), NULL);
        live_expect(outcome, "done", NULL);
        const char *kept = live_text(outcome, "/result/kept");
        assert_string_equal(text_of(kept), edited);
        assert_non_null(strstr(kept, share < 75 ? "/state/nginx/shop.conf." : "/conf.d/.shop.conf."));
        assert_int_equal(live_int(observe(), "/usable"), 1);
        if (share == 50)
            open_driver_without_state();
    }
    live_expect(route(shares(3, 0), NULL), "done", NULL);
    assert_string_equal(live_text(route(shares(3, 25), NULL), "/result/kept"), ""); /* nothing was kept */
}

static void writes_through_links(void **state)
{
    (void)state;
    begin_with_links();
    open_driver(by_weights);
    const char *first = shares(3, 0), *second = shares(3, 50);
    live_expect(route(first, NULL), "done", NULL);
    assert_true(is_link(own_file));
    live_expect(route(second, first), "done", NULL);
    assert_in_range(answered_by_new(40), 19, 21);
    write_config("shop", "", "upstream shop { server 127.0.0.1:1; }");
    live_expect(route(first, second), "failed", "config_refused"); /* the text from before goes back through it too */
    assert_true(is_link(own_file));
    assert_false(is_link("available/shop"));
    assert_non_null(strstr(read_text("available/shop"), "generation 2 "));
    live_expect(settle(second, first), "in_force", NULL);
}

/* A copy that nginx reads in its place, and one that it reads as well. */
static void names_copies_that_nginx_reads(void **state)
{
    (void)state;
    begin_with_folder();
    open_driver(by_weights);
    live_expect(route(shares(3, 0), NULL), "done", NULL);
    write_text("conf.d/shop.conf.bak", read_text(own_file));
    assert_true(live_lists(observe(), "/problems", "shop.conf.bak, a copy of"));
    const nip__value *outcome = route(shares(3, 50), NULL);
    live_expect(outcome, "failed", "config_refused");
    assert_non_null(strstr(live_text(outcome, "/message"), "shop.conf.bak, a copy of"));
    included = "conf.d/*.bak";
    write_config("shop", "", "");
    assert_true(live_lists(observe(), "/problems", "shop.conf.bak, a copy of"));
    outcome = route(shares(3, 50), NULL);
    live_expect(outcome, "failed", "config_refused");
    assert_non_null(strstr(live_text(outcome, "/message"), "shop.conf.bak, a copy of"));
    assert_int_equal(unlink(in_folder("conf.d/shop.conf.bak")), 0);
    assert_int_equal(symlink("shop.conf", in_folder("conf.d/link.bak")), 0); /* no copy: the file by another name */
    assert_int_equal(live_int(observe(), "/usable"), 1);
    live_expect(route(shares(3, 50), NULL), "done", NULL);
    assert_in_range(answered_by_new(40), 19, 21);
}

/* What a rollout refuses, a write that repairs puts right: the file is at fault, so that neither its state nor what nginx says of it
 * counts. */
static void repairs_a_file_that_is_at_fault(void **state)
{
    (void)state;
    static const char repairs[] = "{\"repairs\":true}";
    static const char *const after[] = {"# a note\n", "no directive at all\n", NULL}; /* NULL: the file is gone */
    begin("shop", "");
    open_driver(by_weights);
    const char *first = shares(3, 0), *second = shares(3, 50);
    const char *repairing = nip__arena_printf(world.arena, "{\"repairs\":true,%s", second + 1);
    live_expect(route(first, NULL), "done", NULL);
    for (size_t i = 0; i < sizeof after / sizeof after[0]; i++) {
        const char *edited = nip__arena_printf(world.arena, "%s%s", read_text(own_file), after[i] != NULL ? after[i] : "");
        if (after[i] != NULL)
            write_text(own_file, edited);
        else
            assert_int_equal(unlink(in_folder(own_file)), 0);
        assert_int_equal(live_int(observe(), "/usable"), 0);
        assert_int_equal(live_int(observe_with(repairs), "/usable"), 1);
        assert_true(live_lists(observe_with(repairs), "/warnings", after[i] != NULL ? "by hand" : "missing"));
        live_expect(settle(second, first), "foreign", NULL);
        live_expect(settle(repairing, first), "not_yet", NULL);
        if (after[i] != NULL)
            live_expect(route(second, first), "failed", "foreign");
        const nip__value *outcome = route(repairing, first);
        live_expect(outcome, "done", NULL);
        assert_string_equal(text_of(live_text(outcome, "/result/kept")), after[i] != NULL ? edited : "");
        assert_in_range(answered_by_new(40), 19, 21);
        assert_int_equal(live_int(observe(), "/usable"), 1);
    }
    write_text(own_file, "upstream shop { server 127.0.0.1:9; }\n"); /* never ours: nothing repairs that */
    assert_int_equal(live_int(observe_with(repairs), "/usable"), 0);
    live_expect(settle(repairing, first), "foreign", NULL);
    live_expect(route(repairing, NULL), "failed", "foreign");
    write_text(own_file, first_text);
    write_config("shop", "", "upstream shop { server 127.0.0.1:1; }"); /* the fault is elsewhere */
    assert_int_equal(live_int(observe_with(repairs), "/usable"), 0);
}

/* ---- kills ---- */

/* Routes in a process of its own, which dies as soon as it has something run: the test of the configuration, or the reload. */
static void killed_while_routing(bool at_reload, const char *args, const char *before)
{
    int how = 0;
    const char *deadly = in_folder("deadly");
    write_text("deadly", "#!/bin/sh\nkill -9 $PPID\n");
    assert_int_equal(chmod(deadly, 0755), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        world.driver = NULL; /* it and its loop are the other process's */
        test_program = at_reload ? nginx_program : deadly;
        assert_int_equal(nip__loop_new(world.ctx, &world.loop, NULL), 0);
        open_driver(at_reload ? nip__arena_printf(world.arena, ",\"reload\":[\"%s\"]", deadly) : by_weights);
        route(args, before);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
}

static int copies_of_before(void)
{
    glob_t found = {0};
    int count = glob(in_folder("state/nginx/*.before"), 0, NULL, &found) == 0 ? (int)found.gl_pathc : 0;
    globfree(&found);
    return count;
}

/* The text that a killed process left was never proven: what goes back is what stood before it. */
static void puts_back_what_stood_before_a_kill(void **state)
{
    (void)state;
    begin_with_folder();
    open_driver(by_weights);
    const char *old = shares(3, 0), *new = shares(3, 50);
    live_expect(route(old, NULL), "done", NULL);
    for (int at_reload = 0; at_reload <= 1; at_reload++) {
        const char *before = read_text(own_file);
        for (int kills = 0; kills < 2; kills++) { /* the second finds what the first left */
            killed_while_routing(at_reload, new, old);
            assert_string_not_equal(read_text(own_file), before);
        }
        write_config("shop", "", "upstream shop { server 127.0.0.1:1; }");
        const nip__value *outcome = route(new, old);
        live_expect(outcome, "failed", "config_refused");
        assert_non_null(strstr(live_text(outcome, "/message"), "as it was before"));
        assert_string_equal(read_text(own_file), before);
        assert_int_equal(copies_of_before(), 0);
        write_config("shop", "", "");
        killed_while_routing(at_reload, new, old);
        assert_int_equal(copies_of_before(), 1);
        live_expect(settle(new, old), "not_yet", NULL);
        live_expect(route(new, old), "done", NULL); /* proven: the copy has done its work */
        assert_int_equal(copies_of_before(), 0);
        live_expect(route(old, new), "done", NULL);
    }
}

static void puts_back_that_there_was_no_file(void **state)
{
    (void)state;
    begin_with_folder();
    write_config("127.0.0.1:1", "", ""); /* whose configuration does without */
    open_driver(by_weights);
    const char *old = shares(3, 0);
    static const char *const texts[] = {NULL, "", "\n", first_text};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (int kills = 0; kills < 2; kills++) {
            unlink(in_folder(own_file));
            if (texts[i] != NULL)
                write_text(own_file, texts[i]);
            if (kills > 0)
                killed_while_routing(false, old, NULL);
            write_config("127.0.0.1:1", "", "upstream shop { server 127.0.0.1:1; }");
            live_expect(route(old, NULL), "failed", "config_refused");
            assert_int_equal(access(in_folder(own_file), F_OK), texts[i] == NULL ? -1 : 0);
            assert_string_equal(read_text(own_file), texts[i] == NULL ? "" : texts[i]);
            write_config("127.0.0.1:1", "", "");
        }
}

/* ---- settling ---- */

static void settles_what_others_changed(void **state)
{
    (void)state;
    begin("shop", "");
    open_driver(by_weights);
    const char *first = shares(3, 0), *second = shares(3, 25), *third = shares(3, 50);
    live_expect(settle(first, NULL), "not_yet", NULL);
    live_expect(route(first, NULL), "done", NULL);
    live_expect(settle(second, first), "not_yet", NULL);
    live_expect(route(second, first), "done", NULL);
    live_expect(settle(second, first), "in_force", NULL);
    live_expect(route(third, second), "done", NULL); /* somebody else, as far as the next question goes */
    live_expect(settle(second, first), "foreign", NULL);
    const char *text = read_text("shop.conf");
    write_text("shop.conf", nip__arena_printf(world.arena, "%s# a note\n", text));
    live_expect(settle(third, second), "foreign", NULL);
    live_expect(route(third, second), "failed", "foreign");
    assert_true(live_lists(observe(), "/problems", "changed by hand"));
    const nip__value *outcome = route(first, NULL); /* the way back */
    live_expect(outcome, "done", NULL);
    assert_non_null(strstr(text_of(live_text(outcome, "/result/kept")), "# a note"));
    write_text("shop.conf", "upstream shop { server 127.0.0.1:9; }\n");
    live_expect(settle(first, NULL), "foreign", NULL);
    live_expect(route(first, NULL), "failed", "foreign");
    assert_int_equal(unlink(in_folder("shop.conf")), 0);
    live_expect(settle(second, first), "foreign", "router_restarted");
    live_expect(route(second, first), "done", NULL);
    live_expect(settle(second, first), "in_force", NULL);
    assert_in_range(answered_by_new(40), 9, 11);
}

static void keeps_its_weights_over_a_restart(void **state)
{
    (void)state;
    begin("shop", "");
    open_driver(by_weights);
    const char *first = shares(3, 0), *second = shares(3, 25);
    live_expect(route(first, NULL), "done", NULL);
    live_expect(route(second, first), "done", NULL);
    live_kill(server, SIGTERM);
    live_expect(settle(second, first), "not_yet", NULL);
    start_server();
    live_expect(settle(second, first), "in_force", NULL);
    assert_in_range(answered_by_new(40), 9, 11);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gives_the_shares_that_were_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(splits_by_a_key_that_sticks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(loses_no_request_while_traffic_moves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drains_with_the_workers_from_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mirrors_what_users_ask, set_up, tear_down),
        cmocka_unit_test_setup_teardown(believes_no_comment_about_mirroring, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mirrors_nothing_without_being_asked_to, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_the_file_when_nginx_refuses_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_the_file_when_the_reload_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_that_nginx_does_not_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_that_its_file_is_not_included, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_an_edit_where_nginx_does_not_read_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_through_links, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_copies_that_nginx_reads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(repairs_a_file_that_is_at_fault, set_up, tear_down),
        cmocka_unit_test_setup_teardown(puts_back_what_stood_before_a_kill, set_up, tear_down),
        cmocka_unit_test_setup_teardown(puts_back_that_there_was_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(settles_what_others_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_its_weights_over_a_restart, set_up, tear_down),
    };
    assert_true(argc > 2);
    live_app = argv[1];
    nginx_program = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
