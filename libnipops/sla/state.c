/* Tracks and slices, and how two of them become one. */
#include "sla/state.h"

#include <string.h>

#include "base/arena.h"
#include "base/memory.h"
#include "base/text.h"

enum { HOUR_MS = 3600000 };

int nip__state_new(nip__state **state, nip_error **err)
{
    nip__state *made = nip__calloc(1, sizeof *made);
    if (made != NULL)
        made->arena = nip__arena_new();
    if (made == NULL || made->arena == NULL) {
        nip__free(made);
        return nip__nomem(err);
    }
    *state = made;
    return 0;
}

void nip__state_free(nip__state *state)
{
    if (state == NULL)
        return;
    for (size_t i = 0; i < state->count; i++)
        nip__free(state->tracks[i].items);
    nip__free(state->tracks);
    nip__arena_free(state->arena);
    nip__free(state);
}

/* ---- keys ---- */

static bool is_definition(const char *text)
{
    size_t length = strnlen(text, NIP__DEFINITION_SIZE);
    return length == NIP__DEFINITION_SIZE - 1 && strspn(text, "0123456789abcdef") == length;
}

int nip__track_key_make(const char *indicator, const char *stream, nip__track_kind kind, int64_t slice_ms, nip__track_key *key, nip_error **err)
{
    size_t length = strlen(stream);
    if (!is_definition(indicator))
        return nip__fail(err, NIP_E_INVALID, "an indicator's definition is 64 hexadecimal digits");
    if (length >= NIP__STREAM_SIZE || !nip__text_utf8(stream, length))
        return nip__fail(err, NIP_E_INVALID, "a stream's name is UTF-8 of at most %d bytes", NIP__STREAM_SIZE - 1);
    if (slice_ms < 1 || slice_ms > NIP__SLICE_MS_MAX || HOUR_MS % slice_ms != 0)
        return nip__fail(err, NIP_E_INVALID, "a slice of %lld ms does not divide an hour", (long long)slice_ms);
    nip__track_key made = {.kind = kind, .slice_ms = slice_ms};
    memcpy(made.indicator, indicator, NIP__DEFINITION_SIZE);
    memcpy(made.stream, stream, length + 1);
    *key = made;
    return 0;
}

static int compare_keys(const nip__track_key *a, const nip__track_key *b)
{
    int order = strcmp(a->indicator, b->indicator);
    if (order == 0)
        order = strcmp(a->stream, b->stream);
    if (order == 0)
        order = (a->kind > b->kind) - (a->kind < b->kind);
    return order != 0 ? order : (a->slice_ms > b->slice_ms) - (a->slice_ms < b->slice_ms);
}

