/* What a run's pictures show: traffic, health and measurements of its versions over time, read out of its records. */
#ifndef NIP__COURSE_H
#define NIP__COURSE_H

#include "doc/html.h"
#include "report/history.h"

enum { NIP__COURSE_VERSIONS = 2, NIP__COURSE_METRICS = 8 };

/* Values of one kind, version by version. */
typedef struct nip__track {
    const char *metric; /* "error_rate", "latency_p95"; NULL for shares and health */
    nip__point *points[NIP__COURSE_VERSIONS];
    size_t counts[NIP__COURSE_VERSIONS], capacities[NIP__COURSE_VERSIONS];
    bool limited;
    double limit;
} nip__track;

typedef struct nip__course {
    nip__arena *arena;
    const char *versions[NIP__COURSE_VERSIONS]; /* the one before and the new one, as they first appear; NULL: none */
    nip__track shares, health;                  /* percent; healthy instances */
    nip__track metrics[NIP__COURSE_METRICS];    /* as measured: ratios, seconds */
    size_t metric_count;
} nip__course;

void nip__course_read(nip__course *course, nip__arena *arena, const nip__history *history);

#endif
