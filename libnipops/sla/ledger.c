/* Increments into slices, and the account of those that found none. */
#include "sla/ledger.h"

#include <math.h>

#include "base/memory.h"

int64_t nip__counts_index(nip__ms at, int64_t slice_ms)
{
    nip__ms before = at - 1;
    return before / slice_ms - (before % slice_ms < 0);
}

static bool in_time(int64_t index, int64_t slice_ms)
{
    return index >= NIP__MS_LEAST / slice_ms && index <= NIP__MS_MOST / slice_ms;
}

static bool allot(nip__ledger *ledger, bool good, bool bad)
{
    const bool kept[NIP__LEDGER_COLUMNS] = {true, good, bad};
    bool done = true;
    for (int column = 0; column < NIP__LEDGER_COLUMNS; column++) {
        if (kept[column])
            ledger->columns[column] = nip__calloc(ledger->count, sizeof *ledger->columns[column]);
        done = done && (!kept[column] || ledger->columns[column] != NULL);
    }
    ledger->gaps = nip__calloc(ledger->count + 1, sizeof *ledger->gaps);
    ledger->marred = nip__calloc(ledger->count, sizeof *ledger->marred);
    return done && ledger->gaps != NULL && ledger->marred != NULL;
}

int nip__ledger_open(nip__ledger *ledger, const nip__counts_range *range, bool good, bool bad, nip_error **err)
{
    *ledger = (nip__ledger){.range = *range};
    NIP_ARG(range->slice_ms >= 1 && range->max_gap >= 1 && range->first <= range->end);
    NIP_ARG(in_time(range->first, range->slice_ms) && in_time(range->end, range->slice_ms));
    NIP_ARG(range->data_begin >= NIP__MS_LEAST && range->data_begin <= NIP__MS_MOST);
    if (range->end - range->first > NIP__COUNTS_SLICES_MAX)
        return nip__fail(err, NIP_E_LIMIT, "%lld slices are asked at once; at most %d can be", (long long)(range->end - range->first),
                         NIP__COUNTS_SLICES_MAX);
    ledger->count = (size_t)(range->end - range->first);
    return allot(ledger, good, bad) ? 0 : nip__nomem(err);
}

void nip__ledger_clear(nip__ledger *ledger)
{
    for (int column = 0; column < NIP__LEDGER_COLUMNS; column++)
        nip__free(ledger->columns[column]);
    nip__free(ledger->gaps);
    nip__free(ledger->marred);
    nip__spans_clear(&ledger->covered);
    nip__spans_clear(&ledger->watched);
    *ledger = (nip__ledger){0};
}

/* --- Series ----------------------------------------------------------------------------------------------------------------------- */

int nip__ledger_check(const nip__counter_series *series, nip_error **err)
{
    const char *name = series->name != NULL ? series->name : "a series";
    for (size_t i = 0; i < series->count; i++) {
        const nip__count_sample *sample = &series->samples[i];
        if (sample->at < NIP__MS_LEAST || sample->at > NIP__MS_MOST)
            return nip__fail(err, NIP_E_INVALID, "%s: sample %zu: its instant is out of range", name, i);
        if (i > 0 && sample->at <= series->samples[i - 1].at)
            return nip__fail(err, NIP_E_INVALID, "%s: sample %zu is not later than the one before it: instants must rise", name, i);
        if (!(sample->value >= 0 && sample->value <= (double)NIP__COUNTER_MAX) || sample->value != floor(sample->value))
            return nip__fail(err, NIP_E_INVALID, "%s: sample %zu is not a whole number from 0 to 2^53: this counts no events", name, i);
    }
    return 0;
}

static void add_span(nip__ledger *ledger, nip__spans *set, nip__ms begin, nip__ms end)
{
    if (nip__spans_add(set, begin, end) != 0)
        ledger->nomem = true;
}

static int64_t within(const nip__ledger *ledger, int64_t index)
{
    int64_t least = ledger->range.first, most = ledger->range.end;
    return (index < least ? least : index > most ? most : index) - least;
}

/* Slices that hold something of (before, at], as [*from, *to) of those asked. */
static bool touches(const nip__ledger *ledger, nip__ms before, nip__ms at, int64_t *from, int64_t *to)
{
    *from = within(ledger, nip__counts_index(before + 1, ledger->range.slice_ms));
    *to = within(ledger, nip__counts_index(at, ledger->range.slice_ms) + 1);
    return *from < *to;
}

static void mark_gap(nip__ledger *ledger, nip__ms before, nip__ms at)
{
    int64_t from, to;
    if (!touches(ledger, before, at, &from, &to))
        return;
    ledger->gaps[from]++;
    ledger->gaps[to]--;
    ledger->told.gaps++;
}

void nip__ledger_watch(nip__ledger *ledger, const nip__counter_series *series, bool covers)
{
    int64_t max_gap = ledger->range.max_gap;
    for (size_t i = 0, begin = 0; i < series->count; i++) {
        nip__ms at = series->samples[i].at;
        bool gap = i + 1 < series->count && series->samples[i + 1].at - at > max_gap;
        if (gap)
            mark_gap(ledger, at, series->samples[i + 1].at);
        if (!gap && i + 1 < series->count)
            continue;
        nip__ms since = series->samples[begin].at;
        add_span(ledger, &ledger->watched, since, max_gap < NIP__MS_MOST - at ? at + max_gap : NIP__MS_MOST);
        if (covers)
            add_span(ledger, &ledger->covered, since, at);
        begin = i + 1;
    }
}

