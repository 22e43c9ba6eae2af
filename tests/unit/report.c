/* What journals tell other systems: the text format, and want of memory. */
#include "store_fixture.h"

#include <math.h>

#include "failing_malloc.h"
#include "nipops.h"
#include "report/exposition.h"

#define PLAN                                                                                                                               \
    "{\"v\":1,\"kind\":\"plan\",\"subject\":\"shop\",\"title\":\"a \\\"title\\\"\",\"steps\":[{\"id\":\"one\",\"title\":\"t\",\"actions\":"  \
    "[{\"role\":\"router\",\"verb\":\"route\",\"args\":{}}]},{\"id\":\"two\",\"title\":\"t\",\"wait\":\"1h\"}]}"

static void test_exposition(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        double number;
        const char *line;
    } rows[] = {
        {"plain", 1, "m{a=\"plain\",b=\"x\"} 1\n"},
        {"quote\" back\\ line\n", 0.25, "m{a=\"quote\\\" back\\\\ line\\n\",b=\"x\"} 0.25\n"},
        {NULL, -3, "m{b=\"x\"} -3\n"},
        {"", 1e21, "m{a=\"\",b=\"x\"} 1e+21\n"},
        {"z", NAN, "m{a=\"z\",b=\"x\"} NaN\n"},
        {"z", -INFINITY, "m{a=\"z\",b=\"x\"} -Inf\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        nip__buffer buffer = NIP__BUFFER(1000);
        nip__exposition_sample(&buffer, "m", (nip__label[]){{"a", rows[i].value}, {"b", "x"}, {0}}, rows[i].number);
        assert_string_equal(nip__buffer_string(&buffer), rows[i].line);
        nip__buffer_clear(&buffer);
    }
    nip__buffer buffer = NIP__BUFFER(1000);
    nip__exposition_family(&buffer, "m", "gauge", "a \"help\"\\\n");
    nip__exposition_sample(&buffer, "m", (nip__label[]){{0}}, 2);
    assert_string_equal(nip__buffer_string(&buffer), "# HELP m a \"help\"\\\\\\n\n# TYPE m gauge\nm 2\n");
    nip__buffer_clear(&buffer);
}

static nip_run *begin(fixture *f)
{
    nip_plan *plan = NULL;
    nip_run *run = NULL;
    assert_int_equal(nip_plan_from_json(PLAN, strlen(PLAN), &plan, NULL), 0);
    assert_int_equal(nip_run_new(plan, f->store, 1000 * NIP_SECOND, &run, NULL), 0);
    nip_plan_free(plan);
    return run;
}

static void route(nip_run *run, const char *outcome, int then)
{
    const nip_action *action = NULL;
    nip_time until;
    assert_int_equal(nip_run_next(run, 1001 * NIP_SECOND, &action, &until, NULL), NIP_RUN_ACTION);
    assert_int_equal(nip_run_complete(run, 1002 * NIP_SECOND, nip_action_id(action), outcome, NULL), 0);
    assert_int_equal(nip_run_next(run, 1002 * NIP_SECOND, &action, &until, NULL), then);
}

static void expect_in(const char *text, const char *line)
{
    if (strstr(text, line) == NULL)
        fail_msg("missing: %s in:\n%s", line, text);
}

