/* Dependencies that are asked through libcurl: a connection, an HTTP request, or bytes of another protocol. */
#include "driver/dependencies.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "doc/json.h"
#include "op/url.h"

enum { REPLY_MAX = 1 << 20 };

static void stop_http(nip__inquiry *inquiry)
{
    nip__http_stop(inquiry->state);
}

static const struct {
    const char *reason, *as, *detail; /* detail NULL: what libcurl says */
} failures[] = {
    {"connection_refused", "connection_refused", "connection refused"},
    {"resolve_failed", "resolve_failed", "the host's name cannot be resolved"},
    {"timeout", "timeout", "no answer in time"},
    {"reset", "reset", "the connection was closed before an answer came"},
    {"truncated", "reset", "the answer ended before it was complete"},
    {"too_large", "too_large", "the answer is too large"},
    {"tls_failed", "tls_failed", NULL},
    {"unreachable", "unreachable", NULL},
};

/* "GET http://...: SSL certificate problem" without what stands before it: an address may hold secrets behind a '?'. */
static const char *told(const nip__inquiry *inquiry, const nip__http_reply *reply)
{
    const char *url = strstr(reply->message, inquiry->url);
    const char *behind = strstr(url != NULL ? url + strlen(inquiry->url) : reply->message, ": ");
    return behind != NULL ? behind + 2 : "it cannot be talked with";
}

/* An address in numbers needs no resolver: only memory can have lacked. */
static bool lacks_memory(const nip__inquiry *inquiry, const nip__http_reply *reply)
{
    nip__url url;
    return strcmp(reply->reason, "no_memory") == 0 ||
           (strcmp(reply->reason, "resolve_failed") == 0 && nip__url_read(inquiry->url, &url) && url.numeric);
}

void nip__inquiry_failed(nip__inquiry *inquiry, const nip__http_reply *reply)
{
    if (lacks_memory(inquiry, reply) || strcmp(reply->reason, "no_descriptors") == 0) {
        nip__inquiry_short(inquiry, strcmp(reply->reason, "no_descriptors") == 0 ? "no_descriptors" : "no_memory");
        return;
    }
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        if (strcmp(failures[i].reason, reply->reason) == 0) {
            nip__inquiry_bad(inquiry, failures[i].as, "%s", failures[i].detail != NULL ? failures[i].detail : told(inquiry, reply));
            return;
        }
    }
    nip__inquiry_bad(inquiry, "protocol", "%s", told(inquiry, reply));
}

/* False: it could not be begun, and the inquiry has ended. */
static bool begin(nip__inquiry *inquiry, const nip__http_request *request, void (*done)(void *data, const nip__http_reply *reply),
                  nip__http **http)
{
    nip_error *err = NULL;
    inquiry->url = request->url;
    int rc = nip__http_start(inquiry->loop, request, done, inquiry, http, &err);
    if (rc == NIP_E_NOMEM)
        nip__inquiry_short(inquiry, "no_memory");
    else if (rc == NIP_E_UNSUPPORTED)
        nip__inquiry_bad(inquiry, "unsupported", "libcurl cannot do that here");
    else if (rc < 0)
        nip__inquiry_bad(inquiry, "bad_address", "it cannot be asked: a header, the user, the password or the host has a character that "
                                                 "cannot be sent");
    nip_error_free(err);
    return rc == 0;
}

static void start(nip__inquiry *inquiry, const nip__http_request *request, void (*done)(void *data, const nip__http_reply *reply))
{
    nip__http *http = NULL;
    if (!begin(inquiry, request, done, &http))
        return;
    inquiry->state = http;
    inquiry->stop = stop_http;
}

/* "http://[::1]:8080" and what follows it; without the user, which is sent otherwise. */
static char *make_url(nip__inquiry *inquiry, const char *scheme, const char *after)
{
    const nip__address *address = &inquiry->address;
    bool bracketed = strchr(address->host, ':') != NULL;
    return nip__arena_printf(inquiry->arena, "%s://%s%s%s:%d%s", scheme, bracketed ? "[" : "", address->host, bracketed ? "]" : "",
                             address->port, after);
}

/* ---- tcp:// ---- */

static void on_connected(void *data, const nip__http_reply *reply)
{
    if (reply->reason != NULL)
        nip__inquiry_failed(data, reply);
    else
        nip__inquiry_good(data);
}

static nip__http_request connection(nip__inquiry *inquiry)
{
    return (nip__http_request){
        .url = make_url(inquiry, "http", ""),
        .timeout = inquiry->timeout,
        .reply_max = REPLY_MAX,
        .fresh_connection = true,
        .connect_only = true,
    };
}

void nip__inquire_tcp(nip__inquiry *inquiry)
{
    const nip__http_request request = connection(inquiry);
    if (request.url == NULL)
        nip__inquiry_short(inquiry, "no_memory");
    else
        start(inquiry, &request, on_connected);
}

