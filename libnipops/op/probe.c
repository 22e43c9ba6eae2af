/* One try of one target. HTTP, connection and command end in the same form: a reason or none, a message, a latency. */
#include "op/probe.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"
#include "health/expect.h"
#include "op/url.h"

enum { BODY_MAX = 1 << 20, OUTPUT_MAX = 16 * 1024, MESSAGE_MAX = 4096 };

struct nip__probe {
    nip__loop *loop;
    const nip__probe_spec *spec;
    nip__http *http;
    nip__command *command;
    nip__timer refused; /* fires at once when it could not be begun */
    const char *reason; /* ... for this reason */
    nip_time started;
    nip__buffer message;
    void (*done)(void *data, const nip__probe_result *result);
    void *data;
};

static void release(nip__probe *probe)
{
    nip__timer_stop(&probe->refused);
    nip__buffer_clear(&probe->message);
    nip__free(probe);
}

static bool is_ours(const char *reason)
{
    return nip__text_equal(reason, "no_descriptors") || nip__text_equal(reason, "no_memory") ||
           nip__text_equal(reason, "status_unknown");
}

static void finish(nip__probe *probe, const char *reason, const char *message, const nip__answer *answer)
{
    nip__probe_result result = {
        .reason = reason,
        .message = reason == NULL ? "" : message,
        .ours = is_ours(reason),
        .latency = answer->latency,
        .output = probe->spec->argv != NULL ? answer->body : "",
        .output_length = probe->spec->argv != NULL ? answer->body_length : 0,
    };
    probe->http = NULL; /* they go by themselves, whatever happens to us */
    probe->command = NULL;
    probe->done(probe->data, &result);
    release(probe);
}

typedef int (*judgement)(const nip__value *expect, const nip__answer *answer, nip__buffer *why);

/* "GET http://...: " */
static void put_label(nip__buffer *message, const nip__probe_spec *spec)
{
    if (spec->url != NULL) {
        nip__buffer_text(message, spec->connect_url != NULL ? "connect to " : "GET ");
        nip__url_write(message, spec->url);
    } else {
        nip__buffer_text(message, spec->argv[0]);
    }
    nip__buffer_text(message, ": ");
}

static void finish_judged(nip__probe *probe, judgement judge, const nip__answer *answer)
{
    nip__buffer why = NIP__BUFFER(MESSAGE_MAX);
    int verdict = judge(probe->spec->expect, answer, &why);
    if (verdict == 1) {
        finish(probe, NULL, "", answer);
    } else if (verdict < 0) {
        finish(probe, "no_memory", "out of memory", answer);
    } else {
        put_label(&probe->message, probe->spec);
        nip__buffer_text(&probe->message, nip__buffer_string(&why));
        finish(probe, "unhealthy", nip__buffer_string(&probe->message), answer);
    }
    nip__buffer_clear(&why);
}

/* ---- HTTP and connections ---- */

static void on_reply(void *data, const nip__http_reply *reply)
{
    nip__probe *probe = data;
    nip__answer answer = {
        .status = reply->status,
        .headers = reply->headers,
        .body = reply->body,
        .body_length = reply->body_length,
        .latency = reply->duration,
    };
    if (reply->reason != NULL)
        finish(probe, reply->reason, reply->message, &answer);
    else if (probe->spec->any_reply)
        finish(probe, NULL, "", &answer);
    else
        finish_judged(probe, probe->spec->connect_url != NULL ? nip__expect_connection : nip__expect_http, &answer);
}

/* tcp://HOST:PORT is an HTTP transfer that ends once it is connected: names, timeouts and descriptors are treated
 * alike. */
static int start_http(nip__probe *probe, nip_error **err)
{
    const nip__probe_spec *spec = probe->spec;
    nip__url url;
    if (spec->connect_url == NULL)
        return nip__http_ask(probe->loop, spec->http, spec->url, on_reply, probe, &probe->http, err);
    if (!nip__url_read(spec->url, &url) || url.port == 0)
        return nip__fail(err, NIP_E_INVALID, "a tcp URL must be tcp://HOST:PORT");
    return nip__http_ask(probe->loop, spec->connect, spec->connect_url, on_reply, probe, &probe->http, err);
}

