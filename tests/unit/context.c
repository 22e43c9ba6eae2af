/* The context: settings, clocks, randomness, who holds it. */
#include "unit.h"

#include "base/ctx.h"
#include "base/error.h"

static void test_settings(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
        int rc;
        const char *says;
    } rows[] = {
        {"seed", "42", 0, NULL},
        {"seed", "-1", NIP_E_INVALID, "0 or more"},
        {"seed", "4x", NIP_E_INVALID, "\"4x\""},
        {"clock", "real", 0, NULL},
        {"clock", "virtual:2026-11-23T05:49:30Z", 0, NULL},
        {"clock", "virtual:now", NIP_E_INVALID, "2026-11-23"},
        {"clock", "sundial", NIP_E_INVALID, "sundial"},
        {"state.dir", "/nowhere", 0, NULL},
        {"state.dir", "", NIP_E_INVALID, "folder"},
        {"in_flight_max", "1", 0, NULL},
        {"in_flight_max", "100000", 0, NULL},
        {"in_flight_max", "0", NIP_E_INVALID, "1 to 100000"},
        {"in_flight_max", "100001", NIP_E_INVALID, "1 to 100000"},
        {"state.dri", "x", NIP_E_NOTFOUND, "did you mean \"state.dir\"?"},
        {"sed", "x", NIP_E_NOTFOUND, "did you mean \"seed\"?"},
        {"completely_else", "x", NIP_E_NOTFOUND, "there are seed"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        nip_ctx *ctx = NULL;
        nip_error *err = NULL;
        assert_int_equal(nip_ctx_new(&ctx, &err), 0);
        assert_int_equal(nip_ctx_set(ctx, rows[i].key, rows[i].value, &err), rows[i].rc);
        if (rows[i].says != NULL)
            assert_contains(nip_error_message(err), rows[i].says);
        nip_error_free(err);
        nip_ctx_free(ctx);
    }
}

static void test_frozen_in_use(void **state)
{
    (void)state;
    nip_ctx *ctx = NULL;
    nip_error *err = NULL;
    nip_clock clock = {0};
    assert_int_equal(nip_ctx_new(&ctx, NULL), 0);
    assert_int_equal(nip__ctx_in_flight_max(ctx), 1024);
    assert_null(nip__ctx_state_dir(ctx));
    assert_int_equal(nip_ctx_set(ctx, "state.dir", "/x", NULL), 0);
    assert_int_equal(nip_ctx_set_clock(ctx, &clock, NULL), NIP_E_INVALID);
    nip_ctx *held = nip__ctx_hold(ctx);
    assert_int_equal(nip_ctx_set(ctx, "seed", "1", &err), NIP_E_STATE);
    nip_ctx_free(ctx);
    assert_string_equal(nip__ctx_state_dir(held), "/x"); /* still there: somebody holds it */
    nip_ctx_free(held);
    nip_ctx_free(NULL);
    nip_error_free(err);
}

static void test_virtual_clock(void **state)
{
    (void)state;
    nip_ctx *ctx = NULL;
    nip_time start;
    assert_int_equal(nip_time_parse("2026-11-23T05:49:30Z", &start, NULL), 0);
    assert_int_equal(nip_ctx_new(&ctx, NULL), 0);
    assert_false(nip__ctx_is_virtual(ctx));
    assert_int_equal(nip__ctx_advance(ctx, 5), 0);
    assert_true(nip__ctx_monotonic(ctx) <= nip__ctx_monotonic(ctx));
    assert_int_equal(nip_ctx_set(ctx, "clock", "virtual:2026-11-23T05:49:30Z", NULL), 0);
    assert_true(nip__ctx_is_virtual(ctx));
    assert_true(nip_ctx_now(ctx) == start);
    nip_time monotonic = nip__ctx_monotonic(ctx);
    assert_int_equal(nip__ctx_advance(ctx, monotonic + NIP_HOUR), 1);
    assert_true(nip_ctx_now(ctx) == start + NIP_HOUR);
    assert_true(nip__ctx_monotonic(ctx) == monotonic + NIP_HOUR);
    assert_int_equal(nip__ctx_advance(ctx, monotonic), 1); /* never back */
    assert_true(nip_ctx_now(ctx) == start + NIP_HOUR);
    nip_ctx_free(ctx);
}

typedef struct host {
    nip_time now;
    int destroyed;
} host;

static nip_time host_time(void *self)
{
    return ((host *)self)->now;
}

static int host_advance(void *self, nip_time monotonic)
{
    if (monotonic > 100)
        return NIP_E_USER;
    ((host *)self)->now = monotonic;
    return 0;
}

static void host_destroy(void *self)
{
    ((host *)self)->destroyed++;
}

static void test_host_clock(void **state)
{
    (void)state;
    host mine = {.now = 5};
    nip_clock clock = {sizeof clock, &mine, host_time, host_time, host_advance, host_destroy};
    nip_ctx *ctx = NULL;
    assert_int_equal(nip_ctx_new(&ctx, NULL), 0);
    assert_int_equal(nip_ctx_set_clock(ctx, &clock, NULL), 0);
    assert_int_equal(nip_ctx_now(ctx), 5);
    assert_int_equal(nip__ctx_advance(ctx, 50), 1);
    assert_int_equal(nip_ctx_now(ctx), 50);
    assert_int_equal(nip__ctx_advance(ctx, 500), NIP_E_USER);
    assert_int_equal(mine.destroyed, 0);
    nip_ctx_free(ctx);
    assert_int_equal(mine.destroyed, 1);
}

static void test_randomness(void **state)
{
    (void)state;
    unsigned char bytes[3][21];
    for (int i = 0; i < 3; i++) {
        nip_ctx *ctx = NULL;
        assert_int_equal(nip_ctx_new(&ctx, NULL), 0);
        if (i < 2)
            assert_int_equal(nip_ctx_set(ctx, "seed", "7", NULL), 0);
        nip__ctx_random(ctx, bytes[i], sizeof bytes[i]);
        nip_ctx_free(ctx);
    }
    assert_memory_equal(bytes[0], bytes[1], sizeof bytes[0]);
    assert_memory_not_equal(bytes[0], bytes[2], sizeof bytes[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings),   cmocka_unit_test(test_frozen_in_use), cmocka_unit_test(test_virtual_clock),
        cmocka_unit_test(test_host_clock), cmocka_unit_test(test_randomness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
