/* The law of gates: nothing is changed before as many different members of a role have approved as the document wants and none has said no,
 * nor outside of a time window that nobody who may has overridden; and whoever is to be told of a run's end is told, once where nobody
 * died. What the journal shows is judged here anew, by no function of the library's. People say whatever they like, whenever they like. */
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
#include "plan/run.h"
#include "store/backend.h"
#include "store/store.h"

enum { STEPS_MAX = 20000, LIVES_MAX = 60, TEXT = 4096 };

#define MONDAY INT64_C(1763942400) /* 2025-11-24T00:00:00Z */
#define DAY    86400
#define BEGIN  9 /* hours of the window, Monday to Friday */
#define END    17

static const char *const everybody[] = {"ann", "bob", "eve", "zoe", "mallory"};
static const char *const members[] = {"ann", "bob", "eve", NULL}, *const bosses[] = {"zoe", NULL};

typedef struct trial {
    uint64_t seed;
    int count;         /* approvals wanted */
    bool window, boss; /* changes have a window; somebody may override it */
    bool stage;        /* the second stage waits for both anew */
    int64_t begins;    /* seconds since Monday */
    double crashes;    /* probability at a record */
    double answers;    /* ... that somebody says something while the run is left at a gate */
    int refuse;        /* percent of answers that say no */
} trial;

typedef struct world {
    const trial *trial;
    nip__random random;
    nip_ctx *ctx;
    nip_store *store;
    nip_drivers *drivers;
    nip_plan *plan;
    nip__backend backend;
    const nip__backend *genuine;
    bool dead;           /* the process under way was killed */
    int crashes_at_end;  /* since the run has ended */
    bool ended;
    struct {
        char key[64];
        int times;
    } heard[8];
    bool broken;
} world;

static world *fused;
static int failures;
static struct {
    int trials, succeeded, refused, crashes, answers, counted, told, overridden;
} counts;

