/* The rollout document's schema. Settings of target, router and metrics are the drivers' own: they check them when they
 * are opened. */
#include "rollout/busy.h"
#include "rollout/document.h"

#include "gate/notice.h"
#include "health/document.h"

#define YEAR         31536000
#define REPLICAS_MAX 10000

static const char *const strategies[] = {"rolling", "blue_green", "canary", NULL};
static const char *const no_data[] = {"hold", "fail", "pass", NULL};

static const nip__field any_item = {.type = NIP__T_ANY};

static const nip__field error_rate_fields[] = {
    {.name = "max",
     .type = NIP__T_NUMBER,
     .flags = NIP__F_REQUIRED,
     .min = 0,
     .max = 100,
     .help = "highest rate that is fine, percent"},
    {0},
};

static const nip__field latency_fields[] = {
    {.name = "max",
     .type = NIP__T_DURATION,
     .flags = NIP__F_REQUIRED,
     .min = 0.000001,
     .max = 3600,
     .help = "highest latency that is fine"},
    {0},
};

static const nip__field guard_fields[] = {
    {.name = "interval",
     .type = NIP__T_DURATION,
     .min = 0.1,
     .max = 86400,
     .otherwise = "30s",
     .help = "time between two looks"},
    {.name = "timeout",
     .type = NIP__T_DURATION,
     .min = 0.1,
     .max = 3600,
     .otherwise = "30s",
     .help = "of one measurement"},
    {.name = "settle",
     .type = NIP__T_DURATION,
     .min = 0,
     .max = 86400,
     .otherwise = "5s",
     .help = "after a change of traffic, before samples count"},
    {.name = "error_rate", .type = NIP__T_MAP, .fields = error_rate_fields, .help = "limit of the error rate"},
    {.name = "latency_p50", .type = NIP__T_MAP, .fields = latency_fields, .help = "limit of the median latency"},
    {.name = "latency_p90", .type = NIP__T_MAP, .fields = latency_fields, .help = "limit of the 90th percentile"},
    {.name = "latency_p95", .type = NIP__T_MAP, .fields = latency_fields, .help = "limit of the 95th percentile"},
    {.name = "latency_p99", .type = NIP__T_MAP, .fields = latency_fields, .help = "limit of the 99th percentile"},
    {.name = "min_samples",
     .type = NIP__T_INT,
     .min = 0,
     .max = 1e12,
     .otherwise = "50",
     .help = "fewer requests: inconclusive"},
    {.name = "alpha",
     .type = NIP__T_NUMBER,
     .min = 1e-9,
     .max = 0.5,
     .otherwise = "0.01",
     .help = "most probable false alarm of one window"},
    {.name = "failure_limit",
     .type = NIP__T_INT,
     .min = -1,
     .max = 1e6,
     .otherwise = "0",
     .help = "more failing looks in one stage than this end the rollout; -1: off"},
    {.name = "consecutive_failure_limit",
     .type = NIP__T_INT,
     .min = -1,
     .max = 1e6,
     .otherwise = "-1",
     .help = "the same for failing looks in a row"},
    {.name = "on_no_data",
     .type = NIP__T_ENUM,
     .choices = no_data,
     .otherwise = "hold",
     .help = "what missing data mean"},
    {.name = "max_hold",
     .type = NIP__T_DURATION,
     .min = 0,
     .max = YEAR,
     .otherwise = "10m",
     .help = "a stage held longer than this for lack of data pauses the rollout"},
    {0},
};

static const nip__field approval_fields[] = {
    {.name = "ask", .type = NIP__T_TEXT, .flags = NIP__F_REQUIRED, .min = 1, .max = 400, .help = "what is asked"},
    {.name = "role",
     .type = NIP__T_TEXT,
     .flags = NIP__F_REQUIRED,
     .min = 1,
     .max = 100,
     .help = "whose members are asked: a key of roles"},
    {.name = "count",
     .type = NIP__T_INT,
     .min = 1,
     .max = 1000,
     .otherwise = "1",
     .help = "how many different persons must approve"},
    {.name = "within",
     .type = NIP__T_DURATION,
     .min = 1,
     .max = YEAR,
     .help = "later than this it counts as refused (default: it waits)"},
    {0},
};

