/* Journals and their chain: what is appended is read back, and whatever is altered behind the store's back shows. */
#include "store_fixture.h"

#include <fcntl.h>

/* ---- hashes ---- */

/* The expected values were computed by another implementation, from the description in store/record.h. */
static void test_canonical_bytes(void **state)
{
    (void)state;
    static const unsigned char zeros[NIP__HASH_SIZE] = {0};
    nip__sealed sealed = {.row = {.subject = "shop",
                                  .sequence = 1,
                                  .epoch = 2,
                                  .kind = "note.written",
                                  .kind_length = 12,
                                  .at = AT,
                                  .payload = "{\"a\":1}",
                                  .payload_length = 7}};
    for (unsigned char i = 0; i < NIP__SALT_SIZE; i++)
        sealed.salt[i] = i;
    nip__record_seal(&sealed, zeros);
    char text[NIP__HASH_TEXT];
    nip__record_hash_text(sealed.payload_hash, text);
    assert_string_equal(text, "aed8a0ebb5f60a8aa06554873318b8e888584ebddf7878258719930ae328cbb2");
    nip__record_hash_text(sealed.hash, text);
    assert_string_equal(text, "7b4a130346287e3894c6e42e9b34209b5dfe86b8c0b54a9d3fbb2a86f0a70fc1");
    assert_null(nip__record_check(&sealed.row, zeros));
    assert_non_null(nip__record_check(&sealed.row, sealed.hash));
}

/* ---- verification ---- */

static char *head_of(fixture *f, const char *subject)
{
    char *json = NULL;
    assert_int_equal(nip_journal_head(f->store, subject, &json, NULL), 0);
    return json;
}

#define SWAP(a, b)                                                                                                     \
    "UPDATE record SET sequence = 1000 WHERE subject = 'shop' AND sequence = " #a ";"                                  \
    "UPDATE record SET sequence = " #a " WHERE subject = 'shop' AND sequence = " #b ";"                                \
    "UPDATE record SET sequence = " #b " WHERE subject = 'shop' AND sequence = 1000"
#define SHOP(n) " WHERE subject = 'shop' AND sequence = " #n

static const struct {
    const char *sql;
    int64_t broken_at; /* 0: intact */
    const char *reason;
    const char *head; /* with the head that was kept before */
} edits[] = {
    {"SELECT 1", 0, NULL, "matches"},
    {"UPDATE record SET payload = '{\"n\":9}'" SHOP(3), 3, "payload does not match", "matches"},
    {"UPDATE record SET payload = payload || ' '" SHOP(1), 1, "payload does not match", "matches"},
    {"UPDATE record SET payload = ''" SHOP(6), 6, "payload does not match", "matches"},
    {"UPDATE record SET kind = 'note.writtem'" SHOP(2), 2, "does not match its hash", "matches"},
    {"UPDATE record SET at = at + 1" SHOP(2), 2, "does not match its hash", "matches"},
    {"UPDATE record SET epoch = 1" SHOP(5), 5, "does not match its hash", "matches"},
    {"UPDATE record SET salt = zeroblob(16)" SHOP(4), 4, "payload does not match", "matches"},
    {"UPDATE record SET salt = x''" SHOP(4), 4, "missing or damaged", "matches"},
    {"UPDATE record SET salt = NULL" SHOP(4), 4, "missing or damaged", "matches"},
    {"UPDATE record SET payload = NULL" SHOP(4), 4, "missing or damaged", "matches"},
    {"UPDATE record SET payload = NULL, salt = NULL" SHOP(4), 4, "not by a purge", "matches"},
    {"UPDATE record SET payload_hash = zeroblob(32)" SHOP(4), 4, "payload does not match", "matches"},
    {"UPDATE record SET payload_hash = x'00'" SHOP(4), 4, "damaged", "matches"},
    {"UPDATE record SET hash = zeroblob(32)" SHOP(4), 4, "does not match its hash", "matches"},
    {"UPDATE record SET hash = x'00'" SHOP(4), 4, "damaged", "matches"},
    {"UPDATE record SET hash = zeroblob(32)" SHOP(6), 6, "does not match its hash", "differs"},
    {"DELETE FROM record" SHOP(3), 3, "missing", "matches"},
    {"DELETE FROM record" SHOP(1), 1, "missing", "matches"},
    {"DELETE FROM record WHERE subject = 'shop' AND sequence IN (2, 3)", 2, "missing", "matches"},
    {"UPDATE record SET sequence = 0" SHOP(1), 1, "missing", "matches"},
    {"UPDATE record SET sequence = -5" SHOP(1), 1, "missing", "matches"},
    {SWAP(2, 3), 2, "does not match its hash", "matches"},
    {SWAP(5, 6), 5, "does not match its hash", "differs"},
    {"UPDATE record SET subject = 'mail'" SHOP(6), 0, NULL, "missing"},
    {"DELETE FROM record" SHOP(6), 0, NULL, "missing"},
    {"DELETE FROM record WHERE subject = 'shop' AND sequence > 2", 0, NULL, "missing"},
    {"DELETE FROM record WHERE subject = 'shop'", 1, "there are none", "missing"},
    {"DELETE FROM record WHERE subject = '@store'", 1, "does not know", "matches"},
};

