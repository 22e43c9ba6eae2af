/* What was measured, slice by slice: a state that grows from pages and merges with others, in any order, to the same bytes.
 *
 * A track is what one stream (an instance, an observer, a shard) says of one indicator, as it was defined. Each of its slices has a revision: of
 * two that say something about the same slice the higher revision counts; where two of one revision say different things, they are in conflict:
 * neither is believed, until a higher one says what it was. So merging is associative, commutative and idempotent.
 *
 * Time is up, down or unknown by runs of ms. Events are good, bad or unsure, where asked by buckets too. What no slice is about is not known. */
#ifndef NIP__STATE_H
#define NIP__STATE_H

#include <stdbool.h>

#include "base/arena.h"
#include "sla/counts.h"
#include "sla/timeline.h"

enum {
    NIP__DEFINITION_SIZE = 65,      /* of an indicator: 64 hexadecimal digits and a NUL */
    NIP__STREAM_SIZE = 129,         /* its name, at most 128 bytes, and a NUL */
    NIP__STATE_SLICES_MAX = 20000000,
    NIP__STATE_TRACKS_MAX = 10000,
    NIP__SLICE_MS_MAX = 3600000,
};
#define NIP__REVISION_MAX INT64_C(9007199254740991)
#define NIP__SLICE_INDEX_MAX INT64_C(9007199254740991)

typedef enum nip__track_kind {
    NIP__TRACK_TIME,
    NIP__TRACK_EVENTS,
    NIP__TRACK_LATENCY, /* events with some unsure, and by buckets where asked */
} nip__track_kind;

typedef struct nip__track_key {
    char indicator[NIP__DEFINITION_SIZE]; /* hash of its definition */
    char stream[NIP__STREAM_SIZE];        /* "": the only one */
    nip__track_kind kind;
    int64_t slice_ms; /* divides an hour */
} nip__track_key;

/* What cannot stand in three numbers: the runs of a slice of time, or the counts of one by bucket. Immutable, in the state's arena. */
typedef struct nip__slice_detail {
    size_t count;
    struct {
        double bound;  /* of a bucket; of a run: how things stood (nip__standing) */
        int64_t value; /* events in it; ms of the run */
    } items[];
} nip__slice_detail;

typedef struct nip__slice {
    int64_t index;    /* it is [index * slice_ms, (index + 1) * slice_ms) */
    int64_t revision;
    int64_t good, bad, unsure; /* events; of time: ms up, down, unknown. In conflict: all 0 */
    bool conflict;
    const nip__slice_detail *detail; /* NULL: one run, or no counts by bucket */
} nip__slice;

typedef struct nip__track {
    nip__track_key key;
    nip__slice *items; /* by index */
    size_t count, capacity;
} nip__track;

typedef struct nip__state {
    nip__arena *arena; /* of details */
    nip__track *tracks; /* by indicator, stream, kind, slice */
    size_t count, capacity;
    size_t slices; /* of all tracks */
} nip__state;

int nip__state_new(nip__state **state, nip_error **err);
void nip__state_free(nip__state *state); /* NULL is fine */

/* Makes a key. NIP_E_INVALID: the definition is no hash, the stream is too long or no text, the slice does not divide an hour. */
int nip__track_key_make(const char *indicator, const char *stream, nip__track_kind kind, int64_t slice_ms, nip__track_key *key, nip_error **err);

/* Takes slices in, which are known then; by index, rising. `detail` is copied. NIP_E_LIMIT, NIP_E_NOMEM: part of them may have been taken in. */
int nip__state_put(nip__state *state, const nip__track_key *key, const nip__slice *slices, size_t count, nip_error **err);
/* ... as counters gave them. */
int nip__state_put_counts(nip__state *state, const nip__track_key *key, int64_t revision, const nip__count_slices *slices, nip_error **err);
/* ... of time: whole slices [first, end) of a timeline; what lies outside of it is unknown in them. */
int nip__state_put_timeline(nip__state *state, const nip__track_key *key, int64_t revision, const nip__timeline *timeline, int64_t first, int64_t end,
                            nip_error **err);
/* Takes all of another state in. */
int nip__state_merge(nip__state *state, const nip__state *from, nip_error **err);

/* What of `from` would change `state`: into `news`, which is empty. `conflicts` is how many slices would be in conflict, `first` the first of them; they are no news. */
typedef struct nip__state_conflicts {
    size_t count;
    const nip__track_key *key; /* of `from` */
    int64_t first;
} nip__state_conflicts;
int nip__state_compare(const nip__state *state, const nip__state *from, nip__state *news, nip__state_conflicts *conflicts, nip_error **err);

/* All slices of `from` with another revision, into `out`, which is empty. 0, NIP_E_LIMIT, NIP_E_NOMEM. */
int nip__state_revise(const nip__state *from, int64_t revision, nip__state *out, nip_error **err);

/* NULL: there is none. */
const nip__track *nip__state_track(const nip__state *state, const nip__track_key *key);
/* The first track of an indicator of this kind and slice, by its place among all; `count` of them follow one another. */
size_t nip__state_tracks(const nip__state *state, const char *indicator, size_t *first);
/* The place of the first slice at or behind `index`. */
size_t nip__track_past(const nip__track *track, int64_t index);
/* Do two slices say the same? Revisions aside. */
bool nip__slice_equal(const nip__slice *a, const nip__slice *b);

#endif
