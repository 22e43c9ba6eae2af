/* HTTP transfers against a server of canned replies: every way to fail has its own reason, and no message tells a secret. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "op/http_inside.h"
#include "op/url.h"
#include "server.h"

typedef struct outcome {
    bool done;
    char reason[64], message[1024], headers[1024], body[4096];
    int status;
    size_t body_length;
    nip_duration duration;
} outcome;

static void copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text == NULL ? "" : text);
}

static void on_done(void *data, const nip__http_reply *reply)
{
    outcome *seen = data;
    assert_false(seen->done);
    *seen = (outcome){.done = true, .status = reply->status, .body_length = reply->body_length, .duration = reply->duration};
    copy(seen->reason, sizeof seen->reason, reply->reason);
    copy(seen->message, sizeof seen->message, reply->message);
    copy(seen->headers, sizeof seen->headers, reply->headers);
    copy(seen->body, sizeof seen->body, reply->body);
}

static nip__loop *make_loop(void)
{
    nip_ctx *ctx = NULL;
    nip__loop *loop = NULL;
    assert_int_equal(nip_ctx_new(&ctx, NULL), 0);
    assert_int_equal(nip__loop_new(ctx, &loop, NULL), 0);
    nip_ctx_free(ctx);
    return loop;
}

static void drive(nip__loop *loop, outcome *seen)
{
    while (!seen->done)
        assert_true(nip__loop_wait(loop, NIP_TIME_MAX, NULL) >= 0);
}

static void get(nip__loop *loop, nip__http_request request, outcome *seen)
{
    nip__http *http = NULL;
    *seen = (outcome){.done = false};
    if (request.timeout == 0)
        request.timeout = 30 * NIP_SECOND;
    if (request.reply_max == 0)
        request.reply_max = 1000;
    assert_int_equal(nip__http_start(loop, &request, on_done, seen, &http, NULL), 0);
    drive(loop, seen);
    assert_int_equal(loop->in_flight, 0);
}

static const char *url_of(int port, const char *path)
{
    static char url[512];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
    return url;
}

/* A label of more than 63 bytes: refused by the resolver itself, no name server is asked. */
static const char unresolvable[] = "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.invalid/";

/* ---- replies by path ---- */

typedef struct canned {
    const char *path, *raw;
    bool reset, hang;
    const char *reason; /* expected; "" for a good reply */
    int status;
    const char *body;
} canned;

