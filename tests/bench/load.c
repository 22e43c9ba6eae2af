/* What it costs to load the library, and when libcurl is initialized.
 *
 *     load nipops PATH       dlopen and a first call
 *     load peers NAME...     dlopen of the libraries that it needs
 *     load curl PATH         counts curl_global_init: before any HTTP, and after a first request
 *
 * A process each: what is loaded already costs nothing. */
#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/* Not CHECK: its messages are the library's, and the program must not need it. */
#define MUST(call)                                                                                                     \
    do {                                                                                                               \
        if ((call) < 0) {                                                                                              \
            fprintf(stderr, "%s failed\n", #call);                                                                     \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static int curl_inits;

/* Found before libcurl's own, since a program's symbols come first. */
__attribute__((visibility("default"))) int curl_global_init(long flags);
int curl_global_init(long flags)
{
    int (*real)(long);
    void *found = dlsym(dlopen("libcurl.so.4", RTLD_NOW), "curl_global_init");
    memcpy(&real, &found, sizeof real);
    curl_inits++;
    return real(flags);
}

static void *open_library(const char *name)
{
    void *library = dlopen(name, RTLD_NOW);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    return library;
}

/* `function` is a pointer to a pointer to a function. */
static void find(void *library, const char *name, void *function)
{
    void *found = must(dlsym(library, name));
    memcpy(function, &found, sizeof found);
}

static double resident_mb(void)
{
    long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%ld %ld", &size, &resident) != 2)
        exit(1);
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static void load_nipops(const char *path)
{
    int (*ctx_new)(nip_ctx **, nip_error **);
    nip_ctx *ctx = NULL;
    double start = cpu_ns();
    void *library = open_library(path);
    find(library, "nip_ctx_new", &ctx_new);
    MUST(ctx_new(&ctx, NULL));
    report("load_ms", (cpu_ns() - start) / 1e6);
    report("load_rss_mb", resident_mb());
}

static void load_peers(char **names)
{
    double start = cpu_ns();
    for (; *names != NULL; names++)
        open_library(*names);
    report("load_peers_ms", (cpu_ns() - start) / 1e6);
    report("load_peers_rss_mb", resident_mb());
}

static void count_inits(const char *path)
{
    static const char text[] = "health: {targets: ['http://127.0.0.1:1/health'], timeout: 200ms, interval: 100ms}";
    int (*ctx_new)(nip_ctx **, nip_error **);
    int (*store_open)(nip_ctx *, const char *, nip_store **, nip_error **);
    int (*doc_load_text)(const char *, size_t, const char *, nip_doc **, nip_error **);
    int (*doc_check)(const nip_doc *, nip_error **);
    int (*health_check)(nip_ctx *, const nip_doc *, nip_op **, nip_error **);
    int (*op_run)(nip_op *, nip_error **);
    nip_ctx *ctx = NULL;
    nip_store *store = NULL;
    nip_doc *doc = NULL;
    nip_op *op = NULL;
    void *library = open_library(path);
    find(library, "nip_ctx_new", &ctx_new);
    find(library, "nip_store_open", &store_open);
    find(library, "nip_doc_load_text", &doc_load_text);
    find(library, "nip_doc_check", &doc_check);
    find(library, "nip_health_check", &health_check);
    find(library, "nip_op_run", &op_run);
    MUST(ctx_new(&ctx, NULL));
    MUST(store_open(ctx, "memory:", &store, NULL));
    MUST(doc_load_text(text, strlen(text), NULL, &doc, NULL));
    MUST(doc_check(doc, NULL));
    report("curl_inits_before", curl_inits);
    MUST(health_check(ctx, doc, &op, NULL));
    op_run(op, NULL); /* nobody answers there; that is no matter */
    report("curl_inits_after", curl_inits);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    if (strcmp(argv[1], "nipops") == 0)
        load_nipops(argv[2]);
    else if (strcmp(argv[1], "peers") == 0)
        load_peers(argv + 2);
    else
        count_inits(argv[2]);
    return 0;
}
