/* A report of an SLA (docs/formats.md) as one page of HTML that needs nothing from elsewhere. */
#ifndef NIP__SLA_REPORT_HTML_H
#define NIP__SLA_REPORT_HTML_H

#include "base/buffer.h"
#include "doc/value.h"

/* Of a JSON value that somebody else may have made: what is not there or of another kind is said to be unknown, and makes no picture. */
void nip__sla_report_html(nip__buffer *out, const nip__value *report);

/* ---- report_picture.c ---- */

/* Value and bounds of an objective against its target. */
void nip__sla_picture_bounds(nip__buffer *out, const nip__value *answer);
/* A quantile's interval against its limit. */
void nip__sla_picture_quantile(nip__buffer *out, const nip__value *quantile);
/* How the budget was spent, and how fast, with what else happened. */
void nip__sla_picture_history(nip__buffer *out, const nip__value *report, const nip__value *answer);

#endif
