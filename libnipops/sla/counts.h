/* Samples of counters to events by slices.
 *
 * An increment between two samples happened after the first and not after the second, so it belongs to the slice that holds the instant just
 * before the second: slices are (index * slice, (index + 1) * slice] here, as ranges are in Prometheus from 3.0 on. A counter that fell began
 * anew at 0. What lies between two samples of a series further apart than `max_gap` is not placed anywhere, and slices that it touches are
 * not known. Nothing is interpolated and nothing is lost silently: of the total, and of the part that is asked, each,
 *
 *     what is in known slices + hidden + unplaced + outside = events = the sum of all increments
 *
 * A slice is known when samples of the total side cover it: each instant of it lies between two samples of one series that are at most max_gap
 * apart, and no series of either side has a gap in it. A series that ends while others go on has retired: that is no gap. */
#ifndef NIP__COUNTS_H
#define NIP__COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "sla/span.h"

#define NIP__COUNTER_MAX INT64_C(9007199254740992) /* 2^53: doubles hold every whole number up to here */
#define NIP__COUNTS_MAX  INT64_C(1099511627775)    /* 2^40 - 1: events in one slice */

enum {
    NIP__COUNTS_SLICES_MAX = 4194304,  /* asked at once: 8 years of minutes */
    NIP__COUNTS_BUCKETS_MAX = 512,     /* bounds, all histograms of an indicator together */
    NIP__COUNTS_CELLS_MAX = 16777216,  /* bounds times slices, when counts by bucket are asked */
    NIP__COUNTS_LAYOUTS_MAX = 256,     /* sets of bounds that slices of one answer have */
};

typedef struct nip__count_sample {
    nip__ms at;
    double value; /* a whole number from 0 to 2^53; anything else is NIP_E_INVALID, never rounded */
} nip__count_sample;

typedef struct nip__counter_series {
    const char *name;                 /* for messages; NULL: none */
    const nip__count_sample *samples; /* their instants rise */
    size_t count;
    bool shared; /* it is of the other side, too, where its birth is told */
    bool resumed; /* it had been there before: its first value is what later ones are counted from, whoever was looking */
} nip__counter_series;

typedef struct nip__counts_range {
    int64_t first, end; /* slices asked: [first, end) */
    int64_t slice_ms;
    int64_t max_gap;    /* ms, >= 1 */
    nip__ms data_begin; /* samples were asked from here on: at least max_gap before the first slice, or births there go unseen */
    bool born;          /* a series that begins counts its first value: when data were asked of max_gap before it, and others of either side were
                         * sampled all through that, so that somebody was looking: where all begin at about the same time, it is the looking that
                         * began. Else the first value is only what later ones are counted from */
} nip__counts_range;

/* Where the events of one side are. */
typedef struct nip__counts_side {
    int64_t events;   /* in all */
    int64_t unplaced; /* in gaps that touch slices asked */
    int64_t hidden;   /* placed in slices that are not known */
    int64_t outside;  /* before the first slice asked, or after the last one */
} nip__counts_side;

/* What did not go into known slices, and what else there was. */
typedef struct nip__counts_told {
    nip__counts_side total, part; /* of latency, the part is what was certainly within the limit */
    int64_t gaps;                 /* that touch slices asked, of all series */
    int64_t resets;               /* counters that fell; a histogram is one */
    int64_t births;               /* series whose first value was counted; a histogram is one */
    int64_t baselines;            /* series whose first value was not counted */
    int64_t inconsistent;         /* slices with more of the part than of the total, or with buckets that fall: not known */
    int64_t inconsistent_first;   /* index of the first one */
    bool part_absent;             /* there was no series at all of the part asked */
} nip__counts_told;

typedef struct nip__count_slice {
    int64_t index;
    int64_t good, bad, unsure; /* total = good + bad + unsure */
    size_t layout;             /* latency: its bounds are layouts[layout - 1]; 0: no counts by bucket, as in a slice without events */
    size_t counts;             /* ... and its counts begin at `counts[counts]`, one for each bound */
} nip__count_slice;

/* Bounds of buckets, rising; the last is INFINITY. Bucket i holds what is in (bounds[i - 1], bounds[i]]. */
typedef struct nip__count_layout {
    double *bounds;
    size_t count;
} nip__count_layout;

/* Known slices, by index. Zero-initialised: none. */
typedef struct nip__count_slices {
    nip__count_slice *items;
    size_t count, capacity;
    nip__count_layout *layouts;
    size_t layout_count, layout_capacity;
    int64_t *counts;
    size_t counts_count, counts_capacity;
    nip__counts_told told;
} nip__count_slices;

typedef enum nip__counted {
    NIP__COUNTED_GOOD, /* the part is what was good: bad = total - part. Without any such series nothing is known */
    NIP__COUNTED_BAD,  /* the part is what was bad. Without any such series it is 0, where the total is known */
} nip__counted;

/* Availability and error rates: the total side and one part of it. `out` is overwritten on success, and owned (nip__count_slices_clear).
 * 0, NIP_E_INVALID (names the series and the sample), NIP_E_LIMIT, NIP_E_NOMEM. */
int nip__counts_events(const nip__counts_range *range, const nip__counter_series *total, size_t totals, const nip__counter_series *part,
                       size_t parts, nip__counted counted, nip__count_slices *out, nip_error **err);

/* One bucket of a classic histogram: a counter of events up to `bound`. */
typedef struct nip__bucket_series {
    size_t histogram; /* which histogram it is of: all those of one process and set of labels have one number */
    double bound;     /* its `le`; INFINITY must be there for every histogram */
    nip__counter_series counter;
} nip__bucket_series;

/* Latency: good is what is certainly within `limit` (up to the largest bound <= limit), bad what certainly is not (above the smallest bound
 * >= limit), unsure the bucket that holds the limit strictly inside. A histogram whose one bucket falls began anew in all of them. Its samples
 * belong together by their instants: one without an infinite bucket is passed over, a bound that comes later counts from its second sample on, and
 * several series of one bound ("1" and "1.0") are one. Histograms with other bounds add up. With `buckets`, each slice has its counts by bucket
 * too, for quantiles: by the bounds that all of the histograms that counted in it have, since between others nothing is known of all.
 * NIP_E_INVALID too when a histogram lacks its infinite bucket, or has two samples of one bound at one instant. */
int nip__counts_latency(const nip__counts_range *range, const nip__bucket_series *series, size_t count, double limit, bool buckets,
                        nip__count_slices *out, nip_error **err);

void nip__count_slices_clear(nip__count_slices *slices);
/* The slice that holds what happened at or just before `at`: ceil(at / slice) - 1. */
int64_t nip__counts_index(nip__ms at, int64_t slice_ms);

#endif
