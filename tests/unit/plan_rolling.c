/* Rolling updates, first releases and changes of size. */
#include "planning.h"

#define HEAD                                                                                                           \
    "rollout:\n  app: shop\n  target: {driver: sim}\n  router: {driver: sim}\n"                                        \
    "  health: {url: \"http://{endpoint}/health\"}\n"
#define NEW HEAD "  artifact: \"1.4.0\"\n"

#define PREFLIGHT "preflight-artifact preflight-ports preflight-router "
#define BATCH(n)  "grow-" n " route-" n " select-" n " drain-" n " sessions-" n " stop-" n

static const seen none[] = {SEEN_END};
static const seen six[] = {{"1.3.0", 6, 9100, 100, 0}, SEEN_END};

static planned plan_of(const char *text)
{
    char *release = release_of("1.3.0", 6, 9100, "");
    planned p = plan_rollout(text, release, six);
    nip_free(release);
    return p;
}

static void goes_by_thirds(void **state)
{
    (void)state;
    planned p = plan_of(NEW "  replicas: 6\n");
    assert_ids(&p, "steps", PREFLIGHT BATCH("1") " " BATCH("2") " " BATCH("3"));
    assert_ids(&p, "back", "back-regrow-old back-look back-route-old back-drain-new back-stop-new");
    assert_json(step_of(&p, "steps", "grow-2"), "/actions/0/args/versions/1.4.0/replicas", "4");
    assert_json(step_of(&p, "steps", "route-1"), "/actions/0/args/groups/1.4.0/share", "25");
    assert_json(step_of(&p, "steps", "drain-1"), "/actions/0/args/groups/1.3.0",
                "{\"share\":66.666667,\"endpoints\":{\"from\":\"select-1\",\"at\":\"/remaining\"}}");
    assert_json(step_of(&p, "steps", "drain-1"), "/actions/0/args/drain",
                "{\"from\":\"select-1\",\"at\":\"/selected\"}");
    assert_json(step_of(&p, "steps", "drain-3"), "/actions/0/args/groups",
                "{\"1.4.0\":{\"share\":100,\"endpoints\":{\"from\":\"grow-3\","
                "\"at\":\"/versions/1.4.0/endpoints\"}}}");
    assert_json(p.root, "/release/endpoints/from", "\"grow-3\"");
    drop_plan(&p);
}

/* Nothing leaves unless the rest was just seen to be enough. */
static void requires_the_rest_to_be_healthy(void **state)
{
    static const char *const ids[] = {"drain-1", "stop-1", "drain-2", "stop-2", "drain-3", "stop-3"};
    (void)state;
    planned p = plan_of(NEW "  replicas: 6\n  rolling: {max_surge: 2, max_unavailable: 1}\n");
    for (size_t i = 0; i < COUNT(ids); i++) {
        const nip__value *require = nip__get(step_of(&p, "steps", ids[i]), "require");
        size_t last = nip__count(nip__get(require, "observe")) - 1;
        const nip__value *call = nip__at(nip__get(require, "observe"), last);
        const nip__value *test = nip__at(nip__get(require, "that"), nip__count(nip__get(require, "that")) - 1);
        assert_json(call, "/args/except/at", "\"/selected\"");
        assert_int_equal(nip__get_int(test, "of", -1), last);
        assert_json(test, "/at", "\"/healthy\"");
        assert_json(test, "/value", "5");
    }
    drop_plan(&p);
}

static void chooses_unhealthy_ones_first(void **state)
{
    (void)state;
    planned p = plan_of(NEW "  replicas: 6\n");
    const nip__value *select = step_of(&p, "steps", "select-2");
    assert_json(select, "/actions/0/args/count", "2");
    assert_json(select, "/actions/0/args/endpoints", "{\"from\":\"select-1\",\"at\":\"/remaining\"}");
    assert_json(select, "/actions/0/args/unhealthy",
                "{\"from\":\"select-2\",\"of\":\"require\",\"at\":\"/groups/1.3.0/unhealthy_endpoints\",\"else\":[]}");
    const nip__value *stop = step_of(&p, "steps", "stop-2");
    assert_json(stop, "/actions/0/args/versions/1.3.0/replicas", "2");
    assert_json(stop, "/actions/0/before/versions/1.3.0/replicas", "4");
    assert_json(stop, "/actions/0/args/versions/1.3.0/remove", "{\"from\":\"select-2\",\"at\":\"/selected\"}");
    drop_plan(&p);
}

