/* A report of an SLA (docs/formats.md) for people: Markdown. */
#ifndef NIP__SLA_REPORT_TEXT_H
#define NIP__SLA_REPORT_TEXT_H

#include "base/buffer.h"
#include "doc/value.h"

void nip__sla_report_markdown(nip__buffer *out, const nip__value *report);
/* "29d21h", "1h30m", "-42s", "0s" of ms; a day is 24 hours. */
void nip__sla_report_ms(nip__buffer *out, int64_t ms);

#endif
