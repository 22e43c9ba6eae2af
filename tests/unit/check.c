/* The driver "check": one try for each endpoint, addresses, settings, resources. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "errand.h"
#include "server.h"

static void answer(test_server *server, int fd, const char *request)
{
    (void)server;
    bool health = strncmp(request, "GET /health HTTP/1.1\r\n", 22) == 0;
    server_reply(fd, health ? 200 : 404, "", "{\"status\":\"healthy\"}");
}

static void answer_unwell(test_server *server, int fd, const char *request)
{
    (void)server;
    (void)request;
    server_reply(fd, 200, "", "{\"status\":\"starting\"}");
}

static const nip__value *result_of(const nip__value *outcome)
{
    if (strcmp(nip__get_text(outcome, "outcome"), "done") != 0)
        fail_msg("%s: %s", nip__get_text(outcome, "reason"), nip__get_text(outcome, "message"));
    return nip__get(outcome, "result");
}

static const char *text_at(const nip__value *value, const char *pointer)
{
    const nip__value *found = nip__pointer(value, pointer);
    return nip__is(found, NIP__STRING) ? found->as.string.text : NULL;
}

static int64_t int_at(const nip__value *value, const char *pointer)
{
    const nip__value *found = nip__pointer(value, pointer);
    return nip__is(found, NIP__INT) ? found->as.integer : -1;
}

static void http_over_groups(void **state)
{
    (void)state;
    test_server well, unwell;
    server_start(&well, answer, NULL);
    server_start(&unwell, answer_unwell, NULL);
    int dead = server_unused_port();
    test_errand errand;
    errand_open(&errand, "check", NULL);
    char args[1000], expected[200];
    snprintf(args, sizeof args,
             "{groups: {\"1.3\": ['127.0.0.1:%d', '127.0.0.1:%d', '127.0.0.1:%d'], \"1.4\": ['127.0.0.1:%d', 'left.out:1']}, except: ['left.out:1'],"
             " url: 'http://{endpoint}/health', expect: {json: {/status: healthy}}}",
             well.port, dead, unwell.port, well.port);
    const nip__value *result = result_of(errand_run(&errand, "check", "http", args));
    assert_int_equal(int_at(result, "/healthy"), 2);
    assert_int_equal(int_at(result, "/total"), 4);
    assert_int_equal(int_at(result, "/groups/1.3/healthy"), 1);
    assert_int_equal(int_at(result, "/groups/1.3/total"), 3);
    assert_int_equal(nip__count(nip__pointer(result, "/groups/1.3/unhealthy_endpoints")), 2);
    assert_int_equal(int_at(result, "/groups/1.4/healthy"), 1);
    assert_int_equal(nip__count(nip__pointer(result, "/groups/1.4/unhealthy_endpoints")), 0);
    snprintf(expected, sizeof expected, "127.0.0.1:%d", well.port);
    assert_string_equal(text_at(result, "/groups/1.4/healthy_endpoints/0"), expected);
    snprintf(expected, sizeof expected, "127.0.0.1:%d: connection_refused: GET http://127.0.0.1:%d/health: connection refused", dead, dead);
    assert_string_equal(text_at(result, "/first_failure"), expected);
    errand_close(&errand);
    server_stop(&well);
    server_stop(&unwell);
}

static void all_well_has_no_failure(void **state)
{
    (void)state;
    test_server well;
    server_start(&well, answer, NULL);
    test_errand errand;
    errand_open(&errand, "check", "{\"driver\":\"check\",\"in_flight\":2}");
    char args[1000];
    snprintf(args, sizeof args, "{groups: {a: ['127.0.0.1:%d', '127.0.0.1:%d', '127.0.0.1:%d', '127.0.0.1:%d']}, url: 'http://127.0.0.1:{port}/health'}",
             well.port, well.port, well.port, well.port);
    const nip__value *result = result_of(errand_run(&errand, "check", "http", args));
    assert_int_equal(int_at(result, "/healthy"), 4);
    assert_true(nip__is(nip__get(result, "first_failure"), NIP__NULL));
    result = result_of(errand_run(&errand, "check", "http", "{groups: {a: []}, url: 'http://{endpoint}/'}"));
    assert_int_equal(int_at(result, "/total"), 0);
    assert_int_equal(int_at(result, "/groups/a/total"), 0);
    snprintf(args, sizeof args, "{groups: {a: ['127.0.0.1:%d', '127.0.0.1:%d']}, timeout: 5s}", well.port, server_unused_port());
    result = result_of(errand_run(&errand, "check", "tcp", args));
    assert_int_equal(int_at(result, "/groups/a/healthy"), 1);
    errand_close(&errand);
    server_stop(&well);
}

static void commands(void **state)
{
    (void)state;
    static const struct {
        const char *args, *output, *failure; /* failure: how it begins */
        int healthy, total;
    } cases[] = {
        {"{command: [sh, -c, 'echo fine']}", "fine\n", NULL, 1, 1},
        {"{command: [sh, -c, 'echo no >&2; exit 2']}", "no\n", "sh: unhealthy: sh: exit code 2, expected 0", 0, 1},
        {"{command: [sh, -c, 'exit 2'], expect: {exit: 2}}", "", NULL, 1, 1},
        {"{command: [no-such-program-here]}", "", "no-such-program-here: no_such_program: ", 0, 1},
        {"{command: [sleep, '1000'], timeout: 20ms}", "", "sleep: timeout: ", 0, 1},
        {"{command: [sh, -c, 'printf \"a\\\\000b\"; echo $X'], env: {X: y}}", "a?by\n", NULL, 1, 1},
        {"{groups: {v2: ['127.0.0.1:7', '127.0.0.1:8']}, command: [sh, -c, 'test $0-$1-$2 = v2-127.0.0.1:7-7', '{version}', '{endpoint}', '{port}']}",
         NULL, "127.0.0.1:8: unhealthy: ", 1, 2},
    };
    test_errand errand;
    errand_open(&errand, "check", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const nip__value *result = result_of(errand_run(&errand, "check", "command", cases[i].args));
        assert_int_equal(int_at(result, "/healthy"), cases[i].healthy);
        assert_int_equal(int_at(result, "/total"), cases[i].total);
        const char *failure = text_at(result, "/first_failure"), *output = text_at(result, "/output");
        if (cases[i].output == NULL)
            assert_null(output);
        else
            assert_string_equal(output, cases[i].output);
        if (cases[i].failure == NULL)
            assert_null(failure);
        else if (failure == NULL || strncmp(failure, cases[i].failure, strlen(cases[i].failure)) != 0)
            fail_msg("%s: %s", cases[i].args, failure);
    }
    errand_close(&errand);
}