static void follows_the_fenceposts(void **state)
{
    static const struct {
        const char *rolling, *ids;
    } cases[] = {
        {"{batch_size: 6}", BATCH("1")},
        {"{max_surge: 0, max_unavailable: 3}", "select-1 drain-1 sessions-1 stop-1 " BATCH("2") " grow-3 route-3"},
        {"{max_surge: \"100%\", max_unavailable: 0}", BATCH("1")},
        {"{batch_size: 3}", BATCH("1") " " BATCH("2")},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[1024], ids[1024];
        snprintf(text, sizeof text, NEW "  replicas: 6\n  rolling: %s\n", cases[i].rolling);
        snprintf(ids, sizeof ids, PREFLIGHT "%s", cases[i].ids);
        planned p = plan_of(text);
        assert_ids(&p, "steps", ids);
        drop_plan(&p);
    }
}

static void releases_for_the_first_time(void **state)
{
    static const char *const strategies[] = {"rolling", "canary", "blue_green"};
    (void)state;
    for (size_t i = 0; i < COUNT(strategies); i++) {
        char text[1024];
        snprintf(text, sizeof text, NEW "  strategy: %s\n", strategies[i]);
        planned p = plan_rollout(text, i == 0 ? NULL : "null", none);
        assert_ids(&p, "steps", PREFLIGHT "grow-new route-new");
        assert_ids(&p, "back", "back-look back-route-none back-drain-new back-stop-new");
        assert_json(step_of(&p, "steps", "route-new"), "/require/that",
                    "[{\"of\":0,\"at\":\"/groups/1.4.0/healthy\",\"op\":\">=\",\"value\":3}]");
        assert_json(step_of(&p, "steps", "route-new"), "/actions/0/before", "{\"groups\":{}}");
        assert_json(step_of(&p, "back", "back-route-none"), "/actions/0/args/groups", "{}");
        assert_json(p.root, "/release/previous", "null");
        assert_null(nip__get(p.root, "release_back"));
        drop_plan(&p);
    }
}

static void grows_the_same_version(void **state)
{
    (void)state;
    planned p = plan_of(HEAD "  artifact: \"1.3.0\"\n  replicas: 8\n");
    assert_ids(&p, "steps", PREFLIGHT "grow route");
    assert_ids(&p, "back", "back-route-old back-resize back-route");
    assert_json(step_of(&p, "steps", "grow"), "/actions/0/args/versions/1.3.0/replicas", "8");
    assert_json(step_of(&p, "steps", "preflight-ports"), "/until/that/0/value", "2");
    assert_json(step_of(&p, "back", "back-resize"), "/actions/0/args/versions/1.3.0/remove",
                "{\"from\":\"grow\",\"at\":\"/started\",\"else\":[]}");
    assert_json(p.root, "/release/replicas", "8");
    drop_plan(&p);
}

static void shrinks_the_same_version(void **state)
{
    (void)state;
    char *release = release_of("1.3.0", 6, 9100, ",\"previous\":{\"version\":\"1.2.0\"}");
    planned p = plan_rollout(HEAD "  artifact: \"1.3.0\"\n  replicas: 2\n", release, six);
    assert_ids(&p, "steps", "preflight-artifact preflight-router select drain sessions stop");
    assert_ids(&p, "back", "back-resize back-route");
    assert_json(step_of(&p, "steps", "select"), "/actions/0/args/count", "4");
    assert_json(step_of(&p, "steps", "stop"), "/require/that/0/value", "2");
    assert_json(p.root, "/release/endpoints", "{\"from\":\"select\",\"at\":\"/remaining\"}");
    assert_json(p.root, "/release/previous/version", "\"1.2.0\""); /* scaling is no release to go back to */
    drop_plan(&p);
    nip_free(release);
}

