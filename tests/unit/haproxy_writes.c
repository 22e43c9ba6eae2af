/* The order of writes: whatever the servers were and are to be, at every prefix of the writes the canary's share stays
 * at or below the larger of before and after, somebody serves, and no server takes requests at an address that was not
 * read back. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "base/random.h"
#include "doc/json.h"
#include "driver/haproxy.h"

struct world {
    nip__arena *arena;
    nip__haproxy_state state;
};

static struct world new_world(size_t slots)
{
    struct world world = {.arena = nip__arena_new()};
    assert_non_null(world.arena);
    world.state.slots = nip__arena_alloc(world.arena, (slots + 1) * sizeof *world.state.slots);
    world.state.count = slots;
    world.state.algorithm = world.state.mode = "";
    for (size_t i = 0; i < slots; i++) {
        world.state.slots[i].name = nip__arena_printf(world.arena, "s%zu", i + 1);
        snprintf(world.state.slots[i].endpoint, NIP__ENDPOINT_MAX, "127.0.0.1:1");
        world.state.slots[i].weight = 1;
        world.state.slots[i].maint = true;
    }
    return world;
}

static nip__wanted read_wanted(struct world *world, const char *json)
{
    nip__value *args = NULL;
    nip__wanted wanted;
    nip__trouble trouble = {0};
    assert_int_equal(nip__json_read(world->arena, json, strlen(json), "args", &nip__internal_limits, &args, NULL), 0);
    if (!nip__wanted_read(world->arena, args, nip__get_text(args, "canary"), &wanted, &trouble))
        fail_msg("%s: %s", json, trouble.message);
    return wanted;
}

static double canary_share(const nip__haproxy_state *state, const nip__wanted *a, const nip__wanted *b)
{
    int64_t total = nip__haproxy_total(state), canary = 0;
    for (size_t i = 0; i < state->count; i++) {
        const nip__want *in_a = nip__wanted_find(a, state->slots[i].endpoint);
        const nip__want *in_b = nip__wanted_find(b, state->slots[i].endpoint);
        if ((in_a != NULL && in_a->group >= 0 && a->groups[in_a->group].canary) ||
            (in_b != NULL && in_b->group >= 0 && b->groups[in_b->group].canary))
            canary += nip__haproxy_effective(&state->slots[i]);
    }
    return total == 0 ? 0 : (double)canary / (double)total;
}

static void check_write(const nip__haproxy_state *state, const nip__haproxy_write *write)
{
    if (write->change == NIP__HAPROXY_ADDRESS) {
        assert_true(state->slots[write->slot].maint);
        assert_int_equal(state->slots[write->slot].sessions, 0);
        assert_int_equal(write->phase, NIP__HAPROXY_PREPARE);
    }
}

/* Carries the writes out one by one, judging every moment. */
static void walk(const char *what, struct world *world, const nip__wanted *wanted, const nip__wanted *before,
                 bool known)
{
    nip__trouble trouble = {0};
    nip__haproxy_writes writes = {0};
    if (!nip__haproxy_plan(world->arena, &world->state, wanted, known ? before : NULL, &writes, &trouble))
        fail_msg("%s: %s", what, trouble.message);
    nip__haproxy_state end = nip__haproxy_copy(world->arena, &world->state);
    for (size_t i = 0; i < writes.count; i++)
        nip__haproxy_apply(&end, &writes.list[i]);
    double first = canary_share(&world->state, before, wanted), last = canary_share(&end, before, wanted);
    double most = first > last ? first : last;
    bool must_serve = nip__haproxy_total(&world->state) > 0 && nip__haproxy_total(&end) > 0;
    int64_t prepared = nip__haproxy_total(&world->state);
    for (size_t i = 0; i < writes.count; i++) {
        check_write(&world->state, &writes.list[i]);
        assert_true(i == 0 || writes.list[i].phase >= writes.list[i - 1].phase);
        nip__haproxy_apply(&world->state, &writes.list[i]);
        double share = canary_share(&world->state, before, wanted);
        if (share > most + 1e-9)
            fail_msg("%s: after write %zu of %zu the canary has %.3f, allowed is %.3f", what, i + 1, writes.count,
                     share, most);
        if (must_serve && nip__haproxy_total(&world->state) == 0)
            fail_msg("%s: nobody serves after write %zu of %zu", what, i + 1, writes.count);
        if (writes.list[i].phase == NIP__HAPROXY_PREPARE)
            assert_int_equal(nip__haproxy_total(&world->state), prepared);
    }
    if (strcmp(nip__haproxy_settle(&world->state, wanted, before, &trouble), "in_force") != 0)
        fail_msg("%s: not what was wanted in the end: %s", what, trouble.message);
}

