/* libcurl's multi interface on the loop: its sockets become watches, its timer a timer. */
#include "op/http_inside.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "op/descriptors.h"

/* Sockets that we opened stay registered when curl wants nothing of them for a while: most idle connections are
 * used again soon, and two system calls a transfer are saved. One that becomes ready while nobody wants it (its
 * peer closed it) is unregistered then. */
struct nip__http_socket {
    nip__watch watch;
    nip__http_shard *shard; /* NULL: of none any more */
    bool ours;              /* opened by nip__http_open_socket, so its end is known too */
    bool wanted;
};

/* curl walks its names after each transfer to drop those that are older than asked, and remembers addresses as it does
 * names. So where there are only addresses none is kept; else most transfers ask to keep names for ever, and one in a
 * while drops what is older than a minute. */
enum { NAMES_KEPT_SECONDS = 60, NAMES_PRUNED_SECONDS = 15 };

/* A TLS connection needs the authorities, which curl parses once a multi handle: fewer of them are used for it. */
enum { TLS_SHARDS = 4, POOL_MAX = 1000 };

/* How many multi handles, by the descriptors there are at least: each takes two for itself, and with few descriptors one
 * of them has no more connections than it can walk. */
enum { SHARD_DESCRIPTORS = 2, USED_IN_FLIGHT = 3 };
static const struct {
    int64_t descriptors;
    size_t shards;
} shard_counts[] = {{8000, NIP__HTTP_SHARDS_MAX}, {2000, NIP__HTTP_SHARDS_MAX / 2}, {0, 1}};

/* Once a process, at the first use; again only if it failed. It stays: others in the process may use libcurl too. */
static int init_curl(nip_error **err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static CURLcode state = CURLE_FAILED_INIT;
    pthread_mutex_lock(&lock);
    if (state != CURLE_OK)
        state = curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLcode now = state;
    pthread_mutex_unlock(&lock);
    return now == CURLE_OK ? 0 : nip__fail(err, NIP_E_INTERNAL, "libcurl cannot be used: %s", curl_easy_strerror(now));
}

/* ---- sockets ---- */

static nip__http_socket *find_socket(const nip__http_engine *engine, curl_socket_t fd)
{
    nip__http_socket *found = fd >= 0 && (size_t)fd < engine->socket_slots ? engine->sockets[fd] : NULL;
    return found != NULL && found->shard != NULL ? found : NULL;
}

static bool make_room(nip__http_engine *engine, curl_socket_t fd)
{
    if ((size_t)fd < engine->socket_slots)
        return true;
    size_t slots = engine->socket_slots;
    nip__http_socket **grown = nip__grow(engine->sockets, &slots, (size_t)fd, sizeof *grown);
    if (grown == NULL)
        return false;
    for (size_t i = engine->socket_slots; i < slots; i++)
        grown[i] = NULL;
    engine->sockets = grown;
    engine->socket_slots = slots;
    return true;
}

/* What stands for a descriptor stays for the next one of that number. */
static nip__http_socket *add_socket(nip__http_shard *shard, curl_socket_t fd)
{
    nip__http_engine *engine = shard->engine;
    if (!make_room(engine, fd))
        return NULL;
    if (engine->sockets[fd] == NULL)
        engine->sockets[fd] = nip__calloc(1, sizeof *engine->sockets[fd]);
    nip__http_socket *added = engine->sockets[fd];
    if (added == NULL)
        return NULL;
    *added = (nip__http_socket){.shard = shard, .watch.quiet = true}; /* the transfers are counted, not their sockets */
    return added;
}

static void drop_socket(nip__http_engine *engine, curl_socket_t fd)
{
    nip__http_socket *gone = find_socket(engine, fd);
    if (gone == NULL)
        return;
    nip__watch_stop(&gone->watch);
    gone->shard = NULL;
}

curl_socket_t nip__http_open_socket(nip__http_shard *shard, struct curl_sockaddr *address)
{
    curl_socket_t fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    drop_socket(shard->engine, fd); /* what is known under this number is of an earlier descriptor */
    nip__http_socket *made = add_socket(shard, fd);
    if (made == NULL) {
        close(fd);
        errno = ENOMEM;
        return CURL_SOCKET_BAD;
    }
    made->ours = true;
    return fd;
}

int nip__http_close_socket(void *engine, curl_socket_t fd)
{
    drop_socket(engine, fd);
    return close(fd);
}

static void act(nip__http_shard *shard, curl_socket_t fd, int events);

