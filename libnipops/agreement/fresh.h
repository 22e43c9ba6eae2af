/* What comes from outside as rows, made slices of a state. */
#ifndef NIP__FRESH_H
#define NIP__FRESH_H

#include "sla/contract.h"
#include "sla/rows.h"

typedef struct nip__fresh {
    const nip__indicator *indicator;
    nip__ms begin, end; /* what the rows are about: whole slices; begin >= end: not told */
    int64_t revision;
    const char *name;   /* where they come from, for messages */
} nip__fresh;

/* Puts them into `state`. The rows are sorted. NIP_E_INVALID: rows outside of [begin, end), or of another kind than the indicator; NIP_E_LIMIT, NIP_E_NOMEM. */
int nip__fresh_take(nip__state *state, const nip__fresh *fresh, nip__sla_rows *rows, nip_error **err);

/* Is a value up, as the indicator has it? NaN: unknown. */
nip__standing nip__indicator_standing(const nip__indicator *indicator, double value);

#endif
