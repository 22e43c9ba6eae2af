/* Schemas: every type, ranges, defaults, other spellings, unknown keys, secrets, the reference page. */
#include "unit.h"

#include "doc/json.h"
#include "doc/schema.h"
#include "doc/yaml.h"
#include "failing_malloc.h"

static const char *const strategies[] = {"rolling", "blue_green", "canary", NULL};
static const nip__field text_item = {.type = NIP__T_TEXT, .min = 1, .max = 10};
static const nip__field number_item = {.type = NIP__T_NUMBER};
static const nip__field inner[] = {
    {.name = "share",
     .also = "percentage",
     .type = NIP__T_INT,
     .flags = NIP__F_REQUIRED,
     .min = 1,
     .max = 100,
     .help = "percent | share"},
    {.name = "length", .type = NIP__T_DURATION, .otherwise = "5m", .help = "how long"},
    {0},
};
static const nip__field inner_item = {.type = NIP__T_MAP, .fields = inner};
static const nip__field fields[] = {
    {.name = "app", .type = NIP__T_TEXT, .min = 1, .max = 8, .help = "its name"},
    {.name = "version", .type = NIP__T_TEXT, .flags = NIP__F_NUMBER_TEXT},
    {.name = "replicas", .type = NIP__T_INT, .min = 1, .max = 0},
    {.name = "count", .type = NIP__T_INT, .min = 1, .max = 100},
    {.name = "rate", .type = NIP__T_NUMBER, .min = 0, .max = 1},
    {.name = "on", .type = NIP__T_BOOL},
    {.name = "wait", .type = NIP__T_DURATION, .min = 0.1, .max = 3600},
    {.name = "free", .type = NIP__T_DURATION},
    {.name = "disk", .type = NIP__T_BYTES},
    {.name = "strategy", .type = NIP__T_ENUM, .choices = strategies},
    {.name = "stage", .type = NIP__T_MAP, .fields = inner, .help = "one stage"},
    {.name = "stages", .type = NIP__T_LIST, .min = 1, .max = 3, .item = &inner_item},
    {.name = "names", .type = NIP__T_LIST, .flags = NIP__F_ONE_OR_LIST, .item = &text_item},
    {.name = "limits", .type = NIP__T_DICT, .item = &number_item},
    {.name = "any", .type = NIP__T_ANY},
    {.name = "token", .type = NIP__T_SECRET},
    {.name = "ports", .type = NIP__T_RANGE, .min = 1, .max = 65535},
    {.name = "pin", .type = NIP__T_TEXT, .flags = NIP__F_SECRET, .min = 4, .max = 4},
    {0},
};

static nip__value *parse(nip__arena *arena, const char *text)
{
    nip__value *value = NULL;
    assert_int_equal(nip__yaml_read(arena, text, strlen(text), "f", &nip__document_limits, &value, NULL), 0);
    return value;
}

