/* A health check in watch mode: it goes on, each change of a target is an event, and its status is a picture of all. */
#include "nipops/health.h"

#include "base/error.h"
#include "base/memory.h"
#include "health/worst.h"
#include "op/health_inside.h"

static const char *const state_names[] = {
    [NIP__SWEEP_UNKNOWN] = "unknown", [NIP__SWEEP_HEALTHY] = "healthy", [NIP__SWEEP_UNHEALTHY] = "unhealthy"};

/* The latest failure, as far as it still counts. */
static const nip__sweep_failure *present_failure(const nip__sweep_target *state)
{
    static const nip__sweep_failure none = {0};
    return state->bad > 0 || state->state == NIP__SWEEP_UNHEALTHY ? &state->last : &none;
}

/* In the form of a journal's record, though it stands in none. */
static void write_event(nip__health *self, size_t index)
{
    const nip__sweep_target *state = nip__sweep_at(self->sweep, index);
    nip__writer writer = NIP__WRITER(&self->event);
    nip__write_map(&writer, NULL);
    nip__write_int(&writer, "sequence", self->events + 1);
    nip__write_text(&writer, "kind", "target.changed");
    nip__write_time(&writer, "at", state->since);
    nip__write_int(&writer, "epoch", 0);
    nip__write_text(&writer, "hash", "");
    nip__write_map(&writer, "payload");
    nip__write_text(&writer, "target", self->targets[index].name);
    nip__write_int(&writer, "index", (int64_t)index);
    nip__write_text(&writer, "from", state_names[state->told]);
    nip__write_text(&writer, "to", state_names[state->state]);
    nip__health_write_latency(&writer, state);
    nip__health_write_failure(&writer, "failure", present_failure(state));
    nip__write_end_map(&writer);
    nip__write_end_map(&writer);
}

/* What changed and changed back before anybody asked is no event. */
static int watch_next_event(nip_op *op, const char **json, nip_error **err)
{
    nip__health *self = (nip__health *)op;
    size_t index;
    while (nip__sweep_changed(self->sweep, &index)) {
        const nip__sweep_target *state = nip__sweep_at(self->sweep, index);
        if (state->state == state->told)
            continue;
        nip__buffer_reset(&self->event);
        write_event(self, index);
        if (self->event.failed) {
            nip__sweep_untold(self->sweep, index);
            return nip__nomem(err);
        }
        nip__sweep_told(self->sweep, index);
        self->events++;
        *json = nip__buffer_string(&self->event);
        return 1;
    }
    return 0;
}

static void write_target(nip__writer *writer, const nip__health *self, size_t index)
{
    const nip__sweep_target *state = nip__sweep_at(self->sweep, index);
    nip__write_map(writer, NULL);
    nip__write_text(writer, "target", self->targets[index].name);
    nip__write_int(writer, "index", (int64_t)index);
    nip__write_text(writer, "state", state_names[state->state]);
    nip__write_time(writer, "since", state->since);
    nip__write_int(writer, "successes", state->streak);
    nip__write_int(writer, "failures", state->bad);
    nip__write_int(writer, "tries", state->tries);
    nip__health_write_latency(writer, state);
    nip__health_write_failure(writer, "failure", present_failure(state));
    nip__write_end_map(writer);
}

static int write_worst(nip__writer *writer, const nip__health *self, nip_error **err)
{
    size_t most = self->worst < self->count ? self->worst : self->count;
    size_t *worst = nip__calloc(most, sizeof *worst);
    if (worst == NULL)
        return nip__nomem(err);
    nip__write_list(writer, "targets");
    size_t count = nip__sweep_worst(self->sweep, self->count, worst, most);
    for (size_t i = 0; i < count; i++)
        write_target(writer, self, worst[i]);
    nip__write_end_list(writer);
    nip__free(worst);
    return 0;
}

static int watch_status(nip_op *op, char **json, nip_error **err)
{
    nip__health *self = (nip__health *)op;
    nip__buffer buffer = NIP__BUFFER(SIZE_MAX / 2);
    nip__writer writer = NIP__WRITER(&buffer);
    nip__write_map(&writer, NULL);
    nip__write_bool(&writer, "watch", true);
    nip__write_time(&writer, "now", nip__loop_now(op->loop));
    nip__write_duration(&writer, "interval", self->interval);
    for (int state = NIP__SWEEP_UNKNOWN; state <= NIP__SWEEP_UNHEALTHY; state++)
        nip__write_int(&writer, state_names[state], (int64_t)nip__sweep_count(self->sweep, (nip__sweep_state)state));
    nip__write_int(&writer, "tries", nip__health_tries(self));
    int rc = write_worst(&writer, self, err);
    nip__write_end_map(&writer);
    if (rc == 0)
        return nip__health_finish_json(&buffer, json, err);
    nip__buffer_clear(&buffer);
    return rc;
}

const nip__op_kind nip__health_watch_kind = {
    .name = "health",
    .step = nip__health_step,
    .let_go = nip__health_let_go,
    .next_event = watch_next_event,
    .status = watch_status,
    .result = watch_status, /* never asked: a watch is not over before it is cancelled */
    .destroy = nip__health_destroy,
};
