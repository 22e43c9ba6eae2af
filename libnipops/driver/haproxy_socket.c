/* The runtime socket, without waiting for it. Whatever comes back is bounded in size and time. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/time.h"
#include "driver/haproxy_socket.h"

#define CONNECT_AGAIN (20 * NIP_MILLISECOND) /* a unix socket whose backlog is full says EAGAIN instead of waiting */

struct nip__haproxy_exchange {
    nip__loop *loop;
    int fd;
    nip__watch watch;
    nip__timer timeout, again;
    struct sockaddr_un address;
    nip__buffer request, reply;
    size_t sent;
    nip__haproxy_answered *done;
    void *data;
};

static void release(nip__haproxy_exchange *exchange)
{
    nip__watch_stop(&exchange->watch);
    nip__timer_stop(&exchange->timeout);
    nip__timer_stop(&exchange->again);
    if (exchange->fd >= 0)
        close(exchange->fd);
    nip__buffer_clear(&exchange->request);
    nip__buffer_clear(&exchange->reply);
    nip__free(exchange);
}

static void finish(nip__haproxy_exchange *exchange, const nip__trouble *trouble)
{
    nip__watch_stop(&exchange->watch);
    nip__timer_stop(&exchange->timeout);
    nip__timer_stop(&exchange->again);
    exchange->done(exchange->data, trouble, nip__buffer_string(&exchange->reply), exchange->reply.length);
    release(exchange);
}

static void fail(nip__haproxy_exchange *exchange, const char *reason, const char *what, int os_errno)
{
    nip__trouble trouble = {0};
    const char *why = os_errno == 0 ? NULL : strerrordesc_np(os_errno);
    nip__refuse(&trouble, reason, true, "%s %s%s%s", what, exchange->address.sun_path, why == NULL ? "" : ": ",
                why == NULL ? "" : why);
    finish(exchange, &trouble);
}

static const char *connect_reason(int os_errno)
{
    switch (os_errno) {
    case EACCES:
    case EPERM:
        return "permission";
    case EMFILE:
    case ENFILE:
        return "no_descriptors";
    default:
        return "unreachable";
    }
}

static void read_reply(nip__haproxy_exchange *exchange)
{
    char bytes[16384];
    ssize_t got = recv(exchange->fd, bytes, sizeof bytes, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got < 0) {
        fail(exchange, "unreachable", "HAProxy broke the connection at", errno);
        return;
    }
    if (got == 0) {
        finish(exchange, &(nip__trouble){0});
        return;
    }
    nip__buffer_put(&exchange->reply, bytes, (size_t)got);
    if (exchange->reply.failed)
        fail(exchange, exchange->reply.full ? "protocol" : "no_memory",
             exchange->reply.full ? "more than 8 MiB came from" : "out of memory for the reply of", 0);
}

static void ready(void *data, uint32_t events);

/* Sends what is left; once all is sent, listens for the reply. */
static void send_request(nip__haproxy_exchange *exchange)
{
    const nip__buffer *request = &exchange->request;
    ssize_t sent = send(exchange->fd, request->data + exchange->sent, request->length - exchange->sent, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (sent < 0) {
        fail(exchange, "unreachable", "cannot send to HAProxy at", errno);
        return;
    }
    exchange->sent += (size_t)sent;
    if (exchange->sent < request->length)
        return;
    nip__watch_stop(&exchange->watch);
    if (nip__watch_set(exchange->loop, &exchange->watch, exchange->fd, EPOLLIN, ready, exchange, NULL) < 0)
        fail(exchange, "no_memory", "cannot wait for the reply of", 0);
}

static void ready(void *data, uint32_t events)
{
    nip__haproxy_exchange *exchange = data;
    (void)events; /* errors show in the calls */
    if (exchange->sent < exchange->request.length)
        send_request(exchange);
    else
        read_reply(exchange);
}

static void late(void *data)
{
    fail(data, "timeout", "no whole reply in time from HAProxy at", 0);
}

/* A unix socket connects at once or not at all. */
static void try_connect(void *data)
{
    nip__haproxy_exchange *exchange = data;
    if (exchange->fd < 0)
        exchange->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (exchange->fd < 0) {
        fail(exchange, connect_reason(errno), "no socket for HAProxy at", errno);
        return;
    }
    int failed = 0;
    if (connect(exchange->fd, (const struct sockaddr *)&exchange->address, sizeof exchange->address) < 0 &&
        errno != EISCONN) {
        if (errno != EAGAIN && errno != EINTR) {
            fail(exchange, connect_reason(errno), "cannot connect to HAProxy at", errno);
            return;
        }
        failed =
            nip__timer_set(exchange->loop, &exchange->again,
                           nip__time_add(nip__loop_now(exchange->loop), CONNECT_AGAIN), try_connect, exchange, NULL);
    } else
        failed = nip__watch_set(exchange->loop, &exchange->watch, exchange->fd, EPOLLOUT, ready, exchange, NULL);
    if (failed < 0)
        fail(exchange, "no_memory", "cannot wait for HAProxy at", 0);
}

int nip__haproxy_exchange_start(nip__loop *loop, const char *path, const char *commands, nip_duration timeout,
                                nip__haproxy_answered *done, void *data, nip__haproxy_exchange **exchange,
                                nip_error **err)
{
    if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return nip__fail(err, NIP_E_INVALID, "socket path %s is longer than the %zu bytes that a unix socket may have",
                         path, sizeof((struct sockaddr_un *)0)->sun_path - 1);
    nip__haproxy_exchange *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    *made = (nip__haproxy_exchange){.loop = loop, .fd = -1, .done = done, .data = data};
    made->address.sun_family = AF_UNIX;
    memcpy(made->address.sun_path, path, strlen(path));
    made->request = NIP__BUFFER(4 * NIP__HAPROXY_LINE_MAX);
    made->reply = NIP__BUFFER(NIP__HAPROXY_REPLY_MAX);
    nip__buffer_text(&made->request, commands);
    nip__buffer_char(&made->request, '\n');
    int rc = made->request.failed ? nip__nomem(err) : 0;
    if (rc == 0)
        rc = nip__timer_set(loop, &made->timeout, nip__time_add(nip__loop_now(loop), timeout), late, made, err);
    if (rc == 0)
        rc = nip__timer_set(loop, &made->again, nip__loop_now(loop), try_connect, made, err);
    if (rc < 0)
        release(made);
    else
        *exchange = made;
    return rc;
}

void nip__haproxy_exchange_stop(nip__haproxy_exchange *exchange)
{
    if (exchange != NULL)
        release(exchange);
}
