/* The simulated world: what its roles answer, what happens to its traffic, and what faults and restarts do. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "doc/json.h"
#include "driver/sim.h"
#include "failing_malloc.h"
#include "plan/action.h"

#define START INT64_C(1700000000000000000)

typedef struct fixture {
    nip__arena *arena;
    nip__sim *sim;
    nip_time now;
    int number;
    int unserved_writes; /* writes after which a version had traffic and nobody healthy */
    double worst;        /* highest share of `watched` during a write */
    const char *watched;
    int writes;
    nip_action orders[8];
    size_t order_count;
} fixture;

static nip__value *json(fixture *f, const char *text)
{
    nip__value *value = NULL;
    assert_int_equal(nip__json_read(f->arena, text, strlen(text), "test", &nip__document_limits, &value, NULL), 0);
    return value;
}

static void changed(void *data, const nip__sim_world *world, const nip__sim_change *change)
{
    fixture *f = data;
    if (change->kind != NIP__SIM_ROUTED)
        return;
    f->writes++;
    for (size_t i = 0; i < world->version_count; i++) {
        f->unserved_writes += world->versions[i].share > 0 && world->versions[i].serving == 0;
        if (f->watched != NULL && strcmp(world->versions[i].name, f->watched) == 0)
            f->worst = fmax(f->worst, world->versions[i].share);
    }
}

static void open_world(fixture *f, const char *settings)
{
    *f = (fixture){.arena = nip__arena_new(), .now = START};
    assert_int_equal(nip__sim_new(json(f, settings), &f->sim, NULL), 0);
    assert_true(nip__sim_advance(f->sim, f->now));
    nip__sim_world_of(f->sim)->changed = changed;
    nip__sim_world_of(f->sim)->changed_data = f;
}

static void close_world(fixture *f)
{
    nip__sim_free(f->sim);
    nip__arena_free(f->arena);
}

static void pass(fixture *f, nip_duration time)
{
    f->now += time;
    assert_true(nip__sim_advance(f->sim, f->now));
}

typedef struct order {
    const char *role, *verb, *args, *before;
    bool settles;
    nip__sim_fate fate;
} order;

static void begin(fixture *f, order o)
{
    char id[32];
    snprintf(id, sizeof id, "test-1.%d", ++f->number);
    nip_action action = {.id = id, .role = o.role, .verb = o.verb, .settles = o.settles};
    action.args_value = o.args != NULL ? json(f, o.args) : NULL;
    action.before_value = o.before != NULL ? json(f, o.before) : NULL;
    assert_int_equal(nip__sim_begin(f->sim, &action, f, &o.fate, f->now, NULL), 0);
}

/* The outcome, once it is there; NULL when none comes. */
static const nip__value *wait(fixture *f)
{
    for (nip_time next; (next = nip__sim_next(f->sim, f)) != NIP_TIME_MAX;) {
        const char *id, *outcome;
        f->now = next > f->now ? next : f->now;
        assert_true(nip__sim_advance(f->sim, f->now));
        if (nip__sim_answer(f->sim, f, &id, &outcome))
            return json(f, outcome);
    }
    return NULL;
}

static const nip__value *ask(fixture *f, order o)
{
    begin(f, o);
    return wait(f);
}

static const nip__value *done(fixture *f, const char *role, const char *verb, const char *args)
{
    const nip__value *outcome = ask(f, (order){.role = role, .verb = verb, .args = args});
    assert_string_equal(nip__get_text(outcome, "outcome"), "done");
    return nip__get(outcome, "result");
}

static int64_t number_at(const nip__value *value, const char *pointer)
{
    double number = NAN;
    if (!nip__number(nip__pointer(value, pointer), &number))
        fail_msg("no number at %s", pointer);
    return (int64_t)lround(number);
}

static const char *text_at(const nip__value *value, const char *pointer)
{
    const nip__value *text = nip__pointer(value, pointer);
    assert_true(nip__is(text, NIP__STRING));
    return text->as.string.text;
}

static const char four[] = "{\"initial\": {\"1.0\": 4}, \"ports\": \"9100-9109\"}";
static const char old_endpoints[] = "[\"127.0.0.1:9100\",\"127.0.0.1:9101\",\"127.0.0.1:9102\",\"127.0.0.1:9103\"]";

/* ---- target ---- */

