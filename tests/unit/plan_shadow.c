/* Shadow plans: what they do, that they route nothing, what they take back, when they are refused. */
#include "planning.h"

#define HEAD                                                                                                           \
    "rollout:\n  app: shop\n  artifact: \"1.4.0\"\n  strategy: shadow\n  replicas: 6\n  settings: {env: {A: b}}\n"     \
    "  target: {driver: sim}\n  router: {driver: sim}\n"                                                               \
    "  health: {url: \"http://{endpoint}/health\", interval: 10s, timeout: 300s, successes: 2}\n"
#define PLAIN HEAD "  shadow: {requests: r.har, replicas: 2, within: 5m, timeout: 3s}\n"
#define MIRRORED                                                                                                       \
    HEAD "  metrics: {driver: prometheus}\n"                                                                           \
         "  shadow: {requests: r.har, settings: {env: {A: c}}, mirror: {percent: 20, duration: 10m, guard: "           \
         "{error_rate: {max: 1}}}}\n"

static const seen six[] = {{"1.3.0", 6, 9100, 100, 0}, SEEN_END};

static planned plan_of(const char *text, const seen *versions)
{
    char *release = release_of("1.3.0", 6, 9100, ",\"held\":[]");
    planned p = plan_rollout(text, release, versions);
    nip_free(release);
    return p;
}

static void assert_routes_nothing(const planned *p)
{
    char *json = NULL;
    assert_int_equal(nip_plan_to_json(p->plan, &json, NULL), 0);
    assert_null(strstr(json, "\"route\""));
    assert_null(nip__get(p->root, "release"));
    assert_null(nip__get(p->root, "release_back"));
    nip_free(json);
}

static void compares_and_clears_up(void **state)
{
    (void)state;
    planned p = plan_of(PLAIN, six);
    assert_ids(&p, "steps", "preflight-artifact preflight-ports preflight-requests start-shadow compare stop-shadow");
    assert_ids(&p, "back", "back-stop-shadow");
    assert_routes_nothing(&p);
    assert_json(step_of(&p, "steps", "preflight-ports"), "/until/that/0/value", "2");
    assert_json(step_of(&p, "steps", "preflight-requests"), "/on_failure", "\"stop\"");
    assert_json(step_of(&p, "steps", "start-shadow"), "/actions/0/args/versions/1.4.0/replicas", "2");
    assert_json(step_of(&p, "steps", "start-shadow"), "/back", "0");
    const nip__value *compare = step_of(&p, "steps", "compare");
    assert_json(compare, "/actions/0/class", "\"read\"");
    assert_json(compare, "/actions/0/args/requests", "{\"from\":\"preflight-requests\",\"at\":\"/path\"}");
    assert_json(compare, "/actions/0/args/sha256", "{\"from\":\"preflight-requests\",\"at\":\"/sha256\"}");
    assert_json(compare, "/actions/0/args/new", "{\"from\":\"start-shadow\",\"at\":\"/versions/1.4.0/endpoints\"}");
    assert_json(compare, "/actions/0/args/methods", "[\"GET\",\"HEAD\",\"OPTIONS\"]");
    assert_json(compare, "/until/that", "[{\"of\":0,\"at\":\"/verdict\",\"op\":\"==\",\"value\":\"pass\"}]");
    assert_json(compare, "/deadline", "\"6m3s\"");
    assert_json(step_of(&p, "back", "back-stop-shadow"), "/actions/0/args/versions/1.4.0/replicas", "0");
    drop_plan(&p);
}

static void mirrors_only_where_it_is_watched(void **state)
{
    (void)state;
    planned p = plan_of(MIRRORED, six);
    assert_ids(&p, "steps",
               "preflight-artifact preflight-ports preflight-router preflight-requests start-shadow compare mirror-on "
               "watch-mirror mirror-off stop-shadow");
    assert_ids(&p, "back", "back-mirror-off back-stop-shadow");
    assert_routes_nothing(&p);
    assert_json(step_of(&p, "steps", "preflight-router"), "/until/that/1/at", "\"/mirrors\"");
    const nip__value *on = step_of(&p, "steps", "mirror-on"), *off = step_of(&p, "back", "back-mirror-off");
    assert_json(on, "/actions/0/class", "\"declarative\"");
    assert_json(on, "/actions/0/args/percent", "20");
    assert_json(on, "/actions/0/before", "{\"version\":\"1.4.0\",\"endpoints\":[],\"percent\":0}");
    assert_json(off, "/actions/0/args", "{\"version\":\"1.4.0\",\"endpoints\":[],\"percent\":0}");
    assert_json(p.root, "/guards/0/from", "\"mirror-on\"");
    assert_json(p.root, "/guards/0/to", "\"watch-mirror\"");
    assert_json(step_of(&p, "steps", "start-shadow"), "/actions/0/args/versions/1.4.0/settings",
                "{\"env\":{\"A\":\"c\"}}");
    drop_plan(&p);
}

static void stops_what_is_left(void **state)
{
    static const seen left[] = {{"1.3.0", 6, 9100, 100, 0}, {"1.4.0", 1, 9110, 0, 0}, SEEN_END};
    (void)state;
    planned p = plan_of(PLAIN, left);
    assert_ids(&p, "steps",
               "preflight-artifact preflight-ports preflight-requests stop-left start-shadow compare stop-shadow");
    assert_true(has_warning(&p, "1 instance of 1.4.0 already runs"));
    drop_plan(&p);
}

static void refuses(void **state)
{
    static const seen served[] = {{"1.3.0", 6, 9100, 90, 0}, {"1.4.0", 1, 9110, 10, 0}, SEEN_END};
    static const seen held[] = {{"1.3.0", 6, 9100, 100, 0}, {"1.4.0", 1, 9110, 0, 0}, SEEN_END};
    static const seen none[] = {SEEN_END};
    (void)state;
    char *release = release_of("1.3.0", 6, 9100, ",\"held\":[]"), *same = release_of("1.4.0", 6, 9100, ",\"held\":[]");
    char *holding =
        release_of("1.3.0", 6, 9100, ",\"held\":[{\"version\":\"1.4.0\",\"artifact\":\"1.4.0\",\"replicas\":1}]");
    refuse_rollout(PLAIN, NULL, none, NIP_E_STATE, "nothing of shop is released yet");
    refuse_rollout(PLAIN, same, six, NIP_E_STATE, "1.4.0 of shop is what is released");
    refuse_rollout(PLAIN, release, none, NIP_E_STATE, "nipops ensure shop");
    refuse_rollout(PLAIN, release, served, NIP_E_STATE, "a shadow must have no traffic");
    refuse_rollout(PLAIN, holding, held, NIP_E_STATE, "nipops retire --force shop");
    nip_free(release);
    nip_free(same);
    nip_free(holding);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_and_clears_up),
        cmocka_unit_test(mirrors_only_where_it_is_watched),
        cmocka_unit_test(stops_what_is_left),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
