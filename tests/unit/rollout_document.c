/* Rollout documents: the examples, the flat spellings, and what each wrong document is told. */
#include "unit.h"
#include "doc/doc.h"
#include "failing_malloc.h"
#include "planning.h"

static void accepts_the_examples(void **state)
{
    static const char *const names[] = {"canary", "rolling", "blue-green", "canary-config", "nginx", "command-systemd", "command-docker"};
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        char path[1024];
        nip_doc *doc = NULL;
        nip_error *error = NULL;
        snprintf(path, sizeof path, "%s/examples/%s.yaml", SOURCE_DIR, names[i]);
        if (nip_doc_load_file(path, &doc, &error) < 0 || nip_doc_check(doc, &error) < 0)
            fail_msg("%s", nip_error_message(error));
        assert_string_equal(nip_doc_kind(doc), "rollout");
        nip_doc_free(doc);
    }
}

/* ---- forms ---- */

#define REST                                                                                                           \
    "target: {driver: sim}\n"                                                                                          \
    "router: {driver: sim}\n"
#define NESTED_REST                                                                                                    \
    "  target: {driver: sim}\n"                                                                                        \
    "  router: {driver: sim}\n"
#define HEALTH "health: {url: \"http://{endpoint}/health\"}\n"

static nip__arena *arena;

static int make_arena(void **state)
{
    (void)state;
    arena = nip__arena_new();
    return 0;
}

static int drop_arena(void **state)
{
    (void)state;
    nip__arena_free(arena);
    return 0;
}

static const nip__value *normalized(const char *text)
{
    nip_doc *doc = document(text);
    nip__value *made = NULL;
    nip_error *error = NULL;
    if (nip__doc_normalize(arena, doc, &nip__doc_rollout, &made, &error) < 0)
        fail_msg("%s", nip_error_message(error));
    nip_doc_free(doc);
    return made;
}

static void reads_the_flat_form(void **state)
{
    (void)state;
    const nip__value *root = normalized(
        "app: shop\nimage_tag: \"1.4.0\"\nreplicas: 4\nstrategy: canary\nmetrics: {driver: sim}\n" REST
        "health_check_url: /health\nhealth_check_interval: 10\nhealth_check_timeout: 300\n"
        "initial_canary_percentage: 5\n"
        "promotion_stages: [{percentage: 25, duration_minutes: 15}, {percentage: 50, duration_minutes: 1.5}]\n"
        "thresholds: {max_error_rate: 1.0, max_latency_p95: 500, min_success_rate: 99.9}\n");
    assert_json(root, "/rollout/artifact", "\"1.4.0\"");
    assert_json(root, "/rollout/health/url", "\"http://{endpoint}/health\"");
    assert_json(root, "/rollout/health/interval", "\"10s\"");
    assert_json(root, "/rollout/health/timeout", "\"5m\"");
    assert_json(root, "/rollout/canary/stages",
                "[{\"share\":5,\"duration\":\"15m\"},{\"share\":25,\"duration\":\"15m\"},{\"share\":50,\"duration\":"
                "\"1m30s\"}]");
    assert_json(root, "/rollout/canary/guard/error_rate", "{\"max\":0.1}"); /* the stricter of 1 and 100 - 99.9 */
    assert_json(root, "/rollout/canary/guard/latency_p95", "{\"max\":\"500ms\"}");
    assert_json(root, "/rollout/canary/guard/min_samples", "50");
}

static void reads_both_forms_mixed(void **state)
{
    (void)state;
    const nip__value *root =
        normalized("rollout:\n  app: shop\n  artifact: 2\n  strategy: canary\n" NESTED_REST "  metrics: {driver: sim}\n"
                   "  health: {interval: 3s}\n  health_check_url: \"http://{endpoint}/\"\n"
                   "  initial_canary_percentage: 10\n"
                   "  canary: {stages: [{share: 10, duration: 1m}, {percentage: 100, duration_minutes: 2}],\n"
                   "           guard: {error_rate: {max: 0.2}, latency_p95: {max: 2s}}}\n"
                   "  thresholds: {max_error_rate: 1, max_latency_p95: 500}\n");
    assert_json(root, "/rollout/artifact", "\"2\"");
    assert_json(root, "/rollout/replicas", "3");
    assert_json(root, "/rollout/health/interval", "\"3s\"");
    assert_json(root, "/rollout/health/url", "\"http://{endpoint}/\"");
    assert_json(root, "/rollout/canary/stages",
                "[{\"share\":10,\"duration\":\"1m\"},{\"share\":100,\"duration\":\"2m\"}]");
    assert_json(root, "/rollout/canary/guard/error_rate", "{\"max\":0.2}");
    assert_json(root, "/rollout/canary/guard/latency_p95", "{\"max\":\"500ms\"}");
}

