/* Service levels from their journals: what was added counts once, in whatever order it came; reports as of a record stay what they were. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "doc/json.h"
#include "failing_malloc.h"
#include "nipops.h"

enum { PARTS_MAX = 16, RUNS = 30, SLICES = 400 };

#define DAY INT64_C(1772323200) /* 2026-03-01T00:00:00Z */
#define AT(second) ((DAY + (second)) * NIP_SECOND)
#define NOW AT(40 * 86400)

static const char text[] =
    "sla:\n  name: shop\n  journals: [incidents]\n"
    "  indicators:\n"
    "    requests: {events: {}}\n"
    "    checkout: {latency: {limit: 1s}}\n"
    "    probe: {time: {instances: [a, b], k: 1, up_when: \"> 0\"}, max_gap: 1m}\n"
    "  objectives:\n"
    "    errors: {error_rate: requests, target: 0.1, missing: ignore}\n"
    "    uptime: {availability: probe, targets: {day: 99.9}}\n"
    "    monthly: {availability: probe, targets: {month: 99.9}}\n"
    "  classes: {maintenance: {max: 1h}}\n";

typedef struct place {
    nip_ctx *ctx;
    nip_store *store;
    nip_doc *doc;
} place;

static place open_place(void)
{
    place p = {0};
    assert_int_equal(nip_ctx_new(&p.ctx, NULL), 0);
    assert_int_equal(nip_store_open(p.ctx, "memory:", &p.store, NULL), 0);
    assert_int_equal(nip_doc_load_text(text, strlen(text), "sla.yaml", &p.doc, NULL), 0);
    return p;
}

static void close_place(place *p)
{
    nip_doc_free(p->doc);
    nip_store_free(p->store);
    nip_ctx_free(p->ctx);
}

static char *pages_of(place *p)
{
    char *json = NULL;
    assert_int_equal(nip_sla_pages(p->store, p->doc, INT64_MAX, &json, NULL), 0);
    return json;
}

static char *report_of(place *p, const char *period, nip_time now, int64_t as_of)
{
    char *json = NULL;
    nip_error *error = NULL;
    if (nip_sla_report(p->store, p->doc, period, now, as_of, &json, &error) < 0)
        fail_msg("%s", nip_error_message(error));
    return json;
}

/* One member of a report's objective, as JSON. */
static void assert_objective(const char *report, int index, const char *pointer, const char *expected)
{
    nip__arena *arena = nip__arena_new();
    nip__value *value = NULL;
    char path[200];
    snprintf(path, sizeof path, "/objectives/%d%s", index, pointer);
    assert_int_equal(nip__json_read(arena, report, strlen(report), "report", &nip__document_limits, &value, NULL), 0);
    char *found = nip__json_text(nip__pointer(value, path));
    if (strcmp(found, expected) != 0)
        fail_msg("%s is %s, not %s", path, found, expected);
    nip_free(found);
    nip__arena_free(arena);
}

static int import(place *p, const char *indicator, const char *csv, nip_time begin, nip_time end, int64_t revision, char **json)
{
    return nip_sla_import(p->store, p->doc, indicator, NULL, csv, (int64_t)strlen(csv), "rows.csv", begin, end, revision, NOW, json, NULL);
}

/* ---- a day ---- */

/* a is down for 90 s from 10:00:30, b from 10:01:00 for 120 s: both for 60 s; nobody looks at either after 20:00. */
static void add_day(place *p)
{
    nip__buffer csv = NIP__BUFFER(1 << 24);
    nip__buffer_text(&csv, "stream,at,up\n");
    for (int second = 0; second <= 20 * 3600; second += 30) {
        bool a = second < 36030 || second >= 36120, b = second < 36060 || second >= 36180;
        nip__buffer_printf(&csv, "a,%lld,%d\nb,%lld,%d\n", (long long)DAY + second, a, (long long)DAY + second, b);
    }
    assert_int_equal(import(p, "probe", nip__buffer_string(&csv), AT(0), AT(86400), 0, NULL), 0);
    nip__buffer_clear(&csv);
}

