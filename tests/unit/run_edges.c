/* Runs at their edges: other people's records and clocks, late answers, pauses in awkward places, hostile results. */
#include "run_fixture.h"

#include "base/error.h"
#include "store/backend.h"

#define ASK(id) "{\"id\":\"" id "\",\"title\":\"" id "\",\"approve\":\"go on?\"}"
#define AN_HOUR PLAN(WRITE("one", ",\"wait\":\"1h\""), "", "")

/* A request while nobody drives the run, or dated as its maker's clock says. */
static void request_at(fixture *f, const char *kind, nip_time at)
{
    nip_error *err = NULL;
    check(nip_run_request(f->store, "shop", kind, "bob", NULL, at, NULL, &err), err);
}

/* A request record as it reaches the journal from a process that saw an earlier state of the run. */
static void append_request(fixture *f, const char *payload)
{
    nip_error *err = NULL;
    size_t length = strlen(payload);
    check(nip__store_append(f->store, "shop", -1, 0, "request.made", f->now, payload, length, NULL, &err), err);
    assert_int_equal(nip_run_poll(f->run, &err), 1);
}

static void append_note(fixture *f, nip_time at)
{
    nip_error *err = NULL;
    check(nip_journal_append(f->store, "shop", -1, "note.written", at, "{}", NULL, &err), err);
}

/* The wait of an hour has still to be driven, all of it. */
static void assert_an_hour_is_left(fixture *f)
{
    nip_time now = f->now;
    assert_int_equal(drive(f, always_done, NULL, now + 59 * NIP_MINUTE), NIP_RUN_WAIT);
    assert_string_equal(nip_run_state(f->run), "waiting");
    assert_replays(f);
    assert_int_equal(drive(f, always_done, NULL, now + NIP_HOUR), NIP_RUN_DONE);
    assert_true(f->now == now + NIP_HOUR);
}

/* A macro for the reason that `check` is one. */
#define assert_refused(call, wanted, err)                                                          \
    do {                                                                                           \
        int refused_rc = (call);                                                                   \
        if (refused_rc != (wanted))                                                                \
            fail_msg("%s: %s", nip_code_name(refused_rc), nip_error_message(err));                 \
        nip_error_free(err);                                                                       \
        err = NULL;                                                                                \
    } while (0)

/* ---- whose records count, and whose clock ---- */

static void test_an_older_run_is_history(void **state)
{
    (void)state;
    fixture f = begin(PLAN(WRITE("one", ",\"back\":0"), WRITE("undo", ""), ""));
    script world = {.outcomes = {FAILED("x", "false")}};
    drive(&f, scripted, &world, NIP_TIME_MAX - 1);
    assert_string_equal(nip_run_state(f.run), "broken");
    nip_run_free(f.run);
    begin_run(&f, PLAN(WRITE("other", "") "," WRITE("last", ",\"wait\":\"1h\""), "", ""));
    drive(&f, always_done, NULL, f.now);
    nip_run_free(f.run);
    f.run = NULL;

    nip_run *older = NULL;
    nip_error *err = NULL;
    check(nip_run_open(f.store, "shop-1", &older, &err), err);
    assert_string_equal(nip_run_state(older), "broken");
    nip_run_free(older);
    older = NULL;
    assert_refused(nip_run_resume(f.store, "shop-1", f.now, &older, &err), NIP_E_STATE, err);
    assert_null(older);
    assert_refused(nip_run_request(f.store, "shop-1", "abort", "ann", NULL, f.now, NULL, &err), NIP_E_STATE, err);
    check(nip_run_resume(f.store, "shop", f.now, &f.run, &err), err); /* the refused one holds nothing */
    assert_string_equal(nip_run_state(f.run), "waiting");
    end(&f);
}

