/* Asking nginx: its status server, its program, its master. Every step ends in the work's next one. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "driver/nginx_work.h"

enum { OUTPUT_MAX = 4 * 1024 * 1024, ARGUMENTS_MAX = 64 };

static void fail_error(nip__nginx_work *work, const nip_error *error)
{
    bool memory = nip_error_code(error) == NIP_E_NOMEM;
    nip__work_fail(&work->base, memory ? "no_memory" : "internal", true, NULL, "%s", nip_error_message(error));
}

bool nip__nginx_repairs(const nip__nginx_work *work)
{
    return nip__get_bool(nip__action_args_value(work->base.action), "repairs", false);
}

bool nip__nginx_look(nip__nginx_work *work)
{
    const nip__nginx_settings *settings = &work->driver->settings;
    nip_error *error = NULL;
    work->old = NIP__BUFFER(NIP__NGINX_FILE_MAX);
    int rc = nip__file_read(settings->file, NIP__NGINX_FILE_MAX - 1, &work->old, &error);
    bool missing = rc < 0 && nip_error_os_errno(error) == ENOENT;
    if (rc < 0 && !missing) {
        bool denied = nip_error_os_errno(error) == EACCES, nomem = rc == NIP_E_NOMEM;
        nip__work_fail(&work->base, nomem ? "no_memory" : denied ? "permission" : "internal", !denied, NULL, "%s",
                       nip_error_message(error));
    } else if (missing) {
        work->absent = true;
        work->file = (nip__nginx_file){.found = NIP__NGINX_MISSING};
    } else {
        nip__nginx_parse(work->base.arena, settings, nip__buffer_string(&work->old), work->old.length, &work->file);
    }
    nip_error_free(error);
    return rc == 0 || missing;
}

/* ---- the status server ---- */

bool nip__nginx_in_force(const nip__nginx_work *work)
{
    return work->file.found == NIP__NGINX_OURS && work->running.answered &&
           strcmp(work->file.token, work->running.token) == 0;
}

static void answered(void *data, const nip__http_reply *reply)
{
    nip__nginx_work *work = data;
    const nip__nginx_settings *settings = &work->driver->settings;
    nip__nginx_running *running = &work->running;
    work->http = NULL;
    work->lacks_memory = nip__text_equal(reply->reason, "no_memory");
    *running = (nip__nginx_running){0};
    running->answered =
        reply->reason == NULL && reply->status == 200 &&
        nip__nginx_read_token(settings, reply->body, reply->body_length, &running->generation, running->token);
    if (reply->reason != NULL)
        snprintf(running->problem, sizeof running->problem, "http://%s/nipops: %.200s", settings->status,
                 reply->message);
    else if (!running->answered)
        snprintf(running->problem, sizeof running->problem,
                 "http://%s/nipops answers %d, but not as upstream %s of nipops does", settings->status, reply->status,
                 settings->upstream);
    work->step(work);
}

void nip__nginx_ask(nip__nginx_work *work, nip__nginx_step *step)
{
    const nip__nginx_settings *settings = &work->driver->settings;
    const char *host = nip__arena_printf(work->base.arena, "Host: %s.nipops", settings->upstream);
    const char *url = nip__arena_printf(work->base.arena, "http://%s/nipops", settings->status);
    const char *headers[] = {host, NULL};
    nip__http_request request = {.url = url,
                                 .headers = headers,
                                 .timeout = settings->timeout,
                                 .reply_max = NIP__NGINX_REPLY_MAX,
                                 .fresh_connection = true};
    nip_error *error = NULL;
    work->step = step;
    int rc = host == NULL || url == NULL
                 ? nip__nomem(&error)
                 : nip__http_start(work->driver->loop, &request, answered, work, &work->http, &error);
    if (rc < 0)
        fail_error(work, error);
    nip_error_free(error);
}

/* ---- the program ---- */