static void knows_the_usual_stages(void **state)
{
    (void)state;
    const nip__value *root = normalized("app: shop\nimage_tag: a\nstrategy: canary\n" REST HEALTH);
    assert_json(
        root, "/rollout/canary/stages",
        "[{\"share\":10,\"duration\":\"30m\"},{\"share\":25,\"duration\":\"15m\"},{\"share\":50,\"duration\":\"15m\"},"
        "{\"share\":75,\"duration\":\"15m\"},{\"share\":100,\"duration\":\"15m\"}]");
    root = normalized("app: shop\nimage_tag: a\nstrategy: canary\ninitial_canary_percentage: 60\n" REST HEALTH);
    assert_json(root, "/rollout/canary/stages",
                "[{\"share\":60,\"duration\":\"30m\"},{\"share\":75,\"duration\":\"15m\"},{\"share\":100,\"duration\":"
                "\"15m\"}]");
}

static void finds_the_routers_metrics(void **state)
{
    (void)state;
    const nip__value *root = normalized("rollout:\n  app: shop\n  artifact: a\n  target: {driver: sim}\n"
                                        "  router: {driver: haproxy, socket: s.sock, backend: shop}\n"
                                        "  metrics: {driver: haproxy, backend: other}\n"
                                        "  health: {url: \"http://{endpoint}/\"}\n");
    assert_json(root, "/rollout/metrics", "{\"driver\":\"haproxy\",\"backend\":\"other\",\"socket\":\"s.sock\"}");
}

static void puts_thresholds_where_the_strategy_looks(void **state)
{
    (void)state;
    const nip__value *root =
        normalized("app: shop\nimage_tag: a\nstrategy: blue_green\nmetrics: {driver: sim}\n" REST HEALTH
                   "thresholds: {min_success_rate: 99}\n");
    assert_json(root, "/rollout/blue_green/guard/error_rate", "{\"max\":1}");
    assert_null(nip__pointer(root, "/rollout/canary"));
}

/* ---- wrong documents ---- */

typedef struct wrong {
    const char *text;
    const char *where; /* "line:column" */
    const char *what;
} wrong;

#define HEAD                                                                                                           \
    "rollout:\n  app: shop\n  artifact: a\n" NESTED_REST "  health: {url: \"http://{endpoint}/\"}\n" /* 6 lines */
#define CANARY HEAD "  strategy: canary\n  metrics: {driver: prometheus}\n"                          /* 8 lines */