static void target_says_which_ports_are_too_few(void **state)
{
    (void)state;
    fixture f;
    open_world(&f, four);
    assert_null(nip__get(done(&f, "target", "observe", "{\"ports_needed\": 6}"), "problems"));
    const nip__value *target = done(&f, "target", "observe", "{\"ports_needed\": 8}");
    assert_int_equal(number_at(target, "/ports_free"), 6);
    assert_string_equal(text_at(target, "/problems/0"), "8 free ports are needed, 6 of the target's `ports` 9100-9109 at 127.0.0.1 are free: "
                                                        "widen them by 2, or end what holds them");
    close_world(&f);
}

static void initial_world_is_healthy_and_routed(void **state)
{
    (void)state;
    fixture f;
    open_world(&f, four);
    const nip__value *target = done(&f, "target", "observe", NULL);
    assert_int_equal(number_at(target, "/versions/1.0/running"), 4);
    assert_int_equal(number_at(target, "/ports_free"), 6);
    assert_null(nip__get(target, "problems"));
    assert_string_equal(text_at(target, "/instances/0/state"), "running");
    const nip__value *router = done(&f, "router", "observe", NULL);
    assert_int_equal(number_at(router, "/endpoints/127.0.0.1:9102/share"), 25);
    char args[256];
    snprintf(args, sizeof args, "{\"groups\": {\"1.0\": %s}}", old_endpoints);
    assert_int_equal(number_at(done(&f, "check", "http", args), "/healthy"), 4);
    close_world(&f);
}

static void instances_start_first_and_stop_last(void **state)
{
    (void)state;
    fixture f;
    open_world(&f, four);
    const nip__value *result = done(
        &f, "target", "instances",
        "{\"versions\": {\"1.1\": {\"replicas\": 2}, \"1.0\": {\"replicas\": 3, \"remove\": [\"127.0.0.1:9102\"]}}}");
    assert_int_equal(nip__count(nip__pointer(result, "/started")), 2);
    assert_string_equal(text_at(result, "/stopped/0"), "127.0.0.1:9102");
    assert_int_equal(nip__count(nip__pointer(result, "/versions/1.0/endpoints")), 3);
    const char *check = "{\"groups\": {\"1.1\": [\"127.0.0.1:9104\", \"127.0.0.1:9105\"]}}";
    assert_int_equal(number_at(done(&f, "check", "tcp", check), "/groups/1.1/healthy"), 0);
    pass(&f, 3 * NIP_SECOND);
    assert_int_equal(number_at(done(&f, "check", "tcp", check), "/groups/1.1/healthy"), 2);
    close_world(&f);
}

static void repeating_instances_changes_nothing(void **state)
{
    (void)state;
    fixture f;
    const char *args = "{\"versions\": {\"1.1\": {\"replicas\": 2}}}";
    open_world(&f, four);
    done(&f, "target", "instances", args);
    const nip__value *again = done(&f, "target", "instances", args);
    assert_int_equal(nip__count(nip__pointer(again, "/started")), 0);
    assert_int_equal(nip__count(nip__pointer(again, "/versions/1.1/endpoints")), 2);
    close_world(&f);
}

static void exited_instances_are_replaced(void **state)
{
    (void)state;
    fixture f;
    open_world(&f, "{\"initial\": {\"1.0\": 2}, \"versions\": {\"1.0\": {\"exit_after\": \"30s\"}}}");
    pass(&f, 31 * NIP_SECOND);
    const nip__value *target = done(&f, "target", "observe", NULL);
    assert_int_equal(number_at(target, "/versions/1.0/exited"), 2);
    assert_int_equal(number_at(target, "/instances/0/exit"), 1);
    done(&f, "target", "instances", "{\"versions\": {\"1.0\": {\"replicas\": 2}}}");
    target = done(&f, "target", "observe", NULL);
    assert_int_equal(number_at(target, "/versions/1.0/exited"), 0);
    assert_int_equal(number_at(target, "/versions/1.0/running"), 2);
    close_world(&f);
}

static void starting_can_fail(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *reason;
    } cases[] = {
        {"{\"versions\": {\"1.1\": {\"fail_start\": 1}}}", "start_failed"},
        {"{\"ports\": \"9100-9101\"}", "no_ports"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture f;
        open_world(&f, cases[i].settings);
        const nip__value *outcome = ask(
            &f, (order){.role = "target", .verb = "instances", .args = "{\"versions\": {\"1.1\": {\"replicas\": 3}}}"});
        assert_string_equal(text_at(outcome, "/outcome"), "failed");
        assert_string_equal(text_at(outcome, "/reason"), cases[i].reason);
        close_world(&f);
    }
}