static void test_day(void **state)
{
    (void)state;
    place p = open_place();
    add_day(&p);
    assert_int_equal(import(&p, "requests", "at,good,bad\n2026-03-01T00:00:10Z,998,1\n2026-03-01T00:00:50Z,999,2\n", AT(0), AT(60), 0, NULL), 0);
    char *report = report_of(&p, "2026-03-01", NOW, INT64_MAX);
    assert_objective(report, 0, "/objective", "\"errors\"");
    assert_objective(report, 0, "/figures/good", "1997");
    assert_objective(report, 0, "/figures/missing_ms", "86340000");
    assert_objective(report, 0, "/verdict", "\"breached\""); /* 0.15 % */
    assert_objective(report, 0, "/proven", "\"undetermined\"");
    /* both down 10:01:00 to 10:02:00; known until 20:01:00 */
    assert_objective(report, 1, "/figures/bad", "60000");
    assert_objective(report, 1, "/figures/good", "72000000");
    assert_objective(report, 1, "/figures/missing_ms", "14340000");
    assert_objective(report, 1, "/verdict", "\"breached\"");
    assert_objective(report, 1, "/upper", "\"99.9305 %\"");
    assert_objective(report, 2, "", "null"); /* nothing was promised of `monthly` for a day */
    assert_non_null(strstr(report, "\"not_promised\":[\"monthly\"]"));
    nip_free(report);
    close_place(&p);
}

/* While a period goes on, what of its last hour is not recorded yet is to come; what is later than that is missing. */
static void test_open(void **state)
{
    (void)state;
    static const struct {
        int now;
        const char *ahead, *missing, *verdict;
    } cases[] = {
        {72000, "14400000", "0", "\"on_track\""},
        {74000, "14340000", "0", "\"on_track\""}, /* known until 20:01 */
        {75780, "14340000", "0", "\"on_track\""}, /* nothing is late yet: an hour, a slice and a gap */
        {79380, "10740000", "3600000", "\"breached\""}, /* an hour of it is missing, and counts as bad */
    };
    place p = open_place();
    add_day(&p);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *report = report_of(&p, "2026-03-01", AT(cases[i].now), INT64_MAX);
        assert_objective(report, 1, "/figures/ahead_ms", cases[i].ahead);
        assert_objective(report, 1, "/figures/missing_ms", cases[i].missing);
        assert_objective(report, 1, "/verdict", cases[i].verdict);
        nip_free(report);
    }
    close_place(&p);
}

/* ---- in whatever order ---- */

typedef struct piece {
    int first, end; /* slices */
} piece;

static void add_piece(place *p, const int64_t *good, piece one)
{
    nip__buffer csv = NIP__BUFFER(1 << 20);
    nip__buffer_text(&csv, "at,good,bad\n");
    for (int i = one.first; i < one.end; i++) {
        if (good[i] > 0)
            nip__buffer_printf(&csv, "%lld,%lld,0\n", (long long)DAY + 60 * i, (long long)good[i]);
    }
    nip__buffer_printf(&csv, "%lld,0,0\n", (long long)DAY + 60 * one.first); /* so that there is a row */
    assert_int_equal(import(p, "requests", nip__buffer_string(&csv), AT(60 * one.first), AT(60 * one.end), 0, NULL), 0);
    nip__buffer_clear(&csv);
}

static void test_any_order(void **state)
{
    (void)state;
    nip__random random;
    nip__random_seed(&random, 7);
    for (int run = 0; run < RUNS; run++) {
        int64_t good[SLICES];
        place whole = open_place(), parts = open_place();
        int count = 1 + (int)nip__random_below(&random, PARTS_MAX);
        for (int i = 0; i < SLICES; i++)
            good[i] = (int64_t)nip__random_below(&random, 3);
        add_piece(&whole, good, (piece){0, SLICES});
        for (int i = 0; i < count; i++) { /* any pieces, overlapping, again and again ... */
            int first = (int)nip__random_below(&random, SLICES);
            add_piece(&parts, good, (piece){first, first + 1 + (int)nip__random_below(&random, (uint64_t)(SLICES - first))});
        }
        for (int i = count; i-- > 0;) /* ... and, from the last to the first, all of it */
            add_piece(&parts, good, (piece){SLICES * i / count, SLICES * (i + 1) / count});
        char *one = pages_of(&whole), *other = pages_of(&parts);
        assert_string_equal(one, other);
        place copied = open_place();
        assert_int_equal(nip_sla_add_pages(copied.store, copied.doc, other, (int64_t)strlen(other), NOW, NULL, NULL), 0);
        char *third = pages_of(&copied);
        assert_string_equal(one, third);
        nip_free(one);
        nip_free(other);
        nip_free(third);
        close_place(&whole);
        close_place(&parts);
        close_place(&copied);
    }
}

