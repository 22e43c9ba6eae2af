/* Percentages for people: never rounded to the good side. */
#include "unit.h"

#include "sla/percent.h"

static void test_rounding_towards_the_breach(void **state)
{
    (void)state;
    static const struct {
        int64_t part, whole;
        int decimals;
        bool up;
        const char *shown;
    } cases[] = {
        {99949996, 100000000, 4, false, "99.9499 %"}, /* .4f says 99.9500 */
        {9995, 10000, 4, false, "99.9500 %"},
        {9995, 10000, 0, false, "99 %"},
        {1, 3, 2, false, "33.33 %"},
        {1, 3, 2, true, "33.34 %"}, /* an error rate */
        {1, 4, 2, true, "25.00 %"},
        {1, 1000000000, 2, true, "0.01 %"},
        {0, 7, 2, true, "0.00 %"},
        {7, 7, 6, false, "100.000000 %"},
        {-1, 3, 2, false, "-33.34 %"}, /* a budget that is overspent */
        {-1, 3, 2, true, "-33.33 %"},
        {0, 0, 2, false, "-"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__buffer text = NIP__BUFFER(100);
        nip__percent_write(&text, (nip__sla_share){cases[i].part, cases[i].whole}, cases[i].decimals, cases[i].up);
        assert_string_equal(nip__buffer_string(&text), cases[i].shown);
        nip__buffer_clear(&text);
    }
    nip__sla_share rest = nip__sla_share_rest((nip__sla_share){9995, 10000});
    assert_true(rest.part == 5 && rest.whole == 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rounding_towards_the_breach)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
