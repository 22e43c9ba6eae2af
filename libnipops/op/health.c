/* nip_health_check: targets, and the sweep's schedule (health/sweep.h) carried out with probes. */
#include "nipops/health.h"

#include "base/error.h"
#include "base/memory.h"
#include "doc/doc.h"
#include "health/window.h"
#include "op/descriptors.h"
#include "op/health_inside.h"
#include "op/secret.h"

/* How soon to try again when this side could not even begin, and nothing else is under way whose end would help. */
#define AGAIN (100 * NIP_MILLISECOND)

/* ---- carrying out ---- */

static void on_probed(void *data, const nip__probe_result *result)
{
    nip__health_target *probed = data;
    nip__health *self = probed->owner;
    size_t index = (size_t)(probed - self->targets);
    nip_time now = nip__loop_now(self->op.loop);
    probed->probe = NULL;
    if (result->ours)
        nip__sweep_postpone(self->sweep, index, now + AGAIN);
    else if (nip__sweep_report(self->sweep, now, index, result->reason, result->message, result->latency, NULL) < 0)
        self->no_memory = true;
    self->op.event |= nip__sweep_at(self->sweep, index)->changed && self->op.kind == &nip__health_watch_kind;
}

static int try_target(nip__health *self, size_t index, nip_error **err)
{
    nip__health_target *tried = &self->targets[index];
    int rc = nip__probe_start(self->op.loop, &tried->spec, on_probed, tried, &tried->probe, err);
    if (rc < 0)
        nip__sweep_postpone(self->sweep, index, nip__loop_now(self->op.loop) + AGAIN);
    return rc;
}

static void stop_probes(nip__health *self)
{
    for (size_t i = 0; i < self->count; i++) {
        nip__probe_stop(self->targets[i].probe);
        self->targets[i].probe = NULL;
    }
    nip__timer_stop(&self->timer);
}

int nip__health_step(nip_op *op, nip_error **err)
{
    nip__health *self = (nip__health *)op;
    size_t index = 0;
    nip_time until = 0;
    int next = NIP__SWEEP_TRY, rc = self->no_memory ? nip__nomem(err) : 0;
    self->no_memory = false;
    if (self->dispatched != nip__loop_dispatched(op->loop))
        nip__sweep_stir(self->sweep);
    self->dispatched = nip__loop_dispatched(op->loop);
    while (rc == 0 && (next = nip__sweep_next(self->sweep, nip__loop_now(op->loop), &index, &until)) == NIP__SWEEP_TRY)
        rc = try_target(self, index, err);
    if (rc < 0)
        return rc;
    if (next == NIP__SWEEP_DONE)
        return NIP_OP_DONE;
    if (self->timer.loop == NULL || self->timer.at > until || self->timer.at <= nip__loop_now(op->loop))
        rc = nip__timer_set(op->loop, &self->timer, until, NULL, NULL, err);
    return rc < 0 ? rc : NIP_OP_MORE;
}

/* ---- what came out ---- */

/* Nothing is known of a target that could not be tried even once. */
static bool is_unknown(const nip__sweep_target *state)
{
    return state->tries == 0 && !state->trying;
}

void nip__health_write_failure(nip__writer *writer, const char *key, const nip__sweep_failure *failure)
{
    if (failure->reason == NULL) {
        nip__write_null(writer, key);
        return;
    }
    nip__write_map(writer, key);
    nip__write_text(writer, "reason", failure->reason);
    nip__write_text(writer, "message", failure->message != NULL ? failure->message : "");
    nip__write_time(writer, "at", failure->at);
    nip__write_end_map(writer);
}

void nip__health_write_latency(nip__writer *writer, const nip__sweep_target *state)
{
    if (state->latency >= 0)
        nip__write_real(writer, "latency_ms", (double)state->latency / (double)NIP_MILLISECOND);
    else
        nip__write_null(writer, "latency_ms");
}

