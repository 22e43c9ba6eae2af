/* What a rollout does whose app is busy: the decision as a table, the queue as a fold, and rollouts that supersede each other in the simulated
 * world, left and killed at every step. */
#include "store_fixture.h"

#include "base/error.h"
#include "driver/driver.h"
#include "nipops.h"
#include "rollout/busy.h"
#include "store/queue.h"

/* ---- the decision ---- */

#define RUN(of_state, of_version) .run = "shop-5", .state = of_state, .run_version = of_version, .planned = 5, .title = "canary of shop"

static void decides(void **state)
{
    static const struct {
        nip__busy busy;
        nip__busy_move move;
        int code;         /* when it is turned off */
        const char *part; /* of the message */
    } cases[] = {
        /* nothing in the way */
        {{.policy = NIP__BUSY_REFUSE}, NIP__BUSY_GO, 0, NULL},
        {{.policy = NIP__BUSY_QUEUE}, NIP__BUSY_GO, 0, NULL},
        {{.policy = NIP__BUSY_SUPERSEDE, RUN("succeeded", "1.4")}, NIP__BUSY_GO, 0, NULL},
        {{.policy = NIP__BUSY_RESTART, RUN("returned", "1.4")}, NIP__BUSY_GO, 0, NULL},
        {{.policy = NIP__BUSY_QUEUE, RUN("stopped", "1.4"), .entry = 3}, NIP__BUSY_GO, 0, NULL},
        {{.policy = NIP__BUSY_QUEUE, RUN("succeeded", "1.4"), .driven = true}, NIP__BUSY_ENTER, 0, NULL},
        {{.policy = NIP__BUSY_SUPERSEDE, RUN("succeeded", "1.4"), .entry = 9, .driven = true}, NIP__BUSY_WAIT, 0, NULL},
        {{.policy = NIP__BUSY_REFUSE, RUN("succeeded", "1.4"), .driven = true}, NIP__BUSY_GO, 0, NULL}, /* nip_run_new says who has it */
        /* refuse */
        {{.policy = NIP__BUSY_REFUSE, RUN("running", "1.4")}, NIP__BUSY_TURN_OFF, NIP_E_STATE, "nobody drives it"},
        {{.policy = NIP__BUSY_REFUSE, RUN("waiting", "1.4"), .driven = true}, NIP__BUSY_TURN_OFF, NIP_E_HELD, "is driven: wait for it"},
        {{.policy = NIP__BUSY_REFUSE, RUN("broken", "1.4")}, NIP__BUSY_GO, 0, NULL},
        /* queue */
        {{.policy = NIP__BUSY_QUEUE, RUN("running", "1.4")}, NIP__BUSY_ENTER, 0, NULL},
        {{.policy = NIP__BUSY_QUEUE, RUN("running", "1.4"), .entry = 9}, NIP__BUSY_WAIT, 0, NULL},
        {{.policy = NIP__BUSY_QUEUE, RUN("running", "1.4"), .entry = 3}, NIP__BUSY_WAIT, 0, NULL}, /* a later run too */
        {{.policy = NIP__BUSY_QUEUE, RUN("broken", "1.4"), .entry = 9}, NIP__BUSY_TURN_OFF, NIP_E_STATE, "shop-5 of shop is broken"},
        {{.policy = NIP__BUSY_QUEUE, RUN("running", "1.4"), .entry = 9, .rival = "1.6", .rival_who = "bob"},
         NIP__BUSY_TURN_OFF, NIP_E_STATE, "1.5 of shop gives way to 1.6 of bob"},
        {{.policy = NIP__BUSY_QUEUE, RUN("succeeded", "1.4"), .entry = 9, .rival = "1.6", .rival_who = "bob"},
         NIP__BUSY_TURN_OFF, NIP_E_STATE, "came later"},
        /* supersede */
        {{.policy = NIP__BUSY_SUPERSEDE, RUN("running", "1.4"), .driven = true}, NIP__BUSY_ENTER, 0, NULL},
        {{.policy = NIP__BUSY_SUPERSEDE, RUN("running", "1.4"), .entry = 9, .driven = true}, NIP__BUSY_ASK, 0, NULL},
        {{.policy = NIP__BUSY_SUPERSEDE, RUN("paused", "1.4"), .entry = 9}, NIP__BUSY_ASK, 0, NULL},
        {{.policy = NIP__BUSY_SUPERSEDE, RUN("running", "1.4"), .entry = 9, .asked = true, .driven = true}, NIP__BUSY_WAIT, 0, NULL},
        {{.policy = NIP__BUSY_SUPERSEDE, RUN("running", "1.4"), .entry = 9, .asked = true}, NIP__BUSY_TAKE, 0, NULL},
        {{.policy = NIP__BUSY_SUPERSEDE, RUN("returning", "1.4"), .entry = 9, .driven = true}, NIP__BUSY_WAIT, 0, NULL},
        {{.policy = NIP__BUSY_SUPERSEDE, RUN("returning", "1.4"), .entry = 9}, NIP__BUSY_TAKE, 0, NULL},
        {{.policy = NIP__BUSY_SUPERSEDE, RUN("broken", "1.4")}, NIP__BUSY_TURN_OFF, NIP_E_STATE, "is broken"},
        {{.policy = NIP__BUSY_SUPERSEDE, RUN("running", "1.4"), .entry = 3}, NIP__BUSY_TURN_OFF, NIP_E_STATE, "gives way to run shop-5 of 1.4"},
        /* on its way back, and its process is no more: whoever is next in the queue ends that */
        {{.policy = NIP__BUSY_QUEUE, RUN("returning", "1.4")}, NIP__BUSY_ENTER, 0, NULL},
        {{.policy = NIP__BUSY_QUEUE, RUN("returning", "1.4"), .entry = 9}, NIP__BUSY_TAKE, 0, NULL},
        {{.policy = NIP__BUSY_QUEUE, RUN("returning", "1.4"), .entry = 9, .driven = true}, NIP__BUSY_WAIT, 0, NULL},
        {{.policy = NIP__BUSY_QUEUE, RUN("returning", "1.4"), .entry = 3}, NIP__BUSY_TAKE, 0, NULL},
        {{.policy = NIP__BUSY_SUPERSEDE, RUN("returning", "1.4"), .entry = 3}, NIP__BUSY_TAKE, 0, NULL},
        {{.policy = NIP__BUSY_SUPERSEDE, RUN("returning", "1.4"), .entry = 3, .driven = true}, NIP__BUSY_TURN_OFF, NIP_E_STATE, "began later"},
        {{.policy = NIP__BUSY_RESTART, RUN("returning", "1.4"), .entry = 9}, NIP__BUSY_TAKE, 0, NULL},
        {{.policy = NIP__BUSY_QUEUE, RUN("returning", "1.4"), .entry = 9, .rival = "1.6", .rival_who = "bob"},
         NIP__BUSY_TURN_OFF, NIP_E_STATE, "gives way to 1.6"}, /* 1.6 ends it */
        /* restart */
        {{.policy = NIP__BUSY_RESTART, RUN("running", "1.5")}, NIP__BUSY_ENTER, 0, NULL},
        {{.policy = NIP__BUSY_RESTART, RUN("running", "1.5"), .entry = 9}, NIP__BUSY_ASK, 0, NULL},
        {{.policy = NIP__BUSY_RESTART, RUN("running", "1.4")}, NIP__BUSY_TURN_OFF, NIP_E_STATE, "shop-5 of shop is about 1.4"},
        {{.policy = NIP__BUSY_RESTART, RUN("running", NULL)}, NIP__BUSY_TURN_OFF, NIP_E_STATE, "about another version"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nip__busy busy = cases[i].busy;
        nip_error *error = NULL;
        busy.app = "shop";
        busy.version = "1.5";
        busy.who = "ann";
        nip__busy_move move = nip__busy_decide(&busy);
        if (move != cases[i].move)
            fail_msg("case %zu: move %d, wanted %d", i, (int)move, (int)cases[i].move);
        if (move != NIP__BUSY_TURN_OFF)
            continue;
        if (nip__busy_explain(&busy, &error) != cases[i].code || strstr(nip_error_message(error), cases[i].part) == NULL)
            fail_msg("case %zu: %s", i, nip_error_message(error));
        nip_error_free(error);
    }
    assert_int_equal(nip__busy_policy_of("supersede"), NIP__BUSY_SUPERSEDE);
    assert_int_equal(nip__busy_policy_of(NULL), NIP__BUSY_REFUSE);
}

/* ---- the queue ---- */

static const nip__value *read_queue(fixture *f)
{
    char *json = NULL;
    nip__value *value = NULL;
    assert_int_equal(nip_queue_read(f->store, "shop", &json, NULL), 0);
    assert_int_equal(nip__json_read(f->arena, json, strlen(json), "queue", &nip__internal_limits, &value, NULL), 0);
    nip_free(json);
    return value;
}

/* An entry whose process is no more: nobody has the largest number. */
static void enter_dead(fixture *f)
{
    nip__buffer text = NIP__BUFFER(4096);
    nip__writer writer = NIP__WRITER(&text);
    nip__holder holder;
    nip__holder_self(&holder, AT);
    holder.pid = 0x3fffffff;
    nip__write_map(&writer, NULL);
    nip__write_text(&writer, "version", "1.9");
    nip__write_text(&writer, "who", "the dead");
    nip__holder_write(&writer, "holder", &holder);
    nip__write_end_map(&writer);
    assert_int_equal(
        nip__store_append(f->store, "shop", -1, 0, "queue.entered", AT, text.data, text.length, NULL, NULL), 0);
    nip__buffer_clear(&text);
}

static void keeps_who_waits(void **state)
{
    fixture *f = *state;
    int64_t first = 0, second = 0;
    assert_int_equal(nip__count(read_queue(f)), 0);
    assert_int_equal(nip__queue_enter(f->store, "shop", AT, "1.5", "queue", "ann", &first, NULL), 0);
    assert_int_equal(nip__queue_enter(f->store, "shop", AT + 1, "1.6", "supersede", "bob", &second, NULL), 0);
    enter_dead(f);
    const nip__value *queue = read_queue(f);
    assert_int_equal(nip__count(queue), 2); /* the dead does not wait */
    assert_string_equal(nip__get_text(nip__at(queue, 0), "version"), "1.5");
    assert_string_equal(nip__get_text(nip__at(queue, 1), "who"), "bob");
    assert_int_equal(nip__get_int(nip__at(queue, 1), "sequence", 0), second);
    assert_true(nip__get_bool(nip__at(queue, 0), "alive", false));
    assert_int_equal(nip__queue_leave(f->store, "shop", AT + 2, first, "began", NULL), 0);
    assert_int_equal(nip__count(read_queue(f)), 1);
    assert_int_equal(nip__queue_leave(f->store, "shop", AT + 2, second, "left", NULL), 0);
    assert_int_equal(nip__count(read_queue(f)), 0);
    assert_int_equal(nip_journal_append(f->store, "shop", -1, "queue.entered", AT, "{}", NULL, NULL), NIP_E_INVALID);
    assert_int_equal(nip_queue_read(f->store, "no subject", &(char *){NULL}, NULL), NIP_E_INVALID);
}

static void forgets_who_waits_too_long(void **state)
{
    fixture *f = *state;
    int64_t entry = 0;
    assert_int_equal(nip__queue_enter(f->store, "shop", AT - NIP__QUEUE_AGE_MAX - NIP_SECOND, "1.5", "queue", "ann", &entry, NULL), 0);
    assert_int_equal(nip__count(read_queue(f)), 0);
}

/* ---- whole rollouts in the simulated world ---- */

#define DOCUMENT                                                                                                                \
    "rollout:\n  app: shop\n  artifact: \"%s\"\n  replicas: 2\n  strategy: canary\n  when_busy: %s\n"                           \
    "  target: {driver: sim, world: busy, start_delay: 200ms, stop_delay: 200ms, sessions_drain: 200ms}\n"                      \
    "  router: {driver: sim, world: busy}\n"                                                                                    \
    "  health: {url: \"http://{endpoint}/health\", interval: 1s, timeout: 30s}\n"                                               \
    "  canary: {stages: [{share: 50, duration: 2s}, {share: 100, duration: 2s}]}\n  drain_timeout: 2s\n"

typedef struct scene {
    fixture *f;
    nip_drivers *drivers; /* keep the world */
    nip_doc *docs[8];
    size_t doc_count;
} scene;

static nip_op *begin(scene *s, const char *version, const char *policy, const char *who)
{
    char text[1024];
    nip_op *op = NULL;
    nip_error *err = NULL;
    nip_doc **doc = &s->docs[s->doc_count++];
    snprintf(text, sizeof text, DOCUMENT, version, policy);
    assert_int_equal(nip_doc_load_text(text, strlen(text), "test", doc, NULL), 0);
    if (nip_op_rollout(s->f->ctx, *doc, s->f->store, s->drivers, who, &op, &err) < 0)
        fail_msg("%s", nip_error_message(err));
    return op;
}

/* "succeeded", or the code's name. */
static const char *finish(nip_op *op)
{
    static char text[64];
    nip_error *err = NULL;
    char *json = NULL;
    int rc = nip_op_run(op, &err);
    if (rc == 0)
        rc = nip_op_result(op, &json, &err);
    nip__arena *arena = nip__arena_new();
    nip__value *status = NULL;
    if (rc == 0)
        assert_int_equal(nip__json_read(arena, json, strlen(json), "status", &nip__internal_limits, &status, NULL), 0);
    snprintf(text, sizeof text, "%s", rc < 0 ? nip_code_name(rc) : nip__get_text(status, "state"));
    nip__arena_free(arena);
    nip_free(json);
    nip_error_free(err);
    nip_op_free(op);
    return text;
}

/* Versions that run or have traffic, with their share: "1.0 100%". */
static void describe(scene *s, char *out, size_t size)
{
    nip_op *op = NULL;
    char *json = NULL, text[1024];
    nip_doc *doc = NULL;
    nip__arena *arena = nip__arena_new();
    nip__value *observed = NULL;
    snprintf(text, sizeof text, DOCUMENT, "0", "refuse");
    assert_int_equal(nip_doc_load_text(text, strlen(text), "test", &doc, NULL), 0);
    assert_int_equal(nip_op_observe(s->f->ctx, doc, NULL, s->drivers, &op, NULL), 0);
    assert_int_equal(nip_op_run(op, NULL), 0);
    assert_int_equal(nip_op_result(op, &json, NULL), 0);
    assert_int_equal(nip__json_read(arena, json, strlen(json), "observed", &nip__internal_limits, &observed, NULL), 0);
    size_t length = 0;
    out[0] = '\0';
    for (NIP__EACH(version, nip__pointer(observed, "/target/versions"))) {
        double share = 0;
        for (NIP__EACH(endpoint, nip__get(version, "endpoints")))
            share += nip__get_number(nip__get(nip__pointer(observed, "/router/endpoints"), endpoint->as.string.text), "share", 0);
        length += (size_t)snprintf(out + length, size - length, "%s%s x%d %.0f%%", length > 0 ? ", " : "", version->key,
                                   (int)nip__get_int(version, "running", 0), share);
    }
    nip_op_free(op);
    nip_free(json);
    nip_doc_free(doc);
    nip__arena_free(arena);
}

static void assert_world(scene *s, const char *wanted, const char *when)
{
    char found[256];
    describe(s, found, sizeof found);
    if (strcmp(found, wanted) != 0)
        fail_msg("%s: %s, wanted %s", when, found, wanted);
}

static void open_scene(scene *s, void **state)
{
    *s = (scene){.f = *state};
    assert_int_equal(nip_drivers_new(&s->drivers, NULL), 0);
    assert_string_equal(finish(begin(s, "1.0", "refuse", "ann")), "succeeded");
    assert_world(s, "1.0 x2 100%", "first release");
}

/* A world of its own for the next one too: the old one goes with its drivers, the old journal with its store. */
static void close_scene(scene *s)
{
    for (size_t i = 0; i < s->doc_count; i++)
        nip_doc_free(s->docs[i]);
    nip_drivers_free(s->drivers);
    nip_store_free(s->f->store);
    s->f->store = open_store(s->f);
}

/* At most so many steps; true when it is over. */
static bool step(nip_op *op, int steps)
{
    int rc = NIP_OP_MORE;
    for (int i = 0; i < steps && rc == NIP_OP_MORE; i++)
        rc = nip_op_step(op, NULL);
    return rc != NIP_OP_MORE;
}

static void refuses(void **state)
{
    scene s;
    open_scene(&s, state);
    nip_op *first = begin(&s, "1.1", "refuse", "ann");
    assert_false(step(first, 12));
    nip_drivers *others = s.drivers;
    assert_int_equal(nip_drivers_new(&s.drivers, NULL), 0); /* of another process */
    nip_op *second = begin(&s, "1.2", "refuse", "bob");
    assert_string_equal(finish(second), "NIP_E_HELD");
    nip_op_free(first);
    assert_string_equal(finish(begin(&s, "1.2", "refuse", "bob")), "NIP_E_STATE");
    nip_drivers_free(others);
    close_scene(&s);
}

/* The run under way was left at any of its steps by a process that died: it is taken back, and the new version takes over. */
static void supersedes_what_was_left_at_every_step(void **state)
{
    int steps = 0;
    for (bool over = false; !over; steps++) {
        scene s;
        char when[64];
        open_scene(&s, state);
        nip_op *first = begin(&s, "1.1", "refuse", "ann");
        over = step(first, steps);
        nip_op_free(first);
        snprintf(when, sizeof when, "superseded after %d steps", steps);
        const char *state_of_second = finish(begin(&s, "1.2", "supersede", "bob"));
        if (strcmp(state_of_second, "succeeded") != 0)
            fail_msg("%s: %s", when, state_of_second);
        assert_world(&s, "1.2 x2 100%", when);
        assert_int_equal(nip__count(read_queue(s.f)), 0);
        close_scene(&s);
    }
    assert_true(steps > 30);
}

/* Takes up whatever is not over, as "nipops resume" does. */
static void resume(scene *s)
{
    nip_run *run = NULL;
    nip_op *op = NULL;
    assert_int_equal(nip_run_resume(s->f->store, "shop", nip_ctx_now(s->f->ctx), &run, NULL), 0);
    if (nip_op_run_plan(s->f->ctx, run, s->drivers, &op, NULL) == 0)
        nip_op_run(op, NULL);
    nip_op_free(op);
    nip_run_free(run);
}

/* The one that supersedes dies at any of its own steps too. After a resume one version has it all: the old one, or the newest. */
static void ends_whole_when_it_dies_at_every_step(void **state)
{
    int steps = 0, newest = 0, old = 0;
    for (bool over = false; !over; steps++) {
        scene s;
        char found[256];
        open_scene(&s, state);
        nip_op *first = begin(&s, "1.1", "refuse", "ann");
        assert_false(step(first, 20 + steps % 10));
        nip_op_free(first);
        nip_op *second = begin(&s, "1.2", "supersede", "bob");
        over = step(second, steps);
        nip_op_free(second);
        assert_int_equal(nip__count(read_queue(s.f)), 0);
        resume(&s);
        describe(&s, found, sizeof found);
        newest += strcmp(found, "1.2 x2 100%") == 0;
        old += strcmp(found, "1.0 x2 100%") == 0 || strcmp(found, "1.1 x2 100%") == 0; /* it had not asked yet: 1.1 goes on */
        if (newest + old != steps + 1)
            fail_msg("left after %d steps: %s", steps, found);
        close_scene(&s);
    }
    assert_true(newest > 0 && old > 0);
}

/* Both drive at once: the one that is taken back by its own process, the other one that waits for it. */
static void supersedes_what_is_driven(void **state)
{
    for (int steps = 1; steps < 60; steps += 7) {
        scene s;
        open_scene(&s, state);
        nip_drivers *kept = s.drivers;
        nip_op *first = begin(&s, "1.1", "refuse", "ann");
        bool over = step(first, steps);
        assert_int_equal(nip_drivers_new(&s.drivers, NULL), 0); /* of another process */
        nip_op *second = begin(&s, "1.2", "supersede", "bob");
        for (bool done = false; !done;) {
            if (!over && step(first, 1)) {
                over = true;
                nip_op_free(first); /* its process ends */
                first = NULL;
            }
            done = step(second, 1);
        }
        assert_string_equal(finish(second), "succeeded");
        assert_world(&s, "1.2 x2 100%", "superseded while it was driven");
        nip_op_free(first);
        nip_drivers_free(kept);
        close_scene(&s);
    }
}

static void gives_way_to_what_came_later(void **state)
{
    scene s;
    open_scene(&s, state);
    nip_op *first = begin(&s, "1.1", "refuse", "ann");
    assert_false(step(first, 25));
    nip_op_free(first);
    nip_op *second = begin(&s, "1.2", "supersede", "bob");
    assert_false(step(second, 6));
    nip_drivers *kept = s.drivers;
    assert_int_equal(nip_drivers_new(&s.drivers, NULL), 0); /* of another process */
    nip_op *third = begin(&s, "1.3", "supersede", "cid");
    assert_false(step(third, 1)); /* it has announced itself */
    assert_string_equal(finish(second), "NIP_E_STATE");
    assert_string_equal(finish(third), "succeeded");
    assert_world(&s, "1.3 x2 100%", "the newest one");
    nip_drivers_free(kept);
    close_scene(&s);
}

/* What the app's latest run is: "returned", "returning". */
static void assert_latest(scene *s, const char *wanted, const char *when)
{
    nip_run *run = NULL;
    assert_int_equal(nip_run_open(s->f->store, "shop", &run, NULL), 0);
    if (strcmp(nip_run_state(run), wanted) != 0)
        fail_msg("%s: run %s is %s, wanted %s", when, nip_run_id(run), nip_run_state(run), wanted);
    nip_run_free(run);
}

static bool is_returning(scene *s)
{
    nip_run *run = NULL;
    assert_int_equal(nip_run_open(s->f->store, "shop", &run, NULL), 0);
    bool returning = strcmp(nip_run_state(run), "returning") == 0;
    nip_run_free(run);
    return returning;
}

/* A newer one comes at any step of the way back: it is ended all the same, before the older one gives way. */
static void gives_way_only_when_nothing_is_half_taken_back(void **state)
{
    int tried = 0;
    for (int steps = 1; tried < 20; steps++) {
        scene s;
        char when[64];
        open_scene(&s, state);
        nip_op *first = begin(&s, "1.1", "refuse", "ann");
        assert_false(step(first, 25));
        nip_op_free(first);
        nip_op *second = begin(&s, "1.2", "supersede", "bob");
        assert_false(step(second, steps));
        bool returning = is_returning(&s);
        if (!returning && tried > 0) {
            nip_op_free(second);
            close_scene(&s);
            break;
        }
        nip_drivers *kept = s.drivers;
        assert_int_equal(nip_drivers_new(&s.drivers, NULL), 0); /* of another process */
        nip_op *third = begin(&s, "1.3", "queue", "cid");
        assert_false(step(third, 1)); /* it has announced itself */
        snprintf(when, sizeof when, "superseded itself after %d steps", steps);
        assert_string_equal(finish(second), "NIP_E_STATE");
        tried += returning;
        if (returning) {
            assert_latest(&s, "returned", when);
            assert_world(&s, "1.0 x2 100%", when);
        }
        nip_op_free(third);
        nip_drivers_free(kept);
        close_scene(&s);
    }
    assert_true(tried > 5);
}

/* Who took it back died at any step of that: one that only waits for its turn ends it, and has its turn. */
static void ends_a_way_back_that_was_left(void **state)
{
    static const char *const policies[] = {"queue", "supersede"};
    int tried = 0;
    for (int steps = 1, over = 0; !over; steps++) {
        scene s;
        char when[64];
        open_scene(&s, state);
        nip_op *first = begin(&s, "1.1", "refuse", "ann");
        assert_false(step(first, 25));
        nip_op_free(first);
        nip_op *second = begin(&s, "1.2", "supersede", "bob");
        step(second, steps);
        bool returning = is_returning(&s);
        nip_op_free(second);
        over = !returning && tried > 0;
        if (returning) {
            tried++;
            snprintf(when, sizeof when, "the way back was left after %d steps", steps);
            nip_op *third = begin(&s, "1.3", policies[steps % 2], "cid");
            if (!step(third, 2000))
                fail_msg("%s: 1.3 waits for ever", when);
            assert_string_equal(finish(third), "succeeded");
            assert_world(&s, "1.3 x2 100%", when);
            assert_int_equal(nip__count(read_queue(s.f)), 0);
        }
        close_scene(&s);
    }
    assert_true(tried > 5);
}

/* ---- a store that is busy when somebody leaves the queue ---- */

static struct {
    nip__backend backend;
    const nip__backend *genuine;
    int busy; /* so many times more */
} held;

static int insert_busy(nip_store *store, const nip__row *row, nip_error **err)
{
    if (strcmp(row->kind, "queue.left") != 0 || held.busy == 0)
        return held.genuine->insert(store, row, err);
    held.busy--;
    int rc = nip__fail(err, NIP_E_BUSY, "the store is locked");
    if (err != NULL)
        nip__error_set_retryable(*err);
    return rc;
}

static void hold_store(scene *s, int times)
{
    held.genuine = s->f->store->backend;
    held.backend = *held.genuine;
    held.backend.insert = insert_busy;
    held.busy = times;
    s->f->store->backend = &held.backend;
}

/* However it ends, nobody is left in the queue of a process that lives on. */
static void leaves_the_queue_of_a_busy_store(void **state)
{
    for (int way = 0; way < 3; way++) {
        scene s;
        open_scene(&s, state);
        nip_op *first = begin(&s, "1.1", "refuse", "ann");
        assert_false(step(first, 25));
        nip_op_free(first);
        nip_op *second = begin(&s, "1.2", way == 0 ? "supersede" : "queue", "bob");
        assert_false(step(second, 5));
        hold_store(&s, 5);
        if (way == 0) {
            assert_string_equal(finish(second), "succeeded"); /* it begins */
        } else if (way == 1) {
            nip_op_cancel(second);
            assert_string_equal(finish(second), "NIP_E_CANCELLED");
        } else {
            nip_drivers *kept = s.drivers;
            assert_int_equal(nip_drivers_new(&s.drivers, NULL), 0); /* of another process */
            nip_op *third = begin(&s, "1.3", "supersede", "cid");
            assert_false(step(third, 1));
            assert_string_equal(finish(second), "NIP_E_STATE"); /* it gives way */
            assert_int_equal(held.busy, 0);
            nip_op_free(third);
            nip_drivers_free(kept);
        }
        assert_int_equal(held.busy, 0);
        s.f->store->backend = held.genuine;
        assert_int_equal(nip__count(read_queue(s.f)), 0);
        close_scene(&s);
    }
}

static void waits_its_turn(void **state)
{
    scene s;
    open_scene(&s, state);
    nip_op *first = begin(&s, "1.1", "refuse", "ann");
    assert_false(step(first, 15));
    nip_drivers *kept = s.drivers;
    assert_int_equal(nip_drivers_new(&s.drivers, NULL), 0); /* of another process */
    nip_op *second = begin(&s, "1.2", "queue", "bob");
    assert_false(step(second, 5));
    const nip__value *queue = read_queue(s.f);
    assert_int_equal(nip__count(queue), 1);
    assert_string_equal(nip__get_text(nip__first(queue), "version"), "1.2");
    char *status = NULL;
    assert_int_equal(nip_op_status(second, &status, NULL), 0);
    assert_non_null(strstr(status, "\"phase\":\"waiting\""));
    assert_non_null(strstr(status, "\"waits_for\":{\"run\":\"shop-"));
    nip_free(status);
    assert_string_equal(finish(first), "succeeded");
    assert_string_equal(finish(second), "succeeded");
    assert_world(&s, "1.2 x2 100%", "after its turn came");
    nip_drivers_free(kept);
    close_scene(&s);
}

static void leaves_the_queue_when_it_is_cancelled(void **state)
{
    scene s;
    open_scene(&s, state);
    nip_op *first = begin(&s, "1.1", "refuse", "ann");
    assert_false(step(first, 15));
    nip_op_free(first);
    nip_op *second = begin(&s, "1.2", "queue", "bob");
    assert_false(step(second, 5));
    assert_int_equal(nip__count(read_queue(s.f)), 1);
    nip_op_cancel(second);
    assert_string_equal(finish(second), "NIP_E_CANCELLED");
    assert_int_equal(nip__count(read_queue(s.f)), 0);
    close_scene(&s);
}

static void begins_again(void **state)
{
    scene s;
    open_scene(&s, state);
    nip_op *first = begin(&s, "1.1", "refuse", "ann");
    assert_false(step(first, 25));
    nip_op_free(first);
    assert_string_equal(finish(begin(&s, "1.2", "restart", "bob")), "NIP_E_STATE");
    assert_string_equal(finish(begin(&s, "1.1", "restart", "bob")), "succeeded");
    assert_world(&s, "1.1 x2 100%", "begun again");
    close_scene(&s);
}

static void refuses_bad_arguments(void **state)
{
    fixture *f = *state;
    nip_op *op = NULL;
    nip_doc *doc = NULL;
    nip_drivers *drivers = NULL;
    char text[1024];
    snprintf(text, sizeof text, DOCUMENT, "1", "sometimes");
    assert_int_equal(nip_drivers_new(&drivers, NULL), 0);
    assert_int_equal(nip_doc_load_text(text, strlen(text), "test", &doc, NULL), 0);
    assert_int_equal(nip_op_rollout(f->ctx, doc, f->store, drivers, "ann", &op, NULL), NIP_E_DOCUMENT);
    assert_int_equal(nip_op_rollout(f->ctx, doc, f->store, drivers, "", &op, NULL), NIP_E_INVALID);
    assert_int_equal(nip_op_rollout(f->ctx, doc, NULL, drivers, "ann", &op, NULL), NIP_E_INVALID);
    assert_null(op);
    nip_doc_free(doc);
    nip_drivers_free(drivers);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_memory, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides),
        TEST(keeps_who_waits),
        TEST(forgets_who_waits_too_long),
        TEST(refuses),
        TEST(supersedes_what_was_left_at_every_step),
        TEST(ends_whole_when_it_dies_at_every_step),
        TEST(supersedes_what_is_driven),
        TEST(gives_way_to_what_came_later),
        TEST(gives_way_only_when_nothing_is_half_taken_back),
        TEST(ends_a_way_back_that_was_left),
        TEST(leaves_the_queue_of_a_busy_store),
        TEST(waits_its_turn),
        TEST(leaves_the_queue_when_it_is_cancelled),
        TEST(begins_again),
        TEST(refuses_bad_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
