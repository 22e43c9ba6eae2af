/* Windows of a Prometheus at once and in pieces (tests/live/collect.py starts it): equal bytes, and the sums that its samples were made with.
 *
 * usage: collect-windows URL EXPECTED WINDOWS
 *        collect-windows URL scraped BEGIN END    seconds since the epoch: one JSON line of what counters of an app came to (tests/live/scraped.py) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "nipops/doc.h"
#include "op/collect.h"
#include "sla/page.h"

enum { MINUTE = 60000, PIECES = 12 };

static const char document[] = "sla:\n"
                               "  name: live\n"
                               "  metrics: {driver: prometheus, url: \"URL\"}\n"
                               "  indicators:\n"
                               "    clean: {events: {bad: 'clean{side=\"bad\"}', total: 'clean{side=\"total\"} # of either'}}\n"
                               "    latency: {latency: {histogram: messy_bucket, limit: 500ms}}\n"
                               "    messy: {events: {good: 'messy{side=\"good\"}', total: 'messy{side=\"total\"}'}}\n"
                               "    up: {time: {query: messy_up}}\n"
                               "  objectives:\n"
                               "    clean: {error_rate: clean, target: 1}\n"
                               "    latency: {latency: latency, target: 95}\n"
                               "    messy: {error_rate: messy, target: 1}\n"
                               "    up: {availability: up, target: 99}\n";

static const char scraped[] = "sla:\n"
                              "  name: live\n"
                              "  metrics: {driver: prometheus, url: \"URL\"}\n"
                              "  indicators:\n"
                              "    clean: {events: {bad: app_bad_total, total: app_total}, slice: 1s, max_gap: 2s}\n"
                              "    up: {time: {query: 'up{job=\"app\"}'}, slice: 1s, max_gap: 2s}\n"
                              "  objectives:\n"
                              "    clean: {error_rate: clean, target: 1}\n"
                              "    up: {availability: up, target: 99}\n";

static struct {
    long long total, bad;
} *expected;
static long long first, count; /* slices */

static nip_ctx *ctx;
static nip__contract *contract;

static void must(int rc, const char *what)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "%s: %s\n", what, nip_code_name(rc));
    exit(1);
}

static void read_expected(const char *path)
{
    FILE *file = fopen(path, "r");
    long long index, total, bad;
    must(file != NULL ? 0 : -1, path);
    while (fscanf(file, "%lld %lld %lld", &index, &total, &bad) == 3) {
        if (count == 0)
            first = index;
        expected = realloc(expected, (size_t)(count + 1) * sizeof *expected);
        expected[count].total = total;
        expected[count++].bad = bad;
    }
    fclose(file);
}

/* Collects [begin, end) into `into`; how many slices are known. */
static long long collect(long long begin, long long end, nip__state *into, char **told)
{
    nip_op *op = NULL;
    char *json = NULL;
    must(nip__collect_new(ctx, NULL, contract, begin * MINUTE, end * MINUTE, NULL, &op, NULL), "collecting");
    must(nip_op_run(op, NULL), "collecting");
    must(nip_op_result(op, &json, NULL), "the result");
    must(nip__state_merge(into, nip__collect_state(op), NULL), "merging");
    const char *known = strstr(json, "\"known\":");
    long long slices = known != NULL ? atoll(known + 8) : -1;
    nip_op_free(op);
    if (told != NULL)
        *told = json;
    else
        nip_free(json);
    return slices;
}

static char *bytes_of(const nip__state *state)
{
    nip__buffer out = NIP__BUFFER((size_t)1 << 30);
    must(nip__state_write(state, &out, NULL), "writing");
    return nip__buffer_take(&out);
}

static void load_contract(const char *document_text, const char *url)
{
    const char *hole = strstr(document_text, "URL");
    nip__buffer text = NIP__BUFFER(4096);
    nip_doc *doc = NULL;
    nip__buffer_put(&text, document_text, (size_t)(hole - document_text));
    nip__buffer_text(&text, url);
    nip__buffer_text(&text, hole + 3);
    must(nip_doc_load_text(text.data, text.length, "live.yaml", &doc, NULL), "the document");
    nip__buffer_clear(&text);
    must(nip__contract_load(doc, &contract, NULL), "the contract");
    nip_doc_free(doc);
}

static int sums_are_right(const nip__state *state, long long begin, long long end)
{
    nip__track_key key;
    must(nip__track_key_make(nip__contract_indicator(contract, "clean")->definition, "", NIP__TRACK_EVENTS, MINUTE, &key, NULL), "key");
    const nip__track *track = nip__state_track(state, &key);
    if (track == NULL || track->count != (size_t)(end - begin)) {
        printf("[%lld, %lld): %zu slices are known\n", begin, end, track != NULL ? track->count : 0);
        return 0;
    }
    for (size_t i = 0; i < track->count; i++) {
        const nip__slice *slice = &track->items[i];
        if (slice->bad == expected[slice->index - first].bad && slice->good + slice->bad == expected[slice->index - first].total)
            continue;
        printf("slice %lld: %lld good, %lld bad; there were %lld, %lld of them bad\n", (long long)slice->index, (long long)slice->good,
               (long long)slice->bad, expected[slice->index - first].total, expected[slice->index - first].bad);
        return 0;
    }
    return 1;
}

