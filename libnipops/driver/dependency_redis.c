/* A dependency that is a Redis, or speaks as one: all that is asked is sent at once, QUIT at the end, and judged when it has closed. */
#include "driver/dependencies.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "driver/redis_reply.h"

enum { REPLY_MAX = 256 * 1024, REQUEST_MAX = 16 * 1024, WORDS_MAX = 3, ERROR_MAX = 2000 };

/* What the replies are to, in their order. */
typedef enum question { AUTH, SELECT, PING, ROLE, KEY, QUESTIONS } question;

/* ---- what is sent ---- */

static void put_command(nip__buffer *request, const char *const words[WORDS_MAX])
{
    int count = 0;
    while (count < WORDS_MAX && words[count] != NULL)
        count++;
    nip__buffer_printf(request, "*%d\r\n", count);
    for (int i = 0; i < count; i++)
        nip__buffer_printf(request, "$%zu\r\n%s\r\n", strlen(words[i]), words[i]);
}

static bool asks(const nip__inquiry *inquiry, question what)
{
    const bool all[QUESTIONS] = {
        [AUTH] = inquiry->address.user != NULL || inquiry->address.password != NULL,
        [SELECT] = inquiry->address.database != NULL,
        [PING] = true,
        [ROLE] = nip__get_bool(inquiry->asked, "writable", false),
        [KEY] = nip__get(inquiry->asked, "schema") != NULL,
    };
    return all[what];
}

static void put_all(const nip__inquiry *inquiry, nip__buffer *request)
{
    const nip__address *address = &inquiry->address;
    const char *user = address->user != NULL ? address->user : address->password;
    const char *password = address->password != NULL ? address->password : ""; /* a user may need none, and is let in by any */
    const char *const words[QUESTIONS][WORDS_MAX] = {
        [AUTH] = {"AUTH", user, address->user != NULL ? password : NULL},
        [SELECT] = {"SELECT", address->database},
        [PING] = {"PING"},
        [ROLE] = {"INFO", "replication"},
        [KEY] = {"GET", nip__get_text(nip__get(inquiry->asked, "schema"), "key")},
    };
    for (int i = 0; i < QUESTIONS; i++)
        if (asks(inquiry, (question)i))
            put_command(request, words[i]);
    nip__buffer_text(request, "QUIT\r\n");
}

/* ---- what comes back ---- */

static const struct {
    const char *begins, *reason, *detail;
} errors[] = {
    {"NOAUTH", "auth_required", "it wants a password"},
    {"WRONGPASS", "auth_failed", "user or password refused"},
    {"ERR invalid password", "auth_failed", "password refused"},
    {"ERR AUTH <password> called without", "auth_failed", "a password is given, but the server has none for its default user"},
    {"ERR Client sent AUTH, but no password", "auth_failed", "a password is given, but the server has none"},
    {"LOADING", "starting", "it is still loading its data"},
    {"MASTERDOWN", "starting", "it is a replica that has lost its master"},
    {"BUSY", "busy", "it is busy with a script"},
    {"NOPERM", "not_allowed", "the user may not do that"},
    {"DENIED", "not_allowed", "it is in protected mode: it answers its own machine only"},
    {"ERR max number of clients", "too_many", "it has no connection left"},
    {"ERR DB index", "no_database", "it has no database of this number"},
    {"ERR invalid DB index", "no_database", "it has no database of this number"},
    {"ERR SELECT is not allowed", "no_database", "it is a cluster, which has database 0 only"},
    {"WRONGTYPE", "no_version", "the key of schema.key holds no text"},
};

/* A Redis that does not know a command quotes what came with it, but only the beginning: a secret that was cut is not masked. */
static size_t length_without_arguments(const nip__redis_reply *reply)
{
    static const char words[] = ", with args beginning with";
    size_t length = reply->length < ERROR_MAX ? reply->length : ERROR_MAX;
    const char *found = memmem(reply->text, length, words, strlen(words));
    return found != NULL ? (size_t)(found - reply->text) : length;
}