/* ---- given cases ---- */

#define A "\"127.0.0.1:9100\",\"127.0.0.1:9101\",\"127.0.0.1:9102\""
#define B "\"127.0.0.1:9200\",\"127.0.0.1:9201\""

static const struct {
    const char *what, *before, *after;
} cases[] = {
    {"first release", "{\"groups\":{}}", "{\"groups\":{\"1\":{\"share\":100,\"endpoints\":[" A "]}}}"},
    {"canary begins", "{\"groups\":{\"1\":{\"share\":100,\"endpoints\":[" A "]}},\"canary\":\"2\"}",
     "{\"groups\":{\"1\":{\"share\":90,\"endpoints\":[" A "]},\"2\":{\"share\":10,\"endpoints\":[" B
     "]}},\"canary\":\"2\"}"},
    {"canary grows",
     "{\"groups\":{\"1\":{\"share\":90,\"endpoints\":[" A "]},\"2\":{\"share\":10,\"endpoints\":[" B
     "]}},\"canary\":\"2\"}",
     "{\"groups\":{\"1\":{\"share\":33,\"endpoints\":[" A "]},\"2\":{\"share\":67,\"endpoints\":[" B
     "]}},\"canary\":\"2\"}"},
    {"canary is taken back",
     "{\"groups\":{\"1\":{\"share\":50,\"endpoints\":[" A "]},\"2\":{\"share\":50,\"endpoints\":[" B
     "]}},\"canary\":\"2\"}",
     "{\"groups\":{\"1\":{\"share\":100,\"endpoints\":[" A "]}},\"drain\":[" B "],\"canary\":\"2\"}"},
    {"canary replaces the old one",
     "{\"groups\":{\"1\":{\"share\":50,\"endpoints\":[" A "]},\"2\":{\"share\":50,\"endpoints\":[" B
     "]}},\"canary\":\"2\"}",
     "{\"groups\":{\"2\":{\"share\":100,\"endpoints\":[" B "]}},\"drain\":[" A "],\"canary\":\"2\"}"},
    {"switch", "{\"groups\":{\"1\":{\"share\":100,\"endpoints\":[" A "]}},\"canary\":\"2\"}",
     "{\"groups\":{\"2\":{\"share\":100,\"endpoints\":[" B "]}},\"drain\":[" A "],\"canary\":\"2\"}"},
    {"switch back", "{\"groups\":{\"2\":{\"share\":100,\"endpoints\":[" B "]}},\"drain\":[" A "],\"canary\":\"2\"}",
     "{\"groups\":{\"1\":{\"share\":100,\"endpoints\":[" A "]}},\"canary\":\"2\"}"},
    {"everything out", "{\"groups\":{\"1\":{\"share\":100,\"endpoints\":[" A "]}}}",
     "{\"groups\":{},\"drain\":[" A "]}"},
    {"without canary", "{\"groups\":{\"1\":{\"share\":100,\"endpoints\":[" A "]}}}",
     "{\"groups\":{\"1\":{\"share\":100,\"endpoints\":[\"127.0.0.1:9102\"," B "]}}}"},
};

static void keeps_the_law_in_known_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int known = 0; known <= 1; known++) {
            struct world world = new_world(6);
            nip__wanted before = read_wanted(&world, cases[i].before), after = read_wanted(&world, cases[i].after);
            walk("setting up", &world, &before, &before, false);
            walk(cases[i].what, &world, &after, &before, known);
            nip__arena_free(world.arena);
        }
    }
}

/* ---- random ones ---- */

enum { ENDPOINTS = 10 };

static void put_group(nip__buffer *text, const char *name, int share, const int *owner, int who)
{
    nip__buffer_printf(text, "%s\"%s\":{\"share\":%d,\"endpoints\":[", text->data[text->length - 1] == '{' ? "" : ",",
                       name, share);
    bool first = true;
    for (int i = 0; i < ENDPOINTS; i++)
        if (owner[i] == who) {
            nip__buffer_printf(text, "%s\"127.0.0.1:%d\"", first ? "" : ",", 9000 + i);
            first = false;
        }
    nip__buffer_text(text, "]}");
}

