/* The tree: reading takes anything, building survives the lack of memory, equality and pointers. */
#include "unit.h"

#include "doc/json.h"
#include "failing_malloc.h"

static nip__arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = nip__arena_new();
    return arena == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    nip__arena_free(arena);
    return 0;
}

static nip__value *parse(const char *text)
{
    nip__value *value = NULL;
    assert_int_equal(nip__json_read(arena, text, strlen(text), NULL, &nip__document_limits, &value, NULL), 0);
    return value;
}

static void assert_json(const nip__value *value, const char *expected)
{
    char *text = nip__json_text(value);
    assert_string_equal(text, expected);
    nip_free(text);
}

static void test_reading(void **state)
{
    (void)state;
    nip__value *map =
        parse("{\"i\":5,\"r\":2.5,\"t\":\"x\",\"b\":true,\"n\":null,\"d\":\"90s\",\"at\":\"1970-01-01T00:00:01Z\","
              "\"big\":\"9223372036854775807\",\"small\":\"7\",\"l\":[1,2,3],\"m\":{}}");
    assert_int_equal(nip__get_int(map, "i", 9), 5);
    assert_int_equal(nip__get_int(map, "r", 9), 9);
    assert_int_equal(nip__get_int(map, "small", 9), 9);
    assert_true(nip__get_int(map, "big", 9) == INT64_MAX);
    assert_true(nip__get_number(map, "r", 9) == 2.5);
    assert_true(nip__get_number(map, "i", 9) == 5);
    assert_true(nip__get_number(map, "t", 9) == 9);
    assert_string_equal(nip__get_text(map, "t"), "x");
    assert_null(nip__get_text(map, "i"));
    assert_true(nip__get_bool(map, "b", false));
    assert_true(nip__get_bool(map, "i", true));
    assert_true(nip__get_duration(map, "d", 1) == 90 * NIP_SECOND);
    assert_true(nip__get_duration(map, "t", 1) == 1);
    assert_true(nip__get_time(map, "at", 1) == NIP_SECOND);
    assert_true(nip__get_time(map, "none", 1) == 1);
    assert_int_equal(nip__count(nip__get(map, "l")), 3);
    assert_int_equal(nip__count(nip__get(map, "t")), 0);
    assert_int_equal(nip__at(nip__get(map, "l"), 2)->as.integer, 3);
    assert_null(nip__at(nip__get(map, "l"), 3));
    assert_null(nip__at(map, 0));
    assert_null(nip__first(nip__get(map, "t")));
    assert_null(nip__get(NULL, "x"));
    assert_null(nip__get(map, NULL));
    assert_null(nip__get(nip__get(map, "l"), "x"));
    assert_null(nip__get_text(NULL, "x"));
    assert_int_equal(nip__count(NULL), 0);
    for (int kind = NIP__NULL; kind <= NIP__MAP; kind++)
        assert_true(strlen(nip__kind_name((nip__kind)kind)) > 0);
}

