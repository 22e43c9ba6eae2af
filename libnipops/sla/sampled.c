/* What slices depend on, and events. */
#include "sla/sampled_inside.h"

#include <stdarg.h>

#include "base/memory.h"
#include "base/print.h"
#include "base/text.h"

enum { HORIZON_MS = 3600000 };

/* ---- what to ask ---- */

int64_t nip__sampled_horizon(const nip__indicator *indicator)
{
    return indicator->max_gap_ms > HORIZON_MS / 4 ? 4 * indicator->max_gap_ms : HORIZON_MS;
}

void nip__sampled_window(const nip__indicator *indicator, int64_t first, int64_t end, nip__ms *after, nip__ms *upto)
{
    nip__ms begin = first * indicator->slice_ms;
    bool time = indicator->kind == NIP__INDICATOR_TIME;
    *after = begin - indicator->max_gap_ms - (time ? 0 : 1 + nip__sampled_horizon(indicator));
    *upto = end * indicator->slice_ms + indicator->max_gap_ms;
}

int64_t nip__sampled_final(const nip__indicator *indicator, int64_t first, int64_t end, nip__ms now)
{
    /* e * slice + max_gap < now */
    nip__ms before = now - indicator->max_gap_ms - 1;
    int64_t most = before / indicator->slice_ms - (before % indicator->slice_ms < 0);
    most = most < end ? most : end;
    return most > first ? most : first;
}

/* ---- what is told ---- */

void nip__told_add(nip__told *told, nip__arena *arena, const char *text)
{
    for (size_t i = 0; i < told->count && i < NIP__TOLD_MAX; i++) {
        if (nip__text_equal(told->texts[i], text))
            return;
    }
    if (told->count++ < NIP__TOLD_MAX)
        told->texts[told->count - 1] = nip__arena_text(arena, text);
}

enum { TEXT_MAX = 800 };

void nip__sampled_tell(nip__sampled *out, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    nip__vprint(text, sizeof text, format, arguments);
    va_end(arguments);
    nip__told_add(&out->problems, out->arena, text);
}

void nip__sampled_remark(nip__sampled *out, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    nip__vprint(text, sizeof text, format, arguments);
    va_end(arguments);
    nip__told_add(&out->remarks, out->arena, text);
}

static void add_told(nip__told *sum, nip__arena *arena, const nip__told *more)
{
    for (size_t i = 0; i < more->count && i < NIP__TOLD_MAX; i++)
        nip__told_add(sum, arena, more->texts[i]);
}

void nip__sampled_add(nip__sampled *sum, const nip__sampled *more)
{
    sum->known += more->known;
    sum->missing += more->missing;
    sum->samples += more->samples;
    sum->series = sum->series > more->series ? sum->series : more->series;
    sum->resets += more->resets;
    sum->births += more->births;
    sum->gaps += more->gaps;
    sum->unplaced += more->unplaced;
    sum->hidden += more->hidden;
    sum->absent += more->absent;
    sum->inconsistent += more->inconsistent;
    add_told(&sum->problems, sum->arena, &more->problems);
    add_told(&sum->remarks, sum->arena, &more->remarks);
}

void nip__sampled_look(const nip__indicator *indicator, nip__sample_set *const *sets, size_t count, int64_t first, int64_t end, nip__sampled *out)
{
    nip__parts_rule rule = nip__sampled_rule(indicator, first, end, NULL);
    for (size_t i = 0; i < count; i++) {
        if (sets[i] == NULL)
            continue;
        for (size_t s = 0; s < sets[i]->count; s++)
            out->series += sets[i]->items[s].count > 0;
        out->samples += (int64_t)sets[i]->samples;
        if (indicator->kind != NIP__INDICATOR_TIME)
            out->absent += nip__parts_drop_absent(sets[i], &rule);
    }
}

void nip__sampled_parts(nip__sampled *out, const nip__parts_told *told)
{
    out->resets += told->resets;
    out->gaps += told->gaps;
    out->unplaced += told->unplaced;
}

nip__parts_rule nip__sampled_rule(const nip__indicator *indicator, int64_t first, int64_t end, const nip__siblings *siblings)
{
    return (nip__parts_rule){
        .siblings = siblings,
        .max_gap = indicator->max_gap_ms,
        .horizon = nip__sampled_horizon(indicator),
        .begin = first * indicator->slice_ms,
        .end = end * indicator->slice_ms,
    };
}

nip__counts_range nip__sampled_range(const nip__indicator *indicator, int64_t first, int64_t end)
{
    return (nip__counts_range){
        .first = first,
        .end = end,
        .slice_ms = indicator->slice_ms,
        .max_gap = indicator->max_gap_ms,
        .data_begin = first * indicator->slice_ms - indicator->max_gap_ms + 1, /* what begins at the first slice's begin is not of it */
        .born = true,
    };
}