static int count_of(const int *owner, int who)
{
    int count = 0;
    for (int i = 0; i < ENDPOINTS; i++)
        count += owner[i] == who;
    return count;
}

/* owner: 0 out, 1 stable, 2 canary, 3 another group, 4 drained. An endpoint never changes between canary and others. */
static void random_owners(nip__random *random, int *owner)
{
    for (int i = 0; i < ENDPOINTS; i++) {
        int side = i < 4 ? 2 : i < 8 ? 1 : 3;
        int lot = (int)nip__random_below(random, 4);
        owner[i] = lot == 0 ? 0 : lot == 1 ? 4 : side;
    }
}

static void write_wanted(nip__random *random, nip__buffer *text, const int *owner)
{
    static const char *const names[] = {NULL, "1.3", "1.4", "1.2"};
    nip__buffer_text(text, "{\"groups\":{");
    for (int who = 1; who <= 3; who++) {
        int share = nip__random_below(random, 5) == 0 ? 0 : (int)nip__random_below(random, 101);
        if (count_of(owner, who) > 0)
            put_group(text, names[who], share, owner, who);
    }
    nip__buffer_text(text, "},\"canary\":\"1.4\",\"drain\":[");
    bool first = true;
    for (int i = 0; i < ENDPOINTS; i++)
        if (owner[i] == 4) {
            nip__buffer_printf(text, "%s\"127.0.0.1:%d\"", first ? "" : ",", 9000 + i);
            first = false;
        }
    nip__buffer_text(text, "]}");
}

/* Do both canaries and others leave? Then only `before` can tell them apart. */
static bool both_leave(const nip__wanted *before, const nip__wanted *after)
{
    bool canary = false, others = false;
    for (size_t i = 0; i < before->count; i++) {
        const nip__want *want = &before->wants[i], *later = nip__wanted_find(after, want->endpoint);
        if (want->group < 0 || (later != NULL && later->group >= 0))
            continue;
        canary = canary || before->groups[want->group].canary;
        others = others || !before->groups[want->group].canary;
    }
    return canary && others;
}

static void keeps_the_law_in_random_cases(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4000; seed++) {
        struct world world = new_world(ENDPOINTS);
        nip__random random;
        nip__random_seed(&random, seed);
        nip__buffer first = NIP__BUFFER(10000), second = NIP__BUFFER(10000);
        int owner[ENDPOINTS];
        random_owners(&random, owner);
        write_wanted(&random, &first, owner);
        random_owners(&random, owner);
        write_wanted(&random, &second, owner);
        nip__wanted before = read_wanted(&world, first.data), after = read_wanted(&world, second.data);
        char what[64];
        snprintf(what, sizeof what, "seed %llu", (unsigned long long)seed);
        walk(what, &world, &before, &before, false);
        walk(what, &world, &after, &before, seed % 2 == 0 || both_leave(&before, &after));
        nip__buffer_clear(&first);
        nip__buffer_clear(&second);
        nip__arena_free(world.arena);
    }
}

/* ---- refusals, settling ---- */

