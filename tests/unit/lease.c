/* Leases: one driver a subject, taken over only from the dead, and nothing is written by those who lost it. */
#include "store_fixture.h"

#include <signal.h>

static int take(fixture *f, nip__lease *lease, nip_error **err)
{
    return nip__lease_take(f->store, "shop", lease, err);
}

static nip__lease taken(fixture *f)
{
    nip__lease lease = {0};
    nip_error *err = NULL;
    if (take(f, &lease, &err) != 0)
        fail_msg("take: %s", nip_error_message(err));
    return lease;
}

static const nip__value *standing(fixture *f)
{
    char *json = NULL;
    assert_int_equal(nip_lease_read(f->store, "shop", &json, NULL), 0);
    return tree(f, json);
}

static int append_under(fixture *f, int64_t epoch, nip_error **err)
{
    return nip__store_append(f->store, "shop", -1, epoch, "step.done", AT, "{}", 2, NULL, err);
}

static bool held(fixture *f)
{
    bool answer = false;
    assert_int_equal(nip__lease_held(f->store, "shop", &answer, NULL), 0);
    return answer;
}

/* Writes a lease behind the library's back. */
static void put(fixture *f, int64_t epoch, int64_t renewed, const char *holder)
{
    nip__lease_row row = {.epoch = epoch, .renewed = renewed, .token = "0123456789abcdef0123456789abcdef"};
    snprintf(row.holder, sizeof row.holder, "%s", holder);
    assert_int_equal(f->store->backend->begin(f->store, 1000, NULL), 0);
    assert_int_equal(f->store->backend->lease_put(f->store, "shop", &row, NULL), 0);
    assert_int_equal(f->store->backend->commit(f->store, NULL), 0);
}

static void put_holder(fixture *f, int64_t epoch, int64_t renewed, const nip__holder *holder)
{
    nip__buffer text = NIP__BUFFER(1000);
    nip__writer writer = NIP__WRITER(&text);
    nip__holder_write(&writer, NULL, holder);
    put(f, epoch, renewed, nip__buffer_string(&text));
    nip__buffer_clear(&text);
}

/* ---- the plain course ---- */

static void test_epochs_only_rise(void **state)
{
    fixture *f = *state;
    assert_true(nip__is(standing(f), NIP__NULL));
    assert_false(held(f));
    int64_t last = 0;
    for (int i = 0; i < 3; i++) {
        nip__lease lease = taken(f);
        assert_int_equal(lease.epoch, last + 1);
        assert_int_equal(strlen(lease.token), 32);
        last = lease.epoch;
        assert_int_equal(append_under(f, lease.epoch, NULL), 0);
        assert_int_equal(nip__lease_renew(f->store, "shop", &lease, NULL), 0);
        assert_true(held(f));
        assert_int_equal(nip__lease_release(f->store, "shop", &lease, NULL), 0);
        assert_false(held(f));
        assert_int_equal(nip__get_int(standing(f), "epoch", 0), last);
        assert_true(nip__is(nip__get(standing(f), "holder"), NIP__NULL));
        assert_false(nip__get_bool(standing(f), "alive", true));
    }
}

static void test_the_holder_is_named(void **state)
{
    fixture *f = *state;
    taken(f);
    const nip__value *now = standing(f), *holder = nip__get(now, "holder");
    assert_true(nip__get_bool(now, "alive", false));
    assert_int_equal(nip__get_int(holder, "pid", 0), getpid());
    assert_text(holder, "since", START);
    assert_true(nip__get_int(holder, "start", 0) > 0);
    assert_null(nip__get(holder, "token"));
}

static void test_a_process_takes_a_lease_once(void **state)
{
    fixture *f = *state;
    nip__lease lease = taken(f), second = {.epoch = -1};
    assert_fails(take(f, &second, &err), NIP_E_HELD, "shop is driven by this process already");
    assert_int_equal(second.epoch, -1);
    assert_int_equal(append_under(f, lease.epoch, NULL), 0);
    nip__lease other = {0};
    assert_int_equal(nip__lease_take(f->store, "mail", &other, NULL), 0); /* another subject is another lease */
    assert_int_equal(other.epoch, 1);
}