static int setup_six(void **state)
{
    setup_sqlite(state);
    fixture *f = *state;
    for (int i = 0; i < 6; i++)
        append(f->store, "shop", "{\"n\":1}");
    return 0;
}

static void check_edit(size_t i)
{
    void *state = NULL;
    setup_six(&state);
    fixture *f = state;
    char *head = head_of(f, "shop");
    edit(f, edits[i].sql);
    const nip__value *plain = verify(f, "shop", NULL), *with_head = verify(f, "shop", head);
    nip_free(head);
    print_message("%s\n", edits[i].sql);
    assert_text(plain, "verdict", edits[i].broken_at == 0 ? "intact" : "broken");
    assert_text(plain, "head", "not_given");
    assert_text(with_head, "head", edits[i].head);
    assert_int_equal(nip__get_int(plain, "broken_at", 0), edits[i].broken_at);
    if (edits[i].reason != NULL)
        assert_non_null(strstr(nip__get_text(plain, "reason"), edits[i].reason));
    bool intact = edits[i].broken_at == 0 && strcmp(edits[i].head, "matches") == 0;
    assert_text(with_head, "verdict", intact ? "intact" : "broken");
    teardown(&state);
}

static void test_every_edit_shows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++)
        check_edit(i);
}

/* Somebody deletes a journal and writes another one through the library, whose chain is whole. */
static void test_a_replaced_journal_shows(void **state)
{
    fixture *f = *state;
    append(f->store, "shop", "{}");
    append(f->store, "shop", "{}");
    char *head = head_of(f, "shop");
    edit(f, "UPDATE record SET subject = 'kept' WHERE subject = '@store'; DELETE FROM record WHERE subject = 'shop'");
    append(f->store, "shop", "{}");
    append(f->store, "shop", "{}");
    assert_text(verify(f, "shop", NULL), "verdict",
                "intact"); /* the store's own journal is new too: only a head tells */
    assert_text(verify(f, "shop", head), "head", "differs");
    assert_text(verify(f, "shop", head), "verdict", "broken");
    edit(f, "DELETE FROM record WHERE subject = '@store'; UPDATE record SET subject = '@store' WHERE subject = 'kept'");
    assert_text(verify(f, "@store", NULL), "verdict", "intact");
    assert_text(verify(f, "shop", NULL), "verdict", "broken");
    assert_int_equal(nip__get_int(verify(f, "shop", NULL), "broken_at", 0), 1);
    nip_free(head);
}

static void test_heads_that_are_none(void **state)
{
    fixture *f = *state;
    append(f->store, "shop", "{}");
    static const char *const heads[] = {
        "{}",
        "[]",
        "7",
        "{\"subject\":\"shop\",\"sequence\":1}",
        "{\"subject\":\"shop\",\"sequence\":-1,\"hash\":null}",
        "{\"subject\":\"shop\",\"sequence\":1,\"hash\":\"ab\"}",
        "{\"subject\":\"mail\",\"sequence\":0,\"hash\":null}",
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        char *json = NULL;
        assert_fails(nip_journal_verify(f->store, "shop", heads[i], &json, &err), NIP_E_INVALID, "head");
        assert_null(json);
    }
    assert_text(verify(f, "shop", "{\"subject\":\"shop\",\"sequence\":0,\"hash\":null}"), "head", "matches");
}

/* ---- readers of an altered journal ---- */

