/* One HTTP transfer: a request becomes options of a curl handle, what comes back a reply or the reason why there is
 * none. */
#include "op/http_inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"
#include "op/url.h"

#define KICK_EVERY (20 * NIP_MILLISECOND)

enum { HEADERS_MAX = 256 * 1024, MESSAGE_MAX = 2048, KEPT_MAX = 16 * 1024, URL_MAX = 1 << 20 };

struct nip__http {
    nip__http_engine *engine;
    nip__http *next, **link; /* among those that run; link NULL: it does not */
    CURL *easy;
    uint64_t serial; /* of the profile that the handle is set up for; 0: none */
    nip__http_profile *profile;
    nip__http_shard *shard;
    const char *url; /* borrowed */
    bool finishing;
    bool too_large, no_memory, refused;
    size_t taken; /* bytes of the body handed out */
    int socket_errno; /* why a socket could not be opened */
    struct curl_slist *connect_to;
    nip__timer kick;
    nip__buffer reply_headers, body;
    char error_text[CURL_ERROR_SIZE];
    void (*done)(void *data, const nip__http_reply *reply);
    void *data;
};

static int join(nip__http *http, nip_error **err)
{
    nip__http_engine *engine = http->engine;
    int rc = nip__http_engine_add(http->shard, http->easy, err);
    if (rc < 0)
        return rc;
    http->next = engine->first;
    http->link = &engine->first;
    if (http->next != NULL)
        http->next->link = &http->next;
    engine->first = http;
    return 0;
}

static void part(nip__http *http)
{
    nip__timer_stop(&http->kick);
    if (http->link == NULL)
        return;
    nip__http_engine_remove(http->shard, http->easy);
    *http->link = http->next;
    if (http->next != NULL)
        http->next->link = http->link;
    http->link = NULL;
}

void nip__http_destroy(nip__http *http)
{
    if (http->easy != NULL)
        curl_easy_cleanup(http->easy);
    curl_slist_free_all(http->connect_to);
    nip__buffer_clear(&http->reply_headers);
    nip__buffer_clear(&http->body);
    nip__free(http);
}

/* What belonged to one transfer goes; what the next one needs again stays. */
static void rest(nip__http *http)
{
    if (http->connect_to != NULL) {
        curl_easy_setopt(http->easy, CURLOPT_CONNECT_TO, NULL);
        curl_slist_free_all(http->connect_to);
        http->connect_to = NULL;
    }
    nip__buffer *buffers[] = {&http->reply_headers, &http->body};
    for (size_t i = 0; i < 2; i++) {
        if (buffers[i]->capacity > KEPT_MAX)
            nip__buffer_clear(buffers[i]);
        nip__buffer_reset(buffers[i]);
    }
    http->finishing = http->too_large = http->refused = false;
    http->taken = 0;
    http->socket_errno = 0;
    http->error_text[0] = '\0';
}

static void release(nip__http *http)
{
    nip__http_engine *engine = http->engine;
    nip__http_profile *profile = http->profile;
    part(http);
    http->profile = NULL;
    if (http->no_memory || engine->idle_count == NIP__HTTP_IDLE_MAX) {
        nip__http_destroy(http);
    } else {
        rest(http);
        engine->idle[engine->idle_count++] = http;
    }
    nip__http_profile_free(profile);
}

/* Secrets must not stay behind. Setting NULL needs no memory. */
void nip__http_forget_profile(nip__http_engine *engine, uint64_t serial)
{
    for (size_t i = 0; i < engine->idle_count; i++) {
        nip__http *idle = engine->idle[i];
        if (idle->serial != serial)
            continue;
        curl_easy_setopt(idle->easy, CURLOPT_HTTPHEADER, NULL);
        curl_easy_setopt(idle->easy, CURLOPT_USERPWD, NULL);
        curl_easy_setopt(idle->easy, CURLOPT_XOAUTH2_BEARER, NULL);
        curl_easy_setopt(idle->easy, CURLOPT_COPYPOSTFIELDS, NULL);
        curl_easy_setopt(idle->easy, CURLOPT_URL, NULL);
        idle->serial = 0;
    }
}

/* ---- what curl calls ---- */

