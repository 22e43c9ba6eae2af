/* Trains: their documents, their plans, and how the driver settles what it did. */
#include "planning.h"

#include "driver/driver.h"
#include "failing_malloc.h"
#include "nipops.h"
#include "op/loop.h"
#include "plan/action.h"
#include "plan/run.h"

/* ---- documents ---- */

#define APP(name, more)                                                                                                    \
    "{rollout: {app: " name ", artifact: \"1.4.0\", replicas: 2, target: {driver: sim, world: " name "}, "                 \
    "router: {driver: sim, world: " name "}, health: {url: \"http://{endpoint}/\"}, strategy: blue_green}" more "}"

static void tells_all_problems_at_once(void **state)
{
    (void)state;
    static const struct {
        const char *text, *problems[4];
    } cases[] = {
        {"train: {name: a b, apps: []}",
         {"t.yaml:1:15: /train/name: must be 1 to 128 of A-Z", "t.yaml:1:26: /train/apps: must be a list of 1 to 100 items, found 0"}},
        {"train:\n  name: autumn\n  apps:\n    - {}\n    - {document: a.yaml, rollout: {}}\n",
         {"t.yaml:4:7: /train/apps/0: must have exactly one of document and rollout",
          "t.yaml:5:7: /train/apps/1: must have exactly one of document and rollout"}},
        {"train: {name: autumn, apps: [{document: a.yaml, afta: b}], barier: true}",
         {"unknown key \"afta\"; did you mean \"after\"?", "unknown key \"barier\"; did you mean \"barrier\"?"}},
        {"train:\n  name: autumn\n  apps:\n    - rollout:\n        app: shop\n        artifact: x\n        replicas: none\n",
         {"t.yaml:7:19: /train/apps/0/rollout/replicas: must be", "target"}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip_doc *doc = NULL;
        nip_error *err = NULL;
        assert_int_equal(nip_doc_load_text(cases[i].text, strlen(cases[i].text), "t.yaml", &doc, NULL), 0);
        assert_string_equal(nip_doc_kind(doc), "train");
        assert_int_equal(nip_doc_check(doc, &err), NIP_E_DOCUMENT);
        char all[4096] = "";
        for (int k = 0; k < nip_error_count(err); k++)
            snprintf(all + strlen(all), sizeof all - strlen(all), "%s\n", nip_error_message(nip_error_at(err, k)));
        for (size_t k = 0; k < COUNT(cases[i].problems) && cases[i].problems[k] != NULL; k++)
            if (strstr(all, cases[i].problems[k]) == NULL)
                fail_msg("%s\nlacks \"%s\":\n%s", cases[i].text, cases[i].problems[k], all);
        nip_error_free(err);
        nip_doc_free(doc);
    }
}

/* ---- plans ---- */

static nip_plan *plan_app(const nip_doc *train, int64_t index)
{
    nip_doc *doc = NULL;
    nip_plan *plan = NULL;
    nip_error *err = NULL;
    static const seen nothing[] = {SEEN_END};
    char *none = observed(nothing);
    if (nip_train_app(train, index, &doc, &err) < 0 || nip_rollout_plan(doc, NULL, none, &plan, &err) < 0)
        fail_msg("%s", nip_error_message(err));
    nip_free(none);
    nip_doc_free(doc);
    return plan;
}

static char *plans_of(const nip_doc *train)
{
    nip__buffer all = NIP__BUFFER(TEXT_MAX);
    for (int64_t i = 0; i < nip_train_apps(train); i++) {
        nip_plan *plan = plan_app(train, i);
        char *json = NULL;
        assert_int_equal(nip_plan_to_json(plan, &json, NULL), 0);
        nip__buffer_printf(&all, "%s%s", i > 0 ? "," : "[", json);
        nip_free(json);
        nip_plan_free(plan);
    }
    nip__buffer_char(&all, ']');
    char *text = nip__buffer_take(&all);
    assert_non_null(text);
    return text;
}

static int plan_of(const char *text, nip_plan **plan, nip_error **err)
{
    nip_doc *doc = document(text);
    char *plans = plans_of(doc);
    int rc = nip_train_plan(doc, plans, plan, err);
    nip_free(plans);
    nip_doc_free(doc);
    return rc;
}

#define TRAIN(more, ...) "train: {name: autumn" more ", apps: [" __VA_ARGS__ "]}"

static void goes_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *text, *steps, *back;
    } cases[] = {
        {TRAIN("", APP("db", "") "," APP("shop", "")), "look reach-db reach-shop finish-db finish-shop", "return-shop return-db"},
        {TRAIN("", APP("shop", ", after: db") "," APP("db", "")), "look reach-db reach-shop finish-db finish-shop", "return-shop return-db"},
        {TRAIN(", barrier: false", APP("db", "") "," APP("shop", "")), "look release-db release-shop", "return-shop return-db"},
        {TRAIN(", parallel: true", APP("a", "") "," APP("c", ", after: [a, b]") "," APP("b", "")),
         "look reach-wave.1 reach-c finish-a finish-b finish-c", "return-c return-b return-a"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip_plan *plan = NULL;
        nip_error *err = NULL;
        if (plan_of(cases[i].text, &plan, &err) < 0)
            fail_msg("%s: %s", cases[i].text, nip_error_message(err));
        planned p = read_plan(plan);
        assert_ids(&p, "steps", cases[i].steps);
        assert_ids(&p, "back", cases[i].back);
        drop_plan(&p);
    }
}

