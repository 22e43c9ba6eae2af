/* The sla document's table. */
#include "gate/window.h"
#include "sla/document.h"
#include "sla/hours.h"

#define DAY 86400.0

enum { TEXT_MAX = 8192, INSTANCES_MAX = 1000, TIERS_MAX = 100, PAIRS_MAX = 100, JOURNALS_MAX = 100 };

static const char *const agreements[] = {"all", "any", "majority", "prefer", NULL};
static const char *const streams[] = {"sum", "prefer", NULL};
static const char *const missing[] = {"bad", "ignore", "good", "hold", NULL};
static const char *const periods[] = {"day", "week", "month", "quarter", "year", NULL};
static const char *const severities[] = {"page", "ticket", NULL};

/* ---- indicators ---- */

static const nip__field instance_fields[] = {
    {.name = "name", .type = NIP__T_TEXT, .flags = NIP__F_REQUIRED | NIP__F_NUMBER_TEXT, .min = 1, .max = 128, .help = "as its label says"},
    {.name = "from", .type = NIP__T_TEXT, .max = 64, .help = "instant from which on it is one of them (default: always was)"},
    {.name = "until", .type = NIP__T_TEXT, .max = 64, .help = "instant from which on it is not any more: it was retired"},
    {0},
};
static const nip__field instance_item = {.type = NIP__T_MAP, .flags = NIP__F_SHORT_FORM, .fields = instance_fields};

static const nip__field time_fields[] = {
    {.name = "query", .type = NIP__T_TEXT, .min = 1, .max = TEXT_MAX,
     .help = "selector of a gauge in Prometheus: up{job=\"shop\"}; left out: samples are imported or pushed"},
    {.name = "up_when", .type = NIP__T_TEXT, .max = 64, .otherwise = "\">= 1\"", .help = "value that says up: >=, >, <=, <, == or != and a number"},
    {.name = "instance_label", .type = NIP__T_TEXT, .min = 1, .max = 128, .otherwise = "instance", .help = "label that tells instances apart"},
    {.name = "instances", .type = NIP__T_LIST, .flags = NIP__F_ONE_OR_LIST, .min = 1, .max = INSTANCES_MAX, .item = &instance_item,
     .help = "all there are: one that is absent is unknown, not gone (default: whichever were ever seen)"},
    {.name = "k", .type = NIP__T_INT, .min = 1, .max = INSTANCES_MAX, .help = "up while at least so many are"},
    {.name = "agree", .type = NIP__T_ENUM, .choices = agreements, .help = "instead of k: up while all, any, most are, or as the first that knows says (default: all)"},
    {0},
};

static const nip__field events_fields[] = {
    {.name = "good", .type = NIP__T_TEXT, .min = 1, .max = TEXT_MAX, .help = "selector of counters of good events; two of good, bad and total"},
    {.name = "bad", .type = NIP__T_TEXT, .min = 1, .max = TEXT_MAX, .help = "selector of counters of bad ones"},
    {.name = "total", .type = NIP__T_TEXT, .min = 1, .max = TEXT_MAX, .help = "selector of counters of all; without any selector events are imported or pushed"},
    {.name = "streams", .type = NIP__T_ENUM, .choices = streams, .otherwise = "sum", .help = "several streams are parts of a sum, or observers of the same: the first that knows counts"},
    {0},
};

static const nip__field latency_fields[] = {
    {.name = "histogram", .type = NIP__T_TEXT, .min = 1, .max = TEXT_MAX, .help = "selector of a classic histogram's buckets: http_request_duration_seconds_bucket{job=\"shop\"}"},
    {.name = "limit", .type = NIP__T_DURATION, .flags = NIP__F_REQUIRED, .min = 0.000000001, .max = DAY, .help = "within it a request is good"},
    {.name = "buckets", .type = NIP__T_BOOL, .otherwise = "true", .help = "keep counts by bucket, for quantiles"},
    {.name = "streams", .type = NIP__T_ENUM, .choices = streams, .otherwise = "sum", .help = "as for events"},
    {0},
};

