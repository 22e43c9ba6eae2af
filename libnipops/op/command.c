/* Commands: a child with captured output and a timeout. The child leads a session of its own, so that late ones are
 * killed with all their offspring. A grandchild that keeps the output open does not hold us: what is there when the
 * child ends is all we take. */
#include "op/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

struct nip__command {
    nip__loop *loop;
    pid_t pid;
    int pidfd, pipe_fd; /* -1: not open */
    nip__watch ended, readable;
    nip__timer timer;
    bool timed_out, finishing;
    char *tail;         /* the last output_max bytes are at its end; room for twice that, moved down when full */
    size_t length, output_max;
    void (*done)(void *data, const nip__command_result *result);
    void *data;
};

/* How much one drain may take: a grandchild that writes for ever must not keep us here. */
enum { READ_SIZE = 4096, DRAIN_MAX = 1 << 20, KILL_WAIT_MS = 1000 };

static void release(nip__command *command)
{
    nip__watch_stop(&command->ended);
    nip__watch_stop(&command->readable);
    nip__timer_stop(&command->timer);
    if (command->pipe_fd >= 0)
        close(command->pipe_fd);
    if (command->pidfd >= 0)
        close(command->pidfd);
    nip__free(command->tail);
    nip__free(command);
}

static void keep(nip__command *command, const char *bytes, size_t length)
{
    if (length > command->output_max) {
        bytes += length - command->output_max;
        length = command->output_max;
    }
    if (command->length + length > 2 * command->output_max) {
        size_t stay = command->output_max - length;
        memmove(command->tail, command->tail + command->length - stay, stay);
        command->length = stay;
    }
    memcpy(command->tail + command->length, bytes, length);
    command->length += length;
}

/* Takes what is there. False once the other end is closed. */
static bool drain(nip__command *command)
{
    char bytes[READ_SIZE];
    for (size_t taken = 0; taken < DRAIN_MAX;) {
        ssize_t count = read(command->pipe_fd, bytes, sizeof bytes);
        if (count > 0) {
            keep(command, bytes, (size_t)count);
            taken += (size_t)count;
        } else if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
            return false;
        } else if (errno == EAGAIN) {
            return true;
        }
    }
    return true;
}

static void kill_group(const nip__command *command)
{
    kill(-command->pid, SIGKILL);
}

static void reap(nip__command *command, siginfo_t *info)
{
    while (waitid(P_PIDFD, (id_t)command->pidfd, info, WEXITED) < 0 && errno == EINTR) {
    }
}

/* SIGKILL was sent, so this is at once, unless the child hangs inside the kernel: then it stays a zombie rather
 * than hold the host. */
static void reap_killed(nip__command *command)
{
    struct pollfd end = {.fd = command->pidfd, .events = POLLIN};
    siginfo_t info;
    while (poll(&end, 1, KILL_WAIT_MS) < 0 && errno == EINTR) {
    }
    while (waitid(P_PIDFD, (id_t)command->pidfd, &info, WEXITED | WNOHANG) < 0 && errno == EINTR) {
    }
}

static void on_readable(void *data, uint32_t events)
{
    (void)events;
    nip__command *command = data;
    if (!drain(command))
        nip__watch_stop(&command->readable);
}

static void on_ended(void *data, uint32_t events)
{
    (void)events;
    nip__command *command = data;
    siginfo_t info = {0};
    drain(command);
    /* What a late command forked meanwhile goes too; before it is reaped, since until then its number cannot be
     * somebody else's. */
    if (command->timed_out)
        kill_group(command);
    reap(command, &info);
    size_t length = command->length < command->output_max ? command->length : command->output_max;
    bool exited = info.si_code == CLD_EXITED;
    command->tail[command->length] = '\0';
    nip__command_result result = {
        .exit_code = exited ? info.si_status : -1,
        .signal = exited ? 0 : info.si_status,
        .timed_out = command->timed_out,
        .output = command->tail + (command->length - length),
        .output_length = length,
    };
    nip__watch_stop(&command->ended);
    nip__watch_stop(&command->readable);
    nip__timer_stop(&command->timer);
    command->finishing = true;
    command->done(command->data, &result);
    release(command);
}

static void on_late(void *data)
{
    nip__command *command = data;
    command->timed_out = true;
    kill_group(command); /* its end is then reported like any other */
}

static int watch(nip__command *command, nip_duration timeout, nip_error **err)
{
    int rc = nip__watch_set(command->loop, &command->ended, command->pidfd, EPOLLIN, on_ended, command, err);
    if (rc == 0)
        rc = nip__watch_set(command->loop, &command->readable, command->pipe_fd, EPOLLIN, on_readable, command, err);
    if (rc == 0 && timeout != NIP_TIME_MAX)
        rc = nip__timer_set_real(command->loop, &command->timer, timeout, on_late, command, err);
    return rc;
}

static int start(nip__command *command, const nip__spawn *spawn, nip_error **err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return nip__fail_errno(err, NIP_E_IO, errno, "cannot open a pipe for the output of %s", spawn->argv[0]);
    command->pipe_fd = ends[0];
    nip__spawn with_output = *spawn;
    with_output.out_fd = with_output.err_fd = ends[1];
    with_output.new_session = true;
    int rc = 0;
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0)
        rc = nip__fail_errno(err, NIP_E_IO, errno, "cannot read the output of %s", spawn->argv[0]);
    if (rc == 0)
        rc = nip__spawn_start(&with_output, &command->pid, &command->pidfd, err);
    close(ends[1]);
    return rc;
}

int nip__command_start(nip__loop *loop, const nip__spawn *spawn, nip_duration timeout, size_t output_max,
                       void (*done)(void *data, const nip__command_result *result), void *data, nip__command **command,
                       nip_error **err)
{
    NIP_ARG(output_max > 0 && output_max <= SIZE_MAX / 4);
    nip__command *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    *made =
        (nip__command){.loop = loop, .pidfd = -1, .pipe_fd = -1, .output_max = output_max, .done = done, .data = data};
    made->tail = nip__calloc(2 * output_max + 1, 1);
    int rc = made->tail == NULL ? nip__nomem(err) : start(made, spawn, err);
    if (rc < 0) {
        release(made);
        return rc;
    }
    rc = watch(made, timeout, err);
    if (rc < 0) {
        nip__command_stop(made);
        return rc;
    }
    *command = made;
    return 0;
}

void nip__command_stop(nip__command *command)
{
    if (command == NULL || command->finishing)
        return;
    kill_group(command);
    reap_killed(command);
    release(command);
}