static void says_everything_in_the_plan(void **state)
{
    (void)state;
    nip_plan *plan = NULL;
    assert_int_equal(plan_of(TRAIN("", APP("db", "") "," APP("shop", "")), &plan, NULL), 0);
    planned p = read_plan(plan);
    assert_json(p.root, "/subject", "\"autumn\"");
    assert_json(p.root, "/title", "\"release train autumn: db 1.4.0, shop 1.4.0\"");
    assert_json(p.root, "/drivers/app/driver", "\"train\"");
    assert_json(p.root, "/drivers/app/apps/db/subject", "\"db\"");
    assert_json(p.root, "/steps/0/on_failure", "\"stop\"");
    assert_json(p.root, "/steps/1/back", "0");
    assert_json(p.root, "/steps/1/actions",
                "[{\"role\":\"app\",\"verb\":\"start\",\"args\":{\"app\":\"db\",\"looked\":{\"from\":\"look\",\"at\":\"/apps\"}},\"class\":\"declarative\"},"
                "{\"role\":\"app\",\"verb\":\"await\",\"args\":{\"app\":\"db\",\"until\":\"proven\",\"looked\":{\"from\":\"look\",\"at\":\"/apps\"}},\"class\":\"read\"}]");
    assert_json(p.root, "/back/0/actions",
                "[{\"role\":\"app\",\"verb\":\"return\",\"args\":{\"app\":\"shop\",\"looked\":{\"from\":\"look\",\"at\":\"/apps\",\"else\":{}}},\"class\":\"declarative\"}]");
    drop_plan(&p);
}

static void refuses_what_cannot_go(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
        const char *message;
    } cases[] = {
        {TRAIN("", APP("db", "") "," APP("db", "")), NIP_E_DOCUMENT, "the app \"db\" is in the train twice"},
        {TRAIN("", APP("autumn", "")), NIP_E_DOCUMENT, "has the name of the train"},
        {TRAIN("", APP("db", ", after: shop")), NIP_E_DOCUMENT, "no app of the train is called \"shop\""},
        {TRAIN("", APP("a", ", after: b") "," APP("b", ", after: a")), NIP_E_DOCUMENT, "goes in a circle"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        nip_plan *plan = NULL;
        nip_error *err = NULL;
        assert_int_equal(plan_of(cases[i].text, &plan, &err), cases[i].code);
        if (strstr(nip_error_message(err), cases[i].message) == NULL)
            fail_msg("%s: %s", cases[i].text, nip_error_message(err));
        nip_error_free(err);
    }
}

