/* The law of trains: all apps end at the new version or all at the old one, whatever fails and wherever the process dies; or the train is
 * broken and says how each app stands. Apps live in simulated worlds that outlast the process. Every case is known by what it prints. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "doc/json.h"
#include "nipops.h"
#include "store/backend.h"
#include "store/store.h"

enum { APPS_MAX = 3, STEPS_MAX = 200000 };

typedef struct trial {
    int apps;
    int bad;           /* index of the app whose new version fails; -1: none */
    const char *fault; /* how: members of its version in the simulated world */
    bool parallel, held;
    const char *strategy;
    int64_t crash;     /* after this many records of the apps and the train; -1: never */
    int64_t abort;     /* a person aborts the train after this many records; -1: nobody does */
    int64_t child_abort; /* a person aborts the last app's own run after this many */
    int64_t approve;   /* a person lets the first app go on before the others */
    double wild;       /* probability that any action fails */
    int seed;
} trial;

typedef struct world {
    const trial *trial;
    char name[320];
    nip_ctx *ctx;
    nip_store *store;
    nip_drivers *kept[APPS_MAX]; /* keep the simulated worlds alive */
    nip__backend backend;
    const nip__backend *genuine;
    int64_t records, fuse;
    int crashes;
    nip_plan *plan;
} world;

static world *fused;
static int failures;
static struct {
    int trials, succeeded, returned, stopped, broken, crashes;
} counts;

static void broken_law(const world *w, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("%s\n    ", w->name);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    failures++;
}

static void must(const world *w, int rc, nip_error *const *err, const char *what)
{
    if (rc >= 0)
        return;
    broken_law(w, "%s: %s", what, err != NULL ? nip_error_message(*err) : "failed");
    exit(1);
}

/* ---- a store that counts, and refuses after some records: a process that dies there ---- */

static int count_insert(nip_store *store, const nip__row *row, nip_error **err)
{
    if (row->epoch == 0)
        return fused->genuine->insert(store, row, err);
    if (fused->fuse >= 0 && fused->records >= fused->fuse)
        return nip__fail(err, NIP_E_INTERNAL, "killed here");
    fused->records++;
    return fused->genuine->insert(store, row, err);
}

static bool is_dead(const world *w)
{
    return w->fuse >= 0 && w->records >= w->fuse;
}

/* ---- documents ---- */

static const char *const names[APPS_MAX] = {"db", "shop", "web"};

static nip_doc *rollout_of(const world *w, int index, const char *version)
{
    const trial *t = w->trial;
    char faults[128] = "", text[2048];
    if (t->wild > 0)
        snprintf(faults, sizeof faults, "faults: {fail: %g, lose: %g}, ", t->wild, t->wild / 4);
    snprintf(text, sizeof text,
             "rollout:\n  app: %s\n  artifact: \"%s\"\n  replicas: 2\n  strategy: %s\n%s"
             "  target: &w {driver: sim, world: %s, seed: %d, ports: 9100-9140, initial: {\"1.0\": 2}, %sversions: {\"2.0\": {%s}}}\n"
             "  router: *w\n  metrics: *w\n"
             "  health: {url: \"http://{endpoint}/\", interval: 1s, timeout: 30s}\n"
             "  canary: {stages: [{share: 50, duration: 20s}, {share: 100, duration: 20s}], guard: {interval: 5s, settle: 0s, error_rate: {max: 1.0}}}\n"
             "  blue_green: {watch: 10s, guard: {interval: 5s, settle: 0s, error_rate: {max: 1.0}}}\n",
             names[index], version, t->strategy, t->held ? "  hold_old: 1h\n" : "", names[index], t->seed + index, faults,
             index == t->bad ? t->fault : "");
    nip_doc *doc = NULL;
    nip_error *err = NULL;
    must(w, nip_doc_load_text(text, strlen(text), names[index], &doc, &err), &err, "document");
    return doc;
}

static nip_doc *train_of(const world *w)
{
    char text[8192];
    int length = snprintf(text, sizeof text, "train:\n  name: autumn\n  parallel: %s\n  apps:\n", w->trial->parallel ? "true" : "false");
    for (int i = 0; i < w->trial->apps; i++) {
        nip_doc *app = rollout_of(w, i, "2.0");
        char *json = NULL;
        must(w, nip_doc_to_json(app, &json, NULL), NULL, "json");
        json[strlen(json) - 1] = '\0'; /* {"rollout": {...}} without the outer braces is an item of the list */
        length += snprintf(text + length, sizeof text - (size_t)length, "    - {%s}\n", json + 1);
        nip_free(json);
        nip_doc_free(app);
    }
    nip_doc *doc = NULL;
    nip_error *err = NULL;
    must(w, nip_doc_load_text(text, strlen(text), "train.yaml", &doc, &err), &err, "train");
    must(w, nip_doc_check(doc, &err), &err, "train");
    return doc;
}

