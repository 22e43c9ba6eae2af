/* Weights for shares over unequal numbers of servers. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include "base/random.h"
#include "driver/traffic.h"

static double share_of(const nip__weight_part *parts, size_t count, size_t index)
{
    double total = 0;
    for (size_t i = 0; i < count; i++)
        total += (double)parts[i].servers * parts[i].weight;
    return total == 0 ? 0 : (double)parts[index].servers * parts[index].weight / total;
}

static void gives_known_weights(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        nip__weight_part parts[3];
        int weights[3];
        double resolution; /* percent */
    } cases[] = {
        {"all to one", {{100, 6, 0}, {0, 2, 0}}, {1, 0}, 0},
        {"half and half", {{50, 3, 0}, {50, 3, 0}}, {1, 1}, 0},
        {"a quarter to one of four", {{75, 3, 0}, {25, 1, 0}}, {1, 1}, 0},
        {"a tenth to as many", {{90, 5, 0}, {10, 5, 0}}, {9, 1}, 0},
        {"unequal numbers", {{80, 6, 0}, {20, 2, 0}}, {4, 3}, 0},
        {"three groups", {{50, 1, 0}, {30, 1, 0}, {20, 1, 0}}, {5, 3, 2}, 0},
        {"only proportions count", {{3, 1, 0}, {1, 1, 0}}, {3, 1}, 0},
        {"a share without servers does not count", {{50, 2, 0}, {50, 0, 0}}, {1, 0}, 0},
        {"smaller than the smallest", {{99.9, 1, 0}, {0.1, 1, 0}}, {256, 1}, 100.0 / 257 - 0.1},
        {"nobody", {{0, 3, 0}, {0, 1, 0}}, {0, 0}, 0},
        {"no group", {{0, 0, 0}}, {0}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip__weight_part parts[3];
        for (size_t k = 0; k < 3; k++)
            parts[k] = cases[i].parts[k];
        double resolution = nip__weigh(parts, 3);
        for (size_t k = 0; k < 3; k++)
            if (parts[k].weight != cases[i].weights[k])
                fail_msg("%s: group %zu has weight %d, not %d", cases[i].what, k, parts[k].weight, cases[i].weights[k]);
        if (fabs(resolution - cases[i].resolution) > 1e-9)
            fail_msg("%s: resolution %.12f, not %.12f", cases[i].what, resolution, cases[i].resolution);
    }
}

/* The best that two groups can have, by trying all pairs. */
static double best_of_two(double share, size_t first, size_t second)
{
    double best = 1;
    for (int a = 1; a <= NIP__WEIGHT_MAX; a++)
        for (int b = 1; b <= NIP__WEIGHT_MAX; b++) {
            double left = (double)first * a, right = (double)second * b;
            best = fmin(best, fabs(left / (left + right) - share));
        }
    return best * 100;
}

static void finds_the_best_pair(void **state)
{
    (void)state;
    nip__random random;
    nip__random_seed(&random, 7);
    for (int i = 0; i < 200; i++) {
        double share = (double)(1 + nip__random_below(&random, 999)) / 10;
        size_t first = 1 + nip__random_below(&random, 12), second = 1 + nip__random_below(&random, 12);
        nip__weight_part parts[2] = {{share, first, 0}, {100 - share, second, 0}};
        double resolution = nip__weigh(parts, 2), best = best_of_two(share / 100, first, second);
        if (fabs(resolution - best) > 1e-9)
            fail_msg("%g %% to %zu of %zu: %.9f instead of %.9f", share, first, first + second, resolution, best);
    }
}

/* Whatever is asked: weights in range, shares as far off as was said, and no farther. */
static void keeps_its_promises(void **state)
{
    (void)state;
    nip__random random;
    nip__random_seed(&random, 11);
    for (int round = 0; round < 2000; round++) {
        nip__weight_part parts[6];
        size_t count = 1 + nip__random_below(&random, 6);
        double wanted = 0, worst = 0;
        for (size_t i = 0; i < count; i++) {
            parts[i] = (nip__weight_part){(double)nip__random_below(&random, 101), nip__random_below(&random, 20), -1};
            if (nip__random_below(&random, 4) == 0)
                parts[i].share = 0;
            wanted += parts[i].servers > 0 ? parts[i].share : 0;
        }
        double resolution = nip__weigh(parts, count);
        for (size_t i = 0; i < count; i++) {
            int serves = parts[i].share > 0 && parts[i].servers > 0;
            assert_in_range(parts[i].weight, serves, serves ? NIP__WEIGHT_MAX : 0);
            if (wanted > 0)
                worst = fmax(worst, fabs(share_of(parts, count, i) - (serves ? parts[i].share / wanted : 0)) * 100);
        }
        if (fabs(worst - resolution) > 1e-9)
            fail_msg("round %d: said %.9f, is %.9f", round, resolution, worst);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_known_weights),
        cmocka_unit_test(finds_the_best_pair),
        cmocka_unit_test(keeps_its_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