static size_t take_header(char *bytes, size_t size, size_t count, void *user)
{
    nip__http *http = user;
    if (size * count >= 5 && memcmp(bytes, "HTTP/", 5) == 0) /* those of an interim reply are over */
        nip__buffer_reset(&http->reply_headers);
    nip__buffer_put(&http->reply_headers, bytes, size * count);
    http->too_large |= http->reply_headers.full;
    http->no_memory |= http->reply_headers.failed && !http->reply_headers.full;
    return http->reply_headers.failed ? 0 : size * count;
}

static size_t hand_out(nip__http *http, const char *bytes, size_t length)
{
    const nip__http_request *request = &http->profile->request;
    http->too_large = length > request->reply_max - http->taken;
    if (http->too_large)
        return 0;
    http->taken += length;
    http->refused = request->take(http->data, bytes, length) < 0;
    return http->refused ? 0 : length;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *user)
{
    nip__http *http = user;
    if (http->profile->request.take != NULL)
        return hand_out(http, bytes, size * count);
    if (size * count > http->body.max - http->body.length) {
        http->too_large = true;
        return 0;
    }
    nip__buffer_put(&http->body, bytes, size * count);
    http->no_memory |= http->body.failed;
    return http->body.failed ? 0 : size * count;
}

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    nip__http *http = user;
    curl_socket_t fd = nip__http_open_socket(http->shard, address);
    if (fd == CURL_SOCKET_BAD)
        http->socket_errno = errno;
    return fd;
}

/* ---- the end ---- */

static const char *find_reason(const nip__http *http, CURLcode code, int os_errno)
{
    if (http->no_memory)
        return "no_memory";
    if (http->too_large)
        return "too_large";
    if (http->refused)
        return "refused";
    return nip__http_reason(code, os_errno);
}

static const struct {
    const char *reason, *text;
} explanations[] = {
    {"connection_refused", "connection refused"},
    {"resolve_failed", "the host name cannot be resolved"},
    {"reset", "the connection was closed before a reply came"},
    {"truncated", "the reply ended before it was complete"},
    {"no_descriptors", "no descriptor or local port is left on this side"},
    {"no_memory", "out of memory"},
    {"refused", "what came is of no use"},
};

/* What curl says may quote the peer: one line of plain characters. */
static void put_curl_text(nip__buffer *message, const nip__http *http, CURLcode code)
{
    const char *text = http->error_text[0] != '\0' ? http->error_text : curl_easy_strerror(code);
    for (; *text != '\0'; text++)
        nip__buffer_char(message, *text >= ' ' && *text < 0x7f ? *text : '?');
}

/* "GET http://...", masked; of a mere connection "connect to tcp://...", whose URL says http only for libcurl. */
static void put_label(nip__buffer *message, const nip__http *http)
{
    const nip__http_request *request = &http->profile->request;
    nip__buffer url = NIP__BUFFER(MESSAGE_MAX / 2);
    nip__buffer_text(message, request->connect_only     ? "connect to"
                              : request->method != NULL ? request->method
                                                        : "GET");
    nip__buffer_text(message, " ");
    if (request->connect_only && nip__text_starts(http->url, "http://")) {
        nip__buffer_text(message, "tcp://");
        nip__buffer_text(&url, http->url + strlen("http://"));
    } else {
        nip__url_write(&url, http->url); /* better a short label than none */
    }
    nip__buffer_text(message, url.full ? "a URL of more than 1000 bytes" : nip__buffer_string(&url));
    nip__buffer_clear(&url);
}

static void explain(nip__buffer *message, const nip__http *http, const char *reason, CURLcode code, int os_errno)
{
    put_label(message, http);
    nip__buffer_text(message, ": ");
    for (size_t i = 0; i < sizeof explanations / sizeof explanations[0]; i++) {
        if (strcmp(explanations[i].reason, reason) == 0) {
            nip__buffer_text(message, explanations[i].text);
            return;
        }
    }
    if (strcmp(reason, "timeout") == 0) {
        nip__buffer_text(message, "no complete reply within ");
        nip__duration_write_short(message, http->profile->request.timeout);
    } else if (strcmp(reason, "too_large") == 0) {
        nip__buffer_printf(message, "the reply is larger than %zu bytes", http->profile->request.reply_max);
    } else if (strcmp(reason, "unreachable") == 0 && os_errno != 0) {
        nip__buffer_printf(message, "cannot connect: %s", strerrordesc_np(os_errno));
    } else {
        put_curl_text(message, http, code);
    }
}

