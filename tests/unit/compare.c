/* Comparing answers: recorded requests, what is ignored, where answers differ, noise, latencies by ranks, verdicts. */
#include "unit.h"

#include <math.h>
#include <time.h>

#include "analysis/rank.h"
#include "base/random.h"
#include "compare/requests.h"
#include "compare/tally.h"
#include "doc/json.h"
#include "failing_malloc.h"
#include "nipops.h"

static nip__value *json(nip__arena *arena, const char *text)
{
    nip__value *value = NULL;
    nip_error *error = NULL;
    if (nip__json_read(arena, text, strlen(text), "test", &nip__document_limits, &value, &error) < 0)
        fail_msg("%s: %s", text, nip_error_message(error));
    return value;
}

/* ---- recorded requests ---- */

static void assert_requests(const char *text, const char *expected)
{
    nip__arena *arena = nip__arena_new();
    nip__recording_choice choice = {.methods = json(arena, "[\"GET\",\"HEAD\"]"),
                                    .drop = json(arena, "[\"cookie\"]"),
                                    .set = json(arena, "{\"Authorization\":\"x\"}"),
                                    .most = 3};
    nip__recording recording;
    nip_error *error = NULL;
    nip__buffer found = NIP__BUFFER(10000);
    int rc = nip__recording_read(arena, text, strlen(text), "file", &choice, &recording, &error);
    for (size_t i = 0; rc == 0 && i < recording.count; i++) {
        const nip__recorded *one = &recording.list[i];
        nip__buffer_printf(&found, "%s %s", one->method, one->target);
        for (size_t k = 0; one->headers[k] != NULL; k++)
            nip__buffer_printf(&found, " [%s]", one->headers[k]);
        nip__buffer_printf(&found, "%s%s\n", one->body != NULL ? " " : "", one->body != NULL ? one->body : "");
    }
    char *skipped = rc == 0 ? nip__json_text(recording.skipped) : NULL;
    if (rc == 0)
        nip__buffer_text(&found, skipped);
    else
        nip__buffer_text(&found, nip_error_message(error));
    assert_string_equal(nip__buffer_string(&found), expected);
    nip_free(skipped);
    nip_error_free(error);
    nip__buffer_clear(&found);
    nip__arena_free(arena);
}

static void reads_recorded_requests(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"{\"url\": \"/a?b=c#d\"}", "GET /a?b=c\n{}"},
        {"\n{\"method\":\"HEAD\",\"url\":\"http://u:p@shop:80/x\",\"headers\":{\"Cookie\":\"1\",\"Accept\":\"*/"
         "*\",\"x-empty\":\"\"}}\r\n\n"
         "{\"method\":\"POST\",\"url\":\"/\",\"body\":\"b\"}\n",
         "HEAD /x [Accept: */*] [x-empty;] [Host: shop:80]\n{\"method POST\":1}"},
        {"{\"url\":\"https://"
         "shop?q\",\"headers\":{\"Host\":\"other\",\"authorization\":\"old\",\"Connection\":\"close\",\"content-"
         "length\":\"3\"}}",
         "GET /?q [Host: other]\n{}"},
        {"{\"url\":\"/1\"}\n{\"url\":\"/2\"}\n{\"url\":\"/3\"}\n{\"url\":\"/4\"}",
         "GET /1\nGET /2\nGET /3\n{\"beyond max_requests\":1}"},
        {"{\"log\":{\"entries\":[{\"request\":{\"method\":\"GET\",\"url\":\"http://h/"
         "p\",\"headers\":[{\"name\":\":path\",\"value\":\"/p\"},"
         "{\"name\":\"A\",\"value\":\"b\"}],\"postData\":{\"text\":\"body\"}}}]}}",
         "GET /p [A: b] [Host: h] body\n{}"},
        {"{\n\"log\":{\"entries\":[\n{\"request\":{\"method\":\"GET\",\"url\":\"/"
         "p\",\"postData\":{\"params\":[{}]}}},\n"
         "{\"request\":{\"method\":\"GET\",\"url\":\"/"
         "p\",\"postData\":{\"text\":\"YQ==\",\"encoding\":\"base64\"}}}]}}",
         "{\"body not recorded as text\":2}"},
        /* what is wrong, where, and what would be right */
        {"{\"url\": \"a\"}", "file: request 1: its url must begin with /, http:// or https://"},
        {"{\"url\": \"/a b\"}", "file: request 1: its url is too long, or has characters that must be written as %XX"},
        {"{\"method\": \"get\", \"url\": \"/\"}",
         "file: request 1: its method must be a word in capitals, such as \"GET\""},
        {"{\"url\": \"/\"}\n{\"path\": \"/\"}",
         "file: request 2: it must have a url, \"/path?query\" or \"http://...\""},
        {"{\"url\": \"/\", \"body\": {}}", "file: request 1: its body must be text"},
        {"{\"url\": \"/\", \"headers\": {\"a\": \"b\\nc\"}}",
         "file: request 1: a header has a name or value that cannot be sent"},
        {"{\"url\": \"/\", \"headers\": {\"a b\": \"c\"}}",
         "file: request 1: a header has a name or value that cannot be sent"},
        {"{\"url\": \"/\", \"headers\": {\"a\": 1}}",
         "file: request 1: each header must have a name and a text as its value"},
        {"{\"url\": \"/\"}\n[1]", "file: line 2: must be a map such as {\"method\": \"GET\", \"url\": \"/\"}"},
        {"[]", "file: line 1: must be a map such as {\"method\": \"GET\", \"url\": \"/\"}"},
        {"{\"log\": {}}", "file: neither a HAR file (a map with log.entries) nor JSON lines"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_requests(cases[i].text, cases[i].expected);
}