static void select_takes_dead_and_unhealthy_ones_first(void **state)
{
    (void)state;
    fixture f;
    char args[400];
    open_world(&f, four);
    snprintf(args, sizeof args,
             "{\"version\": \"1.0\", \"count\": 2, \"endpoints\": %s, \"unhealthy\": [\"127.0.0.1:9102\"]}",
             old_endpoints);
    const nip__value *result = done(&f, "target", "select", args);
    assert_string_equal(text_at(result, "/selected/0"), "127.0.0.1:9102");
    assert_string_equal(text_at(result, "/selected/1"), "127.0.0.1:9100");
    assert_int_equal(nip__count(nip__pointer(result, "/remaining")), 2);
    close_world(&f);
}

static void illness_comes_and_goes(void **state)
{
    (void)state;
    fixture f;
    open_world(&f, "{\"initial\": {\"1.0\": 1}, \"versions\": {\"1.0\": {\"flap\": {\"interval\": \"10s\", "
                   "\"probability\": 0.5}}}}");
    int healthy = 0;
    for (int i = 0; i < 100; i++) {
        pass(&f, 10 * NIP_SECOND);
        healthy += nip__sim_world_find(nip__sim_world_of(f.sim), "1.0")->healthy == 1;
    }
    assert_true(healthy > 20 && healthy < 80);
    close_world(&f);
}

/* ---- router ---- */

static const char half[] =
    "{\"canary\": \"1.1\", \"groups\": {\"1.0\": {\"share\": 50, \"endpoints\": [\"127.0.0.1:9100\",\"127.0.0.1:9101\","
    "\"127.0.0.1:9102\",\"127.0.0.1:9103\"]}, \"1.1\": {\"share\": 50, \"endpoints\": [\"127.0.0.1:9104\"]}}}";
static const char none[] = "{\"canary\": \"1.1\", \"groups\": {\"1.0\": {\"share\": 100, \"endpoints\": "
                           "[\"127.0.0.1:9100\",\"127.0.0.1:9101\","
                           "\"127.0.0.1:9102\",\"127.0.0.1:9103\"]}}, \"drain\": [\"127.0.0.1:9104\"]}";

static void add_new_instance(fixture *f)
{
    done(f, "target", "instances", "{\"versions\": {\"1.1\": {\"replicas\": 1}}}");
    pass(f, 3 * NIP_SECOND);
}

static void a_write_never_overshoots_on_the_way(void **state)
{
    (void)state;
    fixture f;
    open_world(&f, four);
    add_new_instance(&f);
    f.watched = "1.1";
    const nip__value *result = done(&f, "router", "route", half);
    assert_int_equal(number_at(result, "/groups/1.1/share"), 50);
    assert_true(f.worst <= 50.000001 && f.writes == 5);
    f.worst = 0;
    result = done(&f, "router", "route", none);
    assert_int_equal(number_at(result, "/groups/1.0/share"), 100);
    assert_true(f.worst <= 50.000001);
    assert_int_equal(f.unserved_writes, 0);
    close_world(&f);
}

static void drained_sessions_end_and_cutting_them_is_seen(void **state)
{
    (void)state;
    const char *ask_one = "{\"endpoints\": [\"127.0.0.1:9104\"]}";
    for (int drained = 0; drained <= 1; drained++) {
        fixture f;
        open_world(&f, four);
        add_new_instance(&f);
        done(&f, "router", "route", half);
        done(&f, "router", "route", none);
        assert_true(number_at(done(&f, "router", "sessions", ask_one), "/sessions") > 0);
        if (drained) {
            pass(&f, 3 * NIP_SECOND);
            assert_int_equal(number_at(done(&f, "router", "sessions", ask_one), "/sessions"), 0);
        }
        done(&f, "target", "instances", "{\"versions\": {\"1.1\": {\"replicas\": 0}}}");
        assert_int_equal(nip__sim_world_of(f.sim)->sessions_cut > 0, !drained);
        close_world(&f);
    }
}

