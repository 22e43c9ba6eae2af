/* Canary plans: their steps, what each requires, guards, the way back, records. */
#include "planning.h"

#define HEAD                                                                                                           \
    "rollout:\n  app: shop\n  artifact: \"1.4.0\"\n  strategy: canary\n"                                               \
    "  target: {driver: sim}\n  router: {driver: sim}\n"                                                               \
    "  health: {url: \"http://{endpoint}/health\", interval: 10s, timeout: 300s, successes: 2}\n"

#define STAGED                                                                                                         \
    HEAD "  replicas: 6\n  metrics: {driver: prometheus}\n  preflight: {env: [DATABASE_URL], reachable: "              \
         "[\"tcp://db:1\"], "                                                                                          \
         "dependencies: {url: {env: SHOP_DB}}, disk_free: 1GiB}\n"                                                     \
         "  canary:\n    stages: [{share: 10, duration: 30m}, {share: 25, duration: 15m}, {share: 100, duration: "     \
         "15m}]\n"                                                                                                     \
         "    guard: {error_rate: {max: 1.0}, latency_p95: {max: 500ms}, failure_limit: 1, "                           \
         "consecutive_failure_limit: 2}\n"

static const seen six[] = {{"1.3.0", 6, 9100, 100, 0}, SEEN_END};

static planned plan_of(const char *text)
{
    char *release = release_of("1.3.0", 6, 9100, ",\"held\":[],\"previous\":{\"v\":1,\"version\":\"1.2.0\"}");
    planned p = plan_rollout(text, release, six);
    nip_free(release);
    return p;
}

static void goes_stage_by_stage(void **state)
{
    (void)state;
    planned p = plan_of(STAGED);
    assert_ids(&p, "steps",
               "preflight-artifact preflight-settings preflight-reachable preflight-dependencies preflight-resources preflight-ports "
               "preflight-router "
               "grow-10 route-10 watch-10 grow-25 route-25 watch-25 grow-100 route-100 watch-100 drain-old stop-old");
    assert_ids(&p, "back", "back-regrow-old back-look back-route-old back-drain-new back-stop-new");
    assert_json(p.root, "/title", "\"canary of shop: 1.3.0 to 1.4.0\"");
    assert_json(
        p.root, "/drivers",
        "{\"target\":{\"driver\":\"sim\"},\"router\":{\"driver\":\"sim\"},\"metrics\":{\"driver\":\"prometheus\"}}");
    assert_json(p.root, "/observed/target/versions/1.3.0/running", "6");
    drop_plan(&p);
}

static void changes_nothing_in_preflight(void **state)
{
    static const struct {
        const char *id, *verb, *until;
    } checks[] = {
        {"preflight-artifact", "\"artifact\"", "[{\"of\":0,\"at\":\"/exists\",\"op\":\"==\",\"value\":true}]"},
        {"preflight-settings", "\"settings\"", "[{\"of\":0,\"at\":\"/count\",\"op\":\"==\",\"value\":0}]"},
        {"preflight-reachable", "\"reachable\"",
         "[{\"of\":0,\"at\":\"/reachable\",\"op\":\"==\",\"value\":{\"at\":\"/total\"}}]"},
        {"preflight-dependencies", "\"dependencies\"", "[{\"of\":0,\"at\":\"/ok\",\"op\":\"==\",\"value\":true}]"},
        {"preflight-resources", "\"resources\"", "[{\"of\":0,\"at\":\"/ok\",\"op\":\"==\",\"value\":true}]"},
        {"preflight-ports", "\"observe\"", "[{\"of\":0,\"at\":\"/ports_free\",\"op\":\">=\",\"value\":6}]"},
        {"preflight-router", "\"observe\"", "[{\"of\":0,\"at\":\"/usable\",\"op\":\"==\",\"value\":true}]"},
    };
    (void)state;
    planned p = plan_of(STAGED);
    assert_json(step_of(&p, "steps", "preflight-dependencies"), "/actions/0/class", "\"read\"");
    assert_json(step_of(&p, "steps", "preflight-dependencies"), "/actions/0/args/dependencies",
                "[{\"url\":{\"env\":\"SHOP_DB\"},\"timeout\":\"5s\"}]");
    for (size_t i = 0; i < COUNT(checks); i++) {
        const nip__value *step = step_of(&p, "steps", checks[i].id);
        assert_json(step, "/on_failure", "\"stop\"");
        assert_null(nip__get(step, "back"));
        assert_json(step, "/actions/0/verb", checks[i].verb);
        assert_json(step, "/until/that", checks[i].until);
    }
    assert_json(step_of(&p, "steps", "preflight-ports"), "/actions/0/args", "{\"ports_needed\":6}");
    assert_json(step_of(&p, "steps", "preflight-router"), "/actions/0/args", "{\"slots_needed\":6}");
    drop_plan(&p);
}

