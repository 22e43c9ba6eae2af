/* The inside of collecting, shared by collect.c (asking) and collect_result.c (what is told). */
#ifndef NIP__COLLECT_INSIDE_H
#define NIP__COLLECT_INSIDE_H

#include "op/collect.h"
#include "op/operation.h"
#include "op/retention.h"
#include "op/samples.h"

/* One indicator that is asked. */
typedef struct nip__collected {
    const nip__indicator *indicator;
    int64_t first, end; /* slices that touch what was asked */
    int64_t final;      /* those before it are final */
    int64_t next;       /* the first one that was not asked yet */
    int64_t at_once;    /* slices */
    nip__sampled sum;   /* without a state */
} nip__collected;

typedef struct nip__collect {
    nip_op op;
    nip__arena *arena; /* of texts */
    const nip__contract *contract;
    nip__ms begin, end;
    nip_time began;
    nip__retention retention;
    bool asked_retention;
    nip__collected *items;
    size_t count;
    size_t at; /* item */
    nip__state *state;
    /* a part of an item's slices, while they are asked */
    nip__samples samples;
    nip__sampled part;
    int64_t part_end;
    bool busy, answered;
    nip__samples_end answer;
} nip__collect;

/* What the server has dropped, or never had, told of an item that is over. */
void nip__collect_tell_retention(nip__collect *self, nip__collected *item);
int nip__collect_write(nip__collect *self, char **json, nip_error **err);

#endif
