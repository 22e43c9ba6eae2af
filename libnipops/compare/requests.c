/* Recorded requests: a HAR file (version 1.2), or JSON lines. */
#include "compare/requests.h"

#include <string.h>

#include "base/text.h"
#include "doc/json.h"

/* Of one connection or one length, or made anew by whoever sends. A compressed reply could not be compared. */
static const char *const own_headers[] = {
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
    NULL,
};

typedef struct reader {
    nip__arena *arena;
    const char *name;
    const nip__recording_choice *choice;
    nip__recording *out;
    size_t capacity;
    nip_error **err;
} reader;

static int wrong(reader *r, const char *what)
{
    return nip__fail(r->err, NIP_E_DOCUMENT, "%s: request %lld: %s", r->name, (long long)r->out->found, what);
}

static void skip(reader *r, const char *why)
{
    nip__put_int(r->arena, r->out->skipped, why, nip__get_int(r->out->skipped, why, 0) + 1);
}

/* ---- method and target ---- */

static bool is_method(const char *text)
{
    size_t length = text != NULL ? strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") : 0;
    return length > 0 && length <= 20 && text[length] == '\0';
}

static bool is_chosen(const reader *r, const char *method)
{
    for (NIP__EACH(item, r->choice->methods)) {
        if (nip__is(item, NIP__STRING) && strcmp(item->as.string.text, method) == 0)
            return true;
    }
    return false;
}

/* "/path?query" of an absolute URL or of that itself, and the host of the first; NULL: neither. */
static const char *target_of(reader *r, const char *url, const char **host)
{
    const char *authority = nip__text_starts(url, "http://")    ? url + 7
                            : nip__text_starts(url, "https://") ? url + 8
                                                                : NULL;
    const char *target = url;
    if (authority != NULL) {
        size_t length = strcspn(authority, "/?#");
        const char *at = memrchr(authority, '@', length);
        const char *begin = at != NULL ? at + 1 : authority; /* a recorded password is nobody's business */
        *host = nip__arena_copy(r->arena, begin, (size_t)(authority + length - begin));
        target = authority + length;
    }
    size_t length = strcspn(target, "#");
    if (authority != NULL && target[0] != '/')
        return nip__arena_printf(r->arena, "/%.*s", (int)(length < NIP__TARGET_MAX ? length : NIP__TARGET_MAX), target);
    return target[0] == '/' ? nip__arena_copy(r->arena, target, length) : NULL;
}

static bool is_sendable(const char *target)
{
    for (const char *p = target; *p != '\0'; p++) {
        if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
            return false;
    }
    return strlen(target) <= NIP__TARGET_MAX;
}

/* ---- headers ---- */

static bool is_named(const nip__value *names, const char *name)
{
    for (NIP__EACH(item, names)) {
        const char *text = nip__is(names, NIP__MAP)     ? item->key
                           : nip__is(item, NIP__STRING) ? item->as.string.text
                                                        : "";
        if (nip__text_alike(text, name))
            return true;
    }
    return false;
}

static bool is_kept(const reader *r, const char *name)
{
    for (size_t i = 0; own_headers[i] != NULL; i++) {
        if (nip__text_alike(own_headers[i], name))
            return false;
    }
    return name[0] != ':' && !is_named(r->choice->drop, name) && !is_named(r->choice->set, name);
}

static bool is_token(const char *name)
{
    size_t length = strspn(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    return length > 0 && name[length] == '\0';
}

static bool is_one_line(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' && *p != '\t')
            return false;
    }
    return true;
}

/* One header as "Name: value", or "Name;", which is how an empty one is sent. */
static int add_header(reader *r, const char **list, size_t *count, const char *name, const char *value)
{
    if (!is_kept(r, name))
        return 0;
    if (!is_token(name) || !is_one_line(value))
        return wrong(r, "a header has a name or value that cannot be sent");
    list[(*count)++] = nip__arena_printf(r->arena, value[0] != '\0' ? "%s: %s" : "%s;%s", name, value);
    return 0;
}

/* A map {name: text}, or HAR's list of {name, value}. */
static int read_headers(reader *r, const nip__value *headers, const char *host, nip__recorded *made)
{
    const char **list = nip__arena_alloc(r->arena, (nip__count(headers) + 2) * sizeof *list);
    size_t count = 0;
    int rc = 0;
    if (list == NULL)
        return nip__nomem(r->err);
    for (NIP__EACH(header, headers)) {
        bool pair = nip__is(headers, NIP__LIST);
        const char *name = pair ? nip__get_text(header, "name") : header->key;
        const char *value = pair                           ? nip__get_text(header, "value")
                            : nip__is(header, NIP__STRING) ? header->as.string.text
                                                           : NULL;
        if (name == NULL || value == NULL)
            rc = wrong(r, "each header must have a name and a text as its value");
        else if (nip__text_alike(name, "host"))
            host = value;
        else
            rc = add_header(r, list, &count, name, value);
        if (rc < 0)
            return rc;
    }
    bool own = is_named(r->choice->drop, "host") || is_named(r->choice->set, "host");
    if (host != NULL && host[0] != '\0' && !own && is_one_line(host))
        list[count++] = nip__arena_printf(r->arena, "Host: %s", host);
    made->headers = list;
    return 0;
}

/* ---- one request ---- */

static int keep(reader *r, const nip__recorded *made)
{
    nip__recording *out = r->out;
    if (out->count == r->capacity) {
        size_t capacity = r->capacity == 0 ? 256 : r->capacity * 2;
        nip__recorded *grown = nip__arena_alloc(r->arena, capacity * sizeof *grown);
        if (grown == NULL)
            return nip__nomem(r->err);
        if (out->count > 0)
            memcpy(grown, out->list, out->count * sizeof *grown);
        out->list = grown;
        r->capacity = capacity;
    }
    out->list[out->count++] = *made;
    return 0;
}

