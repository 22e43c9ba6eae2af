/* Sets of stretches of time. */
#include "sla/span.h"

#include <string.h>

#include "base/civil.h"
#include "base/memory.h"

enum { NS_OF_MS = 1000000 };

nip__ms nip__ms_of(nip_time time)
{
    nip__ms at = nip__floor_divide(time, NS_OF_MS);
    return at < NIP__MS_LEAST ? NIP__MS_LEAST : at > NIP__MS_MOST ? NIP__MS_MOST : at;
}

nip_time nip__ms_time(nip__ms at)
{
    return at * NS_OF_MS;
}

/* ---- one stretch ---- */

size_t nip__spans_past(const nip__spans *set, nip__ms at)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->items[middle].end <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The first that ends at `begin` or later, up to the last that begins at `end` or earlier: with them it becomes one. */
static void find_neighbours(const nip__spans *set, nip__ms begin, nip__ms end, size_t *first, size_t *after)
{
    *first = nip__spans_past(set, begin);
    if (*first > 0 && set->items[*first - 1].end == begin)
        (*first)--;
    *after = nip__spans_past(set, end);
    if (*after < set->count && set->items[*after].begin <= end)
        (*after)++;
}

int nip__spans_add(nip__spans *set, nip__ms begin, nip__ms end)
{
    size_t first, after;
    if (begin >= end)
        return 0;
    find_neighbours(set, begin, end, &first, &after);
    if (first == after) {
        nip__span *grown = nip__grow(set->items, &set->capacity, set->count, sizeof *set->items);
        if (grown == NULL)
            return NIP_E_NOMEM;
        set->items = grown;
    } else {
        begin = set->items[first].begin < begin ? set->items[first].begin : begin;
        end = set->items[after - 1].end > end ? set->items[after - 1].end : end;
    }
    memmove(set->items + first + 1, set->items + after, (set->count - after) * sizeof *set->items);
    set->count = set->count - (after - first) + 1;
    set->items[first] = (nip__span){begin, end};
    return 0;
}

/* ---- two sets ---- */

/* The next instant at which a set begins or ends to hold what is walked over; `edge` counts both kinds. */
static nip__ms edge_at(const nip__spans *set, size_t edge)
{
    if (edge >= set->count * 2)
        return INT64_MAX;
    return edge % 2 == 0 ? set->items[edge / 2].begin : set->items[edge / 2].end;
}

/* Walks over the edges of both; keeps[in b][in a] says what belongs to the result. At most a's and b's stretches together. */
static int combine(const nip__spans *a, const nip__spans *b, const bool keeps[2][2], nip__spans *out)
{
    size_t room = a->count + b->count, of_a = 0, of_b = 0;
    nip__spans made = {.items = nip__calloc(room, sizeof *made.items), .capacity = room};
    bool inside = false;
    if (made.items == NULL)
        return NIP_E_NOMEM;
    while (of_a < a->count * 2 || of_b < b->count * 2) {
        nip__ms next_a = edge_at(a, of_a), next_b = edge_at(b, of_b), at = next_a < next_b ? next_a : next_b;
        of_a += next_a == at;
        of_b += next_b == at;
        bool now = keeps[of_b % 2][of_a % 2];
        if (now && !inside)
            made.items[made.count].begin = at;
        if (!now && inside)
            made.items[made.count++].end = at;
        inside = now;
    }
    nip__free(out->items);
    *out = made;
    return 0;
}

int nip__spans_union(const nip__spans *a, const nip__spans *b, nip__spans *out)
{
    static const bool keeps[2][2] = {{false, true}, {true, true}};
    return combine(a, b, keeps, out);
}

int nip__spans_intersect(const nip__spans *a, const nip__spans *b, nip__spans *out)
{
    static const bool keeps[2][2] = {{false, false}, {false, true}};
    return combine(a, b, keeps, out);
}

int nip__spans_subtract(const nip__spans *a, const nip__spans *b, nip__spans *out)
{
    static const bool keeps[2][2] = {{false, true}, {false, false}};
    return combine(a, b, keeps, out);
}

int nip__spans_clip(const nip__spans *set, nip__ms begin, nip__ms end, nip__spans *out)
{
    nip__span only = {begin, end};
    const nip__spans window = {.items = &only, .count = begin < end};
    return nip__spans_intersect(set, &window, out);
}

/* ---- one set ---- */

/* No two of them come to touch: what ended before another began still does. */
int nip__spans_snap_inward(const nip__spans *set, int64_t grid_ms, nip__spans *out)
{
    nip__spans made = {.items = nip__calloc(set->count, sizeof *made.items), .capacity = set->count};
    if (made.items == NULL)
        return NIP_E_NOMEM;
    for (size_t i = 0; i < set->count; i++) {
        nip__ms begin = -nip__floor_divide(-set->items[i].begin, grid_ms) * grid_ms;
        nip__ms end = nip__floor_divide(set->items[i].end, grid_ms) * grid_ms;
        if (begin < end)
            made.items[made.count++] = (nip__span){begin, end};
    }
    nip__free(out->items);
    *out = made;
    return 0;
}

int64_t nip__spans_length(const nip__spans *set)
{
    int64_t length = 0;
    for (size_t i = 0; i < set->count; i++)
        length += set->items[i].end - set->items[i].begin;
    return length;
}

bool nip__spans_hold(const nip__spans *set, nip__ms at)
{
    size_t i = nip__spans_past(set, at);
    return i < set->count && set->items[i].begin <= at;
}

void nip__spans_clear(nip__spans *set)
{
    nip__free(set->items);
    *set = (nip__spans){0};
}
