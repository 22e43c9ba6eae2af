/* Exclusions: records, revocations, limits, against a model that goes minute by minute. */
#include "unit.h"

#include "base/random.h"
#include "failing_malloc.h"
#include "sla/exclusion.h"

#define MINUTE INT64_C(60000)

static nip__exclusions *begin_list(void)
{
    nip__exclusions *list = NULL;
    assert_int_equal(nip__exclusions_new(&list, NULL), 0);
    return list;
}

static void add(nip__exclusions *list, const char *payload)
{
    nip_error *err = NULL;
    int64_t sequence = list->count == 0 ? 1 : list->items[list->count - 1].sequence + 1;
    if (nip__exclusions_add(list, sequence, sequence * NIP_SECOND, payload, strlen(payload), &err) < 0)
        fail_msg("%s: %s", payload, nip_error_message(err));
}

#define WHO "\"who\":\"ann\",\"why\":\"planned\""
#define HOUR_OF(id, class, hour) "{\"v\":1,\"id\":\"" id "\",\"class\":\"" class "\",\"begin\":\"1970-01-01T" hour ":00:00Z\",\"end\":\"1970-01-01T" hour ":59:59.999Z\"," WHO "}"
#define REVOKE(id, of) "{\"v\":1,\"id\":\"" id "\",\"revokes\":\"" of "\"," WHO "}"

static int64_t excluded(const nip__exclusions *list, const char *objective, int64_t as_of)
{
    nip__spans out = {0};
    nip__exclusion_question q = {.objective = objective, .as_of = as_of, .begin = 0, .end = 1440 * MINUTE};
    assert_int_equal(nip__exclusions_apply(list, &q, &out), 0);
    int64_t length = nip__spans_length(&out);
    nip__spans_clear(&out);
    return length;
}

static void test_what_was_reported_stays(void **state)
{
    (void)state;
    nip__exclusions *list = begin_list();
    add(list, HOUR_OF("a", "maintenance", "01"));
    add(list, HOUR_OF("b", "maintenance", "02"));
    add(list, REVOKE("c", "a"));
    add(list, HOUR_OF("d", "maintenance", "03"));
    static const int64_t hours[] = {0, 1, 2, 1, 2};
    for (int64_t as_of = 0; as_of < (int64_t)COUNT(hours); as_of++)
        assert_int_equal(excluded(list, "availability", as_of), hours[as_of] * 3599999);
    assert_int_equal(excluded(list, "availability", INT64_MAX), 2 * 3599999);
    assert_string_equal(list->items[0].who, "ann");
    assert_string_equal(list->items[0].why, "planned");
    assert_int_equal(list->items[0].revoked_by, 3);
    assert_int_equal(list->items[1].recorded, 2 * NIP_SECOND);
    nip__exclusions_free(list);
}

/* One record may put another in the place of what it revokes. */
static void test_an_amendment(void **state)
{
    (void)state;
    nip__exclusions *list = begin_list();
    add(list, HOUR_OF("a", "maintenance", "01"));
    add(list, "{\"v\":1,\"id\":\"b\",\"revokes\":\"a\",\"class\":\"maintenance\",\"begin\":\"1970-01-01T01:00:00Z\",\"end\":\"1970-01-01T01:00:00.007Z\"," WHO "}");
    assert_int_equal(excluded(list, "availability", 1), 3599999);
    assert_int_equal(excluded(list, "availability", 2), 7);
    nip__exclusions_free(list);
}

static void test_objectives(void **state)
{
    (void)state;
    nip__exclusions *list = begin_list();
    add(list, "{\"v\":1,\"id\":\"a\",\"class\":\"maintenance\",\"objectives\":[\"latency\",\"availability\"],\"begin\":\"1970-01-01T01:00:00Z\",\"end\":\"1970-01-01T01:00:01Z\"," WHO "}");
    assert_int_equal(excluded(list, "availability", 1), 1000);
    assert_int_equal(excluded(list, "latency", 1), 1000);
    assert_int_equal(excluded(list, "errors", 1), 0);
    nip__exclusions_free(list);
}