static void test_an_altered_record_is_not_replayed(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 4; i++)
        append(f->store, "shop", "{\"n\":1}");
    edit(f, "UPDATE record SET payload = '}{'" SHOP(3));
    visit v = {0};
    assert_fails(nip__store_each(f->store, "shop", 0, note, &v, &err), NIP_E_CORRUPT, "record 3 of shop");
    assert_int_equal(v.count, 2);
    assert_fails(nip__store_each_back(f->store, "shop", 0, note, &v, &err), NIP_E_CORRUPT, "record 3 of shop");
    const nip__value *all = read_all(f, "shop", 0, 10); /* people may look at it, and see what is wrong */
    assert_int_equal(nip__count(all), 4);
    assert_true(nip__is(nip__get(nip__at(all, 2), "payload"), NIP__NULL));
    assert_text(nip__at(all, 2), "problem", "the payload does not match its hash");
}

static void test_a_gap_is_not_replayed(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 5; i++)
        append(f->store, "shop", "{}");
    edit(f, "DELETE FROM record" SHOP(3));
    for (int64_t after = 0; after < 4; after++) {
        visit v = {0};
        assert_fails(nip__store_each(f->store, "shop", after, note, &v, &err), NIP_E_CORRUPT, "missing");
    }
    visit v = {0};
    assert_int_equal(nip__store_each(f->store, "shop", 4, note, &v, NULL), 0);
}

/* ---- purging ---- */

static void test_purge_keeps_the_chain(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 6; i++)
        append(f->store, "shop", "{\"n\":1}");
    char *head = head_of(f, "shop");
    assert_int_equal(nip_journal_purge(f->store, "shop", 0, NULL), 0);
    assert_int_equal(nip__get_int(verify(f, "shop", head), "purged", -1), 0);
    assert_int_equal(nip_journal_purge(f->store, "shop", 4, NULL), 0);
    assert_int_equal(nip_journal_purge(f->store, "shop", 2, NULL), 0);
    const nip__value *verdict = verify(f, "shop", head);
    assert_text(verdict, "verdict", "intact");
    assert_text(verdict, "head", "matches");
    assert_int_equal(nip__get_int(verdict, "records", 0), 6);
    assert_int_equal(nip__get_int(verdict, "purged", 0), 4);
    const nip__value *all = read_all(f, "shop", 0, 10);
    assert_true(nip__is(nip__get(nip__at(all, 3), "payload"), NIP__NULL));
    assert_null(nip__get(nip__at(all, 3), "problem"));
    assert_int_equal(nip__get_int(nip__get(nip__at(all, 4), "payload"), "n", 0), 1);
    visit v = {0};
    assert_int_equal(nip__store_each(f->store, "shop", 0, note, &v, NULL), 0);
    assert_int_equal(v.count, 6);
    assert_int_equal(append(f->store, "shop", "{}"), 7);
    assert_int_equal(nip_journal_purge(f->store, "shop", 1000, NULL), 0);
    assert_int_equal(append(f->store, "shop", "{}"), 8);
    assert_text(verify(f, "shop", head), "verdict", "intact");
    assert_int_equal(nip__get_int(verify(f, "shop", head), "purged", 0), 7);
    nip_free(head);
    assert_fails(nip_journal_purge(f->store, "@store", 1, &err), NIP_E_INVALID, "subject");
}

static bool file_holds(const char *path, const char *needle)
{
    static char bytes[1 << 20];
    int fd = open(path, O_RDONLY);
    ssize_t length = fd < 0 ? 0 : read(fd, bytes, sizeof bytes);
    if (fd >= 0)
        close(fd);
    return length > 0 && memmem(bytes, (size_t)length, needle, strlen(needle)) != NULL;
}

static void test_a_purged_payload_is_nowhere_on_disk(void **state)
{
    fixture *f = *state;
    char log[PATH_MAX + 8];
    snprintf(log, sizeof log, "%s-wal", f->path);
    append(f->store, "shop", "{\"who\":\"somebody@example.org\"}");
    append(f->store, "shop", "{\"who\":\"nobody@example.org\"}");
    assert_true(file_holds(log, "somebody@example.org") || file_holds(f->path, "somebody@example.org"));
    assert_int_equal(nip_journal_purge(f->store, "shop", 1, NULL), 0);
    assert_false(file_holds(log, "somebody@example.org"));
    assert_false(file_holds(f->path, "somebody@example.org"));
    assert_true(file_holds(log, "nobody@example.org") || file_holds(f->path, "nobody@example.org"));
}

