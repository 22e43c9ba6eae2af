/* What starting and stopping share: members, their descriptors, and how an action ends. */
#include "driver/local_work.h"
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/error.h"
#include "base/memory.h"
#include "base/print.h"
#include "base/text.h"
#include "base/time.h"

enum { MESSAGE_MAX = 1024 };

nip__local_work *nip__local_work_new(nip__local_driver *driver, nip_action *action)
{
    nip__local_work *work = nip__calloc(1, sizeof *work);
    nip__arena *arena = nip__arena_new();
    nip__local_instances *instances = nip__arena_alloc(arena, sizeof *instances);
    if (work == NULL || instances == NULL) {
        nip__arena_free(arena);
        nip__free(work);
        return NULL;
    }
    work->driver = driver;
    work->action = action;
    work->arena = arena;
    work->instances = instances;
    work->next = driver->works;
    if (work->next != NULL)
        work->next->previous = work;
    driver->works = work;
    return work;
}

void nip__local_unwatch(nip__local_member *member)
{
    nip__watch_stop(&member->watch);
    if (member->pidfd >= 0)
        close(member->pidfd);
    if (member->probe >= 0)
        close(member->probe);
    member->pidfd = member->probe = -1;
}

void nip__local_work_free(nip__local_work *work)
{
    nip__timer_stop(&work->tick);
    for (size_t i = 0; i < work->start_count; i++)
        nip__local_unwatch(&work->starting[i]);
    for (size_t i = 0; i < work->stop_count; i++)
        nip__local_unwatch(&work->stopping[i]);
    if (work->previous != NULL)
        work->previous->next = work->next;
    else
        work->driver->works = work->next;
    if (work->next != NULL)
        work->next->previous = work->previous;
    nip_error_free(work->unknown);
    nip__arena_free(work->arena);
    nip__free(work);
}

/* ---- results ---- */

nip__value *nip__local_instances_result(nip__local_work *work, nip_error **err)
{
    nip__arena *arena = work->arena;
    const nip__local_driver *driver = work->driver;
    if (nip__local_instances_read(arena, &driver->settings, nip_action_subject(work->action), work->instances, err) < 0)
        return NULL;
    nip__value *result = nip__local_result(arena, nip__action_args_value(work->action), work->instances);
    nip__value *stopped = nip__put(arena, result, "stopped", nip__list(arena));
    for (size_t i = 0; i < work->stop_count; i++)
        if (work->stopping[i].gone)
            nip__push_text(arena, stopped, work->stopping[i].instance.endpoint);
    if (!nip__arena_failed(arena))
        return result;
    nip__nomem(err);
    return NULL;
}

void nip__local_fail(nip__local_work *work, const char *reason, bool retryable, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    nip__vprint(message, sizeof message, format, arguments);
    va_end(arguments);
    bool changes =
        nip__text_equal(nip_action_verb(work->action), "instances") && work->start_count + work->stop_count > 0;
    nip__action_failed(work->action, reason, retryable, changes ? nip__local_instances_result(work, NULL) : NULL, "%s",
                       message);
    nip__local_work_free(work);
}

const char *nip__local_shortage(const nip_error *error)
{
    switch (nip_error_os_errno(error)) {
    case EMFILE:
    case ENFILE:
        return "no_descriptors";
    case ENOMEM:
        return "no_memory";
    default:
        return nip_error_code(error) == NIP_E_NOMEM ? "no_memory" : NULL;
    }
}

void nip__local_fail_error(nip__local_work *work, const nip_error *error)
{
    struct rlimit limit;
    const char *reason = nip__local_shortage(error), *message = nip_error_message(error);
    if (nip_error_os_errno(error) == EMFILE && getrlimit(RLIMIT_NOFILE, &limit) == 0)
        nip__local_fail(work, reason, true, "%s; the limit of open files (RLIMIT_NOFILE) is %llu", message,
                        (unsigned long long)limit.rlim_cur);
    else if (nip_error_os_errno(error) == ENFILE)
        nip__local_fail(work, reason, true, "%s; the limit of this machine (fs.file-max) is reached", message);
    else
        nip__local_fail(work, reason != NULL ? reason : "internal", true, "%s", message);
}

void nip__local_answer(nip__local_work *work, const nip__value *result)
{
    if (result == NULL || nip__arena_failed(work->arena)) {
        nip__local_fail(work, "no_memory", true, "out of memory");
        return;
    }
    nip__action_done(work->action, result);
    nip__local_work_free(work);
}

void nip__local_done(nip__local_work *work)
{
    nip_error *error = NULL;
    const nip__value *result = nip__local_instances_result(work, &error);
    if (result != NULL)
        nip__local_answer(work, result);
    else
        nip__local_fail_error(work, error);
    nip_error_free(error);
}

/* ---- waiting ---- */

bool nip__local_watch(nip__local_member *member, void (*ready)(void *data, uint32_t events))
{
    nip_error *error = NULL;
    if (nip__watch_set(member->work->driver->loop, &member->watch, member->pidfd, EPOLLIN, ready, member, &error) == 0)
        return true;
    nip__local_fail_error(member->work, error);
    nip_error_free(error);
    return false;
}

bool nip__local_tick(nip__local_work *work, nip_duration after, void (*fire)(void *data))
{
    nip_error *error = NULL;
    nip__loop *loop = work->driver->loop;
    if (nip__timer_set(loop, &work->tick, nip__time_add(nip__loop_now(loop), after), fire, work, &error) == 0)
        return true;
    nip__local_fail_error(work, error);
    nip_error_free(error);
    return false;
}

/* A pidfd tells without a further descriptor. Only of a process that was gone before it could be held, /proc is asked. */
static bool has_ended(const nip__local_member *member)
{
    const nip__local_instance *instance = &member->instance;
    nip__local_process process;
    struct pollfd held = {.fd = member->pidfd, .events = POLLIN};
    if (member->pidfd >= 0)
        return poll(&held, 1, 0) > 0;
    int found = nip__local_process_read(instance->pid, &process);
    return found == 0 || (found > 0 && (process.start != instance->start || process.dead));
}

bool nip__local_ended(nip__local_member *member)
{
    nip__local_instance *instance = &member->instance;
    if (member->pidfd >= 0 && nip__local_process_reap(member->pidfd, &instance->exit_code, &instance->exit_signal)) {
        instance->has_exit = true;
        nip__local_instance_write(&member->work->driver->settings, nip_action_subject(member->work->action), instance,
                                  NULL);
        return true;
    }
    return has_ended(member);
}