static void test_metrics(void **state)
{
    fixture *f = *state;
    char *text = NULL;
    assert_int_equal(nip_metrics_text(f->store, 0, &text, NULL), 0);
    assert_null(strstr(text, "app="));
    expect_in(text, "nipops_info{version=\"");
    nip_free(text);
    assert_int_equal(nip_journal_append(f->store, "notes-only", -1, "note.written", 5, "{}", NULL, NULL), 0);
    nip_run *run = begin(f);
    route(run, "{\"outcome\":\"done\",\"result\":{\"groups\":{\"1.0\":{\"share\":75},\"1.1\":{\"share\":25}}}}", NIP_RUN_WAIT);
    assert_int_equal(nip_metrics_text(f->store, 1003 * NIP_SECOND, &text, NULL), 0);
    static const char *const lines[] = {
        "nipops_run_state{app=\"shop\",run=\"shop-1\",state=\"waiting\"} 1\n",
        "nipops_run_state{app=\"shop\",run=\"shop-1\",state=\"running\"} 0\n",
        "nipops_runs{app=\"shop\",state=\"waiting\"} 1\n",
        "nipops_runs{app=\"notes-only\",state=\"waiting\"} 0\n",
        "nipops_run_driven{app=\"shop\",run=\"shop-1\"} 1\n",
        "nipops_run_waiting{app=\"shop\",run=\"shop-1\",for=\"time\"} 1\n",
        "nipops_run_step{app=\"shop\",run=\"shop-1\",list=\"forward\"} 2\n",
        "nipops_traffic_share_ratio{app=\"shop\",version=\"1.1\"} 0.25\n",
        "nipops_journal_records_total{app=\"notes-only\"} 1\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        expect_in(text, lines[i]);
    assert_null(strstr(text, "nipops_run_end_timestamp_seconds{"));
    nip_free(text);
    nip_run_free(run);
    assert_int_equal(nip_metrics_text(f->store, 1003 * NIP_SECOND, &text, NULL), 0);
    expect_in(text, "nipops_run_driven{app=\"shop\",run=\"shop-1\"} 0\n");
    nip_free(text);
}

static void test_spans(void **state)
{
    fixture *f = *state;
    char *first = NULL, *second = NULL;
    assert_int_equal(nip_run_spans(f->store, "shop", &first, NULL), NIP_E_NOTFOUND);
    nip_run *run = begin(f);
    route(run, "{\"outcome\":\"failed\",\"reason\":\"unreachable\",\"message\":\"no \\\"router\\\"\"}", NIP_RUN_DONE);
    assert_int_equal(nip_run_spans(f->store, "shop-1", &first, NULL), 0);
    assert_int_equal(nip_run_spans(f->store, "shop", &second, NULL), 0);
    assert_string_equal(first, second);
    expect_in(first, "\"name\":\"router/route\"");
    expect_in(first, "\"status\":{\"code\":2,\"message\":\"no \\\"router\\\"\"}");
    expect_in(first, "\"name\":\"a \\\"title\\\"\"");
    expect_in(first, "\"startTimeUnixNano\":\"1001000000000\"");
    nip_free(first);
    nip_free(second);
    nip_run_free(run);
}

/* With the k-th allocation failing there is no text, or a whole one; and what is read is not harmed. */
static void test_out_of_memory(void **state)
{
    fixture *f = *state;
    nip_run *run = begin(f);
    route(run, "{\"outcome\":\"done\",\"result\":{\"groups\":{\"1.0\":{\"share\":100}}}}", NIP_RUN_WAIT);
    nip_run_free(run);
    char *metrics = NULL, *spans = NULL, *page = NULL;
    assert_int_equal(nip_metrics_text(f->store, 0, &metrics, NULL), 0);
    assert_int_equal(nip_run_spans(f->store, "shop", &spans, NULL), 0);
    assert_int_equal(nip_run_page(f->store, "shop", &page, NULL), 0);
    expect_in(page, "<svg");
    for (long k = 1, seen = 1; seen >= k - 1; k++) {
        char *text = NULL, *json = NULL, *html = NULL;
        fail_allocation(k, 0);
        int rc = nip_metrics_text(f->store, 0, &text, NULL);
        if (rc == 0)
            rc = nip_run_spans(f->store, "shop", &json, NULL);
        if (rc == 0)
            rc = nip_run_page(f->store, "shop", &html, NULL);
        seen = allocations_seen();
        fail_allocation(0, 0);
        assert_true(rc == 0 || rc == NIP_E_NOMEM || rc == NIP_E_STORE);
        assert_true(text == NULL || strcmp(text, metrics) == 0);
        assert_true(json == NULL || strcmp(json, spans) == 0);
        assert_true(html == NULL || strcmp(html, page) == 0);
        assert_true((rc == 0) == (html != NULL));
        nip_free(html);
        nip_free(text);
        nip_free(json);
    }
    nip_free(metrics);
    nip_free(spans);
    nip_free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exposition),
        ON_BOTH(test_metrics),
        ON_BOTH(test_spans),
        ON_BOTH(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
