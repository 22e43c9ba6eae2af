/* Where increments of counters go: each is entered once, and ends in a slice, or among what is told of those that did not.
 *
 * Open it; `watch` all series, since births and known slices depend on all of them; then enter the increments; then close it. */
#ifndef NIP__LEDGER_H
#define NIP__LEDGER_H

#include "sla/counts.h"

typedef enum nip__ledger_column {
    NIP__LEDGER_TOTAL,
    NIP__LEDGER_GOOD,
    NIP__LEDGER_BAD,
    NIP__LEDGER_COLUMNS,
} nip__ledger_column;

typedef struct nip__ledger {
    nip__counts_range range;
    size_t count; /* slices */
    int64_t *columns[NIP__LEDGER_COLUMNS]; /* NULL: not kept. Of good and bad, what is not kept is the rest of the total */
    uint32_t *gaps;   /* by slice: how many gaps begin less how many ended, so that sums say how many lie over it */
    bool *marred;     /* slices with buckets that fall */
    nip__spans covered; /* by the total side; both sets half-open at the other end than slices are: (begin, end] */
    nip__spans watched; /* instants at which the birth of a series would not be missed */
    nip__counts_told told;
    bool full, nomem; /* sticky */
} nip__ledger;

/* `good`, `bad`: which columns are kept. */
int nip__ledger_open(nip__ledger *ledger, const nip__counts_range *range, bool good, bool bad, nip_error **err);
/* The series' instants rise and its values are whole numbers. */
int nip__ledger_check(const nip__counter_series *series, nip_error **err);
/* Takes note of when a series was sampled. `covers`: it is of the total side. */
void nip__ledger_watch(nip__ledger *ledger, const nip__counter_series *series, bool covers);
/* Does what a series, which has one, has counted by its first sample count? */
bool nip__ledger_born(nip__ledger *ledger, const nip__counter_series *series);
/* Enters what happened in (before, at]. */
void nip__ledger_enter(nip__ledger *ledger, nip__ledger_column column, nip__ms before, nip__ms at, int64_t events);
/* The place of what happened at or just before `at` among the slices asked; -1: it is none of them. */
int64_t nip__ledger_place(const nip__ledger *ledger, nip__ms at);
/* Finds the known slices, and what is hidden in others. 0 or what failed since it was opened; `out` as far as it came then. */
int nip__ledger_close(nip__ledger *ledger, nip__count_slices *out, nip_error **err);
void nip__ledger_clear(nip__ledger *ledger);

#endif