static void reachable(void **state)
{
    (void)state;
    test_server well;
    server_start(&well, answer, NULL);
    int dead = server_unused_port();
    test_errand errand;
    errand_open(&errand, "check", NULL);
    char args[1000], shown[100];
    snprintf(args, sizeof args, "{urls: ['http://127.0.0.1:%d/nothing-here', 'tcp://127.0.0.1:%d', 'http://u:hidden@127.0.0.1:%d/', 'ftp://127.0.0.1/']}",
             well.port, well.port, dead);
    const nip__value *result = result_of(errand_run(&errand, "check", "reachable", args));
    assert_int_equal(int_at(result, "/reachable"), 2); /* whatever the reply says */
    assert_int_equal(int_at(result, "/total"), 4);
    snprintf(shown, sizeof shown, "http://***@127.0.0.1:%d/", dead);
    assert_string_equal(text_at(result, "/unreachable/0/url"), shown);
    assert_string_equal(text_at(result, "/unreachable/0/reason"), "connection_refused");
    assert_null(strstr(text_at(result, "/unreachable/0/message"), "hidden"));
    assert_string_equal(text_at(result, "/unreachable/1/reason"), "bad_arguments");
    errand_close(&errand);
    server_stop(&well);
}

static void settings(void **state)
{
    (void)state;
    setenv("NIPOPS_TEST_SET", "x", 1);
    setenv("NIPOPS_TEST_EMPTY", "", 1);
    unsetenv("NIPOPS_TEST_UNSET");
    test_errand errand;
    errand_open(&errand, "check", NULL);
    const nip__value *result =
        result_of(errand_run(&errand, "check", "settings", "{env: [NIPOPS_TEST_SET, NIPOPS_TEST_EMPTY, NIPOPS_TEST_UNSET]}"));
    assert_int_equal(int_at(result, "/count"), 2);
    assert_string_equal(text_at(result, "/missing/0"), "NIPOPS_TEST_EMPTY");
    assert_string_equal(text_at(result, "/missing/1"), "NIPOPS_TEST_UNSET");
    errand_close(&errand);
}