static const canned replies[] = {
    {"/ok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\nhi", .reason = "", .status = 200, .body = "hi"},
    {"/error", "HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nbusy", .reason = "", .status = 503, .body = "busy"},
    {"/redirect", "HTTP/1.1 302 Go\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n", .reason = "", .status = 302, .body = ""},
    {"/interim", "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny", .reason = "", .status = 200, .body = "y"},
    {"/chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", .reason = "", .status = 200, .body = "abc"},
    {"/to-close", "HTTP/1.0 200 OK\r\n\r\nall", .reason = "", .status = 200, .body = "all"},
    {"/short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", .reason = "truncated"},
    {"/short-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc", .reason = "truncated"},
    {"/nothing", "", .reason = "reset"},
    {"/reset", "", .reset = true, .reason = "reset"},
    {"/large", "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", .hang = true, .reason = "too_large"},
    {"/hang", "", .hang = true, .reason = "timeout"},
    {"/hang-after-head", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", .hang = true, .reason = "timeout"},
    {"/not-http", "SSH-2.0-OpenSSH_9.2\r\n", .reason = "protocol"},
    {"/bad-length", "HTTP/1.1 200 OK\r\nContent-Length: minus one\r\n\r\n", .reason = "protocol"},
};
enum { REPLIES = sizeof replies / sizeof replies[0] };

static const char large_chunk[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n";

static void answer_canned(test_server *server, int fd, const char *request)
{
    (void)server;
    if (strncmp(request, "GET /large-chunked ", 19) == 0) {
        char body[2048];
        memset(body, 'x', sizeof body);
        server_text(fd, large_chunk);
        server_send(fd, body, sizeof body);
        server_hang(fd);
    }
    for (size_t i = 0; i < REPLIES; i++) {
        size_t length = strlen(replies[i].path);
        if (strncmp(request + 4, replies[i].path, length) != 0 || request[4 + length] != ' ')
            continue;
        server_text(fd, replies[i].raw);
        if (replies[i].reset)
            server_reset(fd);
        if (replies[i].hang)
            server_hang(fd);
    }
}

static void replies_have_their_reason(void **state)
{
    (void)state;
    test_server server;
    server_start(&server, answer_canned, NULL);
    nip__loop *loop = make_loop();
    for (size_t i = 0; i < REPLIES; i++) {
        outcome seen;
        bool late = strcmp(replies[i].reason, "timeout") == 0;
        get(loop, (nip__http_request){.url = url_of(server.port, replies[i].path), .timeout = late ? 50 * NIP_MILLISECOND : 0}, &seen);
        assert_string_equal(seen.reason, replies[i].reason);
        if (replies[i].reason[0] != '\0') {
            assert_non_null(strstr(seen.message, replies[i].path));
            continue;
        }
        assert_int_equal(seen.status, replies[i].status);
        assert_string_equal(seen.body, replies[i].body);
        assert_true(seen.duration > 0);
    }
    outcome seen;
    get(loop, (nip__http_request){.url = url_of(server.port, "/large-chunked")}, &seen);
    assert_string_equal(seen.reason, "too_large");
    nip__loop_free(loop);
    server_stop(&server);
}

static void interim_headers_are_forgotten(void **state)
{
    (void)state;
    test_server server;
    server_start(&server, answer_canned, NULL);
    nip__loop *loop = make_loop();
    outcome seen;
    get(loop, (nip__http_request){.url = url_of(server.port, "/interim")}, &seen);
    assert_string_equal(seen.headers, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
    nip__loop_free(loop);
    server_stop(&server);
}

static void connections_that_fail(void **state)
{
    (void)state;
    nip__loop *loop = make_loop();
    outcome seen;
    get(loop, (nip__http_request){.url = url_of(server_unused_port(), "/")}, &seen);
    assert_string_equal(seen.reason, "connection_refused");
    get(loop, (nip__http_request){.url = unresolvable}, &seen);
    assert_string_equal(seen.reason, "resolve_failed");
    get(loop, (nip__http_request){.url = url_of(server_unused_port(), "/")}, &seen); /* by what looked up in vain */
    assert_string_equal(seen.reason, "connection_refused");
    nip__loop_free(loop);
}

static void answer_ok(test_server *server, int fd, const char *request)
{
    (void)server;
    (void)request;
    server_reply(fd, 200, "", "fine");
}

static void requests_say_what_was_asked(void **state)
{
    (void)state;
    test_server server;
    server_start(&server, answer_ok, NULL);
    nip__loop *loop = make_loop();
    outcome seen;
    const char *headers[] = {"X-One: 1", "X-Two: 2", NULL};
    get(loop, (nip__http_request){.url = url_of(server.port, "/p?q=1"), .method = "POST", .headers = headers, .body = "a=b",
                                  .body_length = 3, .user_password = "me:pw"}, &seen);
    assert_int_equal(seen.status, 200);
    const char *sent = server.last_request;
    assert_int_equal(strncmp(sent, "POST /p?q=1 HTTP/1.1\r\n", 22), 0);
    assert_non_null(strstr(sent, "\r\nX-One: 1\r\nX-Two: 2\r\n"));
    assert_non_null(strstr(sent, "\r\nAuthorization: Basic bWU6cHc=\r\n"));
    assert_non_null(strstr(sent, "\r\nUser-Agent: nipops/"));
    assert_non_null(strstr(sent, "\r\n\r\na=b"));
    get(loop, (nip__http_request){.url = url_of(server.port, "/"), .bearer = "t0ken"}, &seen);
    assert_non_null(strstr(server.last_request, "\r\nAuthorization: Bearer t0ken\r\n"));
    get(loop, (nip__http_request){.url = url_of(server.port, "/"), .server_name = "shop.example"}, &seen);
    assert_int_equal(seen.status, 200); /* connected to the URL's host all the same */
    assert_non_null(strstr(server.last_request, "\r\nHost: shop.example:"));
    get(loop, (nip__http_request){.url = url_of(server.port, "/"), .method = "DELETE"}, &seen);
    assert_int_equal(strncmp(server.last_request, "DELETE / ", 9), 0);
    nip__loop_free(loop);
    server_stop(&server);
}

static void only_the_host_of_a_url_is_renamed(void **state)
{
    (void)state;
    static const struct {
        const char *url, *name, *renamed; /* NULL: refused */
    } cases[] = {
        {"https://127.0.0.1:8443/p?q=1#f", "shop.example", "https://shop.example:8443/p?q=1#f"},
        {"https://127.0.0.1", "shop.example", "https://shop.example"},
        {"https://127.0.0.1?q=a:b@c", "shop.example", "https://shop.example?q=a:b@c"},
        {"https://me:pw@old.example:1/x@y:2", "shop.example", "https://me:pw@shop.example:1/x@y:2"},
        {"https://a@b@old.example/", "shop.example", "https://a@b@shop.example/"},
        {"https://[::1]:8443/", "shop.example", "https://shop.example:8443/"},
        {"https://[::1]", "shop.example", "https://shop.example"},
        {"https://127.0.0.1/", "", NULL},
        {"https://127.0.0.1/", "shop.example:1", NULL},
        {"https://127.0.0.1/", "me@shop.example", NULL},
        {"https://127.0.0.1/", "shop.example/x", NULL},
        {"https://127.0.0.1/", "[::1]", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip__buffer renamed = NIP__BUFFER(256), short_of_room = NIP__BUFFER(8);
        bool done = nip__url_rename(&renamed, cases[i].url, cases[i].name);
        assert_int_equal(done, cases[i].renamed != NULL);
        if (done)
            assert_string_equal(nip__buffer_string(&renamed), cases[i].renamed);
        assert_false(nip__url_rename(&short_of_room, cases[i].url, cases[i].name));
        nip__buffer_clear(&renamed);
        nip__buffer_clear(&short_of_room);
    }
}

static void environment_proxies_are_not_used(void **state)
{
    (void)state;
    test_server server;
    server_start(&server, answer_ok, NULL);
    char proxy[64];
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", server_unused_port());
    setenv("http_proxy", proxy, 1);
    nip__loop *loop = make_loop();
    outcome seen;
    get(loop, (nip__http_request){.url = url_of(server.port, "/")}, &seen);
    unsetenv("http_proxy");
    assert_int_equal(seen.status, 200);
    nip__loop_free(loop);
    server_stop(&server);
}

static void connect_only_sends_nothing(void **state)
{
    (void)state;
    test_server server;
    server_start(&server, answer_ok, NULL);
    nip__loop *loop = make_loop();
    outcome seen;
    get(loop, (nip__http_request){.url = url_of(server.port, ""), .connect_only = true, .fresh_connection = true}, &seen);
    assert_string_equal(seen.reason, "");
    assert_int_equal(seen.status, 0);
    get(loop, (nip__http_request){.url = url_of(server_unused_port(), ""), .connect_only = true}, &seen);
    assert_string_equal(seen.reason, "connection_refused");
    nip__loop_free(loop);
    server_stop(&server);
    assert_int_equal(server.requests, 0);
}

static void bad_requests_are_refused(void **state)
{
    (void)state;
    const char *injected[] = {"X-A: b\r\nX-Evil: 1", NULL};
    const struct {
        nip__http_request request;
    } cases[] = {
        {{.url = "ftp://127.0.0.1/"}},
        {{.url = "127.0.0.1:80"}},
        {{.url = "http://127.0.0.1:99999/"}},
        {{.url = "http:///path"}},
        {{.url = "http://127.0.0.1/a b"}},
        {{.url = "file:///etc/passwd"}},
        {{.url = "http://127.0.0.1/", .headers = injected}},
        {{.url = "http://127.0.0.1/", .bearer = "a\nb"}},
        {{.url = "http://127.0.0.1/", .user_password = "a:b\r\n"}},
    };
    nip__loop *loop = make_loop();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip__http_request request = cases[i].request;
        request.timeout = NIP_SECOND;
        request.reply_max = 10;
        nip__http *http = NULL;
        outcome seen = {.done = false};
        nip_error *err = NULL;
        assert_int_equal(nip__http_start(loop, &request, on_done, &seen, &http, &err), NIP_E_INVALID);
        assert_null(http);
        nip_error_free(err);
    }
    nip__loop_free(loop);
}

static void secrets_are_masked(void **state)
{
    (void)state;
    static const struct {
        const char *url, *shown;
    } cases[] = {
        {"http://h/p", "http://h/p"},
        {"http://u:p@h:1/p?q#f", "http://***@h:1/p?q#f"},
        {"http://u:p@x@h/", "http://***@h/"},
        {"http://h/@p", "http://h/@p"},
        {"http://u:p/w@h/", "http://***@h/"},
        {"u:p@h:1", "***@h:1"},
        {"http://[::1]:80/@", "http://[::1]:80/@"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip__buffer shown = NIP__BUFFER(1000);
        nip__url_write(&shown, cases[i].url);
        assert_string_equal(nip__buffer_string(&shown), cases[i].shown);
        nip__buffer_clear(&shown);
    }
    nip__loop *loop = make_loop();
    outcome seen;
    char url[128];
    snprintf(url, sizeof url, "http://me:hidden@127.0.0.1:%d/", server_unused_port());
    get(loop, (nip__http_request){.url = url, .bearer = "hidden"}, &seen);
    assert_null(strstr(seen.message, "hidden"));
    assert_non_null(strstr(seen.message, "***@127.0.0.1"));
    nip__loop_free(loop);
}

/* Fills the table of descriptors, so that not one more can be opened. */
static int use_up_descriptors(rlim_t limit, int *taken)
{
    struct rlimit now;
    getrlimit(RLIMIT_NOFILE, &now);
    rlim_t before = now.rlim_cur;
    now.rlim_cur = limit;
    setrlimit(RLIMIT_NOFILE, &now);
    int count = 0, fd;
    while ((fd = open("/dev/null", O_RDONLY)) >= 0)
        taken[count++] = fd;
    now.rlim_cur = before;
    return count;
}

static void running_out_of_descriptors_is_not_a_dead_peer(void **state)
{
    (void)state;
    enum { LIMIT = 100 };
    int taken[LIMIT];
    nip__loop *loop = make_loop();
    outcome seen;
    get(loop, (nip__http_request){.url = url_of(server_unused_port(), "/")}, &seen); /* the engine is there */
    int port = server_unused_port();
    struct rlimit before;
    getrlimit(RLIMIT_NOFILE, &before);
    int count = use_up_descriptors(LIMIT, taken);
    get(loop, (nip__http_request){.url = url_of(port, "/")}, &seen);
    char first[64];
    copy(first, sizeof first, seen.reason);
    get(loop, (nip__http_request){.url = unresolvable}, &seen);
    while (count > 0)
        close(taken[--count]);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_string_equal(first, "no_descriptors");
    assert_string_equal(seen.reason, "no_descriptors");
    nip__loop_free(loop);
}

/* ---- starting and stopping inside callbacks ---- */

enum { MANY = 40 };

typedef struct swarm {
    nip__loop *loop;
    nip__http *running[MANY];
    int done;
    const char *url;
} swarm;

static void stop_the_next(void *data, const nip__http_reply *reply)
{
    (void)reply;
    swarm *self = data;
    self->done++;
    for (int i = 0; i < MANY; i++) {
        /* Which one has ended is not known here: the first callback stops them all, the ended one included. */
        nip__http_stop(self->running[i]);
        self->running[i] = NULL;
    }
}

static void callbacks_may_stop_transfers(void **state)
{
    (void)state;
    nip__loop *loop = make_loop();
    swarm self = {.loop = loop, .url = url_of(server_unused_port(), "/")};
    nip__http_request request = {.url = self.url, .timeout = 10 * NIP_SECOND, .reply_max = 10};
    for (int i = 0; i < MANY; i++)
        assert_int_equal(nip__http_start(loop, &request, stop_the_next, &self, &self.running[i], NULL), 0);
    while (self.done == 0)
        nip__loop_wait(loop, NIP_TIME_MAX, NULL);
    nip__loop_wait(loop, NIP_TIME_NONE, NULL);
    assert_int_equal(self.done, 1);
    assert_int_equal(loop->in_flight, 0);
    nip__loop_free(loop);
}

typedef struct chain {
    nip__loop *loop;
    const char *url;
    int left;
    nip__http *http;
} chain;

static void start_another(void *data, const nip__http_reply *reply)
{
    chain *self = data;
    assert_null(reply->reason);
    if (--self->left == 0)
        return;
    nip__http_request request = {.url = self->url, .timeout = 10 * NIP_SECOND, .reply_max = 10};
    assert_int_equal(nip__http_start(self->loop, &request, start_another, self, &self->http, NULL), 0);
}

static void callbacks_may_start_transfers(void **state)
{
    (void)state;
    test_server server;
    server_start(&server, answer_ok, NULL);
    nip__loop *loop = make_loop();
    chain self = {.loop = loop, .url = url_of(server.port, "/"), .left = 21};
    start_another(&self, &(nip__http_reply){.status = 200});
    while (self.left > 0)
        nip__loop_wait(loop, NIP_TIME_MAX, NULL);
    server_stop(&server);
    assert_int_equal(server.requests, 20);
    nip__loop_free(loop);
}

/* ---- bodies handed out ---- */

typedef struct stream {
    outcome seen; /* first: on_done gets the same data */
    char bytes[8192];
    size_t length, most; /* refuses what goes beyond */
} stream;

static int take_piece(void *data, const char *bytes, size_t length)
{
    stream *taken = data;
    assert_false(taken->seen.done);
    if (length > taken->most - taken->length)
        return NIP_E_USER;
    memcpy(taken->bytes + taken->length, bytes, length);
    taken->length += length;
    return 0;
}

static void stream_from(nip__loop *loop, const char *url, size_t reply_max, size_t most, stream *taken)
{
    nip__http *http = NULL;
    nip__http_request request = {.url = url, .timeout = 30 * NIP_SECOND, .reply_max = reply_max, .take = take_piece};
    *taken = (stream){.most = most};
    assert_int_equal(nip__http_start(loop, &request, on_done, taken, &http, NULL), 0);
    drive(loop, &taken->seen);
    assert_int_equal(taken->seen.body_length, 0);
    assert_int_equal(loop->in_flight, 0);
}

static void bodies_are_handed_out(void **state)
{
    (void)state;
    test_server server;
    server_start(&server, answer_canned, NULL);
    nip__loop *loop = make_loop();
    stream taken;
    stream_from(loop, url_of(server.port, "/error"), 4, 4, &taken);
    assert_string_equal(taken.seen.reason, "");
    assert_int_equal(taken.seen.status, 503);
    assert_string_equal(taken.bytes, "busy");
    stream_from(loop, url_of(server.port, "/chunked"), 2, 8192, &taken);
    assert_string_equal(taken.seen.reason, "too_large");
    stream_from(loop, url_of(server.port, "/large-chunked"), 100000, 2047, &taken);
    assert_string_equal(taken.seen.reason, "refused");
    assert_non_null(strstr(taken.seen.message, "/large-chunked: what came is of no use"));
    stream_from(loop, url_of(server.port, "/short"), 100, 100, &taken);
    assert_string_equal(taken.seen.reason, "truncated");
    assert_string_equal(taken.bytes, "only this");
    outcome seen; /* the same handles, and nothing of it left */
    for (int i = 0; i < 2; i++) {
        get(loop, (nip__http_request){.url = url_of(server.port, "/ok")}, &seen);
        assert_string_equal(seen.reason, "");
        assert_string_equal(seen.body, "hi");
        stream_from(loop, url_of(server.port, "/to-close"), 3, 3, &taken);
        assert_string_equal(taken.bytes, "all");
    }
    nip__loop_free(loop);
    server_stop(&server);
}

static void freeing_with_transfers_stopped_leaks_nothing(void **state)
{
    (void)state;
    nip__loop *loop = make_loop();
    nip__http *http = NULL;
    outcome seen = {.done = false};
    nip__http_request request = {.url = "http://localhost/", .timeout = NIP_SECOND, .reply_max = 10};
    assert_int_equal(nip__http_start(loop, &request, on_done, &seen, &http, NULL), 0);
    nip__loop_wait(loop, NIP_TIME_NONE, NULL); /* a resolver may be at work */
    nip__http_stop(http);
    nip__loop_free(loop);
    assert_false(seen.done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_have_their_reason),
        cmocka_unit_test(interim_headers_are_forgotten),
        cmocka_unit_test(connections_that_fail),
        cmocka_unit_test(requests_say_what_was_asked),
        cmocka_unit_test(only_the_host_of_a_url_is_renamed),
        cmocka_unit_test(environment_proxies_are_not_used),
        cmocka_unit_test(connect_only_sends_nothing),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(secrets_are_masked),
        cmocka_unit_test(running_out_of_descriptors_is_not_a_dead_peer),
        cmocka_unit_test(callbacks_may_stop_transfers),
        cmocka_unit_test(callbacks_may_start_transfers),
        cmocka_unit_test(bodies_are_handed_out),
        cmocka_unit_test(freeing_with_transfers_stopped_leaks_nothing),
    };
    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
