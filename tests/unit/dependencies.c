/* Dependencies: addresses, versions, advice, and the verb check/dependencies against servers and files. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errand.h"
#include "driver/redis_reply.h"
#include "health/dependency.h"
#include "server.h"

/* ---- pure ---- */

static void addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *label, *user, *password, *host;
        int port;
    } good[] = {
        {"tcp://db:5432", "tcp://db:5432", NULL, NULL, "db", 5432},
        {"tcp://[::1]:1", "tcp://[::1]:1", NULL, NULL, "::1", 1},
        {"http://h", "http://h:80", NULL, NULL, "h", 80},
        {"https://h/a?token=hidden#x", "https://h:443/a", NULL, NULL, "h", 443},
        {"http://u:p%40w%2Fd@h:8/a", "http://h:8/a", "u", "p@w/d", "h", 8},
        {"http://u@h", "http://h:80", "u", NULL, "h", 80},
        {"http://:p@h", "http://h:80", NULL, "p", "h", 80},
        {"http://a@b:p@h", "http://h:80", "a@b", "p", "h", 80},
        {"sqlite:/a b.db", "sqlite:/a b.db", NULL, NULL, NULL, 0},
        {"redis://h", "redis://h:6379", NULL, NULL, "h", 6379},
        {"rediss://u:p@h:1/3", "rediss://h:1/3", "u", "p", "h", 1},
        {"postgres://u@h/shop", "postgres://h:5432/shop", "u", NULL, "h", 5432},
        {"postgresql://u:p@[::1]:1/a%20b?sslmode=verify-full", "postgresql://[::1]:1/a%20b", "u", "p", "::1", 1},
        {"postgres://u@/shop?host=/run/postgresql&sslmode=disable", "postgres:///shop", "u", NULL, NULL, 5432},
        {"postgres://u@:5433/shop?host=/run/postgresql", "postgres:///shop", "u", NULL, NULL, 5433},
        {"postgres://u@/shop?host=%2Frun%2Fpostgresql", "postgres:///shop", "u", NULL, NULL, 5432},
        {"sqlite:a.db", "sqlite:a.db", NULL, NULL, NULL, 0},
    };
    static const char *const bad[] = {
        "", "db", "ftp://h", "tcp://", "tcp://h", "tcp://:1", "tcp://h:0", "tcp://h:65536", "tcp://h:1/x", "tcp://u@h:1", "tcp://h:1x",
        "tcp://[::1:1", "tcp://[::1]1", "http://h h", "http://h\n", "http://u:p%4@h", "http://u:p%00@h", "http://u:p%0a@h", "http://u:a/b@h",
        "http://h:80:80", "http://\xff", "http://u:%ff@h", "postgres://:0/a?host=/b", "postgres://h", "postgres://h/", "postgres://h/a/b", "postgres://h/a?password=x", "postgres://h/a?sslmode=of", "postgres://h/a?host=/b", "postgres://u@/a?host=/b,c",
        "postgres:///a", "postgres:///a?host=b", "postgres://h/a?service=x", "postgres://h/a#b", "postgres://h1,h2/a", "redis://h/a", "redis://h/1?x=y", "redis://h/123456", "sqlite:", "sqlite:///a", "sqlite::memory:", "sqlite:file:a?mode=rwc", "sqlite:a\nb", "tcp://h$:1",
    };
    nip__arena *arena = nip__arena_new();
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        nip__address address;
        const char *problem = nip__address_read(arena, good[i].text, &address);
        if (problem != NULL)
            fail_msg("%s: %s", good[i].text, problem);
        assert_string_equal(address.label, good[i].label);
        assert_int_equal(address.port, good[i].port);
        const char *const pairs[][2] = {
            {address.user, good[i].user}, {address.password, good[i].password}, {address.host, good[i].host}};
        for (size_t k = 0; k < 3; k++)
            if (pairs[k][1] == NULL)
                assert_null(pairs[k][0]);
            else
                assert_string_equal(pairs[k][0], pairs[k][1]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        nip__address address;
        if (nip__address_read(arena, bad[i], &address) == NULL)
            fail_msg("%s was taken as an address", bad[i]);
    }
    assert_false(nip__arena_failed(arena));
    nip__arena_free(arena);
}

