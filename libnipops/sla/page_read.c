/* Pages as slices. Whatever is in a text, it is either all taken in or refused. */
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/memory.h"
#include "base/text.h"
#include "doc/json.h"
#include "sla/page.h"

enum { DETAILS_MAX = 512 };

/* A page on its way in. */
typedef struct page {
    nip__track_key key;
    int64_t revision, first;
    nip__arena *arena; /* of details */
    nip__slice *items;
    size_t count, capacity;
    int64_t next;      /* index of what comes next */
} page;

static int bad(nip_error **err, const char *what)
{
    return nip__fail(err, NIP_E_INVALID, "a page of measurements: %s", what);
}

/* ---- numbers ---- */

/* A whole number from 0 to `most`, without needless zeros. */
static bool read_whole(const char **at, int64_t most, int64_t *value)
{
    const char *p = *at;
    int64_t number = 0;
    if (*p < '0' || *p > '9' || (*p == '0' && p[1] >= '0' && p[1] <= '9'))
        return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (number > (most - (*p - '0')) / 10)
            return false;
        number = number * 10 + (*p - '0');
    }
    *at = p;
    *value = number;
    return true;
}

/* "x3", 1 without it. */
static bool read_times(const char **at, int64_t *times)
{
    *times = 1;
    if (**at != 'x')
        return true;
    (*at)++;
    return read_whole(at, NIP__PAGE_SLICES_MAX, times) && *times > 1;
}

/* Between items, or at the end. */
static bool read_end(const char **at)
{
    if (**at == '\0')
        return true;
    if (**at != ' ' || (*at)[1] == '\0')
        return false;
    (*at)++;
    return true;
}

static int add_slice(page *p, const nip__slice *slice, nip_error **err)
{
    if (p->next - p->first >= NIP__PAGE_SLICES_MAX)
        return bad(err, "it is about too many slices");
    nip__slice *grown = nip__grow(p->items, &p->capacity, p->count, sizeof *grown);
    if (grown == NULL)
        return nip__nomem(err);
    p->items = grown;
    grown[p->count] = *slice;
    grown[p->count].index = p->next++;
    grown[p->count++].revision = p->revision;
    return 0;
}

/* ---- events ---- */

static bool read_counts(const char **at, nip__track_kind kind, nip__slice *slice)
{
    int64_t *const parts[] = {&slice->good, &slice->bad, &slice->unsure};
    size_t most = kind == NIP__TRACK_LATENCY ? 3 : 2;
    int64_t total = 0;
    for (size_t i = 0; i < most; i++) {
        if (i > 0 && **at != ':')
            break;
        *at += i > 0;
        if (!read_whole(at, NIP__COUNTS_MAX, parts[i]))
            return false;
        total += *parts[i];
    }
    return total <= NIP__COUNTS_MAX;
}

static int read_item(page *p, const char **at, nip_error **err)
{
    nip__slice slice = {0};
    int64_t times = 1;
    bool known = **at != '-', fine = true;
    slice.conflict = **at == '!';
    if (!known || slice.conflict)
        (*at)++;
    else
        fine = read_counts(at, p->key.kind, &slice);
    if (!fine || !read_times(at, &times) || !read_end(at))
        return bad(err, "\"slices\" has what is no count");
    if (times > NIP__PAGE_SLICES_MAX - (p->next - p->first))
        return bad(err, "it is about too many slices");
    int rc = 0;
    for (int64_t i = 0; rc == 0 && known && i < times; i++)
        rc = add_slice(p, &slice, err);
    if (!known)
        p->next += times;
    return rc;
}

static int read_slices(page *p, const char *text, nip_error **err)
{
    int rc = 0;
    while (rc == 0 && *text != '\0')
        rc = read_item(p, &text, err);
    return rc;
}

/* ---- buckets ---- */

static nip__slice_detail *new_detail(page *p, size_t count)
{
    nip__slice_detail *detail = nip__arena_alloc(p->arena, sizeof *detail + count * sizeof detail->items[0]);
    if (detail != NULL)
        detail->count = count;
    return detail;
}

static bool read_bound(const char **at, double *bound)
{
    size_t length = strcspn(*at, ",/");
    bool fine = length == 4 && strncmp(*at, "+Inf", 4) == 0;
    if (fine)
        *bound = INFINITY;
    else
        fine = nip__text_real_of(*at, length, bound);
    *at += length;
    return fine;
}