static void test_twice(void **state)
{
    (void)state;
    static const char csv[] = "at,good,bad\n2026-03-01T00:00:10Z,9,1\n2026-03-01T00:01:50Z,7,0\n", other[] = "at,good,bad\n2026-03-01T00:00:10Z,9,2\n";
    place p = open_place();
    char *json = NULL;
    assert_int_equal(import(&p, "requests", csv, NIP_TIME_NONE, NIP_TIME_NONE, 0, &json), 0);
    assert_string_equal(json, "{\"v\":1,\"sequence\":1,\"records\":1,\"slices\":2,\"known\":0}");
    nip_free(json);
    assert_int_equal(import(&p, "requests", csv, NIP_TIME_NONE, NIP_TIME_NONE, 0, &json), 0);
    assert_string_equal(json, "{\"v\":1,\"sequence\":1,\"records\":0,\"slices\":0,\"known\":2}");
    nip_free(json);
    nip_error *error = NULL;
    assert_int_equal(nip_sla_import(p.store, p.doc, "requests", NULL, other, (int64_t)strlen(other), NULL, NIP_TIME_NONE, NIP_TIME_NONE, 0, NOW, NULL, &error), NIP_E_STATE);
    assert_non_null(strstr(nip_error_message(error), "1 slice is recorded in sla.shop with other figures, the first one at 2026-03-01T00:00:00Z"));
    nip_error_free(error);
    assert_int_equal(import(&p, "requests", other, NIP_TIME_NONE, NIP_TIME_NONE, 1, NULL), 0);
    char *before = report_of(&p, "2026-03-01", NIP_TIME_NONE, 1), *after = report_of(&p, "2026-03-01", NIP_TIME_NONE, 2);
    assert_objective(before, 0, "/figures/bad", "1");
    assert_objective(after, 0, "/figures/bad", "2");
    nip_free(before);
    nip_free(after);
    close_place(&p);
}

/* ---- arrays are rows ---- */

static void test_arrays(void **state)
{
    (void)state;
    place rows = open_place(), arrays = open_place();
    const nip_time times[] = {AT(130), AT(10), AT(50)};
    const int64_t good[] = {5, 1, 2}, bad[] = {0, 1, 0};
    const double values[] = {0, 1, 1};
    assert_int_equal(import(&rows, "requests", "at,good,bad\n1772323210,1,1\n1772323250,2,0\n1772323330,5,0\n", NIP_TIME_NONE, NIP_TIME_NONE, 0, NULL), 0);
    assert_int_equal(import(&rows, "probe", "stream,at,up\na,1772323210,1\na,1772323250,1\na,1772323330,0\n", AT(0), AT(180), 0, NULL), 0);
    assert_int_equal(nip_sla_add_events(arrays.store, arrays.doc, "requests", NULL, times, good, bad, 3, NIP_TIME_NONE, NIP_TIME_NONE, 0, NOW, NULL, NULL), 0);
    assert_int_equal(nip_sla_add_samples(arrays.store, arrays.doc, "probe", "a", times, values, 3, AT(0), AT(180), 0, NOW, NULL, NULL), 0);
    char *one = pages_of(&rows), *other = pages_of(&arrays);
    assert_string_equal(one, other);
    nip_free(one);
    nip_free(other);
    close_place(&rows);
    close_place(&arrays);
}

/* ---- what does not count ---- */

