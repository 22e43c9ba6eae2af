/* Telling that a run has ended: who, when, how often, and that nothing of it changes how the run ended. */
#include "run_fixture.h"

#include "base/error.h"
#include "doc/json.h"
#include "failing_malloc.h"
#include "gate/notice.h"
#include "store/backend.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define TELL(more) "{\"url\":\"http://127.0.0.1:1/secret\",\"timeout\":\"5s\"" more "}"
#define SETTINGS "{\"id\":\"look\",\"title\":\"look\",\"actions\":[{\"role\":\"check\",\"verb\":\"settings\",\"class\":\"read\",\"args\":{\"env\":[\"PATH\"]}}]}"
#define TELLING(to)                                                                                                             \
    "{\"v\":1,\"kind\":\"plan\",\"subject\":\"shop\",\"title\":\"test\",\"drivers\":{\"notify\":{\"driver\":\"notify\",\"to\":[" to "]}}," \
    "\"steps\":[" SETTINGS "],\"release\":{\"version\":\"1.4\"}}"

/* ---- documents ---- */

static nip__value *parse(nip__arena *arena, const char *text)
{
    nip__value *value = NULL;
    assert_int_equal(nip__json_read(arena, text, strlen(text), "test", &nip__document_limits, &value, NULL), 0);
    return value;
}

static void test_notices_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *notice, *says; /* NULL: fine */
    } cases[] = {
        {"{\"command\":[\"a\",\"b\"]}", NULL},
        {"{\"command\":\"a\",\"when\":\"broken\"}", NULL},
        {"{\"url\":\"https://a\",\"headers\":{\"A\":{\"env\":\"X\"},\"B\":\"c\"},\"body\":{\"text\":\"{state}\"}}", NULL},
        {"{\"url\":{\"env\":\"HOOK\"}}", NULL},
        {"{\"url\":{\"file\":\"/run/hook\"}}", NULL},
        {"{}", "either a command or a url"},
        {"{\"url\":\"http://a\",\"command\":[\"a\"]}", "either a command or a url"},
        {"{\"url\":\"ftp://a\"}", "http://"},
        {"{\"url\":{\"token\":\"X\"}}", "{env: NAME}"},
        {"{\"url\":7}", "http://"},
        {"{\"url\":\"http://a\",\"headers\":{\"A\":[1]}}", "a header's value must be text"},
        {"{\"command\":[\"a\"],\"body\":{}}", "are for a url"},
        {"{\"command\":[\"a\"],\"when\":[\"won\"]}", "won"},
        {"{\"command\":[]}", "command"},
        {"{\"url\":\"http://a\",\"body_json\":\"{\\\"from\\\":1}\"}", NULL},
        {"{\"url\":\"http://a\",\"body_json\":\"{\"}", "must be JSON"},
        {"{\"url\":\"http://a\",\"body_json\":\"1\",\"body\":1}", "one of body and body_json"},
        {"{\"command\":[\"a\"],\"body_json\":\"1\"}", "are for a url"},
        {"{\"url\":\"http://a\",\"headers\":{\"from\":\"b\"}}", "with a capital"},
        {"{\"command\":[\"a\"],\"timeout\":\"1h\"}", "timeout"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__arena *arena = nip__arena_new();
        nip__problems problems = {0};
        nip_error *err = NULL;
        const nip__value *notice = nip__schema_apply(arena, nip__notice_fields, parse(arena, cases[i].notice), "test", "", &problems);
        nip__notice_check(notice, "/on_end", "test", &problems);
        int rc = nip__problems_finish(&problems, NIP_E_DOCUMENT, &err);
        if ((rc == 0) != (cases[i].says == NULL))
            fail_msg("case %zu: %s", i, nip_error_message(err));
        if (cases[i].says != NULL && strstr(nip_error_message(nip_error_at(err, 0)), cases[i].says) == NULL)
            fail_msg("case %zu: %s", i, nip_error_message(err));
        nip_error_free(err);
        nip__arena_free(arena);
    }
}

