/* The driver "prometheus": the role metrics by PromQL queries. */
#include "driver/prometheus.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "health/document.h"
#include "op/url.h"

static int verb_class(void *self, const char *verb)
{
    (void)self;
    return nip__text_equal(verb, "measure") ? NIP_VERB_READ : NIP_E_UNSUPPORTED;
}

static int start(void *self, nip_action *action, nip_time now, nip_error **err)
{
    (void)now;
    nip__prometheus *prometheus = self;
    if (verb_class(self, nip_action_verb(action)) < 0)
        return nip__fail(err, NIP_E_UNSUPPORTED, "the driver \"prometheus\" has no verb \"%.64s\"",
                         nip_action_verb(action));
    if (prometheus->loop == NULL)
        return nip__fail(err, NIP_E_STATE, "the driver \"prometheus\" works only inside an operation");
    return nip__prometheus_measure(prometheus, action, err);
}

static void cancel(void *self, nip_action *action)
{
    nip__prometheus_cancel(self, action);
}

static void attach(void *self, nip__loop *loop)
{
    nip__prometheus *prometheus = self;
    if (loop == NULL)
        nip__prometheus_cancel(prometheus, NULL);
    prometheus->loop = loop;
}

static void destroy(void *self)
{
    nip__prometheus *prometheus = self;
    nip__prometheus_cancel(prometheus, NULL);
    nip__arena_free(prometheus->arena);
    nip__free(prometheus);
}

static int check_settings(const nip__value *settings, nip_error **err)
{
    nip__url url;
    const char *text = nip__get_text(settings, "url");
    bool http =
        nip__url_read(text, &url) && (nip__text_equal(url.scheme, "http") || nip__text_equal(url.scheme, "https"));
    if (!http)
        return nip__fail(err, NIP_E_DOCUMENT, "metrics.url: must be http://HOST[:PORT] or https://HOST[:PORT]");
    if (nip__get(settings, "bearer") != NULL && nip__get(settings, "basic") != NULL)
        return nip__fail(err, NIP_E_DOCUMENT, "metrics: bearer and basic exclude each other");
    return 0;
}

static int open_driver(nip_ctx *ctx, const nip__value *settings, void **self, nip_error **err)
{
    (void)ctx;
    int rc = check_settings(settings, err);
    if (rc < 0)
        return rc;
    nip__prometheus *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    made->arena = nip__arena_new();
    made->settings = made->arena == NULL ? NULL : nip__copy(made->arena, settings);
    if (nip__arena_failed(made->arena)) {
        destroy(made);
        return nip__nomem(err);
    }
    *self = made;
    return 0;
}

static const char *const units[] = {"s", "ms", NULL};
static const nip__field query_item = {.type = NIP__T_TEXT, .min = 1, .max = 16384};

static const nip__field basic_fields[] = {
    {.name = "user", .type = NIP__T_TEXT, .flags = NIP__F_REQUIRED, .min = 1, .max = 256, .help = "user name"},
    {.name = "password", .type = NIP__T_SECRET, .flags = NIP__F_REQUIRED, .help = "{env: NAME} or {file: PATH}"},
    {0},
};

static const nip__field fields[] = {
    {.name = "driver", .type = NIP__T_TEXT, .help = "prometheus"},
    {.name = "url",
     .type = NIP__T_TEXT,
     .flags = NIP__F_REQUIRED,
     .min = 1,
     .max = 4096,
     .help = "http://HOST:9090, with a path prefix if any"},
    {.name = "queries",
     .type = NIP__T_DICT,
     .flags = NIP__F_REQUIRED,
     .min = 1,
     .max = 32,
     .item = &query_item,
     .help = "PromQL by name: errors, total, latency_p95, ...; {version}, {app} and {window} are filled in"},
    {.name = "timeout", .type = NIP__T_DURATION, .min = 0.1, .max = 600, .otherwise = "30s", .help = "of one query"},
    {.name = "bearer", .type = NIP__T_SECRET, .help = "token: {env: NAME} or {file: PATH}"},
    {.name = "basic", .type = NIP__T_MAP, .fields = basic_fields, .help = "user and password"},
    {.name = "tls", .type = NIP__T_MAP, .fields = nip__tls_fields, .help = "certificates"},
    {.name = "latency_unit",
     .type = NIP__T_ENUM,
     .choices = units,
     .otherwise = "s",
     .help = "of what latency queries give"},
    {.name = "range_step",
     .type = NIP__T_DURATION,
     .min = 1,
     .max = 86400,
     .help = "latencies are asked as a range over the window with this step, and the last number in it counts "
             "(default: at one instant)"},
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
static const char *const capabilities[] = {"metrics.error_rate", "metrics.quantiles", NULL};

const nip__driver_kind nip__driver_prometheus = {
    .name = "prometheus",
    .fields = fields,
    .vtable = &vtable,
    .services = &services,
    .open = open_driver,
    .capabilities = capabilities,
};