static void wants_a_plan_with_a_barrier_for_each_app(void **state)
{
    (void)state;
    nip_doc *with = document(TRAIN("", APP("db", ""))), *without = document(TRAIN(", barrier: false", APP("db", "")));
    nip_plan *plan = NULL;
    nip_error *err = NULL;
    char *plans = plans_of(without);
    assert_int_equal(nip_train_plan(with, plans, &plan, &err), NIP_E_STATE);
    assert_non_null(strstr(nip_error_message(err), "db does not wait at the barrier"));
    nip_error_free(err);
    err = NULL;
    assert_int_equal(nip_train_plan(with, "[]", &plan, &err), NIP_E_INVALID);
    nip_error_free(err);
    assert_int_equal(nip_train_plan(with, "{", &plan, NULL), NIP_E_SYNTAX);
    assert_int_equal(nip_train_plan(NULL, "[]", &plan, NULL), NIP_E_INVALID);
    assert_int_equal(nip_train_apps(with), 1);
    assert_int_equal(nip_train_apps(NULL), 0);
    nip_doc *app = NULL;
    assert_int_equal(nip_train_app(with, 1, &app, NULL), NIP_E_NOTFOUND);
    assert_int_equal(nip_train_app(with, -1, &app, NULL), NIP_E_NOTFOUND);
    nip_free(plans);
    nip_doc_free(with);
    nip_doc_free(without);
}

/* The barrier stands behind everything that proves the new version, before anything of the old one goes. */
static void waits_before_the_old_version_goes(void **state)
{
    (void)state;
    static const struct {
        const char *strategy, *barrier_after, *barrier_before;
    } cases[] = {{"canary", "watch-100", "drain-old"}, {"blue_green", "watch", "drain-old"}, {"rolling", "stop-2", NULL}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[1024];
        static const seen two[] = {{"1.3.0", 2, 9100, 100, 0}, SEEN_END};
        snprintf(text, sizeof text,
                 "rollout: {app: shop, artifact: \"1.4.0\", replicas: 2, strategy: %s, hold_old: 0s, barrier: \"go on?\", target: {driver: sim}, "
                 "router: {driver: sim}, metrics: {driver: sim}, health: {url: \"http://{endpoint}/\"}, "
                 "canary: {stages: [{share: 50}, {share: 100, duration: 1m}], guard: {error_rate: {max: 1.0}}}, "
                 "blue_green: {watch: 1m, guard: {error_rate: {max: 1.0}}}}",
                 cases[i].strategy);
        char *release = release_of("1.3.0", 2, 9100, ",\"held\":[],\"previous\":null");
        planned p = plan_rollout(text, release, two);
        const nip__value *before = NULL, *barrier = NULL, *steps = nip__get(p.root, "steps");
        for (NIP__EACH(step, steps)) {
            if (strcmp(nip__get_text(step, "id"), "barrier") == 0) {
                barrier = step;
                break;
            }
            before = step;
        }
        assert_non_null(barrier);
        assert_string_equal(nip__get_text(before, "id"), cases[i].barrier_after);
        assert_string_equal(nip__get_text(barrier, "approve"), "go on?");
        assert_int_equal(nip__get_int(barrier, "back", -1), 0);
        if (cases[i].barrier_before != NULL) {
            assert_string_equal(nip__get_text(barrier->next, "id"), cases[i].barrier_before);
            const nip__value *guards = nip__get(p.root, "guards"), *last = NULL;
            for (NIP__EACH(guard, guards))
                last = guard;
            assert_string_equal(nip__get_text(last, "to"), "barrier");
        }
        drop_plan(&p);
        nip_free(release);
    }
}

/* ---- settling ---- */

typedef struct desk {
    nip_ctx *ctx;
    nip_store *store;
    nip__loop *loop;
    nip_driver *driver;
    nip_plan *plan; /* of the app */
    nip_drivers *world; /* keeps its simulated world alive */
    char outcome[4096];
    long allocations; /* while it was made to answer */
    int turns;        /* of ten milliseconds, in which it may answer */
    const char *run;    /* of the train */
    const char *looked; /* what its first step looked at */
} desk;

static int keep_outcome(void *poster, nip_action *action, const char *outcome, nip_error **err)
{
    (void)action;
    (void)err;
    snprintf(((desk *)poster)->outcome, sizeof((desk *)0)->outcome, "%s", outcome);
    return 0;
}