static void test_exclusions(void **state)
{
    (void)state;
    static const char maintenance[] = "{\"v\":1,\"id\":\"disks\",\"class\":\"maintenance\",\"begin\":\"2026-03-01T10:01:10Z\",\"end\":\"2026-03-01T10:01:40Z\",\"who\":\"ann\",\"why\":\"new disks\"}";
    static const char undo[] = "{\"v\":1,\"id\":\"undo\",\"revokes\":\"disks\",\"who\":\"bob\",\"why\":\"it was not announced\"}";
    static const struct {
        const char *exclusion, *message;
    } wrong[] = {
        {maintenance, "there is an exclusion \"disks\" already"},
        {"{\"v\":1,\"id\":\"x\",\"class\":\"party\",\"begin\":\"2026-03-01T10:01:10Z\",\"end\":\"2026-03-01T10:01:40Z\",\"who\":\"a\",\"why\":\"b\"}", "no class \"party\""},
        {"{\"v\":1,\"id\":\"x\",\"class\":\"maintenance\",\"objectives\":[\"up\"],\"begin\":\"2026-03-01T10:01:10Z\",\"end\":\"2026-03-01T10:01:40Z\",\"who\":\"a\",\"why\":\"b\"}", "no objective \"up\""},
        {"{\"v\":1,\"id\":\"x\",\"revokes\":\"y\",\"who\":\"a\",\"why\":\"b\"}", "revokes \"y\", which is no exclusion"},
    };
    place p = open_place();
    int64_t sequence = 0;
    add_day(&p);
    char *first = report_of(&p, "2026-03-01", NOW, INT64_MAX);
    assert_int_equal(nip_sla_exclude(p.store, p.doc, maintenance, NOW, &sequence, NULL), 0);
    char *second = report_of(&p, "2026-03-01", NOW, INT64_MAX);
    assert_objective(second, 1, "/figures/bad", "30000");
    assert_objective(second, 1, "/figures/excluded_ms", "30000");
    assert_non_null(strstr(second, "\"exclusions\":[{\"id\":\"disks\""));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        nip_error *error = NULL;
        assert_int_equal(nip_sla_exclude(p.store, p.doc, wrong[i].exclusion, NOW, NULL, &error), NIP_E_INVALID);
        assert_non_null(strstr(nip_error_message(error), wrong[i].message));
        nip_error_free(error);
    }
    assert_int_equal(nip_sla_exclude(p.store, p.doc, undo, NOW, NULL, NULL), 0);
    char *third = report_of(&p, "2026-03-01", NOW, INT64_MAX);
    assert_objective(third, 1, "/figures/bad", "60000");
    const struct {
        const char *was;
        int64_t as_of;
    } again[] = {{first, sequence - 1}, {second, sequence}, {third, sequence + 1}};
    for (size_t i = 0; i < 3; i++) { /* the same bytes, whatever came later */
        char *now = report_of(&p, "2026-03-01", NOW, again[i].as_of);
        assert_string_equal(now, again[i].was);
        nip_free(now);
    }
    char *json = NULL;
    assert_int_equal(nip_sla_report(p.store, p.doc, "2026-03-01", NOW, sequence + 2, &json, NULL), NIP_E_NOTFOUND);
    assert_int_equal(nip_sla_certificates(p.store, p.doc, "2026-03-01", NOW, sequence, &json, NULL), 0);
    assert_non_null(strstr(json, "\"excluded_ms\":30000,\"covered_ms\":72030000,\"missing_ms\":14340000"));
    nip_free(json);
    nip_free(first);
    nip_free(second);
    nip_free(third);
    close_place(&p);
}

/* ---- what would have been ---- */

static char *simulation_of(place *p, const nip_doc *doc, const char *exclusions)
{
    char *json = NULL;
    nip_error *error = NULL;
    if (nip_sla_simulate(p->store, doc, "2026-03-01", NOW, INT64_MAX, exclusions, &json, &error) < 0)
        fail_msg("%s", nip_error_message(error));
    return json;
}

