/* Starting instances: all at once, then until every one listens, one has ended, or the time is over. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/time.h"
#include "driver/local_work.h"

#define TICK (50 * NIP_MILLISECOND) /* between two looks at the ports */

enum { LAST_OUTPUT = 600, FOLDER_MAX = 4096 };

/* ---- one instance ---- */

static bool is_used(const nip__local_work *work, const char *token)
{
    for (size_t i = 0; i < work->instances->count; i++)
        if (strcmp(work->instances->list[i].id, token) == 0)
            return true;
    for (size_t i = 0; i < work->start_count; i++)
        if (strcmp(work->starting[i].instance.id, token) == 0)
            return true;
    return false;
}

/* The action is in the journal before we are called, so the token leads from the process to it, whatever happens to
 * us. */
static const char *new_token(nip__local_work *work, const char *version)
{
    for (int n = 1;; n++) {
        const char *token = nip__arena_printf(work->arena, "%s/%s/%s/%d", nip_action_subject(work->action), version,
                                              nip_action_id(work->action), n);
        if (token == NULL || !is_used(work, token))
            return token;
    }
}

static int open_log(nip__local_instance *instance, nip_error **err)
{
    struct stat file;
    char folder[FOLDER_MAX];
    const char *slash = strrchr(instance->log, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - instance->log);
    if (length >= sizeof folder)
        return nip__fail(err, NIP_E_LIMIT, "the path of log %s is too long", instance->log);
    memcpy(folder, instance->log, length);
    folder[length] = '\0';
    if (length > 0 && nip__file_make_folder(folder, err) < 0)
        return -1;
    int fd = open(instance->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (fd < 0)
        return nip__fail_errno(err, NIP_E_IO, errno, "log %s cannot be opened", instance->log);
    instance->log_from = fstat(fd, &file) == 0 ? file.st_size : 0;
    return fd;
}

static const char *start_reason(const nip_error *error, bool *retryable)
{
    switch (nip_error_os_errno(error)) {
    case ENOENT:
    case EACCES:
    case ENOTDIR:
    case ENOEXEC:
    case ELOOP:
    case EISDIR:
        *retryable = false;
        return "no_such_program";
    default:
        return "start_failed";
    }
}

static void fail_start(nip__local_work *work, const nip_error *error, bool of_program)
{
    bool retryable = true;
    if (nip__local_shortage(error) != NULL) {
        nip__local_fail_error(work, error);
        return;
    }
    const char *reason = of_program ? start_reason(error, &retryable) : "start_failed";
    nip__local_fail(work, reason, retryable, "%s", nip_error_message(error));
}

/* From here on it runs. When its file cannot be written it is found by its token. */
static bool record(nip__local_work *work, nip__local_member *member)
{
    nip__local_process process;
    nip__local_instance *instance = &member->instance;
    nip_error *error = NULL;
    int found = nip__local_process_read(instance->pid, &process), reason = errno;
    instance->start = found > 0 ? process.start : 0;
    instance->started = nip__local_started(instance->start);
    instance->running = instance->has_file = true;
    work->start_count++;
    if (found < 0) /* a file with a wrong start would hide it */
        nip__fail_errno(&error, NIP_E_IO, reason, "process %d, just started, cannot be read in /proc",
                        (int)instance->pid);
    else if (nip__local_instance_write(&work->driver->settings, nip_action_subject(work->action), instance, &error) ==
             0)
        return true;
    fail_start(work, error, false);
    nip_error_free(error);
    return false;
}

static bool spawn(nip__local_work *work, nip__local_member *member, const nip__local_start *start)
{
    const nip__local_settings *settings = &work->driver->settings;
    const char *wrong = NULL, *const * argv, *const * env;
    nip_error *error = NULL;
    if (!nip__local_command(work->arena, settings, start, &argv, &env, &wrong)) {
        nip__local_fail(work, "start_failed", false, "%s", wrong != NULL ? wrong : "out of memory");
        return false;
    }
    int log = open_log(&member->instance, &error);
    nip__spawn spawned = {
        .argv = argv, .extra_env = env, .folder = settings->folder, .out_fd = log, .err_fd = log, .new_session = true};
    int rc = log < 0 ? -1 : nip__spawn_start(&spawned, &member->instance.pid, &member->pidfd, &error);
    if (log >= 0)
        close(log);
    if (rc < 0)
        fail_start(work, error, log >= 0);
    nip_error_free(error);
    return rc >= 0 && record(work, member);
}

static bool start_one(nip__local_work *work, const nip__local_version *version)
{
    const nip__local_settings *settings = &work->driver->settings;
    nip__local_member *member = &work->starting[work->start_count];
    int port = nip__local_port_take(settings, work->instances);
    const char *subject = nip_action_subject(work->action);
    *member = (nip__local_member){.work = work, .pidfd = -1, .probe = -1};
    if (port == 0) {
        nip__local_fail(work, "no_ports", true, "no free port in %d-%d for another instance of %s",
                        settings->port_first, settings->port_last, version->name);
        return false;
    }
    member->instance = (nip__local_instance){
        .id = new_token(work, version->name),
        .version = version->name,
        .artifact = version->artifact,
        .endpoint = nip__local_endpoint(work->arena, settings->host, port),
        .log = nip__local_log_path(work->arena, settings, subject, port),
        .port = port,
        .exit_code = -1,
    };
    if (nip__arena_failed(work->arena)) {
        nip__local_fail(work, "no_memory", true, "out of memory");
        return false;
    }
    const nip__local_start start = {member->instance.id, version->name, version->artifact, subject, port,
                                    version->settings};
    return spawn(work, member, &start);
}

/* ---- waiting for all ---- */

static const char *how_it_ended(nip__arena *arena, const nip__local_instance *instance)
{
    if (!instance->has_exit)
        return "ended";
    if (instance->exit_signal != 0)
        return nip__arena_printf(arena, "was ended by signal %d", instance->exit_signal);
    return nip__arena_printf(arena, "exited with code %d", instance->exit_code);
}

/* The last lines of output as one line. */
static void put_output(const nip__local_instance *instance, nip__buffer *text)
{
    nip__local_instance_tail(instance, LAST_OUTPUT, text);
    while (text->length > 0 && text->data[text->length - 1] == '\n')
        text->data[--text->length] = '\0';
    for (size_t i = 0; i < text->length; i++)
        if ((unsigned char)text->data[i] < ' ')
            text->data[i] = text->data[i] == '\n' ? '|' : ' ';
}

static void fail_ended(nip__local_member *member)
{
    nip__local_work *work = member->work;
    const nip__local_instance *instance = &member->instance;
    nip__buffer output = NIP__BUFFER(2 * LAST_OUTPUT);
    bool taken = !nip__local_port_unused(instance->port);
    const char *how = how_it_ended(work->arena, instance);
    put_output(instance, &output);
    nip__local_fail(work, taken ? "port_taken" : "exited", true,
                    "the instance of %.60s at %s %s%s; its last output: %s", instance->version, instance->endpoint,
                    how == NULL ? "ended" : how, taken ? ", and somebody else listens there" : "",
                    output.length == 0 ? "(nothing)" : output.data);
    nip__buffer_clear(&output);
}

static void ended(void *data, uint32_t events)
{
    nip__local_member *member = data;
    (void)events;
    if (nip__local_ended(member))
        fail_ended(member);
}

/* One that the host had reaped before it could be held has ended. */
static bool watch(nip__local_member *member)
{
    if (member->pidfd >= 0)
        return nip__local_watch(member, ended);
    fail_ended(member);
    return false;
}

static void finish(nip__local_work *work)
{
    for (size_t i = 0; i < work->start_count; i++)
        nip__local_unwatch(&work->starting[i]);
    nip__local_stop_all(work);
}

/* Not listening when the time is over is no failure: whether an instance is healthy is for the health check to say. */
static void look(void *data)
{
    nip__local_work *work = data;
    size_t listening = 0;
    for (size_t i = 0; i < work->start_count; i++) {
        nip__local_member *member = &work->starting[i];
        if (!member->listening)
            member->listening =
                nip__local_port_probe(work->driver->settings.host, member->instance.port, &member->probe) > 0;
        listening += member->listening;
    }
    if (listening == work->start_count || nip__loop_now(work->driver->loop) >= work->until)
        finish(work);
    else
        nip__local_tick(work, TICK, look);
}

void nip__local_start_all(nip__local_work *work)
{
    const nip__local_plan *plan = &work->plan;
    size_t missing = 0;
    for (size_t i = 0; i < plan->version_count; i++)
        missing += (size_t)plan->versions[i].missing;
    work->starting = nip__arena_alloc(work->arena, (missing + 1) * sizeof *work->starting);
    if (work->starting == NULL) {
        nip__local_fail(work, "no_memory", true, "out of memory");
        return;
    }
    if ((int64_t)missing > 0 && nip__local_ports_free(&work->driver->settings, work->instances) < (int64_t)missing) {
        nip__local_fail(work, "no_ports", true, "%zu instances are to be started, but fewer ports of %d-%d are free",
                        missing, work->driver->settings.port_first, work->driver->settings.port_last);
        return;
    }
    for (size_t i = 0; i < plan->version_count; i++)
        for (int64_t k = 0; k < plan->versions[i].missing; k++)
            if (!start_one(work, &plan->versions[i]))
                return;
    for (size_t i = 0; i < work->start_count; i++)
        if (!watch(&work->starting[i]))
            return;
    work->until = nip__time_add(nip__loop_now(work->driver->loop), work->driver->settings.start_timeout);
    if (work->start_count == 0)
        nip__local_stop_all(work);
    else
        nip__local_tick(work, TICK, look);
}
