/* What the tests of runs share: a run in a memory store, a world that answers its actions, and what its journal says. */
#ifndef RUN_FIXTURE_H
#define RUN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nipops.h"

#define START (INT64_C(1700000000) * NIP_SECOND)
#define UNUSED __attribute__((unused)) /* not every program needs all of it */

/* What the test's world answers to an action; NULL: nothing, the answer is lost. */
typedef const char *answer(void *world, const nip_action *action);

typedef struct fixture {
    nip_ctx *ctx;
    nip_store *store;
    nip_run *run;
    nip_time now;
    int answers;
    char last_id[64];
} fixture;

/* A macro, since an argument would be read before the call that sets it. */
#define check(call, err)                                                                                                         \
    do {                                                                                                                         \
        int check_rc = (call);                                                                                                   \
        if (check_rc < 0)                                                                                                        \
            fail_msg("%s: %s", nip_error_name(err), nip_error_message(err));                                                     \
    } while (0)

/* Another run in the same store. */
static UNUSED void begin_run(fixture *f, const char *plan_json)
{
    nip_error *err = NULL;
    nip_plan *plan = NULL;
    check(nip_plan_from_json(plan_json, strlen(plan_json), &plan, &err), err);
    check(nip_run_new(plan, f->store, f->now, &f->run, &err), err);
    nip_plan_free(plan);
}

/* Operations go by the clock, or by the real one where it is NULL; who drives a run himself says what time it is. */
static UNUSED fixture begin_by(const nip_clock *clock, const char *plan_json)
{
    fixture f = {.now = START};
    nip_error *err = NULL;
    check(nip_ctx_new(&f.ctx, &err), err);
    if (clock != NULL)
        check(nip_ctx_set_clock(f.ctx, clock, &err), err);
    check(nip_ctx_set(f.ctx, "seed", "1", &err), err);
    check(nip_store_open(f.ctx, "memory:", &f.store, &err), err);
    begin_run(&f, plan_json);
    return f;
}

static UNUSED fixture begin(const char *plan_json)
{
    return begin_by(NULL, plan_json);
}

static UNUSED void end(fixture *f)
{
    nip_run_free(f->run);
    nip_store_free(f->store);
    nip_ctx_free(f->ctx);
}

/* Drives until the run is over, until nothing but time or a request would help and `stop_at` has come, or 1,000 turns. */
static UNUSED int drive(fixture *f, answer *say, void *world, nip_time stop_at)
{
    for (int turn = 0; turn < 1000; turn++) {
        const nip_action *action = NULL;
        nip_time until = 0;
        nip_error *err = NULL;
        int rc = nip_run_next(f->run, f->now, &action, &until, &err);
        check(rc, err);
        if (rc == NIP_RUN_DONE)
            return rc;
        if (rc == NIP_RUN_WAIT) {
            if (until > stop_at)
                return rc;
            f->now = until > f->now ? until : f->now;
            continue;
        }
        snprintf(f->last_id, sizeof f->last_id, "%s", nip_action_id(action));
        const char *outcome = say(world, action);
        if (outcome == NULL)
            continue;
        f->answers++;
        check(nip_run_complete(f->run, f->now, f->last_id, outcome, &err), err);
    }
    fail_msg("the run does not end: %s", nip_run_state(f->run));
    return -1;
}

static UNUSED char *journal(fixture *f)
{
    char *json = NULL;
    nip_error *err = NULL;
    check(nip_journal_read(f->store, nip_run_subject(f->run), 0, 10000, &json, &err), err);
    return json;
}

static UNUSED int count(const char *text, const char *part)
{
    int n = 0;
    while ((text = strstr(text, part)) != NULL) {
        n++;
        text++;
    }
    return n;
}

static UNUSED void assert_records(fixture *f, const char *part, int wanted)
{
    char *json = journal(f);
    int found = count(json, part);
    if (found != wanted)
        fail_msg("%s: %d times, wanted %d, in\n%s", part, found, wanted, json);
    nip_free(json);
}

/* The state that the journal gives equals the live one. */
static UNUSED void assert_replays(fixture *f)
{
    char *live = NULL, *replayed = NULL;
    nip_run *again = NULL;
    nip_error *err = NULL;
    check(nip_run_status(f->run, f->now, &live, &err), err);
    check(nip_run_open(f->store, nip_run_id(f->run), &again, &err), err);
    check(nip_run_status(again, f->now, &replayed, &err), err);
    assert_string_equal(live, replayed);
    nip_free(live);
    nip_free(replayed);
    nip_run_free(again);
}

static UNUSED void crash_and_resume(fixture *f, nip_duration later)
{
    char id[128];
    nip_error *err = NULL;
    snprintf(id, sizeof id, "%s", nip_run_id(f->run));
    nip_run_free(f->run);
    f->run = NULL;
    f->now += later;
    check(nip_run_resume(f->store, id, f->now, &f->run, &err), err);
}

static UNUSED void request(fixture *f, const char *kind)
{
    nip_error *err = NULL;
    char *json = NULL;
    check(nip_run_request(f->store, nip_run_id(f->run), kind, "ann", "because", f->now, &json, &err), err);
    assert_non_null(strstr(json, "\"driven\":true"));
    nip_free(json);
    assert_int_equal(nip_run_poll(f->run, &err), 1);
}

#define DONE "{\"outcome\":\"done\",\"result\":{}}"
#define PLAN(steps, back, more) \
    "{\"v\":1,\"kind\":\"plan\",\"subject\":\"shop\",\"title\":\"test\",\"seed\":7,\"steps\":[" steps "],\"back\":[" back "]" more "}"
#define WRITE(id, more) \
    "{\"id\":\"" id "\",\"title\":\"" id "\",\"actions\":[{\"role\":\"target\",\"verb\":\"instances\",\"args\":{}}]" more "}"

static UNUSED const char *always_done(void *world, const nip_action *action)
{
    (void)world, (void)action;
    return DONE;
}

typedef struct script {
    int calls, settles;
    const char *outcomes[8]; /* in order; the last one repeats; "lost" loses the answer */
    const char *settled;
} script;

static UNUSED const char *scripted(void *world, const nip_action *action)
{
    script *s = world;
    if (nip_action_settles(action)) {
        s->settles++;
        return s->settled;
    }
    int i = s->calls++;
    while (i > 0 && (i >= 8 || s->outcomes[i] == NULL))
        i--;
    return strcmp(s->outcomes[i], "lost") == 0 ? NULL : s->outcomes[i];
}

#define FAILED(reason, retryable) "{\"outcome\":\"failed\",\"reason\":\"" reason "\",\"message\":\"m\",\"retryable\":" retryable "}"

#define LOOK "\"observe\":[{\"role\":\"check\",\"verb\":\"http\",\"args\":{}}],\"that\":[{\"at\":\"/healthy\",\"op\":\">=\",\"value\":2}]"

typedef struct health_world {
    int looks, good_after, fatal_at;
    nip_time *now, last_look;
} health_world;

static UNUSED const char *health(void *world, const nip_action *action)
{
    health_world *w = world;
    if (strcmp(nip_action_verb(action), "http") != 0)
        return DONE;
    w->looks++;
    w->last_look = *w->now;
    if (w->fatal_at == w->looks)
        return "{\"outcome\":\"done\",\"result\":{\"healthy\":0,\"exited\":1}}";
    return w->looks > w->good_after ? "{\"outcome\":\"done\",\"result\":{\"healthy\":2}}"
                                    : "{\"outcome\":\"done\",\"result\":{\"healthy\":1,\"first_failure\":\"127.0.0.1:1 refused\"}}";
}

#endif
