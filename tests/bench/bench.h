/* What the benchmarks share: a clock, and lines "name value" that table.py collects round by round. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "nipops.h"

static inline double clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* For what waits for a disk. */
static inline double wall_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

/* For what only computes: other processes on the same cores do not count. */
static inline double cpu_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static inline void report(const char *name, double value)
{
    printf("%s %.9g\n", name, value);
}

/* Ends the program when `rc` is a failure. */
static inline void ended_well(int rc, const nip_error *err)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "%s: %s\n", nip_error_name(err), nip_error_message(err));
    exit(1);
}

/* Arguments are evaluated in any order: the call comes first. */
#define CHECK(call)                                                                                                    \
    do {                                                                                                               \
        nip_error *err = NULL;                                                                                         \
        int rc_ = (call);                                                                                              \
        ended_well(rc_, err);                                                                                          \
    } while (0)

static inline void *must(void *pointer)
{
    if (pointer == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return pointer;
}

#endif
