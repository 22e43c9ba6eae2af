/* Errors: what they say, what they own, and that making one survives the lack of memory. */
#include "unit.h"

#include <errno.h>

#include "base/error.h"
#include "doc/json.h"
#include "failing_malloc.h"

static void test_plain(void **state)
{
    (void)state;
    nip_error *err = NULL;
    assert_int_equal(nip__fail(&err, NIP_E_CONFLICT, "head is %d, not %d", 7, 6), NIP_E_CONFLICT);
    assert_int_equal(nip_error_code(err), NIP_E_CONFLICT);
    assert_string_equal(nip_error_name(err), "NIP_E_CONFLICT");
    assert_string_equal(nip_error_message(err), "head is 7, not 6");
    assert_int_equal(nip_error_retryable(err), 0);
    assert_null(nip_error_file(err));
    assert_null(nip_error_path(err));
    assert_null(nip_error_cause(err));
    assert_int_equal(nip_error_line(err), 0);
    assert_int_equal(nip_error_column(err), 0);
    assert_int_equal(nip_error_count(err), 1);
    assert_ptr_equal(nip_error_at(err, 0), err);
    assert_null(nip_error_at(err, 1));
    assert_null(nip_error_at(err, -1));
    nip__error_set_retryable(err);
    nip__error_set_http_status(err, 503);
    assert_int_equal(nip_error_retryable(err), 1);
    assert_int_equal(nip_error_http_status(err), 503);
    nip_error_free(err);
}

static void test_nothing(void **state)
{
    (void)state;
    assert_int_equal(nip_error_code(NULL), 0);
    assert_string_equal(nip_error_name(NULL), "NIP_OK");
    assert_string_equal(nip_error_message(NULL), "");
    assert_int_equal(nip_error_count(NULL), 0);
    assert_null(nip_error_at(NULL, 0));
    assert_null(nip_error_cause(NULL));
    assert_int_equal(nip_error_http_status(NULL) + nip_error_os_errno(NULL) + nip_error_retryable(NULL), 0);
    nip__error_set_retryable(NULL);
    nip_error_free(NULL);
    nip_free(NULL);
    assert_string_equal(nip_code_name(-999), "NIP_E_UNKNOWN");
}

static void test_without_receiver(void **state)
{
    (void)state;
    nip_error *none = NULL;
    assert_int_equal(nip__fail(NULL, NIP_E_STATE, "x"), NIP_E_STATE);
    assert_int_equal(nip__fail_errno(NULL, NIP_E_IO, ENOSPC, "x"), NIP_E_IO);
    assert_int_equal(nip__fail_at(NULL, NIP_E_SYNTAX, "f", 1, 2, "/p", "x"), NIP_E_SYNTAX);
    assert_int_equal(nip__nomem(NULL), NIP_E_NOMEM);
    assert_true(nip__wrap(NULL, "x") < 0);
    assert_true(nip__wrap(&none, "x") < 0);
    assert_null(none);
}

static void test_errno_and_place(void **state)
{
    (void)state;
    nip_error *err = NULL;
    assert_int_equal(nip__fail_errno(&err, NIP_E_IO, ENOSPC, "%s cannot be written", "a"), NIP_E_IO);
    assert_string_equal(nip_error_message(err), "a cannot be written: No space left on device");
    assert_int_equal(nip_error_os_errno(err), ENOSPC);
    assert_int_equal(nip__fail_at(&err, NIP_E_DOCUMENT, "r.yaml", 3, 5, "/rollout/replicas", "must be %s", "more"),
                     NIP_E_DOCUMENT);
    assert_string_equal(nip_error_message(err), "r.yaml:3:5: /rollout/replicas: must be more");
    assert_string_equal(nip_error_file(err), "r.yaml");
    assert_string_equal(nip_error_path(err), "/rollout/replicas");
    assert_int_equal(nip_error_line(err), 3);
    assert_int_equal(nip_error_column(err), 5);
    nip__fail_at(&err, NIP_E_LIMIT, "r.yaml", 0, 0, NULL, "too large");
    assert_string_equal(nip_error_message(err), "r.yaml: too large");
    nip_error_free(err);
}

static void test_causes(void **state)
{
    (void)state;
    nip_error *err = NULL;
    nip__fail_errno(&err, NIP_E_STORE, EIO, "write");
    nip__error_set_retryable(err);
    assert_int_equal(nip__wrap(&err, "record %d", 7), NIP_E_STORE);
    assert_contains(nip_error_message(err), "record 7: write: ");
    assert_int_equal(nip_error_os_errno(err), EIO);
    assert_int_equal(nip_error_retryable(err), 1);
    assert_contains(nip_error_message(nip_error_cause(err)), "write: ");
    char *json = nip_error_to_json(err);
    assert_contains(json, "\"name\":\"NIP_E_STORE\"");
    assert_contains(json, "\"causes\":[{\"code\":-30");
    nip_free(json);
    for (int i = 0; i < 20000; i++) /* freeing a long chain must not recurse */
        nip__wrap(&err, "again");
    nip_error_free(err);
}

