/* Verdicts, bounds, budgets and credits from figures: tables for what people know by heart, laws for the rest. */
#include "unit.h"

#include "base/random.h"
#include "sla/credit.h"
#include "sla/judge.h"

#define DAY INT64_C(86400000)
#define THREE_NINES {999, 1000}
#define NEARLY_FOUR_NINES {9995, 10000}

static nip__sla_judgement judge(nip__sla_figures figures, nip__sla_terms terms)
{
    nip__sla_judgement judgement;
    nip__sla_judge(&figures, &terms, &judgement);
    return judgement;
}

static void test_verdicts(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        nip__sla_figures figures;
        nip__sla_terms terms;
        nip__sla_verdict verdict, proven;
        const char *reason;
    } cases[] = {
        {"a month with exactly its budget of outage", {.covered = 30 * DAY, .good = 30 * DAY - 1296000, .bad = 1296000},
         {.target = NEARLY_FOUR_NINES}, NIP__SLA_MET, NIP__SLA_MET, NULL},
        {"a ms more", {.covered = 30 * DAY, .good = 30 * DAY - 1296001, .bad = 1296001},
         {.target = NEARLY_FOUR_NINES}, NIP__SLA_BREACHED, NIP__SLA_BREACHED, NULL},
        {"events at the bound", {.covered = DAY, .good = 1999, .bad = 1}, {.events = true, .target = NEARLY_FOUR_NINES}, NIP__SLA_MET, NIP__SLA_MET, NULL},
        {"one event fewer", {.covered = DAY, .good = 1998, .bad = 1}, {.events = true, .target = NEARLY_FOUR_NINES}, NIP__SLA_BREACHED, NIP__SLA_BREACHED, NULL},
        {"a hole that may be all bad", {.covered = 29 * DAY, .missing = DAY, .good = 29 * DAY},
         {.target = THREE_NINES}, NIP__SLA_MET, NIP__SLA_UNDETERMINED, NULL},
        {"the same, and the contract says so", {.covered = 29 * DAY, .missing = DAY, .good = 29 * DAY},
         {.target = THREE_NINES, .missing = NIP__SLA_BAD}, NIP__SLA_BREACHED, NIP__SLA_UNDETERMINED, NULL},
        {"too little is known", {.covered = 29 * DAY, .missing = DAY, .good = 29 * DAY},
         {.target = THREE_NINES, .min_coverage = {99, 100}}, NIP__SLA_UNDETERMINED, NIP__SLA_UNDETERMINED, "low_coverage"},
        {"just enough is known", {.covered = 99 * DAY, .missing = DAY, .good = 99 * DAY},
         {.target = THREE_NINES, .min_coverage = {99, 100}}, NIP__SLA_MET, NIP__SLA_UNDETERMINED, NULL},
        {"too little is known, but enough of it is bad", {.covered = 20 * DAY, .missing = 10 * DAY, .bad = 20 * DAY},
         {.target = THREE_NINES, .min_coverage = {99, 100}}, NIP__SLA_UNDETERMINED, NIP__SLA_BREACHED, "low_coverage"},
        {"nothing is known", {.missing = DAY}, {.target = THREE_NINES}, NIP__SLA_UNDETERMINED, NIP__SLA_UNDETERMINED, "no_data"},
        {"all of it was maintenance", {.excluded = DAY}, {.target = THREE_NINES}, NIP__SLA_UNDETERMINED, NIP__SLA_UNDETERMINED, "nothing_counts"},
        {"nobody came", {.covered = DAY}, {.events = true, .target = THREE_NINES}, NIP__SLA_MET, NIP__SLA_MET, "no_events"},
        {"nobody came while one looked", {.covered = DAY, .missing = 1}, {.events = true, .target = THREE_NINES}, NIP__SLA_MET, NIP__SLA_UNDETERMINED, "no_events"},
        {"the limit lies in a bucket", {.covered = DAY, .good = 998, .unsure = 2}, {.events = true, .target = THREE_NINES},
         NIP__SLA_UNDETERMINED, NIP__SLA_UNDETERMINED, "limit_inside_bucket"},
        {"it does, and does not matter", {.covered = DAY, .good = 9980, .unsure = 2, .bad = 20}, {.events = true, .target = THREE_NINES},
         NIP__SLA_BREACHED, NIP__SLA_BREACHED, NULL},
        {"the last state held over a short gap", {.covered = 98, .missing = 2, .good = 97, .bad = 1, .held_down = 1},
         {.target = {98, 100}, .missing = NIP__SLA_HOLD}, NIP__SLA_BREACHED, NIP__SLA_UNDETERMINED, NULL},
        {"not begun", {.ahead = DAY}, {.open = true, .target = THREE_NINES}, NIP__SLA_UNDETERMINED, NIP__SLA_UNDETERMINED, "nothing_yet"},
        {"well so far", {.covered = DAY, .ahead = 29 * DAY, .good = DAY}, {.open = true, .target = THREE_NINES}, NIP__SLA_ON_TRACK, NIP__SLA_UNDETERMINED, NULL},
        {"ill so far, to be mended", {.covered = DAY, .ahead = 29 * DAY, .good = DAY - 2592000, .bad = 2592000},
         {.open = true, .target = THREE_NINES}, NIP__SLA_AT_RISK, NIP__SLA_UNDETERMINED, NULL},
        {"not to be mended", {.covered = DAY, .ahead = 29 * DAY, .good = DAY - 2592001, .bad = 2592001},
         {.open = true, .target = THREE_NINES}, NIP__SLA_BREACHED, NIP__SLA_BREACHED, NULL},
        {"not to be mended if what is missing was bad", {.covered = DAY - 2592001, .missing = 2592001, .ahead = 29 * DAY, .good = DAY - 2592001},
         {.open = true, .missing = NIP__SLA_BAD, .target = THREE_NINES}, NIP__SLA_BREACHED, NIP__SLA_UNDETERMINED, NULL},
        {"events can always be mended", {.covered = DAY, .ahead = 1, .bad = 1000}, {.events = true, .open = true, .target = THREE_NINES},
         NIP__SLA_AT_RISK, NIP__SLA_UNDETERMINED, NULL},
        {"but for a target of 100 %", {.covered = DAY, .ahead = DAY, .good = 1000000, .bad = 1}, {.events = true, .open = true, .target = {1, 1}},
         NIP__SLA_BREACHED, NIP__SLA_BREACHED, NULL},
        {"nobody has come", {.covered = DAY, .ahead = DAY}, {.events = true, .open = true, .target = THREE_NINES}, NIP__SLA_ON_TRACK, NIP__SLA_UNDETERMINED, "no_events"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__sla_terms terms = cases[i].terms;
        if (terms.min_coverage.den == 0)
            terms.min_coverage = (nip__ratio){0, 1};
        nip__sla_judgement j = judge(cases[i].figures, terms);
        const char *reason = j.reason != NULL ? j.reason : "none", *wanted = cases[i].reason != NULL ? cases[i].reason : "none";
        if (j.verdict != cases[i].verdict || j.proven != cases[i].proven || strcmp(reason, wanted) != 0)
            fail_msg("%s: %s (%s), proven %s", cases[i].what, nip__sla_verdict_name(j.verdict), reason, nip__sla_verdict_name(j.proven));
    }
}

