/* One HTTP transfer: a request becomes options of a curl handle, what comes back a reply or the reason why there is
 * none. */
#include "op/http_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"
#include "op/url.h"

enum { HEADERS_MAX = 256 * 1024, MESSAGE_MAX = 2048, NAMES_KEPT_SECONDS = 60 };

struct nip__http {
    nip__http_engine *engine;
    nip__http *next, **link; /* among those that run */
    CURL *easy;
    bool finishing;
    bool too_large, no_memory;
    int socket_errno; /* why a socket could not be opened */
    size_t reply_max;
    nip_duration timeout;
    char *label;      /* "GET http://...": masked, for messages */
    struct curl_slist *headers, *connect_to;
    nip__buffer reply_headers, body;
    char error_text[CURL_ERROR_SIZE];
    void (*done)(void *data, const nip__http_reply *reply);
    void *data;
};

static int join(nip__http *http, nip_error **err)
{
    nip__http_engine *engine = http->engine;
    int rc = nip__http_engine_add(engine, http->easy, err);
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
    if (http->link == NULL)
        return;
    nip__http_engine_remove(http->engine, http->easy);
    *http->link = http->next;
    if (http->next != NULL)
        http->next->link = http->link;
    http->link = NULL;
}

static void release(nip__http *http)
{
    part(http);
    if (http->easy != NULL)
        nip__http_engine_give(http->engine, http->easy, !http->no_memory);
    curl_slist_free_all(http->headers);
    curl_slist_free_all(http->connect_to);
    nip__buffer_clear(&http->reply_headers);
    nip__buffer_clear(&http->body);
    nip__free(http->label);
    nip__free(http);
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

static size_t take_body(char *bytes, size_t size, size_t count, void *user)
{
    nip__http *http = user;
    if (size * count > http->reply_max - http->body.length) {
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
    curl_socket_t fd = nip__http_open_socket(http->engine, address);
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
};

/* What curl says may quote the peer: one line of plain characters. */
static void put_curl_text(nip__buffer *message, const nip__http *http, CURLcode code)
{
    const char *text = http->error_text[0] != '\0' ? http->error_text : curl_easy_strerror(code);
    for (; *text != '\0'; text++)
        nip__buffer_char(message, *text >= ' ' && *text < 0x7f ? *text : '?');
}

static void explain(nip__buffer *message, const nip__http *http, const char *reason, CURLcode code, int os_errno)
{
    nip__buffer_printf(message, "%s: ", http->label);
    for (size_t i = 0; i < sizeof explanations / sizeof explanations[0]; i++) {
        if (strcmp(explanations[i].reason, reason) == 0) {
            nip__buffer_text(message, explanations[i].text);
            return;
        }
    }
    if (strcmp(reason, "timeout") == 0) {
        nip__buffer_text(message, "no complete reply within ");
        nip__duration_write_short(message, http->timeout);
    } else if (strcmp(reason, "too_large") == 0) {
        nip__buffer_printf(message, "the reply is larger than %zu bytes", http->reply_max);
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
    curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(http->easy, CURLINFO_OS_ERRNO, &os_errno);
    curl_easy_getinfo(http->easy, CURLINFO_TOTAL_TIME_T, &microseconds);
    nip__http_reply reply = {
        .message = "",
        .status = (int)status,
        .headers = nip__buffer_string(&http->reply_headers),
        .body = nip__buffer_string(&http->body),
        .body_length = http->body.length,
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

/* ---- the beginning ----
 * Handles are used again without curl_easy_reset, which leaves them half set when memory is out. So every option
 * that is ever set is set each time, to its default where the request says nothing. */

#define SET(option, value)                                                                                             \
    do {                                                                                                               \
        if (code == CURLE_OK)                                                                                          \
            code = curl_easy_setopt(easy, option, value);                                                              \
    } while (0)

/* No signals, no redirects, no proxy, nothing but HTTP, certificates always verified: what is asked for is what is
 * asked. */
static CURLcode set_manners(nip__http *http, CURL *easy)
{
    CURLcode code = CURLE_OK;
    char agent[32];
    snprintf(agent, sizeof agent, "nipops/%s", nip_version());
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* a resolver thread that hangs must not hold us when the transfer ends */
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, ""); /* also none from the environment: a check through a proxy would check the proxy */
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_USERAGENT, agent);
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

static bool is_readable(const char *path)
{
    return path != NULL && path[0] != '\0' && access(path, R_OK) == 0;
}

/* One file of authorities instead of a folder: with a folder, libcurl parses all of them anew for each connection. */
static const char *system_authorities(void)
{
    const char *candidates[] = {getenv("CURL_CA_BUNDLE"), getenv("SSL_CERT_FILE"),
                                "/etc/ssl/certs/ca-certificates.crt"};
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++)
        if (is_readable(candidates[i]))
            return candidates[i];
    return NULL;
}

static CURLcode set_tls(CURL *easy, const nip__http_request *request)
{
    CURLcode code = CURLE_OK;
    const char *authorities = request->ca_file != NULL ? request->ca_file : system_authorities();
    const curl_version_info_data *built_in = curl_version_info(CURLVERSION_NOW);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_CAINFO, authorities != NULL ? authorities : built_in->cainfo);
    SET(CURLOPT_CAPATH, authorities != NULL ? NULL : built_in->capath);
    SET(CURLOPT_SSLCERT, request->cert_file);
    SET(CURLOPT_SSLKEY, request->key_file);
    return code;
}

static CURLcode set_credentials(CURL *easy, const nip__http_request *request)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_HTTPAUTH, request->bearer != NULL ? CURLAUTH_BEARER : CURLAUTH_BASIC);
    SET(CURLOPT_USERPWD, request->user_password);
    SET(CURLOPT_XOAUTH2_BEARER, request->bearer);
    return code;
}