static void test_limits_of_classes(void **state)
{
    (void)state;
    nip__exclusions *list = begin_list();
    add(list, HOUR_OF("late", "maintenance", "05"));
    add(list, HOUR_OF("early", "maintenance", "01"));
    add(list, HOUR_OF("other", "force_majeure", "05"));
    add(list, HOUR_OF("unknown", "whim", "09"));
    nip__exclusion_class classes[] = {{.name = "maintenance", .max_ms = 3599999 + 1000}, {.name = "force_majeure", .max_ms = -1}, {.name = "upgrade", .max_ms = 0}};
    nip__exclusion_question q = {.objective = "x", .as_of = INT64_MAX, .begin = 0, .end = 1440 * MINUTE, .classes = classes, .class_count = 1};
    nip__spans out = {0};
    assert_int_equal(nip__exclusions_apply(list, &q, &out), 0);
    assert_int_equal(out.count, 2); /* the whole of the earlier one, whenever it was recorded, and a second of the later */
    assert_int_equal(out.items[0].begin, 60 * MINUTE);
    assert_int_equal(out.items[1].begin, 300 * MINUTE);
    assert_int_equal(out.items[1].end, 300 * MINUTE + 1000);
    assert_int_equal(classes[0].asked_ms, 2 * 3599999);
    assert_int_equal(classes[0].counted_ms, 3599999 + 1000);
    q.class_count = COUNT(classes);
    assert_int_equal(nip__exclusions_apply(list, &q, &out), 0);
    assert_int_equal(nip__spans_length(&out), 2 * 3599999); /* force majeure covers the rest of the later one; a whim is no class */
    assert_int_equal(classes[2].asked_ms, 0);
    q.begin = 330 * MINUTE; /* the limit is of a period */
    assert_int_equal(nip__exclusions_apply(list, &q, &out), 0);
    assert_int_equal(classes[0].counted_ms, 30 * MINUTE - 1);
    nip__spans_clear(&out);
    nip__exclusions_free(list);
}

static void test_exact_for_time_and_inward_for_slices(void **state)
{
    (void)state;
    nip__exclusions *list = begin_list();
    add(list, "{\"v\":1,\"id\":\"a\",\"class\":\"m\",\"begin\":\"1970-01-01T00:00:30Z\",\"end\":\"1970-01-01T00:02:00Z\"," WHO "}");
    add(list, "{\"v\":1,\"id\":\"b\",\"class\":\"m\",\"begin\":\"1970-01-01T00:02:00Z\",\"end\":\"1970-01-01T00:03:59.999Z\"," WHO "}");
    nip__exclusion_question q = {.as_of = INT64_MAX, .begin = 0, .end = 1440 * MINUTE};
    nip__spans exact = {0}, slices = {0};
    assert_int_equal(nip__exclusions_apply(list, &q, &exact), 0);
    assert_int_equal(nip__spans_length(&exact), 209999);
    assert_int_equal(nip__spans_snap_inward(&exact, MINUTE, &slices), 0);
    assert_int_equal(slices.count, 1); /* one after the other they hold whole slices */
    assert_int_equal(slices.items[0].begin, MINUTE);
    assert_int_equal(slices.items[0].end, 3 * MINUTE);
    nip__spans_clear(&exact);
    nip__spans_clear(&slices);
    nip__exclusions_free(list);
}

