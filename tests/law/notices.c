/* The law of notices: whoever is to be told of the end of a run is told at least once, or given up after attempts with a reason, and never told
 * again after it was settled; a mark in the journal settles nothing that is left. Many runs of one app follow each other, some of which tell
 * nobody; processes die before and after any record, and after somebody was told. What was told, and when, is judged by what was written and heard. */
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
#include "store/backend.h"

enum { RUNS_MAX = 8, NOTICES_MAX = 2, ENDS_MAX = 16, IDLE_MAX = 20, STEPS_MAX = 2000, DRAIN_MAX = 20 };

#define NOTICE   "{\"url\":\"http://127.0.0.1:1/x\"}"
#define SETTINGS "{\"id\":\"look\",\"title\":\"look\",\"actions\":[{\"role\":\"check\",\"verb\":\"settings\",\"class\":\"read\",\"args\":{\"env\":[\"PATH\"]}}]}"

typedef enum temper { DONE, DEAF, REFUSES, TEMPERS } temper; /* of somebody who is told */

/* Somebody who is to be told of one end. */
typedef struct notice {
    temper temper;
    int heard;
    bool done, given_up; /* as the journal says */
} notice;

typedef struct end {
    char run[64];
    int64_t sequence;
    int count;
    notice notices[NOTICES_MAX];
} end;

typedef struct world {
    uint64_t seed;
    nip__random random;
    nip_ctx *ctx;
    nip_store *store;
    nip__backend backend;
    const nip__backend *genuine;
    double crashes;
    int count; /* notices of the run under way */
    bool dead, asked, broken;
    end ends[ENDS_MAX];
    size_t end_count;
} world;

static world *fused;
static int failures;
static struct {
    int trials, runs, crashes, told, again, given_up, marks;
} counts;