static void versions(void **state)
{
    (void)state;
    static const struct {
        const char *key, *wanted, *found, *reason, *why;
    } cases[] = {
        {"expect", "42", "42", NULL, ""},
        {"expect", "42", "042", NULL, ""},
        {"expect", "1.2", "1.2.0", NULL, ""},
        {"expect", "42", "41", "schema_behind", "schema version is 41, 42 is expected"},
        {"expect", "42", "43", "schema_ahead", "schema version is 43, 42 is expected"},
        {"expect", "a1", "b2", "schema_differs", "schema version is \"b2\", a1 is expected"},
        {"expect", "a1", "", "schema_differs", "schema version is \"\", a1 is expected"},
        {"expect", "20261126074500", "20261126074459", "schema_behind", "schema version is 20261126074459, 20261126074500 is expected"},
        {"at_least", "42", "42", NULL, ""},
        {"at_least", "42", "100", NULL, ""},
        {"at_least", "1.9", "1.10", NULL, ""},
        {"at_least", "99999999999999999999999", "100000000000000000000000", NULL, ""},
        {"at_least", "1.10", "1.9", "schema_behind", "schema version is 1.9, at least 1.10 is expected"},
        {"at_least", "42", "x", "schema_differs", "schema version is \"x\", at least 42 is expected"},
        {"at_least", "1", "1..2", "schema_differs", "schema version is \"1..2\", at least 1 is expected"},
    };
    nip__arena *arena = nip__arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip__buffer why = NIP__BUFFER(1000);
        nip__value *schema = nip__map(arena);
        nip__put_text(arena, schema, cases[i].key, cases[i].wanted);
        const char *reason = nip__version_reason(schema, cases[i].found, &why);
        if (cases[i].reason == NULL ? reason != NULL : reason == NULL || strcmp(reason, cases[i].reason) != 0)
            fail_msg("%s %s, found %s: %s", cases[i].key, cases[i].wanted, cases[i].found, reason);
        assert_string_equal(nip__buffer_string(&why), cases[i].why);
        nip__buffer_clear(&why);
    }
    nip__arena_free(arena);
}

static void advice_names_the_place_of_the_secret(void **state)
{
    (void)state;
    nip__buffer text = NIP__BUFFER(1000);
    nip__advice_write(&text, "auth_failed", NIP__DEPENDS_HTTP, "SHOP_DB");
    assert_string_equal(nip__buffer_string(&text), "set the password that the server knows, in SHOP_DB");
    nip__buffer_reset(&text);
    nip__advice_write(&text, "auth_failed", NIP__DEPENDS_HTTP, NULL);
    assert_string_equal(nip__buffer_string(&text), "set the password that the server knows");
    nip__buffer_reset(&text);
    nip__advice_write(&text, "timeout", NIP__DEPENDS_SQLITE, NULL);
    assert_string_equal(nip__buffer_string(&text), "give schema.query an index, or ask less");
    nip__buffer_clear(&text);
}

static void replies_of_redis(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        int whole;
        char kind;
        const char *text; /* NULL: nil */
        size_t left;
    } cases[] = {
        {"+PONG\r\n", 1, '+', "PONG", 0},
        {"-ERR no\r\n+OK\r\n", 1, '-', "ERR no", 5},
        {":-12\r\n", 1, ':', "-12", 0},
        {"$5\r\na\r\nb\n\r\nx", 1, '$', "a\r\nb\n", 1},
        {"$0\r\n\r\n", 1, '$', "", 0},
        {"$-1\r\n", 1, '$', NULL, 0},
        {"*-1\r\n", 1, '*', NULL, 0},
        {"*0\r\n", 1, '*', "", 0},
        {"*2\r\n*1\r\n$1\r\na\r\n%1\r\n+k\r\n:1\r\n+next\r\n", 1, '*', "", 7},
        {"", 0, 0, NULL, 0},
        {"+PON", 0, 0, NULL, 0},
        {"$5\r\nab", 0, 0, NULL, 0},
        {"$5\r\nabcde\r", 0, 0, NULL, 0},
        {"*2\r\n+a\r\n", 0, 0, NULL, 0},
        {"*536870912\r\n+a\r\n", 0, 0, NULL, 0},
        {"HTTP/1.1 400 Bad Request\r\n", -1, 0, NULL, 0},
        {"+PONG\n", -1, 0, NULL, 0},
        {"\n", -1, 0, NULL, 0},
        {"$5\r\nabcdefg", -1, 0, NULL, 0},
        {"$-2\r\n", -1, 0, NULL, 0},
        {"$99999999999\r\n", -1, 0, NULL, 0},
        {"$536870913\r\n", -1, 0, NULL, 0},
        {"$\r\n", -1, 0, NULL, 0},
        {"$+1\r\n", -1, 0, NULL, 0},
        {":\r\n", -1, 0, NULL, 0},
        {":1a\r\n", -1, 0, NULL, 0},
        {"*1\r\nx\r\n", -1, 0, NULL, 0},
        {"*536870912\r\n*536870912\r\n*536870912\r\n", -1, 0, NULL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip__redis_reply reply = {0};
        size_t length = strlen(cases[i].bytes);
        char *exact = malloc(length + 1); /* what lies behind it is not ours: valgrind and the sanitizer look */
        memcpy(exact, cases[i].bytes, length);
        const char *at = exact, *end = exact + length;
        int whole = nip__redis_reply_read(&at, end, &reply);
        if (whole != cases[i].whole || (whole == 1 ? (size_t)(end - at) != cases[i].left : at != exact))
            fail_msg("%s: %d, %zu left", cases[i].bytes, whole, (size_t)(end - at));
        if (whole == 1 && cases[i].text != NULL && (reply.length != strlen(cases[i].text) || memcmp(reply.text, cases[i].text, reply.length) != 0))
            fail_msg("%s: %.*s", cases[i].bytes, (int)reply.length, reply.text);
        assert_true(whole != 1 || (reply.kind == cases[i].kind && reply.nil == (cases[i].text == NULL)));
        free(exact);
    }
}

