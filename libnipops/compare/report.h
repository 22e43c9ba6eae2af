/* What a run's comparison found, folded from its journal and written for people or programs. */
#ifndef NIP__COMPARE_REPORT_H
#define NIP__COMPARE_REPORT_H

#include "doc/value.h"
#include "store/store.h"

/* The report as a map of docs/formats.md ("Report"), in `arena`. NIP_E_NOTFOUND: no such run, or it compares nothing. */
int nip__report_fold(nip_store *store, const char *id, nip__arena *arena, nip__value **report, nip_error **err);

void nip__report_write_text(nip__buffer *out, const nip__value *report);
void nip__report_write_html(nip__buffer *out, const nip__value *report);

/* Seconds for people, "4.2 ms". */
void nip__report_seconds(nip__buffer *out, double seconds);
/* "12 of 200 requests (6 %), at most 0 %". */
void nip__report_mismatches(nip__buffer *out, const nip__value *comparison);
/* One rule of the advice, as it is written into a document: {"pointer":"/made_at"}. */
void nip__report_rule(nip__buffer *out, const nip__value *rule);
/* "method POST: 40, beyond max_requests: 2"; nothing for an empty map. */
void nip__report_counts(nip__buffer *out, const nip__value *counts);

#endif