static const wrong wrongs[] = {
    {"rollout:\n  app: shop!\n  artifact: a\n" NESTED_REST "  health: {url: \"http://{endpoint}/\"}\n", "2:8",
     "A-Z a-z 0-9"},
    {HEAD "  replicas: 0\n", "7:13", "from 1 to 10000"},
    {HEAD "  replicas: six\n", "7:13", "integer"},
    {HEAD "  strategy: shadwo\n", "7:13", "shadow"},
    {HEAD "  strategy: shadow\n", "7:13", "shadow: {requests: recorded.jsonl}"},
    {HEAD "  strategy: shadow\n  shadow: {rate: 1}\n", "8:11", "requests"},
    {HEAD "  shadow: {requests: a, methods: [get]}\n", "7:35", "capitals"},
    {HEAD "  shadow: {requests: a, base: \"ftp://{endpoint}\"}\n", "7:31", "http://{endpoint}"},
    {HEAD "  shadow: {requests: a, base: \"http://shop\"}\n", "7:31", "{endpoint} or {port}"},
    {HEAD "  shadow: {requests: a, headers: {set: {A: [1]}}}\n", "7:44", "{env: NAME}"},
    {HEAD "  shadow: {requests: a, sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF}\n", "7:33",
     "sha256sum"},
    {HEAD "  shadow: {requests: a, compare: {ignore: [{pointer: a}]}}\n", "7:44", "begin with /"},
    {HEAD "  shadow: {requests: a, compare: {ignore: [{pointer: /a~2}]}}\n", "7:44", "~0"},
    {HEAD "  shadow: {requests: a, compare: {ignore: [{regex: \"(\"}]}}\n", "7:44", "not a regular expression"},
    {HEAD "  shadow: {requests: a, compare: {ignore: [{regex: a, pointer: /a}]}}\n", "7:44", "either"},
    {HEAD "  shadow: {requests: a, limits: {mismatches: 101}}\n", "7:46", "100"},
    {HEAD "  shadow: {requests: a, mirror: {percent: 5, duration: 1m, guard: {error_rate: {max: 1}}}}\n", "7:80", "needs metrics"},
    {HEAD "  stratgy: canary\n", "7:", "\"strategy\""},
    {HEAD "  rolling: {batch_size: 2, max_surge: 1}\n", "7:25", "max_unavailable: 0"},
    {HEAD "  rolling: {max_surge: some}\n", "7:24", "25%"},
    {HEAD "  rolling: {max_unavailable: \"101%\"}\n", "7:30", "100%"},
    {HEAD "  strategy: rolling\n  hold_old: 1h\n", "8:13", "blue_green or canary"},
    {HEAD "  strategy: blue_green\n  blue_green: {smoke: [{command: x, url: y}]}\n", "8:24", "either"},
    {HEAD "  strategy: blue_green\n  blue_green: {smoke: [{timeout: 1s}]}\n", "8:24", "either"},
    {HEAD "  strategy: canary\n  canary: {guard: {error_rate: {max: 1}}}\n", "8:32", "driver: prometheus"},
    {CANARY "  canary: {stages: [{share: 0}]}\n", "9:29", "from 1 to 100"},
    {CANARY "  canary: {stages: [{share: 10}, {share: 10}]}\n", "9:42", "rise"},
    {CANARY "  canary: {stages: [{share: 50}, {share: 20}]}\n", "9:42", "20 % comes after 50 %"},
    {CANARY "  canary: {stages: [{share: 10, duration: 5}]}\n", "9:43", "lacks a unit"},
    {CANARY "  canary: {stages: []}\n", "9:20", "1"},
    {CANARY "  canary: {dynamic_stable_scale: true}\n  hold_old: 1h\n", "10:13", "drop one"},
    {CANARY "  canary: {max_surge: lots}\n", "9:23", "25%"},
    {CANARY "  canary: {stages: [{share: 10}]}\n  promotion_stages: [{percentage: 10}]\n", "10:21", "given twice"},
    {CANARY "  promotion_stages: [{percentage: 10, duration_minutes: ten}]\n", "9:57", "number of minutes"},
    {CANARY "  promotion_stages: [{percentage: 10, duration_minutes: 1, duration: 1m}]\n", "9:57", "say the same"},
    {CANARY "  initial_canary_percentage: 50\n  promotion_stages: [{percentage: 10}]\n", "10:35",
     "10 % comes after 50 %"},
    {CANARY "  thresholds: {max_error_rat: 1}\n", "9:31", "max_error_rate"},
    {CANARY "  thresholds: {max_error_rate: high}\n", "9:32", "percent from 0 to 100"},
    {CANARY "  thresholds: {min_success_rate: 101}\n", "9:34", "percent from 0 to 100"},
    {CANARY "  thresholds: {max_latency_p95: 500ms}\n", "9:33", "milliseconds"},
    {CANARY "  thresholds: 5\n", "9:15", "max_latency_p95"},
    {CANARY "  health_check_interval: soon\n", "9:26", "soon"},
    {CANARY "  health_check_timeout: [1]\n", "9:25", "seconds"},
    {CANARY "  health_check_url: /x\n", "9:21", "health.url"},
    {"rollout:\n  app: shop\n  artifact: a\n" NESTED_REST "  health: {url: \"http://shop/health\"}\n", "6:17",
     "http://{endpoint}/health"},
    {"rollout:\n  app: shop\n  artifact: a\n" NESTED_REST "  health: {interval: 1s}\n", "6:11",
     "exactly one of url, tcp and command"},
    {"rollout:\n  app: shop\n  artifact: a\n" NESTED_REST, "2:3", "health"},
    {"rollout:\n  app: shop\n  artifact: a\n  target: here\n  router: {driver: sim}\n  health: {tcp: true}\n", "4:11",
     "driver: local"},
    {"rollout:\n  app: shop\n  artifact: a\n  target: {driver: sim}\n  router: {socket: x}\n  health: {tcp: true}\n",
     "5:11", "driver: haproxy"},
    {HEAD "  strategy: canary\n  metrics: {driver: haproxy}\n  canary: {guard: {latency_p95: {max: 1s}}}\n", "9:33",
     "\"haproxy\" knows no latency quantiles"},
    {HEAD "  strategy: canary\n  metrics: {driver: haproxy}\n  thresholds: {max_latency_p95: 500}\n", "9:33",
     "no latency quantiles"},
    /* what a plan would read as a reference to one of its steps, or as an instant, and would hand on as something else */
    {HEAD "  settings: {mail: {from: start-1, at: /x}}\n", "7:27", "/rollout/settings/mail/from: "},
    {HEAD "  settings: {a/b: [{after: 5s}]}\n", "7:28", "/rollout/settings/a~1b/0/after: "},
    {"rollout:\n  app: shop\n  artifact: a\n" NESTED_REST
     "  health: {url: \"http://{endpoint}/\", headers: {from: a@b}}\n",
     "6:55", "/rollout/health/headers/from: "},
    {HEAD "  shadow: {requests: a, headers: {set: {from: b}}}\n", "7:47", "/rollout/shadow/headers/set/from: "},
};

