/* The local driver's pure part: what is started and stopped, for every number wanted, and what stands how; and what it
 * says of processes that it cannot look at. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/buffer.h"
#include "doc/json.h"
#include "driver/local.h"

struct world {
    nip__arena *arena;
    nip__local_instances *instances;
};

/* Instances in order of age: "1.3:9100 1.3:9101! 1.4:9102", where ! has ended. */
static struct world make_world(const char *text)
{
    struct world world = {.arena = nip__arena_new()};
    assert_non_null(world.arena);
    world.instances = nip__arena_alloc(world.arena, sizeof *world.instances);
    world.instances->list = nip__arena_alloc(world.arena, 32 * sizeof *world.instances->list);
    char version[16], ended;
    int port, length;
    for (const char *rest = text; sscanf(rest, " %15[^:]:%d%n", version, &port, &length) == 2; rest += length) {
        ended = rest[length];
        nip__local_instance *instance = &world.instances->list[world.instances->count++];
        *instance = (nip__local_instance){
            .version = nip__arena_text(world.arena, version), .port = port, .running = ended != '!'};
        instance->id = instance->endpoint = nip__arena_printf(world.arena, "127.0.0.1:%d", port);
        length += ended == '!';
    }
    return world;
}

static const nip__value *read_json(struct world *world, const char *text)
{
    nip__value *value = NULL;
    if (text != NULL &&
        nip__json_read(world->arena, text, strlen(text), "args", &nip__internal_limits, &value, NULL) < 0)
        fail_msg("%s is not JSON", text);
    return value;
}

static void put_ports(nip__buffer *text, const nip__local_instance *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        nip__buffer_printf(text, " %d", list[i]->port);
}

static void plans_what_is_missing_and_what_goes(void **state)
{
    (void)state;
    static const struct {
        const char *instances, *args, *plan; /* starts by version, stops, forgotten */
    } cases[] = {
        {"", "{\"versions\":{}}", "| |"},
        {"", "{\"versions\":{\"1\":{\"replicas\":3}}}", "1+3| |"},
        {"1:1 1:2", "{\"versions\":{\"1\":{\"replicas\":3}}}", "1+1| |"},
        {"1:1 1:2!", "{\"versions\":{\"1\":{\"replicas\":2}}}", "1+1| | 2"},
        {"1:1 1:2 1:3", "{\"versions\":{\"1\":{\"replicas\":2}}}", "1+0| 3|"}, /* the youngest */
        {"1:1 1:2 1:3", "{\"versions\":{\"1\":{\"replicas\":2,\"endpoints\":[\"127.0.0.1:1\",\"127.0.0.1:3\"]}}}",
         "1+0| 2|"}, /* unknown ones first */
        {"1:1 1:2 1:3", "{\"versions\":{\"1\":{\"replicas\":2,\"remove\":[\"127.0.0.1:1\"]}}}", "1+0| 1|"},
        {"1:1 1:2 1:3", "{\"versions\":{\"1\":{\"replicas\":3,\"remove\":[\"127.0.0.1:1\"]}}}",
         "1+1| 1|"}, /* replaced */
        {"1:1 1:2 1:3", "{\"versions\":{\"1\":{\"replicas\":1,\"remove\":[\"127.0.0.1:1\"]}}}", "1+0| 1 3|"},
        {"1:1 1:2", "{\"versions\":{\"1\":{\"replicas\":2,\"remove\":[\"127.0.0.1:9\"]}}}",
         "1+0| |"}, /* gone already */
        {"1:1 1:2!", "{\"versions\":{\"1\":{\"replicas\":0}}}", "1+0| 1| 2"},
        {"1:1 2:2 2:3!", "{\"versions\":{\"1\":{\"replicas\":1}}}", "1+0| |"}, /* what is not named is left alone */
        {"1:1 2:2", "{\"versions\":{\"1\":{\"replicas\":0},\"2\":{\"replicas\":2}}}", "1+0 2+1| 1|"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world = make_world(cases[i].instances);
        nip__local_plan plan;
        const char *wrong = NULL;
        nip__buffer text = NIP__BUFFER(1000);
        if (!nip__local_plan_make(world.arena, read_json(&world, cases[i].args), world.instances, &plan, &wrong))
            fail_msg("%s: %s", cases[i].args, wrong);
        for (size_t k = 0; k < plan.version_count; k++)
            nip__buffer_printf(&text, "%s%s+%d", k == 0 ? "" : " ", plan.versions[k].name,
                               (int)plan.versions[k].missing);
        nip__buffer_text(&text, "|");
        put_ports(&text, plan.stop, plan.stop_count);
        nip__buffer_text(&text, plan.stop_count == 0 ? " |" : "|");
        put_ports(&text, plan.forget, plan.forget_count);
        if (strcmp(nip__buffer_string(&text), cases[i].plan) != 0)
            fail_msg("%s with %s: \"%s\", not \"%s\"", cases[i].instances, cases[i].args, nip__buffer_string(&text),
                     cases[i].plan);
        nip__buffer_clear(&text);
        nip__arena_free(world.arena);
    }
}

static void refuses_what_cannot_be(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{}",
        "{\"versions\":[]}",
        "{\"versions\":{\"1\":{}}}",
        "{\"versions\":{\"1\":{\"replicas\":-1}}}",
        "{\"versions\":{\"1\":{\"replicas\":\"2\"}}}",
        "{\"versions\":{\"1\":{\"replicas\":10001}}}",
        "{\"versions\":{\"\":{\"replicas\":1}}}",
        "{\"versions\":{\"a\\nb\":{\"replicas\":1}}}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world = make_world("");
        nip__local_plan plan;
        const char *wrong = NULL;
        if (nip__local_plan_make(world.arena, read_json(&world, cases[i]), world.instances, &plan, &wrong) ||
            wrong == NULL)
            fail_msg("%s: accepted", cases[i]);
        nip__arena_free(world.arena);
    }
}