/* A million containers, each in the one before. */
static void deep_replies_cost_no_stack(void **state)
{
    (void)state;
    enum { DEPTH = 1000000 };
    char *bytes = malloc(4 * DEPTH + 4);
    for (size_t i = 0; i < DEPTH; i++)
        memcpy(bytes + 4 * i, "*1\r\n", 4);
    memcpy(bytes + (size_t)4 * DEPTH, ":1\r\n", 4);
    const char *at = bytes;
    nip__redis_reply reply;
    assert_int_equal(nip__redis_reply_read(&at, bytes + 4 * DEPTH, &reply), 0);
    assert_int_equal(nip__redis_reply_read(&at, bytes + 4 * DEPTH + 4, &reply), 1);
    assert_ptr_equal(at, bytes + 4 * DEPTH + 4);
    free(bytes);
}

/* ---- documents ---- */

static void what_documents_may_not_say(void **state)
{
    (void)state;
    static const struct {
        const char *args, *problem;
    } cases[] = {
        {"{dependencies: [{url: 'http://u:s3cret@h/'}]}", "holds a password, which does not stand in a document"},
        {"{dependencies: [{url: 'mysql://h/'}]}", "must begin with one of"},
        {"{dependencies: [{url: {envv: A}}]}", "must be text, {env: NAME} or {file: PATH}"},
        {"{dependencies: [{url: 'tcp://h:1', schema: {expect: 1}}]}", "schema cannot be asked of tcp://"},
        {"{dependencies: [{url: 'sqlite:a', schema: {}}]}", "exactly one of expect and at_least"},
        {"{dependencies: [{url: 'sqlite:a', schema: {expect: 1, at_least: 1}}]}", "exactly one of expect and at_least"},
        {"{dependencies: [{url: 'sqlite:a', schema: {at_least: x}}]}", "must be a number such as 42"},
        {"{dependencies: [{url: 'sqlite:a', schema: {expect: 1, table: 'a\"; drop'}}]}", "schema.table must be TABLE"},
        {"{dependencies: [{url: 'sqlite:a', schema: {expect: 1, table: t, column: 'a b'}}]}", "schema.column must be of"},
        {"{dependencies: [{url: 'sqlite:a', schema: {expect: 1, table: t, query: q}}]}", "one of table and query"},
        {"{dependencies: [{url: 'sqlite:a', schema: {expect: 1, column: t}}]}", "schema.column needs table"},
        {"{dependencies: [{url: 'sqlite:a', password: {env: A}}]}", "password fits http(s)://, postgres:// and redis(s):// only"},
        {"{dependencies: [{url: 'sqlite:a', schema: {expect: 1, pointer: /a}}]}", "schema.pointer fits http(s):// only"},
        {"{dependencies: [{url: 'http://h', schema: {expect: 1}}]}", "needs pointer"},
        {"{dependencies: [{url: 'http://h', schema: {expect: 1, pointer: a}}]}", "must be a JSON pointer"},
        {"{dependencies: [{url: 'redis://:s3cret@h'}]}", "holds a password"},
        {"{dependencies: [{url: 'redis://h', schema: {expect: 1}}]}", "needs key"},
        {"{dependencies: [{url: 'redis://h', status: 200}]}", "status fits http(s):// only"},
        {"{dependencies: [{url: 'http://h', writable: true}]}", "writable fits postgres:// and redis(s):// only"},
        {"{dependencies: [{url: 'http://h', password: s3cret}]}", "{env: NAME}"},
        {"{dependencies: [{url: 'http://h', headers: {a: 1}}]}", "headers must be text"},
        {"{dependencies: [{url: 'http://h', timeout: 51s}]}", "timeout"},
        {"{dependencies: [{}]}", "is missing"},
    };
    test_errand errand;
    errand_open(&errand, "check", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip_error *err = NULL;
        assert_int_equal(errand_begin(&errand, "check", "dependencies", cases[i].args, &err), NIP_E_INVALID);
        if (strstr(nip_error_message(err), cases[i].problem) == NULL || strstr(nip_error_message(err), "s3cret") != NULL)
            fail_msg("%s: %s", cases[i].args, nip_error_message(err));
        nip_error_free(err);
    }
    errand_close(&errand);
}

/* ---- asking ---- */

typedef struct scene {
    test_errand errand;
    test_server server;
    char folder[64];
    int unused;
} scene;

