/* The instances of a subject: one small file each, checked against /proc, and those whose file is missing found by
 * their token. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"
#include "doc/json.h"
#include "driver/local.h"

enum { FILE_MAX = 64 * 1024, PATH_TEXT_MAX = 4096, LAST_LINE_MAX = 400 };

/* ---- places ---- */

static bool put_path(nip__buffer *path, const nip__local_settings *settings, const char *subject, int port)
{
    nip__buffer_printf(path, "%s/local/%s", settings->state_dir, subject);
    if (port > 0)
        nip__buffer_printf(path, "/%d.json", port);
    return !path->failed;
}

/* One log a port: their number is bounded, and an instance's output begins at `log_from`. */
char *nip__local_log_path(nip__arena *arena, const nip__local_settings *settings, const char *subject, int port)
{
    if (settings->log_dir != NULL)
        return nip__arena_printf(arena, "%s/%s-%d.log", settings->log_dir, subject, port);
    return nip__arena_printf(arena, "%s/local/%s/%d.log", settings->state_dir, subject, port);
}

/* ---- files ---- */

/* Without boot and namespace the file would say that it is of another machine's life: better none then. */
static int put_instance(nip__buffer *text, const nip__local_instance *instance, nip_error **err)
{
    char boot[64], pid_namespace[64];
    nip__writer writer = NIP__WRITER(text);
    if (!nip__local_boot(boot, sizeof boot) || !nip__local_namespace(pid_namespace, sizeof pid_namespace))
        return nip__fail_errno(err, NIP_E_IO, errno, "/proc cannot be read");
    nip__write_map(&writer, NULL);
    nip__write_int(&writer, "v", 1);
    nip__write_text(&writer, "id", instance->id);
    nip__write_text(&writer, "version", instance->version);
    nip__write_text(&writer, "artifact", instance->artifact);
    nip__write_text(&writer, "endpoint", instance->endpoint);
    nip__write_int(&writer, "port", instance->port);
    nip__write_int(&writer, "pid", instance->pid);
    nip__write_int(&writer, "start", (int64_t)instance->start);
    nip__write_text(&writer, "boot", boot);
    nip__write_text(&writer, "pid_namespace", pid_namespace);
    nip__write_text(&writer, "log", instance->log);
    nip__write_int(&writer, "log_from", instance->log_from);
    nip__write_time(&writer, "started", instance->started);
    if (instance->adopted)
        nip__write_bool(&writer, "adopted", true);
    if (instance->has_exit)
        nip__write_int(&writer, instance->exit_signal != 0 ? "exit_signal" : "exit_code",
                       instance->exit_signal != 0 ? instance->exit_signal : instance->exit_code);
    nip__write_end_map(&writer);
    nip__buffer_char(text, '\n');
    return text->failed ? nip__nomem(err) : 0;
}

int nip__local_instance_write(const nip__local_settings *settings, const char *subject,
                              const nip__local_instance *instance, nip_error **err)
{
    nip__buffer folder = NIP__BUFFER(PATH_TEXT_MAX), path = NIP__BUFFER(PATH_TEXT_MAX), text = NIP__BUFFER(FILE_MAX);
    int rc = put_instance(&text, instance, err);
    if (rc == 0 && (!put_path(&folder, settings, subject, 0) || !put_path(&path, settings, subject, instance->port)))
        rc = nip__nomem(err);
    if (rc == 0)
        rc = nip__file_make_folder(folder.data, err);
    if (rc == 0)
        rc = nip__file_write(path.data, text.data, text.length, err);
    nip__buffer_clear(&folder);
    nip__buffer_clear(&path);
    nip__buffer_clear(&text);
    return rc;
}

/* Was something read that is no file of ours, or was nothing there? Else it is not known what the file says. */
static bool is_no_file(const nip_error *error)
{
    int reason = nip_error_os_errno(error);
    if (nip_error_code(error) == NIP_E_IO)
        return reason == ENOENT || reason == EISDIR || reason == ELOOP;
    return nip_error_code(error) != NIP_E_NOMEM;
}

/* *file is NULL when it is none of ours, or damaged; such an instance is found by its token. */
static int read_file(nip__arena *arena, const char *path, const nip__value **file, nip_error **err)
{
    nip__buffer text = NIP__BUFFER(FILE_MAX);
    nip__value *read = NULL;
    nip_error *error = NULL;
    int rc = nip__file_read(path, FILE_MAX, &text, &error);
    if (rc == 0)
        rc = nip__json_read(arena, nip__buffer_string(&text), text.length, path, &nip__internal_limits, &read, &error);
    nip__buffer_clear(&text);
    if (rc < 0 && !is_no_file(error)) {
        nip__pass(err, error);
        return rc;
    }
    nip_error_free(error);
    *file = rc == 0 ? read : NULL;
    return 0;
}

