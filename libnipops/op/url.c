/* URLs: just enough of them to choose how to connect and to show them without secrets. */
#include "op/url.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/text.h"

/* Where the authority of `url` begins. */
static const char *after_scheme(const char *url)
{
    const char *mark = strstr(url, "://");
    return mark == NULL ? url : mark + 3;
}

static const char *last_at(const char *begin, const char *end)
{
    while (end > begin)
        if (*--end == '@')
            return end;
    return NULL;
}

/* A colon that no port number follows: what comes before a later '@' is then a password with a '/' in it. */
static bool has_odd_port(const char *authority, const char *end)
{
    const char *colon = memchr(authority, ':', (size_t)(end - authority));
    return authority[0] != '[' && colon != NULL && strspn(colon + 1, "0123456789") != (size_t)(end - colon - 1);
}

void nip__url_write(nip__buffer *buffer, const char *url)
{
    const char *authority = after_scheme(url);
    const char *end = authority + strcspn(authority, "/?#");
    const char *at = last_at(authority, end);
    if (at == NULL && has_odd_port(authority, end))
        at = last_at(authority, authority + strlen(authority));
    if (at == NULL) {
        nip__buffer_text(buffer, url);
        return;
    }
    nip__buffer_put(buffer, url, (size_t)(authority - url));
    nip__buffer_text(buffer, "***");
    nip__buffer_text(buffer, at);
}

static bool copy_part(char *out, size_t size, const char *begin, const char *end)
{
    size_t length = (size_t)(end - begin);
    if (length == 0 || length >= size)
        return false;
    memcpy(out, begin, length);
    out[length] = '\0';
    return true;
}

static int default_port(const char *scheme)
{
    if (nip__text_equal(scheme, "http"))
        return 80;
    return nip__text_equal(scheme, "https") ? 443 : 0;
}

static bool is_numeric(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* ":8080" or nothing. */
static bool read_port(const char *text, const char *end, nip__url *parts)
{
    if (text == end) {
        parts->port = default_port(parts->scheme);
        return true;
    }
    int port = 0;
    if (*text != ':' || text + 1 == end || end - text > 6)
        return false;
    for (text++; text < end; text++) {
        if (*text < '0' || *text > '9')
            return false;
        port = port * 10 + (*text - '0');
    }
    parts->port = port;
    return port > 0 && port <= 65535;
}

static bool read_scheme(const char *url, nip__url *parts)
{
    const char *mark = strstr(url, "://");
    if (mark == NULL || !copy_part(parts->scheme, sizeof parts->scheme, url, mark))
        return false;
    for (char *c = parts->scheme; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + ('a' - 'A'));
    return true;
}

/* Where in a URL things are: host (with brackets) to port, port (with its colon) to end. */
typedef struct places {
    const char *host, *port, *end;
} places;

static bool find_places(const char *url, places *found)
{
    const char *host = after_scheme(url);
    const char *end = host + strcspn(host, "/?#");
    const char *at = last_at(host, end);
    if (at != NULL)
        host = at + 1;
    bool bracketed = *host == '[';
    const char *host_end = memchr(host, bracketed ? ']' : ':', (size_t)(end - host));
    if (bracketed && host_end == NULL)
        return false;
    *found = (places){.host = host, .port = host_end == NULL ? end : host_end + bracketed, .end = end};
    return true;
}

bool nip__url_rename(nip__buffer *buffer, const char *url, const char *name)
{
    places found;
    if (name[0] == '\0' || name[strcspn(name, " \r\n\t/:#?!@{}[]\\$'\"^`*<>=;,+&()%")] != '\0' ||
        !find_places(url, &found))
        return false;
    nip__buffer_put(buffer, url, (size_t)(found.host - url));
    nip__buffer_text(buffer, name);
    nip__buffer_text(buffer, found.port);
    return !buffer->failed;
}

bool nip__url_read(const char *url, nip__url *parts)
{
    nip__url read = {.port = 0};
    places found;
    if (!read_scheme(url, &read))
        return false;
    for (const char *c = url; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return false;
    if (!find_places(url, &found))
        return false;
    bool bracketed = *found.host == '[';
    if (!copy_part(read.host, sizeof read.host, found.host + bracketed, found.port - bracketed) ||
        !read_port(found.port, found.end, &read))
        return false;
    read.numeric = is_numeric(read.host);
    *parts = read;
    return true;
}
