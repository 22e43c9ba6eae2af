/* Preloaded into a command under test: kills the process with SIGKILL right after its N-th effect on the outside. Effects are what survives a
 * process: a flush to disk, bytes to a peer, a child, a signal. With KILL_AFTER=0 it only counts. Every effect is a line in KILL_LOG.
 * The command itself knows nothing of it, and its children do not inherit it. */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static long limit, seen;
static int log_fd = -1;

__attribute__((constructor)) static void begin(void)
{
    const char *after = getenv("KILL_AFTER"), *path = getenv("KILL_LOG");
    limit = after != NULL ? atol(after) : 0;
    if (path != NULL)
        log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    unsetenv("LD_PRELOAD");
    unsetenv("KILL_AFTER");
    unsetenv("KILL_LOG");
}

static void effect(const char *name)
{
    char line[64];
    int length = snprintf(line, sizeof line, "%ld %s\n", ++seen, name);
    if (log_fd >= 0 && write(log_fd, line, (size_t)length) < 0)
        abort();
    if (seen == limit)
        syscall(SYS_kill, getpid(), SIGKILL);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fdatasync(int fd)
{
    int rc = REAL(fdatasync)(fd);
    effect("flush");
    return rc;
}

int fsync(int fd)
{
    int rc = REAL(fsync)(fd);
    effect("flush");
    return rc;
}

ssize_t send(int fd, const void *bytes, size_t length, int flags)
{
    ssize_t sent = REAL(send)(fd, bytes, length, flags);
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    int local = getsockname(fd, (struct sockaddr *)&address, &size) == 0 && address.ss_family == AF_UNIX;
    if (local && sent > 0)
        effect(memmem(bytes, length, "set ", 4) != NULL ? "router" : "look");
    return sent;
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
                char *const argv[], char *const envp[])
{
    int rc = REAL(posix_spawn)(pid, path, actions, attributes, argv, envp);
    effect("spawn");
    return rc;
}

int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
                 char *const argv[], char *const envp[])
{
    int rc = REAL(posix_spawnp)(pid, file, actions, attributes, argv, envp);
    effect("spawn");
    return rc;
}

int kill(pid_t pid, int number)
{
    int rc = REAL(kill)(pid, number);
    if (number != 0)
        effect("signal");
    return rc;
}

long syscall(long number, ...)
{
    va_list arguments;
    va_start(arguments, number);
    long a = va_arg(arguments, long), b = va_arg(arguments, long), c = va_arg(arguments, long), d = va_arg(arguments, long);
    va_end(arguments);
    long rc = REAL(syscall)(number, a, b, c, d);
    if (number == SYS_pidfd_send_signal && b != 0)
        effect("signal");
    return rc;
}