static CURLcode set_method(CURL *easy, const nip__http_request *request)
{
    CURLcode code = CURLE_OK;
    const char *method = request->method != NULL ? request->method : "GET";
    bool head = strcmp(method, "HEAD") == 0 && request->body == NULL;
    SET(CURLOPT_POSTFIELDSIZE_LARGE, request->body != NULL ? (curl_off_t)request->body_length : (curl_off_t)-1);
    SET(CURLOPT_COPYPOSTFIELDS, request->body); /* makes it a POST, with or without a body: hence the next */
    if (request->body == NULL)
        SET(CURLOPT_HTTPGET, 1L);
    SET(CURLOPT_NOBODY, head ? 1L : 0L);
    SET(CURLOPT_CUSTOMREQUEST, head || strcmp(method, "GET") == 0 ? NULL : method);
    return code;
}

static CURLcode set_limits(CURL *easy, const nip__http_request *request, const nip__url *url)
{
    CURLcode code = CURLE_OK;
    int64_t timeout_ms = request->timeout / NIP_MILLISECOND + (request->timeout % NIP_MILLISECOND != 0);
    timeout_ms = timeout_ms < 1 ? 1 : timeout_ms > INT32_MAX ? INT32_MAX : timeout_ms;
    SET(CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->reply_max);
    /* curl walks its whole cache of names after each transfer, for addresses too, unless there is none */
    SET(CURLOPT_DNS_CACHE_TIMEOUT, url->numeric ? 0L : (long)NAMES_KEPT_SECONDS);
    SET(CURLOPT_FRESH_CONNECT, request->fresh_connection ? 1L : 0L);
    SET(CURLOPT_FORBID_REUSE, request->fresh_connection ? 1L : 0L);
    SET(CURLOPT_CONNECT_ONLY, request->connect_only ? 1L : 0L);
    return code;
}

static int append(struct curl_slist **list, const char *text)
{
    struct curl_slist *longer = curl_slist_append(*list, text);
    if (longer == NULL)
        return -1;
    *list = longer;
    return 0;
}

static CURLcode set_headers(nip__http *http, CURL *easy, const nip__http_request *request)
{
    CURLcode code = CURLE_OK;
    for (const char *const *header = request->headers; header != NULL && *header != NULL; header++)
        if (append(&http->headers, *header) < 0)
            return CURLE_OUT_OF_MEMORY;
    if (request->body != NULL && append(&http->headers, "Expect:") < 0) /* never wait for a "100 Continue" */
        return CURLE_OUT_OF_MEMORY;
    SET(CURLOPT_HTTPHEADER, http->headers);
    return code;
}

