/* The command driver: settings and verbs. */
#include <string.h>
#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "driver/command_work.h"
#include "driver/ports.h"

static void stop(nip__work *base)
{
    nip__argv_work *work = (nip__argv_work *)base;
    for (size_t i = 0; i < work->job_count; i++)
        nip__command_stop(work->jobs[i].running);
    nip__timer_stop(&work->timer);
}

/* ---- verbs that read ---- */

static void artifact_looked_for(nip__argv_work *work)
{
    nip__value *result = nip__map(work->base.arena);
    nip__put_bool(work->base.arena, result, "exists", work->jobs[0].well);
    nip__put_text(work->base.arena, result, "detail", work->jobs[0].excerpt);
    nip__work_done(&work->base, result);
}

static void begin_artifact(nip__work *base)
{
    nip__argv_work *work = (nip__argv_work *)base;
    const nip__argv_settings *settings = &work->driver->settings;
    const nip__value *args = nip__action_args_value(base->action);
    const char *version = nip__get_text(args, "version"), *artifact = nip__get_text(args, "artifact");
    if (settings->artifact == NULL) {
        nip__value *result = nip__map(base->arena);
        nip__put_bool(base->arena, result, "exists", true);
        nip__put_text(base->arena, result, "detail", "not looked for: the setting `artifact` names no command");
        nip__work_done(base, result);
    } else if (nip__argv_jobs(work, 1)) {
        nip__argv_job_add(
            work, settings->artifact,
            nip__argv_about(work, version, artifact != NULL ? artifact : version, settings->local.port_first));
        nip__argv_run(work, artifact_looked_for);
    }
}

static void observed(nip__argv_work *work)
{
    const nip__local_settings *ports = &work->driver->settings.local;
    nip__value *result = nip__argv_observed(work->base.arena, &work->driver->settings, work->instances);
    nip__ports_judge(work->base.arena, nip__action_args_value(work->base.action), ports->host, ports->port_first, ports->port_last, result);
    nip__work_done(&work->base, result);
}

static void begin_observe(nip__work *base)
{
    nip__argv_list((nip__argv_work *)base, observed);
}

static void selected(nip__argv_work *work)
{
    nip__work_done(&work->base,
                   nip__local_select(work->base.arena, nip__action_args_value(work->base.action), work->instances));
}

static void begin_select(nip__work *base)
{
    nip__argv_list((nip__argv_work *)base, selected);
}

/* ---- adopt: what the list names is this target's already ---- */

static const char *not_listed(const nip__argv_work *work, const nip__value *endpoint, const char *version)
{
    const char *text = nip__is(endpoint, NIP__STRING) ? endpoint->as.string.text : "(not a text)";
    for (size_t i = 0; i < work->instances->count; i++) {
        const nip__local_instance *instance = &work->instances->list[i];
        if (instance->running && strcmp(instance->endpoint, text) == 0 && nip__text_equal(instance->version, version))
            return NULL;
    }
    return text;
}

static void adopted(nip__argv_work *work)
{
    const nip__value *args = nip__action_args_value(work->base.action);
    nip__value *result = nip__map(work->base.arena);
    const char *version = nip__get_text(args, "version"), *absent = NULL;
    for (NIP__EACH(endpoint, nip__get(args, "endpoints")))
        absent = absent != NULL ? absent : not_listed(work, endpoint, version);
    nip__put(work->base.arena, result, "endpoints", nip__copy(work->base.arena, nip__get(args, "endpoints")));
    work->trouble.reason = NULL;
    if (absent != NULL)
        nip__refuse(&work->trouble, "foreign", false,
                    "%.80s cannot be adopted: `list` names no running instance of %.60s there", absent,
                    version == NULL ? "" : version);
    if (nip_action_settles(work->base.action))
        nip__work_settled(&work->base, absent == NULL ? "in_force" : "foreign", result, &work->trouble);
    else if (absent != NULL)
        nip__work_refuse(&work->base, &work->trouble, NULL);
    else
        nip__work_done(&work->base, result);
}

static void begin_adopt(nip__work *base)
{
    nip__argv_list((nip__argv_work *)base, adopted);
}

static void begin_instances(nip__work *base)
{
    nip__argv_instances((nip__argv_work *)base);
}

/* ---- the driver ---- */

