/* Every single call with the k-th allocation failing, once, or that one and all later ones: it says that memory is
 * out, leaves its outputs alone, loses nothing, and does its work when it is called again. */
#include "world.h"
#include "failing_malloc.h"

/* What calls work on: a store with a run that has ended and one that waits, and texts of every kind. */
typedef struct stage {
    world w;
    folder place;
    nip_doc *doc, *flat, *docs[CANARY + 1], *gated, *shadow;
    nip_plan *plan;
    nip_run *run; /* under way, waiting */
    nip_op *op;
    char *plan_text, *observed, *release, *head;
    char *observed_ill; /* not as the release says */
    char *after;        /* a release with one before it, and one that is held */
} stage;

typedef struct call {
    const char *name;
    int (*work)(stage *s, nip_error **err); /* makes the call, checks and frees what came out */
} call;

#define UNTOUCHED ((void *)(uintptr_t)16)

/* Frees what came out by `release` when the call succeeded; else it must not have been touched. */
#define CALL(type, out, release, ...)                                                                                  \
    do {                                                                                                               \
        type *out = UNTOUCHED;                                                                                         \
        int rc = __VA_ARGS__;                                                                                          \
        if (rc < 0)                                                                                                    \
            assert_ptr_equal(out, UNTOUCHED);                                                                          \
        else                                                                                                           \
            release(out);                                                                                              \
        return rc;                                                                                                     \
    } while (0)

/* ---- documents ---- */

static const char yaml[] =
    "app: shop\nimage_tag: \"1.1\"\nreplicas: 2\nstrategy: canary\ntarget: {driver: sim}\nrouter: {driver: "
    "sim}\nmetrics: &m {driver: sim}\n"
    "health_check_url: /health\nhealth_check_interval: 10\ninitial_canary_percentage: 5\n"
    "promotion_stages: [{percentage: 25, duration_minutes: 15}, {percentage: 50, duration_minutes: 1.5}]\n"
    "thresholds: {max_error_rate: 1.0, max_latency_p95: 500, min_success_rate: 99.9}\n";
static const char wrong[] =
    "rollout: {app: \"shop!\", replicas: -1, strategy: canary, target: {}, routr: 1, health: {}}\n";

static int load_yaml(stage *s, nip_error **err)
{
    (void)s;
    CALL(nip_doc, doc, nip_doc_free, nip_doc_load_text(yaml, sizeof yaml - 1, "a.yaml", &doc, err));
}

static int load_json(stage *s, nip_error **err)
{
    CALL(nip_doc, doc, nip_doc_free, nip_doc_load_text(s->plan_text, strlen(s->plan_text), "plan.json", &doc, err));
}

static int check_document(stage *s, nip_error **err)
{
    return nip_doc_check(s->doc, err);
}

static int check_flat_document(stage *s, nip_error **err)
{
    return nip_doc_check(s->flat, err);
}

/* A wrong document is wrong, or memory is out; it is never right. */
static int check_wrong_document(stage *s, nip_error **err)
{
    (void)s;
    nip_doc *doc = NULL;
    nip_error *error = NULL;
    int rc = nip_doc_load_text(wrong, sizeof wrong - 1, "wrong.yaml", &doc, &error);
    if (rc == 0) {
        rc = nip_doc_check(doc, &error);
        assert_true(rc == NIP_E_DOCUMENT || rc == NIP_E_NOMEM);
    }
    nip_doc_free(doc);
    if (rc == NIP_E_NOMEM) {
        nip__pass(err, error);
        return rc;
    }
    nip_error_free(error);
    return 0;
}

static int set_value(stage *s, nip_error **err)
{
    return nip_doc_set(s->doc, "/rollout/replicas", "2", err);
}

static int document_to_json(stage *s, nip_error **err)
{
    CALL(char, json, nip_free, nip_doc_to_json(s->flat, &json, err));
}

/* ---- plans ---- */

static int plan_from_json(stage *s, nip_error **err)
{
    CALL(nip_plan, plan, nip_plan_free, nip_plan_from_json(s->plan_text, strlen(s->plan_text), &plan, err));
}

static int plan_to_json(stage *s, nip_error **err)
{
    CALL(char, json, nip_free, nip_plan_to_json(s->plan, &json, err));
}

static int explain(stage *s, nip_error **err)
{
    CALL(char, text, nip_free, nip_plan_explain(s->plan, &text, err));
}

