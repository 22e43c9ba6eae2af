/* What was agreed, ready to be judged: the normalized document with its zone loaded, its numbers exact and its names resolved. */
#ifndef NIP__CONTRACT_H
#define NIP__CONTRACT_H

#include "base/zones.h"
#include "doc/doc.h"
#include "sla/burn.h"
#include "sla/credit.h"
#include "sla/exclusion.h"
#include "sla/hours.h"
#include "sla/period.h"
#include "sla/state.h"
#include "sla/timeline.h"

/* ---- indicators: what is measured ---- */

typedef enum nip__indicator_kind {
    NIP__INDICATOR_TIME,    /* up, down or unknown, in ms */
    NIP__INDICATOR_EVENTS,  /* good and bad ones, by slice */
    NIP__INDICATOR_LATENCY, /* requests within a limit, by slice */
} nip__indicator_kind;

/* When a sample's value says "up". */
typedef enum nip__comparison { NIP__AT_LEAST, NIP__ABOVE, NIP__AT_MOST, NIP__BELOW, NIP__EQUAL, NIP__UNEQUAL } nip__comparison;

typedef struct nip__instance {
    const char *name;    /* also of its stream */
    nip__ms from, until; /* INT64_MIN, INT64_MAX: always */
} nip__instance;

typedef struct nip__indicator {
    const char *name;
    nip__indicator_kind kind;
    char definition[NIP__DEFINITION_SIZE]; /* of all that decides what its slices say */
    int64_t slice_ms, max_gap_ms;
    bool events_prefer;        /* of several streams of events the first that knows a slice counts; else they are parts of one sum */
    /* time */
    const char *query;         /* NULL: nothing is asked, it is pushed or imported */
    nip__comparison up_when;
    double up_value;
    const char *instance_label;
    const nip__instance *instances; /* declared ones; none: whoever was ever seen */
    size_t instance_count;
    nip__agreement agreement;
    int64_t k;
    /* events */
    const char *good, *bad, *total; /* NULL: not asked */
    /* latency */
    const char *histogram;
    nip__decimal limit;        /* seconds */
    double limit_seconds;
    bool buckets;              /* a quantile is asked of it: counts by bucket are kept */
} nip__indicator;

/* ---- objectives: what was promised of it ---- */

typedef enum nip__objective_kind {
    NIP__OBJECTIVE_AVAILABILITY,
    NIP__OBJECTIVE_ERROR_RATE, /* told as the share of bad things */
    NIP__OBJECTIVE_LATENCY,
    NIP__OBJECTIVE_FRESHNESS,
} nip__objective_kind;

enum { NIP__PERIOD_KINDS = NIP__PERIOD_ROLLING + 1 };

typedef struct nip__objective {
    const char *name;
    nip__objective_kind kind;
    size_t indicator;                      /* its place in the contract */
    nip__ratio targets[NIP__PERIOD_KINDS]; /* least share of good, by the kind of period; den 0: nothing was promised for it */
    nip__sla_missing missing;
    int64_t hold_ms;
    nip__ratio min_coverage;
    double quantile;                       /* of latencies, 0.95; 0: none is told */
    const nip__credit_terms *credits;      /* NULL: none */
} nip__objective;

/* ---- the contract ---- */

typedef struct nip__contract {
    nip__arena *arena;
    const char *name;
    const char *zone_name;
    char tzdata[NIP__ZONE_VERSION_SIZE];
    nip__zones zones;
    const nip__zone *zone;
    bool has_hours;
    nip__hours hours;
    nip__indicator *indicators;
    size_t indicator_count;
    nip__objective *objectives;
    size_t objective_count;
    nip__exclusion_class *classes; /* exclusions of other ones count for nothing */
    size_t class_count;
    nip__burn_pair *pairs;
    size_t pair_count;
    int64_t alert_period_ms;
    const nip__value *metrics;     /* settings of the driver prometheus; NULL: none */
    const nip__value *document;    /* normalized */
    char definition[NIP__DEFINITION_SIZE]; /* of the whole document */
    bool pairs_written;            /* else they are those of the SRE workbook for that period */
} nip__contract;

/* From a normalized document that was checked. NIP_E_INVALID, NIP_E_NOTFOUND (a zone), NIP_E_NOMEM. Owned. */
int nip__contract_of(const nip__value *normalized, nip__contract **contract, nip_error **err);
/* From a document as it was loaded: NIP_E_DOCUMENT with all its problems. */
int nip__contract_load(const nip_doc *doc, nip__contract **contract, nip_error **err);
void nip__contract_free(nip__contract *contract); /* NULL is fine */
/* Alerts that were written down and can never fire, or whose windows are no multiples of the slices. 0 or NIP_E_INVALID. */
int nip__contract_check_pairs(const nip__contract *contract, nip_error **err);

/* Is a normalized exclusion of a class and of objectives that there are? 0 or NIP_E_INVALID. */
int nip__contract_check_exclusion(const nip__contract *contract, const nip__value *exclusion, nip_error **err);

const nip__objective *nip__contract_objective(const nip__contract *contract, const char *name); /* NULL: there is none */
const nip__indicator *nip__contract_indicator(const nip__contract *contract, const char *name);
const char *nip__objective_kind_name(nip__objective_kind kind); /* "availability", ... Static */

#endif