static void test_one_line(void **state)
{
    (void)state;
    nip_error *err = NULL;
    nip__fail(&err, NIP_E_INVALID, "a\nb\x1b[31mc\td%s", "\x7f");
    assert_string_equal(nip_error_message(err), "a b [31mc d ");
    char *text = calloc(1, 10001);
    for (int i = 0; i < 5000; i++)
        memcpy(text + 2 * i, "\xc3\xa9", 2);
    for (int shift = 0; shift < 3; shift++) { /* wherever it is cut, no character is cut in two */
        nip__fail(&err, NIP_E_INVALID, "%.*s%s", shift, "xyz", text);
        nip__value *value;
        nip__arena *arena = nip__arena_new();
        char *json = nip_error_to_json(err);
        assert_null(strstr(json, "\xef\xbf\xbd"));
        assert_int_equal(nip__json_read(arena, json, strlen(json), NULL, &nip__reply_limits, &value, NULL), 0);
        nip_free(json);
        nip__arena_free(arena);
    }
    free(text);
    nip_error_free(err);
}

static void test_problems(void **state)
{
    (void)state;
    nip__problems problems = {0};
    nip_error *err = NULL;
    assert_int_equal(nip__problems_finish(&problems, NIP_E_DOCUMENT, &err), 0);
    assert_null(err);
    nip__problems_add(&problems, "f", 1, 2, "/a", "first");
    assert_int_equal(nip__problems_finish(&problems, NIP_E_INVALID, &err), NIP_E_INVALID);
    assert_string_equal(nip_error_message(err), "f:1:2: /a: first");
    assert_int_equal(nip_error_code(err), NIP_E_INVALID);
    assert_int_equal(nip_error_count(err), 1);
    for (int i = 0; i < 250; i++)
        nip__problems_add(&problems, "f", i + 1, 1, NULL, "problem %d", i);
    assert_true(nip__problems_full(&problems));
    assert_int_equal(nip__problems_finish(&problems, NIP_E_DOCUMENT, &err), NIP_E_DOCUMENT);
    assert_string_equal(nip_error_message(err), "f:1:1: problem 0 (and 249 more problems)");
    assert_int_equal(nip_error_count(err), 100);
    assert_string_equal(nip_error_message(nip_error_at(err, 99)), "f:100:1: problem 99");
    assert_null(nip_error_at(err, 100));
    char *json = nip_error_to_json(err);
    assert_contains(json, "\"problems\":[{\"code\":-21");
    nip_free(json);
    nip__problems_add(&problems, "f", 1, 2, "/a", "dropped with its receiver");
    assert_int_equal(nip__problems_finish(&problems, NIP_E_DOCUMENT, NULL), NIP_E_DOCUMENT);
    nip_error_free(err);
}

/* Makes errors of every kind; returns the code of the last one. */
static int make_all(nip_error **err)
{
    nip__problems problems = {0};
    nip__fail(err, NIP_E_STATE, "state");
    nip__fail_errno(err, NIP_E_IO, EIO, "io");
    nip__wrap(err, "around");
    nip__problems_add(&problems, "f", 1, 1, "/a", "one");
    nip__problems_add(&problems, "f", 2, 1, "/b", "two");
    return nip__problems_finish(&problems, NIP_E_DOCUMENT, err);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    for (int later = 0; later <= 1; later++) {
        for (long k = 1;; k++) {
            nip_error *err = NULL;
            fail_allocation(k, later);
            int rc = make_all(&err);
            long seen = allocations_seen();
            fail_allocation(0, 0);
            assert_true(rc == NIP_E_DOCUMENT || rc == NIP_E_NOMEM);
            assert_int_equal(nip_error_code(err), rc);
            nip__error_set_retryable(err);
            nip__error_set_http_status(err, 500);
            nip_error_free(err);
            if (seen < k)
                break;
        }
    }
    nip_error *err = NULL;
    assert_int_equal(nip__nomem(&err), NIP_E_NOMEM);
    assert_contains(nip_error_message(err), "out of memory");
    assert_int_equal(nip_error_http_status(err), 0);
    assert_int_equal(nip__nomem(&err), NIP_E_NOMEM);
    assert_int_equal(nip__fail(&err, NIP_E_STATE, "next"), NIP_E_STATE);
    nip_error_free(err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_without_receiver),
        cmocka_unit_test(test_errno_and_place),
        cmocka_unit_test(test_causes),
        cmocka_unit_test(test_one_line),
        cmocka_unit_test(test_problems),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
