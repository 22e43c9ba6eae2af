/* Running the user's commands: by argv, some at a time, each with a timeout. */
#include <stdio.h>
#include <string.h>
#include "base/error.h"
#include "base/time.h"
#include "driver/command_work.h"

#define LIST_EVERY (200 * NIP_MILLISECOND)

static void fail_error(nip__argv_work *work, const nip_error *error)
{
    bool memory = nip_error_code(error) == NIP_E_NOMEM;
    nip__work_fail(&work->base, memory ? "no_memory" : "internal", true, NULL, "%s", nip_error_message(error));
}

static void fail_for_memory(nip__argv_work *work)
{
    nip__work_fail(&work->base, "no_memory", true, NULL, "out of memory");
}

nip__local_start nip__argv_about(nip__argv_work *work, const char *version, const char *artifact, int port)
{
    nip__arena *arena = work->base.arena;
    const char *subject = nip_action_subject(work->base.action), *host = work->driver->settings.local.host;
    return (nip__local_start){
        .version = version,
        .artifact = artifact,
        .subject = subject,
        .port = port,
        .endpoint = nip__local_endpoint(arena, host, port),
        .id = nip__arena_printf(arena, "%s-%d", subject, port),
    };
}

/* ---- jobs ---- */

bool nip__argv_jobs(nip__argv_work *work, size_t count)
{
    work->job_count = work->jobs_begun = work->jobs_done = 0;
    work->jobs = nip__arena_alloc(work->base.arena, (count + 1) * sizeof *work->jobs);
    if (work->jobs != NULL)
        return true;
    fail_for_memory(work); /* which is the end of the work */
    return false;
}

nip__argv_job *nip__argv_job_add(nip__argv_work *work, const nip__value *command, nip__local_start about)
{
    nip__argv_job *job = &work->jobs[work->job_count++];
    *job = (nip__argv_job){.work = work, .command = command, .about = about, .endpoint = about.endpoint};
    return job;
}

