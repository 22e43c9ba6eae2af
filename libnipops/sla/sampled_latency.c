/* Classic histograms: series of one group of labels belong together but for `le`. */
#include "sla/sampled_inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum { KEY_MAX = 65536 + NIP__LABELS_KEY_MAX };

typedef struct bucket {
    const char *group; /* labels without `le` */
    double bound;
    size_t place; /* in the set */
    size_t from, to; /* its parts */
} bucket;

typedef struct walk {
    nip__sample_set *set;
    nip__arena *arena;
    nip__parts parts;
    bucket *buckets; /* by group, then by bound: the infinite one is the last of a group */
    size_t count;
    nip__bucket_series *series;
    size_t series_count;
    size_t histograms;
} walk;

/* ---- labels ---- */

bool nip__sampled_bound(const nip__sample_series *series, double *bound)
{
    const char *text = nip__sample_label(series, "le");
    bool infinite = nip__text_equal(text, "+Inf") || nip__text_equal(text, "Inf");
    if (infinite)
        *bound = INFINITY;
    return infinite || (text != NULL && nip__text_real(text, bound));
}

static const char *group_of(walk *all, const nip__sample_series *series, nip__buffer *key)
{
    nip__label labels[NIP__LABELS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < series->label_count && count < NIP__LABELS_MAX; i++) {
        if (strcmp(series->labels[i].name, "le") != 0)
            labels[count++] = series->labels[i];
    }
    nip__buffer_reset(key);
    nip__buffer_text(key, series->metric != NULL ? series->metric : "");
    nip__buffer_text(key, "{");
    nip__labels_key(key, labels, count);
    return key->failed ? NULL : nip__arena_text(all->arena, nip__buffer_string(key));
}

static int by_group(const void *a, const void *b)
{
    const bucket *x = a, *y = b;
    int order = strcmp(x->group, y->group);
    return order != 0 ? order : (x->bound > y->bound) - (x->bound < y->bound);
}

static int list_buckets(walk *all, nip__sampled *out)
{
    nip__buffer key = NIP__BUFFER(KEY_MAX);
    all->buckets = nip__calloc(all->set->count + 1, sizeof *all->buckets);
    bool failed = all->buckets == NULL;
    for (size_t i = 0; !failed && i < all->set->count; i++) {
        const nip__sample_series *series = &all->set->items[i];
        bucket made = {.place = i};
        if (series->count == 0)
            continue;
        if (!nip__sampled_bound(series, &made.bound)) {
            nip__sampled_remark(out, "%.150s has no bound: its label le is no number; it is left out", series->name);
            continue;
        }
        made.group = group_of(all, series, &key);
        failed = made.group == NULL;
        all->buckets[all->count++] = made;
    }
    nip__buffer_clear(&key);
    if (!failed)
        qsort(all->buckets, all->count, sizeof *all->buckets, by_group);
    return failed ? NIP_E_NOMEM : 0;
}

/* ---- histograms ---- */

static bool is_last(const walk *all, size_t i)
{
    return i + 1 == all->count || strcmp(all->buckets[i].group, all->buckets[i + 1].group) != 0;
}

static int cut_buckets(walk *all, const nip__parts_rule *rule)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < all->count; i++) {
        nip__parts_told before = all->parts.told;
        all->buckets[i].from = all->parts.count;
        rc = nip__parts_add_one(&all->parts, all->set, all->buckets[i].place, rule);
        all->buckets[i].to = all->parts.count;
        if (!is_last(all, i)) /* a histogram's gaps and resets are those of its infinite bucket */
            all->parts.told = before;
    }
    return rc;
}

/* Of the parts of a group's infinite bucket the one that a bucket's part lies in; `to`: in none. */
static size_t part_around(const walk *all, const bucket *infinite, const nip__counter_series *series)
{
    nip__ms at = series->samples[series->resumed].at;
    size_t i = infinite->from;
    while (i < infinite->to) {
        const nip__counter_series *around = &all->parts.items[i].series;
        if (at >= around->samples[0].at && at <= around->samples[around->count - 1].at)
            break;
        i++;
    }
    return i;
}

static void add_parts(walk *all, const bucket *one, const bucket *infinite, nip__ms end)
{
    for (size_t i = one->from; i < one->to; i++) {
        const nip__counter_series *series = &all->parts.items[i].series;
        size_t around = part_around(all, infinite, series);
        if (around < infinite->to && all->parts.items[around].series.samples[0].at <= end)
            all->series[all->series_count++] = (nip__bucket_series){all->histograms + around - infinite->from, one->bound, *series};
    }
}

/* Without an infinite bucket nobody knows what all of a group were: then counting refuses it. */
static int add_groups(walk *all, const nip__parts_rule *rule)
{
    int rc = cut_buckets(all, rule);
    all->series = rc == 0 ? nip__calloc(all->parts.count + 1, sizeof *all->series) : NULL;
    if (all->series == NULL)
        return NIP_E_NOMEM;
    for (size_t from = 0, i = 0; i < all->count; i++) {
        if (!is_last(all, i))
            continue;
        for (; from <= i; from++)
            add_parts(all, &all->buckets[from], &all->buckets[i], rule->end);
        all->histograms += all->buckets[i].to - all->buckets[i].from;
    }
    return 0;
}

/* ---- all ---- */

static int count(const nip__indicator *indicator, const walk *all, int64_t first, int64_t end, nip__sampled *out, nip_error **err)
{
    nip__count_slices slices = {0};
    nip_error *found = NULL;
    nip__counts_range range = nip__sampled_range(indicator, first, end);
    int rc = nip__counts_latency(&range, all->series, all->series_count, indicator->limit_seconds, indicator->buckets, &slices, &found);
    if (rc < 0)
        return nip__sampled_failed(out, rc, found, err);
    rc = nip__sampled_put(indicator, NIP__TRACK_LATENCY, &slices, out, err);
    nip__count_slices_clear(&slices);
    return rc;
}

int nip__sampled_latency(const nip__indicator *indicator, nip__sample_set *set, int64_t first, int64_t end, nip__sampled *out, nip_error **err)
{
    walk all = {.set = set, .arena = nip__arena_new()};
    nip__siblings siblings = {0};
    nip__parts_rule rule = nip__sampled_rule(indicator, first, end, &siblings);
    int64_t before = out->known;
    bool made = all.arena != NULL && list_buckets(&all, out) == 0 && nip__siblings_find(&siblings, &set, 1) == 0 && add_groups(&all, &rule) == 0;
    int rc = made ? 0 : nip__nomem(err);
    nip__sampled_parts(out, &all.parts.told);
    if (rc == 0 && all.count == 0)
        nip__sampled_tell(out, "histogram: no series with a bound has samples there");
    if (rc == 0)
        rc = count(indicator, &all, first, end, out, err);
    out->missing += end - first - (out->known - before);
    nip__parts_clear(&all.parts);
    nip__siblings_clear(&siblings);
    nip__free(all.buckets);
    nip__free(all.series);
    nip__arena_free(all.arena);
    return rc;
}
