/* See collect.h. */
#include "op/collect_inside.h"

#include "base/civil.h"
#include "base/error.h"
#include "base/memory.h"

enum { DAY_MS = 86400000 };

/* ---- one part of an item's slices ---- */

static void on_samples(void *data, const nip__samples_end *end)
{
    nip__collect *self = data;
    self->busy = false;
    self->answered = true;
    self->answer = *end;
}

static int ask_part(nip__collect *self, const nip__collected *item, nip_error **err)
{
    self->part_end = item->final - item->next > item->at_once ? item->next + item->at_once : item->final;
    self->part = (nip__sampled){.state = self->state, .arena = self->arena};
    nip__samples_request request = {
        .indicator = item->indicator,
        .settings = self->contract->metrics,
        .place = "metrics",
        .first = item->next,
        .end = self->part_end,
        .most = NIP__SAMPLES_MOST,
        .out = &self->part,
    };
    int rc = nip__samples_start(&self->samples, self->op.loop, &request, on_samples, self, err);
    self->busy = rc == 0;
    return rc;
}

static void skip_rest(nip__collected *item)
{
    item->sum.missing += item->final - item->next;
    item->next = item->final;
}

/* Nobody answers: the rest of all items is missing, for that reason. */
static void give_up(nip__collect *self)
{
    for (size_t i = self->at; i < self->count; i++) {
        skip_rest(&self->items[i]);
        if (self->part.problems.count > 0)
            nip__told_add(&self->items[i].sum.problems, self->arena, self->part.problems.texts[0]);
    }
}

/* More samples than are held at once: fewer slices. */
static void ask_fewer(nip__collect *self, nip__collected *item)
{
    int64_t asked = self->part_end - item->next;
    if (asked > 1) {
        item->at_once = (asked + 1) / 2;
        return;
    }
    nip__sampled_tell(&item->sum, "there are more than %llu samples around a single slice: let the selectors find fewer series",
                      (unsigned long long)NIP__SAMPLES_MOST);
    skip_rest(item);
}

static int take_answer(nip__collect *self, nip_error **err)
{
    nip__collected *item = &self->items[self->at];
    nip__samples_end answer = self->answer;
    self->answered = false;
    self->answer = (nip__samples_end){.rc = 0};
    if (answer.rc < 0) {
        nip__pass(err, answer.err);
        return answer.rc;
    }
    if (answer.too_many) {
        ask_fewer(self, item);
        return 0;
    }
    nip__sampled_add(&item->sum, &self->part);
    item->next = self->part_end;
    if (answer.lost)
        give_up(self);
    else if (answer.passing) /* whoever goes on where this ended asks again, instead of leaving a hole */
        skip_rest(item);
    return 0;
}

/* ---- all ---- */

static void on_retention(void *data)
{
    ((nip__collect *)data)->busy = false;
}

static int ask_retention(nip__collect *self, nip_error **err)
{
    int rc = nip__retention_start(&self->retention, self->op.loop, self->contract->metrics, "metrics", on_retention, self, err);
    self->busy = self->asked_retention = rc == 0;
    return rc;
}

static int go_on(nip__collect *self, nip_error **err)
{
    nip__collected *item = &self->items[self->at];
    if (!self->asked_retention)
        return ask_retention(self, err);
    if (item->next < item->final)
        return ask_part(self, item, err);
    nip__collect_tell_retention(self, item);
    self->at++;
    return 0;
}

static int step(nip_op *op, nip_error **err)
{
    nip__collect *self = (nip__collect *)op;
    int rc = 0;
    nip__arena_recover(self->arena);
    if (self->answered)
        rc = take_answer(self, err);
    while (rc == 0 && !self->busy && self->at < self->count)
        rc = go_on(self, err);
    if (rc == 0 && nip__arena_failed(self->arena))
        rc = nip__nomem(err);
    if (rc < 0)
        return rc;
    return self->at < self->count ? NIP_OP_MORE : NIP_OP_DONE;
}

static int write_result(nip_op *op, char **json, nip_error **err)
{
    return nip__collect_write((nip__collect *)op, json, err);
}

static void let_go(nip_op *op)
{
    nip__collect *self = (nip__collect *)op;
    nip__samples_stop(&self->samples);
    nip__retention_stop(&self->retention);
}

static void destroy(nip_op *op)
{
    nip__collect *self = (nip__collect *)op;
    let_go(op);
    nip_error_free(self->answer.err);
    nip__state_free(self->state);
    nip__free(self->items);
    nip__arena_free(self->arena);
}

static const nip__op_kind collect_kind = {
    .name = "collect", .step = step, .let_go = let_go, .status = write_result, .result = write_result, .destroy = destroy};

/* ---- the beginning ---- */

static void add_item(nip__collect *self, const nip__indicator *indicator, nip__ms begin)
{
    nip__collected *item = &self->items[self->count++];
    int64_t slice = indicator->slice_ms;
    item->indicator = indicator;
    item->first = item->next = nip__floor_divide(begin, slice);
    item->end = nip__floor_divide(self->end + slice - 1, slice);
    item->final = nip__sampled_final(indicator, item->first, item->end, nip__ms_of(self->began));
    item->at_once = DAY_MS / slice > 0 ? DAY_MS / slice : 1;
    item->sum.arena = self->arena;
}

static int add_items(nip__collect *self, const nip__ms *begins, nip_error **err)
{
    const nip__contract *contract = self->contract;
    self->items = nip__calloc(contract->indicator_count + 1, sizeof *self->items);
    if (self->items == NULL)
        return nip__nomem(err);
    for (size_t i = 0; i < contract->indicator_count; i++) {
        if (nip__samples_asks(&contract->indicators[i]))
            add_item(self, &contract->indicators[i], begins != NULL ? begins[i] : self->begin);
    }
    if (self->count > 0 && nip__get_text(contract->metrics, "url") == NULL)
        return nip__fail(err, NIP_E_INVALID, "%s: nobody can be asked: its metrics have no url", contract->name);
    return 0;
}

int nip__collect_new(nip_ctx *ctx, nip__loop *loop, const nip__contract *contract, nip__ms begin, nip__ms end, const nip__ms *begins, nip_op **op,
                     nip_error **err)
{
    NIP_ARG(ctx != NULL && contract != NULL && op != NULL);
    NIP_ARG(begin >= 0 && begin < end && end <= NIP__MS_MOST - 10 * (nip__ms)DAY_MS);
    nip__collect *self = nip__calloc(1, sizeof *self);
    if (self == NULL)
        return nip__nomem(err);
    self->contract = contract;
    self->begin = begin;
    self->end = end;
    self->arena = nip__arena_new();
    int rc = nip__op_init(&self->op, &collect_kind, ctx, loop, err);
    if (rc == 0 && self->arena == NULL)
        rc = nip__nomem(err);
    if (rc == 0)
        rc = nip__state_new(&self->state, err);
    if (rc == 0) {
        self->began = nip__loop_now(self->op.loop);
        rc = add_items(self, begins, err);
    }
    if (rc < 0) {
        nip_op_free(&self->op);
        return rc;
    }
    *op = &self->op;
    return 0;
}

const nip__state *nip__collect_state(const nip_op *op)
{
    return ((const nip__collect *)op)->state;
}
