/* The file that nginx includes: its text, what is read back from it, and that nothing gets in that was not meant. */
#include "unit.h"
#include <string.h>
#include "base/buffer.h"
#include "doc/json.h"
#include "driver/nginx.h"

static nip__arena *arena;
static const nip__nginx_settings by_weights = {.file = "/etc/nginx/nipops-shop.conf",
                                               .upstream = "shop",
                                               .status = "127.0.0.1:9091",
                                               .by = NIP__NGINX_WEIGHTS,
                                               .key = "$request_id",
                                               .max_fails = 1,
                                               .fail_timeout = 10 * NIP_SECOND};
static const nip__nginx_settings by_key = {.file = "/etc/nginx/nipops-shop.conf",
                                           .upstream = "shop",
                                           .status = "127.0.0.1:9091",
                                           .by = NIP__NGINX_SPLIT,
                                           .key = "$cookie_id",
                                           .max_fails = 0,
                                           .fail_timeout = 10 * NIP_SECOND};

static int set_up(void **state)
{
    (void)state;
    arena = nip__arena_new();
    return arena == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    nip__arena_free(arena);
    return 0;
}

static const nip__value *json(const char *text)
{
    nip__value *value = NULL;
    assert_int_equal(nip__json_read(arena, text, strlen(text), "test", &nip__document_limits, &value, NULL), 0);
    return value;
}

/* {"groups", "drain", "mirror"} */
static bool read(const nip__nginx_settings *settings, const char *text, nip__nginx_state *state, nip__trouble *trouble)
{
    const nip__value *all = json(text);
    return nip__nginx_state_read(arena, settings->by, nip__get(all, "groups"), nip__get(all, "drain"),
                                 nip__get(all, "mirror"), state, trouble);
}

static const char *render_after(const nip__nginx_settings *settings, const char *text, int64_t generation,
                                const char *before)
{
    nip__nginx_state state;
    nip__trouble trouble = {0};
    char token[NIP__NGINX_TOKEN_MAX];
    nip__buffer written = NIP__BUFFER(NIP__NGINX_FILE_MAX);
    if (!read(settings, text, &state, &trouble))
        fail_msg("%s", trouble.message);
    nip__nginx_render(&written, settings, &state, generation, before, token);
    const char *copy = nip__arena_text(arena, nip__buffer_string(&written));
    nip__buffer_clear(&written);
    return copy;
}

static const char *render(const nip__nginx_settings *settings, const char *text, int64_t generation)
{
    return render_after(settings, text, generation, "");
}

static void parse(const nip__nginx_settings *settings, const char *text, nip__nginx_file *file)
{
    nip__nginx_parse(arena, settings, text, strlen(text), file);
}

#define OLD  "\"1.3\":{\"share\":75,\"endpoints\":[\"127.0.0.1:9100\",\"127.0.0.1:9101\",\"127.0.0.1:9102\"]}"
#define NEW  "\"1.4\":{\"share\":25,\"endpoints\":[\"127.0.0.1:9103\"]}"
#define BOTH "\"groups\":{" OLD "," NEW "}"

/* ---- the text ---- */

