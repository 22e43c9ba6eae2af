/* The health document: schema, and how its short forms become the schema's. */
#include "health/document.h"

#include <string.h>

#include "base/text.h"

#define DAY 86400.0

enum { PORT_MAX = 65535 };

const nip__field nip__text_item = {.type = NIP__T_TEXT, .flags = NIP__F_NUMBER_TEXT, .min = 1, .max = 65536};
const nip__field nip__header_item = {.type = NIP__T_ANY, .flags = NIP__F_SECRET};
static const nip__field status_item = {.type = NIP__T_INT, .min = 100, .max = 599};
static const nip__field any_item = {.type = NIP__T_ANY};

const nip__field nip__expect_fields[] = {
    {.name = "status",
     .type = NIP__T_LIST,
     .flags = NIP__F_ONE_OR_LIST,
     .min = 1,
     .max = 100,
     .item = &status_item,
     .help = "HTTP status, or a list of good ones (default: 200 to 299)"},
    {.name = "json",
     .type = NIP__T_DICT,
     .item = &any_item,
     .help = "JSON pointer into the body: the value that must be there"},
    {.name = "body_contains",
     .type = NIP__T_LIST,
     .flags = NIP__F_ONE_OR_LIST,
     .max = 100,
     .item = &nip__text_item,
     .help = "text that the body, or a command's output, must contain"},
    {.name = "max_latency",
     .type = NIP__T_DURATION,
     .min = 0.000001,
     .max = DAY,
     .help = "slower answers are not good"},
    {.name = "headers", .type = NIP__T_DICT, .item = &nip__text_item, .help = "headers that the reply must have"},
    {.name = "exit", .type = NIP__T_INT, .min = 0, .max = 255, .help = "a command's exit code (default: 0)"},
    {0},
};

const nip__field nip__tls_fields[] = {
    {.name = "ca_file",
     .type = NIP__T_TEXT,
     .min = 1,
     .max = 4096,
     .help = "authorities to trust instead of the system's"},
    {.name = "cert_file", .type = NIP__T_TEXT, .min = 1, .max = 4096, .help = "own certificate, PEM"},
    {.name = "key_file", .type = NIP__T_TEXT, .min = 1, .max = 4096, .help = "its key, PEM"},
    {.name = "server_name",
     .type = NIP__T_TEXT,
     .min = 1,
     .max = 253,
     .help = "name to send and to verify instead of the URL's host"},
    {0},
};

/* The three ways to ask a target. */
#define WAYS                                                                                                           \
    {.name = "url", .type = NIP__T_TEXT, .min = 1, .max = 4096,                                                        \
     .help = "http://..., https://... or tcp://HOST:PORT; {endpoint} and {port} are filled in for an instance"},       \
    {.name = "tcp", .type = NIP__T_ANY, .help = "HOST:PORT that must accept a connection; true: the instance's own"},  \
    {.name = "command", .type = NIP__T_LIST, .flags = NIP__F_ONE_OR_LIST, .min = 1, .max = 1000,                       \
     .item = &nip__text_item,                                                                                          \
     .help = "program and arguments; good when it ends with exit code 0"},                                             \
    {.name = "env", .type = NIP__T_DICT, .item = &nip__text_item,                                                      \
     .help = "environment of the command, beside the inherited one"},                                                  \
    {.name = "expect", .type = NIP__T_MAP, .fields = nip__expect_fields, .help = "what makes an answer good"}

#define HOW                                                                                                            \
    {.name = "interval", .type = NIP__T_DURATION, .min = 0.001, .max = DAY, .otherwise = "10s",                        \
     .help = "between two tries, on a fixed grid from the start"},                                                     \
    {.name = "timeout", .type = NIP__T_DURATION, .min = 0.001, .max = 30 * DAY, .otherwise = "300s",                   \
     .help = "overall"},                                                                                               \
    {.name = "try_timeout", .type = NIP__T_DURATION, .min = 0.001, .max = 3600, .otherwise = "5s",                     \
     .help = "of one try"},                                                                                            \
    {.name = "successes", .type = NIP__T_INT, .min = 1, .max = 1000, .otherwise = "1",                                 \
     .help = "good answers in a row"},                                                                                 \
    {.name = "headers", .type = NIP__T_DICT, .item = &nip__header_item,                                                \
     .help = "headers to send; a value is text, {env: NAME} or {file: PATH}"},                                         \
    {.name = "tls", .type = NIP__T_MAP, .fields = nip__tls_fields, .help = "certificates"},                            \
    {.name = "in_flight", .type = NIP__T_INT, .min = 1, .max = 100000, .help = "most tries at once"},                  \
    {.name = "keepalive", .type = NIP__T_BOOL, .otherwise = "false",                                                   \
     .help = "use connections again; a new one each time also proves that new clients are let in"}