static void test_labels_tell_no_secrets(void **state)
{
    (void)state;
    static const struct {
        const char *notice, *label;
    } cases[] = {
        {"{\"url\":\"https://hooks.example/services/T0/secret?key=1\"}", "POST https://hooks.example"},
        {"{\"url\":\"https://user:secret@hooks.example:8443/x\"}", "POST https://hooks.example:8443"},
        {"{\"url\":\"https://a@b@c\"}", "POST https://c"},
        {"{\"url\":\"http://a\"}", "POST http://a"},
        {"{\"url\":\"nonsense\"}", "POST"},
        {"{\"url\":{\"env\":\"HOOK\"}}", "POST to the url of HOOK"},
        {"{\"command\":[\"./tell\",\"secret\"]}", "./tell"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip__arena *arena = nip__arena_new();
        assert_string_equal(nip__notice_label(arena, parse(arena, cases[i].notice)), cases[i].label);
        nip__arena_free(arena);
    }
}

/* ---- a host's own driver, which hears everything ---- */

typedef struct ear ear;
struct ear {
    int (*start)(void *self, nip_action *action, nip_time now, nip_error **err); /* NULL: it answers */
    int heard;
    char args[8][2048]; /* the latest first */
    const char *answer;
};

static int verb_class(void *self, const char *verb)
{
    (void)self;
    return strcmp(verb, "send") == 0 ? NIP_VERB_ONCE : NIP_E_UNSUPPORTED;
}

static int start(void *self, nip_action *action, nip_time now, nip_error **err)
{
    ear *e = self;
    (void)now;
    memmove(e->args[1], e->args[0], sizeof e->args - sizeof e->args[0]);
    snprintf(e->args[0], sizeof e->args[0], "%s", nip_action_args(action));
    e->heard++;
    return nip_action_complete(action, e->answer, err);
}

#define NOBODY "{\"outcome\":\"failed\",\"reason\":\"refused\",\"message\":\"nobody home\",\"retryable\":true}"
#define REFUSED "{\"outcome\":\"failed\",\"reason\":\"refused\",\"message\":\"go away\",\"retryable\":false}"

static nip_drivers *bind(ear *e)
{
    nip_driver_vtable vtable = {.size = sizeof vtable, .verb_class = verb_class, .start = e->start != NULL ? e->start : start};
    nip_driver *driver = NULL;
    nip_drivers *drivers = NULL;
    nip_error *err = NULL;
    check(nip_drivers_new(&drivers, &err), err);
    check(nip_driver_new(&vtable, e, &driver, &err), err);
    check(nip_drivers_bind(drivers, "notify", driver, &err), err);
    nip_driver_free(driver);
    return drivers;
}

/* The run that `f` has, driven to its end. */
static void drive_op(fixture *f, ear *e)
{
    nip_drivers *drivers = bind(e);
    nip_op *op = NULL;
    nip_error *err = NULL;
    check(nip_op_run_plan(f->ctx, f->run, drivers, &op, &err), err);
    check(nip_op_run(op, &err), err);
    nip_op_free(op);
    nip_drivers_free(drivers);
}

static void take_up(fixture *f, ear *e)
{
    nip_error *err = NULL;
    nip_run_free(f->run);
    f->run = NULL;
    check(nip_run_resume(f->store, "shop", nip_ctx_now(f->ctx), &f->run, &err), err);
    drive_op(f, e);
}

static void assert_outbox(fixture *f, const char *part, int wanted)
{
    nip_error *err = NULL;
    char *json = NULL;
    check(nip_outbox_read(f->store, "shop", &json, &err), err);
    if (count(json, part) != wanted)
        fail_msg("%s should be %d times in %s", part, wanted, json);
    nip_free(json);
}

static const char *fine(void *world, const nip_action *action)
{
    (void)world;
    (void)action;
    return DONE;
}

/* ---- telling ---- */

static void test_an_end_is_told_once(void **state)
{
    (void)state;
    ear e = {.answer = DONE};
    fixture f = begin(TELLING(TELL("") "," TELL("")));
    drive_op(&f, &e);
    assert_int_equal(e.heard, 2);
    assert_string_equal(nip_run_state(f.run), "succeeded");
    assert_non_null(strstr(e.args[0], "\"event\":{\"v\":1,\"event\":\"run.ended\",\"key\":\"shop-1/"));
    assert_non_null(strstr(e.args[0], "\"app\":\"shop\",\"title\":\"test\",\"state\":\"succeeded\""));
    assert_non_null(strstr(e.args[0], "\"version\":\"1.4\""));
    assert_outbox(&f, "\"outcome\":\"done\",\"attempts\":1,\"given_up\":false", 2);
    assert_records(&f, "\"notify.intended\"", 2);
    assert_records(&f, "\"notify.completed\"", 2);
    take_up(&f, &e);
    assert_int_equal(e.heard, 2);
    end(&f);
}

static void test_only_wanted_ends_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *when;
        int heard;
    } cases[] = {
        {",\"when\":[\"succeeded\"]", 1}, {",\"when\":[\"returned\",\"stopped\",\"broken\"]", 0}, {",\"when\":[\"broken\",\"succeeded\"]", 1}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char plan[2048];
        snprintf(plan, sizeof plan, TELLING(TELL("%s")), cases[i].when);
        ear e = {.answer = DONE};
        fixture f = begin(plan);
        drive_op(&f, &e);
        assert_int_equal(e.heard, cases[i].heard);
        end(&f);
    }
}

