/* A rollout document of 10 KB loaded and checked, against libyaml's own document loader on the same text; and two
 * hostile texts refused.
 *
 *     yaml           the times
 *     yaml text      the document, for yaml_peers.py
 */
#include <string.h>
#include <yaml.h>

#include "bench.h"

enum { TURNS = 300, DOCUMENT = 10240, ANCHORS = 20000, BRACKETS = 10000 };

typedef struct text {
    char *bytes;
    size_t length, size;
} text;

#define ADD(t, ...) ((t)->length += (size_t)snprintf((t)->bytes + (t)->length, (t)->size - (t)->length, __VA_ARGS__))

static text new_text(size_t size)
{
    return (text){.bytes = must(malloc(size)), .size = size};
}

/* Comments, quotes, flow and block style in the proportions of a configuration file. */
static text rollout_document(void)
{
    text t = new_text(2 * DOCUMENT);
    ADD(&t,
        "# How shop is released.\nrollout:\n  app: shop\n  artifact: \"1.4.0\"\n  replicas: 6\n  strategy: canary\n"
        "  target: {driver: local, command: [./shop, --port, \"{port}\"], ports: 9100-9199}\n"
        "  router: {driver: haproxy, socket: /run/haproxy/admin.sock, backend: shop}\n  metrics: {driver: haproxy}\n"
        "  health: {url: \"http://{endpoint}/health\", interval: 10s, timeout: 300s, successes: 2}\n"
        "  canary:\n    stages:\n");
    for (int share = 10; share <= 100; share += 10)
        ADD(&t, "      - share: %d  # percent\n        duration: %dm\n", share, 5 + share / 10);
    ADD(&t, "    guard: {interval: 30s, error_rate: {max: 1.0}}\n  settings:\n");
    for (int i = 0; t.length < DOCUMENT; i++)
        ADD(&t,
            "    service-%d:\n      url: \"https://service-%d.example.com:8443/api\"\n      timeout: %d\n      retry: "
            "true\n"
            "      tags: [blue, green, \"%d\"]\n",
            i, i, 1 + i % 30, i);
    return t;
}

static text many_anchors(void)
{
    text t = new_text(ANCHORS * 24);
    for (int i = 0; i < ANCHORS; i++)
        ADD(&t, "- &anchor%05d x\n", i);
    return t;
}

static text many_brackets(void)
{
    text t = new_text(2 * BRACKETS + 1);
    memset(t.bytes, '[', BRACKETS);
    memset(t.bytes + BRACKETS, ']', BRACKETS);
    t.length = 2 * BRACKETS;
    t.bytes[t.length] = '\0';
    return t;
}

static double load(const text *t)
{
    nip_doc *doc = NULL;
    double start = cpu_ns();
    CHECK(nip_doc_load_text(t->bytes, t->length, "rollout.yaml", &doc, &err));
    CHECK(nip_doc_check(doc, &err));
    double took = cpu_ns() - start;
    nip_doc_free(doc);
    return took;
}

static double load_bare(const text *t)
{
    yaml_parser_t parser;
    yaml_document_t document;
    double start = cpu_ns();
    if (!yaml_parser_initialize(&parser))
        exit(1);
    yaml_parser_set_input_string(&parser, (const unsigned char *)t->bytes, t->length);
    if (!yaml_parser_load(&parser, &document))
        exit(1);
    double took = cpu_ns() - start;
    yaml_document_delete(&document);
    yaml_parser_delete(&parser);
    return took;
}

static double refuse(const text *t)
{
    nip_doc *doc = NULL;
    nip_error *err = NULL;
    double start = cpu_ns();
    int rc = nip_doc_load_text(t->bytes, t->length, "hostile.yaml", &doc, &err);
    double took = cpu_ns() - start;
    if (rc >= 0) {
        fprintf(stderr, "a hostile text was taken\n");
        exit(1);
    }
    nip_error_free(err);
    return took;
}

int main(int argc, char **argv)
{
    text document = rollout_document(), anchors = many_anchors(), brackets = many_brackets();
    if (argc > 1 && strcmp(argv[1], "text") == 0) {
        fwrite(document.bytes, 1, document.length, stdout);
    } else {
        double own = 0, bare = 0;
        load(&document);
        load_bare(&document);
        for (int i = 0; i < TURNS; i++) {
            own += load(&document);
            bare += load_bare(&document);
        }
        report("yaml_us", own / TURNS / 1e3);
        report("yaml_bare_us", bare / TURNS / 1e3);
        report("yaml_bytes", (double)document.length);
        report("anchors_bytes", (double)anchors.length);
        report("anchors_ms", refuse(&anchors) / 1e6);
        report("brackets_bytes", (double)brackets.length);
        report("brackets_ms", refuse(&brackets) / 1e6);
    }
    free(document.bytes);
    free(anchors.bytes);
    free(brackets.bytes);
    return 0;
}