static void settling_tells_how_things_stand(void **state)
{
    (void)state;
    fixture f;
    open_world(&f, four);
    add_new_instance(&f);
    order settle = {.role = "router", .verb = "route", .args = half, .before = none, .settles = true};
    assert_string_equal(text_at(ask(&f, settle), "/outcome"), "not_yet");
    begin(&f, (order){.role = "router", .verb = "route", .args = half});
    pass(&f, 40 * NIP_MILLISECOND); /* some slots were written, some were not */
    nip__sim_drop(f.sim, &f, NULL);
    assert_true(f.writes > 0 && f.writes < 5);
    assert_string_equal(text_at(ask(&f, settle), "/outcome"), "not_yet");
    done(&f, "router", "route", half);
    const nip__value *outcome = ask(&f, settle);
    assert_string_equal(text_at(outcome, "/outcome"), "in_force");
    assert_int_equal(number_at(outcome, "/result/groups/1.1/share"), 50);
    assert_true(nip__sim_world_write(nip__sim_world_of(f.sim), 9100, 0, 77, NIP__SIM_READY, NULL));
    assert_string_equal(text_at(ask(&f, settle), "/outcome"), "foreign");
    nip__sim_world_restart_router(nip__sim_world_of(f.sim));
    outcome = ask(&f, settle);
    assert_string_equal(text_at(outcome, "/outcome"), "foreign");
    assert_string_equal(text_at(outcome, "/reason"), "router_restarted");
    close_world(&f);
}

#define COPIES(list, percent) "{\"version\": \"1.1\", \"endpoints\": [" list "], \"percent\": " percent "}"

static void mirrors_and_settles(void **state)
{
    (void)state;
    fixture f;
    open_world(&f, four);
    add_new_instance(&f);
    nip__sim_world *world = nip__sim_world_of(f.sim);
    int64_t errors = world->user_errors;
    order settle = {.role = "router",
                    .verb = "mirror",
                    .args = COPIES("\"127.0.0.1:9104\"", "50"),
                    .before = COPIES("", "0"),
                    .settles = true};
    assert_string_equal(text_at(ask(&f, settle), "/outcome"), "not_yet");
    done(&f, "router", "mirror", settle.args);
    const nip__value *outcome = ask(&f, settle);
    assert_string_equal(text_at(outcome, "/outcome"), "in_force");
    assert_int_equal(number_at(outcome, "/result/mirror/percent"), 50);
    pass(&f, 10 * NIP_SECOND);
    assert_true(nip__sim_world_mirrored(world, 9104)->requests > 0);
    assert_int_equal(nip__sim_world_find(world, "1.1")->requests, 0);
    assert_int_equal(world->user_errors, errors);
    world->mirror_percent = 7;
    assert_string_equal(text_at(ask(&f, settle), "/outcome"), "foreign");
    nip__sim_world_restart_router(world);
    outcome = ask(&f, settle);
    assert_string_equal(text_at(outcome, "/outcome"), "foreign");
    assert_string_equal(text_at(outcome, "/reason"), "router_restarted");
    close_world(&f);
}

static void settling_instances(void **state)
{
    (void)state;
    fixture f;
    open_world(&f, four);
    order settle = {.role = "target",
                    .verb = "instances",
                    .settles = true,
                    .args = "{\"versions\": {\"1.1\": {\"replicas\": 2, \"endpoints\": []}}}"};
    assert_string_equal(text_at(ask(&f, settle), "/outcome"), "not_yet");
    begin(&f, (order){.role = "target", .verb = "instances", .args = settle.args});
    pass(&f, 26 * NIP_MILLISECOND);
    nip__sim_drop(f.sim, &f, NULL);
    assert_int_equal(nip__sim_world_find(nip__sim_world_of(f.sim), "1.1")->running, 1);
    assert_string_equal(text_at(ask(&f, settle), "/outcome"), "not_yet");
    done(&f, "target", "instances", settle.args);
    const nip__value *outcome = ask(&f, settle);
    assert_string_equal(text_at(outcome, "/outcome"), "in_force");
    assert_int_equal(nip__count(nip__pointer(outcome, "/result/started")), 2);
    close_world(&f);
}

/* ---- strangers ---- */

