/* Durable records: nip_journal_append on an SQLite store against write + fdatasync of the same bytes, and both in
 * groups of 64.
 *
 *     journal DIR          the times
 *     journal DIR COUNT    appends COUNT records and nothing else: for strace to count its flushes
 *
 * No call of the library appends a group. What one would cost is measured with the store's own parts: one transaction,
 * 64 sealed records. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "store/backend.h"

enum { PAYLOAD = 512, GROUP = 64, SINGLES = 1200, TURN = 20, GROUPS = 20 };

#define AT (INT64_C(1700000000) * NIP_SECOND)

static char payload[PAYLOAD + 1];

static void make_payload(void)
{
    static const char head[] = "{\"text\":\"", tail[] = "\"}";
    memset(payload, 'x', PAYLOAD);
    memcpy(payload, head, sizeof head - 1);
    memcpy(payload + PAYLOAD - (sizeof tail - 1), tail, sizeof tail);
}

static nip_store *open_store(nip_ctx *ctx, const char *folder)
{
    char url[4096];
    nip_store *store = NULL;
    snprintf(url, sizeof url, "sqlite:%s/journal-%lld.db", folder, (long long)getpid());
    CHECK(nip_store_open(ctx, url, &store, &err));
    return store;
}

static int open_raw(const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/raw-%lld", folder, (long long)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        perror(path);
        exit(1);
    }
    return fd;
}

static void append(nip_store *store)
{
    CHECK(nip_journal_append(store, "shop", -1, "note.written", AT, payload, NULL, &err));
}

static void append_raw(int fd)
{
    if (write(fd, payload, PAYLOAD) != PAYLOAD) {
        perror("write");
        exit(1);
    }
}

static void flush_raw(int fd)
{
    if (fdatasync(fd) < 0) {
        perror("fdatasync");
        exit(1);
    }
}

static void append_group(nip_store *store)
{
    nip__draft draft = {"shop", -1, 0, "note.written", AT, payload, PAYLOAD};
    nip__sealed sealed;
    CHECK(nip__store_begin(store, NIP__PATIENCE_CALL_MS, &err));
    for (int i = 0; i < GROUP; i++)
        CHECK(nip__append_inside(store, &draft, &sealed, &err));
    CHECK(nip__store_finish(store, 0, NULL, NULL, &err));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

/* TURN records; returns the CPU time they took. */
static double append_some(nip_store *store, int fd, double *times)
{
    double cpu = cpu_ns();
    for (int i = 0; i < TURN; i++) {
        double start = wall_ns();
        if (store != NULL) {
            append(store);
        } else {
            append_raw(fd);
            flush_raw(fd);
        }
        times[i] = wall_ns() - start;
    }
    return cpu_ns() - cpu;
}

/* In turns, so that both meet the same disk; long enough for the log to be folded into the database and used again. */
static void time_singles(nip_store *store, int fd)
{
    static double own[SINGLES], raw[SINGLES];
    double own_cpu = 0, raw_cpu = 0;
    for (int i = 0; i < SINGLES; i += TURN) {
        own_cpu += append_some(store, -1, own + i);
        raw_cpu += append_some(NULL, fd, raw + i);
    }
    report("append_us", median(own, SINGLES) / 1e3);
    report("append_raw_us", median(raw, SINGLES) / 1e3);
    report("append_cpu_us", own_cpu / SINGLES / 1e3);
    report("append_raw_cpu_us", raw_cpu / SINGLES / 1e3);
}

static void time_groups(nip_store *store, int fd)
{
    static double own[GROUPS], raw[GROUPS];
    for (int i = 0; i < GROUPS; i++) {
        double start = wall_ns();
        append_group(store);
        double between = wall_ns();
        for (int k = 0; k < GROUP; k++)
            append_raw(fd);
        flush_raw(fd);
        own[i] = between - start;
        raw[i] = wall_ns() - between;
    }
    report("group_us", median(own, GROUPS) / 1e3);
    report("group_raw_us", median(raw, GROUPS) / 1e3);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    nip_ctx *ctx = NULL;
    make_payload();
    CHECK(nip_ctx_new(&ctx, &err));
    nip_store *store = open_store(ctx, argv[1]);
    append(store);
    if (argc > 2) {
        for (int i = atoi(argv[2]); i > 0; i--)
            append(store);
    } else {
        int fd = open_raw(argv[1]);
        time_singles(store, fd);
        time_groups(store, fd);
        close(fd);
    }
    nip_store_free(store);
    nip_ctx_free(ctx);
    return 0;
}