/* What a Redis says to what is sent for its database number i: SELECT, PING and more. */
static const struct redis_case {
    const char *keys, *replies, *reason, *line; /* reason NULL: all is well; line: the problem's end */
} redis_cases[] = {
    {"", "+OK\r\n+PONG\r\n+OK\r\n", NULL, NULL},
    {"", "+OK\r\n+PONG\r\n", NULL, NULL},
    {"writable: true", "+OK\r\n+PONG\r\n$25\r\n# Replication\nrole:master\r\n", NULL, NULL},
    {"writable: true", "+OK\r\n+PONG\r\n$29\r\nrole:slave\r\nslave_read_only:1\r\n", "read_only",
     ": it is a replica that only reads: give the address of the server that takes writes"},
    {"writable: true", "+OK\r\n+PONG\r\n$29\r\nrole:slave\r\nslave_read_only:0\r\n", NULL, NULL},
    {"schema: {key: v, expect: 41}", "+OK\r\n+PONG\r\n$2\r\n41\r\n", NULL, NULL},
    {"schema: {key: v, expect: 42}", "+OK\r\n+PONG\r\n$2\r\n41\r\n", "schema_behind",
     ": schema version is 41, 42 is expected: run the migration first"},
    {"schema: {key: v, expect: 42}", "+OK\r\n+PONG\r\n$-1\r\n", "no_version", ": it has no key v: run the first migration, or correct schema.key"},
    {"schema: {key: v, expect: 42}", "+OK\r\n+PONG\r\n-WRONGTYPE Operation\r\n", "no_version", NULL},
    {"", "-NOAUTH Authentication required.\r\n-NOAUTH Authentication required.\r\n+OK\r\n", "auth_required",
     ": it wants a password: give user and password in its address, or the password by `password`"},
    {"password: {env: NIPOPS_TEST_PASSWORD}", "-WRONGPASS invalid\r\n", "auth_failed",
     ": user or password refused: set the password that the server knows, in NIPOPS_TEST_PASSWORD"},
    {"password: {env: NIPOPS_TEST_PASSWORD}", "-ERR unknown command 'AUTH', with args beginning with: 's3cret'\r\n", "protocol",
     ": it answers with an error: ERR unknown command 'AUTH': correct the address: something else answers there"},
    {"password: {env: NIPOPS_TEST_PASSWORD}", "-ERR unknown command 'AUTH', with args beginning with: 's3cre' \r\n", "protocol",
     ": it answers with an error: ERR unknown command 'AUTH': correct the address: something else answers there"}, /* it cuts them */
    {"password: {env: NIPOPS_TEST_PASSWORD}", "-ERR 's3cret' is wrong\r\n", "protocol", ": it answers with an error: ERR '***' is wrong: correct the address: something else answers there"},
    {"password: {env: NIPOPS_TEST_PASSWORD}", "+OK\r\n+OK\r\n+PONG\r\n", NULL, NULL},
    {"", "+OK\r\n-LOADING Redis is loading\r\n", "starting", ": it is still loading its data: wait until it is up"},
    {"", "-ERR DB index is out of range\r\n", "no_database", NULL},
    {"", "-ERR max number of clients reached\r\n", "too_many", NULL},
    {"", "-DENIED Redis is running in protected mode\r\n", "not_allowed", NULL},
    {"", "+OK\r\n-NOPERM this user\r\n", "not_allowed", NULL},
    {"", "+OK\r\n-BUSY Redis is busy\r\n", "busy", ": it is busy with a script: let it finish, then try again"},
    {"", "+OK\r\n+PONGO\r\n", "protocol", NULL},
    {"", "+OK\r\n$4\r\nPONG\r\n", "protocol", NULL},
    {"", "HTTP/1.1 400 Bad Request\r\n\r\n", "protocol", ": it does not answer as a Redis does: correct the address: something else answers there"},
    {"", "+OK\r\n+PO", "reset", NULL},
    {"", "", "reset", NULL},
};

static void answer_as_redis(int fd, const char *request)
{
    const char *select = strstr(request, "SELECT\r\n$");
    size_t number = select != NULL ? strtoul(strchr(select + 8, '\n') + 1, NULL, 10) : 0;
    if (number == 900)
        server_hang(fd);
    for (int i = 0; i < 2000 && number == 901; i++) /* as many as would fit a gigabyte: too large is found long before */
        server_text(fd, "*1000\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n:9\r\n:10\r\n:11\r\n:12\r\n:13\r\n:14\r\n:15\r\n"
                        ":16\r\n:17\r\n:18\r\n:19\r\n:20\r\n:21\r\n:22\r\n:23\r\n:24\r\n:25\r\n:26\r\n:27\r\n:28\r\n:29\r\n:30\r\n");
    if (number < sizeof redis_cases / sizeof redis_cases[0])
        server_text(fd, redis_cases[number].replies);
}

