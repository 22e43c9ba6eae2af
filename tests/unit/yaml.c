/* YAML in: which scalar becomes what, what is refused and where, and hostile texts. */
#include "unit.h"

#include "base/error.h"
#include "base/random.h"
#include "doc/yaml.h"
#include "failing_malloc.h"

static void test_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *json;
    } rows[] = {
        {"", "null"},
        {"# only a comment\n", "null"},
        {"a: 1", "{\"a\":1}"},
        {"\xef\xbb\xbf"
         "a: 1",
         "{\"a\":1}"},
        {"--- \na: 1\n...\n", "{\"a\":1}"},
        {"%YAML 1.1\n---\na: 1\n", "{\"a\":1}"},
        {"x", "\"x\""},
        /* plain scalars */
        {"[true, false, null, ~]", "[true,false,null,null]"},
        {"[True, FALSE, Null, yes, no, on, off, y]",
         "[\"True\",\"FALSE\",\"Null\",\"yes\",\"no\",\"on\",\"off\",\"y\"]"},
        {"[6, -6, 0, -0, 010, 1_000, 0x10, 0o7, +1]", "[6,-6,0,0,\"010\",\"1_000\",\"0x10\",\"0o7\",\"+1\"]"},
        {"[1.5, -0.5, 1e3, 1.30, 1.4.0, .5, 1., 01.5, 1e, 1e999]",
         "[1.5,-0.5,1000,1.3,\"1.4.0\",\".5\",\"1.\",\"01.5\",\"1e\",\"1e999\"]"},
        {"[.nan, .inf, -.inf, NaN, 12:30:45, 2026-11-23]",
         "[\".nan\",\".inf\",\"-.inf\",\"NaN\",\"12:30:45\",\"2026-11-23\"]"},
        {"[9223372036854775807, 123456789012345678901234567890]", "[\"9223372036854775807\",1.2345678901234568e+29]"},
        {"a:\nb: ''\nc: \"\"\n", "{\"a\":null,\"b\":\"\",\"c\":\"\"}"},
        {"['6', \"true\", 'null']", "[\"6\",\"true\",\"null\"]"},
        /* tags of the core schema */
        {"[!!str 6, !!int 6, !!float 6, !!bool true, !!null ~, ! 6]", "[\"6\",6,6,true,null,\"6\"]"},
        {"!!map {a: !!seq [1]}", "{\"a\":[1]}"},
        {"!!str a: 1", "{\"a\":1}"},
        {"a: !!int \"6\"", "{\"a\":6}"},
        /* keys */
        {"1: a\n1.3: b\ntrue: c\n~: d\n", "{\"1\":\"a\",\"1.3\":\"b\",\"true\":\"c\",\"~\":\"d\"}"},
        {"\"<<\": 1", "{\"<<\":1}"},
        {"? a\n: b", "{\"a\":\"b\"}"},
        /* anchors */
        {"a: &x {n: [1]}\nb: *x\nc: *x\n", "{\"a\":{\"n\":[1]},\"b\":{\"n\":[1]},\"c\":{\"n\":[1]}}"},
        {"[&a 1, &a 2, *a]", "[1,2,2]"},
        {"&k key: *k", "{\"key\":\"key\"}"},
        {"[&a , *a]", "[null,null]"},
        /* styles */
        {"a: |\n  x\n  y\nb: >\n  x\n  y\n", "{\"a\":\"x\\ny\\n\",\"b\":\"x y\\n\"}"},
        {"a: \"\\u00e9\\x41\"", "{\"a\":\"\xc3\xa9"
                                "A\"}"},
        {"{a: 1, b: [x, y]}", "{\"a\":1,\"b\":[\"x\",\"y\"]}"},
        {"{\"a\": 1, b: 2,}", "{\"a\":1,\"b\":2}"},
        {" {\"a\": [1, 2.5, \"x\"]} ", "{\"a\":[1,2.5,\"x\"]}"},
        {"- a\n- - b\n  - c\n", "[\"a\",[\"b\",\"c\"]]"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        nip__arena *arena = nip__arena_new();
        nip__value *value = NULL;
        nip_error *err = NULL;
        int rc = nip__yaml_read(arena, rows[i].text, strlen(rows[i].text), "x", &nip__document_limits, &value, &err);
        if (rc != 0)
            print_error("%s: %s\n", rows[i].text, nip_error_message(err));
        assert_int_equal(rc, 0);
        char *json = nip__json_text(value);
        assert_string_equal(json, rows[i].json);
        nip_free(json);
        nip__arena_free(arena);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length; /* 0: strlen */
        int line, column;
        const char *says;
    } rows[] = {
        {"a: 1\nb: 2\na: 3\n", 0, 3, 1, "duplicate key \"a\": it is already on line 1; keep one of them"},
        {"{a: 1, \"a\": 2}", 0, 1, 8, "duplicate key"},
        {"a: &a {x: 1}\nb:\n  <<: *a\n", 0, 3, 3, "merge keys (<<) are not accepted: write the merged keys out"},
        {"a: !!python/object:os.system x", 0, 1, 4, "tag tag:yaml.org,2002:python/object:os.system is not accepted"},
        {"a: !foo x", 0, 1, 4, "tag !foo is not accepted"},
        {"a: !!binary aGk=", 0, 1, 4, "is not accepted"},
        {"a: !!int six", 0, 1, 4, "is not accepted"},
        {"a: !!set {x}", 0, 1, 4, "is not accepted"},
        {"!!int a: 1", 0, 1, 1, "is not accepted"},
        {"a: !!map [1]", 0, 1, 4, "is not accepted"},
        {"[a]: b", 0, 1, 1, "cannot be a key"},
        {"? {a: 1}\n: b", 0, 1, 3, "cannot be a key"},
        {"a: &x y\n*x : b", 0, 2, 1, "an alias cannot be a key"},
        {"a: *nope", 0, 1, 4, "alias *nope has no anchor"},
        {"a: &a [1, *a]", 0, 1, 11, "cannot contain itself"},
        {"a: &a\n  b: {c: *a}", 0, 2, 10, "cannot contain itself"},
        {"a: 1\n---\nb: 2\n", 0, 2, 1, "a second document begins here"},
        {"a: 1\n--- \n", 0, 2, 1, "a second document"},
        {"a:\n\tb: 1", 0, 2, 1, "spaces, not tabs"},
        {"a: b: c", 0, 1, 5, "put text that contains \": \" in quotes"},
        {"a: [1, 2", 0, 1, 4, "comma or the closing bracket is missing"},
        {"a: \"x", 0, 1, 4, "closing quote is missing"},
        {"a: @x", 0, 1, 4, "@ ` or %"},
        {"a: 1\n b: 2", 0, 2, 3, "mapping values are not allowed"},
        {"a:\n  - x\n y\n", 0, 3, 2, "check the indentation"},
        {"%TAG ! tag:x,2000:\n---\na: 1", 0, 0, 0, "%TAG directives are not accepted"},
        {"a: \"\\0\"", 0, 1, 4, "must not contain NUL"},
        {"a: \0", 4, 1, 4, "NUL is not accepted"},
        {"a:\n  \xc3\xa9: \xff", 0, 2, 6, "byte 0xff is not valid UTF-8"},
        {"\xff\xfe"
         "a\0",
         4, 1, 1, "UTF-8"},
        {"a: \x01", 0, 1, 4, "control characters are not allowed"},
        {"{\"a\": 1 \"b\": 2}", 0, 1, 12, "a comma or the closing bracket is missing"},
        {"{\"a\": tru\n,\"a\": 1}", 0, 2, 2, "duplicate key"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        nip__arena *arena = nip__arena_new();
        nip__value *value = NULL;
        nip_error *err = NULL;
        size_t length = rows[i].length > 0 ? rows[i].length : strlen(rows[i].text);
        char *exact = malloc(length);
        memcpy(exact, rows[i].text, length);
        int rc = nip__yaml_read(arena, exact, length, "x.yaml", &nip__document_limits, &value, &err);
        if (rc != NIP_E_SYNTAX || nip_error_line(err) != rows[i].line || nip_error_column(err) != rows[i].column)
            print_error("%s: %s\n", rows[i].text, nip_error_message(err));
        assert_int_equal(rc, NIP_E_SYNTAX);
        assert_int_equal(nip_error_line(err), rows[i].line);
        assert_int_equal(nip_error_column(err), rows[i].column);
        assert_contains(nip_error_message(err), rows[i].says);
        assert_null(value);
        free(exact);
        nip_error_free(err);
        nip__arena_free(arena);
    }
}

static void test_positions(void **state)
{
    (void)state;
    static const char text[] =
        "rollout:\n  app: caf\xc3\xa9\n  \xc3\xa9: six\n  stages: [1, &x {a: 2}]\n  again: *x\n  empty:\n";
    static const struct {
        const char *pointer;
        unsigned line, column;
    } rows[] = {{"/rollout", 2, 3},         {"/rollout/app", 2, 8},       {"/rollout/\xc3\xa9", 3, 6},
                {"/rollout/stages", 4, 11}, {"/rollout/stages/0", 4, 12}, {"/rollout/stages/1/a", 4, 22},
                {"/rollout/again", 5, 10},  {"/rollout/again/a", 5, 10},  {"/rollout/empty", 6, 9}};
    nip__arena *arena = nip__arena_new();
    nip__value *value = NULL;
    assert_int_equal(nip__yaml_read(arena, text, strlen(text), "x", &nip__document_limits, &value, NULL), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const nip__value *found = nip__pointer(value, rows[i].pointer);
        assert_non_null(found);
        assert_int_equal(found->line, rows[i].line);
        assert_int_equal(found->column, rows[i].column);
    }
    nip__arena_free(arena);
}

/* `head`, then `part` `times` times; '#' in `part` stands for the count. */
static nip__buffer hostile(const char *head, const char *part, int times)
{
    nip__buffer text = NIP__BUFFER(64 << 20);
    nip__buffer_text(&text, head);
    for (int i = 0; i < times; i++) {
        for (const char *p = part; *p != '\0'; p++) {
            if (*p == '#')
                nip__buffer_int(&text, i);
            else
                nip__buffer_char(&text, *p);
        }
    }
    return text;
}

static void test_hostile(void **state)
{
    (void)state;
    static const struct {
        const char *head, *part;
        int times, rc;
        const char *says;
    } rows[] = {
        {"", "[", 20000, NIP_E_LIMIT, "more than 64 levels"},
        {"a: ", "[", 20000, NIP_E_LIMIT, "more than 64 levels"},
        {"a: ", "[ ", 20000, NIP_E_LIMIT, "more than 64 levels"},
        {"", "[\n", 20000, NIP_E_LIMIT, "more than 64 levels"},
        {"a: ", "{a: ", 8000, NIP_E_LIMIT, "more than 64 levels"},
        {"", "- ", 10000, NIP_E_LIMIT, "more than 64 levels"},
        {"", "{", 20000, NIP_E_SYNTAX, "cannot be a key"},
        {"", "? ", 10000, NIP_E_SYNTAX, "cannot be a key"},
        {"a: ", "[{", 10000, NIP_E_SYNTAX, "cannot be a key"},
        {"", "- &a# x\n", 30000, NIP_E_LIMIT, "more than 1000 anchors"},
        {"[", "&a# x,", 30000, NIP_E_LIMIT, "more than 1000 anchors"},
        {"a: &a 1\nb: [", "*a,", 300000, NIP_E_LIMIT, "more than 50000 values"},
        {"", "k#: 1\n", 200000, NIP_E_LIMIT, "more than 50000 values"},
        {"", "%TAG !a#! tag:x\n", 20000, NIP_E_SYNTAX, "%TAG"},
        {"x\n...\n", "%TAG !a#! tag:x\n", 20000, NIP_E_SYNTAX, "%TAG"},
        {"a: '", "x", 9000000, NIP_E_LIMIT, "at most 8388608 are read"},
        {"a: \"", "x", 1000000, NIP_E_SYNTAX, "x:1:4: found unexpected end of stream"},
        {"", "---\n", 100000, NIP_E_SYNTAX, "a second document"},
        {"a: ", "!", 20000, NIP_E_SYNTAX, "tag"},
        {"", "a: ", 10000, NIP_E_SYNTAX, "mapping values"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        nip__arena *arena = nip__arena_new();
        nip__value *value = NULL;
        nip_error *err = NULL;
        nip__buffer text = hostile(rows[i].head, rows[i].part, rows[i].times);
        int rc = nip__yaml_read(arena, text.data, text.length, "x", &nip__document_limits, &value, &err);
        if (rc != rows[i].rc)
            print_error("%s%s...: %s\n", rows[i].head, rows[i].part, nip_error_message(err));
        assert_int_equal(rc, rows[i].rc);
        assert_contains(nip_error_message(err), rows[i].says);
        nip_error_free(err);
        nip__buffer_clear(&text);
        nip__arena_free(arena);
    }
}

/* Aliases of aliases: the tenfold of the tenfold of ..., and a nesting that only aliases make deep. */
static void test_bombs(void **state)
{
    (void)state;
    for (int deep = 0; deep <= 1; deep++) {
        nip__buffer text = NIP__BUFFER(1 << 20);
        nip__buffer_text(&text, "a0: &a0 [x, x]\n");
        for (int i = 1; i < 100; i++) {
            nip__buffer_printf(&text, "a%d: &a%d [", i, i);
            for (int j = 0; j < (deep ? 1 : 10); j++)
                nip__buffer_printf(&text, "%s*a%d", j > 0 ? "," : "", i - 1);
            nip__buffer_text(&text, "]\n");
        }
        nip__arena *arena = nip__arena_new();
        nip__value *value = NULL;
        nip_error *err = NULL;
        assert_int_equal(nip__yaml_read(arena, text.data, text.length, "x", &nip__document_limits, &value, &err),
                         NIP_E_LIMIT);
        assert_contains(nip_error_message(err), deep ? "64 levels" : "50000 values");
        nip_error_free(err);
        nip__arena_free(arena);
        nip__buffer_clear(&text);
    }
}

static void test_scalar(void **state)
{
    (void)state;
    static const struct {
        const char *text, *json;
    } rows[] = {{"6", "6"},       {"true", "true"}, {"1.4.0", "\"1.4.0\""}, {"", "null"},
                {"null", "null"}, {"1.5", "1.5"},   {"a: b", "\"a: b\""},   {"[1]", "\"[1]\""}};
    nip__arena *arena = nip__arena_new();
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *json = nip__json_text(nip__yaml_scalar(arena, rows[i].text));
        assert_string_equal(json, rows[i].json);
        nip_free(json);
    }
    nip__arena_free(arena);
}

static void test_random_bytes(void **state)
{
    (void)state;
    static const char alphabet[] = "{}[]\"',:- \n\n&*!|>?#%@ab01~<.\t\xc3\xa9";
    nip__random random;
    nip__random_seed(&random, 6);
    for (int i = 0; i < 60000; i++) {
        char text[32];
        size_t length = nip__random_below(&random, sizeof text);
        for (size_t j = 0; j < length; j++)
            text[j] = alphabet[nip__random_below(&random, sizeof alphabet - 1)];
        nip__arena *arena = nip__arena_new();
        nip__value *value = NULL;
        nip_error *err = NULL;
        int rc = nip__yaml_read(arena, text, length, "x", &nip__document_limits, &value, &err);
        assert_int_equal(nip_error_code(err), rc);
        assert_int_equal(value != NULL, rc == 0);
        nip_error_free(err);
        nip__arena_free(arena);
    }
}

static int read_some(const char *text)
{
    nip__arena *arena = nip__arena_new();
    nip__value *value = NULL;
    nip_error *err = NULL;
    int rc = nip__yaml_read(arena, text, strlen(text), "x", &nip__document_limits, &value, &err);
    assert_int_equal(nip_error_code(err), rc);
    nip_error_free(err);
    nip__arena_free(arena);
    return rc;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
    } rows[] = {
        {"a: &x {n: [1, 2.5, \"q\"]}\nb: *x\nc: |\n  text\n", 0},
        {"{\"a\": 1, b: 2}", 0},
        {"{\"a\": 1 \"b\": 2}", NIP_E_SYNTAX},
        {"a: 1\na: 2\n", NIP_E_SYNTAX},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (long k = 1;; k++) {
            fail_allocation(k, 0);
            int rc = read_some(rows[i].text);
            long seen = allocations_seen();
            fail_allocation(0, 0);
            assert_int_equal(rc, seen < k ? rows[i].rc : NIP_E_NOMEM);
            if (seen < k)
                break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),         cmocka_unit_test(test_refused),       cmocka_unit_test(test_positions),
        cmocka_unit_test(test_hostile),      cmocka_unit_test(test_bombs),         cmocka_unit_test(test_scalar),
        cmocka_unit_test(test_random_bytes), cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