/* Another name than the URL's: the URL gets that name, and the connection goes to where the URL pointed. */
static CURLcode set_url(nip__http *http, CURL *easy, const nip__http_request *request, const nip__url *url)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_CONNECT_TO, NULL);
    if (request->server_name == NULL || code != CURLE_OK)
        return code;
    CURLU *renamed = curl_url();
    char *text = NULL;
    char target[NIP__HOST_MAX + 16];
    snprintf(target, sizeof target, strchr(url->host, ':') != NULL ? "::[%s]:%d" : "::%s:%d", url->host, url->port);
    if (renamed == NULL || append(&http->connect_to, target) < 0)
        code = CURLE_OUT_OF_MEMORY;
    else if (curl_url_set(renamed, CURLUPART_URL, request->url, 0) != CURLUE_OK ||
             curl_url_set(renamed, CURLUPART_HOST, request->server_name, 0) != CURLUE_OK ||
             curl_url_get(renamed, CURLUPART_URL, &text, 0) != CURLUE_OK)
        code = CURLE_URL_MALFORMAT;
    SET(CURLOPT_URL, text);
    SET(CURLOPT_CONNECT_TO, http->connect_to);
    curl_free(text);
    curl_url_cleanup(renamed);
    return code;
}

static CURLcode set_all(nip__http *http, const nip__http_request *request, const nip__url *url)
{
    CURLcode code = set_manners(http, http->easy);
    if (code == CURLE_OK)
        code = set_tls(http->easy, request);
    if (code == CURLE_OK)
        code = set_credentials(http->easy, request);
    if (code == CURLE_OK)
        code = set_method(http->easy, request);
    if (code == CURLE_OK)
        code = set_limits(http->easy, request, url);
    if (code == CURLE_OK)
        code = set_headers(http, http->easy, request);
    if (code == CURLE_OK)
        code = set_url(http, http->easy, request, url);
    return code;
}

static bool has_control(const char *text)
{
    for (; text != NULL && *text != '\0'; text++)
        if ((unsigned char)*text < ' ' && *text != '\t')
            return true;
    return false;
}

/* A line break in a header or credential would begin another header. */
static int check_request(const nip__http_request *request, nip__url *url, nip_error **err)
{
    if (!nip__url_read(request->url, url) || url->port == 0 ||
        !(nip__text_equal(url->scheme, "http") || nip__text_equal(url->scheme, "https")))
        return nip__fail(err, NIP_E_INVALID, "a URL must be http://HOST[:PORT]/... or https://HOST[:PORT]/...");
    bool odd = has_control(request->method) || has_control(request->user_password) || has_control(request->bearer) ||
               has_control(request->server_name);
    for (const char *const *header = request->headers; header != NULL && *header != NULL; header++)
        odd = odd || has_control(*header);
    if (odd)
        return nip__fail(err, NIP_E_INVALID, "a header or credential has a line break or another control character");
    return 0;
}

static char *make_label(const nip__http_request *request)
{
    nip__buffer label = NIP__BUFFER(MESSAGE_MAX / 2);
    nip__buffer_printf(&label, "%s ",
                       request->connect_only     ? "connect to"
                       : request->method != NULL ? request->method
                                                 : "GET");
    nip__url_write(&label, request->url);
    if (label.full) { /* better a short label than none */
        nip__buffer_reset(&label);
        nip__buffer_text(&label, "a URL of more than 1000 bytes");
    }
    return nip__buffer_take(&label);
}

int nip__http_start(nip__loop *loop, const nip__http_request *request,
                    void (*done)(void *data, const nip__http_reply *reply), void *data, nip__http **http,
                    nip_error **err)
{
    NIP_ARG(request->url != NULL && request->timeout > 0 && request->reply_max > 0);
    nip__url url;
    nip__http_engine *engine = NULL;
    int rc = check_request(request, &url, err);
    if (rc == 0)
        rc = nip__http_engine_get(loop, &engine, err);
    if (rc < 0)
        return rc;
    nip__http *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    *made = (nip__http){
        .engine = engine, .reply_max = request->reply_max, .timeout = request->timeout, .done = done, .data = data};
    made->reply_headers = NIP__BUFFER(HEADERS_MAX);
    made->body = NIP__BUFFER(request->reply_max);
    made->label = make_label(request);
    made->easy = made->label == NULL ? NULL : nip__http_engine_take(engine);
    CURLcode code = made->easy == NULL ? CURLE_OUT_OF_MEMORY : set_all(made, request, &url);
    made->no_memory = code == CURLE_OUT_OF_MEMORY;
    if (made->no_memory)
        rc = nip__nomem(err);
    else if (code != CURLE_OK)
        rc = nip__fail(err, NIP_E_INVALID, "%s: %s", made->label, curl_easy_strerror(code));
    else
        rc = join(made, err);
    if (rc < 0) {
        release(made);
        return rc;
    }
    *http = made;
    return 0;
}

void nip__http_stop(nip__http *http)
{
    if (http != NULL && !http->finishing)
        release(http);
}