static void open_desk(desk *d)
{
    nip_doc *doc = document(TRAIN("", APP("db", "")));
    char *plans = plans_of(doc);
    nip_plan *train = NULL;
    nip_drivers *drivers = NULL;
    assert_int_equal(nip_ctx_new(&d->ctx, NULL), 0);
    assert_int_equal(nip_ctx_set(d->ctx, "clock", "virtual:2026-11-23T05:00:00Z", NULL), 0);
    d->turns = 50;
    d->run = "autumn-1";
    d->looked = "{\"db\":{\"sequence\":0}}"; /* as a journal from before trains marked their runs has it */
    assert_int_equal(nip_store_open(d->ctx, "memory:", &d->store, NULL), 0);
    assert_int_equal(nip__loop_new(d->ctx, &d->loop, NULL), 0);
    assert_int_equal(nip_train_plan(doc, plans, &train, NULL), 0);
    d->plan = plan_app(doc, 0);
    assert_int_equal(nip_drivers_new(&d->world, NULL), 0);
    assert_int_equal(nip_drivers_open(d->world, d->ctx, nip_plan_drivers(d->plan), NULL), 0);
    assert_int_equal(nip_drivers_new(&drivers, NULL), 0);
    assert_int_equal(nip_drivers_open(drivers, d->ctx, nip_plan_drivers(train), NULL), 0);
    d->driver = nip__driver_hold(nip__drivers_find(drivers, "app"));
    nip_drivers_free(drivers);
    d->driver->services->attach(d->driver->self, d->loop);
    d->driver->services->lend(d->driver->self, d->store);
    nip_plan_free(train);
    nip_free(plans);
    nip_doc_free(doc);
}

static void close_desk(desk *d)
{
    d->driver->services->lend(d->driver->self, NULL);
    d->driver->services->attach(d->driver->self, NULL);
    nip_driver_free(d->driver);
    nip__loop_free(d->loop);
    nip_plan_free(d->plan);
    nip_drivers_free(d->world);
    nip_store_free(d->store);
    nip_ctx_free(d->ctx);
}

/* What the driver answers to `verb` within some turns, "" when it goes on waiting. */
static const char *answer_to(desk *d, const char *verb, bool settles, long failing)
{
    nip__arena *arena = nip__arena_new();
    nip__value *args = NULL;
    char text[256];
    snprintf(text, sizeof text, "{\"app\":\"db\",\"looked\":%s}", d->looked);
    assert_int_equal(nip__json_read(arena, text, strlen(text), "args", &nip__internal_limits, &args, NULL), 0);
    nip_action action = {.id = "autumn-1.2", .run = d->run, .subject = "autumn", .role = "app", .verb = verb, .args_value = args,
                         .settles = settles, .post = keep_outcome, .poster = d};
    d->outcome[0] = '\0';
    fail_allocation(failing, 0);
    int rc = d->driver->vtable.start(d->driver->self, &action, nip__loop_now(d->loop), NULL);
    for (int i = 0; i < d->turns && rc == 0 && d->outcome[0] == '\0'; i++)
        nip__loop_wait(d->loop, nip__loop_now(d->loop) + 10 * NIP_MILLISECOND, NULL);
    d->allocations = allocations_seen();
    fail_allocation(0, 0);
    if (d->outcome[0] == '\0' && rc == 0)
        d->driver->vtable.cancel(d->driver->self, &action);
    nip__arena_free(arena);
    static const char *const words[] = {"in_force", "not_yet", "foreign"};
    for (size_t i = 0; settles && i < COUNT(words); i++) {
        if (strstr(d->outcome, words[i]) != NULL)
            return words[i];
    }
    return d->outcome;
}

static const char *settle(desk *d, const char *verb)
{
    const char *outcome = answer_to(d, verb, true, 0);
    assert_true(outcome[0] != '\0');
    return outcome;
}