static void write_target(nip__writer *writer, const nip__health_target *tried, const nip__sweep_target *state, nip_time deadline)
{
    static const nip__sweep_failure none = {0};
    /* A first try that outlived the whole has no failure of its own yet. */
    char over[] = "no complete answer when the time was over";
    nip__sweep_failure late = {.reason = "timeout", .message = over, .at = deadline};
    const nip__sweep_failure *first = state->trying && state->first.reason == NULL ? &late : &state->first;
    nip__write_map(writer, NULL);
    nip__write_text(writer, "target", tried->name);
    if (is_unknown(state))
        nip__write_null(writer, "healthy");
    else
        nip__write_bool(writer, "healthy", state->state == NIP__SWEEP_HEALTHY);
    nip__write_int(writer, "tries", state->tries);
    nip__write_int(writer, "successes", state->streak);
    nip__health_write_latency(writer, state);
    nip__health_write_failure(writer, "first_failure", first);
    nip__health_write_failure(writer, "last_failure", state->failures > 1 ? &state->last : &none);
    nip__write_end_map(writer);
}

int nip__health_finish_json(nip__buffer *buffer, char **json, nip_error **err)
{
    char *text = nip__buffer_take(buffer);
    if (text == NULL)
        return nip__nomem(err);
    *json = text;
    return 0;
}

static size_t count_unknown(const nip__health *self)
{
    size_t unknown = 0;
    for (size_t i = 0; i < self->count; i++)
        unknown += is_unknown(nip__sweep_at(self->sweep, i));
    return unknown;
}

static int health_result(nip_op *op, char **json, nip_error **err)
{
    nip__health *self = (nip__health *)op;
    size_t healthy = nip__sweep_count(self->sweep, NIP__SWEEP_HEALTHY), unknown = count_unknown(self);
    nip__buffer buffer = NIP__BUFFER(SIZE_MAX / 2);
    nip__writer writer = NIP__WRITER(&buffer);
    nip__write_map(&writer, NULL);
    nip__write_int(&writer, "healthy", (int64_t)healthy);
    nip__write_int(&writer, "unhealthy", (int64_t)(self->count - healthy - unknown));
    nip__write_int(&writer, "unknown", (int64_t)unknown);
    nip__write_list(&writer, "targets");
    for (size_t i = 0; i < self->count; i++)
        write_target(&writer, &self->targets[i], nip__sweep_at(self->sweep, i), nip__sweep_deadline(self->sweep));
    nip__write_end_list(&writer);
    nip__write_end_map(&writer);
    return nip__health_finish_json(&buffer, json, err);
}

int64_t nip__health_tries(const nip__health *self)
{
    int64_t tries = 0;
    for (size_t i = 0; i < self->count; i++)
        tries += nip__sweep_at(self->sweep, i)->tries;
    return tries;
}

static int health_status(nip_op *op, char **json, nip_error **err)
{
    nip__health *self = (nip__health *)op;
    nip__buffer buffer = NIP__BUFFER(4096);
    nip__writer writer = NIP__WRITER(&buffer);
    nip__write_map(&writer, NULL);
    nip__write_int(&writer, "targets", (int64_t)self->count);
    nip__write_int(&writer, "healthy", (int64_t)nip__sweep_count(self->sweep, NIP__SWEEP_HEALTHY));
    nip__write_int(&writer, "tries", nip__health_tries(self));
    nip__write_time(&writer, "until", nip__sweep_deadline(self->sweep));
    nip__write_end_map(&writer);
    return nip__health_finish_json(&buffer, json, err);
}

void nip__health_let_go(nip_op *op)
{
    stop_probes((nip__health *)op);
}

void nip__health_destroy(nip_op *op)
{
    nip__health *self = (nip__health *)op;
    stop_probes(self);
    nip__probe_release(&self->common);
    nip__buffer_clear(&self->event);
    nip__sweep_free(self->sweep);
    nip__arena_free(self->arena);
}

static const nip__op_kind health_kind = {
    .name = "health",
    .step = nip__health_step,
    .let_go = nip__health_let_go,
    .status = health_status,
    .result = health_result,
    .destroy = nip__health_destroy,
};

/* ---- making ---- */

