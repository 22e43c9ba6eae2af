/* The plan document's schema: what docs/formats.md says, as tables. */
#include "plan/fields.h"

#include "nipops/plan.h"
#include "plan/predicate.h"

#define REQUIRED NIP__F_REQUIRED

static const char *const classes[] = {"read", "declarative", "once", NULL};
static const char *const failures[] = {"back", "stop", "pause", "continue", NULL};
static const char *const no_data[] = {"hold", "fail", "pass", NULL};
static const char *const kinds[] = {"plan", NULL};

static const nip__field call_fields[] = {
    {.name = "role", .type = NIP__T_TEXT, .flags = REQUIRED, .min = 1, .max = 64, .help = "who carries it out"},
    {.name = "verb", .type = NIP__T_TEXT, .flags = REQUIRED, .min = 1, .max = 64, .help = "what is done"},
    {.name = "args", .type = NIP__T_ANY, .help = "arguments, with references"},
    {.name = "before", .type = NIP__T_ANY, .help = "state that a declarative action expects to find"},
    {.name = "class", .type = NIP__T_ENUM, .choices = classes, .help = "of a verb that the library does not know"},
    {0},
};
static const nip__field call_item = {.type = NIP__T_MAP, .fields = call_fields};

static const nip__field predicate_fields[] = {
    {.name = "of", .type = NIP__T_INT, .min = 0, .max = 1000, .otherwise = "0", .help = "index of the result"},
    {.name = "at", .type = NIP__T_TEXT, .flags = REQUIRED, .help = "JSON pointer into it"},
    {.name = "op", .type = NIP__T_ENUM, .flags = REQUIRED, .choices = nip__operator_names, .help = "comparison"},
    {.name = "value", .type = NIP__T_ANY, .flags = REQUIRED, .help = "scalar, reference or place"},
    {0},
};
static const nip__field predicate_item = {.type = NIP__T_MAP, .fields = predicate_fields};

static const nip__field condition_fields[] = {
    {.name = "observe", .type = NIP__T_LIST, .item = &call_item, .help = "read actions"},
    {.name = "that", .type = NIP__T_LIST, .item = &predicate_item, .help = "all must hold"},
    {.name = "fails", .type = NIP__T_LIST, .item = &predicate_item, .help = "any of these fails the step at once"},
    {.name = "interval", .type = NIP__T_DURATION, .min = 0.001, .max = 86400, .otherwise = "5s", .help = "grid of repetition"},
    {.name = "successes", .type = NIP__T_INT, .min = 1, .max = 1000, .otherwise = "1", .help = "times in a row"},
    {0},
};

static const nip__field retry_fields[] = {
    {.name = "attempts", .type = NIP__T_INT, .min = 1, .max = 100, .otherwise = "3", .help = "tries in all"},
    {.name = "base", .type = NIP__T_DURATION, .min = 0.001, .max = 3600, .otherwise = "1s", .help = "first pause at most"},
    {.name = "max", .type = NIP__T_DURATION, .min = 0.001, .max = 86400, .otherwise = "30s", .help = "longest pause"},
    {0},
};

static const nip__field step_fields[] = {
    {.name = "id", .type = NIP__T_TEXT, .flags = REQUIRED, .min = 1, .max = 128, .help = "unique in the plan"},
    {.name = "title", .type = NIP__T_TEXT, .flags = REQUIRED, .min = 1, .max = 400, .help = "one line for people"},
    {.name = "actions", .type = NIP__T_LIST, .item = &call_item, .help = "done in parallel"},
    {.name = "require", .type = NIP__T_MAP, .fields = condition_fields, .help = "before acting"},
    {.name = "until", .type = NIP__T_MAP, .fields = condition_fields, .help = "when it is done"},
    {.name = "wait", .type = NIP__T_DURATION, .min = 0, .max = 31536000, .help = "stay at least this long"},
    {.name = "approve", .type = NIP__T_TEXT, .min = 1, .max = 400, .help = "what a person is asked"},
    {.name = "deadline", .type = NIP__T_DURATION, .min = 0.001, .max = 31536000, .otherwise = "10m",
     .help = "for require, actions and until together"},
    {.name = "retry", .type = NIP__T_MAP, .fields = retry_fields, .help = "of failed actions"},
    {.name = "on_failure", .type = NIP__T_ENUM, .choices = failures, .otherwise = "back", .help = "what a failure leads to"},
    {.name = "back", .type = NIP__T_ANY, .help = "index into back, or null"},
    {.name = "fresh_window", .type = NIP__T_BOOL, .otherwise = "false", .help = "guards begin anew after it"},
    {0},
};
static const nip__field step_item = {.type = NIP__T_MAP, .fields = step_fields};

