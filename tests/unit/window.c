/* Time windows: open or not, when next, and what a run makes of them. */
#include "run_fixture.h"

#include "failing_malloc.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define OFFICE "{\"windows\":[{\"days\":[\"mon\",\"tue\",\"wed\",\"thu\",\"fri\"],\"from\":\"09:00\",\"to\":\"17:00\",\"zone\":\"Europe/Berlin\"}]}"
#define NIGHT "{\"windows\":[{\"days\":[\"sat\"],\"from\":\"22:00\",\"to\":\"04:00\",\"zone\":\"Europe/Berlin\"}]}"
#define EARLY "{\"windows\":[{\"from\":\"02:30\",\"to\":\"02:45\",\"zone\":\"Europe/Berlin\"}]}"
#define FREEZE ",\"freeze\":[{\"from\":\"2026-12-20T00:00:00Z\",\"to\":\"2027-01-04T12:00:00Z\",\"why\":\"Christmas\"}]}"

static nip_time instant(const char *text)
{
    nip_time time;
    assert_int_equal(nip_time_parse(text, &time, NULL), 0);
    return time;
}

static void test_when_it_is_open(void **state)
{
    (void)state;
    static const struct {
        const char *rules, *at, *says;
    } cases[] = {
        {"{}", "2026-11-25T00:00:00Z", "\"open\":true"},
        {OFFICE, "2026-11-25T07:59:59.999Z", "\"open\":false,\"at\":\"2026-11-25T07:59:59.999Z\",\"opens\":\"2026-11-25T08:00:00Z\",\"opens_civil\":\"2026-11-25T09:00+01:00\",\"zone\":\"Europe/Berlin\",\"why\":null"},
        {OFFICE, "2026-11-25T08:00:00Z", "\"open\":true"},
        {OFFICE, "2026-11-25T15:59:59Z", "\"open\":true"},
        {OFFICE, "2026-11-25T16:00:00Z", "\"opens_civil\":\"2026-11-26T09:00+01:00\""},
        {OFFICE, "2026-11-27T16:00:00Z", "\"opens_civil\":\"2026-11-30T09:00+01:00\""}, /* Friday evening: Monday */
        {OFFICE, "2026-03-27T20:00:00Z", "\"opens\":\"2026-03-30T07:00:00Z\",\"opens_civil\":\"2026-03-30T09:00+02:00\""},
        {NIGHT, "2026-11-28T21:00:00Z", "\"open\":true"},
        {NIGHT, "2026-11-29T02:59:59Z", "\"open\":true"}, /* Sunday, and still Saturday's */
        {NIGHT, "2026-11-29T03:00:00Z", "\"opens_civil\":\"2026-12-05T22:00+01:00\""},
        {NIGHT, "2026-11-29T21:30:00Z", "\"open\":false"},
        {EARLY, "2026-03-28T02:00:00Z", "\"opens\":\"2026-03-30T00:30:00Z\""},           /* on the 29th there is no half past two */
        {EARLY, "2026-10-25T00:30:00Z", "\"open\":true"},                                 /* ... and here two */
        {EARLY, "2026-10-25T01:00:00Z", "\"open\":true"},                                 /* from the first to the last */
        {EARLY, "2026-10-25T01:44:59Z", "\"open\":true"},
        {EARLY, "2026-10-25T01:45:00Z", "\"open\":false"},
        {"{\"windows\":[]" FREEZE, "2026-12-19T23:59:59Z", "\"open\":true"},
        {"{\"windows\":[]" FREEZE, "2026-12-20T00:00:00Z", "\"open\":false,\"at\":\"2026-12-20T00:00:00Z\",\"opens\":\"2027-01-04T12:00:00Z\",\"opens_civil\":\"2027-01-04T12:00+00:00\",\"zone\":\"UTC\",\"why\":\"Christmas\""},
        {"{\"windows\":[{\"days\":[\"mon\"],\"from\":\"09:00\",\"to\":\"11:00\"}]" FREEZE, "2026-12-24T00:00:00Z", "\"opens\":\"2027-01-11T09:00:00Z\""},
        {"{\"windows\":[{\"days\":[\"mon\"],\"from\":\"09:00\",\"to\":\"17:00\"}]" FREEZE, "2026-12-24T00:00:00Z", "\"opens\":\"2027-01-04T12:00:00Z\""},
        {"{\"freeze\":[{\"from\":\"2026-01-01T00:00:00Z\",\"to\":\"2026-02-01T00:00:00Z\"},{\"from\":\"2026-02-01T00:00:00Z\",\"to\":\"2026-03-01T00:00:00Z\"}]}",
         "2026-01-15T00:00:00Z", "\"opens\":\"2026-03-01T00:00:00Z\",\"opens_civil\":\"2026-03-01T00:00+00:00\",\"zone\":\"UTC\",\"why\":\"a freeze\""},
        {"{\"windows\":[{\"days\":[\"fri\"],\"zone\":\"Pacific/Apia\"}]}", "2011-12-29T12:00:00Z", "\"opens\":\"2012-01-05T10:00:00Z\""}, /* a Friday that was not */
        {"{\"windows\":[{\"from\":\"00:00\",\"to\":\"24:00\"}]}", "2026-11-25T23:59:59Z", "\"open\":true"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *json = NULL;
        nip_error *err = NULL;
        check(nip_window_judge(cases[i].rules, instant(cases[i].at), &json, &err), err);
        if (strstr(json, cases[i].says) == NULL)
            fail_msg("%s at %s: %s, wanted %s", cases[i].rules, cases[i].at, json, cases[i].says);
        nip_free(json);
    }
}

static void test_what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *rules, *says;
    } cases[] = {
        {"{\"windows\":[{\"from\":\"9:00\"}]}", "a time of the day"},
        {"{\"windows\":[{\"to\":\"24:01\"}]}", "a time of the day"},
        {"{\"windows\":[{\"from\":\"12:60\"}]}", "a time of the day"},
        {"{\"windows\":[{\"from\":\"09:00\",\"to\":\"09:00\"}]}", "are the same"},
        {"{\"windows\":[{\"zone\":\"Europe/Berlinn\"}]}", "there is no time zone Europe/Berlinn"},
        {"{\"windows\":[{\"zone\":\"../../etc/passwd\"}]}", "is no name of a time zone"},
        {"{\"freeze\":[{\"from\":\"2026-01-02T00:00:00Z\",\"to\":\"2026-01-01T00:00:00Z\"}]}", "from must be before to"},
        {"{\"freeze\":[{\"from\":\"Christmas\",\"to\":\"2026-01-01T00:00:00Z\"}]}", "must be instants"},
        {"[", "windows:1:2"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *json = NULL;
        nip_error *err = NULL;
        assert_true(nip_window_judge(cases[i].rules, START, &json, &err) < 0);
        if (strstr(nip_error_message(err), cases[i].says) == NULL)
            fail_msg("%s: %s", cases[i].rules, nip_error_message(err));
        nip_error_free(err);
        assert_null(json);
    }
}