/* The process died between the end and the delivery: here nobody drove it by an operation. */
static void test_what_was_not_told_is_told_when_the_run_is_taken_up(void **state)
{
    (void)state;
    ear e = {.answer = DONE};
    fixture f = begin(TELLING(TELL("")));
    assert_int_equal(drive(&f, fine, NULL, NIP_TIME_MAX), NIP_RUN_DONE);
    assert_outbox(&f, "\"outcome\":\"pending\",\"attempts\":0", 1);
    take_up(&f, &e);
    assert_int_equal(e.heard, 1);
    assert_outbox(&f, "\"outcome\":\"done\",\"attempts\":1", 1);
    end(&f);
}

static void test_the_next_run_tells_what_the_one_before_left(void **state)
{
    (void)state;
    ear e = {.answer = DONE};
    fixture f = begin(TELLING(TELL("")));
    assert_int_equal(drive(&f, fine, NULL, NIP_TIME_MAX), NIP_RUN_DONE);
    nip_run_free(f.run);
    begin_run(&f, TELLING(""));
    assert_int_equal(drive(&f, fine, NULL, NIP_TIME_MAX), NIP_RUN_DONE);
    nip_run_free(f.run);
    begin_run(&f, TELLING(TELL("")));
    drive_op(&f, &e);
    assert_int_equal(e.heard, 2);
    assert_non_null(strstr(e.args[0], "\"run\":\"shop-1\""));
    assert_null(strstr(e.args[1], "\"run\":\"shop-1\""));
    assert_outbox(&f, "\"outcome\":\"done\"", 2); /* who was left when the latest run began is seen, too */
    assert_records(&f, "\"notify.settled\"", 1);
    take_up(&f, &e);
    assert_int_equal(e.heard, 2);
    end(&f);
}

/* What a later run told of an earlier one stands among the later one's records. */
static void test_what_a_silent_run_told_of_another_is_not_told_again(void **state)
{
    (void)state;
    ear e = {.answer = DONE};
    fixture f = begin(TELLING(TELL("")));
    assert_int_equal(drive(&f, fine, NULL, NIP_TIME_MAX), NIP_RUN_DONE);
    nip_run_free(f.run);
    begin_run(&f, TELLING(""));
    assert_int_equal(drive(&f, fine, NULL, NIP_TIME_MAX), NIP_RUN_DONE);
    for (int i = 0; i < 3; i++)
        take_up(&f, &e);
    assert_int_equal(e.heard, 1);
    assert_outbox(&f, "\"outcome\":\"done\",\"attempts\":1", 1);
    end(&f);
}

/* Answers for the latest run only; about others nobody is home. */
static int start_of_latest(void *self, nip_action *action, nip_time now, nip_error **err)
{
    ear *e = self;
    e->answer = strncmp(nip_action_id(action), "shop-1/", 7) == 0 ? NOBODY : DONE;
    return start(self, action, now, err);
}

