#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static void must(bool good, const char *what)
{
    if (!good) {
        perror(what);
        abort();
    }
}

static int open_port(bool listening, int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0, "socket");
    must(bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    must(getsockname(fd, (struct sockaddr *)&address, &length) == 0, "getsockname");
    must(!listening || listen(fd, 128) == 0, "listen");
    *port = ntohs(address.sin_port);
    return fd;
}

int server_listener(int *port)
{
    return open_port(true, port);
}

int server_unused_port(void)
{
    int port;
    close(open_port(false, &port));
    return port;
}

void server_send(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return;
        bytes += sent;
        length -= (size_t)sent;
    }
}

void server_text(int fd, const char *raw)
{
    server_send(fd, raw, strlen(raw));
}

void server_reply(int fd, int status, const char *headers, const char *body)
{
    char head[4096];
    snprintf(head, sizeof head, "HTTP/1.1 %d Status\r\n%sContent-Length: %zu\r\n\r\n", status, headers, strlen(body));
    server_text(fd, head);
    server_text(fd, body);
}

void server_hang(int fd)
{
    char byte;
    struct pollfd end = {.fd = fd, .events = POLLIN};
    while (poll(&end, 1, -1) > 0 && recv(fd, &byte, 1, 0) > 0) {
    }
}

void server_reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

enum { CONNECTIONS_MAX = 256 };

typedef struct server_connection {
    int fd; /* 0: free */
    size_t length;
    char request[16384];
} connection;

/* Is the request whole: head, and body as its Content-Length says? */
static bool is_whole(const connection *c)
{
    const char *end = strstr(c->request, "\r\n\r\n");
    if (end == NULL)
        return false;
    const char *named = strcasestr(c->request, "Content-Length: ");
    size_t body = named != NULL && named < end ? (size_t)atol(named + 16) : 0;
    return c->length >= (size_t)(end + 4 - c->request) + body;
}

static void end_connection(connection *c)
{
    shutdown(c->fd, SHUT_WR);
    close(c->fd);
    c->fd = 0;
}

static void take_bytes(test_server *server, connection *c)
{
    ssize_t got = recv(c->fd, c->request + c->length, sizeof c->request - 1 - c->length, 0);
    if (got > 0) {
        c->length += (size_t)got;
        c->request[c->length] = '\0';
        if (!is_whole(c))
            return;
        memcpy(server->last_request, c->request, sizeof c->request);
        server->requests++;
        server->answer(server, c->fd, c->request);
    }
    end_connection(c);
}

static void take_connection(test_server *server)
{
    int one = 1, fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        connection *c = &server->connections[i];
        if (c->fd == 0) {
            c->fd = fd;
            c->length = 0;
            return;
        }
    }
    close(fd);
}

static void *serve(void *data)
{
    test_server *server = data;
    struct pollfd wait[CONNECTIONS_MAX + 2];
    for (;;) {
        wait[0] = (struct pollfd){.fd = server->listener, .events = POLLIN};
        wait[1] = (struct pollfd){.fd = server->stopper[0], .events = POLLIN};
        for (int i = 0; i < CONNECTIONS_MAX; i++) /* poll ignores negative descriptors */
            wait[i + 2] = (struct pollfd){.fd = server->connections[i].fd > 0 ? server->connections[i].fd : -1, .events = POLLIN};
        if (poll(wait, CONNECTIONS_MAX + 2, -1) < 0 || wait[1].revents != 0)
            break;
        for (int i = 0; i < CONNECTIONS_MAX; i++)
            if (wait[i + 2].revents != 0)
                take_bytes(server, &server->connections[i]);
        if (wait[0].revents != 0)
            take_connection(server);
    }
    for (int i = 0; i < CONNECTIONS_MAX; i++)
        if (server->connections[i].fd > 0)
            end_connection(&server->connections[i]);
    return NULL;
}

void server_start(test_server *server, server_answer answer, void *data)
{
    memset(server, 0, sizeof *server);
    server->answer = answer;
    server->data = data;
    server->listener = open_port(true, &server->port);
    must(pipe(server->stopper) == 0, "pipe");
    server->connections = mmap(NULL, CONNECTIONS_MAX * sizeof(connection), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(server->connections != MAP_FAILED, "mmap");
    must(pthread_create(&server->thread, NULL, serve, server) == 0, "pthread_create");
}

void server_stop(test_server *server)
{
    must(write(server->stopper[1], "x", 1) == 1, "write");
    pthread_join(server->thread, NULL);
    munmap(server->connections, CONNECTIONS_MAX * sizeof(connection));
    close(server->listener);
    close(server->stopper[0]);
    close(server->stopper[1]);
}