/* ---- what a run makes of them ---- */

#define WAITING(rules)                                                                                                           \
    "{\"v\":1,\"kind\":\"plan\",\"subject\":\"shop\",\"title\":\"test\",\"steps\":[{\"id\":\"window\",\"title\":\"w\",\"deadline\":\"365d\"," \
    "\"actions\":[{\"role\":\"clock\",\"verb\":\"window\",\"class\":\"read\",\"args\":{\"step\":\"window\"," rules                       \
    ",\"override\":{\"role\":\"sre\",\"members\":[\"ann\"]}}}]}]}"

static nip_op *begin_op(fixture *f, nip_drivers **drivers)
{
    nip_op *op = NULL;
    nip_error *err = NULL;
    check(nip_drivers_new(drivers, &err), err);
    check(nip_op_run_plan(f->ctx, f->run, *drivers, &op, &err), err);
    return op;
}

static fixture begin_at(const char *clock, const char *plan)
{
    fixture f = {0};
    nip_error *err = NULL;
    check(nip_ctx_new(&f.ctx, &err), err);
    check(nip_ctx_set(f.ctx, "clock", clock, &err), err);
    check(nip_store_open(f.ctx, "memory:", &f.store, &err), err);
    f.now = nip_ctx_now(f.ctx);
    begin_run(&f, plan);
    return f;
}