/* What is tried gives what would be reported, had it been recorded or written down; and nothing is recorded. */
static void test_simulation(void **state)
{
    (void)state;
    static const char maintenance[] = "{\"v\":1,\"id\":\"x\",\"class\":\"maintenance\",\"begin\":\"2026-03-01T10:01:10Z\",\"end\":\"2026-03-01T10:01:40Z\",\"who\":\"ann\",\"why\":\"disks\"}";
    char list[600];
    place p = open_place();
    add_day(&p);
    char *before = pages_of(&p), *plain = simulation_of(&p, p.doc, NULL);
    /* 60 s are down from 10:01: the pair of 14.4 is over once more than 51.84 s of an hour are. */
    assert_non_null(strstr(plain, "\"objective\":\"uptime\",\"answer\":{\"objective\":\"uptime\""));
    assert_non_null(strstr(plain, "{\"severity\":\"page\",\"factor\":\"14.4\",\"long\":\"1h\",\"short\":\"5m\",\"pending\":\"2026-03-01T10:02:00Z\",\"fired\":\"2026-03-01T10:02:00Z\",\"resolved\":\"2026-03-01T10:07:00Z\",\"bad\":60000,"
                                  "\"total\":3600000,\"burn_long\":16.67,\"burn_short\":200,\"budget_left\":\"16.7360 %\"}"));
    snprintf(list, sizeof list, "[%s]", maintenance);
    char *tried = simulation_of(&p, p.doc, list);
    assert_null(strstr(tried, "\"fired\":\"2026-03-01T10:02:00Z\",\"resolved\":\"2026-03-01T10:07:00Z\""));
    assert_non_null(strstr(tried, "\"bad\":30000"));
    assert_non_null(strstr(tried, "\"excluded_ms\":30000"));
    char *after = pages_of(&p);
    assert_string_equal(before, after);
    assert_int_equal(nip_sla_exclude(p.store, p.doc, maintenance, NOW, NULL, NULL), 0);
    char *recorded = simulation_of(&p, p.doc, NULL);
    assert_string_equal(strstr(recorded, "\"objectives\""), strstr(tried, "\"objectives\""));
    nip_doc *other = NULL;
    assert_int_equal(nip_doc_load_text(text, strlen(text), "sla.yaml", &other, NULL), 0);
    assert_int_equal(nip_doc_set(other, "/sla/objectives/uptime/targets/day", "50", NULL), 0);
    char *easy = simulation_of(&p, other, NULL);
    assert_non_null(strstr(easy, "\"target\":\"50 %\",\"verdict\":\"met\""));
    assert_non_null(strstr(easy, "\"never\":[{\"severity\":\"page\",\"factor\":\"14.4\"")); /* half of all bad is a burn rate of 2 at most */
    static const char *const wrong[] = {"{}", "[1]", "[{\"v\":1}]", "[", "[{\"v\":1,\"id\":\"y\",\"revokes\":\"z\",\"who\":\"a\",\"why\":\"b\"}]"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char *json = NULL;
        assert_true(nip_sla_simulate(p.store, p.doc, "2026-03-01", NOW, INT64_MAX, wrong[i], &json, NULL) < 0);
    }
    char *const all[] = {before, plain, tried, after, recorded, easy};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        nip_free(all[i]);
    nip_doc_free(other);
    close_place(&p);
}

/* An alert that fired the evening before goes on into the morning. */
static void test_simulation_looks_back(void **state)
{
    (void)state;
    place p = open_place();
    nip__buffer csv = NIP__BUFFER(1 << 20);
    nip__buffer_text(&csv, "at,good,bad\n");
    for (int minute = 0; minute < 2 * 1440; minute++) {
        bool broken = minute >= 1430 && minute < 1440;
        nip__buffer_printf(&csv, "%lld,%d,%d\n", (long long)DAY + 60 * minute, broken ? 0 : 100, broken ? 100 : 0);
    }
    assert_int_equal(import(&p, "requests", nip__buffer_string(&csv), AT(0), AT(2 * 86400), 0, NULL), 0);
    char *json = NULL;
    assert_int_equal(nip_sla_simulate(p.store, p.doc, "2026-03-02", NOW, INT64_MAX, NULL, &json, NULL), 0);
    assert_non_null(strstr(json, "\"fired\":\"2026-03-01T23:5"));
    assert_non_null(strstr(json, "\"resolved\":\"2026-03-02T00:30:00Z\"")); /* when no minute of the last thirty was broken */
    nip_free(json);
    nip__buffer_clear(&csv);
    close_place(&p);
}

/* ---- what else happened ---- */

