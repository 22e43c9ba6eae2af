/* target/instances: what is missing is started, then what is surplus is stopped, and each counts once `list` says so.
 * Ended instances of the named versions are stopped too, so that nothing of them is left. */
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "base/time.h"
#include "driver/command_work.h"

/* ---- how it ends ---- */

static nip__value *result_now(nip__argv_work *work)
{
    nip__arena *arena = work->base.arena;
    nip__value *result = nip__local_result(arena, nip__action_args_value(work->base.action), work->instances);
    nip__put(arena, result, "stopped", work->stopped == NULL ? nip__list(arena) : nip__copy(arena, work->stopped));
    return result;
}

static void give_up(nip__argv_work *work)
{
    nip__work_refuse(&work->base, &work->trouble, result_now(work));
}

static bool is_late(nip__argv_work *work)
{
    return nip__loop_now(work->driver->loop) >= work->until;
}

/* Of one whose exit status is unknown the list tells, until it is late. */
static bool failed(const nip__argv_job *job)
{
    return !job->well && !job->unknown;
}

static void set_patience(nip__argv_work *work)
{
    nip__loop_update(work->driver->loop);
    work->until = nip__time_add(nip__loop_now(work->driver->loop), work->driver->settings.timeout);
}

static const nip__local_instance *running_at(const nip__argv_work *work, const char *endpoint)
{
    for (size_t i = 0; i < work->instances->count; i++)
        if (work->instances->list[i].running && strcmp(work->instances->list[i].endpoint, endpoint) == 0)
            return &work->instances->list[i];
    return NULL;
}

static bool make_plan(nip__argv_work *work)
{
    const char *wrong = NULL;
    if (nip__local_plan_make(work->base.arena, nip__action_args_value(work->base.action), work->instances, &work->plan,
                             &wrong))
        return true;
    if (wrong == NULL)
        nip__work_fail(&work->base, "no_memory", true, NULL, "out of memory");
    else
        nip__work_fail(&work->base, "bad_arguments", false, NULL, "%s", wrong);
    return false;
}

/* ---- stopping ---- */

static void stopped(nip__argv_work *work)
{
    nip__arena *arena = work->base.arena;
    nip__value *gone = nip__list(arena);
    const nip__argv_job *left = NULL;
    for (size_t i = 0; i < work->plan.stop_count; i++) {
        const nip__local_instance *now = running_at(work, work->plan.stop[i]->endpoint);
        if (now == NULL || strcmp(now->version, work->plan.stop[i]->version) != 0)
            nip__push_text(arena, gone, work->plan.stop[i]->endpoint);
        else if (left == NULL)
            left = &work->stopping[i];
    }
    work->stopped = gone;
    if (left == NULL) {
        nip__work_done(&work->base, result_now(work));
    } else if (failed(left) || is_late(work)) {
        nip__refuse(&work->trouble, "stop_failed", true, "%s is still listed as running after its stop: %.250s",
                    left->endpoint, left->well ? "the command ended well" : left->excerpt);
        give_up(work);
    } else {
        nip__argv_list_again(work, stopped);
    }
}

static void stops_ran(nip__argv_work *work)
{
    work->stopping = work->jobs;
    set_patience(work);
    nip__argv_list(work, stopped);
}

static const char *artifact_of(const nip__argv_work *work, const char *version)
{
    for (size_t i = 0; i < work->plan.version_count; i++)
        if (strcmp(work->plan.versions[i].name, version) == 0)
            return work->plan.versions[i].artifact;
    return version;
}

static void add_stop(nip__argv_work *work, const nip__local_instance *instance)
{
    nip__local_start about =
        nip__argv_about(work, instance->version, artifact_of(work, instance->version), instance->port);
    about.endpoint = instance->endpoint; /* which may be at another host */
    nip__argv_job_add(work, work->driver->settings.stop, about);
}

static void stop_surplus(nip__argv_work *work)
{
    if (!nip__argv_jobs(work, work->plan.stop_count))
        return;
    for (size_t i = 0; i < work->plan.stop_count; i++)
        add_stop(work, work->plan.stop[i]);
    if (work->job_count == 0)
        nip__work_done(&work->base, result_now(work));
    else
        nip__argv_run(work, stops_ran);
}

/* ---- starting ---- */

static int64_t missing(const nip__argv_work *work)
{
    int64_t count = 0;
    for (size_t i = 0; i < work->plan.version_count; i++)
        count += work->plan.versions[i].missing;
    return count;
}

/* What the user's command says about an instance that does not run. */
static void explained(nip__argv_work *work)
{
    size_t length = strlen(work->trouble.message);
    snprintf(work->trouble.message + length, sizeof work->trouble.message - length, "; %.200s",
             work->jobs[0].well ? strchr(work->jobs[0].excerpt, ':') + 2 : work->jobs[0].excerpt);
    give_up(work);
}

