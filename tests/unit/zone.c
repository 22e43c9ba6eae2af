/* Zones: what holds when, instants of wall clocks, and files and names that are refused. */
#include "unit.h"

#include "base/civil.h"
#include "base/zones.h"
#include "failing_malloc.h"
#include "nipops/base.h"

static nip__zone *load(const char *name)
{
    nip__zone *zone = NULL;
    nip_error *err = NULL;
    if (nip__zone_load(name, &zone, &err) < 0)
        fail_msg("%s", nip_error_message(err));
    return zone;
}

static int64_t at(const char *text)
{
    nip_time time;
    assert_int_equal(nip_time_parse(text, &time, NULL), 0);
    return time / NIP_SECOND;
}

static void test_calendar(void **state)
{
    (void)state;
    for (int64_t days = -210000; days < 210000; days += 7) {
        int64_t year;
        int month, day;
        nip__civil_date(days, &year, &month, &day);
        assert_true(month >= 1 && month <= 12 && day >= 1 && day <= nip__civil_month_length(year, month));
        assert_int_equal(nip__civil_days(year, month, day), days);
        assert_int_equal(nip__civil_weekday(days), nip__civil_weekday(0)); /* steps of a week */
    }
    assert_int_equal(nip__civil_weekday(0), 4);
    assert_int_equal(nip__civil_weekday(nip__civil_days(2026, 11, 25)), 3);
    assert_int_equal(nip__civil_month_length(2000, 2), 29);
    assert_int_equal(nip__civil_month_length(2100, 2), 28);
}

static void test_days_and_times_of_a_day(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t days; /* -1: refused */
    } days[] = {
        {"1970-01-01", 0}, {"2026-03-29", 20541}, {"2000-02-29", 11016}, {"2100-02-29", -1}, {"2026-13-01", -1}, {"2026-00-01", -1}, {"2026-01-00", -1},
        {"2026-04-31", -1}, {"2026-3-29", -1},    {"2026-03-29 ", -1},   {"", -1},           {"26-03-29", -1},   {"2026/03/29", -1}, {"-026-03-29", -1},
    };
    static const struct {
        const char *text;
        int seconds;
    } clocks[] = {
        {"00:00", 0}, {"09:30", 34200}, {"23:59", 86340}, {"24:00", 86400}, {"24:01", -1}, {"12:60", -1}, {"9:30", -1}, {"09:30:00", -1},
        {"", -1},     {"0930", -1},     {"09.30", -1},    {"-9:30", -1},    {" 9:30", -1}, {"99:00", -1},
    };
    for (size_t i = 0; i < COUNT(days); i++) {
        int64_t read = -1;
        assert_int_equal(nip__civil_read(days[i].text, &read), days[i].days >= 0);
        assert_int_equal(read, days[i].days);
    }
    for (size_t i = 0; i < COUNT(clocks); i++) {
        int read = -1;
        assert_int_equal(nip__clock_read(clocks[i].text, &read), clocks[i].seconds >= 0);
        assert_int_equal(read, clocks[i].seconds);
    }
    assert_false(nip__civil_read(NULL, NULL) || nip__clock_read(NULL, NULL));
}