static void settles(void **state)
{
    (void)state;
    static const struct {
        const char *instances, *args, *before, *outcome;
    } cases[] = {
        {"1:1 1:2", "{\"versions\":{\"1\":{\"replicas\":2}}}", "{\"versions\":{\"1\":{\"replicas\":0}}}", "in_force"},
        {"1:1 1:2!", "{\"versions\":{\"1\":{\"replicas\":2}}}", "{\"versions\":{\"1\":{\"replicas\":0}}}", "not_yet"},
        {"", "{\"versions\":{\"1\":{\"replicas\":2}}}", "{\"versions\":{\"1\":{\"replicas\":0}}}", "not_yet"},
        {"1:1 1:2 1:3", "{\"versions\":{\"1\":{\"replicas\":2}}}", "{\"versions\":{\"1\":{\"replicas\":0}}}",
         "foreign"},
        {"1:1 1:2 1:3", "{\"versions\":{\"1\":{\"replicas\":2}}}", "{\"versions\":{\"1\":{\"replicas\":3}}}",
         "not_yet"},
        {"1:1 1:2 1:3", "{\"versions\":{\"1\":{\"replicas\":2}}}", NULL, "not_yet"},
        {"1:1 1:2 1:3", "{\"versions\":{\"1\":{\"replicas\":2,\"remove\":[\"127.0.0.1:1\"]}}}",
         "{\"versions\":{\"1\":{\"replicas\":2}}}", "not_yet"},
        {"1:1 1:2", "{\"versions\":{\"1\":{\"replicas\":2,\"remove\":[\"127.0.0.1:1\"]}}}",
         "{\"versions\":{\"1\":{\"replicas\":2}}}", "not_yet"},
        {"1:2 1:3", "{\"versions\":{\"1\":{\"replicas\":2,\"remove\":[\"127.0.0.1:1\"]}}}",
         "{\"versions\":{\"1\":{\"replicas\":2}}}", "in_force"},
        {"1:1 2:2 2:3", "{\"versions\":{\"1\":{\"replicas\":1}}}", "{\"versions\":{\"1\":{\"replicas\":0}}}",
         "in_force"},
        {"2:2 2:3", "{\"versions\":{\"1\":{\"replicas\":1}}}", "{\"versions\":{\"1\":{\"replicas\":0}}}", "not_yet"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world = make_world(cases[i].instances);
        const char *message = NULL;
        const char *outcome = nip__local_settle(world.arena, read_json(&world, cases[i].args),
                                                read_json(&world, cases[i].before), world.instances, &message);
        if (strcmp(outcome, cases[i].outcome) != 0 || (message != NULL) != (strcmp(outcome, "foreign") == 0))
            fail_msg("%s with %s: %s, not %s", cases[i].instances, cases[i].args, outcome, cases[i].outcome);
        nip__arena_free(world.arena);
    }
}

static void selects(void **state)
{
    (void)state;
    static const struct {
        const char *args, *selected;
        size_t remaining;
    } cases[] = {
        {"{\"version\":\"1\",\"count\":1}", "127.0.0.1:1", 1},
        {"{\"version\":\"1\",\"count\":0}", "", 2},
        {"{\"version\":\"1\",\"count\":9}", "127.0.0.1:1 127.0.0.1:2", 0},
        {"{\"count\":2,\"endpoints\":[\"127.0.0.1:2\",\"127.0.0.1:1\",\"127.0.0.1:3\"],\"unhealthy\":[\"127.0.0.1:3\"]"
         "}",
         "127.0.0.1:3 127.0.0.1:1", 1},
        {"{\"count\":1,\"endpoints\":[\"127.0.0.1:1\",\"127.0.0.1:4\"],\"unhealthy\":[\"127.0.0.1:1\"]}", "127.0.0.1:4",
         1},                                                                                   /* has ended */
        {"{\"count\":1,\"endpoints\":[\"127.0.0.1:1\",\"127.0.0.1:77\"]}", "127.0.0.1:77", 1}, /* is not there */
        {"{\"count\":1,\"endpoints\":[7,\"127.0.0.1:1\"]}", "127.0.0.1:1", 0},
        {"{\"count\":1,\"endpoints\":[]}", "", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world = make_world("1:1 1:2 2:3 1:4!");
        nip__value *result = nip__local_select(world.arena, read_json(&world, cases[i].args), world.instances);
        nip__buffer text = NIP__BUFFER(1000);
        for (NIP__EACH(item, nip__get(result, "selected")))
            nip__buffer_printf(&text, "%s%s", text.length == 0 ? "" : " ", item->as.string.text);
        if (strcmp(nip__buffer_string(&text), cases[i].selected) != 0 ||
            nip__count(nip__get(result, "remaining")) != cases[i].remaining)
            fail_msg("%s: %s", cases[i].args, nip__buffer_string(&text));
        nip__buffer_clear(&text);
        nip__arena_free(world.arena);
    }
}

static void fills_in(void **state)
{
    (void)state;
    static const struct {
        const char *text, *filled;
    } cases[] = {
        {"", ""},
        {"--port={port}", "--port=9100"},
        {"{app}-{version}@{host}:{port}", "shop-1.3@127.0.0.1:9100"},
        {"/r/{artifact}/run", "/r/a{port}/run"}, /* what is filled in is not looked at again */
        {"{\"a\": {other}}", "{\"a\": {other}}"},
        {"{", "{"},
        {"{port", "{port"},
        {"}{port}{", "}9100{"},
        {"{{port}}", "{9100}"},
    };
    struct world world = make_world("");
    nip__local_settings settings = {.host = "127.0.0.1"};
    nip__local_start start = {.subject = "shop", .version = "1.3", .artifact = "a{port}", .port = 9100};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(nip__local_fill(world.arena, &settings, &start, cases[i].text), cases[i].filled);
    nip__arena_free(world.arena);
}

/* ---- processes ---- */

static void tells_the_unknown_from_the_gone(void **state)
{
    (void)state;
    struct rlimit usual;
    nip__local_process process;
    nip__local_scan scan = {0};
    nip__local_family family = {.leader = getpid(), .token = "shop/1.3/a/1"};
    nip__arena *arena = nip__arena_new();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    const struct rlimit none = {0, usual.rlim_max};
    assert_int_equal(nip__local_process_read(getpid(), &process), 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int there = nip__local_process_read(getpid(), &process), held = nip__local_process_open(getpid(), process.start);
    int scanned = nip__local_scan_all(arena, "/nowhere", &scan, NULL);
    int counted = nip__local_signal_families(&family, 1, "/nowhere", 0, NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
    assert_int_equal(there, -1);
    assert_int_equal(held, -2);
    assert_true(scanned < 0 && counted < 0);
    assert_int_equal(nip__local_process_read(0x7fffffff, &process), 0); /* no pid is as large */
    assert_int_equal(nip__local_process_open(0x7fffffff, 1), -1);
    assert_int_equal(nip__local_process_open(getpid(), process.start + 1), -1);
    nip__arena_free(arena);
}

/* ---- adopting ---- */

#define RUNS(text, ...) nip__local_runs(text, sizeof text - 1, (const char *const[]){__VA_ARGS__, NULL})

static void knows_its_command_line(void **state)
{
    (void)state;
    assert_true(RUNS("app\0--port\0001\0", "app", "--port", "1"));
    assert_true(RUNS("/usr/bin/app\0--port\0001\0", "app", "--port", "1")); /* found in the path */
    assert_true(RUNS("app\0--port\0001\0", "./app", "--port", "1"));
    assert_true(RUNS("/usr/bin/python3\0/srv/app\0001\0", "/srv/app", "1")); /* a script */
    assert_true(RUNS("/usr/bin/env\0python3\0/srv/app\0001\0", "app", "1"));
    assert_false(RUNS("a\0b\0c\0app\0001\0", "app", "1")); /* three words before it are no interpreter */
    assert_false(RUNS("app\0--port\0002\0", "app", "--port", "1"));
    assert_false(RUNS("app\0--port\0001\0more\0", "app", "--port", "1"));
    assert_false(RUNS("app\0--port\0", "app", "--port", "1"));
    assert_false(RUNS("app\0x/1\0", "app", "1")); /* arguments are compared whole */
    assert_false(RUNS("other\0001\0", "app", "1"));
    assert_false(RUNS("", "app"));
}

#define TCP_HEAD "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
#define TCP_LINE(local, state, inode)                                                                                  \
    "   0: " local " 00000000:0000 " state " 00000000:00000000 00:00000000 00000000     0        0 " inode " 1 0 100 0\n"
#define V4_ONE  "0100007F"
#define V6_ANY  "00000000000000000000000000000000"
#define V6_ONE  "00000000000000000000000001000000"
#define V6_V4   "0000000000000000FFFF00000100007F"

static void finds_listening_sockets(void **state)
{
    static const struct {
        const char *table;
        bool v6;
        const char *host;
        size_t count;
        uint64_t first;
    } cases[] = {
        {TCP_HEAD TCP_LINE(V4_ONE ":2385", "0A", "77"), false, "127.0.0.1", 1, 77},
        {TCP_HEAD TCP_LINE(V4_ONE ":2385", "01", "77"), false, "127.0.0.1", 0, 0}, /* a connection */
        {TCP_HEAD TCP_LINE(V4_ONE ":2386", "0A", "77"), false, "127.0.0.1", 0, 0}, /* another port */
        {TCP_HEAD TCP_LINE(V4_ONE ":2385", "0A", "0"), false, "127.0.0.1", 0, 0},
        {TCP_HEAD TCP_LINE("0200007F:2385", "0A", "77"), false, "127.0.0.1", 0, 0}, /* another address */
        {TCP_HEAD TCP_LINE("00000000:2385", "0A", "77"), false, "127.0.0.1", 1, 77},
        {TCP_HEAD TCP_LINE("00000000:2385", "0A", "77") TCP_LINE(V4_ONE ":2385", "0A", "78"), false, "127.0.0.1", 1, 78},
        {TCP_HEAD TCP_LINE(V4_ONE ":2385", "0A", "77") TCP_LINE(V4_ONE ":2385", "0A", "78"), false, "127.0.0.1", 2, 77},
        {TCP_HEAD TCP_LINE(V6_ANY ":2385", "0A", "77"), true, "127.0.0.1", 1, 77},
        {TCP_HEAD TCP_LINE(V6_V4 ":2385", "0A", "77"), true, "127.0.0.1", 1, 77},
        {TCP_HEAD TCP_LINE(V6_ONE ":2385", "0A", "77"), true, "127.0.0.1", 0, 0},
        {TCP_HEAD TCP_LINE(V6_ONE ":2385", "0A", "77"), true, "::1", 1, 77},
        {TCP_HEAD TCP_LINE("00000000:2385", "0A", "77"), false, "::1", 0, 0},
        {"nonsense\n  1: 2\n\n", false, "127.0.0.1", 0, 0},
        {"", false, "127.0.0.1", 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip__local_sockets sockets = {0};
        assert_true(nip__local_sockets_read(cases[i].table, cases[i].v6, cases[i].host, 0x2385, &sockets));
        if (sockets.count != cases[i].count || (sockets.count > 0 && sockets.inodes[0] != cases[i].first))
            fail_msg("case %zu: %zu found, the first %llu", i, sockets.count, (unsigned long long)sockets.inodes[0]);
    }
    nip__local_sockets sockets = {0};
    assert_false(nip__local_sockets_read("", false, "localhost", 1, &sockets));
}

static void splits_endpoints(void **state)
{
    static const struct {
        const char *endpoint, *host;
        int port;
    } cases[] = {{"127.0.0.1:9100", "127.0.0.1", 9100}, {"[::1]:80", "::1", 80}, {"localhost:80", NULL, 0}, {"127.0.0.1", NULL, 0},
                 {"127.0.0.1:0", NULL, 0},              {":80", NULL, 0},        {"127.0.0.1:65536", NULL, 0}, {"", NULL, 0},
                 {"[]:1", NULL, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char host[64];
        int port = 0;
        assert_int_equal(nip__local_endpoint_split(cases[i].endpoint, host, sizeof host, &port), cases[i].host != NULL);
        if (cases[i].host != NULL) {
            assert_string_equal(host, cases[i].host);
            assert_int_equal(port, cases[i].port);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_what_is_missing_and_what_goes),
        cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(settles),
        cmocka_unit_test(selects),
        cmocka_unit_test(fills_in),
        cmocka_unit_test(tells_the_unknown_from_the_gone),
        cmocka_unit_test(knows_its_command_line),
        cmocka_unit_test(finds_listening_sockets),
        cmocka_unit_test(splits_endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