static void test_records_that_are_refused(void **state)
{
    (void)state;
#define STRETCH "\"class\":\"m\",\"begin\":\"2026-03-08T01:00:00Z\",\"end\":\"2026-03-08T02:00:00Z\""
#define EVERY "\"recurrence\":{\"every\":\"week\",\"days\":\"sun\",\"from\":\"02:00\",\"to\":\"04:00\",\"zone\":\"UTC\",\"first\":\"2026-01-01\"}"
    static const struct {
        const char *payload, *says;
    } cases[] = {
        {"", "exclusion:1:1"},
        {"[]", "must be a map"},
        {"{\"v\":1}", "id"},
        {"{\"v\":2,\"id\":\"x\"," STRETCH "," WHO "}", "v"},
        {"{\"id\":\"x\"," STRETCH "," WHO "}", "v"},
        {"{\"v\":1,\"id\":\"\"," STRETCH "," WHO "}", "id"},
        {"{\"v\":1,\"id\":\"x\"," STRETCH ",\"who\":\"ann\"}", "why"},
        {"{\"v\":1,\"id\":\"x\"," STRETCH ",\"why\":\"planned\"}", "who"},
        {"{\"v\":1,\"id\":\"x\"," STRETCH ",\"sometimes\":true," WHO "}", "sometimes"},
        {"{\"v\":1,\"id\":\"x\"," WHO "}", "neither excludes anything"},
        {"{\"v\":1,\"id\":\"x\",\"class\":\"m\"," WHO "}", "needs a class, and either begin and end or a recurrence"},
        {"{\"v\":1,\"id\":\"x\"," STRETCH "," EVERY "," WHO "}", "needs a class, and either"},
        {"{\"v\":1,\"id\":\"x\"," EVERY "," WHO "}", "needs a class, and either"},
        {"{\"v\":1,\"id\":\"x\",\"revokes\":\"a\",\"objectives\":[\"latency\"]," WHO "}", "needs a class, and either"},
        {"{\"v\":1,\"id\":\"x\",\"class\":\"m\",\"begin\":\"2026-03-08T01:00:00Z\"," WHO "}", "begin and end must be instants"},
        {"{\"v\":1,\"id\":\"x\",\"class\":\"m\",\"begin\":\"2026-03-08\",\"end\":\"2026-03-09\"," WHO "}", "begin and end must be instants"},
        {"{\"v\":1,\"id\":\"x\",\"class\":\"m\",\"begin\":\"2026-03-08T02:00:00Z\",\"end\":\"2026-03-08T02:00:00Z\"," WHO "}", "begin must be before end"},
        {"{\"v\":1,\"id\":\"x\",\"class\":\"m\",\"begin\":\"2026-03-08T02:00:00Z\",\"end\":\"2026-03-08T02:00:00.0001Z\"," WHO "}", "whole milliseconds"},
        {"{\"v\":1,\"id\":\"x\",\"class\":\"m\",\"objectives\":[],\"begin\":\"2026-03-08T01:00:00Z\",\"end\":\"2026-03-08T02:00:00Z\"," WHO "}", "objectives"},
        {"{\"v\":1,\"id\":\"x\",\"class\":\"m\",\"recurrence\":{\"every\":\"month\",\"from\":\"02:00\",\"to\":\"04:00\",\"zone\":\"UTC\",\"first\":\"2026-01-01\"}," WHO "}", "every month: needs"},
        {"{\"v\":1,\"id\":\"x\",\"revokes\":\"x\"," WHO "}", "cannot revoke itself"},
        {"{\"v\":1,\"id\":\"x\",\"revokes\":\"nobody\"," WHO "}", "\"x\" revokes \"nobody\", which is no exclusion"},
        {"{\"v\":1,\"id\":\"x\",\"revokes\":\"b\"," WHO "}", "which is no exclusion"}, /* it only revokes */
        {"{\"v\":1,\"id\":\"x\",\"revokes\":\"a\"," WHO "}", "revoked already"},
        {"{\"v\":1,\"id\":\"a\"," STRETCH "," WHO "}", "there is an exclusion \"a\" already"},
    };
    nip__exclusions *list = begin_list();
    add(list, HOUR_OF("a", "maintenance", "01"));
    add(list, REVOKE("b", "a"));
    add(list, HOUR_OF("c", "maintenance", "02"));
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip_error *err = NULL;
        if (nip__exclusions_add(list, 4, 0, cases[i].payload, strlen(cases[i].payload), &err) == 0)
            fail_msg("%s is taken", cases[i].payload);
        assert_contains(nip_error_message(err), cases[i].says);
        nip_error_free(err);
        assert_int_equal(list->count, 3);
        assert_int_equal(excluded(list, "x", INT64_MAX), 3599999);
    }
    static const char late[] = HOUR_OF("late", "maintenance", "04");
    assert_int_equal(nip__exclusions_add(list, 3, 0, late, strlen(late), NULL), NIP_E_INVALID); /* out of order */
    nip__exclusions_free(list);
}

static void test_there_is_an_end_of_them(void **state)
{
    (void)state;
    nip__exclusions *list = begin_list();
    nip__arena *arena = nip__arena_new();
    nip__value *value = nip__map(arena);
    int rc = 0;
    for (int64_t i = 1; i <= NIP__EXCLUSIONS_MAX + 1 && rc == 0; i++) {
        nip__put_text(arena, value, "id", nip__arena_printf(arena, "%lld", (long long)i));
        nip__put_text(arena, value, "class", "m");
        rc = nip__exclusions_add_value(list, i, 0, value, NULL);
    }
    assert_int_equal(rc, NIP_E_LIMIT);
    assert_int_equal(list->count, NIP__EXCLUSIONS_MAX);
    nip__arena_free(arena);
    nip__exclusions_free(list);
}

/* ---- the model ---- */

enum { MINUTES = 300, RECORDS = 14, CLASSES = 3 };

