/* Service hours and what comes again, against clocks that are read minute by minute. */
#include "unit.h"

#include "base/civil.h"
#include "base/random.h"
#include "base/time.h"
#include "failing_malloc.h"
#include "sla/daily.h"
#include "sla/hours.h"
#include "sla/recurrence.h"

#define MINUTE INT64_C(60000)
#define DAY INT64_C(86400)

static nip__ms at(const char *text)
{
    nip_time time;
    assert_int_equal(nip_time_parse(text, &time, NULL), 0);
    return nip__ms_of(time);
}

/* "2026-03-29T00:00:00Z 2026-03-30T00:00:00Z; " */
static void assert_spans(const nip__spans *set, const char *wanted, const char *what)
{
    nip__buffer text = NIP__BUFFER(10000);
    for (size_t i = 0; i < set->count; i++) {
        nip__time_write(&text, nip__ms_time(set->items[i].begin));
        nip__buffer_char(&text, ' ');
        nip__time_write(&text, nip__ms_time(set->items[i].end));
        nip__buffer_text(&text, i + 1 < set->count ? "; " : "");
    }
    if (strcmp(nip__buffer_string(&text), wanted) != 0)
        fail_msg("%s: %s, wanted %s", what, nip__buffer_string(&text), wanted);
    nip__buffer_clear(&text);
}

static nip__value *read_json(nip__arena *arena, const char *text)
{
    nip__value *value = NULL;
    nip_error *err = NULL;
    if (nip__json_read(arena, text, strlen(text), "test", &nip__document_limits, &value, &err) < 0)
        fail_msg("%s", nip_error_message(err));
    return value;
}

static int normalize(nip__arena *arena, const char *text, nip__value **value, nip_error **err)
{
    nip__problems problems = {0};
    *value = nip__schema_apply(arena, nip__hours_fields, read_json(arena, text), "test", "", &problems);
    if (problems.count == 0)
        nip__hours_check(*value, "/service_hours", "test", &problems);
    return nip__problems_finish(&problems, NIP_E_INVALID, err);
}

static void test_service_hours(void **state)
{
    (void)state;
    static const struct {
        const char *hours, *begin, *end, *wanted;
    } cases[] = {
        {"{\"windows\":[{\"days\":[\"mon\",\"tue\",\"wed\",\"thu\",\"fri\"],\"from\":\"08:00\",\"to\":\"20:00\"}]}", "2026-03-27T00:00:00Z", "2026-03-31T00:00:00Z",
         "2026-03-27T07:00:00Z 2026-03-27T19:00:00Z; 2026-03-30T06:00:00Z 2026-03-30T18:00:00Z"}, /* clocks are set forward in between */
        {"{\"windows\":{\"days\":\"fri\",\"from\":\"22:00\",\"to\":\"06:00\"}}", "2026-11-27T22:00:00Z", "2026-11-28T12:00:00Z",
         "2026-11-27T22:00:00Z 2026-11-28T05:00:00Z"},
        {"{\"windows\":{\"days\":\"thu\",\"from\":\"22:00\",\"to\":\"06:00\"}}", "2026-11-27T00:00:00Z", "2026-11-28T12:00:00Z",
         "2026-11-27T00:00:00Z 2026-11-27T05:00:00Z"}, /* it began before */
        {"{\"windows\":{}}", "2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z", "2026-03-28T00:00:00Z 2026-03-31T00:00:00Z"}, /* all day, every day: one stretch */
        {"{\"windows\":{\"from\":\"08:00\",\"to\":\"20:00\"},\"holidays\":[\"2026-12-25\",\"2026-12-26\"]}", "2026-12-24T18:00:00Z", "2026-12-27T08:00:00Z",
         "2026-12-24T18:00:00Z 2026-12-24T19:00:00Z; 2026-12-27T07:00:00Z 2026-12-27T08:00:00Z"},
        {"{\"windows\":[{\"from\":\"08:00\",\"to\":\"12:00\"},{\"from\":\"11:00\",\"to\":\"13:00\",\"zone\":\"UTC\"}]}", "2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z",
         "2026-11-25T07:00:00Z 2026-11-25T13:00:00Z"},
        {"{\"windows\":{\"from\":\"02:30\",\"to\":\"02:45\"}}", "2026-03-29T00:00:00Z", "2026-03-29T12:00:00Z", ""}, /* nobody saw it */
        {"{\"windows\":{\"from\":\"02:30\",\"to\":\"02:45\"}}", "2026-10-25T00:00:00Z", "2026-10-25T12:00:00Z", "2026-10-25T00:30:00Z 2026-10-25T01:45:00Z"},
        {"{\"windows\":{\"days\":\"fri\",\"zone\":\"Pacific/Apia\"}}", "2011-12-29T00:00:00Z", "2012-01-01T00:00:00Z", ""}, /* a Friday that was not */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__arena *arena = nip__arena_new();
        nip__value *value;
        nip__hours hours;
        nip__spans out = {0};
        assert_int_equal(normalize(arena, cases[i].hours, &value, NULL), 0);
        assert_int_equal(nip__hours_read(arena, value, "Europe/Berlin", &hours, NULL), 0);
        assert_int_equal(nip__hours_within(&hours, at(cases[i].begin), at(cases[i].end), &out), 0);
        assert_spans(&out, cases[i].wanted, cases[i].hours);
        nip__spans_clear(&out);
        nip__hours_clear(&hours);
        nip__arena_free(arena);
    }
    nip__hours always = {0};
    nip__spans out = {0};
    assert_int_equal(nip__hours_within(&always, 0, 5, &out), 0);
    assert_spans(&out, "1970-01-01T00:00:00Z 1970-01-01T00:00:00.005Z", "no windows");
    nip__spans_clear(&out);
}

