/* Ports of the range: who has them, and is somebody listening. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/text.h"
#include "driver/local.h"

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t make_address(const char *host, int port, union address *address)
{
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons((uint16_t)port);
        return sizeof address->v4;
    }
    if (inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons((uint16_t)port);
        return sizeof address->v6;
    }
    return 0;
}

bool nip__local_ports_read(const char *text, int *first, int *last)
{
    char number[16];
    int64_t from, to;
    const char *dash = text == NULL ? NULL : strchr(text, '-');
    size_t length = dash == NULL ? 0 : (size_t)(dash - text);
    if (text == NULL || length >= sizeof number)
        return false;
    memcpy(number, text, length);
    number[length] = '\0';
    if (dash == NULL ? !nip__text_int(text, &from) : !nip__text_int(number, &from) || !nip__text_int(dash + 1, &to))
        return false;
    to = dash == NULL ? from : to;
    if (from < 1 || to < from || to > NIP__LOCAL_PORTS - 1)
        return false;
    *first = (int)from;
    *last = (int)to;
    return true;
}

bool nip__local_host(const char *host)
{
    union address address;
    return host != NULL && make_address(host, 1, &address) > 0;
}

char *nip__local_endpoint(nip__arena *arena, const char *host, int port)
{
    return nip__arena_printf(arena, strchr(host, ':') != NULL ? "[%s]:%d" : "%s:%d", host, port);
}

/* With SO_REUSEADDR, as servers bind: connections in TIME_WAIT do not count, a listener does. */
bool nip__local_port_free(const char *host, int port)
{
    union address address;
    socklen_t length = make_address(host, port, &address);
    int fd = length == 0 ? -1 : socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    int on = 1;
    bool is_free = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 && bind(fd, &address.any, length) == 0;
    close(fd);
    return is_free;
}

bool nip__local_endpoint_split(const char *endpoint, char *host, size_t size, int *port)
{
    const char *colon = strrchr(endpoint, ':');
    int64_t number;
    if (colon == NULL || !nip__text_int(colon + 1, &number) || number < 1 || number >= NIP__LOCAL_PORTS)
        return false;
    size_t brackets = endpoint[0] == '[' && colon > endpoint + 1 && colon[-1] == ']' ? 1 : 0;
    size_t length = (size_t)(colon - endpoint) - 2 * brackets;
    if (length >= size)
        return false;
    memcpy(host, endpoint + brackets, length);
    host[length] = '\0';
    *port = (int)number;
    return nip__local_host(host);
}

bool nip__local_endpoint_free(const char *endpoint)
{
    char host[INET6_ADDRSTRLEN];
    int port;
    return nip__local_endpoint_split(endpoint, host, sizeof host, &port) && nip__local_port_free(host, port);
}

/* At no address of this machine: servers that listen at all of them meet the others there. */
bool nip__local_port_unused(int port)
{
    return nip__local_port_free("0.0.0.0", port);
}

int nip__local_port_take(const nip__local_settings *settings, nip__local_instances *instances)
{
    for (int port = settings->port_first; port <= settings->port_last; port++) {
        if (instances->taken[port] || !nip__local_port_free(settings->host, port))
            continue;
        instances->taken[port] = true;
        return port;
    }
    return 0;
}

int64_t nip__local_ports_free(const nip__local_settings *settings, const nip__local_instances *instances)
{
    int64_t count = 0;
    for (int port = settings->port_first; port <= settings->port_last; port++)
        count += !instances->taken[port] && nip__local_port_free(settings->host, port);
    return count;
}

static int conclude(int *fd, int result)
{
    close(*fd);
    *fd = -1;
    return result;
}

/* A connection to a free port of the ephemeral range may, once in thousands, meet itself. */
static int concluded(int *fd)
{
    union address own, peer;
    socklen_t own_length = sizeof own, peer_length = sizeof peer;
    memset(&own, 0, sizeof own);
    memset(&peer, 0, sizeof peer);
    bool itself = getsockname(*fd, &own.any, &own_length) == 0 && getpeername(*fd, &peer.any, &peer_length) == 0 &&
                  own_length == peer_length && memcmp(&own, &peer, own_length) == 0;
    return conclude(fd, itself ? -1 : 1);
}

int nip__local_port_probe(const char *host, int port, int *fd)
{
    union address address;
    socklen_t length = make_address(host, port, &address);
    if (*fd < 0) {
        *fd = length == 0 ? -1 : socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (*fd < 0)
            return 0; /* no descriptor now: not known yet */
        if (connect(*fd, &address.any, length) == 0)
            return concluded(fd);
        return errno == EINPROGRESS ? 0 : conclude(fd, -1);
    }
    struct pollfd waiting = {.fd = *fd, .events = POLLOUT};
    int reason = 0;
    socklen_t size = sizeof reason;
    if (poll(&waiting, 1, 0) == 0)
        return 0;
    if (getsockopt(*fd, SOL_SOCKET, SO_ERROR, &reason, &size) < 0 || reason != 0)
        return conclude(fd, -1);
    return concluded(fd);
}
