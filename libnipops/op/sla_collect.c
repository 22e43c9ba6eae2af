/* The operation that collects what a service level measured, and adds it to its journal: op/collect.h inside, and what is to be asked and kept around it. */
#include <string.h>

#include "agreement/book.h"
#include "base/error.h"
#include "base/memory.h"
#include "doc/json.h"
#include "op/collect.h"
#include "op/operation.h"
#include "op/samples.h"
#include "store/store.h"

#define BUSY_PAUSE (20 * NIP_MILLISECOND) /* the store is locked by somebody else for a moment */

typedef struct sla_collect_op {
    nip_op op;
    nip__timer pause;
    nip__contract *contract;
    nip_store *store; /* borrowed */
    nip_op *inner;
    int64_t revision;
    nip__state *revised; /* what was collected, with a revision of its own; NULL: not yet, or it has none */
    bool collected;   /* the rest is the journal's */
    nip__book_added added;
} sla_collect_op;

/* ---- results ---- */

/* What the inner operation tells, with one member more when it is over. */
static int tell(sla_collect_op *self, char *text, char **json, nip_error **err)
{
    nip__arena *arena = nip__arena_new();
    nip__value *told = NULL;
    nip__buffer added = NIP__BUFFER(1024), whole = NIP__BUFFER(nip__internal_limits.bytes);
    nip__writer writer = NIP__WRITER(&added);
    nip__write_map(&writer, NULL);
    nip__book_added_write(&writer, &self->added);
    nip__write_int(&writer, "contradicted", self->added.contradicted);
    nip__write_end_map(&writer);
    int rc = arena == NULL ? nip__nomem(err) : nip__json_read(arena, text, strlen(text), "result", &nip__internal_limits, &told, err);
    nip__writer w = NIP__WRITER(&whole);
    nip__write_map(&w, NULL);
    for (NIP__EACH(member, rc == 0 ? told : NULL))
        nip__write_value(&w, member->key, member);
    nip__write_raw(&w, "added", nip__buffer_string(&added));
    nip__write_end_map(&w);
    char *taken = rc == 0 && !added.failed ? nip__buffer_take(&whole) : NULL;
    if (rc == 0 && taken == NULL)
        rc = nip__nomem(err);
    if (rc == 0)
        *json = taken;
    nip__buffer_clear(&added);
    nip__buffer_clear(&whole);
    nip__arena_free(arena);
    return rc;
}

static int status(nip_op *op, char **json, nip_error **err)
{
    return nip_op_status(((sla_collect_op *)op)->inner, json, err);
}

static int result(nip_op *op, char **json, nip_error **err)
{
    sla_collect_op *self = (sla_collect_op *)op;
    char *text = NULL;
    int rc = nip_op_status(self->inner, &text, err);
    if (rc == 0)
        rc = tell(self, text, json, err);
    nip_free(text);
    return rc;
}

/* ---- the operation ---- */

static int revise(sla_collect_op *self, nip_error **err)
{
    nip__state *revised = NULL;
    int rc = nip__state_new(&revised, err);
    if (rc == 0)
        rc = nip__state_revise(nip__collect_state(self->inner), self->revision, revised, err);
    if (rc < 0)
        nip__state_free(revised);
    else
        self->revised = revised;
    return rc;
}

static int add(sla_collect_op *self, nip_error **err)
{
    nip_error *error = NULL;
    nip_time now = nip__loop_now(self->op.loop);
    int rc = self->revision > 0 && self->revised == NULL ? revise(self, err) : 0;
    if (rc < 0)
        return rc;
    rc = nip__book_add(self->store, self->contract->name, self->revised != NULL ? self->revised : nip__collect_state(self->inner), false, now, &self->added, &error);
    if (rc != NIP_E_BUSY) {
        nip__pass(err, error);
        return rc;
    }
    nip_error_free(error);
    rc = nip__timer_set(self->op.loop, &self->pause, now + BUSY_PAUSE, NULL, NULL, err);
    return rc < 0 ? rc : NIP_OP_MORE;
}

static int step(nip_op *op, nip_error **err)
{
    sla_collect_op *self = (sla_collect_op *)op;
    int rc = self->collected ? NIP_OP_DONE : nip__op_step(self->inner, err);
    self->collected = rc == NIP_OP_DONE;
    return self->collected ? add(self, err) : rc;
}

static void let_go(nip_op *op)
{
    nip_op_cancel(((sla_collect_op *)op)->inner);
}

static void destroy(nip_op *op)
{
    sla_collect_op *self = (sla_collect_op *)op;
    nip__timer_stop(&self->pause);
    nip__state_free(self->revised);
    nip_op_free(self->inner);
    nip__contract_free(self->contract);
}