static bool read_instance(const nip__value *file, int port, nip__local_instance *instance)
{
    *instance = (nip__local_instance){
        .id = nip__get_text(file, "id"),
        .version = nip__get_text(file, "version"),
        .artifact = nip__get_text(file, "artifact"),
        .endpoint = nip__get_text(file, "endpoint"),
        .log = nip__get_text(file, "log"),
        .port = (int)nip__get_int(file, "port", 0),
        .pid = (pid_t)nip__get_int(file, "pid", 0),
        .start = (uint64_t)nip__get_int(file, "start", 0),
        .log_from = nip__get_int(file, "log_from", 0),
        .started = nip__get_time(file, "started", 0),
        .has_file = true,
        .adopted = nip__get_bool(file, "adopted", false),
    };
    instance->exit_signal = (int)nip__get_int(file, "exit_signal", 0);
    instance->exit_code = (int)nip__get_int(file, "exit_code", -1);
    instance->has_exit = instance->exit_signal != 0 || instance->exit_code >= 0;
    return instance->port == port && instance->pid > 0 && instance->id != NULL && instance->version != NULL &&
           instance->endpoint != NULL;
}

void nip__local_instance_remove(const nip__local_settings *settings, const char *subject,
                                const nip__local_instance *instance)
{
    nip__buffer path = NIP__BUFFER(PATH_TEXT_MAX);
    nip__arena *arena = nip__arena_new();
    const nip__value *file;
    if (arena != NULL && put_path(&path, settings, subject, instance->port) &&
        read_file(arena, path.data, &file, NULL) == 0 && nip__text_equal(nip__get_text(file, "id"), instance->id))
        unlink(path.data);
    nip__arena_free(arena);
    nip__buffer_clear(&path);
}

/* ---- reading all ---- */

struct reader {
    nip__arena *arena;
    const nip__local_settings *settings;
    const char *subject;
    nip__local_instances *instances;
    size_t capacity;
    char boot[64], pid_namespace[64];
};

static bool add(struct reader *reader, const nip__local_instance *instance)
{
    nip__local_instances *instances = reader->instances;
    if (instances->count == reader->capacity) {
        size_t capacity = reader->capacity == 0 ? 16 : reader->capacity * 2;
        nip__local_instance *larger = nip__arena_alloc(reader->arena, capacity * sizeof *larger);
        if (larger == NULL)
            return false;
        if (instances->count > 0)
            memcpy(larger, instances->list, instances->count * sizeof *larger);
        instances->list = larger;
        reader->capacity = capacity;
    }
    instances->list[instances->count++] = *instance;
    return true;
}

/* A child of ours that ended is a zombie until we ask; what it says then is said only once. */
static void bury(const struct reader *reader, nip__local_instance *instance)
{
    int pidfd = nip__local_process_open(instance->pid, instance->start);
    if (pidfd < 0)
        return;
    if (nip__local_process_reap(pidfd, &instance->exit_code, &instance->exit_signal)) {
        instance->has_exit = true;
        nip__local_instance_write(reader->settings, reader->subject, instance,
                                  NULL); /* lost, if it cannot be: the exit code only */
    }
    close(pidfd);
}

static bool from_here_and_now(const struct reader *reader, const nip__value *file)
{
    return nip__text_equal(nip__get_text(file, "boot"), reader->boot) &&
           nip__text_equal(nip__get_text(file, "pid_namespace"), reader->pid_namespace);
}

static int add_from_file(struct reader *reader, int port, const char *path, nip_error **err)
{
    const nip__value *file;
    nip__local_instance instance;
    nip__local_process process;
    int rc = read_file(reader->arena, path, &file, err);
    if (rc < 0)
        return rc;
    if (!read_instance(file, port, &instance))
        return nip__arena_failed(reader->arena) ? nip__nomem(err) : 0;
    int found = from_here_and_now(reader, file) ? nip__local_process_read(instance.pid, &process) : 0;
    if (found < 0)
        return nip__fail_errno(err, NIP_E_IO, errno, "process %d of %s cannot be read in /proc", (int)instance.pid,
                               path);
    bool there = found > 0 && process.start == instance.start;
    instance.running = there && !process.dead;
    if (there && process.dead && !instance.has_exit)
        bury(reader, &instance);
    return add(reader, &instance) ? 0 : nip__nomem(err);
}

/* The port of an instance's file; 0: another file. */
static int port_of_file(const char *name)
{
    char number[8];
    int64_t port;
    size_t length = strcspn(name, ".");
    if (strcmp(name + length, ".json") != 0 || length == 0 || length >= sizeof number)
        return 0;
    memcpy(number, name, length);
    number[length] = '\0';
    return nip__text_int(number, &port) && port >= 1 && port < NIP__LOCAL_PORTS ? (int)port : 0;
}