/* All of the max_gap before `at`. A series' own samples do not count: they begin at `at`, and the set is open there. */
static bool was_watched(const nip__ledger *ledger, nip__ms at)
{
    size_t past = nip__spans_past(&ledger->watched, at - 1);
    return past < ledger->watched.count && ledger->watched.items[past].begin <= at - ledger->range.max_gap;
}

bool nip__ledger_born(nip__ledger *ledger, const nip__counter_series *series)
{
    nip__ms first = series->samples[0].at;
    bool asked = first - ledger->range.data_begin >= ledger->range.max_gap;
    bool born = ledger->range.born && !series->resumed && asked && was_watched(ledger, first);
    ledger->told.births += born && !series->shared;
    ledger->told.baselines += !born && !series->shared;
    return born;
}

/* --- Increments ------------------------------------------------------------------------------------------------------------------- */

int64_t nip__ledger_place(const nip__ledger *ledger, nip__ms at)
{
    int64_t index = nip__counts_index(at, ledger->range.slice_ms);
    return index >= ledger->range.first && index < ledger->range.end ? index - ledger->range.first : -1;
}

/* The account of a column; NULL: none, its events are told of by another one. */
static nip__counts_side *side_of(nip__ledger *ledger, nip__ledger_column column)
{
    if (column == NIP__LEDGER_TOTAL)
        return &ledger->told.total;
    return column == NIP__LEDGER_GOOD || ledger->columns[NIP__LEDGER_GOOD] == NULL ? &ledger->told.part : NULL;
}

static void add(nip__ledger *ledger, int64_t *sum, int64_t events, int64_t most)
{
    if (events > most - *sum)
        ledger->full = true;
    else
        *sum += events;
}

void nip__ledger_enter(nip__ledger *ledger, nip__ledger_column column, nip__ms before, nip__ms at, int64_t events)
{
    nip__counts_side unread = {0}, *side = side_of(ledger, column);
    if (side == NULL)
        side = &unread;
    add(ledger, &side->events, events, INT64_MAX);
    int64_t from, to, place = nip__ledger_place(ledger, at);
    if (at - before > ledger->range.max_gap)
        add(ledger, touches(ledger, before, at, &from, &to) ? &side->unplaced : &side->outside, events, INT64_MAX);
    else if (place < 0)
        add(ledger, &side->outside, events, INT64_MAX);
    else
        add(ledger, &ledger->columns[column][place], events, NIP__COUNTS_MAX);
}

/* --- Known slices ----------------------------------------------------------------------------------------------------------------- */

static nip__count_slice slice_at(const nip__ledger *ledger, size_t place)
{
    const int64_t *good = ledger->columns[NIP__LEDGER_GOOD], *bad = ledger->columns[NIP__LEDGER_BAD];
    int64_t total = ledger->columns[NIP__LEDGER_TOTAL][place];
    nip__count_slice slice = {.index = ledger->range.first + (int64_t)place};
    slice.good = good != NULL ? good[place] : total - bad[place];
    slice.bad = bad != NULL ? bad[place] : total - good[place];
    slice.unsure = total - slice.good - slice.bad;
    return slice;
}

static bool is_consistent(nip__ledger *ledger, const nip__count_slice *slice, size_t place)
{
    if (!ledger->marred[place] && slice->good >= 0 && slice->bad >= 0 && slice->unsure >= 0)
        return true;
    if (ledger->told.inconsistent++ == 0)
        ledger->told.inconsistent_first = slice->index;
    return false;
}

static void hide(nip__ledger *ledger, size_t place)
{
    for (nip__ledger_column column = 0; column < NIP__LEDGER_COLUMNS; column++) {
        nip__counts_side *side = side_of(ledger, column);
        if (ledger->columns[column] != NULL && side != NULL)
            side->hidden += ledger->columns[column][place];
    }
}

/* A slice of these lies wholly in one stretch that the total side covers; they come in order. */
static bool is_covered(const nip__ledger *ledger, size_t place, size_t *past)
{
    nip__ms begin = (ledger->range.first + (int64_t)place) * ledger->range.slice_ms, end = begin + ledger->range.slice_ms;
    while (*past < ledger->covered.count && ledger->covered.items[*past].end < end)
        (*past)++;
    return *past < ledger->covered.count && ledger->covered.items[*past].begin <= begin;
}

static bool add_slice(nip__count_slices *out, nip__count_slice slice)
{
    nip__count_slice *grown = nip__grow(out->items, &out->capacity, out->count, sizeof *grown);
    if (grown == NULL)
        return false;
    out->items = grown;
    out->items[out->count++] = slice;
    return true;
}

int nip__ledger_close(nip__ledger *ledger, nip__count_slices *out, nip_error **err)
{
    uint32_t gaps = 0;
    size_t past = 0;
    for (size_t place = 0; place < ledger->count; place++) {
        nip__count_slice slice = slice_at(ledger, place);
        gaps += ledger->gaps[place];
        if (!is_covered(ledger, place, &past) || gaps > 0 || !is_consistent(ledger, &slice, place))
            hide(ledger, place);
        else if (!add_slice(out, slice))
            ledger->nomem = true;
    }
    out->told = ledger->told;
    if (ledger->nomem)
        return nip__nomem(err);
    if (ledger->full)
        return nip__fail(err, NIP_E_LIMIT, "there are more than %lld events in one slice, or more in all than can be counted",
                         (long long)NIP__COUNTS_MAX);
    return 0;
}

void nip__count_slices_clear(nip__count_slices *slices)
{
    for (size_t i = 0; i < slices->layout_count; i++)
        nip__free(slices->layouts[i].bounds);
    nip__free(slices->layouts);
    nip__free(slices->counts);
    nip__free(slices->items);
    *slices = (nip__count_slices){0};
}
