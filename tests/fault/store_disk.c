/* A canary whose disk is full from the middle on, or takes no more bytes: the way back is walked all the same. Space
 * that comes back in time makes the journal whole; space that comes too late leaves a run that says so. */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct disk {
    const char *name;
    bool mounted; /* needs a file system of its own */
    void (*fill)(const folder *place);
    void (*free)(const folder *place);
} disk;

/* ---- a file system of one's own, full ---- */

static void filler_path(const folder *place, char *path, size_t size)
{
    snprintf(path, size, "%s/filler", place->path);
}

static void fill_up(const folder *place)
{
    char path[128], block[4096] = {0};
    filler_path(place, path, sizeof path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (write(fd, block, sizeof block) > 0) {
    }
    assert_int_equal(errno, ENOSPC);
    close(fd);
}

static void free_up(const folder *place)
{
    char path[128];
    filler_path(place, path, sizeof path);
    assert_int_equal(unlink(path), 0);
}

/* Only this process sees it, so nothing is left behind whatever happens. */
static bool mount_small(const folder *place)
{
    return mount("none", place->path, "tmpfs", 0, "size=4m,mode=0700") == 0;
}

/* ---- files that may not grow ---- */

static void limit_files(const folder *place)
{
    (void)place;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void unlimit_files(const folder *place)
{
    (void)place;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static const disk full = {"a full disk", true, fill_up, free_up};
static const disk limited = {"files that may not grow", false, limit_files, unlimit_files};

/* ---- a run ---- */

typedef struct one {
    world w;
    nip_run *run;
    nip_op *op;
} one;

static void drive_until(one *self, const char *state)
{
    int rc = NIP_OP_MORE;
    while (rc == NIP_OP_MORE && strcmp(nip_run_state(self->run), state) != 0)
        must(rc = nip_op_wait(self->op, 20 * NIP_MILLISECOND, &err));
    assert_string_equal(nip_run_state(self->run), state);
}

static void begin(one *self, const folder *place)
{
    nip_plan *plan = world_plan(&strategies[CANARY]);
    world_open(&self->w, place->url);
    must(nip_run_new(plan, self->w.store, nip_ctx_now(self->w.ctx), &self->run, &err));
    must(nip_op_run_plan(self->w.ctx, self->run, self->w.drivers, &self->op, &err));
    nip_plan_free(plan);
    drive_until(self, "waiting");
}

static void leave(one *self)
{
    nip_op_free(self->op);
    nip_run_free(self->run);
    self->op = NULL;
    self->run = NULL;
}

/* Records stand in their order, with their own instants, and each was written once. */
static void check_order(one *self)
{
    char *json = NULL;
    nip__arena *arena = nip__arena_new();
    nip__value *records = NULL;
    nip_time at = NIP_TIME_NONE;
    int64_t sequence = 0;
    must(nip_journal_read(self->w.store, SUBJECT, 0, 10000, &json, &err));
    must(nip__json_read(arena, json, strlen(json), "journal", &nip__internal_limits, &records, &err));
    for (NIP__EACH(record, records)) {
        nip_time next = nip__get_time(record, "at", NIP_TIME_NONE);
        assert_int_equal(nip__get_int(record, "sequence", 0), ++sequence);
        assert_true(next >= at);
        at = next;
    }
    assert_int_equal(count_in_journal(self->w.store, "\"run.returning\""), 1);
    assert_int_equal(count_in_journal(self->w.store, "\"run.ended\""), 1);
    nip__arena_free(arena);
    nip_free(json);
}

static void space_in_time(const disk *d, const folder *place)
{
    one self = {0};
    begin(&self, place);
    d->fill(place);
    drive_until(&self, "returning");
    d->free(place);
    must(nip_op_run(self.op, &err));
    assert_string_equal(nip_run_state(self.run), "returned");
    check_end(&self.w, self.run, d->name);
    check_order(&self);
    leave(&self);
    world_close(&self.w);
}

static void space_at_the_end(const disk *d, const folder *place)
{
    one self = {0};
    begin(&self, place);
    d->fill(place);
    must(nip_op_run(self.op, &err));
    assert_string_equal(nip_run_state(self.run), "broken");
    check_serves(&self.w, OLD, d->name);
    d->free(place);
    leave(&self);
    must(nip_run_open(self.w.store, SUBJECT, &self.run, &err));
    assert_string_equal(nip_run_state(self.run), "broken");
    check_journal(self.w.store, self.run, nip_ctx_now(self.w.ctx), d->name);
    check_order(&self);
    leave(&self);
    world_close(&self.w);
}

static void space_too_late(const disk *d, const folder *place)
{
    one self = {0};
    begin(&self, place);
    d->fill(place);
    must(nip_op_run(self.op, &err));
    assert_string_equal(nip_run_state(self.run), "broken");
    leave(&self);
    d->free(place);
    must(nip_run_resume(self.w.store, SUBJECT, nip_ctx_now(self.w.ctx), &self.run, &err));
    must(nip_op_run_plan(self.w.ctx, self.run, self.w.drivers, &self.op, &err));
    must(world_drive(&self.w, self.run, self.op, &err));
    assert_string_equal(nip_run_state(self.run), "returned");
    check_end(&self.w, self.run, d->name);
    leave(&self);
    world_close(&self.w);
}

static void check_disk(const disk *d)
{
    static void (*const cases[])(const disk *, const folder *) = {space_in_time, space_at_the_end, space_too_late};
    folder place;
    folder_open(&place);
    bool mounted = d->mounted && unshare(CLONE_NEWNS) == 0 &&
                   mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && mount_small(&place);
    for (size_t i = 0; i < COUNT(cases) && (mounted || !d->mounted); i++) {
        cases[i](d, &place);
        folder_empty(&place);
    }
    if (mounted)
        assert_int_equal(umount(place.path), 0);
    folder_close(&place);
    if (d->mounted && !mounted) {
        print_message("%s: skipped, since only root may mount one\n", d->name);
        skip();
    }
}

static void a_full_disk(void **state)
{
    (void)state;
    check_disk(&full);
}

static void files_that_may_not_grow(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    check_disk(&limited);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(files_that_may_not_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
