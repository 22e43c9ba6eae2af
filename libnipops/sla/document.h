/* The sla document: what is measured of a service, what was promised of it, and what does not count. */
#ifndef NIP__SLA_DOCUMENT_H
#define NIP__SLA_DOCUMENT_H

#include "doc/doc.h"
#include "sla/decimal.h"

enum { NIP__SLA_INDICATORS_MAX = 1000, NIP__SLA_OBJECTIVES_MAX = 1000, NIP__SLA_NAME_MAX = 120 };

extern const nip__field nip__sla_fields[]; /* top-level key included */

/* Other accepted forms of it: with `service_level_agreements`, `compliance`, `monitoring`, `zone` and `indicators` at the top. */
nip__value *nip__sla_adapt(nip__arena *arena, const nip__value *root, const char *file, nip__problems *problems);
/* What the schema cannot say. */
void nip__sla_check(const nip__value *normalized, const nip__value *original, const char *file, nip__problems *problems);

/* Percentages and decimals as documents have them: numbers, or texts such as "99.95 %". The number's shortest text is what was meant. */
bool nip__sla_percentage(const nip__value *value, nip__ratio *ratio);
bool nip__sla_decimal(const nip__value *value, nip__decimal *decimal);

/* ">= 1": a comparison as its two parts. `comparison` is an index of nip__sla_comparisons. */
extern const char *const nip__sla_comparisons[];
bool nip__sla_comparison(const char *text, int *comparison, double *number);

#endif
