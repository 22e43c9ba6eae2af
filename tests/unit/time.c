/* Instants and lengths of time as text, and arithmetic at the ends of the range. */
#include "unit.h"

#include <time.h>

#include "base/time.h"
#include "base/random.h"
#include "failing_malloc.h"

static void test_instants(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        nip_time time;
        const char *canonical; /* NULL: the same text */
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0, NULL},
        {"1969-12-31T23:59:59.999999999Z", -1, NULL},
        {"2026-11-23T05:49:30Z", INT64_C(1795412970) * NIP_SECOND, NULL},
        {"2026-11-23T06:49:30+01:00", INT64_C(1795412970) * NIP_SECOND, "2026-11-23T05:49:30Z"},
        {"2026-11-22t21:49:30-08:00", INT64_C(1795412970) * NIP_SECOND, "2026-11-23T05:49:30Z"},
        {"2026-11-23T05:49:30.5z", INT64_C(1795412970) * NIP_SECOND + 500 * NIP_MILLISECOND,
         "2026-11-23T05:49:30.500Z"},
        {"2000-02-29T00:00:00.000001Z", INT64_C(951782400) * NIP_SECOND + 1000, NULL},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800) * NIP_SECOND - 1, "2016-12-31T23:59:59.999999999Z"},
        {"1677-09-21T00:12:43.145224193Z", INT64_MIN + 1, NULL},
        {"2262-04-11T23:47:16.854775806Z", INT64_MAX - 1, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        nip_time time = 0;
        assert_int_equal(nip_time_parse(rows[i].text, &time, NULL), 0);
        assert_true(time == rows[i].time);
        char *text = nip_time_format(time);
        assert_string_equal(text, rows[i].canonical != NULL ? rows[i].canonical : rows[i].text);
        nip_free(text);
    }
}

static void test_instants_on_the_wall(void **state)
{
    (void)state;
    static const struct {
        nip_time time;
        int offset;
        const char *text;
    } rows[] = {
        {0, 0, "1970-01-01T00:00:00+00:00"},
        {0, 3600, "1970-01-01T01:00:00+01:00"},
        {-1, -34200, "1969-12-31T14:29:59.999999999-09:30"},
        {INT64_C(1795412970) * NIP_SECOND + 500 * NIP_MILLISECOND, 45900, "2026-11-23T18:34:30.500+12:45"},
        {INT64_C(-5364662400) * NIP_SECOND, 3208, "1800-01-01T00:53:28+00:53:28"},
        {INT64_MAX - 1, 50400, "2262-04-12T13:47:16.854775806+14:00"},
        {NIP_TIME_NONE, 3600, "none"},
        {NIP_TIME_MAX, 3600, "never"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        nip__buffer text = NIP__BUFFER(100);
        nip__time_write_local(&text, rows[i].time, rows[i].offset);
        assert_string_equal(nip__buffer_string(&text), rows[i].text);
        nip__buffer_clear(&text);
    }
}

static void test_no_instants(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "2026",
        "2026-11-23",
        "2026-11-23T05:49:30",
        "2026-11-23 05:49:30Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T00:60:00Z",
        "2026-11-23T00:00:61Z",
        "2026-11-23T00:00:00.Z",
        "2026-11-23T00:00:00.1234567890Z",
        "2026-11-23T00:00:00+24:00",
        "2026-11-23T00:00:00+0100",
        "2026-11-23T00:00:00Zx",
        "+2026-11-23T00:00:00Z",
        " 2026-11-23T00:00:00Z",
        "1677-09-21T00:12:43Z",
        "1677-09-21T00:12:43.145224192Z",
        "2262-04-11T23:47:16.854775807Z",
        "2262-04-11T23:47:17Z",
        "9999-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
        "2026-1-23T00:00:00Z",
        "now",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        nip_time time = 77;
        nip_error *err = NULL;
        if (nip_time_parse(rows[i], &time, &err) != NIP_E_INVALID)
            print_error("accepted: %s\n", rows[i]);
        assert_int_equal(nip_error_code(err), NIP_E_INVALID);
        assert_true(time == 77);
        nip_error_free(err);
    }
}

/* Against the C library's calendar, over the whole range. */
static void test_calendar(void **state)
{
    (void)state;
    nip__random random;
    nip__random_seed(&random, 3);
    for (int i = 0; i < 20000; i++) {
        nip_time time = (nip_time)nip__random_next(&random);
        time_t seconds = (time_t)(time / NIP_SECOND - (time % NIP_SECOND < 0));
        struct tm parts;
        char expected[32];
        assert_non_null(gmtime_r(&seconds, &parts));
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S", &parts);
        char *text = nip_time_format(time);
        assert_int_equal(strncmp(text, expected, strlen(expected)), 0);
        nip_time back = 0;
        assert_int_equal(nip_time_parse(text, &back, NULL), 0);
        assert_true(back == time);
        nip_free(text);
    }
}

