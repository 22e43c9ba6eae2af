/* Stopping instances: SIGTERM to the whole family, then, when the grace is over, SIGKILL. An instance is gone when its
 * leader and everybody who bears its token are. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include "base/error.h"
#include "base/time.h"
#include "driver/local_work.h"

#define TICK          (100 * NIP_MILLISECOND) /* between two looks for what the leader left behind */
#define QUIET         (2 * NIP_SECOND)        /* a service manager that restarts what was stopped does it within */
#define KILL_PATIENCE (10 * NIP_SECOND)       /* even SIGKILL takes time, while a process hangs in the kernel */

static nip__local_family family_of(const nip__local_instance *instance)
{
    return (nip__local_family){
        .leader = instance->pid, .start = instance->start, .token = instance->id, .adopted = instance->adopted};
}

static nip__local_family family_of_member(const nip__local_member *member)
{
    nip__local_family family = family_of(&member->instance);
    family.kin = member->kin;
    family.kin_count = member->kin_count;
    return family;
}

/* Instances that had ended before: whoever is left of them goes, and so do their files. */
static void forget(nip__local_work *work)
{
    const nip__local_settings *settings = &work->driver->settings;
    const nip__local_plan *plan = &work->plan;
    nip__local_family *families = nip__arena_alloc(work->arena, (plan->forget_count + 1) * sizeof *families);
    for (size_t i = 0; families != NULL && i < plan->forget_count; i++)
        families[i] = family_of(plan->forget[i]);
    if (families == NULL ||
        nip__local_signal_families(families, plan->forget_count, settings->state_dir, SIGKILL, NULL) < 0)
        return; /* their files stay: the next time will do it */
    for (size_t i = 0; i < plan->forget_count; i++)
        nip__local_instance_remove(settings, nip_action_subject(work->action), plan->forget[i]);
}

/* Signals the families of those that are not gone; of those whose leader has ended only, when `orphans`. Returns false
 * when it is unknown who is left. */
static bool signal_all(nip__local_work *work, int number, bool orphans, nip_error **err)
{
    size_t count = 0;
    for (size_t i = 0; i < work->stop_count; i++) {
        nip__local_member *member = &work->stopping[i];
        member->counted = !member->gone && (!orphans || nip__local_ended(member));
        if (member->counted)
            work->families[count++] = family_of_member(member);
    }
    if (nip__local_signal_families(work->families, count, work->driver->settings.state_dir, number, err) < 0)
        return false;
    count = 0;
    for (size_t i = 0; i < work->stop_count; i++)
        if (work->stopping[i].counted)
            work->stopping[i].left = work->families[count++].count;
    return true;
}

/* Everybody of it is gone. */
static void conclude(nip__local_member *member)
{
    nip__local_ended(member); /* a child of ours is a zombie until it was asked */
    member->gone = true;
    nip__local_unwatch(member);
    nip__local_instance_remove(&member->work->driver->settings, nip_action_subject(member->work->action),
                               &member->instance);
}

/* Nobody of its family is left. What was adopted was started by somebody who may start it again: it is gone when its endpoint has been free
 * for a while. */
static bool stays_away(nip__local_member *member)
{
    nip_time now = nip__loop_now(member->work->driver->loop);
    if (!member->instance.adopted)
        return true;
    if (!nip__local_endpoint_free(member->instance.endpoint))
        member->quiet_since = NIP_TIME_NONE;
    else if (member->quiet_since == NIP_TIME_NONE)
        member->quiet_since = now;
    return member->quiet_since != NIP_TIME_NONE && now >= nip__time_add(member->quiet_since, QUIET);
}

/* Completes the action when all are gone. */
static bool check(nip__local_work *work)
{
    size_t gone = 0;
    nip_error_free(work->unknown);
    work->unknown = NULL;
    bool known = signal_all(work, work->killed ? SIGKILL : 0, !work->killed, &work->unknown);
    for (size_t i = 0; i < work->stop_count; i++) {
        nip__local_member *member = &work->stopping[i];
        if (known && member->counted && member->left == 0 && stays_away(member))
            conclude(member);
        gone += member->gone;
    }
    if (gone < work->stop_count)
        return false;
    forget(work);
    nip__local_done(work);
    return true;
}

static void ended(void *data, uint32_t events)
{
    nip__local_member *member = data;
    (void)events;
    nip__watch_stop(&member->watch); /* an ended process stays readable */
    check(member->work);
}

/* The patience is over. */
static void give_up(nip__local_work *work)
{
    const nip__local_member *replaced = NULL;
    for (size_t i = 0; i < work->stop_count; i++) {
        if (!work->stopping[i].gone && work->stopping[i].left == 0)
            replaced = &work->stopping[i];
    }
    if (work->unknown != NULL)
        nip__local_fail_error(work, work->unknown);
    else if (replaced != NULL) /* not again: what runs there by now is nobody's that we know */
        nip__local_fail(work, "stop_failed", false,
                        "%s was stopped, and something listens there again: end what restarts it (a service manager), "
                        "then it can be stopped",
                        replaced->instance.endpoint);
    else
        nip__local_fail(work, "stop_failed", true,
                        "an instance is still there after SIGKILL; see the instances that are running");
}

static void look(void *data)
{
    nip__local_work *work = data;
    if (check(work))
        return;
    if (nip__loop_now(work->driver->loop) >= work->until) {
        if (work->killed) {
            give_up(work);
            return;
        }
        work->killed = true; /* from now on every look kills whoever is left */
        work->until = nip__time_add(nip__loop_now(work->driver->loop), KILL_PATIENCE);
        if (check(work))
            return;
    }
    nip__local_tick(work, TICK, look);
}

static bool begin(nip__local_work *work, nip__local_member *member, const nip__local_instance *instance)
{
    *member = (nip__local_member){.work = work, .instance = *instance, .probe = -1, .quiet_since = NIP_TIME_NONE};
    nip_error *error = NULL;
    member->pidfd = nip__local_process_open(instance->pid, instance->start);
    work->stop_count++;
    if (member->pidfd < -1) {
        nip__fail_errno(&error, NIP_E_IO, errno, "process %d cannot be held to stop it", (int)instance->pid);
        nip__local_fail_error(work, error);
        nip_error_free(error);
        return false;
    }
    if (member->pidfd >= 0 && instance->adopted &&
        nip__local_descendants(work->arena, instance->pid, instance->start, &member->kin, &member->kin_count, &error) < 0) {
        nip__local_fail_error(work, error);
        nip_error_free(error);
        return false;
    }
    return member->pidfd < 0 || nip__local_watch(member, ended);
}

void nip__local_stop_all(nip__local_work *work)
{
    const nip__local_plan *plan = &work->plan;
    work->stopping = nip__arena_alloc(work->arena, (plan->stop_count + 1) * sizeof *work->stopping);
    work->families = nip__arena_alloc(work->arena, (plan->stop_count + 1) * sizeof *work->families);
    if (work->stopping == NULL || work->families == NULL) {
        nip__local_fail(work, "no_memory", true, "out of memory");
        return;
    }
    for (size_t i = 0; i < plan->stop_count; i++)
        if (!begin(work, &work->stopping[i], plan->stop[i]))
            return;
    if (!signal_all(work, SIGTERM, false, &work->unknown)) {
        nip__local_fail_error(work, work->unknown);
        return;
    }
    work->until = nip__time_add(nip__loop_now(work->driver->loop), work->driver->settings.stop_grace);
    if (!check(work))
        nip__local_tick(work, TICK, look);
}