static void takes_all_changes_back_by_one_entry(void **state)
{
    bool changing = false;
    (void)state;
    planned p = plan_of(STAGED);
    for (NIP__EACH(step, nip__get(p.root, "steps"))) {
        changing = changing || strncmp(nip__get_text(step, "id"), "preflight", 9) != 0;
        if (changing)
            assert_json(step, "/back", "0");
    }
    const nip__value *route = step_of(&p, "back", "back-route-old");
    assert_json(route, "/actions/0/args/groups/1.3.0/share", "100");
    assert_json(route, "/actions/0/args/groups/1.3.0/endpoints",
                "{\"from\":\"back-regrow-old\",\"at\":\"/versions/1.3.0/endpoints\"}");
    assert_json(route, "/actions/0/args/drain",
                "{\"from\":\"back-look\",\"at\":\"/versions/1.4.0/endpoints\",\"else\":[]}");
    assert_json(route, "/require/that", "[{\"of\":0,\"at\":\"/groups/1.3.0/healthy\",\"op\":\">=\",\"value\":6}]");
    assert_json(step_of(&p, "back", "back-regrow-old"), "/actions/0/args/versions/1.3.0/replicas", "6");
    assert_json(step_of(&p, "back", "back-stop-new"), "/actions/0/args/versions/1.4.0/replicas", "0");
    drop_plan(&p);
}

static void grows_before_it_routes(void **state)
{
    (void)state;
    planned p = plan_of(STAGED);
    const nip__value *grow = step_of(&p, "steps", "grow-25");
    assert_json(grow, "/actions/0/args/versions/1.4.0/replicas", "2");
    assert_json(grow, "/actions/0/args/versions/1.4.0/endpoints",
                "{\"from\":\"grow-10\",\"at\":\"/versions/1.4.0/endpoints\"}");
    assert_json(grow, "/actions/0/before/versions/1.4.0/replicas", "1");
    assert_json(grow, "/until/that", "[{\"of\":0,\"at\":\"/groups/1.4.0/healthy\",\"op\":\">=\",\"value\":2}]");
    assert_json(grow, "/until/fails", "[{\"of\":1,\"at\":\"/versions/1.4.0/exited\",\"op\":\">\",\"value\":0}]");
    assert_json(grow, "/until/interval", "\"10s\"");
    assert_json(grow, "/until/successes", "2");
    assert_json(grow, "/deadline", "\"5m\"");
    const nip__value *route = step_of(&p, "steps", "route-25");
    assert_json(route, "/actions/0/args/groups/1.4.0/share", "25");
    assert_json(route, "/actions/0/args/groups/1.3.0/share", "75");
    assert_json(route, "/actions/0/args/canary", "\"1.4.0\"");
    assert_json(route, "/actions/0/before/groups/1.4.0/share", "10");
    assert_json(route, "/fresh_window", "true");
    assert_json(route, "/require/that",
                "[{\"of\":0,\"at\":\"/groups/1.3.0/healthy\",\"op\":\">=\",\"value\":5},"
                "{\"of\":0,\"at\":\"/groups/1.4.0/healthy\",\"op\":\">=\",\"value\":2}]");
    drop_plan(&p);
}

static void guards_every_stage(void **state)
{
    (void)state;
    planned p = plan_of(STAGED);
    const nip__value *guards = nip__get(p.root, "guards");
    assert_int_equal(nip__count(guards), 3);
    assert_json(guards, "/0/from", "\"route-10\"");
    assert_json(guards, "/0/to", "\"grow-25\"");
    assert_json(guards, "/1/from", "\"route-25\"");
    assert_json(guards, "/1/to", "\"grow-100\"");
    assert_json(guards, "/2/from", "\"route-100\"");
    assert_json(guards, "/2/to", "\"watch-100\"");
    assert_json(guards, "/1/limits", "{\"error_rate\":0.01,\"latency_p95\":0.5}");
    assert_json(guards, "/1/settle", "\"5s\"");
    assert_json(guards, "/1/failure_limit", "1");
    assert_json(guards, "/1/consecutive_failure_limit", "2");
    assert_json(guards, "/1/action/args/versions/1.4.0/endpoints",
                "{\"from\":\"grow-25\",\"at\":\"/versions/1.4.0/endpoints\"}");
    assert_json(guards, "/1/action/args/metrics", "[\"error_rate\",\"latency_p95\"]");
    drop_plan(&p);
}

