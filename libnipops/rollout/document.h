/* The rollout document: its schema, and how the other accepted spellings become the schema's. */
#ifndef NIP__ROLLOUT_DOCUMENT_H
#define NIP__ROLLOUT_DOCUMENT_H

#include "doc/doc.h"

extern const nip__field nip__rollout_document_fields[]; /* top-level key included */

nip__value *nip__rollout_adapt(nip__arena *arena, const nip__value *root, const char *file, nip__problems *problems);
void nip__rollout_check(const nip__value *normalized, const nip__value *original, const char *file,
                        nip__problems *problems);

#endif
