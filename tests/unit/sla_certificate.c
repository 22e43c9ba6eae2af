/* Certificates: byte for byte, and none for figures that do not add up. */
#include "unit.h"

#include "failing_malloc.h"
#include "sla/certificate.h"

#define HOUR INT64_C(3600000)

static nip__ms at(const char *text)
{
    nip_time time;
    assert_int_equal(nip_time_parse(text, &time, NULL), 0);
    return nip__ms_of(time);
}

static void assert_period(const char *zone_name, const char *label, const char *now, const char *json)
{
    nip__zone *zone = NULL;
    nip__period period;
    assert_int_equal(nip__zone_load(zone_name, &zone, NULL), 0);
    assert_int_equal(nip__period_named(zone, label, &period, NULL), 0);
    nip__certified_period where = {&period, zone, zone_name, "2025b", at(now)};
    nip__buffer text = NIP__BUFFER(65536);
    nip__writer writer = NIP__WRITER(&text);
    nip__certificate_write_period(&writer, NULL, &where);
    assert_string_equal(nip__buffer_string(&text), json);
    nip__buffer_clear(&text);
    nip__zone_free(zone);
}

static void test_where_a_period_lies(void **state)
{
    (void)state;
    assert_period("Europe/Berlin", "2026-03", "2026-03-31T22:00:00Z",
                  "{\"label\":\"2026-03\",\"kind\":\"month\",\"zone\":\"Europe/Berlin\",\"tzdata\":\"2025b\","
                  "\"begin\":{\"utc\":\"2026-02-28T23:00:00Z\",\"local\":\"2026-03-01T00:00:00+01:00\",\"midnight\":\"shown_once\"},"
                  "\"end\":{\"utc\":\"2026-03-31T22:00:00Z\",\"local\":\"2026-04-01T00:00:00+02:00\",\"midnight\":\"shown_once\"},"
                  "\"open\":false,\"length\":\"743h\",\"length_ms\":2674800000,"
                  "\"offset_changes\":[{\"utc\":\"2026-03-29T01:00:00Z\",\"before\":\"2026-03-29T02:00:00+01:00\",\"after\":\"2026-03-29T03:00:00+02:00\"}],"
                  "\"offset_change_count\":1}");
    assert_period("America/Santiago", "2026-09-06", "2026-09-06T12:00:00Z",
                  "{\"label\":\"2026-09-06\",\"kind\":\"day\",\"zone\":\"America/Santiago\",\"tzdata\":\"2025b\","
                  "\"begin\":{\"utc\":\"2026-09-06T04:00:00Z\",\"local\":\"2026-09-06T01:00:00-03:00\",\"midnight\":\"left_out\"},"
                  "\"end\":{\"utc\":\"2026-09-07T03:00:00Z\",\"local\":\"2026-09-07T00:00:00-03:00\",\"midnight\":\"shown_once\"},"
                  "\"open\":true,\"length\":\"23h\",\"length_ms\":82800000,\"offset_changes\":[],\"offset_change_count\":0}");
    assert_period("Atlantic/Azores", "2026-10-25", "2026-10-25T00:00:00Z",
                  "{\"label\":\"2026-10-25\",\"kind\":\"day\",\"zone\":\"Atlantic/Azores\",\"tzdata\":\"2025b\","
                  "\"begin\":{\"utc\":\"2026-10-25T00:00:00Z\",\"local\":\"2026-10-25T00:00:00+00:00\",\"midnight\":\"shown_twice\"},"
                  "\"end\":{\"utc\":\"2026-10-26T01:00:00Z\",\"local\":\"2026-10-26T00:00:00-01:00\",\"midnight\":\"shown_once\"},"
                  "\"open\":true,\"length\":\"25h\",\"length_ms\":90000000,"
                  "\"offset_changes\":[{\"utc\":\"2026-10-25T01:00:00Z\",\"before\":\"2026-10-25T01:00:00+00:00\",\"after\":\"2026-10-25T00:00:00-01:00\"}],"
                  "\"offset_change_count\":1}");
    assert_period("UTC", "30d/2026-03-31T00:00:00.500Z", "2026-04-01T00:00:00Z",
                  "{\"label\":\"30d/2026-03-31T00:00:00.500Z\",\"kind\":\"rolling\",\"zone\":\"UTC\",\"tzdata\":\"2025b\","
                  "\"begin\":{\"utc\":\"2026-03-01T00:00:00.500Z\",\"local\":\"2026-03-01T00:00:00.500+00:00\",\"midnight\":null},"
                  "\"end\":{\"utc\":\"2026-03-31T00:00:00.500Z\",\"local\":\"2026-03-31T00:00:00.500+00:00\",\"midnight\":null},"
                  "\"open\":false,\"length\":\"720h\",\"length_ms\":2592000000,\"offset_changes\":[],\"offset_change_count\":0}");
}

/* ---- with figures ---- */

typedef struct scene {
    nip__zone *zone;
    nip__period period;
    nip__sla_figures figures;
    nip__exclusion_class classes[2];
    nip__certificate certificate;
} scene;