static void writes_what_nginx_is_to_do(void **state)
{
    (void)state;
    static const struct {
        const nip__nginx_settings *settings;
        const char *state, *part;
    } cases[] = {
        {&by_weights, "{" BOTH "}",
         "upstream shop {\n    zone shop 68k;\n    server 127.0.0.1:9100 weight=1 max_fails=1 fail_timeout=10s;\n"},
        {&by_weights, "{" BOTH ",\"drain\":[\"127.0.0.1:9104\"]}", "    server 127.0.0.1:9104 down;\n}\n"},
        {&by_weights, "{\"groups\":{" OLD ",\"1.4\":{\"share\":0,\"endpoints\":[\"[::1]:9103\"]}}}",
         "    server [::1]:9103 down;\n"},
        {&by_weights, "{\"groups\":{}}", "upstream shop {\n    zone shop 64k;\n    server 127.0.0.1:1 down;\n}\n"},
        {&by_weights, "{}", "map \"\" $shop_mirror {\n    default \"\";\n}\n"},
        {&by_weights, "{}",
         "    listen 127.0.0.1:9091;\n    server_name shop.nipops;\n    access_log off;\n    location = /nipops {\n"
         "        default_type text/plain;\n        return 200 \"nipops shop generation 7 state "},
        {&by_key, "{" BOTH "}", "split_clients \"$cookie_id\" $shop {\n    75.00% shop_0;\n    * shop_1;\n}\n"},
        {&by_key, "{" BOTH "}",
         "upstream shop_1 {\n    zone shop_1 68k;\n    server 127.0.0.1:9103 weight=1 max_fails=0"},
        {&by_key, "{\"groups\":{" OLD ",\"1.4\":{\"share\":0,\"endpoints\":[\"127.0.0.1:9103\"]}}}",
         "split_clients \"$cookie_id\" $shop {\n    * shop_0;\n}\n"},
        {&by_key,
         "{\"groups\":{\"a\":{\"share\":99.999,\"endpoints\":[\"127.0.0.1:1\"]},\"b\":{\"share\":0.001,\"endpoints\":["
         "\"127.0.0.1:2\"]}}}",
         "    99.99% shop_0;\n    * shop_1;\n"},
        {&by_key, "{\"groups\":{}}", "map \"\" $shop {\n    default shop_none;\n}\n"},
        {&by_weights, "{\"mirror\":{\"endpoints\":[\"127.0.0.1:9103\"],\"percent\":100}}",
         "upstream shop_mirror {\n    server 127.0.0.1:9103;\n}\nmap \"\" $shop_mirror {\n    default "
         "\"shop_mirror\";\n}\n"},
        {&by_weights, "{\"mirror\":{\"endpoints\":[\"127.0.0.1:9103\"],\"percent\":2.5}}",
         "split_clients \"mirror$request_id\" $shop_mirror {\n    2.50% shop_mirror;\n    * \"\";\n}\n"},
        {&by_weights, "{\"mirror\":{\"endpoints\":[\"127.0.0.1:9103\"],\"percent\":0}}",
         "map \"\" $shop_mirror {\n    default \"\";\n}\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *text = render(cases[i].settings, cases[i].state, 7);
        if (strstr(text, cases[i].part) == NULL)
            fail_msg("%s: not in\n%s", cases[i].part, text);
    }
}

static void reads_back_what_it_wrote(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{}", "{" BOTH "}", "{" BOTH ",\"drain\":[\"127.0.0.1:9104\"]}",
        "{" BOTH ",\"mirror\":{\"endpoints\":[\"127.0.0.1:9103\"],\"percent\":12.34,\"version\":\"1.4\"}}"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip__nginx_file file;
        nip__nginx_state wanted;
        nip__trouble trouble;
        int64_t generation = 0;
        char token[NIP__NGINX_TOKEN_MAX];
        const char *text = render(&by_weights, cases[i], 41);
        parse(&by_weights, text, &file);
        assert_int_equal(file.found, NIP__NGINX_OURS);
        assert_int_equal(file.generation, 41);
        assert_true(read(&by_weights, cases[i], &wanted, &trouble));
        assert_true(nip__nginx_same_traffic(&wanted, &file.state));
        assert_true(nip__nginx_same_mirror(&wanted, &file.state));
        assert_true(nip__equal(nip__nginx_route_result(arena, &wanted), nip__nginx_route_result(arena, &file.state)));
        const char *reply = nip__arena_printf(arena, "%s\n", file.token);
        assert_true(nip__nginx_read_token(&by_weights, reply, strlen(reply), &generation, token));
        assert_int_equal(generation, 41);
        assert_string_equal(token, file.token);
        assert_non_null(strstr(text, nip__arena_printf(arena, "return 200 \"%s\\n\";", file.token)));
    }
}

static void names_what_stood_before(void **state)
{
    (void)state;
    char mark[NIP__NGINX_MARK_MAX], other[NIP__NGINX_MARK_MAX], elsewhere[NIP__NGINX_MARK_MAX];
    nip__nginx_settings far = by_weights;
    nip__nginx_file file;
    far.file = "/etc/nginx/nipops-cart.conf";
    nip__nginx_mark(&by_weights, "a", 1, mark);
    nip__nginx_mark(&by_weights, "b", 1, other);
    nip__nginx_mark(&far, "a", 1, elsewhere);
    assert_true(strcmp(mark, other) != 0 && strcmp(mark, elsewhere) != 0);
    parse(&by_weights, render_after(&by_weights, "{" BOTH "}", 3, mark), &file);
    assert_int_equal(file.found, NIP__NGINX_OURS);
    assert_string_equal(file.before, mark);
    static const char *const none[] = {"", "0123456789abcde", "0123456789abcdef0", "../../etc/passwd", "0123456789ABCDEF"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        parse(&by_weights, render_after(&by_weights, "{" BOTH "}", 3, none[i]), &file);
        assert_int_equal(file.found, NIP__NGINX_OURS);
        assert_string_equal(file.before, "");
    }
}

static void tells_files_apart(void **state)
{
    (void)state;
    const char *ours = render(&by_weights, "{" BOTH "}", 3);
    char *edited = nip__arena_text(arena, ours);
    *strstr(edited, "weight=1") = 'W';
    char *retold = nip__arena_text(arena, ours);
    strstr(retold, "generation")[11] = '4';
    const struct {
        const char *text;
        nip__nginx_found found;
    } cases[] = {
        {"", NIP__NGINX_MISSING},
        {" \n\n", NIP__NGINX_MISSING},
        {"# nipops shop\n", NIP__NGINX_BLANK},
        {"# nipops shop\nupstream shop { server 127.0.0.1:1 down; }\n", NIP__NGINX_BLANK},
        {"# nipops shop2\n", NIP__NGINX_ALIEN},
        {"# nipops shop", NIP__NGINX_ALIEN},
        {"upstream shop { server 127.0.0.1:1; }\n", NIP__NGINX_ALIEN},
        {"# nipops shop generation x state 0000000000000000 checksum 0\n", NIP__NGINX_ALIEN},
        {"# nipops shop generation 1 state 0000000000000000\n", NIP__NGINX_EDITED},
        {"# nipops shop generation 99999999999999999999 state 0000000000000000\n", NIP__NGINX_ALIEN},
        {ours, NIP__NGINX_OURS},
        {edited, NIP__NGINX_EDITED},
        {nip__arena_printf(arena, "%s\n", ours), NIP__NGINX_EDITED},
        {nip__arena_copy(arena, ours, strlen(ours) - 1), NIP__NGINX_EDITED},
        {nip__arena_copy(arena, ours, 40), NIP__NGINX_ALIEN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip__nginx_file file;
        parse(&by_weights, cases[i].text, &file);
        if (file.found != cases[i].found)
            fail_msg("%.60s: %d, not %d", cases[i].text, (int)file.found, (int)cases[i].found);
    }
    nip__nginx_file file; /* whatever its first line says, the state behind it must be one */
    parse(&by_weights, retold, &file);
    assert_int_equal(file.generation, 4);
}

/* ---- hostile input ---- */

static void lets_nothing_in_that_was_not_meant(void **state)
{
    (void)state;
    static const char *const endpoints[] = {"127.0.0.1:80; } evil {",
                                            "127.0.0.1:80 backup",
                                            "unix:/tmp/x",
                                            "$host:80",
                                            "evil.example:80",
                                            "127.0.0.1",
                                            "127.0.0.1:0",
                                            "127.0.0.1:99999",
                                            "",
                                            "127.0.0.1:80\\n}",
                                            "[::1]:80;",
                                            "include /etc/passwd:1"};
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
        static const char *const forms[] = {"{\"groups\":{\"1\":{\"share\":100,\"endpoints\":[\"%s\"]}}}",
                                            "{\"drain\":[\"%s\"]}", "{\"mirror\":{\"endpoints\":[\"%s\"]}}"};
        for (size_t form = 0; form < 3; form++) {
            nip__nginx_state read_state;
            nip__trouble trouble = {0};
            const char *before = strstr(forms[form], "%s");
            const char *text = nip__arena_printf(arena, "%.*s%s%s", (int)(before - forms[form]), forms[form],
                                                 endpoints[i], before + 2);
            if (read(&by_weights, text, &read_state, &trouble))
                fail_msg("%s was let in", text);
            assert_string_equal(trouble.reason, "bad_arguments");
        }
    }
    /* a version is any text: it only stands in the comment, on one line */
    const char *text =
        render(&by_weights,
               "{\"groups\":{\"1\\n} evil { \\\"$x;\":{\"share\":100,\"endpoints\":[\"127.0.0.1:80\"]}}}", 1);
    assert_null(strstr(text, "\n} evil"));
    const char *line = strstr(text, "evil");
    assert_non_null(line);
    while (line > text && line[-1] != '\n')
        line--;
    assert_int_equal(strncmp(line, "# state {", 9), 0);
    assert_null(strstr(strchr(line, '\n'), "evil"));
}

static void checks_names_and_keys(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool name, key;
    } cases[] = {
        {"shop", true, false},        {"_a9", true, false},
        {"9a", false, false},         {"", false, false},
        {"a-b", false, false},        {"a b", false, false},
        {"$request_id", false, true}, {"$cookie_id$arg_x", false, true},
        {"$a\"", false, false},       {"$a;", false, false},
        {"$a {", false, false},       {"\\$a", false, false},
        {"$a\n", false, false},       {"$http_x-$a", false, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (nip__nginx_name(cases[i].text) != cases[i].name || nip__nginx_key(cases[i].text) != cases[i].key)
            fail_msg("%s", cases[i].text);
    assert_false(nip__nginx_name(NULL));
    assert_false(nip__nginx_key(NULL));
}

static void believes_only_its_own_answers(void **state)
{
    (void)state;
    static const char *const others[] = {"",
                                         "ok\n",
                                         "nipops shop generation 7 state 0123456789abcdef",
                                         "nipops shop generation 7 state 0123456789abcdef\n\n",
                                         "nipops shop generation 7 state 0123456789abcdeg\n",
                                         "nipops shop generation 7 state 012345678\n",
                                         "nipops shop generation  state 0123456789abcdef\n",
                                         "nipops shop generation -7 state 0123456789abcdef\n",
                                         "nipops cart generation 7 state 0123456789abcdef\n",
                                         "<html>nipops shop generation 7 state 0123456789abcdef\n"};
    int64_t generation = 0;
    char token[NIP__NGINX_TOKEN_MAX];
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (nip__nginx_read_token(&by_weights, others[i], strlen(others[i]), &generation, token))
            fail_msg("believed: %s", others[i]);
    static const char ours[] = "nipops shop generation 7 state 0123456789abcdef\n";
    assert_true(nip__nginx_read_token(&by_weights, ours, sizeof ours - 1, &generation, token));
    assert_int_equal(generation, 7);
}

/* ---- `nginx -T` ---- */

static void finds_its_file_in_a_dump(void **state)
{
    (void)state;
    static const struct {
        const char *dump;
        bool told, includes, mirrors;
    } cases[] = {
        {"", false, false, false},
        {"nginx: configuration file x test is successful\n", false, false, false},
        {"# configuration file /etc/nginx/nginx.conf:\nhttp {}\n", true, false, false},
        {"warn\n# configuration file /etc/nginx/nginx.conf:\nmirror /m; proxy_pass http://$shop_mirror;\n\n# "
         "configuration file /etc/nginx/nipops-shop.conf:\nmap\n",
         true, true, true},
        {"# configuration file /etc/nginx/nginx.conf:\nx\n# configuration file /etc/nginx/nipops-shop.conf:\nmap \"\" "
         "$shop_mirror {\n",
         true, true, false},
        {"# configuration file /etc/nginx/nipops-shop.conf.old:\n", true, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip__nginx_dump dump = nip__nginx_read_dump(&by_weights, cases[i].dump);
        if (dump.told != cases[i].told || dump.includes != cases[i].includes || dump.mirrors != cases[i].mirrors)
            fail_msg("case %zu: %d %d %d", i, dump.told, dump.includes, dump.mirrors);
    }
}

/* What only speaks of the mirror does not send anything there: comments, texts, conditions, other names, other places. */
static void tells_mirroring_from_talk_of_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool mirrors;
    } cases[] = {
        {"mirror /m; location = /m { proxy_pass http://$shop_mirror$request_uri; }", true},
        {"location = /m { proxy_pass http://$shop_mirror$request_uri; } location / { mirror /m; }", true},
        {"mirror \"/m\"; location = '/m' { proxy_pass \"http://${shop_mirror}\"; }", true},
        {"mirror /m;location =/m{proxy_pass http://$shop_mirror;}", true},
        {"mirror /m; # location = /m { proxy_pass http://$shop_mirror$request_uri; }", false},
        {"# mirror /m;\nlocation = /m { proxy_pass http://$shop_mirror; }", false},
        {"mirror /m; location = /m { # ; proxy_pass http://$shop_mirror;\n }", false},
        {"mirror /m; location = /m { proxy_pass http://a#b; proxy_pass http://$shop_mirror; }", true},
        {"mirror /m; location = /m { add_header a \"# '\"; proxy_pass http://$shop_mirror; }", true},
        {"mirror /m; location = /m { add_header a '\\'#'; proxy_pass http://$shop_mirror; }", true},
        {"mirror /m; location = /m { return 200 \"; proxy_pass http://$shop_mirror; \"; }", false},
        {"mirror /m; location = /m { if ($shop_mirror = \"\") { return 204; } }", false},
        {"mirror /m; log_format x '$shop_mirror';", false},
        {"mirror /m; location = /m { proxy_pass http://$shop_mirror2; }", false},
        {"mirror /m; location = /m { proxy_pass http://${shop_mirror2}; }", false},
        {"mirror /m; location = /m { proxy_pass http://$shop; }", false},
        {"location = /m { proxy_pass http://$shop_mirror; }", false},
        {"mirror off; location = /m { proxy_pass http://$shop_mirror; }", false},
        {"mirror /other; location = /m { proxy_pass http://$shop_mirror; }", false},
        {"mirror /m/x; location = /m { proxy_pass http://$shop_mirror; }", false},
        {"mirror /m/x; location /m { proxy_pass http://$shop_mirror; }", true},
        {"mirror /m/x; location ^~ /m { proxy_pass http://$shop_mirror; }", true},
        {"mirror /n; location ^~ /m { proxy_pass http://$shop_mirror; }", false},
        {"mirror /m; location ~ ^/m$ { proxy_pass http://$shop_mirror; }", true}, /* nginx knows, we do not */
        {"mirror /m; location / { location = /m { return 200; } proxy_pass http://$shop_mirror; }", true},
        {"mirror /m; location = /n { location = /m { return 200; } proxy_pass http://$shop_mirror; }", false},
        {"mirror /m; location = /m { set $to $shop_mirror; proxy_pass http://$to; }", true},
        {"mirror /m; map $shop_mirror $to { default x; }", true},
        {"mirror /m; map \"\" $shop_mirror { default x; }", false},
        {"mirror /m; grpc_pass grpc://$shop_mirror;", true}, /* a part of a location that stands elsewhere */
        {"mirror /m; location = /m { proxy_pass 'http://$shop_mirror; }", false},
        {"mirror /m; proxy_pass http://$shop_mirror", false},
        {"} } } mirror /m; proxy_pass http://$shop_mirror;", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *dump = nip__arena_printf(arena, "# configuration file /etc/nginx/nginx.conf:\n%s\n", cases[i].text);
        if (nip__nginx_read_dump(&by_weights, dump).mirrors != cases[i].mirrors)
            fail_msg("%d expected of: %s", cases[i].mirrors, cases[i].text);
    }
    /* an unclosed quote of one file is nothing to the next one */
    assert_true(nip__nginx_read_dump(&by_weights, "# configuration file /a:\nlua '\n# configuration file /b:\nmirror /m;\n"
                                                  "# configuration file /c:\nproxy_pass http://$shop_mirror;\n")
                    .mirrors);
}

static void finds_copies_of_its_file(void **state)
{
    (void)state;
    static const struct {
        const char *dump, *copy;
    } cases[] = {
        {"# configuration file /etc/nginx/nipops-shop.conf:\n# nipops shop\n", ""},
        {"# configuration file /etc/nginx/nipops-shop.conf.bak:\n# nipops shop\nupstream", "/etc/nginx/nipops-shop.conf.bak"},
        {"# configuration file /a/b:\n# nipops shop generation 7 state 0123456789abcdef checksum", "/a/b"},
        {"# configuration file /a/b:\n# nipops shop2\n", ""},
        {"# configuration file /a/b:\n# nipops shop2 generation 7 state 0123456789abcdef checksum", ""},
        {"# configuration file /a/b:\n\n# nipops shop\n", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(nip__nginx_read_dump(&by_weights, cases[i].dump).copy, cases[i].copy);
    static const struct {
        const char *said, *copy;
    } refusals[] = {
        {"duplicate upstream \"shop\" in /etc/nginx/nipops-shop.conf.bak:4", "/etc/nginx/nipops-shop.conf.bak"},
        {"duplicate upstream \"shop\" in /etc/nginx/nipops-shop.conf~:4", "/etc/nginx/nipops-shop.conf~"},
        {"duplicate upstream \"shop\" in /etc/nginx/nipops-shop.conf:4", ""},
        {"duplicate upstream \"shop\" in /etc/nginx/nginx.conf:4", ""},
        {"unknown directive \"x\" in /etc/nginx/nipops-shop.conf.bak:4", ""},
        {"duplicate upstream \"shop\" in /etc/nginx/nipops-shop.conf.bak", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        char copy[NIP__NGINX_PATH_MAX] = "";
        nip__nginx_refused_copy(&by_weights, refusals[i].said, copy);
        assert_string_equal(copy, refusals[i].copy);
    }
}

/* ---- comparing ---- */

static void compares_traffic_by_endpoint(void **state)
{
    (void)state;
    static const struct {
        const char *one, *other;
        bool same;
    } cases[] = {
        {"{" BOTH "}", "{\"groups\":{" NEW "," OLD "}}", true},
        {"{" BOTH "}", "{" BOTH ",\"drain\":[\"127.0.0.1:9104\"]}", true}, /* one that gets nothing */
        {"{" BOTH "}", "{\"groups\":{" OLD "}}", false},
        {"{\"groups\":{" OLD "}}", "{" BOTH "}", false},
        {"{}", "{\"groups\":{}}", true},
        {"{}", "{" BOTH "}", false},
    };
    const nip__nginx_settings *both[] = {&by_weights, &by_key};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t way = 0; way < 2; way++) {
            nip__nginx_state one, other;
            nip__trouble trouble;
            assert_true(read(both[way], cases[i].one, &one, &trouble));
            assert_true(read(both[way], cases[i].other, &other, &trouble));
            if (nip__nginx_same_traffic(&one, &other) != cases[i].same)
                fail_msg("%s and %s", cases[i].one, cases[i].other);
        }
}

static void keeps_groups_in_their_order(void **state)
{
    (void)state;
    const nip__value *ordered =
        nip__nginx_ordered(arena, json("{\"c\":1,\"a\":2,\"b\":3}"), json("{\"b\":0,\"x\":0,\"a\":0}"));
    char *text = nip__json_text(ordered);
    assert_string_equal(text, "{\"b\":3,\"a\":2,\"c\":1}");
    nip_free(text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_what_nginx_is_to_do, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_back_what_it_wrote, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_what_stood_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_files_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lets_nothing_in_that_was_not_meant, set_up, tear_down),
        cmocka_unit_test_setup_teardown(checks_names_and_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(believes_only_its_own_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_its_file_in_a_dump, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_mirroring_from_talk_of_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_copies_of_its_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(compares_traffic_by_endpoint, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_groups_in_their_order, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