/* The pieces of a window in any order, some of them overlapping others. */
static void collect_pieces(nip__random *random, long long begin, long long end, nip__state *into)
{
    long long cuts[PIECES + 1];
    size_t pieces = 1 + nip__random_below(random, PIECES), order[PIECES];
    for (size_t i = 0; i <= pieces; i++)
        cuts[i] = begin + (end - begin) * (long long)i / (long long)pieces;
    for (size_t i = 0; i < pieces; i++) {
        size_t at = nip__random_below(random, i + 1);
        order[i] = order[at];
        order[at] = i;
    }
    for (size_t i = 0; i < pieces; i++) {
        long long from = cuts[order[i]] - (long long)nip__random_below(random, 30), to = cuts[order[i] + 1];
        from = from > begin ? from : begin;
        if (from < to)
            collect(from, to, into, NULL);
    }
}

static int window_is_right(nip__random *random, long long begin, long long end)
{
    nip__state *whole = NULL, *pieces = NULL;
    must(nip__state_new(&whole, NULL), "state");
    must(nip__state_new(&pieces, NULL), "state");
    collect(begin, end, whole, NULL);
    collect_pieces(random, begin, end, pieces);
    char *a = bytes_of(whole), *b = bytes_of(pieces);
    int good = sums_are_right(whole, begin, end);
    if (strcmp(a, b) != 0) {
        printf("[%lld, %lld): the pieces are not the whole\n%.2000s\n%.2000s\n", begin, end, a, b);
        good = 0;
    }
    nip_free(a);
    nip_free(b);
    nip__state_free(whole);
    nip__state_free(pieces);
    return good;
}

static int everything_is_right(void)
{
    nip__state *whole = NULL;
    char *json = NULL;
    must(nip__state_new(&whole, NULL), "state");
    nip_time began = nip__system_monotonic();
    collect(first, first + count, whole, &json);
    nip_duration took = nip__system_monotonic() - began;
    printf("%lld slices at once in %.2f s: %.1500s\n", count, (double)took / (double)NIP_SECOND, json);
    int good = sums_are_right(whole, first, first + count);
    nip_free(json);
    nip__state_free(whole);
    return good;
}

/* What the app's counters and its `up` came to. */
static int show_scraped(const char *url, long long begin, long long end)
{
    nip_op *op = NULL;
    char *json = NULL;
    long long sums[2][3] = {{0}};
    load_contract(scraped, url);
    must(nip_ctx_new(&ctx, NULL), "context");
    must(nip__collect_new(ctx, NULL, contract, begin * 1000, end * 1000, NULL, &op, NULL), "collecting");
    must(nip_op_run(op, NULL), "collecting");
    must(nip_op_result(op, &json, NULL), "the result");
    const nip__state *state = nip__collect_state(op);
    for (size_t i = 0; i < state->count; i++) {
        for (size_t s = 0; s < state->tracks[i].count; s++) {
            const nip__slice *slice = &state->tracks[i].items[s];
            long long *sum = sums[state->tracks[i].key.kind == NIP__TRACK_TIME];
            sum[0] += slice->good;
            sum[1] += slice->bad;
            sum[2] += slice->unsure;
        }
    }
    printf("{\"good\":%lld,\"bad\":%lld,\"up_ms\":%lld,\"down_ms\":%lld,\"result\":%s}\n", sums[0][0], sums[0][1], sums[1][0], sums[1][1], json);
    nip_free(json);
    nip_op_free(op);
    nip_ctx_free(ctx);
    nip__contract_free(contract);
    return 0;
}

int main(int argc, char **argv)
{
    nip__random random;
    if (argc == 5 && strcmp(argv[2], "scraped") == 0)
        return show_scraped(argv[1], atoll(argv[3]), atoll(argv[4]));
    if (argc != 4)
        return 2;
    nip__random_seed(&random, 7);
    read_expected(argv[2]);
    load_contract(document, argv[1]);
    must(nip_ctx_new(&ctx, NULL), "context");
    int windows = atoi(argv[3]), good = everything_is_right();
    for (int i = 0; good && i < windows; i++) {
        long long length = 1 + (long long)nip__random_below(&random, nip__random_below(&random, 10) == 0 ? 4000 : 500);
        long long begin = first + (long long)nip__random_below(&random, (uint64_t)(count - length));
        good = window_is_right(&random, begin, begin + length);
    }
    printf("%d windows: %s\n", windows, good ? "each the same at once and in pieces" : "FAILED");
    free(expected);
    nip_ctx_free(ctx);
    nip__contract_free(contract);
    return !good;
}