static void strangers_are_nobodys_until_they_are_adopted(void **state)
{
    fixture f;
    (void)state;
    open_world(&f, "{\"initial\": {\"1.0\": 2}, \"strangers\": true}");
    order settle = {.role = "target",
                    .verb = "adopt",
                    .args = "{\"version\":\"1.0\",\"endpoints\":[\"127.0.0.1:9100\",\"127.0.0.1:9101\"]}",
                    .settles = true};
    assert_int_equal(nip__count(nip__get(done(&f, "target", "observe", NULL), "versions")), 0);
    assert_string_equal(text_at(ask(&f, settle), "/outcome"), "not_yet");
    done(&f, "target", "instances", "{\"versions\":{\"1.0\":{\"replicas\":0}}}"); /* stops none of them */
    done(&f, "target", "adopt", settle.args);
    const nip__value *outcome = ask(&f, settle);
    assert_string_equal(text_at(outcome, "/outcome"), "in_force");
    assert_int_equal(nip__count(nip__pointer(outcome, "/result/endpoints")), 2);
    assert_int_equal(number_at(done(&f, "target", "observe", NULL), "/versions/1.0/running"), 2);
    settle.args = "{\"version\":\"1.1\",\"endpoints\":[\"127.0.0.1:9100\"]}"; /* of another version */
    assert_string_equal(text_at(ask(&f, settle), "/outcome"), "foreign");
    settle.settles = false;
    assert_string_equal(text_at(ask(&f, settle), "/reason"), "foreign");
    settle.args = "{\"version\":\"1.0\",\"endpoints\":[\"127.0.0.1:9150\"]}"; /* nobody there */
    assert_string_equal(text_at(ask(&f, settle), "/reason"), "foreign");
    settle.args = "{\"version\":\"1.0\",\"endpoints\":[]}";
    assert_string_equal(text_at(ask(&f, settle), "/reason"), "bad_arguments");
    close_world(&f);
}

static void bad_routes_are_refused_and_change_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *args, *reason;
    } cases[] = {
        {"{}", "bad_arguments"},
        {"{\"groups\": {\"1.0\": {\"share\": 101, \"endpoints\": [\"127.0.0.1:9100\"]}}}", "bad_arguments"},
        {"{\"groups\": {\"1.0\": {\"share\": 10, \"endpoints\": [\"10.0.0.1:9100\"]}}}", "bad_arguments"},
        {"{\"groups\": {\"1.0\": {\"share\": 10, \"endpoints\": [7]}}}", "bad_arguments"},
        {"{\"groups\": {\"1.0\": {\"share\": 10, \"endpoints\": []}}}", "bad_arguments"},
        {"{\"groups\": {\"1.0\": {\"share\": 10, \"endpoints\": [\"127.0.0.1:9100\", \"127.0.0.1:9100\"]}}}",
         "bad_arguments"},
        {"{\"groups\": {\"1.0\": {\"share\": 100, \"endpoints\": [\"127.0.0.1:9105\"]}}}", "no_slots"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture f;
        open_world(&f, "{\"initial\": {\"1.0\": 4}, \"slots\": 4}");
        const nip__value *outcome = ask(&f, (order){.role = "router", .verb = "route", .args = cases[i].args});
        assert_string_equal(text_at(outcome, "/reason"), cases[i].reason);
        assert_int_equal(f.writes, 0);
        close_world(&f);
    }
}

/* ---- traffic ---- */

static const char measure_both[] =
    "{\"versions\": {\"1.0\": {\"endpoints\": [\"127.0.0.1:9100\",\"127.0.0.1:9101\",\"127.0.0.1:9102\","
    "\"127.0.0.1:9103\"]}, \"1.1\": {\"endpoints\": [\"127.0.0.1:9104\"]}}}";

static void counters_follow_shares_and_error_rates(void **state)
{
    (void)state;
    fixture f;
    open_world(
        &f, "{\"initial\": {\"1.0\": 4}, \"requests_per_second\": 1000, \"versions\": {\"1.1\": {\"error_rate\": 0.2, "
            "\"latency_p95\": 0.7}}}");
    add_new_instance(&f);
    done(&f, "router", "route", half);
    pass(&f, 100 * NIP_SECOND);
    const nip__value *measured = done(&f, "metrics", "measure", measure_both);
    int64_t total = number_at(measured, "/versions/1.1/counters/127.0.0.1:9104/total");
    int64_t errors = number_at(measured, "/versions/1.1/counters/127.0.0.1:9104/errors");
    assert_true(total > 49000 && total < 51000);
    assert_true(errors > total / 5 - 1000 && errors < total / 5 + 1000);
    assert_int_equal(number_at(measured, "/versions/1.0/counters/127.0.0.1:9100/errors"), 0);
    double p95;
    assert_true(nip__number(nip__pointer(measured, "/versions/1.1/values/latency_p95"), &p95) && p95 == 0.7);
    assert_int_equal(nip__sim_world_of(f.sim)->user_errors, 0);
    close_world(&f);
}