static void judge_error(nip__inquiry *inquiry, const nip__redis_reply *reply)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        size_t length = strlen(errors[i].begins);
        if (reply->length >= length && memcmp(reply->text, errors[i].begins, length) == 0) {
            nip__inquiry_bad(inquiry, errors[i].reason, "%s", errors[i].detail);
            return;
        }
    }
    size_t shown = nip__text_utf8_prefix(reply->text, length_without_arguments(reply));
    nip__inquiry_bad(inquiry, "protocol", "it answers with an error: %.*s", (int)shown, reply->text);
}

static bool has_line(const nip__redis_reply *reply, const char *line)
{
    return reply->kind == '$' && !reply->nil && memmem(reply->text, reply->length, line, strlen(line)) != NULL;
}

static void judge_key(nip__inquiry *inquiry, const nip__redis_reply *reply)
{
    const char *key = nip__get_text(nip__get(inquiry->asked, "schema"), "key");
    if (reply->kind == '$' && !reply->nil)
        nip__inquiry_version(inquiry, reply->text, reply->length);
    else
        nip__inquiry_bad(inquiry, "no_version", "it has no key %s", key);
}

/* True: it is as wanted, go on. False: the inquiry has ended. */
static bool judge(nip__inquiry *inquiry, question what, const nip__redis_reply *reply)
{
    static const char *const words[QUESTIONS] = {[AUTH] = "OK", [SELECT] = "OK", [PING] = "PONG"};
    const char *word = words[what];
    if (reply->kind == '-')
        judge_error(inquiry, reply);
    else if (word != NULL && (reply->kind != '+' || reply->length != strlen(word) || memcmp(reply->text, word, reply->length) != 0))
        nip__inquiry_bad(inquiry, "protocol", "it does not answer as a Redis does");
    else if (what == ROLE && has_line(reply, "role:slave") && !has_line(reply, "slave_read_only:0"))
        nip__inquiry_bad(inquiry, "read_only", "it is a replica that only reads");
    else if (what == KEY)
        judge_key(inquiry, reply);
    else
        return true;
    return false;
}

static void on_closed(void *data, const nip__http_reply *reply)
{
    nip__inquiry *inquiry = data;
    const char *at = reply->body, *end = reply->body + reply->body_length;
    for (int i = 0; i < QUESTIONS; i++) {
        nip__redis_reply one;
        if (!asks(inquiry, (question)i))
            continue;
        int whole = nip__redis_reply_read(&at, end, &one);
        if (whole < 0)
            nip__inquiry_bad(inquiry, "protocol", "it does not answer as a Redis does");
        else if (whole == 0 && reply->reason != NULL)
            nip__inquiry_failed(inquiry, reply);
        else if (whole == 0)
            nip__inquiry_bad(inquiry, "reset", "the connection was closed before an answer came");
        if (whole != 1 || !judge(inquiry, (question)i, &one))
            return;
    }
    nip__inquiry_good(inquiry);
}

void nip__inquire_redis(nip__inquiry *inquiry)
{
    nip__buffer request = NIP__BUFFER(REQUEST_MAX);
    put_all(inquiry, &request);
    const char *bytes = nip__arena_copy(inquiry->arena, nip__buffer_string(&request), request.length);
    size_t length = request.length;
    bool full = request.full, failed = request.failed || bytes == NULL;
    if (request.data != NULL)
        explicit_bzero(request.data, request.capacity);
    nip__buffer_clear(&request);
    if (full)
        nip__inquiry_bad(inquiry, "bad_address", "its user and password are longer than 16 KiB");
    else if (failed)
        nip__inquiry_short(inquiry, "no_memory");
    else
        nip__inquiry_exchange(inquiry, bytes, length, REPLY_MAX, on_closed);
}
