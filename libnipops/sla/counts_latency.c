/* Latency: classic histograms, sample by sample. */
#include "sla/counts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sla/cells.h"
#include "sla/ledger.h"

/* One bound of the histogram at hand. */
typedef struct slot {
    double bound;
    size_t cell;
    int64_t before, now; /* at the last sample of the infinite bucket, and at this one */
    bool was, is;        /* ... as far as there was one */
    int64_t increment;
    bool usable; /* its increment is known */
} slot;

typedef struct reader {
    const nip__bucket_series *series;
    size_t next; /* sample */
    size_t slot;
} reader;

typedef struct walk {
    const nip__bucket_series **sorted; /* all series, by histogram and bound */
    size_t count;
    double limit;
    nip__ledger ledger;
    nip__cells cells;
    slot *slots; /* of one histogram; the last is the infinite one */
    size_t slot_count;
    reader *readers; /* all but the infinite one's */
    size_t reader_count;
} walk;

static int by_histogram(const void *a, const void *b)
{
    const nip__bucket_series *x = *(const nip__bucket_series *const *)a, *y = *(const nip__bucket_series *const *)b;
    if (x->histogram != y->histogram)
        return x->histogram < y->histogram ? -1 : 1;
    return x->bound < y->bound ? -1 : x->bound > y->bound;
}

static int by_bound(const void *a, const void *b)
{
    const nip__bucket_series *x = *(const nip__bucket_series *const *)a, *y = *(const nip__bucket_series *const *)b;
    return x->bound < y->bound ? -1 : x->bound > y->bound;
}

/* --- One sample of a histogram ---------------------------------------------------------------------------------------------------- */

static int read_slots(walk *all, nip__ms at, nip_error **err)
{
    for (size_t s = 0; s + 1 < all->slot_count; s++)
        all->slots[s].is = false;
    for (size_t i = 0; i < all->reader_count; i++) {
        reader *from = &all->readers[i];
        slot *into = &all->slots[from->slot];
        const nip__counter_series *counter = &from->series->counter;
        while (from->next < counter->count && counter->samples[from->next].at < at)
            from->next++;
        if (from->next == counter->count || counter->samples[from->next].at > at)
            continue;
        if (into->is)
            return nip__fail(err, NIP_E_INVALID, "%s: another series of the same histogram and bound has a sample at the same instant (sample %zu)",
                             counter->name != NULL ? counter->name : "a series", from->next);
        into->is = true;
        into->now = (int64_t)counter->samples[from->next].value;
    }
    return 0;
}

static bool has_fallen(const walk *all)
{
    for (size_t s = 0; s < all->slot_count; s++) {
        if (all->slots[s].is && all->slots[s].was && all->slots[s].now < all->slots[s].before)
            return true;
    }
    return false;
}

/* What was counted up to each bound. `anew`: everything since the histogram began. False when the counts fall from one bound to the next. */
static bool find_increments(walk *all, bool anew)
{
    int64_t most = 0;
    bool rising = true;
    for (size_t s = 0; s < all->slot_count; s++) {
        slot *one = &all->slots[s];
        one->usable = one->is && (anew || one->was);
        if (!one->usable)
            continue;
        one->increment = anew ? one->now : one->now - one->before;
        rising = rising && one->increment >= most;
        most = one->increment;
    }
    return rising;
}

static void enter_slots(walk *all, nip__ms before, nip__ms at)
{
    int64_t total = all->slots[all->slot_count - 1].increment, good = 0, upto = total;
    for (size_t s = all->slot_count; s-- > 0;) {
        if (all->slots[s].usable && all->slots[s].bound >= all->limit)
            upto = all->slots[s].increment;
    }
    for (size_t s = 0; s < all->slot_count; s++) {
        if (all->slots[s].usable && all->slots[s].bound <= all->limit)
            good = all->slots[s].increment;
    }
    nip__ledger_enter(&all->ledger, NIP__LEDGER_TOTAL, before, at, total);
    nip__ledger_enter(&all->ledger, NIP__LEDGER_GOOD, before, at, good);
    nip__ledger_enter(&all->ledger, NIP__LEDGER_BAD, before, at, total - upto);
}

static void enter_cells(walk *all, int64_t place)
{
    int64_t *upto = &all->cells.upto[(size_t)place * all->cells.bound_count];
    size_t s = 0;
    for (size_t cell = 0; cell < all->cells.bound_count; cell++) {
        while (s < all->slot_count && (all->slots[s].cell < cell || !all->slots[s].usable))
            s++;
        if (s == all->slot_count || all->slots[s].cell != cell)
            upto[cell] = -1;
        else if (upto[cell] >= 0)
            upto[cell] += all->slots[s].increment;
    }
}

static void enter_sample(walk *all, nip__ms before, nip__ms at, bool anew)
{
    int64_t place = at - before > all->ledger.range.max_gap ? -1 : nip__ledger_place(&all->ledger, at);
    int64_t total = all->slots[all->slot_count - 1].now - (anew ? 0 : all->slots[all->slot_count - 1].before);
    if (!find_increments(all, anew)) {
        /* Nothing is certain but how many there were. */
        nip__ledger_enter(&all->ledger, NIP__LEDGER_TOTAL, before, at, total);
        if (place >= 0)
            all->ledger.marred[place] = true;
        return;
    }
    enter_slots(all, before, at);
    if (place >= 0 && total > 0 && all->cells.upto != NULL && !all->ledger.full)
        enter_cells(all, place);
}

