/* See samples.h. */
#include "op/samples.h"

#include <string.h>

#include "base/error.h"

/* ---- sides ---- */

static void add_side(nip__samples *samples, const char *name, const char *selector)
{
    if (selector != NULL && samples->count < NIP__SAMPLES_SIDES)
        samples->sides[samples->count++] = (nip__samples_side){.name = name, .selector = selector};
}

/* Of all three, good is what the other two say already. */
static void choose_sides(nip__samples *samples, const nip__indicator *indicator)
{
    switch (indicator->kind) {
    case NIP__INDICATOR_TIME:
        add_side(samples, "query", indicator->query);
        break;
    case NIP__INDICATOR_LATENCY:
        add_side(samples, "histogram", indicator->histogram);
        break;
    case NIP__INDICATOR_EVENTS:
        add_side(samples, "total", indicator->total);
        add_side(samples, "bad", indicator->bad);
        add_side(samples, "good", indicator->good);
        break;
    }
}

static nip__sample_set *set_of(nip__samples *samples, const char *name)
{
    for (size_t i = 0; i < samples->count; i++)
        if (strcmp(samples->sides[i].name, name) == 0)
            return &samples->sides[i].set;
    return NULL;
}

bool nip__samples_asks(const nip__indicator *indicator)
{
    nip__samples none = {.count = 0};
    choose_sides(&none, indicator);
    return none.count >= (indicator->kind == NIP__INDICATOR_EVENTS ? 2 : 1);
}

void nip__samples_stop(nip__samples *samples)
{
    nip__before_stop(&samples->before);
    for (size_t i = 0; i < samples->count; i++) {
        nip__fetch_stop(&samples->sides[i].fetch);
        nip__sample_set_clear(&samples->sides[i].set);
    }
    samples->count = 0;
}

/* ---- the end ---- */

static void finish(nip__samples *samples, const nip__samples_end *end)
{
    nip__samples_stop(samples);
    samples->done(samples->data, end);
}

static int count(nip__samples *samples, nip_error **err)
{
    const nip__samples_request *asked = &samples->request;
    switch (asked->indicator->kind) {
    case NIP__INDICATOR_TIME:
        return nip__sampled_time(asked->indicator, set_of(samples, "query"), asked->first, asked->end, asked->out, err);
    case NIP__INDICATOR_LATENCY:
        return nip__sampled_latency(asked->indicator, set_of(samples, "histogram"), asked->first, asked->end, asked->out, err);
    default:
        return nip__sampled_events(asked->indicator, set_of(samples, "good"), set_of(samples, "bad"), set_of(samples, "total"), asked->first,
                                   asked->end, asked->out, err);
    }
}

static void complete(nip__samples *samples)
{
    nip__samples_end end = {.rc = 0};
    end.rc = count(samples, &end.err);
    finish(samples, &end);
}

static void give_up(nip__samples *samples, const char *what, const nip__fetch_end *how)
{
    nip__samples_end end = {.too_many = how->rc == NIP_E_LIMIT, .passing = how->passing, .lost = how->lost};
    nip__sampled *out = samples->request.out;
    if (how->rc == NIP_E_NOMEM) {
        end.rc = nip__nomem(&end.err);
    } else if (!end.too_many) {
        nip__sampled_tell(out, "%s: %s", what, how->problem);
        out->missing += samples->request.end - samples->request.first;
    }
    finish(samples, &end);
}

static void on_before(void *data, const nip__fetch_end *how)
{
    nip__samples *samples = data;
    if (how->rc < 0)
        give_up(samples, "which series had been there before", how);
    else
        complete(samples);
}

static int ask_before(nip__samples *samples, nip__newcomers *newcomers, nip_error **err)
{
    const nip__samples_request *asked = &samples->request;
    nip__ms after, upto;
    nip__sampled_window(asked->indicator, asked->first, asked->end, &after, &upto);
    return nip__before_start(&samples->before, samples->loop, asked->settings, asked->place, after, newcomers, on_before, samples, err);
}

/* All samples are there. */
static void look(nip__samples *samples)
{
    const nip__samples_request *asked = &samples->request;
    nip__sample_set *const sets[NIP__SAMPLES_SIDES] = {&samples->sides[0].set, samples->count > 1 ? &samples->sides[1].set : NULL};
    nip__newcomers newcomers = {0};
    nip__samples_end end = {.rc = 0};
    nip__sampled_look(asked->indicator, sets, NIP__SAMPLES_SIDES, asked->first, asked->end, asked->out);
    if (asked->indicator->kind != NIP__INDICATOR_TIME && nip__newcomers_find(asked->indicator, sets, NIP__SAMPLES_SIDES, asked->first, &newcomers) < 0)
        end.rc = nip__nomem(&end.err);
    bool any = end.rc == 0 && newcomers.count > 0;
    if (any)
        end.rc = ask_before(samples, &newcomers, &end.err);
    nip__newcomers_clear(&newcomers);
    if (end.rc < 0)
        finish(samples, &end);
    else if (!any)
        complete(samples);
}

static void on_fetched(nip__samples *samples, nip__samples_side *side, const nip__fetch_end *how)
{
    if (how->rc < 0) {
        give_up(samples, side->name, how);
        return;
    }
    if (how->note != NULL)
        nip__sampled_remark(samples->request.out, "%s: %s", side->name, how->note);
    if (--samples->left == 0)
        look(samples);
}

static void on_first(void *data, const nip__fetch_end *how)
{
    nip__samples *samples = data;
    on_fetched(samples, &samples->sides[0], how);
}

static void on_second(void *data, const nip__fetch_end *how)
{
    nip__samples *samples = data;
    on_fetched(samples, &samples->sides[1], how);
}

/* ---- the beginning ---- */

static int start_side(nip__samples *samples, nip__loop *loop, size_t which, nip_error **err)
{
    static void (*const told[NIP__SAMPLES_SIDES])(void *, const nip__fetch_end *) = {on_first, on_second};
    const nip__samples_request *asked = &samples->request;
    nip__samples_side *side = &samples->sides[which];
    nip__fetch_request request = {.settings = asked->settings, .place = asked->place, .selector = side->selector, .into = &side->set};
    nip__sampled_window(asked->indicator, asked->first, asked->end, &request.after, &request.upto);
    if (nip__sample_set_open(&side->set, asked->most) < 0)
        return nip__nomem(err);
    return nip__fetch_start(&side->fetch, loop, &request, told[which], samples, err);
}

int nip__samples_start(nip__samples *samples, nip__loop *loop, const nip__samples_request *request,
                       void (*done)(void *data, const nip__samples_end *end), void *data, nip_error **err)
{
    NIP_ARG(nip__samples_asks(request->indicator) && request->first < request->end);
    *samples = (nip__samples){.request = *request, .loop = loop, .done = done, .data = data};
    choose_sides(samples, request->indicator);
    samples->left = samples->count;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < samples->count; i++)
        rc = start_side(samples, loop, i, err);
    if (rc < 0)
        nip__samples_stop(samples);
    return rc;
}
