/* The event loop: timers, descriptors, the virtual clock, and callbacks that stop what is about to be called. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/time.h"
#include "op/inside.h"

static nip_ctx *make_ctx(const char *clock)
{
    nip_ctx *ctx = NULL;
    assert_int_equal(nip_ctx_new(&ctx, NULL), 0);
    if (clock != NULL)
        assert_int_equal(nip_ctx_set(ctx, "clock", clock, NULL), 0);
    return ctx;
}

static nip__loop *make_loop(const char *clock)
{
    nip_ctx *ctx = make_ctx(clock);
    nip__loop *loop = NULL;
    assert_int_equal(nip__loop_new(ctx, &loop, NULL), 0);
    nip_ctx_free(ctx);
    return loop;
}

#define VIRTUAL "virtual:2026-01-01T00:00:00Z"

static char trail[256];

typedef struct mark {
    nip__timer timer;
    const char *name;
    nip__loop *loop;
} mark;

static void leave_mark(void *data)
{
    const mark *fired = data;
    strncat(trail, fired->name, sizeof trail - strlen(trail) - 1);
}

static void timers_fire_in_order(void **state)
{
    (void)state;
    nip__loop *loop = make_loop(VIRTUAL);
    nip_time start = nip__loop_now(loop);
    mark marks[] = {{.name = "d"}, {.name = "a"}, {.name = "c"}, {.name = "b"}, {.name = "x"}, {.name = "e"}};
    const int after[] = {30, 10, 20, 10, 15, 30};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(nip__timer_set(loop, &marks[i].timer, start + after[i] * NIP_SECOND, leave_mark, &marks[i], NULL), 0);
    nip__timer_stop(&marks[4].timer);
    nip__timer_stop(&marks[4].timer);
    trail[0] = '\0';
    while (nip__loop_can_jump(loop))
        assert_true(nip__loop_wait(loop, NIP_TIME_MAX, NULL) >= 0);
    assert_string_equal(trail, "abcde");
    assert_true(nip__loop_now(loop) == start + 30 * NIP_SECOND);
    nip__loop_free(loop);
}

static void many_timers_come_sorted(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    static mark marks[COUNT];
    nip__loop *loop = make_loop(VIRTUAL);
    nip_time start = nip__loop_now(loop), last = start;
    uint64_t random = 7;
    for (size_t i = 0; i < COUNT; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        marks[i].name = "";
        nip__timer_set(loop, &marks[i].timer, start + (nip_time)(random >> 40), leave_mark, &marks[i], NULL);
    }
    for (size_t i = 0; i < COUNT; i += 3)
        nip__timer_stop(&marks[i].timer);
    while (loop->timers.count > 0) {
        nip_time next = nip__heap_top(&loop->timers);
        assert_true(next >= last);
        last = next;
        nip__loop_wait(loop, NIP_TIME_MAX, NULL);
        assert_true(nip__loop_now(loop) == next);
    }
    nip__loop_free(loop);
}

static void a_timer_without_a_callback_ends_the_wait(void **state)
{
    (void)state;
    nip__loop *loop = make_loop(VIRTUAL);
    nip_time start = nip__loop_now(loop);
    nip__timer timer = {0};
    assert_int_equal(nip__timer_set(loop, &timer, start + NIP_MINUTE, NULL, NULL, NULL), 0);
    assert_int_equal(nip__loop_wait(loop, start + NIP_HOUR, NULL), 1);
    assert_true(nip__loop_now(loop) == start + NIP_MINUTE);
    assert_null(timer.loop);
    nip__loop_free(loop);
}

static void virtual_wait_stops_at_until(void **state)
{
    (void)state;
    nip__loop *loop = make_loop(VIRTUAL);
    nip_time start = nip__loop_now(loop);
    mark late = {.name = "late"};
    nip__timer_set(loop, &late.timer, start + NIP_HOUR, leave_mark, &late, NULL);
    trail[0] = '\0';
    assert_int_equal(nip__loop_wait(loop, start + NIP_MINUTE, NULL), 0);
    assert_true(nip__loop_now(loop) == start + NIP_MINUTE);
    assert_string_equal(trail, "");
    nip__timer_stop(&late.timer);
    nip_error *err = NULL;
    assert_int_equal(nip__loop_wait(loop, NIP_TIME_MAX, &err), NIP_E_STATE); /* rather than hang for ever */
    nip_error_free(err);
    nip__loop_free(loop);
}