static bool make_target(nip__health *self, nip__health_target *made, const nip__value *health, const nip__value *entry)
{
    const char *name = nip__get_text(entry, "name");
    const char *url = nip__get_text(entry, "url");
    const nip__fill fills[] = {{.name = "target", .value = name != NULL ? name : url}, {0}};
    *made = (nip__health_target){.owner = self, .spec = self->common};
    if (!nip__probe_describe(self->arena, entry, fills, &made->spec))
        return false;
    if (made->spec.expect == NULL)
        made->spec.expect = nip__get(health, "expect");
    self->has_commands |= made->spec.argv != NULL;
    made->name = name != NULL ? name : nip__probe_label(self->arena, &made->spec);
    return made->name != NULL;
}

static int make_common(nip__health *self, const nip__value *health, nip_error **err)
{
    nip__probe_spec *common = &self->common;
    common->tls = nip__get(health, "tls");
    common->timeout = nip__get_duration(health, "try_timeout", 5 * NIP_SECOND);
    common->keepalive = nip__get_bool(health, "keepalive", false);
    int rc = nip__secret_headers(self->arena, nip__get(health, "headers"), &common->headers, err);
    return rc < 0 ? rc : nip__probe_prepare(self->op.loop, common, err);
}

static int make_targets(nip__health *self, const nip__value *health, nip_error **err)
{
    /* A document without `targets` is its own only target. */
    const nip__value *list = nip__get(health, "targets");
    size_t count = list != NULL ? nip__count(list) : 1;
    const nip__value *entry = list != NULL ? nip__first(list) : health;
    self->targets = nip__arena_alloc(self->arena, count * sizeof *self->targets);
    if (self->targets == NULL)
        return nip__nomem(err);
    for (; self->count < count; self->count++, entry = entry->next)
        if (!make_target(self, &self->targets[self->count], health, entry))
            return nip__nomem(err);
    return 0;
}

static int prepare(nip__health *self, nip_ctx *ctx, const nip_doc *doc, nip_error **err)
{
    nip__value *root = NULL;
    self->arena = nip__arena_new();
    if (self->arena == NULL)
        return nip__nomem(err);
    int rc = nip__doc_normalize(self->arena, doc, &nip__doc_health, &root, err);
    const nip__value *health = nip__get(root, "health");
    bool watch = nip__get_bool(health, "watch", false);
    if (rc == 0)
        rc = nip__op_init(&self->op, watch ? &nip__health_watch_kind : &health_kind, ctx, NULL, err);
    if (rc == 0)
        rc = make_common(self, health, err);
    if (rc == 0)
        rc = make_targets(self, health, err);
    if (rc < 0)
        return rc;
    int64_t cap = nip__in_flight_cap(ctx, nip__get_int(health, "in_flight", 0), self->has_commands);
    self->interval = nip__get_duration(health, "interval", 10 * NIP_SECOND);
    self->worst = (size_t)nip__get_int(health, "worst", (int64_t)self->count);
    self->event = NIP__BUFFER(SIZE_MAX / 2);
    nip__sweep_rules rules = {
        .targets = self->count,
        .interval = self->interval,
        .timeout = watch ? NIP_TIME_MAX : nip__get_duration(health, "timeout", 300 * NIP_SECOND),
        .failures = watch ? nip__get_int(health, "failures", 3) : 0,
        .successes = nip__get_int(health, "successes", 1),
        .in_flight = cap,
        /* A virtual clock stands still while answers are waited for: nothing would ever take too long. */
        .at_first = nip__ctx_is_virtual(ctx) ? cap : NIP__WINDOW_FEW,
    };
    return nip__sweep_new(&rules, nip__loop_now(self->op.loop), &self->sweep, err);
}

int nip_health_check(nip_ctx *ctx, const nip_doc *doc, nip_op **op, nip_error **err)
{
    NIP_ARG(ctx != NULL && doc != NULL && op != NULL);
    nip__health *self = nip__calloc(1, sizeof *self);
    if (self == NULL)
        return nip__nomem(err);
    self->op.kind = &health_kind; /* until the document is read: what is half built can be freed */
    int rc = prepare(self, ctx, doc, err);
    if (rc < 0) {
        nip_op_free(&self->op);
        return rc;
    }
    *op = &self->op;
    return 0;
}