static void test_canonical(void **state)
{
    (void)state;
    static const struct {
        const char *text, *json;
    } rows[] = {
        {"{}", "{}"},
        {"app: shop", "{\"app\":\"shop\"}"},
        {"app: caf\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9",
         "{\"app\":\"caf\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"}"}, /* 8 characters */
        {"version: 7", "{\"version\":\"7\"}"},
        {"version: 1.4.0", "{\"version\":\"1.4.0\"}"},
        {"replicas: 5000000000", "{\"replicas\":5000000000}"},
        {"count: 6.0", "{\"count\":6}"},
        {"count: 1e2", "{\"count\":100}"},
        {"rate: 0.5\non: true", "{\"rate\":0.5,\"on\":true}"},
        {"on: false\nrate: 1", "{\"rate\":1,\"on\":false}"}, /* in the order of the table */
        {"wait: 90s", "{\"wait\":\"1m30s\"}"},
        {"free: 0", "{\"free\":\"0s\"}"},
        {"disk: 500MB", "{\"disk\":500000000}"},
        {"disk: 1.5 GiB", "{\"disk\":1610612736}"},
        {"disk: 7", "{\"disk\":7}"},
        {"disk: 2TiB", "{\"disk\":2199023255552}"},
        {"disk: 3KB", "{\"disk\":3000}"},
        {"disk: 3B", "{\"disk\":3}"},
        {"strategy: canary", "{\"strategy\":\"canary\"}"},
        {"stage: {percentage: 10}", "{\"stage\":{\"share\":10,\"length\":\"5m\"}}"},
        {"stage: {share: 10, length: 1h}", "{\"stage\":{\"share\":10,\"length\":\"1h\"}}"},
        {"stages: [{share: 1}, {share: 2}]",
         "{\"stages\":[{\"share\":1,\"length\":\"5m\"},{\"share\":2,\"length\":\"5m\"}]}"},
        {"names: one", "{\"names\":[\"one\"]}"},
        {"names: [one, two]", "{\"names\":[\"one\",\"two\"]}"},
        {"limits: {p95: 0.5, p99: 1}", "{\"limits\":{\"p95\":0.5,\"p99\":1}}"},
        {"any: {x: [1, ~]}", "{\"any\":{\"x\":[1,null]}}"},
        {"any:", "{\"any\":null}"},
        {"app:\nstage:\n", "{}"}, /* empty is not given */
        {"token: {env: API_TOKEN}", "{\"token\":{\"env\":\"API_TOKEN\"}}"},
        {"token: {file: /run/secret}", "{\"token\":{\"file\":\"/run/secret\"}}"},
        {"ports: 9100-9199", "{\"ports\":\"9100-9199\"}"},
        {"ports: 80", "{\"ports\":\"80\"}"},
        {"pin: \"1234\"", "{\"pin\":\"1234\"}"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        nip__arena *arena = nip__arena_new();
        nip__problems problems = {0};
        nip_error *err = NULL;
        nip__value *applied = nip__schema_apply(arena, fields, parse(arena, rows[i].text), "f", "", &problems);
        nip__problems_finish(&problems, NIP_E_DOCUMENT, &err);
        if (err != NULL)
            print_error("%s: %s\n", rows[i].text, nip_error_message(err));
        assert_null(err);
        char *json = nip__json_text(applied);
        assert_string_equal(json, rows[i].json);
        nip_free(json);
        nip__arena_free(arena);
    }
}

static void test_problems(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"app: 5", "f:1:6: /app: must be text of 1 to 8 characters, found 5; put it in quotes"},
        {"app: ''", "f:1:6: /app: must be text of 1 to 8 characters, found \"\""},
        {"app: ninechars", "f:1:6: /app: must be text of 1 to 8 characters, found \"ninechars\""},
        {"app: [x]", "f:1:6: /app: must be text of 1 to 8 characters, found a list"},
        {"version: 1.30", "f:1:10: /version: must be text, found 1.3; put it in quotes"},
        {"replicas: six", "f:1:11: /replicas: must be an integer of 1 or more, found \"six\""},
        {"replicas: 0", "f:1:11: /replicas: must be an integer of 1 or more, found 0"},
        {"replicas: \"6\"", "f:1:11: /replicas: must be an integer of 1 or more, found \"6\"; leave the quotes out"},
        {"count: 101", "f:1:8: /count: must be an integer from 1 to 100, found 101"},
        {"count: 1.5", "f:1:8: /count: must be an integer from 1 to 100, found 1.5"},
        {"rate: -0.1", "f:1:7: /rate: must be a number from 0 to 1, found -0.1"},
        {"on: yes", "f:1:5: /on: must be true or false, found \"yes\""},
        {"wait: 30", "f:1:7: /wait: must be a length of time such as \"90s\" or \"1h30m\" from 100ms to 1h, found 30; "
                     "it lacks a unit, as in \"30s\""},
        {"wait: 2h",
         "f:1:7: /wait: must be a length of time such as \"90s\" or \"1h30m\" from 100ms to 1h, found \"2h\""},
        {"free: -5s", "f:1:7: /free: must be a length of time such as \"90s\" or \"1h30m\", found \"-5s\""},
        {"disk: 5 apples", "f:1:7: /disk: must be a size such as \"500MB\" or \"1GiB\", found \"5 apples\""},
        {"disk: 1e3MB", "f:1:7: /disk: must be a size such as \"500MB\" or \"1GiB\", found \"1e3MB\""},
        {"disk: 99999999999TB", "f:1:7: /disk: must be a size such as \"500MB\" or \"1GiB\", found \"99999999999TB\""},
        {"disk: -1", "f:1:7: /disk: must be a size such as \"500MB\" or \"1GiB\", found -1"},
        {"strategy: cannary",
         "f:1:11: /strategy: must be one of rolling, blue_green, canary, found \"cannary\"; did you mean \"canary\"?"},
        {"strategy: 5", "f:1:11: /strategy: must be one of rolling, blue_green, canary, found 5"},
        {"stage: 5", "f:1:8: /stage: must be a map, found 5"},
        {"stage: {}", "f:1:8: /stage/share: is missing: an integer from 1 to 100, percent | share"},
        {"stage: {share: 1, percentage: 2}",
         "f:1:19: /stage: \"share\" and \"percentage\" say the same: give one of them"},
        {"stage: {percentage: 200}", "f:1:21: /stage/percentage: must be an integer from 1 to 100, found 200"},
        {"stages: []", "f:1:9: /stages: must be a list of 1 to 3 items, found 0"},
        {"stages: {share: 1}", "f:1:9: /stages: must be a list of 1 to 3 items, found a map"},
        {"stages:\n- share: 1\n- share: 0\n", "f:3:10: /stages/1/share: must be an integer from 1 to 100, found 0"},
        {"names: [ok, '']", "f:1:13: /names/1: must be text of 1 to 10 characters, found \"\""},
        {"limits: {a/b~c: x}", "f:1:17: /limits/a~1b~0c: must be a number, found \"x\""},
        {"limits: [1]", "f:1:9: /limits: must be a map, found a list"},
        {"token: hunter2",
         "f:1:8: /token: must be {env: NAME} or {file: PATH}, found text; a secret does not stand in a document: "
         "put it in an environment variable and write {env: NAME}"},
        {"token: {env: 9X}", "must be {env: NAME} or {file: PATH}, found a map"},
        {"token: {env: X, file: y}", "must be {env: NAME} or {file: PATH}, found a map"},
        {"ports: 9199-9100", "f:1:8: /ports: must be a range such as \"9100-9199\" or a single integer from 1 to "
                             "65535, found \"9199-9100\""},
        {"ports: 0-5", "/ports: must be a range"},
        {"ports: 70000", "/ports: must be a range"},
        {"ports: 1-2-3", "/ports: must be a range"},
        {"pin: \"12345\"", "f:1:6: /pin: must be text of 4 to 4 characters, found text"},
        {"replcas: 6", "f:1:1: unknown key \"replcas\"; did you mean \"replicas\"?"},
        {"stage: {share: 1, xyzzy: 2}", "f:1:19: /stage: unknown key \"xyzzy\"; there are share, length"},
        {"stage: {share: 1, percent: 2}", "f:1:19: /stage: unknown key \"percent\"; did you mean \"percentage\"?"},
        {"zzzzzz: 1", "f:1:1: unknown key \"zzzzzz\""},
        {"[1]", "f:1:1: must be a map, found a list"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        nip__arena *arena = nip__arena_new();
        nip__problems problems = {0};
        nip_error *err = NULL;
        nip__schema_apply(arena, fields, parse(arena, rows[i].text), "f", "", &problems);
        assert_int_equal(nip__problems_finish(&problems, NIP_E_DOCUMENT, &err), NIP_E_DOCUMENT);
        assert_int_equal(nip_error_count(err), 1);
        if (rows[i].message[0] == 'f')
            assert_string_equal(nip_error_message(err), rows[i].message);
        else
            assert_contains(nip_error_message(err), rows[i].message);
        assert_null(strstr(nip_error_message(err), "hunter2"));
        nip_error_free(err);
        nip__arena_free(arena);
    }
}