typedef struct model_record {
    bool excludes, daily; /* daily: from its begin to its end of each day, here: of the one day */
    int class_number, begin, end, objective, revoked_by;
} model_record;

static const char *const class_names[CLASSES] = {"maintenance", "upgrade", "other"};
static const char *const objective_names[] = {"availability", "latency"};

static void make_record(nip__random *random, nip__exclusions *list, model_record *records, int number)
{
    char payload[1000], part[300] = "", revokes[50] = "", objectives[50] = "";
    model_record *one = &records[number];
    int target = (int)nip__random_below(random, RECORDS);
    *one = (model_record){.excludes = nip__random_below(random, 5) > 0, .revoked_by = INT32_MAX, .objective = (int)nip__random_below(random, 3) - 1};
    bool can_revoke = target < number && records[target].excludes && records[target].revoked_by == INT32_MAX;
    one->excludes |= !can_revoke;
    if (can_revoke) {
        records[target].revoked_by = number;
        snprintf(revokes, sizeof revokes, ",\"revokes\":\"e%d\"", target);
    }
    one->class_number = (int)nip__random_below(random, CLASSES);
    one->begin = (int)nip__random_below(random, MINUTES);
    one->end = one->begin + 1 + (int)nip__random_below(random, 60);
    one->daily = nip__random_below(random, 4) == 0;
    if (one->objective >= 0)
        snprintf(objectives, sizeof objectives, ",\"objectives\":[\"%s\"]", objective_names[one->objective]);
    if (one->excludes && one->daily)
        snprintf(part, sizeof part, ",\"class\":\"%s\"%s,\"recurrence\":{\"every\":\"month\",\"day\":1,\"begins\":\"%02d:%02d\",\"ends\":\"%02d:%02d\",\"zone\":\"UTC\",\"first\":\"1970-01-01\"}",
                 class_names[one->class_number], objectives, one->begin / 60, one->begin % 60, one->end / 60, one->end % 60);
    else if (one->excludes)
        snprintf(part, sizeof part, ",\"class\":\"%s\"%s,\"begin\":\"1970-01-01T%02d:%02d:00Z\",\"end\":\"1970-01-01T%02d:%02d:00Z\"",
                 class_names[one->class_number], objectives, one->begin / 60, one->begin % 60, one->end / 60, one->end % 60);
    snprintf(payload, sizeof payload, "{\"v\":1,\"id\":\"e%d\",\"who\":\"ann\",\"why\":\"planned\"%s%s}", number, part, revokes);
    add(list, payload);
}

static bool is_asked(const model_record *records, int known, int objective, int class_number, int minute)
{
    bool asked = false;
    for (int i = 0; i < known; i++) {
        const model_record *one = &records[i];
        bool counts = one->excludes && one->revoked_by >= known && (one->objective == -1 || one->objective == objective);
        asked |= counts && one->class_number == class_number && minute >= one->begin && minute < one->end;
    }
    return asked;
}

static void test_against_a_model(void **state)
{
    (void)state;
    nip__random random;
    nip__random_seed(&random, 529);
    for (int run = 0; run < 600; run++) {
        nip__exclusions *list = begin_list();
        model_record records[RECORDS];
        for (int i = 0; i < RECORDS; i++)
            make_record(&random, list, records, i);
        int known = (int)nip__random_below(&random, RECORDS + 1), objective = (int)nip__random_below(&random, 2);
        int begin = (int)nip__random_below(&random, 100), end = begin + 1 + (int)nip__random_below(&random, 250);
        nip__exclusion_class classes[CLASSES];
        for (int i = 0; i < CLASSES; i++)
            classes[i] = (nip__exclusion_class){.name = class_names[i], .max_ms = nip__random_below(&random, 2) == 0 ? -1 : (int64_t)nip__random_below(&random, 80) * MINUTE};
        nip__exclusion_question q = {.objective = objective_names[objective], .as_of = known, .begin = begin * MINUTE, .end = end * MINUTE, .classes = classes, .class_count = CLASSES};
        nip__spans out = {0}, wanted = {0};
        assert_int_equal(nip__exclusions_apply(list, &q, &out), 0);
        for (int of = 0; of < CLASSES; of++) {
            int64_t asked = 0, counted = 0;
            for (int minute = begin; minute < end; minute++) {
                bool is = is_asked(records, known, objective, of, minute), counts = is && (classes[of].max_ms < 0 || counted < classes[of].max_ms);
                asked += is * MINUTE;
                counted += counts * MINUTE;
                if (counts)
                    assert_int_equal(nip__spans_add(&wanted, minute * MINUTE, (minute + 1) * MINUTE), 0);
            }
            assert_int_equal(classes[of].asked_ms, asked);
            assert_int_equal(classes[of].counted_ms, counted);
        }
        if (out.count != wanted.count || (out.count > 0 && memcmp(out.items, wanted.items, out.count * sizeof *out.items) != 0))
            fail_msg("run %d: %zu stretches, wanted %zu", run, out.count, wanted.count);
        nip__spans_clear(&out);
        nip__spans_clear(&wanted);
        nip__exclusions_free(list);
    }
}