static void broken_law(world *w, const char *format, ...)
{
    va_list arguments;
    if (w->broken)
        return;
    w->broken = true;
    failures++;
    printf("LAW OF GATES BROKEN, --seed %" PRIu64 " --runs 1: ", w->trial->seed);
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

/* ---- a process that dies: its store refuses ---- */

static int insert(nip_store *store, const nip__row *row, nip_error **err)
{
    world *w = fused;
    bool ours = row->epoch != 0;
    if (ours && !w->dead && chance(w, w->trial->crashes)) {
        w->dead = true;
        w->crashes_at_end += w->ended;
        counts.crashes++;
    }
    if (ours && w->dead)
        return nip__fail(err, NIP_E_INTERNAL, "killed here");
    int rc = w->genuine->insert(store, row, err);
    w->ended |= rc == 0 && ours && strcmp(row->kind, "run.ended") == 0;
    return rc;
}

/* ---- who is told ---- */

static int verb_class(void *self, const char *verb)
{
    (void)self;
    return strcmp(verb, "send") == 0 ? NIP_VERB_ONCE : NIP_E_UNSUPPORTED;
}

static int hear(void *self, nip_action *action, nip_time now, nip_error **err)
{
    world *w = self;
    (void)now;
    for (size_t i = 0; i < sizeof w->heard / sizeof w->heard[0]; i++) {
        if (w->heard[i].times > 0 && strcmp(w->heard[i].key, nip_action_id(action)) != 0)
            continue;
        snprintf(w->heard[i].key, sizeof w->heard[i].key, "%s", nip_action_id(action));
        w->heard[i].times++;
        counts.told++;
        break;
    }
    return nip_action_complete(action, "{\"outcome\":\"done\",\"result\":{}}", err);
}

static void bind(world *w)
{
    static const nip_driver_vtable vtable = {.size = sizeof vtable, .verb_class = verb_class, .start = hear};
    nip_driver *driver = NULL;
    nip_error *err = NULL;
    must(nip_drivers_new(&w->drivers, &err), err, "drivers");
    must(nip_driver_new(&vtable, w, &driver, &err), err, "driver");
    must(nip_drivers_bind(w->drivers, "notify", driver, &err), err, "bind");
    nip_driver_free(driver);
}

/* ---- the plan ---- */

static void make_plan(world *w)
{
    const trial *t = w->trial;
    char text[TEXT], *observed = NULL;
    nip_doc *doc = NULL;
    nip_op *op = NULL;
    nip_error *err = NULL;
    snprintf(text, sizeof text,
             "rollout:\n  app: shop\n  artifact: \"1.1\"\n  replicas: 2\n  strategy: canary\n"
             "  target: {driver: sim, world: shop}\n  router: {driver: sim, world: shop}\n"
             "  health: {url: \"http://{endpoint}/\", interval: 1s, timeout: 30s}\n"
             "  roles: {sre: [ann, bob, eve], boss: [zoe]}\n  approve: {ask: \"now?\", role: sre, count: %d}\n%s%s"
             "  canary: {stages: [{share: 50, duration: 10s}, {share: 100, duration: 10s%s}]}\n"
             "  on_end: [{url: \"http://127.0.0.1:1/a\"}, {url: \"http://127.0.0.1:1/b\", when: succeeded}]\n",
             t->count, t->window ? "  windows: [{days: [mon, tue, wed, thu, fri], from: \"09:00\", to: \"17:00\"}]\n" : "",
             t->window && t->boss ? "  window_override: boss\n" : "",
             t->stage ? ", window: true, approve: {ask: \"all?\", role: sre, count: 2}" : "");
    must(nip_doc_load_text(text, strlen(text), "law", &doc, &err), err, "document");
    must(nip_op_observe(w->ctx, doc, NULL, w->drivers, &op, &err), err, "observe");
    must(nip_op_run(op, &err), err, "observe");
    must(nip_op_result(op, &observed, &err), err, "observe");
    must(nip_rollout_plan(doc, NULL, observed, &w->plan, &err), err, "plan");
    nip_op_free(op);
    nip_free(observed);
    nip_doc_free(doc);
}

/* ---- people ---- */

/* Anybody says anything. What makes no sense is refused, and nothing else. */
static void say_something(world *w)
{
    static const int refusals[] = {0, NIP_E_STATE, NIP_E_INVALID, NIP_E_NOTFOUND};
    const char *who = everybody[nip__random_below(&w->random, 5)];
    bool no = nip__random_below(&w->random, 100) < (uint64_t)w->trial->refuse;
    const char *decision = no ? "reject" : chance(w, 0.3) ? "override" : "approve";
    nip_error *err = NULL;
    int rc = nip_gate_answer(w->store, "shop", decision, who, "because", nip_ctx_now(w->ctx), NULL, &err);
    bool known = false;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        known |= rc == refusals[i];
    if (!known)
        broken_law(w, "an answer of %s: %s", who, nip_error_message(err));
    counts.answers += rc == 0;
    nip_error_free(err);
}

static bool waits_at(const nip_run *run, const char *verb)
{
    const nip__step *step = nip__machine_step(run->machine);
    if (step == NULL || run->machine->cursor.stage != NIP__ACTING || step->actions.count == 0)
        return false;
    const nip__call_state *call = &nip__machine_step_state(run->machine, step)->act.list[0];
    return strcmp(step->actions.list[0].verb, verb) == 0 && call->stage == NIP__CALL_OUT;
}

/* ---- driving ---- */

/* Waiting moves the virtual clock; a single step waits for nothing. */
static int turn(nip_op *op, const nip_run *run, bool leaves, nip_error **err)
{
    return waits_at(run, "window") && !leaves ? nip_op_wait(op, NIP_HOUR, err) : nip_op_step(op, err);
}

/* A life of a process: it ends with the run, killed, or at an approval: a look at it every 250 ms is no use here, so the process leaves. */
static bool live(world *w, bool first)
{
    nip_run *run = NULL;
    nip_op *op = NULL;
    nip_error *err = NULL;
    w->dead = false;
    int rc = first ? nip_run_new(w->plan, w->store, nip_ctx_now(w->ctx), &run, &err)
                   : nip_run_resume(w->store, "shop", nip_ctx_now(w->ctx), &run, &err);
    if (rc == 0)
        rc = nip_op_run_plan(w->ctx, run, w->drivers, &op, &err);
    int steps = 0, waited = 0;
    bool leaves = chance(w, 0.5); /* while the window is closed too, so that somebody may override it */
    while (rc == 0 && (rc = turn(op, run, leaves, &err)) == NIP_OP_MORE && !w->dead && ++steps < STEPS_MAX) {
        rc = 0;
        waited = waits_at(run, "approve") || (leaves && waits_at(run, "window")) ? waited + 1 : 0;
        if (waited > 3)
            break;
    }
    if (rc < 0 && !w->dead)
        broken_law(w, "it cannot be driven: %s", nip_error_message(err));
    if (steps == STEPS_MAX)
        broken_law(w, "it does not end: %s, step %s", run != NULL ? nip_run_state(run) : "?", nip__machine_step(run->machine)->id);
    nip_error_free(err);
    bool over = rc == NIP_OP_DONE && !w->dead && waited <= 3;
    nip_op_free(op);
    nip_run_free(run);
    return over;
}

static void drive(world *w)
{
    bool planned = false;
    for (int lives = 0; lives < LIVES_MAX && !w->broken; lives++) {
        int64_t head = 0;
        nip__store_head(w->store, "shop", &head, NULL);
        planned = head > 0;
        if (live(w, !planned))
            return;
        while (chance(w, w->trial->answers))
            say_something(w);
    }
}

/* ---- judging ---- */

static bool has(const char *const *list, const char *name)
{
    for (; *list != NULL; list++) {
        if (name != NULL && strcmp(*list, name) == 0)
            return true;
    }
    return false;
}

typedef struct gate {
    const char *step;
    bool yes[8], no, boss, done;
} gate;

typedef struct judge {
    world *w;
    gate gates[8];
    size_t count;
    char out[64], step[64]; /* the gate's action that is out */
} judge;

static gate *gate_of(judge *j, const char *step)
{
    for (size_t i = 0; i < j->count; i++) {
        if (strcmp(j->gates[i].step, step) == 0)
            return &j->gates[i];
    }
    j->gates[j->count] = (gate){.step = step};
    return &j->gates[j->count++];
}

static void note_answer(judge *j, const nip__value *payload)
{
    gate *g = gate_of(j, nip__get_text(payload, "step"));
    const char *who = nip__get_text(payload, "who"), *decision = nip__get_text(payload, "decision");
    for (size_t i = 0; members[i] != NULL; i++)
        g->yes[i] |= strcmp(members[i], who) == 0 && strcmp(decision, "approve") == 0;
    g->no |= has(members, who) && strcmp(decision, "reject") == 0;
    g->boss |= has(bosses, who) && strcmp(decision, "override") == 0 && nip__get_text(payload, "why") != NULL;
}

static bool is_open(nip_time at)
{
    int64_t seconds = at / NIP_SECOND - MONDAY, of_day = seconds % DAY;
    return seconds / DAY % 7 < 5 && of_day >= BEGIN * 3600 && of_day < END * 3600;
}

static void judge_approval(judge *j, gate *g, const nip__value *payload)
{
    bool done = nip__get(nip__get(payload, "result"), "approved") != NULL;
    int wanted = strcmp(g->step, "approve") == 0 ? j->w->trial->count : 2, yes = 0;
    for (size_t i = 0; members[i] != NULL; i++)
        yes += g->yes[i];
    if (done && (yes < wanted || g->no))
        broken_law(j->w, "step %s went on with %d of %d approvals%s", g->step, yes, wanted, g->no ? " and a rejection" : "");
    if (!done && nip__get_text(payload, "reason") != NULL && strcmp(nip__get_text(payload, "reason"), "rejected") == 0 && !g->no)
        broken_law(j->w, "step %s was rejected by nobody", g->step);
    g->done |= done;
}

static void judge_window(judge *j, gate *g, const nip__value *payload)
{
    const nip__value *result = nip__get(payload, "result");
    nip_time at = nip__get_time(result, "at", 0);
    if (result == NULL)
        return;
    bool open = nip__get_bool(result, "open", false);
    if (open != is_open(at) && open)
        broken_law(j->w, "step %s: the window is said to be open at %s, and is not", g->step, nip__get_text(result, "at"));
    if (!open && !(g->boss && j->w->trial->boss))
        broken_law(j->w, "step %s: overridden by nobody who may", g->step);
    counts.overridden += !open;
    g->done = true;
}

static bool is_write(const char *verb)
{
    return strcmp(verb, "instances") == 0 || strcmp(verb, "route") == 0;
}

static void judge_intent(judge *j, const nip__value *payload)
{
    const char *verb = nip__get_text(payload, "verb"), *step = nip__get_text(payload, "step"), *list = nip__get_text(payload, "list");
    bool gated = strcmp(verb, "approve") == 0 || strcmp(verb, "window") == 0;
    if (gated) {
        snprintf(j->out, sizeof j->out, "%s", nip__get_text(payload, "action"));
        snprintf(j->step, sizeof j->step, "%s", step);
        gate_of(j, nip__get_text(payload, "step"));
    }
    if (!is_write(verb) || list == NULL || strcmp(list, "forward") != 0)
        return;
    bool full = strstr(step, "100") != NULL && j->w->trial->stage;
    const char *const wanted[] = {"approve", j->w->trial->window ? "window" : NULL, full ? "approve-100" : NULL,
                                  full && j->w->trial->window ? "window-100" : NULL};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (wanted[i] != NULL && !gate_of(j, wanted[i])->done)
            broken_law(j->w, "step %s changes something before %s", step, wanted[i]);
    }
}