const nip__field nip__health_fields[] = {WAYS, HOW, {0}};

static const nip__field target_fields[] = {
    {.name = "name", .type = NIP__T_TEXT, .flags = NIP__F_NUMBER_TEXT, .min = 1, .max = 200,
     .help = "what to call it; stands for {target} in its command"},
    WAYS,
    {0},
};
static const nip__field target_item = {.type = NIP__T_MAP, .flags = NIP__F_SHORT_FORM, .fields = target_fields};

static const nip__field sweep_fields[] = {
    {.name = "targets", .type = NIP__T_LIST, .flags = NIP__F_ONE_OR_LIST, .min = 1, .max = 100000, .item = &target_item,
     .help = "URLs, or maps with one of url, tcp, command"},
    WAYS,
    HOW,
    {.name = "watch",
     .type = NIP__T_BOOL,
     .otherwise = "false",
     .help = "go on until cancelled, and tell each change of a target; timeout does not count then"},
    {.name = "failures",
     .type = NIP__T_INT,
     .min = 1,
     .max = 1000,
     .otherwise = "3",
     .help = "with watch: bad answers in a row that make a target unhealthy"},
    {.name = "worst",
     .type = NIP__T_INT,
     .min = 1,
     .max = 100000,
     .help = "with watch: its status names so many targets, the worst first (default: all)"},
    {0},
};

static const nip__field document_fields[] = {
    {.name = "health",
     .type = NIP__T_MAP,
     .flags = NIP__F_REQUIRED,
     .fields = sweep_fields,
     .help = "what to check, and when it is well"},
    {0},
};

/* ---- checks ---- */

static void problem(const nip__value *where, const char *path, const char *key, const char *file,
                    nip__problems *problems, const char *what)
{
    nip__buffer full = NIP__BUFFER(4096);
    nip__buffer_printf(&full, "%s%s%s", path, key[0] == '\0' ? "" : "/", key);
    nip__problems_add(problems, file, (int)where->line, (int)where->column, nip__buffer_string(&full), "%s", what);
    nip__buffer_clear(&full);
}

static bool is_header_value(const nip__value *value)
{
    if (nip__is(value, NIP__STRING))
        return true;
    const nip__value *only = nip__first(value);
    return nip__is(value, NIP__MAP) && nip__count(value) == 1 && nip__is(only, NIP__STRING) &&
           only->as.string.length > 0 && (nip__text_equal(only->key, "env") || nip__text_equal(only->key, "file"));
}

static bool is_scalar(const nip__value *value)
{
    return !nip__is(value, NIP__MAP) && !nip__is(value, NIP__LIST);
}

static void check_expect(const nip__value *owner, const char *path, const char *file, nip__problems *problems)
{
    for (NIP__EACH(place, nip__get(nip__get(owner, "expect"), "json"))) {
        if (place->key[0] != '\0' && place->key[0] != '/')
            problem(place, path, "expect/json", file, problems, "the key must be a JSON pointer such as /status");
        if (!is_scalar(place))
            problem(place, path, "expect/json", file, problems, "the value must be a scalar");
    }
}

/* "HOST:PORT", "[::1]:PORT", or text that is filled in later: "{endpoint}". */
static bool is_host_and_port(const char *text)
{
    const char *colon = strrchr(text, ':');
    if (strchr(text, '{') != NULL)
        return true;
    if (colon == NULL || colon == text)
        return false;
    int64_t port;
    return nip__text_int(colon + 1, &port) && port >= 1 && port <= PORT_MAX;
}

static const char *after_scheme(const char *url, const char *scheme)
{
    size_t length = strlen(scheme);
    return nip__text_starts_alike(url, scheme) && url[length] != '\0' ? url + length : NULL;
}

/* An address that can never be asked must not look like a target that is not well. */
static void check_addresses(const nip__value *owner, const char *path, const char *file, nip__problems *problems)
{
    const nip__value *url = nip__get(owner, "url"), *tcp = nip__get(owner, "tcp");
    const char *text = nip__get_text(owner, "url"), *port = text == NULL ? NULL : after_scheme(text, "tcp://");
    if (port != NULL && !is_host_and_port(port))
        problem(url, path, "url", file, problems, "must be tcp://HOST:PORT");
    else if (text != NULL && port == NULL && !after_scheme(text, "http://") && !after_scheme(text, "https://"))
        problem(url, path, "url", file, problems, "must begin with http://, https:// or tcp://, and name a host");
    if (nip__is(tcp, NIP__STRING) && !is_host_and_port(tcp->as.string.text))
        problem(tcp, path, "tcp", file, problems, "must be HOST:PORT");
}

