/* Several writers of one store: none loses or doubles a record, and a killed one leaves what was acknowledged. */
#include "store_fixture.h"

#include <signal.h>

static void test_two_handles(void **state)
{
    fixture *f = *state;
    nip_store *other = open_store(f);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(append(f->store, "shop", "{}"), 2 * i + 1);
        assert_int_equal(append(other, "shop", "{}"), 2 * i + 2);
    }
    assert_fails(nip_journal_append(other, "shop", 19, "note.written", AT, "{}", NULL, &err), NIP_E_CONFLICT,
                 "record 20, not at 19");
    nip_store_free(other); /* drops no lock of the first */
    assert_int_equal(append(f->store, "shop", "{}"), 21);
    assert_text(verify(f, "shop", NULL), "verdict", "intact");
}

static void test_a_store_that_is_busy(void **state)
{
    fixture *f = *state;
    append(f->store, "shop", "{}");
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    nip_error *err = NULL;
    int rc = nip__store_append(f->store, "shop", -1, 0, "request.made", AT, "{}", 2, NULL, &err);
    assert_int_equal(nip_error_retryable(err), 1);
    assert_failure(rc, err, NIP_E_BUSY, "another process is writing");
    err = NULL;
    rc = nip_journal_append(f->store, "shop", -1, "note.written", AT, "{}", NULL, &err);
    assert_int_equal(nip_error_retryable(err), 1);
    assert_failure(rc, err, NIP_E_BUSY, "another process is writing");
    int64_t sequence = 0;
    assert_int_equal(nip__store_head(f->store, "shop", &sequence, NULL), 0); /* readers are not kept out */
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(append(f->store, "shop", "{}"), 2);
}

enum { WRITERS = 3, EACH = 150 };

/* All open at once, and writers are slow where the disk is: busy is an answer, and asked again. */
static nip_store *open_busy(const fixture *f)
{
    nip_store *store = NULL;
    int rc;
    do
        rc = nip_store_open(f->ctx, f->url, &store, NULL);
    while (rc == NIP_E_BUSY);
    if (rc != 0)
        _exit(1);
    return store;
}

static void append_many(fixture *f, int writer)
{
    nip_store *store = open_busy(f);
    for (int i = 0; i < EACH; i++) {
        char payload[64];
        snprintf(payload, sizeof payload, "{\"writer\":%d,\"n\":%d}", writer, i);
        int rc;
        do
            rc = nip_journal_append(store, "shop", -1, "note.written", AT, payload, NULL, NULL);
        while (rc == NIP_E_BUSY);
        if (rc != 0)
            _exit(2);
    }
    nip_store_free(store);
    _exit(0);
}

/* Counts up from what it read: with a lost update the sum would be short. */
static void count_up(fixture *f, int writer)
{
    (void)writer;
    nip_store *store = open_busy(f);
    for (int done = 0; done < EACH;) {
        int64_t head = 0, sequence = 0;
        char payload[64];
        if (nip__store_head(store, "shop", &head, NULL) != 0)
            continue;
        snprintf(payload, sizeof payload, "{\"writer\":0,\"n\":%lld}", (long long)head);
        int rc = nip_journal_append(store, "shop", head, "note.written", AT, payload, &sequence, NULL);
        if (rc == 0 && sequence != head + 1)
            _exit(3);
        if (rc != 0 && rc != NIP_E_CONFLICT && rc != NIP_E_BUSY)
            _exit(2);
        done += rc == 0;
    }
    nip_store_free(store);
    _exit(0);
}

typedef struct tally {
    int64_t next[WRITERS];
    int64_t count;
} tally;

static int count_record(void *data, const nip__record *record, nip_error **err)
{
    (void)err;
    tally *seen = data;
    int writer = -1;
    long long n = -1;
    assert_int_equal(sscanf(record->payload, "{\"writer\":%d,\"n\":%lld}", &writer, &n), 2);
    assert_int_equal(n, seen->next[writer]); /* each writer's records are all there, once, in its order */
    seen->next[writer]++;
    seen->count++;
    return 0;
}

static void run_writers(fixture *f, void (*work)(fixture *f, int writer))
{
    pid_t children[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        if (children[i] == 0)
            work(f, i);
    }
    for (int i = 0; i < WRITERS; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    f->store = open_store(f);
    tally seen = {0};
    assert_int_equal(nip__store_each(f->store, "shop", 0, count_record, &seen, NULL), 0);
    assert_int_equal(seen.count, WRITERS * EACH);
    assert_text(verify(f, "shop", NULL), "verdict", "intact");
}

/* The file is new: the writers race for making it, too. */
static void test_writers_lose_and_double_nothing(void **state)
{
    run_writers(*state, append_many);
}

static void test_compare_and_set_between_processes(void **state)
{
    run_writers(*state, count_up);
}

/* ---- a writer that is killed ---- */

static void append_until_killed(fixture *f, int out)
{
    nip_store *store = NULL;
    int64_t sequence = 0;
    if (nip_store_open(f->ctx, f->url, &store, NULL) != 0)
        _exit(1);
    while (nip_journal_append(store, "shop", -1, "note.written", AT, "{}", &sequence, NULL) == 0) {
        if (write(out, &sequence, sizeof sequence) != sizeof sequence)
            _exit(2);
    }
    _exit(3);
}

static void kill_after(fixture *f, int64_t records, int64_t *acknowledged)
{
    int answers[2];
    assert_int_equal(pipe(answers), 0);
    pid_t child = fork();
    if (child == 0)
        append_until_killed(f, answers[1]);
    close(answers[1]);
    int64_t sequence;
    while (read(answers[0], &sequence, sizeof sequence) == sizeof sequence) {
        *acknowledged = sequence;
        if (--records == 0)
            kill(child, SIGKILL);
    }
    close(answers[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void test_a_killed_writer_leaves_what_it_was_told_is_durable(void **state)
{
    fixture *f = *state;
    int64_t acknowledged = 0;
    for (int64_t records = 1; records <= 5; records++)
        kill_after(f, records, &acknowledged);
    f->store = open_store(f);
    int64_t head = 0;
    assert_int_equal(nip__store_head(f->store, "shop", &head, NULL), 0);
    assert_true(head >= acknowledged && head <= acknowledged + 1);
    assert_text(verify(f, "shop", NULL), "verdict", "intact");
    assert_text(verify(f, "@store", NULL), "verdict", "intact");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SQLITE(test_two_handles),
        ON_SQLITE(test_a_store_that_is_busy),
        ON_FOLDER(test_writers_lose_and_double_nothing),
        ON_FOLDER(test_compare_and_set_between_processes),
        ON_FOLDER(test_a_killed_writer_leaves_what_it_was_told_is_durable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
