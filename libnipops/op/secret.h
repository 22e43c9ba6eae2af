/* Secrets stand in documents by reference only, {env: NAME} or {file: PATH}, and are read when they are used. */
#ifndef NIP__SECRET_H
#define NIP__SECRET_H

#include "doc/value.h"

/* Appends what `value` refers to, without a line break at its end; a plain string stands for itself. `what` names
 * it in messages, which never tell its content. NIP_E_NOTFOUND, NIP_E_IO, NIP_E_LIMIT, NIP_E_INVALID (empty, or not
 * text). */
int nip__secret_read(const nip__value *value, const char *what, nip__buffer *buffer, nip_error **err);

/* The headers of a document, {name: text | {env: ..} | {file: ..}}, as a list of "name: value" that ends with NULL,
 * in `arena`. */
int nip__secret_headers(nip__arena *arena, const nip__value *headers, const char *const **list, nip_error **err);

#endif