/* ---- laws ---- */

typedef struct scene {
    nip__sla_figures figures;
    nip__sla_terms terms;
} scene;

static scene make_scene(nip__random *random)
{
    static const nip__ratio targets[] = {{1, 1}, {9995, 10000}, {99, 100}, {1, 2}, {999999999, 1000000000}};
    scene s = {.terms = {.events = nip__random_below(random, 2), .open = nip__random_below(random, 2), .target = targets[nip__random_below(random, COUNT(targets))]}};
    int64_t most = nip__random_below(random, 2) ? 10 : INT64_C(31622400000); /* a year in ms */
    nip__sla_figures *f = &s.figures;
    s.terms.min_coverage = (nip__ratio){(int64_t)nip__random_below(random, 2) * 3, 4};
    s.terms.missing = (nip__sla_missing)nip__random_below(random, s.terms.events ? 3 : 4);
    f->missing = (int64_t)nip__random_below(random, (uint64_t)most);
    f->ahead = s.terms.open ? (int64_t)nip__random_below(random, (uint64_t)most) : 0;
    f->covered = (int64_t)nip__random_below(random, (uint64_t)most);
    if (s.terms.events) {
        f->covered++;
        int64_t events = nip__random_below(random, 2) ? 20 : INT64_C(9007199254740991) / 3;
        f->good = (int64_t)nip__random_below(random, (uint64_t)events);
        f->bad = (int64_t)nip__random_below(random, (uint64_t)events) >> nip__random_below(random, 30);
        f->unsure = (int64_t)nip__random_below(random, (uint64_t)events) >> nip__random_below(random, 60);
    } else {
        f->bad = (int64_t)nip__random_below(random, (uint64_t)f->covered + 1) >> nip__random_below(random, 20);
        f->good = f->covered - f->bad;
        f->held_up = (int64_t)nip__random_below(random, (uint64_t)f->missing + 1);
        f->held_down = (int64_t)nip__random_below(random, (uint64_t)(f->missing - f->held_up) + 1);
    }
    return s;
}

