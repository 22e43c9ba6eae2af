/* The operation that asks drivers how things stand: first target and router, then the health of what runs. */
#include "op/carrier.h"
#include "op/operation.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/time.h"
#include "doc/doc.h"
#include "doc/json.h"
#include "rollout/steps.h"

#define ANSWER_WITHIN (60 * NIP_SECOND)

/* One question to one role, and its answer. */
typedef struct question {
    nip_action action;
    const nip__value *result; /* NULL: not answered yet */
} question;

enum { TARGET, ROUTER, HEALTH, QUESTIONS };

static const char *const names[QUESTIONS] = {"target", "router", "health"};

typedef struct observe_op {
    nip_op op;
    nip__arena *arena;
    nip__app app;
    nip__carrier carrier;
    nip__timer late;
    nip_time began;
    question questions[QUESTIONS];
    size_t asked;
} observe_op;

/* ---- asking ---- */

static int ask(observe_op *self, size_t which, const char *role, const char *verb, const nip__value *args, nip_error **err)
{
    nip__arena *arena = self->arena;
    nip_action *action = &self->questions[which].action;
    char *text = nip__json_text(args);
    *action = (nip_action){
        .id = nip__arena_printf(arena, "observe.%zu", which + 1),
        .run = "observe",
        .subject = self->app.name,
        .role = role,
        .verb = verb,
        .args = nip__arena_text(arena, text),
        .args_value = args,
        .deadline = nip__time_add(self->began, ANSWER_WITHIN),
    };
    nip_free(text);
    if (text == NULL || nip__arena_failed(arena))
        return nip__nomem(err);
    int rc = nip__carrier_start(&self->carrier, action, err);
    if (rc == 0)
        self->asked = which + 1;
    return rc;
}

/* Running endpoints by version. */
static nip__value *running(observe_op *self)
{
    nip__value *groups = nip__map(self->arena);
    for (NIP__EACH(version, nip__get(self->questions[TARGET].result, "versions"))) {
        const nip__value *endpoints = nip__get(version, "endpoints");
        if (nip__count(endpoints) > 0)
            nip__put(self->arena, groups, version->key, nip__copy(self->arena, endpoints));
    }
    return groups;
}

static int ask_next(observe_op *self, nip_error **err)
{
    int rc = 0;
    if (self->asked == TARGET)
        rc = ask(self, TARGET, "target", "observe", nip__map(self->arena), err);
    if (rc == 0 && self->asked == ROUTER)
        rc = ask(self, ROUTER, "router", "observe", nip__map(self->arena), err);
    if (rc < 0)
        return rc;
    bool ready = self->questions[TARGET].result != NULL && self->questions[ROUTER].result != NULL;
    if (!ready || self->asked > HEALTH)
        return 0;
    nip__draft draft = nip__draft_begin(&self->app);
    const nip__value *call = nip__draft_health(&draft, running(self), NULL);
    return ask(self, HEALTH, nip__get_text(call, "role"), nip__get_text(call, "verb"), nip__get(call, "args"), err);
}

/* ---- answers ---- */

static int refused(const observe_op *self, const nip_action *action, const nip__value *outcome, nip_error **err)
{
    const char *message = nip__get_text(outcome, "message"), *reason = nip__get_text(outcome, "reason");
    nip_error *error = NULL;
    int rc = nip__fail(&error, NIP_E_DRIVER, "%s: %s/%s: %s (%s)", self->app.name, action->role, action->verb,
                       message != NULL ? message : "no message", reason != NULL ? reason : "no reason given");
    if (nip__get_bool(outcome, "retryable", false))
        nip__error_set_retryable(error);
    nip__pass(err, error);
    return rc;
}

static int take_answer(observe_op *self, const nip__carried *carried, nip_error **err)
{
    const char *text = nip__carried_outcome(carried);
    nip__value *outcome = NULL;
    int rc = nip__json_read(self->arena, text, strlen(text), "outcome", &nip__internal_limits, &outcome, err);
    if (rc < 0)
        return rc;
    if (strcmp(nip__get_text(outcome, "outcome") != NULL ? nip__get_text(outcome, "outcome") : "", "done") != 0)
        return refused(self, carried->action, outcome, err);
    for (size_t i = 0; i < QUESTIONS; i++) {
        if (carried->action == &self->questions[i].action)
            self->questions[i].result = nip__get(outcome, "result") != NULL ? nip__get(outcome, "result") : nip__map(self->arena);
    }
    return nip__arena_failed(self->arena) ? nip__nomem(err) : 0;
}