static void clears_what_was_left(void **state)
{
    static const seen left[] = {{"1.3.0", 6, 9100, 90, 0},
                                {"1.4.0", 2, 9200, 10, 0},
                                {"1.2.0", 3, 9300, 0, 0},
                                {"0.9", 1, 9400, 0, 0},
                                SEEN_END};
    (void)state;
    char *release =
        release_of("1.3.0", 6, 9100, ",\"held\":[{\"version\":\"1.2.0\",\"artifact\":\"1.2.0\",\"replicas\":3}]");
    planned p = plan_rollout(NEW "  replicas: 6\n", release, left);
    assert_ids(&p, "steps", PREFLIGHT "route-old stop-left " BATCH("1") " " BATCH("2") " " BATCH("3"));
    const nip__value *versions = nip__pointer(step_of(&p, "steps", "stop-left"), "/actions/0/args/versions");
    assert_int_equal(nip__count(versions), 2);
    assert_json(versions, "/1.2.0/replicas", "0");
    assert_json(versions, "/1.4.0/replicas", "0");
    assert_int_equal(nip__count(nip__pointer(step_of(&p, "steps", "route-old"), "/actions/0/args/drain")), 5);
    assert_true(has_warning(&p, "2 instances of 1.4.0 already run"));
    assert_true(has_warning(&p, "1 instance of 0.9 runs"));
    assert_json(p.root, "/release_back/held", "[]");
    drop_plan(&p);
    nip_free(release);
}

/* A first release where the router sends traffic to somebody that the target does not know. */
static void refuse_routed(const char *more, int code)
{
    char *all = NULL;
    nip_doc *doc = document(NEW);
    nip_plan *plan = NULL;
    nip_error *error = NULL;
    nip__buffer text = NIP__BUFFER(TEXT_MAX);
    nip__buffer_printf(&text,
                       "{\"target\":{\"versions\":{}},\"router\":{\"endpoints\":{\"127.0.0.1:1\":{\"share\":100,"
                       "\"state\":\"ready\"%s}}}}",
                       more);
    all = nip__buffer_take(&text);
    assert_int_equal(nip_rollout_plan(doc, NULL, all, &plan, &error), code);
    if (code < 0)
        assert_contains(nip_error_message(error), "the router sends traffic to 127.0.0.1:1: \"nipops adopt FILE\"");
    nip_error_free(error);
    nip_plan_free(plan);
    nip_free(all);
    nip_doc_free(doc);
}

static void refuses_what_makes_no_sense(void **state)
{
    static const seen silent[] = {{"1.3.0", 6, 9100, 0, 0}, SEEN_END};
    (void)state;
    char *release = release_of("1.3.0", 6, 9100, "");
    refuse_rollout(NEW, NULL, six, NIP_E_STATE, "no rollout started");
    refuse_routed("", NIP_E_STATE);
    refuse_routed(",\"blank\":true", 0);
    refuse_rollout(HEAD "  artifact: \"1.3.0\"\n  replicas: 6\n", release, six, NIP_E_STATE, "nothing to do");
    refuse_rollout(HEAD "  artifact: \"1.3.0\"\n  replicas: 6\n", release, silent, NIP_E_STATE, "not in force");
    refuse_rollout(HEAD "  artifact: other\n  version: \"1.3.0\"\n", release, six, NIP_E_STATE, "another artifact");
    refuse_rollout(HEAD "  artifact: \"1.3.0\"\n  settings: {a: 1}\n", release, six, NIP_E_STATE, "another settings");
    refuse_rollout("rollout:\n  app: other\n  artifact: a\n  target: {driver: sim}\n  router: {driver: sim}\n  health: "
                   "{tcp: true}\n",
                   release, six, NIP_E_STATE, "that of shop, the document that of other");
    refuse_rollout(NEW "  replicas: 0\n", release, six, NIP_E_DOCUMENT, "replicas");
    refuse_rollout(NEW, "{\"v\":1}", six, NIP_E_DOCUMENT, "release record");
    refuse_rollout(NEW, "{\"v\":2,\"version\":\"a\",\"artifact\":\"a\",\"replicas\":1}", six, NIP_E_VERSION, "newer");
    refuse_rollout(NEW, "[", six, NIP_E_SYNTAX, "release record:1:2");
    nip_free(release);
}

static void refuses_what_was_not_observed(void **state)
{
    static const char *const bad[] = {"{}", "[]", "null", "{\"target\":{}}", "{\"target\":{\"versions\":[]}}"};
    (void)state;
    nip_doc *doc = document(NEW);
    for (size_t i = 0; i < COUNT(bad); i++) {
        nip_plan *plan = NULL;
        nip_error *error = NULL;
        assert_int_equal(nip_rollout_plan(doc, NULL, bad[i], &plan, &error), NIP_E_DOCUMENT);
        assert_contains(nip_error_message(error), "nip_op_observe");
        nip_error_free(error);
    }
    nip_doc_free(doc);
}

