/* max_surge and max_unavailable by Kubernetes' rules, and the batches that follow from them. */
#include "unit.h"
#include "rollout/sequence.h"

static void resolves(void **state)
{
    static const struct {
        int64_t replicas;
        const char *surge, *unavailable;
        nip_fenceposts expected;
    } cases[] = {
        {3, "25%", "25%", {1, 0}},   {10, "25%", "25%", {3, 2}}, {4, "0", "1", {0, 1}},
        {4, "25%", "25%", {1, 1}},   {1, "0%", "25%", {0, 1}},   {10, "0", "0", {0, 1}},
        {2, "1", "0", {1, 0}},       {3, "0", "100%", {0, 3}},   {3, "0", "7", {0, 3}},
        {0, "25%", "25%", {0, 0}},   {10, "150%", "0", {15, 0}}, {1000000, "1%", "1%", {10000, 10000}},
        {10, "100%", "0%", {10, 0}}, {7, "10%", "10%", {1, 0}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip_fenceposts found = {-1, -1};
        assert_int_equal(nip_rolling_fenceposts(cases[i].replicas, cases[i].surge, cases[i].unavailable, &found, NULL),
                         0);
        if (found.surge != cases[i].expected.surge || found.unavailable != cases[i].expected.unavailable)
            fail_msg("%d replicas, %s, %s: %d,%d", (int)cases[i].replicas, cases[i].surge, cases[i].unavailable,
                     (int)found.surge, (int)found.unavailable);
    }
}

static void refuses(void **state)
{
    static const char *const bad[] = {
        "", "%", "-1", "+1", " 1", "1 %", "25.5%", "1x", "0x10", "1000001", "99999999999999999999", "%25"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        nip_fenceposts found = {7, 7};
        nip_error *error = NULL;
        assert_int_equal(nip_rolling_fenceposts(10, bad[i], "1", &found, &error), NIP_E_INVALID);
        assert_non_null(strstr(nip_error_message(error), bad[i]));
        nip_error_free(error);
        assert_int_equal(nip_rolling_fenceposts(10, "1", bad[i], &found, NULL), NIP_E_INVALID);
        assert_int_equal(found.surge, 7);
    }
    nip_fenceposts found;
    assert_int_equal(nip_rolling_fenceposts(-1, "1", "1", &found, NULL), NIP_E_INVALID);
    assert_int_equal(nip_rolling_fenceposts(1, NULL, "1", &found, NULL), NIP_E_INVALID);
}

/* "3,0 3,1 2,1 ...": old and new after every change. */
static void write_sequence(int64_t replicas, nip_fenceposts posts, char *out, size_t size)
{
    nip__batch now = {.old = replicas};
    size_t length = (size_t)snprintf(out, size, "%d,0", (int)replicas);
    while (nip__batch_next(replicas, posts, &now)) {
        if (now.added > 0)
            length +=
                (size_t)snprintf(out + length, size - length, " %d,%d", (int)(now.old + now.removed), (int)now.fresh);
        if (now.removed > 0)
            length += (size_t)snprintf(out + length, size - length, " %d,%d", (int)now.old, (int)now.fresh);
    }
}

static void follows_kubernetes(void **state)
{
    static const struct {
        int64_t replicas;
        nip_fenceposts posts;
        const char *sequence;
    } cases[] = {
        {3, {1, 0}, "3,0 3,1 2,1 2,2 1,2 1,3 0,3"},         {10, {3, 2}, "10,0 10,3 8,3 8,5 5,5 5,8 3,8 3,10 0,10"},
        {4, {0, 1}, "4,0 3,0 3,1 2,1 2,2 1,2 1,3 0,3 0,4"}, {1, {1, 0}, "1,0 1,1 0,1"},
        {6, {2, 0}, "6,0 6,2 4,2 4,4 2,4 2,6 0,6"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char found[256];
        write_sequence(cases[i].replicas, cases[i].posts, found, sizeof found);
        assert_string_equal(found, cases[i].sequence);
    }
}

static void check_run(int64_t replicas, int64_t old, nip_fenceposts posts)
{
    nip__batch now = {.old = old};
    int64_t most = old > replicas + posts.surge ? old : replicas + posts.surge;
    int64_t least = old < replicas - posts.unavailable ? old : replicas - posts.unavailable;
    for (int rounds = 0; nip__batch_next(replicas, posts, &now); rounds++) {
        int64_t before_removal = now.old + now.removed + now.fresh;
        assert_true(before_removal <= most);
        assert_true(now.old + now.fresh >= least);        /* after the removal */
        assert_true(before_removal - now.added >= least); /* while new ones start */
        assert_true(now.added > 0 || now.removed > 0);
        assert_true(rounds < 1000);
    }
    assert_int_equal(now.old, 0);
    assert_int_equal(now.fresh, replicas);
}

/* Also when there are more or fewer old ones than wanted. */
static void never_leaves_the_fenceposts(void **state)
{
    (void)state;
    for (int64_t replicas = 1; replicas <= 24; replicas++) {
        for (int64_t old = 0; old <= 30; old += 3) {
            for (int64_t surge = 0; surge <= 4; surge++) {
                for (int64_t unavailable = surge == 0; unavailable <= 4 && unavailable <= replicas; unavailable++)
                    check_run(replicas, old, (nip_fenceposts){surge, unavailable});
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolves),
        cmocka_unit_test(refuses),
        cmocka_unit_test(follows_kubernetes),
        cmocka_unit_test(never_leaves_the_fenceposts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
