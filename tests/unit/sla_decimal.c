/* Decimals and percentages: what is read, what is refused, what is reached. */
#include "unit.h"

#include "base/random.h"
#include "sla/decimal.h"

static void test_decimals(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shortest; /* NULL: refused */
        int64_t digits;
        int scale;
    } cases[] = {
        {"99.95", "99.95", 9995, 2},
        {"99.950", "99.95", 9995, 2},
        {"100", "100", 100, 0},
        {"100.0", "100", 100, 0},
        {"0", "0", 0, 0},
        {"0.0", "0", 0, 0},
        {"0.01", "0.01", 1, 2},
        {"0.000000000001", "0.000000000001", 1, 12},
        {"999999999999999999", "999999999999999999", 999999999999999999, 0},
        {"123456.789012345678", "123456.789012345678", 123456789012345678, 12},
        {"1234567.789012345678", NULL, 0, 0}, /* 19 digits */
        {"1000000000000000000", NULL, 0, 0},
        {"0.0000000000001", NULL, 0, 0}, /* 13 places */
        {"0.0000000000000", NULL, 0, 0},
        {"", NULL, 0, 0},
        {".5", NULL, 0, 0},
        {"5.", NULL, 0, 0},
        {"05", NULL, 0, 0},
        {"00", NULL, 0, 0},
        {"-1", NULL, 0, 0},
        {"+1", NULL, 0, 0},
        {"1e2", NULL, 0, 0},
        {"1,5", NULL, 0, 0},
        {" 1", NULL, 0, 0},
        {"1 ", NULL, 0, 0},
        {"1.2.3", NULL, 0, 0},
        {"99.95 %", NULL, 0, 0},
        {"nan", NULL, 0, 0},
        {"99999999999999999999999999999999999999999999999999999999", NULL, 0, 0},
    };
    nip__decimal decimal;
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool read = nip__decimal_read(cases[i].text, &decimal);
        if (read != (cases[i].shortest != NULL))
            fail_msg("\"%s\" is %s", cases[i].text, read ? "read" : "refused");
        if (!read)
            continue;
        nip__buffer text = NIP__BUFFER(100);
        nip__decimal_write(&text, decimal);
        assert_string_equal(nip__buffer_string(&text), cases[i].shortest);
        assert_int_equal(decimal.digits, cases[i].digits);
        assert_int_equal(decimal.scale, cases[i].scale);
        nip__buffer_clear(&text);
    }
    assert_false(nip__decimal_read(NULL, &decimal));
}

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    nip__random random;
    nip__random_seed(&random, 9995);
    for (int run = 0; run < 20000; run++) {
        nip__decimal one = {(int64_t)nip__random_below(&random, 1000000) * (run % 3 == 0 ? 1000 : 1), (int)nip__random_below(&random, 13)}, other, again;
        nip__buffer text = NIP__BUFFER(100);
        nip__decimal_write(&text, one);
        assert_true(nip__decimal_read(nip__buffer_string(&text), &other));
        __int128 left = one.digits, right = other.digits; /* equal as fractions */
        for (int i = other.scale; i < one.scale; i++)
            right *= 10;
        assert_true(other.scale <= one.scale && left == right);
        nip__buffer longer = NIP__BUFFER(100);
        nip__decimal_write(&longer, other);
        assert_string_equal(nip__buffer_string(&text), nip__buffer_string(&longer));
        assert_true(nip__decimal_read(nip__buffer_string(&longer), &again));
        assert_true(again.digits == other.digits && again.scale == other.scale);
        nip__buffer_clear(&text);
        nip__buffer_clear(&longer);
    }
}

static void test_percentages(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown; /* NULL: refused */
        int64_t num, den;
    } cases[] = {
        {"99.95 %", "99.95 %", 9995, 10000},
        {"99.95%", "99.95 %", 9995, 10000},
        {"99.95", "99.95 %", 9995, 10000},
        {"99.950", "99.95 %", 9995, 10000},
        {"100", "100 %", 100, 100},
        {"100.000 %", "100 %", 100, 100},
        {"0", "0 %", 0, 100},
        {"0.01 %", "0.01 %", 1, 10000},
        {"99.9999999", "99.9999999 %", 999999999, 1000000000},
        {"99.99999999", NULL, 0, 0}, /* eight places */
        {"100.01", NULL, 0, 0},
        {"101 %", NULL, 0, 0},
        {"99.95  %", NULL, 0, 0},
        {"99.95 %%", NULL, 0, 0},
        {"%", NULL, 0, 0},
        {" %", NULL, 0, 0},
        {"", NULL, 0, 0},
        {"-1 %", NULL, 0, 0},
        {"99.95 percent", NULL, 0, 0},
        {"0.9995 of 1", NULL, 0, 0},
    };
    nip__ratio ratio;
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool read = nip__ratio_read(cases[i].text, &ratio);
        if (read != (cases[i].shown != NULL))
            fail_msg("\"%s\" is %s", cases[i].text, read ? "read" : "refused");
        if (!read)
            continue;
        nip__buffer text = NIP__BUFFER(100);
        nip__ratio_write(&text, ratio);
        assert_string_equal(nip__buffer_string(&text), cases[i].shown);
        assert_int_equal(ratio.num, cases[i].num);
        assert_int_equal(ratio.den, cases[i].den);
        nip__buffer_clear(&text);
    }
    assert_false(nip__ratio_read(NULL, &ratio));
    nip__buffer text = NIP__BUFFER(100);
    nip__ratio_write(&text, (nip__ratio){1, 1});
    assert_string_equal(nip__buffer_string(&text), "100 %");
    nip__buffer_clear(&text);
}

/* At every total the least number of good ones that reaches the target, and one fewer: what doubles get wrong at 99.95 and 99.9. */
static void test_the_bound_is_exact(void **state)
{
    (void)state;
    static const char *const targets[] = {"99.95", "99.9", "99.99", "99", "0.01", "100", "99.9999999", "33.3333333"};
    for (size_t i = 0; i < COUNT(targets); i++) {
        nip__ratio target;
        assert_true(nip__ratio_read(targets[i], &target));
        for (int64_t unit = 1; unit <= 20000; unit++) {
            int64_t total = target.den * unit, good = target.num * unit;
            assert_true(nip__ratio_reached(good, total, target));
            assert_false(nip__ratio_reached(good - 1, total, target));
        }
    }
    assert_false(nip__ratio_reached(0, 0, (nip__ratio){0, 1}));
    assert_true(nip__ratio_reached(INT64_MAX, INT64_MAX, (nip__ratio){1000000000, 1000000000})); /* beyond 64 bits */
    assert_false(nip__ratio_reached(INT64_MAX - 1, INT64_MAX, (nip__ratio){1000000000, 1000000000}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_percentages),
        cmocka_unit_test(test_the_bound_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
