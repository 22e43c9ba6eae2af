/* libcurl's multi interface on the loop: its sockets become watches, its timer a timer. */
#include "op/http_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "op/descriptors.h"

/* Sockets that we opened stay registered when curl wants nothing of them for a while: most idle connections are
 * used again soon, and two system calls a transfer are saved. One that becomes ready while nobody wants it (its
 * peer closed it) is unregistered then. */
struct nip__http_socket {
    nip__watch watch;
    nip__http_engine *engine;
    bool ours;   /* opened by nip__http_open_socket, so its end is known too */
    bool wanted;
};

/* curl_multi_remove_handle walks all pooled connections (7.88): more than these make it slow. */
enum { POOL_MAX = 1000 };

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
    return fd >= 0 && (size_t)fd < engine->socket_slots ? engine->sockets[fd] : NULL;
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

static nip__http_socket *add_socket(nip__http_engine *engine, curl_socket_t fd)
{
    if (!make_room(engine, fd))
        return NULL;
    nip__http_socket *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    made->engine = engine;
    made->watch.quiet = true; /* the transfers are counted, not their sockets */
    engine->sockets[fd] = made;
    return made;
}

static void drop_socket(nip__http_engine *engine, curl_socket_t fd)
{
    nip__http_socket *gone = find_socket(engine, fd);
    if (gone == NULL)
        return;
    nip__watch_stop(&gone->watch);
    nip__free(gone);
    engine->sockets[fd] = NULL;
}

curl_socket_t nip__http_open_socket(nip__http_engine *engine, struct curl_sockaddr *address)
{
    curl_socket_t fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    drop_socket(engine, fd); /* what is known under this number is of an earlier descriptor */
    nip__http_socket *made = add_socket(engine, fd);
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

static void act(nip__http_engine *engine, curl_socket_t fd, int events);

static void socket_ready(void *data, uint32_t events)
{
    nip__http_socket *ready = data;
    nip__http_engine *engine = ready->engine;
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
    act(engine, ready->watch.fd, mask);
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
    nip__http_engine *engine = user;
    if (what == CURL_POLL_REMOVE) {
        unwant(engine, fd);
        return 0;
    }
    nip__http_socket *known = find_socket(engine, fd);
    if (known == NULL)
        known = add_socket(engine, fd);
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

static int arm_timer(nip__http_engine *engine, nip_duration after, nip_error **err)
{
    return nip__timer_set_real(engine->loop, &engine->timer, after, timer_due, engine, err);
}

static void timer_due(void *data)
{
    nip__http_engine *engine = data;
    arm_timer(engine, NIP_TIME_MAX, NULL); /* its place was just left */
    act(engine, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long timeout_ms, void *user)
{
    (void)multi;
    nip__http_engine *engine = user;
    return arm_timer(engine, timeout_ms < 0 ? NIP_TIME_MAX : (nip_duration)timeout_ms * NIP_MILLISECOND, NULL);
}

/* ---- transfers ---- */

/* Reports what has ended. Whoever is told may start and stop transfers, so each message is read afresh. */
static void collect(nip__http_engine *engine)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(engine->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        char *http = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &http);
        nip__http_finish((nip__http *)(void *)http, code);
    }
}

/* Lets curl go on. When it runs out of memory in the middle, it forgets sockets without telling the transfers: they
 * would wait for ever. */
static void act(nip__http_engine *engine, curl_socket_t fd, int events)
{
    int running;
    if (curl_multi_socket_action(engine->multi, fd, events, &running) != CURLM_OK)
        engine->broken = true;
    engine->collecting = true; /* until then the engine stays, whatever those who are told do */
    collect(engine);
    if (engine->broken)
        nip__http_fail_all(engine);
    engine->collecting = false;
}

CURL *nip__http_engine_take(nip__http_engine *engine)
{
    return engine->idle_count > 0 ? engine->idle[--engine->idle_count] : curl_easy_init();
}

/* What belongs to the transfer, secrets included, must not stay behind. Setting NULL needs no memory. */
static void forget_transfer(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_PRIVATE, NULL);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, NULL);
    curl_easy_setopt(easy, CURLOPT_USERPWD, NULL);
    curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, NULL);
    curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, NULL);
}

void nip__http_engine_give(nip__http_engine *engine, CURL *easy, bool sound)
{
    if (sound && engine->idle_count < NIP__HTTP_IDLE_MAX) {
        forget_transfer(easy);
        engine->idle[engine->idle_count++] = easy;
    } else {
        curl_easy_cleanup(easy);
    }
}

int nip__http_engine_add(nip__http_engine *engine, CURL *easy, nip_error **err)
{
    CURLMcode code = curl_multi_add_handle(engine->multi, easy);
    if (code != CURLM_OK)
        return code == CURLM_OUT_OF_MEMORY || engine->broken
                   ? nip__nomem(err)
                   : nip__fail(err, NIP_E_INTERNAL, "cannot start a transfer: %s", curl_multi_strerror(code));
    engine->running++;
    engine->loop->in_flight++;
    return 0;
}

void nip__http_engine_remove(nip__http_engine *engine, CURL *easy)
{
    curl_multi_remove_handle(engine->multi, easy);
    engine->running--;
    engine->loop->in_flight--;
}

/* ---- making ---- */

static int set_options(nip__http_engine *engine, nip_error **err)
{
    CURLMcode code = curl_multi_setopt(engine->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    if (code == CURLM_OK)
        code = curl_multi_setopt(engine->multi, CURLMOPT_SOCKETDATA, engine);
    if (code == CURLM_OK)
        code = curl_multi_setopt(engine->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    if (code == CURLM_OK)
        code = curl_multi_setopt(engine->multi, CURLMOPT_TIMERDATA, engine);
    int64_t pool = nip__descriptors_free() / 2;
    if (code == CURLM_OK)
        code = curl_multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS,
                                 (long)(pool > POOL_MAX ? POOL_MAX
                                        : pool > 1      ? pool
                                                        : 1));
    return code == CURLM_OK ? 0
                            : nip__fail(err, NIP_E_INTERNAL, "cannot set up libcurl: %s", curl_multi_strerror(code));
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
    made->multi = curl_multi_init();
    rc = made->multi == NULL ? nip__nomem(err) : arm_timer(made, NIP_TIME_MAX, err);
    if (rc == 0)
        rc = set_options(made, err);
    if (rc < 0)
        nip__http_engine_free(made);
    else
        loop->http = made;
    return rc;
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
        curl_easy_cleanup(engine->idle[i]);
    if (engine->multi != NULL)
        curl_multi_cleanup(engine->multi); /* closes pooled connections through nip__http_close_socket */
    nip__timer_stop(&engine->timer);
    for (size_t fd = 0; fd < engine->socket_slots; fd++)
        drop_socket(engine, (curl_socket_t)fd);
    nip__free(engine->sockets);
    nip__free(engine);
}