/* The place of the first track that is not before the key. */
static size_t track_place(const nip__state *state, const nip__track_key *key)
{
    size_t low = 0, high = state->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_keys(&state->tracks[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const nip__track *nip__state_track(const nip__state *state, const nip__track_key *key)
{
    size_t at = track_place(state, key);
    bool there = at < state->count && compare_keys(&state->tracks[at].key, key) == 0;
    return there ? &state->tracks[at] : NULL;
}

size_t nip__state_tracks(const nip__state *state, const char *indicator, size_t *first)
{
    size_t count = 0;
    nip__track_key least = {.kind = NIP__TRACK_TIME};
    memcpy(least.indicator, indicator, strnlen(indicator, NIP__DEFINITION_SIZE - 1));
    *first = track_place(state, &least);
    while (*first + count < state->count && strcmp(state->tracks[*first + count].key.indicator, indicator) == 0)
        count++;
    return count;
}

static int find_track(nip__state *state, const nip__track_key *key, nip__track **track, nip_error **err)
{
    size_t at = track_place(state, key);
    if (at == state->count || compare_keys(&state->tracks[at].key, key) != 0) {
        if (state->count == NIP__STATE_TRACKS_MAX)
            return nip__fail(err, NIP_E_LIMIT, "more than %d streams", NIP__STATE_TRACKS_MAX);
        nip__track *grown = nip__grow(state->tracks, &state->capacity, state->count, sizeof *grown);
        if (grown == NULL)
            return nip__nomem(err);
        state->tracks = grown;
        memmove(&grown[at + 1], &grown[at], (state->count - at) * sizeof *grown);
        grown[at] = (nip__track){.key = *key};
        state->count++;
    }
    *track = &state->tracks[at];
    return 0;
}

/* ---- slices ---- */

size_t nip__track_past(const nip__track *track, int64_t index)
{
    size_t low = 0, high = track->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (track->items[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool details_equal(const nip__slice_detail *a, const nip__slice_detail *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++)
        equal = a->items[i].bound == b->items[i].bound && a->items[i].value == b->items[i].value;
    return equal;
}

bool nip__slice_equal(const nip__slice *a, const nip__slice *b)
{
    return a->conflict == b->conflict && a->good == b->good && a->bad == b->bad && a->unsure == b->unsure && details_equal(a->detail, b->detail);
}

/* The one that counts of two that are about the same slice. */
static nip__slice joined(const nip__slice *a, const nip__slice *b)
{
    if (a->revision != b->revision)
        return a->revision > b->revision ? *a : *b;
    return nip__slice_equal(a, b) ? *a : (nip__slice){.index = a->index, .revision = a->revision, .conflict = true};
}

static const nip__slice_detail *copy_detail(nip__arena *arena, const nip__slice_detail *detail)
{
    if (detail == NULL)
        return NULL;
    size_t size = sizeof *detail + detail->count * sizeof detail->items[0];
    nip__slice_detail *copy = nip__arena_alloc(arena, size);
    if (copy != NULL)
        memcpy(copy, detail, size);
    return copy;
}

static int own_details(nip__state *state, nip__slice *slices, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const nip__slice_detail *detail = slices[i].detail;
        slices[i].detail = copy_detail(state->arena, detail);
        if (detail != NULL && slices[i].detail == NULL)
            return NIP_E_NOMEM;
    }
    return 0;
}

/* Room for `more` slices behind those that are there. */
static int reserve(nip__track *track, size_t more)
{
    if (track->count + more <= track->capacity)
        return 0;
    size_t capacity = track->capacity * 2 > track->count + more ? track->capacity * 2 : track->count + more;
    nip__slice *grown = nip__realloc(track->items, capacity * sizeof *grown);
    if (grown == NULL)
        return NIP_E_NOMEM;
    track->items = grown;
    track->capacity = capacity;
    return 0;
}

/* Slices whose details are the state's own already: what is there from the first of them on is moved to the end of the room, and both are merged
 * from there. Appending, which is the rule, moves nothing. */
static void weave(nip__track *track, const nip__slice *slices, size_t count)
{
    size_t at = nip__track_past(track, slices[0].index), tail = track->count - at, old = track->capacity - tail, next = 0;
    memmove(&track->items[old], &track->items[at], tail * sizeof *slices);
    while (old < track->capacity || next < count) {
        const nip__slice *mine = old < track->capacity ? &track->items[old] : NULL, *given = next < count ? &slices[next] : NULL;
        bool takes_mine = mine != NULL && (given == NULL || mine->index <= given->index);
        bool takes_given = given != NULL && (mine == NULL || given->index <= mine->index);
        track->items[at++] = takes_mine && takes_given ? joined(mine, given) : takes_mine ? *mine : *given;
        old += takes_mine;
        next += takes_given;
    }
    track->count = at;
}

int nip__state_put(nip__state *state, const nip__track_key *key, const nip__slice *slices, size_t count, nip_error **err)
{
    nip__track *track = NULL;
    if (count == 0)
        return 0;
    if (state->slices + count > NIP__STATE_SLICES_MAX)
        return nip__fail(err, NIP_E_LIMIT, "more than %d slices", NIP__STATE_SLICES_MAX);
    int rc = find_track(state, key, &track, err);
    if (rc < 0)
        return rc;
    nip__slice *own = nip__calloc(count, sizeof *own);
    if (own == NULL)
        return nip__nomem(err);
    memcpy(own, slices, count * sizeof *own);
    rc = own_details(state, own, count);
    if (rc == 0)
        rc = reserve(track, count);
    if (rc == 0) {
        state->slices -= track->count;
        weave(track, own, count);
        state->slices += track->count;
    }
    nip__free(own);
    return rc < 0 ? nip__nomem(err) : 0;
}

/* ---- several ---- */

int nip__state_merge(nip__state *state, const nip__state *from, nip_error **err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < from->count; i++)
        rc = nip__state_put(state, &from->tracks[i].key, from->tracks[i].items, from->tracks[i].count, err);
    return rc;
}

static void note_conflict(nip__state_conflicts *conflicts, const nip__track_key *key, const nip__slice *slice)
{
    if (conflicts->count == 0)
        *conflicts = (nip__state_conflicts){.key = key, .first = slice->index};
    conflicts->count++;
}

/* Runs of slices that change something go over as they are. */
static int compare_track(const nip__track *there, const nip__track *track, nip__state *news, nip__state_conflicts *conflicts, nip_error **err)
{
    size_t begin = 0, mine = there != NULL && track->count > 0 ? nip__track_past(there, track->items[0].index) : 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < track->count; i++) {
        const nip__slice *slice = &track->items[i];
        while (there != NULL && mine < there->count && there->items[mine].index < slice->index)
            mine++;
        const nip__slice *known = there != NULL && mine < there->count && there->items[mine].index == slice->index ? &there->items[mine] : NULL;
        nip__slice both = known != NULL ? joined(known, slice) : *slice;
        bool changes = known == NULL || both.revision != known->revision || !nip__slice_equal(&both, known);
        if (both.conflict && changes)
            note_conflict(conflicts, &track->key, slice);
        if (changes && !both.conflict)
            continue;
        rc = nip__state_put(news, &track->key, &track->items[begin], i - begin, err);
        begin = i + 1;
    }
    return rc < 0 ? rc : nip__state_put(news, &track->key, &track->items[begin], track->count - begin, err);
}

int nip__state_compare(const nip__state *state, const nip__state *from, nip__state *news, nip__state_conflicts *conflicts, nip_error **err)
{
    int rc = 0;
    *conflicts = (nip__state_conflicts){0};
    for (size_t i = 0; rc == 0 && i < from->count; i++)
        rc = compare_track(nip__state_track(state, &from->tracks[i].key), &from->tracks[i], news, conflicts, err);
    return rc;
}

/* ---- corrections ---- */

static int revise_track(const nip__track *track, int64_t revision, nip__state *out, nip_error **err)
{
    nip__slice *revised = nip__calloc(track->count + 1, sizeof *revised);
    if (revised == NULL)
        return nip__nomem(err);
    for (size_t i = 0; i < track->count; i++) {
        revised[i] = track->items[i];
        revised[i].revision = revision;
    }
    int rc = nip__state_put(out, &track->key, revised, track->count, err);
    nip__free(revised);
    return rc;
}

int nip__state_revise(const nip__state *from, int64_t revision, nip__state *out, nip_error **err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < from->count; i++)
        rc = revise_track(&from->tracks[i], revision, out, err);
    return rc;
}
