/* Rules for Prometheus that alert on burn rates as a contract's pairs say: recording rules for the share of bad things in each window, and alerts on two of them.
 *
 * They are told as YAML: {"groups": [{"name", "rules": [{"record" | "alert", "expr", "for", "labels", "annotations"}]}]}. Series that are not there
 * make no alert on a burn rate, but one of their own. */
#ifndef NIP__SLA_RULES_H
#define NIP__SLA_RULES_H

#include "sla/contract.h"

/* NIP_E_INVALID: an objective that Prometheus cannot be asked about (nothing is asked, or instances agree in a way that has no expression), or one without a
 * budget; NIP_E_LIMIT, NIP_E_NOMEM. */
int nip__sla_rules_write(nip__buffer *out, const nip__contract *contract, nip_error **err);

/* ---- rules_ratio.c ---- */

/* The share of what is bad of an indicator in a window: an expression without labels. Nothing where nothing is known. */
int nip__sla_rules_ratio(nip__buffer *out, const nip__indicator *indicator, int64_t window_ms, nip_error **err);
/* How many events were bad, or how many seconds, in a window. */
int nip__sla_rules_bad(nip__buffer *out, const nip__indicator *indicator, int64_t window_ms, nip_error **err);
/* The selector whose series must be there. */
const char *nip__sla_rules_watched(const nip__indicator *indicator);
/* One that no range can be written behind: it is more than a name and labels. NULL: there is none. */
const char *nip__sla_rules_odd(const nip__indicator *indicator);

/* factor * (1 - target) as a decimal: exact where it has at most twelve places, else the nearest of twelve. */
void nip__sla_rules_threshold(nip__buffer *out, nip__ratio factor, nip__ratio target);

#endif