static void refuses_what_cannot_be(void **state)
{
    (void)state;
    static const struct {
        const char *args, *reason;
    } refused[] = {
        {"{}", "bad_arguments"},
        {"{\"groups\":[]}", "bad_arguments"},
        {"{\"groups\":{\"1\":{\"share\":10,\"endpoints\":[]}}}", "bad_arguments"},
        {"{\"groups\":{\"1\":{\"share\":101,\"endpoints\":[" A "]}}}", "bad_arguments"},
        {"{\"groups\":{\"1\":{\"share\":-1,\"endpoints\":[" A "]}}}", "bad_arguments"},
        {"{\"groups\":{\"1\":{\"endpoints\":[" A "]}}}", "bad_arguments"},
        {"{\"groups\":{\"1\":{\"share\":10,\"endpoints\":[\"localhost:80\"]}}}", "bad_arguments"},
        {"{\"groups\":{\"1\":{\"share\":10,\"endpoints\":[\"127.0.0.1:80;shutdown\"]}}}", "bad_arguments"},
        {"{\"groups\":{\"1\":{\"share\":10,\"endpoints\":[7]}}}", "bad_arguments"},
        {"{\"groups\":{\"1\":{\"share\":10,\"endpoints\":[" A "," A "]}}}", "bad_arguments"},
        {"{\"groups\":{\"1\":{\"share\":10,\"endpoints\":[" A "," B "]}}}", "no_slots"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct world world = new_world(4);
        nip__value *args = NULL;
        nip__wanted wanted;
        nip__haproxy_writes writes;
        nip__trouble trouble = {0};
        assert_int_equal(nip__json_read(world.arena, refused[i].args, strlen(refused[i].args), "a",
                                        &nip__internal_limits, &args, NULL),
                         0);
        bool fine = nip__wanted_read(world.arena, args, NULL, &wanted, &trouble) &&
                    nip__haproxy_plan(world.arena, &world.state, &wanted, NULL, &writes, &trouble);
        if (fine || strcmp(trouble.reason, refused[i].reason) != 0)
            fail_msg("%s: %s", refused[i].args, fine ? "accepted" : trouble.message);
        nip__arena_free(world.arena);
    }
}

static void never_moves_a_server_with_sessions(void **state)
{
    (void)state;
    struct world world = new_world(4);
    nip__wanted wanted = read_wanted(&world, "{\"groups\":{\"1\":{\"share\":100,\"endpoints\":[" A "]}}}");
    nip__trouble trouble = {0};
    nip__haproxy_writes writes;
    world.state.slots[0].sessions = world.state.slots[2].sessions = 1;
    assert_false(nip__haproxy_plan(world.arena, &world.state, &wanted, NULL, &writes, &trouble));
    assert_string_equal(trouble.reason, "no_slots");
    world.state.slots[2].sessions = 0;
    assert_true(nip__haproxy_plan(world.arena, &world.state, &wanted, NULL, &writes, &trouble));
    for (size_t i = 0; i < writes.count; i++)
        assert_int_not_equal(writes.list[i].slot, 0);
    nip__arena_free(world.arena);
}

static const char *settle(struct world *world, const nip__wanted *wanted, const nip__wanted *before,
                          const char **reason)
{
    nip__trouble trouble = {0};
    const char *outcome = nip__haproxy_settle(&world->state, wanted, before, &trouble);
    *reason = trouble.reason == NULL ? "" : trouble.reason;
    return outcome;
}

/* After every prefix of the writes the answer is "not yet" until it is "in force". */
static void settles_after_any_write(void **state)
{
    (void)state;
    const char *reason;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world = new_world(6);
        nip__wanted before = read_wanted(&world, cases[i].before), after = read_wanted(&world, cases[i].after);
        nip__trouble trouble = {0};
        nip__haproxy_writes writes;
        walk("setting up", &world, &before, &before, false);
        assert_true(nip__haproxy_plan(world.arena, &world.state, &after, &before, &writes, &trouble));
        for (size_t k = 0; k < writes.count; k++) {
            if (strcmp(settle(&world, &after, &before, &reason), "not_yet") != 0)
                fail_msg("%s: %s before write %zu", cases[i].what, settle(&world, &after, &before, &reason), k);
            nip__haproxy_apply(&world.state, &writes.list[k]);
        }
        assert_string_equal(settle(&world, &after, &before, &reason), "in_force");
        nip__arena_free(world.arena);
    }
}

static void tells_what_is_foreign(void **state)
{
    (void)state;
    struct world world = new_world(6), wiped = new_world(6);
    const char *reason;
    nip__wanted before = read_wanted(&world, cases[1].before), after = read_wanted(&world, cases[1].after);
    walk("setting up", &world, &before, &before, false);
    world.state.slots[1].weight = 77;
    assert_string_equal(settle(&world, &after, &before, &reason), "foreign");
    assert_string_equal(reason, "foreign");
    for (int i = 0; i < 3; i++)
        world.state.slots[i].weight = 77; /* other weights, but the shares of before */
    assert_string_equal(settle(&world, &after, &before, &reason), "not_yet");
    assert_string_equal(settle(&wiped, &after, &before, &reason), "foreign");
    assert_string_equal(reason, "router_restarted");
    nip__arena_free(world.arena);
    nip__arena_free(wiped.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_law_in_known_cases), cmocka_unit_test(keeps_the_law_in_random_cases),
        cmocka_unit_test(refuses_what_cannot_be),       cmocka_unit_test(never_moves_a_server_with_sessions),
        cmocka_unit_test(settles_after_any_write),      cmocka_unit_test(tells_what_is_foreign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