static void judge_answered(judge *j, const nip__value *payload)
{
    const char *action = nip__get_text(payload, "action");
    if (j->out[0] == '\0' || action == NULL || strcmp(j->out, action) != 0)
        return;
    gate *g = gate_of(j, j->step);
    if (strncmp(j->step, "approve", 7) == 0)
        judge_approval(j, g, payload);
    else
        judge_window(j, g, payload);
    counts.counted++;
}

static void judge_told(world *w, const char *state)
{
    int wanted = strcmp(state, "succeeded") == 0 ? 2 : 1, told = 0;
    for (size_t i = 0; i < sizeof w->heard / sizeof w->heard[0]; i++) {
        told += w->heard[i].times > 0;
        if (w->heard[i].times > 1 + w->crashes_at_end)
            broken_law(w, "%s was told %d times, and nobody died", w->heard[i].key, w->heard[i].times);
    }
    if (told != wanted)
        broken_law(w, "the run is %s: %d were told instead of %d", state, told, wanted);
}

static void judge_journal(world *w)
{
    static const struct {
        const char *kind;
        void (*judge)(judge *j, const nip__value *payload);
    } kinds[] = {{"gate.answered", note_answer}, {"action.intended", judge_intent}, {"action.completed", judge_answered}};
    judge j = {.w = w};
    nip__arena *arena = nip__arena_new();
    nip__value *journal = NULL;
    nip_error *err = NULL;
    char *json = NULL;
    const char *state = NULL;
    must(nip_journal_read(w->store, "shop", 0, 10000, &json, &err), err, "journal");
    must(nip__json_read(arena, json, strlen(json), "journal", &nip__internal_limits, &journal, &err), err, "journal");
    for (NIP__EACH(record, journal)) {
        const char *kind = nip__get_text(record, "kind");
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
            if (strcmp(kind, kinds[i].kind) == 0)
                kinds[i].judge(&j, nip__get(record, "payload"));
        }
        if (strcmp(kind, "run.ended") == 0)
            state = nip__get_text(nip__get(record, "payload"), "state");
    }
    if (state != NULL && !w->broken)
        judge_told(w, state);
    counts.succeeded += state != NULL && strcmp(state, "succeeded") == 0;
    counts.refused += state != NULL && strcmp(state, "succeeded") != 0;
    nip_free(json);
    nip__arena_free(arena);
}

