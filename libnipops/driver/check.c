/* The driver "check": asks instances, addresses and this machine how they are. Everything it does only reads. */
#include "driver/check.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "compare/document.h"
#include "health/dependency.h"
#include "health/document.h"

/* ---- arguments ---- */

static const nip__field endpoint_item = {.type = NIP__T_TEXT, .min = 1, .max = 1000};
static const nip__field group_item = {.type = NIP__T_LIST, .max = 100000, .item = &endpoint_item};

#define GROUPS                                                                                                         \
    {.name = "groups", .type = NIP__T_DICT, .item = &group_item, .help = "version: its endpoints"},                    \
    {.name = "except", .type = NIP__T_LIST, .max = 100000, .item = &endpoint_item,                                     \
     .help = "endpoints that are left out"},                                                                           \
    {.name = "artifact", .type = NIP__T_TEXT, .flags = NIP__F_NUMBER_TEXT, .help = "what {artifact} stands for"},      \
    {.name = "expect", .type = NIP__T_MAP, .fields = nip__expect_fields, .help = "what makes an answer good"},         \
    {.name = "env", .type = NIP__T_DICT, .item = &nip__text_item, .help = "environment of a command"}

#define HOW(seconds)                                                                                                   \
    {.name = "headers", .type = NIP__T_DICT, .item = &nip__header_item, .help = "headers to send"},                    \
    {.name = "tls", .type = NIP__T_MAP, .fields = nip__tls_fields, .help = "certificates"},                            \
    {.name = "timeout", .type = NIP__T_DURATION, .min = 0.001, .max = 86400, .otherwise = seconds, .help = "of one try"}

static const nip__field http_fields[] = {
    GROUPS,
    HOW("5s"),
    {.name = "url", .type = NIP__T_TEXT, .flags = NIP__F_REQUIRED, .min = 1, .max = 4096, .help = "what to ask"},
    {0},
};
static const nip__field tcp_fields[] = {
    GROUPS,
    HOW("5s"),
    {.name = "tcp", .type = NIP__T_ANY, .help = "HOST:PORT, if not the endpoint itself"},
    {0},
};
static const nip__field command_fields[] = {
    GROUPS,
    HOW("60s"),
    {.name = "command", .type = NIP__T_LIST, .flags = NIP__F_REQUIRED | NIP__F_ONE_OR_LIST, .min = 1, .max = 1000,
     .item = &nip__text_item, .help = "program and arguments"},
    {0},
};
static const nip__field reachable_fields[] = {
    HOW("5s"),
    {.name = "urls",
     .type = NIP__T_LIST,
     .flags = NIP__F_REQUIRED | NIP__F_ONE_OR_LIST,
     .max = 100000,
     .item = &endpoint_item,
     .help = "tcp://HOST:PORT, http://... or https://..."},
    {0},
};
static const nip__field dependencies_fields[] = {
    {.name = "dependencies",
     .type = NIP__T_LIST,
     .flags = NIP__F_REQUIRED | NIP__F_ONE_OR_LIST,
     .max = NIP__DEPENDENCIES_MAX,
     .item = &nip__dependency_item,
     .help = "what must be usable"},
    {0},
};
static const nip__field settings_fields[] = {
    {.name = "env",
     .type = NIP__T_LIST,
     .flags = NIP__F_REQUIRED | NIP__F_ONE_OR_LIST,
     .max = 100000,
     .item = &endpoint_item,
     .help = "names of environment variables"},
    {0},
};
static const nip__field resources_fields[] = {
    {.name = "path",
     .type = NIP__T_TEXT,
     .min = 1,
     .max = 4096,
     .help = "where disk_free is measured (default: the working folder)"},
    {.name = "disk_free", .type = NIP__T_BYTES, .help = "least free space"},
    {.name = "memory_free", .type = NIP__T_BYTES, .help = "least available memory"},
    {0},
};

static void check_dependencies(const nip__value *args, const char *path, const char *file, nip__problems *problems)
{
    (void)path;
    nip__dependencies_check(nip__get(args, "dependencies"), "/dependencies", file, problems);
}