static int plan_by(stage *s, const nip_doc *doc, nip_error **err)
{
    CALL(nip_plan, plan, nip_plan_free, nip_rollout_plan(doc, s->release, s->observed, &plan, err));
}

static int plan_rolling(stage *s, nip_error **err)
{
    return plan_by(s, s->docs[ROLLING], err);
}

static int plan_blue_green(stage *s, nip_error **err)
{
    return plan_by(s, s->docs[BLUE_GREEN], err);
}

static int plan_canary(stage *s, nip_error **err)
{
    return plan_by(s, s->docs[CANARY], err);
}

static int plan_gated(stage *s, nip_error **err)
{
    return plan_by(s, s->gated, err);
}

static int plan_shadow(stage *s, nip_error **err)
{
    return plan_by(s, s->shadow, err);
}

static int check_gated_document(stage *s, nip_error **err)
{
    return nip_doc_check(s->gated, err);
}

static int judge_window(stage *s, nip_error **err)
{
    (void)s;
    static const char rules[] = "{\"windows\":[{\"days\":[\"mon\",\"tue\"],\"from\":\"09:00\",\"zone\":\"Europe/Berlin\"}]}";
    CALL(char, json, nip_free, nip_window_judge(rules, NIP_HOUR, &json, err));
}

static int plan_rollback(stage *s, nip_error **err)
{
    CALL(nip_plan, plan, nip_plan_free, nip_rollback_plan(s->after, s->observed, &plan, err));
}

static int plan_ensure(stage *s, nip_error **err)
{
    CALL(nip_plan, plan, nip_plan_free, nip_ensure_plan(s->release, s->observed_ill, &plan, err));
}

static int plan_retire(stage *s, nip_error **err)
{
    CALL(nip_plan, plan, nip_plan_free, nip_retire_plan(s->after, s->observed, INT64_MAX / 2, 1, &plan, err));
}

static int compare(stage *s, nip_error **err)
{
    nip_error *error = NULL;
    int rc = nip_observed_compare(s->observed, s->observed_ill, &error);
    if (rc == NIP_E_DIFFERS) {
        nip_error_free(error);
        return 0;
    }
    nip__pass(err, error);
    assert_int_equal(rc, NIP_E_NOMEM); /* never: they agree */
    return rc;
}

/* ---- stores ---- */

static int open_context(stage *s, nip_error **err)
{
    (void)s;
    CALL(nip_ctx, ctx, nip_ctx_free, nip_ctx_new(&ctx, err));
}

static int open_memory(stage *s, nip_error **err)
{
    CALL(nip_store, store, nip_store_free, nip_store_open(s->w.ctx, "memory:", &store, err));
}

static int open_sqlite(stage *s, nip_error **err)
{
    CALL(nip_store, store, nip_store_free, nip_store_open(s->w.ctx, s->place.url, &store, err));
}

static int open_readonly(stage *s, nip_error **err)
{
    CALL(nip_store, store, nip_store_free, nip_store_open_readonly(s->w.ctx, s->place.url, &store, err));
}

/* Newest sequence, or -1 when even that cannot be asked. */
static int64_t newest(stage *s, const char *subject)
{
    nip__head head;
    return s->w.store->backend->head(s->w.store, subject, &head, NULL) == 0 ? head.sequence : -1;
}

/* What was said not to be written is not there; what was, is there once. */
static void check_written(int64_t before, int64_t after, int rc)
{
    if (before >= 0 && after >= 0)
        assert_int_equal(after - before, rc == 0 ? 1 : 0);
}

static int append_note(stage *s, nip_error **err)
{
    int64_t before = newest(s, "notes"), sequence = -7;
    int rc =
        nip_journal_append(s->w.store, "notes", -1, "note.written", 1, "{\"n\":[1,2,{\"a\":\"b\"}]}", &sequence, err);
    check_written(before, newest(s, "notes"), rc);
    assert_true(rc == 0 ? sequence > 0 : sequence == -7);
    return rc;
}

static int read_journal(stage *s, nip_error **err)
{
    CALL(char, json, nip_free, nip_journal_read(s->w.store, SUBJECT, 0, 10000, &json, err));
}

static int read_head(stage *s, nip_error **err)
{
    CALL(char, json, nip_free, nip_journal_head(s->w.store, SUBJECT, &json, err));
}

