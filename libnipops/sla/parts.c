/* See parts.h. */
#include "sla/parts.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

void nip__parts_clear(nip__parts *parts)
{
    nip__free(parts->items);
    nip__arena_free(parts->arena);
    *parts = (nip__parts){0};
}

static int add_part(nip__parts *parts, const nip__part *part)
{
    nip__part *grown = nip__grow(parts->items, &parts->capacity, parts->count, sizeof *grown);
    if (grown == NULL)
        return NIP_E_NOMEM;
    parts->items = grown;
    parts->items[parts->count++] = *part;
    return 0;
}

static bool is_told(const nip__parts_rule *rule, nip__ms at)
{
    return at > rule->begin && at <= rule->end;
}

static int64_t drop_absent(nip__sample_series *series, const nip__parts_rule *rule)
{
    int64_t absent = 0;
    size_t kept = 0;
    for (size_t i = 0; i < series->count; i++) {
        if (isnan(series->samples[i].value))
            absent += is_told(rule, series->samples[i].at);
        else
            series->samples[kept++] = series->samples[i];
    }
    series->count = series->kept = kept;
    return absent;
}

int64_t nip__parts_drop_absent(nip__sample_set *set, const nip__parts_rule *rule)
{
    int64_t absent = 0;
    for (size_t i = 0; i < set->count; i++)
        absent += drop_absent(&set->items[i], rule);
    return absent;
}

/* What is told of one sample and the one before it. Whether values count events at all is judged later. */
static void tell(nip__parts *parts, const nip__parts_rule *rule, const nip__count_sample *before, const nip__count_sample *now, bool gap)
{
    bool fell = now->value < before->value;
    double counted = fell ? now->value : now->value - before->value;
    if (!is_told(rule, now->at))
        return;
    parts->told.resets += fell;
    parts->told.gaps += gap;
    if (gap && counted >= 0 && counted <= (double)NIP__COUNTER_MAX && parts->told.unplaced < NIP__COUNTER_MAX)
        parts->told.unplaced += (int64_t)counted;
}

/* How many samples from the first one on follow one another without a silence. */
static size_t unbroken(nip__parts *parts, const nip__count_sample *samples, size_t count, const nip__parts_rule *rule)
{
    size_t length = 1;
    for (; length < count && samples[length].at - samples[length - 1].at <= rule->max_gap; length++)
        tell(parts, rule, &samples[length - 1], &samples[length], false);
    return length;
}

/* Samples behind a gap, with one before them that says what they are counted from, just so far away that it is a gap still. */
static const nip__count_sample *resume(nip__parts *parts, const nip__count_sample *samples, size_t count, double from, int64_t max_gap)
{
    if (parts->arena == NULL)
        parts->arena = nip__arena_new();
    nip__count_sample *copy = parts->arena == NULL ? NULL : nip__arena_alloc(parts->arena, (count + 1) * sizeof *copy);
    if (copy == NULL)
        return NULL;
    copy[0] = (nip__count_sample){samples[0].at - max_gap - 1, from};
    memcpy(&copy[1], samples, count * sizeof *samples);
    return copy;
}

static bool is_remembered(const nip__sample_series *series, size_t at, const nip__parts_rule *rule)
{
    return at > 0 && series->samples[at].at - series->samples[at - 1].at <= rule->horizon;
}

static bool resumes(const nip__sample_series *series, size_t at, const nip__parts_rule *rule)
{
    const nip__count_sample *now = &series->samples[at];
    if (at == 0)
        return series->before;
    if (is_remembered(series, at, rule))
        return !nip__siblings_restarted(rule->siblings, series, now - 1, now, rule->max_gap);
    return !nip__siblings_seen(rule->siblings, series, now->at, rule->max_gap);
}

static int add_series(nip__parts *parts, const nip__sample_series *series, size_t source, const nip__parts_rule *rule)
{
    nip__part part = {.series.name = series->name, .source = source};
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < series->count;) {
        const nip__count_sample *samples = &series->samples[at], *from = &samples[-(int)is_remembered(series, at, rule)];
        part.series.resumed = resumes(series, at, rule);
        part.series.count = unbroken(parts, samples, series->count - at, rule);
        part.series.samples = samples;
        at += part.series.count;
        if (part.series.resumed) {
            tell(parts, rule, from, samples, true);
            part.series.samples = resume(parts, samples, part.series.count++, from->value, rule->max_gap);
        }
        rc = part.series.samples != NULL ? add_part(parts, &part) : NIP_E_NOMEM;
    }
    return rc;
}

int nip__parts_add_one(nip__parts *parts, nip__sample_set *set, size_t place, const nip__parts_rule *rule)
{
    return add_series(parts, &set->items[place], place, rule);
}

int nip__parts_add(nip__parts *parts, nip__sample_set *set, const nip__parts_rule *rule)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < set->count; i++)
        rc = nip__parts_add_one(parts, set, i, rule);
    return rc;
}
