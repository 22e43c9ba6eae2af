/* One objective's answer as JSON, and a report as Markdown. */
#include "unit.h"

#include "base/arena.h"
#include "doc/json.h"
#include "sla/answer.h"
#include "sla/recommend.h"
#include "sla/report_text.h"

#define MINUTE INT64_C(60000)
#define DAY    (1440 * MINUTE)

static const nip__credit_tier tiers[] = {{.below = {9995, 10000}, .credit = {10, 100}}, {.below = {99, 100}, .credit = {25, 100}}};
static const nip__credit_terms credits = {.tiers = tiers, .count = 2, .fee = 250000};

/* A month of 30 days: 2 h of maintenance, an hour of which nothing is known, 20 min 30 s down. */
static const nip__sla_answer outage = {
    .objective = "uptime",
    .kind = "availability",
    .indicator = "up",
    .terms = {.target = {9995, 10000}, .missing = NIP__SLA_IGNORE, .min_coverage = {95, 100}},
    .figures = {.excluded = 120 * MINUTE, .covered = 30 * DAY - 180 * MINUTE, .missing = 60 * MINUTE,
                .good = 30 * DAY - 180 * MINUTE - 1230000, .bad = 1230000},
    .credits = &credits,
};

static const nip__sla_answer requests = {
    .objective = "errors",
    .kind = "error_rate",
    .errors = true,
    .indicator = "requests",
    .terms = {.events = true, .target = {999, 1000}, .missing = NIP__SLA_BAD},
    .figures = {.covered = 29 * DAY, .missing = DAY, .good = 2897000, .bad = 3000},
    .conflicts = 2,
};

static char *json_of(const nip__sla_answer *answer)
{
    nip__buffer text = NIP__BUFFER(100000);
    nip__writer writer = NIP__WRITER(&text);
    nip__sla_answer_write(&writer, NULL, answer);
    char *json = nip__buffer_take(&text);
    assert_non_null(json);
    return json;
}

static void test_an_answer_is_exact(void **state)
{
    (void)state;
    char *json = json_of(&outage);
    assert_string_equal(json,
                        "{\"objective\":\"uptime\",\"kind\":\"availability\",\"indicator\":\"up\",\"target\":\"99.95 %\",\"verdict\":\"met\","
                        "\"reason\":null,\"proven\":\"undetermined\",\"value\":\"99.9523 %\",\"lower\":\"99.8131 %\",\"upper\":\"99.9524 %\","
                        "\"coverage\":\"99.8607 %\",\"missing\":\"ignore\",\"min_coverage\":\"95 %\",\"figures\":{\"of\":\"ms\","
                        "\"good\":2579970000,\"bad\":1230000,\"unsure\":0,\"excluded_ms\":7200000,\"covered_ms\":2581200000,"
                        "\"missing_ms\":3600000,\"ahead_ms\":0,\"conflicts\":0},\"budget\":{\"none\":false,\"allowed\":1290600,"
                        "\"spent\":1230000,\"remaining\":\"4.6954 %\",\"burn_rate\":0.9530450953045095,\"left_ms\":60600},\"quantile\":null,"
                        "\"credit\":null,\"history\":null}");
    free(json);
}

/* An error rate is told as bad ones of all, and rounded up: what was judged is never printed as less. */
static void test_error_rates_round_up(void **state)
{
    (void)state;
    char *json = json_of(&requests);
    assert_contains(json, "\"target\":\"0.1 %\",\"verdict\":\"breached\"");
    assert_contains(json, "\"value\":\"3.4334 %\",\"lower\":\"0.1000 %\",\"upper\":\"3.4334 %\"");
    assert_contains(json, "\"conflicts\":2");
    free(json);
}

static void test_a_breach_gives_credit(void **state)
{
    (void)state;
    nip__sla_answer breached = outage;
    breached.figures.good -= 3600000;
    breached.figures.bad += 3600000;
    char *json = json_of(&breached);
    assert_contains(json, "\"verdict\":\"breached\"");
    assert_contains(json, "\"credit\":{\"share\":\"10 %\",\"amount\":25000}");
    assert_contains(json, "\"remaining\":\"-274.2");
    free(json);
    breached.terms.open = true; /* nothing is owed before the period is over */
    json = json_of(&breached);
    assert_contains(json, "\"credit\":null");
    free(json);
}