static void socket_ready(void *data, uint32_t events)
{
    nip__http_socket *ready = data;
    if (!ready->wanted) {
        nip__watch_stop(&ready->watch);
        return;
    }
    int mask = 0;
    if ((events & EPOLLIN) != 0)
        mask |= CURL_CSELECT_IN;
    if ((events & EPOLLOUT) != 0)
        mask |= CURL_CSELECT_OUT;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0)
        mask |= CURL_CSELECT_ERR;
    act(ready->shard, ready->watch.fd, mask);
}

static void unwant(nip__http_engine *engine, curl_socket_t fd)
{
    nip__http_socket *known = find_socket(engine, fd);
    if (known == NULL)
        return;
    known->wanted = false;
    if (!known->ours)
        drop_socket(engine, fd);
}

/* CURLMOPT_SOCKETFUNCTION. A failure makes the multi handle give up for good. */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *unused)
{
    (void)easy;
    (void)unused;
    nip__http_shard *shard = user;
    nip__http_engine *engine = shard->engine;
    if (what == CURL_POLL_REMOVE) {
        unwant(engine, fd);
        return 0;
    }
    nip__http_socket *known = find_socket(engine, fd);
    if (known == NULL)
        known = add_socket(shard, fd);
    if (known == NULL) {
        engine->broken = true;
        return -1;
    }
    uint32_t events = ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0u) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0u);
    known->wanted = true;
    if (known->watch.loop != NULL && known->watch.events == events)
        return 0;
    if (nip__watch_set(engine->loop, &known->watch, fd, events, socket_ready, known, NULL) == 0)
        return 0;
    engine->broken = true;
    return -1;
}

/* ---- time ---- */

/* The timer is always set, if only for ever, so that setting it never needs memory. */
static void timer_due(void *data);

static int arm_timer(nip__http_shard *shard, nip_duration after, nip_error **err)
{
    return nip__timer_set_real(shard->engine->loop, &shard->timer, after, timer_due, shard, err);
}

static void timer_due(void *data)
{
    nip__http_shard *shard = data;
    arm_timer(shard, NIP_TIME_MAX, NULL); /* its place was just left */
    act(shard, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long timeout_ms, void *user)
{
    (void)multi;
    arm_timer(user, timeout_ms < 0 ? NIP_TIME_MAX : (nip_duration)timeout_ms * NIP_MILLISECOND, NULL);
    return 0;
}

/* ---- transfers ---- */

/* Reports what has ended. Whoever is told may start and stop transfers, so each message is read afresh. */
static void collect(CURLM *multi)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        char *http = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &http);
        nip__http_finish((nip__http *)(void *)http, code);
    }
}

/* When curl runs out of memory in the middle, it forgets sockets without telling the transfers: they would wait for
 * ever. */
static void settle(nip__http_shard *shard, CURLMcode code)
{
    nip__http_engine *engine = shard->engine;
    if (code != CURLM_OK)
        engine->broken = true;
    engine->collecting = true; /* until then the engine stays, whatever those who are told do */
    collect(shard->multi);
    if (engine->broken)
        nip__http_fail_all(engine);
    engine->collecting = false;
}

/* Lets curl go on. */
static void act(nip__http_shard *shard, curl_socket_t fd, int events)
{
    int running;
    settle(shard, curl_multi_socket_action(shard->multi, fd, events, &running));
}

void nip__http_engine_kick(nip__http_shard *shard)
{
    int running;
    settle(shard, curl_multi_perform(shard->multi, &running));
}

long nip__http_engine_names_kept(nip__http_shard *shard, const nip__url *url)
{
    shard->has_names |= !url->numeric;
    if (!shard->has_names)
        return 0;
    nip_time now = nip__system_monotonic();
    if (now - shard->pruned < NAMES_PRUNED_SECONDS * NIP_SECOND)
        return -1;
    shard->pruned = now;
    return NAMES_KEPT_SECONDS;
}

int nip__http_engine_add(nip__http_shard *shard, CURL *easy, nip_error **err)
{
    nip__http_engine *engine = shard->engine;
    CURLMcode code = curl_multi_add_handle(shard->multi, easy);
    if (code != CURLM_OK)
        return code == CURLM_OUT_OF_MEMORY || engine->broken
                   ? nip__nomem(err)
                   : nip__fail(err, NIP_E_INTERNAL, "cannot start a transfer: %s", curl_multi_strerror(code));
    engine->running++;
    engine->loop->in_flight++;
    return 0;
}

void nip__http_engine_remove(nip__http_shard *shard, CURL *easy)
{
    curl_multi_remove_handle(shard->multi, easy);
    shard->engine->running--;
    shard->engine->loop->in_flight--;
}

/* ---- making ---- */

static long pool_of(const nip__http_shard *shard)
{
    const nip__http_engine *engine = shard->engine;
    return (size_t)(shard - engine->shards) < engine->tls_count ? 2 * engine->pool : engine->pool;
}

