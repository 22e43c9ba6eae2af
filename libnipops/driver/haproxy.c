/* The haproxy driver: settings, verbs, and actions under way. */
#include "driver/haproxy_work.h"
#include <string.h>
#include <sys/un.h>
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "doc/json.h"

enum { CONFIG_MAX = 4 * 1024 * 1024 };

/* ---- actions under way ---- */

static void release(nip__haproxy_work *work)
{
    nip__haproxy_exchange_stop(work->exchange);
    if (work->previous != NULL)
        work->previous->next = work->next;
    else
        work->driver->works = work->next;
    if (work->next != NULL)
        work->next->previous = work->previous;
    nip__arena_free(work->arena);
    nip__free(work);
}

static nip__haproxy_work *new_work(nip__haproxy_driver *driver, nip_action *action)
{
    nip__haproxy_work *work = nip__calloc(1, sizeof *work);
    nip__arena *arena = nip__arena_new();
    if (work == NULL || arena == NULL) {
        nip__arena_free(arena);
        nip__free(work);
        return NULL;
    }
    work->driver = driver;
    work->action = action;
    work->arena = arena;
    work->next = driver->works;
    if (work->next != NULL)
        work->next->previous = work;
    driver->works = work;
    return work;
}

void nip__haproxy_fail(nip__haproxy_work *work, const nip__trouble *trouble, const nip__value *result)
{
    nip_action *action = work->action;
    nip__trouble kept = *trouble; /* it may be the work's own */
    nip__action_failed(action, kept.reason, kept.retryable, result, "%s", kept.message);
    release(work);
}

static void fail_for_memory(nip__haproxy_work *work)
{
    nip__trouble trouble;
    nip__refuse(&trouble, "no_memory", true, "out of memory");
    nip__haproxy_fail(work, &trouble, NULL);
}

void nip__haproxy_done(nip__haproxy_work *work, const nip__value *result)
{
    if (nip__arena_failed(work->arena)) {
        fail_for_memory(work);
        return;
    }
    nip__action_done(work->action, result);
    release(work);
}

/* As nip__action_settled, with the reason that the machine looks for: "router_restarted". */
void nip__haproxy_settled(nip__haproxy_work *work, const char *outcome, nip__value *result, const nip__trouble *trouble)
{
    nip__value *report = nip__map(work->arena);
    nip__put_text(work->arena, report, "outcome", outcome);
    nip__put(work->arena, report, "result", result);
    nip__put_text(work->arena, report, "reason", trouble->reason);
    nip__put_text(work->arena, report, "message", trouble->reason == NULL ? NULL : trouble->message);
    char *text = nip__arena_failed(work->arena) ? NULL : nip__json_text(report);
    if (text == NULL) {
        fail_for_memory(work);
        return;
    }
    nip_action_complete(work->action, text, NULL);
    nip__free(text);
    release(work);
}

bool nip__haproxy_take(nip__haproxy_work *work, const char *text, size_t length)
{
    const nip__haproxy_driver *driver = work->driver;
    if (nip__haproxy_read_state(work->arena, text, length, driver->backend, driver->prefix, &work->state,
                                &work->trouble))
        return true;
    nip__haproxy_fail(work, &work->trouble, NULL);
    return false;
}

static void answered(void *data, const nip__trouble *trouble, const char *text, size_t length)
{
    nip__haproxy_work *work = data;
    work->exchange = NULL;
    work->trouble = *trouble;
    if (trouble->reason == NULL)
        work->step(work, text, length);
    else if (work->unanswered != NULL)
        work->unanswered(work, text, length);
    else
        nip__haproxy_fail(work, trouble, NULL);
}

void nip__haproxy_ask(nip__haproxy_work *work, const char *commands, nip__haproxy_step *step)
{
    const nip__haproxy_driver *driver = work->driver;
    nip_error *error = NULL;
    nip__trouble trouble;
    work->step = step;
    if (commands == NULL) {
        fail_for_memory(work);
        return;
    }
    int rc = nip__haproxy_exchange_start(driver->loop, driver->socket, commands, driver->timeout, answered, work,
                                         &work->exchange, &error);
    if (rc < 0) {
        nip__refuse(&trouble, rc == NIP_E_NOMEM ? "no_memory" : "internal", true, "%s", nip_error_message(error));
        nip__haproxy_fail(work, &trouble, NULL);
    }
    nip_error_free(error);
}