static const char head[] =
    "{\"sla\":\"shop\",\"now\":\"2026-05-01T09:00:00Z\",\"as_of\":41,\"period\":{\"label\":\"2026-04\",\"zone\":\"Europe/Berlin\",\"tzdata\":"
    "\"2025b\",\"begin\":{\"local\":\"2026-04-01T00:00:00+02:00\"},\"end\":{\"local\":\"2026-05-01T00:00:00+02:00\"},\"length_ms\":2592000000,"
    "\"open\":false},\"exclusions\":[{\"begin\":\"2026-04-07T22:00:00Z\",\"end\":\"2026-04-08T00:00:00Z\",\"class\":\"maintenance\",\"who\":"
    "\"ann\",\"why\":\"new disks | both\"}],\"incidents\":[],\"recommendations\":[\"Look at *this*\"],\"objectives\":[";

static char *markdown_of(const nip__sla_answer *answers, size_t count)
{
    nip__buffer text = NIP__BUFFER(1000000), markdown = NIP__BUFFER(1000000);
    nip__writer writer = NIP__WRITER(&text);
    nip__buffer_text(&text, head);
    for (size_t i = 0; i < count; i++) {
        nip__buffer_text(&text, i > 0 ? "," : "");
        writer.started = 0;
        nip__sla_answer_write(&writer, NULL, &answers[i]);
    }
    nip__buffer_text(&text, "]}");
    nip__arena *arena = nip__arena_new();
    nip__value *report = NULL;
    assert_int_equal(nip__json_read(arena, text.data, text.length, "report", &nip__reply_limits, &report, NULL), 0);
    nip__sla_report_markdown(&markdown, report);
    nip__arena_free(arena);
    nip__buffer_clear(&text);
    return nip__buffer_take(&markdown);
}

static void test_markdown(void **state)
{
    (void)state;
    const nip__sla_answer answers[] = {outage, requests};
    char *text = markdown_of(answers, 2);
    assert_non_null(text);
    static const char *const lines[] = {
        "# Service levels of shop: 2026-04\n",
        "- Period: 2026-04-01T00:00:00+02:00 to 2026-05-01T00:00:00+02:00, 30d; Europe/Berlin, tzdata 2025b\n",
        "- Judged: 2026-05-01T09:00:00Z, from records up to 41\n",
        "| uptime | 99.95 % | 99.9523 % | met | 4.6954 % |\n",
        "| errors | 0.1 % | 3.4334 % | **breached** | -",
        "- Value 99.9523 %, with missing data as \"ignore\"; whatever they were, it is between 99.8131 % and 99.9524 %; proven: undetermined\n",
        "- Of what is known: 29d20h39m30s up, 20m30s down\n",
        "- Of the period: 29d21h known, 1h missing, 2h excluded; coverage 99.8607 %\n",
        "- Error budget: 21m30s600ms allowed, 20m30s spent, 4.6954 % left (1m600ms); burn rate 0.95\n",
        "2 slices are in conflict, and missing therefore\n",
        "| 2026-04-07T22:00:00Z | 2026-04-08T00:00:00Z | maintenance | ann | new disks \\| both |\n",
        "- Look at \\*this\\*\n",
    };
    for (size_t i = 0; i < COUNT(lines); i++)
        assert_contains(text, lines[i]);
    assert_null(strstr(text, "## Incidents"));
    free(text);
}

/* Whoever writes the JSON: no markup, nothing that speaks to a terminal, and a dash for what is not text. */
static void test_markdown_of_odd_json(void **state)
{
    (void)state;
    static const char json[] =
        "{\"sla\":\"a&lt;\\u001b[2J\\u009b\",\"now\":7,\"period\":[],\"objectives\":[{\"objective\":\"x\",\"verdict\":\"<b>|\","
        "\"missing\":\"*\\u0085\",\"proven\":\"[x]\"},{},7],\"exclusions\":[{\"who\":\"\\u00e4\",\"why\":[]},8],"
        "\"recommendations\":[{\"objective\":\"o_\",\"text\":\"t&\"},7,null]}";
    static const char *const parts[] = {
        "# Service levels of a\\&lt;?\\[2J?: -\n", "- Judged: -, from records up to 0\n", "| x | - | - | \\<b>\\| | - |\n", "| - | - | - | - | - |\n",
        "with missing data as \"\\*?\"", "; proven: \\[x]\n", "| - | - | - | \xc3\xa4 | - |\n", "- o\\_: t\\&\n- -\n- -\n",
    };
    nip__buffer markdown = NIP__BUFFER(100000);
    nip__arena *arena = nip__arena_new();
    nip__value *report = NULL;
    assert_int_equal(nip__json_read(arena, json, sizeof json - 1, "report", &nip__reply_limits, &report, NULL), 0);
    nip__sla_report_markdown(&markdown, report);
    for (size_t i = 0; i < COUNT(parts); i++)
        assert_contains(nip__buffer_string(&markdown), parts[i]);
    nip__buffer_reset(&markdown);
    nip__sla_report_ms(&markdown, INT64_MIN);
    assert_string_equal(nip__buffer_string(&markdown), "-106751991167d7h12m55s807ms");
    nip__buffer_clear(&markdown);
    nip__arena_free(arena);
}