/* Verbs without `here` ask somebody, and end later. */
static const struct verb {
    const char *name;
    const nip__field *fields;
    void (*here)(nip_action *action, const nip__value *args, nip__arena *arena);
    void (*check)(const nip__value *args, const char *path, const char *file, nip__problems *problems);
} verbs[] = {
    {"http", http_fields, NULL, nip__health_check_part},
    {"tcp", tcp_fields, NULL, nip__health_check_part},
    {"command", command_fields, NULL, nip__health_check_part},
    {"reachable", reachable_fields, NULL, nip__health_check_part},
    {"dependencies", dependencies_fields, NULL, check_dependencies},
    {"settings", settings_fields, nip__check_settings, NULL},
    {"resources", resources_fields, nip__check_resources, NULL},
    {"requests", nip__recording_fields, nip__check_requests, nip__compare_check_part},
    {"compare", nip__replay_fields, NULL, nip__compare_check_part},
};

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (nip__text_equal(verbs[i].name, name))
            return &verbs[i];
    return NULL;
}

/* ---- the driver ---- */

static int verb_class(void *self, const char *name)
{
    (void)self;
    return find_verb(name) != NULL ? NIP_VERB_READ : NIP_E_UNSUPPORTED;
}

static int read_args(const struct verb *verb, const nip_action *action, nip__arena *arena, const nip__value **args,
                     nip_error **err)
{
    nip__problems problems = {0};
    const nip__value *given = nip__action_args_value(action);
    nip__value *normalized = nip__schema_apply(arena, verb->fields, given, "args", "", &problems);
    if (normalized != NULL && verb->check != NULL)
        verb->check(normalized, "", "args", &problems);
    int rc = nip__problems_finish(&problems, NIP_E_INVALID, err);
    if (rc == 0 && normalized == NULL)
        rc = nip__nomem(err);
    if (rc == 0)
        *args = normalized;
    return rc;
}

static int begin(nip__checker *checker, const struct verb *verb, nip_action *action, nip__arena *arena, nip_error **err)
{
    const nip__value *args = NULL;
    int rc = read_args(verb, action, arena, &args, err);
    if (rc < 0)
        return rc;
    if (verb->fields == nip__replay_fields)
        return nip__replay_begin(checker, action, args, arena, err);
    if (verb->fields == dependencies_fields)
        return nip__dependencies_begin(checker, action, args, arena, err);
    if (verb->here == NULL)
        return nip__check_begin(checker, action, verb->name, args, arena, err);
    verb->here(action, args, arena);
    nip__arena_free(arena);
    return 0;
}

static int start(void *self, nip_action *action, nip_time now, nip_error **err)
{
    (void)now;
    nip__checker *checker = self;
    const struct verb *verb = find_verb(nip_action_verb(action));
    if (verb == NULL)
        return nip__fail(err, NIP_E_UNSUPPORTED, "the driver \"check\" has no verb \"%.64s\"", nip_action_verb(action));
    if (verb->here == NULL && checker->loop == NULL)
        return nip__fail(err, NIP_E_STATE, "the driver \"check\" works only inside an operation");
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    int rc = begin(checker, verb, action, arena, err);
    if (rc < 0)
        nip__arena_free(arena);
    return rc;
}

static void cancel(void *self, nip_action *action)
{
    nip__check_cancel(self, action);
    nip__replay_cancel(self, action);
    nip__dependencies_cancel(self, action);
}

static void attach(void *self, nip__loop *loop)
{
    nip__checker *checker = self;
    if (loop == NULL)
        cancel(checker, NULL);
    checker->loop = loop;
}

static void destroy(void *self)
{
    nip__checker *checker = self;
    cancel(checker, NULL);
    nip_ctx_free(checker->ctx);
    nip__free(checker->folder);
    nip__free(checker);
}

static int open_driver(nip_ctx *ctx, const nip__value *settings, void **self, nip_error **err)
{
    nip__checker *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    const char *folder = nip__get_text(settings, "folder");
    *made = (nip__checker){
        .ctx = nip__ctx_hold(ctx), .in_flight = nip__get_int(settings, "in_flight", 0), .folder = nip__strdup(folder)};
    if (folder != NULL && made->folder == NULL) {
        destroy(made);
        return nip__nomem(err);
    }
    *self = made;
    return 0;
}

static const nip__field fields[] = {
    {.name = "driver", .type = NIP__T_TEXT, .help = "check"},
    {.name = "in_flight", .type = NIP__T_INT, .min = 1, .max = 100000, .help = "most tries at once"},
    {.name = "folder", .type = NIP__T_TEXT, .min = 1, .max = 4096, .help = "working folder of commands"},
    {0},
};

static const nip_driver_vtable vtable = {
    .size = sizeof(nip_driver_vtable),
    .verb_class = verb_class,
    .start = start,
    .cancel = cancel,
    .destroy = destroy,
};
static const nip__driver_services services = {.attach = attach};

const nip__driver_kind nip__driver_check = {
    .name = "check",
    .fields = fields,
    .vtable = &vtable,
    .services = &services,
    .open = open_driver,
};