/* A run whose journal is ahead of a clock that was set back goes on from its journal, and time passes from there. */
static void time_goes_on_from_a_later_instant(void **state)
{
    (void)state;
    nip__loop *loop = make_loop(VIRTUAL);
    nip_time start = nip__loop_now(loop), ahead = start + 24 * NIP_HOUR;
    mark next = {.name = "next"};
    nip__loop_not_before(loop, start - NIP_HOUR);
    assert_true(nip__loop_now(loop) == start);
    nip__loop_not_before(loop, ahead);
    nip__loop_update(loop);
    assert_true(nip__loop_now(loop) == ahead);
    nip__timer_set(loop, &next.timer, ahead + NIP_SECOND, leave_mark, &next, NULL);
    trail[0] = '\0';
    assert_int_equal(nip__loop_wait(loop, NIP_TIME_MAX, NULL), 1);
    assert_string_equal(trail, "next");
    assert_true(nip__loop_now(loop) == ahead + NIP_SECOND);
    nip__loop_free(loop);
}

static void again(void *data)
{
    mark *self = data;
    leave_mark(self);
    nip__timer_set(self->loop, &self->timer, nip__loop_now(self->loop), again, self, NULL);
}

static void timer_for_now_does_not_starve(void **state)
{
    (void)state;
    nip__loop *loop = make_loop(NULL);
    mark self = {.name = "x", .loop = loop};
    trail[0] = '\0';
    nip__timer_set(loop, &self.timer, nip__loop_now(loop), again, &self, NULL);
    assert_int_equal(nip__loop_wait(loop, NIP_TIME_NONE, NULL), 1);
    assert_in_range(strlen(trail), 1, 2);
    nip__timer_stop(&self.timer);
    nip__loop_free(loop);
}

static void setting_again_moves(void **state)
{
    (void)state;
    nip__loop *loop = make_loop(VIRTUAL);
    nip_time start = nip__loop_now(loop);
    mark one = {.name = "1"};
    nip__timer_set(loop, &one.timer, start + NIP_SECOND, leave_mark, &one, NULL);
    nip__timer_set(loop, &one.timer, start + NIP_HOUR, leave_mark, &one, NULL);
    assert_int_equal(loop->timers.count, 1);
    assert_true(nip__heap_top(&loop->timers) == start + NIP_HOUR);
    nip__timer_stop(&one.timer);
    nip__loop_free(loop);
}

/* ---- descriptors ---- */

typedef struct pair {
    int ends[2];
    nip__watch watch;
    struct pair *victim; /* its watch is stopped by whoever is called first */
    int calls;
} pair;

static void stop_victim(void *data, uint32_t events)
{
    pair *self = data;
    assert_true((events & EPOLLIN) != 0);
    self->calls++;
    nip__watch_stop(&self->watch);
    nip__watch_stop(&self->victim->watch);
    memset(&self->victim->watch, 0xee, sizeof self->victim->watch); /* as if freed */
    self->victim->watch.loop = NULL;
}

static void stopped_watch_is_not_called(void **state)
{
    (void)state;
    nip__loop *loop = make_loop(NULL);
    pair a = {.calls = 0}, b = {.victim = &a};
    a.victim = &b;
    assert_int_equal(pipe(a.ends), 0);
    assert_int_equal(pipe(b.ends), 0);
    assert_int_equal(nip__watch_set(loop, &a.watch, a.ends[0], EPOLLIN, stop_victim, &a, NULL), 0);
    assert_int_equal(nip__watch_set(loop, &b.watch, b.ends[0], EPOLLIN, stop_victim, &b, NULL), 0);
    assert_int_equal(write(a.ends[1], "x", 1), 1);
    assert_int_equal(write(b.ends[1], "x", 1), 1);
    assert_int_equal(nip__loop_wait(loop, NIP_TIME_MAX, NULL), 1);
    assert_int_equal(nip__loop_wait(loop, NIP_TIME_NONE, NULL), 0);
    assert_int_equal(a.calls + b.calls, 1);
    assert_int_equal(loop->in_flight, 0);
    for (int i = 0; i < 2; i++) {
        close(a.ends[i]);
        close(b.ends[i]);
    }
    nip__loop_free(loop);
}

