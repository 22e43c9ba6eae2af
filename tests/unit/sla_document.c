/* Documents of service levels: what they say in either form, what is wrong with others, and the contract that comes of them. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "failing_malloc.h"
#include "nipops/doc.h"
#include "sla/contract.h"

#define METRICS "  metrics: {driver: prometheus, url: \"http://127.0.0.1:9090\"}\n"

static const char whole[] =
    "sla:\n  name: shop\n  zone: Europe/Berlin\n" METRICS
    "  indicators:\n"
    "    probe: {time: {query: probe_success, up_when: \"> 0.5\", instances: [a, {name: b, from: 2026-03-01T00:00:00Z}], k: 1}, slice: 30s, max_gap: 1m}\n"
    "    requests: {events: {bad: bad_total, total: all_total}}\n"
    "    checkout: {latency: {histogram: h_bucket, limit: 500ms}}\n"
    "  objectives:\n"
    "    uptime: {availability: probe, target: 99.95, targets: {quarter: 99.9}, missing: hold, hold: 10m, min_coverage: 90,\n"
    "             credits: {tiers: [{below: 99.95, credit: 10}, {below: 99, credit: 25}], fee: 100000, cap: 50}}\n"
    "    errors: {error_rate: requests, target: \"0.1 %\"}\n"
    "    checkout: {latency: checkout, target: 95, quantile: 0.95}\n"
    "  classes: {maintenance: {max: 4h}}\n"
    "  alerts: {period: 744h, pairs: [{factor: 13.5, long: 1h, short: 5m, min_bad: 3}, {severity: ticket, budget: 10, long: 72h, short: 6h}]}\n";

static nip_doc *load(const char *text)
{
    nip_doc *doc = NULL;
    assert_int_equal(nip_doc_load_text(text, strlen(text), "sla.yaml", &doc, NULL), 0);
    return doc;
}

static nip__contract *contract_of(const char *text)
{
    nip_doc *doc = load(text);
    nip__contract *contract = NULL;
    nip_error *error = NULL;
    int rc = nip__contract_load(doc, &contract, &error);
    if (rc < 0)
        fail_msg("%s", nip_error_message(error));
    nip_doc_free(doc);
    return contract;
}

static void test_whole(void **state)
{
    (void)state;
    nip__contract *contract = contract_of(whole);
    const nip__indicator *probe = nip__contract_indicator(contract, "probe"), *checkout = nip__contract_indicator(contract, "checkout");
    const nip__objective *uptime = nip__contract_objective(contract, "uptime"), *errors = nip__contract_objective(contract, "errors");
    assert_string_equal(contract->name, "shop");
    assert_int_equal(probe->up_when, NIP__ABOVE);
    assert_true(probe->up_value == 0.5);
    assert_int_equal(probe->slice_ms, 30000);
    assert_int_equal(probe->max_gap_ms, 60000);
    assert_int_equal(probe->instance_count, 2);
    assert_string_equal(probe->instances[0].name, "a");
    assert_true(probe->instances[0].from == INT64_MIN && probe->instances[1].from == INT64_C(1772323200000));
    assert_int_equal(probe->agreement, NIP__K_OF_N);
    assert_true(checkout->limit.digits == 5 && checkout->limit.scale == 1 && checkout->buckets);
    assert_true(uptime->targets[NIP__PERIOD_MONTH].num * INT64_C(10000) == uptime->targets[NIP__PERIOD_MONTH].den * INT64_C(9995));
    assert_true(uptime->targets[NIP__PERIOD_QUARTER].num * INT64_C(1000) == uptime->targets[NIP__PERIOD_QUARTER].den * INT64_C(999));
    assert_int_equal(uptime->hold_ms, 600000);
    assert_int_equal(uptime->credits->count, 2);
    assert_true(errors->targets[NIP__PERIOD_DAY].num * INT64_C(1000) == errors->targets[NIP__PERIOD_DAY].den * INT64_C(999)); /* at most 0.1 % bad */
    assert_true(nip__contract_objective(contract, "checkout")->quantile == 0.95);
    assert_int_equal(contract->classes[0].max_ms, 4 * 3600000);
    assert_int_equal(contract->pair_count, 2);
    assert_true(contract->pairs[0].factor.num == 135 && contract->pairs[0].factor.den == 10 && contract->pairs[0].min_bad == 3);
    assert_true(contract->pairs[1].factor.num * 30 == contract->pairs[1].factor.den * 31); /* a tenth of 31 days in 3 */
    nip__contract_free(contract);
}

