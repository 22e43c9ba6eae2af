/* See retention.h. */
#include "op/retention.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "doc/json.h"

enum { REPLY_MAX = 1 << 20 };

/* ---- lengths as Prometheus writes them ---- */

static const struct {
    const char *unit;
    int64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {"w", 604800000}, {"y", 31536000000}};

static int64_t take_unit(const char **text)
{
    size_t length = strspn(*text, "smhdwy");
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strlen(units[i].unit) == length && memcmp(units[i].unit, *text, length) == 0) {
            *text += length;
            return units[i].ms;
        }
    }
    return 0;
}

static bool take_part(const char **text, int64_t *sum)
{
    int64_t number = 0, part;
    size_t digits = strspn(*text, "0123456789");
    if (digits == 0 || digits > 9)
        return false;
    for (size_t i = 0; i < digits; i++)
        number = 10 * number + ((*text)[i] - '0');
    *text += digits;
    int64_t unit = take_unit(text);
    return unit > 0 && !__builtin_mul_overflow(number, unit, &part) && !__builtin_add_overflow(*sum, part, sum);
}

bool nip__retention_read(const char *text, nip__retention *retention)
{
    const char *at = text;
    int64_t sum = 0;
    do {
        if (!take_part(&at, &sum))
            return false;
    } while (*at != '\0' && *at != ' '); /* " or 10GiB" */
    if (sum == 0 || (size_t)(at - text) >= sizeof retention->text)
        return false;
    memcpy(retention->text, text, (size_t)(at - text));
    retention->text[at - text] = '\0';
    retention->kept_ms = sum;
    return true;
}

/* ---- asking ---- */

static void read_reply(nip__retention *retention, const nip__http_reply *reply)
{
    static const nip__limits limits = {.bytes = REPLY_MAX, .depth = 16, .values = 10000};
    nip__arena *arena = nip__arena_new();
    nip__value *root = NULL;
    if (arena != NULL && nip__json_read(arena, reply->body, reply->body_length, NULL, &limits, &root, NULL) == 0) {
        const char *text = nip__get_text(nip__get(root, "data"), "storageRetention");
        if (text != NULL)
            nip__retention_read(text, retention);
    }
    nip__arena_free(arena);
}

static void on_reply(void *data, const nip__http_reply *reply)
{
    nip__retention *retention = data;
    retention->http = NULL;
    if (reply->reason == NULL && reply->status == 200)
        read_reply(retention, reply);
    retention->done(retention->data);
}

int nip__retention_start(nip__retention *retention, nip__loop *loop, const nip__value *settings, const char *place, void (*done)(void *data),
                         void *data, nip_error **err)
{
    nip__query query = {.settings = settings, .place = place, .path = "status/runtimeinfo", .reply_max = REPLY_MAX};
    *retention = (nip__retention){.done = done, .data = data};
    return nip__query_start(loop, &query, on_reply, retention, &retention->http, err);
}

void nip__retention_stop(nip__retention *retention)
{
    nip__http_stop(retention->http);
    retention->http = NULL;
}
