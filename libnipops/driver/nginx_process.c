/* What /proc tells of nginx: its master, and which workers still take connections. nginx writes that into their titles. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "driver/local.h"
#include "driver/nginx_work.h"

enum { TITLE_MAX = 4096, PID_MAX = 64 };

/* -1: out of memory, which must not look like another title. */
static int has_title(pid_t pid, const char *begin, const char *part)
{
    char path[64];
    nip__buffer title = NIP__BUFFER(TITLE_MAX);
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    int rc = nip__file_tail(path, TITLE_MAX - 1, &title);
    bool nomem = rc == NIP_E_NOMEM || title.failed;
    bool has = rc == 0 && nip__text_starts(nip__buffer_string(&title), begin) &&
               (part == NULL || strstr(nip__buffer_string(&title), part) != NULL);
    nip__buffer_clear(&title);
    return nomem ? -1 : has;
}

static bool read_pid(const char *path, pid_t *pid, bool *nomem)
{
    nip__buffer text = NIP__BUFFER(PID_MAX);
    int64_t number = 0;
    int rc = nip__file_read(path, PID_MAX - 1, &text, NULL);
    bool read = rc == 0 && text.length > 0;
    *nomem = rc == NIP_E_NOMEM;
    if (read && text.data[text.length - 1] == '\n')
        text.data[text.length - 1] = '\0';
    read = read && nip__text_int(text.data, &number) && number > 1 && number <= INT32_MAX;
    *pid = (pid_t)number;
    nip__buffer_clear(&text);
    return read;
}

bool nip__nginx_master(const nip__nginx_settings *settings, pid_t *master, nip__trouble *trouble)
{
    bool nomem = false;
    if (settings->pid == NULL)
        return nip__refuse(trouble, "unsupported", false,
                           "nginx's pid file is not known: name it in the setting `pid`");
    bool read = read_pid(settings->pid, master, &nomem);
    int titled = read ? has_title(*master, "nginx: master", NULL) : 0;
    if (nomem || titled < 0)
        return nip__refuse(trouble, "no_memory", true, "out of memory");
    if (!read)
        return nip__refuse(trouble, "unreachable", true, "nginx does not run: %.200s names no process (setting `pid`)",
                           settings->pid);
    if (titled == 0)
        return nip__refuse(trouble, "unreachable", true,
                           "nginx does not run: process %d of %.200s is no master of nginx", (int)*master,
                           settings->pid);
    return true;
}

static bool add_worker(nip__arena *arena, nip__nginx_workers *workers, size_t *capacity,
                       const nip__local_process *process)
{
    if (workers->count == *capacity) {
        size_t more = *capacity * 2 + 16;
        nip__nginx_worker *grown = nip__arena_alloc(arena, more * sizeof *grown);
        if (grown == NULL)
            return false;
        if (workers->count > 0)
            memcpy(grown, workers->serving, workers->count * sizeof *grown);
        workers->serving = grown;
        *capacity = more;
    }
    workers->serving[workers->count++] = (nip__nginx_worker){process->pid, process->start};
    return true;
}

bool nip__nginx_workers_read(nip__arena *arena, pid_t master, nip__nginx_workers *workers)
{
    DIR *folder = opendir("/proc");
    const struct dirent *entry;
    size_t capacity = 0;
    bool known = folder != NULL;
    *workers = (nip__nginx_workers){0};
    while (known && (errno = 0, entry = readdir(folder)) != NULL) {
        int64_t pid;
        nip__local_process process;
        if (!nip__text_int(entry->d_name, &pid))
            continue;
        int read = nip__local_process_read((pid_t)pid, &process);
        known = read >= 0;
        if (read <= 0 || process.parent != master || process.dead)
            continue;
        int leaves = has_title(process.pid, "nginx: worker", "shutting down");
        int works = leaves == 0 ? has_title(process.pid, "nginx: worker", NULL) : 0;
        workers->leaving += leaves > 0;
        known = leaves >= 0 && works >= 0 && (works == 0 || add_worker(arena, workers, &capacity, &process));
    }
    known = known && errno == 0;
    if (folder != NULL)
        closedir(folder);
    return known;
}

size_t nip__nginx_still_serving(const nip__nginx_workers *workers)
{
    size_t count = 0;
    for (size_t i = 0; i < workers->count; i++) {
        nip__local_process process;
        int read = nip__local_process_read(workers->serving[i].pid, &process);
        bool gone = read == 0 || (read > 0 && (process.dead || process.start != workers->serving[i].start));
        count += !gone && has_title(workers->serving[i].pid, "nginx: worker", "shutting down") != 1;
    }
    return count;
}

int64_t nip__nginx_old_workers(nip__arena *arena, const nip__nginx_settings *settings)
{
    nip__nginx_workers workers;
    nip__trouble ignored;
    pid_t master;
    if (!nip__nginx_master(settings, &master, &ignored) || !nip__nginx_workers_read(arena, master, &workers))
        return -1;
    return workers.leaving;
}