static void answer(test_server *server, int fd, const char *request)
{
    (void)server;
    if (request[0] == '*') {
        answer_as_redis(fd, request);
        return;
    }
    if (strncmp(request, "GET /ok ", 8) == 0)
        server_reply(fd, 302, "", "");
    else if (strncmp(request, "GET /schema", 11) == 0)
        server_reply(fd, 200, "", "{\"schema\":41,\"text\":\"s3cret\",\"list\":[]}");
    else if (strncmp(request, "GET /login ", 11) == 0)
        server_reply(fd, strstr(request, "Authorization: Basic dTpzM2NyZXQ=") != NULL ? 204 : 401, "", "");
    else if (strncmp(request, "GET /forbidden ", 15) == 0)
        server_reply(fd, 403, "", "");
    else if (strncmp(request, "GET /silent ", 12) == 0)
        server_hang(fd);
    else if (strncmp(request, "GET /odd ", 9) == 0)
        server_text(fd, "SSH-2.0-OpenSSH\r\n");
    else if (strncmp(request, "GET /reset ", 11) == 0)
        server_reset(fd);
    else
        server_reply(fd, 500, "", "s3cret");
}

static void make_database(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static int open_scene(void **state)
{
    scene *made = calloc(1, sizeof *made);
    char path[100];
    snprintf(made->folder, sizeof made->folder, "/tmp/nipops-dependencies-XXXXXX");
    assert_non_null(mkdtemp(made->folder));
    snprintf(path, sizeof path, "%s/shop.db", made->folder);
    make_database(path, "CREATE TABLE migrations (version); INSERT INTO migrations VALUES (40), (41); CREATE TABLE empty (version);"
                        "CREATE TABLE words (version TEXT); INSERT INTO words VALUES ('1.9'), ('1.10'), ('1.2.3'), ('base'), (NULL);"
                        "PRAGMA user_version = 41");
    snprintf(path, sizeof path, "%s/a%%20?b#.db", made->folder);
    make_database(path, "PRAGMA journal_mode = WAL; PRAGMA user_version = 41");
    snprintf(path, sizeof path, "%s/odd.db", made->folder);
    FILE *odd = fopen(path, "w");
    fputs("this is surely no database, and it is long enough for a header of one hundred bytes, which is what is looked at first of all", odd);
    fclose(odd);
    snprintf(path, sizeof path, "%s/pipe", made->folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    server_start(&made->server, answer, NULL);
    made->unused = server_unused_port();
    errand_open(&made->errand, "check", NULL);
    setenv("NIPOPS_TEST_PASSWORD", "s3cret", 1);
    setenv("NIPOPS_TEST_SHORT", "41", 1);
    unsetenv("NIPOPS_TEST_UNSET");
    snprintf(path, sizeof path, "http://127.0.0.1:%d/hooks/s3cret", made->unused);
    setenv("NIPOPS_TEST_URL", path, 1);
    *state = made;
    return 0;
}

static int close_scene(void **state)
{
    scene *made = *state;
    static const char *const files[] = {"shop.db", "a%20?b#.db", "odd.db", "pipe"};
    char path[100];
    errand_close(&made->errand);
    server_stop(&made->server);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", made->folder, files[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(made->folder), 0); /* nothing was made beside them */
    free(made);
    return 0;
}

/* `%F` stands for the folder, `%P` for the server's port, `%U` for one where nobody listens. */
static void put_filled(const scene *on, nip__buffer *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (c[0] == '%' && c[1] == 'F')
            nip__buffer_text(out, on->folder);
        else if (c[0] == '%' && c[1] == 'P')
            nip__buffer_int(out, on->server.port);
        else if (c[0] == '%' && c[1] == 'U')
            nip__buffer_int(out, on->unused);
        else {
            nip__buffer_char(out, *c);
            continue;
        }
        c++;
    }
}

static const nip__value *ask(scene *on, const char *dependency)
{
    nip__buffer args = NIP__BUFFER(10000);
    nip__buffer_text(&args, "{dependencies: [");
    put_filled(on, &args, dependency);
    nip__buffer_text(&args, "]}");
    const nip__value *outcome = errand_run(&on->errand, "check", "dependencies", nip__buffer_string(&args));
    nip__buffer_clear(&args);
    if (strcmp(nip__get_text(outcome, "outcome"), "done") != 0)
        fail_msg("%s: %s", dependency, on->errand.outcome_text);
    return nip__get(outcome, "result");
}

static const char *text_at(const nip__value *value, const char *pointer)
{
    const nip__value *found = nip__pointer(value, pointer);
    return nip__is(found, NIP__STRING) ? found->as.string.text : "";
}

static void each_reason_with_its_line(void **state)
{
    static const struct {
        const char *dependency, *reason, *line; /* reason NULL: all is well; line: the problem's end */
    } cases[] = {
        {"{url: 'tcp://127.0.0.1:%P'}", NULL, NULL},
        {"{url: 'tcp://127.0.0.1:%U'}", "connection_refused", ": connection refused: start the server, or correct the host and the port"},
        {"{url: 'tcp://no-such-host.invalid:1', name: queue}", "resolve_failed",
         "queue (tcp://no-such-host.invalid:1): the host's name cannot be resolved: correct the host's name, or let this machine resolve it"},
        {"{url: 'http://127.0.0.1:%P/ok'}", NULL, NULL},
        {"{url: 'http://127.0.0.1:%P/ok', status: 200}", "unhealthy", "/ok: status 302: mend the service, or say in `status` which answers are good"},
        {"{url: 'http://127.0.0.1:%P/none?token=hidden'}", "unhealthy", "/none: status 500: mend the service, or say in `status` which answers are good"},
        {"{url: 'http://127.0.0.1:%P/none', status: [500, 503]}", NULL, NULL},
        {"{url: 'http://127.0.0.1:%P/login'}", "auth_required",
         "/login: status 401: it wants to know who asks: give user and password in its address, or the password by `password`"},
        {"{url: 'http://u@127.0.0.1:%P/login', password: {env: NIPOPS_TEST_PASSWORD}}", NULL, NULL},
        {"{url: 'http://w@127.0.0.1:%P/login', password: {env: NIPOPS_TEST_PASSWORD}}", "auth_failed",
         "/login: status 401: what it was sent does not let us in: set the password that the server knows, in NIPOPS_TEST_PASSWORD"},
        {"{url: 'http://127.0.0.1:%P/forbidden'}", "not_allowed", "/forbidden: status 403: not allowed: grant it to this user"},
        {"{url: 'http://127.0.0.1:%P/silent', timeout: 50ms}", "timeout", NULL},
        {"{url: 'http://127.0.0.1:%P/odd'}", "protocol", ": correct the address: something else answers there"},
        {"{url: 'http://127.0.0.1:%P/reset'}", "reset", "/reset: the connection was closed before an answer came: look into the server's log"},
        {"{url: 'https://127.0.0.1:%P/ok?token=hidden', timeout: 50ms}", "timeout", NULL}, /* it says nothing to a greeting of TLS */
        {"{url: 'http://127.0.0.1:%P/schema', schema: {expect: 41, pointer: /schema}}", NULL, NULL},
        {"{url: 'http://127.0.0.1:%P/schema', schema: {at_least: 42, pointer: /schema}}", "schema_behind",
         "/schema: schema version is 41, at least 42 is expected: run the migration first"},
        {"{url: 'http://127.0.0.1:%P/schema', schema: {expect: 42, pointer: /none}}", "no_version", NULL},
        {"{url: 'http://127.0.0.1:%P/schema', schema: {expect: 42, pointer: /list}}", "no_version", NULL},
        {"{url: 'http://127.0.0.1:%P/none', status: 500, schema: {expect: 42, pointer: /list}}", "no_version", NULL},
        {"{url: 'http://127.0.0.1:%P/schema', password: {env: NIPOPS_TEST_PASSWORD}, schema: {expect: x, pointer: /text}}", "schema_differs",
         "schema version is \"***\", x is expected: run the migration first, or correct what is expected"},
        {"{url: 'http://127.0.0.1:%P/schema', password: {env: NIPOPS_TEST_SHORT}, schema: {expect: 41, pointer: /schema}}", NULL, NULL},
        {"{url: 'http://127.0.0.1:%P/schema', password: {env: NIPOPS_TEST_SHORT}, schema: {at_least: 5, pointer: /schema}}", NULL, NULL},
        {"{url: {env: NIPOPS_TEST_URL}}", "connection_refused", /* a path may be what lets one in */
         "http://127.0.0.1:%U: connection refused: start the server, or correct the host and the port"},
        {"{url: 'http://127.0.0.1:%P/login', headers: {Authorization: {env: NIPOPS_TEST_PASSWORD}}}", "auth_failed",
         ": set the password that the server knows, in NIPOPS_TEST_PASSWORD"},
        {"{url: {env: NIPOPS_TEST_UNSET}}", "no_secret",
         "the address in NIPOPS_TEST_UNSET: the address: the environment variable NIPOPS_TEST_UNSET is not set: set it for whoever runs the rollout"},
        {"{url: {env: NIPOPS_TEST_PASSWORD}, name: db}", "bad_address", "in NIPOPS_TEST_PASSWORD"},
        {"{url: 'sqlite:%F/shop.db'}", NULL, NULL},
        {"{url: 'sqlite:%F/shop.db', schema: {expect: 41}}", NULL, NULL},
        {"{url: 'sqlite:%F/shop.db', schema: {expect: 42}}", "schema_behind", "shop.db: schema version is 41, 42 is expected: run the migration first"},
        {"{url: 'sqlite:%F/shop.db', schema: {expect: 40}}", "schema_ahead", NULL},
        {"{url: 'sqlite:%F/shop.db', schema: {expect: 41, table: migrations}}", NULL, NULL},
        {"{url: 'sqlite:%F/shop.db', schema: {expect: 41, table: main.migrations, column: version}}", NULL, NULL},
        {"{url: 'sqlite:%F/shop.db', schema: {expect: 41, table: migrations, column: none}}", "query_failed", NULL},
        {"{url: 'sqlite:%F/shop.db', schema: {expect: 41, table: none}}", "query_failed",
         "no such table: none: correct the schema's table, column or query, or run the first migration"},
        {"{url: 'sqlite:%F/shop.db', schema: {expect: 41, table: empty}}", "no_version", NULL},
        {"{url: 'sqlite:%F/shop.db', schema: {expect: '1.10', table: words}}", NULL, NULL},
        {"{url: 'sqlite:%F/shop.db', schema: {expect: '1.9', table: words}}", "schema_ahead",
         "schema version is 1.10, 1.9 is expected: roll out a version that fits the newer schema, or correct what is expected"},
        {"{url: 'sqlite:%F/shop.db', schema: {expect: 40, query: 'SELECT min(version) FROM migrations;'}}", NULL, NULL},
        {"{url: 'sqlite:%F/shop.db', schema: {expect: 1, query: 'SELECT version FROM empty'}}", "no_version", NULL},
        {"{url: 'sqlite:%F/shop.db', schema: {expect: 1, query: 'DELETE FROM migrations'}}", "query_failed", NULL},
        {"{url: 'sqlite:%F/shop.db', schema: {expect: 1, query: 'SELECT 1; DELETE FROM migrations'}}", "query_failed", NULL},
        {"{url: 'sqlite:%F/shop.db', schema: {expect: 1, query: \"ATTACH '%F/made.db' AS made\"}}", "query_failed", NULL},
        {"{url: 'sqlite:%F/shop.db', schema: {expect: 1, query: ' '}}", "query_failed", NULL},
        {"{url: 'sqlite:%F/shop.db', timeout: 50ms, schema: {expect: 1, query: 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) "
         "SELECT max(i) FROM n'}}",
         "timeout", NULL},
        {"{url: 'sqlite:%F/a%20?b#.db', schema: {expect: 41}}", NULL, NULL}, /* and nothing is left beside it */
        {"{url: 'sqlite:%F/none.db'}", "no_file", "none.db: No such file or directory: create the database, or correct the path"},
        {"{url: 'sqlite:%F/odd.db'}", "not_a_database", NULL},
        {"{url: 'sqlite:%F/pipe'}", "not_a_database", "pipe: it is not a file: correct the path: the file is none of this kind"},
        {"{url: 'sqlite:%F'}", "not_a_database", NULL},
    };
    scene *on = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const nip__value *result = ask(on, cases[i].dependency), *only = nip__at(nip__get(result, "dependencies"), 0);
        const char *reason = nip__get_text(only, "reason"), *advice = nip__get_text(only, "advice");
        const nip__value *problem = nip__at(nip__get(result, "problems"), 0);
        const char *line = problem != NULL ? problem->as.string.text : "";
        bool well = cases[i].reason == NULL;
        if (nip__get_bool(result, "ok", !well) != well || nip__get_bool(only, "ok", !well) != well ||
            (well ? reason != NULL : reason == NULL || strcmp(reason, cases[i].reason) != 0))
            fail_msg("%s: %s", cases[i].dependency, on->errand.outcome_text);
        if (!well && (advice == NULL || strstr(line, advice) == NULL || !nip__advice_knows(reason)))
            fail_msg("%s gives no advice: %s", cases[i].dependency, on->errand.outcome_text);
        nip__buffer expected = NIP__BUFFER(2000);
        put_filled(on, &expected, cases[i].line != NULL ? cases[i].line : "");
        size_t length = strlen(line), wanted = expected.length;
        if (length < wanted || strcmp(line + length - wanted, nip__buffer_string(&expected)) != 0)
            fail_msg("%s: the line is\n%s", cases[i].dependency, line);
        nip__buffer_clear(&expected);
        if (strstr(on->errand.outcome_text, "s3cret") != NULL || strstr(on->errand.outcome_text, "hidden") != NULL)
            fail_msg("%s tells a secret: %s", cases[i].dependency, on->errand.outcome_text);
    }
}

