/* Runs driven by next and complete, without drivers: what the machine decides, record by record. */
#include "run_fixture.h"

static void test_forward(void **state)
{
    (void)state;
    fixture f = begin(PLAN(WRITE("one", "") "," WRITE("two", ",\"wait\":\"1m\""), "", ",\"release\":{\"version\":\"2\"}"));
    assert_string_equal(nip_run_id(f.run), "shop-1");
    assert_int_equal(drive(&f, always_done, NULL, NIP_TIME_MAX - 1), NIP_RUN_DONE);
    assert_string_equal(nip_run_state(f.run), "succeeded");
    assert_int_equal(f.answers, 2);
    assert_true(f.now == START + NIP_MINUTE);
    char *release = NULL;
    assert_int_equal(nip_release_read(f.store, "shop", &release, NULL), 0);
    assert_string_equal(release, "{\"version\":\"2\"}");
    nip_free(release);
    assert_replays(&f);
    end(&f);
}

/* The plan of a large app holds all that was observed of it: more than a note may have. */
static void test_large_plan(void **state)
{
    (void)state;
    enum { LONG = 2 * NIP_RECORD_MAX };
    char *plan = malloc(LONG + 1024);
    assert_non_null(plan);
    int length = snprintf(plan, 1024, "{\"v\":1,\"kind\":\"plan\",\"subject\":\"shop\",\"title\":\"t\",\"steps\":[" WRITE("one", "")
                                      "],\"back\":[],\"observed\":{\"text\":\"");
    memset(plan + length, 'x', LONG);
    memcpy(plan + length + LONG, "\"}}", sizeof "\"}}");
    fixture f = begin(plan);
    free(plan);
    assert_int_equal(drive(&f, always_done, NULL, NIP_TIME_MAX - 1), NIP_RUN_DONE);
    assert_replays(&f);
    end(&f);
}

/* ---- failures ---- */

