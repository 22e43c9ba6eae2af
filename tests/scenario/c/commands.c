/* The commands of a scenario, in the order of its list `do`. */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

nip_doc *load_document(const runner *r, const char *name)
{
    const char *text = text_of(cJSON_GetObjectItemCaseSensitive(r->scenario, "documents"), name);
    nip_doc *doc = NULL;
    nip_error *err = NULL;
    if (text == NULL)
        die("no such document", name);
    if (nip_doc_load_text(text, strlen(text), name, &doc, &err) < 0)
        print_error(err);
    return doc;
}

/* ---- documents ---- */

static void show(runner *r, const cJSON *said)
{
    nip_doc *doc = load_document(r, said->valuestring);
    char *json = NULL;
    if (doc == NULL)
        return;
    print_text("kind", nip_doc_kind(doc));
    if (nip_doc_to_json(doc, &json, NULL) == 0)
        print_json_text("document", json);
    nip_free(json);
    nip_doc_free(doc);
}

static bool set_values(nip_doc *doc, const cJSON *values)
{
    const cJSON *value;
    cJSON_ArrayForEach(value, values)
    {
        nip_error *err = NULL;
        if (nip_doc_set(doc, value->string, value->valuestring, &err) < 0) {
            print_error(err);
            return false;
        }
    }
    return true;
}

/* check: NAME, or {document: NAME, set: {POINTER: TEXT}} */
static void check(runner *r, const cJSON *said)
{
    const cJSON *name = cJSON_IsString(said) ? said : cJSON_GetObjectItemCaseSensitive(said, "document");
    nip_doc *doc = load_document(r, name->valuestring);
    nip_error *err = NULL;
    if (doc != NULL && set_values(doc, cJSON_GetObjectItemCaseSensitive(said, "set"))) {
        if (nip_doc_check(doc, &err) < 0)
            print_error(err);
        else
            puts("fine");
    }
    nip_doc_free(doc);
}

/* ---- states that plans are made from ---- */

static void replace(char **kept, const cJSON *value)
{
    free(*kept);
    *kept = NULL;
    char *printed = cJSON_PrintUnformatted(value);
    *kept = strdup(printed);
    cJSON_free(printed);
}

static void given_release(runner *r, const cJSON *said)
{
    replace(&r->release, said);
}

static void given_observed(runner *r, const cJSON *said)
{
    replace(&r->observed, said);
}

static int look(runner *r, nip_doc *doc, char **json, nip_error **err)
{
    nip_op *op = NULL;
    int rc = nip_op_observe(r->ctx, doc, NULL, r->drivers, &op, err);
    if (rc == 0)
        rc = nip_op_run(op, err);
    if (rc == 0)
        rc = nip_op_result(op, json, err);
    nip_op_free(op);
    return rc;
}

static void observe(runner *r, const cJSON *said)
{
    nip_doc *doc = load_document(r, said->valuestring);
    nip_error *err = NULL;
    char *json = NULL;
    if (doc == NULL)
        return;
    if (look(r, doc, &json, &err) < 0) {
        print_error(err);
    } else {
        print_json_text("observed", json);
        free(r->observed);
        r->observed = strdup(json);
    }
    nip_free(json);
    nip_doc_free(doc);
}

/* Two observed states: do they agree? */
static void compare(runner *r, const cJSON *said)
{
    nip_error *err = NULL;
    char *fresh = cJSON_PrintUnformatted(said);
    if (nip_observed_compare(r->observed, fresh, &err) < 0)
        print_error(err);
    else
        puts("same");
    cJSON_free(fresh);
}

/* ---- plans ---- */

static char *release_of(const runner *r)
{
    char *json = NULL;
    if (r->release != NULL)
        return strdup(r->release);
    if (nip_release_read(r->store, text_of(r->scenario, "subject"), &json, NULL) < 0)
        return strdup("null");
    char *copy = strdup(json);
    nip_free(json);
    return copy;
}

/* plan: {rollout: NAME} | {adopt: NAME} | {document: NAME} | {rollback: true} | {ensure: true} | {retire: true|false} */
static int make_plan(runner *r, const cJSON *said, nip_doc *doc, const char *release, nip_error **err)
{
    const cJSON *retire = cJSON_GetObjectItemCaseSensitive(said, "retire");
    if (text_of(said, "document") != NULL)
        return nip_plan_from_doc(doc, &r->plan, err);
    if (text_of(said, "rollout") != NULL)
        return nip_rollout_plan(doc, release, r->observed, &r->plan, err);
    if (text_of(said, "adopt") != NULL)
        return nip_adopt_plan(doc, release, r->observed, &r->plan, err);
    if (cJSON_HasObjectItem(said, "rollback"))
        return nip_rollback_plan(release, r->observed, &r->plan, err);
    if (cJSON_HasObjectItem(said, "ensure"))
        return nip_ensure_plan(release, r->observed, &r->plan, err);
    return nip_retire_plan(release, r->observed, nip_ctx_now(r->ctx), cJSON_IsTrue(retire), &r->plan, err);
}