/* ---- what is ignored ---- */

static nip__rules *rules_of(nip__arena *arena, const char *text)
{
    nip__rules *rules = NULL;
    nip__problems problems = {0};
    assert_int_equal(nip__rules_read(json(arena, text), "test", "", &rules, &problems), 0);
    return rules;
}

static void ignores_places(void **state)
{
    static const struct {
        const char *pointer, *parts[4];
        bool ignored;
    } cases[] = {
        {"/a", {"a"}, true},        {"/a", {"a", "b"}, true},          {"/a", {"ab"}, false},
        {"/a/b", {"a"}, false},     {"/a/*/c", {"a", "7", "c"}, true}, {"/a/*/c", {"a", "c"}, false},
        {"/*", {"x"}, true},        {"/a~1b~0", {"a/b~"}, true},       {"/", {""}, true},
        {"/a/2", {"a", "2"}, true}, {"/a/2", {"a", "3"}, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__arena *arena = nip__arena_new();
        char text[100];
        snprintf(text, sizeof text, "[{\"pointer\":\"%s\"}]", cases[i].pointer);
        nip__rules *rules = rules_of(arena, text);
        nip__place_at at = {.depth = 0};
        while (at.depth < 4 && cases[i].parts[at.depth] != NULL) {
            at.parts[at.depth] = cases[i].parts[at.depth];
            at.depth++;
        }
        if (nip__rules_ignore(rules, &at) != cases[i].ignored)
            fail_msg("%s and %s", cases[i].pointer, cases[i].parts[0]);
        nip__rules_free(rules);
        nip__arena_free(arena);
    }
}

static void leaves_pieces_of_text_out(void **state)
{
    static const struct {
        const char *regex, *a, *b;
        bool same;
    } cases[] = {
        {"[0-9]+", "at 12:30", "at 9:5", true},
        {"[0-9]+", "at 12", "on 12", false},
        {"^x", "xa", "a", true},
        {"x*", "xaxx", "a", true},
        {"", "a", "b", false},
        {"(?i)ID=\\\\w+;", "a id=1; b", "a ID=xyz; b", true},
        {"\\\\z", "a", "a", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__arena *arena = nip__arena_new();
        char text[100];
        snprintf(text, sizeof text, "[{\"regex\":\"%s\"}]", cases[i].regex);
        nip__rules *rules = rules_of(arena, text);
        const char *too_long = NULL;
        if (nip__rules_same(rules, cases[i].a, strlen(cases[i].a), cases[i].b, strlen(cases[i].b), &too_long) != cases[i].same)
            fail_msg("%s on \"%s\" and \"%s\"", cases[i].regex, cases[i].a, cases[i].b);
        nip__rules_free(rules);
        nip__arena_free(arena);
    }
}

/* `unit` again and again, `length` bytes. */
static char *repeated(const char *unit, size_t length)
{
    char *text = malloc(length + 1);
    assert_non_null(text);
    for (size_t i = 0; i < length; i++)
        text[i] = unit[i % strlen(unit)];
    text[length] = '\0';
    return text;
}

/* What an expression may cost is bounded for all searches in a text together, and who asks is told which one it was. The texts differ in their
 * last byte only, 'x' and 'y', which no expression here matches. */
static void limits_expressions(void **state)
{
    enum { LENGTH = 180000 };
    static const struct {
        const char *regex, *unit;
        bool too_long;
    } cases[] = {
        {"(a+)+$", "aaaaaaaaaaaaaaab", true},
        {"(?:a|aa)+c|!", "aaaaaaaaaaaaaaaaaaaaaa!", true}, /* each search ends well, and takes long */
        {"(?:a+)+c|!", "aaaaaaaaaaaaa!", true},
        {"a+[bc]", "a", true}, /* from each start to the end */
        {"([a-z]{50000})[0-9]", "a", true},
        {"(*UTF)[0-9]", "0ab1", false},
        {"[0-9]+", "took 12 ms, ", false},
        {"z*", "a", false},
        {"took [0-9]+ ms", "took 12 ms, ", false},
        {"[0-9]{4}-[0-9][0-9]-[0-9][0-9]T[0-9:.]+Z", "2026-01-01T10:00:00.000Z ", false},
        {"(?i)id=\\\\w+;", "id=1a2b3c; ID=4; ", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__arena *arena = nip__arena_new();
        char list[200];
        snprintf(list, sizeof list, "[{\"pointer\":\"/a\"},{\"regex\":\"%s\"}]", cases[i].regex);
        nip__rules *rules = rules_of(arena, list);
        char *text = repeated(cases[i].unit, LENGTH), *other = repeated(cases[i].unit, LENGTH);
        const char *too_long = NULL;
        text[LENGTH - 1] = 'x';
        other[LENGTH - 1] = 'y';
        nip__rules_begin(rules, 2 * LENGTH);
        clock_t before = clock();
        assert_false(nip__rules_same(rules, text, LENGTH, other, LENGTH, &too_long));
        double seconds = (double)(clock() - before) / CLOCKS_PER_SEC;
        if ((too_long != NULL) != cases[i].too_long)
            fail_msg("%s: %s", cases[i].regex, too_long != NULL ? too_long : "not too long");
        if (too_long != NULL)
            assert_contains(too_long, "rule 2 of ignore (regex ");
        if (seconds > 3) /* some hundredths, where nothing slows it down */
            fail_msg("%s: %g s", cases[i].regex, seconds);
        free(text);
        free(other);
        nip__rules_free(rules);
        nip__arena_free(arena);
    }
}

/* ---- where answers differ ---- */

static nip__buffer found_text;

static void note(void *data, const nip__difference *d)
{
    (void)data;
    nip__buffer_printf(&found_text, "%s%s %s%s", found_text.length > 0 ? "; " : "", d->field, d->kind,
                       d->secret ? " (secret)" : "");
}

static nip__answer answer_of(int status, const char *headers, const char *body)
{
    return (nip__answer){
        .message = "", .status = status, .headers = headers, .body = body, .body_length = strlen(body)};
}

#define JSON_TYPE "Content-Type: application/json\r\nX-A: 1\r\n"

static void tells_where_answers_differ(void **state)
{
    static const struct {
        int a_status, b_status;
        const char *a_headers, *b_headers, *a, *b, *found;
    } cases[] = {
        {200, 200, JSON_TYPE, JSON_TYPE, "{\"a\":1,\"b\":2}", "{ \"b\": 2.0, \"a\": 1 }", ""},
        {200, 404, "", "", "x", "x", "status changed"},
        {200, 200, "", "", "x", "y", "body changed"},
        {200, 200, "x-a: 1\r\nX-A:2\r\n", "X-a: 1, 2\r\n", "", "", ""},
        {200, 200, "X-A: 1\r\n", "", "", "", "header x-a missing"},
        {200, 200, "", "X-A: 1\r\nX-Token: t\r\n", "", "", "header x-a added; header X-Token added (secret)"},
        {200, 200, JSON_TYPE, JSON_TYPE, "{\"a\":{\"b\":[1,2]}}", "{\"a\":{\"b\":[1,3,4]},\"c\":0}",
         "body /a/b/* changed; body /a/b/* added; body /c added"},
        {200, 200, JSON_TYPE, JSON_TYPE, "{\"a\":1}", "{\"a\":\"1\"}", "body /a type"},
        {200, 200, JSON_TYPE, JSON_TYPE, "{\"a\":null,\"z\":1}", "{\"z\":2}", "body /a missing; body /z changed"},
        {200, 200, JSON_TYPE, JSON_TYPE, "{\"user\":{\"api_key\":\"x\"}}", "{\"user\":{\"api_key\":\"y\"}}",
         "body /user/api_key changed (secret)"},
        {200, 200, JSON_TYPE, JSON_TYPE, "{\"a/b\":{\"~\":1}}", "{\"a/b\":{\"~\":2}}", "body /a~1b/~0 changed"},
        {200, 200, JSON_TYPE, JSON_TYPE, "1", "2", "body changed"},
        {200, 200, JSON_TYPE, JSON_TYPE, "{\"a\":1}", "{\"a\":", "body type"},
        {200, 200, JSON_TYPE, JSON_TYPE, "{\"a\":", "{\"b\":", "body changed"},
        {200, 200, JSON_TYPE, JSON_TYPE, "{\"skip\":{\"x\":1},\"t\":\"at 5\"}", "{\"skip\":2,\"t\":\"at 77\"}", ""},
        {200, 200, JSON_TYPE, JSON_TYPE, "[]", "[[[1]]]", "body /* added"},
    };
    (void)state;
    nip__arena *arena = nip__arena_new();
    nip__differ differ = {.status = true,
                          .body = true,
                          .headers = json(arena, "[\"x-a\",\"X-Token\"]"),
                          .rules = rules_of(arena, "[{\"pointer\":\"/skip\"},{\"regex\":\"[0-9]+$\"}]")};
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__answer a = answer_of(cases[i].a_status, cases[i].a_headers, cases[i].a),
                    b = answer_of(cases[i].b_status, cases[i].b_headers, cases[i].b);
        found_text = NIP__BUFFER(10000);
        assert_int_equal(nip__differ_compare(&differ, &a, &b, note, NULL, NULL, NULL), 0);
        assert_string_equal(nip__buffer_string(&found_text), cases[i].found);
        nip__buffer_clear(&found_text);
    }
    nip__rules_free(differ.rules);
    nip__arena_free(arena);
}

/* Large and deep answers are compared in bounded time and memory; nothing of them is believed. */
static void bears_hostile_answers(void **state)
{
    (void)state;
    nip__arena *arena = nip__arena_new();
    nip__differ differ = {.body = true, .rules = rules_of(arena, "[{\"pointer\":\"/x/*/y\"}]")};
    nip__tally_limits limits = {.min_samples = 1, .alpha = 0.01, .examples = 3};
    nip__tally *tally = nip__tally_new(&differ, &limits, 10);
    nip__buffer a = NIP__BUFFER(8 << 20), b = NIP__BUFFER(8 << 20);
    for (int i = 0; i < 60000; i++) { /* as many keys, all different */
        nip__buffer_printf(&a, "%s\"k%d\":1", i == 0 ? "{" : ",", i);
        nip__buffer_printf(&b, "%s\"q%d\":\"\xc3\xa9\\u001b[31m\"", i == 0 ? "{" : ",", i);
    }
    nip__buffer_text(&a, "}");
    nip__buffer_text(&b, "}");
    nip__answer big = answer_of(200, JSON_TYPE, nip__buffer_string(&a)),
                other = answer_of(200, JSON_TYPE, nip__buffer_string(&b));
    nip__answer deep = answer_of(200, JSON_TYPE,
                                 "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
                                 "[[[[[[]]]]");
    nip__answers first = {"GET", "/?token=abc&x=1", &big, NULL, &other}, second = {"GET", "/", &deep, NULL, &big};
    assert_int_equal(nip__tally_add(tally, &first, NULL), 0);
    assert_int_equal(nip__tally_add(tally, &second, NULL), 0);
    nip__value *result = nip__tally_result(tally, arena);
    assert_string_equal(nip__get_text(result, "verdict"), "fail");
    char *text = nip__json_text(result);
    assert_true(strlen(text) < 200000);
    assert_contains(text, "other places");
    assert_contains(text, "/?token=***&x=1");
    assert_null(strstr(text, "abc"));
    nip_free(text);
    nip__tally_free(tally);
    nip__rules_free(differ.rules);
    nip__buffer_clear(&a);
    nip__buffer_clear(&b);
    nip__arena_free(arena);
}

/* ---- verdicts ---- */

/* One in `old_noise` answers of the old version differs from itself at /n, one in `fresh_noise` of the new one's, and `wrong` ones at /p. */
typedef struct scene {
    int requests, old_noise, fresh_noise, wrong, lost;
    double mismatches;
    const char *verdict;
    int64_t counted;
} scene;

static void add_request(nip__tally *tally, const scene *s, int i, nip__random *random)
{
    char bodies[3][100];
    nip__answer answers[3];
    for (int k = 0; k < 3; k++) {
        int one_in = k == 2 ? s->fresh_noise : s->old_noise;
        uint64_t noise =
            one_in > 0 && nip__random_below(random, (uint64_t)one_in) == 0 ? nip__random_below(random, 1000000) + 1 : 0;
        snprintf(bodies[k], sizeof bodies[k], "{\"n\":%llu,\"p\":%d}", (unsigned long long)noise,
                 k == 2 && i < s->wrong);
        answers[k] = answer_of(200, JSON_TYPE, bodies[k]);
        answers[k].duration = NIP_MILLISECOND;
    }
    if (i >= s->requests - s->lost)
        answers[0].reason = "timeout";
    nip__answers all = {"GET", "/", &answers[0], &answers[1], &answers[2]};
    assert_int_equal(nip__tally_add(tally, &all, NULL), 0);
}

static void judges_mismatches(void **state)
{
    static const scene scenes[] = {
        {.requests = 100, .verdict = "pass"},
        {.requests = 100, .wrong = 1, .verdict = "fail", .counted = 1},
        {.requests = 100, .wrong = 1, .mismatches = 0.01, .verdict = "pass", .counted = 1},
        {.requests = 100, .wrong = 3, .mismatches = 0.01, .verdict = "inconclusive", .counted = 3},
        {.requests = 100, .wrong = 30, .mismatches = 0.01, .verdict = "fail", .counted = 30},
        {.requests = 19, .verdict = "inconclusive"},
        {.requests = 19, .wrong = 19, .verdict = "inconclusive", .counted = 19},
        {.requests = 100, .lost = 90, .verdict = "inconclusive"},
        {.requests = 100, .lost = 100, .verdict = "no_data"},
        {.requests = 0, .verdict = "no_data"},
        /* what the old version does by itself is no difference, but the same place may still tell one */
        {.requests = 200, .old_noise = 1, .fresh_noise = 1, .verdict = "pass"},
        {.requests = 200, .old_noise = 2, .fresh_noise = 2, .verdict = "pass"},
        {.requests = 200, .old_noise = 10, .fresh_noise = 10, .verdict = "pass"},
        {.requests = 200, .old_noise = 10, .fresh_noise = 1, .verdict = "fail", .counted = -1},
        {.requests = 200, .old_noise = 2, .fresh_noise = 2, .wrong = 1, .verdict = "fail", .counted = 1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(scenes); i++) {
        nip__arena *arena = nip__arena_new();
        nip__differ differ = {.status = true, .body = true};
        nip__tally_limits limits = {
            .mismatches = scenes[i].mismatches, .min_samples = 20, .alpha = 0.001, .baseline = true};
        nip__tally *tally = nip__tally_new(&differ, &limits, 200);
        nip__random random;
        nip__random_seed(&random, 7 + i);
        for (int k = 0; k < scenes[i].requests; k++)
            add_request(tally, &scenes[i], k, &random);
        nip__value *result = nip__tally_result(tally, arena);
        if (strcmp(nip__get_text(result, "verdict"), scenes[i].verdict) != 0)
            fail_msg("scene %zu: %s, not %s", i, nip__get_text(result, "verdict"), scenes[i].verdict);
        int64_t counted = nip__get_int(nip__get(result, "mismatches"), "events", -1);
        if (scenes[i].counted >= 0)
            assert_int_equal(counted, scenes[i].counted);
        assert_int_equal(nip__get_int(result, "not_compared", -1), scenes[i].lost);
        assert_int_equal(nip__get_text(result, "first_failure") == NULL, strcmp(scenes[i].verdict, "pass") == 0);
        nip__tally_free(tally);
        nip__arena_free(arena);
    }
}

/* ---- noise that hides ---- */

enum { NOISY_REQUESTS = 100 };

/* Bodies of the old version's two answers and of the new one's; each # is another number. Every request below `quiet` gets `calm` three times. */
typedef struct noisy {
    const char *type, *old, *fresh, *calm;
    int quiet;
    int64_t examples;
    const char *verdict;
    int64_t hidden;
    const char *says[3]; /* what the result's JSON holds */
    bool silent;         /* no advice */
} noisy;

static void fill(char *body, size_t size, const char *form, int *number)
{
    nip__buffer text = NIP__BUFFER(1000);
    for (const char *p = form; *p != '\0'; p++) {
        if (*p == '#')
            nip__buffer_printf(&text, "%d", *number += 7);
        else
            nip__buffer_char(&text, *p);
    }
    snprintf(body, size, "%s", nip__buffer_string(&text));
    nip__buffer_clear(&text);
}

static void add_noisy(nip__tally *tally, const noisy *n, int i, int *number)
{
    char bodies[3][200];
    nip__answer answers[3];
    for (int k = 0; k < 3; k++) {
        const char *form = i < n->quiet ? n->calm : k == 2 ? n->fresh : n->old;
        fill(bodies[k], sizeof bodies[k], form, number);
        answers[k] = answer_of(200, n->type, bodies[k]);
        if (strcmp(form, "dead") == 0 && k > 0)
            answers[k].reason = "timeout";
        if (strcmp(form, "flips") == 0 && k > 0)
            answers[k].status = 500;
    }
    nip__answers all = {"GET", "/", &answers[0], &answers[1], &answers[2]};
    assert_int_equal(nip__tally_add(tally, &all, NULL), 0);
}

static void assert_noisy(const noisy *n, size_t number_of_case)
{
    nip__arena *arena = nip__arena_new();
    nip__differ differ = {.status = true, .body = true};
    nip__tally_limits limits = {.min_samples = 20, .alpha = 0.001, .baseline = true, .examples = n->examples};
    nip__tally *tally = nip__tally_new(&differ, &limits, NOISY_REQUESTS);
    int number = 100;
    for (int i = 0; i < NOISY_REQUESTS; i++)
        add_noisy(tally, n, i, &number);
    nip__value *result = nip__tally_result(tally, arena);
    char *json_text = nip__json_text(result);
    if (strcmp(nip__get_text(result, "verdict"), n->verdict) != 0)
        fail_msg("case %zu: %s, not %s: %s", number_of_case, nip__get_text(result, "verdict"), n->verdict, json_text);
    assert_int_equal(nip__get_int(result, "not_comparable", -1), n->hidden);
    assert_int_equal(nip__get_int(nip__get(result, "mismatches"), "total", -1), NOISY_REQUESTS - n->hidden);
    for (size_t i = 0; i < COUNT(n->says) && n->says[i] != NULL; i++)
        assert_contains(json_text, n->says[i]);
    assert_int_equal(nip__count(nip__get(result, "advice")) == 0, n->silent);
    nip_free(json_text);
    nip__tally_free(tally);
    nip__arena_free(arena);
}

/* What the old version's own noise hides is not alike for that: it was not compared. */
static void does_not_pass_what_noise_hides(void **state)
{
    static const noisy cases[] = {
        /* the body as a whole, and the new version really says something else */
        {"", "<p>made at #</p> cheap", "<p>made at #</p> dear", "same", 0, 3, "inconclusive", 100,
         {"\"first_failure\":\"in 100 of 100 requests the old version's own noise hides whether",
          "shadow.compare.ignore", "{\"regex\":\"<p>made at [^\\\\s\\\"'<>,;&]+\"}"}, false},
        {"", "<p>made at #</p> cheap", "<p>made at #</p> dear", "same", 91, 3, "pass", 9, {"\"noise\":9"}, false},
        {"", "<p>made at #</p> cheap", "<p>made at #</p> dear", "same", 89, 3, "inconclusive", 11, {NULL}, false},
        {"", "<p>made at #</p> cheap", "<p>made at #</p> dear", "same", 0, 0, "inconclusive", 100, {NULL}, true},
        {"", "#", "#", "same", 0, 3, "inconclusive", 100, {NULL}, true}, /* it has nothing that would stay */
        /* a list in no order, of which no place stays alike */
        {JSON_TYPE, "{\"v\":1,\"items\":[{\"id\":#,\"p\":#}]}", "{\"v\":1,\"items\":[{\"id\":#,\"p\":#}]}", "{}", 0, 3,
         "inconclusive", 100, {"{\"pointer\":\"/items/*/id\"}", "{\"pointer\":\"/items/*/p\"}"}, false},
        /* one place of several hides no more than itself */
        {JSON_TYPE, "{\"v\":1,\"w\":2,\"trace\":#}", "{\"v\":1,\"w\":2,\"trace\":#}", "{}", 0, 3, "pass", 0, {NULL}, true},
        {JSON_TYPE, "{\"v\":1,\"w\":2,\"trace\":#}", "{\"v\":1,\"w\":3,\"trace\":#}", "{}", 0, 3, "fail", 0, {NULL}, true},
        /* an old version that answers the second time otherwise, as the new one does */
        {"", "dead", "dead", "same", 0, 3, "inconclusive", 100, {NULL}, true},
        {"", "flips", "flips", "same", 0, 3, "inconclusive", 100, {NULL}, true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_noisy(&cases[i], i);
}

/* Answers that could not be told apart in bounded time are no part of a pass, and hide nothing that is seen elsewhere. */
static void does_not_pass_what_takes_too_long(void **state)
{
    static const struct {
        int slow, wrong;
        const char *verdict, *says;
    } cases[] = {
        {1, 0, "inconclusive", "1 of 40 answers could not be compared in bounded time: rule 1 of ignore (regex (a+)+$)"},
        {40, 0, "inconclusive", "\"not_comparable_why\":{\"rule 1 of ignore (regex (a+)+$) takes too long\":40}"},
        {40, 1, "fail", "\"not_comparable\":39"},
        {0, 0, "pass", "\"rules_exhausted\":0"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__arena *arena = nip__arena_new();
        nip__differ differ = {.status = true, .body = true, .rules = rules_of(arena, "[{\"regex\":\"(a+)+$\"}]")};
        nip__tally_limits limits = {.min_samples = 20, .alpha = 0.001, .baseline = true};
        nip__tally *tally = nip__tally_new(&differ, &limits, 40);
        for (int k = 0; k < 40; k++) {
            const char *body = k < cases[i].slow ? "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab" : "same";
            nip__answer old = answer_of(200, "", body), fresh = old;
            fresh.body = k < cases[i].slow ? "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac" : "same";
            fresh.status = k < cases[i].wrong ? 500 : 200;
            nip__answers all = {"GET", "/", &old, &old, &fresh};
            assert_int_equal(nip__tally_add(tally, &all, NULL), 0);
        }
        nip__value *result = nip__tally_result(tally, arena);
        char *text = nip__json_text(result);
        assert_string_equal(nip__get_text(result, "verdict"), cases[i].verdict);
        assert_contains(text, cases[i].says);
        nip_free(text);
        nip__tally_free(tally);
        nip__rules_free(differ.rules);
        nip__arena_free(arena);
    }
}

/* ---- ranks ---- */

/* The definition, by counting all interleavings of small samples. */
static double counted_tail(int first, int second, int rank, int above)
{
    int64_t hits = 0, all = 0;
    for (uint32_t mask = 0; mask < (UINT32_C(1) << (first + second)); mask++) {
        int ones = __builtin_popcount(mask), seen = 0, later = 0;
        if (ones != first) /* bits that are set are the first sample's, in ascending order of value */
            continue;
        for (int bit = 0; bit < first + second; bit++) {
            if ((mask >> bit & 1) != 0)
                seen++;
            else
                later += seen >= rank;
        }
        all++;
        hits += later >= above;
    }
    return (double)hits / (double)all;
}

static void counts_ranks_exactly(void **state)
{
    (void)state;
    for (int first = 1; first <= 6; first++)
        for (int second = 1; second <= 6; second++)
            for (int rank = 1; rank <= first; rank++)
                for (int above = 0; above <= second; above++) {
                    double wanted = counted_tail(first, second, rank, above),
                           tail = nip__precedence_tail(first, second, rank, above);
                    if (fabs(tail - wanted) > 1e-12)
                        fail_msg("%d %d %d %d: %.17g, not %.17g", first, second, rank, above, tail, wanted);
                }
    assert_int_equal(nip__quantile_rank(0, 0.5), 0);
    assert_int_equal(nip__quantile_rank(1, 0.99), 1);
    assert_int_equal(nip__quantile_rank(100, 0.95), 95);
    assert_int_equal(nip__quantile_rank(101, 0.5), 51);
    double large = nip__precedence_tail(100000, 100000, 50000, 51000);
    assert_true(large > 1e-6 && large < 1e-3);
}

/* Of versions that are alike hardly any is called slower, of those that are slower nearly all. */
static void judges_latencies(void **state)
{
    static const struct {
        double slower;
        int least, most; /* of 200 that fail */
    } cases[] = {{1.0, 0, 6}, {0.8, 0, 0}, {1.3, 150, 200}};
    (void)state;
    nip__random random;
    nip__random_seed(&random, 11);
    for (size_t c = 0; c < COUNT(cases); c++) {
        int fails = 0;
        for (int round = 0; round < 200; round++) {
            nip__arena *arena = nip__arena_new();
            nip__differ differ = {.status = true};
            nip__tally_limits limits = {.min_samples = 20, .alpha = 0.01, .latency = json(arena, "{\"p50\":0}")};
            nip__tally *tally = nip__tally_new(&differ, &limits, 200);
            for (int i = 0; i < 200; i++) {
                nip__answer old = answer_of(200, "", ""), fresh = answer_of(200, "", "");
                old.duration = (nip_duration)((1 + nip__random_unit(&random)) * 1e7);
                fresh.duration = (nip_duration)((1 + nip__random_unit(&random)) * 1e7 * cases[c].slower);
                nip__answers all = {"GET", "/", &old, NULL, &fresh};
                assert_int_equal(nip__tally_add(tally, &all, NULL), 0);
            }
            fails += strcmp(nip__get_text(nip__tally_result(tally, arena), "verdict"), "fail") == 0;
            nip__tally_free(tally);
            nip__arena_free(arena);
        }
        if (fails < cases[c].least || fails > cases[c].most)
            fail_msg("slower by %g: %d of 200 fail", cases[c].slower, fails);
    }
}

/* ---- reports ---- */

#define RESULT                                                                                                         \
    "{\"verdict\":\"fail\",\"first_failure\":\"1 of 2 requests\",\"compared\":2,\"fields\":[{\"field\":\"body /<i>\"," \
    "\"counts\":true,\"differs\":1,\"kinds\":{\"changed\":1},\"examples\":[{\"request\":\"GET "                        \
    "/\",\"old\":\"<script>\","                                                                                        \
    "\"new\":null}]}],\"latency\":{\"bounds\":[0.1],\"old\":{\"count\":2,\"p50\":0.1,\"buckets\":[1,1]},\"new\":{"     \
    "\"count\":"                                                                                                       \
    "2,\"p50\":0.2,\"buckets\":[0,2]},\"limits\":[]},\"not_comparable\":3,"                                         \
    "\"not_comparable_why\":{\"noise\":3},\"advice\":[{\"regex\":\"a<\\u001b\"}],\"path\":\"r\\u001b[2Jr\"}"

static const char plan_text[] =
    "{\"v\":1,\"kind\":\"plan\",\"subject\":\"shop\",\"title\":\"a <b> "
    "title\",\"steps\":[{\"id\":\"compare\",\"title\":\"t\","
    "\"actions\":[{\"role\":\"check\",\"verb\":\"compare\",\"class\":\"read\",\"args\":{\"old_version\":\"1\",\"new_"
    "version\":"
    "\"2\"}}],\"until\":{\"that\":[{\"at\":\"/verdict\",\"op\":\"==\",\"value\":\"pass\"}]}}]}";

/* A run that has compared, `answered` or not. */
static nip_run *run_of(nip_store *store, bool answered)
{
    nip_plan *plan = NULL;
    nip_run *run = NULL;
    const nip_action *action = NULL;
    nip_time until = 0;
    assert_int_equal(nip_plan_from_json(plan_text, strlen(plan_text), &plan, NULL), 0);
    assert_int_equal(nip_run_new(plan, store, NIP_SECOND, &run, NULL), 0);
    assert_int_equal(nip_run_next(run, NIP_SECOND, &action, &until, NULL), NIP_RUN_ACTION);
    if (answered) {
        assert_int_equal(nip_run_complete(run, NIP_SECOND, nip_action_id(action),
                                          "{\"outcome\":\"done\",\"result\":" RESULT "}", NULL),
                         0);
        assert_int_equal(nip_run_next(run, NIP_SECOND, &action, &until, NULL), NIP_RUN_DONE);
    }
    nip_plan_free(plan);
    return run;
}

typedef struct shop {
    nip_ctx *ctx;
    nip_store *store;
    nip_run *run;
} shop;

static shop open_shop(bool answered)
{
    shop s = {0};
    assert_int_equal(nip_ctx_new(&s.ctx, NULL), 0);
    assert_int_equal(nip_store_open(s.ctx, "memory:", &s.store, NULL), 0);
    s.run = run_of(s.store, answered);
    return s;
}

static void close_shop(shop *s)
{
    nip_run_free(s->run);
    nip_store_free(s->store);
    nip_ctx_free(s->ctx);
}

static char *report_of(const shop *s, const char *format)
{
    char *text = NULL;
    nip_error *error = NULL;
    if (nip_run_report(s->store, "shop", format, &text, &error) < 0)
        fail_msg("%s", nip_error_message(error));
    return text;
}

static void reports_in_every_form(void **state)
{
    (void)state;
    shop s = open_shop(true);
    char *text = report_of(&s, "text"), *page = report_of(&s, "html"), *whole = report_of(&s, "json");
    assert_contains(text, "verdict      fail");
    assert_contains(text, "r?[2Jr");
    assert_null(strchr(text, '\x1b'));
    assert_contains(text, "not comparable, because");
    assert_contains(text, "noise: 3");
    assert_contains(text, "add to shadow.compare.ignore what differs by itself\n  - {\"regex\":\"a<");
    assert_contains(page, "<dt>not comparable, because</dt><dd>noise: 3</dd>");
    assert_contains(page, "<li><code>{&quot;regex&quot;:&quot;a&lt;");
    assert_contains(page, "a &lt;b&gt; title");
    assert_contains(page, "&lt;script&gt;");
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "<i>"));
    assert_contains(whole, "\"old\":\"1\",\"new\":\"2\"");
    assert_contains(whole, "\"state\":\"stopped\"");
    nip_free(text);
    nip_free(page);
    nip_free(whole);
    close_shop(&s);
}

static void says_that_there_is_none_yet(void **state)
{
    (void)state;
    shop s = open_shop(false);
    char *text = report_of(&s, "text"), *page = report_of(&s, "html"), *unwritten = NULL;
    nip_error *error = NULL;
    assert_contains(text, "none: nothing was compared");
    assert_contains(page, "nothing was compared");
    assert_int_equal(nip_run_report(s.store, "shop", "pdf", &unwritten, &error), NIP_E_INVALID);
    nip_error_free(error);
    error = NULL;
    assert_int_equal(nip_run_report(s.store, "other", "text", &unwritten, &error), NIP_E_NOTFOUND);
    nip_error_free(error);
    assert_null(unwritten);
    nip_free(text);
    nip_free(page);
    close_shop(&s);
}

static void bears_want_of_memory_while_reporting(void **state)
{
    static const char *const forms[] = {"text", "html", "json"};
    (void)state;
    shop s = open_shop(true);
    for (size_t i = 0; i < COUNT(forms); i++) {
        for (long k = 1;; k++) {
            char *text = NULL;
            long alive = allocations_alive();
            fail_allocation(k, 0);
            int rc = nip_run_report(s.store, "shop", forms[i], &text, NULL);
            long seen = allocations_seen();
            fail_allocation(0, 0);
            assert_true(rc == 0 ? text != NULL : text == NULL);
            nip_free(text);
            assert_int_equal(allocations_alive(), alive);
            if (seen < k)
                break;
            assert_true(rc == 0 || rc == NIP_E_NOMEM);
        }
    }
    close_shop(&s);
}

/* Everything from reading a file to the result, with the k-th allocation failing. */
static int compare_once(char **json)
{
    static const char lines[] = "{\"url\":\"/a?token=x\",\"headers\":{\"A\":\"b\"}}\n{\"url\":\"/b\"}\n";
    nip__arena *arena = nip__arena_new();
    nip__value *list = nip__list(arena), *ignore = nip__list(arena), *rule = nip__map(arena), *other = nip__map(arena);
    nip__problems problems = {0};
    nip__differ differ = {.status = true, .body = true};
    nip__tally_limits limits = {.min_samples = 1, .alpha = 0.01, .examples = 3};
    nip__recording recording = {0};
    nip__push_text(arena, list, "GET");
    nip__put_text(arena, rule, "regex", "[0-9]+");
    nip__put_text(arena, other, "pointer", "/x/*");
    nip__push(ignore, rule);
    nip__push(ignore, other);
    nip__recording_choice choice = {.methods = list, .most = 10};
    int rc = nip__arena_failed(arena) ? NIP_E_NOMEM : 0;
    if (rc == 0)
        rc = nip__recording_read(arena, lines, strlen(lines), "file", &choice, &recording, NULL);
    if (rc == 0)
        rc = nip__rules_read(ignore, "test", "", &differ.rules, &problems);
    nip__tally *tally = rc == 0 ? nip__tally_new(&differ, &limits, 2) : NULL;
    if (rc == 0 && tally == NULL)
        rc = NIP_E_NOMEM;
    nip__answer old = answer_of(200, JSON_TYPE, "{\"a\":\"at 1\",\"b\":1,\"x\":[1]}"),
                fresh = answer_of(200, JSON_TYPE, "{\"a\":\"at 22\",\"b\":2,\"x\":[2]}");
    for (size_t i = 0; rc == 0 && i < recording.count; i++)
        rc = nip__tally_add(tally, &(nip__answers){"GET", recording.list[i].target, &old, &old, &fresh}, NULL);
    nip__value *result = rc == 0 ? nip__tally_result(tally, arena) : NULL;
    if (rc == 0 && nip__arena_failed(arena))
        rc = NIP_E_NOMEM;
    *json = rc == 0 ? nip__json_text(result) : NULL;
    if (rc == 0 && *json == NULL)
        rc = NIP_E_NOMEM;
    nip__problems_finish(&problems, NIP_E_INVALID, NULL);
    nip__tally_free(tally);
    nip__rules_free(differ.rules);
    nip__arena_free(arena);
    return rc;
}

static void bears_want_of_memory_while_comparing(void **state)
{
    (void)state;
    char *whole = NULL;
    assert_int_equal(compare_once(&whole), 0);
    for (long k = 1;; k++) {
        char *json = NULL;
        long alive = allocations_alive();
        fail_allocation(k, 0);
        int rc = compare_once(&json);
        long seen = allocations_seen();
        fail_allocation(0, 0);
        if (rc == 0 && strcmp(json, whole) != 0)
            fail_msg("allocation %ld: %s", k, json);
        if (rc != 0 && rc != NIP_E_NOMEM)
            fail_msg("allocation %ld: %d", k, rc);
        nip_free(json);
        assert_int_equal(allocations_alive(), alive);
        if (seen < k)
            break;
    }
    nip_free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_recorded_requests),
        cmocka_unit_test(ignores_places),
        cmocka_unit_test(leaves_pieces_of_text_out),
        cmocka_unit_test(limits_expressions),
        cmocka_unit_test(does_not_pass_what_takes_too_long),
        cmocka_unit_test(tells_where_answers_differ),
        cmocka_unit_test(bears_hostile_answers),
        cmocka_unit_test(judges_mismatches),
        cmocka_unit_test(does_not_pass_what_noise_hides),
        cmocka_unit_test(counts_ranks_exactly),
        cmocka_unit_test(judges_latencies),
        cmocka_unit_test(reports_in_every_form),
        cmocka_unit_test(says_that_there_is_none_yet),
        cmocka_unit_test(bears_want_of_memory_while_reporting),
        cmocka_unit_test(bears_want_of_memory_while_comparing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