/* ---- trials ---- */

static void try_one(uint64_t seed)
{
    trial t = {.seed = seed};
    world w = {.trial = &t};
    nip_error *err = NULL;
    char clock[64];
    nip__random_seed(&w.random, seed);
    t.count = 1 + (int)nip__random_below(&w.random, 3);
    t.window = chance(&w, 0.7);
    t.boss = chance(&w, 0.6);
    t.stage = t.window && chance(&w, 0.6);
    t.begins = (int64_t)nip__random_below(&w.random, 7 * DAY);
    t.crashes = chance(&w, 0.6) ? 0.02 : 0;
    t.answers = 0.75;
    t.refuse = chance(&w, 0.5) ? 10 : 0;
    char *instant = nip_time_format((MONDAY + t.begins) * NIP_SECOND);
    snprintf(clock, sizeof clock, "virtual:%s", instant);
    nip_free(instant);
    must(nip_ctx_new(&w.ctx, &err), err, "context");
    must(nip_ctx_set(w.ctx, "clock", clock, &err), err, "clock");
    must(nip_store_open(w.ctx, "memory:", &w.store, &err), err, "store");
    bind(&w);
    make_plan(&w);
    fused = &w;
    w.genuine = w.store->backend;
    w.backend = *w.genuine;
    w.backend.insert = insert;
    w.store->backend = &w.backend;
    drive(&w);
    w.store->backend = w.genuine;
    judge_journal(&w);
    counts.trials++;
    nip_plan_free(w.plan);
    nip_drivers_free(w.drivers);
    nip_store_free(w.store);
    nip_ctx_free(w.ctx);
}

int main(int count, char **words)
{
    uint64_t seed = 1;
    int runs = 100;
    for (int i = 1; i + 1 < count; i += 2) {
        if (strcmp(words[i], "--seed") == 0)
            seed = strtoull(words[i + 1], NULL, 10);
        else if (strcmp(words[i], "--runs") == 0)
            runs = atoi(words[i + 1]);
    }
    for (int i = 0; i < runs && failures < 3; i++)
        try_one(seed + (uint64_t)i);
    printf("%d trials, %d crashes, %d answers: %d succeeded, %d refused; %d gates ended, %d of them overridden; %d told; %d failures\n",
           counts.trials, counts.crashes, counts.answers, counts.succeeded, counts.refused, counts.counted, counts.overridden, counts.told,
           failures);
    bool seen = counts.succeeded > 0 && counts.refused > 0 && counts.overridden > 0 && counts.crashes > 0;
    return failures > 0 || (runs >= 100 && !seen);
}
