/* Journals: what is appended is read back in order, compared and set, and within its limits. */
#include "store_fixture.h"

#include "base/error.h"

/* ---- appending and reading ---- */

static void test_append_and_read(void **state)
{
    fixture *f = *state;
    assert_int_equal(nip__count(read_all(f, "shop", 0, 10)), 0);
    assert_int_equal(append(f->store, "shop", "{\"n\":1, \"text\":\"\\u00e4\"}"), 1);
    assert_int_equal(append(f->store, "shop", "{\"n\":2}"), 2);
    assert_int_equal(append(f->store, "mail", "{}"), 1);
    assert_int_equal(append(f->store, "shop", "{\"n\":3}"), 3);
    const nip__value *all = read_all(f, "shop", 0, 10);
    assert_int_equal(nip__count(all), 3);
    for (int64_t i = 0; i < 3; i++) {
        const nip__value *record = nip__at(all, (size_t)i);
        assert_int_equal(nip__get_int(record, "sequence", 0), i + 1);
        assert_int_equal(nip__get_int(nip__get(record, "payload"), "n", 0), i + 1);
        assert_int_equal(nip__get_int(record, "epoch", -1), 0);
        assert_text(record, "kind", "note.written");
        assert_text(record, "at", START);
        assert_int_equal(strlen(nip__get_text(record, "hash")), 64);
        assert_null(nip__get(record, "problem"));
    }
    assert_int_equal(nip__count(read_all(f, "shop", 1, 10)), 2);
    assert_int_equal(nip__count(read_all(f, "shop", 0, 2)), 2);
    assert_int_equal(nip__count(read_all(f, "shop", 3, 2)), 0);
    assert_int_equal(nip__count(read_all(f, "shop", INT64_MAX, 2)), 0);
}

static void test_head_is_that_of_the_last_record(void **state)
{
    fixture *f = *state;
    char *json = NULL;
    assert_int_equal(nip_journal_head(f->store, "shop", &json, NULL), 0);
    assert_string_equal(json, "{\"subject\":\"shop\",\"sequence\":0,\"hash\":null}");
    nip_free(json);
    for (int i = 0; i < 5; i++)
        append(f->store, "shop", "{}");
    const nip__value *last = nip__at(read_all(f, "shop", 4, 1), 0);
    assert_int_equal(nip_journal_head(f->store, "shop", &json, NULL), 0);
    const nip__value *head = tree(f, json);
    assert_int_equal(nip__get_int(head, "sequence", 0), 5);
    assert_text(head, "hash", nip__get_text(last, "hash"));
    int64_t sequence = 0;
    assert_int_equal(nip__store_head(f->store, "shop", &sequence, NULL), 0);
    assert_int_equal(sequence, 5);
}

