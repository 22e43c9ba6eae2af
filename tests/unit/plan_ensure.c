/* Plans that make a release record true again; and planning when memory is short. */
#include "planning.h"
#include "failing_malloc.h"

static planned ensure(const char *more, const seen *versions)
{
    char *release = release_of("1.3.0", 3, 9100, more), *all = observed(versions);
    nip_plan *plan = NULL;
    nip_error *error = NULL;
    if (nip_ensure_plan(release, all, &plan, &error) < 0)
        fail_msg("%s", nip_error_message(error));
    nip_free(release);
    nip_free(all);
    return read_plan(plan);
}

static void leaves_alone_what_is_true(void **state)
{
    static const seen three[] = {{"1.3.0", 3, 9100, 100, 0}, SEEN_END};
    (void)state;
    planned p = ensure("", three);
    assert_ids(&p, "steps", "");
    assert_json(p.root, "/release/version", "\"1.3.0\"");
    assert_json(p.root, "/release/endpoints", "[\"127.0.0.1:9100\",\"127.0.0.1:9101\",\"127.0.0.1:9102\"]");
    drop_plan(&p);
}

static void starts_what_is_missing(void **state)
{
    static const seen two[] = {{"1.3.0", 2, 9100, 100, 0}, SEEN_END};
    static const seen none[] = {SEEN_END};
    (void)state;
    planned p = ensure("", two);
    assert_ids(&p, "steps", "preflight-router grow route");
    assert_json(step_of(&p, "steps", "grow"), "/actions/0/args/versions/1.3.0/replicas", "3");
    assert_json(step_of(&p, "steps", "grow"), "/actions/0/before/versions/1.3.0/replicas", "2");
    assert_json(step_of(&p, "steps", "route"), "/require/that/0/value", "3");
    assert_null(nip__pointer(step_of(&p, "steps", "route"), "/actions/0/before"));
    assert_json(p.root, "/release/endpoints", "{\"from\":\"grow\",\"at\":\"/versions/1.3.0/endpoints\"}");
    assert_true(has_warning(&p, "1.3.0 runs 2 of 3"));
    drop_plan(&p);
    p = ensure("", none);
    assert_ids(&p, "steps", "preflight-router grow route");
    drop_plan(&p);
}

static void puts_traffic_right(void **state)
{
    static const seen silent[] = {{"1.3.0", 3, 9100, 0, 0}, SEEN_END};
    static const seen strange[] = {{"1.3.0", 3, 9100, 50, 0}, {"9.9", 1, 9200, 50, 0}, SEEN_END};
    (void)state;
    planned p = ensure("", silent);
    assert_ids(&p, "steps", "preflight-router route");
    drop_plan(&p);
    p = ensure("", strange);
    assert_ids(&p, "steps", "preflight-router route");
    /* what stands in the way of a rollout is what is to be repaired here */
    assert_json(step_of(&p, "steps", "preflight-router"), "/actions/0/args/repairs", "true");
    assert_json(step_of(&p, "steps", "route"), "/actions/0/args/repairs", "true");
    assert_true(has_warning(&p, "1 instance of 9.9 runs that no release record knows"));
    drop_plan(&p);
}

static void believes_no_restarted_router(void **state)
{
    static const char text[] =
        "{\"target\":{\"versions\":{\"1.3.0\":{\"endpoints\":[\"127.0.0.1:9100\"],\"running\":1}}},"
        "\"router\":{\"restarted\":true,\"endpoints\":{\"127.0.0.1:9100\":{\"share\":100,\"state\":\"ready\"}}}}";
    (void)state;
    char *release = release_of("1.3.0", 1, 9100, "");
    nip_plan *plan = NULL;
    assert_int_equal(nip_ensure_plan(release, text, &plan, NULL), 0);
    planned p = read_plan(plan);
    assert_ids(&p, "steps", "preflight-router route");
    drop_plan(&p);
    nip_free(release);
}

