/* The certificate of a period: where it begins and ends, by what, and what became of each ms of it. Whoever has the zone's file of that version can
 * check it: docs/formats.md, "Certificate of a period". */
#ifndef NIP__CERTIFICATE_H
#define NIP__CERTIFICATE_H

#include "doc/json.h"
#include "sla/exclusion.h"
#include "sla/judge.h"
#include "sla/period.h"

enum { NIP__CERTIFICATE_CHANGES_MAX = 100 }; /* of the offset that are listed one by one; all are counted */

/* Where a period lies. */
typedef struct nip__certified_period {
    const nip__period *period;
    const nip__zone *zone;
    const char *zone_name, *tzdata; /* "Europe/Berlin", "2025b" */
    nip__ms now;                    /* it is open if it ends later */
} nip__certified_period;

/* {label, kind, zone, tzdata, begin: {utc, local, midnight}, end, open, length, length_ms, offset_changes} */
void nip__certificate_write_period(nip__writer *writer, const char *key, const nip__certified_period *where);

typedef struct nip__certificate {
    nip__certified_period where;
    const char *objective;
    const char *definition;        /* hash of what was agreed, as text; NULL: not told */
    int64_t as_of;                 /* sequence of the last record that counts */
    const nip__sla_figures *figures;
    int64_t outside_hours_ms;      /* of what is excluded: what lies outside of service hours */
    const nip__exclusion_class *classes; /* as nip__exclusions_apply left them */
    size_t class_count;
} nip__certificate;

/* Period = excluded + covered + missing + ahead, to the ms, and none below 0: else NIP_E_INTERNAL, with the figures, and nothing is written. */
int nip__certificate_write(nip__writer *writer, const char *key, const nip__certificate *certificate, nip_error **err);

#endif