/* What names an indicator or its instances changes nothing of what was measured; what changes a slice does. */
static void test_definitions(void **state)
{
    (void)state;
    static const char form[] = "sla:\n" METRICS "  indicators: {%s: {time: {%s}%s}}\n  objectives: {o: {availability: %s, target: 99}}\n";
    static const struct {
        const char *name, *time, *rest;
        bool same;
    } others[] = {
        {"renamed", "query: up", "", true},          {"probe", "query: up, instances: [a, b], agree: any", "", true},
        {"probe", "query: down", "", false},         {"probe", "query: up, up_when: \"> 1\"", "", false},
        {"probe", "query: up", ", slice: 30s", false}, {"probe", "query: up", ", max_gap: 9s", false},
        {"probe", "instance_label: x, query: up", "", false},
    };
    char text[1024];
    snprintf(text, sizeof text, form, "probe", "query: up", "", "probe");
    nip__contract *first = contract_of(text);
    assert_string_equal(first->indicators[0].definition, "a7983123f39f554d2fd5936adab68fe378dcc3e8c69e86a81c91168fc4b3d0dc");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        snprintf(text, sizeof text, form, others[i].name, others[i].time, others[i].rest, others[i].name);
        nip__contract *other = contract_of(text);
        assert_int_equal(strcmp(first->indicators[0].definition, other->indicators[0].definition) == 0, others[i].same);
        nip__contract_free(other);
    }
    nip__contract_free(first);
}

/* Pushed indicators have nothing but their names. */
static void test_pushed(void **state)
{
    (void)state;
    nip__contract *contract = contract_of("sla: {indicators: {a: {events: {}}, b: {events: {}}}, objectives: {o: {error_rate: a, target: 1}, p: {availability: b, target: 99}}}");
    assert_string_not_equal(contract->indicators[0].definition, contract->indicators[1].definition);
    assert_int_equal(contract->pair_count, NIP__BURN_DEFAULTS);
    assert_true(contract->pairs[0].factor.num * 5 == contract->pairs[0].factor.den * 72); /* 14.4 */
    assert_string_equal(contract->zone_name, "UTC");
    nip__contract_free(contract);
}

/* ---- the other form ---- */

static const char agreements[] =
    "service_level_agreements:\n"
    "  uptime: {monthly_target: 99.95, quarterly_target: 99.9, annual_target: 99.9, calculation_window: calendar_quarter,\n"
    "           excluded_maintenance: [\"Scheduled maintenance windows\", \"Force majeure events\"]}\n"
    "  performance: {response_time_p50: 200, response_time_p95: 500, response_time_p999: 1000}\n"
    "  error_rate: {target: 0.01, threshold: 0.05}\n"
    "  availability: {api_endpoints: {critical: 99.99}, database: {primary: 99.95}}\n"
    "compliance: {data_retention: {logs: 90 days}}\n"
    "monitoring: {sla_breach_threshold: 99.0, reporting: {daily: true}}\n";

static void test_agreements(void **state)
{
    (void)state;
    char text[4096];
    snprintf(text, sizeof text, "%s%s", agreements,
             "zone: Europe/Berlin\nmetrics: {driver: prometheus, url: \"http://127.0.0.1:9090\"}\nindicators:\n  uptime: {time: {query: up}}\n"
             "  performance: {latency: {histogram: h_bucket}}\n  error_rate: {events: {bad: b, total: t}}\n"
             "  api_endpoints_critical: {time: {query: up1}}\n  database_primary: {time: {query: up2}}\n");
    nip__contract *contract = contract_of(text);
    const nip__objective *uptime = nip__contract_objective(contract, "uptime"), *p999 = nip__contract_objective(contract, "response_time_p999");
    assert_int_equal(contract->objective_count, 8);
    assert_int_equal(uptime->targets[NIP__PERIOD_DAY].den, 0); /* nothing was promised for a day */
    assert_true(uptime->targets[NIP__PERIOD_YEAR].num * INT64_C(1000) == uptime->targets[NIP__PERIOD_YEAR].den * INT64_C(999));
    assert_true(p999->quantile == 0.999);
    assert_true(p999->targets[NIP__PERIOD_MONTH].num * INT64_C(1000) == p999->targets[NIP__PERIOD_MONTH].den * INT64_C(999));
    assert_true(contract->indicators[p999->indicator].limit_seconds == 1.0);
    assert_true(nip__contract_indicator(contract, "response_time_p50")->limit_seconds == 0.2);
    assert_string_equal(contract->classes[0].name, "scheduled_maintenance_windows");
    assert_string_equal(nip__get_text(nip__get(contract->document, "sla"), "period"), "quarter");
    nip__contract_free(contract);
}

/* ---- what is wrong ---- */

#define MINIMAL(indicator, objective) "sla:\n" METRICS "  indicators: {i: {" indicator "}}\n  objectives: {o: {" objective "}}\n"