static nip__http_reply make_reply(nip__http *http, CURLcode code, nip__buffer *message)
{
    long status = 0, os_errno = 0;
    curl_off_t microseconds = 0;
    char *address = NULL;
    curl_easy_getinfo(http->easy, CURLINFO_PRIMARY_IP, &address);
    curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(http->easy, CURLINFO_OS_ERRNO, &os_errno);
    curl_easy_getinfo(http->easy, CURLINFO_TOTAL_TIME_T, &microseconds);
    nip__http_reply reply = {
        .message = "",
        .status = (int)status,
        .headers = nip__buffer_string(&http->reply_headers),
        .body = nip__buffer_string(&http->body),
        .body_length = http->body.length,
        .address = address != NULL ? address : "",
        .duration = (nip_duration)microseconds * NIP_MICROSECOND,
    };
    http->no_memory |= code == CURLE_OUT_OF_MEMORY;
    if (code != CURLE_OK) {
        int cause = http->socket_errno != 0 ? http->socket_errno : (int)os_errno;
        reply.reason = find_reason(http, code, cause);
        explain(message, http, reply.reason, code, cause);
        reply.message = nip__buffer_string(message);
    }
    return reply;
}

void nip__http_finish(nip__http *http, CURLcode code)
{
    nip__buffer message = NIP__BUFFER(MESSAGE_MAX);
    nip__http_reply reply = make_reply(http, code, &message);
    part(http);
    http->finishing = true;
    http->done(http->data, &reply);
    nip__buffer_clear(&message);
    release(http);
}

void nip__http_fail_all(nip__http_engine *engine)
{
    while (engine->first != NULL)
        nip__http_finish(engine->first, CURLE_OUT_OF_MEMORY);
}

/* ---- the beginning ---- */

#define SET(option, value)                                                                                             \
    do {                                                                                                               \
        if (code == CURLE_OK)                                                                                          \
            code = curl_easy_setopt(easy, option, value);                                                              \
    } while (0)

/* No signals, no redirects, no proxy, certificates always verified: what is asked for is what is
 * asked. */
static CURLcode set_manners(nip__http *http, CURL *easy)
{
    CURLcode code = CURLE_OK;
    char agent[32];
    snprintf(agent, sizeof agent, "nipops/%s", nip_version());
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* a resolver thread that hangs must not hold us when the transfer ends */
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, ""); /* also none from the environment: a check through a proxy would check the proxy */
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_USERAGENT, agent);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_PRIVATE, (void *)http);
    SET(CURLOPT_ERRORBUFFER, http->error_text);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, http);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, http);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, http);
    SET(CURLOPT_CLOSESOCKETFUNCTION, nip__http_close_socket);
    SET(CURLOPT_CLOSESOCKETDATA, http->engine);
    return code;
}

static nip__http *make(nip__http_engine *engine)
{
    nip__http *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    made->engine = engine;
    made->easy = curl_easy_init();
    if (made->easy == NULL || set_manners(made, made->easy) != CURLE_OK) {
        nip__http_destroy(made);
        return NULL;
    }
    return made;
}

static nip__http *take(nip__http_engine *engine)
{
    return engine->idle_count > 0 ? engine->idle[--engine->idle_count] : make(engine);
}

static const char *curl_url_of(const nip__http *http)
{
    return http->profile->exchange_url != NULL ? http->profile->exchange_url : http->url;
}

/* Another name than the URL's: the URL gets that name, and the connection goes to where the URL pointed. */
static CURLcode rename_host(nip__http *http, CURL *easy, const char *name, const nip__url *url)
{
    CURLcode code = CURLE_OK;
    char target[NIP__HOST_MAX + 16];
    nip__buffer renamed = NIP__BUFFER(URL_MAX);
    snprintf(target, sizeof target, strchr(url->host, ':') != NULL ? "::[%s]:%d" : "::%s:%d", url->host, url->port);
    http->connect_to = curl_slist_append(NULL, target);
    if (!nip__url_rename(&renamed, curl_url_of(http), name))
        code = renamed.failed && !renamed.full ? CURLE_OUT_OF_MEMORY : CURLE_URL_MALFORMAT;
    else if (http->connect_to == NULL)
        code = CURLE_OUT_OF_MEMORY;
    SET(CURLOPT_URL, nip__buffer_string(&renamed));
    SET(CURLOPT_CONNECT_TO, http->connect_to);
    nip__buffer_clear(&renamed);
    return code;
}

