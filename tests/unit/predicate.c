/* Predicates and references: the two small languages inside plans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "doc/json.h"
#include "plan/predicate.h"
#include "plan/reference.h"

static nip__value *parse(nip__arena *arena, const char *text)
{
    nip__value *value = NULL;
    nip_error *err = NULL;
    if (nip__json_read(arena, text, strlen(text), "test", &nip__document_limits, &value, &err) < 0)
        fail_msg("%s", nip_error_message(err));
    return value;
}

static nip__operator operator_named(const char *name)
{
    int i = 0;
    while (strcmp(nip__operator_names[i], name) != 0)
        i++;
    return (nip__operator)i;
}

static void test_predicates(void **state)
{
    (void)state;
    const struct {
        const char *result, *at, *op, *value;
        bool holds;
    } rows[] = {
        {"{\"n\":3}", "/n", "==", "3", true},
        {"{\"n\":3}", "/n", "==", "3.0", true},
        {"{\"n\":3}", "/n", "!=", "3", false},
        {"{\"n\":3}", "/n", ">=", "3", true},
        {"{\"n\":3}", "/n", ">", "3", false},
        {"{\"n\":3}", "/n", "<", "3.5", true},
        {"{\"n\":9007199254740993}", "/n", ">", "9007199254740992", true}, /* exact beyond 2^53 */
        {"{\"n\":\"3\"}", "/n", "==", "3", false},  /* a text is no number */
        {"{\"n\":\"3\"}", "/n", ">=", "1", false},
        {"{\"n\":null}", "/n", "<", "1", false},
        {"{\"n\":\"abc\"}", "/n", "<", "\"abd\"", true},
        {"{\"n\":true}", "/n", "==", "true", true},
        {"{\"n\":[1,2]}", "/n", "contains", "2", true},
        {"{\"n\":[1,2]}", "/n", "contains", "3", false},
        {"{\"n\":[1,2]}", "/n", "lacks", "3", true},
        {"{\"n\":[1,2]}", "/n", "lacks", "2", false},
        {"{}", "/n", "==", "3", false},   /* a missing place */
        {"{}", "/n", "<", "3", false},
        {"{}", "/n", "!=", "3", true},
        {"{}", "/n", "lacks", "3", true},
        {"{\"n\":3,\"m\":3}", "/n", "==", "{\"at\":\"/m\"}", true},
        {"{\"n\":3,\"m\":4}", "/n", ">=", "{\"at\":\"/m\"}", false},
        {"{\"n\":3}", "/n", ">=", "{\"at\":\"/m\"}", false},
        {"{\"v\":{\"1.4/0\":{\"n\":1}}}", "/v/1.4~10/n", "==", "1", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        nip__arena *arena = nip__arena_new();
        const nip__value *result = parse(arena, rows[i].result);
        nip__predicate predicate = {.at = rows[i].at, .op = operator_named(rows[i].op), .value = parse(arena, rows[i].value)};
        if (nip__predicate_holds(&predicate, predicate.value, &result, 1) != rows[i].holds)
            fail_msg("%s %s %s %s", rows[i].result, rows[i].at, rows[i].op, rows[i].value);
        nip__arena_free(arena);
    }
}

typedef struct known {
    nip__arena *arena;
    const nip__value *act;
} known;

static const nip__value *find(const void *data, const char *step, nip__reference_of of, size_t action)
{
    const known *k = data;
    return strcmp(step, "a") == 0 && of == NIP__OF_ACT && action == 0 ? k->act : NULL;
}

static void test_references(void **state)
{
    (void)state;
    const struct {
        const char *template, *filled; /* NULL: cannot be filled */
    } rows[] = {
        {"{\"x\":{\"from\":\"a\",\"at\":\"/list\"}}", "{\"x\":[1,2]}"},
        {"{\"x\":{\"from\":\"a\"}}", "{\"x\":{\"list\":[1,2],\"n\":7}}"},
        {"[{\"from\":\"a\",\"at\":\"/list\"},3]", "[1,2,3]"},               /* spliced */
        {"[[{\"from\":\"a\",\"at\":\"/n\"}]]", "[[7]]"},
        {"{\"x\":{\"from\":\"b\",\"else\":[]}}", "{\"x\":[]}"},
        {"{\"x\":{\"from\":\"b\",\"else\":{\"from\":\"a\",\"at\":\"/n\"}}}", "{\"x\":7}"},
        {"{\"x\":{\"from\":\"b\"}}", NULL},
        {"{\"x\":{\"from\":\"a\",\"at\":\"/none\"}}", NULL},
        {"{\"x\":{\"from\":\"a\",\"action\":1}}", NULL},
        {"{\"until\":{\"after\":\"24h\"}}", "{\"until\":\"1970-01-02T00:00:00Z\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        known k = {.arena = nip__arena_new()};
        k.act = parse(k.arena, "{\"list\":[1,2],\"n\":7}");
        nip__results results = {find, &k, 0};
        const char *missing = NULL;
        const nip__value *filled = nip__fill(k.arena, parse(k.arena, rows[i].template), &results, &missing);
        if (rows[i].filled == NULL) {
            assert_null(filled);
            assert_non_null(missing);
        } else {
            char *text = nip__json_text(filled);
            assert_string_equal(text, rows[i].filled);
            nip_free(text);
        }
        nip__arena_free(k.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_predicates),
        cmocka_unit_test(test_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
