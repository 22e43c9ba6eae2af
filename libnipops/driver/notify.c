/* The driver "notify": tells somebody, by a command or by an HTTP request, once. Whether to tell again is not its affair. */
#include "driver/driver.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "doc/json.h"
#include "gate/notice.h"
#include "op/fill.h"
#include "op/loop.h"
#include "op/secret.h"
#include "plan/action.h"

enum { OUTPUT_MAX = 2048, REPLY_MAX = 64 * 1024, TEXT_MAX = 1 << 20, DEPTH_MAX = 16 };

/* One notice under way. */
typedef struct sending {
    struct notifier *notifier;
    nip_action *action;
    nip__arena *arena;
    const nip__value *to, *event;
    const char *label;
    nip__http *http;
    nip__command *command;
    struct sending *next;
} sending;

typedef struct notifier {
    nip__loop *loop;
    sending *first;
} notifier;

/* ---- the list ---- */

static void end_sending(sending *s)
{
    sending **at = &s->notifier->first;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    nip__arena_free(s->arena);
    nip__free(s);
}

static void cancel(void *self, nip_action *action)
{
    notifier *n = self;
    sending *next;
    for (sending *s = n->first; s != NULL; s = next) {
        next = s->next;
        if (action != NULL && s->action != action)
            continue;
        nip__http_stop(s->http);
        nip__command_stop(s->command);
        end_sending(s);
    }
}

/* ---- the text ---- */

static const char *text_of(const nip__value *event, const char *key)
{
    const char *text = nip__get_text(event, key);
    return text != NULL ? text : "";
}

static const char *fill_text(sending *s, const char *text)
{
    const nip__value *e = s->event;
    const nip__fill fills[] = {
        {"app", text_of(e, "app")},       {"run", text_of(e, "run")},         {"title", text_of(e, "title")},     {"state", text_of(e, "state")},
        {"reason", text_of(e, "reason")}, {"message", text_of(e, "message")}, {"version", text_of(e, "version")}, {NULL, NULL},
    };
    nip__buffer filled = NIP__BUFFER(TEXT_MAX);
    nip__fill_in(&filled, text, fills);
    const char *copy = nip__arena_text(s->arena, nip__buffer_string(&filled));
    if (filled.failed)
        nip__arena_fail(s->arena);
    nip__buffer_clear(&filled);
    return copy;
}

static nip__value *fill_value(sending *s, const nip__value *value, int depth)
{
    nip__arena *arena = s->arena;
    bool map = nip__is(value, NIP__MAP);
    if (nip__is(value, NIP__STRING))
        return nip__string(arena, fill_text(s, value->as.string.text));
    if ((!map && !nip__is(value, NIP__LIST)) || depth >= DEPTH_MAX)
        return nip__copy(arena, value);
    nip__value *made = map ? nip__map(arena) : nip__list(arena);
    for (NIP__EACH(item, value)) {
        if (map)
            nip__append(arena, made, item->key, fill_value(s, item, depth + 1));
        else
            nip__push(made, fill_value(s, item, depth + 1));
    }
    return made;
}

static const nip__value *own_body(sending *s)
{
    const char *text = nip__get_text(s->to, "body_json");
    nip__value *body = NULL;
    if (text == NULL)
        return nip__get(s->to, "body");
    if (nip__json_read(s->arena, text, strlen(text), "body_json", &nip__document_limits, &body, NULL) < 0) /* it was checked: memory */
        nip__arena_fail(s->arena);
    return body;
}

/* What is sent: the event, or the document's own body. */
static const char *body_of(sending *s)
{
    const nip__value *body = own_body(s);
    char *json = nip__json_text(body != NULL ? fill_value(s, body, 0) : s->event);
    const char *copy = nip__arena_text(s->arena, json);
    if (json == NULL)
        nip__arena_fail(s->arena);
    nip__free(json);
    return copy;
}

/* ---- by HTTP ---- */

static bool is_retryable(int status)
{
    return status >= 500 || status == 408 || status == 429;
}

static void on_reply(void *data, const nip__http_reply *reply)
{
    sending *s = data;
    bool fine = reply->reason == NULL && reply->status >= 200 && reply->status < 300;
    s->http = NULL; /* gone by itself */
    if (fine)
        nip__action_done(s->action, NULL);
    else if (reply->reason != NULL) /* the transfer's own message would tell the whole address */
        nip__action_failed(s->action, nip__text_equal(reply->reason, "timeout") ? "timeout" : "unreachable", 1, NULL, "%s: %s", s->label,
                           reply->reason);
    else
        nip__action_failed(s->action, "refused", is_retryable(reply->status), NULL, "%s: answered %d", s->label, reply->status);
    end_sending(s);
}