static const nip__driver_verb verbs[] = {
    {"artifact", NIP_VERB_READ, begin_artifact},  {"observe", NIP_VERB_READ, begin_observe},
    {"select", NIP_VERB_READ, begin_select},      {"instances", NIP_VERB_DECLARATIVE, begin_instances},
    {"adopt", NIP_VERB_DECLARATIVE, begin_adopt}, {NULL, 0, NULL},
};

static int verb_class(void *self, const char *name)
{
    (void)self;
    const nip__driver_verb *verb = nip__driver_verb_find(verbs, name);
    return verb == NULL ? NIP_E_UNSUPPORTED : verb->verb_class;
}

static int start(void *self, nip_action *action, nip_time now, nip_error **err)
{
    nip__argv_driver *driver = self;
    const nip__driver_verb *verb = nip__driver_verb_find(verbs, nip_action_verb(action));
    (void)now;
    if (verb == NULL)
        return nip__fail(err, NIP_E_UNSUPPORTED, "the command driver has no verb %s", nip_action_verb(action));
    if (driver->loop == NULL)
        return nip__fail(err, NIP_E_STATE, "the command driver is used outside an operation");
    nip__argv_work *work = nip__work_new(sizeof *work, &driver->works, action, stop);
    if (work == NULL)
        return nip__nomem(err);
    work->driver = driver;
    work->instances = nip__arena_alloc(work->base.arena, sizeof *work->instances);
    if (work->instances == NULL) {
        nip__work_drop(&work->base);
        return nip__nomem(err);
    }
    verb->begin(&work->base);
    return 0;
}

static void cancel(void *self, nip_action *action)
{
    nip__argv_driver *driver = self;
    nip__work_cancel(&driver->works, action);
}

static void destroy(void *self)
{
    nip__argv_driver *driver = self;
    nip__work_drop_all(&driver->works);
    nip_ctx_free(driver->ctx);
    nip__arena_free(driver->arena);
    nip__free(driver);
}

static void attach(void *self, struct nip__loop *loop)
{
    nip__argv_driver *driver = self;
    if (loop == NULL)
        nip__work_drop_all(&driver->works);
    driver->loop = loop;
}

/* ---- settings ---- */

/* Two instances must not get the same command. */
static bool tells_apart(const nip__value *command)
{
    static const char *const places[] = {"{port}", "{endpoint}", "{id}"};
    for (NIP__EACH(word, command))
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
            if (nip__is(word, NIP__STRING) && strstr(word->as.string.text, places[i]) != NULL)
                return true;
    return false;
}

static int check_command(const nip__value *command, const char *name, bool of_instance, nip_error **err)
{
    const char *program = nip__is(nip__at(command, 0), NIP__STRING) ? nip__at(command, 0)->as.string.text : "";
    if (command == NULL)
        return 0;
    if (program[0] == '\0')
        return nip__fail(err, NIP_E_DOCUMENT, "command: %s: a program and its arguments are needed", name);
    if (of_instance && !tells_apart(command))
        return nip__fail(err, NIP_E_DOCUMENT,
                         "command: %s: one argument must have {port}, {endpoint} or {id}, else it is the same for all "
                         "instances",
                         name);
    return 0;
}

static int check_settings(nip__argv_settings *settings, const char *ports, nip_error **err)
{
    const struct {
        const nip__value *command;
        const char *name;
        bool of_instance;
    } commands[] = {{settings->start, "start", true},
                    {settings->stop, "stop", true},
                    {settings->list, "list", false},
                    {settings->observe, "observe", true},
                    {settings->artifact, "artifact", false}};
    int rc = 0;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0] && rc == 0; i++)
        rc = check_command(commands[i].command, commands[i].name, commands[i].of_instance, err);
    if (rc < 0)
        return rc;
    const char *wrong = nip__argv_check_lines(settings->lines);
    if (wrong != NULL)
        return nip__fail(err, NIP_E_DOCUMENT, "command: lines: \"%.100s\" cannot be used: %s", settings->lines, wrong);
    if (!nip__local_ports_read(ports, &settings->local.port_first, &settings->local.port_last))
        return nip__fail(err, NIP_E_DOCUMENT, "command: ports: a range like \"9100-9199\" is needed, not %s",
                         ports == NULL ? "nothing" : ports);
    if (!nip__local_host(settings->local.host))
        return nip__fail(err, NIP_E_DOCUMENT, "command: host: an IP address is needed, not %s", settings->local.host);
    return 0;
}

