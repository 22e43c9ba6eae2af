/* Exclusions: stretches of time that a contract does not count, such as announced maintenance.
 *
 * They are records that are only ever added. One says what is excluded, who says so and why; another one may revoke it by its id. A revoked
 * one counts for nothing from the revoking record on, but a report as of an earlier record still has it: what was reported
 * stays what it was, and what was corrected is seen beside it. */
#ifndef NIP__EXCLUSION_H
#define NIP__EXCLUSION_H

#include "sla/recurrence.h"

#define NIP__EXCLUSION_KIND "sla.exclusion" /* of records */

enum { NIP__EXCLUSIONS_MAX = 10000 };

typedef struct nip__exclusion {
    int64_t sequence;      /* of its record */
    nip_time recorded;
    const char *id, *who, *why;
    const char *class_name;        /* "maintenance"; NULL: it only revokes */
    const char *revokes;           /* an id; NULL: none */
    bool revoked;
    int64_t revoked_by;            /* sequence of the record that revokes it, if one does */
    const nip__value *objectives;  /* a list of names; NULL: all of them */
    bool recurs;
    nip__span once;                /* unless it recurs */
    nip__recurrence rule;          /* if it does */
} nip__exclusion;

typedef struct nip__exclusions {
    nip__arena *arena;
    nip__zones zones;
    nip__exclusion *items; /* in the order of their records */
    size_t count, capacity;
} nip__exclusions;

/* What a record says: {v, id, class, begin and end or recurrence, objectives, who, why, revokes}. */
extern const nip__field nip__exclusion_fields[];
/* Checks one and gives its normalized form, which is what a record bears. NIP_E_INVALID with all its problems. */
int nip__exclusion_check(nip__arena *arena, const nip__value *value, const char *file, nip__value **normalized, nip_error **err);

int nip__exclusions_new(nip__exclusions **list, nip_error **err);
void nip__exclusions_free(nip__exclusions *list); /* NULL is fine */
/* Takes a record in. Sequences ascend. NIP_E_SYNTAX, NIP_E_INVALID: its text is none, its id was given before, or it revokes what is not there or is
 * revoked already; NIP_E_LIMIT: there are too many. The list is unchanged then. */
int nip__exclusions_add(nip__exclusions *list, int64_t sequence, nip_time recorded, const char *payload, size_t length, nip_error **err);
/* The same for a value that was checked; copied. */
int nip__exclusions_add_value(nip__exclusions *list, int64_t sequence, nip_time recorded, const nip__value *normalized, nip_error **err);

/* Does it count for an objective, for who knows the records up to `as_of` (INT64_MAX: all)? */
bool nip__exclusion_counts(const nip__exclusion *one, const char *objective, int64_t as_of);
/* The union with its stretches in [begin, end). 0 or NIP_E_NOMEM; then part of them may have been added. */
int nip__exclusion_add_spans(const nip__exclusion *one, nip__ms begin, nip__ms end, nip__spans *out);

/* ---- what is excluded of a period: exclusion_apply.c ---- */

/* A class that a contract knows. */
typedef struct nip__exclusion_class {
    const char *name;
    int64_t max_ms; /* most that counts in a period, from its beginning on; negative: no limit */
    int64_t asked_ms, counted_ms; /* out: the class's stretches in the period, and what of them counts */
} nip__exclusion_class;

typedef struct nip__exclusion_question {
    const char *objective;
    int64_t as_of;
    nip__ms begin, end;
    nip__exclusion_class *classes; /* exclusions of other classes do not count; NULL: those of any class do, without a limit */
    size_t class_count;
} nip__exclusion_question;

/* Replaces `out` by what is excluded, to the ms. Events are kept in slices: for them snap it inward afterwards (nip__spans_snap_inward), so that
 * nothing is left out that happened outside. 0 or NIP_E_NOMEM; `out` is unchanged then. */
int nip__exclusions_apply(const nip__exclusions *list, const nip__exclusion_question *question, nip__spans *out);

#endif