/* The scene, had all that is missing or unsure been bad, or good. Of events: as many came in missing time as its share of time makes, in whole numbers
 * only where everything is multiplied by what is covered. */
static nip__sla_figures fill(const scene *s, bool good)
{
    nip__sla_figures f = s->figures;
    if (s->terms.events) {
        __int128 more = ((__int128)f.good + f.bad + f.unsure) * f.missing;
        f.good = f.good * f.covered + (good ? f.unsure * f.covered + (int64_t)more : 0);
        f.bad = f.bad * f.covered + (good ? 0 : f.unsure * f.covered + (int64_t)more);
    } else {
        f.good += good ? f.missing : 0;
        f.bad += good ? 0 : f.missing;
    }
    f.covered += f.missing;
    f.unsure = f.missing = f.held_up = f.held_down = 0;
    return f;
}

static bool fits(const scene *s)
{
    const nip__sla_figures *f = &s->figures;
    return !s->terms.events || ((__int128)f->good + f->bad + f->unsure) * (f->covered + f->missing) < INT64_C(9007199254740991);
}

static bool same_share(nip__sla_share a, nip__sla_share b)
{
    return (a.whole == 0) == (b.whole == 0) && a.part * b.whole == b.part * a.whole;
}

static bool at_most(nip__sla_share a, nip__sla_share b)
{
    return a.whole == 0 || b.whole == 0 || nip__sla_share_real(a) <= nip__sla_share_real(b) * (1 + 1e-12);
}

/* Each bound is attained by a filling, and no policy leads out of them. */
static void test_bounds_are_attained(void **state)
{
    (void)state;
    nip__random random;
    int filled = 0;
    nip__random_seed(&random, 5);
    for (int i = 0; i < 200000; i++) {
        scene s = make_scene(&random);
        nip__sla_judgement j = judge(s.figures, s.terms);
        assert_true(at_most(j.lower, j.value) && at_most(j.value, j.value_high) && at_most(j.value_high, j.upper));
        int64_t events = s.figures.good + s.figures.bad + s.figures.unsure;
        if (!fits(&s) || s.figures.covered == 0 || events == 0)
            continue;
        for (int good = 0; good < 2; good++) {
            nip__sla_judgement after = judge(fill(&s, good), s.terms);
            assert_true(same_share(after.value, good ? j.upper : j.lower));
            if (j.proven != NIP__SLA_UNDETERMINED && !s.terms.open)
                assert_int_equal(after.verdict, j.proven);
        }
        filled++;
    }
    assert_true(filled > 50000);
}

