/* Rows of events and samples from files of two kinds. */
#include "unit.h"

#include "failing_malloc.h"
#include "sla/rows.h"

static nip__sla_rows must_read(const char *text)
{
    nip__sla_rows rows = {0};
    nip_error *err = NULL;
    int rc = nip__sla_rows_read(text, strlen(text), "rows.csv", &rows, &err);
    if (rc < 0)
        print_error("%s\n", nip_error_message(err));
    assert_int_equal(rc, 0);
    return rows;
}

static void assert_row(const nip__sla_rows *rows, size_t i, nip__ms at, const char *stream, int64_t good, int64_t bad)
{
    assert_true(i < rows->count);
    assert_true(rows->events);
    assert_int_equal(rows->items[i].at, at);
    assert_string_equal(rows->items[i].stream, stream);
    assert_int_equal(rows->items[i].good, good);
    assert_int_equal(rows->items[i].bad, bad);
}

static void test_events(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "at,good,bad,other\n1774742400,10,2,x\r\n1774742460.250,7,0,\"a, \"\"b\"\"\"\n\n2026-03-29T00:02:00Z,0,5,\n",
        "total,stream,at,good\n12,,1774742400,10\n7,,1774742460.250,7\n5,,2026-03-29T02:02:00+02:00,0",
        "{\"at\":1774742400,\"good\":10,\"bad\":2}\n{\"at\":\"1774742460.25000\",\"total\":7,\"bad\":0}\n"
        "{\"bad\":5,\"total\":5,\"good\":0,\"at\":\"2026-03-29T00:02:00Z\",\"more\":{\"a\":[1]}}\n",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        nip__sla_rows rows = must_read(texts[i]);
        assert_int_equal(rows.count, 3);
        assert_row(&rows, 0, 1774742400000, "", 10, 2);
        assert_row(&rows, 1, 1774742460250, "", 7, 0);
        assert_row(&rows, 2, 1774742520000, "", 0, 5);
        nip__sla_rows_clear(&rows);
    }
}

static void test_samples(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "at,up,stream\n1,1,a\n2,0,\"b,c\"\n3,,a\n4,unknown,a\n",
        "{\"at\":1,\"up\":true,\"stream\":\"a\"}\n{\"at\":2,\"up\":\"down\",\"stream\":\"b,c\"}\n{\"at\":3,\"up\":null,\"stream\":\"a\"}\n"
        "{\"at\":4,\"up\":\"\",\"stream\":\"a\"}",
    };
    static const nip__standing standings[] = {NIP__UP, NIP__DOWN, NIP__UNKNOWN, NIP__UNKNOWN};
    for (size_t i = 0; i < COUNT(texts); i++) {
        nip__sla_rows rows = must_read(texts[i]);
        assert_int_equal(rows.count, 4);
        assert_false(rows.events);
        for (size_t row = 0; row < 4; row++) {
            assert_int_equal(rows.items[row].at, 1000 * (int64_t)(row + 1));
            assert_int_equal(rows.items[row].standing, standings[row]);
            assert_string_equal(rows.items[row].stream, row == 1 ? "b,c" : "a");
        }
        nip__sla_rows_clear(&rows);
    }
}

static void test_what_is_refused_names_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place, *says;
        int code;
    } cases[] = {
        {"good,bad\n1,2\n", "rows.csv:1", "one of which is \"at\"", NIP_E_SYNTAX},
        {"at,good,bad\n1,2\n", "rows.csv:2", "as many fields", NIP_E_SYNTAX},
        {"at,good,bad\n1,2,3\n\nnow,2,3\n", "rows.csv:4", "at must be an instant", NIP_E_INVALID},
        {"at,good,bad\n1.0005,2,3\n", "rows.csv:2", "to the millisecond", NIP_E_INVALID},
        {"at,good,bad\n-1,2,3\n", "rows.csv:2", "at must be an instant", NIP_E_INVALID},
        {"at,good,bad\n9223372036854775807,2,3\n", "rows.csv:2", "at must be an instant", NIP_E_INVALID},
        {"at,good,bad\n1,-2,3\n", "rows.csv:2", "whole numbers from 0", NIP_E_INVALID},
        {"at,good,bad\n1,2.5,3\n", "rows.csv:2", "whole numbers from 0", NIP_E_INVALID},
        {"at,good\n1,2\n", "rows.csv:2", "two of good, bad and total", NIP_E_INVALID},
        {"at,good,total\n1,2,1\n", "rows.csv:2", "add up to total", NIP_E_INVALID},
        {"at,good,bad,total\n1,2,3,6\n", "rows.csv:2", "add up to total", NIP_E_INVALID},
        {"at,up\n1,maybe\n", "rows.csv:2", "up must be", NIP_E_INVALID},
        {"{\"at\":1,\"up\":1}\n{\"at\":2,\"good\":1,\"bad\":1}\n", "rows.csv:2", "not both", NIP_E_INVALID},
        {"{\"at\":1,\"up\":1}\n[1]\n", "rows.csv:2", "no JSON object", NIP_E_SYNTAX},
        {"{\"at\":1,\"up\":1\n", "rows.csv:1", "no JSON object", NIP_E_SYNTAX},
        {"at,up\n1,\xff\n", "rows.csv:2", "no UTF-8", NIP_E_SYNTAX},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__sla_rows rows = {0};
        nip_error *err = NULL;
        assert_int_equal(nip__sla_rows_read(cases[i].text, strlen(cases[i].text), "rows.csv", &rows, &err), cases[i].code);
        assert_contains(nip_error_message(err), cases[i].place);
        assert_contains(nip_error_message(err), cases[i].says);
        assert_null(rows.items);
        nip_error_free(err);
    }
}

static void test_an_empty_file_has_no_rows(void **state)
{
    (void)state;
    nip__sla_rows rows = must_read("");
    assert_int_equal(rows.count, 0);
    nip__sla_rows_clear(&rows);
}

static void test_want_of_memory(void **state)
{
    (void)state;
    static const char *const texts[] = {"at,up,stream\n1,1,a\n2,0,\"b,c\"\n", "{\"at\":1,\"up\":true}\n{\"at\":2,\"up\":0,\"stream\":\"x\"}\n"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        long before = allocations_alive(), k = 1, seen = 0;
        int rc = 0;
        do {
            nip__sla_rows rows = {0};
            fail_allocation(k, 0);
            rc = nip__sla_rows_read(texts[i], strlen(texts[i]), "rows", &rows, NULL);
            seen = allocations_seen();
            fail_allocation(0, 0);
            assert_int_equal(rc, seen < k ? 0 : NIP_E_NOMEM);
            nip__sla_rows_clear(&rows);
            assert_int_equal(allocations_alive(), before);
        } while (seen >= k++);
        assert_true(k > 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_what_is_refused_names_its_line),
        cmocka_unit_test(test_an_empty_file_has_no_rows),
        cmocka_unit_test(test_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
