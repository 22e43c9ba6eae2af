/* Approvals by people of a role: whose answers count, what is refused, and what a run makes of them. */
#include "run_fixture.h"

#include "doc/json.h"
#include "failing_malloc.h"
#include "gate/gate.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define ASK(count) "{\"step\":\"ask\",\"ask\":\"go on?\",\"role\":\"sre\",\"members\":[\"ann\",\"bob\",\"eve\"],\"count\":" count "}"
#define ASKING(count, more)                                                                                                                \
    "{\"v\":1,\"kind\":\"plan\",\"subject\":\"shop\",\"title\":\"test\",\"steps\":[{\"id\":\"ask\",\"title\":\"ask\"" more ","           \
    "\"actions\":[{\"role\":\"person\",\"verb\":\"approve\",\"class\":\"read\",\"args\":" ASK(count) "}]}]}"

static nip__value *parse(nip__arena *arena, const char *text)
{
    nip__value *value = NULL;
    assert_int_equal(nip__json_read(arena, text, strlen(text), "test", &nip__document_limits, &value, NULL), 0);
    return value;
}

/* ---- judging ---- */

static void test_whose_answers_count(void **state)
{
    (void)state;
    static const struct {
        const char *args, *answers;
        int approved, missing;
        const char *rejected_by;
    } cases[] = {
        {ASK("1"), "[]", 0, 1, NULL},
        {ASK("1"), "[{\"decision\":\"approve\",\"who\":\"ann\"}]", 1, 0, NULL},
        {ASK("2"), "[{\"decision\":\"approve\",\"who\":\"ann\"}]", 1, 1, NULL},
        {ASK("2"), "[{\"decision\":\"approve\",\"who\":\"ann\"},{\"decision\":\"approve\",\"who\":\"ann\"}]", 1, 1, NULL},
        {ASK("2"), "[{\"decision\":\"approve\",\"who\":\"ann\"},{\"decision\":\"approve\",\"who\":\"eve\"}]", 2, 0, NULL},
        {ASK("1"), "[{\"decision\":\"approve\",\"who\":\"mallory\"},{\"decision\":\"reject\",\"who\":\"mallory\"}]", 0, 1, NULL},
        {ASK("1"), "[{\"decision\":\"approve\",\"who\":\"Ann\"},{\"decision\":\"approve\"},{}]", 0, 1, NULL},
        {ASK("1"), "[{\"decision\":\"override\",\"who\":\"ann\"}]", 0, 1, NULL},
        {ASK("1"), "[{\"decision\":\"approve\",\"who\":\"ann\"},{\"decision\":\"reject\",\"who\":\"ann\"}]", 1, 0, "ann"},
        {ASK("3"), "[{\"decision\":\"reject\",\"who\":\"eve\"},{\"decision\":\"reject\",\"who\":\"bob\"}]", 0, 3, "eve"},
        {ASK("1"), "[{\"decision\":\"approve\",\"who\":\"ann\"},{\"decision\":\"approve\",\"who\":\"bob\"}]", 2, 0, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__arena *arena = nip__arena_new();
        nip__approval judged = nip__approval_judge(arena, parse(arena, cases[i].args), parse(arena, cases[i].answers));
        const char *rejected_by = nip__get_text(judged.rejection, "who");
        if ((int)nip__count(judged.approved) != cases[i].approved || judged.missing != cases[i].missing)
            fail_msg("case %zu: %zu approved, %d missing", i, nip__count(judged.approved), (int)judged.missing);
        if (cases[i].rejected_by == NULL)
            assert_null(rejected_by);
        else
            assert_string_equal(rejected_by, cases[i].rejected_by);
        nip__arena_free(arena);
    }
}

static void test_who_may_override_a_window(void **state)
{
    (void)state;
    static const struct {
        const char *args, *answers;
        bool found;
    } cases[] = {
        {"{\"override\":{\"role\":\"sre\",\"members\":[\"ann\"]}}", "[{\"decision\":\"override\",\"who\":\"ann\"}]", true},
        {"{\"override\":{\"role\":\"sre\",\"members\":[\"ann\"]}}", "[{\"decision\":\"override\",\"who\":\"bob\"}]", false},
        {"{\"override\":{\"role\":\"sre\",\"members\":[\"ann\"]}}", "[{\"decision\":\"approve\",\"who\":\"ann\"}]", false},
        {"{}", "[{\"decision\":\"override\",\"who\":\"ann\"}]", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__arena *arena = nip__arena_new();
        assert_true((nip__override_find(parse(arena, cases[i].args), parse(arena, cases[i].answers)) != NULL) == cases[i].found);
        nip__arena_free(arena);
    }
}

/* ---- answering ---- */

static int answer_gate(fixture *f, const char *decision, const char *who, const char *why, char **json, nip_error **err)
{
    return nip_gate_answer(f->store, "shop", decision, who, why, f->now, json, err);
}

static void assert_refused(fixture *f, const char *decision, const char *who, const char *why, int code, const char *says)
{
    nip_error *err = NULL;
    char *json = NULL;
    int rc = answer_gate(f, decision, who, why, &json, &err);
    if (rc != code || strstr(nip_error_message(err), says) == NULL)
        fail_msg("%s by %s: %d %s, wanted %d %s", decision, who, rc, nip_error_message(err), code, says);
    assert_null(json);
    nip_error_free(err);
}

static void assert_answered(fixture *f, const char *decision, const char *who, const char *part)
{
    nip_error *err = NULL;
    char *json = NULL;
    check(answer_gate(f, decision, who, NULL, &json, &err), err);
    if (strstr(json, part) == NULL)
        fail_msg("%s should have %s", json, part);
    nip_free(json);
}

static void assert_gate(fixture *f, const char *part)
{
    nip_error *err = NULL;
    char *json = NULL;
    check(nip_gate_read(f->store, "shop", &json, &err), err);
    if (strstr(json, part) == NULL)
        fail_msg("%s should have %s", json, part);
    nip_free(json);
}

/* Asks, and gives no answer: the gate's action stays out. */
static const char *lost(void *world, const nip_action *action)
{
    (void)world;
    (void)action;
    return NULL;
}

static void test_answers_are_checked_when_they_are_given(void **state)
{
    (void)state;
    char long_name[300];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    fixture f = begin(ASKING("2", ""));
    assert_refused(&f, "approve", "ann", NULL, NIP_E_STATE, "does not wait for an approval by a role now (planned)");
    assert_gate(&f, "\"gate\":null");
    drive(&f, lost, NULL, f.now);
    assert_gate(&f, "\"gate\":\"approval\",\"step\":\"ask\",\"ask\":\"go on?\",\"role\":\"sre\"");
    assert_refused(&f, "approve", "mallory", NULL, NIP_E_INVALID, "mallory may not approve step ask of run shop-1: that is for sre, who are ann, bob, eve");
    assert_refused(&f, "approve", "", NULL, NIP_E_INVALID, "who gives it");
    assert_refused(&f, "approve", long_name, NULL, NIP_E_INVALID, "who gives it");
    assert_refused(&f, "yes", "ann", NULL, NIP_E_INVALID, "approve, reject or override, found \"yes\"");
    assert_refused(&f, "override", "ann", NULL, NIP_E_INVALID, "a reason is missing");
    assert_refused(&f, "override", "ann", "urgent", NIP_E_STATE, "does not wait for a time window");
    assert_answered(&f, "approve", "ann", "\"step\":\"ask\",\"sequence\":5,\"driven\":true,\"missing\":1}");
    assert_refused(&f, "approve", "ann", NULL, NIP_E_STATE, "ann has answered step ask of run shop-1 already");
    assert_gate(&f, "\"missing\":1,\"rejected\":false,\"answers\":[{\"decision\":\"approve\",\"who\":\"ann\",\"at\"");
    assert_answered(&f, "approve", "bob", "\"missing\":0}");
    assert_answered(&f, "reject", "bob", "\"missing\":0}");
    assert_refused(&f, "approve", "eve", NULL, NIP_E_STATE, "was rejected already");
    assert_gate(&f, "\"rejected\":true");
    end(&f);
}

static void test_others_cannot_write_answers(void **state)
{
    (void)state;
    fixture f = begin(ASKING("1", ""));
    drive(&f, lost, NULL, f.now);
    assert_int_equal(nip_journal_append(f.store, "shop", -1, "gate.answered", f.now,
                                        "{\"run\":\"shop-1\",\"step\":\"ask\",\"decision\":\"approve\",\"who\":\"ann\"}", NULL, NULL),
                     NIP_E_INVALID);
    assert_gate(&f, "\"missing\":1");
    end(&f);
}

/* ---- what a run makes of them ---- */

static nip_op *begin_op(fixture *f, nip_drivers *drivers)
{
    nip_op *op = NULL;
    nip_error *err = NULL;
    check(nip_op_run_plan(f->ctx, f->run, drivers, &op, &err), err);
    return op;
}

static void run_to_gate(nip_op *op)
{
    const char *json;
    for (bool asked = false; !asked;) {
        assert_int_equal(nip_op_wait(op, 10 * NIP_SECOND, NULL), NIP_OP_MORE);
        while (nip_op_next_event(op, &json, NULL) == 1)
            asked |= strstr(json, "\"action.intended\"") != NULL;
    }
}

/* Answers in turn, each while the run is driven or, with `left`, while nobody drives it. */
static void run_with(const char *plan, const char *const (*answers)[2], bool left, const char *end_state, const char *record)
{
    fixture f = begin(plan);
    nip_drivers *drivers = NULL;
    nip_error *err = NULL;
    check(nip_drivers_new(&drivers, &err), err);
    nip_op *op = begin_op(&f, drivers);
    run_to_gate(op);
    for (size_t i = 0; answers[i][0] != NULL; i++) {
        if (left) {
            nip_op_free(op);
            nip_run_free(f.run);
            op = NULL;
            f.run = NULL;
        }
        check(answer_gate(&f, answers[i][0], answers[i][1], NULL, NULL, &err), err);
        if (left) {
            check(nip_run_resume(f.store, "shop", nip_ctx_now(f.ctx), &f.run, &err), err);
            op = begin_op(&f, drivers);
        }
    }
    check(nip_op_run(op, &err), err);
    assert_string_equal(nip_run_state(f.run), end_state);
    assert_records(&f, record, 1);
    assert_gate(&f, "\"gate\":null");
    nip_op_free(op);
    nip_drivers_free(drivers);
    end(&f);
}

static void test_a_run_waits_until_enough_have_approved(void **state)
{
    (void)state;
    static const char *const both[][2] = {{"approve", "ann"}, {"approve", "bob"}, {NULL, NULL}};
    static const char *const one[][2] = {{"approve", "eve"}, {NULL, NULL}};
    for (int left = 0; left <= 1; left++) {
        run_with(ASKING("2", ""), both, left == 1, "succeeded", "\"approved\":[{\"decision\":\"approve\",\"who\":\"ann\"");
        run_with(ASKING("1", ""), one, left == 1, "succeeded", "\"approved\":[{\"decision\":\"approve\",\"who\":\"eve\"");
    }
}

static void test_the_first_rejection_fails_the_step(void **state)
{
    (void)state;
    static const char *const no[][2] = {{"approve", "ann"}, {"reject", "eve"}, {NULL, NULL}};
    for (int left = 0; left <= 1; left++)
        run_with(ASKING("2", ""), no, left == 1, "stopped", "\"reason\":\"rejected\",\"message\":\"step ask failed: rejected by eve\"");
}

static nip_time clock_by_hand(void *now)
{
    return *(const nip_time *)now;
}

/* A virtual clock would stand still: it waits for people. */
static void test_nobody_answers_in_time(void **state)
{
    (void)state;
    nip_time now = START;
    const nip_clock clock = {.size = sizeof clock, .self = &now, .real = clock_by_hand, .monotonic = clock_by_hand};
    fixture f = begin_by(&clock, ASKING("1", ",\"deadline\":\"2h\""));
    nip_drivers *drivers = NULL;
    nip_error *err = NULL;
    check(nip_drivers_new(&drivers, &err), err);
    nip_op *op = begin_op(&f, drivers);
    run_to_gate(op);
    int rc = NIP_OP_MORE;
    for (; rc == NIP_OP_MORE && now < START + 3 * NIP_HOUR; now += NIP_MINUTE) {
        rc = nip_op_step(op, &err);
        check(rc, err);
    }
    assert_int_equal(rc, NIP_OP_DONE);
    assert_true(now >= START + 2 * NIP_HOUR && now <= START + 2 * NIP_HOUR + 2 * NIP_MINUTE);
    assert_string_equal(nip_run_state(f.run), "stopped");
    assert_records(&f, "\"reason\":\"timeout\",\"message\":\"step ask failed", 1);
    assert_gate(&f, "\"gate\":null");
    nip_op_free(op);
    nip_drivers_free(drivers);
    end(&f);
}

/* A step that is tried again asks anew: what was said to the first attempt is over. */
static void test_an_answer_counts_for_one_attempt(void **state)
{
    (void)state;
    fixture f = begin(ASKING("1", ",\"on_failure\":\"pause\""));
    nip_drivers *drivers = NULL;
    nip_error *err = NULL;
    check(nip_drivers_new(&drivers, &err), err);
    nip_op *op = begin_op(&f, drivers);
    run_to_gate(op);
    check(answer_gate(&f, "reject", "ann", NULL, NULL, &err), err);
    while (strcmp(nip_run_state(f.run), "paused") != 0)
        assert_int_equal(nip_op_wait(op, NIP_SECOND, &err), NIP_OP_MORE);
    check(nip_run_request(f.store, "shop", "promote", "ann", NULL, f.now, NULL, &err), err);
    while (strcmp(nip_run_state(f.run), "paused") == 0)
        assert_int_equal(nip_op_wait(op, NIP_SECOND, &err), NIP_OP_MORE);
    assert_gate(&f, "\"missing\":1,\"rejected\":false,\"answers\":[]");
    check(answer_gate(&f, "approve", "ann", NULL, NULL, &err), err);
    check(nip_op_run(op, &err), err);
    assert_string_equal(nip_run_state(f.run), "succeeded");
    nip_op_free(op);
    nip_drivers_free(drivers);
    end(&f);
}

static void test_arguments_are_checked(void **state)
{
    (void)state;
    static const char *const none[][2] = {{NULL, NULL}};
    run_with("{\"v\":1,\"kind\":\"plan\",\"subject\":\"shop\",\"title\":\"test\",\"steps\":[{\"id\":\"ask\",\"title\":\"ask\",\"actions\":"
             "[{\"role\":\"person\",\"verb\":\"approve\",\"class\":\"read\",\"args\":{\"step\":\"ask\",\"ask\":\"?\",\"role\":\"sre\"}}]}]}",
             none, false, "stopped", "\"state\":\"stopped\",\"reason\":\"bad_arguments\"");
}

static void test_want_of_memory(void **state)
{
    (void)state;
    for (int all_later = 0; all_later <= 1; all_later++) {
        for (long k = 1, seen = 1; seen >= k - 1; k++) {
            fixture f = begin(ASKING("2", ""));
            char *json = NULL, *gate = NULL;
            drive(&f, lost, NULL, f.now);
            fail_allocation(k, all_later);
            int rc = answer_gate(&f, "approve", "ann", NULL, &json, NULL);
            int read = nip_gate_read(f.store, "shop", &gate, NULL);
            seen = allocations_seen();
            fail_allocation(0, 0);
            assert_true(rc == 0 || rc == NIP_E_NOMEM);
            assert_true(read == 0 || read == NIP_E_NOMEM);
            assert_records(&f, "\"gate.answered\"", rc == 0 ? 1 : 0); /* never written and called failed */
            nip_free(json);
            nip_free(gate);
            end(&f);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whose_answers_count),
        cmocka_unit_test(test_who_may_override_a_window),
        cmocka_unit_test(test_answers_are_checked_when_they_are_given),
        cmocka_unit_test(test_others_cannot_write_answers),
        cmocka_unit_test(test_a_run_waits_until_enough_have_approved),
        cmocka_unit_test(test_the_first_rejection_fails_the_step),
        cmocka_unit_test(test_nobody_answers_in_time),
        cmocka_unit_test(test_an_answer_counts_for_one_attempt),
        cmocka_unit_test(test_arguments_are_checked),
        cmocka_unit_test(test_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
