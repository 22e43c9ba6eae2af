/* What a store knows of its subjects at this moment: their runs, the latest one's status, what is released, who drives. */
#ifndef NIP__OVERVIEW_H
#define NIP__OVERVIEW_H

#include "doc/value.h"
#include "nipops/store.h"

typedef struct nip__standing nip__standing;
struct nip__standing {
    const char *subject;
    int64_t records;           /* in its journal */
    const nip__value *runs;    /* list, newest first; empty: its journal has notes only */
    const nip__value *status;  /* of the latest run; NULL: none */
    const char *waits_for;     /* what the latest run waits for: "approval", "window", "data", "time"; NULL: it does not wait */
    const nip__value *release; /* NULL: nothing was released */
    const nip__value *lease;   /* NULL: nobody ever drove it */
    const nip__value *shares;  /* version -> percent, as last read back or as released; NULL: not known */
    nip__standing *next;
};

/* All subjects by name, in `arena`; *first is NULL when there is none. */
int nip__overview_read(nip__arena *arena, nip_store *store, nip_time now, nip__standing **first, nip_error **err);

#endif
