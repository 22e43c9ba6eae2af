/* Addresses of dependencies. They may hold passwords, so what is wrong with one is said without quoting it. */
#include "health/dependency.h"

#include <string.h>

#include "base/text.h"

enum { ADDRESS_MAX = 4096, HOST_MAX = 253, FOLDER_MAX = 100 };

typedef struct scheme {
    const char *begins; /* with what follows the name */
    nip__dependency_kind kind;
    bool tls;
    int port; /* 0: must be given */
} scheme;

static const scheme schemes[] = {
    {"tcp://", NIP__DEPENDS_TCP, false, 0},
    {"http://", NIP__DEPENDS_HTTP, false, 80},
    {"https://", NIP__DEPENDS_HTTP, true, 443},
    {"redis://", NIP__DEPENDS_REDIS, false, 6379},
    {"rediss://", NIP__DEPENDS_REDIS, true, 6379},
    {"postgres://", NIP__DEPENDS_POSTGRES, false, 5432},
    {"postgresql://", NIP__DEPENDS_POSTGRES, false, 5432},
    {"sqlite:", NIP__DEPENDS_SQLITE, false, 0},
};

static const char unknown[] = "must begin with one of tcp://, http://, https://, postgres://, redis://, rediss:// and sqlite:";

static const scheme *find_scheme(const char *text)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (nip__text_starts(text, schemes[i].begins))
            return &schemes[i];
    return NULL;
}

/* Spaces and control characters have no place in an address; a file's name may have spaces. */
static bool is_clean(const char *text, bool spaces)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        if (*c < ' ' || *c == 0x7f || (*c == ' ' && !spaces))
            return false;
    return nip__text_utf8(text, strlen(text));
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %40 becomes '@'. NULL: a broken escape, one that hides a control character, or no memory. */
static char *unescape(nip__arena *arena, const char *begin, const char *end)
{
    char *text = nip__arena_copy(arena, begin, (size_t)(end - begin));
    if (text == NULL)
        return NULL;
    char *out = text;
    for (const char *c = begin; c < end; c++) {
        if (*c != '%') {
            *out++ = *c;
            continue;
        }
        int high = end - c > 2 ? hex(c[1]) : -1, low = end - c > 2 ? hex(c[2]) : -1;
        if (high < 0 || low < 0 || high * 16 + low < ' ' || high * 16 + low == 0x7f)
            return NULL;
        *out++ = (char)(high * 16 + low);
        c += 2;
    }
    *out = '\0';
    return nip__text_utf8(text, strlen(text)) ? text : NULL;
}

static const char *read_user(nip__arena *arena, const char *begin, const char *end, nip__address *address)
{
    const char *colon = memchr(begin, ':', (size_t)(end - begin));
    const char *user_end = colon != NULL ? colon : end;
    if (user_end > begin)
        address->user = unescape(arena, begin, user_end);
    if (colon != NULL && colon + 1 < end)
        address->password = unescape(arena, colon + 1, end);
    bool broken = (user_end > begin && address->user == NULL) || (colon != NULL && colon + 1 < end && address->password == NULL);
    return broken ? "has a broken %XX escape in its user or password" : NULL;
}

static bool read_port(const char *begin, const char *end, int *port)
{
    int value = 0;
    if (begin == end || end - begin > 5)
        return false;
    for (const char *c = begin; c < end; c++) {
        if (*c < '0' || *c > '9')
            return false;
        value = value * 10 + (*c - '0');
    }
    *port = value;
    return value > 0 && value <= 65535;
}

static bool is_host(const char *begin, size_t length, bool bracketed)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
    if (length == 0 || length > HOST_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (strchr(bracketed ? "0123456789abcdefABCDEF:." : plain, begin[i]) == NULL)
            return false;
    return true;
}

/* HOST[:PORT] or [IPV6][:PORT] */
static const char *read_host(nip__arena *arena, const char *begin, const char *end, int otherwise, nip__address *address)
{
    bool bracketed = begin < end && *begin == '[';
    const char *host_end = memchr(begin, bracketed ? ']' : ':', (size_t)(end - begin));
    if (bracketed && host_end == NULL)
        return "lacks the \"]\" of its IPv6 address";
    if (host_end == NULL)
        host_end = end;
    begin += bracketed;
    if (!is_host(begin, (size_t)(host_end - begin), bracketed))
        return "must name a host, as SCHEME://HOST:PORT does";
    address->host = nip__arena_copy(arena, begin, (size_t)(host_end - begin));
    const char *colon = host_end + bracketed;
    address->port = otherwise;
    if (colon == end ? otherwise == 0 : *colon != ':' || !read_port(colon + 1, end, &address->port))
        return "must have a port from 1 to 65535, as SCHEME://HOST:PORT does";
    return NULL;
}

/* An '@' after the host's end is most often a password with a '/' that is not escaped: what would be shown then is a secret. */
static bool hides_password(const char *authority_end)
{
    return strchr(authority_end, '@') != NULL && strchr(authority_end, '?') == NULL;
}

static void write_label(nip__arena *arena, const scheme *of, nip__address *address)
{
    const char *host = address->host != NULL ? address->host : "";
    bool bracketed = strchr(host, ':') != NULL;
    int shown = (int)strcspn(address->path, "?#");
    if (host[0] == '\0')
        address->label = nip__arena_printf(arena, "%s%.*s", of->begins, shown, address->path);
    else
        address->label = nip__arena_printf(arena, "%s%s%s%s:%d%.*s", of->begins, bracketed ? "[" : "", host, bracketed ? "]" : "",
                                           address->port, shown, address->path);
}

