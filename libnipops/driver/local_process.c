/* Processes as /proc shows them. A pid alone says nothing: it may be another process by now. Whatever is signalled is
 * held by a pidfd and compared with its start time first. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "driver/local.h"
#include "op/loop.h"

enum {
    ENVIRON_MAX = 4 * 1024 * 1024,
    PROCESSES_MAX = 1000000,
    GENERATIONS_MAX = 64,
    FIELDS_AFTER_NAME = 20, /* of /proc/PID/stat: state is the first, starttime the last */
};

/* Does this errno tell of the process, that it is gone or another user's and hidden? Any other one tells of us. */
static bool is_absence(int reason)
{
    return reason == ENOENT || reason == ESRCH || reason == EACCES || reason == EPERM;
}

/* False: errno says why. */
static bool read_small(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, out, size - 1);
    int reason = got == 0 ? ENODATA : errno;
    close(fd);
    errno = reason;
    if (got <= 0)
        return false;
    out[got] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return true;
}

/* The name in parentheses may hold anything, spaces and parentheses too: what follows the last one counts. */
static bool parse_stat(const char *text, nip__local_process *process)
{
    const char *rest = strrchr(text, ')');
    int64_t numbers[FIELDS_AFTER_NAME] = {0};
    if (rest == NULL || rest[1] != ' ' || rest[2] == '\0')
        return false;
    process->dead = rest[2] == 'Z' || rest[2] == 'X';
    rest += 3;
    for (int i = 1; i < FIELDS_AFTER_NAME; i++) {
        char word[32];
        rest += strspn(rest, " ");
        size_t length = strcspn(rest, " ");
        if (length == 0 || length >= sizeof word)
            return false;
        memcpy(word, rest, length);
        word[length] = '\0';
        if (!nip__text_int(word, &numbers[i]))
            return false;
        rest += length;
    }
    process->parent = (pid_t)numbers[1];
    process->session = (pid_t)numbers[3];
    process->start = (uint64_t)numbers[FIELDS_AFTER_NAME - 1];
    return true;
}

int nip__local_process_read(pid_t pid, nip__local_process *process)
{
    char path[64], text[1024];
    nip__local_process read = {.pid = pid};
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (pid <= 0)
        return 0;
    if (!read_small(path, text, sizeof text))
        return is_absence(errno) ? 0 : -1;
    if (!parse_stat(text, &read)) {
        errno = EBADMSG;
        return -1;
    }
    *process = read;
    return 1;
}

bool nip__local_boot(char *out, size_t size)
{
    return read_small("/proc/sys/kernel/random/boot_id", out, size);
}

static bool namespace_of(const char *who, char *out, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%.20s/ns/pid", who);
    ssize_t got = readlink(path, out, size - 1); /* never empty */
    if (got < 0)
        return false;
    out[got] = '\0';
    return true;
}

bool nip__local_namespace(char *out, size_t size)
{
    return namespace_of("self", out, size);
}

int nip__local_process_open(pid_t pid, uint64_t start)
{
    nip__local_process process;
    if (pid <= 0)
        return -1;
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) /* EINVAL: a thread has this number by now */
        return is_absence(errno) || errno == EINVAL ? -1 : -2;
    int found = nip__local_process_read(pid, &process);
    if (found > 0 && process.start == start)
        return pidfd; /* read after it was opened: the descriptor is of this very process */
    int reason = errno;
    close(pidfd);
    errno = reason;
    return found < 0 ? -2 : -1;
}

bool nip__local_process_reap(int pidfd, int *exit_code, int *exit_signal)
{
    nip__child_end end;
    int ended = nip__child_wait(pidfd, false, &end);
    if (ended == 0 || (ended < 0 && !nip__child_end_kept(pidfd, &end)))
        return false;
    *exit_code = end.exit_code;
    *exit_signal = end.signal;
    return true;
}

/* ---- tokens ---- */

/* An environment as /proc shows it: NAME=value texts, each with a NUL. */
static const char *variable(const nip__buffer *environment, const char *name)
{
    size_t length = strlen(name);
    for (const char *entry = environment->data, *end = entry + environment->length; entry != NULL && entry < end;) {
        if (strncmp(entry, name, length) == 0 && entry[length] == '=')
            return entry + length + 1;
        const char *stop = memchr(entry, '\0', (size_t)(end - entry));
        entry = stop == NULL ? end : stop + 1;
    }
    return NULL;
}

/* Leaves it empty when the process is gone or hidden, and when it is larger than any of ours. */
static int read_environment(const char *pid, nip__buffer *environment, nip_error **err)
{
    char path[64];
    nip_error *error = NULL;
    snprintf(path, sizeof path, "/proc/%.20s/environ", pid);
    nip__buffer_reset(environment);
    int rc = nip__file_read(path, ENVIRON_MAX, environment, &error);
    if (rc == NIP_E_LIMIT || (rc == NIP_E_IO && is_absence(nip_error_os_errno(error)))) {
        nip_error_free(error);
        return 0;
    }
    nip__pass(err, error);
    return rc;
}