static void test_each_zone_is_loaded_once(void **state)
{
    (void)state;
    nip__zones zones = {0};
    const nip__zone *berlin, *again, *other = NULL;
    assert_int_equal(nip__zones_find(&zones, "Europe/Berlin", &berlin, NULL), 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(nip__zones_find(&zones, i % 2 == 0 ? "Europe/Berlin" : "UTC", &again, NULL), 0);
    assert_int_equal(nip__zones_find(&zones, "Europe/Berlin", &again, NULL), 0);
    assert_ptr_equal(berlin, again);
    assert_int_equal(zones.count, 2);
    assert_int_equal(nip__zones_find(&zones, "Europe/Berlinn", &other, NULL), NIP_E_NOTFOUND);
    assert_null(other);
    assert_int_equal(zones.count, 2);
    nip__zones_clear(&zones);
    for (long k = 1;; k++) {
        long alive = allocations_alive();
        fail_allocation(k, 0);
        int rc = nip__zones_find(&zones, "UTC", &other, NULL);
        long seen = allocations_seen();
        fail_allocation(0, 0);
        assert_int_equal(rc, seen < k ? 0 : NIP_E_NOMEM);
        nip__zones_clear(&zones);
        assert_int_equal(allocations_alive(), alive);
        if (seen < k)
            break;
    }
}

static void test_what_holds_at_an_instant(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *instant;
        int offset;
        bool dst;
        const char *name;
    } cases[] = {
        {"UTC", "1970-01-01T00:00:00Z", 0, false, "UTC"},
        {"UTC", "2200-01-01T00:00:00Z", 0, false, "UTC"},
        {"Europe/Berlin", "2026-03-29T00:59:59Z", 3600, false, "CET"},
        {"Europe/Berlin", "2026-03-29T01:00:00Z", 7200, true, "CEST"},
        {"Europe/Berlin", "2026-10-25T00:59:59Z", 7200, true, "CEST"},
        {"Europe/Berlin", "2026-10-25T01:00:00Z", 3600, false, "CET"},
        {"Europe/Berlin", "2199-07-01T00:00:00Z", 7200, true, "CEST"},   /* by the rule at the file's end */
        {"America/Santiago", "2026-04-05T02:59:59Z", -10800, true, "-03"}, /* the south: summer at the turn of the year */
        {"America/Santiago", "2026-04-05T03:00:00Z", -14400, false, "-04"},
        {"America/Santiago", "2100-01-01T00:00:00Z", -10800, true, "-03"},
        {"Africa/Cairo", "2026-07-01T00:00:00Z", 10800, true, "EEST"},
        {"Africa/Cairo", "2015-07-01T00:00:00Z", 7200, false, "EET"},
        {"Asia/Beirut", "2026-03-28T21:59:59Z", 7200, false, "EET"},
        {"Asia/Beirut", "2026-03-28T22:00:00Z", 10800, true, "EEST"}, /* at midnight */
        {"Australia/Lord_Howe", "2026-04-04T14:59:59Z", 39600, true, "+11"},
        {"Australia/Lord_Howe", "2026-04-04T15:00:00Z", 37800, false, "+1030"}, /* half an hour */
        {"Antarctica/Troll", "2026-03-29T00:59:59Z", 0, false, "+00"},
        {"Antarctica/Troll", "2026-03-29T01:00:00Z", 7200, true, "+02"}, /* two hours */
        {"Pacific/Apia", "2011-12-30T09:59:59Z", -36000, true, "-10"},
        {"Pacific/Apia", "2011-12-30T10:00:00Z", 50400, true, "+14"}, /* a day was left out */
        {"Asia/Kathmandu", "2026-01-01T00:00:00Z", 20700, false, "+0545"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__zone *zone = load(cases[i].zone);
        nip__zone_type type = nip__zone_at(zone, at(cases[i].instant));
        if (type.offset != cases[i].offset || type.dst != cases[i].dst || strcmp(type.name, cases[i].name) != 0)
            fail_msg("%s %s: %d %d %s", cases[i].zone, cases[i].instant, type.offset, type.dst, type.name);
        nip__zone_free(zone);
    }
}

static void test_instants_of_wall_clocks(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *local, *first, *last;
    } cases[] = {
        {"UTC", "2026-01-01T09:00:00Z", "2026-01-01T09:00:00Z", "2026-01-01T09:00:00Z"},
        {"Europe/Berlin", "2026-11-30T09:00:00Z", "2026-11-30T08:00:00Z", "2026-11-30T08:00:00Z"},
        {"Europe/Berlin", "2026-03-29T02:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"}, /* a gap */
        {"Europe/Berlin", "2026-03-29T02:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
        {"Europe/Berlin", "2026-03-29T03:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
        {"Europe/Berlin", "2026-03-29T01:59:59Z", "2026-03-29T00:59:59Z", "2026-03-29T00:59:59Z"},
        {"Europe/Berlin", "2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"}, /* twice */
        {"Europe/Berlin", "2026-10-25T02:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
        {"Europe/Berlin", "2026-10-25T03:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T02:00:00Z"},
        {"Australia/Lord_Howe", "2026-04-05T01:45:00Z", "2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z"},
        {"Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"}, /* a day that was not */
        {"Pacific/Apia", "2011-12-31T00:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__zone *zone = load(cases[i].zone);
        int64_t first = 0, last = 0;
        nip__zone_instants(zone, at(cases[i].local), &first, &last);
        if (first != at(cases[i].first) || last != at(cases[i].last))
            fail_msg("%s %s: %lld %lld", cases[i].zone, cases[i].local, (long long)first, (long long)last);
        nip__zone_free(zone);
    }
}

static void test_rules(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *instant;
        int offset;
        bool dst;
    } cases[] = {
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2050-07-01T00:00:00Z", 7200, true},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2050-07-01T00:00:00Z", 3600, false}, /* negative: winter is "summer" */
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2050-12-01T00:00:00Z", 0, true},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2024-03-31T00:59:59Z", -7200, false},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2024-03-31T01:00:00Z", -3600, true}, /* an hour before its day */
        {"EET-2EEST,M4.5.5/0,M10.5.4/24", "2050-10-27T20:59:59Z", 10800, true},
        {"EET-2EEST,M4.5.5/0,M10.5.4/24", "2050-10-27T21:00:00Z", 7200, false}, /* hour 24 */
        {"XXX3EDT4,0/0,J365/23", "2050-01-01T00:00:00Z", -14400, true},            /* summer all year */
        {"XXX3EDT4,0/0,J365/23", "2050-12-31T23:59:59Z", -14400, true},
        {"ABC-1DEF,J60/0,J300/0", "2024-02-29T22:59:59Z", 3600, false}, /* J60 is March 1, leap year or not */
        {"ABC-1DEF,J60/0,J300/0", "2024-02-29T23:00:00Z", 7200, true},
        {"ABC-1DEF,59/0,300/0", "2024-02-28T23:00:00Z", 7200, true}, /* 59 is February 29 */
        {"<+0330>-3:30", "2050-01-01T00:00:00Z", 12600, false},
    };
    static const char *const refused[] = {
        "A", "AB1", "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M3.5.0,M10.5.0/3x", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J365", "CET-1CEST,366,1", "CET-1CEST,M3.5.0/168,M10.5.0", "CET-25", "<+1", "CET-1:60", "CET-1CEST,M3.5.0,", "CET 1",
    };
    nip__zone_rule rule;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_true(nip__zone_rule_read(cases[i].rule, strlen(cases[i].rule), &rule));
        nip__zone_type type = nip__zone_rule_at(&rule, at(cases[i].instant));
        if (type.offset != cases[i].offset || type.dst != cases[i].dst)
            fail_msg("%s %s: %d %d", cases[i].rule, cases[i].instant, type.offset, type.dst);
    }
    for (size_t i = 0; i < COUNT(refused); i++) {
        if (nip__zone_rule_read(refused[i], strlen(refused[i]), &rule))
            fail_msg("%s should be refused", refused[i]);
    }
}