static bool names_header(const nip__value *headers, const char *name)
{
    for (NIP__EACH(header, headers)) {
        if (nip__text_alike(header->key, name))
            return true;
    }
    return false;
}

static int make_headers(sending *s, const char *const **headers, nip_error **err)
{
    const nip__value *given = nip__get(s->to, "headers");
    const char *const *read = NULL;
    int rc = nip__secret_headers(s->arena, given, &read, err);
    size_t count = nip__count(given);
    const char **all = rc == 0 ? nip__arena_alloc(s->arena, (count + 3) * sizeof *all) : NULL;
    if (rc < 0 || all == NULL)
        return rc < 0 ? rc : nip__nomem(err);
    memcpy(all, read, count * sizeof *all);
    if (!names_header(given, "Content-Type"))
        all[count++] = "Content-Type: application/json";
    if (!names_header(given, "Idempotency-Key"))
        all[count++] = nip__arena_printf(s->arena, "Idempotency-Key: %s", text_of(s->event, "key"));
    *headers = all;
    return 0;
}

static int post(sending *s, nip_error **err)
{
    nip__buffer url = NIP__BUFFER(8192);
    const char *const *headers = NULL;
    const char *body = body_of(s);
    int rc = nip__secret_read(nip__get(s->to, "url"), "url", &url, err);
    if (rc == 0)
        rc = make_headers(s, &headers, err);
    if (rc == 0 && (url.failed || nip__arena_failed(s->arena)))
        rc = nip__nomem(err);
    if (rc == 0) {
        const nip__http_request request = {
            .url = nip__buffer_string(&url),
            .method = "POST",
            .headers = headers,
            .body = body,
            .body_length = strlen(body),
            .timeout = nip__notice_timeout(s->to),
            .reply_max = REPLY_MAX,
        };
        rc = nip__http_start(s->notifier->loop, &request, on_reply, s, &s->http, err);
    }
    nip__buffer_clear(&url);
    return rc;
}

/* ---- by a command ---- */

/* Its last words, on one line's end. */
static int output_length(const nip__command_result *result)
{
    size_t length = result->output_length;
    while (length > 0 && (result->output[length - 1] == '\n' || result->output[length - 1] == ' '))
        length--;
    return (int)length;
}

static void on_ended(void *data, const nip__command_result *result)
{
    sending *s = data;
    s->command = NULL; /* gone by itself */
    if (result->exit_code == 0)
        nip__action_done(s->action, NULL);
    else if (result->timed_out)
        nip__action_failed(s->action, "timeout", 1, NULL, "%s: not ended in time, and killed", s->label);
    else if (result->unknown)
        nip__action_failed(s->action, "status_unknown", 1, NULL, "%s: %s", s->label, NIP__STATUS_UNKNOWN);
    else if (result->exit_code < 0)
        nip__action_failed(s->action, "refused", 1, NULL, "%s: ended by signal %d", s->label, result->signal);
    else
        nip__action_failed(s->action, "refused", 1, NULL, "%s: exit code %d%s%.*s", s->label, result->exit_code,
                           output_length(result) > 0 ? ": " : "", output_length(result), result->output);
    end_sending(s);
}

static const char *const *make_argv(sending *s)
{
    const nip__value *words = nip__get(s->to, "command");
    const char **argv = nip__arena_alloc(s->arena, (nip__count(words) + 1) * sizeof *argv);
    size_t count = 0;
    for (NIP__EACH(word, argv != NULL ? words : NULL))
        argv[count++] = word->as.string.text;
    return argv;
}

static const char *const *make_environment(sending *s)
{
    static const struct {
        const char *name, *key;
    } told[] = {{"NIPOPS_APP", "app"},       {"NIPOPS_RUN", "run"},         {"NIPOPS_STATE", "state"},
                {"NIPOPS_REASON", "reason"}, {"NIPOPS_VERSION", "version"}, {"NIPOPS_KEY", "key"}};
    size_t count = sizeof told / sizeof told[0];
    const char **all = nip__arena_alloc(s->arena, (count + 1) * sizeof *all);
    for (size_t i = 0; all != NULL && i < count; i++)
        all[i] = nip__arena_printf(s->arena, "%s=%s", told[i].name, text_of(s->event, told[i].key));
    return all;
}

/* Standard input is a file in memory: nothing has to be fed to a command that does not read. */
static int make_input(const char *text, int *fd, nip_error **err)
{
    size_t length = strlen(text);
    int made = memfd_create("nipops", MFD_CLOEXEC);
    if (made < 0)
        return nip__fail_errno(err, NIP_E_IO, errno, "cannot make a command's input");
    if (write(made, text, length) != (ssize_t)length || lseek(made, 0, SEEK_SET) < 0) {
        int os_errno = errno;
        close(made);
        return nip__fail_errno(err, NIP_E_IO, os_errno, "cannot write a command's input");
    }
    *fd = made;
    return 0;
}

