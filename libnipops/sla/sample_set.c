/* Series by their names, in a table of open addresses that never is more than half full. */
#include "sla/sample_set.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "doc/json.h"

enum { NAME_MAX_BYTES = 65536 + NIP__LABELS_KEY_MAX, SLOTS_LEAST = 64 };

int nip__sample_set_open(nip__sample_set *set, uint64_t most)
{
    *set = (nip__sample_set){.arena = nip__arena_new(), .name = NIP__BUFFER(NAME_MAX_BYTES), .most = most};
    return set->arena != NULL ? 0 : NIP_E_NOMEM;
}

void nip__sample_set_clear(nip__sample_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        nip__free(set->items[i].samples);
    nip__free(set->items);
    nip__free(set->slots);
    nip__buffer_clear(&set->name);
    nip__arena_free(set->arena);
    *set = (nip__sample_set){0};
}

/* ---- finding series ---- */

static size_t slot_of(const nip__sample_set *set, const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *c = name; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    size_t at = (size_t)(hash ^ hash >> 32) & (set->slot_count - 1);
    while (set->slots[at] != 0 && strcmp(set->items[set->slots[at] - 1].name, name) != 0)
        at = (at + 1) & (set->slot_count - 1);
    return at;
}

static bool make_room(nip__sample_set *set)
{
    nip__sample_series *grown = nip__grow(set->items, &set->capacity, set->count, sizeof *grown);
    if (grown == NULL)
        return false;
    set->items = grown;
    if (set->count < set->slot_count / 2)
        return true;
    size_t wanted = set->slot_count == 0 ? SLOTS_LEAST : 2 * set->slot_count;
    size_t *slots = nip__calloc(wanted, sizeof *slots);
    if (slots == NULL)
        return false;
    nip__free(set->slots);
    set->slots = slots;
    set->slot_count = wanted;
    for (size_t i = 0; i < set->count; i++)
        set->slots[slot_of(set, set->items[i].name)] = i + 1;
    return true;
}

static bool copy_series(nip__sample_set *set, const nip__matrix_series *series, nip__sample_series *made)
{
    nip__label *labels = nip__arena_alloc(set->arena, (series->count + 1) * sizeof *labels);
    for (size_t i = 0; labels != NULL && i < series->count; i++) {
        labels[i].name = nip__arena_text(set->arena, series->labels[i].name);
        labels[i].value = nip__arena_text(set->arena, series->labels[i].value);
    }
    *made = (nip__sample_series){
        .name = nip__arena_text(set->arena, nip__buffer_string(&set->name)),
        .metric = nip__arena_text(set->arena, series->name),
        .labels = labels,
        .label_count = series->count,
    };
    return !nip__arena_failed(set->arena);
}

static int add_series(nip__sample_set *set, const nip__matrix_series *series)
{
    nip__sample_series made;
    if (set->count == NIP__SAMPLE_SERIES_MAX) {
        snprintf(set->problem, sizeof set->problem, "more than %d series", NIP__SAMPLE_SERIES_MAX);
        return NIP_E_LIMIT;
    }
    if (!make_room(set) || !copy_series(set, series, &made))
        return NIP_E_NOMEM;
    size_t slot = slot_of(set, made.name);
    set->items[set->count] = made;
    set->slots[slot] = ++set->count;
    return 0;
}

static int take_series(void *data, const nip__matrix_series *series)
{
    nip__sample_set *set = data;
    nip__buffer_reset(&set->name);
    nip__buffer_text(&set->name, series->name != NULL ? series->name : "");
    nip__buffer_text(&set->name, "{");
    nip__buffer_text(&set->name, series->key);
    nip__buffer_text(&set->name, "}");
    if (set->name.failed)
        return NIP_E_NOMEM;
    size_t slot = set->slot_count == 0 ? 0 : slot_of(set, nip__buffer_string(&set->name));
    if (set->slot_count == 0 || set->slots[slot] == 0) {
        set->at = set->count;
        return add_series(set, series);
    }
    set->at = set->slots[slot] - 1;
    return 0;
}

/* ---- samples ---- */

static int refuse(nip__sample_set *set, int rc, const char *what)
{
    snprintf(set->problem, sizeof set->problem, "%.150s: %s", set->items[set->at].name, what);
    return rc;
}

static int take_sample(void *data, int64_t t_ms, double value)
{
    nip__sample_set *set = data;
    nip__sample_series *series = &set->items[set->at];
    if (t_ms <= set->after || t_ms > set->upto)
        return 0;
    if (series->count > 0 && t_ms <= series->samples[series->count - 1].at)
        return refuse(set, NIP_E_INVALID, "its samples do not come in the order of their instants, or it comes twice");
    if (set->samples == set->most)
        return refuse(set, NIP_E_LIMIT, "too many samples at once");
    nip__count_sample *grown = nip__grow(series->samples, &series->capacity, series->count, sizeof *grown);
    if (grown == NULL)
        return NIP_E_NOMEM;
    series->samples = grown;
    grown[series->count++] = (nip__count_sample){t_ms, value};
    set->samples++;
    return 0;
}

const nip__matrix_sink nip__sample_set_sink = {.series = take_series, .sample = take_sample};

/* ---- replies ---- */

void nip__sample_set_begin(nip__sample_set *set, nip__ms after, nip__ms upto)
{
    set->after = after;
    set->upto = upto;
    set->problem[0] = '\0';
}

void nip__sample_set_keep(nip__sample_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        set->items[i].kept = set->items[i].count;
    set->kept_samples = set->samples;
}

void nip__sample_set_drop(nip__sample_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        set->items[i].count = set->items[i].kept;
    set->samples = set->kept_samples;
}

nip__sample_series *nip__sample_set_find(const nip__sample_set *set, const char *name)
{
    size_t slot = set->slot_count == 0 ? 0 : slot_of(set, name);
    return set->slot_count == 0 || set->slots[slot] == 0 ? NULL : &set->items[set->slots[slot] - 1];
}

/* Texts of JSON are texts of PromQL. */
void nip__sample_selector(nip__buffer *out, const nip__sample_series *series)
{
    if (series->metric == NULL && series->label_count == 0)
        return;
    nip__buffer_text(out, "{");
    if (series->metric != NULL) {
        nip__buffer_text(out, "__name__=");
        nip__json_write_string(out, series->metric);
        nip__buffer_text(out, series->label_count > 0 ? "," : "");
    }
    nip__labels_key(out, series->labels, series->label_count);
    nip__buffer_text(out, "}");
}

const char *nip__sample_label(const nip__sample_series *series, const char *name)
{
    for (size_t i = 0; i < series->label_count; i++)
        if (strcmp(series->labels[i].name, name) == 0)
            return series->labels[i].value;
    return NULL;
}