static void resources(void **state)
{
    (void)state;
    test_errand errand;
    errand_open(&errand, "check", NULL);
    const nip__value *result = result_of(errand_run(&errand, "check", "resources", "{path: /tmp, disk_free: 1, memory_free: 1}"));
    assert_true(nip__get_bool(result, "ok", false));
    assert_true(int_at(result, "/disk_free") > 0);
    assert_true(int_at(result, "/memory_free") > 0);
    result = result_of(errand_run(&errand, "check", "resources", "{path: /tmp, disk_free: 9000000000000000, memory_free: 9000000000000000}"));
    assert_false(nip__get_bool(result, "ok", true));
    assert_int_equal(nip__count(nip__get(result, "problems")), 2);
    result = result_of(errand_run(&errand, "check", "resources", "{path: /no/such/folder}"));
    assert_false(nip__get_bool(result, "ok", true));
    assert_null(nip__get(result, "disk_free")); /* missing, not 0 */
    errand_close(&errand);
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *verb, *args;
        int code;
    } cases[] = {
        {"http", "{groups: {a: [x]}}", NIP_E_INVALID},
        {"http", "{url: x, expekt: {}}", NIP_E_INVALID},
        {"http", "{url: x, headers: {a: {env: NIPOPS_TEST_UNSET}}}", NIP_E_INVALID},
        {"command", "{}", NIP_E_INVALID},
        {"http", "[]", NIP_E_INVALID},
        {"dance", "{}", NIP_E_UNSUPPORTED},
    };
    test_errand errand;
    errand_open(&errand, "check", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip_error *err = NULL;
        assert_int_equal(errand_begin(&errand, "check", cases[i].verb, cases[i].args, &err), cases[i].code);
        assert_true(nip_error_message(err)[0] != '\0');
        nip_error_free(err);
    }
    errand_close(&errand);
}

static void cancelling_stops_everything(void **state)
{
    (void)state;
    test_errand errand;
    errand_open(&errand, "check", NULL);
    assert_int_equal(errand_begin(&errand, "check", "command", "{groups: {a: [b, c]}, command: [sleep, '1000']}", NULL), 0);
    errand.driver->vtable.cancel(errand.driver->self, &errand.action);
    nip__loop_wait(errand.loop, NIP_TIME_NONE, NULL);
    assert_null(errand.outcome);
    assert_int_equal(errand_begin(&errand, "check", "command", "{groups: {a: [b, c]}, command: [sleep, '1000']}", NULL), 0);
    errand_close(&errand); /* with an action under way */
}

/* Descriptors run out in the middle: every endpoint is still told as it is. */
static void few_descriptors(void **state)
{
    (void)state;
    int port, listener = server_listener(&port);
    test_errand errand;
    errand_open(&errand, "check", NULL);
    nip__buffer args = NIP__BUFFER(10000);
    nip__buffer_printf(&args, "{urls: [");
    for (int i = 0; i < 60; i++)
        nip__buffer_printf(&args, "%s'tcp://127.0.0.1:%d'", i == 0 ? "" : ", ", port);
    nip__buffer_text(&args, "]}");
    /* Begin first: the cap is found then, and there is room for all. */
    assert_int_equal(errand_begin(&errand, "check", "reachable", nip__buffer_string(&args), NULL), 0);
    int top = open("/dev/null", O_RDONLY);
    close(top);
    struct rlimit before, now;
    getrlimit(RLIMIT_NOFILE, &before);
    now = before;
    now.rlim_cur = (rlim_t)top + 3;
    setrlimit(RLIMIT_NOFILE, &now);
    errand_wait(&errand);
    setrlimit(RLIMIT_NOFILE, &before);
    const nip__value *result = result_of(errand.outcome);
    assert_int_equal(int_at(result, "/reachable"), 60);
    nip__buffer_clear(&args);
    errand_close(&errand);
    close(listener);
}

static void no_descriptors_at_all_fails_the_action(void **state)
{
    (void)state;
    test_errand errand;
    errand_open(&errand, "check", NULL);
    char args[100];
    snprintf(args, sizeof args, "{urls: ['tcp://127.0.0.1:%d']}", server_unused_port());
    errand_run(&errand, "check", "reachable", args); /* whatever is opened once is open now */
    int top = open("/dev/null", O_RDONLY);
    close(top);
    struct rlimit before, now;
    getrlimit(RLIMIT_NOFILE, &before);
    now = before;
    now.rlim_cur = (rlim_t)top;
    setrlimit(RLIMIT_NOFILE, &now);
    const nip__value *outcome = errand_run(&errand, "check", "reachable", args);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_string_equal(nip__get_text(outcome, "outcome"), "failed");
    assert_string_equal(nip__get_text(outcome, "reason"), "no_descriptors");
    assert_true(nip__get_bool(outcome, "retryable", false));
    errand_close(&errand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_over_groups),
        cmocka_unit_test(all_well_has_no_failure),
        cmocka_unit_test(commands),
        cmocka_unit_test(reachable),
        cmocka_unit_test(settings),
        cmocka_unit_test(resources),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(cancelling_stops_everything),
        cmocka_unit_test(few_descriptors),
        cmocka_unit_test(no_descriptors_at_all_fails_the_action),
    };
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