static void few_errors_are_drawn_exactly(void **state)
{
    (void)state;
    fixture f;
    int64_t errors = 0, total = 0;
    open_world(&f, "{\"initial\": {\"1.0\": 4}, \"error_rate\": 0.01}");
    for (int i = 0; i < 1000; i++)
        pass(&f, 2 * NIP_SECOND); /* 200 requests, 2 errors expected each time */
    const nip__sim_version *version = nip__sim_world_find(nip__sim_world_of(f.sim), "1.0");
    errors = version->errors;
    total = version->requests;
    assert_true(total >= 199990 && total <= 200000);
    assert_true(errors > 1800 && errors < 2200); /* 2000, standard deviation 44 */
    close_world(&f);
}

static void a_restarted_router_knows_nobody(void **state)
{
    (void)state;
    fixture f;
    open_world(&f, "{\"initial\": {\"1.0\": 4}, \"router_restart\": [\"60s\"]}");
    pass(&f, 61 * NIP_SECOND);
    assert_true(nip__pointer(done(&f, "router", "observe", NULL), "/restarted")->as.boolean);
    assert_int_equal(nip__count(nip__pointer(done(&f, "metrics", "measure", measure_both), "/versions/1.0/counters")),
                     0);
    assert_true(nip__sim_world_of(f.sim)->unrouted >= 100);
    done(&f, "router", "route", "{\"groups\": {\"1.0\": {\"share\": 100, \"endpoints\": [\"127.0.0.1:9100\"]}}}");
    assert_false(nip__pointer(done(&f, "router", "observe", NULL), "/restarted")->as.boolean);
    close_world(&f);
}

static void traffic_to_the_unhealthy_is_seen(void **state)
{
    (void)state;
    fixture f;
    open_world(&f, "{\"initial\": {\"1.0\": 2}, \"versions\": {\"1.0\": {\"exit_after\": \"10s\"}}}");
    pass(&f, 20 * NIP_SECOND);
    const nip__sim_version *version = nip__sim_world_find(nip__sim_world_of(f.sim), "1.0");
    assert_int_equal(version->helpless, 10 * NIP_SECOND);
    assert_true(nip__sim_world_of(f.sim)->user_errors >= 999);
    assert_int_equal(version->ill_since, START + 10 * NIP_SECOND);
    close_world(&f);
}

static void equal_seeds_give_equal_worlds(void **state)
{
    (void)state;
    int64_t errors[3];
    for (int i = 0; i < 3; i++) {
        fixture f;
        open_world(&f, i < 2 ? "{\"initial\": {\"1.0\": 3}, \"error_rate\": 0.1, \"seed\": 7}"
                             : "{\"initial\": {\"1.0\": 3}, \"error_rate\": 0.1, \"seed\": 8}");
        pass(&f, 1000 * NIP_SECOND);
        errors[i] = nip__sim_world_find(nip__sim_world_of(f.sim), "1.0")->errors;
        close_world(&f);
    }
    assert_int_equal(errors[0], errors[1]);
    assert_int_not_equal(errors[0], errors[2]);
}

/* ---- faults ---- */