static void test_who_lost_a_lease_is_fenced(void **state)
{
    fixture *f = *state;
    nip__lease first = taken(f);
    assert_int_equal(nip__lease_release(f->store, "shop", &first, NULL), 0);
    assert_fails(append_under(f, first.epoch, &err), NIP_E_FENCED, "given back");
    assert_fails(nip__lease_renew(f->store, "shop", &first, &err), NIP_E_FENCED, "given back");
    assert_fails(nip__lease_release(f->store, "shop", &first, &err), NIP_E_FENCED, "given back");
    nip__lease second = taken(f);
    assert_fails(append_under(f, first.epoch, &err), NIP_E_FENCED, "taken over: its epoch is 2, this holder's 1");
    assert_fails(append_under(f, second.epoch + 1, &err), NIP_E_FENCED, "epoch");
    assert_fails(nip__lease_renew(f->store, "shop", &first, &err), NIP_E_FENCED, "taken over");
    assert_fails(nip__lease_release(f->store, "shop", &first, &err), NIP_E_FENCED, "taken over");
    nip__lease forged = {.epoch = second.epoch, .token = "0123456789abcdef0123456789abcdef"};
    assert_fails(nip__lease_release(f->store, "shop", &forged, &err), NIP_E_FENCED, "");
    assert_int_equal(append_under(f, second.epoch, NULL), 0);
    assert_fails(append_under(f, 0, &err), NIP_E_STATE, "step.done is recorded by the holder of the lease only");
    assert_int_equal(nip__store_append(f->store, "shop", -1, 0, "request.made", AT, "{}", 2, NULL, NULL), 0);
    assert_int_equal(append(f->store, "shop", "{}"), 3); /* nor do notes need one */
    int64_t sequence = 0;
    assert_int_equal(nip__store_head(f->store, "shop", &sequence, NULL), 0);
    assert_int_equal(sequence, 3);
}

/* ---- holders on this machine ---- */

