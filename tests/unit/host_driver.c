/* A host's driver that works elsewhere and tells so by a descriptor; and what a host may not do while an operation has its driver. */
#include "store_fixture.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "failing_malloc.h"
#include "base/time.h"
#include "nipops.h"
#include "op/carrier.h"

#define BEGAN "2026-01-01T00:00:00Z"
#define OPEN "{\"id\":\"open\",\"title\":\"open\",\"back\":0,\"actions\":[{\"role\":\"door\",\"verb\":\"move\",\"class\":\"declarative\"}]}"
#define STAY "{\"id\":\"stay\",\"title\":\"stay\",\"wait\":\"1h\"}"
#define SHUT "{\"id\":\"shut\",\"title\":\"shut\",\"actions\":[{\"role\":\"door\",\"verb\":\"move\",\"class\":\"declarative\"}]}"

typedef struct door {
    int bell;  /* readable when the work is done */
    int fails; /* what dispatch returns */
    nip_action *moving[2]; /* at most one of each operation */
    nip_time moved;
} door;

static int verb_class(void *self, const char *verb)
{
    (void)self;
    (void)verb;
    return NIP_VERB_DECLARATIVE;
}

static int start(void *self, nip_action *action, nip_time now, nip_error **err)
{
    door *d = self;
    (void)now;
    (void)err;
    d->moving[d->moving[0] != NULL] = action;
    return 0;
}

static void cancel(void *self, nip_action *action)
{
    door *d = self;
    d->moving[d->moving[0] != action] = NULL;
}

static int bell(void *self)
{
    return ((door *)self)->bell;
}

static int dispatch(void *self, nip_time now, nip_error **err)
{
    door *d = self;
    uint64_t rings;
    if (read(d->bell, &rings, sizeof rings) < 0 || d->fails < 0)
        return d->fails;
    d->moved = now;
    for (int i = 0; i < 2; i++) {
        nip_action *action = d->moving[i];
        d->moving[i] = NULL;
        if (action != NULL && nip_action_complete(action, "{\"outcome\":\"done\",\"result\":{}}", err) < 0)
            return NIP_E_INTERNAL;
    }
    return 0;
}

static const nip_driver_vtable vtable = {
    .size = sizeof vtable, .verb_class = verb_class, .start = start, .cancel = cancel, .fd = bell, .dispatch = dispatch};

/* A plan on a virtual clock, and a run of it with the door bound. */
typedef struct scene {
    door door;
    nip_ctx *ctx;
    nip_driver *driver;
    nip_drivers *drivers;
    nip_run *run;
    nip_op *op;
} scene;

static void ring(const scene *s)
{
    uint64_t one = 1;
    assert_int_equal(write(s->door.bell, &one, sizeof one), sizeof one);
}

static nip_run *plan_run(fixture *f, const scene *s, const char *subject, const char *drivers)
{
    char text[2048];
    nip_plan *plan = NULL;
    nip_run *run = NULL;
    snprintf(text, sizeof text, "{\"v\":1,\"kind\":\"plan\",\"subject\":\"%s\",\"title\":\"t\",\"drivers\":%s,\"steps\":[%s,%s],\"back\":[%s]}",
             subject, drivers, OPEN, STAY, SHUT);
    assert_int_equal(nip_plan_from_json(text, strlen(text), &plan, NULL), 0);
    assert_int_equal(nip_run_new(plan, f->store, nip_ctx_now(s->ctx), &run, NULL), 0);
    nip_plan_free(plan);
    return run;
}

