/* The command driver with a script that keeps real processes; and with one that fails, lies and prints nonsense. */
#include "harness.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/file.h"
#include "driver/command_work.h"

static live_world world;
static const char *script;
static int first_port;

static const char *in_folder(const char *name)
{
    return nip__arena_printf(world.arena, "%s/%s", world.folder, name);
}

static void put_file(const char *name, const char *text)
{
    assert_int_equal(nip__file_write(in_folder(name), text, strlen(text), NULL), 0);
}

static void take_file(const char *name)
{
    assert_int_equal(unlink(in_folder(name)), 0);
}

static void open_driver(const char *more)
{
    live_close(&world);
    live_open(&world, &nip__driver_command,
              nip__arena_printf(world.arena,
                                "{\"driver\":\"command\",\"start\":[\"%s\",\"%s\",\"start\",\"{port}\",\"{version}\"],"
                                "\"stop\":[\"%s\",\"%s\",\"stop\",\"{port}\"],\"list\":[\"%s\",\"%s\",\"list\"],"
                                "\"artifact\":[\"%s\",\"%s\",\"artifact\",\"{artifact}\"],\"ports\":\"%d-%d\"%s}",
                                script, world.folder, script, world.folder, script, world.folder, script, world.folder,
                                first_port, first_port + 7, more));
}

static int set_up(void **state)
{
    (void)state;
    live_begin(&world);
    first_port = live_free_ports(8);
    open_driver("");
    return 0;
}

static const nip__value *instances(const char *versions, const char *before, int flags)
{
    return live_action(&world, "shop-1.1", "instances", nip__arena_printf(world.arena, "{\"versions\":%s}", versions),
                       before == NULL ? NULL : nip__arena_printf(world.arena, "{\"versions\":%s}", before), flags);
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const faults[] = {"refuse", "lie", "stubborn", "slow", "say", "dead"};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        unlink(in_folder(faults[i]));
    open_driver("");
    instances("{\"1.3\":{\"replicas\":0},\"1.4\":{\"replicas\":0}}", NULL, 0);
    live_end(&world);
    return 0;
}

static const nip__value *observe(void)
{
    const nip__value *outcome = live_action(&world, "shop-1.2", "observe", "{}", NULL, 0);
    live_expect(outcome, "done", NULL);
    return nip__get(outcome, "result");
}

static size_t count(const nip__value *value, const char *pointer)
{
    return nip__count(nip__pointer(value, pointer));
}

static bool answers(void *port)
{
    return live_http(*(int *)port, "GET", "/", NULL, 0) == 200;
}

/* ---- what works ---- */

static void starts_and_stops(void **state)
{
    (void)state;
    const nip__value *outcome = instances("{\"1.3\":{\"replicas\":3}}", NULL, 0);
    live_expect(outcome, "done", NULL);
    assert_int_equal(count(outcome, "/result/versions/1.3/endpoints"), 3);
    assert_int_equal(count(outcome, "/result/started"), 3);
    int port = first_port;
    assert_true(live_until(answers, &port));
    live_expect(instances("{\"1.3\":{\"replicas\":3}}", NULL, LIVE_SETTLES), "in_force", NULL);
    live_expect(instances("{\"1.3\":{\"replicas\":3}}", NULL, 0), "done", NULL); /* again: nothing to do */
    const nip__value *observed = observe();
    assert_int_equal(live_int(observed, "/versions/1.3/running"), 3);
    assert_int_equal(live_int(observed, "/ports_free"), 5);
    assert_int_equal(count(observed, "/instances"), 3);

    const char *one = nip__arena_printf(
        world.arena, "{\"1.3\":{\"replicas\":2,\"remove\":[\"127.0.0.1:%d\"]},\"1.4\":{\"replicas\":1}}",
        first_port + 1);
    outcome = instances(one, "{\"1.3\":{\"replicas\":3}}", 0);
    live_expect(outcome, "done", NULL);
    assert_true(live_lists(outcome, "/result/stopped", nip__arena_printf(world.arena, "127.0.0.1:%d", first_port + 1)));
    assert_int_equal(count(outcome, "/result/stopped"), 1);
    assert_int_equal(live_int(observe(), "/versions/1.3/running"), 2);
    assert_int_equal(live_int(observe(), "/versions/1.4/running"), 1);
    assert_false(live_listens(first_port + 1));

    outcome = live_action(&world, "shop-1.3", "select", "{\"version\":\"1.3\",\"count\":1}", NULL, 0);
    assert_int_equal(count(outcome, "/result/selected"), 1);
    assert_int_equal(count(outcome, "/result/remaining"), 1);
    outcome = live_action(&world, "shop-1.4", "artifact", "{\"version\":\"1.4\",\"artifact\":\"nope\"}", NULL, 0);
    assert_int_equal(live_int(outcome, "/result/exists"), 0);
    assert_non_null(strstr(live_text(outcome, "/result/detail"), "no artifact nope"));
    outcome = live_action(&world, "shop-1.4", "artifact", "{\"version\":\"1.4\"}", NULL, 0);
    assert_int_equal(live_int(outcome, "/result/exists"), 1);
}

