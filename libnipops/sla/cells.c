/* Bounds that all histograms of a slice have, and what was counted between them. */
#include "sla/cells.h"

#include <string.h>

#include "base/memory.h"

int nip__cells_open(nip__cells *cells, const nip__bucket_series *const *series, size_t count, const nip__counts_range *range, bool keep,
                    nip_error **err)
{
    *cells = (nip__cells){.first = range->first};
    cells->bounds = nip__calloc(NIP__COUNTS_BUCKETS_MAX, sizeof *cells->bounds);
    if (cells->bounds == NULL)
        return nip__nomem(err);
    for (size_t i = 0; i < count; i++) {
        double bound = series[i]->bound + 0.0; /* no minus zero */
        if (cells->bound_count > 0 && bound == cells->bounds[cells->bound_count - 1])
            continue;
        if (cells->bound_count == NIP__COUNTS_BUCKETS_MAX)
            return nip__fail(err, NIP_E_LIMIT, "these histograms have more than %d different bounds", NIP__COUNTS_BUCKETS_MAX);
        cells->bounds[cells->bound_count++] = bound;
    }
    if (!keep)
        return 0;
    size_t slices = (size_t)(range->end - range->first);
    if (slices * cells->bound_count > NIP__COUNTS_CELLS_MAX)
        return nip__fail(err, NIP_E_LIMIT, "%zu slices of %zu buckets are asked at once; at most %d counts can be", slices, cells->bound_count,
                         NIP__COUNTS_CELLS_MAX);
    cells->upto = nip__calloc(slices * cells->bound_count, sizeof *cells->upto);
    return cells->upto != NULL ? 0 : nip__nomem(err);
}

void nip__cells_clear(nip__cells *cells)
{
    nip__free(cells->bounds);
    nip__free(cells->upto);
    *cells = (nip__cells){0};
}

size_t nip__cells_bound(const nip__cells *cells, double bound)
{
    size_t low = 0, high = cells->bound_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cells->bounds[middle] < bound)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Does the layout consist of just those bounds that all histograms had here? */
static bool is_layout(const nip__cells *cells, const int64_t *upto, const nip__count_layout *layout)
{
    size_t used = 0;
    for (size_t b = 0; b < cells->bound_count; b++) {
        if (upto[b] < 0)
            continue;
        if (used == layout->count || layout->bounds[used] != cells->bounds[b])
            return false;
        used++;
    }
    return used == layout->count;
}

static int add_layout(const nip__cells *cells, const int64_t *upto, nip__count_slices *out, nip_error **err)
{
    if (out->layout_count == NIP__COUNTS_LAYOUTS_MAX)
        return nip__fail(err, NIP_E_LIMIT, "the bounds of these histograms change more than %d times", NIP__COUNTS_LAYOUTS_MAX);
    nip__count_layout *grown = nip__grow(out->layouts, &out->layout_capacity, out->layout_count, sizeof *grown);
    if (grown == NULL)
        return nip__nomem(err);
    out->layouts = grown;
    nip__count_layout layout = {nip__calloc(cells->bound_count, sizeof *layout.bounds), 0};
    if (layout.bounds == NULL)
        return nip__nomem(err);
    for (size_t b = 0; b < cells->bound_count; b++) {
        if (upto[b] >= 0)
            layout.bounds[layout.count++] = cells->bounds[b];
    }
    out->layouts[out->layout_count++] = layout;
    return 0;
}

/* Sets the slice's layout; that of the slice before is likely. */
static int find_layout(const nip__cells *cells, const int64_t *upto, size_t likely, nip__count_slices *out, nip__count_slice *slice, nip_error **err)
{
    if (likely > 0 && is_layout(cells, upto, &out->layouts[likely - 1])) {
        slice->layout = likely;
        return 0;
    }
    for (slice->layout = 1; slice->layout <= out->layout_count; slice->layout++) {
        if (is_layout(cells, upto, &out->layouts[slice->layout - 1]))
            return 0;
    }
    return add_layout(cells, upto, out, err);
}

static int add_counts(const nip__cells *cells, const int64_t *upto, nip__count_slices *out, nip__count_slice *slice, nip_error **err)
{
    slice->counts = out->counts_count;
    int64_t before = 0;
    for (size_t b = 0; b < cells->bound_count; b++) {
        if (upto[b] < 0)
            continue;
        int64_t *grown = nip__grow(out->counts, &out->counts_capacity, out->counts_count, sizeof *grown);
        if (grown == NULL)
            return nip__nomem(err);
        out->counts = grown;
        out->counts[out->counts_count++] = upto[b] - before;
        before = upto[b];
    }
    return 0;
}

int nip__cells_close(const nip__cells *cells, nip__count_slices *out, nip_error **err)
{
    int rc = 0;
    size_t likely = 0;
    for (size_t i = 0; rc == 0 && cells->upto != NULL && i < out->count; i++) {
        nip__count_slice *slice = &out->items[i];
        if (slice->good + slice->bad + slice->unsure == 0)
            continue;
        const int64_t *upto = &cells->upto[(size_t)(slice->index - cells->first) * cells->bound_count];
        rc = find_layout(cells, upto, likely, out, slice, err);
        if (rc == 0)
            rc = add_counts(cells, upto, out, slice, err);
        likely = slice->layout;
    }
    return rc;
}
