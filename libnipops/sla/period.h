/* Periods that service levels are judged by: days, weeks, months, quarters and years of the calendar in a zone, and rolling ones.
 *
 * A period of the calendar begins when the clocks of its zone first show midnight of its first day, and ends when the next one begins. Where
 * clocks are set forward over a midnight, it is the instant of that change; where they are set back over one, the first of the two. Its
 * length is the difference of two instants, never a number of days: March has 743 hours in Berlin. A rolling one has days of exactly 86400 s. */
#ifndef NIP__PERIOD_H
#define NIP__PERIOD_H

#include "base/buffer.h"
#include "base/zone.h"
#include "sla/span.h"

typedef enum nip__period_kind {
    NIP__PERIOD_DAY,
    NIP__PERIOD_WEEK, /* from Monday, as ISO 8601 counts them */
    NIP__PERIOD_MONTH,
    NIP__PERIOD_QUARTER,
    NIP__PERIOD_YEAR,
    NIP__PERIOD_ROLLING,
} nip__period_kind;

typedef enum nip__boundary_form {
    NIP__BOUNDARY_PLAIN,
    NIP__BOUNDARY_IN_GAP,  /* clocks never showed this midnight */
    NIP__BOUNDARY_IN_FOLD, /* they showed it twice */
} nip__boundary_form;

typedef struct nip__boundary {
    nip__ms at;
    int32_t offset; /* seconds east of UTC from this instant on */
    nip__boundary_form form;
} nip__boundary;

enum { NIP__PERIOD_LABEL_SIZE = 64 };

typedef struct nip__period {
    nip__period_kind kind;
    int64_t ordinal;          /* of the calendar: counts the periods of this kind */
    nip__boundary begin, end; /* half-open, begin.at < end.at */
    /* "2026-03-29", "2026-W13", "2026-03", "2026-Q1", "2026", "30d/2026-03-31T22:00:00Z" (so much of time, up to then) */
    char label[NIP__PERIOD_LABEL_SIZE];
} nip__period;

/* "day", ... "rolling". Static. */
const char *nip__period_kind_name(nip__period_kind kind);
bool nip__period_kind_read(const char *text, nip__period_kind *kind);

/* The period of the calendar that holds an instant. NIP_E_INVALID: for years before 1678 and after 2261, which no nip_time reaches. */
int nip__period_holding(const nip__zone *zone, nip__period_kind kind, nip__ms at, nip__period *period, nip_error **err);
/* By its label. NIP_E_INVALID for what is none, and for a day that a zone left out (2011-12-30 in Apia). */
int nip__period_named(const nip__zone *zone, const char *label, nip__period *period, nip_error **err);
/* The `length_ms` before `end`; 1 ms to 3660 days. */
int nip__period_rolling(const nip__zone *zone, int64_t length_ms, nip__ms end, nip__period *period, nip_error **err);
/* As people ask for one at `now`: a label, "this-month", "last-week" (with day, week, month, quarter, year), or "30d": so much up to now. */
int nip__period_asked(const nip__zone *zone, const char *text, nip__ms now, nip__period *period, nip_error **err);
/* The one that ends where this one begins, and the one that begins where it ends. `period` and `other` may be the same. */
int nip__period_before(const nip__zone *zone, const nip__period *period, nip__period *other, nip_error **err);
int nip__period_after(const nip__zone *zone, const nip__period *period, nip__period *other, nip_error **err);

/* A change of a zone's offset. */
typedef struct nip__offset_change {
    nip__ms at;
    int32_t before, after; /* seconds east of UTC */
} nip__offset_change;

/* The first one later than `after` and inside of the period: not at its boundaries, whose own offsets tell of those. False: there is none. */
bool nip__period_change(const nip__zone *zone, const nip__period *period, nip__ms after, nip__offset_change *change);

#endif
