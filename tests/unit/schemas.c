/* Schemas that are given out: JSON Schema of every type, the names, want of memory. */
#include "unit.h"

#include "doc/schema.h"
#include "failing_malloc.h"
#include "nipops/schema.h"

static const char *const choices[] = {"a", "b", NULL};
static const nip__field text_item = {.type = NIP__T_TEXT};
static const nip__field inner[] = {{.name = "x", .type = NIP__T_BOOL, .help = "an x"}, {0}};
static const nip__field short_item = {.type = NIP__T_MAP, .flags = NIP__F_SHORT_FORM, .fields = inner};

#define CLOSED(properties, required) "{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define INNER CLOSED("\"x\":{\"description\":\"an x\",\"type\":\"boolean\"}", "")

static void test_types(void **state)
{
    (void)state;
    static const struct {
        nip__field field;
        const char *json; /* of the property k */
    } rows[] = {
        {{.type = NIP__T_TEXT, .min = 1, .max = 8}, "{\"type\":\"string\",\"minLength\":1,\"maxLength\":8}"},
        {{.type = NIP__T_TEXT, .flags = NIP__F_NUMBER_TEXT}, "{\"type\":[\"string\",\"integer\"]}"},
        {{.type = NIP__T_INT, .min = 1, .max = 0}, "{\"type\":\"integer\",\"minimum\":1}"},
        {{.type = NIP__T_INT, .min = -1, .max = 5, .otherwise = "0"}, "{\"type\":\"integer\",\"minimum\":-1,\"maximum\":5,\"default\":0}"},
        {{.type = NIP__T_NUMBER, .min = 0, .max = 0.5}, "{\"type\":\"number\",\"minimum\":0,\"maximum\":0.5}"},
        {{.type = NIP__T_ENUM, .choices = choices, .otherwise = "a"}, "{\"enum\":[\"a\",\"b\"],\"default\":\"a\"}"},
        {{.type = NIP__T_MAP, .fields = inner}, INNER},
        {{.type = NIP__T_DICT, .item = &text_item, .min = 1, .max = 2},
         "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"},\"minProperties\":1,\"maxProperties\":2}"},
        {{.type = NIP__T_LIST, .item = &text_item, .max = 3}, "{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"minItems\":0,\"maxItems\":3}"},
        {{.type = NIP__T_LIST, .flags = NIP__F_ONE_OR_LIST, .item = &text_item},
         "{\"anyOf\":[{\"type\":\"array\",\"items\":{\"type\":\"string\"}},{\"type\":\"string\"}]}"},
        {{.type = NIP__T_LIST, .item = &short_item}, "{\"type\":\"array\",\"items\":{\"anyOf\":[" INNER ",{\"type\":\"string\"}]}}"},
        {{.type = NIP__T_TEXT, .flags = NIP__F_MAP_FORM, .fields = inner}, "{\"anyOf\":[{\"type\":\"string\"}," INNER "]}"},
        {{.type = NIP__T_ANY}, "{}"},
        {{.type = NIP__T_ANY, .flags = NIP__F_DRIVER}, "{\"$ref\":\"#/$defs/driver\"}"},
        {{.type = NIP__T_ANY, .flags = NIP__F_DRIVER | NIP__F_SAME_DRIVER}, "{\"$ref\":\"#/$defs/same-driver\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        nip__arena *arena = nip__arena_new();
        nip__buffer buffer = NIP__BUFFER(65536);
        nip__writer writer = NIP__WRITER(&buffer);
        nip__field fields[2] = {rows[i].field, {0}};
        char wanted[2048];
        fields[0].name = "k";
        nip__write_map(&writer, NULL);
        nip__schema_write_json(&writer, arena, fields);
        nip__write_end_map(&writer);
        snprintf(wanted, sizeof wanted, CLOSED("\"k\":%s", ""), rows[i].json);
        assert_string_equal(nip__buffer_string(&buffer), wanted);
        nip__buffer_clear(&buffer);
        nip__arena_free(arena);
    }
}

/* A key with two spellings: both are known, one of them is required. */
static void test_spellings(void **state)
{
    (void)state;
    static const nip__field fields[] = {
        {.name = "share", .also = "percentage", .type = NIP__T_INT, .flags = NIP__F_REQUIRED},
        {.name = "app", .type = NIP__T_TEXT, .flags = NIP__F_REQUIRED},
        {0},
    };
    nip__arena *arena = nip__arena_new();
    nip__buffer buffer = NIP__BUFFER(65536);
    nip__writer writer = NIP__WRITER(&buffer);
    nip__write_map(&writer, NULL);
    nip__schema_write_json(&writer, arena, fields);
    nip__write_end_map(&writer);
    assert_string_equal(nip__buffer_string(&buffer),
                        "{\"type\":\"object\",\"properties\":{\"share\":{\"type\":\"integer\"},\"percentage\":{\"type\":\"integer\"},"
                        "\"app\":{\"type\":\"string\"}},\"required\":[\"app\"],"
                        "\"allOf\":[{\"anyOf\":[{\"required\":[\"share\"]},{\"required\":[\"percentage\"]}]}],\"additionalProperties\":false}");
    nip__buffer_clear(&buffer);
    nip__arena_free(arena);
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *name, *format, *message;
        int rc;
    } rows[] = {
        {"rollout", "json-schema", NULL, 0},
        {"plan", "markdown", NULL, 0},
        {"haproxy", "man", NULL, 0},
        {"cucumber", "man", "there is no schema \"cucumber\": it is one of rollout, ", NIP_E_NOTFOUND},
        {"rollout", "pdf", "a schema is written as json-schema, markdown or man, found \"pdf\"", NIP_E_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = NULL;
        nip_error *err = NULL;
        assert_int_equal(nip_schema_write(rows[i].name, rows[i].format, &text, &err), rows[i].rc);
        assert_true((text != NULL && text[0] != '\0') == (rows[i].rc == 0));
        if (rows[i].message != NULL)
            assert_int_equal(strncmp(nip_error_message(err), rows[i].message, strlen(rows[i].message)), 0);
        nip_error_free(err);
        nip_free(text);
    }
}

/* With the k-th allocation failing there is no schema, or a whole one. */
static void test_out_of_memory(void **state)
{
    (void)state;
    char *whole = NULL;
    assert_int_equal(nip_schema_write("rollout", "json-schema", &whole, NULL), 0);
    for (long k = 1, seen = 1; seen >= k - 1; k++) {
        char *text = NULL, *list = NULL;
        nip_error *err = NULL;
        fail_allocation(k, 0);
        int rc = nip_schema_write("rollout", "json-schema", &text, &err);
        if (rc == 0)
            rc = nip_schema_list(&list, &err);
        seen = allocations_seen();
        fail_allocation(0, 0);
        assert_true(rc == 0 || rc == NIP_E_NOMEM);
        assert_true(text == NULL || strcmp(text, whole) == 0);
        nip_error_free(err);
        nip_free(text);
        nip_free(list);
    }
    nip_free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