/* Begins a run of the app and drives it until it waits; or takes it up (NULL) and drives it to its end. Then it is left. */
static void drive_app(desk *d, const nip_plan *plan)
{
    nip_run *run = NULL;
    nip_op *op = NULL;
    nip_drivers *drivers = NULL;
    nip_error *err = NULL;
    int rc = plan != NULL ? nip_run_new(plan, d->store, nip_ctx_now(d->ctx), &run, &err)
                          : nip_run_resume(d->store, "db", nip_ctx_now(d->ctx), &run, &err);
    if (rc < 0)
        fail_msg("%s", nip_error_message(err));
    assert_int_equal(nip_drivers_new(&drivers, NULL), 0);
    assert_int_equal(nip_op_run_plan(d->ctx, run, drivers, &op, NULL), 0);
    while (nip_op_step(op, NULL) == NIP_OP_MORE && (plan == NULL || strcmp(nip_run_state(run), "waiting") != 0)) {
    }
    nip_op_free(op);
    nip_run_free(run);
    nip_drivers_free(drivers);
}

static void request(desk *d, const char *kind)
{
    assert_int_equal(nip_run_request(d->store, "db", kind, "ann", NULL, nip_ctx_now(d->ctx), NULL, NULL), 0);
}

static void settles_what_was_not_begun(void **state)
{
    (void)state;
    desk d = {0};
    open_desk(&d);
    assert_string_equal(settle(&d, "start"), "not_yet");
    assert_string_equal(settle(&d, "return"), "in_force");
    close_desk(&d);
}

static void settles_what_waits_at_the_barrier(void **state)
{
    (void)state;
    desk d = {0};
    open_desk(&d);
    drive_app(&d, d.plan);
    assert_string_equal(settle(&d, "start"), "in_force");
    assert_string_equal(settle(&d, "finish"), "not_yet");
    assert_string_equal(settle(&d, "return"), "not_yet");
    close_desk(&d);
}

static void settles_what_has_ended(void **state)
{
    (void)state;
    desk d = {0};
    open_desk(&d);
    drive_app(&d, d.plan);
    request(&d, "approve");
    drive_app(&d, NULL);
    assert_string_equal(settle(&d, "start"), "in_force");
    assert_string_equal(settle(&d, "finish"), "in_force");
    assert_string_equal(settle(&d, "return"), "not_yet");
    close_desk(&d);
}

static void settles_what_went_back(void **state)
{
    (void)state;
    desk d = {0};
    open_desk(&d);
    drive_app(&d, d.plan);
    request(&d, "abort");
    drive_app(&d, NULL);
    assert_string_equal(settle(&d, "finish"), "foreign");
    assert_string_equal(settle(&d, "return"), "in_force");
    close_desk(&d);
}

/* A journal that could not be read at first is not an empty one. */
static void does_not_take_the_unread_for_not_begun(void **state)
{
    (void)state;
    bool more = true;
    for (long k = 1; k <= 60 && more; k++) { /* those of the look; what follows drives the app */
        desk d = {0};
        open_desk(&d);
        drive_app(&d, d.plan);
        d.turns = 3;
        const char *outcome = answer_to(&d, "return", true, k);
        if (strcmp(outcome, "in_force") == 0)
            fail_msg("with allocation %ld failing the app counts as back: %s", k, d.outcome);
        more = d.allocations >= k;
        close_desk(&d);
    }
}

static void lets_none_go_on_while_one_is_held(void **state)
{
    (void)state;
    desk d = {0};
    open_desk(&d);
    drive_app(&d, d.plan);
    request(&d, "pause");
    assert_string_equal(answer_to(&d, "finish", false, 0), "");
    request(&d, "promote");
    d.turns = 3000;
    assert_non_null(strstr(answer_to(&d, "finish", false, 0), "\"done\""));
    close_desk(&d);
}

static void settles_what_somebody_else_began(void **state)
{
    (void)state;
    desk d = {0};
    nip_plan *other = NULL;
    static const char text[] = "{\"v\":1,\"kind\":\"plan\",\"subject\":\"db\",\"title\":\"other\",\"seed\":1,\"steps\":[],\"back\":[]}";
    open_desk(&d);
    assert_int_equal(nip_plan_from_json(text, strlen(text), &other, NULL), 0);
    drive_app(&d, other);
    nip_plan_free(other);
    assert_string_equal(settle(&d, "start"), "foreign");
    assert_string_equal(settle(&d, "finish"), "foreign");
    close_desk(&d);
}