/* ---- reading verbs ---- */

static void sessions_answered(nip__haproxy_work *work, const char *text, size_t length)
{
    if (nip__haproxy_take(work, text, length))
        nip__haproxy_done(
            work, nip__haproxy_sessions_result(work->arena, &work->state, nip__action_args_value(work->action)));
}

static void begin_sessions(nip__haproxy_work *work)
{
    nip__haproxy_ask(work, nip__haproxy_read_command(work->arena, work->driver->backend), sessions_answered);
}

/* Instances that are measured are in traffic. A backend without a single one of them was wiped: nobody is served. */
static void measure_answered(nip__haproxy_work *work, const char *text, size_t length)
{
    if (!nip__haproxy_take(work, text, length))
        return;
    if (nip__haproxy_wiped(&work->state)) {
        nip__trouble trouble;
        nip__refuse(&trouble, "router_restarted", false, "%s", NIP__HAPROXY_FORGOT);
        nip__haproxy_fail(work, &trouble, NULL);
        return;
    }
    nip__haproxy_done(work,
                      nip__haproxy_measure_result(work->arena, &work->state, nip__action_args_value(work->action)));
}

static void begin_measure(nip__haproxy_work *work)
{
    nip__haproxy_ask(work, nip__haproxy_read_command(work->arena, work->driver->backend), measure_answered);
}

/* ---- observe ---- */

static void warn_of_algorithm(nip__haproxy_work *work, nip__value *problems, nip__value *warnings)
{
    static const char *const exact[] = {"", "roundrobin", "random", NULL};
    static const char *const fixed[] = {"static-rr", "first", "map-based", NULL};
    const char *algorithm = work->state.algorithm, *backend = work->driver->backend;
    for (size_t i = 0; exact[i] != NULL; i++)
        if (strcmp(algorithm, exact[i]) == 0)
            return;
    for (size_t i = 0; fixed[i] != NULL; i++)
        if (strcmp(algorithm, fixed[i]) == 0) {
            nip__push_text(work->arena, problems,
                           nip__arena_printf(
                               work->arena,
                               "`balance %.40s` takes no weights at run time: write `balance roundrobin` in backend %s",
                               algorithm, backend));
            return;
        }
    nip__push_text(
        work->arena, warnings,
        nip__arena_printf(work->arena,
                          "`balance %.40s` meets shares only roughly: write `balance roundrobin` in backend %s",
                          algorithm, backend));
}

static void warn_of_template(nip__haproxy_work *work, nip__value *warnings)
{
    for (size_t i = 0; i < work->state.count; i++) {
        const nip__haproxy_slot *slot = &work->state.slots[i];
        if (slot->maint || !nip__haproxy_blank(&work->state, slot))
            continue;
        nip__push_text(
            work->arena, warnings,
            nip__arena_printf(work->arena,
                              "server %s takes requests although nothing runs at its address: add `disabled` to the "
                              "`server-template` line of backend %s",
                              slot->name, work->driver->backend));
        return;
    }
}

static void warn_of_config(nip__haproxy_work *work, nip__value *warnings)
{
    const nip__haproxy_driver *driver = work->driver;
    nip__buffer text = NIP__BUFFER(CONFIG_MAX);
    nip_error *error = NULL;
    if (driver->config == NULL)
        nip__push_text(work->arena, warnings,
                       "whether HAProxy tries another server (option redispatch) and keeps weights over a reload "
                       "(server-state-file) cannot be "
                       "seen through its socket: name its configuration file in the setting `config`");
    else if (nip__file_read(driver->config, CONFIG_MAX, &text, &error) < 0)
        nip__push_text(work->arena, warnings, nip_error_message(error));
    else
        nip__haproxy_config_warnings(work->arena, nip__buffer_string(&text), driver->backend, warnings);
    nip__buffer_clear(&text);
    nip_error_free(error);
}

static void check_socket(nip__haproxy_work *work, nip__value *problems)
{
    const char *refusal = work->state.refusal;
    if (refusal != NULL && nip__text_starts(refusal, "Permission denied"))
        nip__push_text(
            work->arena, problems,
            nip__arena_printf(work->arena,
                              "the socket accepts no changes: write `stats socket %s mode 600 level admin` in `global`",
                              work->driver->socket));
}

