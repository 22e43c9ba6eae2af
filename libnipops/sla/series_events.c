/* Streams of events brought together, slice by slice. */
#include "base/memory.h"
#include "base/text.h"
#include "sla/series_inside.h"

/* What streams say of a slice so far. */
typedef struct place {
    int32_t reporting; /* streams that have reported before it and after it, or in it */
    int32_t knowing;
} place;

static int allocate(nip__series *series, place **places, nip_error **err)
{
    int64_t **const arrays[] = {&series->good, &series->bad, &series->unsure, &series->known, &series->conflict};
    bool nomem = false;
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        *arrays[i] = nip__calloc(series->count + 1, sizeof **arrays[i]);
        nomem = nomem || *arrays[i] == NULL;
    }
    *places = nip__calloc(series->count + 1, sizeof **places);
    return nomem || *places == NULL ? nip__nomem(err) : 0;
}

static void take(nip__series *series, place *places, const nip__slice *slice, bool prefer)
{
    size_t at = (size_t)(slice->index - series->first);
    if (slice->conflict)
        series->conflict[at]++;
    if (slice->conflict || (prefer && places[at].knowing > 0))
        return;
    series->good[at] += slice->good;
    series->bad[at] += slice->bad;
    series->unsure[at] += slice->unsure;
    places[at].knowing++;
}

/* Between its first slice and its last one a stream reports, so that what it lacks there is missing. */
static void note_reporting(const nip__series *series, place *places, const nip__track *track)
{
    int64_t first = track->items[0].index - series->first, end = track->items[track->count - 1].index + 1 - series->first;
    first = first < 0 ? 0 : first;
    end = end > (int64_t)series->count ? (int64_t)series->count : end;
    for (int64_t i = first; i < end; i++)
        places[i].reporting++;
}

static void add_track(nip__series *series, place *places, const nip__track *track)
{
    int64_t end = series->first + (int64_t)series->count;
    if (track == NULL || track->count == 0 || !nip__series_has(series, track))
        return;
    note_reporting(series, places, track);
    for (size_t i = nip__track_past(track, series->first); i < track->count && track->items[i].index < end; i++)
        take(series, places, &track->items[i], series->indicator->events_prefer);
}

static const nip__track *track_of(const nip__series *series, const char *stream)
{
    const nip__track *tracks = &series->state->tracks[series->first_track];
    for (size_t i = 0; i < series->track_count; i++) {
        if (nip__text_equal(tracks[i].key.stream, stream) && nip__series_has(series, &tracks[i]))
            return &tracks[i];
    }
    return NULL;
}

/* The declared ones first, in their order, which is that of preference; then the others, by name. */
static void add_tracks(nip__series *series, place *places)
{
    const nip__indicator *indicator = series->indicator;
    for (size_t i = 0; i < indicator->instance_count; i++)
        add_track(series, places, track_of(series, indicator->instances[i].name));
    for (size_t i = 0; i < series->track_count; i++) {
        const nip__track *track = &series->state->tracks[series->first_track + i];
        bool declared = false;
        for (size_t k = 0; k < indicator->instance_count; k++)
            declared = declared || nip__text_equal(indicator->instances[k].name, track->key.stream);
        if (!declared)
            add_track(series, places, track);
    }
}

/* From what is in each slice to what is in all before it. */
static void cumulate(nip__series *series, const place *places)
{
    int64_t *const arrays[] = {series->good, series->bad, series->unsure, series->known, series->conflict};
    int64_t sums[5] = {0};
    for (size_t i = 0; i < series->count; i++) {
        bool known = series->indicator->events_prefer ? places[i].knowing > 0 : places[i].knowing > 0 && places[i].knowing == places[i].reporting;
        int64_t here[] = {series->good[i], series->bad[i], series->unsure[i], 1, series->conflict[i]};
        for (size_t k = 0; k < 5; k++) {
            arrays[k][i] = sums[k];
            sums[k] += known || k == 4 ? here[k] : 0;
        }
    }
    for (size_t k = 0; k < 5; k++)
        arrays[k][series->count] = sums[k];
}

int nip__series_open_events(nip__series *series, nip_error **err)
{
    int64_t slice = series->indicator->slice_ms;
    int64_t first = series->begin / slice + (series->begin % slice > 0), end = series->end / slice - (series->end % slice < 0);
    place *places = NULL;
    if (end - first > NIP__COUNTS_SLICES_MAX)
        return nip__fail(err, NIP_E_LIMIT, "%lld slices at once: at most %d are judged", (long long)(end - first), NIP__COUNTS_SLICES_MAX);
    series->first = first;
    series->count = end > first ? (size_t)(end - first) : 0;
    int rc = allocate(series, &places, err);
    if (rc == 0) {
        add_tracks(series, places);
        cumulate(series, places);
    }
    nip__free(places);
    return rc;
}
