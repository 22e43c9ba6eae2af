/* The nginx driver: settings, and the verbs that only read. */
#include <string.h>
#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "driver/nginx_work.h"

static void stop(nip__work *base)
{
    nip__nginx_work *work = (nip__nginx_work *)base;
    nip__http_stop(work->http);
    nip__command_stop(work->command);
    nip__timer_stop(&work->timer);
    nip__buffer_clear(&work->old);
}

/* ---- sessions ---- */

/* nginx tells no sessions of a server. An endpoint that gets no new requests can only have some in workers of earlier
 * generations, each of which has at least one connection open and ends with its last: none of them, no session. */
static void begin_sessions(nip__work *base)
{
    nip__nginx_work *work = (nip__nginx_work *)base;
    nip__arena *arena = base->arena;
    int64_t old = nip__nginx_old_workers(arena, &work->driver->settings);
    if (old < 0) {
        nip__work_fail(base, "unsupported", true, NULL,
                       "the workers of nginx cannot be seen: name its pid file in the setting `pid`");
        return;
    }
    nip__value *result = nip__map(arena), *endpoints = nip__map(arena);
    for (NIP__EACH(item, nip__get(nip__action_args_value(base->action), "endpoints")))
        if (nip__is(item, NIP__STRING) && nip__get(endpoints, item->as.string.text) == NULL)
            nip__put_int(arena, endpoints, item->as.string.text, old);
    nip__put_int(arena, result, "sessions", nip__count(endpoints) > 0 ? old : 0);
    nip__put(arena, result, "endpoints", endpoints);
    nip__work_done(base, result);
}

/* ---- observe ---- */

static void say(const nip__nginx_work *work, nip__value *list, const char *text)
{
    nip__push_text(work->base.arena, list, text);
}

/* What a write that repairs puts right: then the file, and what nginx says because of it, are no problem. */
static bool is_repaired(const nip__nginx_work *work)
{
    bool at_fault = work->file.found == NIP__NGINX_MISSING || work->file.found == NIP__NGINX_EDITED;
    return at_fault && nip__nginx_repairs(work);
}

static void judge_file(nip__nginx_work *work, nip__value *problems, nip__value *warnings)
{
    nip__arena *arena = work->base.arena;
    const char *file = work->driver->settings.file, *name = work->driver->settings.upstream;
    bool repaired = is_repaired(work);
    nip__value *list = repaired ? warnings : problems;
    if (work->file.found == NIP__NGINX_MISSING)
        say(work, list,
            repaired ? nip__arena_printf(arena, "%s is missing or empty: it is written anew", file)
                     : nip__arena_printf(arena,
                                         "%s is missing or empty. Before the first release it holds these lines: `# "
                                         "nipops %s` and `upstream %s { server 127.0.0.1:1 down; }`",
                                         file, name, name));
    else if (work->file.found == NIP__NGINX_ALIEN)
        say(work, problems,
            nip__arena_printf(arena, "%s was not written by nipops: name another `file`, or move it away", file));
    else if (work->file.found == NIP__NGINX_EDITED)
        say(work, list,
            nip__arena_printf(arena, "%s was changed by hand after nipops wrote generation %lld: %s", file,
                              (long long)work->file.generation,
                              repaired ? "it is written anew, and the text is kept"
                                       : "undo that, or have `nipops ensure` write it anew (the text is kept, and the "
                                         "answer says where)"));
}

