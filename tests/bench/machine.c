/* A run of many steps through the machine, its journal in memory and chained: records a second, and whether a step's
 * cost grows with the run. A step is what a rollout's step is: an action with arguments, its answer with endpoints, a
 * check on it.
 *
 *     machine STEPS
 */
#include <sodium.h>
#include <string.h>

#include "bench.h"

enum { WINDOW = 1000 };

#define START (INT64_C(1700000000) * NIP_SECOND)
#define DONE                                                                                                           \
    "{\"outcome\":\"done\",\"result\":{\"versions\":{\"1.4.0\":{\"endpoints\":[\"127.0.0.1:9100\",\"127.0.0.1:9101\"]" \
    "}},"                                                                                                              \
    "\"started\":[\"127.0.0.1:9101\"],\"stopped\":[]}}"

static const char step_form[] =
    "%s{\"id\":\"step-%d\",\"title\":\"start an instance of "
    "1.4.0\",\"actions\":[{\"role\":\"target\",\"verb\":\"instances\","
    "\"args\":{\"versions\":{\"1.4.0\":{\"replicas\":2,\"artifact\":\"shop:1.4.0\",\"settings\":{}}}}}],"
    "\"until\":{\"that\":[{\"at\":\"/versions/1.4.0/endpoints/0\",\"op\":\"!=\",\"value\":\"\"}]}}";

static nip_plan *make_plan(int steps)
{
    size_t size = (size_t)steps * (sizeof step_form + 32) + 256, length;
    char *text = must(malloc(size));
    length = (size_t)snprintf(
        text, size, "{\"v\":1,\"kind\":\"plan\",\"subject\":\"shop\",\"title\":\"bench\",\"seed\":7,\"steps\":[");
    for (int i = 0; i < steps; i++)
        length += (size_t)snprintf(text + length, size - length, step_form, i > 0 ? "," : "", i);
    length += (size_t)snprintf(text + length, size - length, "],\"back\":[]}");
    nip_plan *plan = NULL;
    CHECK(nip_plan_from_json(text, length, &plan, &err));
    free(text);
    return plan;
}

/* Drives the run to its end; `at[i]` is when the i-th answer was given. */
static int drive(nip_run *run, double *at)
{
    char id[64];
    for (int answers = 0;;) {
        const nip_action *action = NULL;
        nip_time until = 0;
        int rc = 0;
        CHECK(rc = nip_run_next(run, START, &action, &until, &err));
        if (rc != NIP_RUN_ACTION)
            return answers;
        snprintf(id, sizeof id, "%s", nip_action_id(action));
        CHECK(nip_run_complete(run, START, id, DONE, &err));
        at[answers++] = cpu_ns();
    }
}

/* The peer: what no chain can do without, a SHA-256 of each record's payload and one of the record. */
static double bare_chain(int records, size_t payload_length)
{
    unsigned char payload[1024] = {0}, record[160] = {0};
    double start = cpu_ns();
    for (int i = 0; i < records; i++) {
        crypto_hash_sha256(record, payload, payload_length);
        crypto_hash_sha256(record + 32, record, sizeof record);
    }
    return cpu_ns() - start;
}

static size_t mean_payload(nip_store *store)
{
    char *json = NULL;
    CHECK(nip_journal_read(store, "shop", 2, WINDOW, &json, &err));
    size_t length = strlen(json) / WINDOW;
    nip_free(json);
    return length - 150; /* what nip_journal_read writes around a payload */
}

int main(int argc, char **argv)
{
    int steps = argc > 1 ? atoi(argv[1]) : 10000;
    double *at = must(calloc((size_t)steps + 1, sizeof *at));
    nip_ctx *ctx = NULL;
    nip_store *store = NULL;
    nip_run *run = NULL;
    nip_plan *plan = make_plan(steps);
    CHECK(nip_ctx_new(&ctx, &err));
    CHECK(nip_store_open(ctx, "memory:", &store, &err));
    CHECK(nip_run_new(plan, store, START, &run, &err));
    double start = cpu_ns();
    int answers = drive(run, at);
    double took = cpu_ns() - start;
    if (answers != steps || strcmp(nip_run_state(run), "succeeded") != 0) {
        fprintf(stderr, "%d of %d steps: %s\n", answers, steps, nip_run_state(run));
        return 1;
    }
    int records = (int)nip_run_sequence(run) - 1;
    int window = steps < 2 * WINDOW ? steps / 2 : WINDOW;
    report("records", records);
    report("records_per_second", records / took * 1e9);
    report("bare_chain_per_second", records / bare_chain(records, mean_payload(store)) * 1e9);
    report("step_ns", took / steps);
    report("step_first_ns", (at[window - 1] - start) / window);
    report("step_last_ns", (at[steps - 1] - at[steps - 1 - window]) / window);
    nip_run_free(run);
    nip_plan_free(plan);
    nip_store_free(store);
    nip_ctx_free(ctx);
    free(at);
    return 0;
}