static const struct {
    const char *text, *message;
} wrong[] = {
    {agreements, "sla.yaml:2:11: /indicators: says nothing of how it is measured: add under indicators uptime: {time: {query: \"up{job=\\\"shop\\\"}\"}}"},
    {"sla: {indicators: {i: {time: {query: up}}}, objectives: {o: {availability: i, target: 99}}}", "/sla/indicators/i/time/query: nobody can be asked: add metrics"},
    {MINIMAL("time: {}, events: {}", "availability: i, target: 9"), "/sla/indicators/i: must have exactly one of time, events and latency, found 2"},
    {MINIMAL("time: {}, slice: 7s", "availability: i, target: 9"), "slice: must divide an hour"},
    {MINIMAL("time: {up_when: \"=> 1\"}", "availability: i, target: 9"), "up_when: must be >=, >, <=, <, == or != and a number"},
    {MINIMAL("time: {k: 3, instances: [a, b]}", "availability: i, target: 9"), "is more than there are instances"},
    {MINIMAL("time: {k: 1, agree: any}", "availability: i, target: 9"), "must not stand beside agree"},
    {MINIMAL("time: {instances: [a, a]}", "availability: i, target: 9"), "the instance \"a\" stands there twice"},
    {MINIMAL("time: {instances: [{name: a, from: yesterday}]}", "availability: i, target: 9"), "from must be an instant"},
    {MINIMAL("events: {bad: b}", "error_rate: i, target: 9"), "needs two of good, bad and total, found 1"},
    {MINIMAL("events: {}", "availability: j, target: 9"), "there is no indicator \"j\""},
    {MINIMAL("events: {}", "latency: i, target: 9"), "latency needs an indicator of latency, and \"i\" is none"},
    {MINIMAL("events: {}", "availability: i, target: 9, missing: hold"), "hold is for indicators of time"},
    {MINIMAL("events: {}", "availability: i"), "/sla/objectives/o: must have a target"},
    {MINIMAL("events: {}", "availability: i, target: 100.1"), "must be a percentage from 0 to 100"},
    {MINIMAL("events: {}", "availability: i, target: 0"), "promises nothing: it must be above 0"},
    {MINIMAL("events: {}", "error_rate: i, target: 100"), "promises nothing: it is the most that may be bad"},
    {MINIMAL("events: {}", "availability: i, target: 99, quantile: 0.5"), "is of latencies only"},
    {MINIMAL("latency: {limit: 1s, buckets: false}", "latency: i, target: 99, quantile: 0.5"), "needs the indicator's buckets"},
    {MINIMAL("events: {}", "availability: i, target: 99, credits: {tiers: [{below: 99, credit: 10}, {below: 99, credit: 20}]}"), "tiers must be in falling order"},
    {MINIMAL("events: {}", "availability: i, target: 99") "  alerts: {pairs: [{factor: 14.4, budget: 2, long: 1h, short: 5m}]}\n", "exactly one of factor and budget"},
    {MINIMAL("events: {}", "availability: i, target: 90") "  alerts: {pairs: [{factor: 14.4, long: 1h, short: 5m}]}\n", "an alert of the objective \"o\": a burn rate above 144/10 never comes"},
    {MINIMAL("events: {}", "availability: i, target: 99") "  zone: Mars/Olympus\n", "Mars/Olympus"},
    {"sla: {metrics: {driver: haproxy}, indicators: {i: {events: {}}}, objectives: {o: {error_rate: i, target: 1}}}", "must be a map of the driver prometheus"},
};

static void test_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        nip_doc *doc = load(wrong[i].text);
        nip_error *error = NULL;
        assert_int_equal(nip_doc_check(doc, &error), NIP_E_DOCUMENT);
        if (strstr(nip_error_message(error), wrong[i].message) == NULL)
            fail_msg("case %zu: %s", i, nip_error_message(error));
        nip_error_free(error);
        nip_doc_free(doc);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    const char *texts[] = {whole, agreements};
    for (size_t i = 0; i < 2; i++) {
        nip_doc *doc = load(texts[i]);
        for (long k = 1;; k++) {
            nip__contract *contract = NULL;
            nip_error *error = NULL;
            fail_allocation(k, 0);
            int rc = nip__contract_load(doc, &contract, &error);
            long seen = allocations_seen();
            fail_allocation(0, 0);
            if (rc != (i == 0 ? 0 : NIP_E_DOCUMENT) && rc != NIP_E_NOMEM) fail_msg("k %ld rc %d: %s", k, rc, nip_error_message(error));
            assert_true(rc == NIP_E_NOMEM || seen < k || i == 1);
            nip__contract_free(rc == 0 ? contract : NULL);
            nip_error_free(error);
            if (seen < k)
                break;
        }
        nip_doc_free(doc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),      cmocka_unit_test(test_definitions), cmocka_unit_test(test_pushed),
        cmocka_unit_test(test_agreements), cmocka_unit_test(test_wrong),       cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