static void test_compare_and_set(void **state)
{
    fixture *f = *state;
    static const struct {
        int64_t expected;
        int rc;
    } cases[] = {{1, NIP_E_CONFLICT},
                 {0, 0},
                 {0, NIP_E_CONFLICT},
                 {1, 0},
                 {1, NIP_E_CONFLICT},
                 {3, NIP_E_CONFLICT},
                 {-1, 0},
                 {3, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t sequence = -7;
        nip_error *err = NULL;
        int rc = nip_journal_append(f->store, "shop", cases[i].expected, "note.written", AT, "{}", &sequence, &err);
        if (cases[i].rc == 0) {
            assert_int_equal(rc, 0);
        } else {
            assert_failure(rc, err, NIP_E_CONFLICT, "stands at record");
            assert_int_equal(sequence, -7);
        }
    }
    assert_text(verify(f, "shop", NULL), "verdict", "intact");
    assert_int_equal(nip__get_int(verify(f, "shop", NULL), "records", 0), 4);
}

static void test_what_may_not_be_appended(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *subject, *kind, *payload;
        int64_t expected;
        nip_time at;
        int code;
    } cases[] = {
        {"", "note.written", "{}", -1, AT, NIP_E_INVALID},
        {"@store", "note.written", "{}", -1, AT, NIP_E_INVALID},
        {".shop", "note.written", "{}", -1, AT, NIP_E_INVALID},
        {"shop one", "note.written", "{}", -1, AT, NIP_E_INVALID},
        {"shop\n", "note.written", "{}", -1, AT, NIP_E_INVALID},
        {"shop", "", "{}", -1, AT, NIP_E_INVALID},
        {"shop", "note", "{}", -1, AT, NIP_E_INVALID},
        {"shop", "Note.written", "{}", -1, AT, NIP_E_INVALID},
        {"shop", ".written", "{}", -1, AT, NIP_E_INVALID},
        {"shop", "note.", "{}", -1, AT, NIP_E_INVALID},
        {"shop", "note..written", "{}", -1, AT, NIP_E_INVALID},
        {"shop", "note.written.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", "{}", -1, AT, NIP_E_INVALID},
        {"shop", "note.written", "", -1, AT, NIP_E_SYNTAX},
        {"shop", "note.written", "{", -1, AT, NIP_E_SYNTAX},
        {"shop", "note.written", "{} x", -1, AT, NIP_E_SYNTAX},
        {"shop", "note.written", "{\"a\":1,\"a\":2}", -1, AT, NIP_E_SYNTAX},
        {"shop", "note.written", "{\"a\":\"\xff\"}", -1, AT, NIP_E_SYNTAX},
        {"shop", "note.written", "[]", -1, AT, NIP_E_INVALID},
        {"shop", "note.written", "null", -1, AT, NIP_E_INVALID},
        {"shop", "note.written", "{}", -2, AT, NIP_E_INVALID},
        {"shop", "note.written", "{}", -1, NIP_TIME_NONE, NIP_E_INVALID},
        {"shop", "note.written", "{}", -1, NIP_TIME_MAX, NIP_E_INVALID},
        {NULL, "note.written", "{}", -1, AT, NIP_E_INVALID},
        {"shop", NULL, "{}", -1, AT, NIP_E_INVALID},
        {"shop", "note.written", NULL, -1, AT, NIP_E_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip_error *err = NULL;
        int rc = nip_journal_append(f->store, cases[i].subject, cases[i].expected, cases[i].kind, cases[i].at,
                                    cases[i].payload, NULL, &err);
        assert_failure(rc, err, cases[i].code, "");
    }
    char *json = NULL;
    assert_int_equal(nip_store_subjects(f->store, &json, NULL), 0);
    assert_string_equal(json, "[]");
    nip_free(json);
}

static void test_what_the_library_records_is_not_for_others(void **state)
{
    fixture *f = *state;
    static const char *const refused[] = {
        "run.planned",  "run.ended",     "run.x",        "step.done",      "action.intended",
        "guard.judged", "clock.stepped", "request.made", "subject.opened", "journal.purged", "gate.answered", "notify.completed",
    };
    static const char *const taken[] = {"runs.counted", "note.run.ended", "stepper.moved", "requested.nothing"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        nip_error *err = NULL;
        int rc = nip_journal_append(f->store, "shop", -1, refused[i], AT, "{\"run\":\"shop-1\"}", NULL, &err);
        assert_failure(rc, err, NIP_E_INVALID, "written by the library only");
    }
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        assert_int_equal(nip_journal_append(f->store, "shop", (int64_t)i, taken[i], AT, "{}", NULL, NULL), 0);
}

static char *payload_of(size_t length)
{
    char *payload = malloc(length + 1);
    assert_non_null(payload);
    memset(payload, 'x', length);
    memcpy(payload, "{\"a\":\"", 6);
    memcpy(payload + length - 2, "\"}", 3);
    return payload;
}

static void test_largest_payload(void **state)
{
    fixture *f = *state;
    char *payload = payload_of(NIP_RECORD_MAX);
    append(f->store, "shop", "{}");
    append(f->store, "shop", payload);
    append(f->store, "shop", "{}");
    const nip__value *record = nip__at(read_all(f, "shop", 1, 1), 0);
    assert_int_equal(strlen(nip__get_text(nip__get(record, "payload"), "a")), NIP_RECORD_MAX - 8);
    free(payload);
    payload = payload_of(NIP_RECORD_MAX + 1);
    assert_fails(nip_journal_append(f->store, "shop", -1, "note.written", AT, payload, NULL, &err), NIP_E_LIMIT,
                 "1048576");
    free(payload);
    assert_text(verify(f, "shop", NULL), "verdict", "intact");
}

/* A page ends early rather than holding gigabytes, and the next one goes on. */
static void test_pages_are_bounded(void **state)
{
    fixture *f = *state;
    char *payload = payload_of(NIP_RECORD_MAX);
    for (int i = 0; i < 20; i++)
        append(f->store, "shop", payload);
    free(payload);
    int64_t after = 0, pages = 0;
    for (;;) {
        const nip__value *page = read_all(f, "shop", after, 10000);
        if (nip__count(page) == 0)
            break;
        assert_int_equal(nip__get_int(nip__at(page, 0), "sequence", 0), after + 1);
        after = nip__get_int(nip__at(page, nip__count(page) - 1), "sequence", 0);
        pages++;
    }
    assert_int_equal(after, 20);
    assert_int_equal(pages, 2);
}

static void test_subjects(void **state)
{
    fixture *f = *state;
    nip__lease lease;
    static const char *const names[] = {"shop", "Mail", "a-b", "9lives", "a.b"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        append(f->store, names[i], "{}");
    append(f->store, "shop", "{}");
    assert_int_equal(nip__lease_take(f->store, "leased", &lease, NULL), 0); /* has no record: no journal yet */
    char *json = NULL;
    assert_int_equal(nip_store_subjects(f->store, &json, NULL), 0);
    assert_string_equal(json, "[{\"subject\":\"9lives\",\"sequence\":1,\"updated\":\"" START "\"},"
                              "{\"subject\":\"Mail\",\"sequence\":1,\"updated\":\"" START "\"},"
                              "{\"subject\":\"a-b\",\"sequence\":1,\"updated\":\"" START "\"},"
                              "{\"subject\":\"a.b\",\"sequence\":1,\"updated\":\"" START "\"},"
                              "{\"subject\":\"shop\",\"sequence\":2,\"updated\":\"" START "\"}]");
    nip_free(json);
    const nip__value *opened = read_all(f, "@store", 0, 100);
    assert_int_equal(nip__count(opened), 5);
    assert_text(nip__get(nip__at(opened, 1), "payload"), "subject", "Mail");
    assert_text(verify(f, "@store", NULL), "verdict", "intact");
}

/* ---- visitors ---- */

static void assert_seen(const visit *v, size_t count, const int64_t *wanted)
{
    assert_int_equal(v->count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(v->seen[i], wanted[i]);
}

static void test_each(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 5; i++)
        append(f->store, "shop", "{}");
    static const struct {
        bool back;
        int64_t from;
        size_t stop_after;
        int answer, rc;
        size_t count;
        int64_t seen[8];
    } cases[] = {
        {false, 0, 0, 0, 0, 5, {1, 2, 3, 4, 5}},
        {false, 3, 0, 0, 0, 2, {4, 5}},
        {false, 5, 0, 0, 0, 0, {0}},
        {false, 9, 0, 0, 0, 0, {0}},
        {false, 1, 2, 1, 0, 2, {2, 3}},
        {false, 1, 2, NIP_E_USER, NIP_E_USER, 2, {2, 3}},
        {true, 0, 0, 0, 0, 5, {5, 4, 3, 2, 1}},
        {true, 4, 0, 0, 0, 3, {3, 2, 1}},
        {true, 99, 1, 1, 0, 1, {5}},
        {true, 1, 0, 0, 0, 0, {0}},
        {true, INT64_MAX, 1, 1, 0, 1, {5}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        visit v = {.stop_after = cases[i].stop_after, .answer = cases[i].answer};
        int rc = cases[i].back ? nip__store_each_back(f->store, "shop", cases[i].from, note, &v, NULL)
                               : nip__store_each(f->store, "shop", cases[i].from, note, &v, NULL);
        assert_int_equal(rc, cases[i].rc);
        assert_seen(&v, cases[i].count, cases[i].seen);
    }
}

static int read_inside(void *data, const nip__record *record, nip_error **err)
{
    visit *v = data;
    visit inner = {0};
    assert_int_equal(nip__store_each(v->f->store, "shop", 1, note, &inner, err), 0);
    assert_seen(&inner, 2, (int64_t[]){2, 3});
    nip_error *refused = NULL;
    int rc = nip_journal_append(v->f->store, "shop", -1, "note.written", AT, "{}", NULL, &refused);
    assert_failure(rc, refused, NIP_E_STATE, "being read");
    v->seen[v->count++] = record->sequence;
    return 0;
}

static void test_a_visitor_reads_but_does_not_write(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 3; i++)
        append(f->store, "shop", "{}");
    visit v = {.f = f};
    assert_int_equal(nip__store_each(f->store, "shop", 0, read_inside, &v, NULL), 0);
    assert_seen(&v, 3, (int64_t[]){1, 2, 3});
    assert_int_equal(append(f->store, "shop", "{}"), 4);
}

/* ---- commits that fail ---- */

static const nip__backend *real_backend;

static int commit_and_fail(nip_store *store, nip_error **err)
{
    assert_int_equal(real_backend->commit(store, NULL), 0);
    return nip__fail(err, NIP_E_STORE, "the flush failed");
}

static int fail_only(nip_store *store, nip_error **err)
{
    (void)store;
    return nip__fail(err, NIP_E_STORE, "the flush failed");
}

static void commit_by(fixture *f, nip__backend *changed, int (*commit)(nip_store *store, nip_error **err))
{
    real_backend = f->store->backend;
    *changed = *real_backend;
    changed->commit = commit;
    f->store->backend = changed;
}

/* A record that reached the disk counts, whatever the commit said. */
static void test_a_commit_that_fails_late(void **state)
{
    fixture *f = *state;
    nip__backend changed;
    commit_by(f, &changed, commit_and_fail);
    int64_t sequence = 0;
    nip__lease lease;
    assert_int_equal(nip_journal_append(f->store, "shop", 0, "note.written", AT, "{}", &sequence, NULL), 0);
    assert_int_equal(sequence, 1);
    assert_int_equal(nip__lease_take(f->store, "shop", &lease, NULL), 0);
    assert_int_equal(nip__lease_renew(f->store, "shop", &lease, NULL), 0);
    assert_int_equal(nip__lease_release(f->store, "shop", &lease, NULL), 0);
    f->store->backend = real_backend;
    assert_text(verify(f, "shop", NULL), "verdict", "intact");
}

static void test_a_commit_that_fails(void **state)
{
    fixture *f = *state;
    nip__backend changed;
    append(f->store, "shop", "{}");
    commit_by(f, &changed, fail_only);
    int64_t sequence = -7;
    assert_fails(nip_journal_append(f->store, "shop", 1, "note.written", AT, "{}", &sequence, &err), NIP_E_STORE,
                 "the flush failed");
    assert_int_equal(nip_journal_append(f->store, "new", -1, "note.written", AT, "{}", &sequence, NULL), NIP_E_STORE);
    assert_int_equal(sequence, -7);
    f->store->backend = real_backend;
    assert_int_equal(append(f->store, "shop", "{}"), 2);
    assert_int_equal(append(f->store, "new", "{}"), 1);
    assert_text(verify(f, "shop", NULL), "verdict", "intact");
    assert_text(verify(f, "new", NULL), "verdict", "intact");
    assert_text(verify(f, "@store", NULL), "verdict", "intact");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_append_and_read),
        ON_BOTH(test_head_is_that_of_the_last_record),
        ON_BOTH(test_compare_and_set),
        ON_BOTH(test_what_may_not_be_appended),
        ON_BOTH(test_what_the_library_records_is_not_for_others),
        ON_BOTH(test_largest_payload),
        ON_BOTH(test_pages_are_bounded),
        ON_BOTH(test_subjects),
        ON_BOTH(test_each),
        ON_BOTH(test_a_visitor_reads_but_does_not_write),
        ON_BOTH(test_a_commit_that_fails_late),
        ON_BOTH(test_a_commit_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
