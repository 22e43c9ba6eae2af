/* Sets of stretches against a set that cannot be wrong: 64 ms, a bit each. */
#include "unit.h"

#include "base/random.h"
#include "failing_malloc.h"
#include "sla/span.h"

enum { BITS = 64, BEFORE = 32, RUNS = 4000 }; /* bit 0 is the ms -BEFORE: stretches lie across the epoch */

static uint64_t bits_of(const nip__spans *set)
{
    uint64_t bits = 0;
    for (int i = 0; i < BITS; i++)
        bits |= (uint64_t)nip__spans_hold(set, i - BEFORE) << i;
    return bits;
}

/* What its header promises of a set. */
static void assert_sound(const nip__spans *set)
{
    for (size_t i = 0; i < set->count; i++) {
        assert_true(set->items[i].begin < set->items[i].end);
        assert_true(i == 0 || set->items[i - 1].end < set->items[i].begin);
    }
    assert_true(set->count <= set->capacity || set->items == NULL);
}

static void assert_bits(const nip__spans *set, uint64_t bits)
{
    assert_sound(set);
    assert_int_equal(bits_of(set), bits);
    assert_int_equal(nip__spans_length(set), __builtin_popcountll(bits));
}

static uint64_t mask(int64_t begin, int64_t end)
{
    uint64_t bits = 0;
    for (int64_t at = begin; at < end; at++)
        bits |= UINT64_C(1) << (at + BEFORE);
    return bits;
}

static uint64_t make(nip__random *random, nip__spans *set)
{
    uint64_t bits = 0, adds = nip__random_below(random, 8);
    for (uint64_t i = 0; i < adds; i++) {
        int64_t begin = (int64_t)nip__random_below(random, BITS) - BEFORE;
        int64_t end = begin - 1 + (int64_t)nip__random_below(random, 12);
        end = end > BITS - BEFORE ? BITS - BEFORE : end;
        assert_int_equal(nip__spans_add(set, begin, end), 0);
        bits |= mask(begin, end);
        assert_bits(set, bits);
    }
    return bits;
}

static uint64_t snapped(uint64_t bits, int grid)
{
    uint64_t out = 0;
    for (int64_t begin = -BEFORE - BEFORE % grid; begin + grid <= BITS - BEFORE; begin++) {
        if (begin % grid != 0 || begin < -BEFORE)
            continue;
        uint64_t slice = mask(begin, begin + grid);
        out |= (bits & slice) == slice ? slice : 0;
    }
    return out;
}

static void test_all_operations_against_bits(void **state)
{
    (void)state;
    nip__random random;
    nip__random_seed(&random, 20260329);
    for (int run = 0; run < RUNS; run++) {
        nip__spans a = {0}, b = {0}, out = {0};
        uint64_t in_a = make(&random, &a), in_b = make(&random, &b);
        assert_int_equal(nip__spans_union(&a, &b, &out), 0);
        assert_bits(&out, in_a | in_b);
        assert_int_equal(nip__spans_intersect(&a, &b, &out), 0);
        assert_bits(&out, in_a & in_b);
        assert_int_equal(nip__spans_subtract(&a, &b, &out), 0);
        assert_bits(&out, in_a & ~in_b);
        int64_t begin = (int64_t)nip__random_below(&random, BITS) - BEFORE, end = (int64_t)nip__random_below(&random, BITS) - BEFORE;
        assert_int_equal(nip__spans_clip(&a, begin, end, &out), 0);
        assert_bits(&out, in_a & mask(begin, end));
        int grid = 1 + (int)nip__random_below(&random, 9);
        assert_int_equal(nip__spans_snap_inward(&a, grid, &out), 0);
        assert_bits(&out, snapped(in_a, grid));
        assert_int_equal(nip__spans_subtract(&a, &b, &a), 0); /* in place */
        assert_bits(&a, in_a & ~in_b);
        assert_int_equal(nip__spans_union(&a, &b, &b), 0);
        assert_bits(&b, in_a | in_b);
        nip__spans_clear(&a);
        nip__spans_clear(&b);
        nip__spans_clear(&out);
        assert_int_equal(a.count, 0);
    }
}