int nip__probe_prepare(nip__loop *loop, nip__probe_spec *common, nip_error **err)
{
    nip__http_request request = {
        .headers = common->headers,
        .timeout = common->timeout,
        .reply_max = BODY_MAX,
        .ca_file = nip__get_text(common->tls, "ca_file"),
        .cert_file = nip__get_text(common->tls, "cert_file"),
        .key_file = nip__get_text(common->tls, "key_file"),
        .server_name = nip__get_text(common->tls, "server_name"),
        .fresh_connection = !common->keepalive,
    };
    const nip__http_request connection = {
        .timeout = common->timeout, .reply_max = BODY_MAX, .fresh_connection = true, .connect_only = true};
    int rc = nip__http_profile_new(loop, &request, &common->http, err);
    if (rc == 0)
        rc = nip__http_profile_new(loop, &connection, &common->connect, err);
    if (rc < 0)
        nip__probe_release(common);
    return rc;
}

void nip__probe_release(nip__probe_spec *common)
{
    nip__http_profile_free(common->http);
    nip__http_profile_free(common->connect);
    common->http = common->connect = NULL;
}

/* ---- commands ---- */

static void on_ended(void *data, const nip__command_result *result)
{
    nip__probe *probe = data;
    nip__answer answer = {
        .headers = "",
        .body = result->output,
        .body_length = result->output_length,
        .exit_code = result->exit_code,
        .latency = nip__system_monotonic() - probe->started,
    };
    if (result->timed_out) {
        put_label(&probe->message, probe->spec);
        nip__buffer_text(&probe->message, "not ended within ");
        nip__duration_write_short(&probe->message, probe->spec->timeout);
        finish(probe, "timeout", nip__buffer_string(&probe->message), &answer);
    } else if (result->unknown) {
        put_label(&probe->message, probe->spec);
        nip__buffer_text(&probe->message, NIP__STATUS_UNKNOWN);
        finish(probe, "status_unknown", nip__buffer_string(&probe->message), &answer);
    } else if (result->exit_code < 0) {
        put_label(&probe->message, probe->spec);
        nip__buffer_printf(&probe->message, "ended by signal %d", result->signal);
        finish(probe, "unhealthy", nip__buffer_string(&probe->message), &answer);
    } else {
        finish_judged(probe, nip__expect_command, &answer);
    }
}

static int start_command(nip__probe *probe, nip_error **err)
{
    const nip__spawn spawn = {.argv = probe->spec->argv, .extra_env = probe->spec->env, .folder = probe->spec->folder};
    probe->started = nip__system_monotonic();
    return nip__command_start(probe->loop, &spawn, probe->spec->timeout, OUTPUT_MAX, on_ended, probe, &probe->command,
                              err);
}

/* ---- what could not be begun ---- */

static const struct {
    int os_errno;
    const char *reason;
} start_reasons[] = {
    {ENOENT, "no_such_program"}, {ENOTDIR, "no_such_program"}, {EACCES, "permission"}, {EPERM, "permission"},
    {EMFILE, "no_descriptors"},  {ENFILE, "no_descriptors"},   {EAGAIN, "no_memory"},
};

static const char *start_reason(const nip_error *error)
{
    if (nip_error_code(error) == NIP_E_INVALID)
        return "bad_arguments";
    for (size_t i = 0; i < sizeof start_reasons / sizeof start_reasons[0]; i++)
        if (start_reasons[i].os_errno == nip_error_os_errno(error))
            return start_reasons[i].reason;
    return "start_failed";
}

static void on_refused(void *data)
{
    nip__probe *probe = data;
    nip__answer nothing = {.headers = "", .body = "", .exit_code = -1};
    finish(probe, probe->reason, nip__buffer_string(&probe->message), &nothing);
}

static int refuse(nip__probe *probe, const nip_error *why, nip_error **err)
{
    probe->reason = start_reason(why);
    if (probe->spec->url != NULL) {
        nip__url_write(&probe->message, probe->spec->url);
        nip__buffer_text(&probe->message, ": ");
    }
    nip__buffer_text(&probe->message, nip_error_message(why));
    return nip__timer_set_real(probe->loop, &probe->refused, 0, on_refused, probe, err);
}

