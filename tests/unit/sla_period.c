/* Periods by name: what people know of them, what is refused, and labels. That every boundary of every zone is right is period_peer.py's matter. */
#include "unit.h"

#include "base/civil.h"
#include "base/random.h"
#include "base/time.h"
#include "failing_malloc.h"
#include "sla/period.h"
#include "sla/period_label.h"

static nip__zone *load(const char *name)
{
    nip__zone *zone = NULL;
    nip_error *err = NULL;
    if (nip__zone_load(name, &zone, &err) < 0)
        fail_msg("%s", nip_error_message(err));
    return zone;
}

static nip__ms at(const char *text)
{
    nip_time time;
    assert_int_equal(nip_time_parse(text, &time, NULL), 0);
    return nip__ms_of(time);
}

static nip__period named(const nip__zone *zone, const char *label)
{
    nip__period period;
    nip_error *err = NULL;
    if (nip__period_named(zone, label, &period, &err) < 0)
        fail_msg("%s", nip_error_message(err));
    assert_string_equal(period.label, label);
    return period;
}

static void test_boundaries(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *label, *begin, *end;
        nip__boundary_form begin_form, end_form;
    } cases[] = {
        {"UTC", "2026-03", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", 0, 0},
        {"Europe/Berlin", "2026-03", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z", 0, 0}, /* 743 h */
        {"Europe/Berlin", "2026-10", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z", 0, 0}, /* 745 h */
        {"Europe/Berlin", "2026-Q1", "2025-12-31T23:00:00Z", "2026-03-31T22:00:00Z", 0, 0},
        {"Europe/Berlin", "2026", "2025-12-31T23:00:00Z", "2026-12-31T23:00:00Z", 0, 0},
        {"Europe/Berlin", "2026-W13", "2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z", 0, 0},
        {"Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", 0, 0}, /* 23 h */
        {"America/New_York", "2026-03", "2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z", 0, 0},
        {"America/New_York", "2026-11", "2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z", 0, 0}, /* 721 h */
        {"Australia/Lord_Howe", "2026-04", "2026-03-31T13:00:00Z", "2026-04-30T13:30:00Z", 0, 0}, /* 720.5 h */
        {"Australia/Lord_Howe", "2026-10", "2026-09-30T13:30:00Z", "2026-10-31T13:00:00Z", 0, 0}, /* 743.5 h */
        {"America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z", NIP__BOUNDARY_IN_GAP, 0},
        {"America/Santiago", "2026-04-04", "2026-04-04T03:00:00Z", "2026-04-05T04:00:00Z", 0, 0}, /* 24:00 becomes 23:00: midnight comes once */
        {"Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z", NIP__BOUNDARY_IN_GAP, 0},
        {"Africa/Cairo", "2026-10-29", "2026-10-28T21:00:00Z", "2026-10-29T22:00:00Z", 0, 0},
        {"Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z", NIP__BOUNDARY_IN_GAP, 0},
        {"Asia/Beirut", "2026-03-28", "2026-03-27T22:00:00Z", "2026-03-28T22:00:00Z", 0, NIP__BOUNDARY_IN_GAP},
        {"Antarctica/Troll", "2026-03-29", "2026-03-29T00:00:00Z", "2026-03-29T22:00:00Z", 0, 0}, /* 22 h */
        {"Antarctica/Troll", "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-26T00:00:00Z", 0, 0}, /* 26 h */
        {"Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z", 0, NIP__BOUNDARY_IN_GAP},
        {"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z", 0, 0},
        {"Pacific/Apia", "2011-12", "2011-12-01T10:00:00Z", "2011-12-31T10:00:00Z", 0, 0}, /* a month of 30 days */
        {"Atlantic/Azores", "2026-10-25", "2026-10-25T00:00:00Z", "2026-10-26T01:00:00Z", NIP__BOUNDARY_IN_FOLD, 0},
        {"America/Havana", "2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z", NIP__BOUNDARY_IN_FOLD, 0},
        {"America/St_Johns", "2006-10-29", "2006-10-29T02:30:00Z", "2006-10-30T03:30:00Z", NIP__BOUNDARY_IN_FOLD, 0}, /* 00:01 becomes 23:01 */
        {"Europe/Berlin", "2020-W53", "2020-12-27T23:00:00Z", "2021-01-03T23:00:00Z", 0, 0},
        {"Europe/Berlin", "2025-W01", "2024-12-29T23:00:00Z", "2025-01-05T23:00:00Z", 0, 0},
        {"UTC", "1678", "1678-01-01T00:00:00Z", "1679-01-01T00:00:00Z", 0, 0},
        {"UTC", "2261-12-31", "2261-12-31T00:00:00Z", "2262-01-01T00:00:00Z", 0, 0},
        {"Europe/Berlin", "30d/2026-04-01T00:00:00Z", "2026-03-02T00:00:00Z", "2026-04-01T00:00:00Z", 0, 0},
        {"UTC", "1h30m/1970-01-01T00:00:00.001Z", "1969-12-31T22:30:00.001Z", "1970-01-01T00:00:00.001Z", 0, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__zone *zone = load(cases[i].zone);
        nip__period p = named(zone, cases[i].label);
        if (p.begin.at != at(cases[i].begin) || p.end.at != at(cases[i].end) || p.begin.form != cases[i].begin_form || p.end.form != cases[i].end_form)
            fail_msg("%s %s: %lld %d to %lld %d", cases[i].zone, cases[i].label, (long long)p.begin.at, p.begin.form, (long long)p.end.at, p.end.form);
        nip__zone_free(zone);
    }
}

static void test_what_is_no_period(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *label, *says;
    } cases[] = {
        {"UTC", "", "\"\" is no period; they look like 2026-03-29"},
        {"UTC", "2026-13", "is no period"},
        {"UTC", "2026-00", "is no period"},
        {"UTC", "2026-3", "is no period"},
        {"UTC", "2026-02-29", "is no period"},
        {"UTC", "2026-03-29 ", "is no period"},
        {"UTC", "2026-Q0", "is no period"},
        {"UTC", "2026-Q5", "is no period"},
        {"UTC", "2026-W00", "is no period"},
        {"UTC", "2026-W54", "is no period"},
        {"UTC", "2025-W53", "is no period"}, /* 2025 has 52 */
        {"UTC", "2026-w13", "is no period"},
        {"UTC", "20260329", "is no period"},
        {"UTC", "-2026", "is no period"},
        {"UTC", "march", "is no period"},
        {"UTC", "30d/", "is no period"},
        {"UTC", "/2026-04-01T00:00:00Z", "is no period"},
        {"UTC", "30/2026-04-01T00:00:00Z", "is no period"},
        {"UTC", "30d/2026-04-01", "is no period"},
        {"UTC", "1us/2026-04-01T00:00:00Z", "is no period"},
        {"UTC", "1h/2026-04-01T00:00:00.0001Z", "is no period"},
        {"UTC", "30d30d30d30d30d30d30d30d30d30d30d30d30d30d30d30d30d30d30d30d30d30d/2026-04-01T00:00:00Z", "is no period"},
        {"UTC", "0s/2026-04-01T00:00:00Z", "must be 1ms to 3660d long"},
        {"UTC", "-1h/2026-04-01T00:00:00Z", ""},
        {"UTC", "3661d/2026-04-01T00:00:00Z", "must be 1ms to 3660d long"},
        {"UTC", "30d/1677-09-22T00:00:00Z", "must lie within the years 1678 to 2261"},
        {"UTC", "1677", "must lie within the years 1678 to 2261"},
        {"UTC", "2262-01-01", "must lie within the years 1678 to 2261"},
        {"UTC", "0000", "must lie within the years"},
        {"UTC", "9999-12-31", "must lie within the years"},
        {"Pacific/Apia", "2011-12-30", "there was no 2011-12-30 in this zone"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__zone *zone = load(cases[i].zone);
        nip__period period = {.ordinal = 7};
        nip_error *err = NULL;
        if (nip__period_named(zone, cases[i].label, &period, &err) != NIP_E_INVALID)
            fail_msg("\"%s\" is taken for %s", cases[i].label, period.label);
        assert_contains(nip_error_message(err), cases[i].says);
        assert_int_equal(period.ordinal, 7);
        nip_error_free(err);
        nip__zone_free(zone);
    }
}

static void test_which_one_holds_an_instant(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *at, *labels[5];
    } cases[] = {
        {"Europe/Berlin", "2025-12-31T22:59:59.999Z", {"2025-12-31", "2026-W01", "2025-12", "2025-Q4", "2025"}},
        {"Europe/Berlin", "2025-12-31T23:00:00Z", {"2026-01-01", "2026-W01", "2026-01", "2026-Q1", "2026"}},
        {"America/St_Johns", "2006-10-29T02:29:59.999Z", {"2006-10-28", "2006-W43", "2006-10", "2006-Q4", "2006"}},
        {"America/St_Johns", "2006-10-29T02:31:30Z", {"2006-10-29", "2006-W43", "2006-10", "2006-Q4", "2006"}}, /* clocks show the 28th again */
        {"Pacific/Apia", "2011-12-30T09:59:59.999Z", {"2011-12-29", "2011-W52", "2011-12", "2011-Q4", "2011"}},
        {"Pacific/Apia", "2011-12-30T10:00:00Z", {"2011-12-31", "2011-W52", "2011-12", "2011-Q4", "2011"}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__zone *zone = load(cases[i].zone);
        for (int kind = 0; kind < NIP__PERIOD_ROLLING; kind++) {
            nip__period period;
            assert_int_equal(nip__period_holding(zone, (nip__period_kind)kind, at(cases[i].at), &period, NULL), 0);
            assert_string_equal(period.label, cases[i].labels[kind]);
        }
        nip__zone_free(zone);
    }
}

static void test_the_ends_of_time(void **state)
{
    (void)state;
    nip__zone *zone = load("Pacific/Apia");
    static const nip__ms beyond[] = {INT64_MIN, NIP__MS_LEAST - 1, NIP__MS_LEAST, NIP__MS_MOST, NIP__MS_MOST + 1, INT64_MAX};
    for (size_t i = 0; i < COUNT(beyond); i++) {
        for (int kind = 0; kind <= NIP__PERIOD_ROLLING; kind++) {
            nip__period period;
            assert_int_equal(nip__period_holding(zone, (nip__period_kind)kind, beyond[i], &period, NULL), NIP_E_INVALID);
        }
    }
    nip__period period = named(zone, "1678"), last = named(zone, "2261-12-31");
    assert_int_equal(nip__period_before(zone, &period, &period, NULL), NIP_E_INVALID);
    assert_int_equal(nip__period_after(zone, &last, &last, NULL), NIP_E_INVALID);
    period = named(zone, "30d/1677-11-01T00:00:00Z");
    assert_int_equal(nip__period_before(zone, &period, &period, NULL), NIP_E_INVALID);
    nip__zone_free(zone);
}

static void test_neighbours(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *before, *after;
    } cases[] = {
        {"UTC", "2025-12-31", "2026-01-01"}, {"UTC", "2020-W53", "2021-W01"}, {"UTC", "2025-12", "2026-01"},
        {"UTC", "2025-Q4", "2026-Q1"},       {"UTC", "2025", "2026"},         {"Pacific/Apia", "2011-12-29", "2011-12-31"},
        {"UTC", "30d/2026-03-02T00:00:00Z", "30d/2026-04-01T00:00:00Z"},
        {"UTC", "1ms/1969-12-31T23:59:59.999Z", "1ms/1970-01-01T00:00:00Z"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__zone *zone = load(cases[i].zone);
        nip__period before = named(zone, cases[i].before), after = named(zone, cases[i].after), other;
        assert_int_equal(nip__period_after(zone, &before, &other, NULL), 0);
        assert_string_equal(other.label, cases[i].after);
        assert_int_equal(nip__period_before(zone, &after, &other, NULL), 0);
        assert_string_equal(other.label, cases[i].before);
        assert_int_equal(before.end.at, after.begin.at);
        nip__zone_free(zone);
    }
}

static void test_as_people_ask(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *text, *now, *label; /* NULL: refused */
    } cases[] = {
        {"Europe/Berlin", "this-month", "2026-03-31T21:59:59.999Z", "2026-03"},
        {"Europe/Berlin", "this-month", "2026-03-31T22:00:00Z", "2026-04"},
        {"Europe/Berlin", "last-month", "2026-03-31T22:00:00Z", "2026-03"},
        {"Europe/Berlin", "last-day", "2026-03-29T12:00:00Z", "2026-03-28"},
        {"Pacific/Apia", "last-day", "2011-12-31T00:00:00Z", "2011-12-29"},
        {"UTC", "last-week", "2026-01-01T00:00:00Z", "2025-W52"},
        {"UTC", "last-quarter", "2026-01-01T00:00:00Z", "2025-Q4"},
        {"UTC", "last-year", "2026-01-01T00:00:00Z", "2025"},
        {"UTC", "30d", "2026-03-31T00:00:00Z", "30d/2026-03-31T00:00:00Z"},
        {"UTC", "90m", "2026-03-31T00:00:00.001Z", "1h30m/2026-03-31T00:00:00.001Z"},
        {"UTC", "2026-02", "2026-03-31T00:00:00Z", "2026-02"},
        {"UTC", "30d/2026-03-31T00:00:00Z", "2027-03-31T00:00:00Z", "30d/2026-03-31T00:00:00Z"},
        {"UTC", "last-rolling", "2026-03-31T00:00:00Z", NULL},
        {"UTC", "last-", "2026-03-31T00:00:00Z", NULL},
        {"UTC", "next-month", "2026-03-31T00:00:00Z", NULL},
        {"UTC", "0s", "2026-03-31T00:00:00Z", NULL},
        {"UTC", "1us", "2026-03-31T00:00:00Z", NULL},
        {"UTC", "4000d", "2026-03-31T00:00:00Z", NULL},
        {"UTC", NULL, "2026-03-31T00:00:00Z", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__zone *zone = load(cases[i].zone);
        nip__period period = {.ordinal = 7};
        int rc = nip__period_asked(zone, cases[i].text, at(cases[i].now), &period, NULL);
        assert_int_equal(rc, cases[i].label != NULL ? 0 : NIP_E_INVALID);
        assert_string_equal(period.label, cases[i].label != NULL ? cases[i].label : "");
        nip__zone_free(zone);
    }
}

static void test_changes_of_the_offset(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *label, *changes;
    } cases[] = {
        {"Europe/Berlin", "2026-03", "2026-03-29T01:00:00Z 3600 7200;"},
        {"Europe/Berlin", "2026", "2026-03-29T01:00:00Z 3600 7200;2026-10-25T01:00:00Z 7200 3600;"},
        {"Europe/Berlin", "2026-01", ""},
        {"America/Argentina/Buenos_Aires", "2000-03", ""}, /* from summer time to another standard time of the same offset */
        {"UTC", "2026", ""},
        {"Asia/Beirut", "2026-03-29", ""}, /* it is this day's boundary, and changes nothing inside of it */
        {"Asia/Beirut", "2026-03-28", ""},
        {"Australia/Lord_Howe", "2026-04", "2026-04-04T15:00:00Z 39600 37800;"},
        {"Pacific/Apia", "2011-12", "2011-12-30T10:00:00Z -36000 50400;"},
        {"America/St_Johns", "2006-10-29", "2006-10-29T02:31:00Z -9000 -12600;"},
        {"Europe/Berlin", "1h/2026-03-29T01:00:00.001Z", "2026-03-29T01:00:00Z 3600 7200;"},
        {"Europe/Berlin", "1h/2026-03-29T01:00:00Z", ""},
        {"Europe/Berlin", "1h/2026-03-29T02:00:00Z", ""},
        {"Europe/Berlin", "1h/2026-03-29T01:59:59.999Z", "2026-03-29T01:00:00Z 3600 7200;"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__zone *zone = load(cases[i].zone);
        nip__period period = named(zone, cases[i].label);
        nip__buffer text = NIP__BUFFER(1000);
        nip__offset_change change = {.at = INT64_MIN};
        while (nip__period_change(zone, &period, change.at, &change)) {
            nip__time_write(&text, nip__ms_time(change.at));
            nip__buffer_printf(&text, " %d %d;", (int)change.before, (int)change.after);
        }
        if (strcmp(nip__buffer_string(&text), cases[i].changes) != 0)
            fail_msg("%s %s: %s", cases[i].zone, cases[i].label, nip__buffer_string(&text));
        nip__buffer_clear(&text);
        nip__zone_free(zone);
    }
}

/* Every label of 584 years: read back as the same period, in order, none twice. */
static void test_labels_are_read_back(void **state)
{
    (void)state;
    static const char *const first[] = {"1678-01-01", "1678-W01", "1678-01", "1678-Q1", "1678"};
    nip__zone *zone = load("UTC");
    for (size_t kind = 0; kind < COUNT(first); kind++) {
        nip__period period = named(zone, first[kind]), again;
        int64_t count = 0;
        do {
            assert_int_equal(nip__period_named(zone, period.label, &again, NULL), 0);
            assert_int_equal(again.ordinal, period.ordinal);
            assert_int_equal(again.kind, kind);
            assert_int_equal(again.begin.at, period.begin.at);
            count++;
        } while (nip__period_after(zone, &period, &period, NULL) == 0 && strcmp(period.label, again.label) > 0);
        static const int64_t counts[] = {213301, 30471, 7008, 2336, 584};
        assert_int_equal(count, counts[kind]);
    }
    nip__zone_free(zone);
}

/* Hostile text: whatever is read is written back and read as the same. */
static void test_random_labels(void **state)
{
    (void)state;
    static const char letters[] = "0123456789-QWdhmsT:Z/. 2026";
    nip__random random;
    nip__random_seed(&random, 13);
    nip__zone *zone = load("Europe/Berlin");
    for (int run = 0; run < 100000; run++) {
        char text[40] = "2026-";
        size_t length = nip__random_below(&random, 20);
        for (size_t i = 5; i < 5 + length; i++)
            text[i] = letters[nip__random_below(&random, sizeof letters - 1)];
        nip__period period, again;
        if (nip__period_named(zone, text, &period, NULL) < 0)
            continue;
        assert_true(period.begin.at < period.end.at);
        assert_int_equal(nip__period_named(zone, period.label, &again, NULL), 0);
        assert_string_equal(period.label, again.label);
    }
    nip__zone_free(zone);
}

static void test_kinds(void **state)
{
    (void)state;
    nip__period_kind kind;
    for (int i = 0; i <= NIP__PERIOD_ROLLING; i++) {
        assert_true(nip__period_kind_read(nip__period_kind_name((nip__period_kind)i), &kind));
        assert_int_equal(kind, i);
    }
    assert_false(nip__period_kind_read("fortnight", &kind));
    assert_false(nip__period_kind_read(NULL, &kind));
}

static void test_the_version_of_zones(void **state)
{
    (void)state;
    static const struct {
        const char *text, *version; /* NULL: none */
    } cases[] = {
        {"# version 2025b\n# ddeps\n", "2025b"}, {"# version 2025b", "2025b"}, {"2024a\n", "2024a"}, {"2025b-dirty\nmore", "2025b-dirty"},
        {"", NULL}, {"\n2025b\n", NULL}, {"# version \n", NULL}, {"# version 2025b and more\n", NULL}, {"<html>\n", NULL},
        {"0123456789012345678901234567890", "0123456789012345678901234567890"}, {"01234567890123456789012345678901", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char version[NIP__ZONE_VERSION_SIZE] = "as before";
        assert_int_equal(nip__zone_version_read(cases[i].text, strlen(cases[i].text), version), cases[i].version != NULL);
        assert_string_equal(version, cases[i].version != NULL ? cases[i].version : "as before");
    }
    char version[NIP__ZONE_VERSION_SIZE] = "";
    assert_int_equal(nip__zone_version(version, NULL), 0);
    assert_true(version[0] != '\0');
}

static void test_out_of_memory(void **state)
{
    (void)state;
    nip__zone *zone = load("UTC");
    for (long k = 1;; k++) {
        nip__period period = {.ordinal = 7};
        char version[NIP__ZONE_VERSION_SIZE] = "";
        nip_error *err = NULL;
        fail_allocation(k, 0);
        int rc = nip__period_named(zone, "1h30m/2026-04-01T00:00:00Z", &period, &err);
        if (rc == 0)
            rc = nip__zone_version(version, &err);
        long seen = allocations_seen();
        fail_allocation(0, 0);
        if (seen < k) {
            assert_int_equal(rc, 0);
            break;
        }
        assert_int_equal(rc, NIP_E_NOMEM);
        assert_int_equal(nip_error_code(err), NIP_E_NOMEM);
        nip_error_free(err);
    }
    nip__zone_free(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_what_is_no_period),
        cmocka_unit_test(test_which_one_holds_an_instant),
        cmocka_unit_test(test_the_ends_of_time),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_as_people_ask),
        cmocka_unit_test(test_changes_of_the_offset),
        cmocka_unit_test(test_labels_are_read_back),
        cmocka_unit_test(test_random_labels),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_the_version_of_zones),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