static int verify(stage *s, nip_error **err)
{
    char *json = UNTOUCHED;
    int rc = nip_journal_verify(s->w.store, SUBJECT, s->head, &json, err);
    if (rc < 0) {
        assert_ptr_equal(json, UNTOUCHED);
        return rc;
    }
    assert_contains(json, "\"intact\""); /* no lack of memory makes a journal broken */
    nip_free(json);
    return rc;
}

static int list_subjects(stage *s, nip_error **err)
{
    CALL(char, json, nip_free, nip_store_subjects(s->w.store, &json, err));
}

static int read_lease(stage *s, nip_error **err)
{
    CALL(char, json, nip_free, nip_lease_read(s->w.store, SUBJECT, &json, err));
}

static int purge(stage *s, nip_error **err)
{
    return nip_journal_purge(s->w.store, "notes", 1, err);
}

/* ---- runs ---- */

static int open_run(stage *s, nip_error **err)
{
    CALL(nip_run, run, nip_run_free, nip_run_open(s->w.store, SUBJECT, &run, err));
}

static int run_status(stage *s, nip_error **err)
{
    CALL(char, json, nip_free, nip_run_status(s->run, 0, &json, err));
}

static int list_runs(stage *s, nip_error **err)
{
    CALL(char, json, nip_free, nip_run_list(s->w.store, NULL, &json, err));
}

static int read_release(stage *s, nip_error **err)
{
    CALL(char, json, nip_free, nip_release_read(s->w.store, SUBJECT, &json, err));
}

static int request(stage *s, nip_error **err)
{
    char *json = UNTOUCHED;
    int64_t before = newest(s, SUBJECT);
    int rc = nip_run_request(s->w.store, SUBJECT, "pause", "test", "because", 1, &json, err);
    check_written(before, newest(s, SUBJECT), rc);
    if (rc < 0)
        assert_ptr_equal(json, UNTOUCHED);
    else
        nip_free(json);
    return rc;
}

static int poll_requests(stage *s, nip_error **err)
{
    int rc = nip_run_poll(s->run, err);
    return rc < 0 ? rc : 0;
}

static int resume(stage *s, nip_error **err)
{
    nip_run *run = UNTOUCHED;
    if (s->run != NULL) {
        nip_op_free(s->op);
        nip_run_free(s->run);
        s->op = NULL;
        s->run = NULL;
    }
    int rc = nip_run_resume(s->w.store, SUBJECT, nip_ctx_now(s->w.ctx), &run, err);
    if (rc < 0)
        assert_ptr_equal(run, UNTOUCHED);
    else
        nip_run_free(run);
    return rc;
}

static int refuse_second(stage *s, nip_error **err)
{
    (void)s;
    nip_run *run = UNTOUCHED;
    nip_error *error = NULL;
    int rc = nip_run_new(s->plan, s->w.store, nip_ctx_now(s->w.ctx), &run, &error);
    assert_ptr_equal(run, UNTOUCHED);
    if (rc == NIP_E_HELD) {
        nip_error_free(error);
        return 0;
    }
    nip__pass(err, error);
    return rc;
}

/* ---- drivers and operations ---- */

static int open_driver(stage *s, nip_error **err)
{
    CALL(nip_driver, driver, nip_driver_free,
         nip_driver_open(s->w.ctx, "sim", "{\"initial\":{\"1.0\":2},\"slots\":9}", &driver, err));
}

static int open_drivers(stage *s, nip_error **err)
{
    nip_drivers *drivers = NULL;
    int rc = nip_drivers_new(&drivers, err);
    if (rc == 0)
        rc = nip_drivers_open(drivers, s->w.ctx,
                              "{\"target\":{\"driver\":\"sim\"},\"router\":{\"driver\":\"sim\",\"slots\":7}}", err);
    nip_drivers_free(drivers);
    return rc;
}

/* A driver that has no memory to answer says so, which may be tried again. */
static int observe(stage *s, nip_error **err)
{
    nip_op *op = NULL;
    char *json = UNTOUCHED;
    nip_error *error = NULL;
    int rc = nip_op_observe(s->w.ctx, s->docs[CANARY], NULL, s->w.drivers, &op, &error);
    if (rc == 0)
        rc = nip_op_run(op, &error);
    if (rc == 0)
        rc = nip_op_result(op, &json, &error);
    if (rc == 0)
        nip_free(json);
    nip_op_free(op);
    if (rc == NIP_E_DRIVER && strstr(nip_error_message(error), "no_memory") != NULL && nip_error_retryable(error)) {
        nip_error_free(error);
        return nip__nomem(err);
    }
    nip__pass(err, error);
    return rc;
}