static void each_answer_of_redis(void **state)
{
    scene *on = *state;
    for (size_t i = 0; i < sizeof redis_cases / sizeof redis_cases[0]; i++) {
        char dependency[300];
        const struct redis_case *asked = &redis_cases[i];
        snprintf(dependency, sizeof dependency, "{url: 'redis://127.0.0.1:%%P/%zu', timeout: 20s, %s}", i, asked->keys);
        const nip__value *result = ask(on, dependency), *only = nip__at(nip__get(result, "dependencies"), 0);
        const nip__value *problem = nip__at(nip__get(result, "problems"), 0);
        const char *reason = nip__get_text(only, "reason"), *line = problem != NULL ? problem->as.string.text : "";
        if (asked->reason == NULL ? reason != NULL : reason == NULL || strcmp(reason, asked->reason) != 0 || !nip__advice_knows(reason))
            fail_msg("%s: %s", dependency, on->errand.outcome_text);
        size_t length = strlen(line), wanted = asked->line != NULL ? strlen(asked->line) : 0;
        if (length < wanted || strcmp(line + length - wanted, wanted > 0 ? asked->line : "") != 0)
            fail_msg("%s: the line is\n%s", dependency, line);
        assert_null(strstr(on->errand.outcome_text, "s3cre"));
    }
    const nip__value *result = ask(on, "{url: 'redis://127.0.0.1:%P/900', timeout: 50ms}, {url: 'redis://127.0.0.1:%U'}");
    assert_string_equal(text_at(result, "/dependencies/0/reason"), "timeout");
    assert_string_equal(text_at(result, "/dependencies/1/reason"), "connection_refused");
    result = ask(on, "{url: 'redis://127.0.0.1:%P/901', timeout: 20s}");
    assert_string_equal(text_at(result, "/dependencies/0/reason"), "too_large");
}