static void step(walk *all, nip__ms before, nip__ms at)
{
    bool fallen = has_fallen(all);
    all->ledger.told.resets += fallen;
    enter_sample(all, before, at, fallen);
}

/* --- One histogram ---------------------------------------------------------------------------------------------------------------- */

static void open_histogram(walk *all, size_t from, size_t to)
{
    all->slot_count = all->reader_count = 0;
    for (size_t i = from; i < to; i++) {
        double bound = all->sorted[i]->bound + 0.0;
        if (all->slot_count == 0 || all->slots[all->slot_count - 1].bound != bound)
            all->slots[all->slot_count++] = (slot){.bound = bound, .cell = nip__cells_bound(&all->cells, bound)};
        if (i + 1 < to)
            all->readers[all->reader_count++] = (reader){all->sorted[i], 0, all->slot_count - 1};
    }
}

/* sorted[from, to) are its buckets. */
static int walk_histogram(walk *all, size_t from, size_t to, nip_error **err)
{
    open_histogram(all, from, to);
    const nip__counter_series *infinite = &all->sorted[to - 1]->counter;
    slot *last = &all->slots[all->slot_count - 1];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < infinite->count; i++) {
        nip__ms at = infinite->samples[i].at;
        last->now = (int64_t)infinite->samples[i].value;
        last->is = true;
        rc = read_slots(all, at, err);
        if (rc != 0)
            break;
        if (i > 0)
            step(all, infinite->samples[i - 1].at, at);
        else if (nip__ledger_born(&all->ledger, infinite))
            enter_sample(all, at, at, true);
        for (size_t s = 0; s < all->slot_count; s++) {
            all->slots[s].was = all->slots[s].is;
            all->slots[s].before = all->slots[s].now;
        }
    }
    return rc;
}

static size_t histogram_end(const walk *all, size_t from)
{
    size_t to = from + 1;
    while (to < all->count && all->sorted[to]->histogram == all->sorted[from]->histogram)
        to++;
    return to;
}

static int check_histogram(walk *all, size_t from, size_t to, nip_error **err)
{
    int rc = 0;
    for (size_t i = from; rc == 0 && i < to; i++)
        rc = nip__ledger_check(&all->sorted[i]->counter, err);
    if (rc != 0)
        return rc;
    const nip__bucket_series *last = all->sorted[to - 1];
    if (last->bound != INFINITY || (to - from > 1 && all->sorted[to - 2]->bound == INFINITY))
        return nip__fail(err, NIP_E_INVALID, "%s: its histogram has %s infinite bucket; there must be one, with all of its events",
                         last->counter.name != NULL ? last->counter.name : "a series", last->bound == INFINITY ? "more than one" : "no");
    nip__ledger_watch(&all->ledger, &last->counter, true);
    return 0;
}

/* --- All -------------------------------------------------------------------------------------------------------------------------- */

static int sort_all(walk *all, const nip__bucket_series *series, size_t count, bool buckets, nip_error **err)
{
    all->sorted = nip__calloc(count, sizeof *all->sorted);
    all->slots = nip__calloc(count, sizeof *all->slots);
    all->readers = nip__calloc(count, sizeof *all->readers);
    if (all->sorted == NULL || all->slots == NULL || all->readers == NULL)
        return nip__nomem(err);
    for (all->count = 0; all->count < count; all->count++) {
        if (!(series[all->count].bound > -INFINITY))
            return nip__fail(err, NIP_E_INVALID, "%s: its bound is no number",
                             series[all->count].counter.name != NULL ? series[all->count].counter.name : "a series");
        all->sorted[all->count] = &series[all->count];
    }
    qsort(all->sorted, count, sizeof *all->sorted, by_bound);
    int rc = nip__cells_open(&all->cells, all->sorted, count, &all->ledger.range, buckets, err);
    qsort(all->sorted, count, sizeof *all->sorted, by_histogram);
    return rc;
}

typedef int per_histogram(walk *all, size_t from, size_t to, nip_error **err);

static int each_histogram(walk *all, per_histogram *does, nip_error **err)
{
    int rc = 0;
    for (size_t from = 0, to; rc == 0 && from < all->count; from = to) {
        to = histogram_end(all, from);
        rc = does(all, from, to, err);
    }
    return rc;
}

static void close_all(walk *all)
{
    nip__ledger_clear(&all->ledger);
    nip__cells_clear(&all->cells);
    nip__free(all->sorted);
    nip__free(all->slots);
    nip__free(all->readers);
}

int nip__counts_latency(const nip__counts_range *range, const nip__bucket_series *series, size_t count, double limit, bool buckets,
                        nip__count_slices *out, nip_error **err)
{
    NIP_ARG(range != NULL && out != NULL);
    NIP_ARG(count == 0 || series != NULL);
    NIP_ARG(limit > -INFINITY && limit < INFINITY);
    walk all = {.limit = limit};
    nip__count_slices made = {0};
    int rc = nip__ledger_open(&all.ledger, range, true, true, err);
    if (rc == 0 && count > 0)
        rc = sort_all(&all, series, count, buckets, err);
    if (rc == 0)
        rc = each_histogram(&all, check_histogram, err);
    if (rc == 0)
        rc = each_histogram(&all, walk_histogram, err);
    if (rc == 0)
        rc = nip__ledger_close(&all.ledger, &made, err);
    if (rc == 0)
        rc = nip__cells_close(&all.cells, &made, err);
    close_all(&all);
    if (rc == 0)
        *out = made;
    else
        nip__count_slices_clear(&made);
    return rc;
}