static void test_other_clocks_do_not_move_the_run(void **state)
{
    (void)state;
    for (int row = 0; row < 4; row++) {
        bool by_request = row % 2 == 1, in_a_gap = row >= 2;
        fixture f = begin(AN_HOUR);
        nip_error *err = NULL;
        drive(&f, always_done, NULL, f.now);
        if (in_a_gap) {
            nip_run_free(f.run);
            f.run = NULL;
        }
        if (by_request)
            request_at(&f, "pause", START + 2 * NIP_HOUR);
        else
            append_note(&f, START + 2 * NIP_HOUR);
        if (in_a_gap) {
            f.now = START + 2 * NIP_HOUR;
            check(nip_run_resume(f.store, "shop", f.now, &f.run, &err), err);
        } else {
            check(nip_run_poll(f.run, &err), err);
        }
        drive(&f, always_done, NULL, f.now);
        if (by_request) {
            assert_string_equal(nip_run_state(f.run), "paused");
            request(&f, "promote");
        }
        assert_an_hour_is_left(&f);
        end(&f);
    }
}

static void test_a_request_needs_an_instant(void **state)
{
    (void)state;
    fixture f = begin(AN_HOUR);
    nip_error *err = NULL;
    drive(&f, always_done, NULL, f.now);
    assert_refused(nip_run_request(f.store, "shop", "pause", "ann", NULL, NIP_TIME_MAX, NULL, &err), NIP_E_INVALID,
                   err);
    assert_an_hour_is_left(&f);
    end(&f);
}

static void test_status_only_looks(void **state)
{
    (void)state;
    const nip_time instants[] = {START + 100 * 24 * NIP_HOUR, NIP_TIME_MAX - 1, NIP_TIME_MAX};
    for (size_t i = 0; i < sizeof instants / sizeof instants[0]; i++) {
        fixture f = begin(AN_HOUR);
        nip_error *err = NULL;
        char *json = NULL;
        drive(&f, always_done, NULL, f.now);
        check(nip_run_status(f.run, instants[i], &json, &err), err);
        nip_free(json);
        assert_an_hour_is_left(&f);
        end(&f);
    }
}

static void test_a_run_opened_to_look_reports_nothing(void **state)
{
    (void)state;
    fixture f = begin(PLAN(WRITE("one", ""), "", ""));
    nip_error *err = NULL;
    nip_run *looker = NULL;
    const nip_action *action = NULL;
    nip_time until = 0;
    assert_int_equal(nip_run_next(f.run, f.now, &action, &until, &err), NIP_RUN_ACTION);
    check(nip_run_open(f.store, "shop-1", &looker, &err), err);
    assert_refused(nip_run_complete(looker, f.now, nip_action_id(action), DONE, &err), NIP_E_STATE, err);
    nip_run_free(looker);
    assert_records(&f, "\"kind\":\"action.completed\"", 0);
    check(nip_run_complete(f.run, f.now, nip_action_id(action), DONE, &err), err);
    assert_int_equal(drive(&f, always_done, NULL, f.now), NIP_RUN_DONE);
    end(&f);
}

/* ---- pauses and answers ---- */

static const nip__backend *genuine;

static int insert_no_wait(nip_store *store, const nip__row *row, nip_error **err)
{
    if (strcmp(row->kind, "step.waiting") == 0)
        return nip__fail(err, NIP_E_INTERNAL, "killed before this was written");
    return genuine->insert(store, row, err);
}

static void test_a_pause_right_before_a_wait_does_not_skip_it(void **state)
{
    (void)state;
    fixture f = begin(AN_HOUR);
    nip_error *err = NULL;
    const nip_action *action = NULL;
    nip_time until = 0;
    assert_int_equal(nip_run_next(f.run, f.now, &action, &until, &err), NIP_RUN_ACTION);
    check(nip_run_complete(f.run, f.now, nip_action_id(action), DONE, &err), err);
    genuine = f.store->backend;
    nip__backend failing = *genuine;
    failing.insert = insert_no_wait;
    f.store->backend = &failing;
    assert_refused(nip_run_next(f.run, f.now, &action, &until, &err), NIP_E_INTERNAL, err);
    f.store->backend = genuine;
    assert_records(&f, "\"kind\":\"step.acted\"", 1);

    request_at(&f, "pause", f.now);
    crash_and_resume(&f, NIP_SECOND);
    drive(&f, always_done, NULL, f.now);
    assert_string_equal(nip_run_state(f.run), "paused");
    f.now += NIP_MINUTE;
    request(&f, "promote");
    drive(&f, always_done, NULL, f.now);
    assert_an_hour_is_left(&f);
    end(&f);
}

