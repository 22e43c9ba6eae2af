/* Documents through the public door: kinds, checks, overrides, JSON without secrets, and the lack of memory. */
#include "unit.h"

#include <unistd.h>

#include "nipops/doc.h"
#include "base/error.h"
#include "failing_malloc.h"

static const char valid_rollout[] = "rollout:\n"
                                    "  app: shop\n"
                                    "  artifact: \"1.4.0\"\n"
                                    "  replicas: 6\n"
                                    "  strategy: canary\n"
                                    "  target: {driver: sim}\n"
                                    "  router: {driver: sim}\n"
                                    "  health: {url: \"http://{endpoint}/health\"}\n";

static nip_doc *load(const char *text)
{
    nip_doc *doc = NULL;
    nip_error *err = NULL;
    int rc = nip_doc_load_text(text, strlen(text), "r.yaml", &doc, &err);
    if (rc != 0)
        print_error("%s\n", nip_error_message(err));
    assert_int_equal(rc, 0);
    return doc;
}

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *text, *kind;
    } rows[] = {
        {"rollout: {app: x}", "rollout"},
        {"health: {}", "health"},
        {"{\"v\": 1, \"kind\": \"plan\"}", "plan"},
        {"plan: {}", "plan"},
        {"initial_canary_percentage: 10", "rollout"},
        {"promotion_stages: []", "rollout"},
        {"thresholds: {}", "rollout"},
        {"strategy: canary", "rollout"},
        {"image_tag: x", "rollout"},
        {"other: 1\nrollout: {}", "rollout"},
        {"nonsense: 1", "nonsense"},
        {"", ""},
        {"5", ""},
        {"[1]", ""},
        {"{}", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        nip_doc *doc = load(rows[i].text);
        assert_string_equal(nip_doc_kind(doc), rows[i].kind);
        nip_doc_free(doc);
    }
    assert_string_equal(nip_doc_kind(NULL), "");
    nip_doc_free(NULL);
}

static void test_check(void **state)
{
    (void)state;
    nip_doc *doc = load(valid_rollout);
    nip_error *err = NULL;
    int rc = nip_doc_check(doc, &err);
    if (rc != 0)
        print_error("%s\n", nip_error_message(err));
    assert_int_equal(rc, 0);
    nip_doc_free(doc);
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"rollout:\n  replicas: six\n", "r.yaml:2:13: /rollout/replicas: must be an integer from 1 to"},
        {"rollout:\n  replcas: 6\n", "r.yaml:2:3: /rollout: unknown key \"replcas\"; did you mean \"replicas\"?"},
        {"rollout: {}\n", "/rollout/app: is missing"},
        {"rolout: {app: x}", "r.yaml:1:1: unknown kind of document \"rolout\"; did you mean \"rollout\"?"},
        {"xyz: 1", "unknown kind of document \"xyz\": its top-level key is one of rollout, train, health, sla, plan"},
        {"", "r.yaml: the document is empty"},
        {"[1]", "r.yaml:1:1: a document is a map with a key such as \"rollout\", found a list"},
        {"{}", "found an empty map"},
        {"rollout: 5", "/rollout: must be a map, found 5"},
        {"{\"kind\": \"plan\", \"nonsense\": 1}", "nonsense"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool said = false;
        doc = load(rows[i].text);
        assert_int_equal(nip_doc_check(doc, &err), NIP_E_DOCUMENT);
        for (int j = 0; j < nip_error_count(err); j++)
            said = said || strstr(nip_error_message(nip_error_at(err, j)), rows[i].says) != NULL;
        if (!said)
            print_error("%s: %s\n", rows[i].text, nip_error_message(err));
        assert_true(said);
        nip_doc_free(doc);
    }
    nip_error_free(err);
}

