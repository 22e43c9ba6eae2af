/* What a sweep could cost at best: the same checks by bare libcurl and by bare sockets. Both parse and compare the body.
 *
 *     sweep_peers CLIENT KIND PORT TARGETS HOSTS ROUNDS IN_FLIGHT [DEAD]     KIND: keep, new, tls, tls-new
 *
 * CLIENT: raw, or curl, or curl-full (resumes no TLS session), or curl as it is when one of its traps is not known:
 * curl-names (its cache of names as it is by default), curl-pool (a pool of a tenth of the hosts), curl-authorities
 * (its folder of authorities as it is by default). Hosts are 127.1.x.y when there is more than one. Rounds go on in one
 * process, so connections are kept between them. With DEAD, "EVERY:PORT", every so manieth target is there instead,
 * where nobody answers, a check has a second, and what fails is counted; "0:0" only counts.
 */
#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

enum { BODY_MAX = 4096, BATCH = 256 };

static struct {
    bool fresh, tls;
    bool counts_failures, never_resumes, default_names, small_pool, default_authorities;
    int port, targets, hosts, rounds, in_flight;
    int dead_every, dead_port; /* 0: none */
    const char *authorities;
} what;

static int started, ended, failed;

static in_addr_t host_of(int index)
{
    int host = index % what.hosts;
    return what.hosts == 1 ? INADDR_LOOPBACK : 0x7f010000u + (unsigned)(host / 250 << 8) + (unsigned)(host % 250) + 1;
}

static bool more(void)
{
    return started < what.targets * what.rounds;
}

static void check_body(const char *body, size_t length)
{
    cJSON *root = cJSON_ParseWithLength(body, length);
    const cJSON *status = cJSON_GetObjectItemCaseSensitive(root, "status");
    if (!cJSON_IsString(status) || strcmp(status->valuestring, "healthy") != 0) {
        fprintf(stderr, "not healthy: %.*s\n", (int)length, body);
        exit(1);
    }
    cJSON_Delete(root);
    ended++;
}

/* ---- libcurl: reused handles, curl_multi_poll ---- */

typedef struct handle {
    CURL *easy;
    char body[BODY_MAX];
    size_t length;
} handle;

static size_t take(char *bytes, size_t size, size_t count, void *user)
{
    handle *h = user;
    if (size * count > sizeof h->body - h->length)
        return 0;
    memcpy(h->body + h->length, bytes, size * count);
    h->length += size * count;
    return size * count;
}

static void ask(CURLM *multi, handle *h)
{
    char url[128], host[INET_ADDRSTRLEN];
    struct in_addr address = {.s_addr = htonl(host_of(started))};
    inet_ntop(AF_INET, &address, host, sizeof host);
    int index = started++ % what.targets;
    bool dead = what.dead_every > 0 && index % what.dead_every == what.dead_every - 1;
    snprintf(url, sizeof url, "http%s://%s:%d/%d", what.tls ? "s" : "", host, dead ? what.dead_port : what.port, index);
    h->length = 0;
    curl_easy_setopt(h->easy, CURLOPT_URL, url);
    curl_multi_add_handle(multi, h->easy);
}

static void prepare(handle *h)
{
    h->easy = must(curl_easy_init());
    curl_easy_setopt(h->easy, CURLOPT_PRIVATE, h);
    curl_easy_setopt(h->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, h);
    curl_easy_setopt(h->easy, CURLOPT_TIMEOUT_MS, what.dead_every > 0 ? 1000L : 5000L);
    if (!what.default_names)
        curl_easy_setopt(h->easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    curl_easy_setopt(h->easy, CURLOPT_FRESH_CONNECT, what.fresh ? 1L : 0L);
    curl_easy_setopt(h->easy, CURLOPT_FORBID_REUSE, what.fresh ? 1L : 0L);
    curl_easy_setopt(h->easy, CURLOPT_CAINFO, what.authorities);
    curl_easy_setopt(h->easy, CURLOPT_SSL_SESSIONID_CACHE, what.never_resumes ? 0L : 1L);
    if (!what.default_authorities)
        curl_easy_setopt(h->easy, CURLOPT_CAPATH, NULL);
}

static void end_check(const handle *h, CURLcode result)
{
    if (result == CURLE_OK) {
        check_body(h->body, h->length);
    } else if (what.counts_failures) {
        failed++;
        ended++;
    } else {
        fprintf(stderr, "%s\n", curl_easy_strerror(result));
        exit(1);
    }
}

static void by_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *multi = must(curl_multi_init());
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, what.small_pool ? what.hosts / 10L : 20000L);
    handle *handles = must(calloc((size_t)what.in_flight, sizeof *handles));
    int running, left;
    for (int i = 0; i < what.in_flight && more(); i++) {
        prepare(&handles[i]);
        ask(multi, &handles[i]);
    }
    do {
        curl_multi_perform(multi, &running);
        CURLMsg *message;
        while ((message = curl_multi_info_read(multi, &left)) != NULL) {
            handle *h;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&h);
            CURLcode result = message->data.result;
            curl_multi_remove_handle(multi, h->easy);
            end_check(h, result);
            if (more())
                ask(multi, h);
        }
        if (ended < what.targets * what.rounds)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    } while (ended < what.targets * what.rounds);
}