static void test_one_promote_ends_a_pause_however_often_it_was_asked_for(void **state)
{
    (void)state;
    fixture f = begin(AN_HOUR);
    drive(&f, always_done, NULL, f.now);
    for (int i = 0; i < 3; i++) {
        request(&f, "pause");
        drive(&f, always_done, NULL, f.now);
        assert_string_equal(nip_run_state(f.run), "paused");
    }
    f.now += NIP_MINUTE;
    request(&f, "promote");
    drive(&f, always_done, NULL, f.now);
    assert_string_equal(nip_run_state(f.run), "waiting");
    assert_records(&f, "\"kind\":\"run.paused\"", 1);
    request(&f, "pause"); /* a new one counts again */
    drive(&f, always_done, NULL, f.now);
    assert_string_equal(nip_run_state(f.run), "paused");
    request(&f, "promote");
    assert_an_hour_is_left(&f);
    end(&f);
}

static void test_a_late_approval_does_not_answer_the_next_question(void **state)
{
    (void)state;
    fixture f = begin(PLAN(ASK("some") "," ASK("all"), "", ""));
    drive(&f, always_done, NULL, f.now);
    request(&f, "approve");
    drive(&f, always_done, NULL, f.now);
    append_request(&f, "{\"run\":\"shop-1\",\"request\":\"approve\",\"step\":\"some\",\"who\":\"bob\"}");
    assert_int_equal(drive(&f, always_done, NULL, f.now), NIP_RUN_WAIT);
    assert_string_equal(nip_run_state(f.run), "waiting");
    assert_replays(&f);
    request(&f, "approve");
    assert_records(&f, "\"request\":\"approve\",\"step\":\"all\"", 1);
    assert_int_equal(drive(&f, always_done, NULL, f.now), NIP_RUN_DONE);
    end(&f);
}

static void test_ending_a_pause_does_not_settle_a_doubt(void **state)
{
    (void)state;
    fixture f = begin(PLAN("{\"id\":\"mail\",\"title\":\"mail\",\"actions\":[{\"role\":\"notify\",\"verb\":\"send\","
                           "\"args\":{}}]}", "", ""));
    script world = {.outcomes = {"lost"}};
    drive(&f, scripted, &world, f.now);
    request_at(&f, "pause", f.now);
    crash_and_resume(&f, NIP_SECOND);
    drive(&f, scripted, &world, f.now);
    assert_string_equal(nip_run_state(f.run), "paused");
    assert_records(&f, "\"reason\":\"in_doubt\"", 0);
    request(&f, "promote");
    drive(&f, scripted, &world, f.now);
    assert_string_equal(nip_run_state(f.run), "paused");
    assert_records(&f, "\"reason\":\"in_doubt\"", 1);
    request(&f, "promote"); /* this one answers it */
    assert_int_equal(drive(&f, scripted, &world, f.now), NIP_RUN_DONE);
    assert_int_equal(world.calls, 1);
    assert_replays(&f);
    end(&f);
}

/* ---- the way back ---- */

static void test_an_abort_does_not_walk_the_way_back_again(void **state)
{
    (void)state;
    fixture f = begin(PLAN(WRITE("one", ",\"back\":0,\"wait\":\"1h\""),
                           WRITE("u1", "") "," WRITE("u2", ",\"wait\":\"1m\"") "," WRITE("u3", ",\"wait\":\"1m\""),
                           ""));
    nip_error *err = NULL;
    drive(&f, always_done, NULL, f.now);
    request(&f, "abort");
    drive(&f, always_done, NULL, f.now + 61 * NIP_SECOND); /* into the wait of u3 */
    assert_string_equal(nip_run_state(f.run), "returning");
    assert_int_equal(f.answers, 4);
    assert_refused(nip_run_request(f.store, "shop", "abort", "ann", NULL, f.now, NULL, &err), NIP_E_STATE, err);
    append_request(&f, "{\"run\":\"shop-1\",\"request\":\"abort\",\"who\":\"bob\"}");
    assert_int_equal(drive(&f, always_done, NULL, f.now + NIP_MINUTE), NIP_RUN_DONE);
    assert_string_equal(nip_run_state(f.run), "returned");
    assert_int_equal(f.answers, 4);
    assert_records(&f, "\"kind\":\"run.returning\"", 1);
    assert_replays(&f);
    end(&f);
}