/* Two trains may look at the same moment, and may carry equal plans of an app. */
static void takes_nobody_elses_run_for_its_own(void **state)
{
    (void)state;
    static const char marked[] = "{\"db\":{\"sequence\":0,\"by\":\"autumn-1\"}}", unmarked[] = "{\"db\":{\"sequence\":0}}";
    static const struct {
        const char *looked, *by, *settled;
    } cases[] = {
        {marked, "autumn-1", "in_force"}, {marked, "winter-1", "foreign"},   {marked, NULL, "foreign"},
        {unmarked, NULL, "in_force"}, /* both from before runs were marked */
        {unmarked, "autumn-1", "in_force"}, {unmarked, "winter-1", "foreign"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        desk d = {0};
        nip_run *run = NULL;
        open_desk(&d);
        d.looked = cases[i].looked;
        assert_int_equal(nip__run_begin(d.plan, d.store, cases[i].by, nip_ctx_now(d.ctx), &run, NULL), 0);
        nip_run_free(run);
        if (strcmp(settle(&d, "start"), cases[i].settled) != 0)
            fail_msg("case %zu: %s", i, d.outcome);
        close_desk(&d);
    }
}

static const char *read_app(desk *d, const char *run)
{
    d->run = run;
    return answer_to(d, "observe", false, 0);
}

/* The same by what trains really do: both look, both begin, and only one of them has the app. */
static void lets_one_of_two_trains_have_the_app(void **state)
{
    (void)state;
    desk d = {0}, e = {0};
    char first[512], second[512];
    open_desk(&d);
    open_desk(&e);
    e.driver->services->lend(e.driver->self, d.store);
    assert_non_null(strstr(read_app(&d, "autumn-1"), "\"by\":\"autumn-1\""));
    assert_non_null(strstr(read_app(&e, "winter-1"), "\"by\":\"winter-1\""));
    d.looked = "{\"db\":{\"sequence\":0,\"by\":\"autumn-1\"}}";
    e.looked = "{\"db\":{\"sequence\":0,\"by\":\"winter-1\"}}";
    snprintf(first, sizeof first, "%s", answer_to(&d, "start", false, 0));
    snprintf(second, sizeof second, "%s", answer_to(&e, "start", false, 0));
    assert_non_null(strstr(first, "\"done\""));
    assert_non_null(strstr(second, "\"failed\""));
    assert_non_null(strstr(second, "foreign"));
    assert_string_equal(settle(&d, "start"), "in_force");
    assert_string_equal(settle(&e, "return"), "in_force"); /* it has nothing to take back */
    close_desk(&e);
    close_desk(&d);
}

static void settles_what_was_released_over(void **state)
{
    (void)state;
    desk d = {0};
    nip_plan *other = NULL;
    static const char text[] = "{\"v\":1,\"kind\":\"plan\",\"subject\":\"db\",\"title\":\"other\",\"seed\":1,\"steps\":[],\"back\":[],"
                               "\"release\":{\"v\":1,\"app\":\"db\",\"version\":\"9.9\"}}";
    open_desk(&d);
    drive_app(&d, d.plan);
    request(&d, "approve");
    drive_app(&d, NULL);
    assert_int_equal(nip_plan_from_json(text, strlen(text), &other, NULL), 0);
    drive_app(&d, other);
    nip_plan_free(other);
    assert_string_equal(settle(&d, "return"), "foreign");
    close_desk(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_all_problems_at_once),
        cmocka_unit_test(goes_in_order),
        cmocka_unit_test(says_everything_in_the_plan),
        cmocka_unit_test(refuses_what_cannot_go),
        cmocka_unit_test(wants_a_plan_with_a_barrier_for_each_app),
        cmocka_unit_test(waits_before_the_old_version_goes),
        cmocka_unit_test(settles_what_was_not_begun),
        cmocka_unit_test(settles_what_waits_at_the_barrier),
        cmocka_unit_test(settles_what_has_ended),
        cmocka_unit_test(settles_what_went_back),
        cmocka_unit_test(does_not_take_the_unread_for_not_begun),
        cmocka_unit_test(lets_none_go_on_while_one_is_held),
        cmocka_unit_test(settles_what_somebody_else_began),
        cmocka_unit_test(takes_nobody_elses_run_for_its_own),
        cmocka_unit_test(lets_one_of_two_trains_have_the_app),
        cmocka_unit_test(settles_what_was_released_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
