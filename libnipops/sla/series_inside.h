/* Inside of a series. */
#ifndef NIP__SERIES_INSIDE_H
#define NIP__SERIES_INSIDE_H

#include "sla/series.h"

struct nip__series {
    const nip__state *state;
    const nip__indicator *indicator;
    nip__ms begin, end;
    int64_t hold_ms;
    size_t first_track, track_count; /* of the state's */
    int64_t conflicts;               /* of time */
    /* events: whole slices [first, first + count), cumulated: count + 1 of each */
    int64_t first;
    size_t count;
    int64_t *good, *bad, *unsure, *known, *conflict;
    /* time, from `begin` less `hold_ms` on */
    nip__timeline timeline;
};

/* Is it a track of the series' kind? The indicator's definition says as what it is kept, so others are strangers. */
bool nip__series_has(const nip__series *series, const nip__track *track);
/* Is a slice of events known, all streams together? By its place. */
bool nip__series_knows(const nip__series *series, size_t place);
/* Whole slices in [begin, end), as places in the arrays; 0 when there are none. */
size_t nip__series_places(const nip__series *series, nip__span span, size_t *first);

int nip__series_open_events(nip__series *series, nip_error **err);
int nip__series_open_time(nip__series *series, nip_error **err);

#endif