static const char *no_reads(void *world, const nip_action *action)
{
    (void)world;
    return strcmp(nip_action_role(action), "check") == 0 ? NULL : DONE;
}

static void test_a_lost_read_does_not_hold_up_the_way_back(void **state)
{
    (void)state;
    fixture f = begin(PLAN(WRITE("one", ",\"back\":0") ",{\"id\":\"read\",\"title\":\"read\",\"deadline\":\"1h\","
                           "\"actions\":[{\"role\":\"check\",\"verb\":\"http\",\"args\":{}}]}", WRITE("undo", ""), ""));
    drive(&f, no_reads, NULL, f.now);
    request(&f, "abort");
    assert_int_equal(drive(&f, no_reads, NULL, f.now), NIP_RUN_DONE);
    assert_string_equal(nip_run_state(f.run), "returned");
    assert_replays(&f);
    end(&f);
}

/* The step is begun anew while a read of its first attempt is out. */
typedef struct twice {
    char lost[64];
    int reads;
} twice;

static const char *one_lost_one_failed(void *world, const nip_action *action)
{
    twice *w = world;
    if (++w->reads == 2)
        return FAILED("check_failed", "false");
    if (w->reads == 1)
        snprintf(w->lost, sizeof w->lost, "%s", nip_action_id(action));
    return NULL;
}

static void test_a_read_of_an_attempt_before_does_not_answer_this_one(void **state)
{
    (void)state;
    const char *const read = "{\"role\":\"check\",\"verb\":\"http\",\"args\":{}}";
    char plan[1024];
    snprintf(plan, sizeof plan, PLAN("{\"id\":\"look\",\"title\":\"look\",\"on_failure\":\"pause\",\"actions\":[%s,%s]}", "", ""), read, read);
    fixture f = begin(plan);
    twice world = {.reads = 0};
    drive(&f, one_lost_one_failed, &world, f.now);
    assert_string_equal(nip_run_state(f.run), "paused");
    request(&f, "promote");
    drive(&f, one_lost_one_failed, &world, f.now);
    assert_int_equal(world.reads, 4);
    nip_error *err = NULL;
    check(nip_run_complete(f.run, f.now, world.lost, DONE, &err), err);
    assert_records(&f, "\"kind\":\"action.ignored\"", 1);
    assert_records(&f, "\"kind\":\"action.completed\"", 1);
    assert_replays(&f);
    end(&f);
}

/* ---- looking ---- */

static const char *fails_once(void *world, const nip_action *action)
{
    char *log = world;
    bool looks = strcmp(nip_action_verb(action), "http") == 0, first = strchr(log, 'w') == NULL;
    strcat(log, looks ? "l" : "w");
    if (looks)
        return "{\"outcome\":\"done\",\"result\":{\"healthy\":2}}";
    return first ? FAILED("start_failed", "true") : DONE;
}

static void test_a_retry_looks_again(void **state)
{
    (void)state;
    fixture f = begin(PLAN(WRITE("one", ",\"retry\":{\"attempts\":3,\"base\":\"60s\",\"max\":\"60s\"}"
                                        ",\"require\":{" LOOK "}"), "", ""));
    char log[1024] = ""; /* of more actions than `drive` has turns */
    drive(&f, fails_once, log, NIP_TIME_MAX - 1);
    assert_string_equal(nip_run_state(f.run), "succeeded");
    assert_string_equal(log, "lwlw");
    assert_replays(&f);
    end(&f);
}

