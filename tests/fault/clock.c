/* Clocks that jump: by an hour to and fro while a run is driven, and between two processes; and a lease that another
 * boot left behind. */
#include "world.h"

/* A virtual clock whose real time can be turned without its monotonic time knowing. */
typedef struct clockwork {
    nip_time monotonic;
    nip_duration offset;
} clockwork;

#define AT_START (INT64_C(1795413600) * NIP_SECOND) /* START */

static nip_time real(void *self)
{
    const clockwork *clock = self;
    return AT_START + clock->monotonic + clock->offset;
}

static nip_time monotonic(void *self)
{
    return ((const clockwork *)self)->monotonic;
}

static int advance(void *self, nip_time to)
{
    clockwork *clock = self;
    clock->monotonic = to > clock->monotonic ? to : clock->monotonic;
    return 0;
}

typedef struct one {
    clockwork clock;
    world w;
    nip_run *run;
    nip_op *op;
} one;

/* The world of its own, but on this clock. */
static void begin(one *self)
{
    nip_plan *plan = world_plan(&strategies[CANARY]);
    nip_clock clock = {sizeof clock, &self->clock, real, monotonic, advance, NULL};
    world_open(&self->w, NULL);
    nip_ctx_free(self->w.ctx);
    must(nip_ctx_new(&self->w.ctx, &err));
    must(nip_ctx_set(self->w.ctx, "seed", "1", &err));
    must(nip_ctx_set_clock(self->w.ctx, &clock, &err));
    must(nip_store_open(self->w.ctx, "memory:", &self->w.store, &err));
    assert_true(nip__sim_advance(self->w.sim, AT_START));
    must(nip_run_new(plan, self->w.store, nip_ctx_now(self->w.ctx), &self->run, &err));
    must(nip_op_run_plan(self->w.ctx, self->run, self->w.drivers, &self->op, &err));
    nip_plan_free(plan);
}

static void drive_until(one *self, const char *state)
{
    int rc = NIP_OP_MORE;
    while (rc == NIP_OP_MORE && strcmp(nip_run_state(self->run), state) != 0)
        must(rc = nip_op_wait(self->op, 20 * NIP_MILLISECOND, &err));
    assert_string_equal(nip_run_state(self->run), state);
}

static void end(one *self)
{
    nip_op_free(self->op);
    nip_run_free(self->run);
    world_close(&self->w);
}

/* Kinds and instants of all records but those about the clock. */
static char *history(one *self)
{
    char *json = NULL;
    nip__arena *arena = nip__arena_new();
    nip__value *records = NULL;
    nip__buffer text = NIP__BUFFER(1 << 20);
    must(nip_journal_read(self->w.store, SUBJECT, 0, 10000, &json, &err));
    must(nip__json_read(arena, json, strlen(json), "journal", &nip__internal_limits, &records, &err));
    for (NIP__EACH(record, records)) {
        if (strcmp(nip__get_text(record, "kind"), "clock.stepped") != 0)
            nip__buffer_printf(&text, "%s %s\n", nip__get_text(record, "at"), nip__get_text(record, "kind"));
    }
    nip__arena_free(arena);
    nip_free(json);
    char *taken = nip__buffer_take(&text);
    assert_non_null(taken);
    return taken;
}

/* ---- while it is driven ---- */

static void jumps_while_driven(void **state)
{
    (void)state;
    static const struct {
        nip_duration first, second; /* when it begins to wait, and 3 s later */
        const char *stepped;
        int times;
    } rows[] = {
        {0, 0, "\"clock.stepped\"", 0},
        {NIP_HOUR, 0, "{\"run\":\"shop-1\",\"by\":\"1h\"}", 1},
        {-NIP_HOUR, 0, "{\"run\":\"shop-1\",\"by\":\"-1h\"}", 1},
        {NIP_HOUR, -NIP_HOUR, "\"clock.stepped\"", 2},
        {NIP_SECOND / 2, 0, "\"clock.stepped\"", 0},
    };
    char *calm = NULL;
    for (size_t i = 0; i < COUNT(rows); i++) {
        one self = {0};
        begin(&self);
        drive_until(&self, "waiting");
        self.clock.offset += rows[i].first;
        nip_time later = self.clock.monotonic + 3 * NIP_SECOND;
        while (self.clock.monotonic < later)
            must(nip_op_wait(self.op, later - self.clock.monotonic, &err));
        self.clock.offset += rows[i].second;
        must(nip_op_run(self.op, &err));
        check_end(&self.w, self.run, "a clock that jumps");
        assert_string_equal(nip_run_state(self.run), "succeeded");
        assert_int_equal(count_in_journal(self.w.store, rows[i].stepped), rows[i].times);
        char *told = history(&self);
        if (calm == NULL)
            calm = told;
        else
            assert_string_equal(told, calm);
        if (told != calm)
            nip_free(told);
        end(&self);
    }
    nip_free(calm);
}

