/* Plans that give an application a release record that runs already. */
#include "planning.h"
#include "failing_malloc.h"

#define DOCUMENT(driver, replicas)                                                                                     \
    "rollout:\n  app: shop\n  artifact: \"1.3.0\"\n  replicas: " replicas "\n  target: {driver: " driver               \
    "}\n  router: {driver: sim}\n  health: {url: \"http://{endpoint}/health\", interval: 2s, successes: 3}\n"

static int adopt(const char *text, const char *release, const char *state, nip_plan **plan, nip_error **err)
{
    nip_doc *doc = document(text);
    int rc = nip_adopt_plan(doc, release, state, plan, err);
    nip_doc_free(doc);
    return rc;
}

static planned must_adopt(const char *text, const char *state)
{
    nip_plan *plan = NULL;
    nip_error *error = NULL;
    if (adopt(text, "null", state, &plan, &error) < 0)
        fail_msg("%s", nip_error_message(error));
    return read_plan(plan);
}

static void refuse(const char *text, const char *release, const char *state, const char *part)
{
    nip_plan *plan = NULL;
    nip_error *error = NULL;
    assert_int_equal(adopt(text, release, state, &plan, &error), NIP_E_STATE);
    assert_null(plan);
    assert_contains(nip_error_message(error), part);
    nip_error_free(error);
}

static void records_what_the_target_lists(void **state)
{
    static const seen three[] = {{"1.3.0", 3, 9100, 100, 0}, SEEN_END};
    (void)state;
    char *all = observed(three);
    planned p = must_adopt(DOCUMENT("command", "3"), all);
    assert_ids(&p, "steps", "preflight-artifact preflight-router verify");
    assert_ids(&p, "back", "");
    const nip__value *verify = step_of(&p, "steps", "verify");
    assert_null(nip__get(verify, "actions"));
    assert_json(verify, "/on_failure", "\"stop\"");
    assert_json(verify, "/deadline", "\"1m6s\"");
    assert_json(verify, "/until/successes", "3");
    assert_json(verify, "/until/that/0", "{\"of\":0,\"at\":\"/groups/1.3.0/healthy\",\"op\":\"==\",\"value\":3}");
    assert_json(verify, "/until/that/1",
                "{\"of\":1,\"at\":\"/endpoints/127.0.0.1:9100/state\",\"op\":\"==\",\"value\":\"ready\"}");
    assert_json(verify, "/until/that/2",
                "{\"of\":1,\"at\":\"/endpoints/127.0.0.1:9100/share\",\"op\":\">=\",\"value\":33.333}");
    assert_json(p.root, "/release/version", "\"1.3.0\"");
    assert_json(p.root, "/release/replicas", "3");
    assert_json(p.root, "/release/endpoints", "[\"127.0.0.1:9100\",\"127.0.0.1:9101\",\"127.0.0.1:9102\"]");
    assert_json(p.root, "/release/shares", "{\"1.3.0\":100}");
    assert_json(p.root, "/release/previous", "null");
    assert_json(p.root, "/release/rollout/app", "\"shop\"");
    drop_plan(&p);
    nip_free(all);
}

/* Only the router knows of them: no version is listed. */
static const char unlisted[] =
    "{\"target\":{\"versions\":{},\"ports_free\":9},\"router\":{\"usable\":true,\"endpoints\":{"
    "\"127.0.0.1:9100\":{\"share\":50,\"state\":\"ready\"},\"127.0.0.1:9101\":{\"share\":50,\"state\":\"ready\"},"
    "\"127.0.0.1:9102\":{\"share\":0,\"state\":\"maint\"}}},\"health\":{\"groups\":{}}}";

static void takes_over_what_the_target_does_not_know(void **state)
{
    (void)state;
    planned p = must_adopt(DOCUMENT("sim", "2"), unlisted);
    assert_ids(&p, "steps", "preflight-artifact preflight-router verify adopt");
    const nip__value *step = step_of(&p, "steps", "adopt");
    assert_json(step, "/actions/0/verb", "\"adopt\"");
    assert_json(step, "/actions/0/class", "\"declarative\"");
    assert_json(step, "/actions/0/args",
                "{\"version\":\"1.3.0\",\"artifact\":\"1.3.0\",\"settings\":{},"
                "\"endpoints\":[\"127.0.0.1:9100\",\"127.0.0.1:9101\"]}");
    assert_json(step, "/until/that/1",
                "{\"of\":0,\"at\":\"/versions/1.3.0/endpoints\",\"op\":\"contains\",\"value\":\"127.0.0.1:9101\"}");
    assert_json(step, "/on_failure", "\"stop\"");
    drop_plan(&p);
    refuse(DOCUMENT("command", "2"), NULL, unlisted, "127.0.0.1:9100, which the target (driver command) does not list");
}

