/* The health document, and the parts of its schema that rollouts, checks and drivers share. */
#ifndef NIP__HEALTH_DOCUMENT_H
#define NIP__HEALTH_DOCUMENT_H

#include "doc/doc.h"

extern const nip__field nip__health_fields[]; /* the `health:` part of a rollout document */
extern const nip__field nip__expect_fields[]; /* what makes an answer good; read by health/expect.h */
extern const nip__field nip__tls_fields[];    /* ca_file, cert_file, key_file, server_name */
extern const nip__field nip__header_item;     /* a header's value: text, or {env: NAME} or {file: PATH} */
extern const nip__field nip__text_item;       /* any text that is not empty */

/* What a schema cannot say of `health` (any map with keys of nip__health_fields): pointers, header values. */
void nip__health_check_part(const nip__value *health, const char *path, const char *file, nip__problems *problems);

#endif