static void test_lengths(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        nip_duration duration;
        const char *canonical, *short_form;
    } rows[] = {
        {"90s", 90 * NIP_SECOND, "1m30s", "1m 30s"},
        {"1h30m", 90 * NIP_MINUTE, "1h30m", "1h 30m"},
        {"250ms", 250 * NIP_MILLISECOND, "250ms", "250ms"},
        {"1.5s", 1500 * NIP_MILLISECOND, "1s500ms", "1.5s"},
        {"0s", 0, "0s", "0s"},
        {"0", 0, "0s", "0s"},
        {"0ms", 0, "0s", "0s"},
        {"-5s", -5 * NIP_SECOND, "-5s", "-5s"},
        {"1d", 24 * NIP_HOUR, "24h", "1d"},
        {"2w3d", 17 * 24 * NIP_HOUR, "408h", "17d"},
        {"1ns", 1, "1ns", "1ns"},
        {"1us1ns", 1001, "1us1ns", "1us"},
        {"0.000000001s", 1, "1ns", "1ns"},
        {"4.25s", 4250 * NIP_MILLISECOND, "4s250ms", "4.2s"},
        {"59m59s", 3599 * NIP_SECOND, "59m59s", "59m 59s"},
        {"25h1m", 1501 * NIP_MINUTE, "25h1m", "1d 1h"},
        {"9223372036854775807ns", INT64_MAX, "2562047h47m16s854ms775us807ns", "for ever"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        nip_duration duration = 0, back = 0;
        nip__buffer buffer = NIP__BUFFER(100);
        assert_int_equal(nip_duration_parse(rows[i].text, &duration, NULL), 0);
        assert_true(duration == rows[i].duration);
        char *text = nip_duration_format(duration);
        assert_string_equal(text, rows[i].canonical);
        assert_int_equal(nip_duration_parse(text, &back, NULL), 0);
        assert_true(back == duration);
        nip_free(text);
        nip__duration_write_short(&buffer, duration);
        assert_string_equal(nip__buffer_string(&buffer), rows[i].short_form);
        nip__buffer_clear(&buffer);
    }
}

static void test_no_lengths(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "5",
        "00",
        "-",
        "s",
        "5 s",
        "5x",
        "5S",
        "1m1h",
        "1s1s",
        "1.s",
        ".5s",
        "1.5ns",
        "1.0000000000001s",
        "0.33333333333s",
        "+5s",
        "1h ",
        "--1s",
        "9223372036854775808ns",
        "300000000000w",
        "99999999999999999999s",
        "5min",
        "1e3s",
        "1h30",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        nip_duration duration = 77;
        nip_error *err = NULL;
        if (nip_duration_parse(rows[i], &duration, &err) != NIP_E_INVALID)
            print_error("accepted: %s\n", rows[i]);
        assert_int_equal(nip_error_code(err), NIP_E_INVALID);
        assert_contains(nip_error_message(err), "1h30m");
        assert_true(duration == 77);
        nip_error_free(err);
    }
}

static void test_arithmetic(void **state)
{
    (void)state;
    assert_true(nip__time_add(5, 6) == 11);
    assert_true(nip__time_add(NIP_TIME_NONE, 6) == NIP_TIME_NONE);
    assert_true(nip__time_add(NIP_TIME_MAX, -6) == NIP_TIME_MAX);
    assert_true(nip__time_add(INT64_MAX - 1, 6) == NIP_TIME_MAX);
    assert_true(nip__time_add(INT64_MIN + 2, -6) == INT64_MIN + 1); /* never "no instant" */
    assert_true(nip__time_add(INT64_MIN + 2, -2) == INT64_MIN + 1);
    assert_true(nip__time_between(5, 11) == 6);
    assert_true(nip__time_between(INT64_MIN + 1, INT64_MAX) == INT64_MAX);
    assert_true(nip__time_between(INT64_MAX, INT64_MIN + 1) == INT64_MIN);
}

static void test_memory(void **state)
{
    (void)state;
    fail_allocation(1, 1);
    char *time = nip_time_format(0), *duration = nip_duration_format(0);
    fail_allocation(0, 0);
    assert_null(time);
    assert_null(duration);
    assert_int_equal(nip_time_parse(NULL, NULL, NULL), NIP_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_instants), cmocka_unit_test(test_instants_on_the_wall), cmocka_unit_test(test_no_instants), cmocka_unit_test(test_calendar),
        cmocka_unit_test(test_lengths),  cmocka_unit_test(test_no_lengths),  cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