static void judge_running(nip__nginx_work *work, nip__value *problems, nip__value *warnings)
{
    nip__arena *arena = work->base.arena;
    const nip__nginx_settings *settings = &work->driver->settings;
    nip__trouble trouble;
    pid_t master;
    bool visible = nip__nginx_master(settings, &master, &trouble);
    work->lacks_memory |= !visible && nip__text_equal(trouble.reason, "no_memory");
    if (!visible && settings->pid != NULL)
        say(work, problems, trouble.message);
    if (!visible && settings->pid == NULL)
        say(work, warnings,
            "without `pid` nobody sees whether workers of an earlier generation are left: draining waits its whole "
            "time");
    if (work->ran_unknown)
        say(work, warnings,
            nip__arena_printf(arena, "nobody knows whether nginx accepts its configuration: %s", work->excerpt));
    else if (!work->ran_well)
        say(work, is_repaired(work) ? warnings : problems,
            nip__arena_printf(arena, "nginx refuses its configuration: %s", work->excerpt));
    if (work->dump.copy[0] != '\0')
        say(work, problems,
            nip__arena_printf(arena, "nginx reads %s, a copy of %s: move it to where nothing includes it",
                              work->dump.copy, settings->file));
    else if (work->dump.told && !work->dump.includes)
        say(work, is_repaired(work) ? warnings : problems,
            nip__arena_printf(arena, "nginx's configuration does not include %s: write `include %s;` in its `http`",
                              settings->file, settings->file));
    if (work->file.found == NIP__NGINX_OURS && !work->running.answered)
        say(work, warnings,
            nip__arena_printf(arena, "what nginx has in force is not known: %s", work->running.problem));
    else if (work->file.found == NIP__NGINX_OURS && !nip__nginx_in_force(work))
        say(work, warnings,
            nip__arena_printf(arena, "nginx works by generation %lld, the file has generation %lld",
                              (long long)work->running.generation, (long long)work->file.generation));
}

static void observed(nip__nginx_work *work)
{
    nip__arena *arena = work->base.arena;
    nip__value *found = nip__map(arena), *problems = nip__list(arena), *warnings = nip__list(arena);
    bool known = nip__nginx_in_force(work);
    judge_file(work, problems, warnings);
    judge_running(work, problems, warnings);
    if (work->lacks_memory) { /* nothing of that is nginx's fault */
        nip__work_fail(&work->base, "no_memory", true, NULL, "out of memory");
        return;
    }
    nip__put_bool(arena, found, "usable", nip__count(problems) == 0);
    nip__put(arena, found, "problems", problems);
    nip__put(arena, found, "warnings", warnings);
    nip__put_bool(arena, found, "groups_known", known);
    nip__put(
        arena, found, "endpoints",
        known ? nip__nginx_endpoints(arena, &work->file.state, nip__nginx_old_workers(arena, &work->driver->settings))
              : nip__map(arena));
    nip__put_bool(arena, found, "restarted", !known);
    nip__put_bool(arena, found, "mirrors", work->dump.mirrors);
    if (known)
        nip__put(arena, found, "mirror",
                 nip__copy(arena, nip__get(nip__nginx_mirror_result(arena, &work->file.state), "mirror")));
    nip__work_done(&work->base, found);
}

static void test_for_observe(nip__nginx_work *work)
{
    if (work->lacks_memory)
        nip__work_fail(&work->base, "no_memory", true, NULL, "out of memory");
    else
        nip__nginx_test(work, observed);
}

static void begin_observe(nip__work *base)
{
    nip__nginx_work *work = (nip__nginx_work *)base;
    if (nip__nginx_look(work))
        nip__nginx_ask(work, test_for_observe);
}

/* ---- the driver ---- */

static void begin_route(nip__work *base)
{
    nip__nginx_write((nip__nginx_work *)base);
}

static void begin_mirror(nip__work *base)
{
    nip__nginx_work *work = (nip__nginx_work *)base;
    work->mirrors = true;
    nip__nginx_write(work);
}

static const nip__driver_verb verbs[] = {
    {"route", NIP_VERB_DECLARATIVE, begin_route},
    {"mirror", NIP_VERB_DECLARATIVE, begin_mirror},
    {"sessions", NIP_VERB_READ, begin_sessions},
    {"observe", NIP_VERB_READ, begin_observe},
    {NULL, 0, NULL},
};

