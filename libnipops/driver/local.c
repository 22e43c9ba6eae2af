/* The local driver: settings and verbs. */
#include "driver/local_work.h"
#include "driver/ports.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

/* ---- verbs ---- */

static bool read_instances(nip__local_work *work)
{
    nip_error *error = NULL;
    if (nip__local_instances_read(work->arena, &work->driver->settings, nip_action_subject(work->action),
                                  work->instances, &error) == 0)
        return true;
    nip__local_fail_error(work, error);
    nip_error_free(error);
    return false;
}

static void begin_artifact(nip__local_work *work)
{
    const nip__value *args = nip__action_args_value(work->action);
    const char *version = nip__get_text(args, "version"), *artifact = nip__get_text(args, "artifact"), *detail = NULL;
    nip__local_start start = {.token = "",
                              .version = version,
                              .artifact = artifact != NULL ? artifact : version,
                              .subject = nip_action_subject(work->action),
                              .port = work->driver->settings.port_first};
    nip__value *result = nip__map(work->arena);
    nip__put_bool(work->arena, result, "exists",
                  nip__local_artifact(work->arena, &work->driver->settings, &start, &detail));
    nip__put_text(work->arena, result, "detail", detail);
    nip__local_answer(work, result);
}

static void begin_observe(nip__local_work *work)
{
    const nip__local_settings *settings = &work->driver->settings;
    if (!read_instances(work))
        return;
    nip__value *result = nip__local_observed(work->arena, settings, work->instances);
    nip__ports_judge(work->arena, nip__action_args_value(work->action), settings->host, settings->port_first, settings->port_last, result);
    nip__local_answer(work, result);
}

static void begin_select(nip__local_work *work)
{
    if (read_instances(work))
        nip__local_answer(work, nip__local_select(work->arena, nip__action_args_value(work->action), work->instances));
}

static void settle(nip__local_work *work)
{
    const char *message = NULL;
    const char *outcome = nip__local_settle(work->arena, nip__action_args_value(work->action),
                                            nip__action_before_value(work->action), work->instances, &message);
    nip_error *error = NULL;
    const nip__value *result = nip__local_instances_result(work, &error);
    if (result == NULL) {
        nip__local_fail_error(work, error);
        nip_error_free(error);
        return;
    }
    nip__action_settled(work->action, outcome, result, message);
    nip__local_work_free(work);
}

static void begin_instances(nip__local_work *work)
{
    const char *wrong = NULL;
    if (!read_instances(work))
        return;
    if (!nip__local_plan_make(work->arena, nip__action_args_value(work->action), work->instances, &work->plan, &wrong))
        nip__local_fail(work, wrong == NULL ? "no_memory" : "bad_arguments", wrong == NULL, "%s",
                        wrong == NULL ? "out of memory" : wrong);
    else if (nip_action_settles(work->action))
        settle(work);
    else
        nip__local_start_all(work);
}

static void begin_adopt(nip__local_work *work)
{
    if (read_instances(work))
        nip__local_adopt(work);
}

