/* Several processes at one store: requests while another one drives, two that want to drive, one that is killed
 * after record k for every k. */
#include "world.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"
#include "plan/action.h"

/* A child does not come back into cmocka: it ends here, and its code is its verdict. */
static pid_t start_child(int (*work)(void *data), void *data)
{
    fflush(stdout);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that failed leaves nobody behind */
        _exit(work(data));
    }
    return pid;
}

/* How the child ended: its exit code, or minus its signal. */
static int end_of(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* ---- requests from another process ---- */

typedef struct driver_job {
    const folder *place;
    int ready; /* told once the run stands in the journal */
    int pace;  /* one byte for every slice: the driver does not run away from those who meddle */
} driver_job;

static int drive_run(void *data)
{
    const driver_job *job = data;
    world w;
    nip_run *run = NULL;
    nip_op *op = NULL;
    nip_plan *plan = world_plan(&strategies[CANARY]);
    world_open(&w, job->place->url);
    int rc = nip_run_new(plan, w.store, nip_ctx_now(w.ctx), &run, NULL);
    if (rc == 0)
        rc = nip_op_run_plan(w.ctx, run, w.drivers, &op, NULL);
    if (rc < 0 || write(job->ready, "r", 1) != 1)
        return 1;
    nip_error *error = NULL;
    char byte;
    while ((rc = nip_op_wait(op, NIP_SECOND, &error)) == NIP_OP_MORE) {
        if (read(job->pace, &byte, 1) != 1)
            return 3;
    }
    bool broken = strcmp(nip_run_state(run), "broken") == 0;
    if (rc < 0 || broken)
        fprintf(stderr, "the driving process: %s, %s\n", nip_run_state(run), nip_error_message(error));
    return rc == NIP_OP_DONE && !broken ? 0 : 2;
}

typedef struct told {
    int64_t sequences[4096];
    const char *kinds[4096];
    int count, notes, refused;
} told;

static int64_t sequence_of(char *json)
{
    const char *at = strstr(json, "\"sequence\":");
    int64_t sequence = at != NULL ? strtoll(at + 11, NULL, 10) : -1;
    nip_free(json);
    return sequence;
}

/* One request or note. */
static void meddle(nip_store *store, nip__random *random, told *t)
{
    static const char *const kinds[] = {"pause", "promote", "promote", "abort"};
    uint64_t dice = nip__random_below(random, 40);
    const char *kind = dice < 30 ? "note.written" : kinds[dice == 39 ? 3 : dice % 3];
    char *json = NULL;
    int64_t sequence = 0;
    int rc;
    if (dice < 30) {
        rc = nip_journal_append(store, SUBJECT, -1, kind, 1, "{\"n\":1}", &sequence, NULL);
    } else {
        rc = nip_run_request(store, SUBJECT, kind, "test", "because", 1, &json, NULL);
        if (rc == 0)
            sequence = sequence_of(json);
    }
    if (rc == 0 && t->count < (int)COUNT(t->sequences)) {
        t->sequences[t->count] = sequence;
        t->kinds[t->count++] = kind;
        t->notes += dice < 30;
    }
    t->refused += rc == NIP_E_STATE;
    assert_true(rc == 0 || rc == NIP_E_STATE || rc == NIP_E_BUSY);
}

/* Every record that was said to be written is there, as it was written. */
static void check_told(nip_store *store, const told *t)
{
    for (int i = 0; i < t->count; i++) {
        char *json = NULL;
        must(nip_journal_read(store, SUBJECT, t->sequences[i] - 1, 1, &json, &err));
        assert_contains(json, strcmp(t->kinds[i], "note.written") == 0 ? "\"note.written\"" : t->kinds[i]);
        nip_free(json);
    }
    int made = count_in_journal(store, "\"kind\":\"request.made\""),
        notes = count_in_journal(store, "\"kind\":\"note.written\"");
    assert_int_equal(notes, t->notes);
    assert_int_equal(made, t->count - t->notes);
}

static void meddle_until_end(const folder *place, uint64_t seed, told *t)
{
    int ready[2], pace[2];
    char byte = 'p';
    nip_ctx *ctx = world_ctx();
    nip_store *store = NULL;
    nip_run *run = NULL;
    nip__random random;
    nip__random_seed(&random, seed);
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(pace), 0);
    pid_t child = start_child(drive_run, &(driver_job){place, ready[1], pace[0]});
    close(pace[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    must(nip_store_open(ctx, place->url, &store, &err));
    do
        meddle(store, &random, t);
    while (write(pace[1], &byte, 1) == 1); /* until nobody reads any more */
    assert_int_equal(end_of(child), 0);
    check_told(store, t);
    must(nip_run_open(store, SUBJECT, &run, &err));
    check_journal(store, run, 1, "requests while another process drives");
    nip_run_free(run);
    nip_store_free(store);
    nip_ctx_free(ctx);
    close(pace[1]);
    close(ready[0]);
    close(ready[1]);
}

static void requests_while_another_process_drives(void **state)
{
    (void)state;
    folder place;
    told all = {0};
    signal(SIGPIPE, SIG_IGN);
    folder_open(&place);
    for (uint64_t seed = 1; seed <= 8; seed++) {
        told t = {0};
        folder_empty(&place);
        meddle_until_end(&place, seed, &t);
        all.count += t.count;
        all.notes += t.notes;
        all.refused += t.refused;
    }
    print_message("8 runs: %d records by another process (%d requests), none lost; %d requests refused\n", all.count,
                  all.count - all.notes, all.refused);
    assert_true(all.count > all.notes);
    folder_close(&place);
}

/* ---- two holders ---- */

#define TWO_STEPS                                                                                                      \
    "{\"v\":1,\"kind\":\"plan\",\"subject\":\"shop\",\"title\":\"t\",\"steps\":["                                      \
    "{\"id\":\"one\",\"title\":\"one\",\"actions\":[{\"role\":\"target\",\"verb\":\"observe\"}]},"                     \
    "{\"id\":\"two\",\"title\":\"two\",\"actions\":[{\"role\":\"target\",\"verb\":\"observe\"}]}],\"back\":[]}"

static int hold_run(void *data)
{
    const driver_job *job = data;
    nip_ctx *ctx = world_ctx();
    nip_store *store = NULL;
    nip_plan *plan = NULL;
    nip_run *run = NULL;
    const nip_action *action = NULL;
    nip_time until = 0;
    int rc = nip_store_open(ctx, job->place->url, &store, NULL);
    if (rc == 0)
        rc = nip_plan_from_json(TWO_STEPS, strlen(TWO_STEPS), &plan, NULL);
    if (rc == 0)
        rc = nip_run_new(plan, store, nip_ctx_now(ctx), &run, NULL);
    if (rc == 0)
        rc = nip_run_next(run, nip_ctx_now(ctx), &action, &until, NULL);
    if (rc != NIP_RUN_ACTION || write(job->ready, "r", 1) != 1)
        return 1;
    for (;;)
        pause();
}

static void drive_by_hand(nip_run *run, nip_time now)
{
    for (;;) {
        const nip_action *action = NULL;
        nip_time until = 0;
        int rc;
        must(rc = nip_run_next(run, now, &action, &until, &err));
        if (rc == NIP_RUN_DONE)
            return;
        assert_int_equal(rc, NIP_RUN_ACTION);
        must(nip_run_complete(run, now, nip_action_id(action), "{\"outcome\":\"done\",\"result\":{}}", &err));
    }
}

static void only_one_drives(void **state)
{
    (void)state;
    int ready[2];
    char byte;
    folder place;
    nip_store *store = NULL;
    nip_run *run = NULL;
    nip_ctx *ctx = world_ctx();
    folder_open(&place);
    assert_int_equal(pipe(ready), 0);
    pid_t child = start_child(hold_run, &(driver_job){&place, ready[1], -1});
    assert_int_equal(read(ready[0], &byte, 1), 1);
    must(nip_store_open(ctx, place.url, &store, &err));
    nip_error *held = NULL;
    assert_int_equal(nip_run_resume(store, SUBJECT, nip_ctx_now(ctx), &run, &held), NIP_E_HELD);
    assert_contains(nip_error_message(held), "is alive");
    nip_error_free(held);
    kill(child, SIGKILL);
    assert_int_equal(end_of(child), -SIGKILL);
    must(nip_run_resume(store, SUBJECT, nip_ctx_now(ctx), &run, &err));
    /* The one that was killed had epoch 1: should it still write, it is turned away, and so is whoever made an epoch
     * up. */
    for (int64_t epoch = 1; epoch <= 3; epoch += 2)
        assert_int_equal(nip__store_append(store, SUBJECT, -1, epoch, "step.done", 1, "{}", 2, NULL, NULL),
                         NIP_E_FENCED);
    drive_by_hand(run, nip_ctx_now(ctx));
    assert_string_equal(nip_run_state(run), "succeeded");
    check_journal(store, run, nip_ctx_now(ctx), "taken over");
    nip_run_free(run);
    nip_store_free(store);
    nip_ctx_free(ctx);
    close(ready[0]);
    close(ready[1]);
    folder_close(&place);
}

/* ---- killed after record k ----
 *
 * The world lives on in this process; the child that drives asks it for every action and every wait over a socket, and kills itself in the
 * commit of record k: nothing that it knew is left but the journal. */

enum { MESSAGE_MAX_BYTES = 262144 };

typedef struct child_job {
    const folder *place;
    int socket;
    long kill_after; /* records; 0: never */
} child_job;

static struct {
    const nip__backend *genuine;
    nip__backend counting;
    long left;
} fuse;

static int commit_and_die(nip_store *store, nip_error **err)
{
    int rc = fuse.genuine->commit(store, err);
    if (rc == 0 && --fuse.left == 0)
        kill(getpid(), SIGKILL);
    return rc;
}

static void light_fuse(nip_store *store, long commits)
{
    fuse.genuine = store->backend;
    fuse.counting = *store->backend;
    fuse.counting.commit = commit_and_die;
    fuse.left = commits;
    store->backend = &fuse.counting;
}

/* Sends a text and waits for one. What comes is "NOW OUTCOME". */
static nip_time ask_world(const child_job *job, const char *text, char *outcome)
{
    char *end = NULL;
    if (send(job->socket, text, strlen(text) + 1, 0) < 0)
        _exit(3);
    ssize_t length = recv(job->socket, outcome, MESSAGE_MAX_BYTES - 1, 0);
    if (length <= 0)
        _exit(3);
    outcome[length] = '\0';
    nip_time now = strtoll(outcome, &end, 10);
    memmove(outcome, end + 1, strlen(end + 1) + 1);
    return now;
}

static void write_action(const nip_action *action, nip__buffer *text)
{
    nip__writer w = NIP__WRITER(text);
    nip__write_map(&w, NULL);
    nip__write_text(&w, "id", nip_action_id(action));
    nip__write_text(&w, "role", nip_action_role(action));
    nip__write_text(&w, "verb", nip_action_verb(action));
    nip__write_raw(&w, "args", nip_action_args(action));
    if (nip_action_before(action) != NULL)
        nip__write_raw(&w, "before", nip_action_before(action));
    nip__write_bool(&w, "settles", nip_action_settles(action) != 0);
    nip__write_end_map(&w);
}

static int drive_remotely(const child_job *job, nip_run *run, nip_time now)
{
    static char outcome[MESSAGE_MAX_BYTES];
    for (;;) {
        const nip_action *action = NULL;
        nip_time until = 0;
        nip__buffer text = NIP__BUFFER(MESSAGE_MAX_BYTES - 1);
        int rc = nip_run_next(run, now, &action, &until, NULL);
        if (rc == NIP_RUN_DONE)
            return 0;
        if (rc == NIP_RUN_WAIT)
            nip__buffer_int(&text, until);
        else if (rc == NIP_RUN_ACTION)
            write_action(action, &text);
        else
            return 4;
        now = ask_world(job, nip__buffer_string(&text), outcome);
        nip__buffer_clear(&text);
        if (rc == NIP_RUN_ACTION && nip_run_complete(run, now, nip_action_id(action), outcome, NULL) < 0)
            return 5;
    }
}

static int drive_and_die(void *data)
{
    const child_job *job = data;
    static char nothing[MESSAGE_MAX_BYTES];
    nip_ctx *ctx = world_ctx();
    nip_store *store = NULL;
    nip_run *run = NULL;
    nip_plan *plan = world_plan(&strategies[CANARY]);
    nip_time now = ask_world(job, "0", nothing);
    if (nip_store_open(ctx, job->place->url, &store, NULL) < 0)
        return 1;
    if (job->kill_after > 0)
        light_fuse(store, job->kill_after);
    int rc = nip_run_resume(store, SUBJECT, now, &run, NULL);
    if (rc == NIP_E_NOTFOUND)
        rc = nip_run_new(plan, store, now, &run, NULL);
    rc = rc < 0 ? 2 : drive_remotely(job, run, now);
    nip_run_free(run);
    nip_store_free(store);
    return rc;
}

static const char *carry_out(world *w, nip__arena *arena, const char *text)
{
    nip__value *asked = NULL;
    const char *id = NULL, *outcome = NULL;
    must(nip__json_read(arena, text, strlen(text), "action", &nip__internal_limits, &asked, &err));
    nip_action action = {
        .id = nip__get_text(asked, "id"),
        .role = nip__get_text(asked, "role"),
        .verb = nip__get_text(asked, "verb"),
        .args_value = nip__get(asked, "args"),
        .before_value = nip__get(asked, "before"),
        .settles = nip__get_bool(asked, "settles", false),
    };
    static const nip__sim_fate fine = {.kind = NIP__SIM_FINE};
    must(nip__sim_begin(w->sim, &action, w, &fine, nip_ctx_now(w->ctx), &err));
    while (!nip__sim_answer(w->sim, w, &id, &outcome))
        world_pass(w, nip__sim_next(w->sim, w) - nip_ctx_now(w->ctx));
    return outcome;
}

/* Answers the child until it is gone. */
static void serve(world *w, int socket)
{
    static char text[MESSAGE_MAX_BYTES], answer[MESSAGE_MAX_BYTES];
    ssize_t length;
    while ((length = recv(socket, text, sizeof text - 1, 0)) > 0) {
        text[length] = '\0';
        nip__arena *arena = nip__arena_new();
        const char *outcome = "";
        if (text[0] == '{')
            outcome = carry_out(w, arena, text);
        else if (strtoll(text, NULL, 10) > nip_ctx_now(w->ctx))
            world_pass(w, strtoll(text, NULL, 10) - nip_ctx_now(w->ctx));
        int written = snprintf(answer, sizeof answer, "%lld %s", (long long)nip_ctx_now(w->ctx), outcome);
        assert_true(written > 0 && (size_t)written < sizeof answer);
        send(socket, answer, (size_t)written + 1, MSG_NOSIGNAL);
        nip__arena_free(arena);
    }
}

/* One process's life; returns how it ended. */
static int live_and_die(world *w, const folder *place, long kill_after)
{
    int sockets[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
    child_job job = {place, sockets[1], kill_after};
    pid_t child = start_child(drive_and_die, &job);
    close(sockets[1]);
    serve(w, sockets[0]);
    close(sockets[0]);
    return end_of(child);
}

static void check_killed(world *w, const folder *place, long k)
{
    char what[64];
    nip_run *run = NULL;
    snprintf(what, sizeof what, "killed in commit %ld", k);
    must(nip_store_open(w->ctx, place->url, &w->store, &err));
    must(nip_run_open(w->store, SUBJECT, &run, &err));
    check_end(w, run, what);
    assert_string_equal(nip_run_state(run), "succeeded");
    nip_run_free(run);
}

/* Commits are those of records and of leases. */
static void killed_after_every_record(void **state)
{
    (void)state;
    folder place;
    folder_open(&place);
    int killed = -SIGKILL;
    long k = 1;
    for (; killed == -SIGKILL; k++) {
        world w;
        world_open(&w, NULL);
        killed = live_and_die(&w, &place, k);
        world_pass(&w, NIP_SECOND);
        if (killed == -SIGKILL)
            assert_int_equal(live_and_die(&w, &place, 0), 0);
        check_killed(&w, &place, k);
        world_close(&w);
        folder_empty(&place);
    }
    assert_int_equal(killed, 0);
    print_message("a canary killed after each of its %ld commits and taken up again\n", k - 2);
    folder_close(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_while_another_process_drives),
        cmocka_unit_test(only_one_drives),
        cmocka_unit_test(killed_after_every_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