static void check_slots(nip__haproxy_work *work, const nip__value *found, nip__value *problems)
{
    int64_t needed = nip__get_int(nip__action_args_value(work->action), "slots_needed", 0),
            unused = nip__get_int(found, "slots_free", 0);
    if (unused >= needed)
        return;
    nip__push_text(work->arena, problems,
                   nip__arena_printf(
                       work->arena,
                       "%lld free servers are needed, %lld of %zu are free: raise the number on the `server-template` "
                       "line of backend %s by %lld",
                       (long long)needed, (long long)unused, work->state.count, work->driver->backend,
                       (long long)(needed - unused)));
}

static void observed(nip__haproxy_work *work, nip__value *problems, nip__value *warnings, nip__value *found)
{
    nip__put_bool(work->arena, found, "usable", nip__count(problems) == 0);
    nip__put(work->arena, found, "problems", problems);
    nip__put(work->arena, found, "warnings", warnings);
    nip__haproxy_done(work, found);
}

/* A router that does not answer, or answers nonsense, was observed too: it is not usable. */
static void observe_trouble(nip__haproxy_work *work, const char *text, size_t length)
{
    (void)text, (void)length;
    nip__value *problems = nip__list(work->arena), *found = nip__map(work->arena);
    nip__push_text(work->arena, problems, work->trouble.message);
    if (nip__text_equal(work->trouble.reason, "unreachable"))
        nip__push_text(work->arena, problems,
                       nip__arena_printf(work->arena,
                                         "HAProxy must run with `stats socket %s mode 600 level admin` in `global`",
                                         work->driver->socket));
    nip__haproxy_describe(work->arena, &work->state, found);
    observed(work, problems, nip__list(work->arena), found);
}

static void observe_answered(nip__haproxy_work *work, const char *text, size_t length)
{
    const nip__haproxy_driver *driver = work->driver;
    nip__value *problems = nip__list(work->arena), *warnings = nip__list(work->arena), *found = nip__map(work->arena);
    if (!nip__haproxy_read_state(work->arena, text, length, driver->backend, driver->prefix, &work->state,
                                 &work->trouble)) {
        observe_trouble(work, text, length);
        return;
    }
    nip__haproxy_describe(work->arena, &work->state, found);
    check_socket(work, problems);
    check_slots(work, found, problems);
    warn_of_algorithm(work, problems, warnings);
    warn_of_template(work, warnings);
    warn_of_config(work, warnings);
    observed(work, problems, warnings, found);
}

/* Whether the socket accepts writes shows in its answer to one for a server that cannot exist. */
static void begin_observe(nip__haproxy_work *work)
{
    const char *read = nip__haproxy_read_command(work->arena, work->driver->backend);
    work->unanswered = observe_trouble;
    nip__haproxy_ask(
        work,
        nip__arena_printf(work->arena, "set server %s/~ weight 1;%s", work->driver->backend, read == NULL ? "" : read),
        observe_answered);
}

/* ---- the driver ---- */

static const struct verb {
    const char *name;
    int verb_class;
    void (*begin)(nip__haproxy_work *work);
} verbs[] = {
    {"route", NIP_VERB_DECLARATIVE, nip__haproxy_route},
    {"sessions", NIP_VERB_READ, begin_sessions},
    {"observe", NIP_VERB_READ, begin_observe},
    {"measure", NIP_VERB_READ, begin_measure},
    {NULL, 0, NULL},
};

static const struct verb *find_verb(const char *name)
{
    for (const struct verb *verb = verbs; verb->name != NULL; verb++)
        if (strcmp(verb->name, name) == 0)
            return verb;
    return NULL;
}

static int verb_class(void *self, const char *name)
{
    (void)self;
    const struct verb *verb = find_verb(name);
    return verb == NULL ? NIP_E_UNSUPPORTED : verb->verb_class;
}

static int start(void *self, nip_action *action, nip_time now, nip_error **err)
{
    nip__haproxy_driver *driver = self;
    const struct verb *verb = find_verb(nip_action_verb(action));
    (void)now;
    if (verb == NULL)
        return nip__fail(err, NIP_E_UNSUPPORTED, "the haproxy driver has no verb %s", nip_action_verb(action));
    if (driver->loop == NULL)
        return nip__fail(err, NIP_E_STATE, "the haproxy driver is used outside an operation");
    nip__haproxy_work *work = new_work(driver, action);
    if (work == NULL)
        return nip__nomem(err);
    verb->begin(work);
    return 0;
}

