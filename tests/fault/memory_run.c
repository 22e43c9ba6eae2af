/* Whole runs in which the k-th allocation fails, once, or that one and all later ones. Afterwards the same run is
 * driven on, or taken up again, and must reach the end that it would have reached; or the way back, where a driver's
 * answer was lost. */
#include "world.h"
#include "failing_malloc.h"

#include <limits.h>

/* How it goes on once there is memory again. */
typedef enum going_on {
    DRIVEN_ON, /* by the same objects */
    RESUMED,   /* they are freed, and the run is taken up again */
    ABANDONED, /* they are freed while there is still no memory */
    GOINGS_ON,
} going_on;

static const char *const goings_on[] = {"driven on", "resumed", "abandoned and resumed"};
static const char *const times[] = {"once", "from then on"};

typedef struct tally {
    long attempts, failed, succeeded, returned, stopped;
} tally;

/* The whole of a run: planned, driven, ended. Everything of it but world and plan. */
typedef struct whole {
    world w;
    nip_run *run;
    nip_op *op;
    bool asks; /* it may pause for a person, who says "go back" */
} whole;

static int go_on(whole *self, nip_error **err)
{
    return self->asks ? world_drive(&self->w, self->run, self->op, err) : nip_op_run(self->op, err);
}

static int begin_and_drive(whole *self, const nip_plan *plan, nip_error **err)
{
    int rc = nip_run_new(plan, self->w.store, nip_ctx_now(self->w.ctx), &self->run, err);
    if (rc == 0)
        rc = nip_op_run_plan(self->w.ctx, self->run, self->w.drivers, &self->op, err);
    return rc == 0 ? go_on(self, err) : rc;
}

static void leave(whole *self)
{
    nip_op_free(self->op);
    nip_run_free(self->run);
    self->op = NULL;
    self->run = NULL;
}

/* Memory is there again. Goes on with what there is, or takes the run up again when it was journaled. */
static void carry_on(whole *self, const nip_plan *plan, bool planned)
{
    if (self->run == NULL && planned)
        must(nip_run_resume(self->w.store, SUBJECT, nip_ctx_now(self->w.ctx), &self->run, &err));
    if (self->run == NULL)
        must(nip_run_new(plan, self->w.store, nip_ctx_now(self->w.ctx), &self->run, &err));
    if (self->op == NULL)
        must(nip_op_run_plan(self->w.ctx, self->run, self->w.drivers, &self->op, &err));
    must(go_on(self, &err));
}

/* Runs with an allocation that fails; true: it was reached. Afterwards the run has ended. */
static bool drive(whole *self, const nip_plan *plan, long k, int all_later, going_on how, const char *what, tally *t)
{
    nip_error *error = NULL;
    fail_allocation(k, all_later);
    int rc = begin_and_drive(self, plan, &error);
    bool planned = self->run != NULL;
    if (rc < 0 && how == ABANDONED)
        leave(self);
    bool reached = allocations_seen() >= k;
    fail_allocation(0, 0);
    if (rc < 0 && (rc != NIP_E_NOMEM || nip_error_code(error) != NIP_E_NOMEM))
        fail_msg("%s: %s: %s", what, nip_code_name(rc), nip_error_message(error));
    nip_error_free(error);
    if (rc < 0 && how == RESUMED)
        leave(self);
    if (rc < 0)
        carry_on(self, plan, planned);
    t->attempts++;
    t->failed += rc < 0;
    return reached;
}

static void count_end(const nip_run *run, tally *t)
{
    const char *state = nip_run_state(run);
    t->succeeded += strcmp(state, "succeeded") == 0;
    t->returned += strcmp(state, "returned") == 0;
    t->stopped += strcmp(state, "stopped") == 0;
}

static void fail_records(const whole *self, const char *what, int found, int calm)
{
    char *json = NULL;
    must(nip_journal_read(self->w.store, SUBJECT, 1, 10000, &json, &err));
    printf("%s\n", json);
    fail_msg("%s: %d records instead of %d", what, found, calm);
}

/* Nothing is recorded twice and nothing is left out, unless a driver could not answer for want of memory. */
static void check_records(const whole *self, going_on how, int calm, const char *what)
{
    if (how != DRIVEN_ON || count_in_journal(self->w.store, "no_memory") > 0)
        return;
    int found = count_in_journal(self->w.store, "\"sequence\":");
    if (found != calm)
        fail_records(self, what, found, calm);
}