static void test_snapping_by_hand(void **state)
{
    (void)state;
    static const struct {
        nip__span in, out;
    } cases[] = {
        {{0, 60000}, {0, 60000}},
        {{1, 60000}, {0, 0}},
        {{59999, 180001}, {60000, 180000}},
        {{-60001, 1}, {-60000, 0}},
        {{-59999, 59999}, {0, 0}},
        {{NIP__MS_LEAST, NIP__MS_MOST}, {-INT64_C(9223372020000), INT64_C(9223372020000)}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__spans set = {0}, out = {0};
        assert_int_equal(nip__spans_add(&set, cases[i].in.begin, cases[i].in.end), 0);
        assert_int_equal(nip__spans_snap_inward(&set, 60000, &out), 0);
        assert_int_equal(out.count, cases[i].out.begin < cases[i].out.end);
        if (out.count > 0) {
            assert_int_equal(out.items[0].begin, cases[i].out.begin);
            assert_int_equal(out.items[0].end, cases[i].out.end);
        }
        nip__spans_clear(&set);
        nip__spans_clear(&out);
    }
}

static void test_instants(void **state)
{
    (void)state;
    static const struct {
        nip_time time;
        nip__ms at;
    } cases[] = {
        {0, 0}, {999999, 0}, {1000000, 1}, {-1, -1}, {-1000000, -1}, {-1000001, -2},
        {NIP_TIME_NONE, NIP__MS_LEAST}, {NIP_TIME_MAX, NIP__MS_MOST},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(nip__ms_of(cases[i].time), cases[i].at);
        assert_int_equal(nip__ms_of(nip__ms_time(cases[i].at)), cases[i].at);
    }
    assert_true(nip__ms_time(NIP__MS_LEAST) > NIP_TIME_NONE && nip__ms_time(NIP__MS_MOST) < NIP_TIME_MAX);
}

/* Adding fails with the set as it was; the others with `out` as it was. */
static void test_out_of_memory(void **state)
{
    (void)state;
    nip__spans set = {0}, other = {0}, out = {0};
    for (int i = 0; i < 8; i++)
        assert_int_equal(nip__spans_add(&set, i * 2 - BEFORE, i * 2 + 1 - BEFORE), 0);
    assert_int_equal(nip__spans_add(&other, 0, 3), 0);
    assert_int_equal(nip__spans_add(&out, 7, 9), 0);
    uint64_t bits = bits_of(&set);
    int (*const two[])(const nip__spans *, const nip__spans *, nip__spans *) = {nip__spans_union, nip__spans_intersect, nip__spans_subtract};
    for (size_t i = 0; i < COUNT(two); i++) {
        fail_allocation(1, 0);
        assert_int_equal(two[i](&set, &other, &out), NIP_E_NOMEM);
        fail_allocation(0, 0);
        assert_bits(&out, mask(7, 9));
    }
    fail_allocation(1, 0);
    assert_int_equal(nip__spans_add(&set, 30, 31), NIP_E_NOMEM);
    fail_allocation(1, 0);
    assert_int_equal(nip__spans_add(&set, -BEFORE, 0), 0); /* one that needs no more room */
    fail_allocation(0, 0);
    assert_bits(&set, bits | mask(-BEFORE, 0));
    fail_allocation(1, 0);
    assert_int_equal(nip__spans_snap_inward(&set, 2, &out), NIP_E_NOMEM);
    fail_allocation(0, 0);
    assert_bits(&out, mask(7, 9));
    nip__spans_clear(&set);
    nip__spans_clear(&other);
    nip__spans_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_operations_against_bits),
        cmocka_unit_test(test_snapping_by_hand),
        cmocka_unit_test(test_instants),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