static void show_plan(const nip_plan *plan)
{
    print_text("subject", nip_plan_subject(plan));
    printf("steps %lld\n", (long long)nip_plan_steps(plan));
    print_json_text("drivers", nip_plan_drivers(plan));
}

static void plan(runner *r, const cJSON *said)
{
    static const char *const keys[] = {"rollout", "adopt", "document"};
    const char *named = NULL;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && named == NULL; i++)
        named = text_of(said, keys[i]);
    nip_doc *doc = named != NULL ? load_document(r, named) : NULL;
    nip_error *err = NULL;
    char *release = release_of(r);
    nip_plan_free(r->plan);
    r->plan = NULL;
    if (named == NULL || doc != NULL) {
        if (make_plan(r, said, doc, release, &err) < 0)
            print_error(err);
        else
            show_plan(r->plan);
    }
    free(release);
    nip_doc_free(doc);
}

static void explain(runner *r, const cJSON *said)
{
    char *text = NULL;
    (void)said;
    if (nip_plan_explain(r->plan, &text, NULL) == 0)
        print_block(text);
    nip_free(text);
}

/* Written, read back, and written again. */
static void plan_json(runner *r, const cJSON *said)
{
    char *json = NULL;
    nip_plan *again = NULL;
    nip_error *err = NULL;
    (void)said;
    nip_plan_to_json(r->plan, &json, NULL);
    if (nip_plan_from_json(json, strlen(json), &again, &err) < 0)
        print_error(err);
    nip_free(json);
    json = NULL;
    nip_plan_to_json(again, &json, NULL);
    print_json_text("plan", json);
    nip_free(json);
    nip_plan_free(again);
}

/* ---- runs ---- */

bool has_crashes(const cJSON *said)
{
    return cJSON_HasObjectItem(said, "crashes");
}

/* Under the virtual clock the present is where that stands; a host that asks "next" by itself may say when it comes back. */
static int enter(drive *d, nip_time *now, nip_error **err)
{
    runner *r = d->runner;
    bool again = r->crashes > 0 && has_crashes(d->said);
    d->crash = again ? r->crashes : 0;
    if (!again && !cJSON_HasObjectItem(d->said, "resume"))
        return nip_run_new(r->plan, r->store, *now, &d->run, err);
    if (!again && text_of(d->said, "resume") != NULL)
        *now = r->start + duration_of(d->said, "resume");
    return nip_run_resume(r->store, text_of(r->scenario, "subject"), *now, &d->run, err);
}

static void carry_out(drive *d)
{
    nip_time now = nip_ctx_now(d->runner->ctx);
    const char *way = text_of(d->runner->scenario, "drive");
    nip_error *err = NULL;
    if (enter(d, &now, &err) < 0) {
        print_error(err);
        return;
    }
    d->seen = nip_run_sequence(d->run);
    print_text("run", nip_run_id(d->run));
    print_text("subject", nip_run_subject(d->run));
    print_text("state", nip_run_state(d->run));
    if (strcmp(way, "next") == 0)
        drive_by_next(d, now);
    else
        drive_by_operation(d, strcmp(way, "vtable") == 0);
    print_text("state", nip_run_state(d->run));
    printf("sequence %lld\n", (long long)nip_run_sequence(d->run));
    nip_run_free(d->run);
}

static void run(runner *r, const cJSON *said)
{
    size_t rules = (size_t)cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(said, "answers")) + 1;
    size_t requests = (size_t)cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(said, "requests")) + 1;
    drive d = {
        .runner = r,
        .said = said,
        .intended = cJSON_CreateObject(),
        .rule_counts = calloc(rules, sizeof(int)),
        .requested = calloc(requests, sizeof(bool)),
        .request_counts = calloc(requests, sizeof(int)),
    };
    if (r->plan == NULL && !cJSON_HasObjectItem(said, "resume") && r->crashes == 0)
        puts("no plan");
    else
        carry_out(&d);
    cJSON_Delete(d.intended);
    free(d.rule_counts);
    free(d.requested);
    free(d.request_counts);
}

/* ---- journals ---- */

/* {run: ID, request: KIND, who, why?} */
static void request(runner *r, const cJSON *said)
{
    nip_error *err = NULL;
    char *json = NULL;
    if (nip_run_request(r->store, text_of(said, "run"), text_of(said, "request"), text_of(said, "who"),
                        text_of(said, "why"), nip_ctx_now(r->ctx), &json, &err) < 0)
        print_error(err);
    else
        print_requested(json);
    nip_free(json);
}

static void gate(runner *r, const cJSON *said)
{
    nip_error *err = NULL;
    char *json = NULL;
    if (nip_gate_read(r->store, said->valuestring, &json, &err) < 0)
        print_error(err);
    else
        print_gate(json);
    nip_free(json);
}