static void test_an_end_that_was_told_hides_none_before_it(void **state)
{
    (void)state;
    ear e = {.answer = DONE, .start = start_of_latest};
    fixture f = begin(TELLING(TELL("")));
    assert_int_equal(drive(&f, fine, NULL, NIP_TIME_MAX), NIP_RUN_DONE);
    nip_run_free(f.run);
    begin_run(&f, TELLING(TELL("")));
    drive_op(&f, &e);
    assert_int_equal(e.heard, 4);
    assert_outbox(&f, "\"outcome\":\"done\"", 1);
    assert_outbox(&f, "\"run\":\"shop-1\"", 1);
    assert_outbox(&f, "\"outcome\":\"failed\",\"attempts\":3,\"given_up\":false", 1);
    assert_records(&f, "\"notify.settled\"", 0);
    nip_run_free(f.run);
    e.start = NULL;
    e.answer = DONE;
    begin_run(&f, TELLING(TELL("")));
    drive_op(&f, &e);
    assert_int_equal(e.heard, 6);
    assert_outbox(&f, "\"outcome\":\"done\"", 3);
    assert_records(&f, "\"notify.settled\"", 1);
    end(&f);
}

static void test_many_silent_runs_hide_nobody(void **state)
{
    (void)state;
    ear e = {.answer = DONE};
    fixture f = begin(TELLING(TELL("")));
    assert_int_equal(drive(&f, fine, NULL, NIP_TIME_MAX), NIP_RUN_DONE);
    for (int i = 0; i < 30; i++) {
        nip_run_free(f.run);
        begin_run(&f, TELLING(""));
        assert_int_equal(drive(&f, fine, NULL, NIP_TIME_MAX), NIP_RUN_DONE);
    }
    assert_outbox(&f, "\"outcome\":\"pending\"", 1);
    take_up(&f, &e);
    assert_int_equal(e.heard, 1);
    take_up(&f, &e);
    assert_int_equal(e.heard, 1);
    assert_records(&f, "\"notify.settled\"", 1);
    end(&f);
}

/* A mark is written where nobody is ever told too, so that not all of history is read each time. */
static void test_silent_runs_are_marked_now_and_then(void **state)
{
    (void)state;
    ear e = {.answer = DONE};
    fixture f = begin(TELLING(""));
    for (int i = 0; i < 50; i++) {
        drive_op(&f, &e);
        nip_run_free(f.run);
        begin_run(&f, TELLING(""));
    }
    assert_records(&f, "\"notify.settled\"", 2);
    end(&f);
}

/* ---- a process that dies while it tells ---- */

static int start_and_never_answer(void *self, nip_action *action, nip_time now, nip_error **err)
{
    (void)action, (void)now, (void)err;
    ((ear *)self)->heard++;
    return 0;
}

/* An operation that is left as soon as somebody was told, or when it is over: true. */
static bool die_while_telling(fixture *f, ear *e)
{
    nip_drivers *drivers = bind(e);
    nip_op *op = NULL;
    nip_error *err = NULL;
    int heard = e->heard, rc = NIP_OP_MORE;
    check(nip_op_run_plan(f->ctx, f->run, drivers, &op, &err), err);
    while (rc == NIP_OP_MORE && e->heard == heard)
        rc = nip_op_step(op, &err);
    check(rc, err);
    nip_op_free(op);
    nip_drivers_free(drivers);
    nip_run_free(f->run);
    f->run = NULL;
    check(nip_run_resume(f->store, "shop", nip_ctx_now(f->ctx), &f->run, &err), err);
    return rc == NIP_OP_DONE;
}

static void test_what_kills_its_process_each_time_is_given_up(void **state)
{
    (void)state;
    ear e = {.start = start_and_never_answer};
    fixture f = begin(TELLING(TELL("")));
    for (int i = 0; i < 6; i++)
        assert_false(die_while_telling(&f, &e));
    assert_outbox(&f, "\"outcome\":\"pending\",\"attempts\":6,\"given_up\":false", 1);
    assert_true(die_while_telling(&f, &e));
    assert_int_equal(e.heard, 6);
    assert_outbox(&f, "\"outcome\":\"failed\",\"attempts\":6,\"given_up\":true,\"reason\":\"unknown\",\"message\":\"the last attempt was interrupted", 1);
    assert_records(&f, "\"notify.settled\"", 1);
    e = (ear){.answer = DONE};
    take_up(&f, &e); /* by name: once more */
    assert_outbox(&f, "\"outcome\":\"done\",\"attempts\":7,\"given_up\":false", 1);
    take_up(&f, &e);
    assert_int_equal(e.heard, 1);
    end(&f);
}

/* ---- how far the journal is read ---- */

typedef struct counting {
    nip__backend backend;
    const nip__backend *genuine;
    nip__visit *visit;
    void *data;
    int rows;
} counting;

