/* The `shadow:` part of a rollout document. */
#include "compare/document.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "compare/rules.h"
#include "health/document.h"

const nip__field nip__method_item = {.type = NIP__T_TEXT, .min = 1, .max = 20};
static const nip__field name_item = {.type = NIP__T_TEXT, .min = 1, .max = 200};
static const nip__field endpoint_item = {.type = NIP__T_TEXT, .min = 1, .max = 1000};

const nip__field nip__shadow_header_fields[] = {
    {.name = "drop",
     .type = NIP__T_LIST,
     .flags = NIP__F_ONE_OR_LIST,
     .max = 100,
     .item = &name_item,
     .help = "recorded headers that are not sent"},
    {.name = "set",
     .type = NIP__T_DICT,
     .item = &nip__header_item,
     .help = "headers that are sent instead of recorded ones: text, or {env: NAME} or {file: PATH}"},
    {0},
};

static const nip__field rule_fields[] = {
    {.name = "pointer",
     .type = NIP__T_TEXT,
     .min = 1,
     .max = NIP__RULE_TEXT_MAX,
     .help = "JSON pointer, * for any key or index: that place and all in it"},
    {.name = "regex",
     .type = NIP__T_TEXT,
     .min = 1,
     .max = NIP__RULE_TEXT_MAX,
     .help = "pieces of text that match (PCRE2) are left out, in JSON strings, other bodies and headers"},
    {0},
};
static const nip__field rule_item = {.type = NIP__T_MAP, .fields = rule_fields};

const nip__field nip__shadow_compare_fields[] = {
    {.name = "status", .type = NIP__T_BOOL, .otherwise = "true", .help = "the status"},
    {.name = "body", .type = NIP__T_BOOL, .otherwise = "true", .help = "the body: JSON by its structure, else bytes"},
    {.name = "headers",
     .type = NIP__T_LIST,
     .flags = NIP__F_ONE_OR_LIST,
     .max = 50,
     .item = &name_item,
     .help = "these headers"},
    {.name = "ignore", .type = NIP__T_LIST, .max = NIP__RULES_MAX, .item = &rule_item, .help = "what is not looked at"},
    {0},
};

#define SLOWER(which, what)                                                                                            \
    {                                                                                                                  \
        .name = which, .type = NIP__T_NUMBER, .min = 0, .max = 10000,                                                  \
        .help = "percent by which " what " may be above the old version's"                                             \
    }

const nip__field nip__shadow_limit_fields[] = {
    {.name = "mismatches",
     .type = NIP__T_NUMBER,
     .min = 0,
     .max = 100,
     .otherwise = "0",
     .help = "percent of the requests that may be answered otherwise"},
    SLOWER("latency_p50", "the median latency"),
    SLOWER("latency_p90", "the 90th percentile"),
    SLOWER("latency_p95", "the 95th percentile"),
    SLOWER("latency_p99", "the 99th percentile"),
    {.name = "latency_floor",
     .type = NIP__T_DURATION,
     .min = 0,
     .max = 3600,
     .otherwise = "1ms",
     .help = "beyond that percentage, this much more is nothing"},
    {.name = "min_samples",
     .type = NIP__T_INT,
     .min = 1,
     .max = 100000,
     .otherwise = "20",
     .help = "fewer compared requests: inconclusive"},
    {.name = "alpha",
     .type = NIP__T_NUMBER,
     .min = 1e-9,
     .max = 0.5,
     .otherwise = "0.01",
     .help = "most probable false alarm"},
    {0},
};

const nip__field nip__recording_fields[] = {NIP__RECORDING_KEYS, {0}};

const nip__field nip__replay_fields[] = {
    NIP__RECORDING_KEYS,
    NIP__REPLAY_KEYS,
    {.name = "old",
     .type = NIP__T_LIST,
     .flags = NIP__F_REQUIRED,
     .min = 1,
     .max = 100000,
     .item = &endpoint_item,
     .help = "endpoints of the old version"},
    {.name = "new",
     .type = NIP__T_LIST,
     .flags = NIP__F_REQUIRED,
     .min = 1,
     .max = 100000,
     .item = &endpoint_item,
     .help = "endpoints of the new version"},
    {.name = "old_version", .type = NIP__T_TEXT, .min = 1, .max = 400, .help = "for reports"},
    {.name = "new_version", .type = NIP__T_TEXT, .min = 1, .max = 400, .help = "for reports"},
    {0},
};

const char *const nip__recording_keys[] = {"sha256", "methods", "max_requests", "headers", NULL};
const char *const nip__replay_keys[] = {"base",     "tls",      "rate",    "concurrency", "timeout",  "within",
                                        "max_body", "baseline", "compare", "limits",      "examples", NULL};

/* ---- what a schema cannot say ---- */

typedef struct part_check {
    const nip__value *part;
    const char *path, *file;
    nip__problems *problems;
} part_check;

static void problem(const part_check *c, const nip__value *where, const char *key, const char *what)
{
    char path[200];
    if (where == NULL || where->line == 0)
        where = c->part;
    snprintf(path, sizeof path, "%s/%s", c->path, key);
    nip__problems_add(c->problems, c->file, (int)where->line, (int)where->column, path, "%s", what);
}

static void check_hash(const part_check *c)
{
    const char *hash = nip__get_text(c->part, "sha256");
    if (hash != NULL && strspn(hash, "0123456789abcdef") != strlen(hash))
        problem(c, nip__get(c->part, "sha256"), "sha256",
                "must be 64 hex digits in lower case, as sha256sum prints them");
}

static void check_methods(const part_check *c)
{
    for (NIP__EACH(method, nip__get(c->part, "methods"))) {
        const char *text = nip__is(method, NIP__STRING) ? method->as.string.text : "A";
        if (strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(text))
            problem(c, method, "methods", "must be written in capitals, as GET is");
    }
}

static void check_base(const part_check *c)
{
    const char *base = nip__get_text(c->part, "base");
    if (base == NULL)
        return;
    bool web = nip__text_starts(base, "http://") || nip__text_starts(base, "https://");
    if (!web || (strstr(base, "{endpoint}") == NULL && strstr(base, "{port}") == NULL))
        problem(c, nip__get(c->part, "base"), "base",
                "must begin with http:// or https:// and contain {endpoint} or {port}, as http://{endpoint} does");
}

static void check_headers(const part_check *c)
{
    for (NIP__EACH(header, nip__get(nip__get(c->part, "headers"), "set"))) {
        bool reference = nip__is(header, NIP__MAP) && nip__count(header) == 1 &&
                         (nip__get_text(header, "env") != NULL || nip__get_text(header, "file") != NULL);
        if (!nip__is(header, NIP__STRING) && !reference)
            problem(c, header, "headers/set", "a header's value must be text, {env: NAME} or {file: PATH}");
    }
}

void nip__compare_check_part(const nip__value *part, const char *path, const char *file, nip__problems *problems)
{
    part_check c = {.part = part, .path = path, .file = file, .problems = problems};
    char rules_path[200];
    nip__rules *rules = NULL;
    check_hash(&c);
    check_methods(&c);
    check_base(&c);
    check_headers(&c);
    snprintf(rules_path, sizeof rules_path, "%s/compare/ignore", path);
    if (nip__rules_read(nip__get(nip__get(part, "compare"), "ignore"), file, rules_path, &rules, problems) == 0)
        nip__rules_free(rules);
}