static void print_queue(runner *r)
{
    char *json = NULL;
    nip_error *err = NULL;
    if (nip_queue_read(r->store, text_of(r->scenario, "subject"), &json, &err) < 0)
        print_error(err);
    else
        print_json_text("queue", json);
    nip_free(json);
}

/* {document, who, set?: {POINTER: TEXT}}: a whole rollout */
static void roll_out(runner *r, const cJSON *said)
{
    nip_doc *doc = load_document(r, text_of(said, "document"));
    nip_op *op = NULL;
    nip_error *err = NULL;
    char *json = NULL;
    if (doc == NULL)
        return;
    if (set_values(doc, cJSON_GetObjectItemCaseSensitive(said, "set"))) {
        int rc = nip_op_rollout(r->ctx, doc, r->store, r->drivers, text_of(said, "who"), &op, &err);
        if (rc == 0)
            rc = nip_op_run(op, &err);
        if (rc == 0)
            rc = nip_op_result(op, &json, &err);
        if (rc == 0)
            print_status(json);
        else
            print_error(err);
        nip_free(json);
        nip_op_free(op);
    }
    nip_doc_free(doc);
    print_queue(r);
}

/* {run: ID, answer: DECISION, who, why?} */
static void answer(runner *r, const cJSON *said)
{
    nip_error *err = NULL;
    char *json = NULL;
    if (nip_gate_answer(r->store, text_of(said, "run"), text_of(said, "answer"), text_of(said, "who"), text_of(said, "why"),
                        nip_ctx_now(r->ctx), &json, &err) < 0)
        print_error(err);
    else
        print_json_text("answered", json);
    nip_free(json);
}

/* {subject, kind, payload, expected?}; a payload that is text is JSON text, as it is */
static void append(runner *r, const cJSON *said)
{
    nip_error *err = NULL;
    const cJSON *expected = cJSON_GetObjectItemCaseSensitive(said, "expected");
    const cJSON *payload = cJSON_GetObjectItemCaseSensitive(said, "payload");
    char *printed = cJSON_PrintUnformatted(payload);
    int64_t sequence = 0;
    if (nip_journal_append(r->store, text_of(said, "subject"), expected != NULL ? expected->valueint : -1,
                           text_of(said, "kind"), nip_ctx_now(r->ctx),
                           cJSON_IsString(payload) ? payload->valuestring : printed, &sequence, &err) < 0)
        print_error(err);
    else
        printf("appended %lld\n", (long long)sequence);
    cJSON_free(printed);
}

/* {subject, through} */
static void purge(runner *r, const cJSON *said)
{
    nip_error *err = NULL;
    if (nip_journal_purge(r->store, text_of(said, "subject"),
                          cJSON_GetObjectItemCaseSensitive(said, "through")->valueint, &err) < 0)
        print_error(err);
    else
        puts("purged");
}

static void report(runner *r, const cJSON *said)
{
    report_subject(r, said->valuestring);
}

/* What a run found out, in all its forms: the page by its length, since its looks may change. */
static void findings(runner *r, const cJSON *said)
{
    char *text = NULL, *page = NULL, *json = NULL;
    nip_error *err = NULL;
    int rc = nip_run_report(r->store, said->valuestring, "text", &text, &err);
    if (rc == 0)
        rc = nip_run_report(r->store, said->valuestring, "html", &page, &err);
    if (rc == 0)
        rc = nip_run_report(r->store, said->valuestring, "json", &json, &err);
    if (rc < 0) {
        print_error(err);
    } else {
        cJSON *report = cJSON_Parse(json);
        char line[128];
        snprintf(line, sizeof line, "page of %zu bytes, verdict %s", strlen(page),
                 text_of(cJSON_GetObjectItemCaseSensitive(report, "comparison"), "verdict"));
        print_block(text);
        print_block(line);
        cJSON_Delete(report);
    }
    nip_free(text);
    nip_free(page);
    nip_free(json);
}

static const struct {
    const char *name;
    void (*carry_out)(runner *r, const cJSON *said);
} commands[] = {
    {"show", show},
    {"roll_out", roll_out},
    {"check", check},
    {"released", given_release},
    {"observed", given_observed},
    {"observe", observe},
    {"compare", compare},
    {"plan", plan},
    {"explain", explain},
    {"plan_json", plan_json},
    {"run", run},
    {"request", request},
    {"gate", gate},
    {"answer", answer},
    {"append", append},
    {"purge", purge},
    {"report", report},
    {"findings", findings},
    {"call", call_function},
    {"promises", promises},
    {"measure", measure},
    {"exclude", exclude},
    {"pages", show_pages},
    {"judge", judge},
    {"simulate", simulate},
};

/* A map with one key: the command's name. */
void run_command(runner *r, const cJSON *command)
{
    const cJSON *said = command->child;
    for (size_t i = 0; said != NULL && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, said->string) == 0) {
            printf("== %s\n", said->string);
            commands[i].carry_out(r, said);
            return;
        }
    }
    die("no such command", said != NULL ? said->string : NULL);
}