static void test_all_at_once(void **state)
{
    (void)state;
    static const char *const expected[] = {"f:1:6: /app: must be text", "f:2:11: /replicas: must be",
                                           "f:3:30: /stages/1/share: must be", "f:4:1: unknown key \"nonsense_here\""};
    nip__arena *arena = nip__arena_new();
    nip__problems problems = {0};
    nip_error *err = NULL;
    nip__value *value =
        parse(arena, "app: []\nreplicas: six\nstages: [{share: 5}, {share: 500}]\nnonsense_here:\n  1\n");
    assert_non_null(nip__schema_apply(arena, fields, value, "f", "", &problems));
    nip__problems_finish(&problems, NIP_E_DOCUMENT, &err);
    assert_int_equal(nip_error_count(err), COUNT(expected));
    for (int i = 0; i < (int)COUNT(expected); i++) {
        assert_contains(nip_error_message(nip_error_at(err, i)), expected[i]);
        assert_non_null(nip_error_path(nip_error_at(err, i)));
    }
    assert_contains(nip_error_message(err), "(and 3 more problems)");
    nip_error_free(err);
    nip__arena_free(arena);
}

/* Very many wrong keys: told in bounded space, and without looking for the nearest name of each. */
static void test_many_problems(void **state)
{
    (void)state;
    nip__buffer text = NIP__BUFFER(8 << 20);
    for (int i = 0; i < 45000; i++)
        nip__buffer_printf(&text, "replicas_of_the_other_%d: 1\n", i);
    nip__arena *arena = nip__arena_new();
    nip__problems problems = {0};
    nip_error *err = NULL;
    nip__schema_apply(arena, fields, parse(arena, nip__buffer_string(&text)), "f", "", &problems);
    nip__problems_finish(&problems, NIP_E_DOCUMENT, &err);
    assert_int_equal(nip_error_count(err), 100);
    assert_contains(nip_error_message(err), "(and 44999 more problems)");
    nip_error_free(err);
    nip__arena_free(arena);
    nip__buffer_clear(&text);
}