static int everything(nip__exclusions **list, nip__spans *out, nip_error **err)
{
    static const char *const payloads[] = {
        HOUR_OF("a", "maintenance", "01"), HOUR_OF("b", "maintenance", "05"), REVOKE("c", "a"), "{\"v\":1,\"id\":\"d\",\"class\":\"maintenance\"," EVERY "," WHO "}",
        HOUR_OF("e", "other", "07"),       HOUR_OF("f", "other", "08"),       HOUR_OF("g", "other", "09"), HOUR_OF("h", "other", "10"), HOUR_OF("i", "other", "11"),
    };
    nip__exclusion_class classes[] = {{.name = "maintenance", .max_ms = 1000}, {.name = "other", .max_ms = -1}};
    nip__exclusion_question q = {.objective = "x", .as_of = INT64_MAX, .begin = 0, .end = 1440 * MINUTE, .classes = classes, .class_count = 2};
    int rc = nip__exclusions_new(list, err);
    for (size_t i = 0; i < COUNT(payloads) && rc == 0; i++)
        rc = nip__exclusions_add(*list, (int64_t)i + 1, 0, payloads[i], strlen(payloads[i]), err);
    return rc == 0 ? nip__exclusions_apply(*list, &q, out) : rc;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    for (int all_later = 0; all_later < 2; all_later++) {
        for (long k = 1;; k++) {
            nip__exclusions *list = NULL;
            nip__spans out = {0};
            nip_error *err = NULL;
            long alive = allocations_alive();
            fail_allocation(k, all_later);
            int rc = everything(&list, &out, &err);
            long seen = allocations_seen();
            fail_allocation(0, 0);
            if (seen >= k && rc != NIP_E_NOMEM)
                fail_msg("allocation %ld: %d", k, rc);
            assert_true(seen >= k || rc == 0);
            nip_error_free(err);
            nip__spans_clear(&out);
            nip__exclusions_free(list);
            assert_int_equal(allocations_alive(), alive);
            if (seen < k)
                break;
        }
    }
}

/* What could not be taken in is as if it had never been tried. */
static void test_a_list_goes_on_when_memory_is_back(void **state)
{
    (void)state;
    nip__buffer names = NIP__BUFFER(100000); /* more than what memory there is at hand holds */
    nip__buffer_text(&names, "{\"v\":1,\"id\":\"d\",\"revokes\":\"a\",\"class\":\"maintenance\"," EVERY "," WHO ",\"objectives\":[\"y\"");
    for (int i = 0; i < 999; i++)
        nip__buffer_printf(&names, ",\"objective %d\"", i);
    nip__buffer_text(&names, "]}");
    const char *payload = nip__buffer_string(&names);
    for (long k = 1;; k++) {
        nip__exclusions *list = begin_list();
        add(list, HOUR_OF("a", "maintenance", "01"));
        fail_allocation(k, 0);
        int rc = nip__exclusions_add(list, 2, 0, payload, strlen(payload), NULL);
        long seen = allocations_seen();
        fail_allocation(0, 0);
        if (rc < 0) {
            assert_int_equal(list->count, 1);
            assert_int_equal(excluded(list, "x", INT64_MAX), 3599999);
            add(list, payload);
        }
        assert_int_equal(excluded(list, "x", INT64_MAX), 0); /* it revokes one, and is about others */
        nip__exclusions_free(list);
        if (seen < k)
            break;
    }
    nip__buffer_clear(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_reported_stays),
        cmocka_unit_test(test_an_amendment),
        cmocka_unit_test(test_objectives),
        cmocka_unit_test(test_limits_of_classes),
        cmocka_unit_test(test_exact_for_time_and_inward_for_slices),
        cmocka_unit_test(test_records_that_are_refused),
        cmocka_unit_test(test_there_is_an_end_of_them),
        cmocka_unit_test(test_against_a_model),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_a_list_goes_on_when_memory_is_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