static void add(fixture *f, int64_t epoch, const char *kind, const char *payload)
{
    nip_error *err = NULL;
    if (nip__store_append(f->store, "shop", -1, epoch, kind, AT, payload, strlen(payload), NULL, &err) != 0)
        fail_msg("%s: %s", kind, nip_error_message(err));
}

static void assert_needed_from(fixture *f, int64_t first, const char *run)
{
    int64_t refused[] = {first, first + 1, 99};
    char text[64];
    snprintf(text, sizeof text, "run %s of shop is not over", run);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        nip_error *err = NULL;
        int rc = nip_journal_purge(f->store, "shop", refused[i], &err);
        assert_failure(rc, err, NIP_E_STATE, text);
    }
}

static void test_purge_leaves_a_run_what_it_needs(void **state)
{
    fixture *f = *state;
    nip__lease lease = {0};
    assert_int_equal(nip__lease_take(f->store, "shop", &lease, NULL), 0);
    add(f, lease.epoch, "run.planned", "{\"run\":\"shop-1\"}");                               /* 1 */
    add(f, lease.epoch, "run.ended", "{\"run\":\"shop-1\",\"state\":\"succeeded\"}");         /* 2 */
    append(f->store, "shop", "{}");                                                           /* 3 */
    add(f, lease.epoch, "run.planned", "{\"run\":\"shop-4\",\"plan\":{\"run\":\"shop-1\"}}"); /* 4 */
    add(f, 0, "request.made", "{\"run\":\"shop-4\",\"request\":\"pause\"}");                  /* 5 */
    assert_needed_from(f, 4, "shop-4");
    assert_int_equal(nip__get_int(verify(f, "shop", NULL), "purged", -1), 0);
    assert_int_equal(nip_journal_purge(f->store, "shop", 3, NULL), 0);
    add(f, lease.epoch, "run.ended", "{\"run\":\"shop-4\",\"state\":\"returned\"}");
    assert_int_equal(nip_journal_purge(f->store, "shop", 6, NULL), 0);
    assert_int_equal(nip__get_int(verify(f, "shop", NULL), "purged", -1), 6);
    assert_text(verify(f, "shop", NULL), "verdict", "intact");
    assert_text(verify(f, "@store", NULL), "verdict", "intact");
}

static void test_a_broken_run_that_goes_on_keeps_its_records(void **state)
{
    fixture *f = *state;
    nip__lease lease = {0};
    assert_int_equal(nip__lease_take(f->store, "shop", &lease, NULL), 0);
    append(f->store, "shop", "{}");                                                        /* 1 */
    add(f, lease.epoch, "run.planned", "{\"run\":\"shop-2\"}");                            /* 2 */
    add(f, lease.epoch, "run.ended", "{\"run\":\"shop-2\",\"state\":\"broken\"}");         /* 3 */
    add(f, 0, "request.made", "{\"run\":\"shop-2\",\"request\":\"abort\"}");               /* 4 */
    add(f, lease.epoch, "run.returning", "{\"run\":\"shop-2\",\"reason\":\"requested\"}"); /* 5 */
    assert_needed_from(f, 2, "shop-2");
    add(f, lease.epoch, "step.done", "{\"run\":\"shop-2\",\"step\":\"undo\"}");
    assert_needed_from(f, 2, "shop-2");
    assert_int_equal(nip_journal_purge(f->store, "shop", 1, NULL), 0);
    add(f, lease.epoch, "run.ended", "{\"run\":\"shop-2\",\"state\":\"broken\"}");
    append(f->store, "shop", "{}");
    assert_int_equal(nip_journal_purge(f->store, "shop", 99, NULL), 0);
    assert_int_equal(nip__get_int(verify(f, "shop", NULL), "purged", -1), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_canonical_bytes),
        cmocka_unit_test(test_every_edit_shows),
        ON_SQLITE(test_a_replaced_journal_shows),
        ON_BOTH(test_heads_that_are_none),
        ON_SQLITE(test_an_altered_record_is_not_replayed),
        ON_SQLITE(test_a_gap_is_not_replayed),
        ON_BOTH(test_purge_keeps_the_chain),
        ON_SQLITE(test_a_purged_payload_is_nowhere_on_disk),
        ON_BOTH(test_purge_leaves_a_run_what_it_needs),
        ON_BOTH(test_a_broken_run_that_goes_on_keeps_its_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