static void test_successes_keep_to_the_grid_after_the_deadline(void **state)
{
    (void)state;
    fixture f = begin(PLAN(WRITE("one", ",\"deadline\":\"12s\",\"until\":{" LOOK
                                        ",\"interval\":\"5s\",\"successes\":5}"), "", ""));
    health_world world = {.good_after = 2, .now = &f.now};
    drive(&f, health, &world, NIP_TIME_MAX - 1);
    assert_string_equal(nip_run_state(f.run), "succeeded");
    assert_int_equal(world.looks, 7); /* at 0, 5, then good at 10, 15, ... */
    assert_true(world.last_look == START + 30 * NIP_SECOND);
    end(&f);
}

static const char *look_answers(void *world, const nip_action *action)
{
    return strcmp(nip_action_verb(action), "http") == 0 ? world : DONE;
}

static void test_a_long_failure_does_not_stop_the_decision(void **state)
{
    (void)state;
    enum { LONG = 600000 };
    static const char before[] = "{\"outcome\":\"done\",\"result\":{\"healthy\":0,\"first_failure\":\"";
    static const char after[] = "\"}}";
    char *bad = malloc(sizeof before + LONG + sizeof after);
    assert_non_null(bad);
    memcpy(bad, before, sizeof before - 1);
    memset(bad + sizeof before - 1, 'x', LONG);
    memcpy(bad + sizeof before - 1 + LONG, after, sizeof after);
    fixture f = begin(PLAN(WRITE("one", ",\"back\":0,\"deadline\":\"10s\",\"until\":{" LOOK ",\"interval\":\"5s\"}"),
                           WRITE("undo", ""), ""));
    drive(&f, look_answers, bad, NIP_TIME_MAX - 1);
    assert_string_equal(nip_run_state(f.run), "returned");
    assert_replays(&f);
    free(bad);
    end(&f);
}

static const char *says(void *world, const nip_action *action)
{
    return nip_action_id(action)[strlen("shop-1.")] == '1' ? world : DONE;
}

static void test_a_long_message_is_cut_and_not_left_out(void **state)
{
    (void)state;
    enum { LONG = 300000 };
    static const char before[] = "{\"outcome\":\"failed\",\"reason\":\"exited\",\"message\":\"no such image: ";
    static const char after[] = "\"}";
    char *bad = malloc(sizeof before + LONG + sizeof after);
    assert_non_null(bad);
    memcpy(bad, before, sizeof before - 1);
    memset(bad + sizeof before - 1, 'x', LONG);
    memcpy(bad + sizeof before - 1 + LONG, after, sizeof after);
    fixture f = begin(PLAN(WRITE("one", ",\"back\":0"), WRITE("undo", ""), ""));
    drive(&f, says, bad, NIP_TIME_MAX - 1);
    assert_string_equal(nip_run_state(f.run), "returned");
    assert_records(&f, "\"message\":\"step one failed: no such image: xxx", 2); /* of run.returning and run.ended */
    assert_replays(&f);
    free(bad);
    end(&f);
}

/* ---- guards ---- */

#define TICK(errors, total)                                                                             \
    "{\"outcome\":\"done\",\"result\":{\"versions\":{\"2\":{\"counters\":{\"k\":{\"errors\":" errors    \
    ",\"total\":" total "}}}}}}"

/* The next action, which must be `verb`; its name goes to `id`. */
static void take(fixture *f, const char *verb, char id[64])
{
    nip_error *err = NULL;
    const nip_action *action = NULL;
    nip_time until = 0;
    int rc = nip_run_next(f->run, f->now, &action, &until, &err);
    check(rc, err);
    assert_int_equal(rc, NIP_RUN_ACTION);
    assert_string_equal(nip_action_verb(action), verb);
    snprintf(id, 64, "%s", nip_action_id(action));
}

static void complete(fixture *f, const char *id, const char *outcome)
{
    nip_error *err = NULL;
    check(nip_run_complete(f->run, f->now, id, outcome, &err), err);
}

/* A window's baseline is measured after traffic settled; an answer that was out before the change would make the errors
 * of settling count. */