static const nip__field limit_item = {.type = NIP__T_NUMBER};

static const nip__field guard_fields[] = {
    {.name = "id", .type = NIP__T_TEXT, .flags = REQUIRED, .min = 1, .max = 128, .help = "unique among guards"},
    {.name = "title", .type = NIP__T_TEXT, .flags = REQUIRED, .min = 1, .max = 400, .help = "one line for people"},
    {.name = "action", .type = NIP__T_MAP, .flags = REQUIRED, .fields = call_fields, .help = "what is measured"},
    {.name = "from", .type = NIP__T_TEXT, .flags = REQUIRED, .help = "first step watched"},
    {.name = "to", .type = NIP__T_TEXT, .flags = REQUIRED, .help = "last step watched"},
    {.name = "interval", .type = NIP__T_DURATION, .min = 0.001, .max = 86400, .otherwise = "30s", .help = "grid"},
    {.name = "timeout", .type = NIP__T_DURATION, .min = 0.001, .max = 3600, .otherwise = "30s", .help = "of one measurement"},
    {.name = "settle", .type = NIP__T_DURATION, .min = 0, .max = 86400, .otherwise = "0s", .help = "after a traffic change"},
    {.name = "version", .type = NIP__T_TEXT, .flags = REQUIRED, .help = "whose samples are judged"},
    {.name = "limits", .type = NIP__T_DICT, .flags = REQUIRED, .item = &limit_item, .help = "highest values that are fine"},
    {.name = "min_samples", .type = NIP__T_INT, .min = 0, .max = 1e12, .otherwise = "50", .help = "fewer: inconclusive"},
    {.name = "alpha", .type = NIP__T_NUMBER, .min = 1e-9, .max = 0.5, .otherwise = "0.01", .help = "false alarms of a window"},
    {.name = "failure_limit", .type = NIP__T_INT, .min = -1, .max = 1e6, .otherwise = "0", .help = "more fail the run"},
    {.name = "consecutive_failure_limit", .type = NIP__T_INT, .min = -1, .max = 1e6, .otherwise = "-1", .help = "in a row"},
    {.name = "on_no_data", .type = NIP__T_ENUM, .choices = no_data, .otherwise = "hold", .help = "what missing data mean"},
    {.name = "max_hold", .type = NIP__T_DURATION, .min = 0, .max = 31536000, .otherwise = "10m", .help = "then a person decides"},
    {0},
};
static const nip__field guard_item = {.type = NIP__T_MAP, .fields = guard_fields};
static const nip__field text_item = {.type = NIP__T_TEXT};

const nip__field nip__plan_fields[] = {
    {.name = "v", .type = NIP__T_INT, .flags = REQUIRED, .min = 1, .max = NIP_PLAN_FORMAT, .help = "format version"},
    {.name = "kind", .type = NIP__T_ENUM, .flags = REQUIRED, .choices = kinds, .help = "plan"},
    {.name = "subject", .type = NIP__T_TEXT, .flags = REQUIRED, .min = 1, .max = 128, .help = "whose journal"},
    {.name = "title", .type = NIP__T_TEXT, .flags = REQUIRED, .min = 1, .max = 400, .help = "one line for people"},
    {.name = "seed", .type = NIP__T_INT, .otherwise = "0", .help = "of the jitter of retries"},
    {.name = "drivers", .type = NIP__T_ANY, .help = "settings of each role's driver"},
    {.name = "observed", .type = NIP__T_ANY, .help = "state that the plan was made from"},
    {.name = "warnings", .type = NIP__T_LIST, .item = &text_item, .help = "what a person should know before it runs"},
    {.name = "steps", .type = NIP__T_LIST, .flags = REQUIRED, .max = NIP_STEPS_MAX, .item = &step_item, .help = "forward"},
    {.name = "back", .type = NIP__T_LIST, .max = NIP_STEPS_MAX, .item = &step_item, .help = "the way back"},
    {.name = "guards", .type = NIP__T_LIST, .max = 100, .item = &guard_item, .help = "judgements beside steps"},
    {.name = "release", .type = NIP__T_ANY, .help = "record after success"},
    {.name = "release_back", .type = NIP__T_ANY, .help = "record after a return"},
    {.name = "release_stopped", .type = NIP__T_ANY, .help = "record after a stop"},
    {0},
};