static const nip__op_kind sla_collect_kind = {.name = "collect", .step = step, .let_go = let_go, .status = status, .result = result, .destroy = destroy};

/* ---- from when ---- */

/* The beginning of the present period, of the document's kind. */
static int begin_of_period(const nip__contract *contract, nip__ms now, nip__ms *begin, nip_error **err)
{
    nip__period_kind kind = NIP__PERIOD_MONTH;
    nip__period period;
    nip__period_kind_read(nip__get_text(nip__get(contract->document, "sla"), "period"), &kind);
    int rc = nip__period_holding(contract->zone, kind, now, &period, err);
    if (rc == 0)
        *begin = period.begin.at;
    return rc;
}

/* Each indicator goes on where the journal ends for it; one of which it has nothing begins with the period. */
static int find_begins(const sla_collect_op *self, nip__ms now, nip__ms *begins, nip_error **err)
{
    nip__book *book = NULL;
    nip__ms otherwise = 0;
    int rc = begin_of_period(self->contract, now, &otherwise, err);
    if (rc == 0)
        rc = nip__book_open(self->store, self->contract->name, INT64_MAX, &book, err);
    for (size_t i = 0; rc == 0 && i < self->contract->indicator_count; i++) {
        nip__ms end = nip__book_horizon(book, &self->contract->indicators[i]);
        begins[i] = end == NIP__MS_LEAST ? otherwise : end;
    }
    nip__book_free(book);
    return rc;
}

static nip__ms earliest(const sla_collect_op *self, const nip__ms *begins)
{
    nip__ms least = NIP__MS_MOST;
    for (size_t i = 0; i < self->contract->indicator_count; i++) {
        if (nip__samples_asks(&self->contract->indicators[i]) && begins[i] < least)
            least = begins[i];
    }
    return least;
}

/* Where nothing is left there is the slice of this moment, which waits. */
static int go_on(sla_collect_op *self, nip_ctx *ctx, nip__ms end, nip_error **err)
{
    nip__ms now = nip__ms_of(nip__loop_now(self->op.loop));
    nip__ms *begins = nip__calloc(self->contract->indicator_count + 1, sizeof *begins);
    int rc = begins == NULL ? nip__nomem(err) : find_begins(self, now, begins, err);
    for (size_t i = 0; rc == 0 && i < self->contract->indicator_count; i++)
        begins[i] = begins[i] < end ? begins[i] : end - 1;
    if (rc == 0)
        rc = nip__collect_new(ctx, self->op.loop, self->contract, earliest(self, begins), end, begins, &self->inner, err);
    nip__free(begins);
    return rc;
}

static int begin(sla_collect_op *self, nip_ctx *ctx, nip_time from, nip_time to, nip_error **err)
{
    nip__ms end = nip__ms_of(to == NIP_TIME_NONE ? nip__loop_now(self->op.loop) : to);
    bool asks = false;
    for (size_t i = 0; i < self->contract->indicator_count; i++)
        asks = asks || nip__samples_asks(&self->contract->indicators[i]);
    if (!asks)
        return nip__fail(err, NIP_E_INVALID, "%s has no indicator with a query: there is nobody to ask; import what was measured", self->contract->name);
    if (end <= 0 || (from != NIP_TIME_NONE && (nip__ms_of(from) < 0 || nip__ms_of(from) >= end)))
        return nip__fail(err, NIP_E_INVALID, "begin must be before end, and not before 1970");
    if (from == NIP_TIME_NONE)
        return go_on(self, ctx, end, err);
    return nip__collect_new(ctx, self->op.loop, self->contract, nip__ms_of(from), end, NULL, &self->inner, err);
}

int nip_op_sla_collect(nip_ctx *ctx, nip_store *store, const nip_doc *doc, nip_time from, nip_time to, int64_t revision, nip_op **op,
                       nip_error **err)
{
    NIP_ARG(ctx != NULL && store != NULL && doc != NULL && op != NULL);
    NIP_ARG(from != NIP_TIME_MAX && to != NIP_TIME_MAX && revision >= 0 && revision <= NIP__REVISION_MAX);
    sla_collect_op *self = nip__calloc(1, sizeof *self);
    if (self == NULL)
        return nip__nomem(err);
    self->store = store;
    self->revision = revision;
    int rc = nip__op_init(&self->op, &sla_collect_kind, ctx, NULL, err);
    if (rc == 0)
        rc = nip__contract_load(doc, &self->contract, err);
    if (rc == 0)
        rc = begin(self, ctx, from, to, err);
    if (rc < 0) {
        nip_op_free(&self->op);
        return rc;
    }
    *op = &self->op;
    return 0;
}