static void test_a_tick_from_before_a_change_is_no_baseline(void **state)
{
    (void)state;
    fixture f = begin(PLAN(WRITE("one", "") "," WRITE("two", ",\"fresh_window\":true,\"wait\":\"10m\""), "",
                           ",\"guards\":[{\"id\":\"g\",\"title\":\"g\",\"action\":"
                           "{\"role\":\"metrics\",\"verb\":\"measure\"},\"from\":\"one\",\"to\":\"two\","
                           "\"version\":\"2\",\"settle\":\"60s\",\"interval\":\"10s\",\"timeout\":\"50m\","
                           "\"limits\":{\"error_rate\":0.01}}]"));
    char one[64], two[64], early[64], tick[64];
    take(&f, "instances", one);
    f.now += NIP_MINUTE;
    take(&f, "measure", early);
    complete(&f, one, DONE);
    take(&f, "instances", two);
    complete(&f, two, DONE);
    assert_int_equal(drive(&f, always_done, NULL, f.now), NIP_RUN_WAIT); /* traffic has changed */
    complete(&f, early, TICK("0", "0"));
    assert_int_equal(drive(&f, always_done, NULL, f.now), NIP_RUN_WAIT);
    f.now += NIP_MINUTE;
    take(&f, "measure", tick);
    complete(&f, tick, TICK("500", "1000"));
    assert_int_equal(drive(&f, always_done, NULL, f.now), NIP_RUN_WAIT);
    assert_string_equal(nip_run_state(f.run), "waiting");
    assert_records(&f, "\"kind\":\"action.ignored\"", 1);
    assert_records(&f, "\"kind\":\"guard.window\"", 1);
    assert_replays(&f);
    end(&f);
}

/* ---- depth ---- */

enum { DEEP = 60 };

/* Text around DEEP nested lists. */
static void nest(char *text, size_t size, const char *before, const char *after)
{
    char lists[2 * DEEP + 1] = "";
    memset(lists, '[', DEEP);
    memset(lists + DEEP, ']', DEEP);
    snprintf(text, size, "%s%s%s", before, lists, after);
}

static void test_deep_results_stay_readable(void **state)
{
    (void)state;
    char outcome[256];
    nest(outcome, sizeof outcome, "{\"outcome\":\"done\",\"result\":{\"x\":", "}}");
    fixture f = begin(PLAN(WRITE("one", "") ",{\"id\":\"two\",\"title\":\"two\",\"actions\":[{\"role\":\"target\","
                           "\"verb\":\"instances\",\"args\":{\"a\":{\"b\":{\"c\":{\"d\":{\"from\":\"one\",\"at\":"
                           "\"/x\"}}}}}}]}", "",
                           ",\"release\":{\"a\":{\"b\":{\"c\":{\"d\":{\"from\":\"one\",\"at\":\"/x\"}}}}}"));
    script world = {.outcomes = {outcome, DONE}};
    assert_int_equal(drive(&f, scripted, &world, NIP_TIME_MAX - 1), NIP_RUN_DONE);
    assert_string_equal(nip_run_state(f.run), "succeeded");
    assert_replays(&f);
    nip_error *err = NULL;
    char *list = NULL, *release = NULL, wanted[256];
    check(nip_run_list(f.store, "shop", &list, &err), err);
    assert_non_null(strstr(list, "\"state\":\"succeeded\""));
    check(nip_release_read(f.store, "shop", &release, &err), err);
    nest(wanted, sizeof wanted, "{\"a\":{\"b\":{\"c\":{\"d\":", "}}}}");
    assert_string_equal(release, wanted);
    nip_free(list);
    nip_free(release);
    end(&f);
}

/* A plan as deep as one may be is one level deeper in its record. */
static void test_a_deep_plan_can_be_resumed(void **state)
{
    (void)state;
    char plan[1024];
    nest(plan, sizeof plan, "{\"v\":1,\"kind\":\"plan\",\"subject\":\"shop\",\"title\":\"t\",\"observed\":{\"x\":[[",
         "]]},\"steps\":[" WRITE("one", "") "]}");
    fixture f = begin(plan);
    assert_replays(&f);
    crash_and_resume(&f, NIP_SECOND);
    assert_int_equal(drive(&f, always_done, NULL, NIP_TIME_MAX - 1), NIP_RUN_DONE);
    nip_error *err = NULL;
    char *list = NULL;
    check(nip_run_list(f.store, NULL, &list, &err), err);
    assert_non_null(strstr(list, "\"run\":\"shop-1\""));
    nip_free(list);
    end(&f);
}