static void test_set(void **state)
{
    (void)state;
    static const struct {
        const char *text, *pointer, *value;
        const char *json; /* NULL: NIP_E_INVALID, and nothing changed */
    } rows[] = {
        {"a: {b: 1, c: 2}", "/a/b", "6", "{\"a\":{\"b\":6,\"c\":2}}"},
        {"a: {b: 1}", "/a/b", "1.4.0", "{\"a\":{\"b\":\"1.4.0\"}}"},
        {"a: {b: 1}", "/a/b", "\"6\"", "{\"a\":{\"b\":\"6\"}}"},
        {"a: {b: 1}", "/a/b", "'it''s'", "{\"a\":{\"b\":\"it's\"}}"},
        {"a: {b: 1}", "/a/b", "true", "{\"a\":{\"b\":true}}"},
        {"a: {b: 1}", "/a/b", "", "{\"a\":{\"b\":null}}"},
        {"a: {b: 1}", "/a/c", "x", "{\"a\":{\"b\":1,\"c\":\"x\"}}"},
        {"a: {b: 1}", "/x/y/z", "7", "{\"a\":{\"b\":1},\"x\":{\"y\":{\"z\":7}}}"},
        {"a: {b: 1}", "/a/x~1y/m~0n", "7", "{\"a\":{\"b\":1,\"x/y\":{\"m~n\":7}}}"},
        {"a: [1, {b: 2}]", "/a/1/b", "7", "{\"a\":[1,{\"b\":7}]}"},
        {"a: [1, 2]", "/a/0", "7", "{\"a\":[7,2]}"},
        {"a:", "/a/b", "7", "{\"a\":{\"b\":7}}"},
        {"", "/a/b", "7", "{\"a\":{\"b\":7}}"},
        {"a: [1]", "/a/1", "7", NULL},
        {"a: [1]", "/a/b", "7", NULL},
        {"a: {b: 1}", "/a", "7", NULL},
        {"a: [1]", "/a", "7", NULL},
        {"a: 5", "/a/b", "7", NULL},
        {"a: 5", "a", "7", NULL},
        {"a: 5", "", "7", NULL},
        {"a: 5", "/a", "\"unclosed", NULL},
        {"a: 5", "/a", "\"x\": 1", NULL},
        {"a: 5", "/a", "\xff", NULL},
        {"a: 5", "/\xff", "7", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        nip_doc *doc = load(rows[i].text);
        nip_error *err = NULL;
        char *before = NULL, *after = NULL;
        assert_int_equal(nip_doc_to_json(doc, &before, NULL), 0);
        int rc = nip_doc_set(doc, rows[i].pointer, rows[i].value, &err);
        if (rc != (rows[i].json == NULL ? NIP_E_INVALID : 0))
            print_error("%s %s=%s: %s\n", rows[i].text, rows[i].pointer, rows[i].value, nip_error_message(err));
        assert_int_equal(rc, rows[i].json == NULL ? NIP_E_INVALID : 0);
        assert_int_equal(nip_doc_to_json(doc, &after, NULL), 0);
        assert_string_equal(after, rows[i].json == NULL ? before : rows[i].json);
        nip_free(before);
        nip_free(after);
        nip_error_free(err);
        nip_doc_free(doc);
    }
    nip_doc *doc = load("a: 1");
    char pointer[400] = "";
    for (int i = 0; i < 150; i++)
        strcat(pointer, "/a");
    assert_int_equal(nip_doc_set(doc, pointer + 2, "7", NULL), NIP_E_INVALID);
    nip_doc_free(doc);
}

static void test_set_then_check(void **state)
{
    (void)state;
    nip_doc *doc = load(valid_rollout);
    nip_error *err = NULL;
    assert_int_equal(nip_doc_set(doc, "/rollout/replicas", "9", NULL), 0);
    assert_int_equal(nip_doc_check(doc, NULL), 0);
    assert_int_equal(nip_doc_set(doc, "/rollout/replicas", "nine", NULL), 0);
    assert_int_equal(nip_doc_check(doc, &err), NIP_E_DOCUMENT);
    assert_contains(nip_error_message(err), "r.yaml: /rollout/replicas: must be an integer");
    assert_int_equal(nip_error_line(err), 0); /* no longer what the text says */
    nip_error_free(err);
    nip_doc_free(doc);
}

static void test_secrets(void **state)
{
    (void)state;
    nip_doc *doc = load("rollout:\n  app: shop\n  router: {driver: x, password: hunter2, token: {env: T}}\n  settings: "
                        "{DB: \"pg://u:hunter2@h/\"}\n");
    char *json = NULL;
    assert_int_equal(nip_doc_to_json(doc, &json, NULL), 0);
    assert_null(strstr(json, "hunter2"));
    assert_contains(json, "\"token\":{\"env\":\"T\"}");
    assert_contains(json, "\"password\":\"***\"");
    nip_free(json);
    nip_doc_free(doc);
}

static void test_loading(void **state)
{
    (void)state;
    nip_doc *doc = (nip_doc *)&state;
    nip_error *err = NULL;
    assert_int_equal(nip_doc_load_text("a: [", 4, NULL, &doc, &err), NIP_E_SYNTAX);
    assert_ptr_equal(doc, (nip_doc *)&state);
    assert_contains(nip_error_message(err), "document:1:");
    assert_int_equal(nip_doc_load_text(NULL, 4, NULL, &doc, &err), NIP_E_INVALID);
    assert_int_equal(nip_doc_load_text(NULL, 0, NULL, NULL, &err), NIP_E_INVALID);
    assert_int_equal(nip_doc_load_file("/nonexistent/file", &doc, &err), NIP_E_IO);
    assert_contains(nip_error_message(err), "/nonexistent/file cannot be read: No such file");
    nip_error_free(err);
    char path[] = "/tmp/nipops-doc-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, valid_rollout, strlen(valid_rollout)), (ssize_t)strlen(valid_rollout));
    close(fd);
    assert_int_equal(nip_doc_load_file(path, &doc, NULL), 0);
    assert_string_equal(nip_doc_kind(doc), "rollout");
    nip_doc_free(doc);
    unlink(path);
}

static int use_all(const char *text, nip_error **err)
{
    nip_doc *doc = NULL;
    char *json = NULL;
    int rc = nip_doc_load_text(text, strlen(text), "r.yaml", &doc, err);
    if (rc == 0)
        rc = nip_doc_set(doc, "/rollout/settings/new/key", "5", err);
    if (rc == 0)
        rc = nip_doc_to_json(doc, &json, err);
    if (rc == 0)
        rc = nip_doc_check(doc, err);
    nip_free(json);
    nip_doc_free(doc);
    return rc;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
    } rows[] = {{valid_rollout, 0}, {"rollout:\n  replcas: 6\n  app: []\n", NIP_E_DOCUMENT}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int later = 0; later <= 1; later++) {
            for (long k = 1;; k++) {
                nip_error *err = NULL;
                fail_allocation(k, later);
                int rc = use_all(rows[i].text, &err);
                long seen = allocations_seen();
                fail_allocation(0, 0);
                if (rc != NIP_E_NOMEM)
                    assert_int_equal(rc, rows[i].rc);
                assert_int_equal(nip_error_code(err), rc);
                nip_error_free(err);
                if (seen < k) {
                    assert_int_equal(rc, rows[i].rc);
                    break;
                }
            }
        }
    }
}

/* After memory ran out the document is as it was, and works on. */
static void test_set_recovers(void **state)
{
    (void)state;
    nip_doc *doc = load("a: {b: 1}");
    for (long k = 1;; k++) {
        char *json = NULL, pointer[32];
        snprintf(pointer, sizeof pointer, "/x%ld/y/z", k);
        static char value[100000];
        memset(value, 'v', sizeof value - 1);
        fail_allocation(k, 0);
        int rc = nip_doc_set(doc, pointer, value, NULL);
        long seen = allocations_seen();
        fail_allocation(0, 0);
        assert_int_equal(rc, seen < k ? 0 : NIP_E_NOMEM);
        assert_int_equal(nip_doc_to_json(doc, &json, NULL), 0);
        if (rc != 0)
            assert_string_equal(json, "{\"a\":{\"b\":1}}");
        nip_free(json);
        if (seen < k)
            break;
    }
    nip_doc_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),          cmocka_unit_test(test_check),        cmocka_unit_test(test_set),
        cmocka_unit_test(test_set_then_check), cmocka_unit_test(test_secrets),      cmocka_unit_test(test_loading),
        cmocka_unit_test(test_out_of_memory),  cmocka_unit_test(test_set_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