static void begin_scene(scene *s)
{
    *s = (scene){.classes = {{.name = "maintenance", .max_ms = 2 * HOUR, .asked_ms = 3 * HOUR, .counted_ms = 2 * HOUR}, {.name = "other", .max_ms = -1}}};
    assert_int_equal(nip__zone_load("Europe/Berlin", &s->zone, NULL), 0);
    assert_int_equal(nip__period_named(s->zone, "2026-03-29", &s->period, NULL), 0);
    s->figures = (nip__sla_figures){.excluded = 3 * HOUR, .covered = 18 * HOUR, .missing = HOUR, .ahead = HOUR};
    s->certificate = (nip__certificate){
        .where = {&s->period, s->zone, "Europe/Berlin", "2025b", at("2026-03-29T21:00:00Z")},
        .objective = "uptime",
        .definition = "c0ffee",
        .as_of = 41,
        .figures = &s->figures,
        .outside_hours_ms = HOUR,
        .classes = s->classes,
        .class_count = 2,
    };
}

static void test_a_certificate(void **state)
{
    (void)state;
    scene s;
    begin_scene(&s);
    nip__buffer text = NIP__BUFFER(65536);
    nip__writer writer = NIP__WRITER(&text);
    assert_int_equal(nip__certificate_write(&writer, NULL, &s.certificate, NULL), 0);
    assert_contains(nip__buffer_string(&text), "{\"v\":1,\"objective\":\"uptime\",\"definition\":\"c0ffee\",\"as_of\":41,\"period\":{\"label\":\"2026-03-29\",");
    assert_contains(nip__buffer_string(&text),
                    "},\"excluded_ms\":10800000,\"covered_ms\":64800000,\"missing_ms\":3600000,\"ahead_ms\":3600000,\"outside_hours_ms\":3600000,"
                    "\"exclusions\":[{\"class\":\"maintenance\",\"max_ms\":7200000,\"asked_ms\":10800000,\"counted_ms\":7200000},"
                    "{\"class\":\"other\",\"max_ms\":null,\"asked_ms\":0,\"counted_ms\":0}]}");
    nip__buffer_clear(&text);
    nip__zone_free(s.zone);
}

/* Each figure a ms off, below 0, or so large that a sum of 64 bits comes round again. */
static void test_figures_that_do_not_add_up(void **state)
{
    (void)state;
    static const struct {
        int64_t excluded, covered, missing, ahead, outside;
    } by[] = {
        {1, 0, 0, 0, 0}, {0, 1, 0, 0, 0}, {0, 0, 1, 0, 0}, {0, 0, 0, 1, 0}, {-1, 0, 0, 0, 0}, {0, -1, 0, 0, 0}, {0, 0, -1, 0, 0}, {0, 0, 0, -1, 0},
        {0, 0, 0, 0, 2 * HOUR + 1}, {0, 0, 0, 0, -HOUR - 1},
        {0, 2 * HOUR, -2 * HOUR, 0, 0}, {-4 * HOUR, 4 * HOUR, 0, 0, 0}, {0, -19 * HOUR, 0, 19 * HOUR, 0}, {0, 2 * HOUR, 0, -2 * HOUR, 0},
        {INT64_MAX - 3 * HOUR, INT64_MAX - 18 * HOUR, 2 + 21 * HOUR, 0, 0},
    };
    for (size_t i = 0; i < COUNT(by); i++) {
        scene s;
        begin_scene(&s);
        s.figures.excluded += by[i].excluded;
        s.figures.covered += by[i].covered;
        s.figures.missing += by[i].missing;
        s.figures.ahead += by[i].ahead;
        s.certificate.outside_hours_ms += by[i].outside;
        nip__buffer text = NIP__BUFFER(65536);
        nip__writer writer = NIP__WRITER(&text);
        nip_error *err = NULL;
        if (nip__certificate_write(&writer, NULL, &s.certificate, &err) != NIP_E_INTERNAL)
            fail_msg("row %zu is certified", i);
        assert_contains(nip_error_message(err), "2026-03-29 has 82800000 ms, but excluded ");
        assert_int_equal(text.length, 0);
        nip_error_free(err);
        nip__buffer_clear(&text);
        nip__zone_free(s.zone);
    }
}

static void test_out_of_memory(void **state)
{
    (void)state;
    scene s;
    begin_scene(&s);
    for (long k = 1;; k++) {
        nip__buffer text = NIP__BUFFER(65536);
        nip__writer writer = NIP__WRITER(&text);
        fail_allocation(k, 0);
        int rc = nip__certificate_write(&writer, NULL, &s.certificate, NULL);
        long seen = allocations_seen();
        fail_allocation(0, 0);
        assert_int_equal(rc, 0);
        assert_int_equal(text.failed, seen >= k); /* never a text that lacks something */
        nip__buffer_clear(&text);
        if (seen < k)
            break;
    }
    nip__zone_free(s.zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_a_period_lies),
        cmocka_unit_test(test_a_certificate),
        cmocka_unit_test(test_figures_that_do_not_add_up),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