static void test_hours_that_make_no_sense(void **state)
{
    (void)state;
    static const struct {
        const char *hours, *says;
    } cases[] = {
        {"{}", "windows"},
        {"{\"windows\":[]}", "windows"},
        {"{\"windows\":{\"from\":\"8:00\"}}", "must be a time of the day such as \"09:00\""},
        {"{\"windows\":{\"from\":\"08:00\",\"to\":\"08:00\"}}", "are the same"},
        {"{\"windows\":{\"days\":\"monday\"}}", "mon"},
        {"{\"windows\":{\"zone\":\"Europe/Berlinn\"}}", "there is no time zone Europe/Berlinn"},
        {"{\"windows\":{},\"holidays\":[\"2026-02-30\"]}", "\"2026-02-30\" is no day; they look like 2026-12-25"},
        {"{\"windows\":{},\"holidays\":[\"Christmas\"]}", "\"Christmas\" is no day"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__arena *arena = nip__arena_new();
        nip__value *value;
        nip_error *err = NULL;
        if (normalize(arena, cases[i].hours, &value, &err) != NIP_E_INVALID)
            fail_msg("%s is taken", cases[i].hours);
        assert_contains(nip_error_message(err), cases[i].says);
        nip_error_free(err);
        nip__arena_free(arena);
    }
}

static void test_what_comes_again(void **state)
{
    (void)state;
#define TWO_TO_FOUR "\"from\":\"02:00\",\"to\":\"04:00\",\"zone\":\"Europe/Berlin\",\"first\":\"2026-01-01\""
    static const struct {
        const char *rule, *begin, *end, *wanted;
    } cases[] = {
        {"{\"every\":\"week\",\"days\":\"sun\"," TWO_TO_FOUR "}", "2026-03-20T00:00:00Z", "2026-04-06T00:00:00Z",
         "2026-03-22T01:00:00Z 2026-03-22T03:00:00Z; 2026-03-29T01:00:00Z 2026-03-29T02:00:00Z; 2026-04-05T00:00:00Z 2026-04-05T02:00:00Z"},
        {"{\"every\":\"week\",\"days\":\"sun\"," TWO_TO_FOUR "}", "2026-10-25T00:00:00Z", "2026-10-26T00:00:00Z",
         "2026-10-25T00:00:00Z 2026-10-25T03:00:00Z"}, /* three hours by the sun */
        {"{\"every\":\"week\",\"days\":\"sun\"," TWO_TO_FOUR ",\"until\":\"2026-01-04\"}", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z",
         "2026-01-04T01:00:00Z 2026-01-04T03:00:00Z"},
        {"{\"every\":\"week\",\"days\":\"wed\"," TWO_TO_FOUR "}", "2025-12-29T00:00:00Z", "2026-01-09T00:00:00Z", "2026-01-07T01:00:00Z 2026-01-07T03:00:00Z"},
        {"{\"every\":\"month\",\"day\":31," TWO_TO_FOUR "}", "2026-03-01T00:00:00Z", "2026-07-01T00:00:00Z",
         "2026-03-31T00:00:00Z 2026-03-31T02:00:00Z; 2026-05-31T00:00:00Z 2026-05-31T02:00:00Z"},
        {"{\"every\":\"month\",\"day\":-1," TWO_TO_FOUR "}", "2026-02-01T00:00:00Z", "2026-04-01T00:00:00Z",
         "2026-02-28T01:00:00Z 2026-02-28T03:00:00Z; 2026-03-31T00:00:00Z 2026-03-31T02:00:00Z"},
        {"{\"every\":\"month\",\"nth\":2,\"weekday\":\"tue\"," TWO_TO_FOUR "}", "2026-11-01T00:00:00Z", "2027-01-01T00:00:00Z",
         "2026-11-10T01:00:00Z 2026-11-10T03:00:00Z; 2026-12-08T01:00:00Z 2026-12-08T03:00:00Z"},
        {"{\"every\":\"month\",\"nth\":-1,\"weekday\":\"sun\"," TWO_TO_FOUR "}", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z",
         "2026-03-29T01:00:00Z 2026-03-29T02:00:00Z"},
        {"{\"every\":\"month\",\"nth\":5,\"weekday\":\"sun\"," TWO_TO_FOUR "}", "2026-03-01T00:00:00Z", "2026-05-01T00:00:00Z",
         "2026-03-29T01:00:00Z 2026-03-29T02:00:00Z"}, /* April has four */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__arena *arena = nip__arena_new();
        nip__problems problems = {0};
        nip__zones zones = {0};
        nip__recurrence rule;
        nip__spans out = {0};
        nip__value *value = nip__schema_apply(arena, nip__recurrence_fields, read_json(arena, cases[i].rule), "test", "", &problems);
        nip__recurrence_check(value, "", "test", &problems);
        nip_error *err = NULL;
        if (nip__problems_finish(&problems, NIP_E_INVALID, &err) < 0)
            fail_msg("%s: %s", cases[i].rule, nip_error_message(err));
        assert_int_equal(nip__recurrence_read(value, &zones, &rule, NULL), 0);
        assert_int_equal(nip__recurrence_add(&rule, at(cases[i].begin), at(cases[i].end), &out), 0);
        assert_spans(&out, cases[i].wanted, cases[i].rule);
        nip__spans_clear(&out);
        nip__zones_clear(&zones);
        nip__arena_free(arena);
    }
}

static void test_rules_that_make_no_sense(void **state)
{
    (void)state;
#define REST "\"from\":\"02:00\",\"to\":\"04:00\",\"zone\":\"UTC\",\"first\":\"2026-01-01\""
    static const struct {
        const char *rule, *says;
    } cases[] = {
        {"{\"every\":\"week\"," REST "}", "every week: needs days"},
        {"{\"every\":\"week\",\"days\":\"sun\",\"day\":1," REST "}", "every week: needs days"},
        {"{\"every\":\"month\"," REST "}", "every month: needs either day, or nth and weekday"},
        {"{\"every\":\"month\",\"day\":1,\"nth\":1,\"weekday\":\"sun\"," REST "}", "every month: needs either"},
        {"{\"every\":\"month\",\"nth\":1," REST "}", "every month: needs either"},
        {"{\"every\":\"month\",\"weekday\":\"sun\"," REST "}", "every month: needs either"},
        {"{\"every\":\"month\",\"day\":1,\"days\":\"sun\"," REST "}", "every month: needs either"},
        {"{\"every\":\"month\",\"day\":0," REST "}", "counted from 1; -1 is the last"},
        {"{\"every\":\"month\",\"nth\":0,\"weekday\":\"sun\"," REST "}", "counted from 1; -1 is the last"},
        {"{\"every\":\"month\",\"day\":32," REST "}", "day"},
        {"{\"every\":\"year\"," REST "}", "every"},
        {"{\"every\":\"week\",\"days\":\"sun\",\"from\":\"02:00\",\"to\":\"02:00\",\"zone\":\"UTC\",\"first\":\"2026-01-01\"}", "are the same"},
        {"{\"every\":\"week\",\"days\":\"sun\",\"from\":\"02:00\",\"to\":\"25:00\",\"zone\":\"UTC\",\"first\":\"2026-01-01\"}", "a time of the day"},
        {"{\"every\":\"week\",\"days\":\"sun\",\"from\":\"02:00\",\"to\":\"04:00\",\"zone\":\"Mars\",\"first\":\"2026-01-01\"}", "there is no time zone Mars"},
        {"{\"every\":\"week\",\"days\":\"sun\",\"from\":\"02:00\",\"to\":\"04:00\",\"zone\":\"UTC\",\"first\":\"soon\"}", "must be days such as"},
        {"{\"every\":\"week\",\"days\":\"sun\"," REST ",\"until\":\"2025-12-31\"}", "until must not be before first"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__arena *arena = nip__arena_new();
        nip__problems problems = {0};
        nip_error *err = NULL;
        nip__value *value = nip__schema_apply(arena, nip__recurrence_fields, read_json(arena, cases[i].rule), "test", "", &problems);
        if (problems.count == 0)
            nip__recurrence_check(value, "", "test", &problems);
        if (nip__problems_finish(&problems, NIP_E_INVALID, &err) != NIP_E_INVALID)
            fail_msg("%s is taken", cases[i].rule);
        assert_contains(nip_error_message(err), cases[i].says);
        nip_error_free(err);
        nip__arena_free(arena);
    }
}

/* ---- minute by minute ---- */

enum { DAYS = 9, MARGIN = 3, MINUTES_OF_DAY = 1440, MINUTES = DAYS * MINUTES_OF_DAY };

/* What the clocks of a zone show, from `start` on, in minutes. */
typedef struct wall {
    int64_t start, shown[MINUTES];
} wall;

static void look_at(wall *w, const nip__zone *zone, nip__ms start)
{
    w->start = start;
    for (int i = 0; i < MINUTES; i++) {
        int64_t seconds = start / 1000 + i * 60;
        w->shown[i] = (seconds + nip__zone_at(zone, seconds).offset) / 60;
    }
}

/* The first and the last minute that shows `local`; where none does, the first one after the jump over it. */
static int first_at(const wall *w, int64_t local)
{
    int i = 0;
    while (i < MINUTES && w->shown[i] < local)
        i++;
    return i;
}

static int last_at(const wall *w, int64_t local)
{
    int i = MINUTES - 1;
    while (i > 0 && w->shown[i] != local)
        i--;
    return i > 0 ? i : first_at(w, local);
}

static bool by_bits(const void *rule, int64_t day)
{
    return *(const unsigned *)rule >> nip__civil_weekday(day) & 1;
}

static void test_stretches_against_a_wall_clock(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *around;
    } places[] = {
        {"Europe/Berlin", "2026-03-29T00:00:00Z"}, {"Europe/Berlin", "2026-10-25T00:00:00Z"}, {"Australia/Lord_Howe", "2026-04-04T12:00:00Z"},
        {"Australia/Lord_Howe", "2026-10-03T12:00:00Z"}, {"America/Santiago", "2026-09-06T00:00:00Z"}, {"America/Santiago", "2026-04-05T00:00:00Z"},
        {"Atlantic/Azores", "2026-10-25T00:00:00Z"}, {"Antarctica/Troll", "2026-03-29T00:00:00Z"}, {"Pacific/Apia", "2011-12-30T12:00:00Z"},
        {"America/St_Johns", "2006-10-29T00:00:00Z"}, {"UTC", "1970-01-03T00:00:00Z"},
    };
    static wall w;
    nip__random random;
    nip__random_seed(&random, 20260308);
    for (int run = 0; run < 2000; run++) {
        size_t place = nip__random_below(&random, COUNT(places));
        nip__zone *zone = NULL;
        assert_int_equal(nip__zone_load(places[place].zone, &zone, NULL), 0);
        look_at(&w, zone, at(places[place].around) - DAYS / 2 * DAY * 1000);
        unsigned days = (unsigned)nip__random_below(&random, 128);
        int from = (int)nip__random_below(&random, run % 3 == 0 ? 5 : 1440), to = (int)nip__random_below(&random, run % 2 == 0 ? 5 : 1441);
        to = to == from ? 1440 : to;
        nip__daily daily = {.zone = zone, .from = from * 60, .to = to * 60, .begins_on = by_bits, .rule = &days};
        int begin = MARGIN * MINUTES_OF_DAY + (int)nip__random_below(&random, 1440), end = MINUTES - MARGIN * MINUTES_OF_DAY - (int)nip__random_below(&random, 1440);
        nip__spans out = {0}, wanted = {0};
        assert_int_equal(nip__daily_add(&daily, w.start + begin * MINUTE, w.start + end * MINUTE, &out), 0);
        for (int64_t day = w.shown[0] / MINUTES_OF_DAY + 1; day < w.shown[MINUTES - 1] / MINUTES_OF_DAY - 1; day++) {
            int first = first_at(&w, day * MINUTES_OF_DAY + from), last = last_at(&w, (day + (to <= from)) * MINUTES_OF_DAY + to);
            if (days >> ((day + 4) % 7) & 1)
                assert_int_equal(nip__spans_add(&wanted, w.start + first * MINUTE, w.start + last * MINUTE), 0);
        }
        assert_int_equal(nip__spans_clip(&wanted, w.start + begin * MINUTE, w.start + end * MINUTE, &wanted), 0);
        if (out.count != wanted.count || (out.count > 0 && memcmp(out.items, wanted.items, out.count * sizeof *out.items) != 0))
            fail_msg("run %d: %s %d-%d on %x: %zu stretches, wanted %zu", run, places[place].zone, from, to, days, out.count, wanted.count);
        nip__spans_clear(&out);
        nip__spans_clear(&wanted);
        nip__zone_free(zone);
    }
}

/* Each day of eight years by counting from the first of its month. */
static void test_days_of_a_month(void **state)
{
    (void)state;
    nip__zone *zone = NULL;
    assert_int_equal(nip__zone_load("UTC", &zone, NULL), 0);
    for (int nth = -1; nth <= 5; nth++) {
        for (int weekday = 0; weekday < 7 && nth != 0; weekday++) {
            nip__recurrence rule = {.monthly = true, .nth = nth, .weekdays = 1u << weekday, .zone = zone, .to = DAY, .first = INT64_MIN, .until = INT64_MAX};
            nip__spans out = {0};
            int64_t begin = nip__civil_days(2020, 1, 1), end = nip__civil_days(2028, 1, 1), found = 0;
            assert_int_equal(nip__recurrence_add(&rule, begin * DAY * 1000, end * DAY * 1000, &out), 0);
            for (int month = 0; month < 96; month++) {
                int64_t first = nip__civil_days(2020 + month / 12, month % 12 + 1, 1), after = nip__civil_days(2020 + (month + 1) / 12, (month + 1) % 12 + 1, 1);
                int64_t days[6], count = 0;
                for (int64_t day = first; day < after; day++) {
                    if (nip__civil_weekday(day) == weekday)
                        days[count++] = day;
                }
                int64_t wanted = nth == -1 ? days[count - 1] : nth <= count ? days[nth - 1] : -1;
                for (int64_t day = first; day < after; day++)
                    assert_int_equal(nip__spans_hold(&out, day * DAY * 1000), day == wanted);
                found += wanted != -1;
            }
            assert_int_equal(nip__spans_length(&out), found * DAY * 1000);
            nip__spans_clear(&out);
        }
    }
    nip__zone_free(zone);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    static const char text[] = "{\"windows\":[{\"days\":\"mon\",\"from\":\"08:00\",\"to\":\"20:00\",\"zone\":\"Europe/Berlin\"},{\"zone\":\"UTC\",\"days\":\"sun\"}],"
                               "\"holidays\":[\"2026-12-25\"]}";
    nip__arena *kept = nip__arena_new();
    nip__value *value;
    assert_int_equal(normalize(kept, text, &value, NULL), 0);
    for (long k = 1;; k++) {
        nip__arena *arena = nip__arena_new();
        nip__hours hours = {0};
        nip__spans out = {0};
        nip_error *err = NULL;
        long alive = allocations_alive();
        assert_int_equal(nip__spans_add(&out, 0, 7), 0);
        fail_allocation(k, 0);
        int rc = nip__hours_read(arena, value, "UTC", &hours, &err);
        if (rc == 0)
            rc = nip__hours_within(&hours, at("2026-11-01T00:00:00Z"), at("2026-12-31T00:00:00Z"), &out);
        long seen = allocations_seen();
        fail_allocation(0, 0);
        if (seen >= k) {
            assert_int_equal(rc, NIP_E_NOMEM);
            assert_int_equal(nip__spans_length(&out), 7);
        } else {
            assert_int_equal(rc, 0);
        }
        nip_error_free(err);
        nip__spans_clear(&out);
        nip__hours_clear(&hours);
        nip__arena_free(arena);
        assert_true(allocations_alive() <= alive);
        if (seen < k)
            break;
    }
    nip__arena_free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service_hours),
        cmocka_unit_test(test_hours_that_make_no_sense),
        cmocka_unit_test(test_what_comes_again),
        cmocka_unit_test(test_rules_that_make_no_sense),
        cmocka_unit_test(test_stretches_against_a_wall_clock),
        cmocka_unit_test(test_days_of_a_month),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