/* An approval in two forms: a question to anybody, or to people of a role. `approve: {...}` is brought into the second one. */
#define APPROVAL(when)                                                                                                 \
    {.name = "approve", .type = NIP__T_TEXT, .flags = NIP__F_MAP_FORM, .min = 1, .max = 400, .fields = approval_fields,    \
     .help = "a person approves " when ": what is asked, or a map as approval"},                                      \
    {                                                                                                                  \
        .name = "approval", .type = NIP__T_MAP, .fields = approval_fields, .help = "people of a role approve " when    \
    }

static const nip__field stage_fields[] = {
    {.name = "share",
     .also = "percentage",
     .type = NIP__T_INT,
     .flags = NIP__F_REQUIRED,
     .min = 1,
     .max = 100,
     .help = "percent of the traffic"},
    {.name = "duration",
     .type = NIP__T_DURATION,
     .min = 0,
     .max = YEAR,
     .otherwise = "0s",
     .help = "how long it is watched at least"},
    APPROVAL("before the stage"),
    {0},
};
static const nip__field stage_item = {.type = NIP__T_MAP, .fields = stage_fields};

static const nip__field canary_fields[] = {
    {.name = "stages",
     .type = NIP__T_LIST,
     .min = 1,
     .max = 100,
     .item = &stage_item,
     .help = "shares that rise to 100"},
    {.name = "guard",
     .type = NIP__T_MAP,
     .fields = guard_fields,
     .help = "what the new version's samples must keep to"},
    {.name = "dynamic_stable_scale",
     .type = NIP__T_BOOL,
     .otherwise = "false",
     .help = "the old version shrinks as the new one grows"},
    {.name = "max_surge",
     .type = NIP__T_TEXT,
     .flags = NIP__F_NUMBER_TEXT,
     .otherwise = "\"1\"",
     .help = "instances beyond replicas with dynamic_stable_scale"},
    {0},
};

static const nip__field rolling_fields[] = {
    {.name = "max_surge",
     .type = NIP__T_TEXT,
     .flags = NIP__F_NUMBER_TEXT,
     .help = "instances beyond replicas, \"25%\" or 1"},
    {.name = "max_unavailable",
     .type = NIP__T_TEXT,
     .flags = NIP__F_NUMBER_TEXT,
     .help = "instances below replicas, \"25%\" or 0"},
    {.name = "batch_size",
     .type = NIP__T_INT,
     .min = 1,
     .max = REPLICAS_MAX,
     .help = "instances replaced at a time (default: a third), none unavailable"},
    {0},
};

static const nip__field smoke_fields[] = {
    {.name = "command",
     .type = NIP__T_LIST,
     .flags = NIP__F_ONE_OR_LIST,
     .min = 1,
     .max = 1000,
     .item = &nip__text_item,
     .help = "must end with exit code 0"},
    {.name = "url", .type = NIP__T_TEXT, .min = 1, .max = 4096, .help = "must answer as expected"},
    {.name = "expect",
     .type = NIP__T_MAP,
     .fields = nip__expect_fields,
     .help = "what makes an answer good, as in health"},
    {.name = "timeout", .type = NIP__T_DURATION, .min = 0.1, .max = 86400, .otherwise = "60s", .help = "of one check"},
    {0},
};
static const nip__field smoke_item = {.type = NIP__T_MAP, .fields = smoke_fields};

static const nip__field blue_green_fields[] = {
    {.name = "smoke",
     .type = NIP__T_LIST,
     .max = 100,
     .item = &smoke_item,
     .help = "checks before any traffic goes to the new colour"},
    {.name = "watch",
     .type = NIP__T_DURATION,
     .min = 0,
     .max = YEAR,
     .otherwise = "0s",
     .help = "how long to watch after the switch"},
    {.name = "guard",
     .type = NIP__T_MAP,
     .fields = guard_fields,
     .help = "what the samples must keep to while watching"},
    APPROVAL("before the switch"),
    {0},
};

static const nip__field preflight_fields[] = {
    {.name = "env",
     .type = NIP__T_LIST,
     .flags = NIP__F_ONE_OR_LIST,
     .max = 1000,
     .item = &nip__text_item,
     .help = "names of settings that must be present"},
    {.name = "reachable",
     .type = NIP__T_LIST,
     .flags = NIP__F_ONE_OR_LIST,
     .max = 1000,
     .item = &nip__text_item,
     .help = "tcp:// and http(s):// addresses that must answer"},
    {.name = "path", .type = NIP__T_TEXT, .min = 1, .max = 4096, .help = "where disk_free is measured"},
    {.name = "disk_free", .type = NIP__T_BYTES, .help = "least free disk space"},
    {.name = "memory_free", .type = NIP__T_BYTES, .help = "least available memory"},
    {0},
};

