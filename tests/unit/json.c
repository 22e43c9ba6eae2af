/* JSON in: what is accepted, what is refused and where. JSON out: escapes, numbers, the writer without a tree. */
#include "unit.h"

#include "base/error.h"
#include "base/random.h"
#include "doc/json.h"
#include "failing_malloc.h"

static int read_text(nip__arena *arena, const char *text, size_t length, nip__value **value, nip_error **err)
{
    char *exact =
        malloc(length > 0 ? length : 1); /* without a NUL behind it: reading too far shows under the sanitizer */
    memcpy(exact, text, length);
    int rc = nip__json_read(arena, exact, length, "x.json", &nip__document_limits, value, err);
    free(exact);
    return rc;
}

static void test_round_trip(void **state)
{
    (void)state;
    static const struct {
        const char *text, *written; /* NULL: the same */
    } rows[] = {
        {"null", NULL},
        {"true", NULL},
        {"false", NULL},
        {"0", NULL},
        {"-7", NULL},
        {"1.5", NULL},
        {"\"\"", NULL},
        {"[]", NULL},
        {"{}", NULL},
        {" \t\r\n1 \n", "1"},
        {"[1, 2 ,3]", "[1,2,3]"},
        {"{ \"a\" : { \"b\" : [ ] } }", "{\"a\":{\"b\":[]}}"},
        {"9007199254740991", NULL},
        {"9007199254740992", "\"9007199254740992\""},
        {"-9007199254740992", "\"-9007199254740992\""},
        {"9223372036854775807", "\"9223372036854775807\""},
        {"-9223372036854775808", "\"-9223372036854775808\""},
        {"9223372036854775808", "9.223372036854776e+18"},
        {"9007199254740992.0", NULL}, /* stays a number when it is read again */
        {"-9007199254740994e0", "-9007199254740994.0"},
        {"1e3", "1000"},
        {"-0", "-0.0"},
        {"-0.0", NULL},
        {"1E+2", "100"},
        {"123456789012345678901234567890", "1.2345678901234568e+29"},
        {"0.1", NULL},
        {"\"\\u00e9\\n\\t\\\"\\\\\\/\\b\\f\\r\"", "\"\xc3\xa9\\n\\t\\\"\\\\/\\b\\f\\r\""},
        {"\"\\ud83d\\udc24\"", "\"\xf0\x9f\x90\xa4\""},
        {"\"\\u0001\\u001f\\u007f\"", "\"\\u0001\\u001f\\u007f\""},
        {"\"\xe2\x82\xac plain text that is long enough\"", NULL},
        {"\"12345678901234567890\"", NULL},
        {"\"\\u0800\\uffff\"", "\"\xe0\xa0\x80\xef\xbf\xbf\""},
        {"[[[[[[[[[[1]]]]]]]]]]", NULL},
        {"{\"\":1}", NULL},
        {"[true,false,null,\"x\",1,{\"k\":\"v\"}]", NULL},
        /* keys alike or not */
        {"[{\"ab\":1,\"b\":2},{\"ab\":3,\"b\":4,\"c\":5},{\"a\":6,\"bc\":7},{},{\"b\":{\"ab\":8},\"ab\":9}]", NULL},
        {"[{\"a\\\"\":1},{\"a\\\"\":2},{\"a\":3},{\"\\u0061\":4}]", "[{\"a\\\"\":1},{\"a\\\"\":2},{\"a\":3},{\"a\":4}]"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        nip__arena *arena = nip__arena_new();
        nip__value *value = NULL;
        nip_error *err = NULL;
        int rc = read_text(arena, rows[i].text, strlen(rows[i].text), &value, &err);
        if (rc != 0)
            print_error("%s: %s\n", rows[i].text, nip_error_message(err));
        assert_int_equal(rc, 0);
        char *written = nip__json_text(value);
        assert_string_equal(written, rows[i].written != NULL ? rows[i].written : rows[i].text);
        nip_free(written);
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
        {"", 0, 1, 1, "expected a value"},
        {"   ", 0, 1, 4, "expected a value"},
        {"\n\n  x", 0, 3, 3, "expected a value"},
        {"tru", 0, 1, 1, "expected a value"},
        {"True", 0, 1, 1, "it is written true"},
        {"None", 0, 1, 1, "it is written null"},
        {"NaN", 0, 1, 1, "JSON has no NaN"},
        {"Infinity", 0, 1, 1, "infinity"},
        {"'a'", 0, 1, 1, "double quotes"},
        {"// x", 0, 1, 1, "no comments"},
        {"[1,]", 0, 1, 4, "a comma too many"},
        {"[,1]", 0, 1, 2, "a comma too many"},
        {"[1 2]", 0, 1, 4, "expected a comma or ], found '2'"},
        {"[1", 0, 1, 3, "expected a comma or ], found the end of the text"},
        {"[", 0, 1, 2, "expected a value"},
        {"{", 0, 1, 2, "expected a key in double quotes or }"},
        {"{\"a\":1,}", 0, 1, 8, "expected a key in double quotes, found '}'"},
        {"{a:1}", 0, 1, 2, "expected a key in double quotes"},
        {"{\"a\" 1}", 0, 1, 6, "expected a colon behind the key"},
        {"{\"a\":}", 0, 1, 6, "a value is missing"},
        {"{\"a\":1 \"b\":2}", 0, 1, 8, "expected a comma or }"},
        {"{\"a\":1,\n \"b\":2,\n \"a\":3}", 0, 3, 2, "duplicate key \"a\": it is already on line 1"},
        {"{\"a\":1,\"\\u0061\":2}", 0, 1, 8, "duplicate key \"a\""},
        {"1 2", 0, 1, 3, "expected the end of the text"},
        {"{} x", 0, 1, 4, "expected the end of the text"},
        {"01", 0, 1, 1, "leading zeros"},
        {"-01", 0, 1, 1, "leading zeros"},
        {"-", 0, 1, 2, "expected a digit"},
        {"1.", 0, 1, 3, "expected a digit"},
        {"1.x", 0, 1, 3, "expected a digit, found 'x'"},
        {"1e", 0, 1, 3, "expected a digit"},
        {"1e+", 0, 1, 4, "expected a digit"},
        {"+1", 0, 1, 1, "no plus sign"},
        {".5", 0, 1, 1, "begins with a digit"},
        {"1e999", 0, 1, 1, "64-bit floating point"},
        {"\"abc", 0, 1, 1, "not closed"},
        {"\"abc\\\"", 0, 1, 1, "not closed"},
        {"[\"\xc3\xa9\xc3\xa9\", x]", 0, 1, 8, "expected a value"}, /* columns count characters */
        {"\"a\nb\"", 0, 1, 3, "not closed on its line"},
        {"\"a\tb\"", 0, 1, 3, "must be written as \\u0009"},
        {"\"\\x\"", 0, 1, 2, "unknown escape"},
        {"\"\\u12\"", 0, 1, 2, "four hexadecimal digits"},
        {"\"\\u12g4\"", 0, 1, 2, "four hexadecimal digits"},
        {"\"\\u0000\"", 0, 1, 2, "must not contain NUL"},
        {"\"a\0b\"", 5, 1, 3, "byte 0x00"},
        {"\0", 1, 1, 1, "byte 0x00"},
        {"\"\\ud800\"", 0, 1, 2, "first half of a pair"},
        {"\"\\ud800\\ud800\"", 0, 1, 2, "first half of a pair"},
        {"\"\\ud800x\"", 0, 1, 2, "first half of a pair"},
        {"\"\\udc00\"", 0, 1, 2, "second half"},
        {"\"ab\xff\"", 0, 1, 4, "byte 0xff is not valid UTF-8"},
        {"\"\xc3\"", 0, 1, 2, "not valid UTF-8"},
        {"\"\xed\xa0\x80\"", 0, 1, 2, "not valid UTF-8"},
        {"\xef\xbb\xbf{}", 0, 1, 1, "expected a value"},
        {"[1}", 0, 1, 3, "expected a comma or ]"},
        {"]", 0, 1, 1, "a comma too many"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        nip__arena *arena = nip__arena_new();
        nip__value *value = NULL;
        nip_error *err = NULL;
        size_t length = rows[i].length > 0 ? rows[i].length : strlen(rows[i].text);
        int rc = read_text(arena, rows[i].text, length, &value, &err);
        if (rc != NIP_E_SYNTAX || nip_error_line(err) != rows[i].line || nip_error_column(err) != rows[i].column)
            print_error("%s: %s\n", rows[i].text, nip_error_message(err));
        assert_int_equal(rc, NIP_E_SYNTAX);
        assert_int_equal(nip_error_line(err), rows[i].line);
        assert_int_equal(nip_error_column(err), rows[i].column);
        assert_contains(nip_error_message(err), rows[i].says);
        assert_contains(nip_error_message(err), "x.json:");
        assert_null(value);
        nip_error_free(err);
        nip__arena_free(arena);
    }
}

static void test_positions(void **state)
{
    (void)state;
    static const char text[] = "{\n  \"caf\xc3\xa9\": [1,\n    \"\xe2\x82\xac\", true],\n  \"b\": {\"c\": null}\n}";
    static const struct {
        const char *pointer;
        unsigned line, column;
    } rows[] = {{"", 1, 1},
                {"/caf\xc3\xa9", 2, 11},
                {"/caf\xc3\xa9/0", 2, 12},
                {"/caf\xc3\xa9/1", 3, 5},
                {"/caf\xc3\xa9/2", 3, 10},
                {"/b/c", 4, 14}};
    nip__arena *arena = nip__arena_new();
    nip__value *value = NULL;
    assert_int_equal(read_text(arena, text, strlen(text), &value, NULL), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const nip__value *found = nip__pointer(value, rows[i].pointer);
        assert_non_null(found);
        assert_int_equal(found->line, rows[i].line);
        assert_int_equal(found->column, rows[i].column);
    }
    nip__arena_free(arena);
}

static char *repeated(const char *what, size_t times)
{
    size_t length = strlen(what);
    char *text = malloc(length * times + 1);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * length, what, length);
    text[length * times] = '\0';
    return text;
}

static void test_limits(void **state)
{
    (void)state;
    static const struct {
        const char *part;
        size_t times;
        const char *says;
    } rows[] = {
        {"[", 20000, "x.json:1:65: more than 64 levels"},
        {"{\"a\":", 20000, "more than 64 levels"},
        {"[[],", 60000, "more than 64 levels"},
        {"x", (8 << 20) + 1, "at most 8388608 are read"},
    };
    nip__value *value = NULL;
    for (size_t i = 0; i < COUNT(rows); i++) {
        nip__arena *arena = nip__arena_new();
        nip_error *err = NULL;
        char *text = repeated(rows[i].part, rows[i].times);
        assert_int_equal(read_text(arena, text, strlen(text), &value, &err), NIP_E_LIMIT);
        assert_contains(nip_error_message(err), rows[i].says);
        nip_error_free(err);
        free(text);
        nip__arena_free(arena);
    }
    char *list = repeated("1,", 100001);
    list[0] = '[';
    list[2 * 100001 - 1] = ']';
    list[1] = '1';
    nip__arena *arena = nip__arena_new();
    nip_error *err = NULL;
    assert_int_equal(read_text(arena, list, strlen(list), &value, &err), NIP_E_LIMIT);
    assert_contains(nip_error_message(err), "more than 100000 values");
    nip_error_free(err);
    nip__arena_free(arena);
    free(list);
    char *digits = repeated("1", 2000);
    arena = nip__arena_new();
    assert_int_equal(read_text(arena, digits, 2000, &value, NULL), NIP_E_LIMIT);
    nip__arena_free(arena);
    free(digits);
}

/* A large map: keys stay apart, and the one duplicate is found wherever it is. */
static void test_many_keys(void **state)
{
    (void)state;
    for (int last = 0; last < 3000; last += last < 40 ? 1 : 977) {
        nip__buffer text = NIP__BUFFER(1 << 20);
        nip__buffer_char(&text, '{');
        for (int i = 0; i <= last; i++)
            nip__buffer_printf(&text, "\"longer-than-eight-%d\":%d,", i, i);
        size_t unique = text.length;
        for (int duplicate = 0; duplicate <= 1; duplicate++) {
            nip__arena *arena = nip__arena_new();
            nip__value *value = NULL;
            text.length = unique;
            nip__buffer_printf(&text, "\"%s%d\":0}", duplicate ? "longer-than-eight-" : "other-", last / 2);
            assert_int_equal(read_text(arena, text.data, text.length, &value, NULL), duplicate ? NIP_E_SYNTAX : 0);
            if (!duplicate)
                assert_int_equal(nip__count(value), last + 2);
            nip__arena_free(arena);
        }
        nip__buffer_clear(&text);
    }
}

/* Whatever bytes come: no crash, and what is accepted is written and read again as the same. */
static void test_random_bytes(void **state)
{
    (void)state;
    static const char alphabet[] = "{}[]\",:0123456789.-+eE\\untrfalsb \n\xc3\xa9\xff";
    nip__random random;
    nip__random_seed(&random, 5);
    for (int i = 0; i < 100000; i++) {
        char text[24];
        size_t length = nip__random_below(&random, sizeof text);
        for (size_t j = 0; j < length; j++)
            text[j] = alphabet[nip__random_below(&random, sizeof alphabet - 1)];
        nip__arena *arena = nip__arena_new();
        nip__value *value = NULL, *again = NULL;
        if (read_text(arena, text, length, &value, NULL) == 0) {
            char *written = nip__json_text(value);
            assert_int_equal(read_text(arena, written, strlen(written), &again, NULL), 0);
            char *twice = nip__json_text(again);
            assert_string_equal(written, twice);
            nip_free(written);
            nip_free(twice);
        }
        nip__arena_free(arena);
    }
}

static void test_writer(void **state)
{
    (void)state;
    nip__buffer buffer = NIP__BUFFER(1000);
    nip__writer writer = NIP__WRITER(&buffer);
    nip__arena *arena = nip__arena_new();
    nip__write_map(&writer, NULL);
    nip__write_text(&writer, "t", "a\"\n\xff");
    nip__write_text(&writer, "n", NULL);
    nip__write_list(&writer, "l");
    nip__write_int(&writer, NULL, -5);
    nip__write_int(&writer, NULL, INT64_MAX);
    nip__write_map(&writer, NULL);
    nip__write_end_map(&writer);
    nip__write_list(&writer, NULL);
    nip__write_end_list(&writer);
    nip__write_real(&writer, NULL, 0.25);
    nip__write_end_list(&writer);
    nip__write_bool(&writer, "b", true);
    nip__write_null(&writer, "z");
    nip__write_time(&writer, "at", 0);
    nip__write_time(&writer, "no", NIP_TIME_NONE);
    nip__write_time(&writer, "max", NIP_TIME_MAX);
    nip__write_duration(&writer, "d", 90 * NIP_SECOND);
    nip__write_value(&writer, "v", nip__string(arena, "x"));
    nip__write_value(&writer, "v0", NULL);
    nip__write_raw(&writer, "r", "[1]");
    nip__write_raw(&writer, "r0", NULL);
    nip__write_end_map(&writer);
    assert_string_equal(
        nip__buffer_string(&buffer),
        "{\"t\":\"a\\\"\\n\xef\xbf\xbd\",\"n\":null,\"l\":[-5,\"9223372036854775807\",{},[],0.25],\"b\":true,\"z\":"
        "null,"
        "\"at\":\"1970-01-01T00:00:00Z\",\"no\":null,\"max\":null,\"d\":\"1m30s\",\"v\":\"x\",\"v0\":null,\"r\":[1],"
        "\"r0\":null}");
    nip__buffer_clear(&buffer);
    nip__arena_free(arena);
}

static int read_and_write(void)
{
    static const char text[] = "{\"a\":[1,2.5,\"\\u00e9\"],\"b\":{\"01\":1,\"02\":1,\"03\":1,\"04\":1,\"05\":1,\"06\":"
                               "1,\"07\":1,\"08\":1,\"09\":1,\"10\":1,"
                               "\"11\":1,\"12\":1,\"13\":1,\"14\":1,\"15\":1,\"16\":1,\"17\":1,\"18\":1}}";
    nip__arena *arena = nip__arena_new();
    nip__value *value = NULL;
    nip_error *err = NULL;
    int rc = nip__json_read(arena, text, sizeof text - 1, NULL, &nip__document_limits, &value, &err);
    assert_int_equal(nip_error_code(err), rc);
    nip_error_free(err);
    char *written = rc == 0 ? nip__json_text(value) : NULL;
    if (rc == 0 && written == NULL)
        rc = NIP_E_NOMEM;
    nip_free(written);
    nip__arena_free(arena);
    return rc;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    for (long k = 1;; k++) {
        fail_allocation(k, 0);
        int rc = read_and_write();
        long seen = allocations_seen();
        fail_allocation(0, 0);
        assert_int_equal(rc, seen < k ? 0 : NIP_E_NOMEM);
        if (seen < k)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_refused),       cmocka_unit_test(test_positions),
        cmocka_unit_test(test_limits),     cmocka_unit_test(test_many_keys),     cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_writer),     cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
