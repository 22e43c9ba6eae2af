/* The operation that runs a plan, with a host's driver: what it lets go of when it ends, and what it refuses to share. */
#include "store_fixture.h"

#include "driver/driver.h"
#include "nipops.h"

/* "quick" is done at once, "slow" after 3 seconds, "stuck" never. */
typedef struct worker {
    nip_action *slow;
    nip_time due;
    int started, cancelled;
} worker;

#define DONE "{\"outcome\":\"done\",\"result\":{}}"

static int verb_class(void *self, const char *verb)
{
    (void)self;
    (void)verb;
    return NIP_VERB_DECLARATIVE;
}

static int start(void *self, nip_action *action, nip_time now, nip_error **err)
{
    worker *w = self;
    w->started++;
    if (nip_action_settles(action))
        return nip_action_complete(action, "{\"outcome\":\"in_force\",\"result\":{}}", err);
    if (strcmp(nip_action_verb(action), "stuck") == 0)
        return 0;
    if (strcmp(nip_action_verb(action), "quick") == 0)
        return nip_action_complete(action, DONE, err);
    w->slow = action;
    w->due = now + 3 * NIP_SECOND;
    return 0;
}

static void cancel(void *self, nip_action *action)
{
    worker *w = self;
    w->cancelled++;
    if (w->slow == action)
        w->slow = NULL;
}

static nip_time wake(void *self)
{
    worker *w = self;
    return w->slow != NULL ? w->due : NIP_TIME_MAX;
}

static int dispatch(void *self, nip_time now, nip_error **err)
{
    worker *w = self;
    nip_action *action = w->slow;
    if (action == NULL || now < w->due)
        return 0;
    w->slow = NULL;
    return nip_action_complete(action, DONE, err);
}

static nip_driver *open_worker(worker *w)
{
    static const nip_driver_vtable vtable = {
        .size = sizeof vtable, .verb_class = verb_class, .start = start, .cancel = cancel, .wake = wake, .dispatch = dispatch};
    nip_driver *driver = NULL;
    assert_int_equal(nip_driver_new(&vtable, w, &driver, NULL), 0);
    return driver;
}

static nip_driver *open_check(fixture *f)
{
    nip_driver *driver = NULL;
    assert_int_equal(nip_driver_open(f->ctx, "check", NULL, &driver, NULL), 0);
    return driver;
}

/* A set of bindings, ended by a NULL role. The drivers' holds go over to it. */
typedef struct role {
    const char *name;
    nip_driver *driver;
} role;

static nip_drivers *bind(const role *roles)
{
    nip_drivers *drivers = NULL;
    assert_int_equal(nip_drivers_new(&drivers, NULL), 0);
    for (; roles->name != NULL; roles++) {
        assert_int_equal(nip_drivers_bind(drivers, roles->name, roles->driver, NULL), 0);
        nip_driver_free(roles->driver);
    }
    return drivers;
}

#define BIND(...) bind((role[]){__VA_ARGS__, {NULL, NULL}})

#define ACT(id, verb, more)                                                                                               \
    "{\"id\":\"" id "\",\"title\":\"" id "\"" more ",\"actions\":[{\"role\":\"target\",\"verb\":\"" verb                  \
    "\",\"class\":\"declarative\",\"args\":{}}]}"
#define LOOK                                                                                                              \
    ",\"until\":{\"interval\":\"1s\",\"observe\":[{\"role\":\"check\",\"verb\":\"settings\",\"class\":\"read\",\"args\":"  \
    "{\"env\":[\"PATH\"]}}],\"that\":[{\"at\":\"/count\",\"op\":\"==\",\"value\":0}]}"

static nip_run *begin_run(fixture *f, const char *subject, const char *steps)
{
    char text[2048];
    nip_plan *plan = NULL;
    nip_run *run = NULL;
    nip_error *err = NULL;
    snprintf(text, sizeof text,
             "{\"v\":1,\"kind\":\"plan\",\"subject\":\"%s\",\"title\":\"test\",\"seed\":7,\"steps\":[%s],\"back\":[" ACT("undo", "quick", "") "]}",
             subject, steps);
    if (nip_plan_from_json(text, strlen(text), &plan, &err) < 0 || nip_run_new(plan, f->store, nip_ctx_now(f->ctx), &run, &err) < 0)
        fail_msg("%s: %s", subject, nip_error_message(err));
    nip_plan_free(plan);
    return run;
}

