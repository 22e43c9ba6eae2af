/* What many requests have in common: everything but the URL, copied, checked and looked up once. A handle that was set
 * up for a profile is used again for it as it is. */
#include "op/http_inside.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/time.h"

/* curl takes a buffer for each transfer in flight, and there may be thousands of them whose replies are short. */
enum { SHORT_REPLY = 1 << 20, EXCHANGE_MAX = 1 << 20 };
#define SHORT_BUFFER 1024L

/* ---- making ---- */

static bool has_control(const char *text)
{
    for (; text != NULL && *text != '\0'; text++)
        if ((unsigned char)*text < ' ' && *text != '\t')
            return true;
    return false;
}

/* A line break in a header or credential would begin another header. */
static int check_request(const nip__http_request *request, nip_error **err)
{
    bool odd = has_control(request->method) || has_control(request->user_password) || has_control(request->bearer) ||
               has_control(request->server_name);
    for (const char *const *header = request->headers; header != NULL && *header != NULL; header++)
        odd = odd || has_control(*header);
    if (odd)
        return nip__fail(err, NIP_E_INVALID, "a header or credential has a line break or another control character");
    return 0;
}

static int append(struct curl_slist **list, const char *text)
{
    struct curl_slist *longer = curl_slist_append(*list, text);
    if (longer == NULL)
        return -1;
    *list = longer;
    return 0;
}

static int copy_headers(nip__http_profile *made, const nip__http_request *request)
{
    for (const char *const *header = request->headers; header != NULL && *header != NULL; header++)
        if (append(&made->headers, *header) < 0)
            return -1;
    return request->body == NULL ? 0 : append(&made->headers, "Expect:"); /* never wait for a "100 Continue" */
}

static void copy_texts(nip__http_profile *made)
{
    nip__http_request *request = &made->request;
    const char **texts[] = {&request->url,      &request->method,      &request->ca_file, &request->cert_file,
                            &request->key_file, &request->server_name, &request->bearer,  &request->user_password};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = nip__arena_text(made->arena, *texts[i]);
    if (request->body != NULL)
        request->body = nip__arena_copy(made->arena, request->body, request->body_length);
    request->headers = NULL;
}

/* libcurl has one protocol that sends what it is told and takes what comes: gopher. All of it is escaped, so that nothing of it is taken
 * for a part of the URL. */
static void make_exchange_url(nip__http_profile *made)
{
    nip__buffer url = NIP__BUFFER(EXCHANGE_MAX);
    const char *given = made->request.url;
    bool tls = strncmp(given, "https:", 6) == 0;
    nip__buffer_text(&url, tls ? "gophers" : "gopher");
    nip__buffer_text(&url, given + (tls ? 5 : 4));
    nip__buffer_text(&url, "/_");
    for (size_t i = 0; i < made->request.exchange_length; i++)
        nip__buffer_printf(&url, "%%%02X", (unsigned)(unsigned char)made->request.exchange[i]);
    if (url.failed)
        nip__arena_fail(made->arena);
    made->exchange_url = nip__arena_text(made->arena, nip__buffer_string(&url));
    if (url.data != NULL)
        explicit_bzero(url.data, url.capacity);
    nip__buffer_clear(&url);
    made->request.exchange = NULL;
}