static void broken_law(world *w, const char *format, ...)
{
    va_list arguments;
    if (w->broken)
        return;
    w->broken = true;
    failures++;
    printf("LAW OF NOTICES BROKEN, --seed %" PRIu64 " --runs 1: ", w->seed);
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

static bool dies(world *w)
{
    if (w->dead || !chance(w, w->crashes))
        return w->dead;
    w->dead = true;
    counts.crashes++;
    return true;
}

/* ---- what the journal says ---- */

static void note_end(world *w, const char *run, int64_t sequence)
{
    end *e = &w->ends[w->end_count++];
    *e = (end){.sequence = sequence, .count = w->count};
    snprintf(e->run, sizeof e->run, "%s", run);
    for (int i = 0; i < e->count; i++)
        e->notices[i].temper = chance(w, 0.5) ? DONE : (temper)nip__random_below(&w->random, TEMPERS);
}

static notice *find_notice(world *w, int64_t sequence, int64_t number)
{
    for (size_t i = 0; i < w->end_count; i++) {
        if (w->ends[i].sequence == sequence && number >= 1 && number <= w->ends[i].count)
            return &w->ends[i].notices[number - 1];
    }
    broken_law(w, "nobody is to be told of %" PRId64 "/%" PRId64, sequence, number);
    exit(1);
}

static void note_completed(world *w, const nip__value *payload)
{
    notice *n = find_notice(w, nip__get_int(payload, "end", 0), nip__get_int(payload, "number", 0));
    if (strcmp(nip__get_text(payload, "outcome"), "done") == 0)
        n->done = true;
    else if (nip__get_bool(payload, "given_up", false))
        n->given_up = true;
    if (n->given_up && !n->done && nip__get_text(payload, "reason") == NULL)
        broken_law(w, "given up without a reason");
}

static void note_mark(world *w, const nip__value *payload)
{
    int64_t through = nip__get_int(payload, "through", 0);
    counts.marks++;
    for (size_t i = 0; i < w->end_count; i++) {
        for (int j = 0; j < w->ends[i].count && w->ends[i].sequence <= through; j++) {
            if (!w->ends[i].notices[j].done && !w->ends[i].notices[j].given_up)
                broken_law(w, "a mark through %" PRId64 " settles %s, of which somebody is left", through, w->ends[i].run);
        }
    }
}

static void note_record(world *w, const nip__row *row)
{
    nip__arena *arena = nip__arena_new();
    nip__value *payload = NULL;
    nip_error *err = NULL;
    must(nip__json_read(arena, row->payload, row->payload_length, "record", &nip__record_limits, &payload, &err), err, "record");
    if (strcmp(row->kind, "run.ended") == 0)
        note_end(w, nip__get_text(payload, "run"), row->sequence);
    else if (strcmp(row->kind, "notify.completed") == 0)
        note_completed(w, payload);
    else if (strcmp(row->kind, "notify.settled") == 0)
        note_mark(w, payload);
    nip__arena_free(arena);
}

/* A process that dies: its store refuses, from before this record or from after it. */
static int insert(nip_store *store, const nip__row *row, nip_error **err)
{
    world *w = fused;
    if (dies(w))
        return nip__fail(err, NIP_E_INTERNAL, "killed here");
    int rc = w->genuine->insert(store, row, err);
    if (rc == 0)
        note_record(w, row);
    dies(w);
    return rc;
}

/* ---- who is told ---- */

static int verb_class(void *self, const char *verb)
{
    (void)self;
    return strcmp(verb, "send") == 0 ? NIP_VERB_ONCE : NIP_E_UNSUPPORTED;
}

/* The key names run, end and entry: "shop-12/40/1". */
static int hear(void *self, nip_action *action, nip_time now, nip_error **err)
{
    static const char *const answers[] = {
        [DONE] = "{\"outcome\":\"done\",\"result\":{}}",
        [DEAF] = "{\"outcome\":\"failed\",\"reason\":\"timeout\",\"message\":\"m\",\"retryable\":true}",
        [REFUSES] = "{\"outcome\":\"failed\",\"reason\":\"refused\",\"message\":\"m\",\"retryable\":false}",
    };
    world *w = self;
    (void)now;
    if (w->dead)
        return nip_action_complete(action, answers[DEAF], err);
    char *rest = strchr(nip_action_id(action), '/');
    int64_t sequence = rest != NULL ? strtoll(rest + 1, &rest, 10) : 0, number = rest != NULL ? strtoll(rest + 1, NULL, 10) : 0;
    notice *n = find_notice(w, sequence, number);
    n->heard++;
    counts.told += n->heard == 1;
    counts.again += n->heard > 1;
    if (n->done)
        broken_law(w, "%s is told again after it was told and that was written down", nip_action_id(action));
    if (n->given_up && !w->asked)
        broken_law(w, "%s is told again after it was given up, and nobody asked", nip_action_id(action));
    return dies(w) ? 0 : nip_action_complete(action, answers[n->temper], err);
}

static nip_drivers *bind(world *w)
{
    static const nip_driver_vtable vtable = {.size = sizeof vtable, .verb_class = verb_class, .start = hear};
    nip_driver *driver = NULL;
    nip_drivers *drivers = NULL;
    nip_error *err = NULL;
    must(nip_drivers_new(&drivers, &err), err, "drivers");
    must(nip_driver_new(&vtable, w, &driver, &err), err, "driver");
    must(nip_drivers_bind(drivers, "notify", driver, &err), err, "bind");
    nip_driver_free(driver);
    return drivers;
}

/* ---- driving ---- */

static nip_plan *make_plan(int notices)
{
    static const char *const plans[] = {
        "{\"v\":1,\"kind\":\"plan\",\"subject\":\"shop\",\"title\":\"t\",\"steps\":[" SETTINGS "]}",
        "{\"v\":1,\"kind\":\"plan\",\"subject\":\"shop\",\"title\":\"t\",\"drivers\":{\"notify\":{\"driver\":\"notify\",\"to\":[" NOTICE "]}},\"steps\":[" SETTINGS "]}",
        "{\"v\":1,\"kind\":\"plan\",\"subject\":\"shop\",\"title\":\"t\",\"drivers\":{\"notify\":{\"driver\":\"notify\",\"to\":[" NOTICE "," NOTICE "]}},\"steps\":[" SETTINGS "]}",
    };
    nip_plan *plan = NULL;
    nip_error *err = NULL;
    must(nip_plan_from_json(plans[notices], strlen(plans[notices]), &plan, &err), err, "plan");
    return plan;
}

/* Is somebody neither told nor given up, as the library sees it? */
static bool is_left(world *w)
{
    char *json = NULL;
    nip_error *err = NULL;
    nip__arena *arena = nip__arena_new();
    nip__value *list = NULL;
    bool left = false;
    must(nip_outbox_read(w->store, "shop", &json, &err), err, "outbox");
    must(nip__json_read(arena, json, strlen(json), "outbox", &nip__internal_limits, &list, &err), err, "outbox");
    for (NIP__EACH(delivery, list))
        left |= strcmp(nip__get_text(delivery, "outcome"), "done") != 0 && !nip__get_bool(delivery, "given_up", false);
    nip_free(json);
    nip__arena_free(arena);
    return left;
}

/* A life of a process: it ends with the operation, killed, or where it would wait for the next attempt. */
static void live(world *w, nip_plan *plan)
{
    nip_drivers *drivers = bind(w);
    nip_run *run = NULL;
    nip_op *op = NULL;
    w->dead = false;
    w->asked = plan == NULL && !is_left(w);
    int rc = plan != NULL ? nip_run_new(plan, w->store, nip_ctx_now(w->ctx), &run, NULL)
                          : nip_run_resume(w->store, "shop", nip_ctx_now(w->ctx), &run, NULL);
    if (rc == 0)
        rc = nip_op_run_plan(w->ctx, run, drivers, &op, NULL);
    for (int steps = 0, idle = 0; rc == 0 && !w->dead && idle < IDLE_MAX; steps++) {
        int64_t before = 0, after = 0;
        nip__store_head(w->store, "shop", &before, NULL);
        rc = nip_op_step(op, NULL) == NIP_OP_MORE ? 0 : 1;
        nip__store_head(w->store, "shop", &after, NULL);
        idle = before == after ? idle + 1 : 0;
        if (steps == STEPS_MAX)
            broken_law(w, "an operation does not end");
        if (w->broken)
            break;
    }
    nip_op_free(op);
    nip_run_free(run);
    nip_drivers_free(drivers);
}

static bool latest_is_over(world *w)
{
    nip_run *run = NULL;
    if (nip_run_open(w->store, "shop", &run, NULL) < 0)
        return true; /* there is none */
    bool over = strcmp(nip_run_state(run), "succeeded") == 0;
    nip_run_free(run);
    return over;
}

/* A run, and lives enough to end it; what it leaves untold is the next one's affair. */
static void run_once(world *w)
{
    w->count = (int)nip__random_below(&w->random, NOTICES_MAX + 1);
    nip_plan *plan = make_plan(w->count);
    live(w, plan);
    nip_plan_free(plan);
    while (!latest_is_over(w) && !w->broken)
        live(w, NULL);
    while (chance(w, 0.3) && w->end_count > 0)
        live(w, NULL);
    counts.runs++;
}

/* Processes that do not die any more, as "nipops resume --all" begins them. */
static void drain(world *w)
{
    w->crashes = 0;
    for (int i = 0; w->end_count > 0 && is_left(w) && !w->broken; i++) {
        live(w, NULL);
        if (i == DRAIN_MAX)
            broken_law(w, "somebody is tried again and again, and never settled");
    }
}

static void judge(world *w)
{
    for (size_t i = 0; i < w->end_count; i++) {
        for (int j = 0; j < w->ends[i].count; j++) {
            const notice *n = &w->ends[i].notices[j];
            counts.given_up += n->given_up;
            if (!n->done && !n->given_up)
                broken_law(w, "somebody is not told of the end of %s, nor given up", w->ends[i].run);
            if (n->done && n->heard == 0)
                broken_law(w, "the journal says that somebody was told of the end of %s who heard nothing", w->ends[i].run);
        }
    }
}

/* ---- trials ---- */

static void try_one(uint64_t seed)
{
    world w = {.seed = seed};
    nip_error *err = NULL;
    nip__random_seed(&w.random, seed);
    w.crashes = chance(&w, 0.8) ? 0.1 : 0;
    must(nip_ctx_new(&w.ctx, &err), err, "context");
    must(nip_ctx_set(w.ctx, "clock", "virtual:2026-11-23T05:00:00Z", &err), err, "clock");
    must(nip_store_open(w.ctx, "memory:", &w.store, &err), err, "store");
    fused = &w;
    w.genuine = w.store->backend;
    w.backend = *w.genuine;
    w.backend.insert = insert;
    w.store->backend = &w.backend;
    for (int i = 1 + (int)nip__random_below(&w.random, RUNS_MAX); i > 0 && !w.broken; i--)
        run_once(&w);
    drain(&w);
    if (!w.broken)
        judge(&w);
    w.store->backend = w.genuine;
    counts.trials++;
    nip_store_free(w.store);
    nip_ctx_free(w.ctx);
}

int main(int count, char **words)
{
    uint64_t seed = 1;
    int runs = 300;
    for (int i = 1; i + 1 < count; i += 2) {
        if (strcmp(words[i], "--seed") == 0)
            seed = strtoull(words[i + 1], NULL, 10);
        else if (strcmp(words[i], "--runs") == 0)
            runs = atoi(words[i + 1]);
    }
    for (int i = 0; i < runs && failures < 3; i++)
        try_one(seed + (uint64_t)i);
    printf("%d trials, %d runs, %d crashes: %d told, %d times again, %d given up; %d marks; %d failures\n", counts.trials, counts.runs,
           counts.crashes, counts.told, counts.again, counts.given_up, counts.marks, failures);
    bool seen = counts.crashes > 0 && counts.again > 0 && counts.given_up > 0 && counts.marks > 0;
    return failures > 0 || (runs >= 100 && !seen);
}