static int operation_status(stage *s, nip_error **err)
{
    CALL(char, json, nip_free, nip_op_status(s->op, &json, err));
}

static int next_event(stage *s, nip_error **err)
{
    const char *json = NULL;
    int rc = nip_op_next_event(s->op, &json, err);
    return rc < 0 ? rc : 0;
}

static int texts(stage *s, nip_error **err)
{
    (void)s;
    char *time = nip_time_format(1), *duration = nip_duration_format(1);
    int rc = time == NULL || duration == NULL ? nip__nomem(err) : 0;
    nip_free(time);
    nip_free(duration);
    return rc;
}

static const call calls[] = {
    {"load YAML", load_yaml},
    {"load JSON", load_json},
    {"check", check_document},
    {"check a flat document", check_flat_document},
    {"check a wrong document", check_wrong_document},
    {"set a value", set_value},
    {"document to JSON", document_to_json},
    {"read a plan", plan_from_json},
    {"write a plan", plan_to_json},
    {"explain a plan", explain},
    {"plan rolling", plan_rolling},
    {"plan blue-green", plan_blue_green},
    {"plan a canary", plan_canary},
    {"plan a rollout with gates", plan_gated},
    {"plan a shadow", plan_shadow},
    {"check a document with gates", check_gated_document},
    {"judge a window", judge_window},
    {"plan a rollback", plan_rollback},
    {"plan ensure", plan_ensure},
    {"plan retire", plan_retire},
    {"compare observed states", compare},
    {"open a context", open_context},
    {"open a store in memory", open_memory},
    {"open a store in SQLite", open_sqlite},
    {"open a store to read", open_readonly},
    {"append", append_note},
    {"read a journal", read_journal},
    {"read a head", read_head},
    {"verify", verify},
    {"list subjects", list_subjects},
    {"read a lease", read_lease},
    {"purge", purge},
    {"look at a run", open_run},
    {"status of a run", run_status},
    {"list runs", list_runs},
    {"read a release", read_release},
    {"request", request},
    {"poll requests", poll_requests},
    {"refuse a second holder", refuse_second},
    {"open a driver", open_driver},
    {"open drivers", open_drivers},
    {"observe", observe},
    {"status of an operation", operation_status},
    {"next event", next_event},
    {"texts", texts},
    {"resume", resume}, /* last: it ends the run under way */
};

/* ---- the stage ---- */

static nip_doc *load(const char *text)
{
    nip_doc *doc = NULL;
    must(nip_doc_load_text(text, strlen(text), "shop.yaml", &doc, &err));
    return doc;
}

/* 1.1 runs, and 1.0 is held. */
static char *release_after(void)
{
    nip__buffer text = NIP__BUFFER(65536);
    nip__buffer_text(
        &text,
        "{\"v\":1,\"app\":\"shop\",\"version\":\"1.0\",\"artifact\":\"1.0\",\"replicas\":2,\"settings\":{},"
        "\"endpoints\":[\"127.0.0.1:9100\",\"127.0.0.1:9101\"],\"shares\":{\"1.0\":100},\"held\":[{\"version\":\"0.9\","
        "\"artifact\":\"0.9\",\"replicas\":2,\"endpoints\":[\"127.0.0.1:9110\"],\"until\":\"2026-11-23T06:00:00Z\"}],");
    for (int i = 0; i < 2; i++)
        nip__buffer_printf(
            &text,
            "%s\"rollout\":{\"app\":\"shop\",\"artifact\":\"%s\",\"replicas\":2,\"target\":{\"driver\":\"sim\"},"
            "\"router\":{\"driver\":\"sim\"},\"health\":{\"url\":\"http://{endpoint}/health\"}}",
            i == 0 ? ""
                   : ",\"previous\":{\"v\":1,\"app\":\"shop\",\"version\":\"0.9\",\"artifact\":\"0.9\",\"replicas\":2,"
                     "\"settings\":{},\"endpoints\":[\"127.0.0.1:9110\"],\"shares\":{\"0.9\":100},",
            i == 0 ? "1.0" : "0.9");
    nip__buffer_text(&text, "}}");
    char *taken = nip__buffer_take(&text);
    assert_non_null(taken);
    return taken;
}

static void begin_run(stage *s)
{
    must(nip_run_new(s->plan, s->w.store, nip_ctx_now(s->w.ctx), &s->run, &err));
    must(nip_op_run_plan(s->w.ctx, s->run, s->w.drivers, &s->op, &err));
    while (strcmp(nip_run_state(s->run), "waiting") != 0)
        must(nip_op_wait(s->op, NIP_SECOND / 50, &err));
}

