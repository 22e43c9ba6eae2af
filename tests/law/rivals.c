/* The law of rivals: rollouts of one app that queue, supersede and begin again, step by step in any order, and die between any two steps. Never are
 * two runs under way, and none is begun over another that is half taken back; nobody who takes a run back leaves that in the middle while it
 * lives; and whoever comes last has its turn in the end, with all the traffic and all the instances. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "doc/json.h"
#include "nipops.h"
#include "store/store.h"

enum { ROLLOUTS_MAX = 5, TURNS_MAX = 600, PATIENCE = 3000 };

#define DOCUMENT                                                                                                                \
    "rollout:\n  app: shop\n  artifact: \"1.%d\"\n  replicas: 2\n  strategy: canary\n  when_busy: %s\n"                         \
    "  target: {driver: sim, world: rivals, start_delay: 200ms, stop_delay: 200ms, sessions_drain: 200ms}\n"                    \
    "  router: {driver: sim, world: rivals}\n"                                                                                  \
    "  health: {url: \"http://{endpoint}/health\", interval: 1s, timeout: 30s}\n"                                               \
    "  canary: {stages: [{share: 50, duration: 2s}, {share: 100, duration: 2s}]}\n  drain_timeout: 2s\n"

typedef struct rollout {
    nip_doc *doc;
    nip_drivers *drivers;
    nip_op *op; /* NULL: its process is no more */
} rollout;

typedef struct world {
    uint64_t seed;
    nip__random random;
    nip_ctx *ctx;
    nip_store *store;
    rollout rollouts[ROLLOUTS_MAX + 2];
    int count;
    bool broken;
} world;

static int failures;
static struct {
    int trials, rollouts, deaths, gave_way, taken_up, succeeded;
} counts;

