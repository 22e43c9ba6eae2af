/* Rollbacks, and the end of versions that are held. */
#include "planning.h"

#define ROLLOUT(version)                                                                                               \
    "{\"app\":\"shop\",\"artifact\":\"" version "\",\"replicas\":2,\"strategy\":\"blue_green\",\"hold_old\":\"2h\","   \
    "\"target\":{\"driver\":\"sim\",\"world\":\"" version "\"},\"router\":{\"driver\":\"sim\"},"                       \
    "\"health\":{\"url\":\"http://{endpoint}/\"}}"
#define PREVIOUS                                                                                                       \
    ",\"previous\":{\"v\":1,\"app\":\"shop\",\"version\":\"1.3.0\",\"artifact\":\"1.3.0\",\"replicas\":2,"             \
    "\"settings\":{\"a\":1},"                                                                                          \
    "\"rollout\":" ROLLOUT("1.3.0") "}"
#define HELD                                                                                                           \
    ",\"held\":[{\"version\":\"1.3.0\",\"artifact\":\"1.3.0\",\"replicas\":2,\"until\":\"2026-11-24T06:00:00Z\"},"     \
    "{\"version\":\"1.2.0\",\"artifact\":\"1.2.0\",\"replicas\":1,\"until\":\"2026-11-23T06:00:00Z\"}]"

static const seen both[] = {{"1.4.0", 2, 9200, 100, 0}, {"1.3.0", 2, 9100, 0, 0}, {"1.2.0", 1, 9300, 0, 0}, SEEN_END};
static const seen alone[] = {{"1.4.0", 2, 9200, 100, 0}, SEEN_END};

static planned plan_back(const char *more, const seen *versions)
{
    char *release = release_of("1.4.0", 2, 9200, more), *all = observed(versions);
    nip_plan *plan = NULL;
    nip_error *error = NULL;
    if (nip_rollback_plan(release, all, &plan, &error) < 0)
        fail_msg("%s", nip_error_message(error));
    nip_free(release);
    nip_free(all);
    return read_plan(plan);
}

static void returns_at_once_to_what_is_held(void **state)
{
    (void)state;
    planned p = plan_back(PREVIOUS HELD, both);
    assert_ids(&p, "steps", "preflight-router switch");
    assert_ids(&p, "back", "back-route-old");
    assert_json(p.root, "/title", "\"return shop at once: 1.4.0 to 1.3.0\"");
    const nip__value *change = step_of(&p, "steps", "switch");
    assert_json(change, "/require/that", "[{\"of\":0,\"at\":\"/groups/1.3.0/healthy\",\"op\":\">=\",\"value\":2}]");
    assert_json(change, "/actions/0/args/groups/1.3.0/endpoints", "[\"127.0.0.1:9100\",\"127.0.0.1:9101\"]");
    assert_json(change, "/actions/0/args/drain", "[\"127.0.0.1:9200\",\"127.0.0.1:9201\"]");
    assert_json(p.root, "/release/version", "\"1.3.0\"");
    assert_json(p.root, "/release/settings", "{\"a\":1}");
    assert_json(p.root, "/release/held/0/version", "\"1.4.0\"");
    assert_json(p.root, "/release/held/0/until", "{\"after\":\"24h\"}"); /* the present document holds nothing: a day */
    assert_json(p.root, "/release/held/1/version", "\"1.2.0\"");
    assert_json(p.root, "/release/previous/version", "\"1.4.0\"");
    assert_json(p.root, "/drivers/target/world", "\"1.3.0\"");
    drop_plan(&p);
}

static void rolls_when_nothing_is_held(void **state)
{
    (void)state;
    planned p = plan_back(PREVIOUS, alone);
    assert_ids(&p, "steps",
               "preflight-artifact preflight-ports preflight-router grow-1 route-1 select-1 drain-1 sessions-1 stop-1 "
               "grow-2 route-2 select-2 drain-2 sessions-2 stop-2");
    assert_json(p.root, "/release/version", "\"1.3.0\"");
    assert_json(p.root, "/release_back/version", "\"1.4.0\"");
    drop_plan(&p);
    p = plan_back(PREVIOUS HELD, alone); /* held, but gone */
    assert_json(p.root, "/title", "\"rolling update of shop: 1.4.0 to 1.3.0\"");
    drop_plan(&p);
}

static void tells_when_there_is_no_way(void **state)
{
    static const struct {
        const char *release;
        int code;
        const char *what;
    } cases[] = {
        {NULL, NIP_E_STATE, "nothing was released"},
        {"null", NIP_E_STATE, "nothing was released"},
        {"{\"version\":\"1\",\"artifact\":\"1\",\"replicas\":1}", NIP_E_STATE, "no release before 1"},
        {"{\"version\":\"1\",\"artifact\":\"1\",\"replicas\":1,\"previous\":{\"version\":\"0\",\"replicas\":1}}",
         NIP_E_STATE, "roll it out anew"},
        {"[]", NIP_E_DOCUMENT, "not a release record"},
    };
    (void)state;
    char *all = observed(alone);
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip_plan *plan = NULL;
        nip_error *error = NULL;
        assert_int_equal(nip_rollback_plan(cases[i].release, all, &plan, &error), cases[i].code);
        assert_contains(nip_error_message(error), cases[i].what);
        nip_error_free(error);
    }
    nip_free(all);
}

/* ---- retire ---- */

static int retire(const char *more, const seen *versions, const char *now, int force, planned *p, nip_error **err)
{
    char *release = release_of("1.4.0", 2, 9200, more), *all = observed(versions);
    nip_plan *plan = NULL;
    nip_time at = 0;
    assert_int_equal(nip_time_parse(now, &at, NULL), 0);
    int rc = nip_retire_plan(release, all, at, force, &plan, err);
    if (rc == 0)
        *p = read_plan(plan);
    nip_free(release);
    nip_free(all);
    return rc;
}

static void retires_what_is_over(void **state)
{
    static const struct {
        const char *now;
        int force;
        const char *ids;
        size_t kept;
    } cases[] = {
        {"2026-11-23T05:59:59Z", 0, "", 2},
        {"2026-11-23T06:00:00Z", 0, "stop-held-1", 1},
        {"2026-11-25T00:00:00Z", 0, "stop-held-1 stop-held-2", 0},
        {"2026-11-23T00:00:00Z", 1, "stop-held-1 stop-held-2", 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        planned p;
        assert_int_equal(retire(PREVIOUS HELD, both, cases[i].now, cases[i].force, &p, NULL), 0);
        assert_ids(&p, "steps", cases[i].ids);
        assert_int_equal(nip__count(nip__pointer(p.root, "/release/held")), cases[i].kept);
        assert_json(p.root, "/release/version", "\"1.4.0\"");
        drop_plan(&p);
    }
}

static void retires_nothing_that_serves(void **state)
{
    static const seen serving[] = {{"1.4.0", 2, 9200, 50, 0}, {"1.3.0", 2, 9100, 50, 0}, SEEN_END};
    planned p;
    nip_error *error = NULL;
    (void)state;
    assert_int_equal(retire(HELD, serving, "2026-11-25T00:00:00Z", 1, &p, &error), NIP_E_STATE);
    assert_contains(nip_error_message(error), "still sends it traffic");
    nip_error_free(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(returns_at_once_to_what_is_held), cmocka_unit_test(rolls_when_nothing_is_held),
        cmocka_unit_test(tells_when_there_is_no_way),      cmocka_unit_test(retires_what_is_over),
        cmocka_unit_test(retires_nothing_that_serves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