/* The last line with something in it. */
static void take_excerpt(nip__nginx_work *work, const nip__command_result *result)
{
    const char *text = result->output, *end = text + result->output_length;
    while (end > text && (end[-1] == '\n' || end[-1] == '\r' || end[-1] == ' '))
        end--;
    const char *line = end;
    while (line > text && line[-1] != '\n')
        line--;
    /* nginx ends with "... test failed": what failed stands in the line before */
    if (line > text && end - line > 11 && strncmp(end - 11, "test failed", 11) == 0) {
        end = line - 1;
        line = end;
        while (line > text && line[-1] != '\n')
            line--;
    }
    snprintf(work->excerpt, sizeof work->excerpt, "%.*s", (int)(end - line < 350 ? end - line : 350), line);
    for (char *c = work->excerpt; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
}

/* A link to our file is no copy of it, but the file by another name. */
static void tell_links_from_copies(const nip__nginx_settings *settings, nip__nginx_dump *dump)
{
    struct stat ours, copy;
    if (!dump->told || dump->copy[0] == '\0' || stat(settings->file, &ours) < 0 || stat(dump->copy, &copy) < 0 ||
        ours.st_dev != copy.st_dev || ours.st_ino != copy.st_ino)
        return;
    dump->includes = true;
    dump->copy[0] = '\0';
}

static void ended(void *data, const nip__command_result *result)
{
    nip__nginx_work *work = data;
    const nip__nginx_settings *settings = &work->driver->settings;
    work->command = NULL;
    work->ran_well = result->exit_code == 0 && !result->timed_out;
    work->ran_unknown = result->unknown && !result->timed_out;
    work->excerpt[0] = '\0';
    if (work->ran_unknown)
        snprintf(work->excerpt, sizeof work->excerpt, "%s", NIP__STATUS_UNKNOWN);
    else if (result->timed_out)
        snprintf(work->excerpt, sizeof work->excerpt, "it took longer than `timeout` and was killed");
    else if (!work->ran_well)
        take_excerpt(work, result);
    if (!work->ran_well && work->excerpt[0] == '\0')
        snprintf(work->excerpt, sizeof work->excerpt, "exit %d without a word", result->exit_code);
    bool whole = result->output_length < OUTPUT_MAX; /* of a longer one only the end is there */
    work->dump = whole ? nip__nginx_read_dump(settings, result->output) : (nip__nginx_dump){0};
    tell_links_from_copies(settings, &work->dump);
    if (!work->dump.told)
        nip__nginx_refused_copy(settings, work->excerpt, work->dump.copy);
    work->step(work);
}

/* A program that cannot even be started has failed too. */
static void run(nip__nginx_work *work, const char *const *argv, nip__nginx_step *step)
{
    nip__spawn spawn = {.argv = argv, .out_fd = -1, .err_fd = -1};
    nip_error *error = NULL;
    work->step = step;
    int rc = nip__command_start(work->driver->loop, &spawn, work->driver->settings.timeout, OUTPUT_MAX, ended, work,
                                &work->command, &error);
    if (rc < 0) {
        snprintf(work->excerpt, sizeof work->excerpt, "%.350s", nip_error_message(error));
        work->ran_well = work->ran_unknown = false;
        work->lacks_memory = nip_error_code(error) == NIP_E_NOMEM;
        work->dump = (nip__nginx_dump){0};
        step(work);
    }
    nip_error_free(error);
}

static size_t put_arguments(const char **argv, size_t count, const nip__value *list)
{
    for (NIP__EACH(item, list))
        if (nip__is(item, NIP__STRING) && count < ARGUMENTS_MAX)
            argv[count++] = item->as.string.text;
    return count;
}

void nip__nginx_test(nip__nginx_work *work, nip__nginx_step *step)
{
    const nip__nginx_settings *settings = &work->driver->settings;
    const char *argv[ARGUMENTS_MAX + 5] = {0};
    size_t count = put_arguments(argv, 0, settings->nginx);
    argv[count++] = "-T";
    argv[count++] = "-q";
    if (settings->conf != NULL) {
        argv[count++] = "-c";
        argv[count++] = settings->conf;
    }
    run(work, argv, step);
}

static void signal_master(nip__nginx_work *work, nip__nginx_step *step)
{
    nip__trouble trouble;
    pid_t master;
    work->ran_unknown = false;
    work->ran_well = nip__nginx_master(&work->driver->settings, &master, &trouble);
    if (!work->ran_well) {
        snprintf(work->excerpt, sizeof work->excerpt, "%.390s", trouble.message);
    } else if (kill(master, SIGHUP) < 0) {
        work->ran_well = false;
        snprintf(work->excerpt, sizeof work->excerpt,
                 "process %d may not be signalled by this user: run as root or name a command in the setting `reload`",
                 (int)master);
    }
    step(work);
}

void nip__nginx_reload(nip__nginx_work *work, nip__nginx_step *step)
{
    const char *argv[ARGUMENTS_MAX + 1] = {0};
    if (put_arguments(argv, 0, work->driver->settings.reload) > 0)
        run(work, argv, step);
    else
        signal_master(work, step);
}

static void fired(void *data)
{
    nip__nginx_work *work = data;
    work->step(work);
}

void nip__nginx_pause(nip__nginx_work *work, nip_duration time, nip__nginx_step *step)
{
    nip_error *error = NULL;
    work->step = step;
    if (nip__timer_set_real(work->driver->loop, &work->timer, time, fired, work, &error) < 0)
        fail_error(work, error);
    nip_error_free(error);
}