/* In a wild world an observation may fail too, and is made again. */
static char *observe(const world *w, int index, const nip_doc *doc, const char *release)
{
    char *observed = NULL;
    for (int tries = 0; observed == NULL && tries < 100; tries++) {
        nip_op *op = NULL;
        int rc = nip_op_observe(w->ctx, doc, release, w->kept[index], &op, NULL);
        if (rc == 0)
            rc = nip_op_run(op, NULL);
        if (rc == 0)
            nip_op_result(op, &observed, NULL);
        nip_op_free(op);
    }
    must(w, observed != NULL ? 0 : -1, NULL, "observe");
    return observed;
}

/* ---- before: each app runs 1.0 and is adopted, or was released ---- */

static bool release_first(world *w, int index)
{
    nip_doc *doc = rollout_of(w, index, "1.0");
    nip_error *err = NULL;
    must(w, nip_drivers_new(&w->kept[index], &err), &err, "drivers");
    char *observed = observe(w, index, doc, NULL);
    nip_plan *plan = NULL;
    nip_run *run = NULL;
    nip_op *op = NULL;
    must(w, nip_adopt_plan(doc, NULL, observed, &plan, &err), &err, "adopt");
    must(w, nip_run_new(plan, w->store, nip_ctx_now(w->ctx), &run, &err), &err, "adopt");
    must(w, nip_op_run_plan(w->ctx, run, w->kept[index], &op, &err), &err, "adopt");
    must(w, nip_op_run(op, &err), &err, "adopt");
    bool good = strcmp(nip_run_state(run), "succeeded") == 0;
    if (!good && w->trial->wild == 0)
        broken_law(w, "%s could not be adopted: %s", names[index], nip_run_state(run));
    nip_op_free(op);
    nip_run_free(run);
    nip_plan_free(plan);
    nip_free(observed);
    nip_doc_free(doc);
    return good;
}

static nip_plan *plan_app(world *w, const nip_doc *train, int index)
{
    nip_doc *doc = NULL;
    char *release = NULL;
    nip_plan *plan = NULL;
    nip_error *err = NULL;
    must(w, nip_train_app(train, index, &doc, &err), &err, "nip_train_app");
    must(w, nip_release_read(w->store, names[index], &release, &err), &err, "release");
    char *observed = observe(w, index, doc, release);
    must(w, nip_rollout_plan(doc, release, observed, &plan, &err), &err, "nip_rollout_plan");
    nip_free(observed);
    nip_free(release);
    nip_doc_free(doc);
    return plan;
}

static void plan_train(world *w)
{
    nip_doc *train = train_of(w);
    nip_error *err = NULL;
    nip__buffer all = NIP__BUFFER(8 << 20);
    nip__buffer_char(&all, '[');
    for (int i = 0; i < w->trial->apps; i++) {
        nip_plan *plan = plan_app(w, train, i);
        char *json = NULL;
        must(w, nip_plan_to_json(plan, &json, &err), &err, "json");
        nip__buffer_printf(&all, "%s%s", i > 0 ? "," : "", json);
        nip_free(json);
        nip_plan_free(plan);
    }
    nip__buffer_char(&all, ']');
    must(w, nip_train_plan(train, nip__buffer_string(&all), &w->plan, &err), &err, "nip_train_plan");
    nip__buffer_clear(&all);
    nip_doc_free(train);
}

/* ---- during ---- */

static void ask(world *w, int64_t *at, const char *run, const char *kind)
{
    if (*at < 0 || w->records < *at)
        return;
    nip_error *err = NULL;
    int rc = nip_run_request(w->store, run, kind, "ann", "changed my mind", nip_ctx_now(w->ctx), NULL, &err);
    if (rc == 0 || rc == NIP_E_STATE || rc == NIP_E_NOTFOUND)
        *at = rc == 0 || strcmp(run, "autumn") == 0 ? -1 : *at; /* an app's run may not have begun yet */
    nip_error_free(err);
}

static nip_run *take_up(world *w, bool first)
{
    nip_run *run = NULL;
    nip_error *err = NULL;
    int rc = first ? nip_run_new(w->plan, w->store, nip_ctx_now(w->ctx), &run, &err)
                   : nip_run_resume(w->store, "autumn", nip_ctx_now(w->ctx), &run, &err);
    if (rc == NIP_E_NOTFOUND || (rc == NIP_E_INTERNAL && is_dead(w))) {
        nip_error_free(err);
        return NULL;
    }
    must(w, rc, &err, "run");
    return run;
}

