/* Parts of a contract as they are read from the normalized document. */
#ifndef NIP__CONTRACT_INSIDE_H
#define NIP__CONTRACT_INSIDE_H

#include "sla/contract.h"

/* Each fills in what the document's part says; texts are borrowed from it, the rest is in the arena. 0 or NIP_E_NOMEM. */
int nip__contract_read_indicator(nip__arena *arena, const nip__value *value, nip__indicator *indicator, nip_error **err);
int nip__contract_read_objective(const nip__contract *contract, const nip__value *value, nip__objective *objective, nip_error **err);
int nip__contract_read_alerts(nip__contract *contract, const nip__value *alerts, nip_error **err);

/* SHA-256 of a value's JSON, as hexadecimal digits. 0 or NIP_E_NOMEM. */
int nip__definition_of(const nip__value *value, char definition[NIP__DEFINITION_SIZE], nip_error **err);

#endif