static bool has_gopher(void)
{
    const char *const *protocols = curl_version_info(CURLVERSION_NOW)->protocols;
    bool plain = false, tls = false;
    for (; *protocols != NULL; protocols++) {
        plain |= strcmp(*protocols, "gopher") == 0;
        tls |= strcmp(*protocols, "gophers") == 0;
    }
    return plain && tls;
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

static void find_authorities(nip__http_profile *made)
{
    const char *given = made->request.ca_file != NULL ? made->request.ca_file : system_authorities();
    if (given != NULL) {
        made->authorities = nip__arena_text(made->arena, given);
        return;
    }
    const curl_version_info_data *built_in = curl_version_info(CURLVERSION_NOW);
    made->authorities = built_in->cainfo;
    made->authorities_folder = built_in->capath;
}

static void destroy(nip__http_profile *profile)
{
    curl_slist_free_all(profile->headers);
    nip__arena_free(profile->arena);
    nip__free(profile);
}

int nip__http_profile_new(nip__loop *loop, const nip__http_request *request, nip__http_profile **profile,
                          nip_error **err)
{
    static atomic_uint_least64_t serials;
    NIP_ARG(request->timeout > 0 && request->reply_max > 0);
    int rc = check_request(request, err);
    if (rc == 0 && request->exchange != NULL && !has_gopher())
        rc = nip__fail(err, NIP_E_UNSUPPORTED, "this libcurl sends nothing but HTTP: it was built without gopher");
    if (rc < 0)
        return rc;
    nip__http_profile *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    *made = (nip__http_profile){.loop = loop, .holders = 1, .request = *request, .arena = nip__arena_new()};
    made->serial = atomic_fetch_add(&serials, 1) + 1;
    if (made->arena != NULL) {
        copy_texts(made);
        if (request->exchange != NULL && made->request.url != NULL)
            make_exchange_url(made);
        find_authorities(made);
    }
    if (nip__arena_failed(made->arena) || copy_headers(made, request) < 0) {
        destroy(made);
        return nip__nomem(err);
    }
    *profile = made;
    return 0;
}

nip__http_profile *nip__http_profile_hold(nip__http_profile *profile)
{
    profile->holders++;
    return profile;
}

void nip__http_profile_free(nip__http_profile *profile)
{
    if (profile == NULL || --profile->holders > 0)
        return;
    if (profile->loop->http != NULL)
        nip__http_forget_profile(profile->loop->http, profile->serial);
    destroy(profile);
}

/* ---- applying ----
 * Handles are used again without curl_easy_reset, which leaves them half set when memory is out. So every option
 * that a profile may set is set, to its default where the request says nothing. */

#define SET(option, value)                                                                                             \
    do {                                                                                                               \
        if (code == CURLE_OK)                                                                                          \
            code = curl_easy_setopt(easy, option, value);                                                              \
    } while (0)

static CURLcode set_tls(CURL *easy, const nip__http_profile *profile)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_CAINFO, profile->authorities);
    SET(CURLOPT_CAPATH, profile->authorities_folder);
    SET(CURLOPT_SSLCERT, profile->request.cert_file);
    SET(CURLOPT_SSLKEY, profile->request.key_file);
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

/* What looked a name up in vain has its buffer still, and libcurl refuses another size as long as that is so: then it keeps the one it has. */
static CURLcode set_buffer(CURL *easy, size_t reply_max)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, reply_max <= SHORT_REPLY ? SHORT_BUFFER : (long)CURL_MAX_WRITE_SIZE);
    return code == CURLE_BAD_FUNCTION_ARGUMENT ? CURLE_OK : code;
}

static CURLcode set_limits(CURL *easy, const nip__http_request *request)
{
    CURLcode code = CURLE_OK;
    int64_t timeout_ms = request->timeout / NIP_MILLISECOND + (request->timeout % NIP_MILLISECOND != 0);
    timeout_ms = timeout_ms > INT32_MAX ? INT32_MAX : timeout_ms;
    SET(CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->reply_max);
    if (code == CURLE_OK)
        code = set_buffer(easy, request->reply_max);
    SET(CURLOPT_FRESH_CONNECT, request->fresh_connection ? 1L : 0L);
    SET(CURLOPT_FORBID_REUSE, request->fresh_connection ? 1L : 0L);
    SET(CURLOPT_CONNECT_ONLY, request->connect_only ? 1L : 0L);
    return code;
}

CURLcode nip__http_profile_apply(const nip__http_profile *profile, CURL *easy)
{
    CURLcode code = set_tls(easy, profile);
    if (code == CURLE_OK)
        code = set_credentials(easy, &profile->request);
    if (code == CURLE_OK)
        code = set_method(easy, &profile->request);
    if (code == CURLE_OK)
        code = set_limits(easy, &profile->request);
    SET(CURLOPT_HTTPHEADER, profile->headers);
    SET(CURLOPT_PROTOCOLS_STR, profile->exchange_url != NULL ? "gopher,gophers" : "http,https");
    return code;
}