static void broken_law(world *w, const char *format, ...)
{
    va_list arguments;
    if (w->broken)
        return;
    w->broken = true;
    failures++;
    printf("LAW OF RIVALS BROKEN, --seed %" PRIu64 " --runs 1: ", w->seed);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

/* A macro, since `err` must be read after the call. */
#define must(call, err, what)                                                                                                    \
    do {                                                                                                                         \
        if ((call) < 0) {                                                                                                        \
            printf("%s: %s\n", what, nip_error_message(err));                                                                    \
            exit(2);                                                                                                             \
        }                                                                                                                        \
    } while (0)

static bool chance(world *w, double probability)
{
    return nip__random_unit(&w->random) < probability;
}

static rollout *begin(world *w, const char *policy)
{
    char text[1024];
    nip_error *err = NULL;
    rollout *r = &w->rollouts[w->count];
    snprintf(text, sizeof text, DOCUMENT, w->count++, policy);
    must(nip_doc_load_text(text, strlen(text), "law", &r->doc, &err), err, "document");
    must(nip_drivers_new(&r->drivers, &err), err, "drivers");
    must(nip_op_rollout(w->ctx, r->doc, w->store, r->drivers, "ann", &r->op, &err), err, "rollout");
    counts.rollouts++;
    return r;
}

static bool latest_is(world *w, const char *state)
{
    nip_run *run = NULL;
    nip_error *err = NULL;
    must(nip_run_open(w->store, "shop", &run, &err), err, "latest run");
    bool is = strcmp(nip_run_state(run), state) == 0;
    nip_run_free(run);
    return is;
}

static bool takes_back(const rollout *r)
{
    char *status = NULL;
    nip_error *err = NULL;
    must(nip_op_status(r->op, &status, &err), err, "status");
    bool taking = strstr(status, "\"phase\":\"returning\"") != NULL;
    nip_free(status);
    return taking;
}

static void end(rollout *r)
{
    nip_op_free(r->op);
    r->op = NULL;
}

/* One step; true when it is over, by itself. */
static bool step(world *w, rollout *r)
{
    nip_error *err = NULL;
    bool took_back = takes_back(r);
    int rc = nip_op_step(r->op, &err);
    bool over = rc != NIP_OP_MORE;
    bool gave_way = err != NULL && strstr(nip_error_message(err), "gives way") != NULL;
    if (over && rc < 0 && rc != NIP_E_STATE && rc != NIP_E_HELD)
        broken_law(w, "a rollout fails: %s", nip_error_message(err));
    if (took_back && (over || !takes_back(r)) && latest_is(w, "returning"))
        broken_law(w, "a way back is left in the middle: %s", over ? nip_error_message(err) : "it looks for something else to do");
    counts.gave_way += gave_way;
    nip_error_free(err);
    if (over)
        end(r);
    return over;
}

static void finish(world *w, rollout *r)
{
    for (int steps = 0; !step(w, r); steps++) {
        if (steps == PATIENCE) {
            broken_law(w, "the last one waits for ever");
            end(r);
            return;
        }
    }
}

/* Anybody comes, goes on, and dies. */
static void mingle(world *w)
{
    static const char *const policies[] = {"queue", "supersede", "restart", "refuse"};
    double deaths = chance(w, 0.7) ? 0.04 : 0;
    for (int turn = 0; turn < TURNS_MAX && !w->broken; turn++) {
        rollout *r = &w->rollouts[1 + nip__random_below(&w->random, ROLLOUTS_MAX)];
        if (w->count <= ROLLOUTS_MAX && chance(w, 0.02)) {
            begin(w, policies[nip__random_below(&w->random, 4)]);
        } else if (r->op != NULL && chance(w, deaths)) {
            end(r);
            counts.deaths++;
        } else if (r->op != NULL) {
            step(w, r);
        }
    }
    for (int i = 1; i <= ROLLOUTS_MAX; i++) {
        if (w->rollouts[i].op != NULL)
            end(&w->rollouts[i]);
    }
}

/* One run after the other, in the journal's own words. */
static void judge(world *w)
{
    char *json = NULL;
    nip_error *err = NULL;
    nip__value *journal = NULL;
    nip__arena *arena = nip__arena_new();
    bool live = false, returning = false;
    must(nip_journal_read(w->store, "shop", 0, 10000, &json, &err), err, "journal");
    must(nip__json_read(arena, json, strlen(json), "journal", &nip__internal_limits, &journal, &err), err, "journal");
    for (NIP__EACH(record, journal)) {
        const char *kind = nip__get_text(record, "kind"), *run = nip__get_text(nip__get(record, "payload"), "run");
        if (strcmp(kind, "run.planned") == 0 && live)
            broken_law(w, "run %s is begun while another is %s", run, returning ? "half taken back" : "under way");
        live = strcmp(kind, "run.planned") == 0 || (live && strcmp(kind, "run.ended") != 0);
        returning = live && (returning || strcmp(kind, "run.returning") == 0);
        counts.taken_up += returning && strcmp(kind, "run.resumed") == 0;
    }
    if (live)
        broken_law(w, "a run is left %s", returning ? "half taken back" : "under way");
    nip_free(json);
    nip__arena_free(arena);
}

/* Versions that run or have traffic: only the last one. */
static void judge_world(world *w, const rollout *last)
{
    char *json = NULL, wanted[16];
    nip_op *op = NULL;
    nip_error *err = NULL;
    nip__value *observed = NULL;
    nip__arena *arena = nip__arena_new();
    int running = 0, others = 0;
    snprintf(wanted, sizeof wanted, "1.%d", w->count - 1);
    must(nip_op_observe(w->ctx, last->doc, NULL, last->drivers, &op, &err), err, "observe");
    must(nip_op_run(op, &err), err, "observe");
    must(nip_op_result(op, &json, &err), err, "observe");
    must(nip__json_read(arena, json, strlen(json), "observed", &nip__internal_limits, &observed, &err), err, "observed");
    double share = 0;
    for (NIP__EACH(version, nip__pointer(observed, "/target/versions"))) {
        bool ours = strcmp(version->key, wanted) == 0;
        *(ours ? &running : &others) += (int)nip__get_int(version, "running", 0);
        for (NIP__EACH(endpoint, ours ? nip__get(version, "endpoints") : NULL))
            share += nip__get_number(nip__get(nip__pointer(observed, "/router/endpoints"), endpoint->as.string.text), "share", 0);
    }
    if (running != 2 || others != 0 || share < 99.99)
        broken_law(w, "%d instances of %s with %.0f %%, %d of others", running, wanted, share, others);
    nip_op_free(op);
    nip_free(json);
    nip__arena_free(arena);
}

static void try_one(uint64_t seed)
{
    world w = {.seed = seed};
    nip_error *err = NULL;
    nip__random_seed(&w.random, seed);
    must(nip_ctx_new(&w.ctx, &err), err, "context");
    must(nip_ctx_set(w.ctx, "clock", "virtual:2026-11-23T05:00:00Z", &err), err, "clock");
    must(nip_store_open(w.ctx, "memory:", &w.store, &err), err, "store");
    finish(&w, begin(&w, "refuse"));
    mingle(&w);
    if (!w.broken) { /* one that only queues does, where all that is left is a way back that nobody drives */
        rollout *last = begin(&w, latest_is(&w, "returning") ? "queue" : "supersede");
        finish(&w, last);
        if (!latest_is(&w, "succeeded"))
            broken_law(&w, "the last one does not succeed");
        judge(&w);
        judge_world(&w, last);
        counts.succeeded++;
    }
    counts.trials++;
    for (int i = 0; i < w.count; i++) {
        nip_op_free(w.rollouts[i].op);
        nip_drivers_free(w.rollouts[i].drivers);
        nip_doc_free(w.rollouts[i].doc);
    }
    nip_store_free(w.store);
    nip_ctx_free(w.ctx);
}

int main(int count, char **words)
{
    uint64_t seed = 1;
    int runs = 200;
    for (int i = 1; i + 1 < count; i += 2) {
        if (strcmp(words[i], "--seed") == 0)
            seed = strtoull(words[i + 1], NULL, 10);
        else if (strcmp(words[i], "--runs") == 0)
            runs = atoi(words[i + 1]);
    }
    for (int i = 0; i < runs && failures < 3; i++)
        try_one(seed + (uint64_t)i);
    printf("%d trials, %d rollouts, %d deaths: %d gave way, %d ways back taken up; %d failures\n", counts.trials, counts.rollouts, counts.deaths,
           counts.gave_way, counts.taken_up, failures);
    bool seen = counts.deaths > 0 && counts.gave_way > 0 && counts.taken_up > 0;
    return failures > 0 || (runs >= 100 && !seen);
}