static const nip__field indicator_fields[] = {
    {.name = "time", .type = NIP__T_MAP, .fields = time_fields, .help = "how long it was up; one of time, events, latency"},
    {.name = "events", .type = NIP__T_MAP, .fields = events_fields, .help = "how many events were good"},
    {.name = "latency", .type = NIP__T_MAP, .fields = latency_fields, .help = "how many requests were within a limit"},
    {.name = "slice", .type = NIP__T_DURATION, .min = 1, .max = 3600, .otherwise = "60s", .help = "by which it is kept; divides an hour"},
    {.name = "max_gap", .type = NIP__T_DURATION, .min = 0.001, .max = DAY, .otherwise = "2m30s",
     .help = "between two samples; what lies in a longer one is not known"},
    {0},
};
static const nip__field indicator_item = {.type = NIP__T_MAP, .fields = indicator_fields};

/* ---- objectives ---- */

#define PERCENTAGE(key, text) {.name = key, .type = NIP__T_ANY, .help = text}

static const nip__field targets_fields[] = {
    PERCENTAGE("day", "percentage"), PERCENTAGE("week", "percentage"), PERCENTAGE("month", "percentage"),
    PERCENTAGE("quarter", "percentage"), PERCENTAGE("year", "percentage"), PERCENTAGE("rolling", "percentage"),
    {0},
};

static const nip__field tier_fields[] = {
    {.name = "below", .type = NIP__T_ANY, .flags = NIP__F_REQUIRED, .help = "percentage; a value below it ..."},
    {.name = "credit", .type = NIP__T_ANY, .flags = NIP__F_REQUIRED, .help = "... gives back this percentage of the fee"},
    {0},
};
static const nip__field tier_item = {.type = NIP__T_MAP, .fields = tier_fields};
static const nip__field credits_fields[] = {
    {.name = "tiers", .type = NIP__T_LIST, .flags = NIP__F_REQUIRED, .min = 1, .max = TIERS_MAX, .item = &tier_item, .help = "by falling bound"},
    {.name = "fee", .type = NIP__T_INT, .min = 0, .max = 1e15, .otherwise = "0", .help = "of the period, in the currency's smallest unit; 0: shares only"},
    {.name = "minimum", .type = NIP__T_INT, .min = 0, .max = 1e15, .otherwise = "0", .help = "smaller amounts are not paid"},
    PERCENTAGE("cap", "most of the fee that is given back"),
    {0},
};

static const nip__field objective_fields[] = {
    {.name = "availability", .type = NIP__T_TEXT, .min = 1, .max = NIP__SLA_NAME_MAX, .help = "the indicator's name; one of availability, error_rate, latency, freshness"},
    {.name = "error_rate", .type = NIP__T_TEXT, .min = 1, .max = NIP__SLA_NAME_MAX, .help = "the indicator's name; the target is the most that may be bad"},
    {.name = "latency", .type = NIP__T_TEXT, .min = 1, .max = NIP__SLA_NAME_MAX, .help = "the indicator's name; the target is how many are within its limit"},
    {.name = "freshness", .type = NIP__T_TEXT, .min = 1, .max = NIP__SLA_NAME_MAX, .help = "the indicator's name: of time, up while data are fresh"},
    PERCENTAGE("target", "percentage, exact: 99.95; for whichever period"),
    {.name = "targets", .type = NIP__T_MAP, .fields = targets_fields, .help = "for some kinds of periods others"},
    {.name = "quantile", .type = NIP__T_NUMBER, .min = 0.000001, .max = 0.999999, .help = "of latencies, told beside the verdict: 0.95"},
    {.name = "missing", .type = NIP__T_ENUM, .choices = missing, .otherwise = "bad", .help = "what missing data count as; hold: as what was before them, for a while"},
    {.name = "hold", .type = NIP__T_DURATION, .min = 0.001, .max = DAY, .otherwise = "5m", .help = "with missing: hold"},
    PERCENTAGE("min_coverage", "how much must be known for a verdict (default: nothing)"),
    {.name = "credits", .type = NIP__T_MAP, .fields = credits_fields, .help = "what a breach gives back"},
    {0},
};
static const nip__field objective_item = {.type = NIP__T_MAP, .fields = objective_fields};

/* ---- the rest ---- */

static const nip__field class_fields[] = {
    {.name = "max", .type = NIP__T_DURATION, .min = 0, .max = 3660 * DAY, .help = "most of it that counts in a period (default: all)"},
    {0},
};
static const nip__field class_item = {.type = NIP__T_MAP, .fields = class_fields};