static void test_pointers(void **state)
{
    (void)state;
    nip__value *value = parse("{\"a\":{\"1.4.0\":[10,{\"x/y\":1,\"m~n\":2,\"\":3}]},\"\":4}");
    static const struct {
        const char *pointer;
        int64_t value; /* -1: nothing there */
    } rows[] = {
        {"/a/1.4.0/0", 10},
        {"/a/1.4.0/1/x~1y", 1},
        {"/a/1.4.0/1/m~0n", 2},
        {"/a/1.4.0/1/", 3},
        {"/", 4},
        {"/a/1.4.0/2", -1},
        {"/a/1.4.0/00", -1},
        {"/a/1.4.0/-", -1},
        {"/a/1.4.0/1x", -1},
        {"/a/1.4.0/99999999999999999999", -1},
        {"/b", -1},
        {"a", -1},
        {"/a/1.4.0/0/x", -1},
        {"/a/", -1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const nip__value *found = nip__pointer(value, rows[i].pointer);
        assert_int_equal(found == NULL ? -1 : found->as.integer, rows[i].value);
    }
    assert_ptr_equal(nip__pointer(value, ""), value);
    assert_null(nip__pointer(NULL, ""));
    assert_null(nip__pointer(value, NULL));
}

static void test_equality(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        {"1", "1.0", true},
        {"1", "2", false},
        {"1", "\"1\"", false},
        {"null", "null", true},
        {"null", "false", false},
        {"\"a\"", "\"a\"", true},
        {"\"a\"", "\"ab\"", false},
        {"[1,2]", "[1,2]", true},
        {"[1,2]", "[2,1]", false},
        {"[1]", "[1,2]", false},
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
        {"{\"a\":1}", "{\"b\":1}", false},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {"{\"a\":[{\"b\":null}]}", "{\"a\":[{\"b\":null}]}", true},
        {"{}", "[]", false},
        {"true", "true", true},
        {"true", "false", false},
        {"9007199254740993", "9007199254740992.0", false},
        {"9223372036854775807", "9223372036854775808", false},
        {"1.5", "1.5", true},
        {"{\"a\":1,\"b\":2,\"c\":3}", "{\"c\":3,\"a\":1,\"b\":2}", true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        nip__value *a = parse(rows[i].a), *b = parse(rows[i].b);
        assert_int_equal(nip__equal(a, b), rows[i].equal);
        assert_int_equal(nip__equal(b, a), rows[i].equal);
        assert_true(nip__equal(a, nip__copy(arena, a)));
    }
    assert_true(nip__equal(NULL, NULL));
    assert_false(nip__equal(NULL, parse("null")));
}

static void test_building(void **state)
{
    (void)state;
    nip__value *map = nip__map(arena);
    nip__put_int(arena, map, "a", 1);
    nip__put_text(arena, map, "b", "x");
    nip__put_text(arena, map, "nothing", NULL);
    nip__put_real(arena, map, "c", 0.5);
    nip__put_bool(arena, map, "d", true);
    nip__put_duration(arena, map, "e", NIP_MINUTE);
    nip__put_time(arena, map, "f", 0);
    nip__put_time(arena, map, "g", NIP_TIME_NONE);
    nip__value *list = nip__put(arena, map, "h", nip__list(arena));
    nip__push_text(arena, list, "y");
    nip__push(list, nip__null(arena));
    nip__push(list, NULL);
    nip__put_int(arena, map, "a", 2); /* keeps its place */
    assert_json(map, "{\"a\":2,\"b\":\"x\",\"c\":0.5,\"d\":true,\"e\":\"1m\",\"f\":\"1970-01-01T00:00:00Z\",\"g\":null,"
                     "\"h\":[\"y\",null]}");
    nip__remove(map, "a");
    nip__remove(map, "h");
    nip__remove(map, "none");
    nip__put_int(arena, map, "z", 9);
    nip__put_int(arena, map, "z", 10);
    nip__put_int(arena, map, "y", 11);
    assert_json(
        map,
        "{\"b\":\"x\",\"c\":0.5,\"d\":true,\"e\":\"1m\",\"f\":\"1970-01-01T00:00:00Z\",\"g\":null,\"z\":10,\"y\":11}");
    static const char *const rest[] = {"b", "c", "d", "e", "f", "g", "z", "y"};
    for (size_t i = 0; i < COUNT(rest); i++)
        nip__remove(map, rest[i]);
    assert_json(map, "{}");
    assert_int_equal(nip__count(map), 0);
    nip__put_int(arena, map, "again", 1);
    assert_json(map, "{\"again\":1}");
    nip__put(arena, NULL, "x", nip__int(arena, 1));
    assert_null(nip__put(arena, map, "x", NULL));
    assert_null(nip__copy(arena, NULL));
    assert_json(nip__string(arena, NULL), "null");
}

static void test_out_of_memory(void **state)
{
    (void)state;
    for (long k = 1; k < 40; k++) {
        fail_allocation(k, 1);
        nip__arena *small = nip__arena_new();
        nip__value *map = nip__map(small);
        for (int i = 0; i < 300; i++) {
            nip__value *list = nip__put(small, map, "list", nip__list(small));
            nip__push(list, nip__string(small, "a text of some length that fills the arena"));
            nip__put_duration(small, map, "d", i);
            nip__put(small, map, "copy", nip__copy(small, list));
        }
        bool failed = nip__arena_failed(small);
        long seen = allocations_seen();
        fail_allocation(0, 0);
        assert_int_equal(failed, seen >= k);
        nip__arena_free(small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),  cmocka_unit_test(test_pointers),      cmocka_unit_test(test_equality),
        cmocka_unit_test(test_building), cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