static counting *counted;

static int count_row(void *data, const nip__row *row, nip_error **err)
{
    (void)data;
    counted->rows++;
    return counted->visit(counted->data, row, err);
}

static int scan(nip_store *store, const char *subject, int64_t from, bool backwards, nip__visit *visit, void *data, nip_error **err)
{
    counted->visit = visit;
    counted->data = data;
    return counted->genuine->scan(store, subject, from, backwards, count_row, NULL, err);
}

static int rows_read(fixture *f)
{
    counting c = {.backend = *f->store->backend, .genuine = f->store->backend};
    c.backend.scan = scan;
    counted = &c;
    f->store->backend = &c.backend;
    assert_outbox(f, "\"outcome\":\"pending\"", 0);
    f->store->backend = c.genuine;
    return c.rows;
}

static void test_a_look_begins_after_the_mark(void **state)
{
    (void)state;
    ear e = {.answer = DONE};
    fixture f = begin(TELLING(TELL("")));
    int rows[4] = {0};
    for (int i = 0; i < 4; i++) {
        drive_op(&f, &e);
        rows[i] = rows_read(&f);
        nip_run_free(f.run);
        begin_run(&f, TELLING(TELL("")));
    }
    assert_true(rows[0] < rows[1]); /* the run before counts: its mark ends the look */
    assert_int_equal(rows[1], rows[2]);
    assert_int_equal(rows[2], rows[3]);
    assert_int_equal(e.heard, 4);
    end(&f);
}

static void test_failures_are_tried_again_and_given_up_and_change_nothing(void **state)
{
    (void)state;
    ear e = {.answer = NOBODY};
    fixture f = begin(TELLING(TELL("")));
    drive_op(&f, &e);
    assert_int_equal(e.heard, 3);
    assert_string_equal(nip_run_state(f.run), "succeeded");
    assert_outbox(&f, "\"outcome\":\"failed\",\"attempts\":3,\"given_up\":false,\"reason\":\"refused\",\"message\":\"nobody home\"", 1);
    take_up(&f, &e);
    assert_int_equal(e.heard, 6);
    assert_outbox(&f, "\"attempts\":6,\"given_up\":true", 1);
    take_up(&f, &e); /* by name: once more, since somebody wants it */
    assert_int_equal(e.heard, 7);
    e.answer = DONE;
    take_up(&f, &e);
    assert_outbox(&f, "\"outcome\":\"done\",\"attempts\":8,\"given_up\":false", 1);
    end(&f);
}

static void test_what_is_not_retryable_is_given_up_at_once(void **state)
{
    (void)state;
    ear e = {.answer = REFUSED};
    fixture f = begin(TELLING(TELL("")));
    drive_op(&f, &e);
    assert_int_equal(e.heard, 1);
    assert_outbox(&f, "\"outcome\":\"failed\",\"attempts\":1,\"given_up\":true", 1);
    end(&f);
}

static void test_nonsense_from_a_driver_is_a_failure(void **state)
{
    (void)state;
    ear e = {.answer = "nonsense"};
    fixture f = begin(TELLING(TELL("")));
    drive_op(&f, &e);
    assert_string_equal(nip_run_state(f.run), "succeeded");
    assert_outbox(&f, "\"outcome\":\"failed\",\"attempts\":1,\"given_up\":true", 1);
    end(&f);
}

#define BREAKING                                                                                                                \
    "{\"v\":1,\"kind\":\"plan\",\"subject\":\"shop\",\"title\":\"test\",\"drivers\":{\"notify\":{\"driver\":\"notify\",\"to\":[" TELL("") "]}}," \
    "\"steps\":[{\"id\":\"one\",\"title\":\"one\",\"back\":0,\"actions\":[{\"role\":\"router\",\"verb\":\"route\",\"class\":\"declarative\",\"args\":{}}]}]," \
    "\"back\":[{\"id\":\"undo\",\"title\":\"undo\",\"actions\":[{\"role\":\"router\",\"verb\":\"route\",\"class\":\"declarative\",\"args\":{}}]}]}"

static const char *refuse(void *world, const nip_action *action)
{
    (void)world;
    (void)action;
    return REFUSED;
}

