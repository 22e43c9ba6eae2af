#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* The whole request: head, and body as its Content-Length says. False when the peer closed. */
static bool read_request(test_server *server, int fd)
{
    size_t length = 0;
    for (;;) {
        ssize_t got = recv(fd, server->last_request + length, sizeof server->last_request - 1 - length, 0);
        if (got <= 0)
            return false;
        length += (size_t)got;
        server->last_request[length] = '\0';
        const char *end = strstr(server->last_request, "\r\n\r\n");
        if (end == NULL)
            continue;
        const char *named = strcasestr(server->last_request, "Content-Length: ");
        size_t body = named != NULL && named < end ? (size_t)atol(named + 16) : 0;
        if (length >= (size_t)(end + 4 - server->last_request) + body)
            return true;
    }
}

static void *serve(void *data)
{
    test_server *server = data;
    struct pollfd wait[2] = {{.fd = server->listener, .events = POLLIN}, {.fd = server->stopper[0], .events = POLLIN}};
    while (poll(wait, 2, -1) > 0 && wait[1].revents == 0) {
        int one = 1, fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (read_request(server, fd)) {
            server->requests++;
            server->answer(server, fd, server->last_request);
        }
        shutdown(fd, SHUT_WR);
        close(fd);
    }
    return NULL;
}

void server_start(test_server *server, server_answer answer, void *data)
{
    memset(server, 0, sizeof *server);
    server->answer = answer;
    server->data = data;
    server->listener = open_port(true, &server->port);
    must(pipe(server->stopper) == 0, "pipe");
    must(pthread_create(&server->thread, NULL, serve, server) == 0, "pthread_create");
}

void server_stop(test_server *server)
{
    must(write(server->stopper[1], "x", 1) == 1, "write");
    pthread_join(server->thread, NULL);
    close(server->listener);
    close(server->stopper[0]);
    close(server->stopper[1]);
}