int nip__probe_start(nip__loop *loop, const nip__probe_spec *spec,
                     void (*done)(void *data, const nip__probe_result *result), void *data, nip__probe **probe,
                     nip_error **err)
{
    NIP_ARG((spec->url != NULL) != (spec->argv != NULL) && spec->timeout > 0);
    nip__probe *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    *made = (nip__probe){.loop = loop, .spec = spec, .message = NIP__BUFFER(MESSAGE_MAX), .done = done, .data = data};
    nip_error *why = NULL;
    int rc = spec->url != NULL ? start_http(made, &why) : start_command(made, &why);
    if (rc == NIP_E_NOMEM)
        rc = nip__nomem(err);
    else if (rc < 0)
        rc = refuse(made, why, err);
    nip_error_free(why);
    if (rc < 0) {
        release(made);
        return rc;
    }
    *probe = made;
    return 0;
}

void nip__probe_stop(nip__probe *probe)
{
    if (probe == NULL)
        return;
    nip__http_stop(probe->http);
    nip__command_stop(probe->command);
    release(probe);
}

/* ---- describing ---- */

typedef struct describer {
    nip__arena *arena;
    const nip__fill *fills;
    bool failed;
} describer;

/* `before` and `text` with its placeholders filled in. */
static char *fill(describer *d, const char *before, const char *text)
{
    nip__buffer filled = NIP__BUFFER(1 << 20);
    nip__buffer_text(&filled, before);
    nip__fill_in(&filled, text, d->fills);
    char *copy = filled.failed ? NULL : nip__arena_text(d->arena, nip__buffer_string(&filled));
    nip__buffer_clear(&filled);
    d->failed |= copy == NULL;
    return copy;
}

static const char **new_list(describer *d, const nip__value *items)
{
    const char **texts = nip__arena_alloc(d->arena, (nip__count(items) + 1) * sizeof *texts);
    d->failed |= texts == NULL;
    return texts;
}

static const char *const *fill_list(describer *d, const nip__value *list)
{
    const char **texts = new_list(d, list);
    size_t count = 0;
    for (NIP__EACH(item, texts != NULL ? list : NULL))
        if (nip__is(item, NIP__STRING))
            texts[count++] = fill(d, "", item->as.string.text);
    return texts;
}

static const char *const *make_env(describer *d, const nip__value *env)
{
    const char **texts = new_list(d, env);
    size_t count = 0;
    for (NIP__EACH(item, texts != NULL ? env : NULL)) {
        const char *name = nip__is(item, NIP__STRING) ? nip__arena_printf(d->arena, "%s=", item->key) : NULL;
        d->failed |= name == NULL;
        if (name != NULL)
            texts[count++] = fill(d, name, item->as.string.text);
    }
    return texts;
}

bool nip__probe_describe(nip__arena *arena, const nip__value *target, const nip__fill *fills, nip__probe_spec *spec)
{
    describer d = {.arena = arena, .fills = fills};
    const char *url = nip__get_text(target, "url");
    const char *tcp = nip__get_text(target, "tcp");
    const nip__value *command = nip__get(target, "command");
    if (url != NULL)
        spec->url = fill(&d, "", url);
    else if (command != NULL)
        spec->argv = fill_list(&d, command);
    else
        spec->url = fill(&d, "tcp://", tcp != NULL ? tcp : "{endpoint}");
    if (spec->url != NULL && nip__text_starts(spec->url, "tcp://")) {
        spec->connect_url = nip__arena_printf(arena, "http%s", spec->url + 3);
        d.failed |= spec->connect_url == NULL;
    }
    spec->env = make_env(&d, nip__get(target, "env"));
    spec->expect = nip__get(target, "expect");
    return !d.failed;
}

char *nip__probe_label(nip__arena *arena, const nip__probe_spec *spec)
{
    if (spec->url == NULL)
        return nip__arena_text(arena, spec->argv[0]);
    nip__buffer label = NIP__BUFFER(8192);
    nip__url_write(&label, spec->url);
    char *copy = nip__arena_text(arena, nip__buffer_string(&label));
    nip__buffer_clear(&label);
    return copy;
}
