/* What counters and timelines give, as slices. */
#include <string.h>

#include "base/memory.h"
#include "sla/state.h"

enum { BATCH = 1024, RUNS_MAX = 65536 }; /* most runs in one slice */

static size_t detail_size(size_t count)
{
    return sizeof(nip__slice_detail) + count * sizeof ((nip__slice_detail *)0)->items[0];
}

/* ---- counts ---- */

/* NULL in *detail: it has none. */
static int buckets_of(nip__arena *arena, const nip__count_slices *slices, const nip__count_slice *slice, const nip__slice_detail **detail)
{
    *detail = NULL;
    if (slice->layout == 0)
        return 0;
    const nip__count_layout *layout = &slices->layouts[slice->layout - 1];
    nip__slice_detail *made = nip__arena_alloc(arena, detail_size(layout->count));
    if (made == NULL)
        return NIP_E_NOMEM;
    made->count = layout->count;
    for (size_t i = 0; i < layout->count; i++) {
        made->items[i].bound = layout->bounds[i];
        made->items[i].value = slices->counts[slice->counts + i];
    }
    *detail = made;
    return 0;
}

static int put_batch(nip__state *state, const nip__track_key *key, int64_t revision, const nip__count_slices *slices, size_t begin, size_t end,
                     nip__slice *batch, nip_error **err)
{
    for (size_t i = begin; i < end; i++) {
        const nip__count_slice *from = &slices->items[i];
        nip__slice *slice = &batch[i - begin];
        *slice = (nip__slice){.index = from->index, .revision = revision, .good = from->good, .bad = from->bad, .unsure = from->unsure};
        if (buckets_of(state->arena, slices, from, &slice->detail) < 0)
            return nip__nomem(err);
    }
    return nip__state_put(state, key, batch, end - begin, err);
}

int nip__state_put_counts(nip__state *state, const nip__track_key *key, int64_t revision, const nip__count_slices *slices, nip_error **err)
{
    nip__slice *batch = nip__calloc(BATCH, sizeof *batch);
    int rc = batch != NULL ? 0 : nip__nomem(err);
    for (size_t begin = 0; rc == 0 && begin < slices->count; begin += BATCH) {
        size_t end = begin + BATCH < slices->count ? begin + BATCH : slices->count;
        rc = put_batch(state, key, revision, slices, begin, end, batch, err);
    }
    nip__free(batch);
    return rc;
}

/* ---- time ---- */

/* The runs of [begin, end); `at` is the first stretch that ends behind `begin`. */
static int cut_runs(const nip__timeline *timeline, size_t at, nip__ms begin, nip__ms end, nip__timeline *runs)
{
    int rc = 0;
    runs->begin = begin;
    runs->count = 0;
    if (begin < timeline->begin)
        rc = nip__timeline_append(runs, timeline->begin < end ? timeline->begin : end, NIP__UNKNOWN);
    for (; rc == 0 && at < timeline->count && nip__timeline_end(runs) < end; at++) {
        nip__ms until = timeline->items[at].end < end ? timeline->items[at].end : end;
        rc = nip__timeline_append(runs, until, timeline->items[at].standing);
    }
    return rc < 0 ? rc : nip__timeline_append(runs, end, NIP__UNKNOWN);
}

static void add_ms(nip__slice *slice, nip__standing standing, int64_t ms)
{
    int64_t *const sums[] = {[NIP__UNKNOWN] = &slice->unsure, [NIP__DOWN] = &slice->bad, [NIP__UP] = &slice->good};
    *sums[standing] += ms;
}

static int slice_of_runs(nip__arena *arena, const nip__timeline *runs, nip__slice *slice, nip_error **err)
{
    nip__ms begin = runs->begin;
    nip__slice_detail *detail = NULL;
    if (runs->count > RUNS_MAX)
        return nip__fail(err, NIP_E_LIMIT, "more than %d changes in one slice", RUNS_MAX);
    if (runs->count > 1) {
        detail = nip__arena_alloc(arena, detail_size(runs->count));
        if (detail == NULL)
            return nip__nomem(err);
        detail->count = runs->count;
    }
    for (size_t i = 0; i < runs->count; i++) {
        int64_t ms = runs->items[i].end - begin;
        add_ms(slice, runs->items[i].standing, ms);
        if (detail != NULL) {
            detail->items[i].bound = (double)runs->items[i].standing;
            detail->items[i].value = ms;
        }
        begin = runs->items[i].end;
    }
    slice->detail = detail;
    return 0;
}

typedef struct cutter {
    nip__state *state;
    const nip__timeline *timeline;
    int64_t slice_ms, revision;
    size_t at; /* the first stretch that ends behind the slice's begin */
    nip__timeline runs;
} cutter;

static int cut_slice(cutter *c, int64_t index, nip__slice *slice, nip_error **err)
{
    nip__ms begin = index * c->slice_ms;
    *slice = (nip__slice){.index = index, .revision = c->revision};
    while (c->at < c->timeline->count && c->timeline->items[c->at].end <= begin)
        c->at++;
    if (cut_runs(c->timeline, c->at, begin, begin + c->slice_ms, &c->runs) < 0)
        return nip__nomem(err);
    return slice_of_runs(c->state->arena, &c->runs, slice, err);
}

int nip__state_put_timeline(nip__state *state, const nip__track_key *key, int64_t revision, const nip__timeline *timeline, int64_t first, int64_t end,
                            nip_error **err)
{
    cutter c = {.state = state, .timeline = timeline, .slice_ms = key->slice_ms, .revision = revision};
    nip__slice *batch = nip__calloc(BATCH, sizeof *batch);
    int rc = batch != NULL ? 0 : nip__nomem(err);
    for (int64_t index = first; rc == 0 && index < end;) {
        size_t count = 0;
        while (rc == 0 && count < BATCH && index < end)
            rc = cut_slice(&c, index++, &batch[count++], err);
        if (rc == 0)
            rc = nip__state_put(state, key, batch, count, err);
    }
    nip__timeline_clear(&c.runs);
    nip__free(batch);
    return rc;
}