/* Drives until the run is over or the process is dead. True: over. */
static bool drive(world *w, nip_run *run, trial *asks)
{
    nip_drivers *drivers = NULL;
    nip_op *op = NULL;
    nip_error *err = NULL;
    int rc = nip_drivers_new(&drivers, &err);
    if (rc == 0)
        rc = nip_op_run_plan(w->ctx, run, drivers, &op, &err);
    must(w, rc, &err, "nip_op_run_plan");
    int steps = 0;
    do {
        rc = nip_op_step(op, &err);
        ask(w, &asks->abort, "autumn", "abort");
        ask(w, &asks->child_abort, names[w->trial->apps - 1], "abort");
        ask(w, &asks->approve, names[0], "approve");
    } while (rc == NIP_OP_MORE && !is_dead(w) && ++steps < STEPS_MAX);
    if (rc < 0 && !is_dead(w))
        broken_law(w, "the train cannot be driven: %s", nip_error_message(err));
    if (steps == STEPS_MAX)
        broken_law(w, "the train does not end: it is %s", nip_run_state(run));
    nip_error_free(err);
    bool over = !is_dead(w);
    nip_op_free(op);
    nip_drivers_free(drivers);
    return over;
}

/* ---- after ---- */

static bool stands_at(const world *w, int index, const char *version)
{
    char *release = NULL, *observed = NULL;
    nip_error *err = NULL;
    nip__arena *arena = nip__arena_new();
    nip__value *record = NULL, *seen = NULL;
    must(w, nip_release_read(w->store, names[index], &release, &err), &err, "release");
    observed = observe(w, index, NULL, release);
    nip__json_read(arena, release, strlen(release), "release", &nip__internal_limits, &record, NULL);
    nip__json_read(arena, observed, strlen(observed), "observed", &nip__internal_limits, &seen, NULL);
    bool good = strcmp(nip__get_text(record, "version"), version) == 0;
    const nip__value *endpoints = nip__get(nip__get(nip__get(nip__get(seen, "target"), "versions"), version), "endpoints");
    double share = 0;
    for (NIP__EACH(endpoint, endpoints)) {
        for (NIP__EACH(server, nip__get(nip__get(seen, "router"), "endpoints"))) {
            if (strcmp(server->key, endpoint->as.string.text) == 0)
                share += nip__get_number(server, "share", 0);
        }
    }
    good = good && nip__count(endpoints) >= 2 && share > 99.9;
    nip__arena_free(arena);
    nip_free(release);
    nip_free(observed);
    return good;
}

static void check(const world *w, const nip_run *run)
{
    const char *state = nip_run_state(run);
    char *status = NULL;
    nip_run_status(run, 0, &status, NULL);
    bool forward = strcmp(state, "succeeded") == 0;
    if (strcmp(state, "broken") == 0) {
        counts.broken++;
        if (w->trial->wild == 0)
            broken_law(w, "broken: %s", status);
        for (int i = 0; i < w->trial->apps; i++) {
            if (status == NULL || strstr(status, names[i]) == NULL)
                broken_law(w, "broken, and nothing is said of %s: %s", names[i], status);
        }
        nip_free(status);
        return;
    }
    counts.succeeded += forward;
    counts.returned += strcmp(state, "returned") == 0;
    counts.stopped += strcmp(state, "stopped") == 0;
    for (int i = 0; i < w->trial->apps; i++) {
        if (!stands_at(w, i, forward ? "2.0" : "1.0"))
            broken_law(w, "the train %s, but %s does not stand at %s: %s", state, names[i], forward ? "2.0" : "1.0", status);
    }
    if (forward && w->trial->bad >= 0)
        broken_law(w, "it succeeded with a bad version");
    if (!forward && w->trial->bad < 0 && w->trial->abort < 0 && w->trial->child_abort < 0 && w->trial->wild == 0)
        broken_law(w, "%s without a reason: %s", state, status);
    nip_free(status);
}

static void run_train(world *w)
{
    trial asks = *w->trial;
    nip_run *run = NULL;
    plan_train(w);
    fused = w;
    w->genuine = w->store->backend;
    w->backend = *w->genuine;
    w->backend.insert = count_insert;
    w->store->backend = &w->backend;
    w->fuse = w->trial->crash;
    for (bool over = false, first = true; !over;) {
        run = take_up(w, first);
        first = run == NULL;
        over = run != NULL && drive(w, run, &asks);
        if (over)
            break;
        nip_run_free(run);
        if (is_dead(w)) {
            w->fuse = -1;
            counts.crashes++;
        }
    }
    check(w, run);
    nip_run_free(run);
    w->store->backend = w->genuine;
}