static int verb_class(void *self, const char *name)
{
    (void)self;
    const nip__driver_verb *verb = nip__driver_verb_find(verbs, name);
    return verb == NULL ? NIP_E_UNSUPPORTED : verb->verb_class;
}

static int start(void *self, nip_action *action, nip_time now, nip_error **err)
{
    nip__nginx_driver *driver = self;
    const nip__driver_verb *verb = nip__driver_verb_find(verbs, nip_action_verb(action));
    (void)now;
    if (verb == NULL)
        return nip__fail(err, NIP_E_UNSUPPORTED, "the nginx driver has no verb %s", nip_action_verb(action));
    if (driver->loop == NULL)
        return nip__fail(err, NIP_E_STATE, "the nginx driver is used outside an operation");
    nip__nginx_work *work = nip__work_new(sizeof *work, &driver->works, action, stop);
    if (work == NULL)
        return nip__nomem(err);
    work->driver = driver;
    verb->begin(&work->base);
    return 0;
}

static void cancel(void *self, nip_action *action)
{
    nip__nginx_driver *driver = self;
    nip__work_cancel(&driver->works, action);
}

static void destroy(void *self)
{
    nip__nginx_driver *driver = self;
    nip__work_drop_all(&driver->works);
    nip_ctx_free(driver->ctx);
    nip__arena_free(driver->arena);
    nip__free(driver);
}

static void attach(void *self, struct nip__loop *loop)
{
    nip__nginx_driver *driver = self;
    if (loop == NULL)
        nip__work_drop_all(&driver->works);
    driver->loop = loop;
}

static int check_settings(const nip__nginx_settings *settings, nip_error **err)
{
    char endpoint[NIP__ENDPOINT_MAX];
    if (!nip__nginx_name(settings->upstream))
        return nip__fail(
            err, NIP_E_DOCUMENT,
            "nginx: upstream: a name has letters, digits and '_' only, begins with no digit, and has at most "
            "%d bytes",
            NIP__NGINX_NAME_MAX);
    if (!nip__endpoint_read(settings->status, endpoint) ||
        !(nip__text_starts(endpoint, "127.") || nip__text_starts(endpoint, "[::1]:")))
        return nip__fail(err, NIP_E_DOCUMENT,
                         "nginx: status: a free port of this machine is needed, like 127.0.0.1:9091, not %.80s",
                         settings->status);
    if (settings->file[0] != '/' || strpbrk(settings->file, " \t\r\n;{}\"'\\$*?[") != NULL)
        return nip__fail(err, NIP_E_DOCUMENT,
                         "nginx: file: an absolute path is needed without spaces and signs that nginx reads otherwise, "
                         "not %.200s",
                         settings->file);
    if (!nip__nginx_key(settings->key))
        return nip__fail(err, NIP_E_DOCUMENT,
                         "nginx: key: variables are needed like $request_id or $cookie_session, not %.80s",
                         settings->key);
    return 0;
}

static void take_settings(const nip__value *own, nip__nginx_settings *settings)
{
    const char *pid = nip__get_text(own, "pid");
    *settings = (nip__nginx_settings){
        .file = nip__get_text(own, "file"),
        .upstream = nip__get_text(own, "upstream"),
        .status = nip__get_text(own, "status"),
        .conf = nip__get_text(own, "conf"),
        .nginx = nip__get(own, "nginx"),
        .reload = nip__get(own, "reload"),
        .by = nip__text_equal(nip__get_text(own, "share_by"), "key") ? NIP__NGINX_SPLIT : NIP__NGINX_WEIGHTS,
        .key = nip__get_text(own, "key"),
        .max_fails = nip__get_int(own, "max_fails", 1),
        .fail_timeout = nip__get_duration(own, "fail_timeout", 10 * NIP_SECOND),
        .timeout = nip__get_duration(own, "timeout", 10 * NIP_SECOND),
    };
    settings->pid = pid == NULL && settings->reload == NULL ? "/run/nginx.pid" : pid;
}