static void replaces_what_ended(void **state)
{
    (void)state;
    live_expect(instances("{\"1.3\":{\"replicas\":1}}", NULL, 0), "done", NULL);
    nip__buffer text = NIP__BUFFER(4096);
    const char *path = in_folder(nip__arena_printf(world.arena, "%d.json", first_port));
    assert_int_equal(nip__file_read(path, 4000, &text, NULL), 0);
    int pid = 0;
    assert_int_equal(sscanf(nip__buffer_string(&text), "{\"pid\": %d", &pid), 1);
    nip__buffer_clear(&text);
    assert_int_equal(kill(pid, SIGKILL), 0);
    live_expect(instances("{\"1.3\":{\"replicas\":1}}", NULL, LIVE_SETTLES), "not_yet", NULL);
    assert_int_equal(live_int(observe(), "/versions/1.3/exited"), 1);
    live_expect(instances("{\"1.3\":{\"replicas\":1}}", NULL, 0), "done", NULL);
    assert_int_equal(live_int(observe(), "/versions/1.3/running"), 1);
    assert_int_equal(live_int(observe(), "/versions/1.3/exited"), 0); /* its remains were cleared away */
}

static void adopts_what_is_listed(void **state)
{
    (void)state;
    live_expect(instances("{\"1.3\":{\"replicas\":1}}", NULL, 0), "done", NULL);
    const char *args =
        nip__arena_printf(world.arena, "{\"version\":\"1.3\",\"endpoints\":[\"127.0.0.1:%d\"]}", first_port);
    const char *other =
        nip__arena_printf(world.arena, "{\"version\":\"1.4\",\"endpoints\":[\"127.0.0.1:%d\"]}", first_port);
    live_expect(live_action(&world, "shop-1.5", "adopt", args, NULL, 0), "done", NULL);
    live_expect(live_action(&world, "shop-1.5", "adopt", args, NULL, LIVE_SETTLES), "in_force", NULL);
    live_expect(live_action(&world, "shop-1.5", "adopt", other, NULL, 0), "failed", "foreign");
}

/* ---- settling ---- */

static void settles_by_the_list(void **state)
{
    (void)state;
    static const char before[] = "{\"1.3\":{\"replicas\":1}}", after[] = "{\"1.3\":{\"replicas\":2}}";
    live_expect(instances(after, before, LIVE_SETTLES), "not_yet", NULL);
    live_expect(instances(before, NULL, 0), "done", NULL);
    live_expect(instances(after, before, LIVE_SETTLES), "not_yet", NULL);
    live_expect(instances(after, before, 0), "done", NULL);
    live_expect(instances(after, before, LIVE_SETTLES | LIVE_REPEATED), "in_force", NULL);
    live_expect(instances("{\"1.3\":{\"replicas\":4}}", NULL, 0), "done", NULL); /* somebody else */
    const nip__value *outcome = instances(after, before, LIVE_SETTLES);
    live_expect(outcome, "foreign", NULL);
    assert_non_null(strstr(live_text(outcome, "/message"), "4 instances of 1.3 run"));
}

/* ---- what goes wrong ---- */

static void says_why_a_start_failed(void **state)
{
    (void)state;
    put_file("refuse", "");
    const nip__value *outcome = instances("{\"1.3\":{\"replicas\":2}}", NULL, 0);
    live_expect(outcome, "failed", "start_failed");
    assert_non_null(strstr(live_text(outcome, "/message"), "exit 1: no room for another instance"));
    take_file("refuse");
    put_file("lie", "");
    open_driver(nip__arena_printf(world.arena,
                                  ",\"timeout\":\"500ms\",\"observe\":[\"%s\",\"%s\",\"observe\",\"{port}\"]", script,
                                  world.folder));
    outcome = instances("{\"1.3\":{\"replicas\":1}}", NULL, 0);
    live_expect(outcome, "failed", "start_failed");
    assert_non_null(strstr(live_text(outcome, "/message"), "the command ended well"));
    assert_non_null(strstr(live_text(outcome, "/message"), nip__arena_printf(world.arena, "it said: %d", first_port)));
}