static void cancel(void *self, nip_action *action)
{
    nip__haproxy_driver *driver = self;
    for (nip__haproxy_work *work = driver->works; work != NULL; work = work->next)
        if (work->action == action) {
            release(work);
            return;
        }
}

static void destroy(void *self)
{
    nip__haproxy_driver *driver = self;
    while (driver->works != NULL)
        release(driver->works);
    nip_ctx_free(driver->ctx);
    nip__arena_free(driver->arena);
    nip__free(driver);
}

static void attach(void *self, struct nip__loop *loop)
{
    nip__haproxy_driver *driver = self;
    while (loop == NULL && driver->works != NULL)
        release(driver->works); /* the loop goes: nobody waits for these any more */
    driver->loop = loop;
}

static int check_settings(const nip__haproxy_driver *driver, nip_error **err)
{
    if (!nip__haproxy_name(driver->backend))
        return nip__fail(err, NIP_E_DOCUMENT,
                         "haproxy: backend: a name has letters, digits, '-', '_', '.' and ':' only");
    if (driver->prefix != NULL && !nip__haproxy_name(driver->prefix))
        return nip__fail(err, NIP_E_DOCUMENT,
                         "haproxy: slot_prefix: a name has letters, digits, '-', '_', '.' and ':' only");
    if (driver->socket == NULL || strlen(driver->socket) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return nip__fail(err, NIP_E_DOCUMENT, "haproxy: socket: the path of a unix socket has at most %zu bytes",
                         sizeof((struct sockaddr_un *)0)->sun_path - 1);
    return 0;
}

static int open_driver(nip_ctx *ctx, const nip__value *settings, void **self, nip_error **err)
{
    nip__haproxy_driver *driver = nip__calloc(1, sizeof *driver);
    nip__arena *arena = nip__arena_new();
    if (driver == NULL || arena == NULL) {
        nip__arena_free(arena);
        nip__free(driver);
        return nip__nomem(err);
    }
    driver->arena = arena;
    driver->ctx = nip__ctx_hold(ctx);
    driver->socket = nip__arena_text(arena, nip__get_text(settings, "socket"));
    driver->backend = nip__arena_text(arena, nip__get_text(settings, "backend"));
    driver->prefix = nip__arena_text(arena, nip__get_text(settings, "slot_prefix"));
    driver->config = nip__arena_text(arena, nip__get_text(settings, "config"));
    driver->timeout = nip__get_duration(settings, "timeout", 5 * NIP_SECOND);
    int rc = nip__arena_failed(arena) ? nip__nomem(err) : check_settings(driver, err);
    if (rc < 0)
        destroy(driver);
    else
        *self = driver;
    return rc;
}

static const nip__field fields[] = {
    {.name = "driver", .type = NIP__T_TEXT, .help = "haproxy"},
    {.name = "socket",
     .type = NIP__T_TEXT,
     .flags = NIP__F_REQUIRED,
     .min = 1,
     .max = 107,
     .help = "path of HAProxy's runtime socket (`stats socket PATH mode 600 level admin`)"},
    {.name = "backend",
     .type = NIP__T_TEXT,
     .flags = NIP__F_REQUIRED,
     .min = 1,
     .max = 255,
     .help = "backend whose servers take the instances; it has a `server-template` with enough of them, `disabled`"},
    {.name = "timeout",
     .type = NIP__T_DURATION,
     .min = 0.1,
     .max = 300,
     .otherwise = "5s",
     .help = "longest wait for a reply"},
    {.name = "slot_prefix",
     .type = NIP__T_TEXT,
     .min = 1,
     .max = 255,
     .help = "only servers whose names begin so are used; others of the backend are left alone"},
    {.name = "config",
     .type = NIP__T_TEXT,
     .min = 1,
     .max = 4096,
     .help = "HAProxy's configuration file, read for warnings that its socket cannot give"},
    {.name = NULL},
};

static const nip_driver_vtable vtable = {
    .size = sizeof(nip_driver_vtable),
    .verb_class = verb_class,
    .start = start,
    .cancel = cancel,
    .destroy = destroy,
};

static const nip__driver_services services = {.attach = attach};
static const char *const capabilities[] = {"metrics.error_rate", NULL};

const nip__driver_kind nip__driver_haproxy = {
    .name = "haproxy",
    .fields = fields,
    .vtable = &vtable,
    .services = &services,
    .open = open_driver,
    .capabilities = capabilities,
};