/* Each rule speaks where it should, and nowhere else. */
static void test_recommendations(void **state)
{
    (void)state;
    static const struct {
        nip__sla_answer answer;
        const char *codes, *part;
    } cases[] = {
        {{.terms = {.target = {999, 1000}}, .figures = {.covered = DAY, .good = DAY}}, "", ""},
        {{.terms = {.target = {999, 1000}}, .figures = {.covered = DAY, .good = DAY - 2 * MINUTE, .bad = 2 * MINUTE}}, "budget_spent ", "138.89 % of the error budget is spent"},
        {{.terms = {.target = {999, 1000}}, .figures = {.covered = DAY, .good = DAY - 80000, .bad = 80000}}, "budget_low ", "of the error budget 7.40 % is left (6s400ms): the period was met narrowly"},
        {{.terms = {.target = {999, 1000}, .open = true}, .figures = {.covered = DAY, .ahead = 9 * DAY, .good = DAY - 120000, .bad = 120000}}, "at_risk ", "outage that is still allowed: 12m24s"},
        {{.terms = {.target = {999, 1000}, .missing = NIP__SLA_IGNORE}, .figures = {.covered = DAY - 200000, .missing = 200000, .good = DAY - 200000}}, "not_proven ", "(3m20s)"},
        {{.terms = {.target = {9, 10}, .missing = NIP__SLA_IGNORE}, .figures = {.covered = 19 * DAY, .missing = DAY, .good = 19 * DAY}}, "missing_data ", "5.00 % of what counts is not known"},
        {{.terms = {.target = {9, 10}}, .figures = {.covered = DAY, .good = DAY}, .conflicts = 1}, "conflicts ", "of 1 slice two different"},
        {{.terms = {.events = true, .target = {9, 10}}, .figures = {.covered = DAY, .good = 990, .unsure = 10}}, "limit_in_bucket ", "10 requests are in the bucket"},
        {{.terms = {.target = {1, 1}}, .figures = {.covered = DAY, .good = DAY}}, "no_budget ", "a target of 100 %"},
        {{.terms = {.target = {9995, 10000}}, .credits = &credits, .figures = {.covered = DAY, .good = DAY - 60000, .bad = 60000}}, "budget_spent credit_due ",
         "a service credit of 10 % of the fee is due (25000 of"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip__buffer text = NIP__BUFFER(10000), codes = NIP__BUFFER(1000);
        nip__writer writer = NIP__WRITER(&text);
        nip__arena *arena = nip__arena_new();
        nip__value *list = NULL;
        nip__write_list(&writer, NULL);
        nip__recommend(&writer, &cases[i].answer);
        nip__write_end_list(&writer);
        assert_int_equal(nip__json_read(arena, text.data, text.length, NULL, &nip__document_limits, &list, NULL), 0);
        for (NIP__EACH(item, list))
            nip__buffer_printf(&codes, "%s ", nip__get_text(item, "code"));
        assert_string_equal(nip__buffer_string(&codes), cases[i].codes);
        assert_contains(nip__buffer_string(&text), cases[i].part);
        nip__arena_free(arena);
        nip__buffer_clear(&codes);
        nip__buffer_clear(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_is_exact), cmocka_unit_test(test_recommendations),
        cmocka_unit_test(test_error_rates_round_up),
        cmocka_unit_test(test_a_breach_gives_credit),
        cmocka_unit_test(test_markdown), cmocka_unit_test(test_markdown_of_odd_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