void nip__inquiry_connect(nip__inquiry *inquiry, nip__http **http, void (*done)(void *data, const nip__http_reply *reply))
{
    const nip__http_request request = connection(inquiry);
    if (request.url == NULL)
        nip__inquiry_short(inquiry, "no_memory");
    else
        begin(inquiry, &request, done, http);
}

/* ---- http:// and https:// ---- */

static bool is_good(const nip__inquiry *inquiry, int status)
{
    const nip__value *good = nip__get(inquiry->asked, "status");
    for (NIP__EACH(item, good))
        if (item->as.integer == status)
            return true;
    return good == NULL && status >= 200 && status < 400;
}

static void judge_status(nip__inquiry *inquiry, int status)
{
    bool sent = inquiry->address.password != NULL || inquiry->headers[0] != NULL;
    if (status == 401)
        nip__inquiry_bad(inquiry, sent ? "auth_failed" : "auth_required", sent ? "status 401: what it was sent does not let us in"
                                                                               : "status 401: it wants to know who asks");
    else if (status == 403)
        nip__inquiry_bad(inquiry, "not_allowed", "status 403: not allowed");
    else
        nip__inquiry_bad(inquiry, "unhealthy", "status %d", status);
}

static void judge_scalar(nip__inquiry *inquiry, const nip__value *value, const char *pointer)
{
    char number[40];
    double real;
    if (nip__is(value, NIP__STRING)) {
        nip__inquiry_version(inquiry, value->as.string.text, value->as.string.length);
    } else if (nip__number(value, &real)) {
        if (nip__is(value, NIP__INT))
            snprintf(number, sizeof number, "%lld", (long long)value->as.integer);
        else
            nip__text_from_real(real, number);
        nip__inquiry_version(inquiry, number, strlen(number));
    } else {
        nip__inquiry_bad(inquiry, "no_version", "its answer has no text or number at %s", pointer);
    }
}

static void judge_body(nip__inquiry *inquiry, const nip__http_reply *reply, const char *pointer)
{
    nip__arena *arena = nip__arena_new();
    nip__value *body = NULL;
    int rc = arena == NULL ? NIP_E_NOMEM : nip__json_read(arena, reply->body, reply->body_length, NULL, &nip__document_limits, &body, NULL);
    if (rc == NIP_E_NOMEM)
        nip__inquiry_short(inquiry, "no_memory");
    else if (rc < 0)
        nip__inquiry_bad(inquiry, "no_version", "its answer is not JSON");
    else
        judge_scalar(inquiry, nip__pointer(body, pointer), pointer);
    nip__arena_free(arena);
}

static void on_reply(void *data, const nip__http_reply *reply)
{
    nip__inquiry *inquiry = data;
    const char *pointer = nip__get_text(nip__get(inquiry->asked, "schema"), "pointer");
    bool enough = pointer == NULL && reply->status != 0 && nip__text_equal(reply->reason, "too_large");
    if (reply->reason != NULL && !enough)
        nip__inquiry_failed(inquiry, reply);
    else if (!is_good(inquiry, reply->status))
        judge_status(inquiry, reply->status);
    else if (pointer != NULL)
        judge_body(inquiry, reply, pointer);
    else
        nip__inquiry_good(inquiry);
}

static nip__http_request make_request(nip__inquiry *inquiry, size_t reply_max)
{
    const nip__value *tls = nip__get(inquiry->asked, "tls");
    return (nip__http_request){
        .url = make_url(inquiry, inquiry->address.tls ? "https" : "http", inquiry->address.kind == NIP__DEPENDS_HTTP ? inquiry->address.path : ""),
        .timeout = inquiry->timeout,
        .reply_max = reply_max,
        .ca_file = nip__get_text(tls, "ca_file"),
        .cert_file = nip__get_text(tls, "cert_file"),
        .key_file = nip__get_text(tls, "key_file"),
        .server_name = nip__get_text(tls, "server_name"),
        .fresh_connection = true,
    };
}

void nip__inquire_http(nip__inquiry *inquiry)
{
    const nip__address *address = &inquiry->address;
    nip__http_request request = make_request(inquiry, REPLY_MAX);
    request.headers = inquiry->headers;
    if (address->user != NULL || address->password != NULL)
        request.user_password = nip__arena_printf(inquiry->arena, "%s:%s", address->user != NULL ? address->user : "",
                                                  address->password != NULL ? address->password : "");
    if (nip__arena_failed(inquiry->arena))
        nip__inquiry_short(inquiry, "no_memory");
    else
        start(inquiry, &request, on_reply);
}

void nip__inquiry_exchange(nip__inquiry *inquiry, const char *bytes, size_t length, size_t reply_max,
                           void (*done)(void *data, const nip__http_reply *reply))
{
    nip__http_request request = make_request(inquiry, reply_max);
    request.exchange = bytes;
    request.exchange_length = length;
    if (nip__arena_failed(inquiry->arena))
        nip__inquiry_short(inquiry, "no_memory");
    else
        start(inquiry, &request, done);
}