/* The last line with something in it of what it wrote to stderr, else to stdout. */
static void take_excerpt(nip__argv_job *job, const nip__command_result *result)
{
    const char *text = result->errors_length > 0 ? result->errors : result->output;
    const char *end = text + (result->errors_length > 0 ? result->errors_length : result->output_length);
    while (end > text && (unsigned char)end[-1] <= ' ')
        end--;
    const char *line = end;
    while (line > text && line[-1] != '\n')
        line--;
    int shown = end - line < 200 ? (int)(end - line) : 200;
    if (result->timed_out)
        snprintf(job->excerpt, sizeof job->excerpt, "it took longer than `timeout` and was killed");
    else if (result->unknown)
        snprintf(job->excerpt, sizeof job->excerpt, "%s; it wrote: %.*s", NIP__STATUS_UNKNOWN, shown, line);
    else if (result->signal != 0)
        snprintf(job->excerpt, sizeof job->excerpt, "ended by signal %d: %.*s", result->signal, shown, line);
    else
        snprintf(job->excerpt, sizeof job->excerpt, "exit %d: %.*s", result->exit_code, shown, line);
    for (char *c = job->excerpt; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
}

static void take_end(nip__argv_job *job, const nip__command_result *result)
{
    job->well = result->exit_code == 0 && !result->timed_out;
    job->unknown = result->unknown && !result->timed_out;
    take_excerpt(job, result);
}

static void begin_jobs(nip__argv_work *work);

static void over(nip__argv_job *job)
{
    nip__argv_work *work = job->work;
    job->running = NULL;
    job->done = true;
    work->jobs_done++;
}

static void ended(void *data, const nip__command_result *result)
{
    nip__argv_job *job = data;
    take_end(job, result);
    over(job);
    begin_jobs(job->work);
}

static const char *const *fill(nip__argv_job *job)
{
    nip__arena *arena = job->work->base.arena;
    const char **argv = nip__arena_alloc(arena, (nip__count(job->command) + 1) * sizeof *argv);
    size_t count = 0;
    for (NIP__EACH(word, job->command))
        if (argv != NULL && nip__is(word, NIP__STRING))
            argv[count++] =
                nip__local_fill(arena, &job->work->driver->settings.local, &job->about, word->as.string.text);
    for (size_t i = 0; i < count; i++)
        if (argv[i] == NULL) /* it would end the command line there */
            nip__arena_fail(arena);
    return nip__arena_failed(arena) ? NULL : argv;
}

/* A version or an artifact that begins with '-' would be an option of the command: the name of the word that it makes one, or NULL. */
static const char *made_option(const nip__argv_job *job, const char *const *argv)
{
    size_t i = 0;
    for (NIP__EACH(word, job->command)) {
        if (!nip__is(word, NIP__STRING))
            continue;
        if (word->as.string.text[0] == '{' && argv[i][0] == '-')
            return word->as.string.text;
        i++;
    }
    return NULL;
}

/* A command that cannot even be started has failed. Without memory nothing is known of it: false. */
static bool begin_job(nip__argv_job *job)
{
    nip__argv_work *work = job->work;
    nip__spawn spawn = {.argv = fill(job), .out_fd = -1, .err_fd = -1, .errors_apart = true};
    nip_error *error = NULL;
    if (spawn.argv == NULL)
        return false;
    const char *option = made_option(job, spawn.argv);
    int rc = option != NULL ? NIP_E_INVALID
                            : nip__command_start(work->driver->loop, &spawn, work->driver->settings.timeout, NIP__ARGV_OUTPUT_MAX, ended,
                                                 job, &job->running, &error);
    bool nomem = nip_error_code(error) == NIP_E_NOMEM;
    if (option != NULL)
        snprintf(job->excerpt, sizeof job->excerpt, "not started: %.100s begins with '-' here and would be taken for an option", option);
    else if (rc < 0)
        snprintf(job->excerpt, sizeof job->excerpt, "%.280s", nip_error_message(error));
    if (rc < 0 && !nomem)
        over(job);
    nip_error_free(error);
    return !nomem;
}

static void begin_jobs(nip__argv_work *work)
{
    while (work->jobs_begun < work->job_count &&
           (int64_t)(work->jobs_begun - work->jobs_done) < work->driver->settings.parallel)
        if (!begin_job(&work->jobs[work->jobs_begun++])) {
            fail_for_memory(work);
            return;
        }
    if (work->jobs_done == work->job_count)
        work->step(work);
}

void nip__argv_run(nip__argv_work *work, nip__argv_step *step)
{
    work->step = step;
    begin_jobs(work);
}

/* ---- the list ---- */

static void listed(void *data, const nip__command_result *result)
{
    nip__argv_job *job = data;
    nip__argv_work *work = job->work;
    take_end(job, result);
    over(job);
    if (job->unknown)
        nip__work_fail(&work->base, "status_unknown", true, NULL,
                       "what runs is not known, since nobody knows whether `list` ended well: %s", job->excerpt);
    else if (!job->well)
        nip__work_fail(&work->base, result->timed_out ? "timeout" : "list_failed", true, NULL,
                       "what runs is not known, since `list` failed: %s", job->excerpt);
    else if (!nip__argv_read_list(work->base.arena, &work->driver->settings, result->output, result->output_length,
                                  work->instances, &work->trouble))
        nip__work_refuse(&work->base, &work->trouble, NULL);
    else
        work->step(work);
}

void nip__argv_list(nip__argv_work *work, nip__argv_step *step)
{
    nip_error *error = NULL;
    if (!nip__argv_jobs(work, 1))
        return;
    nip__argv_job *job =
        nip__argv_job_add(work, work->driver->settings.list,
                          (nip__local_start){.subject = nip_action_subject(work->base.action), .port = 0});
    nip__spawn spawn = {.argv = fill(job), .out_fd = -1, .err_fd = -1, .errors_apart = true};
    work->step = step;
    if (spawn.argv == NULL) {
        fail_for_memory(work);
        return;
    }
    if (nip__command_start(work->driver->loop, &spawn, work->driver->settings.timeout, NIP__ARGV_OUTPUT_MAX, listed,
                           job, &job->running, &error) < 0)
        nip__work_fail(&work->base, "list_failed", true, NULL, "what runs is not known, since `list` failed: %s",
                       nip_error_message(error));
    nip_error_free(error);
}

static void list_now(void *data)
{
    nip__argv_work *work = data;
    nip__argv_list(work, work->step);
}

void nip__argv_list_again(nip__argv_work *work, nip__argv_step *step)
{
    nip_error *error = NULL;
    work->step = step;
    if (nip__timer_set_real(work->driver->loop, &work->timer, LIST_EVERY, list_now, work, &error) < 0)
        fail_error(work, error);
    nip_error_free(error);
}