/* The width between the bounds is the share that is missing, when nothing is unsure. */
static void test_width_is_what_is_missing(void **state)
{
    (void)state;
    nip__random random;
    nip__random_seed(&random, 6);
    for (int i = 0; i < 100000; i++) {
        scene s = make_scene(&random);
        s.figures.unsure = 0;
        nip__sla_judgement j = judge(s.figures, s.terms);
        if (!fits(&s) || j.lower.whole == 0)
            continue;
        assert_true(j.lower.whole == j.upper.whole);
        bool unknown = s.terms.events && s.figures.good + s.figures.bad == 0;
        nip__sla_share width = {j.upper.part - j.lower.part, j.upper.whole}, missing = {s.figures.missing, s.figures.covered + s.figures.missing};
        assert_true(same_share(width, unknown ? (nip__sla_share){1, 1} : missing));
    }
}

/* What is lost is lost: whatever comes, the period ends breached. What is not lost can still be met. */
static void test_lost_is_lost(void **state)
{
    (void)state;
    nip__random random;
    int lost = 0;
    nip__random_seed(&random, 7);
    for (int i = 0; i < 100000; i++) {
        scene s = make_scene(&random);
        s.terms.open = true;
        s.terms.events = false;
        s.terms.min_coverage.num = 0;
        s.figures.good = s.figures.covered - (s.figures.bad > s.figures.covered ? s.figures.bad = s.figures.covered : s.figures.bad);
        s.figures.unsure = 0;
        if (s.figures.held_up + s.figures.held_down > s.figures.missing)
            s.figures.held_up = s.figures.held_down = 0;
        nip__sla_judgement j = judge(s.figures, s.terms);
        if (j.value.whole == 0)
            continue;
        nip__sla_figures end = s.figures;
        nip__sla_terms closed = s.terms;
        end.good += end.ahead;
        end.covered += end.ahead;
        end.ahead = 0;
        closed.open = false;
        assert_int_equal(j.verdict == NIP__SLA_BREACHED, judge(end, closed).verdict == NIP__SLA_BREACHED);
        lost += j.verdict == NIP__SLA_BREACHED;
    }
    assert_true(lost > 1000);
}

/* ---- budgets ---- */

