/* Observed states, compared by what a plan depends on. */
#include "planning.h"

typedef struct pair {
    seen planned[4], fresh[4];
    const char *told; /* NULL: they agree */
} pair;

static const pair pairs[] = {
    {{{"1.3.0", 2, 9100, 100, 0}}, {{"1.3.0", 2, 9100, 100, 0}}, NULL},
    {{{"1.3.0", 2, 9100, 100, 0}}, {{"1.3.0", 2, 9100, 99.5, 0}}, NULL}, /* within a router's resolution */
    {{{"1.3.0", 2, 9100, 100, 0}}, {{"1.3.0", 2, 9100, 100, 1}}, NULL},  /* health comes and goes */
    {{{"1.3.0", 2, 9100, 100, 0}}, {{"1.3.0", 2, 9100, 100, 0}, {"1.4.0", 0, 0, 0, 0}}, NULL}, /* only exited ones */
    {{{"1.3.0", 2, 9100, 100, 0}}, {{"1.3.0", 3, 9100, 100, 0}}, "1.3.0 has another number of instances (2, now 3)"},
    {{{"1.3.0", 2, 9100, 100, 0}}, {{"1.3.0", 2, 9101, 100, 0}}, "1.3.0 has other instances"},
    {{{"1.3.0", 2, 9100, 100, 0}},
     {{"1.3.0", 2, 9100, 100, 0}, {"1.4.0", 1, 9200, 0, 0}},
     "1.4.0 has another number of instances (0, now 1)"},
    {{{"1.3.0", 2, 9100, 100, 0}, {"1.4.0", 1, 9200, 0, 0}},
     {{"1.3.0", 2, 9100, 100, 0}},
     "1.4.0 has another number of instances (1, now 0)"},
    {{{"1.3.0", 2, 9100, 90, 0}, {"1.4.0", 1, 9200, 10, 0}},
     {{"1.3.0", 2, 9100, 75, 0}, {"1.4.0", 1, 9200, 25, 0}},
     "1.4.0 has another share of the traffic in percent (10, now 25)"},
    {{{"1.3.0", 2, 9100, 100, 0}},
     {{"1.3.0", 2, 9100, 0, 0}},
     "the router routes traffic to other instances (2, now 0)"},
};

static void compares(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        char *planned_text = observed(pairs[i].planned), *fresh_text = observed(pairs[i].fresh);
        nip_error *error = NULL;
        int rc = nip_observed_compare(planned_text, fresh_text, &error);
        if (pairs[i].told == NULL) {
            if (rc < 0)
                fail_msg("%zu: %s", i, nip_error_message(error));
        } else {
            assert_int_equal(rc, NIP_E_DIFFERS);
            assert_contains(nip_error_message(error), pairs[i].told);
            assert_contains(nip_error_message(error), "plan again");
        }
        nip_error_free(error);
        nip_free(planned_text);
        nip_free(fresh_text);
    }
}

/* Order, instants, sessions, free ports and latencies say nothing about a plan. */
static void ignores_what_changes_all_the_time(void **state)
{
    static const char planned_text[] =
        "{\"at\":\"2026-11-23T06:00:00Z\",\"target\":{\"versions\":{\"a\":{\"endpoints\":[\"x:1\",\"x:2\"]},\"b\":{"
        "\"endpoints\":[\"x:3\"]}},"
        "\"ports_free\":5},\"router\":{\"endpoints\":{\"x:1\":{\"share\":50,\"state\":\"ready\",\"sessions\":1},"
        "\"x:2\":{\"share\":50,\"state\":\"ready\"},\"x:3\":{\"share\":0,\"state\":\"drain\"}}}}";
    static const char fresh_text[] =
        "{\"at\":\"2026-11-23T07:00:00Z\",\"target\":{\"versions\":{\"b\":{\"endpoints\":[\"x:3\"]},\"a\":{"
        "\"endpoints\":[\"x:2\",\"x:1\"]}},"
        "\"ports_free\":4},\"router\":{\"slots_free\":3,\"endpoints\":{\"x:3\":{\"share\":0,\"state\":\"drain\"},"
        "\"x:2\":{\"share\":50.2,\"state\":\"ready\"},\"x:1\":{\"share\":49.8,\"state\":\"ready\",\"sessions\":9}}}}";
    (void)state;
    assert_int_equal(nip_observed_compare(planned_text, fresh_text, NULL), 0);
}

static void lists_ten_differences_at_most(void **state)
{
    nip__buffer planned_text = NIP__BUFFER(65536), fresh_text = NIP__BUFFER(65536);
    nip_error *error = NULL;
    (void)state;
    nip__buffer_text(&planned_text, "{\"target\":{\"versions\":{");
    nip__buffer_text(&fresh_text, "{\"target\":{\"versions\":{}}}");
    for (int i = 0; i < 40; i++)
        nip__buffer_printf(&planned_text, "%s\"v%d\":{\"endpoints\":[\"x:%d\"]}", i > 0 ? "," : "", i, i);
    nip__buffer_text(&planned_text, "}}}");
    assert_int_equal(nip_observed_compare(nip__buffer_string(&planned_text), nip__buffer_string(&fresh_text), &error),
                     NIP_E_DIFFERS);
    assert_contains(nip_error_message(error), "v9 has another number");
    assert_null(strstr(nip_error_message(error), "v10 "));
    assert_contains(nip_error_message(error), "and more");
    nip_error_free(error);
    nip__buffer_clear(&planned_text);
    nip__buffer_clear(&fresh_text);
}

static void refuses_what_is_no_state(void **state)
{
    static const char good[] = "{\"target\":{\"versions\":{}}}";
    static const char listed[] = "{\"target\":{\"versions\":{\"a\":{\"endpoints\":[\"x:1\",\"x:2\"]}}},"
                                 "\"router\":{\"endpoints\":[{\"share\":100,\"state\":\"ready\"}]}}";
    (void)state;
    assert_int_equal(nip_observed_compare(listed, listed, NULL), 0); /* endpoints without names serve nobody */
    assert_int_equal(nip_observed_compare(good, "{}", NULL), NIP_E_DOCUMENT);
    assert_int_equal(nip_observed_compare("{}", good, NULL), NIP_E_DOCUMENT);
    assert_int_equal(nip_observed_compare(good, "{", NULL), NIP_E_SYNTAX);
    assert_int_equal(nip_observed_compare(NULL, good, NULL), NIP_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(ignores_what_changes_all_the_time),
        cmocka_unit_test(lists_ten_differences_at_most),
        cmocka_unit_test(refuses_what_is_no_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