int nip__sampled_put(const nip__indicator *indicator, nip__track_kind kind, const nip__count_slices *slices, nip__sampled *out, nip_error **err)
{
    nip__track_key key;
    const nip__counts_told *told = &slices->told;
    int rc = nip__track_key_make(indicator->definition, "", kind, indicator->slice_ms, &key, err);
    if (rc == 0)
        rc = nip__state_put_counts(out->state, &key, 0, slices, err);
    if (rc < 0)
        return rc;
    out->known += (int64_t)slices->count;
    out->births += told->births;
    out->hidden += told->total.hidden;
    out->inconsistent += told->inconsistent;
    if (told->inconsistent > 0)
        nip__sampled_tell(out, "%lld slices have more of a part than of the whole; they are missing", (long long)told->inconsistent);
    return 0;
}

int nip__sampled_failed(nip__sampled *out, int rc, nip_error *found, nip_error **err)
{
    bool ours = rc == NIP_E_INVALID || rc == NIP_E_LIMIT;
    if (ours)
        nip__sampled_tell(out, "%s", nip_error_message(found));
    else if (rc < 0)
        nip__pass(err, found), found = NULL;
    nip_error_free(found);
    return ours ? 0 : rc;
}

/* ---- events ---- */

/* One side: its counters, and which of them begin too late to matter, since what begins there is told with slices to come. */
typedef struct side {
    nip__counter_series *items;
    size_t count;
} side;

static int add_side(side *out, const nip__parts *parts, bool shared, nip__ms end)
{
    nip__counter_series *grown = nip__realloc(out->items, (out->count + parts->count + 1) * sizeof *grown);
    if (grown == NULL)
        return NIP_E_NOMEM;
    out->items = grown;
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->items[i].series.samples[0].at > end)
            continue;
        out->items[out->count] = parts->items[i].series;
        out->items[out->count++].shared = shared;
    }
    return 0;
}

typedef struct events {
    nip__parts good, bad, total;
    side whole, part;
} events;

static int cut(events *all, const nip__parts_rule *rule, nip__sample_set *const *sets, nip__sampled *out)
{
    nip__parts *const parts[] = {&all->good, &all->bad, &all->total};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < 3; i++) {
        if (sets[i] == NULL)
            continue;
        rc = nip__parts_add(parts[i], sets[i], rule);
        nip__sampled_parts(out, &parts[i]->told);
    }
    return rc;
}

/* The whole is the total, or without one what was good and what was bad together. */
static int choose_sides(events *all, const nip__parts_rule *rule, bool has_total, bool of_good)
{
    int rc = add_side(&all->whole, has_total ? &all->total : &all->good, false, rule->end);
    if (rc == 0 && !has_total)
        rc = add_side(&all->whole, &all->bad, false, rule->end);
    return rc < 0 ? rc : add_side(&all->part, of_good ? &all->good : &all->bad, !has_total, rule->end);
}

static int count(const nip__indicator *indicator, events *all, bool of_good, int64_t first, int64_t end, nip__sampled *out, nip_error **err)
{
    nip__count_slices slices = {0};
    nip_error *found = NULL;
    nip__counts_range range = nip__sampled_range(indicator, first, end);
    int rc = nip__counts_events(&range, all->whole.items, all->whole.count, all->part.items, all->part.count,
                                of_good ? NIP__COUNTED_GOOD : NIP__COUNTED_BAD, &slices, &found);
    if (rc < 0)
        return nip__sampled_failed(out, rc, found, err);
    rc = nip__sampled_put(indicator, NIP__TRACK_EVENTS, &slices, out, err);
    nip__count_slices_clear(&slices);
    return rc;
}

static void close_events(events *all)
{
    nip__parts_clear(&all->good);
    nip__parts_clear(&all->bad);
    nip__parts_clear(&all->total);
    nip__free(all->whole.items);
    nip__free(all->part.items);
}

int nip__sampled_events(const nip__indicator *indicator, nip__sample_set *good, nip__sample_set *bad, nip__sample_set *total, int64_t first,
                        int64_t end, nip__sampled *out, nip_error **err)
{
    NIP_ARG((good != NULL) + (bad != NULL) + (total != NULL) >= 2);
    events all = {0};
    int64_t before = out->known;
    nip__siblings siblings = {0};
    nip__parts_rule rule = nip__sampled_rule(indicator, first, end, &siblings);
    bool of_good = bad == NULL;
    nip__sample_set *const sets[] = {good, bad, total};
    int rc = nip__siblings_find(&siblings, sets, 3);
    if (rc == 0)
        rc = cut(&all, &rule, sets, out);
    if (rc == 0)
        rc = choose_sides(&all, &rule, total != NULL, of_good);
    if (rc == 0 && (total != NULL ? all.total.count : all.good.count) == 0) {
        nip__sampled_tell(out, "%s: no series has samples there", total != NULL ? "total" : "good");
        all.whole.count = 0; /* of bad ones alone nobody knows what else there was */
    }
    if (rc < 0)
        rc = nip__nomem(err);
    else
        rc = count(indicator, &all, of_good, first, end, out, err);
    out->missing += end - first - (out->known - before);
    close_events(&all);
    nip__siblings_clear(&siblings);
    return rc;
}
