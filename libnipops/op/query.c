/* See query.h. */
#include "op/query.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "op/secret.h"

/* ---- forms ---- */

static void put_encoded(nip__buffer *form, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || strchr("-._~", byte);
        if (plain) {
            nip__buffer_char(form, *text);
        } else {
            nip__buffer_char(form, '%');
            nip__buffer_char(form, digits[byte >> 4]);
            nip__buffer_char(form, digits[byte & 15]);
        }
    }
}

static void put_name(nip__buffer *form, const char *name)
{
    nip__buffer_printf(form, "%s%s=", form->length > 0 ? "&" : "", name);
}

void nip__query_put(nip__buffer *form, const char *name, const char *value)
{
    put_name(form, name);
    put_encoded(form, value);
}

void nip__query_put_ms(nip__buffer *form, const char *name, int64_t ms)
{
    uint64_t size = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    put_name(form, name);
    nip__buffer_printf(form, "%s%llu.%03d", ms < 0 ? "-" : "", (unsigned long long)(size / 1000), (int)(size % 1000));
}

/* ---- requests ---- */

static int read_secrets(const nip__query *query, nip__arena *arena, nip__buffer *bearer, nip__buffer *user_password, nip_error **err)
{
    const nip__value *token = nip__get(query->settings, "bearer"), *basic = nip__get(query->settings, "basic");
    const char *bearer_place = nip__arena_printf(arena, "%s.bearer", query->place);
    const char *password_place = nip__arena_printf(arena, "%s.basic.password", query->place);
    if (nip__arena_failed(arena))
        return nip__nomem(err);
    int rc = token == NULL ? 0 : nip__secret_read(token, bearer_place, bearer, err);
    if (rc == 0 && basic != NULL) {
        nip__buffer_printf(user_password, "%s:", nip__get_text(basic, "user"));
        rc = nip__secret_read(nip__get(basic, "password"), password_place, user_password, err);
    }
    return rc == 0 && (bearer->failed || user_password->failed) ? nip__nomem(err) : rc;
}

static void wipe(nip__buffer *secret)
{
    if (secret->data != NULL)
        explicit_bzero(secret->data, secret->capacity);
    nip__buffer_clear(secret);
}

static char *make_url(nip__arena *arena, const nip__query *query)
{
    const char *base = nip__get_text(query->settings, "url");
    size_t length = strlen(base);
    while (length > 0 && base[length - 1] == '/')
        length--;
    return nip__arena_printf(arena, "%.*s/api/v1/%s", (int)length, base, query->path);
}

static void fill_in(nip__http_request *request, const nip__query *query)
{
    static const char *const plain[] = {"Accept: application/json", NULL};
    static const char *const posted[] = {"Content-Type: application/x-www-form-urlencoded", "Accept: application/json", NULL};
    const nip__value *settings = query->settings, *tls = nip__get(settings, "tls");
    request->headers = query->form != NULL ? posted : plain;
    if (query->form != NULL) {
        request->method = "POST";
        request->body = nip__buffer_string(query->form);
        request->body_length = query->form->length;
    }
    request->timeout = nip__get_duration(settings, "timeout", 30 * NIP_SECOND);
    request->reply_max = query->reply_max;
    request->ca_file = nip__get_text(tls, "ca_file");
    request->cert_file = nip__get_text(tls, "cert_file");
    request->key_file = nip__get_text(tls, "key_file");
    request->server_name = nip__get_text(tls, "server_name");
    request->take = query->take;
}

int nip__query_start(nip__loop *loop, const nip__query *query, void (*done)(void *data, const nip__http_reply *reply), void *data,
                     nip__http **http, nip_error **err)
{
    nip_error *why = NULL;
    nip__buffer bearer = NIP__BUFFER(65536), user_password = NIP__BUFFER(66000);
    nip__arena *arena = nip__arena_new();
    nip__http_request request = {.url = arena != NULL ? make_url(arena, query) : NULL};
    fill_in(&request, query);
    int rc = request.url == NULL ? nip__nomem(&why) : read_secrets(query, arena, &bearer, &user_password, &why);
    request.bearer = bearer.length > 0 ? bearer.data : NULL;
    request.user_password = user_password.length > 0 ? user_password.data : NULL;
    if (rc == 0)
        rc = nip__http_start(loop, &request, done, data, http, &why);
    wipe(&bearer);
    wipe(&user_password);
    nip__arena_free(arena);
    if (rc < 0) /* whatever it is, it is in the settings, unless memory is out */
        rc = rc == NIP_E_NOMEM ? nip__nomem(err) : nip__fail(err, NIP_E_INVALID, "%s", nip_error_message(why));
    nip_error_free(why);
    return rc;
}

/* ---- what came instead of a reply ---- */

/* A transfer's reasons are finer than an action's. */
static const struct {
    const char *transfer, *action;
    bool retryable;
} lost_reasons[] = {
    {"connection_refused", "unreachable", true},
    {"resolve_failed", "unreachable", true},
    {"reset", "unreachable", true},
    {"unreachable", "unreachable", true},
    {"timeout", "timeout", true},
    {"truncated", "unreachable", true},
    {"no_descriptors", "no_descriptors", true},
    {"no_memory", "no_memory", true},
    {"tls_failed", "protocol", false},
};

const char *nip__query_lost(const char *reason, bool *retryable)
{
    for (size_t i = 0; i < sizeof lost_reasons / sizeof lost_reasons[0]; i++) {
        if (strcmp(lost_reasons[i].transfer, reason) == 0) {
            *retryable = lost_reasons[i].retryable;
            return lost_reasons[i].action;
        }
    }
    *retryable = false;
    return "protocol";
}

static const char *which_setting(nip__arena *arena, const nip__query *query)
{
    if (nip__get(query->settings, "bearer") != NULL)
        return nip__arena_printf(arena, "check %s.bearer", query->place);
    return nip__arena_printf(arena, nip__get(query->settings, "basic") != NULL ? "check %1$s.basic" : "set %1$s.bearer or %1$s.basic", query->place);
}

const char *nip__query_foreign(nip__arena *arena, const nip__query *query, int status, const char **reason, bool *retryable)
{
    bool forbidden = status == 401 || status == 403;
    *reason = forbidden ? "permission" : "protocol";
    *retryable = status >= 500 || status == 429;
    if (forbidden)
        return nip__arena_printf(arena, "HTTP %d: not let in; %s", status, which_setting(arena, query));
    if (status == 404)
        return nip__arena_printf(arena, "HTTP 404: no query API there; check %s.url", query->place);
    return nip__arena_printf(arena, "HTTP %d, not a reply of Prometheus; check %s.url", status, query->place);
}
