#include "prometheus_stub.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOSE "Connection: close\r\n" /* one request a connection */

#define TOO_MANY \
    "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"query processing would load too many samples into memory in query execution\"}"

static char body[8 << 20];
static size_t length;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    length += (size_t)vsnprintf(body + length, sizeof body - length, format, arguments);
    va_end(arguments);
    if (length >= sizeof body)
        abort();
}

/* Times and values without the locale's decimal comma. */
static void say_sample(const stub_series *one, int64_t at, const char *before)
{
    char odd[64], plain[64];
    int64_t value = (int64_t)(one->first + one->rise * (double)((at - one->begin) / one->step));
    snprintf(plain, sizeof plain, "%lld", (long long)value);
    snprintf(odd, sizeof odd, "%s", one->odd != NULL && at == one->odd_at ? one->odd : plain);
    say("%s[%lld.%03d,\"%s\"]", before, (long long)(at / 1000), (int)(at % 1000), odd);
}

static bool say_series(const prometheus_stub *stub, const stub_series *one, int64_t from, int64_t to, const char *before)
{
    int64_t at = one->begin;
    bool any = false;
    for (; at <= one->end; at += one->step) {
        if (at > to || at < from || (stub->open && at == from))
            continue;
        if (!any)
            say("%s{\"metric\":%s,\"values\":[", before, one->labels);
        say_sample(one, at, any ? "," : "");
        any = true;
    }
    if (any)
        say("]}");
    return any;
}

static void say_result(const prometheus_stub *stub, const char *selector, int64_t from, int64_t to)
{
    bool any = false;
    say("{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[");
    for (int i = 0; i < stub->count; i++)
        if (strcmp(stub->series[i].selector, selector) == 0)
            any |= say_series(stub, &stub->series[i], from, to, any ? "," : "");
    say("]}");
    if (stub->warning != NULL)
        say(",\"warnings\":[\"%s\"]", stub->warning);
    if (stub->info != NULL)
        say(",\"infos\":[\"%s\"]", stub->info);
    say("}");
}

/* `query=total%0A%5B3600000ms%5D&time=7200.000` */
static bool read_query(const char *request, char *selector, size_t size, int64_t *range, int64_t *time)
{
    const char *at = strstr(request, "\r\n\r\nquery=");
    const char *bracket = at != NULL ? strstr(at, "%0A%5B") : NULL, *when = at != NULL ? strstr(at, "&time=") : NULL;
    if (bracket == NULL || when == NULL || strstr(bracket, "ms%5D&time=") == NULL)
        return false;
    snprintf(selector, size, "%.*s", (int)(bracket - at - 10), at + 10);
    *range = atoll(bracket + 6);
    *time = atoll(when + 6) * 1000 + atoll(strchr(when, '.') + 1);
    return true;
}

/* {"a":"1","b":"2"} as {a="1",b="2"} */
static void as_selector(const char *labels, char *out)
{
    bool key = true;
    for (; *labels != '\0'; labels++) {
        if (*labels == ':' || *labels == ',')
            key = *labels == ',';
        if (*labels == ':')
            *out++ = '=';
        else if (*labels != '"' || !key)
            *out++ = *labels;
    }
    *out = '\0';
}

static void decode(const char *from, char *out, size_t size)
{
    for (; *from != '\0' && *from != '&' && size > 1; size--) {
        char digits[3] = {from[0] == '%' ? from[1] : '0', from[0] == '%' ? from[2] : '0', '\0'};
        *out++ = *from == '%' ? (char)strtol(digits, NULL, 16) : *from;
        from += *from == '%' ? 3 : 1;
    }
    *out = '\0';
}

static void answer_before(prometheus_stub *stub, int fd, const char *query)
{
    static char text[16384];
    char selector[512];
    int64_t time = atoll(strstr(query, "&time=") + 6) * 1000;
    bool any = false;
    stub->queries++;
    stub->asked_before++;
    decode(query, text, sizeof text);
    length = 0;
    say("{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[");
    for (int i = 0; i < stub->count; i++) {
        as_selector(stub->series[i].labels, selector);
        if (strstr(text, selector) == NULL || stub->series[i].begin > time)
            continue;
        say("%s{\"metric\":%s,\"value\":[%lld,\"1\"]}", any ? "," : "", stub->series[i].labels, (long long)(time / 1000));
        any = true;
    }
    say("]}}");
    if (any && stub->heavy)
        server_reply(fd, 422, CLOSE, TOO_MANY);
    else
        server_reply(fd, 200, CLOSE, body);
}

static void answer_query(prometheus_stub *stub, int fd, const char *request)
{
    char selector[256];
    int64_t range, time;
    const char *before = strstr(request, "\r\n\r\nquery=last_over_time");
    if (before != NULL && stub->instead == NULL) {
        answer_before(stub, fd, before + 10);
        return;
    }
    if (!read_query(request, selector, sizeof selector, &range, &time)) {
        server_reply(fd, 400, CLOSE, "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"what is this\"}");
        return;
    }
    if (stub->queries++ < stub->dropped)
        return;
    stub->asked_longest = range > stub->asked_longest ? range : stub->asked_longest;
    stub->asked_first = stub->asked_first == 0 || time - range < stub->asked_first ? time - range : stub->asked_first;
    stub->asked_last = time > stub->asked_last ? time : stub->asked_last;
    if (stub->instead != NULL && time > stub->instead_from) {
        server_text(fd, stub->instead);
    } else if (stub->longest > 0 && range > stub->longest) {
        server_reply(fd, 422, CLOSE, TOO_MANY);
    } else {
        length = 0;
        say_result(stub, selector, time - range, time);
        char head[128];
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n", length);
        server_text(fd, head);
        server_send(fd, body, stub->truncate ? length / 2 : length);
    }
}

static void answer(test_server *server, int fd, const char *request)
{
    prometheus_stub *stub = server->data;
    char text[256];
    if (strncmp(request, "POST /api/v1/query ", 19) == 0) {
        answer_query(stub, fd, request);
    } else if (strncmp(request, "GET /api/v1/status/runtimeinfo ", 31) == 0 && stub->retention != NULL) {
        snprintf(text, sizeof text, "{\"status\":\"success\",\"data\":{\"CWD\":\"/\",\"storageRetention\":\"%s\"}}", stub->retention);
        server_reply(fd, 200, CLOSE, text);
    } else {
        server_reply(fd, 404, CLOSE, "404 page not found\n");
    }
}

void stub_start(prometheus_stub *stub)
{
    server_start(&stub->server, answer, stub);
}

void stub_stop(prometheus_stub *stub)
{
    server_stop(&stub->server);
}