/* What is sent: nothing of a password is taken for another command. */
static void redis_is_sent_whole_words(void **state)
{
    scene *on = *state;
    setenv("NIPOPS_TEST_ODD", "a b%20?#/\"'{}\\\xc3\xa9", 1);
    ask(on, "{url: 'redis://shop@127.0.0.1:%P/0', password: {env: NIPOPS_TEST_ODD}, schema: {key: \"a\\r\\nb\", expect: 1}}");
    assert_string_equal(on->server.last_request, "*3\r\n$4\r\nAUTH\r\n$4\r\nshop\r\n$16\r\na b%20?#/\"'{}\\\xc3\xa9\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
                                                 "*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\nQUIT\r\n\r\n");
    ask(on, "{url: 'redis://shop@127.0.0.1:%P'}"); /* not as anybody else */
    const char whole[] = "*3\r\n$4\r\nAUTH\r\n$4\r\nshop\r\n$0\r\n\r\n*1\r\n$4\r\nPING\r\nQUIT\r\n"; /* what libcurl adds may come later */
    assert_memory_equal(on->server.last_request, whole, sizeof whole - 1);
}

static void all_are_told_in_their_order(void **state)
{
    scene *on = *state;
    const nip__value *result = ask(on, "{url: 'http://127.0.0.1:%P/silent', timeout: 50ms}, {url: 'tcp://127.0.0.1:%U'}, {url: 'sqlite:%F/shop.db', "
                                       "schema: {at_least: 1}}");
    assert_int_equal(nip__get_int(result, "total", 0), 3);
    assert_false(nip__get_bool(result, "ok", true));
    assert_int_equal(nip__count(nip__get(result, "problems")), 2);
    const nip__value *dependencies = nip__get(result, "dependencies");
    assert_string_equal(nip__get_text(nip__at(dependencies, 0), "reason"), "timeout");
    assert_string_equal(nip__get_text(nip__at(dependencies, 1), "reason"), "connection_refused");
    assert_string_equal(nip__get_text(nip__at(dependencies, 2), "version"), "41");
    assert_null(nip__get(nip__at(dependencies, 2), "reason"));
    assert_null(nip__get(result, "detail"));
    result = ask(on, "{url: 'tcp://127.0.0.1:%U'}, {url: 'tcp://127.0.0.1:%U'}, {url: 'tcp://127.0.0.1:%U'}, {url: 'tcp://127.0.0.1:%U'}, "
                     "{url: 'tcp://127.0.0.1:%U'}");
    assert_string_equal(nip__get_text(result, "detail"), "2 more cannot be used: the journal tells which");
    result = ask(on, "");
    assert_true(nip__get_bool(result, "ok", false));
}