static void fates(void **state)
{
    (void)state;
    static const struct {
        nip__sim_fate fate;
        const char *outcome; /* NULL: no answer */
        int64_t running;
        int retryable;
    } cases[] = {
        {{.kind = NIP__SIM_FINE}, "done", 2, 0},
        {{.kind = NIP__SIM_FAILS}, "failed", 0, 1},
        {{.kind = NIP__SIM_FAILS_FOR_GOOD}, "failed", 0, 0},
        {{.kind = NIP__SIM_FAILS_MIDWAY}, "failed", 1, 1},
        {{.kind = NIP__SIM_LOST_BEFORE}, NULL, 0, 0},
        {{.kind = NIP__SIM_LOST_AFTER}, NULL, 2, 0},
        {{.kind = NIP__SIM_LATE, .delay = NIP_HOUR}, "done", 2, 0},
        {{.kind = NIP__SIM_REPEATED}, "done", 2, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture f;
        open_world(&f, "{}");
        const nip__value *outcome = ask(&f, (order){.role = "target",
                                                    .verb = "instances",
                                                    .fate = cases[i].fate,
                                                    .args = "{\"versions\": {\"1.0\": {\"replicas\": 2}}}"});
        const nip__sim_version *version = nip__sim_world_find(nip__sim_world_of(f.sim), "1.0");
        if (cases[i].outcome == NULL)
            assert_null(outcome);
        else
            assert_string_equal(text_at(outcome, "/outcome"), cases[i].outcome);
        assert_int_equal(version != NULL ? version->running : 0, cases[i].running);
        assert_int_equal(nip__get_bool(outcome, "retryable", false), cases[i].retryable);
        assert_int_equal(f.now - START > NIP_HOUR, cases[i].fate.delay > 0);
        assert_int_equal(wait(&f) != NULL, cases[i].fate.kind == NIP__SIM_REPEATED);
        close_world(&f);
    }
}

static void no_data_is_a_problem_and_not_a_zero(void **state)
{
    (void)state;
    fixture f;
    open_world(&f, four);
    const nip__value *outcome = ask(
        &f, (order){.role = "metrics", .verb = "measure", .args = measure_both, .fate = {.kind = NIP__SIM_NO_DATA}});
    assert_null(nip__pointer(outcome, "/result/versions/1.0/counters"));
    assert_int_equal(nip__count(nip__pointer(outcome, "/result/versions/1.0/problems")), 1);
    close_world(&f);
}

static void unknown_verbs_are_refused(void **state)
{
    (void)state;
    fixture f;
    open_world(&f, "{}");
    nip_action action = {.id = "x", .role = "target", .verb = "explode"};
    assert_int_equal(nip__sim_begin(f.sim, &action, &f, NULL, f.now, NULL), NIP_E_UNSUPPORTED);
    close_world(&f);
}

/* ---- out of memory ---- */

static void fill_orders(fixture *f)
{
    static const order orders[] = {
        {.role = "target", .verb = "instances", .args = "{\"versions\": {\"1.1\": {\"replicas\": 2}}}"},
        {.role = "router", .verb = "route", .args = half},
        {.role = "target", .verb = "select", .args = "{\"version\": \"1.0\", \"count\": 2}"},
        {.role = "metrics", .verb = "measure", .args = measure_both},
        {.role = "router", .verb = "observe"},
        {.role = "target", .verb = "observe"},
    };
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        nip_action action = {.id = "test-1.1", .role = orders[i].role, .verb = orders[i].verb};
        action.args_value = orders[i].args != NULL ? json(f, orders[i].args) : NULL;
        f->orders[i] = action;
    }
    f->order_count = sizeof orders / sizeof orders[0];
}

/* Whatever allocation fails, each action that was begun is answered, and nothing leaks. */
static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    fixture f = {.arena = nip__arena_new(), .now = START};
    nip__value *settings = json(&f, four);
    fill_orders(&f);
    long alive = allocations_alive();
    for (long k = 1, seen = k; seen >= k - 1; k++) {
        fail_allocation(k, 0);
        f.now = START;
        bool open = nip__sim_new(settings, &f.sim, NULL) == 0;
        open = open && nip__sim_advance(f.sim, f.now);
        for (size_t i = 0; open && i < f.order_count; i++) {
            const char *id, *outcome;
            if (nip__sim_begin(f.sim, &f.orders[i], &f, NULL, f.now, NULL) < 0)
                continue;
            while (!nip__sim_answer(f.sim, &f, &id, &outcome)) {
                f.now = nip__sim_next(f.sim, &f);
                assert_true(f.now != NIP_TIME_MAX);
                nip__sim_advance(f.sim, f.now);
            }
        }
        seen = allocations_seen();
        fail_allocation(0, 0);
        nip__sim_free(f.sim);
        f.sim = NULL;
        assert_int_equal(allocations_alive(), alive);
    }
    nip__arena_free(f.arena);
}

/* ---- the driver ---- */

typedef struct post {
    char text[4096];
    int count;
} post;

static int take(void *poster, nip_action *action, const char *outcome, nip_error **err)
{
    (void)action;
    (void)err;
    post *p = poster;
    p->count++;
    snprintf(p->text, sizeof p->text, "%s", outcome);
    return 0;
}