/* "0.1,0.5,+Inf": they rise. Returns how many, 0: there are none, -1: they are none. */
static int read_bounds(const char **at, double bounds[DETAILS_MAX])
{
    int count = 0;
    while (**at != '/') {
        if (count == DETAILS_MAX || (count > 0 && *(*at)++ != ',') || !read_bound(at, &bounds[count]))
            return -1;
        if (count > 0 && !(bounds[count] > bounds[count - 1]))
            return -1;
        count++;
    }
    return count;
}

typedef struct buckets {
    double bounds[DETAILS_MAX];
    size_t bound_count;
    size_t next; /* slice */
} buckets;

static bool read_values(const char **at, nip__slice_detail *detail, int64_t events)
{
    for (size_t i = 0; i < detail->count; i++) {
        if ((i > 0 && *(*at)++ != ',') || !read_whole(at, NIP__COUNTS_MAX, &detail->items[i].value))
            return false;
        events -= detail->items[i].value;
    }
    return events == 0;
}

static int read_detail(page *p, buckets *b, const char **at, const nip__slice_detail **detail, nip_error **err)
{
    const nip__slice *slice = &p->items[b->next];
    double bounds[DETAILS_MAX];
    *detail = NULL;
    if (**at == '-') {
        (*at)++;
        return 0;
    }
    int count = strchr(*at, '/') != NULL ? read_bounds(at, bounds) : -1;
    if (count > 0) {
        memcpy(b->bounds, bounds, (size_t)count * sizeof *bounds);
        b->bound_count = (size_t)count;
    }
    if (count < 0 || b->bound_count == 0 || *(*at)++ != '/' || slice->conflict)
        return bad(err, "\"buckets\" has what are no bounds");
    nip__slice_detail *made = new_detail(p, b->bound_count);
    if (made == NULL)
        return nip__nomem(err);
    for (size_t i = 0; i < b->bound_count; i++)
        made->items[i].bound = b->bounds[i];
    if (!read_values(at, made, slice->good + slice->bad + slice->unsure))
        return bad(err, "\"buckets\" has counts that are none, or do not add up to the slice's");
    *detail = made;
    return 0;
}

static int read_buckets(page *p, const char *text, nip_error **err)
{
    buckets b = {0};
    int rc = 0;
    while (rc == 0 && *text != '\0') {
        const nip__slice_detail *detail = NULL;
        int64_t times = 1;
        if (b.next == p->count)
            return bad(err, "\"buckets\" is about more slices than \"slices\"");
        rc = read_detail(p, &b, &text, &detail, err);
        if (rc == 0 && (!read_times(&text, &times) || !read_end(&text) || (size_t)times > p->count - b.next))
            return bad(err, "\"buckets\" has what is no count");
        for (int64_t i = 0; rc == 0 && i < times; i++) {
            const nip__slice *first = &p->items[b.next - (size_t)i], *slice = &p->items[b.next];
            if (i > 0 && detail != NULL && first->good + first->bad + first->unsure != slice->good + slice->bad + slice->unsure)
                return bad(err, "\"buckets\" has counts that do not add up to the slice's");
            p->items[b.next++].detail = detail;
        }
    }
    return rc == 0 && b.next != p->count ? bad(err, "\"buckets\" is about fewer slices than \"slices\"") : rc;
}

/* ---- time ---- */

/* The slice that runs are filling. */
typedef struct filling {
    nip__slice slice;
    int64_t ms;
    bool conflict;
    nip__timeline runs; /* of it, from 0 */
} filling;

static int end_slice(page *p, filling *f, nip_error **err)
{
    nip__slice_detail *detail = NULL;
    int64_t begin = 0;
    f->slice.conflict = f->conflict;
    if (!f->conflict && f->runs.count > 1) {
        detail = new_detail(p, f->runs.count);
        if (detail == NULL)
            return nip__nomem(err);
    }
    for (size_t i = 0; !f->conflict && i < f->runs.count; i++) {
        int64_t ms = f->runs.items[i].end - begin, *const sums[] = {&f->slice.unsure, &f->slice.bad, &f->slice.good};
        *sums[f->runs.items[i].standing] += ms;
        if (detail != NULL) {
            detail->items[i].bound = (double)f->runs.items[i].standing;
            detail->items[i].value = ms;
        }
        begin = f->runs.items[i].end;
    }
    f->slice.detail = detail;
    int rc = add_slice(p, &f->slice, err);
    f->slice = (nip__slice){0};
    f->ms = 0;
    f->conflict = false;
    f->runs.count = 0;
    return rc;
}

