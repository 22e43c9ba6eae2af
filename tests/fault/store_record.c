/* Runs whose store fails at record k, for every k: once, from then on, and so that not even leases can be written or
 * nothing be read. What was not changed yet is not changed then; what was, is taken back, and the old version serves
 * at the end. */
#include "world.h"

typedef struct outage {
    const char *name;
    int code;
    bool for_good; /* until it is lifted */
    bool leases;   /* ... these fail too */
    bool reads;    /* ... and these */
} outage;

static const outage outages[] = {
    {"once", NIP_E_FULL, false, false, false},
    {"from then on", NIP_E_FULL, true, false, false},
    {"from then on, with its leases", NIP_E_READONLY, true, true, false},
    {"from then on, altogether", NIP_E_STORE, true, true, true},
};

/* Backends know no owner; one run is under way at a time. */
static struct {
    const nip__backend *genuine;
    nip__backend failing;
    const outage *outage; /* NULL: lifted */
    long left;            /* records until it begins */
} disk;

static bool is_out(void)
{
    return disk.outage != NULL && disk.left <= 0;
}

static int refuse(nip_error **err)
{
    return nip__fail(err, disk.outage->code, "the disk is out");
}

static int insert(nip_store *store, const nip__row *row, nip_error **err)
{
    if (disk.outage != NULL && --disk.left <= 0 && (disk.left == 0 || disk.outage->for_good))
        return refuse(err);
    return disk.genuine->insert(store, row, err);
}

static int lease_put(nip_store *store, const char *subject, const nip__lease_row *lease, nip_error **err)
{
    return is_out() && disk.outage->leases ? refuse(err) : disk.genuine->lease_put(store, subject, lease, err);
}

static int head(nip_store *store, const char *subject, nip__head *out, nip_error **err)
{
    return is_out() && disk.outage->reads ? refuse(err) : disk.genuine->head(store, subject, out, err);
}

static int scan(nip_store *store, const char *subject, int64_t from, bool backwards, nip__visit *visit, void *data,
                nip_error **err)
{
    return is_out() && disk.outage->reads ? refuse(err)
                                          : disk.genuine->scan(store, subject, from, backwards, visit, data, err);
}

static void begin_outage(nip_store *store, const outage *which, long k)
{
    disk.genuine = store->backend;
    disk.failing = *store->backend;
    disk.failing.insert = insert;
    disk.failing.lease_put = lease_put;
    disk.failing.head = head;
    disk.failing.scan = scan;
    disk.outage = which;
    disk.left = k;
    store->backend = &disk.failing;
}

static void lift_outage(nip_store *store)
{
    store->backend = disk.genuine;
    disk.outage = NULL;
}

/* ---- a run ---- */

/* When the disk is there again. */
typedef enum lifted { AT_THE_END, TOO_LATE, LIFTINGS } lifted;

static const char *const liftings[] = {"there again at the end", "there again when the run was left"};

typedef struct tally {
    long runs, refused, succeeded, returned, unjournaled;
} tally;

typedef struct one {
    world w;
    nip_run *run;
    nip_op *op;
    char what[160];
} one;

static int begin_and_drive(one *self, const nip_plan *plan, nip_error **err)
{
    int rc = nip_run_new(plan, self->w.store, nip_ctx_now(self->w.ctx), &self->run, err);
    if (rc == 0)
        rc = nip_op_run_plan(self->w.ctx, self->run, self->w.drivers, &self->op, err);
    return rc == 0 ? nip_op_run(self->op, err) : rc;
}

static void leave(one *self)
{
    nip_op_free(self->op);
    nip_run_free(self->run);
    self->op = NULL;
    self->run = NULL;
}

static void drive_on(one *self, const nip_plan *plan, bool planned)
{
    if (planned)
        must(nip_run_resume(self->w.store, SUBJECT, nip_ctx_now(self->w.ctx), &self->run, &err));
    else
        must(nip_run_new(plan, self->w.store, nip_ctx_now(self->w.ctx), &self->run, &err));
    must(nip_op_run_plan(self->w.ctx, self->run, self->w.drivers, &self->op, &err));
    must(world_drive(&self->w, self->run, self->op, &err));
}

/* Nothing had been changed: an error, the old version serves as before, and the run can be driven once the disk is
 * there. */