static CURLcode set_up(nip__http *http, const nip__url *url)
{
    CURL *easy = http->easy;
    const nip__http_profile *profile = http->profile;
    CURLcode code = CURLE_OK;
    if (http->serial != profile->serial) {
        http->serial = 0;
        code = nip__http_profile_apply(profile, easy);
    }
    if (code == CURLE_OK)
        http->serial = profile->serial;
    SET(CURLOPT_DNS_CACHE_TIMEOUT, nip__http_engine_names_kept(http->shard, url));
    if (profile->request.server_name == NULL)
        SET(CURLOPT_URL, curl_url_of(http));
    else if (code == CURLE_OK)
        code = rename_host(http, easy, profile->request.server_name, url);
    return code;
}

static int read_url(const char *url, nip__url *parts, nip_error **err)
{
    if (!nip__url_read(url, parts) || parts->port == 0 ||
        !(nip__text_equal(parts->scheme, "http") || nip__text_equal(parts->scheme, "https")))
        return nip__fail(err, NIP_E_INVALID, "a URL must be http://HOST[:PORT]/... or https://HOST[:PORT]/...");
    return 0;
}

/* Between the handshake of TLS and what it sends, libcurl's gopher names neither a socket nor a time to wait for: it is looked at. */
static void on_kick(void *data)
{
    nip__http *http = data;
    nip__timer_set_real(http->engine->loop, &http->kick, KICK_EVERY, on_kick, http, NULL); /* its place was just left */
    nip__http_engine_kick(http->shard);
}

static int start_kicking(nip__http *http, const nip__url *url, nip_error **err)
{
    if (http->profile->exchange_url == NULL || !nip__text_equal(url->scheme, "https"))
        return 0;
    return nip__timer_set_real(http->engine->loop, &http->kick, KICK_EVERY, on_kick, http, err);
}

static int begin(nip__http *http, const nip__url *url, nip_error **err)
{
    CURLcode code = set_up(http, url);
    http->no_memory = code == CURLE_OUT_OF_MEMORY;
    if (http->no_memory)
        return nip__nomem(err);
    if (code != CURLE_OK) {
        nip__buffer label = NIP__BUFFER(MESSAGE_MAX);
        put_label(&label, http);
        int rc = nip__fail(err, NIP_E_INVALID, "%s: %s", nip__buffer_string(&label), curl_easy_strerror(code));
        nip__buffer_clear(&label);
        return rc;
    }
    int rc = start_kicking(http, url, err);
    return rc < 0 ? rc : join(http, err);
}

int nip__http_ask(nip__loop *loop, nip__http_profile *profile, const char *url,
                  void (*done)(void *data, const nip__http_reply *reply), void *data, nip__http **http, nip_error **err)
{
    nip__url parts;
    nip__http_engine *engine = NULL;
    nip__http_shard *shard = NULL;
    int rc = read_url(url, &parts, err);
    if (rc == 0)
        rc = nip__http_engine_get(loop, &engine, err);
    if (rc == 0)
        rc = nip__http_engine_shard(engine, &parts, &shard, err);
    if (rc < 0)
        return rc;
    nip__http *made = take(engine);
    if (made == NULL)
        return nip__nomem(err);
    made->profile = nip__http_profile_hold(profile);
    made->shard = shard;
    made->url = url;
    made->done = done;
    made->data = data;
    made->reply_headers.max = HEADERS_MAX;
    made->body.max = profile->request.reply_max;
    rc = begin(made, &parts, err);
    if (rc < 0) {
        release(made);
        return rc;
    }
    *http = made;
    return 0;
}

int nip__http_start(nip__loop *loop, const nip__http_request *request,
                    void (*done)(void *data, const nip__http_reply *reply), void *data, nip__http **http,
                    nip_error **err)
{
    NIP_ARG(request->url != NULL);
    nip__http_profile *profile = NULL;
    int rc = nip__http_profile_new(loop, request, &profile, err);
    if (rc == 0)
        rc = nip__http_ask(loop, profile, profile->request.url, done, data, http, err);
    nip__http_profile_free(profile); /* the transfer holds it */
    return rc;
}

void nip__http_stop(nip__http *http)
{
    if (http != NULL && !http->finishing)
        release(http);
}