static int open_driver(nip_ctx *ctx, const nip__value *given, void **self, nip_error **err)
{
    nip__argv_driver *driver = nip__calloc(1, sizeof *driver);
    nip__arena *arena = nip__arena_new();
    if (driver == NULL || arena == NULL) {
        nip__arena_free(arena);
        nip__free(driver);
        return nip__nomem(err);
    }
    const nip__value *own = nip__copy(arena, given);
    driver->arena = arena;
    driver->ctx = nip__ctx_hold(ctx);
    driver->settings = (nip__argv_settings){
        .local = {.host = nip__get_text(own, "host")},
        .start = nip__get(own, "start"),
        .stop = nip__get(own, "stop"),
        .list = nip__get(own, "list"),
        .observe = nip__get(own, "observe"),
        .artifact = nip__get(own, "artifact"),
        .lines = nip__get_text(own, "lines"),
        .timeout = nip__get_duration(own, "timeout", NIP_MINUTE),
        .parallel = nip__get_int(own, "parallel", 4),
    };
    int rc = nip__arena_failed(arena) ? nip__nomem(err)
                                      : check_settings(&driver->settings, nip__get_text(own, "ports"), err);
    if (rc < 0)
        destroy(driver);
    else
        *self = driver;
    return rc;
}

static const nip__field word = {.type = NIP__T_TEXT, .flags = NIP__F_NUMBER_TEXT};

static const nip__field fields[] = {
    {.name = "driver", .type = NIP__T_TEXT, .help = "command"},
    {.name = "start",
     .type = NIP__T_LIST,
     .flags = NIP__F_REQUIRED,
     .min = 1,
     .max = 1000,
     .item = &word,
     .help = "starts an instance; {port}, {endpoint}, {host}, {id}, {version}, {artifact} and {app} are filled in. It "
             "ends once "
             "that is under way, and does no harm when the instance runs already"},
    {.name = "stop",
     .type = NIP__T_LIST,
     .flags = NIP__F_REQUIRED,
     .min = 1,
     .max = 1000,
     .item = &word,
     .help = "stops an instance, and does no harm when there is none"},
    {.name = "list",
     .type = NIP__T_LIST,
     .flags = NIP__F_REQUIRED,
     .min = 1,
     .max = 1000,
     .item = &word,
     .help =
         "prints a line for each instance of {app}, the oldest first: it is believed, whatever start and stop said"},
    {.name = "lines",
     .type = NIP__T_TEXT,
     .min = 1,
     .max = 1000,
     .otherwise = "'{endpoint} {version} {state}'",
     .help = "how the words of a line are read; {port}, {host} and {id} too, {} for what does not matter. A line may "
             "also be a "
             "JSON map with these keys"},
    {.name = "observe",
     .type = NIP__T_LIST,
     .min = 1,
     .max = 1000,
     .item = &word,
     .help = "prints what is known of an instance that did not come up: its last line goes into the message"},
    {.name = "artifact",
     .type = NIP__T_LIST,
     .min = 1,
     .max = 1000,
     .item = &word,
     .help = "ends with 0 when {artifact} can be started; without it nobody looks"},
    {.name = "ports",
     .type = NIP__T_RANGE,
     .flags = NIP__F_REQUIRED,
     .help = "ports that instances may have, \"9100-9199\""},
    {.name = "host",
     .type = NIP__T_TEXT,
     .min = 1,
     .max = 64,
     .otherwise = "127.0.0.1",
     .help = "address that instances listen at; ports of another machine are free when the list does not name them"},
    {.name = "timeout",
     .type = NIP__T_DURATION,
     .min = 0.1,
     .max = 86400,
     .otherwise = "1m",
     .help = "longest run of a command, and longest wait until the list shows what was started or stopped"},
    {.name = "parallel",
     .type = NIP__T_INT,
     .min = 1,
     .max = 100,
     .otherwise = "4",
     .help = "commands that run at the same time"},
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

const nip__driver_kind nip__driver_command = {
    .name = "command",
    .fields = fields,
    .vtable = &vtable,
    .services = &services,
    .open = open_driver,
};
