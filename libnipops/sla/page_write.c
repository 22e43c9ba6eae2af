/* Slices as pages. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "doc/json.h"
#include "sla/page.h"

/* What a page holds at most: well below the largest record, whatever the numbers are. */
enum { SLICES = 8192, GAP = 4096, DETAILS = 16384 };

const char *nip__track_kind_name(nip__track_kind kind)
{
    static const char *const names[] = {[NIP__TRACK_TIME] = "time", [NIP__TRACK_EVENTS] = "events", [NIP__TRACK_LATENCY] = "latency"};
    return names[kind];
}

/* ---- where a page ends ---- */

static bool follows(const nip__track *track, size_t begin, size_t at, size_t details)
{
    const nip__slice *first = &track->items[begin], *slice = &track->items[at], *before = &track->items[at - 1];
    int64_t gap = slice->index - before->index - 1;
    return slice->revision == first->revision && gap <= (track->key.kind == NIP__TRACK_TIME ? 0 : GAP) && slice->index - first->index < SLICES &&
           details <= DETAILS;
}

static size_t page_end(const nip__track *track, size_t begin)
{
    size_t details = 0, at = begin + 1;
    for (; at < track->count; at++) {
        details += track->items[at - 1].detail != NULL ? track->items[at - 1].detail->count : 1;
        if (!follows(track, begin, at, details))
            break;
    }
    return at;
}

/* ---- items that repeat: "120x3" ---- */

typedef struct items {
    nip__buffer *out;
    nip__buffer last;
    int64_t times;
    bool any;
} items;

static void flush_item(items *list)
{
    if (list->times == 0)
        return;
    nip__buffer_text(list->out, list->any ? " " : "");
    nip__buffer_text(list->out, nip__buffer_string(&list->last));
    if (list->times > 1)
        nip__buffer_printf(list->out, "x%lld", (long long)list->times);
    list->any = true;
    list->times = 0;
}

static void put_item(items *list, const char *text, int64_t times)
{
    if (list->times > 0 && strcmp(text, nip__buffer_string(&list->last)) != 0)
        flush_item(list);
    if (list->times == 0) {
        nip__buffer_reset(&list->last);
        nip__buffer_text(&list->last, text);
    }
    list->times += times;
}

static void end_items(items *list)
{
    flush_item(list);
    if (list->last.failed)
        list->out->failed = true;
    nip__buffer_clear(&list->last);
}

/* ---- events ---- */

static void counts_text(nip__buffer *out, const nip__slice *slice)
{
    nip__buffer_reset(out);
    if (slice->conflict) {
        nip__buffer_char(out, '!');
        return;
    }
    nip__buffer_int(out, slice->good);
    if (slice->bad > 0 || slice->unsure > 0)
        nip__buffer_printf(out, ":%lld", (long long)slice->bad);
    if (slice->unsure > 0)
        nip__buffer_printf(out, ":%lld", (long long)slice->unsure);
}

static void write_counts(nip__buffer *out, const nip__track *track, size_t begin, size_t end)
{
    items list = {.out = out, .last = NIP__BUFFER(256)};
    nip__buffer text = NIP__BUFFER(256);
    for (size_t i = begin; i < end; i++) {
        int64_t gap = i > begin ? track->items[i].index - track->items[i - 1].index - 1 : 0;
        if (gap > 0)
            put_item(&list, "-", gap);
        counts_text(&text, &track->items[i]);
        put_item(&list, nip__buffer_string(&text), 1);
    }
    list.last.failed = list.last.failed || text.failed;
    end_items(&list);
    nip__buffer_clear(&text);
}

/* ---- buckets ---- */

static bool same_bounds(const nip__slice_detail *a, const nip__slice_detail *b)
{
    bool same = a != NULL && b != NULL && a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = a->items[i].bound == b->items[i].bound;
    return same;
}

/* Bounds are written where they change, "0.1,0.5,+Inf/3,4,0"; the same bounds again are left out: "/2,5,1". */
static void buckets_text(nip__buffer *out, const nip__slice *slice, const nip__slice_detail *before)
{
    const nip__slice_detail *detail = slice->detail;
    nip__buffer_reset(out);
    if (detail == NULL) {
        nip__buffer_char(out, '-');
        return;
    }
    for (size_t i = 0; !same_bounds(detail, before) && i < detail->count; i++) {
        char number[32];
        nip__text_from_real(detail->items[i].bound, number);
        nip__buffer_printf(out, "%s%s", i > 0 ? "," : "", isinf(detail->items[i].bound) ? "+Inf" : number);
    }
    nip__buffer_char(out, '/');
    for (size_t i = 0; i < detail->count; i++)
        nip__buffer_printf(out, "%s%lld", i > 0 ? "," : "", (long long)detail->items[i].value);
}

