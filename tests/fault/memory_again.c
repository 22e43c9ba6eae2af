/* Objects that are used again after the k-th allocation failed, once, or that one and all later ones: an
 * observation, and a run that a host drives by hand. */
#include "world.h"
#include "failing_malloc.h"

/* ---- an observation that goes on ---- */

static bool observe_again(world *w, const nip_doc *doc, long k, int all_later, long *again)
{
    nip_op *op = NULL;
    nip_error *error = NULL;
    must(nip_op_observe(w->ctx, doc, NULL, w->drivers, &op, &err));
    fail_allocation(k, all_later);
    int rc = nip_op_run(op, &error);
    bool reached = allocations_seen() >= k;
    fail_allocation(0, 0);
    if (rc == NIP_E_NOMEM) {
        error = NULL; /* static */
        rc = nip_op_run(op, &error);
        *again += rc == 0;
    }
    if (rc < 0)
        assert_contains(nip_error_message(error), "no_memory"); /* a driver had none to answer with */
    nip_error_free(error);
    nip_op_free(op);
    return reached;
}

static void an_observation_goes_on(void **state)
{
    (void)state;
    world w;
    long again = 0;
    world_open(&w, NULL);
    nip_doc *doc = world_document(&strategies[CANARY], NEW);
    for (int all_later = 0; all_later <= 1; all_later++) {
        for (long k = 1; observe_again(&w, doc, k, all_later, &again); k++) {
        }
    }
    assert_true(again > 0);
    nip_doc_free(doc);
    world_close(&w);
}

/* ---- by hand ---- */

static const char two_steps[] =
    "{\"v\":1,\"kind\":\"plan\",\"subject\":\"shop\",\"title\":\"t\",\"steps\":["
    "{\"id\":\"one\",\"title\":\"one\",\"back\":0,\"actions\":[{\"role\":\"target\",\"verb\":\"instances\","
    "\"args\":{}},{\"role\":\"target\",\"verb\":\"observe\"}]},{\"id\":\"two\",\"title\":\"two\",\"wait\":\"5s\","
    "\"actions\":[{\"role\":\"target\",\"verb\":\"instances\",\"args\":{\"a\":{\"from\":\"one\",\"at\":\"/n\"}}}]}],"
    "\"back\":[{\"id\":\"undo\",\"title\":\"undo\",\"actions\":[{\"role\":\"target\",\"verb\":\"instances\"}]}],"
    "\"release\":{\"version\":\"2\",\"n\":{\"from\":\"one\",\"at\":\"/n\"}}}";

typedef struct hand {
    nip_ctx *ctx;
    nip_store *store;
    nip_plan *plan;
    nip_run *run;
    nip_time now;
    char todo[64]; /* an action that is to be reported */
} hand;

/* One call of the host's loop. 1: the run is over. */
static int turn(hand *h, nip_error **err)
{
    const nip_action *action = NULL;
    nip_time until = 0;
    if (h->run == NULL)
        return nip_run_new(h->plan, h->store, h->now, &h->run, err);
    if (h->todo[0] != '\0') {
        int rc = nip_run_complete(h->run, h->now, h->todo, "{\"outcome\":\"done\",\"result\":{\"n\":7}}", err);
        if (rc == 0)
            h->todo[0] = '\0';
        return rc;
    }
    int rc = nip_run_next(h->run, h->now, &action, &until, err);
    if (rc == NIP_RUN_ACTION)
        snprintf(h->todo, sizeof h->todo, "%s", nip_action_id(action));
    if (rc == NIP_RUN_WAIT)
        h->now = until;
    return rc < 0 ? rc : rc == NIP_RUN_DONE;
}

/* Calls that failed for want of memory are made again. */
static bool by_hand_once(long k, int all_later, int *records)
{
    hand h = {.ctx = world_ctx(), .now = NIP_HOUR};
    int rc = 0;
    must(nip_store_open(h.ctx, "memory:", &h.store, &err));
    must(nip_plan_from_json(two_steps, sizeof two_steps - 1, &h.plan, &err));
    fail_allocation(k, all_later);
    bool reached = false;
    while (rc != 1) {
        nip_error *error = NULL;
        rc = turn(&h, &error);
        if (rc < 0) {
            reached = true;
            fail_allocation(0, 0);
        }
        assert_true(rc >= 0 || (rc == NIP_E_NOMEM && nip_error_code(error) == NIP_E_NOMEM));
        nip_error_free(error);
    }
    reached |= allocations_seen() >= k;
    fail_allocation(0, 0);
    assert_string_equal(nip_run_state(h.run), "succeeded");
    check_journal(h.store, h.run, h.now, "by hand");
    int found = count_in_journal(h.store, "\"sequence\":");
    if (*records == 0)
        *records = found;
    assert_int_equal(found, *records);
    nip_run_free(h.run);
    nip_plan_free(h.plan);
    nip_store_free(h.store);
    nip_ctx_free(h.ctx);
    return reached;
}

static void a_run_by_hand(void **state)
{
    (void)state;
    int records = 0;
    by_hand_once(1000000, 0, &records);
    for (int all_later = 0; all_later <= 1; all_later++) {
        long k = 1, before = allocations_alive();
        while (by_hand_once(k, all_later, &records))
            k++;
        assert_int_equal(allocations_alive(), before);
        print_message("driven by next and complete: %ld allocations, each fails %s; %d records each time\n", k - 1,
                      all_later ? "with all later ones" : "once", records);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_observation_goes_on),
        cmocka_unit_test(a_run_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
