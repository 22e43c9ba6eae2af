/* Plans as documents: what is accepted, what is refused and how it says so, how it reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nipops.h"

#define PLAN(steps, back, more) \
    "{\"v\":1,\"kind\":\"plan\",\"subject\":\"shop\",\"title\":\"test\",\"steps\":[" steps "],\"back\":[" back "]" more "}"
#define STEP(id, more) "{\"id\":\"" id "\",\"title\":\"" id "\"" more "}"
#define ACT(args) ",\"actions\":[{\"role\":\"target\",\"verb\":\"instances\",\"args\":" args "}]"
#define GUARD(from, to, verb) \
    ",\"guards\":[{\"id\":\"g\",\"title\":\"g\",\"action\":{\"role\":\"metrics\",\"verb\":\"" verb "\"},\"from\":\"" from "\",\"to\":\"" to \
    "\",\"version\":\"2\",\"limits\":{\"error_rate\":0.01}}]"
#define A_GUARD(limit) \
    "{\"id\":\"g\",\"title\":\"g\",\"action\":{\"role\":\"metrics\",\"verb\":\"measure\"},\"from\":\"a\",\"to\":\"a\",\"version\":\"2\"," \
    "\"limits\":{\"error_rate\":" limit "}}"

static void test_refused(void **state)
{
    (void)state;
    const struct {
        const char *plan, *message;
        int code;
    } rows[] = {
        {"[]", "map", NIP_E_DOCUMENT},
        {"{\"v\":1", "", NIP_E_SYNTAX},
        {"{\"v\":2,\"kind\":\"plan\",\"subject\":\"s\",\"title\":\"t\",\"steps\":[]}", "newer", NIP_E_VERSION},
        {"{\"v\":2.0,\"kind\":\"plan\",\"subject\":\"s\",\"title\":\"t\",\"steps\":[]}", "newer", NIP_E_VERSION},
        {"{\"v\":\"2\",\"kind\":\"plan\",\"subject\":\"s\",\"title\":\"t\",\"steps\":[]}", "v", NIP_E_DOCUMENT},
        {"{\"v\":0,\"kind\":\"plan\",\"subject\":\"s\",\"title\":\"t\",\"steps\":[]}", "v", NIP_E_DOCUMENT},
        {"{\"v\":1,\"kind\":\"plan\",\"title\":\"t\",\"steps\":[]}", "subject", NIP_E_DOCUMENT},
        {"{\"v\":1,\"kind\":\"plan\",\"subject\":\"-x\",\"title\":\"t\",\"steps\":[]}", "begin with a letter", NIP_E_DOCUMENT},
        {PLAN(STEP("a", ",\"colour\":1"), "", ""), "colour", NIP_E_DOCUMENT},
        {PLAN(STEP("a", "") "," STEP("a", ""), "", ""), "used twice", NIP_E_DOCUMENT},
        {PLAN(STEP("a", ""), STEP("a", ""), ""), "used twice", NIP_E_DOCUMENT},
        {PLAN(STEP("a b", ""), "", ""), "letters", NIP_E_DOCUMENT},
        {PLAN(STEP("a", ",\"back\":0"), "", ""), "does not exist", NIP_E_DOCUMENT},
        {PLAN(STEP("a", ",\"deadline\":\"-1s\""), "", ""), "deadline", NIP_E_DOCUMENT},
        {PLAN(STEP("a", ACT("{\"x\":{\"from\":\"b\"}}")) "," STEP("b", ACT("{}")), "", ""), "not run by then", NIP_E_DOCUMENT},
        {PLAN(STEP("a", ACT("{\"x\":{\"from\":\"a\"}}")), "", ""), "not run by then", NIP_E_DOCUMENT},
        {PLAN(STEP("a", ACT("{\"x\":{\"from\":\"z\"}}")), "", ""), "does not exist: z", NIP_E_DOCUMENT},
        {PLAN(STEP("a", "") "," STEP("b", ACT("{\"x\":{\"from\":\"a\"}}")), "", ""), "does not have", NIP_E_DOCUMENT},
        {PLAN(STEP("a", ACT("{}")), STEP("u", ACT("{\"x\":{\"from\":\"a\"}}")), ""), "needs an \"else\"", NIP_E_DOCUMENT},
        {PLAN(STEP("a", ",\"require\":{\"that\":[]}"), "", ""), "observe", NIP_E_DOCUMENT},
        {PLAN(STEP("a", ",\"until\":{\"observe\":[{\"role\":\"target\",\"verb\":\"instances\"}]}"), "", ""), "read verbs", NIP_E_DOCUMENT},
        {PLAN(STEP("a", ",\"until\":{\"that\":[{\"at\":\"/x\",\"op\":\"==\",\"value\":1}]}"), "", ""), "beyond", NIP_E_DOCUMENT},
        {PLAN(STEP("a", ACT("{}") ",\"until\":{\"that\":[{\"at\":\"x\",\"op\":\"==\",\"value\":1}]}"), "", ""), "JSON pointer", NIP_E_DOCUMENT},
        {PLAN(STEP("a", ACT("{}") ",\"until\":{\"that\":[{\"at\":\"/x\",\"op\":\"~\",\"value\":1}]}"), "", ""), "contains", NIP_E_DOCUMENT},
        {PLAN(STEP("a", ",\"wait\":\"1m\",\"approve\":\"ok?\""), "", ""), "two steps", NIP_E_DOCUMENT},
        {PLAN(STEP("a", ""), "", GUARD("a", "b", "measure")), "guard", NIP_E_DOCUMENT},
        {PLAN(STEP("a", "") "," STEP("b", ""), "", GUARD("b", "a", "measure")), "in their order", NIP_E_DOCUMENT},
        {PLAN(STEP("a", ""), "", GUARD("a", "a", "reset")), "read verb", NIP_E_DOCUMENT},
        {PLAN(STEP("a", ""), "", ",\"guards\":[" A_GUARD("0.01") "," A_GUARD("0.02") "]"), "two guards", NIP_E_DOCUMENT},
        {PLAN(STEP("a", ""), "", ",\"guards\":[" A_GUARD("1.5") "]"), "ratio from 0 to 1", NIP_E_DOCUMENT},
        {PLAN(STEP("a", ",\"back\":\"0\""), STEP("u", ""), ""), "does not exist", NIP_E_DOCUMENT},
        {PLAN(STEP("a", ACT("{}") ",\"on_failure\":\"continue\""), "", ",\"release\":{\"x\":{\"from\":\"a\"}}"), "needs an \"else\"",
         NIP_E_DOCUMENT},
        {PLAN(STEP("a", ACT("{}") ",\"back\":0"), STEP("u", ""), ",\"release_back\":{\"x\":{\"from\":\"a\"}}"), "needs an \"else\"",
         NIP_E_DOCUMENT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        nip_plan *plan = NULL;
        nip_error *err = NULL;
        int rc = nip_plan_from_json(rows[i].plan, strlen(rows[i].plan), &plan, &err);
        if (rc != rows[i].code || strstr(nip_error_message(err), rows[i].message) == NULL)
            fail_msg("%s\n%s: %s", rows[i].plan, nip_code_name(rc), nip_error_message(err));
        assert_null(plan);
        nip_error_free(err);
    }
}

static void test_all_problems_at_once(void **state)
{
    (void)state;
    const char *text = PLAN(STEP("a", ACT("{\"x\":{\"from\":\"y\"}}")) "," STEP("a", ",\"back\":3"), "", "");
    nip_plan *plan = NULL;
    nip_error *err = NULL;
    assert_int_equal(nip_plan_from_json(text, strlen(text), &plan, &err), NIP_E_DOCUMENT);
    assert_int_equal(nip_error_count(err), 3);
    nip_error_free(err);
}

/* Checking a document and reading a plan from it find the same problems in the same places. */
static void test_checking_says_where(void **state)
{
    (void)state;
    static const char text[] = "v: 1\nkind: plan\nsubject: shop\ntitle: t\nsteps:\n  - {id: a, title: a, wait: soon}\n  - {id: b, titel: b}\n";
    nip_doc *doc = NULL;
    nip_plan *plan = NULL;
    nip_error *read = NULL, *checked = NULL;
    assert_int_equal(nip_doc_load_text(text, sizeof text - 1, "plan.yaml", &doc, NULL), 0);
    assert_int_equal(nip_plan_from_doc(doc, &plan, &read), NIP_E_DOCUMENT);
    assert_int_equal(nip_doc_check(doc, &checked), NIP_E_DOCUMENT);
    assert_int_equal(nip_error_count(checked), nip_error_count(read));
    assert_true(nip_error_count(read) >= 2);
    for (int i = 0; i < nip_error_count(read); i++) {
        const nip_error *one = nip_error_at(checked, i), *other = nip_error_at(read, i);
        assert_string_equal(nip_error_message(one), nip_error_message(other));
        assert_string_equal(nip_error_path(one), nip_error_path(other));
        assert_int_equal(nip_error_line(one), nip_error_line(other));
        assert_int_equal(nip_error_column(one), nip_error_column(other));
        assert_true(nip_error_line(one) == 6 || nip_error_line(one) == 7);
    }
    nip_error_free(read);
    nip_error_free(checked);
    nip_doc_free(doc);
}

