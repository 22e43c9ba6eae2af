/* The loop: one epoll descriptor that holds everything that is waited for, so that a host can nest it in a loop of
 * its own. */
#include "op/inside.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/time.h"

/* ---- descriptors ---- */

int nip__watch_set(nip__loop *loop, nip__watch *watch, int fd, uint32_t events,
                   void (*ready)(void *data, uint32_t events), void *data, nip_error **err)
{
    bool again = watch->loop == loop && watch->fd == fd;
    bool quiet = watch->quiet;
    if (!again)
        nip__watch_stop(watch);
    struct epoll_event event = {.events = events, .data.ptr = watch};
    if (epoll_ctl(loop->epoll_fd, again ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) < 0) {
        int code = errno == ENOMEM ? NIP_E_NOMEM : NIP_E_IO;
        return nip__fail_errno(err, code, errno, "cannot watch descriptor %d", fd);
    }
    if (!again && !quiet)
        loop->in_flight++;
    *watch = (nip__watch){.loop = loop, .fd = fd, .events = events, .quiet = quiet, .ready = ready, .data = data};
    return 0;
}

/* Events that were taken from the kernel already, but belong to a watch that is gone now, must not be dispatched. */
static void forget_events(nip__loop *loop, const nip__watch *watch)
{
    for (int i = loop->batch_next; i < loop->batch_count; i++)
        if (loop->batch[i].data.ptr == watch)
            loop->batch[i].data.ptr = NULL;
}

void nip__watch_set_quiet(nip__watch *watch, bool quiet)
{
    if (watch->loop != NULL)
        watch->loop->in_flight += (int64_t)watch->quiet - (int64_t)quiet;
    watch->quiet = quiet;
}

void nip__watch_stop(nip__watch *watch)
{
    nip__loop *loop = watch->loop;
    if (loop == NULL)
        return;
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    forget_events(loop, watch);
    if (!watch->quiet)
        loop->in_flight--;
    watch->loop = NULL;
}

/* ---- making ---- */

static void wake_ready(void *data, uint32_t events)
{
    (void)events;
    nip__loop *loop = data;
    uint64_t count;
    while (read(loop->wake_fd, &count, sizeof count) < 0 && errno == EINTR) {
    }
}

static void timer_ready(void *data, uint32_t events)
{
    (void)events;
    nip__loop *loop = data;
    uint64_t count;
    while (read(loop->timer_fd, &count, sizeof count) < 0 && errno == EINTR) {
    }
    loop->armed = NIP_TIME_MAX; /* the timers themselves are fired at the end of the turn */
}

static int open_descriptors(nip__loop *loop, nip_error **err)
{
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->epoll_fd < 0 || loop->timer_fd < 0 || loop->wake_fd < 0)
        return nip__fail_errno(err, NIP_E_IO, errno, "cannot open the descriptors of an event loop");
    loop->timer_watch.quiet = loop->wake_watch.quiet = true;
    int rc = nip__watch_set(loop, &loop->timer_watch, loop->timer_fd, EPOLLIN, timer_ready, loop, err);
    if (rc == 0)
        rc = nip__watch_set(loop, &loop->wake_watch, loop->wake_fd, EPOLLIN, wake_ready, loop, err);
    return rc;
}

int nip__loop_new(nip_ctx *ctx, nip__loop **loop, nip_error **err)
{
    nip__loop *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    made->ctx = nip__ctx_hold(ctx);
    made->epoll_fd = made->timer_fd = made->wake_fd = -1;
    made->armed = NIP_TIME_MAX;
    int rc = open_descriptors(made, err);
    if (rc < 0) {
        nip__loop_free(made);
        return rc;
    }
    made->origin = made->now = nip__ctx_real(ctx);
    made->origin_monotonic = nip__ctx_monotonic(ctx);
    *loop = made;
    return 0;
}

static void close_descriptor(int fd)
{
    if (fd >= 0)
        close(fd);
}

void nip__loop_free(nip__loop *loop)
{
    if (loop == NULL)
        return;
    nip__http_engine_free(loop->http);
    nip__heap_clear(&loop->timers);
    nip__heap_clear(&loop->real_timers);
    close_descriptor(loop->wake_fd);
    close_descriptor(loop->timer_fd);
    close_descriptor(loop->epoll_fd);
    nip_ctx_free(loop->ctx);
    nip__free(loop);
}

uint64_t nip__loop_dispatched(const nip__loop *loop)
{
    return loop->dispatched;
}

nip_ctx *nip__loop_ctx(const nip__loop *loop)
{
    return loop->ctx;
}

int nip__loop_fd(const nip__loop *loop)
{
    return loop->epoll_fd;
}

void nip__loop_wake(nip__loop *loop)
{
    int kept = errno; /* may run inside a signal handler */
    uint64_t one = 1;
    ssize_t written = write(loop->wake_fd, &one, sizeof one);
    (void)written; /* EAGAIN: it is readable already */
    errno = kept;
}

/* ---- time ---- */

nip_time nip__loop_now(const nip__loop *loop)
{
    return loop->now;
}

void nip__loop_update(nip__loop *loop)
{
    nip_time now = nip__time_add(loop->origin, nip__ctx_monotonic(loop->ctx) - loop->origin_monotonic);
    if (now > loop->now)
        loop->now = now;
}

static bool is_virtual(const nip__loop *loop)
{
    return nip__ctx_is_virtual(loop->ctx) != 0;
}