static void says_why_a_stop_failed(void **state)
{
    (void)state;
    live_expect(instances("{\"1.3\":{\"replicas\":2}}", NULL, 0), "done", NULL);
    put_file("stubborn", "");
    open_driver(",\"timeout\":\"700ms\"");
    const nip__value *outcome = instances("{\"1.3\":{\"replicas\":1}}", NULL, 0);
    live_expect(outcome, "failed", "stop_failed");
    assert_non_null(strstr(live_text(outcome, "/message"), "still listed as running"));
    assert_int_equal(count(outcome, "/result/versions/1.3/endpoints"), 2);
}

static void believes_the_list_only(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"127.0.0.1:9100 1.3\n", "not written as the setting `lines` says"},
        {"localhost:9100 1.3 running\n", "not an IP address and a port"},
        {"127.0.0.1:9100 1.3 well\n", "its state is none of"},
        {"127.0.0.1:9100 1.3 running\n127.0.0.1:9100 1.4 running\n", "line 2"},
        {"\xff\xfe\n", "no UTF-8"},
        {"{\"endpoint\":\"127.0.0.1:9100\",\n", "no JSON map"},
        {"{\"endpoint\":\"127.0.0.1:9100\",\"state\":\"running\"}\n", "names no version"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put_file("say", cases[i].text);
        const nip__value *outcome = live_action(&world, "shop-1.2", "observe", "{}", NULL, 0);
        live_expect(outcome, "failed", "protocol");
        if (strstr(live_text(outcome, "/message"), cases[i].message) == NULL)
            fail_msg("%s: %s", cases[i].text, live_text(outcome, "/message"));
    }
    put_file("say", "  \n{\"endpoint\": \"127.0.0.1:9100\", \"version\": \"1.3\", \"state\": \"up\", \"id\": \"a\"}\r\n"
                    "\t[::1]:9101   1.3 failed\n");
    const nip__value *observed = observe();
    assert_int_equal(live_int(observed, "/versions/1.3/running"), 1);
    assert_int_equal(live_int(observed, "/versions/1.3/exited"), 1);
    assert_string_equal(live_text(observed, "/instances/0/id"), "a");
    assert_string_equal(live_text(observed, "/instances/1/endpoint"), "[::1]:9101");
}

static void refuses_what_would_be_an_option(void **state)
{
    (void)state;
    live_expect(instances("{\"--privileged\":{\"replicas\":1}}", NULL, 0), "failed", "bad_arguments");
    live_expect(instances("{\"1.3\":{\"replicas\":1,\"artifact\":\"-v\"}}", NULL, 0), "failed", "bad_arguments");
    const nip__value *outcome = live_action(&world, "shop-1.4", "artifact", "{\"version\":\"1.4\",\"artifact\":\"--delete-everything\"}", NULL, 0);
    assert_int_equal(live_int(outcome, "/result/exists"), 0);
    assert_non_null(strstr(live_text(outcome, "/result/detail"), "would be taken for an option"));
    live_expect(instances("{\"1.3\":{\"replicas\":9}}", NULL, 0), "failed", "no_ports");
    assert_int_equal(count(observe(), "/instances"), 0);
}

static void gives_up_on_what_takes_too_long(void **state)
{
    (void)state;
    put_file("slow", "");
    open_driver(",\"timeout\":\"3s\"");
    const nip__value *outcome = instances("{\"1.3\":{\"replicas\":1}}", NULL, 0);
    live_expect(outcome, "failed", "start_failed");
    assert_non_null(strstr(live_text(outcome, "/message"), "longer than `timeout`"));
    take_file("slow");
    open_driver("");
    put_file("slow", "");
    live_cancelled(&world, "shop-1.1", "instances", "{\"versions\":{\"1.3\":{\"replicas\":1}}}", 300 * NIP_MILLISECOND);
    take_file("slow");
    live_expect(instances("{\"1.3\":{\"replicas\":1}}", NULL, LIVE_SETTLES | LIVE_REPEATED), "not_yet", NULL);
    live_close(&world);
    live_open(&world, &nip__driver_command,
              "{\"driver\":\"command\",\"start\":[\"no-such-program\",\"{port}\"],\"stop\":[\"x\",\"{port}\"],\"list\":"
              "[\"no-such-program\"],\"ports\":\"9100\"}");
    live_expect(live_action(&world, "shop-1.2", "observe", "{}", NULL, 0), "failed", "list_failed");
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(starts_and_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(replaces_what_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(adopts_what_is_listed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(settles_by_the_list, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_why_a_start_failed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_why_a_stop_failed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(believes_the_list_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_would_be_an_option, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gives_up_on_what_takes_too_long, set_up, tear_down),
    };
    assert_true(argc > 1);
    script = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