static void test_drivers_can_be_opened_when_none_are_named(void **state)
{
    (void)state;
    const char *text = PLAN(STEP("a", ""), "", "");
    nip_plan *plan = NULL;
    nip_ctx *ctx = NULL;
    nip_drivers *drivers = NULL;
    assert_int_equal(nip_plan_from_json(text, strlen(text), &plan, NULL), 0);
    assert_string_equal(nip_plan_drivers(plan), "{}");
    assert_int_equal(nip_ctx_new(&ctx, NULL), 0);
    assert_int_equal(nip_drivers_new(&drivers, NULL), 0);
    assert_int_equal(nip_drivers_open(drivers, ctx, nip_plan_drivers(plan), NULL), 0);
    nip_drivers_free(drivers);
    nip_ctx_free(ctx);
    nip_plan_free(plan);
}

/* What is shown to people gets copied about. */
static void test_explaining_shows_no_secrets(void **state)
{
    (void)state;
    const char *text = PLAN(STEP("a", ACT("{\"headers\":{\"authorization\":\"Bearer hush1\"},\"url\":\"http://ann:hush2@127.0.0.1/\",\"x\":7}")), "", "");
    nip_plan *plan = NULL;
    char *explained = NULL;
    assert_int_equal(nip_plan_from_json(text, strlen(text), &plan, NULL), 0);
    assert_int_equal(nip_plan_explain(plan, &explained, NULL), 0);
    assert_null(strstr(explained, "hush"));
    assert_non_null(strstr(explained, "\"url\":\"http://ann:***@127.0.0.1/\",\"x\":7"));
    nip_free(explained);
    nip_plan_free(plan);
}