/* Returns how many records of apps and train there were. */
static int64_t try_one(const trial *t)
{
    world w = {.trial = t, .fuse = -1};
    nip_error *err = NULL;
    snprintf(w.name, sizeof w.name, "apps %d, bad %d (%s), %s%s%s, crash %" PRId64 ", abort %" PRId64 ", child abort %" PRId64 ", approve %" PRId64
             ", wild %g, seed %d", t->apps, t->bad, t->fault, t->strategy, t->parallel ? ", parallel" : "", t->held ? ", held" : "",
             t->crash, t->abort, t->child_abort, t->approve, t->wild, t->seed);
    must(&w, nip_ctx_new(&w.ctx, &err), &err, "context");
    must(&w, nip_ctx_set(w.ctx, "clock", "virtual:2026-11-23T05:00:00Z", &err), &err, "clock");
    must(&w, nip_store_open(w.ctx, "memory:", &w.store, &err), &err, "store");
    bool adopted = true;
    for (int i = 0; i < t->apps; i++)
        adopted = release_first(&w, i) && adopted;
    if (adopted)
        run_train(&w);
    counts.trials += adopted;
    for (int i = 0; i < t->apps; i++)
        nip_drivers_free(w.kept[i]);
    nip_plan_free(w.plan);
    nip_store_free(w.store);
    nip_ctx_free(w.ctx);
    return w.records;
}

/* ---- trials ---- */

static const trial fine = {.apps = 2, .bad = -1, .fault = "", .strategy = "canary", .crash = -1, .abort = -1, .child_abort = -1, .approve = -1, .seed = 1};

/* The same with a crash after every `every`th record. */
static void with_crashes(trial t, int every)
{
    t.crash = -1;
    int64_t records = try_one(&t);
    for (t.crash = 0; t.crash < records && failures < 5; t.crash += every)
        try_one(&t);
}

static void sweep(int every)
{
    static const char *const strategies[] = {"canary", "blue_green", "rolling"};
    static const char *const faults[] = {"error_rate: 0.3", "never_healthy: true", "fail_start: 1", "missing: true"};
    for (size_t s = 0; s < sizeof strategies / sizeof strategies[0]; s++) {
        trial t = fine;
        t.strategy = strategies[s];
        with_crashes(t, every);
        for (int bad = 0; bad < 2; bad++) {
            for (size_t f = 0; f < sizeof faults / sizeof faults[0]; f++) {
                t.bad = bad;
                t.fault = faults[f];
                if (f > 0 || s == 0) /* a rolling update and blue-green's short watch judge health only */
                    with_crashes(t, every * 5);
            }
        }
    }
    for (int more = 0; more < 4; more++) {
        trial t = fine;
        t.apps = 3;
        t.parallel = more & 1;
        t.held = more & 2;
        with_crashes(t, every * 3);
        t.bad = 2;
        t.fault = "error_rate: 0.3";
        with_crashes(t, every * 3);
    }
}

/* A person at every moment. */
static void people(int every)
{
    trial t = fine;
    int64_t records = try_one(&t);
    for (int64_t at = 0; at < records && failures < 5; at += every) {
        t = fine;
        t.held = at & 1;
        t.abort = at;
        try_one(&t);
        t.crash = at + 3;
        try_one(&t);
        t = fine;
        t.child_abort = at;
        try_one(&t);
        t = fine;
        t.approve = at;
        try_one(&t);
        t.held = true;
        t.bad = 1;
        t.fault = "error_rate: 0.3";
        try_one(&t);
    }
}

static void wild(int runs)
{
    for (int seed = 1; seed <= runs && failures < 5; seed++) {
        trial t = fine;
        t.seed = seed;
        t.apps = 2 + seed % 2;
        t.parallel = seed % 3 == 0;
        t.held = seed % 5 == 0;
        t.wild = 0.02 * (double)(seed % 4 + 1);
        t.crash = seed % 7 * 40;
        try_one(&t);
    }
}

int main(int count, char **words)
{
    int every = 7, runs = 100;
    for (int i = 1; i + 1 < count; i += 2) {
        if (strcmp(words[i], "--every") == 0)
            every = atoi(words[i + 1]);
        else if (strcmp(words[i], "--runs") == 0)
            runs = atoi(words[i + 1]);
    }
    if (count == 2 && strcmp(words[1], "--one") == 0) {
        try_one(&fine);
    } else {
        if (every > 0)
            sweep(every);
        if (every > 0)
            people(every);
        wild(runs);
    }
    printf("%d trials, %d crashes: %d succeeded, %d returned, %d stopped, %d broken; %d failures\n", counts.trials, counts.crashes,
           counts.succeeded, counts.returned, counts.stopped, counts.broken, failures);
    return failures > 0;
}