static void check_refused(one *self, const nip_plan *plan, int rc, int code)
{
    bool planned = self->run != NULL;
    if (rc != code)
        fail_msg("%s: %s instead of %s", self->what, nip_code_name(rc), nip_code_name(code));
    check_serves(&self->w, OLD, self->what);
    if (nip__sim_world_find(nip__sim_world_of(self->w.sim), NEW) != NULL &&
        nip__sim_world_find(nip__sim_world_of(self->w.sim), NEW)->started > 0)
        fail_msg("%s: an instance was started that no record speaks of", self->what);
    leave(self);
    lift_outage(self->w.store);
    drive_on(self, plan, planned);
}

/* The way back was walked without a journal. In time, everything is written down; too late, the next process goes on
 * from the last record. */
static void check_unjournaled(one *self, lifted when)
{
    check_serves(&self->w, OLD, self->what);
    assert_string_equal(nip_run_state(self->run), "broken");
    char *status = NULL;
    must(nip_run_status(self->run, nip_ctx_now(self->w.ctx), &status, &err));
    assert_contains(status, "unjournaled");
    nip_free(status);
    if (when == AT_THE_END)
        lift_outage(self->w.store);
    leave(self);
    if (when != AT_THE_END)
        lift_outage(self->w.store);
    must(nip_run_open(self->w.store, SUBJECT, &self->run, &err));
    if (when == AT_THE_END) {
        assert_string_equal(nip_run_state(self->run), "broken");
        assert_int_equal(count_in_journal(self->w.store, "\"journal_unwritable\""), 1);
        check_journal(self->w.store, self->run, nip_ctx_now(self->w.ctx), self->what);
        return;
    }
    leave(self);
    drive_on(self, NULL, true);
}

static void count_end(const one *self, tally *t)
{
    t->runs++;
    t->succeeded += strcmp(nip_run_state(self->run), "succeeded") == 0;
    t->returned += strcmp(nip_run_state(self->run), "returned") == 0;
}

/* false: the run is over before record `k`. */
static bool one_run(const strategy *of, const outage *which, lifted when, long k, tally *t)
{
    one self = {0};
    nip_error *error = NULL;
    nip_plan *plan = world_plan(of);
    snprintf(self.what, sizeof self.what, "%s, record %ld cannot be written %s, the disk is %s", of->name, k,
             which->name, liftings[when]);
    world_open(&self.w, "memory:");
    begin_outage(self.w.store, which, k);
    int rc = begin_and_drive(&self, plan, &error);
    bool reached = disk.left <= 0;
    nip_error_free(error);
    if (rc < 0) {
        t->refused++;
        check_refused(&self, plan, rc, which->code);
    } else if (strcmp(nip_run_state(self.run), "broken") == 0) {
        t->unjournaled++;
        check_unjournaled(&self, when);
    }
    if (strcmp(nip_run_state(self.run), "broken") != 0)
        check_end(&self.w, self.run, self.what);
    count_end(&self, t);
    leave(&self);
    lift_outage(self.w.store);
    world_close(&self.w);
    nip_plan_free(plan);
    return reached;
}

static void sweep(const strategy *of)
{
    for (size_t i = 0; i < COUNT(outages); i++) {
        for (lifted when = AT_THE_END; when < LIFTINGS; when++) {
            tally t = {0};
            long k = 1;
            while (one_run(of, &outages[i], when, k, &t))
                k++;
            print_message("%s: record k of %ld fails %s, the disk is %s: %ld runs, %ld refused; %ld unjournaled, %ld "
                          "returned, %ld succeeded\n",
                          of->name, k - 1, outages[i].name, liftings[when], t.runs, t.refused, t.unjournaled,
                          t.returned, t.succeeded);
            assert_true(t.unjournaled > 0 || !outages[i].for_good);
            assert_true(t.returned > 0 || outages[i].for_good);
        }
    }
}

static void canary(void **state)
{
    (void)state;
    sweep(&strategies[CANARY]);
}

static void rolling(void **state)
{
    (void)state;
    sweep(&strategies[ROLLING]);
}

static void blue_green(void **state)
{
    (void)state;
    sweep(&strategies[BLUE_GREEN]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canary),
        cmocka_unit_test(rolling),
        cmocka_unit_test(blue_green),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