/* ---- while nobody drives ---- */

static nip_duration driven_after_resume(nip_duration jump)
{
    one self = {0};
    begin(&self);
    drive_until(&self, "waiting");
    nip_op_free(self.op);
    nip_run_free(self.run);
    self.clock.offset += jump;
    nip_time before = self.clock.monotonic;
    must(nip_run_resume(self.w.store, SUBJECT, nip_ctx_now(self.w.ctx), &self.run, &err));
    must(nip_op_run_plan(self.w.ctx, self.run, self.w.drivers, &self.op, &err));
    must(nip_op_run(self.op, &err));
    check_end(&self.w, self.run, "a clock that jumps between two processes");
    assert_string_equal(nip_run_state(self.run), "succeeded");
    nip_duration took = self.clock.monotonic - before;
    end(&self);
    return took;
}

/* What was waited for takes as long as it would have taken, whichever way the clock was turned meanwhile. */
static void jumps_between_two_processes(void **state)
{
    (void)state;
    static const nip_duration jumps[] = {NIP_HOUR, -NIP_HOUR, -24 * NIP_HOUR};
    nip_duration calm = driven_after_resume(0);
    for (size_t i = 0; i < COUNT(jumps); i++) {
        nip_duration took = driven_after_resume(jumps[i]);
        if (took > calm + NIP_SECOND || took < calm - NIP_SECOND)
            fail_msg("after a jump of %lld s the run took %.3f s instead of %.3f s", (long long)(jumps[i] / NIP_SECOND),
                     (double)took / 1e9, (double)calm / 1e9);
    }
}

/* ---- another boot ---- */

/* A process of another boot cannot be asked whether it lives: it counts as gone when its lease stays as it is for 15
 * s of our own clock. */
static void a_run_that_another_boot_left_behind(void **state)
{
    (void)state;
    one self = {0};
    nip_run *run = NULL;
    nip__lease_row row;
    nip_error *held = NULL;
    begin(&self);
    drive_until(&self, "waiting");
    assert_int_equal(self.w.store->backend->lease_get(self.w.store, SUBJECT, &row, NULL), 0);
    char *boot = strstr(row.holder, "\"boot\":\"");
    assert_non_null(boot);
    boot[8] = boot[8] == 'f' ? '0' : 'f';
    nip_op_free(self.op);
    nip_run_free(self.run);
    assert_int_equal(self.w.store->backend->lease_put(self.w.store, SUBJECT, &row, NULL), 0);
    assert_int_equal(nip_run_resume(self.w.store, SUBJECT, nip_ctx_now(self.w.ctx), &run, &held), NIP_E_HELD);
    assert_int_equal(nip_error_retryable(held), 1);
    nip_error_free(held);
    self.clock.offset += NIP_HOUR; /* what the real clock says is of no interest */
    assert_int_equal(nip_run_resume(self.w.store, SUBJECT, nip_ctx_now(self.w.ctx), &run, NULL), NIP_E_HELD);
    self.clock.monotonic += 15 * NIP_SECOND;
    must(nip_run_resume(self.w.store, SUBJECT, nip_ctx_now(self.w.ctx), &self.run, &err));
    must(nip_op_run_plan(self.w.ctx, self.run, self.w.drivers, &self.op, &err));
    must(nip_op_run(self.op, &err));
    check_end(&self.w, self.run, "left behind by another boot");
    end(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jumps_while_driven),
        cmocka_unit_test(jumps_between_two_processes),
        cmocka_unit_test(a_run_that_another_boot_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
