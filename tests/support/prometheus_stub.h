/* A stand-in for Prometheus' query API: range selectors at an instant over series that a test has made, and last_over_time of single series; with
 * what may go wrong. */
#ifndef NIP_TEST_PROMETHEUS_STUB_H
#define NIP_TEST_PROMETHEUS_STUB_H

#include "server.h"

enum { STUB_SERIES = 16 };

typedef struct stub_series {
    const char *selector; /* that finds it, whole: "total" */
    const char *labels;   /* JSON: "{\"__name__\":\"x\"}", sorted but for the name, which comes first */
    int64_t begin, end, step; /* ms: a sample at each step of [begin, end] */
    double first, rise;   /* value of the first one, and how much each adds */
    const char *odd;      /* value of one sample instead; NULL: none */
    int64_t odd_at;
} stub_series;

typedef struct prometheus_stub {
    test_server server;
    stub_series series[STUB_SERIES];
    int count;
    bool open;           /* ranges do not hold their beginning: 3.0 and later */
    int64_t longest;     /* ms: longer ranges are "too many samples"; 0: none are */
    const char *instead; /* a raw reply to whatever is asked; NULL: none */
    const char *warning; /* with all data; NULL: none */
    const char *info;
    bool truncate;       /* replies end in the middle */
    const char *retention; /* storageRetention of status/runtimeinfo; NULL: there is no such thing */
    int64_t instead_from; /* ms: only queries of a later time get `instead` */
    int dropped;         /* so many queries get no answer at first */
    int queries;         /* so far */
    int asked_before;    /* last_over_time, among them */
    bool heavy;          /* "too many samples" for any of those that there are */
    int64_t asked_longest, asked_first, asked_last; /* ranges, and the ends of all */
} prometheus_stub;

void stub_start(prometheus_stub *stub);
void stub_stop(prometheus_stub *stub);

#endif