static void set_up(fixture *f, scene *s)
{
    *s = (scene){.door.bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    assert_true(s->door.bell >= 0);
    assert_int_equal(nip_ctx_new(&s->ctx, NULL), 0);
    assert_int_equal(nip_ctx_set(s->ctx, "clock", "virtual:" BEGAN, NULL), 0);
    assert_int_equal(nip_driver_new(&vtable, &s->door, &s->driver, NULL), 0);
    assert_int_equal(nip_drivers_new(&s->drivers, NULL), 0);
    s->run = plan_run(f, s, "shop", "{}");
}

static void begin(scene *s)
{
    assert_int_equal(nip_drivers_bind(s->drivers, "door", s->driver, NULL), 0);
    assert_int_equal(nip_op_run_plan(s->ctx, s->run, s->drivers, &s->op, NULL), 0);
    while (s->door.moving[0] == NULL)
        assert_int_equal(nip_op_step(s->op, NULL), NIP_OP_MORE);
}

static void tear_down(scene *s)
{
    nip_op_free(s->op);
    nip_run_free(s->run);
    nip_drivers_free(s->drivers);
    nip_driver_free(s->driver);
    nip_ctx_free(s->ctx);
    close(s->door.bell);
}

/* ---- */

static void test_a_virtual_clock_waits_for_real_work(void **state)
{
    scene s;
    nip_time began;
    set_up(*state, &s);
    assert_int_equal(nip_time_parse(BEGAN, &began, NULL), 0);
    begin(&s);
    for (int i = 0; i < 20; i++) /* nothing has happened: no time goes by */
        assert_int_equal(nip_op_step(s.op, NULL), NIP_OP_MORE);
    assert_true(nip_ctx_now(s.ctx) == began);
    ring(&s);
    assert_int_equal(nip_op_run(s.op, NULL), NIP_OP_DONE); /* the hour is over as soon as nobody works */
    assert_true(s.door.moved == began);
    assert_string_equal(nip_run_state(s.run), "succeeded");
    assert_true(nip_ctx_now(s.ctx) >= began + NIP_HOUR);
    tear_down(&s);
}

static void test_a_failure_behind_a_descriptor_ends_the_operation(void **state)
{
    scene s;
    set_up(*state, &s);
    begin(&s);
    s.door.fails = NIP_E_USER;
    ring(&s);
    assert_int_equal(nip_op_run(s.op, NULL), NIP_E_USER);
    assert_string_equal(nip_run_state(s.run), "running"); /* left, not decided */
    assert_null(s.door.moving[0]);                        /* cancelled */
    tear_down(&s);
}

static void test_bindings_stay_while_they_are_used(void **state)
{
    scene s;
    set_up(*state, &s);
    begin(&s);
    assert_int_equal(nip_drivers_bind(s.drivers, "door", s.driver, NULL), NIP_E_BUSY);
    assert_int_equal(nip_drivers_bind(s.drivers, "gate", s.driver, NULL), NIP_E_BUSY);
    assert_int_equal(nip_drivers_open(s.drivers, s.ctx, "{\"target\":{\"driver\":\"sim\"}}", NULL), NIP_E_BUSY);
    ring(&s);
    assert_int_equal(nip_op_run(s.op, NULL), NIP_OP_DONE);
    assert_int_equal(nip_drivers_bind(s.drivers, "door", s.driver, NULL), 0);
    tear_down(&s);
}

static void test_a_driven_run_is_nobody_elses(void **state)
{
    scene s;
    const nip_action *action = NULL;
    nip_time until;
    nip_op *second = NULL;
    set_up(*state, &s);
    begin(&s);
    nip_time now = nip_ctx_now(s.ctx);
    assert_int_equal(nip_run_next(s.run, now, &action, &until, NULL), NIP_E_BUSY);
    assert_int_equal(nip_run_complete(s.run, now, nip_action_id(s.door.moving[0]), "{\"outcome\":\"done\"}", NULL), NIP_E_BUSY);
    assert_int_equal(nip_op_run_plan(s.ctx, s.run, s.drivers, &second, NULL), NIP_E_BUSY);
    assert_null(second);
    ring(&s);
    assert_int_equal(nip_op_run(s.op, NULL), NIP_OP_DONE);
    assert_int_equal(nip_run_next(s.run, nip_ctx_now(s.ctx), &action, &until, NULL), NIP_RUN_DONE);
    tear_down(&s);
}

static void test_a_role_without_driver_is_refused_before_anything_is_done(void **state)
{
    scene s;
    nip_error *err = NULL;
    set_up(*state, &s);
    int64_t sequence = nip_run_sequence(s.run);
    assert_int_equal(nip_op_run_plan(s.ctx, s.run, s.drivers, &s.op, &err), NIP_E_STATE);
    assert_non_null(strstr(nip_error_message(err), "\"door\""));
    assert_int_equal(nip_run_sequence(s.run), sequence);
    nip_error_free(err);
    tear_down(&s);
}

/* What a plan names is opened by whoever takes its run up, with a new set of drivers. */
static void test_the_plans_own_drivers_are_opened(void **state)
{
    fixture *f = *state;
    scene s;
    set_up(f, &s);
    nip_run_free(s.run);
    assert_int_equal(nip_run_resume(f->store, "shop", nip_ctx_now(s.ctx), &s.run, NULL), 0);
    assert_int_equal(nip_run_request(f->store, "shop", "abort", "ann", NULL, nip_ctx_now(s.ctx), NULL, NULL), 0);
    const nip_action *action;
    nip_time until;
    assert_int_equal(nip_run_poll(s.run, NULL), 1);
    assert_int_equal(nip_run_next(s.run, nip_ctx_now(s.ctx), &action, &until, NULL), NIP_RUN_DONE);
    nip_run_free(s.run);
    s.run = plan_run(f, &s, "shop", "{\"door\":{\"driver\":\"sim\"}}");
    assert_int_equal(nip_op_run_plan(s.ctx, s.run, s.drivers, &s.op, NULL), 0);
    assert_int_equal(nip_op_run(s.op, NULL), NIP_OP_DONE);
    assert_string_equal(nip_run_state(s.run), "broken"); /* the simulated world has no verb "move", on the way back neither: it was asked */
    tear_down(&s);
}

/* ---- who is woken ---- */

static bool is_readable(const nip_op *op, int timeout_ms)
{
    struct pollfd descriptor = {.fd = nip_op_fd(op), .events = POLLIN};
    return poll(&descriptor, 1, timeout_ms) == 1;
}

/* A driver of two operations is told by one of them that it is done with the actions of both. */
static void test_an_answer_wakes_the_operation_that_it_is_for(void **state)
{
    fixture *f = *state;
    scene s;
    set_up(f, &s);
    begin(&s);
    nip_drivers *others = NULL;
    nip_op *other = NULL;
    nip_run *run = plan_run(f, &s, "web", "{}");
    assert_int_equal(nip_drivers_new(&others, NULL), 0);
    assert_int_equal(nip_drivers_bind(others, "door", s.driver, NULL), 0);
    assert_int_equal(nip_op_run_plan(s.ctx, run, others, &other, NULL), 0);
    while (s.door.moving[1] == NULL || is_readable(other, 0))
        assert_int_equal(nip_op_step(other, NULL), NIP_OP_MORE);
    ring(&s);
    assert_int_equal(nip_op_step(s.op, NULL), NIP_OP_MORE);
    assert_null(s.door.moving[1]);
    assert_true(is_readable(other, 0));
    assert_int_equal(nip_op_run(other, NULL), NIP_OP_DONE);
    nip_op_free(other);
    nip_run_free(run);
    nip_drivers_free(others);
    tear_down(&s);
}

/* Whatever the door is asked to do, forward or back, it does at once. */
static void finish(scene *s)
{
    int rc = NIP_OP_MORE;
    for (int turns = 0; rc != NIP_OP_DONE && turns < 1000; turns++) {
        if (s->door.moving[0] != NULL)
            ring(s);
        rc = nip_op_wait(s->op, NIP_HOUR, NULL);
        assert_true(rc == NIP_OP_MORE || rc == NIP_OP_DONE);
    }
    assert_int_equal(rc, NIP_OP_DONE);
}

static void test_want_of_memory_does_not_silence_the_descriptor(void **state)
{
    for (long k = 1, reached = 1; reached; k++) {
        scene s;
        set_up(*state, &s);
        begin(&s);
        ring(&s);
        fail_allocation(k, 0);
        int rc = nip_op_step(s.op, NULL);
        reached = allocations_seen() >= k;
        fail_allocation(0, 0);
        if (rc == NIP_E_NOMEM && !is_readable(s.op, 0))
            fail_msg("allocation %ld: nobody would step again", k);
        assert_true(rc == NIP_E_NOMEM || rc == NIP_OP_MORE);
        finish(&s);
        tear_down(&s);
    }
}

/* Whose descriptor found no watch would never be heard, and could not be added again. */
static void test_want_of_memory_leaves_no_deaf_driver(void **state)
{
    (void)state;
    for (long k = 1, reached = 1; reached; k++) {
        door d = {.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
        const uint64_t one = 1;
        nip__loop *loop = NULL;
        nip_ctx *ctx = NULL;
        nip_driver *driver = NULL;
        nip_drivers *drivers = NULL;
        nip__carrier carrier = {0};
        assert_int_equal(nip_ctx_new(&ctx, NULL), 0);
        assert_int_equal(nip__loop_new(ctx, &loop, NULL), 0);
        assert_int_equal(nip_driver_new(&vtable, &d, &driver, NULL), 0);
        assert_int_equal(nip_drivers_new(&drivers, NULL), 0);
        assert_int_equal(nip__carrier_begin(&carrier, loop, NULL, drivers, NULL), 0);
        fail_allocation(k, 0);
        int rc = nip__carrier_add(&carrier, "door", driver, NULL);
        reached = allocations_seen() >= k;
        fail_allocation(0, 0);
        assert_int_equal(rc, reached ? NIP_E_NOMEM : 0);
        assert_int_equal(nip__drivers_find(drivers, "door") != NULL, rc == 0);
        if (rc < 0)
            assert_int_equal(nip__carrier_add(&carrier, "door", driver, NULL), 0);
        assert_int_equal(write(d.bell, &one, sizeof one), sizeof one);
        assert_int_equal(nip__loop_wait(loop, nip__time_add(nip__loop_now(loop), 10 * NIP_SECOND), NULL), 1);
        assert_true(d.moved > 0);
        nip__carrier_end(&carrier);
        nip_drivers_free(drivers);
        nip_driver_free(driver);
        nip__loop_free(loop);
        nip_ctx_free(ctx);
        assert_int_equal(close(d.bell), 0);
    }
}

static void test_an_abort_is_seen_while_a_virtual_clock_stands_still(void **state)
{
    fixture *f = *state;
    scene s;
    set_up(f, &s);
    begin(&s);
    assert_int_equal(nip_run_request(f->store, "shop", "abort", "ann", NULL, nip_ctx_now(s.ctx), NULL, NULL), 0);
    for (int turns = 0; strcmp(nip_run_state(s.run), "returning") != 0; turns++) { /* before the door has answered */
        assert_true(turns < 10 && is_readable(s.op, 10000));
        assert_int_equal(nip_op_step(s.op, NULL), NIP_OP_MORE);
    }
    finish(&s); /* the way back shuts it */
    assert_string_equal(nip_run_state(s.run), "returned");
    tear_down(&s);
}

/* Who cannot go on must be able to give up. */
static void test_a_run_that_nobody_can_serve_can_be_aborted(void **state)
{
    fixture *f = *state;
    scene s;
    set_up(f, &s);
    assert_int_equal(nip_op_run_plan(s.ctx, s.run, s.drivers, &s.op, NULL), NIP_E_STATE);
    assert_int_equal(nip_run_request(f->store, "shop", "abort", "ann", NULL, nip_ctx_now(s.ctx), NULL, NULL), 0);
    nip_run_free(s.run);
    assert_int_equal(nip_run_resume(f->store, "shop", nip_ctx_now(s.ctx), &s.run, NULL), 0);
    assert_int_equal(nip_op_run_plan(s.ctx, s.run, s.drivers, &s.op, NULL), 0);
    assert_int_equal(nip_op_run(s.op, NULL), NIP_OP_DONE);
    assert_string_equal(nip_run_state(s.run), "stopped");
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_a_virtual_clock_waits_for_real_work),
        ON_BOTH(test_a_failure_behind_a_descriptor_ends_the_operation),
        ON_BOTH(test_bindings_stay_while_they_are_used),
        ON_BOTH(test_a_driven_run_is_nobody_elses),
        ON_BOTH(test_a_role_without_driver_is_refused_before_anything_is_done),
        ON_BOTH(test_the_plans_own_drivers_are_opened),
        ON_BOTH(test_an_answer_wakes_the_operation_that_it_is_for),
        ON_BOTH(test_want_of_memory_does_not_silence_the_descriptor),
        cmocka_unit_test(test_want_of_memory_leaves_no_deaf_driver),
        ON_BOTH(test_an_abort_is_seen_while_a_virtual_clock_stands_still),
        ON_BOTH(test_a_run_that_nobody_can_serve_can_be_aborted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