/* Want of memory leaves no half of a message. */
static void tells_it_whole_or_not_at_all(void **state)
{
    (void)state;
    bool more = true;
    for (long k = 1; more; k++) {
        nip_doc *doc = document(HEAD "  settings: {mail: {from: start-1, at: /x}}\n");
        nip_error *error = NULL;
        fail_allocation(k, 0);
        int rc = nip_doc_check(doc, &error);
        more = allocations_seen() >= k;
        fail_allocation(0, 0);
        if (rc != NIP_E_NOMEM)
            assert_contains(nip_error_message(error), "rollout.yaml:7:27: /rollout/settings/mail/from: plans read");
        nip_error_free(error);
        nip_doc_free(doc);
    }
}

/* Neither is read so: a header with a capital, and maps that hold more than a text. */
static void accepts_what_no_plan_reads_otherwise(void **state)
{
    (void)state;
    static const char *const texts[] = {
        HEAD "  settings: {From: a, from: [b], mail: {after: 5s, to: c}, next: {after: 5}}\n",
        HEAD "  shadow: {requests: a, headers: {set: {From: b, After: c}}}\n",
        HEAD "  windows: [{days: [mon], from: \"09:00\", to: \"17:00\"}]\n",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        nip_doc *doc = document(texts[i]);
        nip_error *error = NULL;
        if (nip_doc_check(doc, &error) != 0)
            fail_msg("%s%s", texts[i], nip_error_message(error));
        nip_doc_free(doc);
    }
}

static void tells_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wrongs); i++) {
        char begin[64];
        nip_doc *doc = document(wrongs[i].text);
        nip_error *error = NULL;
        snprintf(begin, sizeof begin, "rollout.yaml:%s", wrongs[i].where);
        if (nip_doc_check(doc, &error) != NIP_E_DOCUMENT)
            fail_msg("this should be refused:\n%s", wrongs[i].text);
        const char *message = nip_error_message(error);
        if (strncmp(message, begin, strlen(begin)) != 0 || strstr(message, wrongs[i].what) == NULL)
            fail_msg("%s\n  should begin with %s and say: %s", message, begin, wrongs[i].what);
        assert_int_equal(nip_error_count(error), 1);
        nip_error_free(error);
        nip_doc_free(doc);
    }
}

static void tells_all_at_once(void **state)
{
    (void)state;
    nip_doc *doc = document(
        "rollout:\n  app: \"shop!\"\n  replicas: -1\n  strategy: canary\n  target: {}\n  router: {driver: sim}\n"
        "  health: {}\n  canary: {stages: [{share: 20}, {share: 10}], guard: {latency_p95: {max: 1s}}}\n");
    nip_error *error = NULL;
    assert_int_equal(nip_doc_check(doc, &error), NIP_E_DOCUMENT);
    assert_true(nip_error_count(error) >= 6);
    for (int i = 0; i < nip_error_count(error); i++)
        assert_true(nip_error_line(nip_error_at(error, i)) > 0);
    nip_error_free(error);
    nip_doc_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_the_examples),
        cmocka_unit_test_setup_teardown(reads_the_flat_form, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(reads_both_forms_mixed, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(knows_the_usual_stages, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(finds_the_routers_metrics, make_arena, drop_arena),
        cmocka_unit_test_setup_teardown(puts_thresholds_where_the_strategy_looks, make_arena, drop_arena),
        cmocka_unit_test(tells_what_is_wrong),
        cmocka_unit_test(tells_it_whole_or_not_at_all),
        cmocka_unit_test(accepts_what_no_plan_reads_otherwise),
        cmocka_unit_test(tells_all_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
