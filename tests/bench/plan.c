/* A canary planned: from the document, the release record and the observed state, all as text, to the plan. The peer
 * reads the same observed state and record by cJSON, and does nothing more.
 *
 *     plan nipops INSTANCES
 *     plan cjson INSTANCES
 */
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <string.h>

#include "bench.h"

enum { TURNS = 9 };

typedef struct text {
    char *bytes;
    size_t length, size;
} text;

#define ADD(t, ...) ((t)->length += (size_t)snprintf((t)->bytes + (t)->length, (t)->size - (t)->length, __VA_ARGS__))

static const char document[] =
    "rollout:\n  app: shop\n  artifact: \"1.4.0\"\n  replicas: %d\n  strategy: canary\n"
    "  target: {driver: local, command: [./shop, --port, \"{port}\"], ports: 10000-59999}\n"
    "  router: {driver: haproxy, socket: /run/haproxy/admin.sock, backend: shop}\n"
    "  metrics: {driver: haproxy}\n"
    "  health: {url: \"http://{endpoint}/health\", interval: 10s, timeout: 300s, successes: 2}\n"
    "  canary:\n    stages: [{share: 10, duration: 30m}, {share: 25, duration: 15m}, {share: 50, duration: 15m}, "
    "{share: 100, duration: 15m}]\n"
    "    guard: {interval: 30s, error_rate: {max: 1.0}}\n";

static text new_text(int instances)
{
    size_t size = (size_t)instances * 512 + 8192;
    return (text){.bytes = must(malloc(size)), .size = size};
}

static void add_endpoints(text *t, int instances)
{
    ADD(t, "[");
    for (int i = 0; i < instances; i++)
        ADD(t, "%s\"127.0.0.1:%d\"", i > 0 ? "," : "", 10000 + i);
    ADD(t, "]");
}

/* What nip_op_observe gives of the drivers local and haproxy. */
static text observed_state(int instances)
{
    text t = new_text(instances);
    ADD(&t, "{\"v\":1,\"at\":\"2026-11-23T06:00:00Z\",\"target\":{\"versions\":{\"1.3.0\":{\"endpoints\":");
    add_endpoints(&t, instances);
    ADD(&t, ",\"running\":%d,\"exited\":0}},\"instances\":[", instances);
    for (int i = 0; i < instances; i++)
        ADD(&t, "%s{\"id\":\"1.3.0-%d\",\"version\":\"1.3.0\",\"endpoint\":\"127.0.0.1:%d\",\"state\":\"running\"}",
            i > 0 ? "," : "", i + 1, 10000 + i);
    ADD(&t, "],\"ports_free\":20000},\"router\":{\"usable\":true,\"problems\":[],\"warnings\":[],\"slots\":30000,"
            "\"slots_free\":20000,"
            "\"groups_known\":false,\"endpoints\":{");
    for (int i = 0; i < instances; i++)
        ADD(&t, "%s\"127.0.0.1:%d\":{\"weight\":100,\"share\":%.6g,\"state\":\"ready\",\"sessions\":1}",
            i > 0 ? "," : "", 10000 + i, 100.0 / instances);
    ADD(&t,
        "}},\"health\":{\"healthy\":%d,\"total\":%d,\"groups\":{\"1.3.0\":{\"healthy\":%d,\"total\":%d,\"healthy_"
        "endpoints\":",
        instances, instances, instances, instances);
    add_endpoints(&t, instances);
    ADD(&t, ",\"unhealthy_endpoints\":[]}}}}");
    return t;
}

static text release_record(int instances)
{
    text t = new_text(instances);
    ADD(&t,
        "{\"v\":1,\"app\":\"shop\",\"version\":\"1.3.0\",\"artifact\":\"1.3.0\",\"replicas\":%d,\"settings\":{},"
        "\"endpoints\":",
        instances);
    add_endpoints(&t, instances);
    ADD(&t,
        ",\"shares\":{\"1.3.0\":100},\"rollout\":{\"app\":\"shop\",\"artifact\":\"1.3.0\",\"replicas\":%d,\"target\":{"
        "\"driver\":\"local\"},"
        "\"router\":{\"driver\":\"haproxy\"},\"health\":{\"url\":\"http://{endpoint}/health\"}}}",
        instances);
    return t;
}

static double plan_once(const char *source, const text *release, const text *observed)
{
    nip_doc *doc = NULL;
    nip_plan *plan = NULL;
    double start = cpu_ns();
    CHECK(nip_doc_load_text(source, strlen(source), "rollout.yaml", &doc, &err));
    CHECK(nip_rollout_plan(doc, release->bytes, observed->bytes, &plan, &err));
    double took = cpu_ns() - start;
    nip_plan_free(plan);
    nip_doc_free(doc);
    return took;
}

static double parse_once(const text *release, const text *observed)
{
    double start = cpu_ns();
    cJSON *state = must(cJSON_Parse(observed->bytes));
    cJSON *record = must(cJSON_Parse(release->bytes));
    double took = cpu_ns() - start;
    cJSON_Delete(state);
    cJSON_Delete(record);
    return took;
}

/* In processes of their own: what one leaves on the heap changes what the other pays for memory. */
int main(int argc, char **argv)
{
    bool peer = argc > 1 && strcmp(argv[1], "cjson") == 0;
    int instances = argc > 2 ? atoi(argv[2]) : 10000;
    text observed = observed_state(instances), release = release_record(instances);
    char source[2048];
    snprintf(source, sizeof source, document, instances);
    double first = 0, rest = 0;
    for (int turn = 0; turn < TURNS; turn++) {
        double took = peer ? parse_once(&release, &observed) : plan_once(source, &release, &observed);
        first = turn == 0 ? took : first;
        rest += turn == 0 ? 0 : took;
    }
    report(peer ? "plan_cjson_first_ms" : "plan_first_ms", first / 1e6);
    report(peer ? "plan_cjson_ms" : "plan_ms", rest / (TURNS - 1) / 1e6);
    report("plan_text_mb", (double)(observed.length + release.length) / 1e6);
    free(observed.bytes);
    free(release.bytes);
    return 0;
}