/* A child that takes the lease and stays alive until it is killed. Its store is its own. */
static pid_t start_holder(fixture *f)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        nip_store *store = NULL;
        nip__lease lease;
        bool well =
            nip_store_open(f->ctx, f->url, &store, NULL) == 0 && nip__lease_take(store, "shop", &lease, NULL) == 0;
        if (!well || write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    char byte;
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

static void kill_holder(pid_t child)
{
    kill(child, SIGKILL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0); /* it stays a zombie */
}

static void test_a_living_holder_keeps_it_and_a_dead_one_loses_it(void **state)
{
    fixture *f = *state;
    pid_t child = start_holder(f);
    nip__lease lease = {0};
    char text[64];
    snprintf(text, sizeof text, "shop is driven by process %d on host ", (int)child);
    nip_error *refused = NULL;
    assert_int_equal(take(f, &lease, &refused), NIP_E_HELD);
    assert_int_equal(nip_error_retryable(refused), 0);
    assert_failure(NIP_E_HELD, refused, NIP_E_HELD, text);
    assert_true(nip__get_bool(standing(f), "alive", false));
    assert_fails(append_under(f, 7, &err), NIP_E_FENCED, "");
    kill_holder(child);
    assert_false(nip__get_bool(standing(f), "alive", true));
    assert_int_equal(nip__get_int(nip__get(standing(f), "holder"), "pid", 0), child);
    lease = taken(f);
    assert_int_equal(lease.epoch, 2);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(append_under(f, lease.epoch, NULL), 0);
}

static void test_a_process_that_is_gone(void **state)
{
    fixture *f = *state;
    pid_t child = start_holder(f);
    kill_holder(child);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(taken(f).epoch, 2);
}

/* The number was given to another process since: the start time tells. */
static void test_a_number_that_was_used_again(void **state)
{
    fixture *f = *state;
    nip__holder holder;
    nip__holder_self(&holder, AT);
    holder.start--;
    put_holder(f, 4, 0, &holder);
    assert_false(held(f));
    assert_int_equal(taken(f).epoch, 5);
}

/* ---- holders that cannot be seen from here ---- */

static void wait_until(fixture *f, nip_duration since_start)
{
    assert_int_equal(nip__ctx_advance(f->ctx, since_start), 1);
}

static void assert_not_yet(fixture *f, const char *text)
{
    nip__lease lease;
    nip_error *err = NULL;
    int rc = take(f, &lease, &err);
    assert_int_equal(nip_error_retryable(err), 1);
    assert_failure(rc, err, NIP_E_HELD, text);
    assert_true(nip__is(nip__get(standing(f), "alive"), NIP__NULL));
    assert_true(held(f));
}

static void change_boot(nip__holder *holder)
{
    holder->boot[0] = holder->boot[0] == 'f' ? '0' : 'f';
}

static void change_namespace(nip__holder *holder)
{
    holder->pid_namespace++;
}

static void drop_boot(nip__holder *holder)
{
    holder->boot[0] = '\0';
}

static void make_pid_a_group(nip__holder *holder)
{
    holder->pid = -1; /* kill(-1, 0) would ask every process */
}

static void (*const elsewhere[])(nip__holder *holder) = {change_boot, change_namespace, drop_boot, make_pid_a_group};

static void check_elsewhere(fixture *f, void (*change)(nip__holder *holder), nip_duration begin, int64_t epoch)
{
    nip__holder holder;
    nip__holder_self(&holder, AT);
    change(&holder);
    snprintf(holder.name, sizeof holder.name, "web1");
    put_holder(f, epoch, 0, &holder);
    wait_until(f, begin);
    assert_not_yet(f, "on host web1 since 2026-11-23T05:00:00Z; whether it is alive cannot be seen from here");
    wait_until(f, begin + 14 * NIP_SECOND);
    put_holder(f, epoch, 1, &holder); /* it renews: a new 15 seconds */
    assert_not_yet(f, "try again in 15s");
    wait_until(f, begin + 28 * NIP_SECOND);
    assert_not_yet(f, "try again in 1s");
    wait_until(f, begin + 29 * NIP_SECOND);
    assert_false(held(f));
    assert_false(nip__get_bool(standing(f), "alive", true));
    nip__lease lease = taken(f);
    assert_int_equal(lease.epoch, epoch + 1);
    assert_int_equal(nip__lease_release(f->store, "shop", &lease, NULL), 0);
}

static void test_a_holder_elsewhere_must_stay_silent_for_15_seconds(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
        check_elsewhere(f, elsewhere[i], (nip_duration)(i + 1) * NIP_HOUR, (int64_t)(i + 1) * 10);
}

/* What another observer has seen does not count: each judges by its own clock. */
static void test_each_observer_waits_itself(void **state)
{
    fixture *f = *state;
    nip__holder holder;
    nip__holder_self(&holder, AT);
    change_boot(&holder);
    put_holder(f, 1, 0, &holder);
    assert_not_yet(f, "try again in 15s");
    wait_until(f, 15 * NIP_SECOND);
    nip_store *other = open_store(f);
    nip__lease lease;
    assert_fails(nip__lease_take(other, "shop", &lease, &err), NIP_E_HELD, "try again in 15s");
    nip_store_free(other);
    assert_int_equal(taken(f).epoch, 2);
}

static void test_a_holder_that_is_nonsense(void **state)
{
    fixture *f = *state;
    static const char *const holders[] = {"x", "[]", "{", "{\"pid\":\"7\"}", "{\"name\":\"a\\nb\"}"};
    int64_t hours = 1;
    for (size_t i = 0; i < sizeof holders / sizeof holders[0]; i++, hours++) {
        put(f, 10 * hours, 0, holders[i]);
        wait_until(f, hours * NIP_HOUR);
        assert_not_yet(f, "try again in 15s");
        wait_until(f, hours * NIP_HOUR + 15 * NIP_SECOND);
        nip__lease lease = taken(f);
        assert_int_equal(lease.epoch, 10 * hours + 1);
        assert_int_equal(nip__lease_release(f->store, "shop", &lease, NULL), 0);
    }
    put(f, INT64_MAX, 0, "");
    nip__lease lease;
    assert_fails(take(f, &lease, &err), NIP_E_CORRUPT, "impossible epoch");
}

/* ---- several processes ---- */

/* Children race for the lease; whoever has it appends under it, dies, and leaves it to the next. */
static void race(fixture *f)
{
    nip_store *store = NULL;
    if (nip_store_open(f->ctx, f->url, &store, NULL) != 0)
        _exit(1);
    nip__lease lease;
    int rc;
    while ((rc = nip__lease_take(store, "shop", &lease, NULL)) == NIP_E_HELD || rc == NIP_E_BUSY)
        usleep(1000);
    if (rc != 0)
        _exit(2);
    for (int i = 0; i < 5; i++) {
        do
            rc = nip__store_append(store, "shop", -1, lease.epoch, "step.done", AT, "{}", 2, NULL, NULL);
        while (rc == NIP_E_BUSY);
        if (rc != 0)
            _exit(3);
    }
    kill(getpid(), SIGKILL);
}

typedef struct epochs {
    int64_t last;
    int count;
} epochs;

static int check_epoch(void *data, const nip__record *record, nip_error **err)
{
    (void)err;
    epochs *seen = data;
    assert_int_equal(record->epoch, 1 + seen->count / 5); /* never two holders between each other's records */
    seen->last = record->epoch;
    seen->count++;
    return 0;
}

static void test_two_holders_never_both_append(void **state)
{
    enum { CHILDREN = 6 };
    fixture *f = *state;
    pid_t children[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0)
            race(f);
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    epochs seen = {0};
    assert_int_equal(nip__store_each(f->store, "shop", 0, check_epoch, &seen, NULL), 0);
    assert_int_equal(seen.count, 5 * CHILDREN);
    assert_int_equal(seen.last, CHILDREN);
    assert_text(verify(f, "shop", NULL), "verdict", "intact");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_epochs_only_rise),
        ON_BOTH(test_the_holder_is_named),
        ON_BOTH(test_a_process_takes_a_lease_once),
        ON_BOTH(test_who_lost_a_lease_is_fenced),
        ON_SQLITE(test_a_living_holder_keeps_it_and_a_dead_one_loses_it),
        ON_SQLITE(test_a_process_that_is_gone),
        ON_BOTH(test_a_number_that_was_used_again),
        ON_BOTH(test_a_holder_elsewhere_must_stay_silent_for_15_seconds),
        ON_SQLITE(test_each_observer_waits_itself),
        ON_BOTH(test_a_holder_that_is_nonsense),
        ON_SQLITE(test_two_holders_never_both_append),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
