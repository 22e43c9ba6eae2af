/* What a sweep asks: an HTTP server on all of 127.0.0.0/8 that answers 200 to everything and keeps connections open.
 *
 *     sweep_server [DELAY]    prints its port; ends when its standard input does. DELAY: milliseconds until it answers,
 *                             -1 for never
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

enum { BACKLOG = 4096, BATCH = 256, INPUT = 16384, LATER_MAX = 1 << 15 };

static const char reply[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"status\":\"healthy\"}";
static const char end_of_head[] = "\r\n\r\n";

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        fail("epoll_ctl");
}

static int open_listener(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        fail("cannot listen");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void accept_all(int epoll, int listener)
{
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(epoll, fd);
    }
}

static void reply_to(int fd)
{
    if (write(fd, reply, strlen(reply)) != (ssize_t)strlen(reply))
        close(fd);
}

/* Answers that are due later, in the order in which they are. */
static struct {
    double due;
    int fd;
} * later;
static size_t later_first, later_count;

static void answer_later(int fd, double delay_ms)
{
    size_t place = (later_first + later_count++) % LATER_MAX;
    if (later_count > LATER_MAX)
        fail("too many at once");
    later[place].fd = fd;
    later[place].due = wall_ns() + delay_ms * 1e6;
}

/* Returns how long to wait, in milliseconds. */
static int answer_due(void)
{
    for (; later_count > 0; later_first = (later_first + 1) % LATER_MAX, later_count--) {
        double left_ms = (later[later_first].due - wall_ns()) / 1e6;
        if (left_ms > 0)
            return (int)left_ms + 1;
        reply_to(later[later_first].fd);
    }
    return -1;
}

/* A client sends its next request when it has the answer to the last: what was read is one request, small enough to
 * come in one piece. */
static void answer(int fd, double delay_ms)
{
    char input[INPUT];
    ssize_t length = read(fd, input, sizeof input);
    bool whole = length > 0 && memmem(input, (size_t)length, end_of_head, strlen(end_of_head)) != NULL;
    if (!whole)
        close(fd);
    else if (delay_ms == 0)
        reply_to(fd);
    else if (delay_ms > 0)
        answer_later(fd, delay_ms);
}

int main(int argc, char **argv)
{
    struct epoll_event events[BATCH];
    double delay_ms = argc > 1 ? atof(argv[1]) : 0;
    int epoll = epoll_create1(EPOLL_CLOEXEC), listener = open_listener();
    if (epoll < 0)
        fail("epoll_create1");
    later = must(calloc(LATER_MAX, sizeof *later));
    watch(epoll, listener);
    watch(epoll, STDIN_FILENO);
    for (;;) {
        int count = epoll_wait(epoll, events, BATCH, answer_due());
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == STDIN_FILENO)
                return 0;
            if (events[i].data.fd == listener)
                accept_all(epoll, listener);
            else
                answer(events[i].data.fd, delay_ms);
        }
    }
}
