/* Judging one answer. The body is hostile: it is read within limits, and shown only as far as a message needs it. */
#include "health/expect.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "doc/json.h"

enum { SHOWN_MAX = 60 };

static const nip__limits body_limits = {.bytes = 1 << 20, .depth = 64, .values = 100000};

typedef struct check {
    const nip__value *expect;
    const nip__answer *answer;
    nip__buffer *why;
} check;

/* A part of the judgement: 1, 0 with why, or NIP_E_NOMEM. */
typedef int (*part)(const check *c);

static int judge(const nip__value *expect, const nip__answer *answer, nip__buffer *why, const part *parts)
{
    check c = {.expect = expect, .answer = answer, .why = why};
    int rc = 1;
    for (; rc == 1 && *parts != NULL; parts++)
        rc = (*parts)(&c);
    return rc == 0 && why->failed && !why->full ? NIP_E_NOMEM : rc;
}

/* ---- status, exit code, latency ---- */

static bool is_one_of(const nip__value *list, int64_t wanted)
{
    for (NIP__EACH(item, list))
        if (nip__is(item, NIP__INT) && item->as.integer == wanted)
            return true;
    return false;
}

static int judge_status(const check *c)
{
    const nip__value *wanted = nip__get(c->expect, "status");
    int status = c->answer->status;
    if (nip__is(wanted, NIP__INT) ? wanted->as.integer == status : is_one_of(wanted, status))
        return 1;
    if (wanted == NULL && status >= 200 && status < 300)
        return 1;
    nip__buffer_printf(c->why, "status %d, expected ", status);
    if (wanted == NULL)
        nip__buffer_text(c->why, "200 to 299");
    else if (nip__is(wanted, NIP__INT))
        nip__buffer_int(c->why, wanted->as.integer);
    for (NIP__EACH(item, wanted)) {
        nip__buffer_text(c->why, item == nip__first(wanted) ? "" : " or ");
        nip__buffer_int(c->why, item->as.integer);
    }
    return 0;
}

static int judge_exit(const check *c)
{
    int64_t wanted = nip__get_int(c->expect, "exit", 0);
    if (c->answer->exit_code == wanted)
        return 1;
    nip__buffer_printf(c->why, "exit code %d, expected %lld", c->answer->exit_code, (long long)wanted);
    return 0;
}

static int judge_latency(const check *c)
{
    nip_duration most = nip__get_duration(c->expect, "max_latency", NIP_TIME_MAX);
    if (c->answer->latency <= most)
        return 1;
    nip__buffer_text(c->why, "took ");
    nip__duration_write_short(c->why, c->answer->latency);
    nip__buffer_text(c->why, ", expected at most ");
    nip__duration_write(c->why, most);
    return 0;
}

/* ---- headers ---- */

static const char *skip_blanks(const char *text, const char *end)
{
    while (text < end && (*text == ' ' || *text == '\t'))
        text++;
    return text;
}

/* Does this header line say `name: value`? Names compare without case, values exactly. */
static bool line_says(const char *line, const char *end, const char *name, const char *value)
{
    size_t length = strlen(name);
    if ((size_t)(end - line) <= length || !nip__text_starts_alike(line, name) || line[length] != ':')
        return false;
    const char *found = skip_blanks(line + length + 1, end);
    while (end > found && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (size_t)(end - found) == strlen(value) && memcmp(found, value, (size_t)(end - found)) == 0;
}

static bool headers_say(const char *headers, const char *name, const char *value)
{
    while (*headers != '\0') {
        const char *end = headers + strcspn(headers, "\r\n");
        if (line_says(headers, end, name, value))
            return true;
        headers = end + strspn(end, "\r\n");
    }
    return false;
}

static int judge_headers(const check *c)
{
    for (NIP__EACH(wanted, nip__get(c->expect, "headers"))) {
        if (!nip__is(wanted, NIP__STRING) || headers_say(c->answer->headers, wanted->key, wanted->as.string.text))
            continue;
        nip__buffer_printf(c->why, "no header \"%.200s: %.200s\"", wanted->key, wanted->as.string.text);
        return 0;
    }
    return 1;
}

/* ---- body ---- */

static bool contains(const char *body, size_t length, const nip__value *text)
{
    return !nip__is(text, NIP__STRING) || memmem(body, length, text->as.string.text, text->as.string.length) != NULL;
}

static int missing_text(const check *c, const nip__value *text)
{
    char shown[201]; /* enough to know it by; a reason has its limit */
    snprintf(shown, sizeof shown, "%s", text->as.string.text);
    nip__buffer_text(c->why, "the body does not contain ");
    nip__json_write_string(c->why, shown);
    return 0;
}

static int judge_text(const check *c)
{
    const nip__value *wanted = nip__get(c->expect, "body_contains");
    if (nip__is(wanted, NIP__STRING) && !contains(c->answer->body, c->answer->body_length, wanted))
        return missing_text(c, wanted);
    for (NIP__EACH(text, nip__is(wanted, NIP__LIST) ? wanted : NULL))
        if (!contains(c->answer->body, c->answer->body_length, text))
            return missing_text(c, text);
    return 1;
}

static void show(nip__buffer *why, const nip__value *value)
{
    nip__buffer text = NIP__BUFFER(SHOWN_MAX);
    if (nip__is(value, NIP__MAP) || nip__is(value, NIP__LIST))
        nip__buffer_text(why, nip__kind_name(value->kind));
    else
        nip__json_write(&text, value);
    nip__buffer_text(why, nip__buffer_string(&text));
    nip__buffer_text(why, text.full ? "..." : "");
    nip__buffer_clear(&text);
}

static int judge_places(const check *c, const nip__value *body)
{
    for (NIP__EACH(wanted, nip__get(c->expect, "json"))) {
        const nip__value *found = nip__pointer(body, wanted->key);
        if (found != NULL && nip__equal(found, wanted))
            continue;
        nip__buffer_printf(c->why, "%.200s is ", wanted->key[0] == '\0' ? "the body" : wanted->key);
        if (found == NULL)
            nip__buffer_text(c->why, "missing");
        else
            show(c->why, found);
        nip__buffer_text(c->why, ", expected ");
        show(c->why, wanted);
        return 0;
    }
    return 1;
}

static int judge_json(const check *c)
{
    if (nip__count(nip__get(c->expect, "json")) == 0)
        return 1;
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return NIP_E_NOMEM;
    nip__value *body = NULL;
    nip_error *err = NULL;
    int rc = nip__json_read(arena, c->answer->body, c->answer->body_length, "body", &body_limits, &body, &err);
    if (rc == 0) {
        rc = judge_places(c, body);
    } else if (rc != NIP_E_NOMEM) {
        nip__buffer_printf(c->why, "the body is not JSON as expected: %.400s", nip_error_message(err));
        rc = 0;
    }
    nip_error_free(err);
    nip__arena_free(arena);
    return rc;
}

int nip__expect_http(const nip__value *expect, const nip__answer *answer, nip__buffer *why)
{
    static const part parts[] = {judge_status, judge_headers, judge_text, judge_json, judge_latency, NULL};
    return judge(expect, answer, why, parts);
}

int nip__expect_command(const nip__value *expect, const nip__answer *answer, nip__buffer *why)
{
    static const part parts[] = {judge_exit, judge_text, judge_json, judge_latency, NULL};
    return judge(expect, answer, why, parts);
}

int nip__expect_connection(const nip__value *expect, const nip__answer *answer, nip__buffer *why)
{
    static const part parts[] = {judge_latency, NULL};
    return judge(expect, answer, why, parts);
}
