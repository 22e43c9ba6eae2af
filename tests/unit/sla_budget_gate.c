/* What an error budget says to a change: only beginnings are stopped, and never one that somebody answers for. */
#include "unit.h"

#include "sla/budget_gate.h"

enum { DAY = 86400000 };

#define NINES_3 {999, 1000}

/* Of a period of 30 days: what was bad so far, and what is missing and still to come. The budget is 2,592,000 ms. */
typedef struct stand {
    int64_t bad, missing, ahead;
    nip__ratio target, min_coverage;
} stand;

static nip__budget_answer ask(stand s, bool starts, const char *who, const char *why, const nip__budget_policy *policy)
{
    int64_t covered = INT64_C(30) * DAY - s.missing - s.ahead;
    const nip__sla_figures figures = {.covered = covered, .missing = s.missing, .ahead = s.ahead, .good = covered - s.bad, .bad = s.bad};
    const nip__sla_terms terms = {.open = s.ahead > 0, .missing = NIP__SLA_IGNORE, .target = s.target, .min_coverage = s.min_coverage};
    nip__sla_judgement judgement;
    nip__sla_budget budget;
    nip__sla_judge(&figures, &terms, &judgement);
    nip__sla_budget_of(&figures, &terms, &budget);
    return nip__sla_budget_gate(&(nip__budget_question){&judgement, &budget, starts, who, why}, policy);
}

static void assert_answer(nip__budget_answer answer, const char *decision, const char *reason, const char *detail)
{
    assert_string_equal(nip__budget_decision_name(answer.decision), decision);
    assert_string_equal(answer.reason, reason);
    if (detail == NULL)
        assert_null(answer.detail);
    else
        assert_string_equal(answer.detail, detail);
}

static void test_what_starts(void **state)
{
    (void)state;
    static const struct {
        stand stand;
        const char *decision, *reason, *detail;
    } cases[] = {
        {{0, 0, DAY, NINES_3, {0, 1}}, "go", "budget_left", NULL},
        {{1943999, 0, DAY, NINES_3, {0, 1}}, "go", "budget_left", NULL},
        {{1944000, 0, DAY, NINES_3, {0, 1}}, "warn", "budget_low", NULL}, /* just a quarter is left */
        {{2591999, 0, DAY, NINES_3, {0, 1}}, "warn", "budget_low", NULL},
        {{2592000, 0, DAY, NINES_3, {0, 1}}, "stop", "budget_spent", NULL}, /* nothing is left, and it can still be met */
        {{2592001, 0, DAY, NINES_3, {0, 1}}, "stop", "breached", NULL},
        {{2592001, 0, 0, NINES_3, {0, 1}}, "stop", "breached", NULL},
        {{60000, 0, INT64_C(30) * DAY - 120000, NINES_3, {0, 1}}, "go", "budget_left", NULL}, /* half of all so far: at risk by that pace, but there is budget */
        {{0, 0, INT64_C(30) * DAY, NINES_3, {0, 1}}, "warn", "undetermined", "nothing_yet"},
        {{0, INT64_C(20) * DAY, DAY, NINES_3, {9, 10}}, "warn", "undetermined", "low_coverage"},
        {{0, INT64_C(29) * DAY, DAY, NINES_3, {0, 1}}, "warn", "undetermined", "no_data"},
        {{0, 0, DAY, {1, 1}, {0, 1}}, "go", "no_budget", NULL},
        {{1, 0, DAY, {1, 1}, {0, 1}}, "stop", "breached", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_answer(ask(cases[i].stand, true, NULL, NULL, &nip__budget_policy_default), cases[i].decision, cases[i].reason, cases[i].detail);
}

static const stand spent = {2592000, 0, DAY, NINES_3, {0, 1}};

static void test_what_always_passes(void **state)
{
    (void)state;
    const nip__budget_policy *usual = &nip__budget_policy_default;
    assert_answer(ask(spent, false, NULL, NULL, usual), "go", "no_start", NULL);
    assert_answer(ask(spent, true, "ann", "a leak must be closed", usual), "go", "overridden", "budget_spent");
    assert_answer(ask((stand){2592001, 0, 0, NINES_3, {0, 1}}, true, "ann", "a leak must be closed", usual), "go", "overridden", "breached");
    assert_answer(ask(spent, true, "ann", NULL, usual), "stop", "budget_spent", NULL);
    assert_answer(ask(spent, true, "", "a leak must be closed", usual), "stop", "budget_spent", NULL);
    assert_answer(ask(spent, true, NULL, "a leak must be closed", usual), "stop", "budget_spent", NULL);
    assert_answer(ask((stand){2000000, 0, DAY, NINES_3, {0, 1}}, true, "ann", "it is late", usual), "warn", "budget_low", NULL); /* nothing to override */
}

static void test_other_policies(void **state)
{
    (void)state;
    const nip__budget_policy strict = {.warn_percent = 100, .stop_percent = 50, .undetermined = NIP__BUDGET_STOP};
    const nip__budget_policy lenient = {.warn_percent = -10, .stop_percent = -100, .undetermined = NIP__BUDGET_GO};
    const stand nothing = {0, 0, INT64_C(30) * DAY, NINES_3, {0, 1}};
    assert_answer(ask((stand){0, 0, DAY, NINES_3, {0, 1}}, true, NULL, NULL, &strict), "warn", "budget_low", NULL);
    assert_answer(ask((stand){1296000, 0, DAY, NINES_3, {0, 1}}, true, NULL, NULL, &strict), "stop", "budget_spent", NULL);
    assert_answer(ask(nothing, true, NULL, NULL, &strict), "stop", "undetermined", "nothing_yet");
    assert_answer(ask(nothing, true, "ann", "the first of the month", &strict), "go", "overridden", "undetermined");
    assert_answer(ask(nothing, true, NULL, NULL, &lenient), "go", "undetermined", "nothing_yet");
    assert_answer(ask(spent, true, NULL, NULL, &lenient), "go", "budget_left", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_starts),
        cmocka_unit_test(test_what_always_passes),
        cmocka_unit_test(test_other_policies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