static void test_incidents(void **state)
{
    (void)state;
    place p = open_place();
    add_day(&p);
    const struct {
        const char *kind, *payload;
        nip_time at;
    } records[] = {
        {"incident.declared", "{\"incident\":\"INC-1\",\"title\":\"shop is down\",\"severity\":\"critical\"}", AT(36100)},
        {"incident.resolved", "{\"incident\":\"INC-1\"}", AT(36300)},
        {"incident.declared", "{\"incident\":\"INC-2\",\"title\":\"later\"}", AT(3 * 86400)},
    };
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++)
        assert_int_equal(nip_journal_append(p.store, "incidents", -1, records[i].kind, records[i].at, records[i].payload, NULL, NULL), 0);
    char *report = report_of(&p, "2026-03-01", NOW, INT64_MAX), *markdown = NULL;
    assert_non_null(strstr(report, "\"incidents\":[{\"id\":\"INC-1\",\"begin\":\"2026-03-01T10:01:40Z\",\"title\":\"shop is down\",\"severity\":\"critical\",\"end\":\"2026-03-01T10:05:00Z\"}]"));
    assert_int_equal(nip_sla_report_text(report, "markdown", &markdown, NULL), 0);
    assert_non_null(strstr(markdown, "shop is down"));
    assert_int_equal(nip_sla_report_text("{}", "markdown", &markdown, NULL), NIP_E_INVALID);
    assert_int_equal(nip_sla_report_text(report, "pdf", &markdown, NULL), NIP_E_INVALID);
    nip_free(markdown);
    nip_free(report);
    close_place(&p);
}

/* What somebody else made of a report makes no page fail, nor ends a cell or speaks to a terminal. */
static void test_odd_reports(void **state)
{
    (void)state;
    static const char *const reports[] = {
        "{\"objectives\":[]}",
        "{\"objectives\":[null,1,\"x\",[],{}]}",
        "{\"objectives\":[{\"objective\":1,\"verdict\":{},\"figures\":[],\"budget\":\"x\",\"quantile\":{},\"history\":[],\"credit\":{}}],\"exclusions\":{},\"incidents\":[1],\"recommendations\":[1,{}]}",
        "{\"objectives\":[{\"target\":\"1e400 %\",\"value\":\"x %\",\"lower\":\"1 %\",\"upper\":\"1 %\",\"figures\":{\"of\":\"ms\",\"good\":-9223372036854775807,\"missing_ms\":-1}}]}",
        "{\"objectives\":[{\"quantile\":{\"quantile\":0.95,\"at_least_seconds\":1e308,\"at_most_seconds\":-1,\"limit_seconds\":1e-308}}]}",
        "{\"objectives\":[{\"quantile\":{\"quantile\":0.95,\"at_least_seconds\":1e308,\"at_most_seconds\":null,\"limit_seconds\":1e308}}]}",
        "{\"objectives\":[{\"history\":{\"begin\":\"2262-01-01T00:00:00Z\",\"until\":\"2026-01-01T00:00:00Z\",\"step_ms\":34560000000,\"spent\":[1e308,null,\"x\"],\"burn\":[1,2,3]}}]}",
        "{\"objectives\":[{\"history\":{\"begin\":\"2026-01-01T00:00:00Z\",\"until\":\"2026-01-02T00:00:00Z\",\"step_ms\":60000,\"spent\":[1e308,null,-1],\"burn\":[]}}],"
        "\"incidents\":[{\"begin\":\"2025-01-01T00:00:00Z\",\"title\":\"<b>&|\\u0007\\u009b31m\"}]}",
    };
    static const char *const forms[] = {"markdown", "html"};
    for (size_t i = 0; i < sizeof reports / sizeof reports[0]; i++) {
        for (size_t k = 0; k < 2; k++) {
            char *told = NULL;
            assert_int_equal(nip_sla_report_text(reports[i], forms[k], &told, NULL), 0);
            assert_null(strstr(told, "<b>&|"));
            assert_null(strstr(told, "\xc2\x9b"));
            assert_null(strchr(told, '\a'));
            assert_null(strstr(told, "nan"));
            nip_free(told);
        }
    }
}

