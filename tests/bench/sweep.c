/* A health sweep from C, its result read by cJSON: sweep.py and go/sweep.go do the same, and have it as objects too.
 *
 *     sweep KIND PORT TARGETS [HOSTS [ROUNDS [MORE [DEAD]]]]       sweeps that many targets of the server at PORT
 *     sweep text KIND PORT TARGETS [HOSTS [ROUNDS [MORE [DEAD]]]]  the health document, for all three
 *
 * KIND: keep, new (a connection each), tls, tls-new. Hosts are 127.1.x.y when there is more than one. Each target must
 * answer ROUNDS times. MORE are keys of the document. With DEAD, "EVERY:PORT", every so manieth target is there instead,
 * where nobody answers; then it ends when each has been tried once. The time includes everything from the parsed
 * document on; with cJSON's reading of the result in what is called `c`, without it in what is called `own`.
 */
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>

#include "bench.h"

enum { TARGET = 64 };

typedef struct sweep_spec {
    const char *kind, *more;
    int port, targets, hosts, rounds;
    int dead_every, dead_port; /* 0: none */
} sweep_spec;

static void put_host(char *text, size_t size, const sweep_spec *spec, int index)
{
    int host = index % spec->hosts;
    if (spec->hosts == 1)
        snprintf(text, size, "127.0.0.1");
    else
        snprintf(text, size, "127.1.%d.%d", host / 250, host % 250 + 1);
}

static bool is_dead(const sweep_spec *spec, int index)
{
    return spec->dead_every > 0 && index % spec->dead_every == spec->dead_every - 1;
}

static char *health_document(const sweep_spec *spec)
{
    size_t size = (size_t)spec->targets * TARGET + 1024, length;
    char *text = must(malloc(size)), host[32];
    bool tls = strncmp(spec->kind, "tls", 3) == 0, fresh = strstr(spec->kind, "new") != NULL;
    length = (size_t)snprintf(text, size,
                              "{\"health\":{\"interval\":\"%s\",\"timeout\":\"120s\",\"keepalive\":%s,\"successes\":%d,"
                              "\"expect\":{\"json\":{\"/status\":\"healthy\"}}%s,\"targets\":[",
                              spec->dead_every > 0 ? "1h" : "1ms", fresh ? "false" : "true", spec->rounds, spec->more);
    for (int i = 0; i < spec->targets; i++) {
        put_host(host, sizeof host, spec, i);
        length += (size_t)snprintf(text + length, size - length, "%s\"http%s://%s:%d/%d\"", i > 0 ? "," : "",
                                   tls ? "s" : "", host, is_dead(spec, i) ? spec->dead_port : spec->port, i);
    }
    snprintf(text + length, size - length, "]}}");
    return text;
}

/* The number after `"key":` in the status. */
static double status_of(nip_op *op, const char *key)
{
    char *json = NULL;
    CHECK(nip_op_status(op, &json, &err));
    cJSON *status = must(cJSON_Parse(json));
    double number = cJSON_GetNumberValue(cJSON_GetObjectItem(status, key));
    cJSON_Delete(status);
    nip_free(json);
    return number;
}

static double resident_mb(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)used.ru_maxrss / 1000;
}

/* Until each has been tried once. Who does not answer is tried no more: the interval is long. */
static void sweep_once(const char *text, const sweep_spec *spec)
{
    nip_ctx *ctx = NULL;
    nip_doc *doc = NULL;
    nip_op *op = NULL;
    CHECK(nip_ctx_new(&ctx, &err));
    CHECK(nip_doc_load_text(text, strlen(text), NULL, &doc, &err));
    double start = wall_ns(), cpu_start = cpu_ns();
    CHECK(nip_health_check(ctx, doc, &op, &err));
    do
        CHECK(nip_op_wait(op, NIP_MILLISECOND, &err));
    while (status_of(op, "tries") < spec->targets);
    report("sweep_once_ms", (wall_ns() - start) / 1e6);
    report("sweep_once_cpu_us", (cpu_ns() - cpu_start) / spec->targets / 1e3);
    report("sweep_once_rss_mb", resident_mb());
    nip_op_free(op);
    nip_doc_free(doc);
    nip_ctx_free(ctx);
}

static void sweep(const char *text, const sweep_spec *spec)
{
    nip_ctx *ctx = NULL;
    nip_doc *doc = NULL;
    nip_op *op = NULL;
    char *result = NULL;
    CHECK(nip_ctx_new(&ctx, &err));
    CHECK(nip_doc_load_text(text, strlen(text), NULL, &doc, &err));
    double start = wall_ns(), cpu_start = cpu_ns();
    CHECK(nip_health_check(ctx, doc, &op, &err));
    CHECK(nip_op_run(op, &err));
    CHECK(nip_op_result(op, &result, &err));
    double own = wall_ns() - start, own_cpu = cpu_ns() - cpu_start;
    cJSON *found = must(cJSON_Parse(result));
    double took = wall_ns() - start, cpu = cpu_ns() - cpu_start, checks = (double)spec->targets * spec->rounds;
    if (cJSON_GetNumberValue(cJSON_GetObjectItem(found, "healthy")) != spec->targets) {
        fprintf(stderr, "not all targets are healthy: %.400s\n", result);
        exit(1);
    }
    report("sweep_own_per_second", checks / own * 1e9);
    report("sweep_own_cpu_us", own_cpu / checks / 1e3);
    report("sweep_c_per_second", checks / took * 1e9);
    report("sweep_c_cpu_us", cpu / checks / 1e3);
    report("sweep_c_rss_mb", resident_mb());
    cJSON_Delete(found);
    nip_free(result);
    nip_op_free(op);
    nip_doc_free(doc);
    nip_ctx_free(ctx);
}

int main(int argc, char **argv)
{
    bool only_text = argc > 1 && strcmp(argv[1], "text") == 0;
    argc -= only_text;
    argv += only_text;
    if (argc < 4)
        return 2;
    sweep_spec spec = {
        .kind = argv[1],
        .port = atoi(argv[2]),
        .targets = atoi(argv[3]),
        .hosts = argc > 4 ? atoi(argv[4]) : 1,
        .rounds = argc > 5 ? atoi(argv[5]) : 1,
        .more = argc > 6 ? argv[6] : "",
    };
    if (argc > 7 && sscanf(argv[7], "%d:%d", &spec.dead_every, &spec.dead_port) != 2)
        return 2;
    char *text = health_document(&spec);
    if (only_text)
        fputs(text, stdout);
    else if (spec.dead_every > 0)
        sweep_once(text, &spec);
    else
        sweep(text, &spec);
    free(text);
    return 0;
}
