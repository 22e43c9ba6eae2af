/* A reply of Prometheus of 50 MB, in the pieces of a transfer, to the sum of its samples. The peer holds the reply, reads it by cJSON and walks
 * through it. The bytes come from a file: neither side has them in memory before.
 *
 *     matrix write FILE
 *     matrix nipops FILE
 *     matrix cjson FILE
 */
#include <cjson/cJSON.h>
#include <string.h>
#include <sys/resource.h>

#include "analysis/matrix.h"
#include "bench.h"

enum { SERIES = 153, SAMPLES = 11000, PIECE = 16384 }; /* libcurl's pieces; as many points as query_range gives at most */

/* ---- the reply ---- */

/* Rates, latencies and counters, here and there none. */
static void write_value(FILE *file, int series, int i)
{
    if (i % 997 == 996)
        fputs(series % 2 ? "NaN" : "+Inf", file);
    else if (series % 3 == 0)
        fprintf(file, "%lld", (long long)i * 15 * (series + 7));
    else if (series % 3 == 1)
        fprintf(file, "%.17g", (i % 1009 + 1) / 977.0 * (series + 1));
    else
        fprintf(file, "%.3f", (i * 37 % 5003) / 1000.0);
}

static void write_reply(const char *path)
{
    FILE *file = must(fopen(path, "w"));
    fputs("{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[", file);
    for (int series = 0; series < SERIES; series++) {
        fprintf(file, "%s{\"metric\":{\"__name__\":\"requests_total\",\"instance\":\"10.0.0.%d:9100\",\"job\":\"api\"},\"values\":[",
                series > 0 ? "," : "", series);
        for (int i = 0; i < SAMPLES; i++) {
            fprintf(file, "%s[%d.%03d,\"", i > 0 ? "," : "", 1760000000 + i * 60, series * 7 % 1000);
            write_value(file, series, i);
            fputs("\"]", file);
        }
        fputs("]}", file);
    }
    fputs("]}}\n", file);
    if (fclose(file) != 0)
        exit(1);
}

/* ---- both readers ---- */

typedef struct total {
    double samples, sum, bytes;
} total;

static void add(total *all, double value)
{
    all->samples++;
    if (value > -1e300 && value < 1e300)
        all->sum += value;
}

static int on_series(void *data, const nip__matrix_series *series)
{
    (void)data, (void)series;
    return 0;
}

static int on_sample(void *data, int64_t t_ms, double value)
{
    (void)t_ms;
    add(data, value);
    return 0;
}

static total read_stream(FILE *file)
{
    char piece[PIECE];
    total all = {0};
    nip__matrix *matrix =
        must(nip__matrix_new(&nip__matrix_limits_default, &(nip__matrix_sink){.series = on_series, .sample = on_sample}, &all));
    for (size_t length; (length = fread(piece, 1, sizeof piece, file)) > 0; all.bytes += (double)length)
        nip__matrix_feed(matrix, piece, length);
    nip__matrix_end end;
    nip__matrix_finish(matrix, &end);
    if (end.problem != NULL) {
        fprintf(stderr, "%s\n", end.problem);
        exit(1);
    }
    nip__matrix_free(matrix);
    return all;
}

static char *hold(FILE *file, size_t *length)
{
    size_t size = PIECE;
    char *body = must(malloc(size + 1));
    for (size_t more; (more = fread(body + *length, 1, PIECE, file)) > 0;) {
        *length += more;
        if (size - *length < PIECE)
            body = must(realloc(body, (size *= 2) + 1));
    }
    body[*length] = '\0';
    return body;
}

static total read_peer(FILE *file)
{
    size_t length = 0;
    total all = {0};
    char *body = hold(file, &length);
    cJSON *root = must(cJSON_ParseWithLength(body, length));
    const cJSON *series, *sample, *result = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(root, "data"), "result");
    cJSON_ArrayForEach(series, result)
        cJSON_ArrayForEach(sample, cJSON_GetObjectItemCaseSensitive(series, "values"))
            add(&all, strtod(sample->child->next->valuestring, NULL));
    cJSON_Delete(root);
    free(body);
    all.bytes = (double)length;
    return all;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    if (strcmp(argv[1], "write") == 0) {
        write_reply(argv[2]);
        return 0;
    }
    const char *suffix = strcmp(argv[1], "cjson") == 0 ? "_cjson" : "";
    char name[64];
    FILE *file = must(fopen(argv[2], "r"));
    setvbuf(file, NULL, _IONBF, 0);
    double start = cpu_ns();
    total all = suffix[0] != '\0' ? read_peer(file) : read_stream(file);
    double took = cpu_ns() - start;
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    fclose(file);
    if (all.samples != (double)SERIES * SAMPLES)
        return 1;
    snprintf(name, sizeof name, "matrix%s_ms", suffix);
    report(name, took / 1e6);
    snprintf(name, sizeof name, "matrix%s_memory_mb", suffix);
    report(name, (double)used.ru_maxrss / 1024);
    snprintf(name, sizeof name, "matrix%s_sum", suffix);
    report(name, all.sum);
    report("matrix_mb", all.bytes / 1e6);
    return 0;
}
