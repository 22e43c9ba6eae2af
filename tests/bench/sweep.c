/* A health sweep from C, its result read by cJSON: sweep.py and go/sweep.go do the same, and have it as objects too.
 *
 *     sweep PORT TARGETS       sweeps that many targets of the server at PORT
 *     sweep text PORT TARGETS  the health document, for all three
 */
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <string.h>

#include "bench.h"

enum { TARGET = 48 };

static char *health_document(int port, int targets)
{
    size_t size = (size_t)targets * TARGET + 128, length;
    char *text = must(malloc(size));
    length = (size_t)snprintf(text, size, "{\"health\":{\"interval\":\"1s\",\"timeout\":\"60s\",\"targets\":[");
    for (int i = 0; i < targets; i++)
        length +=
            (size_t)snprintf(text + length, size - length, "%s\"http://127.0.0.1:%d/%d\"", i > 0 ? "," : "", port, i);
    snprintf(text + length, size - length, "]}}");
    return text;
}

static void sweep(const char *text, int targets)
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
    cJSON *found = must(cJSON_Parse(result));
    double took = wall_ns() - start, cpu = cpu_ns() - cpu_start;
    if (cJSON_GetNumberValue(cJSON_GetObjectItem(found, "healthy")) != targets) {
        fprintf(stderr, "not all targets are healthy: %.80s\n", result);
        exit(1);
    }
    report("sweep_c_per_second", targets / took * 1e9);
    report("sweep_c_cpu_us", cpu / targets / 1e3);
    cJSON_Delete(found);
    nip_free(result);
    nip_op_free(op);
    nip_doc_free(doc);
    nip_ctx_free(ctx);
}

int main(int argc, char **argv)
{
    bool only_text = argc > 1 && strcmp(argv[1], "text") == 0;
    if (argc < (only_text ? 4 : 3))
        return 2;
    int targets = atoi(argv[argc - 1]);
    char *text = health_document(atoi(argv[argc - 2]), targets);
    if (only_text)
        fputs(text, stdout);
    else
        sweep(text, targets);
    free(text);
    return 0;
}