/* 1: yes, 0: no or gone, -1: not known. */
static int same_namespace(const char *pid, const char *ours)
{
    char theirs[64];
    if (!namespace_of(pid, theirs, sizeof theirs))
        return is_absence(errno) ? 0 : -1;
    return strcmp(theirs, ours) == 0;
}

static int fail_unknown(nip_error **err, int reason)
{
    return reason == ENOMEM ? nip__nomem(err)
                            : nip__fail_errno(err, NIP_E_IO, reason, "the processes in /proc cannot be read");
}

/* Goes through all processes; `each` gets the environment and returns < 0, with errno set, to stop. */
typedef int each_process(void *data, const nip__local_process *process, const nip__buffer *environment);

static int walk_one(const char *name, const char *ours, nip__buffer *environment, each_process *each, void *data,
                    nip_error **err)
{
    int64_t pid;
    nip__local_process process;
    if (name[0] < '1' || name[0] > '9' || !nip__text_int(name, &pid))
        return 0;
    int found = nip__local_process_read((pid_t)pid, &process);
    if (found > 0)
        found = process.dead ? 0 : same_namespace(name, ours);
    if (found <= 0)
        return found < 0 ? fail_unknown(err, errno) : 0;
    int rc = read_environment(name, environment, err);
    if (rc < 0)
        return rc;
    return each(data, &process, environment) < 0 ? fail_unknown(err, errno) : 0;
}

static int walk(each_process *each, void *data, nip_error **err)
{
    char ours[64];
    nip__buffer environment = NIP__BUFFER(ENVIRON_MAX);
    DIR *folder = opendir("/proc");
    if (folder == NULL || !nip__local_namespace(ours, sizeof ours)) {
        int reason = errno;
        if (folder != NULL)
            closedir(folder);
        return fail_unknown(err, reason);
    }
    int rc = 0;
    for (int seen = 0; rc >= 0 && seen < PROCESSES_MAX; seen++) {
        errno = 0; /* the end and a failure look the same */
        const struct dirent *entry = readdir(folder);
        if (entry == NULL) {
            rc = errno == 0 ? 0 : fail_unknown(err, errno);
            break;
        }
        rc = walk_one(entry->d_name, ours, &environment, each, data, err);
    }
    closedir(folder);
    nip__buffer_clear(&environment);
    return rc;
}

struct scan {
    nip__arena *arena;
    const char *state_dir;
    nip__local_scan *found;
    size_t capacity;
};

static int add_bearer(struct scan *scan, const nip__local_bearer *bearer)
{
    nip__local_scan *found = scan->found;
    if (found->count == scan->capacity) {
        size_t capacity = scan->capacity == 0 ? 16 : scan->capacity * 2;
        nip__local_bearer *larger = nip__arena_alloc(scan->arena, capacity * sizeof *larger);
        if (larger == NULL) {
            errno = ENOMEM;
            return -1;
        }
        if (found->count > 0)
            memcpy(larger, found->bearers, found->count * sizeof *larger);
        found->bearers = larger;
        scan->capacity = capacity;
    }
    found->bearers[found->count++] = *bearer;
    return 0;
}

/* A token is a claim: only our own user's processes are believed. 1: yes, 0: no or gone, -1: not known. */
static int is_ours(pid_t pid)
{
    char path[64];
    struct stat owner;
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    if (stat(path, &owner) < 0)
        return is_absence(errno) ? 0 : -1;
    return owner.st_uid == geteuid();
}

int nip__local_process_ours(pid_t pid)
{
    char ours[64], name[24];
    snprintf(name, sizeof name, "%d", (int)pid);
    if (!nip__local_namespace(ours, sizeof ours))
        return -1;
    int same = same_namespace(name, ours);
    return same == 1 ? is_ours(pid) : same;
}

static int scan_process(void *data, const nip__local_process *process, const nip__buffer *environment)
{
    struct scan *scan = data;
    const char *token = variable(environment, "NIPOPS_INSTANCE"), *state = variable(environment, "NIPOPS_STATE");
    const char *port = variable(environment, "NIPOPS_PORT");
    int64_t number;
    if (token == NULL || !nip__text_equal(state, scan->state_dir) || port == NULL || !nip__text_int(port, &number) ||
        number < 1 || number >= NIP__LOCAL_PORTS)
        return 0;
    int ours = is_ours(process->pid);
    if (ours <= 0)
        return ours;
    nip__local_bearer bearer = {.process = *process, .port = (int)number};
    bearer.token = nip__arena_text(scan->arena, token);
    bearer.version = nip__arena_text(scan->arena, variable(environment, "NIPOPS_VERSION"));
    bearer.subject = nip__arena_copy(scan->arena, token, strcspn(token, "/"));
    if (nip__arena_failed(scan->arena)) {
        errno = ENOMEM;
        return -1;
    }
    return add_bearer(scan, &bearer);
}