/* "", "/" or "/3" */
static const char *read_number(nip__arena *arena, const char *path, nip__address *address)
{
    const char *number = path + (path[0] == '/');
    size_t length = strspn(number, "0123456789");
    if (number[length] != '\0' || length > 5)
        return "must be redis://HOST[:PORT][/NUMBER], where NUMBER is that of a database";
    address->database = length > 0 ? nip__arena_text(arena, number) : NULL;
    return NULL;
}

static const char postgres_parameters[] = "may have behind its \"?\" only sslmode=disable, prefer, require, verify-ca or verify-full, and "
                                          "host=/FOLDER in place of a host";

static const char *read_tls_mode(const char *mode, nip__address *address)
{
    static const char *const modes[] = {"disable", "prefer", "require", "verify-ca", "verify-full"};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(modes[i], mode) == 0) {
            address->tls_mode = modes[i];
            address->tls = i > 1;
            return NULL;
        }
    }
    return postgres_parameters;
}

/* libpq takes what follows a comma for another host, and would wait for its name to be looked up. */
static bool is_folder(const char *path)
{
    return path[0] == '/' && strlen(path) < FOLDER_MAX && strchr(path, ',') == NULL;
}

/* "sslmode=require&host=/run/postgresql" */
static const char *read_parameters(nip__arena *arena, const char *text, nip__address *address)
{
    const char *problem = NULL;
    while (*text != '\0' && problem == NULL) {
        size_t length = strcspn(text, "&");
        char *parameter = unescape(arena, text, text + length);
        if (parameter != NULL && nip__text_starts(parameter, "sslmode="))
            problem = read_tls_mode(parameter + strlen("sslmode="), address);
        else if (parameter != NULL && nip__text_starts(parameter, "host=") && is_folder(parameter + strlen("host=")))
            address->folder = parameter + strlen("host=");
        else
            problem = postgres_parameters;
        text += length + (text[length] == '&');
    }
    return problem;
}

/* /DATABASE[?PARAMETERS] */
static const char *read_database(nip__arena *arena, const char *path, nip__address *address)
{
    size_t length = strcspn(path, "?");
    const char *problem = path[length] == '?' ? read_parameters(arena, path + length + 1, address) : NULL;
    if (problem != NULL)
        return problem;
    if (length < 2 || path[0] != '/' || memchr(path + 1, '/', length - 1) != NULL || strchr(path, '#') != NULL ||
        (address->database = unescape(arena, path + 1, path + length)) == NULL)
        return "must name a database: postgres://USER@HOST[:PORT]/DATABASE";
    if ((address->host != NULL) == (address->folder != NULL))
        return "must name either a host or the folder of a unix socket, as postgres://USER@/DATABASE?host=/run/postgresql does";
    if (address->tls_mode == NULL)
        address->tls_mode = "prefer";
    return NULL;
}

static const char *read_path(nip__arena *arena, const scheme *of, bool has_user, nip__address *address)
{
    if (of->kind == NIP__DEPENDS_TCP && (address->path[0] != '\0' || has_user))
        return "must be tcp://HOST:PORT and nothing more";
    if (of->kind == NIP__DEPENDS_POSTGRES)
        return read_database(arena, address->path, address);
    return of->kind == NIP__DEPENDS_REDIS ? read_number(arena, address->path, address) : NULL;
}

static const char *read_server(nip__arena *arena, const char *text, const scheme *of, nip__address *address)
{
    const char *authority = text + strlen(of->begins);
    const char *end = authority + strcspn(authority, "/?#");
    const char *at = memrchr(authority, '@', (size_t)(end - authority));
    const char *problem = NULL;
    if (!is_clean(text, false))
        return "has a space or a control character in it";
    if (hides_password(end))
        return "has an \"@\" behind its host: write %2F for a \"/\" in a password, and %40 for an \"@\"";
    if (at != NULL)
        problem = read_user(arena, authority, at, address);
    const char *host = at != NULL ? at + 1 : authority;
    address->port = of->port;
    bool socket = of->kind == NIP__DEPENDS_POSTGRES && (host == end || host[0] == ':'); /* a unix socket, which has a port too */
    if (problem == NULL && socket && host < end && !read_port(host + 1, end, &address->port))
        problem = "must have a port from 1 to 65535, as SCHEME://HOST:PORT does";
    else if (problem == NULL && !socket)
        problem = read_host(arena, host, end, of->port, address);
    if (problem != NULL)
        return problem;
    address->path = nip__arena_text(arena, end);
    if (address->path == NULL)
        return NULL;
    write_label(arena, of, address);
    return read_path(arena, of, at != NULL, address);
}

static const char *read_file(nip__arena *arena, const char *text, const scheme *of, nip__address *address)
{
    const char *path = text + strlen(of->begins);
    if (path[0] == '\0' || nip__text_starts(path, "//") || nip__text_starts(path, "file:") || strcmp(path, ":memory:") == 0)
        return "must be sqlite:PATH, for example sqlite:/var/lib/shop/shop.db";
    if (!is_clean(text, true))
        return "has a control character in it";
    address->path = nip__arena_text(arena, path);
    address->label = nip__arena_text(arena, text);
    return NULL;
}

const char *nip__address_read(nip__arena *arena, const char *text, nip__address *address)
{
    const scheme *of = find_scheme(text);
    nip__address read = {.path = ""};
    if (of == NULL)
        return unknown;
    if (strlen(text) > ADDRESS_MAX)
        return "is longer than 4096 bytes";
    read.kind = of->kind;
    read.tls = of->tls;
    const char *problem = of->kind == NIP__DEPENDS_SQLITE ? read_file(arena, text, of, &read) : read_server(arena, text, of, &read);
    if (problem == NULL && !nip__arena_failed(arena))
        *address = read;
    return problem;
}