static int set_options(nip__http_shard *shard, nip_error **err)
{
    CURLMcode code = curl_multi_setopt(shard->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    if (code == CURLM_OK)
        code = curl_multi_setopt(shard->multi, CURLMOPT_SOCKETDATA, shard);
    if (code == CURLM_OK)
        code = curl_multi_setopt(shard->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    if (code == CURLM_OK)
        code = curl_multi_setopt(shard->multi, CURLMOPT_TIMERDATA, shard);
    if (code == CURLM_OK)
        code = curl_multi_setopt(shard->multi, CURLMOPT_MAXCONNECTS, pool_of(shard));
    return code == CURLM_OK ? 0
                            : nip__fail(err, NIP_E_INTERNAL, "cannot set up libcurl: %s", curl_multi_strerror(code));
}

static void close_shard(nip__http_shard *shard)
{
    if (shard->multi != NULL)
        curl_multi_cleanup(shard->multi); /* closes pooled connections through nip__http_close_socket */
    nip__timer_stop(&shard->timer);
    shard->multi = NULL;
}

static int open_shard(nip__http_engine *engine, nip__http_shard *shard, nip_error **err)
{
    shard->engine = engine;
    shard->pruned = nip__system_monotonic();
    shard->multi = curl_multi_init();
    int rc = shard->multi == NULL ? nip__nomem(err) : arm_timer(shard, NIP_TIME_MAX, err);
    if (rc == 0)
        rc = set_options(shard, err);
    if (rc < 0)
        close_shard(shard);
    return rc;
}

/* FNV-1a. */
static uint32_t hash(const nip__url *url)
{
    uint32_t hashed = 2166136261u ^ (uint32_t)url->port;
    for (const char *c = url->host; *c != '\0'; c++)
        hashed = (hashed ^ (unsigned char)*c) * 16777619u;
    return hashed ^ hashed >> 16;
}

int nip__http_engine_shard(nip__http_engine *engine, const nip__url *url, nip__http_shard **shard, nip_error **err)
{
    size_t count = strcmp(url->scheme, "https") == 0 ? engine->tls_count : engine->shard_count;
    nip__http_shard *found = &engine->shards[hash(url) % count];
    int rc = found->multi == NULL ? open_shard(engine, found, err) : 0;
    if (rc == 0)
        *shard = found;
    return rc;
}

/* A pool that is smaller than the hosts it is for is worse than none: each transfer then closes what another will
 * want. So what transfers in flight (op/descriptors.h) leave is all given to the pools, of which those for TLS get
 * twice as much: all such hosts share them. */
static void size_pools(nip__http_engine *engine)
{
    int64_t left = nip__descriptors_free();
    int64_t idle = left - USED_IN_FLIGHT * nip__in_flight_cap(engine->loop->ctx, 0, false);
    if (idle < left * 2 / 3)
        idle = left * 2 / 3;
    size_t row = 0;
    while (left < shard_counts[row].descriptors)
        row++;
    engine->shard_count = shard_counts[row].shards;
    engine->tls_count = engine->shard_count < TLS_SHARDS ? engine->shard_count : TLS_SHARDS;
    int64_t pool = idle / (int64_t)(engine->shard_count + engine->tls_count) - SHARD_DESCRIPTORS;
    engine->pool = (long)(pool > POOL_MAX / 2 ? POOL_MAX / 2 : pool > 1 ? pool : 1);
}

static int make_engine(nip__loop *loop, nip_error **err)
{
    int rc = init_curl(err);
    if (rc < 0)
        return rc;
    nip__http_engine *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    made->loop = loop;
    size_pools(made);
    loop->http = made;
    return 0;
}

int nip__http_engine_get(nip__loop *loop, nip__http_engine **engine, nip_error **err)
{
    if (loop->http != NULL && loop->http->broken) {
        if (loop->http->running > 0 || loop->http->collecting)
            return nip__nomem(err);
        nip__http_engine_free(loop->http);
        loop->http = NULL;
    }
    int rc = loop->http != NULL ? 0 : make_engine(loop, err);
    if (rc == 0)
        *engine = loop->http;
    return rc;
}

void nip__http_engine_free(nip__http_engine *engine)
{
    if (engine == NULL)
        return;
    for (size_t i = 0; i < engine->idle_count; i++)
        nip__http_destroy(engine->idle[i]);
    for (size_t i = 0; i < NIP__HTTP_SHARDS_MAX; i++)
        close_shard(&engine->shards[i]);
    for (size_t fd = 0; fd < engine->socket_slots; fd++) {
        drop_socket(engine, (curl_socket_t)fd);
        nip__free(engine->sockets[fd]);
    }
    nip__free(engine->sockets);
    nip__free(engine);
}
