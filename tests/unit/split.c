/* How a canary and the stable version share instances: Argo Rollouts' table, and what must hold everywhere. */
#include "unit.h"
#include "nipops/rollout.h"

typedef struct row {
    int64_t replicas, surge;
    nip_split at[8]; /* at 1, 5, 10, 25, 50, 75, 99 and 100 % */
} row;

static const int64_t weights[8] = {1, 5, 10, 25, 50, 75, 99, 100};

static const row table[] = {
    {1, 0, {{0, 1}, {0, 1}, {0, 1}, {0, 1}, {1, 0}, {1, 0}, {1, 0}, {1, 0}}},
    {1, 1, {{1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 0}}},
    {2, 0, {{1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {2, 0}}},
    {3, 1, {{1, 3}, {1, 3}, {1, 3}, {1, 3}, {2, 2}, {3, 1}, {3, 1}, {3, 0}}},
    {5, 1, {{1, 5}, {1, 5}, {1, 5}, {1, 4}, {3, 3}, {4, 1}, {5, 1}, {5, 0}}},
    {10, 1, {{1, 10}, {1, 10}, {1, 9}, {3, 8}, {5, 5}, {8, 3}, {10, 1}, {10, 0}}},
};

static nip_split split(int64_t replicas, int64_t weight, int64_t surge)
{
    nip_split found = {-1, -1};
    assert_int_equal(nip_canary_split(replicas, weight, surge, &found, NULL), 0);
    return found;
}

static void gives_the_samples(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        for (size_t w = 0; w < 8; w++) {
            nip_split found = split(table[i].replicas, weights[w], table[i].surge);
            if (found.canary != table[i].at[w].canary || found.stable != table[i].at[w].stable)
                fail_msg("%d replicas, surge %d, %d %%: %d,%d instead of %d,%d", (int)table[i].replicas,
                         (int)table[i].surge, (int)weights[w], (int)found.canary, (int)found.stable,
                         (int)table[i].at[w].canary, (int)table[i].at[w].stable);
        }
    }
}

/* replicas * weight / 100 is (replicas - 1) + 1/2: no candidate of Argo Rollouts is left. */
static void leaves_the_canary_where_argo_drops_it(void **state)
{
    static const struct {
        int64_t replicas, weight;
    } holes[] = {{2, 75}, {5, 90}, {10, 95}, {25, 98}, {50, 99}};
    (void)state;
    for (size_t i = 0; i < sizeof holes / sizeof holes[0]; i++) {
        nip_split found = split(holes[i].replicas, holes[i].weight, 0);
        assert_int_equal(found.canary, holes[i].replicas - 1);
        assert_int_equal(found.stable, 1);
    }
}

static void check_weight(int64_t replicas, int64_t weight, int64_t surge, int64_t before)
{
    nip_split found = split(replicas, weight, surge);
    if (found.canary < before)
        fail_msg("%d replicas, surge %d: the canary falls to %d at %d %%", (int)replicas, (int)surge, (int)found.canary,
                 (int)weight);
    if (weight > 0 && weight < 100 && replicas >= 2 && (found.canary < 1 || found.stable < 1))
        fail_msg("%d replicas, surge %d, %d %%: nothing is left on one side", (int)replicas, (int)surge, (int)weight);
    assert_true(found.canary >= 0 && found.stable >= 0 && found.canary <= replicas);
    assert_true(found.canary + found.stable >= replicas && found.canary + found.stable <= replicas + (surge > 0));
}

static void never_empties_a_side_and_never_falls(void **state)
{
    (void)state;
    for (int64_t surge = 0; surge <= 3; surge++) {
        for (int64_t replicas = 1; replicas <= 60; replicas++) {
            for (int64_t weight = 0, before = 0; weight <= 100; weight++) {
                check_weight(replicas, weight, surge, before);
                before = split(replicas, weight, surge).canary;
            }
        }
    }
}

static void goes_from_none_to_all(void **state)
{
    (void)state;
    for (int64_t replicas = 1; replicas <= 60; replicas++) {
        assert_int_equal(split(replicas, 0, 1).canary, 0);
        assert_int_equal(split(replicas, 0, 1).stable, replicas);
        assert_int_equal(split(replicas, 100, 1).canary, replicas);
        assert_int_equal(split(replicas, 100, 1).stable, 0);
    }
    assert_int_equal(split(0, 50, 1).canary, 0);
    assert_int_equal(split(0, 50, 1).stable, 0);
    assert_int_equal(split(1000000, 99, 1).canary, 990000);
}

static void refuses_what_is_out_of_range(void **state)
{
    static const struct {
        int64_t replicas, weight, surge;
    } bad[] = {{-1, 10, 0}, {1000001, 10, 0}, {10, -1, 0}, {10, 101, 0}, {10, 10, -1}, {10, 10, 1000001}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        nip_split found = {7, 7};
        nip_error *error = NULL;
        assert_int_equal(nip_canary_split(bad[i].replicas, bad[i].weight, bad[i].surge, &found, &error), NIP_E_INVALID);
        assert_int_equal(found.canary, 7);
        assert_int_equal(found.stable, 7);
        assert_non_null(error);
        nip_error_free(error);
    }
    assert_int_equal(nip_canary_split(1, 1, 1, NULL, NULL), NIP_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_samples),
        cmocka_unit_test(leaves_the_canary_where_argo_drops_it),
        cmocka_unit_test(never_empties_a_side_and_never_falls),
        cmocka_unit_test(goes_from_none_to_all),
        cmocka_unit_test(refuses_what_is_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