static const struct verb {
    const char *name;
    int verb_class;
    void (*begin)(nip__local_work *work);
} verbs[] = {
    {"artifact", NIP_VERB_READ, begin_artifact},  {"observe", NIP_VERB_READ, begin_observe},
    {"select", NIP_VERB_READ, begin_select},      {"instances", NIP_VERB_DECLARATIVE, begin_instances},
    {"adopt", NIP_VERB_DECLARATIVE, begin_adopt}, {NULL, 0, NULL},
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

/* ---- the driver ---- */

/* One spelling of the folder's path, since processes bear it. */
static int prepare_folder(nip__local_driver *driver, nip_error **err)
{
    const char *given = nip__ctx_state_dir(driver->ctx);
    if (driver->settings.state_dir != NULL)
        return 0;
    if (given == NULL)
        return nip__fail(err, NIP_E_STATE,
                         "the local driver must remember what it started: set \"state.dir\" in the context");
    if (nip__file_make_folder(given, err) < 0)
        return nip__wrap(err, "the local driver's state folder");
    char resolved[PATH_MAX];
    if (realpath(given, resolved) == NULL)
        return nip__fail_errno(err, NIP_E_IO, errno, "state folder %s cannot be resolved", given);
    driver->settings.state_dir = nip__arena_text(driver->arena, resolved);
    return driver->settings.state_dir != NULL ? 0 : nip__nomem(err);
}

static int start(void *self, nip_action *action, nip_time now, nip_error **err)
{
    nip__local_driver *driver = self;
    const struct verb *verb = find_verb(nip_action_verb(action));
    (void)now;
    if (verb == NULL)
        return nip__fail(err, NIP_E_UNSUPPORTED, "the local driver has no verb %s", nip_action_verb(action));
    if (driver->loop == NULL)
        return nip__fail(err, NIP_E_STATE, "the local driver is used outside an operation");
    if (!nip__text_subject(nip_action_subject(action)))
        return nip__fail(err, NIP_E_INVALID, "the subject of an action at the local driver must be a plain name");
    int rc = prepare_folder(driver, err);
    if (rc < 0)
        return rc;
    nip__local_work *work = nip__local_work_new(driver, action);
    if (work == NULL)
        return nip__nomem(err);
    verb->begin(work);
    return 0;
}

static void cancel(void *self, nip_action *action)
{
    nip__local_driver *driver = self;
    for (nip__local_work *work = driver->works; work != NULL; work = work->next)
        if (work->action == action) {
            nip__local_work_free(work);
            return;
        }
}

static void drop_works(nip__local_driver *driver)
{
    while (driver->works != NULL)
        nip__local_work_free(driver->works);
}

/* Processes live on. */
static void destroy(void *self)
{
    nip__local_driver *driver = self;
    drop_works(driver);
    nip_ctx_free(driver->ctx);
    nip__arena_free(driver->arena);
    nip__free(driver);
}

static void attach(void *self, struct nip__loop *loop)
{
    nip__local_driver *driver = self;
    if (loop == NULL)
        drop_works(driver);
    driver->loop = loop;
}

static int check_settings(nip__local_settings *settings, const char *ports, nip_error **err)
{
    const nip__value *program = nip__at(settings->command, 0);
    if (!nip__is(program, NIP__STRING) || program->as.string.text[0] == '\0')
        return nip__fail(err, NIP_E_DOCUMENT, "local: command: a program and its arguments are needed");
    if (!nip__local_ports_read(ports, &settings->port_first, &settings->port_last))
        return nip__fail(err, NIP_E_DOCUMENT, "local: ports: a range like \"9100-9199\" is needed, not %s",
                         ports == NULL ? "nothing" : ports);
    if (!nip__local_host(settings->host))
        return nip__fail(err, NIP_E_DOCUMENT, "local: host: an IP address is needed, not %s",
                         settings->host == NULL ? "nothing" : settings->host);
    if (settings->log_dir != NULL && settings->log_dir[0] != '/')
        return nip__fail(err, NIP_E_DOCUMENT, "local: log_dir: an absolute path is needed, not %s", settings->log_dir);
    return 0;
}

static int open_driver(nip_ctx *ctx, const nip__value *given, void **self, nip_error **err)
{
    nip__local_driver *driver = nip__calloc(1, sizeof *driver);
    nip__arena *arena = nip__arena_new();
    if (driver == NULL || arena == NULL) {
        nip__arena_free(arena);
        nip__free(driver);
        return nip__nomem(err);
    }
    const nip__value *own = nip__copy(arena, given);
    driver->arena = arena;
    driver->ctx = nip__ctx_hold(ctx);
    driver->settings = (nip__local_settings){
        .command = nip__get(own, "command"),
        .env = nip__get(own, "env"),
        .host = nip__get_text(own, "host"),
        .folder = nip__get_text(own, "folder"),
        .log_dir = nip__get_text(own, "log_dir"),
        .artifact_path = nip__get_text(own, "artifact_path"),
        .stop_grace = nip__get_duration(own, "stop_grace", 10 * NIP_SECOND),
        .start_timeout = nip__get_duration(own, "start_timeout", 10 * NIP_SECOND),
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
static const nip__field any = {.type = NIP__T_ANY};

static const nip__field fields[] = {
    {.name = "driver", .type = NIP__T_TEXT, .help = "local"},
    {.name = "command",
     .type = NIP__T_LIST,
     .flags = NIP__F_REQUIRED,
     .min = 1,
     .max = 1000,
     .item = &word,
     .help = "program and arguments; {port}, {version}, {artifact}, {app} and {host} are filled in"},
    {.name = "ports",
     .type = NIP__T_RANGE,
     .flags = NIP__F_REQUIRED,
     .help = "ports that instances may have, \"9100-9199\""},
    {.name = "host",
     .type = NIP__T_TEXT,
     .min = 1,
     .max = 64,
     .otherwise = "127.0.0.1",
     .help = "address that instances listen at"},
    {.name = "stop_grace",
     .type = NIP__T_DURATION,
     .max = 86400,
     .otherwise = "10s",
     .help = "from SIGTERM to SIGKILL"},
    {.name = "start_timeout",
     .type = NIP__T_DURATION,
     .max = 86400,
     .otherwise = "10s",
     .help = "longest wait until instances listen; after it their health check decides"},
    {.name = "env",
     .type = NIP__T_DICT,
     .item = &any,
     .help = "more environment: NAME: text, {env: NAME} or {file: PATH}"},
    {.name = "folder", .type = NIP__T_TEXT, .min = 1, .max = 4096, .help = "working directory"},
    {.name = "log_dir",
     .type = NIP__T_TEXT,
     .min = 1,
     .max = 4096,
     .help = "where output goes; default: beside the state of the instances"},
    {.name = "artifact_path",
     .type = NIP__T_TEXT,
     .min = 1,
     .max = 4096,
     .help = "path that exists when an artifact does, with {artifact} and {version}; default: the program"},
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

const nip__driver_kind nip__driver_local = {
    .name = "local",
    .fields = fields,
    .vtable = &vtable,
    .services = &services,
    .open = open_driver,
};