bool nip__loop_can_jump(const nip__loop *loop)
{
    return is_virtual(loop) && loop->in_flight == 0 && loop->timers.count > 0;
}

nip_duration nip__loop_next_after(const nip__loop *loop)
{
    nip_time next = nip__heap_top(&loop->timers);
    if (next == NIP_TIME_MAX)
        return NIP_TIME_MAX;
    return next > loop->now ? next - loop->now : 0;
}

bool nip__loop_is_held(const nip__loop *loop)
{
    return is_virtual(loop) && loop->in_flight > 0;
}

void nip__loop_hold(nip__loop *loop)
{
    loop->in_flight++;
}

void nip__loop_let_go(nip__loop *loop)
{
    loop->in_flight--;
}

static int jump(nip__loop *loop, nip_time to, nip_error **err)
{
    int rc = nip__ctx_advance(loop->ctx, loop->origin_monotonic + (to - loop->origin));
    if (rc < 0)
        return nip__fail(err, rc, "the host's clock refused to move on");
    nip__loop_update(loop);
    return 0;
}

void nip__loop_not_before(nip__loop *loop, nip_time at)
{
    nip_duration ahead = at > loop->now ? at - loop->now : 0;
    loop->origin = nip__time_add(loop->origin, ahead);
    loop->now = nip__time_add(loop->now, ahead);
}

/* The system's monotonic instant at which the loop has something to do, or at which `until` is reached. */
static nip_time next_wake(const nip__loop *loop, nip_time until)
{
    nip_time wake = nip__heap_top(&loop->real_timers);
    nip_time due = until;
    if (!is_virtual(loop) && nip__heap_top(&loop->timers) < due)
        due = nip__heap_top(&loop->timers);
    if (due == NIP_TIME_MAX)
        return wake;
    /* A virtual clock stands still while something real is in flight; `until` then counts as a real length of time. */
    nip_time at = nip__time_add(nip__system_monotonic(), due > loop->now ? due - loop->now : 0);
    return at < wake ? at : wake;
}

static int arm(nip__loop *loop, nip_time until, nip_error **err)
{
    nip_time wake = next_wake(loop, until);
    if (wake >= loop->armed)
        return 0; /* it comes early, once, and is set anew then: cheaper than moving it with every timer */
    struct itimerspec when = {0}; /* all zero: never */
    if (wake != NIP_TIME_MAX) {
        nip_time at = wake > 0 ? wake : 1;
        when.it_value.tv_sec = at / NIP_SECOND;
        when.it_value.tv_nsec = at % NIP_SECOND;
    }
    if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) < 0)
        return nip__fail_errno(err, NIP_E_IO, errno, "cannot set the loop's timer");
    loop->armed = wake;
    return 0;
}

int nip__loop_arm(nip__loop *loop, nip_error **err)
{
    if (nip__loop_can_jump(loop)) {
        nip__loop_wake(loop); /* there is no time to wait for: the next step moves the clock */
        return 0;
    }
    nip__loop_update(loop);
    return arm(loop, NIP_TIME_MAX, err);
}

/* ---- a turn ---- */

static int fire_timers(nip__loop *loop)
{
    nip__loop_update(loop);
    int fired = nip__heap_fire(&loop->timers, loop->now);
    if (loop->real_timers.count > 0)
        fired += nip__heap_fire(&loop->real_timers, nip__system_monotonic());
    return fired;
}

/* Takes events, waiting for them when `block`, and dispatches them. Returns how many; none when a signal came. */
static int take_events(nip__loop *loop, bool block, nip_error **err)
{
    int count = epoll_wait(loop->epoll_fd, loop->batch, NIP__LOOP_BATCH, block ? -1 : 0);
    if (count < 0)
        return errno == EINTR ? 0 : nip__fail_errno(err, NIP_E_IO, errno, "cannot wait for events");
    loop->batch_count = count;
    for (loop->batch_next = 0; loop->batch_next < loop->batch_count;) {
        struct epoll_event *event = &loop->batch[loop->batch_next++];
        nip__watch *watch = event->data.ptr;
        loop->dispatched += watch != NULL && watch != &loop->timer_watch && watch != &loop->wake_watch;
        if (watch != NULL)
            watch->ready(watch->data, event->events);
    }
    loop->batch_count = loop->batch_next = 0;
    return count;
}

/* One turn that may block: moves a virtual clock that nothing real holds back, else sleeps. */
static int turn(nip__loop *loop, nip_time until, nip_error **err)
{
    nip_time due = nip__heap_top(&loop->timers) < until ? nip__heap_top(&loop->timers) : until;
    if (is_virtual(loop) && loop->in_flight == 0) {
        if (due == NIP_TIME_MAX)
            return nip__fail(err, NIP_E_STATE,
                             "a virtual clock and nothing left to wait for: somebody neither answered nor "
                             "named a descriptor or a time");
        int rc = jump(loop, due, err);
        return rc < 0 ? rc : take_events(loop, false, err);
    }
    int rc = arm(loop, until, err);
    return rc < 0 ? rc : take_events(loop, true, err);
}

int nip__loop_wait(nip__loop *loop, nip_time until, nip_error **err)
{
    int fired = fire_timers(loop);
    bool wait = fired == 0 && until != NIP_TIME_NONE && until > loop->now;
    int taken = wait ? turn(loop, until, err) : take_events(loop, false, err);
    if (taken < 0)
        return taken;
    fired += fire_timers(loop);
    return fired + taken > 0;
}