/* Of each slice that the page is about, in their order. */
static void write_buckets(nip__buffer *out, const nip__track *track, size_t begin, size_t end)
{
    items list = {.out = out, .last = NIP__BUFFER(1 << 16)};
    nip__buffer text = NIP__BUFFER(1 << 16);
    const nip__slice_detail *before = NULL;
    for (size_t i = begin; i < end; i++) {
        buckets_text(&text, &track->items[i], before);
        put_item(&list, nip__buffer_string(&text), 1);
        before = track->items[i].detail != NULL ? track->items[i].detail : before;
    }
    list.last.failed = list.last.failed || text.failed;
    end_items(&list);
    nip__buffer_clear(&text);
}

static bool have_buckets(const nip__track *track, size_t begin, size_t end)
{
    while (begin < end && track->items[begin].detail == NULL)
        begin++;
    return begin < end;
}

/* ---- time ---- */

typedef struct runs {
    nip__buffer *out;
    char standing; /* of the run that is not written yet */
    int64_t ms;
} runs;

static const char standings[] = {[NIP__UNKNOWN] = '?', [NIP__DOWN] = 'd', [NIP__UP] = 'u'};

static void flush_run(runs *list)
{
    if (list->ms > 0)
        nip__buffer_printf(list->out, "%s%c%lld", list->out->length > 0 ? " " : "", list->standing, (long long)list->ms);
    list->ms = 0;
}

static void put_run(runs *list, char standing, int64_t ms)
{
    if (list->standing != standing)
        flush_run(list);
    list->standing = standing;
    list->ms += ms;
}

static nip__standing only_standing(const nip__slice *slice)
{
    return slice->good > 0 ? NIP__UP : slice->bad > 0 ? NIP__DOWN : NIP__UNKNOWN;
}

static void write_runs(nip__buffer *out, const nip__track *track, size_t begin, size_t end)
{
    runs list = {.out = out};
    for (size_t i = begin; i < end; i++) {
        const nip__slice *slice = &track->items[i];
        if (slice->conflict || slice->detail == NULL) {
            put_run(&list, slice->conflict ? '!' : standings[only_standing(slice)], track->key.slice_ms);
            continue;
        }
        for (size_t k = 0; k < slice->detail->count; k++)
            put_run(&list, standings[(int)slice->detail->items[k].bound], slice->detail->items[k].value);
    }
    flush_run(&list);
}

/* ---- the page ---- */

static void write_items(nip__writer *writer, const char *key, const nip__track *track, size_t begin, size_t end,
                        void (*write)(nip__buffer *out, const nip__track *track, size_t begin, size_t end))
{
    nip__buffer text = NIP__BUFFER(NIP__PAGE_MAX);
    write(&text, track, begin, end);
    writer->buffer->failed = writer->buffer->failed || text.failed;
    nip__write_text(writer, key, nip__buffer_string(&text));
    nip__buffer_clear(&text);
}

static void write_page(nip__writer *writer, const nip__track *track, size_t begin, size_t end)
{
    nip__write_map(writer, NULL);
    nip__write_int(writer, "v", 1);
    nip__write_text(writer, "indicator", track->key.indicator);
    nip__write_text(writer, "stream", track->key.stream);
    nip__write_text(writer, "kind", nip__track_kind_name(track->key.kind));
    nip__write_int(writer, "slice_ms", track->key.slice_ms);
    nip__write_int(writer, "revision", track->items[begin].revision);
    nip__write_int(writer, "first", track->items[begin].index);
    write_items(writer, "slices", track, begin, end, track->key.kind == NIP__TRACK_TIME ? write_runs : write_counts);
    if (track->key.kind == NIP__TRACK_LATENCY && have_buckets(track, begin, end))
        write_items(writer, "buckets", track, begin, end, write_buckets);
    nip__write_end_map(writer);
}

int nip__state_pages(const nip__state *state, nip__each_page *each, void *data, nip_error **err)
{
    nip__buffer text = NIP__BUFFER(NIP__PAGE_MAX);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < state->count; i++) {
        const nip__track *track = &state->tracks[i];
        for (size_t begin = 0, end; rc == 0 && begin < track->count; begin = end) {
            nip__writer writer = NIP__WRITER(&text);
            end = page_end(track, begin);
            nip__buffer_reset(&text);
            write_page(&writer, track, begin, end);
            rc = text.failed ? nip__nomem(err) : each(data, nip__buffer_string(&text), text.length, err);
        }
    }
    nip__buffer_clear(&text);
    return rc < 0 ? rc : 0;
}

static int write_one(void *data, const char *text, size_t length, nip_error **err)
{
    nip__buffer *out = data;
    (void)err;
    nip__buffer_text(out, out->length > 1 ? ",\n" : "");
    nip__buffer_put(out, text, length);
    return 0;
}

int nip__state_write(const nip__state *state, nip__buffer *out, nip_error **err)
{
    nip__buffer_char(out, '[');
    int rc = nip__state_pages(state, write_one, out, err);
    nip__buffer_char(out, ']');
    return rc == 0 && out->failed ? nip__nomem(err) : rc;
}