static const nip__field member_item = {.type = NIP__T_TEXT, .min = 1, .max = 200};
static const nip__field role_item = {
    .type = NIP__T_LIST, .flags = NIP__F_ONE_OR_LIST, .min = 1, .max = 1000, .item = &member_item};

static const nip__field rollout_fields[] = {
    {.name = "app",
     .type = NIP__T_TEXT,
     .flags = NIP__F_REQUIRED,
     .min = 1,
     .max = 128,
     .help = "what is released; names its journal"},
    {.name = "artifact",
     .also = "image_tag",
     .type = NIP__T_TEXT,
     .flags = NIP__F_REQUIRED | NIP__F_NUMBER_TEXT,
     .min = 1,
     .max = 400,
     .help = "what the target runs"},
    {.name = "version",
     .type = NIP__T_TEXT,
     .flags = NIP__F_NUMBER_TEXT,
     .min = 1,
     .max = 200,
     .help = "name of the version (default: the artifact)"},
    {.name = "replicas",
     .type = NIP__T_INT,
     .min = 1,
     .max = REPLICAS_MAX,
     .otherwise = "3",
     .help = "instances wanted"},
    {.name = "strategy",
     .type = NIP__T_ENUM,
     .choices = strategies,
     .otherwise = "rolling",
     .help = "how the new version takes over"},
    {.name = "settings", .type = NIP__T_DICT, .item = &any_item, .help = "handed to the target for every instance"},
    {.name = "target", .type = NIP__T_ANY, .flags = NIP__F_REQUIRED | NIP__F_DRIVER, .help = "what runs instances: {driver: ...}"},
    {.name = "router", .type = NIP__T_ANY, .flags = NIP__F_REQUIRED | NIP__F_DRIVER, .help = "what shares traffic out: {driver: ...}"},
    {.name = "metrics", .type = NIP__T_ANY, .flags = NIP__F_DRIVER | NIP__F_SAME_DRIVER, .help = "where samples come from: {driver: ...}"},
    {.name = "health",
     .type = NIP__T_MAP,
     .flags = NIP__F_REQUIRED,
     .fields = nip__health_fields,
     .help = "when an instance is healthy"},
    {.name = "preflight",
     .type = NIP__T_MAP,
     .fields = preflight_fields,
     .help = "what must be there before anything is changed"},
    {.name = "rolling", .type = NIP__T_MAP, .fields = rolling_fields, .help = "a rolling update's pace"},
    {.name = "blue_green", .type = NIP__T_MAP, .fields = blue_green_fields, .help = "checks around the switch"},
    {.name = "canary", .type = NIP__T_MAP, .fields = canary_fields, .help = "stages and limits"},
    {.name = "on_end", .type = NIP__T_LIST, .max = 100, .item = &nip__notice_item, .help = "who is told that the rollout has ended"},
    {.name = "roles", .type = NIP__T_DICT, .max = 100, .item = &role_item, .help = "role: names of the people in it"},
    APPROVAL("before anything is changed"),
    {.name = "when_busy",
     .type = NIP__T_ENUM,
     .choices = nip__busy_policies,
     .help = "what nip_op_rollout and \"nipops rollout\" do while another run of the app is not over (default: refuse)"},
    {.name = "hold_old",
     .type = NIP__T_DURATION,
     .min = 0,
     .max = YEAR,
     .help = "how long the old version is kept running for a return at once (default: 24h for blue_green, else 0s)"},
    {.name = "drain_timeout",
     .also = "drain",
     .type = NIP__T_DURATION,
     .min = 0.001,
     .max = 86400,
     .otherwise = "30s",
     .help = "how long open sessions may take to end before their instance is stopped"},
    {0},
};

const nip__field nip__rollout_document_fields[] = {
    {.name = "rollout",
     .type = NIP__T_MAP,
     .flags = NIP__F_REQUIRED,
     .fields = rollout_fields,
     .help = "one app's rollout"},
    {0},
};