void nip__health_check_part(const nip__value *health, const char *path, const char *file, nip__problems *problems)
{
    check_expect(health, path, file, problems);
    check_addresses(health, path, file, problems);
    for (NIP__EACH(header, nip__get(health, "headers")))
        if (!is_header_value(header))
            problem(header, path, "headers", file, problems,
                    "a header's value must be text, {env: NAME} or {file: PATH}");
    const nip__value *tcp = nip__get(health, "tcp");
    if (tcp != NULL && !nip__is(tcp, NIP__STRING) && !nip__is(tcp, NIP__BOOL))
        problem(tcp, path, "tcp", file, problems, "must be HOST:PORT, or true");
}

static void check_ways(const nip__value *target, const char *path, const char *file, nip__problems *problems)
{
    int given =
        (nip__get(target, "url") != NULL) + (nip__get(target, "tcp") != NULL) + (nip__get(target, "command") != NULL);
    if (given != 1)
        problem(target, path, "", file, problems, "must have exactly one of url, tcp and command");
    const nip__value *tcp = nip__get(target, "tcp");
    if (tcp != NULL && !nip__is(tcp, NIP__STRING))
        problem(tcp, path, "tcp", file, problems, "must be HOST:PORT");
}

static void check_document(const nip__value *normalized, const nip__value *original, const char *file,
                           nip__problems *problems)
{
    (void)original;
    const nip__value *health = nip__get(normalized, "health");
    const nip__value *targets = nip__get(health, "targets");
    if (!nip__is(health, NIP__MAP)) /* the schema has said so */
        return;
    nip__health_check_part(health, "/health", file, problems);
    if (targets == NULL) {
        check_ways(health, "/health", file, problems);
        return;
    }
    if (nip__get(health, "url") != NULL || nip__get(health, "tcp") != NULL || nip__get(health, "command") != NULL)
        problem(health, "/health", "", file, problems,
                "url, tcp and command stand in place of targets, or inside one, not beside them");
    int index = 0;
    for (NIP__EACH(target, targets)) {
        nip__buffer path = NIP__BUFFER(64);
        nip__buffer_printf(&path, "/health/targets/%d", index++);
        check_ways(target, nip__buffer_string(&path), file, problems);
        check_expect(target, nip__buffer_string(&path), file, problems);
        check_addresses(target, nip__buffer_string(&path), file, problems);
        nip__buffer_clear(&path);
    }
}

/* ---- short forms ---- */

/* "http://..." stands for {url: "http://..."}. */
static nip__value *adapt_target(nip__arena *arena, const nip__value *target)
{
    nip__value *copy = nip__copy(arena, target);
    if (!nip__is(target, NIP__STRING) || copy == NULL)
        return copy;
    nip__value *map = nip__map(arena);
    if (map == NULL)
        return NULL;
    map->line = target->line;
    map->column = target->column;
    nip__put(arena, map, "url", copy);
    return map;
}

static nip__value *adapt_targets(nip__arena *arena, const nip__value *targets)
{
    nip__value *list = nip__list(arena);
    if (list == NULL)
        return NULL;
    list->line = targets->line;
    list->column = targets->column;
    if (!nip__is(targets, NIP__LIST))
        nip__push(list, adapt_target(arena, targets));
    for (NIP__EACH(target, nip__is(targets, NIP__LIST) ? targets : NULL))
        nip__push(list, adapt_target(arena, target));
    return list;
}

static nip__value *adapt(nip__arena *arena, const nip__value *root, const char *file, nip__problems *problems)
{
    (void)file;
    (void)problems;
    const nip__value *health = nip__get(root, "health");
    const nip__value *targets = nip__get(health, "targets");
    nip__value *copy = nip__copy(arena, root);
    if (targets == NULL)
        return copy;
    for (nip__value *item = nip__is(copy, NIP__MAP) ? copy->as.items.first : NULL; item != NULL; item = item->next)
        if (nip__text_equal(item->key, "health"))
            nip__put(arena, item, "targets", adapt_targets(arena, targets));
    return copy;
}

const nip__doc_kind nip__doc_health = {
    .name = "health", .fields = document_fields, .check = check_document, .adapt = adapt};