static nip_op *begin_op(fixture *f, nip_run *run, nip_drivers *drivers)
{
    nip_op *op = NULL;
    nip_error *err = NULL;
    if (nip_op_run_plan(f->ctx, run, drivers, &op, &err) < 0)
        fail_msg("%s: %s", nip_run_id(run), nip_error_message(err));
    return op;
}

static void finish(nip_op *op, nip_run *run, const char *state)
{
    nip_error *err = NULL;
    if (nip_op_run(op, &err) != NIP_OP_DONE)
        fail_msg("%s: %s", nip_run_id(run), nip_error_message(err));
    assert_string_equal(nip_run_state(run), state);
}

/* Somebody else takes the subject over. */
static void steal_lease(fixture *f, const char *subject)
{
    nip__lease_row row = {.epoch = 9, .token = "0123456789abcdef0123456789abcdef", .holder = "{}"};
    assert_int_equal(f->store->backend->begin(f->store, 1000, NULL), 0);
    assert_int_equal(f->store->backend->lease_put(f->store, subject, &row, NULL), 0);
    assert_int_equal(f->store->backend->commit(f->store, NULL), 0);
}

static void test_a_failed_operation_cancels_at_once(void **state)
{
    fixture *f = *state;
    worker w = {0};
    nip_drivers *drivers = BIND({"target", open_worker(&w)});
    nip_run *run = begin_run(f, "shop", ACT("one", "stuck", ""));
    nip_op *op = begin_op(f, run, drivers);
    assert_int_equal(nip_op_step(op, NULL), NIP_OP_MORE);
    assert_int_equal(w.started, 1);
    steal_lease(f, "shop");
    assert_fails(nip_op_run(op, &err), NIP_E_FENCED, "");
    assert_int_equal(w.cancelled, 1);
    assert_fails(nip_op_run(op, &err), NIP_E_STATE, "ended with NIP_E_FENCED before");
    nip_op_free(op);
    assert_int_equal(w.cancelled, 1);
    nip_run_free(run);
    nip_drivers_free(drivers);
}

static void test_a_driver_serves_one_operation_at_a_time(void **state)
{
    fixture *f = *state;
    worker w = {0}, v = {0};
    nip_driver *own = open_check(f);
    nip_drivers *drivers = BIND({"target", open_worker(&w)}, {"check", open_check(f)});
    nip_drivers *both = BIND({"check", nip__driver_hold(own)}, {"target", nip__driver_hold(nip__drivers_find(drivers, "target"))},
                             {"other", nip__driver_hold(nip__drivers_find(drivers, "check"))});
    nip_drivers *apart = BIND({"target", open_worker(&v)}, {"check", own});
    nip_run *first = begin_run(f, "shop", ACT("one", "slow", LOOK)), *second = begin_run(f, "shed", ACT("one", "quick", LOOK));
    nip_op *op = begin_op(f, first, drivers), *next = NULL;
    assert_int_equal(nip_op_step(op, NULL), NIP_OP_MORE);
    assert_fails(nip_op_run_plan(f->ctx, second, drivers, &next, &err), NIP_E_BUSY, "\"check\" is in use by another operation");
    assert_fails(nip_op_run_plan(f->ctx, second, both, &next, &err), NIP_E_BUSY, "\"check\" is in use by another operation");
    assert_null(next);
    next = begin_op(f, second, apart); /* what was refused keeps nothing */
    finish(op, first, "succeeded");    /* and takes nothing from whom it was refused for */
    finish(next, second, "succeeded");
    nip_op_free(next);
    nip_run *third = begin_run(f, "shack", ACT("one", "quick", LOOK));
    next = begin_op(f, third, both); /* who is over is in nobody's way */
    nip_op_free(op);
    finish(next, third, "succeeded");
    nip_op_free(next);
    nip_run_free(first);
    nip_run_free(second);
    nip_run_free(third);
    nip_drivers_free(drivers);
    nip_drivers_free(both);
    nip_drivers_free(apart);
}

