/* Who is told that a run has ended, and how: one entry of a document's on_end. */
#ifndef NIP__NOTICE_H
#define NIP__NOTICE_H

#include "doc/schema.h"

extern const nip__field nip__notice_fields[];
extern const nip__field nip__notice_item; /* a map of these */

/* What a schema cannot say of one. */
void nip__notice_check(const nip__value *notice, const char *path, const char *file, nip__problems *problems);
/* A document as plans and release records bear it: a body is text there, since a map of it that has a key "from" or "after" would be read
 * as a reference of the plan. */
const nip__value *nip__notices_for_plan(nip__arena *arena, const nip__value *document);
/* Is it about runs that end in this state? */
bool nip__notice_wants(const nip__value *notice, const char *state);
/* "POST https://hooks.example" or "./tell", without what may be secret: addresses of hooks are. */
const char *nip__notice_label(nip__arena *arena, const nip__value *notice);
nip_duration nip__notice_timeout(const nip__value *notice);

#endif