static void writes_the_records(void **state)
{
    (void)state;
    planned p = plan_of(STAGED);
    assert_json(p.root, "/release/version", "\"1.4.0\"");
    assert_json(p.root, "/release/endpoints", "{\"from\":\"grow-100\",\"at\":\"/versions/1.4.0/endpoints\"}");
    assert_json(p.root, "/release/shares", "{\"1.4.0\":100}");
    assert_json(p.root, "/release/held", "[]");
    assert_json(p.root, "/release/rollout/app", "\"shop\"");
    assert_json(p.root, "/release/previous/version", "\"1.3.0\"");
    assert_null(nip__pointer(p.root, "/release/previous/previous"));
    assert_json(p.root, "/release_back/version", "\"1.3.0\"");
    assert_json(p.root, "/release_back/endpoints/from", "\"back-regrow-old\"");
    assert_json(p.root, "/release_back/endpoints/else/5", "\"127.0.0.1:9105\"");
    assert_json(p.root, "/release_back/previous/version", "\"1.2.0\"");
    drop_plan(&p);
}

static void holds_the_old_version(void **state)
{
    (void)state;
    planned p = plan_of(HEAD "  replicas: 6\n  hold_old: 24h\n  canary: {stages: [{share: 50, duration: 1m}]}\n");
    assert_ids(&p, "steps",
               "preflight-artifact preflight-ports preflight-router grow-50 route-50 watch-50 grow-100 promote");
    assert_json(p.root, "/release/held/0/version", "\"1.3.0\"");
    assert_json(p.root, "/release/held/0/until", "{\"after\":\"24h\"}");
    assert_json(p.root, "/release/held/0/endpoints/0", "\"127.0.0.1:9100\"");
    assert_json(step_of(&p, "steps", "promote"), "/actions/0/args/drain/0", "\"127.0.0.1:9100\"");
    assert_true(has_warning(&p, "nothing is measured"));
    assert_null(nip__get(p.root, "guards"));
    drop_plan(&p);
}

static void takes_nothing_out_without_looking(void **state)
{
    (void)state;
    planned p = plan_of(STAGED);
    assert_json(step_of(&p, "steps", "stop-old"), "/require/that",
                "[{\"of\":0,\"at\":\"/healthy\",\"op\":\">=\",\"value\":6}]");
    const nip__value *drain = step_of(&p, "steps", "drain-old");
    assert_json(drain, "/on_failure", "\"continue\"");
    assert_json(drain, "/deadline", "\"30s\"");
    assert_json(drain, "/until/observe/0/verb", "\"sessions\"");
    assert_json(drain, "/until/interval", "\"1s\"");
    drop_plan(&p);
}

static void asks_a_person_before_anything_changes(void **state)
{
    (void)state;
    planned p = plan_of(HEAD "  canary: {stages: [{share: 40, approve: \"go?\"}, {share: 100, approve: \"all?\"}]}\n");
    assert_ids(&p, "steps",
               "preflight-artifact preflight-ports preflight-router approve-40 grow-40 route-40 approve-100 grow-100 "
               "route-100 drain-old "
               "stop-old");
    assert_json(step_of(&p, "steps", "approve-40"), "/approve", "\"go?\"");
    assert_null(nip__get(step_of(&p, "steps", "approve-40"), "back"));
    assert_json(step_of(&p, "steps", "approve-100"), "/back", "0");
    drop_plan(&p);
}

