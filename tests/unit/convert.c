/* Bringing Argo's PromQL into ours, and manifests with memory running out. */
#include "unit.h"

#include "convert/promql.h"
#include "failing_malloc.h"
#include "nipops/convert.h"
#include "nipops/doc.h"

static void test_ratios(void **state)
{
    (void)state;
    static const struct {
        const char *query, *numerator, *denominator; /* NULL: no ratio */
    } rows[] = {
        {"a / b", "a", "b"},
        {" sum(x{a=\"/\"}) /\n sum(y) ", "sum(x{a=\"/\"})", "sum(y)"},
        {"sum(a/b) / c", "sum(a/b)", "c"},
        {"(a / b)", NULL, NULL},
        {"1 - a / b", NULL, NULL},
        {"a / b * 100", NULL, NULL},
        {"a * b", NULL, NULL},
        {"a / ", NULL, NULL},
        {"a", NULL, NULL},
        {"", NULL, NULL},
        {"a) / (b", NULL, NULL},
        {"'unfinished / b", NULL, NULL},
        {"a{x='\\'/'} / b", "a{x='\\'/'}", "b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        nip__arena *arena = nip__arena_new();
        const char *numerator = NULL, *denominator = NULL;
        bool found = nip__promql_ratio(arena, rows[i].query, &numerator, &denominator);
        if (found != (rows[i].numerator != NULL))
            fail_msg("%s", rows[i].query);
        if (found) {
            assert_string_equal(numerator, rows[i].numerator);
            assert_string_equal(denominator, rows[i].denominator);
        }
        nip__arena_free(arena);
    }
}

static void test_counts(void **state)
{
    (void)state;
    static const struct {
        const char *query, *counts; /* NULL: cannot be told as counts */
    } rows[] = {
        {"sum(rate(x[5m]))", "sum(increase(x[{window}]))"},
        {"irate(x{a=\"rate(\"}[30s])", "increase(x{a=\"rate(\"}[{window}])"},
        {"rate(x[5m]) + rate(y[1h])", "increase(x[{window}]) + increase(y[{window}])"},
        {"my_rate(x[5m])", NULL},
        {"x", NULL},
        {"rate(x[5m:1m])", NULL},
        {"rate(x[5m]) + y[1m]", NULL},
        {"rate(x)", NULL},
        {"rate([[[", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        nip__arena *arena = nip__arena_new();
        const char *counts = nip__promql_counts(arena, rows[i].query);
        if (rows[i].counts == NULL ? counts != NULL : counts == NULL || strcmp(counts, rows[i].counts) != 0)
            fail_msg("%s: %s", rows[i].query, counts);
        nip__arena_free(arena);
    }
}

static void test_conditions(void **state)
{
    (void)state;
    static const struct {
        const char *condition;
        bool good, below;
        double number;
    } rows[] = {
        {"result[0] >= 0.95", true, false, 0.95}, {"result[0]<0.01", true, true, 0.01}, {" result > 5 ", true, false, 5},
        {"result[0] <= .5", false, 0, 0},         {"len(result) == 0", false, 0, 0},    {"result[0] >= 0.95 && true", false, 0, 0},
        {"result[1] > 0", false, 0, 0},           {"result[0] == 1", false, 0, 0},      {"result[0] >", false, 0, 0},
        {"", false, 0, 0},                        {"0.95 < result[0]", false, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        nip__promql_condition read = {0};
        if (nip__promql_read_condition(rows[i].condition, &read) != rows[i].good)
            fail_msg("%s", rows[i].condition);
        if (rows[i].good && (read.below != rows[i].below || read.number != rows[i].number))
            fail_msg("%s: %g", rows[i].condition, read.number);
    }
}

static void test_selectors(void **state)
{
    (void)state;
    static const struct {
        const char *query, *bare;
        bool selects;
        const char *narrowed;
    } rows[] = {
        {"x", "x", true, "x{a=\"b\"}"},
        {" x # why }", "x", true, "x{a=\"b\"}"},
        {"x{}", "x{}", true, "x{a=\"b\"}"},
        {"x { } ", "x { }", true, "x {a=\"b\"}"},
        {"x{c=\"}#,\",}", "x{c=\"}#,\",}", true, "x{c=\"}#,\",a=\"b\"}"},
        {"x{c=`\\` , }", "x{c=`\\` , }", true, "x{c=`\\`,a=\"b\"}"},
        {"{c='\\'}'} # {", "{c='\\'}'}", true, "{c='\\'}',a=\"b\"}"},
        {"x{ # one\n c=\"d\"}", "x{ \n c=\"d\"}", true, "x{ \n c=\"d\",a=\"b\"}"},
        {"x offset 1m", "x offset 1m", false, NULL},
        {"x{} @ 5", "x{} @ 5", false, NULL},
        {"x[5m]", "x[5m]", false, NULL},
        {"rate(x)", "rate(x)", false, NULL},
        {"a + b", "a + b", false, NULL},
        {"x{c=\"}", "x{c=\"}", false, NULL},
        {"{", "{", false, NULL},
        {"", "", false, NULL},
        {" # x", "", false, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        nip__buffer bare = NIP__BUFFER(100), narrowed = NIP__BUFFER(100);
        nip__promql_bare(&bare, rows[i].query);
        assert_string_equal(nip__buffer_string(&bare), rows[i].bare);
        if (nip__promql_selects(nip__buffer_string(&bare)) != rows[i].selects)
            fail_msg("%s", rows[i].query);
        if (rows[i].selects) {
            nip__promql_narrow(&narrowed, nip__buffer_string(&bare), "a=\"b\"");
            assert_string_equal(nip__buffer_string(&narrowed), rows[i].narrowed);
        }
        nip__buffer_clear(&bare);
        nip__buffer_clear(&narrowed);
    }
}

static void test_quantiles(void **state)
{
    (void)state;
    double quantile = 0;
    assert_true(nip__promql_quantile(" histogram_quantile(0.95, sum by (le) (rate(x[5m])))", &quantile));
    assert_true(quantile == 0.95);
    assert_false(nip__promql_quantile("histogram_quantile(0.95, x) / 2", &quantile));
    assert_false(nip__promql_quantile("histogram_quantile(q, x)", &quantile));
    assert_false(nip__promql_quantile("quantile(0.5, x)", &quantile));
}

static const char manifest[] = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: shop}\nspec:\n  strategy: {canary: {analysis: {templates: "
                               "[{templateName: t}], args: [{name: s, value: x}]}, steps: [{setWeight: 20}, {pause: {}}, {plugin: {}}]}}\n---\nkind: AnalysisTemplate\n"
                               "metadata: {name: t}\nspec: {metrics: [{name: m, successCondition: 'result[0] >= 0.9', provider: {prometheus: {query: "
                               "'rate(a{s=\"{{args.s}}\"}[1m]) / rate(b[1m])'}}}]}\n";

static void test_out_of_memory(void **state)
{
    (void)state;
    char *whole = NULL;
    assert_int_equal(nip_argo_convert(manifest, sizeof manifest - 1, NULL, &whole, NULL), 0);
    assert_non_null(strstr(whole, "error_rate"));
    for (long k = 1, seen = 1; seen >= k - 1; k++) {
        char *json = NULL;
        fail_allocation(k, 0);
        int rc = nip_argo_convert(manifest, sizeof manifest - 1, NULL, &json, NULL);
        seen = allocations_seen();
        fail_allocation(0, 0);
        assert_true(rc == 0 || rc == NIP_E_NOMEM);
        assert_true((rc == 0) == (json != NULL));
        assert_true(json == NULL || strcmp(json, whole) == 0);
        nip_free(json);
    }
    nip_free(whole);
}

/* Cut anywhere it is converted or refused, and nothing else. */
static void test_cut(void **state)
{
    (void)state;
    for (size_t length = 0; length < sizeof manifest; length++) {
        char *json = NULL;
        int rc = nip_argo_convert(manifest, length < sizeof manifest - 1 ? length : sizeof manifest - 1, "m", &json, NULL);
        assert_true(rc == 0 || rc == NIP_E_SYNTAX || rc == NIP_E_DOCUMENT);
        nip_free(json);
    }
}

/* Every allocation of a conversion fails once. */
static void test_openslo_out_of_memory(void **state)
{
    (void)state;
    static const char slo[] = "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: a}\nspec:\n  service: s\n  indicator: {spec: {ratioMetric: {bad: {metricSource: {spec: {query: 'rate(b[5m])'}}},"
                              " total: {metricSource: {spec: {query: t}}}}}}\n  objectives: [{target: 0.999}]\n---\napiVersion: openslo/v1\nkind: SLI\n";
    for (long k = 1;; k++) {
        char *json = NULL;
        fail_allocation(k, 0);
        int rc = nip_openslo_convert(slo, sizeof slo - 1, NULL, &json, NULL);
        long seen = allocations_seen();
        fail_allocation(0, 0);
        assert_true(rc == 0 || rc == NIP_E_NOMEM);
        if (rc == 0)
            assert_non_null(strstr(json, "99.9"));
        nip_free(json);
        if (seen < k)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ratios),    cmocka_unit_test(test_counts),        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_quantiles), cmocka_unit_test(test_selectors), cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_cut), cmocka_unit_test(test_openslo_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
