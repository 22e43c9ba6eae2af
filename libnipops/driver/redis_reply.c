/* Replies of Redis. Containers are skipped by counting what is still to come: nothing nests here, however deep the reply does. */
#include "driver/redis_reply.h"

#include <stdint.h>
#include <string.h>

enum { LINE_MAX = 64 * 1024, DIGITS_MAX = 10 };
static const int64_t COUNT_MAX = 512 * 1024 * 1024; /* Redis' own limit of a text */

/* A line without its CRLF. */
static int read_line(const char **at, const char *end, const char **line, size_t *length)
{
    size_t left = (size_t)(end - *at);
    const char *feed = memchr(*at, '\n', left < LINE_MAX ? left : LINE_MAX);
    if (feed == NULL)
        return left < LINE_MAX ? 0 : -1;
    if (feed == *at || feed[-1] != '\r')
        return -1;
    *line = *at;
    *length = (size_t)(feed - 1 - *at);
    *at = feed + 1;
    return 1;
}

/* -1 stands for nil. */
static bool read_count(const char *line, size_t length, int64_t *count)
{
    int64_t value = 0;
    if (length == 2 && memcmp(line, "-1", 2) == 0) {
        *count = -1;
        return true;
    }
    if (length == 0 || length > DIGITS_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (line[i] < '0' || line[i] > '9')
            return false;
        value = value * 10 + (line[i] - '0');
    }
    *count = value;
    return value <= COUNT_MAX;
}

static bool is_integer(const char *line, size_t length)
{
    size_t sign = length > 0 && (line[0] == '-' || line[0] == '+');
    if (length == sign || length - sign > 20)
        return false;
    for (size_t i = sign; i < length; i++)
        if (line[i] < '0' || line[i] > '9')
            return false;
    return true;
}

static int read_text(const char **at, const char *end, int64_t count, nip__redis_reply *item)
{
    if (count < 0) {
        item->nil = true;
        return 1;
    }
    if (end - *at < count + 2)
        return 0;
    if (memcmp(*at + count, "\r\n", 2) != 0)
        return -1;
    item->text = *at;
    item->length = (size_t)count;
    *at += count + 2;
    return 1;
}

/* One item; *inside is how many follow that belong to it. */
static int read_item(const char **at, const char *end, nip__redis_reply *item, int64_t *inside)
{
    *inside = 0;
    if (*at == end)
        return 0;
    *item = (nip__redis_reply){.kind = **at, .text = ""};
    if (strchr("+-:$*%~>", item->kind) == NULL || item->kind == '\0')
        return -1;
    const char *line, *next = *at + 1;
    size_t length;
    int64_t count = 0;
    int whole = read_line(&next, end, &line, &length);
    if (whole <= 0)
        return whole;
    if (item->kind == '+' || item->kind == '-' || item->kind == ':') {
        item->text = line;
        item->length = length;
        *at = next;
        return item->kind != ':' || is_integer(line, length) ? 1 : -1;
    }
    if (!read_count(line, length, &count))
        return -1;
    *at = next;
    if (item->kind == '$')
        return read_text(at, end, count, item);
    item->nil = count < 0;
    *inside = count < 0 ? 0 : item->kind == '%' ? 2 * count : count;
    item->kind = '*';
    return 1;
}

int nip__redis_reply_read(const char **at, const char *end, nip__redis_reply *reply)
{
    const char *next = *at;
    nip__redis_reply first, item;
    int64_t left = 0, inside;
    int whole = read_item(&next, end, &first, &left);
    while (whole == 1 && left > 0) {
        whole = read_item(&next, end, &item, &inside);
        left += inside - 1;
        if (left > COUNT_MAX)
            return -1;
    }
    if (whole != 1)
        return whole;
    *at = next;
    *reply = first;
    return 1;
}
