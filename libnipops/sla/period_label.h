/* How periods are named. */
#ifndef NIP__PERIOD_LABEL_H
#define NIP__PERIOD_LABEL_H

#include "sla/period.h"

typedef struct nip__period_name {
    nip__period_kind kind;
    int64_t day;       /* of the calendar: one inside of it, days since the epoch */
    int64_t length_ms; /* of a rolling one */
    nip__ms end;
} nip__period_name;

/* False: it is no label. Whether there is such a period in a zone it does not say. */
bool nip__period_label_read(const char *text, nip__period_name *name);
/* `first`: its first day. */
void nip__period_label_write(nip__period_kind kind, int64_t ordinal, int64_t first, char label[NIP__PERIOD_LABEL_SIZE]);
/* 0 or NIP_E_NOMEM. */
int nip__period_label_write_rolling(int64_t length_ms, nip__ms end, char label[NIP__PERIOD_LABEL_SIZE]);

#endif
