/* See siblings.h. */
#include "sla/siblings.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static int compare_text(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return (a != NULL) - (b != NULL);
    return strcmp(a, b);
}

static int by_target(const void *a, const void *b)
{
    const nip__sibling *x = a, *y = b;
    int order = compare_text(x->instance, y->instance);
    return order != 0 ? order : compare_text(x->job, y->job);
}

static nip__sibling as_sibling(const nip__sample_series *series)
{
    return (nip__sibling){nip__sample_label(series, "instance"), nip__sample_label(series, "job"), series};
}

int nip__siblings_find(nip__siblings *siblings, nip__sample_set *const *sets, size_t count)
{
    size_t most = 0;
    for (size_t i = 0; i < count; i++)
        most += sets[i] != NULL ? sets[i]->count : 0;
    siblings->items = nip__calloc(most + 1, sizeof *siblings->items);
    if (siblings->items == NULL)
        return NIP_E_NOMEM;
    for (size_t i = 0; i < count; i++) {
        for (size_t s = 0; sets[i] != NULL && s < sets[i]->count; s++) {
            nip__sibling one = as_sibling(&sets[i]->items[s]);
            if (one.instance != NULL)
                siblings->items[siblings->count++] = one;
        }
    }
    qsort(siblings->items, siblings->count, sizeof *siblings->items, by_target);
    return 0;
}

void nip__siblings_clear(nip__siblings *siblings)
{
    nip__free(siblings->items);
    *siblings = (nip__siblings){0};
}

/* The first of the target; or where it would be. */
static size_t place_of(const nip__siblings *siblings, const nip__sibling *target)
{
    size_t low = 0, high = siblings->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_target(&siblings->items[middle], target) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* How many samples there are up to `at`. */
static size_t samples_until(const nip__sample_series *series, nip__ms at)
{
    size_t low = 0, high = series->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (series->samples[middle].at <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Was it sampled all through the max_gap before `at`? */
static bool was_seen(const nip__sample_series *series, nip__ms at, int64_t max_gap)
{
    nip__ms until = at;
    for (size_t i = samples_until(series, at); i > 0; i--) {
        const nip__count_sample *sample = &series->samples[i - 1];
        if (until - sample->at > max_gap)
            return false;
        if (sample->at <= at - max_gap)
            return true;
        until = sample->at;
    }
    return false;
}

static bool has_fallen(const nip__sample_series *series, nip__ms after, nip__ms upto)
{
    for (size_t i = samples_until(series, upto); i > 1 && series->samples[i - 1].at > after; i--) {
        if (series->samples[i - 1].value < series->samples[i - 2].value)
            return true;
    }
    return false;
}

/* The first of its target; count: it has none. */
static size_t first_of(const nip__siblings *siblings, const nip__sibling *target)
{
    return target->instance != NULL ? place_of(siblings, target) : siblings->count;
}

bool nip__siblings_seen(const nip__siblings *siblings, const nip__sample_series *series, nip__ms at, int64_t max_gap)
{
    nip__sibling target = as_sibling(series);
    for (size_t i = first_of(siblings, &target); i < siblings->count && by_target(&siblings->items[i], &target) == 0; i++) {
        if (siblings->items[i].series != series && was_seen(siblings->items[i].series, at, max_gap))
            return true;
    }
    return false;
}

bool nip__siblings_restarted(const nip__siblings *siblings, const nip__sample_series *series, const nip__count_sample *before,
                             const nip__count_sample *now, int64_t max_gap)
{
    nip__sibling target = as_sibling(series);
    bool fell = now->value < before->value, seen = false;
    for (size_t i = first_of(siblings, &target); i < siblings->count && by_target(&siblings->items[i], &target) == 0 && !(fell && seen); i++) {
        const nip__sample_series *other = siblings->items[i].series;
        if (other == series || !was_seen(other, now->at, max_gap))
            continue;
        seen = true;
        fell = fell || has_fallen(other, before->at, now->at);
    }
    return fell && seen;
}