static int run_command(sending *s, nip_error **err)
{
    int input = 0;
    const char *body = body_of(s);
    const nip__spawn spawn = {.argv = make_argv(s), .extra_env = make_environment(s), .out_fd = -1, .err_fd = -1};
    if (nip__arena_failed(s->arena))
        return nip__nomem(err);
    int rc = make_input(body, &input, err);
    if (rc < 0)
        return rc;
    nip__spawn with_input = spawn;
    with_input.in_fd = input;
    rc = nip__command_start(s->notifier->loop, &with_input, nip__notice_timeout(s->to), OUTPUT_MAX, on_ended, s, &s->command, err);
    close(input);
    return rc;
}

/* ---- the driver ---- */

static const nip__field send_fields[] = {
    {.name = "to", .type = NIP__T_MAP, .flags = NIP__F_REQUIRED, .fields = nip__notice_fields, .help = "who is told"},
    {.name = "event", .type = NIP__T_ANY, .flags = NIP__F_REQUIRED, .help = "what is told"},
    {0},
};

/* May be repeated: whoever is told twice can see it from the key. */
static int verb_class(void *self, const char *verb)
{
    (void)self;
    return nip__text_equal(verb, "send") ? NIP_VERB_DECLARATIVE : NIP_E_UNSUPPORTED;
}

static int read_args(sending *s, nip_error **err)
{
    nip__problems problems = {0};
    const nip__value *args = nip__schema_apply(s->arena, send_fields, nip__action_args_value(s->action), "args", "", &problems);
    s->to = nip__get(args, "to");
    s->event = nip__get(args, "event");
    if (args != NULL)
        nip__notice_check(s->to, "/to", "args", &problems);
    int rc = nip__problems_finish(&problems, NIP_E_INVALID, err);
    if (rc < 0)
        return rc;
    s->label = nip__notice_label(s->arena, s->to);
    return args == NULL || nip__arena_failed(s->arena) ? nip__nomem(err) : 0;
}

/* What cannot be begun because of what is missing here (a secret, a program) may be there at the next attempt. */
static void fail_begun(sending *s, const nip_error *why)
{
    nip__action_failed(s->action, nip_error_code(why) == NIP_E_NOMEM ? "no_memory" : "start_failed", 1, NULL, "%s: %s", s->label,
                       nip_error_message(why));
    end_sending(s);
}

static int start(void *self, nip_action *action, nip_time now, nip_error **err)
{
    (void)now;
    notifier *n = self;
    if (n->loop == NULL)
        return nip__fail(err, NIP_E_STATE, "the driver \"notify\" works only inside an operation");
    if (action->settles) {
        nip__action_settled(action, "not_yet", NULL, NULL);
        return 0;
    }
    sending *s = nip__calloc(1, sizeof *s);
    nip__arena *arena = nip__arena_new();
    if (s == NULL || arena == NULL) {
        nip__free(s);
        nip__arena_free(arena);
        return nip__nomem(err);
    }
    *s = (sending){.notifier = n, .action = action, .arena = arena, .next = n->first};
    n->first = s;
    int rc = read_args(s, err);
    if (rc < 0) {
        end_sending(s);
        return rc;
    }
    nip_error *why = NULL;
    if ((nip__get(s->to, "url") != NULL ? post(s, &why) : run_command(s, &why)) < 0)
        fail_begun(s, why);
    nip_error_free(why);
    return 0;
}

static void attach(void *self, nip__loop *loop)
{
    notifier *n = self;
    if (loop == NULL)
        cancel(n, NULL);
    n->loop = loop;
}

static void destroy(void *self)
{
    cancel(self, NULL);
    nip__free(self);
}

static int open_driver(nip_ctx *ctx, const nip__value *settings, void **self, nip_error **err)
{
    (void)ctx;
    nip__problems problems = {0};
    for (NIP__EACH(notice, nip__get(settings, "to")))
        nip__notice_check(notice, "/to", "notify", &problems);
    int rc = nip__problems_finish(&problems, NIP_E_DOCUMENT, err);
    notifier *made = rc == 0 ? nip__calloc(1, sizeof *made) : NULL;
    if (rc < 0 || made == NULL)
        return rc < 0 ? rc : nip__nomem(err);
    *self = made;
    return 0;
}

static const nip__field fields[] = {
    {.name = "driver", .type = NIP__T_TEXT, .help = "notify"},
    {.name = "to", .type = NIP__T_LIST, .max = 100, .item = &nip__notice_item, .help = "who is told that a run has ended"},
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

const nip__driver_kind nip__driver_notify = {
    .name = "notify",
    .fields = fields,
    .vtable = &vtable,
    .services = &services,
    .open = open_driver,
};