/* A dead old version is no reason not to roll out the cure. */
static void replaces_a_dead_version(void **state)
{
    (void)state;
    char *release = release_of("1.3.0", 6, 9100, "");
    planned p = plan_rollout(NEW "  replicas: 6\n", release, none);
    assert_ids(&p, "steps", PREFLIGHT "grow-1 route-1");
    assert_json(step_of(&p, "steps", "grow-1"), "/actions/0/args/versions/1.4.0/replicas", "6");
    assert_json(step_of(&p, "steps", "preflight-ports"), "/until/that/0/value", "12");
    drop_plan(&p);
    nip_free(release);
}

static void plans_large_apps(void **state)
{
    static const seen many[] = {{"1.3.0", 10000, 10000, 100, 0}, SEEN_END};
    static const struct {
        const char *text;
        int steps;
    } cases[] = {
        {NEW "  replicas: 10000\n", 4 + 4 * 6},
        {NEW "  replicas: 10000\n  rolling: {batch_size: 1}\n", 4 + 10000 * 6},
        {NEW "  replicas: 10000\n  strategy: canary\n", 4 + 5 * 3 + 2},
        {NEW "  replicas: 10000\n  strategy: blue_green\n", 4 + 3},
    };
    (void)state;
    char *release = release_of("1.3.0", 10000, 10000, ""), *all = observed(many);
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip_doc *doc = document(cases[i].text);
        nip_plan *plan = NULL;
        assert_int_equal(nip_rollout_plan(doc, release, all, &plan, NULL), 0);
        assert_int_equal(nip_plan_steps(plan), cases[i].steps);
        nip_plan_free(plan);
        nip_doc_free(doc);
    }
    nip_free(release);
    nip_free(all);
}

/* Many endpoints are looked up once and not written into every step. */
static void looks_many_instances_up(void **state)
{
    static const seen many[] = {{"1.3.0", 101, 9100, 100, 0}, SEEN_END};
    (void)state;
    char *release = release_of("1.3.0", 101, 9100, "");
    planned p = plan_rollout(NEW "  replicas: 101\n  strategy: canary\n", release, many);
    assert_json(step_of(&p, "steps", "preflight-instances"), "/until/that/0/value", "101");
    const char *reference = "{\"from\":\"preflight-instances\",\"at\":\"/versions/1.3.0/endpoints\"}";
    assert_json(step_of(&p, "steps", "route-10"), "/actions/0/args/groups/1.3.0/endpoints", reference);
    assert_json(step_of(&p, "steps", "route-10"), "/actions/0/before/groups/1.3.0/endpoints", reference);
    assert_json(step_of(&p, "steps", "route-100"), "/actions/0/args/drain", reference);
    assert_json(p.root, "/release_back/endpoints/else", reference);
    drop_plan(&p);
    nip_free(release);
}

static void plans_the_same_twice(void **state)
{
    (void)state;
    planned a = plan_of(NEW "  replicas: 6\n"), b = plan_of(NEW "  replicas: 6\n"), c = plan_of(NEW "  replicas: 5\n");
    assert_true(nip__equal(a.root, b.root));
    assert_true(nip__get_int(a.root, "seed", 0) != 0);
    assert_true(nip__get_int(a.root, "seed", 0) != nip__get_int(c.root, "seed", 0));
    drop_plan(&a);
    drop_plan(&b);
    drop_plan(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_by_thirds),
        cmocka_unit_test(requires_the_rest_to_be_healthy),
        cmocka_unit_test(chooses_unhealthy_ones_first),
        cmocka_unit_test(follows_the_fenceposts),
        cmocka_unit_test(releases_for_the_first_time),
        cmocka_unit_test(grows_the_same_version),
        cmocka_unit_test(shrinks_the_same_version),
        cmocka_unit_test(clears_what_was_left),
        cmocka_unit_test(refuses_what_makes_no_sense),
        cmocka_unit_test(refuses_what_was_not_observed),
        cmocka_unit_test(replaces_a_dead_version),
        cmocka_unit_test(plans_large_apps),
        cmocka_unit_test(looks_many_instances_up),
        cmocka_unit_test(plans_the_same_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