static void test_mask(void **state)
{
    (void)state;
    static const struct {
        const char *text, *json;
    } rows[] = {
        {"pin: \"1234\"", "{\"pin\":\"***\"}"},
        {"pin: 1234", "{\"pin\":\"***\"}"},
        {"pin: [1, 2]", "{\"pin\":\"***\"}"},
        {"token: {env: API}", "{\"token\":{\"env\":\"API\"}}"},
        {"token: hunter2", "{\"token\":\"***\"}"},
        {"app: shop", "{\"app\":\"shop\"}"},
        {"any: {db_password: x, Authorization: y, user: z, tokens: [a]}",
         "{\"any\":{\"db_password\":\"***\",\"Authorization\":\"***\",\"user\":\"z\",\"tokens\":\"***\"}}"},
        {"any: {password: {env: X}, max_tokens: 5}", "{\"any\":{\"password\":{\"env\":\"X\"},\"max_tokens\":5}}"},
        {"any: {url: \"postgres://me:hunter2@db/x\"}", "{\"any\":{\"url\":\"postgres://me:***@db/x\"}}"},
        {"any: {url: \"http://127.0.0.1:80/a@b:c\"}", "{\"any\":{\"url\":\"http://127.0.0.1:80/a@b:c\"}}"},
        {"unknown: {secret: x}", "{\"unknown\":{\"secret\":\"***\"}}"},
        {"names: one", "{\"names\":\"one\"}"},
        {"stages: [{percentage: 5}]", "{\"stages\":[{\"percentage\":5}]}"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        nip__arena *arena = nip__arena_new();
        char *json = nip__json_text(nip__schema_mask(arena, fields, parse(arena, rows[i].text)));
        assert_string_equal(json, rows[i].json);
        nip_free(json);
        nip__arena_free(arena);
    }
    nip__arena *arena = nip__arena_new();
    assert_null(nip__schema_mask(arena, NULL, NULL));
    char *json = nip__json_text(nip__schema_mask(arena, NULL, parse(arena, "{a: {password: x}}")));
    assert_string_equal(json, "{\"a\":{\"password\":\"***\"}}");
    nip_free(json);
    nip__arena_free(arena);
}

static void test_reference(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "| key | accepts | default | meaning |\n|---|---|---|---|\n",
        "| `r.app` | text of 1 to 8 characters |  | its name |\n",
        "| `r.stage.share` | an integer from 1 to 100 | required | percent \\| share (also `percentage`) |\n",
        "| `r.stage.length` | a length of time such as \"90s\" or \"1h30m\" | `5m` | how long |\n",
        "| `r.stages[].share` |",
        "| `r.strategy` | one of rolling, blue_green, canary |",
        "(never shown)",
    };
    nip__buffer buffer = NIP__BUFFER(1 << 20);
    nip__schema_write_reference(&buffer, fields, "r.");
    for (size_t i = 0; i < COUNT(lines); i++)
        assert_contains(nip__buffer_string(&buffer), lines[i]);
    nip__buffer_clear(&buffer);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{app: shop, version: 7, wait: 90s, stages: [{share: 1}], names: one, limits: {a: 1}, any: [1], disk: 1GB}",
        "{app: 5, zzz: 1, replcas: 2, stages: [], stage: {}, strategy: x}",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        for (long k = 1;; k++) {
            nip__arena *source = nip__arena_new();
            nip__value *value = parse(source, texts[i]);
            nip__problems problems = {0};
            nip_error *err = NULL;
            fail_allocation(k, 0);
            nip__arena *arena = nip__arena_new();
            nip__value *applied = nip__schema_apply(arena, fields, value, "f", "", &problems);
            int rc = nip__problems_finish(&problems, NIP_E_DOCUMENT, &err);
            long seen = allocations_seen();
            fail_allocation(0, 0);
            if (i == 0)
                assert_int_equal(rc, seen < k ? 0 : NIP_E_NOMEM);
            else
                assert_true(rc == NIP_E_DOCUMENT || (rc == NIP_E_NOMEM && seen >= k));
            assert_int_equal(nip_error_code(err), rc);
            assert_true(applied != NULL || rc < 0);
            nip_error_free(err);
            nip__arena_free(arena);
            nip__arena_free(source);
            if (seen < k)
                break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_canonical),     cmocka_unit_test(test_problems), cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_many_problems), cmocka_unit_test(test_mask),     cmocka_unit_test(test_reference),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