static int take_answers(observe_op *self, nip_error **err)
{
    nip__carried *carried;
    while ((carried = nip__carrier_posted(&self->carrier)) != NULL) {
        int rc = take_answer(self, carried, err);
        if (rc != NIP_E_NOMEM) /* it is taken again when the operation is driven again */
            nip__carrier_drop(&self->carrier, carried);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int check_late(const observe_op *self, nip_time now, nip_error **err)
{
    if (now < nip__time_add(self->began, ANSWER_WITHIN))
        return 0;
    const nip_action *first = self->carrier.carried != NULL ? self->carrier.carried->action : &self->questions[HEALTH].action;
    return nip__fail(err, NIP_E_TIMEOUT, "%s: %s/%s gave no answer within 60s", self->app.name, first->role, first->verb);
}

static int step(nip_op *op, nip_error **err)
{
    observe_op *self = (observe_op *)op;
    nip__arena_recover(self->arena); /* what found no room in it was thrown away, and is made anew */
    int rc = nip__carrier_dispatch(&self->carrier, err);
    if (rc == 0)
        rc = take_answers(self, err);
    if (rc == 0)
        rc = ask_next(self, err);
    if (rc == 0)
        rc = nip__carrier_dispatch(&self->carrier, err);
    if (rc < 0)
        return rc;
    if (self->questions[HEALTH].result != NULL)
        return NIP_OP_DONE;
    rc = check_late(self, nip__loop_now(op->loop), err);
    if (rc == 0)
        rc = nip__timer_set(op->loop, &self->late, nip__time_add(self->began, ANSWER_WITHIN), NULL, NULL, err);
    return rc < 0 ? rc : NIP_OP_MORE;
}

static int result(nip_op *op, char **json, nip_error **err)
{
    observe_op *self = (observe_op *)op;
    nip__buffer text = NIP__BUFFER(nip__internal_limits.bytes);
    nip__writer w = NIP__WRITER(&text);
    nip__write_map(&w, NULL);
    nip__write_int(&w, "v", 1);
    nip__write_time(&w, "at", self->began);
    for (size_t i = 0; i < QUESTIONS; i++)
        nip__write_value(&w, names[i], self->questions[i].result);
    nip__write_end_map(&w);
    char *taken = nip__buffer_take(&text);
    nip__buffer_clear(&text);
    if (taken == NULL)
        return nip__nomem(err);
    *json = taken;
    return 0;
}

static int status(nip_op *op, char **json, nip_error **err)
{
    return result(op, json, err);
}

static void let_go(nip_op *op)
{
    nip__carrier_end(&((observe_op *)op)->carrier);
}

static void destroy(nip_op *op)
{
    observe_op *self = (observe_op *)op;
    nip__carrier_end(&self->carrier);
    nip__timer_stop(&self->late);
    nip__arena_free(self->arena);
}

static const nip__op_kind observe_kind = {
    .name = "observe", .step = step, .let_go = let_go, .status = status, .result = result, .destroy = destroy};

/* ---- what to ask ---- */

static int read_document(observe_op *self, const nip_doc *doc, const char *release, nip_error **err)
{
    if (doc != NULL) {
        nip__value *normalized = NULL;
        int rc = nip__doc_normalize(self->arena, doc, &nip__doc_rollout, &normalized, err);
        self->app.document = nip__get(normalized, "rollout");
        return rc;
    }
    int rc = nip__release_parse(self->arena, release, &self->app.release, err);
    if (rc < 0)
        return rc;
    if (self->app.release == NULL)
        return nip__fail(err, NIP_E_STATE, "nothing was released yet, so there is nothing to observe");
    return nip__document_of(self->app.release, &self->app.document, err);
}

static const char *const roles[] = {"target", "router", "metrics"};

/* The value at the pointer, or the nearest around it: what is missing has no place of its own. */
static const nip__value *nearest(const observe_op *self, const char *pointer)
{
    char *around = nip__arena_text(self->arena, pointer);
    const nip__value *value = NULL;
    while (around != NULL && (value = nip__pointer(self->app.document, around)) == NULL && around[0] != '\0')
        *strrchr(around, '/') = '\0';
    return value;
}

/* Settings are judged by their drivers, who know no document: what they object to is told where it stands there. */
static int place_problems(const observe_op *self, const nip_doc *doc, nip_error *found, nip_error **err)
{
    nip__problems problems = {0};
    for (int i = 0; i < nip_error_count(found); i++) {
        const nip_error *one = nip_error_at(found, i);
        const char *path = nip_error_path(one);
        const nip__value *value = path != NULL && path[0] == '/' ? nearest(self, path) : NULL;
        nip__problems_place(&problems, one, nip__doc_file(doc), value != NULL ? (int)value->line : 0, value != NULL ? (int)value->column : 0);
    }
    problems.nomem |= nip__arena_failed(self->arena);
    return nip__problems_finish(&problems, NIP_E_DOCUMENT, err);
}

static int place_unknown(const observe_op *self, const nip_doc *doc, const nip_error *found, nip_error **err)
{
    const nip__value *unknown = NULL;
    for (size_t i = 0; i < sizeof roles / sizeof roles[0] && unknown == NULL; i++) {
        const nip__value *driver = nip__get(nip__get(self->app.document, roles[i]), "driver");
        if (nip__is(driver, NIP__STRING) && nip__driver_kind_find(driver->as.string.text) == NULL)
            unknown = driver;
    }
    return nip__fail_at(err, NIP_E_NOTFOUND, nip__doc_file(doc), unknown != NULL ? (int)unknown->line : 0,
                        unknown != NULL ? (int)unknown->column : 0, NULL, "%s", nip_error_message(found));
}

static int place_failure(const observe_op *self, const nip_doc *doc, int rc, nip_error *found, nip_error **err)
{
    if (doc != NULL && rc == NIP_E_DOCUMENT)
        rc = place_problems(self, doc, found, err);
    else if (doc != NULL && rc == NIP_E_NOTFOUND)
        rc = place_unknown(self, doc, found, err);
    else
        nip__pass(err, found), found = NULL;
    nip_error_free(found);
    return rc;
}

static int open_drivers(observe_op *self, const nip_doc *doc, nip_ctx *ctx, nip_drivers *drivers, nip_error **err)
{
    nip_error *found = NULL;
    nip__value *wanted = nip__map(self->arena);
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        const nip__value *settings = nip__get(self->app.document, roles[i]);
        if (settings != NULL)
            nip__put(self->arena, wanted, roles[i], nip__copy(self->arena, settings));
    }
    char *json = nip__json_text(wanted);
    if (json == NULL || nip__arena_failed(self->arena)) {
        nip_free(json);
        return nip__nomem(err);
    }
    int rc = nip_drivers_open(drivers, ctx, json, &found);
    nip_free(json);
    return rc < 0 ? place_failure(self, doc, rc, found, err) : 0;
}

int nip__op_observe(nip_ctx *ctx, nip__loop *loop, const nip_doc *doc, const char *release, nip_drivers *drivers, nip_op **op,
                    nip_error **err)
{
    observe_op *self = nip__calloc(1, sizeof *self);
    if (self == NULL)
        return nip__nomem(err);
    self->arena = nip__arena_new();
    self->app.arena = self->arena;
    int rc = nip__op_init(&self->op, &observe_kind, ctx, loop, err);
    if (rc == 0 && self->arena == NULL)
        rc = nip__nomem(err);
    if (rc == 0)
        rc = read_document(self, doc, release, err);
    if (rc == 0)
        rc = open_drivers(self, doc, ctx, drivers, err);
    if (rc == 0)
        rc = nip__carrier_begin(&self->carrier, self->op.loop, NULL, drivers, err);
    if (rc < 0) {
        nip_op_free(&self->op);
        return rc;
    }
    self->app.name = nip__get_text(self->app.document, "app");
    self->began = nip__loop_now(self->op.loop);
    *op = &self->op;
    return 0;
}

int nip_op_observe(nip_ctx *ctx, const nip_doc *doc, const char *release, nip_drivers *drivers, nip_op **op, nip_error **err)
{
    NIP_ARG(ctx != NULL && drivers != NULL && op != NULL && (doc != NULL || release != NULL));
    return nip__op_observe(ctx, NULL, doc, release, drivers, op, err);
}
