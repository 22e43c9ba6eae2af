/* Targets that deal in ports: whether as many are free as a plan is about to need. */
#ifndef NIP__PORTS_H
#define NIP__PORTS_H

#include "doc/value.h"

/* What `target/observe` is asked with `ports_needed`: where `ports_free` of its result is less, `problems` says which ports were looked
 * at and what would mend it. */
void nip__ports_judge(nip__arena *arena, const nip__value *args, const char *host, int first, int last, nip__value *result);

#endif