static void watching_a_bad_descriptor_fails(void **state)
{
    (void)state;
    nip__loop *loop = make_loop(NULL);
    nip__watch watch = {0};
    nip_error *err = NULL;
    assert_int_equal(nip__watch_set(loop, &watch, 999999, EPOLLIN, stop_victim, NULL, &err), NIP_E_IO);
    assert_null(watch.loop);
    assert_int_equal(loop->in_flight, 0);
    nip_error_free(err);
    nip__loop_free(loop);
}

static void descriptor_polls_readable_when_a_timer_is_due(void **state)
{
    (void)state;
    nip__loop *loop = make_loop(NULL);
    mark one = {.name = "t"};
    trail[0] = '\0';
    nip__timer_set(loop, &one.timer, nip__loop_now(loop) + 5 * NIP_MILLISECOND, leave_mark, &one, NULL);
    assert_int_equal(nip__loop_arm(loop, NULL), 0);
    struct pollfd wait = {.fd = nip__loop_fd(loop), .events = POLLIN};
    assert_int_equal(poll(&wait, 1, 10000), 1);
    while (trail[0] == '\0')
        nip__loop_wait(loop, NIP_TIME_NONE, NULL);
    nip__loop_free(loop);
}

static void *wake_up(void *data)
{
    nip__loop_wake(data);
    return NULL;
}

static void wake_from_another_thread(void **state)
{
    (void)state;
    nip__loop *loop = make_loop(NULL);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wake_up, loop), 0);
    assert_int_equal(nip__loop_wait(loop, NIP_TIME_MAX, NULL), 1);
    pthread_join(thread, NULL);
    nip__loop_free(loop);
}

static void real_timer_fires_beside_a_virtual_clock(void **state)
{
    (void)state;
    nip__loop *loop = make_loop(VIRTUAL);
    nip_time start = nip__loop_now(loop);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pair held = {.calls = 0};
    mark one = {.name = "real"}, two = {.name = "virtual"};
    nip__watch_set(loop, &held.watch, ends[0], EPOLLIN, stop_victim, &held, NULL);
    nip__timer_set_real(loop, &one.timer, NIP_MILLISECOND, leave_mark, &one, NULL);
    nip__timer_set(loop, &two.timer, start + NIP_SECOND, leave_mark, &two, NULL);
    trail[0] = '\0';
    while (trail[0] == '\0')
        nip__loop_wait(loop, NIP_TIME_MAX, NULL);
    assert_string_equal(trail, "real");
    assert_true(nip__loop_now(loop) == start); /* something real is in flight: the clock stands still */
    nip__watch_stop(&held.watch);
    nip__loop_wait(loop, NIP_TIME_MAX, NULL);
    assert_string_equal(trail, "realvirtual");
    close(ends[0]);
    close(ends[1]);
    nip__loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order),
        cmocka_unit_test(many_timers_come_sorted),
        cmocka_unit_test(a_timer_without_a_callback_ends_the_wait),
        cmocka_unit_test(virtual_wait_stops_at_until),
        cmocka_unit_test(time_goes_on_from_a_later_instant),
        cmocka_unit_test(timer_for_now_does_not_starve),
        cmocka_unit_test(setting_again_moves),
        cmocka_unit_test(stopped_watch_is_not_called),
        cmocka_unit_test(watching_a_bad_descriptor_fails),
        cmocka_unit_test(descriptor_polls_readable_when_a_timer_is_due),
        cmocka_unit_test(wake_from_another_thread),
        cmocka_unit_test(real_timer_fires_beside_a_virtual_clock),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
