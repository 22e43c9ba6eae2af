/* A health sweep from C, its result read by cJSON: sweep.py and go/sweep.go do the same, and have it as objects too.
 *
 *     sweep KIND PORT TARGETS [HOSTS [ROUNDS [MORE]]]       sweeps that many targets of the server at PORT
 *     sweep text KIND PORT TARGETS [HOSTS [ROUNDS [MORE]]]  the health document, for all three
 *
 * KIND: keep, new (a connection each), tls, tls-new. Hosts are 127.1.x.y when there is more than one. Each target must
 * answer ROUNDS times. MORE are lines of the document. The time includes everything from the parsed document on.
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
} sweep_spec;

static void put_host(char *text, size_t size, const sweep_spec *spec, int index)
{
    int host = index % spec->hosts;
    if (spec->hosts == 1)
        snprintf(text, size, "127.0.0.1");
    else
        snprintf(text, size, "127.1.%d.%d", host / 250, host % 250 + 1);
}

static char *health_document(const sweep_spec *spec)
{
    size_t size = (size_t)spec->targets * TARGET + 1024, length;
    char *text = must(malloc(size)), host[32];
    bool tls = strncmp(spec->kind, "tls", 3) == 0, fresh = strstr(spec->kind, "new") != NULL;
    length =
        (size_t)snprintf(text, size,
                         "{\"health\":{\"interval\":\"1ms\",\"timeout\":\"120s\",\"keepalive\":%s,\"successes\":%d,"
                         "\"expect\":{\"json\":{\"/status\":\"healthy\"}}%s,\"targets\":[",
                         fresh ? "false" : "true", spec->rounds, spec->more);
    for (int i = 0; i < spec->targets; i++) {
        put_host(host, sizeof host, spec, i);
        length += (size_t)snprintf(text + length, size - length, "%s\"http%s://%s:%d/%d\"", i > 0 ? "," : "",
                                   tls ? "s" : "", host, spec->port, i);
    }
    snprintf(text + length, size - length, "]}}");
    return text;
}

static void sweep(const char *text, const sweep_spec *spec)
{
    nip_ctx *ctx = NULL;
    nip_doc *doc = NULL;
    nip_op *op = NULL;
    char *result = NULL;
    struct rusage used;
    CHECK(nip_ctx_new(&ctx, &err));
    CHECK(nip_doc_load_text(text, strlen(text), NULL, &doc, &err));
    double start = wall_ns(), cpu_start = cpu_ns();
    CHECK(nip_health_check(ctx, doc, &op, &err));
    CHECK(nip_op_run(op, &err));
    CHECK(nip_op_result(op, &result, &err));
    cJSON *found = must(cJSON_Parse(result));
    double took = wall_ns() - start, cpu = cpu_ns() - cpu_start, checks = (double)spec->targets * spec->rounds;
    if (cJSON_GetNumberValue(cJSON_GetObjectItem(found, "healthy")) != spec->targets) {
        fprintf(stderr, "not all targets are healthy: %.400s\n", result);
        exit(1);
    }
    getrusage(RUSAGE_SELF, &used);
    report("sweep_c_per_second", checks / took * 1e9);
    report("sweep_c_cpu_us", cpu / checks / 1e3);
    report("sweep_c_rss_mb", (double)used.ru_maxrss / 1000);
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
    const sweep_spec spec = {
        .kind = argv[1],
        .port = atoi(argv[2]),
        .targets = atoi(argv[3]),
        .hosts = argc > 4 ? atoi(argv[4]) : 1,
        .rounds = argc > 5 ? atoi(argv[5]) : 1,
        .more = argc > 6 ? argv[6] : "",
    };
    char *text = health_document(&spec);
    if (only_text)
        fputs(text, stdout);
    else
        sweep(text, &spec);
    free(text);
    return 0;
}
