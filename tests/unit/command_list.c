/* What `list` of the command driver prints: patterns of its lines, and text that is not to be believed. */
#include "unit.h"
#include "base/buffer.h"
#include "driver/command_work.h"

static nip__arena *arena;
static nip__local_instances *found;

static int set_up(void **state)
{
    (void)state;
    arena = nip__arena_new();
    found = nip__arena_alloc(arena, sizeof *found);
    return found == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    nip__arena_free(arena);
    return 0;
}

static nip__argv_settings with_lines(const char *lines)
{
    return (nip__argv_settings){.local = {.host = "10.0.0.7", .port_first = 9100, .port_last = 9103}, .lines = lines};
}

static void checks_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *wrong;
    } cases[] = {
        {"{endpoint} {version} {state}", NULL},         {"app@{version}:{port}.service {} {state}", NULL},
        {"{host}:{port} {state} {version} {id}", NULL}, {"{endpoint} {version}", "{version} and {state}"},
        {"{state} {version}", "{endpoint} or {port}"},  {"", "{endpoint} or {port}"},
        {"{endpoint} {version} {stat}", "it knows"},    {"{endpoint} {version}{state}", "between two places"},
        {"{endpoint {version} {state}", "brace"},       {"endpoint} {version} {state}", "brace"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *wrong = nip__argv_check_lines(cases[i].lines);
        if ((wrong == NULL) != (cases[i].wrong == NULL))
            fail_msg("%s: %s", cases[i].lines, wrong == NULL ? "let through" : wrong);
        if (wrong != NULL)
            assert_contains(wrong, cases[i].wrong);
    }
}

static void reads_lines(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *text, *endpoint, *version;
        bool running;
    } cases[] = {
        {"{endpoint} {version} {state}", "127.0.0.1:9100 1.4 running", "127.0.0.1:9100", "1.4", true},
        {"{endpoint} {version} {state}", "\t[::1]:9100\t1.4   exited and gone\r\n", "[::1]:9100", "1.4", false},
        {"app@{version}:{port}.service {} {state}", "  app@1.4.0:9101.service loaded active running The shop\n",
         "10.0.0.7:9101", "1.4.0", true},
        {"app@{version}:{port}.service {} {state}", "app@1.4.0:9101.service loaded failed failed The shop",
         "10.0.0.7:9101", "1.4.0", false},
        {"{host}:{port}/{version} {state}", "127.0.0.2:80/v-1.4 up", "127.0.0.2:80", "v-1.4", true},
        {"x{port}y {version} {state}", "x9y a dead", "10.0.0.7:9", "a", false},
        {"{port} {version} {state}", "{\"port\": 9102, \"version\": \"a b\", \"state\": \"up\"}", "10.0.0.7:9102",
         "a b", true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__argv_settings settings = with_lines(cases[i].lines);
        nip__trouble trouble = {0};
        if (!nip__argv_read_list(arena, &settings, cases[i].text, strlen(cases[i].text), found, &trouble))
            fail_msg("%s: %s", cases[i].text, trouble.message);
        assert_int_equal(found->count, 1);
        assert_string_equal(found->list[0].endpoint, cases[i].endpoint);
        assert_string_equal(found->list[0].version, cases[i].version);
        assert_int_equal(found->list[0].running, cases[i].running);
    }
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *text;
    } cases[] = {
        {"{endpoint} {version} {state}", "a"},
        {"{endpoint} {version} {state}", "127.0.0.1:0 1 up"},
        {"{endpoint} {version} {state}", "127.0.0.1:9100 1\x01 up"},
        {"app@{version}:{port}.service {} {state}", "app@1.4.0.service loaded active"},
        {"app@{version}:{port}.service {} {state}", "app@:9100.service loaded active"},
        {"app@{version}:{port}.service {} {state}", "app@1:99999.service loaded active"},
        {"app@{version}:{port}.service {} {state}", "app@1:9100.servic loaded active"},
        {"app@{version}:{port}.service {} {state}", "app@1:9100.service"},
        {"app@{version}:{port}.service {} {state}", "0 loaded units listed."},
        {"{endpoint} {version} {state}", "{\"endpoint\": [1], \"version\": \"1\", \"state\": \"up\"}"},
        {"{endpoint} {version} {state}", "{\"endpoint\": \"127.0.0.1:1\", \"version\": \"1\", \"state\": \"up\"} x"},
        {"{endpoint} {version} {state}", "[1]"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__argv_settings settings = with_lines(cases[i].lines);
        nip__trouble trouble = {0};
        if (nip__argv_read_list(arena, &settings, cases[i].text, strlen(cases[i].text), found, &trouble))
            fail_msg("%s was let in", cases[i].text);
        assert_string_equal(trouble.reason, "protocol");
        assert_contains(trouble.message, "line 1 of what `list` printed cannot be used");
    }
}

static void has_limits(void **state)
{
    (void)state;
    nip__argv_settings settings = with_lines("{endpoint} {version} {state}");
    nip__trouble trouble = {0};
    nip__buffer text = NIP__BUFFER(8 * NIP__ARGV_OUTPUT_MAX);
    for (int i = 0; i < NIP__ARGV_LINES_MAX; i++)
        nip__buffer_text(&text, "\n");
    assert_false(nip__argv_read_list(arena, &settings, text.data, text.length, found, &trouble));
    assert_contains(trouble.message, "lines");
    assert_true(nip__argv_read_list(arena, &settings, text.data, text.length - 1, found, &trouble));
    assert_int_equal(found->count, 0);
    while (text.length < NIP__ARGV_OUTPUT_MAX)
        nip__buffer_text(&text, "        ");
    assert_false(nip__argv_read_list(arena, &settings, text.data, text.length, found, &trouble));
    assert_contains(trouble.message, "bytes");
    assert_false(nip__argv_read_list(arena, &settings, "a\0b", 3, found, &trouble));
    assert_contains(trouble.message, "UTF-8");
    nip__buffer_clear(&text);
}

/* At another machine no port can be tried: the list alone tells. */
static void counts_ports(void **state)
{
    (void)state;
    nip__argv_settings settings = with_lines("{port} {version} {state}");
    nip__trouble trouble = {0};
    static const char text[] = "9100 1 up\n9102 1 dead\n";
    assert_true(nip__argv_read_list(arena, &settings, text, sizeof text - 1, found, &trouble));
    const nip__value *observed = nip__argv_observed(arena, &settings, found);
    assert_int_equal(nip__get_int(observed, "ports_free", -1), 2);
    assert_int_equal(nip__get_int(nip__pointer(observed, "/versions/1"), "running", -1), 1);
    assert_int_equal(nip__get_int(nip__pointer(observed, "/versions/1"), "exited", -1), 1);
    assert_null(nip__pointer(observed, "/instances/0/pid"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(checks_patterns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_does_not_fit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(has_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counts_ports, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
