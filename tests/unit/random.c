/* The generator: the published sequence, bounds, and even spread. */
#include "unit.h"

#include "base/random.h"

/* From the authors' reference code: splitmix64 of seed 0 fills the state. */
static void test_reference(void **state)
{
    (void)state;
    nip__random random;
    nip__random_seed(&random, 0);
    assert_true(random.state[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(random.state[1] == UINT64_C(0x6e789e6aa1b965f4));
    assert_true(random.state[2] == UINT64_C(0x06c45d188009454f));
    assert_true(random.state[3] == UINT64_C(0xf88bb8a8724c81ec));
    nip__random known = {{1, 2, 3, 4}};
    static const uint64_t expected[] = {11520, 0, 1509978240, UINT64_C(1215971899390074240),
                                        UINT64_C(1216172134540287360)};
    for (size_t i = 0; i < COUNT(expected); i++)
        assert_true(nip__random_next(&known) == expected[i]);
}

static void test_bounds(void **state)
{
    (void)state;
    nip__random random;
    nip__random_seed(&random, 1);
    for (int i = 0; i < 100000; i++) {
        double unit = nip__random_unit(&random);
        assert_true(unit >= 0 && unit < 1);
        assert_true(nip__random_below(&random, 1) == 0);
        assert_true(nip__random_below(&random, UINT64_C(1) << 63) < UINT64_C(1) << 63);
    }
}

static void test_spread(void **state)
{
    (void)state;
    int counts[7] = {0};
    nip__random random;
    nip__random_seed(&random, 99);
    for (int i = 0; i < 70000; i++)
        counts[nip__random_below(&random, 7)]++;
    for (int i = 0; i < 7; i++) /* ten standard deviations */
        assert_in_range(counts[i], 9074, 10926);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