static void shrinks_the_old_version_when_told(void **state)
{
    (void)state;
    planned p =
        plan_of(HEAD "  replicas: 6\n  canary: {dynamic_stable_scale: true, stages: [{share: 50}, {share: 100}]}\n");
    assert_ids(&p, "steps",
               "preflight-artifact preflight-ports preflight-router grow-50 route-50 select-old-50 drain-old-50 "
               "sessions-old-50 "
               "shrink-old-50 grow-100 route-100 drain-old stop-old");
    assert_json(step_of(&p, "steps", "grow-50"), "/actions/0/args/versions/1.4.0/replicas", "3");
    const nip__value *shrink = step_of(&p, "steps", "shrink-old-50");
    assert_json(shrink, "/actions/0/args/versions/1.3.0/replicas", "3");
    assert_json(shrink, "/actions/0/args/versions/1.3.0/remove", "{\"from\":\"select-old-50\",\"at\":\"/selected\"}");
    assert_json(shrink, "/require/that", "[{\"of\":0,\"at\":\"/healthy\",\"op\":\">=\",\"value\":6}]");
    assert_json(shrink, "/require/observe/0/args/except", "{\"from\":\"select-old-50\",\"at\":\"/selected\"}");
    assert_json(step_of(&p, "steps", "stop-old"), "/actions/0/before/versions/1.3.0/replicas", "3");
    assert_json(step_of(&p, "back", "back-regrow-old"), "/actions/0/args/versions/1.3.0/replicas", "6");
    drop_plan(&p);
}

/* One instance is the least that a share can have, and both sides keep one. */
static void gives_a_small_share_one_instance(void **state)
{
    (void)state;
    planned p = plan_of(HEAD "  replicas: 2\n  canary: {stages: [{share: 1}, {share: 50}, {share: 51}]}\n");
    assert_ids(&p, "steps",
               "preflight-artifact preflight-ports preflight-router grow-1 route-1 route-50 grow-51 route-51 promote "
               "drain-old stop-old");
    assert_json(step_of(&p, "steps", "grow-1"), "/actions/0/args/versions/1.4.0/replicas", "1");
    drop_plan(&p);
}

static void escapes_versions_in_pointers(void **state)
{
    (void)state;
    planned p = plan_of("rollout:\n  app: shop\n  artifact: reg/shop~1\n  strategy: canary\n  target: {driver: sim}\n"
                        "  router: {driver: sim}\n  health: {tcp: true}\n  canary: {stages: [{share: 100}]}\n");
    const nip__value *grow = step_of(&p, "steps", "grow-100");
    assert_json(grow, "/actions/0/args/versions/reg~1shop~01/replicas", "3");
    assert_json(grow, "/until/that/0/at", "\"/groups/reg~1shop~01/healthy\"");
    assert_json(grow, "/until/observe/0/verb", "\"tcp\"");
    assert_json(p.root, "/release/endpoints/at", "\"/versions/reg~1shop~01/endpoints\"");
    drop_plan(&p);
}

static void needs_something_to_compare_with(void **state)
{
    static const seen none[] = {SEEN_END};
    (void)state;
    char *release = release_of("1.3.0", 6, 9100, "");
    refuse_rollout(STAGED, release, none, NIP_E_STATE, "ensure");
    nip_free(release);
}

static void asks_no_more_of_the_way_back_than_there_was(void **state)
{
    static const seen ailing[] = {{"1.3.0", 5, 9100, 100, 2}, SEEN_END};
    (void)state;
    char *release = release_of("1.3.0", 6, 9100, "");
    planned p = plan_rollout(STAGED, release, ailing);
    assert_true(has_warning(&p, "1 instance of 1.3.0 that the release record names is not running"));
    assert_true(has_warning(&p, "1.3.0 runs 5 of 6 instances"));
    assert_true(has_warning(&p, "only 3 of 5"));
    assert_json(step_of(&p, "back", "back-route-old"), "/require/that/0/value", "3");
    assert_json(step_of(&p, "back", "back-regrow-old"), "/actions/0/args/versions/1.3.0/replicas", "6");
    assert_json(step_of(&p, "steps", "preflight-ports"), "/until/that/0/value", "7");
    drop_plan(&p);
    nip_free(release);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_stage_by_stage),
        cmocka_unit_test(changes_nothing_in_preflight),
        cmocka_unit_test(takes_all_changes_back_by_one_entry),
        cmocka_unit_test(grows_before_it_routes),
        cmocka_unit_test(guards_every_stage),
        cmocka_unit_test(writes_the_records),
        cmocka_unit_test(holds_the_old_version),
        cmocka_unit_test(takes_nothing_out_without_looking),
        cmocka_unit_test(asks_a_person_before_anything_changes),
        cmocka_unit_test(shrinks_the_old_version_when_told),
        cmocka_unit_test(gives_a_small_share_one_instance),
        cmocka_unit_test(escapes_versions_in_pointers),
        cmocka_unit_test(needs_something_to_compare_with),
        cmocka_unit_test(asks_no_more_of_the_way_back_than_there_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