int nip__local_scan_all(nip__arena *arena, const char *state_dir, nip__local_scan *scan, nip_error **err)
{
    nip__local_scan found = {0};
    struct scan walked = {arena, state_dir, &found, 0};
    int rc = walk(scan_process, &walked, err);
    if (rc == 0)
        *scan = found;
    return rc;
}

struct families {
    nip__local_family *list;
    size_t count;
    const char *state_dir;
    int number;
    int unknown; /* errno of the first process that could not be told about */
};

/* Is `process` the one, or does it descend from it? */
static int descends(const nip__local_process *process, pid_t pid, uint64_t start)
{
    nip__local_process at = *process;
    for (int generation = 0; generation < GENERATIONS_MAX; generation++) {
        if (at.pid == pid)
            return at.start == start;
        if (at.parent <= 1)
            return 0;
        int found = nip__local_process_read(at.parent, &at);
        if (found <= 0)
            return found;
    }
    return 0;
}

static int belongs_to_adopted(const nip__local_family *family, const nip__local_process *process)
{
    for (size_t i = 0; i < family->kin_count; i++) {
        if (family->kin[i].pid == process->pid && family->kin[i].start == process->start)
            return 1;
    }
    return descends(process, family->leader, family->start);
}

/* A session's number is not given away while its leader is there, as a zombie at least. Afterwards only the token
 * tells. 1: yes, 0: no, -1: not known. */
static int belongs(const nip__local_family *family, const nip__local_process *process, const char *token)
{
    nip__local_process leader;
    if (nip__text_equal(token, family->token))
        return 1;
    if (family->adopted) {
        int member = belongs_to_adopted(family, process);
        if (member != 0)
            return member;
    }
    if (process->session != family->leader)
        return 0;
    int found = nip__local_process_read(family->leader, &leader);
    return found <= 0 ? found : leader.start == family->start;
}

static int signal_member(void *data, const nip__local_process *process, const nip__buffer *environment)
{
    struct families *families = data;
    const char *token = variable(environment, "NIPOPS_INSTANCE");
    if (!nip__text_equal(variable(environment, "NIPOPS_STATE"), families->state_dir))
        token = NULL;
    for (size_t i = 0; i < families->count; i++) {
        int member = belongs(&families->list[i], process, token);
        if (member == 0)
            continue;
        int pidfd = member < 0 ? -2 : nip__local_process_open(process->pid, process->start);
        if (pidfd == -1)
            return 0;
        if (pidfd < 0 && families->unknown == 0)
            families->unknown = errno;
        if (pidfd >= 0 && families->number != 0)
            syscall(SYS_pidfd_send_signal, pidfd, families->number, NULL, 0);
        if (pidfd >= 0)
            close(pidfd);
        families->list[i].count++; /* one that is not known counts as there, but is not signalled */
        return 0;
    }
    return 0;
}

int nip__local_signal_families(nip__local_family *families, size_t count, const char *state_dir, int number,
                               nip_error **err)
{
    struct families all = {families, count, state_dir, number, 0};
    for (size_t i = 0; i < count; i++)
        families[i].count = 0;
    int rc = count == 0 ? 0 : walk(signal_member, &all, err);
    return rc == 0 && all.unknown != 0 ? fail_unknown(err, all.unknown) : rc;
}

struct kin {
    nip__arena *arena;
    pid_t pid;
    uint64_t start;
    nip__local_process *list;
    size_t count, capacity;
};

static int add_kin(void *data, const nip__local_process *process, const nip__buffer *environment)
{
    struct kin *kin = data;
    (void)environment;
    int member = descends(process, kin->pid, kin->start);
    if (member <= 0)
        return member;
    if (kin->count == kin->capacity) {
        size_t capacity = kin->capacity == 0 ? 16 : kin->capacity * 2;
        nip__local_process *larger = nip__arena_alloc(kin->arena, capacity * sizeof *larger);
        if (larger == NULL) {
            errno = ENOMEM;
            return -1;
        }
        if (kin->count > 0)
            memcpy(larger, kin->list, kin->count * sizeof *larger);
        kin->list = larger;
        kin->capacity = capacity;
    }
    kin->list[kin->count++] = *process;
    return 0;
}

int nip__local_descendants(nip__arena *arena, pid_t pid, uint64_t start, const nip__local_process **kin, size_t *count,
                           nip_error **err)
{
    struct kin found = {.arena = arena, .pid = pid, .start = start};
    int rc = walk(add_kin, &found, err);
    if (rc == 0) {
        *kin = found.list;
        *count = found.count;
    }
    return rc;
}
