/* Service credits: what a breached contract gives back. Tiers are half-open on the value that was not rounded: a value of exactly a tier's bound
 * is not below it. */
#ifndef NIP__CREDIT_H
#define NIP__CREDIT_H

#include <stddef.h>

#include "sla/judge.h"

typedef struct nip__credit_tier {
    nip__ratio below;  /* a value below this ... */
    nip__ratio credit; /* ... gives this share of the fee */
} nip__credit_tier;

typedef struct nip__credit_terms {
    const nip__credit_tier *tiers; /* `below` falls from one to the next */
    size_t count;
    int64_t fee;     /* of the period in minor units of its currency (cents); 0: not stated, shares only */
    int64_t minimum; /* an amount below this is not paid */
    nip__ratio cap;  /* most of the fee that is given back; num 0: no cap of its own */
} nip__credit_terms;

typedef struct nip__credit {
    nip__ratio share;  /* of the fee; num 0: none */
    int64_t amount;    /* minor units, rounded down; 0 where no fee is stated */
} nip__credit;

/* Of one value; what has no value gives nothing. */
nip__credit nip__credit_of(const nip__credit_terms *terms, nip__sla_share value);

#endif