/* A broken way back may be tried again: each end is told. */
static void test_every_end_is_told(void **state)
{
    (void)state;
    ear e = {.answer = DONE};
    nip_error *err = NULL;
    fixture f = begin(BREAKING);
    drive(&f, refuse, NULL, NIP_TIME_MAX);
    assert_string_equal(nip_run_state(f.run), "broken");
    take_up(&f, &e);
    assert_int_equal(e.heard, 1);
    assert_non_null(strstr(e.args[0], "\"state\":\"broken\",\"reason\":\"refused\""));
    check(nip_run_request(f.store, "shop", "abort", "ann", NULL, f.now, NULL, &err), err);
    nip_run_free(f.run);
    check(nip_run_resume(f.store, "shop", f.now, &f.run, &err), err);
    drive(&f, fine, NULL, NIP_TIME_MAX);
    assert_string_equal(nip_run_state(f.run), "returned");
    take_up(&f, &e);
    assert_int_equal(e.heard, 2);
    assert_non_null(strstr(e.args[0], "\"state\":\"returned\""));
    assert_outbox(&f, "\"outcome\":\"done\"", 2);
    end(&f);
}

static void test_want_of_memory_while_telling(void **state)
{
    (void)state;
    for (long k = 1, seen = 1; seen >= k - 1; k++) {
        ear e = {.answer = DONE};
        nip_op *op = NULL;
        fixture f = begin(TELLING(TELL("")));
        nip_drivers *drivers = bind(&e);
        assert_int_equal(nip_op_run_plan(f.ctx, f.run, drivers, &op, NULL), 0);
        fail_allocation(k, 0);
        int rc = nip_op_run(op, NULL);
        seen = allocations_seen();
        fail_allocation(0, 0);
        if (rc == NIP_E_NOMEM)
            rc = nip_op_run(op, NULL); /* driven on where it was */
        assert_int_equal(rc, NIP_OP_DONE);
        nip_op_free(op);
        nip_drivers_free(drivers);
        if (strcmp(nip_run_state(f.run), "succeeded") == 0 && e.heard == 0)
            take_up(&f, &e); /* it was left: then the journal must know */
        if (strcmp(nip_run_state(f.run), "succeeded") == 0) {
            assert_in_range(e.heard, 1, 2); /* once more, with the same key, where its answer was lost */
            assert_non_null(strstr(e.args[0], "\"event\"")); /* and all of it */
        }
        end(&f);
    }
}

static void test_want_of_memory_while_reading(void **state)
{
    (void)state;
    fixture f = begin(TELLING(TELL("")));
    drive(&f, fine, NULL, NIP_TIME_MAX);
    for (long k = 1, seen = 1; seen >= k - 1; k++) {
        char *json = NULL;
        fail_allocation(k, 1);
        int rc = nip_outbox_read(f.store, NULL, &json, NULL);
        seen = allocations_seen();
        fail_allocation(0, 0);
        assert_true((rc == 0 && json != NULL) || (rc == NIP_E_NOMEM && json == NULL));
        nip_free(json);
    }
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notices_are_checked),
        cmocka_unit_test(test_labels_tell_no_secrets),
        cmocka_unit_test(test_an_end_is_told_once),
        cmocka_unit_test(test_only_wanted_ends_are_told),
        cmocka_unit_test(test_what_was_not_told_is_told_when_the_run_is_taken_up),
        cmocka_unit_test(test_the_next_run_tells_what_the_one_before_left),
        cmocka_unit_test(test_what_a_silent_run_told_of_another_is_not_told_again),
        cmocka_unit_test(test_an_end_that_was_told_hides_none_before_it),
        cmocka_unit_test(test_many_silent_runs_hide_nobody),
        cmocka_unit_test(test_silent_runs_are_marked_now_and_then),
        cmocka_unit_test(test_what_kills_its_process_each_time_is_given_up),
        cmocka_unit_test(test_a_look_begins_after_the_mark),
        cmocka_unit_test(test_failures_are_tried_again_and_given_up_and_change_nothing),
        cmocka_unit_test(test_what_is_not_retryable_is_given_up_at_once),
        cmocka_unit_test(test_nonsense_from_a_driver_is_a_failure),
        cmocka_unit_test(test_every_end_is_told),
        cmocka_unit_test(test_want_of_memory_while_telling),
        cmocka_unit_test(test_want_of_memory_while_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