static void fail_start(nip__argv_work *work, const nip__argv_job *job)
{
    const nip__value *command = work->driver->settings.observe;
    nip__local_start about = job->about;
    nip__refuse(&work->trouble, "start_failed", true, "%s of %.60s is not listed as running after its start: %.250s",
                job->endpoint, job->about.version, job->well ? "the command ended well" : job->excerpt);
    if (command == NULL) {
        give_up(work);
    } else if (nip__argv_jobs(work, 1)) {
        nip__argv_job_add(work, command, about);
        nip__argv_run(work, explained);
    }
}

static void all_started(nip__argv_work *work)
{
    if (!make_plan(work))
        return;
    if (missing(work) == 0) {
        stop_surplus(work);
        return;
    }
    nip__refuse(&work->trouble, "exited", true, "an instance ended while others were started");
    give_up(work);
}

static void started(nip__argv_work *work)
{
    const nip__argv_job *absent = NULL;
    bool hopeless = false;
    for (size_t i = 0; i < work->start_count; i++) {
        const nip__argv_job *job = &work->starting[i];
        const nip__local_instance *now = running_at(work, job->endpoint);
        bool there = now != NULL && strcmp(now->version, job->about.version) == 0;
        if (there)
            continue;
        absent = absent == NULL || failed(job) ? job : absent;
        hopeless = hopeless || failed(job);
    }
    if (absent != NULL && (hopeless || is_late(work)))
        fail_start(work, absent);
    else if (absent != NULL)
        nip__argv_list_again(work, started);
    else
        all_started(work);
}

static void starts_ran(nip__argv_work *work)
{
    work->starting = work->jobs;
    work->start_count = work->job_count;
    set_patience(work);
    nip__argv_list(work, started);
}

static int take_port(nip__argv_work *work)
{
    const nip__argv_settings *settings = &work->driver->settings;
    if (nip__argv_is_local(settings->local.host))
        return nip__local_port_take(&settings->local, work->instances);
    for (int port = settings->local.port_first; port <= settings->local.port_last; port++)
        if (!work->instances->taken[port]) {
            work->instances->taken[port] = true;
            return port;
        }
    return 0;
}

static void start_missing(nip__argv_work *work)
{
    if (!nip__argv_jobs(work, (size_t)missing(work)))
        return;
    for (size_t i = 0; i < work->plan.version_count; i++)
        for (int64_t n = 0; n < work->plan.versions[i].missing; n++) {
            const nip__local_version *version = &work->plan.versions[i];
            int port = take_port(work);
            if (port == 0) {
                nip__refuse(&work->trouble, "no_ports", true, "no port from %d to %d is free for %.60s",
                            work->driver->settings.local.port_first, work->driver->settings.local.port_last,
                            version->name);
                give_up(work);
                return;
            }
            nip__argv_job_add(work, work->driver->settings.start,
                              nip__argv_about(work, version->name, version->artifact, port));
        }
    if (work->job_count == 0)
        stop_surplus(work);
    else
        nip__argv_run(work, starts_ran);
}

/* ---- the way ---- */

/* Whether that ended well does not matter: what is started next shows it. */
static void cleaned(nip__argv_work *work)
{
    for (size_t i = 0; i < work->plan.forget_count; i++)
        work->instances->taken[work->plan.forget[i]->port] = running_at(work, work->plan.forget[i]->endpoint) != NULL;
    start_missing(work);
}

static void clean(nip__argv_work *work)
{
    if (!nip__argv_jobs(work, work->plan.forget_count))
        return;
    for (size_t i = 0; i < work->plan.forget_count; i++)
        if (running_at(work, work->plan.forget[i]->endpoint) == NULL)
            add_stop(work, work->plan.forget[i]);
    nip__argv_run(work, cleaned);
}

/* A text that begins with '-' would be an option of the command it is put into. */
static const char *check_words(nip__argv_work *work)
{
    for (NIP__EACH(version, nip__get(nip__action_args_value(work->base.action), "versions"))) {
        const char *artifact = nip__get_text(version, "artifact");
        if (version->key[0] == '-' || (artifact != NULL && artifact[0] == '-'))
            return "a version or an artifact that begins with '-' would be taken for an option";
    }
    return NULL;
}

static void first_listed(nip__argv_work *work)
{
    const char *message = NULL;
    if (!make_plan(work))
        return;
    if (!nip_action_settles(work->base.action)) {
        clean(work);
        return;
    }
    const char *outcome = nip__local_settle(work->base.arena, nip__action_args_value(work->base.action),
                                            nip__action_before_value(work->base.action), work->instances, &message);
    work->trouble.reason = NULL;
    if (message != NULL)
        nip__refuse(&work->trouble, "foreign", false, "%s", message);
    nip__work_settled(&work->base, outcome, result_now(work), &work->trouble);
}

void nip__argv_instances(nip__argv_work *work)
{
    const char *wrong = check_words(work);
    if (wrong != NULL)
        nip__work_fail(&work->base, "bad_arguments", false, NULL, "%s", wrong);
    else
        nip__argv_list(work, first_listed);
}