/* Returns whether allocation `k` was reached. calm: records of a run in which nothing fails. */
static bool one_run(const strategy *of, const folder *place, long k, int all_later, going_on how, int *calm, tally *t)
{
    whole self = {0};
    char what[128];
    nip_plan *plan = world_plan(of);
    snprintf(what, sizeof what, "%s, allocation %ld fails %s, %s", of->name, k, times[all_later], goings_on[how]);
    if (place != NULL)
        folder_empty(place);
    long before = allocations_alive();
    world_open(&self.w, place != NULL ? place->url : "memory:");
    bool reached = drive(&self, plan, k, all_later, how, what, t);
    check_end(&self.w, self.run, what);
    count_end(self.run, t);
    if (*calm == 0)
        *calm = count_in_journal(self.w.store, "\"sequence\":");
    check_records(&self, how, *calm, what);
    leave(&self);
    world_close(&self.w);
    if (allocations_alive() != before)
        fail_msg("%s: %ld blocks of memory were lost", what, allocations_alive() - before);
    nip_plan_free(plan);
    return reached;
}

/* All of the first `dense` allocations, then every `stride`-th. */
static void sweep(const strategy *of, const folder *place, long dense, long stride)
{
    int calm = 0;
    tally first = {0};
    one_run(of, place, LONG_MAX, 0, DRIVEN_ON, &calm, &first);
    for (int all_later = 0; all_later <= 1; all_later++) {
        for (going_on how = DRIVEN_ON; how < GOINGS_ON; how++) {
            tally t = {0};
            long k = 1;
            while (one_run(of, place, k, all_later, how, &calm, &t))
                k += k < dense ? 1 : stride;
            print_message("%s in %s: allocation k of %ld fails %s, %s: %ld runs (every k to %ld, then every %ldth), "
                          "%ld interrupted; "
                          "%ld succeeded, %ld returned, %ld stopped\n",
                          of->name, place != NULL ? "SQLite" : "memory", k, times[all_later], goings_on[how],
                          t.attempts, dense, stride, t.failed, t.succeeded, t.returned, t.stopped);
        }
    }
}

static void canary(void **state)
{
    (void)state;
    sweep(&strategies[CANARY], NULL, 200, 13);
}

static void rolling(void **state)
{
    (void)state;
    sweep(&strategies[ROLLING], NULL, 100, 19);
}

static void blue_green(void **state)
{
    (void)state;
    sweep(&strategies[BLUE_GREEN], NULL, 100, 19);
}

static void canary_in_sqlite(void **state)
{
    (void)state;
    folder place;
    folder_open(&place);
    sweep(&strategies[CANARY], &place, 60, 61);
    folder_close(&place);
}

/* ---- what must not be done twice ---- */

/* A host's driver that counts, and whose answers need no memory of its own. */
static int counts_once(void *self, const char *verb)
{
    (void)self;
    (void)verb;
    return NIP_VERB_ONCE;
}

static int count_up(void *self, nip_action *action, nip_time now, nip_error **err)
{
    (void)now;
    ++*(int *)self;
    return nip_action_complete(action, "{\"outcome\":\"done\",\"result\":{}}", err);
}

static const char count_plan[] = "{\"v\":1,\"kind\":\"plan\",\"subject\":\"shop\",\"title\":\"count\",\"steps\":[{"
                                 "\"id\":\"one\",\"title\":\"one\",\"deadline\":\"5s\","
                                 "\"retry\":{\"attempts\":3},\"actions\":[{\"role\":\"person\",\"verb\":\"count\","
                                 "\"class\":\"once\"}]}],\"back\":[]}";

/* Returns whether allocation `k` was reached. */
static bool count_once(long k, int all_later, int *paused)
{
    static const nip_driver_vtable vtable = {.size = sizeof vtable, .verb_class = counts_once, .start = count_up};
    whole self = {0};
    tally t = {0};
    int counted = 0;
    nip_driver *driver = NULL;
    nip_plan *plan = NULL;
    world_open(&self.w, "memory:");
    must(nip_driver_new(&vtable, &counted, &driver, &err));
    must(nip_drivers_bind(self.w.drivers, "person", driver, &err));
    must(nip_plan_from_json(count_plan, sizeof count_plan - 1, &plan, &err));
    nip_driver_free(driver);
    self.asks = true;
    bool reached = drive(&self, plan, k, all_later, DRIVEN_ON, "count once", &t);
    assert_int_equal(counted, 1);
    *paused += count_in_journal(self.w.store, "\"in_doubt\"") > 0;
    leave(&self);
    nip_plan_free(plan);
    world_close(&self.w);
    return reached;
}

static void what_counts_is_done_once(void **state)
{
    (void)state;
    int paused = 0;
    for (int all_later = 0; all_later <= 1; all_later++) {
        for (long k = 1; count_once(k, all_later, &paused); k++) {
        }
    }
    assert_true(paused > 0); /* an answer was lost, and a person was asked */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canary),
        cmocka_unit_test(rolling),
        cmocka_unit_test(blue_green),
        cmocka_unit_test(canary_in_sqlite),
        cmocka_unit_test(what_counts_is_done_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
