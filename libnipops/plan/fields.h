/* The plan document's schema: what docs/formats.md says, as tables. */
#ifndef NIP__PLAN_FIELDS_H
#define NIP__PLAN_FIELDS_H

#include "doc/schema.h"

extern const nip__field nip__plan_fields[];

#endif