static void drivers_of_one_world_share_it(void **state)
{
    (void)state;
    nip_ctx *ctx = NULL;
    nip_driver *target = NULL, *router = NULL, *other = NULL;
    post answer = {.count = 0};
    assert_int_equal(nip_ctx_new(&ctx, NULL), 0);
    assert_int_equal(nip_driver_open(ctx, "sim", "{\"initial\": {\"1.0\": 2}}", &target, NULL), 0);
    assert_int_equal(nip_driver_open(ctx, "sim", "{\"slots\": 9}", &router, NULL), 0);
    assert_int_equal(nip_driver_open(ctx, "sim", "{\"slots\": 8}", &other, NULL), NIP_E_DOCUMENT);
    assert_int_equal(nip_driver_open(ctx, "sim", "{\"slots\": 8, \"world\": \"other\"}", &other, NULL), 0);
    nip_driver *drivers[] = {router, other};
    static const char *const wanted[] = {"\"slots\":9", "\"slots\":8"};
    for (int i = 0; i < 2; i++) {
        nip_action action = {.id = "a", .role = "router", .verb = "observe", .post = take, .poster = &answer};
        assert_int_equal(drivers[i]->vtable.start(drivers[i]->self, &action, START, NULL), 0);
        nip_time wake = 0;
        for (int turn = 0; answer.count <= i && turn < 10; turn++) {
            wake = drivers[i]->vtable.wake(drivers[i]->self);
            assert_int_equal(drivers[i]->vtable.dispatch(drivers[i]->self, wake, NULL), 0);
        }
        assert_int_equal(answer.count, i + 1);
        assert_non_null(strstr(answer.text, wanted[i]));
        assert_int_equal(strstr(answer.text, "127.0.0.1:9101") != NULL, i == 0);
    }
    assert_int_equal(nip_driver_open(ctx, "sim", "{\"initial\": {\"1.0\": 2}, \"host\": \"127.0.0.2\"}", &other, NULL),
                     NIP_E_STATE);
    for (int i = 0; i < 2; i++)
        nip_driver_free(drivers[i]);
    nip_driver_free(target);
    nip_ctx_free(ctx);
}

static void cancelled_actions_are_not_answered(void **state)
{
    (void)state;
    fixture f;
    nip_driver *driver = NULL;
    post answer = {.count = 0};
    open_world(&f, four);
    assert_int_equal(nip__sim_driver(f.sim, &driver, NULL), 0);
    nip_action action = {.id = "a", .role = "router", .verb = "observe", .post = take, .poster = &answer};
    assert_int_equal(driver->vtable.start(driver->self, &action, f.now, NULL), 0);
    driver->vtable.cancel(driver->self, &action);
    assert_int_equal(driver->vtable.wake(driver->self), NIP_TIME_MAX);
    assert_int_equal(driver->vtable.dispatch(driver->self, f.now + NIP_HOUR, NULL), 0);
    assert_int_equal(answer.count, 0);
    nip_driver_free(driver);
    close_world(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(target_says_which_ports_are_too_few),
        cmocka_unit_test(initial_world_is_healthy_and_routed),
        cmocka_unit_test(instances_start_first_and_stop_last),
        cmocka_unit_test(repeating_instances_changes_nothing),
        cmocka_unit_test(exited_instances_are_replaced),
        cmocka_unit_test(starting_can_fail),
        cmocka_unit_test(select_takes_dead_and_unhealthy_ones_first),
        cmocka_unit_test(illness_comes_and_goes),
        cmocka_unit_test(a_write_never_overshoots_on_the_way),
        cmocka_unit_test(drained_sessions_end_and_cutting_them_is_seen),
        cmocka_unit_test(settling_tells_how_things_stand),
        cmocka_unit_test(mirrors_and_settles),
        cmocka_unit_test(settling_instances),
        cmocka_unit_test(strangers_are_nobodys_until_they_are_adopted),
        cmocka_unit_test(bad_routes_are_refused_and_change_nothing),
        cmocka_unit_test(counters_follow_shares_and_error_rates),
        cmocka_unit_test(few_errors_are_drawn_exactly),
        cmocka_unit_test(a_restarted_router_knows_nobody),
        cmocka_unit_test(traffic_to_the_unhealthy_is_seen),
        cmocka_unit_test(equal_seeds_give_equal_worlds),
        cmocka_unit_test(fates),
        cmocka_unit_test(no_data_is_a_problem_and_not_a_zero),
        cmocka_unit_test(unknown_verbs_are_refused),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(drivers_of_one_world_share_it),
        cmocka_unit_test(cancelled_actions_are_not_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