static void cancelling_stops_everything(void **state)
{
    scene *on = *state;
    char args[200];
    snprintf(args, sizeof args, "{dependencies: [{url: 'http://127.0.0.1:%d/silent'}, {url: 'tcp://127.0.0.1:%d'}]}", on->server.port, on->unused);
    int posted = on->errand.posted;
    assert_int_equal(errand_begin(&on->errand, "check", "dependencies", args, NULL), 0);
    on->errand.driver->vtable.cancel(on->errand.driver->self, &on->errand.action);
    nip__loop_wait(on->errand.loop, NIP_TIME_NONE, NULL);
    assert_int_equal(errand_begin(&on->errand, "check", "dependencies", args, NULL), 0);
    nip__loop_wait(on->errand.loop, NIP_TIME_NONE, NULL);
    on->errand.driver->vtable.cancel(on->errand.driver->self, &on->errand.action); /* with a request under way */
    nip__loop_wait(on->errand.loop, NIP_TIME_NONE, NULL);
    assert_int_equal(on->errand.posted, posted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(versions),
        cmocka_unit_test(advice_names_the_place_of_the_secret),
        cmocka_unit_test(replies_of_redis),
        cmocka_unit_test(deep_replies_cost_no_stack),
        cmocka_unit_test(what_documents_may_not_say),
        cmocka_unit_test_setup_teardown(each_reason_with_its_line, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(each_answer_of_redis, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(redis_is_sent_whole_words, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(all_are_told_in_their_order, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(cancelling_stops_everything, open_scene, close_scene),
    };
    return cmocka_run_group_tests_name("dependencies", tests, NULL, NULL);
}