static void refuses_what_is_not_plain(void **state)
{
    static const struct {
        const char *part;
        seen versions[3];
    } cases[] = {
        {"there is nothing to adopt: route traffic", {SEEN_END}},
        {"127.0.0.1:9100 of 1.3.0 runs and gets no traffic", {{"1.3.0", 3, 9100, 0, 0}, {"x", 0, 1, 0, 0}, SEEN_END}},
        {"1 instance of 1.2.0 runs, and the document says 1.3.0",
         {{"1.3.0", 3, 9100, 90, 0}, {"1.2.0", 1, 9200, 10, 0}, SEEN_END}},
        {"say replicas: 2 to adopt what runs", {{"1.3.0", 2, 9100, 100, 0}, SEEN_END}},
        {"2 of 3 instances of 1.3.0 are healthy", {{"1.3.0", 3, 9100, 100, 1}, SEEN_END}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *all = observed(cases[i].versions);
        if (i == 1) { /* traffic, but to somebody else */
            nip_free(all);
            all = strdup(
                "{\"target\":{\"versions\":{\"1.3.0\":{\"endpoints\":[\"127.0.0.1:9100\",\"127.0.0.1:9101\"]}}},"
                "\"router\":{\"endpoints\":{\"127.0.0.1:9101\":{\"share\":100,\"state\":\"ready\"}}}}");
        }
        refuse(DOCUMENT("sim", "3"), NULL, all, cases[i].part);
        if (i == 1)
            free(all);
        else
            nip_free(all);
    }
    char *release = release_of("1.3.0", 3, 9100, "");
    refuse(DOCUMENT("sim", "2"), release, unlisted, "shop has a release record already, of 1.3.0");
    nip_free(release);
}

static void tells_of_uneven_shares(void **state)
{
    (void)state;
    planned p = must_adopt(
        DOCUMENT("sim", "2"),
        "{\"target\":{\"versions\":{}},\"router\":{\"endpoints\":{"
        "\"127.0.0.1:9100\":{\"share\":25,\"state\":\"ready\"},\"127.0.0.1:9101\":{\"share\":75,\"state\":\"ready\"}}}}");
    assert_true(has_warning(&p, "shares differ (25.0 to 75.0 % an instance)"));
    drop_plan(&p);
}

static void refuses_bad_arguments(void **state)
{
    nip_plan *plan = NULL;
    nip_doc *doc = document(DOCUMENT("sim", "2"));
    (void)state;
    assert_int_equal(nip_adopt_plan(NULL, NULL, unlisted, &plan, NULL), NIP_E_INVALID);
    assert_int_equal(nip_adopt_plan(doc, NULL, NULL, &plan, NULL), NIP_E_INVALID);
    assert_int_equal(nip_adopt_plan(doc, NULL, unlisted, NULL, NULL), NIP_E_INVALID);
    assert_int_equal(nip_adopt_plan(doc, NULL, "[]", &plan, NULL), NIP_E_DOCUMENT);
    nip_doc_free(doc);
}

static void survives_a_lack_of_memory(void **state)
{
    (void)state;
    nip_doc *doc = document(DOCUMENT("sim", "2"));
    for (long k = 1;; k++) {
        nip_plan *plan = NULL;
        nip_error *error = NULL;
        fail_allocation(k, 0);
        int rc = nip_adopt_plan(doc, NULL, unlisted, &plan, &error);
        long seen_allocations = allocations_seen();
        fail_allocation(0, 0);
        if (rc < 0)
            assert_int_equal(nip_error_code(error), NIP_E_NOMEM);
        nip_error_free(error);
        nip_plan_free(plan);
        if (seen_allocations < k)
            break;
        assert_true(k < 100000);
    }
    nip_doc_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_what_the_target_lists), cmocka_unit_test(takes_over_what_the_target_does_not_know),
        cmocka_unit_test(refuses_what_is_not_plain),     cmocka_unit_test(tells_of_uneven_shares),
        cmocka_unit_test(refuses_bad_arguments),         cmocka_unit_test(survives_a_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
