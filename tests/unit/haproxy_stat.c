/* Replies of HAProxy's runtime socket: as it gives them, cut short anywhere, and hostile. And what its configuration
 * file tells. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "base/random.h"
#include "driver/haproxy.h"

#define SERVERS_HEADER                                                                                                 \
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "                \
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state "   \
    "bk_f_forced_id "                                                                                                  \
    "srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr "            \
    "srv_agent_port\n"
#define STAT_HEADER "# pxname,svname,qcur,scur,econ,eresp,status,hrsp_2xx,hrsp_5xx,req_tot,check_desc,mode,algo,\n"

#define SERVERS                                                                                                        \
    SERVERS_HEADER "3 app 1 s1 127.0.0.1 2 4 100 1 0 1 0 0 8 0 0 0 - 9100 - 0 0 - - 0\n"                               \
                   "3 app 2 s2 127.0.0.1 2 12 50 1 0 1 0 0 8 0 0 0 - 9101 - 0 0 - - 0\n"                               \
                   "3 app 3 s3 ::1 0 4 10 1 0 1 0 0 8 0 0 0 - 9102 - 0 0 - - 0\n"                                      \
                   "3 app 4 x4 127.0.0.1 0 5 1 1 0 1 0 0 8 0 0 0 - 1 - 0 0 - - 0\n"                                    \
                   "3 app 5 x5 127.0.0.1 0 5 1 1 0 1 0 0 8 0 0 0 - 1 - 0 0 - - 0\n\n"
#define STAT                                                                                                           \
    STAT_HEADER "app,s1,1,2,3,4,no check,90,5,100,,http,,\n"                                                           \
                "app,s2,0,0,0,0,DRAIN,,,,,http,,\n"                                                                    \
                "app,s3,0,0,0,0,DOWN,0,0,0,\"refused, \"\"no\"\" listener\",http,,\n"                                  \
                "app,x4,0,0,0,0,MAINT,0,0,0,,http,,\n"                                                                 \
                "app,x5,0,0,0,0,MAINT,0,0,0,,http,,\n"                                                                 \
                "app,BACKEND,0,2,0,0,UP,90,5,100,,http,roundrobin,\n\n"

static bool read_text(nip__arena *arena, const char *text, nip__haproxy_state *state, nip__trouble *trouble)
{
    return nip__haproxy_read_state(arena, text, strlen(text), "app", NULL, state, trouble);
}

static void reads_a_reply(void **unused)
{
    (void)unused;
    nip__arena *arena = nip__arena_new();
    nip__haproxy_state state;
    nip__trouble trouble = {0};
    assert_true(read_text(
        arena,
        "\nno need to change the addr, port changed from '1' to '9100' by 'stats socket command'\n\n" SERVERS STAT,
        &state, &trouble));
    static const struct {
        const char *name, *endpoint;
        int weight, effective;
        bool maint, drain, down, counts, free, blank;
    } wanted[] = {
        {"s1", "127.0.0.1:9100", 100, 100, false, false, false, true, false, false},
        {"s2", "127.0.0.1:9101", 50, 0, false, true, false, false, true, false},
        {"s3", "[::1]:9102", 10, 10, false, false, true, true, false, false},
        {"x4", "127.0.0.1:1", 1, 0, true, false, false, true, true, true},
        {"x5", "127.0.0.1:1", 1, 0, true, false, false, true, true, true},
    };
    assert_int_equal(state.count, 5);
    for (size_t i = 0; i < 5; i++) {
        const nip__haproxy_slot *slot = &state.slots[i];
        assert_string_equal(slot->name, wanted[i].name);
        assert_string_equal(slot->endpoint, wanted[i].endpoint);
        assert_int_equal(slot->weight, wanted[i].weight);
        assert_int_equal(nip__haproxy_effective(slot), wanted[i].effective);
        assert_int_equal(slot->maint, wanted[i].maint);
        assert_int_equal(slot->drain, wanted[i].drain);
        assert_int_equal(slot->down, wanted[i].down);
        assert_int_equal(slot->has_counters, wanted[i].counts);
        assert_int_equal(nip__haproxy_free(&state, slot), wanted[i].free);
        assert_int_equal(nip__haproxy_blank(&state, slot), wanted[i].blank);
    }
    assert_int_equal(state.slots[0].sessions, 3);
    assert_int_equal(state.slots[0].counters.replies, 100);
    assert_int_equal(state.slots[0].counters.replies_5xx, 5);
    assert_int_equal(state.slots[0].counters.connections, 3);
    assert_int_equal(state.slots[0].counters.responses, 4);
    assert_string_equal(state.algorithm, "roundrobin");
    assert_null(state.refusal);
    assert_false(nip__haproxy_wiped(&state));
    assert_true(nip__haproxy_read_state(arena, SERVERS STAT, strlen(SERVERS STAT), "app", "x", &state, &trouble));
    assert_int_equal(state.count, 2);
    assert_true(nip__haproxy_wiped(&state));
    nip__arena_free(arena);
}

static void remembers_a_refusal(void **unused)
{
    (void)unused;
    nip__arena *arena = nip__arena_new();
    nip__haproxy_state state;
    nip__trouble trouble = {0};
    assert_true(read_text(arena, "Permission denied\n\nNo such server.\n\n" SERVERS STAT, &state, &trouble));
    assert_string_equal(state.refusal, "Permission denied");
    nip__arena_free(arena);
}

static void refuses_nonsense(void **unused)
{
    (void)unused;
    static const struct {
        const char *what, *text, *reason;
    } cases[] = {
        {"nothing", "", "protocol"},
        {"no backend", "Can't find backend.\n\n", "no_such_backend"},
        {"no statistics", SERVERS, "protocol"},
        {"no servers", STAT, "protocol"},
        {"statistics first", STAT SERVERS, "protocol"},
        {"servers twice", SERVERS SERVERS STAT, "protocol"},
        {"statistics twice", SERVERS STAT STAT, "protocol"},
        {"a server without statistics", SERVERS STAT_HEADER "app,s1,1,2,3,4,no check,90,5,100,,http,,\n\n", "protocol"},
        {"weight beyond 256",
         SERVERS_HEADER "3 app 1 s1 127.0.0.1 2 4 257 1 0 1 0 0 8 0 0 0 - 9100 - 0 0 - - 0\n\n" STAT, "protocol"},
        {"negative weight", SERVERS_HEADER "3 app 1 s1 127.0.0.1 2 4 -1 1 0 1 0 0 8 0 0 0 - 9100 - 0 0 - - 0\n\n" STAT,
         "protocol"},
        {"a name that is a command",
         SERVERS_HEADER "3 app 1 s1;shutdown 127.0.0.1 2 4 1 1 0 1 0 0 8 0 0 0 - 9100 - 0 0 - - 0\n\n" STAT,
         "protocol"},
        {"too few columns", SERVERS_HEADER "3 app 1 s1 127.0.0.1\n\n" STAT, "protocol"},
        {"a number beyond all", SERVERS STAT_HEADER "app,s1,1,99999999999999999999,3,4,no check,90,5,100,,http,,\n\n",
         "protocol"},
        {"a text for a number", SERVERS STAT_HEADER "app,s1,1,many,3,4,no check,90,5,100,,http,,\n\n", "protocol"},
        {"another program", "HTTP/1.1 400 Bad Request\r\n\r\n", "protocol"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip__arena *arena = nip__arena_new();
        nip__haproxy_state state = {.count = 77};
        nip__trouble trouble = {0};
        bool fine = read_text(arena, cases[i].text, &state, &trouble);
        if (fine || strcmp(trouble.reason, cases[i].reason) != 0 || trouble.message[0] == '\0')
            fail_msg("%s: %s", cases[i].what, fine ? "accepted" : trouble.reason);
        assert_int_equal(state.count, 77);
        nip__arena_free(arena);
    }
}

/* A reply that ends early is never taken for a whole one. */
static void notices_every_cut(void **unused)
{
    (void)unused;
    static const char whole[] = SERVERS STAT;
    for (size_t length = 0; length < sizeof whole - 1; length++) {
        nip__arena *arena = nip__arena_new();
        nip__haproxy_state state;
        nip__trouble trouble = {0};
        assert_false(nip__haproxy_read_state(arena, whole, length, "app", NULL, &state, &trouble));
        nip__arena_free(arena);
    }
}