static void test_a_run_waits_for_its_window(void **state)
{
    (void)state;
    static const struct {
        const char *rules, *end, *record;
    } cases[] = {
        {"\"windows\":[{\"days\":[\"wed\"],\"begins\":\"08:00\",\"ends\":\"09:00\"}]", "succeeded", "\"open\":true,\"at\":\"2026-11-25T08:00:00Z\""},
        {"\"windows\":[{\"days\":[\"wed\"],\"begins\":\"07:00\",\"ends\":\"09:00\"}]", "succeeded", "\"open\":true,\"at\":\"2026-11-25T07:50:00Z\""},
        {"\"windows\":[{\"zone\":\"No/Where\"}]", "stopped", "\"reason\":\"bad_arguments\",\"message\":\"step window failed"},
        {"\"windows\":[{\"when\":\"now\"}]", "stopped", "\"reason\":\"bad_arguments\",\"message\":\"step window failed"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char plan[1024];
        nip_drivers *drivers = NULL;
        nip_error *err = NULL;
        snprintf(plan, sizeof plan, WAITING("%s"), cases[i].rules);
        fixture f = begin_at("virtual:2026-11-25T07:50:00Z", plan);
        nip_op *op = begin_op(&f, &drivers);
        check(nip_op_run(op, &err), err);
        assert_string_equal(nip_run_state(f.run), cases[i].end);
        assert_records(&f, cases[i].record, 1);
        nip_op_free(op);
        nip_drivers_free(drivers);
        end(&f);
    }
}

/* Real time: the window is months away, and a person who may goes on anyway. */
static void test_a_person_overrides_a_closed_window(void **state)
{
    (void)state;
    nip_error *err = NULL;
    nip_drivers *drivers = NULL;
    fixture f = begin(WAITING("\"freeze\":[{\"begins\":\"2020-01-01T00:00:00Z\",\"ends\":\"2200-01-01T00:00:00Z\"}]"));
    nip_op *op = begin_op(&f, &drivers);
    char *json = NULL;
    while (json == NULL || strstr(json, "\"gate\":\"window\"") == NULL) {
        nip_free(json);
        assert_int_equal(nip_op_wait(op, 10 * NIP_MILLISECOND, &err), NIP_OP_MORE);
        check(nip_gate_read(f.store, "shop", &json, &err), err);
    }
    assert_non_null(strstr(json, "\"override\":{\"role\":\"sre\",\"members\":[\"ann\"]}"));
    nip_free(json);
    assert_int_equal(nip_gate_answer(f.store, "shop", "override", "bob", "urgent", f.now, NULL, NULL), NIP_E_INVALID);
    assert_int_equal(nip_gate_answer(f.store, "shop", "approve", "ann", "urgent", f.now, NULL, NULL), NIP_E_STATE);
    check(nip_gate_answer(f.store, "shop", "override", "ann", "urgent", f.now, NULL, &err), err);
    check(nip_op_run(op, &err), err);
    assert_string_equal(nip_run_state(f.run), "succeeded");
    assert_records(&f, "\"open\":false", 1);
    assert_records(&f, "\"override\":{\"decision\":\"override\",\"who\":\"ann\",\"why\":\"urgent\"", 1);
    nip_op_free(op);
    nip_drivers_free(drivers);
    end(&f);
}

static void test_want_of_memory(void **state)
{
    (void)state;
    for (long k = 1, seen = 1; seen >= k - 1; k++) {
        char *json = NULL;
        fail_allocation(k, 1);
        int rc = nip_window_judge(OFFICE, START, &json, NULL);
        seen = allocations_seen();
        fail_allocation(0, 0);
        if (rc != 0 && rc != NIP_E_NOMEM && rc != NIP_E_INVALID)
            fail_msg("allocation %ld: %d", k, rc);
        assert_true((rc == 0) == (json != NULL));
        nip_free(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_when_it_is_open),
        cmocka_unit_test(test_what_makes_no_sense_is_refused),
        cmocka_unit_test(test_a_run_waits_for_its_window),
        cmocka_unit_test(test_a_person_overrides_a_closed_window),
        cmocka_unit_test(test_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