/* Puts a run into as many slices as it touches. */
static int fill(page *p, filling *f, char letter, int64_t ms, nip_error **err)
{
    static const char letters[] = {[NIP__UNKNOWN] = '?', [NIP__DOWN] = 'd', [NIP__UP] = 'u', '!'};
    const char *found = memchr(letters, letter, sizeof letters);
    bool conflict = letter == '!';
    if (found == NULL || (f->ms > 0 && (conflict || f->conflict)))
        return bad(err, "\"slices\" has a run that is none");
    int rc = 0;
    while (rc == 0 && ms > 0) {
        int64_t here = ms < p->key.slice_ms - f->ms ? ms : p->key.slice_ms - f->ms;
        f->conflict = conflict;
        f->ms += here;
        ms -= here;
        if (!conflict && nip__timeline_append(&f->runs, f->ms, (nip__standing)(found - letters)) < 0)
            rc = nip__nomem(err);
        if (rc == 0 && f->ms == p->key.slice_ms)
            rc = end_slice(p, f, err);
    }
    return rc;
}

static int read_runs(page *p, const char *text, nip_error **err)
{
    filling f = {0};
    int rc = 0;
    while (rc == 0 && *text != '\0') {
        char letter = *text++;
        int64_t ms = 0, most = (int64_t)NIP__PAGE_SLICES_MAX * p->key.slice_ms;
        if (!read_whole(&text, most, &ms) || ms == 0 || !read_end(&text))
            rc = bad(err, "\"slices\" has a run that is none");
        else
            rc = fill(p, &f, letter, ms, err);
    }
    nip__timeline_clear(&f.runs);
    return rc == 0 && f.ms != 0 ? bad(err, "\"slices\" ends within a slice") : rc;
}

/* ---- the page ---- */

static bool read_kind(const char *text, nip__track_kind *kind)
{
    for (int i = NIP__TRACK_TIME; i <= NIP__TRACK_LATENCY; i++) {
        *kind = (nip__track_kind)i;
        if (nip__text_equal(text, nip__track_kind_name(*kind)))
            return true;
    }
    return false;
}

static int read_head(page *p, const nip__value *value, nip_error **err)
{
    const char *indicator = nip__get_text(value, "indicator"), *stream = nip__get_text(value, "stream");
    int64_t slice_ms = nip__get_int(value, "slice_ms", 0);
    nip__track_kind kind = NIP__TRACK_TIME;
    if (nip__get_int(value, "v", 0) > 1)
        return nip__fail(err, NIP_E_VERSION, "a page of measurements of version %lld: this library knows version 1", (long long)nip__get_int(value, "v", 0));
    if (nip__get_int(value, "v", 0) != 1 || indicator == NULL || stream == NULL || !read_kind(nip__get_text(value, "kind"), &kind))
        return bad(err, "v, indicator, stream or kind is missing or wrong");
    int rc = nip__track_key_make(indicator, stream, kind, slice_ms, &p->key, err);
    if (rc < 0)
        return rc;
    p->revision = nip__get_int(value, "revision", -1);
    p->first = p->next = nip__get_int(value, "first", NIP__SLICE_INDEX_MAX);
    int64_t most = NIP__MS_MOST / slice_ms - NIP__PAGE_SLICES_MAX;
    if (p->revision < 0 || p->revision > NIP__REVISION_MAX || p->first > most || p->first < -most)
        return bad(err, "revision or first is missing or out of range");
    return 0;
}

static int read_body(page *p, const nip__value *value, nip_error **err)
{
    const char *slices = nip__get_text(value, "slices"), *counts = nip__get_text(value, "buckets");
    if (slices == NULL)
        return bad(err, "slices are missing");
    if (counts != NULL && p->key.kind != NIP__TRACK_LATENCY)
        return bad(err, "buckets belong to latencies only");
    int rc = p->key.kind == NIP__TRACK_TIME ? read_runs(p, slices, err) : read_slices(p, slices, err);
    return rc == 0 && counts != NULL ? read_buckets(p, counts, err) : rc;
}

static int read_page(page *p, const char *text, size_t length, nip_error **err)
{
    nip__value *value = NULL;
    int rc = p->arena != NULL ? nip__json_read(p->arena, text, length, "page", &nip__record_limits, &value, err) : nip__nomem(err);
    if (rc == 0 && !nip__is(value, NIP__MAP))
        rc = bad(err, "it is no map");
    if (rc == 0)
        rc = read_head(p, value, err);
    return rc == 0 ? read_body(p, value, err) : rc;
}

int nip__state_take(nip__state *state, const char *text, size_t length, nip_error **err)
{
    page p = {.arena = nip__arena_new()};
    int rc = read_page(&p, text, length, err);
    if (rc == 0)
        rc = nip__state_put(state, &p.key, p.items, p.count, err);
    nip__free(p.items);
    nip__arena_free(p.arena);
    return rc;
}