static const strategy gated = {
    "gated", "strategy: canary\n  roles: {sre: [ann, bob, eve]}\n  approve: {ask: \"now?\", role: sre, count: 2}\n  window_override: sre\n"
             "  windows: [{days: [mon, tue, wed], from: \"09:00\", to: \"17:00\", zone: Europe/Berlin}, {days: sat}, {days: sun}]\n"
             "  freeze: [{from: 2026-12-20T00:00:00Z, to: 2027-01-04T00:00:00Z, why: Christmas}]\n"
             "  on_end: [{command: [./tell]}, {url: \"http://127.0.0.1:1/\", body: {text: \"{state}\"}}]\n"
             "  canary: {stages: [{share: 20, duration: 10s, window: true, approve: {ask: \"on?\", role: sre}}]}"};
static const strategy shadow = {"shadow", "strategy: shadow\n  shadow: {requests: recorded.har, limits: {latency_p95: 20}}"};

static void open_stage(stage *s)
{
    *s = (stage){0};
    folder_open(&s->place);
    world_open(&s->w, s->place.url);
    s->flat = load(yaml);
    for (int i = ROLLING; i <= CANARY; i++)
        s->docs[i] = world_document(&strategies[i], NEW);
    s->doc = world_document(&strategies[CANARY], NEW);
    s->gated = world_document(&gated, NEW);
    s->shadow = world_document(&shadow, NEW);
    s->observed = world_observe(&s->w, &strategies[CANARY]);
    s->release = world_release(&strategies[CANARY]);
    s->after = release_after();
    s->plan = world_plan(&strategies[CANARY]);
    must(nip_plan_to_json(s->plan, &s->plan_text, &err));
    begin_run(s);
    s->observed_ill = world_observe(&s->w, &strategies[CANARY]);
    must(nip_journal_head(s->w.store, SUBJECT, &s->head, &err));
}

static void close_stage(stage *s)
{
    nip_op_free(s->op);
    nip_run_free(s->run);
    for (int i = ROLLING; i <= CANARY; i++)
        nip_doc_free(s->docs[i]);
    nip_doc_free(s->doc);
    nip_doc_free(s->gated);
    nip_doc_free(s->shadow);
    nip_doc_free(s->flat);
    nip_plan_free(s->plan);
    nip_free(s->plan_text);
    nip_free(s->observed);
    nip_free(s->observed_ill);
    nip_free(s->release);
    nip_free(s->after);
    nip_free(s->head);
    world_close(&s->w);
    folder_close(&s->place);
}

/* ---- failing ---- */

/* false: allocation `k` was not reached. */
static bool try_once(stage *s, const call *c, long k, int all_later)
{
    nip_error *error = NULL;
    fail_allocation(k, all_later);
    int rc = c->work(s, &error);
    bool reached = allocations_seen() >= k;
    fail_allocation(0, 0);
    if ((rc < 0 && (rc != NIP_E_NOMEM || nip_error_code(error) != NIP_E_NOMEM)) || (rc < 0 && !reached))
        fail_msg("%s, allocation %ld fails %s: %s: %s", c->name, k, all_later ? "from then on" : "once",
                 nip_code_name(rc), nip_error_message(error));
    nip_error_free(error);
    return reached;
}

/* Every k to 300, then every 23rd: calls that append make the next ones longer. */
static long fail_each(stage *s, const call *c)
{
    long tries = 0;
    for (int all_later = 0; all_later <= 1; all_later++) {
        long k = 1;
        for (tries++; try_once(s, c, k, all_later); tries++)
            k += k < 300 ? 1 : 23;
    }
    return tries;
}

static void every_call(void **state)
{
    (void)state;
    stage s;
    long tries = 0, before = 0;
    for (int round = 0; round < 2; round++) { /* what libraries keep for good is made in the first one */
        before = allocations_alive();
        open_stage(&s);
        for (size_t i = 0; i < COUNT(calls); i++)
            tries += fail_each(&s, &calls[i]);
        close_stage(&s);
    }
    if (allocations_alive() != before)
        fail_msg("%ld blocks of memory were lost", allocations_alive() - before);
    print_message("%zu calls, made %ld times with an allocation that fails: every k to 300, then every 23rd\n",
                  COUNT(calls), tries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