static void forgets_held_versions_that_died(void **state)
{
    static const seen versions[] = {{"1.3.0", 3, 9100, 0, 0}, {"1.2.0", 2, 9300, 0, 0}, SEEN_END};
    (void)state;
    planned p = ensure(",\"held\":[{\"version\":\"1.2.0\",\"replicas\":2,\"until\":\"2026-11-24T06:00:00Z\"},"
                       "{\"version\":\"1.1.0\",\"replicas\":2,\"until\":\"2026-11-24T06:00:00Z\"}]",
                       versions);
    assert_true(has_warning(&p, "1.1.0 was held, but does not run any more"));
    assert_json(p.root, "/release/held",
                "[{\"version\":\"1.2.0\",\"replicas\":2,\"until\":\"2026-11-24T06:00:00Z\","
                "\"endpoints\":[\"127.0.0.1:9300\",\"127.0.0.1:9301\"]}]");
    assert_json(step_of(&p, "steps", "route"), "/actions/0/args/drain", "[\"127.0.0.1:9300\",\"127.0.0.1:9301\"]");
    drop_plan(&p);
}

static void asks_only_for_health_that_was_there(void **state)
{
    static const seen ailing[] = {{"1.3.0", 3, 9100, 0, 2}, SEEN_END};
    (void)state;
    planned p = ensure("", ailing);
    assert_json(step_of(&p, "steps", "route"), "/require/that/0/value", "1");
    drop_plan(&p);
}

static void needs_a_release(void **state)
{
    static const seen none[] = {SEEN_END};
    (void)state;
    char *all = observed(none);
    nip_plan *plan = NULL;
    nip_error *error = NULL;
    assert_int_equal(nip_ensure_plan("null", all, &plan, &error), NIP_E_STATE);
    assert_contains(nip_error_message(error), "nothing was released");
    nip_error_free(error);
    assert_int_equal(nip_ensure_plan(NULL, NULL, &plan, NULL), NIP_E_INVALID);
    nip_free(all);
}

/* ---- memory ---- */

static const char canary[] = "app: shop\nimage_tag: \"1.4.0\"\nstrategy: canary\nreplicas: 3\ntarget: {driver: "
                             "sim}\nrouter: {driver: sim}\nmetrics: {driver: sim}\n"
                             "health_check_url: /health\ninitial_canary_percentage: 10\npromotion_stages: "
                             "[{percentage: 50, duration_minutes: 1}]\n"
                             "thresholds: {max_error_rate: 1}\n";

/* Every allocation of every planner fails once: it is told, and nothing else happens. */
static void survives_a_lack_of_memory(void **state)
{
    static const seen versions[] = {{"1.3.0", 3, 9100, 100, 0}, {"1.2.0", 2, 9300, 0, 0}, SEEN_END};
    (void)state;
    char *all = observed(versions);
    char *release = release_of("1.3.0", 3, 9100,
                               ",\"held\":[{\"version\":\"1.2.0\",\"artifact\":\"1.2.0\",\"replicas\":2}],"
                               "\"previous\":{\"version\":\"1.1.0\",\"artifact\":\"1.1.0\",\"replicas\":3}");
    nip_doc *doc = document(canary);
    for (int which = 0; which < 5; which++) {
        for (long k = 1;; k++) {
            nip_plan *plan = NULL;
            nip_error *error = NULL;
            fail_allocation(k, 0);
            int rc = which == 0   ? nip_rollout_plan(doc, release, all, &plan, &error)
                     : which == 1 ? nip_rollback_plan(release, all, &plan, &error)
                     : which == 2 ? nip_ensure_plan(release, all, &plan, &error)
                     : which == 3 ? nip_retire_plan(release, all, 0, 1, &plan, &error)
                                  : nip_observed_compare(all, all, &error);
            long seen_allocations = allocations_seen();
            fail_allocation(0, 0);
            if (rc < 0) {
                assert_int_equal(nip_error_code(error), NIP_E_NOMEM);
                assert_null(plan);
            }
            nip_error_free(error);
            nip_plan_free(plan);
            if (seen_allocations < k)
                break;
            assert_true(k < 100000);
        }
    }
    nip_doc_free(doc);
    nip_free(release);
    nip_free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_alone_what_is_true),
        cmocka_unit_test(starts_what_is_missing),
        cmocka_unit_test(puts_traffic_right),
        cmocka_unit_test(believes_no_restarted_router),
        cmocka_unit_test(forgets_held_versions_that_died),
        cmocka_unit_test(asks_only_for_health_that_was_there),
        cmocka_unit_test(needs_a_release),
        cmocka_unit_test(survives_a_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