static void survives_damage(void **unused)
{
    (void)unused;
    static const char whole[] = SERVERS STAT;
    nip__random random;
    nip__random_seed(&random, 3);
    for (int round = 0; round < 3000; round++) {
        char text[sizeof whole];
        memcpy(text, whole, sizeof whole);
        for (uint64_t i = 1 + nip__random_below(&random, 6); i > 0; i--)
            text[nip__random_below(&random, sizeof whole - 1)] =
                (char)"\n,\"# 9-x\0\xff"[nip__random_below(&random, 10)];
        nip__arena *arena = nip__arena_new();
        nip__haproxy_state state;
        nip__trouble trouble = {0};
        if (nip__haproxy_read_state(arena, text, sizeof whole - 1, "app", NULL, &state, &trouble))
            for (size_t i = 0; i < state.count; i++)
                assert_in_range(state.slots[i].weight, 0, NIP__WEIGHT_MAX);
        else
            assert_non_null(trouble.reason);
        nip__arena_free(arena);
    }
}

static void reads_endpoints(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *canonical; /* NULL: none */
    } cases[] = {
        {"127.0.0.1:9100", "127.0.0.1:9100"},
        {"[::1]:80", "[::1]:80"},
        {"[0:0::1]:80", "[::1]:80"},
        {"127.0.0.1:65535", "127.0.0.1:65535"},
        {"127.0.0.1:65536", NULL},
        {"127.0.0.1:0", NULL},
        {"127.0.0.1", NULL},
        {"127.0.0.1:", NULL},
        {"127.0.0.1:-1", NULL},
        {"127.0.0.1:+1", NULL},
        {"::1:80", NULL},
        {"[127.0.0.1]:80", NULL},
        {"localhost:80", NULL},
        {":80", NULL},
        {"[]:80", NULL},
        {"", NULL},
        {"127.0.0.1:80 ", NULL},
        {"127.0.0.1:80\n", NULL},
        {"127.0.0.1;x:80", NULL},
        {NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[NIP__ENDPOINT_MAX];
        bool fine = nip__endpoint_read(cases[i].text, out);
        if (fine != (cases[i].canonical != NULL) || (fine && strcmp(out, cases[i].canonical) != 0))
            fail_msg("%s: %s", cases[i].text, fine ? out : "refused");
    }
}