static void test_names_lead_nowhere_else(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int code;
    } cases[] = {
        {"", NIP_E_INVALID},          {"../../etc/passwd", NIP_E_INVALID}, {"Europe/../../x", NIP_E_INVALID}, {"/etc/localtime", NIP_E_INVALID},
        {"./UTC", NIP_E_INVALID},     {"Europe/", NIP_E_INVALID},          {"Europe//Berlin", NIP_E_INVALID}, {"Europe/.Berlin", NIP_E_INVALID},
        {"Euro pe", NIP_E_INVALID},   {"-", NIP_E_INVALID},                {"Europe/Berlinn", NIP_E_NOTFOUND}, {"Europe", NIP_E_NOTFOUND},
        {"utc/\xc3\xa4", NIP_E_INVALID},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__zone *zone = NULL;
        nip_error *err = NULL;
        int rc = nip__zone_load(cases[i].name, &zone, &err);
        if (rc != cases[i].code)
            fail_msg("\"%s\": %d %s", cases[i].name, rc, nip_error_message(err));
        assert_null(zone);
        nip_error_free(err);
    }
    char name[200];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(nip__zone_load(name, &(nip__zone *){NULL}, NULL), NIP_E_INVALID);
}

static size_t read_berlin(char *bytes, size_t size)
{
    FILE *file = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");
    assert_non_null(file);
    size_t length = fread(bytes, 1, size, file);
    fclose(file);
    return length;
}

/* Cut anywhere, or with any byte changed: refused, or read without harm. Sanitizers watch. */
static void test_damaged_files(void **state)
{
    (void)state;
    static char bytes[16384], changed[16384];
    size_t length = read_berlin(bytes, sizeof bytes);
    nip__zone *zone = NULL;
    assert_int_equal(nip__zone_parse(bytes, length, "x", &zone, NULL), 0);
    nip__zone_free(zone);
    for (size_t cut = 0; cut + 1 < length; cut++) {
        char *exact = malloc(cut + 1);
        assert_non_null(exact);
        memcpy(exact, bytes, cut);
        assert_int_equal(nip__zone_parse(exact, cut, "x", &(nip__zone *){NULL}, NULL) < 0, 1);
        free(exact);
    }
    for (size_t i = 0; i < length; i++) {
        memcpy(changed, bytes, length);
        for (int byte = 1; byte < 256; byte += 51) {
            changed[i] = (char)(bytes[i] ^ byte);
            zone = NULL;
            if (nip__zone_parse(changed, length, "x", &zone, NULL) < 0)
                continue;
            int64_t first, last;
            nip__zone_instants(zone, 1774751400, &first, &last);
            nip__zone_instants(zone, 4000000000, &first, &last);
            nip__zone_free(zone);
        }
    }
    memcpy(changed, bytes, length);
    changed[4] = '\0';
    assert_int_equal(nip__zone_parse(changed, length, "x", &zone, NULL), NIP_E_UNSUPPORTED);
}

static void test_want_of_memory(void **state)
{
    (void)state;
    for (long k = 1, seen = 1; seen >= k - 1; k++) {
        nip__zone *zone = NULL;
        fail_allocation(k, 1);
        int rc = nip__zone_load("Europe/Berlin", &zone, NULL);
        seen = allocations_seen();
        fail_allocation(0, 0);
        if (rc != 0 && rc != NIP_E_NOMEM)
            fail_msg("allocation %ld: %d", k, rc);
        assert_true((rc == 0) == (zone != NULL));
        nip__zone_free(zone);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calendar),
        cmocka_unit_test(test_days_and_times_of_a_day),
        cmocka_unit_test(test_each_zone_is_loaded_once),
        cmocka_unit_test(test_what_holds_at_an_instant),
        cmocka_unit_test(test_instants_of_wall_clocks),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_names_lead_nowhere_else),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
