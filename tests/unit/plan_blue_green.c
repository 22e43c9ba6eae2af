/* Blue-green plans. */
#include "planning.h"

#define HEAD                                                                                                           \
    "rollout:\n  app: shop\n  artifact: \"1.4.0\"\n  replicas: 4\n  strategy: blue_green\n"                            \
    "  target: {driver: sim}\n  router: {driver: sim}\n  metrics: {driver: sim}\n"                                     \
    "  health: {url: \"http://{endpoint}/health\", successes: 3}\n"

static const seen four[] = {{"1.3.0", 4, 9100, 100, 0}, SEEN_END};

static planned plan_of(const char *text)
{
    char *release = release_of("1.3.0", 4, 9100, "");
    planned p = plan_rollout(text, release, four);
    nip_free(release);
    return p;
}

static void switches_in_one_step(void **state)
{
    (void)state;
    planned p = plan_of(HEAD);
    assert_ids(&p, "steps", "preflight-artifact preflight-ports preflight-router grow-new switch verify");
    assert_ids(&p, "back", "back-regrow-old back-look back-route-old back-drain-new back-stop-new");
    const nip__value *change = step_of(&p, "steps", "switch");
    assert_json(change, "/require/that", "[{\"of\":0,\"at\":\"/groups/1.4.0/healthy\",\"op\":\">=\",\"value\":4}]");
    assert_json(change, "/actions/0/args/groups/1.4.0/share", "100");
    assert_int_equal(nip__count(nip__pointer(change, "/actions/0/args/groups")), 1);
    assert_int_equal(nip__count(nip__pointer(change, "/actions/0/args/drain")), 4);
    assert_json(change, "/actions/0/before/groups/1.3.0/share", "100");
    assert_json(step_of(&p, "steps", "verify"), "/until/that",
                "[{\"of\":0,\"at\":\"/healthy\",\"op\":\">=\",\"value\":4},{\"of\":1,\"at\":\"/"
                "usable\",\"op\":\"==\",\"value\":true}]");
    assert_json(step_of(&p, "steps", "verify"), "/until/successes", "3");
    drop_plan(&p);
}

static void holds_the_old_colour_for_a_day(void **state)
{
    (void)state;
    planned p = plan_of(HEAD);
    assert_json(p.root, "/release/held/0/version", "\"1.3.0\"");
    assert_json(p.root, "/release/held/0/replicas", "4");
    assert_json(p.root, "/release/held/0/until", "{\"after\":\"24h\"}");
    drop_plan(&p);
    p = plan_of(HEAD "  hold_old: 0s\n");
    assert_ids(&p, "steps",
               "preflight-artifact preflight-ports preflight-router grow-new switch verify drain-old stop-old");
    assert_json(p.root, "/release/held", "[]");
    assert_json(step_of(&p, "steps", "stop-old"), "/require/that/0/value", "4");
    drop_plan(&p);
}

static void smokes_before_it_switches(void **state)
{
    (void)state;
    planned p =
        plan_of(HEAD "  blue_green: {smoke: [{command: [./smoke, \"{endpoint}\"], timeout: 5s}, {command: ./once},\n"
                     "    {url: \"http://{endpoint}/v\", expect: {status: 200}}]}\n");
    assert_ids(&p, "steps",
               "preflight-artifact preflight-ports preflight-router grow-new smoke-1 smoke-2 smoke-3 switch verify");
    const nip__value *first = step_of(&p, "steps", "smoke-1");
    assert_json(first, "/actions/0/verb", "\"command\"");
    assert_json(first, "/actions/0/args/groups/1.4.0/from", "\"grow-new\"");
    assert_json(first, "/actions/0/args/timeout", "\"5s\"");
    assert_json(first, "/deadline", "\"35s\"");
    assert_json(first, "/until/that", "[{\"of\":0,\"at\":\"/healthy\",\"op\":\">=\",\"value\":{\"at\":\"/total\"}}]");
    assert_null(nip__pointer(first, "/until/observe")); /* tried once: no luck wanted */
    assert_json(first, "/back", "0");
    assert_null(nip__pointer(step_of(&p, "steps", "smoke-2"), "/actions/0/args/groups"));
    assert_json(step_of(&p, "steps", "smoke-3"), "/actions/0/verb", "\"http\"");
    assert_json(step_of(&p, "steps", "smoke-3"), "/actions/0/args/expect", "{\"status\":[200]}");
    drop_plan(&p);
}

static void watches_after_the_switch(void **state)
{
    (void)state;
    planned p = plan_of(HEAD "  blue_green: {watch: 10m, guard: {error_rate: {max: 2}}}\n");
    assert_ids(&p, "steps", "preflight-artifact preflight-ports preflight-router grow-new switch verify watch");
    assert_json(step_of(&p, "steps", "watch"), "/wait", "\"10m\"");
    assert_int_equal(nip__count(nip__get(p.root, "guards")), 1);
    assert_json(p.root, "/guards/0/from", "\"switch\"");
    assert_json(p.root, "/guards/0/to", "\"watch\"");
    assert_json(p.root, "/guards/0/limits", "{\"error_rate\":0.02}");
    drop_plan(&p);
}

/* A version that is held is rolled out as it is returned to: it is there already. */
static void uses_what_is_held(void **state)
{
    static const seen both[] = {{"1.3.0", 4, 9100, 100, 0}, {"1.4.0", 4, 9200, 0, 0}, SEEN_END};
    static const seen one[] = {{"1.3.0", 4, 9100, 100, 0}, {"1.4.0", 1, 9200, 0, 0}, SEEN_END};
    static const seen ill[] = {{"1.3.0", 4, 9100, 100, 0}, {"1.4.0", 4, 9200, 0, 4}, SEEN_END};
    (void)state;
    char *release =
        release_of("1.3.0", 4, 9100, ",\"held\":[{\"version\":\"1.4.0\",\"artifact\":\"1.4.0\",\"replicas\":4}]");
    planned p = plan_rollout(HEAD, release, both);
    assert_ids(&p, "steps", "preflight-router switch");
    assert_ids(&p, "back", "back-route-old");
    assert_json(step_of(&p, "steps", "switch"), "/actions/0/args/groups/1.4.0/endpoints/0", "\"127.0.0.1:9200\"");
    assert_json(p.root, "/release/held/0/version", "\"1.3.0\"");
    assert_int_equal(nip__count(nip__pointer(p.root, "/release/held")), 1);
    drop_plan(&p);
    p = plan_rollout(HEAD, release, one);
    assert_ids(&p, "steps", "preflight-router grow-held switch");
    drop_plan(&p);
    p = plan_rollout(HEAD, release, ill);
    assert_ids(
        &p, "steps",
        "preflight-artifact preflight-router stop-left grow-new switch verify"); /* their ports are free by then */
    drop_plan(&p);
    nip_free(release);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(switches_in_one_step),      cmocka_unit_test(holds_the_old_colour_for_a_day),
        cmocka_unit_test(smokes_before_it_switches), cmocka_unit_test(watches_after_the_switch),
        cmocka_unit_test(uses_what_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