static void test_round_trip(void **state)
{
    (void)state;
    const char *text = PLAN(STEP("a", ACT("{\"x\":1}") ",\"back\":0") "," STEP("b", ACT("{\"x\":{\"from\":\"a\",\"at\":\"/endpoints\"}}") ",\"wait\":\"1h30m\""),
                            STEP("u", ACT("{\"x\":{\"from\":\"a\",\"else\":[]}}")), GUARD("a", "b", "measure") ",\"release\":{\"until\":{\"after\":\"1h\"}}");
    nip_plan *plan = NULL, *again = NULL;
    nip_error *err = NULL;
    char *first = NULL, *second = NULL, *explained = NULL;
    assert_int_equal(nip_plan_from_json(text, strlen(text), &plan, &err), 0);
    assert_int_equal(nip_plan_steps(plan), 2);
    assert_string_equal(nip_plan_subject(plan), "shop");
    assert_int_equal(nip_plan_to_json(plan, &first, &err), 0);
    assert_int_equal(nip_plan_from_json(first, strlen(first), &again, &err), 0);
    assert_int_equal(nip_plan_to_json(again, &second, &err), 0);
    assert_string_equal(first, second);
    assert_int_equal(nip_plan_explain(plan, &explained, &err), 0);
    const char *const parts[] = {"1. a [a]", "<endpoints of a>", "if it fails here: u", "stay for 1h 30m", "the run is broken"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strstr(explained, parts[i]) == NULL)
            fail_msg("no \"%s\" in\n%s", parts[i], explained);
    }
    nip_free(first);
    nip_free(second);
    nip_free(explained);
    nip_plan_free(plan);
    nip_plan_free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_all_problems_at_once),
        cmocka_unit_test(test_checking_says_where),
        cmocka_unit_test(test_drivers_can_be_opened_when_none_are_named),
        cmocka_unit_test(test_explaining_shows_no_secrets),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
