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
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

/* What it writes. */
typedef struct stream {
    int fd; /* our end of the pipe; -1: not open */
    nip__watch readable;
    char *tail; /* the last `max` bytes are at its end; room for twice that, moved down when full */
    size_t length, max;
} stream;

struct nip__command {
    nip__loop *loop;
    pid_t pid;
    int pidfd; /* -1: not open, or gone at once */
    nip__watch ended;
    nip__timer timer;
    bool timed_out, finishing;
    stream output, errors; /* errors: only when they are asked for by themselves */
    void (*done)(void *data, const nip__command_result *result);
    void *data;
};

/* How much one drain may take: a grandchild that writes for ever must not keep us here. */
enum { READ_SIZE = 4096, DRAIN_MAX = 1 << 20, KILL_WAIT_MS = 1000, ERRORS_MAX = 64 * 1024 };

static void close_stream(stream *from)
{
    nip__watch_stop(&from->readable);
    if (from->fd >= 0)
        close(from->fd);
    nip__free(from->tail);
}

static void release(nip__command *command)
{
    nip__watch_stop(&command->ended);
    nip__timer_stop(&command->timer);
    if (command->pidfd >= 0)
        close(command->pidfd);
    close_stream(&command->output);
    close_stream(&command->errors);
    nip__free(command);
}

static void keep(stream *from, const char *bytes, size_t length)
{
    if (length > from->max) {
        bytes += length - from->max;
        length = from->max;
    }
    if (from->length + length > 2 * from->max) {
        size_t stay = from->max - length;
        memmove(from->tail, from->tail + from->length - stay, stay);
        from->length = stay;
    }
    memcpy(from->tail + from->length, bytes, length);
    from->length += length;
}

/* Takes what is there. False once the other end is closed. */
static bool drain(stream *from)
{
    char bytes[READ_SIZE];
    for (size_t taken = 0; taken < DRAIN_MAX;) {
        ssize_t count = read(from->fd, bytes, sizeof bytes);
        if (count > 0) {
            keep(from, bytes, (size_t)count);
            taken += (size_t)count;
        } else if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
            return false;
        } else if (errno == EAGAIN) {
            return true;
        }
    }
    return true;
}

/* Once the host has reaped it, its number may be somebody else's: then nothing is signalled. */
static void kill_group(const nip__command *command)
{
    if (command->pidfd >= 0 && nip__child_is_ours(command->pidfd))
        kill(-command->pid, SIGKILL);
}

/* SIGKILL was sent, so this is at once, unless the child hangs inside the kernel: then it stays a zombie rather
 * than hold the host. */
static void reap_killed(nip__command *command)
{
    struct pollfd killed = {.fd = command->pidfd, .events = POLLIN};
    nip__child_end end;
    if (command->pidfd < 0)
        return;
    while (poll(&killed, 1, KILL_WAIT_MS) < 0 && errno == EINTR) {
    }
    nip__child_wait(command->pidfd, false, &end);
}

static void on_readable(void *data, uint32_t events)
{
    (void)events;
    stream *from = data;
    if (!drain(from))
        nip__watch_stop(&from->readable);
}

/* The last bytes, and how many. */
static const char *last_bytes(stream *from, size_t *length)
{
    if (from->tail == NULL) {
        *length = 0;
        return "";
    }
    *length = from->length < from->max ? from->length : from->max;
    from->tail[from->length] = '\0';
    return from->tail + (from->length - *length);
}

static void finish(nip__command *command)
{
    nip__child_end end;
    drain(&command->output);
    if (command->errors.fd >= 0)
        drain(&command->errors);
    /* What a late command forked meanwhile goes too; before it is reaped, since until then its number cannot be
     * somebody else's. */
    if (command->timed_out)
        kill_group(command);
    nip__child_reap(command->pidfd, &end);
    nip__command_result result = {
        .exit_code = end.exit_code,
        .signal = end.signal,
        .timed_out = command->timed_out,
        .unknown = end.unknown,
    };
    result.output = last_bytes(&command->output, &result.output_length);
    result.errors = last_bytes(&command->errors, &result.errors_length);
    nip__watch_stop(&command->ended);
    nip__watch_stop(&command->output.readable);
    nip__watch_stop(&command->errors.readable);
    nip__timer_stop(&command->timer);
    command->finishing = true;
    command->done(command->data, &result);
    release(command);
}

static void on_ended(void *data, uint32_t events)
{
    (void)events;
    finish(data);
}

/* It was gone before it could be watched. */
static void on_gone(void *data)
{
    finish(data);
}

static void on_late(void *data)
{
    nip__command *command = data;
    command->timed_out = true;
    kill_group(command); /* its end is then reported like any other */
}

static int watch(nip__command *command, nip_duration timeout, nip_error **err)
{
    stream *streams[] = {&command->output, &command->errors};
    if (command->pidfd < 0)
        return nip__timer_set_real(command->loop, &command->timer, 0, on_gone, command, err);
    int rc = nip__watch_set(command->loop, &command->ended, command->pidfd, EPOLLIN, on_ended, command, err);
    for (size_t i = 0; i < 2 && rc == 0; i++)
        if (streams[i]->fd >= 0)
            rc = nip__watch_set(command->loop, &streams[i]->readable, streams[i]->fd, EPOLLIN, on_readable, streams[i],
                                err);
    if (rc == 0 && timeout != NIP_TIME_MAX)
        rc = nip__timer_set_real(command->loop, &command->timer, timeout, on_late, command, err);
    return rc;
}

/* *end is the child's; the caller closes it. */
static int open_stream(stream *to, size_t max, const char *program, int *end, nip_error **err)
{
    int ends[2];
    to->max = max;
    to->tail = nip__calloc(2 * max + 1, 1);
    if (to->tail == NULL)
        return nip__nomem(err);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return nip__fail_errno(err, NIP_E_IO, errno, "cannot open a pipe for the output of %s", program);
    to->fd = ends[0];
    *end = ends[1];
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0)
        return nip__fail_errno(err, NIP_E_IO, errno, "cannot read the output of %s", program);
    return 0;
}

static int start(nip__command *command, const nip__spawn *spawn, size_t output_max, nip_error **err)
{
    nip__spawn with_output = *spawn;
    int out = -1, errors = -1;
    with_output.new_session = true;
    int rc = open_stream(&command->output, output_max, spawn->argv[0], &out, err);
    if (rc == 0 && spawn->errors_apart)
        rc = open_stream(&command->errors, output_max < ERRORS_MAX ? output_max : ERRORS_MAX, spawn->argv[0], &errors,
                         err);
    with_output.out_fd = out;
    with_output.err_fd = spawn->errors_apart ? errors : out;
    if (rc == 0)
        rc = nip__spawn_start(&with_output, &command->pid, &command->pidfd, err);
    if (out >= 0)
        close(out);
    if (errors >= 0)
        close(errors);
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
    *made = (nip__command){
        .loop = loop, .pidfd = -1, .output = {.fd = -1}, .errors = {.fd = -1}, .done = done, .data = data};
    int rc = start(made, spawn, output_max, err);
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