static void test_a_run_whose_actions_are_out_is_not_run_again(void **state)
{
    fixture *f = *state;
    worker w = {0};
    nip_drivers *drivers = BIND({"target", open_worker(&w)});
    nip_run *run = begin_run(f, "shop", ACT("one", "slow", ""));
    nip_op *op = begin_op(f, run, drivers);
    nip_op_free(op); /* nothing was handed out yet */
    op = begin_op(f, run, drivers);
    assert_int_equal(nip_op_step(op, NULL), NIP_OP_MORE);
    assert_int_equal(w.started, 1);
    nip_op_free(op);
    op = NULL;
    assert_fails(nip_op_run_plan(f->ctx, run, drivers, &op, &err), NIP_E_STATE, "actions of run shop-1 are out");
    assert_null(op);
    nip_run_free(run);
    assert_int_equal(nip_run_resume(f->store, "shop", nip_ctx_now(f->ctx), &run, NULL), 0);
    op = begin_op(f, run, drivers);
    assert_int_equal(nip_op_step(op, NULL), NIP_OP_MORE);
    assert_int_equal(w.started, 2); /* asked whether it took effect */
    nip_op_free(op);
    nip_run_free(run);
    nip_drivers_free(drivers);
}

/* A note that somebody altered: no reason to leave a change half-done before anything must be recorded. */
static void test_a_record_that_is_nonsense_does_not_end_the_operation(void **state)
{
    fixture *f = *state;
    worker w = {0};
    nip_drivers *drivers = BIND({"target", open_worker(&w)});
    nip_run *run = begin_run(f, "shop", ACT("one", "quick", ",\"back\":0") "," ACT("two", "slow", ",\"back\":0"));
    nip_op *op = begin_op(f, run, drivers);
    while (w.started < 2)
        assert_int_equal(nip_op_step(op, NULL), NIP_OP_MORE);
    append(f->store, "shop", "{\"text\":\"all is well\"}");
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE record SET payload = '{}' WHERE kind = 'note.written'", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_changes(db), 1);
    sqlite3_close(db);
    for (int polls = 0; polls < 5; polls++)
        assert_int_equal(nip_op_step(op, NULL), NIP_OP_MORE);
    assert_int_equal(w.cancelled, 0);
    nip_op_free(op);
    nip_run_free(run);
    nip_drivers_free(drivers);
}

/* Stepping what is over, as a host's loop may, is no reason for time to go on. */
static void test_time_stands_still_after_the_end(void **state)
{
    fixture *f = *state;
    worker w = {0};
    nip_ctx *ctx = NULL;
    assert_int_equal(nip_ctx_new(&ctx, NULL), 0);
    assert_int_equal(nip_ctx_set(ctx, "clock", "virtual:2026-01-01T00:00:00Z", NULL), 0);
    nip_drivers *drivers = BIND({"target", open_worker(&w)});
    nip_run *run = begin_run(f, "shop", ACT("one", "slow", ""));
    nip_op *op = NULL;
    assert_int_equal(nip_op_run_plan(ctx, run, drivers, &op, NULL), 0);
    finish(op, run, "succeeded");
    nip_time ended = nip_ctx_now(ctx);
    for (int i = 0; i < 3; i++)
        assert_int_equal(nip_op_step(op, NULL), NIP_OP_DONE);
    assert_true(nip_ctx_now(ctx) == ended);
    nip_op_free(op);
    nip_run_free(run);
    nip_drivers_free(drivers);
    nip_ctx_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_a_failed_operation_cancels_at_once),
        ON_BOTH(test_a_driver_serves_one_operation_at_a_time),
        ON_BOTH(test_a_run_whose_actions_are_out_is_not_run_again),
        ON_BOTH(test_time_stands_still_after_the_end),
        ON_SQLITE(test_a_record_that_is_nonsense_does_not_end_the_operation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