typedef struct body {
    const char *text;
    size_t length;
    bool lost; /* there was one, and it was not recorded as text */
} body;

static body body_of(const nip__value *request, bool har)
{
    const nip__value *posted = nip__get(request, har ? "postData" : "body");
    const nip__value *text = har ? nip__get(posted, "text") : posted;
    bool encoded = har && nip__get_text(posted, "encoding") != NULL;
    bool given = nip__is(text, NIP__STRING) && text->as.string.length > 0;
    bool lost = (given && encoded) || (har && !given && nip__count(nip__get(posted, "params")) > 0);
    return given ? (body){text->as.string.text, text->as.string.length, lost} : (body){.lost = lost};
}

static int take_request(reader *r, const nip__value *request, bool har)
{
    const char *method = nip__get_text(request, "method"), *url = nip__get_text(request, "url"), *host = NULL;
    const nip__value *text = nip__get(request, "body");
    r->out->found++;
    if (method == NULL && !har)
        method = "GET";
    if (!is_method(method))
        return wrong(r, "its method must be a word in capitals, such as \"GET\"");
    if (url == NULL || url[0] == '\0')
        return wrong(r, "it must have a url, \"/path?query\" or \"http://...\"");
    if (!har && text != NULL && !nip__is(text, NIP__STRING))
        return wrong(r, "its body must be text");
    const char *target = target_of(r, url, &host);
    if (target == NULL && !nip__arena_failed(r->arena))
        return wrong(r, "its url must begin with /, http:// or https://");
    if (nip__arena_failed(r->arena))
        return nip__nomem(r->err);
    if (!is_sendable(target))
        return wrong(r, "its url is too long, or has characters that must be written as %XX");
    body sent = body_of(request, har);
    if (!is_chosen(r, method))
        skip(r, nip__arena_printf(r->arena, "method %s", method));
    else if (sent.lost)
        skip(r, "body not recorded as text");
    else if (r->out->count >= r->choice->most)
        skip(r, "beyond max_requests");
    else {
        nip__recorded made = {.method = nip__arena_text(r->arena, method),
                              .target = target,
                              .body = sent.text,
                              .body_length = sent.length,
                              .number = r->out->found};
        int rc = read_headers(r, nip__get(request, "headers"), host, &made);
        return rc < 0 ? rc : keep(r, &made);
    }
    return 0;
}

/* ---- the two formats ---- */

static int read_har(reader *r, const nip__value *root)
{
    const nip__value *entries = nip__get(nip__get(root, "log"), "entries");
    r->out->format = "har";
    if (!nip__is(entries, NIP__LIST))
        return nip__fail(r->err, NIP_E_DOCUMENT, "%s: neither a HAR file (a map with log.entries) nor JSON lines",
                         r->name);
    for (NIP__EACH(entry, entries)) {
        int rc = take_request(r, nip__get(entry, "request"), true);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_line(reader *r, const char *line, size_t length, int64_t number)
{
    nip__value *request = NULL;
    const char *name = nip__arena_printf(r->arena, "%s: line %lld", r->name, (long long)number);
    int rc = nip__json_read(r->arena, line, length, name, &nip__document_limits, &request, r->err);
    if (rc < 0)
        return rc;
    if (!nip__is(request, NIP__MAP))
        return nip__fail(r->err, NIP_E_DOCUMENT, "%s: must be a map such as {\"method\": \"GET\", \"url\": \"/\"}",
                         name);
    return take_request(r, request, false);
}

static bool is_blank(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return false;
    }
    return true;
}

static int read_lines(reader *r, const char *text, size_t length)
{
    int64_t number = 0;
    r->out->format = "json_lines";
    for (size_t at = 0; at < length;) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t line = end != NULL ? (size_t)(end - text) - at : length - at;
        number++;
        int rc = is_blank(text + at, line) ? 0 : read_line(r, text + at, line, number);
        if (rc < 0)
            return rc;
        at += line + 1;
    }
    return 0;
}

/* JSON lines when the first line is a whole map that is no HAR; a HAR in one line is one too. */
static int read_text(reader *r, const char *text, size_t length)
{
    static const nip__limits limits = {NIP__RECORDED_FILE_MAX, 64, 5000000};
    nip__value *root = NULL;
    size_t first = strspn(text, " \t\r\n");
    const char *end = strchr(text + first, '\n');
    size_t line = end != NULL ? (size_t)(end - text) - first : length - first;
    if (nip__json_read(r->arena, text + first, line, r->name, &limits, &root, NULL) == 0)
        return nip__get(root, "log") != NULL ? read_har(r, root) : read_lines(r, text, length);
    nip__arena_recover(r->arena);
    int rc = nip__json_read(r->arena, text, length, r->name, &limits, &root, r->err);
    return rc < 0 ? rc : read_har(r, root);
}

int nip__recording_read(nip__arena *arena, const char *text, size_t length, const char *name,
                        const nip__recording_choice *choice, nip__recording *recording, nip_error **err)
{
    nip__recording made = {.skipped = nip__map(arena)};
    reader r = {.arena = arena, .name = name, .choice = choice, .out = &made, .err = err};
    if (strlen(text) != length)
        return nip__fail(err, NIP_E_SYNTAX, "%s: has a NUL byte: neither a HAR file nor JSON lines", name);
    int rc = read_text(&r, text, length);
    if (rc == 0 && nip__arena_failed(arena))
        rc = nip__nomem(err);
    if (rc == 0)
        *recording = made;
    return rc;
}