static void warns_of_configurations(void **unused)
{
    (void)unused;
    static const char *const topics[] = {"no `backend", "redispatch", "server-state-file /",
                                         "load-server-state-from-file"};
    static const struct {
        const char *what, *text;
        bool warned[4];
    } cases[] = {
        {"all is well",
         "global\n  server-state-file /var/x # kept\ndefaults\n  option redispatch\n  load-server-state-from-file "
         "global\nbackend app\n",
         {0, 0, 0, 0}},
        {"nothing is set", "global\nbackend app\n  balance roundrobin\n", {0, 1, 1, 1}},
        {"empty", "", {1, 0, 1, 1}},
        {"another backend has it", "backend other\n option redispatch\nbackend app\n", {0, 1, 1, 1}},
        {"a later defaults section does not count",
         "backend app\ndefaults\n option redispatch\nbackend b\n",
         {0, 1, 1, 1}},
        {"a second defaults section starts afresh",
         "defaults\n option redispatch\ndefaults\nbackend app\n",
         {0, 1, 1, 1}},
        {"switched off", "defaults\n option redispatch\nbackend app\n no option redispatch\n", {0, 1, 1, 1}},
        {"commented out", "global\n #server-state-file x\nbackend app\n # option redispatch\n", {0, 1, 1, 1}},
        {"in a listen section, without a last newline", "listen app\n option redispatch 3", {0, 0, 1, 1}},
        {"only half of it", "global\n server-state-base /x\nbackend app\n option redispatch\n", {0, 0, 0, 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip__arena *arena = nip__arena_new();
        nip__value *warnings = nip__list(arena);
        nip__haproxy_config_warnings(arena, cases[i].text, "app", warnings);
        for (size_t topic = 0; topic < 4; topic++) {
            bool warned = false;
            for (NIP__EACH(warning, warnings))
                warned = warned || strstr(warning->as.string.text, topics[topic]) != NULL;
            if (warned != cases[i].warned[topic])
                fail_msg("%s: %s", cases[i].what, topics[topic]);
        }
        nip__arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_reply),           cmocka_unit_test(remembers_a_refusal),
        cmocka_unit_test(refuses_nonsense),        cmocka_unit_test(notices_every_cut),
        cmocka_unit_test(survives_damage),         cmocka_unit_test(reads_endpoints),
        cmocka_unit_test(warns_of_configurations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