static int read_folder(struct reader *reader, DIR *folder, nip__buffer *path, nip_error **err)
{
    for (;;) {
        errno = 0; /* the end and a failure look the same */
        const struct dirent *entry = readdir(folder);
        if (entry == NULL)
            return errno == 0 ? 0 : nip__fail_errno(err, NIP_E_IO, errno, "the files of instances cannot be listed");
        int port = port_of_file(entry->d_name);
        if (port == 0)
            continue;
        nip__buffer_reset(path);
        if (!put_path(path, reader->settings, reader->subject, port))
            return nip__nomem(err);
        int rc = add_from_file(reader, port, path->data, err);
        if (rc < 0)
            return rc;
    }
}

static int read_files(struct reader *reader, nip_error **err)
{
    nip__buffer path = NIP__BUFFER(PATH_TEXT_MAX);
    int rc = put_path(&path, reader->settings, reader->subject, 0) ? 0 : nip__nomem(err);
    DIR *folder = rc == 0 ? opendir(path.data) : NULL;
    if (folder != NULL) {
        rc = read_folder(reader, folder, &path, err);
        closedir(folder);
    } else if (rc == 0 && errno != ENOENT) {
        rc = errno == ENOMEM ? nip__nomem(err)
                             : nip__fail_errno(err, NIP_E_IO, errno, "folder %s cannot be read", path.data);
    }
    nip__buffer_clear(&path);
    return rc;
}

/* ---- those without a file ---- */

static bool is_known(const nip__local_instances *instances, const char *token)
{
    for (size_t i = 0; i < instances->count; i++)
        if (strcmp(instances->list[i].id, token) == 0)
            return true;
    return false;
}

nip_time nip__local_started(uint64_t ticks)
{
    struct timespec real, since_boot;
    long per_second = sysconf(_SC_CLK_TCK);
    clock_gettime(CLOCK_REALTIME, &real);
    clock_gettime(CLOCK_BOOTTIME, &since_boot);
    int64_t boot = (real.tv_sec - since_boot.tv_sec) * NIP_SECOND + real.tv_nsec - since_boot.tv_nsec;
    return boot + (int64_t)ticks * (NIP_SECOND / (per_second > 0 ? per_second : 100));
}

/* The member of a family that leads its session; workers that opened one of their own are younger. */
static const nip__local_bearer *leader_of(const nip__local_scan *scan, const char *token)
{
    const nip__local_bearer *leader = NULL;
    for (size_t i = 0; i < scan->count; i++) {
        const nip__local_bearer *bearer = &scan->bearers[i];
        bool leads = bearer->process.session == bearer->process.pid && strcmp(bearer->token, token) == 0;
        if (leads && (leader == NULL || bearer->process.start < leader->process.start))
            leader = bearer;
    }
    return leader;
}

/* It was started, but its file was not yet written, or got lost. The file is written now. */
static bool add_from_process(struct reader *reader, const nip__local_bearer *bearer)
{
    nip__local_instance instance = {
        .id = bearer->token,
        .version = bearer->version == NULL ? "" : bearer->version,
        .endpoint = nip__local_endpoint(reader->arena, reader->settings->host, bearer->port),
        .log = nip__local_log_path(reader->arena, reader->settings, reader->subject, bearer->port),
        .port = bearer->port,
        .pid = bearer->process.pid,
        .start = bearer->process.start,
        .started = nip__local_started(bearer->process.start),
        .running = true,
    };
    instance.artifact = instance.version;
    instance.has_file = nip__local_instance_write(reader->settings, reader->subject, &instance, NULL) == 0;
    return instance.endpoint != NULL && instance.log != NULL && add(reader, &instance);
}

static int read_processes(struct reader *reader, nip_error **err)
{
    nip__local_scan scan;
    int rc = nip__local_scan_all(reader->arena, reader->settings->state_dir, &scan, err);
    for (size_t i = 0; rc == 0 && i < scan.count; i++) {
        const nip__local_bearer *leader = &scan.bearers[i];
        reader->instances->taken[leader->port] = true;
        if (strcmp(leader->subject, reader->subject) != 0 || is_known(reader->instances, leader->token))
            continue;
        leader = leader_of(&scan, leader->token);
        if (leader != NULL && !add_from_process(reader, leader))
            rc = nip__nomem(err);
    }
    return rc;
}

/* What has ended, then what runs, each the oldest first. Running ones by the kernel's own ticks: `started` is reckoned from two clocks that
 * are read one after the other, so that two of one tick would come now in this order and now in that. */
static int by_age(const void *a, const void *b)
{
    const nip__local_instance *left = a, *right = b;
    if (left->running != right->running)
        return left->running ? 1 : -1;
    if (left->running && left->start != right->start)
        return left->start < right->start ? -1 : 1;
    if (!left->running && left->started != right->started)
        return left->started < right->started ? -1 : 1;
    return left->port < right->port ? -1 : left->port > right->port;
}