/* ---- what is refused ---- */

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *indicator, *csv;
        nip_time begin, end;
        int rc;
        const char *message;
    } cases[] = {
        {"request", "at,good,bad\n1,1,1\n", NIP_TIME_NONE, NIP_TIME_NONE, NIP_E_NOTFOUND, "did you mean \"requests\"?"},
        {"probe", "at,good,bad\n1,1,1\n", NIP_TIME_NONE, NIP_TIME_NONE, NIP_E_INVALID, "probe is an indicator of time, whose rows have at and up"},
        {"requests", "at,up\n1,1\n", NIP_TIME_NONE, NIP_TIME_NONE, NIP_E_INVALID, "requests is an indicator of events"},
        {"requests", "at,good,bad\n", NIP_TIME_NONE, NIP_TIME_NONE, NIP_E_INVALID, "there is no row in it"},
        {"requests", "at,good,bad\n1772323200,1,1\n", AT(60), AT(120), NIP_E_INVALID, "a row at 2026-03-01T00:00:00Z lies outside"},
        {"requests", "at,good,bad\n1772323200,1,1\n", AT(1), AT(120), NIP_E_INVALID, "multiples of the slices"},
        {"requests", "at,good,bad\n1772323200,1,1\n", AT(60), NIP_TIME_NONE, NIP_E_INVALID, "both or not at all"},
        {"probe", "stream,at,up\na,1772323205,1\n", NIP_TIME_NONE, NIP_TIME_NONE, NIP_E_INVALID, "span no whole slice"},
        {"probe", "at,up\n1772323205,1\n", NIP_TIME_NONE, NIP_TIME_NONE, NIP_E_INVALID, "stream \"\" is no instance of probe; its first one is \"a\""},
    };
    place p = open_place();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip_error *error = NULL;
        int rc = nip_sla_import(p.store, p.doc, cases[i].indicator, NULL, cases[i].csv, (int64_t)strlen(cases[i].csv), "rows.csv", cases[i].begin, cases[i].end, 0, NOW, NULL,
                                &error);
        assert_int_equal(rc, cases[i].rc);
        if (strstr(nip_error_message(error), cases[i].message) == NULL)
            fail_msg("case %zu: %s", i, nip_error_message(error));
        nip_error_free(error);
    }
    char *json = NULL;
    assert_int_equal(nip_sla_report(p.store, p.doc, NULL, NIP_TIME_NONE, INT64_MAX, &json, NULL), NIP_E_NOTFOUND);
    assert_int_equal(nip_journal_append(p.store, "sla.shop", -1, "sla.page", NOW, "{}", NULL, NULL), NIP_E_INVALID);
    close_place(&p);
}

static void test_no_memory(void **state)
{
    (void)state;
    static const char csv[] = "stream,at,good,bad\na,1772323210,1,1\nb,1772323250,2,0\na,1772323330,5,0\n";
    for (int what = 0; what < 2; what++) {
        for (long k = 1;; k++) {
            place p = open_place();
            char *json = NULL;
            if (what == 1)
                add_day(&p);
            fail_allocation(k, 0);
            int rc = what == 0 ? import(&p, "requests", csv, AT(0), AT(240), 0, &json) : nip_sla_report(p.store, p.doc, "2026-03-01", NOW, INT64_MAX, &json, NULL);
            long seen = allocations_seen();
            fail_allocation(0, 0);
            assert_true(rc == 0 || rc == NIP_E_NOMEM);
            if (rc == NIP_E_NOMEM && what == 0) { /* nothing, or all that it takes to go on */
                assert_int_equal(import(&p, "requests", csv, AT(0), AT(240), 0, NULL), 0);
            }
            nip_free(json);
            close_place(&p);
            if (seen < k)
                break;
            if (what == 1)
                k += 4; /* most of them are those of the document */
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_day),    cmocka_unit_test(test_open),       cmocka_unit_test(test_any_order), cmocka_unit_test(test_twice),
        cmocka_unit_test(test_arrays), cmocka_unit_test(test_exclusions), cmocka_unit_test(test_incidents), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_odd_reports), cmocka_unit_test(test_simulation), cmocka_unit_test(test_simulation_looks_back), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