static void test_failures(void **state)
{
    (void)state;
    const struct {
        const char *name, *step, *outcomes[4], *settled, *ends;
        int calls, settles;
    } rows[] = {
        {"first step stops", ",\"on_failure\":\"stop\"", {FAILED("x", "false")}, NULL, "stopped", 1, 0},
        {"nothing to take back", "", {FAILED("x", "false")}, NULL, "stopped", 1, 0},
        {"goes back", ",\"back\":0", {FAILED("x", "false"), DONE}, NULL, "returned", 2, 0},
        {"not retried without retry", ",\"back\":0", {FAILED("x", "true"), DONE}, NULL, "returned", 2, 0},
        {"retried", ",\"back\":0,\"retry\":{\"attempts\":3}", {FAILED("x", "true"), FAILED("x", "true"), DONE}, NULL, "succeeded", 3, 0},
        {"not retryable", ",\"back\":0,\"retry\":{\"attempts\":3}", {FAILED("x", "false"), DONE}, NULL, "returned", 2, 0},
        {"retries run out", ",\"back\":0,\"retry\":{\"attempts\":2}", {FAILED("x", "true"), FAILED("x", "true"), DONE}, NULL, "returned", 3, 0},
        {"goes on", ",\"back\":0,\"on_failure\":\"continue\"", {FAILED("x", "false")}, NULL, "succeeded", 1, 0},
        {"lost but in force", ",\"back\":0", {"lost"}, "{\"outcome\":\"in_force\",\"result\":{}}", "succeeded", 1, 1},
        {"lost and too late", ",\"back\":0", {"lost", DONE}, "{\"outcome\":\"not_yet\"}", "returned", 2, 1},
        {"foreign", ",\"back\":0", {"lost", DONE}, "{\"outcome\":\"foreign\",\"message\":\"m\"}", "returned", 2, 1},
        {"the way back fails", ",\"back\":0", {FAILED("x", "false"), FAILED("y", "false")}, NULL, "broken", 2, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char plan[2048];
        snprintf(plan, sizeof plan,
                 "{\"v\":1,\"kind\":\"plan\",\"subject\":\"shop\",\"title\":\"t\",\"steps\":[{\"id\":\"one\",\"title\":\"one\",\"actions\":"
                 "[{\"role\":\"target\",\"verb\":\"instances\",\"args\":{}}]%s}],\"back\":[" WRITE("undo", "") "]}",
                 rows[i].step);
        fixture f = begin(plan);
        script world = {.settled = rows[i].settled};
        memcpy(world.outcomes, rows[i].outcomes, sizeof rows[i].outcomes);
        drive(&f, scripted, &world, NIP_TIME_MAX - 1);
        if (strcmp(nip_run_state(f.run), rows[i].ends) != 0 || world.calls != rows[i].calls || world.settles != rows[i].settles)
            fail_msg("%s: %s after %d calls and %d settles", rows[i].name, nip_run_state(f.run), world.calls, world.settles);
        assert_replays(&f);
        end(&f);
    }
}

static void test_the_way_back_goes_on_where_it_may(void **state)
{
    (void)state;
    fixture f = begin(PLAN(WRITE("one", ",\"back\":0"), WRITE("drain", ",\"on_failure\":\"continue\"") "," WRITE("clean", ""), ""));
    script world = {.outcomes = {FAILED("x", "false"), FAILED("y", "false"), DONE}};
    drive(&f, scripted, &world, NIP_TIME_MAX - 1);
    assert_string_equal(nip_run_state(f.run), "returned");
    assert_int_equal(world.calls, 3);
    end(&f);
}

static void test_abort_retries_a_broken_run(void **state)
{
    (void)state;
    fixture f = begin(PLAN(WRITE("one", ",\"back\":0"), WRITE("undo", "") "," WRITE("clean", ""), ""));
    script world = {.outcomes = {FAILED("x", "false"), FAILED("y", "false"), DONE}};
    drive(&f, scripted, &world, NIP_TIME_MAX - 1);
    assert_string_equal(nip_run_state(f.run), "broken");
    nip_error *err = NULL;
    char *status = NULL;
    check(nip_run_status(f.run, f.now, &status, &err), err);
    assert_non_null(strstr(status, "\"stands\":{\"one\":{\"verb\":\"instances\",\"outcome\":\"failed\""));
    assert_non_null(strstr(status, "\"undo\":{\"verb\":\"instances\",\"outcome\":\"failed\""));
    nip_free(status);
    check(nip_run_request(f.store, "shop-1", "abort", "ann", NULL, f.now, NULL, &err), err);
    crash_and_resume(&f, NIP_SECOND);
    drive(&f, scripted, &world, NIP_TIME_MAX - 1);
    assert_string_equal(nip_run_state(f.run), "returned");
    assert_int_equal(world.calls, 4); /* one, undo, undo, clean */
    assert_replays(&f);
    end(&f);
}

/* Whatever somebody gives for a reason, the request counts; its beginning is kept. */
static void test_a_long_reason(void **state)
{
    (void)state;
    enum { LONG = 3 * 1024 * 1024 + 1 };
    fixture f = begin(PLAN(WRITE("one", ",\"back\":0"), WRITE("undo", ""), ""));
    char *why = malloc(LONG + 1);
    assert_non_null(why);
    for (size_t i = 0; i < LONG; i++)
        why[i] = i == 0 ? 'x' : i % 2 == 1 ? '\xc3' : '\xa4';
    why[LONG] = '\0';
    nip_error *err = NULL;
    char *json = NULL;
    check(nip_run_request(f.store, "shop-1", "abort", "ann", why, f.now, NULL, &err), err);
    check(nip_journal_read(f.store, "shop", 1, 1, &json, &err), err);
    assert_non_null(strstr(json, "\"why\":\"x\xc3\xa4"));
    assert_non_null(strstr(json, "\xc3\xa4... (cut: 3145729 bytes in all)\"")); /* a whole character before it */
    assert_true(strlen(json) < 70000);
    nip_free(json);
    free(why);
    end(&f);
}

/* ---- conditions ---- */

static void test_until(void **state)
{
    (void)state;
    const char *plan = PLAN(WRITE("one", ",\"back\":0,\"deadline\":\"1m\",\"until\":{" LOOK ",\"interval\":\"10s\",\"successes\":2,"
                                  "\"fails\":[{\"at\":\"/exited\",\"op\":\">\",\"value\":0}]}"),
                            WRITE("undo", ""), "");
    const struct {
        int good_after, fatal_at, looks;
        const char *ends;
    } rows[] = {
        {0, 0, 2, "succeeded"},  /* twice in a row */
        {3, 0, 5, "succeeded"},
        {99, 0, 7, "returned"},  /* 0, 10, ... 60: one look at the deadline */
        {99, 2, 2, "returned"},  /* fails at once */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture f = begin(plan);
        health_world world = {.good_after = rows[i].good_after, .fatal_at = rows[i].fatal_at, .now = &f.now};
        drive(&f, health, &world, NIP_TIME_MAX - 1);
        assert_string_equal(nip_run_state(f.run), rows[i].ends);
        assert_int_equal(world.looks, rows[i].looks);
        assert_replays(&f);
        end(&f);
    }
}

static void test_no_deadline_without_a_look_after_it(void **state)
{
    (void)state;
    fixture f = begin(PLAN(WRITE("one", ",\"back\":0,\"deadline\":\"1m\",\"until\":{" LOOK ",\"interval\":\"40s\"}"), WRITE("undo", ""), ""));
    health_world world = {.good_after = 1, .now = &f.now};
    drive(&f, health, &world, START + 30 * NIP_SECOND); /* one bad look; the next is due at 40 s */
    assert_int_equal(world.looks, 1);
    f.now = START + NIP_HOUR; /* the process was stopped for an hour: the deadline is long over */
    drive(&f, health, &world, NIP_TIME_MAX - 1);
    assert_int_equal(world.looks, 2);
    assert_string_equal(nip_run_state(f.run), "succeeded");
    end(&f);
}

static void test_require_waits(void **state)
{
    (void)state;
    fixture f = begin(PLAN(WRITE("one", ",\"require\":{" LOOK ",\"interval\":\"5s\"}"), "", ""));
    health_world world = {.good_after = 3, .now = &f.now};
    drive(&f, health, &world, NIP_TIME_MAX - 1);
    assert_string_equal(nip_run_state(f.run), "succeeded");
    assert_true(world.last_look == START + 15 * NIP_SECOND);
    end(&f);
}

/* ---- crash and resume ---- */

static void test_crash_settles(void **state)
{
    (void)state;
    const struct {
        const char *settled, *ends;
        int calls;
    } rows[] = {
        {"{\"outcome\":\"in_force\",\"result\":{}}", "succeeded", 1},
        {"{\"outcome\":\"not_yet\"}", "succeeded", 2},
        {"{\"outcome\":\"foreign\",\"reason\":\"router_restarted\"}", "succeeded", 2},
        {"{\"outcome\":\"foreign\",\"message\":\"somebody else\"}", "returned", 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture f = begin(PLAN(WRITE("one", ",\"back\":0,\"deadline\":\"1m\""), WRITE("undo", ""), ""));
        script world = {.outcomes = {"lost", DONE}, .settled = rows[i].settled};
        drive(&f, scripted, &world, START + NIP_SECOND);
        char first[64];
        snprintf(first, sizeof first, "%s", f.last_id);
        crash_and_resume(&f, NIP_HOUR); /* longer than the deadline: time without a driver does not count */
        drive(&f, scripted, &world, NIP_TIME_MAX - 1);
        assert_string_equal(nip_run_state(f.run), rows[i].ends);
        assert_int_equal(world.calls, rows[i].calls);
        assert_int_equal(world.settles, 1);
        if (strcmp(rows[i].settled, "{\"outcome\":\"not_yet\"}") == 0)
            assert_string_equal(f.last_id, first); /* handed out again under its own name */
        assert_replays(&f);
        end(&f);
    }
}

static void test_a_wait_counts_driven_time(void **state)
{
    (void)state;
    fixture f = begin(PLAN(WRITE("one", ",\"wait\":\"10m\""), "", ""));
    drive(&f, always_done, NULL, START + NIP_SECOND);
    assert_string_equal(nip_run_state(f.run), "waiting");
    crash_and_resume(&f, NIP_HOUR);
    nip_time resumed = f.now;
    assert_int_equal(drive(&f, always_done, NULL, resumed + 9 * NIP_MINUTE), NIP_RUN_WAIT);
    assert_int_equal(drive(&f, always_done, NULL, resumed + 10 * NIP_MINUTE), NIP_RUN_DONE);
    end(&f);
}

static void test_an_action_in_doubt_that_counts_once(void **state)
{
    (void)state;
    const char *const requests[] = {"promote", "abort"};
    const char *const ends[] = {"succeeded", "returned"};
    for (int i = 0; i < 2; i++) {
        fixture f = begin(PLAN("{\"id\":\"mail\",\"title\":\"mail\",\"back\":0,\"actions\":[{\"role\":\"notify\",\"verb\":\"send\",\"args\":{}}]}",
                               WRITE("undo", ""), ""));
        script world = {.outcomes = {"lost", DONE}};
        drive(&f, scripted, &world, START + NIP_SECOND);
        crash_and_resume(&f, NIP_SECOND);
        drive(&f, scripted, &world, f.now + NIP_MINUTE);
        assert_string_equal(nip_run_state(f.run), "paused");
        assert_int_equal(world.calls, 1);
        request(&f, requests[i]);
        drive(&f, scripted, &world, NIP_TIME_MAX - 1);
        assert_string_equal(nip_run_state(f.run), ends[i]);
        assert_int_equal(world.settles, 0);
        assert_replays(&f);
        end(&f);
    }
}

static void test_late_and_repeated_answers_are_ignored(void **state)
{
    (void)state;
    fixture f = begin(PLAN(WRITE("one", ",\"retry\":{\"attempts\":2}"), "", ""));
    script world = {.outcomes = {FAILED("x", "true"), DONE}};
    nip_error *err = NULL;
    const nip_action *action = NULL;
    nip_time until = 0;
    assert_int_equal(nip_run_next(f.run, f.now, &action, &until, &err), NIP_RUN_ACTION);
    check(nip_run_complete(f.run, f.now, "shop-1.1", FAILED("x", "true"), &err), err);
    check(nip_run_complete(f.run, f.now, "shop-1.1", DONE, &err), err); /* repeated, and better: still ignored */
    world.calls = 1;
    drive(&f, scripted, &world, NIP_TIME_MAX - 1);
    assert_int_equal(world.calls, 2);
    assert_records(&f, "\"kind\":\"action.ignored\"", 1);
    assert_int_equal(nip_run_complete(f.run, f.now, "shop-1.99", DONE, &err), NIP_E_NOTFOUND);
    nip_error_free(err);
    err = NULL;
    assert_int_equal(nip_run_complete(f.run, f.now, "shop-1.1", "{\"outcome\":\"fine\"}", &err), NIP_E_INVALID);
    nip_error_free(err);
    assert_replays(&f);
    end(&f);
}

/* What a wait without end gives as its instant is none at which anything happens: nothing may be judged, or journaled, by it. */
static void test_never_is_no_present_instant(void **state)
{
    (void)state;
    fixture f = begin(PLAN(WRITE("one", ""), "", ""));
    const nip_action *action = NULL;
    nip_time until = 0;
    assert_int_equal(nip_run_next(f.run, f.now, &action, &until, NULL), NIP_RUN_ACTION);
    int64_t head = nip_run_sequence(f.run);
    assert_int_equal(nip_run_next(f.run, NIP_TIME_MAX, &action, &until, NULL), NIP_E_INVALID);
    assert_int_equal(nip_run_complete(f.run, NIP_TIME_MAX, "shop-1.1", DONE, NULL), NIP_E_INVALID);
    nip_run *again = NULL;
    assert_int_equal(nip_run_resume(f.store, "shop-1", NIP_TIME_MAX, &again, NULL), NIP_E_INVALID);
    assert_int_equal(nip_run_sequence(f.run), head);
    check(nip_run_complete(f.run, f.now, "shop-1.1", DONE, NULL), NULL);
    drive(&f, always_done, NULL, NIP_TIME_MAX - 1);
    assert_string_equal(nip_run_state(f.run), "succeeded");
    end(&f);
}

/* ---- requests ---- */

static void test_requests(void **state)
{
    (void)state;
    fixture f = begin(PLAN(WRITE("one", ",\"back\":0,\"wait\":\"10m\"") "," "{\"id\":\"ask\",\"title\":\"ask\",\"approve\":\"go on?\"}",
                           WRITE("undo", ""), ""));
    nip_error *err = NULL;
    drive(&f, always_done, NULL, START + NIP_SECOND);
    assert_int_equal(nip_run_request(f.store, "shop", "approve", "ann", NULL, f.now, NULL, &err), NIP_E_STATE);
    nip_error_free(err);
    err = NULL;
    assert_int_equal(nip_run_request(f.store, "shop", "explode", "ann", NULL, f.now, NULL, &err), NIP_E_INVALID);
    nip_error_free(err);
    err = NULL;
    request(&f, "pause");
    drive(&f, always_done, NULL, START + NIP_HOUR);
    assert_string_equal(nip_run_state(f.run), "paused");
    f.now += NIP_HOUR;
    request(&f, "promote"); /* ends the pause, not the wait: 10 minutes less the second are left */
    assert_int_equal(drive(&f, always_done, NULL, f.now + 9 * NIP_MINUTE), NIP_RUN_WAIT);
    assert_string_equal(nip_run_state(f.run), "waiting");
    request(&f, "promote"); /* ends the wait */
    drive(&f, always_done, NULL, f.now + NIP_SECOND);
    assert_records(&f, "\"why\":\"promoted\"", 2);
    request(&f, "approve");
    assert_int_equal(drive(&f, always_done, NULL, f.now + NIP_SECOND), NIP_RUN_DONE);
    assert_string_equal(nip_run_state(f.run), "succeeded");
    assert_int_equal(nip_run_request(f.store, "shop", "abort", "ann", NULL, f.now, NULL, &err), NIP_E_STATE);
    nip_error_free(err);
    assert_replays(&f);
    end(&f);
}

static void test_an_abort_wins_over_an_intent(void **state)
{
    (void)state;
    fixture f = begin(PLAN(WRITE("one", ",\"back\":0") "," WRITE("two", ""), WRITE("undo", ""), ""));
    nip_error *err = NULL;
    const nip_action *action = NULL;
    nip_time until = 0;
    assert_int_equal(nip_run_next(f.run, f.now, &action, &until, &err), NIP_RUN_ACTION);
    check(nip_run_complete(f.run, f.now, nip_action_id(action), DONE, &err), err);
    check(nip_run_request(f.store, "shop-1", "abort", "ann", NULL, f.now, NULL, &err), err);
    script world = {.outcomes = {DONE}}; /* no poll: the append itself finds the request */
    drive(&f, scripted, &world, NIP_TIME_MAX - 1);
    assert_string_equal(nip_run_state(f.run), "returned");
    assert_records(&f, "\"step\":\"two\",\"list\":\"forward\",\"action\"", 0);
    assert_replays(&f);
    end(&f);
}

static void test_one_run_at_a_time(void **state)
{
    (void)state;
    const char *json = PLAN(WRITE("one", ",\"wait\":\"1h\""), "", "");
    fixture f = begin(json);
    nip_error *err = NULL;
    nip_plan *plan = NULL;
    nip_run *second = NULL;
    check(nip_plan_from_json(json, strlen(json), &plan, &err), err);
    assert_int_equal(nip_run_new(plan, f.store, f.now, &second, &err), NIP_E_HELD);
    nip_error_free(err);
    err = NULL;
    drive(&f, always_done, NULL, f.now + NIP_SECOND);
    nip_run_free(f.run);
    f.run = NULL;
    assert_int_equal(nip_run_new(plan, f.store, f.now, &second, &err), NIP_E_STATE);
    nip_error_free(err);
    err = NULL;
    check(nip_run_resume(f.store, "shop", f.now, &f.run, &err), err);
    nip_plan_free(plan);
    end(&f);
}

/* ---- guards ---- */

#define GUARDED(more) \
    PLAN("{\"id\":\"route\",\"title\":\"route\",\"back\":0,\"fresh_window\":true,\"actions\":[{\"role\":\"router\",\"verb\":\"route\",\"args\":{}}]}," \
         "{\"id\":\"watch\",\"title\":\"watch\",\"wait\":\"5m\"}", \
         WRITE("undo", ""), \
         ",\"guards\":[{\"id\":\"g\",\"title\":\"g\",\"action\":{\"role\":\"metrics\",\"verb\":\"measure\",\"args\":{}},\"from\":\"route\",\"to\":\"watch\"," \
         "\"interval\":\"30s\",\"version\":\"2\",\"limits\":{\"error_rate\":0.01,\"latency_p95\":0.5}" more "}]")

static const char *restarted(void *world, const nip_action *action)
{
    (void)world;
    return strcmp(nip_action_verb(action), "measure") == 0 ? FAILED("router_restarted", "false") : DONE;
}

static void test_a_restarted_router_turns_the_run_back(void **state)
{
    (void)state;
    char plan[4096];
    snprintf(plan, sizeof plan, GUARDED("%s"), ",\"on_no_data\":\"pass\"");
    fixture f = begin(plan);
    drive(&f, restarted, NULL, NIP_TIME_MAX - 1);
    assert_string_equal(nip_run_state(f.run), "returned");
    assert_records(&f, "\"reason\":\"router_restarted\"", 3); /* the answer, the way back, the end */
    assert_replays(&f);
    end(&f);
}

typedef struct metrics_world {
    long errors, total;         /* so far */
    long errors_more, total_more; /* a tick */
    double latency;
    int ticks, silent_from, silent_to, reset_at;
    char text[512];
} metrics_world;

static const char *metrics(void *world, const nip_action *action)
{
    metrics_world *w = world;
    if (strcmp(nip_action_verb(action), "measure") != 0)
        return DONE;
    w->ticks++;
    w->errors += w->errors_more;
    w->total += w->total_more;
    if (w->reset_at == w->ticks)
        w->errors = w->total = 0;
    if (w->ticks >= w->silent_from && w->ticks <= w->silent_to)
        return "{\"outcome\":\"done\",\"result\":{\"versions\":{\"2\":{\"problems\":[\"empty\"]}}}}";
    snprintf(w->text, sizeof w->text,
             "{\"outcome\":\"done\",\"result\":{\"versions\":{\"2\":{\"counters\":{\"a\":{\"errors\":%ld,\"total\":%ld}},"
             "\"values\":{\"latency_p95\":%.3f}}}}}",
             w->errors, w->total, w->latency);
    return w->text;
}

static void test_guards(void **state)
{
    (void)state;
    const struct {
        const char *name, *more;
        metrics_world world;
        const char *ends, *record;
        int records;
    } rows[] = {
        {"good", "", {.total_more = 1000, .latency = 0.1}, "succeeded", "\"verdict\":\"pass\"}", 10},
        {"errors before the window do not count", "", {.errors = 900, .total = 1000, .total_more = 1000, .latency = 0.1}, "succeeded",
         "run.returning", 0},
        {"errors", "", {.errors_more = 100, .total_more = 1000, .latency = 0.1}, "returned", "\"reason\":\"guard_failed\"", 2},
        {"slow", "", {.total_more = 1000, .latency = 0.9}, "returned", "\"reason\":\"guard_failed\"", 2},
        {"a failing verdict within the limit", ",\"failure_limit\":9999", {.total_more = 1000, .latency = 0.9},
         "paused", "\"kind\":\"run.paused\"", 1},
        {"third failure in a row", ",\"failure_limit\":-1,\"consecutive_failure_limit\":2", {.total_more = 1000, .latency = 0.9}, "returned",
         "\"verdict\":\"fail\"}", 3},
        {"too few samples", "", {.total_more = 1, .latency = 0.1}, "paused", "\"kind\":\"run.paused\"", 1},
        {"no data at the end", "", {.total_more = 1000, .latency = 0.1, .silent_from = 9, .silent_to = 99}, "paused",
         "\"kind\":\"run.paused\"", 1},
        {"no data for a while", "", {.total_more = 1000, .latency = 0.1, .silent_from = 9, .silent_to = 14}, "succeeded", "run.waiting", 1},
        {"no data counts", ",\"on_no_data\":\"fail\"", {.total_more = 1000, .latency = 0.1, .silent_from = 4, .silent_to = 4}, "returned",
         "\"reason\":\"guard_failed\"", 2},
        {"no data passes", ",\"on_no_data\":\"pass\"", {.total_more = 1000, .latency = 0.1, .silent_from = 2, .silent_to = 99}, "succeeded",
         "run.paused", 0},
        {"a counter that fell begins a new window", "", {.total_more = 1000, .latency = 0.1, .reset_at = 4}, "succeeded",
         "\"restarted\":true", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char plan[4096];
        snprintf(plan, sizeof plan, GUARDED("%s"), rows[i].more);
        fixture f = begin(plan);
        metrics_world world = rows[i].world;
        drive(&f, metrics, &world, START + 2 * NIP_HOUR);
        while (strcmp(nip_run_state(f.run), "waiting") == 0 && f.now < START + NIP_HOUR)
            drive(&f, metrics, &world, f.now + NIP_MINUTE);
        if (strcmp(nip_run_state(f.run), rows[i].ends) != 0)
            fail_msg("%s: %s, wanted %s", rows[i].name, nip_run_state(f.run), rows[i].ends);
        assert_records(&f, rows[i].record, rows[i].records);
        assert_replays(&f);
        end(&f);
    }
}

static void test_limits_survive_a_resume(void **state)
{
    (void)state;
    char plan[4096];
    snprintf(plan, sizeof plan, GUARDED("%s"), ",\"failure_limit\":3");
    fixture f = begin(plan);
    metrics_world world = {.total_more = 1000, .latency = 0.9};
    drive(&f, metrics, &world, START + 70 * NIP_SECOND);
    assert_records(&f, "\"verdict\":\"fail\"}", 2);
    crash_and_resume(&f, NIP_HOUR);
    drive(&f, metrics, &world, NIP_TIME_MAX - 1);
    assert_string_equal(nip_run_state(f.run), "returned");
    assert_records(&f, "\"verdict\":\"fail\"}", 4);
    assert_records(&f, "\"kind\":\"guard.window\"", 2);
    assert_replays(&f);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward),
        cmocka_unit_test(test_a_long_reason),
        cmocka_unit_test(test_large_plan),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_the_way_back_goes_on_where_it_may),
        cmocka_unit_test(test_abort_retries_a_broken_run),
        cmocka_unit_test(test_until),
        cmocka_unit_test(test_no_deadline_without_a_look_after_it),
        cmocka_unit_test(test_require_waits),
        cmocka_unit_test(test_crash_settles),
        cmocka_unit_test(test_a_wait_counts_driven_time),
        cmocka_unit_test(test_an_action_in_doubt_that_counts_once),
        cmocka_unit_test(test_late_and_repeated_answers_are_ignored),
        cmocka_unit_test(test_never_is_no_present_instant),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_an_abort_wins_over_an_intent),
        cmocka_unit_test(test_one_run_at_a_time),
        cmocka_unit_test(test_guards),
        cmocka_unit_test(test_a_restarted_router_turns_the_run_back),
        cmocka_unit_test(test_limits_survive_a_resume),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