/* ---- bare sockets: one write and one read a check ---- */

typedef struct connection {
    int fd, index; /* fd -1: none */
    bool asked;
} connection;

static int epoll_fd;

static void connect_to(connection *c, int host)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)what.port), .sin_addr.s_addr = htonl(host_of(host))};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || (connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS)) {
        perror("connect");
        exit(1);
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
}

static void send_request(connection *c)
{
    char request[128];
    int length = snprintf(request, sizeof request, "GET /%d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", c->index);
    c->asked = send(c->fd, request, (size_t)length, MSG_NOSIGNAL) == length;
}

/* `kept` by host; a slot of its own otherwise. */
static void next_check(connection *kept, connection *slot)
{
    connection *c =
        what.fresh ? slot : &kept[started % what.hosts == 0 && what.hosts == 1 ? slot - kept : started % what.hosts];
    c->index = started++;
    c->asked = false;
    if (c->fd < 0)
        connect_to(c, c->index);
    else
        send_request(c);
}

static void by_sockets(void)
{
    int slots = what.hosts > what.in_flight ? what.hosts : what.in_flight;
    connection *connections = must(calloc((size_t)slots, sizeof *connections));
    struct epoll_event events[BATCH];
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < slots; i++)
        connections[i].fd = -1;
    for (int i = 0; i < what.in_flight && more(); i++)
        next_check(connections, &connections[i]);
    while (ended < what.targets * what.rounds) {
        int count = epoll_wait(epoll_fd, events, BATCH, -1);
        for (int i = 0; i < count; i++) {
            connection *c = events[i].data.ptr;
            char input[BODY_MAX];
            if (!c->asked && (events[i].events & EPOLLOUT) != 0) {
                send_request(c);
                continue;
            }
            ssize_t length = (events[i].events & EPOLLIN) != 0 ? recv(c->fd, input, sizeof input, 0) : 0;
            if (length <= 0)
                continue;
            const char *body = memmem(input, (size_t)length, "\r\n\r\n", 4);
            check_body(body + 4, (size_t)length - (size_t)(body + 4 - input));
            if (what.fresh) {
                close(c->fd);
                c->fd = -1;
            }
            if (more())
                next_check(connections, c);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc < 8)
        return 2;
    what.fresh = strstr(argv[2], "new") != NULL;
    what.tls = strncmp(argv[2], "tls", 3) == 0;
    what.port = atoi(argv[3]);
    what.targets = atoi(argv[4]);
    what.hosts = atoi(argv[5]);
    what.rounds = atoi(argv[6]);
    what.in_flight = atoi(argv[7]);
    what.authorities = getenv("SSL_CERT_FILE");
    what.never_resumes = strcmp(argv[1], "curl-full") == 0;
    what.default_names = strcmp(argv[1], "curl-names") == 0;
    what.small_pool = strcmp(argv[1], "curl-pool") == 0;
    what.default_authorities = strcmp(argv[1], "curl-authorities") == 0;
    what.counts_failures = argc > 8;
    if (argc > 8 && sscanf(argv[8], "%d:%d", &what.dead_every, &what.dead_port) != 2)
        return 2;
    double start = wall_ns(), cpu_start = cpu_ns();
    if (strcmp(argv[1], "raw") == 0)
        by_sockets();
    else
        by_curl();
    double took = wall_ns() - start, cpu = cpu_ns() - cpu_start;
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    report("per_second", ended / took * 1e9);
    report("cpu_us", cpu / ended / 1e3);
    report("rss_mb", (double)used.ru_maxrss / 1000);
    report("ms", took / 1e6);
    report("failed", failed);
    return 0;
}
