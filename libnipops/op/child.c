/* Starting processes: posix_spawn and a pidfd. Never fork, whose cost grows with the host's memory; never SIGCHLD,
 * which is the host's. */
#include "op/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

enum { ENVIRONMENT_MAX = 100000 };

static bool same_name(const char *a, const char *b)
{
    const char *end = strchr(a, '=');
    size_t length = end == NULL ? strlen(a) : (size_t)(end - a) + 1;
    return strncmp(a, b, length) == 0;
}

static bool is_replaced(const char *entry, const char *const *extra)
{
    for (; *extra != NULL; extra++)
        if (same_name(*extra, entry))
            return true;
    return false;
}

/* The environment with `extra` in place of entries of the same name. One block of pointers; the texts stay where
 * they are. */
static const char **make_environment(const char *const *extra)
{
    size_t ours = 0, more = 0;
    while (environ != NULL && ours < ENVIRONMENT_MAX && environ[ours] != NULL)
        ours++;
    while (extra[more] != NULL)
        more++;
    const char **merged = nip__calloc(ours + more + 1, sizeof *merged);
    if (merged == NULL)
        return NULL;
    size_t count = 0;
    for (size_t i = 0; i < ours; i++)
        if (!is_replaced(environ[i], extra))
            merged[count++] = environ[i];
    for (size_t i = 0; i < more; i++)
        merged[count++] = extra[i];
    return merged;
}

/* A child begins with default signals: what the host ignores or blocks must not be inherited. */
static int set_attributes(posix_spawnattr_t *attributes, bool new_session)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (new_session)
        flags = (short)(flags | POSIX_SPAWN_SETSID);
    int rc = posix_spawnattr_setsigmask(attributes, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(attributes, &all);
    if (rc == 0)
        rc = posix_spawnattr_setflags(attributes, flags);
    return rc;
}

static int add_output(posix_spawn_file_actions_t *actions, int fd, int as)
{
    if (fd < 0)
        return posix_spawn_file_actions_addopen(actions, as, "/dev/null", O_WRONLY, 0);
    return posix_spawn_file_actions_adddup2(actions, fd, as); /* also clears close-on-exec when fd == as */
}

static int set_actions(posix_spawn_file_actions_t *actions, const nip__spawn *spawn, int in_fd, int out_fd, int err_fd)
{
    int rc = in_fd > 0 ? posix_spawn_file_actions_adddup2(actions, in_fd, STDIN_FILENO)
                       : posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = add_output(actions, out_fd, STDOUT_FILENO);
    if (rc == 0)
        rc = add_output(actions, err_fd, STDERR_FILENO);
    if (rc == 0 && spawn->folder != NULL)
        rc = posix_spawn_file_actions_addchdir_np(actions, spawn->folder);
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
    if (rc == 0) /* descriptors of the host that it did not mark close-on-exec */
        rc = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
#endif
    return rc;
}

/* Returns an errno. */
static int run_spawn(const nip__spawn *spawn, int in_fd, int out_fd, int err_fd, const char *const *environment, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&attributes);
    if (rc == 0) {
        rc = set_attributes(&attributes, spawn->new_session);
        if (rc == 0)
            rc = set_actions(&actions, spawn, in_fd, out_fd, err_fd);
        union {
            const char *const *read_only;
            char *const *as_posix_wants;
        } argv = {spawn->argv}, envp = {environment};
        if (rc == 0)
            rc = posix_spawnp(pid, spawn->argv[0], &actions, &attributes, argv.as_posix_wants, envp.as_posix_wants);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

/* A descriptor among 0..2 would be overwritten before it is used when the host runs with closed standard streams:
 * moves it up. */
static int lift(int fd, int *lifted)
{
    *lifted = -1;
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    *lifted = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return *lifted;
}

static void close_lifted(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* The number is its own as long as it is a child of ours that nobody has reaped. */
static bool is_gone(pid_t pid)
{
    siginfo_t info;
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

static void kill_and_reap(pid_t pid)
{
    if (is_gone(pid))
        return;
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

/* -1: gone. A host that reaps what is not its own is fast; who bears the number by then is not ours. -2: errno says. */
static int open_pidfd(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return errno == ESRCH || errno == EINVAL ? -1 : -2;
    if (nip__child_is_ours(fd))
        return fd;
    close(fd);
    return -1;
}

static int start_error(const nip__spawn *spawn, int os_errno, nip_error **err)
{
    if (os_errno == ENOMEM)
        return nip__nomem(err);
    if (spawn->folder != NULL && access(spawn->folder, X_OK) < 0)
        return nip__fail_errno(err, NIP_E_IO, os_errno, "cannot start %s in folder %s", spawn->argv[0], spawn->folder);
    return nip__fail_errno(err, NIP_E_IO, os_errno, "cannot start %s", spawn->argv[0]);
}

int nip__spawn_start(const nip__spawn *spawn, pid_t *pid, int *pidfd, nip_error **err)
{
    NIP_ARG(spawn->argv != NULL && spawn->argv[0] != NULL && spawn->argv[0][0] != '\0');
    const char **merged = NULL;
    if (spawn->extra_env != NULL && (merged = make_environment(spawn->extra_env)) == NULL)
        return nip__nomem(err);
    union {
        char **theirs;
        const char *const *ours;
    } inherited = {environ};
    int lifted_in, lifted_out, lifted_err;
    int in_fd = spawn->in_fd > 0 ? lift(spawn->in_fd, &lifted_in) : lift(-1, &lifted_in);
    int out_fd = lift(spawn->out_fd, &lifted_out), err_fd = lift(spawn->err_fd, &lifted_err);
    pid_t child = -1;
    int reserved = open("/dev/null", O_RDONLY | O_CLOEXEC); /* for its pidfd: nothing is started that cannot be watched */
    bool lost = reserved < 0 || (spawn->in_fd > 0 && in_fd < 0) || (spawn->out_fd >= 0 && out_fd < 0) || (spawn->err_fd >= 0 && err_fd < 0);
    int os_errno = lost ? EMFILE : run_spawn(spawn, in_fd, out_fd, err_fd, merged != NULL ? merged : inherited.ours, &child);
    close_lifted(lifted_in);
    close_lifted(lifted_out);
    close_lifted(lifted_err);
    close_lifted(reserved);
    nip__free(merged);
    if (os_errno != 0)
        return start_error(spawn, os_errno, err);
    int fd = open_pidfd(child);
    if (fd == -2) {
        os_errno = errno;
        kill_and_reap(child);
        return nip__fail_errno(err, NIP_E_IO, os_errno, "%s was started, could not be watched, and was killed", spawn->argv[0]);
    }
    *pid = child;
    *pidfd = fd;
    return 0;
}