/* Why a look at how things stand was not good enough is in what the look brought. */
static const char *unusable(void *world, const nip_action *action)
{
    (void)world, (void)action;
    return "{\"outcome\":\"done\",\"result\":{\"usable\":false,\"problems\":[\"cannot connect to /x.sock\",\"2\",\"3\",\"4\"]}}";
}

static void test_a_refusal_says_why(void **state)
{
    (void)state;
    fixture f = begin(PLAN("{\"id\":\"look\",\"title\":\"look\",\"on_failure\":\"stop\",\"actions\":[{\"role\":\"router\",\"verb\":\"observe\"}],"
                           "\"until\":{\"that\":[{\"at\":\"/usable\",\"op\":\"==\",\"value\":true}]}}",
                           "", ""));
    drive(&f, unusable, NULL, NIP_TIME_MAX - 1);
    assert_string_equal(nip_run_state(f.run), "stopped");
    assert_records(&f, "\"reason\":\"not_met\",\"message\":\"step look failed: usable is false, must be == true; cannot connect to /x.sock; 2; 3\"", 1);
    end(&f);
}

static void test_runs_are_listed_newest_first(void **state)
{
    (void)state;
    const char *text = PLAN(WRITE("one", ""), "", "");
    fixture f = begin(text);
    drive(&f, always_done, NULL, NIP_TIME_MAX - 1);
    nip_error *err = NULL;
    nip_plan *other = NULL;
    nip_run *later = NULL;
    char *json = NULL, named[1024];
    snprintf(named, sizeof named, "%s", text);
    memcpy(strstr(named, "\"shop\"") + 1, "able", 4); /* first by name, last by time */
    check(nip_plan_from_json(named, strlen(named), &other, &err), err);
    check(nip_run_new(other, f.store, f.now + NIP_HOUR, &later, &err), err);
    check(nip_run_list(f.store, NULL, &json, &err), err);
    assert_true(strstr(json, "able-1") < strstr(json, "shop-1"));
    nip_free(json);
    nip_run_free(later);
    later = NULL;
    nip_plan_free(other);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_older_run_is_history),
        cmocka_unit_test(test_other_clocks_do_not_move_the_run),
        cmocka_unit_test(test_a_request_needs_an_instant),
        cmocka_unit_test(test_status_only_looks),
        cmocka_unit_test(test_a_run_opened_to_look_reports_nothing),
        cmocka_unit_test(test_a_pause_right_before_a_wait_does_not_skip_it),
        cmocka_unit_test(test_one_promote_ends_a_pause_however_often_it_was_asked_for),
        cmocka_unit_test(test_a_late_approval_does_not_answer_the_next_question),
        cmocka_unit_test(test_ending_a_pause_does_not_settle_a_doubt),
        cmocka_unit_test(test_an_abort_does_not_walk_the_way_back_again),
        cmocka_unit_test(test_a_lost_read_does_not_hold_up_the_way_back),
        cmocka_unit_test(test_a_read_of_an_attempt_before_does_not_answer_this_one),
        cmocka_unit_test(test_a_retry_looks_again),
        cmocka_unit_test(test_successes_keep_to_the_grid_after_the_deadline),
        cmocka_unit_test(test_a_long_failure_does_not_stop_the_decision),
        cmocka_unit_test(test_a_long_message_is_cut_and_not_left_out),
        cmocka_unit_test(test_a_tick_from_before_a_change_is_no_baseline),
        cmocka_unit_test(test_deep_results_stay_readable),
        cmocka_unit_test(test_a_deep_plan_can_be_resumed),
        cmocka_unit_test(test_a_refusal_says_why),
        cmocka_unit_test(test_runs_are_listed_newest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