static int open_driver(nip_ctx *ctx, const nip__value *given, void **self, nip_error **err)
{
    nip__nginx_driver *driver = nip__calloc(1, sizeof *driver);
    nip__arena *arena = nip__arena_new();
    if (driver == NULL || arena == NULL) {
        nip__arena_free(arena);
        nip__free(driver);
        return nip__nomem(err);
    }
    driver->arena = arena;
    driver->ctx = nip__ctx_hold(ctx);
    take_settings(nip__copy(arena, given), &driver->settings);
    int rc = nip__arena_failed(arena) ? nip__nomem(err) : check_settings(&driver->settings, err);
    if (rc < 0)
        destroy(driver);
    else
        *self = driver;
    return rc;
}

static const nip__field word = {.type = NIP__T_TEXT, .flags = NIP__F_NUMBER_TEXT};
static const char *const ways[] = {"weights", "key", NULL};

static const nip__field fields[] = {
    {.name = "driver", .type = NIP__T_TEXT, .help = "nginx"},
    {.name = "file",
     .type = NIP__T_TEXT,
     .flags = NIP__F_REQUIRED,
     .min = 1,
     .max = 4096,
     .help = "file that nipops writes and nginx's configuration includes in `http`"},
    {.name = "upstream",
     .type = NIP__T_TEXT,
     .flags = NIP__F_REQUIRED,
     .min = 1,
     .max = NIP__NGINX_NAME_MAX,
     .help = "name of the upstream in that file: `proxy_pass http://NAME;` (with `share_by: key`: `http://$NAME;`)"},
    {.name = "status",
     .type = NIP__T_TEXT,
     .flags = NIP__F_REQUIRED,
     .min = 1,
     .max = 63,
     .help = "address where nginx tells what is in force, 127.0.0.1:9091; several upstreams may share it"},
    {.name = "share_by",
     .type = NIP__T_ENUM,
     .choices = ways,
     .otherwise = "weights",
     .help = "`weights` of servers, or a `key`: requests with the same key go to the same version"},
    {.name = "key",
     .type = NIP__T_TEXT,
     .min = 1,
     .max = 256,
     .otherwise = "$request_id",
     .help =
         "of `share_by: key`: variables of nginx, $cookie_session or $remote_addr for versions that stick to a user"},
    {.name = "nginx",
     .type = NIP__T_LIST,
     .item = &word,
     .min = 1,
     .max = 32,
     .otherwise = "[nginx]",
     .help = "nginx's program, [sudo, -n, nginx]; `-T -q` and `-c CONF` are added to test each write"},
    {.name = "conf",
     .type = NIP__T_TEXT,
     .min = 1,
     .max = 4096,
     .help = "nginx's configuration file; default: the program's own"},
    {.name = "pid",
     .type = NIP__T_TEXT,
     .min = 1,
     .max = 4096,
     .help = "pid file of nginx's master; default: /run/nginx.pid, or none where `reload` is given"},
    {.name = "reload",
     .type = NIP__T_LIST,
     .item = &word,
     .min = 1,
     .max = 32,
     .help = "command that reloads nginx, [systemctl, reload, nginx]; default: SIGHUP to its master"},
    {.name = "max_fails",
     .type = NIP__T_INT,
     .min = 0,
     .max = 1000,
     .otherwise = "1",
     .help = "failed requests within `fail_timeout` after which nginx leaves an endpoint out for as long; 0: never"},
    {.name = "fail_timeout",
     .type = NIP__T_DURATION,
     .min = 1,
     .max = 3600,
     .otherwise = "10s",
     .help = "see max_fails"},
    {.name = "timeout",
     .type = NIP__T_DURATION,
     .min = 0.1,
     .max = 300,
     .otherwise = "10s",
     .help = "longest wait for a test, for a reload, and until a new generation is in force"},
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

const nip__driver_kind nip__driver_nginx = {
    .name = "nginx",
    .fields = fields,
    .vtable = &vtable,
    .services = &services,
    .open = open_driver,
};