static const nip__field pair_fields[] = {
    {.name = "severity", .type = NIP__T_ENUM, .choices = severities, .otherwise = "page", .help = "who is told"},
    {.name = "factor", .type = NIP__T_ANY, .help = "burn rate above which it fires; or budget"},
    PERCENTAGE("budget", "part of the alert period's budget that goes in the long window: 2 (% in 1h of 30d is a factor of 14.4)"),
    {.name = "long", .type = NIP__T_DURATION, .flags = NIP__F_REQUIRED, .min = 1, .max = 366 * DAY, .help = "window"},
    {.name = "short", .type = NIP__T_DURATION, .flags = NIP__F_REQUIRED, .min = 1, .max = 366 * DAY, .help = "window; a twelfth of the long one is usual"},
    {.name = "min_bad", .type = NIP__T_INT, .min = 0, .max = 1e12, .otherwise = "0", .help = "bad events (of time: ms) in the long window at least"},
    {.name = "for", .type = NIP__T_DURATION, .min = 0, .max = 30 * DAY, .otherwise = "0s", .help = "must hold for so long"},
    {0},
};
static const nip__field pair_item = {.type = NIP__T_MAP, .fields = pair_fields};
static const nip__field alerts_fields[] = {
    {.name = "period", .also = "alert_period", .type = NIP__T_DURATION, .min = 60, .max = 366 * DAY, .otherwise = "720h", .help = "that the budget is for"},
    {.name = "pairs", .type = NIP__T_LIST, .min = 1, .max = PAIRS_MAX, .item = &pair_item,
     .help = "default: 2 % of the budget in 1h and 5m, 5 % in 6h and 30m page; 10 % in 1d and 2h, 10 % in 3d and 6h make tickets"},
    {0},
};

static const nip__field journal_item = {.type = NIP__T_TEXT, .min = 1, .max = 128};
static const nip__field any_item = {.type = NIP__T_ANY};
static const nip__field inner_fields[] = {
    {.name = "name", .type = NIP__T_TEXT, .min = 1, .max = NIP__SLA_NAME_MAX, .otherwise = "service", .help = "of what is promised; its journal is sla.NAME"},
    {.name = "zone", .type = NIP__T_TEXT, .min = 1, .max = 100, .otherwise = "UTC", .help = "IANA time zone whose clocks and calendar count"},
    {.name = "period", .also = "calculation_window", .type = NIP__T_ENUM, .choices = periods, .otherwise = "month", .help = "that reports are about unless another is asked"},
    {.name = "metrics", .type = NIP__T_ANY, .flags = NIP__F_DRIVER, .help = "where samples come from: {driver: prometheus, url: ...}"},
    {.name = "service_hours", .type = NIP__T_MAP, .fields = nip__hours_fields, .help = "time outside of them does not count (default: always)"},
    {.name = "indicators", .type = NIP__T_DICT, .flags = NIP__F_REQUIRED, .min = 1, .max = NIP__SLA_INDICATORS_MAX, .item = &indicator_item, .help = "what is measured, by name"},
    {.name = "objectives", .type = NIP__T_DICT, .flags = NIP__F_REQUIRED, .min = 1, .max = NIP__SLA_OBJECTIVES_MAX, .item = &objective_item, .help = "what was promised, by name"},
    {.name = "classes", .type = NIP__T_DICT, .max = 100, .item = &class_item, .help = "of exclusions that count (default: maintenance, all of it)"},
    {.name = "alerts", .type = NIP__T_MAP, .fields = alerts_fields, .help = "on burn rates"},
    {.name = "journals", .type = NIP__T_LIST, .flags = NIP__F_ONE_OR_LIST, .max = JOURNALS_MAX, .item = &journal_item,
     .help = "of apps and of incidents: what is shown beside the figures"},
    {.name = "compliance", .type = NIP__T_DICT, .max = 100, .item = &any_item, .help = "for readers; kept as it is"},
    {.name = "monitoring", .type = NIP__T_DICT, .max = 100, .item = &any_item, .help = "for readers; kept as it is"},
    {0},
};

const nip__field nip__sla_fields[] = {
    {.name = "sla", .type = NIP__T_MAP, .flags = NIP__F_REQUIRED, .fields = inner_fields, .help = "service levels"},
    {0},
};

const nip__doc_kind nip__doc_sla = {.name = "sla", .fields = nip__sla_fields, .check = nip__sla_check, .adapt = nip__sla_adapt};