int nip__local_instances_read(nip__arena *arena, const nip__local_settings *settings, const char *subject,
                              nip__local_instances *instances, nip_error **err)
{
    struct reader reader = {.arena = arena, .settings = settings, .subject = subject, .instances = instances};
    memset(instances, 0, sizeof *instances);
    if (!nip__local_boot(reader.boot, sizeof reader.boot) ||
        !nip__local_namespace(reader.pid_namespace, sizeof reader.pid_namespace))
        return nip__fail_errno(err, NIP_E_IO, errno, "/proc cannot be read, which the local driver needs");
    int rc = read_files(&reader, err);
    if (rc == 0)
        rc = read_processes(&reader, err);
    if (rc == 0 && instances->count > 0)
        qsort(instances->list, instances->count, sizeof *instances->list, by_age);
    for (size_t i = 0; rc == 0 && i < instances->count; i++)
        if (instances->list[i].running)
            instances->taken[instances->list[i].port] = true;
    return rc;
}

/* ---- observe ---- */

void nip__local_instance_tail(const nip__local_instance *instance, size_t max, nip__buffer *text)
{
    struct stat file;
    if (instance->log == NULL || stat(instance->log, &file) < 0 || file.st_size <= instance->log_from)
        return;
    int64_t written = file.st_size - instance->log_from;
    nip__file_tail(instance->log, (uint64_t)written < max ? (size_t)written : max, text);
}

static void put_last_line(nip__arena *arena, nip__value *described, const nip__local_instance *instance)
{
    nip__buffer text = NIP__BUFFER(LAST_LINE_MAX);
    nip__local_instance_tail(instance, LAST_LINE_MAX, &text);
    size_t end = text.length;
    while (end > 0 && (text.data[end - 1] == '\n' || text.data[end - 1] == '\r'))
        end--;
    size_t begin = end;
    while (begin > 0 && text.data[begin - 1] != '\n')
        begin--;
    nip__put(arena, described, "log", nip__string_of(arena, nip__buffer_string(&text) + begin, end - begin));
    nip__buffer_clear(&text);
}

static nip__value *describe(nip__arena *arena, const nip__local_instance *instance)
{
    nip__value *described = nip__map(arena);
    nip__put_text(arena, described, "id", instance->id);
    nip__put_text(arena, described, "version", instance->version);
    nip__put_text(arena, described, "endpoint", instance->endpoint);
    nip__put_text(arena, described, "state", instance->running ? "running" : "exited");
    nip__put_text(arena, described, "log_file", instance->log);
    nip__put_time(arena, described, "started", instance->started);
    if (instance->adopted)
        nip__put_bool(arena, described, "adopted", true);
    if (instance->running) {
        if (instance->pid > 0)
            nip__put_int(arena, described, "pid", instance->pid);
        nip__put_text(arena, described, "log", "");
        return described;
    }
    bool known = instance->has_exit && instance->exit_signal == 0;
    nip__put(arena, described, "exit", known ? nip__int(arena, instance->exit_code) : nip__null(arena));
    if (instance->exit_signal != 0)
        nip__put_int(arena, described, "signal", instance->exit_signal);
    put_last_line(arena, described, instance);
    return described;
}

static nip__value *make_version(nip__arena *arena, const nip__local_instances *instances, const char *name)
{
    nip__value *version = nip__map(arena), *endpoints = nip__put(arena, version, "endpoints", nip__list(arena));
    int64_t running = 0, exited = 0;
    for (size_t i = 0; i < instances->count; i++) {
        const nip__local_instance *instance = &instances->list[i];
        if (strcmp(instance->version, name) != 0)
            continue;
        running += instance->running;
        exited += !instance->running;
        if (instance->running)
            nip__push_text(arena, endpoints, instance->endpoint);
    }
    nip__put_int(arena, version, "running", running);
    nip__put_int(arena, version, "exited", exited);
    return version;
}

nip__value *nip__local_observed(nip__arena *arena, const nip__local_settings *settings,
                                const nip__local_instances *instances)
{
    nip__value *result = nip__map(arena), *versions = nip__put(arena, result, "versions", nip__map(arena));
    nip__value *list = nip__put(arena, result, "instances", nip__list(arena));
    for (size_t i = 0; i < instances->count; i++) {
        const nip__local_instance *instance = &instances->list[i];
        if (nip__get(versions, instance->version) == NULL)
            nip__put(arena, versions, instance->version, make_version(arena, instances, instance->version));
        nip__push(list, describe(arena, instance));
    }
    nip__put_int(arena, result, "ports_free", nip__local_ports_free(settings, instances));
    return result;
}