static void test_budgets(void **state)
{
    (void)state;
    static const struct {
        nip__sla_figures figures;
        nip__sla_terms terms;
        int64_t left_ms;
        double allowed, spent, remaining, burn;
    } cases[] = {
        /* 31 days at 99.95 %: 1,339.2 s (docs/sla.md) */
        {{.covered = 31 * DAY, .good = 31 * DAY}, {.target = NEARLY_FOUR_NINES}, 1339200, 1339200, 0, 1, 0},
        {{.covered = 31 * DAY, .good = 31 * DAY - 669600, .bad = 669600}, {.target = NEARLY_FOUR_NINES}, 669600, 1339200, 669600, 0.5, 0.5},
        {{.covered = 31 * DAY, .good = 31 * DAY - 2678400, .bad = 2678400}, {.target = NEARLY_FOUR_NINES}, -1339200, 1339200, 2678400, -1, 2},
        /* maintenance is taken out of both sides */
        {{.excluded = DAY, .covered = 30 * DAY, .good = 30 * DAY}, {.target = NEARLY_FOUR_NINES}, 1296000, 1296000, 0, 1, 0},
        /* a tenth of the period gone, a tenth of its budget spent */
        {{.covered = 3 * DAY, .ahead = 27 * DAY, .good = 3 * DAY - 129600, .bad = 129600}, {.open = true, .target = NEARLY_FOUR_NINES}, 1166400, 1296000, 129600, 0.9, 1},
        /* one ms of budget is never shown that is not there */
        {{.covered = 1999, .good = 1999}, {.target = NEARLY_FOUR_NINES}, 0, 0.9995, 0, 1, 0},
        {{.covered = 1999, .good = 1998, .bad = 1}, {.target = NEARLY_FOUR_NINES}, -1, 0.9995, 1, 1 - 1 / 0.9995, 2000.0 / 1999},
        {{.covered = DAY, .good = 999500, .bad = 500}, {.events = true, .target = THREE_NINES}, 0, 1000, 500, 0.5, 0.5},
        {{.covered = DAY, .missing = DAY, .good = 1000, .bad = 0}, {.events = true, .missing = NIP__SLA_BAD, .target = {1, 2}}, 0, 1000, 1000, 0, 1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__sla_budget budget;
        nip__sla_budget_of(&cases[i].figures, &cases[i].terms, &budget);
        double seen[] = {nip__sla_share_real(budget.allowed), nip__sla_share_real(budget.spent), nip__sla_share_real(budget.remaining), nip__sla_share_real(budget.burn)};
        double wanted[] = {cases[i].allowed, cases[i].spent, cases[i].remaining, cases[i].burn};
        for (size_t k = 0; k < COUNT(seen); k++) {
            if (!(seen[k] - wanted[k] < 1e-9 && wanted[k] - seen[k] < 1e-9))
                fail_msg("case %zu, figure %zu: %.12f, wanted %.12f", i, k, seen[k], wanted[k]);
        }
        assert_int_equal(budget.left_ms, cases[i].left_ms);
        assert_false(budget.none);
    }
    nip__sla_budget none;
    nip__sla_figures figures = {.covered = DAY, .good = DAY - 1, .bad = 1};
    nip__sla_budget_of(&figures, &(nip__sla_terms){.target = {1, 1}}, &none);
    assert_true(none.none && none.remaining.whole == 0 && none.burn.whole == 0 && none.left_ms == -1);
}

static void test_credits(void **state)
{
    (void)state;
    static const nip__credit_tier tiers[] = {{{9999, 10000}, {10, 100}}, {{990, 1000}, {25, 100}}, {{95, 100}, {100, 100}}};
    static const struct {
        nip__sla_share value;
        int64_t fee, minimum;
        nip__ratio cap;
        int64_t percent, amount;
    } cases[] = {
        {{1, 1}, 1000, 0, {0, 1}, 0, 0},
        {{9999, 10000}, 1000, 0, {0, 1}, 0, 0}, /* exactly the bound is not below it */
        {{99989999, 100000000}, 1000, 0, {0, 1}, 10, 100},
        {{99, 100}, 1000, 0, {0, 1}, 10, 100},
        {{9899999, 10000000}, 1000, 0, {0, 1}, 25, 250},
        {{0, 1}, 1000, 0, {0, 1}, 100, 1000},
        {{0, 1}, 1000, 0, {50, 100}, 50, 500},
        {{99, 100}, 999, 0, {0, 1}, 10, 99}, /* rounded down */
        {{99, 100}, 999, 100, {0, 1}, 10, 0},
        {{99, 100}, 0, 0, {0, 1}, 10, 0},
        {{0, 0}, 1000, 0, {0, 1}, 0, 0}, /* nobody came */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__credit_terms terms = {tiers, COUNT(tiers), cases[i].fee, cases[i].minimum, cases[i].cap};
        nip__credit credit = nip__credit_of(&terms, cases[i].value);
        assert_int_equal(credit.share.num * 100, cases[i].percent * credit.share.den);
        assert_int_equal(credit.amount, cases[i].amount);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_bounds_are_attained),
        cmocka_unit_test(test_width_is_what_is_missing),
        cmocka_unit_test(test_lost_is_lost),
        cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_credits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
